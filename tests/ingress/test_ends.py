"""The ends of builds: which events are one, of what, and whose it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.errors import EventError, StoreDenied
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.gate import Gate
from holdoff.ingress.dispatch import Dispatch
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.ends import OF_AWS, build_of, may_be_of
from holdoff.ingress.events.envelopes import opened
from holdoff.ingress.events.intents import BuildEnded
from holdoff.ingress.events.message import Message
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.core.build import claim, running
from tests.ingress import shapes

ACCOUNT = "123456789012"
EXECUTION = "12345678-abcd-1234-abcd-123456789012"
GATE = GateKey("site", shapes.REGION)


def pipeline(state: str = "SUCCEEDED", kind: str = "CodePipeline Pipeline Execution State Change") -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html"""
    detail = {
        "pipeline": "release",
        "execution-id": EXECUTION,
        "start-time": "2026-11-25T03:00:00Z",
        "execution-trigger": {"trigger-type": "StartPipelineExecution", "trigger-detail": "arn:aws:sts::1:x"},
        "state": state,
        "version": 3.0,
        "pipeline-execution-attempt": 1.0,
    }
    arn = f"arn:aws:codepipeline:{shapes.REGION}:{ACCOUNT}:release"
    return shapes.eventbridge("aws.codepipeline", kind, detail, resources=[arn])


def batch(
    status: str = "SUCCEEDED", kind: str = "CodeBuild Build State Change", where: str = "build"
) -> dict[str, Any]:
    """The end of a batch. Its form is documented nowhere, so it may be any of these."""
    arn = f"arn:aws:codebuild:{shapes.REGION}:{ACCOUNT}:build-batch/site-build:8745a7a9-c340"
    detail = {f"{where}-status": status, "project-name": "site-build", f"{where}-id": arn}
    return shapes.eventbridge("aws.codebuild", kind, detail, resources=[arn])


def ended(event: Any) -> BuildEnded:
    found = build_of(Message(event=event), OF_AWS)
    assert found is not None
    assert found.is_end
    return found


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"])
def test_a_build(status: str) -> None:
    assert ended(shapes.codebuild(status)) == BuildEnded(
        starter="codebuild",
        name="site-build",
        region=shapes.REGION,
        account=ACCOUNT,
        build_id="site-build:8745a7a9-c340-456a-9166",
        succeeded=status == "SUCCEEDED",
        detail=status,
    )


@pytest.mark.parametrize("kind", ["CodeBuild Build State Change", "CodeBuild Batch Build State Change"])
@pytest.mark.parametrize("where", ["build", "build-batch"])
def test_a_batch(kind: str, where: str) -> None:
    found = ended(batch("FAILED", kind, where))
    assert (found.batch, found.name, found.build_id) == (True, "site-build", "site-build:8745a7a9-c340")
    assert not found.succeeded


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"])
def test_an_execution_of_a_pipeline(state: str) -> None:
    assert ended(pipeline(state)) == BuildEnded(
        starter="codepipeline",
        name="release",
        region=shapes.REGION,
        account=ACCOUNT,
        build_id=f"release:{EXECUTION}",
        succeeded=state == "SUCCEEDED",
        detail=state,
    )


def test_the_key_that_a_build_knows() -> None:
    event = shapes.codebuild()
    variables = [{"name": "HOLDOFF_KEY", "value": "feature/x", "type": "PLAINTEXT"}]
    event["detail"]["additional-information"] = {"environment": {"environment-variables": variables}}
    assert ended(event).key == "feature/x"


