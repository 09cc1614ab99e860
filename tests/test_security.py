"""The threat model in SECURITY.md, line by line: what an attacker tries, and that it comes to nothing.

Each test here is named by a line there, and each line names a test here.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from holdoff.cli.common import one_line
from holdoff.config import nearest, parse
from holdoff.config.server import Server
from holdoff.core.errors import ConfigError, EventError, NotAllowed, SignatureError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.exact_json import dumps
from holdoff.ingress import aws_http
from holdoff.ingress.events.http import HttpRequest
from holdoff.server.access import COOKIE
from holdoff.server.bodies import READ_S
from holdoff.server.run import check_access
from holdoff.starters import Command, Webhook, sending
from holdoff.starters.on_http import ANSWER_MS, SEND_BY_MS
from holdoff.stores.open import default_url, open_store
from tests.deploy.cloudformation import Stack
from tests.deploy.test_rights import ALL, WILDCARDS, resources
from tests.ingress import shapes
from tests.ingress.function import REGION, Stage, build_ended
from tests.ingress.signed import FRONT_ENDS, KEY, in_disguise, standard
from tests.server.conftest import Served, hook, serve, served
from tests.standins.codebuild import CodeBuildStandin
from tests.standins.hooks import HookStandin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["hook", "serve", "served"]
pytestmark = pytest.mark.usefixtures("aws_env")

ROOT = Path(__file__).parent.parent
FILE = """
store = "memory:"

[projects.site]
cooldown = "10m"
region = "eu-west-1"
starter = {{ codebuild = "site-build", endpoint = "{url}" }}

[projects.docs]
cooldown = "1h"
overlap = "defer"
region = "eu-west-1"
allow_environment = ["TAG"]
starter = {{ codebuild = "docs-build", endpoint = "{url}" }}

[webhooks]
github = "env:GITHUB"
standard = "env:STANDARD"
secret = ["env:PLAIN", {{ secret = "env:DOCS", projects = ["docs"] }}]
"""
SECRETS = {"GITHUB": "it is a secret", "STANDARD": f"whsec_{KEY}", "PLAIN": "so is this", "DOCS": "for docs alone"}


@pytest.fixture
def standin() -> Iterator[CodeBuildStandin]:
    with CodeBuildStandin(projects=["site-build", "docs-build"]) as started:
        yield started


def staged(standin: CodeBuildStandin, folder: Path, text: str = FILE) -> Stage:
    stage = Stage(standin, folder, text=text)
    stage.environment |= SECRETS
    return stage


@pytest.fixture
def stage(standin: CodeBuildStandin, tmp_path: Path) -> Stage:
    return staged(standin, tmp_path)


@pytest.fixture
def letters(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What comes to the dead letters."""
    kept: list[dict[str, Any]] = []

    class Queue:
        def send_message(self, **asked: Any) -> None:
            kept.append(json.loads(asked["MessageBody"]))

    stage.environment["HOLDOFF_DEAD_LETTERS"] = "https://sqs.example/1/dead"
    monkeypatch.setattr(aws_http, "make_client", lambda *_: Queue())
    return kept


def request(body: object = None, path: str = "/hooks/site", **headers: str) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return HttpRequest(method="POST", path=path, headers={"content-type": "application/json", **headers}, body=content)


def url(asked: HttpRequest) -> dict[str, Any]:
    return FRONT_ENDS["url"](asked)


def with_secret(
    body: object = None, secret: str = "PLAIN", path: str = "/hooks/site", **headers: str
) -> dict[str, Any]:
    return url(request(body, path, **{"x-holdoff-secret": SECRETS[secret], **headers}))


def push(delivery: str = "d1", secret: str = "GITHUB", event: str = "push", **more: object) -> HttpRequest:
    """A push as GitHub signs it."""
    plain = request(shapes.github_push(**more))
    signature = hmac.new(SECRETS.get(secret, secret).encode(), plain.body, hashlib.sha256).hexdigest()
    ours = {"x-github-event": event, "x-github-delivery": delivery, "x-hub-signature-256": f"sha256={signature}"}
    return plain.but(headers={**plain.headers, **ours})


def status(answer: dict[str, Any]) -> tuple[int, Any]:
    return answer["statusCode"], json.loads(answer["body"])


