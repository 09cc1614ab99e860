"""People's durations and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import ConfigError
from holdoff.core.units import (
    MAX_DURATION_MS,
    MAX_INSTANT_MS,
    iso,
    ms_from_seconds,
    parse_duration,
    parse_instant,
    say_duration,
    seconds_from_ms,
    to_datetime,
)

INSTANTS = st.integers(0, MAX_INSTANT_MS)


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        (0, 0),
        (90, 90_000),
        (1.5, 1_500),
        (Decimal("0.25"), 250),
        ("90", 90_000),
        (" 90 ", 90_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("1w2d3h4m5s6ms", 788_645_006),
        ("1.5h", 5_400_000),
        ("250ms", 250),
        ("PT10M", 600_000),
        ("P1DT2H", 93_600_000),
        ("PT0.5S", 500),
        (timedelta(minutes=1, microseconds=1), 60_001),
        ("366d", MAX_DURATION_MS),
    ],
)
def test_durations(written: object, ms: int) -> None:
    assert parse_duration(written, field="cooldown") == ms


@pytest.mark.parametrize("written", [0.0001, "0.0001", timedelta(microseconds=1), "0.1ms"])
def test_a_part_of_a_millisecond_is_rounded_up(written: object) -> None:
    assert parse_duration(written, field="cooldown") == 1


@pytest.mark.parametrize(
    "written",
    [
        "",
        "10 minutes",
        "5m1h",
        "5m5m",
        "m",
        "1y",
        "P1Y",
        "P",
        "PT",
        "\u0661\u0660m",
        "10m ago",
        "nan",
        "inf",
    ],
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match=r"projects\.docs\.cooldown is .*write a duration such"):
        parse_duration(written, field="projects.docs.cooldown")


@pytest.mark.parametrize("written", [True, None, [], float("nan"), float("inf")])
def test_what_is_no_number_is_refused(written: object) -> None:
    with pytest.raises(ConfigError, match="quiet is "):
        parse_duration(written, field="quiet")


def test_a_negative_duration_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_duration("-1", field="cooldown")
    assert str(refused.value) == (
        "cooldown is '-1'; write zero or more: a duration cannot be negative"
    )


def test_a_year_and_a_day_is_too_long() -> None:
    with pytest.raises(ConfigError, match="cooldown is '367d'; write at most 366d"):
        parse_duration("367d", field="cooldown")


@given(st.integers(0, MAX_DURATION_MS))
def test_any_milliseconds_can_be_written(ms: int) -> None:
    assert parse_duration(f"{ms}ms", field="x") == ms
    assert parse_duration(Decimal(ms) / 1000, field="x") == ms
    assert parse_duration(timedelta(milliseconds=ms), field="x") == ms


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        assert 0 <= parse_duration(text, field="x") <= MAX_DURATION_MS
    except ConfigError as refused:
        assert refused.field == "x"


@given(INSTANTS)
def test_instants_survive_seconds(ms: int) -> None:
    assert ms_from_seconds(seconds_from_ms(ms)) == ms


@given(INSTANTS)
def test_instants_survive_iso(ms: int) -> None:
    assert parse_instant(iso(ms), field="at") == ms
    assert parse_instant(to_datetime(ms), field="at") == ms


def test_whole_seconds_are_stored_whole() -> None:
    assert str(seconds_from_ms(1_795_395_667_000)) == "1795395667"
    assert str(seconds_from_ms(1_795_395_667_250)) == "1795395667.250"


@given(st.decimals(0, 10**10, allow_nan=False, places=7))
def test_stored_seconds_are_rounded_up(seconds: Decimal) -> None:
    ms = ms_from_seconds(seconds)
    assert seconds * 1000 <= ms < seconds * 1000 + 1


def test_all_38_digits_count() -> None:
    assert ms_from_seconds(Decimal("1795395667.0000000000000000000000000001")) == 1_795_395_667_001


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        (1_767_225_600, 1_767_225_600_000),
        ("1767225600.0001", 1_767_225_600_001),
        (datetime(2026, 1, 1, tzinfo=UTC), 1_767_225_600_000),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 1_767_225_600_000),
    ],
)
def test_written_instants(written: object, ms: int) -> None:
    assert parse_instant(written, field="at") == ms


@pytest.mark.parametrize("written", ["2026-01-01T00:00:00", datetime(2026, 1, 1)])  # noqa: DTZ001
def test_an_instant_without_an_offset_is_refused(written: object) -> None:
    with pytest.raises(ConfigError, match=r"since is .*\(add Z or an offset\)"):
        parse_instant(written, field="since")


@pytest.mark.parametrize("written", ["yesterday", "nan", "-1", True, None, 10**15, "inf"])
def test_what_is_no_instant_is_refused(written: object) -> None:
    with pytest.raises(ConfigError, match="since is "):
        parse_instant(written, field="since")


@pytest.mark.parametrize(
    ("ms", "said", "said_up"),
    [
        (0, "0s", "0s"),
        (450, "450ms", "450ms"),
        (1_000, "1s", "1s"),
        (1_001, "1s", "2s"),
        (59_001, "59s", "1m"),
        (192_000, "3m12s", "3m12s"),
        (600_000, "10m", "10m"),
        (3_599_001, "59m59s", "1h"),
        (3_600_000, "1h", "1h"),
        (187_200_000, "2d4h", "2d4h"),
        (187_200_001, "2d4h", "2d5h"),
    ],
)
def test_said_durations(ms: int, said: str, said_up: str) -> None:
    assert say_duration(ms) == said
    assert say_duration(ms, up=True) == said_up


@given(st.integers(0, MAX_DURATION_MS))
def test_what_is_said_can_be_read(ms: int) -> None:
    assert parse_duration(say_duration(ms), field="x") <= ms
    assert parse_duration(say_duration(ms, up=True), field="x") >= ms
