"""What was answered from memory: counted, folded, written in once, and credited to the build that answers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdoff.core import machine
from holdoff.core.decision import Outcome, Why
from holdoff.core.machine import Tally
from holdoff.core.record import Claim, Counts, Finished, Pending, Record, Running
from tests.core.build import (
    MINUTE,
    NOW,
    built,
    claim,
    digest,
    finished,
    on_trigger,
    pending,
    request,
    rules,
    running,
    trigger,
)

RULES = rules()
DUE = NOW + 9 * MINUTE
ONE_OF_EACH = Counts(started=1, deferred=1, skipped=1, failed=1)
E1 = digest("E1")
#: A pending, first made at NOW, as it stood when it was last seen.
SEEN = pending(DUE, first_ms=NOW, last_ms=NOW)
#: The same as it was taken by a process whose clock is a little ahead.
TAKEN = replace(SEEN, due_ms=DUE - 1)


def folded(at_ms: int = NOW + 5, **changes: Any) -> Pending:
    """Two triggers deferred from memory, by the pending seen."""
    made = Pending(request=request(), count=2, first_ms=NOW, last_ms=at_ms, due_ms=DUE)
    return replace(made, **changes)


def deferred(count: int = 2, *folds: Pending, **more: Any) -> Tally:
    """So many deferrals."""
    return Tally(counts=Counts(deferred=count), folded=folds, **more)


# --- answers counted and folded ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome.STARTED, Counts(started=1)),
        (Outcome.DEFERRED, Counts(deferred=1)),
        (Outcome.SKIPPED, Counts(skipped=1)),
        (Outcome.FAILED, Counts(failed=1)),
    ],
)
def test_one_answer_is_one_count(outcome: Outcome, counts: Counts) -> None:
    assert machine.count_of(outcome) == counts
    record = built(MINUTE, counts=ONE_OF_EACH)
    after = machine.counted(record, outcome)
    assert after == replace(record, counts=ONE_OF_EACH.plus(counts))


def test_a_deferral_from_memory_is_folded_by_the_pending_it_belongs_to() -> None:
    record = built(MINUTE, pending=SEEN)
    asked = trigger(reason="push", event_id="E1")
    step = on_trigger(record, asked, RULES, NOW + 5)
    once = machine.tallied(Tally(), step, asked, NOW + 5)
    one = folded(request=asked.request, count=1)
    assert once == deferred(1, one, events=(E1,), since_ms=NOW + 5)
    twice = machine.tallied(once, step, trigger("T2"), NOW + 9)
    both = folded(NOW + 9, reasons=("push",), events=(E1,))
    assert twice == deferred(2, both, events=(E1,), since_ms=NOW + 5)


def test_deferrals_by_another_pending_are_folded_apart() -> None:
    first = deferred(2, folded(), since_ms=NOW + 5)
    other = replace(SEEN, first_ms=NOW + 7, due_ms=DUE + 1)
    step = on_trigger(built(MINUTE, pending=other), trigger(), RULES, NOW + 8)
    tally = machine.tallied(first, step, trigger(), NOW + 8)
    alone = folded(NOW + 8, count=1, first_ms=NOW + 7, due_ms=DUE + 1)
    assert tally == deferred(3, folded(), alone, since_ms=NOW + 5)


def test_a_skip_from_memory_is_only_counted() -> None:
    asked = trigger(event_id="E1")
    record = built(MINUTE, pending=SEEN, events=(E1,))
    step = on_trigger(record, asked, RULES)
    before = deferred(2, folded(), unsure=((("w1",), Tally()),))
    after = machine.tallied(before, step, asked, NOW + 8)
    counts = Counts(deferred=2, skipped=1)
    assert after == replace(before, counts=counts, since_ms=NOW + 8)


def test_two_threads_tallies_are_one() -> None:
    one = deferred(2, folded(), since_ms=NOW + 5, unsure=((("w1",), Tally()),), events=("e1", "e0"))
    other = deferred(
        3,
        folded(NOW + 6, count=3),
        folded(first_ms=NOW + 1),
        since_ms=NOW + 2,
        unsure=((("w2",), Tally()),),
        events=("e2", "e1"),
    )
    assert machine.merged(one, other) == deferred(
        5,
        folded(NOW + 6, count=5),
        folded(first_ms=NOW + 1),
        since_ms=NOW + 2,
        unsure=(*one.unsure, *other.unsure),
        events=("e2", "e1", "e0"),
    )
    assert machine.merged(one, Tally()) == one
    assert machine.merged(Tally(), Tally()) == Tally()


def test_of_many_events_the_newest_sixteen_are_remembered() -> None:
    older = tuple(f"e{n}" for n in range(15))
    newer = deferred(2, events=("new", "newer"))
    assert machine.merged(deferred(15, events=older), newer).events == (*newer.events, *older[:14])
    assert machine.with_tally(Record(events=older), newer, RULES).events == (
        *newer.events,
        *older[:14],
    )


# --- events answered from memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tally", "known"),
    [
        (Tally(), False),
        (deferred(1, events=("e0", E1)), True),
        (machine.unsure(deferred(1, events=(E1,)), "w1"), True),
        (machine.unsure(deferred(1, events=("e0",)), "w1"), False),
    ],
)
def test_an_event_that_was_answered_from_memory_is_recognised_before_it_is_written(
    tally: Tally, known: bool
) -> None:
    asked = trigger(event_id="E1")
    assert machine.recognised(asked, tally) == replace(asked, redelivered=known)
    assert machine.recognised(trigger(), tally) == trigger()


def test_an_event_recognised_is_a_duplicate_and_opens_nothing() -> None:
    again = replace(trigger(event_id="E1"), redelivered=True)
    step = on_trigger(Record(), again, RULES)
    assert (step.decision.why, step.decision.detail) == (Why.DUPLICATE, "E1")
    assert machine.opening(again, RULES, NOW, "w1") is None


def test_the_newest_sixteen_events_are_kept() -> None:
    old = tuple(f"e{number}" for number in range(16))
    step = on_trigger(built(MINUTE, pending=SEEN), trigger(event_id="E1"), RULES)
    tally = machine.tallied(deferred(1, events=old), step, trigger(event_id="E1"), NOW)
    assert tally.events == (E1, *old[:15])


# --- written in ----------------------------------------------------------------------------------------------------


def test_a_tally_is_written_into_the_pending_it_was_answered_from() -> None:
    record = built(MINUTE, pending=SEEN, events=("e0",), counts=Counts(deferred=1))
    push = folded(request=request(reason="push", event_id="E1"))
    tally = deferred(2, push, events=("e9", "e0", E1))
    assert machine.with_tally(record, tally, RULES) == replace(
        record,
        pending=replace(push, count=3),
        events=("e9", E1, "e0"),
        counts=Counts(deferred=3),
        due_ms=DUE,
    )


def test_skips_change_nothing_but_the_counts() -> None:
    record = built(MINUTE, counts=Counts(skipped=1))
    after = machine.with_tally(record, Tally(counts=Counts(skipped=4)), RULES)
    assert after == replace(record, counts=Counts(skipped=5))
    assert machine.with_tally(record, Tally(), RULES) is record


def test_what_was_deferred_on_a_pending_that_somebody_dropped_is_pending_on_its_own() -> None:
    after = machine.with_tally(built(MINUTE), deferred(2, folded()), RULES)
    assert after.pending == folded()
    theirs = pending(DUE + 5, first_ms=NOW + 3, last_ms=NOW + 5, request=request(by="ann"))
    after = machine.with_tally(built(MINUTE, pending=theirs), deferred(2, folded()), RULES)
    assert after.pending == machine.joined(folded(), theirs)
    assert after.pending is not None
    assert after.pending.request.by == "ann"


# --- taken meanwhile: the build that answers it says so ------------------------------------------------------------

NOTED = replace(TAKEN, count=3, reasons=("push",), events=(E1,), last_ms=NOW + 5)
PUSH = folded(request=request(reason="push", event_id="E1"))


def test_the_claim_that_took_the_pending_says_what_it_answers_and_sends_what_it_froze() -> None:
    out = claim(claimed_ms=NOW + 6, covers=TAKEN, lease_until_ms=DUE)
    record = Record(claim=out, running=running(claimed_ms=NOW + 6))
    after = machine.with_tally(record, deferred(2, PUSH, events=(E1,)), RULES)
    assert after == replace(
        record,
        claim=replace(out, covers=NOTED),
        events=(E1,),
        counts=Counts(deferred=2),
        due_ms=DUE,
    )


def test_the_build_that_took_the_pending_says_what_it_answers() -> None:
    build = running(claimed_ms=NOW + 6, covers=TAKEN)
    after = machine.with_tally(Record(running=build), deferred(2, PUSH, events=(E1,)), RULES)
    assert after == Record(
        running=replace(build, covers=NOTED), events=(E1,), counts=Counts(deferred=2)
    )


def test_notes_are_of_the_newest_and_say_nothing_that_the_request_says_itself() -> None:
    sent = request(reason="push", source_version="v1", event_id="E1", parameters="{}")
    covers = replace(SEEN, request=sent, reasons=("r0",), versions=("v0",), events=("e0",))
    fold = folded(
        request=request(reason="tag", source_version="v1", event_id="E2"),
        reasons=("push",),
        versions=("v3",),
        events=(E1, "e3"),
    )
    noted = replace(
        covers,
        count=3,
        last_ms=NOW + 5,
        reasons=("tag", "r0"),
        versions=("v3", "v0"),
        events=(digest("E2"), "e3", "e0"),
    )
    record = Record(running=running(claimed_ms=NOW + 6, covers=covers))
    build = machine.with_tally(record, deferred(2, fold), RULES).running
    assert build is not None
    assert build.covers == noted


V1, V2 = request(source_version="v1"), request(source_version="v2")
ENVIRONMENT = request(environment=(("A", "1"),))


def covering(asked: Any, last_ms: int) -> Pending:
    """What a build answers."""
    return pending(request=asked, last_ms=last_ms)


@pytest.mark.parametrize(
    ("wanted", "covers", "claimed_ms", "answered"),
    [
        (request(), covering(request(), NOW), NOW + 6, True),
        (request(), covering(request(), NOW), NOW + 5, False),  # not after it: not covered
        (V1, covering(V1, NOW), NOW + 6, True),
        (V1, covering(V2, NOW), NOW + 6, False),  # asked for something else, later
        (V1, covering(V2, NOW + 5), NOW + 6, True),  # was asked for something newer
        (V1, covering(V2, NOW + 4), NOW + 6, False),
        (ENVIRONMENT, covering(request(), NOW), NOW + 6, False),
        (ENVIRONMENT, covering(ENVIRONMENT, NOW), NOW + 6, True),
    ],
)
def test_a_build_answers_the_same_wish_or_an_older_one(
    wanted: Any, covers: Pending, claimed_ms: int, answered: bool
) -> None:
    tally = deferred(2, folded(request=wanted))
    out: Claim = claim(claimed_ms=claimed_ms, covers=covers)
    build: Running = running(claimed_ms=claimed_ms, covers=covers)
    for record in (Record(claim=out), Record(running=build)):
        after = machine.with_tally(record, tally, RULES)
        assert (after.pending is None) is answered


@pytest.mark.parametrize(
    ("wanted", "end", "answered"),
    [
        (request(), finished(claimed_ms=NOW + 6), True),
        (request(), finished(claimed_ms=NOW + 5), False),
        (V1, finished(claimed_ms=NOW + 6, source_version="v1"), True),
        (V1, finished(claimed_ms=NOW + 6, source_version="v2"), False),
        (V1, finished(claimed_ms=NOW + 6, source_version="v2", covered_ms=NOW + 5), True),
        (V1, finished(claimed_ms=NOW + 6, source_version="v2", covered_ms=NOW + 4), False),
        (ENVIRONMENT, finished(claimed_ms=NOW + 6), False),
    ],
)
def test_a_build_that_ended_meanwhile_answers_too(
    wanted: Any, end: Finished, answered: bool
) -> None:
    record = Record(finished=end)
    after = machine.with_tally(record, deferred(2, folded(request=wanted)), RULES)
    assert (after.pending is None) is answered
    assert after.finished == end


def test_the_newest_start_since_then_tells() -> None:
    """An older build of what is wanted does not: what is under way since is of something else."""
    end = finished(claimed_ms=NOW + 6, source_version="v1")
    build = running(claimed_ms=NOW + 7, covers=covering(V2, NOW))
    tally = deferred(2, folded(request=V1))
    after = machine.with_tally(Record(running=build, finished=end), tally, RULES)
    assert after.pending == folded(request=V1)
    older = replace(build, claimed_ms=NOW + 5)
    assert machine.with_tally(Record(running=older, finished=end), tally, RULES).pending is None


def test_a_start_claimed_at_the_very_instant_is_not_one_since_then() -> None:
    """Another machine's clock may be behind: what is newer in the record need not say a later instant."""
    out, build = claim(claimed_ms=NOW + 5), running(claimed_ms=NOW + 6)
    after = machine.with_tally(Record(claim=out, running=build), deferred(2, folded()), RULES)
    assert after.claim == out
    assert after.running is not None
    assert after.running.covers.count == 3
    record = Record(running=running(claimed_ms=NOW + 5), finished=finished(claimed_ms=NOW + 6))
    after = machine.with_tally(record, deferred(2, folded()), RULES)
    assert (after.running, after.pending) == (record.running, None)


