"""The wake loop: what one gate's trouble costs the others, and what it does with keys that it has no settings for."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock
from weakref import WeakSet

import pytest

from holdoff import Gate, Policy, RecordInvalid, open_store
from holdoff.core.errors import ConfigError, HoldoffError, StoreError, StoreUnavailable
from holdoff.core.request import GateKey
from holdoff.gate import KEPT_GATES
from holdoff.starters import Call
from holdoff.starters.command import Command
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from holdoff.wake.loop import WakeLoop
from tests.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.core.decision import Decision
    from holdoff.core.record import Record
    from holdoff.core.request import Request


class Bench:
    """Two gates of one store, each with a build that is due; and a loop for both."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = open_store("memory:")
        self.built: list[str] = []
        self.seen: list[Decision] = []
        for project in ("a", "b"):
            for event in ("1", "2"):
                self.gate(GateKey(project, "local")).trigger(event_id=event)
        self.clock.advance("10m")
        self.built.clear()

    def gate(self, key: GateKey, cooldown: str = "10m") -> Gate:
        starter = Call(lambda request, _token: self.built.append(request.project))
        return Gate(
            key.name,
            key=key.key,
            region=key.region,
            store=self.store,
            policy=Policy(cooldown),
            starter=starter,
            clock=self.clock,
        )

    def loop(self, gate_of: object = None) -> WakeLoop:
        return WakeLoop(
            self.store,
            gate_of or self.gate,  # type: ignore[arg-type]
            clock=self.clock,
            on_decision=self.seen.append,
        )


def test_all_that_is_due_is_woken_once() -> None:
    bench = Bench()
    assert [str(decision.outcome) for decision in bench.loop().once()] == ["started", "started"]
    assert sorted(bench.built) == ["a", "b"]
    assert bench.loop().once() == []
    assert len(bench.seen) == 2


def test_in_a_thread_until_it_is_stopped() -> None:
    bench, seen = Bench(), threading.Event()
    wait_for_end = WakeLoop(
        bench.store, bench.gate, clock=bench.clock, every="10ms", on_decision=lambda _decision: seen.set()
    ).start()
    try:
        assert seen.wait(PATIENCE_S)
    finally:
        wait_for_end()
    assert "holdoff-wake" not in [thread.name for thread in threading.enumerate()]


def test_a_row_that_cannot_be_read_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    get = bench.store.get

    def spoilt(key: GateKey) -> Record:
        if key.project == "a":
            raise RecordInvalid("a cannot be read")
        return get(key)

    monkeypatch.setattr(bench.store, "get", spoilt)
    assert [decision.project for decision in bench.loop().once()] == ["b"]
    assert bench.built == ["b"]
    assert "waking a (local) failed: a cannot be read" in caplog.text


def test_what_goes_on_failing_is_said_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that was down for a night once filled the log with a line a second."""
    bench, stop, looks = Bench(), threading.Event(), 0

    def due(_at_ms: int) -> Iterator[GateKey]:
        raise StoreError("no answer" if looks < 100 else "no rights")

    def look(_loop: WakeLoop) -> None:
        nonlocal looks
        looks += 1
        bench.clock.advance("1s")
        if looks == 130:
            stop.set()

    monkeypatch.setattr(bench.store, "due", due)
    WakeLoop(bench.store, bench.gate, clock=bench.clock, every="1ms", before_look=look).run(stop)
    said = [record.getMessage().removeprefix("looking for due gates failed: ") for record in caplog.records]
    assert said == ["no answer", "no answer", "no rights"]


def test_what_fails_anew_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    bench, fails = Bench(), True

    def wake(gate: Gate) -> Decision:
        if gate.key.project == "a" and fails:
            raise RuntimeError("a's own")
        return gate.wake()

    loop = WakeLoop(bench.store, bench.gate, clock=bench.clock, wake=wake)
    for fails in (True, True, False, True):  # noqa: B007
        loop.go_by(bench.store, bench.gate)
        loop.once()
        bench.gate(GateKey("a", "local")).trigger()
    assert [record.getMessage() for record in caplog.records] == ["waking a (local) failed: RuntimeError: a's own"] * 2


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_a_plug_in_that_breaks_stops_no_other(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    """One that exits once ended a loop's thread, without a word."""
    bench = Bench()

    def gate_of(key: GateKey) -> Gate:
        if key.project == "a":
            raise kind("a plug-in's own")
        return bench.gate(key)

    assert [decision.project for decision in bench.loop(gate_of).once()] == ["b"]
    assert f"{kind.__name__}: a plug-in's own" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, type("Odd", (BaseException,), {})])
