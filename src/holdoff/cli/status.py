"""``holdoff status``: what the gates are doing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdoff.cli.common import (
    add_json,
    add_store,
    check_duration,
    load_config,
    one_line,
    print_json,
    say,
    show,
)
from holdoff.clock import SystemClock
from holdoff.core.record import GateKey, Record
from holdoff.core.status import Status, status_of
from holdoff.core.units import say_duration
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.stores.base import Store

STYLES = {
    "ready": "green",
    "pending": "cyan",
    "claimed": "cyan",
    "running": "cyan",
    "held": "magenta",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``status``."""
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="just this one")
    add_store(parser)
    parser.add_argument(
        "--max-stale",
        metavar="DURATION",
        help="for a monitor: exit 1 if a trigger older than this is not covered by a build yet",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """A table in a terminal, lines elsewhere, JSON where asked."""
    longest_ms = _longest_stale_ms(args.max_stale)
    config = load_config(args)
    found = statuses(config, config.open_store(args.store), args.project)
    if args.json:
        print_json({"gates": [status.to_dict() for status in found]})
    elif not found:
        show(_none_yet(args.project))
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        show("\n".join(str(status) for status in found))
    stale = [status for status in found if (status.stale_ms or 0) > longest_ms]
    for status in stale:
        waited = say_duration(status.stale_ms or 0)
        say(f"{status.key} is stale: its oldest trigger not covered yet came {waited} ago")
    return 1 if stale else 0


def _none_yet(project: str | None) -> str:
    if project is None:
        return "no gates yet: the first trigger makes one"
    return f"{one_line(project)}: no such gate yet; its first trigger makes it"


def _longest_stale_ms(text: str | None) -> float:
    return float("inf") if text is None else check_duration(text, "--max-stale")


def statuses(config: Config, store: Store, project: str | None) -> list[Status]:
    """All gates of the store, and the projects of holdoff.toml that have none yet."""
    at_ms = now_ms(store, SystemClock())
    gates = dict(store.gates(project))
    for name, known in config.projects.items():
        if project in (None, name) and not any(key.project == name for key in gates):
            gates[GateKey(name, known.region or store.region)] = Record()
    policies = {name: known.policy for name, known in config.projects.items()}
    return [
        status_of(key, record, policies.get(key.project), at_ms)
        for key, record in sorted(gates.items(), key=lambda pair: pair[0])
    ]


def _print_table(found: list[Status]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("project", "region", "state", "last build", "ready in", "pending"):
        table.add_column(heading, no_wrap=heading in {"state", "ready in"})
    table.add_column("triggers", justify="right")
    for status in found:
        known = "" if status.state == "unknown" else status.state.replace("_", " ")
        state = Text(known, style=STYLES.get(status.state, "yellow"))
        cells = (_last(status), status.ready_in or "", _pending(status))
        total = str(status.record.counts.total)
        table.add_row(
            Text(status.key.project), Text(status.key.region), state, *map(Text, cells), total
        )
    Console(highlight=False).print(table)


def _last(status: Status) -> str:
    if status.last_built_ago is None:
        return "never"
    ago, end = f"{status.last_built_ago} ago", status.record.finished
    if status.record.running is not None or end is None or end.succeeded is None:
        return ago
    return f"{ago}, {'succeeded' if end.succeeded else 'failed'}"


def _pending(status: Status) -> str:
    pending = status.record.pending
    if pending is None:
        return ""
    return f"{pending.count}, for {say_duration(max(0, status.now_ms - pending.first_ms))}"
