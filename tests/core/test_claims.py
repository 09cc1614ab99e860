"""What becomes of a claim: made, taken over, confirmed, refused, given back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import builds, claims
from holdoff.core.lines import line_of
from holdoff.core.pending import joined
from holdoff.core.record import Claim, End, Record
from holdoff.core.waits import with_due
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    finished,
    on_trigger,
    pending,
    request,
    running,
    seconds,
    terms,
    trigger,
)

TERMS = terms()
BEFORE = Decimal("5.0000001")
FROZEN = pending(count=2, source_version="v1", event_id="E1", parameters="{}")
THAWED = FROZEN.but(request=FROZEN.request.but(parameters=""))
#: A claim made now, of a gate that had built long before.
CLAIM = claim(covers=FROZEN, before=BEFORE)
CLAIMED = Record(lastbuild=seconds(NOW), claim=CLAIM, due_ms=NOW + MINUTE)
NEWER = pending(NOW + 3, source_version="v2")


def refused(record: Record, by: Claim, at_ms: int = NOW) -> Record:
    """Refused, as something that passes."""
    return claims.refused(record, by, TERMS, at_ms, worth_retrying=True, why="busy", searched_ms=None)


# --- made and taken over -------------------------------------------------------------------------------------------


def test_a_claim_leaves_all_that_a_take_over_needs() -> None:
    by = terms(by={"freeze": lambda asked: asked.but(parameters="{}")})
    after = claims.made(built(COOLDOWN, pending=NEWER), pending(count=3, reason="push"), "T1", by, NOW)
    made = after.claim
    assert made is not None
    assert (made.token, made.attempt, made.lease_until_ms) == ("T1", 1, NOW + MINUTE)
    assert (made.request, made.covers.count) == (request(reason="push", parameters="{}"), 3)
    assert made.before == seconds(NOW - COOLDOWN)
    assert (after.lastbuild, after.pending, with_due(after, by).due_ms) == (seconds(NOW), None, NOW + MINUTE)


@pytest.mark.parametrize(("at_ms", "expired"), [(NOW + MINUTE - 1, False), (NOW + MINUTE, True)])
def test_a_claim_may_be_taken_over_from_the_end_of_its_lease(at_ms: int, expired: bool) -> None:
    assert claims.is_expired(CLAIM, at_ms) is expired
    assert not claims.is_expired(None, at_ms)


def test_a_take_over_keeps_token_and_request_and_counts_the_spacing_from_its_instant() -> None:
    at_ms = NOW + 3 * MINUTE
    after = claims.taken_over(CLAIMED, TERMS, at_ms)
    assert after.claim is not None
    assert (after.claim.token, after.claim.covers, after.claim.before) == (CLAIM.token, FROZEN, BEFORE)
    assert (after.claim.attempt, after.claim.lease_until_ms) == (2, at_ms + MINUTE)
    assert (after.lastbuild, with_due(after, TERMS).due_ms) == (seconds(at_ms), at_ms + MINUTE)


@pytest.mark.parametrize(
    ("changes", "margin_ms", "until_ms"),
    [
        ({}, 0, NOW + 2 * MINUTE),
        ({}, 5_000, NOW + 2 * MINUTE + 5_000),  # by a clock of its own
        ({"lease_until_ms": NOW + 10_000}, 0, NOW + MINUTE + 10_000),  # its lease was shorter than ours
        ({"in_flight_until_ms": NOW + 9 * MINUTE}, 0, NOW + 9 * MINUTE),
        ({"refused": True}, 0, 0),
        ({"refused": True, "in_flight_until_ms": NOW}, 0, NOW),
    ],
)
def test_a_request_may_be_in_flight_for_one_lease_after_its_own_unless_it_was_refused(
    changes: dict[str, Any], margin_ms: int, until_ms: int
) -> None:
    record = CLAIMED.but(claim=CLAIM.but(**changes))
    taken = claims.taken_over(record, terms(by={"clock_margin_ms": margin_ms}), NOW + MINUTE).claim
    assert taken is not None
    assert (taken.in_flight_until_ms, taken.refused) == (until_ms, False)


@pytest.mark.parametrize("moved_ms", [NOW + 7, NOW + 9 * MINUTE])
def test_a_take_over_gives_back_to_what_was_built_since(moved_ms: int) -> None:
    taken = claims.taken_over(CLAIMED.but(lastbuild=seconds(moved_ms)), TERMS, NOW + MINUTE)
    assert taken.claim is not None
    assert taken.claim.before == seconds(moved_ms)
    assert taken.lastbuild == seconds(max(moved_ms, NOW + MINUTE))


def test_a_claim_that_was_taken_over_waits_as_its_first_holder_would_have() -> None:
    """The old snippet has built since: a forced start waits for no cooldown, and a first holder has waited already."""
    forced = CLAIM.but(covers=pending(forced=True))
    for claim_, waits in ((CLAIM.but(attempt=2), True), (forced.but(attempt=2), False), (CLAIM, False)):
        built_since = claim_.but(before=seconds(NOW + 7))
        assert claims.must_wait(CLAIMED.but(claim=built_since), built_since, TERMS, NOW + MINUTE) is waits


# --- confirmed -----------------------------------------------------------------------------------------------------


def test_a_confirm_counts_the_spacing_from_its_instant() -> None:
    at_ms = NOW + 5_000
    after = builds.confirmed(CLAIMED.but(pending=NEWER), CLAIM, "b-1", TERMS, at_ms)
    build = after.running
    assert build is not None
    assert (build.build_id, build.token, build.covers, build.before) == ("b-1", "C1", THAWED, BEFORE)
    assert (build.started_ms, build.claimed_ms, build.lease_until_ms) == (at_ms, NOW, at_ms + 30 * MINUTE)
    assert (after.claim, after.lastbuild) == (None, seconds(at_ms))
    assert (after.pending, with_due(after, TERMS).due_ms) == (NEWER, at_ms + COOLDOWN)


def test_a_build_of_the_old_snippet_amid_a_start_counts_once_that_has_failed() -> None:
    """It was forgotten: armed again, the next build started two minutes after it."""
    by = terms(on_failure="rearm")
    theirs = seconds(NOW - 750)  # in whole seconds, as the snippet writes them
    confirmed = builds.confirmed(CLAIMED.but(lastbuild=theirs), CLAIM, "b-1", by, NOW + 250)
    failed = builds.finished(confirmed, End(build_id="b-1", succeeded=False), by, NOW + 5_000)
    assert (failed.lastbuild, with_due(failed, by).due_ms) == (theirs, NOW + 250 + COOLDOWN)


def test_confirmed_by_its_first_holder_after_a_take_over_a_failed_build_gives_back_what_stood_before() -> None:
    """It compared ``lastbuild`` with its own claim's instant: what its taker had set seemed another's, and stayed."""
    by = terms(on_failure="rearm")
    late = claims.taken_over(CLAIMED, by, CLAIM.lease_until_ms)
    confirmed = builds.confirmed(late, CLAIM, "b-1", by, CLAIM.lease_until_ms + 5)
    assert confirmed.running is not None
    assert confirmed.running.before == BEFORE


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
    assert bool(claims.build_of(record, "C1")) is there
    assert claims.is_of(record, "C1") is ours
    if there:
        assert builds.confirmed(record, CLAIM, "b-C1", TERMS, NOW) is record


@pytest.mark.parametrize("before", [None, running("R0")])
def test_the_confirm_of_a_start_that_a_person_gave_up_leaves_what_others_did_since(before: Any) -> None:
    theirs = CLAIMED.but(claim=claim("C2"), running=before, lastbuild=seconds(NOW + MINUTE))
    after = builds.confirmed(theirs, CLAIM, "b-1", TERMS, NOW)
    assert (after.claim, after.lastbuild) == (theirs.claim, theirs.lastbuild)
    assert after.running is not None
    assert after.running.token == "C1"


@pytest.mark.parametrize(
    ("policy", "starts"),
    [
        ({}, (NOW, NOW - 1, NOW - 2)),  # another process may have a limit: as many as there were
        ({"limit": "2/20m"}, (NOW, NOW - 1, NOW - 2)),
        ({"limit": "9/20m"}, (NOW, NOW - 1, NOW - 2, NOW - 20 * MINUTE)),  # of an edited limit: its window was longer
    ],
)
def test_a_confirm_keeps_the_starts_that_a_limit_counts(policy: dict[str, Any], starts: tuple[int, ...]) -> None:
    record = CLAIMED.but(starts=(NOW - 1, NOW - 2, NOW - 20 * MINUTE))
    assert builds.confirmed(record, CLAIM, "b-1", terms(**policy), NOW).starts == starts


def of_line(line: str, at_ms: int) -> Claim:
    """A claim of a version of this line."""
    return claim(covers=pending(line=line, at_ms=at_ms))


def test_a_confirm_remembers_the_newest_version_of_each_of_the_last_eight_lines() -> None:
    record = Record()
    for number in range(10):
        made = of_line(f"branch-{number % 9}", number)
        record = builds.confirmed(record.but(claim=made, running=None), made, "b", TERMS, NOW + number)
    lines = [line_of(request(line=f"branch-{number % 9}", at_ms=number)) for number in range(10)]
    assert record.lines == tuple(lines[:1:-1])


def test_the_confirm_of_the_claim_that_stands_counts_whatever_other_clocks_say() -> None:
    record = CLAIMED.but(finished=finished(claimed_ms=NOW - 1_000))
    after = builds.confirmed(record, CLAIM, "b-1", terms(by={"clock_margin_ms": 5_000}), NOW + 7)
    assert (after.claim, after.running and after.running.build_id) == (None, "b-1")


@pytest.mark.parametrize(("margin_ms", "claimed_ms"), [(0, NOW + 1), (5_000, NOW - 1_000)])
def test_a_late_confirm_puts_no_older_version_back(margin_ms: int, claimed_ms: int) -> None:
    """Another process finished the older claim, or a person gave it up. The newer version was built since."""
    newest = line_of(request(line="main", at_ms=20))
    assert newest is not None
    record = Record(lastbuild=seconds(NOW), running=running("R2", claimed_ms=claimed_ms), lines=(newest,))
    by = terms(by={"clock_margin_ms": margin_ms})
    assert builds.confirmed(record, of_line("main", 10), "b-1", by, NOW) is record


# --- refused, uncancelled ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("worth_retrying", "wait_ms"), [(True, 5_000), (False, MINUTE)])
def test_a_start_that_was_certainly_refused_gives_the_slot_back(worth_retrying: bool, wait_ms: int) -> None:
    at_ms = NOW + 1_000
    after = claims.refused(CLAIMED, CLAIM, TERMS, at_ms, worth_retrying=worth_retrying, why="busy", searched_ms=None)
    assert (after.lastbuild, after.claim) == (BEFORE, None)
    assert after.pending == THAWED.but(retry_ms=at_ms + wait_ms, failures=1, refusal="busy")
    assert with_due(after, TERMS).due_ms == at_ms + wait_ms


def test_a_refusal_is_kept_with_its_advice() -> None:
    """AWS's sentence about a missing right is over 300 characters long: what to do about it came after the cut."""
    role, project = "arn:aws:sts::123456789012:assumed-role/holdoff-FunctionRole-1A2B3C4D5E6F/holdoff", "site-build"
    said = (
        f"{project} in eu-west-1 was not started (AccessDeniedException: User: {role} is not authorized to perform: "
        f"codebuild:StartBuild on resource: arn:aws:codebuild:eu-west-1:123456789012:project/{project} because no "
        "identity-based policy allows the codebuild:StartBuild action). Allow codebuild:StartBuild on "
        f"arn:aws:codebuild:eu-west-1:123456789012:project/{project}"
    )
    after = claims.refused(CLAIMED, CLAIM, TERMS, NOW, worth_retrying=False, why=said, searched_ms=None).pending
    assert after is not None
    assert after.refusal == said


