"""From a file to a history: of git, CI services, logs, Holdoff itself, or any table of times.

Bytes become rows (lines of a CSV, objects of a JSON text), and rows become instants. The column with the time is found
by its name or by its values. A row without an instant is *bad*: bad rows are counted, and the first of them are
reported with their lines. A time without a zone is in UTC, or in the zone that the caller gives; a note says how many
there were. Only a row's time, duration and version, and whether it failed, are kept. No value of a bad row is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice, product
from operator import methodcaller
from typing import Final

from holdoff.core.errors import ConfigError, EventError, UsageError
from holdoff.core.request import KEY_MARK
from holdoff.core.shown import is_plain, shown_name
from holdoff.core.units import parse_instant
from holdoff.plan.history import Entry, History, Span, each_once, in_order, length, span_of, spread
from holdoff.plan.rows import Bad, Row, Rows, rows_of
from holdoff.plan.times import TIMES, Doubt, Zone, ms_of, ms_or_none, plain

#: How many rows decide which column has the time.
_SAMPLE: Final = 50
_STARTS: Final = ("startedat", "runstartedat", "starttime", "started", "createdat", "created")
_ENDS: Final = ("endtime", "finishtime", "finishedat", "endedat", "ended", "completedat", "updatedat", "lastupdatetime")
#: Names of columns with durations, and their units in milliseconds. (The unit of Jenkins' ``duration`` is another.)
_DURATIONS: Final = {"durationseconds": 1000, "durationms": 1, "duration": 1000, "buildduration": 1000}
_VERSIONS: Final = ("headsha", "resolvedsourceversion", "sourceversion", "sha", "commit", "version", "revision")
_OUTCOMES: Final = ("conclusion", "buildstatus", "status", "outcome", "result", "state")
#: Names of services for the outcome of a build that failed, without capitals.
_FAILED: Final = frozenset({"failure", "failed", "error", "fault", "timed_out", "timeout", "startup_failure"})
#: And for a build that has not ended by itself: its duration means nothing.
_UNFINISHED: Final = {
    *("cancelled", "canceled", "canceling", "aborted", "skipped", "stopped", "not_built", "stale", "action_required"),
    *("in_progress", "running", "queued", "pending", "created", "requested", "preparing", "scheduled", "manual"),
    *("waiting", "waiting_for_resource", "inprogress", "superseded"),
}
_NONE: Final = {"", "none"}
#: The events in Holdoff's own log: the first decision may come after any number of other events.
_EVENTS: Final = frozenset({"decision", "error", "sweep", "ignored", "finished", "hold", "resume", "reset"})
#: A present-day instant, in milliseconds.
_IN_MS: Final = re.compile(r"\d{13}")


def from_bytes(
    data: bytes, source: str, *, column: str | None = None, zone: Zone | None = None, project: str | None = None
) -> History:
    """The history in a file: CSV, JSON or JSON lines.

    Args:
        source: the name of the history in errors and reports.
        column: the column with the time; found unless given.
        zone: of times without a zone; UTC unless given.
        project: the project to take from Holdoff's own log; all unless given.

    Raises:
        UsageError: there is no such column, or no column has times.
        EventError: no row has a time.
    """
    bad = Bad()
    try:
        rows = rows_of(data, bad)
    except ValueError as error:
        raise EventError(source, str(error)) from None
    first = list(islice(rows, _SAMPLE))
    if first and all({"build_id", "token", "covers", "started"} <= row.keys() for _, row in first):
        return _of_own_builds([*first, *rows], source, bad)
    events = {str(row.get("event")) for _, row in first if {"timestamp", "level"} <= row.keys()}
    if "decision" in events or (events and events <= _EVENTS):
        kept = (row for row in chain(first, rows) if _is_trigger(row[1], project))
        # ``outcome`` is that of the decision, not that of the build.
        rows = ((where, {name: row[name] for name in row if name != "outcome"}) for where, row in kept)
        first = list(islice(rows, _SAMPLE))
        if not first:
            raise EventError(source, f"tells of no trigger{f' of {project}' if project else ''}")
    return _history(source, first, rows, column, zone, bad)


# --- from rows to instants -----------------------------------------------------------------------------------------


def _history(
    source: str, first: list[tuple[str, Row]], rest: Rows, column: str | None, zone: Zone | None, bad: Bad
) -> History:
    sample = [row for _, row in first]
    column = _column(source, sample, column)
    took_of, version_of, ended = _duration_of(sample), _getter(sample, _VERSIONS), _getters(sample, _OUTCOMES)
    say_when_ended = any(not _outcomes_of(row, ended) <= _NONE for row in sample)
    found: list[Entry] = []
    doubts: Counter[Doubt] = Counter()
    for where, row in chain(first, rest):
        try:
            at_ms, doubt = ms_of(row.get(column), zone)
        except ValueError as error:
            bad.add(where, f"{_shown(column)} {error}")
            continue
        doubts[doubt] += 1
        version, outcomes = version_of(row), _outcomes_of(row, ended)
        version = version if isinstance(version, str) and version else None
        runs = not outcomes.isdisjoint(_UNFINISHED) or (say_when_ended and outcomes <= _NONE)
        found.append((at_ms, None if runs else took_of(row, zone), version, not outcomes.isdisjoint(_FAILED)))
    if not found:
        raise EventError(source, "has no row with a time", hint=_bad_hint(bad))
    return in_order(source, found).but(bad=tuple(bad.first), bad_count=bad.count, notes=_zone_notes(doubts, zone))


def _outcomes_of(row: Row, ended: Sequence[Callable[[Row], object]]) -> set[str]:
    return {str(outcome_of(row)).strip().lower() for outcome_of in ended}


def _bad_hint(bad: Bad) -> str:
    shown = "; ".join(f"{where}: {why}" for where, why in bad.first)
    return shown or "It is empty, or has only a line of names"


def _zone_notes(doubts: Counter[Doubt], zone: Zone | None) -> tuple[str, ...]:
    without, double = doubts["zone"] + doubts["clock change"], doubts["clock change"]
    taken = f"as of {zone}" if zone is not None else "as UTC; --zone says another"
    notes = (
        (without, f"{without:,} of {doubts.total():,} times have no zone, and were taken {taken}"),
        (double, f"{double:,} of them fall into an hour when clocks are changed, and were taken as before the change"),
    )
    return tuple(note for number, note in notes if number)


def _column(source: str, sample: Sequence[Row], named: str | None) -> str:
    """The column with the time: one with a likely name, else one with times in words, else one with numbers."""
    names = list(dict.fromkeys(name for row in sample for name in row))
    if not names or named in names:
        return "time" if named is None else named
    if named is not None:
        raise UsageError(f"{source} has no column {_shown(named)}; it has {_names(names)}")
    known = {plain(name): name for name in reversed(names)}
    likely = [known[name] for name in TIMES if name in known]
    in_words = [name for name in names if any(isinstance(one := row.get(name), str) and ":" in one for row in sample)]
    for name in (*likely, *in_words, *names):
        times = sum(ms_or_none(row.get(name), None) is not None for row in sample)
        if times and (name in likely or 2 * times >= len(sample)):
            return name
    why = _why_not(sample, [*likely, *names])
    raise UsageError(
        f"no column of {source} has times ({why}); name one by --time-column, of {_names(names)}. "
        "A time is ISO 8601, RFC 2822, a web server's, or seconds since 1970"
    )


def _why_not(sample: Sequence[Row], names: Sequence[str]) -> str:
    """What is wrong with a text in these columns that looks like a time; else why the first column has no times."""
    said: list[str] = []
    for name, row in product(names, sample):
        try:
            ms_of(row.get(name), None)
        except ValueError as error:
            said.append(f"{_shown(name)} {error}")
    return next((one for one in said if not one.endswith(("is no time", "is missing"))), said[0])


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_shown, names[:20]))


def _shown(name: str) -> str:
    """A column's name as an error shows it. Without a line of names, the file's first line may hold anything."""
    return name if is_plain(name) else shown_name(name)


def _getters(sample: Sequence[Row], likely: Sequence[str]) -> list[Callable[[Row], object]]:
    """Functions that get these columns from a row, for the columns that exist, the likeliest first."""
    names = {plain(name): name for row in sample for name in row}
    return [methodcaller("get", names[name]) for name in likely if name in names]


def _getter(sample: Sequence[Row], likely: Sequence[str]) -> Callable[[Row], object]:
    return next(iter(_getters(sample, likely)), lambda _row: None)


def _duration_of(sample: Sequence[Row]) -> Callable[[Row, Zone | None], int | None]:
    """A function that tells how long a row's build took: by its duration, in the unit of the column's name, in Jenkins'
    milliseconds or in seconds; or by its start and its end."""
    duration, start, end = (_getter(sample, likely) for likely in (tuple(_DURATIONS), _STARTS, _ENDS))
    names = {plain(name) for row in sample for name in row}
    named = next((name for name in _DURATIONS if name in names), "")
    unit_ms = 1 if named == "duration" and _is_of_jenkins(sample) else _DURATIONS.get(named, 1000)

    def took_ms(row: Row, zone: Zone | None) -> int | None:
        found = duration(row)
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            try:
                return length(float(found) * unit_ms)
            except (ValueError, OverflowError):
                return None
        began, ended = ms_or_none(start(row), zone), ms_or_none(end(row), zone)
        return None if began is None or ended is None else length(ended - began)

    return took_ms


def _is_of_jenkins(sample: Sequence[Row]) -> bool:
    """Whether ``timestamp`` is in whole milliseconds and ``duration`` a whole number, as in Jenkins' API."""
    at, duration = _getter(sample, ("timestamp",)), _getter(sample, ("duration",))
    durations = {str(duration(row)).strip().lower() for row in sample if _IN_MS.fullmatch(str(at(row)).strip())} - _NONE
    return bool(durations) and all(map(str.isdecimal, durations))


