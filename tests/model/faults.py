"""Bugs on purpose: each replaces one rule of the shipped code by what a hurried change might have made of it.

The checker must catch every one of them (``test_faults``); one that it cannot see would be a rule without a check. A
fault aimed at a ``Hole`` takes its mend away, and so shows that the hole's history still does what its story says.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from holdoff.core import (
    builds,
    claims,
    clocks,
    decide,
    lines,
    pending,
    people,
    protocol,
    starting,
    waits,
    writes,
)
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Cancel, Find, FoldIn, Lost, NewId, Now, Start, Swap, Swapped
from holdoff.core.errors import StartRefused
from holdoff.core.lines import is_older
from holdoff.core.pending import Fold
from holdoff.core.record import End, Record
from holdoff.stores.memory import MemoryStore
from tests.model import holes
from tests.model.holes import Hole
from tests.model.scenario import Scenario
from tests.model.scenarios import PAUSED
from tests.model.search import ANYTHING, ONE_LINE, SET_BACK, Aim, Failure, Policies, Report, exhaust, roam

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from decimal import Decimal

    from holdoff.core.decide import Step, Trigger, Wake
    from holdoff.core.record import Act, Claim, Finished, Line, Pending
    from holdoff.core.request import Request
    from holdoff.core.terms import Terms

    Asks = Generator[Any, Any, Any]

_applied = Fold.applied
_joined = pending.joined
_joined_to = Fold.joined_to
_taken_over = claims.taken_over
_confirmed = builds.confirmed
_refused = claims.refused
_is_certain = claims.is_certain
_finished = builds.finished
_polled = builds.polled
_late_or_early = builds._late_or_early
_reset = people.reset
_fold = decide._fold
_with_trigger = decide._with_trigger
_placed = lines.placed
_is_unchanged = decide._is_unchanged
_waits = waits.waits
_with_due = waits.with_due
_on_trigger = decide.on_trigger
_on_wake = decide.on_wake
_resolve = starting.resolve
_write = writes.write
_describe = starting.describe


def _newest_early_end_alone(record: Record, end: End) -> Record:
    told = _late_or_early(record, end)
    return told if told.claim is None else told.but(claim=told.claim.but(early=told.claim.early[:1]))


def _late_confirm_brings_back(record: Record, claim: Claim, build_id: str, terms: Terms, now_ms: int) -> Record:
    if record.running is not None or record.finished is None or record.finished.token == claim.token:
        return _confirmed(record, claim, build_id, terms, now_ms)
    return _confirmed(record.but(finished=None), claim, build_id, terms, now_ms).but(finished=record.finished)


def _put_off_as_recorded(decision: Decision, of: starting.Resolved, terms: Terms) -> Decision:
    told = _describe(decision, of, terms)
    return told.but(lastbuild_ms=of.record.lastbuild_ms, ahead_ms=0) if of.is_given_back else told


@dataclass(frozen=True, slots=True)
class Fault:
    """One bug.

    Attributes:
        breaks: how the breaches begin, one of which the checker must find.
        where: the module, modules or class that the bug is put into.
        aim: where to look for it: random histories about this, every history of a scenario, or the one history that
            showed it.
    """

    name: str
    breaks: str
    where: object | tuple[object, ...]
    attribute: str
    wrong: object
    aim: Aim | Scenario | Hole = ANYTHING

    @property
    def kinds(self) -> tuple[str, ...]:
        """How the breaches begin that it must lead to: ``"G1 G3"``: either; ``"G2 lost"``: this one."""
        words = self.breaks.split()
        return tuple(words) if all(word[0] == "G" for word in words) else (self.breaks,)

    def caught_by(self, failure: Failure) -> bool:
        """Whether this breach is one that the bug must lead to."""
        return failure.code.startswith(self.kinds)

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """The shipped code with this bug."""
        with ExitStack() as stack:
            for where in self.where if isinstance(self.where, tuple) else (self.where,):
                stack.enter_context(patch.object(where, self.attribute, self.wrong))
            yield


def _no_wait(*_whatever: object, **_how: object) -> None:
    """A wait that is never asked for."""


def _as_it_is(record: Record, *_whatever: object) -> Record:
    """A change that is not made."""
    return record


def _never(*_whatever: object) -> bool:
    return False


# --- the store -----------------------------------------------------------------------------------------------------


def _swap_if(may: Callable[[Record, Record], bool]) -> Callable[..., Swapped | Lost]:
    """A store whose swaps ask for this and no more."""

    def swap(
        self: MemoryStore, key: Any, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        current = self.get(key)
        if not may(current, expected):
            return Lost(current)
        self._gates[key] = new
        for build in history:
            self._history.setdefault(key, {})[build.token] = build
        return Swapped(new)

    return swap


_swap_whatever_is_there = _swap_if(lambda current, expected: True)
_swap_by_write_id = _swap_if(lambda current, expected: current.writes[:1] == expected.writes[:1])
_swap_by_lastbuild = _swap_if(lambda current, expected: current.lastbuild == expected.lastbuild)
#: The id that only swaps move: blind to folds.
_swap_by_last_swap = _swap_if(
    lambda current, expected: (current.moved, current.lastbuild) == (expected.moved, expected.lastbuild)
)


def _fold_blind_to(hide: Callable[[Fold, Record, Record], tuple[Fold, Record, Record]]) -> Callable[..., Record | None]:
    """A fold whose condition leaves something out."""

    def applied(self: Fold, expected: Record, current: Record) -> Record | None:
        return None if _applied(*hide(self, expected, current)) is None else self.joined_to(current)

    return applied


_fold_sent_again = _fold_blind_to(lambda fold, expected, current: (fold, expected, current.but(writes=())))


_fold_by_the_pending = _fold_blind_to(
    lambda fold, expected, current: (fold, expected.but(moved=current.moved), current)
)
_fold_without_lastbuild = _fold_blind_to(
    lambda fold, expected, current: (fold, expected.but(lastbuild=current.lastbuild), current)
)
_fold_without_events = _fold_blind_to(lambda fold, expected, current: (fold, expected, current.but(events=())))


def _fold_in_order_of_arrival(self: Fold, expected: Record, current: Record) -> Record | None:
    """The newest is who comes last, whatever became the newest since its decider looked."""
    if current.pending is None:
        return None
    older = is_older(self.request, current.pending.request)
    return None if _applied(self.but(older=older), expected, current) is None else self.joined_to(current)


# --- what is pending -----------------------------------------------------------------------------------------------


def _joined_in_reverse(earlier: Pending, later: Pending) -> Pending:
    return _joined(later, earlier)


def _joined_keeping_one_count(earlier: Pending, later: Pending) -> Pending:
    return _joined(earlier, later).but(count=later.count)


def _joined_unforced(earlier: Pending, later: Pending, **how: bool) -> Pending:
    """Only the newest trigger's force counts."""
    both = _joined(earlier, later, **how)
    return both.but(request=both.request.but(forced=both.request.forced and later.request.forced))


