"""When a wake would do something, and how long what is built had waited."""

from __future__ import annotations

from dataclasses import replace

from holdoff.core import machine
from holdoff.core.policy import Policy
from holdoff.core.record import Hold, Record
from tests.core.build import (
    MINUTE,
    NOW,
    built,
    claim,
    on_trigger,
    on_wake,
    pending,
    rules,
    running,
    trigger,
)

POLICY = Policy("10m")


def test_nothing_waits() -> None:
    assert machine.wake_ms(Record(), POLICY) is None
    assert machine.wake_ms(built(MINUTE, running=running()), POLICY) is None


def test_a_claim_is_finished_after_its_lease_whatever_is_pending() -> None:
    record = built(0, claim=claim(), pending=pending(NOW))
    assert machine.wake_ms(record, POLICY) == NOW + MINUTE


def test_what_is_pending_starts_when_all_it_waits_for_is_over() -> None:
    record = built(MINUTE, pending=pending(NOW + MINUTE))
    assert machine.wake_ms(record, POLICY) == NOW + 9 * MINUTE
    overlap = replace(record, running=running())
    assert machine.wake_ms(overlap, Policy("10m", overlap="defer")) == NOW + 30 * MINUTE


def test_nobody_knows_when_a_hold_without_an_end_is_over() -> None:
    record = built(20 * MINUTE, pending=pending(NOW), hold=Hold(since_ms=NOW, why="incident"))
    assert machine.wake_ms(record, POLICY) is None


def test_asking_how_a_build_is_is_no_reason_to_be_woken() -> None:
    by = replace(rules(on_failure="rearm"), polls=True)
    record = machine.settled(built(MINUTE, running=running()), by)
    assert record.due_ms == NOW + 30_000
    assert machine.wake_ms(record, by.policy) is None


def test_a_start_tells_how_long_the_oldest_trigger_had_waited() -> None:
    gate = built(20 * MINUTE, pending=pending(NOW))
    assert on_wake(gate, rules()).decision.waited_ms == MINUTE
    assert on_trigger(gate, trigger(), rules()).decision.waited_ms == MINUTE
    assert on_trigger(built(20 * MINUTE), trigger(), rules()).decision.waited_ms == 0
    assert on_trigger(built(MINUTE), trigger(), rules()).decision.waited_ms is None
