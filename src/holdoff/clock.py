"""The only place that reads the time, waits, or draws randomness; and how HTTP writes an instant."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from holdoff.core import token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol
else:
    Protocol = object  # typing takes 2 ms to import, and a command behind us would wait for it

#: A signal that comes just before a wait begins is handled only when that wait ends. So no single wait is longer.
LONGEST_WAIT_MS: Final = 1_000


class Clock(Protocol):
    """What a ``Gate`` takes time and randomness from. ``holdoff.testing.ManualClock`` is one that tests move."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""

    def sleep(self, ms: int) -> None:
        """Let ``ms`` milliseconds pass."""

    def random(self, bits: int) -> int:
        """So many random bits."""


class SystemClock:
    """This machine's clock."""

    def now_ms(self) -> int:
        """Epoch milliseconds, rounded down."""
        return time.time_ns() // 1_000_000

    def sleep(self, ms: int) -> None:
        """Let ``ms`` milliseconds pass; signals interrupt it as they do ``time.sleep``."""
        for part_s in waits_s(ms):
            time.sleep(part_s)

    def random(self, bits: int) -> int:
        """So many random bits from the operating system."""
        return int.from_bytes(os.urandom((bits + 7) // 8)) >> (-bits % 8)


class TimeLimit:
    """A limit that begins now. A clock that is set back to before that says that no time is left."""

    def __init__(self, clock: Clock, ms: int) -> None:
        self._clock, self._ms, self._began_ms = clock, ms, clock.now_ms()

    def left_ms(self) -> int:
        """The time that is left; 0: it is over."""
        done_ms = self._clock.now_ms() - self._began_ms
        return max(0, self._ms - done_ms) if done_ms >= 0 else 0


def running_ms() -> int:
    """Milliseconds of a clock that is never set, from an arbitrary start: for measuring how long something takes."""
    return time.monotonic_ns() // 1_000_000


def now_ms(store: object, clock: Clock) -> int:
    """The time for the users of a store: this clock's, corrected where the store knows better (``clock_offset_ms``)."""
    offset = getattr(store, "clock_offset_ms", None)
    return clock.now_ms() + (offset() if offset is not None else 0)


def waits_s(ms: int) -> Iterator[float]:
    """Short waits, in seconds, that together make ``ms`` milliseconds. Signals are handled between them."""
    for done_ms in range(0, ms, LONGEST_WAIT_MS):
        yield min(LONGEST_WAIT_MS, ms - done_ms) / 1000


def new_token(clock: Clock) -> str:
    """A token with the present instant: a decision's id and a start's idempotency key."""
    return token.make(clock.now_ms(), clock.random(80))


def new_write_id(clock: Clock) -> str:
    """An id for one write: 7 random characters, enough to differ from the ids of the sixteen writes before it."""
    return token.encode(clock.random(35), 7)


def http_date_ms(text: str) -> int:
    """The instant of an HTTP date, which is GMT, even in a form without a zone (RFC 9110, 5.6.7).

    Raises:
        ValueError: not an HTTP date.
    """
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    return int(parsedate_to_datetime(text).replace(tzinfo=UTC).timestamp()) * 1_000
