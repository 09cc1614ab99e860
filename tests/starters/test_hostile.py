"""Services that answer with what they should not: none of it drives a terminal, sends a secret elsewhere, or is an
error that no code expects."""

from __future__ import annotations

import json
import logging
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from holdoff import Gate, Policy, open_store
from holdoff.core.errors import HoldoffError, StartUnknown
from holdoff.observe.explain import Scene, explain_gate
from holdoff.observe.status import status_of
from holdoff.starters import GitHub, GitLab, Webhook, base
from tests.observe.test_spans import exporter
from tests.standins.hooks import HookStandin
from tests.starters.test_http import KINDS, REQUEST, SECRETS, Case, _secrets, case

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ["_secrets", "case", "exporter"]
TOKEN = "01KEGR0000AAAAAAAAAAAAAAAA"
ESCAPES = "\x1b]0;you\x07\x1b[31m\x9b2J\u202e\u2028\r\n\x00\ud800"


def followed(case: Case) -> Any:
    """The starter of a case with all that it can ask."""
    if case.kind != "webhook":
        return case.starter
    more = {"state": "build.state", "succeeded": ["ok"], "failed": ["bad"]}
    url = case.standin.url + "/builds/{build_id}"
    return case.starter_at(case.standin.url, status_url=url, cancel_url=f"{url}/cancel", **more)


def asked(starter: Any) -> dict[str, Callable[[], object]]:
    """All that a starter asks a service for, besides a start."""
    does = {"status": lambda: starter.status("7"), "cancel": lambda: starter.cancel("7")}
    return does | ({"find": lambda: starter.find(TOKEN, starter.freeze(REQUEST))} if hasattr(starter, "find") else {})


# --- elsewhere -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_and_no_other_host_gets_a_secret(case: Case, status: int) -> None:
    with HookStandin() as other:
        for to in (
            f"{other.url}/x",
            f"//127.0.0.1:{other.url.rpartition(':')[2]}/x",
            "file:///etc/passwd",
            "/same",
            "",
        ):
            case.standin.fault("status", status=status, headers={"Location": to}, for_all=True, times=10)
            assert case.start() in ("never", "unknown")
            for does in asked(followed(case)).values():
                with pytest.raises(HoldoffError):
                    does()
            case.standin.clear_faults()
        assert other.seen == []
    assert {seen.path.rpartition("/")[2] for seen in case.standin.seen}.isdisjoint({"x", "same", "passwd"})


# --- what is said --------------------------------------------------------------------------------------------------


def is_plain(text: str) -> bool:
    """Whether nothing in it drives a terminal."""
    return all(mark.isprintable() or mark == " " for mark in text) and text == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("words", [ESCAPES, "x" * 1_000_000, f"{'x' * 190}{ESCAPES}"], ids=["controls", "long", "both"])
def test_what_a_service_says_drives_no_terminal(case: Case, words: str) -> None:
    case.standin.fault("status", status=403, body={"message": words, "error": words})
    case.start()
    assert is_plain(str(case.error))
    assert len(str(case.error)) < 600


IDS = {"controls": ESCAPES, "long": "7" * 1_000_000, "a path": "../../secrets?x=", "blank": " ", "number": 10**18}


@pytest.mark.parametrize("name", IDS)
def test_an_id_is_kept_as_text_that_fits(case: Case, name: str) -> None:
    starter = followed(case)
    gate = Gate("site", store=open_store("memory:"), policy=Policy("1h"), starter=starter, clock=case.clock)
    said = {"workflow_run_id": IDS[name], "id": IDS[name], "build": {"id": IDS[name]}}
    case.standin.fault("status", status=200, body=said)
    decision = gate.trigger()

    assert decision.outcome == "started"
    assert len(decision.build_id or "") <= 400
    assert is_plain(str(decision))
    # Where it is asked after, its id stays within the path.
    before = len(case.standin.seen)
    try:
        starter.status(decision.build_id)
    except HoldoffError as error:
        assert is_plain(str(error))
    paths = [seen.path for seen in case.standin.seen[before:]]
    assert all(
        path.startswith(("/builds/", "/repos/acme/site/actions/runs/", "/api/v4/projects/acme%2F")) for path in paths
    )
    assert not any("/../" in path for path in paths)


