"""Tables for a terminal. No cell is cut: where a table is too wide, the caller prints lines instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import accumulate, zip_longest
from typing import TextIO

from holdoff.cli.common import draw, one_line


def width_of(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    import unicodedata  # a large module, and hardly ever wanted

    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def clipped(text: str, columns: int) -> str:
    return text[: sum(end <= columns for end in accumulate(map(_width, text)))]


def show_table(rows: Sequence[Sequence[str]], colours: Iterable[str] = ()) -> bool:
    """Print a table to the terminal that is stdout. ``False``: the terminal is too narrow, and nothing was printed.

    Args:
        rows: the first row has the headings. A column whose other cells are empty is left out.
        colours: SGR parameters for each row below the headings; "" is none.
    """
    lines = laid_out([list(map(one_line, row)) for row in rows])
    if max(map(width_of, lines)) > terminal_size(sys.stdout)[0]:
        return False
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    for line, colour in zip_longest(lines, ["1", *colours], fillvalue=""):
        codes = (f"\033[{colour}m", "\033[0m") if colour and not plain else ("", "")
        draw(codes[0], line, codes[1], "\n", stream=sys.stdout)
    return True


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of a terminal; 80 and 24, if the terminal has gone."""
    columns, lines = 0, 0
    with suppress(OSError):
        columns, lines = os.get_terminal_size(stream.fileno())
    return columns or 80, lines or 24


def laid_out(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines. A column whose cells below the heading are empty is left out."""
    columns = []
    for column in (one for one in zip(*rows, strict=True) if any(one[1:])):
        widest = max(map(width_of, column))
        columns.append([cell + " " * (widest - width_of(cell)) for cell in column])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
