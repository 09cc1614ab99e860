"""The first page's data: which gates it shows, in what order, with the builds and the numbers of the time shown.

Each look reads all records, and then the newest builds of those gates that built in the time shown. A history stays in
memory until its gate's record changes. All gates share ``MOST_BUILDS`` builds evenly, but each has ``FEWEST_BUILDS``.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, Final

from holdoff.core.record import Finished
from holdoff.core.request import GateKey
from holdoff.core.value import Value
from holdoff.observe.explain import Scene
from holdoff.observe.status import Status, urgency
from holdoff.plan.history import each_once
from holdoff.plan.sources import span_of_build
from holdoff.server.drawing import Drawing, Window, draw
from holdoff.server.site import Site

MOST_BUILDS: Final = 10_000
FEWEST_BUILDS: Final = 16
MOST_OF_ONE: Final = 1_000
#: The rows of one page; links lead to the rest.
MOST_ROWS: Final = 50
#: How long a history is used again. (A late report of an end changes the history and not the record.)
KEPT_MS: Final = 30_000
KEPT_GATES: Final = 2_000


class Numbers(Value):
    """What happened in the time shown, in numbers."""

    triggers: int = 0
    builds: int = 0
    failed: int = 0
    saved: int = 0
    longest_ms: int = 0

    def plus(self, other: Numbers) -> Numbers:
        """The sum; of the waits, the longer one."""
        added = {name: getattr(self, name) + getattr(other, name) for name in self._fields if name != "longest_ms"}
        return Numbers(longest_ms=max(self.longest_ms, other.longest_ms), **added)


class Row(Value):
    """One gate. A gate that cannot be read has no drawing."""

    status: Status
    drawing: Drawing | None = None
    numbers: Numbers = Numbers()
    is_cut: bool = False


class Histories:
    """The builds of gates, kept from the last read."""

    def __init__(self) -> None:
        self._kept: dict[tuple[GateKey, int, int], tuple[object, int, list[Finished]]] = {}

    def newest(self, scene: Scene, limit: int, back_ms: int) -> list[Finished]:
        """The newest builds, back to the first one that started before the time shown."""
        name, version = (scene.key, limit, back_ms), (scene.record.writes, scene.record.lastbuild)
        kept = self._kept.get(name)
        if kept is None or kept[0] != version or not 0 <= scene.now_ms - kept[1] < KEPT_MS:
            if len(self._kept) >= KEPT_GATES:
                self._kept.clear()
            kept = self._kept[name] = version, scene.now_ms, _read(scene, limit, scene.now_ms - back_ms)
        return kept[2]


def _read(scene: Scene, limit: int, from_ms: int) -> list[Finished]:
    found: list[Finished] = []
    for build in scene.builds(limit):
        found.append(build)
        if build.started_ms < from_ms:
            break  # this one is kept: its holdoff may reach into the time shown
    return found


def row_of(
    scene: Scene, status: Status, builds: list[Finished], limit: int, window: Window, *, drawn: bool = True
) -> Row:
    is_cut = len(builds) >= limit and builds[-1].claimed_ms > window.from_ms
    drawing = draw(scene, status, builds, window, is_cut=is_cut) if drawn else None
    numbers = _numbers(status, builds, window.from_ms)
    return Row(status=status, drawing=drawing, numbers=numbers, is_cut=is_cut)


def _numbers(status: Status, builds: list[Finished], from_ms: int) -> Numbers:
    waiting, shown = status.uncovered, [build for build in builds if build.started_ms >= from_ms]
    spans = [(fold.first_ms, fold.last_ms, fold.count, None, False) for fold in waiting]
    counts = [number for _, _, number, *_ in each_once([*spans, *map(span_of_build, builds)])]
    pending, covered = sum(counts[: len(waiting)]), sum(counts[len(waiting) :][: len(shown)])
    waited = [build.started_ms - build.covers.first_ms for build in shown if build.covers]
    return Numbers(
        triggers=pending + covered,
        builds=len(shown),
        failed=sum(build.succeeded is False for build in shown),
        saved=max(0, covered - len(shown)),
        longest_ms=max([0, status.stale_ms or 0, *waited]),
    )


def _is_wanted(found: Status, text: str, only: set[str]) -> bool:
    if text and text.casefold() not in str(found.key).casefold():
        return False
    return not only or not only.isdisjoint(found.marks) or ("attention" in only and found.attention != ())


def board(site: Site, histories: Histories, zoom: str, text: str, only: set[str], page: int) -> dict[str, Any]:
    """What the first page shows, for its template. ``rows``: those of this page, and ``first`` the place of the first
    of them, from 1; ``found``: how many gates match; ``total``: of all."""
    statuses = site.statuses()
    window = Window.of(zoom, site.now_ms())
    wanted = [one for one in statuses if _is_wanted(one, text, only)]
    wanted.sort(key=lambda one: (urgency(one.marks), one.key))
    active = sum((one.last_built_ms or 0) >= window.from_ms for one in statuses)
    limit = min(MOST_OF_ONE, max(FEWEST_BUILDS, MOST_BUILDS // max(active, 1)))
    limit = 1 << limit.bit_length() - 1  # a power of two, so that one more gate does not make all be read again
    pages = max(1, -(-len(wanted) // MOST_ROWS))
    page = min(page, pages)  # gates may have gone
    shown = range((page - 1) * MOST_ROWS, page * MOST_ROWS)
    rows = [_row(site, histories, one, limit, window, drawn=place in shown) for place, one in enumerate(wanted)]
    return {
        "rows": rows[shown.start : shown.stop],
        "first": shown.start + 1,
        "total": len(statuses),
        "found": len(wanted),
        "page": page,
        "pages": pages,
        "numbers": reduce(Numbers.plus, (row.numbers for row in rows), Numbers()),
        "is_cut": any(row.is_cut for row in rows),
        "window": window,
    }


def _row(site: Site, histories: Histories, found: Status, limit: int, window: Window, *, drawn: bool) -> Row:
    if found.error:
        return Row(status=found)
    scene = site.config.scene_of(found.key, found.record, site.store, window.now_ms)
    back_ms = window.now_ms - window.from_ms
    margin_ms = scene.terms.policy.cooldown_ms if scene.terms else 0
    is_active = (found.last_built_ms or 0) >= window.from_ms - margin_ms
    builds = histories.newest(scene, limit, back_ms) if is_active else []
    return row_of(scene, found, builds, limit, window, drawn=drawn)
