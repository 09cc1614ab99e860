"""What a trigger and a wake make of a record, in full: every field of the record and of the decision."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from holdoff.core import machine
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.machine import Rules, Then, Trigger
from holdoff.core.policy import Policy
from holdoff.core.record import Claim, Counts, Hold, Opening, Pending, Record, Request
from holdoff.core.token import make
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    digest,
    finished,
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
#: The first 64 bits of BLAKE2b of "E1" and of "E2", as a record keeps them.
E1, E2 = digest("E1"), digest("E2")


def decision(outcome: Outcome, why: Why, **more: Any) -> Decision:
    """A decision on the site, now."""
    words = {"project": "site", "region": "local", "id": "site/local/T1", "decided_ms": NOW}
    return Decision(outcome=outcome, why=why, **{**words, **more})


def single(asked: Request, at_ms: int = NOW, **more: Any) -> Pending:
    """One trigger alone."""
    words = {"count": 1, "first_ms": at_ms, "last_ms": at_ms, "due_ms": at_ms}
    return Pending(request=asked, **{**words, **more})


def upper(asked: Request) -> Request:
    """What some starter freezes."""
    return replace(asked, parameters=f"frozen for {asked.reason}")


# --- a start -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("force", "why"), [(False, Why.READY), (True, Why.FORCED)])
def test_a_start(force: bool, why: Why) -> None:
    record = built(COOLDOWN, events=("e0",), counts=Counts(skipped=3), built="v0")
    asked = trigger(force=force, event_id="E1", source_version="v1", reason="push")
    step = on_trigger(record, asked, replace(RULES, freeze=upper, waker=True))
    frozen = replace(asked.request, parameters="frozen for push")
    assert step.record == replace(
        record,
        lastbuild=seconds(NOW),
        claim=Claim(
            token="T1",
            claimed_ms=NOW,
            held_ms=NOW,
            lease_until_ms=NOW + MINUTE,
            covers=single(frozen),
            before=record.lastbuild,
            counted=True,
        ),
        events=(E1, "e0"),
        due_ms=NOW + MINUTE,
    )
    assert step.decision == decision(
        Outcome.STARTED, why, lastbuild_ms=NOW - COOLDOWN, covers=1, waited_ms=0, waker=True
    )
    assert step.then is Then.START


def test_a_wake_that_starts_what_is_due() -> None:
    due = pending(NOW, count=3, request=request(event_id="E1"))
    record = built(COOLDOWN, pending=due, events=("e0",))
    step = on_wake(record, RULES)
    assert step.record.claim == claim("W1", covers=due, before=record.lastbuild, counted=False)
    assert step.record.pending is None
    assert step.record.events == ("e0",)
    assert step.decision == decision(
        Outcome.STARTED,
        Why.READY,
        id="site/local/W1",
        lastbuild_ms=NOW - COOLDOWN,
        covers=3,
        waited_ms=MINUTE,
    )
    assert step.then is Then.START


def test_a_lastbuild_ahead_of_the_claim_stays() -> None:
    record = built(-MINUTE)
    step = on_trigger(record, trigger(force=True), RULES)
    assert step.record.lastbuild == record.lastbuild


def test_a_decision_is_named_by_its_instant_and_a_start_by_its_token() -> None:
    token = make(NOW - 5, 7)
    started = on_trigger(built(COOLDOWN), trigger(token), RULES)
    assert started.decision.id == f"site/local/{token}"
    deferred = on_trigger(built(0), trigger(token), RULES)
    assert deferred.decision.id == f"site/local/{make(NOW, 7)}"


def test_nothing_has_waited_less_than_no_time() -> None:
    """Another machine's clock may be ahead of ours."""
    ahead = pending(NOW, first_ms=NOW + 5, last_ms=NOW + 5)
    assert on_wake(built(COOLDOWN, pending=ahead), RULES).decision.waited_ms == 0


# --- an opening: the claim on a gate that was never read -------------------------------------------------------------


