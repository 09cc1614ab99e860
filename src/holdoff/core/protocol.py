"""The protocol: trigger, wake and edit as generators that yield effects and return what came of it.

A generator does no I/O. It yields an effect (``effects``); its driver performs the effect, and sends the answer back or
throws the error. ``decide`` and ``claims`` say *what* to do. Here is the order of the steps, and what an answer, a lost
race and a lost response mean:

1. *Look*: the snapshot that the process has, or one read (also if its clock was set back since).
2. *Decide*. A decision that writes may use any snapshot, because the write is conditional on it. One that writes
   nothing needs a record that was read in this call. One exception: a skip may use a snapshot that is younger than
   ``max_staleness``, unless its reason is one that may be over at any moment.
3. *Write* (``writes``). The loser of a race decides again, on the record in the answer.
4. *Start* (``starting``) what was claimed, if the lease is not over at that very moment.
5. *Confirm* the build. If the start was certainly refused, give the slot back. If the outcome is not known, leave the
   claim: after its lease the next trigger or wake takes it over.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from holdoff.core import builds, clocks, decide, starting, writes
from holdoff.core.decide import Step, Trigger, Wake
from holdoff.core.decision import Decision, Why
from holdoff.core.effects import Effect, Get, Lost, Poll
from holdoff.core.errors import StoreError
from holdoff.core.record import Claim, Record
from holdoff.core.request import Request
from holdoff.core.starting import Resolved, describe
from holdoff.core.terms import Terms
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: Reasons that may be over at any moment: such a skip always needs a read.
_PASSING: Final = frozenset({Why.CLAIMED, Why.RUNNING, Why.UNCHANGED, Why.SUPERSEDED})


class Snapshot(Value):
    """What a process last saw of a gate: the record, and an instant before it was read."""

    record: Record | None = None
    seen_ms: int = 0
    skipped: Request | None = None  #: the request that was last skipped on this record
    skip: Decision | None = None  #: the decision on that request
    skip_until_ms: int = 0  #: until when the same request gets the same decision


class Decided(Value, kw_only=False):
    """A decision, and the snapshot to keep for the next one."""

    decision: Decision
    snapshot: Snapshot


Asks = Generator[Effect, "Any", Decided]


def trigger(event: Trigger, terms: Terms, snapshot: Snapshot) -> Asks:
    """One trigger, from the snapshot at hand to a decision.

    Raises (out of the generator, from the driver):
        StoreError: the gate could not be read or written. If it was a write, it may be in: triggering again is safe.
    """
    return (yield from _decide(partial(decide.on_trigger, trigger=event, terms=terms), terms, snapshot))


def again(snapshot: Snapshot, now_ms: int, nth: int) -> Decision | None:
    """The ``nth`` repeated decision on the request that was skipped on this snapshot; ``None``: the decision may have
    changed, and must be made again."""
    if (skip := snapshot.skip) is not None and skip.decided_ms <= now_ms < snapshot.skip_until_ms:
        return skip.repeated(now_ms, nth)
    return None


def wake(event: Wake, terms: Terms) -> Asks:
    """Start what is due, finish a start that another process left, or say what the gate waits for. Always reads."""
    return (yield from _decide(partial(decide.on_wake, wake=event, terms=terms), terms, Snapshot()))


def edit(change: writes.Change, terms: Terms) -> Generator[Effect, Any, Snapshot]:
    """Any change that starts nothing: finish, hold, resume, reset, renew."""
    seen_ms = yield writes.NOW
    return Snapshot(record=(yield from _changed((yield Get()), change, terms)), seen_ms=seen_ms)


def _changed(record: Record, change: writes.Change, terms: Terms) -> Generator[Effect, Any, Record]:
    """The record after this change. It is put right first: else what the change writes by the present clock would be
    moved later, with the instants of the clock that was ahead."""
    record, _ = yield from writes.apply(
        lambda now, at_ms: change(clocks.put_right(now, terms, at_ms), at_ms), record, terms
    )
    return record


# --- look, decide, write -------------------------------------------------------------------------------------------


def _decide(rule: Callable[..., Step], terms: Terms, snapshot: Snapshot) -> Asks:
    """Decide on the record, and again after each lost race, until a decision is written or needs no write.

    One call takes over at most one start that was left, so that a starter that does not answer holds up no caller for
    ever.
    """
    record, seen_ms, is_read = snapshot.record, snapshot.seen_ms, False
    taken_over: Resolved | None = None  # the start that was left
    may_fold = True
    for _ in range(writes.MAX_TRIES):
        now_ms = yield writes.NOW
        if record is not None and not is_read and (now_ms < seen_ms or clocks.ahead_ms(record, terms, now_ms)):
            record = None  # our clock was set back: with its answer a store may tell its own time
        if record is None:
            record, seen_ms, is_read = (yield Get()), now_ms, True
            now_ms = yield writes.NOW
        step = rule(record, now_ms=now_ms, finishes=taken_over is None)
        decision = step.decision
        if taken_over is not None:
            decision = decision.but(taken_over=taken_over.build_id)
            if decision.why is Why.CLAIMED and record.claim == taken_over.record.claim:
                decision = decision.but(detail=taken_over.error)
        if step.polls:
            current = yield from _poll(record, terms)
        elif step.record is record:
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
        else:
            if step.fold is not None and may_fold:
                reply = yield from writes.fold(record, step.fold)
            else:
                reply = yield from writes.write(record, step.record, terms, token=decision.token)
            if isinstance(reply, Lost):
                current = reply.current
                may_fold = not current.is_version(record)  # else this store cannot fold into it
            elif step.claim is None:
                return Decided(decision, Snapshot(record=reply.record, seen_ms=now_ms))
            elif step.claim.attempt == 1:
                return (yield from _carry_out(decision, reply.record, step.claim, terms))
            else:
                taken_over = yield from starting.resolve(reply.record, step.claim, terms)
                current = taken_over.record
        record, seen_ms, is_read = current, now_ms, True
    raise writes.too_busy()


def _may_say(step: Step, terms: Terms, age_ms: int) -> bool:
    """Whether a decision that writes nothing may rest on a snapshot of this age. (It skips: a wake always reads.)"""
    return step.decision.why not in _PASSING and 0 <= age_ms < terms.max_staleness_ms


def _poll(record: Record, terms: Terms) -> Generator[Effect, Any, Record]:
    """Ask the starter how the running build is. Returns the record after that."""
    assert record.running is not None
    build_id = record.running.build_id
    try:
        state: str | None = yield Poll(build_id)
    except Exception:  # noqa: BLE001  (after any error nothing is known)
        state = None
    return (yield from _changed(record, lambda now, at_ms: builds.polled(now, build_id, state, terms, at_ms), terms))


def _carry_out(decision: Decision, record: Record, claim: Claim, terms: Terms) -> Asks:
    """Start what was just claimed, and complete the decision with the result."""
    try:
        resolved = yield from starting.resolve(record, claim, terms)
    except StoreError as error:
        resolved = Resolved(record=record, error=str(error), unconfirmed=True)
    seen = Snapshot(record=None if resolved.unconfirmed else resolved.record, seen_ms=decision.decided_ms)
    if resolved.is_given_back:  # what is told of the record counts from now, not from the claim
        decision = decision.but(decided_ms=(yield writes.NOW))
    return Decided(describe(decision, resolved, terms), seen)
