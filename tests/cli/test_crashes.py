"""Killed at the worst moments, and with a store that fails under a running command."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.starters import processes
from tests.cli.conftest import PATIENCE, Terminal, line_of, line_with
from tests.waiting import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from holdoff.core.record import Pending
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


def test_killed_between_claim_and_start_the_next_run_finishes_it_at_once(cli: Cli) -> None:
    killed = cli(*RUN, *RAN, prelude=KILLED_BEFORE_THE_START)
    claim = cli.record().claim
    after = cli(*RUN, *RAN)

    assert killed.returncode == -signal.SIGKILL
    assert claim is not None
    assert cli.lines() == ["ran"]
    assert after.returncode == 7, "the status of the command that it finished the start of"
    assert "first finished a start that was left: build " in after.stderr
    finished = cli.record().finished
    assert finished is not None
    assert finished.token == claim.token


def test_killed_where_nothing_can_be_known_the_lease_tells(cli: Cli) -> None:
    """On another machine, say."""
    cli(*RUN, *RAN, prelude=KILLED_BEFORE_THE_START)
    cli.change(
        lambda record: record.but(claim=record.claim and record.claim.but(covers=elsewhere(record.claim.covers)))
    )
    meanwhile = cli(*RUN, *RAN)
    cli.change(lease_over)
    after = cli(*RUN, *RAN)

    assert meanwhile.returncode == 0
    assert "p skipped: a start is under way" in meanwhile.stderr
    assert (after.returncode, cli.lines()) == (7, ["ran"])


def elsewhere(covers: Pending) -> Pending:
    """As another machine's process would have claimed it."""
    return covers.but(request=covers.request.but(parameters='"there:00000000123:17"'))


def test_killed_between_start_and_confirm_the_command_runs_again(cli: Cli) -> None:
    """No service remembers a command's token: this is what the docstring of Command says."""
    cli(*RUN, *RAN, prelude=KILLED_AFTER_THE_START)
    cli(*RUN, *RAN)

    assert set(cli.lines()) == {"ran"}
    assert cli.record().claim is None


#: The store takes all but the first write on a gate whose build runs.
NO_ANSWER_ONCE = """
from holdoff.core.errors import StoreUnavailable
from holdoff.stores.sqlite import SQLiteStore
swap = SQLiteStore.swap
def no_answer_once(self, key, *, expected, **more):
    if expected.running is None:
        return swap(self, key, expected=expected, **more)
    SQLiteStore.swap = swap
    raise StoreUnavailable("no answer")
SQLiteStore.swap = no_answer_once
"""


@pytest.mark.parametrize("verb", ["run", "run --wait", "trigger", "wake"])
def test_a_start_that_was_left_is_finished_and_waited_for_though_the_decision_after_it_fails(
    cli: Cli, verb: str
) -> None:
    """Its lease was not renewed, and its end was never recorded."""
    cli.config(f"[projects.p]\ncooldown = 0\nstarter = {{ command = {json.dumps(RAN)} }}\n")
    cli("trigger", "p", prelude=KILLED_BEFORE_THE_START)
    cli.change(lambda record: record.but(pending=record.claim and record.claim.covers, due_ms=LONG_AGO_MS))
    command = ("--", *RAN) if verb.startswith("run") else ()
    argv = [*verb.split(), "p"] if verb != "wake" else ["wake"]
    done = cli(*argv, *command, prelude=NO_ANSWER_ONCE)

    assert "no answer" in done.stderr
    history = list(cli.store.history(GateKey("p", "local")))
    assert [build.exit_status for build in history] == [7] * len(cli.lines())
    assert (done.returncode, len(history)) == (7 if verb == "wake" else 69, 1)


@pytest.mark.parametrize("verb", ["run", "trigger", "wake"])
def test_an_end_that_the_store_does_not_take_at_once_is_reported_again(cli: Cli, verb: str) -> None:
    """The callers that waited for it exited with 75, though their change was built."""
    cli.config(f"[projects.p]\ncooldown = '1h'\nstarter = {{ command = {json.dumps(RAN)} }}\n")
    cli("trigger", "p", prelude=KILLED_BEFORE_THE_START)
    cli.change(_deferred)
    argv = {"run": ["run", "p", "--", *RAN], "trigger": ["trigger", "p"], "wake": ["wake"]}[verb]
    done = cli(*argv, prelude=NO_ANSWER_ONCE)
    assert (done.returncode, [build.exit_status for build in cli.store.history(GateKey("p", "local"))]) == (7, [7])
    assert "could not record the end" in done.stderr


