"""Which process is meant: certain where its mark was made, and silent anywhere else."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from holdoff.starters import processes
from holdoff.starters.processes import (
    Keeper,
    command_lives,
    end,
    holds_us,
    lives,
    name_of,
    name_of_child,
    own_group_of,
    state_of,
    state_of_parent,
)
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

linux = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells")  # noqa: PTH110


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "1000"])
    yield child
    child.kill()
    child.wait()


@linux
def test_a_process_lives_until_it_ends_whether_it_is_reaped_or_not(child: subprocess.Popen[bytes]) -> None:
    name = name_of(child.pid)
    assert name.startswith(f"{os.uname().nodename}:")
    assert name.endswith(f":{child.pid}")
    assert lives(name) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert (state_of(name), lives(name)) == ("Z", False)
    child.wait()
    assert (state_of(name), lives(name)) == ("", False)


@linux
def test_only_this_process_and_its_ancestors_hold_us(child: subprocess.Popen[bytes]) -> None:
    assert [holds_us(name_of(pid)) for pid in (os.getpid(), os.getppid(), child.pid)] == [True, True, False]
    ended = name_of(child.pid)
    child.kill()
    child.wait()
    host, mark, pid = name_of(os.getpid()).split(":")
    before_us = f"{host}:{mark[:8]}{int(mark[8:]) - 1}:{pid}"
    assert [holds_us(name) for name in (ended, "vm:17", "site-build:one", before_us)] == [False] * 4


def test_a_keeper_that_forgot_a_signal_still_ends_the_command() -> None:
    """As after a SIGHUP that was passed on: if Holdoff is killed then, no command is left behind."""
    keeper = Keeper(apart=True)
    child = subprocess.Popen(["sleep", "1000"], process_group=0)
    try:
        keeper.keep(-child.pid)
        keeper.forget(signal.SIGHUP)
        pipe, keeper._pipe = keeper._pipe, -1
        os.close(pipe)  # as at our death
        assert child.wait(PATIENCE_S) < 0
    finally:
        child.kill()
        keeper.close()


@linux
def test_a_stopped_process_lives(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert (state_of(name_of(child.pid)), lives(name_of(child.pid))) == ("T", True)


@linux
def test_the_pid_of_another_process_is_not_taken_for_it(child: subprocess.Popen[bytes]) -> None:
    host, mark, pid = name_of(child.pid).split(":")
    later = f"{host}:{mark[:8]}{int(mark[8:]) + 1}:{pid}"
    assert lives(later) is False


@linux
@pytest.mark.parametrize(
    "name", ["", "vm", "vm:17", "TOKEN", "vm:00000000123:17", "vm:{place}1:x", "vm:{place}1:0", "vm:{place}1:1"]
)
def test_of_another_place_nothing_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = name_of(os.getpid()).split(":")[-2][:8]
    assert state_of(name.format(place=place)) is None
    assert lives(name.format(place=place)) is None


@linux
def test_a_machine_restored_from_the_same_snapshot_of_memory_is_another(child: subprocess.Popen[bytes]) -> None:
    """It has the same boot and name spaces, and other processes: of those nothing is known here, dead or alive."""
    of_clone = f"clone-of-{name_of(child.pid)}"
    assert lives(of_clone) is None
    child.kill()
    child.wait()
    assert lives(of_clone) is None


@linux
def test_another_users_process_is_known_unless_it_is_hidden(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    name = name_of(child.pid)
    monkeypatch.setattr(os, "kill", refused)
    assert lives(name) is True
    monkeypatch.setattr(processes, "_fields", lambda _: None)
    assert lives(name) is None
    assert name_of(child.pid) == f"{os.uname().nodename}:{child.pid}"
    monkeypatch.undo()


@linux
def test_an_end_is_told_by_the_process_that_started_the_command(child: subprocess.Popen[bytes]) -> None:
    """While that is stopped, its command counts as running: the end, and whether it succeeded, are still to come."""
    with subprocess.Popen(["true"]) as command:
        os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
        alone, (_, mark, parent) = name_of(command.pid), name_of(child.pid).split(":")
        name = f"{alone.rpartition(':')[0]}.{mark[8:]}.{parent}:{command.pid}"
        assert [command_lives(one) for one in (alone, name)] == [None, None]
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert command_lives(name) is True
        child.kill()
        child.wait()
        assert command_lives(name) is False


def test_where_there_is_no_proc_it_is_named_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_place", lambda: None)
    name = name_of_child(os.getpid())
    assert name == f"{os.uname().nodename}:{os.getpid()}"
    assert lives(name) is None


@linux
def test_a_child_is_left_where_the_process_that_would_tell_its_end_is_gone(child: subprocess.Popen[bytes]) -> None:
    name = name_of_child(child.pid)
    assert lives(name) is True
    assert state_of_parent(name) not in processes.ENDED
    host, mark, pid = name.split(":")
    assert state_of_parent(f"{host}:{mark.rpartition('.')[0]}.{2**22 + 1}:{pid}") == "", "no pid is as high"


@linux
def test_who_is_told_of_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    says = "sh -c 'echo $0 $$; exec sleep 1000'"
    script = f"{says} beside & setsid {says} elsewhere & timeout 1h {says} below & wait"
    with subprocess.Popen(["sh", "-c", script], text=True, stdout=subprocess.PIPE, process_group=0) as shell:
        assert shell.stdout is not None
        pids = {name: int(pid) for name, pid in (shell.stdout.readline().split() for _ in range(3))}
        below = -os.getpgid(pids["below"])
        assert below != -shell.pid, "timeout(1) makes a group"
        assert processes.targets_of(shell.pid) == [-shell.pid, below]
        with monkeypatch.context() as patch:
            patch.setattr(processes, "_place", lambda: None)
            assert processes.targets_of(shell.pid) == [-shell.pid], "that /proc may tell of others"
        end(*processes.targets_of(shell.pid))
        os.kill(pids["elsewhere"], signal.SIGKILL)
    assert processes.targets_of(shell.pid) == []


@linux
@pytest.mark.parametrize("goes_apart", ["", "timeout 1h "])
def test_the_group_that_a_command_shares_with_its_caller_is_not_told(goes_apart: str) -> None:
    says = "sh -c 'echo $0 $$; exec sleep 1000'"
    command = ["sh", "-c", f"{says} beside & exec {goes_apart}{says} within"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pids = {name: int(pid) for name, pid in (child.stdout.readline().split() for _ in range(2))}
        targets = processes.targets_of(child.pid, own=own_group_of(name_of_child(child.pid)))
        told = [child.pid, pids["beside"]] if not goes_apart else [-child.pid, pids["beside"]]
        assert targets == told
        end(*targets)


def test_the_end_of_a_process_and_of_what_is_stubborn(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_MS", 200)
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; sleep 1000"], stdout=subprocess.PIPE, process_group=0)
    assert deaf.stdout is not None
    deaf.stdout.readline()
    end(child.pid)
    end(-deaf.pid)
    deaf.stdout.close()
    assert (child.wait(), deaf.wait()) == (-signal.SIGTERM, -signal.SIGKILL)
    end(child.pid)  # there is none any more
