"""The Store protocol: a store keeps the gates, and this is what every store must promise.

``holdoff.testing.StoreConformance`` checks all of it; a store of your own can run that suite too. Register your store
in the entry-point group ``holdoff.stores`` under its URL scheme, as a callable that takes the URL.
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

#: Hints in the errors of all stores. AGAIN: after a write that may or may not be in. INIT: a table, or something that
#: it needs, is missing.
AGAIN: Final = "Trigger again: that breaks no cooldown, and an event whose id is in the store counts once"
INIT: Final = "`holdoff store init` creates what is missing"


@runtime_checkable
class Store(Protocol):
    """Keeps one ``Record`` for each gate. Safe to use from many threads, and across a fork.

    All methods raise ``StoreError`` subclasses, and only those:

    * ``StoreUnavailable``: no answer in time; a write may or may not be in. (``StoreThrottled``: it is not.)
    * ``StoreMissing``, ``StoreDenied``, ``StoreMismatch``: a person has to do something; the hint says what.
    * ``RecordInvalid``: this gate's state cannot be read, or is of a newer format; nothing was changed.

    Attributes:
        url: the URL that opened it, without secrets.
        clock_margin_ms: how far the clocks of two users of this store may be apart.

    A store may have more methods:

    * ``clock_offset_ms() -> int``, if it knows the time better than its users: what to add to this machine's clock.
    * ``wait_for_due(since_ms, now_ms, most_ms) -> bool``, if it notices changes: wait, ``most_ms`` at most, until a
      gate is due whose ``due_ms`` is after ``since_ms``, or may be due sooner than it was. It returns whether it is
      time to look again.
    * ``naming(key, texts) -> Iterator[Finished]``, if it can search: the newest hundred builds of the history that hold
      one of these texts (a version, an event's id), and maybe others.
    """

    url: str
    clock_margin_ms: int

    @property
    def region(self) -> str:
        """The region of gates that name none."""

    def get(self, key: GateKey) -> Record:
        """The gate's present state, never an older one. ``Record()``: there is no such gate."""

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        """Write ``new`` if the gate still is ``expected`` (``Record.is_version``), and keep ``history``, as one atomic
        step.

        ``Lost.current`` is the present state, from the same step. Attributes of other programs survive. The first write
        of a gate also deletes gates that have expired by ``codec.seen_ms(new)``, unless a service deletes them.
        """

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        """Write ``fold.applied(expected, current)``, as one atomic step. ``Lost``: that is ``None``."""

    def keep(self, key: GateKey, build: Finished) -> None:
        """Keep a build in the history. It replaces the same build there (same ``claimed_ms`` and ``token``)."""

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """The gates whose ``due_ms`` has come, the longest overdue first. The list may lag behind by a moment. Deletes
        nothing: ``now_ms`` may be in the future, to see what will be due."""

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """All gates, or those of one project, by project and region. For a gate that cannot be read, its error."""

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """The builds that have left the gate's record, the newest first, by the instant of their claim.

        A build is kept for ``core.record.KEPT_HISTORY_MS`` at least; the same build (by token) is kept once. A build
        that cannot be read is logged and left out.
        """

    def item(self, key: GateKey) -> dict[str, object] | None:
        """The stored item with all its attributes, ours or not; numbers are exact, as ``int`` or ``Decimal``."""

    def initialise(self) -> list[str]:
        """Create what is missing, and change nothing that is there. Returns a line for each thing done."""

    def check(self) -> list[str]:
        """Check that all is there and right, and change nothing. Returns a line for each fault."""

    def close(self) -> None:
        """Close the connections. If the store is used again, it reconnects."""


def check_writable(store: Store, key: GateKey) -> None:
    """Raise the error of a write to this gate, if a person has to do something about it. The gate is not changed."""
    with suppress(StoreUnavailable, RecordInvalid):
        store.swap(key, expected=Record(writes=("NO-WRITE",)), new=Record(writes=("NO-WRITE",)))
