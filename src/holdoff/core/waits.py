"""What stands between a gate and its next start: each wait says why, and until when.

A gate may start when no wait is left. The cooldown, the limit, a hold, a start under way, a running build, the quiet
time and the back-off of what is pending are all waits. When the gate is due follows from them. A deferral keeps the
triggers and nothing else, so a changed policy applies at once to what is pending.

**lastbuild is obeyed.** The cooldown counts from it, also where a person or the old snippet has changed it. A person
who moves it back frees the gate. The old snippet moves it back a little, because it writes whole seconds by its own
clock: within that margin Holdoff's own last start counts. (For a ``lastbuild`` in the future see ``clocks``.)
"""

from __future__ import annotations

from holdoff.core.decision import Why
from holdoff.core.pending import waiter_name
from holdoff.core.policy import Policy
from holdoff.core.record import Finished, Pending, Record
from holdoff.core.terms import Terms
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: How often the starter is asked how a running build is.
POLL_EVERY_MS: Final = 30_000
#: The old snippet writes whole seconds: what it writes may be up to so much before a start of the same instant.
SNIPPET_MS: Final = 1_000
#: A waiting caller of rank r may start r times this after what is pending is ready.
TURN_MS: Final = 1_000
#: How long the record of a keyed gate is kept once it is idle.
KEPT_IDLE_MS: Final = 30 * 86_400_000


class Wait(Value, kw_only=False):
    """A reason why a gate may not start now."""

    why: Why
    until_ms: int | None  #: when it ends; ``None``: not known (a hold without an end, a command that runs here)
    skips: bool = False  #: a trigger that meets it is skipped, not deferred
    detail: str | None = None
    #: It is usually over within a second (a start that no try has failed): its end counts only if it is alone.
    brief: bool = False

    def stands(self, now_ms: int) -> bool:
        """Whether it still keeps the gate from starting. A claim does until it is finished, its lease over or not."""
        return self.until_ms is None or self.until_ms > now_ms or self.why is Why.CLAIMED


def waits(
    record: Record, terms: Terms, now_ms: int, *, pending: Pending | None = None, force: bool = False
) -> list[Wait]:
    """All that keeps this gate from starting at ``now_ms``; with the quiet time and back-off of ``pending``, if given.

    A forced trigger (``force``) waits only for a start under way, and for what ``overlap`` says. Once it is pending, it
    waits for a hold, too: the hold may be newer.
    """
    overtakes = force or (pending is not None and pending.request.forced)
    claim, hold, skips = record.claim, record.hold, terms.policy.on_cooldown == "skip"
    found = [None if claim is None else Wait(Why.CLAIMED, claim.lease_until_ms, skips, brief=claim.attempt == 1)]
    found.append(_running(record, terms, force=overtakes))
    if hold is not None and not force:
        found.append(Wait(Why.HELD, hold.until_ms, skips, hold.why))
    if not overtakes:
        ends = ((Why.COOLING_DOWN, cooldown_end_ms(record, terms)), (Why.LIMIT, limit_end_ms(record, terms.policy)))
        found += [Wait(why, end_ms, skips) for why, end_ms in ends if end_ms is not None]
    if pending is not None:  # a forced start that was refused has a back-off, too
        if terms.policy.quiet_ms is not None and not overtakes:
            found.append(Wait(Why.QUIET, quiet_end_ms(pending, terms.policy)))
        found.append(Wait(Why.BACKING_OFF, pending.retry_ms, detail=pending.refusal))
    return [wait for wait in found if wait is not None and wait.stands(now_ms)]


_FIRST_NAMED: Final = {Why.HELD: 0, Why.CLAIMED: 1, Why.RUNNING: 2}


def foremost(found: list[Wait]) -> Wait:
    """The wait a person should hear of: a hold, a start, a build; else what lasts longest."""
    return min(found, key=lambda wait: (_FIRST_NAMED.get(wait.why, 3), -(wait.until_ms or 0)))


