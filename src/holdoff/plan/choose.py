"""Which policy to take, and why, in sentences.

A policy is *efficient* if no other that was tried builds as little with a shorter longest wait (to the end). Of these
the one is taken that builds least within the longest wait that a person says. Where none is said, it is the one at the
*bend*: from there, fewer builds cost much waiting, and less waiting costs many builds. No wait for a start beyond an
hour is taken unasked, and no cooldown that is too short for the builds, if there is another; what is in force stays
unless another is clearly better; and where there is nothing to save, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from holdoff.core.units import say_duration
from holdoff.core.value import Value
from holdoff.plan.report import Figures, percent, said, settings_of, written

#: No policy that keeps a change waiting longer for a start is recommended unasked.
LONGEST_START_MS: Final = 3_600_000
#: A policy that only guards against what has not come yet promises at least this.
GUARD_MS: Final = 600_000
#: Less than this share of the builds, or of the longest wait, is not worth a change.
_WORTH: Final = 0.05
#: Builds that ran beside another for more than this share of their time are too many at a time.
_CROWDED: Final = 0.1
#: A bend is at least so far from the line between the ends, in shares of their distances.
_LEAST_BEND: Final = 0.02


class Choice(Value):
    """What to take, and why.

    Attributes:
        efficient: the places of the policies that are worth having, the most builds first.
        taken: the place of the one that is recommended.
        why: sentences.
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
    efficient = efficient_of(rows)
    sure = [place for place in efficient if rows[place].never == 0] or list(efficient)
    taken, why = _bend(rows, sure) if most_ms is None else _within(rows, sure, most_ms)
    if present is not None and _is_as_good(rows[present], rows[taken], most_ms):
        taken, why = _beside(rows, sure if most_ms is None else (), present)
        if most_ms is not None and _wait_of(rows[present]) > most_ms:
            why = f"None kept every wait within {written(most_ms)}. {why}"
    elif present is None and rows[sure[-1]].saved < _WORTH * rows[taken].triggers:
        taken, why = _little(rows, sure[0], rows[sure[-1]])
    about = " ".join([f"{_told(rows, taken, present)}.", why, *_cautions(rows[taken])])
    return Choice(efficient=efficient, taken=taken, why=about)


def efficient_of(rows: Sequence[Figures]) -> tuple[int, ...]:
    """The places of the efficient ones, the most builds first."""

    def order(place: int) -> tuple[Any, ...]:
        row = rows[place]  # of two that did the same, the one that promises more, then the longer cooldown
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
    """The one farthest from the line between the ends ("Finding a Kneedle in a Haystack", Satopaa and others, 2011);
    the next with fewer builds, if its cooldown is too short for them."""
    borne = [place for place in sure if (rows[place].start.longest_ms or 0) <= LONGEST_START_MS] or [sure[0]]
    bend, distance = _farthest(rows, borne)
    bend = bend if distance >= _LEAST_BEND else borne[-1]
    taken = next((place for place in borne[borne.index(bend) :] if not _is_crowded(rows[place])), bend)
    is_it = "It is the bend: the next"
    if taken != bend:
        is_it = f"Under the bend ({rows[bend].name}) builds ran beside one another for too long. After this, the next"
    why = [_beyond(rows, taken, borne, is_it)]
    if len(borne) < len(sure):
        why.append(f"What waited over {written(LONGEST_START_MS)} for a start was left out, as no bound was given.")
    return taken, " ".join(why)


def _beyond(rows: Sequence[Figures], taken: int, borne: Sequence[int], is_it: str) -> str:
    """A sentence about the next policy that builds less. ``is_it``: how the sentence begins."""
    after = borne[borne.index(taken) + 1 :]
    if not after:
        return f"No other came into question{' that builds less' if len(borne) > 1 else ''}."
    row, following = rows[taken], rows[after[0]]
    less, wait = row.builds - following.builds, said(following.end.longest_ms)
    return f"{is_it} one that builds less ({following.name}) saves {less:,} more, and a change may wait {wait}."


def _is_crowded(row: Figures) -> bool:
    """Whether builds ran beside one another so much that the cooldown is too short for them."""
    return row.policy.overlap == "allow" and row.overlap_ms > _CROWDED * row.building_ms


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
        return within[-1], f"Of those that kept every wait within {written(most_ms)} it builds least."
    alone = "" if rows[sure[0]].start.longest_ms else " A build alone takes longer."
    return sure[0], f"None kept every wait within {written(most_ms)}; this one came nearest.{alone}"


def _is_as_good(present: Figures, taken: Figures, most_ms: int | None) -> bool:
    """Whether the present one may stay: it keeps to what is asked, and the other is hardly better."""
    if present.never > taken.never or (most_ms is not None and _wait_of(taken) <= most_ms < _wait_of(present)):
        return False
    saves_builds = taken.builds < (1 - _WORTH) * present.builds
    is_slow = most_ms is None or _wait_of(present) > most_ms
    return not (saves_builds or (is_slow and _wait_of(taken) < (1 - _WORTH) * _wait_of(present)))


def _beside(rows: Sequence[Figures], places: Sequence[int], present: int) -> tuple[int, str]:
    """Where the bend is hardly better than the present one: what is, and is hardly worse in the other of the two."""
    own, much = rows[present], 1 + _WORTH
    near = [
        place
        for place in places
        if (rows[place].builds <= much * own.builds and _wait_of(rows[place]) <= much * _wait_of(own))
        and (rows[place].start.longest_ms or 0) <= LONGEST_START_MS
        and not (_is_crowded(rows[place]) or _is_as_good(own, rows[place], None))
    ]
    if not near:
        return present, "Nothing else that was tried is clearly better than this, the present policy."
    return near[-1], "It is better than the present policy in builds or waiting, and hardly worse in the other."


def _little(rows: Sequence[Figures], quickest: int, best: Figures) -> tuple[int, str]:
    """Where there is nothing to save: the longest cooldown that costs no waiting."""
    free = [
        place
        for place, row in enumerate(rows)
        if _wait_of(row) <= _wait_of(rows[quickest])
        and row.promised_ms is not None  # so it leaves no change out
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


def _told(rows: Sequence[Figures], taken: int, present: int | None) -> str:
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
    if row.overlap_ms and row.policy.overlap == "allow":
        beside = say_duration(row.overlap_ms)
        yield f'Builds ran beside one another for {beside}: overlap = "defer" lets each end first.'
    if row.policy.quiet_ms is not None and row.policy.max_wait_ms is None:
        yield "Without max_wait a change waits for as long as others keep coming."
    if row.never:
        yield f"No build has {row.never:,} of the changes: it skips."
