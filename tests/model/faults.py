"""Bugs on purpose: each replaces one rule of the shipped code by what somebody might have written instead.

The checker must catch every one of them (``test_faults``); one it cannot see would be a rule nobody checks.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from holdoff.core import machine, protocol
from holdoff.core.effects import Lost, NewId, Now, Start, Swap, Swapped
from holdoff.core.errors import StartRefused
from holdoff.core.record import Opening
from holdoff.stores.memory import MemoryStore
from tests.model.holes import LOOKED_EARLY, TOO_EARLY, Hole
from tests.model.scenario import Scenario
from tests.model.scenarios import PAUSED, REMEMBERED, WITHDRAWN
from tests.model.search import ANYTHING, Aim, Failure, Policies, Report, exhaust, roam

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from holdoff.core.machine import Rules
    from holdoff.core.record import Act, Claim, Pending, Record

_taken_over = machine.taken_over
_confirmed = machine.confirmed
_refused = machine.refused
_reset = machine.reset
_covered_now = machine._covered_now
_defer = machine._defer
_settled = machine.settled
_apply = Opening.apply
_with_tally = machine.with_tally
_tallied = machine.tallied
_is_certain = machine._is_certain


@dataclass(frozen=True, slots=True)
class Fault:
    """One bug.

    Attributes:
        breaks: how the breaches begin, one of which the checker must find.
        aim: where to look for it: random histories about this, every history of a scenario, or the one history that
            showed it.
    """

    name: str
    breaks: str
    where: object
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
        with patch.object(self.where, self.attribute, self.wrong):
            yield


# --- the store -----------------------------------------------------------------------------------------------------


def _swap_whatever_is_there(
    self: MemoryStore, key: Any, *, expected: Record, new: Record, history: Any = ()
) -> Swapped | Lost:
    self._gates[key] = new
    return Swapped(new)


def _swap_by_version_only(
    self: MemoryStore, key: Any, *, expected: Record, new: Record, history: Any = ()
) -> Swapped | Lost:
    current = self.get(key)
    if current.writes[:1] != expected.writes[:1]:
        return Lost(current)
    self._gates[key] = new
    return Swapped(new)


def _open_whenever(self: Opening, record: Record) -> Record | None:
    """A claim at first sight that asks for no cooldown."""
    return _apply(replace(self, ready_if_ms=None), record)


# --- claims --------------------------------------------------------------------------------------------------------


def _taken_over_with_a_new_token(record: Record, rules: Rules, now_ms: int) -> Record:
    taken = _taken_over(record, rules, now_ms)
    assert taken.claim is not None
    return replace(taken, claim=replace(taken.claim, token=f"{taken.claim.token}+"))


def _taken_over_by_trigger(record: Record, rules: Rules, now_ms: int) -> Record:
    """ "Covered": who takes a claim over takes what is pending along, though the request is frozen."""
    return replace(_taken_over(record, rules, now_ms), pending=None)


def _confirmed_with_lastbuild_of_the_claim(
    record: Record, claim: Claim, build_id: str, rules: Rules, now_ms: int
) -> Record:
    new = _confirmed(record, claim, build_id, rules, now_ms)
    return new if new is record else replace(new, lastbuild=record.lastbuild)


def _confirmed_dropping_pending(
    record: Record, claim: Claim, build_id: str, rules: Rules, now_ms: int
) -> Record:
    new = _confirmed(record, claim, build_id, rules, now_ms)
    return new if new is record else machine.settled(replace(new, pending=None), rules)


def _refused_by_anybody(
    record: Record, claim: Claim, rules: Rules, now_ms: int, **how: bool
) -> Record:
    held = record.claim
    if held is None or held.token != claim.token:
        return record
    mine = replace(claim, attempt=held.attempt, held_ms=held.held_ms)
    return _refused(record, mine, rules, now_ms, **how)


def _refused_keeping_lastbuild(
    record: Record, claim: Claim, rules: Rules, now_ms: int, **how: bool
) -> Record:
    new = _refused(record, claim, rules, now_ms, **how)
    return (
        new if new is record else machine.settled(replace(new, lastbuild=record.lastbuild), rules)
    )


def _refused_forgetting_triggers(
    record: Record, claim: Claim, rules: Rules, now_ms: int, **how: bool
) -> Record:
    new = _refused(record, claim, rules, now_ms, **how)
    return new if new is record else machine.settled(replace(new, pending=record.pending), rules)


# --- what is pending -----------------------------------------------------------------------------------------------


def _taken_before_due(
    record: Record, trigger: Any, policy: Any, now_ms: int
) -> tuple[Pending | None, Pending | None]:
    if record.pending is not None and not trigger.force:
        return machine._folded(record.pending, trigger, now_ms), None
    return _covered_now(record, trigger, policy, now_ms)


def _forced_takes_pending_along(
    record: Record, trigger: Any, policy: Any, now_ms: int
) -> tuple[Pending | None, Pending | None]:
    if record.pending is not None and trigger.force:
        return machine._folded(record.pending, trigger, now_ms), None
    return _covered_now(record, trigger, policy, now_ms)


def _reset_making_due_now(
    record: Record, act: Act, rules: Rules, *, drop_pending: bool = False
) -> Record:
    new = _reset(record, act, rules, drop_pending=drop_pending)
    if new.pending is None:
        return new
    return machine.settled(replace(new, pending=replace(new.pending, due_ms=0)), rules)


def _withdrawn_by_count(record: Record, token: str, rules: Rules) -> Record:
    pending = record.pending
    if pending is None or not pending.revocable:
        return record
    left = replace(pending, count=pending.count - 1, revocable=pending.revocable[1:])
    return machine.settled(replace(record, pending=left if left.count else None), rules)


def _covered_by_a_claim(record: Record, trigger: Any, found: Any, say: Any) -> Any:
    if record.claim is not None:
        return say.deferred(record, record.claim.covers, found)
    return _defer(record, trigger, found, say)


def _unsettled(record: Record, rules: Rules) -> Record:
    """Nobody is told when to look again at a gate that is cooling down."""
    settled = _settled(record, rules)
    return settled if record.claim else replace(settled, due_ms=None)


def _always_from_memory(step: Any, trigger: Any, sight: Any, rules: Rules, now_ms: int) -> bool:
    return step.then is machine.Then.NOTHING


def _no_wait_for_builds(record: Record, policy: Any) -> None:
    return None


def _no_hold(record: Record, policy: Any) -> None:
    return None


def _no_limit(record: Record, policy: Any) -> None:
    return None


# --- the protocol --------------------------------------------------------------------------------------------------


def _write_not_recognised(
    expected: Record, new: Record, _tally: machine.Tally | None = None
) -> Generator[Any, Any, Any]:
    """A lost response taken for a lost race."""
    written = new.written((yield NewId()))
    return (yield Swap(expected, written, machine.history_of(expected, new)))


def _of_nobody(record: Record, opening: Opening) -> bool:
    """An open whose response was lost is taken for somebody else's."""
    return False


