"""The log of an ingress: a line for each decision, error and sweep, with its metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdoff.clock import Clock
from holdoff.core.decision import Decision
from holdoff.core.request import Request
from holdoff.core.units import iso
from holdoff.observe.log import decision_line, error_line, sweep_line
from holdoff.observe.metrics import with_metrics


class EventLog:
    """Writes the lines. ``function``: the name of the Lambda function; ``None``: there is none, and the lines have no
    metrics."""

    def __init__(
        self, write: Callable[[dict[str, object]], None], *, clock: Clock, function: str | None = None
    ) -> None:
        self._write = write
        self._clock = clock
        self._function = function

    def decided(self, decision: Decision, request: Request | None, **more: Any) -> None:
        """A decision on a request, or (``None``) on a wake; ``more`` as of ``decision_line``."""
        shown = ("event_id", "source_version", "reason")
        asked = {} if request is None else {name: getattr(request, name) for name in shown}
        self._measured(decision_line(decision, **asked, **more))

    def failed(self, error: BaseException, **more: Any) -> None:
        """A failure, before a decision or after it; ``more`` as of ``error_line``."""
        self._measured(error_line(error, now_ms=self._clock.now_ms(), **more))

    def swept(self, **found: Any) -> None:
        """A sweep; ``found`` as of ``sweep_line``."""
        self._measured(sweep_line(**found, now_ms=self._clock.now_ms()))

    def noted(self, event: str, **more: object) -> None:
        """Anything else that happened."""
        self._write({"timestamp": iso(self._clock.now_ms()), "level": "INFO", "event": event, **more})

    def _measured(self, line: dict[str, object]) -> None:
        self._write(line if self._function is None else with_metrics(line, function=self._function))
