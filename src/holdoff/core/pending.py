"""The deferred triggers of a gate: folded into one, of which the newest version is built.

**Newest wins.** Of two requests of one line, the newer is the one that happened later, in whatever order they arrive. A
version is newer than its parent, the version before it. Of two lines, or without a line, the last to arrive is newer.

**Folds commute.** A trigger that joins what is pending is a ``Fold``: it adds one to the count, makes its request the
newest, and shifts its ids into registers. A fold is refused if a swap happened since its process read the record. Folds
do not conflict with one another, and the swap that takes what is pending sees every fold. A store applies a fold as one
atomic step: ``Fold.applied`` on a record, or the same as one conditional update.
"""

from __future__ import annotations

from collections.abc import Collection

from holdoff.core.record import (
    KEPT_EVENTS,
    KEPT_NOTES,
    KEPT_WAITERS,
    KEPT_WRITES,
    MAX_NOTE,
    Line,
    Note,
    Pending,
    Record,
    digest,
    shifted,
)
from holdoff.core.request import Request
from holdoff.core.token import instant_ms
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: How much of a token names a caller that waits: 40 of its random bits.
WAITER_NAME: Final = 8


def is_older(one: Request | Line, other: Request | Line, later: Collection[str | None] = ()) -> bool:
    """Whether the first happened before the second, on the same line. ``False``: not known.

    If both have instants, and these differ, the instants decide. Otherwise a version that is the other's parent is the
    older, unless it was itself pushed onto that other one, or onto a ``later`` version: the line was set back to it.
    """
    if one.line is None or one.line != other.line:
        return False
    if one.at_ms is not None and other.at_ms is not None and one.at_ms != other.at_ms:
        return one.at_ms < other.at_ms
    if one.source_version is None or one.source_version != other.parent:
        return False
    return one.parent is None or one.parent not in (other.source_version, *later)


def line_of(request: Request) -> Line | None:
    """The request's place on its line, as a record remembers it; ``None``: it has no line."""
    if request.line is None:
        return None
    return Line(
        line=digest(request.line) or "",
        source_version=digest(request.source_version),
        at_ms=request.at_ms,
        parent=digest(request.parent),
    )


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


def is_behind(request: Request, pending: Pending) -> bool:
    """Whether a request is older than the newest that is pending, or than a version that led to it."""
    place, course = line_of(request), course_of(pending)
    versions = [step.source_version for step in course]
    return place is not None and any(is_older(place, step, versions[:n]) for n, step in enumerate(course))


def course_of(pending: Pending) -> list[Line]:
    """The newest that is pending, and the versions that led to it by their parents, as far as they are known: the
    newest first. All have the instant of the newest: where that tells, parents do not count."""
    newest = line_of(pending.request)
    if newest is None:
        return []
    parents = {digest(note.version): note.parent for note in pending.notes if note.line == newest.line}
    course, version = [newest], newest.parent
    while version is not None and all(version != step.source_version for step in course):
        course.append(newest.but(source_version=version, parent=parents.get(version)))
        version = course[-1].parent
    return course


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
    return token[-WAITER_NAME:]


def has_waiter(fold: Pending, token: str, margin_ms: int) -> bool:
    """Whether the caller of this trigger waits for this build. If there are more waiting callers than have room, the
    oldest are recognised by the instants of their tokens, within the clocks' margin."""
    if waiter_name(token) in fold.waiters:
        return True
    at_ms = instant_ms(token) or 0
    is_full = len(fold.waiters) == KEPT_WAITERS
    return is_full and fold.first_ms - margin_ms <= at_ms <= fold.last_ms + margin_ms


class Fold(Value):
    """One trigger that joins what is pending, by one conditional write.

    Attributes:
        write_id: the id of this write, by which it is recognised if it is sent again.
        request: the trigger's.
        older: the request is older than the newest on its line: it is counted and noted, and that newest is built.
        event: the digest of its event id.
        waiter: the name of its caller, if the caller waits.
        last_ms: when the trigger came; ``None``: a later one came already, and the record's ``last_ms`` stays.
        in_order: whether ``last_ms`` must not move back (a quiet time counts from it; waiters are known by it).
    """

    write_id: str
    request: Request
    older: bool = False
    event: str | None = None
    waiter: str | None = None
    last_ms: int | None
    in_order: bool = False

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
        return record.but(
            pending=more,
            writes=shifted(self.write_id, record.writes, KEPT_WRITES),
            events=shifted(self.event, record.events, KEPT_EVENTS),
        )
