"""The command line as its users meet it: a process of its own, with a state directory of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pytest

from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.signals import FORWARDED
from holdoff.stores.sqlite import SQLiteStore
from tests.engines.process import start
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal
    from pathlib import Path

PATIENCE = PATIENCE_S
PROGRAM = [sys.executable, "-m", "holdoff"]
#: Verbs that go on until they are stopped. They read nothing.
ENDLESS = {"serve", "wake"}
#: Takes the terminal on its standard input as its own, and becomes the program.
IN_FRONT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, sys.argv[1:])
"""


@dataclass
class Cli:
    """Runs ``holdoff`` in a folder, and reaches behind its back into its store."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def store(self) -> SQLiteStore:
        """The default one: that of ``holdoff.toml``, if there is one."""
        file, state = self.folder / "holdoff.toml", self.folder / "state" / "holdoff"
        return SQLiteStore(f"{state}{file}.db" if file.exists() else state / "gates.db")

    def __call__(self, *argv: str, prelude: str = "", stdin: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end. ``prelude``: Python to run in the process before."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [*_program(prelude), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            start_new_session=True,
            env=self.environment,
            cwd=self.folder,
            **more,
        )
        return done

    def start(self, *argv: str, prelude: str = "", **more: Any) -> subprocess.Popen[str]:
        """Start it, with pipes; whatever becomes of the test, nothing is left running."""
        streams = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        how: dict[str, Any] = {"env": self.environment, "cwd": self.folder, "text": True, **streams, **more}
        program = [*_program(prelude), *argv]
        if argv[0] in ENDLESS:
            process = start(program, **how)
        else:
            process = subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True, **how)
        self.started.append(process)
        return process

    def end_all(self) -> None:
        """Kill what still runs of what was started: a test that waits for its output reads the end of it."""
        for process in self.started:
            if process.poll() is None:
                process.kill()

    def json(self, *argv: str) -> Any:
        """What it prints, which must be JSON and nothing else."""
        done = self(*argv)
        assert done.stderr == ""
        return json.loads(done.stdout)

    def record(self, project: str = "p") -> Record:
        """The gate as it stands."""
        store = self.store
        try:
            return store.get(GateKey(project, "local"))
        finally:
            store.close()

    def change(self, change: Callable[[Record], Record], project: str = "p") -> None:
        """Change the gate past all processes: a test's way to let time pass."""
        store, key = self.store, GateKey(project, "local")
        before = store.get(key)
        store.swap(key, expected=before, new=change(before).swapped("TESTTEST"))
        store.close()

    def built_at(self, lastbuild: Decimal | None, project: str = "p") -> None:
        """Make it so that the last build was then (epoch seconds), and nothing else is known."""
        self.change(lambda _: Record(lastbuild=lastbuild), project)

    def spoil(self, lastbuild: str, project: str = "p") -> None:
        """Write this JSON as ``lastbuild``, past the store, which might refuse it."""
        with sqlite3.connect(self.store.path) as db:
            sql = "UPDATE gates SET item = json_set(item, '$.lastbuild', json(?)) WHERE project = ?"
            db.execute(sql, (lastbuild, project))
        db.close()

    def config(self, text: str) -> None:
        """Write ``holdoff.toml``, which is never seen half written."""
        file, new = self.folder / "holdoff.toml", self.folder / "new.toml"
        new.write_text(text, encoding="utf-8")
        if file.exists():
            shutil.copymode(file, new)
        new.replace(file)

    def lines(self, name: str = "ran") -> list[str]:
        """The lines of a file that commands append to."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def _program(prelude: str) -> list[str]:
    if not prelude:
        return PROGRAM
    return [sys.executable, "-c", f"{prelude}\nfrom holdoff.cli.main import entry\nentry()"]


class Terminal:
    """``holdoff`` in front of a terminal of its own."""

    def __init__(
        self, cli: Cli, *argv: str, columns: int, variables: dict[str, str] | None = None, prelude: str = ""
    ) -> None:
        self.fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        _keep_output_at_ctrl_c(theirs)
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", IN_FRONT, *_program(prelude), *argv],
            env=cli.environment | {"TERM": "xterm-256color"} | (variables or {}),
            cwd=cli.folder,
            start_new_session=True,
            text=True,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        cli.started.append(self.process)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        """Read until it has shown this."""
        while text not in self.seen:
            self.read()

    def read(self) -> None:
        """Wait until it shows something more."""
        self.seen += os.read(self.fd, 4096).decode()

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.fd, keys)

    def end(self) -> int:
        """Read to the end, which comes when no process has the terminal open any more; the exit status."""
        with suppress(OSError):
            while more := os.read(self.fd, 4096).decode():
                self.seen += more
        os.close(self.fd)
        return self.process.wait(timeout=PATIENCE)


def _keep_output_at_ctrl_c(terminal: int) -> None:
    """Else the terminal throws away, with the rest, what is said in answer to Ctrl-C."""
    modes = termios.tcgetattr(terminal)
    modes[3] |= termios.NOFLSH
    termios.tcsetattr(terminal, termios.TCSANOW, modes)


@pytest.fixture(autouse=True)
def _no_signal_ignored() -> Iterator[None]:
    """What these tests start would ignore what we do: under nohup, or behind a shell's ``&``."""
    ignored = [number for number in FORWARDED if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HOLDOFF_", "XDG_", "AWS_", "COLUMNS"))
        and name != "PYTHONUNBUFFERED"  # two that print a line at a time would print into each other's
    }
    environment |= {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    cli = Cli(tmp_path, environment)
    watchdog = threading.Timer(PATIENCE, cli.end_all)
    watchdog.start()
    yield cli
    watchdog.cancel()
    cli.end_all()
    for process in cli.started:
        process.communicate(timeout=PATIENCE)  # what a test has read to its end is closed


def line_of(stream: IO[str] | None) -> str:
    """The next line: the way to wait for what a process says."""
    assert stream is not None
    return stream.readline()


def line_with(stream: IO[str] | None, text: str) -> str:
    """The next line with this text."""
    while text not in (line := line_of(stream)):
        assert line, f"it ended without a word of {text!r}"
    return line