def _too_early_whoever_holds_it(
    record: Record, token: str, rules: Rules
) -> Generator[Any, Any, Any]:
    """What stands there after a lost response is taken back as if it still were one's own."""
    now_ms = yield Now()
    claim = record.claim
    if claim is None or not machine.was_too_early(record, rules, now_ms):
        return Swapped(record)
    change = lambda current, _at_ms: machine.unclaimed(current, claim, rules)  # noqa: E731
    return Lost((yield from protocol._apply(change, record)))


def _resolve_without_lease(
    record: Record, token: str, attempt: int, rules: Rules
) -> Generator[Any, Any, Any]:
    """The claimant starts whatever its clock says, and as the claimant it once was."""
    now_ms = yield Now()
    claim = record.claim
    if claim is None or claim.token != token:
        return protocol._finished_by_another(record, token)
    return (yield from protocol._start(record, claim, rules, now_ms))


def _nothing_found(claim: Claim, rules: Rules) -> Generator[Any, Any, tuple[str | None, bool]]:
    """Nobody asks the starter whether it was built: it was not, surely."""
    yield Now()
    return None, True


def _failures_give_back(
    record: Record, claim: Claim, rules: Rules, now_ms: int
) -> Generator[Any, Any, Any]:
    """No answer taken for a refusal."""
    try:
        build_id = yield Start(claim.request, claim.token)
    except Exception as error:  # noqa: BLE001
        refusal = StartRefused(str(error), worth_retrying=True)
        return (yield from protocol._give_back(record, claim, rules, refusal, None))
    return (yield from protocol._confirm(record, claim, build_id, rules))


