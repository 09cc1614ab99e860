"""Webhooks at the server: the answers of the ingress, given once what was decided is in the store."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from holdoff.config import parse
from holdoff.core.errors import SignatureError, StoreUnavailable
from holdoff.core.request import GateKey
from holdoff.core.units import iso
from holdoff.ingress import aws_http
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.http import HttpRequest, http_request
from holdoff.ingress.webhook import reply_to
from holdoff.plan.read import from_bytes
from holdoff.server import bodies, hooks
from holdoff.stores.memory import MemoryStore
from holdoff.wake.loop import WakeLoop
from tests.ingress.signed import FRONT_ENDS
from tests.server.conftest import FILE, SECRETS, Served, signed_push
from tests.waiting import PATIENCE_S
from tests.waiting import until as wait_for

if TYPE_CHECKING:
    from holdoff.core.record import Record
    from tests.standins.hooks import HookStandin

SITE, DOCS = GateKey("site", "local"), GateKey("docs", "local")
BRANCH = "refs/heads/side"


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_push_is_built_and_the_next_one_waits(served: Served, hook: HookStandin) -> None:
    first, second = served.push("d1"), served.push("d2", version="9c01d3e")

    assert (first.status_code, first.json()["message"]) == (200, "site started: build b0")
    assert second.status_code == 202
    assert second.json()["message"] == "site deferred: last built 0s ago, starts in 10m"
    assert len(hook.starts) == 1


def test_a_starter_that_exits_is_told_and_its_webhook_is_kept(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender got a bare 500, the log said nothing, and the webhook was gone."""
    monkeypatch.setattr(served.site.dispatch.gate(SITE).starter, "start", Mock(side_effect=SystemExit(3)))

    answer = served.push("d1")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/json")
    assert "site (local): its starter or its store raised SystemExit" in served.lines[-1]["message"]
    assert len(served.site.letters.ids()) == 1


def test_a_start_that_the_store_did_not_take_is_recorded_by_the_loop(
    served: Served, hook: HookStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook could not be asked for the build, so the loop started it again."""
    swap = MemoryStore.swap

    def swap_no_build(store: MemoryStore, key: GateKey, *, new: Record, **more: Any) -> object:
        if new.running is not None:
            raise StoreUnavailable("no answer")
        return swap(store, key, new=new, **more)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "swap", swap_no_build)
        assert "not yet recorded" in served.push("d1").json()["message"]
    served.clock.advance("2m")
    (decision,) = WakeLoop(served.site.store, served.site.gate_to_wake, clock=served.clock).once()

    assert decision.taken_over == "b0"
    assert len(hook.starts) == 1


def _plain(path: str, body: object = None, **headers: str) -> tuple[str, bytes, dict[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return path, content, {"content-type": "application/json", **headers}


def _signed(path: str = "/hooks/site", secret: str = "GITHUB", **more: Any) -> tuple[str, bytes, dict[str, str]]:
    return (path, *signed_push("d9", SECRETS.get(secret, secret), **more))


ASKED: dict[str, tuple[int, tuple[str, bytes, dict[str, str]]]] = {
    "started": (200, _signed()),
    "a side branch": (200, _signed(ref=BRANCH)),
    "a wrong signature": (401, _signed(secret="another")),
    "none at all": (401, _plain("/hooks/site")),
    "the secret in its URL": (200, _plain("/hooks/docs/in-the-url-7f3a")),
    "another's secret in its URL": (401, _plain("/hooks/docs/another")),
    "not this one's project": (403, _plain("/hooks/site", None, **{"x-holdoff-secret": SECRETS["DOCS"]})),
    "no project": (422, _plain("/hooks/other/in-the-url-7f3a")),
    "no JSON": (422, _plain("/hooks/docs/in-the-url-7f3a", b"{")),
    "no gzip": (400, _plain("/hooks/docs/in-the-url-7f3a", b"\x1f\x8b", **{"content-encoding": "gzip"})),
}


@pytest.mark.parametrize("name", list(ASKED))
def test_the_answer_is_that_of_a_function(served: Served, name: str) -> None:
    """The same request, as a function's URL hands it on."""
    status, (path, body, headers) = ASKED[name]
    ours = served.client.post(path, content=body, headers=headers)
    other = Served(served.folder / "other")
    event = FRONT_ENDS["url"](_request(path, body, headers))
    reply = reply_to(
        lambda: http_request(event),
        other.clock.now_ms(),
        other.site.dispatch,
        lambda: 10**9,
        webhooks=other.site.settings.webhooks(other.site.config, other.clock.now_ms()),
        keep=lambda _: None,
        log=EventLog(lambda _: None, clock=other.clock),
    )
    theirs = aws_http.response(event, reply)
    other.close()

    assert ours.status_code == theirs["statusCode"] == status
    told = json.loads(theirs["body"])
    same = {"outcome", "why", "error", "ignored"} & told.keys()
    assert same
    assert {one: ours.json()[one] for one in same} == {one: told[one] for one in same}


def _request(path: str, body: bytes, headers: dict[str, str]) -> HttpRequest:
    return HttpRequest(method="POST", path=path, headers=headers, body=body)


def test_of_two_signatures_neither_is_left_out(served: Served) -> None:
    body, headers = signed_push("d1", SECRETS["GITHUB"])
    twice = [*headers.items(), ("x-hub-signature-256", "sha256=0")]

    assert served.client.post("/hooks/site", content=body, headers=twice).status_code == 401


def test_a_sender_of_cloud_events_may_ask_whether_it_may(served: Served) -> None:
    """https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection"""
    asks = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    answer = served.client.options("/hooks/docs/in-the-url-7f3a", headers=asks)
    stranger = served.client.options("/hooks/docs/another", headers=asks)

    assert (answer.status_code, answer.headers["webhook-allowed-origin"]) == (200, "eventgrid.azure.net")
    assert (stranger.status_code, "webhook-allowed-origin" in stranger.headers) == (401, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hooks/site"),
        ("GET", "/hooks/docs/in-the-url-7f3a"),
        ("GET", "/hooks/docs/in-the-url-7f3a?challenge="),
        ("GET", "/hooks/docs/in-the-url-7f3a?validationToken=a-1"),
        ("HEAD", "/hooks/docs/in-the-url-7f3a?challenge=a-1"),
        ("PUT", "/hooks/docs/in-the-url-7f3a?challenge=a-1"),
    ],
)
def test_only_post_is_a_hook(served: Served, method: str, path: str) -> None:
    answer = served.client.request(method, path)

    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "POST" in answer.headers["allow"]
    assert served.site.letters.ids() == []


