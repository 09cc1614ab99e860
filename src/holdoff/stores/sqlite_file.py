"""Gates in a SQLite file: the default store, safe across threads, forks and processes of one machine.

**Between two writes the file alone is the whole truth.** It has a rollback journal (``journal_mode=TRUNCATE``) and no
WAL: a file that is moved, copied or replaced takes all of its gates along, and none of another's. ``synchronous=FULL``:
a decision that was given survives a power cut. One clock, so no clock margin.

**Which file that is** the path alone says, and its lock is the path's own: that is ``sqlite_place``'s affair. A store
never stands at its path half made: it is created complete beside it and linked into place. One that is not there yet
reads as an empty one. Where the file that this process used is gone, or another stands there, the log says so.

**Threads** of one process are ``sqlite_turns``'s affair.

**A fork finds the file closed**: SQLite notes in the process which locks it holds, and a child with a copy of those
notes would trust locks that it has not got. Each store is closed just before, under its own lock, and opens the file
again when it is used: in the parent, in the child, or in both. What threads of the parent wait to write is theirs.

**A signal may come at any moment.** What its handler asks of a store in the midst of a use by the same thread is
refused before it touches the file; an exception that it raises leaves no lock taken and no transaction open.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH100, PTH104, PTH108, PTH110, PTH116

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
CREATE INDEX history_claimed ON history (claimed_ms);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""
#: Whether "may this process do that" can be asked for the user whose rights it has.
AS_ITSELF: Final = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
#: Connections of a parent, in its child.
_ABANDONED: Final[list[sqlite3.Connection]] = []


class SQLiteFile:
    """A file that the path names now, under a lock of the path.

    Args:
        path: the file; it and its folder are created by the first write.
        url: as it was opened.
        region: the region of gates that name none.
        busy_ms: how long an operation may wait for others.
        folder_mode: the rights of folders that have to be made, before the umask.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        url: str | None = None,
        region: str = "local",
        busy_ms: int | None = None,
        folder_mode: int = 0o777,
    ) -> None:
        self.url: str = url or f"sqlite:///{path}"
        try:
            self._file = os.path.abspath(path)  # it stays where it is, wherever the process goes
        except FileNotFoundError:
            want = "an absolute path: the working directory does not exist any more"
            raise ConfigError(field="store", got=self.url, want=want) from None
        self.busy_ms: int = BUSY_MS if busy_ms is None else busy_ms
        self.region = region
        self._place = Place(self._file, self.busy_ms, folder_mode)
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

    # --- one operation -----------------------------------------------------------------------------------------------

    # No context is a generator here: an exception from a signal handler could leave it suspended, with its locks taken.

    def _step(
        self, doing: str, act: Callable[[sqlite3.Connection], T], *, writes: bool = False, swaps: bool = False
    ) -> T:
        """One sight of the file; or one write that is in the file that the path names when it is answered."""
        use = Use(act, writes=writes, swaps=swaps)
        self._turn(doing, use, partial(self._transact, use))
        answer: T = use.answer
        return answer

    def _transact(self, use: Use, give_up_ms: int) -> None:
        while not use.is_done:  # it may have been carried out by another thread
            journal = self._place.open_journal(writes=use.writes)
            try:
                if journal is not None and not self._place.lock(journal, self._left_ms(give_up_ms)):
                    continue
                with self._open(journal, give_up_ms, writes=use.writes) as db:  # at an exception it rolls back
                    db.execute("BEGIN IMMEDIATE" if use.writes else "BEGIN")
                    if not (in_wal := self._check_schema(db)):
                        group = self.turns.carry_out(use, db)
                        db.execute("COMMIT")  # fails where there is no transaction any more
                if in_wal:  # another program's doing: where it is opened anew, it has its rollback journal again
                    self.disconnect()
                    continue
                if use.writes and self._place.name() != self._place.opened:
                    raise errors().replaced(self._file, writes=True)
                self.turns.committed(group)
            finally:
                if journal is not None:
                    self._place.unlock(journal)

    def _turn(self, doing: str, use: Use, act: Callable[[int], T]) -> T:
        """One thread at a time; its waits for others have one bound, whose end ``act`` is given. What goes wrong is a
        ``StoreError``."""
        turns, failed = self.turns, f"{self._file}: {doing} failed"
        give_up_ms = running_ms() + self.busy_ms
        if turns.is_mine():
            raise StoreUnavailable(
                f"{failed}: the store was called again from a signal handler, in the midst of another use",
                hint="Nothing was done; try again when the handler has returned",
            )
        try:
            if not turns.wait(use, give_up_ms):
                raise busy(self._file, failed, self.busy_ms, again=errors().AGAIN if use.is_taken else None)
            return act(give_up_ms)
        except (sqlite3.Error, OSError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
            raise errors().typed(error, self._file, failed, self.busy_ms, writes=use.writes) from error
        finally:
            turns.end(use)

    def _left_ms(self, give_up_ms: int) -> int:
        return max(0, min(self.busy_ms, give_up_ms - running_ms()))

    def initialise(self) -> list[str]:
        """Create the file, touching none that is there."""
        existed = os.path.exists(self._file)
        self._step("opening", lambda _: None, writes=True)
        return [] if existed else [f"created {self._file}"]

    def check(self) -> list[str]:
        """Look through the whole file for damage, and change nothing."""

        def look(give_up_ms: int) -> list[str]:
            if self._place.checked() is None:
                return [f"{self._file} does not exist yet; the first trigger creates it"]
            self._place.check_journal_mode(self._file)
            reading = f"{self.path.as_uri()}?mode=ro"
            with closing(sqlite3.connect(reading, uri=True, timeout=self._left_ms(give_up_ms) / 1000)) as db:
                try:
                    self._check_schema(db)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                        raise
                    return [f"{self._file}-journal has a write that was cut short; the next use puts that right"]
                found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(10)")]
            if not os.access(self._file, os.W_OK, **AS_ITSELF):
                found.append(f"{self._file}: this user may only read it")
            return [line for line in found if line != "ok"]

        return self._turn("checking", Use(lambda _: None, writes=False), look)

    # --- the file ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the file; it is opened again when needed. Not from a signal handler amid a use, which needs it."""
        turns = self.turns
        if not turns.is_mine():
            try:
                turns.lock.acquire()
                self.disconnect()
            finally:
                turns.release()

    def disconnect(self) -> None:
        """Close the file, in a turn at it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """A fork copied the connection, by C code or amid a use that did not end: to close it would drop the parent's
        locks."""
        if self._connection is not None:
            _ABANDONED.append(self._connection)
            self._connection = None

    def __del__(self) -> None:
        """A store that was never closed closes its file; Python 3.13 and later complain of one left to them.

        Without the lock: nothing else can use the store any more, and a thread that has gone may have left it taken.
        """
        with suppress(Exception):  # at the interpreter's end anything may be gone already
            self.disconnect()

    def _open(self, journal: int | None, give_up_ms: int, *, writes: bool) -> sqlite3.Connection:
        """A connection to the file that the path names now."""
        name = self._place.name()
        if journal is not None and (name or writes):
            self._place.judge(journal, name)
        is_usable = name == self._place.opened and (self._writable or not writes)
        if self._connection is None or self._connection.in_transaction or not is_usable:
            self.disconnect()
            self._connection = self._connect(journal, give_up_ms, writes=writes)
        patience_ms = self._left_ms(give_up_ms)  # opening may have taken some of it
        if patience_ms != self._patience_ms:
            self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._patience_ms = patience_ms
        self._connection.execute("PRAGMA shrink_memory")  # its pages may be of a file that a copy was written over
        return self._connection

    def _connect(self, journal: int | None, give_up_ms: int, *, writes: bool) -> sqlite3.Connection:
        """Open the file, once it is certain which one that is; for a reader where there is none, an empty one."""
        real = os.path.realpath(self._file)
        if journal is not None:
            with suppress(OSError):  # left by a process that died
                os.unlink(f"{real}.new")
        found = self._place.checked()
        if found is None and not writes:
            self._tell_of_another(found)
            self._place.opened, self._writable = None, False
            db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            db.executescript(SCHEMA % 0)
            return db
        name = found or self._create(real)
        if journal is not None and writes:
            with suppress(PermissionError):  # another's; its own user does it
                share(journal, os.stat(real))
        self._writable = os.access(real, os.W_OK, **AS_ITSELF)
        if not self._writable:
            self._place.check_journal_mode(real)
        quoted = real.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # Never rwc, which would leave an empty file where there is none.
        uri = f"file://{quoted}?mode={'rw' if self._writable else 'ro'}"
        self._patience_ms = self._left_ms(give_up_ms)
        timeout_s = self._patience_ms / 1000
        db = sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        try:
            db.text_factory = bytes  # a row that is not even UTF-8 is the trouble of its own gate only
            db.execute("PRAGMA synchronous = FULL")
            self._check_schema(db)
            _leave_wal(db, give_up_ms)
            self._tell_of_another(found)
            self._place.opened = self._place.name()
            if self._place.opened != name:
                raise errors().replaced(self._file, writes=writes)
        except BaseException:
            db.close()
            raise
        return db

    def _tell_of_another(self, name: Name | None) -> None:
        """That the file is not the one that was used before. It may be meant so: to delete it is to start afresh."""
        opened = self._place.opened
        if opened is None or (name is not None and opened[:3] == name[:3]):
            return
        what = "was replaced while it was in use: its gates are now as they stand in the new file"
        if name is None:
            what = "was moved or deleted while it was in use: its gates start afresh, as if none had built"
        warn("%s %s", self._file, what)

    def _create(self, real: str) -> Name:
        """A store that is complete from its first moment at the path."""
        new = f"{real}.new"
        os.close(os.open(new, os.O_WRONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o666))  # SQLite would make it 0644
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                db.executescript(f"BEGIN;{SCHEMA % SystemClock().random(128)}COMMIT;")
            for end in ("-wal", "-shm"):
                remove(f"{real}{end}")  # of a file that is gone: SQLite would read it into this one
            try:
                os.link(new, real)
            except FileExistsError:
                pass  # another program was first
            except OSError:  # a file system without links
                os.rename(new, real)
        finally:
            remove(new)
            remove(f"{new}-journal")
        name = self._place.name()
        if name is None:
            raise errors().replaced(self._file, writes=True)
        return name

    def _check_schema(self, db: sqlite3.Connection) -> bool:
        """Refuse what is not ours. Whether it is in WAL mode, where another file has what was written last."""
        names = ("application_id", "user_version", "journal_mode")
        mark, version, mode = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
        if mark != APPLICATION_ID:
            what, hint = "is a database of another program", "Name another file: --store sqlite:///PATH"
        elif version > SCHEMA_VERSION:
            what = f"was made by a newer Holdoff (schema {version}, known here: {SCHEMA_VERSION})"
            hint = "Upgrade this one: pip install -U holdoff"
        elif version < SCHEMA_VERSION:
            what = f"was made by a Holdoff before the first release (schema {version})"
            hint = "Move it away; a new one is created (a gate that is gone has never built)"
        else:
            return bool(mode == b"wal")
        raise StoreMismatch(f"{self._file} {what}", hint=hint)


def _leave_wal(db: sqlite3.Connection, give_up_ms: int) -> None:
    """Have a rollback journal. SQLite itself does not wait for those who have the file open in WAL mode."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or running_ms() >= give_up_ms:
                raise
        SystemClock().sleep(LONGEST_NAP_MS)


def errors() -> ModuleType:
    """``sqlite_errors``: who meets no trouble does not wait for its import."""
    try:
        from holdoff.stores import sqlite_errors
    except (OSError, ImportError) as error:  # it cannot be opened
        what = "no more files can be opened: not even that which says what went wrong with the store"
        raise StoreUnavailable(what, hint="Raise the limit on open files: ulimit -n. Try again") from error
    return sqlite_errors


def warn(message: str, *args: object) -> None:
    """Log what is wrong with the file, or a row of it."""
    import logging  # takes longer to import than a skip takes

    logging.getLogger("holdoff.stores.sqlite").warning(message, *args)


# --- forks -----------------------------------------------------------------------------------------------------------


#: Those that are told of every fork; those locked for a fork under way, by its thread; and what makes it the only one.
stores: Final[WeakSet[SQLiteFile]] = WeakSet()
_held: Final[dict[int, list[SQLiteFile]]] = {}
forking: Any = threading.RLock()


def _before_fork() -> None:
    """Close all that can be had within a bound: a thread that never comes back must not hang every fork."""
    give_up_ms = running_ms() + BUSY_MS
    forking.acquire(timeout=BUSY_MS / 1000)
    held: list[SQLiteFile] = []
    _held[threading.get_ident()] = held
    for store in list(stores):
        if not store.turns.is_mine():
            held.append(store)
            if store.turns.lock.acquire(timeout=max(0, min(BUSY_MS, give_up_ms - running_ms())) / 1000):
                with suppress(Exception):  # SQLite's, whatever it is: the fork goes on
                    store.disconnect()


def _after_fork_in_parent() -> None:
    for store in _held.pop(threading.get_ident(), ()):
        store.turns.release()
    with suppress(RuntimeError):  # waited for in vain
        forking.release()


def _after_fork_in_child() -> None:
    """Of all of them: a fork by C code runs nothing before it."""
    global forking
    forking = threading.RLock()
    _held.clear()
    for store in list(stores):
        store.turns = Turns()
        store.abandon()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
