"""What people do to a gate: hold, resume, reset."""

from __future__ import annotations

from holdoff.core.claims import pending_again
from holdoff.core.record import KEPT_ACTS, Act, Hold, Record, shifted
from holdoff.core.units import seconds_from_ms


def held(record: Record, hold: Hold) -> Record:
    """On hold: only forced triggers start; others are deferred, or skipped if the policy says so."""
    act = Act(what="hold", at_ms=hold.since_ms, by=hold.by, why=hold.why)
    return _with_act(record.but(hold=hold), act)


def resumed(record: Record, act: Act) -> Record:
    """The hold is over; what is pending may start."""
    return record if record.hold is None else _with_act(record.but(hold=None), act)


def reset(record: Record, act: Act, *, drop_pending: bool = False, drop_claim: bool = False) -> Record:
    """The cooldown, the limit and the back-off are over. What is pending stays, unless ``drop_pending``.

    A start that is under way, or was left unfinished, stays, unless ``drop_claim``: then no process finishes it, and
    what it covered is pending again. If its build exists, no record shows it.

    ``lastbuild`` becomes 0, not absent: the old snippet cannot read an item without it.
    """
    claim, pending = record.claim, record.pending
    if drop_claim and claim is not None:
        pending, claim = pending_again(pending, claim.covers), None
    pending = None if drop_pending else pending
    new = record.but(
        lastbuild=None if record.lastbuild is None else seconds_from_ms(0),
        starts=(),
        claim=claim,
        pending=pending and pending.but(failures=0, retry_ms=0, refusal=None),
    )
    return record if new == record else _with_act(new, act)


def _with_act(record: Record, act: Act) -> Record:
    return record.but(acts=shifted(act, record.acts, KEPT_ACTS))
