"""What a gate is doing right now, worked out from its record: for people, monitors and the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdoff.core.machine import cooldown_end_ms, foremost, longest_ms, waits
from holdoff.core.units import iso, say_duration

if TYPE_CHECKING:
    from holdoff.core.policy import Policy
    from holdoff.core.record import GateKey, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One gate at one instant.

    Attributes:
        state: ``ready``, or the code of what stands in the way (``cooling_down``, ``claimed``, ``held``, ...);
            ``unknown`` where no policy is known and it depends on one.
        ready_ms: when the gate may start again; ``None``: now, or not known.
    """

    key: GateKey
    record: Record
    state: str
    now_ms: int
    ready_ms: int | None = None

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
        record = self.record
        return {
            "project": self.key.project,
            "region": self.key.region,
            "state": self.state,
            "ready": _iso(self.ready_ms),
            "last_build": _iso(record.lastbuild_ms or None),
            "due": _iso(record.due_ms),
            "stale_seconds": None if self.stale_ms is None else self.stale_ms / 1000,
            "pending": record.pending
            and {
                "count": record.pending.count,
                "first": iso(record.pending.first_ms),
                "last": iso(record.pending.last_ms),
                "due": iso(record.pending.due_ms),
                "reason": record.pending.request.reason,
                "source_version": record.pending.request.source_version,
            },
            "claim": record.claim
            and {"token": record.claim.token, "lease_until": iso(record.claim.lease_until_ms)},
            "running": record.running
            and {"build_id": record.running.build_id, "started": iso(record.running.started_ms)},
            "finished": record.finished
            and {
                "build_id": record.finished.build_id,
                "ended": _iso(record.finished.ended_ms),
                "succeeded": record.finished.succeeded,
                "detail": record.finished.detail,
            },
            "hold": record.hold
            and {
                "why": record.hold.why,
                "by": record.hold.by,
                "since": iso(record.hold.since_ms),
                "until": _iso(record.hold.until_ms),
            },
            "counts": {
                "started": record.counts.started,
                "deferred": record.counts.deferred,
                "skipped": record.counts.skipped,
                "failed": record.counts.failed,
            },
        }


def status_of(key: GateKey, record: Record, policy: Policy | None, now_ms: int) -> Status:
    """The status of a gate; without a policy, what can be told without one."""
    if policy is None:
        until_ms = record.hold.until_ms if record.hold is not None else None
        state = _without_policy(record, now_ms)
        ready_ms = until_ms if state == "held" else None
        return Status(key=key, record=record, state=state, now_ms=now_ms, ready_ms=ready_ms)
    found = waits(record, policy, now_ms)
    if not found:
        state = "pending" if record.pending is not None else "ready"
        ready_ms = cooldown_end_ms(record, policy)
        if record.pending is not None:
            ready_ms = record.pending.due_ms
        return Status(key=key, record=record, state=state, now_ms=now_ms, ready_ms=ready_ms)
    return Status(
        key=key,
        record=record,
        state=str(foremost(found).why),
        now_ms=now_ms,
        ready_ms=longest_ms(found, now_ms),
    )


def _without_policy(record: Record, now_ms: int) -> str:
    hold = record.hold
    if hold is not None and (hold.until_ms is None or hold.until_ms > now_ms):
        return "held"
    if record.claim is not None:
        return "claimed"
    return "pending" if record.pending is not None else "unknown"


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
