"""What the processes of a run write down: one JSON object a line, appended at once.

SIGKILL takes nothing that was written. It may cut a write short where that crosses a page of the file: then the process
had not got to where it would have gone on, and the line counts as not written.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Line = dict[str, Any]


class Journal:
    """Appends lines: no other's write comes in between, and each begins a line, in case the last one was cut short."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, what: str, **more: object) -> None:
        os.write(self._handle, f"\n{json.dumps({'what': what, **more})}\n".encode())


class Reader:
    """Reads a journal as it grows."""

    def __init__(self, path: Path) -> None:
        self.lines: list[Line] = []
        self._path = path
        self._read = 0
        self._counts: Counter[str] = Counter()

    def count(self, what: str) -> int:
        return self._counts[what]

    def catch_up(self) -> None:
        """Read the whole lines that are new."""
        if not self._path.exists():
            return
        with self._path.open("rb") as journal:
            journal.seek(self._read)
            new = journal.read().rpartition(b"\n")[0]
        if not new:
            return
        self._read += len(new) + 1
        lines = [line for text in new.splitlines() if (line := _line(text)) is not None]
        self.lines += lines
        self._counts.update(line["what"] for line in lines)


def _line(text: bytes) -> Line | None:
    """The line; ``None``: it is blank, or was cut short."""
    try:
        line: Line = json.loads(text)
    except ValueError:
        return None
    return line
