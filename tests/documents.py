"""Plays a page of the documentation: writes its files, types its commands, and compares what they say.

What counts on a page:

* A block whose paragraph before ends with "into `NAME`:" is a file. The entry points of a ``pyproject.toml`` are there
  from then on, as after ``pip install -e .``, which ``test_docs_blocks`` types.
* In a ``console`` block a line after ``$ `` is typed (one that ends with ``\\`` goes on); the lines below it are what
  it says. ``...`` on a line of its own stands for any lines. A ``sh`` block is typed as it stands, and must end well.
* "10 minutes later:" before a block moves the clock of all that is typed from there on. No page waits.

What differs from run to run is not compared: ids of builds and decisions, instants, the home directory. Durations are,
to within ``SLACK_S``, or what the page took. A command's build id is shown without the mark of its boot: ``vm:4504``.

To renew what a page's commands say: ``python -m tests.documents docs/howto/freeze.md``, and read it.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.units import parse_duration
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.services import Services
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTO: Final = re.compile(r"\b[Ii]nto `(?:~/)?([^`]+)`:$")
LATER: Final = re.compile(r"\b(\d+) (second|minute|hour|day)s? later\b")
SLACK_S: Final = 20
#: The home directory that pages show.
SHOWN_HOME: Final = "/home/you"
DURATION: Final = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+(?!\w)")
FOREIGN: Final = (
    (re.compile(rf"\b(?:vm|{re.escape(socket.gethostname())})(?::[\w.-]+)*:\d+\b"), "BUILD"),
    (re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b", re.IGNORECASE), "TOKEN"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC| \w+ \([-\d: ]+ UTC\))?"), "INSTANT"),
    (re.compile(r"\b\d+ passed\b"), "ALL passed"),
    (re.compile(r"[ \u2500]+"), " "),
)
#: Moves the clock of every Python that a page starts. Only clock.py reads the time.
SITECUSTOMIZE: Final = """\
import os
import holdoff.clock as clock
read = clock.SystemClock.now_ms
def moved(self):
    with open(os.environ["DOCUMENT_CLOCK"]) as file:
        return read(self) + int(file.read())
clock.SystemClock.now_ms = moved
"""


class Block:
    """One fenced block of a page. ``path``: the file that it is. ``later_ms``: how far the clock moves before it."""

    def __init__(self, text: str, match: re.Match[str]) -> None:
        self.language, self.text = match.groups()
        self.line = text[: match.start()].count("\n") + 1
        self.span = match.span(2)
        before = text[: match.start()].rstrip().rpartition("\n\n")[2].replace("\n", " ")
        into, later = INTO.search(before), LATER.search(before)
        self.path = into[1] if into else None
        self.later_ms = parse_duration(later[1] + later[2][0].lower(), field="later") if later else 0

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Of a console: what is typed, and what is said."""
        steps: list[tuple[str, str]] = []
        for line in self.text.splitlines(keepends=True):
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            elif steps and steps[-1][0].endswith("\\\n") and not steps[-1][1]:
                steps[-1] = (steps[-1][0] + line, "")
            else:
                steps[-1] = (steps[-1][0], steps[-1][1] + line)
        return steps


def blocks(page: Path) -> list[Block]:
    """Those of a page, in order."""
    text = page.read_text()
    return [Block(text, match) for match in FENCE.finditer(text)]