@pytest.mark.parametrize(
    ("force", "ready_if_ms", "why"),
    [(False, NOW - COOLDOWN, Why.READY), (True, None, Why.FORCED)],
)
def test_an_opening(force: bool, ready_if_ms: int | None, why: Why) -> None:
    asked = trigger(force=force, event_id="E1", reason="push")
    by = replace(RULES, freeze=upper)
    made = machine.opening(asked, by, NOW, "w1")
    covers = single(replace(asked.request, parameters="frozen for push"))
    assert made == Opening(
        write_id="w1", claim=claim("T1", covers=covers), ready_if_ms=ready_if_ms, event=E1
    )
    assert made is not None
    stands = made.apply(built(20 * MINUTE))
    assert stands is not None
    step = machine.on_opened(stands, asked, by, NOW + 5)
    assert step.record is stands
    assert step.then is Then.START
    assert step.decision == decision(
        Outcome.STARTED,
        why,
        decided_ms=NOW + 5,
        lastbuild_ms=NOW - 20 * MINUTE,
        covers=1,
        waited_ms=0,
    )


def test_an_opening_whose_claim_others_have_ended_since() -> None:
    record = built(MINUTE, running=running("T1"))
    step = machine.on_opened(record, trigger(), RULES, NOW)
    assert step.decision.lastbuild_ms == NOW - MINUTE


@pytest.mark.parametrize(
    "policy",
    [
        {"quiet": "10s"},
        {"limit": "3/1h"},
        {"unchanged": "skip"},
        {"overlap": "defer"},
        {"cooldown_from": "finish"},
    ],
)
def test_no_opening_where_the_policy_must_see_the_record(policy: dict[str, Any]) -> None:
    assert machine.opening(trigger(), rules(**policy), NOW, "w1") is None


# --- a deferral ----------------------------------------------------------------------------------------------------


def test_a_first_deferral() -> None:
    record = built(MINUTE, events=("e0",))
    asked = trigger(event_id="E1", source_version="v1")
    step = on_trigger(record, asked, RULES)
    due_ms = NOW + 9 * MINUTE
    assert step.record == replace(
        record,
        pending=single(asked.request, due_ms=due_ms),
        events=(E1, "e0"),
        due_ms=due_ms,
    )
    assert step.decision == decision(
        Outcome.DEFERRED, Why.COOLING_DOWN, due_ms=due_ms, lastbuild_ms=NOW - MINUTE
    )
    assert step.then is Then.NOTHING


def test_a_deferral_on_hold_says_why_and_keeps_what_is_pending_due_at_once() -> None:
    hold = Hold(since_ms=NOW, why="incident 42", until_ms=NOW + 5)
    step = on_trigger(Record(hold=hold), trigger(), RULES)
    assert step.record.pending == single(request())
    assert step.decision == decision(
        Outcome.DEFERRED, Why.HELD, due_ms=NOW + 5, detail="incident 42"
    )


def test_what_is_deferred_while_a_claim_is_out_is_due_at_once() -> None:
    """The claim may yet be given back, and then nothing stands in its way."""
    step = on_trigger(built(0, claim=claim()), trigger(), rules(limit="1/1h"))
    assert step.record.pending == single(request())
    assert step.record.due_ms == NOW + MINUTE
    assert step.decision == decision(
        Outcome.DEFERRED, Why.CLAIMED, due_ms=NOW + 10 * MINUTE, lastbuild_ms=NOW
    )


def test_what_is_deferred_behind_a_build_is_due_when_the_cooldown_ends() -> None:
    record = built(MINUTE, running=running(started_ms=NOW - MINUTE))
    step = on_trigger(record, trigger(), rules(overlap="defer"))
    assert step.record.pending == single(request(), due_ms=NOW + 9 * MINUTE)
    assert step.decision == decision(
        Outcome.DEFERRED,
        Why.RUNNING,
        due_ms=NOW + 30 * MINUTE,
        lastbuild_ms=NOW - MINUTE,
        detail="b-R1",
    )


