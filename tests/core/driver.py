"""A driver for the tests of the protocol: performs effects on a store in memory, and remembers them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdoff.core import protocol
from holdoff.core.effects import Get, NewId, Now, Open, Start, Swap
from holdoff.core.protocol import Decided, Sight
from holdoff.core.record import GateKey, Record
from holdoff.stores.memory import MemoryStore
from tests.core.build import NOW, rules, trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from holdoff.core.machine import Rules

KEY = GateKey("site", "local")


class Driver:
    """Drives the protocol, and remembers what it was asked for.

    Attributes:
        instead: answers some effects otherwise: an error is thrown, a function is asked, anything else is the answer.
        meanwhile: what others do just before the next effect of that kind, once.
    """

    def __init__(
        self, record: Record | None = None, *, now_ms: int = NOW, by: Rules | None = None
    ) -> None:
        self.store = MemoryStore()
        if record is not None:
            self.record = record
        self.now_ms = now_ms
        self.rules = by or rules()
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
        told = self.instead.get(type(effect), self.perform)
        if isinstance(told, Exception):
            raise told
        return told(effect) if callable(told) else told

    def perform(self, effect: Any) -> object:
        """As a store and a starter would that never fail."""
        match effect:
            case Get():
                return self.store.get(KEY)
            case Swap(expected, new, history):
                return self.store.swap(KEY, expected=expected, new=new, history=history)
            case Open(opening):
                return self.store.open(KEY, opening)
            case Start(_, token):
                return f"b-{token}"
        return None

    def trigger(self, sight: Sight | None = None, token: str = "T1", **words: Any) -> Decided:
        """One trigger."""
        asks = protocol.trigger(trigger(token, **words), self.rules, sight or Sight())
        decided = self.drive(asks)
        assert isinstance(decided, Decided)
        return decided

    def wake(self, sight: Sight | None = None) -> Decided:
        """One wake, cold."""
        asks = protocol.wake("W1", "site", "local", self.rules, sight or Sight())
        decided = self.drive(asks)
        assert isinstance(decided, Decided)
        return decided

    def edit(self, change: Callable[[Record, int], Record], sight: Sight | None = None) -> Sight:
        """One edit."""
        left = self.drive(protocol.edit(change, self.rules, sight or Sight()))
        assert isinstance(left, Sight)
        return left

    @property
    def asked(self) -> list[type]:
        """The kinds of effects, in their order."""
        return [type(effect) for effect in self.effects]

    @property
    def record(self) -> Record:
        """What stands in the store."""
        return self.store.get(KEY)

    @record.setter
    def record(self, record: Record) -> None:
        self.store._gates[KEY] = record

    def others_write(self, **changes: Any) -> None:
        """Another process writes."""
        self.record = replace(self.record, **changes).written(f"theirs{self.ids}")
