"""The line of one that waits takes nothing away but itself: what the eye sees, by pyte."""

from __future__ import annotations

import io
import os
import pty
import sys
from typing import TYPE_CHECKING

import pyte
import pytest

from holdoff.cli.table import width_of
from holdoff.cli.wait import Countdown
from tests.cli.conftest import PATIENCE, Terminal
from tests.cli.screen import lines_on

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

COLUMNS = 40


class Screen(io.TextIOWrapper):
    """A terminal that pyte draws."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.screen = pyte.Screen(COLUMNS, 6)
        self.stream = pyte.Stream(self.screen)

    def fileno(self) -> int:
        return 1

    def flush(self) -> None:
        super().flush()
        self.others_write("")

    def others_write(self, text: str) -> None:
        """Another process writes to the terminal, after all that was written so far."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        self.stream.feed(buffer.getvalue().decode() + text)
        buffer.seek(0)
        buffer.truncate()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((COLUMNS, 6)))
    return Screen()


def test_a_terminal_that_has_gone_ends_no_wait(cli: Cli) -> None:
    """A person has closed it, and what waits there goes on (``disown -h``)."""
    cli("run", "p", "--cooldown", "1h", "--", "true")
    master, terminal = pty.openpty()
    goes = f"""
import os, holdoff.cli.wait as c
def begin(self, stream, begin=c.Countdown.__init__):
    begin(self, stream)
    os.close({master})
c.Countdown.__init__ = begin
"""
    argv = ("run", "p", "--cooldown", "1h", "--wait", "--wait-timeout", "10ms", "--", "true")
    streams = dict.fromkeys(("stdout", "stderr"), terminal)
    waiting = cli.start(*argv, prelude=goes, pass_fds=(master,), **streams)
    os.close(master)
    os.close(terminal)
    assert waiting.wait(PATIENCE) == 75, "--wait-timeout is over"
    assert cli.record().pending is not None


@pytest.mark.parametrize("before", ["", "$ ", "deploying: ", "x" * (COLUMNS - 1)])
def test_what_stood_in_the_line_stays(screen: Screen, before: str) -> None:
    screen.others_write(before)
    countdown = Countdown(screen)
    for message in ("starts in 10s", "starts in 9s", "9s"):
        countdown.show(message)
        assert screen.lines == [*filter(None, [before.rstrip()]), message]
    countdown.clear()

    assert screen.lines == [*filter(None, [before.rstrip()])]


def test_what_another_writes_meanwhile_stays(screen: Screen) -> None:
    countdown = Countdown(screen)
    countdown.show("starts in 10s")
    screen.others_write(" [1]+ Done\r\n")
    countdown.show("starts in 9s")
    screen.others_write(" and so on")
    countdown.show("8s")

    assert screen.lines == ["starts in 10s [1]+ Done", "8s           and so on"]


def test_a_message_that_is_too_long_does_not_wrap(screen: Screen) -> None:
    countdown = Countdown(screen)
    for message in ("x" * 100, "日本" * 30, "short"):
        countdown.show(message)
        assert len(screen.lines) == 1

    assert screen.lines == ["short"]


def test_of_a_message_that_is_too_long_the_end_is_shown(screen: Screen) -> None:
    Countdown(screen).show("holdoff: site deferred: last built 4s ago, starts in 16s")

    assert screen.lines == ["e deferred: last built 4s ago, starts in 16s"[-COLUMNS + 1 :]]


def test_the_first_words_of_the_command_stay(cli: Cli) -> None:
    """They come before the start is recorded."""
    cli("run", "p", "--cooldown", "300ms", "--", "true")
    command = ("sh", "-c", "printf 'no line end'")
    terminal = Terminal(cli, "run", "p", "--cooldown", "300ms", "--wait", "--", *command, columns=80)

    assert terminal.end() == 0
    assert lines_on(terminal, 80) == ["no line end"]


@pytest.mark.parametrize(
    ("text", "columns"), [("site", 4), ("日本", 4), ("e\u0301", 1), ("ที่", 1), ("\u2764\ufe0f", 1), ("🚀", 2)]
)
def test_marks_that_stand_above_a_letter_take_no_column(text: str, columns: int) -> None:
    assert width_of(text) == columns


def test_a_job_that_a_shell_has_in_its_background_draws_over_no_prompt(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "1h", "--", "true")
    job = f"{sys.executable} -m holdoff run p --cooldown 1h --wait --wait-timeout 200ms -- true"
    terminal = Terminal(cli, "run", "outer", "--cooldown", "0", "--", "bash", "-c", f"set -m; {job} & wait", columns=99)

    assert terminal.end() == 0
    assert terminal.seen.startswith("holdoff: p deferred: ")
    assert "\rholdoff" not in terminal.seen


def test_what_is_said_of_an_edit_begins_a_line(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    cli("run", "p", "--", "true")
    terminal = Terminal(cli, "run", "p", "--wait", "--", "true", columns=300)
    terminal.wait_for("starts in")
    cli.config("[projects.p]\n")
    terminal.wait_for("as they were")
    terminal.type(b"\x03")
    terminal.end()
    screen = pyte.Screen(300, 24)
    pyte.Stream(screen).feed(terminal.seen)
    said = [line for line in screen.display if "as they were" in line]

    assert len(said) == 1
    assert said[0].startswith(f"holdoff: {cli.folder}/holdoff.toml: ")
