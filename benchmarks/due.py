"""Finding the due gates in a store of a million gates, against the bare indexed query in the same file.

Run: python -m benchmarks.due [--gates N] [--due N]
Floor: the bare query, ``SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms``, on a plain connection.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from holdoff.core.pending import single
from holdoff.core.record import Record
from holdoff.core.request import Request
from holdoff.exact_json import dumps
from holdoff.stores.codec import record_to_item
from holdoff.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW_MS = 1_795_395_667_000
ROUNDS = 15


def main() -> None:
    """Fill a store, time both ways in turn, print the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=1_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "gates.db")
        store.initialise()
        _fill(store.path, args.gates, args.due)
        bare = sqlite3.connect(store.path)
        ours, floor = _timed(
            lambda: list(store.due(NOW_MS)),
            lambda: bare.execute(
                "SELECT project, region FROM gates WHERE due_ms <= ? ORDER BY due_ms", (NOW_MS,)
            ).fetchall(),
        )
        assert len(list(store.due(NOW_MS))) == args.due
    print(f"due: {args.due:,} of {args.gates:,} gates; medians of {ROUNDS} rounds")
    print(f"  Store.due   {ours * 1000:8.2f} ms")
    print(f"  bare query  {floor * 1000:8.2f} ms  (floor)")
    print(f"  ratio       {ours / floor:8.2f}")


def _fill(path: Path, gates: int, due: int) -> None:
    request = Request(project="p", region="local", reason="push")
    item = dumps(record_to_item(Record(pending=single(request, NOW_MS), writes=("WRITE001",), moved="WRITE001")))
    every = max(1, gates // due)

    def rows() -> Iterator[tuple[str, str, int, str]]:
        for number in range(gates):
            is_due = number % every == 0 and number // every < due
            due_ms = NOW_MS - number if is_due else NOW_MS + 1 + number
            yield (f"project-{number:07}", "local", due_ms, item)

    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO gates (project, region, due_ms, item) VALUES (?, ?, ?, ?)", rows())


def _timed(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for which, call in enumerate((one, other)):
            began = time.perf_counter()
            call()
            times[which].append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
