"""The memory store when a signal comes in the midst of a use. The conformance suite has the rest."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from holdoff.core.effects import Swapped
from holdoff.core.errors import StoreUnavailable
from holdoff.core.pending import Fold
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.stores.memory import MemoryStore
from holdoff.testing.conformance import deferred, fold

KEY = GateKey("p", "local")


def test_a_handler_amid_a_use_is_refused_and_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    store, applied, told = MemoryStore(), Fold.applied, []
    store.swap(KEY, expected=Record(), new=deferred())

    def interrupted(self: Fold, *args: Any) -> Record | None:
        signal.raise_signal(signal.SIGUSR1)
        return applied(self, *args)

    def handler(*_: object) -> None:
        with pytest.raises(StoreUnavailable, match="called again from a signal handler") as caught:
            store.get(KEY)
        told.append(caught.value)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        monkeypatch.setattr(Fold, "applied", interrupted)
        answer = store.fold(KEY, expected=deferred(), fold=fold("SWAP0002"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert isinstance(answer, Swapped)
    assert len(told) == 1
    assert store.get(KEY) == answer.record
