"""Carries out intents at their gates: triggers, ends of builds, wakes and sweeps.

A process has one ``Dispatch``. Its gates keep their clients and last snapshots between messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final, Protocol

from holdoff.clock import Clock, now_ms
from holdoff.config import Config
from holdoff.core.decision import Decision
from holdoff.core.errors import EventError, HoldoffError, RecordInvalid, StoreDenied, StoreError
from holdoff.core.record import Record
from holdoff.core.request import GateKey, Request
from holdoff.gate import KEPT_GATES, Gate
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.ends import of_no_project
from holdoff.ingress.events.intents import BuildEnded, Ignored, Intent, WakeAsked
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.rules import Routes
from holdoff.observe.log import clean
from holdoff.observe.spans import span
from holdoff.observe.status import status_of
from holdoff.stores.base import Store

Answer = dict[str, Any]
#: How much time is left for an invocation.
LeftMs = Callable[[], int]
Decide = Callable[[Gate, Request | None], Decision]

#: A sweep reports how long the oldest trigger has waited, and looks for gates that are due by new settings. It reads at
#: most so many gates for each.
MOST_LOOKED_AT: Final = 100
#: A sweep stops if less time than this is left: a start may take so long, with the store's and its own time-outs. If
#: the function's time-out is short, half of it is enough: otherwise each sweep would wake one gate only.
TIME_FOR_A_WAKE_MS: Final = 125_000
#: Later than any gate is due.
EVER_MS: Final = 10**15


class WakeScheduler(Protocol):
    """Arranges wakes, for a process that cannot wait so long. If a wake is lost, the next search for due gates finds
    its gate."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """Arrange that the gate is woken at ``due_ms`` or soon after, never before. Two calls make one wake. Raises a
        ``WakeError`` if it could not be arranged."""


class Dispatch:
    """Carries out what messages want, in any number of threads.

    Args:
        scheduler: arranges wakes. Without one no decision promises a wake.
        decide: has a gate decide a request, or (``None``) wakes the gate.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Clock,
        log: EventLog,
        scheduler: WakeScheduler | None,
        decide: Decide | None = None,
    ) -> None:
        self.config = config
        self.store = store
        self.routes: Routes = Routes(config, store.region)
        self._clock = clock
        self._log = log
        self._scheduler = scheduler
        self._decide = decide or decide_here
        self._gates: dict[GateKey, Gate] = {}

    def carry_out(self, message: Message, left_ms: LeftMs = lambda: EVER_MS) -> Answer:
        """What became of each change in a message, as plain JSON values. A change that fails does not stop the others:
        the first error is raised after them."""
        answers: list[Answer] = []
        errors: list[Exception] = []
        for wanted in self.routes.intents(message):
            try:
                if isinstance(wanted, EventError):
                    raise wanted
                answers.append(self._perform(wanted, message.kind, left_ms))
            except Exception as error:  # noqa: BLE001  (a plug-in may raise anything)
                errors.append(error)
        for other in errors[1:]:
            self._log.failed(other, kind=message.kind, message_id=message.id)
        if errors:
            raise errors[0]
        return answers[0] if len(answers) == 1 else {"answers": answers}

    def _perform(self, intent: Intent, kind: str, left_ms: LeftMs) -> Answer:
        match intent:
            case Request():
                return self.trigger(intent, kind).to_dict()
            case BuildEnded():
                return self._ended(intent, kind)
            case WakeAsked(gate):
                return self._sweep(left_ms) if gate is None else self._woken(gate).to_dict()
            case Ignored():
                return self._ignored(intent, kind)

    def _ignored(self, ignored: Ignored, kind: str) -> Answer:
        answer: Answer = {"ignored": clean(ignored.why)}
        self._log.noted("ignored", kind=kind, **answer)
        return answer

    def gate(self, key: GateKey) -> Gate:
        """The gate of a key, made once."""
        gate = self._gates.get(key)
        if gate is None:
            if len(self._gates) >= KEPT_GATES:
                self._gates.clear()
            woken = self._scheduler is not None
            made = self.config.gate(key, self.store, clock=self._clock, woken=woken)
            gate = self._gates.setdefault(key, made)  # another thread may have made one
        return gate

    def trigger(self, request: Request, kind: str) -> Decision:
        """Have its gate decide a request."""
        return self._decided(self.gate(request.gate), request, kind)

    def _woken(self, key: GateKey) -> Decision:
        return self._decided(self.gate(key), None, "wake")

    def _decided(self, gate: Gate, request: Request | None, kind: str) -> Decision:
        """The decision on a request, or (``None``) on a wake, after its own wake is arranged and its line is logged."""
        began_ms = self._clock.now_ms()
        with span(f"holdoff.{'wake' if request is None else 'trigger'}", {**_names(gate.key), "kind": kind}) as decided:
            decision = self._decide(gate, request)
            decided(decision)
        took_ms = max(0, self._clock.now_ms() - began_ms)
        if self._scheduler is not None and (due_ms := gate.wake_ms) is not None:
            try:
                self._scheduler.wake_at(gate.key, due_ms, now_ms(self.store, self._clock))
            except HoldoffError as error:
                self._log.failed(error, kind="schedule", **_names(gate.key))
                decision = decision.but(woken=False)
        self._log.decided(decision, request, took_ms=took_ms, kind=kind)
        return decision

    def _ended(self, ended: BuildEnded, kind: str) -> Answer:
        """Report an end to the gate that started the build, and start what waited. Then trigger what a rule says."""
        # Each is a project's own gate, or a gate in the build's region that a trigger has named.
        keys = [
            key
            for key in self.routes.gates_of(ended)
            if key == self.routes.own_gate(key.name, key.key) or self.store.get(key) != Record()
        ]
        if not keys and ended.then is None:
            return self._ignored(of_no_project(ended), kind)
        answer = self._reported(keys, ended, kind) if keys else {}
        return answer if ended.then is None else self.trigger(ended.then, kind).to_dict()

    def _reported(self, keys: list[GateKey], ended: BuildEnded, kind: str) -> Answer:
        tried: list[GateKey] = []
        for key in chain(keys, self._with_key(ended)):
            if key in tried:
                continue
            tried.append(key)
            gate = self.gate(key)
            if gate.finished(ended.build_id, succeeded=ended.succeeded, detail=ended.detail):
                answer = {"finished": key.project, "build_id": ended.build_id, "succeeded": ended.succeeded}
                self._log.noted("finished", kind=kind, **answer)
                return answer if gate.wake_ms is None else answer | {"then": self._woken(key).to_dict()}
        answer = {"finished": None, "build_id": ended.build_id}
        why = "no gate here is known to have started it; if a start is under way, the end is kept for its build"
        self._log.noted("finished", kind=kind, project=keys[0].project, why=why, **answer)
        return answer

    def _with_key(self, ended: BuildEnded) -> Iterator[GateKey]:
        """The gates with keys that may have started a build, if its event does not name the key.

        The gates that are to be woken first come first: a gate whose build is followed is among them. Then this reads
        every gate of the store, so it comes last.
        """
        if ended.key is not None or ended.starter == "codebuild":
            return
        names = {key.name for key in self.routes.gates_of(ended)}
        soonest = self._read(self._soonest())
        for key, record in chain(soonest, self._all_gates()):
            if key.key is not None and key.name in names and isinstance(record, Record):
                known = [build.build_id for build in (record.running, record.finished) if build is not None]
                if record.claim is not None or ended.build_id in known:
                    yield key

    def _all_gates(self) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """Every gate of the store; none if that is not allowed: the stack's function may not scan its table."""
        with suppress(StoreDenied):
            yield from self.store.gates()

    def _sweep(self, left_ms: LeftMs) -> Answer:
        """Wake all gates that are due. A gate that fails does not stop the others."""
        needed_ms = min(TIME_FOR_A_WAKE_MS, left_ms() // 2)
        due, woken, overdue_ms = 0, 0, 0
        for key in self.config.due(self.store, self._clock, looked_at=MOST_LOOKED_AT):
            if key.name not in self.config.projects:
                continue
            due += 1
            if due > 1 and left_ms() < needed_ms:
                continue  # the next sweep goes on
            if not overdue_ms:  # a gate that follows its build is due, too, and nothing may wait at it
                at_ms = now_ms(self.store, self._clock)
                overdue_ms = next((status_of(*read, None, at_ms).late_ms for read in self._read([key])), 0)
            try:
                self._woken(key)
                woken += 1
            except Exception as error:  # noqa: BLE001  (a plug-in may raise anything)
                self._log.failed(error, kind="sweep", **_names(key))
        at_ms = now_ms(self.store, self._clock)
        left = self._read(self._soonest())
        stale_ms = max((status_of(key, record, None, at_ms).stale_ms or 0 for key, record in left), default=0)
        self._log.swept(due=due, woken=woken, overdue_ms=overdue_ms, stale_ms=stale_ms)
        return {"due": due, "woken": woken}

    def _soonest(self) -> Iterator[GateKey]:
        """The gates of these projects that wait, the longest overdue first."""
        return islice((key for key in self.store.due(EVER_MS) if key.name in self.config.projects), MOST_LOOKED_AT)

    def _read(self, keys: Iterable[GateKey]) -> Iterator[tuple[GateKey, Record]]:
        """The gates and their records. A gate that cannot be read is logged and left out."""
        for key in keys:
            try:
                yield key, self.store.get(key)
            except StoreError as error:
                self._log.failed(error, kind="sweep", **_names(key))


def decide_here(gate: Gate, request: Request | None) -> Decision:
    """Decide in this thread, and wait until the start is confirmed."""
    return gate.wake() if request is None else gate.submit(request)


def _names(key: GateKey) -> dict[str, str]:
    return {"project": key.project, "region": key.region}
