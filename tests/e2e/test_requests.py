"""Requests to DynamoDB for each decision, counted at botocore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.core.decision import Outcome
from holdoff.starters import Call
from holdoff.stores.dynamodb import DynamoDBStore
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
        client.meta.events.register(
            "before-send.dynamodb", lambda request, **_: self.requests.append(request.url)
        )
        store = DynamoDBStore(self.cloud.table, region="eu-west-1", client=client)
        start: Callable[..., None] = lambda *_: self.at_start.append(len(self.requests))  # noqa: E731
        return holdoff.Gate(
            "site-build",
            store=store,
            policy=holdoff.Policy("10m", **policy),
            starter=Call(start),
            clock=self.clock,
        )

    def cost(self, act: Callable[[], holdoff.Decision], outcome: Outcome) -> int:
        """How many requests a decision took."""
        before = len(self.requests)
        assert act().outcome is outcome
        return len(self.requests) - before


@pytest.fixture
def counted(cloud: Cloud) -> Counted:
    return Counted(cloud)


@pytest.mark.parametrize("built_before", [False, True])
def test_allowed_cold_is_one_before_the_start_and_two_in_all(
    counted: Counted, built_before: bool
) -> None:
    if built_before:
        counted.cold().trigger()
        counted.clock.advance("1h")
        counted.requests.clear()
        counted.at_start.clear()
    assert counted.cost(counted.cold().trigger, Outcome.STARTED) == 2
    assert counted.at_start == [1]


def test_denied_cold_is_one(counted: Counted) -> None:
    counted.cold().trigger()
    assert counted.cost(counted.cold(on_cooldown="skip").trigger, Outcome.SKIPPED) == 1


def test_denied_warm_is_none(counted: Counted) -> None:
    gate = counted.cold(on_cooldown="skip")
    gate.trigger()
    assert [counted.cost(gate.trigger, Outcome.SKIPPED) for _ in range(5)] == [0] * 5


def test_a_second_deferred_trigger_that_adds_nothing_is_none(counted: Counted) -> None:
    gate = counted.cold()
    gate.trigger()
    assert counted.cost(gate.trigger, Outcome.DEFERRED) == 1
    assert [counted.cost(gate.trigger, Outcome.DEFERRED) for _ in range(5)] == [0] * 5
    gate.flush()
    record = counted.cloud.store().get(gate.key)
    assert record.pending is not None
    assert record.pending.count == 6
    assert record.counts.total == 7
