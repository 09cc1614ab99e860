"""A wake loop, in a thread or as a process: looks for what is due, and wakes it.

Any number of loops, on any number of machines, may run on one store: a wake decides under the same conditional write as
a trigger does. A loop that dies leaves nothing behind that another does not find.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from holdoff.clock import Clock, waits_s
from holdoff.core.decision import Decision
from holdoff.core.errors import ConfigError, HoldoffError
from holdoff.core.request import GateKey
from holdoff.core.units import parse_duration
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    from holdoff.gate import Gate
    from holdoff.stores.base import Store

log = logging.getLogger("holdoff.wake.loop")


class WakeLoop:
    """Wakes the gates of a store as they come due.

    Args:
        store: whose gates.
        gate_of: makes the gate of a key, with its policy and starter; ``None``: this loop has no settings for it. Asked
            once a key.
        clock: what says what is due.
        every: how often to look.
        on_decision: called with every decision of a wake.
    """

    def __init__(
        self,
        store: Store,
        gate_of: Callable[[GateKey], Gate | None],
        *,
        clock: Clock,
        every: object = "1s",
        on_decision: Callable[[Decision], None] = lambda _decision: None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.every_ms = parse_duration(every, field="every")
        if self.every_ms == 0:
            raise ConfigError(field="every", got=every, want="more than zero: the loop would never rest")
        self._on_decision = on_decision
        self._gate_of = gate_of
        self._gates: dict[GateKey, Gate | None] = {}
        self._children: dict[str, tuple[Gate, threading.Thread]] = {}

    def once(self) -> list[Decision]:
        """Wake all that is due now; what came of it. One gate's trouble is logged and does not keep the others waiting.

        Raises:
            StoreError: the store cannot say what is due.
        """
        decisions = []
        for key in self.store.due(now_ms(self.store, self.clock)):
            decision = self._wake(key)
            if decision is not None:
                decisions.append(decision)
                self._on_decision(decision)
        return decisions

    def run(self, stop: threading.Event) -> None:
        """Look again and again until ``stop`` is set; then stop the commands this loop started, and wait for them."""
        try:
            while not stop.is_set():
                try:
                    self.once()
                except HoldoffError as error:
                    log.warning("looking for what is due failed: %s", error)
                any(stop.wait(part_s) for part_s in waits_s(self.every_ms))  # signals are heard
        finally:
            self._end_children()

    def start(self) -> Callable[[], None]:
        """Run in a thread. The function returned stops it and waits for it."""
        stop = threading.Event()
        thread = threading.Thread(target=self.run, args=(stop,), name="holdoff-wake", daemon=True)
        thread.start()

        def stop_and_wait() -> None:
            stop.set()
            thread.join()

        return stop_and_wait

    def _wake(self, key: GateKey) -> Decision | None:
        try:
            if key not in self._gates:
                self._gates[key] = self._gate_of(key)
                if self._gates[key] is None:
                    log.warning("%s is due, but how to build it is not known here", key)
            gate = self._gates[key]
            if gate is None:
                return None
            decision = gate.wake()
        except Exception as error:  # noqa: BLE001  (a starter's own, say: the other gates do not wait for its author)
            log.warning("waking %s failed: %s", key, error)
            return None
        for build_id in (decision.taken_over, decision.build_id):
            if build_id is not None and hasattr(gate.starter, "wait"):
                self._attend(gate, build_id)
        return decision

    def _attend(self, gate: Gate, build_id: str) -> None:
        """Wait for a command of this process in a thread of its own."""

        def wait() -> None:
            try:
                gate.wait(build_id)
            except HoldoffError as error:
                log.warning("the end of %s could not be recorded: %s", build_id, error)
            finally:
                self._children.pop(build_id, None)

        thread = threading.Thread(target=wait, name=f"holdoff-{build_id}")
        self._children[build_id] = (gate, thread)
        thread.start()

    def _end_children(self) -> None:
        for build_id, (gate, thread) in list(self._children.items()):
            with suppress(LookupError):  # it has just ended
                cast("Any", gate.starter).cancel(build_id)
            thread.join()
