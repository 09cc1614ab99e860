"""Gates in a SQLite file: the default store, safe across threads, forks and processes of one machine.

**Between two writes the file alone is the whole truth.** It has a rollback journal (``journal_mode=TRUNCATE``) and no
WAL: a file that is moved, copied or replaced takes all of its gates along, and none of another's. ``synchronous=FULL``:
a decision that was given survives a power cut. One clock, so no clock margin.

**The path has a lock of its own**, as SQLite locks files, and one may take another's place: each use has a ``flock`` of
``PATH-journal``, looks which file the path names, and opens another one anew; a write looks again after its commit. A
journal found under that lock is of a writer that died. It is undone in the file it was written for (by the store's id
and the count of changes), and dropped where another stands now. What is left: a writer that is killed in mid-commit,
and whose file is then moved away without its journal. A store never stands at its path half made: it is created
complete beside it and linked into place.

**A fork finds the file closed**: SQLite notes in the process which locks it holds, and a child with a copy of those
notes would trust locks that it has not got. Each store is closed just before, under its own lock, and opens the file
again when it is used: in the parent, in the child, or in both.

**A signal may come at any moment.** What its handler asks of a store in the midst of a use by the same thread is
refused before it touches the file; an exception that it raises leaves no lock taken and no transaction open.
"""

# pathlib takes 5 ms to import, and everyone who runs a command behind us would wait for it.
# ruff: noqa: PTH100, PTH103, PTH104, PTH108, PTH110, PTH112, PTH116, PTH118, PTH120, PTH123

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakSet

from holdoff.clock import SystemClock
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import ConfigError, RecordInvalid, StoreDenied, StoreError, StoreMismatch, StoreUnavailable
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey
from holdoff.exact_json import dumps, loads
from holdoff.stores.base import KEPT_HISTORY_MS
from holdoff.stores.codec import PROJECT, REGION, build_to_plain, item_to_record, plain_to_build, record_to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.pending import Fold
    from holdoff.stores.codec import Plain

T = TypeVar("T")

