"""People's durations and instants <-> integer milliseconds.

Inside Holdoff every instant is epoch milliseconds and every duration is milliseconds, both ``int``. Fractions are
rounded *up*: to wait a millisecond too long keeps the spacing, to start a millisecond too early breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_CEILING, Context, Decimal
from itertools import pairwise

from holdoff.core.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Final, TypeAlias, TypeGuard

# Texts, which type checkers read as types.
Duration: TypeAlias = "float | str | Decimal | timedelta"
Instant: TypeAlias = "float | str | Decimal | datetime"

#: What would be right, in an error about a duration.
A_DURATION: Final = "a duration such as 90 (seconds), '10m' or '1h30m'"

_UNIT_MS: Final = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
#: From days to seconds, each with the next smaller one.
_PAIRS: Final = tuple(pairwise(list(_UNIT_MS.items())[1:5]))
#: For sums and products that lose no digit and raise nothing. The thread's own context keeps 28 digits by default.
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
MAX_DURATION_MS: Final = 366 * 86_400_000
#: 9999-12-31T23:59:59Z: a later "instant" is a number in another unit, most often milliseconds.
MAX_INSTANT_MS: Final = 253_402_300_799_000


def _in_order(units: Iterable[str]) -> str:
    return "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in units)


# Compiled when needed: most processes need one of them, or none.
_PARTS: Final = _in_order(_UNIT_MS)
_ISO: Final = rf"P{_in_order('WD')}(?:T(?=\d){_in_order('HMS')})?"


def parse_duration(value: object, *, field: str) -> int:
    """Whole milliseconds, rounded up, from what a person wrote.

    Args:
        value: seconds (``int``, ``float``, ``Decimal`` or a string of digits), ``'10m'``, ``'1h30m'``, ``'250ms'``,
            an ISO 8601 duration (``'PT10M'``; no years or months) or a ``timedelta``.
        field: what the error calls it.

    Raises:
        ConfigError: not a duration, negative, or longer than 366 days.
    """
    exact = _duration_ms(value)
    if exact is None or not exact.is_finite():
        raise ConfigError(field=field, got=value, want=A_DURATION)
    if exact < 0:
        raise ConfigError(field=field, got=value, want="zero or more: a duration cannot be negative")
    if exact > MAX_DURATION_MS:
        raise ConfigError(field=field, got=value, want="at most 366d")
    return ceil_ms(exact)


def optional_duration(value: object, *, field: str) -> int | None:
    """A duration above zero, as ``parse_duration`` reads it; ``None``: there is none."""
    if value is None:
        return None
    ms = parse_duration(value, field=field)
    if ms == 0:
        raise ConfigError(field=field, got=value, want="more than zero, or leave it out")
    return ms


def _duration_ms(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _ms(value)
    if isinstance(value, str):
        return _text_ms(value.strip())
    return _timedelta_ms(value)


def _timedelta_ms(value: object) -> Decimal | None:
    from datetime import timedelta

    if not isinstance(value, timedelta):
        return None
    return Decimal(value // timedelta(microseconds=1)).scaleb(-3, _EXACT)


def _text_ms(text: str) -> Decimal | None:
    if not text.isascii():
        return None
    if text[:-1].isdigit() and text[-1] in _UNIT_MS:  # the most usual form, without a pattern to compile
        return _EXACT.multiply(Decimal(text[:-1]), _UNIT_MS[text[-1]])
    if text.isdigit() or re.fullmatch(r"-?\d+(\.\d+)?", text):
        return _ms(Decimal(text))
    parts = re.fullmatch(_ISO if text.startswith("P") else _PARTS, text)
    if parts is None or not any(parts.groups()):
        return None
    total = Decimal(0)
    for amount, unit_ms in zip(parts.groups(default="0"), _UNIT_MS.values(), strict=False):
        total = _EXACT.fma(Decimal(amount), unit_ms, total)
    return total


def _ms(seconds: float | Decimal) -> Decimal:
    """Exact milliseconds of a number as it is written. An ``int`` may have any length (Python prints at most 4,300
    digits). Not by ``scaleb``, which refuses absurd exponents."""
    exact = Decimal(float.__repr__(seconds) if isinstance(seconds, float) else seconds)
    return _EXACT.multiply(exact, 1000)


def is_whole(value: object, least: int, most: int) -> TypeGuard[int]:
    """Whether it is a whole number within bounds; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def ceil_ms(exact: Decimal) -> int:
    """Whole milliseconds from exact ones, rounded up."""
    return int(exact.to_integral_value(rounding=ROUND_CEILING))


