"""From bytes to rows: the lines of a CSV or a log, the objects of a JSON text, each with its place in the file."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final

from holdoff.plan.times import TIMES, ms_or_none, plain

Row = Mapping[str, object]
Rows = Iterable[tuple[str, Row]]
#: How many bad rows are shown.
SHOWN_BAD: Final = 5
#: The names under which services have a list of builds or events.
_LISTS: Final = (
    *("builds", "workflowruns", "events", "results", "pipelines", "runs", "items", "data", "records"),
    *("values", "value", "deployments", "result", "build", "jobs", "pipelineexecutionsummaries", "jobsummaries"),
)
#: How a line of Holdoff's own log begins. Other lines may stand above it: systemd keeps a server's messages with its
#: log.
_OWN: Final = '\n{"timestamp": "'
#: How a line above the names begins: a comment, or the line that tells Excel the separator of cells.
_ABOVE: Final = ("#", "sep=")
#: A row of a CSV has at most so many lines: the end of a cell that is not closed is not looked for in the whole file.
_MOST_LINES: Final = 1_000
_BEGIN: Final = re.compile(r"[^\s,]")
#: What may follow a JSON text: the end of its line, or another text. There are commas in what is left of a cut list.
_NEXT: Final = re.compile(r"[ \t,]*(?:[\n{[]|\Z)")
_decoded = json.JSONDecoder().raw_decode
#: A line of a log: a time, and words after it (CloudWatch's exports, CI's logs); or a time as web servers write it.
_LOGGED: Final = re.compile(
    r"^\[?(?P<iso>\d{4}([-/])\d\d\2\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?+)?+(?: ?Z| UTC| ?[+-]\d\d:?\d\d)?+)\]?+:?+"
    r" +(?!(?:[AP]M|[A-Z]{2,5}$))(?:[^\s\d+-]|[+-]\s)"
    r"|^(?P<epoch>\d{10}(?:\.\d+)?) +[^\s,;|]"
    r"|\[(?P<web>\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} [+-]\d{4})\] "
)


class _Uncounted(str):
    """A text of which ``json`` counts no lines for the message of each error: that takes time by their square."""

    def count(self, *_: object) -> int:
        return 0


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
    logged = _LOGGED.search(first)
    if _OWN in text or (first[:1] in {"{", "["} and not logged):
        return _of_json(text, bad)
    return _of_log(text, bad, by_seconds=bool(logged["epoch"])) if logged else _of_csv(text, bad)


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


def _of_log(text: str, bad: Bad, *, by_seconds: bool) -> Iterator[tuple[str, Row]]:
    """The lines of a log. An indented line without a time, as in a stack trace, belongs to the line before. Where the
    first line has no seconds, a number is a count: ``1073741824 bytes copied``."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LOGGED.search(line)
        if found and (by_seconds or not found["epoch"]):
            yield f"line {number}", {"time": found["iso"] or found["epoch"] or found["web"]}
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
    """The objects of each JSON text, or of the list that it is or has. The texts stand one a line, or one after the
    other as ``gh api --paginate`` and ``jq`` print them. A line that begins none, or goes on otherwise, is bad."""
    numbers, at, line, following, uncounted = count(1), 0, 1, _BEGIN.search(text), _Uncounted(text)
    while following:
        is_first, begin = at == 0, following.start()
        line, at = line + text.count("\n", at, begin), begin
        try:
            whole, end = _decoded(uncounted, at)
            following = _BEGIN.search(text, end)
            entries = _entries(whole, alone=is_first and not following) if _NEXT.match(text, end) else None
        except (ValueError, RecursionError):
            entries = None
        if entries is None:
            bad.add(f"line {line}", "is not JSON")
            line_end = text.find("\n", at)
            end = line_end if line_end >= 0 else len(text)
            following = _BEGIN.search(text, end)
        for entry in entries or ():
            place = f"line {line}" if entry is whole else f"entry {next(numbers)}"
            row = _row(entry)
            if row is not None:
                yield place, row
            else:
                bad.add(place, "is no object")
        line, at = line + text.count("\n", at, end), end


def _row(entry: object) -> Row | None:
    """The row of an object, of a bare value, or of fields with values, as ``aws logs get-query-results`` prints
    them."""
    if isinstance(entry, str | int | float):
        return {"1": entry}
    if isinstance(entry, list) and all(isinstance(one, dict) and {"field", "value"} <= one.keys() for one in entry):
        return {str(one["field"]): one["value"] for one in entry}
    return entry if isinstance(entry, dict) else None


def _entries(whole: Any, *, alone: bool) -> list[Any]:
    """The entries of a list, of the list that an object has, or of all pages in a list (``gh api --paginate --slurp``).
    Unless it is all that there is, an object with a time is an entry itself, and a list with bare values is no page."""
    fields = whole if isinstance(whole, dict) else {}
    lists = {plain(name): value for name, value in fields.items() if isinstance(value, list)}
    found = whole if isinstance(whole, list) else next((lists[name] for name in _LISTS if name in lists), None)
    is_cells = any(isinstance(one, str | int | float) for one in found or ())
    is_entry = not alone and (is_cells or any(map(_is_time, fields.items())))
    if found is None or is_entry or (found is whole and _row(whole)):
        return [whole]
    return [entry for one in found for entry in _entries(one, alone=False)] if found is whole else found


def _is_time(field: tuple[str, Any]) -> bool:
    """Whether it is a time by its name, or in words, as the column with the time is found."""
    name, value = field
    is_likely = plain(name) in TIMES or (isinstance(value, str) and ":" in value)
    return is_likely and ms_or_none(value, None) is not None
