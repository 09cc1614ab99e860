"""A driver for the tests of the protocol: performs effects on a store in memory, and remembers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdoff.core import protocol
from holdoff.core.decide import Wake
from holdoff.core.effects import FoldIn, Get, NewId, Now, Start, Swap
from holdoff.core.protocol import Decided, Snapshot
from holdoff.core.request import GateKey
from holdoff.stores.memory import MemoryStore
from tests.core.build import NOW, request, terms, trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from holdoff.core.record import Record
    from holdoff.core.terms import Terms

KEY = GateKey("site", "local")


class Driver:
    """Drives the protocol, and remembers what it was asked for.

    Attributes:
        instead: answers some effects otherwise: an error is thrown, a function is asked, anything else is the answer.
        meanwhile: what other processes do just before the next effect of that kind, once.
    """

    def __init__(self, record: Record | None = None, *, by: Terms | None = None) -> None:
        self.store = MemoryStore()
        if record is not None:
            self.record = record
        self.now_ms = NOW
        self.terms = by or terms()
        self.effects: list[Any] = []
        self.ids = 0
        self.instead: dict[type, Any] = {}
        self.meanwhile: dict[type, Callable[[], None]] = {}

    def drive(self, asks: Generator[Any, Any, Any]) -> Any:
        """Run it to its end."""
        answer: object = None
        error: Exception | None = None
        while True:
            try:
                effect = asks.throw(error) if error else asks.send(answer)
            except StopIteration as stop:
                return stop.value
            answer, error = None, None
            try:
                answer = self._answer(effect)
            except Exception as thrown:  # noqa: BLE001  (thrown into the protocol)
                error = thrown

    def _answer(self, effect: Any) -> object:
        if isinstance(effect, Now):
            return self.now_ms
        if isinstance(effect, NewId):
            self.ids += 1
            return f"w{self.ids}"
        self.effects.append(effect)
        self.meanwhile.pop(type(effect), lambda: None)()
        instead = self.instead.get(type(effect), self.perform)
        if isinstance(instead, Exception):
            raise instead
        return instead(effect) if callable(instead) else instead

    def perform(self, effect: Any) -> object:
        """As a store and a starter would that never fail."""
        match effect:
            case Get():
                return self.store.get(KEY)
            case Swap(expected, new, history):
                return self.store.swap(KEY, expected=expected, new=new, history=history)
            case FoldIn(expected, fold):
                return self.store.fold(KEY, expected=expected, fold=fold)
            case Start(_, token):
                return f"b-{token}"
        return None

    def twice(self, effect: Any) -> object:
        """The effect as it goes where its response is lost, and the client sends it again."""
        self.perform(effect)
        return self.perform(effect)

    def trigger(self, token: str = "T1", *, snapshot: Snapshot | None = None, **words: Any) -> Decided:
        """One trigger: cold, or on this snapshot."""
        asks = protocol.trigger(trigger(token, **words), self.terms, snapshot or Snapshot())
        decided = self.drive(asks)
        assert isinstance(decided, Decided)
        return decided

    def wake(self, token: str = "W1") -> Decided:
        """One wake."""
        decided = self.drive(protocol.wake(Wake(gate=request().gate, token=token), self.terms))
        assert isinstance(decided, Decided)
        return decided

    @property
    def asked(self) -> list[type]:
        """The kinds of effects, in their order."""
        return [type(effect) for effect in self.effects]

    @property
    def snapshot(self) -> Snapshot:
        """A fresh one."""
        return Snapshot(record=self.record, seen_ms=self.now_ms)

    @property
    def record(self) -> Record:
        """What stands in the store."""
        return self.store.get(KEY)

    @record.setter
    def record(self, record: Record) -> None:
        self.store._gates[KEY] = record