def _joined_in_part(self: Fold, record: Record) -> Record:
    """The version is the newest trigger's, all else is as it was."""
    new = _joined_to(self, record)
    if record.pending is None or new.pending is None:
        return new
    mixed = record.pending.request.but(source_version=new.pending.request.source_version)
    return new.but(pending=new.pending.but(request=mixed))


def _joined_without_event(self: Fold, record: Record) -> Record:
    return _joined_to(self.but(event=None), record)


def _joined_as_newest(self: Fold, record: Record) -> Record:
    """Whichever comes last is what is built."""
    return _joined_to(self.but(older=False), record)


def _older_by_arrival(one: Request | Line, other: Request | Line, later: object = ()) -> bool:
    """Who comes last is the newest."""
    return False


def _older_by_instant_alone(one: Request | Line, other: Request | Line, later: object = ()) -> bool:
    if one.line is None or one.line != other.line or one.at_ms is None or other.at_ms is None:
        return False
    return one.at_ms < other.at_ms


def _older_by_instant_on_any_line(one: Request | Line, other: Request | Line, later: object = ()) -> bool:
    return one.line is not None and other.line is not None and (one.at_ms or 0) < (other.at_ms or 0)


def _fold_moving_back(record: Record, trigger: Trigger, terms: Terms, now_ms: int) -> Fold:
    """The last instant is that of the last to write, whenever that one came."""
    return _fold(record, trigger, terms, now_ms).but(last_ms=now_ms, in_order=False)


def _joined_unless_noted(self: Fold, record: Record) -> Record:
    """A version that is pending already need not become the newest."""
    known = record.pending.notes if record.pending else ()
    noted = any(note.version == self.request.source_version for note in known)
    return _joined_to(self.but(older=self.older or noted), record)


# --- claims --------------------------------------------------------------------------------------------------------


def _taken_over_with(**changes: Callable[[Claim, Claim, Record], object]) -> Callable[..., Record]:
    """A take-over that leaves some fields of the claim otherwise: each from the new claim, the old, and the record."""

    def taken_over(record: Record, terms: Terms, now_ms: int) -> Record:
        new = _taken_over(record, terms, now_ms)
        assert new.claim is not None
        assert record.claim is not None
        fields = {name: change(new.claim, record.claim, record) for name, change in changes.items()}
        return new.but(claim=new.claim.but(**fields))

    return taken_over


def _newest_request(new: Claim, _old: Claim, record: Record) -> Pending:
    return new.covers if record.pending is None else new.covers.but(request=record.pending.request)


def _taken_over_by_trigger(record: Record, terms: Terms, now_ms: int) -> Record:
    """The process that takes a claim over takes what is pending along, though the request is frozen."""
    return _taken_over(record, terms, now_ms).but(pending=None)


def _confirmed_but(change: Callable[[Record, Record, Claim], Record]) -> Callable[..., Record]:
    """A confirm that leaves something otherwise."""

    def confirmed(record: Record, claim: Claim, build_id: str, terms: Terms, now_ms: int) -> Record:
        new = _confirmed(record, claim, build_id, terms, now_ms)
        return new if new is record else change(new, record, claim)

    return confirmed


def _without_earlier_pending(new: Record, record: Record, claim: Claim) -> Record:
    """What came before the claim, by its decider's clock, is covered by it."""
    waiting = record.pending
    return new.but(pending=None) if waiting is not None and waiting.last_ms < claim.claimed_ms else new


def _held_by_token(record: Record, claim: Claim) -> Claim | None:
    """Whichever attempt it is, the claim is one's own."""
    return record.claim if record.claim is not None and record.claim.token == claim.token else None


def _refused_but(change: Callable[[Record, Record], Record]) -> Callable[..., Record]:
    """A refusal that leaves something otherwise."""

    def refused(record: Record, claim: Claim, terms: Terms, now_ms: int, **how: Any) -> Record:
        new = _refused(record, claim, terms, now_ms, **how)
        return new if new is record else change(new, record)

    return refused


def _every_refusal_is_certain(claim: Claim, terms: Terms, now_ms: int, searched_ms: int | None) -> bool:
    return True


_search = starting._search


def _trusted_long(claim: Claim, terms: Terms, now_ms: int) -> Generator[Any, Any, Any]:
    longer = terms.but(token_memory_ms=terms.token_memory_ms + terms.claim_lease_ms)
    return (yield from _search(claim, longer, now_ms))


def _certain_by_an_early_search(claim: Claim, terms: Terms, now_ms: int, searched_ms: int | None) -> bool:
    """The starter was searched, whenever that was."""
    return _is_certain(claim, terms, now_ms, None if searched_ms is None else now_ms)


