"""Record <-> item: the plain values that stand in a store, under the attribute names that stand in DynamoDB.

``cb_project``, ``region`` and ``lastbuild`` are the old snippet's. The rest is ours. Instants of ours are epoch
milliseconds. What is absent is not written. Whatever may stand in a table is read with care: an item is foreign input.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from holdoff.core.errors import ConfigError, HoldoffError, RecordInvalid
from holdoff.core.record import (
    Act,
    Claim,
    Counts,
    Finished,
    GateKey,
    Hold,
    Pending,
    Record,
    Request,
    Running,
)
from holdoff.core.units import MAX_INSTANT_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROJECT: Final = "cb_project"
REGION: Final = "region"
LASTBUILD: Final = "lastbuild"
WRITES: Final = "writes"
CLAIM: Final = "claim"
PENDING: Final = "pending"
HOLD: Final = "hold"
EVENTS: Final = "events"
DUE: Final = "due"
#: Our own attributes, besides ``lastbuild``. Nothing else in an item is ever touched.
OWN: Final = (
    WRITES,
    CLAIM,
    PENDING,
    "running",
    "finished",
    HOLD,
    "starts",
    "built",
    EVENTS,
    "counts",
    "acts",
    DUE,
)

Plain = dict[str, Any]
_T = TypeVar("_T")


# --- record to item ------------------------------------------------------------------------------------------------


def to_item(record: Record) -> Plain:
    """The attributes of a record, without the keys; absent ones left out."""
    values: Plain = {
        LASTBUILD: record.lastbuild,
        WRITES: list(record.writes),
        CLAIM: record.claim and claim_to_plain(record.claim),
        PENDING: record.pending and _pending_to_plain(record.pending),
        "running": record.running and _running_to_plain(record.running),
        "finished": record.finished and finished_to_plain(record.finished),
        HOLD: record.hold and _hold_to_plain(record.hold),
        "starts": list(record.starts),
        "built": record.built,
        EVENTS: list(record.events),
        "counts": _counts_to_plain(record.counts),
        "acts": [_act_to_plain(act) for act in record.acts],
        DUE: record.due_ms,
    }
    return {
        name: value for name, value in values.items() if value is not None and value not in ([], {})
    }


def claim_to_plain(claim: Claim) -> Plain:
    """A claim's map; ``before`` left out where it is not known yet."""
    return _present(
        token=claim.token,
        attempt=claim.attempt,
        claimed=claim.claimed_ms,
        held=claim.held_ms,
        lease=claim.lease_until_ms,
        covers=_pending_to_plain(claim.covers),
        before=claim.before,
        sent=claim.sent_until_ms or None,
        refused=int(claim.refused) or None,
        counted=int(claim.counted) or None,
    )


def _pending_to_plain(pending: Pending) -> Plain:
    return _present(
        **_request_to_plain(pending.request),
        n=pending.count,
        first=pending.first_ms,
        last=pending.last_ms,
        due=pending.due_ms,
        failures=pending.failures or None,
        reasons=list(pending.reasons) or None,
        versions=list(pending.versions) or None,
        events=list(pending.events) or None,
        revocable=list(pending.revocable) or None,
    )


def _request_to_plain(request: Request) -> Plain:
    return _present(
        reason=request.reason,
        version=request.source_version,
        event=request.event_id,
        env=dict(request.environment) or None,
        by=request.by,
        forced=int(request.forced) or None,
        sent=request.parameters or None,
    )


def _running_to_plain(running: Running) -> Plain:
    return _present(
        build=running.build_id,
        token=running.token,
        started=running.started_ms,
        lease=running.lease_until_ms,
        covers=_pending_to_plain(running.covers),
        claimed=running.claimed_ms,
        before=running.before,
        polled=running.polled_ms,
        stuck=int(running.cancel_failed) or None,
    )


def finished_to_plain(finished: Finished) -> Plain:
    """A build that ended, as it stands in the record and in the history."""
    return _present(
        build=finished.build_id,
        token=finished.token,
        started=finished.started_ms,
        claimed=finished.claimed_ms,
        covered=finished.covered_ms,
        ended=finished.ended_ms,
        ok=None if finished.succeeded is None else int(finished.succeeded),
        version=finished.source_version,
        detail=finished.detail,
        covers=finished.covers and _pending_to_plain(finished.covers),
    )


def _hold_to_plain(hold: Hold) -> Plain:
    return _present(since=hold.since_ms, why=hold.why, by=hold.by, until=hold.until_ms)


