"""What becomes of a claim and of its build, in full: taken over, confirmed, refused, given back, ended, asked after."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import machine
from holdoff.core.record import Act, Claim, Counts, Finished, Hold, Pending, Record, Running
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    digest,
    finished,
    pending,
    request,
    rules,
    running,
    seconds,
)

RULES = rules()
BEFORE = Decimal("5.0000001")
FROZEN = pending(
    NOW - MINUTE, request=request(source_version="v1", event_id="E1", parameters="{}"), count=2
)
THAWED = replace(FROZEN, request=request(source_version="v1", event_id="E1"))
E1 = digest("E1")
#: A claim made now, of a gate that had built long before.
CLAIM = claim(covers=FROZEN, before=BEFORE)
CLAIMED = Record(
    lastbuild=seconds(NOW),
    claim=CLAIM,
    events=("e0",),
    counts=Counts(deferred=2),
    due_ms=NOW + MINUTE,
)
NEWER = pending(NOW + 5, request=request(source_version="v2"), first_ms=NOW + 2, last_ms=NOW + 3)


# --- taken over ----------------------------------------------------------------------------------------------------


def test_a_claim_taken_over() -> None:
    at_ms = NOW + 3 * MINUTE
    after = machine.taken_over(CLAIMED, RULES, at_ms)
    taken = replace(
        CLAIM,
        attempt=2,
        held_ms=at_ms,
        lease_until_ms=at_ms + MINUTE,
        sent_until_ms=NOW + 2 * MINUTE,
    )
    assert after == replace(CLAIMED, lastbuild=seconds(at_ms), claim=taken, due_ms=at_ms + MINUTE)


def test_a_request_may_be_read_for_one_lease_after_its_own() -> None:
    """The latest of all attempts counts; one that was refused is not under way."""
    for changes, until_ms in (
        ({"sent_until_ms": NOW + 9 * MINUTE}, NOW + 9 * MINUTE),
        ({"refused": True}, 0),
        ({"refused": True, "sent_until_ms": NOW}, NOW),
    ):
        record = replace(CLAIMED, claim=replace(CLAIM, **changes))
        taken = machine.taken_over(record, RULES, NOW + MINUTE).claim
        assert taken is not None
        assert (taken.sent_until_ms, taken.refused) == (until_ms, False)


def test_the_clocks_of_two_holders_may_differ() -> None:
    apart = replace(RULES, clock_margin_ms=5_000)
    taken = machine.taken_over(CLAIMED, apart, NOW + MINUTE).claim
    assert taken is not None
    assert taken.sent_until_ms == NOW + 2 * MINUTE + 5_000


def test_a_take_over_gives_back_to_whoever_built_since() -> None:
    record = replace(CLAIMED, lastbuild=seconds(NOW + 7))
    taken = machine.taken_over(record, RULES, NOW + MINUTE)
    assert taken.lastbuild == seconds(NOW + MINUTE)
    assert taken.claim is not None
    assert taken.claim.before == seconds(NOW + 7)


def test_a_take_over_keeps_a_later_lastbuild() -> None:
    record = replace(CLAIMED, lastbuild=seconds(NOW + 9 * MINUTE))
    assert machine.taken_over(record, RULES, NOW + MINUTE).lastbuild == seconds(NOW + 9 * MINUTE)


# --- an opening that came too early --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "early"),
    [
        (replace(CLAIMED, claim=None), False),
        (CLAIMED, False),
        (replace(CLAIMED, claim=replace(CLAIM, before=None)), False),
        (replace(CLAIMED, claim=replace(CLAIM, before=seconds(NOW - COOLDOWN))), False),
        (replace(CLAIMED, claim=replace(CLAIM, before=seconds(NOW - COOLDOWN + 1))), True),
        (replace(CLAIMED, running=running(started_ms=NOW - COOLDOWN + 1)), True),
        (replace(CLAIMED, hold=Hold(since_ms=NOW, why="incident 42")), False),
        (
            replace(
                CLAIMED,
                claim=replace(
                    CLAIM, before=seconds(NOW), covers=pending(request=request(forced=True))
                ),
            ),
            False,
        ),
    ],
)
def test_an_opening_was_too_early_where_the_gate_was_not_ready_at_our_clock_s_new_instant(
    record: Record, early: bool
) -> None:
    assert machine.was_too_early(record, RULES, NOW) is early


# --- given back ----------------------------------------------------------------------------------------------------


def test_a_claim_taken_back_is_as_if_it_had_not_been_made() -> None:
    assert machine.unclaimed(CLAIMED, CLAIM, RULES) == replace(
        CLAIMED, lastbuild=BEFORE, claim=None, due_ms=None
    )


@pytest.mark.parametrize(
    ("lastbuild", "left"),
    [
        (seconds(NOW), BEFORE),
        (BEFORE, BEFORE),
        (None, None),
        (seconds(NOW + 7_000), seconds(NOW + 7_000)),
        (seconds(NOW - 7_000), seconds(NOW - 7_000)),
    ],
)
def test_lastbuild_is_put_back_unless_somebody_else_has_moved_it(
    lastbuild: Decimal | None, left: Decimal | None
) -> None:
    record = replace(CLAIMED, lastbuild=lastbuild)
    assert machine.unclaimed(record, CLAIM, RULES).lastbuild == left
    assert machine.refused(record, CLAIM, RULES, NOW, worth_retrying=True).lastbuild == left


@pytest.mark.parametrize(
    "stands", [None, replace(CLAIM, token="theirs"), replace(CLAIM, attempt=2)]
)
def test_nobody_but_its_holder_gives_a_claim_back(stands: Claim | None) -> None:
    record = replace(CLAIMED, claim=stands)
    assert machine.unclaimed(record, CLAIM, RULES) is record
    assert machine.uncancelled(record, CLAIM, "b-R1", RULES) is record
    assert machine.refused(record, CLAIM, RULES, NOW, worth_retrying=True) is record


# --- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("worth_retrying", "wait_ms"), [(True, 5_000), (False, MINUTE)])
def test_a_start_that_was_certainly_refused(worth_retrying: bool, wait_ms: int) -> None:
    at_ms = NOW + 1_000
    after = machine.refused(CLAIMED, CLAIM, RULES, at_ms, worth_retrying=worth_retrying)
    assert after == Record(
        lastbuild=BEFORE,
        pending=replace(THAWED, due_ms=at_ms + wait_ms, failures=1),
        events=(E1, "e0"),
        counts=Counts(deferred=2, failed=1),
        due_ms=at_ms + wait_ms,
    )


def test_a_refused_wake_is_not_counted_again() -> None:
    by_a_wake = replace(CLAIM, counted=False)
    record = replace(CLAIMED, claim=by_a_wake)
    after = machine.refused(record, by_a_wake, RULES, NOW, worth_retrying=True)
    assert after.counts == CLAIMED.counts


def test_refusals_in_a_row_wait_longer_whatever_came_meanwhile() -> None:
    again = replace(CLAIM, covers=replace(FROZEN, failures=2))
    record = replace(CLAIMED, claim=again, pending=replace(NEWER, failures=9))
    after = machine.refused(record, again, RULES, NOW, worth_retrying=True).pending
    assert after == Pending(
        request=NEWER.request,
        count=3,
        first_ms=FROZEN.first_ms,
        last_ms=NEWER.last_ms,
        due_ms=NOW + 20_000,
        failures=3,
        versions=("v1",),
        events=(E1,),
    )


SENT = NOW + 2 * MINUTE
ENDED = SENT + 30 * MINUTE


@pytest.mark.parametrize(
    ("looked_ms", "at_ms", "is_certain"),
    [
        (SENT, SENT, True),
        (SENT - 1, SENT + MINUTE, False),  # what was sent may have been read after the look
        (SENT - 1, ENDED - 1, False),
        (SENT - 1, ENDED, True),
        (None, ENDED - 1, False),
        (None, ENDED, True),
    ],
)
def test_a_refusal_after_a_take_over_is_certain_once_nothing_sent_can_be_read_any_more(
    looked_ms: int | None, at_ms: int, is_certain: bool
) -> None:
    taken = replace(CLAIM, attempt=2, sent_until_ms=SENT)
    record = replace(CLAIMED, claim=taken)
    after = machine.refused(record, taken, RULES, at_ms, worth_retrying=True, looked_ms=looked_ms)
    waiting = replace(taken, refused=True, lease_until_ms=at_ms + MINUTE)
    if is_certain:
        assert after.claim is None
        assert after.pending is not None
    else:
        assert after == replace(record, claim=waiting, due_ms=at_ms + MINUTE)


def test_a_first_refusal_is_certain_at_any_instant() -> None:
    early = replace(CLAIM, held_ms=0)
    record = replace(CLAIMED, claim=early)
    assert machine.refused(record, early, RULES, 1, worth_retrying=True).claim is None


def test_nobody_looked_unless_somebody_says_so() -> None:
    taken = replace(CLAIM, attempt=2, sent_until_ms=SENT)
    record = replace(CLAIMED, claim=taken)
    assert machine.refused(record, taken, RULES, SENT, worth_retrying=True).claim is not None


# --- confirmed -----------------------------------------------------------------------------------------------------


def test_a_start_that_is_confirmed() -> None:
    at_ms = NOW + 5_000
    after = machine.confirmed(CLAIMED, CLAIM, "b-1", RULES, at_ms)
    assert after == Record(
        lastbuild=seconds(at_ms),
        running=Running(
            build_id="b-1",
            token="C1",
            started_ms=at_ms,
            lease_until_ms=at_ms + 30 * MINUTE,
            covers=THAWED,
            claimed_ms=NOW,
            before=BEFORE,
        ),
        events=(E1, "e0"),
        counts=Counts(deferred=2, started=1),
    )


def test_a_wake_s_start_was_counted_when_it_was_deferred() -> None:
    by_a_wake = replace(CLAIM, counted=False)
    record = replace(CLAIMED, claim=by_a_wake)
    after = machine.confirmed(record, by_a_wake, "b-1", RULES, NOW)
    assert after.counts == CLAIMED.counts


def test_a_late_confirm_leaves_what_others_did_since() -> None:
    theirs = claim("C2")
    record = replace(CLAIMED, claim=theirs, running=running("R2"))
    after = machine.confirmed(record, CLAIM, "b-1", RULES, NOW)
    assert (after.claim, after.running) == (theirs, running("R2"))
    assert after.counts == record.counts
    alone = machine.confirmed(replace(record, running=None), CLAIM, "b-1", RULES, NOW)
    assert alone.running is not None
    assert alone.running.token == "C1"


@pytest.mark.parametrize(
    ("record", "there", "ours"),
    [
        (Record(), False, False),
        (Record(claim=claim("C1")), False, True),
        (Record(claim=claim("C2")), False, False),
        (Record(running=running("C1")), True, True),
        (Record(running=running("C2"), finished=finished("C1")), True, True),
        (Record(running=running("C2"), finished=finished("C3")), False, False),
    ],
)
def test_a_build_is_recognised_by_its_token(record: Record, there: bool, ours: bool) -> None:
    assert machine.is_confirmed(record, "C1") is there
    assert machine.is_of(record, "C1") is ours


@pytest.mark.parametrize(
    ("policy", "starts", "due_ms"),
    [
        ({}, (), NOW + COOLDOWN),
        ({"limit": "2/20m"}, (NOW, NOW - 1), NOW - 1 + 20 * MINUTE),
        ({"limit": "3/20m"}, (NOW, NOW - 1, NOW - 2), NOW - 2 + 20 * MINUTE),
        ({"limit": "9/20m"}, (NOW, NOW - 1, NOW - 2), NOW + COOLDOWN),
    ],
)
def test_a_start_pushes_what_is_pending_behind_the_cooldown_and_the_limit(
    policy: dict[str, Any], starts: tuple[int, ...], due_ms: int
) -> None:
    record = replace(CLAIMED, pending=NEWER, starts=(NOW - 1, NOW - 2, NOW - 20 * MINUTE))
    after = machine.confirmed(record, CLAIM, "b-1", rules(**policy), NOW)
    assert after.starts == starts
    assert after.pending == replace(NEWER, due_ms=due_ms)


def test_a_start_never_makes_a_pending_due_earlier() -> None:
    late = replace(NEWER, due_ms=NOW + 9 * COOLDOWN)
    after = machine.confirmed(replace(CLAIMED, pending=late), CLAIM, "b-1", RULES, NOW)
    assert after.pending == late


# --- a build that could not be cancelled ---------------------------------------------------------------------------

CANCEL = rules(overlap="cancel")


def test_a_build_that_could_not_be_cancelled_is_waited_for() -> None:
    record = replace(CLAIMED, running=running())
    after = machine.uncancelled(record, CLAIM, "b-R1", CANCEL)
    assert after == Record(
        lastbuild=BEFORE,
        pending=THAWED,
        running=running(cancel_failed=True),
        events=(E1, "e0"),
        counts=Counts(deferred=3),
        due_ms=NOW + 30 * MINUTE,
    )


def test_what_came_meanwhile_is_newer_and_another_build_is_no_reason_to_wait() -> None:
    by_a_wake = replace(CLAIM, counted=False)
    record = replace(CLAIMED, claim=by_a_wake, pending=NEWER, running=running("R2"))
    after = machine.uncancelled(record, by_a_wake, "b-R1", CANCEL)
    assert after.pending == machine.joined(THAWED, NEWER)
    assert after.running == running("R2")
    assert after.counts == CLAIMED.counts
    none = replace(record, running=None)
    assert machine.uncancelled(none, by_a_wake, "b-R1", CANCEL).running is None


# --- a build's end -------------------------------------------------------------------------------------------------

BUILD = running(covers=THAWED, before=BEFORE)
RUNNING = Record(lastbuild=seconds(NOW), running=BUILD, built="v0")


def ended(succeeded: bool | None, **changes: Any) -> Finished:
    """The build as it stands once it ended, a second after it started."""
    made = Finished(
        build_id="b-R1",
        token="R1",
        started_ms=NOW,
        claimed_ms=NOW - 1_000,
        covered_ms=THAWED.last_ms,
        ended_ms=NOW + 1_000,
        succeeded=succeeded,
        source_version="v1",
    )
    return replace(made, **changes)


@pytest.mark.parametrize(("succeeded", "built_then"), [(True, "v1"), (False, "v0"), (None, "v0")])
def test_a_build_that_ended(succeeded: bool | None, built_then: str) -> None:
    after = machine.finished(
        RUNNING, "b-R1", RULES, NOW + 1_000, succeeded=succeeded, detail="in phase BUILD"
    )
    end = ended(succeeded, detail="in phase BUILD")
    assert after == Record(lastbuild=seconds(NOW), finished=end, built=built_then)


def test_a_version_stays_built_when_one_without_a_version_is() -> None:
    record = replace(RUNNING, running=running())
    assert machine.finished(record, "b-R1", RULES, NOW, succeeded=True).built == "v0"


def test_a_build_does_not_end_before_it_started() -> None:
    after = machine.finished(RUNNING, "b-R1", RULES, NOW - 5, succeeded=True)
    assert after.finished == ended(True, ended_ms=NOW)


FAILED = ended(False)


def test_a_failed_build_armed_again() -> None:
    by = rules(on_failure="rearm")
    after = machine.finished(RUNNING, "b-R1", by, NOW + 1_000, succeeded=False)
    assert after == Record(
        lastbuild=BEFORE,
        pending=replace(THAWED, due_ms=NOW + 61_000, failures=1),
        finished=FAILED,
        built="v0",
        due_ms=NOW + 61_000,
    )


def test_a_build_armed_again_leaves_a_lastbuild_that_somebody_else_has_set() -> None:
    record = replace(RUNNING, lastbuild=seconds(NOW + 7), pending=NEWER)
    by = rules(on_failure="rearm")
    after = machine.finished(record, "b-R1", by, NOW + 1_000, succeeded=False)
    assert after.lastbuild == seconds(NOW + 7)
    assert after.pending is not None
    assert (after.pending.request, after.pending.count) == (NEWER.request, 3)


@pytest.mark.parametrize(
    ("policy", "succeeded", "claimed"),
    [
        ({"on_failure": "rearm"}, True, None),
        ({"on_failure": "rearm"}, None, None),
        ({"on_failure": "rearm"}, False, claim()),
        ({"on_failure": "keep"}, False, None),
    ],
)
def test_nothing_is_armed_again(
    policy: dict[str, Any], succeeded: bool | None, claimed: Claim | None
) -> None:
    record = replace(RUNNING, claim=claimed)
    after = machine.finished(record, "b-R1", rules(**policy), NOW, succeeded=succeeded)
    assert after.pending is None
    assert after.lastbuild == seconds(NOW)


@pytest.mark.parametrize(
    ("policy", "succeeded", "due_ms"),
    [
        ({"cooldown_from": "finish"}, True, NOW + 1_000 + COOLDOWN),
        ({"cooldown_from": "finish"}, None, NOW + 1_000 + COOLDOWN),
        ({"cooldown_from": "finish"}, False, NOW + 5),
        ({}, True, NOW + 5),
    ],
)
def test_an_end_that_the_cooldown_counts_from_pushes_what_is_pending(
    policy: dict[str, Any], succeeded: bool | None, due_ms: int
) -> None:
    record = replace(RUNNING, pending=NEWER)
    after = machine.finished(record, "b-R1", rules(**policy), NOW + 1_000, succeeded=succeeded)
    assert after.pending == replace(NEWER, due_ms=due_ms)


@pytest.mark.parametrize("build_id", ["b-R2", "b-R1"])
def test_an_end_that_is_not_this_build_s_changes_nothing(build_id: str) -> None:
    record = Record() if build_id == "b-R1" else RUNNING
    assert machine.finished(record, build_id, RULES, NOW, succeeded=True) is record
    assert machine.polled(record, build_id, None, RULES, NOW) is record


# --- asked after, alive --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "succeeded"), [("succeeded", True), ("failed", False)])
def test_a_build_that_was_asked_after_and_has_ended(state: str, succeeded: bool) -> None:
    after = machine.polled(RUNNING, "b-R1", state, RULES, NOW + 1_000)
    assert after.finished == ended(succeeded)
    assert after.running is None


@pytest.mark.parametrize("state", ["running", None])
def test_a_build_that_was_asked_after_and_runs_on(state: str | None) -> None:
    by = replace(rules(overlap="defer"), polls=True)
    after = machine.polled(RUNNING, "b-R1", state, by, NOW + 7)
    assert after == replace(RUNNING, running=replace(BUILD, polled_ms=NOW + 7), due_ms=NOW + 30_007)


def test_a_build_that_is_alive_keeps_its_lease() -> None:
    by = rules(overlap="defer")
    until_ms = NOW + 31 * MINUTE
    after = machine.renewed(RUNNING, "R1", by, NOW + MINUTE)
    assert after == replace(
        RUNNING, running=replace(BUILD, lease_until_ms=until_ms), due_ms=until_ms
    )
    assert machine.renewed(Record(), "R1", by, NOW) == Record()


# --- history -------------------------------------------------------------------------------------------------------


def test_the_history_is_told_of_a_build_with_all_it_covered_when_it_leaves_the_record() -> None:
    end = ended(True)
    assert machine.history_of(RUNNING, Record(finished=end)) == (replace(end, covers=THAWED),)
    assert machine.history_of(RUNNING, replace(RUNNING, pending=NEWER)) == ()
    assert machine.history_of(Record(), Record(finished=end)) == ()


@pytest.mark.parametrize("last", [None, finished("R0")])
def test_a_build_overtaken_by_the_next_start_ended_nobody_knows_how(last: Finished | None) -> None:
    after = Record(running=running("R2"), finished=last)
    unknown = ended(None, ended_ms=None, covers=THAWED)
    assert machine.history_of(replace(RUNNING, finished=last), after) == (unknown,)


# --- what people do ------------------------------------------------------------------------------------------------

ACT = Act(what="reset", at_ms=NOW, by="ann", why="new machine")


def test_a_hold_and_its_end_are_remembered() -> None:
    hold = Hold(since_ms=NOW, why="incident 42", by="ann", until_ms=NOW + MINUTE)
    record = Record(pending=pending(NOW))
    after = machine.held(record, hold, RULES)
    act = Act(what="hold", at_ms=NOW, by="ann", why="incident 42")
    assert after == replace(record, hold=hold, acts=(act,), due_ms=NOW + MINUTE)
    resumed = machine.resumed(after, ACT, RULES)
    assert resumed == replace(record, acts=(ACT, act), due_ms=NOW)
    assert machine.resumed(resumed, ACT, RULES) is resumed


def test_a_reset() -> None:
    record = replace(CLAIMED, pending=NEWER, starts=(NOW,))
    after = machine.reset(record, ACT, RULES)
    assert after == replace(record, lastbuild=Decimal(0), starts=(), acts=(ACT,))
    assert machine.reset(after, ACT, RULES) is after


def test_a_reset_leaves_a_gate_that_never_built_as_it_is() -> None:
    record = Record(pending=NEWER, due_ms=NEWER.due_ms)
    assert machine.reset(record, ACT, RULES) is record


def test_a_reset_that_drops_what_is_pending() -> None:
    record = built(MINUTE, pending=NEWER, due_ms=NEWER.due_ms)
    after = machine.reset(record, ACT, RULES, drop_pending=True)
    assert after == replace(record, lastbuild=Decimal(0), pending=None, acts=(ACT,), due_ms=None)


@pytest.mark.parametrize(
    ("stands", "drop_pending", "left"),
    [
        (None, False, THAWED),
        (NEWER, False, machine.joined(THAWED, NEWER)),
        (NEWER, True, None),
        (None, True, None),
    ],
)
def test_a_reset_that_drops_a_claim_keeps_what_it_covered_unless_that_is_dropped_too(
    stands: Pending | None, drop_pending: bool, left: Pending | None
) -> None:
    record = replace(CLAIMED, pending=stands)
    after = machine.reset(record, ACT, RULES, drop_pending=drop_pending, drop_claim=True)
    assert after == Record(
        lastbuild=Decimal(0),
        pending=left,
        events=("e0",),
        counts=CLAIMED.counts,
        acts=(ACT,),
        due_ms=left.due_ms if left else None,
    )


def test_a_reset_that_drops_a_claim_where_there_is_none() -> None:
    record = built(MINUTE, pending=NEWER)
    after = machine.reset(record, ACT, RULES, drop_claim=True)
    assert after.pending == NEWER


@pytest.mark.parametrize(
    ("stands", "left"),
    [
        (pending(NOW, count=1, revocable=("T1",)), None),
        (
            pending(NOW, count=3, revocable=("T2", "T1")),
            pending(NOW, count=2, revocable=("T2",)),
        ),
    ],
)
def test_a_withdrawn_trigger_leaves_the_others(stands: Pending, left: Pending | None) -> None:
    record = Record(pending=stands, due_ms=NOW)
    after = machine.withdrawn(record, "T1", RULES)
    assert after == Record(pending=left, due_ms=left.due_ms if left else None)


@pytest.mark.parametrize("stands", [None, pending(NOW), pending(NOW, revocable=("T2",))])
def test_nothing_is_withdrawn_that_cannot_be(stands: Pending | None) -> None:
    record = Record(pending=stands)
    assert machine.withdrawn(record, "T1", RULES) is record
