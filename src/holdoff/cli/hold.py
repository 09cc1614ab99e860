"""``holdoff hold``: let nothing start for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_project, check_duration, load_config, person, say
from holdoff.cli.gates import bare_gate

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``hold``."""
    add_project(parser)
    parser.add_argument(
        "--for", dest="duration", metavar="DURATION", help="such as 2h (default: until resumed)"
    )
    parser.add_argument("--why", required=True, help="for whoever asks why nothing builds")
    parser.add_argument("--by", metavar="WHO", help="who says so (default: you)")


def main(args: argparse.Namespace) -> int:
    """Hold, and say what that means."""
    check_duration(args.duration, "--for")
    with bare_gate(load_config(args), args) as gate:
        gate.hold(why=args.why, duration=args.duration, by=person(args))
        say(gate.status())
    return 0
