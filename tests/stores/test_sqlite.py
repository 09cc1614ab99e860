"""The SQLite store where things are not as they should be: each fault has its typed error, and changes nothing.

What every store must promise is in the conformance suite; this is what only a file can do to us.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdoff import Gate, Policy
from holdoff.clock import SystemClock
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import ConfigError, RecordInvalid, StoreDenied, StoreError, StoreMismatch, StoreUnavailable
from holdoff.core.record import FORMAT, KEPT_HISTORY_MS, Record
from holdoff.core.request import GateKey
from holdoff.starters import Call
from holdoff.stores import sqlite, sqlite_errors, sqlite_file, sqlite_place, sqlite_turns
from holdoff.stores.open import open_store
from holdoff.stores.sqlite import SQLiteStore
from holdoff.stores.sqlite_file import SCHEMA_VERSION
from holdoff.stores.sqlite_place import Place, mount_of
from holdoff.stores.sqlite_turns import Turns, Use
from holdoff.testing import ManualClock
from holdoff.testing.conformance import build, deferred, fold, pending
from tests.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = GateKey("p", "local")
BUILT = Record(lastbuild=Decimal("1795395667.25"), writes=("WRITE001",))
# Threads at a fork are what is tried here. ``catch_warnings`` is for one thread at a time.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
has_next = pytest.mark.skipif(sqlite_place.LOCK_OPENING is None, reason="only Linux marks who is next")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gates.db"


def filled(path: Path) -> SQLiteStore:
    """A store with one gate, closed."""
    store = SQLiteStore(path, busy_ms=50)
    store.swap(KEY, expected=Record(), new=BUILT)
    store.close()
    return store


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        yield db
    finally:
        db.close()


def refused(store: SQLiteStore, error: type[StoreError], status: int, *words: str) -> None:
    """Reading, writing and initialising are refused in these words."""
    for act in (
        lambda: store.get(KEY),
        lambda: store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")),
        store.initialise,
    ):
        with pytest.raises(error) as caught:
            act()
        assert caught.value.exit_code == status
        for word in words:
            assert word in str(caught.value)


@pytest.mark.parametrize("version", ["v1", 'v"1', "vé\\1", "x" * 90])
def test_builds_are_found_by_what_they_name(path: Path, version: str) -> None:
    store = SQLiteStore(path)
    made = [build(n, covers=pending(source_version=f"{version}{'' if n == 1 else n}")) for n in range(3)]
    for one in made:
        store.keep(KEY, one)

    def found(*texts: str, key: GateKey = KEY) -> list[str]:
        return [one.build_id for one in store.naming(key, texts)]

    assert found(version) == [made[1].build_id]
    assert found(version[:-1], f"{version}2", f"{version}0") == [made[2].build_id, made[0].build_id]
    assert found(version, key=GateKey("q", "local")) == []
    store.close()


# --- what stands there is something else -----------------------------------------------------------


def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"my diary\n" * 500)

    refused(SQLiteStore(path), StoreMismatch, 78, "file is not a database", "If it is no store, name another file")
    assert path.read_bytes() == b"my diary\n" * 500


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE diary (day)", "PRAGMA user_version = 3", "PRAGMA application_id = 42"],
)
def test_another_programs_database_is_left_alone(path: Path, script: str) -> None:
    with opened(path) as db:
        db.executescript(script)
    before = path.read_bytes()

    refused(SQLiteStore(path), StoreMismatch, 78, "another program", "--store")
    with pytest.raises(StoreMismatch, match="another program"):
        SQLiteStore(path).check()
    assert path.read_bytes() == before


def test_a_newer_schema_is_left_alone_also_by_one_that_has_the_file_open(path: Path) -> None:
    store = filled(path)
    store.get(KEY)
    with opened(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    refused(store, StoreMismatch, 78, "newer Holdoff", "pip install -U holdoff")
    refused(SQLiteStore(path), StoreMismatch, 78, "newer Holdoff", "pip install -U holdoff")
    store.close()


def test_an_empty_file_is_no_new_store(path: Path) -> None:
    path.touch()

    refused(SQLiteStore(path), StoreMismatch, 78, f"{path} is empty", "delete it to start afresh")
    with pytest.raises(StoreMismatch, match="is empty"):
        SQLiteStore(path).check()
    assert path.stat().st_size == 0


@pytest.mark.parametrize(
    "change", ["DROP TABLE gates", "ALTER TABLE gates RENAME COLUMN item TO thing", "DROP TABLE history"]
)
def test_tables_that_another_program_changed_are_no_passing_trouble(path: Path, change: str) -> None:
    filled(path)
    with opened(path) as db:
        db.execute(change)
    with pytest.raises(StoreMismatch, match=r"another program has changed its tables\. Put a copy of"):
        SQLiteStore(path).swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"), history=(build(1),))
    with pytest.raises(StoreMismatch, match=r"checking failed.*another program has changed its tables"):
        SQLiteStore(path).check()


def test_a_file_whose_history_is_gone_builds_once_in_a_cooldown(path: Path) -> None:
    """It was dropped by a person who wanted a smaller file, say. Claims went in, confirms did not."""
    clock, started = ManualClock(), list[str]()

    def gate() -> Gate:
        starter = Call(lambda _request, token: started.append(token))
        return Gate("site", store=SQLiteStore(path), policy=Policy("10m"), starter=starter, clock=clock)

    gate().trigger()
    with opened(path) as db:
        db.execute("DROP TABLE history")
    clock.advance("10m")
    assert not gate().trigger().unconfirmed
    clock.advance("5m")
    gate().wake()
    assert len(started) == 2


def test_a_damaged_file_is_found_by_check_and_refused_when_met(path: Path) -> None:
    filled(path)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    # A disk that cannot be read looks the same to SQLite.
    with pytest.raises(StoreMismatch, match=r"(malformed|not a database).*\(dmesg\).*store check"):
        SQLiteStore(path).get(KEY)
    try:
        found = SQLiteStore(path).check()
    except StoreMismatch as error:
        found = [str(error)]
    assert found


@pytest.mark.parametrize(
    "item",
    [
        "{",
        "[]",
        "7",
        '{"lastbuild": "soon"}',
        '{"lastbuild": -1}',
        '{"lastbuild": 1e999999999}',
        '{"lastbuild": NaN}',
        f'{{"format": {FORMAT + 1}}}',
        "[" * 100_000,
        b"\xff\xfe\x00",
        '{"theirs": "\\ud800", "writes": 5}',
    ],
)
def test_a_row_that_is_no_item_stops_its_own_gate_only(path: Path, item: str | bytes) -> None:
    store = filled(path)
    other = GateKey("q", "local")
    store.swap(other, expected=Record(), new=BUILT.but(due_ms=5))
    with opened(path) as db:
        db.execute("UPDATE gates SET item = CAST(? AS TEXT), due_ms = 4 WHERE project = 'p'", (item,))

    for act in (lambda: store.get(KEY), lambda: store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))):
        with pytest.raises(RecordInvalid, match=r"p \(local\)") as caught:
            act()
        assert caught.value.exit_code == 65
    (bad, error), good = store.gates()
    assert (bad, good) == (KEY, (other, BUILT.but(due_ms=5)))
    assert isinstance(error, RecordInvalid)
    assert list(store.due(5)) == [KEY, other]
    store.close()


def test_a_row_that_no_gate_can_have_is_left_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = filled(path)
    with opened(path) as db:
        for project in (b"a\x07b", b"", b"\xff"):
            sql = "INSERT INTO gates (project, region, due_ms, item) VALUES (CAST(? AS TEXT), 'r', 1, '{}')"
            db.execute(sql, (project,))

    assert [key for key, _ in store.gates()] == [KEY]
    assert list(store.due(5)) == []
    assert "a row that no gate can have is left out" in caplog.text
    store.close()


def test_a_build_that_cannot_be_read_is_left_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = filled(path)
    for number in range(3):
        store.keep(KEY, build(number, covers=None))
    with opened(path) as db:
        db.execute("UPDATE history SET build = '{' WHERE token LIKE '%01'")

    assert [each.build_id for each in store.history(KEY)] == ["site-build:2", "site-build:0"]
    assert "a build of its history is left out" in caplog.text
    store.close()


def test_what_cannot_be_stored_is_a_store_error_and_changes_nothing(path: Path) -> None:
    store = filled(path)
    with pytest.raises(RecordInvalid, match="OverflowError"):
        store.swap(KEY, expected=BUILT, new=BUILT.but(due_ms=2**70).swapped("WRITE002"))
    with pytest.raises(RecordInvalid, match="OverflowError"):
        store.swap(GateKey("q", "local"), expected=Record(), new=BUILT.but(due_ms=2**70).swapped("WRITE002"))
    assert list(store.gates()) == [(KEY, BUILT)]
    store.close()


# --- it cannot be opened or written ----------------------------------------------------------------


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    refused(SQLiteStore(tmp_path), StoreMismatch, 78, "is a folder", f"{tmp_path}/gates.db")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SQLiteStore(tmp_path / "file" / "gates.db")

    refused(store, StoreDenied, 77, "Not a directory", str(tmp_path / "file"), "Name another file: --store sqlite")


def test_a_folder_that_cannot_be_made() -> None:
    """A reader finds that there is nothing; a writer is told."""
    store = SQLiteStore("/proc/holdoff/gates.db")
    assert store.get(KEY) == Record()
    for write in (lambda: store.swap(KEY, expected=Record(), new=BUILT), store.initialise):
        with pytest.raises(StoreDenied, match="/proc/holdoff: No such file or directory"):
            write()


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StoreDenied):
        SQLiteStore(tmp_path / ("x" * 300)).get(KEY)


def test_a_read_only_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even root cannot write through a connection that is opened to read only."""
    filled(path)
    connect = sqlite3.connect

    def read_only(file: str, **options: object) -> sqlite3.Connection:
        return connect(file.replace("mode=rw", "mode=ro"), **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr("holdoff.stores.sqlite_file.sqlite3.connect", read_only)
    store = SQLiteStore(path)
    with pytest.raises(StoreDenied, match="readonly") as caught:
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))

    assert caught.value.exit_code == 77
    assert f"read and write {path} and its folder" in str(caught.value)
    assert store.get(KEY) == BUILT
    store.close()