def _readable_for_the_lease(claim: Claim, terms: Terms) -> int:
    """A request is read when it is sent."""
    return claim.lease_until_ms


def _given_back_over_what_came(record: Record, set_ms: int, before: Decimal | None) -> Decimal | None:
    return before


# --- builds and people ---------------------------------------------------------------------------------------------


def _ended_by_any_report(record: Record, end: End, terms: Terms, now_ms: int) -> Record:
    return _finished(record, end.but(build_id=record.running.build_id) if record.running else end, terms, now_ms)


def _armed_beside_a_claim(record: Record, end: End, terms: Terms, now_ms: int) -> Record:
    """A build that failed is armed again though a newer start is under way."""
    new = _finished(record.but(claim=None), end, terms, now_ms)
    return record if new.finished is record.finished else new.but(claim=record.claim)


def _armed_over_what_came(record: Record, running: Any, now_ms: int) -> Record:
    """The slot of a build that failed is given back, whatever moved ``lastbuild`` since."""
    again = claims.pending_again(record.pending, running.covers)
    return record.but(lastbuild=running.before, pending=claims.backed_off(None, again, now_ms, worth_retrying=False))


def _polled_silence_is_an_end(record: Record, build_id: str, state: str | None, terms: Terms, now_ms: int) -> Record:
    return _polled(record, build_id, state or "failed", terms, now_ms)


def _reset_dropping(record: Record, act: Act, **_how: bool) -> Record:
    return _reset(record, act, drop_pending=True)


# --- waits ---------------------------------------------------------------------------------------------------------


def _waits_a_moment_too_long(record: Record, terms: Terms, now_ms: int, **about: Any) -> list[waits.Wait]:
    """Closed at the very end, as the old snippet was: at the due the gate still waits."""
    return _waits(record, terms, now_ms - 1, **about)


def _waits_without(why: Why) -> Any:
    """All waits but this one."""
    return lambda *state, **about: [wait for wait in _waits(*state, **about) if wait.why is not why]


def _forced_at_once_or_never(
    record: Record, terms: Terms, now_ms: int, *, pending: Pending | None = None, **about: Any
) -> list[waits.Wait]:
    """What was forced waits with all the others, once it is put off."""
    alike = pending and pending.but(request=pending.request.but(forced=False))
    return _waits(record, terms, now_ms, pending=alike, **about)


def _forced_for_good(
    record: Record, terms: Terms, now_ms: int, *, pending: Pending | None = None, force: bool = False
) -> list[waits.Wait]:
    """What was forced passes a hold, though it was put off."""
    force = force or (pending is not None and pending.request.forced)
    return _waits(record, terms, now_ms, pending=pending, force=force)


def _moved_back_by_any(record: Record, terms: Terms) -> bool:
    """Any lastbuild before our own start is taken for a person's."""
    own_ms = waits._own_start_ms(record)
    return own_ms is not None and own_ms > (record.lastbuild_ms or 0)


def _due_as_it_was_on_hold(record: Record, terms: Terms) -> Record:
    """The due of a gate is worked out, but not when a hold has ended."""
    return record if record.acts and record.acts[0].what == "resume" else _with_due(record, terms)


def _without_due_while_cooling(record: Record, terms: Terms) -> Record:
    """No wake is asked for at a gate that is cooling down."""
    new = _with_due(record, terms)
    return new if new.claim else new.but(due_ms=None)


# --- decisions -----------------------------------------------------------------------------------------------------


def _events_only_of_folds(record: Record, fold: Fold, now_ms: int) -> Record:
    """The event of the first trigger is not remembered."""
    new = _with_trigger(record, fold, now_ms)
    return new if record.pending else new.but(events=record.events)


def _placed_by_ones_own_clock(record: Record, request: Request, margin_ms: int, now_ms: int) -> Request:
    """An instant ahead of one's own clock is put to that, however far the clocks of a store may be apart."""
    at_ms = None if request.at_ms is None else min(request.at_ms, now_ms)
    return _placed(record, request.but(at_ms=at_ms), margin_ms, now_ms)


def _unchanged_whatever_is_pending(record: Record, request: Request) -> bool:
    return _is_unchanged(record.but(pending=None, claim=None), request)


def _unchanged_by_what_is_pending(record: Record, request: Request) -> bool:
    """The version that is pending counts as built."""
    return record.pending is not None and record.pending.request.source_version == request.source_version


def _in_time_always(record: Record, folded: Record) -> bool:
    """A fold may leave any due as it stands."""
    return record.moved is not None


def _always_ones_turn(pending: Pending, waiter: str | None) -> int:
    return 0


def _superseded_by_claims(record: Record, request: Request) -> bool:
    return record.claim is not None and is_older(request, record.claim.request)


def _superseded_by_lines(record: Record, request: Request) -> bool:
    place = lines.line_of(request)
    return place is not None and any(is_older(place, line) for line in record.lines)


def _trigger_instead(
    when: Callable[[Record, Trigger, Step], bool], then: Callable[[decide.StepBuilder, Record, Step], Step]
) -> Callable[..., Step]:
    """A trigger decided otherwise in one case."""

    def on_trigger(record: Record, trigger: Trigger, terms: Terms, now_ms: int, **how: bool) -> Step:
        step = _on_trigger(record, trigger, terms, now_ms, **how)
        return (
            then(decide.StepBuilder(record, trigger.request.gate, trigger.token, terms, now_ms), record, step)
            if when(record, trigger, step)
            else step
        )

    return on_trigger


def _is_deferred(record: Record, _trigger: Trigger, step: Step) -> bool:
    return step.decision.outcome is Outcome.DEFERRED and step.claim is None and not step.polls