def _act_to_plain(act: Act) -> Plain:
    return _present(what=act.what, at=act.at_ms, by=act.by, why=act.why)


def _counts_to_plain(counts: Counts) -> Plain:
    return _present(
        started=counts.started or None,
        deferred=counts.deferred or None,
        skipped=counts.skipped or None,
        failed=counts.failed or None,
    )


def _present(**values: object) -> Plain:
    return {name: value for name, value in values.items() if value is not None}


# --- item to record ------------------------------------------------------------------------------------------------


def from_item(key: GateKey, item: Mapping[str, Any]) -> Record:
    """The record of an item as it may stand in a store.

    Raises:
        RecordInvalid: something in it is not what Holdoff or the old snippet writes; names the attribute.
    """
    reader = _Reader(key)
    try:
        return reader.record(item)
    except HoldoffError as error:
        if isinstance(error, RecordInvalid):
            raise
        reader.fail("the item", str(error))


def build_from_plain(key: GateKey, plain: Mapping[str, Any]) -> Finished:
    """A build of the history.

    Raises:
        RecordInvalid: the row is not what Holdoff writes.
    """
    reader = _Reader(key)
    try:
        return reader.finished("history", dict(plain))
    except ConfigError as error:
        reader.fail("history", str(error))


class _Reader:
    """Reads one item, and knows whose it is when something is wrong."""

    def __init__(self, key: GateKey) -> None:
        self.key = key

    def fail(self, name: str, what: str) -> NoReturn:
        raise RecordInvalid(
            f"{self.key}: {name}: {what}",
            hint="Nothing was started or changed. Correct the item; a gate may be nothing but its keys and lastbuild "
            "(0: never built)",
        )

    def record(self, item: Mapping[str, Any]) -> Record:
        return Record(
            lastbuild=self.lastbuild(item.get(LASTBUILD)),
            writes=self.texts(WRITES, item.get(WRITES)),
            claim=self.optional(CLAIM, item.get(CLAIM), self.claim),
            pending=self.optional(PENDING, item.get(PENDING), self.pending),
            running=self.optional("running", item.get("running"), self.running),
            finished=self.optional("finished", item.get("finished"), self.finished),
            hold=self.optional(HOLD, item.get(HOLD), self.hold),
            starts=tuple(
                self.instant("starts", start) for start in self.listed("starts", item.get("starts"))
            ),
            built=self.text("built", item.get("built")),
            events=self.texts(EVENTS, item.get(EVENTS)),
            counts=self.optional("counts", item.get("counts"), self.counts) or Counts(),
            acts=tuple(self.act("acts", act) for act in self.listed("acts", item.get("acts"))),
            due_ms=self.maybe_instant(DUE, item.get(DUE)),
        )

    def lastbuild(self, value: object) -> Decimal | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            shown = f"{value!r:.60}"
            self.fail(LASTBUILD, f"is {shown}; epoch seconds as a Number are right")
        seconds = Decimal(value)
        if not seconds.is_finite() or seconds < 0:
            self.fail(LASTBUILD, f"is {value}; epoch seconds from 0 are right")
        if seconds > MAX_INSTANT_MS // 1000:
            self.fail(
                LASTBUILD,
                f"is {value}, after the year 9999; is it in milliseconds? Epoch seconds are right",
            )
        return seconds

    def optional(self, name: str, value: object, read: Callable[[str, Any], _T]) -> _T | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fail(name, f"is a {type(value).__name__}, not a map")
        return read(name, value)

    def claim(self, name: str, m: Plain) -> Claim:
        return Claim(
            token=self.must(name, "token", m, str),
            attempt=self.number(name, "attempt", m),
            claimed_ms=self.at(name, "claimed", m),
            held_ms=self.at(name, "held", m),
            lease_until_ms=self.at(name, "lease", m),
            covers=self.pending(f"{name}.covers", self.must(name, "covers", m, dict)),
            before=self.lastbuild(m.get("before")),
            sent_until_ms=self.at(name, "sent", m) if "sent" in m else 0,
            refused=bool(m.get("refused")),
            counted=bool(m.get("counted")),
        )

    def pending(self, name: str, m: Plain) -> Pending:
        return Pending(
            request=self.request(name, m),
            count=self.number(name, "n", m),
            first_ms=self.at(name, "first", m),
            last_ms=self.at(name, "last", m),
            due_ms=self.at(name, "due", m),
            failures=self.number(name, "failures", m) if "failures" in m else 0,
            reasons=self.texts(f"{name}.reasons", m.get("reasons")),
            versions=self.texts(f"{name}.versions", m.get("versions")),
            events=self.texts(f"{name}.events", m.get("events")),
            revocable=self.texts(f"{name}.revocable", m.get("revocable")),
        )

    def request(self, name: str, m: Plain) -> Request:
        env = m.get("env") or {}
        if not isinstance(env, dict):
            self.fail(f"{name}.env", "is not a map")
        return Request(
            project=self.key.project,
            region=self.key.region,
            reason=self.text(f"{name}.reason", m.get("reason")),
            source_version=self.text(f"{name}.version", m.get("version")),
            event_id=self.text(f"{name}.event", m.get("event")),
            environment=tuple(env.items()),
            by=self.text(f"{name}.by", m.get("by")),
            forced=bool(m.get("forced")),
            parameters=self.text(f"{name}.sent", m.get("sent")) or "",
        )

    def running(self, name: str, m: Plain) -> Running:
        return Running(
            build_id=self.must(name, "build", m, str),
            token=self.must(name, "token", m, str),
            started_ms=self.at(name, "started", m),
            lease_until_ms=self.at(name, "lease", m),
            covers=self.pending(f"{name}.covers", self.must(name, "covers", m, dict)),
            claimed_ms=self.at(name, "claimed", m),
            before=self.lastbuild(m.get("before")),
            polled_ms=self.maybe_instant(f"{name}.polled", m.get("polled")),
            cancel_failed=bool(m.get("stuck")),
        )

    def finished(self, name: str, m: Plain) -> Finished:
        ok = m.get("ok")
        return Finished(
            build_id=self.must(name, "build", m, str),
            token=self.must(name, "token", m, str),
            started_ms=self.at(name, "started", m),
            claimed_ms=self.at(name, "claimed", m),
            covered_ms=self.at(name, "covered", m),
            ended_ms=self.maybe_instant(f"{name}.ended", m.get("ended")),
            succeeded=None if ok is None else bool(ok),
            source_version=self.text(f"{name}.version", m.get("version")),
            detail=self.text(f"{name}.detail", m.get("detail")),
            covers=self.optional(f"{name}.covers", m.get("covers"), self.pending),
        )

    def hold(self, name: str, m: Plain) -> Hold:
        return Hold(
            since_ms=self.at(name, "since", m),
            why=self.must(name, "why", m, str),
            by=self.text(f"{name}.by", m.get("by")),
            until_ms=self.maybe_instant(f"{name}.until", m.get("until")),
        )

    def act(self, name: str, value: object) -> Act:
        if not isinstance(value, dict):
            self.fail(name, f"has a {type(value).__name__}, not a map")
        return Act(
            what=self.must(name, "what", value, str),
            at_ms=self.at(name, "at", value),
            by=self.text(f"{name}.by", value.get("by")),
            why=self.text(f"{name}.why", value.get("why")),
        )

    def counts(self, name: str, m: Plain) -> Counts:
        names = ("started", "deferred", "skipped", "failed")
        return Counts(**{n: self.number(name, n, m) for n in names if n in m})

    def must(self, name: str, field: str, m: Plain, kind: type[_T]) -> _T:
        value = m.get(field)
        if not isinstance(value, kind):
            self.fail(f"{name}.{field}", f"is {value!r:.60}; a {kind.__name__} is right")
        return value

    def number(self, name: str, field: str, m: Plain) -> int:
        value = m.get(field)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
            self.fail(f"{name}.{field}", f"is {value!r:.60}; a whole number from 0 is right")
        return value

    def at(self, name: str, field: str, m: Plain) -> int:
        return self.instant(f"{name}.{field}", m.get(field))

    def instant(self, name: str, value: object) -> int:
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not 0 <= value <= 10 * MAX_INSTANT_MS
        ):
            self.fail(name, f"is {value!r:.60}; epoch milliseconds are right")
        return value

    def maybe_instant(self, name: str, value: object) -> int | None:
        return None if value is None else self.instant(name, value)

    def text(self, name: str, value: object) -> str | None:
        if value is not None and not isinstance(value, str):
            self.fail(name, f"is {value!r:.60}; text is right")
        return value

    def texts(self, name: str, value: object) -> tuple[str, ...]:
        return tuple(self.text(name, entry) or "" for entry in self.listed(name, value))

    def listed(self, name: str, value: object) -> list[object]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.fail(name, f"is a {type(value).__name__}, not a list")
        return value
