"""Every rule of Holdoff, and nothing else: (record, event, rules, now_ms) -> what the record becomes, and the decision.

Whatever may change what a gate does must live here. No I/O, no clock, no randomness: ``protocol`` yields the effects
between these steps, and drivers perform them.

Two things hold throughout, and other code relies on them:

* A pending's ``due_ms`` never moves earlier while that pending stands. Whoever has seen it may answer from memory.
* ``lastbuild`` moves earlier in three places only: ``refused`` and ``finished`` (they give a slot back) and ``reset``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.record import (
    KEPT_EVENTS,
    KEPT_REVOCABLE,
    KEPT_WRITES,
    Act,
    Claim,
    Counts,
    Finished,
    Hold,
    Opening,
    Pending,
    Record,
    Request,
    Running,
)
from holdoff.core.token import restamped
from holdoff.core.units import seconds_from_ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from holdoff.core.policy import Policy

#: How often a running build that somebody waits for is asked after.
POLL_EVERY_MS: Final = 30_000
#: How many reasons, versions and event digests a pending keeps besides its newest request's.
KEPT_NOTES: Final = 4
#: How many writes without an answer a tally tells apart.
KEPT_UNSURE: Final = 8
#: How much of a token names a revocable trigger: 40 of its random bits.
NAME_LENGTH: Final = 8
#: (first wait, longest wait) after a refusal, milliseconds; it doubles between them.
BACKOFF_MS: Final = {True: (5_000, 300_000), False: (60_000, 3_600_000)}


def as_it_is(request: Request) -> Request:
    """What a starter without ``freeze`` makes of a request."""
    return request


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Rules:
    """What the machine goes by.

    Attributes:
        claim_lease_ms: how long a claimant has to start and confirm; longer than the starter's time-outs and retries.
        build_lease_ms: after how long a build that nobody reported ended counts as ended.
        freeze: adds what the starter will send to a request, once, when the claim is made. Must be pure.
        waker: whether something wakes the gate when it is due; only words depend on it.
        knows_policy: whether ``policy`` is the gate's own; else it is a stand-in for one that is not known here.
        polls: whether the starter can be asked how a build is.
        finds: whether the starter can be asked for the build of a token.
        token_memory_ms: for how long after a claim its token surely is remembered where builds are started.
        max_staleness_ms: how old a sight of the record may be for a *skip* to be answered from it.
        clock_margin_ms: how far the clocks of two machines on one store may be apart.
    """

    policy: Policy
    claim_lease_ms: int = 60_000
    build_lease_ms: int = 8 * 3_600_000
    freeze: Callable[[Request], Request] = as_it_is
    waker: bool = False
    knows_policy: bool = True
    polls: bool = False
    finds: bool = False
    token_memory_ms: int = 0
    max_staleness_ms: int = 1_000
    clock_margin_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A request for a build.

    Attributes:
        token: names the decision, and is the idempotency key if it starts a build.
        force: start whatever the cooldown, the limit, the quiet time or a hold say (not while another start is under
            way, and not against ``overlap``).
        revocable: whoever makes it waits for it, and may withdraw it.
        redelivered: its event id is among those that this process has answered from memory and not written yet.
    """

    request: Request
    token: str
    force: bool = False
    revocable: bool = False
    redelivered: bool = False


class Then(Enum):
    """What the protocol does once the step's record is written."""

    NOTHING = auto()
    START = auto()
    TAKE_OVER = auto()
    POLL = auto()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Step:
    """What one event makes of a record. ``record`` is the very same object where nothing is to be written."""

    record: Record
    decision: Decision
    then: Then


