"""A plan as data and in words: what the terminal, the JSON and the page show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.units import iso, say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.observe.status import local_time
from holdoff.plan.choose import LONGEST_START_MS, Choice, choose
from holdoff.plan.history import History, remarks
from holdoff.plan.replay import Past, replay
from holdoff.plan.report import Figures, measured, percent, said, settings_of, toml_of
from holdoff.plan.times import Zone

#: The meaning of the table's headings.
EXPLAINED: Final = (
    "Median, p95 and longest: how long a change waited for the start of a build that has it; to end: the longest wait "
    "for its end. Efficient: no other policy builds as little with a shorter wait to the end."
)


class Plan(Value):
    """The policies that were tried on a history, and the recommended one."""

    history: History
    past: Past
    figures: tuple[Figures, ...]  #: of each policy
    choice: Choice
    present: int | None = None  #: the place of the policy in force among ``figures``
    price: float | None = None  #: of a minute of building
    project: str | None = None  #: its name; ``None``: not known
    build_ms: int | None = None  #: how long a build takes, if a person said so
    zone: Zone | None = None  #: of the times in the answer; ``None``: UTC

    @property
    def taken(self) -> Figures:
        return self.figures[self.choice.taken]

    @property
    def toml(self) -> str:
        """The lines to paste into ``holdoff.toml``; a project without a name is called ``site``."""
        return toml_of(self.taken.policy, self.project or "site")

    @property
    def drawn(self) -> list[int]:
        """The places of the policies that a picture shows: absurd waits would squeeze all other policies together."""
        borne = [row.end.longest_ms or 0 for row in self.figures if (row.start.longest_ms or 0) <= LONGEST_START_MS]
        most_ms = 2 * max(borne, default=0) or float("inf")
        always = (self.choice.taken, self.present)
        waits = ((place, row.end.longest_ms) for place, row in enumerate(self.figures))
        return [place for place, ms in waits if ms is not None and (ms <= most_ms or place in always)]

    @property
    def why(self) -> str:
        """Why that one, and what its builds cost."""
        if self.price is None or self.present == self.choice.taken:
            return self.choice.why
        before_ms, than = sum(self.past.took_ms), "with one for each trigger"
        if self.present is not None:
            before_ms, than = self.figures[self.present].building_ms, "under the present policy"
        after, before = (self.price * ms / 60_000 for ms in (self.taken.building_ms, before_ms))
        return f"{self.choice.why} Its builds cost {after:,.2f}, and {before:,.2f} {than}."

    def cost(self, row: Figures) -> float | None:
        return None if self.price is None else self.price * row.building_ms / 60_000


def plan(
    history: History,
    policies: Sequence[Policy],
    *,
    present: Policy | None = None,
    most_ms: int | None = None,
    build_ms: int | None = None,
    price: float | None = None,
    project: str | None = None,
    zone: Zone | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Plan:
    """Replay each policy, and choose one.

    Args:
        policies: at least one; with ``present``, if there is one.
        most_ms: how long a change may wait for the end of its build; ``None``: no bound.
        progress: called now and then with the share of the work that is done.
    """
    past = history.past(build_ms)

    def replayed(place: int, policy: Policy) -> Figures:
        progress(place / len(policies))
        made = replay(past, policy, lambda done: progress((place + done / len(past.at_ms)) / len(policies)))
        return measured(past, policy, made)

    figures = [replayed(place, policy) for place, policy in enumerate(policies)]
    at = None if present is None else policies.index(present)
    return Plan(
        history=history,
        past=past,
        figures=tuple(figures),
        choice=choose(figures, present=at, most_ms=most_ms),
        present=at,
        price=price,
        project=project,
        build_ms=build_ms,
        zone=zone,
    )


# --- in words ------------------------------------------------------------------------------------------------------


def about(plan: Plan) -> Iterator[str]:
    """What a reader must know about the history, in sentences."""
    history, triggers = plan.history, len(plan.history.at_ms)
    first_ms, last_ms = history.at_ms[0], history.at_ms[-1]
    came = f"{triggers:,} trigger{'' if triggers == 1 else 's'} in {say_duration(last_ms - first_ms)}"
    yield f"{history.source}: {came}, {to_datetime(first_ms):%Y-%m-%d} to {to_datetime(last_ms):%Y-%m-%d}"
    yield from history.notes
    yield from remarks(history)
    if plan.build_ms is not None:
        yield f"builds take {say_duration(plan.build_ms)}, as given"
    elif history.usual_ms is not None:
        yield f"builds take as long as the history says, {say_duration(history.usual_ms)} in the median"
    else:
        yield "how long builds take is not known, and counts as no time, unless a build time is given"
    if history.failed:
        count = len(history.failed)
        words = f"{count:,} of its builds failed, and {'counts as a build' if count == 1 else 'count as builds'}"
        rearms = any(row.policy.on_failure == "rearm" for row in plan.figures)
        again = 'under on_failure = "rearm" a failed build is built once more after its back-off, and then succeeds'
        yield f"{words}; {again}" if rearms else words


def bad_rows(history: History) -> str | None:
    """A sentence about the rows without a time; ``None``: there are none."""
    if not history.bad_count:
        return None
    rows = "; ".join(f"{where}: {why}" for where, why in history.bad)
    more = "" if history.bad_count <= len(history.bad) else "; ..."
    were = "row was" if history.bad_count == 1 else "rows were"
    return f"{history.source}: {history.bad_count:,} {were} ignored: {rows}{more}"


def marks(plan: Plan, place: int) -> tuple[str, ...]:
    """The marks of a policy: ``take this``, ``efficient``, ``present``."""
    holds = {
        "take this": place == plan.choice.taken,
        "efficient": place in plan.choice.efficient,
        "present": place == plan.present,
    }
    return tuple(name for name, is_so in holds.items() if is_so)


def table(plan: Plan) -> list[list[str]]:
    """The headings and the rows, without columns that are empty. The last column has the policies' marks."""
    marked = [
        ", ".join(marks(plan, place)).replace("take this, efficient", "take this") for place in range(len(plan.figures))
    ]
    found = [_cells(row, plan.cost(row), mark) for row, mark in zip(plan.figures, marked, strict=True)]
    kept = [name for name in found[0] if any(row[name] for row in found)]
    return [kept, *([row[name] or ("" if name == "mark" else "-") for name in kept] for row in found)]


