"""The protocol: trigger, wake and edit as generators that yield effects and return what came of it.

A generator never waits and never looks: it yields an effect (``effects``), its driver performs it and sends the answer
back, or throws what went wrong. *What* to do is ``decide``'s and ``claims``' affair; here is only the order in which
things are asked, and what an answer, a lost race and a lost response mean:

1. *Look*: the snapshot the process has, else one read.
2. *Decide*. What only says something rests on a read of this call; a skip may rest on a snapshot that is fresh enough.
   What writes may rest on an older one, because its condition protects it.
3. *Write*, under an id of its own. The loser gets the current record from the same answer, and decides again. A write
   whose response was lost fails its own condition when it is sent again: it is recognised by its id, a claim by its
   token, too.
4. *Start* what was claimed, if the lease still stands at that very moment: it is looked at again after each call that
   can take time.
5. *Confirm*, or give the slot back (certain refusal), or leave the claim (not known): after its lease the next trigger
   or wake takes it over, with the same token and request, asking the starter first whether that build exists.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from holdoff.core import builds, claims, clocks, decide
from holdoff.core.decide import NextStep, Step, Trigger, Wake
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Cancel, Effect, Find, FoldIn, Get, Lost, NewId, Now, Poll, Start, Swap, Swapped
from holdoff.core.errors import HoldoffError, StartRefused, StoreError, StoreUnavailable
from holdoff.core.pending import Fold
from holdoff.core.record import Claim, Finished, Record
from holdoff.core.request import Request, storable
from holdoff.core.resolved import Resolved, describe
from holdoff.core.terms import Terms
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: Each lost race means that another writer got on, so this many in a row means that something is wrong.
MAX_TRIES: Final = 200
#: How much of an error's text a decision repeats.
MAX_WORDS: Final = 1_000
#: A skip for these reasons may be over at any moment: it always rests on a read.
_PASSING: Final = frozenset({Why.CLAIMED, Why.RUNNING, Why.UNCHANGED})


class Snapshot(Value):
    """What a process last saw of a gate: the record, and an instant before it was read.

    Attributes:
        skipped: the request that was skipped on it last...
        skip: ... its decision...
        skip_until_ms: ... and until when that stays the same.
    """

    record: Record | None = None
    seen_ms: int = 0
    skipped: Request | None = None
    skip: Decision | None = None
    skip_until_ms: int = 0


class Decided(Value, kw_only=False):
    """A decision, and the snapshot to keep for the next one."""

    decision: Decision
    snapshot: Snapshot


class _Searched(Value):
    """What the starter answered when it was asked for a claim's build.

    Attributes:
        since_ms: an instant before it was asked; ``None``: it cannot be asked.
    """

    build_id: str | None = None
    since_ms: int | None = None


_NOW: Final = Now()
Asks = Generator[Effect, "Any", Decided]
Writes = Generator[Effect, "Any", Swapped | Lost]
Change = Callable[[Record, int], Record]


def trigger(event: Trigger, terms: Terms, snapshot: Snapshot) -> Asks:
    """One trigger, from the snapshot at hand to a decision.

    Raises (out of the generator, from the driver):
        StoreError: the gate could not be read or written. If it was a write, it may be in: triggering again is safe.
    """
    return (yield from _decide(partial(decide.on_trigger, trigger=event, terms=terms), terms, snapshot))


def again(snapshot: Snapshot, now_ms: int, nth: int) -> Decision | None:
    """The ``nth`` decision more on the request that was skipped on this snapshot, while nothing can have changed;
    ``None``: it is to be decided."""
    if (skip := snapshot.skip) is not None and skip.decided_ms <= now_ms < snapshot.skip_until_ms:
        return skip.repeated(now_ms, nth)
    return None


def wake(event: Wake, terms: Terms) -> Asks:
    """Start what is due, finish what another process left, or say what it waits for. Always on a fresh read."""
    return (yield from _decide(partial(decide.on_wake, wake=event, terms=terms), terms, Snapshot()))


def edit(change: Change) -> Generator[Effect, Any, Snapshot]:
    """Any change that starts nothing: finish, hold, resume, reset, renew."""
    seen_ms = yield _NOW
    record = yield from _apply(change, (yield Get()))
    return Snapshot(record=record, seen_ms=seen_ms)


# --- look, decide, write -------------------------------------------------------------------------------------------


def _decide(rule: Callable[..., Step], terms: Terms, snapshot: Snapshot) -> Asks:
    """Decide on the record, again on each one that comes of a lost race, until the decision stands.

    A start that was left is finished at most once in a call: a starter that takes too long to answer holds up no caller
    for ever.
    """
    record, seen_ms, is_read = snapshot.record, snapshot.seen_ms, False
    taken_over: str | None = None
    finishes = True
    stuck: str | None = None  # a swap since which this store could not fold
    for _ in range(MAX_TRIES):
        now_ms = yield _NOW
        if record is None:
            record, seen_ms, is_read = (yield Get()), now_ms, True
            now_ms = yield _NOW
        step = rule(record, now_ms=now_ms, finishes=finishes)
        if step.next is NextStep.TAKE_OVER:
            resolved, took = yield from _take_over(record, terms, now_ms)
            record, seen_ms, is_read, taken_over = resolved.record, now_ms, True, took or taken_over
            finishes = not resolved.is_left
            continue
        if step.next is NextStep.POLL:
            record, seen_ms, is_read = (yield from _poll(record, terms)), now_ms, True
            continue
        decision = step.decision if taken_over is None else step.decision.but(taken_over=taken_over)
        if step.record is record:
            may_say = _may_say(step, terms, now_ms - seen_ms)
            if is_read or may_say:
                kept = Snapshot(record=record, seen_ms=seen_ms)
                if may_say and step.same is not None and taken_over is None:
                    skipped, until_ms = step.same
                    until_ms = min(until_ms, seen_ms + terms.max_staleness_ms)
                    kept = kept.but(skipped=skipped, skip=decision, skip_until_ms=until_ms)
                return Decided(decision, kept)
            record = None
            continue
        if step.fold is not None and stuck != record.moved:
            reply, stuck = yield from _fold(record, step.fold)
        else:
            reply = yield from _write(record, step.record, token=decision.token)
        if isinstance(reply, Lost):
            record, seen_ms, is_read = reply.current, now_ms, True
        elif step.next is NextStep.START:
            return (yield from _carry_out(decision, reply.record, terms))
        else:
            return Decided(decision, Snapshot(record=reply.record, seen_ms=now_ms))
    raise _too_busy()


def _may_say(step: Step, terms: Terms, age_ms: int) -> bool:
    """Whether a decision that writes nothing may rest on a snapshot of this age."""
    if step.decision.outcome is not Outcome.SKIPPED or step.decision.why in _PASSING:
        return False
    return 0 <= age_ms < terms.max_staleness_ms


def _fold(record: Record, fold: Fold) -> Generator[Effect, Any, tuple[Swapped | Lost, str | None]]:
    """One conditional write that adds a trigger to what is pending.

    Returns:
        The store's reply. And, where the store refused a fold that ``Fold.applied`` allows, the id of the last swap
        (``moved``): on that record the next write is a swap, or store and core would disagree until ``MAX_TRIES``.
    """
    write_id = yield NewId()
    fold = fold.but(write_id=write_id)
    reply: Swapped | Lost = yield FoldIn(record, fold)
    if isinstance(reply, Swapped):
        return reply, None
    if write_id in reply.current.writes:
        return Swapped(reply.current), None  # its response was lost, and it was sent again
    unexplained = fold.applied(record, reply.current) is not None
    return reply, reply.current.moved if unexplained else None


def _write(expected: Record, new: Record, *, token: str | None = None) -> Writes:
    """One swap under an id of its own, by which it is recognised when its response was lost; a claim by ``token``."""
    write_id = yield NewId()
    reply: Swapped | Lost = yield Swap(expected, new.swapped(write_id), builds.leaving(expected, new))
    if isinstance(reply, Lost):
        claimed = token is not None and claims.is_of(reply.current, token)
        if claimed or write_id in reply.current.writes:
            return Swapped(reply.current)
    return reply


def _apply(change: Change, record: Record) -> Generator[Effect, Any, Record]:
    """Write a change, on whatever the record has become meanwhile."""
    for _ in range(MAX_TRIES):
        now_ms = yield _NOW
        new = change(record, now_ms)
        if new is record:
            return record
        reply = yield from _write(record, new)
        if isinstance(reply, Swapped):
            return reply.record
        record = reply.current
    raise _too_busy()


def _poll(record: Record, terms: Terms) -> Generator[Effect, Any, Record]:
    """Ask the starter how the running build is; the record as it stands then."""
    running = record.running
    assert running is not None
    try:
        state: str | None = yield Poll(running.build_id)
    except Exception:  # noqa: BLE001  (whatever it is: nothing is known)
        state = None
    return (yield from _apply(lambda now, at_ms: builds.polled(now, running.build_id, state, terms, at_ms), record))


# --- from a claim to a build ---------------------------------------------------------------------------------------


def _carry_out(decision: Decision, record: Record, terms: Terms) -> Asks:
    """Start what was just claimed, and say what came of it."""
    try:
        resolved = yield from _resolve(record, decision.token, 1, terms)
    except StoreError as error:
        resolved = Resolved(record=record, error=str(error), unconfirmed=True)
    seen = None if resolved.unconfirmed else resolved.record
    if resolved.is_put_off:
        decision = decision.but(decided_ms=(yield _NOW))
    return Decided(describe(decision, resolved, terms), Snapshot(record=seen, seen_ms=decision.decided_ms))


def _taken_over(record: Record, terms: Terms, now_ms: int) -> Record:
    return claims.taken_over(clocks.put_right(record, terms, now_ms), terms, now_ms)


def _take_over(record: Record, terms: Terms, now_ms: int) -> Generator[Effect, Any, tuple[Resolved, str | None]]:
    """Finish the claim that another process left, with its own token and request. Says which build that made."""
    reply = yield from _write(record, _taken_over(record, terms, now_ms))
    if isinstance(reply, Lost):
        return Resolved(record=reply.current), None
    taken, was = reply.record.claim, record.claim
    assert was is not None
    if taken is None or (taken.token, taken.attempt) != (was.token, was.attempt + 1):
        return Resolved(record=reply.record), None  # ours is in, and others have gone on from it
    resolved = yield from _resolve(reply.record, taken.token, taken.attempt, terms)
    return resolved, resolved.build_id


def _resolve(record: Record, token: str, attempt: int, terms: Terms) -> Generator[Effect, Any, Resolved]:
    """From a claim of ours to a build, a refusal, or what is not known.

    ``record`` is what stood after our claim was written; after a lost response others may have moved it on. The lease
    is looked at again after each call that can take time.
    """
    searched: _Searched | None = None
    for _ in range(MAX_TRIES):
        claim = record.claim
        if claim is None or (claim.token, claim.attempt) != (token, attempt):
            return _lost_claim(record, token)
        now_ms = yield _NOW
        if claims.is_expired(claim, now_ms):
            # A late claimant must not start: another may be taking over. Win the claim again, or leave it.
            if searched is not None:
                return Resolved(record=record, error="looking for the build took longer than the claim's lease")
            reply = yield from _write(record, _taken_over(record, terms, now_ms))
            if isinstance(reply, Lost):
                return _lost_claim(reply.current, token)
            record, attempt = reply.record, attempt + 1
        elif builds.must_cancel(record, terms, now_ms):
            cancelled = yield from _cancel_first(record, claim, terms)
            if isinstance(cancelled, Resolved):
                return cancelled
            record = cancelled
        elif claim.attempt > 1 and searched is None:
            # It may have its build already, and the starter may have forgotten the token: ask first.
            try:
                searched = yield from _search(claim, terms, now_ms)
            except Exception as error:  # noqa: BLE001  (whatever its kind: it says nothing of the build)
                return Resolved(record=record, error=_words(error))
            if searched.build_id is not None:
                return (yield from _confirm(record, claim, searched.build_id, terms))
        elif searched is not None and terms.finds and claims.must_wait(record, claim, terms, now_ms):
            return (yield from _put_off(record, claim, terms, searched.since_ms))
        else:
            return (yield from _start(record, claim, terms, None if searched is None else searched.since_ms))
    raise _too_busy()


def _search(claim: Claim, terms: Terms, now_ms: int) -> Generator[Effect, Any, _Searched]:
    """The build of a claim, if there is one. Where the starter cannot tell, the same token is as good, while it surely
    is remembered."""
    try:
        found: str | None = yield Find(claim.request, claim.token)
    except Exception:
        at_ms = yield _NOW
        if at_ms + terms.clock_margin_ms < claim.claimed_ms + terms.token_memory_ms:  # the instant is the claimant's
            return _Searched()
        raise
    return _Searched(build_id=found, since_ms=now_ms if terms.finds else None)


def _cancel_first(record: Record, claim: Claim, terms: Terms) -> Generator[Effect, Any, Resolved | Record]:
    """Stop the running build, as the policy says, and go on with the record as it stands then."""
    running = record.running
    assert running is not None
    build_id = running.build_id
    try:
        yield Cancel(build_id)
    except Exception as error:  # noqa: BLE001  (whatever it is: it may run on)
        if claim.attempt > 1:
            return Resolved(record=record, error=_words(error))
        after = yield from _apply(lambda now, _at_ms: claims.uncancelled(now, claim, build_id, terms), record)
        return Resolved(record=after, uncancelled=build_id)
    words = "cancelled for a newer build"
    return (
        yield from _apply(
            lambda now, at_ms: builds.finished(now, build_id, terms, at_ms, succeeded=None, detail=words), record
        )
    )


def _start(record: Record, claim: Claim, terms: Terms, searched_ms: int | None) -> Generator[Effect, Any, Resolved]:
    try:
        build_id: str = yield Start(claim.request, claim.token)
    except StartRefused as refusal:
        return (yield from _give_back(record, claim, terms, refusal, searched_ms))
    except Exception as error:  # noqa: BLE001  (whatever it is: it is not known whether the build exists)
        return Resolved(record=record, error=_words(error))
    return (yield from _confirm(record, claim, build_id, terms))


def _put_off(record: Record, claim: Claim, terms: Terms, searched_ms: int | None) -> Generator[Effect, Any, Resolved]:
    """A start that was taken over has to wait out a cooldown: given back, or left until no request can be in flight."""

    last: list[Record] = [record]  # of the last try: what was to be written

    def change(current: Record, at_ms: int) -> Record:
        certain = claims.is_certain(claim, terms, at_ms, searched_ms)
        last[:] = [claims.returned(current, claim, terms) if certain else claims.left(current, claim, terms, at_ms)]
        return last[0]

    after = yield from _apply(change, record)
    if last[0] is after:  # not ours any more
        return _lost_claim(after, claim.token)
    if last[0].claim is None:
        return Resolved(record=after)
    return Resolved(record=after, error="another has built since, and a request may still be in flight")


def _confirm(record: Record, claim: Claim, build_id: str, terms: Terms) -> Generator[Effect, Any, Resolved]:
    early: list[Finished | None] = [None]

    def change(current: Record, at_ms: int) -> Record:
        mine = current.claim is not None and current.claim.token == claim.token
        early[:] = [current.claim.early if mine and current.claim is not None else None]
        return claims.confirmed(current, claim, build_id, terms, at_ms)

    try:
        after = yield from _apply(change, record)
        if early[0] is not None:
            after = yield from _apply(lambda now, at_ms: builds.ended_early(now, early[0], terms, at_ms), after)
    except StoreError:
        # The build exists. The claim stays, and after its lease the build is found by its token.
        return Resolved(record=record, build_id=build_id, unconfirmed=True)
    return Resolved(record=after, build_id=build_id)


def _give_back(
    record: Record, claim: Claim, terms: Terms, refusal: StartRefused, searched_ms: int | None
) -> Generator[Effect, Any, Resolved]:
    last: list[tuple[bool, bool]] = []  # of the last try: whether the claim was ours, and whether it is gone

    def change(current: Record, at_ms: int) -> Record:
        new = claims.refused(
            current, claim, terms, at_ms, worth_retrying=bool(refusal.worth_retrying), searched_ms=searched_ms
        )
        last[:] = [(new is not current, new.claim is None)]
        return new

    try:
        after = yield from _apply(change, record)
    except StoreError as error:
        # The claim stays for its lease; then the starter is asked again.
        return Resolved(record=record, error=f"{_words(refusal)} (and {error})", unconfirmed=True)
    held, gone = last[0]
    if held and gone:
        return Resolved(record=after, refusal=refusal, error=_words(refusal))
    if held and after.claim is not None and after.claim.token == claim.token:
        return Resolved(record=after, error=_words(refusal))  # an earlier attempt may have built
    return _lost_claim(after, claim.token)  # not ours to give back any more


def _lost_claim(record: Record, token: str) -> Resolved:
    """Another process has our claim, or has ended it."""
    if record.claim is not None and record.claim.token == token:
        return Resolved(record=record, error="another process has taken this start over")
    for build in (record.running, record.finished):
        if build is not None and build.token == token:
            return Resolved(record=record, build_id=build.build_id)
    return Resolved(record=record, error="another process has ended this start")


def _words(error: Exception) -> str:
    kind, said = type(error).__name__, storable(error, MAX_WORDS)
    if isinstance(error, HoldoffError):
        return said or kind
    return storable(f"{kind}: {said}" if said else kind, MAX_WORDS)  # of a KeyError the words are the key alone


def _too_busy() -> StoreUnavailable:
    return StoreUnavailable(
        f"lost {MAX_TRIES} races for one gate in a row",
        hint="Nothing was started; trigger again, and if it goes on, see what else writes to it",
    )
