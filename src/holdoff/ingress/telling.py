"""What an ingress says of what it does: a log line for each decision, error and sweep, with the metrics it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdoff.core.units import iso
from holdoff.observe.log import decision_line, error_line
from holdoff.observe.metrics import sweep_line, with_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.clock import Clock
    from holdoff.core.decision import Decision


class Telling:
    """Says it.

    Args:
        tell: takes the lines.
        function: who says so.
    """

    def __init__(
        self, tell: Callable[[dict[str, object]], None], *, clock: Clock, function: str
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._function = function

    def decided(self, decision: Decision, **more: Any) -> None:
        """A decision; ``more`` as of ``decision_line``."""
        self._tell(with_metrics(decision_line(decision, **more), function=self._function))

    def failed(self, error: BaseException, *, kind: str, **more: Any) -> None:
        """That no decision could be made, or something after it; ``more`` as of ``error_line``."""
        line = error_line(error, kind=kind, now_ms=self._clock.now_ms(), **more)
        self._tell(with_metrics(line, function=self._function))

    def swept(self, **found: Any) -> None:
        """What a sweep found, as of ``sweep_line``."""
        self._tell(sweep_line(**found, now_ms=self._clock.now_ms(), function=self._function))

    def noted(self, event: str, **more: object) -> None:
        """Anything else that happened."""
        self._tell(
            {"timestamp": iso(self._clock.now_ms()), "level": "INFO", "event": event, **more}
        )
