"""Other users of this machine: root can be each of them in a child. Elsewhere such tests are skipped."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

# A child may not be able to read this tree: what is imported late is imported now.
from holdoff.config import trust
from holdoff.stores import sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

__all__ = ["ALICE", "BOB", "TEAM", "as_user", "needs_root", "public_folder", "sqlite_errors", "trust"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")
#: Users and a group that no machine knows by name.
ALICE, BOB, TEAM = 61_001, 61_002, 61_100


def as_user(user: int, act: Callable[[], T], *, groups: Sequence[int] = (), umask: int = 0o022) -> T:
    """What this user gets, in a child of this process: the answer, or the exception."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there may be threads
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)  # where it hangs
            os.umask(umask)
            os.setgroups(groups)
            os.setgid(user)
            os.setuid(user)
            told: tuple[bool, Any] = True, act()
        except BaseException as error:  # noqa: BLE001  (a test's assertion, say)
            told = False, error
        try:
            with open(write, "wb") as pipe:  # noqa: PTH123
                pipe.write(pickle.dumps(told))
        finally:  # else a child whose answer cannot be pickled would go on as a second pytest
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:  # noqa: PTH123
        answer = pipe.read()
    os.waitpid(child, 0)
    is_well, what = pickle.loads(answer)
    if is_well:
        return what  # type: ignore[no-any-return]
    raise what


@contextmanager
def public_folder(owner: int = -1, group: int = -1, mode: int = 0o755) -> Iterator[Path]:
    """A folder that other users can get at, as they cannot at pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="holdoff-users-"))
    os.chown(folder, owner, group)
    folder.chmod(mode)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
