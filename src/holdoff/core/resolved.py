"""What became of a claim, and what the decision that made it says then."""

from __future__ import annotations

from holdoff.core import clocks
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.core.record import Record
from holdoff.core.terms import Terms
from holdoff.core.value import Value
from holdoff.core.waits import Wait, foremost, ready_ms, waits


class Resolved(Value):
    """What became of a claim: ``build_id`` it was started, ``refusal`` it certainly was not, ``uncancelled`` it waits
    for the build of that id, ``error`` it is not known, none of these: it was put off."""

    record: Record
    build_id: str | None = None
    refusal: StartRefused | None = None
    error: str | None = None
    unconfirmed: bool = False
    uncancelled: str | None = None

    @property
    def is_put_off(self) -> bool:
        """Whether the claim was given back, to wait out the cooldown of a build that another has started since."""
        return self.build_id is None and self.uncancelled is None and self.error is None

    @property
    def is_left(self) -> bool:
        """Whether the claim stands, for a later call to finish."""
        return self.record.claim is not None and self.error is not None


def describe(decision: Decision, resolved: Resolved, terms: Terms) -> Decision:
    """The decision as it is told: started, or what stands against that."""
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
