"""``holdoff init``: what it writes loads, works as it is, and stays right with each comment taken in."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from holdoff.cli.init import STARTERS, text_of
from holdoff.config import parse
from holdoff.config.projects import POLICY_KEYS
from holdoff.core.request import GateKey

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


def uncommented(text: str) -> list[str]:
    """The settings that are commented out."""
    return [line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line.partition("#")[2][:20]]


@pytest.mark.parametrize("starter", list(STARTERS))
@pytest.mark.parametrize("name", ["site", "my site", "🚀", 'odd "name" ünd.so \\'])
def test_what_it_writes_loads(starter: str, name: str) -> None:
    config = parse(text_of(name, starter))

    assert list(config.projects) == [name]
    assert config.project(name).policy.cooldown_ms == 600_000
    assert config.gate(GateKey(name, "eu-west-1"), config.open_store("memory:")).starter is not None


@pytest.mark.parametrize("starter", list(STARTERS))
def test_each_comment_is_right_when_it_is_taken_in(starter: str) -> None:
    text = text_of("site", starter)
    settings = uncommented(text)
    for setting in settings:
        key = setting.partition(" = ")[0]
        lines = [line for line in text.splitlines() if not line.startswith(f"{key} = ")]
        needed = [other[2:] for other in lines if key == "max_wait" and other.startswith("# quiet")]
        place = lines.index(f"# {setting}")
        lines[place : place + 1] = [*needed, setting]
        assert parse("\n".join(lines)) != parse(text), setting
    shown = {setting.partition(" = ")[0] for setting in settings} | set(tomllib.loads(text)["projects"]["site"])
    assert shown >= set(POLICY_KEYS) - {"on_cooldown"}


def test_it_works_as_it_is(cli: Cli) -> None:
    done = cli("init", "site")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {cli.folder}/holdoff.toml with the project site; next: holdoff trigger site\n"
    built = cli("trigger", "site", "--source-version", "4f2a91c")

    assert "building site 4f2a91c\n" in built.stdout
    assert built.returncode == 0
    assert "site deferred" in cli("trigger", "site").stdout


def test_the_project_is_named_for_the_folder(cli: Cli) -> None:
    cli.folder = cli.folder / "My Site (new)"
    cli.folder.mkdir()
    assert "the project My-Site-new;" in cli("init").stdout


def test_it_says_which_file_it_hides(cli: Cli) -> None:
    cli.config("")
    above, cli.folder = cli.folder / "holdoff.toml", cli.folder / "below"
    cli.folder.mkdir()
    assert cli("init").stderr == f"holdoff: the new file is now used in this folder and below, instead of {above}\n"


def test_it_writes_over_nothing(cli: Cli) -> None:
    cli.config("# mine")
    done = cli("init", "site")

    assert done.returncode == 2
    assert done.stderr == (f"holdoff: {cli.folder}/holdoff.toml exists already. Edit it, or go to another folder\n")
    assert (cli.folder / "holdoff.toml").read_text() == "# mine"


def test_in_a_folder_that_is_gone(cli: Cli) -> None:
    done = cli("init", prelude="import os, tempfile as t\nfolder = t.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)")

    assert done.returncode == 2
    assert done.stderr == "holdoff: the working directory no longer exists. Go to another folder\n"


def test_a_name_with_a_key_is_none(cli: Cli) -> None:
    assert cli("init", "site@next").returncode == 2
    assert not (cli.folder / "holdoff.toml").exists()


def test_what_cannot_be_written_whole_is_not_there(cli: Cli) -> None:
    """Half a file is none that works, and it would be kept."""
    done = cli("init", "site", prelude="import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (100, 100))")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"holdoff: {cli.folder}/holdoff.toml: File too large. Go to a folder that can be written to\n"
    assert not (cli.folder / "holdoff.toml").exists()
