"""The store of a run: with faults for the workers, without for the referee."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from holdoff.core.errors import StoreUnavailable
from holdoff.stores import postgres_server
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.postgres import PostgresStore
from holdoff.stores.postgres_server import Address
from holdoff.stores.sqlite import SQLiteStore
from holdoff.stores.sqlite_turns import BUSY_MS
from tests.chaos import wire
from tests.chaos.clock import SPEED
from tests.chaos.gates import REGION

if TYPE_CHECKING:
    from collections.abc import Callable
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
#: How often the hog on PostgreSQL holds all gates.
HOLDS = 0.1
CUT = """
SELECT pg_terminate_backend(pid) FROM
    (SELECT pid FROM pg_stat_activity WHERE application_name = 'holdoff' ORDER BY random() LIMIT %s) AS unlucky
"""
T = TypeVar("T")


def sound(settings: Settings) -> Store:
    """The store as it is."""
    if settings.store == "sqlite":
        return SQLiteStore(settings.where)
    if settings.store == "postgres":
        return PostgresStore(settings.where)
    client = wire.dynamodb(settings.where, speed=1)
    return DynamoDBStore(settings.table, region=REGION, client=client)


def faulty(settings: Settings, client: Any, random: Random, journal: Journal) -> Store:
    """The store as a worker has it. The client is DynamoDB's."""
    if settings.store in LOSING:
        store: Store = LOSING[settings.store](settings, random, journal)
        return store
    wire.Faults(client, settings.fault_rate, random, journal)
    return DynamoDBStore(settings.table, region=REGION, client=client)


class Losing:
    """What the store refuses is real, and written down; an answer is lost between the store and its gate."""

    def __init__(self, settings: Settings, random: Random, journal: Journal) -> None:
        self._rate, self._random, self._told = settings.fault_rate / 2, random, journal
        patience = {"sqlite": IMPATIENT_MS, "postgres": postgres_server.BUSY_MS // SPEED}
        super().__init__(settings.where, busy_ms=patience[settings.store])  # type: ignore[call-arg]

    def get(self, key: GateKey) -> Record:
        read: Callable[[GateKey], Record] = super().get  # type: ignore[misc]
        return self._counted(lambda: read(key))

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        swap = super().swap  # type: ignore[misc]
        return self._or_lost(self._counted(lambda: swap(key, expected=expected, new=new, history=history)))

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        add = super().fold  # type: ignore[misc]
        return self._or_lost(self._counted(lambda: add(key, expected=expected, fold=fold)))

    def _or_lost(self, answer: Swapped | Lost) -> Swapped | Lost:
        if self._random.random() >= self._rate:
            return answer
        self._told.write("fault", kind="answer lost after commit")
        raise StoreUnavailable("chaos: the answer is lost")

    def _counted(self, act: Callable[[], T]) -> T:
        """What the database itself refused is written down."""
        try:
            return act()
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, sqlite3.Error | psycopg.Error):
                self._told.write("fault", kind=f"{type(cause).__name__}: {str(cause).partition(':')[0]:.60}")
            raise


class LosingSQLite(Losing, SQLiteStore):
    """SQLite has no wire."""


class LosingPostgres(Losing, PostgresStore):
    """Its connections are cut by the hog."""


LOSING: dict[str, Any] = {"sqlite": LosingSQLite, "postgres": LosingPostgres}


def hog(settings: Settings, random: Random, journal: Journal) -> None:
    """Hold what a writer needs for longer than the workers wait, again and again, until killed. On PostgreSQL: and cut
    their connections, whatever they are at."""
    if settings.store == "sqlite":
        hog_file(Path(settings.where), random)
    address = Address.of(settings.where)
    with psycopg.connect(**address.parameters, application_name="hog", autocommit=True) as database:
        while True:
            if random.random() < HOLDS:
                with database.transaction():
                    database.execute(f"LOCK TABLE {address.schema}.gates IN EXCLUSIVE MODE")
                    time.sleep(random.uniform(0.1, 1.5) * postgres_server.BUSY_MS / SPEED / 1000)
            for (_,) in database.execute(CUT, (random.randint(1, 3),)).fetchall():
                journal.write("fault", kind="connection cut")
            time.sleep(random.uniform(0.02, 0.15))


def hog_file(path: Path, random: Random) -> None:
    """Hold the file's write lock."""
    database = sqlite3.connect(path, timeout=10, isolation_level=None)
    while True:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(random.uniform(0.5, 2.0) * IMPATIENT_MS / 1000)
        database.execute("ROLLBACK")
        time.sleep(random.uniform(0.02, 0.15))