#: Before this process starts what it has claimed, another machine's has taken the claim over.
TAKEN_OVER_ELSEWHERE = """
from holdoff.core.effects import Swapped
from holdoff.core.record import Running
from holdoff.stores.sqlite import SQLiteStore
swap = SQLiteStore.swap
def meanwhile(self, key, *, expected, new, **more):
    reply = swap(self, key, expected=expected, new=new, **more)
    if new.claim is None:
        return reply
    SQLiteStore.swap, claim = swap, new.claim
    at_ms = claim.claimed_ms
    of = dict(token=claim.token, covers=claim.covers, claimed_ms=at_ms)
    there = Running(build_id="there:00000000123.1.2:17", started_ms=at_ms, lease_until_ms=at_ms + LEASE_MS, **of)
    after = reply.record.but(claim=None, running=there).swapped("TESTTEST")
    swap(self, key, expected=reply.record, new=after)
    return Swapped(after)
SQLiteStore.swap = meanwhile
"""


def test_where_another_machine_has_taken_the_start_over_the_end_is_not_known(cli: Cli) -> None:
    """It was 0, as if the command had succeeded."""
    done = cli(*RUN, *RAN, prelude=f"LEASE_MS = 60_000\n{TAKEN_OVER_ELSEWHERE}")
    said = "holdoff: p: another process has taken this start over; how its command ends is not known here\n"
    assert (done.returncode, done.stderr, cli.lines()) == (75, said, [])


def _deferred(record: Record) -> Record:
    """The record, with what its claim covers deferred, and due."""
    assert record.claim is not None
    return Record(pending=record.claim.covers, due_ms=LONG_AGO_MS)


@pytest.mark.parametrize("verb", ["trigger", "wake"])
def test_a_signal_ends_the_reports_of_an_end_that_the_store_does_not_take(cli: Cli, verb: str) -> None:
    """A person who stops it does not wait for the rest of a minute."""
    cli.config(f"[projects.p]\ncooldown = '1h'\nstarter = {{ command = {json.dumps(RAN)} }}\n")
    cli("trigger", "p", prelude=KILLED_BEFORE_THE_START)
    cli.change(_deferred)
    always = NO_ANSWER_ONCE.replace("    SQLiteStore.swap = swap\n", "")
    process = cli.start(*([verb] if verb == "wake" else [verb, "p"]), prelude=always)
    line_with(process.stderr, "could not record the end")
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    assert process.returncode == 7


@pytest.mark.parametrize("verb", ["run", "trigger", "wake"])
def test_a_signal_that_asks_no_command_to_stop_ends_no_reports(cli: Cli, verb: str) -> None:
    """After a SIGUSR1, which it passes on to its command, wake reported the end only once."""
    passed_on = "trap 'touch got' USR1; kill -USR1 $PPID; until [ -e got ]; do sleep 0.05; done; exit 7"
    command = ["sh", "-c", passed_on]
    cli.config(f"[projects.p]\ncooldown = '1h'\nstarter = {{ command = {json.dumps(command)} }}\n")
    cli("trigger", "p", prelude=KILLED_BEFORE_THE_START)
    cli.change(_deferred)
    argv = {"run": ["run", "p", "--", *command], "trigger": ["trigger", "p"], "wake": ["wake"]}[verb]
    assert cli(*argv, prelude=NO_ANSWER_ONCE).returncode == 7
    assert [build.exit_status for build in cli.store.history(GateKey("p", "local"))] == [7]


def test_the_end_of_a_start_that_was_left_is_reported_again_too(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "1h", "--", *RAN)
    cli(*run, prelude=KILLED_BEFORE_THE_START)
    done = cli(*run, prelude=NO_ANSWER_ONCE)
    assert (done.returncode, [build.exit_status for build in cli.store.history(GateKey("p", "local"))]) == (7, [7])
    assert "could not record the end" in done.stderr


def test_the_end_of_a_left_start_is_reported_again_though_its_trigger_found_no_store(cli: Cli) -> None:
    """The store came back a second after the command had ended."""
    run = ("run", "p", "--cooldown", "0", "--", *RAN)
    cli(*run, prelude=KILLED_BEFORE_THE_START)
    twice = NO_ANSWER_ONCE.replace("SQLiteStore.swap = swap", "SQLiteStore.swap = answers.pop()")
    done = cli(*run, prelude=f"{twice}\nanswers = [swap, no_answer_once]")
    assert (done.returncode, [build.exit_status for build in cli.store.history(GateKey("p", "local"))]) == (69, [7])


