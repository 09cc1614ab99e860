"""A burst of 500 triggers over 10 minutes: as many builds as the policy implies, the last trigger built, every receipt
naming its build, and every build saying exactly what it covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.core.decision import Outcome
from holdoff.observe.explain import Scene, explain_decision, explain_event, parse_decision_id
from holdoff.wake.loop import WakeLoop
from tests.scenes import scene_of

if TYPE_CHECKING:
    import holdoff
    from holdoff.core.decision import Decision
    from tests.guarantees.conftest import Bench

TRIGGERS = 500
EVERY_MS = 1200  # 500 triggers in 10 minutes


def test_the_builds_that_the_policy_implies(bench: Bench) -> None:
    gates = [bench.gate("2m", quiet="20s", max_wait="90s") for _ in range(3)]
    loop = WakeLoop(bench.store, lambda _key: bench.gate("2m", quiet="20s", max_wait="90s"), clock=bench.clock)
    decisions = _burst(bench, gates, loop)
    # By hand. The triggers never leave 20 s of quiet, so max_wait or the cooldown decides:
    # the first at 0 s waits 90 s                                  -> 90
    # the next at 90 s or after: max(90 + 120, ~91 + 90)           -> 210, and so on each 120 s: 330, 450, 570
    # the last triggers come from 570 s to 598.8 s: max(570 + 120, 598.8 + 20) -> 690
    assert [round(second) for second in bench.seconds()] == [90, 210, 330, 450, 570, 690]
    assert bench.builds.versions[-1] == f"version-{TRIGGERS - 1}"
    _check_receipts(bench, decisions)
    _check_builds(bench, decisions)


def _burst(bench: Bench, gates: list[holdoff.Gate], loop: WakeLoop) -> list[Decision]:
    """Triggers at gates in turn, and wakes, each at its time; what became of the triggers."""
    decisions = []
    for tick in range(TRIGGERS * 12 + 1200):  # in steps of 100 ms, on for two minutes after the last trigger
        number = tick // 12
        if tick % 12 == 0 and number < TRIGGERS:
            gate = gates[number % len(gates)]
            event, version = f"event-{number}", f"version-{number}"
            decisions.append(gate.trigger(reason="burst", source_version=version, event_id=event, line="main"))
        if tick % 10 == 0:
            loop.once()
        bench.clock.advance("100ms")
    return decisions


def _scene(bench: Bench) -> Scene:
    return scene_of(bench.store, bench.gate().key, None, bench.clock.now_ms())


def _check_receipts(bench: Bench, decisions: list[Decision]) -> None:
    starts = {f"build-{token}": at_ms for token, (at_ms, _) in bench.builds.started.items()}
    scene = _scene(bench)
    for decision in decisions:
        key, token = parse_decision_id(decision.id)
        assert key == scene.key
        explanation = explain_decision(scene, token)
        assert explanation.verdict in {"started", "covered"}  # one that comes just when it is due
        first_after = min(start for start in starts.values() if start >= decision.decided_ms)
        if bench.store.clock_margin_ms == 0:
            assert starts[str(explanation.build_id)] == first_after
    last = explain_event(scene, f"event-{TRIGGERS - 1}")
    assert (last.verdict, last.build_id) == ("covered", max(starts, key=lambda build: starts[build]))


def _check_builds(bench: Bench, decisions: list[Decision]) -> None:
    """What each build says it covered, beside what was decided since the one before."""
    builds = sorted(_scene(bench).builds(), key=lambda build: build.claimed_ms)
    since_ms = 0
    for build in builds:
        covered = [decision for decision in decisions if since_ms < decision.decided_ms <= build.claimed_ms]
        assert build.covers is not None
        assert build.covers.count == len(covered)
        assert (build.covers.first_ms, build.covers.last_ms) == (covered[0].decided_ms, covered[-1].decided_ms)
        since_ms = build.claimed_ms
    assert {decision.outcome for decision in decisions} <= {Outcome.STARTED, Outcome.DEFERRED}
