"""Whether a ``holdoff.toml`` that was found, not named, may be used: the commands in it run in its folder.

No other user but root may own the file or be able to write it. Git asks the same of a repository
(https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory), and ssh of its files (``StrictModes``
in sshd_config(5)).
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress

#: Tags of entries for a user and for a group:
#: https://github.com/torvalds/linux/blob/master/include/uapi/linux/posix_acl.h
_USER, _GROUP = 2, 8


def sight(path: str | int) -> tuple[int, ...]:
    """Facts about a file, some of which every edit changes, also an edit of its access rights. Raises OSError."""
    found = os.stat(path)
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size) if stat.S_ISREG(found.st_mode) else ()


def distrust(path: str) -> str | None:
    """Why a file must not be used: which other user owns it or could write it; ``None``: no other user does.

    The folder counts, too: its owner and all who may write there could replace the file. A folder such as ``/tmp``,
    where only a file's owner may do that (the sticky bit), does not count. If the path is a link, so do each link on
    the way and its folder.
    """
    found = os.stat(path)  # links in a circle end here
    while os.path.islink(path):
        if why := _distrusted(path, os.lstat(path), "the link ") or _folder_distrusted(path):
            return why
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return _distrusted(path, found, "") or _folder_distrusted(path)


def _folder_distrusted(path: str) -> str | None:
    folder = os.path.dirname(path)
    return _distrusted(folder, os.stat(folder), f"its folder {folder} ")


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
    """Whether an access control list (acl(5)) lets others write. If there is a list, the group's bits are its mask."""
    try:
        entries = struct.iter_unpack("<HHI", os.getxattr(path, "system.posix_acl_access")[4:])
    except (OSError, AttributeError):  # the file has no list, or the system has no such lists
        return False
    writers = [(tag, number) for tag, rights, number in entries if rights & os.W_OK]
    others = {number for tag, number in writers if tag == _USER} - {me, 0}
    return bool(others) or any(_has_others(number, me) for tag, number in writers if tag == _GROUP)


def _has_others(group: int, me: int) -> bool:
    """Whether the group may have members other than the user and root. A group with the user's name is the user's own:
    many systems make one for each user. A directory service need not list the members of any other group."""
    mine = {_name(pwd.getpwuid, me), "root"}
    try:
        found = grp.getgrgid(group)
    except KeyError:  # an unknown group may have any members
        return group != os.getegid()
    if {found.gr_name, *found.gr_mem} - mine:
        return True
    return any(user.pw_gid == group and user.pw_uid not in {me, 0} for user in pwd.getpwall())


def _name(look_up: Callable[[int], Sequence[object]], number: int) -> object:
    """The name of a user or group, or its number if it has no name."""
    with suppress(KeyError):
        return look_up(number)[0]
    return number
