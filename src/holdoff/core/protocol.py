"""The protocol: trigger, wake and edit as generators that yield effects and return what came of it.

A generator never waits and never looks: it yields an effect (``effects``), its driver performs it and sends the answer
back, or throws what went wrong. Every rule about *what* to do is in ``machine``; here is only the order in which things
are asked, and what an answer, a lost race and a lost response mean.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from holdoff.core import machine
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import (
    Cancel,
    Effect,
    Find,
    Get,
    Lost,
    NewId,
    Now,
    Open,
    Poll,
    Start,
    Swap,
    Swapped,
)
from holdoff.core.errors import StartRefused, StartUnknown, StoreError, StoreUnavailable
from holdoff.core.machine import Rules, Step, Tally, Then, Trigger
from holdoff.core.record import Claim, Record

#: Each lost race means that somebody else got on, so this many in a row means that something is wrong.
MAX_TRIES: Final = 200
#: What was answered from memory is written with the next decision once it is this old, if not before.
WRITE_TALLY_AFTER_MS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a process last saw of a gate, and what it has answered since without writing."""

    record: Record | None = None
    seen_ms: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Decided:
    """A decision, and the sight to keep for the next one."""

    decision: Decision
    sight: Sight


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class _Resolved:
    """What became of a claim: ``build_id`` it was started, ``refusal`` it certainly was not, ``uncancelled`` it waits
    for the build of that id, none of these: nobody knows."""

    record: Record
    build_id: str | None = None
    refusal: StartRefused | None = None
    error: str | None = None
    unconfirmed: bool = False
    uncancelled: str | None = None


Asks = Generator[Effect, Any, Decided]
Writes = Generator[Effect, Any, Swapped | Lost]


def trigger(trigger: Trigger, rules: Rules, sight: Sight) -> Asks:
    """One trigger, from the sight at hand to a decision.

    Raises (out of the generator, from the driver):
        StoreError: the gate could not be read or written. If it was a write, it may be in: triggering again is safe.
    """
    now_ms = yield Now()
    trigger = machine.recognised(trigger, sight.tally)
    if sight.record is not None:
        step = machine.on_trigger(sight.record, trigger, rules, now_ms)
        if step.record is sight.record and _holds_from_memory(step, trigger, sight, rules, now_ms):
            tally = machine.tallied(sight.tally, step, trigger, now_ms)
            return Decided(step.decision, replace(sight, tally=tally))
    opened = yield from _first_look(trigger, rules, sight, now_ms)
    if isinstance(opened, Swapped):
        opened = yield from _unless_too_early(opened.record, trigger.token, rules)
    if isinstance(opened, Swapped):
        step = machine.on_opened(opened.record, trigger, rules, now_ms)
        return (yield from _carry_out(step, opened.record, rules, sight.tally, None))

    def decide(record: Record, at_ms: int) -> Step:
        return machine.on_trigger(record, trigger, rules, at_ms)

    return (yield from _decide(decide, opened.current, rules, sight.tally, trigger))


def wake(token: str, project: str, region: str, rules: Rules, sight: Sight) -> Asks:
    """Start what is due, finish what somebody left, or say what it waits for. Always on a fresh read."""

    def decide(record: Record, at_ms: int) -> Step:
        return machine.on_wake(record, token, project, region, rules, at_ms)

    record = yield Get()
    return (yield from _decide(decide, record, rules, sight.tally, None))


def edit(
    change: Callable[[Record, int], Record], rules: Rules, sight: Sight, tries: int = MAX_TRIES
) -> Generator[Effect, Any, Sight]:
    """Any change that starts nothing: finish, hold, resume, reset, renew, and writing the tally."""
    record = yield Get()
    tally = sight.tally
    for _ in range(tries):
        now_ms = yield Now()
        new = change(record, now_ms)
        if new is record and tally.is_empty:
            return Sight(record=record, seen_ms=now_ms)
        reply = yield from _write(record, machine.with_tally(new, tally, rules), tally)
        record = reply.record if isinstance(reply, Swapped) else reply.current
        if isinstance(reply, Swapped):
            return Sight(record=record, seen_ms=now_ms)
    raise _too_busy(tries)


