"""OpenTelemetry spans, if the process has loaded OpenTelemetry.

Holdoff does not import it: a user who traces a function has an SDK (a layer, ``opentelemetry-instrument``) that is
loaded before Holdoff. So a cold start without it costs nothing, and no setting is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from holdoff.core.decision import Decision, Outcome


@contextmanager
def span(name: str, attributes: Mapping[str, object]) -> Iterator[Callable[[Decision], None]]:
    """A span around the block, which calls the function that it gets with its decision. The span records an error that
    leaves the block. A failed start is an error, too. Attributes that are ``None`` are left out. None has an event's
    content."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield lambda _decision: None
        return
    with trace.get_tracer("holdoff").start_as_current_span(name) as current:
        _set(current, attributes)

        def decided(decision: Decision) -> None:
            told, names = decision.to_dict(), ("project", "region", "outcome", "why", "build_id")
            _set(current, {name: told[name] for name in names} | {"decision_id": decision.id})
            if decision.outcome is Outcome.FAILED:
                current.set_status(trace.StatusCode.ERROR, str(decision.why))

        yield decided


def _set(current: Any, attributes: Mapping[str, object]) -> None:
    for name, value in attributes.items():
        if value is not None:
            current.set_attribute(f"holdoff.{name}", value)