#: "Hold" in ASCII: marks a database as ours (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID: Final = 0x486F6C64
#: Of the schema, as ``user_version`` in the file. 1 was never released.
SCHEMA_VERSION: Final = 2
#: ``item`` is the gate as JSON; the instants beside it are copies, for the indexes; the comment is the store's id.
SCHEMA: Final = f"""
CREATE TABLE gates ( -- store %032x
    project TEXT NOT NULL,
    region TEXT NOT NULL,
    due_ms INTEGER,
    expires_ms INTEGER,
    item TEXT NOT NULL,
    PRIMARY KEY (project, region)
);
CREATE INDEX gates_due ON gates (due_ms, project, region) WHERE due_ms IS NOT NULL;
CREATE INDEX gates_expires ON gates (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE history (
    project TEXT NOT NULL,
    region TEXT NOT NULL,
    claimed_ms INTEGER NOT NULL,
    token TEXT NOT NULL,
    build TEXT NOT NULL,
    PRIMARY KEY (project, region, claimed_ms, token)
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""
#: How long an operation may wait, in all, for threads and processes before it, whose writes take milliseconds.
BUSY_MS: Final = 10_000
#: Where SQLite's file format has what tells files apart: the magic word, the count of changes, and our mark and id.
MAGIC: Final = b"SQLite format 3\0"
CHANGES: Final = slice(24, 28)
MARK: Final = slice(68, 72)
PAGE: Final = 4096
STORE_ID: Final = re.compile(rb"-- store ([0-9a-f]{32})")
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
        busy_ms: how long an operation may wait for others.
    """

    clock_margin_ms = 0

    def __init__(
        self, path: str | Path, *, url: str | None = None, region: str = "local", busy_ms: int | None = None
    ) -> None:
        self.url = url or f"sqlite:///{path}"
        try:
            self._file = os.path.abspath(path)  # it stays where it is, wherever the process goes
        except FileNotFoundError:
            want = "an absolute path: the working directory does not exist any more"
            raise ConfigError(field="store", got=self.url, want=want) from None
        self.busy_ms = BUSY_MS if busy_ms is None else busy_ms
        self.region = region
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: _Name | None = None
        with _forking:
            _stores.add(self)

    @property
    def path(self) -> Path:
        """The file."""
        from pathlib import Path

        return Path(self._file)

    def get(self, key: GateKey) -> Record:
        """See ``Store.get``."""
        return self._step(f"reading {key}", lambda db: _read(db, key))

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        """See ``Store.swap``. A new gate sweeps out what has expired."""

        def change(db: sqlite3.Connection) -> Swapped | Lost:
            current = _read(db, key)
            if not current.is_version(expected):
                return Lost(current)
            if current == Record():
                _forget_expired(db, _latest_ms(new))
            changed = new.but(others=current.others)
            _write(db, key, changed)
            for build in history:
                _keep(db, key, build)
            return Swapped(changed)

        return self._step(f"writing {key}", change, writes=True)

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
        """See ``Store.due``. What has expired is deleted on the way."""

        def look(db: sqlite3.Connection) -> tuple[list[tuple[bytes, ...]], object]:
            sql = "SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms"
            stale = "SELECT 1 FROM gates WHERE expires_ms <= ? LIMIT 1"
            return db.execute(sql, (now_ms,)).fetchall(), db.execute(stale, (now_ms,)).fetchone()

        rows, stale = self._step("looking for what is due", look)
        if stale:
            with suppress(StoreUnavailable):
                self._step("deleting what has expired", lambda db: _forget_expired(db, now_ms), writes=True)
        return iter([key for key, _ in self._named(rows)])

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """See ``Store.gates``."""
        sql = "SELECT project, region, item FROM gates WHERE ?1 IS NULL OR project = ?1 ORDER BY project, region"
        rows = self._step("listing the gates", lambda db: db.execute(sql, (project,)).fetchall())
        for key, (text,) in self._named(rows):
            try:
                yield key, item_to_record(key, _loaded(key, text))
            except RecordInvalid as error:
                yield key, error

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """See ``Store.history``."""
        sql = "SELECT build FROM history WHERE project = ? AND region = ? ORDER BY claimed_ms DESC, token DESC LIMIT ?"
        which = (key.project, key.region, -1 if limit is None else limit)
        rows = self._step(f"reading the history of {key}", lambda db: db.execute(sql, which).fetchall())
        for (text,) in rows:
            try:
                yield plain_to_build(key, _loaded(key, text))
            except RecordInvalid as error:
                _warn("%s: a build of its history is left out: %s", self._file, error)

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``."""
        item = self._step(f"reading {key}", lambda db: _row(db, key))
        return None if item is None else {PROJECT: key.project, REGION: key.region, **item}

    def _named(self, rows: list[tuple[bytes, ...]]) -> Iterator[tuple[GateKey, list[bytes]]]:
        for project, region, *rest in rows:
            try:
                yield GateKey(str(project, "utf-8"), str(region, "utf-8")), rest
            except (ConfigError, UnicodeError, TypeError) as error:
                _warn("%s: a row that no gate can have is left out: %.200s", self._file, error)

    # --- one operation -----------------------------------------------------------------------------------------------

    # No context is a generator here: an exception from a signal handler could leave it suspended, with its locks taken.

    def _step(self, doing: str, act: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        """One sight of the file; or one write that is in the file that the path names when it is answered."""

        def transact(give_up_ms: int) -> T:
            while True:
                journal = self._open_journal()
                try:
                    if not self._lock_path(journal, give_up_ms):
                        continue
                    with self._open(journal, give_up_ms) as db:  # at an exception it rolls back
                        db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                        self._check_schema(db)
                        answer = act(db)
                        db.execute("COMMIT")  # fails where there is no transaction any more
                    if writes and self._name() != self._opened:
                        raise self._replaced()
                    return answer
                finally:
                    fcntl.flock(journal, fcntl.LOCK_UN)  # closing alone would leave it to a child's copy
                    os.close(journal)

        return self._turn(doing, transact, writes=writes)

    def _turn(self, doing: str, act: Callable[[int], T], *, writes: bool = False) -> T:
        """One thread at a time; its waits for others have one bound, whose end ``act`` is given. What goes wrong is a
        ``StoreError``."""
        lock, failed = self._lock, f"{self._file}: {doing} failed"
        give_up_ms = SystemClock().now_ms() + self.busy_ms
        if _is_mine(lock):
            raise StoreUnavailable(
                f"{failed}: the store was called again from a signal handler, in the midst of another use",
                hint="Nothing was done; try again when the handler has returned",
            )
        try:
            if not lock.acquire(timeout=self.busy_ms / 1000):
                raise self._busy(failed)
            return act(give_up_ms)
        except (sqlite3.Error, OSError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
            raise self._typed(error, failed, writes=writes) from error
        finally:
            try:  # noqa: SIM105  (at the end of any call before this one the handler's exception could come)
                lock.release()
            except RuntimeError:
                pass  # waited for in vain

    def _left_ms(self, give_up_ms: int) -> int:
        return max(0, min(self.busy_ms, give_up_ms - SystemClock().now_ms()))

    def _replaced(self) -> StoreError:
        return StoreUnavailable(
            f"{self._file} was replaced, moved or deleted at this moment; the write may not be in",
            hint="Trigger again: a write that is in is recognised, not repeated",
        )

    def _busy(self, message: str) -> StoreError:
        return StoreUnavailable(
            f"{message} (others had it for {self.busy_ms / 1000:g}s); nothing was written",
            hint=f"Trigger again; if it goes on, see what has it open: fuser {self._file}",
        )

    def _typed(self, error: Exception, failed: str, *, writes: bool) -> StoreError:
        if isinstance(error, OSError):
            # mkdir says "File exists" of a file where a folder should be
            why = os.strerror(errno.ENOTDIR) if isinstance(error, FileExistsError) else error.strerror
            where = f"{error.filename or self._file}: {why}"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                return StoreUnavailable(f"{self._file}: {where}", hint="Free some disk space")
            hint = "Name another file: --store sqlite:///PATH"
            return StoreDenied(f"{self._file} cannot be opened: {where}", hint=hint)
        if not isinstance(error, sqlite3.Error):
            return RecordInvalid(f"{failed}: {type(error).__name__}: {error!s:.200}")
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
            return self._replaced()
        message = f"{failed}: {error}"
        # The low byte is the primary code: https://www.sqlite.org/rescode.html
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return self._busy(message)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
                return StoreDenied(message, hint=f"Holdoff must be able to read and write {self._file} and its folder")
            case sqlite3.SQLITE_FULL:
                return StoreUnavailable(f"{message}; nothing was written", hint="Free some disk space")
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                hint = f"Move {self._file} away to start afresh (a gate that is gone has never built)"
                return StoreMismatch(message, hint=hint)
        hint = "The write may or may not be in; trigger again" if writes else "Try again"
        with suppress(OSError):
            disk = os.statvfs(os.path.dirname(self._file))
            if disk.f_bavail * disk.f_frsize < 65_536:
                hint = f"The disk with {self._file} is full: free some space. {hint}"
        return StoreUnavailable(message, hint=hint)

    # --- the file ----------------------------------------------------------------------------------------------------

    def initialise(self) -> list[str]:
        """Create the file, touching none that is there."""
        existed = os.path.exists(self._file)
        self._step("opening", lambda _: None)
        return [] if existed else [f"created {self._file}"]

    def check(self) -> list[str]:
        """Look through the whole file for damage, and change nothing."""

        def look(give_up_ms: int) -> list[str]:
            self._check_place(self._name())
            if self._name() is None:
                return [f"{self._file} does not exist yet; the first trigger creates it"]
            reading = f"{self.path.as_uri()}?mode=ro"
            with closing(sqlite3.connect(reading, uri=True, timeout=self._left_ms(give_up_ms) / 1000)) as db:
                try:
                    self._check_schema(db)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                        raise
                    return [f"{self._file}-journal has a write that was cut short; the next use puts that right"]
                found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(10)")]
            return [] if found == ["ok"] else found

        return self._turn("checking", look)

    def close(self) -> None:
        """Close the file; it is opened again when needed. Not from a signal handler amid a use, which needs it."""
        if not _is_mine(self._lock):
            with self._lock:
                self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        """A store that was never closed closes its file; Python 3.13 and later complain of one left to them.

        Without the lock: nothing else can use the store any more, and a thread that has gone may have left it taken.
        """
        with suppress(Exception):  # at the interpreter's end anything may be gone already
            self._disconnect()

    def _name(self) -> _Name | None:
        """Which file the path names now: its real path, device and inode, and how many names it has."""
        real = os.path.realpath(self._file)
        try:
            file = os.stat(real)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if file.st_size == 0:
            raise StoreMismatch(
                f"{self._file} is empty; a store never is: it was cut to nothing, or something else made it",
                hint="Put a copy of it back, or delete it to start afresh (a gate that is gone has never built)",
            )
        return real, file.st_dev, file.st_ino, file.st_nlink

    def _open_journal(self) -> int:
        """``PATH-journal``, opened. It has the rights of the file, as SQLite would give it."""
        name = f"{os.path.realpath(self._file)}-journal"
        with suppress(FileNotFoundError, NotADirectoryError):
            return os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        self._check_place(self._name())
        os.makedirs(os.path.dirname(name), mode=0o700, exist_ok=True)
        journal = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT, 0o644)
        with suppress(FileNotFoundError, PermissionError):
            file = os.stat(self._file)
            os.fchmod(journal, file.st_mode & 0o666)
            os.fchown(journal, -1 if os.geteuid() else file.st_uid, file.st_gid)
        return journal

    def _lock_path(self, journal: int, give_up_ms: int) -> bool:
        """Whether, once it is locked, it still is the one at the path: another program's SQLite deletes journals."""
        for _ in range(self._left_ms(give_up_ms) + 1):
            with suppress(BlockingIOError):
                fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return os.fstat(journal).st_nlink > 0
            SystemClock().sleep(1)
        raise self._busy(f"{self._file} is in use")

    def _open(self, journal: int, give_up_ms: int) -> sqlite3.Connection:
        """A connection to the file that the path names now."""
        name, patience_ms = self._name(), self._left_ms(give_up_ms)
        if os.pread(journal, 1, 0) > b"\0" and not (name and _is_journal_of(journal, name[0])):
            os.ftruncate(journal, 0)
        if self._connection is None or self._connection.in_transaction or name != self._opened:
            self._disconnect()
            self._connection = self._connect(patience_ms)
        self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
        self._connection.execute("PRAGMA shrink_memory")  # its pages may be of a file that a copy was written over
        return self._connection

    def _connect(self, patience_ms: int) -> sqlite3.Connection:
        """Open the file, once it is there and it is certain which one that is."""
        real = os.path.realpath(self._file)
        _remove(f"{real}.new")  # left by a process that died
        name = self._name() or self._create(real)
        self._check_place(name)
        quoted = real.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        uri = f"file://{quoted}?mode=rw"  # never rwc, which would leave an empty file where there is none
        db = sqlite3.connect(uri, uri=True, timeout=patience_ms / 1000, isolation_level=None, check_same_thread=False)
        try:
            db.text_factory = bytes  # a row that is not even UTF-8 is the trouble of its own gate only
            db.execute("PRAGMA synchronous = FULL")
            self._check_schema(db)
            db.execute("PRAGMA journal_mode = TRUNCATE")
            self._opened = self._name()
            if self._opened != name:
                raise self._replaced()
        except BaseException:
            db.close()
            raise
        return db

    def _create(self, real: str) -> _Name:
        """A store that is complete from its first moment at the path."""
        new = f"{real}.new"
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                db.executescript(f"BEGIN;{SCHEMA % SystemClock().random(128)}COMMIT;")
            for end in (
                "-wal",
                "-shm",
            ):  # another program's, of a file that is gone: SQLite would read it into this one
                _remove(f"{real}{end}")
            try:
                os.link(new, real)
            except FileExistsError:
                pass  # another program was first
            except OSError:  # a file system without links
                os.rename(new, real)
        finally:
            _remove(new)
            _remove(f"{new}-journal")
        name = self._name()
        if name is None:
            raise self._replaced()
        return name

    def _check_schema(self, db: sqlite3.Connection) -> None:
        mark, version = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if mark != APPLICATION_ID:
            what, hint = "is a database of another program", "Name another file: --store sqlite:///PATH"
        elif version > SCHEMA_VERSION:
            what = f"was made by a newer Holdoff (schema {version}, known here: {SCHEMA_VERSION})"
            hint = "Upgrade this one: pip install -U holdoff"
        elif version < SCHEMA_VERSION:
            what = f"was made by a Holdoff before the first release (schema {version})"
            hint = "Move it away; a new one is created (a gate that is gone has never built)"
        else:
            return
        raise StoreMismatch(f"{self._file} {what}", hint=hint)

    def _check_place(self, name: _Name | None) -> None:
        kind = file_system_of(self._file)
        if kind in NETWORK_FILE_SYSTEMS:
            raise StoreMismatch(
                f"{self._file} is on a network file system ({kind}), where SQLite's locks do not hold",
                hint="Use a file on a local disk, or a DynamoDB store for several machines",
            )
        if os.path.isdir(self._file):
            hint = f"Name a file in it: --store sqlite:///{self._file}/gates.db"
            raise StoreMismatch(f"{self._file} is a folder", hint=hint)
        if name and name[-1] > 1:
            raise StoreMismatch(
                f"{self._file} has {name[-1]} names (hard links), and its journal would stand beside one of them only",
                hint="Delete all names but one; symbolic links and copies do no harm",
            )


