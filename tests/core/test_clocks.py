"""What a wrong clock wrote: put right at first sight, once, and nothing else is touched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core import claims, clocks, waits
from holdoff.core.decision import Why
from holdoff.core.pending import single
from holdoff.core.record import Act, Hold, Line, Record, digest
from holdoff.core.value import Value
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
    request,
    running,
    seconds,
    terms,
    trigger,
)

RESET = Decimal(0)
TERMS = terms()
HOLD = Hold(since_ms=NOW, why="incident 42", until_ms=NOW + 3)

# --- the cooldown and the limit ------------------------------------------------------------------------------------

MARGIN = terms(by={"clock_margin_ms": 5_000})


@pytest.mark.parametrize("ahead_ms", [5_001, 86_400_000, 10**15])
def test_one_further_ahead_counts_as_now_and_is_put_right_at_first_sight(ahead_ms: int) -> None:
    record = built(-ahead_ms)
    deferred, woken = on_trigger(record, trigger(), MARGIN), on_wake(record, MARGIN)
    assert deferred.decision.due_ms == NOW + COOLDOWN == deferred.record.due_ms
    assert deferred.record.lastbuild == woken.record.lastbuild == seconds(NOW)
    assert deferred.fold is None
    skipped = on_trigger(record, trigger(), terms(on_cooldown="skip", by={"clock_margin_ms": 5_000}))
    assert (skipped.decision.due_ms, skipped.record.lastbuild) == (NOW + COOLDOWN, seconds(NOW))


def test_our_own_start_by_the_same_clock_is_put_right_with_it() -> None:
    for part in ({"running": running(started_ms=NOW + MINUTE)}, {"finished": finished(started_ms=NOW + MINUTE)}):
        right = clocks.put_right(built(-MINUTE, **part), TERMS, NOW)
        assert waits.cooldown_end_ms(right, TERMS) == NOW + COOLDOWN
        assert not waits.is_moved_back(right, TERMS)


def test_what_is_pending_behind_it_is_woken_by_the_right_clock() -> None:
    """A duplicate comes, and adds nothing but the right time."""
    day = 86_400_000
    events = (digest("E1"),)
    record = built(-day, pending=pending(NOW + day), events=events, due_ms=NOW + day + COOLDOWN)
    step = on_trigger(record, trigger(event_id="E1"), TERMS)
    assert step.decision.why is Why.DUPLICATE
    assert waits.with_due(step.record, TERMS).due_ms == NOW + COOLDOWN


@given(st.integers(-(10**9), 10**12), st.integers(0, 10_000))
def test_put_right_is_done_once_and_leaves_no_future(ahead_ms: int, margin_ms: int) -> None:
    by = terms(by={"clock_margin_ms": margin_ms})
    record = built(-ahead_ms)
    right = clocks.put_right(record, by, NOW)
    assert (right is record) is (ahead_ms <= margin_ms)
    assert not clocks.ahead_ms(right, by, NOW)
    assert clocks.put_right(right, by, NOW) is right


YEAR = 365 * 24 * 60 * MINUTE


@pytest.mark.parametrize(
    ("record", "policy"),
    [
        (Record(lastbuild=seconds(NOW + YEAR)), {}),
        (
            built(-YEAR, running=running(started_ms=NOW + YEAR, lease_until_ms=NOW + YEAR + MINUTE)),
            {"overlap": "defer"},
        ),
        (Record(starts=(NOW + YEAR,)), {"limit": "1/1h"}),
        (Record(hold=Hold(since_ms=NOW + YEAR, why="incident", until_ms=NOW + YEAR + MINUTE)), {}),
        (Record(pending=pending(retry_ms=NOW + YEAR, failures=1, first_ms=NOW, last_ms=NOW)), {}),
        (Record(claim=claim(held_ms=NOW + YEAR, lease_until_ms=NOW + YEAR + MINUTE)), {}),
    ],
)
def test_what_a_clock_a_year_ahead_wrote_holds_no_gate_for_a_year(record: Record, policy: dict[str, Any]) -> None:
    right = clocks.put_right(record, terms(**policy), NOW)
    found = waits.waits(right, terms(**policy), NOW, pending=right.pending)
    assert all(wait.until_ms is not None and wait.until_ms <= NOW + 60 * MINUTE for wait in found)


def test_a_claim_is_left_to_its_holder_for_as_long_as_its_lease() -> None:
    late = Record(claim=claim(held_ms=NOW + MINUTE, lease_until_ms=NOW + 2 * MINUTE))
    assert clocks.put_right(late, TERMS, NOW) is late
    short = Record(claim=claim(held_ms=NOW + 5_000, lease_until_ms=NOW + 6_000))
    assert clocks.put_right(short, MARGIN, NOW) is short
    right = clocks.put_right(short, TERMS, NOW).claim
    assert right is not None
    assert (right.held_ms, right.lease_until_ms, right.in_flight_until_ms) == (NOW, NOW + 1_000, 0)  # 0: none was sent


def test_what_a_refused_start_puts_lastbuild_back_to_is_put_right_too() -> None:
    """Else the gate is due in a year, and nothing wakes it."""
    record = built(0, claim=claim(before=seconds(NOW + YEAR)))
    right = clocks.put_right(record, TERMS, NOW)
    assert right.claim is not None
    refused = claims.refused(right, right.claim, TERMS, NOW, worth_retrying=True, why="busy", searched_ms=None)
    assert waits.with_due(refused, TERMS).due_ms == NOW + COOLDOWN


def _ahead(part: Any, name: str = "") -> set[str]:
    """The names of all instants in a record that are more than two hours in the future."""
    if isinstance(part, tuple):
        return {found for one in part for found in _ahead(one, name)}
    if isinstance(part, Value):
        return {found for name, content in part.__dict__.items() for found in _ahead(content, name)}
    return {name} if name.endswith("_ms") and (part or 0) > NOW + 120 * MINUTE else set()


def test_none_of_all_its_instants_is_left_in_the_future() -> None:
    """But those at which a build was claimed: they put the history in order, and nothing waits for them."""
    late = NOW + YEAR
    covers = single(request(line="main", at_ms=late), late, waiter="W").but(retry_ms=late, failures=1)
    record = Record(
        claim=claim(claimed_ms=late, held_ms=late, lease_until_ms=late, in_flight_until_ms=late, covers=covers),
        pending=covers,
        running=running(started_ms=NOW - 1, polled_ms=late, covers=covers, claimed_ms=late),
        finished=finished(started_ms=late, ended_ms=late, claimed_ms=late),
        hold=Hold(since_ms=late, why="incident 42", until_ms=late),
        lines=(Line(line="main", at_ms=late),),
        acts=(Act(what="reset", at_ms=late),),
        starts=(late,),
        due_ms=late,
    )
    kept = {"claimed_ms", "first_ms", "last_ms", "retry_ms"}  # the last three: of what is covered
    for what, left in ((record, kept), (record.but(claim=None, running=None), {"claimed_ms"})):
        assert _ahead(waits.with_due(clocks.put_right(what, TERMS, NOW), TERMS)) == left
