"""Celery, Django and FastAPI, from PyPI, in an environment of their own: what the documentation's pages run with."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.engines.cache import EngineUnavailable, cached, platform_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME: Final = "frameworks"
#: Exact, with what they bring chosen by pip: pages have to work with today's, and to be repeatable tomorrow.
PACKAGES: Final = ("celery==5.7.0", "django==5.2.19", "fastapi==0.165.0", "httpx2==2.16.2")
PAGES: Final = {"celery.md", "django.md", "fastapi.md"}


def python() -> Path:
    """The interpreter that finds them; they are installed where they are not there yet.

    Raises:
        EngineUnavailable: they cannot be had.
    """

    def build(folder: Path) -> None:
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            subprocess.run([*pip, *PACKAGES], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise EngineUnavailable(f"Celery, Django and FastAPI could not be installed: {error.stderr}") from None

    name = "-".join(["frameworks", platform_tag(), *(package.replace("==", "") for package in PACKAGES)])
    return cached(name, build, proof="bin/celery") / "bin/python"


def fetch() -> str:
    """Install them now; what is there, in a line."""
    return f"{NAME}: {', '.join(PACKAGES)} for {python()}"


@contextmanager
def interpreter() -> Iterator[Path]:
    """``python``, as the fixtures of engines are."""
    yield python()


def python_for(page: Path) -> str:
    """The interpreter that a page's commands want."""
    return str(python()) if page.name in PAGES else sys.executable