def _cells(row: Figures, cost: float | None, mark: str) -> dict[str, str]:
    return {
        "policy": row.name,
        "builds": f"{row.builds:,}",
        "saved": f"{percent(row.saved, row.triggers)}%",
        "building": say_duration(row.building_ms) if row.building_ms else "",
        "overlap": say_duration(row.overlap_ms) if row.overlap_ms else "",
        "cost": "" if cost is None else f"{cost:,.2f}",
        "median": said(row.start.median_ms),
        "p95": said(row.start.p95_ms),
        "longest": said(row.start.longest_ms),
        "to end": said(row.end.longest_ms),
        "promised": "" if row.promised_ms is None else f"<= {said(row.promised_ms)}",
        "mark": mark,
    }


def worst(plan: Plan) -> Iterator[str]:
    """The worst moments under the recommended policy, each in a sentence."""
    for at_ms, started_ms, ended_ms in plan.taken.worst:
        at = f"{local_time(at_ms, plan.zone or UTC):%Y-%m-%d %H:%M:%S %Z}"
        start, end = said(started_ms - at_ms), said(ended_ms - at_ms)
        yield f"{at}: a change waited {start} for a start, {end} for an end"


def to_dict(plan: Plan) -> dict[str, object]:
    """Plain JSON values; durations in seconds."""
    history, policies = plan.history, []
    for place, row in enumerate(plan.figures):
        has = marks(plan, place)
        is_so = {"efficient": "efficient" in has, "present": "present" in has, "take": "take this" in has}
        policies.append(row.to_dict() | {"cost": plan.cost(row)} | is_so)
    return {
        "history": {
            "source": history.source,
            "triggers": len(history.at_ms),
            "failed": len(history.failed),
            "first": iso(history.at_ms[0]),
            "last": iso(history.at_ms[-1]),
            "bad_rows": history.bad_count,
            "bad": [{"where": where, "why": why} for where, why in history.bad],
            "notes": list(about(plan))[1:],
        },
        "policies": policies,
        "take": {"policy": settings_of(plan.taken.policy), "why": plan.why, "toml": plan.toml},
    }