def test_what_a_forced_start_left_pending_takes_its_triggers_in() -> None:
    out = claim(claimed_ms=NOW + 6)
    after = machine.with_tally(Record(claim=out, pending=SEEN), deferred(2, folded()), RULES)
    assert after.claim == out
    assert after.pending == replace(folded(), count=3)


def test_a_pending_that_came_since_the_start_is_left_alone() -> None:
    theirs = pending(DUE, first_ms=NOW + 7, last_ms=NOW + 7)
    record = Record(running=running(claimed_ms=NOW + 6), pending=theirs)
    assert machine.with_tally(record, deferred(2, folded()), RULES).pending == theirs


# --- writes without an answer --------------------------------------------------------------------------------------


def test_a_write_without_an_answer_is_remembered_with_what_it_wrote() -> None:
    tally = deferred(2, folded(), since_ms=NOW)
    once = machine.unsure(tally, "w1")
    assert once == Tally(unsure=((("w1",), tally),), since_ms=NOW)
    assert not once.is_empty
    more = replace(once, counts=Counts(skipped=1))
    twice = machine.unsure(more, "w2")
    skip = Tally(counts=Counts(skipped=1), since_ms=NOW)
    assert twice == Tally(unsure=((("w1", "w2"), tally), (("w2",), skip)), since_ms=NOW)


