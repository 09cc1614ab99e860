"""Builds the documentation site from docs/ into site/. Warnings are errors; nothing is fetched.

Run: make docs, or python -m tools.site

The generator reads one folder only, but pages link to files outside docs/: README.md, SECURITY.md, the source. So the
pages of docs/ and those in ``PAGES`` are copied into one folder first. Each link that leaves docs/ then leads to such a
page, or to the file in the repository. The generator checks all other links to pages and headings, and
tests/test_site.py checks links to pictures and files.
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
#: The pages from outside docs/, and their places on the site.
PAGES: Final = {
    "README.md": "docs/project/readme.md",
    "ARCHITECTURE.md": "docs/project/architecture.md",
    "CHANGELOG.md": "docs/project/changelog.md",
    "CONTRIBUTING.md": "docs/project/contributing.md",
    "SECURITY.md": "docs/project/security.md",
    "deploy/terraform/README.md": "docs/project/terraform.md",
}
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
#: Links of Markdown, of Markdown's references below a text, and of HTML.
LINK: Final = re.compile(
    r'(?<=\]\()[^)\s]+(?=\))|^\[[^\]]+\]: \S+|(?<= src=")[^"]+(?=")|(?<= href=")[^"]+(?=")', re.MULTILINE
)


def build(into: Path = SITE) -> None:
    """Build the site. Raises SystemExit with the warnings of the generator, if there are any."""
    with tempfile.TemporaryDirectory(prefix="holdoff-site-") as folder:
        stage(Path(folder))
        program = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        done = subprocess.run(program, cwd=folder, check=False, text=True, capture_output=True)
        if done.returncode:
            told = COLOUR.sub("", done.stdout + done.stderr).partition("Traceback")[0]
            sys.exit(f"{told}The site was not built. Correct the pages named above (below docs/), and run it again.")
        shutil.rmtree(into, ignore_errors=True)
        shutil.move(Path(folder, "site"), into)


def stage(folder: Path) -> None:
    """Copy the files that the generator reads."""
    shutil.copy(ROOT / CONFIG, folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    pages = {str(page.relative_to(ROOT)): page.relative_to(ROOT) for page in (ROOT / "docs").rglob("*.md")}
    for source, target in {**pages, **{name: Path(place) for name, place in PAGES.items()}}.items():
        (folder / target).parent.mkdir(exist_ok=True)
        (folder / target).write_text(with_links((ROOT / source).read_text(), Path(source), Path(target)))


def with_links(text: str, source: Path, target: Path) -> str:
    """The text of ``source`` with links that are right at ``target``. Both are paths in the repository."""

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
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["urls"]["Homepage"])


if __name__ == "__main__":
    build()
