"""Every rule of the machine, by its name in the design."""

from __future__ import annotations

from decimal import Decimal

import pytest

from holdoff.core import machine
from holdoff.core.decision import Outcome, Why
from holdoff.core.machine import Step, Then
from holdoff.core.record import Act, Finished, Hold, Record
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    on_trigger,
    on_wake,
    pending,
    request,
    rules,
    running,
    seconds,
    trigger,
)

RULES = rules()
SKIP = rules(on_cooldown="skip")


def answer(step: Step) -> tuple[Outcome, Why]:
    """What became of it, and why."""
    return step.decision.outcome, step.decision.why


# --- cooldown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [Record(), Record(lastbuild=Decimal(0)), built(COOLDOWN)])
def test_exactly_the_cooldown_is_enough(record: Record) -> None:
    step = on_trigger(record, trigger(), RULES)
    assert answer(step) == (Outcome.STARTED, Why.READY)
    assert step.then is Then.START
    assert step.record.lastbuild == seconds(NOW)
    assert step.record.claim is not None
    assert step.record.claim.before == record.lastbuild
    assert step.record.due_ms == NOW + RULES.claim_lease_ms


def test_a_millisecond_less_is_not() -> None:
    step = on_trigger(built(COOLDOWN - 1), trigger(), RULES)
    assert answer(step) == (Outcome.DEFERRED, Why.COOLING_DOWN)
    assert step.decision.due_ms == NOW + 1
    assert step.record.pending is not None
    assert step.record.due_ms == step.record.pending.due_ms == NOW + 1


def test_a_fraction_of_the_snippet_is_rounded_up() -> None:
    record = Record(lastbuild=seconds(NOW - COOLDOWN) + Decimal("0.0000001"))
    assert answer(on_trigger(record, trigger(), RULES))[0] is Outcome.DEFERRED
    assert answer(on_trigger(record, trigger(), RULES, NOW + 1))[0] is Outcome.STARTED


def test_a_lastbuild_in_the_future_is_obeyed() -> None:
    step = on_trigger(built(-MINUTE), trigger(), RULES)
    assert step.decision.due_ms == NOW + MINUTE + COOLDOWN


def test_skip_says_when_it_is_ready_and_writes_nothing() -> None:
    record = built(MINUTE)
    step = on_trigger(record, trigger(), SKIP)
    assert answer(step) == (Outcome.SKIPPED, Why.COOLING_DOWN)
    assert step.record is record
    assert step.decision.due_ms == NOW + 9 * MINUTE


def test_what_an_older_policy_left_pending_is_still_built() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    assert answer(on_trigger(record, trigger(), SKIP))[0] is Outcome.DEFERRED
    assert answer(on_wake(record, SKIP, NOW + 9 * MINUTE)) == (Outcome.STARTED, Why.READY)


# --- not covered, pending folds, no change no write -----------------------------------------------------------------


def test_not_covered_by_a_claim() -> None:
    step = on_trigger(built(0, claim=claim()), trigger(), RULES)
    assert answer(step) == (Outcome.DEFERRED, Why.CLAIMED)
    assert step.record.pending is not None
    assert step.record.claim == claim()


def test_not_covered_by_a_running_build() -> None:
    step = on_trigger(built(0, running=running()), trigger(), rules(overlap="defer"))
    assert answer(step) == (Outcome.DEFERRED, Why.RUNNING)
    assert step.record.pending is not None


def test_pending_folds_and_the_latest_wins() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE, count=3))
    step = on_trigger(record, trigger(source_version="v2", reason="push"), RULES)
    folded = step.record.pending
    assert folded is not None
    assert (folded.count, folded.request.source_version) == (4, "v2")
    assert (folded.first_ms, folded.last_ms) == (NOW - MINUTE, NOW)
    assert folded.due_ms == NOW + 9 * MINUTE


def test_no_change_no_write() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    step = on_trigger(record, trigger(), RULES)
    assert step.record is record
    assert step.decision.due_ms == NOW + 9 * MINUTE


def test_due_never_moves_earlier() -> None:
    record = built(COOLDOWN, pending=pending(NOW + 20 * MINUTE))
    step = on_trigger(record, trigger(source_version="v2"), rules(quiet="1m"))
    assert step.record.pending is not None
    assert step.record.pending.due_ms == NOW + 20 * MINUTE


