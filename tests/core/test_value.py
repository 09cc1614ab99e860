"""Values: made, copied, compared, kept."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.record import Note, Record
from holdoff.core.request import GateKey, Request
from holdoff.core.value import Value


class Point(Value, kw_only=False):
    x: int
    y: int = 0
    tags: tuple[str, ...] = ()

    def _check(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")


class Named(Point, kw_only=False):
    name: str = "p"


NUMBERS = st.integers(0, 3)
POINTS = st.builds(Point, NUMBERS, NUMBERS, st.tuples(st.text(max_size=1)))


@given(POINTS, POINTS)
def test_values_are_equal_by_their_fields_and_hash_alike(one: Point, other: Point) -> None:
    same = (one.x, one.y, one.tags) == (other.x, other.y, other.tags)
    assert (one == other) is same
    if same:
        assert hash(one) == hash(other)


@given(POINTS, NUMBERS)
def test_a_copy_differs_in_what_it_is_told_to(point: Point, y: int) -> None:
    moved = point.but(y=y)
    assert (moved.x, moved.y, moved.tags) == (point.x, y, point.tags)
    assert moved.but(y=point.y) == point
    assert point.but() == point


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("value", [Point(1, 2), Named(1, name="n"), Record(events=("e",), lastbuild=Decimal(7))])
def test_values_survive_copies_and_processes(through: Any, value: Value) -> None:
    assert through(value) == value


@pytest.mark.parametrize(
    "through",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)), lambda value: value.but()],
)
def test_what_they_keep_beside_their_fields_does_not_stand_in_the_way(through: Any) -> None:
    """A starter that hands its request to a pool of processes."""
    request, record = Request(project="site", key="de", region="local"), Record(lastbuild=Decimal(7))
    assert record.lastbuild_ms == through(record).lastbuild_ms == 7_000
    assert through(request).gate == request.gate == GateKey("site@de", "local")


def test_fields_are_given_in_order_or_by_name_and_matched_in_order() -> None:
    assert Point(1, 2) == Point(1, y=2) == Point(x=1, y=2)
    match Named(1, 2, ("t",), "n"):
        case Named(x, y, tags, name):
            assert (x, y, tags, name) == (1, 2, ("t",), "n")


def test_a_value_of_another_class_is_another_value() -> None:
    assert Named(1) != Point(1)
    assert Point(1) != (1, 0, ())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Point(), "Point: x is missing"),  # type: ignore[call-arg]
        (lambda: Point(y=3, z=3), "Point: x is missing, there is no z"),  # type: ignore[call-arg]
        (lambda: Point(1, 2, (), 4), "Point: there are 3 fields, no more"),  # type: ignore[call-arg]
        (lambda: Point(1).but(z=3), "Point: there is no z"),
        (lambda: Record(nonsense=1), "Record: there is no nonsense"),  # type: ignore[call-arg]
    ],
    ids=["missing", "missing and unknown", "too many", "but", "record"],
)
def test_what_does_not_fit_is_named(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"^{said}$"):
        make()


def test_every_value_is_checked_when_it_is_made_and_when_it_is_changed() -> None:
    with pytest.raises(ValueError, match="negative"):
        Point(-1)
    with pytest.raises(ValueError, match="negative"):
        Point(1).but(x=-1)


def test_nothing_changes_a_value() -> None:
    point = Point(1)
    with pytest.raises(TypeError, match=r"immutable; make another: value\.but\(x="):
        point.x = 2  # type: ignore[misc]
    assert point == Point(1)


def test_a_value_shows_what_is_not_as_usual() -> None:
    assert repr(Point(0)) == "Point(x=0)"
    assert repr(Note(version="v1")) == "Note(version='v1')"