@pytest.mark.parametrize(
    ("method", "query", "text"),
    [
        ("GET", "challenge=a-1", "a-1"),
        ("GET", "hub.mode=subscribe&hub.challenge=a-1", "a-1"),
        ("POST", "validationToken=Validation%3A+Testing+client", "Validation: Testing client"),
        ("POST", "validationtoken=%C3%A4", "ä"),
    ],
)
def test_a_handshake_in_the_url_is_answered_with_its_text_alone(
    served: Served, hook: HookStandin, method: str, query: str, text: str
) -> None:
    answer = served.client.request(method, f"/hooks/docs/in-the-url-7f3a?{query}")
    by_query = served.client.request(method, f"/hooks/docs?secret=in-the-url-7f3a&{query}")
    stranger = served.client.request(method, f"/hooks/docs/another?{query}")
    unsigned = served.client.request(method, f"/hooks/docs?{query}")

    for one in (answer, by_query):
        assert (one.status_code, one.text) == (200, text)
        assert one.headers["content-type"] == "text/plain; charset=utf-8"
        assert one.headers["x-content-type-options"] == "nosniff"
    for one in (stranger, unsigned):
        assert (one.status_code, one.json()) == (401, {"error": SignatureError.public})
    assert (hook.starts, served.site.letters.ids()) == ([], [])


def test_a_handshake_in_the_body_is_answered(served: Served, hook: HookStandin) -> None:
    answer = served.client.post("/hooks/docs/in-the-url-7f3a", json={"challenge": "a-1"})

    assert (answer.status_code, answer.json()) == (200, {"challenge": "a-1"})
    assert hook.starts == []


@pytest.mark.parametrize("asked", ["nowhere/in-the-url-7f3a?validationToken=a-1", "docs?validationToken=%3Cb%3E"])
def test_a_refused_handshake_is_no_dead_letter(served: Served, asked: str) -> None:
    """Without its query it would build, sent again."""
    answer = served.client.post(f"/hooks/{asked}&secret=in-the-url-7f3a")

    assert answer.status_code == 422
    assert served.site.letters.ids() == []


# --- decided before it is answered -----------------------------------------------------------------------------------