def _holds_from_memory(
    step: Step, trigger: Trigger, sight: Sight, rules: Rules, now_ms: int
) -> bool:
    """Whether a decision that changes nothing may be given without looking.

    A deferral holds until the pending's due, which never moves earlier and before which nobody takes it. A skip is
    only as good as the sight is fresh.
    """
    if step.then is not Then.NOTHING:
        return False
    record = sight.record
    if _must_write(sight.tally, now_ms):
        return False
    if step.decision.outcome is Outcome.DEFERRED and record is not None and record.pending:
        if machine.names_a_wish(trigger.request) or machine.knows_wishes(record):
            return False  # another process may have asked for something else since: the newest wish must be known
        return now_ms < record.pending.due_ms - rules.clock_margin_ms
    return 0 <= now_ms - sight.seen_ms < rules.max_staleness_ms


def _first_look(
    trigger: Trigger, rules: Rules, sight: Sight, now_ms: int
) -> Generator[Effect, Any, Swapped | Lost]:
    """The record to decide on, at the least cost: the one in sight where deciding on it would write (the write's
    condition protects us), else a claim that only succeeds where the gate is ready, else a read."""
    if sight.record is not None:
        step = machine.on_trigger(sight.record, trigger, rules, now_ms)
        if step.record is not sight.record or step.then is not Then.NOTHING:
            return Lost(sight.record)
        return Lost((yield Get()))
    write_id = yield NewId()
    opening = machine.opening(trigger, rules, now_ms, write_id)
    if opening is None:
        return Lost((yield Get()))
    reply: Swapped | Lost = yield Open(opening)
    if isinstance(reply, Lost) and machine.is_opened(reply.current, opening):
        return Swapped(reply.current)  # our own write: its response was lost and it was sent again
    return reply


def _unless_too_early(
    record: Record, token: str, rules: Rules
) -> Generator[Effect, Any, Swapped | Lost]:
    """The store's first answer may have told a cold process that its clock is ahead.

    After a lost response, what stands there may be in other hands by now, and is not ours to take back.
    """
    now_ms = yield Now()
    claim = record.claim
    if claim is None or (claim.token, claim.attempt) != (token, 1):
        return Swapped(record)
    if not machine.was_too_early(record, rules, now_ms):
        return Swapped(record)

    def change(current: Record, _at_ms: int) -> Record:
        return machine.unclaimed(current, claim, rules)

    after = yield from _apply(change, record)
    return Swapped(after) if machine.is_of(after, token) else Lost(after)  # another finishes it


def _decide(
    decide: Callable[[Record, int], Step],
    record: Record,
    rules: Rules,
    tally: Tally,
    trigger: Trigger | None,
) -> Asks:
    """Decide on the record, again on each one that comes of a lost race, until the decision stands."""
    taken_over: str | None = None
    for _ in range(MAX_TRIES):
        now_ms = yield Now()
        step = decide(record, now_ms)
        if step.then is Then.TAKE_OVER:
            resolved, took = yield from _take_over(record, rules, now_ms)
            record, taken_over = resolved.record, took or taken_over
            continue
        if step.then is Then.POLL:
            record = yield from _poll(record, rules)
            continue
        decision = replace(step.decision, taken_over=taken_over)
        if step.record is record and not _must_write(tally, now_ms):
            if trigger is not None:
                tally = machine.tallied(tally, step, trigger, now_ms)
            return Decided(decision, Sight(record=record, seen_ms=now_ms, tally=tally))
        new, owed = step.record, tally
        if trigger is not None and step.then is Then.NOTHING:  # who ends its claim counts a start
            if new is record:
                owed = machine.tallied(tally, step, trigger, now_ms)
            else:
                new = machine.counted(new, step.decision.outcome)
        reply = yield from _write(record, machine.with_tally(new, owed, rules), owed)
        if isinstance(reply, Lost):
            record = reply.current
        elif step.then is Then.START:
            return (yield from _carry_out(step, reply.record, rules, Tally(), taken_over))
        else:
            return Decided(decision, Sight(record=reply.record, seen_ms=now_ms))
    raise _too_busy()


def _must_write(tally: Tally, now_ms: int) -> bool:
    return tally.since_ms is not None and now_ms - tally.since_ms >= WRITE_TALLY_AFTER_MS


def _poll(record: Record, rules: Rules) -> Generator[Effect, Any, Record]:
    """Ask the starter how the running build is; the record as it stands then."""
    running = record.running
    assert running is not None
    try:
        state: str | None = yield Poll(running.build_id)
    except Exception:  # noqa: BLE001  (whatever it is: nothing is known)
        state = None

    def change(current: Record, at_ms: int) -> Record:
        return machine.polled(current, running.build_id, state, rules, at_ms)

    return (yield from _apply(change, record))