def ms_from_seconds(seconds: Decimal) -> int:
    """Epoch milliseconds, rounded up, from epoch seconds as they stand in a store."""
    return ceil_ms(_ms(seconds))


def seconds_from_ms(ms: int) -> Decimal:
    """Epoch seconds as they are stored: whole if possible, else with a fraction."""
    return Decimal(ms // 1000) if ms % 1000 == 0 else Decimal(ms).scaleb(-3, _EXACT)


def parse_instant(value: object, *, field: str) -> int:
    """Epoch milliseconds from an ISO 8601 instant with its offset, an aware ``datetime`` or epoch seconds.

    Raises:
        ConfigError: not an instant, or one without an offset from UTC.
    """
    from datetime import datetime

    want = "an instant such as '2026-01-01T09:00:00Z', or epoch seconds"
    found = _number_or_datetime(value) if isinstance(value, str) else value
    exact: Decimal | None = None
    if isinstance(found, datetime):
        exact = _datetime_ms(found)
        if exact is None:
            naive = str(found.replace(tzinfo=None))
            raise ConfigError(field=field, got=naive, want=want + " (add Z or an offset)")
    elif isinstance(found, int | float | Decimal) and not isinstance(found, bool):
        exact = _ms(found)
    if exact is None or not exact.is_finite() or not 0 <= exact <= MAX_INSTANT_MS:
        raise ConfigError(field=field, got=value, want=want)
    return ceil_ms(exact)


def _number_or_datetime(text: str) -> object:
    from datetime import datetime

    number = Decimal(text, _EXACT)
    if not number.is_nan():
        return number
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _datetime_ms(value: datetime) -> Decimal | None:
    """``None``: it has no offset from UTC, or its time zone, which may be any code, raises an error."""
    from datetime import datetime

    try:
        offset = value.utcoffset()
    except Exception:  # noqa: BLE001
        return None
    return None if offset is None else _timedelta_ms(value.replace(tzinfo=None) - datetime(1970, 1, 1) - offset)  # noqa: DTZ001


def to_datetime(ms: int) -> datetime:
    """The aware UTC ``datetime`` of an instant."""
    from datetime import UTC, datetime, timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(ms, MAX_INSTANT_MS))


def iso(ms: int) -> str:
    """An instant as a machine reads it: ``2026-01-01T09:00:00.000Z``."""
    return to_datetime(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def say_age(ms: int) -> str:
    """How long ago something was, for people: ``3m12s ago``. Below zero, another clock is ahead of this one."""
    if ms > -1_000:
        return f"{say_duration(max(0, ms))} ago"
    return f"{say_duration(-ms, up=True)} ahead of this clock"


def say_duration(ms: int, *, up: bool = False) -> str:
    """A duration for people, to its second largest unit: ``3m12s``, ``2d4h``, ``450ms``. ``up``: rounded up (a wait)
    instead of down (an age)."""
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    least_ms = next((small_ms for (_, big_ms), (_, small_ms) in _PAIRS if ms >= big_ms), 1000)
    said_ms = (-(-ms // least_ms) if up else ms // least_ms) * least_ms
    for (big, big_ms), (small, small_ms) in _PAIRS:
        if said_ms >= big_ms:
            count, rest = divmod(said_ms, big_ms)
            return f"{count}{big}{rest // small_ms}{small}" if rest >= small_ms else f"{count}{big}"
    return f"{said_ms // 1000}s"
