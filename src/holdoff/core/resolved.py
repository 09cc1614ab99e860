"""The result of a claim, and the decision that tells it."""

from __future__ import annotations

from holdoff.core import clocks
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.core.record import Record
from holdoff.core.terms import Terms
from holdoff.core.value import Value
from holdoff.core.waits import Wait, foremost, ready_ms, waits


class Resolved(Value):
    """The result of a claim. ``build_id``: the build started. ``refusal``: it certainly did not. ``uncancelled``: it
    waits for the build of that id. ``error``: it is not known. None of these: the start was put off."""

    record: Record
    build_id: str | None = None
    refusal: StartRefused | None = None
    error: str | None = None
    unconfirmed: bool = False
    uncancelled: str | None = None

    @property
    def is_put_off(self) -> bool:
        """Whether the claim was given back, to wait for the cooldown of a build that started since."""
        return self.build_id is None and self.uncancelled is None and self.error is None

    @property
    def is_left(self) -> bool:
        """Whether the claim stays, to be finished by a later call."""
        return self.record.claim is not None and self.error is not None


def describe(decision: Decision, resolved: Resolved, terms: Terms) -> Decision:
    """The decision with the result of its claim: started, deferred or failed."""
    unconfirmed = resolved.unconfirmed
    if resolved.build_id is not None:
        return decision.but(build_id=resolved.build_id, unconfirmed=unconfirmed)
    record = clocks.put_right(resolved.record, terms, decision.decided_ms)
    decision = decision.but(covers=0, waited_ms=None, detail=resolved.error, unconfirmed=unconfirmed)
    due_ms = ready_ms(record, terms) if record.pending else None
    if resolved.uncancelled is not None:
        found = waits(record, terms, decision.decided_ms, pending=record.pending)
        first = foremost(found) if found else Wait(Why.PENDING, due_ms)  # its end was reported meanwhile
        return decision.but(outcome=Outcome.DEFERRED, why=first.why, due_ms=due_ms, detail=first.detail)
    if resolved.is_put_off:
        ahead_ms = clocks.ahead_ms(resolved.record, terms, decision.decided_ms)
        since = decision.but(lastbuild_ms=record.lastbuild_ms, failed_ms=None, ahead_ms=ahead_ms)
        return since.but(outcome=Outcome.DEFERRED, why=Why.COOLING_DOWN, due_ms=due_ms)
    if resolved.refusal is not None:
        return decision.but(outcome=Outcome.FAILED, why=Why.START_FAILED, due_ms=due_ms)
    due_ms = record.claim.lease_until_ms if record.claim else None
    return decision.but(outcome=Outcome.FAILED, why=Why.START_UNKNOWN, due_ms=due_ms)
