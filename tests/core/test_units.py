"""People's durations and instants."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any

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
    say_age,
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
        "P0WT",
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
    assert str(refused.value) == ("cooldown is '-1'; write zero or more: a duration cannot be negative")


def test_a_year_and_a_day_is_too_long() -> None:
    with pytest.raises(ConfigError, match="cooldown is '367d'; write at most 366d"):
        parse_duration("367d", field="cooldown")


@given(st.integers(0, MAX_DURATION_MS))
def test_any_milliseconds_can_be_written(ms: int) -> None:
    assert parse_duration(f"{ms}ms", field="x") == ms
    assert parse_duration(Decimal(ms) / 1000, field="x") == ms
    assert parse_duration(timedelta(milliseconds=ms), field="x") == ms


# --- any text, beside an oracle that knows nothing of regular expressions or decimals ------------------------------

#: Some with a last digit far behind the 28th, which must count.
AMOUNTS = st.from_regex(r"[0-9]{1,4}(\.([0-9]{1,9}|0{25,40}[0-9]))?", fullmatch=True)
UNITS = st.sampled_from(["w", "d", "h", "m", "s", "ms"])
ORDER = ("w", "d", "h", "m", "s", "ms")
UNIT_MS = dict(zip(ORDER, (604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1), strict=True))


def written(parts: dict[str, str]) -> str:
    """These amounts, each with its unit, largest first."""
    return "".join(parts[unit] + unit for unit in ORDER if unit in parts)


def written_iso(parts: dict[str, str]) -> str:
    """The same by ISO 8601, which has no milliseconds."""
    date = "".join(parts[unit] + unit.upper() for unit in "wd" if unit in parts)
    time = "".join(parts[unit] + unit.upper() for unit in "hms" if unit in parts)
    return f"P{date}T{time}" if time else f"P{date}"


#: Durations as people write them, and with one slip: a character put in, left out or written twice.
LIKELY = st.dictionaries(UNITS, AMOUNTS, max_size=4).flatmap(
    lambda parts: st.sampled_from([written(parts), written_iso(parts), *parts.values(), "-1"])
)
SLIPS = st.tuples(LIKELY, st.integers(0, 20), st.integers(0, 3), st.text("0.5wdhmsPT -", max_size=2))
TEXTS = st.text(max_size=12) | LIKELY | SLIPS.map(lambda s: s[0][: s[1]] + s[3] + s[0][s[1] + s[2] :])


def oracle_ms(text: str) -> int | None:
    """What this text means, read from left to right; ``None``: nothing."""
    text = text.strip()
    if text.startswith("P"):
        return _iso_ms(text[1:])
    if text.startswith("-"):
        amount, rest = _amount(text[1:])
        return 0 if amount == 0 and not rest else None
    amount, rest = _amount(text)
    if amount is not None and not rest:
        return _ceiled(amount * 1000)
    return _parts_ms(text, ORDER)


def _iso_ms(text: str) -> int | None:
    if "ms" in text.lower() or text != text.upper():
        return None
    date, t, time = text.partition("T")
    days = _parts_ms(date.lower(), ("w", "d")) if date else 0
    rest = _parts_ms(time.lower(), ("h", "m", "s")) if time else 0
    nothing = not (date or time) or (t and not time)
    return None if nothing or days is None or rest is None else _both(date, time)


def _both(date: str, time: str) -> int:
    return _ceiled(sum((_exact(part.lower()) for part in (date, time)), Fraction(0)))


def _exact(text: str) -> Fraction:
    total = Fraction(0)
    while text:
        amount, text = _amount(text)
        unit = "ms" if text.startswith("ms") else text[:1]
        assert amount is not None
        total += amount * UNIT_MS[unit]
        text = text[len(unit) :]
    return total


def _parts_ms(text: str, units: tuple[str, ...]) -> int | None:
    left, rest = list(units), text
    while rest:
        amount, rest = _amount(rest)
        unit = "ms" if rest.startswith("ms") else rest[:1]
        if amount is None or unit not in left:
            return None
        del left[: left.index(unit) + 1]
        rest = rest[len(unit) :]
    return _ceiled(_exact(text)) if text else None


def _amount(text: str) -> tuple[Fraction | None, str]:
    """The number this text begins with, and the rest of it."""
    size = 0
    while size < len(text) and text[size] in "0123456789":
        size += 1
    whole, after = text[:size], text[size:]
    if not whole:
        return None, text
    digits = 1
    while after.startswith(".") and digits < len(after) and after[digits] in "0123456789":
        digits += 1
    return (Fraction(whole + after[:digits]), after[digits:]) if digits > 1 else (Fraction(whole), after)


def _ceiled(ms: Fraction) -> int:
    return -(-ms // 1)


@given(TEXTS)
def test_any_text_is_what_the_oracle_says_or_refused(text: str) -> None:
    means = oracle_ms(text)
    if means is not None and means <= MAX_DURATION_MS:
        assert parse_duration(text, field="x") == means
        return
    with pytest.raises(ConfigError) as refused:
        parse_duration(text, field="x")
    assert refused.value.field == "x"
    assert str(refused.value).startswith("x is ")


@given(st.dictionaries(UNITS, AMOUNTS, min_size=1))
def test_the_oracle_is_no_nay_sayer(parts: dict[str, str]) -> None:
    assert oracle_ms(written(parts)) is not None
    without_ms = {unit: amount for unit, amount in parts.items() if unit != "ms"}
    assert oracle_ms(written_iso(without_ms)) == (oracle_ms(written(without_ms)) if without_ms else None)


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


@given(st.integers(0, 10**38 - 1), st.integers(-130, -26), st.integers(2, 60))
def test_any_38_digits_are_rounded_up_exactly(digits: int, exponent: int, prec: int) -> None:
    """Whatever the caller's own decimal context is."""
    seconds = Decimal(f"{digits}E{exponent}")
    with localcontext(prec=prec):
        ms = ms_from_seconds(seconds)
    exact = Fraction(digits) * 1000 / Fraction(10) ** -exponent
    assert exact <= ms < exact + 1


