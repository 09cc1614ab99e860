"""How far a service's clock is from this machine's, from the ``Date`` of its answers.

``Date`` has whole seconds, so one answer says only: the service read its clock within that second, between our sending
and our receiving. Each further answer narrows it. Where they contradict each other a clock was set, and the newest
counts.

A clock within 2 s is left alone: two machines uncorrected in either direction, each with the half second that one
answer cannot tell, are at most 5 s apart (``DynamoDBStore.clock_margin_ms``).
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, Final

from holdoff.core.units import http_date_ms

log: Final = logging.getLogger("holdoff.aws.clock")

#: This machine's time is corrected only if the service's clock is further off than this.
OFFSET_MS: Final = 2_000
#: Answers that took longer say too little.
QUICK_MS: Final = 1_000


class ServiceClock:
    """What is known of one service's clock. Two threads that learn at once lose no more than one of the answers."""

    def __init__(self) -> None:
        #: Between these lies what to add to this machine's time.
        self._bounds_ms: tuple[int, int] | None = None
        self._warned = False

    def saw(self, answer: Any, sent_ms: int, received_ms: int) -> None:
        """Narrow the estimate by an answer. One that is slow, or is not the service's, is left out."""
        date_ms = _date_ms(answer)
        if date_ms is None or not 0 <= received_ms - sent_ms <= QUICK_MS:
            return
        low_ms, high_ms = date_ms - received_ms, date_ms + 1_000 - sent_ms
        if (known := self._bounds_ms) is not None and max(low_ms, known[0]) <= min(high_ms, known[1]):
            low_ms, high_ms = max(low_ms, known[0]), min(high_ms, known[1])
        self._bounds_ms = low_ms, high_ms
        if (offset_ms := self.offset_ms()) and not self._warned:
            self._warned = True
            log.warning(
                "this machine's clock is %.1f s %s the service's; Holdoff corrects for it, and setting it is better",
                abs(offset_ms) / 1000,
                "behind" if offset_ms > 0 else "ahead of",
            )

    def offset_ms(self) -> int:
        """What to add to this machine's time for the service's; 0 where they are at most 2 s apart, or not known."""
        measured = self.measured_ms()
        return measured[0] if measured is not None and abs(measured[0]) > OFFSET_MS else 0

    def measured_ms(self) -> tuple[int, int] | None:
        """What to add to this machine's time for the service's, corrected or not, and how much it may be off."""
        if (known := self._bounds_ms) is None:
            return None
        low_ms, high_ms = known
        return (low_ms + high_ms) // 2, (high_ms - low_ms + 1) // 2


def _date_ms(answer: Any) -> int | None:
    try:
        metadata = answer["ResponseMetadata"]  # without a request's id it is a proxy's answer, by a clock of its own
        return _instant_ms(metadata["HTTPHeaders"]["date"]) if metadata["RequestId"] else None
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        return None


_instant_ms = lru_cache(maxsize=4)(http_date_ms)  # the answers of one second have the same
