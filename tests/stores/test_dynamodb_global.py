"""A global table: each region writes and wakes its own gates, because no condition sees another region's writes.

DynamoDB Local has no replicas: its description is given some at the client's seam.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from holdoff.core.effects import Swapped
from holdoff.core.errors import StoreMismatch, StoreUnavailable
from holdoff.core.pending import Fold, single
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey, Request
from holdoff.stores.dynamodb.store import KNOWN_MS, DynamoDBStore
from holdoff.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.dynamodb

HERE, THERE = GateKey("site", "eu-west-1"), GateKey("site", "us-east-1")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "DescribeTable")


@pytest.fixture
def store(dynamodb_local_url: str, aws_env: object) -> Iterator[DynamoDBStore]:
    """A table with a due gate of each region."""
    client: Any = boto3.client("dynamodb", endpoint_url=dynamodb_local_url)
    store = DynamoDBStore("holdoff-global", region="eu-west-1", client=client)
    store.initialise()
    for key in (HERE, THERE):
        store.swap(key, expected=Record(), new=Record(due_ms=1).swapped("W1"))
    yield DynamoDBStore("holdoff-global", region="eu-west-1", client=client)  # knows nothing yet
    client.delete_table(TableName="holdoff-global")
    client.close()


def described(monkeypatch: pytest.MonkeyPatch, store: DynamoDBStore, answer: dict[str, Any] | Exception) -> list[str]:
    """Let DescribeTable say this besides; what it is asked is remembered."""
    client: Any = store.connection.client("testing")
    asked, original = [], client.describe_table

    def describe_table(**parameters: Any) -> dict[str, Any]:
        asked.append(str(parameters["TableName"]))
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = original(**parameters)
        return {**found, "Table": found["Table"] | answer}

    monkeypatch.setattr(client, "describe_table", describe_table)
    return asked


def test_a_table_of_one_region_keeps_any_gates(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = described(monkeypatch, store, {})
    for _ in range(2):
        assert set(store.due(2)) == {HERE, THERE}
    assert len(asked) == 1


def test_a_global_table_is_told_apart(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    described(monkeypatch, store, {"Replicas": [{"RegionName": "us-east-1"}]})
    assert list(store.due(2)) == [HERE]


def test_without_the_right_to_know_it_wakes_none_but_its_own_and_says_so(
    store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = described(monkeypatch, store, DENIED)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert list(store.due(2)) == [HERE]
    assert len(asked) == 1
    (warning,) = caplog.records
    assert "us-east-1" in warning.getMessage()
    assert "dynamodb:DescribeTable" in warning.getMessage()


def test_gates_of_its_own_region_ask_nothing(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = store.connection.client("testing")
    client.delete_item(
        TableName=store.table,
        Key={"cb_project": {"S": THERE.project}, "region": {"S": THERE.region}},
    )
    asked = described(monkeypatch, store, {})
    assert list(store.due(2)) == [HERE]
    store.swap(HERE, expected=store.get(HERE), new=Record().swapped("W2"))
    assert asked == []


def test_a_gate_of_another_region_is_not_written_through_this_copy(
    store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = described(monkeypatch, store, {"Replicas": [{"RegionName": "us-east-1"}]})
    before = store.get(THERE)
    with pytest.raises(StoreMismatch, match=r"site \(us-east-1\) .* region=us-east-1"):
        store.swap(THERE, expected=before, new=Record().swapped("W2"))
    request = Request(project=THERE.project, region=THERE.region)
    expected = Record(pending=single(request, 2)).swapped("W1")
    with pytest.raises(StoreMismatch, match="starts two builds"):
        store.fold(THERE, expected=expected, fold=Fold(write_id="W2", request=request, last_ms=3))
    with pytest.raises(StoreMismatch, match="starts two builds"):
        store.keep(THERE, Finished(build_id="b", token="T", started_ms=1, claimed_ms=1))
    assert store.get(THERE) == before
    assert len(asked) == 1


def test_a_copy_that_is_added_later_is_noticed(store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process lives for months, and this is how a table is moved to another region."""
    clock = ManualClock()
    client = store.connection.client("testing")
    lasting = DynamoDBStore("holdoff-global", region="eu-west-1", client=client, clock=clock)
    assert set(lasting.due(2)) == {HERE, THERE}
    described(monkeypatch, lasting, {"Replicas": [{"RegionName": "us-east-1"}]})
    assert set(lasting.due(2)) == {HERE, THERE}
    clock.sleep(KNOWN_MS)
    assert list(lasting.due(2)) == [HERE]
    with pytest.raises(StoreMismatch, match="starts two builds"):
        lasting.swap(THERE, expected=lasting.get(THERE), new=Record().swapped("W2"))


@pytest.mark.parametrize("error", [DENIED, ReadTimeoutError(endpoint_url="https://...")], ids=["denied", "no answer"])
def test_what_is_known_of_its_copies_stays_known(
    store: DynamoDBStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """It is asked again each five minutes: if that fails, no gate may be written that was refused before."""
    clock, client = ManualClock(), store.connection.client("testing")
    lasting = DynamoDBStore("holdoff-global", region="eu-west-1", client=client, clock=clock)
    described(monkeypatch, lasting, {"Replicas": [{"RegionName": "us-east-1"}]})
    assert list(lasting.due(2)) == [HERE]
    clock.sleep(KNOWN_MS)
    described(monkeypatch, lasting, error)
    with caplog.at_level(logging.WARNING):
        assert list(lasting.due(2)) == [HERE]
        with pytest.raises(StoreMismatch, match="starts two builds"):
            lasting.swap(THERE, expected=lasting.get(THERE), new=Record().swapped("W2"))
    assert "global table is not known" not in caplog.text


def test_while_it_is_not_said_whether_there_are_copies_no_gate_of_another_region_is_written(
    store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(monkeypatch, store, ReadTimeoutError(endpoint_url="https://..."))
    before = store.get(THERE)
    with pytest.raises(StoreUnavailable, match="looking at the table"):
        store.swap(THERE, expected=before, new=Record().swapped("W2"))
    assert store.get(THERE) == before


def test_without_the_right_to_know_it_writes_all_the_same(
    store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(monkeypatch, store, DENIED)
    new = Record().swapped("W2")
    assert store.swap(THERE, expected=store.get(THERE), new=new) == Swapped(record=new)
