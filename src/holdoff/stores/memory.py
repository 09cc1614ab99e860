"""A store in this process's memory: for trying things, and the plain truth the others are tested beside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import Finished, GateKey, Opening, Record
from holdoff.stores.item import PROJECT, REGION, to_item

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryStore:
    """Gates in a dict, under a lock."""

    clock_margin_ms = 0

    def __init__(self, url: str = "memory:", *, region: str = "local") -> None:
        self.url = url
        self.region = region
        self._gates: dict[GateKey, Record] = {}
        self._history: dict[GateKey, dict[str, Finished]] = {}
        self._lock = threading.Lock()

    def get(self, key: GateKey) -> Record:
        """See ``Store.get``."""
        with self._lock:
            return self._gates.get(key, Record())

    def swap(
        self,
        key: GateKey,
        *,
        expected: Record,
        new: Record,
        history: tuple[Finished, ...] = (),
    ) -> Swapped | Lost:
        """See ``Store.swap``."""
        with self._lock:
            current = self._gates.get(key, Record())
            if (current.writes[:1], current.lastbuild) != (expected.writes[:1], expected.lastbuild):
                return Lost(current)
            self._gates[key] = new
            for build in history:
                self._history.setdefault(key, {})[build.token] = build
            return Swapped(new)

    def open(self, key: GateKey, opening: Opening) -> Swapped | Lost:
        """See ``Store.open``."""
        with self._lock:
            current = self._gates.get(key, Record())
            new = opening.apply(current)
            if new is None:
                return Lost(current)
            self._gates[key] = new
            return Swapped(new)

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """See ``Store.due``."""
        with self._lock:
            found = [(r.due_ms, key) for key, r in self._gates.items() if r.due_ms is not None]
        return iter([key for due_ms, key in sorted(found) if due_ms <= now_ms])

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        """See ``Store.gates``."""
        with self._lock:
            found = sorted(self._gates.items(), key=lambda pair: pair[0])
        return iter([(key, record) for key, record in found if project in (None, key.project)])

    def history(self, key: GateKey) -> Iterator[Finished]:
        """See ``Store.history``. (Kept for as long as the process lives.)"""
        with self._lock:
            builds = list(self._history.get(key, {}).values())
        return iter(sorted(builds, key=lambda build: (build.claimed_ms, build.token), reverse=True))

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``."""
        with self._lock:
            record = self._gates.get(key)
        if record is None:
            return None
        return {PROJECT: key.project, REGION: key.region, **to_item(record)}

    def initialise(self) -> list[str]:
        """Nothing to create."""
        return []

    def check(self) -> list[str]:
        """Nothing to find."""
        return []

    def close(self) -> None:
        """Nothing to let go of; the gates stay."""
