"""What a gate is doing now, worked out from its record, for people, monitors and the page."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from holdoff.core.builds import as_it_is_now, failed_ms
from holdoff.core.claims import is_expired
from holdoff.core.clocks import ahead_ms
from holdoff.core.decision import Why
from holdoff.core.record import Hold, Pending, Record
from holdoff.core.request import GateKey
from holdoff.core.terms import Terms
from holdoff.core.units import iso, say_age, say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.core.waits import cooldown_end_ms, foremost, is_moved_back, over_ms, ready_ms, waits

#: What a person should look at, the most urgent first.
ATTENTION: Final = ("unreadable", "failed", "held", "overdue", "stale", "running", "pending")
#: cron wakes gates every minute, so a gate that has been due for longer is overdue.
OVERDUE_MS: Final = 60_000


class Status(Value):
    """One gate at one instant.

    Attributes:
        state: ``ready``, or the code of what prevents a start (``cooling_down``, ``claimed``, ``held``, ...);
            ``unknown`` if the state depends on a policy, and none is known; ``unreadable``, with an ``error``.
        ready_ms: when the gate may start again; ``None``: now, or not known.
        is_latest: ``ready_ms`` is the end of the running build's lease; if the build ends earlier, it is earlier.
        awaits_command: a running command must end first, too. No lease says when: it is renewed while the command runs.
        stale_after_ms: the age from which a trigger that no build covers is stale; ``None``: none is.
        notes: what is unusual about ``lastbuild`` or the start under way, a sentence each.
        error: why the gate cannot be read: then nothing but its key is known. Empty: it can be read.
    """

    key: GateKey
    record: Record
    state: str
    now_ms: int
    ready_ms: int | None = None
    is_latest: bool = False
    awaits_command: bool = False
    stale_after_ms: int | None = None
    notes: tuple[str, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        if self.error:
            return f"{self.key.project}: cannot be read: {self.error.removeprefix(f'{self.key}: ')}"
        parts = ["" if self.state == "unknown" else self.state.replace("_", " "), self._last_built(), self.ready_says]
        parts += [f"overdue for {say_duration(self.overdue_ms)}" if self.overdue_ms else ""]
        pending = self.record.pending
        parts += [f"{triggers_of(pending)} pending for {self.age(pending.first_ms)}"] if pending else []
        return f"{self.key.project}: {', '.join(filter(None, parts))}"

    def _last_built(self) -> str:
        last_ms, failed = self.last_built_ms, self.failed_ms
        if failed is not None:
            end = self.record.finished
            detail = f" ({end.detail})" if end and end.detail else ""
            return f"the last build failed {say_age(self.now_ms - failed)}{detail}"
        if last_ms is None:
            return "never built"
        if last_ms > self.now_ms + 1_000:
            return f"the last build is recorded {say_age(self.now_ms - last_ms)}"
        runs = ", still running" if self.runs and self.state != "running" else ""
        return f"last built {say_age(self.now_ms - last_ms)}{runs}"

    def age(self, at_ms: int) -> str:
        """How long ago an instant was, in words."""
        return say_duration(max(0, self.now_ms - at_ms))

    @property
    def last_built_ms(self) -> int | None:
        """When the last build started, epoch milliseconds. (A reset moves ``lastbuild``.)"""
        record = self.record
        builds = [build.started_ms for build in (record.running, record.finished) if build]
        return max([record.lastbuild_ms or 0, *builds]) or None

    @property
    def failed_ms(self) -> int | None:
        """When the last build ended, if it failed and none has started since."""
        return failed_ms(self.record)

    @property
    def runs(self) -> bool:
        """Whether the last build still runs, as far as is known."""
        running = self.record.running
        return running is not None and running.lease_until_ms > self.now_ms

    @property
    def late_ms(self) -> int:
        """How long the gate has been due without a wake, milliseconds. A gate that is not ready is not late: a wake
        would start nothing. Nor is one that waits for a command: the process that started it reports its end."""
        record = self.record
        may_start = not self.awaits_command and (self.is_latest or self.ready_in is None)
        waits = record.claim is not None or (record.pending is not None and may_start)
        return max(0, self.now_ms - record.due_ms) if waits and record.due_ms is not None else 0

    @property
    def overdue_ms(self) -> int:
        """``late_ms`` if that is over a minute; otherwise 0: no wake is missing."""
        return self.late_ms if self.late_ms > OVERDUE_MS else 0

    @property
    def attention(self) -> tuple[str, ...]:
        """Why a person should look, the most urgent first, of ``unreadable``, ``failed``, ``held``, ``overdue``,
        ``stale``, ``running`` and ``pending``."""
        record, pending, stale_ms = self.record, self.record.pending, self.stale_ms
        found = {
            "unreadable": self.error != "",
            "failed": self.failed_ms is not None
            or (pending is not None and pending.failures > 0)
            or (record.claim is not None and record.claim.attempt + is_expired(record.claim, self.now_ms) > 2),
            "held": hold_now(record, self.now_ms) is not None,
            "overdue": self.overdue_ms > 0,
            "stale": self.stale_after_ms is not None and stale_ms is not None and stale_ms > self.stale_after_ms,
            "running": self.runs or record.claim is not None,
            "pending": pending is not None,
        }
        return tuple(name for name in ATTENTION if found[name])

    @property
    def marks(self) -> tuple[str, ...]:
        """What it needs attention for, and its state, each once."""
        return tuple(dict.fromkeys((*self.attention, self.state)))

    @property
    def uncovered(self) -> tuple[Pending, ...]:
        """What no build covers yet: what is pending, and what a start under way is to cover."""
        claim = self.record.claim
        return tuple(fold for fold in (self.record.pending, claim and claim.covers) if fold)

    @property
    def stale_ms(self) -> int | None:
        """The age of the oldest trigger that no build covers yet; ``None``: all are covered."""
        firsts = [fold.first_ms for fold in self.uncovered]
        return max(0, self.now_ms - min(firsts)) if firsts else None

    @property
    def ready_in(self) -> str | None:
        """How long until the gate may start, in words; ``None``: now, or not known."""
        if self.ready_ms is None or self.ready_ms <= self.now_ms:
            return None
        return say_duration(self.ready_ms - self.now_ms, up=True)

    @property
    def ready_says(self) -> str:
        """When the gate may start, as a phrase; empty: now, or not known."""
        if self.awaits_command and (self.ready_in or self.state == "running"):  # else a hold has no end
            return f"ready after it ends{f', in {self.ready_in} or later' if self.ready_in else ''}"
        if self.ready_in is None:
            return ""
        latest = "after it ends, at the latest " if self.state == "running" else "at the latest "
        return f"ready {latest if self.is_latest else ''}in {self.ready_in}"

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, for machines."""
        record, pending = self.record, self.record.pending
        head = {**plain(self.key, "project", "region"), "state": self.state, "attention": list(self.attention)}
        if self.error:
            return {**head, "error": self.error}
        return {
            **head,
            "ready": None if self.ready_ms is None else iso(self.ready_ms),
            "last_build": iso(self.last_built_ms) if self.last_built_ms else None,
            "last_failed": None if self.failed_ms is None else iso(self.failed_ms),
            "due": None if record.due_ms is None else iso(record.due_ms),
            "stale_seconds": None if self.stale_ms is None else self.stale_ms / 1000,
            "notes": list(self.notes),
            "pending": pending
            and {
                **plain(pending, "count", "first_ms", "last_ms", "refusal"),
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


def triggers_of(fold: Pending) -> str:
    return f"{fold.count} trigger{'' if fold.count == 1 else 's'}"


def local_time(ms: int, zone: tzinfo | None = None) -> datetime:
    """An instant in a time zone, or in this machine's. In UTC if Python refuses that: ``TZ`` is a day or more from UTC,
    or the year there is 10000."""
    utc = to_datetime(ms)
    try:
        return utc.astimezone(zone)
    except (ValueError, OverflowError):
        return utc


def say_instant(ms: int) -> str:
    """An instant in this machine's time zone and in UTC: ``2026-11-24 11:00:00 CET (10:00:00 UTC)``."""
    local, utc = local_time(ms), to_datetime(ms)
    if not local.utcoffset():
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    day = "" if local.date() == utc.date() else f"{utc:%Y-%m-%d} "
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({day}{utc:%H:%M:%S} UTC)"


def hold_now(record: Record, now_ms: int) -> Hold | None:
    """The hold; ``None``: there is none, or it is over."""
    hold = record.hold
    return hold if hold is not None and (hold.until_ms is None or hold.until_ms > now_ms) else None


def urgency(marks: tuple[str, ...]) -> int:
    """The order of gates by their marks: last those that need no attention."""
    return ATTENTION.index(marks[0]) if marks[0] in ATTENTION else len(ATTENTION)


def marks_in(text: str) -> set[str]:
    """The marks that a person lists: ``failed, cooling down``."""
    return {name.strip().replace(" ", "_") for name in text.split(",") if name.strip()}


def status_of(
    key: GateKey, record: Record, terms: Terms | None, now_ms: int, *, stale_after_ms: int | None = None
) -> Status:
    """The status of a gate; without terms, as much of it as depends on no policy."""
    at_ms, is_latest, awaits_command = None, False, False
    notes = claim_notes(record, now_ms)
    if terms is None:
        hold = hold_now(record, now_ms)
        if hold is not None:
            state, at_ms = "held", hold.until_ms
        else:
            state = "claimed" if record.claim else "pending" if record.pending else "unknown"
    else:
        right = as_it_is_now(record, terms, now_ms)
        notes += _lastbuild_notes(record, terms, now_ms)
        if found := waits(right, terms, now_ms, pending=right.pending):
            known = [wait for wait in found if wait.why is not Why.RUNNING or wait.until_ms is not None]
            awaits_command = len(known) < len(found)
            state, at_ms = str(foremost(found).why), over_ms(known, now_ms) if known else None
            is_latest = any(wait.why is Why.RUNNING and wait.until_ms == at_ms for wait in known)
        elif right.pending is not None:
            state, at_ms = "pending", ready_ms(right, terms)
        else:
            state, at_ms = "ready", cooldown_end_ms(right, terms) if record.lastbuild_ms else None
        record = record.but(pending=right.pending, running=right.running, finished=right.finished)  # as the state is
    return Status(
        key=key,
        record=record,
        state=state,
        now_ms=now_ms,
        ready_ms=at_ms,
        is_latest=is_latest,
        awaits_command=awaits_command,
        stale_after_ms=stale_after_ms,
        notes=notes,
    )


def claim_notes(record: Record, now_ms: int) -> tuple[str, ...]:
    """What is unusual about the start under way: that a try before did not finish it."""
    claim = record.claim
    if claim is None or claim.attempt == 1:
        return ()
    said = f"a start is not finished yet: try {claim.attempt}, the first {say_age(now_ms - claim.claimed_ms)}"
    return (f"{said}. Its build may exist; the log of the process that tries says why",)


def _lastbuild_notes(record: Record, terms: Terms, now_ms: int) -> tuple[str, ...]:
    last_ms = record.lastbuild_ms
    if ahead := ahead_ms(record, terms, now_ms):
        said = f"lastbuild is {say_duration(ahead, up=True)} in the future (a clock was wrong)"
        return (f"{said}: it counts as now, and the next trigger corrects it",)
    given_back = terms.policy.on_failure == "rearm" and failed_ms(record) is not None
    if last_ms and is_moved_back(record, terms) and not given_back:
        return (f"lastbuild was moved back to {iso(last_ms)}, before the last build: the cooldown counts from there",)
    return ()
