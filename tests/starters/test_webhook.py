"""A build hook: what is sent, where its answers have what is asked for, and which settings are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.starters import Webhook
from holdoff.starters.templates import found_at
from tests.standins.hooks import HookStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standins.web import Seen

TOKEN = tokens.make(1_767_225_600_000, 1)
REQUEST = Request(
    project="site",
    region="local",
    key="main",
    reason="Käse & more",
    source_version="v1/2",
    line="acme/site refs/heads/feature/x",
    environment={"STAGE": "prod"},  # type: ignore[arg-type]
)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HookStandin]:
    with HookStandin() as standin:
        monkeypatch.setenv("HOOK", standin.hook)
        monkeypatch.setenv("KEY", "s3cr3t")
        yield standin


def sent(hook: HookStandin, request: Request = REQUEST, **settings: Any) -> Seen:
    starter = Webhook(settings.pop("url", "env:HOOK"), **settings)
    starter.start(starter.freeze(request), TOKEN)
    return hook.seen[-1]


# --- what is sent --------------------------------------------------------------------------------------------------


def test_fields_are_encoded_in_a_url(hook: HookStandin) -> None:
    seen = sent(hook, url="{env:HOOK}?trigger_title={reason}&ref={source_version}&by={by|none}")
    assert seen.query == {"trigger_title": "Käse & more", "ref": "v1/2", "by": "none"}
    assert (seen.method, seen.body) == ("POST", b"")


@pytest.mark.parametrize("dots", [".", ".."])
def test_a_field_is_no_step_in_the_path(hook: HookStandin, dots: str) -> None:
    """Else a trigger could have another address of the service asked, with all that is secret."""
    hook.fault("status", status=200, for_all=True)
    path = sent(hook, request=REQUEST.but(source_version=dots), url="{env:HOOK}/{source_version}/run").path
    assert path.endswith(f"/{dots.replace('.', '%2E')}/run")


def test_a_json_body_has_what_is_known(hook: HookStandin) -> None:
    body = {
        "version": "{source_version}",
        "nested": {"list": ["{reason}", "{by}", 1], "on": True},
        "unknown": "{event_id}",
        "otherwise": "{event_id|none}",
        "mixed": "event {event_id}",
        "variable": "{environment.STAGE}",
        "missing": "{environment.OTHER}",
        "branch": "{branch}",
        "tag": "{tag}",
    }
    assert sent(hook, json=body).json == {
        "version": "v1/2",
        "nested": {"list": ["Käse & more", 1], "on": True},
        "otherwise": "none",
        "mixed": "event ",
        "variable": "prod",
        "branch": "feature/x",
    }


def test_a_form_has_its_secret_by_reference(hook: HookStandin) -> None:
    seen = sent(hook, form={"token": "env:KEY", "VERSION": "{source_version}", "EVENT": "{event_id}", "EMPTY": ""})
    assert seen.form == {"token": "s3cr3t", "VERSION": "v1/2", "EMPTY": ""}
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_header_has_no_more_than_a_header_may(hook: HookStandin) -> None:
    seen = sent(hook, headers={"Authorization": "Bearer {env:KEY}", "X-Why": "{reason}", "X-Event": "{event_id}"})
    assert (seen.headers["authorization"], seen.headers["x-why"]) == ("Bearer s3cr3t", "K?se & more")
    assert "x-event" not in seen.headers


def test_the_token_is_the_idempotency_key(hook: HookStandin) -> None:
    assert sent(hook).headers["idempotency-key"] == TOKEN


def test_or_stands_where_a_text_has_it(hook: HookStandin) -> None:
    seen = sent(hook, headers={"X-Request-Id": "{token}"})
    assert seen.headers["x-request-id"] == TOKEN
    assert "idempotency-key" not in seen.headers


@pytest.mark.parametrize("name", ["accept", "User-Agent", "IDEMPOTENCY-KEY", "Content-type"])
def test_a_header_of_ones_own_is_the_only_one_of_its_name(hook: HookStandin, name: str) -> None:
    """Two of one name a service takes for a list, or refuses."""
    seen = sent(hook, headers={name: "mine {token}"}, json={"a": "1"})
    assert seen.headers[name.lower()] == f"mine {TOKEN}"


def test_a_hook_may_want_another_method(hook: HookStandin) -> None:
    assert sent(hook, method="GET").method == "GET"


def test_what_is_frozen_has_references_and_no_values(hook: HookStandin) -> None:
    frozen = Webhook("env:HOOK", headers={"Authorization": "env:KEY"}).freeze(REQUEST).parameters
    assert json.loads(frozen)["url"] == "{env:HOOK}"
    assert "s3cr3t" not in frozen


@pytest.mark.parametrize("url", ["not a URL", "ftp://host/x", "http://", "http://[::1"])
def test_what_is_no_url_starts_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", url)
    with pytest.raises(StartRefused) as refused:
        Webhook("env:HOOK").start(REQUEST, TOKEN)
    assert not refused.value.worth_retrying
    assert "is no URL. One begins with https:// or http://" in str(refused.value)


# --- the answer ----------------------------------------------------------------------------------------------------


def test_an_id_may_be_in_the_body_or_in_a_header(hook: HookStandin) -> None:
    assert Webhook("env:HOOK", id="build.id").start(REQUEST, TOKEN) == "b0"
    other = tokens.make(1, 1)
    assert Webhook("env:HOOK", id="header:Location").start(REQUEST, other) == "1"


def test_a_202_without_a_body_may_have_the_id_in_a_header(hook: HookStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where it has none is the start's token the id."""
    starter = Webhook("env:HOOK", id="header:Location")
    for headers, build_id in (({"Location": "/queue/item/9/"}, "9"), ({}, TOKEN)):
        monkeypatch.setattr(hook, "reply", lambda _seen, headers=headers: (202, headers, b""))
        assert starter.start(REQUEST, TOKEN) == build_id


