"""A command of this machine as a starter: a child process, its output passed through."""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError, StartRefused
from holdoff.core.request import TOLD, Request
from holdoff.core.shown import shown_program
from holdoff.core.value import Value
from holdoff.signals import STOPPING, InTurn, handling, hear_of_children, wait_for
from holdoff.starters.processes import (
    Keeper,
    end,
    is_left,
    lives,
    name_of,
    name_of_child,
    own_group_of,
    owner_of,
    state_of,
    targets_of,
    tell,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Final

    from holdoff.starters.children import Child

#: What a terminal sends to every process in front of it, the command included.
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
#: A service manager sends to one process of a service after the other: how long until the last of them has got it.
ALL_TOLD_MS: Final = 100
#: Why no process could be made for now: too many of them or of their files, no memory, a program that is being written.
PASSING: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})
#: What a person has to do about a file that is there.
_HINTS: Final = {
    errno.EACCES: "Make it executable: chmod +x",
    errno.ENOENT: "It is there, but what its first line (#!) names is not, or that line ends as on Windows (CRLF)",
}
#: What git says to a hook of the one repository it is about (``git rev-parse --local-env-vars``; githooks(5)).
OF_A_REPOSITORY: Final = (
    "GIT_(DIR|WORK_TREE|IMPLICIT_WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PREFIX"
    "|CONFIG|CONFIG_(PARAMETERS|COUNT)|GRAFT_FILE|SHALLOW_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE"
    "|INTERNAL_SUPER_PREFIX|QUARANTINE_PATH|PUSH_OPTION_COUNT)"
)


class _Child(Value):
    """A command that runs.

    Attributes:
        parent: the process that started it: a fork has it here, but it is no child of that.
        group: its process group, if that is not ours.
        missed: the signals that came too early for it to get them from where we got them.
        told: the signals by which all of it was asked to stop.
    """

    process: Child | subprocess.Popen[bytes]
    keeper: Keeper
    parent: int
    group: int | None
    missed: list[int]
    told: list[int]

    def targets(self) -> Collection[int]:
        """What to tell or end of it, as kill(2) has it; nothing where it has ended: its number may be another's."""
        if self.process.poll() is not None:
            return ()
        family = targets_of(self.process.pid, own=self.group or 0)
        return dict.fromkeys((-self.group, *family)) if self.group else family