def test_pending_is_taken_only_at_its_due() -> None:
    record = Record(pending=pending(NOW + 1))
    assert answer(on_wake(record, RULES)) == (Outcome.DEFERRED, Why.PENDING)
    step = on_wake(record, RULES, NOW + 1)
    assert answer(step) == (Outcome.STARTED, Why.READY)
    assert step.record.pending is None
    assert step.decision.covers == 1


def test_a_trigger_at_the_due_takes_pending_along() -> None:
    step = on_trigger(built(COOLDOWN, pending=pending(NOW, count=4)), trigger(), RULES)
    assert answer(step) == (Outcome.STARTED, Why.READY)
    assert step.decision.covers == 5
    assert step.record.pending is None


def test_a_forced_start_leaves_pending_alone() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    step = on_trigger(record, trigger(force=True), RULES)
    assert answer(step) == (Outcome.STARTED, Why.FORCED)
    assert step.decision.covers == 1
    assert step.record.pending is not None
    assert step.record.pending.due_ms == NOW + 9 * MINUTE


def test_force_does_not_start_beside_a_claim() -> None:
    step = on_trigger(built(0, claim=claim()), trigger(force=True), RULES)
    assert answer(step) == (Outcome.DEFERRED, Why.CLAIMED)


def test_force_does_not_overlap() -> None:
    record = built(0, running=running())
    assert answer(on_trigger(record, trigger(force=True), rules(overlap="defer")))[1] is Why.RUNNING


# --- quiet, max_wait, limit ----------------------------------------------------------------------------------------

QUIET = rules("2m", quiet="20s", max_wait="90s")


def test_quiet_waits_from_the_last_trigger() -> None:
    step = on_trigger(Record(), trigger(), QUIET)
    assert answer(step) == (Outcome.DEFERRED, Why.QUIET)
    again = on_trigger(step.record, trigger("T2"), QUIET, NOW + 15_000)
    assert again.decision.due_ms == NOW + 35_000


def test_max_wait_bounds_the_quiet_time() -> None:
    step = on_trigger(Record(), trigger(), QUIET)
    for at in range(10_000, 90_000, 10_000):
        step = on_trigger(step.record, trigger(f"T{at}"), QUIET, NOW + at)
    assert step.decision.due_ms == NOW + 90_000


def test_the_cooldown_bounds_both_from_below() -> None:
    step = on_trigger(built(MINUTE), trigger(), QUIET)
    assert step.decision.due_ms == NOW + MINUTE


LIMIT = rules(0, limit="2/20m")


def test_a_limit_is_a_sliding_window() -> None:
    record = built(MINUTE, starts=(NOW - MINUTE, NOW - 19 * MINUTE))
    step = on_trigger(record, trigger(), LIMIT)
    assert answer(step) == (Outcome.DEFERRED, Why.LIMIT)
    assert step.decision.due_ms == NOW + MINUTE
    assert answer(on_trigger(record, trigger(), LIMIT, NOW + MINUTE))[0] is Outcome.STARTED


def test_a_confirm_keeps_the_starts_a_limit_counts() -> None:
    record = Record(claim=claim(), starts=(NOW - MINUTE, NOW - 20 * MINUTE))
    after = machine.confirmed(record, claim(), "b", LIMIT, NOW)
    assert after.starts == (NOW, NOW - MINUTE)


# --- claims --------------------------------------------------------------------------------------------------------


def test_taking_over_does_not_cover_the_taker() -> None:
    record = built(MINUTE, claim=claim(lease_until_ms=NOW), pending=pending(NOW))
    for step in (on_trigger(record, trigger(), RULES), on_wake(record, RULES)):
        assert step.then is Then.TAKE_OVER
        assert answer(step) == (Outcome.DEFERRED, Why.TAKEN_OVER)
        assert step.record is record


def test_strict_spacing_a_take_over_counts_from_its_instant() -> None:
    record = Record(lastbuild=seconds(NOW), claim=claim(before=Decimal(5)))
    after = machine.taken_over(record, RULES, NOW + MINUTE)
    assert after.lastbuild == seconds(NOW + MINUTE)
    assert after.claim is not None
    assert (after.claim.token, after.claim.attempt) == ("C1", 2)
    assert after.claim.before == Decimal(5)
    assert after.claim.covers == claim().covers


