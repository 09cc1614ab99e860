"""Processes of this machine: names for them, whether they live, how they are ended, and what ends them if we die.

**A name always belongs to one process.** The system reuses a pid when its process has gone. So a process has the name
``HOST:MARK:PID``. The mark says in which boot and which name spaces the pid was given, and when the process started
(field 22 of proc_pid_stat(5)). For a command it also says which process reports its end. In the place where the mark
was made, the name decides for certain whether that process lives. In another place (another machine, even one restored
from the same snapshot of memory, another container, after a boot, under another host name) it says nothing. Without
/proc the name is ``HOST:PID``, and nothing is certain.

**No command is left behind.** A ``Keeper`` is a shell that reads from a pipe of ours, and does nothing else. When we
die, from whatever cause, the pipe ends. Then the shell ends the command and all that the command has started.
"""

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

#: How long a process that was asked to end may take, before it is killed.
GRACE_MS: Final = 5_000
LOOK_AGAIN_MS: Final = 20
#: States of processes that do not run any more. In a container zombies may stay without end.
ENDED: Final = {"", "Z", "X"}


def name_of(pid: int) -> str:
    """The name of a process that exists: ``vm:e1028bd61290548:4247``."""
    host, place, fields = os.uname().nodename, _place(), _fields(pid)
    return f"{host}:{place}{fields[19]}:{pid}" if place and fields else f"{host}:{pid}"


def name_of_child(pid: int) -> str:
    """The name of a child of ours: ``vm:e1028bd61290548.1290540.4246:4247``."""
    name, ours = name_of(pid), name_of(os.getpid())
    host, *mark, _ = name.rsplit(":", 2)
    return f"{host}:{mark[0]}.{ours.split(':')[-2][8:]}.{os.getpid()}:{pid}" if mark else name


def state_of(name: str) -> str | None:
    """The process's state, a letter of proc_pid_stat(5). Empty: the process is gone. ``None``: not known here."""
    host, mark, number = name.rsplit(":", 2) if name.count(":") >= 2 else ("", "", "")
    start = mark.partition(".")[0]
    if start[:8] != _place() or host != os.uname().nodename or not number.isdecimal() or int(number) <= 1:
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
    """Whether the process of that name runs; ``None``: that cannot be known here."""
    state = state_of(name)
    return None if state is None else state not in ENDED


def command_lives(name: str) -> bool | None:
    """Whether the command of that name runs, or has ended and a parent that is stopped (SIGSTOP) will report that end;
    ``None``: that cannot be known here, or the end is being reported."""
    if (found := lives(name)) is not False:
        return found
    parent = state_of_parent(name)
    return True if parent == "T" else False if parent in ENDED else None


def state_of_parent(name: str) -> str | None:
    """``state_of`` the process that started the child of that name. If it has ended, no process reports that child's
    end."""
    host, mark, _ = name.rsplit(":", 2)
    start, *parent = mark.split(".")
    return state_of(f"{host}:{start[:8]}{parent[0]}:{parent[1]}") if len(parent) == 2 else None


def holds_us(name: str) -> bool:
    """Whether the process of that name is this process or one of its ancestors."""
    there, ours = int(name.rpartition(":")[2]) if lives(name) else 0, os.getpid()
    while there and ours != there and (fields := _fields(ours)):
        ours = int(fields[1])
    return ours == there


def targets_of(pid: int, *, own: int = 0) -> list[int]:
    """The targets, as kill(2) takes them, for a process and all that it has started in its session: the groups that one
    of these processes leads (timeout(1) makes one), and the group ``own``. Any other group is our caller's: of that,
    only these processes."""
    groups: dict[int, int] = {}
    with suppress(OSError, KeyError):  # it has ended
        groups[pid] = os.getpgid(pid)
        there = os.listdir("/proc") if _place() else ()  # there is none, or it tells of other processes
        seen = {int(one): fields for one in there if one.isdigit() and (fields := _fields(int(one)))}
        family = [pid]
        for one in family:  # the list grows meanwhile
            family += [other for other, fields in seen.items() if fields[1] == str(one) and other not in family]
        groups |= {one: int(seen[one][2]) for one in family if seen[one][3] == seen[pid][3]}
    return list(dict.fromkeys(-group if group == own or group in groups else one for one, group in groups.items()))


def own_group_of(name: str) -> int:
    """The process group of a child that lives. 0: its parent is in it, too, or has died, and a script may be in it."""
    _, mark, number = name.rsplit(":", 2)
    with suppress(ProcessLookupError):
        group = os.getpgid(int(number))
        return 0 if state_of_parent(name) in ENDED or os.getpgid(int(mark.rpartition(".")[2])) == group else group
    return 0


def _place() -> str | None:
    """8 digits for this boot and these name spaces, in which a pid of ours is valid; ``None``: not known."""
    from binascii import crc32  # a skip does not need it

    try:
        if os.readlink("/proc/self") != str(os.getpid()):  # the /proc of another name space
            return None
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            known = file.read()
        for space in ("pid", "time"):
            with suppress(FileNotFoundError):  # Linux has time name spaces since 5.6
                known += os.readlink(f"/proc/self/ns/{space}").encode()
    except OSError:
        return None
    return f"{crc32(known):08x}"