def refused(stage: Stage, event: object, words: str = "") -> None:
    """By whichever way it comes: 403, an error, or a record that failed. Nothing is built for it."""
    before = list(stage.built)
    try:
        answer = stage.send(event)
    except NotAllowed as error:
        assert words in str(error)
    else:
        failed = answer.get("batchItemFailures")
        assert failed or answer["statusCode"] == 403
        assert words in json.dumps(stage.lines[-1])
    assert stage.built == before


def by_queue(*bodies: object) -> dict[str, Any]:
    return shapes.in_sqs(*bodies)


def by_topic(body: object) -> dict[str, Any]:
    return shapes.in_sns(body)


# --- a stranger on the internet ------------------------------------------------------------------------------------


def test_unsigned_requests_reach_no_gate(stage: Stage) -> None:
    for asked in (request({"project": "site"}), request({"holdoff": "sweep"}), push(secret="guessed")):
        for event in (*(front(asked) for front in FRONT_ENDS.values()), *in_disguise(asked).values()):
            assert stage.send(event)["statusCode"] == 401
    assert stage.built == []


def test_a_refusal_tells_nothing(stage: Stage) -> None:
    told = {
        json.dumps(status(stage.send(url(asked))))
        for asked in (
            request(),
            request({"project": "nowhere"}, path="/hooks/nowhere"),
            request(**{"x-holdoff-secret": "guessed"}),
            request(**{"x-gitlab-token": "guessed", "x-gitlab-event": "Push Hook"}),
            push(secret="guessed"),
        )
    }
    assert told == {json.dumps((401, {"error": SignatureError.public}))}


def test_unsigned_requests_leave_nothing(stage: Stage, letters: list[dict[str, Any]]) -> None:
    for path in ("/hooks/site", "/hooks/nowhere"):
        stage.send(url(request({"project": "site"}, path=path)))
    assert letters == []
    assert stage.wakes.arranged == []
    dispatch = stage.function._dispatch
    assert dispatch is not None
    assert list(dispatch.store.gates()) == []


def test_a_wrong_signature_is_not_made_up_for(stage: Stage) -> None:
    wrong = push(secret="guessed")
    beside = {"x-holdoff-secret": SECRETS["PLAIN"]}
    bare = push().headers
    for asked in (
        wrong.but(headers={**wrong.headers, **beside}),
        push().but(body=push().body + b" "),
        push().but(headers={name: value for name, value in bare.items() if name != "x-github-event"}),
        request(**{"x-hub-signature": "sha1=" + hmac.new(SECRETS["GITHUB"].encode(), b"{}", "sha1").hexdigest()}),
    ):
        assert stage.send(url(asked))["statusCode"] == 401
    assert stage.built == []


def test_a_captured_request_builds_nothing_again(stage: Stage) -> None:
    captured = url(push("d1"))
    assert stage.send(captured)["statusCode"] == 200
    for _ in range(3):
        assert status(stage.after("11m", captured))[1]["why"] == "duplicate"
    assert stage.built == ["site-build"]


def test_a_captured_request_goes_stale(stage: Stage) -> None:
    body = b'{"project": "site"}'
    captured = url(request(body, **standard(body, stage.clock.now_ms())))
    assert stage.after("6m", captured)["statusCode"] == 401
    assert stage.built == []


def test_a_bomb_is_refused(stage: Stage) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    assert stage.send(url(request(bomb, **{"content-encoding": "gzip"})))["statusCode"] in (400, 401, 413)
    nested: object = {"project": "site"}
    for _ in range(12):
        nested = shapes.notification(nested)
    with pytest.raises(EventError, match="envelopes"):
        stage.send(by_topic(nested))
    assert stage.built == []


# --- the holder of a webhook's secret ------------------------------------------------------------------------------


def test_a_bound_secret_asks_for_its_projects_only(stage: Stage) -> None:
    refused(stage, with_secret({"project": "site"}, "DOCS"), "webhook's secret")
    refused(stage, with_secret({}, "DOCS", path="/hooks/site"), "webhook's secret")
    assert stage.send(with_secret({}, "DOCS", path="/hooks/docs"))["statusCode"] == 200
    assert stage.built == ["docs-build"]


def test_no_webhook_forces_a_build(stage: Stage) -> None:
    stage.send({"project": "site"})
    refused(stage, with_secret({"project": "site", "force": True}), "force")


