"""Newest wins: which of two versions of a line is the newer, and what a gate knows of its lines.

Of two versions of one line, the newer is the one that happened later, in whatever order they arrive: their instants
decide. If these do not tell, a version is newer than its parent, the version before it. Of two lines, or without a
line, the last to arrive is newer.

A gate knows the newest version that is pending, the one that is being started, and the newest that was started on each
line. A version that is older than what is pending joins that. If it is older than what was started, or is being
started, it is superseded: it is never built.
"""

from __future__ import annotations

from collections.abc import Collection

from holdoff.core.record import KEPT_LINES, Line, Pending, Record, digest
from holdoff.core.request import Request


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


def is_behind(request: Request, pending: Pending) -> bool:
    """Whether a request is older than the newest that is pending, or than a version that led to it. A version that came
    again after such a one (the line was set back) is no older than it."""
    place, course = line_of(request), course_of(pending)
    versions = [step.source_version for step in course]
    return place is not None and any(
        place.source_version not in versions[:n] and is_older(place, step, versions[:n])
        for n, step in enumerate(course)
    )


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


# --- beside the record -----------------------------------------------------------------------------------------------


def placed(record: Record, request: Request, margin_ms: int, now_ms: int) -> Request:
    """The request, with an instant that orders it on its line. An instant in the future, by more than the clocks'
    margin, counts as now: else all later changes would look older. Such a request, and one without an instant, counts
    as no older than the newest known version of its line. So older versions that arrive later still look older."""
    is_ahead = (request.at_ms or 0) > now_ms + margin_ms
    if not is_ahead and (request.line is None or request.at_ms is not None):
        return request
    line = digest(request.line)
    instants = [known.at_ms for known in (*_not_built_yet(record), *record.lines) if known.line == line]
    instants += [now_ms] if is_ahead else []
    return request.but(at_ms=max((at for at in instants if at is not None), default=None))


def is_superseded(record: Record, request: Request) -> bool:
    """Whether a newer version of its line was started, or is being started: after that it is never built."""
    place = line_of(request)
    if place is None:
        return False
    later = [other.source_version for other in _not_built_yet(record) if other.line == place.line]
    return any(is_older(place, line, later) for line in _started(record))


def is_set_back(record: Record, request: Request) -> bool:
    """Whether the line was at another version since its newest start: the request's parent is not what was started.

    Such a request is built even if its version was built before. The push of that other version may arrive later, and
    is known to be older only if the newest start has it as its parent.
    """
    place = line_of(request)
    if place is None or place.parent is None:
        return False
    newest = next((line for line in _started(record) if line.line == place.line), None)
    # If its place is the newest start's, it is the push of that start, delivered again.
    return newest is not None and place.parent != newest.source_version and place != newest


def with_started(record: Record, request: Request) -> tuple[Line, ...]:
    """The newest versions that were started, with that of a request whose build exists."""
    newest = line_of(request)
    if newest is None:
        return record.lines
    others = [line for line in record.lines if line.line != newest.line]
    return (newest, *others)[:KEPT_LINES]


def _started(record: Record) -> list[Line]:
    """The newest version of each line that was started. That of a start under way comes first."""
    claimed = None if record.claim is None else line_of(record.claim.request)
    return [*record.lines] if claimed is None else [claimed, *record.lines]


def _not_built_yet(record: Record) -> list[Line]:
    """The newest version that is pending, and the newest that is being started."""
    places = [line_of(part.request) for part in (record.pending, record.claim) if part is not None]
    return [place for place in places if place is not None]