class Reader:
    """An empty home directory, and the one who types there."""

    def __init__(self, folder: Path, python: str, services: dict[str, str]) -> None:
        self.home, self.services = folder / "home", services
        tools = folder / "tools"
        for each in (self.home, tools):
            each.mkdir()
        (tools / "sitecustomize.py").write_text(SITECUSTOMIZE)
        for name, target in {"python": python, "holdoff": f"{sys.executable} -m holdoff"}.items():
            (tools / name).write_text(f'#!/bin/sh\nexec {target} "$@"\n')
            (tools / name).chmod(0o755)
        self.clock = folder / "clock"
        self.clock.write_text("0")
        #: What goes on from one command to the next.
        self.state: list[str] = []
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{tools}:{ROOT / 'src'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "NO_COLOR": "1",
            "DOCUMENT_CLOCK": str(self.clock),
        }

    def write(self, block: Block) -> None:
        """The file that a block is."""
        path = self.home / str(block.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.with_standins(block.text))
        if path.name == "pyproject.toml":
            self.install(tomllib.loads(block.text)["project"])

    def install(self, project: dict[str, Any]) -> None:
        """The package of the home directory."""
        self.environment["PYTHONPATH"] += f":{self.home}"
        folder = self.home / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
        groups = [(group, "\n".join(map(" = ".join, of.items()))) for group, of in project["entry-points"].items()]
        (folder / "entry_points.txt").write_text("".join(f"[{group}]\n{entries}\n" for group, entries in groups))

    def with_standins(self, text: str) -> str:
        """The text with the stand-ins of services in their places."""
        text = text.replace("https://api.", f"{self.services['web']}/api.")
        for name in ("github", "gitlab"):
            endpoint = rf'endpoint = "{self.services[name]}"'
            text = re.sub(rf'^({name} = "\w+/\w+")$', rf"\1\n{endpoint}", text, flags=re.MULTILINE)
            text = re.sub(rf'\{{ ({name} = "\w+/\w+")', rf"{{ \1, {endpoint}", text)
        return text

    def move_clock(self, ms: int) -> None:
        """From here on it is later."""
        self.clock.write_text(str(int(self.clock.read_text()) + ms))

    def typed(self, command: str) -> tuple[str, int]:
        """What it says on both streams, and its exit status."""
        script = self.with_standins("\n".join([*self.state, command]))
        done = subprocess.run(
            ["bash", "-uc", script],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if command.startswith(("export ", "cd ")):
            self.state.append(command)
        said = done.stdout.replace(str(self.home), SHOWN_HOME)
        return re.sub(rf"\b{re.escape(socket.gethostname())}:[\w.]+:(?=\d)", "vm:", said), done.returncode


@contextmanager
def reader(python: str = sys.executable) -> Iterator[Reader]:
    """One with an empty home. Netlify and its like, GitHub and GitLab are stand-ins."""
    with (
        tempfile.TemporaryDirectory(prefix="page-") as folder,
        Services() as web,
        GitHubStandin() as github,
        GitLabStandin() as gitlab,
    ):
        yield Reader(Path(folder), python, {"web": web.url, "github": github.url, "gitlab": gitlab.url})


def played(page: Path, python: str = sys.executable) -> list[tuple[Block, str]]:
    """Each block of a page that is typed, with what it should hold: the same commands, and what they really said."""
    told = []
    with reader(python) as one:
        for block in blocks(page):
            one.move_clock(block.later_ms)
            if block.path:
                one.write(block)
            elif block.language == "sh":
                said, status = one.typed(block.text)
                assert status == 0, f"{page}:{block.line}: {block.text}\n{said}"
            elif block.language == "console":
                told.append((block, "".join(f"$ {step}{one.typed(step)[0]}" for step, _ in block.steps)))
    return told


def differences(page: Path, python: str = sys.executable) -> list[str]:
    """Where a page does not say what its commands do."""
    found, began = [], time.monotonic()
    blocks_played = played(page, python)
    slack_s = max(SLACK_S, time.monotonic() - began)
    for block, really in blocks_played:
        for wanted, got in zip_longest(_answers(block.text), _answers(really)):
            if not agree(wanted or "", got or "", slack_s):
                found.append(f"{page.name}:{block.line}: the page has\n{wanted}\nand it is\n{got}")
    return found


def _answers(text: str) -> list[str]:
    """A console's commands, each with its answer."""
    return re.split(r"^(?=\$ )", text, flags=re.MULTILINE)


def agree(wanted: str, got: str, slack_s: float = SLACK_S) -> bool:
    """Whether two answers are the same, but for what differs from run to run."""
    pattern, spans = _generic(wanted)
    text, times = _generic(got)
    if "\n...\n" in f"\n{wanted}":
        parts = [re.escape(part) for part in f"\n{pattern}\n".split("\n...\n")]
        return re.fullmatch("\n(?:.*\n)?".join(parts), f"\n{text}\n", re.DOTALL) is not None
    return pattern == text and all(abs(a - b) <= slack_s * 1000 for a, b in zip(spans, times, strict=True))


def _generic(text: str) -> tuple[str, list[int]]:
    """The text without what differs, and its durations in milliseconds."""
    for pattern, name in FOREIGN:
        text = pattern.sub(name, text)
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    lines.sort(key=lambda line: " started: " not in line)  # a command that was started may write before that is said
    text = "\n".join(lines)
    times = [parse_duration(match[0], field="a duration") for match in DURATION.finditer(text)]
    return DURATION.sub("TIME", text), times


def renew(page: Path, python: str = sys.executable) -> None:
    """Write into a page what its commands said. What stands for any lines stays."""
    text = page.read_text()
    for block, really in reversed(played(page, python)):
        if "\n...\n" not in f"\n{block.text}":
            text = text[: block.span[0]] + really.rstrip("\n") + "\n" + text[block.span[1] :]
    page.write_text(text)


if __name__ == "__main__":
    from tests.engines import frameworks

    for name in sys.argv[1:]:
        renew(Path(name), frameworks.python_for(Path(name)))
        print(f"renewed {name}")
