"""Reads instants as services, logs and people write them: ISO 8601, RFC 2822, epoch numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final

from holdoff.core.errors import UsageError
from holdoff.core.units import MAX_INSTANT_MS

Zone = tzinfo
#: A smaller number (1973, in seconds) is not an instant but a count or an id.
_LEAST: Final = 100_000_000
#: A number below this is in seconds; otherwise it is in milliseconds.
_IN_SECONDS: Final = 100_000_000_000
_NUMBER: Final = re.compile(r"\d{9,13}(\.\d+)?")
#: A space before the offset, or UTC in words.
_SPACED: Final = re.compile(r"\s+(?:UTC|GMT|Z)$|\s+(?=[+-]\d\d:?\d\d$)")
_DATE: Final = re.compile(r"\d{4}-?\d\d-?\d\d")
#: The whole form: of another text ``parsedate_to_datetime`` leaves out what it does not know, such as ``PM``.
_RFC_2822: Final = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT|UTC)"
)


def zone_named(name: str) -> Zone:
    """A zone by its name in the tz database. An unknown name raises UsageError."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise UsageError("--zone is no known time zone; write one such as 'Europe/Berlin' or 'UTC'") from None


def ms_of(value: object, zone: Zone | None) -> tuple[int, bool]:
    """Epoch milliseconds, and whether the value has a zone. A value that is no instant raises ValueError, whose message
    does not have the value. ``zone``: of a time without one; ``None``: UTC."""
    if isinstance(value, float):
        return _of_number(Decimal(repr(value))), True
    if isinstance(value, str | int) and not isinstance(value, bool):
        return _of_text(str(value).strip(), zone)
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
    return _checked(int(number * 1000 if number < _IN_SECONDS else number))


def _of_text(text: str, zone: Zone | None) -> tuple[int, bool]:
    if not text:
        raise ValueError("is missing")
    if _NUMBER.fullmatch(text):
        return _of_number(Decimal(text)), True
    if _DATE.fullmatch(text):
        raise ValueError("is a date without a time")
    try:
        found = parsedate_to_datetime(text) if _RFC_2822.fullmatch(text) else _iso(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise ValueError("is no time") from None
    return _of_datetime(found, zone)


def _iso(text: str) -> datetime:
    utc = "+00:00" if text.endswith(("UTC", "GMT", " Z")) else ""
    return datetime.fromisoformat(_SPACED.sub("", text) + utc)


def _of_datetime(found: datetime, zone: Zone | None) -> tuple[int, bool]:
    has_zone = found.tzinfo is not None
    if not has_zone:
        found = found.replace(tzinfo=zone or UTC)
    try:
        return _checked(round(found.timestamp() * 1000)), has_zone
    except (OverflowError, ValueError, OSError):
        raise ValueError("is out of range") from None


def _checked(ms: int) -> int:
    if not 0 <= ms <= MAX_INSTANT_MS:
        raise ValueError("is out of range")
    return ms


def plain(name: str) -> str:
    """A column's name without punctuation and capitals."""
    return "".join(filter(str.isalnum, name)).lower()
