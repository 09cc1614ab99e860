"""Events that added nothing to what was pending, and so were not written: who knows of them, and from when on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.core.decision import Outcome, Why

if TYPE_CHECKING:
    import holdoff
    from tests.guarantees.conftest import Bench

EVENTS = [f"delivery-{n}" for n in range(5)]


def _burst(bench: Bench) -> tuple[holdoff.Gate, holdoff.Gate]:
    """A build, a trigger that is deferred, and five events from memory; two processes."""
    gate, other = bench.gate(), bench.gate()
    gate.trigger()
    bench.clock.advance("1m")
    gate.trigger()
    written = bench.store.get(gate.key)
    for event in EVENTS:
        assert gate.trigger(event_id=event).outcome is Outcome.DEFERRED
    assert bench.store.get(gate.key) == written, "they added nothing, and cost no write"
    return gate, other


def test_all_are_known_to_everybody_once_they_are_written(bench: Bench) -> None:
    gate, other = _burst(bench)
    gate.flush()
    bench.clock.advance("9m")
    assert other.wake().outcome is Outcome.STARTED
    bench.clock.advance("10m")
    for event in EVENTS:
        assert other.trigger(event_id=event).why is Why.DUPLICATE
    assert bench.seconds() == [0, 600]


def test_until_then_the_process_that_answered_them_knows(bench: Bench) -> None:
    gate, other = _burst(bench)
    bench.clock.advance("9m")
    assert other.wake().outcome is Outcome.STARTED
    bench.clock.advance("10m")
    for event in EVENTS:
        assert gate.trigger(event_id=event).why is Why.DUPLICATE
    assert bench.seconds() == [0, 600]
    gate.flush()
    assert bench.store.get(gate.key).counts.total == 2 + 2 * len(EVENTS)


def test_to_another_process_one_is_news_and_costs_one_more_build(bench: Bench) -> None:
    """Stated in docs/guarantees.md. (The checker's hole ``G3 redelivered unwritten`` is the same.)"""
    gate, other = _burst(bench)
    bench.clock.advance("9m")
    other.wake()
    bench.clock.advance("10m")
    assert other.trigger(event_id=EVENTS[0]).outcome is Outcome.STARTED
    gate.flush()
    assert other.trigger(event_id=EVENTS[0]).why is Why.DUPLICATE
    assert bench.seconds() == [0, 600, 1200]