#: A real path, the device and inode of the file there, and how many names that has.
_Name = tuple[str, int, int, int]


def _is_mine(lock: threading.RLock) -> bool:
    """Whether this very thread has taken it."""
    return bool(lock._is_owned())  # type: ignore[attr-defined]


def _is_journal_of(journal: int, path: str) -> bool:
    """Whether a journal whose writer died was written for this file. One without page 1 is another program's; SQLite
    undoes it, as it does in a database that is not ours."""
    old = os.pread(journal, os.fstat(journal).st_size, 0)
    at = old.find(MAGIC)
    with open(path, "rb") as file:  # closing it drops locks of this process: none, under the lock of the path
        now = file.read(PAGE)
    if at < 0 or now[MARK] != APPLICATION_ID.to_bytes(4):
        return True
    then = old[at : at + PAGE]
    changes = int.from_bytes(now[CHANGES]) - int.from_bytes(then[CHANGES])
    return STORE_ID.findall(then) == STORE_ID.findall(now) and changes in {0, 1}


# --- forks -----------------------------------------------------------------------------------------------------------

#: Those that are told of every fork; those locked for the fork under way; and what makes it the only one.
_stores: Final[WeakSet[SQLiteStore]] = WeakSet()
_held: Final[list[SQLiteStore]] = []
_forking = threading.RLock()
#: Connections that a fork copied, by C code or amid a use that did not end. To close one would drop the parent's locks.
_ABANDONED: Final[list[sqlite3.Connection]] = []


