"""Records, triggers and rules for the tests of the core, in few words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdoff.core import machine
from holdoff.core.machine import Rules, Step, Trigger
from holdoff.core.policy import Policy
from holdoff.core.record import Claim, Finished, Pending, Record, Request, Running
from holdoff.core.units import seconds_from_ms

if TYPE_CHECKING:
    from decimal import Decimal

NOW = 1_800_000_000_000
MINUTE = 60_000
COOLDOWN = 10 * MINUTE


def rules(cooldown: object = "10m", **policy: Any) -> Rules:
    """Rules with this policy, and the defaults."""
    return Rules(policy=Policy(cooldown, **policy), build_lease_ms=30 * MINUTE)


def request(**words: Any) -> Request:
    """A request for the site."""
    return Request(project="site", region="local", **words)


def digest(event_id: str) -> str:
    """What a record keeps of an event's id."""
    kept = machine.event_digest(event_id)
    assert kept is not None
    return kept


def trigger(token: str = "T1", *, force: bool = False, **words: Any) -> Trigger:
    """A trigger for the site."""
    return Trigger(request=request(forced=force, **words), token=token, force=force)


def pending(due_ms: int = NOW + MINUTE, **changes: Any) -> Pending:
    """One trigger that came a minute ago."""
    came = NOW - MINUTE
    made = Pending(request=request(), count=1, first_ms=came, last_ms=came, due_ms=due_ms)
    return replace(made, **changes)


def claim(token: str = "C1", **changes: Any) -> Claim:
    """A claim made now."""
    made = Claim(
        token=token,
        claimed_ms=NOW,
        held_ms=NOW,
        lease_until_ms=NOW + MINUTE,
        covers=pending(NOW - MINUTE),
        counted=True,
    )
    return replace(made, **changes)


def running(token: str = "R1", **changes: Any) -> Running:
    """A build that started now."""
    made = Running(
        build_id=f"b-{token}",
        token=token,
        started_ms=NOW,
        lease_until_ms=NOW + 30 * MINUTE,
        covers=pending(NOW - MINUTE),
        claimed_ms=NOW - 1_000,
    )
    return replace(made, **changes)


def finished(token: str = "F1", **changes: Any) -> Finished:
    """A build that ended now, after a second."""
    made = Finished(
        build_id=f"b-{token}",
        token=token,
        started_ms=NOW - 1_000,
        claimed_ms=NOW - 2_000,
        covered_ms=NOW - MINUTE,
        ended_ms=NOW,
        succeeded=True,
    )
    return replace(made, **changes)


def built(ago_ms: int, **changes: Any) -> Record:
    """A gate that built so long ago."""
    return replace(Record(lastbuild=seconds_from_ms(NOW - ago_ms), writes=("w0",)), **changes)


def seconds(ms: int) -> Decimal:
    """As ``lastbuild`` has it."""
    return seconds_from_ms(ms)


def on_trigger(record: Record, asked: Trigger, by: Rules, now_ms: int = NOW) -> Step:
    """One trigger at ``NOW``."""
    return machine.on_trigger(record, asked, by, now_ms)


def on_wake(record: Record, by: Rules, now_ms: int = NOW) -> Step:
    """One wake at ``NOW``."""
    return machine.on_wake(record, "W1", "site", "local", by, now_ms)
