"""The deferred triggers of a gate: folded into one, of which the newest version is built (see ``lines``).

**Folds commute.** A trigger that joins what is pending is a ``Fold``: it adds one to the count, makes its request the
newest, and shifts its ids into registers. A fold is refused if a swap happened since its process read the record. Folds
do not conflict with one another, and the swap that takes what is pending sees every fold. A store applies a fold as one
atomic step: ``Fold.applied`` on a record, or the same as one conditional update.
"""

from __future__ import annotations

from holdoff.core.lines import is_older
from holdoff.core.record import KEPT_NOTES, KEPT_WAITERS, KEPT_WRITES, MAX_NOTE, Note, Pending, Record, digest, shifted
from holdoff.core.request import Request
from holdoff.core.token import instant_ms
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: How much of a token names a caller that waits: 40 of its random bits.
_NAME_LENGTH: Final = 8


def note_of(request: Request) -> Note:
    """What a record remembers of a trigger once others have joined it."""
    return Note(
        reason=request.reason and request.reason[:MAX_NOTE],
        version=request.source_version,
        event=digest(request.event_id),
        line=digest(request.line),
        at_ms=request.at_ms if request.line else None,
        parent=digest(request.parent) if request.line else None,
        variables=variables_of(request),
    )


def variables_of(request: Request) -> str | None:
    """The digest of the variables of a build; ``None``: it has none."""
    variables = (request.environment, request.secondary_versions)
    return digest(repr(variables)) if any(variables) else None


def content_of(request: Request) -> str | None:
    """What a build of this request contains: its version and its variables; ``None``: not known."""
    version, variables = request.source_version, variables_of(request)
    return version if version is None or variables is None else f"{version} {variables}"


def single(request: Request, now_ms: int, *, waiter: str | None = None) -> Pending:
    """One trigger."""
    return Pending(
        request=request,
        count=1,
        first_ms=now_ms,
        last_ms=now_ms,
        notes=(note_of(request),),
        waiters=shifted(waiter, (), KEPT_WAITERS),
    )


def joined(earlier: Pending, later: Pending, *, older: bool = False) -> Pending:
    """Two groups of triggers in one. Which came earlier is the store's order of writes, not a comparison of two clocks.
    If one trigger was forced, all are. ``older``: the later ones are older on their line, so the earlier newest stays.
    """
    newest = earlier.waiters[:1] if older else ()
    request = earlier.request if older else later.request
    forced = earlier.request.forced or later.request.forced
    return Pending(
        request=request if request.forced is forced else request.but(forced=True),
        count=earlier.count + later.count,
        first_ms=min(earlier.first_ms, later.first_ms),
        last_ms=max(earlier.last_ms, later.last_ms),
        failures=max(earlier.failures, later.failures),
        retry_ms=max(earlier.retry_ms, later.retry_ms),
        refusal=later.refusal or earlier.refusal,
        notes=(*later.notes, *earlier.notes)[:KEPT_NOTES],
        waiters=(*newest, *later.waiters, *earlier.waiters[len(newest) :])[:KEPT_WAITERS],
    )


def waiter_name(token: str) -> str:
    """The name of a waiting caller: the random end of its trigger's token, which its decision's token shares."""
    return token[-_NAME_LENGTH:]


def has_waiter(fold: Pending, token: str, margin_ms: int) -> bool:
    """Whether the caller of this trigger waits for this build. If there are more waiting callers than have room, the
    oldest are recognised by the instants of their tokens, within the clocks' margin."""
    if waiter_name(token) in fold.waiters:
        return True
    at_ms = instant_ms(token) or 0
    is_full = len(fold.waiters) == KEPT_WAITERS
    return is_full and fold.first_ms - margin_ms <= at_ms <= fold.last_ms + margin_ms


class Fold(Value):
    """One trigger that joins what is pending, by one conditional write."""

    write_id: str  #: the id of this write, by which it is recognised if it is sent again
    request: Request  #: the trigger's
    #: The request is older than the newest on its line: it is counted and noted, and that newest is built.
    older: bool = False
    event: str | None = None  #: the digest of its event id
    waiter: str | None = None  #: the name of its caller, if the caller waits
    last_ms: int | None  #: when the trigger came; ``None``: a later one came already, and the record's stays
    in_order: bool = False  #: ``last_ms`` must not move back (a quiet time counts from it; waiters are known by it)

    def applied(self, expected: Record, current: Record) -> Record | None:
        """The record with this trigger in it; ``None``: a swap happened since, or the trigger is in already."""
        pending = current.pending
        if pending is None or current.moved is None or current.moved != expected.moved:
            return None
        if current.lastbuild != expected.lastbuild:
            return None
        if self.write_id in current.writes or self.event in current.events:
            return None
        if self.in_order and self.last_ms is not None and pending.last_ms > self.last_ms:
            return None
        return self.joined_to(current) if self.keeps_order(pending) else None

    def keeps_order(self, pending: Pending) -> bool:
        """Whether ``older`` is still right, by the newest request and by the noted triggers' parents."""
        if is_older(self.request, pending.request) is not self.older:
            return False
        version = digest(self.request.source_version) if self.request.line else None
        return self.older or version is None or all(note.parent != version for note in pending.notes)

    def joined_to(self, record: Record) -> Record:
        """The record with this trigger added to what is pending, without any check."""
        pending = record.pending
        assert pending is not None
        more = pending.but(
            request=pending.request if self.older else self.request,
            count=pending.count + 1,
            last_ms=pending.last_ms if self.last_ms is None else self.last_ms,
            notes=shifted(note_of(self.request), pending.notes, KEPT_NOTES),
            waiters=shifted(self.waiter, pending.waiters, KEPT_WAITERS),
        )
        return record.with_trigger(more, self.event).but(writes=shifted(self.write_id, record.writes, KEPT_WRITES))
