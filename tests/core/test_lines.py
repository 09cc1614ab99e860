"""Which of two versions of a line is the newer."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.lines import is_behind, is_older, is_set_back, is_superseded, line_of, placed
from holdoff.core.pending import joined, single
from holdoff.core.record import Line, Record
from holdoff.core.request import Request
from tests.core.build import NOW, claim, pending, request

VERSIONS = st.sampled_from(["v0", "v1", "v2", None])
LINES = st.sampled_from(["main", "next", None])


def requests(at: st.SearchStrategy[int | None]) -> st.SearchStrategy[Request]:
    """Requests of two lines."""
    return st.builds(request, source_version=VERSIONS, parent=VERSIONS, line=LINES, at_ms=at)


ANY = requests(st.none() | st.integers(0, 3))


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ({"at_ms": 1}, {"at_ms": 2}, True),
        ({"at_ms": 2}, {"at_ms": 1}, False),
        ({"source_version": "v1"}, {"parent": "v1"}, True),
        ({"source_version": "v1", "at_ms": 1}, {"parent": "v1", "at_ms": 1}, True),
        # The source's instants decide where they differ: a branch that was set back goes on from there.
        ({"source_version": "A", "parent": "B", "at_ms": 3}, {"source_version": "B", "parent": "A", "at_ms": 2}, False),
        ({"source_version": "A", "parent": "B"}, {"source_version": "B", "parent": "A"}, False),
        ({"source_version": "v1", "at_ms": 1}, {"source_version": "v2"}, False),
        ({}, {"parent": "v1"}, False),
        ({}, {}, False),
    ],
)
def test_of_two_of_one_line(one: dict[str, Any], other: dict[str, Any], older: bool) -> None:
    assert is_older(request(line="main", **one), request(line="main", **other)) is older
    assert not is_older(request(line="next", **one), request(line="main", **other))
    assert not is_older(request(**one), request(**other))


@given(st.lists(requests(st.integers(0, 3)), min_size=3, max_size=3, unique_by=lambda one: one.at_ms))
def test_older_is_a_strict_order_where_instants_are_known(three: list[Request]) -> None:
    for a, b, c in permutations(three):
        if is_older(a, b) and is_older(b, c):
            assert is_older(a, c)


@given(ANY, ANY)
def test_of_two_at_most_one_is_the_older(one: Request, other: Request) -> None:
    assert not (is_older(one, other) and is_older(other, one))
    assert not is_older(one, one)


@given(ANY, ANY)
def test_a_record_remembers_enough_of_a_line_to_tell_the_same(one: Request, other: Request) -> None:
    place, others = line_of(one), line_of(other)
    assert (place is None) is (one.line is None)
    if place is not None and others is not None:
        assert is_older(place, others) is is_older(one, other)


def test_what_a_record_remembers_of_a_line_is_short() -> None:
    place = line_of(request(line="refs/heads/main" * 20, source_version="v" * 200, parent="p" * 200, at_ms=7))
    assert place is not None
    assert all(len(text or "") == 8 for text in (place.line, place.source_version, place.parent))
    assert place.at_ms == 7


def test_parents_tell_nothing_where_instants_do() -> None:
    """A branch that is set back, by a sender that does not say from where."""
    newest = single(request(line="main", at_ms=2, source_version="B", parent="A"), NOW)
    assert is_behind(request(line="main", source_version="A"), newest)
    assert not is_behind(request(line="main", at_ms=3, source_version="A"), newest)


def test_a_version_is_behind_all_that_it_led_to() -> None:
    """By the parents of the versions that came one after the other. The same version on another line has its own."""
    for first in ({"line": "main", "source_version": "v1", "parent": "v0"}, {"line": "next", "source_version": "v2"}):
        newest = single(request(**first), NOW)
        for n in (2, 3):
            pushed = request(line="main", source_version=f"v{n}", parent=f"v{n - 1}")
            newest = joined(newest, single(pushed, NOW))
        assert is_behind(request(line="main", source_version="v1"), newest)
        assert is_behind(request(line="main", source_version="v0"), newest) is (first["line"] == "main")


# --- beside the record -----------------------------------------------------------------------------------------------


def started(line: str, **words: Any) -> Line:
    """A version that was started."""
    found = line_of(request(line=line, **words))
    assert found is not None
    return found


def test_a_request_without_an_instant_is_no_older_than_what_is_known_of_its_line() -> None:
    asked = request(line="main")
    record = Record(lines=(started("next", at_ms=9), started("main", at_ms=3)))
    assert placed(record, asked, 0, NOW).at_ms == 3
    assert placed(record.but(claim=claim(covers=pending(line="main", at_ms=4))), asked, 0, NOW).at_ms == 4
    assert placed(record.but(pending=pending(line="main", at_ms=5)), asked, 0, NOW).at_ms == 5
    assert placed(Record(), asked, 0, NOW).at_ms is None


def test_a_request_from_the_future_counts_as_now() -> None:
    ahead = request(line="main", at_ms=NOW + 6)
    assert placed(Record(), ahead, 5, NOW).at_ms == NOW
    assert placed(Record(lines=(started("main", at_ms=NOW + 3),)), ahead, 5, NOW).at_ms == NOW + 3
    assert placed(Record(), ahead, 6, NOW) is ahead


def test_only_what_is_pending_on_its_own_line_can_have_been_set_back_to_it() -> None:
    record = Record(lines=(started("main", source_version="v2", parent="v1"),))
    again = request(line="main", source_version="v1", parent="v9")
    for line, superseded in (("next", True), ("main", False)):
        waits = record.but(pending=pending(line=line, source_version="v9"))
        assert is_superseded(waits, again) is superseded


def test_of_a_request_without_a_line_or_a_parent_no_line_was_set_back() -> None:
    record = Record(lines=(started("main", source_version="v2", parent="v1"),))
    assert is_set_back(record, request(line="main", source_version="v2", parent="v3"))
    for words in ({"line": "main"}, {"parent": "v3"}, {}):
        assert not is_set_back(record, request(source_version="v2", **words))
        assert not is_superseded(record, request(source_version="v2", **words))
