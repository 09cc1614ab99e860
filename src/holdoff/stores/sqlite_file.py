"""The file of a SQLite store: opened and used safely by the threads, forks and processes of one machine.

**Between two writes the file alone has all of the state.** It has a rollback journal (``journal_mode=TRUNCATE``) and no
WAL. So a file that is moved, copied or replaced takes all of its gates along, and no gates of another file. With
``synchronous=FULL`` a decision survives a power cut. There is one clock, so there is no clock margin.

**The path decides which file it is**, and the lock belongs to the path: see ``sqlite_place``. A store is created
complete beside its path and then linked into place, so there is never half a store. A file that is not there yet reads
as an empty store. If the file that this process used is gone or replaced, the log says so.

**Threads** of one process take turns: see ``sqlite_turns``.

**A fork finds the file closed.** SQLite keeps in memory which locks the process holds. A child with a copy of that
memory would rely on locks that it does not have. So each store is closed just before a fork, under its own lock, and
opens the file again when it is used in the parent or the child. Only the parent does what its threads wait to write.

**A signal may come at any moment.** If its handler uses the store while the same thread is using it, that is refused
before the file is touched. If the handler raises an exception, no lock stays taken and no transaction open.
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # sqlite3 adds adapters of dates, whose import takes 2 ms of each `holdoff run`
import os
import threading
from contextlib import closing, suppress
from functools import partial
from weakref import WeakSet

from holdoff.clock import SystemClock, running_ms
from holdoff.core.errors import ConfigError, StoreMismatch, StoreUnavailable
from holdoff.stores.sqlite_place import APPLICATION_ID, LONGEST_NAP_MS, Place, busy, remove, share
from holdoff.stores.sqlite_turns import BUSY_MS, Turns, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType
    from typing import Any, Final, TypeVar

    from holdoff.stores.sqlite_place import Name

    T = TypeVar("T")


#: The version of the schema, ``user_version`` in the file.
SCHEMA_VERSION: Final = 2
#: ``item`` is the gate as JSON; the instants beside it are copies, for the indexes. The comment has the store's id.
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
CREATE INDEX history_claimed ON history (claimed_ms);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""
#: Options for ``os.access``: ask for the effective user, if the system can.
AS_ITSELF: Final = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
#: In a child: the parent's connections, which must not be closed here.
_ABANDONED: Final[list[sqlite3.Connection]] = []


class SQLiteFile:
    """The file that the path names now, under the lock of the path.

    Args:
        path: the file; the first write creates it and its folder.
        busy_ms: how long an operation may wait for other threads and processes.
        mode: the rights of what has to be made, before the umask: of folders, and without execution of the files.
    """

    def __init__(self, path: str | Path, *, busy_ms: int | None = None, mode: int = 0o777) -> None:
        self.url: str = f"sqlite:///{path}"
        try:
            self._file = os.path.abspath(path)  # the process may change its working directory
        except FileNotFoundError:
            want = "an absolute path: the working directory does not exist any more"
            raise ConfigError(field="store", got=self.url, want=want) from None
        self.busy_ms: int = BUSY_MS if busy_ms is None else busy_ms
        self._place = Place(self._file, self.busy_ms, mode)
        self.turns: Turns = Turns()
        self._connection: sqlite3.Connection | None = None
        #: Whether the connection may write.
        self._writable = False
        self._patience_ms = 0
        with forking:
            stores.add(self)

    @property
    def path(self) -> Path:
        """The file."""
        from pathlib import Path

        return Path(self._file)

    # No context manager here is a generator: an exception from a signal handler could leave it suspended, with locks.

    def _step(
        self, doing: str, act: Callable[[sqlite3.Connection], T], *, writes: bool = False, swaps: bool = False
    ) -> T:
        """One read of the file, or one write. When a write returns, it is in the file that the path names."""
        use = Use(act, writes=writes, swaps=swaps)
        self._turn(doing, use, partial(self._transact, use))
        answer: T = use.answer
        return answer

    def _transact(self, use: Use, give_up_ms: int) -> None:
        while not use.is_done:  # it may have been carried out by another thread
            journal = self._place.open_journal(writes=use.writes)
            try:
                if journal is not None and not self._place.lock(journal, _left_ms(give_up_ms)):
                    continue
                with self._open(journal, give_up_ms, writes=use.writes) as db:  # at an exception it rolls back
                    db.execute("BEGIN IMMEDIATE" if use.writes else "BEGIN")
                    if not (in_wal := self._check_schema(db)):
                        group = self.turns.carry_out(use, db)
                        db.execute("COMMIT")  # fails where there is no transaction any more
                if in_wal:  # another program did that; opening the file again restores its rollback journal
                    self.disconnect()
                    continue
                if use.writes and self._place.name() != self._place.opened:
                    raise errors().replaced(self._file, writes=True)
                self.turns.committed(group)
            finally:
                if journal is not None:
                    self._place.unlock(journal)

    def _turn(self, doing: str, use: Use, act: Callable[[int], T]) -> T:
        """Call ``act`` in this thread's turn, with the instant when all waits must end. Raises only ``StoreError``."""
        turns, failed = self.turns, f"{self._file}: {doing} failed"
        give_up_ms = running_ms() + self.busy_ms
        if turns.is_mine():
            raise StoreUnavailable(
                f"{failed}: the store was called again from a signal handler, during another use",
                hint="Nothing was done; try again when the handler has returned",
            )
        try:
            if not turns.wait(use, give_up_ms):
                raise busy(self._file, failed, self.busy_ms, again=errors().AGAIN if use.is_taken else None)
            return act(give_up_ms)
        except (sqlite3.Error, OSError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno is None:  # a signal handler's own, such as TimeoutError
                raise
            raise errors().typed(error, self._file, failed, self.busy_ms, writes=use.writes) from error
        finally:
            turns.end(use)

    def initialise(self) -> list[str]:
        """Create the file. An existing file is not changed."""
        existed = os.path.exists(self._file)
        self._step("opening", lambda _: None, writes=True)
        return [] if existed else [f"created {self._file}"]

    def check(self) -> list[str]:
        """Check the whole file for damage, and change nothing."""

        def look(give_up_ms: int) -> list[str]:
            if self._place.checked() is None:
                return [f"{self._file} does not exist yet; the first trigger creates it"]
            self._place.check_wal(self._place.real())
            self._place.check_journal_mode(self._file)
            reading = f"{self.path.as_uri()}?mode=ro"
            with closing(sqlite3.connect(reading, uri=True, timeout=_left_ms(give_up_ms) / 1000)) as db:
                self._check_schema(db)
                db.execute("SELECT item, build FROM gates, history LIMIT 0")  # are the tables there?
                found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(10)")]
            if not os.access(self._file, os.W_OK, **AS_ITSELF):
                found.append(f"{self._file}: this user may only read it")
            return [line for line in found if line != "ok"]

        return self._turn("checking", Use(lambda _: None, writes=False), look)

    def close(self) -> None:
        """Close the file; it is opened again when needed. Does nothing in a signal handler that interrupts a use."""
        turns = self.turns
        if not turns.is_mine():
            try:
                turns.lock.acquire()
                self.disconnect()
            finally:
                turns.release()

    def disconnect(self) -> None:
        """Close the file. The caller has its turn at the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """Drop the connection, which a fork copied, without closing it: that would drop the parent's locks."""
        if self._connection is not None:
            _ABANDONED.append(self._connection)
            self._connection = None

    def __del__(self) -> None:
        """A store that was never closed closes its file; Python 3.13 and later warn of an open connection.

        Without the lock: nothing else can use the store any more, and a thread that is gone may still hold it.
        """
        with suppress(Exception):  # at the interpreter's end anything may be gone already
            self.disconnect()

    def _open(self, journal: int | None, give_up_ms: int, *, writes: bool) -> sqlite3.Connection:
        name = self._place.name()
        if journal is not None and (name or writes):
            self._place.judge(journal, name)
        if name:
            self._place.check_wal(name[0])
        is_usable = name == self._place.opened and (self._writable or not writes)
        if self._connection is None or self._connection.in_transaction or not is_usable:
            self.disconnect()
            self._connection = self._connect(journal, give_up_ms, writes=writes)
        patience_ms = _left_ms(give_up_ms)  # opening took some of the time
        if patience_ms != self._patience_ms:
            self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._patience_ms = patience_ms
        self._connection.execute("PRAGMA shrink_memory")  # a copy may have been written over the file: drop old pages
        return self._connection

    def _connect(self, journal: int | None, give_up_ms: int, *, writes: bool) -> sqlite3.Connection:
        """Open the file that the path names. If there is none, a reader gets an empty store."""
        real = os.path.realpath(self._file)
        if journal is not None:
            with suppress(OSError):  # left by a process that died
                os.unlink(f"{real}.new")
        found = self._place.checked()
        if found is None and not writes:
            self._warn_of_another(found)
            self._place.opened, self._writable = None, False
            db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            db.executescript(SCHEMA % 0)
            return db
        if found is None:
            self._create(real)
        name = found or self._place.name()
        if journal is not None and writes:
            with suppress(PermissionError):  # another user's file: its own user does it
                share(journal, os.stat(real))
        self._writable = os.access(real, os.W_OK, **AS_ITSELF)
        if not self._writable:
            self._place.check_journal_mode(real)
        quoted = real.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # Never rwc, which would make an empty file if there is none.
        uri = f"file://{quoted}?mode={'rw' if self._writable else 'ro'}"
        self._patience_ms = _left_ms(give_up_ms)
        timeout_s = self._patience_ms / 1000
        db = sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        try:
            db.text_factory = bytes  # if a row is not UTF-8, only its own gate fails
            db.execute("PRAGMA synchronous = FULL")
            self._check_schema(db)
            _leave_wal(db, give_up_ms)
            self._warn_of_another(found)
            self._place.opened = self._place.name()
            if self._place.opened != name:
                raise errors().replaced(self._file, writes=writes)
        except BaseException:
            db.close()
            raise
        return db

    def _warn_of_another(self, name: Name | None) -> None:
        """Warn if this is not the file that was used before. It may be intended: to delete a file is to start anew."""
        opened = self._place.opened
        if opened is None or (name is not None and opened[:3] == name[:3]):
            return
        what = "was replaced while it was in use: its gates are now those of the new file"
        if name is None:
            what = "was moved or deleted while it was in use: its gates start anew, as if none had built"
        warn("%s %s", self._file, what)

    def _create(self, real: str) -> None:
        """Create a store that is complete when it appears at the path."""
        new = f"{real}.new"
        os.close(os.open(new, os.O_WRONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, self._place.mode & 0o666))
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                db.executescript(f"BEGIN;{SCHEMA % SystemClock().random(128)}COMMIT;")
            for end in ("-wal", "-shm"):
                remove(f"{real}{end}")  # left by a file that is gone: SQLite would read it into the new one
            try:
                os.link(new, real)
            except FileExistsError:
                pass  # another program was first
            except OSError:  # a file system without links
                os.rename(new, real)
        finally:
            remove(new)
            remove(f"{new}-journal")

    def _check_schema(self, db: sqlite3.Connection) -> bool:
        """Refuse a file that is not ours. Returns whether it is in WAL mode: then another file has the last writes."""
        names = ("application_id", "user_version", "journal_mode")
        mark, version, mode = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
        if mark != APPLICATION_ID:
            what, hint = "is a database of another program", "Name another file: --store sqlite:///PATH"
        elif version != SCHEMA_VERSION:
            what = f"was made by a newer Holdoff (schema {version}, known here: {SCHEMA_VERSION})"
            hint = "Upgrade this one: pip install -U holdoff"
        else:
            return bool(mode == b"wal")
        raise StoreMismatch(f"{self._file} {what}", hint=hint)


def _left_ms(give_up_ms: int) -> int:
    return max(0, give_up_ms - running_ms())


def _leave_wal(db: sqlite3.Connection, give_up_ms: int) -> None:
    """Switch to a rollback journal. SQLite itself does not wait for other processes that use the file in WAL mode."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or running_ms() >= give_up_ms:
                raise
        SystemClock().sleep(LONGEST_NAP_MS)


def errors() -> ModuleType:
    """The module ``sqlite_errors``, which is imported only after an error."""
    try:
        from holdoff.stores import sqlite_errors
    except (OSError, ImportError) as error:  # its file cannot be opened
        what = "no more files can be opened, not even the module that explains the store's error"
        raise StoreUnavailable(what, hint="Raise the limit on open files: ulimit -n. Try again") from error
    return sqlite_errors


def warn(message: str, *args: object) -> None:
    """Log a warning about the file or a row of it."""
    import logging  # the import takes longer than a skip

    logging.getLogger("holdoff.stores.sqlite").warning(message, *args)


# --- forks -----------------------------------------------------------------------------------------------------------


#: The stores to close before a fork; those locked for a fork in progress, by its thread; and the lock of all forks.
stores: Final[WeakSet[SQLiteFile]] = WeakSet()
_held: Final[dict[int, list[SQLiteFile]]] = {}
forking: Any = threading.RLock()


def _before_fork() -> None:
    """Close all stores whose lock can be taken in time: a thread that never ends must not block every fork."""
    give_up_ms = running_ms() + BUSY_MS
    forking.acquire(timeout=BUSY_MS / 1000)
    held: list[SQLiteFile] = []
    _held[threading.get_ident()] = held
    for store in list(stores):
        if not store.turns.is_mine():
            held.append(store)
            if store.turns.lock.acquire(timeout=_left_ms(give_up_ms) / 1000):
                with suppress(Exception):  # any error of SQLite: the fork goes on
                    store.disconnect()


def _after_fork_in_parent() -> None:
    for store in _held.pop(threading.get_ident(), ()):
        store.turns.release()
    with suppress(RuntimeError):  # the lock could not be taken in time
        forking.release()


def _after_fork_in_child() -> None:
    """Drop the connections of all stores: before a fork by C code nothing was closed."""
    global forking
    forking = threading.RLock()
    _held.clear()
    for store in list(stores):
        store.turns = Turns()
        store.abandon()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
