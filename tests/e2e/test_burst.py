"""A burst: many processes that have seen nothing yet decide at once on one gate that cools down.

Deferrals commute, so each costs a read and a write, whatever the others do; and nothing of it makes the item grow.
"""

from __future__ import annotations

import statistics
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.aws.client import Limits, make_client
from holdoff.core.record import digest
from holdoff.starters import Call
from holdoff.stores.dynamodb.item import item_size
from holdoff.stores.dynamodb.store import DynamoDBStore

if TYPE_CHECKING:
    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb

THREADS = 32
LIMITS = Limits(connect_s=5, read_s=20, tries=2, connections=THREADS)


class Burst:
    """Deciders at one gate, each with a gate and a store of its own, and what each sent.

    They share one client: making 500 would take minutes and change nothing.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.table = cloud.table
        self.client = make_client("dynamodb", LIMITS, region="eu-west-1", endpoint=cloud.endpoint)
        self.client.meta.events.register("before-send.dynamodb", self._sent)
        self.sent = threading.local()

    def _sent(self, **_: object) -> None:
        self.sent.count = getattr(self.sent, "count", 0) + 1

    def gate(self) -> holdoff.Gate:
        store = DynamoDBStore(self.table, region="eu-west-1", client=self.client)
        policy = holdoff.Policy("10m")
        return holdoff.Gate("site-build", store=store, policy=policy, starter=Call(lambda *_: None))

    def trigger(self, **wish: Any) -> tuple[holdoff.Decision, int]:
        """A decision, and how many requests it took."""
        self.sent.count = 0
        decision = self.gate().trigger(**wish)
        return decision, self.sent.count


@pytest.mark.parametrize(("known", "deciders"), [("no version", 60), ("version", 60), ("version and line", 500)])
def test_a_burst_costs_two_requests_a_trigger_and_loses_none(cloud: Cloud, known: str, deciders: int) -> None:
    burst = Burst(cloud)
    gate = burst.gate()
    assert gate.trigger(event_id="the first").outcome == "started"
    store = gate.store
    before = item_size(store.item(gate.key) or {})

    def decide(n: int) -> tuple[holdoff.Decision, int]:
        version = {"source_version": f"{n:040x}"} if known != "no version" else {}
        line = {"line": "refs/heads/main", "at": 1_700_000_000 + n} if "line" in known else {}
        return burst.trigger(event_id=f"delivery-{n}", reason="push", **version, **line)

    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(decide, range(deciders)))
    assert {decision.outcome for decision, _ in replies} == {"deferred"}
    costs = [cost for _, cost in replies]
    assert statistics.median(costs) <= 3
    assert max(costs) <= 12
    record = store.get(gate.key)
    assert record.pending is not None
    assert record.pending.count == deciders
    ids = {digest(f"delivery-{n}") for n in range(deciders)}
    assert len(set(record.events)) == 16
    assert set(record.events) <= ids
    if "line" in known:
        assert record.pending.request.source_version == f"{deciders - 1:040x}"
    after = item_size(store.item(gate.key) or {})
    print(f"{deciders}: median {statistics.median(costs)}, most {max(costs)}; {before} bytes before, {after} after")
    assert before < 1024
    assert after < 1024
