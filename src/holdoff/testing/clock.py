"""A clock that a test moves."""

from __future__ import annotations

import threading
from hashlib import blake2b

from holdoff.core.units import Duration, Instant, parse_duration, parse_instant


class ManualClock:
    """A ``Clock`` for tests: time passes only by ``advance``, ``set`` and ``sleep``; its random bits are repeatable.

    Args:
        start: an ISO 8601 instant or epoch seconds.
        seed: another seed gives other tokens. Two clocks on one store need two seeds.

    >>> clock = ManualClock("2026-01-01T00:00:00Z")
    >>> clock.advance("10m")
    """

    def __init__(self, start: Instant = "2026-01-01T00:00:00Z", *, seed: int = 0) -> None:
        self._now_ms = parse_instant(start, field="start")
        self._seed = seed
        self._drawn = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return self._now_ms

    def advance(self, duration: Duration) -> None:
        """Let time pass: ``"10m"``, seconds or a ``timedelta``."""
        with self._lock:
            self._now_ms += parse_duration(duration, field="duration")

    def set(self, instant: Instant) -> None:
        """Set the clock, also backwards."""
        with self._lock:
            self._now_ms = parse_instant(instant, field="instant")

    def sleep(self, ms: int) -> None:
        """Time passes at once."""
        with self._lock:
            self._now_ms += ms

    def random(self, bits: int) -> int:
        """So many bits: other bits for each call, and the same bits in each run."""
        with self._lock:
            self._drawn += 1
            drawn = f"{self._seed}:{self._drawn}".encode()
        return int.from_bytes(blake2b(drawn, digest_size=32).digest()) >> (256 - bits)