def _before_fork() -> None:
    """Close all that can be had within a bound: a thread that never comes back must not hang every fork."""
    clock = SystemClock()
    give_up_ms = clock.now_ms() + BUSY_MS
    _forking.acquire(timeout=BUSY_MS / 1000)
    for store in list(_stores):
        if not _is_mine(store._lock):
            _held.append(store)
            if store._lock.acquire(timeout=max(0, min(BUSY_MS, give_up_ms - clock.now_ms())) / 1000):
                with suppress(sqlite3.Error):
                    store._disconnect()


def _after_fork_in_parent() -> None:
    for lock in [*[store._lock for store in _held], _forking]:
        with suppress(RuntimeError):  # waited for in vain
            lock.release()
    _held.clear()


def _after_fork_in_child() -> None:
    """Of all of them: a fork by C code runs nothing before it."""
    global _forking
    _forking = threading.RLock()
    _held.clear()
    for store in list(_stores):
        store._lock = threading.RLock()
        if store._connection is not None:
            _ABANDONED.append(store._connection)
            store._connection = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _row(db: sqlite3.Connection, key: GateKey) -> Plain | None:
    sql = "SELECT item FROM gates WHERE project = ? AND region = ?"
    row: tuple[bytes] | None = db.execute(sql, (key.project, key.region)).fetchone()
    return None if row is None else _loaded(key, row[0])


