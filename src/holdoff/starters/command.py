"""A command of this machine as a starter: a child process, whose output goes where this process's output goes."""

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
from holdoff.core.request import TOKEN_VARIABLE, TOLD, Request
from holdoff.core.shown import shown_program
from holdoff.core.value import Value
from holdoff.signals import STOPPING, InTurn, handling, hear_of_children, wait_for
from holdoff.starters import processes
from holdoff.starters.processes import Keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Final

    from holdoff.starters.children import Child

#: Signals that a terminal sends to every process in its foreground, the command included.
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
#: A service manager signals one process of a service after the other. This is how long that takes at most.
ALL_SIGNALLED_MS: Final = 100
#: Errors that pass by themselves: too many processes or open files, no memory, a program that is being written.
PASSING: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})
#: What a person has to do about a program file that exists.
_HINTS: Final = {
    errno.EACCES: "Make it executable: chmod +x",
    errno.ENOENT: "It is there, but what its first line (#!) names is not, or that line ends as on Windows (CRLF)",
}
#: The variables by which git tells a hook its repository (``git rev-parse --local-env-vars``; githooks(5)).
OF_A_REPOSITORY: Final = (
    "GIT_(DIR|WORK_TREE|IMPLICIT_WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PREFIX"
    "|CONFIG|CONFIG_(PARAMETERS|COUNT)|GRAFT_FILE|SHALLOW_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE"
    "|INTERNAL_SUPER_PREFIX|QUARANTINE_PATH|PUSH_OPTION_COUNT)"
)


class _Child(Value):
    """A running command."""

    process: Child | subprocess.Popen[bytes]
    keeper: Keeper
    parent: int  #: the process that started it. A fork of that process has this object, but not the child
    group: int | None  #: its process group, if that is not ours
    missed: list[int]  #: signals that came before it was started, so their sender cannot have sent them to it
    asked: list[int]  #: signals by which it was asked to stop

    def targets(self) -> Collection[int]:
        """The targets to signal, as kill(2) takes them. None if it has ended: its pid may be another process's."""
        if self.process.poll() is not None:
            return ()
        family = processes.targets_of(self.process.pid, own=self.group or 0)
        return dict.fromkeys((-self.group, *family)) if self.group else family