def test_killed_while_its_command_runs_it_has_failed_and_the_policy_says_what_follows(cli: Cli) -> None:
    """With ``rearm`` it has not used up the cooldown: it once had, and what it should have built was lost."""
    run = ("run", "p", "--cooldown", "1h", "--on-failure", "rearm", "--")
    process = cli.start(*run, "sh", "-c", "echo ready; exec sleep 1000")
    assert line_of(process.stdout) == "ready\n"
    until(lambda: cli.record().running)
    process.kill()
    assert process.communicate(timeout=PATIENCE) == ("", "")
    at_once = cli(*run, *RAN)
    finished, pending = cli.record().finished, cli.record().pending
    cli.change(lambda record: record.but(pending=record.pending and record.pending.but(retry_ms=LONG_AGO_MS)))
    later = cli(*run, *RAN)

    assert "the last build failed" in at_once.stderr
    assert finished is not None
    assert (finished.succeeded, finished.detail) == (False, "the process that looked after it is gone")
    assert pending is not None
    assert (later.returncode, cli.lines()) == (7, ["ran"])


# --- nothing is left behind ----------------------------------------------------------------------------------------

FAMILY = ("sh", "-c", "sh -c 'sleep 1000 & sleep 1000' & echo ready; wait")
#: Ignores all but SIGKILL, and so does its child.
STUBBORN = ("sh", "-c", "trap '' INT TERM HUP; (echo ready; while true; do sleep 0.01; done)")


@pytest.mark.parametrize("before", [(), ("timeout", "1h")], ids=["", "in a group of its own"])
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["alone", "with its group"])
def test_killed_it_leaves_no_process_of_the_command_behind(
    cli: Cli, kill: Callable[[int, int], None], before: tuple[str, ...]
) -> None:
    process = cli.start(*RUN, *before, *FAMILY)
    assert line_of(process.stdout) == "ready\n"
    until(lambda: cli.record().running)  # by now the keeper knows the command by its number, too
    kill(process.pid, signal.SIGKILL)

    assert process.communicate(timeout=PATIENCE) == ("", ""), "the last process with the pipe has gone"


def test_killed_it_leaves_nothing_stubborn_behind(cli: Cli) -> None:
    short = "import holdoff.starters.processes as p; p._KEEP = p._KEEP.replace('sleep 5', 'sleep 0.1')"
    process = cli.start(*RUN, *STUBBORN, prelude=short)
    assert line_of(process.stdout) == "ready\n"
    process.kill()

    assert process.communicate(timeout=PATIENCE) == ("", "")


@pytest.mark.parametrize(
    ("kill", "before"),
    [(os.kill, ()), (os.killpg, ()), (os.kill, ("timeout", "1h"))],
    ids=["alone", "with its group", "the command in a group of its own"],
)
def test_killed_in_a_terminal_it_leaves_nothing_behind(
    cli: Cli, kill: Callable[[int, int], None], before: tuple[str, ...]
) -> None:
    """It is the leader of the terminal's foreground group, as a shell makes it."""
    terminal = Terminal(cli, *RUN, *before, *FAMILY, columns=60)
    terminal.wait_for("ready")
    until(lambda: cli.record().running)
    kill(terminal.process.pid, signal.SIGKILL)

    assert terminal.end() == -signal.SIGKILL


def test_killed_under_a_script_in_a_terminal_it_ends_the_command_and_not_the_script(cli: Cli) -> None:
    run = f"{sys.executable} -m holdoff {' '.join(RUN)} sh -c 'echo ready $PPID; exec sleep 1000'"
    terminal = Terminal(cli, "run", "outer", "--cooldown", "0", "--", "sh", "-c", f"{run}; echo status $?", columns=60)
    terminal.wait_for("ready")
    while not terminal.seen.endswith("\n"):
        terminal.wait_for("\n")
    os.kill(int(terminal.seen.split()[1]), signal.SIGKILL)

    terminal.wait_for("status 137")
    assert terminal.end() == 0, "the last process with the terminal has gone"


# --- free at once, and not before ----------------------------------------------------------------------------------

ALONE = ("run", "p", "--cooldown", "0", "--overlap", "skip", "-v", "--")


def test_killed_while_the_command_runs_the_cooldown_still_counts(cli: Cli) -> None:
    killed_while_it_runs(cli, *RUN[:-1], "-v", "--")
    again = cli(*RUN, *RAN)

    assert "p skipped: last built " in again.stderr


def test_killed_while_the_command_runs_the_gate_is_free_at_once(cli: Cli) -> None:
    killed_while_it_runs(cli, *ALONE)
    again = cli(*ALONE, *RAN)

    assert (again.returncode, cli.lines()) == (7, ["ran"])
    assert "p started" in again.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells")  # noqa: PTH110
