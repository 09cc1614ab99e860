"""Writes the files that are made from the code: pictures of policies, references of the HTTP and Python APIs, man page.

Run: python -m tools.written. tests/test_site.py checks that each file is up to date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools import http_reference, man_page, python_reference, timelines

ROOT: Final = Path(__file__).parent.parent


def written() -> dict[str, str]:
    return {
        "docs/holdoff.1": man_page.page(),
        "docs/reference/http.md": http_reference.page(),
        "docs/reference/python.md": python_reference.page(),
        **timelines.drawn(),
    }


def main() -> None:
    for path, text in written().items():
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    main()