@pytest.mark.parametrize(
    "event",
    [
        shapes.codebuild("IN_PROGRESS"),
        batch("IN_PROGRESS"),
        shapes.eventbridge("aws.codebuild", "CodeBuild Build Phase Change", {"completed-phase-status": "FAILED"}),
        shapes.eventbridge("aws.codebuild", "CodeBuild Fleet State Change", {"fleet-status": "FAILED"}),
        shapes.eventbridge("aws.codebuild", "AWS API Call via CloudTrail", {"eventName": "StopBuild"}),
        *(pipeline(state) for state in ("STARTED", "RESUMED", "STOPPING")),
        pipeline("SUCCEEDED", "CodePipeline Stage Execution State Change"),
        pipeline("FAILED", "CodePipeline Action Execution State Change"),
        shapes.eventbridge("aws.codebuild", "CodeBuild Build State Change", {"build-status": "IN_PROGRESS"}),
    ],
    ids=lambda event: f"{event['detail-type']} {event['detail'].get('state', '')}",
)
def test_whatever_else_they_tell_is_nothing(event: Any) -> None:
    found = build_of(Message(event=event), OF_AWS)
    assert found is None or not found.is_end


@pytest.mark.parametrize("event", [shapes.codebuild(), batch(), batch(where="build-batch"), pipeline()])
def test_an_arn_says_where_it_ran_if_the_event_was_made_without_it(event: Any) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html"""
    assert ended({name: event[name] for name in ("source", "detail-type", "detail", "resources")}) == ended(event)


def test_a_build_within_a_batch_is_no_batch() -> None:
    event = shapes.codebuild()
    event["detail"]["build-batch-id"] = batch()["detail"]["build-id"]
    assert not ended(event).batch


@pytest.mark.parametrize("name", ["build-id", "build-status"])
def test_an_end_that_does_not_say_of_what_is_an_error(name: str) -> None:
    event = shapes.codebuild()
    del event["detail"][name]
    event["resources"] = []
    with pytest.raises(EventError, match=f"event.detail.{name}"):
        build_of(Message(event=event), OF_AWS)


ARN = f"arn:aws:codebuild:{shapes.REGION}:{ACCOUNT}:project/site-build"


@pytest.mark.parametrize(
    ("starter", "is_its"),
    [
        ({"codebuild": "site-build"}, True),
        ({"codebuild": "docs-build"}, False),
        ({"codebuild": "site-build", "batch": False}, True),
        ({"codebuild": "site-build", "batch": True}, False),
        ({"codepipeline": "site-build"}, False),
        ({"command": ["make"]}, False),
        ({}, False),
        ({"codebuild": "site-build", "region": shapes.REGION}, True),
        ({"codebuild": "site-build", "region": "us-east-1"}, False),
        ({"codebuild": ARN}, True),
        ({"codebuild": ARN.replace("eu-west-1", "us-east-1")}, False),
        ({"codebuild": ARN.replace(ACCOUNT, "222222222222")}, False),
        ({"codebuild": "site-build", "role": f"arn:aws:iam::{ACCOUNT}:role/start-builds"}, True),
        ({"codebuild": "site-build", "role": "arn:aws:iam::222222222222:role/start-builds"}, False),
    ],
    ids=str,
)
def test_whose_build_it_may_be(starter: dict[str, Any], is_its: bool) -> None:
    assert may_be_of(starter, GATE, ended(shapes.codebuild())) is is_its


def test_a_gate_s_region_counts_where_its_starter_has_none() -> None:
    found, starter = ended(shapes.codebuild()), {"codebuild": "site-build"}
    assert not may_be_of(starter, GateKey("site", "us-east-1"), found)
    assert may_be_of(starter, GateKey("site", "local"), found)  # on a store without regions it is botocore's own


def test_a_batch_is_no_build_s_and_a_pipeline_s_is_its_own() -> None:
    assert may_be_of({"codebuild": "site-build", "batch": True}, GATE, ended(batch()))
    assert not may_be_of({"codebuild": "site-build"}, GATE, ended(batch()))
    assert may_be_of({"codepipeline": "release"}, GATE, ended(pipeline()))
    assert not may_be_of({"codebuild": "release"}, GATE, ended(pipeline()))


def test_an_end_that_tells_no_key_finds_the_gate_of_the_key_that_started_it() -> None:
    """CodePipeline's events do not say for which key of a project an execution ran."""
    config = parse(
        f'[projects.site]\ncooldown = 0\nregion = "{shapes.REGION}"\nstarter = {{ codepipeline = "release" }}\n'
    )
    store, clock, lines = MemoryStore(), ManualClock(), list[dict[str, object]]()
    dispatch = Dispatch(config, store, clock=clock, log=EventLog(lines.append, clock=clock), scheduler=None)
    key = GateKey.of("site", "main", shapes.REGION)
    store._gates[key] = Record(running=running(build_id=f"release:{EXECUTION}"))

    (message,) = opened(pipeline())
    assert dispatch.carry_out(message, lambda: 10**6)["finished"] == "site@main"
    assert store.get(key).running is None


