"""Children that are started without ``subprocess``: what they get of us, and how their end is told."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdoff.starters import children, processes
from holdoff.starters.processes import Keeper
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = {"PATH": os.defpath}


def shell(script: str, **how: object) -> children.Child:
    return children.start("/bin/sh", ["sh", "-c", script], WHERE, **how)  # type: ignore[arg-type]


@pytest.fixture
def sleeper() -> Iterator[children.Child]:
    child = shell("exec sleep 1000")
    yield child
    child.kill()
    child.wait()


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -signal.SIGTERM)])
def test_how_it_ended(script: str, status: int) -> None:
    child = shell(script)

    assert child.wait() == status
    assert (child.wait(), child.poll(), child.returncode) == (status,) * 3


def test_while_it_runs_it_has_no_status(sleeper: children.Child) -> None:
    assert sleeper.poll() is None
    sleeper.kill(signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM


def test_one_thread_waits_and_another_ends_it(sleeper: children.Child) -> None:
    told: list[int] = []
    waiter = threading.Thread(target=lambda: told.append(sleeper.wait()))
    waiter.start()
    until(sleeper._reaping.locked)
    assert sleeper.poll() is None
    sleeper.kill()
    waiter.join()

    assert told == [-signal.SIGKILL]


def test_no_signal_goes_to_a_pid_that_may_be_another_process_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    child = shell("exit 0")
    child.wait()
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal to a process that has gone"))

    child.kill(signal.SIGTERM)


def test_one_that_the_system_reaped_is_not_said_to_have_gone_well() -> None:
    child = shell("exit 7")
    os.waitpid(child.pid, 0)  # as where SIGCHLD is ignored

    assert child.wait() == children.UNKNOWN_STATUS


@pytest.mark.parametrize(
    ("program", "what"), [("/no/such/program", errno.ENOENT), ("/", errno.EACCES), ("/etc/passwd", errno.EACCES)]
)
def test_what_cannot_be_executed(program: str, what: int) -> None:
    with pytest.raises(OSError, match=os.strerror(what)):
        children.start(program, [program], WHERE)


def test_a_script_without_an_interpreter_is_told_as_one(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("exit 7\n")
    script.chmod(0o755)

    with pytest.raises(OSError, match=os.strerror(errno.ENOEXEC)):
        children.start(str(script), [str(script)], WHERE)


def status_of(child: children.Child, name: str) -> int:
    """A set of signals in proc_pid_status(5), as bits."""
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return next(int(line.partition(":")[2], 16) for line in lines if line.startswith(f"{name}:"))


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")


@needs_proc
def test_signals_are_as_any_program_expects_them(sleeper: children.Child) -> None:
    """Python ignores SIGPIPE, and a pipe of commands would run on."""
    ignored = status_of(sleeper, "SigIgn")

    assert not ignored >> (signal.SIGPIPE - 1) & 1
    assert status_of(sleeper, "SigBlk") == status_of(_ourselves(), "SigBlk")


def _ourselves() -> children.Child:
    return children.Child(os.getpid())


@needs_proc
def test_what_is_blocked_here_and_what_is_asked_for_is_blocked_there() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        child = shell("exec sleep 1000", blocked=[signal.SIGUSR2])
        blocked = status_of(child, "SigBlk")
        child.kill()
        child.wait()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    assert [blocked >> (number - 1) & 1 for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)] == [1, 1, 0]
    assert signal.SIGUSR2 not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_group_of_its_own_or_ours() -> None:
    own, ours = shell("exec sleep 1000", group=0), shell("exec sleep 1000")
    groups = os.getpgid(own.pid), os.getpgid(ours.pid)
    for child in (own, ours):
        child.kill()
        child.wait()

    assert groups == (own.pid, os.getpgrp())


@needs_proc
def test_a_keeper_holds_nothing_open_that_is_anothers() -> None:
    """Else what waits for the end of a pipe, such as make for its jobserver's, would wait for the keeper."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        assert writer in children.inherited()
        assert reader not in children.inherited()
        keeper = Keeper(apart=True)
        assert keeper._shell is not None
        at = Path(f"/proc/{keeper._shell.pid}")
        while (at / "cwd").readlink() != Path("/"):  # it goes there first, so that a disk can be unmounted
            pass
        held = {link.name: str(link.readlink()) for link in (at / "fd").iterdir()}
        keeper.close()
    finally:
        for file in (reader, writer):
            with suppress(OSError):
                os.close(file)

    assert held.keys() <= {"0", "1", "2", "10"}  # 10: a shell's own copy
    assert held["1"] == held["2"] == os.devnull


def test_a_keeper_that_is_closed_leaves_nothing_behind() -> None:
    """A server runs commands for months; what is registered with ``atexit`` has its place there for ever."""
    Keeper(apart=True).close()
    before = atexit._ncallbacks(), set(processes._kept)
    for _ in range(3):
        Keeper(apart=True).close()

    assert (atexit._ncallbacks(), processes._kept) == before
