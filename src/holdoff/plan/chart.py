"""Draws the trade-off as a picture file, with matplotlib (the extra ``plan``): for a report, a chat or a ticket."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final
from warnings import catch_warnings

from holdoff.core.errors import UsageError
from holdoff.core.shown import printable
from holdoff.plan.axes import SPANS_MS, Axis
from holdoff.plan.report import said

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from holdoff.plan.answer import Plan
    from holdoff.plan.report import Figures

_TAKEN, _EFFICIENT, _PRESENT, _OTHERS = "#c2410c", "#1a7f5a", "#6d28d9", "#8a929a"
#: Without date and version, so that the same plan makes the same bytes.
_METADATA: Final = {"svg": {"Date": None}, "png": {"Software": "holdoff plan"}}


def chart(plan: Plan, kind: str) -> bytes:
    """The picture: each policy is a dot, and a line joins the efficient ones. Without matplotlib it raises
    UsageError."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(f"--{kind} needs matplotlib, which is not installed; pip install 'holdoff[plan]'") from None
    with (
        catch_warnings(action="ignore"),
        rc_context({"svg.hashsalt": "holdoff", "svg.fonttype": "none", "font.size": 10}),
    ):
        figure = Figure(figsize=(9.6, 5), dpi=150, layout="constrained")
        _draw(figure, plan)
        file = BytesIO()
        figure.savefig(file, format=kind, metadata=_METADATA[kind])
    return file.getvalue()


def _draw(figure: Figure, plan: Plan) -> None:
    axes: Axes = figure.subplots()
    drawn = plan.drawn
    shown = [plan.figures[place] for place in drawn]
    front = [plan.figures[place] for place in plan.choice.efficient if place in drawn]
    axes.scatter(*_points(shown), s=30, color=_OTHERS, label="others", zorder=2)
    axes.plot(*_points(front), color=_EFFICIENT, marker="o", label="efficient", zorder=3)
    named = {"take this": (plan.choice.taken, _TAKEN), "present": (plan.present, _PRESENT)}
    for name, (place, colour) in named.items():
        if place is not None and place in drawn:
            row = plan.figures[place]
            ((x,), (y,)) = _points([row])
            axes.scatter([x], [y], s=90, facecolor="none" if name == "present" else colour, edgecolor=colour,
                         linewidth=2, label=f"{name}: {_plain(row.name)}", zorder=4)  # fmt: skip
    _name_axes(axes, plan, [row.end.longest_ms or 0 for row in shown])


def _points(rows: list[Figures]) -> tuple[list[int], list[int]]:
    return [row.builds for row in rows], [row.end.longest_ms or 0 for row in rows]


def _name_axes(axes: Axes, plan: Plan, waits_ms: list[int]) -> None:
    marks = Axis(waits_ms, 0, 1, SPANS_MS).marks()
    axes.set_yticks(marks, [said(mark) for mark in marks])
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("builds")
    axes.set_ylabel("the longest wait, to the end of the build")
    axes.set_title(_plain(plan.project or plan.history.source), loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _plain(text: str) -> str:
    """A text with its dollar signs escaped: matplotlib would read them as mathematics."""
    return printable(text).replace("$", r"\$")