def test_what_a_plug_in_raises_ends_no_thread_of_a_loop_but_ctrl_c_ends_a_program(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()

    def wake(gate: Gate) -> Decision:
        if gate.key.project == "a":
            raise kind("a plug-in's own")
        return gate.wake()

    loop = WakeLoop(bench.store, bench.gate, clock=bench.clock, wake=wake)
    with pytest.raises(kind):
        loop.once()
    thread = threading.Thread(target=loop.once)
    thread.start()
    thread.join()
    assert bench.built == ["b"]
    assert f"waking a (local) failed: {kind.__name__}: a plug-in's own" in caplog.text


class Child:
    """A starter of builds of this process, numbered from 1, whose ends a test decides. ``asks``: the name of the method
    that asks them to end, and ``fails`` what that raises for the first one."""

    def __init__(self, asks: str = "stop", fails: Exception | None = None) -> None:
        self.ended, self.fails = threading.Event(), fails
        setattr(self, asks, self._ask)

    def start(self, _request: Request, _token: str) -> str:
        return "1"

    def wait(self, _build_id: str, _beat: Callable[[], None], _every_ms: int) -> int:
        assert self.ended.wait(PATIENCE_S)
        return 0

    def _ask(self, _build_id: str) -> None:
        self.ended.set()
        if self.fails is not None:
            raise self.fails


@pytest.mark.parametrize("asks", ["stop", "cancel"])
def test_each_of_its_commands_is_asked_to_stop_and_waited_for(asks: str, caplog: pytest.LogCaptureFixture) -> None:
    """Even if another one cannot be asked, or another gate's has the same id."""
    store, ends = open_store("memory:"), list[str]()
    loop = WakeLoop(store, lambda _key: None, on_end=lambda gate, _build_id, _status: ends.append(gate.key.project))
    for project, fails in (("a", HoldoffError("there is no such build")), ("b", None)):
        gate = Gate(project, store=store, policy=Policy("10m"), starter=Child(asks, fails))
        gate.trigger()
        loop.attend(gate)
    loop.end_children()
    assert sorted(ends) == ["a", "b"]
    assert "1 could not be asked to stop: there is no such build" in caplog.text


def test_a_command_that_was_started_for_another_is_waited_for_though_the_decision_after_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, store, ends = ManualClock(), open_store("memory:"), list[str]()

    def gate(starter: Any) -> Gate:
        return Gate("a", store=store, policy=Policy(0), starter=starter, clock=clock)

    gate(Call(Mock(side_effect=OSError("the process died here")))).trigger()
    child = Child()
    gate(child).trigger()  # waits for the start that was left
    clock.advance("2m")
    swap = store.swap

    def away(key: GateKey, *, expected: Record, new: Record, **more: Any) -> Any:
        if expected.running is not None and expected.claim is None:
            raise StoreUnavailable("no answer")
        return swap(key, expected=expected, new=new, **more)

    monkeypatch.setattr(store, "swap", away)
    loop = WakeLoop(store, lambda _key: gate(child), on_end=lambda _gate, build_id, _status: ends.append(build_id))
    assert loop.once() == []
    monkeypatch.undo()
    loop.end_children()
    assert ends == ["1"]
    end = store.get(GateKey("a", store.region)).finished
    assert end is not None
    assert end.succeeded


@pytest.mark.parametrize("error", [None, StoreUnavailable("no answer")])
def test_a_command_that_its_gate_started_for_another_is_not_asked_to_stop(error: Exception | None) -> None:
    store, child = open_store("memory:"), Child()
    gate = Gate("a", store=store, policy=Policy(0, overlap="defer"), starter=child)
    decision = gate.trigger()  # its caller waits for the build
    loop = WakeLoop(store, lambda _key: gate, wake=Mock(side_effect=error, return_value=decision.but(build_id=None)))
    loop.once()
    loop.end_children()
    assert not child.ended.is_set()


def test_where_the_system_has_no_room_for_a_thread_other_gates_are_woken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()

    def gate_of(key: GateKey) -> Gate:
        if key.name == "b":
            return bench.gate(key)
        return Gate(key.name, store=bench.store, policy=Policy("10m"), starter=Child(), clock=bench.clock)

    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    loop = bench.loop(gate_of)
    assert [decision.project for decision in loop.once()] == ["a", "b"]
    assert "will not be noticed: RuntimeError: can't start new thread" in caplog.text
    loop.end_children()


def test_a_log_that_fails_does_not_end_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, stop, looks = Bench(), threading.Event(), list[int]()

    def before_look(_loop: WakeLoop) -> None:
        looks.append(1)
        if len(looks) == 2:
            stop.set()

    monkeypatch.setattr(bench.store, "due", Mock(side_effect=StoreError("no answer")))
    monkeypatch.setattr("holdoff.wake.loop.log.warning", Mock(side_effect=ConnectionError("the log is away")))
    WakeLoop(bench.store, bench.gate, clock=bench.clock, every="1ms", before_look=before_look).run(stop)
    assert len(looks) == 2


def test_what_is_told_of_a_decision_and_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    def fails(_decision: Decision) -> None:
        raise ConnectionError("the pager does not answer")

    loop = WakeLoop(bench.store, bench.gate, clock=bench.clock, on_decision=fails)
    assert [decision.project for decision in loop.once()] == ["a", "b"]
    assert bench.built == ["a", "b"]
    assert "a decision on a (local) could not be reported: ConnectionError: the pager does not answer" in caplog.text


def test_gates_with_new_settings_are_woken_though_the_look_after_the_change_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    loop = bench.loop()
    bench.gate(GateKey("c", "local")).trigger()
    bench.gate(GateKey("c", "local")).trigger()
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "due", Mock(side_effect=StoreError("it is away")))
        with pytest.raises(StoreError):
            loop.once()
    assert [decision.project for decision in loop.once()] == ["a", "b", "c"]


