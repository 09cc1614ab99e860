"""The difference between a service's clock and this machine's, from the ``Date`` of the service's answers.

``Date`` has whole seconds. So one answer says only: the service read its clock within that second, after we sent the
request and before we received the answer. Each further answer narrows the estimate. If an answer contradicts the
estimate, a clock was set, and the newest answer counts.

A difference of up to 2 s is not corrected. Two machines that are not corrected, one ahead and one behind, each with the
half second that one answer leaves open, are at most 5 s apart (``DynamoDBStore.clock_margin_ms``).
"""

from __future__ import annotations

import logging
from typing import Any, Final

from holdoff.clock import http_date_ms

log: Final = logging.getLogger("holdoff.aws.clock")

#: This machine's time is corrected only if the service's clock differs by more than this.
OFFSET_MS: Final = 2_000
#: An answer that took longer than this is not used.
QUICK_MS: Final = 1_000


class ServiceClock:
    """What is known of one service's clock. If two threads narrow the estimate at once, one of the answers is lost."""

    def __init__(self) -> None:
        #: The amount to add to this machine's time lies between these.
        self._bounds_ms: tuple[int, int] | None = None
        self._warned = False

    def saw(self, answer: Any, sent_ms: int, received_ms: int) -> None:
        """Narrow the estimate by an answer. A slow answer, or one that is not the service's, is ignored."""
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
        """What to add to this machine's time for the service's. 0: they are at most 2 s apart, or it is not known."""
        measured = self.measured_ms()
        return measured[0] if measured is not None and abs(measured[0]) > OFFSET_MS else 0

    def measured_ms(self) -> tuple[int, int] | None:
        """What to add to this machine's time for the service's, even if it is under 2 s, and how exact that is."""
        if (known := self._bounds_ms) is None:
            return None
        low_ms, high_ms = known
        return (low_ms + high_ms) // 2, (high_ms - low_ms + 1) // 2


def _date_ms(answer: Any) -> int | None:
    try:
        metadata = answer["ResponseMetadata"]  # without a request's id it is a proxy's answer, with the proxy's time
        return http_date_ms(metadata["HTTPHeaders"]["date"]) if metadata["RequestId"] else None
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        return None