def test_strict_spacing_a_confirm_counts_from_its_instant() -> None:
    record = Record(lastbuild=seconds(NOW), claim=claim(), pending=pending(NOW))
    after = machine.confirmed(record, claim(), "b-1", RULES, NOW + 5_000)
    assert after.lastbuild == seconds(NOW + 5_000)
    assert after.pending is not None
    assert after.pending.due_ms == NOW + 5_000 + COOLDOWN == after.due_ms
    assert after.claim is None
    assert after.running is not None
    assert after.running.build_id == "b-1"
    assert after.counts.started == 1


def test_a_confirm_keeps_the_later_lastbuild() -> None:
    record = Record(lastbuild=seconds(NOW + MINUTE), claim=claim())
    assert machine.confirmed(record, claim(), "b", RULES, NOW).lastbuild == seconds(NOW + MINUTE)


def test_recognise_your_own_confirm() -> None:
    record = built(0, running=running("C1"))
    assert machine.confirmed(record, claim(), "b-C1", RULES, NOW) is record


def test_a_certain_failure_gives_the_slot_back() -> None:
    record = Record(lastbuild=seconds(NOW), claim=claim(before=Decimal("5.0000001")))
    after = machine.refused(
        record, claim(before=Decimal("5.0000001")), RULES, NOW, worth_retrying=True
    )
    assert after.lastbuild == Decimal("5.0000001")
    assert after.claim is None
    assert after.pending is not None
    assert after.pending.due_ms == NOW + 5_000 == after.due_ms
    assert (after.pending.failures, after.counts.failed) == (1, 1)


def test_nobody_else_gives_it_back() -> None:
    record = Record(lastbuild=seconds(NOW), claim=claim(attempt=2))
    assert machine.refused(record, claim(), RULES, NOW, worth_retrying=True) is record


def test_a_slot_given_back_keeps_what_somebody_else_wrote() -> None:
    record = Record(lastbuild=seconds(NOW + 7_000), claim=claim(before=Decimal(5)))
    after = machine.refused(record, claim(before=Decimal(5)), RULES, NOW, worth_retrying=True)
    assert after.lastbuild == seconds(NOW + 7_000)


def test_what_came_during_a_refused_start_is_newer() -> None:
    newer = pending(NOW + 9, request=request(source_version="v2"), count=2)
    record = Record(claim=claim(), pending=newer)
    after = machine.refused(record, claim(), RULES, NOW, worth_retrying=True).pending
    assert after is not None
    assert (after.request.source_version, after.count, after.due_ms) == ("v2", 3, NOW + 5_000)


@pytest.mark.parametrize(
    ("failures", "soon_ms", "late_ms"),
    [(1, 5_000, 60_000), (2, 10_000, 120_000), (7, 300_000, 3_600_000), (99, 300_000, 3_600_000)],
)
def test_the_back_off_doubles_to_its_bound(failures: int, soon_ms: int, late_ms: int) -> None:
    assert machine.backoff_ms(failures, worth_retrying=True) == soon_ms
    assert machine.backoff_ms(failures, worth_retrying=False) == late_ms


def test_nobody_starts_during_a_back_off_but_by_force() -> None:
    record = Record(pending=pending(NOW + 5_000, failures=1))
    assert answer(on_trigger(record, trigger(), RULES)) == (Outcome.DEFERRED, Why.BACKING_OFF)
    assert answer(on_trigger(record, trigger(force=True), RULES))[0] is Outcome.STARTED


# --- redelivered events, unchanged ---------------------------------------------------------------------------------


def test_a_redelivered_event_is_a_duplicate() -> None:
    first = on_trigger(built(MINUTE), trigger(event_id="E1"), RULES)
    again = on_trigger(first.record, trigger("T2", event_id="E1"), RULES)
    assert answer(again) == (Outcome.SKIPPED, Why.DUPLICATE)
    assert again.record is first.record


def test_a_duplicate_of_a_claim_s_event() -> None:
    covers = pending(request=request(event_id="E1"))
    record = Record(claim=claim(covers=covers))
    assert answer(on_trigger(record, trigger(event_id="E1"), RULES))[1] is Why.DUPLICATE