def _write(expected: Record, new: Record, tally: Tally | None = None) -> Writes:
    """One conditional write under an id of its own, so that it is recognised when its response was lost.

    ``new`` has ``tally`` written in. Where no answer comes, the error says so in ``tally``: it may be in already.
    """
    write_id = yield NewId()
    written = new.written(write_id)
    try:
        reply: Swapped | Lost = yield Swap(expected, written, machine.history_of(expected, new))
    except StoreUnavailable as error:
        if tally is not None:
            error.tally = machine.unsure(tally, write_id)
        raise
    if isinstance(reply, Lost) and write_id in reply.current.writes:
        return Swapped(reply.current)
    return reply


# --- from a claim to a build ---------------------------------------------------------------------------------------


def _carry_out(
    step: Step, record: Record, rules: Rules, tally: Tally, taken_over: str | None
) -> Asks:
    """Start what was just claimed, and tell."""
    token = step.decision.token
    try:
        resolved = yield from _resolve(record, token, 1, rules)
    except StoreError as error:
        resolved = _Resolved(record=record, error=str(error), unconfirmed=True)
    now_ms = yield Now()
    sight = Sight(
        record=None if resolved.unconfirmed else resolved.record, seen_ms=now_ms, tally=tally
    )
    return Decided(_told(step.decision, resolved, taken_over), sight)


def _told(decision: Decision, resolved: _Resolved, taken_over: str | None) -> Decision:
    decision = replace(decision, taken_over=taken_over, unconfirmed=resolved.unconfirmed)
    if resolved.build_id is not None:
        return replace(decision, build_id=resolved.build_id)
    record = resolved.record
    if resolved.uncancelled is not None:
        lease_ms = record.running.lease_until_ms if record.running else None
        return replace(
            decision,
            outcome=Outcome.DEFERRED,
            why=Why.RUNNING,
            due_ms=lease_ms,
            detail=resolved.uncancelled,
            covers=0,
            waited_ms=None,
        )
    if resolved.refusal is not None:
        why, due_ms = Why.START_FAILED, record.pending.due_ms if record.pending else None
    else:
        why, due_ms = Why.START_UNKNOWN, record.claim.lease_until_ms if record.claim else None
    return replace(
        decision,
        outcome=Outcome.FAILED,
        why=why,
        due_ms=due_ms,
        detail=resolved.error,
        covers=0,
        waited_ms=None,
    )


def _take_over(
    record: Record, rules: Rules, now_ms: int
) -> Generator[Effect, Any, tuple[_Resolved, str | None]]:
    """Finish the claim that somebody left, with its own token and request. Says which build that made."""
    taken = machine.taken_over(record, rules, now_ms)
    reply = yield from _write(record, taken)
    if isinstance(reply, Lost):
        return _Resolved(record=reply.current), None
    assert taken.claim is not None
    resolved = yield from _resolve(reply.record, taken.claim.token, taken.claim.attempt, rules)
    return resolved, resolved.build_id


def _resolve(
    record: Record, token: str, attempt: int, rules: Rules
) -> Generator[Effect, Any, _Resolved]:
    """From a claim of ours to a build, a refusal, or nobody knows.

    ``record`` is what stood after our claim was written; after a lost response others may have moved it on.
    """
    for _ in range(MAX_TRIES):
        claim = record.claim
        if claim is None or (claim.token, claim.attempt) != (token, attempt):
            return _lost_claim(record, token)
        now_ms = yield Now()
        if now_ms >= claim.lease_until_ms:
            # A late claimant must not start: somebody may be taking over. Win the claim again, or leave it.
            reply = yield from _write(record, machine.taken_over(record, rules, now_ms))
            if isinstance(reply, Lost):
                return _lost_claim(reply.current, token)
            record, attempt = reply.record, attempt + 1
        elif machine.must_cancel(record, rules, now_ms):
            resolved = yield from _cancel_first(record, claim, rules)
            if not isinstance(resolved, Record):
                return resolved
            record = resolved
        else:
            return (yield from _start(record, claim, rules, now_ms))
    raise _too_busy()


def _cancel_first(
    record: Record, claim: Claim, rules: Rules
) -> Generator[Effect, Any, _Resolved | Record]:
    """Stop the running build, as the policy says, and go on with the record as it stands then."""
    running = record.running
    assert running is not None
    try:
        yield Cancel(running.build_id)
    except Exception as error:  # noqa: BLE001  (whatever it is: it may run on)
        if claim.attempt > 1:
            return _Resolved(record=record, error=_words(error))

        def wait_for_it(current: Record, _at_ms: int) -> Record:
            return machine.uncancelled(current, claim, running.build_id, rules)

        after = yield from _apply(wait_for_it, record)
        return _Resolved(record=after, uncancelled=running.build_id)

    def end(current: Record, at_ms: int) -> Record:
        return machine.finished(
            current,
            running.build_id,
            rules,
            at_ms,
            succeeded=None,
            detail="cancelled for a newer build",
        )

    return (yield from _apply(end, record))


