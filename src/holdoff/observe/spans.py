"""OpenTelemetry spans, where the process has loaded OpenTelemetry; else nothing, at no cost.

Holdoff imports nothing for it: who traces a function has an SDK (a layer, ``opentelemetry-instrument``) that was loaded
before us. So a cold start without it pays nothing, and no setting is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from holdoff.core.decision import Decision, Outcome


@contextmanager
def span(name: str, attributes: Mapping[str, object]) -> Iterator[Callable[[Decision], None]]:
    """A span around the block, which calls what it is given with its decision. An error that leaves the block is
    recorded; a start that failed is an error of the span's, too. Attributes that are ``None`` are left out; none
    carries an event."""
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
