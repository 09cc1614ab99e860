"""What a policy costs and what it saves: figures of a replay, which policies are worth having, and which one to take.

**Staleness** is how long a change waited: from its trigger to the start, and to the end, of the first build that has
it. A policy is *efficient* if no other builds as little with a shorter longest wait (to the end). Of these the
recommended one stands at the bend: from there, fewer builds cost much waiting, and less waiting costs many builds. Or
it is the one with the fewest builds that keeps every wait within what a person says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from itertools import accumulate, chain, repeat
from operator import sub
from typing import Any, Final

from holdoff.core.policy import Policy
from holdoff.core.units import iso, say_duration
from holdoff.core.value import Value
from holdoff.plan.replay import Past, Replay, Told, replay

WORST: Final = 5
_RANKS: Final = (0.5, 0.95, 1.0)
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


class Waits(Value, kw_only=False):
    """How long changes waited, milliseconds; ``None``: for ever."""

    median_ms: int | None
    p95_ms: int | None
    longest_ms: int | None


class Moment(Value):
    """The change that waited longest for a build: when it came, and when the first build that has it began and was
    over."""

    at_ms: int
    started_ms: int
    ended_ms: int


class Figures(Value):
    """One policy over one past.

    Attributes:
        triggers, builds: how many.
        building_ms: how long builds ran, all together; of them ``overlap_ms`` beside another.
        start, end: how long changes waited for the start, and for the end, of a build that has them.
        never: changes that no build has; a policy that skips may have such.
        promised_ms: the longest that a change may wait for a start, by the policy; ``None``: it promises nothing.
        worst: the worst moments, the worst first.
        is_fast: how it was replayed.
    """

    policy: Policy
    triggers: int
    builds: int
    building_ms: int
    overlap_ms: int
    start: Waits
    end: Waits
    never: int
    promised_ms: int | None
    worst: tuple[Moment, ...]
    is_fast: bool

    @property
    def saved(self) -> int:
        """Builds that were not needed, of one for each trigger."""
        return self.triggers - self.builds

    @property
    def name(self) -> str:
        """The policy in words."""
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
            "worst": [{key.removesuffix("_ms"): iso(ms) for key, ms in vars(moment).items()} for moment in self.worst],
            "replayed": "fast" if self.is_fast else "core",
        }


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


# --- figures -------------------------------------------------------------------------------------------------------


def figures_of(past: Past, policy: Policy, told: Told = lambda _done: None) -> Figures:
    """Replay a policy, and measure what came of it."""
    return measured(past, policy, replay(past, policy, told))


def measured(past: Past, policy: Policy, made: Replay) -> Figures:
    """The figures of a replay."""
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
        promised_ms=promised_ms(policy, max(past.took_ms, default=0)),
        worst=tuple(_worst(past.at_ms, made, ends)),
        is_fast=made.is_fast,
    )


def _first_ends(made: Replay) -> list[int]:
    """When the changes of each build were first built: a later build has them too, and may end earlier; one that was
    cancelled has built nothing."""
    never = max(made.ended_ms, default=0) + 1
    ends = [never if n in made.cancelled else end for n, end in enumerate(made.ended_ms)]
    return list(accumulate(reversed(ends), min))[::-1]


def _overlap_ms(made: Replay) -> int:
    """For how long builds ran beside an earlier one."""
    total, busy_ms = 0, 0
    for start, end in zip(made.started_ms, made.ended_ms, strict=True):
        total += max(0, min(end, busy_ms) - start)
        busy_ms = max(busy_ms, end)
    return total


def _waits(at_ms: Sequence[int], until: Sequence[int], instants: Sequence[int]) -> Waits:
    """From each trigger to the instant of its build; what no build has waits for ever."""
    ranks = [max(0, -(-int(rank * 100) * len(at_ms) // 100) - 1) for rank in _RANKS]
    known = until[-1] if until else 0
    found = _ranked(at_ms, until, instants, [rank for rank in ranks if rank < known])
    return Waits(*(found.get(rank) for rank in ranks))


def _ranked(
    at_ms: Sequence[int], until: Sequence[int], instants: Sequence[int], ranks: Sequence[int]
) -> dict[int, int]:
    """The waits of these ranks, the shortest first."""
    if not ranks:
        return {}
    counts = map(sub, until, (0, *until))
    built = chain.from_iterable(map(repeat, instants, counts))
    ordered = sorted(map(sub, built, at_ms))
    return {rank: ordered[rank] for rank in ranks}


def _worst(at_ms: Sequence[int], made: Replay, ends: Sequence[int]) -> Iterable[Moment]:
    """Of each build the first change waited longest."""
    firsts = (0, *made.until[:-1])
    moments = zip((at_ms[first] for first in firsts), made.started_ms, ends, strict=False)
    for at, start, end in nlargest(WORST, moments, key=lambda one: one[2] - one[0]):
        yield Moment(at_ms=at, started_ms=start, ended_ms=end)


def promised_ms(policy: Policy, longest_build_ms: int) -> int | None:
    """The longest that a change waits for the start of a build, whatever comes; ``None``: there is no bound."""
    if policy.on_cooldown == "skip" or policy.overlap == "skip" or policy.unchanged == "skip":
        return None
    if policy.quiet_ms is not None and policy.max_wait_ms is None:
        return None
    after_end = policy.cooldown_from == "finish"
    waits = [policy.cooldown_ms + (longest_build_ms if after_end else 0), policy.max_wait_ms or 0]
    waits += [longest_build_ms] if policy.overlap == "defer" else []
    waits += [policy.limit.window_ms] if policy.limit is not None else []
    return max(waits)


# --- policies in words ---------------------------------------------------------------------------------------------


def settings_of(policy: Policy) -> dict[str, str]:
    """A policy's settings as ``holdoff.toml`` has them; those that are as without them are left out."""
    plain = vars(Policy(0))
    found = {"cooldown": written(policy.cooldown_ms)}
    for field, value in vars(policy).items():
        if field != "cooldown_ms" and value != plain[field]:
            found[field.removesuffix("_ms")] = written(value) if field.endswith("_ms") else str(value)
    return found