def _starts_forced(record: Record, trigger: Trigger, step: Step) -> bool:
    return trigger.request.forced and record.pending is not None and step.decision.outcome is Outcome.STARTED


def _alone(build: decide.StepBuilder, record: Record, usual: Step) -> Step:
    """A forced start covers itself, and leaves what is pending."""
    assert usual.claim is not None
    step = build.claim(record, pending.single(usual.claim.request, build.now_ms))
    return step.but(record=step.record.but(pending=record.pending))


def _what_was_pending(build: decide.StepBuilder, record: Record, _step: Step) -> Step:
    """A forced start builds what is pending, and its own request comes to nothing."""
    assert record.pending is not None
    return build.claim(record, record.pending)


def _wake_by_the_due(record: Record, wake: Wake, terms: Terms, now_ms: int, **how: bool) -> Step:
    """What stands as due is started, though things may have changed since it was written."""
    due = record.due_ms is not None and record.due_ms <= now_ms
    if due and record.pending is not None and record.claim is None:
        return decide.StepBuilder(record, wake.gate, wake.token, terms, now_ms).claim(record, record.pending)
    return _on_wake(record, wake, terms, now_ms, **how)


# --- the protocol --------------------------------------------------------------------------------------------------


def _any_skip_from_any_snapshot(step: Step, terms: Terms, age_ms: int) -> bool:
    return step.decision.outcome is Outcome.SKIPPED


def _unchanged_from_a_snapshot(step: Step, terms: Terms, age_ms: int) -> bool:
    """That nothing newer is on its way may rest on a snapshot."""
    return step.decision.outcome is Outcome.SKIPPED and 0 <= age_ms < terms.max_staleness_ms


def _write_not_recognised(expected: Record, new: Record, terms: Terms, *, token: str | None = None) -> Asks:
    """A lost response taken for a lost race."""
    return (yield Swap(expected, _with_due(new, terms).swapped((yield NewId())), builds.leaving(expected, new)))


def _write_recognised_by_token(expected: Record, new: Record, terms: Terms, *, token: str | None = None) -> Asks:
    """A claim is recognised only while something of its token stands in the record."""
    reply = yield from _write_not_recognised(expected, new, terms)
    mine = token is not None and isinstance(reply, Lost) and claims.is_of(reply.current, token)
    return Swapped(reply.current) if mine else reply


def _fold_not_recognised(record: Record, fold: Fold) -> Asks:
    """A fold whose response was lost is made again."""
    return (yield FoldIn(record, fold.but(write_id=(yield NewId()))))


def _apply_once(change: Callable[[Record, int], Record], record: Record, terms: Terms) -> Asks:
    """The change is made once, and written over whatever came meanwhile."""
    new = change(record, (yield Now()))
    while new is not record:
        reply = yield from _write(record, new, terms)
        if isinstance(reply, Swapped):
            return reply.record, True
        record = reply.current
    return record, False


def _cancel_before_claim(expected: Record, new: Record, terms: Terms, *, token: str | None = None) -> Asks:
    """The running build is stopped first, and the newer one claimed then."""
    if token is not None and new.claim is not None and new.claim.token == token and new.running is not None:
        yield Cancel(new.running.build_id)
    return (yield from _write(expected, new, terms, token=token))


def _resolve_without_lease(record: Record, claim: Claim, terms: Terms) -> Asks:
    """The claimant starts whatever its clock says, and as the claimant it once was."""
    yield Now()
    if record.claim is None or record.claim.token != claim.token:
        return starting._lost_claim(record, claim.token)
    return (yield from starting._start(record, record.claim, terms, None))


def _resolve_whatever_attempt(record: Record, claim: Claim, terms: Terms) -> Asks:
    """A claim that is recognised by its token is one's own, though another has taken it over."""
    now = record.claim
    return (yield from _resolve(record, now if now is not None and now.token == claim.token else claim, terms))


def _start_after(call: Callable[..., Asks]) -> Callable[..., Asks]:
    """A call that may take long, and the start right after it: the lease is not looked at again."""

    def resolve(record: Record, claim: Claim, terms: Terms) -> Asks:
        now_ms = yield Now()
        held = record.claim
        if held is not None and held.attempt == claim.attempt and not claims.is_expired(held, now_ms):
            try:
                done = yield from call(record, held, terms, now_ms)
            except Exception as error:  # noqa: BLE001
                return starting.Resolved(record=record, error=str(error))
            if done is not None:
                return done
        return (yield from _resolve(record, claim, terms))

    return resolve


def _search_then_start(record: Record, claim: Claim, terms: Terms, now_ms: int) -> Asks:
    if claim.attempt == 1:
        return None
    found, since_ms = yield from starting._search(claim, terms, now_ms)
    if found is not None:
        return (yield from starting._confirm(record, claim, found, terms))
    return (yield from starting._start(record, claim, terms, since_ms))


def _cancel_then_start(record: Record, claim: Claim, terms: Terms, now_ms: int) -> Asks:
    if claim.attempt > 1 or not builds.must_cancel(record, terms, now_ms):
        return None
    after = yield from starting._cancel_first(record, claim, terms)
    if isinstance(after, starting.Resolved):
        return after
    return (yield from starting._start(after, claim, terms, None))


def _nothing_found(claim: Claim, terms: Terms, now_ms: int) -> Asks:
    """The starter is not asked whether it was built: it was not, surely."""
    yield Now()
    return None, None


def _no_answer_is_none_found(claim: Claim, terms: Terms, now_ms: int) -> Asks:
    """A search without an answer is one that found nothing, however old the token is."""
    try:
        found = yield Find(claim.request, claim.token)
    except Exception:  # noqa: BLE001
        found = None
    return found, now_ms if terms.finds else None


