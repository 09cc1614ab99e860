"""A history of triggers: when each came, what it asked for, how long its build took, and whether that build failed.

All figures come from these times, so wrong times mislead. ``remarks`` says what a reader must know about a history
before taking its figures for those of next month.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, compress, count, pairwise
from operator import itemgetter
from statistics import median_low
from typing import Final

from holdoff.core.errors import EventError
from holdoff.core.units import MAX_DURATION_MS, say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.plan.replay import Past

#: A trigger's instant, how long its build took, its version, and whether its build failed.
Entry = tuple[int, int | None, str | None, bool]
#: The triggers of a build: the first and the last instant, and their number; how long the build took, if that is known,
#: and whether it failed.
Span = tuple[int, int, int, int | None, bool]
#: At most this many triggers are replayed, of a history that has only their numbers.
MOST_SPREAD: Final = 2_000_000
_DAY_MS: Final = 86_400_000
#: A duration of more than this many medians is not the duration of a build.
_ODD: Final = 20
#: With fewer triggers than this, figures are mostly chance.
_FEW: Final = 30


class History(Value):
    """Triggers as they came, in order."""

    source: str  #: where they are from, in words
    at_ms: tuple[int, ...]  #: when each came, epoch milliseconds
    took_ms: tuple[int | None, ...] = ()  #: how long the build of each took; ``None``: not known
    versions: tuple[str | None, ...] = ()  #: the version that each asked for; empty: not known
    failed: frozenset[int] = frozenset()  #: the places of the triggers whose build failed
    bad: tuple[tuple[str, str], ...] = ()  #: the first rows without a time: where each is, and what is wrong with it
    bad_count: int = 0  #: how many such rows there are
    notes: tuple[str, ...] = ()  #: what else a reader must know about the history, in sentences

    @property
    def usual_ms(self) -> int | None:
        """The median of the known durations."""
        known = [took for took in self.took_ms if took is not None]
        return median_low(known) if known else None

    @property
    def longest_ms(self) -> int:
        """The longest duration that counts. A longer one is that of a build that hung, or of a run repeated days
        later."""
        return _ODD * (self.usual_ms or 0)

    def past(self, build_ms: int | None = None) -> Past:
        """The past to replay. A build takes ``build_ms``; without that, its own duration, else that of the last build
        before it with a known one. The first builds take the median. If no duration is known, builds take no time.
        Absurdly long durations count as not known."""
        usual_ms, longest_ms = self.usual_ms, self.longest_ms
        if build_ms is not None or usual_ms is None:
            return Past(self.at_ms, (build_ms or 0,) * len(self.at_ms), self.versions, self.failed)
        last, took = usual_ms, list[int]()
        for known in self.took_ms:
            last = last if known is None or known > longest_ms else known
            took.append(last)
        return Past(self.at_ms, took, self.versions, self.failed)

    def newest(self, span_ms: int) -> History:
        """The triggers that came at most this long before the last one."""
        first = bisect_left(self.at_ms, self.at_ms[-1] - span_ms)
        kept = {name: getattr(self, name)[first:] for name in ("at_ms", "took_ms", "versions")}
        return self.but(**kept, failed=frozenset(place - first for place in self.failed if place >= first))


def in_order(source: str, found: list[Entry]) -> History:
    """The history of these triggers, of which there is at least one."""
    found.sort(key=itemgetter(0))
    at, took, versions, failed = zip(*found, strict=True)
    return History(
        source=source,
        at_ms=at,
        took_ms=took,
        versions=versions if any(versions) else (),
        failed=frozenset(compress(count(), failed)),
    )


def length(ms: float) -> int | None:
    """A build's duration in whole milliseconds; ``None``: it is impossible."""
    return int(ms) if 0 < ms <= MAX_DURATION_MS else None


def span_of(
    started_ms: int, ended_ms: int | None, succeeded: bool | None, triggers: tuple[int, int, int] | None
) -> Span:
    """The span of a build as its store or a service has it. ``triggers``: the first and the last instant, and the
    number. If the outcome is not known (the build was cancelled, or its end was not reported), its end tells no
    duration."""
    took = None if ended_ms is None or succeeded is None else length(ended_ms - started_ms)
    return *(triggers or (started_ms, started_ms, 1)), took, succeeded is False


