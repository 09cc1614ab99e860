"""What stands between a gate and its next start: until when, and what a person hears of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import machine
from holdoff.core.decision import Outcome, Why
from holdoff.core.machine import Then, Wait
from holdoff.core.policy import Policy
from holdoff.core.record import Hold, Record
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    finished,
    on_trigger,
    on_wake,
    pending,
    rules,
    running,
    trigger,
)

LEASE = NOW + 30 * MINUTE
RESET = Decimal(0)

# --- the end of the cooldown and of the limit ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "end_ms"),
    [
        (Record(), None),
        (Record(lastbuild=RESET), COOLDOWN),
        (built(MINUTE), NOW + 9 * MINUTE),
        (built(MINUTE, running=running(started_ms=NOW - 5)), NOW - 5 + COOLDOWN),
        (built(MINUTE, running=running(started_ms=NOW - 2 * MINUTE)), NOW + 9 * MINUTE),
        (built(MINUTE, finished=finished(started_ms=NOW - 5)), NOW - 5 + COOLDOWN),
        (Record(lastbuild=RESET, running=running()), COOLDOWN),
        (Record(lastbuild=RESET, finished=finished()), COOLDOWN),
    ],
)
def test_the_cooldown_counts_from_the_later_of_lastbuild_and_our_own_start(
    record: Record, end_ms: int | None
) -> None:
    assert machine.cooldown_end_ms(record, Policy("10m")) == end_ms


@pytest.mark.parametrize(
    ("record", "end_ms"),
    [
        (built(MINUTE), NOW + 9 * MINUTE),
        (built(MINUTE, finished=finished(ended_ms=NOW - 5)), NOW - 5 + COOLDOWN),
        (built(MINUTE, finished=finished(started_ms=NOW - 7, ended_ms=None)), NOW - 7 + COOLDOWN),
        (Record(finished=finished(ended_ms=NOW - 5)), NOW - 5 + COOLDOWN),
        (Record(lastbuild=RESET, finished=finished(ended_ms=NOW - 5)), COOLDOWN),
    ],
)
def test_a_cooldown_from_the_finish_counts_from_the_end(record: Record, end_ms: int) -> None:
    assert machine.cooldown_end_ms(record, Policy("10m", cooldown_from="finish")) == end_ms


@pytest.mark.parametrize("cooldown_from", ["start", "finish"])
@pytest.mark.parametrize(
    ("on_failure", "succeeded", "counts"),
    [
        ("keep", False, True),
        ("rearm", False, False),
        ("rearm", True, True),
        ("rearm", None, True),
    ],
)
def test_a_failed_build_whose_slot_was_given_back_does_not_count(
    cooldown_from: str, on_failure: str, succeeded: bool | None, counts: bool
) -> None:
    record = built(MINUTE, finished=finished(started_ms=NOW, ended_ms=NOW, succeeded=succeeded))
    policy = Policy("10m", cooldown_from=cooldown_from, on_failure=on_failure)
    end_ms = NOW + (10 if counts else 9) * MINUTE
    assert machine.cooldown_end_ms(record, policy) == end_ms


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
    record = Record(starts=starts)
    assert machine.limit_end_ms(record, Policy(0, limit="2/20m")) == end_ms
    assert machine.limit_end_ms(record, Policy(0)) is None


# --- waits ---------------------------------------------------------------------------------------------------------

HOLD = Hold(since_ms=NOW, why="incident 42", until_ms=NOW + 3)


@pytest.mark.parametrize(("on_cooldown", "skips"), [("defer", False), ("skip", True)])
def test_each_wait_says_until_when_and_whether_triggers_are_skipped_meanwhile(
    on_cooldown: str, skips: bool
) -> None:
    policy = Policy("10m", limit="1/1h", on_cooldown=on_cooldown)
    for record, wait in (
        (Record(claim=claim()), Wait(Why.CLAIMED, NOW + MINUTE, skips)),
        (Record(hold=HOLD), Wait(Why.HELD, NOW + 3, skips, "incident 42")),
        (built(MINUTE), Wait(Why.COOLING_DOWN, NOW + 9 * MINUTE, skips)),
        (Record(starts=(NOW - MINUTE,)), Wait(Why.LIMIT, NOW + 59 * MINUTE, skips)),
    ):
        assert machine.waits(record, policy, NOW) == [wait]
        assert wait.until_ms is not None
        assert machine.waits(record, policy, wait.until_ms) == []


def test_force_minds_only_what_would_start_twice_or_overlap() -> None:
    record = built(0, claim=claim(), running=running(), hold=HOLD, starts=(NOW,))
    policy = Policy("10m", limit="1/1h", overlap="defer")
    found = [wait.why for wait in machine.waits(record, policy, NOW)]
    assert found == [Why.CLAIMED, Why.RUNNING, Why.HELD, Why.COOLING_DOWN, Why.LIMIT]
    forced = [wait.why for wait in machine.waits(record, policy, NOW, force=True)]
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
    found = machine.waits(Record(running=running()), Policy("10m", **policy), NOW)
    assert found == [Wait(Why.RUNNING, until_ms, skips, "b-R1")]


@pytest.mark.parametrize("policy", [{}, {"on_failure": "rearm"}, {"overlap": "cancel"}])
def test_a_running_build_that_may_be_overtaken_is_not_waited_for(policy: dict[str, Any]) -> None:
    assert machine.waits(Record(running=running()), Policy("10m", **policy), NOW) == []


def test_a_build_that_could_not_be_cancelled_is_waited_for() -> None:
    record = Record(running=running(cancel_failed=True))
    found = machine.waits(record, Policy("10m", overlap="cancel"), NOW)
    assert found == [Wait(Why.RUNNING, LEASE, False, "b-R1")]


# --- asking after a build, cancelling it ---------------------------------------------------------------------------


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
    by = replace(rules(overlap="defer"), polls=True)
    record = Record(running=build)
    for step in (on_trigger(record, trigger(), by, at_ms), on_wake(record, by, at_ms)):
        assert (step.then is Then.POLL) is asks
        if asks:
            told = step.decision.outcome, step.decision.why
            assert told == (Outcome.DEFERRED, Why.RUNNING)


def test_nobody_asks_after_a_build_whose_end_changes_nothing_or_where_nobody_can() -> None:
    record = Record(running=running())
    for by in (replace(rules(), polls=True), rules(overlap="defer")):
        assert on_trigger(record, trigger(), by, NOW + MINUTE).then is not Then.POLL
        assert on_wake(record, by, NOW + MINUTE).then is Then.NOTHING
    by = replace(rules(overlap="defer"), polls=True)
    assert on_trigger(Record(), trigger(), by).then is Then.START


@pytest.mark.parametrize(
    ("record", "overlap", "at_ms", "cancels"),
    [
        (Record(), "cancel", NOW, False),
        (Record(running=running()), "cancel", LEASE - 1, True),
        (Record(running=running()), "cancel", LEASE, False),
        (Record(running=running()), "defer", NOW, False),
        (Record(running=running(cancel_failed=True)), "cancel", NOW, False),
    ],
)
def test_a_running_build_is_cancelled_once_where_the_policy_says_so(
    record: Record, overlap: str, at_ms: int, cancels: bool
) -> None:
    assert machine.must_cancel(record, rules(overlap=overlap), at_ms) is cancels


# --- what a person hears of it -------------------------------------------------------------------------------------


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
        named.append(machine.foremost(found).why)
        found = [wait for wait in found if wait.why is not named[-1]]
    assert named == [
        *(Why.HELD, Why.CLAIMED, Why.RUNNING),
        *(Why.LIMIT, Why.QUIET, Why.COOLING_DOWN),
    ]


CLAIMED = Wait(Why.CLAIMED, NOW + MINUTE)


@pytest.mark.parametrize(
    ("found", "until_ms"),
    [
        ([], NOW),
        ([CLAIMED], NOW + MINUTE),
        ([CLAIMED, Wait(Why.LIMIT, NOW + 5)], NOW + 5),
        ([Wait(Why.LIMIT, NOW + 5), Wait(Why.COOLING_DOWN, NOW + 7)], NOW + 7),
        ([Wait(Why.LIMIT, NOW - 5)], NOW),
        ([Wait(Why.LIMIT, NOW + 5), Wait(Why.HELD, None)], None),
    ],
)
def test_a_gate_waits_for_the_longest_and_a_claim_s_lease_only_tells_by_itself(
    found: list[Wait], until_ms: int | None
) -> None:
    assert machine.longest_ms(found, NOW) == until_ms


# --- when somebody should look again -------------------------------------------------------------------------------

POLLS = replace(rules(overlap="defer"), polls=True)


@pytest.mark.parametrize(
    ("record", "by", "look_ms"),
    [
        (Record(), rules(), None),
        (Record(claim=claim(), pending=pending(NOW)), rules(), NOW + MINUTE),
        (Record(pending=pending(NOW + 5)), rules(), NOW + 5),
        (built(MINUTE, pending=pending(NOW)), rules(), NOW + 9 * MINUTE),
        (Record(pending=pending(NOW), hold=replace(HOLD, until_ms=None)), rules(), None),
        (Record(running=running()), rules(), None),
        (Record(running=running()), rules(overlap="defer"), LEASE),
        (Record(running=running()), POLLS, NOW + 30_000),
        (Record(running=running(polled_ms=NOW + 5)), POLLS, NOW + 30_005),
        (Record(running=running(polled_ms=LEASE - 5)), POLLS, LEASE),
        (Record(running=running(), pending=pending(NOW + 5)), rules(), NOW + 5),
        (Record(running=running(), pending=pending(NOW)), rules(overlap="defer"), LEASE),
    ],
)
def test_a_gate_is_due_when_somebody_should_look_again(
    record: Record, by: machine.Rules, look_ms: int | None
) -> None:
    after = machine.settled(replace(record, due_ms=1), by)
    assert after == replace(record, due_ms=look_ms)
    assert machine.settled(after, by) is after


@pytest.mark.parametrize(
    ("stands_ms", "look_ms"), [(None, NOW + 5), (NOW + 4, NOW + 4), (NOW + 6, NOW + 5)]
)
def test_who_does_not_know_the_policy_only_makes_it_earlier(
    stands_ms: int | None, look_ms: int
) -> None:
    stranger = replace(rules(), knows_policy=False)
    record = Record(pending=pending(NOW + 5), due_ms=stands_ms)
    assert machine.settled(record, stranger).due_ms == look_ms
    idle = Record(due_ms=stands_ms)
    assert machine.settled(idle, stranger) is idle
