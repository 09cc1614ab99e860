"""Each kind of event delivered again, and late, by its own way: one build, one trigger, nothing else.

What comes asynchronously is delivered as the service delivers it, with one id: EventBridge and SNS "may deliver an
event more than once" although no sender asked for it. ``tests/ingress/test_again.py`` goes through all kinds, quicker.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployed.test_events import pushed, signed, to_main
from tests.ingress.function import build_ended

if TYPE_CHECKING:
    from tests.deployed.conftest import Deployed

pytestmark = [pytest.mark.dynamodb, pytest.mark.ministack]


def from_rule(tag: str) -> dict[str, Any]:
    """An event as a rule's target gets it."""
    return {
        "version": "0",
        "id": f"event-{tag}",
        "source": "aws.ecr",
        "detail-type": "ECR Image Action",
        "detail": pushed("twice", tag),
    }


def from_topic(message_id: str) -> dict[str, Any]:
    """A message as a topic's subscriber gets it."""
    message = json.dumps({"project": "twice"})
    topic = "arn:aws:sns:eu-west-1:000000000000:changes"
    sns = {"Type": "Notification", "MessageId": message_id, "TopicArn": topic, "Message": message}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def test_what_is_delivered_again_changes_nothing(deployed: Deployed) -> None:
    stack = deployed.stack
    for event in (from_rule("v1"), from_rule("v2"), from_topic("m1")):
        stack.invoke(event)
    stack.post("/twice", to_main("4f2a91c"), signed(to_main("4f2a91c"), "delivery-1"))
    before = _stored(deployed)
    assert before["pending"]["count"] == 3

    stack.deliver(from_topic("m1"))
    stack.deliver(from_rule("v2"))
    stack.deliver(from_rule("v1"))  # older than what is pending: late, and again
    stack.send(from_rule("v2"))  # the rule's other target: a queue in front of the function
    status, answer = stack.post("/twice", to_main("4f2a91c"), signed(to_main("4f2a91c"), "delivery-1"))
    assert (status, answer["why"]) == (200, "duplicate")

    deployed.until_answered("twice", duplicate=5)
    assert _stored(deployed) == before
    assert len(deployed.started("twice")) == 1


def test_the_end_of_a_build_told_again_or_out_of_order_changes_nothing(deployed: Deployed) -> None:
    stack = deployed.stack
    first = stack.invoke({"project": "ended", "source_version": "e1"})["build_id"]
    stack.invoke({"project": "ended", "source_version": "e2"})
    deployed.standin.finish(first)
    answer = stack.invoke(build_ended(first))
    second = answer["then"]["build_id"]
    before = _stored(deployed, "ended")
    assert before["running"]["build_id"] == second
    for late in (
        build_ended(first),
        build_ended(first, "FAILED"),
        build_ended(first, "IN_PROGRESS"),
        build_ended(second, "IN_PROGRESS"),
        build_ended("ended:of-another-build"),
    ):
        stack.invoke(late)
    assert _stored(deployed, "ended") == before
    assert deployed.started("ended") == [first, second]


def _stored(deployed: Deployed, project: str = "twice") -> dict[str, Any]:
    """What the gate's item says, but for how many triggers were answered with nothing, and which write that was."""
    gate = deployed.gate(project)
    return {name: gate[name] for name in ("last_build", "due", "pending", "claim", "running")}