@pytest.mark.parametrize("where", ["build", "build.state", "header:X-Build", "build.id.0"])
def test_without_the_id_it_is_not_known_whether_it_builds(hook: HookStandin, where: str) -> None:
    with pytest.raises(StartUnknown, match="without the id") as unknown:
        Webhook("env:HOOK", id=where).start(REQUEST, TOKEN)
    assert "next trigger or wake" not in str(unknown.value)  # the decision says that, and when


def follower(hook: HookStandin, **more: Any) -> Any:
    settings = {"state": "build.state", "succeeded": ["ok", "warm*"], "failed": ["cancelled", "* failure"]}
    url = hook.url + "/builds/{build_id}"
    return Webhook("env:HOOK", id="build.id", status_url=url, **{**settings, **more})


@pytest.mark.parametrize(
    ("state", "says"),
    [("ok", "succeeded"), ("warmed", "succeeded"), ("build failure", "failed"), ("queued", "running"), ("", "running")],
)
def test_a_state_is_an_end_by_its_patterns(hook: HookStandin, state: str, says: str) -> None:
    starter = follower(hook)
    build = starter.start(REQUEST, TOKEN)
    hook.builds[build].state = state
    assert starter.status(build) == says


def test_of_several_states_all_count(hook: HookStandin) -> None:
    starter = follower(hook, state=["build.id", "build.state"], succeeded=["b0 ok"], failed=["* failure"])
    build = starter.start(REQUEST, TOKEN)
    hook.builds[build].state = "ok"
    assert starter.status(build) == "succeeded"


def test_what_cannot_be_asked_raises(hook: HookStandin) -> None:
    starter = follower(hook)
    hook.fault("status", status=500, for_all=True)
    with pytest.raises(HoldoffError, match="500"):
        starter.status("b0")
    hook.fault("lie", for_all=True)
    assert starter.status("b0") is None, "a page of something on the way tells nothing"


def test_the_headers_of_a_question_have_no_trigger(hook: HookStandin) -> None:
    starter = follower(hook, headers={"Authorization": "Bearer {env:KEY}", "X-Why": "{reason}"})
    starter.status("a/b?c")
    seen = hook.seen[-1]
    assert (seen.path, seen.headers["authorization"]) == ("/builds/a%2Fb%3Fc", "Bearer s3cr3t")
    assert not {"x-why", "idempotency-key"} & seen.headers.keys()