@given(st.integers(0, MAX_DURATION_MS), st.integers(0, MAX_INSTANT_MS), st.integers(1, 60))
def test_the_caller_s_decimal_context_changes_nothing(ms: int, at_ms: int, prec: int) -> None:
    seconds = Decimal(ms).scaleb(-3)
    with localcontext(prec=prec):
        assert parse_duration(seconds, field="x") == parse_duration(str(seconds), field="x") == ms
        assert ms_from_seconds(seconds_from_ms(at_ms)) == at_ms
        assert parse_instant(seconds_from_ms(at_ms), field="at") == at_ms


@pytest.mark.parametrize("absurd", ["1E+999999", "1E+999999999999999999", "-1E+999999999999999999", "sNaN", "NaN"])
def test_an_absurd_number_is_refused_by_name(absurd: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"cooldown is {absurd}; write")):
        parse_duration(Decimal(absurd), field="cooldown")
    with pytest.raises(ConfigError, match="since is "):
        parse_instant(absurd, field="since")


@pytest.mark.parametrize("slip", ["10min", "5mins", "30sec", "1hr", "2 hours"])
def test_a_slip_that_people_make_is_shown(slip: str) -> None:
    with pytest.raises(ConfigError, match=f"cooldown is '{slip}'; write a duration"):
        parse_duration(slip, field="cooldown")


@pytest.mark.parametrize("absurd", [10**5000, -(10**5000), "1" * 5000], ids=["int", "negative", "text"])
def test_a_number_of_5000_digits_is_refused_by_name(absurd: object) -> None:
    with pytest.raises(ConfigError, match="cooldown is "):
        parse_duration(absurd, field="cooldown")
    with pytest.raises(ConfigError, match="since is "):
        parse_instant(absurd, field="since")


def test_an_instant_is_read_whatever_the_caller_s_decimal_context_traps() -> None:
    with localcontext() as context:
        context.traps[InvalidOperation] = False
        assert parse_instant("2026-01-01T00:00:00Z", field="at") == 1_767_225_600_000


class Zone(tzinfo):
    """A time zone as any code may be one."""

    def __init__(self, offset: Any) -> None:
        self.offset = offset

    def utcoffset(self, _when: datetime | None) -> timedelta | None:
        if isinstance(self.offset, Exception):
            raise self.offset
        return self.offset  # type: ignore[no-any-return]

    def dst(self, _when: datetime | None) -> None:
        return None

    def tzname(self, _when: datetime | None) -> None:
        return None


@pytest.mark.parametrize("offset", [None, 5, timedelta(days=2), RuntimeError("no table of zones")])
def test_a_time_zone_that_does_not_say_its_offset_is_refused(offset: object) -> None:
    with pytest.raises(ConfigError, match=r"since is .*\(add Z or an offset\)"):
        parse_instant(datetime(2026, 1, 1, tzinfo=Zone(offset)), field="since")


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


@pytest.mark.parametrize(
    "written",
    ["yesterday", "nan", "-1", True, None, 10**15, "inf", [1], "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z"],
)
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
        (3_540_001, "59m", "59m1s"),
        (82_800_001, "23h", "23h1m"),
        (86_399_001, "23h59m", "1d"),
    ],
)
def test_said_durations(ms: int, said: str, said_up: str) -> None:
    assert say_duration(ms) == said
    assert say_duration(ms, up=True) == said_up


@given(st.integers(0, MAX_DURATION_MS) | st.integers(0, 7_200_000))
def test_what_is_said_can_be_read_to_its_second_unit(ms: int) -> None:
    said, said_up = say_duration(ms), say_duration(ms, up=True)
    assert 0 <= ms - parse_duration(said, field="x") < _least_said_ms(ms)
    assert 0 <= parse_duration(said_up, field="x") - ms < _least_said_ms(ms)
    assert len(re.findall("[a-z]+", said)) <= 2


def _least_said_ms(ms: int) -> int:
    """What is left out is less than this: nothing under a second, then the second largest unit."""
    for from_ms, least_ms in ((86_400_000, 3_600_000), (3_600_000, 60_000), (1_000, 1_000)):
        if ms >= from_ms:
            return least_ms
    return 1


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (192_000, "3m12s ago"),
        (0, "0s ago"),
        (-999, "0s ago"),
        (-1_000, "1s ahead of this clock"),
        (-61_001, "1m2s ahead of this clock"),
    ],
)
def test_an_age_is_never_told_of_the_future(ms: int, said: str) -> None:
    assert say_age(ms) == said
