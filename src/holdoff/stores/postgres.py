"""Gates in a PostgreSQL database: the store for several machines without AWS.

    postgresql://USER:PASSWORD@HOST/DATABASE?schema=holdoff

A row is a gate as JSON, with copies of the instants that are searched for, as in SQLite. This module has the tables and
the statements. ``postgres_server`` has the connections and transactions.

**A write is one transaction of two messages.** The first message locks the gate's row and reads it; if there is no row,
it makes one. The store then decides by the same pure functions as in memory and in SQLite. The second message writes
and commits, or rolls back. Writers of one gate queue at its row. Writers of different gates do not wait for each other.
If a client dies or falls silent, the server ends its transaction, and with it the lock.

**A write that moves a gate's due instant notifies the processes that wait for due gates.**
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import RecordInvalid
from holdoff.core.pending import Fold
from holdoff.core.record import KEPT_HISTORY_MS, Finished, Record
from holdoff.core.request import NO_REGION, GateKey
from holdoff.stores import codec
from holdoff.stores.postgres_errors import LONGEST_NAMES, NoTables
from holdoff.stores.postgres_server import COMMIT, ROLLBACK, VERSION, Link, Row, Server

T = TypeVar("T")
log: Final = logging.getLogger("holdoff.stores.postgres")

#: ``item`` is the gate as JSON (not jsonb, which cannot hold every text); the instants beside it are copies. Names are
#: ordered by their bytes, as everywhere else.
TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS gates (
    project text COLLATE "C" NOT NULL,
    region text COLLATE "C" NOT NULL,
    due_ms bigint,
    expires_ms bigint,
    item json NOT NULL,
    PRIMARY KEY (project, region),
    CHECK (octet_length(project) + octet_length(region) <= {LONGEST_NAMES})
);
CREATE INDEX IF NOT EXISTS gates_due ON gates (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS gates_expires ON gates (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS history (
    project text COLLATE "C" NOT NULL,
    region text COLLATE "C" NOT NULL,
    claimed_ms bigint NOT NULL,
    token text COLLATE "C" NOT NULL,
    build json NOT NULL,
    PRIMARY KEY (project, region, claimed_ms, token)
);
CREATE INDEX IF NOT EXISTS history_claimed ON history (claimed_ms);
CREATE TABLE IF NOT EXISTS version AS SELECT {VERSION} AS version
"""
#: One process at a time checks whether the tables are there, and creates them.
LOOK: Final = """
SELECT pg_advisory_xact_lock(hashtext('holdoff'), hashtext(%(schema)s));
SELECT to_regnamespace(%(schema)s) IS NULL, to_regclass('version') IS NULL,
    num_nulls(to_regclass('version'), to_regclass('gates'), to_regclass('history'))
"""
GATE: Final = "project = %(project)s AND region = %(region)s"
GET: Final = f"SELECT item::text FROM gates WHERE {GATE}"
#: Makes the row, or locks the existing row and leaves it as it is.
LOCK: Final = f"""
INSERT INTO gates AS g (project, region, item) VALUES (%(project)s, %(region)s, '{{}}')
    ON CONFLICT (project, region) DO UPDATE SET item = g.item WHERE false;
{GET}
"""
SAVE: Final = f"UPDATE gates SET item = %(item)s, due_ms = %(due_ms)s, expires_ms = %(expires_ms)s WHERE {GATE}"
KEEP: Final = f"""
INSERT INTO history (project, region, claimed_ms, token, build)
    VALUES (%(project)s, %(region)s, %(claimed_ms)s, %(token)s, %(build)s)
    ON CONFLICT (project, region, claimed_ms, token) DO UPDATE SET build = excluded.build;
DELETE FROM history WHERE {GATE} AND claimed_ms < %(forgotten_ms)s
"""
GATES: Final = """
SELECT project, region, item::text FROM gates WHERE %(project)s::text IS NULL OR project = %(project)s
    ORDER BY project, region
"""
HISTORY: Final = f"""
SELECT build::text FROM history
    WHERE {GATE} AND (%(texts)s::text[] IS NULL OR EXISTS (
        SELECT 1 FROM unnest(%(texts)s::text[]) AS text WHERE position(text in build::text) > 0))
    ORDER BY claimed_ms DESC, token DESC LIMIT %(limit)s
"""
DUE: Final = "SELECT project, region FROM gates WHERE due_ms <= %(now_ms)s ORDER BY due_ms"
NEXT: Final = "SELECT min(due_ms) - %(now_ms)s FROM gates WHERE due_ms > %(since_ms)s"
#: Deletes expired gates, and the history of such gates when it is old enough itself. A few at a time, and without
#: waiting: a locked row is in use, and the next new gate deletes it.
EXPIRE: Final = """
WITH gone AS (
    DELETE FROM gates WHERE (project, region) IN (
        SELECT project, region FROM gates WHERE expires_ms <= %(now_ms)s
        ORDER BY expires_ms LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING 1)
DELETE FROM history WHERE EXISTS (SELECT FROM gone) AND (project, region, claimed_ms, token) IN (
    SELECT project, region, claimed_ms, token FROM history WHERE claimed_ms < %(forgotten_ms)s
    ORDER BY claimed_ms LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""
#: A line for each fault.
CHECK: Final = """
SELECT 'this user may not ' || lower(act) || ' in ' || name
    FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS act, unnest('{gates,history}'::text[]) AS name
    WHERE NOT has_table_privilege(name, act)