def test_cancelling_what_has_ended_is_no_error(hook: HookStandin) -> None:
    starter = follower(hook, cancel_url=hook.url + "/builds/{build_id}/cancel", cancel_method="PUT")
    build = starter.start(REQUEST, TOKEN)
    hook.builds[build].state = "ok"
    hook.fault("status", status=409, for_all=True)
    starter.cancel(build)
    assert hook.seen[1].method == "PUT"
    hook.builds[build].state = "queued"
    hook.fault("status", status=409, for_all=True)
    with pytest.raises(HoldoffError, match="did not stop b0"):
        starter.cancel(build)


def test_a_builder_that_tells_no_states_and_stops_nothing(hook: HookStandin) -> None:
    starter: Any = Webhook("env:HOOK", id="build.id", cancel_url=hook.url + "/builds/{build_id}/cancel")
    build = starter.start(REQUEST, TOKEN)
    hook.fault("status", status=409, for_all=True)
    with pytest.raises(HoldoffError, match=r"did not stop b0: it answered 409"):
        starter.cancel(build)


QUEUE = {"builds": [{"queueId": 7, "result": None}, {"queueId": 6, "result": "SUCCESS"}], "n": [[1], 2]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("builds[queueId={build_id}].result", "SUCCESS"),
        ("builds[queueId=7].result", None),
        ("builds[queueId=8].result", None),
        ("builds.-1.queueId", 6),
        ("builds.2.queueId", None),
        ("n[a=1]", None),
        ("n.0.0", 1),
        ("n.1.x", None),
        ("builds[x=1].y[z=2].w", None),
    ],
)
def test_a_path_leads_to_what_lies_there(path: str, found: object) -> None:
    assert found_at(QUEUE, path, {"build_id": "6"}) == found


# --- settings ------------------------------------------------------------------------------------------------------

