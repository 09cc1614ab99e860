"""``holdoff status``: what the gates are doing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdoff.cli.common import add_json, add_store, load_config, print_json
from holdoff.clock import SystemClock
from holdoff.core.record import GateKey, Record
from holdoff.core.status import Status, status_of
from holdoff.core.units import say_duration

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
    "unknown": "dim",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``status``."""
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="just this one")
    add_store(parser)
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """A table in a terminal, lines elsewhere, JSON where asked."""
    config = load_config(args)
    found = statuses(config, config.open_store(args.store), args.project)
    if args.json:
        print_json({"gates": [status.to_dict() for status in found]})
    elif not found:
        print("no gates yet: the first trigger makes one")
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        print("\n".join(str(status) for status in found))
    return 0


def statuses(config: Config, store: Store, project: str | None) -> list[Status]:
    """All gates of the store, and the projects of holdoff.toml that have none yet."""
    now_ms = SystemClock().now_ms()
    gates = dict(store.gates(project))
    for name, known in config.projects.items():
        if project in (None, name) and not any(key.project == name for key in gates):
            gates[GateKey(name, known.region or store.region)] = Record()
    policies = {name: known.policy for name, known in config.projects.items()}
    return [
        status_of(key, record, policies.get(key.project), now_ms)
        for key, record in sorted(gates.items(), key=lambda pair: pair[0])
    ]


def _print_table(found: list[Status]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("project", "region", "state", "last build", "ready in", "pending", "triggers"):
        table.add_column(heading, justify="right" if heading == "triggers" else "left")
    for status in found:
        state = Text(status.state.replace("_", " "), style=STYLES.get(status.state, "yellow"))
        cells = (_last(status), status.ready_in or "", _pending(status), _counts(status.record))
        table.add_row(Text(status.key.project), Text(status.key.region), state, *map(Text, cells))
    Console(highlight=False).print(table)


def _last(status: Status) -> str:
    record = status.record
    if not record.lastbuild_ms:
        return "never"
    ago = f"{say_duration(max(0, status.now_ms - record.lastbuild_ms))} ago"
    end = record.finished
    if record.running is not None or end is None or end.succeeded is None:
        return ago
    return f"{ago}, {'succeeded' if end.succeeded else 'failed'}"


def _pending(status: Status) -> str:
    pending = status.record.pending
    if pending is None:
        return ""
    plural = "s" if pending.count > 1 else ""
    waited = say_duration(max(0, status.now_ms - pending.first_ms))
    return f"{pending.count} trigger{plural}, since {waited}"


def _counts(record: Record) -> str:
    counts = record.counts
    parts = [
        f"{number} {name}"
        for name, number in (
            ("started", counts.started),
            ("deferred", counts.deferred),
            ("skipped", counts.skipped),
            ("failed", counts.failed),
        )
        if number
    ]
    return ", ".join(parts)