@pytest.mark.parametrize("key", ["c", "c@main"])
@pytest.mark.parametrize("how", ["at its start", "at an edit"])
def test_a_cooldown_that_is_shorter_now_counts_at_once_for_what_waits(key: str, how: str) -> None:
    """A loop that was started after an edit left what waited to the end of the old cooldown, a day later; a loop that
    ran on did so with a gate that has a key."""
    bench, gate = Bench(), GateKey(key, "local")
    for _ in range(2):
        bench.gate(gate, "1d").trigger()
    bench.clock.advance("10m")
    bench.built.clear()
    loop = bench.loop(lambda key: bench.gate(key, "10m" if how == "at its start" else "1d"))
    loop.once()
    if how == "at an edit":
        loop.go_by(bench.store, bench.gate)
        loop.once()
    assert bench.built == ["a", "b", "c"]
    assert loop.once() == []


@pytest.mark.parametrize("during", ["a look", "the making of a gate"])
def test_settings_that_come_from_another_thread_during_a_look_count_from_the_next_one(
    during: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That look took itself for the one by them, or put a gate by the settings before among theirs."""
    bench, key = Bench(), GateKey("c", "local")
    due, comes = bench.store.due, during != "a look"

    def gate_of(key: GateKey) -> Gate:
        if key.name == "c" and comes:
            loop.go_by(bench.store, bench.gate)
        return bench.gate(key, "1d")

    def due_meanwhile(now_ms: int) -> Iterator[GateKey]:
        loop.go_by(bench.store, bench.gate)
        return due(now_ms)

    for _ in range(2):
        bench.gate(key, "1d").trigger()
    bench.clock.advance("10m")
    bench.built.clear()
    loop = bench.loop(gate_of)
    loop.once()
    if during == "a look":
        with monkeypatch.context() as patch:
            patch.setattr(bench.store, "due", due_meanwhile)
            loop.once()
    assert "c" not in bench.built
    loop.once()
    assert "c" in bench.built


@pytest.mark.parametrize("how", ["stopped", "Ctrl-C"])
def test_a_look_by_new_settings_that_is_ended_counts_for_no_gate_that_it_has_not_woken(how: str) -> None:
    """Run again, the loop waited for the instant that the store has by the settings before: a day, not ten minutes."""
    bench, stop = Bench(), threading.Event()
    for key in (GateKey("c", "local"), GateKey("d", "local")):
        for _ in range(2):
            bench.gate(key, "1d").trigger()
    bench.clock.advance("10m")
    bench.built.clear()
    loop = bench.loop()

    def end(_: Decision) -> None:
        stop.set()
        if how == "Ctrl-C":
            raise KeyboardInterrupt

    loop._on_decision = end
    with suppress(KeyboardInterrupt):
        loop.run(stop)
    assert len(bench.built) == 1
    loop._on_decision = bench.seen.append
    loop.once()
    assert sorted(bench.built) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("every", ["1s", "1h"])
def test_after_an_outage_callers_that_wait_come_first(every: str, tells: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their turns had passed meanwhile: the loop's first look ran the project's command, and the newest one's never.

    A look that failed came again only after ``every``; or, by a store that tells that a gate is due, at once for ever.
    """
    bench, said = Bench(), list[object]()
    due, answers = bench.store.due, iter(["no answer", "no answer"])

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            said.append(timeout)
            return self.is_set()

    def due_again(now_ms: int) -> Iterator[GateKey]:
        said.append(next(answers, "an answer"))
        if said[-1] == "no answer":
            raise StoreUnavailable("no answer")
        return due(now_ms)

    def seen(_: Decision) -> None:
        said.append("woken")
        stop.set()

    stop = Stop()
    monkeypatch.setattr(bench.store, "due", due_again)
    if tells:
        monkeypatch.setattr(bench.store, "wait_for_due", lambda *_: True, raising=False)
    WakeLoop(bench.store, bench.gate, clock=bench.clock, every=every, on_decision=seen).run(stop)
    assert said[:8] == [1.0, "no answer", 1.0, "no answer", 1.0, "an answer", 2.0, "woken"]


def test_so_they_do_after_a_look_that_a_slow_store_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program had the file for some seconds, the loop's command ran in 2 of 6 outages."""
    bench, stop, said = Bench(), threading.Event(), list[object]()

    def wait(seconds: float) -> bool:
        said.append(seconds)
        return stop.is_set()

    def seen(_: Decision) -> None:
        said.append("woken")
        stop.set()

    monkeypatch.setattr(stop, "wait", wait)
    monkeypatch.setattr("holdoff.wake.loop.running_ms", itertools.count(0, 1_000).__next__, raising=False)
    WakeLoop(bench.store, bench.gate, clock=bench.clock, on_decision=seen).run(stop)
    assert said[:3] == [1.0, 2.0, "woken"]


@pytest.mark.parametrize("during", ["a rest", "a wake"])
def test_so_they_do_where_the_store_was_away_and_no_look_failed(during: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL was restarted while the loop rested: the loop's command ran in 5 of 8 restarts. A gate whose wake had
    met the outage was woken again only after ``every``."""
    bench, stop, said = Bench(), threading.Event(), list[object]()

    def wait(seconds: float) -> bool:
        said.append(seconds)
        return stop.is_set()

    def wait_for_due(*_: object) -> bool:
        said.append("no answer")
        raise StoreUnavailable("no answer")

    def wake(gate: Gate) -> Decision:
        said.append(gate.key.project)
        if said.count("b") == 1 and during == "a wake":
            raise StoreUnavailable("no answer")
        if said.count("b") == 2:
            stop.set()
        return bench.gate(GateKey("another", "local")).trigger()  # what is due stays due

    monkeypatch.setattr(stop, "wait", wait)
    if during == "a rest":
        monkeypatch.setattr(bench.store, "wait_for_due", wait_for_due, raising=False)
    WakeLoop(bench.store, bench.gate, clock=bench.clock, every="1h", wake=wake).run(stop)
    met = ["no answer"] if during == "a rest" else []
    assert said[: 5 + len(met)] == [1.0, "a", "b", *met, 1.0, 2.0]


@pytest.mark.parametrize("failing", [None, 0, 1])
@pytest.mark.parametrize("held", [False, True])
def test_a_cooldown_that_was_edited_during_a_start_counts_at_once_for_what_waits(
    monkeypatch: pytest.MonkeyPatch, held: bool, failing: int | None
) -> None:
    """The start's confirmation, by the settings from before the edit, left it to the end of the old cooldown."""
    bench, key = Bench(), GateKey("c", "local")
    loop = bench.loop()

    def begin(_request: Request, _token: str) -> None:
        bench.gate(key).trigger()
        if held:
            bench.gate(key).hold(why="a test", duration="5m")
        loop.go_by(bench.store, bench.gate)
        for look in range(3):
            with monkeypatch.context() as patch:
                if look == failing:
                    patch.setattr(bench.store, "get", Mock(side_effect=StoreUnavailable("no answer")))
                loop.once()

    old = Gate("c", store=bench.store, policy=Policy("1d"), starter=Call(begin), clock=bench.clock)
    old.trigger()
    loop.once()
    bench.clock.advance("10m")
    assert [decision.project for decision in loop.once()] == ["c"]
    assert bench.built == ["a", "b", "c"]
    assert loop.once() == []


def test_an_edit_counts_for_a_gate_whose_first_wake_after_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, key = Bench(), GateKey("c", "local")
    loop = bench.loop()
    for _ in range(2):
        bench.gate(key, "1d").trigger()
    loop.once()
    loop.go_by(bench.store, bench.gate)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "get", Mock(side_effect=StoreUnavailable("no answer")))
        loop.once()
    loop.once()
    bench.clock.advance("10m")
    assert [decision.project for decision in loop.once()] == ["c"]


def test_a_look_that_breaks_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    bench, stop, looks = Bench(), threading.Event(), []

    def before_look(_loop: WakeLoop) -> None:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("a callback's own")
        stop.set()

    WakeLoop(bench.store, bench.gate, clock=bench.clock, every="1ms", before_look=before_look).run(stop)
    assert len(looks) == 2
    assert "looking for due gates failed: RuntimeError: a callback's own" in caplog.text


def test_what_it_has_no_settings_for_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    loop = bench.loop(lambda key: None if key.project == "a" else bench.gate(key))
    loop.once()
    loop.once()
    assert bench.built == ["b"]
    assert caplog.text.count("a (local) waits for a wake, but this loop has no settings for it") == 1


class AllDue(MemoryStore):
    """A store in which these gates are due."""

    keys: tuple[GateKey, ...] = ()

    def due(self, now_ms: int) -> Iterator[GateKey]:
        return iter(self.keys)


def test_of_any_number_of_keys_no_more_than_some_are_kept_at_hand(caplog: pytest.LogCaptureFixture) -> None:
    store, unknown, made = AllDue(), GateKey("unknown", "local"), WeakSet[Gate]()

    def gate_of(key: GateKey) -> Gate | None:
        if key == unknown:
            return None
        made.add(gate := Gate(key.name, key=key.key, store=store, policy=Policy("10m"), starter=Call(print)))
        return gate

    loop = WakeLoop(store, gate_of)
    for turn in range(4):
        store.keys = (unknown, *(GateKey.of("site", f"{turn}-{n}", "local") for n in range(KEPT_GATES)))
        loop.once()

    gc.collect()
    assert len(made) == KEPT_GATES
    assert caplog.text.count("this loop has no settings for it") == 1


def test_settings_that_come_while_gates_are_put_away_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gates by the settings before were looked for among those by the new ones: KeyError."""
    bench, came = Bench(), [False]

    class Key(GateKey):
        def __hash__(self) -> int:
            if came[0]:
                loop.go_by(bench.store, bench.gate)
            return super().__hash__()

    loop = bench.loop()
    monkeypatch.setattr("holdoff.wake.loop.KEPT_GATES", 2)
    monkeypatch.setattr(bench.store, "due", lambda _now_ms: [] if came[0] else [Key("a", "local"), Key("b", "local")])
    assert len(loop.once()) == 2
    came[0] = True
    assert loop.once() == []


def test_a_loop_that_never_rests_is_refused() -> None:
    with pytest.raises(ConfigError, match="every is '0s'; write more than zero"):
        WakeLoop(open_store("memory:"), lambda _key: None, clock=ManualClock(), every="0s")


def test_a_loop_that_is_given_a_gate_and_no_function_is_refused() -> None:
    bench = Bench()
    with pytest.raises(ConfigError, match="gate_of is some Gate; write a function from a key to its gate"):
        WakeLoop(bench.store, bench.gate(GateKey("a", "local")))  # type: ignore[arg-type]


def test_after_it_goes_by_new_settings_gates_are_made_anew() -> None:
    bench = Bench()
    loop = bench.loop(lambda _key: None)
    loop.once()
    assert bench.built == []
    loop.go_by(bench.store, bench.gate)
    loop.once()
    assert sorted(bench.built) == ["a", "b"]


def test_a_trigger_by_the_settings_before_is_woken_by_the_new_ones_where_it_comes_during_the_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its command had read the file just before an edit of the cooldown; the loop had listed the gates, and rested."""
    bench, stop, key, waits = Bench(), threading.Event(), GateKey("c", "local"), list[float]()
    bench.gate(key, "1h").trigger()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 1:
            bench.gate(key, "1h").trigger()
        return len(waits) > 2

    monkeypatch.setattr(stop, "wait", wait)
    monkeypatch.setattr(stop, "is_set", lambda: len(waits) > 2)
    WakeLoop(bench.store, lambda key: bench.gate(key, "0s"), clock=bench.clock).run(stop)
    assert bench.built == ["c", "a", "b", "c"]


def test_a_loop_that_is_stopped_while_it_rests_looks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer made the stop late."""
    bench, stop = Bench(), threading.Event()
    monkeypatch.setattr(bench.store, "due", due := Mock(side_effect=StoreUnavailable("no answer")))
    WakeLoop(bench.store, bench.gate, clock=bench.clock, before_look=lambda _: stop.set()).run(stop)
    due.assert_not_called()


def test_once_it_is_to_stop_it_starts_nothing_more() -> None:
    bench, stop = Bench(), threading.Event()

    def seen(decision: Decision) -> None:
        bench.seen.append(decision)
        stop.set()

    loop = WakeLoop(bench.store, bench.gate, clock=bench.clock, on_decision=seen)
    loop.run(stop)
    assert len(bench.seen) == len(bench.built) == 1
    loop.once()
    assert sorted(bench.built) == ["a", "b"], "once it has stopped it may be asked: it woke nothing, and said nothing"


def test_the_end_of_each_of_its_commands_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """If that fails, the log says so."""
    clock, store, stop = ManualClock(), open_store("memory:"), threading.Event()
    ends: list[tuple[str, int]] = []

    def gate(key: GateKey) -> Gate:
        starter = Command(["sh", "-c", "exit 3"])
        return Gate(key.name, store=store, policy=Policy("10m"), starter=starter, clock=clock)

    def ended(gate: Gate, _build_id: str, status: int) -> None:
        ends.append((gate.key.project, status))
        stop.set()
        raise ConnectionError("the pager does not answer")

    Gate("a", store=store, policy=Policy("10m"), starter=Call(lambda *_: "b0"), clock=clock).trigger()
    gate(GateKey("a", "local")).trigger()
    clock.advance("10m")
    WakeLoop(store, gate, clock=clock, every="10ms", on_end=ended).run(stop)
    assert ends == [("a", 3)]
    assert "could not be recorded or reported: ConnectionError: the pager does not answer" in caplog.text


def test_a_command_that_ends_at_once_is_not_listed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread may end before the one that started it goes on, and list it."""
    bench, begun, start = Bench(), threading.Event(), threading.Thread.start

    class Lock:
        lock = threading.Lock()

        def __enter__(self) -> None:
            if not self.lock.acquire(blocking=False):
                begun.set()
                self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    class Listed(dict[Any, Any]):
        def pop(self, *which: Any) -> Any:
            found = super().pop(*which)
            begun.set()
            return found

    def start_and_see_its_end(thread: threading.Thread) -> None:
        start(thread)
        assert begun.wait(PATIENCE_S)

    monkeypatch.setattr(threading.Thread, "start", start_and_see_its_end)
    child = Child()
    child.ended.set()
    gate = Gate("c", store=bench.store, policy=Policy("10m"), starter=child)
    loop = bench.loop()
    monkeypatch.setattr(loop, "_attending", Lock())
    monkeypatch.setattr(loop, "_children", listed := Listed())
    gate.trigger()
    loop.attend(gate)
    for _, thread in list(listed.values()):
        thread.join()
    assert listed == {}


def test_many_decisions_at_once_start_one_thread_for_each_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is started twice, by two that saw it unstarted, fails with a traceback in the log."""
    store, failed = open_store("memory:"), list[object]()
    monkeypatch.setattr(sys, "unraisablehook", failed.append)
    loop = WakeLoop(store, lambda _key: None)

    def start(project: str) -> None:
        gate = Gate(project, store=store, policy=Policy(0), starter=Command(["true"]))
        gate.trigger()
        together.wait()
        loop.attend(gate)

    for turn in range(20):
        together = threading.Barrier(8)
        threads = [threading.Thread(target=start, args=(f"{turn}-{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    loop.end_children()

    assert failed == []


class Tells(MemoryStore):
    """A store that says when something is due: after the first wait at once, then never, then not even that."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[tuple[int, int, int]] = []
        self.looks: list[int] = []
        self.answers: list[bool | Exception] = []
        self.stop = threading.Event()

    def due(self, now_ms: int) -> Iterator[GateKey]:
        self.looks.append(now_ms)
        return super().due(now_ms)

    def wait_for_due(self, since_ms: int, now_ms: int, most_ms: int) -> bool:
        self.waited.append((since_ms, now_ms, most_ms))
        answer = self.answers.pop(0)
        if not self.answers:
            self.stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        ([True, True, True], 3),
        ([False, False, True], 1),
        ([StoreError("x"), True, False], 3),  # an outage was told an hour late, with ``--every 1h``
        ([RuntimeError("a store's own"), True, False], 3),
    ],
)
def test_a_store_that_tells_ends_the_wait_and_one_that_cannot_does_not(
    answers: list[bool | Exception], looks: int
) -> None:
    store, clock = Tells(), ManualClock()
    store.answers = answers
    loop = WakeLoop(store, lambda _key: None, clock=clock, every="2500ms")
    loop.run(store.stop)
    assert len(store.looks) == looks
    assert {since_ms for since_ms, _, _ in store.waited} == {clock.now_ms()}
    assert all(most_ms <= 1_000 for *_, most_ms in store.waited), "in parts: signals are heard"


