"""The metrics in a line: as the embedded metric format is documented, and few enough to pay for."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import EventError, SignatureError
from holdoff.exact_json import dumps, loads
from holdoff.observe.log import decision_line, error_line, sweep_line
from holdoff.observe.metrics import OF, with_metrics
from tests.core.build import NOW
from tests.observe.test_log import DOCUMENT, STARTED, SWEPT

UNITS = {"Count", "Seconds", "Milliseconds"}  # those of CloudWatch's that we use


def emitted(decision: Decision, **more: Any) -> dict[str, Any]:
    """The line of a decision, as CloudWatch reads it."""
    line = with_metrics(decision_line(decision, kind="sqs", **more), function="holdoff-prod")
    return check(loads(dumps(line)))


def check(line: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is not a document of the format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    and, of dimensions, https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    assert line["_aws"].keys() == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert len(dumps(line).encode()) <= 256 * 1024
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert re.fullmatch(r"[A-Za-z0-9._/#:-]{1,255}", directive["Namespace"])
        check_dimensions(line, directive["Dimensions"])
        check_metrics(line, directive["Metrics"])
    return line


def check_dimensions(line: dict[str, Any], sets: list[list[str]]) -> None:
    assert len(sets) >= 1
    for names in sets:
        assert len(names) <= 30
        assert len(set(names)) == len(names)
        for name in names:
            value = line[name]  # a target: a member of the root, and text
            assert isinstance(value, str)
            assert re.fullmatch(r"[\x20-\x7e]{1,1024}", value)
            assert value.strip()


def check_metrics(line: dict[str, Any], metrics: list[dict[str, str]]) -> None:
    assert 1 <= len(metrics) <= 100
    for metric in metrics:
        assert metric.keys() == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        value = line[metric["Name"]]
        assert not isinstance(value, bool | str | list | dict)
        assert value is not None


def written(line: dict[str, Any]) -> dict[str, Any]:
    """Each metric that the line writes, by name: its value."""
    defined = [metric["Name"] for directive in line["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]]
    assert len(set(defined)) == len(defined)
    return {name: line[name] for name in defined}


def billed(line: dict[str, Any]) -> set[tuple[str, ...]]:
    """The custom metrics that the line is charged as: a name and the values of its dimensions each."""
    return {
        (metric["Name"], *(line[name] for name in names))
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for names in directive["Dimensions"]
    }


@pytest.mark.parametrize(("outcome", "why"), list(itertools.product(Outcome, Why)))
def test_whatever_is_decided_is_a_document_of_the_format(outcome: Outcome, why: Why) -> None:
    line = emitted(STARTED.but(outcome=outcome, why=why), took_ms=33)
    assert line["Decisions"] == 1
    assert line["_aws"]["Timestamp"] == NOW


def test_a_start_counts_and_is_measured() -> None:
    plain = STARTED.but(taken_over=None)
    assert written(emitted(plain, took_ms=33)) == {
        "Decisions": 1,
        "StartLatency": 33,
        "Staleness": 4.5,
    }
    assert "StartLatency" not in written(emitted(plain))  # not measured, not zero


@pytest.mark.parametrize(
    ("decision", "prevented"),
    [
        (STARTED.but(taken_over=None, outcome=Outcome.SKIPPED, why=Why.DUPLICATE), True),
        (STARTED.but(taken_over=None, outcome=Outcome.DEFERRED, why=Why.CLAIMED), True),
        (STARTED, True),  # it finished a start that was left
        (STARTED.but(taken_over=None, outcome=Outcome.SKIPPED, why=Why.COOLING_DOWN), False),
    ],
)
def test_double_starts_prevented(decision: Decision, prevented: bool) -> None:
    assert ("DoubleStartsPrevented" in written(emitted(decision))) is prevented


def test_a_failed_start_can_be_alarmed_on_without_knowing_the_project() -> None:
    failed = STARTED.but(outcome=Outcome.FAILED, why=Why.START_FAILED, waited_ms=None)
    line = emitted(failed, took_ms=33)
    assert line["Failures"] == 1
    assert ("Failures", "holdoff-prod") in billed(line)
    assert "StartLatency" not in written(line)  # of starts only


def test_one_project_costs_few_metrics() -> None:
    assert len(billed(emitted(STARTED, took_ms=33))) == 5


@pytest.mark.parametrize("project", ["sité", "   ", "日本"])
def test_a_project_that_cloudwatch_does_not_take_is_counted_under_its_function(
    project: str,
) -> None:
    line = emitted(STARTED.but(project=project), took_ms=33)
    assert {key[1:] for key in billed(line)} == {("holdoff-prod",)}
    assert written(line).keys() == {"Decisions", "StartLatency", "DoubleStartsPrevented"}


def test_an_error_counts_and_a_stranger_counts_apart() -> None:
    broken = error_line(EventError("event", "is no object"), kind="sqs", now_ms=NOW)
    stranger = error_line(SignatureError("no signature"), kind="http", now_ms=NOW)
    assert written(check(with_metrics(broken, function="f"))) == {"Errors": 1}
    assert written(check(with_metrics(stranger, function="f"))) == {"Unsigned": 1}


def test_a_sweep_says_how_late_things_are() -> None:
    line = check(with_metrics(sweep_line(**SWEPT, now_ms=NOW), function="f"))
    assert (line["due"], line["overdue"], line["stale"], line["woken"]) == (3, 61.5, 700, 2)
    assert written(line) == {"Overdue": 61.5, "Staleness": 700}
    assert billed(line) == {("Overdue", "f"), ("Staleness", "f")}


def test_a_sweep_that_finds_nothing_says_so() -> None:
    nothing = {"due": 0, "overdue_ms": -1, "stale_ms": -1, "woken": 0}
    line = check(with_metrics(sweep_line(**nothing, now_ms=NOW), function="f"))
    assert written(line) == {"Overdue": 0, "Staleness": 0}


def test_the_document_names_every_metric_with_its_unit_and_sets() -> None:
    rows = [row.split("|") for row in DOCUMENT.read_text().splitlines() if row.count("|") == 6]
    told = {row[1].strip(" `"): (row[2].strip(), row[4].strip()) for row in rows}
    every = list(itertools.chain.from_iterable(OF.values()))
    for metric in every:
        sets = sorted(names for same in every if same.name == metric.name for names in same.sets)
        said = ", ".join(f"`[{', '.join(names)}]`" for names in sets)
        assert told.get(metric.name) == (metric.unit, said)