def test_what_is_deferred_is_due_when_the_last_of_all_waits_ends() -> None:
    record = built(MINUTE, starts=(NOW - MINUTE,))
    for policy, due_ms in (
        ({"limit": "1/5m"}, NOW + 9 * MINUTE),
        ({"limit": "1/15m"}, NOW + 14 * MINUTE),
        ({"quiet": "20m"}, NOW + 20 * MINUTE),
    ):
        step = on_trigger(record, trigger(), rules(**policy))
        assert step.record.pending == single(request(), due_ms=due_ms)
        assert step.decision.due_ms == due_ms


@pytest.mark.parametrize(
    ("policy", "end_ms"),
    [
        ({}, NOW),
        ({"quiet": "20s"}, NOW + 20_000),
        ({"quiet": "20s", "max_wait": "90s"}, NOW + 20_000),
        ({"quiet": "50s", "max_wait": "90s"}, NOW + 30_000),
    ],
)
def test_the_end_of_the_quiet_time(policy: dict[str, Any], end_ms: int) -> None:
    waits = pending(first_ms=NOW - MINUTE, last_ms=NOW)
    assert machine.quiet_end_ms(waits, Policy("10m", **policy)) == end_ms


@pytest.mark.parametrize(
    ("stands", "policy", "why"),
    [
        (pending(NOW + 1, failures=1), {"quiet": "2m"}, Why.BACKING_OFF),
        (pending(NOW + MINUTE), {"quiet": "2m"}, Why.QUIET),
        (pending(NOW + MINUTE + 1), {"quiet": "2m"}, Why.PENDING),
        (pending(NOW + 1), {"quiet": "3m"}, Why.QUIET),
        (pending(NOW + 1), {}, Why.PENDING),
    ],
)
def test_a_pending_says_itself_what_it_waits_for(
    stands: Pending, policy: dict[str, Any], why: Why
) -> None:
    assert on_wake(Record(pending=stands), rules(**policy)).decision.why is why


def test_a_person_hears_of_what_is_pending_where_that_waits_longest() -> None:
    for due_ms, why in ((NOW + 8 * MINUTE, Why.COOLING_DOWN), (NOW + 20 * MINUTE, Why.PENDING)):
        step = on_wake(built(MINUTE, pending=pending(due_ms)), RULES)
        assert step.decision.why is why


# --- a skip --------------------------------------------------------------------------------------------------------

SKIP = rules(on_cooldown="skip")


def test_a_skip_says_when_the_gate_is_ready() -> None:
    hold = Hold(since_ms=NOW, why="incident 42", until_ms=NOW + 5)
    record = built(MINUTE, hold=hold)
    step = on_trigger(record, trigger(), SKIP)
    assert step.record is record
    assert step.decision == decision(
        Outcome.SKIPPED,
        Why.HELD,
        due_ms=NOW + 9 * MINUTE,
        lastbuild_ms=NOW - MINUTE,
        detail="incident 42",
    )


def test_one_wait_that_skips_is_enough() -> None:
    record = built(MINUTE, running=running())
    step = on_trigger(record, trigger(), rules(overlap="skip"))
    assert (step.decision.outcome, step.decision.why) == (Outcome.SKIPPED, Why.RUNNING)


def test_a_duplicate_names_the_event() -> None:
    record = built(COOLDOWN, events=("e0", E1))
    step = on_trigger(record, trigger(event_id="E1"), RULES)
    assert step.record is record
    assert step.decision == decision(
        Outcome.SKIPPED, Why.DUPLICATE, lastbuild_ms=NOW - COOLDOWN, detail="E1"
    )


def test_what_is_unchanged_names_the_version() -> None:
    record = built(COOLDOWN, built="v1")
    step = on_trigger(record, trigger(source_version="v1"), rules(unchanged="skip"))
    assert step.decision == decision(
        Outcome.SKIPPED, Why.UNCHANGED, lastbuild_ms=NOW - COOLDOWN, detail="v1"
    )


# --- a wake with nothing to start ----------------------------------------------------------------------------------


def wake_decision(outcome: Outcome, why: Why, **more: Any) -> Decision:
    """What a wake says."""
    return decision(outcome, why, id="site/local/W1", **more)


