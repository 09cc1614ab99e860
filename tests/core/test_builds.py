"""What becomes of a build: alive, asked after, cancelled, ended, armed again, and kept in the history."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import builds
from holdoff.core.decision import Outcome
from holdoff.core.record import Claim, End, Record
from holdoff.core.waits import with_due
from tests.core.build import (
    COOLDOWN,
    LEASE,
    MINUTE,
    NOW,
    built,
    claim,
    finished,
    on_wake,
    pending,
    running,
    seconds,
    terms,
)

TERMS = terms()
BEFORE = Decimal(5)
COVERS = pending(count=2, source_version="v1", event_id="E1")
BUILD = running(covers=COVERS, before=BEFORE)
RUNNING = Record(lastbuild=seconds(NOW), running=BUILD)
NEWER = pending(NOW + 3, source_version="v2")
REARM = terms(on_failure="rearm")


def ended(record: Record, by: Any = TERMS, *, succeeded: bool | None, **more: Any) -> Record:
    """The build ended a second after it started."""
    return builds.finished(record, End(build_id="b-R1", succeeded=succeeded, **more), by, NOW + 1_000)


@pytest.mark.parametrize("succeeded", [True, False, None])
def test_an_end_is_kept_as_it_was_reported(succeeded: bool | None) -> None:
    after = ended(RUNNING, succeeded=succeeded, detail="in phase BUILD", exit_status=7)
    end = after.finished
    assert end is not None
    assert (end.build_id, end.succeeded, end.detail, end.exit_status) == ("b-R1", succeeded, "in phase BUILD", 7)
    assert (end.started_ms, end.claimed_ms, end.ended_ms) == (NOW, NOW - 1_000, NOW + 1_000)
    assert (after.running, after.lastbuild) == (None, seconds(NOW))


def test_the_same_end_reported_again_amid_a_start_takes_no_room_of_others() -> None:
    record = ended(Record(claim=claim()), succeeded=True)
    assert ended(record, succeeded=False) is record


def test_by_a_clock_that_stepped_back_a_build_ended_as_it_started() -> None:
    after = builds.finished(RUNNING, End(build_id="b-R1", succeeded=True), TERMS, NOW - 5)
    assert after.finished is not None
    assert after.finished.ended_ms == NOW


def test_a_report_of_another_build_changes_nothing() -> None:
    assert builds.finished(RUNNING, End(build_id="b-R2", succeeded=True), TERMS, NOW) is RUNNING
    assert builds.polled(RUNNING, "b-R2", None, TERMS, NOW) is RUNNING
    after = ended(RUNNING, succeeded=True)
    assert ended(after, succeeded=False) is after
    cancelled = ended(RUNNING, succeeded=None, detail="cancelled for a newer build")
    assert ended(cancelled, succeeded=False) is cancelled
    assert builds.polled(after, "b-R1", "running", TERMS, NOW) is after


def test_an_end_lets_what_waits_for_it_start() -> None:
    by = terms(0, overlap="defer")
    record = RUNNING.but(pending=NEWER)
    assert on_wake(record, by, NOW + 1_000).decision.outcome is Outcome.DEFERRED
    assert on_wake(ended(record, by, succeeded=True), by, NOW + 1_000).decision.outcome is Outcome.STARTED


def test_a_cooldown_from_the_finish_moves_the_due() -> None:
    by = terms(cooldown_from="finish")
    after = ended(RUNNING.but(pending=NEWER), by, succeeded=True)
    assert with_due(after, by).due_ms == NOW + 1_000 + COOLDOWN


# --- armed again ---------------------------------------------------------------------------------------------------


def test_a_failed_build_is_armed_again_with_its_slot() -> None:
    after = ended(RUNNING, REARM, succeeded=False)
    assert after.lastbuild == BEFORE
    assert after.pending == COVERS.but(retry_ms=NOW + 61_000, failures=1)
    assert with_due(after, REARM).due_ms == NOW + 61_000
    assert ended(after, REARM, succeeded=False) is after


def test_armed_again_it_does_not_wait_for_the_refusal_of_an_earlier_start() -> None:
    refused = BUILD.but(covers=COVERS.but(failures=1, retry_ms=NOW, refusal="busy"))
    after = ended(RUNNING.but(running=refused), REARM, succeeded=False)
    assert after.pending == COVERS.but(retry_ms=NOW + 121_000, failures=2)


def test_armed_again_it_leaves_a_lastbuild_that_another_has_set_and_joins_what_is_pending() -> None:
    after = ended(RUNNING.but(lastbuild=seconds(NOW + 7), pending=NEWER), REARM, succeeded=False)
    assert after.lastbuild == seconds(NOW + 7)
    assert after.pending is not None
    assert (after.pending.request, after.pending.count) == (NEWER.request, 3)


@pytest.mark.parametrize(
    ("policy", "succeeded", "claimed"),
    [
        ({"on_failure": "rearm"}, True, None),
        ({"on_failure": "rearm"}, None, None),
        ({"on_failure": "rearm"}, False, claim()),  # a newer claim builds what this one should have built
        ({"on_failure": "keep"}, False, None),
    ],
)
def test_nothing_else_is_armed_again(policy: dict[str, Any], succeeded: bool | None, claimed: Claim | None) -> None:
    after = ended(RUNNING.but(claim=claimed), terms(**policy), succeeded=succeeded)
    assert (after.pending, after.lastbuild) == (None, seconds(NOW))


# --- asked after, alive, cancelled, its lease over -----------------------------------------------------------------


@pytest.mark.parametrize(("state", "succeeded"), [("succeeded", True), ("failed", False)])
def test_a_build_that_was_asked_after_and_has_ended(state: str, succeeded: bool) -> None:
    after = builds.polled(RUNNING, "b-R1", state, TERMS, NOW + 1_000)
    assert after.finished is not None
    assert (after.finished.succeeded, after.running) == (succeeded, None)


@pytest.mark.parametrize("state", ["running", None, "queued"])
def test_a_build_that_was_asked_after_and_runs_on(state: str | None) -> None:
    by = terms(overlap="defer", by={"polls": True})
    after = builds.polled(RUNNING, "b-R1", state, by, NOW + 7)
    assert after == RUNNING.but(running=BUILD.but(polled_ms=NOW + 7))
    assert with_due(after, by).due_ms == NOW + 30_007


def test_a_build_that_is_alive_keeps_its_lease() -> None:
    by = terms(overlap="defer")
    after = builds.renewed(RUNNING, "R1", by, NOW + MINUTE)
    assert after.running is not None
    assert after.running.lease_until_ms == NOW + 31 * MINUTE == with_due(after, by).due_ms
    assert builds.renewed(RUNNING, "R2", TERMS, NOW) is RUNNING
    assert builds.renewed(Record(), "R1", TERMS, NOW) == Record()


@pytest.mark.parametrize(
    ("record", "overlap", "at_ms", "cancels"),
    [
        (Record(), "cancel", NOW, False),
        (RUNNING, "cancel", LEASE - 1, True),
        (RUNNING, "cancel", LEASE, False),
        (RUNNING, "defer", NOW, False),
        (RUNNING.but(running=BUILD.but(cancel_failed=True)), "cancel", NOW, False),
    ],
)
def test_a_running_build_is_cancelled_once_where_the_policy_says_so(
    record: Record, overlap: str, at_ms: int, cancels: bool
) -> None:
    assert builds.must_cancel(record, terms(overlap=overlap), at_ms) is cancels


@pytest.mark.parametrize(("policy", "at_ms", "ends"), [("defer", LEASE, True), ("defer", LEASE - 1, False)])
def test_a_build_whose_lease_is_over_counts_as_ended(policy: str, at_ms: int, ends: bool) -> None:
    after = builds.as_it_is_now(RUNNING, terms(overlap=policy), at_ms)
    assert (after.running is None) is ends
    if ends:
        assert after.finished is not None
        assert (after.finished.ended_ms, after.finished.succeeded) == (LEASE, None)
    assert builds.as_it_is_now(RUNNING, TERMS, LEASE) is RUNNING


@pytest.mark.parametrize("on_failure", ["keep", "rearm"])
def test_a_child_process_whose_lease_is_over_has_failed(on_failure: str) -> None:
    """It was ended with what looked after it: what it should have built is due again where the policy says so."""
    by = terms(on_failure=on_failure, overlap="defer").but(children=True)
    after = builds.as_it_is_now(RUNNING, by, LEASE + 5)
    assert after.finished is not None
    assert (after.running, after.finished.succeeded, after.finished.ended_ms) == (None, False, LEASE)
    assert (after.pending is not None) is (on_failure == "rearm")
    assert builds.as_it_is_now(RUNNING, by, LEASE - 1) is RUNNING


# --- into the history ----------------------------------------------------------------------------------------------


def test_a_build_leaves_for_the_history_with_all_it_covered() -> None:
    after = ended(RUNNING, succeeded=True)
    (left,) = builds.leaving(RUNNING, after)
    assert after.finished is not None
    assert left == after.finished.but(covers=COVERS)


def test_one_that_the_next_start_overtakes_leaves_without_an_end() -> None:
    (left,) = builds.leaving(RUNNING, RUNNING.but(running=running("R2"), finished=finished("R0")))
    assert (left.token, left.ended_ms, left.succeeded, left.covers) == ("R1", None, None, COVERS)


def test_a_build_that_stays_does_not_leave() -> None:
    assert builds.leaving(RUNNING, RUNNING.but(pending=NEWER)) == ()
    assert builds.leaving(Record(), RUNNING) == ()
    assert builds.leaving(Record(claim=claim(), finished=finished()), Record(finished=finished())) == ()


FAILED = finished(started_ms=NOW - MINUTE, ended_ms=NOW - 5, succeeded=False)


@pytest.mark.parametrize(
    ("record", "failed_ms"),
    [
        (built(MINUTE, finished=FAILED), NOW - 5),
        (built(MINUTE, finished=FAILED.but(succeeded=True)), None),
        (built(MINUTE, finished=FAILED.but(succeeded=None)), None),
        (built(0, finished=FAILED, running=running()), None),
        (Record(lastbuild=Decimal(0), finished=FAILED, running=running()), None),
        (built(1_000, finished=FAILED), None),
        (built(COOLDOWN, finished=FAILED), NOW - 5),
        (Record(), None),
    ],
    ids=[
        "failed",
        "succeeded",
        "not known",
        "another runs",
        "and was reset",
        "the snippet built since",
        "armed again",
        "never built",
    ],
)
def test_when_the_last_build_failed(record: Record, failed_ms: int | None) -> None:
    assert builds.failed_ms(record) == failed_ms


# --- what is known for certain -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("goes_on", "at_ms", "over"),
    [
        (None, NOW + 1, False),
        (None, LEASE, True),
        (True, LEASE - 1, False),
        (True, LEASE, False),
        (False, NOW + 1, True),
        (False, LEASE, True),
    ],
    ids=["not known", "not known, lease over", "lives", "frozen", "dead", "dead, lease over"],
)
def test_a_lease_says_what_is_known_of_the_process_behind_it(goes_on: bool | None, at_ms: int, over: bool) -> None:
    record = RUNNING.but(claim=claim(lease_until_ms=LEASE))
    seen = builds.as_known(record, TERMS, at_ms, starts=goes_on, runs=goes_on)
    assert seen.claim is not None
    assert seen.running is not None
    assert (seen.claim.lease_until_ms <= at_ms) is over
    assert (seen.running.lease_until_ms <= at_ms) is over
    assert seen.is_version(record)
    if over is (at_ms >= LEASE):  # as its lease says: else each wake would write another
        assert seen == record


def test_of_a_claim_and_a_build_each_is_known_for_itself() -> None:
    record = RUNNING.but(claim=claim())
    seen = builds.as_known(record, TERMS, NOW + 1, starts=None, runs=False)
    assert seen.claim == record.claim
    assert builds.as_known(Record(), TERMS, NOW, starts=None, runs=None) == Record()