def test_what_such_a_write_wrote_is_written_again_only_where_it_is_not_in() -> None:
    tally = replace(machine.unsure(deferred(2, folded()), "w1"), counts=Counts(skipped=1))
    record = built(MINUTE, pending=SEEN, writes=("w2", "w1"))
    there = machine.with_tally(record, tally, RULES)
    assert (there.counts, there.pending) == (Counts(skipped=1), SEEN)
    lost = machine.with_tally(replace(record, writes=("w2",)), tally, RULES)
    assert lost.counts == Counts(deferred=2, skipped=1)
    assert lost.pending == replace(folded(), count=3)


def test_each_such_write_is_asked_after_by_itself() -> None:
    unsure = machine.unsure(
        replace(machine.unsure(deferred(2), "w1"), counts=Counts(skipped=1)), "w2"
    )
    record = built(MINUTE, writes=("w0",))
    assert machine.with_tally(record, unsure, RULES).counts == Counts(deferred=2, skipped=1)
    second = replace(record, writes=("w2",))  # it wrote what the first had, and its own
    assert machine.with_tally(second, unsure, RULES).counts == Counts()
    first = replace(record, writes=("w1",))
    assert machine.with_tally(first, unsure, RULES).counts == Counts(skipped=1)


def test_a_tally_with_nothing_but_such_a_write_is_settled_when_that_is_in() -> None:
    unsure = machine.unsure(deferred(2, folded()), "w1")
    record = built(MINUTE, writes=("w1",))
    assert machine.with_tally(record, unsure, RULES) is record


def test_a_tally_tells_eight_such_writes_apart_by_as_many_ids_as_a_record_keeps() -> None:
    tally = Tally()
    for number in range(9):
        tally = machine.unsure(replace(tally, counts=Counts(skipped=10**number)), f"w{number}")
    parts = [(ids[0], ids[-1], part.counts.skipped) for ids, part in tally.unsure]
    assert len(parts) == 8
    assert parts[0] == ("w3", "w8", 11)  # the two oldest in one, by the newest six writes
    assert parts[1] == ("w3", "w8", 100)
    assert parts[-1] == ("w8", "w8", 10**8)


def test_a_tally_is_empty_where_there_is_nothing_to_write() -> None:
    assert Tally().is_empty
    assert Tally(since_ms=NOW).is_empty
    assert not deferred(1).is_empty
    assert not Tally(unsure=((("w1",), deferred(1)),)).is_empty
