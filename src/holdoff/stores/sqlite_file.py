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

**Threads and forks** of one process are ``sqlite_turns``'s affair.

**A signal may come at any moment.** What its handler asks of a store in the midst of a use by the same thread is
refused before it touches the file; an exception that it raises leaves no lock taken and no transaction open.

**Other people use it.** The umask and the folder say who: file and journal always have the same rights. Reading makes
no file and changes none, so a user who may only read leaves nothing that the owner cannot use; a store that is not
there yet reads as an empty one.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH100, PTH102, PTH104, PTH108, PTH112, PTH116, PTH120, PTH123

from __future__ import annotations

import _sqlite3 as sqlite3  # sqlite3 adds adapters of dates, whose import takes 1 ms
import errno
import fcntl
import os
import re
from contextlib import closing, suppress
from functools import partial

from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError, StoreMismatch, StoreUnavailable
from holdoff.stores import sqlite_turns
from holdoff.stores.mounts import NETWORK_FILE_SYSTEMS, mount_of
from holdoff.stores.sqlite_turns import BUSY_MS, Turns, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType
    from typing import Final, TypeVar

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
#: Where SQLite's file format has what tells files apart: the magic word, the count of changes, and our mark and id.
MAGIC: Final = b"SQLite format 3\0"
CHANGES: Final = slice(24, 28)
WAL: Final = slice(18, 19)
MARK: Final = slice(68, 72)
PAGE: Final = 4096
STORE_ID: Final = rb"-- store ([0-9a-f]{32})"
#: What the system says where the rights are missing.
NO_RIGHTS: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
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
        self.folder_mode = folder_mode
        self.turns: Turns = Turns()
        self._connection: sqlite3.Connection | None = None
        #: What the connection is to, and whether it may write there.
        self._opened: _Name | None = None
        self._writable = False
        self._patience_ms = 0
        with sqlite_turns.forking:
            sqlite_turns.stores.add(self)

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
            journal = self._open_journal(writes=use.writes)
            try:
                if journal is not None and not self._lock_path(journal, give_up_ms):
                    continue
                with self._open(journal, give_up_ms, writes=use.writes) as db:  # at an exception it rolls back
                    db.execute("BEGIN IMMEDIATE" if use.writes else "BEGIN")
                    self._check_schema(db)
                    group = self.turns.carry_out(use, db)
                    db.execute("COMMIT")  # fails where there is no transaction any more
                if use.writes and self._name() != self._opened:
                    raise errors().replaced(self._file, writes=True)
                self.turns.committed(group)
            finally:
                if journal is not None:
                    fcntl.flock(journal, fcntl.LOCK_UN)  # closing alone would leave it to a child's copy
                    os.close(journal)

    def _turn(self, doing: str, use: Use, act: Callable[[int], T]) -> T:
        """One thread at a time; its waits for others have one bound, whose end ``act`` is given. What goes wrong is a
        ``StoreError``."""
        turns, failed = self.turns, f"{self._file}: {doing} failed"
        give_up_ms = SystemClock().now_ms() + self.busy_ms
        if turns.is_mine():
            raise StoreUnavailable(
                f"{failed}: the store was called again from a signal handler, in the midst of another use",
                hint="Nothing was done; try again when the handler has returned",
            )
        try:
            if not turns.wait(use, give_up_ms):
                raise errors().busy(self._file, failed, self.busy_ms, in_doubt=use.is_taken)
            return act(give_up_ms)
        except (sqlite3.Error, OSError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
            raise errors().typed(error, self._file, failed, self.busy_ms, writes=use.writes) from error
        finally:
            turns.end(use)

    def _left_ms(self, give_up_ms: int) -> int:
        return max(0, min(self.busy_ms, give_up_ms - SystemClock().now_ms()))

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

    def _name(self) -> _Name | None:
        """Which file the path names now: its real path, device and inode, and how many names it has."""
        try:
            file = os.stat(self._file)
        except FileNotFoundError:
            return None
        real = self._real(file)
        if file.st_size == 0:
            raise StoreMismatch(
                f"{self._file} is empty; a store never is: it was cut to nothing, or something else made it",
                hint="Put a copy of it back, or delete it to start afresh (a gate that is gone has never built)",
            )
        return (real, *_which(file))

    def _real(self, file: os.stat_result | None = None) -> str:
        """The real path. To look for it takes longer than all else here: a file that has one name, and is still found
        by the real path that it had, has that one."""
        opened = self._opened  # once: a fork in another thread closes the file amid this
        if opened is None:
            return os.path.realpath(self._file)
        real, which = opened[0], opened[1:]
        try:
            stays = which == _which(file or os.stat(self._file))
            stays = stays and (real == self._file or which == _which(os.stat(real)))
        except OSError:
            stays = False
        return real if stays else os.path.realpath(self._file)

    def _open_journal(self, *, writes: bool) -> int | None:
        """``PATH-journal``, opened; made if need be for a write. A reader may do without: SQLite's own locks hold."""
        name = f"{self._real()}-journal"
        try:
            return os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return self._make_journal(name) if writes else None
        except OSError as error:
            if writes or error.errno not in NO_RIGHTS:
                raise
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW)

    def _make_journal(self, name: str) -> int | None:
        """Made with the rights of the file, as SQLite would make it; before the file, with the same umask."""
        self._check_place(self._name())
        _make_folder(os.path.dirname(name), self.folder_mode)
        try:
            file: os.stat_result | None = os.stat(self._file)
        except FileNotFoundError:
            file = None
        mode = (file.st_mode if file else 0o666) & 0o666
        try:
            journal = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:  # another process was first
            return self._open_journal(writes=True)
        try:
            if file:
                _give(journal, file)
        except BaseException:
            _remove(name)  # those who can use the file could not use it
            os.close(journal)
            raise
        return journal

    def _lock_path(self, journal: int, give_up_ms: int) -> bool:
        """Whether, once it is locked, it still is the one at the path: another program's SQLite deletes journals."""
        for _ in range(self._left_ms(give_up_ms) + 1):
            with suppress(BlockingIOError):
                fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return os.fstat(journal).st_nlink > 0
            SystemClock().sleep(1)
        raise errors().busy(self._file, f"{self._file} is in use", self.busy_ms)

    def _open(self, journal: int | None, give_up_ms: int, *, writes: bool) -> sqlite3.Connection:
        """A connection to the file that the path names now."""
        name, patience_ms = self._name(), self._left_ms(give_up_ms)
        if journal is not None and os.pread(journal, 1, 0) > b"\0" and (name or writes):
            self._judge(journal, name)
        is_usable = name == self._opened and (self._writable or not writes)
        if self._connection is None or self._connection.in_transaction or not is_usable:
            self.disconnect()
            self._connection, self._patience_ms = self._connect(name, journal, patience_ms, writes=writes), patience_ms
        if patience_ms != self._patience_ms:
            self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._patience_ms = patience_ms
        self._connection.execute("PRAGMA shrink_memory")  # its pages may be of a file that a copy was written over
        return self._connection

    def _judge(self, journal: int, name: _Name | None) -> None:
        """Of a writer that died: SQLite undoes it in the file that it was written for; from another it is kept away."""
        if fcntl.fcntl(journal, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise errors().cut_short(self._file)
        if not (name and _is_journal_of(journal, name[0])):
            os.ftruncate(journal, 0)

    def _connect(
        self, name: _Name | None, journal: int | None, patience_ms: int, *, writes: bool
    ) -> sqlite3.Connection:
        """Open the file, once it is certain which one that is; for a reader where there is none, an empty one."""
        real = os.path.realpath(self._file)
        if journal is not None:
            with suppress(OSError):  # left by a process that died
                os.unlink(f"{real}.new")
                name = self._name()
        self._check_place(name)
        if name is None and not writes:
            self._opened, self._writable = None, False
            return _nothing()
        name = name or self._create(real)
        if journal is not None and writes:
            with suppress(PermissionError):  # another's; its own user does it
                _give(journal, os.stat(real))
        self._writable = os.access(real, os.W_OK, **AS_ITSELF)
        if not self._writable:
            self._check_journal_mode(real)
        quoted = real.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # Never rwc, which would leave an empty file where there is none.
        uri = f"file://{quoted}?mode={'rw' if self._writable else 'ro'}"
        db = sqlite3.connect(uri, uri=True, timeout=patience_ms / 1000, isolation_level=None, check_same_thread=False)
        try:
            db.text_factory = bytes  # a row that is not even UTF-8 is the trouble of its own gate only
            db.execute("PRAGMA synchronous = FULL")
            self._check_schema(db)
            db.execute("PRAGMA journal_mode = TRUNCATE")
            self._opened = self._name()
            if self._opened != name:
                raise errors().replaced(self._file, writes=writes)
        except BaseException:
            db.close()
            raise
        return db

    def _create(self, real: str) -> _Name:
        """A store that is complete from its first moment at the path."""
        new = f"{real}.new"
        os.close(os.open(new, os.O_WRONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o666))  # SQLite would make it 0644
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                db.executescript(f"BEGIN;{SCHEMA % SystemClock().random(128)}COMMIT;")
            for end in ("-wal", "-shm"):
                _remove(f"{real}{end}")  # of a file that is gone: SQLite would read it into this one
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
            raise errors().replaced(self._file, writes=True)
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
        _, kind = mount_of(self._file)
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

    def _check_journal_mode(self, real: str) -> None:
        """To read a file that another program left in WAL mode would make files beside it, which are its reader's."""
        with open(real, "rb") as file:
            if file.read(PAGE)[WAL] == b"\2":
                hint = "The next use by a user who may write it puts that right"
                raise StoreMismatch(f"{self._file} was left in WAL mode by another program", hint=hint)


#: A real path, the device and inode of the file there, and how many names that has.
_Name = tuple[str, int, int, int]


def _which(file: os.stat_result) -> tuple[int, int, int]:
    return file.st_dev, file.st_ino, file.st_nlink


def errors() -> ModuleType:
    """``sqlite_errors``: who meets no trouble does not wait for its import."""
    try:
        from holdoff.stores import sqlite_errors
    except (OSError, ImportError) as error:  # it cannot be opened
        what = "no more files can be opened: not even that which says what went wrong with the store"
        raise StoreUnavailable(what, hint="Raise the limit on open files: ulimit -n. Try again") from error
    return sqlite_errors


def _nothing() -> sqlite3.Connection:
    """What a reader finds where there is no store yet."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.executescript(SCHEMA % 0)
    return db


def _make_folder(folder: str, mode: int) -> None:
    """As ``os.makedirs``, whose ``mode`` is for the last of them only."""
    if not os.path.isdir(folder):
        _make_folder(os.path.dirname(folder), mode)
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None


def _give(journal: int, file: os.stat_result) -> None:
    """Let all who can use the file use its journal, and no others."""
    now, mode = os.fstat(journal), file.st_mode & 0o666
    if now.st_mode & 0o666 != mode:
        os.fchmod(journal, mode)
    if os.geteuid() == 0 and now.st_uid != file.st_uid:
        os.fchown(journal, file.st_uid, -1)
    if now.st_gid != file.st_gid and mode >> 3 & 0o6 != mode & 0o6:  # the group has rights of its own
        os.fchown(journal, -1, file.st_gid)


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
    return re.findall(STORE_ID, then) == re.findall(STORE_ID, now) and changes in {0, 1}


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
