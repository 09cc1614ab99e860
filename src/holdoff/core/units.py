"""People's durations and instants <-> integer milliseconds.

Inside Holdoff every instant is epoch milliseconds and every duration is milliseconds, both ``int``. What means "not
before" is rounded *up* to the millisecond: waiting a millisecond too long keeps the spacing, starting one too early
breaks it.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

type_of_duration = "a duration such as 90 (seconds), '10m' or '1h30m'"

_UNIT_MS: Final = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[wdhms])")
_ISO = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
#: DynamoDB's numbers have 38 digits, Decimal's default context 28.
_ALL_DIGITS: Final = Context(prec=60)
MAX_DURATION_MS: Final = 366 * 86_400_000
#: 9999-12-31T23:59:59Z: a later "instant" is a number in another unit, most often milliseconds.
MAX_INSTANT_MS: Final = 253_402_300_799_000


def parse_duration(value: object, *, field: str) -> int:
    """Milliseconds from what a person wrote.

    Args:
        value: seconds (``int``, ``float``, ``Decimal`` or a string of digits), ``'10m'``, ``'1h30m'``, ``'250ms'``,
            an ISO 8601 duration (``'PT10M'``; no years or months) or a ``timedelta``.
        field: what the error calls it.

    Returns:
        Whole milliseconds, rounded up.

    Raises:
        ConfigError: not a duration, negative, or longer than 366 days.
    """
    exact = _duration_ms(value)
    if exact is None or not exact.is_finite():
        raise ConfigError(field=field, got=value, want=type_of_duration)
    if exact < 0:
        raise ConfigError(
            field=field, got=value, want="zero or more: a duration cannot be negative"
        )
    if exact > MAX_DURATION_MS:
        raise ConfigError(field=field, got=value, want="at most 366d")
    return ceil_ms(exact)


def _duration_ms(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)) * 1000
    if isinstance(value, str):
        return _text_ms(value.strip())
    return _timedelta_ms(value)


def _timedelta_ms(value: object) -> Decimal | None:
    from datetime import timedelta

    if not isinstance(value, timedelta):
        return None
    microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return Decimal(microseconds) / 1000


def _text_ms(text: str) -> Decimal | None:
    if not text.isascii():
        return None
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return Decimal(text) * 1000
    iso = _ISO.fullmatch(text)
    if iso and any(iso.groups()):
        amounts = zip("wdhms", iso.groups(), strict=True)
        return sum((Decimal(n) * _UNIT_MS[unit] for unit, n in amounts if n), Decimal(0))
    parts = _PART.findall(text)
    in_order = [list(_UNIT_MS).index(unit) for _, unit in parts]
    if "".join(n + unit for n, unit in parts) != text or not parts:
        return None
    if in_order != sorted(set(in_order)):  # '5m1h' and '5m5m' are slips, not durations
        return None
    return sum((Decimal(n) * _UNIT_MS[unit] for n, unit in parts), Decimal(0))


def ceil_ms(exact: Decimal) -> int:
    """Whole milliseconds from exact ones, rounded up."""
    return int(exact.to_integral_value(rounding=ROUND_CEILING))


def ms_from_seconds(seconds: Decimal) -> int:
    """Epoch milliseconds, rounded up, from epoch seconds as they stand in a store."""
    return ceil_ms(seconds.scaleb(3, _ALL_DIGITS))


def seconds_from_ms(ms: int) -> Decimal:
    """Epoch seconds as they are stored: whole where they are whole, else with a fraction."""
    return Decimal(ms // 1000) if ms % 1000 == 0 else Decimal(ms).scaleb(-3)


def parse_instant(value: object, *, field: str) -> int:
    """Epoch milliseconds from an ISO 8601 instant with its offset, an aware ``datetime`` or epoch seconds.

    Raises:
        ConfigError: not an instant, or one without an offset from UTC.
    """
    from datetime import datetime

    want = "an instant such as '2026-01-01T09:00:00Z', or epoch seconds"
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except InvalidOperation:
            try:
                value = datetime.fromisoformat(str(value))
            except ValueError:
                raise ConfigError(field=field, got=value, want=want) from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ConfigError(field=field, got=str(value), want=want + " (add Z or an offset)")
        return _datetime_ms(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        seconds = Decimal(str(value))
        if seconds.is_finite() and 0 <= seconds * 1000 <= MAX_INSTANT_MS:
            return ms_from_seconds(seconds)
    raise ConfigError(field=field, got=value, want=want)


def _datetime_ms(value: datetime) -> int:
    from datetime import UTC, datetime

    since: timedelta = value - datetime(1970, 1, 1, tzinfo=UTC)
    return ceil_ms(
        Decimal((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) / 1000
    )


def to_datetime(ms: int) -> datetime:
    """The aware UTC ``datetime`` of an instant."""
    from datetime import UTC, datetime, timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(ms, MAX_INSTANT_MS))


def iso(ms: int) -> str:
    """An instant as a machine reads it: ``2026-01-01T09:00:00.000Z``."""
    return to_datetime(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def say_duration(ms: int, *, up: bool = False) -> str:
    """A duration as a person says it, in its two largest units: ``3m12s``, ``2d4h``, ``450ms``.

    Args:
        ms: milliseconds, zero or more.
        up: round up (a wait) instead of down (an age).
    """
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    units = list(_UNIT_MS.items())[1:5]
    for (big, big_ms), (small, small_ms) in pairwise(units):
        rounded = -(-ms // small_ms) * small_ms if up else ms
        if rounded >= big_ms:
            count, rest = divmod(rounded, big_ms)
            return f"{count}{big}{rest // small_ms}{small}" if rest >= small_ms else f"{count}{big}"
    return f"{-(-ms // 1000) if up else ms // 1000}s"
