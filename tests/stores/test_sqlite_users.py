"""A store in a file that several users of a machine have: the umask and the folder say who may, and looking at it never
spoils it for its owner."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdoff.core.effects import Swapped
from holdoff.core.errors import StoreDenied, StoreMismatch, StoreUnavailable
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.stores.base import check_writable
from holdoff.stores.open import default_url, open_store
from holdoff.stores.sqlite import SQLiteStore
from tests.stores.test_sqlite import killed_in_mid_commit
from tests.users import ALICE, BOB, TEAM, as_user, needs_root, public_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = GateKey("p", "local")
BUILT = Record(lastbuild=Decimal(7), writes=("WRITE001",))


def look(path: Path) -> list[tuple[GateKey, object]]:
    """All that a reader can ask, each by a store of its own, as a command of its own would have it."""
    SQLiteStore(path).get(KEY)
    SQLiteStore(path).item(KEY)
    list(SQLiteStore(path).history(KEY))
    list(SQLiteStore(path).due(10**15))
    SQLiteStore(path).check()
    store = SQLiteStore(path)
    found = list(store.gates())
    store.close()
    return list(found)


def write(path: Path) -> bool:
    store = SQLiteStore(path, busy_ms=2_000)
    before = store.get(KEY)
    answer = store.swap(KEY, expected=before, new=BUILT.swapped(f"W{len(before.writes):07}"))
    store.close()
    return isinstance(answer, Swapped)


def standing(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Every file there: owner, group, rights, content."""
    found = [(each, each.stat()) for each in sorted(folder.iterdir())]
    return {each.name: (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777, each.read_bytes()) for each, stat in found}


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Where everyone may make and delete files."""
    with public_folder(mode=0o777) as folder:
        yield folder / "gates.db"


@pytest.fixture
def of_team() -> Iterator[Path]:
    """A team's folder: what is made there is the team's."""
    with public_folder(group=TEAM, mode=0o2775) as folder:
        yield folder / "gates.db"


# --- who may, of what is made ----------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600), (0o000, 0o666)])
def test_the_umask_says_who_may_use_a_new_store(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        assert write(tmp_path / "gates.db")
    finally:
        os.umask(before)
    assert {name: each[2] for name, each in standing(tmp_path).items()} == {"gates.db": mode, "gates.db-journal": mode}


@pytest.mark.parametrize("umask", [0o022, 0o002])
def test_a_new_folder_is_as_the_umask_says_but_in_the_state_folder_its_user_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(umask)
    try:
        for url in (default_url(), default_url("/srv/site/holdoff.toml"), f"sqlite:///{tmp_path}/named/here/gates.db"):
            open_store(url).initialise()
    finally:
        os.umask(before)
    modes = {str(each.relative_to(tmp_path)): each.stat().st_mode & 0o777 for each in tmp_path.rglob("*/")}
    named = {"named": 0o777 & ~umask, "named/here": 0o777 & ~umask}
    own = ["state", "state/holdoff", "state/holdoff/srv", "state/holdoff/srv/site"]
    assert {name: mode for name, mode in modes.items() if (tmp_path / name).is_dir()} == named | dict.fromkeys(
        own, 0o700
    )


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o000])
def test_a_default_store_is_its_user_s_own_in_a_folder_that_was_there_before_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "state/holdoff"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    before = os.umask(umask)
    try:
        assert open_store(default_url()).initialise()
    finally:
        os.umask(before)
    assert {name: each[2] for name, each in standing(folder).items()} == {"gates.db": 0o600, "gates.db-journal": 0o600}


@needs_root
def test_a_team_shares_a_store_in_a_setgid_folder(of_team: Path) -> None:
    for user in (ALICE, BOB, ALICE):
        assert as_user(user, lambda: write(of_team), groups=[TEAM], umask=0o002)

    assert {each[:3] for each in standing(of_team.parent).values()} == {(ALICE, TEAM, 0o664)}


@needs_root
def test_a_store_that_is_opened_to_a_team_later_takes_its_journal_along(of_team: Path) -> None:
    as_user(ALICE, lambda: write(of_team), groups=[TEAM])
    with pytest.raises(StoreDenied, match=f"belongs to {ALICE}:{TEAM}, mode 0644. Get the rights to it and to"):
        as_user(BOB, lambda: write(of_team), groups=[TEAM])
    of_team.chmod(0o664)
    as_user(ALICE, lambda: write(of_team), groups=[TEAM])

    assert as_user(BOB, lambda: write(of_team), groups=[TEAM])


@needs_root
def test_what_root_does_leaves_the_files_their_owner_s(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    Path(f"{open_to_all}-journal").unlink()
    assert write(open_to_all)

    assert {each[:3] for each in standing(open_to_all.parent).values()} == {(ALICE, ALICE, 0o644)}
    assert as_user(ALICE, lambda: write(open_to_all))


@needs_root
def test_root_of_a_container_without_rights_gives_nothing_to_a_user_that_it_has_not_got(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    open_to_all.chmod(0o666)
    Path(f"{open_to_all}-journal").unlink()
    contained = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*contained, "true"], check=False).returncode:
        pytest.skip("no user namespace can be made here")
    code = f"from tests.stores.test_sqlite_users import *; assert write(Path({str(open_to_all)!r}))"
    subprocess.run([*contained, sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    assert as_user(BOB, lambda: write(open_to_all))


@needs_root
def test_a_journal_that_the_others_could_not_use_is_not_left_behind(open_to_all: Path) -> None:
    """It would be the file's group's, of which its writer is not a member."""
    as_user(ALICE, lambda: write(open_to_all))
    Path(f"{open_to_all}-journal").unlink()
    open_to_all.chmod(0o646)

    with pytest.raises(StoreDenied, match="Operation not permitted"):
        as_user(BOB, lambda: write(open_to_all))
    assert list(standing(open_to_all.parent)) == ["gates.db"]
    assert as_user(ALICE, lambda: write(open_to_all))


# --- looking ---------------------------------------------------------------------------------------


def test_a_store_is_not_made_by_looking(tmp_path: Path) -> None:
    assert look(tmp_path / "new" / "gates.db") == []
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_who_may_only_read_is_told_so_before_anything_is_triggered(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    before = standing(open_to_all.parent)

    told = as_user(BOB, lambda: SQLiteStore(open_to_all).check())
    assert told == [f"{open_to_all}: this user may only read it"]
    with pytest.raises(StoreDenied, match=f"able to read and write {re.escape(str(open_to_all))}"):
        as_user(BOB, lambda: check_writable(SQLiteStore(open_to_all), KEY))
    as_user(ALICE, lambda: check_writable(SQLiteStore(open_to_all), KEY))
    assert standing(open_to_all.parent) == before


def test_one_that_looked_where_no_store_was_yet_sees_the_one_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "gates.db"
    store = SQLiteStore(path)
    assert store.get(KEY) == Record()
    assert write(path)
    assert store.get(KEY).lastbuild == 7
    store.close()


@needs_root
@pytest.mark.parametrize("journal", ["there", "gone"])
@pytest.mark.parametrize("user", [BOB, 0], ids=["another", "root"])
def test_looking_changes_nothing_and_leaves_nothing(open_to_all: Path, journal: str, user: int) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    if journal == "gone":  # a copy, or one that was moved
        Path(f"{open_to_all}-journal").unlink()
    before = standing(open_to_all.parent)

    assert [key for key, _ in as_user(user, lambda: look(open_to_all))] == [KEY]
    assert standing(open_to_all.parent) == before
    assert as_user(ALICE, lambda: write(open_to_all))


@needs_root
def test_one_who_may_only_look_is_told_so_at_a_write(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    before = standing(open_to_all.parent)

    with pytest.raises(StoreDenied) as caught:
        as_user(BOB, lambda: write(open_to_all))
    assert f"{open_to_all} belongs to {ALICE}:{ALICE}, mode 0644" in str(caught.value)
    assert caught.value.exit_code == 77
    assert standing(open_to_all.parent) == before


@needs_root
def test_one_who_may_not_even_look_is_told_so(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all), umask=0o077)

    with pytest.raises(StoreDenied, match="Permission denied"):
        as_user(BOB, lambda: look(open_to_all))
    assert as_user(ALICE, lambda: write(open_to_all))


@needs_root
def test_a_process_that_could_only_look_writes_once_it_may(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    journal = Path(f"{open_to_all}-journal")

    def look_then_write() -> bool:
        os.seteuid(BOB)
        store = SQLiteStore(open_to_all)
        before = store.get(KEY)
        os.seteuid(0)
        journal.chmod(0o666)
        open_to_all.chmod(0o666)
        os.seteuid(BOB)
        return isinstance(store.swap(KEY, expected=before, new=BUILT.swapped("WRITE002")), Swapped)

    assert as_user(0, look_then_write)


@needs_root
def test_one_who_may_only_look_leaves_a_write_that_was_cut_short_to_others(open_to_all: Path) -> None:
    as_user(ALICE, lambda: write(open_to_all))
    as_user(ALICE, lambda: killed_in_mid_commit(open_to_all))
    before = standing(open_to_all.parent)

    with pytest.raises(StoreUnavailable, match=r"cut short\. The next use by a user who may write it puts that right"):
        as_user(BOB, lambda: SQLiteStore(open_to_all).get(KEY))
    assert standing(open_to_all.parent) == before
    assert as_user(ALICE, lambda: look(open_to_all)) != []


@needs_root
def test_one_who_may_only_look_makes_no_files_of_wal(open_to_all: Path) -> None:
    """They would be its own, and the owner could not open the store any more."""
    as_user(ALICE, lambda: write(open_to_all))

    def to_wal() -> None:
        db = sqlite3.connect(open_to_all)
        db.execute("PRAGMA journal_mode = WAL")
        db.close()

    as_user(ALICE, to_wal)
    before = standing(open_to_all.parent)
    for act in (lambda: SQLiteStore(open_to_all).get(KEY), lambda: SQLiteStore(open_to_all).check()):
        told: Callable[[], object] = act
        with pytest.raises(StoreMismatch, match="left in WAL mode by another program"):
            as_user(BOB, told)
    assert standing(open_to_all.parent) == before
    assert as_user(ALICE, lambda: write(open_to_all))
    assert as_user(BOB, lambda: look(open_to_all)) != []
