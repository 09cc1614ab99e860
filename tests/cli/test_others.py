"""Other users' files, and other checkouts: none of them decides what is run here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.users import BOB, needs_root

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

BUILDS = """
[projects.site]
cooldown = "0s"
starter = { command = ["sh", "-c", "echo $HOLDOFF_SOURCE_VERSION >> built"] }
"""


@needs_root
def test_the_file_of_a_stranger_in_a_shared_folder_is_not_run(cli: Cli) -> None:
    """It once ran as root, as its writer wished."""
    cli.config(BUILDS)
    file = cli.folder / "holdoff.toml"
    os.chown(file, BOB, BOB)

    done = cli("trigger", "site")
    assert (done.returncode, cli.lines("built")) == (78, [])
    passed_over, refused = done.stderr.splitlines()
    assert passed_over.startswith(f"holdoff: {file} is passed over: belongs to {BOB}, not to you (root). To use it,")
    assert refused.startswith("holdoff: holdoff.toml is not found; write one with a table [projects.site] (")
    assert "passed over" in cli("status").stderr
    assert cli("trigger", "site", "--config", str(file), "--source-version", "named").returncode == 0
    assert cli.lines("built") == ["named"]


def test_two_checkouts_build_their_own_changes(cli: Cli) -> None:
    """They have the same project, and no store is named: a change of one once was built in the other."""
    folders: list[Path] = []
    for name in ("one", "two"):
        folders.append(cli.folder / name)
        folders[-1].mkdir()
        (folders[-1] / "holdoff.toml").write_text(BUILDS.replace('"0s"', '"10m"'))
    for folder, version in zip(folders, ("one-1", "two-1"), strict=True):
        cli.folder = folder
        cli("trigger", "site", "--source-version", version)
    for folder, version in zip(folders, ("one-2", "two-2"), strict=True):
        cli.folder = folder
        assert "deferred" in cli("trigger", "site", "--source-version", version).stdout
        cli("reset", "site")
    cli.folder = folders[0]
    cli("wake")

    assert cli.lines("built") == ["one-1", "one-2"]
    cli.folder = folders[1]
    assert cli.lines("built") == ["two-1"]