def test_what_was_left_behind_without_its_keeper_can_be_cancelled(cli: Cli) -> None:
    """The keeper and its parent were killed: no process ends the command, or will tell its end."""
    cancel = ("run", "p", "--cooldown", "0", "--overlap", "cancel", "-v", "--")
    process = cli.start(*cancel, "sh", "-c", "echo ready; exec sleep 1000")
    assert line_of(process.stdout) == "ready\n"
    assert "p started" in line_of(process.stderr)
    running = cli.record().running
    assert running is not None
    command = int(running.build_id.rpartition(":")[2])
    os.kill(os.getpgid(command), signal.SIGKILL)
    process.kill()
    process.wait(timeout=PATIENCE)
    os.kill(command, 0)  # it runs
    again = cli(*cancel, *RAN)

    assert (again.returncode, cli.lines()) == (7, ["ran"])
    assert not processes.lives(running.build_id)


def test_those_that_wait_for_it_know_at_once(cli: Cli) -> None:
    """How it ended is known to none: they do not wait for a lease to find out."""
    cli("hold", "p", "--new", "--why", "a test")
    crowd = []
    for command in (RAN, ("sh", "-c", "echo ready; sleep 1000")):
        crowd.append(cli.start("run", "p", "--cooldown", "1h", "--wait", "-v", "--", *command))
        assert "deferred" in line_of(crowd[-1].stderr)
    older, newest = crowd
    cli("resume", "p")
    assert line_of(newest.stdout) == "ready\n"
    assert "p started" in line_of(newest.stderr)
    newest.kill()
    _, errors = older.communicate(timeout=PATIENCE)

    assert older.returncode == 75
    assert "but how that ended is not known" in errors


CONFIGURED = '[projects.p]\ncooldown = 0\noverlap = "defer"\nstarter = { command = ["true"] }\n'


@pytest.mark.parametrize("config", ["", CONFIGURED], ids=["by its name alone", "in holdoff.toml"])
def test_a_command_is_not_told_to_run_once_it_is_dead(cli: Cli, config: str) -> None:
    """Its lease stands for a minute; status, history and explain said for so long that it runs."""
    if config:
        (cli.folder / "holdoff.toml").write_text(config)
    killed_while_it_runs(cli, *RUN[:-1], "--overlap", "skip", "-v", "--")
    said = [cli(*look).stdout for look in (("status",), ("explain", "p"), ("history", "p"))]

    assert not [text for text in said if "running" in text], said
    how = "failed after" if config else "its end was not reported"
    assert all(how in text for text in said[1:]), said


def test_of_a_command_that_runs_no_instant_is_told_at_which_it_ends(cli: Cli) -> None:
    """Its lease of a minute is renewed for as long as it runs: *at the latest in 59s* was never true."""
    (cli.folder / "holdoff.toml").write_text(CONFIGURED)
    process = cli.start(*RUN[:-1], "--overlap", "skip", "--", "sh", "-c", "echo ready; sleep 1000")
    assert line_of(process.stdout) == "ready\n"
    cli("trigger", "p")
    status, explained = cli("status"), cli("explain", "p")
    (gate,) = cli.json("status", "--json")["gates"]

    assert (gate["state"], gate["ready"]) == ("running", None)
    assert "ready after it ends, 1 trigger pending" in status.stdout
    assert "  waits for the build before\n" in explained.stdout


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells")  # noqa: PTH110
def test_a_command_that_has_ended_is_not_told_to_have_failed_before_its_end_is_reported(cli: Cli) -> None:
    """Until the report, which a store may hold up, status said: the process that looked after it is gone."""
    (cli.folder / "holdoff.toml").write_text(CONFIGURED)
    process = cli.start(*RUN[:-1], "-v", "--", "sh", "-c", "echo ready; exec sleep 1000")
    assert line_of(process.stdout) == "ready\n"
    assert "p started" in line_of(process.stderr)
    running = cli.record().running
    assert running is not None
    process.send_signal(signal.SIGSTOP)  # so that it reports nothing
    os.kill(int(running.build_id.rpartition(":")[2]), signal.SIGKILL)
    until(lambda: processes.lives(running.build_id) is False)
    said = [cli(*look).stdout for look in (("status",), ("explain", "p"), ("history", "p"))]
    process.send_signal(signal.SIGCONT)

    assert not [text for text in said if "failed" in text], said
    assert process.wait(timeout=PATIENCE) == 128 + signal.SIGKILL