def _a_search_of_the_blind(claim: Claim, terms: Terms, now_ms: int) -> Asks:
    """A starter that cannot be asked for a token has been asked, and knew of no build."""
    found = yield Find(claim.request, claim.token)
    return found, now_ms


def _searched_when_answered(claim: Claim, terms: Terms, now_ms: int) -> Asks:
    """A search counts from its answer, though the starter looked before."""
    found = yield Find(claim.request, claim.token)
    return found, (yield Now())


def _start_with_a_new_token(record: Record, claim: Claim, terms: Terms, searched_ms: int | None) -> Asks:
    again = claim.attempt > 1
    build_id = yield Start(claim.request, f"{claim.token}+" if again else claim.token)
    return (yield from starting._confirm(record, claim, build_id, terms))


def _failures_give_back(record: Record, claim: Claim, terms: Terms, searched_ms: int | None) -> Asks:
    """No answer taken for a refusal."""
    try:
        build_id = yield Start(claim.request, claim.token)
    except Exception as error:  # noqa: BLE001
        refusal = StartRefused(str(error), worth_retrying=True)
        return (yield from starting._give_back(record, claim, terms, refusal, None))
    return (yield from starting._confirm(record, claim, build_id, terms))


def _told_refused_where(told: Callable[[Record, Record, Claim], bool]) -> Callable[..., Asks]:
    """A refusal told by what stands in the record, before and after, not by what this write did."""

    def give_back(record: Record, claim: Claim, terms: Terms, refusal: StartRefused, searched_ms: int | None) -> Asks:
        change = lambda current, at_ms: claims.refused(  # noqa: E731
            current, claim, terms, at_ms, worth_retrying=True, why="refused", searched_ms=searched_ms
        )
        after, _ = yield from writes.apply(change, record, terms)
        if not told(record, after, claim):
            return starting._lost_claim(after, claim.token)
        return starting.Resolved(record=after, error="refused", is_refused=True)

    return give_back


def _cancelled_anyway(record: Record, claim: Claim, terms: Terms) -> Asks:
    """A build that could not be stopped counts as stopped."""
    assert record.running is not None
    build_id = record.running.build_id
    with suppress(Exception):
        yield Cancel(build_id)
    ended = lambda now, at_ms: _finished(now, End(build_id=build_id, succeeded=None), terms, at_ms)  # noqa: E731
    after, _ = yield from writes.apply(ended, record, terms)
    return after


TOO_SOON: Final[Policies] = ({"cooldown": "20s"}, {"cooldown": 0})
PLAIN: Final[Policies] = ({"cooldown": "10m"},)
OVERLAP: Final[Policies] = ({"cooldown": "2m", "overlap": "defer"},)
CANCEL: Final[Policies] = ({"cooldown": "2m", "overlap": "cancel"},)
QUIET: Final[Policies] = ({"cooldown": "2m", "quiet": "20s", "max_wait": "90s"},)
UNCHANGED: Final[Policies] = ({"cooldown": "10m", "unchanged": "skip"},)
SKIP: Final[Policies] = ({"cooldown": "10m", "on_cooldown": "skip"},)
LIMIT: Final[Policies] = ({"cooldown": "1m", "limit": "2/20m"},)
REARM: Final[Policies] = ({"cooldown": "10m", "on_failure": "rearm"},)
FORCED: Final = Aim(PLAIN, (("trigger", "trigger force version", "trigger version", "wake"),), ("cooling", "pending"))
SNIPPET: Final = Aim(PLAIN, (("trigger", "wake", "snippet"),), ("long ago",))
TRIGGERS: Final = Aim(PLAIN, (("trigger", "wake"),), ("nothing",))
FOLDS: Final = Aim(PLAIN, (("trigger", "trigger", "trigger", "wake"),), ("cooling", "pending"))
FORCED_ON_HOLD: Final = Aim(PLAIN, (("trigger", "trigger force version", "wake", "hold"),), ("cooling", "pending"))
HOLD: Final = Aim(PLAIN, (("trigger", "wake", "hold", "hold for", "resume"),))
RESET: Final = Aim(PLAIN, (("trigger", "trigger", "wake", "reset"),), ("cooling", "pending"))
EVENTS: Final = Aim(PLAIN, (("trigger event=E1", "trigger event=E2", "wake"),))
LINES: Final = Aim(PLAIN, ((*ONE_LINE, "wake"),), ("nothing", "cooling"))
FRESH_PUSHES: Final = Aim(PLAIN, (("trigger line=main at=now version", "wake"),))
SET_BACK_TO_BUILT: Final = Aim(UNCHANGED, (SET_BACK,))
FORCED_LINES: Final = Aim(PLAIN, ((*ONE_LINE, "trigger force line=main at=6 version=m6", "wake"),))
PARENTS: Final = Aim(
    PLAIN,
    (("trigger line=main version=A parent=O", "trigger line=main version=B parent=A", "wake"),),
    ("nothing", "cooling"),
)
TWO_LINES: Final = Aim(
    PLAIN,
    (("trigger line=main at=5 version=m5", "trigger line=side at=2 version=s2", "wake"),),
    ("nothing",),
)
NAMED: Final = Aim(PLAIN, (("trigger version event=E1", "trigger version event=E2", "wake"),), ("cooling",))
FOLDED_EVENTS: Final = Aim(PLAIN, (("trigger event=E1", "trigger event=E2", "wake"),), ("pending",))
FOLDED_BESIDE: Final = Aim(PLAIN, (("trigger", "wake", "snippet"),), ("pending",))
SAME_VERSIONS: Final = Aim(UNCHANGED, (("trigger version=x", "trigger version=y", "wake"),))
TURNS: Final = Aim(PLAIN, (("trigger waits", "wake", "turn"),), ("cooling",))
ENDS: Final = Aim(OVERLAP, (("trigger", "trigger force", "wake", "finish", "finish failed"),))
FAILURES: Final = Aim(REARM, (("trigger", "wake", "snippet", "finish failed"),), ("long ago",))
REFUSED_THEN_SENT: Final = Hole(
    code="G3 refused but built",
    story="A take-over is refused; the next one's request is sent late in its lease, and still is on its way when the "
    "one after that is refused.",
    moves="A call trigger, A go, A go, A die, clock 60000, A call wake, A go, A go, A go, A refuse, A go, clock 60000, "
    "A call wake, A go, clock 59000, A go, A go, A fly, clock 1000, B call wake, B go, B go, B go, B refuse, B go, "
    "land A1",
)
ANSWERED_LATE: Final = Hole(
    code="G3 refused but built",
    story="B's search finds none, and its answer is a minute on its way. A's request, sent in time, is read meanwhile.",
    scenario={"fine": True},
    moves="A call trigger, A go, A go, clock 59000, A go, A go, clock 6000, B call wake, B go, B go, B go, B go, B go, "
    "clock 40000, A go, clock 16000, B go, B go, B refuse, B go, B go",
)
#: Searched completely: 5,000 random histories of one seed did not show a start that was a second too early.
WHOLE_SECONDS: Final = Scenario(
    name="two triggers and the old snippet",
    scripts=(("trigger", "trigger"), ("snippet",)),
    start="long ago",
    depth=20,
    faults=0,
    clocks=1,
)
ALONE: Final = Scenario(name="one trigger", scripts=(("trigger",),), depth=8, faults=2)

