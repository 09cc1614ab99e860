"""Instants that a wrong clock wrote are put right when a record is read, so that they hold no gate for long.

Each part of a record has the instant at which it was made, by its writer's clock. An instant in the future, by more
than the clocks' margin, is a clock's fault: it becomes *now*, and instants that were counted from it (the end of a
lease or of a hold) move with it, so that durations stay. ``lastbuild`` in the future counts as now, too. An instant on
a line becomes unknown: as *now* it would make a change that arrives just now look older. There it is twice the margin:
a change's source may be ahead of the machine that took the change, and that machine of this one.

A claim is put right only if it is ahead by more than its lease: its holder still goes by the lease that it wrote.
"""

from __future__ import annotations

from decimal import Decimal

from holdoff.core.claims import BACKOFF_MS
from holdoff.core.record import Pending, Record
from holdoff.core.terms import Terms
from holdoff.core.units import ms_from_seconds, seconds_from_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: No back-off is longer.
LONGEST_BACKOFF_MS: Final = max(longest_ms for _, longest_ms in BACKOFF_MS.values())


def ahead_ms(record: Record, terms: Terms, now_ms: int) -> int:
    """How far in the future ``lastbuild`` is; 0 where that is within the clocks' margin."""
    found_ms = (record.lastbuild_ms or 0) - now_ms
    return found_ms if found_ms > terms.clock_margin_ms else 0


def put_right(record: Record, terms: Terms, now_ms: int) -> Record:
    """The record with instants in the future put right; the record itself if it has none."""
    margin_ms = terms.clock_margin_ms
    latest_ms = now_ms + margin_ms

    def corrected(part: Any, instant: str, *counted: str, allowed_ms: int = margin_ms) -> Any:
        ahead_ms = (getattr(part, instant) or 0) - now_ms
        if ahead_ms <= allowed_ms:
            return part
        moved = {name: max(0, at - ahead_ms) for name in counted if (at := getattr(part, name)) is not None}
        return part.but(**{instant: now_ms}, **moved)

    def unplaced(part: Any) -> Any:
        return part.but(at_ms=None) if (part.at_ms or 0) > latest_ms + margin_ms else part

    def all_unplaced(fold: Pending) -> Pending:
        return fold.but(request=unplaced(fold.request), notes=tuple([unplaced(note) for note in fold.notes]))

    pending, claim, running, end, hold = record.pending, record.claim, record.running, record.finished, record.hold
    if pending is not None:
        pending = corrected(corrected(all_unplaced(pending), "first_ms"), "last_ms")
        if pending.retry_ms > latest_ms + LONGEST_BACKOFF_MS:
            pending = pending.but(retry_ms=now_ms + LONGEST_BACKOFF_MS)
    if claim is not None:
        allowed_ms = max(margin_ms, claim.lease_until_ms - claim.held_ms)
        claim = claim.but(covers=all_unplaced(claim.covers))
        claim = corrected(claim, "held_ms", "lease_until_ms", "in_flight_until_ms", allowed_ms=allowed_ms)
        if ms_from_seconds(claim.before or Decimal(0)) > latest_ms:
            claim = claim.but(before=seconds_from_ms(now_ms))
    if running is not None:
        running = running.but(covers=all_unplaced(running.covers))
        running = corrected(running, "started_ms", "lease_until_ms", "polled_ms")
        running = corrected(running, "polled_ms")
    right = record.but(
        lastbuild=seconds_from_ms(now_ms) if ahead_ms(record, terms, now_ms) else record.lastbuild,
        claim=claim,
        pending=pending,
        running=running,
        finished=end and corrected(corrected(end, "started_ms"), "ended_ms"),
        hold=hold and corrected(hold, "since_ms", "until_ms"),
        starts=tuple([now_ms if start > latest_ms else start for start in record.starts]),
        acts=tuple([corrected(act, "at_ms") for act in record.acts]),
        lines=tuple([unplaced(line) for line in record.lines]),
    )
    return record if right == record else right
