"""Ctrl-C and its like: the whole of the command goes, and nothing is left behind.

The commands hold our end of their standard output open: reading to its end is the proof that none of them is left.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import PATIENCE, Terminal, line_of

if TYPE_CHECKING:
    import subprocess

    from tests.cli.conftest import Cli

RUN = ("run", "p", "--cooldown", "1h", "--")
FAMILY = ("sh", "-c", "sh -c 'sleep 1000 & sleep 1000' & echo ready; wait")
#: Hears every signal, through a pipe: one that came just before ``signal.pause`` would be told after the next.
HEARING = """
import os, signal, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
def heard():
    return signal.Signals(os.read(reader, 1)[0])
signal.signal(signal.SIGINT, lambda *_: None)
"""
#: Says what it gets; ends by SIGTERM only.
DEAF = f"""{HEARING}
print("ready", flush=True)
while True:
    print(heard().name, flush=True)
"""
#: Leaves a child that ignores all but SIGKILL.
STUBBORN = """
import os, signal, sys
if os.fork() == 0:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()
signal.pause()
"""
#: Says, at SIGTERM, how many SIGINTs came.
COUNTING = f"""{HEARING}
signal.signal(signal.SIGTERM, lambda *_: None)
print("ready", flush=True)
came = 0
while heard() == signal.SIGINT:
    came += 1
    print("one", flush=True)
print("came", came, flush=True)
sys.exit(3)
"""


def end_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it still says. Ends when the last process that could say something has gone."""
    return process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_whole_family_goes(cli: Cli, number: signal.Signals) -> None:
    process = cli.start(*RUN, *FAMILY)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(number)

    assert end_of(process) == ("", "")
    assert process.returncode == 128 + number
    finished = cli.record().finished
    assert finished is not None
    assert finished.succeeded is False
    assert finished.detail == f"exit status {128 + number}"


def test_a_command_may_ignore_ctrl_c(cli: Cli) -> None:
    process = cli.start(*RUN, sys.executable, "-c", DEAF)
    assert line_of(process.stdout) == "ready\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert line_of(process.stdout) == "SIGINT\n"
    process.send_signal(signal.SIGTERM)

    assert end_of(process) == ("", "")
    assert process.returncode == 128 + signal.SIGTERM


def test_what_outlives_the_grace_is_killed(cli: Cli) -> None:
    short = "import holdoff.starters.command as c; c.GRACE_MS = 100"
    process = cli.start(*RUN, sys.executable, "-c", STUBBORN, prelude=short)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert end_of(process) == ("", "")
    assert process.returncode == 128 + signal.SIGTERM


def test_what_a_command_leaves_running_on_purpose_is_left_alone(cli: Cli) -> None:
    script = "sleep 1000 >/dev/null 2>&1 & echo $!"
    left = int(cli(*RUN, "sh", "-c", script).stdout)

    os.kill(left, signal.SIGKILL)  # still there


def test_signals_ignored_by_the_parent_stay_ignored(cli: Cli) -> None:
    """As under nohup: the command goes on, and so do we."""
    process = cli.start(
        *RUN,
        *("sh", "-c", "echo ready; read line; echo survived"),
        prelude="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    )
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGHUP)

    assert process.communicate("go\n", timeout=PATIENCE) == ("survived\n", "")
    assert process.returncode == 0


def test_a_signal_between_claim_and_start_reaches_the_command(cli: Cli) -> None:
    early = """
import os, signal
from holdoff.starters.command import Command
start = Command.start
def interrupted(self, request, token):
    os.kill(os.getpid(), signal.SIGINT)
    return start(self, request, token)
Command.start = interrupted
"""
    process = cli.start(*RUN, *FAMILY, prelude=early)

    assert end_of(process)[1] == ""
    assert process.returncode == 128 + signal.SIGINT
    assert cli.record().claim is None


def test_ctrl_c_in_a_terminal_reaches_the_command_once(cli: Cli) -> None:
    terminal = Terminal(cli, *RUN, sys.executable, "-c", COUNTING, columns=60)
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    terminal.wait_for("one")
    terminal.process.terminate()  # behind whatever we might have passed on

    assert terminal.end() == 3
    assert "came 1" in terminal.seen


def test_ctrl_c_in_a_terminal_ends_the_family(cli: Cli) -> None:
    terminal = Terminal(cli, *RUN, "sh", "-c", "sleep 1000 | sleep 1000 | (echo ready; sleep 1000)", columns=60)
    terminal.wait_for("ready")
    terminal.type(b"\x03")

    assert terminal.end() == 128 + signal.SIGINT
    assert "Traceback" not in terminal.seen
    finished = cli.record().finished
    assert finished is not None
    assert finished.detail == "exit status 130"


def test_a_command_in_a_terminal_may_ask_there_even_if_its_input_is_a_pipe(cli: Cli) -> None:
    """A command in a background group would be stopped by the terminal for asking."""
    script = "echo asked >/dev/tty; read answer </dev/tty; echo got $answer"
    arguments = " ".join(RUN)
    shell = f"true | {sys.executable} -m holdoff {arguments} sh -c '{script}'"
    terminal = Terminal(cli, "run", "outer", "--cooldown", "0", "--", "sh", "-c", shell, columns=60)
    terminal.wait_for("asked")
    terminal.type(b"secret\n")
    terminal.wait_for("got secret")

    assert terminal.end() == 0


def test_a_wait_in_a_terminal_is_one_line_that_is_redrawn(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "1h", "--", "true")
    terminal = Terminal(cli, "run", "p", "--cooldown", "1h", "--wait", "--", "true", columns=60)
    terminal.wait_for("deferred")
    terminal.type(b"\x03")

    assert terminal.end() == 128 + signal.SIGINT
    assert "holdoff: p: no longer waited for; it stays pending" in terminal.seen
    drawn = terminal.seen.split("\r\x1b[K")[1]
    assert drawn.startswith("holdoff: p deferred: last built ")
    assert len(drawn.partition("^C")[0]) < 60
    assert cli.record().pending is not None
