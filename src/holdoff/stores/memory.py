"""A store in this process's memory: for trials and tests, and the plain model that other stores are compared with."""

from __future__ import annotations

import os
import threading
from bisect import bisect, bisect_left, insort
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import StoreMismatch, StoreUnavailable
from holdoff.core.record import Record
from holdoff.core.request import NO_REGION
from holdoff.stores.codec import PROJECT, REGION, record_to_item, seen_ms, swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.core.pending import Fold
    from holdoff.core.record import Finished
    from holdoff.core.request import GateKey


class MemoryStore:
    """Gates in a dict, under a lock. The methods are described in ``stores.base.Store``."""

    url = "memory:"
    region = NO_REGION
    clock_margin_ms = 0

    def __init__(self) -> None:
        self._gates: dict[GateKey, Record] = {}
        self._history: dict[GateKey, dict[str, Finished]] = {}
        self._due, self._expiring = _Instants("due_ms"), _Instants("expires_ms")
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def _locked(self) -> threading.RLock:
        """The lock, for one thread at a time. Refused in the child of a fork: no other process would see its gates."""
        if self._pid != os.getpid():
            raise StoreMismatch(
                f"a memory: store belongs to process {self._pid}, and this is {os.getpid()}, its child",
                hint="Processes share a file: sqlite:///PATH",
            )
        if self._lock._is_owned():  # type: ignore[attr-defined]
            raise StoreUnavailable(
                "the memory: store was called again from a signal handler, during another use",
                hint="Nothing was done; try again when the handler has returned",
            )
        return self._lock

    def get(self, key: GateKey) -> Record:
        with self._locked():
            return self._gates.get(key) or Record()

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        return self._write(key, partial(swapped, expected, new), history)

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        return self._write(key, partial(fold.applied, expected))

    def _write(
        self, key: GateKey, decide: Callable[[Record], Record | None], history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        with self._locked():
            current = self._gates.get(key) or Record()
            new = decide(current)
            if new is None:
                return Lost(current)
            if key not in self._gates:
                for gone in self._expiring.until(seen_ms(new), self._gates):
                    self._unlist(gone, self._gates.pop(gone))
            for build in history:  # before the gate: a signal handler may raise at any moment
                self._history.setdefault(key, {})[build.token] = build
            self._due.add(key, new)
            self._expiring.add(key, new)
            self._gates[key] = new
            self._unlist(key, current)
            return Swapped(new)

    def _unlist(self, key: GateKey, gone: Record) -> None:
        self._due.remove(key, gone)
        self._expiring.remove(key, gone)

    def keep(self, key: GateKey, build: Finished) -> None:
        with self._locked():
            self._history.setdefault(key, {})[build.token] = build

    def due(self, now_ms: int) -> Iterator[GateKey]:
        with self._locked():
            return iter(self._due.until(now_ms, self._gates))

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        with self._locked():
            return iter([(key, self._gates[key]) for key in sorted(self._gates) if project in (None, key.project)])

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """See ``Store.history``. Builds are kept until the process ends."""
        with self._locked():
            builds = self._history.get(key, {}).values()
            newest_first = sorted(builds, key=lambda build: (build.claimed_ms, build.token), reverse=True)
        return iter(newest_first[:limit])

    def item(self, key: GateKey) -> dict[str, object] | None:
        with self._locked():
            record = self._gates.get(key)
        return None if record is None else {PROJECT: key.project, REGION: key.region, **record_to_item(record)}

    def initialise(self) -> list[str]:
        """Nothing to create."""
        return []

    def check(self) -> list[str]:
        """Nothing to find."""
        return []

    def close(self) -> None:
        """Nothing to close; the gates stay."""


class _Instants:
    """Gates in the order of one of their instants. To find those whose instant has come, the others are not read.

    An entry too many does no harm. An interrupted write may leave one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sorted: list[tuple[int, GateKey]] = []

    def add(self, key: GateKey, record: Record) -> None:
        """Before a record is written."""
        if (at_ms := getattr(record, self._name)) is not None:
            insort(self._sorted, (at_ms, key))

    def remove(self, key: GateKey, record: Record) -> None:
        """After a record was replaced."""
        if (at_ms := getattr(record, self._name)) is not None:
            place = bisect_left(self._sorted, (at_ms, key))
            if self._sorted[place : place + 1] == [(at_ms, key)]:
                del self._sorted[place]

    def until(self, now_ms: int, gates: dict[GateKey, Record]) -> list[GateKey]:
        """The gates whose instant has come, the oldest first."""
        found = self._sorted[: bisect(self._sorted, now_ms, key=itemgetter(0))]
        is_so = [key for at_ms, key in found if getattr(gates.get(key), self._name, None) == at_ms]
        return list(dict.fromkeys(is_so))
