"""Every store of ours under the one suite. (DynamoDB: on DynamoDB Local and on ministack.)"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from holdoff.stores.dynamodb import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing import StoreConformance

if TYPE_CHECKING:
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


_tables = itertools.count()


class DynamoDB(StoreConformance):
    endpoint = ""

    def make_store(self, tmp_path: Path) -> Store:
        store = DynamoDBStore(
            f"conformance-{next(_tables)}", region="eu-west-1", endpoint=self.endpoint
        )
        store.initialise()
        return store

    def another(self, store: Store) -> Store:
        assert isinstance(store, DynamoDBStore)
        return DynamoDBStore(store.table, region="eu-west-1", endpoint=self.endpoint)


@pytest.mark.dynamodb
class TestDynamoDBLocal(DynamoDB):
    @pytest.fixture(autouse=True)
    def _engine(self, dynamodb_local_url: str, aws_env: object) -> None:
        self.endpoint = dynamodb_local_url


@pytest.mark.ministack
class TestMinistack(DynamoDB):
    @pytest.fixture(autouse=True)
    def _engine(self, ministack_url: str, aws_env: object) -> None:
        self.endpoint = ministack_url
