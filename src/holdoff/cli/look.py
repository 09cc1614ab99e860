"""``holdoff status``, ``explain``, ``history`` and ``item``: what stands in the store, and what it means.

A gate that cannot be read hides nothing but itself: it is shown as such, the others as they are, and the exit status is
that of the error (65).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from holdoff.cli.common import add_gate, add_json, key_of, one_line, open_gate, opened, options, print_json, say, show
from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError, RecordInvalid, UsageError
from holdoff.core.pending import contains
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey
from holdoff.core.terms import Terms
from holdoff.core.units import parse_duration, say_duration
from holdoff.observe import explain as answers
from holdoff.observe.status import Status, plain, status_of
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.stores.base import Store

#: How a state is coloured, if not yellow.
STYLES = {"ready": "green", "pending": "cyan", "claimed": "cyan", "running": "cyan", "held": "magenta"}
EXPLAIN_EPILOG = """\
  holdoff explain site-build                            what it is doing, and what it waits for
  holdoff explain site-build/eu-west-1/01M85NYKKE...    what became of that decision
  holdoff explain site-build --event delivery-7         which build answered that event
  holdoff explain site-build --source-version 4f2a91c   which build answered that version

exit status: 0 it is built, or being built, or nothing was asked but how things are; 1 no build has answered it (yet).
"""


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``status``."""
    add_gate(parser, nargs="?")
    what = "for a monitor: exit 1 if a trigger older than this is not covered by a build yet"
    parser.add_argument("--max-stale", metavar="DURATION", help=what)
    add_json(parser)


def status(args: argparse.Namespace) -> int:
    """A table in a terminal, lines elsewhere, JSON where asked."""
    with options():
        longest_ms = None if args.max_stale is None else parse_duration(args.max_stale, field="max-stale")
    config, store = opened(args)
    at_ms = now_ms(store, SystemClock())
    found: list[Status] = []
    unreadable: list[tuple[GateKey, RecordInvalid]] = []
    for key, record in _gates(config, store, args):
        if isinstance(record, RecordInvalid):
            unreadable.append((key, record))
        else:
            found.append(status_of(key, record, _terms_of(config, key, store), at_ms))
    odd = [f"{one.key}: {note}" for one in found for note in one.notes]
    odd += [f"{key.project}: cannot be read: {error}" for key, error in unreadable]
    if args.json:
        broken = [
            {"project": key.project, "region": key.region, "state": "unreadable", "error": str(error)}
            for key, error in unreadable
        ]
        print_json({"gates": [one.to_dict() for one in found] + broken})
    elif not found and not unreadable:
        yet = f"{args.project}: no such gate yet; its first trigger makes it"
        show("no gates yet: the first trigger makes one" if args.project is None else one_line(yet))
    elif found and sys.stdout.isatty():
        _print_table(["project", "region", "state", "last build", "ready in", "pending"], map(_row, found))
        _show_lines(odd)
    else:
        _show_lines([*map(str, found), *odd])
    if unreadable:
        return RecordInvalid.exit_code
    stale = [one for one in found if longest_ms is not None and (one.stale_ms or 0) > longest_ms]
    for one in stale:
        waited = say_duration(one.stale_ms or 0)
        say(f"{one.key} is stale: its oldest trigger not covered yet came {waited} ago")
    return 1 if stale else 0


def _gates(config: Config, store: Store, args: argparse.Namespace) -> list[tuple[GateKey, Record | RecordInvalid]]:
    """All gates of the store, or the one asked for, and the projects of holdoff.toml that have none yet."""
    project = None if args.project is None else key_of(config, args, store).project
    gates = {key: found for key, found in store.gates(project) if args.region in (None, key.region)}
    for key in config.keys(store):
        if project in (None, key.project) and not any(known.project == key.project for known in gates):
            gates[key] = Record()
    return sorted(gates.items())


