"""Signals: handled for a while, and heard at once while we wait for a child.

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
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import subprocess

#: What asks a command to stop, from a person, a terminal or a service manager.
FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle ``FORWARDED`` in this way for a while, but for those that are ignored.

    Does nothing outside the main thread: only that one may handle signals.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in FORWARDED:
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


def wait_for(child: subprocess.Popen[bytes]) -> int:
    """``child.wait()``, with every signal handled as it comes."""
    if threading.current_thread() is not threading.main_thread():
        return child.wait()
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


def _tell_of_end(child: subprocess.Popen[bytes], writer: int) -> None:
    try:
        child.wait()
    finally:
        with suppress(OSError):  # full: the reader is awake; closed: it waits no more
            os.write(writer, b"\0")
        os.close(writer)
