"""What attackers from outside tried, and got: each was a hole once. By whole requests at a whole function.

Each test fails without its mend. ``test_security`` has the promises; here are the ways around them that were found.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.config.patterns import names_any
from holdoff.config.variables import is_forbidden
from holdoff.core.errors import ConfigError, EventError
from holdoff.ingress import aws_http
from holdoff.ingress.events.http import HttpRequest
from holdoff.observe.log import LONGEST, clean
from tests.ingress import shapes
from tests.ingress.function import Stage, build_ended
from tests.ingress.signed import by_url
from tests.standins.codebuild import CodeBuildStandin

pytestmark = pytest.mark.usefixtures("aws_env")

FILE = """
store = "memory:"

[projects.site]
cooldown = "10m"
overlap = "defer"
region = "eu-west-1"
allow = ["end", "wake"]
starter = {{ codebuild = "site-build", endpoint = "{url}" }}

[projects.docs]
cooldown = "10m"
overlap = "defer"
region = "eu-west-1"
allow = ["end", "wake"]
starter = {{ codebuild = "docs-build", endpoint = "{url}" }}

[webhooks]
github = "env:GITHUB"
url = "env:URL"
secret = ["env:PLAIN", {{ secret = "env:DOCS", projects = ["docs"] }}]
"""
SECRETS = {"GITHUB": "it is a secret", "PLAIN": "so is this", "DOCS": "for docs alone", "URL": "0f1e2d3c4b5a"}
SHA = "a" * 40
#: No more than this, in seconds of this process, for what takes milliseconds: an attack took minutes.
QUICK_S = 20


def staged(standin: CodeBuildStandin, folder: Path, rules: str = "") -> Stage:
    stage = Stage(standin, folder, text=FILE + rules)
    stage.environment |= SECRETS
    return stage


@pytest.fixture
def stage(standin: CodeBuildStandin, tmp_path: Path) -> Stage:
    return staged(standin, tmp_path)


def request(body: object, path: str = "/hooks/site", **headers: str) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method="POST", path=path, headers={"content-type": "application/json", **headers}, body=content)


def with_secret(body: object, secret: str = "PLAIN", path: str = "/hooks/site", **headers: str) -> dict[str, Any]:
    return by_url(request(body, path, **{"x-holdoff-secret": SECRETS[secret], **headers}))


def github(event: str = "push", **body: object) -> dict[str, Any]:
    """An event as GitHub signs it."""
    repository = {"full_name": "octo/site", "default_branch": "main"}
    content = json.dumps({"after": SHA, "before": "b" * 40, "repository": repository} | body).encode()
    signature = hmac.new(SECRETS["GITHUB"].encode(), content, hashlib.sha256).hexdigest()
    headers = {"x-github-event": event, "x-github-delivery": "d1", "x-hub-signature-256": f"sha256={signature}"}
    return by_url(request(content, **headers))


def status(answer: dict[str, Any]) -> tuple[int, Any]:
    return answer["statusCode"], json.loads(answer["body"])


@contextmanager
def quickly() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < QUICK_S


# --- what looks like HTTP ------------------------------------------------------------------------------------------

OURS = {"project": "site"}
HEADERS = {"host": "x.example", "user-agent": "curl/8"}


@pytest.mark.parametrize(
    "event",
    [
        {"headers": HEADERS, "body": json.dumps(OURS)},
        {"headers": HEADERS, **OURS},
        {"Headers": HEADERS, "Method": "POST", **OURS},
        {"header": HEADERS, "body": OURS, **OURS},
        {"http_method": "POST", **OURS},
        {"HTTPMethod": "POST", **OURS},
        {"requestContext": "a text", **OURS},
        {"requestContext": [{}], **OURS},
        {"requestContext": {"http": {"method": "POST"}}, "requestPayload": OURS},
        {"requestContext": {"functionArn": "arn:aws:lambda:1"}, "headers": HEADERS, **OURS},
        {"requestContext": {"callbackContext": None}, "headers": HEADERS, **OURS},
        {"rawPath": "/hooks/site", **OURS},
        {"queryStringParameters": {"a": "b"}, **OURS},
        {"multiValueHeaders": {"a": ["b"]}, **OURS},
        {"body-json": OURS, **OURS},
        {"params": {"path": {}, "querystring": {}}, **OURS},
        {"context": {"http-method": "POST"}, **OURS},
        # https://docs.digitalocean.com/products/functions/reference/parameters-responses/ and OpenWhisk's functions
        {"http": {"headers": HEADERS, "method": "POST", "path": ""}, **OURS},
        {"__ow_headers": HEADERS, "__ow_method": "post", "__ow_path": "", **OURS},
        {"routeKey": "POST /hooks", "body": json.dumps(OURS), **OURS},
        {"body": OURS, "path": {"x": "y"}, **OURS},
    ],
    ids=lambda event: ",".join(name for name in event if name != "project"),
)
def test_no_template_of_a_front_end_is_taken_for_an_invocation(stage: Stage, event: dict[str, Any]) -> None:
    assert stage.send(event)["statusCode"] == 401
    with pytest.raises(EventError, match="is an HTTP request"):
        stage.send(shapes.in_sqs(event))
    assert stage.built == []


# --- more power than a secret has ----------------------------------------------------------------------------------


def test_a_bound_secret_neither_ends_nor_wakes_what_it_is_not_for(stage: Stage) -> None:
    build = stage.send({"project": "site"})["build_id"]
    assert status(stage.send(with_secret(build_ended(build), "DOCS", "/hooks/docs")))[0] == 403
    assert stage.status("site").state == "running"
    stage.send({"project": "site"})
    stage.clock.advance("20m")
    for asked in ({"holdoff": "sweep"}, {"holdoff": "wake", "project": "site"}):
        assert status(stage.send(with_secret(asked, "DOCS", "/hooks/docs")))[0] == 403
    assert stage.built == ["site-build"]


def test_a_rules_words_are_no_variables_that_an_event_may_set(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = staged(standin, tmp_path, '[[rules]]\nwhen = {{ kind = "edit" }}\nreason = "event.title"\n')
    edit = {"kind": "edit", "project": "site", "title": "t"}
    assert status(stage.send(with_secret(edit | {"environment": {"reason": "evil"}})))[0] == 403
    assert status(stage.send(with_secret(edit)))[0] == 200


@pytest.mark.parametrize(
    ("when", "body"),
    [
        ('"sns.TopicArn" = "arn:aws:sns:*:edits"', {"sns": {"TopicArn": "arn:aws:sns:eu-west-1:1:edits"}}),
        ('"sqs.eventSourceARN" = "arn:aws:sqs:*:edits"', {"sqs": {"eventSourceARN": "arn:aws:sqs:eu-west-1:1:edits"}}),
        ('"http.webhook" = "github"', {"http": {"webhook": "github"}}),
        ('"change.branch" = "main"', {"change": {"branch": "main"}}),
    ],
    ids=["sns", "sqs", "http", "change"],
)
def test_an_event_does_not_say_what_envelope_it_came_in(
    standin: CodeBuildStandin, tmp_path: Path, when: str, body: dict[str, Any]
) -> None:
    rule = f'[[rules]]\nwhen = {{{{ {when} }}}}\nproject = "site"\nkey = "trusted"\n'
    stage = staged(standin, tmp_path, rule)
    for event in (with_secret(body), shapes.in_sqs({**body, "project": "site"})):
        stage.after("20m", event)
    assert [line["key"] for line in stage.lines if line.get("key")] == []


def test_a_rule_can_be_for_one_senders_secret_only(standin: CodeBuildStandin, tmp_path: Path) -> None:
    rule = (
        '[[rules]]\nwhen = {{ "http.webhook" = "github" }}\nbranches = "**"\nproject = "site"\nkey = "change.branch"\n'
    )
    stage = staged(standin, tmp_path, rule)
    push = {"ref": "refs/heads/side", "after": SHA, "repository": {"full_name": "octo/site", "default_branch": "main"}}
    assert "ignored" in status(stage.send(with_secret(push, **{"x-github-event": "push"})))[1]
    assert status(stage.send(github(ref="refs/heads/side")))[1]["project"] == "site@side"


def test_each_change_that_comes_to_nothing_is_in_the_log(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = staged(standin, tmp_path, '[[rules]]\nwhen = {{}}\nproject = "event.no"\nbranches = "**"\n')
    push = {"changes": [{"new": {"type": "branch", "name": name, "target": {"hash": SHA}}} for name in ("a", "b")]}
    body = {"push": push, "repository": {"full_name": "octo/site"}}
    assert status(stage.send(with_secret(body, path="/", **{"x-event-key": "repo:push"})))[0] == 422
    assert [line["error"] for line in stage.lines if line["event"] == "error"] == ["EventError"] * 2


def test_what_a_sender_calls_its_default_branch_is_no_pattern(standin: CodeBuildStandin, tmp_path: Path) -> None:
    rule = '[[rules]]\nwhen = {{ take = "yes" }}\nbranches = ["$default-branch"]\nproject = "site"\n'
    stage = staged(standin, tmp_path, rule)
    for take in ("yes", "no"):
        with quickly():
            for default in ("**", "evi?", "**a" * 12 + "b"):
                repository = {"full_name": "octo/site", "default_branch": default}
                stage.send(github(ref="refs/heads/evil" + "a" * 300, repository=repository, take=take))
                stage.send(github(ref="refs/heads/evil", repository=repository, take=take))
    assert stage.built == []


@pytest.mark.parametrize("host", ["s3.evilamazonaws.com", "s3-evil-amazonaws.com", "s3.x-amazonaws.com"])
def test_a_custom_resource_sends_us_to_no_host_that_only_looks_like_amazons(
    stage: Stage, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdoff.ingress import custom_resource

    sent: list[object] = []
    monkeypatch.setattr(custom_resource, "urlopen", lambda *asked, **_: sent.append(asked))
    url = f"https://cloudformation-custom-resource-response-x.{host}/a"
    asked = {"RequestType": "Delete", "ResponseURL": url, "StackId": "s", "RequestId": "r"}
    assert "another place than CloudFormation's" in stage.send(asked)["ignored"]
    assert sent == []


@pytest.mark.parametrize("name", ["SYSTEMROOT", "psmodulepath", "TEMP", "NVM_DIR", "ANT_OPTS", "TURBO_API", "NIX_PATH"])
def test_more_variables_that_say_which_code_runs(name: str) -> None:
    assert is_forbidden(name)


# --- bombs ---------------------------------------------------------------------------------------------------------


def test_a_body_in_very_many_parts_is_refused_at_once(stage: Stage) -> None:
    """Each of 220,000 parts cost a copy of all that followed: minutes, before any signature was looked at."""
    with quickly():
        bomb = gzip.compress(b"") * 220_000
        assert status(stage.send(by_url(request(bomb, **{"content-encoding": "gzip"}))))[0] == 400


def test_a_compressed_body_becomes_no_larger_than_a_plain_one_may_be(stage: Stage) -> None:
    bomb = gzip.compress(b"[" + b"{}," * 2_100_000 + b"{}]")
    assert status(stage.send(with_secret(bomb, **{"content-encoding": "gzip"})))[0] == 400


@pytest.mark.parametrize("bomb", ["Value '" * 40_000, ", value: " * 30_000, "://" * 90_000], ids=["1", "2", "3"])
def test_words_of_an_event_are_logged_quickly(stage: Stage, bomb: str) -> None:
    with quickly():
        stage.send(github("issues", action=bomb))
        stage.send(github(ref=f"refs/heads/{bomb}"))
        stage.send(with_secret({"project": "site", "environment": {bomb: "x"}}))
    assert all(len(json.dumps(line)) < 3_000 for line in stage.lines)


def test_a_long_text_in_a_log_is_cut_and_says_how_long_it_was() -> None:
    assert clean("x" * 10_000).endswith("x... (10000 characters)")
    assert len(clean("x" * 10_000)) <= LONGEST
    assert "hunter2" not in clean("x" * (LONGEST - 60) + "://me:hunter2" + "2" * 600 + "@host")


def test_the_patterns_of_a_rule_take_no_longer_than_the_names_they_are_asked() -> None:
    with quickly():
        for pattern, name in (
            ("**/src/**/test/**/*.py", "a/src/test/" * 9_000),
            ("**a" * 12 + "b", "a" * 100_000),
            ("*a*a*a*b", "a" * 100_000),
            ("**-v*", "-v" * 50_000 + "/"),
        ):
            assert not names_any(name, [pattern])


def test_patterns_mean_what_a_regular_expression_would() -> None:
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    chance = random.Random(7)
    for _ in range(5_000):
        pattern = "".join(chance.choices(["*", "**", "**/", "?", "a", "b", "/", "["], k=chance.randrange(8)))
        name = "".join(chance.choices("ab/*?[\n", k=chance.randrange(8)))
        parts = re.findall(r"\*\*/|\*\*|.", pattern)
        expression = "".join(meant.get(part) or re.escape(part) for part in parts)
        assert names_any(name, [pattern]) is bool(re.fullmatch(expression, name, re.DOTALL)), (pattern, name)


def test_one_message_holds_no_more_events_than_can_be_carried_out(stage: Stage) -> None:
    for several in ([OURS] * 1_001, [{"Records": [OURS] * 600}, {"Records": [OURS] * 600}]):
        for carried in (shapes.in_sqs, shapes.in_sns):
            with pytest.raises(EventError, match="more than 1000"):
                stage.send(carried(several))
    assert stage.built == []


def test_one_push_holds_no_more_changes_than_can_be_carried_out(stage: Stage) -> None:
    changes = [{"new": {"type": "branch", "name": f"b{n}", "target": {"hash": SHA}}} for n in range(1_001)]
    push = {"push": {"changes": changes}, "repository": {"full_name": "octo/site"}}
    code, said = status(stage.send(with_secret(push, **{"x-event-key": "repo:push"})))
    assert code == 422
    assert "more than 1000 changes" in said["error"]
    assert len(stage.lines) == 1


def test_one_message_carries_no_more_changes_than_can_be_carried_out(stage: Stage) -> None:
    pushes = [{"name": "refs/heads/main", "newObjectId": SHA, "oldObjectId": "b" * 40} for _ in range(600)]
    push = {"eventType": "git.push", "publisherId": "tfs", "resource": {"refUpdates": pushes}}
    carrier = {"specversion": "1.0", "source": "/x", "type": "own", "data": push}
    answer = stage.send(with_secret([{**carrier, "id": "1"}, {**carrier, "id": "2"}]))
    assert status(answer)[0] == 422
    assert "more than 1000 changes" in answer["body"]


# --- secrets -------------------------------------------------------------------------------------------------------


def test_a_secret_in_the_path_is_kept_from_the_rest_whatever_let_the_request_in(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters: list[str] = []

    class Queue:
        def send_message(self, **asked: Any) -> None:
            letters.append(asked["MessageBody"])

    stage.environment["HOLDOFF_DEAD_LETTERS"] = "https://sqs.example/1/dead"
    monkeypatch.setattr(aws_http, "make_client", lambda *_: Queue())
    path = f"/hooks/nowhere/{SECRETS['URL']}"
    stage.send(with_secret({}, path=path))
    stage.send(by_url(request({}, path).but(query=f"secret={SECRETS['URL']}")))
    stage.send(with_secret({"secret": 12345678, "project": "nowhere"}))
    assert len(letters) == 3
    assert not any(
        secret in told for told in (*letters, json.dumps(stage.lines)) for secret in (SECRETS["URL"], "123456")
    )


@pytest.mark.parametrize(
    "webhooks",
    [
        'secret = ["env:A", {{ secret = "env:A", projects = ["docs"] }}]',
        'github = "env:A"\nurl = {{ secret = "env:A", projects = ["docs"] }}',
    ],
    ids=["one scheme", "two schemes"],
)
def test_a_secret_that_is_bound_in_one_place_only_is_refused(webhooks: str) -> None:
    before, _, _ = FILE.partition("github =")
    with pytest.raises(ConfigError, match="bound in one place only"):
        parse((before + webhooks).format(url="http://x"))


@pytest.mark.parametrize(("name", "is_known"), [("gihub", False), ("git*", True), ("acme", True), ("acne", False)])
def test_a_rule_for_a_sender_that_there_is_none_of_is_refused(name: str, is_known: bool) -> None:
    """It would never take anything, and who wrote it would think that it did."""
    own = '[webhooks.acme]\nsecret = "env:A"\nheader = "X-Acme"\n'
    text = FILE.format(url="http://x") + own + f'[[rules]]\nwhen = {{ "http.webhook" = "{name}" }}\nignore = "closed"\n'
    if is_known:
        assert parse(text).rules
    else:
        with pytest.raises(
            ConfigError, match=r"rules\[0\]\.when\.http\.webhook is '(gihub|acne)'; write one of gitlab"
        ):
            parse(text)