def test_an_end_that_the_store_did_not_take_is_recorded_once_it_is_back_whatever_was_edited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gate made by new settings did not know of it: a build that had succeeded had "failed" a minute later, and
    was made again."""
    store, tried = MemoryStore(), threading.Event()
    gate = Gate("a", store=store, policy=Policy("1h"), starter=Command(["true"]))
    gate.trigger()

    def away(*_: object, **__: object) -> None:
        tried.set()
        raise StoreUnavailable("no answer")

    loop = WakeLoop(store, lambda _key: None, every="10ms")
    end = loop.start()
    with monkeypatch.context() as patch:
        patch.setattr(store, "swap", away)
        loop.attend(gate)
        assert tried.wait(PATIENCE_S)
        loop.go_by(store, lambda _key: None)
    until(lambda: store.get(gate.key).finished)
    end()
    ended = store.get(gate.key).finished
    assert ended is not None
    assert ended.succeeded


def test_ctrl_c_ends_a_loop_that_cannot_report_the_end_of_a_command() -> None:
    """It waited until the store was back."""
    gate = Gate("a", store=MemoryStore(), policy=Policy("1h"), starter=Command(["true"]))
    gate.trigger()
    tried = threading.Event()

    def away(*_: object) -> None:
        tried.set()
        raise StoreUnavailable("no answer")

    def interrupted(loop: WakeLoop) -> None:
        loop.attend(gate)
        assert tried.wait(PATIENCE_S)
        raise KeyboardInterrupt

    gate.report_ends = away  # type: ignore[method-assign]
    loop, stop, ended = (
        WakeLoop(gate.store, lambda _key: gate, before_look=interrupted),
        threading.Event(),
        threading.Event(),
    )

    def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            loop.run(stop)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    try:
        assert ended.wait(PATIENCE_S)
    finally:
        stop.set()


def test_an_end_is_reported_again_long_before_its_lease_is_over_however_seldom_the_loop_looks() -> None:
    """It was reported at the next look: by then the build counted as failed."""
    gate = Gate("a", store=MemoryStore(), policy=Policy("1h"), starter=Command(["true"]))
    gate.trigger()
    gate.wait = Mock(return_value=0)  # type: ignore[method-assign]
    gate.report_ends = Mock(side_effect=[StoreUnavailable("no answer"), None])  # type: ignore[method-assign]
    waited: list[float | None] = []

    class Stop(threading.Event):
        """Waits for nothing."""

        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout)
            return self.is_set()

    def look(loop: WakeLoop) -> None:
        loop.attend(gate)
        until(lambda: waited)
        stop.set()

    stop = Stop()
    WakeLoop(gate.store, lambda _key: gate, every="1h", before_look=look).run(stop)
    assert waited[0] == 1
