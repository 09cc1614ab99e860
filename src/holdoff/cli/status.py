"""``holdoff status``: what the gates are doing, those that need attention first.

A gate that cannot be read is shown as unreadable, and the exit status is 65; the other gates are shown as they are. A
terminal gets a table if it is wide enough, else a line for each gate: no name is cut. If the gates do not all fit on
the screen, gates that need no attention are only counted.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import add_gate, add_json, no_such_gate, opened, print_json, say, show
from holdoff.cli.table import show_table, terminal_size
from holdoff.clock import SystemClock, now_ms
from holdoff.core.errors import RecordInvalid, UsageError
from holdoff.core.units import iso, parse_duration, say_age, say_duration
from holdoff.core.value import Value
from holdoff.observe.status import ATTENTION, Status, marks_in, say_instant, urgency

if TYPE_CHECKING:
    import argparse

    from holdoff.core.request import GateKey

#: What ``--only`` takes besides ``ATTENTION``: the states of gates.
STATES: Final = ("ready", "cooling_down", "limit", "quiet", "claimed", "backing_off", "unknown")
HEADINGS: Final = ["project", "region", "state", "last build", "ready in", "pending"]
#: The colour of a gate by the first thing that it needs attention for; SGR parameters.
COLOURS: Final = {"failed": "31", "held": "35", "overdue": "31", "stale": "31", "running": "36", "pending": "36"}
EPILOG: Final = f"""\
Gates that need attention come first:
{", ".join(ATTENTION)}.
Overdue: the gate has been due for over a minute, and nothing has woken it.

  holdoff status                       all gates: of the store, of holdoff.toml
  holdoff status --only failed,held    only these; it takes states, too: ready
  holdoff status site --max-stale 30m  for a monitor

exit status: 0; 1 a change waits longer than --max-stale, or there is no such
gate; 65 a gate cannot be read.
"""


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser, optional="only this project's own gates, not those of its keys")
    parser.epilog = EPILOG
    what = "for a monitor: exit 1 if a trigger older than this is not covered by a build yet"
    parser.add_argument("--max-stale", metavar="DURATION", help=what)
    parser.add_argument("--only", metavar="WHAT,...", help=f"only gates that are {', '.join(ATTENTION)}, or in a state")
    add_json(parser)


class Shown(Value):
    """A gate as it is printed. Its record, which is six times as large, is not kept: there may be very many gates."""

    key: GateKey
    marks: tuple[str, ...]
    stale_ms: int
    line: str  #: its status as a sentence
    notes: tuple[str, ...]  #: what a person should know besides the status
    cells: tuple[str, ...]  #: its row in a table; none: it cannot be read, or there is no table
    json: dict[str, object] | None  #: its status as plain JSON values; ``None``: there is no JSON

    def lines(self, *, regions: bool) -> list[str]:
        """Its status and its notes, a line each. ``regions``: with the gate's region."""
        line = f"{self.key}{self.line.removeprefix(self.key.project)}" if regions else self.line
        return [line, *(f"{self.key}: {note}" for note in self.notes)]


def status(args: argparse.Namespace) -> int:
    """Print a table in a terminal, lines elsewhere, JSON where asked."""
    gc.disable()  # many gates are very many values and no cycles: the collector would take a fifth of the time
    longest_ms = None if args.max_stale is None else parse_duration(args.max_stale, field="max_stale")
    only = _only(args.only)
    if "stale" in only and longest_ms is None:
        raise UsageError("--only stale goes with --max-stale, the age from which a gate is stale")
    config, store = opened(args)
    clock = SystemClock()
    # Without a project any name does: ``key`` checks the region.
    named = config.key("any" if args.project is None else args.project, args.key, args.region, store)
    found = config.statuses(store, clock, args.project and named.project, args.region, stale_after_ms=longest_ms)
    in_terminal = sys.stdout.isatty()
    gates = [_shown(one, as_json=args.json, as_row=in_terminal) for one in found]
    at_ms = now_ms(store, clock)
    gates.sort(key=lambda gate: (0 if args.json else urgency(gate.marks), gate.key))
    shown = [gate for gate in gates if not only or not only.isdisjoint(gate.marks)]
    unknown = None
    if not gates and args.project is not None:
        unknown = no_such_gate(config, store, named)
    elif not gates and args.region is not None:
        unknown = f"no gate in {store.url} is in the region {args.region}"
    if args.json:
        print_json({"gates": [gate.json for gate in shown], "store": store.url, "at": iso(at_ms)})
    elif shown:
        _show(shown, f"{store.url}, {say_instant(at_ms)}", counted=not args.project)
    elif unknown is None:
        none = f"{_counts(gates)}; none is {args.only}" if gates else "no gates yet: the first trigger makes one"
        show(f"{none} ({store.url})")
    if unknown is not None:
        say(unknown)
        return 1
    return _exit_status(gates)


