"""Gates in a SQLite file: the default store, safe across threads, forks, processes and users of one machine.

A row is a gate as JSON, with copies of the instants that are searched for. This module reads and writes the rows.
``sqlite_file`` opens the file, and deals with all that can happen to a file.
"""

from __future__ import annotations

from functools import partial

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import KEPT_HISTORY_MS, Finished, Record
from holdoff.core.request import NO_REGION, GateKey
from holdoff.stores import codec
from holdoff.stores.sqlite_file import SQLiteFile, warn

#: How many expired gates and builds one write deletes. So no write waits long for that.
MOST_GATES: Final = 100
MOST_BUILDS: Final = 1_000
NO_LIMIT: Final = 2**63 - 1
_BUILDS: Final = """
SELECT claimed_ms, token, build FROM history
WHERE project = ? AND region = ? AND (claimed_ms, token) < (?, CAST(? AS TEXT)) {}
ORDER BY claimed_ms DESC, token DESC LIMIT ?
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Final

    from holdoff.core.errors import RecordInvalid
    from holdoff.core.pending import Fold


class SQLiteStore(SQLiteFile):
    """Gates in one file. The arguments are ``SQLiteFile``'s; the methods are described in ``stores.base.Store``."""

    region = NO_REGION
    clock_margin_ms = 0

    def get(self, key: GateKey) -> Record:
        return self._step(f"reading {key}", lambda db: _read(db, key))

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        change = partial(_change, key, partial(codec.swapped, expected, new), history)
        return self._step(f"writing {key}", change, writes=True, swaps=True)

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        change = partial(_change, key, partial(fold.applied, expected), ())
        return self._step(f"deferring a trigger of {key}", change, writes=True)

    def keep(self, key: GateKey, build: Finished) -> None:
        self._step(f"keeping a build of {key}", lambda db: _keep(db, key, build), writes=True)

    def due(self, now_ms: int) -> Iterator[GateKey]:
        sql = "SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms"
        rows = self._step("looking for what is due", partial(_rows, sql, (now_ms,)))
        return iter([key for key, _ in codec.rows_to_keys(rows, self._file, warn)])

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        which, of = ("", ()) if project is None else ("WHERE project = ?", (project,))
        sql = f"SELECT project, region, item FROM gates {which} ORDER BY project, region"
        yield from codec.rows_to_gates(self._step("listing the gates", partial(_rows, sql, of)), self._file, warn)

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return self._builds(key, (), codec.PAGE_OF_BUILDS, NO_LIMIT if limit is None else limit)

    def naming(self, key: GateKey, texts: Sequence[str]) -> Iterator[Finished]:
        """The newest build is searched for first, alone: most callers want no more, and the search ends there."""
        return self._builds(key, list(map(codec.row_text, texts)), 1, codec.PAGE_OF_BUILDS)

    def _builds(self, key: GateKey, texts: Sequence[str], page: int, left: int) -> Iterator[Finished]:
        """The newest ``left`` builds, or of those that hold one of the texts. ``page``: how many are read at first."""
        which = f"AND ({' OR '.join(['instr(build, ?)'] * len(texts))})" if texts else ""
        last: tuple[int, bytes] = (NO_LIMIT, b"")
        while left > 0:
            page = min(page, left)
            look = partial(_rows, _BUILDS.format(which), (key.project, key.region, *last, *texts, page))
            rows = self._step(f"reading the history of {key}", look)
            yield from codec.rows_to_builds(key, rows, self._file, warn)
            if len(rows) < page:
                return
            last, left, page = rows[-1][:2], left - page, codec.PAGE_OF_BUILDS

    def item(self, key: GateKey) -> dict[str, object] | None:
        text = self._step(f"reading {key}", lambda db: _row(db, key))
        keys = {codec.PROJECT: key.project, codec.REGION: key.region}
        return None if text is None else {**keys, **codec.json_to_plain(key, text)}


def _rows(sql: str, values: tuple[object, ...], db: sqlite3.Connection) -> list[Any]:
    return db.execute(sql, values).fetchall()


def _row(db: sqlite3.Connection, key: GateKey) -> bytes | None:
    sql = "SELECT item FROM gates WHERE project = ? AND region = ?"
    row: tuple[bytes] | None = db.execute(sql, (key.project, key.region)).fetchone()
    return None if row is None else row[0]


def _read(db: sqlite3.Connection, key: GateKey) -> Record:
    text = _row(db, key)
    if text is None:
        return Record()
    record = _known.get((key, text))
    return _note(key, text, codec.row_to_record(key, text)) if record is None else record


def _change(
    key: GateKey, decide: Callable[[Record], Record | None], history: tuple[Finished, ...], db: sqlite3.Connection
) -> Swapped | Lost:
    current = _read(db, key)
    new = decide(current)
    if new is None:
        return Lost(current)
    if current == Record():
        _forget_expired(db, codec.seen_ms(new))
    _write(db, key, new)
    for build in history:
        _keep(db, key, build)
    return Swapped(new)


def _write(db: sqlite3.Connection, key: GateKey, record: Record) -> None:
    row = codec.row_of_record(key, record)
    db.execute(
        "INSERT INTO gates (project, region, due_ms, expires_ms, item) "
        "VALUES (:project, :region, :due_ms, :expires_ms, :item) "
        "ON CONFLICT DO UPDATE SET due_ms = excluded.due_ms, expires_ms = excluded.expires_ms, item = excluded.item",
        row,
    )
    _note(key, row["item"].encode(), record)


#: The records of the texts that were read or written last: most are read again in the next step.
_known: Final[dict[tuple[GateKey, bytes], Record]] = {}
MOST_KNOWN: Final = 64


def _note(key: GateKey, text: bytes, record: Record) -> Record:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[key, text] = record
    return record


def _keep(db: sqlite3.Connection, key: GateKey, build: Finished) -> None:
    row = codec.row_of_build(key, build)
    db.execute(
        "INSERT OR REPLACE INTO history (project, region, claimed_ms, token, build) "
        "VALUES (:project, :region, :claimed_ms, :token, :build)",
        row,
    )
    db.execute("DELETE FROM history WHERE project = :project AND region = :region AND claimed_ms < :forgotten_ms", row)


def _forget_expired(db: sqlite3.Connection, now_ms: int) -> None:
    """Delete gates that have expired. The history of such a gate is deleted when it is old enough itself."""
    gates = "SELECT rowid FROM gates WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?"
    if not db.execute(f"DELETE FROM gates WHERE rowid IN ({gates})", (now_ms, MOST_GATES)).rowcount:
        return
    names = "project, region, claimed_ms, token"
    builds = f"SELECT {names} FROM history WHERE claimed_ms < ? ORDER BY claimed_ms LIMIT ?"
    db.execute(f"DELETE FROM history WHERE ({names}) IN ({builds})", (now_ms - KEPT_HISTORY_MS, MOST_BUILDS))