def each_once(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans of a gate's builds, the newest first, with each trigger in the first build that covered it. With
    ``on_failure = "rearm"`` a build covers again what the failed build before it covered."""
    for newer, older in pairwise(chain(spans, [(0, 0, 0, None, False)])):
        first_ms, last_ms, triggers, took, has_failed = newer
        number = max(1, triggers)
        if older[4] and first_ms == older[0]:
            number = max(0, number - max(1, older[2]))
            first_ms = older[1] + (last_ms - older[1]) // max(1, number)  # the others came after the older's last
        yield first_ms, last_ms, number, took, has_failed


def spread(source: str, spans: Iterable[Span], most: int = MOST_SPREAD) -> History:
    """The history of builds that have the instants of their first and last triggers only: the others are spread evenly
    between these. Without a build it raises EventError.

    Args:
        spans: of builds, the newest first.
        most: how many triggers to keep; a note says how many older ones were left out.
    """
    found: list[Entry] = []
    between, left_out = 0, 0
    for first_ms, last_ms, number, took, has_failed in spans:
        kept = min(number, most - len(found))
        left_out += number - kept
        steps = max(1, number - 1)
        if kept:
            places = range(number - kept, number - 1)
            found += [(first_ms + (last_ms - first_ms) * place // steps, None, None, False) for place in places]
            found.append((last_ms, took, None, has_failed))
            between += max(0, kept - 2)
    if not found:
        raise EventError(source, "has no builds yet", hint="Name another history: --git PATH or --history FILE")
    notes = (
        (between, "", "spread evenly: a build keeps the times of its first and last trigger only"),
        (left_out, "older ", f"left out: at most {most:,} are replayed"),
    )
    said = (f"{n:,} {older}trigger{' was' if n == 1 else 's were'} {what}" for n, older, what in notes if n)
    return in_order(source, found).but(notes=tuple(said))


# --- in words ------------------------------------------------------------------------------------------------------


def checked(history: History, now_ms: int) -> History:
    """The history, with a note if some of its times are in the future."""
    ahead = len(history.at_ms) - bisect_right(history.at_ms, now_ms)
    note = f"{ahead:,} time{'' if ahead == 1 else 's'} in the future: are the zone and the clocks right?"
    return history.but(notes=(*history.notes, note)) if ahead else history


def remarks(history: History) -> Iterator[str]:
    """What makes the figures of this history less certain than they seem, in sentences."""
    at_ms, triggers = history.at_ms, len(history.at_ms)
    longest_ms = history.longest_ms
    odd = sum(took is not None and took > longest_ms for took in history.took_ms)
    if odd:
        which = f"{odd:,} build{' took' if odd == 1 else 's took'} over {_ODD} times as long as usual"
        yield f"{which}: a build that hung, or was run again; its duration counts as not known"
    if triggers < _FEW:
        yield f"{triggers} trigger{' is' if triggers == 1 else 's are'} few to go by"
        return
    span_ms = at_ms[-1] - at_ms[0]
    pause_ms, since = max(((later - at, at) for at, later in pairwise(at_ms)))
    if pause_ms > span_ms // 4 and pause_ms > 7 * _DAY_MS:
        pause = f"{say_duration(pause_ms)} from {to_datetime(since):%Y-%m-%d} on"
        yield f"nothing came for {pause}: is the history complete?"
    newest = triggers - bisect_left(at_ms, at_ms[-1] - span_ms // 4)
    if span_ms > 7 * _DAY_MS and (newest > triggers // 2 or newest < triggers // 10):
        share, part = 100 * newest // triggers, say_duration(span_ms // 4)
        newer = f"the newest quarter of the time has {share} % of the triggers"
        yield f"the rate changes: {newer}; --last {part} uses only these"
    if span_ms == 0:
        return
    coarse = next((name for name, ms in _GRAINS if not any(at % ms for at in at_ms)), None)
    if coarse:
        yield f"all its times are whole {coarse}: shorter times cannot be told apart"


_GRAINS: Final = (("days", _DAY_MS), ("hours", 3_600_000), ("minutes", 60_000))
