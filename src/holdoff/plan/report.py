"""The figures of a replay: what a policy costs and what it saves.

**Staleness** is how long a change waited: from its trigger to the start, and to the end, of the first build that has
it. A build that fails has its changes, too: the failure is the fault of the changes, not of the policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from itertools import accumulate, chain, repeat
from operator import sub
from typing import Final

from holdoff.core.policy import Limit, Policy
from holdoff.core.shown import in_toml
from holdoff.core.units import iso, say_duration
from holdoff.core.value import Value
from holdoff.plan.replay import Past, Replay

WORST: Final = 5
_PERCENTS: Final = (50, 95, 100)
#: Of the change that waited longest for a build: when it came, and when the first build that has it began and ended.
Moment = tuple[int, int, int]
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


class Waits(Value, kw_only=False):
    """How long changes waited, milliseconds; ``None``: without end."""

    median_ms: int | None
    p95_ms: int | None
    longest_ms: int | None


class Figures(Value):
    """One policy over one past."""

    policy: Policy
    triggers: int
    builds: int
    building_ms: int  #: the sum of the builds' durations
    overlap_ms: int  #: how much of ``building_ms`` ran beside another build
    start: Waits  #: how long changes waited for the start of a build that has them
    end: Waits  #: how long they waited for its end
    never: int  #: how many changes no build has, under a policy that skips
    #: The longest time that the policy lets a change wait for a start; ``None``: there is no limit.
    promised_ms: int | None
    worst: tuple[Moment, ...]  #: the worst moments, the worst first

    @property
    def saved(self) -> int:
        """How many fewer builds there were than one for each trigger."""
        return self.triggers - self.builds

    @property
    def name(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in settings_of(self.policy).items())

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; durations in seconds."""
        waits = {
            name: {key.removesuffix("_ms"): _seconds(ms) for key, ms in vars(waits).items()}
            for name, waits in (("to_start", self.start), ("to_end", self.end))
        }
        return {
            "policy": settings_of(self.policy),
            "builds": self.builds,
            "saved": self.saved,
            "building": _seconds(self.building_ms),
            "overlap": _seconds(self.overlap_ms),
            **waits,
            "promised": _seconds(self.promised_ms),
            "never_built": self.never,
            "worst": [dict(zip(("at", "started", "ended"), map(iso, moment), strict=True)) for moment in self.worst],
        }


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def measured(past: Past, policy: Policy, made: Replay) -> Figures:
    ends = _first_ends(made)
    has = made.until[-1] if made.until else 0
    return Figures(
        policy=policy,
        triggers=len(past.at_ms),
        builds=len(made.started_ms),
        building_ms=sum(made.ended_ms) - sum(made.started_ms),
        overlap_ms=_overlap_ms(made),
        start=_waits(past.at_ms, made.until, made.started_ms),
        end=_waits(past.at_ms, made.until, ends),
        never=len(past.at_ms) - has,
        promised_ms=promised_ms(policy, past),
        worst=tuple(_worst(past.at_ms, made, ends)),
    )


def _first_ends(made: Replay) -> list[int]:
    """When the changes of each build were first built. A later build has them, too, and may end earlier; a cancelled
    build has built nothing."""
    never = max(made.ended_ms, default=0) + 1
    ends = [never if n in made.cancelled else end for n, end in enumerate(made.ended_ms)]
    return list(accumulate(reversed(ends), min))[::-1]


def _overlap_ms(made: Replay) -> int:
    """How long builds ran beside an earlier one."""
    total, busy_ms = 0, 0
    for start, end in zip(made.started_ms, made.ended_ms, strict=True):
        total += max(0, min(end, busy_ms) - start)
        busy_ms = max(busy_ms, end)
    return total


def _waits(at_ms: Sequence[int], until: Sequence[int], instants: Sequence[int]) -> Waits:
    """The waits from each trigger to the instant of its build. A change that no build has waits without end."""
    counts = map(sub, until, (0, *until))
    built = chain.from_iterable(map(repeat, instants, counts))
    ordered = sorted(map(sub, built, at_ms))
    ranks = [max(0, -(-percent * len(at_ms) // 100) - 1) for percent in _PERCENTS]
    return Waits(*(ordered[rank] if rank < len(ordered) else None for rank in ranks))


def _worst(at_ms: Sequence[int], made: Replay, ends: Sequence[int]) -> list[Moment]:
    """The longest waits. Of each build the first change waited longest; a build after a failure has no change of its
    own."""
    spans = zip((0, *made.until[:-1]), made.until, made.started_ms, ends, strict=False)
    moments = ((at_ms[first], start, end) for first, until, start, end in spans if first < until)
    return nlargest(WORST, moments, key=lambda one: one[2] - one[0])


def promised_ms(policy: Policy, past: Past) -> int | None:
    """The longest time that a change can wait for the start of a build, with builds as long as these; ``None``: there
    is no bound."""
    if policy.on_cooldown == "skip" or policy.overlap == "skip" or policy.unchanged == "skip":
        return None
    if policy.quiet_ms is not None and policy.max_wait_ms is None:
        return None
    if policy.on_failure == "rearm" and past.failed:
        return None  # while a build fails again and again, newer changes wait for its back-off, too
    longest_ms = max(past.took_ms, default=0)
    after_end = policy.cooldown_from == "finish"
    waits = [policy.cooldown_ms + (longest_ms if after_end else 0), policy.max_wait_ms or 0]
    waits += [longest_ms] if policy.overlap == "defer" else []
    waits += [policy.limit.window_ms] if policy.limit is not None else []
    return max(waits)


def settings_of(policy: Policy) -> dict[str, str]:
    """A policy's settings as in ``holdoff.toml``; settings with their default values are left out."""
    plain = vars(Policy(0))
    found = {"cooldown": written(policy.cooldown_ms)}
    for field, value in vars(policy).items():
        if value != plain[field]:
            found[field.removesuffix("_ms")] = _setting(value)
    return found


def _setting(value: int | Limit | str) -> str:
    if isinstance(value, Limit):  # its own words round the window
        return f"{value.count}/{written(value.window_ms)}"
    return written(value) if isinstance(value, int) else value


def toml_of(policy: Policy, project: str) -> str:
    """The lines to paste into ``holdoff.toml``."""
    settings = (f'{key} = "{value}"\n' for key, value in settings_of(policy).items())
    return "".join([f"[projects.{in_toml(project)}]\n", *settings])


def written(ms: int) -> str:
    """A duration as a person writes it, without rounding: ``1h30m``."""
    parts = []
    for unit, unit_ms in _UNITS:
        count, ms = divmod(ms, unit_ms)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def said(ms: int | None) -> str:
    """How long a wait was, in words."""
    return "never" if ms is None else say_duration(ms, up=True)


def percent(part: int, whole: int) -> str:
    """A percentage as a whole number, which is never rounded to all or nothing."""
    share = round(100 * part / max(1, whole))
    if share == 0 and part:
        return "under 1" if part > 0 else "under 0"
    return "over 99" if share == 100 and part < whole else str(share)