def test_no_webhook_wakes_gates(stage: Stage) -> None:
    stage.send({"project": "site"})
    stage.send({"project": "site"})
    stage.clock.advance("11m")
    refused(stage, with_secret({"holdoff": "wake", "project": "site"}), "wake")
    refused(stage, with_secret({"holdoff": "sweep"}), "wake")


def test_no_webhook_ends_a_build(stage: Stage) -> None:
    build = stage.send({"project": "docs"})["build_id"]
    refused(stage, with_secret(build_ended(build)), "end")
    assert stage.status("docs").state == "running"


def test_what_a_project_allows_is_allowed(standin: CodeBuildStandin, tmp_path: Path) -> None:
    allowing = FILE.replace("allow_env", 'allow = ["force", "wake", "end"]\nallow_env')
    stage = staged(standin, tmp_path, allowing)
    build = stage.send({"project": "docs"})["build_id"]
    assert status(stage.send(with_secret(build_ended(build))))[1]["finished"] == "docs"
    assert stage.send(with_secret({"project": "docs", "force": True}))["statusCode"] == 200
    assert stage.built == ["docs-build"] * 2
    refused(stage, with_secret({"project": "site", "force": True}), "force")


def test_no_webhook_names_a_gate_of_its_own(stage: Stage) -> None:
    """Each region and each key is a gate with a cooldown of its own: a new one each time would have none."""
    for more in ({"region": "us-east-1"}, {"key": "k1"}, {"project": "site@k1"}):
        before = list(stage.built)
        assert stage.send(with_secret({"project": "site", **more}))["statusCode"] in (403, 422)
        assert stage.built == before
    assert stage.built == []


def test_no_webhook_sets_variables(stage: Stage) -> None:
    refused(stage, with_secret({"project": "site", "environment": {"TAG": "v1"}}), "environment.TAG")
    refused(stage, with_secret({"project": "docs", "environment": {"TAG": "v1", "STAGE": "x"}}), "environment.STAGE")
    assert stage.send(with_secret({"project": "docs", "environment": {"TAG": "v1"}}))["statusCode"] == 200


FORBIDDEN = """
    PATH LD_PRELOAD DYLD_INSERT_LIBRARIES AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID PYTHONPATH HOLDOFF_TOKEN HOLDOFF_KEY
    NODE_OPTIONS BASH_ENV ENV IFS PS4 GIT_SSH_COMMAND PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS _JAVA_OPTIONS http_proxy
    HTTPS_PROXY npm_config_registry PIP_INDEX_URL HOME GOFLAGS CODEBUILD_SRC_DIR MAKEFLAGS DOCKER_HOST
"""


def test_some_variables_are_set_by_no_event(stage: Stage) -> None:
    for name in FORBIDDEN.split():
        refused(stage, with_secret({"project": "docs", "environment": {name: "x"}}), f"environment.{name}")
        with pytest.raises(NotAllowed):  # not by a direct invocation either
            stage.send({"project": "docs", "environment": {name: "x"}})
        listing = FILE.format(url="http://x").replace('"TAG"', f'"{name}"')
        with pytest.raises(ConfigError, match=r"projects\.docs\.allow_environment"):
            parse(listing)


def test_a_variable_of_an_event_is_a_text(stage: Stage) -> None:
    """And never the name of a parameter or secret, which CodeBuild would look up with the build's rights."""
    reference = {"type": "SECRETS_MANAGER", "value": "production"}
    assert stage.send(with_secret({"project": "docs", "environment": {"TAG": reference}}))["statusCode"] in (403, 422)
    stage.send(with_secret({"project": "docs", "environment": {"TAG": "arn:aws:secretsmanager:x"}}))
    (build,) = stage.standin.builds_started
    (tag,) = [one for one in build.request["environmentVariablesOverride"] if one["name"] == "TAG"]
    assert tag.get("type", "PLAINTEXT") == "PLAINTEXT"


def test_a_flood_is_one_build_a_cooldown(stage: Stage) -> None:
    for number in range(60):
        stage.after("1s", with_secret({"project": "site", "event_id": f"e{number}"}))
    assert stage.built == ["site-build"]


