"""Gates in a SQLite file: the default store, safe across threads and processes of one machine.

WAL with ``synchronous=FULL``: a decision that was given survives a power cut. One clock, so no clock margin.
"""

# pathlib takes 5 ms to import, and everyone who runs a command behind us would wait for it.
# ruff: noqa: PTH100, PTH103, PTH110, PTH112, PTH118, PTH120, PTH123, PTH202

from __future__ import annotations

import errno
import os
import re
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

from holdoff.clock import SystemClock
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import (
    RecordInvalid,
    StoreDenied,
    StoreError,
    StoreMismatch,
    StoreUnavailable,
)
from holdoff.core.exact_json import dumps, loads
from holdoff.core.record import Finished, GateKey, Opening, Record
from holdoff.stores.base import KEPT_HISTORY_MS
from holdoff.stores.item import (
    DUE,
    LASTBUILD,
    PROJECT,
    REGION,
    build_from_plain,
    finished_to_plain,
    from_item,
    to_item,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: "Hold" in ASCII: marks a database as ours (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID: Final = 0x486F6C64
#: One entry for each version of the schema; a file is brought up to date when it is opened.
MIGRATIONS: Final = (
    """
    CREATE TABLE gates (
        project TEXT NOT NULL,
        region TEXT NOT NULL,
        lastbuild TEXT,
        due_ms INTEGER,
        state TEXT NOT NULL,
        PRIMARY KEY (project, region)
    );
    CREATE INDEX gates_due ON gates (due_ms, project, region) WHERE due_ms IS NOT NULL;
    CREATE TABLE history (
        project TEXT NOT NULL,
        region TEXT NOT NULL,
        claimed_ms INTEGER NOT NULL,
        token TEXT NOT NULL,
        build TEXT NOT NULL,
        PRIMARY KEY (project, region, claimed_ms, token)
    ) WITHOUT ROWID;
    """,
)
#: How long to wait for another process's write, which takes milliseconds.
BUSY_MS: Final = 10_000
PREPARE_AGAIN_MS: Final = 20
MOUNTS: Final = "/proc/self/mounts"
#: Their locks do not hold across machines: https://www.sqlite.org/wal.html, https://www.sqlite.org/faq.html#q5
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "9p"}
)


