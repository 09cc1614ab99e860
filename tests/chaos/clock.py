"""A clock that runs faster than the wall's, the same in every process of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from holdoff.clock import SystemClock

SPEED = 20


@dataclass(frozen=True)
class Origin:
    """Where a run's time begins: an instant, and what the machine's monotonic clock (one for all) showed then."""

    at_ms: int
    monotonic_ns: int

    @classmethod
    def now(cls) -> Origin:
        return cls(time.time_ns() // 1_000_000, time.monotonic_ns())


class FastClock(SystemClock):
    """Time since the origin, ``SPEED`` times as fast. ``skip`` moves this object's time ahead, and no other's."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._skipped_ms = 0

    def now_ms(self) -> int:
        passed_ns = time.monotonic_ns() - self._origin.monotonic_ns
        return self._origin.at_ms + passed_ns * SPEED // 1_000_000 + self._skipped_ms

    def sleep(self, ms: int) -> None:
        time.sleep(ms / 1000 / SPEED)

    def skip(self, ms: int) -> None:
        self._skipped_ms += ms
