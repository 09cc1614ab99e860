"""The store of a run: with faults for the workers, without for the referee."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdoff.core.errors import StoreUnavailable
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.sqlite import BUSY_MS, SQLiteStore
from tests.chaos import wire
from tests.chaos.clock import SPEED
from tests.chaos.gates import REGION

if TYPE_CHECKING:
    from random import Random

    from holdoff.core.effects import Lost, Swapped
    from holdoff.core.pending import Fold
    from holdoff.core.record import Finished, Record
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store
    from tests.chaos.journal import Journal
    from tests.chaos.settings import Settings

#: A tenth of production's patience, at the run's speed: so that processes do run out of it.
IMPATIENT_MS = BUSY_MS // SPEED // 10


def sound(settings: Settings) -> Store:
    """The store as it is."""
    if settings.store == "sqlite":
        return SQLiteStore(settings.where, region=REGION)
    client = wire.dynamodb(settings.where, speed=1)
    return DynamoDBStore(settings.table, region=REGION, client=client)


def faulty(settings: Settings, client: Any, random: Random, journal: Journal) -> Store:
    """The store as a worker has it. The client is DynamoDB's."""
    if settings.store == "sqlite":
        return FaultySQLite(settings, random, journal)
    wire.Faults(client, settings.fault_rate, random, journal)
    return DynamoDBStore(settings.table, region=REGION, client=client)


class FaultySQLite(SQLiteStore):
    """SQLite has no wire: "locked" is real, an answer is lost between the store and its gate."""

    def __init__(self, settings: Settings, random: Random, journal: Journal) -> None:
        super().__init__(settings.where, region=REGION, busy_ms=IMPATIENT_MS)
        self._rate, self._random, self._told = settings.fault_rate / 2, random, journal

    def get(self, key: GateKey) -> Record:
        with _Counted(self._told):
            return super().get(key)

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        with _Counted(self._told):
            return self._or_lost(super().swap(key, expected=expected, new=new, history=history))

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        with _Counted(self._told):
            return self._or_lost(super().fold(key, expected=expected, fold=fold))

    def _or_lost(self, answer: Swapped | Lost) -> Swapped | Lost:
        if self._random.random() >= self._rate:
            return answer
        self._told.write("fault", kind="sqlite: answer lost after commit")
        raise StoreUnavailable("chaos: the answer is lost")


class _Counted:
    """Writes down what SQLite itself refused."""

    def __init__(self, journal: Journal) -> None:
        self._told = journal

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StoreUnavailable) and isinstance(error.__cause__, sqlite3.Error):
            self._told.write("fault", kind=f"sqlite: {error.__cause__}")


def hog(path: Path, random: Random) -> None:
    """Hold the file's write lock for longer than the workers wait, again and again, until killed."""
    database = sqlite3.connect(path, timeout=10, isolation_level=None)
    while True:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(random.uniform(0.5, 2.0) * IMPATIENT_MS / 1000)
        database.execute("ROLLBACK")
        time.sleep(random.uniform(0.02, 0.15))