def _read(db: sqlite3.Connection, key: GateKey) -> Record:
    return item_to_record(key, _row(db, key) or {})


def _loaded(key: GateKey, text: bytes) -> Plain:
    try:
        plain = loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordInvalid(f"{key}: the row is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise RecordInvalid(f"{key}: the row is a {type(plain).__name__} in JSON, not an object")
    return plain


def _write(db: sqlite3.Connection, key: GateKey, record: Record) -> None:
    db.execute(
        "INSERT INTO gates (project, region, due_ms, expires_ms, item) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET due_ms = excluded.due_ms, expires_ms = excluded.expires_ms, item = excluded.item",
        (key.project, key.region, record.due_ms, record.expires_ms, dumps(record_to_item(record))),
    )


def _keep(db: sqlite3.Connection, key: GateKey, build: Finished) -> None:
    gate, forgotten_ms = (key.project, key.region), build.claimed_ms - KEPT_HISTORY_MS
    row = (*gate, build.claimed_ms, build.token, dumps(build_to_plain(build)))
    db.execute("INSERT OR REPLACE INTO history (project, region, claimed_ms, token, build) VALUES (?, ?, ?, ?, ?)", row)
    db.execute("DELETE FROM history WHERE project = ? AND region = ? AND claimed_ms < ?", (*gate, forgotten_ms))


def _forget_expired(db: sqlite3.Connection, now_ms: int) -> None:
    """Gates that have expired, and the history of such gates once its own time is over."""
    if db.execute("DELETE FROM gates WHERE expires_ms <= ?", (now_ms,)).rowcount:
        db.execute("DELETE FROM history WHERE claimed_ms < ?", (now_ms - KEPT_HISTORY_MS,))


def _latest_ms(record: Record) -> int:
    """The newest instant in a record that its writer has seen pass: the time, as far as a store knows it."""
    claimed_ms = record.claim.held_ms if record.claim else 0
    return max(claimed_ms, record.pending.last_ms if record.pending else 0)


def _warn(message: str, *args: object) -> None:
    import logging  # takes longer to import than a skip takes

    logging.getLogger("holdoff.stores.sqlite").warning(message, *args)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


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