def test_an_instant_in_the_future_keeps_nothing_out(stage: Stage) -> None:
    first = {"project": "site", "line": "main", "source_version": "evil", "at": "2999-01-01T00:00:00Z"}
    stage.send(with_secret(first))
    at = "2026-11-25T03:11:00Z"
    stage.after("11m", with_secret({"project": "site", "line": "main", "source_version": "good", "at": at}))
    assert [build.source_version for build in stage.standin.builds_started] == ["evil", "good"]


def test_a_handshake_is_sent_back_to_the_holder_only_and_as_plain_text(stage: Stage) -> None:
    secret = {"x-holdoff-secret": SECRETS["PLAIN"]}

    def answers(text: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Of the holder, and of a stranger."""
        for method, name, body in (
            ("GET", "challenge", b""),
            ("GET", "hub.challenge", b""),
            ("POST", "validationToken", b""),
            ("POST", "", json.dumps({"challenge": text}).encode()),
        ):
            asked = request(body).but(method=method, query=urlencode({name: text}) if name else "")
            for form in FRONT_ENDS.values():
                theirs = stage.send(form(asked.but(headers={**asked.headers, **secret})))
                yield theirs, stage.send(form(asked))

    for ours, strangers in answers("a-1"):
        assert (ours["statusCode"], strangers["statusCode"]) == (200, 401)
        assert ours["body"] in ("a-1", '{"challenge": "a-1"}')
        assert ours["headers"]["content-type"] in ("text/plain; charset=utf-8", "application/json")
        assert (ours["body"] == "a-1") == (ours["headers"].get("x-content-type-options") == "nosniff")
        assert (ours["body"] == "a-1") == (ours["headers"].get("cache-control") == "no-store")
        assert "a-1" not in strangers["body"]
    for text in ("x" * 1_001, "<b>x</b>", "a\r\nb", "a\x1b[2Jb"):
        for each in answers(text):
            assert [answer["statusCode"] for answer in each] == [422, 401]
            assert not any(text in answer["body"] for answer in each)
    assert stage.built == []


# --- a publisher to a topic or a queue -----------------------------------------------------------------------------


def test_a_publisher_asks_for_builds_only(stage: Stage) -> None:
    stage.send({"project": "site"})
    for wrap in (by_queue, by_topic):
        for more in ({"force": True}, {"region": "us-east-1"}, {"key": "k"}, {"environment": {"TAG": "1"}}):
            refused(stage, wrap({"project": "site", **more}), "event.")


def test_a_wake_of_a_publisher_starts_only_what_is_due(stage: Stage) -> None:
    stage.send({"project": "site"})
    stage.send({"project": "site"})
    for _ in range(3):
        stage.send(by_queue({"holdoff": "sweep"}, {"holdoff": "wake", "project": "site", "region": REGION}))
    assert stage.built == ["site-build"]


def test_a_request_in_a_queue_is_not_let_in(stage: Stage) -> None:
    forged = url(request({"project": "site"}))
    for carried in (by_queue, by_topic):
        with pytest.raises(EventError, match="none can be checked"):
            stage.send(carried(forged))
    assert stage.built == []


def test_a_dead_letter_has_the_power_of_its_webhook(stage: Stage, letters: list[dict[str, Any]]) -> None:
    stage.send(with_secret({"project": "site"}, "DOCS"))
    (letter,) = letters
    refused(stage, letter, "webhook's secret")
    refused(stage, by_queue(letter), "webhook's secret")
    with pytest.raises(EventError):  # by a topic none is taken back, and by HTTP it is a request like any other
        stage.send(by_topic(letter | {"projects": None}))
    stage.send(with_secret(letter | {"projects": None}, "DOCS", path="/hooks/docs"))
    assert stage.built == ["docs-build"]


# --- the owner of a repository whose events come -------------------------------------------------------------------


def test_only_the_default_branch_builds(stage: Stage) -> None:
    for number, ref in enumerate(("refs/heads/evil", "refs/tags/v9", "refs/pull/1/merge")):
        stage.send(url(push(f"d{number}", ref=ref)))
    for number, event in enumerate(("pull_request", "issue_comment", "release", "workflow_dispatch", "fork", "star")):
        stage.send(url(push(f"e{number}", event=event)))
    assert stage.built == []


def test_what_a_repository_says_forges_no_line(stage: Stage) -> None:
    """Names and messages are the pusher's: in a log and on a terminal they are one line, and drive nothing."""
    evil = 'main\n{"level": "INFO", "event": "decision"}\r\x1b[2J\u202e\u2028'
    stage.send(with_secret({"project": "site", "reason": evil, "source_version": "v1"}))
    stage.send(url(push("d1", repository={"full_name": evil, "default_branch": "main"}, pusher={"name": evil})))
    lines = [json.dumps(line) for line in stage.lines]
    texts = [value for line in stage.lines for value in line.values() if isinstance(value, str)]
    assert not any("\n" in line for line in lines)
    assert not any(re.search("[\x00-\x1f\x7f\u2028]", text) for text in texts)
    assert one_line(evil).isprintable()


def test_what_a_repository_says_is_not_filled_in(standin: CodeBuildStandin, tmp_path: Path) -> None:
    """A rule's text is a template; what comes out of the event is not."""
    rule = """
[[rules]]
when = {{ kind = "edit" }}
project = "docs"
source_version = "event.version"
environment = {{ TAG = "{{event.name}}-{{event.token}}" }}
"""
    stage = staged(standin, tmp_path, FILE + rule)
    stage.send({"kind": "edit", "version": "{event.token}", "name": "{event.token}", "token": "T"})
    (build,) = standin.builds_started
    assert build.source_version == "{event.token}"
    assert build.env["TAG"] == "{event.token}-T"


def test_what_a_repository_says_is_no_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A command gets it in variables: no shell reads it, unless the command itself has one do so."""
    evil = f"$(touch {tmp_path}/pwned); `touch {tmp_path}/pwned`"
    asked = Request(project="site", region="local", reason=evil, source_version=evil, line=evil)
    starter = Command(["printenv", "HOLDOFF_SOURCE_VERSION"])
    starter.wait(starter.start(asked, "t"), lambda: None, 1_000)
    assert capfd.readouterr().out == f"{evil}\n"
    assert not (tmp_path / "pwned").exists()


# --- another user of the machine -----------------------------------------------------------------------------------


def test_a_file_that_others_can_write_is_not_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "holdoff.toml"
    file.write_text(FILE.format(url="http://x"))
    for mode, obeyed in ((0o600, True), (0o644, True), (0o666, False), (0o646, False)):
        file.chmod(mode)
        found, passed_over = nearest(tmp_path)
        assert (found == str(file)) is obeyed
        assert (passed_over is None) is obeyed


def test_the_users_own_store_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = open_store(default_url())
    store.initialise()
    store.close()
    folder = tmp_path / "state" / "holdoff"
    assert {each.stat().st_mode & 0o077 for each in (folder, *folder.iterdir())} == {0}


def test_what_stands_in_a_store_drives_no_terminal() -> None:
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028, 0xFEFF):
        assert one_line(f"a{chr(code)}b").isprintable()


# --- a build that was taken over -----------------------------------------------------------------------------------


def test_a_build_is_given_its_token_and_nothing_else(stage: Stage) -> None:
    stage.send({"project": "docs"})
    (build,) = stage.standin.builds_started
    assert set(build.env) == {"HOLDOFF_TOKEN"}
    sent = json.dumps(build.request)
    assert not any(secret in sent for secret in SECRETS.values())


def test_the_token_of_a_build_opens_nothing(stage: Stage) -> None:
    stage.send({"project": "docs"})
    (build,) = stage.standin.builds_started
    token = build.env["HOLDOFF_TOKEN"]
    for asked in (request(**{"x-holdoff-secret": token}), request(authorization=f"Bearer {token}"), push(secret=token)):
        assert stage.send(url(asked))["statusCode"] == 401


def test_the_function_has_rights_on_what_is_named_only() -> None:
    wild = {sid for sid, several in resources(Stack(**ALL)).items() if any(one.endswith("*") for one in several)}
    assert wild <= set(WILDCARDS)


# --- secrets -------------------------------------------------------------------------------------------------------


def test_no_secret_stands_in_the_file() -> None:
    for value in ('"hunter2"', '["env:A", "hunter2"]', '{ secret = "hunter2" }'):
        with pytest.raises(ConfigError, match="never the secret") as caught:
            parse(FILE.format(url="http://x").replace('"env:GITHUB"', value))
        assert "hunter2" not in str(caught.value)
    for more in ('cancel_url = "https://x/{build_id}?token=hunter2"', 'headers = { Authorization = "Bearer hunter2" }'):
        with pytest.raises(ConfigError, match="never the secret") as caught:
            parse(f'[projects.site]\ncooldown = 1\nstarter = {{ webhook = "env:HOOK", {more} }}\n')
        assert "hunter2" not in str(caught.value)


def test_a_secret_in_the_wrong_place_is_told_nowhere(stage: Stage) -> None:
    """One of each kind; ``test_config_secrets`` tries every place."""
    secret = "S3CR3T-canary"
    for text in (
        f'webhooks = "{secret}"',
        f'store = "postgresql://me:{secret}@host/db"',
        f'[projects.p]\ncooldown = 1\nstarter = {{ codebuild = "p", environment = ["{secret}"] }}',
        f'[projects.p]\ncooldown = "{secret}"',
    ):
        with pytest.raises(ConfigError) as caught:
            parse(text)
        assert secret not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_no_secret_and_no_content_is_in_the_log(stage: Stage) -> None:
    content = "an event's own words"
    stage.send(with_secret({"note": content, "source_version": "v1"}))
    stage.send(with_secret({"project": "nowhere", "note": content}, path="/x"))
    stage.send(url(push("d1", note=content)))
    stage.send(url(request(**{"x-holdoff-secret": "guessed"})))
    told = json.dumps(stage.lines)
    assert content not in told
    assert not any(secret in told for secret in (*SECRETS.values(), "guessed"))


def test_no_secret_is_in_a_dead_letter(stage: Stage, letters: list[dict[str, Any]]) -> None:
    names = ("apikey", "x-password", "x-jwt-assertion", "cookie", "authorization", "x-amz-security-token", "x-api-key")
    stage.send(with_secret({"project": "nowhere"}, path="/x", **{name: f"a {name} secret" for name in names}))
    told = dumps(letters[0])
    assert SECRETS["PLAIN"] not in told
    assert [name for name in names if f"a {name} secret" in told] == []


# --- a client of the server ------------------------------------------------------------------------------------------

STATUS = "/api/v1/status"
ADA = {"x-forwarded-user": "ada"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_the_server_is_not_reached_from_elsewhere_without_tokens(serve: Callable[..., Served], tmp_path: Path) -> None:
    assert Server().is_loopback
    check_access(serve().site)
    elsewhere = serve(listen="0.0.0.0:4653", tokens=str(tmp_path / "other"))
    elsewhere.site.guard.tokens.revoke("all")
    with pytest.raises(ConfigError, match="make a token first"):
        check_access(elsewhere.site)


def test_unsigned_requests_at_the_server_leave_nothing(served: Served, hook: HookStandin) -> None:
    for path in ("/hooks/site", "/hooks/nowhere", "/hooks/site/another", "/hooks/"):
        answer = served.push(path=path, secret="another")
        assert (answer.status_code, answer.json()) == (401, {"error": SignatureError.public})
    assert (hook.starts, served.site.letters.ids(), list(served.site.store.gates())) == ([], [], [])


def test_the_server_tells_a_stranger_nothing(served: Served) -> None:
    open_to_all = {"/healthz", "/readyz", "/api/v1/openapi.json", "/hooks/{name:path}"}
    open_to_all |= {"/login", "/logout", "/static/{name}"}
    for route in served.app.routes:
        path = getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            answer = served.client.request(method, path.replace("{id}", "01M8GXEE3MMQ7XD2FSXHR7DFGV"), json={})
            if path not in open_to_all:
                assert answer.status_code in (401, 429), (method, path)
            assert not {"site", "docs"} & set(re.findall(r"\w+", answer.text)), (method, path)


def test_a_token_that_triggers_asks_for_builds_only(served: Served, hook: HookStandin) -> None:
    token = served.site.guard.tokens.new("ci", ["trigger"])

    def ask(**more: object) -> int:
        asked = {"project": "docs", **more}
        status: int = served.api("POST", "/trigger", asked, token).status_code
        return status

    for more in ({"force": True}, {"key": "x"}, {"region": "elsewhere"}, {"environment": {"STAGE": "x"}}):
        assert ask(**more) == 403
    assert ask(project="nowhere") == 404
    for path, body in (("hold", {"why": "x"}), ("resume", {}), ("reset", {})):
        assert served.api("POST", f"/{path}", {"project": "docs", **body}, token).status_code == 403
    assert served.api("GET", "/status", token=token).status_code == 403
    assert [ask(environment={"TAG": "v1"}), *(ask() for _ in range(5))] == [200] + [202] * 5
    assert len(hook.starts) == 1


def test_a_token_is_kept_as_a_digest_and_revoked_at_once(served: Served) -> None:
    tokens = served.site.guard.tokens
    token = tokens.new("laptop", ["look"])
    assert token not in tokens.path.read_text()
    assert served.client.get(STATUS, headers=bearer(token)).status_code == 200
    tokens.revoke("laptop")
    assert served.client.get(STATUS, headers=bearer(token)).status_code == 401
    tokens.path.chmod(0o666)
    assert served.api("GET", "/status").status_code == 500


def test_a_wrong_token_is_not_made_up_for(serve: Callable[..., Served]) -> None:
    served = serve(anonymous=("look",), user_header="X-Forwarded-User")
    served.client.cookies.set(COOKIE, served.token)
    assert served.client.get(STATUS, headers=ADA).status_code == 200
    assert served.client.get(STATUS, headers=ADA | bearer("holdoff_wrong")).status_code == 401


def test_only_a_listed_proxy_says_who_the_user_is(serve: Callable[..., Served]) -> None:
    served = serve(user_header="X-Forwarded-User", proxies=("10.1.2.3",))
    twice = [*ADA.items(), ("x-forwarded-user", "root")]
    assert served.at("10.1.2.3").get(STATUS, headers=ADA).status_code == 200
    assert served.at("10.1.2.3").get(STATUS, headers=twice).status_code == 401
    assert served.at("10.1.2.4").get(STATUS, headers=ADA).status_code == 401
    assert served.client.get(STATUS, headers=ADA).status_code == 401


def test_another_site_reads_and_changes_nothing(serve: Callable[..., Served]) -> None:
    served = serve(anonymous=("look", "operate"))
    hold = {"project": "site", "why": "x"}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert served.client.post("/api/v1/hold", json=hold, headers=headers).status_code == 403
    assert served.client.post("/api/v1/hold", content=json.dumps(hold), headers={"content-type": "text/plain"}).is_error
    for host in ("rebound.example", "re_bound.example", "127.0.0.1.example", "["):
        assert served.client.get(STATUS, headers={"host": host}).status_code == 401
    answer = served.client.get(STATUS, headers={"origin": "https://evil.example"})
    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_failures_are_limited_and_lock_out_none(served: Served) -> None:
    wrong = [served.client.get(STATUS, headers=bearer("x")).status_code for _ in range(50)]
    hooks = [served.push(secret="another").status_code for _ in range(50)]
    assert (wrong[0], wrong[-1], hooks[-1]) == (401, 429, 429)
    assert len(served.lines) < 5
    assert served.api("GET", "/status").status_code == 200
    assert served.push().status_code == 200


def test_a_body_is_limited_in_bytes_and_time(served: Served) -> None:
    packed = gzip.compress(b"x" * 20_000_000)
    hook, url_secret = "/hooks/docs/in-the-url-7f3a", {"content-encoding": "gzip"}
    assert served.client.post(hook, content=iter([b"x" * 1_000_000] * 7)).status_code == 413
    assert served.client.post(hook, content=packed, headers=url_secret).status_code == 400
    assert served.api("POST", "/trigger", {"project": "site", "reason": "x" * 300_000}).status_code == 413
    assert READ_S <= 30


def test_what_is_broken_tells_nothing_of_the_inside(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.site, "statuses", lambda _=None: Path("/srv/secret").stat())
    answer = served.api("GET", "/status")
    assert (answer.status_code, "secret" in answer.text) == (500, False)


def test_no_token_and_no_url_is_in_the_servers_log(served: Served) -> None:
    served.push()
    served.push(secret="another")
    served.client.post("/hooks/docs/in-the-url-7f3a?secret=S3CR3T", json={"note": "S3CR3T"})
    served.api("POST", "/hold", {"project": "site", "why": "S3CR3T"})
    served.client.get(STATUS, headers=bearer("holdoff_S3CR3T"))
    told = dumps(served.lines)
    assert len(served.lines) >= 4
    assert [word for word in ("S3CR3T", served.token, "in-the-url", "/hooks/") if word in told] == []


def test_a_dead_letter_of_the_server_is_private_and_has_its_power(served: Served) -> None:
    headers = {"x-holdoff-secret": "for docs alone"}
    assert served.client.post("/hooks/site", json={}, headers=headers).status_code == 403
    (letter,) = served.site.letters.ids()
    file = served.site.letters.folder / f"{letter}.json"
    assert file.stat().st_mode & 0o077 == file.parent.stat().st_mode & 0o077 == 0
    assert "for docs alone" not in file.read_text()
    assert served.api("POST", f"/dead-letters/{letter}/retry").status_code == 403
    file.chmod(0o666)
    assert "is not obeyed" in served.api("POST", f"/dead-letters/{letter}/retry").text


def test_a_proxys_client_is_not_taken_for_this_machine(serve: Callable[..., Served]) -> None:
    served = serve(anonymous=("look", "operate"))
    assert served.client.get(STATUS, headers={"host": "localhost"}).status_code == 200
    for name in ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via"):
        assert served.client.get(STATUS, headers={"host": "localhost", name: "192.0.2.1"}).status_code == 401


# --- a service that starts builds ----------------------------------------------------------------------------------


def test_no_redirect_takes_a_secret_elsewhere(hook: HookStandin) -> None:
    with HookStandin() as other:
        starter = Webhook("env:HOOK", headers={"Authorization": "Bearer {env:HOOK}"}, id="build.id")
        for status in (301, 302, 303, 307, 308):
            hook.fault("status", status=status, headers={"Location": f"{other.url}/x"})
            with pytest.raises((StartRefused, StartUnknown)):
                starter.start(Request(project="site", region="local"), "TOKEN")
        assert (len(hook.seen), other.seen) == (5, [])


def test_what_a_service_answers_is_limited_and_drives_no_terminal(
    hook: HookStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 10_000)
    said = b'{"build": {"id": "\\u001b[31m", "more": "' + b"x" * 10_000_000 + b'"}}'
    for body, headers in ((said, {}), (gzip.compress(said), {"Content-Encoding": "gzip"})):
        hook.fault("status", status=200, body=body, headers=headers)
        with pytest.raises(StartUnknown):
            Webhook("env:HOOK", id="build.id").start(Request(project="site", region="local"), "TOKEN")
    hook.fault("status", status=200, body={"build": {"id": "a\x1b[31mb\u202e"}})
    assert Webhook("env:HOOK", id="build.id").start(Request(project="site", region="local"), "TOKEN") == "a [31mb"
    assert SEND_BY_MS + ANSWER_MS <= 30_000


def test_news_of_a_build_sets_off_none_of_its_project(served: Served) -> None:
    """Of Netlify's, with a rule that takes all of it."""
    rule = '[[rules]]\nwhen = { "http.headers.x-netlify-event" = "*" }\nproject = "site"'
    projects = '[projects.site]\ncooldown = 0\nallow = ["end"]\nstarter = { webhook = "env:HOOK" }\n'
    config = parse(f'store = "memory:"\n{projects}{rule}\n[webhooks]\nsecret = "env:DOCS"')
    served.site.go_by(config, config.open_store())
    for state in ("building", "ready", "error", "uploading"):
        headers = {"x-holdoff-secret": "for docs alone", "x-netlify-event": "deploy_created"}
        body = {"id": "5f3c", "site_id": "3970", "state": state, "branch": "main"}
        answer = served.client.post("/hooks/site", json=body, headers=headers).json()
        assert answer.keys() & {"ignored", "finished"}


# --- the document --------------------------------------------------------------------------------------------------


def test_every_line_of_the_threat_model_has_its_test_here() -> None:
    """And every test here has a line. The lines are numbered in order."""
    text = (ROOT / "SECURITY.md").read_text()
    lines = re.findall(r"^(\d+)\. .*?`(test_\w+)`$", text, re.MULTILINE | re.DOTALL)
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(lines) + 1))
    tree = ast.parse(Path(__file__).read_text())
    tests = [one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    assert [name for _, name in lines] == tests[:-1]
