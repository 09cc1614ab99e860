"""Processes of this machine: which one is meant, whether it lives, how it is ended, and what ends it if we die.

**A name that is never another's.** A pid is given again once its process has gone. So a process is called
``HOST:MARK:PID``; the mark tells in which boot and which name spaces the pid was given, and when the process started
(field 22 of proc_pid_stat(5)); of a command also, which process reports its end. Read where the mark was made, such a
name is certain: that very process lives, or it does not. Read elsewhere (on another machine, in another container,
after a boot) it says nothing. Where there is no /proc, the name is ``HOST:PID``, and nothing is certain.

**No command is left behind.** A ``Keeper`` is a shell that reads from a pipe of ours, and does nothing else. However we
die, the pipe ends; then it ends the command, and all that the command started.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH115, PTH116, PTH123, PTH208

from __future__ import annotations

import atexit
import os
import signal
import threading
from contextlib import suppress

from holdoff.clock import SystemClock
from holdoff.signals import FORWARDED, STOPPING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Final

    from holdoff.starters.children import Child

#: How long what was told to end may take to go, before it is killed.
GRACE_MS: Final = 5_000
LOOK_AGAIN_MS: Final = 20
#: States of what does not run any more. In a container zombies may stay for ever.
_ENDED: Final = {"", "Z", "X"}


# --- which one, and whether it lives -------------------------------------------------------------------------------


def name_of(pid: int) -> str:
    """What a process that exists is called: ``vm:e1028bd61290548:4247``."""
    host, place, fields = os.uname().nodename, _place(), _fields(pid)
    return f"{host}:{place}{fields[19]}:{pid}" if place and fields else f"{host}:{pid}"


def name_of_child(pid: int) -> str:
    """What a child of ours is called: ``vm:e1028bd61290548.1290540.4246:4247``."""
    name, ours = name_of(pid), name_of(os.getpid())
    host, *mark, _ = name.rsplit(":", 2)
    return f"{host}:{mark[0]}.{ours.split(':')[-2][8:]}.{os.getpid()}:{pid}" if mark else name


def state_of(name: str) -> str | None:
    """The state of the process of that name, a letter of proc_pid_stat(5); empty: there is none any more; ``None``: it
    cannot be known here."""
    _, mark, number = name.rsplit(":", 2) if name.count(":") >= 2 else ("", "", "")
    start, place = mark.partition(".")[0], _place()
    if not place or start[:8] != place or not number.isdecimal() or int(number) <= 1:
        return None
    with suppress(PermissionError):
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return ""
    fields = _fields(int(number))
    if fields is None:  # another user's, and hidden
        return None
    return fields[0] if fields[19] == start[8:] else ""


def lives(name: str) -> bool | None:
    """Whether the process of that name runs; ``None``: it cannot be known here."""
    state = state_of(name)
    return None if state is None else state not in _ENDED


def owner_of(name: str) -> str | None:
    """The user whose process that name is; ``None``: ours, or it cannot be known here."""
    if not lives(name):
        return None
    try:
        user = os.stat(f"/proc/{name.rpartition(':')[2]}").st_uid
    except OSError:
        return None
    import pwd  # wanted where a command could not be ended, only

    try:
        return None if user == os.geteuid() else pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def is_left(name: str) -> bool:
    """Whether it is certain that no process will report the end of the child of that name."""
    host, mark, _ = name.rsplit(":", 2)
    start, *parent = mark.split(".")
    return len(parent) == 2 and lives(f"{host}:{start[:8]}{parent[0]}:{parent[1]}") is False


def holds_us(name: str) -> bool:
    """Whether the process of that name is this one, or has started it, or one that has."""
    there, ours = int(name.rpartition(":")[2]) if lives(name) else 0, os.getpid()
    while there and ours != there:
        fields = _fields(ours)
        if fields is None:
            return False
        ours = int(fields[1])
    return there > 0


def targets_of(pid: int, *, own: int = 0) -> list[int]:
    """What to tell or end of a process and of all that it has started in its session, as kill(2) has it: the groups
    that one of them leads (timeout(1) makes one), and the group ``own``; of any other, which is our caller's, just
    those processes."""
    groups: dict[int, int] = {}
    with suppress(OSError, KeyError):  # it has ended
        groups[pid] = os.getpgid(pid)
        there = os.listdir("/proc") if _place() else ()  # there is none, or it tells of other processes
        seen = {int(one): fields for one in there if one.isdigit() and (fields := _fields(int(one)))}
        family = [pid]
        for one in family:  # which grows meanwhile
            family += [other for other, fields in seen.items() if fields[1] == str(one) and other not in family]
        groups |= {one: int(seen[one][2]) for one in family if seen[one][3] == seen[pid][3]}
    return list(dict.fromkeys(-group if group == own or group in groups else one for one, group in groups.items()))


def own_group_of(name: str) -> int:
    """The process group of a child that lives; 0: its parent is in it, too, or that has died, and a script may be."""
    _, mark, number = name.rsplit(":", 2)
    with suppress(ProcessLookupError):
        group = os.getpgid(int(number))
        return 0 if is_left(name) or os.getpgid(int(mark.rpartition(".")[2])) == group else group
    return 0


def _place() -> str | None:
    """Where a pid of ours is known: 8 digits for this boot and these name spaces; ``None``: there is no telling."""
    from binascii import crc32  # not wanted by those who are skipped

    try:
        if os.readlink("/proc/self") != str(os.getpid()):  # the /proc of another name space
            return None
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            known = file.read()
        for space in ("pid", "time"):
            with suppress(FileNotFoundError):  # Linux has the latter since 5.6
                known += os.readlink(f"/proc/self/ns/{space}").encode()
    except OSError:
        return None
    return f"{crc32(known):08x}"


def _fields(pid: int) -> list[str] | None:
    """The fields of proc_pid_stat(5) from the third on: state, parent, group, ... ``None``: there are none to be had.

    The second, a program's own name, may hold anything but a slash: blanks and brackets too.
    """
    with suppress(OSError), open(f"/proc/{pid}/stat", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
        return fields if len(fields) > 19 else None
    return None


# --- ending --------------------------------------------------------------------------------------------------------


def end(*targets: int, told: Collection[int] = ()) -> None:
    """End processes, or groups (less than zero, as kill(2) has it), and wait until they are gone.

    Args:
        told: the signals by which they were asked to stop already: they have their grace first, and get none again.
    """
    asked = [0] if told else []  # signal 0 asks nothing
    for number in (*asked, *{signal.SIGTERM}.difference(told), signal.SIGKILL):
        for target in targets:
            tell(target, number)
        for _ in range(GRACE_MS // LOOK_AGAIN_MS):
            if not any(map(_any_runs, targets)):
                return
            SystemClock().sleep(LOOK_AGAIN_MS)


def tell(target: int, number: int) -> None:
    """Send a signal, where there is a process that may be sent one; what is asked to stop has to run for that."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(target, number)
        if number in STOPPING:
            os.kill(target, signal.SIGCONT)


