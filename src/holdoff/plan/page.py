"""The plan as a page that needs nothing else, and its pictures: SVG drawn here, no script, light and dark.

Every text that is not ours (a history's name, a project's) is escaped, and the page's own policy lets nothing load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.units import say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.plan import answer
from holdoff.plan.answer import Plan
from holdoff.plan.replay import Past, Replay, replay
from holdoff.plan.report import said

DAY_MS: Final = 86_400_000
_WIDE, _HIGH, _LEFT, _LOW = 960, 420, 70, 50
_COLOURS: Final = """\
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5d6670; --line: #d0d7de; --paper: #ffffff;
  --build: #1a7f5a; --taken: #c2410c; --present: #6d28d9; --pulse: #2563eb; --hold: #1a7f5a22; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9aa4ae; --line: #3a424b; --paper: #0f1419;
  --build: #3fb98a; --taken: #fb923c; --present: #a78bfa; --pulse: #60a5fa; --hold: #3fb98a2a; } }
"""
_LOOK: Final = """\
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.taken td { font-weight: 600; } tr.efficient td:first-child::before { content: "\\2022\\00a0"; }
.scroll { overflow-x: auto; } .dim { color: var(--dim); }
pre { border: 1px solid var(--line); padding: .8rem; overflow-x: auto; }
"""
_PICTURE: Final = """\
svg { width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .dim { fill: var(--dim); } svg .axis { stroke: var(--line); fill: none; }
svg .dot { fill: var(--dim); opacity: .55; }
svg .efficient { fill: var(--build); opacity: 1; } svg .front { stroke: var(--build); fill: none; stroke-width: 2; }
svg .taken { fill: var(--taken); opacity: 1; } svg .present { stroke: var(--present); stroke-width: 3; }
svg .pulse { fill: var(--pulse); } svg .build { fill: var(--build); } svg .hold { fill: var(--hold); }
"""


class Lane(Value, kw_only=False):
    """What one policy makes of the busiest day."""

    name: str
    policy: Policy
    made: Replay


def page(plan: Plan) -> str:
    """The page: HTML that is XML, too."""
    title, (first, *lines), day_ms = _title(plan), answer.about(plan), busiest_day_ms(plan.past.at_ms)
    moments = "".join(f"<li>{escape(answer.moment(one))}</li>" for one in plan.taken.worst)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(first)}</p>",
        *(f'<p class="dim">{escape(line)}</p>' for line in lines),
        f"<h2>Take this one</h2>\n<p>{escape(plan.choice.why)}</p>\n<pre>{escape(plan.toml)}</pre>",
        f"<h2>Builds against waiting</h2>\n{trade_off(plan)}",
        f"<h2>The busiest day, {to_datetime(day_ms):%Y-%m-%d} (UTC)</h2>\n{timeline(plan.past, day_ms, _lanes(plan))}",
        f'<h2>All that was tried</h2>\n<div class="scroll">{_table(plan)}</div>',
        '<p class="dim">Those with a dot are efficient: no other builds as little with a shorter longest wait.</p>',
        f"<h2>The worst moments of {escape(plan.taken.name)}</h2>\n<ol>{moments}</ol>",
    ]
    body = "\n".join(parts)
    head = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{head}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{escape(title)}</title>\n<style>\n{_COLOURS}{_LOOK}{_PICTURE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def picture(plan: Plan) -> str:
    """The trade-off as a file of its own."""
    return trade_off(plan).replace(">", f">\n<style>\n{_COLOURS}{_PICTURE}</style>", 1)


def _table(plan: Plan) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in answer.HEADINGS)
    rows = []
    for place, cells in enumerate(answer.rows(plan)):
        kind = " ".join(answer.marks(plan, place)).replace("take this", "taken")
        rows.append(f'<tr class="{kind}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>')
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _title(plan: Plan) -> str:
    return f"Holdoff plan: {plan.project or plan.history.source}"


def _lanes(plan: Plan) -> list[Lane]:
    """Before (the present policy, else a build for each trigger) and after."""
    at, taken = plan.present, plan.taken.policy
    before = Policy(0) if at is None else plan.figures[at].policy
    name = f"before ({'a build for each trigger' if at is None else 'the present policy'})"
    return [Lane(name, before, replay(plan.past, before)), Lane("after", taken, replay(plan.past, taken))]


# --- builds against waiting ----------------------------------------------------------------------------------------


def trade_off(plan: Plan) -> str:
    """Each policy a dot, the efficient ones joined."""
    rows = [(place, row) for place, row in enumerate(plan.figures) if row.end.longest_ms is not None]
    across = _Axis([row.builds for _, row in rows], _LEFT, _WIDE - 30)
    up = _Axis([row.end.longest_ms or 0 for _, row in rows], _HIGH - _LOW, 30)
    front = [place for place in plan.choice.efficient if plan.figures[place].end.longest_ms is not None]

    def at(place: int) -> tuple[float, float]:
        row = plan.figures[place]
        return across.at(row.builds), up.at(row.end.longest_ms or 0)

    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, front))
    drawn = [
        *(
            f'<text class="dim" x="{across.at(v):.1f}" y="{_HIGH - 25}" text-anchor="middle">{v:,}</text>'
            for v in across.marks()
        ),
        *(
            f'<text class="dim" x="{_LEFT - 8}" y="{up.at(v) + 4:.1f}" text-anchor="end">{said(v)}</text>'
            for v in up.marks()
        ),
        f'<path class="axis" d="M{_LEFT},20 V{_HIGH - _LOW} H{_WIDE - 20}"/>',
        f'<text class="dim" x="{_WIDE - 20}" y="{_HIGH - 6}" text-anchor="end">builds</text>',
        '<text class="dim" x="4" y="14">the longest wait, to the end of the build</text>',
        f'<polyline class="front" points="{steps}"/>',
        *(_dot(plan, place, at(place)) for place, _ in rows),
    ]
    return _svg(_HIGH, f"Builds against the longest wait, of {len(rows)} policies", drawn)


def _dot(plan: Plan, place: int, at: tuple[float, float]) -> str:
    row, (x, y) = plan.figures[place], at
    kind = " ".join(["dot", *answer.marks(plan, place)]).replace("take this", "taken")
    words = f"{row.name}: {row.builds:,} builds, longest wait {said(row.end.longest_ms)}"
    dot = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{7 if place == plan.choice.taken else 5}"/>'
    label = ""
    if place in (plan.choice.taken, plan.present):
        anchor = "end" if x > _WIDE / 2 else "start"
        shift = -11 if anchor == "end" else 11
        label = f'<text x="{x + shift:.1f}" y="{y - 9:.1f}" text-anchor="{anchor}">{escape(row.name)}</text>'
    return f"<g><title>{escape(words)}</title>{dot}{label}</g>"


class _Axis:
    """From values to places, zero at one end."""

    def __init__(self, values: Iterable[int], start: float, end: float) -> None:
        self.most = max(values, default=0) or 1
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """Where a value stands."""
        return self.start + (self.end - self.start) * value / self.most

    def marks(self) -> list[int]:
        """Values to name."""
        return sorted({self.most * part // 4 for part in range(5)})


# --- the busiest day -----------------------------------------------------------------------------------------------


def busiest_day_ms(at_ms: Sequence[int]) -> int:
    """When the day (of UTC) with the most triggers began."""
    counts: dict[int, int] = {}
    for at in at_ms:
        counts[at // DAY_MS] = counts.get(at // DAY_MS, 0) + 1
    return max(counts, key=lambda day: (counts[day], -day)) * DAY_MS


def timeline(past: Past, day_ms: int, lanes: Sequence[Lane]) -> str:
    """Triggers as pulses; of each lane the builds as bars, the cooldown shaded after each start."""
    day = [at for at in past.at_ms if day_ms <= at < day_ms + DAY_MS]
    ends = [end for lane in lanes for end in _of_day(lane.made, day_ms)[1]]
    first, last = day[0], max([day[-1], *ends]) + 1
    scale = (_WIDE - _LEFT - 20) / (last - first)

    def x_of(ms: int) -> float:
        return _LEFT + (ms - first) * scale

    pulses = sorted({round(x_of(at)) for at in day})
    drawn = [f'<text x="4" y="14">{len(day):,} triggers</text>']
    drawn += [f'<rect class="pulse" x="{x}" y="22" width="1.5" height="26"/>' for x in pulses]
    top = 74
    for lane in lanes:
        drawn += _lane(lane, day_ms, top, x_of)
        top += 66
    every_ms = _hour_marks(last - first)
    marks = range(-(-first // every_ms) * every_ms, last, every_ms)
    drawn += [
        f'<text class="dim" x="{x_of(at):.1f}" y="{top}" text-anchor="middle">{to_datetime(at):%H:%M}</text>'
        for at in marks
    ]
    return _svg(top + 10, "The busiest day: triggers, and the builds before and after", drawn)


def _hour_marks(span_ms: int) -> int:
    steps = (60_000, 300_000, 900_000, 3_600_000, 3 * 3_600_000)
    return next((step for step in steps if span_ms // step <= 10), 6 * 3_600_000)


def _of_day(made: Replay, day_ms: int) -> tuple[list[int], list[int]]:
    """The starts and ends of the builds that started on that day."""
    places = [n for n, start in enumerate(made.started_ms) if day_ms <= start < day_ms + DAY_MS]
    return [made.started_ms[n] for n in places], [made.ended_ms[n] for n in places]


def _lane(lane: Lane, day_ms: int, top: int, x_of: Callable[[int], float]) -> list[str]:
    starts, ends = _of_day(lane.made, day_ms)
    held_ms = lane.policy.cooldown_ms
    cooling = [(x_of(start), x_of(start + held_ms)) for start in starts if held_ms]
    bars = [(x_of(start), x_of(end)) for start, end in zip(starts, ends, strict=True)]
    words = f"{lane.name}: {len(starts):,} builds, {say_duration(sum(ends) - sum(starts))} of building"
    drawn = [f'<text x="4" y="{top}">{escape(words)}</text>']
    drawn += [_rect("hold", span, top + 8, 30) for span in _joined(cooling, 0)]
    drawn += [_rect("build", span, top + 16, 22) for span in _joined(bars, 1)]
    return drawn


def _rect(kind: str, span: tuple[float, float], y: int, high: int) -> str:
    start, end = span[0], min(span[1], _WIDE - 2)
    return f'<rect class="{kind}" x="{start:.1f}" y="{y}" width="{max(1.0, end - start - 0.5):.1f}" height="{high}"/>'


def _joined(spans: Iterable[tuple[float, float]], gap: float) -> Iterator[tuple[float, float]]:
    """Spans that overlap are one, and so are those too close to be told apart where there are thousands."""
    held: tuple[float, float] | None = None
    for start, end in spans:
        if held is not None and (start < held[1] - gap or start - held[0] < 1):
            held = held[0], max(held[1], end)
            continue
        if held is not None:
            yield held
        held = start, end
    if held is not None:
        yield held


def _svg(high: int, title: str, drawn: Iterable[str]) -> str:
    inner = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {high}" role="img" aria-label="{escape(title)}">'
        f"\n{inner}\n</svg>"
    )
