"""The memory store when a signal comes in the midst of a use. The conformance suite has the rest."""

from __future__ import annotations

import signal
import sys
from itertools import count
from linecache import getline
from operator import itemgetter
from types import FrameType
from typing import Any

import pytest

from holdoff.core.effects import Swapped
from holdoff.core.errors import StoreUnavailable
from holdoff.core.pending import Fold
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.stores import memory
from holdoff.stores.memory import MemoryStore
from holdoff.testing.conformance import build, deferred, fold

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


def test_a_handler_that_raises_amid_a_write_leaves_no_gate_that_is_never_woken() -> None:
    """At any line. The index of what is due was left without the gate, or with another one's instant."""
    other, gone, new = GateKey("q", "local"), GateKey("p@idle", "local"), GateKey("p@new", "local")
    for key, after in ((KEY, Record(due_ms=8)), (new, deferred(new).but(due_ms=8))):
        for nth in count(1):
            store, lines = MemoryStore(), count(1)
            store.swap(KEY, expected=Record(), new=(before := Record(due_ms=3).swapped("SWAP0001")))
            store.swap(other, expected=Record(), new=Record(due_ms=5).swapped("SWAP0001"))
            store.swap(gone, expected=Record(), new=Record(expires_ms=1).swapped("SWAP0001"))
            expected, written = before if key == KEY else Record(), after.swapped("SWAP0002")

            def trace(frame: FrameType, _event: str, _arg: object, nth: int = nth, lines: count[int] = lines) -> Any:
                line = getline(frame.f_code.co_filename, frame.f_lineno)
                # No handler runs at the end of a with statement, before the lock is released.
                if frame.f_code.co_filename == memory.__file__ and "with " not in line and next(lines) == nth:
                    raise KeyboardInterrupt
                return trace

            tracing = sys.gettrace()
            sys.settrace(trace)
            try:
                store.swap(key, expected=expected, new=written, history=(build(1),))
            except KeyboardInterrupt:
                was_interrupted = True
            else:
                was_interrupted = False
            finally:
                sys.settrace(tracing)

            is_in = store.get(key) == written
            assert is_in or store.get(key) == expected
            assert is_in or was_interrupted
            assert not is_in or list(store.history(key)) == [build(1)]
            assert list(store.due(9)) == [one for one, _ in due_of(store)]
            for again in (written.swapped("SWAP0003"), Record().swapped("SWAP0004")):
                assert isinstance(store.swap(key, expected=store.get(key), new=again), Swapped)
                assert list(store.due(9)) == [one for one, _ in due_of(store)]
            if not was_interrupted:
                break
        assert nth > 10, "it was interrupted at every line"


def due_of(store: MemoryStore) -> list[tuple[GateKey, int]]:
    """The gates that are due by their records, in order."""
    found = [(key, record.due_ms) for key, record in store.gates() if record.due_ms is not None]
    return sorted(found, key=itemgetter(1))
