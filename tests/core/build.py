"""Records, triggers and terms for the tests of the core, in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdoff.core import decide
from holdoff.core.decide import Step, Trigger, Wake
from holdoff.core.pending import single
from holdoff.core.policy import Policy
from holdoff.core.record import Claim, Finished, Pending, Record, Running
from holdoff.core.request import Request
from holdoff.core.terms import Terms
from holdoff.core.units import Duration, seconds_from_ms

if TYPE_CHECKING:
    from decimal import Decimal

    from holdoff.core.decision import Outcome, Why

NOW = 1_800_000_000_000
MINUTE = 60_000
COOLDOWN = 10 * MINUTE
LEASE = NOW + 30 * MINUTE


def terms(cooldown: Duration = "10m", *, by: dict[str, Any] | None = None, **policy: Any) -> Terms:
    """Terms with this policy; ``by``: what else differs from the defaults."""
    return Terms(policy=Policy(cooldown, **policy), build_lease_ms=30 * MINUTE).but(**(by or {}))


def request(**words: Any) -> Request:
    """A request for the site."""
    return Request(project="site", region="local", **words)


def trigger(token: str = "T1", *, force: bool = False, waits: bool = False, **words: Any) -> Trigger:
    """A trigger for the site."""
    return Trigger(request=request(forced=force, **words), token=token, waits=waits)


def pending(came_ms: int = NOW - MINUTE, *, count: int = 1, **words: Any) -> Pending:
    """Triggers that came a minute ago; ``words`` are of the request or of the pending."""
    own = {name: words.pop(name) for name in list(words) if name in Pending._fields}
    return single(request(**words), came_ms).but(count=count, **own)


def claim(token: str = "C1", **changes: Any) -> Claim:
    """A claim made now."""
    made = Claim(token=token, claimed_ms=NOW, held_ms=NOW, lease_until_ms=NOW + MINUTE, covers=pending())
    return made.but(**changes)


def running(token: str = "R1", **changes: Any) -> Running:
    """A build that started now."""
    made = Running(
        build_id=f"b-{token}",
        token=token,
        started_ms=NOW,
        lease_until_ms=LEASE,
        covers=pending(),
        claimed_ms=NOW - 1_000,
    )
    return made.but(**changes)


def finished(token: str = "F1", **changes: Any) -> Finished:
    """A build that ended now, after a second."""
    made = Finished(
        build_id=f"b-{token}",
        token=token,
        started_ms=NOW - 1_000,
        claimed_ms=NOW - 2_000,
        ended_ms=NOW,
        succeeded=True,
    )
    return made.but(**changes)


def built(ago_ms: int, **changes: Any) -> Record:
    """A gate that built so long ago."""
    return Record(lastbuild=seconds(NOW - ago_ms), writes=("w0",), moved="w0").but(**changes)


def claimed(**changes: Any) -> Record:
    """A gate with a claim made now; it had built long before."""
    return built(0, claim=claim(before=seconds(NOW - COOLDOWN))).but(**changes)


def seconds(ms: int) -> Decimal:
    """As ``lastbuild`` has it."""
    return seconds_from_ms(ms)


def on_trigger(record: Record, event: Trigger, by: Terms, now_ms: int = NOW) -> Step:
    """One trigger at ``NOW``."""
    return decide.on_trigger(record, event, by, now_ms)


def on_wake(record: Record, by: Terms, now_ms: int = NOW, waiter: str | None = None) -> Step:
    """One wake at ``NOW``."""
    return decide.on_wake(record, Wake(gate=request().gate, token="W1", waiter=waiter), by, now_ms)


def answer(step: Step) -> tuple[Outcome, Why]:
    """What became of it, and why."""
    return step.decision.outcome, step.decision.why
