"""JSON with numbers exact both ways."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.exact_json import dumps, loads

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(VALUES)
def test_plain_values_survive(value: object) -> None:
    assert loads(dumps(value)) == value
    assert json.loads(dumps(value, indent=2)) == value


@given(DECIMALS)
def test_every_decimal_survives(value: Decimal) -> None:
    assert loads(dumps(value)) == value


def test_the_snippet_s_mistake() -> None:
    assert dumps(Decimal("-0.5")) == "-0.5"
    assert dumps(Decimal("0.5")) == "0.5"


def test_38_digits() -> None:
    digits = "1.2345678901234567890123456789012345678"
    assert dumps(Decimal(digits)) == digits
    assert loads(digits) == Decimal(digits)


def test_whole_numbers_are_whole() -> None:
    assert dumps(Decimal("1795395667.000")) == "1795395667"
    assert dumps(Decimal("1E+3")) == "1000"


def test_sets_and_bytes() -> None:
    assert dumps({"b", "a"}) == '["a", "b"]'
    assert dumps(b"\x00\xff") == '"AP8="'


def test_indented() -> None:
    assert dumps({"a": [1], "b": {}}, indent=2) == ('{\n  "a": [\n    1\n  ],\n  "b": {}\n}')


@pytest.mark.parametrize("value", [Decimal("NaN"), object()])
def test_what_json_has_no_form_for(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize("text", ["1e999999999", "-1e-999999999", "[1e99999999999999999999]", "NaN", "-Infinity"])
def test_a_number_that_nothing_keeps_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="is no number that can be kept"):
        loads(text)


def test_a_silly_number_is_not_written_out() -> None:
    assert dumps(Decimal("1e999999999")) == "1E+999999999"
