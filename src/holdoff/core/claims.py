"""What becomes of a claim: made, taken over, refused, or given back. (``builds`` confirms it.)

**Strict spacing.** A claim, a take-over and a confirm each set ``lastbuild`` to their own instant.

**A late claimant must not start.** From the end of its lease on another process may take the claim over: with the same
token and the same request, after asking the starter whether that build exists.

**A refusal proves only that its own request started nothing.** A request of an earlier attempt may have started the
build, or may still be in flight. Until it is certain that neither is so (``is_certain``), the claim stays.
"""

from __future__ import annotations

from decimal import Decimal

from holdoff.core.pending import joined
from holdoff.core.record import MAX_REFUSAL, Claim, Finished, Pending, Record, Running
from holdoff.core.terms import Terms
from holdoff.core.units import seconds_from_ms
from holdoff.core.waits import waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: (first wait, longest wait) after a refusal, milliseconds; it doubles between them.
BACKOFF_MS: Final = {True: (5_000, 300_000), False: (60_000, 3_600_000)}


def made(record: Record, covers: Pending, token: str, terms: Terms, now_ms: int) -> Record:
    """The record with a claim that covers these triggers; nothing is pending any more."""
    claim = Claim(
        token=token,
        claimed_ms=now_ms,
        held_ms=now_ms,
        lease_until_ms=now_ms + terms.claim_lease_ms,
        covers=covers.but(request=terms.freeze(covers.request)),
        before=record.lastbuild,
    )
    return record.but(lastbuild=later(record.lastbuild, now_ms), claim=claim, pending=None)


def is_expired(claim: Claim | None, now_ms: int) -> bool:
    """Whether its lease is over, so that it is to be taken over."""
    return claim is not None and claim.lease_until_ms <= now_ms


def taken_over(record: Record, terms: Terms, now_ms: int) -> Record:
    """An expired claim with a new holder: the same token and request, a new lease, a cooldown that counts from now."""
    claim = record.claim
    assert claim is not None
    assert is_expired(claim, now_ms)
    in_flight_ms = 0 if claim.refused else _readable_until_ms(claim, terms)
    taken = claim.but(
        attempt=claim.attempt + 1,
        held_ms=now_ms,
        lease_until_ms=now_ms + terms.claim_lease_ms,
        before=lastbuild_without(record, claim.held_ms, claim.before),
        in_flight_until_ms=max(claim.in_flight_until_ms, in_flight_ms),
        refused=False,
    )
    return record.but(lastbuild=later(record.lastbuild, now_ms), claim=taken)


def _readable_until_ms(claim: Claim, terms: Terms) -> int:
    """Until when the service may still read a request that the claim's holder sent within the lease, by its clock."""
    own_lease_ms = claim.lease_until_ms - claim.held_ms  # the holder's setting may differ from ours
    return claim.lease_until_ms + terms.clock_margin_ms + max(terms.claim_lease_ms, own_lease_ms)


def held_by(record: Record, claim: Claim) -> Claim | None:
    """This claim as it is now; ``None``: another process has taken it over, or ended it."""
    now = record.claim
    return now if now is not None and (now.token, now.attempt) == (claim.token, claim.attempt) else None


def build_of(record: Record, token: str | None) -> Running | Finished | None:
    """The build of this token, whichever process wrote it; ``None``: it is not in the record."""
    builds = (record.running, record.finished)
    return next((build for build in builds if build is not None and build.token == token), None)


def is_of(record: Record, token: str | None) -> bool:
    """Whether this token, if there is one, has claimed the gate, or has built."""
    return (record.claim is not None and record.claim.token == token) or build_of(record, token) is not None


def refused(
    record: Record, claim: Claim, terms: Terms, now_ms: int, *, worth_retrying: bool, why: str, searched_ms: int | None
) -> Record:
    """The starter refused, and said ``why``: as ``returned``; if the slot is given back, the triggers get a back-off.
    ``searched_ms``: the starter was searched after this instant, before this request, and found no build."""
    new = returned(record, claim, terms, now_ms, searched_ms)
    if new is record or new.claim is not None or new.pending is None:
        return new
    pending = backed_off(record.pending, new.pending, now_ms, worth_retrying=worth_retrying)
    return new.but(pending=pending.but(refusal=why[:MAX_REFUSAL]))


