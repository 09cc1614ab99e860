"""Gates in a SQLite file: the default store, safe across threads, forks, processes and users of one machine.

A row is a gate as JSON, with copies of the instants that are looked for. Everything that only a file can do to us is in
``sqlite_file``; here is what stands in it.
"""

from __future__ import annotations

from functools import partial

from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import ConfigError, RecordInvalid
from holdoff.core.record import KEPT_HISTORY_MS, Finished, Record
from holdoff.core.request import GateKey
from holdoff.exact_json import dumps
from holdoff.stores import codec
from holdoff.stores.sqlite_file import SQLiteFile, warn

#: So many builds are read at a time: a search for one of the newest does not read all the others.
PAGE_OF_BUILDS: Final = 100
#: What has expired is deleted so many gates and builds at a time: no write waits long for that.
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
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from holdoff.core.pending import Fold


class SQLiteStore(SQLiteFile):
    """Gates in one file. Its arguments are ``SQLiteFile``'s."""

    clock_margin_ms = 0

    def get(self, key: GateKey) -> Record:
        """See ``Store.get``."""
        return self._step(f"reading {key}", lambda db: _read(db, key))

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        """See ``Store.swap``."""

        def change(db: sqlite3.Connection) -> Swapped | Lost:
            current = _read(db, key)
            if not current.is_version(expected):
                return Lost(current)
            if current == Record():
                _forget_expired(db, codec.seen_ms(new))
            changed = new.but(others=current.others)
            _write(db, key, changed)
            for build in history:
                _keep(db, key, build)
            return Swapped(changed)

        return self._step(f"writing {key}", change, writes=True, swaps=True)

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        """See ``Store.fold``."""

        def change(db: sqlite3.Connection) -> Swapped | Lost:
            current = _read(db, key)
            new = fold.applied(expected, current)
            if new is None:
                return Lost(current)
            _write(db, key, new)
            return Swapped(new)

        return self._step(f"deferring a trigger of {key}", change, writes=True)

    def keep(self, key: GateKey, build: Finished) -> None:
        """See ``Store.keep``."""
        self._step(f"keeping a build of {key}", lambda db: _keep(db, key, build), writes=True)

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """See ``Store.due``."""
        sql = "SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms"
        rows = self._step("looking for what is due", partial(_rows, sql, (now_ms,)))
        return iter([key for key, _ in self._named(rows)])

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """See ``Store.gates``."""
        which, of = ("", ()) if project is None else ("WHERE project = ?", (project,))
        sql = f"SELECT project, region, item FROM gates {which} ORDER BY project, region"
        rows = self._step("listing the gates", partial(_rows, sql, of))
        for key, (text,) in self._named(rows):
            try:
                yield key, codec.item_to_record(key, codec.json_to_plain(key, text))
            except RecordInvalid as error:
                yield key, error

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """See ``Store.history``."""
        return self._builds(key, (), PAGE_OF_BUILDS, NO_LIMIT if limit is None else limit)

    def naming(self, key: GateKey, texts: Sequence[str]) -> Iterator[Finished]:
        """See ``Store``. The newest is asked for first, alone: most callers want no more, and the search ends there."""
        return self._builds(key, [dumps(text) for text in texts], 1, PAGE_OF_BUILDS)

    def _builds(self, key: GateKey, texts: Sequence[str], page: int, left: int) -> Iterator[Finished]:
        """The newest ``left`` that hold one of the texts, where texts are given; at first ``page`` of them are read."""
        which = f"AND ({' OR '.join(['instr(build, ?)'] * len(texts))})" if texts else ""
        last: tuple[int, bytes] = (NO_LIMIT, b"")
        while left > 0:
            page = min(page, left)
            look = partial(_rows, _BUILDS.format(which), (key.project, key.region, *last, *texts, page))
            rows = self._step(f"reading the history of {key}", look)
            for claimed_ms, token, text in rows:
                last = claimed_ms, token
                try:
                    yield codec.plain_to_build(key, codec.json_to_plain(key, text))
                except RecordInvalid as error:
                    warn("%s: a build of its history is left out: %s", self._file, error)
            left = left - page if len(rows) == page else 0
            page = PAGE_OF_BUILDS

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``."""
        text = self._step(f"reading {key}", lambda db: _row(db, key))
        keys = {codec.PROJECT: key.project, codec.REGION: key.region}
        return None if text is None else {**keys, **codec.json_to_plain(key, text)}

    def _named(self, rows: list[tuple[bytes, ...]]) -> Iterator[tuple[GateKey, list[bytes]]]:
        for project, region, *rest in rows:
            try:
                yield GateKey(str(project, "utf-8"), str(region, "utf-8")), rest
            except (ConfigError, UnicodeError, TypeError) as error:
                warn("%s: a row that no gate can have is left out: %.200s", self._file, error)


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
    return _note(key, text, codec.item_to_record(key, codec.json_to_plain(key, text))) if record is None else record


def _write(db: sqlite3.Connection, key: GateKey, record: Record) -> None:
    text = dumps(codec.record_to_item(record))
    db.execute(
        "INSERT INTO gates (project, region, due_ms, expires_ms, item) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET due_ms = excluded.due_ms, expires_ms = excluded.expires_ms, item = excluded.item",
        (key.project, key.region, record.due_ms, record.expires_ms, text),
    )
    _note(key, text.encode(), record)


#: What texts of gates say that were read or written last: most are met again, in the next step.
_known: Final[dict[tuple[GateKey, bytes], Record]] = {}
MOST_KNOWN: Final = 64


def _note(key: GateKey, text: bytes, record: Record) -> Record:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[key, text] = record
    return record


def _keep(db: sqlite3.Connection, key: GateKey, build: Finished) -> None:
    gate, forgotten_ms = (key.project, key.region), build.claimed_ms - KEPT_HISTORY_MS
    row = (*gate, build.claimed_ms, build.token, dumps(codec.build_to_plain(build)))
    db.execute("INSERT OR REPLACE INTO history (project, region, claimed_ms, token, build) VALUES (?, ?, ?, ?, ?)", row)
    db.execute("DELETE FROM history WHERE project = ? AND region = ? AND claimed_ms < ?", (*gate, forgotten_ms))


def _forget_expired(db: sqlite3.Connection, now_ms: int) -> None:
    """Gates that have expired, and the history of such gates once its own time is over."""
    gates = "SELECT rowid FROM gates WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?"
    if not db.execute(f"DELETE FROM gates WHERE rowid IN ({gates})", (now_ms, MOST_GATES)).rowcount:
        return
    names = "project, region, claimed_ms, token"
    builds = f"SELECT {names} FROM history WHERE claimed_ms < ? ORDER BY claimed_ms LIMIT ?"
    db.execute(f"DELETE FROM history WHERE ({names}) IN ({builds})", (now_ms - KEPT_HISTORY_MS, MOST_BUILDS))