def test_a_wake_with_nothing_pending() -> None:
    assert on_wake(built(MINUTE), RULES).decision == wake_decision(
        Outcome.SKIPPED, Why.IDLE, lastbuild_ms=NOW - MINUTE
    )
    record = built(0, claim=claim(), due_ms=NOW + MINUTE)
    step = on_wake(record, RULES)
    assert step.record is record
    assert step.decision == wake_decision(
        Outcome.SKIPPED, Why.CLAIMED, due_ms=NOW + MINUTE, lastbuild_ms=NOW
    )


def test_a_wake_too_early_says_what_it_waits_for_and_writes_nothing() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE), due_ms=NOW + 9 * MINUTE)
    step = on_wake(record, RULES)
    assert step.record is record
    assert step.decision == wake_decision(
        Outcome.DEFERRED,
        Why.COOLING_DOWN,
        due_ms=NOW + 9 * MINUTE,
        lastbuild_ms=NOW - MINUTE,
    )


def test_a_wake_mends_the_instant_somebody_should_look() -> None:
    stale = built(MINUTE, due_ms=1)
    assert on_wake(stale, RULES).record == replace(stale, due_ms=None)
    stale = replace(stale, pending=pending(NOW + 9 * MINUTE))
    assert on_wake(stale, RULES).record == replace(stale, due_ms=NOW + 9 * MINUTE)


@pytest.mark.parametrize(
    ("policy", "lease_ms", "ends"),
    [
        ({"overlap": "defer"}, NOW, True),
        ({"overlap": "defer"}, NOW + 1, False),
        ({}, NOW, False),
    ],
)
def test_a_wake_ends_what_its_lease_has_ended(
    policy: dict[str, Any], lease_ms: int, ends: bool
) -> None:
    build = running(lease_until_ms=lease_ms)
    after = on_wake(Record(running=build), rules(0, **policy)).record
    if not ends:
        assert after.running == build
        return
    assert after == Record(
        finished=finished(
            "R1", started_ms=NOW, claimed_ms=NOW - 1_000, ended_ms=lease_ms, succeeded=None
        )
    )


# --- what a start answers, and what it leaves ----------------------------------------------------------------------

V1 = pending(NOW + 9 * MINUTE, request=request(source_version="v1", event_id="E1"), count=2)


@pytest.mark.parametrize("force", [True, False])
def test_a_start_before_its_due_leaves_a_pending_that_asks_for_the_newest(force: bool) -> None:
    """Forced, or after a reset: what is left is built later, and must not build anything older."""
    record = Record(lastbuild=Decimal(0), pending=V1)
    asked = trigger(force=force, source_version="v2", event_id="E2", reason="push")
    step = on_trigger(record, asked, RULES)
    assert step.record.claim is not None
    assert step.record.claim.covers == single(asked.request)
    assert step.record.pending == Pending(
        request=request(source_version="v2", event_id="E1", reason="push"),
        count=2,
        first_ms=NOW - MINUTE,
        last_ms=NOW,
        due_ms=NOW + 9 * MINUTE,
        versions=("v1",),
        events=(E1,),
    )


def test_nobody_but_by_force_starts_before_the_quiet_time_is_over() -> None:
    by = rules(quiet="1m")
    for record in (Record(), Record(lastbuild=Decimal(0), pending=V1)):
        step = on_trigger(record, trigger(), by)
        assert step.decision.outcome is Outcome.DEFERRED
        assert step.record.claim is None
        assert on_trigger(record, trigger(force=True), by).then is Then.START


def test_a_start_at_the_due_answers_what_is_pending_with_the_newest_request() -> None:
    due = replace(V1, due_ms=NOW)
    step = on_trigger(built(COOLDOWN, pending=due), trigger(source_version="v2"), rules(quiet="1m"))
    assert step.record.claim is not None
    assert step.record.claim.covers == Pending(
        request=request(source_version="v2"),
        count=3,
        first_ms=NOW - MINUTE,
        last_ms=NOW,
        due_ms=NOW,
        versions=("v1",),
        events=(E1,),
    )


# --- folding -------------------------------------------------------------------------------------------------------

