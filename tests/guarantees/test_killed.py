"""The wake loop killed at any step, before or after its effect, and started again: nothing lost, nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import holdoff
from holdoff.core.decision import Outcome
from holdoff.driver import Driver
from holdoff.wake.loop import WakeLoop

if TYPE_CHECKING:
    from holdoff.core.effects import Effect
    from tests.guarantees.conftest import Bench

#: More steps than any wake takes; the last ones are never reached, which the test checks.
STEPS = 16


class Killed(BaseException):
    """What SIGKILL is to a process: nothing after it runs."""


class MortalDriver(Driver):
    """The driver of a gate whose process dies at its ``dies_at``-th effect."""

    dies_at = 0
    after = False
    steps = 0

    def _perform(self, effect: Effect) -> object:
        self.steps += 1
        if self.steps == self.dies_at and not self.after:
            raise Killed
        answer = super()._perform(effect)
        if self.steps == self.dies_at:
            raise Killed
        return answer


def _gate(bench: Bench, project: str) -> holdoff.Gate:
    return holdoff.Gate(
        project,
        region="eu-west-1",
        store=bench.store,
        policy=holdoff.Policy("10m"),
        starter=bench.builds,
        clock=bench.clock,
    )


def test_nothing_lost_and_nothing_twice(bench: Bench) -> None:
    survived = 0
    for dies_at in range(1, STEPS):
        for after in (False, True):
            survived += _kill_once(bench, dies_at, after=after)
    killed = 2 * (STEPS - 1) - survived
    assert killed >= 16  # a wake has 8 effects or more, and each was hit twice
    assert survived > 0  # and none is left out


def _kill_once(bench: Bench, dies_at: int, *, after: bool) -> bool:
    """One round on a gate of its own: built, triggered again, woken by a loop that dies, woken by one that lives."""
    project = f"p-{dies_at}-{after}"
    mortal = _gate(bench, project)
    driver = MortalDriver(mortal.key, mortal.store, mortal.starter, mortal.clock, mortal.terms)
    mortal._driver = driver
    before = len(bench.builds.started)
    mortal.trigger(source_version="one")
    mortal.trigger(source_version="two")
    bench.clock.advance("10m")
    driver.steps, driver.dies_at, driver.after = 0, dies_at, after
    try:
        WakeLoop(bench.store, lambda _key: mortal, clock=bench.clock).once()
        survived = True
    except Killed:
        survived = False
    _live_on(bench, project)
    assert bench.builds.versions[before:] == ["one", "two"], (dies_at, after)
    return survived


def _live_on(bench: Bench, project: str) -> None:
    loop = WakeLoop(bench.store, lambda _key: _gate(bench, project), clock=bench.clock)
    for _ in range(20):
        for decision in loop.once():
            assert decision.outcome is not Outcome.FAILED
        bench.clock.advance("1m")
    assert list(bench.store.due(bench.clock.now_ms())) == []