UNCHANGED = rules(0, unchanged="skip")


@pytest.mark.parametrize(
    "record",
    [
        Record(built="v1"),
        Record(running=running(covers=pending(request=request(source_version="v1")))),
    ],
)
def test_an_unchanged_version_is_not_built_twice(record: Record) -> None:
    step = on_trigger(record, trigger(source_version="v1"), UNCHANGED)
    assert answer(step) == (Outcome.SKIPPED, Why.UNCHANGED)
    assert answer(on_trigger(record, trigger(source_version="v2"), UNCHANGED))[0] is Outcome.STARTED
    assert answer(on_trigger(record, trigger(force=True, source_version="v1"), UNCHANGED))[0] is (
        Outcome.STARTED
    )


def test_no_version_is_never_unchanged() -> None:
    assert answer(on_trigger(Record(built="v1"), trigger(), UNCHANGED))[0] is Outcome.STARTED


def test_a_version_behind_a_newer_pending_is_not_unchanged() -> None:
    record = Record(built="v1", pending=pending(NOW + MINUTE))
    step = on_trigger(record, trigger(source_version="v1"), rules(unchanged="skip"))
    assert step.decision.outcome is not Outcome.SKIPPED


# --- builds --------------------------------------------------------------------------------------------------------


def test_a_build_s_end_lets_the_next_one_start() -> None:
    by = rules(0, overlap="defer")
    record = Record(running=running(), pending=pending(NOW))
    assert on_wake(record, by).decision.why is Why.RUNNING
    after = machine.finished(record, "b-R1", by, NOW, succeeded=True)
    assert after.finished is not None
    assert after.finished.succeeded
    assert answer(on_wake(after, by)) == (Outcome.STARTED, Why.READY)


def test_reports_of_other_builds_change_nothing() -> None:
    record = Record(running=running())
    assert machine.finished(record, "b-other", RULES, NOW, succeeded=True) is record


def test_a_lease_ends_what_was_never_reported() -> None:
    by = rules(0, overlap="defer")
    record = Record(running=running(lease_until_ms=NOW))
    step = on_wake(record, by)
    assert step.record.running is None
    assert step.record.finished is not None
    assert step.record.finished.succeeded is None


def test_a_cooldown_from_the_finish() -> None:
    by = rules(cooldown_from="finish")
    record = built(20 * MINUTE, running=running())
    assert on_trigger(record, trigger(), by).decision.why is Why.RUNNING
    after = machine.finished(record, "b-R1", by, NOW, succeeded=True)
    assert on_trigger(after, trigger(), by).decision.due_ms == NOW + COOLDOWN


def test_a_failed_build_is_armed_again() -> None:
    by = rules(on_failure="rearm")
    record = Record(lastbuild=seconds(NOW), running=running(before=Decimal(5)))
    after = machine.finished(record, "b-R1", by, NOW + 1_000, succeeded=False)
    assert after.lastbuild == Decimal(5)
    assert after.pending is not None
    assert after.pending.due_ms == NOW + 61_000
    assert after.pending.failures == 1
    assert machine.finished(after, "b-R1", by, NOW + 2_000, succeeded=False) is after


def test_a_failed_build_is_kept_by_default() -> None:
    record = Record(lastbuild=seconds(NOW), running=running())
    after = machine.finished(record, "b-R1", RULES, NOW, succeeded=False)
    assert after.lastbuild == seconds(NOW)
    assert after.pending is None


def test_an_alive_build_keeps_its_lease() -> None:
    record = Record(running=running())
    after = machine.renewed(record, "R1", RULES, NOW + MINUTE)
    assert after.running is not None
    assert after.running.lease_until_ms == NOW + 31 * MINUTE
    assert machine.renewed(record, "other", RULES, NOW) is record


# --- holds and resets ----------------------------------------------------------------------------------------------

ACT = Act(what="reset", at_ms=NOW)


