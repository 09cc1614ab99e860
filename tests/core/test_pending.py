"""Triggers folded into one: which of them is built, and folds that commute."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.lines import is_older
from holdoff.core.pending import Fold, content_of, has_waiter, joined, note_of, single
from holdoff.core.record import KEPT_EVENTS, KEPT_NOTES, KEPT_WAITERS, KEPT_WRITES, MAX_NOTE, Line, Record, digest
from holdoff.core.request import Request
from holdoff.core.token import make
from tests.core.build import MINUTE, NOW, built, pending, request

VERSIONS = st.sampled_from(["v0", "v1", "v2", None])
LINES = st.sampled_from(["main", "next", None])


def requests(at: st.SearchStrategy[int | None]) -> st.SearchStrategy[Request]:
    """Requests of two lines."""
    return st.builds(request, source_version=VERSIONS, parent=VERSIONS, line=LINES, at_ms=at)


ANY = requests(st.none() | st.integers(0, 3))

# --- joined --------------------------------------------------------------------------------------------------------

PENDINGS = st.builds(
    lambda asked, at_ms, waiter: single(asked, NOW + at_ms, waiter=waiter),
    ANY,
    st.integers(-9, 9),
    st.none() | st.text("ab", min_size=1, max_size=2),
)


@given(PENDINGS, PENDINGS, PENDINGS)
def test_it_makes_no_difference_which_two_are_joined_first(a: Any, b: Any, c: Any) -> None:
    left, right = joined(joined(a, b), c), joined(a, joined(b, c))
    for name in ("count", "first_ms", "last_ms", "notes"):
        assert getattr(left, name) == getattr(right, name)
    assert sorted(left.waiters) == sorted(right.waiters)  # who is newest among them depends on what is built
    assert left.count == 3


@given(PENDINGS, PENDINGS, st.booleans())
def test_the_later_is_built_unless_it_is_the_older_of_its_line(earlier: Any, later: Any, older: bool) -> None:
    both = joined(earlier, later, older=older)
    assert both.request == (earlier if older else later).request
    assert both.notes == (*later.notes, *earlier.notes)
    assert (both.first_ms, both.last_ms) == (
        min(earlier.first_ms, later.first_ms),
        max(earlier.last_ms, later.last_ms),
    )


def test_refusals_so_far_are_not_forgotten() -> None:
    both = joined(pending(failures=3, retry_ms=NOW + 7), pending())
    assert (both.failures, both.retry_ms) == (3, NOW + 7)
    refused = pending(failures=2, retry_ms=NOW + 9, refusal="busy")
    for one, other in ((pending(), refused), (refused, pending())):
        both = joined(one, other)
        assert (both.failures, both.retry_ms, both.refusal) == (2, NOW + 9, "busy")


def test_if_one_was_forced_all_are_and_the_newest_caller_that_waits_comes_first() -> None:
    plain, forced = pending(waiters=("a", "b")), pending(forced=True, waiters=("c",))
    for older, waiters in ((False, ("c", "a", "b")), (True, ("a", "c", "b"))):
        assert joined(plain, forced, older=older).waiters == waiters
        for one, other in ((plain, forced), (forced, plain)):
            assert joined(one, other, older=older).request.forced


def test_a_caller_beyond_the_sixteen_is_known_by_the_instant_of_its_token() -> None:
    waiters = tuple(f"caller-{n}" for n in range(KEPT_WAITERS))
    full = pending(NOW, waiters=waiters).but(last_ms=NOW + 10)
    for at_ms, is_its in ((NOW - 6, False), (NOW - 5, True), (NOW + 15, True), (NOW + 16, False)):
        assert has_waiter(full, make(at_ms, 7), 5) is is_its
    assert not has_waiter(full.but(waiters=waiters[1:]), make(NOW, 7), 5)


def test_what_a_build_of_no_known_version_contains_is_not_known() -> None:
    assert content_of(request(environment={"A": "1"})) is None


def test_a_note_keeps_what_explains_a_trigger() -> None:
    note = note_of(request(reason="r" * 99, source_version="v1", event_id="E1", line="main"))
    assert (note.reason, note.version, note.event, note.line) == ("r" * MAX_NOTE, "v1", digest("E1"), digest("main"))


# --- folds ---------------------------------------------------------------------------------------------------------


def fold(name: str, **changes: Any) -> Fold:
    """A fold of a trigger of this name."""
    asked = request(reason=name, event_id=name)
    made = Fold(write_id=f"w-{name}", request=asked, event=digest(name), last_ms=NOW)
    return made.but(**changes)


START = built(MINUTE, pending=pending(reason="first"))


def folded(record: Record, *folds: Fold) -> Record:
    """The record once all are in, each decided on what stood at first."""
    for one in folds:
        after = one.applied(START, record)
        assert after is not None
        record = after
    return record


def test_a_fold_adds_one_trigger() -> None:
    after = folded(START, fold("a", waiter="W"))
    waiting = after.pending
    assert waiting is not None
    assert (waiting.count, waiting.request.reason, waiting.waiters) == (2, "a", ("W",))
    assert [note.reason for note in waiting.notes] == ["a", "first"]
    assert (after.writes, after.moved) == (("w-a", "w0"), "w0")
    assert after.events == (digest("a"),)
    assert after.lastbuild == START.lastbuild


@given(st.permutations("abcdef"))
def test_folds_commute(names: list[str]) -> None:
    """In any order the same is counted, recognised and covered; the last one is built."""
    after = folded(START, *map(fold, names))
    assert after.pending is not None
    assert after.pending.count == 7
    assert after.pending.request.reason == names[-1]
    assert set(after.writes) == {"w0", *(f"w-{name}" for name in names)}
    assert set(after.events) == {digest(name) for name in names}
    assert [note.reason for note in after.pending.notes] == names[::-1][:KEPT_NOTES]


@given(st.permutations([1, 2, 3, 4]))
def test_in_any_order_the_newest_of_a_line_is_built(instants: list[int]) -> None:
    record = START.but(pending=pending(line="main", at_ms=0))
    for at_ms in instants:
        asked = request(line="main", at_ms=at_ms, event_id=str(at_ms))
        assert record.pending is not None
        one = fold(str(at_ms), request=asked, older=is_older(asked, record.pending.request))
        record = one.applied(START, record) or record
    assert record.pending is not None
    assert (record.pending.request.at_ms, record.pending.count) == (4, 5)


@pytest.mark.parametrize(
    ("current", "changes"),
    [
        (START.but(pending=None), {}),
        (START.swapped("theirs"), {}),
        (START.but(moved=None), {}),
        (START.but(lastbuild=None), {}),
        (START.but(writes=("w-a", "w0")), {}),
        (START.but(events=(digest("a"),)), {}),
        (START.but(pending=pending(NOW + 1)), {"in_order": True}),
        (START.but(pending=pending(line="main", at_ms=2)), {"request": request(line="main", at_ms=1)}),
        (START, {"older": True}),
    ],
)
def test_a_fold_yields_to_every_swap_and_to_itself(current: Record, changes: dict[str, Any]) -> None:
    assert fold("a", **changes).applied(START, current) is None


def test_a_fold_holds_beside_others_and_may_come_late_where_nothing_counts_from_it() -> None:
    assert fold("b").applied(START, folded(START, fold("a"))) is not None
    late = START.but(pending=pending(NOW + 1))
    assert fold("a", in_order=True, last_ms=None).applied(START, late) is not None
    assert folded(late, fold("a", last_ms=None)).pending.last_ms == NOW + 1  # type: ignore[union-attr]


def test_registers_have_a_fixed_size() -> None:
    names = [f"e{number:02}" for number in range(20)]
    after = folded(START, *(fold(name, waiter=name) for name in names))
    newest = names[::-1]
    assert after.pending is not None
    assert after.pending.count == 21
    assert after.writes == tuple(f"w-{name}" for name in newest[:KEPT_WRITES])
    assert after.events == tuple(digest(name) for name in newest[:KEPT_EVENTS])
    assert after.pending.waiters == tuple(newest[:KEPT_WAITERS])
    assert [note.reason for note in after.pending.notes] == newest[:KEPT_NOTES]


def test_a_line_in_a_record_is_compared_as_it_stands() -> None:
    assert is_older(Line(line="L", at_ms=1), Line(line="L", at_ms=2))
