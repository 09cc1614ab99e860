"""From what a message means to what becomes of it: triggers, ends of builds, wakes and sweeps, at the right gate.

One per process. The gates it makes keep their clients and last sights between messages.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.decision import Outcome
from holdoff.core.errors import EventEarly, EventError, HoldoffError, StoreError
from holdoff.core.record import GateKey, Record
from holdoff.core.status import status_of
from holdoff.ingress.routes import Asked, Ended, Ignored, Wake
from holdoff.observe.log import clean
from holdoff.observe.spans import span
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.clock import Clock
    from holdoff.config import Config
    from holdoff.core.decision import Decision
    from holdoff.gate import Gate
    from holdoff.ingress.events import Message
    from holdoff.ingress.routes import Meaning, Routes
    from holdoff.ingress.telling import Telling
    from holdoff.stores.base import Store
    from holdoff.wakers.base import Waker

Answer = dict[str, Any]

#: A sweep says how long the oldest trigger waits, over so many gates at the most: each is one read.
MOST_LOOKED_AT: Final = 100
#: A sweep stops where less time than this is left: a start may take so long, with the store's and its own time-outs.
#: One gate is woken in any case: a function with a shorter time-out would never wake any.
TIME_FOR_A_WAKE_MS: Final = 75_000
#: How often the writing of what was deferred from memory is tried, while others write.
FEW_TRIES: Final = 3
#: Later than any gate is due.
EVER_MS: Final = 10**15


class Dispatch:
    """Carries out what messages mean.

    Args:
        config: the projects.
        store: where their gates are.
        routes: what events mean.
        clock: what says what time it is.
        telling: says what is done.
        waker: arranges wakes; ``None``: nothing does, and no decision promises one.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        routes: Routes,
        *,
        clock: Clock,
        telling: Telling,
        waker: Waker | None = None,
    ) -> None:
        self.config = config
        self.store = store
        self.routes = routes
        self._clock = clock
        self._telling = telling
        self._waker = waker
        self._gates: dict[GateKey, Gate] = {}

    def carry_out(self, message: Message, left_ms: Callable[[], int] = lambda: EVER_MS) -> Answer:
        """What became of a message, as plain JSON values.

        Args:
            left_ms: how much time is left for it.

        Raises:
            EventError: it cannot be understood; the same again will not be, either.
            EventEarly: it came before what it is about is recorded; deliver it again.
            StoreError: no decision could be made; deliver it again.
        """
        meaning: Meaning = self.routes.meaning(message)
        match meaning:
            case Asked():
                return self._asked(meaning, message)
            case Ended():
                return self._ended(meaning, message)
            case Wake(project=None):
                return self._sweep(left_ms)
            case Wake():
                return self._wake(self._gate(str(meaning.project), meaning.region)).to_dict()
            case Ignored():
                answer: Answer = {"ignored": clean(meaning.why)}
                self._telling.noted("ignored", kind=message.kind, **answer)
                return answer

    def settle(self) -> None:
        """Have written which events were deferred from memory: a function may be frozen for ever after its answer.

        In a burst everybody wants to write; then the first few tries have to do. A record remembers 16 ids anyway.
        """
        for gate in self._gates.values():
            if gate.owes_events:
                try:
                    gate.flush(tries=FEW_TRIES)
                except StoreError as error:
                    self._telling.noted("unsettled", **_names(gate.key), message=str(error))

    # --- triggers ----------------------------------------------------------------------------------

    def _asked(self, asked: Asked, message: Message) -> Answer:
        """A trigger. Where a build's end is what asks for it, that end is reported first."""
        if asked.ended is not None and self._gates_building(asked.ended):
            self._ended(asked.ended, message)
        return self._trigger(asked, message).to_dict()

    def _trigger(self, asked: Asked, message: Message) -> Decision:
        gate = self._gate(asked.project, asked.region)
        began_ms = self._clock.now_ms()
        with span("holdoff.trigger", {**_names(gate.key), "kind": message.kind}) as traced:
            decision = gate.trigger(
                reason=asked.reason,
                source_version=asked.source_version,
                event_id=asked.event_id,
                environment=asked.environment,
                force=asked.force,
                by=asked.by,
            )
            traced.decided(decision)
        return self._told(
            gate,
            decision,
            began_ms,
            kind=message.kind,
            event_id=asked.event_id,
            source_version=asked.source_version,
            reason=asked.reason,
        )

    def _told(self, gate: Gate, decision: Decision, began_ms: int, **asked: Any) -> Decision:
        """The decision, once it is told and the wake that it promises is arranged."""
        took_ms = max(0, self._clock.now_ms() - began_ms)
        decision = self._arranged(gate, decision)
        self._telling.decided(decision, took_ms=took_ms, **asked)
        return decision

    def _arranged(self, gate: Gate, decision: Decision) -> Decision:
        """The decision, without its promise of a wake where that could not be arranged."""
        due_ms = gate.wake_ms
        if due_ms is None and decision.outcome is not Outcome.SKIPPED:
            due_ms = decision.due_ms  # the gate was not seen since; a skip leaves nothing to wake
        if self._waker is None or due_ms is None:
            return decision
        try:
            self._waker.wake_at(gate.key, due_ms, self._now_ms())
        except HoldoffError as error:
            self._telling.failed(error, kind="schedule", **_names(gate.key))
            return replace(decision, waker=False)
        return decision

    # --- builds that ended -------------------------------------------------------------------------

    def _ended(self, ended: Ended, message: Message) -> Answer:
        """Report it to the gate whose build it is, and build what waited for that."""
        gates = self._gates_building(ended)
        if not gates:
            raise EventError(
                f"a project whose starter is codebuild = {ended.codebuild!r} in {ended.region}",
                f"is not configured, and its build {ended.build_id} has ended",
            )
        for gate in gates:
            if gate.finished(ended.build_id, succeeded=ended.succeeded, detail=ended.detail):
                return self._after(gate, ended, message)
        _refuse_if_early(gates, ended)
        return {"finished": None, "build_id": ended.build_id}

    def _gates_building(self, ended: Ended) -> list[Gate]:
        """Those of the projects' own region, and those that a trigger made by naming the build's region."""
        own = [self._gate(name, None) for name in self.routes.gates_of(ended)]
        named = [self._gate(name, ended.region) for name in self.routes.names_of(ended.codebuild)]
        others = [one for one in named if one not in own and self.store.get(one.key) != Record()]
        return [gate for gate in (*own, *others) if _builds_in(gate) == ended.region]

    def _after(self, gate: Gate, ended: Ended, message: Message) -> Answer:
        answer: Answer = {
            "finished": gate.key.project,
            "build_id": ended.build_id,
            "succeeded": ended.succeeded,
        }
        self._telling.noted("finished", kind=message.kind, **answer)
        if gate.wake_ms is not None:
            answer["then"] = self._wake(gate).to_dict()
        return answer

    # --- wakes -------------------------------------------------------------------------------------

    def _wake(self, gate: Gate) -> Decision:
        began_ms = self._clock.now_ms()
        with span("holdoff.wake", {**_names(gate.key), "kind": "wake"}) as traced:
            decision = gate.wake()
            traced.decided(decision)
        return self._told(gate, decision, began_ms, kind="wake")

    def _sweep(self, left_ms: Callable[[], int]) -> Answer:
        """Wake whatever is due; one gate's trouble does not keep the others waiting."""
        at_ms = self._now_ms()
        overdue_ms = max(
            (at_ms - (record.due_ms or at_ms) for _, record in self._waiting()), default=0
        )
        due = [key for key in self.store.due(at_ms) if key.project in self.config.projects]
        woken = 0
        for place, key in enumerate(due):
            if place and left_ms() < TIME_FOR_A_WAKE_MS:
                break  # the next sweep goes on
            woken += self._is_woken(key)
        at_ms = self._now_ms()
        stale_ms = max(
            (status_of(key, record, None, at_ms).stale_ms or 0 for key, record in self._waiting()),
            default=0,
        )
        self._telling.swept(
            due=len(due), woken=woken, overdue_ms=max(0, overdue_ms), stale_ms=stale_ms
        )
        return {"due": len(due), "woken": woken}

    def _is_woken(self, key: GateKey) -> bool:
        try:
            self._wake(self._gate(key.project, key.region))
        except Exception as error:  # noqa: BLE001  (a plug-in's own, say)
            self._telling.failed(error, kind="sweep", **_names(key))
            return False
        return True

    def _waiting(self) -> Iterator[tuple[GateKey, Record]]:
        """The gates that somebody has to wake, now or later, as they stand."""
        keys = (key for key in self.store.due(EVER_MS) if key.project in self.config.projects)
        for key in islice(keys, MOST_LOOKED_AT):
            try:
                yield key, self.store.get(key)
            except StoreError as error:
                self._telling.failed(error, kind="sweep", **_names(key))

    # --- gates -------------------------------------------------------------------------------------

    def _gate(self, project: str, region: str | None) -> Gate:
        known = self.config.project(project)
        key = GateKey(project, region or known.region or self.store.region)
        if key not in self._gates:
            self._gates[key] = self.config.gate(
                project,
                self.store,
                region=key.region,
                clock=self._clock,
                waker=self._waker is not None,
            )
        return self._gates[key]

    def _now_ms(self) -> int:
        return now_ms(self.store, self._clock)


def _names(key: GateKey) -> dict[str, str]:
    return {"project": key.project, "region": key.region}


def _builds_in(gate: Gate) -> str:
    """Where its builds run: the starter's region, else the gate's."""
    return str(getattr(gate.starter, "region", None) or gate.key.region)


def _refuse_if_early(gates: list[Gate], ended: Ended) -> None:
    """A build may end before its start is recorded: while a start is under way, nobody can tell whose it is."""
    for gate in gates:
        record = gate.status().record
        is_told_before = record.finished is not None and record.finished.build_id == ended.build_id
        if record.claim is not None and not is_told_before:
            raise EventEarly(
                f"build {ended.build_id} has ended, and a start of {gate.key} is not recorded yet",
                hint="Deliver the event again in a minute",
            )
