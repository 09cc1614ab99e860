"""Whether a ``holdoff.toml`` that was found, not named, may be obeyed: commands in it are run, in the folder it is in.

As git asks of a repository (https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory) and ssh of
its files (``StrictModes`` in sshd_config(5)): no other user but root may own it or could write it.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH114, PTH116, PTH120

from __future__ import annotations

import os
import stat
from contextlib import suppress


def distrust(path: str) -> str | None:
    """Why a file is not to be obeyed: which other user owns it or could write it; ``None``: none does.

    The folder counts: its owner, and who may write there, could put another file in its place. In one like ``/tmp``,
    where only owners may do that (the sticky bit), it does not.
    """
    folder = os.path.dirname(path)
    if os.path.islink(path) and (why := _distrusted(os.lstat(path), "the link ")):
        return why
    return _distrusted(os.stat(path), "") or _distrusted(os.stat(folder), f"its folder {folder} ")


def _distrusted(found: os.stat_result, which: str) -> str | None:
    me = os.geteuid()
    if found.st_uid not in {me, 0}:
        return f"{which}belongs to {user_name(found.st_uid)}, not to you ({user_name(me)})"
    if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return None
    if found.st_mode & stat.S_IWOTH:
        return f"{which}can be written by all users"
    if found.st_mode & stat.S_IWGRP and _has_others(found.st_gid, me):
        return f"{which}can be written by the group {_group_name(found.st_gid)}"
    return None


def _has_others(group: int, me: int) -> bool:
    """Whether any other user but root is in it: many systems give each user a group of its own."""
    import grp
    import pwd

    mine = {user_name(me), "root"}
    try:
        if set(grp.getgrgid(group).gr_mem) - mine:
            return True
    except KeyError:  # a group that this machine does not know may have any members
        return group != os.getegid()
    return any(user.pw_gid == group and user.pw_uid not in {me, 0} for user in pwd.getpwall())


def user_name(number: int) -> str:
    """A user's name, or its number where it has none."""
    import pwd

    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _group_name(number: int) -> str:
    import grp

    with suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)
