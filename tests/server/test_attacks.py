"""Attacks on ``holdoff serve`` that once came to something, each beside others of its kind."""

from __future__ import annotations

import gzip
import json
import logging
import math
import os
import re
import threading
import tracemalloc
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock
from urllib.parse import quote

import anyio
import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.requests import Request

from holdoff.cli.config_file import ConfigFile
from holdoff.config import Config, load
from holdoff.config.webhooks import webhooks_of
from holdoff.core.errors import ConfigError, StoreError, StoreUnavailable
from holdoff.core.policy import Policy
from holdoff.core.request import Request as BuildRequest
from holdoff.gate import Gate
from holdoff.server import bodies
from holdoff.server.access import MOST_FAILURES
from holdoff.server.files import Letters
from holdoff.server.problems import Problem
from holdoff.server.run import SELDOM_S, seldom
from holdoff.server.starts import Starts, _Progress
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.cli.conftest import PATIENCE
from tests.server.conftest import SECRETS
from tests.server.test_pages import browser, record, stream_of
from tests.users import ALICE, needs_root, public_folder
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.stores.base import Store
    from tests.server.conftest import Served
    from tests.server.test_pages import Browser
    from tests.standins.hooks import HookStandin

__all__ = ["browser"]
LETTER = "01M85NYK00000000000000000A"
UNKNOWN: Any = {"repository": {"full_name": "acme/unknown", "default_branch": "main"}}


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


# --- what strangers write into the log -------------------------------------------------------------------------------

