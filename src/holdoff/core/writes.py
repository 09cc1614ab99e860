"""One write, and what its answer means.

Each write has an id of its own. The loser of a race gets the current record in the same answer. A write whose response
was lost fails its own condition when it is sent again. It is then recognised by its id; a claim also by its token.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from holdoff.core import builds, claims
from holdoff.core.effects import Effect, FoldIn, Lost, NewId, Now, Swap, Swapped
from holdoff.core.errors import StoreUnavailable
from holdoff.core.pending import Fold
from holdoff.core.record import Record
from holdoff.core.terms import Terms
from holdoff.core.waits import with_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: In each lost race another writer succeeded, so this many losses in a row mean that something is wrong.
MAX_TRIES: Final = 200
NOW: Final = Now()
Writes = Generator[Effect, "Any", Swapped | Lost]
Change = Callable[[Record, int], Record]


def fold(record: Record, fold: Fold) -> Writes:
    """One conditional write that adds a trigger to what is pending."""
    write_id = yield NewId()
    reply: Swapped | Lost = yield FoldIn(record, fold.but(write_id=write_id))
    if isinstance(reply, Lost) and write_id in reply.current.writes:
        return Swapped(reply.current)
    return reply


def write(expected: Record, new: Record, terms: Terms, *, token: str | None = None) -> Writes:
    """One swap, with the due that follows from the record. ``token``: of the claim that it makes, if it makes one."""
    write_id = yield NewId()
    reply: Swapped | Lost = yield Swap(expected, with_due(new, terms).swapped(write_id), builds.leaving(expected, new))
    if isinstance(reply, Lost) and (claims.is_of(reply.current, token) or write_id in reply.current.writes):
        return Swapped(reply.current)
    return reply


def apply(change: Change, record: Record, terms: Terms) -> Generator[Effect, Any, tuple[Record, bool]]:
    """Write a change, and try again on the current record after each lost race. Returns the record after that, and
    whether there was anything to change."""
    for _ in range(MAX_TRIES):
        now_ms = yield NOW
        new = change(record, now_ms)
        if new is record:
            return record, False
        reply = yield from write(record, new, terms)
        if isinstance(reply, Swapped):
            return reply.record, True
        record = reply.current
    raise too_busy()


def too_busy() -> StoreUnavailable:
    return StoreUnavailable(
        f"lost {MAX_TRIES} races for one gate in a row",
        hint="Nothing was started; trigger again, and if it goes on, see what else writes to it",
    )
