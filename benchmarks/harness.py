"""Contestants, measured in turn: each in a process of its own, a round of each after the other, again and again.

The machine's speed drifts while a benchmark runs. So a figure is a *ratio*: of a contestant's round to the floor's
round beside it, the median over all rounds, with the quartiles as its spread. Times are of the processor unless a table
says otherwise: what other programs do on the machine is not in them, and waiting is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: A contestant's process. ``call`` is timed; ``between``, if there is one, is what it takes to call again.
WORKER = """
import json, sys, time
between = counted = None
exec(sys.argv[1])
for line in sys.stdin:
    if line == "count\\n":
        print(json.dumps(counted() if counted else {}), flush=True)
        continue
    cpu = wall = 0
    for _ in range(1 if between is None else int(line)):
        began, ran = time.perf_counter(), time.process_time()
        for _ in range(int(line) if between is None else 1):
            call()
        cpu, wall = cpu + time.process_time() - ran, wall + time.perf_counter() - began
        if between is not None:
            between()
    print(json.dumps([cpu / int(line), wall / int(line)]), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One row. ``program`` defines ``call``; ``python``: the interpreter, with what it needs installed."""

    name: str
    program: str
    python: str | Path = sys.executable


@dataclass(kw_only=True)
class Row:
    """What was measured of one contestant: seconds a call, a round each; ``counts``: what it counted of one call."""

    name: str
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: a table, and what to know of it. ``plot``: a drawing, by its file's name."""

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    plot: tuple[str, str] | None = None


class Worker:
    """A contestant's process."""

    def __init__(self, contestant: Contestant, environment: Mapping[str, str]) -> None:
        self.name = contestant.name
        self._process = subprocess.Popen(
            [str(contestant.python), "-c", WORKER, contestant.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, line: str) -> Any:
        """Its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with status {self._process.wait()}; what it said stands above")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def in_turn(
    contestants: Sequence[Contestant], *, rounds: int, calls: int, environment: Mapping[str, str] | None = None
) -> list[Row]:
    """Measure them all; the first is the floor."""
    rows = [Row(name=contestant.name) for contestant in contestants]
    settings = {**os.environ, **(environment or {})}
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    with ExitStack() as stack:
        workers = [Worker(contestant, settings) for contestant in contestants]
        for worker in workers:
            stack.callback(worker.close)
            worker.ask(str(calls))  # the first round warms up
        for _ in range(rounds):
            for row, worker in zip(rows, workers, strict=True):
                cpu, wall = worker.ask(str(calls))
                row.cpu.append(cpu)
                row.wall.append(wall)
        for row, worker in zip(rows, workers, strict=True):
            row.counts = worker.ask("count")
    return rows


def ratio(row: Row, floor: Row, of: str = "cpu") -> str:
    """``2.5 (2.4 to 2.6)``: the median of the rounds' ratios, and their quartiles."""
    pairs = zip(getattr(row, of), getattr(floor, of), strict=True)
    ratios = [mine / other for mine, other in pairs if other]
    low, _, high = quantiles(ratios, n=4)
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"


def us(seconds: Sequence[float]) -> str:
    """The median, in microseconds."""
    value = median(seconds) * 1e6
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"
