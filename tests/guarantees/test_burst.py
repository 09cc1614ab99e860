"""A burst of 500 triggers over 10 minutes: as many builds as the policy implies, the last trigger built, and every
trigger's receipt naming its build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.core.record import GateKey
from holdoff.observe.explain import Scene, explain_decision, parse_decision_id
from holdoff.wakers.loop import WakeLoop

if TYPE_CHECKING:
    import holdoff
    from tests.guarantees.conftest import Bench

TRIGGERS = 500
EVERY_MS = 1200  # 500 triggers in 10 minutes


def test_the_builds_that_the_policy_implies(bench: Bench) -> None:
    gate = bench.gate("2m", quiet="20s", max_wait="90s")
    loop = WakeLoop(
        bench.store, lambda _key: bench.gate("2m", quiet="20s", max_wait="90s"), clock=bench.clock
    )
    ids = _burst(bench, gate, loop)
    # By hand. The triggers never leave 20 s of quiet, so max_wait or the cooldown decides:
    # the first at 0 s waits 90 s                                  -> 90
    # the next at 90 s or after: max(90 + 120, ~91 + 90)           -> 210, and so on each 120 s: 330, 450, 570
    # the last triggers come from 570 s to 598.8 s: max(570 + 120, 598.8 + 20) -> 690
    assert [round(second) for second in bench.seconds()] == [90, 210, 330, 450, 570, 690]
    assert bench.builds.versions[-1] == f"version-{TRIGGERS - 1}"
    _check_receipts(bench, gate.key, ids)
    counts = bench.store.get(gate.key).counts
    assert counts.started + counts.deferred == TRIGGERS


def _burst(bench: Bench, gate: holdoff.Gate, loop: WakeLoop) -> dict[str, int]:
    """Triggers and wakes, each at its time; the triggers' ids and instants."""
    ids = {}
    for tick in range(
        TRIGGERS * 12 + 1200
    ):  # in steps of 100 ms, on for two minutes after the last trigger
        if tick % 12 == 0 and tick // 12 < TRIGGERS:
            decision = gate.trigger(reason="burst", source_version=f"version-{tick // 12}")
            ids[decision.id] = decision.decided_ms
        if tick % 10 == 0:
            loop.once()
        bench.clock.advance("100ms")
    gate.flush()
    return ids


def _check_receipts(bench: Bench, key: GateKey, ids: dict[str, int]) -> None:
    starts = {f"build-{token}": at_ms for token, (at_ms, _) in bench.builds.started.items()}
    scene = Scene.of(bench.store, key, None, bench.clock.now_ms())
    for decision_id, at_ms in ids.items():
        found_key, token, _ = parse_decision_id(decision_id)
        assert found_key == key
        explanation = explain_decision(scene, token)
        assert explanation.verdict in {"started", "covered"}  # one that comes just when it is due
        first_after = min(start for start in starts.values() if start >= at_ms)
        assert starts[str(explanation.build_id)] == first_after
    covered = [build.covers.count for build in scene.builds if build.covers is not None]
    assert sum(covered) == TRIGGERS
