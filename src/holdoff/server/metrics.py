"""The metrics of a server, for Prometheus: https://prometheus.io/docs/practices/naming/.

Decisions are counted when they are logged. The gates' metrics are read from the store when Prometheus asks, so all
servers of a store give the same figures. They are read at most every ``READ_EVERY_MS``: on DynamoDB a read is a scan.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from math import nan
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from holdoff import __version__
from holdoff.clock import Clock
from holdoff.core.errors import StoreError
from holdoff.observe.metrics import UNSIGNED
from holdoff.observe.status import Status

READ_EVERY_MS: Final = 15_000
#: For the time of a decision without its start: from a store in memory to a store that throttles.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: The kinds of errors. Each counter begins at zero when the server starts: for Prometheus a counter that appears with
#: one has not risen, and sets off no alarm
#: (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
KINDS: Final = ("http", "start", "wake", "sweep", "request", "ready", "tokens", "dead letters")
#: Of gates: the metric's name, its help, its value for one gate, and how the values of a project's gates are combined.
OF_GATES: Final[tuple[tuple[str, str, Callable[[Status], float], Any], ...]] = (
    ("pending_triggers", "Triggers that no build covers yet.",
     lambda one: sum(fold.count for fold in one.uncovered), sum),
    ("pending_age_seconds", "Age of the oldest trigger that no build covers.",
     lambda one: (one.stale_ms or 0) / 1000, max),
    ("running_builds", "Builds that run, or are being started.", lambda one: int("running" in one.attention), sum),
    ("held_gates", "Gates on hold.", lambda one: int("held" in one.attention), sum),
    ("failed_gates", "Gates with a build or start that failed.", lambda one: int("failed" in one.attention), sum),
    ("due_lag_seconds", "How long a gate has been due without a wake.", lambda one: one.late_ms / 1000, max),
)  # fmt: skip


class Metrics:
    """Counts lines of the log, and reads the gates.

    Args:
        read: returns all gates.
        letters: returns how many dead letters there are.
    """

    def __init__(self, read: Callable[[], Iterable[Status]], letters: Callable[[], int], clock: Clock) -> None:
        self.registry: CollectorRegistry = CollectorRegistry()
        kept: Any = {"namespace": "holdoff", "registry": self.registry}
        labels = ("project", "outcome", "why")
        self.decisions: Counter = Counter("decisions", "Decisions on triggers, by outcome and reason.", labels, **kept)
        self.took: Histogram = Histogram(
            "decision_duration_seconds", "Time until a decision was in the store.", buckets=BUCKETS, **kept
        )
        self.errors: Counter = Counter("errors", "Errors, by kind.", ("kind",), **kept)
        for kind in KINDS:
            self.errors.labels(kind)
        self.unsigned: Counter = Counter("unsigned", "Webhooks without a right signature.", **kept)
        looked = "When the wake loop last looked for what is due."
        self.looked: Gauge = Gauge("last_look_timestamp_seconds", looked, **kept)
        Gauge("build_info", "This version.", ("version",), **kept).labels(__version__).set(1)
        Gauge("dead_letters", "Webhooks that were not carried out.", **kept).set_function(partial(_count, letters))
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._kept: tuple[int, int, list[GaugeMetricFamily]] | None = None
        self.registry.register(self)

    def count(self, line: Mapping[str, Any]) -> None:
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
        """Empty, so that registering this reads nothing from the store."""
        return iter(())

    def collect(self) -> list[GaugeMetricFamily]:
        """The gates' metrics, at most ``READ_EVERY_MS`` old. Where a read takes long, they are older: one scrape in ten
        reads."""
        with self._lock:
            now_ms = self._clock.now_ms()
            if self._kept is None or not self._kept[0] <= now_ms < self._kept[1]:
                families, read_ms = self._families(), self._clock.now_ms()
                self._kept = now_ms, read_ms + max(READ_EVERY_MS, 9 * (read_ms - now_ms)), families
            return self._kept[2]

    def _families(self) -> list[GaugeMetricFamily]:
        by_project: dict[str, list[Status]] = defaultdict(list)
        unreadable, answers = 0, 1
        try:
            for one in self._read():
                if one.error:
                    unreadable += 1
                else:
                    by_project[one.key.name].append(one)
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
    """How many letters there are; NaN if the folder cannot be read: an error would lose the other metrics, too."""
    try:
        return letters()
    except StoreError:
        return nan


def is_under_way(line: Mapping[str, Any]) -> bool:
    """Whether a decision's line reports a start under way: another line with the outcome follows."""
    return line["event"] == "decision" and line["outcome"] == "started" and "build_id" not in line