def test_refusals_in_a_row_wait_longer_and_what_came_meanwhile_is_newer() -> None:
    again = CLAIM.but(covers=FROZEN.but(failures=2))
    after = refused(CLAIMED.but(claim=again, pending=NEWER), again).pending
    assert after is not None
    assert (after.failures, after.retry_ms) == (3, NOW + 20_000)
    assert (after.count, after.request.source_version) == (3, "v2")


@pytest.mark.parametrize(
    ("failures", "soon_ms", "late_ms"),
    [(1, 5_000, 60_000), (2, 10_000, 120_000), (7, 300_000, 3_600_000), (99, 300_000, 3_600_000)],
)
def test_the_back_off_doubles_to_its_bound(failures: int, soon_ms: int, late_ms: int) -> None:
    before = NEWER.but(failures=failures - 1)
    for worth_retrying, wait_ms in ((True, soon_ms), (False, late_ms)):
        after = claims.backed_off(None, before, NOW, worth_retrying=worth_retrying)
        assert (after.failures, after.retry_ms) == (failures, NOW + wait_ms)


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
def test_lastbuild_is_put_back_unless_another_hand_has_moved_it(
    lastbuild: Decimal | None, left: Decimal | None
) -> None:
    assert refused(CLAIMED.but(lastbuild=lastbuild), CLAIM).lastbuild == left