# --- answers to questions ------------------------------------------------------------------------------------------

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "a page": b"<html>Log in</html>",
    "null": b"null",
    "a list": b"[]",
    "lists": b"[[[]]]",
    "a text": b'"x"',
    "a number": b"1e999",
    "NaN": b"NaN",
    "many digits": b"9" * 10_000,
    "deep": b"[" * 100_000,
    "deep tables": b'{"build":' * 50_000,
    "no UTF-8": b'{"build": {"state": "\xff"}}',
    "half": b'{"build": {"state": "ok"',
    "nulls": b'{"status": null, "conclusion": null, "build": null, "workflow_runs": null}',
    "wrong kinds": b'{"status": ["completed"], "conclusion": {}, "build": {"state": [{}]}, "workflow_runs": [1, null]}',
    "empty runs": b'{"workflow_runs": [{}], "build": []}',
    "wrong runs": b'{"workflow_runs": [{"display_title": 7, "id": 1}]}',
    "no instant": b'{"workflow_runs": [{"display_title": "a", "name": "a", "head_branch": "main", "created_at": 1}]}',
    "pipelines": b'[{"source": "api"}, {"source": "api", "id": {}}, 7]',
    "a state that no document has": b'{"status": "melting", "conclusion": "melted", "build": {"state": "molten"}}',
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [200, 203, 404, 418, 500])
def test_an_odd_answer_says_nothing_of_a_build(case: Case, body: str, status: int) -> None:
    starter = followed(case)
    for name, does in asked(starter).items():
        case.standin.fault("status", status=status, body=BODIES[body], for_all=True, times=10)
        try:
            said = does()
        except HoldoffError as error:
            assert name != "find" or isinstance(error, StartUnknown)
        else:
            assert said in {"status": (None, "running"), "cancel": (None,), "find": (None,)}[name]
            # Of a hook any 2xx is one. Else the build goes on, beside the one that is started next.
            assert name != "cancel" or case.kind == "webhook"
        case.standin.clear_faults()


@pytest.mark.parametrize("is_set_back", [False, True])
def test_a_list_without_end_is_not_read_to_it(case: Case, is_set_back: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is as long as a page can be, and slow. A clock that is set back meanwhile gives no more time."""
    if case.kind == "webhook":  # it lists nothing
        return
    run = {"id": 1, "display_title": "x", "name": "y", "head_branch": "z", "created_at": "2026-01-01T00:00:00Z"}
    page = [run | {"source": "push"}] * 100
    body = page if case.kind == "gitlab" else {"workflow_runs": page}
    reply = case.standin.reply

    def endless(seen: Any) -> Any:
        assert len(case.standin.seen) < 100
        if is_set_back:
            case.clock.set("2020-01-01T00:00:00Z")
        case.clock.sleep(1_000)
        return (200, {}, body) if seen.path.endswith(("/runs", "/pipelines")) else reply(seen)

    monkeypatch.setattr(case.standin, "reply", endless)
    with pytest.raises(StartUnknown, match=r"(no time left|no more than 1,000).* reset PROJECT --drop-claim"):
        asked(case.starter)["find"]()
    assert len(case.standin.seen) <= 12


# --- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [None, "drop", "lie", "status"], ids=str)
def test_no_secret_is_in_status_explain_logs_spans_or_the_store(
    kind: str, fault: Any, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    case = Case(kind)
    with case.standin, trace.get_tracer(__name__).start_as_current_span("around"):
        store = open_store("memory:")
        gate = Gate("site", store=store, policy=Policy("1h"), starter=followed(case), clock=case.clock)
        if fault:
            case.standin.fault(fault, status=403, body={"message": "no"})
        decision = gate.trigger(reason="a push", source_version="4f2a91c")
        record = store.get(gate.key)
        scene = Scene(store=store, key=gate.key, record=record, terms=gate.terms, now_ms=case.clock.now_ms())
        told = [
            decision,
            decision.to_dict(),
            explain_gate(scene),
            status_of(gate.key, record, gate.terms, scene.now_ms),
        ]
        told += [record, store.item(gate.key), caplog.text, json.dumps(store.item(gate.key), default=str)]
    told += [span.to_json() for span in exporter.get_finished_spans()]
    assert [secret for secret in SECRETS if secret in "\n".join(map(str, told))] == []


@pytest.fixture(params=["env", "file", "ssm", "secretsmanager"])
def reference(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_starter_takes_every_reference(reference: str) -> None:
    """In each setting that takes one; what it leads to is read later."""
    named = f"{reference}:NAME"
    Webhook(named, headers={"Authorization": f"Bearer {{{named}}}", "X-Key": named}, json={"token": named})
    GitHub("acme/site", workflow="build.yml", token=named)
    GitHub("acme/site", workflow="build.yml", app="Iv23abc", private_key=named)
    GitLab("acme/site", token=named, trigger_token=named)


def test_what_services_said_is_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MOST_SEEN", 2)
    seen: dict[str, int] = {}
    assert [base.remember(seen, str(build), build) for build in range(3)] == [0, 1, 2]
    assert seen == {"2": 2}