def _row(one: Status) -> list[str]:
    state = "" if one.state == "unknown" else one.state.replace("_", " ")
    last = "never" if one.last_built_ago is None else f"{one.last_built_ago} ago"
    end, pending = one.record.finished, one.record.pending
    if one.last_built_ago and one.record.running is None and end is not None and end.succeeded is not None:
        last += f", {'succeeded' if end.succeeded else 'failed'}"
    waiting = pending and f"{pending.count}, for {say_duration(max(0, one.now_ms - pending.first_ms))}"
    return [one.key.project, one.key.region, state, last, one.ready_in or "", waiting or ""]


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``explain``."""
    add_gate(parser)
    parser.epilog = EXPLAIN_EPILOG
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--event", metavar="ID", help="an event's id")
    asked.add_argument("--source-version", metavar="VERSION", help="a commit, a tag")
    add_json(parser)


def explain(args: argparse.Namespace) -> int:
    """Answer; 1 where no build has answered what was asked about."""
    config, store = opened(args)
    try:
        key, token, _ = answers.parse_decision_id(args.project)
    except ConfigError:
        key, token = key_of(config, args, store), ""
    if token and (args.event or args.source_version or args.region or args.key):
        raise UsageError("a decision's id goes without --event, --source-version, --region and --key")
    scene = answers.Scene.of(store, key, _terms_of(config, key, store), now_ms(store, SystemClock()))
    if token:
        answer = answers.explain_decision(scene, token)
    elif args.event:
        answer = answers.explain_event(scene, args.event)
    elif args.source_version:
        answer = answers.explain_version(scene, args.source_version)
    else:
        answer = answers.explain_gate(scene)
    if args.json:
        print_json(answer.to_dict())
    else:
        show(answer)
    return 1 if answer.verdict in {"pending", "passed_over", "replaced", "unknown", "aged_out"} else 0


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``history``."""
    add_gate(parser)
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default: %(default)s)")
    add_json(parser)


def history(args: argparse.Namespace) -> int:
    """A table in a terminal, lines elsewhere, JSON where asked; without what runs, if the record cannot be read."""
    _, store, key = open_gate(args)
    at_ms, error = now_ms(store, SystemClock()), None
    try:
        record = store.get(key)
    except RecordInvalid as found:
        record, error = Record(), found
    builds = list(
        answers.Scene(store=store, key=key, record=record, terms=None, now_ms=at_ms).builds(max(0, args.limit))
    )
    if args.json:
        print_json({"builds": [_build_dict(build) for build in builds]})
    elif not builds:
        show(f"{one_line(key)}: no builds yet")
    elif sys.stdout.isatty():
        cells = (_cells(build, at_ms) for build in builds)
        _print_table(["started", "build", "outcome", "covers", "why", "version"], cells)
    else:
        _show_lines(["  ".join(_cells(build, at_ms)) for build in builds])
    if error is None:
        return 0
    say(f"the gate itself cannot be read, and a build that runs now is not shown: {error}")
    return error.exit_code


def _build_dict(build: Finished) -> dict[str, object]:
    """A build as plain JSON values."""
    fields = ("build_id", "token", "started_ms", "ended_ms", "succeeded", "exit_status", "source_version", "detail")
    shown, covers = plain(build, *fields), build.covers
    if covers is None:
        return {**shown, "covers": None}
    notes = answers.notes_of(covers)
    contained = {note.version for note in notes if contains(covers, note)}
    versions = list(dict.fromkeys(note.version for note in notes if note.version))
    more = {
        "reasons": answers.reasons_of(covers),
        "source_versions": [version for version in versions if version in contained],
        "replaced": [version for version in versions if version not in contained],
    }
    return {**shown, "covers": plain(covers, "count", "first_ms", "last_ms") | more}


def _cells(build: Finished, at_ms: int) -> list[str]:
    covers = build.covers
    cells = [f"{say_duration(max(0, at_ms - build.started_ms))} ago", build.build_id, answers.outcome_of(build)]
    if covers is None:
        return cells
    count = answers.triggers_of(covers)
    if covers.count > 1:
        count += f" in {say_duration(max(0, covers.last_ms - covers.first_ms))}"
    return [*cells, count, ", ".join(answers.reasons_of(covers)), build.source_version or ""]


add_item_arguments = add_gate


def item(args: argparse.Namespace) -> int:
    """Print it; status 1 where there is none."""
    _, store, key = open_gate(args)
    item = store.item(key)
    if item is None:
        say(f"{key} has no item in {store.url}: it never built")
        return 1
    print_json(item)
    return 0


def _terms_of(config: Config, key: GateKey, store: Store) -> Terms | None:
    """The terms a gate goes by; ``None`` where ``holdoff.toml`` does not know its project."""
    known = config.projects.get(key.name)
    return None if known is None else Terms(policy=known.policy, clock_margin_ms=store.clock_margin_ms)


def _show_lines(lines: Sequence[str]) -> None:
    if lines:
        show("\n".join(map(one_line, lines)))


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"state", "ready in"})
    for row in rows:
        cells = [Text(cell) for cell in row]
        if "state" in headings:
            cells[2].stylize(STYLES.get(row[2], "yellow"))
        table.add_row(*cells)
    Console(highlight=False).print(table)
