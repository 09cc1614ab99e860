"""The template with the old snippet's table, project and cooldown: what docs/migrate.md promises."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.conftest import FAKE_AWS
from tests.deployed.stack import REGION, Stack, until
from tests.e2e.conftest import delete_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deployed.conftest import Deployed

pytestmark = [pytest.mark.dynamodb, pytest.mark.ministack]

TABLE = "the-snippets"
KEY = {"cb_project": {"S": "site-build"}, "region": {"S": REGION}}


@pytest.fixture
def dynamodb(dynamodb_local_url: str, aws_env: object) -> Iterator[Any]:
    """A client, and the table as the snippet has it: two keys, no index, one build an hour ago."""
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_url)
    client.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "cb_project", "KeyType": "HASH"},
            {"AttributeName": "region", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in KEY],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName=TABLE, Item=KEY | {"lastbuild": {"N": f"{time.time() - 3600:.0f}"}})
    yield client
    client.close()
    delete_table(dynamodb_local_url, TABLE)


@pytest.fixture
def stack(deployed: Deployed, package: Path, dynamodb: Any, dynamodb_local_url: str) -> Iterator[Stack]:
    """A second stack beside the other; this one by the lean client."""
    parameters = {
        "CodeBuildProject": "site-build",
        "Cooldown": "600",
        "Client": "lean",
        "ExistingTable": TABLE,
        "DynamoDBEndpoint": dynamodb_local_url,
        "CodeBuildEndpoint": deployed.standin.url,
    }
    deployed.standin.add_project("site-build")
    key = FAKE_AWS["AWS_ACCESS_KEY_ID"]
    stack = Stack(deployed.stack.endpoint, package, parameters, name="drop-in", key=key)
    yield stack
    stack.close()


def test_the_snippets_event_and_table_are_enough(deployed: Deployed, stack: Stack, dynamodb: Any) -> None:
    answers = [stack.invoke({}) for _ in range(2)]
    assert [answer["outcome"] for answer in answers] == ["started", "deferred"]
    (line,) = until(lambda: _logged(stack, answers[0]["id"]), what="the decision in the log")
    assert (line["event"], line["outcome"], line["kind"]) == ("decision", "started", "direct")
    assert len(deployed.started("site-build")) == 1
    item = dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]
    assert time.time() - float(item["lastbuild"]["N"]) < 3_000  # what the snippet beside it reads
    assert len(stack.schedules()) == 1
    assert stack.invoke({"holdoff": "sweep"}) == {"due": 0, "woken": 0}  # by a scan


def _logged(stack: Stack, decision: str) -> list[dict[str, Any]]:
    return [line for line in stack.log() if line.get("id") == decision]
