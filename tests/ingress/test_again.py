"""Each kind of event delivered again, late, by another way and in any order: nothing changes.

What ``tests/deployed/test_twice.py`` shows of the deployed function for some, by their own ways.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.clock import SystemClock
from holdoff.core.request import GateKey
from holdoff.stores.dynamodb.store import DynamoDBStore
from tests.conftest import FAKE_AWS
from tests.e2e.conftest import delete_table
from tests.ingress import shapes
from tests.ingress.function import REGION, Stage, build_ended
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.record import Record
    from holdoff.gate import Gate

pytestmark = pytest.mark.usefixtures("aws_env")

FILE = """
store = "{store}"

[projects.site]
cooldown = "10m"
overlap = "defer"
region = "eu-west-1"
starter = {{{{ codebuild = "site-build", endpoint = "{{url}}" }}}}

[webhooks]
github = "env:GITHUB"
secret = "env:PLAIN"
"""
WAKE = {"holdoff": "wake", "project": "site", "region": REGION}


# --- three events of each kind -----------------------------------------------------------------------


def direct(n: int) -> dict[str, Any]:
    return {"project": "site", "event_id": f"e{n}", "source_version": f"v{n}"}


def pushed_image(n: int) -> dict[str, Any]:
    return shapes.ecr(**{"image-tag": f"v{n}"}) | {"id": f"event-{n}"}


def pushed_commit(n: int) -> dict[str, Any]:
    return shapes.codecommit(commitId=f"c{n}") | {"id": f"event-{n}"}


def scheduled(n: int) -> dict[str, Any]:
    return shapes.eventbridge("aws.events", "Scheduled Event", {}, id=f"event-{n}")


def s3_event(n: int) -> dict[str, Any]:
    event = shapes.s3_created()
    event["detail"]["object"]["sequencer"] += str(n)
    return event


def s3_notification(n: int) -> dict[str, Any]:
    event = shapes.s3_notification()
    event["Records"][0]["s3"]["object"]["sequencer"] += str(n)
    return event


def topic(n: int) -> dict[str, Any]:
    return shapes.in_sns("edited", f"message-{n}")


def queue(n: int) -> dict[str, Any]:
    return shapes.in_sqs("edited", message_id=f"message-{n}-")


def stream(n: int) -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:dynamodb", "eventID": f"{n}", "eventName": "MODIFY"}]}


def codecommit_trigger(n: int) -> dict[str, Any]:
    record = {
        "eventSource": "aws:codecommit",
        "eventId": f"event-{n}",
        "eventSourceARN": f"arn:aws:codecommit:{REGION}:123456789012:web",
        "codecommit": {"references": [{"ref": "refs/heads/main", "commit": f"c{n}"}]},
    }
    return {"Records": [record]}


def github(n: int) -> dict[str, Any]:
    event = shapes.v2(shapes.github_push(after=f"{n}" * 40))
    digest = hmac.new(b"it is a secret", event["body"].encode(), hashlib.sha256).hexdigest()
    event["headers"] = {
        "x-github-event": "push",
        "x-github-delivery": f"delivery-{n}",
        "x-hub-signature-256": f"sha256={digest}",
    }
    return event


def secret(n: int) -> dict[str, Any]:
    return shapes.v2({"event_id": f"e{n}"}, x_holdoff_secret="so is this")


KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    made.__name__: made
    for made in (
        direct,
        pushed_image,
        pushed_commit,
        scheduled,
        s3_event,
        s3_notification,
        topic,
        queue,
        stream,
        codecommit_trigger,
        github,
        secret,
    )
}
#: What may carry any other event, and carry it again.
ENVELOPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "as it is": lambda event: event,
    "in a queue": shapes.in_sqs,
    "on a topic": shapes.in_sns,
    "from a topic in a queue": lambda event: shapes.in_sqs(shapes.notification(event)),
    "out of the dead letters": lambda event: shapes.in_sqs(shapes.failed_invocation(event)),
}


# --- the function ------------------------------------------------------------------------------------


@pytest.fixture
def stage(standin: CodeBuildStandin, tmp_path: Path) -> Stage:
    return Stage(standin, tmp_path, text=FILE.format(store="memory:"))


@pytest.fixture(scope="module")
def table(dynamodb_local_url: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FAKE_AWS.items():
            patch.setenv(name, value)
        store = DynamoDBStore("again", region=REGION, endpoint=dynamodb_local_url)
        store.initialise()
        yield store.table
        store.close()
        delete_table(dynamodb_local_url, store.table)


def stored(stage: Stage) -> Record:
    """The gate's record."""
    return stage.status("site").record


