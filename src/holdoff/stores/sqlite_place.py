"""The place of a store in a file: which file the path names now, the journal beside it, and who may use them.

**The path has a lock of its own**, because SQLite locks files, and another file may replace this one. Each use takes a
``flock`` of ``PATH-journal`` and looks which file the path names. If that is another file, it is opened. A write looks
again after its commit. A journal that is found under that lock was left by a writer that died. If the path names the
file that it was written for (by the store's id and the count of changes), SQLite undoes the write. If not, the journal
is dropped. One case stays open: a writer is killed during its commit, and its file is then moved without its journal.

**Several users may share a store.** The umask and the folder decide who: file and journal always have the same rights.
Reading makes and changes no file, so a user who may only read leaves nothing that the owner cannot use.

This module does not need SQLite.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sys
from contextlib import suppress

from holdoff.clock import SystemClock
from holdoff.core.errors import StoreMismatch, StoreUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: "Hold" in ASCII: marks a database as ours (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID: Final = 0x486F6C64
#: The parts of SQLite's file format that tell files apart: the magic word, the count of changes, our mark and our id.
MAGIC: Final = b"SQLite format 3\0"
CHANGES: Final = slice(24, 28)
WAL: Final = slice(18, 19)
MARK: Final = slice(68, 72)
PAGE: Final = 4096
#: The bytes of a ``-wal`` with no pages in it.
NO_PAGES: Final = 32
STORE_ID: Final = rb"-- store ([0-9a-f]{32})"
#: The longest pause between two tries to take the path's lock. If 200 processes try each millisecond, they take all of
#: two cores, and the process that has the lock makes no progress.
LONGEST_NAP_MS: Final = 16
#: A process that has waited PATIENT_MS is next. Others let it go first for GIVE_WAY_MS at most: it may be stopped.
PATIENT_MS: Final = 50
GIVE_WAY_MS: Final = 1_000
#: Linux's call for a lock of one opening of a file. This lock marks the process that is next. macOS has such a call,
#: too, but there this lock and that of ``flock`` are one: to give one back would give back the other.
LOCK_OPENING: Final = getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" else None
TAKE, LEAVE = (kind.to_bytes(2, sys.byteorder) + bytes(30) for kind in (fcntl.F_WRLCK, fcntl.F_UNLCK))
#: The kernel's list of what is mounted.
MOUNTS: Final = "/proc/self/mounts"
#: Locks in these do not hold across machines: https://www.sqlite.org/wal.html, https://www.sqlite.org/faq.html#q5
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.juicefs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone"}
    | {"9p", "vboxsf", "beegfs"}
)
#: A real path, the device and inode of the file there, and how many names that has.
Name = tuple[str, int, int, int]


class Place:
    """The place of a store, by its absolute path. ``busy_ms`` (for errors) and ``mode`` are ``SQLiteFile``'s."""

    def __init__(self, file: str, busy_ms: int, mode: int) -> None:
        self.file = file
        self.opened: Name | None = None  #: the file that the store has open, or had open last
        self._busy_ms = busy_ms
        self.mode = mode

    def name(self) -> Name | None:
        """Which file the path names now: its real path, device and inode, and how many names it has."""
        try:
            file = os.stat(self.file)
        except FileNotFoundError:
            return None
        real = self.real(file)
        if file.st_size == 0 and os.path.isfile(self.file):
            raise StoreMismatch(
                f"{self.file} is empty, and a store never is: it was truncated, or another program made it",
                hint="Put a copy of it back, or delete it to start afresh (a gate that is gone has never built)",
            )
        return (real, *_which(file))

    def real(self, file: os.stat_result | None = None) -> str:
        """The real path. To resolve it takes longer than all else here. So the last real path is used if it still
        leads to the same file, and that file has one name."""
        opened = self.opened  # read once: a fork in another thread may close the file meanwhile
        if opened is None:
            return os.path.realpath(self.file)
        real, which = opened[0], opened[1:]
        try:
            stays = which == _which(os.lstat(real))
            stays = stays and (real == self.file or which == _which(file or os.stat(self.file)))
        except OSError:
            stays = False
        return real if stays else os.path.realpath(self.file)

    def open_journal(self, *, writes: bool) -> int | None:
        """Open ``PATH-journal``; a write makes it if it is missing. A reader can do without, by SQLite's own locks."""
        name = f"{self.real()}-journal"
        try:
            return os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return self._make_journal(name) if writes else None
        except OSError:
            if writes:
                raise
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW)

    def _make_journal(self, name: str) -> int | None:
        """Make the journal with the rights of the file, as SQLite would. If there is no file yet, the umask decides."""
        self.checked()
        _make_folder(os.path.dirname(name), self.mode)
        try:
            file: os.stat_result | None = os.stat(self.file)
        except FileNotFoundError:
            file = None
        mode = (file.st_mode if file else self.mode) & 0o666
        try:
            journal = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:  # another process was first
            return self.open_journal(writes=True)
        try:
            if file:
                share(journal, file)
        except BaseException:
            remove(name)  # the users of the file could not use it
            os.close(journal)
            raise
        return journal

    def lock(self, journal: int, left_ms: int) -> bool:
        """Lock the journal. Returns whether it still is the one at the path: another program's SQLite deletes journals.

        A process that has waited for ``PATIENT_MS`` becomes the next one, if there is none, and all others let it go
        first. Otherwise a process that writes without a pause could keep it waiting without end.
        """
        nap_ms, waited_ms, is_next, give_way_ms = 1, 0, False, min(GIVE_WAY_MS, left_ms // 2)
        while waited_ms <= left_ms:
            if _as_next(journal, TAKE) or waited_ms >= give_way_ms:
                with suppress(BlockingIOError):
                    fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _as_next(journal, LEAVE)
                    return os.fstat(journal).st_nlink > 0
                if waited_ms < PATIENT_MS:
                    _as_next(journal, LEAVE)
                elif not is_next:
                    is_next, nap_ms = True, 1
            SystemClock().sleep(nap_ms)
            waited_ms += nap_ms
            nap_ms = min(2 * nap_ms, LONGEST_NAP_MS)
        raise busy(self.file, f"{self.file} is in use", self._busy_ms)

    def unlock(self, journal: int) -> None:
        """Unlock the journal, and close it."""
        fcntl.flock(journal, fcntl.LOCK_UN)  # closing alone would leave the lock to a child's copy
        _as_next(journal, LEAVE)
        os.close(journal)

    def judge(self, journal: int, name: Name | None) -> None:
        """Leave the journal of a writer that died to SQLite, if it was written for this file. Otherwise empty it."""
        if os.pread(journal, 1, 0) <= b"\0":
            return
        if fcntl.fcntl(journal, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise cut_short(self.file)
        if not (name and _is_journal_of(journal, name[0])):
            os.ftruncate(journal, 0)

    def checked(self) -> Name | None:
        """The same as ``name``. A place where no store can be is refused."""
        name = self.name()
        mount, kind = mount_of(self.file)
        if kind in NETWORK_FILE_SYSTEMS:
            what = f"is on a network file system ({kind}), where SQLite's locks do not hold"
            hint = "Use a file on a local disk, or for several machines PostgreSQL or DynamoDB"
        elif os.path.isdir(self.file):
            what, hint = "is a folder", f"Name a file in it: --store sqlite:///{os.path.join(self.file, 'gates.db')}"
        elif name and not os.path.isfile(self.file):
            what, hint = "is not a file", "Name one: --store sqlite:///PATH"
        elif mount == os.path.realpath(self.file):
            what = "is mounted by itself, so its journal would not stand beside it under another name"
            hint = "Mount the folder that it is in, with the journal"
        elif name and name[-1] > 1:
            what = f"has {name[-1]} names (hard links), and its journal would stand beside one of them only"
            hint = "Delete all names but one; symbolic links and copies do no harm"
        else:
            return name
        raise StoreMismatch(f"{self.file} {what}", hint=hint)

    def check_journal_mode(self, real: str) -> None:
        """Refuse to read a file in WAL mode, as another program left it: SQLite would make files of the reader's."""
        if _is_in_wal_mode(real):
            hint = "The next use by a user who may write it puts that right"
            raise StoreMismatch(f"{self.file} was left in WAL mode by another program", hint=hint)

    def check_wal(self, real: str) -> None:
        """Refuse ``PATH-wal`` beside a file that is not in WAL mode. It was left by a file that was here before, and
        SQLite would write its pages over those of this one."""
        wal = f"{real}-wal"
        with suppress(FileNotFoundError):
            if os.stat(wal).st_size <= NO_PAGES or _is_in_wal_mode(real):
                return
            os.stat(wal)  # another process may have changed the mode meanwhile, which deletes it
            hint = f"Move {wal} away. Until then nothing is read or written"
            raise StoreMismatch(f"{wal} was left by another file than {self.file}", hint=hint)


def _as_next(journal: int, act: bytes) -> bool:
    """Take or leave the lock of the process that is next. Returns whether that succeeded; without such a lock, True."""
    try:
        if LOCK_OPENING is not None:
            fcntl.fcntl(journal, LOCK_OPENING, act)
    except BlockingIOError:
        return False
    except OSError:  # the journal is open for reading only, or the system has the call in name only
        pass
    return True


def _is_in_wal_mode(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(PAGE)[WAL] == b"\2"


def _which(file: os.stat_result) -> tuple[int, int, int]:
    return file.st_dev, file.st_ino, file.st_nlink


def mount_of(path: str | os.PathLike[str]) -> tuple[str, str | None]:
    """Where the file system of a path is mounted, and its type; ``None``: the kernel does not say (not Linux)."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return "", None
    real = os.path.join(os.path.realpath(path), "")
    best, kind = "", None
    for line in lines:
        mount, found = line.split(" ")[1:3]
        if "\\" in mount:
            mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)
        if real.startswith(os.path.join(mount, "")) and len(mount) >= len(best):
            best, kind = mount, found
    return best, kind


def busy(file: str, message: str, busy_ms: int, *, again: str | None = None) -> StoreUnavailable:
    """The error if others had the file all the time. ``again``: a hint, if another thread was to write for this one."""
    end = "nothing was written" if again is None else "the write may or may not be in"
    return StoreUnavailable(
        f"{message} (others had it for {busy_ms / 1000:g}s); {end}",
        hint=f"{again or 'Try again'}; if it goes on, see what has it open: fuser {file}",
    )


def cut_short(file: str) -> StoreUnavailable:
    """The error if a writer died, and this user may not undo its write."""
    return StoreUnavailable(
        f"{file}-journal has a write that was cut short", hint="The next use by a user who may write it puts that right"
    )


def _make_folder(folder: str, mode: int) -> None:
    """Like ``os.makedirs``, with the mode for all folders, not for the last one only."""
    if not os.path.isdir(folder):
        _make_folder(os.path.dirname(folder), mode)
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None


def share(journal: int, file: os.stat_result) -> None:
    """Let the users of the file use its journal, and no others."""
    now, mode = os.fstat(journal), file.st_mode & 0o666
    if now.st_mode & 0o666 != mode:
        os.fchmod(journal, mode)
    alone, group, others = mode >> 6, mode >> 3 & 0o6, mode & 0o6
    if os.geteuid() == 0 and now.st_uid != file.st_uid and alone != others:  # in a container it may have no such user
        os.fchown(journal, file.st_uid, -1)
    if now.st_gid != file.st_gid and group != others:
        os.fchown(journal, -1, file.st_gid)


def _is_journal_of(journal: int, path: str) -> bool:
    """Whether the journal of a writer that died was written for this file. If the journal lacks page 1, or the database
    is not ours, another program wrote it: then it is left to SQLite."""
    old = os.pread(journal, os.fstat(journal).st_size, 0)
    at = old.find(MAGIC)
    with open(path, "rb") as file:  # closing a file drops its locks: there are none, under the lock of the path
        now = file.read(PAGE)
    if at < 0 or now[MARK] != APPLICATION_ID.to_bytes(4):
        return True
    then = old[at : at + PAGE]
    changes = int.from_bytes(now[CHANGES]) - int.from_bytes(then[CHANGES])
    return re.findall(STORE_ID, then) == re.findall(STORE_ID, now) and changes in {0, 1}


def remove(path: str) -> None:
    """Delete a file, if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(path)