def test_a_limit_on_the_size_of_files_is_named(path: Path) -> None:
    """SQLite says "disk I/O error" of all that is no full disk, and keeps the system's word to itself."""
    filled(path)
    code = f"""
import resource, sys
from holdoff.core.errors import StoreError
from holdoff.core.request import GateKey
from holdoff.stores.sqlite import SQLiteStore
store = SQLiteStore({str(path)!r})
before = store.get(GateKey("p", "local"))
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
try:
    store.swap(GateKey("p", "local"), expected=before, new=before.swapped("WRITE002"))
except StoreError as error:
    print(type(error).__name__, error.exit_code, error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout

    assert told.startswith(f"StoreUnavailable 69 {path}: writing p (local) failed: disk I/O error: File too large;")
    assert "the write may or may not be in. Raise the limit on the size of files: ulimit -f. Trigger again: " in told
    assert SQLiteStore(path).get(KEY) == BUILT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of our own; only root may mount one, and not in every container."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=256k", "holdoff-test", str(disk)]
    if os.geteuid() or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a test that fails may leave a file open there


def fill(disk: Path) -> None:
    """Leave nothing of it free; delete ``full`` to free all again."""
    with (disk / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_is_named(small_disk: Path) -> None:
    store = filled(small_disk / "gates.db")
    fill(small_disk)

    with pytest.raises(StoreUnavailable) as caught:
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    assert str(caught.value).startswith(f"{small_disk}/gates.db: writing p (local) failed: ")
    assert ": No space left on device; " in str(caught.value)
    assert f"Free some disk space on {small_disk} (tmpfs). " in str(caught.value)
    assert store.get(KEY) == BUILT
    (small_disk / "full").unlink()
    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE003")), Swapped)
    store.close()


def test_a_full_disk_is_named_to_the_one_that_makes_the_store(small_disk: Path) -> None:
    fill(small_disk)

    with pytest.raises(StoreUnavailable, match=rf"No space left on device.* on {re.escape(str(small_disk))} \(tmpfs\)"):
        filled(small_disk / "gates.db")
    (small_disk / "full").unlink()
    filled(small_disk / "gates.db").close()


def test_a_read_only_file_system_is_named(small_disk: Path) -> None:
    """What stands there can be looked at."""
    store = filled(small_disk / "gates.db")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert store.get(KEY) == BUILT
    assert SQLiteStore(small_disk / "gates.db").get(KEY) == BUILT
    with pytest.raises(StoreDenied, match="Read-only file system") as caught:
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    assert f"{small_disk} (tmpfs) is mounted read-only; name another file: --store" in str(caught.value)
    store.close()


def test_too_many_open_files_are_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(path)

    def none_left(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", none_left)
        with pytest.raises(StoreUnavailable, match=r"Too many open files\. Raise the limit on open files: ulimit -n"):
            store.get(KEY)
    assert store.get(KEY) == BUILT
    store.close()


SHORT = """
import os, resource, sys
from holdoff.core.errors import StoreError
from holdoff.core.request import GateKey
from holdoff.stores.sqlite import SQLiteStore
store, key, held = SQLiteStore(sys.argv[1]), GateKey("p", "local"), []
record = store.get(key)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.open("/", os.O_RDONLY))
except OSError:
    for _ in range(int(sys.argv[2])):
        os.close(held.pop())
try:
    print("fine" if store.swap(key, expected=record, new=record.swapped("WRITE002")) else "")
except StoreError as error:
    print(error.exit_code, str(error).partition("Raise ")[2])
"""


@pytest.mark.parametrize("free", range(3))
def test_too_many_open_files_are_no_missing_right_to_write(path: Path, free: int) -> None:
    """SQLite says "unable to open database file" of both, and no retry was said to help."""
    filled(path).close()
    command = [sys.executable, "-c", SHORT, str(path), str(free)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == ("fine" if free == 2 else "69 the limit on open files: ulimit -n. Try again")


def test_sqlites_word_for_a_full_disk_is_told_with_what_to_do(path: Path) -> None:
    """SQLite's own limit on pages gives the same error as a full disk."""
    store = filled(path)
    store.get(KEY)
    assert store._connection is not None
    store._connection.execute("PRAGMA max_page_count = 1")

    def fill() -> None:
        for number in range(1_000):
            store.swap(GateKey(f"{number}" * 400, "local"), expected=Record(), new=BUILT)

    with pytest.raises(StoreUnavailable, match=r"nothing was written\. Free some disk space on "):
        fill()
    store.close()