def test_a_start_goes_on_behind_the_answer(served: Served, hook: HookStandin) -> None:
    served.site.starts.started_s = 0
    fault = hook.fault("hang", after=True)
    answer = served.push("d1")
    claim = served.site.store.get(SITE).claim

    assert answer.status_code == 202
    assert (answer.json()["message"], answer.json()["covers"]) == ("site started: its start is under way", 1)
    assert claim is not None
    assert answer.json()["id"].endswith(claim.token)
    assert claim.covers.request.event_id == "d1"

    fault.release()
    served.close()  # which waits for it
    assert [line["kind"] for line in served.lines] == ["start"]


def test_each_change_is_in_the_store_though_the_first_start_hangs(served: Served, hook: HookStandin) -> None:
    """One event, two projects: the second is not kept waiting by the start of the first."""
    served.site.starts.started_s = 0
    rule = '[[rules]]\nwhen = {}\nproject = ["site", "docs"]\n'
    served.site.go_by(parse(FILE.format(folder=served.folder) + rule), served.site.store)
    hook.fault("hang", times=2)
    answer = served.push("d1")

    assert [one["project"] for one in answer.json()["answers"]] == ["site", "docs"]
    assert all(served.site.store.get(key).claim is not None for key in (SITE, DOCS))


def test_a_decision_is_counted_and_logged_once(served: Served, hook: HookStandin) -> None:
    served.site.starts.started_s = 0
    hook.fault("status", status=404)
    served.push("d1")
    served.close()
    (line,) = (line for line in served.lines if line["event"] == "decision")

    assert (line["outcome"], line["why"], line["event_id"]) == ("failed", "start_failed", "d1")
    assert served.api("GET", "/status").json()["gates"][1]["pending"]["count"] == 1


