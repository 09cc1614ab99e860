"""What is published, built once: an sdist and a wheel.

``HOLDOFF_DIST`` names a folder that has both, as ``make package`` made it; else they are built here. An environment is
made for each set of extras that a test asks for, with just the wheel in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.engines.cache import EngineUnavailable, run_quietly

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: Where the tools of this environment are.
BIN: Final = Path(sys.executable).parent
Installed = Callable[..., Path]


def run(*command: str | Path, **more: Any) -> str:
    """What a command prints; it has to go well."""
    more = {"timeout": 300, "stdin": subprocess.DEVNULL} | more
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that was built from it."""
    if named := os.environ.get("HOLDOFF_DIST"):
        return (ROOT / named).absolute()
    folder = tmp_path_factory.mktemp("dist")
    here = ("--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    run(BIN / "uv", "build", "--quiet", *here, ROOT)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("holdoff-*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    (found,) = dist.glob("holdoff-*.tar.gz")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Makes an environment with the wheel, these extras of it and nothing else; the folder of its programs."""
    made: dict[tuple[str, ...], Path] = {}

    def install(*extras: str, and_also: str = "") -> Path:
        if extras not in made:
            home = tmp_path_factory.mktemp("-".join(("installed", *extras)))
            wanted = f"holdoff[{','.join(extras)}] @ {wheel.as_uri()}" if extras else str(wheel)
            pins = ("--constraint", ROOT / "requirements-dev.txt")
            try:
                run_quietly([BIN / "uv", "venv", "--quiet", "--python", sys.executable, home])
                to = ("--quiet", "--python", home / "bin/python")
                run_quietly([BIN / "uv", "pip", "install", *to, *pins, wanted, *and_also.split()])
            except EngineUnavailable as reason:
                pytest.skip(str(reason))
            made[extras] = home / "bin"
        return made[extras]

    return install