class Command:
    """Starts ``argv`` as a child process.

    The command finds HOLDOFF_PROJECT, HOLDOFF_REGION, HOLDOFF_TOKEN and, where they are known, HOLDOFF_KEY,
    HOLDOFF_REASON, HOLDOFF_SOURCE_VERSION and HOLDOFF_LINE in its environment.

    No service remembers its token: there is no ``find``, and if this process is killed between the start and the
    confirm, a take-over runs the command again. On the same machine it is known for certain whether the process that
    claimed a start still lives, and whether a command still runs, whatever their leases say (see ``processes``).

    Where no process was made, there certainly is no build; an error that passes by itself (PASSING) is worth a retry.
    A process is a build, and one that ends with another status than 0 has failed.

    As a job of a terminal, in front or behind, the command stays in this process's group: Ctrl-C and Ctrl-Z reach all
    of it, also after ``fg``, and it may ask for a password. Elsewhere the command has a group of its own. A signal that
    asks this process to stop is passed on to all that the command has started in its session, others to the command. A
    signal that a service manager or a terminal has sent to the command too is not passed on. Signals that this process
    ignores (``nohup``, a shell's background) stay ignored. If this process is killed, the command is ended; if it exits
    without waiting, the command goes on.

    Args:
        argv: the program and its arguments; no shell. A script without ``#!`` is run by ``/bin/sh``, as execvp(3) does.
        stdout: a file descriptor for its output; this process's own unless given.
        folder: where it runs, without the variables that git sets for a hook; this process's own folder unless given.

    Attributes:
        came: the signals that came; those that came before ``wait`` are passed on when it begins in the main thread.
        refused: why the last start was refused.
        interrupted: whether the last command that was waited for died of SIGINT.
    """

    #: ``cancel`` takes twice the grace at most; starting a process takes no time to speak of.
    start_budget_ms = 15_000
    #: Renewed while we wait for it; what a killed process leaves elsewhere runs out after this.
    build_lease_ms = 60_000

    def __init__(self, argv: Sequence[str], *, stdout: int | None = None, folder: str | None = None) -> None:
        is_list = isinstance(argv, list | tuple) and all(isinstance(arg, str) for arg in argv)
        if not is_list or not argv or not argv[0] or "\0" in "".join(argv):
            want = "a list of a program and its arguments, such as ['make', 'docs'], with no NUL in them"
            raise ConfigError(field="command", got=argv, want=want)
        self.argv: list[str] = list(argv)
        self.stdout = stdout
        self.folder = folder
        self.came: list[int] = []
        self.refused: OSError | ValueError | None = None
        self.interrupted: bool = False
        self._interrupts = False
        self._children: dict[str, _Child] = {}  # by build id

    def start(self, request: Request, token: str) -> str:
        """Start the process; its id is its name (``processes.name_of_child``)."""
        own_group = not _is_job_of_terminal()
        hear_of_children()
        self._let_go()
        try:
            keeper = Keeper(apart=own_group)
        except OSError as error:  # no room for its pipe
            raise self._refusal(error) from None
        alone = not own_group and os.getpgrp() != os.getpid()  # a script's group, which goes on without us
        if not alone:
            keeper.keep(0)
        try:
            process = self._spawn(
                _environment(request, token, self.folder),
                group=keeper.group if own_group else None,
                before=(lambda: keeper.keep(os.getpid())) if alone else None,
            )
        except (OSError, ValueError) as error:
            keeper.close()
            raise self._refusal(error) from None  # its words have the name
        if alone:
            keeper.keep(process.pid, told=True)
        keeper.keep(-process.pid)  # a group of its own, if it makes one
        group = (keeper.group or process.pid) if own_group else None
        build_id = name_of_child(process.pid)
        self._children[build_id] = _Child(
            process=process, keeper=keeper, parent=os.getpid(), group=group, missed=self.came.copy(), told=[]
        )
        return build_id

    def _let_go(self) -> None:
        """Of commands that have ended and are not waited for, leave no process and no pipe behind."""
        for child in list(self._children.values()):
            if child.parent == os.getpid() and child.process.poll() is not None:
                child.keeper.close()

    def _refusal(self, error: OSError | ValueError) -> StartRefused:
        self.refused = error
        why, passes = getattr(error, "strerror", None) or error, getattr(error, "errno", None) in PASSING
        message = f"cannot run {shown_program(self.argv[0])!r}: {why}"
        return StartRefused(message, hint=self._hint(error), worth_retrying=passes)

    def _hint(self, error: OSError | ValueError) -> str | None:
        """What to do about a file that is there, and is no program."""
        program = self.argv[0]
        if not isinstance(error, OSError) or not os.path.isfile(os.path.join(self.folder or "", program)):  # noqa: PTH113, PTH118
            return None
        if not os.path.dirname(program):  # noqa: PTH120
            return f"Of the one in this folder write the path: ./{program}"
        return _HINTS.get(error.errno or 0)

    def _spawn(self, env: dict[str, str], **how: Any) -> Child | subprocess.Popen[bytes]:
        paths = paths_of(self.argv[0], env)
        # Where there is none, never the bare name: to the system that is a file of the working directory.
        none = self.argv[0] if self.folder else next(filter(os.path.isfile, paths), paths[0])
        program = next(filter(_is_program, paths), none)
        try:
            return self._execute(program, self.argv, env, **how)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        return self._execute("/bin/sh", ["/bin/sh", program, *self.argv[1:]], env, **how)

    def _execute(
        self, program: str, argv: list[str], env: dict[str, str], group: int | None, before: Callable[[], None] | None
    ) -> Child | subprocess.Popen[bytes]:
        """What we inherited is the command's, too, such as make's jobserver."""
        if self.folder is None and before is None:
            from holdoff.starters import children  # not wanted by those who are skipped

            files = [] if self.stdout is None else [(os.POSIX_SPAWN_DUP2, self.stdout, 1)]
            return children.start(program, argv, env, files=files, group=group)
        import subprocess

        return subprocess.Popen(
            argv,
            executable=program,
            env=env,
            stdout=self.stdout,
            cwd=self.folder,
            process_group=group,
            preexec_fn=before,
            close_fds=False,
        )

    def _child(self, build_id: str) -> _Child | None:
        child = self._children.get(build_id)
        return child if child is not None and child.parent == os.getpid() else None

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: not a child of this process."""
        child = self._child(build_id)
        if child is None:
            return None
        self._let_go()
        code = child.process.poll()
        return "running" if code is None else "failed" if code else "succeeded"

    def lives(self, build_id: str) -> bool | None:
        """Whether it runs, whatever its lease says; ``None``: it is not of this machine, or its end is being told."""
        return True if (runs := lives(build_id)) else False if runs is False and is_left(build_id) else None

    def claimant(self) -> str:
        """What names this process, as JSON: kept with a claim of it."""
        return f'"{name_of(os.getpid())}"'

    def claims(self, claimant: str) -> bool | None:
        """Whether the process of that name is still about to start what it claimed, whatever its lease says: dead it is
        not, stopped (SIGSTOP) it is; ``None``: its lease tells."""
        state = state_of(claimant.strip('"'))
        return True if state == "T" else False if state in {"", "Z", "X"} else None

    def stop(self, build_id: str, number: int = signal.SIGTERM) -> None:
        """Ask it to end, by SIGTERM or the signal that asked us.

        Raises:
            LookupError: it is not a child of this process.
        """
        child = self._child(build_id)
        if child is None:
            raise LookupError(f"{build_id} is not a child of this process")
        self._send(child, number)

    def cancel(self, build_id: str) -> None:
        """End it, by SIGTERM, or SIGKILL if it does not go: when this returns, it runs no more. It may be any process's
        child, on this machine.

        Raises:
            LookupError: it does not run here.
            PermissionError: it is another user's.
        """
        child = self._child(build_id)
        if child is None and not lives(build_id):
            raise LookupError(f"{build_id} does not run here")
        with suppress(ProcessLookupError):
            if child is not None:
                child.keeper.close()
                end(*child.targets())
            else:
                end(*targets_of(int(build_id.rpartition(":")[2]), own=own_group_of(build_id)))
        if lives(build_id):
            raise PermissionError(f"{build_id} could not be ended")

    def why_left(self, build_id: str) -> str:
        """Why ``cancel`` did not end it, as words that follow its name."""
        if lives(build_id) is None:
            return "runs on another machine or in another container, and cannot be ended from here"
        owner = owner_of(build_id)
        return f"belongs to the user {owner}, and may not be ended by this one" if owner else "could not be ended"

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        """Block until it ended; its exit status, 128 + N for signal N. ``None``: not a child of this process.

        Calls ``beat()`` from another thread every ``every_ms`` milliseconds meanwhile.
        """
        child = self._child(build_id)
        if child is None:
            return None

        forward = InTurn(lambda number: self._send(child, number, forward), self.came)
        with handling(forward) as is_main, _beating(beat, every_ms / 1000):
            if is_main:  # else who handles signals passes these on, too (``stop``)
                forward.go_on()
            code = wait_for(child.process)
            kept = child.keeper.close()
            if kept and child.told and child.group:
                end(-child.group, told=child.told)
            self.came[:] = [number for number in self.came if number in STOPPING]  # what comes next is to end, too
        self._children.pop(build_id, None)  # of many threads that wait for it, the first
        self.interrupted = code == -signal.SIGINT
        return code if code >= 0 else 128 - code

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the signals that come while no command runs; the next one gets them as soon as it runs.

        Between a claim and its start they only wait in ``came``: a start half done would leave a command that no
        process looks after.

        Raises:
            KeyboardInterrupt: at the end, where the last command died of SIGINT. So a shell's loop around us stops.
        """
        with handling(self._hold):
            yield
        if self.interrupted:
            raise KeyboardInterrupt(signal.SIGINT)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While ``holding``: raise ``KeyboardInterrupt`` with the number of what came, or comes meanwhile."""
        self._interrupts = True
        try:
            if self.came:
                raise KeyboardInterrupt(self.came[0])
            yield
        finally:
            self._interrupts = False

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        if number not in self.came:  # as ``InTurn`` has it
            self.came.append(number)
        if self._interrupts:
            raise KeyboardInterrupt(number)

    def _send(self, child: _Child, number: int, came_by: InTurn | None = None) -> None:
        """Pass a signal on to the child, unless it got it from where we did."""
        if number in STOPPING:
            child.told.append(number)
        if number in child.missed:
            child.missed.remove(number)
        elif self._got_it_too(child, number):
            return
        if came_by is not None:
            came_by.current = 0  # from here on, the same one is another
        if number in STOPPING:
            for target in child.targets():
                tell(target, number)
            if child.group:
                child.keeper.forget(number)
        elif child.process.poll() is None:
            tell(child.process.pid, number)

    def _got_it_too(self, child: _Child, number: int) -> bool:
        with suppress(ProcessLookupError):  # it has just ended
            if not child.group and os.getpgid(child.process.pid) != os.getpgrp():
                return False  # such as timeout(1), which no terminal tells
        got = child.keeper.got(number)
        if got is False:
            SystemClock().sleep(ALL_TOLD_MS)
            got = child.keeper.got(number)
        return number in FROM_TERMINAL and not child.group if got is None else got


def paths_of(program: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """The paths at which a program of that name is looked for, in this environment or ours. No name is no program."""
    known = os.environ if environment is None else environment
    path = "" if os.path.dirname(program) or not program else known.get("PATH", os.defpath)  # noqa: PTH120
    folders = path.split(os.pathsep)  # os.get_exec_path does the same, and imports warnings
    return [os.path.join(folder, program) for folder in folders]  # noqa: PTH118


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113


def _is_job_of_terminal() -> bool:
    """Whether a terminal's Ctrl-C goes to our process group, or will once our shell brings that to the front."""
    with suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123
        return os.getpgrp() in {os.tcgetpgrp(terminal.fileno()), os.getpid()}
    return False


