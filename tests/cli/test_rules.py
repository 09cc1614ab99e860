"""``holdoff rules try``: what would become of an event, and why; and nothing happens."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingress import payloads as p
from tests.ingress import shapes

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

FILE = """
[projects.site]
cooldown = "10m"
starter = { command = ["touch", "built"] }
[projects.docs]
cooldown = "10m"
starter = { command = ["touch", "built"] }
[[rules]]
when = { "repository.full_name" = "octo/site" }
project = "site"
[[rules]]
when = { "detail.repository-name" = "web" }
project = "docs"
environment = { TAG = "event.detail.image-tag" }
"""


@pytest.fixture
def event(cli: Cli) -> str:
    (cli.folder / "holdoff.toml").write_text(FILE)
    (cli.folder / "push.json").write_bytes(p.github_push().body)
    (cli.folder / "image.json").write_text(json.dumps(shapes.ecr()))
    return "push.json"


def test_a_trigger_is_shown_with_the_rule_that_took_it(cli: Cli, event: str) -> None:
    said = cli("rules", "try", event, "--header", "X-GitHub-Event: push")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("site would be asked for a build\n")
    for line in ("GitHub: push", "rules[0]", "octo/site refs/heads/main"):
        assert line in said.stdout
    assert [line for line in said.stdout.splitlines() if line.startswith(("  project", "  outcome"))] == []
    assert not (cli.folder / "built").exists()
    assert said.stderr.startswith("holdoff: [webhooks] of holdoff.toml names no secret"), "the server would answer 401"
    (cli.folder / "holdoff.toml").write_text(f'{FILE}\n[webhooks]\ngithub = "env:GITHUB_SECRET"\n')
    assert cli("rules", "try", event, "--header", "X-GitHub-Event: push").stderr == ""


def test_a_body_that_was_sent_compressed_is_read(cli: Cli, event: str) -> None:
    (cli.folder / "push.json.gz").write_bytes(gzip.compress((cli.folder / event).read_bytes()))
    headers = ("--header", "X-GitHub-Event: push", "--header", "Content-Encoding: gzip")
    assert cli("rules", "try", "push.json.gz", *headers).stdout.startswith("site would be asked for a build\n")
    refused = cli("rules", "try", event, "--header", "X-GitHub-Event: push", "--header", "Content-Encoding: deflate")
    assert (refused.returncode, refused.stdout) == (65, "")
    assert "is called deflate and is none" in refused.stderr


def test_what_builds_nothing_says_why(cli: Cli, event: str) -> None:
    said = cli("rules", "try", event, "--header", "X-GitHub-Event: star")
    assert said.returncode == 0
    assert said.stdout.startswith("nothing would be built: nothing is built for GitHub's star unless a rule takes it\n")


def test_as_json_and_from_stdin(cli: Cli, event: str) -> None:
    del event
    said = cli("rules", "try", "-", "--json", stdin=json.dumps(shapes.ecr()))
    (outcome,) = json.loads(said.stdout)["outcomes"]
    assert (outcome["outcome"], outcome["project"], outcome["rule"]) == ("trigger", "docs", "rules[1]")
    assert outcome["environment"] == {"TAG": "v1"}


def test_all_that_a_request_would_have_is_told(cli: Cli, event: str) -> None:
    push = json.loads((cli.folder / event).read_bytes())
    said = cli(
        "rules", "try", event, "--header", "X-GitHub-Event: push", "--header", "X-GitHub-Delivery: d-1", "--json"
    )
    (outcome,) = json.loads(said.stdout)["outcomes"]

    assert (outcome["source_version"], outcome["parent"]) == (push["after"], push["before"])
    assert outcome.keys() >= {"project", "region", "reason", "line", "event_id", "by", "at", "event", "rule"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (shapes.v2(shapes.github_push(), X_GitHub_Event="push"), "site would be asked for a build"),
        (shapes.codebuild(), "the end of build site-build:8745a7a9-c340-456a-9166 would be reported to its gate"),
        ({"holdoff": "sweep"}, "gates that would be woken: all that are due"),
        ({"holdoff": "wake", "project": "site"}, "gates that would be woken: site (local)"),
    ],
)
def test_each_outcome_of_an_event_that_the_function_gets(cli: Cli, event: dict[str, Any], said: str) -> None:
    (cli.folder / "holdoff.toml").write_text(
        FILE + "[projects.cb]\ncooldown = 1\nstarter = { codebuild = 'site-build' }\nregion = 'eu-west-1'"
    )
    done = cli("rules", "try", "-", stdin=json.dumps(event))
    assert done.stdout.splitlines()[0] == said


def test_what_cannot_be_mapped_exits_65(cli: Cli, event: str) -> None:
    del event
    said = cli("rules", "try", "-", stdin="{}")
    assert said.returncode == 65
    assert said.stdout.startswith("the event would be refused: event.project is missing")


def test_it_says_what_the_function_would_do_before_it_opens_anything(cli: Cli, event: str) -> None:
    del event
    probe = {"requestContext": {"elb": {}}, "headers": {"user-agent": "ELB-HealthChecker/2.0"}, "httpMethod": "GET"}
    said = cli("rules", "try", "-", stdin=json.dumps(probe | {"path": "/"}))
    assert "nothing would be built: a load balancer's health check" in said.stdout
    stack = {"RequestType": "Delete", "ResponseURL": "https://x", "StackId": "s", "RequestId": "r"}
    assert "which is answered" in cli("rules", "try", "-", stdin=json.dumps(stack)).stdout
    said = cli("rules", "try", "-", stdin=json.dumps(shapes.codebuild(project="other")))
    assert (said.returncode, "no project here has the starter" in said.stdout) == (0, True)


def test_a_secret_in_the_path_is_taken_off_as_when_it_is_checked(cli: Cli, event: str) -> None:
    (cli.folder / "holdoff.toml").write_text(FILE + "[webhooks]\nurl = 'env:URL_SECRET'\n")
    del event
    said = cli("rules", "try", "-", "--path", "/hooks/docs/s3cret", stdin='{"page": 7}')
    assert said.stdout.startswith("docs would be asked"), said.stdout + said.stderr
    assert "s3cret" not in said.stdout


def test_any_path_makes_it_a_webhooks_body(cli: Cli, event: str) -> None:
    """``/``, where a function's URL has its webhooks, was taken for no path at all."""
    del event
    (cli.folder / "hook").write_text("payload=7")
    said = cli("rules", "try", "hook", "--path", "/")
    assert said.stdout.startswith("the event would be refused: event.project is missing"), said.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.json",), "gone.json cannot be read: No such file or directory"),
        (("holdoff.toml",), "holdoff.toml is not JSON; for a webhook's body that is not JSON give --header"),
        (("push.json", "--header", "X-GitHub-Event"), "--header takes 'NAME: VALUE'"),
    ],
)
def test_wrong_usage_is_said(cli: Cli, event: str, words: tuple[str, ...], said: str) -> None:
    del event
    result = cli("rules", "try", *words)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
