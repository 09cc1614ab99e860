"""The document on costs: requests, units and log bytes as the deployed function has them, and the arithmetic again."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import costs
from benchmarks.costs import Use
from holdoff.aws import client as aws_client
from holdoff.exact_json import dumps
from holdoff.ingress.aws_lambda import Function
from holdoff.observe import metrics
from holdoff.testing import ManualClock
from tests.deploy.cloudformation import Stack
from tests.ingress.function import Context, Wakes, build_ended

if TYPE_CHECKING:
    from tests.e2e.conftest import Cloud

#: How far a line's length may be from what the document says: ids and numbers vary.
ABOUT = 0.05


@dataclass
class Meter:
    """Functions as they are deployed, each in a process of its own, and what all of them used."""

    cloud: Cloud
    clock: ManualClock = field(default_factory=lambda: ManualClock("2026-11-25T03:00:00Z"))
    wakes: Wakes = field(default_factory=Wakes)
    requests: int = 0
    writes: float = 0
    reads: float = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def cold(self, *, defers: bool = True) -> Function:
        environment = self.cloud.environment | {"HOLDOFF_SCHEDULE_ROLE": "arn" if defers else ""}
        return Function(
            environment,
            clock=self.clock,
            write=self.lines.append,
            new_scheduler=lambda *_: self.wakes if defers else None,
        )

    def client(self, service: str, *limits: Any, **settings: Any) -> Any:
        """In the place of ``make_client``: the same, watched."""
        made = MAKE_CLIENT(service, *limits, **settings)
        if service == "dynamodb":
            made.meta.events.register("provide-client-params.dynamodb", self._ask)
            made.meta.events.register("after-call.dynamodb", self._saw)
        return made

    def _ask(self, params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def _saw(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        self.requests += 1
        failed = "Error" in parsed  # a failed condition is charged as the write it would have been
        used = parsed.get("ConsumedCapacity", {"CapacityUnits": 1.0 if failed else 0.0})
        total = sum(one["CapacityUnits"] for one in (used if isinstance(used, list) else [used]))
        if model.name in {"GetItem", "Query", "Scan"}:
            self.reads += total
        else:
            self.writes += total

    def used(self, function: Function, event: dict[str, Any]) -> Use:
        """What an invocation used."""
        before = (self.requests, self.writes, self.reads)
        builds, wakes = len(self.cloud.standin.builds_started), len(self.wakes.arranged)
        lines = len(self.lines)
        function.answer(event, Context())
        requests, writes, reads = (
            now - then for now, then in zip((self.requests, self.writes, self.reads), before, strict=True)
        )
        return Use(
            what=str(self.lines[-1].get("message", "")),
            requests=int(requests),
            writes=writes,
            reads=reads,
            starts=len(self.cloud.standin.builds_started) - builds,
            schedules=len(self.wakes.arranged) - wakes,
            log=sum(len(dumps(line).encode()) + 1 for line in self.lines[lines:]),
        )

    def end_build(self) -> Use:
        """The event of the last build's end, at a function that has not seen it start."""
        build = self.cloud.standin.builds_started[-1].id
        return self.used(self.cold(), build_ended(build, "SUCCEEDED"))

    def built(self, **more: object) -> None:
        """Three builds."""
        for number in range(3):
            self.clock.advance("11m")
            self.used(self.cold(), push(f"before-{number}", **more))
            self.end_build()


MAKE_CLIENT = aws_client.make_client