def test_what_is_not_decided_in_time_is_a_letter_and_is_decided_yet(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.site.starts.decided_s = 0.01
    store, go_on = served.site.store, threading.Event()
    swap = store.swap

    def slow(*key: Any, **more: Any) -> Any:
        go_on.wait(PATIENCE_S)
        return swap(*key, **more)

    monkeypatch.setattr(store, "swap", slow)
    answer = served.push("d1")
    go_on.set()
    served.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert len(served.site.letters.ids()) == 1
    assert [line.get("outcome") for line in served.lines] == [None, "started"]


def test_no_sender_waits_long_for_its_turn(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "ANSWERED_S", 0.01)
    read, go_on = served.site.store.get, threading.Event()
    monkeypatch.setattr(served.site.store, "get", lambda key: read(key) if go_on.wait(PATIENCE_S) else None)
    answer = served.push("d1")
    kept = served.site.letters.ids()
    go_on.set()
    wait_for(lambda: served.lines)

    assert (answer.status_code, answer.headers["retry-after"], kept) == (503, "30", [])
    assert [line["outcome"] for line in served.lines] == ["started"]


def test_no_more_than_so_many_wait_for_a_store_that_hangs(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were answered before their turn wait, too; each has its body in the memory."""
    monkeypatch.setattr(hooks, "ANSWERED_S", 0.01)
    monkeypatch.setattr(hooks, "MOST_TURNS", 2)
    read, go_on = served.site.store.get, threading.Event()
    monkeypatch.setattr(served.site.store, "get", lambda key: read(key) if go_on.wait(PATIENCE_S) else None)
    with served.client:  # one loop for all, as a server has
        answers = [served.push(delivery) for delivery in ("d1", "d2", "d3")]
        go_on.set()
        monkeypatch.setattr(hooks, "ANSWERED_S", PATIENCE_S)
        wait_for(lambda: served.push("d4").status_code == 202)
        wait_for(lambda: len(served.lines) == 3)

    assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(503, "30")] * 3
    assert answers[2].json()["detail"] == "too many requests wait: send it again"
    assert sorted(line["event_id"] for line in served.lines) == ["d1", "d2", "d4"]


def test_what_comes_too_late_for_a_server_that_ends_is_a_letter(served: Served) -> None:
    served.close()
    answer = served.push("d1")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert [served.site.letters.about(one)["error"] for one in served.site.letters.ids()] == [
        "this server is stopping, or has no room for another thread. Send it again"
    ]


def test_the_log_has_each_trigger_for_the_planner(served: Served, hook: HookStandin) -> None:
    """Also one whose start goes on behind the answer; and a wake's is none."""
    served.site.starts.started_s = 0
    first, second = hook.fault("hang", after=True), hook.fault("hang", after=True)
    for delivery in ("d1", "d2"):
        served.push(delivery, version=delivery)
    first.release()
    wait_for(lambda: len(served.lines) == 2)
    served.clock.advance("1h")
    served.site.starts.decide(served.site.gate(SITE), None)
    second.release()
    served.close()

    assert [line["kind"] for line in served.lines] == ["http", "start", "wake"]
    log = "\n".join(["holdoff: serving ...", *map(json.dumps, served.lines)])  # as systemd keeps it
    assert len(from_bytes(log.encode(), "the log").at_ms) == 2


def test_a_wake_that_takes_a_start_over_covers_no_trigger(served: Served, hook: HookStandin) -> None:
    """The start of another, left unfinished, is no sign that this trigger is in the store."""
    fault = hook.fault("hang")
    served.site.starts.started_s = 0
    served.push("d1")
    claimed = served.site.store.get(SITE).claim
    assert claimed is not None
    served.clock.advance("2m")
    hook.fault("hang")
    pushed: list[Any] = []
    thread = threading.Thread(target=lambda: pushed.append(served.push("d2", version="9c01d3e")))
    thread.start()
    assert hook.faults[1].arrived.wait(PATIENCE_S)  # the take-over's request
    assert pushed == []
    for one in (fault, hook.faults[1]):
        one.release()
    thread.join()
    record = served.site.store.get(SITE)

    assert pushed[0].status_code == 202
    assert record.pending is not None
    assert record.pending.request.event_id == "d2"


# --- what cannot be mapped -------------------------------------------------------------------------------------------


def test_what_comes_to_nothing_is_kept_and_can_be_tried_again(served: Served) -> None:
    body = {"project": "nowhere"}
    answer = served.client.post("/hooks/x/in-the-url-7f3a", json=body, headers={"cookie": "c=1"})
    (letter,) = served.api("GET", "/dead-letters").json()["dead_letters"]
    shown = served.api("GET", f"/dead-letters/{letter['id']}").json()
    again = served.api("POST", f"/dead-letters/{letter['id']}/retry")

    assert answer.status_code == again.status_code == 422
    assert (letter["webhook"], letter["path"]) == ("url", "/hooks/x")
    assert letter["kept"] == iso(served.clock.now_ms())
    assert "nowhere" in letter["error"]
    assert json.loads(shown["letter"]["request"]["body"]) == body
    assert "in-the-url" not in json.dumps(shown)
    assert "cookie" not in shown["letter"]["request"]["headers"]

    file = served.site.letters.folder / f"{letter['id']}.json"
    file.write_text(file.read_text().replace("nowhere", "docs"))
    assert served.api("POST", f"/dead-letters/{letter['id']}/retry").json()["outcome"] == "started"
    assert served.site.letters.ids() == []
    assert served.api("POST", f"/dead-letters/{letter['id']}/retry").status_code == 404


def test_why_a_letter_cannot_be_read_is_told(served: Served) -> None:
    for name, wrong in (("0" * 26, None), ("1" * 26, "{")):
        file = served.site.letters.folder / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.mkdir() if wrong is None else file.write_text(wrong)
    told = [letter["error"] for letter in served.api("GET", "/dead-letters").json()["dead_letters"]]

    assert [error.partition("as a dead letter: ")[2] for error in told] == [
        "Is a directory. Mend or delete it",
        "it is not JSON. Mend or delete it",
    ]


def test_letters_are_for_this_user_only_and_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdoff.server.files.MOST_LETTERS", 1)
    answers = [served.client.post("/hooks/x/in-the-url-7f3a", json={"project": "x"}) for _ in range(2)]
    folder = served.site.letters.folder
    (file,) = folder.iterdir()

    assert [one.status_code for one in answers] == [422, 422]
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert [line["kind"] for line in served.lines] == ["http", "http", "dead letters"]


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_a_large_body_is_cut_off(served: Served) -> None:
    assert served.client.post("/hooks/site", content=iter([b"x" * 1_000_000] * 7)).status_code == 413


def test_a_slow_body_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "READ_S", 0.01)

    async def never() -> dict[str, Any]:
        await asyncio.sleep(30)
        return {}

    sent: list[Any] = []

    async def take(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/hooks/site", "raw_path": b"", "query_string": b""}
    scope |= {"headers": [], "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http"}
    asyncio.run(served.app(scope, never, take))

    assert sent[0]["status"] == 408
