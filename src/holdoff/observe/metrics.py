"""CloudWatch metrics in the log line itself: the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html:
``_aws.CloudWatchMetrics`` says which of the line's own keys are metrics and which dimensions; nothing is called, and
nothing has to be granted but the log itself.

Every set of dimensions with its values is a custom metric that is paid for in each hour in which it is written. So
there are few sets: ``function`` alone for what alarms watch, which need to know no project; the project where one wants
to know which; and the reason only for the count of decisions. A value that is not there is not written: read its sum
with missing data as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from holdoff.core.units import iso, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Line = dict[str, object]
Sets = tuple[tuple[str, ...], ...]

NAMESPACE: Final = "Holdoff"
BY_FUNCTION: Final = ("function",)
BY_PROJECT: Final = ("function", "project")
BY_REASON: Final = ("function", "project", "outcome", "why")
#: Reasons that would have been a second build.
PREVENTED: Final = frozenset({"claimed", "duplicate"})


def _one(line: Mapping[str, object]) -> object:
    return 1


def _failed(line: Mapping[str, object]) -> object:
    return 1 if line["outcome"] == "failed" else None


def _prevented(line: Mapping[str, object]) -> object:
    return 1 if line["why"] in PREVENTED or "taken_over" in line else None


def _took_to_start(line: Mapping[str, object]) -> object:
    return line.get("took_ms") if line["outcome"] == "started" else None


def _unsigned(line: Mapping[str, object]) -> object:
    return 1 if line["error"] == "SignatureError" else None


def _broken(line: Mapping[str, object]) -> object:
    return None if _unsigned(line) else 1


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, unit and sets of dimensions, and what a line is worth to it (``None``: nothing)."""

    name: str
    unit: str
    sets: Sets
    value: Callable[[Mapping[str, object]], object]


OF: Final = {
    "decision": (
        Metric("Decisions", "Count", (BY_FUNCTION, BY_REASON), _one),
        Metric("Failures", "Count", (BY_FUNCTION, BY_PROJECT), _failed),
        Metric("StartLatency", "Milliseconds", (BY_FUNCTION,), _took_to_start),
        Metric("Staleness", "Seconds", (BY_PROJECT,), lambda line: line.get("waited")),
        Metric("DoubleStartsPrevented", "Count", (BY_FUNCTION,), _prevented),
    ),
    # Anybody may send what is not signed: that is counted apart, so that no stranger sets off an alarm.
    "error": (
        Metric("Errors", "Count", (BY_FUNCTION,), _broken),
        Metric("Unsigned", "Count", (BY_FUNCTION,), _unsigned),
    ),
    "sweep": (
        Metric("Overdue", "Seconds", (BY_FUNCTION,), lambda line: line["overdue"]),
        Metric("Staleness", "Seconds", (BY_FUNCTION,), lambda line: line["stale"]),
    ),
}


def with_metrics(line: Line, *, function: str) -> Line:
    """A line of ``log``, and the metrics that it is worth.

    Args:
        function: names the function in every dimension set, so that two of them do not mix.
    """
    line = {**line, "function": function}
    found = [(metric, metric.value(line)) for metric in OF[str(line["event"])]]
    worth = {metric: value for metric, value in found if value is not None}
    metadata = {
        "Timestamp": parse_instant(line["timestamp"], field="timestamp"),
        "CloudWatchMetrics": _directives(worth, _is_dimension(line.get("project"))),
    }
    return {**line, **{metric.name: value for metric, value in worth.items()}, "_aws": metadata}


def _directives(metrics: Iterable[Metric], with_project: bool) -> list[dict[str, object]]:
    """One for each choice of sets. A project whose name CloudWatch does not take is counted under its function only."""
    by_sets: dict[Sets, list[dict[str, str]]] = {}
    for metric in metrics:
        sets = tuple(names for names in metric.sets if with_project or "project" not in names)
        by_sets.setdefault(sets, []).append({"Name": metric.name, "Unit": metric.unit})
    return [
        {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": defined}
        for sets, defined in by_sets.items()
        if sets
    ]


def _is_dimension(value: object) -> bool:
    """Dimensions are ASCII: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""
    return isinstance(value, str) and value.isascii() and not value.isspace()


def sweep_line(
    *, due: int, overdue_ms: int, stale_ms: int, woken: int, now_ms: int, function: str
) -> Line:
    """What a sweep found. Written by each, also by one that found nothing: no line is an alarm too.

    Args:
        due: how many gates were due.
        overdue_ms: for how long the oldest of them had been; 0 where none was.
        stale_ms: how long the oldest trigger that no build covers yet has waited, due or not; 0 where none waits.
        woken: how many of them were woken without an error.
    """
    line: Line = {
        "timestamp": iso(now_ms),
        "level": "INFO",
        "event": "sweep",
        "due": due,
        "overdue": max(0, overdue_ms) / 1000,
        "stale": max(0, stale_ms) / 1000,
        "woken": woken,
    }
    return with_metrics(line, function=function)