def _every_refusal_is_certain(
    claim: Claim, rules: Rules, now_ms: int, looked_ms: int | None
) -> bool:
    return True


def _certain_by_an_early_look(
    claim: Claim, rules: Rules, now_ms: int, looked_ms: int | None
) -> bool:
    """Somebody looked, whenever that was."""
    return _is_certain(claim, rules, now_ms, None if looked_ms is None else now_ms)


def _left_as_it_is(pending: Pending, trigger: Any, now_ms: int) -> Pending:
    """A pending that a newer start leaves behind still asks for the older version."""
    return pending


def _no_event_is_known(record: Record, event_id: str | None) -> bool:
    """A redelivered event is a trigger like any other."""
    return False


def _tallied_without_events(
    tally: machine.Tally, step: Any, trigger: Any, now_ms: int
) -> machine.Tally:
    """What was deferred from memory is counted, but its events are forgotten."""
    return replace(_tallied(tally, step, trigger, now_ms), events=())


def _not_settled(record: Record, tally: machine.Tally, rules: Rules) -> Record:
    return replace(_with_tally(record, tally, rules), due_ms=record.due_ms)


def _blind_to_own_starts(record: Record, policy: Any) -> int:
    """The lastbuild alone: the old snippet may have moved it back."""
    return 0


HURRY: Final[Policies] = ({"cooldown": "20s"}, {"cooldown": 0})
PLAIN: Final[Policies] = ({"cooldown": "10m"},)
OVERLAP: Final[Policies] = ({"cooldown": "2m", "overlap": "defer"},)
LIMIT: Final[Policies] = ({"cooldown": "1m", "limit": "2/20m"},)
FORCED: Final = Aim(PLAIN, (("trigger", "trigger force", "wake"),), ("cooling", "pending"))
RESET: Final = Aim(PLAIN, (("trigger", "trigger", "wake", "reset"),), ("cooling", "pending"))
SNIPPET: Final = Aim(PLAIN, (("trigger", "wake", "snippet"),), ("long ago",))
TRIGGERS: Final = Aim(PLAIN, (("trigger", "wake"),), ("nothing",))
ALONE: Final = Scenario(name="one trigger", scripts=(("trigger",),), depth=8, faults=2)

HOLD: Final = Aim(PLAIN, (("trigger", "wake", "hold", "hold for", "resume"),))
EVENTS: Final = Aim(PLAIN, (("trigger event=E1", "trigger event=E2", "wake", "flush"),))
VERSIONS: Final = Aim(PLAIN, (("trigger version", "trigger force version", "wake"),), ("cooling",))
DROPS: Final = Aim(PLAIN, (("trigger", "trigger", "drop", "flush"),), ("cooling",))

