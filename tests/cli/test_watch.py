"""``wake --watch`` for as long as a machine is up: its file is edited, its terminal goes, a service manager ends it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from holdoff.core.record import Pending, Record
from holdoff.core.request import Request
from tests.cli.conftest import PATIENCE, line_of

if TYPE_CHECKING:
    import subprocess

    from tests.cli.conftest import Cli

WATCH = ("wake", "--watch", "--every", "50ms")


def config(command: str, *projects: str) -> str:
    """Projects whose builds are this shell command."""
    starter = f"starter = {{ command = ['sh', '-c', '''{command}'''] }}"
    return "".join(f'[projects.{name}]\ncooldown = "1h"\n{starter}\n' for name in projects)


def due(cli: Cli, project: str = "docs") -> None:
    """Something is due."""
    request = Request(project=project, region="local", source_version="v1")
    fold = Pending(request=request, count=1, first_ms=1, last_ms=1)
    cli.change(lambda _: Record(pending=fold, due_ms=1), project)


def watching(cli: Cli, **more: object) -> subprocess.Popen[str]:
    """A loop that has begun."""
    loop = cli.start(*WATCH, **more)  # type: ignore[arg-type]
    assert "watching sqlite:///" in line_of(loop.stderr)
    return loop


def ended(loop: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
    """Its exit status, and what it still said."""
    loop.send_signal(number)
    said, errors = loop.communicate(timeout=PATIENCE)
    return loop.returncode, said, errors


# --- holdoff.toml is edited ------------------------------------------------------------------------------------------


def test_an_edit_counts_without_a_restart(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    cli.config(config("echo two >> ran", "docs", "site"))
    assert line_of(loop.stderr) == f"holdoff: {cli.folder}/holdoff.toml was read again\n"
    due(cli)
    due(cli, "site")
    assert sorted(line_of(loop.stdout).split()[0] for _ in range(2)) == ["docs", "site"]

    assert ended(loop)[0] == 0
    assert cli.lines() == ["two", "two"]


def test_a_file_that_is_put_in_its_place_counts_too(cli: Cli) -> None:
    """As editors and configuration managers do, with the old file's time and size."""
    file, new = cli.folder / "holdoff.toml", cli.folder / "new"
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    new.write_text(config("echo two >> ran", "docs"))
    os.utime(new, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    new.rename(file)
    assert "was read again" in line_of(loop.stderr)
    due(cli)
    line_of(loop.stdout)

    ended(loop)
    assert cli.lines() == ["two"]


def test_a_bad_edit_is_said_once_and_the_old_one_goes_on(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    cli.config(config("echo two >> ran", "docs").replace("cooldown", "coldown"))
    said = line_of(loop.stderr)
    due(cli)
    assert line_of(loop.stdout).startswith("docs started")
    code, _, errors = ended(loop)

    assert "coldown" in said
    assert said.endswith(". The settings stay as they were\n")
    assert (code, errors) == (0, "")
    assert cli.lines() == ["one"]


def test_a_file_that_is_gone_is_said_once_and_its_return_too(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    (cli.folder / "holdoff.toml").unlink()
    assert line_of(loop.stderr).endswith("holdoff.toml is gone. The settings stay as they were\n")
    cli.config(config("echo two >> ran", "docs"))

    assert "was read again" in line_of(loop.stderr)
    assert ended(loop)[2] == ""


def test_a_file_that_all_could_write_meanwhile_is_passed_over_and_that_is_said_once(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    file = cli.folder / "holdoff.toml"
    file.chmod(0o666)
    cli.config(config("echo two >> ran", "docs"))
    said = line_of(loop.stderr)
    file.unlink()
    cli.config(config("echo three >> ran", "docs"))

    assert "is passed over: can be written by all users" in said
    assert said.endswith(". The settings stay as they were\n")
    assert "was read again" in line_of(loop.stderr)
    assert ended(loop)[2] == ""


def test_the_store_may_change_as_well(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    cli.config(f'store = "sqlite:///{cli.folder}/other.db"\n' + config("echo $HOLDOFF_SOURCE_VERSION >> ran", "docs"))
    assert "was read again" in line_of(loop.stderr)
    cli("trigger", "docs", "--source-version", "v0")
    cli("trigger", "docs", "--source-version", "v1")
    cli("reset", "docs")

    assert line_of(loop.stdout).startswith("docs started")
    ended(loop)
    assert cli.lines() == ["v0", "v1"]


# --- signals ---------------------------------------------------------------------------------------------------------


def test_sighup_has_it_read_its_file_and_go_on(cli: Cli) -> None:
    cli.config(config("echo one >> ran", "docs"))
    loop = watching(cli)
    loop.send_signal(signal.SIGHUP)
    assert "was read again" in line_of(loop.stderr)
    due(cli)

    assert line_of(loop.stdout).startswith("docs started")
    assert ended(loop)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_is_told_to_stop_and_waited_for(cli: Cli, number: signal.Signals) -> None:
    cli.config(
        config(
            "trap 'touch told.$HOLDOFF_PROJECT; until [ -e told.docs ] && [ -e told.site ]; do sleep 0.05; done; "
            "echo ended >> ran; exit 5' TERM; echo began; while :; do sleep 0.05; done",
            "docs",
            "site",
        )
    )
    due(cli)
    due(cli, "site")
    loop = watching(cli, prelude=f"import holdoff.starters.processes as p; p.GRACE_MS = {1000 * PATIENCE}")
    seen = [line_of(loop.stdout) for _ in range(4)]
    code, said, _ = ended(loop, number)

    assert seen.count("began\n") == 2
    assert code == 0
    assert cli.lines() == ["ended", "ended"], "each was told while the other still ran"
    assert said.count(" failed: exit status 5\n") == 2
    finished = cli.record("docs").finished
    assert finished is not None
    assert finished.succeeded is False


SLOW_STORE = """
import os, signal
from holdoff.stores.sqlite import SQLiteStore
due = SQLiteStore.due
def ended_meanwhile(self, now_ms):
    found = list(due(self, now_ms))
    if found:
        os.kill(os.getpid(), signal.SIGTERM)
    return iter(found)
SQLiteStore.due = ended_meanwhile
"""


def test_nothing_is_started_after_sigterm(cli: Cli) -> None:
    cli.config(config("echo ran >> ran", "docs", "site"))
    due(cli)
    due(cli, "site")
    loop = watching(cli, prelude=SLOW_STORE)

    assert loop.wait(timeout=PATIENCE) == 0
    assert cli.lines() == []


#: SIGTERM comes in the step before a rest begins, when the main thread has the lock of the event that ends it.
JUST_BEFORE_A_REST = """
import os, signal, threading
wait = threading.Condition.wait
def ended_before(self, timeout=None):
    if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGTERM)):
        threading.Condition.wait = wait
        os.kill(os.getpid(), signal.SIGTERM)
    return wait(self, timeout)
threading.Condition.wait = ended_before
"""


def test_sigterm_at_any_moment_ends_it(cli: Cli) -> None:
    """The handler waited for a lock that its own thread had, for ever."""
    cli.config(config("true", "docs"))
    assert watching(cli, prelude=JUST_BEFORE_A_REST).wait(timeout=PATIENCE) == 0


#: The system has no room for a thread: the event is not set by one, as in the moment before it runs.
NO_ROOM = """
import holdoff.cli.watch as watch
def no_room(*_):
    raise RuntimeError("can't start new thread")
watch.start_new_thread = no_room
"""


@pytest.mark.parametrize("when", [SLOW_STORE, JUST_BEFORE_A_REST], ids=["in a look", "before a rest"])
def test_sigterm_ends_it_where_the_system_has_no_room_for_a_thread(cli: Cli, when: str) -> None:
    """The signal was logged as a look that failed, and the loop went on; or the loop exited with 70."""
    cli.config(config("echo ran >> ran", "docs"))
    due(cli)
    loop = watching(cli, prelude=NO_ROOM + when)

    assert loop.wait(timeout=PATIENCE) == 0
    assert cli.lines() == []


# --- what it says ----------------------------------------------------------------------------------------------------


def test_a_build_that_failed_is_said_to_have(cli: Cli) -> None:
    cli.config(config("exit 3", "docs"))
    due(cli)
    loop = watching(cli)
    started, failed = line_of(loop.stdout), line_of(loop.stdout)
    build = started.split()[3]

    assert failed == f"docs: build {build.rstrip(',')} failed: exit status 3\n"
    assert ended(loop)[0] == 0


def test_a_build_that_succeeded_is_not_said_to_have_failed(cli: Cli) -> None:
    cli.config(config("true", "docs"))
    due(cli)
    loop = watching(cli)
    line_of(loop.stdout)

    assert "failed" not in ended(loop)[1]
