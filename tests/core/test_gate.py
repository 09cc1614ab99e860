"""The front door: what reaches the store and when, what a starter may do, ends of builds, waiting callers, keys."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, PropertyMock

import pytest

import holdoff
from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StoreDenied, StoreMismatch, StoreUnavailable
from holdoff.core.pending import waiter_name
from holdoff.core.protocol import Snapshot
from holdoff.core.record import Claim, Finished, Pending, Running
from holdoff.core.request import GateKey
from holdoff.core.token import make
from holdoff.observe import explain
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.core.build import NOW, finished, pending, request
from tests.scenes import scene_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.policy import Overlap
    from holdoff.core.record import Record
    from holdoff.core.request import Request

SURROGATE = "\ud800"


class Spy(MemoryStore):
    """A store that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in {"get", "swap", "fold", "keep"}:
            object.__getattribute__(self, "asked").append(name)
        return object.__getattribute__(self, name)


class Bench:
    """A store, a clock, and gates on them: each as another process would have it."""

    def __init__(self) -> None:
        self.store, self.clock = Spy(), ManualClock()
        self.started: list[Request] = []
        self.does: Any = lambda _request, token: f"b-{token}"

    def start(self, asked: Request, token: str) -> Any:
        self.started.append(asked)
        return self.does(asked, token)

    def gate(
        self, cooldown: str = "10m", *, starter: Any = None, key: str | None = None, **policy: Any
    ) -> holdoff.Gate:
        return holdoff.Gate(
            "site",
            key=key,
            store=self.store,
            policy=holdoff.Policy(cooldown, **policy),
            starter=starter or self,
            clock=self.clock,
        )

    def costs(self, gate: holdoff.Gate, **words: Any) -> tuple[Outcome, list[str]]:
        """What became of a trigger, and what the store was asked for."""
        self.store.asked.clear()
        return gate.trigger(**words).outcome, list(self.store.asked)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- requests ------------------------------------------------------------------------------------------------------


def test_what_each_decision_costs(bench: Bench) -> None:
    assert bench.costs(bench.gate()) == (Outcome.STARTED, ["get", "swap", "swap"])
    gate = bench.gate()
    assert bench.costs(gate) == (Outcome.DEFERRED, ["get", "swap"])
    bench.clock.advance("1m")
    assert bench.costs(gate, source_version="v2", event_id="E1") == (Outcome.DEFERRED, ["fold"])
    assert bench.costs(bench.gate()) == (Outcome.DEFERRED, ["get", "fold"])
    bench.clock.advance("9m")
    assert bench.costs(gate) == (Outcome.STARTED, ["swap", "swap", "swap"])  # the first lost: others had folded


def test_a_skip_writes_nothing(bench: Bench) -> None:
    bench.gate().trigger(event_id="E1")
    before = bench.store.get(GateKey("site", "local"))
    for policy, words in (
        ({"on_cooldown": "skip"}, {}),
        ({}, {"event_id": "E1"}),
        ({"overlap": "skip"}, {}),
    ):
        gate = bench.gate(**policy)
        assert bench.costs(gate, **words) == (Outcome.SKIPPED, ["get"])
        passing = "overlap" in policy  # a build may end at any moment
        assert bench.costs(gate, **words) == (Outcome.SKIPPED, ["get"] if passing else [])
    assert bench.store.get(GateKey("site", "local")) == before


@pytest.mark.parametrize(("max_staleness", "reads"), [("0", 3), ("1s", 2), ("1m", 1)])
def test_a_skip_rests_on_no_older_look_than_its_gate_says(bench: Bench, max_staleness: str, reads: int) -> None:
    policy = holdoff.Policy("10m", on_cooldown="skip")
    bench.gate().trigger()
    gate = holdoff.Gate(
        "site", store=bench.store, policy=policy, starter=bench, clock=bench.clock, max_staleness=max_staleness
    )
    bench.store.asked.clear()
    for passed in ("0", "500ms", "500ms"):
        bench.clock.advance(passed)
        assert gate.trigger().outcome == "skipped"
    assert bench.store.asked == ["get"] * reads


def test_after_an_error_of_the_store_the_gate_is_looked_at_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = bench.gate()
    gate.trigger()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "swap", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("no answer")))
        with pytest.raises(StoreUnavailable):
            gate.trigger()
    assert bench.costs(gate) == (Outcome.DEFERRED, ["get", "swap"])


# --- what a starter may do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_out_of_a_starter_leaves_the_claim_and_a_gate_that_works(bench: Bench, error: type) -> None:
    def interrupted(_request: Request, _token: str) -> None:
        raise error

    gate = bench.gate()
    bench.does = interrupted
    with pytest.raises(error):
        gate.trigger(source_version="v1")
    claim = bench.store.get(gate.key).claim
    assert claim is not None
    bench.does = lambda _request, token: f"b-{token}"
    assert bench.costs(gate) == (Outcome.DEFERRED, ["get", "swap"])
    bench.clock.advance("1m")
    taken = bench.gate().wake()
    assert taken.taken_over == f"b-{claim.token}"
    assert [asked.source_version for asked in bench.started] == ["v1", "v1"]


def test_a_cancelled_task_out_of_a_starter_is_an_error_like_any_other(bench: Bench) -> None:
    """asyncio's CancelledError is no Exception. It ended the thread of a wake loop, without a word."""

    def runs_a_task(_request: Request, _token: str) -> None:
        raise asyncio.CancelledError

    bench.does = runs_a_task
    decision = bench.gate().trigger()
    assert decision.outcome is Outcome.FAILED
    assert "a task that the starter waited for was cancelled" in str(decision)
    assert bench.store.get(GateKey("site", "local")).claim is not None


