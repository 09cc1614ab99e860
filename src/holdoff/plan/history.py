"""A past of triggers, from where people have one: git, CI services, logs, Holdoff's own history, any table of times.

Bytes become rows (a CSV's lines, a JSON text's objects), rows become instants. Which column has the time is found by
its name, or by what stands in it. A row without an instant is *bad*: it is counted, and the first of them are shown
with their lines. A time without a zone is UTC, or as the caller says, and how many there were is told. Nothing of a row
but its time, its duration and its version is kept, and nothing of a bad one is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from statistics import median_low
from typing import Final

from holdoff.core.errors import EventError, UsageError
from holdoff.core.request import KEY_MARK
from holdoff.core.shown import shown_name
from holdoff.core.units import MAX_DURATION_MS, parse_instant, say_duration
from holdoff.core.value import Value
from holdoff.plan.replay import Past
from holdoff.plan.rows import Bad, Row, Rows, rows_of
from holdoff.plan.times import Zone, ms_of, ms_or_none, plain

#: The triggers of a build: the first and the last instant, how many, and how long the build took, where that is known.
Span = tuple[int, int, int, int | None]
#: So many rows tell which column has the time.
_SAMPLE: Final = 50
#: How columns of times are called, without marks and capitals, the likeliest first. ``start`` before ``update``: a
#: run's end comes after what triggered it.
_TIMES: Final = (
    *("createdat", "created", "timestamp", "time", "eventtime", "eventtimestamp", "at", "datetime", "occurredat"),
    *("receivedat", "pushedat", "publishedat", "committedat", "committerdate", "queuedat", "starttime", "startedat"),
    *("started", "runstartedat", "decided", "date", "updatedat", "ts"),
)
_STARTS: Final = ("startedat", "runstartedat", "starttime", "started", "createdat", "created")
_ENDS: Final = ("endtime", "finishedat", "endedat", "ended", "completedat", "updatedat")
_DURATIONS: Final = ("duration", "durationseconds", "buildduration")
_VERSIONS: Final = ("headsha", "resolvedsourceversion", "sourceversion", "sha", "commit", "version", "revision")
#: Lines of Holdoff's own log that no trigger made.
_NO_TRIGGERS: Final = frozenset({"wake", "start"})


class History(Value):
    """Triggers as they came, in order.

    Attributes:
        source: where they are from, in words.
        at_ms: when each came, epoch milliseconds.
        took_ms: how long the build took that each is known by; ``None``: not known.
        versions: what each asked for, where that is known; else empty.
        bad: the first rows that have no time: where each stands, and what is wrong there.
        bad_count: how many there are.
        notes: what else a reader must know of it, in sentences.
    """

    source: str
    at_ms: tuple[int, ...]
    took_ms: tuple[int | None, ...] = ()
    versions: tuple[str | None, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    bad_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def usual_ms(self) -> int | None:
        """The median of the durations that are known."""
        known = [took for took in self.took_ms if took is not None]
        return median_low(known) if known else None

    def past(self, build_ms: int | None = None) -> Past:
        """What is replayed: with builds of this length; else each as long as the newest one known at its time, and the
        first ones as the median; else without a length."""
        if build_ms is not None or self.usual_ms is None:
            return Past(self.at_ms, (build_ms or 0,) * len(self.at_ms), self.versions)
        last, took = self.usual_ms, list[int]()
        for known in self.took_ms:
            last = last if known is None else known
            took.append(last)
        return Past(self.at_ms, took, self.versions)

    def newest(self, span_ms: int) -> History:
        """Only what came within so long before the last one."""
        first = next((n for n, at in enumerate(self.at_ms) if at >= self.at_ms[-1] - span_ms), 0)
        kept = {name: getattr(self, name)[first:] for name in ("at_ms", "took_ms", "versions")}
        return self.but(**kept)


# --- from bytes ----------------------------------------------------------------------------------------------------


def from_bytes(
    data: bytes, source: str, *, column: str | None = None, zone: Zone | None = None, project: str | None = None
) -> History:
    """The history in a file: CSV, JSON or JSON lines, of any of the services that the module names.

    Args:
        source: what errors and reports call it.
        column: which one has the time; else it is found.
        zone: of times that have none; UTC unless given.
        project: of Holdoff's own log, the lines of this one only.

    Raises:
        UsageError: no such column, or none that has times.
        EventError: no row has a time.
    """
    bad = Bad()
    rows = rows_of(data, bad)
    first = list(islice(rows, _SAMPLE))
    if _is_builds(first):
        return _of_own_builds([row for _, row in (*first, *rows)], source)
    if _is_log(first):
        kept = [row for row in first if _is_trigger(row[1], project)]
        rows = (row for row in rows if _is_trigger(row[1], project))
        first, column = kept, column or "timestamp"
    return _history(source, first, rows, column, zone, bad)


# --- from rows to instants -----------------------------------------------------------------------------------------


def _history(
    source: str, first: list[tuple[str, Row]], rest: Rows, column: str | None, zone: Zone | None, bad: Bad
) -> History:
    column = _column(source, [row for _, row in first], column)
    took_of, version_of = _duration_of(first), _getter([row for _, row in first], _VERSIONS)
    found: list[tuple[int, int | None, str | None]] = []
    without_zone = 0
    for where, row in (*first, *rest):
        try:
            at_ms, is_sure = ms_of(row.get(column), zone)
        except ValueError as error:
            bad.add(where, f"{shown_name(column)} {error}")
            continue
        without_zone += not is_sure
        version = version_of(row)
        found.append((at_ms, took_of(row, zone), version if isinstance(version, str) and version else None))
    if not found:
        raise EventError(source, "has no row with a time", hint=_bad_hint(bad))
    found.sort(key=lambda one: one[0])
    at, took, versions = zip(*found, strict=True)
    return History(
        source=source,
        at_ms=at,
        took_ms=took,
        versions=versions if any(versions) else (),
        bad=tuple(bad.first),
        bad_count=bad.count,
        notes=_zone_notes(without_zone, len(found), zone),
    )


def _bad_hint(bad: Bad) -> str:
    shown = "; ".join(f"{where}: {why}" for where, why in bad.first)
    return shown or "It is empty"


def _zone_notes(without: int, count: int, zone: Zone | None) -> tuple[str, ...]:
    if not without:
        return ()
    taken = f"as of {zone}" if zone is not None else "as UTC; --zone says another"
    return (f"{without:,} of {count:,} times have no zone, and were taken {taken}",)


def _column(source: str, sample: Sequence[Row], named: str | None) -> str:
    """The column that has the time."""
    names = list(dict.fromkeys(name for row in sample for name in row))
    if named is not None:
        if named in names or not names:
            return named
        raise UsageError(f"{source} has no column {shown_name(named)}; it has {_told(names)}")
    known = {plain(name): name for name in reversed(names)}
    likely = [known[name] for name in _TIMES if name in known]
    for name in (*likely, *names):
        times = sum(ms_or_none(row.get(name), None) is not None for row in sample)
        if times and (name in likely or 2 * times >= len(sample)):
            return name
    if not names:
        return ""
    raise UsageError(f"no column of {source} has times; name one by --time-column, of {_told(names)}")


def _told(names: Sequence[str]) -> str:
    return ", ".join(map(shown_name, names[:20])) or "none"


def _getter(sample: Sequence[Row], likely: Sequence[str]) -> Callable[[Row], object]:
    names = {plain(name): name for row in sample for name in row}
    found = next((names[name] for name in likely if name in names), None)
    return (lambda row: row.get(found)) if found is not None else (lambda _row: None)


def _duration_of(first: list[tuple[str, Row]]) -> Callable[[Row, Zone | None], int | None]:
    """What tells how long a row's build took: its duration in seconds, or its end less its start."""
    sample = [row for _, row in first]
    duration, start, end = (_getter(sample, likely) for likely in (_DURATIONS, _STARTS, _ENDS))

    def took_ms(row: Row, zone: Zone | None) -> int | None:
        told = duration(row)
        if isinstance(told, str | int | float) and not isinstance(told, bool):
            try:
                return length(float(told) * 1000)
            except ValueError:
                return None
        began, ended = ms_or_none(start(row), zone), ms_or_none(end(row), zone)
        return None if began is None or ended is None else length(ended - began)

    return took_ms