def _environment(request: Request, token: str, folder: str | None) -> dict[str, str]:
    """The caller's own, the request's own, and what it is about; what is not known now does not come from a run around
    this one. Nor does a variable without a name, which posix_spawn(3) refuses."""
    about = {"": None, "HOLDOFF_TOKEN": token, **{f"HOLDOFF_{name.upper()}": getattr(request, name) for name in TOLD}}
    inherited = {name: value for name, value in os.environ.items() if name not in about}
    if "LC_CTYPE" in inherited:
        _uncoerce(inherited)
    if folder is not None:
        inherited = {name: value for name, value in inherited.items() if not re.fullmatch(OF_A_REPOSITORY, name)}
        inherited["PWD"] = folder
    return inherited | dict(request.environment) | {name: value for name, value in about.items() if value}


def _uncoerce(environment: dict[str, str]) -> None:
    """Take back what Python sets in a C locale, for itself and all its children (PEP 538). As the process was started
    stands in proc_pid_environ(5)."""
    if environment["LC_CTYPE"] not in {"C.UTF-8", "C.utf8", "UTF-8"}:
        return
    with suppress(OSError), open("/proc/self/environ", "rb") as file:  # noqa: PTH123  (pathlib is slow to import)
        given = [pair for pair in file.read().split(b"\0") if pair.startswith(b"LC_CTYPE=")]
        del environment["LC_CTYPE"]
        if given:
            environment["LC_CTYPE"] = os.fsdecode(given[0].partition(b"=")[2])


@contextmanager
def _beating(beat: Callable[[], None], seconds: float) -> Iterator[None]:
    ended = threading.Event()

    def beats() -> None:
        while not ended.wait(seconds):
            beat()

    thread = threading.Thread(target=beats, name="holdoff-lease", daemon=True)
    with suppress(RuntimeError):  # no room for a thread: the command runs, and this machine knows that without a lease
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()