@pytest.mark.parametrize("build_id", [f"b{SURROGATE}", "b" * 10_000_000, "b\0\n\x1b[31m", "", 7, None, ["b"]])
def test_whatever_a_starter_returns_is_confirmed_and_its_end_finds_it(bench: Bench, build_id: Any) -> None:
    bench.does = lambda _request, _token: build_id
    gate = bench.gate()
    decision = gate.trigger()
    running = bench.store.get(gate.key).running
    assert running is not None
    assert decision.build_id == running.build_id
    assert 1 <= len(running.build_id) <= 400
    assert running.build_id.isprintable()
    assert bench.gate().finished(build_id or running.token, succeeded=True, detail=f"\0{SURROGATE}" * 999)
    assert str(bench.store.item(gate.key)).encode()


@pytest.mark.parametrize("text", [SURROGATE, "\0", "x" * 10_000_000, ""])
@pytest.mark.parametrize("kind", [ValueError, holdoff.StartRefused])
def test_whatever_an_exception_says_can_be_told(bench: Bench, kind: type, text: str) -> None:
    def fails(_request: Request, _token: str) -> None:
        raise kind(text)

    bench.does = fails
    decision = bench.gate().trigger()
    assert decision.outcome is Outcome.FAILED
    assert len(str(decision).encode()) < 10_000
    assert decision.detail


def test_an_exception_that_cannot_be_told_is_one_all_the_same(bench: Bench) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("nothing to say")

    def fails(_request: Request, _token: str) -> None:
        raise Mute

    bench.does = fails
    decision = bench.gate().trigger()
    assert (decision.why, decision.detail) == (Why.START_UNKNOWN, "Mute")


