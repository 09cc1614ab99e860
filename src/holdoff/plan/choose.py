"""Chooses the policy to recommend, and says why.

A policy is *efficient* if no other policy that was tried builds as little with a shorter longest wait (to a build's
end). If a person gives a longest wait, the choice is the efficient policy with the fewest builds within that wait.
Otherwise the choice is the policy at the *bend*: beyond it, fewer builds cost much waiting, and less waiting costs many
builds. Without that bound no policy is chosen that makes a change wait over an hour for a start. A cooldown that is too
short for the builds is chosen only if there is no other. The present policy stays unless another is clearly better. If
there is nothing to save, the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from holdoff.core.units import say_duration
from holdoff.core.value import Value
from holdoff.plan.report import Figures, percent, said, settings_of, written

#: Without a bound, no policy is recommended that makes a change wait longer than this for a start.
LONGEST_START_MS: Final = 3_600_000
#: The longest wait for a start that may be promised by a policy that only guards against storms.
GUARD_MS: Final = 600_000
#: A gain below this share of the builds, or of the longest wait, is not worth a change of policy.
_WORTH: Final = 0.05
#: If builds run beside one another for more than this share of their time, the cooldown is too short.
_CROWDED: Final = 0.1
#: How far a bend must be from the line between the ends, as a share of the distance between them.
_LEAST_BEND: Final = 0.02


class Choice(Value):
    """The recommended policy, and why."""

    efficient: tuple[int, ...]  #: the places of the efficient policies, the one with the most builds first
    taken: int  #: the place of the recommended policy
    why: str  #: sentences


def choose(rows: Sequence[Figures], *, present: int | None = None, most_ms: int | None = None) -> Choice:
    """Which policy to take.

    Args:
        rows: the figures of at least one policy.
        present: the place of the policy in force.
        most_ms: the bound: how long a change may wait for the end of a build that has it.
    """
    efficient = efficient_of(rows)
    sure = [place for place in efficient if rows[place].never == 0] or list(efficient)
    taken, why = _bend(rows, sure) if most_ms is None else _within(rows, sure, most_ms)
    if present is not None and _is_as_good(rows[present], rows[taken], most_ms):
        taken, why = _clearly_better(rows, sure if most_ms is None else (), present)
    elif present is None and rows[sure[-1]].saved < _WORTH * rows[taken].triggers:
        taken, why = _guard_only(rows, sure[0], rows[sure[-1]])
    if most_ms is not None and _wait_of(rows[taken]) > most_ms:
        why = f"No policy kept every wait within {written(most_ms)}. {why}"
    about = " ".join([f"{_summary(rows, taken, present)}.", why, *_cautions(rows[taken])])
    return Choice(efficient=efficient, taken=taken, why=about)


def efficient_of(rows: Sequence[Figures]) -> tuple[int, ...]:
    """The places of the efficient policies, the one with the most builds first."""

    def order(place: int) -> tuple[Any, ...]:
        row = rows[place]  # of two with equal figures, the shorter promised wait, then the longer cooldown
        promised = float("inf") if row.promised_ms is None else row.promised_ms
        return row.builds, _wait_of(row), row.end.median_ms or 0, promised, -row.policy.cooldown_ms, place

    found: list[int] = []
    for place in sorted(range(len(rows)), key=order):
        if not found or _wait_of(rows[place]) < _wait_of(rows[found[-1]]):
            found.append(place)
    return tuple(reversed(found))


def _wait_of(row: Figures) -> float:
    return float("inf") if row.end.longest_ms is None else row.end.longest_ms


# --- one of them ---------------------------------------------------------------------------------------------------


def _bend(rows: Sequence[Figures], sure: Sequence[int]) -> tuple[int, str]:
    """The policy farthest from the line between the ends ("Finding a Kneedle in a Haystack", Satopaa and others, 2011).
    If its cooldown is too short for the builds, the next policy with fewer builds."""
    borne = [place for place in sure if (rows[place].start.longest_ms or 0) <= LONGEST_START_MS] or [sure[0]]
    bend, distance = _farthest(rows, borne)
    bend = bend if distance >= _LEAST_BEND else borne[-1]
    taken = next((place for place in borne[borne.index(bend) :] if not _is_crowded(rows[place])), bend)
    if after := borne[borne.index(taken) + 1 :]:
        following = rows[after[0]]
        less, wait = rows[taken].builds - following.builds, said(following.end.longest_ms)
        why = "It is the bend: the next"
        if taken != bend:
            why = f"Under the bend ({rows[bend].name}) builds ran beside one another for too long. After this, the next"
        why += f" one that builds less ({following.name}) saves {less:,} more, and a change may wait {wait}."
    else:
        why = f"No other policy was suitable{' that builds less' if len(borne) > 1 else ''}."
    if len(borne) < len(sure):
        limit = written(LONGEST_START_MS)
        why += f" Policies that make a change wait over {limit} for a start were left out, as no bound was given."
    return taken, why


def _is_crowded(row: Figures) -> bool:
    """Whether builds ran beside one another for so long that the cooldown is too short."""
    return row.overlap_ms > _CROWDED * row.building_ms


def _farthest(rows: Sequence[Figures], places: Sequence[int]) -> tuple[int, float]:
    most, least = rows[places[0]], rows[places[-1]]
    builds = max(1, most.builds - least.builds)
    waits = max(1.0, _wait_of(least) - _wait_of(most))

    def distance(place: int) -> float:
        row = rows[place]
        return 1 - (row.builds - least.builds) / builds - (_wait_of(row) - _wait_of(most)) / waits

    taken = max(places, key=distance)
    return taken, distance(taken) if 0 < places.index(taken) < len(places) - 1 else 0.0


def _within(rows: Sequence[Figures], sure: Sequence[int], most_ms: int) -> tuple[int, str]:
    within = [place for place in sure if _wait_of(rows[place]) <= most_ms]
    if within:
        return within[-1], f"Of the policies that kept every wait within {written(most_ms)} it builds least."
    alone = "" if rows[sure[0]].start.longest_ms else " A build alone takes longer."
    return sure[0], f"This one came nearest.{alone}"


def _is_as_good(present: Figures, taken: Figures, most_ms: int | None) -> bool:
    """Whether the present policy may stay: it keeps to the bound, and the other policy is hardly better."""
    if most_ms is not None and _wait_of(taken) <= most_ms < _wait_of(present):
        return False
    saves_builds = taken.builds < (1 - _WORTH) * present.builds
    is_slow = most_ms is None or _wait_of(present) > most_ms
    return not (saves_builds or (is_slow and _wait_of(taken) < (1 - _WORTH) * _wait_of(present)))


def _clearly_better(rows: Sequence[Figures], places: Sequence[int], present: int) -> tuple[int, str]:
    """A policy with clearly fewer builds or less waiting than the present one, and hardly more of the other; otherwise
    the present policy."""
    own, much = rows[present], 1 + _WORTH
    near = [
        place
        for place in places
        if (rows[place].builds <= much * own.builds and _wait_of(rows[place]) <= much * _wait_of(own))
        and (rows[place].start.longest_ms or 0) <= LONGEST_START_MS
        and not (_is_crowded(rows[place]) or _is_as_good(own, rows[place], None))
    ]
    if not near:
        return present, "No other policy that was tried is clearly better than this one, the present policy."
    return near[-1], "It is better than the present policy in builds or waiting, and hardly worse in the other."


def _guard_only(rows: Sequence[Figures], quickest: int, best: Figures) -> tuple[int, str]:
    """If there is little to save: the policy with the longest cooldown that costs no waiting."""
    free = [
        place
        for place, row in enumerate(rows)
        if _wait_of(row) <= _wait_of(rows[quickest])
        and row.promised_ms is not None  # so the policy leaves no change out
        and row.promised_ms <= GUARD_MS
    ]
    taken = max(free, key=lambda place: (rows[place].policy.cooldown_ms, -place), default=quickest)
    share, leaves_out = percent(best.saved, best.triggers), any(row.never for row in rows)
    little = (
        f"There is little to save: {share} % of the builds under {best.name}."
        if best.saved
        else f"Nothing that was tried saves a build{', except by leaving changes out' if leaves_out else ''}."
    )
    guard = "A cooldown costs no waiting here, and" if rows[taken].policy.cooldown_ms else "A cooldown still"
    return taken, f"{little} {guard} guards against a storm that this history does not have."


# --- in words ------------------------------------------------------------------------------------------------------


def _summary(rows: Sequence[Figures], taken: int, present: int | None) -> str:
    row = rows[taken]
    policy = ", ".join(f'{key} = "{value}"' for key, value in settings_of(row.policy).items())
    against = f"{_fewer(row.builds, row.triggers)} than one for each trigger ({row.builds:,} of {row.triggers:,})"
    if present is not None and present != taken:
        against += f", {_fewer(row.builds, rows[present].builds)} than the present policy"
    waits = f"the longest wait for a start {said(row.start.longest_ms)}, for an end {said(row.end.longest_ms)}"
    return f"{policy}: {against}; {waits}"


def _fewer(builds: int, of: int) -> str:
    return f"{percent(abs(of - builds), of)} % {'more' if builds > of else 'fewer'} builds"


def _cautions(row: Figures) -> Iterator[str]:
    """What a person who takes this policy must know."""
    if row.overlap_ms:
        beside = say_duration(row.overlap_ms)
        yield f'Builds ran beside one another for {beside}: overlap = "defer" lets each end first.'
    if row.policy.quiet_ms is not None and row.policy.max_wait_ms is None:
        yield "Without max_wait a change waits for as long as other changes keep coming."
    if row.never:
        yield f"No build has {row.never:,} of the changes: the policy skips."
