"""docs/migrate.md, step by step: the snippet's table, looked at, given what it lacks, taken over, and given back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.e2e.test_lambda import decided, invoke
from tests.e2e.test_side_by_side import COOLDOWN, KEY, snippet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb


@pytest.fixture
def old_table(cloud: Cloud) -> Iterator[Any]:
    """The snippet's table, as its users made it: two keys, nothing else, and provisioned."""
    resource = boto3.resource("dynamodb", endpoint_url=cloud.endpoint, region_name="eu-west-1")
    cloud.table += "-old"
    table = resource.create_table(
        TableName=cloud.table,
        KeySchema=[
            {"AttributeName": "cb_project", "KeyType": "HASH"},
            {"AttributeName": "region", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("cb_project", "region")],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )
    yield table
    table.delete()
    cloud.table = cloud.table.removesuffix("-old")


def holdoff(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    """One command on the table."""
    command = [sys.executable, "-m", "holdoff", *words, "--store", cloud.url]
    return subprocess.run(command, env=cloud.environment, capture_output=True, text=True, check=False)


def item(table: Any) -> dict[str, Any]:
    found: dict[str, Any] = table.get_item(Key=KEY, ConsistentRead=True)["Item"]
    return found


def test_there_and_back(cloud: Cloud, old_table: Any) -> None:
    now = int(time.time())
    assert not snippet(old_table, now - 100)  # its first event only creates the item
    assert snippet(old_table, now - 80)

    # 1. look
    wrong = holdoff(cloud, "store", "check")
    assert wrong.returncode == 1
    assert "holdoff-due" in wrong.stdout
    assert "last built" in holdoff(cloud, "status").stdout

    # 2. give it what it lacks
    before = item(old_table)
    assert holdoff(cloud, "store", "init").returncode == 0
    assert item(old_table) == before
    assert not snippet(old_table, now - 80 + COOLDOWN)

    # 3. and 4. take over: by its own cooldown, from the snippet's last start
    assert decided(invoke(cloud, {}, COOLDOWN="600"))[0]["why"] == "cooling_down"
    assert decided(invoke(cloud, {}, COOLDOWN="30"))[0]["outcome"] == "started"
    assert not snippet(old_table, int(time.time()))  # it goes by our start
    history = json.loads(holdoff(cloud, "history", "site-build", "--json").stdout)
    assert len(history["builds"]) == 1

    # back
    lastbuild = item(old_table)["lastbuild"]
    assert lastbuild >= now
    assert snippet(old_table, int(lastbuild) + COOLDOWN + 1)
    assert item(old_table)["lastbuild"] == int(lastbuild) + COOLDOWN + 1
    assert set(before) <= set(item(old_table))  # and what we know stays beside it


def test_a_first_start_that_was_refused_is_the_one_item_it_cannot_read(cloud: Cloud, old_table: Any) -> None:
    now = int(time.time())
    cloud.standin.fault("StartBuild", "error", code="AccountLimitExceededException")
    assert decided(invoke(cloud, {}))[0]["outcome"] == "failed"
    with pytest.raises(KeyError, match="lastbuild"):
        snippet(old_table, now)
    shown = json.loads(holdoff(cloud, "status", "--json").stdout)["gates"]
    assert [gate["last_build"] for gate in shown] == [None]
    old_table.delete_item(Key=KEY)
    assert not snippet(old_table, now)
    assert item(old_table)["lastbuild"] == now
