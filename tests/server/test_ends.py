"""The ends of builds that come back by webhook, for a project's own gate and for each of its keys; and by polling,
whichever is first. Nothing that a service tells of Holdoff's own builds sets off another."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core.request import GateKey, Request
from tests.ingress import signed
from tests.server.conftest import SECRETS, Served
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.hooks import HookStandin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.standins.web import WebStandin

FILE = """
store = "memory:"

[projects.site]
cooldown = 0
overlap = "defer"
allow = ["end"]
[projects.site.starter]
STARTER

[projects.docs]
cooldown = 0
starter = {{ command = ["true"] }}

[[rules]]
when = {{ "HEADER" = "TYPE" }}
project = "site"

[webhooks]
github = "env:GITHUB"
gitlab = "env:DOCS"
netlify = "env:DOCS"
vercel = "env:DOCS"

[server]
tokens = "{folder}/tokens"
dead_letters = "{folder}/letters"
"""
_FOLLOWED = (
    'status_url = "{url}/builds/{{build_id}}"\nstate = "build.state"\nsucceeded = ["success"]\nfailed = ["failure"]'
)
STARTERS: dict[str, tuple[Any, str, tuple[str, str]]] = {
    "github": (
        GitHubStandin,
        'github = "acme/site"\nworkflow = "build.yml"\nendpoint = "{url}"',
        ("http.headers.x-github-event", "workflow_run"),
    ),
    "gitlab": (GitLabStandin, 'gitlab = "acme/site"\nendpoint = "{url}"', ("object_kind", "pipeline")),
    "netlify": (
        HookStandin,
        f'webhook = "env:HOOK"\nid = "build.id"\n{_FOLLOWED}',
        ("http.headers.x-netlify-event", "*"),
    ),
    "vercel": (HookStandin, f'webhook = "env:HOOK"\nid = "build.id"\n{_FOLLOWED}', ("type", "deployment.*")),
}
KEYS = [None, "feature/x"]


def github(build: str, state: str, _key: str | None) -> tuple[bytes, dict[str, str]]:
    run = {"id": int(build), "event": "workflow_dispatch", "path": ".github/workflows/build.yml", "head_branch": "main"}
    run |= {"status": "completed" if state != "running" else "in_progress"}
    run |= {"conclusion": {"running": None, "good": "success", "bad": "timed_out"}[state]}
    action = "completed" if state != "running" else "in_progress"
    repository = {"full_name": "Acme/Site", "default_branch": "main"}  # GitHub's own spelling
    body = json.dumps({"action": action, "workflow_run": run, "repository": repository}).encode()
    signature = hmac.new(SECRETS["GITHUB"].encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-github-event": "workflow_run", "x-hub-signature-256": f"sha256={signature}"}


def gitlab(build: str, state: str, key: str | None) -> tuple[bytes, dict[str, str]]:
    status = {"running": "running", "good": "success", "bad": "failed"}[state]
    told = [{"key": "HOLDOFF_KEY", "value": key}] if key else []
    about = {"id": int(build), "source": "api", "status": status, "ref": "main", "variables": told}
    project = {"id": 7, "path_with_namespace": "acme/site", "default_branch": "main"}
    body = json.dumps({"object_kind": "pipeline", "object_attributes": about, "project": project}).encode()
    return body, {"x-gitlab-event": "Pipeline Hook", "x-gitlab-token": SECRETS["DOCS"]}


def netlify(build: str, state: str, _key: str | None) -> tuple[bytes, dict[str, str]]:
    told = {"running": "building", "good": "ready", "bad": "error"}[state]
    body = json.dumps({"id": build, "site_id": "3970", "state": told, "branch": "main"}).encode()
    return body, signed.netlify(body, SECRETS["DOCS"])


def vercel(build: str, state: str, _key: str | None) -> tuple[bytes, dict[str, str]]:
    kind = {"running": "created", "good": "succeeded", "bad": "error"}[state]
    payload = {"deployment": {"id": build}, "project": {"id": "prj_1"}}
    event = {"id": "uev_1", "type": f"deployment.{kind}", "createdAt": 1795395667000, "region": "cdg1"}
    body = json.dumps(event | {"payload": payload}).encode()
    return body, {"x-vercel-signature": hmac.new(SECRETS["DOCS"].encode(), body, hashlib.sha1).hexdigest()}


TELL: dict[str, Callable[[str, str, str | None], tuple[bytes, dict[str, str]]]] = {
    "github": github,
    "gitlab": gitlab,
    "netlify": netlify,
    "vercel": vercel,
}


class Stage:
    """A server in front of the stand-in of one service."""

    def __init__(self, kind: str, folder: Path, standin: WebStandin) -> None:
        _, starter, (header, type_) = STARTERS[kind]
        table = starter.format(url=standin.url).replace("{", "{{").replace("}", "}}")
        text = FILE.replace("STARTER", table).replace("HEADER", header).replace("TYPE", type_)
        self.kind, self.standin, self.served = kind, standin, Served(folder, text)

    def start(self, key: str | None) -> str:
        """Have the gate of a key start a build."""
        request = Request(project="site", region="local", key=key, source_version="4f2a91c")
        return str(self.served.site.dispatch.trigger(request, "test").build_id)

    def tell(self, build: str, state: str, key: str | None = None) -> Any:
        """The answer to a webhook about a build."""
        body, headers = TELL[self.kind](build, state, key)
        headers["content-type"] = "application/json"
        return self.served.client.post("/hooks/site", content=body, headers=headers).json()

    def record(self, key: str | None) -> Any:
        return self.served.site.store.get(GateKey.of("site", key, "local"))


@pytest.fixture(params=STARTERS)
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with STARTERS[request.param][0]() as standin:
        monkeypatch.setenv("HOOK", getattr(standin, "hook", ""))
        monkeypatch.setenv("GITHUB_TOKEN", GitHubStandin.token)
        monkeypatch.setenv("GITLAB_TOKEN", GitLabStandin.token)
        made = Stage(request.param, tmp_path, standin)
        yield made
        made.served.close()


@pytest.mark.parametrize("key", KEYS, ids=["own gate", "key"])
@pytest.mark.parametrize("state", ["good", "bad"])
def test_an_end_finds_the_gate_that_started_the_build(stage: Stage, key: str | None, state: str) -> None:
    build, other = stage.start(key), stage.start("another")
    told = stage.tell(build, state, key)

    assert (told["finished"], told["succeeded"]) == (GateKey.of("site", key, "local").project, state == "good")
    assert stage.record(key).finished.build_id == build
    assert stage.record("another").running.build_id == other


def test_an_end_that_does_not_tell_its_key_finds_its_gate(stage: Stage) -> None:
    """As GitLab's does where it does not show variables."""
    build = stage.start("feature/x")

    assert stage.tell(build, "good", None)["finished"] == "site@feature/x"