FAULTS: Final = (
    # the store
    Fault("get, then update, as the snippet does", "G1 G2 G3", MemoryStore, "swap", _swap_whatever_is_there),
    Fault("a swap by the write's id, but not lastbuild", "G1", MemoryStore, "swap", _swap_by_write_id, SNIPPET),
    Fault("a swap by lastbuild alone", "G2 G6", MemoryStore, "swap", _swap_by_lastbuild),
    Fault("a swap that is blind to folds", "G2 G6", MemoryStore, "swap", _swap_by_last_swap, FOLDS),
    Fault("a fold sent again, and counted again", "G6 overcounted", Fold, "applied", _fold_sent_again, FOLDS),
    Fault(
        "a fold over a newer version",
        "G8 newest",
        Fold,
        "applied",
        _fold_in_order_of_arrival,
        holes.FOLDED_OVER_A_NEWER,
    ),
    Fault("a fold that sees the pending alone", "G6 untrue", Fold, "applied", _fold_by_the_pending, FOLDS),
    Fault("a fold that does not see lastbuild", "G6 untrue", Fold, "applied", _fold_without_lastbuild, FOLDED_BESIDE),
    Fault("a fold that does not see the events", "G3 taken", Fold, "applied", _fold_without_events, FOLDED_EVENTS),
    Fault("a fold that moves the last instant back", "G2 quiet", decide, "_fold", _fold_moving_back, Aim(QUIET)),
    Fault(
        "a fold that leaves a later due",
        "G2 late",
        decide,
        "_is_due_in_time",
        _in_time_always,
        Aim(QUIET, (("trigger", "wake", "back"),), ("the snippet, now",)),
    ),
    # what is pending
    Fault("a fold that forgets its event", "G3 redelivered", Fold, "joined_to", _joined_without_event, EVENTS),
    Fault(
        "newest by instants, on any line",
        "G6 untrue",
        (pending, lines),
        "is_older",
        _older_by_instant_on_any_line,
        TWO_LINES,
    ),
    Fault("refused triggers not counted", "G6 uncounted", claims, "joined", _joined_keeping_one_count, TRIGGERS),
    Fault("a fold that changes the version alone", "G6 mixed", Fold, "joined_to", _joined_in_part, NAMED),
    Fault("a fold that always is the newest", "G8", Fold, "joined_to", _joined_as_newest, LINES),
    Fault("a wish that is pending already", "G2 stale", Fold, "joined_to", _joined_unless_noted, holes.LAST_WISH),
    Fault("the last to arrive is the newest", "G8", (pending, lines), "is_older", _older_by_arrival, LINES),
    Fault("newest by instants, never by parents", "G8", (pending, lines), "is_older", _older_by_instant_alone, PARENTS),
    Fault("refused triggers taken for newer", "G2 stale", claims, "joined", _joined_in_reverse, holes.REFUSED_WINS),
    # claims
    Fault("a take-over that covers what is pending", "G2 lost", claims, "taken_over", _taken_over_by_trigger),
    Fault(
        "a take-over that asks for what is newest",
        "G7 crash",
        claims,
        "taken_over",
        _taken_over_with(covers=_newest_request),
        Aim(PLAIN, (("trigger version", "wake"),), ("nothing",)),
    ),
    Fault(
        "a refused attempt that forgets the ones before it",
        "G3 refused",
        claims,
        "taken_over",
        _taken_over_with(
            in_flight_until_ms=lambda new, old, record: 0 if old.refused else new.in_flight_until_ms,
        ),
        holes.REFUSED_BLINDLY,
    ),
    Fault(
        "a refused attempt that vouches for the ones after it",
        "G3 refused",
        claims,
        "taken_over",
        _taken_over_with(refused=lambda new, old, record: old.refused),
        REFUSED_THEN_SENT,
    ),
    Fault(
        "lastbuild moved at the claim only",
        "G1",
        builds,
        "confirmed",
        _confirmed_but(lambda new, record, claim: new.but(lastbuild=record.lastbuild)),
    ),
    Fault(
        "covered by the build that was confirmed",
        "G2 lost",
        builds,
        "confirmed",
        _confirmed_but(lambda new, record, claim: new.but(pending=None)),
    ),
    Fault(
        "covered by a build, as two clocks have it",
        "G2 lost",
        builds,
        "confirmed",
        _confirmed_but(_without_earlier_pending),
        holes.CREDITED_BY_CLOCK,
    ),
    Fault("lines that are not remembered", "G8 older", lines, "with_started", lambda record, claim: (), LINES),
    Fault("rolled back by another", "G3 rolled", claims, "held_by", _held_by_token, TRIGGERS),
    Fault(
        "a refusal that keeps the slot",
        "G5",
        claims,
        "refused",
        _refused_but(lambda new, record: new.but(lastbuild=record.lastbuild)),
        TRIGGERS,
    ),
    Fault(
        "a refusal that forgets its triggers",
        "G2",
        claims,
        "refused",
        _refused_but(lambda new, record: new.but(pending=record.pending)),
    ),
    Fault(
        "given back over what the snippet wrote",
        "G1 unseen",
        claims,
        "lastbuild_without",
        _given_back_over_what_came,
        SNIPPET,
    ),
    Fault(
        "a start that was left, finished whatever was built since", "G1 unseen", claims, "must_wait", _never, SNIPPET
    ),
    Fault(
        "every refusal certain",
        "G3 refused",
        claims,
        "is_certain",
        _every_refusal_is_certain,
        holes.REFUSED_IN_FLIGHT,
    ),
    Fault(
        "a search before all was read taken for certain",
        "G3 refused",
        claims,
        "is_certain",
        _certain_by_an_early_search,
        holes.SEARCHED_EARLY,
    ),
    Fault(
        "sent within the lease, so read within it",
        "G3 refused",
        claims,
        "_readable_until_ms",
        _readable_for_the_lease,
        holes.REFUSED_IN_FLIGHT,
    ),
    # builds and people
    Fault("a build that any report ends", "G4 overlap", builds, "finished", _ended_by_any_report, ENDS),
    Fault(
        "armed again beside a claim",
        "G2 order",
        builds,
        "finished",
        _armed_beside_a_claim,
        holes.ARMED_BESIDE_A_CLAIM,
    ),
    Fault("armed again over what the snippet wrote", "G1 unseen", builds, "_rearmed", _armed_over_what_came, FAILURES),
    Fault(
        "a poll without an answer taken for an end",
        "G4 overlap",
        builds,
        "polled",
        _polled_silence_is_an_end,
        Aim(OVERLAP),
    ),
    Fault("a build that is not kept", "G6 uncounted", builds, "leaving", lambda before, after: ()),
    Fault("a reset that drops what is pending", "G2 lost", people, "reset", _reset_dropping, RESET),
    Fault("a resume without a new due", "G2 asleep", writes, "with_due", _due_as_it_was_on_hold, HOLD),
    # waits
    Fault("no due for a gate that cools down", "G2 asleep", (decide, writes), "with_due", _without_due_while_cooling),
    Fault("a clock that is behind", "G2 G8", lines, "placed", _placed_by_ones_own_clock, FRESH_PUSHES),
    Fault("force that is over when it is put off", "G1 held up", decide, "waits", _forced_at_once_or_never, FORCED),
    Fault("force that the next trigger ends", "G1 held up", (decide, claims), "joined", _joined_unforced, FORCED),
    Fault("force that passes a hold when it is put off", "H hold", decide, "waits", _forced_for_good, FORCED_ON_HOLD),
    Fault("a wait that is not over at its end", "G2 restless", decide, "waits", _waits_a_moment_too_long),
    Fault("running builds not waited for", "G4", waits, "_running", _no_wait, Aim(OVERLAP)),
    Fault("a hold that is not minded", "H hold", decide, "waits", _waits_without(Why.HELD), HOLD),
    Fault("the limit not asked", "G1 limit", waits, "limit_end_ms", _no_wait, Aim(LIMIT)),
    Fault(
        "the old snippet's lastbuild trusted", "G1 beside", waits, "_own_start_ms", _no_wait, holes.BESIDE_THE_SNIPPET
    ),
    Fault(
        "the snippet's whole seconds taken for a person's",
        "G1 beside",
        waits,
        "is_moved_back",
        _moved_back_by_any,
        WHOLE_SECONDS,
    ),
    Fault("the quiet time not asked", "G2 quiet", (waits, decide), "waits", _waits_without(Why.QUIET), Aim(QUIET)),
    Fault("the back-off not asked", "G5 hurry", (waits, decide), "waits", _waits_without(Why.BACKING_OFF), TRIGGERS),
    Fault("turns not kept", "W turn", decide, "turn_ms", _always_ones_turn, TURNS),
    Fault(
        "a lastbuild of the future obeyed",
        "G7 ahead",
        clocks,
        "put_right",
        _as_it_is,
        Aim(PLAIN, (("trigger", "wake", "ahead"),), ("long ago",)),
    ),
    Fault(
        "the newest early end alone", "E", builds, "_late_or_early", _newest_early_end_alone, holes.EARLY_AND_ANOTHERS
    ),
    Fault(
        "a late confirm that brings a build back",
        "E",
        builds,
        "confirmed",
        _late_confirm_brings_back,
        holes.CONFIRMED_LATE,
    ),
    # decisions
    Fault("duplicates not asked", "G3", decide, "digest", lambda text: None, EVENTS),
    Fault(
        "an event remembered by folds only", "G3 redelivered", decide, "_with_trigger", _events_only_of_folds, EVENTS
    ),
    Fault(
        "unchanged, whatever is pending",
        "G2 order",
        decide,
        "_is_unchanged",
        _unchanged_whatever_is_pending,
        SAME_VERSIONS,
    ),
    Fault(
        "unchanged, as it is pending",
        "G6 untrue",
        decide,
        "_is_unchanged",
        _unchanged_by_what_is_pending,
        SAME_VERSIONS,
    ),
    Fault(
        "covered by a claim",
        "G2 lost",
        decide,
        "on_trigger",
        _trigger_instead(
            lambda record, trigger, step: _is_deferred(record, trigger, step) and record.claim is not None,
            lambda build, record, step: step.but(record=record, fold=None),
        ),
    ),
    Fault(
        "a deferral that finds one pending, and writes nothing",
        "G6 uncounted",
        decide,
        "on_trigger",
        _trigger_instead(
            lambda record, trigger, step: _is_deferred(record, trigger, step) and record.pending is not None,
            lambda build, record, step: step.but(record=record, fold=None),
        ),
        FOLDS,
    ),
    Fault(
        "a forced start that leaves what is pending",
        "G2 order",
        decide,
        "on_trigger",
        _trigger_instead(_starts_forced, _alone),
        holes.LEFT_BEHIND,
    ),
    Fault(
        "a forced start of what was pending",
        "G2",
        decide,
        "on_trigger",
        _trigger_instead(_starts_forced, _what_was_pending),
        FORCED,
    ),
    Fault("a wake that goes by the due", "G1", decide, "on_wake", _wake_by_the_due, SNIPPET),
    Fault("superseded not asked", "G8 older", lines, "is_superseded", _never, LINES),
    Fault("superseded by claims alone", "G8 older", lines, "is_superseded", _superseded_by_claims, LINES),
    Fault("superseded by builds alone", "G8 older", lines, "is_superseded", _superseded_by_lines, LINES),
    Fault("set back, and unchanged all the same", "G8 newest", lines, "is_set_back", _never, SET_BACK_TO_BUILT),
    # the protocol
    Fault(
        "any skip from any snapshot",
        "G6 stale",
        protocol,
        "_may_say",
        _any_skip_from_any_snapshot,
        Aim(SKIP, (("trigger", "wake", "reset"),), ("cooling",)),
    ),
    Fault(
        "unchanged, by a snapshot",
        "G2 order",
        protocol,
        "_may_say",
        _unchanged_from_a_snapshot,
        holes.UNCHANGED_BY_A_SNAPSHOT,
    ),
    Fault("a lost response taken for a lost race", "G2 G6", writes, "write", _write_not_recognised),
    Fault(
        "a claim recognised by its token alone",
        "G6 overcounted",
        writes,
        "write",
        _write_recognised_by_token,
        holes.CLAIMED_TWICE,
    ),
    Fault("a fold that is not recognised", "G6 overcounted", writes, "fold", _fold_not_recognised, FOLDS),
    Fault("a change made once, over whatever came", "G2 G6", writes, "apply", _apply_once),
    Fault(
        "cancelled before it is claimed",
        "G2 cancelled",
        writes,
        "write",
        _cancel_before_claim,
        holes.CANCELLED_FOR_NOTHING,
    ),
    Fault(
        "a build that could not be cancelled", "G4 overlap", starting, "_cancel_first", _cancelled_anyway, Aim(CANCEL)
    ),
    Fault("the lease not looked at before the start", "G3 double", starting, "resolve", _resolve_without_lease, PAUSED),
    Fault(
        "the lease not looked at after a search",
        "G3 refused",
        starting,
        "resolve",
        _start_after(_search_then_start),
        holes.SLOW_SEARCH,
    ),
    Fault(
        "the lease not looked at after a cancel",
        "G3 refused",
        starting,
        "resolve",
        _start_after(_cancel_then_start),
        holes.SLOW_CANCEL,
    ),
    Fault(
        "another's attempt taken for one's own",
        "G3 rolled",
        starting,
        "resolve",
        _resolve_whatever_attempt,
        holes.ANOTHERS_ATTEMPT,
    ),
    Fault("a token trusted to the last moment", "G3 double", starting, "_search", _trusted_long, holes.SET_BACK_BY_2_S),
    Fault("taken over without asking whether it was built", "G1 G3", starting, "_search", _nothing_found),
    Fault(
        "no answer to a search taken for none found",
        "G3 double",
        starting,
        "_search",
        _no_answer_is_none_found,
        TRIGGERS,
    ),
    Fault(
        "a starter that cannot be searched, searched",
        "G3 refused",
        starting,
        "_search",
        _a_search_of_the_blind,
        holes.REFUSED_BLINDLY,
    ),
    Fault(
        "a search that counts from its answer",
        "G3 refused",
        starting,
        "_search",
        _searched_when_answered,
        ANSWERED_LATE,
    ),
    Fault("a new token for each attempt", "G1 G4", starting, "_start", _start_with_a_new_token, TRIGGERS),
    Fault("no answer taken for a refusal", "G3", starting, "_start", _failures_give_back, ALONE),
    Fault(
        "a put-off, told as the record has it",
        "G7 ahead",
        protocol,
        "describe",
        _put_off_as_recorded,
        holes.PUT_OFF_AHEAD,
    ),
    Fault(
        "refused, whatever was written",
        "G6 untrue",
        starting,
        "_give_back",
        _told_refused_where(lambda record, after, claim: True),
        holes.UNTRUE_AFTER_A_BUILD,
    ),
    Fault(
        "refused, as no build of it is to be seen",
        "G6 untrue",
        starting,
        "_give_back",
        _told_refused_where(lambda record, after, claim: not claims.is_of(after, claim.token)),
        holes.UNTRUE_AFTER_A_NEWER,
    ),
)


def hunt(fault: Fault, *, seed: int, histories: int) -> Report:
    """Look for the bug; the report's last failure, if any, is the one that gives it away."""
    with fault.seeded():
        if isinstance(fault.aim, Scenario):
            return exhaust(fault.aim, most=histories)
        if isinstance(fault.aim, Hole):
            return fault.aim.report(fault.kinds)
        return roam(seed, histories=histories, aim=fault.aim, only=fault.kinds)
