"""A command of this machine as a starter: a child process, its output passed through."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Final

from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError, StartRefused
from holdoff.core.request import Request
from holdoff.signals import handling, wait_for

if TYPE_CHECKING:
    import subprocess
    from contextlib import AbstractContextManager

#: What a terminal sends to every process in front of it, the command included.
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
#: How long the rest of a process group may take to go once its leader has gone by a signal of ours.
GRACE_MS: Final = 5_000
LOOK_AGAIN_MS: Final = 20


class Command:
    """Starts ``argv`` as a child process.

    The command finds HOLDOFF_PROJECT, HOLDOFF_REGION, HOLDOFF_TOKEN and, where they are known, HOLDOFF_KEY,
    HOLDOFF_REASON, HOLDOFF_SOURCE_VERSION and HOLDOFF_LINE in its environment.

    No service remembers its token, and no other process knows its children: there is no ``find``, and if this process
    is killed between the start and the confirm, a take-over runs the command again. Starting a process and sending a
    signal take no time to speak of; the budget allows for a machine that is short of memory.

    In front of a terminal it stays in our process group, so that the terminal's Ctrl-C and Ctrl-Z reach all of it, and
    it may ask the person there for a password; a SIGTERM or SIGHUP sent to us alone is passed on to the command alone.
    Elsewhere it leads a group of its own, and signals that we get are passed on to the whole group. Signals that we
    ignore (``nohup``, a shell's background) stay ignored.

    Args:
        argv: the program and its arguments; no shell.
        stdout: a file descriptor for its output; ours unless given.
        folder: where it runs; where we do unless given.

    Attributes:
        came: the signals that came; those that came before ``wait`` are passed on when it begins.
        refused: why the last start was refused.
    """

    start_budget_ms = 5_000
    #: Renewed while we wait for it; what a killed process leaves runs out after this.
    build_lease_ms = 60_000

    def __init__(self, argv: Sequence[str], *, stdout: int | None = None, folder: str | None = None) -> None:
        if isinstance(argv, str) or not argv or not all(isinstance(arg, str) for arg in argv):
            raise ConfigError(
                field="command", got=argv, want="a list of a program and its arguments, such as ['make', 'docs']"
            )
        self.argv = list(argv)
        self.stdout = stdout
        self.folder = folder
        self.own_group = True
        self.came: list[int] = []
        self.refused: OSError | ValueError | None = None
        self._interrupts = False
        #: By build id. Each with the process that started it (a fork has them here, but they are not its children), and
        #: with how many of the signals that came were too early for it to get them from the terminal.
        self._children: dict[str, tuple[int, subprocess.Popen[bytes], int]] = {}

    def start(self, request: Request, token: str) -> str:
        """Start the process; its id is ``HOST:PID``."""
        import subprocess  # slow to import, and not wanted by those who are skipped

        self.own_group = not _in_front_of_terminal()
        try:
            child = subprocess.Popen(
                self.argv,
                env=_environment(request, token),
                stdout=self.stdout,
                cwd=self.folder,
                process_group=0 if self.own_group else None,
                close_fds=False,  # what we inherited is the command's, such as make's jobserver
            )
        except (OSError, ValueError) as error:
            self.refused = error
            raise StartRefused(f"cannot run {self.argv[0]!r}: {getattr(error, 'strerror', None) or error}") from error
        build_id = f"{os.uname().nodename}:{child.pid}"
        self._children[build_id] = (os.getpid(), child, len(self.came))
        return build_id

    def _child(self, build_id: str) -> subprocess.Popen[bytes] | None:
        parent, child, _ = self._children.get(build_id, (0, None, 0))
        return child if parent == os.getpid() else None

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: not a child of this process."""
        child = self._child(build_id)
        if child is None:
            return None
        code = child.poll()
        return "running" if code is None else "failed" if code else "succeeded"

    def cancel(self, build_id: str) -> None:
        """Ask it to stop (SIGTERM).

        Raises:
            LookupError: it is not a child of this process.
        """
        child = self._child(build_id)
        if child is None:
            raise LookupError(f"{build_id} is not a child of this process")
        self._send(child, signal.SIGTERM)

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        """Block until it ended; its exit status, 128 + N for signal N. ``None``: not a child of this process.

        Calls ``beat()`` from another thread every ``every_ms`` milliseconds meanwhile.
        """
        child = self._child(build_id)
        if child is None:
            return None
        missed = self._children[build_id][2]

        def forward(number: int, _frame: FrameType | None) -> None:
            self.came.append(number)
            self._send(child, number)

        with handling(forward), _beating(beat, every_ms / 1000):
            for place, number in enumerate(tuple(self.came)):
                self._send(child, number, is_missed=place < missed)
            code = wait_for(child)
            if self.came and self.own_group:
                _end_group(child.pid)
        del self._children[build_id]
        return code if code >= 0 else 128 - code

    def holding(self) -> AbstractContextManager[None]:
        """Hold the signals that come while no command runs; the next one gets them as soon as it runs.

        Between a claim and its start they only wait in ``came``: a start half done would leave a command that no
        process looks after.
        """
        return handling(self._hold)

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
        self.came.append(number)
        if self._interrupts:
            raise KeyboardInterrupt(number)

    def _send(self, child: subprocess.Popen[bytes], number: int, *, is_missed: bool = False) -> None:
        """Pass a signal on to the child, unless it had it from the terminal itself."""
        if number in FROM_TERMINAL and not self.own_group and not is_missed:
            return
        with suppress(ProcessLookupError):
            if self.own_group:
                os.killpg(child.pid, number)
            else:
                child.send_signal(number)


def _in_front_of_terminal() -> bool:
    """Whether a terminal's Ctrl-C goes to our process group, whatever our standard streams lead to."""
    with suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    return False


def _environment(request: Request, token: str) -> dict[str, str]:
    """Ours, the request's own, and what it is about; what is not known now does not come from a run around this one."""
    told = ("project", "region", "key", "reason", "source_version", "line")
    about = {"HOLDOFF_TOKEN": token, **{f"HOLDOFF_{name.upper()}": getattr(request, name) for name in told}}
    inherited = {name: value for name, value in os.environ.items() if name not in about}
    return inherited | dict(request.environment) | {name: value for name, value in about.items() if value}


@contextmanager
def _beating(beat: Callable[[], None], seconds: float) -> Iterator[None]:
    ended = threading.Event()

    def beats() -> None:
        while not ended.wait(seconds):
            beat()

    thread = threading.Thread(target=beats, name="holdoff-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _end_group(group: int) -> None:
    """End what a group's leader left behind when it went by a signal of ours."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            return
        for _ in range(GRACE_MS // LOOK_AGAIN_MS):
            if not _is_alive(group):
                return
            SystemClock().sleep(LOOK_AGAIN_MS)


def _is_alive(group: int) -> bool:
    """Whether any process of the group still runs. Zombies do not: in a container they may stay for ever."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        return False
    if not os.path.exists("/proc/self/stat"):  # noqa: PTH110  (pathlib is slow to import)
        return True
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        # One that goes while we look has gone. See proc_pid_stat(5).
        with suppress(OSError, ValueError), open(f"/proc/{pid}/stat", errors="replace") as stat:  # noqa: PTH123
            state, _parent, its_group, *_ = stat.read().rpartition(")")[2].split()
            if int(its_group) == group and state not in {"Z", "X"}:
                return True
    return False
