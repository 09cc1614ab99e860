"""``holdoff reset``: end a cooldown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_person, add_project, load_config, person, say
from holdoff.cli.gates import bare_gate

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``reset``."""
    add_project(parser)
    add_person(parser)
    parser.add_argument(
        "--drop-pending", action="store_true", help="drop what is pending, too: it is never built"
    )
    parser.add_argument(
        "--drop-claim",
        action="store_true",
        help="give up a start that nobody can finish; if its build exists, nobody knows of it",
    )


def main(args: argparse.Namespace) -> int:
    """Reset, and say what that means."""
    with bare_gate(load_config(args), args) as gate:
        gate.reset(
            drop_pending=args.drop_pending,
            drop_claim=args.drop_claim,
            by=person(args),
            why=args.why,
        )
        say(f"{gate.key.project} reset; {gate.status()}")
    return 0
