"""Signals: handled for a while, heard at once while we wait for a child, and passed on by a container's first process.

Python runs a handler between two instructions, never inside a system call. A signal that lands after the last check
and before a blocking call is told only when that call returns, which for a child may be hours later. What wakes the
main thread here is a pipe that the signal itself writes to (``signal.set_wakeup_fd``).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol

    class Child(Protocol):
        """Such as ``subprocess.Popen``."""

        @property
        def returncode(self) -> int | None:
            """Its exit status, less than zero where a signal ended it; ``None``: it has not been seen to end."""

        def wait(self) -> int:
            """Block until it ended."""


#: What asks a command to stop, from a person, a terminal or a service manager.
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: What is meant for the command, whatever it makes of it.
FORWARDED: Final = (*STOPPING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[bool]:
    """Handle ``FORWARDED`` in this way for a while, but for those that are ignored.

    Does nothing outside the main thread, and says so: only that one may handle signals.
    """
    before, is_main = {}, threading.current_thread() is threading.main_thread()
    if is_main:
        for number in FORWARDED:
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, handler)
    try:
        yield is_main
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


class InTurn:
    """A handler that handles one signal after the other: one that comes amid this waits for its turn.

    The same one again, before it is passed on, counts once, as where the system keeps it pending: timeout(1) tells its
    child, and then its whole group.

    Args:
        handle: what to do about a signal.
        came: the signals that came, in their order; those that were there before are handled by ``go_on``.

    Attributes:
        current: the one that is handled. ``handle`` sets it to 0 once it passes the signal on: from then on the same
            one counts again.
    """

    def __init__(self, handle: Callable[[int], None], came: list[int]) -> None:
        self._handle = handle
        self._came = came
        self._handled = 0
        self._is_handling = False
        self.current: int = 0

    def __call__(self, number: int, _frame: FrameType | None = None) -> None:
        if number not in {self.current, *self._came[self._handled :]}:
            self._came.append(number)
        self.go_on()

    def go_on(self) -> None:
        """Handle what came."""
        while self._handled < len(self._came) and not self._is_handling:
            self._is_handling = True
            try:
                while self._handled < len(self._came):
                    self.current = self._came[self._handled]
                    self._handled += 1
                    self._handle(self.current)
                    self.current = 0
            finally:
                self._is_handling, self.current = False, 0


def hear_of_children() -> None:
    """Where our caller ignores SIGCHLD we inherit that, and the system would not tell how a child ended (wait(2)).
    Does nothing outside the main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def wait_for(child: Child) -> int:
    """``child.wait()``, with every signal handled as it comes."""
    if threading.current_thread() is threading.main_thread():
        with suppress(OSError, RuntimeError):  # no room for the pipe or the thread
            return _heard_while(child)
    return child.wait()


def _heard_while(child: Child) -> int:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        waiter = (child, os.dup(writer))
        threading.Thread(target=_tell_of_end, args=waiter, name="holdoff-child", daemon=True).start()
        while child.returncode is None:
            os.read(reader, 512)
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        os.close(reader)
    return child.returncode


def _tell_of_end(child: Child, writer: int) -> None:
    try:
        child.wait()
    finally:
        with suppress(OSError):  # full: the reader is awake; closed: it waits no more
            os.write(writer, b"\0")
        os.close(writer)


def leave_init() -> None:
    """Where this is the first process of a container: go on as a child of it, so that nothing is asked of us that is
    asked of an init. The first process passes signals on, reaps what ends, and exits with our status.

    What a terminal sends comes from the kernel, and comes to us as well: it is not passed on.
    """
    if os.getpid() != 1:
        return
    heard = (*FORWARDED, signal.SIGCHLD)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    child = 0
    with suppress(OSError):  # no room for one more process: go on as the first
        child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    while True:
        came = signal.sigwaitinfo(heard)
        if came.si_signo == signal.SIGCHLD:
            _reap(child)
        elif came.si_code <= 0:  # sigaction(2): more than zero where the kernel sent it
            os.kill(child, came.si_signo)


def _reap(child: int) -> None:
    """Reap all that has ended; end with the child."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else 128 - code)
