"""One hot gate: starts a second by many threads and processes, and what no speed makes up for: builds that overlap.

A trigger during a start in progress is deferred, and each deferral is a write. Of N threads one starts, and the others
write their deferrals. So with more threads there are fewer starts a second. Threads of one process that wait to write
to a file share a commit; processes take turns.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holdoff
from benchmarks.harness import Section
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdoff.stores.base import Store


def measure(*, quick: bool) -> Section:
    """Threads, then processes, then races."""
    seconds = 0.7 if quick else 3.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gates.db"
        rows = [_row("memory", n, _threads(MemoryStore(), n, seconds), seconds) for n in (1, 2, 4, 8, 16)]
        rows += [_row("SQLite", n, _threads(SQLiteStore(path), n, seconds), seconds) for n in (1, 2, 4, 8, 16)]
        rows += [_row("SQLite, processes", n, _processes(path, n, seconds), seconds) for n in (1, 2, 4)]
        rounds = 40 if quick else 200
        doubles = sum(_race(SQLiteStore(path), n) > 1 for n in range(rounds))
        text = (__doc__ or "").partition("\n\n")[2].strip()
        return Section(
            title="One hot gate, cooldown 0",
            text=f"{text} A second test has {rounds} rounds, in each of which 16 threads trigger one gate with a "
            f"cooldown at the same moment: {doubles} rounds had more than one build.",
            head=("store", "threads or processes", "starts a second", "decisions a second"),
            rows=rows,
        )


def _row(store: str, n: int, counts: Counter[str], seconds: float) -> Sequence[str]:
    return store, str(n), f"{counts['started'] / seconds:,.0f}", f"{counts.total() / seconds:,.0f}"


def _work(store: Store, seconds: float, counts: Any) -> None:
    gate = holdoff.Gate("hot", store=store, policy=holdoff.Policy("0"), starter=Call(lambda *_: "b"))
    until, mine = time.monotonic() + seconds, Counter[str]()
    while time.monotonic() < until:
        mine[str(gate.trigger().outcome)] += 1
    counts.append(mine)


def _threads(store: Store, n: int, seconds: float) -> Counter[str]:
    counts: list[Counter[str]] = []
    threads = [threading.Thread(target=_work, args=(store, seconds, counts)) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts, Counter())


def _process(path: Path, seconds: float, queue: Any) -> None:
    counts: list[Counter[str]] = []
    _work(SQLiteStore(path), seconds, counts)
    queue.put(counts[0])


def _processes(path: Path, n: int, seconds: float) -> Counter[str]:
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    processes = [spawn.Process(target=_process, args=(path, seconds, queue)) for _ in range(n)]
    for process in processes:
        process.start()
    counts: list[Counter[str]] = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(counts, Counter())


def _race(store: Store, n: int) -> int:
    """Builds of one round: each thread has a gate object of its own."""
    started: list[str] = []
    barrier = threading.Barrier(16)

    def trigger() -> None:
        starter = Call(lambda _, token: (started.append(token), token)[1])  # type: ignore[func-returns-value]
        gate = holdoff.Gate(f"race-{n}", store=store, policy=holdoff.Policy("10m"), starter=starter)
        barrier.wait()
        gate.trigger()

    threads = [threading.Thread(target=trigger) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(started)
