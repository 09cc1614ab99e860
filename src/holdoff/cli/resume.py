"""``holdoff resume``: end a hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_person, add_project, load_config, person, say
from holdoff.cli.gates import bare_gate

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``resume``."""
    add_project(parser)
    add_person(parser)


def main(args: argparse.Namespace) -> int:
    """Resume, and say what that means."""
    with bare_gate(load_config(args), args) as gate:
        gate.resume(by=person(args), why=args.why)
        say(gate.status())
    return 0
