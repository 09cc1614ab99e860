"""What a gate is doing right now, worked out from its record: for people, monitors and the page."""

from __future__ import annotations

from holdoff.core.clocks import is_ahead, put_right
from holdoff.core.record import Hold, Record
from holdoff.core.request import GateKey
from holdoff.core.terms import Terms
from holdoff.core.units import iso, say_duration
from holdoff.core.value import Value
from holdoff.core.waits import cooldown_end_ms, foremost, is_moved_back, over_ms, ready_ms, waits


class Status(Value):
    """One gate at one instant.

    Attributes:
        state: ``ready``, or the code of what stands in the way (``cooling_down``, ``claimed``, ``held``, ...);
            ``unknown`` where no policy is known and it depends on one.
        ready_ms: when the gate may start again; ``None``: now, or not known.
        notes: what is odd about ``lastbuild``, a sentence each.
    """

    key: GateKey
    record: Record
    state: str
    now_ms: int
    ready_ms: int | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        ago = self.last_built_ago
        built = "never built" if ago is None else f"last built {ago} ago"
        wait = f", ready in {self.ready_in}" if self.ready_in else ""
        state = "" if self.state == "unknown" else f"{self.state.replace('_', ' ')}, "
        return f"{self.key.project}: {state}{built}{wait}"

    @property
    def last_built_ago(self) -> str | None:
        """How long ago the last build started, as a person says it. (After a reset ``lastbuild`` does not tell.)"""
        record = self.record
        builds = [build.started_ms for build in (record.running, record.finished) if build]
        last_ms = max([record.lastbuild_ms or 0, *builds])
        return say_duration(max(0, self.now_ms - last_ms)) if last_ms else None

    @property
    def stale_ms(self) -> int | None:
        """The age of the oldest trigger that no build covers yet; ``None``: all are covered."""
        claim = self.record.claim
        folds = (self.record.pending, None if claim is None else claim.covers)
        firsts = [fold.first_ms for fold in folds if fold is not None]
        return max(0, self.now_ms - min(firsts)) if firsts else None

    @property
    def ready_in(self) -> str | None:
        """How long until it may start, as a person says it."""
        if self.ready_ms is None or self.ready_ms <= self.now_ms:
            return None
        return say_duration(self.ready_ms - self.now_ms, up=True)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, for machines."""
        record, pending = self.record, self.record.pending
        return {
            "project": self.key.project,
            "region": self.key.region,
            "state": self.state,
            "ready": None if self.ready_ms is None else iso(self.ready_ms),
            "last_build": iso(record.lastbuild_ms) if record.lastbuild_ms else None,
            "due": None if record.due_ms is None else iso(record.due_ms),
            "stale_seconds": None if self.stale_ms is None else self.stale_ms / 1000,
            "notes": list(self.notes),
            "pending": pending
            and {
                **plain(pending, "count", "first_ms", "last_ms"),
                **plain(pending.request, "reason", "source_version"),
                "waiting": len(pending.waiters),
            },
            "claim": record.claim and plain(record.claim, "token", "lease_until_ms"),
            "running": record.running and plain(record.running, "build_id", "started_ms"),
            "finished": record.finished and plain(record.finished, "build_id", "ended_ms", "succeeded", "detail"),
            "hold": record.hold and plain(record.hold, "why", "by", "since_ms", "until_ms"),
        }


def plain(value: Value, *fields: str) -> dict[str, object]:
    """These fields of a value as plain JSON values: instants in ISO 8601, their names without ``_ms``."""
    found: dict[str, object] = {}
    for field in fields:
        content = getattr(value, field)
        is_instant = field.endswith("_ms") and content is not None
        found[field.removesuffix("_ms")] = iso(content) if is_instant else content
    return found


def hold_now(record: Record, now_ms: int) -> Hold | None:
    """The hold, while it lasts."""
    hold = record.hold
    return hold if hold is not None and (hold.until_ms is None or hold.until_ms > now_ms) else None


def status_of(key: GateKey, record: Record, terms: Terms | None, now_ms: int) -> Status:
    """The status of a gate; without terms, what can be told without a policy."""
    at_ms: int | None = None
    notes: tuple[str, ...] = ()
    if terms is None:
        hold = hold_now(record, now_ms)
        if hold is not None:
            state, at_ms = "held", hold.until_ms
        else:
            state = "claimed" if record.claim else "pending" if record.pending else "unknown"
    else:
        right = put_right(record, terms, now_ms)
        notes = _lastbuild_notes(record, terms, now_ms)
        if found := waits(right, terms, now_ms, pending=record.pending):
            state, at_ms = str(foremost(found).why), over_ms(found, now_ms)
        elif record.pending is not None:
            state, at_ms = "pending", ready_ms(right, terms)
        else:
            state, at_ms = "ready", cooldown_end_ms(right, terms)
    return Status(key=key, record=record, state=state, now_ms=now_ms, ready_ms=at_ms, notes=notes)


def _lastbuild_notes(record: Record, terms: Terms, now_ms: int) -> tuple[str, ...]:
    last_ms = record.lastbuild_ms
    if last_ms and is_ahead(record, terms, now_ms):
        ahead = f"lastbuild is {say_duration(last_ms - now_ms, up=True)} in the future (a clock was wrong)"
        return (f"{ahead}: it counts as now, and is put right when used",)
    failed = record.finished is not None and record.finished.succeeded is False and record.running is None
    given_back = failed and terms.policy.on_failure == "rearm"
    if last_ms and is_moved_back(record, terms) and not given_back:
        return (f"lastbuild was moved back to {iso(last_ms)}, before the last build: the cooldown counts from there",)
    return ()