def test_a_hold_keeps_pending_and_defers() -> None:
    hold = Hold(since_ms=NOW, why="incident 42")
    record = machine.held(Record(pending=pending(NOW)), hold, RULES)
    assert record.due_ms is None
    step = on_wake(record, RULES)
    assert answer(step) == (Outcome.DEFERRED, Why.HELD)
    assert step.decision.due_ms is None
    after = machine.resumed(record, ACT, RULES)
    assert answer(on_wake(after, RULES)) == (Outcome.STARTED, Why.READY)


def test_a_hold_with_an_end_is_due_then() -> None:
    hold = Hold(since_ms=NOW, why="lunch", until_ms=NOW + MINUTE)
    record = machine.held(Record(pending=pending(NOW)), hold, RULES)
    assert record.due_ms == NOW + MINUTE
    assert answer(on_wake(record, RULES, NOW + MINUTE))[0] is Outcome.STARTED


def test_force_minds_no_hold() -> None:
    record = Record(hold=Hold(since_ms=NOW, why="incident 42"))
    assert answer(on_trigger(record, trigger(force=True), RULES)) == (Outcome.STARTED, Why.FORCED)


def test_a_reset_ends_the_cooldown_and_keeps_pending_with_its_due() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE), starts=(NOW,))
    after = machine.reset(record, ACT, RULES)
    assert (after.lastbuild, after.starts) == (Decimal(0), ())
    assert after.pending == record.pending
    decision = on_trigger(after, trigger(), RULES).decision
    assert (decision.outcome, decision.last_build) == (Outcome.STARTED, None)  # not 1970


def test_a_reset_drops_pending_when_told_to() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    assert machine.reset(record, ACT, RULES, drop_pending=True).pending is None


def test_a_reset_with_nothing_to_end_is_no_write() -> None:
    assert machine.reset(Record(), ACT, RULES) == Record()


def test_a_reset_ends_the_cooldown_whatever_it_counts_from() -> None:
    end = Finished(
        build_id="b", token="R1", started_ms=NOW, claimed_ms=NOW, covered_ms=NOW, ended_ms=NOW
    )
    record = machine.reset(built(MINUTE, finished=end), ACT, RULES)
    for policy in (RULES, rules(cooldown_from="finish")):
        assert machine.waits(record, policy.policy, NOW) == []


def test_a_revocable_trigger_can_be_withdrawn() -> None:
    record = Record(pending=pending(NOW + MINUTE, revocable=("T1",)))
    assert machine.withdrawn(record, "T1", RULES).pending is None
    assert machine.withdrawn(record, "T0", RULES) is record  # of an earlier pending


def test_what_others_asked_for_stays_when_a_trigger_is_withdrawn() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE, revocable=("T0",)))
    step = on_trigger(record, trigger(), RULES)
    assert step.record is not record  # written: from memory nobody relies on what may be withdrawn
    left = machine.withdrawn(step.record, "T0", RULES)
    assert left.pending is not None
    assert (left.pending.count, left.pending.revocable) == (1, ())
    assert machine.withdrawn(left, "T0", RULES) is left  # again, because nobody answered


# --- what the checker found ----------------------------------------------------------------------------------------


def test_our_own_start_counts_where_the_snippet_moved_lastbuild_back() -> None:
    record = built(COOLDOWN, running=running(started_ms=NOW - COOLDOWN + 750))
    assert on_trigger(record, trigger(), RULES).decision.due_ms == NOW + 750


def test_a_pending_left_behind_asks_for_the_newest() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE, request=request(source_version="v1")))
    left = on_trigger(record, trigger(force=True, source_version="v2"), RULES).record.pending
    assert left is not None
    assert (left.request.source_version, left.request.forced, left.count) == ("v2", False, 1)


def test_a_refusal_after_a_take_over_is_not_certain() -> None:
    expired = Record(lastbuild=seconds(NOW), claim=claim(lease_until_ms=NOW))
    taken = machine.taken_over(expired, RULES, NOW)
    assert taken.claim is not None
    after = machine.refused(taken, taken.claim, RULES, NOW, worth_retrying=True)
    assert after.claim is not None
    assert after.claim.refused
    assert after.pending is None


def test_what_a_newer_claim_builds_is_not_armed_again() -> None:
    by = rules(on_failure="rearm")
    record = Record(lastbuild=seconds(NOW), running=running(), claim=claim())
    assert machine.finished(record, "b-R1", by, NOW, succeeded=False).pending is None
