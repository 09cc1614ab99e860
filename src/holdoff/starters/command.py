"""A command of this machine as a starter: a child process, its output passed through."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError, StartRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from holdoff.core.record import Request

#: Passed on to the command while we wait for it.
FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: What a terminal sends to every process in front of it, the command included.
FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
#: How long the rest of a process group may take to go once its leader has gone by a signal of ours.
GRACE_SECONDS: Final = 5


class Command:
    """Starts ``argv`` as a child process.

    The command finds HOLDOFF_PROJECT, HOLDOFF_REGION, HOLDOFF_TOKEN and, where they are known, HOLDOFF_REASON and
    HOLDOFF_SOURCE_VERSION in its environment. No service remembers its token: if this process is killed between the
    start and the confirm, a take-over runs the command again.

    With a terminal on standard input it stays in our process group, so that the terminal's Ctrl-C and Ctrl-Z reach all
    of it. Otherwise it leads a group of its own, and signals that we get are passed on to the whole group.

    Args:
        argv: the program and its arguments; no shell.
        stdout: a file descriptor for its output; ours unless given.
    """

    start_budget_ms = 5_000
    #: Renewed while we wait for it; what a killed process leaves runs out after this.
    build_lease_ms = 60_000

    def __init__(self, argv: Sequence[str], *, stdout: int | None = None) -> None:
        if isinstance(argv, str) or not argv or not all(isinstance(arg, str) for arg in argv):
            want = "a list of a program and its arguments, such as ['make', 'docs']"
            raise ConfigError(field="command", got=argv, want=want)
        self.argv = list(argv)
        self.stdout = stdout
        self.own_group = not sys.stdin or not sys.stdin.isatty()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, request: Request, token: str) -> str:
        """Start the process; its id is ``HOST:PID``."""
        try:
            child = subprocess.Popen(
                self.argv,
                env=os.environ | _environment(request, token),
                stdout=self.stdout,
                process_group=0 if self.own_group else None,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StartRefused(f"cannot run {self.argv[0]!r}: {why}") from error
        build_id = f"{socket.gethostname()}:{child.pid}"
        self._children[build_id] = child
        return build_id

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: not a child of this process."""
        child = self._children.get(build_id)
        if child is None:
            return None
        code = child.poll()
        return "running" if code is None else "failed" if code else "succeeded"

    def cancel(self, build_id: str) -> None:
        """Ask it to stop (SIGTERM)."""
        if child := self._children.get(build_id):
            self._send(child, signal.SIGTERM)

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        """Block until it ended; its exit status, 128 + N for signal N. ``None``: not a child of this process.

        Calls ``beat()`` from another thread every ``every_ms`` milliseconds meanwhile.
        """
        child = self._children.get(build_id)
        if child is None:
            return None
        with self._forwarding(child) as sent, _beating(beat, every_ms / 1000):
            code = child.wait()
        if sent and self.own_group:
            _end_group(child.pid)
        del self._children[build_id]
        return code if code >= 0 else 128 - code

    @contextmanager
    def _forwarding(self, child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
        """Pass our signals on to the child; yields the list of those that came."""
        sent: list[int] = []

        def forward(number: int, _frame: FrameType | None) -> None:
            sent.append(number)
            if self.own_group or number not in FROM_TERMINAL:
                self._send(child, number)

        if threading.current_thread() is not threading.main_thread():
            yield sent  # only the main thread may handle signals
            return
        before = {number: signal.signal(number, forward) for number in FORWARDED}
        try:
            yield sent
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _send(self, child: subprocess.Popen[bytes], number: int) -> None:
        with suppress(ProcessLookupError):
            if self.own_group:
                os.killpg(child.pid, number)
            else:
                child.send_signal(number)


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
    for number, polls in ((signal.SIGTERM, GRACE_SECONDS * 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(group, number)
            for _ in range(polls):
                ended.wait(0.05)
                os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            return
