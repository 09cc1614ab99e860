"""Every store of ours under the one suite. (DynamoDB: on DynamoDB Local and on ministack; PostgreSQL: with a pgbouncer
before it, too.)
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.postgres import PostgresStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing import StoreConformance
from tests.conformance import behind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store
    from tests.engines.postgres import Cluster


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


@pytest.mark.postgres
class TestPostgreSQL(StoreConformance):
    """Each store has a schema of its own."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: Cluster) -> Iterator[None]:
        self.url, self.made = postgres_server.url, list[PostgresStore]()
        yield
        for store in self.made:
            store.close()
            postgres_server.psql(f"DROP SCHEMA IF EXISTS {store.server.address.schema} CASCADE")

    def make_store(self, tmp_path: Path) -> Store:
        self.made.append(PostgresStore(f"{self.url}?schema=conformance_{next(_numbers)}"))
        return self.made[-1]

    def another(self, store: Store) -> Store:
        assert isinstance(store, PostgresStore)
        self.made.append(PostgresStore(f"{self.url}?schema={store.server.address.schema}"))
        return self.made[-1]

    def write_behind(self, store: Store, key: GateKey, attributes: dict[str, object]) -> bool:
        assert isinstance(store, PostgresStore)
        return behind.postgres(store, key, attributes)


class TestPgBouncer(TestPostgreSQL):
    """In transaction mode, with three sessions for all."""

    @pytest.fixture(autouse=True)
    def _bouncer(self, _server: None, pgbouncer_url: str) -> None:
        self.url = pgbouncer_url


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


@pytest.mark.dynamodb
class TestLeanClient(TestDynamoDBLocal):
    @pytest.fixture(autouse=True)
    def _lean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOLDOFF_AWS_CLIENT", "lean")


@pytest.mark.ministack
class TestMinistack(DynamoDB):
    @pytest.fixture(autouse=True)
    def _engine(self, ministack_url: str) -> None:
        self.endpoint = ministack_url
