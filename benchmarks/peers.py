"""The peers, from PyPI, in an environment of their own beside the engines: none of them is a dependency of ours."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.engines.cache import cached, platform_tag

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("limits", "throttled-py", "pyrate-limiter", "aws-lambda-powertools", "boto3", "botocore")


def python() -> Path:
    """The interpreter that finds them; they are installed where they are not there yet."""
    wanted = [f"boto3=={version('boto3')}", f"botocore=={version('botocore')}"]

    def build(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES[:4], *wanted], check=True)

    return cached(f"peers-{platform_tag()}-{version('botocore')}", build, proof="bin/python") / "bin/python"


def versions() -> str:
    """In one line: ours, theirs, and the interpreter's."""
    program = f"from importlib.metadata import version\nprint(', '.join(f'{{n}} {{version(n)}}' for n in {PACKAGES}))"
    theirs = subprocess.run([python(), "-c", program], check=True, capture_output=True, text=True).stdout.strip()
    return f"holdoff {version('holdoff')}, Python {sys.version.split()[0]}, {theirs}"
