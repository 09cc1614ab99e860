"""Builds the documentation site from docs/ into site/. Warnings are errors; nothing is fetched.

Run: make docs, or python -m tools.site

The generator sees one folder only, and pages refer to more than docs/: to README.md, SECURITY.md, files of the source.
So the pages are copied first, ``PAGES`` from outside docs/ with them, and each link that leaves docs/ leads to such a
page or to the file in the repository. All other links are checked by the generator (pages, headings) and by
tests/test_site.py (pictures, files).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SITE: Final = ROOT / "site"
CONFIG: Final = "zensical.toml"
#: What is shown besides docs/, and where.
PAGES: Final = {
    "README.md": "docs/project/readme.md",
    "ARCHITECTURE.md": "docs/project/architecture.md",
    "CHANGELOG.md": "docs/project/changelog.md",
    "CONTRIBUTING.md": "docs/project/contributing.md",
    "SECURITY.md": "docs/project/security.md",
    "deploy/terraform/README.md": "docs/project/terraform.md",
}
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
#: Of Markdown, of its references below a text, and of HTML.
LINK: Final = re.compile(
    r'(?<=\]\()[^)\s]+(?=\))|^\[[^\]]+\]: \S+|(?<= src=")[^"]+(?=")|(?<= href=")[^"]+(?=")', re.MULTILINE
)


def build(into: Path = SITE) -> None:
    """Build it.

    Raises:
        SystemExit: the generator warned of something, and has said of what.
    """
    with tempfile.TemporaryDirectory(prefix="holdoff-site-") as folder:
        stage(Path(folder))
        program = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        done = subprocess.run(program, cwd=folder, check=False, text=True, capture_output=True)
        if done.returncode:
            told = COLOUR.sub("", done.stdout + done.stderr).partition("Traceback")[0]
            sys.exit(
                f"{told}The site was not built. Mend what is named above (paths are below docs/), and run it again."
            )
        shutil.rmtree(into, ignore_errors=True)
        shutil.move(Path(folder, "site"), into)


def stage(folder: Path) -> None:
    """Copy what the generator reads."""
    shutil.copy(ROOT / CONFIG, folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    pages = {str(page.relative_to(ROOT)): page.relative_to(ROOT) for page in (ROOT / "docs").rglob("*.md")}
    for source, target in {**pages, **{name: Path(place) for name, place in PAGES.items()}}.items():
        (folder / target).parent.mkdir(exist_ok=True)
        (folder / target).write_text(with_links((ROOT / source).read_text(), Path(source), Path(target)))


def with_links(text: str, source: Path, target: Path) -> str:
    """The text of ``source``, its links right at ``target``. Both are paths in the repository."""

    def led(match: re.Match[str]) -> str:
        label, colon, link = match[0].rpartition("]: ")
        path, mark, heading = link.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        file = os.path.normpath(source.parent / path)
        place = PAGES.get(file, file)
        if place.startswith("docs/"):
            to = os.path.relpath(place, target.parent)
        else:
            to = f"{repository()}/blob/main/{file}" if (ROOT / file).exists() else path
        return f"{label}{colon}{to}{mark}{heading}"

    return LINK.sub(led, text)


def repository() -> str:
    """Where it is on the web."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["urls"]["Homepage"])


if __name__ == "__main__":
    build()