# --- Holdoff's own -------------------------------------------------------------------------------------------------


def _is_trigger(row: Row, project: str | None) -> bool:
    """Whether a line of Holdoff's log is about a trigger: not about a wake, a sweep, an error or a duplicate."""
    if row.get("event") != "decision" or row.get("kind") == "wake" or row.get("why") == "duplicate":
        return False
    if project is None:
        return True
    name, _, key = project.partition(KEY_MARK)
    return row.get("project") == name and (row.get("key") or "") == key


def _of_own_builds(builds: Sequence[tuple[str, Row]], source: str, bad: Bad) -> History:
    """The history that ``holdoff history --json`` prints."""
    spans: list[Span] = []
    for where, build in builds:
        try:
            spans.append(_span_of(build))
        except (ConfigError, KeyError, TypeError, ValueError):
            bad.add(where, "is no build as Holdoff prints them")
    if not spans:
        raise EventError(source, "has no build as Holdoff prints them", hint=_bad_hint(bad))
    return spread(source, each_once(spans)).but(bad=tuple(bad.first), bad_count=bad.count)


def _span_of(build: Row) -> Span:
    covers, triggers = build["covers"], None
    started_ms = parse_instant(build["started"], field="started")
    ended_ms = parse_instant(build["ended"], field="ended") if build.get("ended") else None
    succeeded = build.get("succeeded")
    if isinstance(covers, Mapping):
        first_ms, last_ms = (parse_instant(covers[name], field=name) for name in ("first", "last"))
        triggers = first_ms, last_ms, int(covers["count"])
    return span_of(started_ms, ended_ms, succeeded if isinstance(succeeded, bool) else None, triggers)
