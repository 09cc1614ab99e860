"""Reads instants as services, logs and people write them: ISO 8601, RFC 2822, Apache's form, epoch numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from holdoff.core.errors import UsageError
from holdoff.core.units import MAX_INSTANT_MS

Zone = tzinfo
#: What is uncertain about an instant: nothing; its zone, because the text has none; or, at a change of clocks, which of
#: two instants is meant or whether it existed: then the time before the change counts.
Doubt = Literal["none", "zone", "clock change"]
#: Names of columns with times, without marks and capitals, the likeliest first. ``start`` comes before ``update``: a
#: run ends after its trigger.
TIMES: Final = (
    *("createdat", "created", "timestamp", "time", "eventtime", "eventtimestamp", "at", "datetime", "occurredat"),
    *("receivedat", "pushedat", "publishedat", "committedat", "committerdate", "queuedat", "createtime", "starttime"),
    *("startedat", "started", "runstartedat", "decided", "date", "updatedat", "ts"),
)
#: A smaller number (1973, in seconds) is not an instant but a count or an id.
_LEAST: Final = 100_000_000
#: A number below the first limit is in seconds, below the second in milliseconds, below the third in microseconds.
_UNITS: Final = ((100_000_000_000, 1000), (100_000_000_000_000, 1), (10**17, Decimal("0.001")))
_NANOSECONDS: Final = Decimal("0.000001")
_NUMBER: Final = re.compile(r"\d{9,19}(\.\d+)?")
#: A space before the offset, or UTC in words.
_SPACED: Final = re.compile(r"\s+(?:UTC|GMT|Z)$|\s+(?=[+-]\d\d:?\d\d$)")
_HALF_DAY: Final = re.compile(r"\d\s*[ap]\.?m\b", re.IGNORECASE)
_DATE: Final = re.compile(r"\d{4}-?\d\d-?\d\d")
#: A date in numbers, and the time after it.
_IN_NUMBERS: Final = re.compile(r"(\d{1,4})([-/.])(\d\d?)\2(\d{1,4})(?:[, T]+(\d.*))?")
#: JavaScript's: ``GMT+0100``, an offset that ``parsedate_to_datetime`` would leave out.
_GMT: Final = re.compile(r"\bGMT(?=[+-]\d{4})")
#: ``20260302090010``; in milliseconds it would be after the year 2600.
_COMPACT: Final = re.compile(r"^((?:19|20)\d{6})(\d{6})$")


def zone_named(name: str) -> Zone:
    """A zone by its name in the tz database. An unknown name raises UsageError."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        if not available_timezones():
            raise UsageError("--zone needs the tz database, and this machine has none: install tzdata") from None
        raise UsageError("--zone is no known time zone; write one such as 'Europe/Berlin' or 'UTC'") from None


def ms_of(value: object, zone: Zone | None) -> tuple[int, Doubt]:
    """Epoch milliseconds, and what is uncertain about them. A value that is no instant raises ValueError, whose message
    does not have the value. ``zone``: of a time without one; ``None``: UTC."""
    if isinstance(value, str | int):
        return _of_text(str(value).strip(), zone)
    if isinstance(value, float):
        return _of_number(Decimal(repr(value))), "none"
    raise ValueError("is missing" if value is None else "is no time")


def ms_or_none(value: object, zone: Zone | None) -> int | None:
    """Epoch milliseconds; ``None``: the value is no instant."""
    try:
        return ms_of(value, zone)[0]
    except ValueError:
        return None


def _of_number(number: Decimal) -> int:
    if not number.is_finite() or number < _LEAST:
        raise ValueError("is no time")
    factor = next((factor for beyond, factor in _UNITS if number < beyond), _NANOSECONDS)
    return _checked(int(number * factor))


def _of_text(text: str, zone: Zone | None) -> tuple[int, Doubt]:
    if text[4:5] == "-" and ":" in text:  # the commonest first
        try:
            return _of_datetime(datetime.fromisoformat(text), zone)
        except ValueError:
            pass  # in another form or out of range: the code below finds out
    if not text:
        raise ValueError("is missing")
    text = _COMPACT.sub(r"\1T\2", text) if text.isdecimal() else _GMT.sub("", _year_first(text))
    if _NUMBER.fullmatch(text):
        return _of_number(Decimal(text)), "none"
    if _HALF_DAY.search(text):  # which ``parsedate_to_datetime`` would leave out
        raise ValueError("has AM or PM, and not 24 hours")
    if _DATE.fullmatch(text):
        raise ValueError("is a date without a time")
    for parse in (_iso, parsedate_to_datetime, _apache):
        try:
            found = parse(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return _of_datetime(found, zone)
    raise ValueError("is no time")


def _year_first(text: str) -> str:
    """A time of a spreadsheet (``2.3.2026 9:05``, ``2026/3/2 9:05``) in the form of ISO 8601; other texts unchanged."""
    found = _IN_NUMBERS.fullmatch(text)
    year, mark, month, day, rest = found.groups("") if found else [""] * 5
    if not rest and 4 not in (len(year), len(day)):
        return text  # a version's number, for example
    if mark == "." and len(day) == 4:
        year, day = day, year
    if len(year) != 4:
        raise ValueError("may begin with the day or the month: write 2026-12-31 09:00")
    time = f"0{rest}" if rest[1:2] == ":" else rest
    return f"{year}-{month:0>2}-{day:0>2} {time}".rstrip()


def _iso(text: str) -> datetime:
    utc = "+00:00" if text.endswith(("UTC", "GMT", " Z")) else ""
    return datetime.fromisoformat(_SPACED.sub("", text) + utc)


def _apache(text: str) -> datetime:
    return datetime.strptime(text.strip("[]"), "%d/%b/%Y:%H:%M:%S %z")


def _of_datetime(found: datetime, zone: Zone | None) -> tuple[int, Doubt]:
    doubt: Doubt = "none"
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone or UTC)
        is_double = found.utcoffset() != found.replace(fold=1).utcoffset()
        doubt = "clock change" if is_double else "zone"
    return _checked(round(found.timestamp() * 1000)), doubt


def _checked(ms: int) -> int:
    if not 0 <= ms <= MAX_INSTANT_MS:
        raise ValueError("is out of range")
    return ms


def plain(name: str) -> str:
    """A column's name without punctuation and capitals."""
    return "".join(filter(str.isalnum, name)).lower()
