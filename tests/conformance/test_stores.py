"""Every store of ours under the one suite. (DynamoDB: on DynamoDB Local and on ministack.)"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing import StoreConformance
from tests.conformance import behind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store


class TestMemory(StoreConformance):
    shares_between_processes = False

    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore()


class TestSQLite(StoreConformance):
    def make_store(self, tmp_path: Path) -> Store:
        number = len(list(tmp_path.iterdir())) if tmp_path.exists() else 0
        return SQLiteStore(tmp_path / f"gates-{number}.db")

    def another(self, store: Store) -> Store:
        assert isinstance(store, SQLiteStore)
        return SQLiteStore(store.path)

    def write_behind(self, store: Store, key: GateKey, attributes: dict[str, object]) -> bool:
        assert isinstance(store, SQLiteStore)
        return behind.sqlite(store, key, attributes)


_numbers = itertools.count()


class DynamoDB(StoreConformance):
    """Tables are deleted after each test: the engines slow down with every one that is left."""

    endpoint = ""
    deletes_expired = False

    @pytest.fixture(autouse=True)
    def _tables(self, aws_env: object) -> Iterator[None]:
        self.made: list[str] = []
        self.client: Any = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=self.endpoint)
        yield
        for table in self.made:
            self.client.delete_table(TableName=table)
        self.client.close()

    def make_store(self, tmp_path: Path) -> Store:
        table = f"conformance-{next(_numbers)}"
        store = DynamoDBStore(table, region="eu-west-1", endpoint=self.endpoint)
        store.initialise()
        self.made.append(table)
        return store

    def another(self, store: Store) -> Store:
        assert isinstance(store, DynamoDBStore)
        return DynamoDBStore(store.table, region="eu-west-1", endpoint=self.endpoint)

    def write_behind(self, store: Store, key: GateKey, attributes: dict[str, object]) -> bool:
        assert isinstance(store, DynamoDBStore)
        return behind.dynamodb(self.client, store.table, key, attributes)


@pytest.mark.dynamodb
class TestDynamoDBLocal(DynamoDB):
    @pytest.fixture(autouse=True)
    def _engine(self, dynamodb_local_url: str) -> None:
        self.endpoint = dynamodb_local_url


@pytest.mark.ministack
class TestMinistack(DynamoDB):
    @pytest.fixture(autouse=True)
    def _engine(self, ministack_url: str) -> None:
        self.endpoint = ministack_url
