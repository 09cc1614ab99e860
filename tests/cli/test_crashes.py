"""Killed at the worst moments, and with a store that fails under a running command."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.cli.conftest import PATIENCE, line_of

if TYPE_CHECKING:
    from holdoff.core.record import Record
    from tests.cli.conftest import Cli

RUN = ("run", "p", "--cooldown", "1h", "--")
RAN = ("sh", "-c", "echo ran >> ran; exit 7")
LONG_AGO_MS = 1_795_000_000_000
KILLED_BEFORE_THE_START = """
import os, signal
from holdoff.starters.command import Command
Command.start = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_AFTER_THE_START = """
import os, signal
from holdoff.starters.command import Command
start = Command.start
def killed(self, request, token):
    start(self, request, token)
    os.kill(os.getpid(), signal.SIGKILL)
Command.start = killed
"""
#: The store takes the claim, and nothing after it.
STORE_FAILS = """
from holdoff.core.errors import StoreUnavailable
from holdoff.stores.sqlite import SQLiteStore
swap = SQLiteStore.swap
def fails(*_, **__):
    raise StoreUnavailable("no answer")
def swap_then_fail(self, *args, **more):
    reply = swap(self, *args, **more)
    SQLiteStore.swap = SQLiteStore.get = fails
    return reply
SQLiteStore.swap = swap_then_fail
"""


def lease_over(record: Record) -> Record:
    """The record as it would stand long after its claimant died."""
    claim = record.claim
    assert claim is not None
    return record.but(claim=claim.but(lease_until_ms=LONG_AGO_MS), due_ms=LONG_AGO_MS)


def test_killed_between_claim_and_start_the_next_run_after_the_lease_finishes_it(cli: Cli) -> None:
    killed = cli(*RUN, *RAN, prelude=KILLED_BEFORE_THE_START)
    claim = cli.record().claim
    meanwhile = cli(*RUN, *RAN)
    cli.change(lease_over)
    after = cli(*RUN, *RAN)

    assert killed.returncode == -signal.SIGKILL
    assert claim is not None
    assert meanwhile.returncode == 0
    assert "p skipped: a start is under way" in meanwhile.stderr
    assert cli.lines() == ["ran"]
    assert after.returncode == 7, "the status of the command that it finished the start of"
    assert "first finished a start that was left: build " in after.stderr
    finished = cli.record().finished
    assert finished is not None
    assert finished.token == claim.token


def test_killed_between_start_and_confirm_the_command_runs_again(cli: Cli) -> None:
    """No service remembers a command's token: this is what the docstring of Command says."""
    cli(*RUN, *RAN, prelude=KILLED_AFTER_THE_START)
    cli.change(lease_over)
    cli(*RUN, *RAN)

    assert set(cli.lines()) == {"ran"}
    assert cli.record().claim is None


def test_killed_while_the_command_runs_the_cooldown_still_counts(cli: Cli) -> None:
    process = cli.start(*RUN[:-1], "-v", "--", "sh", "-c", "echo ready $$; sleep 1000")
    _, pid = line_of(process.stdout).split()
    assert "p started" in line_of(process.stderr)
    process.kill()
    process.wait(timeout=PATIENCE)
    again = cli(*RUN, *RAN)
    os.killpg(int(pid), signal.SIGKILL)

    assert "p skipped: last built " in again.stderr
    assert cli.record().running is not None


def test_without_overlap_the_next_run_waits_for_the_dead_ones_lease(cli: Cli) -> None:
    command = ("run", "p", "--cooldown", "0", "--overlap", "skip", "-v", "--")
    process = cli.start(*command, "sh", "-c", "echo ready $$; sleep 1000")
    _, pid = line_of(process.stdout).split()
    assert "p started" in line_of(process.stderr)
    process.kill()
    process.wait(timeout=PATIENCE)
    os.killpg(int(pid), signal.SIGKILL)
    before = cli(*command, *RAN)

    def over(record: Record) -> Record:
        assert record.running is not None
        return record.but(running=record.running.but(lease_until_ms=LONG_AGO_MS))

    cli.change(over)
    after = cli(*command, *RAN)

    assert "is running" in before.stderr
    assert (after.returncode, cli.lines()) == (7, ["ran"])


def test_a_store_that_fails_under_a_running_command_does_not_lose_its_status(cli: Cli) -> None:
    done = cli(*RUN, "sh", "-c", "echo out; exit 7", prelude=STORE_FAILS)

    assert (done.returncode, done.stdout) == (7, "out\n")
    assert "no answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_fails_under_a_running_command_leaves_signals_working(cli: Cli) -> None:
    process = cli.start(*RUN, "sh", "-c", "sleep 1000 & echo ready; wait", prelude=STORE_FAILS)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.communicate(timeout=PATIENCE)[0] == "", "none of them is left"
    assert process.returncode == 128 + signal.SIGTERM


def test_a_store_that_cannot_take_the_claim_starts_nothing(cli: Cli) -> None:
    failing = STORE_FAILS + "SQLiteStore.swap = fails\n"
    done = cli(*RUN, *RAN, prelude=failing)

    assert (done.returncode, cli.lines()) == (69, [])
    assert done.stderr == "holdoff: no answer\n"