def _only(text: str | None) -> set[str]:
    named = marks_in(text or "")
    for name in sorted(named - {*ATTENTION, *STATES}):
        raise UsageError(f"--only {name}: it takes {', '.join(ATTENTION)}, or a state: {', '.join(STATES)}")
    return named


def _shown(one: Status, *, as_json: bool, as_row: bool) -> Shown:
    pending = one.record.pending
    refused = [f"the last start was refused: {pending.refusal}"] if pending and pending.refusal else []
    return Shown(
        key=one.key,
        marks=one.marks,
        stale_ms=one.stale_ms or 0,
        line=str(one),
        notes=(*one.notes, *refused),
        cells=_row(one) if as_row and not one.error else (),
        json=one.to_dict() if as_json else None,
    )


def _exit_status(gates: Iterable[Shown]) -> int:
    status = 0
    for gate in gates:
        if "stale" in gate.marks:
            waited = say_duration(gate.stale_ms)
            say(f"{gate.key} is stale: its oldest trigger not covered yet came {waited} ago")
            status = 1
    return RecordInvalid.exit_code if any("unreadable" in gate.marks for gate in gates) else status


# --- for people ------------------------------------------------------------------------------------------------------


def _show(gates: list[Shown], where: str, *, counted: bool) -> None:
    """Print the gates, how many of each kind there are, the store and the time."""
    listed = gates
    if sys.stdout.isatty() and len(gates) > terminal_size(sys.stdout)[1] - 6:
        listed = [gate for gate in gates if gate.marks[0] in ATTENTION]
    rows = [gate for gate in listed if gate.cells]
    colours = (COLOURS.get(gate.marks[0], "") for gate in rows)
    if rows and show_table([HEADINGS, *(gate.cells for gate in rows)], colours):
        show(*(line for gate in listed for line in gate.lines(regions=False)[1 if gate.cells else 0 :]))
    else:
        regions = len({gate.key.region for gate in gates}) > 1
        show(*(line for gate in listed for line in gate.lines(regions=regions)))
    if len(listed) < len(gates):
        rest = sorted({gate.marks[-1] for gate in gates if gate.marks[0] not in ATTENTION})
        show(f"and {len(gates) - len(listed)} in no need of attention: --only {','.join(rest)} lists them")
    if counted:
        show(_counts(gates))
    show(where)


def _counts(gates: list[Shown]) -> str:
    names = {"unknown": "not in holdoff.toml"}
    counts = Counter(gate.marks[0] for gate in gates)
    kinds = ", ".join(f"{count} {names.get(name, name.replace('_', ' '))}" for name, count in counts.items())
    return f"{len(gates)} gate{'' if len(gates) == 1 else 's'}: {kinds}"


def _row(one: Status) -> tuple[str, ...]:
    state = "" if one.state == "unknown" else one.state.replace("_", " ")
    last_ms, end = one.last_built_ms, one.record.finished
    last = "never" if last_ms is None else say_age(one.now_ms - last_ms)
    if one.runs and one.state != "running":
        last += ", still running"
    elif last_ms and one.record.running is None and end is not None and end.succeeded is not None:
        last += f", {'succeeded' if end.succeeded else 'failed'}"
    pending = one.record.pending
    waiting = f"{pending.count}, for {one.age(pending.first_ms)}" if pending else ""
    waiting += ", stale" if "stale" in one.attention else ""
    ends = one.state == "running" and (one.is_latest or one.awaits_command)
    ready = "after it ends" if ends else one.ready_in or ""
    ready = f"overdue {say_duration(one.overdue_ms)}" if one.overdue_ms else ready
    return one.key.project, one.key.region, state, last, ready, waiting
