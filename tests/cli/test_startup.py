"""What ``holdoff run`` on SQLite must not import: every command it is put in front of pays for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

#: Each takes milliseconds, or brings in what does.
UNWANTED = {
    "argparse",
    "asyncio",
    "base64",
    "boto3",
    "botocore",
    "concurrent.futures",
    "dataclasses",
    "datetime",
    "difflib",
    "email",
    "hashlib",
    "http",
    "importlib.metadata",
    "inspect",
    "ipaddress",
    "locale",
    "logging",
    "pathlib",
    "rich",
    "selectors",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "tomllib",
    "typing",
    "unicodedata",
    "unittest",
    "urllib.parse",
    "urllib.request",
}
COMMAND = ("run", "p", "--cooldown", "1h", "--", "true")
#: The program ends by os._exit: say what is loaded just before.
TOLD = """
import os, sys
end = os._exit
def tell(status):
    print(*sys.modules, flush=True)
    end(status)
os._exit = tell
"""


def imported(cli: Cli, *argv: str) -> set[str]:
    return set(cli(*argv, prelude=TOLD).stdout.split())


def test_nothing_slow_is_imported(cli: Cli) -> None:
    started = imported(cli, *COMMAND)

    assert "holdoff.stores.sqlite" in started
    assert started & UNWANTED == set()


def test_a_skip_does_without_what_starts_commands(cli: Cli) -> None:
    cli(*COMMAND)

    assert imported(cli, *COMMAND) & (UNWANTED | {"binascii", "holdoff.starters.children"}) == set()


def test_importtime_agrees(cli: Cli) -> None:
    """As the interpreter itself tells, in a process that is just the program."""
    cli.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    told = cli(*COMMAND).stderr
    names = {line.rpartition("|")[2].strip() for line in told.splitlines()}

    assert "holdoff.gate" in names
    assert names & UNWANTED == set()


@pytest.mark.parametrize("argv", [("--version",), ("--help",), ("run", "--help")])
def test_help_and_version_need_no_store(cli: Cli, argv: tuple[str, ...]) -> None:
    done = cli(*argv)

    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not (cli.folder / "state").exists()
    assert sys.executable not in done.stdout
