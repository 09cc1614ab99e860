"""What comes back of the builds that a starter began: their ends, and never a build."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest, content_of
from holdoff.ingress.events.intents import BuildEnded, Ignored
from holdoff.ingress.events.message import Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress import payloads as p
from tests.ingress.shapes import eventbridge

TOKEN = "01JGF5XQ00AAAAAAAAAAAAAAAA"
FILE = """
[projects.site]
cooldown = "10m"
allow = [%s]
[projects.site.starter]
%s
[projects.docs]
cooldown = 1
starter = { command = ["make"] }
[[rules]]
when = { "http.headers.%s" = "%s" }
project = "%s"
"""
STARTERS = {
    "github": 'github = "octo/site"\nworkflow = "site.yml"',
    "gitlab": 'gitlab = "octo/site"',
    "webhook": 'webhook = "env:HOOK"\nid = "deploy_id"',
}
RUN = {
    "id": 1601,
    "event": "workflow_dispatch",
    "conclusion": "success",
    "path": ".github/workflows/site.yml",
}
PIPELINE = {"id": 1001, "source": "trigger", "status": "failed"}
OUTSIDE = Origin(outside=True, scheme="github")


def become(
    request: HttpRequest, kind: str, header: str, event: str, project: str = "site", allow: str = '"end"'
) -> Any:
    config = parse(FILE % (allow, STARTERS[kind], header, event, project))
    (found,) = Routes(config, "local").intents(http_message(request, OUTSIDE))
    return found


def dispatch(inputs: object) -> HttpRequest:
    body = {"ref": "refs/heads/main", "inputs": inputs, "workflow": ".github/workflows/site.yml"}
    return p.github("workflow_dispatch", body)


def run(**more: object) -> HttpRequest:
    return p.github("workflow_run", {"action": "completed", "workflow_run": {**RUN, **more}})


def test_a_dispatch_of_its_own_sets_off_nothing_whatever_a_rule_says() -> None:
    own = become(dispatch({"holdoff_token": TOKEN}), "github", "x-github-event", "workflow_dispatch")
    assert own == Ignored(why="Holdoff itself dispatched this workflow")


@pytest.mark.parametrize("inputs", [None, {}, {"holdoff_token": ""}, {"version": TOKEN}], ids=str)
def test_a_persons_dispatch_does_where_a_rule_takes_it(inputs: object) -> None:
    assert isinstance(become(dispatch(inputs), "github", "x-github-event", "workflow_dispatch"), Request)


def test_the_end_of_a_run_is_no_trigger_of_its_own_project() -> None:
    ended = become(run(), "github", "x-github-event", "workflow_run")
    assert (ended.build_id, ended.succeeded, ended.then) == ("1601", True, None)
    then = become(run(), "github", "x-github-event", "workflow_run", "docs").then
    assert then.project == "docs"
    assert "allow = ['end']" in become(run(), "github", "x-github-event", "workflow_run", allow="").why
    looked = become(run().but(method="OPTIONS"), "github", "x-github-event", "workflow_run")
    assert looked == Ignored("a request that only looks: it came by OPTIONS")


@pytest.mark.parametrize("conclusion", ["success", None])
def test_a_run_that_eventbridge_reports_is_no_trigger_of_its_own_project(conclusion: str | None) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas-furls.html"""
    config = parse(FILE % ('"end"', STARTERS["github"], "x-github-event", "workflow_run", "site"))
    (message,) = opened(eventbridge("github.com", "workflow_run", content_of(run(conclusion=conclusion))))
    (found,) = Routes(config, "local").intents(message)
    if conclusion is None:
        assert found == Ignored("build 1601 is under way")
    else:
        assert isinstance(found, BuildEnded)
        assert (found.build_id, found.succeeded, found.then) == ("1601", True, None)


@pytest.mark.parametrize(
    "other",
    [
        run(event="push"),
        run(path=".github/workflows/lint.yml"),
        p.github("workflow_run", {"workflow_run": RUN, "repository": {"full_name": "octo/other"}}),
    ],
    ids=["event", "workflow", "repository"],
)
def test_other_runs_stay_for_rules(other: HttpRequest) -> None:
    assert isinstance(become(other, "github", "x-github-event", "workflow_run"), Request)


def test_the_end_of_a_pipeline() -> None:
    def told(**more: object) -> HttpRequest:
        project = {"id": 7, "path_with_namespace": "octo/site", "default_branch": "main"}
        body = {"object_kind": "pipeline", "object_attributes": {**PIPELINE, **more}, "project": project}
        return p.posted(body, {"X-Gitlab-Event": "Pipeline Hook"})

    ended = become(told(), "gitlab", "x-gitlab-event", "Pipeline Hook")
    assert isinstance(ended, BuildEnded)
    assert (ended.build_id, ended.succeeded, ended.detail) == ("1001", False, "failed")
    assert isinstance(become(told(source="push"), "gitlab", "x-gitlab-event", "Pipeline Hook"), Request)


def test_the_end_of_a_deploy_of_netlify() -> None:
    body = {"id": "5f3c", "site_id": "3970e0fe", "state": "ready", "name": "site", "branch": "main"}
    ended = become(p.posted(body, {"X-Netlify-Event": "deploy_created"}), "webhook", "x-netlify-event", "deploy_*")
    assert (ended.build_id, ended.succeeded) == ("5f3c", True)