def _any_runs(target: int) -> bool:
    try:
        os.kill(target, 0)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        return False
    if not _place():
        return True
    pids = filter(str.isdigit, os.listdir("/proc")) if target < 0 else (str(target),)
    seen = (_fields(int(pid)) for pid in pids)
    return any(one and one[0] not in _ENDED and (target > 0 or one[2] == str(-target)) for one in seen)


# --- what ends it if we die ----------------------------------------------------------------------------------------

#: Each line names what to end; 0, its own group with itself, comes first and is ended last.
_KEEP: Final = """\
cd /; while read -r it; do all="$it $all"; done
[ "$all" ] || exit; trap "" $0
kill -TERM $all; kill -CONT $all; sleep 5; kill -KILL $all"""
#: It is deaf to what we pass on, and to Ctrl-Z: blocked signals stay pending, which tells that it got them. A shell
#: that waits for a child may unblock them: then they are ignored.
_BLOCKED: Final = (*FORWARDED, signal.SIGTSTP)


class Keeper:
    """Ends a command if this process dies, and tells which signals others have sent to all of us.

    Args:
        apart: it is the leader of a process group, which the command joins; else it is in ours.

    Raises:
        OSError: there is no room for the pipe.

    Attributes:
        group: its process group; 0, where there is no shell: the command runs unguarded.
    """

    def __init__(self, *, apart: bool) -> None:
        self.group: int = 0
        self._lines = b""
        self._lock = threading.RLock()
        self._got: set[int] = set()
        self._pipe = -1
        _kept.add(self)
        try:
            self._start(0 if apart else None)
        except OSError:
            _kept.discard(self)
            raise
        if self._shell is not None:
            self.group = self._shell.pid if apart else os.getpgrp()

    def _start(self, group: int | None) -> None:
        from holdoff.starters import children  # not wanted by those who are skipped

        self._shell: Child | None = None
        reader, self._pipe = os.pipe()
        own = (os.POSIX_SPAWN_DUP2, reader, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        others = [(os.POSIX_SPAWN_CLOSE, file) for file in children.inherited()]
        try:
            self._shell = children.start(
                "/bin/sh",
                ["/bin/sh", "-c", _KEEP, " ".join(str(int(number)) for number in _BLOCKED), "holdoff-keeper"],
                {"PATH": os.defpath},
                files=[*own, (os.POSIX_SPAWN_DUP2, 1, 2), *others],
                group=group,
                blocked=_BLOCKED,
            )
        except OSError:  # no shell, no room for one more process, or the group has gone
            pass
        finally:
            os.close(reader)

    def keep(self, target: int, *, told: bool = False) -> None:
        """From now on, end this, too, as kill(2) has it: 0 is its own group with all that is in it then. ``told``: the
        target has told it before it was executed, so that there was no instant without a guard."""
        self._lines += (line := f"{target}\n".encode())
        with suppress(OSError):
            os.write(self._pipe, b"" if told else line)

    def got(self, number: int) -> bool | None:
        """Whether it got this signal, too: sent to our group in front of a terminal, or by a service manager to each
        process of a service. Then the command got it from there. One that came once is told once. ``None``: there is
        no telling."""
        with self._lock:
            if number in self._got:
                self._got.remove(number)
                return True
            pending = _pending(self._shell)
            if pending is not None and number in pending:
                self.forget(number)
            return None if pending is None else number in pending

    def forget(self, number: int) -> None:
        """Have another in its place, to which that signal was not sent yet. What else the one before got is known: a
        service manager may send two at once, such as SIGTERM and SIGHUP."""
        with self._lock:
            shell, pipe, self._pipe = self._shell, self._pipe, -1
            if pipe < 0:
                return
            with suppress(OSError):  # no room for its pipe
                self._start(self.group)
                os.write(self._pipe, self._lines)
            before, after = (_pending(one) or set() for one in (shell, self._shell))
            self._got |= before - after - {number}  # of what came to both, the new one tells
            _send_home(shell, pipe)

    def close(self) -> bool:
        """The command has ended, or is to go on without us. Whether it kept until now: then no other has its group.
        (A signal's handler may do it in the middle of this.)"""
        _kept.discard(self)
        with self._lock:
            pipe, self._pipe = self._pipe, -1
            if pipe >= 0:
                _send_home(self._shell, pipe)
            return pipe >= 0


def _send_home(shell: Child | None, pipe: int) -> None:
    if shell is not None:
        shell.kill()
        shell.wait()
    os.close(pipe)  # not before: its end is what the shell waits for


def _pending(shell: Child | None) -> set[int] | None:
    """The signals that were sent to a keeper; ``None``: there is no telling."""
    if shell is not None:
        with suppress(OSError), open(f"/proc/{shell.pid}/status") as file:
            for line in file:
                if line.startswith("ShdPnd:"):  # gVisor has none
                    return {number for number in _BLOCKED if int(line[7:], 16) >> (number - 1) & 1}
    return None


#: Those that keep now. What is registered with ``atexit`` has its place there for ever, so one function is, for all.
_kept: Final[set[Keeper]] = set()


@atexit.register
def _end_all() -> None:
    """A process that does not wait for its commands leaves them running."""
    for keeper in list(_kept):
        keeper.close()


def _after_fork_in_child() -> None:
    """Our parent's commands end with our parent: its keepers wait for the end of pipes, and we have copies of those."""
    for keeper in _kept:
        with suppress(OSError):
            os.close(keeper._pipe)
        keeper._pipe = -1
    _kept.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