UNREADABLE: dict[str, dict[str, str]] = {
    "unknown encoding": {"content-encoding": "br"},
    "no gzip": {"content-encoding": "deflate"},
    "unsigned": {},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_whatever_a_stranger_sends_is_logged_so_many_times(served: Served, name: str) -> None:
    answers = [
        served.client.post("/hooks/site", content=b"garbage", headers=UNREADABLE[name]).status_code
        for _ in range(MOST_FAILURES + 5)
    ]

    assert answers[MOST_FAILURES:] == [429] * 5
    assert len(served.lines) == MOST_FAILURES + 1
    assert served.push("d1").status_code == 200  # what is right gets through


def test_a_secret_that_cannot_be_had_fills_no_log(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.site.settings, "_environment", {})
    monkeypatch.setattr(served.site.settings._references, "_environment", {})
    answers = [served.push(f"d{place}").status_code for place in range(MOST_FAILURES + 5)]

    assert set(answers) == {500}
    assert len(served.lines) == MOST_FAILURES + 1


def said(*messages: tuple[float, str]) -> list[str]:
    """What passes the filter, of messages at seconds."""
    passes, found = seldom(), []
    for at_s, message in messages:
        record = logging.LogRecord("asyncio", logging.ERROR, "", 0, message, None, None)
        record.created = at_s
        found += [message] if passes(record) else []
    return found


def test_what_libraries_say_of_strangers_is_said_once_a_minute() -> None:
    again = [(place / 100, f"no more files\nsocket {place}") for place in range(500)]

    assert said(*again) == ["no more files\nsocket 0"]
    assert said((0, "a"), (1, "b"), (SELDOM_S, "a")) == ["a", "b", "a"]
    assert said((1e6, "a"), (0, "a")) == ["a", "a"]  # the clock was set back
    assert said((0, "Please use \"pip install 'uvicorn[standard]'\"")) == []


def test_failures_end_though_the_clock_is_set_back(served: Served) -> None:
    def ask() -> int:
        status: int = served.client.get("/api/v1/status").status_code
        return status

    assert [ask() for _ in range(MOST_FAILURES + 1)][-1] == 429
    served.clock.set("2026-11-28T08:00:00Z")
    assert ask() == 401


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_of_two_tokens_neither_is_left_out(served: Served) -> None:
    right, wrong = bearer(served.token), bearer("holdoff_wrong")
    for both in ([right, wrong], [wrong, right]):
        assert served.client.get("/api/v1/status", headers=both).status_code == 401


def _token(**parts: object) -> str:
    return json.dumps({"tokens": [{"name": "x", "scopes": ["look"], "sha256": "0" * 64, "made": "", **parts}]})


SPOILT = {
    "no JSON": "nope",
    "nested": "[" * 100_000,
    "digest is a number": _token(sha256=5),
    "digest is not ASCII": _token(sha256="é"),
    "scope is none": _token(scopes=["all"]),
    "scope is a list": _token(scopes=[["look"]]),
    "name is a number": _token(name=5),
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("path", ["/api/v1/status", "/", "/login"])
def test_a_spoilt_file_of_tokens_tells_a_stranger_nothing(browser: Browser, name: str, path: str) -> None:
    served = browser.served
    served.site.guard.tokens.path.write_text(SPOILT[name])
    headers = dict([bearer("holdoff_wrong")])
    answer = browser.log_in("holdoff_wrong") if path == "/login" else browser.client.get(path, headers=headers)

    assert answer.status_code == 500
    assert "the tokens cannot be read; the log says more" in answer.text
    assert str(served.folder) not in answer.text
    assert served.lines[-1] | {"error": "ConfigError", "kind": "tokens"} == served.lines[-1]


def test_a_folder_where_the_tokens_should_be_lets_none_in(served: Served) -> None:
    path = served.site.guard.tokens.path
    path.unlink()
    path.parent.joinpath("beside").write_text("")
    served.site.guard.tokens.path = path.parent / "beside" / "tokens"  # not even a look is possible

    assert served.api("GET", "/status").status_code == 500
    assert served.lines[-1]["kind"] == "tokens"


def test_a_place_that_takes_no_tokens_is_told(served: Served) -> None:
    tokens = served.site.guard.tokens
    default = "/proc/.local/state/holdoff/srv/www/a-site-with-a-long-name/holdoff.toml.db.tokens"
    for path in ("/proc/holdoff/tokens", default):  # not even root can write there
        tokens.path = Path(path)
        for act in (lambda: tokens.new("laptop", ["look"]), lambda: tokens.revoke("all")):
            with pytest.raises(ConfigError, match=rf"tokens is '{path}'; write a file that can be written \("):
                act()


def test_a_spoilt_file_of_tokens_fills_no_log(served: Served) -> None:
    served.site.guard.tokens.path.write_text("nope")
    answers = [served.api("GET", "/status").status_code for _ in range(MOST_FAILURES + 5)]

    assert answers == [500] * MOST_FAILURES + [429] * 5
    assert len(served.lines) == MOST_FAILURES


# --- a proxy's users -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "host", "status"),
    [
        (4653, "builds.example.com", 200),
        (4653, "builds.example.com:8443", 200),
        (4653, "localhost:4653", 200),  # nginx, unless it is told to hand on another
        (4653, "rebound.example:4653", 401),
        (4653, "[2001:db8::1]:4653", 401),
        (80, "rebound.example", 401),  # a browser leaves this port out
        (80, "[2001:db8::1]", 401),
        (80, "builds.example.com:8443", 200),
    ],
)
def test_a_page_whose_name_leads_here_is_no_proxy(
    serve: Callable[..., Served], port: int, host: str, status: int
) -> None:
    """It sends what it likes, from a browser on this machine, but names the port of the server itself."""
    served = serve(user_header="X-Forwarded-User")
    headers = {"host": host, "x-forwarded-user": "ada", "x-forwarded-for": "192.0.2.1", "origin": f"http://{host}"}

    answer = served.client.get(f"http://localhost:{port}/api/v1/status", headers=headers)
    assert (answer.status_code, "must listen on another port" in answer.text) == (status, status == 401)


# --- bodies ----------------------------------------------------------------------------------------------------------


def _body(size: int, *, is_whole: bool) -> Request:
    """A request with so many bytes of body; if it is not whole, the rest never comes."""
    parts = [{"type": "http.request", "body": b"x" * size, "more_body": not is_whole}]

    async def receive() -> Any:
        return parts.pop() if parts else await anyio.sleep_forever()

    return Request({"type": "http", "method": "POST", "headers": [], "path": "/"}, receive)


def test_large_bodies_have_a_bound_for_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's, say, who sends a thousand at once; small ones are taken all the same."""
    monkeypatch.setattr(bodies, "MOST_LARGE", 100_000)
    large, small = bodies.SMALL + 90_000, bodies.SMALL

    async def attack() -> None:
        async with anyio.create_task_group() as strangers:
            for size in (large, 1, 1):  # small ones that never end give large ones no room
                strangers.start_soon(bodies.read, _body(size, is_whole=False), 10**6)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Problem, match="too many large bodies") as refused:
                await bodies.read(_body(large, is_whole=True), 10**6)
            assert refused.value.status == 503
            assert len(await bodies.read(_body(small, is_whole=True), 10**6)) == small
            strangers.cancel_scope.cancel()
        for _ in range(3):  # what was read, or broken off, counts no more
            assert len(await bodies.read(_body(large, is_whole=True), 10**6)) == large

    anyio.run(attack)


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "a b", "ö", "?#"])
def test_a_project_of_any_name_has_its_hook(served: Served, name: str) -> None:
    """A path is decoded once, as at a function."""
    config = served.site.config
    odd = config.projects["site"].but(name=name)
    served.site.go_by(config.but(projects={**config.projects, name: odd}), served.site.store)
    answer = served.push(path=f"/hooks/{quote(name, safe='')}")

    assert (answer.status_code, answer.json().get("project")) == (200, name)


