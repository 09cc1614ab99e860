"""A skip that is answered again without deciding says what would be decided, to the millisecond and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdoff
from holdoff.core import decide, protocol
from holdoff.core.decision import Why
from holdoff.core.protocol import Snapshot
from holdoff.core.record import Hold, Record
from holdoff.core.token import make
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.core.build import NOW, built, claim, finished, running, terms, trigger
from tests.core.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.core.terms import Terms

HOLD = Hold(since_ms=NOW, why="freeze")
POLICIES = st.sampled_from([
    terms("10m", on_cooldown="skip"),
    terms("1m", on_cooldown="skip", limit="1/10m"),
    terms("10m", on_cooldown="skip", quiet="30s"),
    terms("10m", on_cooldown="skip", overlap="skip", cooldown_from="finish"),
    terms("10m", overlap="skip", by={"polls": True}),
    terms("10m", on_cooldown="skip", on_failure="rearm", by={"polls": True}),
    terms("10m", on_cooldown="skip", unchanged="skip"),
])  # fmt: skip
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "claim": st.sampled_from([None, claim()]),
    "running": st.sampled_from([None, running(), running(lease_until_ms=NOW + 20_000)]),
    "finished": st.sampled_from([None, finished(succeeded=False)]),
    "hold": st.sampled_from([None, HOLD, HOLD.but(until_ms=NOW + 40_000)]),
    "starts": st.sampled_from([(), (NOW - 500_000,)]),
    "events": st.sampled_from([(), ("event",)]),
    "built": st.sampled_from([None, "v1", "v2"]),
}


@given(POLICIES, st.fixed_dictionaries(PARTS), st.integers(-2_000, 700_000), st.integers(0, 700_000))
def test_again_is_what_would_be_decided(by: Terms, parts: dict[str, Any], ago_ms: int, later_ms: int) -> None:
    by = by.but(max_staleness_ms=3_600_000)
    record, event = built(ago_ms, **parts), trigger(make(NOW, 7), source_version="v1")
    driver = Driver(record, by=by)
    driver.now_ms = NOW
    decided = driver.drive(protocol.trigger(event, by, Snapshot(record=record, seen_ms=NOW)))
    if (said := protocol.again(decided.snapshot, NOW + later_ms, 3)) is None:
        return
    step = decide.on_trigger(record, trigger(make(NOW, 9), source_version="v1"), by, NOW + later_ms)
    assert step.record is record
    assert said == step.decision.but(id=said.id)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def gate(clock: ManualClock, store: MemoryStore, **more: Any) -> holdoff.Gate:
    policy = holdoff.Policy("10m", on_cooldown="skip")
    return holdoff.Gate("site", store=store, policy=policy, starter=Call(lambda *_: "b"), clock=clock, **more)


def test_it_is_answered_again_under_another_id_until_the_snapshot_is_too_old(clock: ManualClock) -> None:
    store = MemoryStore()
    gate(clock, store).trigger()
    mine = gate(clock, store)
    reads = _counted(store)
    answers = [mine.trigger(reason="push") for _ in range(50)]
    assert {one.why for one in answers} == {Why.COOLING_DOWN}
    assert len({one.id for one in answers}) == 50
    assert reads() == 1
    clock.advance("1s")
    assert mine.trigger(reason="push").decided_ms == clock.now_ms()
    assert reads() == 2


def test_not_a_moment_after_the_cooldown(clock: ManualClock) -> None:
    store = MemoryStore()
    gate(clock, store).trigger()
    mine = gate(clock, store, max_staleness="1h")
    clock.advance("599999ms")
    assert [mine.trigger().outcome for _ in range(3)] == ["skipped"] * 3
    clock.advance("1ms")
    assert mine.trigger().outcome == "started"


@pytest.mark.parametrize("other", [{"event_id": "e1"}, {"force": True}, {"line": "main"}, {"source_version": "v2"}])
def test_what_is_asked_otherwise_is_decided_for_itself(clock: ManualClock, other: dict[str, Any]) -> None:
    mine = gate(clock, MemoryStore())
    mine.trigger(event_id="e1")
    before = [mine.trigger(), mine.trigger(), mine.trigger()][-1]
    assert before.why is Why.COOLING_DOWN
    expected = {"event_id": "duplicate", "force": "forced"}.get(next(iter(other)), "cooling_down")
    assert mine.trigger(**other).why == expected


def test_a_forced_trigger_forces_no_later_one(clock: ManualClock) -> None:
    """A gate keeps its last request for a caller that asks for the same again. Forced is not the same."""
    mine = gate(clock, MemoryStore())
    mine.trigger(reason="push")
    assert mine.trigger(reason="push", force=True).outcome == "started"
    assert mine.trigger(reason="push").outcome == "skipped"


@pytest.mark.parametrize("name", ["environment", "secondary_versions"])
def test_a_table_that_its_caller_changed_is_read_again(clock: ManualClock, name: str) -> None:
    store, table = MemoryStore(), {"A": "v1"}
    mine = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=Call(lambda *_: "b"), clock=clock)
    mine.trigger()
    mine.trigger(**{name: table})  # type: ignore[arg-type]
    table["A"] = "v2"
    mine.trigger(**{name: table})  # type: ignore[arg-type]
    pending = store.get(mine.key).pending
    assert pending is not None
    assert getattr(pending.request, name) == (("A", "v2"),)


def test_what_runs_beside_the_cooldown_may_end_before_it(clock: ManualClock) -> None:
    """Once its lease is over, the next skip notes that, and is not said again."""
    policy = holdoff.Policy("10m", on_cooldown="skip", unchanged="skip")
    starter, store = Call(lambda *_: "b"), MemoryStore()
    mine = holdoff.Gate(
        "site", store=store, policy=policy, starter=starter, clock=clock, build_lease="5m", max_staleness="1h"
    )
    mine.trigger(source_version="v1")
    mine.finished("b", succeeded=True)
    clock.advance("10m")
    mine.trigger(source_version="v2")
    mine = holdoff.Gate(
        "site", store=store, policy=policy, starter=starter, clock=clock, build_lease="5m", max_staleness="1h"
    )
    assert [mine.trigger(source_version="v1").why for _ in range(3)] == [Why.COOLING_DOWN] * 3
    clock.advance("5m")
    assert mine.trigger(source_version="v1").why is Why.COOLING_DOWN
    assert store.get(mine.key).running is None


def test_another_thread_s_edit_ends_it(clock: ManualClock) -> None:
    mine = gate(clock, MemoryStore())
    mine.trigger()
    assert [mine.trigger().outcome for _ in range(3)] == ["skipped"] * 3
    mine.reset()
    assert mine.trigger().outcome == "started"


def _counted(store: MemoryStore) -> Callable[[], int]:
    calls: list[object] = []
    get = store.get

    def counted(key: Any) -> Record:
        calls.append(key)
        return get(key)

    store.get = counted  # type: ignore[method-assign]
    return lambda: len(calls)
