"""The result of a claim, and the decision that tells it."""

from __future__ import annotations

from holdoff.core import builds, clocks
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.core.record import Record
from holdoff.core.terms import Terms
from holdoff.core.value import Value
from holdoff.core.waits import Wait, foremost, ready_ms, waits


class Resolved(Value):
    """The result of a claim. ``build_id``: the build started. ``refusal``: it certainly did not, and ``error`` has the
    words. ``error`` alone: the outcome is not known. None of these: the start was put off."""

    record: Record
    build_id: str | None = None
    refusal: StartRefused | None = None
    error: str | None = None
    unconfirmed: bool = False

    @property
    def is_put_off(self) -> bool:
        """Whether the claim was given back, to wait for a cooldown or for a build that could not be cancelled."""
        return self.build_id is None and self.error is None

    @property
    def is_left(self) -> bool:
        """Whether the claim stays, to be finished by a later call."""
        return self.record.claim is not None and self.error is not None


def describe(decision: Decision, resolved: Resolved, terms: Terms) -> Decision:
    """The decision with the result of its claim: started, deferred or failed."""
    if resolved.build_id is not None:
        return decision.but(build_id=resolved.build_id, unconfirmed=resolved.unconfirmed)
    now_ms = decision.decided_ms
    record = builds.as_it_is_now(resolved.record, terms, now_ms)
    due_ms = ready_ms(record, terms) if record.pending else None
    decision = decision.but(covers=0, waited_ms=None, beside=None, detail=resolved.error)
    if resolved.is_put_off:
        found = waits(record, terms, now_ms, pending=record.pending)
        first = foremost(found) if found else Wait(Why.PENDING, due_ms)  # what it waited for is over already
        return decision.but(
            outcome=Outcome.DEFERRED,
            why=first.why,
            due_ms=due_ms,
            detail=first.detail,
            lastbuild_ms=record.lastbuild_ms or None,
            failed_ms=builds.failed_ms(record),
            ahead_ms=clocks.ahead_ms(resolved.record, terms, now_ms),
        )
    if resolved.refusal is None:
        why, due_ms = Why.START_UNKNOWN, record.claim.lease_until_ms if record.claim else None
    else:
        why = Why.START_FAILED
    return decision.but(outcome=Outcome.FAILED, why=why, due_ms=due_ms, unconfirmed=resolved.unconfirmed)
