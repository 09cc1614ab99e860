"""Whether a ``holdoff.toml`` that was found, not named, may be obeyed: commands in it are run, in the folder it is in.

As git asks of a repository (https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory) and ssh of
its files (``StrictModes`` in sshd_config(5)): no other user but root may own it or could write it.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH114, PTH116, PTH120

from __future__ import annotations

import grp
import os
import pwd
import stat
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress

#: Entries that name a user, a group: https://github.com/torvalds/linux/blob/master/include/uapi/linux/posix_acl.h
_USER, _GROUP = 2, 8


def distrust(path: str) -> str | None:
    """Why a file is not to be obeyed: which other user owns it or could write it; ``None``: none does.

    The folder counts: its owner, and who may write there, could put another file in its place. In one like ``/tmp``,
    where only owners may do that (the sticky bit), it does not.
    """
    folder = os.path.dirname(path)
    if os.path.islink(path) and (why := _distrusted(path, os.lstat(path), "the link ")):
        return why
    return _distrusted(path, os.stat(path), "") or _distrusted(folder, os.stat(folder), f"its folder {folder} ")


def _distrusted(path: str, found: os.stat_result, which: str) -> str | None:
    me = os.geteuid()
    if found.st_uid not in {me, 0}:
        return f"{which}belongs to {_name(pwd.getpwuid, found.st_uid)}, not to you ({_name(pwd.getpwuid, me)})"
    if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return None
    if found.st_mode & stat.S_IWOTH:
        return f"{which}can be written by all users"
    if found.st_mode & stat.S_IWGRP and _has_others(found.st_gid, me):
        return f"{which}can be written by the group {_name(grp.getgrgid, found.st_gid)}"
    if found.st_mode & stat.S_IWGRP and _is_listed(path, me):
        return f"{which}can be written by a user or group in its access control list (`getfacl` shows it)"
    return None


def _is_listed(path: str, me: int) -> bool:
    """Whether an access control list (acl(5)) lets others write; where there is one, the group's bits are its mask."""
    try:
        entries = struct.iter_unpack("<HHI", os.getxattr(path, "system.posix_acl_access")[4:])
    except (OSError, AttributeError):  # there is none, or the system knows no such lists
        return False
    writers = [(tag, number) for tag, rights, number in entries if rights & os.W_OK]
    others = {number for tag, number in writers if tag == _USER} - {me, 0}
    return bool(others) or any(_has_others(number, me) for tag, number in writers if tag == _GROUP)


def _has_others(group: int, me: int) -> bool:
    """Whether other users but root may be in it. One with the user's name is the user's own, as many systems make
    one for each; of any other a directory service need not list the users."""
    mine = {_name(pwd.getpwuid, me), "root"}
    try:
        found = grp.getgrgid(group)
    except KeyError:  # a group that this machine does not know may have any members
        return group != os.getegid()
    if {found.gr_name, *found.gr_mem} - mine:
        return True
    return any(user.pw_gid == group and user.pw_uid not in {me, 0} for user in pwd.getpwall())


def _name(look_up: Callable[[int], Sequence[object]], number: int) -> object:
    """A user's or a group's name, or its number where it has none."""
    with suppress(KeyError):
        return look_up(number)[0]
    return number
