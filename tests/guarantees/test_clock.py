"""A machine whose clock is ahead: the store's first answer puts it right, and a claim made too early is taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import holdoff
from holdoff.core.decision import Outcome
from holdoff.core.record import GateKey, Record
from holdoff.core.units import seconds_from_ms
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.guarantees.conftest import Builds

if TYPE_CHECKING:
    from holdoff.core.effects import Lost, Swapped
    from holdoff.core.record import Opening

AHEAD_MS = 60_000


class ToldOnce(MemoryStore):
    """A store that knows the time, and tells it with its first answer."""

    told = False

    def open(self, key: GateKey, opening: Opening) -> Swapped | Lost:
        self.told = True
        return super().open(key, opening)

    def clock_offset_ms(self) -> int:
        return -AHEAD_MS if self.told else 0


def _trigger(built_ms_ago: int) -> tuple[holdoff.Decision, Builds, Record, Decimal]:
    clock = ManualClock()
    store, builds = ToldOnce(), Builds(clock)
    true_now_ms = clock.now_ms() - AHEAD_MS
    before = seconds_from_ms(true_now_ms - built_ms_ago)
    policy = holdoff.Policy("10m")
    gate = holdoff.Gate("site", store=store, policy=policy, starter=builds, clock=clock)
    store.swap(gate.key, expected=Record(), new=Record(lastbuild=before))
    return gate.trigger(), builds, store.get(gate.key), before


def test_a_claim_made_too_early_is_taken_back() -> None:
    decision, builds, record, before = _trigger(built_ms_ago=570_000)
    assert decision.outcome is Outcome.DEFERRED
    assert decision.retry_after == 30
    assert builds.started == {}
    assert record.lastbuild == before
    assert record.claim is None
    assert record.pending is not None


def test_one_that_was_not_goes_on() -> None:
    decision, builds, _, _ = _trigger(built_ms_ago=600_000)
    assert decision.outcome is Outcome.STARTED
    assert len(builds.started) == 1