FOLLOWED = {"status_url": "https://ci.example/{build_id}", "state": "s", "succeeded": ["ok"], "failed": ["no"]}
WRONG: dict[str, dict[str, Any]] = {
    "webhook": {"url": "https://api.netlify.com/build_hooks/5c23354f454e"},
    "webhook ": {"url": "env:"},
    "webhook  ": {"url": "https://ci.example/{env:JOB}?token=abc"},
    "webhook   ": {"url": "ci.example/{env:JOB}"},
    "webhook    ": {"url": "https://ci.example/\n{env:JOB}"},
    "method": {"method": "BREW"},
    "headers": {"headers": ["x"]},
    "headers.X Y": {"headers": {"X Y": "1"}},
    "headers.7": {"headers": {7: "1"}},
    "headers.Authorization": {"headers": {"Authorization": "Bearer abc"}},
    "headers.X-Functions-Key": {"headers": {"X-Functions-Key": "abc"}},
    "headers.X": {"headers": {"X": "{nothing}"}},
    "headers.Name": {"headers": {"Name": "Jörg"}},
    "headers.idempotency-key": {"headers": {"Idempotency-Key": "{event_id}"}},
    "json": {"json": "x"},
    "json.token": {"json": {"a": {"token": "abc"}}},
    "json.a": {"json": {"a": "{build_id}"}},
    "json.b": {"json": {"a": [{"b": float("nan")}]}},
    "json.c": {"json": {"c": float("-inf")}},
    "form": {"form": {"a": "1"}, "json": {"a": "1"}},
    "form.a": {"form": {"a": 1}},
    "refused": {"refused": "302"},
    "refused ": {"refused": [True]},
    "refused  ": {"refused": [200]},
    "id": {"id": 7},
    "status_url": {**FOLLOWED, "status_url": "https://ci.example/{token}"},
    "status_url ": {**FOLLOWED, "status_url": "https://ci.example/{build_id}?access_token=abc"},
    "status_url  ": {**FOLLOWED, "status_url": "https://me:abc@ci.example/{build_id}"},
    "status_url   ": {**FOLLOWED, "status_url": "https://ci.example/{build_id}/{environment.A}"},
    "status_url    ": {**FOLLOWED, "status_url": "ci.example/{build_id}"},
    "state": {**FOLLOWED, "state": []},
    "succeeded": {**FOLLOWED, "succeeded": []},
    "failed": {**FOLLOWED, "failed": "no"},
    "cancel_url": {"cancel_url": "https://ci.example/{reason}"},
    "cancel_url ": {"cancel_url": "https://ci.example/cancel?id={build_id}&token=abc"},
    "cancel_url  ": {"cancel_url": "ci.example/{build_id}/cancel"},
    "cancel_method": {"cancel_url": "https://ci.example/{build_id}", "cancel_method": "STOP"},
    "token_memory": {"token_memory": "long"},
    "build_lease": {"build_lease": 0},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Webhook(**{"url": "env:HOOK", **WRONG[name]})
    field = refused.value.field
    assert field == name.strip() or (field.startswith(name.split(".")[0]) and field.endswith(name.split(".")[-1]))


def test_a_url_may_begin_with_a_reference_in_capitals_or_after_white_space() -> None:
    Webhook("HTTPS://ci.example/{env:JOB}")
    Webhook(" env:HOOK\n", headers={"Authorization": " env:KEY "})
    Webhook("{env:CI}/job/site/build", cancel_url="env:STOP", **FOLLOWED | {"status_url": "{env:CI}/{build_id}"})  # type: ignore[arg-type]


def test_a_text_with_a_field_that_it_may_not_have_is_told_which_it_may() -> None:
    with pytest.raises(ConfigError, match=r"write a text with no other fields than references such as \{env:NAME\}$"):
        Webhook("env:HOOK", id="{reason}")
    with pytest.raises(ConfigError, match=r"no other fields than \{build_id\} and references such as \{env:NAME\}$"):
        Webhook("env:HOOK", cancel_url="https://ci.example/{reason}")


@pytest.mark.parametrize(("name", "want"), [("state", "where the answer"), ("failed", "a list")])
def test_what_is_missing_beside_a_status_url_is_told(name: str, want: str) -> None:
    settings: dict[str, Any] = {**FOLLOWED, name: []}
    with pytest.raises(ConfigError, match=f"{name} is missing; write it, beside status_url: {want}"):
        Webhook("env:HOOK", **settings)


@pytest.mark.parametrize("name", ["state", "succeeded", "failed"])
def test_what_says_how_to_read_the_state_needs_where_to_ask(name: str) -> None:
    with pytest.raises(ConfigError, match="status_url is missing; write it, beside state"):
        Webhook("env:HOOK", **{name: FOLLOWED[name]})  # type: ignore[arg-type]


def test_a_url_may_have_references_and_parameters_that_are_no_secrets() -> None:
    for url in ("https://ci.example/{env:JOB}?token={env:KEY}", "https://{env:USER}:{env:KEY}@ci.example:8080/a:b@c"):
        Webhook(f"{url}?author=ci&ref={{branch}}", json={"author": "ci", "authors": ["ci"]}, **FOLLOWED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "https://ci.example/build?auth=Bearer%20{env:KEY}&ref=main"},
        {"url": "https://ci.example:8443?by=me@ci.example&key={env:KEY}"},
        {"json": {"cache-key": "v1", "text": "Which token? https://ci.example:8080 or ci@ci.example, a=b"}},
        {"form": {"project-key": "SITE"}},
        {"headers": {"X-Event-Key": "repo:push"}},  # what plug-ins for Bitbucket's webhooks ask for
    ],
)
def test_what_only_looks_like_a_secret_is_taken(settings: dict[str, Any]) -> None:
    Webhook(**{"url": "env:HOOK", **settings})


def test_a_setting_beside_what_it_is_for_is_taken() -> None:
    starter: Any = Webhook("env:HOOK", **FOLLOWED, cancel_url="https://ci.example/{build_id}/x", token_memory="24h")  # type: ignore[arg-type]
    assert (starter.token_memory_ms, starter.build_lease_ms) == (86_400_000, 7_200_000)
    assert hasattr(starter, "status")
    assert not hasattr(Webhook("env:HOOK"), "status")
