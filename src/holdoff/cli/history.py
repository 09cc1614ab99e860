"""``holdoff history``: the builds of a project, and what each covered."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from holdoff.cli.common import add_json, add_project, load_config, print_json, show
from holdoff.cli.gates import key_of
from holdoff.clock import SystemClock
from holdoff.core.record import Finished
from holdoff.core.units import iso, say_duration
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``history``."""
    add_project(parser)
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="at most so many (default: %(default)s)"
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """A table in a terminal, lines elsewhere, JSON where asked."""
    from holdoff.observe.explain import Scene

    config = load_config(args)
    store = config.open_store(args.store)
    key = key_of(config, args, store)
    scene = Scene.of(store, key, None, now_ms(store, SystemClock()))
    builds = list(islice(scene.builds, max(0, args.limit)))
    if args.json:
        print_json({"builds": [to_dict(build) for build in builds]})
    elif not builds:
        show(f"{key}: no builds yet")
    elif sys.stdout.isatty():
        _print_table(builds, scene.now_ms)
    else:
        show("\n".join("  ".join(_cells(build, scene.now_ms)) for build in builds))
    return 0


def to_dict(build: Finished) -> dict[str, object]:
    """A build as plain JSON values."""
    covers = build.covers
    return {
        "build_id": build.build_id,
        "token": build.token,
        "started": iso(build.started_ms),
        "ended": None if build.ended_ms is None else iso(build.ended_ms),
        "succeeded": build.succeeded,
        "source_version": build.source_version,
        "detail": build.detail,
        "covers": covers
        and {
            "count": covers.count,
            "first": iso(covers.first_ms),
            "last": iso(covers.last_ms),
            "reasons": [reason for reason in (covers.request.reason, *covers.reasons) if reason],
            "source_versions": [
                version for version in (covers.request.source_version, *covers.versions) if version
            ],
        },
    }


def _print_table(builds: list[Finished], now_ms: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("started", "build", "outcome", "covers", "why", "version"):
        table.add_column(heading)
    for build in builds:
        table.add_row(*map(Text, _cells(build, now_ms)))
    Console(highlight=False).print(table)


def _cells(build: Finished, now_ms: int) -> tuple[str, ...]:
    from holdoff.observe.explain import outcome_of

    covers = build.covers
    started = f"{say_duration(max(0, now_ms - build.started_ms))} ago"
    if covers is None:
        return (started, build.build_id, outcome_of(build))
    count = f"{covers.count} trigger{'' if covers.count == 1 else 's'}"
    if covers.count > 1:
        count += f" in {say_duration(covers.last_ms - covers.first_ms)}"
    reasons = ", ".join(filter(None, (covers.request.reason, *covers.reasons)))
    return (started, build.build_id, outcome_of(build), count, reasons, build.source_version or "")
