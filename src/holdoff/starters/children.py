"""Child processes without ``subprocess``, whose import takes longer than to decide on a start and to write it down.

``subprocess`` is still needed for a child that runs in another folder, or does something before it is executed:
posix_spawn(3) can do neither (https://man7.org/linux/man-pages/man3/posix_spawn.3.html).
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any, Final

#: Python ignores these signals. A child must not inherit that.
_NOT_IGNORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)
#: The exit status of a child whose real one is not known.
UNKNOWN_STATUS: Final = 255


class Child:
    """The part of ``subprocess.Popen`` that is needed here. Safe to use from many threads."""

    def __init__(self, pid: int) -> None:
        self.pid: int = pid
        self.returncode: int | None = None  #: less than zero if a signal ended the child. ``None``: no end was seen yet
        self._reaping = threading.Lock()

    def poll(self) -> int | None:
        """The exit status, if the child has ended."""
        if self._reaping.acquire(blocking=False):  # otherwise another thread waits for it
            try:
                self._reap(os.WNOHANG)
            finally:
                self._reaping.release()
        return self.returncode

    def wait(self) -> int:
        """Block until the child has ended. Returns its exit status."""
        with self._reaping:
            self._reap(0)
        assert self.returncode is not None
        return self.returncode

    def _reap(self, how: int) -> None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:  # SIGCHLD is ignored, so the system reaped it: no proof that it succeeded
                pid, status = self.pid, UNKNOWN_STATUS << 8
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the child a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start(
    program: str,
    argv: list[str],
    env: Mapping[str, str],
    *,
    files: Sequence[tuple[Any, ...]] = (),
    group: int | None = None,
    blocked: Collection[int] = (),
) -> Child:
    """Start a program. It inherits all descriptors that may be inherited.

    Args:
        argv: its name and its arguments.
        files: what to do with its descriptors first, as ``os.posix_spawn`` takes it.
        group: the process group that it joins; 0: a group of its own. Default: our group.
        blocked: signals that it blocks, besides those that we block.

    Raises:
        OSError: there is no such program, it cannot be executed, or there is no room for it.
        ValueError: no system call takes such a text.
    """
    options: dict[str, Any] = {} if group is None else {"setpgroup": group}
    if blocked:
        options["setsigmask"] = {*signal.pthread_sigmask(signal.SIG_BLOCK, ()), *blocked}
    return Child(os.posix_spawn(program, argv, env, file_actions=files, setsigdef=_NOT_IGNORED, **options))


def inherited() -> list[int]:
    """The descriptors that a child would inherit, besides its standard streams."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return [file for file in map(int, os.listdir(folder)) if file > 2 and _is_inheritable(file)]
    return []


def _is_inheritable(file: int) -> bool:
    with suppress(OSError):  # the folder's own, closed by now
        return os.get_inheritable(file)
    return False
