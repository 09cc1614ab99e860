"""README.md is typed as it stands: what it says a newcomer sees is what they see."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from holdoff.config import parse
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
#: What differs from one run to the next.
_CHANGING = re.compile(r"\d+ms|\d+m\d+s|\d+s\b|\S+:[0-9a-f]+\.[\d.:]+")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def typed(command: str, folder: Path, **environment: str) -> str:
    """What a person sees in a terminal that types this in ``folder``; both streams, as they come."""
    at = os.environ | {"XDG_STATE_HOME": str(folder), "NO_COLOR": "1"} | environment
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=at,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.stdout


@pytest.fixture(autouse=True)
def _on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("holdoff", path=str(ROOT / ".venv/bin"))
    if program:
        monkeypatch.setenv("PATH", f"{Path(program).parent}:{os.environ['PATH']}")
    for name in ("HOLDOFF_CONFIG", "HOLDOFF_STORE"):
        monkeypatch.delenv(name, raising=False)


def test_thirty_seconds_build_the_first_and_the_last_change(tmp_path: Path) -> None:
    block = next(block for block in blocks("console") if "for n in 1 2 3 4 5" in block)
    command = re.search(r"^\$ (for .*)$", block, re.MULTILINE)
    assert command is not None
    lines = typed(command[1], tmp_path).splitlines()
    promised = block.partition("$ holdoff history")[0].splitlines()[1:]

    for changes in (lines, promised):
        assert [line for line in changes if line.startswith("building")] == ["building change 1", "building change 5"]
    seen, told = ({_CHANGING.sub("T", line) for line in changes} for changes in (lines, promised))
    # How many lines tell of a wait depends on the machine: a run may look while a start or a build is under way.
    assert told <= seen
    assert all(re.search("deferred: |covered by build ", line) for line in seen - told)

    history = typed("holdoff history site", tmp_path).splitlines()
    shown = block.partition("$ holdoff history site\n")[2].splitlines()
    assert [_CHANGING.sub("T", line) for line in history] == [_CHANGING.sub("T", line) for line in shown]


def test_the_projects_file_and_what_is_typed_beside_it(tmp_path: Path) -> None:
    (toml,) = blocks("toml")
    tmp_path.joinpath("holdoff.toml").write_text(toml)
    assert set(parse(toml).projects) == {"site", "docs"}
    block = next(block for block in blocks("console") if "holdoff trigger site" in block)
    for command, promised in re.findall(r"^\$ (holdoff (?:trigger|explain).*)\n((?:[^$].*\n)+)", block, re.MULTILINE):
        seen = typed(command, tmp_path, TZ="Europe/Berlin")
        # Between midnight there and midnight in UTC, UTC has a date of its own.
        times = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+ \((?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC\)|\b\d+m?s\b")
        assert times.sub("T", seen) == times.sub("T", promised), command


def test_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks("python")
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("program.py").write_text(program)
    runpy.run_path(str(tmp_path / "program.py"))
    assert capsys.readouterr().out.startswith("building 4f2a91c\nsite-build started: build ")


def test_every_link_leads_somewhere() -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", TEXT):
        page = ROOT / (target or "README.md")
        assert page.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, anchor