def killed_while_it_runs(cli: Cli, *run: str) -> None:
    process = cli.start(*run, "sh", "-c", "echo ready; sleep 1000")
    assert line_of(process.stdout) == "ready\n"
    assert "p started" in line_of(process.stderr)
    process.kill()
    process.communicate(timeout=PATIENCE)


def test_on_another_machine_the_next_run_waits_for_the_dead_ones_lease(cli: Cli) -> None:
    killed_while_it_runs(cli, *ALONE)
    cli.change(lambda record: record.but(running=record.running and record.running.but(build_id="there:17")))
    before = cli(*ALONE, *RAN)
    cli.change(lambda record: record.but(running=record.running and record.running.but(lease_until_ms=LONG_AGO_MS)))
    after = cli(*ALONE, *RAN)

    assert "is running" in before.stderr
    assert (after.returncode, cli.lines()) == (7, ["ran"])


def test_after_a_frozen_minute_no_second_one_runs_beside_it(cli: Cli) -> None:
    """SIGSTOP keeps it from renewing its lease; the command runs on."""
    process = cli.start(*ALONE, "sh", "-c", "echo ready; read line; echo done >> ran")
    assert line_of(process.stdout) == "ready\n"
    assert "p started" in line_of(process.stderr)
    process.send_signal(signal.SIGSTOP)
    cli.change(lambda record: record.but(running=record.running and record.running.but(lease_until_ms=LONG_AGO_MS)))
    beside = cli(*ALONE, *RAN)
    woken = cli("run", "p", "--cooldown", "0", "--overlap", "defer", "--wait", "--wait-timeout", "0", "--", *RAN)
    process.send_signal(signal.SIGCONT)
    process.communicate("go\n", timeout=PATIENCE)

    assert beside.returncode == 0
    assert "p skipped: build " in beside.stderr
    assert woken.returncode == 75
    assert (process.returncode, cli.lines()) == (0, ["done"])
    finished = cli.record().finished
    assert finished is not None
    assert finished.succeeded is True


@pytest.fixture
def ended_while_frozen(cli: Cli) -> Iterator[subprocess.Popen[str]]:
    """A run that was stopped, and whose command has ended since; it goes on at the end of the test."""
    process = cli.start(*ALONE, "sh", "-c", "echo ready; read line")
    assert line_of(process.stdout) == "ready\n"
    assert "p started" in line_of(process.stderr)
    process.send_signal(signal.SIGSTOP)
    running = cli.record().running
    assert running is not None
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    until(lambda: processes.lives(running.build_id) is False)
    yield process
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_command_that_ends_while_its_run_is_frozen_has_not_failed(
    cli: Cli, ended_while_frozen: subprocess.Popen[str]
) -> None:
    """After a minute its gate was free, and its success was "failed": with rearm it was run again."""
    cli.change(lambda record: record.but(running=record.running and record.running.but(lease_until_ms=LONG_AGO_MS)))
    beside = cli(*ALONE, *RAN)
    assert "p skipped: build " in beside.stderr
    ended_while_frozen.send_signal(signal.SIGCONT)
    until(lambda: cli.record().finished)
    finished = cli.record().finished
    assert finished is not None
    assert (finished.succeeded, cli.lines()) == (True, [])


@pytest.mark.usefixtures("ended_while_frozen")
def test_a_command_that_has_ended_and_is_not_reported_yet_needs_no_cancel(cli: Cli) -> None:
    """The next run could not "end" it, and exited with 75."""
    beside = cli("run", "p", "--cooldown", "0", "--overlap", "cancel", "--", *RAN)
    assert (beside.returncode, cli.lines()) == (7, ["ran"])


def test_frozen_before_it_starts_what_it_claimed_it_is_not_overtaken(cli: Cli) -> None:
    frozen = """
import os, signal
from holdoff.starters.command import Command
start = Command.start
def stopped(self, request, token):
    os.kill(os.getpid(), signal.SIGSTOP)
    return start(self, request, token)
Command.start = stopped
"""
    process = cli.start(*ALONE, *RAN, prelude=frozen)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    cli.change(lease_over)
    beside = cli(*ALONE, *RAN)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE)

    assert "p skipped: a start is under way" in beside.stderr
    assert (process.returncode, cli.lines()) == (7, ["ran"])


# --- a store that fails --------------------------------------------------------------------------------------------


def test_a_store_that_fails_under_a_running_command_does_not_lose_its_status(cli: Cli) -> None:
    impatient = f"{STORE_FAILS}\nimport holdoff.cli.run; holdoff.cli.run.OUTAGE_MS = 0"
    done = cli(*RUN, "sh", "-c", "echo out; exit 7", prelude=impatient)

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
