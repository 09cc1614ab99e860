"""What people do to a gate: hold, resume, reset."""

from __future__ import annotations

from decimal import Decimal

import pytest

from holdoff.core import claims, people, waits
from holdoff.core.decision import Outcome, Why
from holdoff.core.pending import joined
from holdoff.core.record import Act, Hold, Pending, Record
from holdoff.core.terms import Terms
from holdoff.core.waits import with_due
from tests.core.build import (
    MINUTE,
    NOW,
    answer,
    built,
    claim,
    claimed,
    finished,
    on_trigger,
    on_wake,
    pending,
    terms,
    trigger,
)

TERMS = terms()
ACT = Act(what="reset", at_ms=NOW, by="ann", why="new machine")
HOLD = Hold(since_ms=NOW, why="incident 42", by="ann", until_ms=NOW + MINUTE)
WAITING = Record(pending=pending())
CLAIMED = claimed()
NEWER = pending(NOW + 3, source_version="v2")


def test_a_hold_and_its_end_are_remembered() -> None:
    held = people.held(WAITING, HOLD)
    assert (held.hold, held.pending) == (HOLD, WAITING.pending)
    resumed = people.resumed(held, ACT)
    assert resumed.hold is None
    assert resumed.acts == (ACT, Act(what="hold", at_ms=NOW, by="ann", why="incident 42"))
    assert people.resumed(resumed, ACT) is resumed


def test_nothing_starts_on_hold_but_by_force() -> None:
    held = people.held(WAITING, HOLD.but(until_ms=None))
    step = on_wake(held, TERMS)
    due_ms = with_due(held, TERMS).due_ms
    assert (answer(step), step.decision.due_ms, due_ms) == ((Outcome.DEFERRED, Why.HELD), None, None)
    assert answer(on_trigger(held, trigger(force=True), TERMS)) == (Outcome.STARTED, Why.FORCED)
    assert answer(on_wake(people.resumed(held, ACT), TERMS)) == (Outcome.STARTED, Why.READY)


def test_a_hold_with_an_end_is_due_then() -> None:
    held = people.held(WAITING, HOLD)
    assert with_due(held, TERMS).due_ms == NOW + MINUTE
    assert answer(on_wake(held, TERMS, NOW + MINUTE)) == (Outcome.STARTED, Why.READY)


@pytest.mark.parametrize("by", [TERMS, terms(cooldown_from="finish"), terms(limit="1/1h")])
def test_a_reset_ends_the_cooldown_and_the_limit_and_keeps_what_is_pending(by: Terms) -> None:
    record = built(0, pending=NEWER, starts=(NOW,), finished=finished())
    after = people.reset(record, ACT)
    assert (after.lastbuild, after.pending, after.acts) == (Decimal(0), NEWER, (ACT,))
    assert waits.waits(after, by, NOW) == []
    step = on_trigger(after, trigger(), by)
    assert (step.decision.outcome, step.decision.last_build) == (Outcome.STARTED, None)  # not 1970
    assert people.reset(after, ACT) is after


def test_a_reset_ends_the_back_off() -> None:
    claim = CLAIMED.claim
    assert claim is not None
    why = "no such project"
    refused = claims.refused(CLAIMED, claim, TERMS, NOW, worth_retrying=False, why=why, searched_ms=None)
    assert answer(on_wake(refused, TERMS)) == (Outcome.DEFERRED, Why.BACKING_OFF)
    after = people.reset(refused, ACT)
    assert after.pending == claim.covers
    assert answer(on_wake(after, TERMS)) == (Outcome.STARTED, Why.READY)


def test_a_reset_leaves_a_gate_that_never_built_as_it_is() -> None:
    record = WAITING.but(due_ms=NOW - MINUTE)
    assert people.reset(record, ACT) is record
    assert people.reset(record, ACT, drop_claim=True) is record
    assert people.reset(CLAIMED, ACT).claim == CLAIMED.claim


def test_a_reset_drops_what_is_pending_when_told_to() -> None:
    after = people.reset(built(MINUTE, pending=NEWER, due_ms=1), ACT, drop_pending=True)
    assert (after.pending, with_due(after, TERMS).due_ms) == (None, None)


@pytest.mark.parametrize(
    ("stands", "drop_pending", "left"),
    [
        (None, False, pending()),
        (NEWER, False, joined(pending(), NEWER)),
        (NEWER, True, None),
        (None, True, None),
    ],
)
def test_a_claim_that_is_dropped_leaves_what_it_covered_unless_that_is_dropped_too(
    stands: Pending | None, drop_pending: bool, left: Pending | None
) -> None:
    record = CLAIMED.but(pending=stands)
    after = people.reset(record, ACT, drop_pending=drop_pending, drop_claim=True)
    assert (after.claim, after.pending) == (None, left)


def test_a_reset_ends_the_back_off_of_what_a_dropped_claim_covered() -> None:
    """A forced start in the back-off covers what was refused: given up, that waited on, up to an hour."""
    covers = pending(failures=3, retry_ms=NOW + 60 * MINUTE, refusal="no such project")
    after = people.reset(claimed(claim=claim(covers=covers)), ACT, drop_claim=True)
    assert answer(on_wake(after, TERMS)) == (Outcome.STARTED, Why.READY)


def test_the_newest_three_acts_are_kept() -> None:
    record = Record()
    for number in range(4):
        record = people.held(record, HOLD.but(since_ms=NOW + number))
    assert [act.at_ms - NOW for act in record.acts] == [3, 2, 1]