def toml_of(policy: Policy, project: str) -> str:
    """The lines to paste."""
    name = (
        project
        if project.replace("-", "").replace("_", "").isalnum() and project.isascii()
        else f'"{_quoted(project)}"'
    )
    return "".join([f"[projects.{name}]\n", *(f'{key} = "{value}"\n' for key, value in settings_of(policy).items())])


def _quoted(text: str) -> str:
    return "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in text)


def written(ms: int) -> str:
    """A duration as a person writes it, exactly: ``1h30m``."""
    parts = []
    for unit, unit_ms in _UNITS:
        count, ms = divmod(ms, unit_ms)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def said(ms: int | None) -> str:
    """How long a wait was, as a person says it."""
    return "never" if ms is None else say_duration(ms, up=True)


# --- which to take -------------------------------------------------------------------------------------------------


class Choice(Value):
    """What to take, and why.

    Attributes:
        efficient: the places of the policies that are worth having, the most builds first.
        taken: the place of the one that is recommended.
        why: a sentence.
    """

    efficient: tuple[int, ...]
    taken: int
    why: str


def choose(rows: Sequence[Figures], *, present: int | None = None, most_ms: int | None = None) -> Choice:
    """Which policy to take.

    Args:
        rows: at least one.
        present: the place of the one that is in force.
        most_ms: how long a change may wait for the end of a build that has it; then the fewest builds within that win.
    """
    efficient = _efficient(rows)
    taken, why = _within(rows, efficient, most_ms) if most_ms is not None else _bend(rows, efficient)
    row = rows[taken]
    said_of = f"{', '.join(f'{k} = {v!r}' for k, v in settings_of(row.policy).items())}".replace("'", '"')
    against = f"{_fewer(row.builds, row.triggers)} than one for each trigger ({row.builds:,} of {row.triggers:,})"
    if present is not None and present != taken:
        against += f", {_fewer(row.builds, rows[present].builds)} than the present policy"
    waits = f"the longest wait for a start {said(row.start.longest_ms)}, for an end {said(row.end.longest_ms)}"
    return Choice(efficient=efficient, taken=taken, why=f"{said_of}: {against}; {waits}. {why}")


def _wait_of(row: Figures) -> float:
    return float("inf") if row.end.longest_ms is None else row.end.longest_ms


def _efficient(rows: Sequence[Figures]) -> tuple[int, ...]:
    def order(place: int) -> tuple[Any, ...]:
        row = rows[place]  # of two that did the same, the one that promises more, then the longer cooldown
        promised = float("inf") if row.promised_ms is None else row.promised_ms
        return row.builds, _wait_of(row), row.end.median_ms or 0, promised, -row.policy.cooldown_ms, place

    found: list[int] = []
    for place in sorted(range(len(rows)), key=order):
        if not found or _wait_of(rows[place]) < _wait_of(rows[found[-1]]):
            found.append(place)
    return tuple(reversed(found))


def _bend(rows: Sequence[Figures], efficient: Sequence[int]) -> tuple[int, str]:
    """The one farthest from the line between the ends ("Finding a Kneedle in a Haystack", Satopaa and others, 2011)."""
    sure = [place for place in efficient if rows[place].never == 0] or list(efficient)
    most, least = rows[sure[0]], rows[sure[-1]]
    builds = max(1, most.builds - least.builds)
    waits = max(1.0, _wait_of(least) - _wait_of(most))

    def gain(place: int) -> float:
        row = rows[place]
        return -(row.builds - least.builds) / builds - (_wait_of(row) - _wait_of(most)) / waits

    taken = max(sure, key=gain)
    after = sure[sure.index(taken) + 1 :]
    if not after:
        return taken, "No other that was tried builds less."
    row, following = rows[taken], rows[after[0]]
    less = row.builds - following.builds
    return taken, (
        f"It is the bend: the next one that builds less ({following.name}) saves {less:,} more, "
        f"and a change may wait {said(following.end.longest_ms)}."
    )


def _within(rows: Sequence[Figures], efficient: Sequence[int], most_ms: int) -> tuple[int, str]:
    within = [place for place in efficient if _wait_of(rows[place]) <= most_ms]
    if within:
        return within[-1], f"Of those that kept every wait within {written(most_ms)} it builds least."
    return efficient[0], f"None kept every wait within {written(most_ms)}; this one came nearest."


def _fewer(builds: int, of: int) -> str:
    percent = round(100 * (of - builds) / max(1, of))
    return f"{abs(percent)} % {'more' if percent < 0 else 'fewer'} builds"