def _fields(pid: int) -> list[str] | None:
    """The fields of proc_pid_stat(5) from the third on: state, parent, group, ... ``None``: they cannot be read.

    The second field, a program's name, may hold blanks and brackets.
    """
    with suppress(OSError), open(f"/proc/{pid}/stat", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
        return fields if len(fields) > 19 else None
    return None


def end(*targets: int, asked: Collection[int] = ()) -> None:
    """End processes, or groups (less than zero, as in kill(2)), and wait until they are gone.

    Args:
        asked: signals by which they were asked to stop already. They first have their grace, and get these only once.
    """
    grace = [0] if asked else []  # signal 0 does nothing
    for number in (*grace, *{signal.SIGTERM}.difference(asked), signal.SIGKILL):
        for target in targets:
            tell(target, number)
        for _ in range(GRACE_MS // LOOK_AGAIN_MS):
            if not any(map(_any_runs, targets)):
                return
            SystemClock().sleep(LOOK_AGAIN_MS)


def tell(target: int, number: int) -> None:
    """Send a signal, if there is a process that we may signal. To be asked to stop, it has to run: it is continued."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(target, number)
        if number in STOPPING:
            os.kill(target, signal.SIGCONT)


def _any_runs(target: int) -> bool:
    try:
        os.kill(target, 0)
    except (ProcessLookupError, PermissionError):  # on macOS a zombie gives PermissionError
        return False
    if not _place():
        return True
    pids = filter(str.isdigit, os.listdir("/proc")) if target < 0 else (str(target),)
    seen = (_fields(int(pid)) for pid in pids)
    return any(one and one[0] not in ENDED and (target > 0 or one[2] == str(-target)) for one in seen)


#: Each line names a target to end. 0, the shell's own group with the shell, comes first and is ended last.
_KEEP: Final = """\
cd /; while read -r it; do all="$it $all"; done
[ "$all" ] || exit; trap "" $0
kill -TERM $all; kill -CONT $all; sleep 5; kill -KILL $all"""
#: The keeper blocks the signals that we pass on, and Ctrl-Z. Blocked signals stay pending, which shows that they came.
#: A shell that waits for a child may unblock them: then it ignores them.
_BLOCKED: Final = (*FORWARDED, signal.SIGTSTP)


class Keeper:
    """Ends a command if this process dies, and knows which signals were sent to all processes of ours.

    Args:
        apart: the keeper leads a process group, which the command joins. If False, it is in our group.

    Raises:
        OSError: there is no room for the pipe.
    """

    def __init__(self, *, apart: bool) -> None:
        self.group: int = 0  #: the keeper's process group. 0: there is no shell, and the command runs unguarded
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
        from holdoff.starters import children  # a skip does not need it

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
        except OSError:  # no shell, no room for one more process, or the group is gone
            pass
        finally:
            os.close(reader)

    def keep(self, target: int, *, written: bool = False) -> None:
        """Also end this target, as kill(2) takes it. 0: the keeper's own group, with all that is in it then.
        ``written``: the target wrote the line itself before it was executed, so that it was never without a guard."""
        self._lines += (line := f"{target}\n".encode())
        with suppress(OSError):
            os.write(self._pipe, b"" if written else line)

    def got(self, number: int) -> bool | None:
        """Whether the keeper got this signal, too: a terminal sends it to our group, a service manager to each process
        of a service. Then the command got it, too. Each signal is reported once. ``None``: not known."""
        with self._lock:
            if number in self._got:
                self._got.remove(number)
                return True
            pending = _pending(self._shell)
            if pending is not None and number in pending:
                self.forget(number)
            return None if pending is None else number in pending

    def forget(self, number: int) -> None:
        """Replace the shell by one that has not got this signal. Other signals that the old shell got are remembered: a
        service manager may send two at once, such as SIGTERM and SIGHUP."""
        with self._lock:
            shell, pipe, self._pipe = self._shell, self._pipe, -1
            if pipe < 0:
                return
            with suppress(OSError):  # no room for its pipe
                self._start(self.group)
                os.write(self._pipe, self._lines)
            before, after = (_pending(one) or set() for one in (shell, self._shell))
            self._got |= before - after - {number}  # a signal that both got is pending in the new one
            _end_shell(shell, pipe)

    def close(self) -> bool:
        """End the keeper: the command has ended, or is to go on without us. Returns whether this call ended it: then no
        other process has its group. (A signal handler may close it in the middle of this.)"""
        _kept.discard(self)
        with self._lock:
            pipe, self._pipe = self._pipe, -1
            if pipe >= 0:
                _end_shell(self._shell, pipe)
            return pipe >= 0


def _end_shell(shell: Child | None, pipe: int) -> None:
    if shell is not None:
        shell.kill()
        shell.wait()
    os.close(pipe)  # not earlier: the shell waits for the pipe's end


def _pending(shell: Child | None) -> set[int] | None:
    """The signals that are pending for a keeper's shell; ``None``: not known."""
    if shell is not None:
        with suppress(OSError), open(f"/proc/{shell.pid}/status") as file:
            for line in file:
                if line.startswith("ShdPnd:"):  # gVisor has none
                    return {number for number in _BLOCKED if int(line[7:], 16) >> (number - 1) & 1}
    return None


#: The keepers in use. ``atexit`` never forgets a function, so one function is registered for all keepers.
_kept: Final[set[Keeper]] = set()


@atexit.register
def _end_all() -> None:
    """A process that does not wait for its commands leaves them running."""
    for keeper in list(_kept):
        keeper.close()


def _after_fork_in_child() -> None:
    """Close our copies of the pipes of our parent's keepers: its commands have to end with our parent, not with us."""
    for keeper in _kept:
        with suppress(OSError):
            os.close(keeper._pipe)
        keeper._pipe = -1
    _kept.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