class Command:
    """Starts ``argv`` as a child process. The methods that gates use are described in ``starters.base``.

    The command's environment has HOLDOFF_PROJECT, HOLDOFF_REGION, HOLDOFF_TOKEN and, if they are known, HOLDOFF_KEY,
    HOLDOFF_REASON, HOLDOFF_SOURCE_VERSION and HOLDOFF_LINE.

    No service remembers the token, so there is no ``find``: if this process is killed between the start and the
    confirm, a take-over runs the command again. On the same machine, ``processes`` knows for certain whether the
    process that claimed a start lives, and whether a command runs. That counts more than their leases.

    A process is a build. If no process was made, there certainly is no build; an error that passes by itself (PASSING)
    is worth a retry. A build whose exit status is not 0 has failed.

    As a job of a terminal, in foreground or background, the command stays in this process's group: Ctrl-C and Ctrl-Z
    reach all of it, also after ``fg``, and it may ask for a password. Otherwise the command has its own group. A signal
    that asks this process to stop is passed on to all that the command has started in its session, other signals to the
    command only. A signal that a service manager or a terminal has also sent to the command is not passed on. Signals
    that this process ignores (``nohup``, a shell's background) stay ignored. If this process is killed, or ends by
    ``os._exit`` as workers of Celery and ``multiprocessing`` do, the command is ended; if it exits without waiting, the
    command goes on.

    Args:
        argv: the program and its arguments; no shell. A script without ``#!`` is run by ``/bin/sh``, as execvp(3) does.
        stdout: a file descriptor for the command's output. Default: this process's own output.
        folder: where the command runs, without the variables that git sets for a hook. Default: the working directory.

    Attributes:
        came: the signals that came. Those from before ``wait`` are passed on when it begins in the main thread.
        refused: why the last start was refused.
        interrupted: whether the last command that was waited for died of SIGINT.
    """

    #: ``cancel`` takes twice the grace at most; the start itself takes hardly any time.
    start_budget_ms = 15_000
    #: Renewed while a gate waits for the command. After this time the build of a killed process counts as ended.
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
        """Start the process. The build's id is the process's name (``processes.name_of_child``)."""
        if request.parameters and not request.parameters.startswith('"'):  # no claimant's name
            from holdoff.starters.base import frozen_by_another

            raise frozen_by_another(request, "a command")
        own_group = not _is_job_of_terminal()
        hear_of_children()
        self._let_go()
        try:
            keeper = Keeper(apart=own_group)
        except OSError as error:  # no room for its pipe
            raise self._refusal(error) from None
        alone = not own_group and os.getpgrp() != os.getpid()  # the group is a script's, and the script goes on
        if not alone:
            keeper.keep(0)
        try:
            process = self._spawn(
                _environment(request, token, self.folder),
                group=keeper.group if own_group else None,
                before=(lambda: keeper.keep(os.getpid())) if alone else None,
            )
            missed = self.came.copy()  # not later: by then a sender may have told the command, too
        except (OSError, ValueError) as error:
            keeper.close()
            raise self._refusal(error) from None  # its message has the name
        if alone:
            keeper.keep(process.pid, written=True)
        keeper.keep(-process.pid)  # a group of its own, if it makes one
        group = (keeper.group or process.pid) if own_group else None
        build_id = processes.name_of_child(process.pid)
        self._children[build_id] = _Child(
            process=process, keeper=keeper, parent=os.getpid(), group=group, missed=missed, asked=[]
        )
        return build_id

    def _let_go(self) -> None:
        """Reap commands that have ended without being waited for, and close their keepers."""
        for child in list(self._children.values()):
            if child.parent == os.getpid() and child.process.poll() is not None:
                child.keeper.close()

    def _refusal(self, error: OSError | ValueError) -> StartRefused:
        self.refused = error
        why, passes = getattr(error, "strerror", None) or error, getattr(error, "errno", None) in PASSING
        message = f"cannot run {shown_program(self.argv[0])!r}: {why}"
        return StartRefused(message, hint=self._hint(error), worth_retrying=passes)

    def _hint(self, error: OSError | ValueError) -> str | None:
        """What to do about a file that exists and is no program."""
        program = self.argv[0]
        if not isinstance(error, OSError) or not os.path.isfile(os.path.join(self.folder or "", program)):
            return None
        if not os.path.dirname(program):
            return f"Of the one in this folder write the path: ./{program}"
        return _HINTS.get(error.errno or 0)

    def _spawn(self, env: dict[str, str], **how: Any) -> Child | subprocess.Popen[bytes]:
        paths = paths_of(self.argv[0], env)
        # If there is none, never the bare name: to the system that is a file of the working directory.
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
        """Run the program. It inherits what this process inherited, such as make's jobserver."""
        if self.folder is None and before is None:
            from holdoff.starters import children  # a skip does not need it

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
        """``running``, ``succeeded`` or ``failed``; ``None``: it is no child of this process."""
        child = self._child(build_id)
        if child is None:
            return None
        self._let_go()
        code = child.process.poll()
        return "running" if code is None else "failed" if code else "succeeded"

    def lives(self, build_id: str) -> bool | None:
        """Whether it runs, in spite of its lease; ``None``: it is of another machine, or its end is being reported."""
        return processes.command_lives(build_id)

    def claimant(self) -> str:
        """The name of this process, as JSON. It is kept with a claim."""
        return f'"{processes.name_of(os.getpid())}"'

    def claims(self, claimant: str) -> bool | None:
        """Whether the process of that name will still start what it claimed, in spite of its lease. False: it is dead.
        True: it is stopped (SIGSTOP). ``None``: its lease decides."""
        state = processes.state_of(claimant.strip('"'))
        return True if state == "T" else False if state in processes.ENDED else None

    def stop(self, build_id: str, number: int = signal.SIGTERM) -> None:
        """Ask the command to stop, by the signal that asked this process to. ``LookupError``: it is no child of this
        process."""
        child = self._child(build_id)
        if child is None:
            raise LookupError(f"{build_id} is not a child of this process")
        self._send(child, number)

    def cancel(self, build_id: str) -> None:
        """End the command by SIGTERM, and by SIGKILL if it goes on after that. When this returns, the command runs no
        more. It may be a child of any process of this machine.

        Raises:
            LookupError: the build is not known here.
            PermissionError: the process is another user's.
        """
        child = self._child(build_id)
        if child is None and not (lives := processes.lives(build_id)):
            if lives is False:
                return  # it has ended, and its end is not reported yet
            raise LookupError(f"{build_id} is not known here")
        with suppress(ProcessLookupError):
            if child is not None:
                child.keeper.close()
                targets = child.targets()
            else:
                own_group = processes.own_group_of(build_id)
                targets = processes.targets_of(int(build_id.rpartition(":")[2]), own=own_group)
            processes.end(*targets)
        if processes.lives(build_id):
            raise PermissionError(f"{build_id} could not be ended")

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        """Wait for the command. The exit status is 128 + N if signal N ended it. ``beat()`` is called from another
        thread."""
        child = self._child(build_id)
        if child is None:
            return None
        forward = InTurn(lambda number: self._send(child, number, forward), self.came)
        with handling(forward) as is_main, _beating(beat, every_ms / 1000):
            if is_main:  # otherwise the handler of signals passes these on, too (``stop``)
                forward.go_on()
            code = wait_for(child.process.wait)
            kept = child.keeper.close()
            if kept and child.asked and child.group:
                processes.end(-child.group, asked=child.asked)
            self.came[:] = [number for number in self.came if number in STOPPING]  # the next command is to end, too
        self._children.pop(build_id, None)  # several threads may have waited for it
        self.interrupted = code == -signal.SIGINT
        return code if code >= 0 else 128 - code

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the signals that come while no command runs. The next command gets them as soon as it runs.

        Between a claim and its start they only wait in ``came``: half a start would leave a command that no process
        looks after.

        Raises:
            KeyboardInterrupt: at the end, if the last command died of SIGINT. So a shell's loop around this stops.
        """
        with handling(self._hold):
            yield
        if self.interrupted:
            raise KeyboardInterrupt(signal.SIGINT)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While ``holding``: raise ``KeyboardInterrupt`` with the number of a signal that came, or comes meanwhile."""
        self._interrupts = True
        try:
            if self.came:
                raise KeyboardInterrupt(self.came[0])
            yield
        finally:
            self._interrupts = False

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        if number not in self.came:  # the same signal again counts once, as in ``InTurn``
            self.came.append(number)
        if self._interrupts:
            raise KeyboardInterrupt(number)

    def _send(self, child: _Child, number: int, came_by: InTurn | None = None) -> None:
        """Pass a signal on to the child, unless its sender has sent it to the child, too."""
        if number in STOPPING:
            child.asked.append(number)
        if number in child.missed:
            child.missed.remove(number)
        elif self._got_it_too(child, number):
            return
        if came_by is not None:
            came_by.current = 0  # from here on, the same signal counts again
        if number in STOPPING:
            for target in child.targets():
                processes.tell(target, number)
            if child.group:
                child.keeper.forget(number)
        elif child.process.poll() is None:
            processes.tell(child.process.pid, number)

    def _got_it_too(self, child: _Child, number: int) -> bool:
        with suppress(ProcessLookupError):  # it has just ended
            if not child.group and os.getpgid(child.process.pid) != os.getpgrp():
                return False  # such as timeout(1), which gets no signal of the terminal
        got = child.keeper.got(number)
        if got is False:
            SystemClock().sleep(ALL_SIGNALLED_MS)
            got = child.keeper.got(number)
        return number in FROM_TERMINAL and not child.group if got is None else got