@dataclass(frozen=True, slots=True)
class Wait:
    """Something between a gate and its next start. ``until_ms`` None: nobody knows when it ends."""

    why: Why
    until_ms: int | None
    skips: bool = False
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was answered from memory and is not written yet.

    Attributes:
        counts: answers given.
        folded: the triggers among them that were deferred, folded by the pending they belong to, which was first made
            at ``first_ms``.
        events: digests of the event ids that were deferred, newest first.
        since_ms: when the first of these answers was given.
        unsure: what was written by writes (by their ids) that got no answer: if one of them is in, it is.
    """

    counts: Counts = field(default_factory=Counts)
    folded: tuple[Pending, ...] = ()
    events: tuple[str, ...] = ()
    since_ms: int | None = None
    unsure: tuple[tuple[tuple[str, ...], Tally], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.counts.total and not self.unsure


# --- what stands between a gate and a start ------------------------------------------------------------------------


def cooldown_end_ms(record: Record, policy: Policy) -> int | None:
    """The first instant at which the cooldown allows a start; ``None``: never built.

    Half-open: exactly ``cooldown`` after the last start is enough (the old snippet asked for more). A ``lastbuild``
    in the future (another machine's clock is ahead) is obeyed: waiting too long keeps the spacing.
    """
    ends = []
    if record.lastbuild_ms is not None:
        ends.append(max(record.lastbuild_ms, _own_start_ms(record, policy)) + policy.cooldown_ms)
    end = record.finished
    if policy.cooldown_from == "finish" and end is not None and _counts(record, end, policy):
        ends.append((end.ended_ms or end.started_ms) + policy.cooldown_ms)
    return max(ends, default=None)


def _own_start_ms(record: Record, policy: Policy) -> int:
    """Our own last start. The old snippet may have moved ``lastbuild`` back, to the second at which it decided."""
    if record.running is not None:
        return 0 if record.lastbuild == 0 else record.running.started_ms
    end = record.finished
    return end.started_ms if end is not None and _counts(record, end, policy) else 0


def _counts(record: Record, end: Finished, policy: Policy) -> bool:
    """Whether a build that ended still counts for the cooldown: not after a reset, nor if its slot was given back."""
    failed = policy.on_failure == "rearm" and end.succeeded is False
    return record.lastbuild != 0 and not failed


def limit_end_ms(record: Record, policy: Policy) -> int | None:
    """The first instant at which the limit allows a start; ``None``: it does now."""
    limit = policy.limit
    if limit is None or len(record.starts) < limit.count:
        return None
    return record.starts[limit.count - 1] + limit.window_ms


def waits(record: Record, policy: Policy, now_ms: int, *, force: bool = False) -> list[Wait]:
    """All that keeps this gate from starting at ``now_ms``, but for the quiet time and back-off of what is pending."""
    found = [_claimed(record, policy), _running(record, policy)]
    if not force:
        found += [_held(record, policy), _cooling(record, policy), _limited(record, policy)]
    return [wait for wait in found if wait and (wait.until_ms is None or wait.until_ms > now_ms)]


def _claimed(record: Record, policy: Policy) -> Wait | None:
    if record.claim is None:
        return None
    return Wait(Why.CLAIMED, record.claim.lease_until_ms, policy.on_cooldown == "skip")


def _running(record: Record, policy: Policy) -> Wait | None:
    running = record.running
    if running is None or not (policy.overlap != "allow" or policy.cooldown_from == "finish"):
        return None
    if policy.overlap == "cancel" and not running.cancel_failed:
        return None
    until = running.lease_until_ms
    if policy.cooldown_from == "finish":
        until += policy.cooldown_ms
    skips = policy.overlap == "skip" or (policy.overlap == "allow" and policy.on_cooldown == "skip")
    return Wait(Why.RUNNING, until, skips, running.build_id)


def _must_poll(record: Record, rules: Rules, now_ms: int) -> bool:
    """Whether to ask how the running build is: its end changes what may start, and reports of ends get lost."""
    running = record.running
    if running is None or not rules.polls or not rules.policy.follows_builds:
        return False
    return _next_poll_ms(running) <= now_ms < running.lease_until_ms


def _next_poll_ms(running: Running) -> int:
    asked_ms = running.started_ms if running.polled_ms is None else running.polled_ms
    return asked_ms + POLL_EVERY_MS


def must_cancel(record: Record, rules: Rules, now_ms: int) -> bool:
    """Whether a running build is to be cancelled before the claimed one starts."""
    running = record.running
    if running is None or rules.policy.overlap != "cancel" or running.cancel_failed:
        return False
    return now_ms < running.lease_until_ms


def _held(record: Record, policy: Policy) -> Wait | None:
    hold = record.hold
    if hold is None:
        return None
    return Wait(Why.HELD, hold.until_ms, policy.on_cooldown == "skip", hold.why)


def _cooling(record: Record, policy: Policy) -> Wait | None:
    end = cooldown_end_ms(record, policy)
    return None if end is None else Wait(Why.COOLING_DOWN, end, policy.on_cooldown == "skip")


def _limited(record: Record, policy: Policy) -> Wait | None:
    end = limit_end_ms(record, policy)
    return None if end is None else Wait(Why.LIMIT, end, policy.on_cooldown == "skip")


_FIRST_NAMED: Final = (Why.HELD, Why.CLAIMED, Why.RUNNING)


def foremost(found: list[Wait]) -> Wait:
    """The wait a person should hear of: a hold, a start, a build; else what lasts longest."""
    for why in _FIRST_NAMED:
        for wait in found:
            if wait.why is why:
                return wait
    return max(found, key=lambda wait: wait.until_ms or 0)


def longest_ms(found: list[Wait], least_ms: int) -> int | None:
    """When all of these are over. A claim is over in moments; its lease only tells where there is nothing else."""
    telling = [wait for wait in found if wait.why is not Why.CLAIMED]
    ends = [wait.until_ms for wait in telling or found]
    return None if None in ends else max([least_ms, *(end for end in ends if end is not None)])


# --- triggers and wakes --------------------------------------------------------------------------------------------


def opening(trigger: Trigger, rules: Rules, now_ms: int, write_id: str) -> Opening | None:
    """The claim to try on a gate that was never read; ``None`` where the policy needs to see the record first."""
    policy = rules.policy
    plain = policy.quiet_ms is None and policy.limit is None and policy.unchanged == "build"
    if not plain or policy.overlap != "allow" or policy.cooldown_from == "finish":
        return None
    if trigger.redelivered:
        return None
    single = _single(trigger, now_ms)
    ready_if_ms = None if trigger.force else now_ms - policy.cooldown_ms
    return Opening(
        write_id=write_id,
        claim=_new_claim(single, trigger.token, rules, now_ms, before=None, counted=True),
        ready_if_ms=ready_if_ms,
        event=event_digest(trigger.request.event_id),
    )


def on_trigger(record: Record, trigger: Trigger, rules: Rules, now_ms: int) -> Step:
    """One trigger."""
    say = _Saying(record, trigger.token, trigger.request, rules, now_ms)
    if _is_expired(record.claim, now_ms):
        return say.step(Outcome.DEFERRED, Why.TAKEN_OVER, then=Then.TAKE_OVER)
    if _must_poll(record, rules, now_ms):
        return say.step(Outcome.DEFERRED, Why.RUNNING, then=Then.POLL)
    if trigger.redelivered or _is_known_event(record, trigger.request.event_id):
        return say.step(Outcome.SKIPPED, Why.DUPLICATE, detail=trigger.request.event_id)
    skips_unchanged = rules.policy.unchanged == "skip" and not trigger.force
    if skips_unchanged and _is_unchanged(record, trigger, now_ms):
        return say.step(Outcome.SKIPPED, Why.UNCHANGED, detail=trigger.request.source_version)
    found = waits(record, rules.policy, now_ms, force=trigger.force)
    if not found:
        covers, leaves = _covered_now(record, trigger, rules.policy, now_ms)
        if covers is not None:
            return say.claim(covers, leaves=leaves, counted=True, force=trigger.force)
    elif record.pending is None and any(wait.skips for wait in found):
        first = foremost(found)
        due_ms = longest_ms(found, now_ms)
        return say.step(Outcome.SKIPPED, first.why, due_ms=due_ms, detail=first.detail)
    return _defer(record, trigger, found, say)


def on_opened(record: Record, trigger: Trigger, rules: Rules, now_ms: int) -> Step:
    """A trigger whose ``opening`` went through: ``record`` is what stands there since."""
    before = record.claim.before if record.claim is not None else record.lastbuild
    say = _Saying(replace(record, lastbuild=before), trigger.token, trigger.request, rules, now_ms)
    why = Why.FORCED if trigger.force else Why.READY
    return say.step(Outcome.STARTED, why, record=record, then=Then.START, covers=1, waited_ms=0)


def on_wake(
    record: Record, token: str, project: str, region: str, rules: Rules, now_ms: int
) -> Step:
    """One wake: start what is due, or say what it waits for. Also ends a build whose lease is over."""
    ended = _with_lease_over(record, rules.policy, now_ms)
    say = _Saying(ended, token, Request(project=project, region=region), rules, now_ms)
    if _is_expired(ended.claim, now_ms):
        return say.step(Outcome.DEFERRED, Why.TAKEN_OVER, then=Then.TAKE_OVER)
    if _must_poll(ended, rules, now_ms):
        return say.step(Outcome.DEFERRED, Why.RUNNING, then=Then.POLL)
    pending = ended.pending
    found = waits(ended, rules.policy, now_ms)
    if pending is None:
        why = Why.CLAIMED if ended.claim else Why.IDLE
        due_ms = ended.claim.lease_until_ms if ended.claim else None
        return say.step(Outcome.SKIPPED, why, record=settled(ended, rules), due_ms=due_ms)
    if not found and pending.due_ms <= now_ms:
        return say.claim(pending, leaves=None, counted=False)
    return say.deferred(settled(ended, rules), pending, found)


def _covered_now(
    record: Record, trigger: Trigger, policy: Policy, now_ms: int
) -> tuple[Pending | None, Pending | None]:
    """What a build started for this trigger, now that nothing else waits, answers (None: not yet), and what it leaves.

    A pending is only ever taken at or after its due: others may be answering from memory until then.
    """
    pending, alone = record.pending, _single(trigger, now_ms)
    if trigger.force:
        return alone, None if pending is None else _left_behind(pending, trigger, now_ms)
    if pending is None:
        return (None if policy.quiet_ms else alone), None
    if pending.due_ms <= now_ms:
        return _folded(pending, trigger, now_ms), None
    if pending.failures or policy.quiet_ms:
        return None, pending
    # After a reset: the cooldown is over, the pending keeps its due.
    return alone, _left_behind(pending, trigger, now_ms)


def _left_behind(pending: Pending, trigger: Trigger, now_ms: int) -> Pending:
    """A pending that a start leaves: it is built later, so it must not build anything older than that start does."""
    newest = joined(pending, _single(trigger, now_ms))
    request = replace(newest.request, forced=False, event_id=pending.request.event_id)
    return replace(newest, request=request, count=pending.count, revocable=pending.revocable)


def _defer(record: Record, trigger: Trigger, found: list[Wait], say: _Saying) -> Step:
    pending = _folded(record.pending, trigger, say.now_ms)
    due_ms = max(pending.due_ms, _earliest_ms(record, pending, say.rules.policy, say.now_ms))
    pending = replace(pending, due_ms=due_ms)
    new = replace(record, pending=pending, events=_events_with(record, trigger.request.event_id))
    if record.pending is not None and _adds_nothing(record.pending, pending):
        return say.deferred(record, pending, found)
    return say.deferred(settled(new, say.rules), pending, found)


def _earliest_ms(record: Record, pending: Pending, policy: Policy, now_ms: int) -> int:
    """The earliest instant at which anybody may take this pending: holds, builds and claims can only add to it.

    While a claim is out, it may yet be given back: then nothing but a back-off stands in the way.
    """
    if record.claim is not None:
        return now_ms
    ends = [now_ms, quiet_end_ms(pending, policy)]
    ends += [end for end in (cooldown_end_ms(record, policy), limit_end_ms(record, policy)) if end]
    return max(ends)


def quiet_end_ms(pending: Pending, policy: Policy) -> int:
    """When the quiet time of these triggers is over: last + quiet, but at most first + max_wait."""
    if policy.quiet_ms is None:
        return pending.last_ms
    end = pending.last_ms + policy.quiet_ms
    return end if policy.max_wait_ms is None else min(end, pending.first_ms + policy.max_wait_ms)


def _single(trigger: Trigger, now_ms: int) -> Pending:
    return Pending(
        request=trigger.request,
        count=1,
        first_ms=now_ms,
        last_ms=now_ms,
        due_ms=now_ms,
        revocable=(_name(trigger.token),) if trigger.revocable else (),
    )


def _name(token: str) -> str:
    """What a pending remembers of a trigger that may be withdrawn."""
    return token[-NAME_LENGTH:]


def _folded(pending: Pending | None, trigger: Trigger, now_ms: int) -> Pending:
    if pending is None:
        return _single(trigger, now_ms)
    return joined(pending, _single(trigger, now_ms))


def joined(one: Pending, other: Pending) -> Pending:
    """Two folds in one. The request of the one that came last wins (the second's, of two at once)."""
    older, newer = (other, one) if one.last_ms > other.last_ms else (one, other)
    digests = [event_digest(fold.request.event_id) for fold in (newer, older)]
    return Pending(
        request=newer.request,
        count=older.count + newer.count,
        first_ms=min(older.first_ms, newer.first_ms),
        last_ms=newer.last_ms,
        due_ms=max(older.due_ms, newer.due_ms),
        failures=max(older.failures, newer.failures),
        revocable=_newest(newer.revocable, older.revocable, KEPT_REVOCABLE),
        reasons=_notes(
            newer.request.reason, (*newer.reasons, older.request.reason, *older.reasons)
        ),
        versions=_notes(
            newer.request.source_version,
            (*newer.versions, older.request.source_version, *older.versions),
        ),
        events=_notes(digests[0], (*newer.events, digests[1], *older.events)),
    )


def _notes(newest: str | None, others: tuple[str | None, ...]) -> tuple[str, ...]:
    """The newest few of these, each once, without what the newest request says itself."""
    kept = dict.fromkeys(other for other in others if other is not None and other != newest)
    return tuple(kept)[:KEPT_NOTES]


def _adds_nothing(seen: Pending, folded: Pending) -> bool:
    """Whether the new trigger changes neither what is built nor when: then it costs no write."""
    if seen.revocable:
        return False
    same = (seen.request.source_version, seen.request.environment, seen.due_ms)
    return same == (folded.request.source_version, folded.request.environment, folded.due_ms)


def names_a_wish(request: Request) -> bool:
    """Whether it asks for something in particular, not just for whatever is newest."""
    return request.source_version is not None or bool(request.environment)


def knows_wishes(record: Record) -> bool:
    """Whether what is pending, under way or built here was asked for in particular: then others may ask so again."""
    if record.built is not None or (record.pending is not None and record.pending.versions):
        return True
    if record.finished is not None and record.finished.source_version is not None:
        return True
    builds = (record.running, record.claim)
    return any(names_a_wish(build.covers.request) for build in builds if build is not None)


def _is_expired(claim: Claim | None, now_ms: int) -> bool:
    return claim is not None and claim.lease_until_ms <= now_ms


def _is_unchanged(record: Record, trigger: Trigger, now_ms: int) -> bool:
    """Whether the version asked for is the one that is (being) built, and nothing newer is on its way."""
    version = trigger.request.source_version
    if version is None:
        return False
    if record.pending is not None or record.claim is not None:
        return False
    running = record.running
    if running is not None and running.lease_until_ms > now_ms:
        return running.covers.request.source_version == version
    return record.built == version


def event_digest(event_id: str | None) -> str | None:
    """What a record remembers of an event id: 64 bits of BLAKE2b, so that ids of any length fit a small item."""
    if event_id is None:
        return None
    from base64 import urlsafe_b64encode
    from hashlib import blake2b

    digest = blake2b(event_id.encode(), digest_size=8).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _is_known_event(record: Record, event_id: str | None) -> bool:
    digest = event_digest(event_id)
    if digest is None:
        return False
    folds = [record.pending, record.claim and record.claim.covers]
    return digest in record.events or any(
        fold is not None and fold.request.event_id == event_id for fold in folds
    )


def _events_with(record: Record, event_id: str | None) -> tuple[str, ...]:
    digest = event_digest(event_id)
    return record.events if digest is None else _newest((digest,), record.events, KEPT_EVENTS)


def _newest(newer: tuple[str, ...], older: tuple[str, ...], kept: int) -> tuple[str, ...]:
    """The newest of both, each once. One that was there already stays in its place."""
    return (*(name for name in newer if name not in older), *older)[:kept]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Saying:
    """What is common to all steps of one event."""

    record: Record
    token: str
    request: Request
    rules: Rules
    now_ms: int

    def step(
        self,
        outcome: Outcome,
        why: Why,
        *,
        record: Record | None = None,
        then: Then = Then.NOTHING,
        due_ms: int | None = None,
        covers: int = 0,
        waited_ms: int | None = None,
        detail: str | None = None,
    ) -> Step:
        # A start is found by its token, everything else by its instant: that of the decision, exactly.
        stamped = self.token if then is Then.START else restamped(self.token, self.now_ms)
        decision = Decision(
            project=self.request.project,
            region=self.request.region,
            id=f"{self.request.project}/{self.request.region}/{stamped}",
            outcome=outcome,
            why=why,
            decided_ms=self.now_ms,
            due_ms=due_ms,
            lastbuild_ms=self.record.lastbuild_ms or None,  # 0: a reset, and no start
            covers=covers,
            waited_ms=waited_ms,
            detail=detail,
            waker=self.rules.waker,
        )
        return Step(record=record or self.record, decision=decision, then=then)

    def deferred(self, record: Record, pending: Pending, found: list[Wait]) -> Step:
        own = Wait(self._own_why(pending), pending.due_ms)
        first = foremost([*found, own])
        return self.step(
            Outcome.DEFERRED,
            first.why,
            record=record,
            due_ms=longest_ms(found, pending.due_ms),
            detail=first.detail,
        )

    def _own_why(self, pending: Pending) -> Why:
        if pending.failures:
            return Why.BACKING_OFF
        quiet = self.rules.policy.quiet_ms is not None
        if quiet and quiet_end_ms(pending, self.rules.policy) >= pending.due_ms:
            return Why.QUIET
        return Why.PENDING

    def claim(
        self, covers: Pending, *, leaves: Pending | None, counted: bool, force: bool = False
    ) -> Step:
        record, now_ms = self.record, self.now_ms
        claim = _new_claim(
            covers, self.token, self.rules, now_ms, before=record.lastbuild, counted=counted
        )
        new = replace(
            record,
            lastbuild=_later(record.lastbuild, now_ms),
            claim=claim,
            pending=leaves,
            events=_events_with(record, self.request.event_id),
        )
        return self.step(
            Outcome.STARTED,
            Why.FORCED if force else Why.READY,
            record=settled(new, self.rules),
            then=Then.START,
            covers=covers.count,
            waited_ms=max(0, now_ms - covers.first_ms),
        )


def _new_claim(
    covers: Pending, token: str, rules: Rules, now_ms: int, *, before: Decimal | None, counted: bool
) -> Claim:
    return Claim(
        token=token,
        claimed_ms=now_ms,
        held_ms=now_ms,
        lease_until_ms=now_ms + rules.claim_lease_ms,
        covers=replace(covers, request=rules.freeze(covers.request)),
        before=before,
        counted=counted,
    )


# --- what becomes of a claim ---------------------------------------------------------------------------------------


def taken_over(record: Record, rules: Rules, now_ms: int) -> Record:
    """An expired claim in new hands: the same token and request, a new lease, and the spacing counted from here."""
    claim = record.claim
    assert claim is not None
    assert claim.lease_until_ms <= now_ms
    as_set = record.lastbuild == seconds_from_ms(claim.held_ms)
    taken = replace(
        claim,
        attempt=claim.attempt + 1,
        held_ms=now_ms,
        lease_until_ms=now_ms + rules.claim_lease_ms,
        before=claim.before if as_set else record.lastbuild,  # somebody else has built since
        sent_until_ms=max(
            claim.sent_until_ms,
            0 if claim.refused else _read_until_ms(claim, rules),
        ),
        refused=False,
    )
    new = replace(record, lastbuild=_later(record.lastbuild, now_ms), claim=taken)
    return settled(new, rules)


def _read_until_ms(claim: Claim, rules: Rules) -> int:
    """Until when a request that its holder sent within the lease, by a clock of its own, may still be read."""
    return claim.lease_until_ms + rules.clock_margin_ms + rules.claim_lease_ms


def was_too_early(record: Record, rules: Rules, now_ms: int) -> bool:
    """Whether an opening claimed too early: the store's first answer has put our clock right since, or shows a start of
    our own that the old snippet had hidden. (A hold that stands there came after the claim, and does not stop it.)"""
    claim = record.claim
    if claim is None or claim.request.forced:
        return False
    end_ms = cooldown_end_ms(replace(record, lastbuild=claim.before), rules.policy)
    return end_ms is not None and end_ms > now_ms


def unclaimed(record: Record, claim: Claim, rules: Rules) -> Record:
    """A claim taken back by its holder before anything was started: as if it had not been made."""
    return settled(_given_back(record, claim), rules) if _is_held(record, claim) else record


def uncancelled(record: Record, claim: Claim, build_id: str, rules: Rules) -> Record:
    """A build that was to be cancelled for this claim could not be: it is waited for, and the claim is given back."""
    if not _is_held(record, claim):
        return record
    covers, running = _thawed(claim.covers), record.running
    new = replace(
        _given_back(record, claim),
        pending=covers if record.pending is None else joined(covers, record.pending),
        events=_events_with(record, claim.request.event_id),
        counts=record.counts.plus(Counts(deferred=int(claim.counted))),
    )
    if running is not None and running.build_id == build_id:
        new = replace(new, running=replace(running, cancel_failed=True))
    return settled(new, rules)


def _is_held(record: Record, claim: Claim) -> bool:
    """Whether this claim still is its holder's: nobody has taken it over or ended it."""
    held = record.claim
    return held is not None and (held.token, held.attempt) == (claim.token, claim.attempt)


def _given_back(record: Record, claim: Claim) -> Record:
    """Without the claim, and ``lastbuild`` as before it, unless somebody else has moved it since."""
    untouched = record.lastbuild in {seconds_from_ms(claim.held_ms), claim.before}
    return replace(record, claim=None, lastbuild=claim.before if untouched else record.lastbuild)


def is_confirmed(record: Record, token: str) -> bool:
    """Whether the build of this token is in the record: recognised by content, whoever wrote it."""
    builds = (record.running, record.finished)
    return any(build is not None and build.token == token for build in builds)


def is_of(record: Record, token: str) -> bool:
    """Whether this token has claimed the gate, or has built."""
    claimed = record.claim is not None and record.claim.token == token
    return claimed or is_confirmed(record, token)


def is_opened(record: Record, opening: Opening) -> bool:
    """Whether this opening is in, whatever others have made of its claim since."""
    return opening.write_id in record.writes or is_of(record, opening.claim.token)


def confirmed(record: Record, claim: Claim, build_id: str, rules: Rules, now_ms: int) -> Record:
    """The claim's build exists. ``record`` may have moved on since the claim; ``lastbuild`` keeps the later."""
    mine = record.claim is not None and record.claim.token == claim.token
    if is_confirmed(record, claim.token):
        # A claim that its build has outlived would be taken over again and again.
        return settled(_given_back(record, claim), rules) if mine else record
    running = Running(
        build_id=build_id,
        token=claim.token,
        started_ms=now_ms,
        lease_until_ms=now_ms + rules.build_lease_ms,
        covers=_thawed(claim.covers),
        claimed_ms=claim.claimed_ms,
        before=claim.before,
    )
    counts = record.counts.plus(Counts(started=int(mine and claim.counted)))
    new = replace(
        record,
        lastbuild=_later(record.lastbuild, now_ms),
        claim=None if mine else record.claim,
        running=running if mine or record.running is None else record.running,
        starts=_starts_with(record, now_ms, rules.policy),
        events=_events_with(record, claim.request.event_id),
        counts=counts,
    )
    return settled(_pushed(new, rules.policy), rules)


def refused(
    record: Record,
    claim: Claim,
    rules: Rules,
    now_ms: int,
    *,
    worth_retrying: bool,
    looked_ms: int | None = None,
) -> Record:
    """The starter refused. Where that means that no build exists, the slot is given back and the triggers are pending
    again, with a back-off. Where an earlier attempt may have started it, the claim stays, to be taken over again.

    Only the claim's present holder may: another one may have started the build meanwhile.

    Args:
        looked_ms: an instant after which the starter was asked, before this request, and knew of no build.
    """
    if not _is_held(record, claim):
        return record
    if not _is_certain(claim, rules, now_ms, looked_ms):
        waiting = replace(claim, refused=True, lease_until_ms=now_ms + rules.claim_lease_ms)
        return settled(replace(record, claim=waiting), rules)
    new = replace(
        _given_back(record, claim),
        pending=_again(record.pending, claim.covers, now_ms, worth_retrying=worth_retrying),
        events=_events_with(record, claim.request.event_id),
        counts=record.counts.plus(Counts(failed=int(claim.counted))),
    )
    return settled(new, rules)


def _is_certain(claim: Claim, rules: Rules, now_ms: int, looked_ms: int | None) -> bool:
    """Whether a refusal of the present holder's request means that there is no build.

    The first attempt's does. After an earlier one, only where somebody looked once no request of it could be read any
    more; where nobody can look, once whatever it started has ended by its lease.
    """
    if claim.sent_until_ms == 0:
        return True
    if looked_ms is not None and looked_ms >= claim.sent_until_ms:
        return True
    return now_ms >= claim.sent_until_ms + rules.build_lease_ms


def _again(
    pending: Pending | None, covers: Pending, now_ms: int, *, worth_retrying: bool
) -> Pending:
    """Triggers whose build did not come about, pending again; what came meanwhile is newer and wins."""
    failures = covers.failures + 1
    due_ms = now_ms + backoff_ms(failures, worth_retrying=worth_retrying)
    thawed = replace(_thawed(covers), due_ms=due_ms)
    again = thawed if pending is None else joined(thawed, pending)
    return replace(again, failures=failures)


def _thawed(covers: Pending) -> Pending:
    """Without what the starter froze: nobody sends it again, and items are to stay small."""
    return replace(covers, request=replace(covers.request, parameters=""))


def backoff_ms(failures: int, *, worth_retrying: bool) -> int:
    """How long to wait after the ``failures``-th refusal in a row."""
    first_ms, longest_ms = BACKOFF_MS[worth_retrying]
    return min(longest_ms, first_ms << min(failures - 1, 20))


def _starts_with(record: Record, now_ms: int, policy: Policy) -> tuple[int, ...]:
    if policy.limit is None:
        return ()
    kept = [start for start in record.starts if start > now_ms - policy.limit.window_ms]
    return (now_ms, *kept)[: policy.limit.count]


def _pushed(record: Record, policy: Policy) -> Record:
    """Strict spacing: after a start, what is pending is due no earlier than the new end of the cooldown."""
    if record.pending is None:
        return record
    ends = (cooldown_end_ms(record, policy), limit_end_ms(record, policy))
    due_ms = max([record.pending.due_ms, *(end for end in ends if end is not None)])
    return replace(record, pending=replace(record.pending, due_ms=due_ms))


def _later(lastbuild: Decimal | None, now_ms: int) -> Decimal:
    now = seconds_from_ms(now_ms)
    return now if lastbuild is None else max(lastbuild, now)


# --- builds, holds, resets -----------------------------------------------------------------------------------------


def renewed(record: Record, token: str, rules: Rules, now_ms: int) -> Record:
    """A build that is alive keeps its lease."""
    running = record.running
    if running is None or running.token != token:
        return record
    extended = replace(running, lease_until_ms=now_ms + rules.build_lease_ms)
    return settled(replace(record, running=extended), rules)


def finished(
    record: Record,
    build_id: str,
    rules: Rules,
    now_ms: int,
    *,
    succeeded: bool | None,
    detail: str | None = None,
) -> Record:
    """A build ended. Unchanged where it is not the one running: reports come late, twice and in any order."""
    running = record.running
    if running is None or running.build_id != build_id:
        return record
    version = running.covers.request.source_version
    end = ended(running, max(now_ms, running.started_ms), succeeded=succeeded, detail=detail)
    built = version if succeeded and version is not None else record.built
    new = replace(record, running=None, finished=end, built=built)
    # A claim that is out is newer, and builds what this one should have built.
    if succeeded is False and rules.policy.on_failure == "rearm" and record.claim is None:
        new = _rearmed(new, running, now_ms)
    if rules.policy.cooldown_from == "finish" and succeeded is not False:
        new = _pushed(new, rules.policy)
    return settled(new, rules)


def _rearmed(record: Record, running: Running, now_ms: int) -> Record:
    as_set = record.lastbuild == seconds_from_ms(running.started_ms)
    return replace(
        record,
        lastbuild=running.before if as_set else record.lastbuild,
        pending=_again(record.pending, running.covers, now_ms, worth_retrying=False),
    )


def _with_lease_over(record: Record, policy: Policy, now_ms: int) -> Record:
    running = record.running
    if running is None or not policy.follows_builds or running.lease_until_ms > now_ms:
        return record
    return replace(record, running=None, finished=ended(running, running.lease_until_ms))


def ended(
    running: Running,
    ended_ms: int | None,
    *,
    succeeded: bool | None = None,
    detail: str | None = None,
) -> Finished:
    """A build as it stands in the record once it ended."""
    return Finished(
        build_id=running.build_id,
        token=running.token,
        started_ms=running.started_ms,
        claimed_ms=running.claimed_ms,
        covered_ms=running.covers.last_ms,
        ended_ms=ended_ms,
        succeeded=succeeded,
        source_version=running.covers.request.source_version,
        detail=detail,
    )


def history_of(before: Record, after: Record) -> tuple[Finished, ...]:
    """The build that leaves the record with this write, with all it covered, for the history."""
    running = before.running
    if running is None or (after.running is not None and after.running.token == running.token):
        return ()
    end = after.finished
    if end is None or end.token != running.token:
        end = ended(running, None)  # overtaken by the next start before anybody said how it ended
    return (replace(end, covers=running.covers),)


def polled(record: Record, build_id: str, state: str | None, rules: Rules, now_ms: int) -> Record:
    """The starter was asked how a build is."""
    if state in {"succeeded", "failed"}:
        return finished(record, build_id, rules, now_ms, succeeded=state == "succeeded")
    running = record.running
    if running is None or running.build_id != build_id:
        return record
    return settled(replace(record, running=replace(running, polled_ms=now_ms)), rules)


def held(record: Record, hold: Hold, rules: Rules) -> Record:
    """On hold: nothing starts but by force; what comes is deferred (or skipped, as the policy says)."""
    act = Act(what="hold", at_ms=hold.since_ms, by=hold.by, why=hold.why)
    return settled(replace(record, hold=hold).after(act), rules)


def resumed(record: Record, act: Act, rules: Rules) -> Record:
    """The hold is over; what is pending may start."""
    return record if record.hold is None else settled(replace(record, hold=None).after(act), rules)


def reset(
    record: Record, act: Act, rules: Rules, *, drop_pending: bool = False, drop_claim: bool = False
) -> Record:
    """The cooldown and the limit are over. What is pending stays, with its due, unless it is to be dropped.

    A start under way or left unfinished stays too, unless it is to be dropped: then nobody finishes it, and if its
    build exists nobody knows. What it covered is pending again.

    ``lastbuild`` becomes 0, not absent: the old snippet cannot read an item without it.
    """
    new = replace(
        record,
        lastbuild=None if record.lastbuild is None else seconds_from_ms(0),
        starts=(),
        pending=None if drop_pending else record.pending,
    )
    if drop_claim and new.claim is not None:
        covers = _thawed(new.claim.covers)
        kept = covers if new.pending is None else joined(covers, new.pending)
        new = replace(new, claim=None, pending=None if drop_pending else kept)
    return record if new == record else settled(new.after(act), rules)


def withdrawn(record: Record, token: str, rules: Rules) -> Record:
    """Without the revocable trigger of this token; a pending goes with the last of its triggers. Done once: what was
    withdrawn is named no more."""
    pending, name = record.pending, _name(token)
    if pending is None or name not in pending.revocable:
        return record
    others = tuple(other for other in pending.revocable if other != name)
    left = replace(pending, count=pending.count - 1, revocable=others)
    return settled(replace(record, pending=left if left.count else None), rules)


# --- bookkeeping ---------------------------------------------------------------------------------------------------


def settled(record: Record, rules: Rules) -> Record:
    """The record with its ``due_ms``: when somebody should look at it again.

    Who does not know the policy may only make that earlier: whoever looks then, knows.
    """
    due_ms = _look_again_ms(record, rules)
    if not rules.knows_policy and record.due_ms is not None:
        due_ms = record.due_ms if due_ms is None else min(due_ms, record.due_ms)
    return record if due_ms == record.due_ms else replace(record, due_ms=due_ms)


def _look_again_ms(record: Record, rules: Rules) -> int | None:
    if record.claim is not None:
        return record.claim.lease_until_ms
    looks = [_pending_look_ms(record, rules.policy)]
    running = record.running
    if running is not None and rules.policy.follows_builds:
        looks.append(running.lease_until_ms)
        if rules.polls:
            looks.append(_next_poll_ms(running))
    return min((look for look in looks if look is not None), default=None)


def wake_ms(record: Record, policy: Policy) -> int | None:
    """When a wake would start or finish something, as things stand; ``None``: nothing waits, or nobody knows how long.

    Asking how a build is, and its lease, are no reason to wake a gate at an instant: whoever looks around now and then
    does that.
    """
    if record.claim is not None:
        return record.claim.lease_until_ms
    return _pending_look_ms(record, policy)


def _pending_look_ms(record: Record, policy: Policy) -> int | None:
    if record.pending is None:
        return None
    found = waits(record, policy, record.pending.due_ms)
    return longest_ms(found, record.pending.due_ms)


def counted(record: Record, outcome: Outcome) -> Record:
    """One more trigger with this answer."""
    return replace(record, counts=record.counts.plus(count_of(outcome)))


def count_of(outcome: Outcome) -> Counts:
    """One answer, as counts."""
    match outcome:
        case Outcome.STARTED:
            return Counts(started=1)
        case Outcome.DEFERRED:
            return Counts(deferred=1)
        case Outcome.SKIPPED:
            return Counts(skipped=1)
        case Outcome.FAILED:
            return Counts(failed=1)


def with_tally(record: Record, tally: Tally, rules: Rules) -> Record:
    """The record with what was answered from memory written in, once."""
    for write_ids, part in tally.unsure:
        if not set(write_ids) & set(record.writes):
            record = with_tally(record, part, rules)
    if not tally.counts.total:
        return record
    for folded in tally.folded:
        record = _with_folded(record, folded)
    counts = record.counts.plus(tally.counts)
    events = _newest(tally.events, record.events, KEPT_EVENTS)
    return settled(replace(record, counts=counts, events=events), rules)


def unsure(tally: Tally, write_id: str) -> Tally:
    """A tally whose write got no answer: whether it is in will show in the record's writes."""
    parts = tuple(((*ids, write_id)[-KEPT_WRITES:], part) for ids, part in tally.unsure)
    if tally.counts.total:
        parts += (((write_id,), replace(tally, unsure=())),)
    if len(parts) > KEPT_UNSURE:  # nothing can be written for long: told apart no more
        (_, first), (ids, second), *rest = parts
        parts = ((ids, merged(first, second)), *rest)
    return Tally(unsure=parts, since_ms=tally.since_ms)


def _with_folded(record: Record, folded: Pending) -> Record:
    """The record with triggers that were deferred from memory.

    If their pending was taken meanwhile, it was after them (nobody takes it before its due, nobody answers from memory
    after that), and they are covered, unless they ask for something else and came later. If somebody dropped it, they
    came after that and are pending on their own.
    """
    pending = record.pending
    if pending is not None and pending.first_ms == folded.first_ms:
        return replace(record, pending=joined(folded, pending))
    if not _has_built(record, folded):
        return replace(record, pending=folded if pending is None else joined(folded, pending))
    return _credited(record, folded)


def _credited(record: Record, folded: Pending) -> Record:
    """The build that covers these triggers says so, too; what it was asked for stays as it was sent."""
    claim, running = record.claim, record.running
    if claim is not None and claim.claimed_ms > folded.last_ms:
        return replace(record, claim=replace(claim, covers=_with_notes(claim.covers, folded)))
    if running is not None and running.claimed_ms > folded.last_ms:
        return replace(record, running=replace(running, covers=_with_notes(running.covers, folded)))
    return record


def _with_notes(covers: Pending, folded: Pending) -> Pending:
    """What a build covers, with triggers that ask for the same; the request stays, so the newest's becomes notes."""
    both = joined(folded, covers)
    sent, newest = covers.request, both.request
    return replace(
        both,
        request=sent,
        due_ms=covers.due_ms,
        reasons=_notes(sent.reason, (newest.reason, *both.reasons)),
        events=_notes(event_digest(sent.event_id), (event_digest(newest.event_id), *both.events)),
    )


def _has_built(record: Record, folded: Pending) -> bool:
    """Whether a build claimed since then answers these triggers."""
    claim, running, end = record.claim, record.running, record.finished
    if claim is not None and claim.claimed_ms > folded.last_ms:
        return _answers(claim.covers, folded)
    if running is not None and running.claimed_ms > folded.last_ms:
        return _answers(running.covers, folded)
    if end is not None and end.claimed_ms > folded.last_ms:
        same = end.source_version == folded.request.source_version
        return end.covered_ms >= folded.last_ms or (same and not folded.request.environment)
    return False


def _answers(covers: Pending, folded: Pending) -> bool:
    """Whether a build of ``covers`` is what these triggers ask for: the same, or something asked for later."""
    if covers.last_ms >= folded.last_ms:
        return True
    wanted = (folded.request.source_version, folded.request.environment)
    return wanted == (covers.request.source_version, covers.request.environment)


def tallied(tally: Tally, step: Step, trigger: Trigger, now_ms: int) -> Tally:
    """One more answer from memory."""
    since_ms = now_ms if tally.since_ms is None else tally.since_ms
    counts = tally.counts.plus(count_of(step.decision.outcome))
    pending = step.record.pending
    if step.decision.outcome is not Outcome.DEFERRED or pending is None:
        return replace(tally, counts=counts, since_ms=since_ms)
    one = replace(_single(trigger, now_ms), first_ms=pending.first_ms, due_ms=pending.due_ms)
    digest = event_digest(trigger.request.event_id)
    return replace(
        tally,
        counts=counts,
        folded=_folded_by_pending((*tally.folded, one)),
        events=tally.events if digest is None else _newest((digest,), tally.events, KEPT_EVENTS),
        since_ms=since_ms,
    )


def recognised(trigger: Trigger, tally: Tally) -> Trigger:
    """The trigger, marked where its event was answered from memory before: nobody else can know of that yet."""
    digest = event_digest(trigger.request.event_id)
    seen = digest in tally.events or any(digest in part.events for _, part in tally.unsure)
    return replace(trigger, redelivered=True) if seen else trigger


def merged(one: Tally, other: Tally) -> Tally:
    """Two threads' tallies in one."""
    since = [tally.since_ms for tally in (one, other) if tally.since_ms is not None]
    return Tally(
        counts=one.counts.plus(other.counts),
        folded=_folded_by_pending((*one.folded, *other.folded)),
        events=_newest(other.events, one.events, KEPT_EVENTS),
        since_ms=min(since, default=None),
        unsure=(*one.unsure, *other.unsure),
    )


def _folded_by_pending(folds: tuple[Pending, ...]) -> tuple[Pending, ...]:
    by_pending: dict[int, Pending] = {}
    for fold in folds:
        seen = by_pending.get(fold.first_ms)
        by_pending[fold.first_ms] = fold if seen is None else joined(seen, fold)
    return tuple(by_pending.values())
