"""Completion in real shells, and a man page, both made from the parsers."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdoff.cli.main import VERBS, parser_of
from tests.cli.conftest import PATIENCE
from tools.man_page import page

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
#: Loads the script, and prints for each of its arguments, a command line, what its last word would be completed with.
BASH = """
source <(holdoff completion bash)
compopt() { COMPREPLY+=("$*"); }
for line in "$@"; do
    mapfile -t -d ' ' COMP_WORDS < <(printf '%s ' "$line")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _holdoff 2>/dev/null
    (IFS=$'\\t'; printf '%s\\n' "${COMPREPLY[*]}")
done
"""
#: Takes the terminal on its standard input as its own, and becomes a shell without a user's settings.
IN_FRONT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def shell(cli: Cli) -> Cli:
    """A ``holdoff`` on PATH, and a project with an odd name."""
    program = cli.folder / "bin" / "holdoff"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m holdoff "$@"\n')
    program.chmod(0o755)
    cli.environment["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    cli.config('[projects.docs]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    cli("run", "site $(touch spoilt) `touch spoilt`", "--cooldown", "1h", "--", "true")
    return cli


def completed(shell: Cli, *argv: str) -> list[str]:
    """What a shell says."""
    done = subprocess.run(
        argv, env=shell.environment, cwd=shell.folder, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return done.stdout.split("\n")[:-1]


def in_bash(shell: Cli, *lines: str) -> list[list[str]]:
    """What bash completes the last word of each line with."""
    return [said.split("\t") for said in completed(shell, "bash", "-c", BASH, "bash", *lines)]


def test_bash(shell: Cli) -> None:
    wanted = {
        "holdoff st": ["status", "store"],
        "holdoff run do": ["docs"],
        "holdoff run docs --cool": ["--cooldown"],
        "holdoff store ": ["init", "check"],
        "holdoff completion z": ["zsh"],
        "holdoff hold docs --why ": [""],
        "holdoff wake --w": ["--watch"],
        "holdoff explain docs --e": ["--event"],
        "holdoff explain docs --bogus =": [""],
        "holdoff frobnicate ": [""],
        "holdoff run docs -- make ": ["-o default"],
        "holdoff run --cooldown 1h --force do": ["docs"],
        "holdoff finished do": ["docs"],
        "holdoff finished docs ": [""],
        "holdoff finished --store sqlite : ///a.db do": ["docs"],
        "holdoff finished --store = a.db docs ": [""],
        "holdoff token ": ["new", "list", "revoke"],
        "holdoff token revoke ": [""],
        "holdoff dead-letters retry --a": ["--all"],
        "holdoff rules try ": ["-o default"],
        "holdoff plan --git ": ["-o default"],
        "holdoff rules try event.json --path ": [""],
    }
    found = in_bash(shell, "holdoff run docs --cooldown 1h -- tru", *wanted)
    assert "true" in found[0]
    assert dict(zip(wanted, found[1:], strict=True)) == wanted


def test_the_values_of_an_option_in_bash(shell: Cli) -> None:
    choices = next(list(one.choices or ()) for one in parser_of("run")[0]._actions if "--overlap" in one.option_strings)

    lines = [f"holdoff run docs --overlap {ends}" for ends in ("", "=", "= ")]
    assert in_bash(shell, *lines) == [choices] * 3


def test_a_name_is_quoted_and_never_expanded(shell: Cli) -> None:
    assert in_bash(shell, "holdoff status si") == [["site\\ \\$\\(touch\\ spoilt\\)\\ \\`touch\\ spoilt\\`"]]
    assert not (shell.folder / "spoilt").exists()


@pytest.mark.parametrize(
    ("argv", "load"),
    [
        ("bash --norc --noprofile -i", "source <(holdoff completion bash)"),
        ("zsh -f -i", "autoload -U compinit; compinit -u -D; source <(holdoff completion zsh)"),
    ],
    ids=["bash", "zsh"],
)
def test_tab_in_a_real_shell(shell: Cli, argv: str, load: str) -> None:
    if shutil.which(argv.split()[0]) is None:
        pytest.skip("it is not installed")
    fd, theirs = pty.openpty()
    variables = shell.environment | {"PS1": "$ ", "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-c", IN_FRONT, *argv.split()],
        env=variables,
        cwd=shell.folder,
        start_new_session=True,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        os.write(fd, f"{load}; echo lo''aded\n".encode())
        _read_until(fd, "loaded")
        os.write(fd, b"holdoff expl\t--config=hol\tdo\t--js\t\n")
        _read_until(fd, '"docs: ready')
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)
        os.close(fd)


def _read_until(fd: int, text: str) -> None:
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([fd], [], [], PATIENCE)
        assert ready, f"no {text!r} in {seen!r}"
        seen += os.read(fd, 4096).decode()


FISH = shutil.which("fish")
ZSH = shutil.which("zsh")


@pytest.mark.skipif(FISH is None, reason="fish is not installed")
def test_fish(shell: Cli) -> None:
    shell.environment["HOME"] = str(shell.folder)
    (shell.folder / "a b").touch()

    def fish(line: str) -> list[str]:
        found = completed(shell, "fish", "-c", f"holdoff completion fish | source; complete -C '{line}'")
        return [word.partition("\t")[0] for word in found]

    assert fish("holdoff st") == ["status", "store"]
    assert fish("holdoff explain do") == ["docs"]
    assert fish("holdoff wake --ev") == ["--every"]
    assert fish("holdoff finished --detail new do") == ["docs"]
    assert fish("holdoff finished docs ") == fish("holdoff token revoke ") == []
    assert fish("holdoff token l") == ["list"]
    assert fish("holdoff rules try hold") == ["holdoff.toml"]
    assert fish("holdoff wake --config ~/bi") == fish("holdoff rules try ~/bi") == ["~/bin/"]
    assert fish("holdoff wake --config=~/bi") == ["--config=~/bin/"]
    assert fish("holdoff wake --config $HOME/a\\ b") == ["$HOME/a b"]
    assert fish("holdoff run docs --cooldown 1h -- tru")[0] == "true"
    assert "docs" not in fish("holdoff run docs --cooldown 1h -- status do")
    assert "--watch" not in fish("holdoff status wake --w")


@pytest.mark.skipif(ZSH is None, reason="zsh is not installed")
def test_zsh_takes_the_script(shell: Cli) -> None:
    check = "autoload -U compinit; compinit -u -D; source <(holdoff completion zsh); print ${_comps[holdoff]}"

    assert completed(shell, "zsh", "-f", "-c", check) == ["_holdoff"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_is_offered(shell: Cli, verb: str) -> None:
    def offered(*words: str) -> set[str]:
        return {line.partition(" ")[0] for line in shell("completion", "words", "--", *words).stdout.splitlines()}

    assert {*VERBS} < offered("")
    assert set(parser_of(verb)[0]._option_string_actions) < offered(verb, "-")


def test_the_names_that_are_completed(shell: Cli) -> None:
    names = shell("completion", "words", "--", "status", "").stdout
    assert names == "names\ndocs\nsite $(touch spoilt) `touch spoilt`\n"


def test_the_man_page_is_up_to_date() -> None:
    """To renew: python -m tools.written"""
    assert (ROOT / "docs/holdoff.1").read_text() == page()


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_takes_the_man_page() -> None:
    argv = ["groff", "-man", "-ww", "-Tutf8", str(ROOT / "docs/holdoff.1")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=True)

    assert done.stderr == ""
    assert "holdoff" in done.stdout


def test_every_verb_and_option_is_in_the_documents() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    everywhere = {"-h", "--help", "--debug", "--key", "--region", "--store", "--config", "--json"}
    flags = {(verb, flag) for verb in VERBS for flag in parser_of(verb)[0]._option_string_actions}

    assert [verb for verb in VERBS if f"`holdoff {verb}" not in text and f"`{verb} " not in text] == []
    assert sorted(f"{verb} {flag}" for verb, flag in flags if flag not in everywhere and f"`{flag}" not in text) == []
