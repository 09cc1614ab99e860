"""Writes what is made from the code: pictures of policies, the references of the HTTP and Python APIs, the man page.

Run: python -m tools.written. tests/test_site.py holds each to what this makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools import http_reference, man_page, python_reference, timelines

ROOT: Final = Path(__file__).parent.parent


def written() -> dict[str, str]:
    """What each file should hold, by its path in the repository."""
    return {
        "docs/holdoff.1": man_page.page(),
        "docs/reference/http.md": http_reference.page(),
        "docs/reference/python.md": python_reference.page(),
        **timelines.drawn(),
    }


def main() -> None:
    """Write them all."""
    for path, text in written().items():
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    main()
