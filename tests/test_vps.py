"""``docs/vps.md``, tried as it stands: its blocks are typed in an empty home directory, in order.

A block whose paragraph before ends with a path in the home directory is a file; all other ``sh`` blocks are typed. Of
``systemctl``, ``loginctl`` and ``sudo`` there are none here: those are stand-ins that look whether what they are asked
for is there. Units are run as systemd would, and verified by it where it is installed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from holdoff.config import parse
from tests.engines.process import start
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
TEXT: Final = (ROOT / "docs/vps.md").read_text()
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: As cron has it.
CRON: Final = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
#: Units that are asked for must be there.
SYSTEMCTL: Final = """#!/bin/sh
for unit; do :; done
[ "$unit" = daemon-reload ] || [ -e ~/.config/systemd/user/"$unit" ]
"""


class Block:
    """One block of the page: ``path`` where it is a file in the home directory."""

    def __init__(self, match: re.Match[str]) -> None:
        self.language, self.text = match.groups()
        before = TEXT[: match.start()].rstrip().rpartition("\n\n")[2]
        path = re.search(r"`~/([^`]+)`:$", before)
        self.path = path[1] if path else None
        self.section = TEXT[: match.start()].rpartition("\n## ")[2].partition("\n")[0]


BLOCKS: Final = [Block(match) for match in BLOCK.finditer(TEXT)]
INSTALL: Final = [block for block in BLOCKS if block.section == "Install"]
UNITS: Final = {str(block.path): block.text for block in BLOCKS if block.language == "ini"}


class Home:
    """An empty home directory, and what is typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, folder / "tools"
        self.tools.mkdir(parents=True)
        for name, script in {"systemctl": SYSTEMCTL, "loginctl": "#!/bin/sh\n"}.items():
            self.program(self.tools / name, script)
        names = ("LANG", "PIP_FIND_LINKS", "PIP_CERT", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL")
        self.environment = {name: os.environ[name] for name in names if name in os.environ}
        self.environment |= {
            "HOME": str(folder),
            "PATH": f"{self.tools}:/usr/local/bin:/usr/bin:/bin",
            "GIT_CONFIG_GLOBAL": str(folder / ".gitconfig"),
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }

    def program(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def install(self) -> None:
        """As the page does; the program itself is this tree's."""
        self.program(self.folder / ".local/bin/holdoff", f'#!/bin/sh\nexec {sys.executable} -m holdoff "$@"\n')

    def typed(self, script: str, *, cwd: Path | None = None, **more: Any) -> str:
        """What a shell says to it, which must end well."""
        environment = self.environment | more.pop("environment", {})
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def follow(self, *sections: str) -> list[str]:
        """Follow the page: write its files, type its lines."""
        said = []
        for block in BLOCKS:
            if block.section in sections and block.path:
                path = self.folder / block.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)
            elif block.section in sections and block.language == "sh":
                said.append(self.typed(block.text))
        return said

    def push(self, content: str) -> str:
        """A commit with this page, pushed to main; what the push says."""
        clone = self.folder / "clone"
        if not clone.exists():
            self.typed("git init -q --initial-branch=main clone; cd clone; git remote add origin ~/site.git")
            self.typed("git config --global user.name You; git config --global user.email you@example.com")
        (clone / "index.html").write_text(content)
        return self.typed(f"git add .; git commit -qm {shlex.quote(content)}; git push -q origin main", cwd=clone)

    @contextmanager
    def started(self, unit: str) -> Iterator[subprocess.Popen[str]]:
        """What systemd would run for a unit. Whatever becomes of the test, it does not go on."""
        line = re.search(r"^ExecStart=(.*)$", UNITS[f".config/systemd/user/{unit}"], re.MULTILINE)
        assert line
        argv = shlex.split(line[1].replace("%h", str(self.folder)))
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with start(argv, env=self.environment, cwd=self.folder, **streams) as process:
            watchdog = threading.Timer(PATIENCE_S, process.kill)
            watchdog.start()
            try:
                yield process
            finally:
                process.kill()
                watchdog.cancel()

    @property
    def page(self) -> str:
        """What is up."""
        file = self.folder / "www" / "index.html"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    home = Home(tmp_path / "home")
    home.install()
    return home


def read_until(process: subprocess.Popen[str], *words: str) -> None:
    """Read what it says until each of these has been said, in any order."""
    said = ""
    assert process.stdout
    while not all(word in said for word in words):
        line = process.stdout.readline()
        assert line, said
        said += line


def wait_until_built(home: Home) -> None:
    """The build that the hook has left behind is over. Asking is all a user could do as well."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        told = home.typed("~/.local/bin/holdoff status site --json --config ~/builds/holdoff.toml")
        (gate,) = json.loads(told)["gates"]
        if gate["last_build"] and not gate["running"] and not gate["claim"]:
            return
        time.sleep(0.1)
    raise AssertionError(told)


def test_the_first_ten_minutes(home: Home) -> None:
    """A first try, a push that builds, one that is deferred, and the loop that builds it."""
    first = home.follow("What is built")[0]
    assert "wrote " in first
    assert "building site" in first
    assert "site deferred: last built" in first
    assert "1 trigger pending" in first

    home.follow("A push builds", "What was deferred is built: a service")
    assert "site started" in home.push("one")
    wait_until_built(home)
    assert home.page == "one"
    assert "site deferred: last built" in home.push("two")
    assert home.page == "one"

    with home.started("holdoff.service") as loop:
        read_until(loop, "watching sqlite:///")
        home.typed("~/.local/bin/holdoff reset site --config ~/builds/holdoff.toml")
        read_until(loop, "site started", "is up")
        loop.send_signal(signal.SIGTERM)
        assert loop.wait(PATIENCE_S) == 0
    assert home.page == "two"
    told = home.follow("Look")[0]
    assert "succeeded" in told
    assert "site: held" in told


def test_the_timer_and_cron_build_what_was_deferred(home: Home) -> None:
    home.follow("What is built", "A push builds", "Or a timer")
    home.program(home.folder / "builds/backup.sh", "#!/bin/sh\necho backed up\n")
    home.push("one")
    wait_until_built(home)
    for content, by in (("two", "timer"), ("three", "cron")):
        home.push(content)
        home.typed("~/.local/bin/holdoff reset site --config ~/builds/holdoff.toml")
        if by == "timer":
            with home.started("holdoff-wake.service") as wake:
                assert "site started" in wake.communicate()[0]
        else:
            assert "is up" in cron(home, 0)
        assert home.page == content
    assert cron(home, 0) == "", "nothing to mail where nothing is due"
    assert [cron(home, 1) for _ in range(2)] == ["backed up\n", ""]


def cron(home: Home, line: int) -> str:
    """What cron would mail."""
    text = next(block.text for block in BLOCKS if block.language == "crontab")
    *_, command = text.splitlines()[line].split(" ", 5)
    return home.typed(command, environment=CRON)


def test_systemd_finds_nothing_wrong_with_the_units(home: Home) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    for path, text in UNITS.items():
        file = home.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    files = [str(home.folder / path) for path in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *files],
        env=home.environment | {"XDG_RUNTIME_DIR": str(home.folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    ours = [line for line in done.stderr.splitlines() if "holdoff" in line]
    assert (done.returncode, ours) == (0, [])
    calendar = re.findall(r"^OnCalendar=(.*)$", "\n".join(UNITS.values()), re.MULTILINE)
    subprocess.run(["systemd-analyze", "calendar", *calendar], check=True, capture_output=True, timeout=PATIENCE_S)


def test_every_block_is_tried() -> None:
    """Those that are not are for root: a folder for several users, and the store in it."""
    assert {block.language for block in BLOCKS} == {"sh", "toml", "ini", "crontab", "console"}
    several = [block for block in BLOCKS if block.section == "Several users of one machine"]
    assert [block.language for block in several] == ["console", "toml"]
    assert parse(several[1].text).store == "sqlite:////var/lib/holdoff/gates.db"
    assert [block.language for block in BLOCKS if block not in several and not block.path] == [
        *["sh"] * 3,
        *["sh"] * 3,
        *["sh"] * 2,
        "crontab",
        "sh",
    ]


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pipx and uv, which come from the index that pip is set up with."""
    tools = tmp_path_factory.mktemp("installers")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tools)], check=True)
    pip = [sys.executable, "-m", "pip", "-q", "--python", str(tools / "bin/python"), "install", "pipx", "uv"]
    got = subprocess.run(pip, check=False, capture_output=True)
    if got.returncode:
        pytest.skip("no package index can be reached")
    return tools / "bin"


@pytest.mark.slow
@pytest.mark.parametrize("block", INSTALL, ids=["venv", "pipx", "uvx"])
def test_the_lines_of_the_installation(tmp_path: Path, installers: Path, block: Block) -> None:
    """In a copy of this checkout."""
    home = Home(tmp_path / "home")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "src", checkout / "src", ignore=shutil.ignore_patterns("__pycache__"))
    home.environment["PATH"] = f"{installers}:{home.environment['PATH']}"
    said = home.typed(block.text, cwd=checkout)

    program = home.folder / ".local/bin/holdoff"
    version = said if "uvx" in block.text else home.typed(f"{program} --version")
    assert "holdoff 0." in version