def paths_of(program: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """The paths at which a program of that name is searched, in this environment or ours. No name is no program."""
    known = os.environ if environment is None else environment
    path = "" if os.path.dirname(program) or not program else known.get("PATH", os.defpath)
    folders = path.split(os.pathsep)  # not os.get_exec_path, which imports warnings
    return [os.path.join(folder, program) for folder in folders]


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _is_job_of_terminal() -> bool:
    """Whether a terminal's Ctrl-C goes to our process group, or will when the shell brings it to the foreground."""
    with suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:
        return os.getpgrp() in {os.tcgetpgrp(terminal.fileno()), os.getpid()}
    return False


def _environment(request: Request, token: str, folder: str | None) -> dict[str, str]:
    """The caller's variables (without those of an outer run), the request's variables, and Holdoff's own."""
    about = {TOKEN_VARIABLE: token} | {name: getattr(request, field) for name, field in TOLD.items()}
    inherited = {name: value for name, value in os.environ.items() if name not in about}
    if "LC_CTYPE" in inherited:
        _uncoerce(inherited)
    if folder is not None:
        inherited = {name: value for name, value in inherited.items() if not re.fullmatch(OF_A_REPOSITORY, name)}
        inherited["PWD"] = folder
    told = dict(request.environment) | {name: value for name, value in about.items() if value}
    # In UTF-8 in every locale: in another one a reason with an emoji would be refused again and again.
    return inherited | {name: os.fsdecode(value.encode("utf-8", "surrogateescape")) for name, value in told.items()}


def _uncoerce(environment: dict[str, str]) -> None:
    """Undo what Python sets in a C locale, for itself and all its children (PEP 538). proc_pid_environ(5) has the
    variables as the process was started."""
    if environment["LC_CTYPE"] not in {"C.UTF-8", "C.utf8", "UTF-8"}:
        return
    with suppress(OSError), open("/proc/self/environ", "rb") as file:
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
    with suppress(RuntimeError):  # no room for a thread: the command runs, which this machine knows without a lease
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()