UNION ALL SELECT name || ' is off: what is acknowledged may be lost in a power cut' FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'
UNION ALL SELECT relname || ' is unlogged: a crash of the server empties it' FROM pg_class
    WHERE oid IN ('gates'::regclass, 'history'::regclass) AND relpersistence <> 'p'
UNION ALL SELECT 'it is a read-only replica, or lets this user only read'
    WHERE current_setting('transaction_read_only') = 'on'
"""


class PostgresStore:
    """Gates in one schema of a database. The methods are described in ``stores.base.Store``.

    Args:
        url: as libpq reads it, with ``schema`` as one more parameter.
        busy_ms: how long an operation may take in all.
    """

    region = NO_REGION
    #: A machine's correction is as exact as its quickest answer was quick.
    clock_margin_ms = 1_000

    def __init__(self, url: str, *, busy_ms: int | None = None) -> None:
        self.server: Server = Server(url, busy_ms=busy_ms)
        self.url: str = self.server.address.shown
        self._schema = self.server.address.schema
        self._channel = f"{self._schema}_due"

    def clock_offset_ms(self) -> int:
        """What to add to this machine's time for the server's, as far as it is known. Sends no request."""
        return self.server.offset_ms

    def get(self, key: GateKey) -> Record:
        return codec.item_to_record(key, self._plain(key) or {})

    def item(self, key: GateKey) -> dict[str, object] | None:
        plain = self._plain(key)
        return None if plain is None else {codec.PROJECT: key.project, codec.REGION: key.region, **plain}

    def _plain(self, key: GateKey) -> dict[str, Any] | None:
        rows = self.server.read(f"reading {key}", GET, codec.row_of_key(key))
        return codec.json_to_plain(key, rows[0][0]) if rows else None

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        return self._write(f"writing {key}", key, partial(codec.swapped, expected, new), history)

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        return self._write(f"deferring a trigger of {key}", key, partial(fold.applied, expected))

    def _write(
        self, doing: str, key: GateKey, decide: Callable[[Record], Record | None], history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        """Write what ``decide`` makes of the gate. ``None``: it stays as it is."""

        def act(link: Link) -> Swapped | Lost:
            (((text,),),) = self.server.begin(link, (LOCK, codec.row_of_key(key)))
            current = codec.row_to_record(key, text)
            new = decide(current)
            if new is None:  # a commit waits until synchronous replicas have what was found; an empty row is not kept
                link.talk(ROLLBACK if current == Record() else COMMIT)
                return Lost(current)
            statements = [(SAVE, codec.row_of_record(key, new))]
            statements += [(KEEP, codec.row_of_build(key, build)) for build in history]
            if current == Record():
                now_ms = codec.seen_ms(new)  # first: it must not find this gate
                statements.insert(0, (EXPIRE, {"now_ms": now_ms, "forgotten_ms": now_ms - KEPT_HISTORY_MS}))
            if new.due_ms not in (None, current.due_ms):
                statements.append((f"NOTIFY {self._channel}", {}))
            link.commit_with(*statements)
            return Swapped(new)

        return self._change(doing, act)

    def keep(self, key: GateKey, build: Finished) -> None:
        def act(link: Link) -> None:
            self.server.begin(link)
            link.commit_with((KEEP, codec.row_of_build(key, build)))

        self._change(f"keeping a build of {key}", act)

    def _change(self, doing: str, act: Callable[[Link], T]) -> T:
        """One write. The first write of all creates the tables."""
        try:
            return self.server.call(doing, act, writes=True)
        except NoTables:
            self.initialise()
            return self.server.call(doing, act, writes=True)

    def due(self, now_ms: int) -> Iterator[GateKey]:
        rows = self.server.read("looking for what is due", DUE, {"now_ms": now_ms})
        return iter([key for key, _ in codec.rows_to_keys(rows, self.url, log.warning)])

    def wait_for_due(self, since_ms: int, now_ms: int, most_ms: int) -> bool:
        """See ``Store``. (Behind pgbouncer a change made meanwhile goes unnoticed.)"""
        return self.server.wait((NEXT, {"since_ms": since_ms, "now_ms": now_ms}), self._channel, most_ms)

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        rows = self.server.read("listing the gates", GATES, {"project": project})
        yield from codec.rows_to_gates(rows, self.url, log.warning)

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        rows = self._rows(f"reading the history of {key}", key, limit, None)
        yield from codec.rows_to_builds(key, rows, self.url, log.warning)

    def naming(self, key: GateKey, texts: Sequence[str]) -> Iterator[Finished]:
        """The newest build is searched for first, alone: most callers want no more, and the search ends there."""
        for most, known in ((1, 0), (codec.PAGE_OF_BUILDS, 1)):
            rows = self._rows(f"searching the history of {key}", key, most, list(map(codec.row_text, texts)))
            yield from codec.rows_to_builds(key, rows[known:], self.url, log.warning)
            if len(rows) < most:
                return

    def _rows(self, doing: str, key: GateKey, limit: int | None, texts: list[str] | None) -> list[Row]:
        return self.server.read(doing, HISTORY, {**codec.row_of_key(key), "limit": limit, "texts": texts})

    def initialise(self) -> list[str]:
        """Create the missing tables, and the schema if it is missing."""

        def act(link: Link) -> list[str]:
            look = (LOOK, {"schema": self._schema})
            *_, ((no_schema, no_version, missing),) = self.server.begin_bare(link, look)
            if missing and not no_version:
                link.talk(ROLLBACK)
                self.server.begin(link, look)  # refuses another version: beside that nothing is created
            schema = f'CREATE SCHEMA "{self._schema}";' if no_schema else ""
            link.commit_with((f"{schema}{TABLES}" if missing else "SELECT", {}))
            done = f"{self.url}: created the tables gates, history and version in schema {self._schema}"
            return [done] if missing else []

        return self.server.call("creating its tables", act, writes=True)

    def check(self) -> list[str]:
        """Check that the tables are there, can be written and survive a power cut, and change nothing."""

        def act(link: Link) -> list[str]:
            (found,) = self.server.begin(link, (CHECK, {}), ROLLBACK)
            return [f"{self.url}: {wrong}" for (wrong,) in found]

        try:
            return self.server.call("checking", act)
        except NoTables:
            return [f"{self.url} has no tables in schema {self._schema} yet; the first trigger creates them"]

    def close(self) -> None:
        self.server.close()

    def __del__(self) -> None:
        """A store that was never closed closes its connections."""
        with suppress(Exception):  # at the interpreter's end anything may be gone already
            self.server.close()
