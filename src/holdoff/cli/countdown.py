"""A line in a terminal that is drawn again and again, and removes nothing but itself.

The terminal is shared: with the prompt's line, with jobs in the background, with the command's own output. So the line
begins on a line of its own, and only as many columns as were drawn are drawn over.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from holdoff.cli.common import draw, one_line
from holdoff.cli.table import clipped, terminal_size, width_of


class Countdown:
    """One line at the end of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._drawn: int | None = None  # columns

    @property
    def is_in_front(self) -> bool:
        """Whether the stream is a terminal with us in front. Behind, the line belongs to the shell's prompt."""
        with suppress(OSError):
            return os.tcgetpgrp(self.stream.fileno()) == os.getpgrp()
        return False

    def show(self, message: object) -> None:
        """Draw it, in place of what it said before. A line that wraps could not be drawn over: it is cut."""
        columns, _ = terminal_size(self.stream)
        line = clipped(one_line(message), columns - 1)
        start = "\r" if self._drawn is not None else f"{' ' * columns}\r"  # wraps, unless the cursor is at the left
        drawn, self._drawn = self._drawn or 0, width_of(line)
        draw(start, line, " " * (drawn - self._drawn), "\b" * (drawn - self._drawn), stream=self.stream)

    def clear(self) -> None:
        """Take it away."""
        if self._drawn is not None:
            draw("\r", " " * self._drawn, "\r", stream=self.stream)
            self._drawn = None