def over_ms(found: list[Wait], least_ms: int) -> int | None:
    """When all of these are over, at ``least_ms`` or later; ``None``: not known."""
    over = least_ms
    for wait in [wait for wait in found if not wait.brief] or found:
        if wait.until_ms is None:
            return None
        over = max(over, wait.until_ms)
    return over


def told_ms(found: list[Wait], least_ms: int) -> int | None:
    """The end of all of these that a decision may name; ``None``: there is none to name. The end of a build's lease is
    only the latest that the build may end: a sentence that is not about the build would take it for the end."""
    over = over_ms(found, least_ms)
    is_lease = any(wait.why is Why.RUNNING and wait.until_ms == over for wait in found)
    return None if is_lease and foremost(found).why is not Why.RUNNING else over


# --- each wait -----------------------------------------------------------------------------------------------------


def _running(record: Record, terms: Terms, *, force: bool) -> Wait | None:
    running, policy = record.running, terms.policy
    if running is None or (policy.overlap == "cancel" and not running.cancel_failed):
        return None
    rests = policy.cooldown_from == "finish" and not force and not is_moved_back(record, terms)
    if policy.overlap == "allow" and not rests:
        return None
    # The lease of a command is no end: it is renewed for as long as the command runs.
    until = None if terms.children else running.lease_until_ms + (policy.cooldown_ms if rests else 0)
    skips = policy.overlap == "skip" or (policy.overlap == "allow" and policy.on_cooldown == "skip")
    return Wait(Why.RUNNING, until, skips, running.build_id)


# --- the cooldown and the limit ------------------------------------------------------------------------------------


def cooldown_end_ms(record: Record, terms: Terms) -> int | None:
    """The first instant at which the cooldown allows a start; ``None``: never built.

    Half-open: exactly ``cooldown`` after the last start is enough (the old snippet asked for more).
    """
    last_ms, own_ms, end = record.lastbuild_ms, _own_start_ms(record), record.finished
    if own_ms is not None and not is_moved_back(record, terms):
        last_ms = max(last_ms or 0, own_ms)
        if end is not None and _counts_from(end, terms.policy):
            last_ms = max(last_ms, end.ended_ms or end.started_ms)
    return None if last_ms is None else last_ms + terms.policy.cooldown_ms


def _counts_from(end: Finished, policy: Policy) -> bool:
    """Whether the cooldown counts from this end. With ``overlap = "cancel"`` it does not if the build was stopped for a
    newer one, or if no end was reported."""
    return policy.cooldown_from == "finish" and (policy.overlap != "cancel" or end.succeeded is not None)


def is_moved_back(record: Record, terms: Terms) -> bool:
    """Whether ``lastbuild`` is before Holdoff's own last start, by more than the old snippet moves it: a person moved
    it back, a reset cleared it, or a failed build gave its slot back."""
    own_ms = _own_start_ms(record)
    return own_ms is not None and own_ms - (record.lastbuild_ms or 0) > terms.clock_margin_ms + SNIPPET_MS


def _own_start_ms(record: Record) -> int | None:
    build = record.running or record.finished
    return None if build is None else build.started_ms


def limit_end_ms(record: Record, policy: Policy) -> int | None:
    """The first instant at which the limit allows a start; ``None``: now. A start under way counts."""
    limit, starts = policy.limit, record.starts if record.claim is None else (record.claim.held_ms, *record.starts)
    if limit is None or len(starts) < limit.count:
        return None
    return starts[limit.count - 1] + limit.window_ms


def quiet_end_ms(pending: Pending, policy: Policy) -> int:
    """When the quiet time of these triggers is over: last + quiet, but at most first + max_wait."""
    if policy.quiet_ms is None:
        return pending.last_ms
    end = pending.last_ms + policy.quiet_ms
    return end if policy.max_wait_ms is None else min(end, pending.first_ms + policy.max_wait_ms)


# --- when to wake the gate -----------------------------------------------------------------------------------------


