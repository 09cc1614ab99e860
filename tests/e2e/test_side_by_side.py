"""The old snippet and Holdoff on one item at once: Holdoff's own starts keep their spacing, and the snippet goes on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import holdoff
from holdoff.starters import Call
from holdoff.testing import ManualClock
from tests.waiting import all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb

COOLDOWN = 10
ROUNDS = 80
KEY = {"cb_project": "site-build", "region": "eu-west-1"}


def snippet(table: Any, now: int) -> bool:
    """The old function's way: get, then create or update without a condition. Whether it called StartBuild."""
    item = table.get_item(Key=KEY).get("Item")
    if item is None:
        table.put_item(Item={**KEY, "lastbuild": now})
        return False
    if now <= int(item["lastbuild"]) + COOLDOWN:
        return False
    table.update_item(
        Key=KEY,
        UpdateExpression="set lastbuild = :now",
        ExpressionAttributeValues={":now": now},
        ReturnValues="UPDATED_NEW",
    )
    return True


def test_our_own_starts_keep_their_spacing(cloud: Cloud) -> None:
    clock = ManualClock()
    ours: list[int] = []
    theirs: list[int] = []
    start: Callable[..., None] = lambda *_: ours.append(clock.now_ms())  # noqa: E731
    gates = [_gate(cloud, start, clock) for _ in range(4)]
    gates[0].trigger()  # the snippet's create, without a condition, could wipe a gate's first moment

    def run_snippet(table: Any) -> None:
        if snippet(table, clock.now_ms() // 1000):
            theirs.append(clock.now_ms())

    acts: list[Callable[[], object]] = [gate.trigger for gate in gates]
    for _ in range(2):
        table = _table(cloud)
        acts.append(lambda table=table: run_snippet(table))  # type: ignore[misc]
    for number in range(ROUNDS):
        # All at once; and every other twelve seconds only the snippet is there, or it would seldom be first.
        all_at_once(acts if number // 8 % 2 == 0 else acts[len(gates) :])
        clock.advance("1500ms")
    gaps = [later - earlier for earlier, later in itertools.pairwise(ours)]
    assert min(gaps) >= COOLDOWN * 1000
    assert len(ours) > 2  # both had their turns
    assert theirs
    assert int(_table(cloud).get_item(Key=KEY)["Item"]["lastbuild"]) + COOLDOWN > 0


def _gate(cloud: Cloud, start: Callable[..., None], clock: ManualClock) -> holdoff.Gate:
    return holdoff.Gate(
        "site-build",
        store=cloud.store(),
        policy=holdoff.Policy(COOLDOWN),
        starter=Call(start),
        clock=clock,
    )


def _table(cloud: Cloud) -> Any:
    session = boto3.session.Session()  # sessions are not for sharing between threads
    resource = session.resource("dynamodb", endpoint_url=cloud.endpoint, region_name="eu-west-1")
    return resource.Table(cloud.table)
