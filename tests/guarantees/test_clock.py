"""A machine whose clock is wrong: the store's first answer puts it right before anything is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.core.decision import Outcome
from holdoff.core.record import Record
from holdoff.core.units import seconds_from_ms
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.guarantees.conftest import Builds

if TYPE_CHECKING:
    from holdoff.core.effects import Lost, Swapped
    from holdoff.core.request import GateKey


class KnowsTheTime(MemoryStore):
    """A store that knows the time, and tells it with its first answer."""

    told = False

    def __init__(self, ahead_ms: int) -> None:
        super().__init__()
        self.ahead_ms = ahead_ms

    def get(self, key: GateKey) -> Record:
        self.told = True
        return super().get(key)

    def clock_offset_ms(self) -> int:
        return -self.ahead_ms if self.told else 0


@pytest.mark.parametrize("ahead_ms", [60_000, -60_000])
@pytest.mark.parametrize(("built_ms_ago", "due"), [(600_000, None), (570_000, 30)])
def test_decided_by_the_store_s_clock(ahead_ms: int, built_ms_ago: int, due: int | None) -> None:
    clock = ManualClock()
    store, builds = KnowsTheTime(ahead_ms), Builds(clock)
    before = seconds_from_ms(clock.now_ms() - ahead_ms - built_ms_ago)
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=builds, clock=clock)
    store.swap(gate.key, expected=Record(), new=Record(lastbuild=before))
    decision = gate.trigger()
    assert (decision.outcome is Outcome.STARTED) is (due is None)
    assert decision.retry_after == due
    assert len(builds.started) == (1 if due is None else 0)


class TellsTheTime(MemoryStore):
    """A store that knows the time, and tells it with each answer."""

    def __init__(self, own: ManualClock, machine: ManualClock) -> None:
        super().__init__()
        self.own, self.machine, self.offset_ms = own, machine, 0

    def get(self, key: GateKey) -> Record:
        self._tell()
        return super().get(key)

    def swap(self, *args: Any, **more: Any) -> Swapped | Lost:
        self._tell()
        return super().swap(*args, **more)

    def _tell(self) -> None:
        self.offset_ms = self.own.now_ms() - self.machine.now_ms()

    def clock_offset_ms(self) -> int:
        return self.offset_ms


def test_a_clock_that_is_put_right_ends_no_cooldown() -> None:
    """It was twenty minutes ahead, and was set back. The next trigger, on the snapshot from before, took the last start
    for one in the future: lastbuild became an instant before it, and the build after that came five minutes early."""
    own, machine = ManualClock("2026-01-01T00:00:00Z"), ManualClock("2026-01-01T00:20:00Z")
    store, builds = TellsTheTime(own, machine), Builds(own)
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=builds, clock=machine)
    gate.trigger()
    own.advance("5m")
    machine.set("2026-01-01T00:05:00Z")
    assert [gate.trigger().retry_after, gate.trigger().retry_after] == [300, 300]
    assert store.get(gate.key).lastbuild == seconds_from_ms(own.now_ms() - 300_000)


def test_a_quiet_time_does_not_begin_before_its_trigger_came() -> None:
    """Nothing was built here: only that the clock is before the last look tells that it was set back."""
    own, machine = ManualClock("2026-01-01T00:00:00Z"), ManualClock("2026-01-01T00:20:00Z")
    store, builds = TellsTheTime(own, machine), Builds(own)
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy(0, quiet="10m"), starter=builds, clock=machine)
    gate.trigger()
    own.advance("5m")
    machine.set("2026-01-01T00:05:00Z")
    gate.trigger()
    assert gate.wake().retry_after == 600


def test_a_start_that_took_longer_than_a_clock_was_set_back_ends_no_cooldown() -> None:
    """The clock is after the last look, which was before the start, and the last start is in the future."""
    own, machine = ManualClock("2026-01-01T00:00:00Z"), ManualClock("2026-01-01T00:20:00Z")

    class Slow(Builds):
        def start(self, request: Any, token: str) -> str:
            own.advance("40s")
            machine.advance("40s")
            return super().start(request, token)

    store = TellsTheTime(own, machine)
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=Slow(own), clock=machine)
    gate.trigger()
    machine.set("2026-01-01T00:20:10Z")
    assert [gate.trigger().retry_after, gate.trigger().retry_after] == [600, 600]
