"""Waiting for a child while signals come, at the worst of instants."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import threading
from collections import deque
from contextlib import nullcontext, suppress
from functools import partial
from operator import call
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, PropertyMock

import pytest

from holdoff.cli.start import Builds
from holdoff.clock import waits_s
from holdoff.signals import handling, hear_of_children, wait_for
from holdoff.starters.command import Command
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Python's own ways to send itself a signal look for it at once; this one does not.
_raise = ctypes.PyDLL(None)["raise"]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs until it is told to go; ends well if nothing has told it in time."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    child = subprocess.Popen(["cat", str(fifo)])
    late = threading.Timer(PATIENCE_S, lambda: child.poll() is None and fifo.write_text(""))
    late.start()
    yield child
    late.cancel()
    child.kill()
    child.wait()


def test_a_program_that_hears_of_its_children_itself_goes_on_to() -> None:
    """Its handler is not put away: only a signal that is ignored is heard again."""
    before = signal.getsignal(signal.SIGCHLD)
    try:
        for handler, after in ((print,) * 2, (signal.SIG_IGN, signal.SIG_DFL)):
            signal.signal(signal.SIGCHLD, handler)
            hear_of_children()
            assert signal.getsignal(signal.SIGCHLD) is after
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_without_room_for_a_pipe_it_waits_all_the_same(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command runs by then, and its end has to be told."""

    def none() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", none)
    child.send_signal(signal.SIGTERM)
    assert wait_for(child.wait) == -signal.SIGTERM


@pytest.mark.parametrize("missing", ["threading.Thread.start", "os.dup"])
def test_without_room_for_a_thread_or_a_file_it_waits_all_the_same_and_leaves_nothing_open(
    child: subprocess.Popen[bytes], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = (
        OSError(errno.EMFILE, "Too many open files") if missing == "os.dup" else RuntimeError("can't start new thread")
    )
    monkeypatch.setattr(missing, Mock(side_effect=error))
    child.send_signal(signal.SIGTERM)
    before = _open_files()
    assert wait_for(child.wait) == -signal.SIGTERM
    assert _open_files() <= before


@pytest.mark.parametrize("error", [TimeoutError, RuntimeError])
def test_what_a_handler_of_the_program_raises_ends_the_wait(
    child: subprocess.Popen[bytes], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no lack of room: a time limit of the program's own may raise it."""

    def is_over(*_: object) -> None:
        child.terminate()  # so that this test ends, whatever becomes of the error
        raise error

    before = signal.signal(signal.SIGVTALRM, is_over)
    try:
        _read_just_after(monkeypatch, partial(_raise, signal.SIGVTALRM))
        with pytest.raises(error):
            wait_for(child.wait)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_an_error_of_the_wait_itself_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 // 0)


def test_a_signal_in_the_instant_before_it_blocks_is_heard(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    _read_just_after(monkeypatch, partial(_raise, signal.SIGTERM))
    with handling(lambda number, _frame: child.send_signal(number)):
        assert wait_for(child.wait) == -signal.SIGTERM


def test_so_is_one_that_the_system_gives_to_another_thread(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a burst of signals the system may give all but one to the thread that waits for the child."""

    def give() -> None:
        (waiter,) = [thread for thread in threading.enumerate() if thread.name == "holdoff-child"]
        signal.pthread_kill(waiter.ident or 0, signal.SIGTERM)

    _read_just_after(monkeypatch, partial(give))
    with handling(lambda number, _frame: child.send_signal(number)):
        assert wait_for(child.wait) == -signal.SIGTERM


@pytest.mark.parametrize("had_room", [True, False])
def test_so_it_is_where_wake_waits_for_its_commands(had_room: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if there was no room for a thread when the command was started, and there is now."""
    if not had_room:
        monkeypatch.setattr("holdoff.cli.start._Wait.start", Mock(side_effect=RuntimeError("can't start new thread")))
    asked, ended = list[int](), threading.Event()

    def stop(_: str, number: int) -> None:
        asked.append(number)
        ended.set()

    gate = Mock(starter=Mock(spec=Command, came=[], holding=nullcontext, stop=stop))
    type(gate).awaited = PropertyMock(side_effect=[[], ["1"]])
    monkeypatch.setattr("holdoff.cli.start.wait_for_end", lambda *_: ended.wait(PATIENCE_S) - 1)
    _read_just_after(monkeypatch, partial(_raise, signal.SIGTERM))
    with Builds() as builds:
        builds.decide(gate, None)
    assert (asked, builds.status) == ([signal.SIGTERM], 0)


def _read_just_after(monkeypatch: pytest.MonkeyPatch, comes: partial[Any]) -> None:
    """Let a signal come just before a read. Between that and the system call there is no instruction of Python's, so no
    handler runs before it."""
    read, come = os.read, [comes]

    def read_just_after(*arguments: Any) -> bytes:
        last = [come.pop()] if come else []
        got: bytes = deque(map(call, [*last, partial(read, *arguments)]), maxlen=1).pop()
        return got

    monkeypatch.setattr(os, "read", read_just_after)


def test_what_woke_the_main_thread_before_is_put_back(child: subprocess.Popen[bytes]) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        child.terminate()
        wait_for(child.wait)
        assert signal.set_wakeup_fd(before) == writer
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def test_a_wait_that_is_interrupted_leaves_nothing_open(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    before = _open_files()
    monkeypatch.setattr(os, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wait_for(child.wait)
    child.terminate()
    for thread in threading.enumerate():
        if thread.name == "holdoff-child":
            thread.join(PATIENCE_S)

    assert _open_files() <= before  # what tests before this one left may have been closed meanwhile


def _open_files() -> set[tuple[int, int]]:
    found = set()
    for each in Path("/dev/fd").iterdir():
        with suppress(OSError):  # that of this very look
            found.add((int(each.name), os.fstat(int(each.name)).st_ino))
    return found


@pytest.mark.parametrize(("ms", "waits"), [(2_500, [1, 1, 0.5]), (200, [0.2]), (0, [])])
def test_no_wait_in_one_piece_is_long_enough_to_miss_a_signal_for(ms: int, waits: list[float]) -> None:
    assert list(waits_s(ms)) == waits
