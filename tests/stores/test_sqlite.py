"""The SQLite store where things are not as they should be: each fault has its typed error, and changes nothing.

What every store must promise is in the conformance suite; this is what only a file can do to us.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from holdoff.core.errors import (
    RecordInvalid,
    StoreDenied,
    StoreError,
    StoreMismatch,
    StoreUnavailable,
)
from holdoff.core.record import GateKey, Record
from holdoff.stores import sqlite
from holdoff.stores.sqlite import APPLICATION_ID, MIGRATIONS, SQLiteStore, file_system_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = GateKey("p", "local")
BUILT = Record(lastbuild=Decimal("1795395667.25"), writes=("WRITE001",))


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
        lambda: store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002")),
        store.initialise,
    ):
        with pytest.raises(error) as caught:
            act()
        assert caught.value.exit_code == status
        for word in words:
            assert word in str(caught.value)


# --- what stands there is something else -----------------------------------------------------------


def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"my diary\n" * 500)

    refused(SQLiteStore(path), StoreMismatch, 78, "file is not a database", "Move ")
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


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    filled(path)
    with opened(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    refused(SQLiteStore(path), StoreMismatch, 78, "newer Holdoff", "pip install -U holdoff")


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    assert SQLiteStore(path).get(KEY) == Record()
    with opened(path) as db:
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_damaged_file_is_found_by_check_and_refused_when_met(path: Path) -> None:
    filled(path)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreMismatch, match=r"malformed|not a database"):
        SQLiteStore(path).get(KEY)
    try:
        found = SQLiteStore(path).check()
    except StoreMismatch as error:
        found = [str(error)]
    assert found


def test_a_row_that_is_no_item_names_the_gate(path: Path) -> None:
    store = filled(path)
    for state, lastbuild in (("{", "1"), ("[]", "1"), ("{}", "soon"), ("{}", "-1"), ("7", "1")):
        with opened(path) as db:
            db.execute("UPDATE gates SET state = ?, lastbuild = ?", (state, lastbuild))
        with pytest.raises(RecordInvalid, match=r"p \(local\)") as caught:
            store.get(KEY)
        assert caught.value.exit_code == 65
        with pytest.raises(RecordInvalid):
            store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002"))
        store.close()


# --- it cannot be opened or written ----------------------------------------------------------------


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    refused(SQLiteStore(tmp_path), StoreMismatch, 78, "is a folder", f"{tmp_path}/gates.db")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SQLiteStore(tmp_path / "file" / "gates.db")

    refused(store, StoreDenied, 77, "Not a directory", str(tmp_path / "file"))


def test_a_folder_that_nobody_can_make() -> None:
    refused(SQLiteStore("/proc/holdoff/gates.db"), StoreDenied, 77, "/proc/holdoff")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StoreDenied):
        SQLiteStore(tmp_path / ("x" * 300)).get(KEY)


def test_a_read_only_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even root cannot write through a connection that is opened to read only."""
    filled(path)
    connect = sqlite3.connect

    def read_only(file: str, **options: object) -> sqlite3.Connection:
        return connect(f"file:{file}?mode=ro", uri=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    store = SQLiteStore(path)
    with pytest.raises(StoreDenied, match="readonly") as caught:
        store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002"))

    assert caught.value.exit_code == 77
    assert f"read and write {path} and its folder" in str(caught.value)
    assert store.get(KEY) == BUILT
    store.close()


def test_a_full_disk_writes_nothing(path: Path) -> None:
    """A child that may write no more bytes than are there."""
    filled(path)
    code = f"""
import resource, signal, sys
from holdoff.core.errors import StoreError
from holdoff.core.record import GateKey, Record
from holdoff.stores.sqlite import SQLiteStore
store = SQLiteStore({str(path)!r})
before = store.get(GateKey("p", "local"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
try:
    store.swap(GateKey("p", "local"), expected=before, new=before.written("WRITE002"))
except StoreError as error:
    print(type(error).__name__, error.exit_code, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.startswith("StoreUnavailable 69 ")
    assert SQLiteStore(path).get(KEY) == BUILT


def test_sqlites_word_for_a_full_disk_is_told_with_what_to_do(path: Path) -> None:
    """SQLite's own limit on pages gives the same error as a full disk."""
    store = filled(path)
    store.get(KEY)
    assert store._connection is not None
    store._connection.execute("PRAGMA max_page_count = 1")

    def fill() -> None:
        for number in range(1_000):
            store.swap(GateKey(f"{number}" * 400, "local"), expected=Record(), new=BUILT)

    with pytest.raises(StoreUnavailable, match=r"nothing was written\. Free some disk space"):
        fill()
    store.close()


# --- others use it ---------------------------------------------------------------------------------


def test_a_locked_database_is_waited_for_then_told(path: Path) -> None:
    store = filled(path)
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.get(KEY) == BUILT, "readers need not wait"
        with pytest.raises(StoreUnavailable, match=r"held it for 0\.05s\); nothing was written"):
            store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002"))
        other.execute("ROLLBACK")
    store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002"))
    store.close()


def test_a_new_file_that_somebody_holds_is_given_up_in_time(path: Path) -> None:
    """Opening tries again while others open it, too: but not for as long as 500 times the wait."""
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE held (x)")
        with pytest.raises(StoreUnavailable, match="another process held it"):
            SQLiteStore(path, busy_ms=50).get(KEY)
        other.execute("ROLLBACK")
    assert SQLiteStore(path).get(KEY) == Record()


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


def test_a_store_that_nobody_closed_closes_its_file(path: Path) -> None:
    store = SQLiteStore(path)
    store.get(KEY)
    connection = store._connection
    assert connection is not None
    del store
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_forked_child_has_a_connection_of_its_own(path: Path) -> None:
    store = filled(path)
    store.get(KEY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no thread of ours holds a lock
        child = os.fork()
    if child == 0:
        ours = store.get(KEY) == BUILT
        store.swap(KEY, expected=BUILT, new=BUILT.written("WRITE002"))
        os._exit(0 if ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert store.get(KEY).writes[0] == "WRITE002"
    store.close()


def test_a_writer_that_is_killed_leaves_nothing_half_done(path: Path) -> None:
    filled(path)
    code = f"""
import os, signal
from holdoff.core.record import GateKey
from holdoff.stores.sqlite import SQLiteStore
store = SQLiteStore({str(path)!r})
before = store.get(GateKey("p", "local"))
write = SQLiteStore._write
def killed(*args):
    write(*args)
    os.kill(os.getpid(), signal.SIGKILL)
SQLiteStore._write = killed
store.swap(GateKey("p", "local"), expected=before, new=before.written("WRITE002"))
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)

    assert killed.returncode == -signal.SIGKILL
    store = SQLiteStore(path)
    assert store.get(KEY) == BUILT
    store.close()


# --- where it lies ---------------------------------------------------------------------------------


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of mounts of our own."""
    listed = tmp_path / "mounts"
    monkeypatch.setattr(sqlite, "MOUNTS", str(listed))
    return listed


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_refused(path: Path, mounts: Path, kind: str) -> None:
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {path.parent} {kind} rw 0 0\n")

    refused(SQLiteStore(path), StoreMismatch, 78, f"network file system ({kind})", "DynamoDB")
    assert not path.exists()


def test_the_innermost_mount_counts(tmp_path: Path, mounts: Path) -> None:
    share = tmp_path / "a share"
    share.mkdir()
    (tmp_path / "link").symlink_to(share)
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {escaped} nfs rw 0 0\n")

    assert file_system_of(share / "gates.db") == "nfs"
    assert file_system_of(tmp_path / "link" / "gates.db") == "nfs", "where the link leads"
    assert file_system_of(tmp_path / "a share too" / "gates.db") == "ext4"
    assert file_system_of(tmp_path / "gates.db") == "ext4"
    mounts.unlink()
    assert file_system_of(share) is None


# --- check and initialise --------------------------------------------------------------------------


def test_check_changes_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    assert store.check() == [f"{path} does not exist yet; the first trigger creates it"]
    assert not path.exists()

    path.touch()
    assert store.check() == [
        f"{path} has schema 0, and {len(MIGRATIONS)} is due; the next trigger sees to it"
    ]
    assert path.stat().st_size == 0

    assert filled(path).check() == []


def test_initialise_says_what_it_did(path: Path) -> None:
    store = SQLiteStore(path.parent / "new" / path.name)

    assert store.initialise() == [f"created {store.path}"]
    assert store.initialise() == []
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
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