@pytest.mark.parametrize("key", KEYS, ids=["own gate", "key"])
def test_what_waited_for_the_end_starts_at_once(stage: Stage, key: str | None) -> None:
    build = stage.start(key)
    request = Request(project="site", region="local", key=key, source_version="9c01d3e")
    assert stage.served.site.dispatch.trigger(request, "test").outcome == "deferred"

    then = stage.tell(build, "good", key)["then"]
    assert then["outcome"] == "started"
    assert len(stage.standin.starts) == 2


def test_no_news_of_its_own_builds_sets_off_another(stage: Stage) -> None:
    """Though a rule takes all events of this kind for the project that builds."""
    build = stage.start(None)
    running = stage.tell(build, "running")
    ended = stage.tell(build, "good")
    again = stage.tell(build, "good")

    assert build in running["ignored"]
    assert ended["finished"] == "site"
    assert again == {"finished": None, "build_id": build}
    assert len(stage.standin.starts) == 1


def test_of_a_poll_and_a_webhook_the_first_one_counts(stage: Stage) -> None:
    build = stage.start(None)
    stage.standin.builds[build].state = "failed" if stage.kind == "gitlab" else "failure"
    stage.served.clock.sleep(60_000)
    stage.served.site.dispatch.gate(GateKey("site", "local")).wake()
    polled = stage.record(None).finished

    assert (polled.build_id, polled.succeeded) == (build, False)
    assert stage.tell(build, "good") == {"finished": None, "build_id": build}
    assert stage.record(None).finished == polled
