"""Checks a tag before its release, and prints the release's notes: ``python -m tools.release v0.2.0``.

The version stands only in src/holdoff/__init__.py. CHANGELOG.md must have a section for it, and changes/ must have no
fragments left. This file needs only the standard library.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the notes of the tag's release, or exit with what does not agree."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.release TAG")
    print(notes(sys.argv[1]))


def notes(tag: str, root: Path = ROOT) -> str:
    """The section of CHANGELOG.md for a tag. Raises SystemExit if tag, version and changelog do not agree."""
    source = (root / "src/holdoff/__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    if tag != f"v{version}":
        sys.exit(f"the tag is {tag}, and src/holdoff/__init__.py has {version}; tag it v{version}")
    if left := [path.name for path in (root / "changes").glob("*.*.md")]:
        sys.exit(f"changes/ still has {', '.join(sorted(left))}; run: towncrier build")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(version)} .*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None:
        sys.exit(f"CHANGELOG.md has no section '## {version} (date)'; run: towncrier build")
    return section[1].strip()


if __name__ == "__main__":
    main()
