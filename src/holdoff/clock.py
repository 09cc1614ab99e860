"""The only place that reads the time, waits, or draws randomness."""

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

#: A signal that comes just before a wait begins is handled when the wait ends: no single wait is longer than this.
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


def running_ms() -> int:
    """Milliseconds of a clock that is never set, from any starting point: measures how long something takes."""
    return time.monotonic_ns() // 1_000_000


def now_ms(store: object, clock: Clock) -> int:
    """What time it is for the users of a store: its own, where it knows (``clock_offset_ms``), else the clock's."""
    offset = getattr(store, "clock_offset_ms", None)
    return clock.now_ms() + (offset() if offset is not None else 0)


def waits_s(ms: int) -> Iterator[float]:
    """The waits, in seconds, that make up one of ``ms`` milliseconds in which signals are heard."""
    for done_ms in range(0, ms, LONGEST_WAIT_MS):
        yield min(LONGEST_WAIT_MS, ms - done_ms) / 1000


def new_token(clock: Clock) -> str:
    """A token for now: a decision's id and a start's idempotency key."""
    return token.make(clock.now_ms(), clock.random(80))


def new_write_id(clock: Clock) -> str:
    """An id for one write: 7 characters, unlike those of the sixteen writes before it."""
    return token.encode(clock.random(35), 7)
