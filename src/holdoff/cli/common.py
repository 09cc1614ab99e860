"""What the verbs share: options, opening what they name, and printing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdoff.core.decision import Decision, Outcome
from holdoff.core.exact_json import dumps

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config

#: EX_TEMPFAIL: a build that was refused, or that nobody knows of; it is tried again.
FAILED = 75


def add_store(parser: argparse.ArgumentParser) -> None:
    """``--store`` and ``--config``."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="sqlite:///PATH or dynamodb://TABLE?region=REGION (default: holdoff.toml's, else a "
        "SQLite file in your state directory)",
    )
    parser.add_argument(
        "--config", metavar="FILE", help="holdoff.toml (default: the nearest one upward)"
    )


def add_project(parser: argparse.ArgumentParser) -> None:
    """``PROJECT`` and ``--region``, and what ``add_store`` adds."""
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument(
        "--region", help="the gate's region (default: the project's or the store's)"
    )
    add_store(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config that the options name."""
    from holdoff.config import load

    return load(args.config)


def print_json(value: object) -> None:
    """One object on stdout."""
    print(dumps(value, indent=2))


def say(message: object) -> None:
    """A line for a person, on stderr: stdout may be a command's."""
    print(f"holdoff: {message}", file=sys.stderr, flush=True)


def exit_status(decision: Decision) -> int:
    """0, unless the start failed."""
    return FAILED if decision.outcome is Outcome.FAILED else 0
