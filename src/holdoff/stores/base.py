"""The Store protocol: what keeps the gates, and what every store must promise.

``holdoff.testing.StoreConformance`` checks all of it; a store of your own can run that suite too. Register it in the
entry-point group ``holdoff.stores`` under its URL scheme, as a callable that takes the URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol, runtime_checkable

from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import RecordInvalid, StoreUnavailable
from holdoff.core.pending import Fold
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey

#: What to do next, in the errors of all stores: after a write that may or may not be in; where a table is missing, or
#: something that it needs.
AGAIN: Final = "Trigger again: nothing starts too early for it, and a trigger with an event id that is in counts once"
INIT: Final = "`holdoff store init` creates what is missing"


@runtime_checkable
class Store(Protocol):
    """Keeps one ``Record`` for each gate. Safe to use from many threads, and across a fork.

    All methods raise ``StoreError`` subclasses, and only those:

    * ``StoreUnavailable``: no answer in time; a write may or may not be in. (``StoreThrottled``: it is not.)
    * ``StoreMissing``, ``StoreDenied``, ``StoreMismatch``: a person has to do something; the hint says what.
    * ``RecordInvalid``: this gate's state cannot be read, or is of a newer format; nothing was changed.

    Attributes:
        url: as it was opened, without secrets.
        clock_margin_ms: how far the clocks of two of this store's users may be apart.

    A store that knows the time better than its users may have ``clock_offset_ms() -> int``: what to add to this
    machine's clock. One that can tell of changes may have ``wait_for_due(since_ms, now_ms, most_ms) -> bool``: wait,
    ``most_ms`` at most, until a gate is due whose ``due_ms`` is after ``since_ms``, or may be due sooner than it was.
    It returns whether it is time to look again. One that can search may have
    ``naming(key, texts) -> Iterator[Finished]``: the newest hundred builds of the history that hold one of these texts
    (a version, an event's id), and maybe others.
    """

    url: str
    clock_margin_ms: int

    @property
    def region(self) -> str:
        """The region of gates that name none."""
        ...

    def get(self, key: GateKey) -> Record:
        """The gate as it stands, never an older state of it; ``Record()`` where there is none."""
        ...

    def swap(
        self,
        key: GateKey,
        *,
        expected: Record,
        new: Record,
        history: tuple[Finished, ...] = (),
    ) -> Swapped | Lost:
        """Write ``new`` if the gate still is ``expected`` (``Record.is_version``), as one atomic step, which also keeps
        ``history``.

        ``Lost.current`` is what is there now, from the same step. Attributes of others survive. The first write of a
        gate also deletes gates whose ``expires_ms`` has come by ``codec.seen_ms(new)``, unless a service does that.
        """
        ...

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        """Do what ``fold.applied(expected, current)`` does, as one atomic step; ``Lost`` where that is ``None``."""
        ...

    def keep(self, key: GateKey, build: Finished) -> None:
        """Keep a build in the history, in place of what is known of it there (by ``claimed_ms`` and ``token``)."""
        ...

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """The gates whose ``due_ms`` has come, the longest overdue first. May be behind by a moment. Deletes nothing:
        ``now_ms`` may lie ahead, to see what will be due."""
        ...

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """All gates, or those of one project, by project and region. One that cannot be read comes as its error."""
        ...

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """The builds that have left the gate's record, the newest first, by the instant of their claim.

        A build is kept for ``core.record.KEPT_HISTORY_MS`` at least; the same build (by token) is kept once. One that
        cannot be read is logged and left out.
        """
        ...

    def item(self, key: GateKey) -> dict[str, object] | None:
        """The stored item with all it holds, ours or not; numbers as ``int`` or ``Decimal``, exact."""
        ...

    def initialise(self) -> list[str]:
        """Create what is missing, touching nothing that is there. Returns a line for each thing done."""
        ...

    def check(self) -> list[str]:
        """Look whether all is there and right, changing nothing. Returns a line for each thing found wrong."""
        ...

    def close(self) -> None:
        """Let go of connections. The store may be used again; it reconnects."""
        ...


def check_writable(store: Store, key: GateKey) -> None:
    """Raise what a write of this gate would, where a person has to do something about it. The gate stays as it is."""
    with suppress(StoreUnavailable, RecordInvalid):
        store.swap(key, expected=Record(writes=("NO-WRITE",)), new=Record(writes=("NO-WRITE",)))