def test_a_reader_never_says_that_a_write_may_be_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(path)

    def fails(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(sqlite, "_row", fails)
    with pytest.raises(StoreUnavailable) as caught:
        store.get(KEY)
    assert str(caught.value).startswith(f"{path}: reading p (local) failed: disk I/O error (on {mount_of(path)[0]}")
    assert str(caught.value).endswith(". Try again")
    assert "write" not in str(caught.value)
    store.close()


def test_a_failure_is_told_with_its_file_and_its_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that the system reports for an open file, without a name, or only when the disk is to have the data."""

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def said(error: Exception, *, writes: bool) -> str:
        return str(sqlite_errors.typed(error, str(path), "it failed", 0, writes=writes))

    from_sqlite = sqlite3.OperationalError("disk I/O error")
    from_sqlite.sqlite_errorcode = sqlite3.SQLITE_IOERR
    monkeypatch.setattr(os, "fsync", fails)
    assert f"{path} cannot be opened: {path}: Input/output error" in said(
        OSError(errno.EIO, "Input/output error"), writes=True
    )
    assert "See what is wrong with" in said(from_sqlite, writes=True)
    assert said(from_sqlite, writes=False).startswith(f"it failed: disk I/O error (on {mount_of(path)[0]} (")
    monkeypatch.setattr(sqlite_place, "MOUNTS", "/proc/none")
    assert f"See what is wrong with the disk of {path}: dmesg" in said(from_sqlite, writes=True)


def test_a_missing_right_names_the_folder_above_that_is_there() -> None:
    error = sqlite_errors.typed(PermissionError(errno.EACCES, "Permission denied"), "/none/a.db", "", 0, writes=True)
    assert "; / belongs to root:root, mode 0" in str(error)


def test_a_reader_of_a_file_that_is_another_one_is_told_of_no_write(path: Path) -> None:
    for writes in (True, False):
        assert ("the write may not be in" in str(sqlite_errors.replaced(str(path), writes=writes))) is writes


# --- others use it ---------------------------------------------------------------------------------


def test_a_locked_database_is_waited_for_then_told(path: Path) -> None:
    store = filled(path)
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.get(KEY) == BUILT, "readers wait for a commit only"
        with pytest.raises(StoreUnavailable, match=r"had it for 0\.05s\); nothing was written"):
            store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
        other.execute("ROLLBACK")
    store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    store.close()


def test_processes_that_wait_leave_the_processor_to_the_one_that_works(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 that looked each millisecond took all of two cores, and six of ten gave up."""
    store = filled(path)
    store.busy_ms = 1_000
    naps_ms: list[int] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda _, ms: naps_ms.append(ms))
    with Path(f"{path}-journal").open() as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="nothing was written"):
            store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    store.close()

    assert 1_000 <= sum(naps_ms) <= 1_016
    assert len(naps_ms) < 100
    assert max(naps_ms) <= 16, "it is not late by more than one write takes"


def test_one_that_another_program_puts_into_wal_mode_is_not_left_there(path: Path, tmp_path: Path) -> None:
    """A process that had it open went on in that mode: copies lacked what it wrote, and no other could open it."""
    store, other = SQLiteStore(path, busy_ms=100), SQLiteStore(path, busy_ms=100)
    assert isinstance(store.swap(KEY, expected=Record(), new=BUILT), Swapped)
    with opened(path) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        assert len(db.execute("SELECT * FROM gates").fetchall()) == 1
        with pytest.raises(StoreUnavailable, match="nothing was written"):  # as long as it has it open
            store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    for number, each in enumerate((store, other, store)):
        expected = each.get(KEY)
        assert isinstance(each.swap(KEY, expected=expected, new=expected.swapped(f"WRITE{number}")), Swapped)
        assert shutil.copy(path, tmp_path / "copy.db")
        copy = SQLiteStore(tmp_path / "copy.db")
        assert copy.get(KEY) == each.get(KEY) != expected
        copy.close()
    assert not Path(f"{path}-wal").exists()
    for each in (store, other):
        each.close()


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("act", ["get", "swap", "check", "initialise"])
def test_a_wal_that_another_file_left_is_not_read_into_this_one(path: Path, act: str, is_open: bool) -> None:
    """A copy was put back, and what a program in WAL mode had left stayed beside it. Started builds were forgotten."""
    filled(path)
    wal, store = path.with_name("gates.db-wal"), SQLiteStore(path)
    with opened(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE gates SET item = '{}'")
        left = wal.read_bytes()
    if is_open:
        assert store.get(KEY) == Record()
    store.swap(KEY, expected=Record(), new=BUILT)
    if not is_open:
        store.close()
    wal.write_bytes(left)
    before = path.read_bytes()
    acts = {"get": lambda: store.get(KEY), "swap": lambda: store.swap(KEY, expected=BUILT, new=BUILT.swapped("W2"))}
    with pytest.raises(StoreMismatch, match=r"gates.db-wal was left by another file .* Move .*-wal away"):
        acts.get(act, getattr(store, act))()
    assert path.read_bytes() == before
    wal.unlink()
    assert store.get(KEY) == BUILT


def test_one_that_another_program_has_open_in_wal_mode_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed at once, and said that others had had it for ten seconds. This wait counts as any other."""
    store, clock, naps = filled(path), ManualClock(), list[int]()
    for module in (sqlite_file, sqlite_turns):
        monkeypatch.setattr(module, "running_ms", clock.now_ms)
    with opened(path) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        assert db.execute("SELECT count(*) FROM gates").fetchone() == (1,)

        def sleep(_: SystemClock, ms: int) -> None:
            naps.append(ms)
            clock.sleep(1_000)
            if len(naps) == 3:
                db.close()

        monkeypatch.setattr(SystemClock, "sleep", sleep)
        store.busy_ms = 10_000
        assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert len(naps) == 3
    assert store._connection is not None
    assert store._connection.execute("PRAGMA busy_timeout").fetchone() == (7_000,)
    store.close()


@has_next
def test_a_process_that_writes_without_a_pause_lets_others_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow disk one that waited was too late at each look, for ten seconds, and gave up."""
    store, other = filled(path), Place(str(path), 10_000, 0o777)
    store.busy_ms, naps_ms = 10_000, list[int]()
    theirs = os.open(f"{path}-journal", os.O_RDWR)
    fcntl.flock(theirs, fcntl.LOCK_EX)

    def sleep(_: SystemClock, ms: int) -> None:
        naps_ms.append(ms)
        if len(naps_ms) == 10:
            fcntl.flock(theirs, fcntl.LOCK_UN)
            assert other.lock(theirs, 10_000)  # it is free, and for a while not for them
            assert sum(naps_ms[10:]) in range(1_000, 1_017)
            fcntl.flock(theirs, fcntl.LOCK_UN)

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    naps_ms.clear()
    assert other.lock(theirs, 100)
    assert not naps_ms
    other.unlock(theirs)
    store.close()


@pytest.mark.parametrize("has_place", [pytest.param(True, marks=has_next), False])
def test_one_that_was_stopped_while_it_was_next_keeps_none_out(
    path: Path, monkeypatch: pytest.MonkeyPatch, has_place: bool
) -> None:
    """Where the system has no such place, there is no next one either."""
    store, stopped = filled(path), os.open(f"{path}-journal", os.O_RDWR)
    store.busy_ms, naps_ms = 10_000, list[int]()
    assert sqlite_place._as_next(stopped, sqlite_place.TAKE)
    if not has_place:
        monkeypatch.setattr(sqlite_place, "LOCK_OPENING", None)
    monkeypatch.setattr(SystemClock, "sleep", lambda _, ms: naps_ms.append(ms))

    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert sum(naps_ms) in (range(1_000, 1_017) if has_place else [0])
    os.close(stopped)
    store.close()


def test_macos_has_no_place_for_the_next_one() -> None:
    """Its call of that name takes another layout, and keeps such locks and those of flock(2) in one list."""
    code = "import fcntl, sys; sys.platform, fcntl.F_OFD_SETLK = 'darwin', 90; from holdoff.stores import sqlite_place"
    code += "; print(sqlite_place.LOCK_OPENING)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "None\n"


@pytest.mark.parametrize("left_ms", [0, 1, 100, 999])
def test_with_little_time_left_it_does_not_give_way_for_all_of_it(path: Path, left_ms: int) -> None:
    filled(path).close()
    stopped = os.open(f"{path}-journal", os.O_RDWR)
    assert sqlite_place._as_next(stopped, sqlite_place.TAKE)
    assert SQLiteStore(path, busy_ms=left_ms).get(KEY) == BUILT
    os.close(stopped)


def test_all_that_wait_have_one_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four threads behind one stopped writer once were answered after one, two, three and four times the wait."""
    filled(path)
    store = SQLiteStore(path, busy_ms=2000 * PATIENCE_S)
    clock, told = ManualClock(), list[str]()
    for module in (sqlite_file, sqlite_turns):
        monkeypatch.setattr(module, "running_ms", clock.now_ms)

    def write() -> None:
        try:
            told.append(str(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))))
        except StoreUnavailable as error:
            told.append(str(error))

    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=write) for _ in range(4)]
        with store.turns.lock:
            for thread in threads:
                thread.start()
            until(lambda: len(store.turns._waiting) == 4)
            clock.sleep(store.busy_ms - 1)  # each has its turn in the last of its wait
        for thread in threads:
            thread.join(PATIENCE_S)  # a wait of its own after that, for the writer, would be longer
        assert len(told) == 4
    for thread in threads:
        thread.join()
    assert all("nothing was written" in each for each in told)
    store.close()


def test_a_thread_that_does_not_come_back_is_not_waited_for_for_ever(path: Path) -> None:
    store = filled(path)
    with store.turns.lock:
        failed: list[StoreError] = []

        def read() -> None:
            with pytest.raises(StoreUnavailable, match=r"others had it for 0\.05s") as caught:
                store.get(KEY)
            failed.append(caught.value)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(PATIENCE_S)
    assert len(failed) == 1


def test_many_may_create_it_at_once(path: Path) -> None:
    stores = [SQLiteStore(path) for _ in range(16)]
    barrier = threading.Barrier(len(stores))
    failed: list[Exception] = []

    def first_use(store: SQLiteStore) -> None:
        barrier.wait()
        try:
            store.get(KEY)
        except Exception as error:  # noqa: BLE001
            failed.append(error)
        store.close()

    threads = [threading.Thread(target=first_use, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []


def test_a_store_that_was_never_closed_closes_its_file(path: Path) -> None:
    store = SQLiteStore(path)
    store.get(KEY)
    connection = store._connection
    assert connection is not None
    del store
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_writer_that_is_killed_leaves_nothing_half_done(path: Path) -> None:
    filled(path)
    code = f"""
import os, signal
from holdoff.core.request import GateKey
from holdoff.stores.sqlite import SQLiteStore
store = SQLiteStore({str(path)!r})
before = store.get(GateKey("p", "local"))
from holdoff.stores import sqlite
write = sqlite._write
def killed(*args):
    write(*args)
    os.kill(os.getpid(), signal.SIGKILL)
sqlite._write = killed
store.swap(GateKey("p", "local"), expected=before, new=before.swapped("WRITE002"))
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)

    assert killed.returncode == -signal.SIGKILL
    store = SQLiteStore(path)
    assert store.get(KEY) == BUILT
    store.close()


