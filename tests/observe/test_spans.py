"""Spans, where a process traces; and nothing at all where it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StoreUnavailable
from holdoff.observe.spans import span
from tests.observe.test_log import STARTED

UNTRACED = """
import sys
from holdoff.observe.spans import span
with span("holdoff.trigger", {"project": "site"}) as decided:
    decided(None)
loaded = [name for name in sys.modules if name.startswith("opentelemetry")]
sys.exit(f"it loaded {loaded}" if loaded else 0)
"""


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # a process has one, once and for all
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    yield exporter
    processor.shutdown()


def test_nothing_is_loaded_where_nothing_traces() -> None:
    done = subprocess.run([sys.executable, "-c", UNTRACED], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_span_says_what_was_decided(exporter: InMemorySpanExporter) -> None:
    with span("holdoff.trigger", {"project": "asked", "kind": "sqs", "reason": None}) as decided:
        decided(STARTED)
    (found,) = exporter.get_finished_spans()
    assert found.name == "holdoff.trigger"
    assert dict(found.attributes or {}) == {
        "holdoff.project": "site",
        "holdoff.region": "eu-west-1",
        "holdoff.kind": "sqs",
        "holdoff.outcome": "started",
        "holdoff.why": "ready",
        "holdoff.decision_id": "site/eu-west-1/T1",
        "holdoff.build_id": "site-build:1",
    }
    assert found.status.status_code is trace.StatusCode.UNSET


def test_a_failed_start_is_an_error(exporter: InMemorySpanExporter) -> None:
    with span("holdoff.wake", {}) as decided:
        decided(STARTED.but(outcome=Outcome.FAILED, why=Why.START_FAILED))
    (found,) = exporter.get_finished_spans()
    assert found.status.status_code is trace.StatusCode.ERROR
    assert found.status.description == "start_failed"


def test_an_error_is_recorded_and_goes_on(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(StoreUnavailable), span("holdoff.trigger", {}):
        raise StoreUnavailable("no answer")
    (found,) = exporter.get_finished_spans()
    (event,) = found.events
    assert (event.attributes or {})["exception.message"] == "no answer"
    assert found.status.status_code is trace.StatusCode.ERROR


def test_spans_nest(exporter: InMemorySpanExporter) -> None:
    with span("holdoff.sweep", {}), span("holdoff.wake", {}):
        pass
    inner, outer = exporter.get_finished_spans()
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
