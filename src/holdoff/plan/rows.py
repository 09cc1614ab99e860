"""From bytes to rows: the lines of a CSV or a log, the objects of a JSON text, each with its place in the file."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from holdoff.plan.times import ms_or_none, plain

Row = Mapping[str, object]
Rows = Iterable[tuple[str, Row]]
#: How many bad rows are shown.
SHOWN_BAD: Final = 5
#: The names under which services have a list of builds or events.
_LISTS: Final = (
    *("builds", "workflowruns", "events", "results", "pipelines", "runs", "items", "data", "records"),
    *("values", "value"),
)
#: How a line of Holdoff's own log begins. Other lines may stand above it: systemd keeps a server's messages with its
#: log.
_OWN: Final = '\n{"timestamp": "'
#: How a line above the names begins: a comment, or the line that tells Excel the separator of cells.
_ABOVE: Final = ("#", "sep=")
#: A row of a CSV has at most so many lines: the end of a cell that is not closed is not looked for in the whole file.
_MOST_LINES: Final = 1_000
#: A line of a log: a time, and words after it (CloudWatch's exports, CI's logs); or a time as web servers write it.
_LOGGED: Final = re.compile(
    r"^\[?(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?+)?+(?: ?Z| UTC| ?[+-]\d\d:?\d\d)?+)\]?+:?+"
    r" +(?!(?:[AP]M|[A-Z]{2,5}$))(?:[^\s\d+-]|[+-]\s)"
    r"|\[(?P<web>\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} [+-]\d{4})\] "
)


class Bad:
    """The rows without a time: their number, and the first of them."""

    def __init__(self) -> None:
        self.count: int = 0
        self.first: list[tuple[str, str]] = []

    def add(self, where: str, why: str) -> None:
        self.count += 1
        if self.count <= SHOWN_BAD:
            self.first.append((where, why))


def rows_of(data: bytes, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The rows of a text, compressed or not. A text that begins as JSON, or has lines of Holdoff's own log, is JSON. A
    text whose first line begins with a time and goes on with words is a log. All else is CSV. A part that is no row is
    added to ``bad``. A workbook, and a file that cannot be decompressed, raise ValueError."""
    text = _text(data)
    first = text.lstrip().partition("\n")[0]
    if _OWN in text or (first[:1] in {"{", "["} and not _LOGGED.search(first)):
        return _of_json(text, bad)
    return _of_log(text, bad) if _LOGGED.search(first) else _of_csv(text, bad)


def _text(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ValueError("is a broken gzip file") from None
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ValueError("is a workbook or a ZIP file: save it as CSV")
    marked = data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    text = data.decode("utf-16" if marked else "utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")  # not ``splitlines``: a title may hold a form feed


def _of_log(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The lines of a log. An indented line without a time, as in a stack trace, belongs to the line before."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LOGGED.search(line)
        if found:
            yield f"line {number}", {"time": found["iso"] or found["web"]}
        elif line.strip() and not line[0].isspace():
            bad.add(f"line {number}", "has no time")


def _of_csv(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The lines below the line of names; without that line the columns are called 1, 2, ... Comments may stand
    above."""
    lines = text.split("\n")
    above = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(_ABOVE)), len(lines))
    head = "".join(lines[above : above + 1])
    # Of two equally frequent separators, one before a space is rather a comma within a name.
    delimiter = max(",;\t|", key=lambda mark: (head.count(mark), -head.count(f"{mark} ")))
    names: list[str] = []
    for number, cells in _cells(lines, above, delimiter, bad):
        if not any(map(str.strip, cells)):
            continue
        if not names:
            is_head = not any(ms_or_none(cell, None) is not None for cell in cells)
            names = [cell.strip() for cell in cells] if is_head else [str(n + 1) for n in range(len(cells))]
            if is_head:
                continue
        yield f"line {number}", dict(zip(names, cells, strict=False))


def _cells(lines: list[str], at: int, delimiter: str, bad: Bad) -> Iterator[tuple[int, list[str]]]:
    """The rows from a line on, each with the number of its last line. If a quotation mark is not closed, or closed
    amid a cell, its row ends with its line: it would take the rows below into one cell."""
    while at < len(lines):
        within = range(at, min(at + _MOST_LINES, len(lines)))
        reader = csv.reader(map(lines.__getitem__, within), delimiter=delimiter, strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            reader = csv.reader([lines[at]], delimiter=delimiter)
            try:
                cells = next(reader)
            except csv.Error as error:
                bad.add(f"line {at + 1}", str(error))
                cells = []
        at += reader.line_num
        yield at, cells


def _of_json(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The objects of a list, wherever a service puts it; without a list, one object a line."""
    entries: Iterator[tuple[str, object]]
    try:
        entries = ((f"entry {number}", entry) for number, entry in enumerate(_list_in(json.loads(text)), start=1))
    except (ValueError, RecursionError):
        entries = _of_json_lines(text, bad)
    for where, entry in entries:
        row = _row(entry)
        if row is not None:
            yield where, row
        else:
            bad.add(where, "is no object")


def _row(entry: object) -> Row | None:
    """The row of an object, of a bare value, or of fields with values, as ``aws logs get-query-results`` prints
    them."""
    if isinstance(entry, str | int | float):
        return {"1": entry}
    if isinstance(entry, list) and all(isinstance(one, dict) and {"field", "value"} <= one.keys() for one in entry):
        return {str(one["field"]): one["value"] for one in entry}
    return entry if isinstance(entry, dict) else None


def _list_in(whole: Any) -> list[object]:
    if isinstance(whole, list):  # of pages, as `gh api --paginate --slurp` prints them
        return [row for one in whole for row in (_list_in(one) if _listed(one) else [one])]
    listed = _listed(whole)
    return [whole] if listed is None else list(whole[listed])


def _listed(whole: object) -> str | None:
    if not isinstance(whole, dict):
        return None
    names = {plain(name): name for name, value in whole.items() if isinstance(value, list)}
    return next((names[name] for name in _LISTS if name in names), None)


def _of_json_lines(text: str, bad: Bad) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError):
            bad.add(f"line {number}", "is not JSON")
