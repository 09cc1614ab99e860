"""Requests to DynamoDB for each decision, counted at botocore; and what a decision that changes nothing writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.core.decision import Outcome
from holdoff.core.request import GateKey
from holdoff.starters import Call
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb


class Counted:
    """Gates on one table, and every request to DynamoDB that leaves this process."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.requests: list[str] = []
        self.at_start: list[int] = []
        self.clock = ManualClock()

    def cold(self, **policy: Any) -> holdoff.Gate:
        """A gate as a new process has it: nothing seen yet."""
        import boto3

        client = boto3.client("dynamodb", endpoint_url=self.cloud.endpoint, region_name="eu-west-1")
        client.meta.events.register("before-send.dynamodb", self._sent)
        return holdoff.Gate(
            "site-build",
            store=DynamoDBStore(self.cloud.table, region="eu-west-1", client=client),
            policy=holdoff.Policy("10m", **policy),
            starter=Call(self._start),
            clock=self.clock,
        )

    def _start(self, *_: object) -> None:
        self.at_start.append(len(self.requests))

    def _sent(self, event_name: str, **_: object) -> None:
        self.requests.append(event_name.rpartition(".")[2])

    def asked(self, act: Callable[[], holdoff.Decision], outcome: Outcome) -> list[str]:
        """The requests that a decision took."""
        self.requests.clear()
        assert act().outcome is outcome
        return list(self.requests)


@pytest.fixture
def counted(cloud: Cloud) -> Counted:
    return Counted(cloud)


@pytest.mark.parametrize("built_before", [False, True])
def test_allowed_cold_is_three_and_two_of_them_before_the_start(counted: Counted, built_before: bool) -> None:
    if built_before:
        counted.cold().trigger()
        counted.clock.advance("1h")
        counted.at_start.clear()
    asked = counted.asked(counted.cold().trigger, Outcome.STARTED)
    assert asked[0] == "GetItem"
    assert len(asked) == 3
    assert counted.at_start == [2]


def test_allowed_warm_is_two(counted: Counted) -> None:
    gate = counted.cold()
    gate.trigger()
    counted.clock.advance("1h")
    assert len(counted.asked(gate.trigger, Outcome.STARTED)) == 2


def test_skipped_cold_is_one_read_and_warm_nothing(counted: Counted) -> None:
    counted.cold().trigger()
    before = counted.cloud.store().item(GateKey("site-build", "eu-west-1"))
    gate = counted.cold(on_cooldown="skip")
    assert counted.asked(gate.trigger, Outcome.SKIPPED) == ["GetItem"]
    for _ in range(5):
        assert counted.asked(gate.trigger, Outcome.SKIPPED) == []
    assert counted.cloud.store().item(gate.key) == before


@pytest.mark.parametrize("events", [False, True])
def test_deferred_cold_is_two_and_warm_one(counted: Counted, events: bool) -> None:
    counted.cold().trigger()

    def cost(gate: holdoff.Gate, n: int) -> list[str]:
        event_id = f"delivery-{n}" if events else None
        return counted.asked(lambda: gate.trigger(event_id=event_id, source_version=f"v{n}"), Outcome.DEFERRED)

    gate = counted.cold()
    assert [cost(gate, 0), cost(gate, 1), cost(gate, 2)] == [["GetItem", "UpdateItem"], ["UpdateItem"], ["UpdateItem"]]
    assert cost(counted.cold(), 3) == ["GetItem", "UpdateItem"]
    assert cost(gate, 4) == ["UpdateItem"]  # a fold of another process in between costs nothing
    pending = counted.cloud.store().get(gate.key).pending
    assert pending is not None
    assert (pending.count, pending.request.source_version) == (5, "v4")


def test_a_delivery_again_is_one_read_and_writes_nothing(counted: Counted) -> None:
    counted.cold().trigger()
    counted.cold().trigger(event_id="delivery-7")
    again = counted.asked(lambda: counted.cold().trigger(event_id="delivery-7"), Outcome.SKIPPED)
    assert again == ["GetItem"]