OLDER = Pending(
    request=request(reason="r1", source_version="v1", event_id="E1"),
    count=2,
    first_ms=NOW - 9,
    last_ms=NOW - 5,
    due_ms=NOW + 20,
    failures=3,
    reasons=("r0",),
    versions=("v0",),
    events=("e0",),
    revocable=("w0",),
)
NEWER = Pending(
    request=request(reason="r2", source_version="v2", event_id="E2"),
    count=3,
    first_ms=NOW - 7,
    last_ms=NOW - 2,
    due_ms=NOW + 10,
    failures=1,
    reasons=("r1",),
    versions=("v1",),
    events=("e1",),
    revocable=("w2", "w1"),
)


def test_two_folds_are_one() -> None:
    both = Pending(
        request=NEWER.request,
        count=5,
        first_ms=NOW - 9,
        last_ms=NOW - 2,
        due_ms=NOW + 20,
        failures=3,
        reasons=("r1", "r0"),
        versions=("v1", "v0"),
        events=("e1", E1, "e0"),
        revocable=("w2", "w1", "w0"),
    )
    assert machine.joined(OLDER, NEWER) == both
    assert machine.joined(NEWER, OLDER) == both


def test_of_two_that_came_at_once_the_second_wins() -> None:
    at_once = replace(OLDER, last_ms=NEWER.last_ms)
    assert machine.joined(at_once, NEWER).request == NEWER.request
    assert machine.joined(NEWER, at_once).request == at_once.request


def test_a_fold_keeps_the_newest_four_notes() -> None:
    many = replace(NEWER, reasons=("r9", "r8", "r7"), versions=("v9", "v8", "v7"))
    folded = machine.joined(OLDER, many)
    assert folded.reasons == ("r9", "r8", "r7", "r1")
    assert folded.versions == ("v9", "v8", "v7", "v1")


def test_what_a_redelivery_says_twice_is_noted_once() -> None:
    same = replace(NEWER, events=(E2, "e1"), reasons=("r2", "r1"))
    folded = machine.joined(same, replace(same, last_ms=NOW))
    assert folded.events == ("e1",)
    assert folded.reasons == ("r1",)


@pytest.mark.parametrize(
    ("words", "adds"),
    [
        ({}, False),
        ({"reason": "push", "by": "ann", "event_id": "E1"}, False),
        ({"source_version": "v1"}, True),
        ({"environment": (("A", "1"),)}, True),
    ],
)
def test_a_trigger_that_changes_neither_what_is_built_nor_when_is_not_written(
    words: dict[str, Any], adds: bool
) -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    step = on_trigger(record, trigger(**words), RULES)
    assert (step.record is not record) is adds
    assert step.decision.outcome is Outcome.DEFERRED


def test_a_trigger_that_moves_the_due_is_written() -> None:
    record = Record(pending=pending(NOW + 5, last_ms=NOW - 5))
    step = on_trigger(record, trigger(), rules(quiet="1m"))
    assert step.record.pending is not None
    assert step.record.pending.due_ms == NOW + MINUTE


def test_a_revocable_trigger_is_folded_as_one_that_may_be_withdrawn() -> None:
    asked = replace(trigger(), revocable=True)
    step = on_trigger(built(MINUTE), asked, RULES)
    assert step.record.pending == single(request(), due_ms=NOW + 9 * MINUTE, revocable=("T1",))


@pytest.mark.parametrize("token", ["01K9XYZ7P2ABCDEFGHJKMNPQRS", "0000000000ABCDEFGHJKMNPQRS"])
def test_a_trigger_is_named_by_what_no_instant_changes(token: str) -> None:
    asked = replace(trigger(token), revocable=True)
    step = on_trigger(built(MINUTE), asked, RULES)
    assert step.record.pending is not None
    assert step.record.pending.revocable == ("JKMNPQRS",)
    assert step.decision.token.endswith("JKMNPQRS")
    assert machine.withdrawn(step.record, step.decision.token, RULES).pending is None


def test_of_many_that_may_be_withdrawn_the_newest_are_remembered() -> None:
    crowd = tuple(f"w{n}" for n in range(16))
    folded = machine.joined(pending(NOW, revocable=crowd), pending(NOW, revocable=("new",)))
    assert folded.revocable == ("new", *crowd[:-1])


