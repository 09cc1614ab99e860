"""``holdoff run --wait``: of all that wait one runs, and the others are covered by it.

A hold keeps them waiting for as long as a test likes: no test waits for a cooldown to pass.
"""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from holdoff.core.record import Hold
from tests.cli.conftest import PATIENCE, line_of

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

WAIT = ("run", "p", "--cooldown", "1h", "--wait", "--")
RAN = ("sh", "-c", "echo ran >> ran")


@pytest.fixture
def held(cli: Cli) -> Cli:
    """A gate on hold."""
    cli("hold", "p", "--why", "a test", "--by", "me")
    return cli


def waiter(cli: Cli, *command: str) -> subprocess.Popen[str]:
    """One that has said that it waits."""
    process = cli.start(*WAIT, *(command or RAN))
    assert line_of(process.stderr).startswith("holdoff: p deferred: on hold: a test")
    return process


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status, and what it still said."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def test_one_runs_and_the_others_are_covered(held: Cli) -> None:
    crowd = [waiter(held) for _ in range(6)]
    held("resume", "p")
    ended = [ends(process) for process in crowd]

    assert [status for status, _ in ended] == [0] * 6
    assert held.lines() == ["ran"]
    covered = [errors for _, errors in ended if "p skipped: covered by build " in errors]
    assert len(covered) == 5
    assert held.record().counts.deferred == 6
    assert held.record().pending is None


def test_a_ready_gate_runs_at_once(cli: Cli) -> None:
    done = cli(*WAIT, *RAN)

    assert (done.returncode, done.stderr) == (0, "")
    assert cli.lines() == ["ran"]


def test_whoever_waits_runs_when_the_cooldown_ends_with_the_commands_status(cli: Cli) -> None:
    """The one test that waits for a real cooldown: half a second."""
    command = ("run", "p", "--cooldown", "500ms", "--wait", "--", "sh", "-c", "echo ran; exit 7")
    first, second = cli(*command), cli(*command)

    assert (first.returncode, second.returncode) == (7, 7)
    assert (first.stdout, second.stdout) == ("ran\n", "ran\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_gives_up_waiting_withdraws(held: Cli, number: signal.Signals) -> None:
    alone = waiter(held)
    alone.send_signal(number)

    assert ends(alone) == (128 + number, "holdoff: withdrawn\n")
    assert held.record().pending is None


def test_one_that_gives_up_leaves_the_others_their_build(held: Cli) -> None:
    one, other = waiter(held), waiter(held)
    one.send_signal(signal.SIGINT)
    gave_up = ends(one)
    held("resume", "p")

    assert gave_up == (130, "holdoff: others wait for the same build; it stays pending\n")
    assert ends(other)[0] == 0
    assert held.lines() == ["ran"]


def test_one_that_is_killed_leaves_the_others_their_build(held: Cli) -> None:
    crowd = [waiter(held) for _ in range(3)]
    crowd[0].kill()
    assert ends(crowd[0])[0] == -signal.SIGKILL
    held("resume", "p")

    assert [ends(process)[0] for process in crowd[1:]] == [0, 0]
    assert held.lines() == ["ran"]


def test_what_somebody_drops_is_waited_for_no_longer(held: Cli) -> None:
    alone = waiter(held)
    held("reset", "p", "--drop-pending")
    status, errors = ends(alone)

    assert (status, held.lines()) == (0, [])
    assert errors == "holdoff: p skipped: somebody dropped what was pending\n"


def test_in_a_log_a_reason_is_said_once(held: Cli) -> None:
    alone = waiter(held)

    held.change(lambda record: replace(record, hold=Hold(since_ms=1, why="a test", by="you")))
    held("resume", "p")

    assert ends(alone) == (0, "")


def test_a_command_that_cannot_start_ends_the_wait(held: Cli) -> None:
    script = held.folder / "script"
    script.write_text("no shebang\n")
    script.chmod(0o755)
    alone = waiter(held, "./script")
    held("resume", "p")
    status, errors = ends(alone)

    assert status == 126
    assert "the build was refused" in errors
    assert held.record().pending is None


def test_a_skip_beside_those_who_wait_says_that_a_build_is_coming(held: Cli) -> None:
    alone = waiter(held)
    beside = held("run", "p", "--cooldown", "1h", "--", *RAN)
    held("resume", "p")

    assert beside.returncode == 0
    assert "p deferred: on hold" in beside.stderr
    assert ends(alone)[0] == 0
    assert held.lines() == ["ran"]
