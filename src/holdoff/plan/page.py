"""The plan as an HTML page that needs no other file, with pictures in SVG, without scripts, light and dark.

Every untrusted text (the name of a history or a project) is escaped, and the page's own policy forbids loading
anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.shown import printable
from holdoff.core.units import say_duration, to_datetime
from holdoff.plan import answer
from holdoff.plan.answer import Plan
from holdoff.plan.axes import COUNTS, DAY_MS, SPANS_MS, Axis, step_of
from holdoff.plan.replay import Past, Replay, replay
from holdoff.plan.report import said

#: Of the busiest day: a name, a policy, and its builds.
Lane = tuple[str, Policy, Replay]
_WIDE, _HIGH, _LEFT, _LOW = 960, 450, 70, 50
_COLOURS: Final = """\
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5d6670; --line: #d0d7de; --paper: #ffffff;
  --build: #1a7f5a; --taken: #c2410c; --present: #6d28d9; --pulse: #2563eb; --hold: #1a7f5a33; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9aa4ae; --line: #3a424b; --paper: #0f1419;
  --build: #3fb98a; --taken: #fb923c; --present: #a78bfa; --pulse: #60a5fa; --hold: #3fb98a40; } }
"""
_LOOK: Final = """\
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
tr.taken > * { font-weight: 600; } tbody th { font-weight: normal; }
.scroll { overflow-x: auto; } .scroll svg { min-width: 40rem; } .note { color: var(--dim); }
h1, h2, p, li { overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); padding: .8rem; overflow-x: auto; }
"""
_PICTURE: Final = """\
svg { display: block; width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .dim { fill: var(--dim); } svg .axis { stroke: var(--line); fill: none; }
svg .dot { fill: var(--dim); opacity: .55; }
svg .efficient { fill: var(--build); opacity: 1; } svg .front { stroke: var(--build); fill: none; stroke-width: 2; }
svg .taken { fill: var(--taken); opacity: 1; } svg .present { stroke: var(--present); stroke-width: 3; opacity: 1; }
svg .pulse { fill: var(--pulse); } svg .build { fill: var(--build); } svg .hold { fill: var(--hold); }
"""


def page(plan: Plan) -> str:
    """The page, in HTML that is XML, too."""
    title = f"Holdoff plan: {printable(plan.project or plan.history.source)}"
    head = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{head}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{escape(title)}</title>\n<style>\n{_COLOURS}{_LOOK}{_PICTURE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body(plan)}\n</main>\n</body>\n</html>\n"
    )


def body(plan: Plan) -> str:
    """The answer, without a heading: the page of a gate in ``holdoff serve`` has it, too."""
    (first, *lines), day_ms = answer.about(plan), busiest_day_ms(plan.past.at_ms)
    moments = "".join(f"<li>{escape(moment)}</li>" for moment in answer.worst(plan))
    parts = [
        f"<p>{escape(printable(first))}</p>",
        *(f'<p class="note">{escape(printable(line))}</p>' for line in lines),
        f'<h2>What to take</h2>\n<p class="lead">{escape(plan.why)}</p>',
        f'<pre class="paste" tabindex="0">{escape(plan.toml)}</pre>' if plan.choice.taken != plan.present else "",
        f"<h2>Builds against waiting</h2>\n{_scroll('Builds against waiting', trade_off(plan))}",
        f"<h2>The busiest day, {to_datetime(day_ms):%Y-%m-%d} (UTC)</h2>",
        _scroll("The busiest day", timeline(plan.past, day_ms, lanes_of(plan))),
        f"<h2>All that was tried</h2>\n{_scroll('All that was tried', _table(plan))}",
        f'<p class="note">{answer.EXPLAINED}</p>',
        f"<h2>The worst moments of {escape(plan.taken.name)}</h2>\n<ol>{moments}</ol>",
    ]
    return "\n".join(parts)


def _scroll(name: str, inner: str) -> str:
    """A part of the page that may be wider than a phone."""
    return f'<div class="scroll" role="region" aria-label="{escape(name)}" tabindex="0">{inner}</div>'


def _table(plan: Plan) -> str:
    heads, *rows = answer.table(plan)
    lines = []
    for place, (name, *cells) in enumerate(rows):
        kind = ' class="taken"' if place == plan.choice.taken else ""
        inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr{kind}><th scope="row">{escape(name)}</th>{inner}</tr>')
    head = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<table class="figures">\n<thead><tr>{head}</tr></thead>\n<tbody>\n' + "\n".join(lines) + "\n</tbody></table>"
    )


def lanes_of(plan: Plan) -> list[Lane]:
    """Before and after. Before is the present policy; if there is none, or it stays, a build for each trigger."""
    at, taken = plan.present, plan.taken.policy
    if at is None or at == plan.choice.taken:
        name, before = "a build for each trigger", Policy(0)
    else:
        name, before = "before (the present policy)", plan.figures[at].policy
    after = "after" if at != plan.choice.taken else "the present policy"
    return [(name, before, replay(plan.past, before)), (after, taken, replay(plan.past, taken))]


def trade_off(plan: Plan) -> str:
    """Each policy is a dot, and a line joins the efficient ones."""
    drawn_ones, legend = plan.drawn, list(_legend(plan))
    rows = [(place, plan.figures[place]) for place in drawn_ones]
    across = Axis([row.builds for _, row in rows], _LEFT, _WIDE - 30, COUNTS)
    up = Axis([row.end.longest_ms or 0 for _, row in rows], _HIGH - _LOW, 24 + 10 * len(legend), SPANS_MS)
    front = [place for place in plan.choice.efficient if place in drawn_ones]
    left_out = len(plan.figures) - len(rows)

    def at(place: int) -> tuple[float, float]:
        row = plan.figures[place]
        return across.at(row.builds), up.at(row.end.longest_ms or 0)

    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, front))
    ordered = sorted(rows, key=lambda one: (one[0] == plan.choice.taken, one[0] == plan.present, one[0] in front))
    drawn = [
        *(_text(across.at(v), _HIGH - 28, f"{v:,}", "middle", "dim") for v in across.marks()),
        *(_text(_LEFT - 8, up.at(v) + 4, said(v), "end", "dim") for v in up.marks()),
        f'<path class="axis" d="M{_LEFT},40 V{_HIGH - _LOW} H{_WIDE - 20}"/>',
        _text(_WIDE - 20, _HIGH - 8, "builds", "end", "dim"),
        _text(4, 16, "the longest wait, to the end of the build", "start", "dim"),
        _text(4, 32, f"not drawn, for far longer or endless waits: {left_out}" if left_out else "", "start", "dim"),
        *legend,
        f'<polyline class="front" points="{steps}"/>',
        *(_dot(plan, place, at(place)) for place, _ in ordered),
    ]
    return _svg(_HIGH, f"Builds against the longest wait, of {len(rows)} policies", drawn)


def _dot(plan: Plan, place: int, at: tuple[float, float]) -> str:
    row, (x, y) = plan.figures[place], at
    kind = " ".join(["dot", *answer.marks(plan, place)]).replace("take this", "taken")
    words = f"{row.name}: {row.builds:,} builds, longest wait {said(row.end.longest_ms)}"
    dot = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{7 if place == plan.choice.taken else 5}"/>'
    return f"<g><title>{escape(words)}</title>{dot}</g>"


def _legend(plan: Plan) -> Iterator[str]:
    """What the dots mean, in the empty corner of the picture, with the names of the recommended and present policy."""
    present, taken = plan.present, plan.choice.taken
    lines = [("dot", "others"), ("dot efficient", "efficient")]
    if present is not None and present != taken:
        lines.append(("dot present", f"present: {plan.figures[present].name}"))
    its = ("dot taken present", "take this, as at present: ") if present == taken else ("dot taken", "take this: ")
    lines.append((its[0], its[1] + plan.taken.name))
    for place, (kind, words) in enumerate(reversed(lines)):
        y = 16 + 20 * place
        yield _text(_WIDE - 34, y, words if len(words) <= 90 else f"{words[:87]}...", "end", "dim")
        yield f'<circle class="{kind}" cx="{_WIDE - 20}" cy="{y - 4}" r="{7 if "taken" in kind else 5}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text{of_kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def busiest_day_ms(at_ms: Sequence[int]) -> int:
    """The first instant of the day (in UTC) with the most triggers."""
    ((day, _),) = Counter(at // DAY_MS for at in at_ms).most_common(1)  # the first of several
    return day * DAY_MS


def timeline(past: Past, day_ms: int, lanes: Sequence[Lane]) -> str:
    """Triggers as pulses; for each lane, builds as bars and cooldowns as shades."""
    day = [at for at in past.at_ms if day_ms <= at < day_ms + DAY_MS]
    ends = [end for _, _, made in lanes for end in _of_day(made, day_ms)[1]]
    first, last = day[0], max([day[-1], *ends]) + 1
    scale = (_WIDE - _LEFT - 40) / (last - first)

    def x_of(ms: int) -> float:
        return _LEFT + (ms - first) * scale

    pulses = sorted({round(x_of(at)) for at in day})
    drawn = [_text(4, 14, f"{len(day):,} trigger{'' if len(day) == 1 else 's'}", "start")]
    drawn += [f'<rect class="pulse" x="{x}" y="22" width="1.5" height="26"/>' for x in pulses]
    top = 74
    for lane in lanes:
        drawn += _lane(lane, day_ms, top, x_of)
        top += 66
    every_ms = step_of(last - first, 10, SPANS_MS)
    form = "%H:%M" if every_ms >= 60_000 else "%H:%M:%S"
    marks = range(-(-first // every_ms) * every_ms, last, every_ms)
    drawn += [_text(x_of(at), top, f"{to_datetime(at):{form}}", "middle", "dim") for at in marks]
    return _svg(top + 10, "The busiest day: triggers, and the builds before and after", drawn)


def _of_day(made: Replay, day_ms: int) -> tuple[list[int], list[int]]:
    """The starts and ends of the builds that started on that day."""
    places = [n for n, start in enumerate(made.started_ms) if day_ms <= start < day_ms + DAY_MS]
    return [made.started_ms[n] for n in places], [made.ended_ms[n] for n in places]


def _lane(lane: Lane, day_ms: int, top: int, x_of: Callable[[int], float]) -> list[str]:
    name, policy, made = lane
    starts, ends = _of_day(made, day_ms)
    held_ms = policy.cooldown_ms
    since = ends if policy.cooldown_from == "finish" else starts
    cooling = [(x_of(at), x_of(at + held_ms)) for at in since if held_ms]
    bars = [(x_of(start), x_of(end)) for start, end in zip(starts, ends, strict=True)]
    builds = f"{len(starts):,} build{'' if len(starts) == 1 else 's'}"
    drawn = [_text(4, top, f"{name}: {builds}, {say_duration(sum(ends) - sum(starts))} of building", "start")]
    drawn += [_rect("hold", span, top + 8, 30) for span in _joined(cooling, 0)]
    drawn += [_rect("build", span, top + 16, 22) for span in _joined(bars, 1)]
    return drawn


def _rect(kind: str, span: tuple[float, float], y: int, high: int) -> str:
    start, end = span[0], min(span[1], _WIDE - 2)
    return f'<rect class="{kind}" x="{start:.1f}" y="{y}" width="{max(1.0, end - start - 0.5):.1f}" height="{high}"/>'


def _joined(spans: Iterable[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """The spans, with those joined that overlap or are too close to be told apart. (There may be thousands.)"""
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and (start < found[-1][1] - gap or start - found[-1][0] < 1):
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _svg(high: int, title: str, drawn: Iterable[str]) -> str:
    inner = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plan" viewBox="0 0 {_WIDE} {high}" role="img" '
        f'aria-label="{escape(title)}">\n{inner}\n</svg>'
    )