def test_what_a_forced_start_leaves_is_no_more_revocable_than_before() -> None:
    record = built(MINUTE, pending=pending(NOW + MINUTE))
    step = on_trigger(record, replace(trigger(force=True), revocable=True), RULES)
    assert step.record.pending is not None
    assert step.record.pending.revocable == ()


# --- wishes, versions, events --------------------------------------------------------------------------------------

WISH = request(source_version="v1")


@pytest.mark.parametrize(
    ("record", "knows"),
    [
        (Record(pending=pending(), running=running(), claim=claim(), finished=finished()), False),
        (Record(built="v1"), True),
        (Record(pending=pending(versions=("v1",))), True),
        (Record(finished=finished(source_version="v1")), True),
        (Record(running=running(covers=pending(request=WISH))), True),
        (Record(claim=claim(covers=pending(request=WISH))), True),
        (Record(claim=claim(covers=pending(request=request(environment=(("A", "1"),))))), True),
    ],
)
def test_whether_anything_was_asked_for_in_particular(record: Record, knows: bool) -> None:
    assert machine.knows_wishes(record) is knows


UNCHANGED = rules(unchanged="skip")


@pytest.mark.parametrize(
    ("record", "skips"),
    [
        (Record(built="v1"), True),
        (Record(built="v2"), False),
        (Record(built="v1", claim=claim()), False),
        (Record(built="v1", pending=pending()), False),
        (Record(built="v2", running=running(covers=pending(request=WISH))), True),
        (Record(built="v1", running=running()), False),
        (Record(built="v1", running=running(lease_until_ms=NOW)), True),
        (
            Record(built="v2", running=running(covers=pending(request=WISH), lease_until_ms=NOW)),
            False,
        ),
    ],
)
def test_a_version_is_unchanged_where_it_is_the_last_that_is_built(
    record: Record, skips: bool
) -> None:
    step = on_trigger(record, trigger(source_version="v1"), UNCHANGED)
    assert (step.decision.why is Why.UNCHANGED) is skips


def test_an_event_id_is_kept_as_64_bits_whatever_its_length() -> None:
    assert machine.event_digest(None) is None
    assert machine.event_digest("delivery-7") == "EdecTbEvYYY"
    assert len(machine.event_digest("x" * 200) or "") == 11


@pytest.mark.parametrize(
    "record",
    [
        Record(events=("e0", E1)),
        Record(pending=pending(request=request(event_id="E1"))),
        Record(claim=claim(covers=pending(request=request(event_id="E1")))),
    ],
)
def test_an_event_is_known_wherever_it_is_kept(record: Record) -> None:
    assert on_trigger(record, trigger(event_id="E1"), RULES).decision.why is Why.DUPLICATE
    assert on_trigger(record, trigger(event_id="E2"), RULES).decision.why is not Why.DUPLICATE
    assert on_trigger(record, trigger(), RULES).decision.why is not Why.DUPLICATE


def test_the_newest_sixteen_events_are_kept() -> None:
    events = tuple(f"e{number}" for number in range(16))
    step = on_trigger(built(MINUTE, events=events), trigger(event_id="E1"), RULES)
    assert step.record.events == (E1, *events[:15])


# --- what the machine goes by where nothing else is said -----------------------------------------------------------


def test_of_a_starter_that_says_nothing_the_least_is_expected() -> None:
    by = Rules(policy=Policy("10m"))
    assert (by.claim_lease_ms, by.build_lease_ms) == (MINUTE, 8 * 60 * MINUTE)
    assert (by.polls, by.finds, by.token_memory_ms) == (False, False, 0)
    assert (by.knows_policy, by.waker) == (True, False)
    assert (by.max_staleness_ms, by.clock_margin_ms) == (1_000, 0)
    assert by.freeze(request()) == request()


def test_a_trigger_neither_forces_nor_is_withdrawn_unless_it_says_so() -> None:
    asked = Trigger(request=request(), token="T1")
    assert (asked.force, asked.revocable, asked.redelivered) == (False, False, False)
