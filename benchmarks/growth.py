"""What grows with the number of gates, of builds and of triggers, and what does not. On SQLite."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import holdoff
from benchmarks.harness import Section
from benchmarks.plot import lines
from holdoff.core.pending import single
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey, Request
from holdoff.core.units import seconds_from_ms
from holdoff.exact_json import dumps
from holdoff.observe.explain import Scene, explain_version
from holdoff.starters import Call
from holdoff.stores.codec import build_to_plain, record_to_item
from holdoff.stores.dynamodb.item import item_size
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS = time.time_ns() // 1_000_000
DUE = 100
MEMORY = """
import sys, threading, tracemalloc, holdoff
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
store, gates, number = MemoryStore(), [], int(sys.argv[1])
policy, starter = holdoff.Policy("10m", on_cooldown="skip"), Call(lambda *_: "b")
tracemalloc.start()
for n in range(number):
    gates.append(holdoff.Gate(f"project-{n}", store=store, policy=policy, starter=starter))
    gates[-1].trigger()
print(tracemalloc.get_traced_memory()[0] / number / 1024, threading.active_count())
"""


def measure(*, quick: bool) -> Section:
    """A row for each thing that is done, a column for each size."""
    sizes = (100, 1_000, 10_000) if quick else (100, 1_000, 10_000, 100_000)
    columns = [_column(size, quick=quick) for size in sizes]
    names = list(columns[0])
    kilobytes, threads = subprocess.run(
        [sys.executable, "-c", MEMORY, str(sizes[-1])], check=True, capture_output=True, text=True
    ).stdout.split()
    drawn = {name: [(size, column[name]) for size, column in zip(sizes, columns, strict=True)] for name in names[:-1]}
    return Section(
        title="Growth",
        text="The figures are medians in milliseconds, by the clock. A column has so many gates in the file; in the "
        "rows on builds and triggers it has so many builds or triggers of one gate. "
        f"{DUE} gates are due. An item's size is the size of its DynamoDB item, in bytes. A process that has decided "
        f"for {sizes[-1]:,} gates keeps {float(kilobytes):.1f} KB for each, with record and store in memory, and runs "
        f"{threads} thread.",
        head=("", *(f"{size:,}" for size in sizes)),
        rows=[(name, *(f"{column[name]:,.2f}" for column in columns)) for name in names],
        plot=("performance-growth.svg", lines(drawn, x="gates, builds", y="ms")),
    )


def _column(size: int, *, quick: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "gates.db")
        store.initialise()
        _fill(store, size)
        key, one = GateKey("project-0000000", "local"), GateKey("builds", "local")
        gate = holdoff.Gate("new", store=store, policy=holdoff.Policy("0"), starter=Call(lambda *_: "b"))
        scene = Scene(store=store, key=one, record=store.get(one), terms=None, now_ms=NOW_MS)
        newest = f"v{size - 5}"
        work: dict[str, Callable[[], object]] = {
            "a trigger, started": gate.trigger,
            f"{DUE} due gates found": lambda: list(store.due(NOW_MS)),
            "the gates of one project": lambda: list(store.gates(key.project)),
            "all gates read, as `status` does": lambda: list(store.gates()),
            "the newest 20 builds": lambda: list(store.history(one, limit=20)),
            "`explain` of a recent version": lambda: explain_version(scene, newest),
            "`explain` of an unknown version": lambda: explain_version(scene, "unheard-of"),
        }
        took = {name: _ms(call, 3 if quick else 9) for name, call in work.items()}
    return {**took, "the item after so many triggers": float(_item(size))}


def _ms(call: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def _fill(store: SQLiteStore, size: int) -> None:
    """Gates that built, ``DUE`` of which are due; and one gate's builds."""
    import sqlite3

    request = Request(project="p", region="local", reason="push", source_version="v1")
    pending, last = single(request, NOW_MS), seconds_from_ms(NOW_MS - 60_000)
    item = dumps(record_to_item(Record(lastbuild=last, pending=pending, writes=("WRITE001",), moved="WRITE001")))
    gates = ((f"project-{n:07}", "local", NOW_MS - n if n < DUE else NOW_MS + n, item) for n in range(size))
    with sqlite3.connect(store.path) as db:
        db.executemany("INSERT INTO gates (project, region, due_ms, item) VALUES (?, ?, ?, ?)", gates)
        db.executemany("INSERT INTO history VALUES ('builds', 'local', ?, ?, ?)", map(_build, range(size)))


def _build(n: int) -> tuple[int, str, str]:
    at_ms, version = NOW_MS - 10_000_000 + n, f"v{n}"
    request = Request(project="builds", region="local", source_version=version, reason="push")
    covers = single(request, at_ms)
    build = Finished(
        build_id=f"b{n}", token=f"{n:026}", started_ms=at_ms, claimed_ms=at_ms, source_version=version, covers=covers
    )
    return at_ms, build.token, dumps(build_to_plain(build))


def _item(triggers: int) -> int:
    """How large the item of a gate is after so many triggers in one cooldown."""
    store = MemoryStore()
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=Call(lambda *_: "b"))
    for n in islice(range(triggers), 10_000):  # a register's length is reached after sixteen
        gate.trigger(reason="push", source_version=f"v{n}", event_id=f"event-{n}")
    return item_size(store.item(gate.key) or {})
