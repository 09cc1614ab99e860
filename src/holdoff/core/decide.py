"""What becomes of a trigger and of a wake: ``(record, event, terms, now_ms)`` -> what to write, to say and to do next.

A gate is in one of these states; several of its parts may stand at once, and each arrow is one conditional write:

                     trigger, no wait left                confirmed
        idle ─────────────────────────────────► claimed ─────────────► running ───► finished
         ▲  │ trigger, a wait stands              ▲  │ ▲                  │ finished, polled, lease over
         │  ▼                                     │  │ │ lease over:      │
         │ pending ──────────────────────────────►┘  │ └ taken over       │ failed, on_failure = "rearm"
         │  ▲ ▲     wake or trigger, no wait left    │                    │
         │  │ └──────────────────────────────────────┘                    │
         │  │        refused, could not cancel                            │
         │  └─────────────────────────────────────────────────────────────┘
         └─── dropped by a person

A gate may be ``pending`` while it is ``claimed`` or ``running``: a start does not cover the triggers that come after
its claim. A trigger that joins what is pending is a *fold*; every other arrow is a *swap* (see ``pending``).

No I/O, no clock, no randomness: ``protocol`` yields the effects between these steps, and drivers perform them.
"""

from __future__ import annotations

from holdoff.core import builds, claims, clocks, lines
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.pending import Fold, content_of, joined, single, waiter_name
from holdoff.core.record import Claim, Pending, Record, digest
from holdoff.core.request import GateKey, Request
from holdoff.core.terms import Terms
from holdoff.core.token import restamped
from holdoff.core.units import MAX_INSTANT_MS
from holdoff.core.value import Value
from holdoff.core.waits import Wait, foremost, must_poll, ready_ms, told_ms, turn_ms, waits, with_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Trigger(Value):
    """A request for a build."""

    request: Request
    token: str  #: names the decision, and is the idempotency key if it starts a build
    waits: bool = False  #: its caller waits for the build, and may start it itself when it is due


class Wake(Value):
    """The attempt to start what is due."""

    gate: GateKey
    token: str
    waiter: str | None = None  #: the token of the waiting caller that makes it; ``None``: none does


class Step(Value):
    """What one event makes of a record."""

    record: Record  #: what a swap is to write; the record that was decided on, itself, if nothing is to be written
    decision: Decision
    claim: Claim | None = None  #: the claim that this makes or takes over: once it is written, it is made a build
    #: The starter is to be asked how the running build is; what it says is written, and it is decided again.
    polls: bool = False
    fold: Fold | None = None  #: the same change as a fold, if a fold is enough; without its write id
    #: The request, and until when it meets the same step if the record stays as it is; ``None``: not known.
    same: tuple[Request, int] | None = None


def on_trigger(record: Record, trigger: Trigger, terms: Terms, now_ms: int, *, finishes: bool = True) -> Step:
    """The step that a trigger makes. ``finishes``: whether this call may take over a start that another process left;
    if not, the trigger waits for that start."""
    build = StepBuilder(record, trigger.request.gate, trigger.token, terms, now_ms)
    if first := build.first_of_all(finishes=finishes):
        return first
    right = build.record
    request = lines.placed(right, trigger.request, terms.clock_margin_ms, now_ms)
    if digest(request.event_id) in right.events:
        return build.step(Outcome.SKIPPED, Why.DUPLICATE, detail=request.event_id)
    if lines.is_superseded(right, request):
        return build.step(Outcome.SKIPPED, Why.SUPERSEDED, detail=request.source_version)
    if terms.policy.unchanged == "skip" and not request.forced and _is_unchanged(right, request):
        return build.step(Outcome.SKIPPED, Why.UNCHANGED, detail=request.source_version)
    found = waits(right, terms, now_ms, force=request.forced)
    if right.pending is None and (skipping := [wait for wait in found if wait.skips]):
        return build.because_of(Outcome.SKIPPED, skipping).but(same=(request, _end_ms(right, terms, found)))
    fold = _fold(right, trigger.but(request=request), terms, now_ms)
    taken = _with_trigger(right, fold, now_ms)
    assert taken.pending is not None
    # A forced trigger that meets no wait starts at once. Any other one waits as all that is pending does.
    if found or not request.forced:
        found = waits(taken, terms, now_ms, pending=taken.pending)
    if not found:
        return build.claim(taken, taken.pending)
    new = with_due(taken, terms)
    pending, forced = record.pending, taken.pending.request.forced
    may_fold = (  # only a swap may change whether what is pending is forced
        right is record
        and pending is not None
        and pending.request.forced is forced
        and not (fold.older and trigger.waits)
        and fold.keeps_order(pending)
        and _is_due_in_time(record, new)
    )
    if request.forced is not forced:
        fold = fold.but(request=request.but(forced=forced))
    return build.because_of(Outcome.DEFERRED, found, new).but(fold=fold if may_fold else None)


def _end_ms(record: Record, terms: Terms, found: list[Wait]) -> int:
    """Until when a trigger meets the same waits, if the record stays as it is."""
    if terms.polls and record.running is not None:
        return 0
    ends = [wait.until_ms for wait in found] + ([record.running.lease_until_ms] if record.running else [])
    return min([end for end in ends if end is not None], default=MAX_INSTANT_MS)


def on_wake(record: Record, wake: Wake, terms: Terms, now_ms: int, *, finishes: bool = True) -> Step:
    """The step that a wake makes: start what is due, or say what it waits for."""
    build = StepBuilder(record, wake.gate, wake.token, terms, now_ms)
    if first := build.first_of_all(finishes=finishes):
        return first
    right = build.record
    due = with_due(right, terms)
    pending = right.pending
    if pending is None:
        why = Why.CLAIMED if right.claim else Why.IDLE
        return build.step(Outcome.SKIPPED, why, record=due, due_ms=right.claim.lease_until_ms if right.claim else None)
    found = waits(right, terms, now_ms, pending=pending) or _turn(right, wake, terms, now_ms)
    if not found:
        return build.claim(right, pending)
    return build.because_of(Outcome.DEFERRED, found, due)