def _lost_claim(record: Record, token: str) -> _Resolved:
    """Somebody else has our claim, or has ended it."""
    if record.claim is not None and record.claim.token == token:
        return _Resolved(record=record, error="another has taken this start over")
    return _finished_by_another(record, token)


def _finished_by_another(record: Record, token: str) -> _Resolved:
    for build in (record.running, record.finished):
        if build is not None and build.token == token:
            return _Resolved(record=record, build_id=build.build_id)
    return _Resolved(record=record, error="another has ended this start")


def _start(
    record: Record, claim: Claim, rules: Rules, now_ms: int
) -> Generator[Effect, Any, _Resolved]:
    found: str | None = None
    looked_ms: int | None = None
    try:
        if claim.attempt > 1:
            # It may have its build already, and the starter may have forgotten the token: ask first.
            found, looked = yield from _find(claim, rules)
            looked_ms = now_ms if looked else None
        build_id: str = found if found is not None else (yield Start(claim.request, claim.token))
    except StartRefused as refusal:
        return (yield from _give_back(record, claim, rules, refusal, looked_ms))
    except Exception as error:  # noqa: BLE001  (whatever it is, it means: nobody knows)
        return _Resolved(record=record, error=_words(error))
    return (yield from _confirm(record, claim, build_id, rules))


def _find(claim: Claim, rules: Rules) -> Generator[Effect, Any, tuple[str | None, bool]]:
    """The build of a claim, and whether anybody could look. Where nobody can, the same token is as good, while it
    surely is remembered."""
    try:
        found: str | None = yield Find(claim.request, claim.token)
    except Exception as error:
        now_ms = yield Now()
        if now_ms < claim.claimed_ms + rules.token_memory_ms:
            return None, False
        raise StartUnknown(
            _words(error)
        ) from error  # whatever its kind: it says nothing of the build
    return found, rules.finds


def _confirm(
    record: Record, claim: Claim, build_id: str, rules: Rules
) -> Generator[Effect, Any, _Resolved]:
    def change(current: Record, at_ms: int) -> Record:
        return machine.confirmed(current, claim, build_id, rules, at_ms)

    try:
        after = yield from _apply(change, record)
    except StoreError:
        # The build exists. The claim stays, and whoever comes after its lease finds the build by its token.
        return _Resolved(record=record, build_id=build_id, unconfirmed=True)
    return _Resolved(record=after, build_id=build_id)


def _give_back(
    record: Record, claim: Claim, rules: Rules, refusal: StartRefused, looked_ms: int | None
) -> Generator[Effect, Any, _Resolved]:
    new = record
    held = False

    def change(current: Record, at_ms: int) -> Record:
        nonlocal new, held
        new = machine.refused(
            current,
            claim,
            rules,
            at_ms,
            worth_retrying=refusal.worth_retrying,
            looked_ms=looked_ms,
        )
        held = new is not current
        return new

    try:
        after = yield from _apply(change, record)
    except StoreError as error:
        # The claim stays for its lease; whoever takes it over asks the starter again.
        return _Resolved(record=record, error=f"{_words(refusal)} (and {error})", unconfirmed=True)
    if held and new.claim is None:
        return _Resolved(record=after, refusal=refusal, error=_words(refusal))
    if held and after.claim is not None and after.claim.token == claim.token:
        return _Resolved(record=after, error=_words(refusal))  # an earlier attempt may have built
    return _lost_claim(after, claim.token)  # not ours to give back any more


def _apply(
    change: Callable[[Record, int], Record], record: Record
) -> Generator[Effect, Any, Record]:
    """Write a change to our own claim, on whatever the record has become meanwhile."""
    for _ in range(MAX_TRIES):
        now_ms = yield Now()
        new = change(record, now_ms)
        if new is record:
            return record
        reply = yield from _write(record, new)
        if isinstance(reply, Swapped):
            return reply.record
        record = reply.current
    raise _too_busy()


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _too_busy(tries: int = MAX_TRIES) -> StoreUnavailable:
    return StoreUnavailable(
        f"lost {tries} races for one gate in a row",
        hint="Nothing was started; trigger again, and if it goes on, see what else writes to it",
    )