def whys(stage: Stage) -> list[str]:
    """Of all decisions on triggers, in order."""
    return [str(line["why"]) for line in stage.lines if line["event"] == "decision" and line["kind"] != "wake"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_delivered_again_in_any_order_changes_nothing(stage: Stage, kind: str) -> None:
    made = KINDS[kind]
    for n in (1, 2, 3):
        stage.after("1s", made(n))
    waiting = stored(stage)
    assert waiting.pending is not None
    assert waiting.pending.count == 2
    for order in permutations((1, 2, 3)):
        for n in order:
            stage.after("1s", made(n))
    assert stored(stage) == waiting

    stage.send(build_ended(stage.standin.builds_started[0].id))
    assert stage.after("10m", WAKE)["outcome"] == "started"
    built = stored(stage)
    for order in permutations((1, 2, 3)):
        for n in order:
            stage.after("1s", made(n))
    assert stored(stage) == built
    assert whys(stage) == ["ready", "running", "running", *["duplicate"] * 36]
    assert len(stage.built) == 2


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("github", "secret")])
def test_the_same_event_by_another_way_is_the_same_event(stage: Stage, kind: str, envelope: str) -> None:
    event = KINDS[kind](1)
    stage.send(event)
    before = stored(stage)
    stage.after("1s", ENVELOPES[envelope](event))
    assert whys(stage) == ["ready", "duplicate"]
    assert stored(stage) == before


@pytest.mark.dynamodb
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_so_on_a_table_and_for_another_instance_of_the_function(
    dynamodb_local_url: str, table: str, standin: CodeBuildStandin, tmp_path: Path, kind: str
) -> None:
    store = f"dynamodb://{table}?region={REGION}&endpoint={dynamodb_local_url}"
    text = FILE.format(store=store).replace("projects.site", f"projects.{kind}")
    instances = [Stage(standin, tmp_path, text=text) for _ in range(2)]
    for stage in instances:
        stage.clock = SystemClock()  # type: ignore[assignment]  # the service goes by this one, too
        stage.function = stage._new_function()
    made = KINDS[kind] if kind != "direct" else lambda n: direct(n) | {"project": "direct"}

    def to_project(n: int) -> Any:
        return json.loads(json.dumps(made(n)).replace("/hooks/site", f"/hooks/{kind}"))

    for n in (1, 2, 3):
        instances[0].send(to_project(n))
    for n in (3, 1, 2, 2, 1, 3):
        instances[1].send(to_project(n))
    assert whys(instances[1]) == ["duplicate"] * 6
    gates = [gate_of(stage, kind) for stage in instances]
    pending = gates[0].status().record.pending
    assert pending is not None
    assert pending.count == 2
    assert len(standin.builds_started) == 1
    for gate in gates:
        gate.close()


def gate_of(stage: Stage, project: str) -> Gate:
    dispatch = stage.function._dispatch
    assert dispatch is not None
    return dispatch.gate(GateKey(project, REGION))


# --- what is not a trigger ---------------------------------------------------------------------------


def test_ends_of_builds_in_any_order_end_each_build_once(stage: Stage) -> None:
    first = stage.send(direct(1))["build_id"]
    stage.after("1s", direct(2))
    stage.send(build_ended(first, "FAILED"))
    second = stage.after("10m", WAKE)["build_id"]
    before = stored(stage)
    for build, status in (
        (first, "SUCCEEDED"),
        (first, "FAILED"),
        (first, "IN_PROGRESS"),
        (second, "IN_PROGRESS"),
    ):
        stage.after("1s", build_ended(build, status))
    assert stored(stage) == before
    stage.after("1s", build_ended(second))
    ended = stored(stage)
    assert ended.running is None
    for build, status in ((second, "STOPPED"), (first, "SUCCEEDED"), (second, "SUCCEEDED")):
        stage.after("1s", build_ended(build, status))
    assert stored(stage) == ended
    assert len(stage.built) == 2


def test_wakes_and_sweeps_too_early_and_too_often_start_one_build(stage: Stage) -> None:
    stage.send(direct(1))
    stage.send(build_ended(stage.standin.builds_started[0].id))
    stage.after("1s", direct(2))
    before = stored(stage)
    for early in (WAKE, {"holdoff": "sweep"}, WAKE):
        stage.after("1s", early)
    assert stored(stage) == before
    stage.clock.advance("10m")
    for again in (WAKE, WAKE, {"holdoff": "sweep"}, WAKE):
        stage.send(again)
    assert len(stage.built) == 2
