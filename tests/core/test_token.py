"""Tokens: 26 characters that sort by time and carry their instant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core import token

INSTANTS = st.integers(0, 2**48 - 1)
BITS = st.integers(0, 2**80 - 1)


@given(INSTANTS, BITS)
def test_a_token_carries_its_instant(ms: int, bits: int) -> None:
    made = token.make(ms, bits)
    assert len(made) == 26
    assert token.instant_ms(made) == ms


@given(INSTANTS, INSTANTS, BITS, BITS)
def test_tokens_sort_by_time(one: int, other: int, bits: int, others: int) -> None:
    if one < other:
        assert token.make(one, bits) < token.make(other, others)


def test_the_example_of_the_specification() -> None:
    assert token.make(1_469_918_176_385, 0)[:10] == "01ARYZ6S41"


@pytest.mark.parametrize("text", ["", "01ARYZ6S41", "U" * 26, "01ARYZ6S41TSV4RRFFQ69G5FA", "é" * 26])
def test_other_texts_carry_none(text: str) -> None:
    assert token.instant_ms(text) is None


@given(st.integers(0, 2**40 - 1))
def test_other_numbers_are_told_apart(number: int) -> None:
    assert token.encode(number, 8) != token.encode((number + 1) % 2**40, 8)


@given(INSTANTS, INSTANTS, BITS)
def test_a_token_stamped_again_differs_in_its_instant_only(ms: int, later: int, bits: int) -> None:
    assert token.restamped(token.make(ms, bits), later) == token.make(later, bits)
    assert token.restamped("not one of ours", later) == "not one of ours"