# --- threads that write together -----------------------------------------------------------------------------------


class Slowed:
    """Writes of a store, the first of which waits until it may go on."""

    def __init__(self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.inside, self.go_on = store, threading.Event(), threading.Event()
        self.came: dict[str, Swapped | Lost | StoreError] = {}
        self._write, self._threads = sqlite._write, list[threading.Thread]()
        monkeypatch.setattr(sqlite, "_write", self._slowly)

    def _slowly(self, *args: Any) -> None:
        self._write(*args)
        if not self.inside.is_set():
            self.inside.set()
            self.go_on.wait(PATIENCE_S)

    def swap(self, name: str, record: Record = BUILT, expected: Record | None = None) -> None:
        """See ``act``."""
        key = GateKey(name, "local")
        self.act(name, lambda: self.store.swap(key, expected=expected or Record(), new=record))

    def act(self, name: str, act: Callable[[], Swapped | Lost]) -> None:
        """In a thread, once the one before is at it or waits."""
        ahead = len(self.store.turns._waiting)

        def write() -> None:
            try:
                self.came[name] = act()
            except StoreError as error:
                self.came[name] = error

        self._threads.append(threading.Thread(target=write))
        self._threads[-1].start()
        if ahead:
            until(lambda: len(self.store.turns._waiting) > ahead)
        else:
            assert self.inside.wait(PATIENCE_S)

    def end(self) -> None:
        """Let them go on, and wait for them."""
        self.go_on.set()
        for thread in self._threads:
            thread.join()


def test_a_write_that_fails_takes_none_of_the_others_along(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slowed = Slowed(SQLiteStore(path), monkeypatch)
    slowed.swap("first")
    for name in ("a", "b", "c"):
        slowed.swap(name, BUILT.but(due_ms=2**70) if name == "b" else BUILT)
    slowed.end()

    assert isinstance(slowed.came.pop("b"), StoreError)
    assert {type(one) for one in slowed.came.values()} == {Swapped}
    assert [key.project for key, _ in SQLiteStore(path).gates()] == ["a", "c", "first"]
    slowed.store.close()


def test_what_waits_is_written_though_the_one_before_is_interrupted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction, in which the others went along, is undone."""
    slowed, names = Slowed(SQLiteStore(path), monkeypatch), Turns.committed
    slowed.swap("first")
    for name in ("a", "b", "c"):
        slowed.swap(name)

    def fails(turns: Turns, group: list[Use]) -> None:
        monkeypatch.setattr(Turns, "committed", names)
        assert len(group) == 1  # the first one's
        monkeypatch.setattr(Turns, "committed", fails_along)
        names(turns, group)

    def fails_along(_turns: Turns, group: list[Use]) -> None:
        assert len(group) == 3
        monkeypatch.setattr(Turns, "committed", names)
        raise sqlite3.OperationalError("interrupted")

    monkeypatch.setattr(Turns, "committed", fails)
    slowed.end()
    kinds = sorted(type(one).__name__ for one in slowed.came.values())

    # Their writes were in, and each of them meets its own: a caller knows it again by its id.
    assert kinds == ["Lost", "Lost", "StoreUnavailable", "Swapped"]
    assert [key.project for key, _ in SQLiteStore(path).gates()] == ["a", "b", "c", "first"]
    slowed.store.close()


def test_who_gives_up_while_another_writes_for_it_is_told_of_the_doubt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed, clock = Slowed(SQLiteStore(path), monkeypatch), ManualClock()
    for module in (sqlite_file, sqlite_turns):
        monkeypatch.setattr(module, "running_ms", clock.now_ms)
    slowed.swap("first")
    inside, go_on = threading.Event(), threading.Event()
    carry_out = Turns.carry_out

    def slowly(turns: Turns, mine: Use, db: sqlite3.Connection) -> list[Use]:
        group = carry_out(turns, mine, db)
        if len(group) > 1:
            inside.set()
            go_on.wait(PATIENCE_S)
        return group

    monkeypatch.setattr(Turns, "carry_out", slowly)
    slowed.swap("a")
    slowed.swap("b")
    slowed.go_on.set()
    assert inside.wait(PATIENCE_S)
    clock.sleep(slowed.store.busy_ms)
    until(lambda: len(slowed.came) == 2)
    go_on.set()
    slowed.end()
    (told,) = [str(one) for one in slowed.came.values() if isinstance(one, StoreError)]

    assert "(others had it for 10s); the write may or may not be in. Trigger again" in told
    assert [key.project for key, _ in SQLiteStore(path).gates()] == ["a", "b", "first"]
    slowed.store.close()


@pytest.mark.parametrize("is_late", [False, True])
def test_folds_of_the_same_commit_come_after_a_swap(path: Path, monkeypatch: pytest.MonkeyPatch, is_late: bool) -> None:
    """Else they make it too late, again and again; and one that is too late learns what stands there after them all."""
    store, key = SQLiteStore(path), GateKey("p", "local")
    before = deferred(key)
    store.swap(key, expected=Record(), new=before)
    slowed = Slowed(store, monkeypatch)
    slowed.swap("first")
    slowed.act("fold", lambda: store.fold(key, expected=before, fold=fold(key=key)))
    slowed.swap("p", BUILT.swapped("WRITE002"), BUILT if is_late else before)
    slowed.end()
    swapped = slowed.came["p"]

    assert isinstance(swapped, Lost if is_late else Swapped)
    if isinstance(swapped, Lost):
        assert swapped.current == store.get(key)
        assert swapped.current.writes[0] == "FOLD0001"
    store.close()


def test_a_swap_passes_more_folds_than_share_a_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it waits for a commit or two, which the folds before it have, and every one of its tries is too late."""
    monkeypatch.setattr(sqlite_turns, "MOST_ALONG", 1)
    store, key = SQLiteStore(path), GateKey("p", "local")
    before = deferred(key)
    store.swap(key, expected=Record(), new=before)
    slowed = Slowed(store, monkeypatch)
    slowed.swap("first")
    for name in ("fold", "another fold"):
        slowed.act(name, lambda: store.fold(key, expected=before, fold=fold(key=key)))
    slowed.swap("p", BUILT.swapped("WRITE002"), before)
    slowed.end()

    assert isinstance(slowed.came["p"], Swapped)
    store.close()


def test_who_was_too_late_most_often_comes_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold, too: else swaps that never end would make each of its writes too late."""
    store, key, was_late, go_on = SQLiteStore(path), GateKey("p", "local"), threading.Event(), threading.Event()
    before = deferred(key)
    store.swap(key, expected=Record(), new=before)
    slowed = Slowed(store, monkeypatch)

    def fold_twice() -> None:
        assert isinstance(store.fold(key, expected=BUILT, fold=fold(key=key)), Lost)
        was_late.set()
        go_on.wait(PATIENCE_S)
        slowed.came["fold"] = store.fold(key, expected=before, fold=fold(key=key))

    thread = threading.Thread(target=fold_twice)
    thread.start()
    assert was_late.wait(PATIENCE_S)
    slowed.swap("first")
    slowed.swap("p", before.swapped("WRITE002"), before)
    go_on.set()
    until(lambda: len(store.turns._waiting) == 3)
    slowed.end()
    thread.join()

    assert isinstance(slowed.came["fold"], Swapped)
    assert isinstance(slowed.came["p"], Lost)
    store.close()


def test_a_claim_is_confirmed_before_what_others_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else of eight threads at a gate one start took as many commits as three do alone."""
    store, key, has_claimed, go_on = SQLiteStore(path), GateKey("p", "local"), threading.Event(), threading.Event()
    claimed, came = BUILT.swapped("CLAIM001"), list[Swapped | Lost]()

    def claim_and_confirm() -> None:
        assert isinstance(store.swap(key, expected=Record(), new=claimed), Swapped)
        has_claimed.set()
        go_on.wait(PATIENCE_S)
        came.append(store.swap(key, expected=claimed, new=claimed.swapped("CONFIRM1")))

    thread = threading.Thread(target=claim_and_confirm)
    thread.start()
    assert has_claimed.wait(PATIENCE_S)
    slowed = Slowed(store, monkeypatch)
    slowed.swap("first")
    slowed.swap("p", claimed.swapped("WRITE002"), claimed)
    go_on.set()
    until(lambda: len(store.turns._waiting) == 3)
    slowed.end()
    thread.join()

    assert [type(one) for one in came] == [Swapped]
    assert isinstance(slowed.came["p"], Lost)
    store.close()


def test_who_was_too_late_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds of threads that never wait would outrun a confirmation for ever."""
    monkeypatch.setattr(sqlite_turns, "LET_IN_MS", 30_000)
    store, before = SQLiteStore(path, busy_ms=30_000), deferred(KEY)
    store.swap(KEY, expected=Record(), new=before)
    assert isinstance(store.swap(KEY, expected=Record(), new=BUILT), Lost)
    thread = threading.Thread(target=lambda: store.fold(KEY, expected=before, fold=fold(key=KEY)))
    thread.start()
    until(lambda: store.turns._patient is not None)

    assert isinstance(store.swap(KEY, expected=before, new=before.swapped("MINE0001")), Swapped)
    thread.join()
    store.close()


def test_a_child_leaves_what_its_parent_s_threads_wait_to_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slowed = Slowed(SQLiteStore(path), monkeypatch)
    slowed.swap("first")
    for name in ("a", "b"):
        slowed.swap(name)
    threading.Timer(0.1, slowed.go_on.set).start()

    def write() -> None:
        assert not slowed.store.turns._waiting
        assert isinstance(slowed.store.swap(KEY, expected=Record(), new=BUILT), Swapped)

    assert ended(forked(write)) == 0
    slowed.end()
    assert {type(one) for one in slowed.came.values()} == {Swapped}
    assert [key.project for key, _ in SQLiteStore(path).gates()] == ["a", "b", "first", "p"]
    slowed.store.close()


# --- signals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["_write", "_read"])
@pytest.mark.parametrize("inner", ["get", "swap", "close"])
def test_a_handler_amid_a_use_neither_uses_the_store_nor_ends_the_transaction(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, inner: str
) -> None:
    """It once rolled the outer transaction back, whose write was then acknowledged and gone."""
    store = filled(path)
    real, told = getattr(sqlite, step), []

    def interrupted(*args: Any) -> Any:
        monkeypatch.setattr(sqlite, step, real)
        answer = real(*args)
        signal.raise_signal(signal.SIGUSR1)
        return answer

    def handler(*_: object) -> None:
        acts = {
            "get": lambda: store.get(KEY),
            "swap": lambda: store.swap(KEY, expected=BUILT, new=BUILT.swapped("INNER001")),
            "close": store.close,
        }
        try:
            acts[inner]()
        except StoreUnavailable as error:
            told.append(str(error))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        monkeypatch.setattr(sqlite, step, interrupted)
        assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("OUTER001")), Swapped)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [("called again from a signal handler" in each) for each in told] == [True] * (inner != "close")
    assert SQLiteStore(path).get(KEY).writes[0] == "OUTER001"
    store.close()


def test_a_write_whose_transaction_was_ended_is_not_acknowledged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, write = filled(path), sqlite._write

    def ended_amid(db: sqlite3.Connection, *args: Any) -> None:
        write(db, *args)
        db.rollback()

    monkeypatch.setattr(sqlite, "_write", ended_amid)
    with pytest.raises(StoreUnavailable, match="no transaction is active"):
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    store.close()


def test_an_exception_of_a_handler_leaves_no_lock_taken(path: Path) -> None:
    """It may come in the very instant in which the lock has been taken and the answer has not arrived."""
    store = filled(path)

    class Interrupted:
        def __init__(self, lock: Any) -> None:
            self.release, self._is_owned, self._acquire = lock.release, lock._is_owned, lock.acquire

        def acquire(self, timeout: float) -> bool:
            self._acquire(timeout=timeout)
            raise KeyboardInterrupt

    lock: Any = store.turns.lock
    store.turns.lock = Interrupted(lock)
    with pytest.raises(KeyboardInterrupt):
        store.get(KEY)
    store.turns.lock = lock
    told: list[Record] = []
    thread = threading.Thread(target=lambda: told.append(store.get(KEY)))
    thread.start()
    thread.join()
    assert told == [BUILT]
    store.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_an_exception_of_a_handler_amid_a_write_leaves_no_transaction_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """A TimeoutError, which an alarm may raise, is an OSError. It was taken for one of the file's."""
    store = filled(path)

    def interrupted(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "_write", interrupted)
        with pytest.raises(error) as kept:
            store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    other = SQLiteStore(path, busy_ms=50)
    assert isinstance(other.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE003")), Swapped), kept
    store.close()
    other.close()


# --- forks ---------------------------------------------------------------------------------------------------------


def forked(act: Callable[[], object]) -> int:
    """A child that does this, and ends with 0 if it did; an alarm ends one that hangs."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(PATIENCE_S)
        act()
        status = 0
    finally:
        os._exit(status)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("used", [True, False], ids=["used", "idle"])
@pytest.mark.parametrize("closes_first", [True, False], ids=["parent closes first", "parent closes last"])
def test_a_child_inherits_no_connection(path: Path, used: bool, closes_first: bool) -> None:
    filled(path)
    store = SQLiteStore(path)
    if used:
        store.get(KEY)
    ready, go = os.pipe()

    def write() -> None:
        fds = [fd for fd in Path("/dev/fd").iterdir() if fd.exists()]  # not that of this very look
        assert not [fd for fd in fds for one in path.parent.iterdir() if one.samefile(fd)]
        os.read(ready, 1)
        store.get(KEY)
        assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
        store.close()

    child = forked(write)
    if closes_first:
        store.get(KEY)
        store.close()
    os.write(go, b"x")
    assert ended(child) == 0
    assert store.get(KEY).writes[0] == "WRITE002"
    store.close()
    os.close(ready)
    os.close(go)


def test_a_fork_amid_a_thread_s_write_leaves_no_lock_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent's thread is between BEGIN IMMEDIATE and COMMIT; the fork waits for it, and the child can write."""
    filled(path)
    store = SQLiteStore(path)
    inside, write = threading.Event(), sqlite._write

    def slowly(*args: Any) -> None:
        write(*args)
        inside.set()
        time.sleep(0.2)

    monkeypatch.setattr(sqlite, "_write", slowly)
    swap = threading.Thread(target=lambda: store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")))
    swap.start()
    inside.wait()

    def write_on() -> None:
        seen = store.get(KEY)
        assert seen.writes[0] == "WRITE002"
        assert isinstance(store.swap(KEY, expected=seen, new=seen.swapped("WRITE003")), Swapped)

    def in_a_thread() -> None:
        thread = threading.Thread(target=write_on)
        thread.start()
        thread.join()

    child = forked(in_a_thread)
    swap.join()
    assert ended(child) == 0
    assert store.get(KEY).writes[0] == "WRITE003"
    store.close()


def test_parents_and_children_that_race_claim_once(path: Path) -> None:
    """Each of them swaps what all have seen, forty times over; the wins are counted through a pipe."""
    store = filled(path)
    store = SQLiteStore(path)
    store.get(KEY)
    wins, tell = os.pipe()

    def race(name: str) -> None:
        for number in range(40):
            seen = store.get(KEY)
            while int(seen.lastbuild or 0) < number:
                answer = store.swap(
                    KEY, expected=seen, new=seen.but(lastbuild=Decimal(number)).swapped(f"{name}{number}")
                )
                if isinstance(answer, Swapped):
                    os.write(tell, b"x")
                seen = store.get(KEY)

    store.swap(KEY, expected=BUILT, new=BUILT.but(lastbuild=Decimal(0)).swapped("WRITE002"))
    children = [forked(lambda n=n: race(f"C{n}")) for n in range(3)]  # type: ignore[misc]
    race("P")
    assert [ended(child) for child in children] == [0, 0, 0]
    os.close(tell)
    assert len(os.read(wins, 1000)) == 39
    os.close(wins)
    store.close()


def test_threads_that_fork_at_once_do_not_hang(path: Path) -> None:
    filled(path)
    store = SQLiteStore(path)  # on a loaded machine nine forks take longer than the bound of the other tests
    children: list[int] = []

    def fork() -> None:
        for _ in range(3):
            store.get(KEY)
            children.append(forked(lambda: store.get(KEY)))

    threads = [threading.Thread(target=fork) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ended(child) for child in children] == [0] * 9
    store.close()


def test_a_fork_that_waited_in_vain_for_another_lets_go_of_its_own_locks_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(path)
    monkeypatch.setattr(sqlite_file, "BUSY_MS", 50)

    def in_a_thread(*acts: Callable[[], object]) -> list[object]:
        done: list[object] = []
        thread = threading.Thread(target=lambda: done.extend(act() for act in acts))
        thread.start()
        thread.join()
        return done

    sqlite_file._before_fork()
    in_a_thread(sqlite_file._before_fork, sqlite_file._after_fork_in_parent)
    sqlite_file._after_fork_in_parent()
    assert in_a_thread(lambda: store.get(KEY)) == [BUILT]
    store.close()


def test_a_thread_that_does_not_come_back_hangs_no_fork(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection, in the midst of a transaction perhaps, is left alone in the child, which opens its own."""
    store = filled(path)
    store.get(KEY)
    monkeypatch.setattr(sqlite_file, "BUSY_MS", 50)
    taken, go = threading.Event(), threading.Event()

    def hang() -> None:
        with store.turns.lock:
            taken.set()
            go.wait(PATIENCE_S)

    thread = threading.Thread(target=hang)
    thread.start()
    taken.wait()
    child = forked(lambda: store.get(KEY))
    go.set()
    thread.join()
    assert ended(child) == 0
    assert store.get(KEY) == BUILT
    store.close()


# --- the file is another one -----------------------------------------------------------------------------------------


def replaced(path: Path) -> None:
    """By a complete store, in which the gate has other writes."""
    other = SQLiteStore(path.with_name("other.db"))
    other.swap(KEY, expected=Record(), new=Record(lastbuild=Decimal(7)).swapped("OTHER001"))
    other.close()
    other.path.replace(path)


def test_a_file_that_was_replaced_is_opened_anew(path: Path) -> None:
    """Nor does what stood in the old one's WAL show through."""
    filled(path)
    store = SQLiteStore(path)
    store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    replaced(path)

    assert store.get(KEY).writes == ("OTHER001",)
    assert isinstance(store.swap(KEY, expected=store.get(KEY), new=BUILT.swapped("WRITE003")), Swapped)
    assert SQLiteStore(path).get(KEY).writes[0] == "WRITE003"
    assert store.check() == []
    store.close()


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.rename(path.with_name("moved.db"))])
def test_a_file_that_was_moved_or_deleted_is_not_written_to_any_more(
    path: Path, gone: Callable[[Path], object]
) -> None:
    """Two that had it open agree on the next one, whichever comes first; a gate that is gone has never built."""
    stores = [filled(path), SQLiteStore(path)]
    for store in stores:
        store.get(KEY)
    gone(path)

    new = Record(lastbuild=Decimal(9)).swapped("NEW00001")
    assert stores[0].swap(KEY, expected=Record(), new=new) == Swapped(new)
    assert stores[1].get(KEY) == new
    assert SQLiteStore(path).get(KEY) == new
    assert stores[0].check() == []
    for store in stores:
        store.close()


@pytest.mark.parametrize("first", ["get", "swap"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Path.unlink, "was moved or deleted while it was in use: its gates start anew, as if none had built"),
        (lambda path: path.rename(path.with_name("moved.db")), "was moved or deleted while it was in use"),
        (lambda path: replaced(path), "was replaced while it was in use: its gates are now those of the new"),
        (lambda path: filled(path).close(), ""),
        (lambda path: shutil.copyfile(path, path.with_name("copy.db")), ""),
    ],
)
def test_a_file_that_is_another_one_is_told_of_once(
    path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[Path], object], told: str, first: str
) -> None:
    """To start afresh is no error, for it may be meant so; but it goes unseen no more."""
    store = filled(path)
    change(path)
    for _ in range(2):
        if first == "get":
            store.get(KEY)
        store.swap(KEY, expected=Record(), new=BUILT)
    said = [record.getMessage() for record in caplog.records]

    assert len(said) == bool(told)
    assert not told or said[0].startswith(f"{path} {told}")
    store.close()


@pytest.mark.parametrize("is_written", [True, False])
def test_a_write_to_a_file_that_is_replaced_meanwhile_is_not_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    filled(path)
    store, write = SQLiteStore(path), sqlite._write

    def and_replaced(*args: Any) -> None:
        monkeypatch.setattr(sqlite, "_write", write)
        if is_written:
            write(*args)
        replaced(path)
        if not is_written:
            write(*args)

    monkeypatch.setattr(sqlite, "_write", and_replaced)
    with pytest.raises(StoreUnavailable, match=r"replaced, moved or deleted at this moment; the write may not be in"):
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    assert store.get(KEY).writes == ("OTHER001",)
    store.close()


@pytest.mark.parametrize("put", ["moved", "copied"])
def test_one_that_has_the_old_file_open_takes_nothing_from_the_new_one(path: Path, put: str) -> None:
    """An idle process once removed a WAL that held what another had committed to the new file."""
    idle = filled(path)
    idle.swap(GateKey("only-old", "local"), expected=Record(), new=BUILT)
    backup = filled(path.with_name("backup.db")).path
    if put == "moved":
        backup.replace(path)
    else:
        shutil.copyfile(backup, path)

    new = SQLiteStore(path)
    assert isinstance(new.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert idle.get(GateKey("only-old", "local")) == Record()
    assert idle.get(KEY).writes[0] == "WRITE002"
    idle.close()
    assert [key for key, _ in SQLiteStore(path).gates()] == [KEY]
    assert SQLiteStore(path).get(KEY).writes[0] == "WRITE002"
    assert new.check() == []
    new.close()


def test_a_folder_that_a_link_leaves_keeps_what_was_written_there(path: Path) -> None:
    """As a deploy does with its ``current``."""
    folders = [path.with_name("one"), path.with_name("two")]
    current = path.with_name("current")
    current.symlink_to(folders[0])
    for folder in folders:
        folder.mkdir()
        filled(folder / "gates.db")
    store, stays = SQLiteStore(current / "gates.db"), SQLiteStore(folders[0] / "gates.db")
    store.get(KEY)
    stays.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    current.unlink()
    current.symlink_to(folders[1])

    assert store.get(KEY) == BUILT
    store.close()
    assert SQLiteStore(folders[0] / "gates.db").get(KEY).writes[0] == "WRITE002"
    stays.close()


def test_a_file_that_is_moved_takes_all_along(path: Path) -> None:
    store = filled(path)
    store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    moved = path.rename(path.with_name("moved.db"))

    assert SQLiteStore(moved).get(KEY).writes[0] == "WRITE002"
    store.close()


def test_two_names_of_one_file_are_refused(path: Path) -> None:
    store = filled(path)
    store.get(KEY)
    other = path.with_name("other.db")
    os.link(path, other)

    refused(store, StoreMismatch, 78, f"{path} has 2 names", "Delete all names but one")
    refused(SQLiteStore(other), StoreMismatch, 78, f"{other} has 2 names")
    with pytest.raises(StoreMismatch, match="2 names"):
        store.check()
    other.unlink()
    assert store.get(KEY) == BUILT
    store.close()


def test_a_second_name_that_a_mount_gives_is_refused(path: Path) -> None:
    """As ``docker run -v gates.db:/gates.db`` has it: a write that was cut short is known at the first name only."""
    filled(path)
    other = path.with_name("other.db")
    other.touch()
    if os.geteuid() or subprocess.run(["mount", "--bind", path, other], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file here")
    try:
        refused(SQLiteStore(other), StoreMismatch, 78, f"{other} is mounted by itself", "Mount the folder")
    finally:
        subprocess.run(["umount", "--lazy", str(other)], check=True)
    assert SQLiteStore(path).get(KEY) == BUILT


@pytest.mark.parametrize("place", ["/dev/null", "fifo"])
def test_what_is_no_file_is_named_and_never_to_be_deleted(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    at = tmp_path / place
    refused(SQLiteStore(at), StoreMismatch, 78, f"{at} is not a file", "Name one: --store sqlite:///PATH")
    assert not Path(f"{at}-journal").exists()


def test_a_name_that_a_killed_creator_left_is_taken_away(path: Path) -> None:
    filled(path)
    os.link(path, f"{path}.new")
    assert SQLiteStore(path).get(KEY) == BUILT
    assert path.stat().st_nlink == 1


def killed_in_mid_commit(path: Path) -> None:
    """The file and its journal as they are when pages have been written over and the commit is not done."""
    with opened(path) as db:
        db.execute("PRAGMA journal_mode = TRUNCATE")
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")  # the first page is in every journal
        db.execute("UPDATE gates SET item = '{}'")
        for number in range(200):
            db.execute("INSERT INTO gates (project, region, item) VALUES (?, 'r', '{}')", (f"{number}" * 40,))
        for each in (path, Path(f"{path}-journal")):
            shutil.copyfile(each, f"{each}.crash")
        db.execute("ROLLBACK")
    for each in (path, Path(f"{path}-journal")):
        Path(f"{each}.crash").replace(each)
    assert Path(f"{path}-journal").read_bytes()[:1] > b"\0"


def test_a_write_that_was_cut_short_is_undone(path: Path) -> None:
    filled(path)
    killed_in_mid_commit(path)
    before = path.read_bytes()

    with pytest.raises(StoreUnavailable, match=r"-journal has a write that was cut short\. The next use"):
        SQLiteStore(path).check()
    assert path.read_bytes() == before
    assert list(SQLiteStore(path).gates()) == [(KEY, BUILT)]
    assert SQLiteStore(path).check() == []


@pytest.mark.parametrize("by", ["another store", "an older copy", "a newer copy"])
def test_a_write_that_was_cut_short_is_not_undone_in_another_file(path: Path, by: str) -> None:
    store = filled(path)
    backup = path.with_name("backup.db")
    shutil.copyfile(path, backup)
    copied = SQLiteStore(backup)
    if by == "another store":
        backup.unlink()
        copied.swap(KEY, expected=Record(), new=BUILT)
    elif by == "an older copy":
        store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002"))
    else:
        for number in range(2):
            copied.swap(KEY, expected=copied.get(KEY), new=BUILT.swapped(f"NEWER00{number}"))
    copied.close()
    store.close()
    killed_in_mid_commit(path)
    expected = backup.read_bytes()
    backup.replace(path)

    gates = list(SQLiteStore(path).gates())
    assert path.read_bytes() == expected
    assert [key for key, _ in gates] == [KEY]
    assert SQLiteStore(path).check() == []


def test_the_journal_of_a_file_that_is_away_is_dropped_by_a_write_only(path: Path) -> None:
    filled(path)
    killed_in_mid_commit(path)
    path.rename(path.with_name("away.db"))
    store = SQLiteStore(path)
    assert list(store.gates()) == []
    assert Path(f"{path}-journal").read_bytes()[:1] > b"\0"
    assert store.swap(KEY, expected=Record(), new=BUILT) == Swapped(BUILT)
    assert list(store.gates()) == [(KEY, BUILT)]
    store.close()


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match=r"store is 'sqlite:///x\.db'; write an absolute path"):
        open_store("sqlite:///x.db")


def test_a_file_cut_to_nothing_is_no_new_store(path: Path) -> None:
    store = filled(path)
    store.get(KEY)
    os.truncate(path, 0)

    refused(store, StoreMismatch, 78, f"{path} is empty")
    store.close()
    refused(SQLiteStore(path), StoreMismatch, 78, f"{path} is empty")


def test_a_folder_that_is_moved_with_its_link_is_used_where_it_is(path: Path) -> None:
    old, new, current = path.with_name("old"), path.with_name("new"), path.with_name("current")
    old.mkdir()
    current.symlink_to(old)
    store = SQLiteStore(current / path.name)
    store.swap(KEY, expected=Record(), new=BUILT)
    current.unlink()
    old.rename(new)
    current.symlink_to(new)
    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert not old.exists()
    store.close()


def test_a_file_that_is_moved_and_linked_back_has_its_journal_where_it_is_now(path: Path) -> None:
    """Where a process that opens it now looks for the lock, and for a write that was cut short."""
    store, moved = filled(path), path.with_name("moved.db")
    store.get(KEY)
    path.rename(moved)
    Path(f"{path}-journal").unlink()
    path.symlink_to(moved)
    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert sorted(path.parent.iterdir()) == [path, moved, Path(f"{moved}-journal")]
    store.close()


def test_a_link_is_followed(path: Path) -> None:
    """To where it leads now."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    store = SQLiteStore(link)
    store.swap(KEY, expected=Record(), new=BUILT)
    assert SQLiteStore(path).get(KEY) == BUILT
    link.unlink()
    another = path.with_name("another.db")
    shutil.copyfile(path, another)
    link.symlink_to(another)
    Path(f"{path}-journal").unlink()
    assert isinstance(store.swap(KEY, expected=BUILT, new=BUILT.swapped("WRITE002")), Swapped)
    assert not os.path.lexists(f"{path}-journal"), "the lock is that of the file which is written"
    assert SQLiteStore(path).get(KEY) == BUILT
    link.unlink()
    link.symlink_to(path.with_name("none.db"))
    assert store.get(KEY) == Record()
    store.close()


def test_a_relative_path_stays_where_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    store = SQLiteStore("gates.db")
    store.swap(KEY, expected=Record(), new=BUILT)
    monkeypatch.chdir("/")
    assert store.get(KEY) == BUILT
    store.close()


def test_a_file_system_without_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert filled(path).get(KEY) == BUILT
    assert [each.name for each in path.parent.iterdir() if "new" in each.name] == []


# --- what expires --------------------------------------------------------------------------------------------------


def test_a_new_gate_sweeps_out_what_has_expired(path: Path) -> None:
    """By its writer's own clock, which its record shows."""
    store = SQLiteStore(path)
    now_ms = deferred().pending.last_ms  # type: ignore[union-attr]
    for name, expires_ms in (("site@goes", now_ms), ("site@stays", now_ms + 1)):
        key = GateKey(name, "r")
        store.swap(key, expected=Record(), new=BUILT.but(expires_ms=expires_ms))
    store.swap(GateKey("site@new", "r"), expected=Record(), new=Record(pending=pending()).swapped("W"))
    assert [key.key for key, _ in store.gates()] == ["new", "stays"]
    store.close()


def test_no_new_gate_sweeps_out_more_than_a_few(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So no write waits long for it; each new gate takes away more than it adds. Builds go once their own time is
    over, those of a gate that has gone, too."""
    monkeypatch.setattr(sqlite, "MOST_GATES", 2)
    monkeypatch.setattr(sqlite, "MOST_BUILDS", 3)
    store, gone = SQLiteStore(path), GateKey("site@gone", "r")
    now_ms = deferred().pending.last_ms  # type: ignore[union-attr]
    for number in range(5):
        store.swap(GateKey(f"site@{number}", "r"), expected=Record(), new=BUILT.but(expires_ms=now_ms - number))
        store.keep(gone, build(number, covers=None).but(claimed_ms=now_ms - KEPT_HISTORY_MS - 5 + number))
    left = []
    for name in ("a", "b", "c"):
        store.swap(GateKey(f"site@{name}", "r"), expected=Record(), new=Record(pending=pending()).swapped("W"))
        left.append(([key.key for key, _ in store.gates()], len(list(store.history(gone)))))
    assert left == [(["0", "1", "2", "a"], 2), (["0", "a", "b"], 0), (["a", "b", "c"], 0)]
    store.close()


def test_reading_and_losing_write_nothing(path: Path) -> None:
    store = filled(path)
    store.swap(KEY, expected=BUILT, new=deferred())
    before = path.read_bytes(), path.stat().st_mtime_ns
    store.get(KEY)
    store.fold(KEY, expected=deferred(), fold=fold("SWAP0001"))
    store.swap(KEY, expected=Record(), new=BUILT)
    list(store.due(5))
    SQLiteStore(path).get(KEY)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    store.close()


# --- where it lies ---------------------------------------------------------------------------------


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of mounts of our own."""
    listed = tmp_path / "mounts"
    monkeypatch.setattr(sqlite_place, "MOUNTS", str(listed))
    return listed


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "vboxsf"])
def test_a_network_file_system_is_refused(path: Path, mounts: Path, kind: str) -> None:
    escaped = str(path.parent).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {escaped} {kind} rw 0 0\n")

    refused(SQLiteStore(path), StoreMismatch, 78, f"network file system ({kind})", "DynamoDB")
    assert not path.exists()


def test_the_innermost_mount_counts(tmp_path: Path, mounts: Path) -> None:
    share = tmp_path / "a share"
    share.mkdir()
    (tmp_path / "link").symlink_to(share)
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {escaped} nfs rw 0 0\n")

    assert mount_of(share / "gates.db")[1] == "nfs"
    assert mount_of(tmp_path / "link" / "gates.db")[1] == "nfs", "where the link leads"
    assert mount_of(tmp_path / "a share too" / "gates.db")[1] == "ext4"
    assert mount_of(tmp_path / "gates.db")[1] == "ext4"
    mounts.unlink()
    assert mount_of(share)[1] is None


# --- check and initialise --------------------------------------------------------------------------


def test_check_changes_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    assert store.check() == [f"{path} does not exist yet; the first trigger creates it"]
    assert not path.exists()

    assert filled(path).check() == []


def test_initialise_says_what_it_did(path: Path) -> None:
    store = SQLiteStore(path.parent / "new" / path.name)

    assert store.initialise() == [f"created {store.path}"]
    assert store.initialise() == []
    store.close()


def test_numbers_of_38_digits_survive(path: Path) -> None:
    exact = Decimal("9999999999.0123456789012345678901234567")
    record = Record(lastbuild=exact, writes=("WRITE001",))
    store = SQLiteStore(path)
    store.swap(KEY, expected=Record(), new=record)

    assert store.get(KEY).lastbuild == exact
    item = store.item(KEY)
    assert item is not None
    assert item["lastbuild"] == exact
    store.close()


def test_a_store_whose_lock_a_lost_thread_left_taken_is_collected_all_the_same(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "gates.db")
    store.get(KEY)
    thread = threading.Thread(target=store.turns.lock.acquire)
    thread.start()
    thread.join()
    del store  # without a wait for ever
    gc.collect()
