"""Every store of ours under the one suite. (DynamoDB: on DynamoDB Local and on ministack.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