@pytest.mark.parametrize("stands", [None, CLAIM.but(token="theirs"), CLAIM.but(attempt=2)])
def test_only_its_holder_gives_a_claim_back(stands: Claim | None) -> None:
    record = CLAIMED.but(claim=stands, pending=NEWER, running=running())
    assert claims.uncancelled(record, CLAIM, TERMS, NOW, "b-R1") is record
    assert refused(record, CLAIM) is record


SENT = NOW + 2 * MINUTE
ENDED = SENT + 30 * MINUTE


@pytest.mark.parametrize(
    ("finds", "searched_ms", "at_ms", "is_certain"),
    [
        (True, SENT, SENT, True),
        (True, SENT - 1, SENT + MINUTE, False),  # what was sent may have been read after the search
        (True, None, ENDED, False),
        (True, SENT - 1, ENDED, False),
        # Where the starter cannot be searched: once whatever it started has ended by its lease.
        (False, None, ENDED - 1, False),
        (False, None, ENDED, True),
    ],
)
def test_a_refusal_after_a_take_over_is_certain_once_nothing_sent_can_be_read_any_more(
    finds: bool, searched_ms: int | None, at_ms: int, is_certain: bool
) -> None:
    taken = CLAIM.but(attempt=2, in_flight_until_ms=SENT)
    by = terms(by={"finds": finds})
    record = CLAIMED.but(claim=taken, pending=NEWER)
    after = claims.refused(record, taken, by, at_ms, worth_retrying=True, why="busy", searched_ms=searched_ms)
    assert (after.claim is None, after.pending != NEWER) == (is_certain, is_certain)
    if after.claim is not None:
        assert (after.claim.refused, after.claim.lease_until_ms) == (True, at_ms + MINUTE)


def test_a_build_that_could_not_be_cancelled_is_waited_for() -> None:
    by = terms(overlap="cancel")
    after = claims.uncancelled(CLAIMED.but(running=running()), CLAIM, by, NOW, "b-R1")
    assert (after.lastbuild, after.claim, after.pending) == (BEFORE, None, THAWED)
    assert after.running == running(cancel_failed=True)
    assert with_due(after, by).due_ms == NOW + 30 * MINUTE
    assert on_trigger(after, trigger(), by).decision.detail == "b-R1"


def test_what_came_meanwhile_joins_and_another_build_is_no_reason_to_wait() -> None:
    record = CLAIMED.but(pending=NEWER, running=running("R2"))
    after = claims.uncancelled(record, CLAIM, terms(overlap="cancel"), NOW, "b-R1")
    assert (after.pending, after.running) == (joined(THAWED, NEWER), running("R2"))
