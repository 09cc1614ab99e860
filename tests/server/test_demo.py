"""``make demo SERVE=yes``: a simulated day on a page that runs, and nothing left behind; and the picture made of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from examples.day import PROJECTS, config_text, fill
from holdoff.config import parse
from holdoff.observe.status import status_of
from holdoff.testing import ManualClock
from tests.cli.conftest import PATIENCE
from tests.engines.process import GUARD, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.stores.base import Store

ROOT: Final = Path(__file__).parents[2]
END: Final = ManualClock("2026-11-27T16:40:00Z").now_ms()


def day() -> Store:
    """The day, in memory."""
    config = parse('store = "memory:"\n' + config_text('["true"]'))
    store = config.open_store()
    fill(store, config, END)
    return store


def test_the_day_has_a_bit_of_everything() -> None:
    store, config = day(), parse(config_text('["true"]'))
    found = {
        key.name: status_of(key, *config.seen(key, one, store, END), END)
        for key, one in store.gates()
        if not isinstance(one, Exception)
    }
    builds = {key.name: list(store.history(key)) for key, _ in store.gates()}

    assert found.keys() == PROJECTS.keys()
    assert {"held", "pending", "failed", "running"} <= {mark for one in found.values() for mark in one.attention}
    assert any(build.covers and build.covers.count > 50 for build in builds["blog"]), "a storm is one build an hour"
    assert all(len(some) >= 5 for some in builds.values())
    for name, some in builds.items():
        starts = sorted(build.started_ms for build in some)
        gaps = [later - one for one, later in pairwise(starts)]
        assert min(gaps) >= config.projects[name].policy.cooldown_ms, "the shipped core has decided"


def test_it_is_the_same_in_every_run() -> None:
    assert dict(day().gates()) == dict(day().gates())


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, as make starts it, in a session of its own, where the user has a store of theirs."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOLDOFF_STORE": f"sqlite:///{tmp_path}/theirs.db"}
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = start([sys.executable, "-m", "examples.demo", "--serve"], cwd=ROOT, env=environment, **streams)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def members(group: int) -> list[str]:
    """The command lines of a group's processes, besides the shell that would end it if we died."""
    said = subprocess.run(["ps", "-wweo", "pgid=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=1) for line in said.splitlines())
    return [argv for number, argv in lines if number == str(group) and GUARD not in argv]


def address(process: subprocess.Popen[str]) -> str:
    """Read until it says where the page is."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if found := re.fullmatch(r"  (http://127\.0\.0\.1:\d+/)\n", line):
            return found[1]
    raise AssertionError(said)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "the terminal is closed"])
def test_it_ends_with_a_page_and_leaves_nothing(
    demo: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    with urllib.request.urlopen(address(demo), timeout=PATIENCE) as answer:
        page = answer.read().decode()
    os.killpg(demo.pid, number)  # as a terminal does
    said, _ = demo.communicate(timeout=PATIENCE)

    assert page.count('<li class="row">') == len(PROJECTS)
    for mark in ("held", "pending", "failed", "running"):
        assert f'class="badge {mark}"' in page
    assert (demo.returncode, "Traceback" in said) == (0, False), said
    assert list(tmp_path.iterdir()) == []
    assert not members(demo.pid)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_only_the_page_wants_the_server_installed(tmp_path: Path) -> None:
    def would(*more: str) -> str:
        argv = ["make", "--dry-run", "demo", f"VENV={tmp_path}/venv", *more]
        # `make test` is a make, too, and tells those below of itself.
        own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(argv, cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout

    plain, served = would(), would("SERVE=yes")

    assert ("[server]" in plain, "--serve" in plain) == (False, False)
    assert "--constraint requirements-dev.txt --editable '.[server]'" in served
    assert served.splitlines()[-1].endswith("-m examples.demo --serve")
