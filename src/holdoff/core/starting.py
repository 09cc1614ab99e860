"""From a claim to a build: start it, confirm it, give the slot back, or leave the claim for a take-over (see
``claims``); and the decision that tells which of these it was.

A late claimant must not start, so the lease is checked again after each call that can take time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from holdoff.core import builds, claims, writes
from holdoff.core.decide import StepBuilder
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Cancel, Effect, Find, Start
from holdoff.core.errors import HoldoffError, StartRefused, StoreError
from holdoff.core.record import Claim, End, Record
from holdoff.core.request import GateKey, storable
from holdoff.core.terms import Terms
from holdoff.core.value import Value
from holdoff.core.waits import Wait, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: How much of an error's text a decision repeats.
MAX_WORDS: Final = 1_000
ClaimRule = Callable[[Record, Claim, Terms, int], Record]


class Resolved(Value):
    """The result of a claim. With neither ``build_id`` nor ``error`` the start was put off."""

    record: Record
    build_id: str | None = None  #: the build that was started
    error: str | None = None  #: why there is no build
    is_refused: bool = False  #: certainly no build was started. With an ``error``, and not refused: that is not known
    unconfirmed: bool = False  #: the store did not take the result

    @property
    def is_given_back(self) -> bool:
        """Whether the claim was given back: refused, or put off by a cooldown or by a build that runs on."""
        return self.build_id is None and (self.error is None or self.is_refused)


Resolving = Generator[Effect, "Any", Resolved]


def resolve(record: Record, claim: Claim, terms: Terms) -> Resolving:
    """Turn a claim of this process into a build, a refusal, or an unknown start.

    ``record`` is the record after our claim was written. If that write's response was lost, it may have changed since.
    """
    searched_ms, is_searched = None, claim.attempt == 1
    while True:
        held = claims.held_by(record, claim)
        if held is None:
            return _lost_claim(record, claim.token)
        claim, now_ms = held, (yield writes.NOW)
        if claims.is_expired(claim, now_ms):
            # Another process may be taking this claim over.
            return Resolved(record=record, error="the claim's lease was over before the build could be started")
        if builds.must_cancel(record, terms, now_ms):
            cancelled = yield from _cancel_first(record, claim, terms)
            if isinstance(cancelled, Resolved):
                return cancelled
            record = cancelled
        elif not is_searched:
            # The build may exist already, and the starter may have forgotten the token: ask first.
            try:
                found, searched_ms = yield from _search(claim, terms, now_ms)
            except Exception as error:  # noqa: BLE001  (no error says anything about the build)
                return Resolved(record=record, error=_words(error))
            if found is not None:
                return (yield from _confirm(record, claim, found, terms))
            is_searched = True
        elif claims.must_wait(record, claim, terms, now_ms):
            why_left = "it has to wait, and may have its build from an earlier request"
            if not terms.finds:  # later the same token is sent again
                return Resolved(record=record, error=why_left)
            returned = partial(claims.returned, searched_ms=searched_ms)
            return (yield from _end_claim(record, claim, terms, returned, why_left))
        else:
            return (yield from _start(record, claim, terms, searched_ms))


def _search(claim: Claim, terms: Terms, now_ms: int) -> Generator[Effect, Any, tuple[str | None, int | None]]:
    """The build of a claim, if there is one, and the instant since which the starter was asked for it (``None``: it was
    not, or did not answer). Without an answer the same token may be sent again while the starter surely remembers it.
    """
    try:
        found: str | None = yield Find(claim.request, claim.token)
    except Exception:
        at_ms = yield writes.NOW
        # The instant is by the claimant's clock, and our own clock may have been set back by up to a lease.
        slack_ms = terms.clock_margin_ms + terms.claim_lease_ms
        if at_ms + slack_ms < claim.claimed_ms + terms.token_memory_ms:
            return None, None
        raise
    return found, now_ms if terms.finds else None


def _cancel_first(record: Record, claim: Claim, terms: Terms) -> Generator[Effect, Any, Resolved | Record]:
    """Stop the running build, as the policy says, and go on with the record as it stands then."""
    assert record.running is not None
    build_id = record.running.build_id
    try:
        yield Cancel(build_id)
    except Exception as error:  # noqa: BLE001  (after any error the build may still run)
        if claim.attempt > 1:
            return Resolved(record=record, error=_words(error))
        return (yield from _end_claim(record, claim, terms, partial(claims.uncancelled, build_id=build_id)))
    end = End(build_id=build_id, succeeded=None, detail="cancelled for a newer build")
    record, _ = yield from writes.apply(lambda now, at_ms: builds.finished(now, end, terms, at_ms), record, terms)
    return record


def _start(record: Record, claim: Claim, terms: Terms, searched_ms: int | None) -> Resolving:
    try:
        build_id: str = yield Start(claim.request, claim.token)
    except StartRefused as refusal:
        return (yield from _give_back(record, claim, terms, refusal, searched_ms))
    except Exception as error:  # noqa: BLE001  (after any other error it is not known whether the build exists)
        return Resolved(record=record, error=_words(error))
    return (yield from _confirm(record, claim, build_id, terms))


def _end_claim(record: Record, claim: Claim, terms: Terms, rule: ClaimRule, why_left: str | None = None) -> Resolving:
    """Give the claim back, or leave it, as the rule says. ``why_left``: the error if it stays."""
    after, is_ours = yield from writes.apply(lambda now, at_ms: rule(now, claim, terms, at_ms), record, terms)
    if claims.held_by(after, claim):
        return Resolved(record=after, error=why_left)
    if is_ours and after.pending is not None:  # else another process has built it
        return Resolved(record=after)
    return _lost_claim(after, claim.token)


def _confirm(record: Record, claim: Claim, build_id: str, terms: Terms) -> Resolving:
    try:
        after, _ = yield from writes.apply(
            lambda now, at_ms: builds.confirmed(now, claim, build_id, terms, at_ms), record, terms
        )
    except StoreError:
        # The build exists. The claim stays, and after its lease the build is found by its token.
        return Resolved(record=record, build_id=build_id, unconfirmed=True)
    return Resolved(record=after, build_id=build_id)


def _give_back(record: Record, claim: Claim, terms: Terms, refusal: StartRefused, searched_ms: int | None) -> Resolving:
    why, again = _words(refusal), bool(refusal.worth_retrying)
    refused = partial(claims.refused, worth_retrying=again, why=why, searched_ms=searched_ms)
    try:
        resolved = yield from _end_claim(record, claim, terms, refused, why)
    except StoreError as error:
        # The claim stays for its lease; then the starter is asked again.
        return Resolved(record=record, error=f"{why} (and {error})", unconfirmed=True)
    return resolved.but(error=why, is_refused=True) if resolved.is_given_back else resolved


def _lost_claim(record: Record, token: str) -> Resolved:
    """Another process holds our claim, or has ended it."""
    if record.claim is not None and record.claim.token == token:
        return Resolved(record=record, error="another process has taken this start over")
    if build := claims.build_of(record, token):
        return Resolved(record=record, build_id=build.build_id)
    return Resolved(record=record, error="another process has ended this start")


def _words(error: Exception) -> str:
    kind, said = type(error).__name__, storable(error, MAX_WORDS)
    if isinstance(error, HoldoffError):
        return said or kind
    return storable(f"{kind}: {said}" if said else kind, MAX_WORDS)  # of a KeyError the words are the key alone


# --- what is told of it ----------------------------------------------------------------------------------------------


def describe(decision: Decision, resolved: Resolved, terms: Terms) -> Decision:
    """The decision with the result of its claim: started, deferred or failed."""
    if resolved.build_id is not None:
        return decision.but(build_id=resolved.build_id, unconfirmed=resolved.unconfirmed)
    decision = decision.but(covers=0, waited_ms=None, beside=None, detail=resolved.error)
    if not resolved.is_given_back:
        claim, unconfirmed = resolved.record.claim, resolved.unconfirmed
        due_ms = None if claim is None else claim.lease_until_ms
        return decision.but(outcome=Outcome.FAILED, why=Why.START_UNKNOWN, due_ms=due_ms, unconfirmed=unconfirmed)
    gate, now_ms = GateKey(decision.project, decision.region), decision.decided_ms
    build = StepBuilder(resolved.record, gate, decision.token, terms, now_ms)
    found = waits(build.record, terms, now_ms, pending=build.record.pending)
    found = found or [Wait(Why.PENDING, now_ms)]  # what it waited for is over already
    told = build.because_of(Outcome.DEFERRED, found).decision.but(id=decision.id, taken_over=decision.taken_over)
    if not resolved.is_refused:
        return told
    return told.but(outcome=Outcome.FAILED, why=Why.START_FAILED, detail=resolved.error)