def test_an_error_in_a_starters_own_code_is_told_with_its_kind_and_its_place(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.does = lambda _request, _token: dict[str, str]()[" branch "[1:-1]]
    with caplog.at_level("DEBUG", "holdoff.gate"):
        assert bench.gate().trigger().detail == "KeyError: 'branch'"
    assert "KeyError was raised here:" in caplog.text
    assert "bench.does = lambda" in caplog.text
    assert "'branch'" not in caplog.text, "its words may hold anything"


class Refused(StartRefused):
    """As others write it: with arguments of its own, and no ``super().__init__``."""

    def __init__(self, code: int) -> None:
        self.code = code


@pytest.mark.parametrize("refusal", [Refused(3), StartRefused("no", worth_retrying=None)])  # type: ignore[arg-type]
def test_a_refusal_gives_the_slot_back_however_it_is_made(bench: Bench, refusal: Exception) -> None:
    def refuses(*_: object) -> None:
        raise refusal

    bench.does = refuses
    gate = bench.gate()
    decision = gate.trigger()
    assert (decision.why, decision.detail) == (Why.START_FAILED, str(refusal))
    assert bench.store.get(gate.key).claim is None


@pytest.mark.parametrize("own", [True, False], ids=["own", "call"])
def test_an_asynchronous_starter_has_started_nothing(bench: Bench, *, own: bool) -> None:
    async def does(_request: object, _token: str) -> None:
        raise AssertionError("never awaited")

    bench.does = does
    decision = bench.gate(starter=None if own else Call(does)).trigger()
    assert decision.why is Why.START_FAILED, "the slot is given back"
    assert "start() is asynchronous, and a gate does not await it. Write it with def" in str(decision)


def test_a_task_or_a_future_may_have_started_something(bench: Bench) -> None:
    with closing(asyncio.new_event_loop()) as loop:
        bench.does = lambda _request, _token: loop.create_future()
        assert bench.gate().trigger().why is Why.START_UNKNOWN


class Odd:
    """A starter that answers what it likes, and says of itself what it likes."""

    def __init__(self, **says: Any) -> None:
        self.starts = 0
        self.__dict__.update(says)

    def start(self, _request: Request, token: str) -> str:
        self.starts += 1
        if self.starts == 1 and hasattr(self, "find"):
            raise TimeoutError("no answer")
        return f"b-{token}"


@pytest.mark.parametrize("found", ["", False, True, 0, 7, [], ["b-1"], pytest.param(object(), id="object")], ids=repr)
def test_what_is_neither_an_id_nor_none_is_no_answer_to_where_a_build_is(bench: Bench, found: object) -> None:
    starter = Odd(find=lambda *_: found)
    gate = bench.gate(starter=starter)
    assert gate.trigger().why is Why.START_UNKNOWN
    bench.clock.advance("61s")
    assert gate.wake().outcome is Outcome.SKIPPED
    record = bench.store.get(gate.key)
    assert record.claim is not None
    assert record.running is None
    assert starter.starts == 1
    starter.find = lambda *_: "b\n1"  # type: ignore[attr-defined]
    bench.clock.advance("61s")
    assert gate.wake().taken_over == "b\N{REPLACEMENT CHARACTER}1"


def test_none_is_an_answer_to_where_a_build_is(bench: Bench) -> None:
    starter = Odd(find=lambda *_: None)
    gate = bench.gate(starter=starter)
    gate.trigger()
    bench.clock.advance("61s")
    gate.wake()
    assert starter.starts == 2


@pytest.mark.parametrize("state", [None, 5, "SUCCEEDED", b"failed", [], {}, bytearray(), True], ids=repr)
def test_what_is_no_state_says_nothing_of_a_build(bench: Bench, state: object) -> None:
    gate = bench.gate("1s", starter=Odd(status=lambda _: state), overlap="skip")
    gate.trigger()
    bench.clock.advance("31s")
    assert gate.trigger().why is Why.RUNNING


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_state_that_is_one_ends_a_build(bench: Bench, state: str) -> None:
    gate = bench.gate("1s", starter=Odd(status=lambda _: state), overlap="skip")
    gate.trigger()
    bench.clock.advance("31s")
    assert gate.trigger().outcome is Outcome.STARTED


@pytest.mark.parametrize("act", [lambda one: one.hold(why="a test", duration="1s"), holdoff.Gate.reset])
def test_a_persons_edit_without_the_starter_leaves_the_wake_that_asks_for_the_build(bench: Bench, act: Any) -> None:
    """The wake was moved to the end of the build's lease, 8 h later."""
    gate = bench.gate("1s", starter=Odd(status=lambda _: "succeeded"), overlap="defer")
    gate.trigger()
    gate.trigger()
    act(holdoff.Gate("site", store=bench.store, policy=gate.policy, clock=bench.clock))
    bench.clock.advance("30s")
    assert list(bench.store.due(bench.clock.now_ms())) == [gate.key]
    assert gate.wake().outcome is Outcome.STARTED


@pytest.mark.parametrize("act", [lambda one: one.hold(why="a test"), holdoff.Gate.reset])
def test_a_persons_edit_without_the_starter_asks_for_no_build_that_cannot_be_asked_for(bench: Bench, act: Any) -> None:
    """It was due 30 s after the build's start: ``status`` said 'overdue for 1h59m', and so did the sweep's line."""
    gate = bench.gate("1s", starter=Odd(), overlap="defer")
    gate.trigger()
    gate.trigger()
    due_ms = bench.store.get(gate.key).due_ms
    bench.clock.advance("2h")
    person = holdoff.Gate("site", store=bench.store, policy=gate.policy, clock=bench.clock)
    act(person)
    assert bench.store.get(gate.key).due_ms == due_ms
    assert person.status().overdue_ms == 0


def test_a_hold_without_the_starter_leaves_no_wake_that_would_start_nothing(bench: Bench) -> None:
    """``status`` said 'held, overdue for 1h50m' where nothing wakes the gate."""
    gate = bench.gate()
    gate.trigger()
    gate.trigger()
    person = holdoff.Gate("site", store=bench.store, policy=gate.policy, clock=bench.clock)
    person.hold(why="a test")
    assert bench.store.get(gate.key).due_ms is None
    bench.clock.advance("2h")
    assert person.status().overdue_ms == 0
    person.resume()
    assert list(bench.store.due(bench.clock.now_ms())) == [gate.key]


def test_a_gate_of_a_key_that_a_person_held_and_resumed_expires_when_it_is_idle(bench: Bench) -> None:
    """A gate without a starter knows the policy. Its resume left no expiry, and nothing woke the idle gate again."""
    gate = bench.gate(key="main")
    gate.trigger()
    expires_ms = bench.store.get(gate.key).expires_ms
    person = holdoff.Gate("site", key="main", store=bench.store, policy=gate.policy, clock=bench.clock)
    person.hold(why="a test")
    assert bench.store.get(gate.key).expires_ms is None
    person.resume()
    assert bench.store.get(gate.key).expires_ms == expires_ms


def test_whether_a_gate_is_claimed_is_asked_while_another_thread_fails(bench: Bench) -> None:
    """It makes the gate forget its snapshot; the loop's look broke off, and later gates were not woken."""
    claimed = Mock(record=Mock(claim=Mock()))

    class Shared(holdoff.Gate):
        _snapshot: Any = PropertyMock(side_effect=[Snapshot(), claimed, Snapshot()])  # the first is set at the start

    gate = Shared("site", store=bench.store, policy=holdoff.Policy("1m"))
    assert gate.is_claimed in {True, False}


@pytest.mark.parametrize("parameters", [{"image": "x"}, None, 5, SURROGATE])
def test_what_a_starter_freezes_is_refused_before_anything_is_claimed(bench: Bench, parameters: object) -> None:
    starter = Odd(freeze=lambda asked: asked.but(parameters=parameters))
    gate = bench.gate(starter=starter)
    for _ in range(2):
        with pytest.raises(ConfigError, match="parameters is "):
            gate.trigger()
    assert starter.starts == 0
    assert gate.status().record.claim is None


_NO_DURATIONS: list[Any] = [10**30, 10**5000, None, -1, "5", 1.5, True, [], 367 * 86_400_000]


@pytest.mark.parametrize("name", ["build_lease_ms", "token_memory_ms", "start_budget_ms"])
def test_what_a_starter_says_of_itself_is_checked_before_anything_starts(bench: Bench, name: str) -> None:
    for ms in _NO_DURATIONS:
        with pytest.raises(ConfigError, match=rf"^starter\.{name} is .*; write whole milliseconds") as refused:
            bench.gate(starter=Odd(**{name: ms}))
        assert refused.value.field == f"starter.{name}"
    assert bench.gate(starter=Odd(**{name: 1})).trigger().outcome is Outcome.STARTED
    with pytest.raises(ConfigError, match="build_lease_ms is 0"):
        bench.gate(starter=Odd(build_lease_ms=0))


# --- builds --------------------------------------------------------------------------------------------------------


def test_a_heartbeat_renews_by_its_token_whatever_this_process_last_saw(bench: Bench) -> None:
    gate = bench.gate(overlap="defer")
    before = gate._snapshot
    gate.trigger()
    running = bench.store.get(gate.key).running
    assert running is not None
    gate._snapshot = before  # another thread put an older one back
    bench.clock.advance("7h")
    gate.renew(running.token)
    bench.clock.advance("7h")
    assert bench.gate(overlap="defer").trigger().why is Why.RUNNING
    gate.renew("another's")
    assert bench.store.get(gate.key).running is not None


def test_a_heartbeat_confirms_the_start_that_is_its_own_and_no_other() -> None:
    clock, store, starter = ManualClock(), Deaf(), Mock(spec=["start", "wait"])
    starter.start.side_effect = ["b-1", "b-2", TimeoutError("no answer")]
    gate, other = (
        holdoff.Gate("site", policy=holdoff.Policy(0), store=store, starter=starter, clock=clock) for _ in range(2)
    )
    store.deaf = False
    gate.finished(str(gate.trigger().build_id), succeeded=True)
    store.deaf = True
    mine = gate.trigger()
    assert mine.unconfirmed
    store.deaf = False
    gate.renew(mine.token)
    other.trigger()
    gate.renew(mine.token)
    record = store.get(gate.key)
    assert record.running is not None
    assert (record.running.build_id, record.claim is None) == ("b-2", False)


@pytest.fixture
def broken_log() -> Iterator[None]:
    """A handler of logs as many write it: what fails in it goes up to what is logged."""
    handler = logging.Handler()
    handler.emit = Mock(side_effect=ConnectionError("the log's server is away"))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@pytest.mark.usefixtures("broken_log")
def test_a_log_that_fails_ends_no_heartbeat_and_no_decision(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Child:
        """A build that is waited for: at its first beat the store is away."""

        def start(self, _request: Request, _token: str) -> str:
            return "b1"

        def status(self, build_id: str) -> str:
            raise RuntimeError(f"{build_id} is not known")

        def wait(self, _build_id: str, beat: Callable[[], None], _every_ms: int) -> int:
            with monkeypatch.context() as patch:
                patch.setattr(bench.store, "get", Mock(side_effect=StoreUnavailable("no answer")))
                beat()
            bench.clock.advance("7h59m")
            beat()
            bench.clock.advance("1h")
            assert gate.trigger().why is Why.RUNNING
            return 0

    gate = bench.gate(starter=Child(), overlap="defer")
    assert gate.wait(gate.trigger().build_id) == 0


def test_the_end_of_a_build_that_was_overtaken_is_kept(bench: Bench) -> None:
    gate = bench.gate("1m")
    first = gate.trigger(source_version="v1").build_id
    bench.clock.advance("1m")
    gate.trigger(source_version="v2")
    (left,) = bench.store.history(gate.key)
    assert (left.build_id, left.ended_ms) == (first, None)
    bench.clock.advance("1m")
    assert not bench.gate().finished(str(first), succeeded=False, detail="in phase BUILD", exit_status=3)
    (left,) = bench.store.history(gate.key)
    assert (left.succeeded, left.detail, left.exit_status) == (False, "in phase BUILD", 3)
    assert left.ended_ms == bench.clock.now_ms()
    assert left.covers is not None
    assert left.covers.request.source_version == "v1"
    gate.finished(str(first), succeeded=True)
    assert [build.succeeded for build in bench.store.history(gate.key)] == [False]  # the first report counts


def test_the_end_of_a_build_that_was_overtaken_is_kept_for_no_other(bench: Bench) -> None:
    gate, ids = bench.gate("1m"), list[str]()
    for n in range(3):
        ids.append(str(gate.trigger(source_version=f"v{n}").build_id))
        bench.clock.advance("1m")
    for build_id, known in ((ids[0], True), ("of another gate", False), (ids[2], True)):
        assert bench.gate().has_build(build_id) is known
        bench.gate().finished(build_id, succeeded=True)
    ended = {one.build_id: one.succeeded for one in bench.store.history(gate.key)}
    assert ended == {ids[0]: True, ids[1]: None, ids[2]: True}


def test_the_end_of_a_build_that_was_overtaken_is_reported_again_when_the_store_answers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = bench.gate("1m")
    first = str(gate.trigger().build_id)
    bench.clock.advance("1m")
    gate.trigger()
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "keep", Mock(side_effect=StoreUnavailable("no answer")))
        with pytest.raises(StoreUnavailable):
            gate.finished(first, succeeded=True)
    gate.finished(first, succeeded=True)
    assert [one.succeeded for one in bench.store.history(gate.key)] == [True]


@pytest.mark.parametrize("kind", [StoreDenied, StoreMismatch])
def test_a_build_is_recorded_where_the_history_takes_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    """A claim needs no history, and a confirm beside an older build did: so the build was started again at each
    lease."""
    swap = bench.store.swap

    def swap_alone(key: GateKey, *, history: tuple[Finished, ...] = (), **records: Any) -> object:
        if history:
            raise kind("permission denied for table history")
        return swap(key, **records)

    monkeypatch.setattr(bench.store, "swap", swap_alone)
    for name in ("keep", "history"):
        monkeypatch.setattr(bench.store, name, Mock(side_effect=kind("permission denied for table history")))
    gate = bench.gate()
    older = str(gate.trigger().build_id)
    bench.clock.advance("10m")
    newer = gate.trigger()
    assert not newer.unconfirmed
    for _ in range(3):
        bench.clock.advance("2m")
        bench.gate().wake()
    assert len(bench.started) == 2
    assert not gate.finished(older, succeeded=True)
    assert gate.finished(str(newer.build_id), succeeded=True)
    assert caplog.text.count("no history is kept of site (local): permission denied for table history") == 2
    assert f"could not keep the end of {older}" in caplog.text


def test_a_trouble_of_the_store_that_passes_costs_no_history(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failover lets a process only read for a while; without files to open, SQLite says that a right is missing."""
    gate = bench.gate()
    first = gate.trigger(source_version="v1")
    swap, troubles = bench.store.swap, [StoreDenied("a read-only replica")]

    def swap_later(key: GateKey, **records: Any) -> object:
        if records.get("history") and troubles:
            raise troubles.pop()
        return swap(key, **records)

    monkeypatch.setattr(bench.store, "swap", swap_later)
    gate.finished(str(first.build_id), succeeded=True)
    (kept,) = bench.store.history(gate.key)
    assert (kept.build_id, kept.covers and kept.covers.count, troubles) == (first.build_id, 1, [])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("exit_status", ["1", 10**16, -(10**16), 1.0, True, [], 10**5000]),
        ("succeeded", [2, 1, "yes", None, []]),
    ],
)
def test_an_end_that_could_not_be_read_back_is_refused(bench: Bench, field: str, values: list[Any]) -> None:
    gate = bench.gate()
    build = str(gate.trigger().build_id)
    for value in values:
        with pytest.raises(ConfigError) as refused:
            gate.finished(build, **{"succeeded": True, field: value})
        assert refused.value.field == field
    assert bench.gate().status().record.running is not None
    assert gate.finished(build, succeeded=False, exit_status=-9)
    assert [end.exit_status for end in bench.store.history(gate.key)] == [-9]


# --- waiting callers -----------------------------------------------------------------------------------------------


def test_why_a_start_cannot_be_finished_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A token that has expired, say: else each wake would say for ever that a start is under way."""

    class Forgetful:
        def start(self, _request: Request, _token: str) -> None:
            raise holdoff.StartUnknown("no answer")

        def find(self, _token: str, _request: Request) -> None:
            raise holdoff.StartUnknown("the service answered 401")

    gate = bench.gate(starter=Forgetful())
    gate.trigger()
    bench.clock.advance("1h")
    for again in (gate.trigger, gate.wake):
        decision = again()
        assert (decision.why, decision.detail) == (Why.CLAIMED, "the service answered 401")
        assert "a start could not be finished: the service answered 401" in str(decision)
        assert "made a build: the service answered 401" in caplog.text
        caplog.clear()
        bench.clock.advance("1h")


@pytest.mark.parametrize("method", ["submit", "waiter_at", "wait"])
@pytest.mark.parametrize("given", [None, 1, ["x"]])
def test_what_is_of_another_kind_is_refused_by_name(bench: Bench, method: str, given: Any) -> None:
    if method == "wait" and given is None:  # of a decision without a build
        assert bench.gate().wait(given) is None
        return
    with pytest.raises(ConfigError, match=r"^(request|token|build_id) is "):
        getattr(bench.gate(), method)(given)


def test_a_waiting_caller_finds_its_trigger_wherever_it_is(bench: Bench) -> None:
    gate = bench.gate()
    gate.trigger()
    bench.clock.advance("1s")
    waiters = [bench.gate().trigger(waits=True).token for _ in range(2)]
    assert isinstance(gate.waiter_at(waiters[0]), Pending)
    assert gate.waiter_at("another") is None
    bench.clock.advance("599s")
    assert bench.gate().wake(waiter=waiters[0]).why is Why.PENDING  # the newer one's turn
    bench.does = lambda *_: (_ for _ in ()).throw(TimeoutError("no answer"))
    bench.gate().wake(waiter=waiters[1])
    assert all(isinstance(gate.waiter_at(waiter), Claim) for waiter in waiters)
    bench.does = lambda _request, token: f"b-{token}"
    bench.clock.advance("1m")
    decision = bench.gate().wake()
    assert all(isinstance(gate.waiter_at(waiter), Running) for waiter in waiters)
    gate.finished(str(decision.taken_over), succeeded=False, exit_status=3)
    for waiter in waiters:
        build = gate.waiter_at(waiter)
        assert isinstance(build, Finished)
        assert (build.exit_status, build.succeeded) == (3, False)


def test_of_the_builds_before_a_waiting_caller_s_is_the_one_that_has_its_name(bench: Bench) -> None:
    """Of more callers than have room, the oldest are known by their instants, which fit other builds, too."""
    gate, token = bench.gate(), make(NOW, 7)
    named = finished("F1", claimed_ms=NOW - 9, covers=pending(NOW - 20, waiters=(waiter_name(token),)))
    fits = finished("F2", claimed_ms=NOW - 8, covers=pending(NOW, waiters=tuple(f"caller-{n}" for n in range(16))))
    for build in (fits.but(token="F3", claimed_ms=NOW - 7, covers=None), finished("F4", covers=pending(NOW))):
        bench.store.keep(gate.key, build)
    assert gate.waiter_at(token) is None
    for build in (fits, named):
        bench.store.keep(gate.key, build)
        assert gate.waiter_at(token) == build


def test_a_waiting_caller_whose_trigger_was_dropped_is_told(bench: Bench) -> None:
    gate = bench.gate()
    gate.trigger()
    waiter = gate.trigger(waits=True).token
    gate.reset(drop_pending=True)
    assert gate.waiter_at(waiter) is None


class SlowClock(ManualClock):
    """Time passes between any two looks at it, as it does."""

    def now_ms(self) -> int:
        self.sleep(1)
        return super().now_ms()


def test_a_waiter_is_known_though_time_passes_while_it_is_decided(bench: Bench) -> None:
    bench.clock = SlowClock()
    gate = bench.gate()
    started = gate.trigger(waits=True)
    assert isinstance(gate.waiter_at(started.token), Running)
    for _ in range(2):
        waiting = gate.trigger(waits=True)
        assert isinstance(gate.waiter_at(waiting.token), Pending)


def test_a_waiter_beyond_the_sixteen_is_known_though_an_earlier_decision_is_written_after_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 ``run --wait`` at once, each with the file's lock to wait for, some were told that theirs was dropped."""
    bench.gate().trigger()
    bench.gate().trigger(waits=True)
    fold = bench.store.fold
    waiters: list[str] = []

    def late(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(bench.store, "fold", fold)
        bench.clock.advance("500ms")
        waiters.extend(bench.gate().trigger(waits=True).token for _ in range(17))
        return fold(*args, **named)

    monkeypatch.setattr(bench.store, "fold", late)
    waiters.append(bench.gate().trigger(waits=True).token)
    assert [type(bench.gate().waiter_at(waiter)) for waiter in waiters] == [Pending] * 18


# --- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_is_a_gate_of_its_own_in_the_same_store(bench: Bench) -> None:
    gate, other = bench.gate(key="feature"), bench.gate()
    decision = gate.trigger(reason="push")
    assert (decision.project, decision.id.split("/")[0]) == ("site@feature", "site@feature")
    assert other.trigger().outcome is Outcome.STARTED
    assert [key.project for key, _ in bench.store.gates()] == ["site", "site@feature"]
    assert [(asked.project, asked.key) for asked in bench.started] == [("site", "feature"), ("site", None)]
    assert (gate.key.name, gate.key.key) == ("site", "feature")
    assert gate.status().key == GateKey("site@feature", "local")


def test_a_keyed_gate_may_be_forgotten_only_while_it_is_idle(bench: Bench) -> None:
    gate = bench.gate(key="feature", overlap="defer")

    def expires_ms() -> int | None:
        return bench.store.get(gate.key).expires_ms

    build = gate.trigger().build_id
    lease_ms = bench.clock.now_ms() + 8 * 3_600_000
    assert (expires_ms() or 0) > lease_ms + 29 * 86_400_000
    gate.trigger()
    assert expires_ms() is None
    gate.finished(str(build), succeeded=True)
    gate.hold(why="incident 42")
    gate.reset(drop_pending=True)
    assert expires_ms() is None
    gate.resume()
    assert (expires_ms() or 0) > bench.clock.now_ms() + 29 * 86_400_000
    assert bench.store.get(GateKey("site", "local")).expires_ms is None


# --- what is refused -----------------------------------------------------------------------------------------------


def test_without_a_store_it_is_the_file_in_the_users_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert holdoff.Gate("site", policy=holdoff.Policy("10m")).store.url == f"sqlite:///{tmp_path}/holdoff/gates.db"


class Freezes:
    """Prepares its requests as the test says."""

    def __init__(self, freeze: Callable[[Request], Any]) -> None:
        self.freeze = freeze

    def start(self, _request: Request, _token: str) -> str:
        raise AssertionError


@pytest.mark.parametrize(
    ("freeze", "want"),
    [
        (lambda asked: asked.but(reason="another"), "sets nothing but parameters"),
        (lambda _: None, "sets nothing but parameters"),
        (lambda _: 1 / 0, "raises nothing"),
    ],
)
def test_a_starter_that_freezes_anything_else_starts_nothing(
    bench: Bench, freeze: Callable[[Request], Any], want: str
) -> None:
    gate = bench.gate(starter=Freezes(freeze))
    with pytest.raises(ConfigError, match=rf"^starter is .*; write a starter whose freeze\(\) {want}"):
        gate.trigger()

    assert bench.store.get(gate.key).claim is None


def test_what_cannot_work_is_refused(bench: Bench) -> None:
    policy = holdoff.Policy("10m")
    bare = holdoff.Gate("site", store=bench.store, policy=policy)
    for act in (bare.trigger, bare.wake):
        with pytest.raises(ConfigError, match="starter is None"):
            act()
    with pytest.raises(ConfigError, match="claim_lease is '20s'; write more than 30s"):
        holdoff.Gate("site", store=bench.store, policy=policy, starter=Call(print), claim_lease="20s")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"claim_lease": 0}, "claim_lease is 0; write more than 0s"),
        ({"claim_lease": 10**5000}, "claim_lease is some int .*; write at most 366d"),
        ({"claim_lease": None}, "claim_lease is None"),
        ({"build_lease": "0s"}, "build_lease is '0s'; write more than zero"),
        ({"build_lease": "367d"}, "build_lease is '367d'; write at most 366d"),
        ({"policy": "10m"}, "policy is '10m'; write a policy"),
        ({"key": ""}, "key is ''"),
        ({"store": "gates.db"}, "store is some str; write a store, such as holdoff.open_store"),
        ({"starter": lambda _request, _token: "b-1"}, "starter is some function; write an object with start"),
        ({"starter": Call}, "starter is some type; write an object with start"),
        ({"clock": 3}, "clock is some int; write a clock"),
        ({"woken": "no"}, "woken is 'no'; write True or False"),
        ({"knows_policy": "no"}, "knows_policy is 'no'; write True or False"),
    ]
    for settings, said in wrong:
        with pytest.raises(ConfigError, match=said):
            holdoff.Gate("site", **{"store": bench.store, "policy": policy, **settings})
    with pytest.raises(ConfigError, match="function is some str; write a function"):
        Call("make site")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="project is 'site@'; write a key"):
        holdoff.Gate("site@", store=bench.store, policy=policy)
    with pytest.raises(ConfigError, match="cannot cancel"):
        bench.gate(overlap="cancel")
    with pytest.raises(ConfigError, match="a request for site"):
        bench.gate().submit(request(key="feature"))
    for why in ("", None, "because " * 30):
        with pytest.raises(ConfigError, match="why is"):
            bench.gate().hold(why=why)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="duration is some int"):
        bench.gate().hold(why="incident 42", duration=10**5000)
    with pytest.raises(ConfigError, match="duration is '0s'; write more than zero, or leave it out"):
        bench.gate().hold(why="incident 42", duration="0s")
    wrong = [
        ({"at": "soon"}, "at is 'soon'"),
        ({"at": 10**5000}, "at is some int"),
        ({"force": "no"}, "force is 'no'; write True or False"),
        ({"waits": 1}, "waits is 1; write True or False"),
        ({"environment": 0}, "environment is 0; write a mapping"),
        ({"environment": [("A",)]}, "environment is a list .*; write a mapping"),
    ]
    for words, said in wrong:
        with pytest.raises(ConfigError, match=said):
            bench.gate().trigger(**words)
    for flag in ("drop_pending", "drop_claim"):
        with pytest.raises(ConfigError, match=f"{flag} is 'no'; write True or False"):
            bench.gate().reset(**{flag: "no"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="waiter is 5; write text"):
        bench.gate().wake(waiter=5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="token is 5; write text"):
        bench.gate().waiter_at(5)  # type: ignore[arg-type]


def test_a_gate_shows_which_it_is_and_no_password(bench: Bench) -> None:
    assert repr(bench.gate(key="main")) == "<Gate site@main (local) in memory:>"


def test_a_request_forces_by_itself(bench: Bench) -> None:
    gate = bench.gate()
    gate.trigger()
    assert gate.submit(request(forced=True)).why is Why.FORCED


# --- a script that simply ends -------------------------------------------------------------------------------------

SCRIPT = """
import sys, holdoff
store = holdoff.open_store(f"sqlite:///{sys.argv[1]}")
starter = holdoff.starters.Call(lambda request, token: None)
gate = holdoff.Gate("site-build", store=store, policy=holdoff.Policy(cooldown="10m"), starter=starter)
for number in range(5):
    print(gate.trigger(reason="push", source_version=f"v{number}", event_id=f"delivery-{number}").outcome)
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "import os; os._exit(0)", "raise ValueError"])
def test_nothing_is_lost_when_the_interpreter_simply_ends(tmp_path: Path, end: str) -> None:
    file = tmp_path / "gates.db"
    script = subprocess.run(
        [sys.executable, "-u", "-c", SCRIPT + end, str(file)], capture_output=True, text=True, check=False
    )
    assert script.stdout.split() == ["started", *["deferred"] * 4]
    with closing(holdoff.open_store(f"sqlite:///{file}")) as store:
        record = store.get(GateKey("site-build", store.region))
    assert record.pending is not None
    assert (record.pending.count, record.pending.request.source_version) == (4, "v4")
    assert (len(record.events), record.claim) == (5, None)


def test_a_start_that_the_store_did_not_take_is_recorded_by_the_next_beat_or_by_its_end() -> None:
    """Without that a command whose confirm got no answer would run again once its claim's lease is over."""
    for beats in (True, False):
        clock, store, starter = ManualClock(), Deaf(), Waiting(beats=beats)
        gate = holdoff.Gate("site", policy=holdoff.Policy("10m"), store=store, starter=starter, clock=clock)
        decision = gate.trigger()
        assert decision.unconfirmed
        store.deaf = False
        assert gate.wait(str(decision.build_id)) == 3
        assert gate.status().record.claim is None
        assert [(build.build_id, build.exit_status) for build in store.history(gate.key)] == [("b-1", 3)]


@pytest.mark.parametrize("can_find", [False, True])
def test_a_start_that_the_store_did_not_take_is_recorded_by_the_next_wake(can_find: bool) -> None:
    """The gate knows its build, also where the starter cannot find one: it was started again."""
    clock, store, started = ManualClock(), Deaf(), list[str]()

    def start(_request: Request, token: str) -> str:
        started.append(token)
        return f"b-{len(started)}"

    starter = Call(start)
    if can_find:
        starter.find = Mock(side_effect=RuntimeError("no right to list builds"))  # type: ignore[attr-defined]
    gate = holdoff.Gate("site", policy=holdoff.Policy("10m"), store=store, starter=starter, clock=clock)
    assert gate.trigger().unconfirmed
    clock.advance("6m")
    gate.wake()
    store.deaf = False
    clock.advance("6m")
    assert gate.wake().taken_over == "b-1"
    assert len(started) == 1
    assert gate.status().record.running is not None


class Deaf(MemoryStore):
    """Takes no write of a running build until it is told to."""

    deaf = True

    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        if self.deaf and new.running is not None:
            raise StoreUnavailable("no answer")
        return super().swap(key, expected=expected, new=new, history=history)


class Waiting:
    """Starts builds that this process can wait for."""

    def __init__(self, *, beats: bool) -> None:
        self.beats = beats

    def start(self, _request: Request, _token: str) -> str:
        return "b-1"

    def wait(self, _build_id: str, beat: Callable[[], None], _every_ms: int) -> int:
        if self.beats:
            beat()
        return 3


@pytest.mark.parametrize("state", ["FAILED", ["failed"], 5, None])
def test_a_state_that_is_no_end_leaves_the_build_running(bench: Bench, state: object) -> None:
    """A starter may return anything."""
    asked: list[str] = []

    class Odd:
        def start(self, _request: Request, token: str) -> str:
            return token

        def status(self, build_id: str) -> object:
            asked.append(build_id)
            return state

    gate = bench.gate("0", starter=Odd(), overlap="defer")
    gate.trigger()
    bench.clock.advance("1h")

    assert gate.trigger().why is Why.RUNNING
    assert len(asked) == 1


# --- builds that are processes of this machine -----------------------------------------------------------------------


class Processes:
    """A starter that knows of each build whether it runs, and of each claimant whether it is there."""

    build_lease_ms = 60_000

    def __init__(self) -> None:
        self.runs: dict[str, bool | None] = {}
        self.claimants: dict[str, bool | None] = {}
        self.fails = False

    def start(self, _request: Request, token: str) -> str:
        if self.fails:
            raise RuntimeError("gone")
        return f"b-{token}"

    def lives(self, build_id: str) -> bool | None:
        return self.runs.get(build_id)

    def claimant(self) -> str:
        return '"me"'

    def claims(self, claimant: str) -> bool | None:
        return self.claimants.get(claimant)


@pytest.mark.parametrize(
    ("runs", "moves", "outcome"),
    [
        (None, "1s", Outcome.SKIPPED),
        (None, "9h", Outcome.STARTED),
        (True, "9h", Outcome.SKIPPED),
        (False, "1s", Outcome.STARTED),
    ],
    ids=["not known", "lease over", "frozen", "dead"],
)
def test_a_build_whose_process_is_known_goes_by_that(
    bench: Bench, runs: bool | None, moves: str, outcome: Outcome
) -> None:
    starter = Processes()
    gate = bench.gate("0s", starter=starter, overlap="skip")
    first = gate.trigger()
    assert first.build_id is not None
    bench.clock.advance(moves)
    starter.runs[first.build_id] = runs

    assert bench.gate("0s", starter=starter, overlap="skip").trigger().outcome is outcome


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_command_whose_machine_was_out_of_reach_for_its_lease_ends_as_it_reports(
    bench: Bench, overtaken: bool
) -> None:
    """It counted as failed: what looked after it was taken for dead."""
    gate = bench.gate("0s", starter=Processes(), overlap="defer")
    build_id = str(gate.trigger().build_id)
    bench.clock.advance("61s")
    other = bench.gate("0s", starter=Processes(), overlap="defer")
    other.trigger() if overtaken else other.wake()
    for succeeded in (True, False):  # the second report is late
        gate.finished(build_id, succeeded=succeeded, exit_status=int(not succeeded))

    (build,) = [build for build in bench.store.history(gate.key) if build.build_id == build_id]
    assert (build.succeeded, build.detail, build.exit_status) == (True, None, 0)
    assert overtaken or gate.status().failed_ms is None


@pytest.mark.parametrize("back_s", [59, 60, 3_600])
def test_a_command_that_beats_by_a_clock_that_was_set_back_runs_on(bench: Bench, back_s: int) -> None:
    starter = Processes()
    gate = bench.gate("0s", starter=starter, overlap="defer", on_failure="rearm")
    first = gate.trigger()
    starter.runs[str(first.build_id)] = True
    bench.clock.set(bench.clock.now_ms() / 1000 - back_s)
    gate.renew(first.token)

    second = bench.gate("0s", starter=starter, overlap="defer", on_failure="rearm").trigger()
    assert (second.outcome, second.why) == (Outcome.DEFERRED, Why.RUNNING)


@pytest.mark.parametrize(
    ("there", "moves", "why"),
    [
        (None, "1s", Why.CLAIMED),
        (None, "2m", Why.COOLING_DOWN),
        (True, "2m", Why.CLAIMED),
        (False, "1s", Why.COOLING_DOWN),
    ],
    ids=["not known", "lease over", "frozen", "dead"],
)
def test_a_claim_whose_claimant_is_known_goes_by_that(bench: Bench, there: bool | None, moves: str, why: Why) -> None:
    """Where it is over, it is taken over; then the trigger that found it waits out the cooldown."""
    starter = Processes()
    starter.fails = True
    bench.gate(starter=starter).trigger()
    starter.fails = False
    starter.claimants['"me"'] = there
    bench.clock.advance(moves)
    decision = bench.gate(starter=starter).trigger()

    assert decision.why is why
    assert (decision.taken_over is not None) is (why is Why.COOLING_DOWN)


def test_which_process_has_taken_a_claim_over_is_not_known(bench: Bench) -> None:
    starter = Processes()
    starter.fails = True
    starter.claimants['"me"'] = False
    bench.gate(starter=starter).trigger()
    bench.gate(starter=starter).trigger()  # takes it over, and fails too
    gate = bench.gate(starter=starter)

    assert gate.trigger().why is Why.CLAIMED
    claim = bench.store.get(gate.key).claim
    assert claim is not None
    assert claim.attempt == 2, "not taken over once more, beside a process that may be about to start it"


class Powerless:
    """Starts builds, and can neither stop them nor say how they are: a right is missing."""

    def start(self, request: Request, token: str) -> str:
        del token
        return f"b-{request.source_version}"

    def cancel(self, build_id: str) -> None:
        raise HoldoffError(f"not allowed to stop {build_id}")

    def status(self, build_id: str) -> str:
        raise OSError(f"https://user:secret@builds.example/{build_id}")


@pytest.mark.parametrize(
    ("overlap", "said"),
    [
        ("cancel", "could not cancel build b-1 of site (local), so its end is waited for: not allowed to stop b-1"),
        ("defer", "could not ask how build b-1 of site (local) is: OSError"),
    ],
)
def test_what_no_decision_has_words_for_is_logged(
    caplog: pytest.LogCaptureFixture, overlap: Overlap, said: str
) -> None:
    """A build that was to be cancelled once went on for hours, and no line anywhere said that it could not be."""
    clock, store = ManualClock(), holdoff.open_store("memory:")
    policy = holdoff.Policy("1m", overlap=overlap)
    gate = holdoff.Gate("site", store=store, policy=policy, starter=Powerless(), clock=clock)
    gate.trigger(source_version="1")
    clock.advance("5m")
    assert gate.trigger(source_version="2").why is Why.RUNNING
    gate.wake()

    assert said in caplog.text
    assert "secret" not in caplog.text
    told = str(explain.explain_gate(scene_of(store, gate.key, gate.terms, clock.now_ms())))
    assert ("is running, and could not be cancelled for a newer one" in told) is (overlap == "cancel")


@pytest.mark.parametrize("away", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_gate_is_made_anew_in_each_process(away: Callable[[object], object]) -> None:
    """As an argument of a task or of a process that is spawned it once said: cannot pickle '_thread.RLock' object."""
    gate = holdoff.Gate("site", store=holdoff.open_store("memory:"), policy=holdoff.Policy("1m"))
    with pytest.raises(TypeError, match="a gate cannot be pickled or copied; make one in each process"):
        away(gate)
