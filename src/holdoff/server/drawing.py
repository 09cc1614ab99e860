"""Draws a gate as an oscilloscope draws a signal: an instant becomes a place between the left edge (0) and the right
(100).

Places are percentages, so that one drawing fits every width. The holdoff and the quiet time are those of today's
policy. Shapes of one kind that would touch are drawn as one shape. So a drawing never has more shapes than an eye can
tell apart, however many builds there were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.record import Act, Finished, Record
from holdoff.core.terms import Terms
from holdoff.core.units import say_duration
from holdoff.core.value import Value
from holdoff.core.waits import cooldown_end_ms, is_moved_back, quiet_end_ms
from holdoff.observe.explain import Scene
from holdoff.observe.status import Status, hold_now, local_time, say_instant, triggers_of

HOUR_MS: Final = 3_600_000
#: How far back each zoom looks, and how far apart its lines are.
ZOOMS: Final = {"1h": (HOUR_MS, HOUR_MS // 6), "1d": (24 * HOUR_MS, 4 * HOUR_MS), "7d": (168 * HOUR_MS, 24 * HOUR_MS)}
#: The time shown ahead of now, as a share of the time shown before now.
AHEAD: Final = 0.2
#: Shapes that are closer than this, in hundredths of the width, are drawn as one.
TOUCH: Final = 0.15
#: The least width of a shape, so that an instant is seen, too.
LEAST: Final = 0.1
#: The order of drawing: later kinds lie over earlier ones.
LAYERS: Final = ("unread", "holdoff", "quiet", "held", "pulse", "waiting", "build", "failed", "ended", "running")
_MORE: Final = "; and more"


class Shape(Value):
    """Something that lasts from ``x`` for ``width``. ``says``: its tooltip."""

    kind: str
    x: float
    width: float
    says: str
    count: int = 1


class Window(Value):
    """The time shown, in epoch milliseconds."""

    from_ms: int
    now_ms: int
    until_ms: int
    step_ms: int

    @classmethod
    def of(cls, zoom: str, now_ms: int) -> Window:
        back_ms, step_ms = ZOOMS[zoom]
        return cls(from_ms=now_ms - back_ms, now_ms=now_ms, until_ms=now_ms + int(back_ms * AHEAD), step_ms=step_ms)

    def at(self, ms: int) -> float:
        """The place of an instant; the edge, if the instant is beyond it."""
        inside = min(max(ms, self.from_ms), self.until_ms)
        return round(100 * (inside - self.from_ms) / (self.until_ms - self.from_ms), 2)

    def shape(self, kind: str, from_ms: int, until_ms: int, says: str, count: int = 1) -> Iterator[Shape]:
        """The visible part of a shape; nothing, if all of it is beyond an edge."""
        if until_ms >= self.from_ms and from_ms <= self.until_ms:
            x = self.at(from_ms)
            yield Shape(kind=kind, x=x, width=max(LEAST, round(self.at(until_ms) - x, 2)), says=says, count=count)

    def ticks(self) -> list[tuple[float, str]]:
        """The places of the lines, and their labels in this machine's time zone."""
        offset = local_time(self.now_ms).utcoffset()
        offset_ms = int(offset.total_seconds() * 1000) if offset else 0
        first_ms = -(-(self.from_ms + offset_ms) // self.step_ms) * self.step_ms - offset_ms
        form = "%a %d" if self.step_ms >= 24 * HOUR_MS else "%H:%M"
        instants = range(first_ms, self.until_ms, self.step_ms)
        return [(self.at(ms), f"{local_time(ms):{form}}") for ms in instants]


class Drawing(Value):
    """The drawing of one gate. ``due``: the place of the mark at which the pending trigger is due; ``None``: no
    mark."""

    shapes: tuple[Shape, ...]
    now: float
    due: float | None
    due_says: str
    is_late: bool
    is_beyond: bool


def draw(scene: Scene, status: Status, builds: list[Finished], window: Window, *, is_cut: bool) -> Drawing:
    """Draw a gate. ``builds``: the newest first; ``is_cut``: older ones were not read."""
    unread, terms = "older builds are not read here", scene.terms
    shapes = [
        *(window.shape("unread", window.from_ms, builds[-1].claimed_ms, unread) if is_cut else ()),
        *_holds(status.record, window),
        *_triggers(status, builds, terms.policy if terms else None, window),
        *_builds(scene, status, builds, window),
        *(_holdoffs(status.record, builds, terms, window) if terms else ()),
    ]
    due_ms = status.ready_ms if status.record.pending else None
    is_late = due_ms is not None and due_ms < window.now_ms
    said = "" if due_ms is None else f"{'was' if is_late else 'is'} due {say_instant(due_ms)}"
    return Drawing(
        shapes=tuple(merged(shapes)),
        now=window.at(window.now_ms),
        due=None if due_ms is None else window.at(due_ms),
        due_says=said,
        is_late=is_late,
        is_beyond=due_ms is not None and due_ms > window.until_ms,
    )


def merged(shapes: Iterable[Shape]) -> list[Shape]:
    """The shapes in the order of drawing, shapes of one kind that touch as one."""
    found: list[Shape] = []
    for shape in sorted(shapes, key=lambda one: (LAYERS.index(one.kind), one.x)):
        last = found[-1] if found else shape
        is_close = found and last.kind == shape.kind and shape.x - (last.x + last.width) < TOUCH
        if is_close and max(last.width, shape.width) < 4 * TOUCH:
            width = round(max(last.x + last.width, shape.x + shape.width) - last.x, 2)
            says = f"{last.says.removesuffix(_MORE)}{_MORE}"
            found[-1] = last.but(width=width, count=last.count + shape.count, says=says)
        else:
            found.append(shape)
    return found


def _holds(record: Record, window: Window) -> Iterator[Shape]:
    """The present hold, and earlier holds that a person ended."""
    hold = hold_now(record, window.now_ms)
    if hold:
        end_ms = hold.until_ms or window.until_ms
        yield from window.shape("held", hold.since_ms, end_ms, f"on hold: {hold.why}")
    for later, act in pairwise(record.acts):
        if (later.what, act.what) == ("resume", "hold"):
            yield from window.shape("held", act.at_ms, later.at_ms, f"was on hold: {act.why or ''}")


def _triggers(status: Status, builds: list[Finished], policy: Policy | None, window: Window) -> Iterator[Shape]:
    folds = [("pulse", build.covers) for build in builds if build.covers]
    folds += [("pulse", status.record.claim.covers)] if status.record.claim else []
    folds += [("waiting", status.record.pending)] if status.record.pending else []
    for kind, fold in folds:
        over_ms = fold.last_ms - fold.first_ms
        said = triggers_of(fold) + (f" in {say_duration(over_ms)}" if over_ms else "")
        yield from window.shape(kind, fold.first_ms, fold.last_ms, said, fold.count)
        if policy and policy.quiet_ms and not fold.request.forced:
            yield from window.shape("quiet", fold.last_ms, quiet_end_ms(fold, policy), "waits for quiet")


def _builds(scene: Scene, status: Status, builds: list[Finished], window: Window) -> Iterator[Shape]:
    """The builds as bars. A build whose end was never reported has no length."""
    record, running = status.record, status.record.running if status.runs else None
    for build in builds:
        is_running = running is not None and running.token == build.token
        end_ms = build.ended_ms or (window.now_ms if is_running else build.started_ms)
        kind = "running" if is_running else {True: "build", False: "failed", None: "ended"}[build.succeeded]
        yield from window.shape(kind, build.started_ms, end_ms, f"build {build.build_id}: {scene.outcome_of(build)}")
    if record.claim:
        yield from window.shape("running", record.claim.claimed_ms, window.now_ms, "a start is under way")


def _holdoffs(record: Record, builds: list[Finished], terms: Terms, window: Window) -> Iterator[Shape]:
    """After each start, until the cooldown ends, the next build starts or a person resets the gate."""
    cooldown_ms, next_ms = terms.policy.cooldown_ms, window.until_ms
    for place, build in enumerate(builds):
        begins_ms = build.started_ms
        if terms.policy.cooldown_from == "finish":
            begins_ms = build.ended_ms or begins_ms
        end_ms = min(begins_ms + cooldown_ms, next_ms)
        if place == 0:
            end_ms = _end_ms(record, terms, end_ms)
        if end_ms > begins_ms:
            yield from window.shape("holdoff", begins_ms, end_ms, f"holdoff of {say_duration(cooldown_ms)}")
        next_ms = build.started_ms


def _end_ms(record: Record, terms: Terms, end_ms: int) -> int:
    """When the newest build's cooldown ends; a person may have ended it earlier."""
    if not is_moved_back(record, terms):
        return cooldown_end_ms(record, terms) or end_ms
    reset: Act | None = next((act for act in record.acts if act.what == "reset"), None)
    return min(end_ms, reset.at_ms) if reset else 0
