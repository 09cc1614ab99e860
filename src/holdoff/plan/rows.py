"""From bytes to rows: the lines of a CSV, the objects of a JSON text, each with where it stands."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from holdoff.plan.times import ms_or_none, plain

Row = Mapping[str, object]
Rows = Iterable[tuple[str, Row]]
#: So many bad rows are shown.
SHOWN_BAD: Final = 5
#: Under which names services put a list of what happened.
_LISTS: Final = ("builds", "workflowruns", "events", "results", "pipelines", "runs", "items", "data", "records")


class Bad:
    """Rows without a time: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[str, str]] = []

    def add(self, where: str, why: str) -> None:
        self.count += 1
        if self.count <= SHOWN_BAD:
            self.first.append((where, why))


def rows_of(data: bytes, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The rows of a text: JSON where it begins as such, else CSV. What is no row is added to ``bad``."""
    text = data.decode("utf-8-sig", "replace")
    return _of_json(text, bad) if text.lstrip()[:1] in {"[", "{"} else _of_csv(text, bad)


def _of_csv(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The lines under a first line of names; without one, columns are called 1, 2, ..."""
    head = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    names: list[str] = []
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            bad.add(f"line {reader.line_num}", str(error))
            continue
        if not any(map(str.strip, cells)):
            continue
        if not names:
            is_head = not any(ms_or_none(cell, None) is not None for cell in cells)
            names = [cell.strip() for cell in cells] if is_head else [str(n + 1) for n in range(len(cells))]
            if is_head:
                continue
        yield f"line {reader.line_num}", dict(zip(names, cells, strict=False))


def _of_json(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    """The objects of a list, wherever a service puts it; else one a line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _of_json_lines(text, bad)
        return
    for number, row in enumerate(_list_in(whole), start=1):
        if isinstance(row, Mapping):
            yield f"entry {number}", row
        else:
            bad.add(f"entry {number}", "is no object")


def _list_in(whole: Any) -> list[object]:
    if isinstance(whole, list):  # of pages, as `gh api --paginate --slurp` prints them
        return [row for one in whole for row in (_list_in(one) if _listed(one) else [one])]
    listed = _listed(whole)
    return [whole] if listed is None else list(whole[listed])


def _listed(whole: object) -> str | None:
    names = (
        {plain(name): name for name, value in whole.items() if isinstance(value, list)}
        if isinstance(whole, dict)
        else {}
    )
    return next((names[name] for name in _LISTS if name in names), None)


def _of_json_lines(text: str, bad: Bad) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            bad.add(f"line {number}", "is not JSON")
            continue
        if isinstance(row, dict):
            yield f"line {number}", row
        else:
            bad.add(f"line {number}", "is no object")
