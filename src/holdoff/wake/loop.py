"""A wake loop, in a thread or as a process: it looks for gates that are due, and wakes them.

Any number of loops, on any number of machines, may run on one store: a wake writes under the same condition as a
trigger. If a loop dies, other loops find all that it was about to wake.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from holdoff.clock import Clock, SystemClock, now_ms, running_ms, waits_s
from holdoff.core.decision import Decision
from holdoff.core.errors import ConfigError, HoldoffError, StoreUnavailable
from holdoff.core.request import GateKey
from holdoff.core.shown import kind_of
from holdoff.core.units import MAX_INSTANT_MS, Duration, parse_duration
from holdoff.core.waits import TURN_MS
from holdoff.gate import KEPT_GATES, Gate

if TYPE_CHECKING:
    from holdoff.stores.base import Store

log: Final = logging.getLogger("holdoff.wake.loop")
#: A failure that goes on is logged again after this time: a loop may look every second, all night.
LOGGED_AGAIN_MS: Final = 60_000
#: After the store did not answer it is asked again after this time, or after ``every`` if that is less.
ASKED_AGAIN_MS: Final = 1_000
_WANT_GATE_OF: Final = "a function from a key to its gate, such as lambda key: gate if key == gate.key else None"


def not_woken(key: GateKey, error: BaseException) -> str:
    """The message that a gate could not be woken, and why."""
    return f"waking {key} failed: {_described(error)}"


def _described(error: BaseException) -> str:
    return f"{error}" if isinstance(error, HoldoffError) else f"{type(error).__name__}: {error}"


class WakeLoop:
    """Wakes the gates of a store as they come due.

    Args:
        store: the store of the gates.
        gate_of: makes the gate of a key, with its policy and starter; ``None``: this loop has no settings for it. It is
            called once for a key; with over a thousand keys, now and then again.
        clock: says what is due. Default: this machine's clock.
        every: how often to look, besides the moments when the store reports that a gate is due (``wait_for_due``).
        on_decision: called with every decision of a wake.
        on_end: called at the end of each command that this loop started, with its gate, build id and exit status.
        before_look: called before each look with the loop itself. It, as any thread, may give ``go_by`` new settings.
        wake: wakes a gate. It may leave the start to another thread, so that the next gate does not wait for it.

    Raises:
        ConfigError: ``gate_of`` is no function, or ``every`` no duration over zero.
    """

    def __init__(
        self,
        store: Store,
        gate_of: Callable[[GateKey], Gate | None],
        *,
        clock: Clock | None = None,
        every: Duration = "1s",
        on_decision: Callable[[Decision], None] = lambda _decision: None,
        on_end: Callable[[Gate, str, int], None] = lambda _gate, _build_id, _status: None,
        before_look: Callable[[WakeLoop], None] = lambda _loop: None,
        wake: Callable[[Gate], Decision] = lambda gate: gate.wake(),
    ) -> None:
        self.store: Store = store
        self.clock: Clock = clock or SystemClock()
        self.every_ms: int = parse_duration(every, field="every")
        if self.every_ms == 0:
            raise ConfigError(field="every", got=every, want="more than zero: the loop would never rest")
        if not callable(gate_of):
            raise ConfigError(field="gate_of", got=kind_of(gate_of), want=_WANT_GATE_OF)
        self._on_decision, self._on_end, self._before_look = on_decision, on_end, before_look
        self._wake_gate = wake
        self._stop: threading.Event | None = None  # as long as it does not run
        self._gate_of = gate_of
        self._gates: dict[GateKey, Gate | None] = {}  # a new dict for each new settings
        self._looked_by: object = None  # the dict of gates of the last look, if that look came to its end
        #: Gates to wake again, due or not. At the first look by these settings they were claimed (what confirms the
        #: start may go by the settings before), or their wake failed.
        self._unsettled: list[GateKey] = []
        self._looked_ms = 0
        #: The threads that wait for commands, by gate and build id: two starters may give their builds the same ids.
        self._children: dict[tuple[GateKey, str], tuple[Gate, threading.Thread]] = {}
        self._attending = threading.Lock()  # a thread that is listed has been started
        #: Failures that go on, by gate (``None``: the store was away): the message, and when it was logged.
        self._failing: dict[GateKey | None, tuple[str, int]] = {}

    def go_by(self, store: Store, gate_of: Callable[[GateKey], Gate | None]) -> None:
        """Look in this store from the next look on, with gates by this ``gate_of``. Running builds are waited for."""
        self.store, self._gate_of, self._gates = store, gate_of, {}

    def once(self) -> list[Decision]:
        """Wake all gates that are due now; returns the decisions. If one gate fails, the loop logs that and goes on.

        With new settings, at the first look, too, each gate that waits is woken: when it is due, the store has by the
        settings before. Looks go on waking a gate that is claimed then, or whose wake fails, until that is over.

        Raises:
            StoreError: the store cannot list the gates that are due.
        """
        decisions, gates = list[Decision](), self._gates
        if len(gates) >= KEPT_GATES:  # keys without settings stay, so that the log names each of them once
            for key in [key for key, gate in gates.items() if gate is not None]:
                del gates[key]
        is_new, was_away = gates is not self._looked_by, None in self._failing
        # An edit may have freed gates. The look comes after the turns: what comes meanwhile may be due by old settings.
        if is_new and not was_away and self._leave_turns(TURN_MS):
            return []
        began_ms, self._looked_ms = running_ms(), now_ms(self.store, self.clock)
        keys = dict.fromkeys([*self._unsettled, *self.store.due(MAX_INSTANT_MS if is_new else self._looked_ms)])
        self._failing.pop(None, None)
        was_away = was_away or running_ms() - began_ms >= TURN_MS
        if was_away and self._leave_turns(ASKED_AGAIN_MS + TURN_MS):  # callers ask the store again within a second
            return []
        starts = set(keys if is_new else self._unsettled)
        self._looked_by, self._unsettled = None, []  # not before: if this look fails, the next one wakes them
        for key in keys:
            if self._stop is not None and self._stop.is_set():
                return decisions
            decision, gate = self._wake(key, gates), gates.get(key)
            if key in starts and (key in self._failing or (gate is not None and gate.is_claimed)):
                self._unsettled.append(key)
            if decision is not None:
                decisions.append(decision)
                try:
                    self._on_decision(decision)
                except Exception as error:  # noqa: BLE001  (a callback may raise anything; other gates go on)
                    self._log_failure(key, f"a decision on {key} could not be reported: {_described(error)}")
        self._looked_by = gates  # a look that is ended before this, as by Ctrl-C, leaves gates to the next one
        return decisions

    def run(self, stop: threading.Event) -> None:
        """Look again and again until ``stop`` is set. Then ask the commands of this loop to stop, and wait for them."""
        self._stop = stop
        try:
            while not stop.is_set():
                try:
                    self._before_look(self)
                    self.once()
                except Exception as error:  # noqa: BLE001  (a store or a callback may raise anything; the loop goes on)
                    self._log_failure(None, f"looking for due gates failed: {_described(error)}")
                self._rest(stop)
        finally:
            stop.set()  # Ctrl-C may have come instead: no end is reported any more
            self.end_children()
            self._stop = None

    def _leave_turns(self, ms: int) -> bool:
        """Wait so long, if this loop runs: callers that wait have their turns first. Returns whether it has stopped."""
        return self._stop is not None and self._stop.wait(ms / 1000)

    def _rest(self, stop: threading.Event) -> None:
        """Wait for the next look, in parts of at most a second, so that signals are handled. A store with
        ``wait_for_due`` ends the wait when a gate comes due. Where the store did not answer, one part is enough."""
        wait_for_due = None if None in self._failing else getattr(self.store, "wait_for_due", None)
        for part_s in waits_s(self.every_ms):
            try:
                if wait_for_due is not None and not stop.is_set():
                    if wait_for_due(self._looked_ms, now_ms(self.store, self.clock), int(part_s * 1000)):
                        return
                    continue
            except Exception:  # noqa: BLE001  (a store may raise anything; an outage is reported by the next look)
                self._failing.setdefault(None, ("", 0))
            if stop.wait(part_s) or None in self._failing:
                return

    def start(self) -> Callable[[], None]:
        """Run in a thread. The returned function stops the loop and waits for its end."""
        stop = threading.Event()
        thread = threading.Thread(target=self.run, args=(stop,), name="holdoff-wake", daemon=True)
        thread.start()

        def stop_and_wait() -> None:
            stop.set()
            thread.join()

        return stop_and_wait

    def _wake(self, key: GateKey, gates: dict[GateKey, Gate | None]) -> Decision | None:
        try:
            if key not in gates:
                gates[key] = self._gate_of(key)
                if gates[key] is None:
                    log.warning("%s waits for a wake, but this loop has no settings for it", key)
            if (gate := gates[key]) is None:
                return None
            others = gate.awaited
            try:
                decision = self._wake_gate(gate)
            finally:  # a wake that fails may have finished a start that was left
                self.attend(gate, besides=others)
        except BaseException as error:  # a starter may raise anything; other gates go on
            if threading.current_thread() is threading.main_thread() and not isinstance(error, Exception | SystemExit):
                raise  # Ctrl-C
            if isinstance(error, StoreUnavailable):
                self._failing.setdefault(None, ("", 0))
            self._log_failure(key, not_woken(key, error))
            return None
        self._failing.pop(key, None)
        return decision

    def _log_failure(self, failing: GateKey | None, message: str) -> None:
        at_ms = self.clock.now_ms()
        logged, logged_ms = self._failing.get(failing, ("", 0))
        if logged != message or abs(at_ms - logged_ms) >= LOGGED_AGAIN_MS:
            self._failing[failing] = message, at_ms
            with suppress(Exception):  # a handler of logs may raise anything; the loop goes on
                log.warning("%s", message)

    def attend(self, gate: Gate, *, besides: Collection[str] = ()) -> None:
        """Look after the commands of this process that a gate has started, ``besides`` those: wait for each in a thread
        of its own, and ask it to stop when the loop ends."""
        for build_id in [build_id for build_id in gate.awaited if build_id not in besides]:
            with self._attending:
                if (gate.key, build_id) not in self._children:
                    thread = threading.Thread(target=self._wait, args=(gate, build_id), name=f"holdoff-{build_id}")
                    try:
                        thread.start()
                    except RuntimeError as error:  # the system has no room for a thread: the command runs all the same
                        self._log_failure(gate.key, f"the end of {build_id} will not be noticed: {_described(error)}")
                    else:
                        self._children[gate.key, build_id] = (gate, thread)

    def _wait(self, gate: Gate, build_id: str) -> None:
        try:
            if (status := gate.wait(build_id)) is not None:
                self._on_end(gate, build_id, status)
            while self._stop is not None and not self._stop.is_set():
                with suppress(StoreUnavailable):  # after an edit the project has another gate, which knows of no end
                    gate.report_ends()
                    break
                self._stop.wait(min(self.every_ms, ASKED_AGAIN_MS) / 1000)  # its build's lease is over after a minute
        except Exception as error:  # noqa: BLE001  (a callback may raise anything)
            log.warning("the end of %s could not be recorded or reported: %s", build_id, _described(error))
        finally:
            with self._attending:
                self._children.pop((gate.key, build_id), None)

    def end_children(self) -> None:
        """Ask the commands that this loop looks after to stop, and wait for them."""
        with self._attending:
            children = list(self._children.items())
        for (_, build_id), (gate, _) in children:
            starter: Any = gate.starter
            try:
                (starter.stop if hasattr(starter, "stop") else starter.cancel)(build_id)
            except LookupError:
                pass  # it has just ended
            except Exception as error:  # noqa: BLE001  (a starter may raise anything; the others are asked, too)
                self._log_failure(gate.key, f"{build_id} could not be asked to stop: {_described(error)}")
        for _, (_, thread) in children:
            thread.join()