class SQLiteStore:
    """Gates in one file.

    Args:
        path: the file; it and its folder are created when first used.
        url: as it was opened.
        region: the region of gates that name none.
        busy_ms: how long to wait while another process writes.
    """

    clock_margin_ms = 0

    def __init__(
        self,
        path: str | Path,
        *,
        url: str | None = None,
        region: str = "local",
        busy_ms: int | None = None,
    ) -> None:
        self._file = os.fspath(path)
        self.busy_ms = BUSY_MS if busy_ms is None else busy_ms
        self.url = url or f"sqlite:///{path}"
        self.region = region
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._abandoned: list[sqlite3.Connection] = []

    @property
    def path(self) -> Path:
        """The file."""
        from pathlib import Path

        return Path(self._file)

    # --- gates ---------------------------------------------------------------------------------

    def get(self, key: GateKey) -> Record:
        """See ``Store.get``."""
        with self._connected("reading", key) as db:
            return self._read(db, key)

    def swap(
        self,
        key: GateKey,
        *,
        expected: Record,
        new: Record,
        history: tuple[Finished, ...] = (),
    ) -> Swapped | Lost:
        """See ``Store.swap``."""
        with self._writing("writing", key) as db:
            current = self._read(db, key)
            if (current.writes[:1], current.lastbuild) != (expected.writes[:1], expected.lastbuild):
                return Lost(current)
            self._write(db, key, new)
            for build in history:
                _keep(db, key, build)
        return Swapped(new)

    def open(self, key: GateKey, opening: Opening) -> Swapped | Lost:
        """See ``Store.open``."""
        with self._writing("claiming", key) as db:
            current = self._read(db, key)
            new = opening.apply(current)
            if new is None:
                return Lost(current)
            self._write(db, key, new)
        return Swapped(new)

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """See ``Store.due``."""
        with self._connected("looking for what is due in") as db:
            rows = db.execute(
                "SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms", (now_ms,)
            ).fetchall()
        return (GateKey(project, region) for project, region in rows)

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        """See ``Store.gates``."""
        with self._connected("listing") as db:
            rows = db.execute(
                "SELECT project, region, lastbuild, due_ms, state FROM gates "
                "WHERE ? IS NULL OR project = ? ORDER BY project, region",
                (project, project),
            ).fetchall()
        for row in rows:
            key = GateKey(*row[:2])
            yield key, from_item(key, _item(key, *row[2:]))

    def history(self, key: GateKey) -> Iterator[Finished]:
        """See ``Store.history``."""
        with self._connected("reading the history of", key) as db:
            rows = db.execute(
                "SELECT build FROM history WHERE project = ? AND region = ? "
                "ORDER BY claimed_ms DESC, token DESC",
                (key.project, key.region),
            ).fetchall()
        return (build_from_plain(key, _loaded(key, row[0])) for row in rows)

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``."""
        with self._connected("reading", key) as db:
            row = _row(db, key)
        if row is None:
            return None
        return {PROJECT: key.project, REGION: key.region, **_item(key, *row)}

    def _read(self, db: sqlite3.Connection, key: GateKey) -> Record:
        row = _row(db, key)
        return Record() if row is None else from_item(key, _item(key, *row))

    def _write(self, db: sqlite3.Connection, key: GateKey, record: Record) -> None:
        item = to_item(record)
        lastbuild = item.pop(LASTBUILD, None)
        db.execute(
            "INSERT INTO gates (project, region, lastbuild, due_ms, state) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET "
            "lastbuild = excluded.lastbuild, due_ms = excluded.due_ms, state = excluded.state",
            (
                key.project,
                key.region,
                None if lastbuild is None else str(lastbuild),
                item.pop(DUE, None),
                dumps(item),
            ),
        )

    # --- the file ------------------------------------------------------------------------------

    def initialise(self) -> list[str]:
        """Create the file and its tables, or bring an older file up to date."""
        with self._telling("creating"):
            existed = os.path.exists(self._file) and os.path.getsize(self._file) > 0
            self._open()
        return [] if existed else [f"created {self._file}"]

    def check(self) -> list[str]:
        """Look through the whole file for damage, and change nothing."""
        with self._telling("checking"):
            self._refuse_network_file_system()
            self._refuse_folder()
            if not os.path.exists(self._file):
                return [f"{self._file} does not exist yet; the first trigger creates it"]
            reading = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(reading, uri=True, timeout=self.busy_ms / 1000)) as db:
                return self._found_wrong(db)

    def _found_wrong(self, db: sqlite3.Connection) -> list[str]:
        self._refuse_foreign(db)
        found = [row[0] for row in db.execute("PRAGMA integrity_check(10)")]
        if found == ["ok"]:
            found = []
        if not _is_up_to_date(db):
            version = _pragma(db, "user_version")
            found.append(
                f"{self._file} has schema {version}, and {len(MIGRATIONS)} is due; the next trigger sees to it"
            )
        return found

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        """A store that nobody closed closes its file; Python 3.13 and later complain of one left to them."""
        with suppress(Exception):  # at the interpreter's end anything may be gone already
            self.close()

    @contextmanager
    def _connected(self, doing: str, key: GateKey | None = None) -> Iterator[sqlite3.Connection]:
        with self._telling(doing, key):
            yield self._open()

    @contextmanager
    def _telling(self, doing: str, key: GateKey | None = None) -> Iterator[None]:
        """One thread at a time; what goes wrong becomes a ``StoreError`` that says what to do."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                self._fail(error, doing, key)
            except OSError as error:
                raise self._unopened(error) from error

    @contextmanager
    def _writing(self, doing: str, key: GateKey) -> Iterator[sqlite3.Connection]:
        with self._connected(doing, key) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self._forget_parents()
        if self._connection is None:
            self._refuse_network_file_system()
            self._refuse_folder()
            os.makedirs(os.path.dirname(os.path.abspath(self._file)), mode=0o700, exist_ok=True)
            connection = sqlite3.connect(
                self._file,
                timeout=self.busy_ms / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare_in_turn(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _forget_parents(self) -> None:
        """After a fork: closing the parent's connection here would drop the parent's locks."""
        if self._connection is not None:
            self._abandoned.append(self._connection)
        self._connection, self._pid = None, os.getpid()

    def _prepare_in_turn(self, db: sqlite3.Connection) -> None:
        """Prepare, again while others do: a new file's switch to WAL answers "busy" at once, without waiting."""
        clock = SystemClock()
        give_up_ms = clock.now_ms() + self.busy_ms
        while True:
            try:
                return self._prepare(db)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or clock.now_ms() >= give_up_ms:
                    raise
            clock.sleep(PREPARE_AGAIN_MS)

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA synchronous = FULL")
        if not _is_up_to_date(db):
            self._migrate(db)
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            db.execute("PRAGMA journal_mode = WAL")

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")  # another process may be creating the file at this moment
        try:
            self._refuse_foreign(db)
            for migration in MIGRATIONS[_pragma(db, "user_version") :]:
                for statement in filter(str.strip, migration.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    def _refuse_foreign(self, db: sqlite3.Connection) -> None:
        mark, version = _pragma(db, "application_id"), _pragma(db, "user_version")
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if mark != APPLICATION_ID and (mark or version or tables):
            raise StoreMismatch(
                f"{self._file} is a database of another program",
                hint="Name another file: --store sqlite:///PATH",
            )
        if version > len(MIGRATIONS):
            raise StoreMismatch(
                f"{self._file} was made by a newer Holdoff (schema {version}, known here: {len(MIGRATIONS)})",
                hint="Upgrade this one: pip install -U holdoff",
            )

    def _refuse_network_file_system(self) -> None:
        kind = file_system_of(os.path.abspath(self._file))
        if kind in NETWORK_FILE_SYSTEMS:
            raise StoreMismatch(
                f"{self._file} is on a network file system ({kind}), where SQLite's locks do not hold",
                hint="Use a file on a local disk, or a DynamoDB store for several machines",
            )

    def _refuse_folder(self) -> None:
        if os.path.isdir(self._file):
            raise StoreMismatch(
                f"{self._file} is a folder",
                hint=f"Name a file in it: --store sqlite:///{self._file}/gates.db",
            )

    def _unopened(self, error: OSError) -> StoreError:
        where, why = error.filename or self._file, error.strerror
        if isinstance(error, FileExistsError):  # mkdir's word for a file where a folder should be
            why = os.strerror(errno.ENOTDIR)
        return StoreDenied(
            f"{self._file} cannot be opened: {where}: {why}",
            hint="Name another file: --store sqlite:///PATH",
        )

    def _fail(self, error: sqlite3.Error, doing: str, key: GateKey | None) -> NoReturn:
        at = f"{self._file}: {doing} {key}" if key else f"{doing} {self._file}"
        # The low byte is the primary code: https://www.sqlite.org/rescode.html
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise _typed(code, f"{at} failed: {error}", self._file, self.busy_ms) from error


def _typed(code: int, message: str, path: str, busy_ms: int) -> StoreError:
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailable(
                f"{message} (another process held it for {busy_ms / 1000:g}s); nothing was written",
                hint=f"Trigger again; if it goes on, see who has it open: fuser {path}",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return StoreDenied(
                message, hint=f"Holdoff must be able to read and write {path} and its folder"
            )
        case sqlite3.SQLITE_FULL:
            return StoreUnavailable(f"{message}; nothing was written", hint="Free some disk space")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreMismatch(
                message,
                hint=f"Move {path} away to start afresh (a gate that is gone has never built)",
            )
        case _:
            return StoreUnavailable(message, hint="The write may or may not be in; trigger again")


def _keep(db: sqlite3.Connection, key: GateKey, build: Finished) -> None:
    gate = (key.project, key.region)
    db.execute(
        "INSERT OR REPLACE INTO history (project, region, claimed_ms, token, build) "
        "VALUES (?, ?, ?, ?, ?)",
        (*gate, build.claimed_ms, build.token, dumps(finished_to_plain(build))),
    )
    db.execute(
        "DELETE FROM history WHERE project = ? AND region = ? AND claimed_ms < ?",
        (*gate, build.claimed_ms - KEPT_HISTORY_MS),
    )


def _is_up_to_date(db: sqlite3.Connection) -> bool:
    mark, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    return mark == APPLICATION_ID and version == len(MIGRATIONS)


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _row(db: sqlite3.Connection, key: GateKey) -> tuple[str | None, int | None, str] | None:
    row: tuple[str | None, int | None, str] | None = db.execute(
        "SELECT lastbuild, due_ms, state FROM gates WHERE project = ? AND region = ?",
        (key.project, key.region),
    ).fetchone()
    return row


def _item(key: GateKey, lastbuild: str | None, due_ms: int | None, state: str) -> dict[str, Any]:
    number = None if lastbuild is None else _loaded(key, lastbuild)
    front = {LASTBUILD: number, DUE: due_ms}
    item = {name: value for name, value in front.items() if value is not None}
    rest = _loaded(key, state)
    if not isinstance(rest, dict):
        raise RecordInvalid(f"{key}: the row is a {type(rest).__name__} in JSON, not an object")
    return item | rest


def _loaded(key: GateKey, text: object) -> Any:
    try:
        return loads(str(text))
    except (ValueError, RecursionError) as error:
        raise RecordInvalid(f"{key}: the row is not JSON: {error}") from error


def file_system_of(path: str | Path) -> str | None:
    """The type of the file system a path is on, as the kernel names it; ``None`` where it does not tell (not Linux)."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return None
    real = os.path.realpath(path)
    best, kind = "", None
    for line in lines:
        mount, found = line.split(" ")[1:3]
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)
        inside = os.path.join(real, "").startswith(os.path.join(mount, ""))
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind
