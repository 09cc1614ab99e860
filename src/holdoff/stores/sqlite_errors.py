"""The errors of a store in a file: which file, on which disk, why, and what to do.

SQLite says "disk I/O error" or "unable to open database file" and hides the system's own error. So after a failure this
module asks the system for what a write needs: two open files and a little space in the same folder. If the system
refuses that, its error is the one to show.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from contextlib import suppress
from typing import Final

from holdoff.core.errors import RecordInvalid, StoreDenied, StoreError, StoreMismatch, StoreUnavailable
from holdoff.stores.base import AGAIN
from holdoff.stores.sqlite_place import busy, cut_short, mount_of

#: As much space as a write may need, journal included.
PROBED_BYTES: Final = 65_536
#: What to do before a retry can help. ``{disk}``: where the file's disk is mounted.
PASSING: Final = {
    errno.ENOSPC: "Free some disk space on {disk}",
    errno.EDQUOT: "Free some disk space of this user's on {disk}, or have the quota raised",
    errno.EFBIG: "Raise the limit on the size of files: ulimit -f",
    errno.EIO: "See what is wrong with {disk}: dmesg",
    errno.EMFILE: "Raise the limit on open files: ulimit -n",
    errno.ENFILE: "Raise the system's limit on open files: fs.file-max",
    errno.ENOMEM: "Free some memory",
}
ANOTHER: Final = "name another file: --store sqlite:///PATH"
AFRESH: Final = "Put a copy of {} back, or move it away to start afresh (a gate that is gone has never built)"


def replaced(file: str, *, writes: bool) -> StoreError:
    """The error for a path that names another file than a moment ago."""
    message = f"{file} was replaced, moved or deleted at this moment"
    if not writes:
        return StoreUnavailable(message, hint="Try again")
    return StoreUnavailable(f"{message}; the write may not be in", hint=AGAIN)


def typed(error: Exception, file: str, failed: str, busy_ms: int, *, writes: bool) -> StoreError:
    """The error to raise for an error of SQLite or the system. ``failed``: which file, and what was being done."""
    if isinstance(error, OSError):
        where = error.filename or file
        return _of_system(error, file, f"{file} cannot be opened: {where}: {error.strerror}", "Try again")
    if not isinstance(error, sqlite3.Error):
        return RecordInvalid(f"{failed}: {type(error).__name__}: {error!s:.200}")
    code, message = getattr(error, "sqlite_errorcode", 0), f"{failed}: {error}"
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return replaced(file, writes=writes)
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return cut_short(file)
    # The low byte is the primary code: https://www.sqlite.org/rescode.html
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(file, message, busy_ms)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            first = f"If it is no store, {ANOTHER}"
            if code & 0xFF == sqlite3.SQLITE_CORRUPT:  # also if the disk could not be read just now
                first = f"See first whether {_disk(file)} has errors (dmesg), and what `holdoff store check` finds"
            return StoreMismatch(message, hint=f"{first}. {AFRESH.format(file)}")
        case sqlite3.SQLITE_ERROR if re.search("no such (table|column)|has no column", str(error)):
            return StoreMismatch(f"{message}: another program has changed its tables", hint=AFRESH.format(file))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            end, again = "", "Try again"
            of_sqlite: StoreError = StoreDenied(message, hint=_rights(file))
        case sqlite3.SQLITE_FULL:
            end, again = "; nothing was written", "Try again"
            of_sqlite = StoreUnavailable(f"{message}{end}", hint=f"Free some disk space on {_disk(file)}")
        case _:
            end, again = ("; the write may or may not be in", AGAIN) if writes else ("", "Try again")
            of_sqlite = StoreUnavailable(f"{message} (on {_disk(file)}){end}", hint=again)
    cause = _probed(os.path.dirname(file)) if writes else None
    return of_sqlite if cause is None else _of_system(cause, file, f"{message}: {cause.strerror}{end}", again)


def _of_system(error: OSError, file: str, message: str, again: str) -> StoreError:
    """The error to raise for an error of the system, with what to do."""
    disk = _disk(file)
    if error.errno in PASSING:
        return StoreUnavailable(message, hint=f"{PASSING[error.errno].format(disk=disk)}. {again}")
    if error.errno == errno.EROFS:
        return StoreDenied(message, hint=f"{disk} is mounted read-only; {ANOTHER}")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return StoreDenied(message, hint=_rights(file))
    return StoreDenied(message, hint=f"{ANOTHER[0].upper()}{ANOTHER[1:]}")


def _probed(folder: str) -> OSError | None:
    """The system's error when a little is written in this folder."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder) as file, tempfile.TemporaryFile(dir=folder):  # SQLite opens two, too
            file.write(bytes(PROBED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def _disk(file: str) -> str:
    mount, kind = mount_of(file)
    return f"{mount} ({kind})" if kind else f"the disk of {file}"


def _rights(file: str) -> str:
    """Who owns the file, or the nearest folder above it that exists, and what to do."""
    path = file
    while path != "/" and not os.path.exists(path):
        path = os.path.dirname(path)
    whose = f"Holdoff must be able to read and write {file} and its folder"
    with suppress(OSError):
        found = os.stat(path)
        whose += f"; {path} belongs to {_name_of(found)}, mode {found.st_mode & 0o7777:04o}"
    return f"{whose}. Get the rights to it and to {file}-journal, or {ANOTHER}"


def _name_of(found: os.stat_result) -> str:
    """USER:GROUP; a number if there is no name."""
    import grp
    import pwd

    user, group = str(found.st_uid), str(found.st_gid)
    with suppress(KeyError):
        user = pwd.getpwuid(found.st_uid).pw_name
    with suppress(KeyError):
        group = grp.getgrgid(found.st_gid).gr_name
    return f"{user}:{group}"
