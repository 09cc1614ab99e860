"""A past of triggers: when each came, how long the build took that had it, what it asked for, and whether that failed.

Times are all that matters, so what misleads is in them, too: ``remarks`` says what a reader must know before figures of
a history are taken for those of next month.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import compress, count, pairwise
from operator import itemgetter
from statistics import median_low
from typing import Final

from holdoff.core.errors import EventError
from holdoff.core.units import MAX_DURATION_MS, say_duration, to_datetime
from holdoff.core.value import Value
from holdoff.plan.replay import Past

#: A trigger's instant; of the build that it is known by, how long it took, its version, and whether it failed.
Entry = tuple[int, int | None, str | None, bool]
#: The triggers of a build: the first and the last instant, how many; how long the build took, where that is known, and
#: whether it failed.
Span = tuple[int, int, int, int | None, bool]
#: So many triggers of a history that has only their number are replayed at most.
MOST_SPREAD: Final = 2_000_000
_DAY_MS: Final = 86_400_000
#: So many times the median is no duration of a build.
_ODD: Final = 20
#: With fewer triggers than this, chance has the most to say.
_FEW: Final = 30


class History(Value):
    """Triggers as they came, in order.

    Attributes:
        source: where they are from, in words.
        at_ms: when each came, epoch milliseconds.
        took_ms: how long the build took that each is known by; ``None``: not known.
        versions: what each asked for, where that is known; else empty.
        failed: the triggers, by their places, whose build failed.
        bad: the first rows that have no time: where each stands, and what is wrong there.
        bad_count: how many there are.
        notes: what else a reader must know of it, in sentences.
    """

    source: str
    at_ms: tuple[int, ...]
    took_ms: tuple[int | None, ...] = ()
    versions: tuple[str | None, ...] = ()
    failed: frozenset[int] = frozenset()
    bad: tuple[tuple[str, str], ...] = ()
    bad_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def usual_ms(self) -> int | None:
        """The median of the durations that are known."""
        known = [took for took in self.took_ms if took is not None]
        return median_low(known) if known else None

    @property
    def longest_ms(self) -> int:
        """What takes longer is no build but one that hung, or a run that was run again days later."""
        return _ODD * (self.usual_ms or 0)

    def past(self, build_ms: int | None = None) -> Past:
        """What is replayed: with builds of this length; else each as long as the newest one known at its time, and the
        first ones as the median; else without a length. What took absurdly long counts as not known."""
        usual_ms, longest_ms = self.usual_ms, self.longest_ms
        if build_ms is not None or usual_ms is None:
            return Past(self.at_ms, (build_ms or 0,) * len(self.at_ms), self.versions, self.failed)
        last, took = usual_ms, list[int]()
        for known in self.took_ms:
            last = last if known is None or known > longest_ms else known
            took.append(last)
        return Past(self.at_ms, took, self.versions, self.failed)

    def newest(self, span_ms: int) -> History:
        """Only what came within so long before the last one."""
        first = bisect_left(self.at_ms, self.at_ms[-1] - span_ms)
        kept = {name: getattr(self, name)[first:] for name in ("at_ms", "took_ms", "versions")}
        return self.but(**kept, failed=frozenset(place - first for place in self.failed if place >= first))


def in_order(source: str, found: list[Entry]) -> History:
    """The history of these triggers, at least one."""
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
    """How long a build took, as a whole number; ``None``: that cannot be."""
    return int(ms) if 0 < ms <= MAX_DURATION_MS else None


def span_of(
    started_ms: int, ended_ms: int | None, succeeded: bool | None, triggers: tuple[int, int, int] | None
) -> Span:
    """A build as its store or a service has it, with its first and last trigger and their number. Where it is not known
    how it ended (it was cancelled, or its end was not reported), what stands for its end says nothing of its length."""
    took = None if ended_ms is None or succeeded is None else length(ended_ms - started_ms)
    return *(triggers or (started_ms, started_ms, 1)), took, succeeded is False


def spread(source: str, spans: Iterable[Span], most: int = MOST_SPREAD) -> History:
    """Of the triggers of a build only the first and the last have an instant: the others are spread between them.

    Args:
        spans: of builds, the newest first.
        most: of triggers; older ones are left out, and that is noted.

    Raises:
        EventError: there is no build.
    """
    found: list[Entry] = []
    between, left_out = 0, 0
    for first_ms, last_ms, told, took, has_failed in spans:
        number = max(1, told)
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
        (between, "triggers were spread evenly: of those that a build covers, its first and last times are kept"),
        (left_out, f"older triggers were left out: at most {most:,} are replayed"),
    )
    return in_order(source, found).but(notes=tuple(f"{number:,} {what}" for number, what in notes if number))


# --- in words ------------------------------------------------------------------------------------------------------


def describe(history: History) -> str:
    """What there is, in a sentence."""
    triggers, span_ms = len(history.at_ms), history.at_ms[-1] - history.at_ms[0]
    return f"{history.source}: {triggers:,} trigger{'' if triggers == 1 else 's'} in {say_duration(span_ms)}"


def checked(history: History, now_ms: int) -> History:
    """The history, with a note where it says what has not come yet."""
    ahead = len(history.at_ms) - bisect_right(history.at_ms, now_ms)
    note = f"{ahead:,} time{'' if ahead == 1 else 's'} in the future: are the zone and the clocks right?"
    return history.but(notes=(*history.notes, note)) if ahead else history


def remarks(history: History) -> Iterator[str]:
    """What makes the figures of this history say less than they seem to."""
    at_ms, triggers = history.at_ms, len(history.at_ms)
    longest_ms = history.longest_ms
    odd = sum(took is not None and took > longest_ms for took in history.took_ms)
    if odd:
        which = f"{odd:,} build{' took' if odd == 1 else 's took'} over {_ODD} times as long as usual"
        yield f"{which}: a build that hung, or was run again; the length is taken as not known"
    known = [version for version in history.versions if version is not None]
    again = len(known) - len(set(known))
    if 5 * again > triggers:
        asks = f"{again:,} trigger{' asks' if again == 1 else 's ask'}"
        yield f"{asks} for a version that was asked for before: is it the history of several workflows?"
    if triggers < _FEW:
        yield f"{triggers} trigger{' is' if triggers == 1 else 's are'} few to go by"
        return
    span_ms = at_ms[-1] - at_ms[0]
    pause_ms, since = max(((later - at, at) for at, later in pairwise(at_ms)))
    if pause_ms > span_ms // 4 and pause_ms > 7 * _DAY_MS:
        yield f"nothing came for {say_duration(pause_ms)} from {to_datetime(since):%Y-%m-%d} on: is the history whole?"
    newest = triggers - bisect_left(at_ms, at_ms[-1] - span_ms // 4)
    if span_ms > 7 * _DAY_MS and (newest > triggers // 2 or newest < triggers // 10):
        share, part = 100 * newest // triggers, say_duration(span_ms // 4)
        yield f"it changes: the newest quarter of the time has {share} % of the triggers; --last {part} has only those"
    if span_ms == 0:
        return
    coarse = next((name for name, ms in _GRAINS if not any(at % ms for at in at_ms)), None)
    if coarse:
        yield f"all its times are whole {coarse}: what is shorter cannot be told apart"


_GRAINS: Final = (("days", _DAY_MS), ("hours", 3_600_000), ("minutes", 60_000))
