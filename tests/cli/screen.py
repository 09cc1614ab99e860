"""What the eye sees: a terminal's screen, drawn by pyte from what was written to it."""

from __future__ import annotations

import pyte

from tests.cli.conftest import Terminal


def lines_on(terminal: Terminal, columns: int, lines: int = 24) -> list[str]:
    """The lines that are not empty, without the space at their ends."""
    return [line for line in screen_of(terminal, columns, lines) if line]


def screen_of(terminal: Terminal, columns: int, lines: int = 24) -> list[str]:
    """All lines."""
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed(terminal.seen)
    return [line.rstrip() for line in screen.display]