@pytest.mark.parametrize("secret", ["a/b+c=", "50%25"])
def test_a_secret_of_any_kind_may_stand_in_a_url(served: Served, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setitem(SECRETS, "URL_SECRET", secret)

    assert served.client.post(f"/hooks/docs/{quote(secret, safe='')}", json={}).status_code == 200
    assert served.client.post(f"/hooks/docs/{quote(secret[:-1], safe='')}", json={}).status_code == 401


BOMBS = {
    "JSON": ("application/json", b'{"secret": "x", "a": [' + b"[]," * 2_000_000 + b"[]]}"),
    "form": ("application/x-www-form-urlencoded", b"payload=" + b"%" * 6_000_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_not_proved_is_not_taken_apart_where_it_is_large(served: Served, name: str) -> None:
    config = served.site.config
    prismic = webhooks_of({"prismic": "env:GITHUB"}, config.projects)
    served.site.go_by(config.but(webhooks={**config.webhooks, **prismic}), served.site.store)
    kind, body = BOMBS[name]
    headers = {"content-type": kind, "content-encoding": "gzip", "x-github-event": "push", "x-hub-signature-256": "?"}
    if name == "JSON":
        del headers["x-hub-signature-256"]
    packed = gzip.compress(body)
    tracemalloc.start()
    try:
        status = served.client.post("/hooks/site", content=packed, headers=headers).status_code
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (len(packed) < 10_000, status) == (True, 401)
    assert peak < 64 * 2**20


def test_of_two_values_of_a_name_neither_is_left_out(served: Served) -> None:
    headers = dict([bearer(served.token), ("content-type", "application/json")])
    body = b'{"project": "site", "why": "x", "project": "docs"}'
    answers = [
        served.client.post("/api/v1/hold", content=body, headers=headers),
        served.client.get("/api/v1/status?project=site&project=docs", headers=headers),
    ]

    assert [(one.status_code, one.json()["detail"]) for one in answers] == [(422, "a name is given twice")] * 2


# --- dead letters ----------------------------------------------------------------------------------------------------

NO_LETTERS: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda file: file.write_text("nope"),
    "no text": lambda file: file.write_bytes(b"\xff\xfe"),
    "nested": lambda file: file.write_text("[" * 100_000),
    "a folder": lambda file: file.mkdir(),
}


@pytest.mark.parametrize("name", NO_LETTERS)
def test_a_spoilt_letter_hides_no_other(served: Served, name: str) -> None:
    assert served.push(path="/hooks/x", **UNKNOWN).status_code == 422
    NO_LETTERS[name](served.site.letters.folder / f"{LETTER}.json")
    listed = {one["id"]: one["error"] for one in served.api("GET", "/dead-letters").json()["dead_letters"]}
    answers = [served.api("GET", f"/dead-letters/{LETTER}"), served.api("POST", f"/dead-letters/{LETTER}/retry")]

    assert len(listed) == 2
    assert "cannot be read as a dead letter" in listed[LETTER]
    assert {(one.status_code, "cannot be read as a dead letter" in one.json()["detail"]) for one in answers} == {
        (500, True)
    }


@needs_root
@pytest.mark.parametrize("name", ["written by another", "may be written by all", "in a folder of another"])
def test_a_letter_that_another_user_could_have_written_is_not_obeyed(name: str) -> None:
    """It says itself by which secret it came, and so what it may do. Root may still look at the server's letters."""
    with public_folder() as folder:
        letters = Letters(str(folder / "letters"), ManualClock())
        letters.keep({"holdoff": "webhook", "error": "no rule"})
        (letter,) = letters.ids()
        file = letters.folder / f"{letter}.json"
        if name == "may be written by all":
            file.chmod(0o666)
        else:
            os.chown(file if name == "written by another" else file.parent, ALICE, -1)

        assert letters.about(letter)["error"] == letters.read(letter)["error"] == "no rule"
        with pytest.raises(StoreError, match="is not obeyed: "):
            letters.retry(letter, dict)
        assert file.exists()


def test_a_folder_of_letters_that_cannot_be_read_hides_no_metric(served: Served) -> None:
    served.site.letters.folder.write_text("no folder")
    answer = served.client.get("/metrics", headers=dict([bearer(served.token)]))

    assert answer.status_code == 200
    assert "holdoff_store_up 1.0" in answer.text
    assert math.isnan(served.site.metrics.registry.get_sample_value("holdoff_dead_letters") or 0)
    assert "cannot be read" in served.api("GET", "/dead-letters").json()["detail"]


@pytest.mark.parametrize("version", ["x", "1..0", "", "9" * 5_000])
def test_no_accept_header_breaks_the_metrics(served: Served, version: str) -> None:
    headers = dict([bearer(served.token), ("accept", f"application/openmetrics-text;version={version}")])
    answer = served.client.get("/metrics", headers=headers)

    assert (answer.status_code, "holdoff_store_up 1.0" in answer.text) == (200, True)


def test_a_letter_that_cannot_be_dropped_was_carried_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(_: Path, **__: bool) -> None:
        raise PermissionError(13, "Permission denied")

    assert served.push(path="/hooks/x", **UNKNOWN).status_code == 422
    (letter,) = served.site.letters.ids()
    config = served.site.config
    served.site.go_by(config.but(projects={"x": config.projects["site"].but(name="x")}), served.site.store)
    with monkeypatch.context() as broken:
        broken.setattr("pathlib.Path.unlink", keep)
        answer = served.api("POST", f"/dead-letters/{letter}/retry")

    assert (answer.status_code, "It was carried out: delete it" in answer.json()["detail"]) == (500, True)
    assert served.api("POST", f"/dead-letters/{letter}/retry").json()["why"] == "duplicate"


def test_a_letter_that_two_retry_at_once_is_deleted_once(served: Served) -> None:
    letters = served.site.letters
    letters.keep({})
    (id_,) = letters.ids()

    assert letters.retry(id_, lambda _: letters.retry(id_, lambda _: "carried out")) == "carried out"
    assert letters.ids() == []


def test_a_full_disk_leaves_no_halves_of_letters(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("holdoff.server.files.os.fsync", full)
    assert served.push(path="/hooks/x", **UNKNOWN).status_code == 422
    assert list(served.site.letters.folder.iterdir()) == []
    assert "No space left on device" in served.lines[-1]["message"]


# --- builders that hang ----------------------------------------------------------------------------------------------


def test_three_hundred_starts_that_hang_keep_no_other_gate_waiting() -> None:
    store, policy, over = MemoryStore(), Policy("1h"), threading.Event()

    class Hanging:
        def start(self, _request: BuildRequest, token: str) -> str:
            over.wait(PATIENCE_S)
            return token

    class Sound:
        def start(self, _request: BuildRequest, token: str) -> str:
            return token

    starts = Starts(lambda _gate: None, lambda *_: None)
    starts.started_s = 0
    try:
        for place in range(300):
            gate = Gate(f"h{place}", policy=policy, store=store, starter=Hanging())
            assert starts.decide(gate, BuildRequest(project=f"h{place}", region="local")).outcome == "started"
        starts.started_s = PATIENCE_S
        gate = Gate("sound", policy=policy, store=store, starter=Sound())
        assert starts.decide(gate, BuildRequest(project="sound", region="local")).build_id is not None
    finally:
        over.set()
        starts.close()


# --- a store that is away, and a file that cannot be read ------------------------------------------------------------


def test_a_start_that_is_taken_over_is_not_the_answer_to_the_trigger_that_finishes_it() -> None:
    clock, starter = ManualClock("2026-11-28T09:00:00Z"), Mock(spec=["start"])
    starter.start.side_effect = [RuntimeError, "b1"]
    gate = Gate("a", policy=Policy("1h"), store=MemoryStore(), starter=starter, clock=clock)
    gate.trigger()
    clock.advance("1h")
    progress = _Progress(is_wake=False)

    assert gate.submit(BuildRequest(project="a", region="local"), watch=progress.watch).outcome == "deferred"
    assert starter.start.call_count == 2
    assert progress.claim is None


def test_what_a_gate_has_started_is_looked_after_though_its_decision_failed() -> None:
    """A start that was left may have been finished first."""
    attended = list[Gate]()
    gate = Gate("a", policy=Policy(0), store=MemoryStore(), starter=Mock(spec=["start"]))
    gate.wake = Mock(side_effect=StoreUnavailable("no answer"))  # type: ignore[method-assign]
    starts = Starts(attended.append, lambda *_: None)
    with pytest.raises(StoreUnavailable, match="no answer"):
        starts.decide(gate, None)
    starts.close()
    assert attended == [gate]


def test_a_server_without_room_for_a_thread_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = Starts(lambda _gate: None, lambda *_: None)
    gate = Gate("a", policy=Policy(0), store=MemoryStore(), starter=Mock(spec=["start"]))
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    with pytest.raises(StoreUnavailable) as refused:
        starts.decide(gate, None)
    assert str(refused.value) == "this server is stopping, or has no room for another thread. Send it again"


def test_strangers_have_the_store_read_once_at_a_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow it is, and however many ask whether the server is ready."""
    looks: list[int] = []

    def is_ready() -> bool:
        looks.append(len(looks))
        served.clock.advance("10s")
        return False

    async def ask(answers: list[int]) -> None:
        async def send(message: Any) -> None:
            answers.extend([message["status"]] if "status" in message else [])

        scope = {"type": "http", "method": "GET", "path": "/readyz", "query_string": b"", "headers": []}
        await served.app(scope, _body(0, is_whole=True).receive, send)

    async def attack() -> list[int]:
        answers: list[int] = []
        async with anyio.create_task_group() as strangers:
            for _ in range(50):
                strangers.start_soon(ask, answers)
        return answers

    monkeypatch.setattr(served.site, "is_ready", is_ready)

    assert anyio.run(attack) == [503] * 50
    assert looks == [0]


def test_no_caller_waits_for_open_pages(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, and however long each takes to be made."""
    site, let_go = browser.served.site, threading.Event()
    statuses = site.statuses
    monkeypatch.setattr(site, "statuses", lambda: statuses() if let_go.wait(PATIENCE) else {})

    async def attack() -> list[int]:
        answers: list[int] = []
        transport = ASGITransport(browser.client.app, client=("127.0.0.1", 50_000))
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:

            async def look() -> None:
                answers.append((await client.get("/")).status_code)

            async with anyio.create_task_group() as readers:
                for _ in range(60):
                    readers.start_soon(look)
                await anyio.wait_all_tasks_blocked()
                try:
                    with anyio.fail_after(PATIENCE / 4):
                        answers.append((await client.get("/api/v1/history?project=site")).status_code)
                finally:
                    let_go.set()
        return answers

    assert anyio.run(attack) == [200] * 61


def test_a_file_counts_once_its_rights_are_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "holdoff.toml"
    file.write_text("")
    config = load(str(file))
    taken = Mock()
    watched = ConfigFile(Namespace(config=str(file), store=None), config, config.open_store("memory:"), taken)

    def refused(_: str) -> Config:
        raise ConfigError(field="--config", got=str(file), want="a file that can be read (Permission denied)")

    file.write_text("store = 'memory:'")
    with monkeypatch.context() as broken:
        broken.setattr("holdoff.cli.config_file.load", refused)
        watched.look()
    watched.look()
    taken.assert_not_called()
    file.chmod(0o600)
    watched.look()
    taken.assert_called_once()


def test_an_edit_of_a_file_while_a_server_starts_counts(tmp_path: Path) -> None:
    """Between reading its settings and its first look a server imports its web framework, and opens its store."""
    file = tmp_path / "holdoff.toml"
    file.write_text("")
    config = load(str(file))
    file.write_text("[projects.site]\ncooldown = '10m'\nstarter = { command = ['true'] }")
    taken = Mock()
    ConfigFile(Namespace(config=str(file), store=None), config, config.open_store("memory:"), taken).look()
    assert list(taken.call_args.args[0].projects) == ["site"]


def test_a_sighup_that_comes_while_the_file_is_read_and_refused_counts(tmp_path: Path) -> None:
    file = tmp_path / "holdoff.toml"
    file.write_text("")
    config = load(str(file))

    refusals = [ConfigError(field="key", got="/etc/key", want="a file that can be read")]

    def go_by(_config: Config, _store: Store) -> None:
        if refusals:
            watched.forget()
            raise refusals.pop()

    watched = ConfigFile(Namespace(config=str(file), store=None), config, config.open_store("memory:"), go_by)
    file.write_text("store = 'memory:'")
    assert str(watched.look()).endswith("The settings stay as they were")
    assert watched.look() == f"{file} was read again"


def test_a_file_that_is_empty_is_being_written(tmp_path: Path) -> None:
    """``sops -d ... > holdoff.toml`` empties it at once. For a second all webhooks were refused as not signed."""
    file, taken = tmp_path / "holdoff.toml", Mock()
    file.write_text(text := "[projects.site]\ncooldown = '10m'\nstarter = { command = ['true'] }")
    config = load(str(file))
    watched = ConfigFile(Namespace(config=str(file), store="memory:"), config, config.open_store("memory:"), taken)
    file.write_text("")
    assert watched.look() == f"{file} has no settings. The settings stay as they were"
    assert watched.look() is None
    taken.assert_not_called()
    file.write_text(text)
    assert watched.look() == f"{file} was read again"


def test_a_pipe_with_settings_is_read_once(tmp_path: Path) -> None:
    """After SIGHUP, too: there is nothing more in it."""
    reader, writer = os.pipe()
    os.write(writer, b"store = 'memory:'\n[projects.site]\ncooldown = '10m'\nstarter = { command = ['true'] }")
    os.close(writer)
    named = f"/dev/fd/{reader}"
    config = load(named)
    watched = ConfigFile(Namespace(config=named, store="memory:"), config, config.open_store(), taken := Mock())
    for _ in range(2):
        assert watched.look() is None
        watched.forget()
    os.close(reader)
    taken.assert_not_called()


# --- the page --------------------------------------------------------------------------------------------------------


def test_a_stream_outlives_a_store_that_is_away(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    site, statuses = browser.served.site, browser.served.site.statuses

    def away(_: str | None = None) -> Any:
        raise StoreUnavailable("it does not answer")

    def go() -> None:
        monkeypatch.setattr(site, "statuses", away)

    def come_back() -> None:
        monkeypatch.setattr(site, "statuses", statuses)

    came = stream_of(browser, monkeypatch, go, come_back, lambda: None)

    assert [one.partition("\n")[0] for one in came] == [":", "event: look", "event: look", ":"]


def test_a_stream_ends_quietly_where_the_tokens_are_spoilt(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    site = browser.served.site
    monkeypatch.setattr(site.guard, "caller", lambda asks: site.guard.token(asks, "holdoff_wrong"))
    site.guard.tokens.path.write_text("nope")

    assert stream_of(browser, monkeypatch, lambda: None) == []


def test_a_form_that_is_sent_twice_asks_for_one_build(browser: Browser, hook: HookStandin) -> None:
    once = re.search(r'name="once" value="([^"]+)"', browser.text("/gates/site"))
    assert once is not None
    first = browser.send("trigger", once=once[1])
    browser.served.clock.advance("1s")
    answers = [first, browser.send("trigger", once=once[1])]

    assert [one.status_code for one in answers] == [303, 303]
    assert "it was covered by build b0" in browser.text(answers[1].headers["location"])
    assert record(browser).pending is None


def test_what_looks_like_a_decision_of_another_gate_is_looked_for_as_an_event(
    browser: Browser, hook: HookStandin
) -> None:
    event = f"pr/7/{LETTER}"
    assert browser.served.push(event).status_code == 200

    assert "started" in browser.text(f"/gates/site?ask={event}")
    assert "is not known" in browser.text(f"/gates/site?ask=other/local/{LETTER}")
