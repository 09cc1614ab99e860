"""Every store of ours under the one suite. (DynamoDB: on DynamoDB Local and on ministack.)"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import boto3
import pytest

from holdoff.stores.dynamodb import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing import StoreConformance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdoff.stores.base import Store


class TestMemory(StoreConformance):
    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore()


class TestSQLite(StoreConformance):
    def make_store(self, tmp_path: Path) -> Store:
        return SQLiteStore(tmp_path / f"gates-{len(list(tmp_path.iterdir()))}.db")

    def another(self, store: Store) -> Store:
        assert isinstance(store, SQLiteStore)
        return SQLiteStore(store.path)


_numbers = itertools.count()


class DynamoDB(StoreConformance):
    """Tables are deleted after each test: the engines slow down with every one that is left."""

    endpoint = ""

    @pytest.fixture(autouse=True)
    def _tables(self, aws_env: object) -> Iterator[None]:
        self.made: list[str] = []
        yield
        client = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=self.endpoint)
        for table in self.made:
            client.delete_table(TableName=table)
        client.close()

    def make_store(self, tmp_path: Path) -> Store:
        table = f"conformance-{next(_numbers)}"
        store = DynamoDBStore(table, region="eu-west-1", endpoint=self.endpoint)
        store.initialise()
        self.made.append(table)
        return store

    def another(self, store: Store) -> Store:
        assert isinstance(store, DynamoDBStore)
        return DynamoDBStore(store.table, region="eu-west-1", endpoint=self.endpoint)


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
