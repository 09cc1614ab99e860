"""The answer of a plan as data and as words, for the terminal, for JSON and for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.units import iso, say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.plan import history as histories
from holdoff.plan.history import History
from holdoff.plan.replay import Past
from holdoff.plan.report import Choice, Figures, Moment, choose, figures_of, said, settings_of, toml_of

HEADINGS: Final = (
    "policy",
    "builds",
    "saved",
    "building",
    "cost",
    "median",
    "p95",
    "longest",
    "to end",
    "promised",
    "",
)
#: What a project is called in the lines to paste, where it has no name yet.
_NAMELESS: Final = "site"


class Plan(Value):
    """What was tried on a history, and which to take.

    Attributes:
        figures: one for each policy.
        present: the place among them of the policy in force.
        price: of a minute of building.
        project: its name; ``None``: not known.
        build_ms: how long a build takes, as a person says it.
    """

    history: History
    past: Past
    figures: tuple[Figures, ...]
    choice: Choice
    present: int | None = None
    price: float | None = None
    project: str | None = None
    build_ms: int | None = None

    @property
    def taken(self) -> Figures:
        """Those of the policy to take."""
        return self.figures[self.choice.taken]

    @property
    def toml(self) -> str:
        """The lines to paste."""
        return toml_of(self.taken.policy, self.project or _NAMELESS)

    def cost(self, row: Figures) -> float | None:
        """What a policy's builds cost."""
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
    told: Callable[[int, int], None] = lambda _policy, _done: None,
) -> Plan:
    """Replay each policy, and choose.

    Args:
        policies: at least one; ``present`` among them, if there is one.
        most_ms: as of ``report.choose``.
        told: is called with the place of the policy and how many triggers are done.
    """
    past = history.past(build_ms)
    figures = []
    for place, policy in enumerate(policies):
        told(place, 0)
        figures.append(figures_of(past, policy, partial(told, place)))
    at = None if present is None else policies.index(present)
    choice = choose(figures, present=at, most_ms=most_ms)
    return Plan(
        history=history,
        past=past,
        figures=tuple(figures),
        choice=choice,
        present=at,
        price=price,
        project=project,
        build_ms=build_ms,
    )


# --- in words ------------------------------------------------------------------------------------------------------


def about(plan: Plan) -> Iterator[str]:
    """What a reader must know of the history, in sentences."""
    history = plan.history
    first, last = (f"{to_datetime(at):%Y-%m-%d}" for at in (history.at_ms[0], history.at_ms[-1]))
    yield f"{histories.describe(history)}, {first} to {last}"
    yield from history.notes
    if plan.build_ms is not None:
        yield f"builds take {say_duration(plan.build_ms)}, as --build-time says"
    elif history.usual_ms is not None:
        yield f"builds take as long as the history says, {say_duration(history.usual_ms)} in the median"
    else:
        yield "how long builds take is not known, and counts as no time; say it by --build-time"
    slow = sum(not row.is_fast for row in plan.figures)
    if slow:
        count = len(plan.figures)
        yield f"{slow} of {count} policies were replayed trigger by trigger: the fast way does not know them"


def bad_rows(history: History) -> str | None:
    """Which rows have no time; ``None``: all have."""
    if not history.bad_count:
        return None
    rows = "; ".join(f"{where}: {why}" for where, why in history.bad)
    more = "" if history.bad_count <= len(history.bad) else "; ..."
    count = history.bad_count + len(history.at_ms)
    return f"{history.source}: {history.bad_count:,} of {count:,} rows were passed over: {rows}{more}"


def marks(plan: Plan, place: int) -> tuple[str, ...]:
    """What a policy is: ``take this``, ``efficient``, ``present``."""
    choice = plan.choice
    holds = {
        "take this": place == choice.taken,
        "efficient": place in choice.efficient,
        "present": place == plan.present,
    }
    return tuple(name for name, is_so in holds.items() if is_so)


def rows(plan: Plan) -> list[list[str]]:
    """The cells of each policy, under ``HEADINGS``."""
    return [_cells(row, plan.cost(row), ", ".join(marks(plan, place))) for place, row in enumerate(plan.figures)]


def _cells(row: Figures, cost: float | None, mark: str) -> list[str]:
    return [
        row.name,
        f"{row.builds:,}",
        f"{100 * row.saved / row.triggers:.0f}%",
        say_duration(row.building_ms) if row.building_ms else "",
        "" if cost is None else f"{cost:,.2f}",
        said(row.start.median_ms),
        said(row.start.p95_ms),
        said(row.start.longest_ms),
        said(row.end.longest_ms),
        "" if row.promised_ms is None else f"<= {said(row.promised_ms)}",
        mark,
    ]


def moment(one: Moment) -> str:
    """A worst moment, in a sentence."""
    start, end = said(one.started_ms - one.at_ms), said(one.ended_ms - one.at_ms)
    return f"{to_datetime(one.at_ms):%Y-%m-%d %H:%M:%S} UTC: a change waited {start} for a start, {end} for an end"


def to_dict(plan: Plan) -> dict[str, object]:
    """Plain JSON values; durations in seconds."""
    history, policies = plan.history, []
    for place, row in enumerate(plan.figures):
        is_so = {name.split()[0]: name in marks(plan, place) for name in ("efficient", "present", "take this")}
        policies.append(row.to_dict() | {"cost": plan.cost(row)} | is_so)
    return {
        "history": {
            "source": history.source,
            "triggers": len(history.at_ms),
            "first": iso(history.at_ms[0]),
            "last": iso(history.at_ms[-1]),
            "bad_rows": history.bad_count,
            "bad": [{"where": where, "why": why} for where, why in history.bad],
            "notes": list(about(plan))[1:],
        },
        "policies": policies,
        "take": {"policy": settings_of(plan.taken.policy), "why": plan.choice.why, "toml": plan.toml},
    }
