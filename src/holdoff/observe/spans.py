"""OpenTelemetry spans, where the process has loaded OpenTelemetry; else nothing, at no cost.

Holdoff imports nothing for it: who traces a function has an SDK (a layer, ``opentelemetry-instrument``) that was loaded
before us. So a cold start without it pays nothing, and no setting is needed.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdoff.core.decision import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from holdoff.core.decision import Decision


class Span:
    """What is under way. Its attributes are ``holdoff.*``; they carry no event."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def set(self, **attributes: str | int | float | bool | None) -> None:
        """Attributes, without their ``holdoff.``; those that are ``None`` are left out."""
        if self._span is None:
            return
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(f"holdoff.{name}", value)

    def decided(self, decision: Decision) -> None:
        """What became of it. A start that failed is an error of the span's, too."""
        self.set(
            project=decision.project,
            region=decision.region,
            outcome=str(decision.outcome),
            why=str(decision.why),
            decision_id=decision.id,
            build_id=decision.build_id,
        )
        if self._span is not None and decision.outcome is Outcome.FAILED:
            trace = sys.modules["opentelemetry.trace"]
            self._span.set_status(trace.StatusCode.ERROR, str(decision.why))


NOTHING = Span()


@contextmanager
def span(name: str, attributes: Mapping[str, str | int | float | bool | None]) -> Iterator[Span]:
    """A span around the block. An error that leaves the block is recorded with it.

    Args:
        name: such as ``holdoff.trigger``.
        attributes: as ``Span.set`` takes them.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield NOTHING
        return
    with trace.get_tracer("holdoff").start_as_current_span(name) as started:
        current = Span(started)
        current.set(**attributes)
        yield current
