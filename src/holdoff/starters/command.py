"""A command of this machine as a starter: a child process, its output passed through."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError, StartRefused
from holdoff.signals import handling, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from holdoff.core.record import Request

#: What a terminal sends to every process in front of it, the command included.
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
#: How long the rest of a process group may take to go once its leader has gone by a signal of ours.
GRACE_MS: Final = 5_000
LOOK_AGAIN_MS: Final = 20


class Command:
    """Starts ``argv`` as a child process.

    The command finds HOLDOFF_PROJECT, HOLDOFF_REGION, HOLDOFF_TOKEN and, where they are known, HOLDOFF_REASON and
    HOLDOFF_SOURCE_VERSION in its environment. No service remembers its token: if this process is killed between the
    start and the confirm, a take-over runs the command again.

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

    def __init__(
        self, argv: Sequence[str], *, stdout: int | None = None, folder: str | None = None
    ) -> None:
        if isinstance(argv, str) or not argv or not all(isinstance(arg, str) for arg in argv):
            want = "a list of a program and its arguments, such as ['make', 'docs']"
            raise ConfigError(field="command", got=argv, want=want)
        self.argv = list(argv)
        self.stdout = stdout
        self.folder = folder
        self.own_group = True
        self.came: list[int] = []
        self.refused: OSError | ValueError | None = None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        #: How many of the signals that came were too early for a child to get them from the terminal.
        self._missed: dict[str, int] = {}

    def start(self, request: Request, token: str) -> str:
        """Start the process; its id is ``HOST:PID``."""
        import subprocess  # slow to import, and not wanted by those who are skipped

        self.own_group = not _in_front_of_terminal()
        try:
            child = subprocess.Popen(
                self.argv,
                env=os.environ | _environment(request, token),
                stdout=self.stdout,
                cwd=self.folder,
                process_group=0 if self.own_group else None,
                close_fds=False,  # what we inherited is the command's, such as make's jobserver
            )
        except (OSError, ValueError) as error:
            self.refused = error
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StartRefused(f"cannot run {self.argv[0]!r}: {why}") from error
        build_id = f"{os.uname().nodename}:{child.pid}"
        self._children[build_id], self._missed[build_id] = child, len(self.came)
        return build_id

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: not a child of this process."""
        child = self._children.get(build_id)
        if child is None:
            return None
        code = child.poll()
        return "running" if code is None else "failed" if code else "succeeded"

    def cancel(self, build_id: str) -> None:
        """Ask it to stop (SIGTERM).

        Raises:
            LookupError: it is not a child of this process.
        """
        child = self._children.get(build_id)
        if child is None:
            raise LookupError(f"{build_id} is not a child of this process")
        self._send(child, signal.SIGTERM)

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        """Block until it ended; its exit status, 128 + N for signal N. ``None``: not a child of this process.

        Calls ``beat()`` from another thread every ``every_ms`` milliseconds meanwhile.
        """
        child = self._children.get(build_id)
        if child is None:
            return None
        with self._forwarding(child, self._missed.pop(build_id)), _beating(beat, every_ms / 1000):
            code = wait_for(child)
            if self.came and self.own_group:
                _end_group(child.pid)
        del self._children[build_id]
        return code if code >= 0 else 128 - code

    @contextmanager
    def _forwarding(self, child: subprocess.Popen[bytes], missed: int) -> Iterator[None]:
        """Pass on to the child the signals that came already, and those that come, but for those it got itself."""

        def pass_on(number: int) -> None:
            if self.own_group or number not in FROM_TERMINAL:
                self._send(child, number)

        def handle(number: int, _frame: FrameType | None) -> None:
            self.came.append(number)
            pass_on(number)

        with handling(handle):
            for place, number in enumerate(tuple(self.came)):
                if place < missed:
                    self._send(child, number)
                else:
                    pass_on(number)
            yield

    def _send(self, child: subprocess.Popen[bytes], number: int) -> None:
        with suppress(ProcessLookupError):
            if self.own_group:
                os.killpg(child.pid, number)
            else:
                child.send_signal(number)


def _in_front_of_terminal() -> bool:
    """Whether a terminal's Ctrl-C goes to our process group, whatever our standard streams lead to."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _environment(request: Request, token: str) -> dict[str, str]:
    known = {
        "HOLDOFF_PROJECT": request.project,
        "HOLDOFF_REGION": request.region,
        "HOLDOFF_TOKEN": token,
        "HOLDOFF_REASON": request.reason,
        "HOLDOFF_SOURCE_VERSION": request.source_version,
    }
    return dict(request.environment) | {name: value for name, value in known.items() if value}


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
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            return
        for _ in range(GRACE_MS // LOOK_AGAIN_MS):
            if not _is_alive(group):
                return
            ended.wait(LOOK_AGAIN_MS / 1000)


def _is_alive(group: int) -> bool:
    """Whether any process of the group still runs. Zombies do not: in a container, nobody may ever reap them."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        return False
    if not os.path.exists("/proc/self/stat"):  # noqa: PTH110  (pathlib is slow to import)
        return True
    return any(_runs_in(group, pid) for pid in os.listdir("/proc") if pid.isdigit())  # noqa: PTH208


def _runs_in(group: int, pid: str) -> bool:
    """Whether this process belongs to the group and is no zombie (proc_pid_stat(5))."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as stat:  # noqa: PTH123
            state, _parent, its_group, *_ = stat.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return False  # it went while we looked
    return int(its_group) == group and state not in {"Z", "X"}
