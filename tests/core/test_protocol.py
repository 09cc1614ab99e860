"""What each decision costs, effect by effect."""

from __future__ import annotations

import pytest

from holdoff.core import machine, protocol
from holdoff.core.decision import Outcome, Why
from holdoff.core.effects import Find, Get, Open, Start, Swap
from holdoff.core.errors import StartRefused, StoreUnavailable
from holdoff.core.protocol import Sight
from holdoff.core.record import Record
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    pending,
    request,
    rules,
    running,
    seconds,
    trigger,
)
from tests.core.driver import Driver

RULES = rules()


# --- effects counted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [None, Record(), built(COOLDOWN)])
def test_cold_allowed_is_one_request_before_the_start_and_two_in_all(record: Record | None) -> None:
    driver = Driver(record)
    assert driver.trigger().decision.build_id == "b-T1"
    assert driver.asked == [Open, Start, Swap]


def test_cold_denied_is_one_request() -> None:
    driver = Driver(built(MINUTE, pending=pending(NOW + 9 * MINUTE)))
    assert driver.trigger().decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Open]


def test_the_first_deferred_is_one_write_more() -> None:
    driver = Driver(built(MINUTE))
    assert driver.trigger().decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Open, Swap]


def test_warm_denied_asks_nothing() -> None:
    driver = Driver(built(MINUTE))
    sight = driver.trigger().sight
    driver.effects.clear()
    for number in range(5):
        decided = driver.trigger(sight, f"T{number + 2}")
        sight = decided.sight
        assert decided.decision.outcome is Outcome.DEFERRED
    assert driver.asked == []
    assert sight.tally.counts.deferred == 5


def test_what_was_answered_from_memory_is_written_with_the_next_write() -> None:
    driver = Driver(built(MINUTE))
    sight = driver.trigger(driver.trigger().sight, "T2").sight
    driver.trigger(sight, "T3", source_version="v2")
    assert driver.record.pending is not None
    assert (driver.record.pending.count, driver.record.counts.deferred) == (3, 3)


def test_memory_ends_at_the_due() -> None:
    driver = Driver(built(MINUTE))
    sight = driver.trigger().sight
    driver.now_ms = NOW + 9 * MINUTE
    driver.effects.clear()
    assert driver.trigger(sight, "T2").decision.outcome is Outcome.STARTED
    assert driver.asked == [Swap, Start, Swap]


def test_a_skip_is_remembered_for_max_staleness_only() -> None:
    by = rules(on_cooldown="skip")
    driver = Driver(built(MINUTE))
    sight = driver.drive(protocol.trigger(trigger(), by, Sight())).sight
    driver.effects.clear()
    driver.now_ms += 999
    sight = driver.drive(protocol.trigger(trigger("T2"), by, sight)).sight
    assert driver.asked == []
    driver.now_ms += 1
    driver.drive(protocol.trigger(trigger("T3"), by, sight))
    assert driver.asked == [Get]


def test_a_policy_that_must_see_the_record_reads_first() -> None:
    driver = Driver()
    driver.drive(protocol.trigger(trigger(), rules(limit="3/1h"), Sight()))
    assert driver.asked == [Get, Swap, Start, Swap]


def test_a_wake_with_nothing_to_do_only_reads() -> None:
    driver = Driver(built(MINUTE))
    assert driver.wake().decision.why is Why.IDLE
    assert driver.asked == [Get]


# --- what becomes of a start ---------------------------------------------------------------------------------------


def test_a_refusal_gives_the_slot_back() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = StartRefused("account limit", worth_retrying=True)
    decision = driver.trigger().decision
    assert (decision.outcome, decision.why) == (Outcome.FAILED, Why.START_FAILED)
    assert decision.due_ms == NOW + 5_000
    assert driver.record.lastbuild == seconds(NOW - COOLDOWN)
    assert driver.record.counts.failed == 1


def test_no_answer_leaves_the_claim() -> None:
    driver = Driver()
    driver.instead[Start] = TimeoutError("no answer")
    decision = driver.trigger().decision
    assert (decision.why, decision.due_ms) == (Why.START_UNKNOWN, NOW + MINUTE)
    assert driver.record.claim is not None
    assert driver.asked == [Open, Start]


def test_a_take_over_asks_before_it_starts() -> None:
    driver = Driver(built(MINUTE, claim=claim(lease_until_ms=NOW)))
    decision = driver.wake().decision
    assert driver.asked == [Get, Swap, Find, Start, Swap]
    assert decision.taken_over == "b-C1"
    assert driver.record.running is not None
    assert driver.record.running.token == "C1"


def test_a_take_over_that_finds_the_build_starts_nothing() -> None:
    driver = Driver(built(MINUTE, claim=claim(lease_until_ms=NOW)))
    driver.instead[Find] = "b-found"
    assert driver.wake().decision.taken_over == "b-found"
    assert Start not in driver.asked


def test_the_taker_s_own_trigger_becomes_pending() -> None:
    driver = Driver(built(MINUTE, claim=claim(lease_until_ms=NOW)))
    decision = driver.trigger().decision
    assert decision.outcome is Outcome.DEFERRED
    assert driver.record.pending is not None
    assert driver.record.pending.due_ms == NOW + COOLDOWN


def test_a_start_whose_confirm_is_not_taken_is_a_start() -> None:
    driver = Driver()
    driver.instead[Swap] = StoreUnavailable("no answer")
    decided = driver.trigger()
    assert (decided.decision.build_id, decided.decision.unconfirmed) == ("b-T1", True)
    assert decided.sight.record is None


def test_a_store_that_does_not_answer_raises() -> None:
    driver = Driver()
    driver.instead[Open] = StoreUnavailable("no answer")
    with pytest.raises(StoreUnavailable):
        driver.trigger()
    assert driver.asked == [Open]


# --- a late claimant, one's own writes -----------------------------------------------------------------------------


def test_a_late_claimant_does_not_start() -> None:
    driver = Driver()
    asks = protocol.trigger(trigger(), RULES, Sight())
    step: object = next(asks)
    answer: object = None
    while not isinstance(step, Open):
        answer = driver._answer(step)
        step = asks.send(answer)
    answer = driver._answer(step)
    driver.now_ms += MINUTE
    driver.record = machine.taken_over(driver.record, RULES, driver.now_ms).written("theirs")
    try:
        while True:
            step = asks.send(answer)
            assert not isinstance(step, Start)
            answer = driver._answer(step)
    except StopIteration as stop:
        assert stop.value.decision.why is Why.START_UNKNOWN


def test_an_open_whose_response_was_lost_is_recognised() -> None:
    covers = pending(request=request())
    driver = Driver(built(0, claim=claim("T1", covers=covers), writes=("mine",)))
    assert driver.trigger().decision.build_id == "b-T1"
    assert driver.asked == [Open, Start, Swap]


def test_an_open_that_others_ended_meanwhile_is_recognised() -> None:
    driver = Driver(built(0, running=running("T1"), writes=("theirs",)))
    decision = driver.trigger().decision
    assert (decision.outcome, decision.build_id) == (Outcome.STARTED, "b-T1")
    assert driver.asked == [Open]


def test_a_lost_race_is_decided_again_on_what_it_returned() -> None:
    driver = Driver(built(COOLDOWN))
    stale = Sight(record=built(COOLDOWN + 1), seen_ms=NOW)
    driver.record = built(MINUTE, writes=("theirs",))
    assert driver.trigger(stale).decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Swap, Swap]


def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    driver = Driver(built(MINUTE))
    driver.drive(protocol.edit(lambda record, _now_ms: record, RULES, Sight()))
    assert driver.asked == [Get]
