"""Record <-> item: exact both ways, and whatever stands there is read or refused, never misread."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import RecordInvalid
from holdoff.core.exact_json import dumps, loads
from holdoff.core.record import Record
from holdoff.stores.item import OWN, from_item, to_item
from tests.stores.strategies import KEY, records

NUMBERS = st.integers() | st.decimals(allow_nan=True, allow_infinity=True)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.floats() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(records)
def test_every_record_survives(record: Record) -> None:
    assert from_item(KEY, to_item(record)) == record


@given(records)
def test_every_record_survives_as_json(record: Record) -> None:
    assert from_item(KEY, loads(dumps(to_item(record)))) == record


@given(st.dictionaries(st.sampled_from(["lastbuild", *OWN, "theirs"]), PLAIN))
def test_garbage_is_read_or_refused(item: dict[str, Any]) -> None:
    try:
        assert isinstance(from_item(KEY, item), Record)
    except RecordInvalid as refused:
        assert str(KEY) in str(refused)


@given(records, st.data())
def test_one_wrong_value_is_read_or_refused(record: Record, data: st.DataObject) -> None:
    item = to_item(record)
    path: Any = item
    while isinstance(path, dict) and path:
        name = data.draw(st.sampled_from(sorted(path)))
        if isinstance(path[name], dict) and path[name] and data.draw(st.booleans()):
            path = path[name]
            continue
        path[name] = data.draw(PLAIN)
        break
    try:
        from_item(KEY, item)
    except RecordInvalid as refused:
        assert refused.hint


def test_nothing_but_the_keys_is_a_gate_that_never_built() -> None:
    assert from_item(KEY, {"cb_project": "site-build", "region": "eu-west-1"}) == Record()


@pytest.mark.parametrize("lastbuild", [1_795_395_667, Decimal("1795395667.25"), 0])
def test_the_snippet_s_item_is_a_gate(lastbuild: int | Decimal) -> None:
    assert from_item(KEY, {"lastbuild": lastbuild}) == Record(lastbuild=Decimal(lastbuild))


def test_attributes_of_others_are_not_ours() -> None:
    assert from_item(KEY, {"owner": "ada", "lastbuild": 5}) == Record(lastbuild=Decimal(5))


@pytest.mark.parametrize(
    ("lastbuild", "said"),
    [
        ("1795395667", "lastbuild: is '1795395667'; epoch seconds as a Number are right"),
        (-5, "lastbuild: is -5; epoch seconds from 0 are right"),
        (1_795_395_667_000, "after the year 9999; is it in milliseconds?"),
        (True, "lastbuild: is True; epoch seconds as a Number are right"),
    ],
)
def test_a_wrong_lastbuild_is_named(lastbuild: object, said: str) -> None:
    with pytest.raises(RecordInvalid) as refused:
        from_item(KEY, {"lastbuild": lastbuild})
    assert said in str(refused.value)
    assert "Nothing was started or changed" in str(refused.value)