def ready_ms(record: Record, terms: Terms) -> int | None:
    """From when what is pending may start, by the record as it is; ``None``: not known."""
    pending = record.pending
    assert pending is not None
    least_ms = pending.first_ms
    if pending.waiters:  # their turns count from when a build's end, or a person, freed the gate
        freed_ms = record.finished.ended_ms if record.finished else None
        least_ms = max(least_ms, freed_ms or 0, record.acts[0].at_ms if record.acts else 0)
    return over_ms(waits(record, terms, 0, pending=pending), least_ms)


def turn_ms(pending: Pending, waiter: str | None) -> int:
    """How long after it is ready this caller may start what is pending. The newest waiter may at once, each older one a
    second later, so that a dead waiter costs a second. A wake that no waiter makes comes after all of them."""
    name = waiter and waiter_name(waiter)
    rank = pending.waiters.index(name) if name in pending.waiters else len(pending.waiters)
    return rank * TURN_MS


def wake_ms(record: Record, terms: Terms) -> int | None:
    """When a wake would start or finish something, by the record as it is; ``None``: nothing is pending, or the end of
    a wait is not known.

    Polls, and the end of a build's lease, need no wake at their very instant: a sweep is enough.
    """
    if record.claim is not None:
        return record.claim.lease_until_ms
    if record.pending is None:
        return None
    at_ms = ready_ms(record, terms)
    return None if at_ms is None else at_ms + turn_ms(record.pending, None)


def with_due(record: Record, terms: Terms) -> Record:
    """The record with the instants at which it is to be woken, and may be deleted. Every swap writes them: no other
    rule works them out.

    A writer that does not know the policy may only move the wake earlier, and the deletion later.
    """
    due_ms = _due_ms(record, terms)
    if not terms.knows_policy and record.due_ms is not None:
        due_ms = record.due_ms if due_ms is None else min(due_ms, record.due_ms)
    expires_ms = _expires_ms(record, terms)
    if not terms.knows_policy and expires_ms is not None:
        expires_ms = None if record.expires_ms is None else max(expires_ms, record.expires_ms)
    if (due_ms, expires_ms) == (record.due_ms, record.expires_ms):
        return record
    return record.but(due_ms=due_ms, expires_ms=expires_ms)


def _due_ms(record: Record, terms: Terms) -> int | None:
    instants = [wake_ms(record, terms)]
    if record.running is not None and record.claim is None and terms.policy.follows_builds:
        poll_ms = _next_poll_ms(record, terms) if terms.has_starter else record.due_ms  # what stands
        instants += [record.running.lease_until_ms, poll_ms]
    return min((at for at in instants if at is not None), default=None)


def _expires_ms(record: Record, terms: Terms) -> int | None:
    if not terms.keyed or record.claim or record.pending:
        return None
    limit, running, end = terms.policy.limit, record.running, record.finished
    least_ms = max(  # with the rest after a build's lease: it may be that nothing notes its end
        running.lease_until_ms + terms.policy.cooldown_ms if running else 0,
        end.started_ms if end else 0,
        record.acts[0].at_ms if record.acts else 0,
        record.starts[0] + limit.window_ms if limit and record.starts else 0,
    )
    idle_ms = over_ms(waits(record.but(running=None), terms, 0), least_ms)
    return None if not idle_ms else -(-(idle_ms + KEPT_IDLE_MS) // 1_000) * 1_000  # whole seconds, for DynamoDB


def must_poll(record: Record, terms: Terms, now_ms: int) -> bool:
    """Whether to ask the starter how the running build is: the report of its end may be lost."""
    at_ms, running = _next_poll_ms(record, terms), record.running
    return at_ms is not None and running is not None and at_ms <= now_ms < running.lease_until_ms


def _next_poll_ms(record: Record, terms: Terms) -> int | None:
    running = record.running
    if running is None or not terms.polls or not terms.policy.follows_builds:
        return None
    return (running.started_ms if running.polled_ms is None else running.polled_ms) + POLL_EVERY_MS
