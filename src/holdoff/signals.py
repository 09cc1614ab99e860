"""Signals: handlers for a limited time, waiting for a child without delaying signals, and the first process of a
container.

Python runs a signal handler between two instructions, never inside a system call. If a signal arrives after the last
check and before a blocking call, the handler runs only when the call returns. For a child that may be hours later. So
the main thread waits on a pipe, to which the signal itself writes (``signal.set_wakeup_fd``).
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
    from typing import Final, TypeVar

    T = TypeVar("T")

#: Signals by which a person, a terminal or a service manager asks a command to stop.
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Signals that are for the command, which decides what to do.
FORWARDED: Final = (*STOPPING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[bool]:
    """Handle the ``FORWARDED`` signals for a while, except those that this process ignores.

    Yields whether this is the main thread. In any other thread it does nothing: only the main one may handle signals.
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
    """A handler that handles one signal after the other. A signal that comes meanwhile waits for its turn.

    The same signal again, before the first is passed on, counts once, like a pending signal of the system: timeout(1)
    signals its child, and then its whole group.

    Args:
        handle: called with each signal.
        came: the signals that came, in order. Those that are in it already are handled by ``go_on``.
    """

    def __init__(self, handle: Callable[[int], None], came: list[int]) -> None:
        self._handle = handle
        self._came = came
        self._handled = 0
        self._is_handling = False
        #: The signal being handled. ``handle`` sets it to 0 when it passes the signal on, which then counts again.
        self.current: int = 0

    def __call__(self, number: int, _frame: FrameType | None = None) -> None:
        if number not in {self.current, *self._came[self._handled :]}:
            self._came.append(number)
        self.go_on()

    def go_on(self) -> None:
        """Handle the signals that came."""
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
    """Stop ignoring SIGCHLD. A process inherits that from its caller, and then wait(2) cannot say how a child ended.
    Does nothing outside the main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def wait_for(wait: Callable[[], T]) -> T:
    """``wait()``, the wait for the end of a child or a thread, during which every signal is handled as it comes."""
    if threading.current_thread() is not threading.main_thread():
        return wait()
    codes: list[T] = []
    files: list[int] = []
    try:
        files[:] = reader, writer = os.pipe()
        files.append(os.dup(writer))
        waiter = (wait, codes, files)
        threading.Thread(target=_write_at_end, args=waiter, name="holdoff-child", daemon=True).start()
    except (OSError, RuntimeError):  # no room for the pipe or the thread
        while files:
            os.close(files.pop())
        return wait()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        while len(files) > 2:
            os.read(reader, 512)
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        os.close(reader)
    return codes[0] if codes else wait()


def _write_at_end(wait: Callable[[], T], codes: list[T], files: list[int]) -> None:
    with suppress(BaseException):  # the main thread then waits itself, and meets it
        codes.append(wait())
    writer = files.pop()
    with suppress(OSError):  # the pipe is full: the reader is awake; or closed: the reader waits no more
        os.write(writer, b"\0")
    os.close(writer)


def leave_init() -> None:
    """If this is the first process of a container, go on as its child, which has none of the duties of an init process.
    The first process passes signals on, reaps processes that end, and exits with the child's status.

    It does not pass on a signal of a terminal: the kernel sends that to the child as well.
    """
    if os.getpid() != 1:
        return
    heard = (*FORWARDED, signal.SIGCHLD)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    child = 0
    with suppress(OSError):  # no room for one more process: go on as the first process
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
    """Reap all processes that have ended. If the child is one of them, exit with its status."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else 128 - code)
