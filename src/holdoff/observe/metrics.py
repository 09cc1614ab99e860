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
    """One metric: its name, unit and sets of dimensions, and what a line is worth to it: a number, or whether the line
    counts as one. ``None``: nothing."""

    name: str
    unit: str
    sets: Sets
    value: Callable[[Mapping[str, object]], object]


def _took_to_start(line: Mapping[str, object]) -> object:
    return line.get("took_ms") if line["outcome"] == "started" else None


def _is_second_build(line: Mapping[str, object]) -> bool:
    """Whether it would have been a second build, without Holdoff."""
    return line["why"] in {"claimed", "duplicate"} or "taken_over" in line


#: By the event of a line.
OF: Final[dict[str, tuple[Metric, ...]]] = {
    "decision": (
        Metric("Decisions", "Count", (BY_FUNCTION, BY_REASON), lambda _: True),
        Metric("Failures", "Count", (BY_FUNCTION, BY_PROJECT), lambda line: line["outcome"] == "failed"),
        Metric("StartLatency", "Milliseconds", (BY_FUNCTION,), _took_to_start),
        Metric("Staleness", "Seconds", (BY_PROJECT,), lambda line: line.get("waited")),
        Metric("DoubleStartsPrevented", "Count", (BY_FUNCTION,), _is_second_build),
    ),
    # What is not signed may come from any stranger: counted apart, it sets off no alarm.
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
    """A line of ``log``, and the metrics that it is worth.

    Args:
        function: names the function in every dimension set, so that two of them do not mix.
    """
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
    """One for each choice of sets. A project whose name CloudWatch does not take is counted under its function only:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""
    with_project = isinstance(project, str) and project.isascii() and not project.isspace()
    by_sets: dict[Sets, list[dict[str, str]]] = {}
    for metric in metrics:
        sets = tuple(names for names in metric.sets if with_project or "project" not in names)
        by_sets.setdefault(sets, []).append({"Name": metric.name, "Unit": metric.unit})
    return [
        {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": defined} for sets, defined in by_sets.items() if sets
    ]