def returned(record: Record, claim: Claim, terms: Terms, now_ms: int, searched_ms: int | None = None) -> Record:
    """The claim's holder has started nothing. If it is certain that no build exists, the slot is given back, and the
    triggers are pending again. If an earlier attempt may have started one, the claim stays, to be taken over again.

    If another process holds the claim now, the record stays as it is: that process may have started the build.
    """
    held = held_by(record, claim)
    if held is None:
        return record
    if is_certain(claim, terms, now_ms, searched_ms):
        lastbuild = lastbuild_without(record, held.held_ms, held.before)
        return record.but(claim=None, lastbuild=lastbuild, pending=pending_again(record.pending, held.covers))
    return record.but(claim=held.but(refused=True, lease_until_ms=now_ms + terms.claim_lease_ms))


def is_certain(claim: Claim, terms: Terms, now_ms: int, searched_ms: int | None) -> bool:
    """Whether no build exists after the holder's request was refused, or was never sent.

    For a first attempt that is certain. After earlier attempts it is certain once the starter was searched when no
    request of them could be read any more; if the starter cannot be searched, once the lease of such a build is over.
    """
    if claim.in_flight_until_ms == 0:
        return True
    if searched_ms is not None and searched_ms >= claim.in_flight_until_ms:
        return True
    return not terms.finds and now_ms >= claim.in_flight_until_ms + terms.build_lease_ms


def must_wait(record: Record, claim: Claim, terms: Terms, now_ms: int) -> bool:
    """Whether a claim that was taken over must wait: the old snippet may have built since, or the policy may be another
    one than that of the claim. A hold stops no claim."""
    free = record.but(claim=None, hold=None, lastbuild=claim.before)
    return claim.attempt > 1 and bool(waits(free, terms, now_ms, force=claim.request.forced))


def uncancelled(record: Record, claim: Claim, terms: Terms, now_ms: int, build_id: str) -> Record:
    """The running build could not be cancelled for this claim: the claim is given back, and waits for that build."""
    new, running = returned(record, claim, terms, now_ms), record.running
    if new is record or running is None or running.build_id != build_id:
        return new
    return new.but(running=running.but(cancel_failed=True))


def lastbuild_without(record: Record, set_ms: int, before: Decimal | None) -> Decimal | None:
    """``lastbuild`` as it was before a start set it to this instant. If it was changed since, it stays."""
    return before if record.lastbuild == seconds_from_ms(set_ms) else record.lastbuild


def backed_off(meanwhile: Pending | None, pending: Pending, now_ms: int, *, worth_retrying: bool) -> Pending:
    """The triggers of a refused start or failed build, with a back-off that grows with each failure. If a forced
    trigger came meanwhile, its back-off counts for all of them; it has one only if its own start was refused."""
    first_ms, longest_ms = BACKOFF_MS[worth_retrying]
    retry_ms = now_ms + min(longest_ms, first_ms << min(pending.failures, 20))
    if meanwhile is not None and meanwhile.request.forced:
        retry_ms = meanwhile.retry_ms
    return pending.but(failures=pending.failures + 1, retry_ms=retry_ms, refusal=None)


def pending_again(pending: Pending | None, covers: Pending) -> Pending:
    """What a claim covered, pending again, with the later triggers that came meanwhile."""
    return thawed(covers) if pending is None else joined(thawed(covers), pending)


def thawed(covers: Pending) -> Pending:
    """The triggers without what the starter froze: it is never sent again, and an item must stay small."""
    return covers.but(request=covers.request.but(parameters="")) if covers.request.parameters else covers


def later(lastbuild: Decimal | None, now_ms: int) -> Decimal:
    """``lastbuild`` after a claim, a take-over or a confirm: it never moves back."""
    now = seconds_from_ms(now_ms)
    return now if lastbuild is None else max(lastbuild, now)
