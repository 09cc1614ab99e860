"""CloudWatch metrics in the lines of the log, by the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html:
``_aws.CloudWatchMetrics`` says which keys of a line are metrics and which are dimensions. This calls no service, and
needs no right but the right to write the log.

Each set of dimensions with its values is a custom metric, which costs money in each hour in which it is written. So
there are few sets: ``function`` alone for alarms, which need no project; the project where a person wants to know
which; the reason only for the count of decisions. A metric without a value is not written: read its sum with missing
data as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from holdoff.core.units import parse_instant
from holdoff.core.value import Value

Line = dict[str, object]
Sets = tuple[tuple[str, ...], ...]

NAMESPACE: Final = "Holdoff"
BY_FUNCTION: Final = ("function",)
BY_PROJECT: Final = ("function", "project")
BY_REASON: Final = ("function", "project", "outcome", "why")
UNSIGNED: Final = "SignatureError"


class Metric(Value, kw_only=False):
    """One metric. ``value``: returns the metric's value for a line: a number, or whether the line counts as one;
    ``None``: the line has no value."""

    name: str
    unit: str
    sets: Sets
    value: Callable[[Mapping[str, object]], object]


def _took_to_start(line: Mapping[str, object]) -> object:
    return line.get("took_ms") if line["outcome"] == "started" else None


def _is_second_build(line: Mapping[str, object]) -> bool:
    """Whether the trigger would have started a second build, without Holdoff."""
    return line["why"] in {"claimed", "duplicate"} or "taken_over" in line


#: The metrics by the event of a line.
OF: Final[dict[str, tuple[Metric, ...]]] = {
    "decision": (
        Metric("Decisions", "Count", (BY_FUNCTION, BY_REASON), lambda _: True),
        Metric("Failures", "Count", (BY_FUNCTION, BY_PROJECT), lambda line: line["outcome"] == "failed"),
        Metric("StartLatency", "Milliseconds", (BY_FUNCTION,), _took_to_start),
        Metric("Staleness", "Seconds", (BY_PROJECT,), lambda line: line.get("waited")),
        Metric("DoubleStartsPrevented", "Count", (BY_FUNCTION,), _is_second_build),
    ),
    # Any stranger can send unsigned webhooks. They are counted separately, so that they set off no alarm.
    "error": (
        Metric("Errors", "Count", (BY_FUNCTION,), lambda line: line["error"] != UNSIGNED),
        Metric("Unsigned", "Count", (BY_FUNCTION,), lambda line: line["error"] == UNSIGNED),
    ),
    "sweep": (
        Metric("Overdue", "Seconds", (BY_FUNCTION,), lambda line: line["overdue"]),
        Metric("Staleness", "Seconds", (BY_FUNCTION,), lambda line: line["stale"]),
    ),
}


def with_metrics(line: Line, *, function: str) -> Line:
    """A line of ``log`` with its metrics. ``function``: the dimension that keeps two functions apart."""
    line = {**line, "function": function}
    worth: dict[Metric, object] = {}
    for metric in OF[str(line["event"])]:
        value = metric.value(line)
        if value is not None and value is not False:
            worth[metric] = 1 if value is True else value
    timestamp = parse_instant(line["timestamp"], field="timestamp")
    metadata = {"Timestamp": timestamp, "CloudWatchMetrics": _directives(worth, line.get("project"))}
    return {**line, **{metric.name: value for metric, value in worth.items()}, "_aws": metadata}


def _directives(metrics: Iterable[Metric], project: object) -> list[dict[str, object]]:
    """A directive for each choice of sets. A project whose name CloudWatch does not take counts for its function only:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""
    with_project = isinstance(project, str) and project.isascii() and not project.isspace()
    by_sets: dict[Sets, list[dict[str, str]]] = {}
    for metric in metrics:
        sets = tuple(names for names in metric.sets if with_project or "project" not in names)
        by_sets.setdefault(sets, []).append({"Name": metric.name, "Unit": metric.unit})
    return [
        {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": defined} for sets, defined in by_sets.items() if sets
    ]