def test_the_end_of_a_build_that_is_followed_is_told_without_reading_every_gate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There may be a hundred thousand keys; a gate whose build is followed is among those to be woken."""
    config = parse(
        f'[projects.site]\ncooldown = 0\nregion = "{shapes.REGION}"\noverlap = "defer"\n'
        'starter = { codepipeline = "release" }\n'
    )
    store, clock = MemoryStore(), ManualClock()
    dispatch = Dispatch(config, store, clock=clock, log=EventLog(lambda _: None, clock=clock), scheduler=None)
    key = GateKey.of("site", "main", shapes.REGION)
    runs = Record(running=running(build_id=f"release:{EXECUTION}"), due_ms=clock.now_ms() + 30_000)
    store.swap(key, expected=Record(), new=runs.swapped("W1"))
    monkeypatch.setattr(store, "gates", lambda: (pytest.fail("every gate was read") for _ in "x"))

    (message,) = opened(pipeline())
    assert dispatch.carry_out(message, lambda: 10**6)["finished"] == "site@main"


@pytest.mark.parametrize("denied", ["gates", "due"])
def test_an_execution_that_a_person_started_is_no_error_where_the_table_may_not_be_scanned(
    monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    """The role of the stack's function has no right to Scan: each such end failed, and was a dead letter. The right to
    look for what is due it has: without that right the end may be that of a gate here, and comes again."""
    config = parse(
        f'[projects.site]\ncooldown = 0\nregion = "{shapes.REGION}"\nstarter = {{ codepipeline = "release" }}\n'
    )
    store, clock = MemoryStore(), ManualClock()
    dispatch = Dispatch(config, store, clock=clock, log=EventLog(lambda _: None, clock=clock), scheduler=None)

    def deny(*_: object) -> Iterator[None]:
        yield from ()  # as DynamoDB's store does, it asks when it is read
        raise StoreDenied("it is not allowed")

    monkeypatch.setattr(store, denied, deny)

    (message,) = opened(pipeline())
    if denied == "gates":
        assert dispatch.carry_out(message, lambda: 10**6)["finished"] is None
    else:
        with pytest.raises(StoreDenied):
            dispatch.carry_out(message, lambda: 10**6)


def test_an_end_is_reported_once_to_a_gate_that_may_have_started_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate with a start in progress is among those to be woken, and among all gates."""
    config = parse(
        f'[projects.site]\ncooldown = 0\nregion = "{shapes.REGION}"\nstarter = {{ codepipeline = "release" }}\n'
    )
    store, clock = MemoryStore(), ManualClock()
    dispatch = Dispatch(config, store, clock=clock, log=EventLog(lambda _: None, clock=clock), scheduler=None)
    key = GateKey.of("site", "main", shapes.REGION)
    starts = Record(claim=claim(), due_ms=clock.now_ms() + 30_000)
    store.swap(key, expected=Record(), new=starts.swapped("W1"))
    asked: list[GateKey] = []
    finished = Gate.finished

    def counted(gate: Gate, build_id: str, **how: Any) -> bool:
        asked.append(gate.key)
        return finished(gate, build_id, **how)

    monkeypatch.setattr(Gate, "finished", counted)

    (message,) = opened(pipeline())
    assert dispatch.carry_out(message, lambda: 10**6)["finished"] is None
    assert asked.count(key) == 1
    claimed = store.get(key).claim
    assert claimed is not None
    assert len(claimed.early) == 1, "kept for the build that is being started"
