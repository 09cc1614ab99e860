"""CONTRIBUTING.md is done as it is written: in a copy of the tree, each of its half pages adds what it says.

What counts in it: "In `FILE`, below `LINE`:", "above `LINE`:", "At the end of `FILE`:", with the block that follows;
"instead of `TEXT`, write `TEXT`"; "goes into `FILE`" with the class of a how-to; "Now `TEST` fails"; and
"`python -m ...`", which is run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.package.conftest import run
from tests.waiting import PATIENCE_S

ROOT: Final = Path(__file__).parent.parent
TEXT: Final = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES: Final = dict(re.findall(r"^### A (\w+): .*?\n(.*?)(?=^### A |^## A |\Z)", TEXT, re.MULTILINE | re.DOTALL))
#: One step, in the order of the page. ``FILE`` is the last that was named.
STEPS: Final = re.compile(
    r"`(?P<file>(?:src|tests|docs)/[\w./-]+\.(?:py|md))`"
    r"|(?P<place>below|above) `(?P<line>[^`]*(?:`[^`]*`)?[^`]*?)`:\n\n(?P<fence>`{3,4})\w+\n(?P<block>.*?)^(?P=fence)$"
    r"|At the end of\s+`(?P<end>[^`]+)`:\n\n```\w+\n(?P<last>.*?)^```$"
    r"|instead of `(?P<old>[^`]+)`[,:] write\s+`(?P<new>[^`]+)`"
    r"|Now `(?P<failing>[^`]+)` fails: (?P<says>[^.]+)\."
    r"|`python -m (?P<command>[^`]+)`(?: passes| writes it)",
    re.MULTILINE | re.DOTALL,
)
HOW_TO: Final = re.compile(r"goes into `(?P<file>[^`]+)`.*?\[the how-to\]\((?P<page>[^)]+)\)", re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree as git has it, with what is not committed yet."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


class Reader:
    """Does what a half page says, in a copy of the tree."""

    def __init__(self, root: Path) -> None:
        self.root, self.file, self.done = root, Path(), list[str]()

    def follow(self, recipe: str) -> None:
        if found := HOW_TO.search(recipe):
            page = (self.root / found["page"]).read_text()
            code = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
            assert code is not None
            (self.root / found["file"]).write_text(code[1])
        for step in STEPS.finditer(recipe):
            if step["file"]:
                self.file = self.root / step["file"]
            elif step["place"]:
                self.insert(step["line"], step["block"], below=step["place"] == "below")
            elif step["end"]:
                self.file = self.root / step["end"]
                self.file.write_text(self.file.read_text() + step["last"])
            elif step["old"]:
                self.replace(step["old"], step["new"])
            elif step["failing"]:
                status, said = self.python("pytest -qx " + step["failing"])
                assert status == 1, said
            else:
                status, said = self.python(step["command"])
                assert status == 0, said
            self.done.append(next(name for name, found in step.groupdict().items() if found))

    def insert(self, line: str, block: str, *, below: bool) -> None:
        lines = self.file.read_text().splitlines(keepends=True)
        at = [number for number, one in enumerate(lines) if line.replace("`", "") in one.replace("`", "")]
        assert len(at) == 1, f"{self.file}: {line} is there {len(at)} times"
        lines.insert(at[0] + below, block)
        self.file.write_text("".join(lines))

    def replace(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert text.count(old) == 1, f"{self.file}: {old} is there {text.count(old)} times"
        self.file.write_text(text.replace(old, new))

    def python(self, command: str) -> tuple[int, str]:
        path = {
            "PYTHONPATH": f"{self.root / 'src'}:{self.root}",
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }
        more = ("-p", "no:cacheprovider") if command.startswith("pytest") else ()
        done = subprocess.run(
            [sys.executable, "-m", *command.split(), *more],
            cwd=self.root,
            env=path | {"HOME": str(self.root), "HOLDOFF_REQUIRE_ENGINES": "no"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return done.returncode, done.stdout + done.stderr


def test_there_are_four() -> None:
    assert list(RECIPES) == ["why", "sender", "starter", "store"]
    assert [name for name, text in RECIPES.items() if len(text.splitlines()) > 75] == []


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_half_page_adds_what_it_says(recipe: str, copy: Path) -> None:
    reader = Reader(copy)
    reader.follow(RECIPES[recipe])
    assert "command" in reader.done


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:src|tests|docs|deploy|tools|\.github)/[\w./-]+)`", TEXT))
    made = {"src/holdoff/starters/folder.py", "src/holdoff/stores/json_store.py"}
    assert [name for name in named - made if not (ROOT / name).exists()] == []


def test_every_target_that_is_named_is_there_and_listed() -> None:
    targets = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`|^\$ .*$", TEXT, re.MULTILINE))))
    listed = set(re.findall(r"^  make ([a-z-]+)", run("make", "help", cwd=ROOT), re.MULTILINE))
    assert targets <= listed
    assert {"package", "matrix", "test-fast"} <= targets
