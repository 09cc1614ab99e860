"""A line in a terminal that is redrawn again and again, and overwrites nothing but itself.

The terminal is shared with the prompt, with background jobs and with the command's output. So the line begins on a line
of its own, and a redraw overwrites only as many columns as were drawn before.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from holdoff.cli.common import draw, one_line
from holdoff.cli.table import clipped, terminal_size, width_of


class Countdown:
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._drawn: int | None = None  # columns

    @property
    def is_in_front(self) -> bool:
        """Whether the stream is a terminal and this process in its foreground, not a job behind the shell's prompt."""
        with suppress(OSError):
            return os.tcgetpgrp(self.stream.fileno()) == os.getpgrp()
        return False

    def show(self, message: object) -> None:
        """Draw the line, over the one before. A line that wraps could not be overwritten, so a long one is cut at its
        beginning: its end says how long the wait is."""
        columns, _ = terminal_size(self.stream)
        line = clipped(one_line(message)[::-1], columns - 1)[::-1]
        start = "\r" if self._drawn is not None else f"{' ' * columns}\r"  # goes to a new line, if one has begun
        drawn, self._drawn = self._drawn or 0, width_of(line)
        draw(start, line, " " * (drawn - self._drawn), "\b" * (drawn - self._drawn), stream=self.stream)

    def clear(self) -> None:
        if self._drawn is not None:
            draw("\r", " " * self._drawn, "\r", stream=self.stream)
            self._drawn = None
