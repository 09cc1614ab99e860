"""What one worker does: triggers and wakes on all gates, as fast as they come, everything written down."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from holdoff.core.errors import StoreError
from holdoff.wake.loop import WakeLoop
from tests.chaos.gates import KINDS, TWINS, gate_for, kind_of
from tests.chaos.journal import Journal
from tests.chaos.stores import faulty

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import holdoff
    from holdoff.clock import Clock
    from holdoff.core.decision import Decision
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store
    from tests.chaos.settings import Settings

_T = TypeVar("_T")
THREADS = 2
#: A source changes this often, an event is sent again for so long: the run's milliseconds.
VERSION_MS, EVENT_MS = 4_000, 2_000
#: How many of the triggers that say when they happened are late, and by how many versions at most.
LATE, OLDEST = 0.3, 3


def work(settings: Settings, seed: int, dynamodb: Any, codebuild: Any) -> None:
    """Work until SIGTERM. The clients are this process's own."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    journal = Journal(Path(settings.journal))
    store = faulty(settings, dynamodb, Random(seed), journal)
    clock = settings.clock
    threads = []
    for number in range(THREADS):
        hand = Hand(
            owner=f"{os.getpid()}.{number}",
            clock=clock,
            store=store,
            make=lambda key: gate_for(key, store, codebuild, clock),
            random=Random(f"{seed}.{number}"),
            journal=journal,
        )
        threads.append(threading.Thread(target=hand.work, args=(stop,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # a handler runs in this thread only, and not while it joins
            thread.join(0.05)


class Hand:
    """One thread of a worker, with gates of its own."""

    def __init__(
        self,
        *,
        owner: str,
        clock: Clock,
        store: Store,
        make: Callable[[GateKey], holdoff.Gate],
        random: Random,
        journal: Journal,
    ) -> None:
        self.owner, self.clock, self.random, self.journal = owner, clock, random, journal
        self.gates: dict[str, holdoff.Gate] = {}
        self.number = 0
        self._make = make
        self.loop = WakeLoop(store, self._gate_of, clock=clock, on_decision=self._woken)

    def work(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._act()
                time.sleep(min(0.05, self.random.expovariate(200)))
        except BaseException:
            self.journal.write("crash", owner=self.owner, trace=traceback.format_exc())
            raise

    def _act(self) -> None:
        kind, twin = self.random.choice(KINDS), self.random.choice(TWINS)
        gate = self._gate_of(kind.newest(twin, self.clock.now_ms()))
        acts: list[tuple[float, Callable[[holdoff.Gate], object]]] = [
            (0.75, self._trigger),
            (0.10, lambda _: self._tried("wakes", self.loop.once)),
            (0.12, self._wake),
            (0.01, self._hold),
            (0.02, lambda gate: self._tried(gate.key.project, gate.status)),
        ]
        self.random.choices([act for _, act in acts], [weight for weight, _ in acts])[0](gate)

    def _trigger(self, gate: holdoff.Gate) -> None:
        self.number += 1
        now_ms, random, name = self.clock.now_ms(), self.random, gate.key.project
        kind = kind_of(name)
        number = now_ms // VERSION_MS
        if kind.lined and random.random() < LATE:
            number -= random.randint(1, OLDEST)
        version = f"v{number}" if kind.lined or random.random() < 0.8 else None
        event = f"{name}-{now_ms // EVENT_MS}" if random.random() < 0.2 else None
        force = random.random() < kind.forced
        self.journal.write(
            "asked",
            owner=self.owner,
            number=self.number,
            gate=name,
            at_ms=now_ms,
            version=version,
            event=event,
            force=force,
        )
        decision = self._tried(
            name,
            lambda: gate.trigger(
                source_version=version,
                event_id=event,
                force=force,
                line="main" if kind.lined else None,
                at=number * VERSION_MS // 1000 if kind.lined else None,
            ),
        )
        if decision is not None:
            self._write("answered", decision, number=self.number)

    def _wake(self, gate: holdoff.Gate) -> None:
        decision = self._tried(gate.key.project, gate.wake)
        if decision is not None:
            self._woken(decision)

    def _woken(self, decision: Decision) -> None:
        self._write("woken", decision)

    def _hold(self, gate: holdoff.Gate) -> None:
        self._tried(gate.key.project, lambda: gate.hold(why="chaos", duration="3s"))

    def _gate_of(self, key: GateKey) -> holdoff.Gate:
        if key.project not in self.gates:
            self.gates[key.project] = self._make(key)
        return self.gates[key.project]

    def _tried(self, gate: str, act: Callable[[], _T]) -> _T | None:
        try:
            return act()
        except StoreError as error:
            self.journal.write("error", owner=self.owner, gate=gate, kind=type(error).__name__)
            return None

    def _write(self, what: str, decision: Decision, **more: object) -> None:
        told = {
            name: getattr(decision, name) for name in ("decided_ms", "due_ms", "build_id", "unconfirmed", "taken_over")
        }
        self.journal.write(
            what,
            owner=self.owner,
            gate=decision.project,
            token=decision.id.rsplit("/", 1)[-1],
            outcome=str(decision.outcome),
            why=str(decision.why),
            at_ms=self.clock.now_ms(),
            **told,
            **more,
        )