def _turn(record: Record, wake: Wake, terms: Terms, now_ms: int) -> list[Wait]:
    """The wait for the turns of newer waiting callers."""
    assert record.pending is not None
    turn = turn_ms(record.pending, wake.waiter)
    until_ms = (ready_ms(record, terms) or 0) + turn
    return [Wait(Why.PENDING, until_ms)] if turn and until_ms > now_ms else []


# --- a trigger beside the record -----------------------------------------------------------------------------------


def _is_unchanged(record: Record, request: Request) -> bool:
    """Whether this version, with its variables, is built already or being built, and nothing newer is pending."""
    asked, claim, running, end = content_of(request), record.claim, record.running, record.finished
    if asked is None or record.pending is not None or lines.is_set_back(record, request):
        return False
    newest = running or end
    since_ms = claim.held_ms if claim else newest.started_ms if newest else 0
    if (record.lastbuild_ms or 0) > since_ms:
        return False  # the old snippet has built since
    if claim is not None:  # a start that was taken over may be stuck; an early end may be that of its build
        return claim.attempt == 1 and not claim.early and asked == content_of(claim.request)
    return asked == record.built and (running is not None or (end is not None and end.succeeded is True))


def _fold(record: Record, trigger: Trigger, terms: Terms, now_ms: int) -> Fold:
    pending, request = record.pending, trigger.request
    in_time = pending is None or now_ms >= pending.last_ms
    return Fold(
        write_id="",
        request=request,
        older=pending is not None and lines.is_behind(request, pending),
        event=digest(request.event_id),
        waiter=waiter_name(trigger.token) if trigger.waits else None,
        last_ms=now_ms if in_time else None,
        # Of more waiting callers than have room, the oldest are known by their instants, at most ``last_ms``.
        in_order=terms.policy.quiet_ms is not None or trigger.waits or bool(pending and pending.waiters),
    )


def _with_trigger(record: Record, fold: Fold, now_ms: int) -> Record:
    """The record with this trigger pending, alone or with others; without the id of the write."""
    alone = single(fold.request, now_ms, waiter=fold.waiter)
    both = alone if record.pending is None else joined(record.pending, alone, older=fold.older)
    return record.with_trigger(both, fold.event)


def _is_due_in_time(record: Record, folded: Record) -> bool:
    """Whether the gate is woken early enough if a fold leaves its due unchanged."""
    in_time = folded.due_ms is None or (record.due_ms is not None and record.due_ms <= folded.due_ms)
    return in_time and record.moved is not None


# --- steps ---------------------------------------------------------------------------------------------------------


class StepBuilder:
    """Makes the steps of one event, on the record as it is now."""

    def __init__(self, record: Record, gate: GateKey, token: str, terms: Terms, now_ms: int) -> None:
        self.record: Record = builds.as_it_is_now(record, terms, now_ms)
        self.gate = gate
        self.terms = terms
        self.now_ms = now_ms
        self.ahead_ms: int = clocks.ahead_ms(record, terms, now_ms)
        # ``explain`` finds a start by its token, and any other decision by the instant in its token: it gets this one.
        self.token: str = restamped(token, now_ms)

    def first_of_all(self, *, finishes: bool) -> Step | None:
        """What comes before any decision: an expired claim is taken over, a silent build is polled."""
        if finishes and claims.is_expired(self.record.claim, self.now_ms):
            taken = claims.taken_over(self.record, self.terms, self.now_ms)
            return self.step(Outcome.DEFERRED, Why.TAKEN_OVER, record=taken).but(claim=taken.claim)
        if must_poll(self.record, self.terms, self.now_ms):
            return self.step(Outcome.DEFERRED, Why.RUNNING).but(polls=True)
        return None

    def step(self, outcome: Outcome, why: Why, *, record: Record | None = None, **more: Any) -> Step:
        """A step with its decision; ``more`` are fields of that."""
        gate = self.gate
        decision = Decision(
            project=gate.project,
            region=gate.region,
            id=f"{gate.project}/{gate.region}/{self.token}",
            outcome=outcome,
            why=why,
            decided_ms=self.now_ms,
            lastbuild_ms=self.record.lastbuild_ms or None,  # 0: a reset, and no start
            failed_ms=builds.failed_ms(self.record),
            ahead_ms=self.ahead_ms,
            woken=self.terms.woken,
            **more,
        )
        return Step(record=record or self.record, decision=decision)

    def because_of(self, outcome: Outcome, found: list[Wait], record: Record | None = None) -> Step:
        """Deferred or skipped, because of these waits."""
        first, due_ms = foremost(found), told_ms(found, self.now_ms)
        return self.step(outcome, first.why, record=record, due_ms=due_ms, detail=first.detail)

    def claim(self, record: Record, covers: Pending) -> Step:
        """Started: the gate is claimed for these triggers."""
        running = self.record.running
        beside = running is not None and self.terms.policy.overlap == "allow" and running.lease_until_ms > self.now_ms
        made = claims.made(record, covers, self.token, self.terms, self.now_ms)
        return self.step(
            Outcome.STARTED,
            Why.FORCED if covers.request.forced else Why.READY,
            record=made,
            covers=covers.count,
            waited_ms=max(0, self.now_ms - covers.first_ms),
            beside=running.build_id if running is not None and beside else None,
        ).but(claim=made.claim)