FAULTS: Final = (
    Fault(
        "get, then update, as the snippet does",
        "G1 G2 G3",
        MemoryStore,
        "swap",
        _swap_whatever_is_there,
    ),
    Fault(
        "the version compared, but not lastbuild",
        "G1",
        MemoryStore,
        "swap",
        _swap_by_version_only,
        SNIPPET,
    ),
    Fault("an open that minds no cooldown", "G1", Opening, "apply", _open_whenever),
    Fault(
        "a new token on take-over", "G1 G3 G4", machine, "taken_over", _taken_over_with_a_new_token
    ),
    Fault(
        "a take-over that covers what is pending",
        "G2 lost",
        machine,
        "taken_over",
        _taken_over_by_trigger,
    ),
    Fault(
        "lastbuild moved at the claim only",
        "G1",
        machine,
        "confirmed",
        _confirmed_with_lastbuild_of_the_claim,
    ),
    Fault(
        "covered by the build that was confirmed",
        "G2 lost",
        machine,
        "confirmed",
        _confirmed_dropping_pending,
    ),
    Fault("covered by a claim", "G2 lost", machine, "_defer", _covered_by_a_claim),
    Fault(
        "rolled back by somebody else",
        "G3 rolled",
        machine,
        "refused",
        _refused_by_anybody,
        TRIGGERS,
    ),
    Fault(
        "a refusal that keeps the slot",
        "G5",
        machine,
        "refused",
        _refused_keeping_lastbuild,
        TRIGGERS,
    ),
    Fault(
        "a refusal that forgets its triggers",
        "G2",
        machine,
        "refused",
        _refused_forgetting_triggers,
    ),
    Fault(
        "pending taken before its due", "G2 lost", machine, "_covered_now", _taken_before_due, RESET
    ),
    Fault(
        "a forced start that takes pending along",
        "G2 lost",
        machine,
        "_covered_now",
        _forced_takes_pending_along,
        FORCED,
    ),
    Fault(
        "a reset that makes pending due now",
        "G2 lost",
        machine,
        "reset",
        _reset_making_due_now,
        RESET,
    ),
    Fault(
        "a withdrawal that does not say whose",
        "G2 lost",
        machine,
        "withdrawn",
        _withdrawn_by_count,
        WITHDRAWN,
    ),
    Fault("no due for a gate that cools down", "G2 asleep", machine, "settled", _unsettled),
    Fault(
        "any deferral answered from memory",
        "G2 lost",
        protocol,
        "_holds_from_memory",
        _always_from_memory,
        Aim(HURRY, (("trigger", "wake"),)),
    ),
    Fault(
        "running builds not waited for",
        "G4",
        machine,
        "_running",
        _no_wait_for_builds,
        Aim(OVERLAP),
    ),
    Fault("a hold that nobody minds", "H hold", machine, "_held", _no_hold, HOLD),
    Fault("the limit not asked", "G1 limit", machine, "_limited", _no_limit, Aim(LIMIT)),
    Fault(
        "a lost response taken for a lost race",
        "G2 G6",
        protocol,
        "_write",
        _write_not_recognised,
    ),
    Fault(
        "an open with a lost response taken for another's",
        "G6",
        machine,
        "is_opened",
        _of_nobody,
        ALONE,
    ),
    Fault(
        "another's attempt taken back as too early",
        "G3 G6",
        protocol,
        "_unless_too_early",
        _too_early_whoever_holds_it,
        TOO_EARLY,
    ),
    Fault(
        "the lease not looked at before the start",
        "G3 double",
        protocol,
        "_resolve",
        _resolve_without_lease,
        PAUSED,
    ),
    Fault(
        "taken over without asking whether it was built",
        "G1 G3",
        protocol,
        "_find",
        _nothing_found,
    ),
    Fault(
        "no answer taken for a refusal",
        "G3",
        protocol,
        "_start",
        _failures_give_back,
        ALONE,
    ),
    Fault(
        "every refusal certain",
        "G3 refused",
        machine,
        "_is_certain",
        _every_refusal_is_certain,
        TRIGGERS,
    ),
    Fault(
        "a look before all was read taken for certain",
        "G3 refused",
        machine,
        "_is_certain",
        _certain_by_an_early_look,
        LOOKED_EARLY,
    ),
    Fault(
        "a pending left behind stays at the older version",
        "G2 order",
        machine,
        "_left_behind",
        _left_as_it_is,
        VERSIONS,
    ),
    Fault(
        "a tally written in without a new due",
        "G2 asleep",
        machine,
        "with_tally",
        _not_settled,
        DROPS,
    ),
    Fault(
        "an event that is known, and starts a build again",
        "G3 redelivered",
        machine,
        "_is_known_event",
        _no_event_is_known,
        EVENTS,
    ),
    Fault(
        "an event deferred from memory, and forgotten",
        "G3 redelivered unwritten",
        machine,
        "tallied",
        _tallied_without_events,
        REMEMBERED,
    ),
    Fault(
        "the old snippet's lastbuild trusted",
        "G1 beside",
        machine,
        "_own_start_ms",
        _blind_to_own_starts,
        SNIPPET,
    ),
)


def hunt(fault: Fault, *, seed: int, histories: int) -> Report:
    """Look for the bug; the report's last failure, if any, is the one that gives it away."""
    with fault.seeded():
        if isinstance(fault.aim, Scenario):
            return exhaust(fault.aim, most=histories)
        if isinstance(fault.aim, Hole):
            return fault.aim.report()
        return roam(seed, histories=histories, aim=fault.aim, only=fault.kinds)