def length(ms: float) -> int | None:
    return int(ms) if 0 < ms <= MAX_DURATION_MS else None


# --- Holdoff's own -------------------------------------------------------------------------------------------------


def _is_log(first: list[tuple[str, Row]]) -> bool:
    return any({"timestamp", "event", "level"} <= row.keys() and row["event"] == "decision" for _, row in first)


def _is_trigger(row: Row, project: str | None) -> bool:
    """Whether a line of Holdoff's log tells of a trigger: not of a wake, a sweep or an error, nor of one that came
    twice."""
    if row.get("event") != "decision" or row.get("kind") in _NO_TRIGGERS or row.get("why") == "duplicate":
        return False
    if project is None:
        return True
    name, _, key = project.partition(KEY_MARK)
    return row.get("project") == name and (row.get("key") or "") == key


def _is_builds(first: list[tuple[str, Row]]) -> bool:
    return bool(first) and all({"build_id", "token", "covers", "started"} <= row.keys() for _, row in first)


def _of_own_builds(builds: Sequence[Row], source: str) -> History:
    """What ``holdoff history --json`` prints."""
    spans: list[Span] = []
    for build in builds:
        covers, started = build["covers"], parse_instant(build["started"], field="started")
        took = length(parse_instant(build["ended"], field="ended") - started) if build.get("ended") else None
        if isinstance(covers, Mapping):
            first, last = (parse_instant(covers[name], field=name) for name in ("first", "last"))
            spans.append((first, last, int(covers["count"]), took))
        else:
            spans.append((started, started, 1, took))
    return spread(source, spans)


def spread(source: str, spans: Sequence[Span]) -> History:
    """Of the triggers of a build only the first and the last have an instant: the others are spread between them."""
    found: list[tuple[int, int | None]] = []
    for first_ms, last_ms, count, took in spans:
        steps = max(1, count - 1)
        found += [
            (first_ms + (last_ms - first_ms) * n // steps, took if n == count - 1 else None) for n in range(count)
        ]
    if not found:
        raise EventError(source, "has no builds yet", hint="Name another history: --git PATH or --history FILE")
    found.sort(key=lambda one: one[0])
    at, took_ms = zip(*found, strict=True)
    between = sum(count - 2 for _, _, count, _ in spans if count > 2)
    note = f"{between:,} triggers were spread evenly: of those that a build covers, its first and last times are kept"
    return History(source=source, at_ms=at, took_ms=took_ms, notes=(note,) if between else ())


def describe(history: History) -> str:
    """What there is, in a sentence."""
    count, span_ms = len(history.at_ms), history.at_ms[-1] - history.at_ms[0]
    return f"{history.source}: {count:,} trigger{'' if count == 1 else 's'} in {say_duration(span_ms)}"
