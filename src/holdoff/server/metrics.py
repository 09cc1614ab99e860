"""What a server measures, for Prometheus: https://prometheus.io/docs/practices/naming/.

Decisions are counted as they are logged. What gates are like is read when it is asked for, from the store, at most
every ``READ_EVERY_MS``: so all servers on one store say the same of them, and on DynamoDB each reading is a scan.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import nan
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from holdoff import __version__
from holdoff.clock import Clock
from holdoff.core.errors import StoreError
from holdoff.core.request import GateKey
from holdoff.observe.metrics import UNSIGNED
from holdoff.observe.status import Status

READ_EVERY_MS: Final = 15_000
#: Of a decision, without its start: from a store in memory to one that is asked to slow down.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Of errors. Each is there from the start, at zero: what begins at one has not risen, to Prometheus, and sets off no
#: alarm (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
KINDS: Final = ("http", "start", "wake", "sweep", "request", "ready", "tokens", "dead letters")
#: How the gates are: the name, what it says, and what a status is worth to it. A project's is the sum or the longest.
OF_GATES: Final[tuple[tuple[str, str, Callable[[Status], float], Any], ...]] = (
    ("pending_triggers", "Triggers that no build covers yet.",
     lambda one: one.record.pending.count if one.record.pending else 0, sum),
    ("pending_age_seconds", "Age of the oldest that no build covers.", lambda one: (one.stale_ms or 0) / 1000, max),
    ("running_builds", "Builds that run, or are being started.", lambda one: int("running" in one.attention), sum),
    ("held_gates", "Gates on hold.", lambda one: int("held" in one.attention), sum),
    ("failed_gates", "Gates whose last build failed.", lambda one: int("failed" in one.attention), sum),
    ("due_lag_seconds", "For how long a gate has been due and no wake came.", lambda one: one.late_ms / 1000, max),
)  # fmt: skip


class Metrics:
    """Counts what is logged, and reads the gates.

    Args:
        read: all gates as they are; an error of one comes in its place.
        letters: how many dead letters there are.
    """

    def __init__(
        self, read: Callable[[], Mapping[GateKey, Status | Exception]], letters: Callable[[], int], clock: Clock
    ) -> None:
        self.registry: CollectorRegistry = CollectorRegistry()
        kept: Any = {"namespace": "holdoff", "registry": self.registry}
        labels = ("project", "outcome", "why")
        self.decisions: Counter = Counter("decisions", "What became of triggers, and why.", labels, **kept)
        self.took: Histogram = Histogram(
            "decision_duration_seconds", "Until a decision was in the store.", buckets=BUCKETS, **kept
        )
        self.errors: Counter = Counter("errors", "What could not be decided, by its kind.", ("kind",), **kept)
        for kind in KINDS:
            self.errors.labels(kind)
        self.unsigned: Counter = Counter("unsigned", "Webhooks that were not signed as they should be.", **kept)
        looked = "When the wake loop last looked for what is due."
        self.looked: Gauge = Gauge("last_look_timestamp_seconds", looked, **kept)
        Gauge("build_info", "This version.", ("version",), **kept).labels(__version__).set(1)
        Gauge("dead_letters", "Webhooks that came to nothing.", **kept).set_function(partial(_count, letters))
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._kept: tuple[int, list[GaugeMetricFamily]] | None = None
        self.registry.register(self)

    def count(self, line: Mapping[str, Any]) -> None:
        """A line of the log."""
        if line["event"] == "decision":
            if "took_ms" in line:
                self.took.observe(line["took_ms"] / 1000)
            if not is_under_way(line):
                self.decisions.labels(line["project"], line["outcome"], line["why"]).inc()
        elif line["event"] == "error" and line["error"] == UNSIGNED:
            self.unsigned.inc()
        elif line["event"] == "error":
            self.errors.labels(line["kind"]).inc()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing is read when this is registered."""
        return iter(())

    def collect(self) -> list[GaugeMetricFamily]:
        """The gates, as they were at most ``READ_EVERY_MS`` ago."""
        now_ms = self._clock.now_ms()
        with self._lock:
            if self._kept is None or not 0 <= now_ms - self._kept[0] < READ_EVERY_MS:
                self._kept = now_ms, self._families()
            return self._kept[1]

    def _families(self) -> list[GaugeMetricFamily]:
        by_project: dict[str, list[Status]] = defaultdict(list)
        unreadable, answers = 0, 1
        try:
            for key, found in self._read().items():
                if isinstance(found, Status):
                    by_project[key.name].append(found)
                else:
                    unreadable += 1
        except StoreError:
            answers = 0
        families = [GaugeMetricFamily("holdoff_store_up", "Whether the store answers.", answers)]
        families.append(GaugeMetricFamily("holdoff_unreadable_gates", "Gates that cannot be read.", unreadable))
        for name, says, value, of in OF_GATES:
            family = GaugeMetricFamily(f"holdoff_{name}", says, labels=("project",))
            for project, gates in by_project.items():
                family.add_metric((project,), of(map(value, gates)))
            families.append(family)
        return families


def _count(letters: Callable[[], int]) -> float:
    """How many; not a number where the folder cannot be read: the other series are still told."""
    try:
        return letters()
    except StoreError:
        return nan


def is_under_way(line: Mapping[str, Any]) -> bool:
    """Whether a decision's line is of a start under way: another follows, with what came of it."""
    return line["event"] == "decision" and line["outcome"] == "started" and "build_id" not in line