@pytest.fixture
def fresh(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Nothing was built yet."""
    made = Meter(cloud)
    monkeypatch.setattr(aws_client, "make_client", made.client)
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_CODEBUILD"):
        monkeypatch.setenv(name, cloud.environment[name])
    return made


@pytest.fixture
def meter(fresh: Meter) -> Meter:
    """As it is after some builds."""
    fresh.built()
    return fresh


def push(name: str, **more: object) -> dict[str, Any]:
    """A push of a commit of its own."""
    version = hashlib.sha1(name.encode()).hexdigest()
    event_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
    return {"reason": "push", "source_version": version, "event_id": event_id, **more}


def same(used: Use, said: Use) -> None:
    used = replace(used, schedules=min(used.schedules, said.schedules))  # the real scheduler remembers what is arranged
    assert (used.requests, used.writes, used.reads) == (said.requests, said.writes, said.reads)
    assert (used.starts, used.schedules) == (said.starts, said.schedules)
    assert abs(used.log - said.log) <= ABOUT * said.log, used


# --- counted ---------------------------------------------------------------------------------------


@pytest.mark.dynamodb
def test_a_start_and_its_end(meter: Meter) -> None:
    meter.clock.advance("11m")
    same(meter.used(meter.cold(), push("a")), costs.STARTED)
    same(meter.end_build(), costs.ENDED)


@pytest.mark.dynamodb
def test_a_skip(meter: Meter) -> None:
    function = meter.cold(defers=False)
    same(meter.used(function, push("a")), costs.SKIPPED)
    same(meter.used(function, push("b")), costs.SKIPPED_WARM)


@pytest.mark.dynamodb
def test_deferrals_and_the_wake_that_builds_them(meter: Meter) -> None:
    same(meter.used(meter.cold(), push("a")), costs.DEFERRED)
    function = meter.cold()
    same(meter.used(function, push("b")), costs.DEFERRED_MORE)
    same(meter.used(function, push("c")), costs.DEFERRED_WARM)
    meter.clock.advance("11m")
    wake = {"holdoff": "wake", "project": "site-build", "region": "eu-west-1"}
    woken = meter.used(meter.cold(), wake)
    assert "for 3 triggers" in woken.what
    same(woken, costs.WOKEN)


@pytest.mark.dynamodb
def test_a_sweep(meter: Meter) -> None:
    used = meter.used(meter.cold(), {"holdoff": "sweep"})
    assert used.requests == costs.SWEEP.requests
    assert costs.SWEEP.reads == used.requests / 2  # the least that a query is charged
    assert abs(used.log - costs.SWEEP.log) <= ABOUT * costs.SWEEP.log


# --- reckoned --------------------------------------------------------------------------------------


def test_the_document_has_the_tables_as_they_are_now() -> None:
    document = costs.DOCUMENT.read_text()
    assert costs.with_tables(document) == document, "python -m benchmarks.costs --write"


def test_the_arithmetic_by_hand() -> None:
    """One row, reckoned from the prices in the document: 3 requests, 4 write units, 1 read unit, 335 ms, 1,850 B."""
    document = costs.DOCUMENT.read_text()
    usd = {what: float(price) for what, price in re.findall(r"\| ([^|]+) \| \$([\d.]+) \|", document)}
    row = (
        usd["Lambda, requests"]
        + 1e6 * 0.5 * 0.335 * usd["Lambda, arm64"]
        + 4 * usd["DynamoDB on-demand, write request units"]
        + usd["DynamoDB on-demand, read request units"]
        + 1850e6 / 1e9 * usd["CloudWatch Logs, ingestion"]
    )
    (said,) = re.findall(r"\| started \|.*\*\*\$([\d.]+)\*\*", document)
    assert round(row, 2) == float(said)


def test_the_function_is_as_large_as_is_reckoned_with() -> None:
    stack = Stack(CodeBuildProject="site")
    assert stack.properties("Function")["MemorySize"] == costs.MEMORY_GB * 1024
    assert stack.properties("Function")["Architectures"] == ["arm64"]
    assert len(stack.of("AWS::CloudWatch::Alarm")) == costs.ALARMS
    assert stack.properties("FunctionSweep")["ScheduleExpression"] == "rate(5 minutes)"


def test_the_metrics_of_one_busy_project_are_not_more_than_said() -> None:
    reasons = 4  # ready, cooling_down, duplicate, start_failed
    series = sum(
        reasons if one == metrics.BY_REASON else 1
        for of_event in metrics.OF.values()
        for metric in of_event
        for one in metric.sets
        if metric.name not in {"Unsigned", "Errors", "Failures"}
    )
    assert series <= costs.METRICS
