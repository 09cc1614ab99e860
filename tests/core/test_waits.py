"""What stands between a gate and its next start: until when, what a person hears of it, and when to wake the gate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import builds, people, waits
from holdoff.core.decision import Outcome, Why
from holdoff.core.policy import Policy
from holdoff.core.record import Act, Hold, Record
from holdoff.core.waits import Wait
from tests.core.build import (
    COOLDOWN,
    LEASE,
    MINUTE,
    NOW,
    answer,
    built,
    claim,
    finished,
    on_trigger,
    on_wake,
    pending,
    running,
    seconds,
    terms,
    trigger,
)

RESET = Decimal(0)
TERMS = terms()
DAYS_30 = 30 * 86_400_000
HOLD = Hold(since_ms=NOW, why="incident 42", until_ms=NOW + 3)

# --- the cooldown and the limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "end_ms"),
    [
        (Record(), None),
        (Record(lastbuild=RESET), COOLDOWN),
        (built(MINUTE), NOW + 9 * MINUTE),
        # The snippet writes whole seconds, up to one before our own start of the same instant: that one counts.
        (built(0, running=running(started_ms=NOW + 999)), NOW + 999 + COOLDOWN),
        (built(0, finished=finished(started_ms=NOW + 1_000)), NOW + 1_000 + COOLDOWN),
        # Further back, a person has moved it, and it is obeyed.
        (built(0, running=running(started_ms=NOW + 1_001)), NOW + COOLDOWN),
        (built(MINUTE, running=running(started_ms=NOW - 2 * MINUTE)), NOW + 9 * MINUTE),
        (Record(lastbuild=RESET, finished=finished()), COOLDOWN),
        (Record(finished=finished()), None),
    ],
)
def test_the_cooldown_counts_from_lastbuild_by_whatever_hand_it_was_moved(record: Record, end_ms: int | None) -> None:
    assert waits.cooldown_end_ms(record, TERMS) == end_ms


def test_lastbuild_is_moved_back_only_by_more_than_the_clocks_may_differ() -> None:
    apart = terms(by={"clock_margin_ms": 5_000})
    for back_ms, end_ms in ((6_000, NOW + COOLDOWN), (6_001, NOW - 6_001 + COOLDOWN)):
        record = built(back_ms, finished=finished(started_ms=NOW))
        assert waits.cooldown_end_ms(record, apart) == end_ms


@pytest.mark.parametrize(
    ("record", "end_ms"),
    [
        (built(MINUTE), NOW + 9 * MINUTE),
        (built(1_000, finished=finished(ended_ms=NOW + 5)), NOW + 5 + COOLDOWN),
        (built(7, finished=finished(started_ms=NOW - 7, ended_ms=None)), NOW - 7 + COOLDOWN),
        (Record(lastbuild=RESET, finished=finished()), COOLDOWN),
        # The old snippet has built since.
        (built(0, finished=finished(started_ms=NOW - MINUTE, ended_ms=NOW - 5)), NOW + COOLDOWN),
    ],
)
def test_a_cooldown_from_the_finish_counts_from_the_end(record: Record, end_ms: int) -> None:
    for overlap in ("allow", "cancel"):
        if overlap == "allow" or (record.finished and record.finished.ended_ms):
            assert waits.cooldown_end_ms(record, terms(cooldown_from="finish", overlap=overlap)) == end_ms


def test_exactly_the_cooldown_is_enough_and_a_millisecond_less_is_not() -> None:
    assert answer(on_trigger(built(COOLDOWN), trigger(), TERMS)) == (Outcome.STARTED, Why.READY)
    early = on_trigger(built(COOLDOWN - 1), trigger(), TERMS)
    assert (answer(early), early.decision.due_ms) == ((Outcome.DEFERRED, Why.COOLING_DOWN), NOW + 1)


def test_a_fraction_of_the_snippet_is_rounded_up() -> None:
    record = Record(lastbuild=seconds(NOW - COOLDOWN) + Decimal("0.0000001"))
    assert on_trigger(record, trigger(), TERMS).decision.due_ms == NOW + 1


@pytest.mark.parametrize(
    ("starts", "end_ms"),
    [
        ((), None),
        ((NOW - 1,), None),
        ((NOW - 1, NOW - MINUTE), NOW + 19 * MINUTE),
        ((NOW - 1, NOW - MINUTE, NOW - 2 * MINUTE), NOW + 19 * MINUTE),
    ],
)
def test_the_limit_ends_when_the_oldest_start_it_counts_leaves_its_window(
    starts: tuple[int, ...], end_ms: int | None
) -> None:
    assert waits.limit_end_ms(Record(starts=starts), Policy(0, limit="2/20m")) == end_ms
    assert waits.limit_end_ms(Record(starts=starts), Policy(0)) is None


def test_the_limit_counts_the_start_under_way() -> None:
    """What came during the last start that the limit allows was told that it starts when the cooldown is over."""
    by = terms("1m", limit="2/1h")
    step = on_trigger(built(0, claim=claim(), starts=(NOW - 10 * MINUTE,)), trigger(), by)
    assert (answer(step), step.decision.due_ms) == ((Outcome.DEFERRED, Why.CLAIMED), NOW + 50 * MINUTE)
    assert step.record.claim is not None
    confirmed = builds.confirmed(step.record, step.record.claim, "b-1", by, NOW)
    for at_ms, outcome in ((NOW + 50 * MINUTE - 1, Outcome.DEFERRED), (NOW + 50 * MINUTE, Outcome.STARTED)):
        assert on_wake(confirmed, by, at_ms).decision.outcome is outcome


# --- a lastbuild of the future -------------------------------------------------------------------------------------

MARGIN = terms(by={"clock_margin_ms": 5_000})


def test_a_lastbuild_within_the_clocks_margin_is_obeyed() -> None:
    step = on_trigger(built(-5_000), trigger(), MARGIN)
    assert step.decision.due_ms == NOW + 5_000 + COOLDOWN


# --- waits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_cooldown", "skips"), [("defer", False), ("skip", True)])
def test_each_wait_says_until_when_and_whether_triggers_are_skipped_meanwhile(on_cooldown: str, skips: bool) -> None:
    by = terms(limit="2/1h", on_cooldown=on_cooldown)
    for record, wait in (
        (Record(claim=claim()), Wait(Why.CLAIMED, NOW + MINUTE, skips, brief=True)),
        (Record(claim=claim(attempt=2)), Wait(Why.CLAIMED, NOW + MINUTE, skips)),
        (Record(hold=HOLD), Wait(Why.HELD, NOW + 3, skips, "incident 42")),
        (built(MINUTE), Wait(Why.COOLING_DOWN, NOW + 9 * MINUTE, skips)),
        (Record(starts=(NOW, NOW - MINUTE)), Wait(Why.LIMIT, NOW + 59 * MINUTE, skips)),
    ):
        assert waits.waits(record, by, NOW) == [wait]
        assert wait.until_ms is not None
        is_over = waits.waits(record, by, wait.until_ms) == []
        assert is_over is (wait.why is not Why.CLAIMED), "a claim keeps the gate until it is finished"


def test_quiet_time_and_back_off_are_waits_of_what_is_pending() -> None:
    by = terms(quiet="2m")
    waiting = pending(failures=1, retry_ms=NOW + 5)
    assert waits.waits(Record(), by, NOW) == []
    assert waits.waits(Record(), by, NOW, pending=waiting) == [
        Wait(Why.QUIET, NOW + MINUTE),
        Wait(Why.BACKING_OFF, NOW + 5),
    ]


@pytest.mark.parametrize(
    ("policy", "end_ms"),
    [
        ({}, NOW),
        ({"quiet": "20s"}, NOW + 20_000),
        ({"quiet": "20s", "max_wait": "90s"}, NOW + 20_000),
        ({"quiet": "50s", "max_wait": "90s"}, NOW + 30_000),
    ],
)
def test_the_quiet_time_counts_from_the_last_trigger_and_max_wait_from_the_first(
    policy: dict[str, Any], end_ms: int
) -> None:
    waiting = pending(first_ms=NOW - MINUTE, last_ms=NOW)
    assert waits.quiet_end_ms(waiting, Policy("10m", **policy)) == end_ms


def test_force_minds_only_what_would_start_twice_or_overlap() -> None:
    record = built(0, claim=claim(), running=running(), hold=HOLD, starts=(NOW,))
    by = terms(limit="1/1h", overlap="defer", quiet="1m")
    found = [wait.why for wait in waits.waits(record, by, NOW, pending=pending(NOW))]
    assert found == [Why.CLAIMED, Why.RUNNING, Why.HELD, Why.COOLING_DOWN, Why.LIMIT, Why.QUIET]
    forced = [wait.why for wait in waits.waits(record, by, NOW, pending=pending(NOW, forced=True))]
    assert forced == [Why.CLAIMED, Why.RUNNING, Why.HELD]
    forced = [wait.why for wait in waits.waits(record, by, NOW, force=True)]
    assert forced == [Why.CLAIMED, Why.RUNNING]


@pytest.mark.parametrize(
    ("policy", "until_ms", "skips"),
    [
        ({"overlap": "defer"}, LEASE, False),
        ({"overlap": "defer", "on_cooldown": "skip"}, LEASE, False),
        ({"overlap": "skip"}, LEASE, True),
        ({"cooldown_from": "finish"}, LEASE + COOLDOWN, False),
        ({"cooldown_from": "finish", "on_cooldown": "skip"}, LEASE + COOLDOWN, True),
        ({"cooldown_from": "finish", "overlap": "defer"}, LEASE + COOLDOWN, False),
    ],
)
def test_a_running_build_is_waited_for_until_its_lease_is_over(
    policy: dict[str, Any], until_ms: int, skips: bool
) -> None:
    found = waits.waits(built(0, running=running()), terms(**policy), NOW)
    assert found[0] == Wait(Why.RUNNING, until_ms, skips, "b-R1")


def test_a_rest_after_the_end_of_a_build_is_a_cooldown_which_force_a_reset_and_a_moved_lastbuild_end() -> None:
    """A forced start, and one after a reset, waited for the end of the build (of one that hangs: eight hours), though
    ``overlap`` allows it beside; and then for the cooldown."""
    by = terms(cooldown_from="finish")
    record = built(0, running=running())
    assert answer(on_trigger(record, trigger(force=True), by)) == (Outcome.STARTED, Why.FORCED)
    reset = people.reset(record, Act(what="reset", at_ms=NOW))
    for moved in (reset, record.but(lastbuild=seconds(NOW - COOLDOWN))):
        step = on_trigger(moved, trigger(), by)
        assert (answer(step), step.decision.beside) == ((Outcome.STARTED, Why.READY), "b-R1")
        alone = waits.waits(moved, terms(cooldown_from="finish", overlap="defer"), NOW)
        assert alone == [Wait(Why.RUNNING, LEASE, False, "b-R1")]


@pytest.mark.parametrize("policy", [{}, {"on_failure": "rearm"}, {"overlap": "cancel"}])
def test_a_running_build_that_may_be_overtaken_is_not_waited_for(policy: dict[str, Any]) -> None:
    assert waits.waits(Record(running=running()), terms(**policy), NOW) == []


def test_a_build_that_could_not_be_cancelled_is_waited_for() -> None:
    record = Record(running=running(cancel_failed=True))
    assert waits.waits(record, terms(overlap="cancel"), NOW) == [Wait(Why.RUNNING, LEASE, False, "b-R1")]


def test_a_person_hears_of_a_hold_a_start_a_build_else_of_what_lasts_longest() -> None:
    found = [
        Wait(Why.COOLING_DOWN, NOW + 1),
        Wait(Why.LIMIT, NOW + 9),
        Wait(Why.QUIET, NOW + 5),
        Wait(Why.RUNNING, NOW + 2),
        Wait(Why.CLAIMED, NOW + 3),
        Wait(Why.HELD, None),
    ]
    named = []
    while found:
        named.append(waits.foremost(found).why)
        found = [wait for wait in found if wait.why is not named[-1]]
    assert named == [Why.HELD, Why.CLAIMED, Why.RUNNING, Why.LIMIT, Why.QUIET, Why.COOLING_DOWN]


CLAIMED = Wait(Why.CLAIMED, NOW + MINUTE, brief=True)


@pytest.mark.parametrize(
    ("found", "until_ms"),
    [
        ([], NOW),
        ([CLAIMED], NOW + MINUTE),
        ([CLAIMED, Wait(Why.LIMIT, NOW + 5)], NOW + 5),
        ([Wait(Why.CLAIMED, NOW + MINUTE), Wait(Why.LIMIT, NOW + 5)], NOW + MINUTE),  # a try has failed
        ([Wait(Why.LIMIT, NOW + 5), Wait(Why.COOLING_DOWN, NOW + 7)], NOW + 7),
        ([Wait(Why.LIMIT, NOW - 5)], NOW),
        ([Wait(Why.LIMIT, NOW + 5), Wait(Why.HELD, None)], None),
    ],
)
def test_a_gate_waits_for_the_longest_and_a_claim_s_lease_only_tells_by_itself(
    found: list[Wait], until_ms: int | None
) -> None:
    assert waits.over_ms(found, NOW) == until_ms


# --- asking how a build is -----------------------------------------------------------------------------------------

POLLS = terms(overlap="defer", by={"polls": True})


@pytest.mark.parametrize(
    ("build", "at_ms", "asks"),
    [
        (running(), NOW + 29_999, False),
        (running(), NOW + 30_000, True),
        (running(polled_ms=NOW + 30_000), NOW + 59_999, False),
        (running(polled_ms=NOW + 30_000), NOW + 60_000, True),
        (running(), LEASE - 1, True),
        (running(), LEASE, False),
    ],
)
def test_a_running_build_is_asked_after_every_30_seconds_until_its_lease_is_over(
    build: Any, at_ms: int, asks: bool
) -> None:
    assert waits.must_poll(Record(running=build), POLLS, at_ms) is asks


@pytest.mark.parametrize("by", [terms(by={"polls": True}), terms(overlap="defer")])
def test_a_build_whose_end_changes_nothing_or_that_cannot_be_asked_after_is_left_alone(by: Any) -> None:
    assert not waits.must_poll(Record(running=running()), by, NOW + MINUTE)
    assert not waits.must_poll(Record(), POLLS, NOW)


# --- when to wake the gate, and when it may be forgotten -----------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "by", "due_ms"),
    [
        (Record(), TERMS, None),
        (Record(claim=claim(), pending=pending()), TERMS, NOW + MINUTE),
        (Record(pending=pending(NOW + 5)), TERMS, NOW + 5),
        (built(MINUTE, pending=pending()), TERMS, NOW + 9 * MINUTE),
        (built(MINUTE, pending=pending(NOW, waiters=("a", "b"))), TERMS, NOW + 9 * MINUTE + 2_000),
        (Record(pending=pending(), hold=HOLD.but(until_ms=None)), TERMS, None),
        (Record(running=running()), TERMS, None),
        (Record(running=running()), terms(overlap="defer"), LEASE),
        (Record(running=running()), POLLS, NOW + 30_000),
        (Record(running=running(polled_ms=NOW + 5)), POLLS, NOW + 30_005),
        (Record(running=running(polled_ms=LEASE - 5)), POLLS, LEASE),
        (Record(running=running(), pending=pending()), terms(overlap="defer"), LEASE),
        (Record(pending=pending(), starts=(NOW,)), terms(0, limit="1/20m"), NOW + 20 * MINUTE),
        (Record(pending=pending()), terms(quiet="5m"), NOW + 4 * MINUTE),
        (Record(pending=pending(failures=1, retry_ms=NOW + 7)), TERMS, NOW + 7),
    ],
)
def test_a_gate_is_due_when_the_last_of_all_waits_is_over(record: Record, by: Any, due_ms: int | None) -> None:
    after = waits.with_due(record.but(due_ms=1), by)
    assert after == record.but(due_ms=due_ms)
    assert waits.with_due(after, by) is after


def test_the_end_of_a_running_command_is_not_known() -> None:
    """Its lease is renewed. The gate is woken when that is over all the same: the command may have died."""
    by = terms(overlap="defer", by={"children": True, "keyed": True})
    record = built(MINUTE, running=running())
    assert [(wait.why, wait.until_ms) for wait in waits.waits(record, by, NOW)][:1] == [(Why.RUNNING, None)]
    waiting = waits.with_due(record.but(pending=pending()), by)
    assert (waits.ready_ms(waiting, by), waits.wake_ms(waiting, by), waiting.due_ms) == (None, None, LEASE)
    assert waits.with_due(record, by).expires_ms == LEASE + COOLDOWN + DAYS_30


def test_asking_how_a_build_is_is_no_reason_to_be_woken_at_an_instant() -> None:
    by = terms(on_failure="rearm", by={"polls": True})
    record = waits.with_due(built(MINUTE, running=running()), by)
    assert (record.due_ms, waits.wake_ms(record, by)) == (NOW + 30_000, None)


@pytest.mark.parametrize(("stands_ms", "due_ms"), [(None, NOW + 5), (NOW + 4, NOW + 4), (NOW + 6, NOW + 5)])
def test_a_writer_that_does_not_know_the_policy_only_makes_it_earlier(stands_ms: int | None, due_ms: int) -> None:
    stranger = terms(by={"knows_policy": False})
    record = Record(pending=pending(NOW + 5), due_ms=stands_ms)
    assert waits.with_due(record, stranger).due_ms == due_ms
    idle = Record(due_ms=stands_ms)
    assert waits.with_due(idle, stranger) is idle  # the wake that is left gives an idle gate of a key its expiry


@pytest.mark.parametrize(
    ("stands_ms", "expires_ms"),
    [(None, None), (NOW, NOW + COOLDOWN + DAYS_30), (NOW + 2 * DAYS_30, NOW + 2 * DAYS_30)],
)
def test_a_writer_that_does_not_know_the_policy_only_forgets_it_later(
    stands_ms: int | None, expires_ms: int | None
) -> None:
    stranger = terms(by={"knows_policy": False, "keyed": True})
    assert waits.with_due(built(0, expires_ms=stands_ms), stranger).expires_ms == expires_ms


WAITING = pending(NOW - MINUTE, waiters=("new", "mid", "old"))


@pytest.mark.parametrize(("waiter", "after_ms"), [("new", 0), ("mid", 1_000), ("old", 2_000), (None, 3_000)])
def test_the_newest_waiter_comes_first_each_older_one_a_second_later_a_stranger_last(
    waiter: str | None, after_ms: int
) -> None:
    record = built(MINUTE, pending=WAITING)
    ready_ms = NOW + 9 * MINUTE
    assert waits.turn_ms(WAITING, waiter) == after_ms
    assert on_wake(record, TERMS, ready_ms + after_ms, waiter).decision.outcome is Outcome.STARTED
    if after_ms:
        early = on_wake(record, TERMS, ready_ms + after_ms - 1, waiter)
        assert (answer(early), early.decision.due_ms) == ((Outcome.DEFERRED, Why.PENDING), ready_ms + after_ms)


@pytest.mark.parametrize(
    "freed",
    [
        {"finished": finished(ended_ms=NOW - 5)},
        {"acts": (Act(what="resume", at_ms=NOW - 5),)},
    ],
)
def test_turns_count_from_the_report_or_the_person_that_freed_the_gate(freed: dict[str, Any]) -> None:
    record = built(20 * MINUTE, pending=WAITING, **freed)
    assert on_wake(record, TERMS, NOW, "new").decision.outcome is Outcome.STARTED
    assert on_wake(record, TERMS, NOW, "mid").decision.due_ms == NOW + 995


def test_turns_count_from_the_first_trigger_if_the_gate_was_free_before_it() -> None:
    record = built(20 * MINUTE, pending=WAITING, acts=(Act(what="resume", at_ms=NOW - 2 * MINUTE),))
    assert on_wake(record, TERMS, NOW - MINUTE, "mid").decision.due_ms == NOW - MINUTE + 1_000


KEYED = terms(by={"keyed": True})


@pytest.mark.parametrize(
    ("record", "expires_ms"),
    [
        (built(MINUTE), NOW - MINUTE + COOLDOWN + DAYS_30),
        (built(1_000, finished=finished()), NOW - 1_000 + COOLDOWN + DAYS_30),
        # After a reset what it knows of events and lines is kept as long.
        (Record(lastbuild=RESET, finished=finished()), NOW - 1_000 + DAYS_30),
        (Record(lastbuild=RESET, acts=(Act(what="reset", at_ms=NOW),)), NOW + DAYS_30),
        (built(0, running=running()), LEASE + COOLDOWN + DAYS_30),
        (built(0, pending=pending()), None),
        (built(0, claim=claim()), None),
        (built(0, hold=HOLD), NOW + COOLDOWN + DAYS_30),
        (built(0, hold=HOLD.but(until_ms=NOW + DAYS_30)), NOW + 2 * DAYS_30),
        (built(0, hold=HOLD.but(until_ms=None)), None),
    ],
)
def test_an_idle_keyed_gate_may_be_forgotten_a_busy_one_never(record: Record, expires_ms: int | None) -> None:
    assert waits.with_due(record, KEYED).expires_ms == expires_ms
    assert waits.with_due(record, TERMS).expires_ms is None


def test_a_keyed_gate_is_not_forgotten_while_a_start_counts_or_a_rest_after_the_lease_is_to_come() -> None:
    """With "3/60d" and two starts it was forgotten after 30 days: three more started within the window."""
    days_60 = 2 * DAYS_30
    limited = terms(limit="3/60d", by={"keyed": True})
    assert waits.with_due(built(0, starts=(NOW, NOW - MINUTE)), limited).expires_ms == NOW + days_60 + DAYS_30
    for record, by in ((built(0), limited), (built(0, starts=(NOW,)), KEYED)):  # no start counts
        assert waits.with_due(record, by).expires_ms == NOW + COOLDOWN + DAYS_30
    rests = terms("60d", cooldown_from="finish", by={"keyed": True})
    assert waits.with_due(built(0, running=running()), rests).expires_ms == LEASE + days_60 + DAYS_30
