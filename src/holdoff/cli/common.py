"""What the verbs share: options, opening what they name, and printing."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from holdoff.core.decision import Decision, Outcome
from holdoff.core.errors import ConfigError, StoreError, UsageError
from holdoff.core.exact_json import dumps
from holdoff.core.units import parse_duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from holdoff.config import Config
    from holdoff.gate import Gate

#: EX_TEMPFAIL: a build that was refused, or that nobody knows of; it is tried again.
FAILED = 75
#: What kept us from writing to stdout.
unwritten: list[OSError] = []


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


def add_person(parser: argparse.ArgumentParser) -> None:
    """``--by`` and ``--why``."""
    parser.add_argument("--by", metavar="WHO", help="who says so (default: you)")
    parser.add_argument("--why", metavar="TEXT", help="for whoever asks later")


def person(args: argparse.Namespace) -> str | None:
    """Who says so: ``--by``, else the user's name, where there is one."""
    import getpass

    try:
        return str(args.by or getpass.getuser())
    except (KeyError, OSError):
        return None


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config that the options name."""
    from holdoff.config import load

    return load(args.config)


def check_duration(text: str | None, option: str) -> int:
    """Milliseconds; what is no duration is refused as wrong usage, under the option's name."""
    try:
        return parse_duration(text or 0, field=option)
    except ConfigError as error:
        raise UsageError(str(error)) from None


def print_json(value: object) -> None:
    """One object on stdout, in UTF-8 whatever the locale: so it is with JSON."""
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(encoding="utf-8")
    show(dumps(value, indent=2))


def show(text: object, *, end: str = "\n") -> None:
    """Lines on stdout, at once. A failure only sets the exit status: there may be a command to look after."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        pass  # nobody reads it any more, and nobody minds
    except OSError as error:
        unwritten.append(error)
        say(f"cannot write its output: {error.strerror}")


def say(message: object) -> None:
    """A line for a person, on stderr: stdout may be a command's. Where nobody reads it any more, so be it."""
    with suppress(OSError):
        print(f"holdoff: {one_line(message)}", file=sys.stderr, flush=True)


def one_line(message: object) -> str:
    """The message without what would break the line or drive a terminal: names and services' words are foreign."""
    text = " ".join(str(message).splitlines())
    return "".join(char if char >= " " and char != "\x7f" else repr(char)[1:-1] for char in text)


@contextmanager
def closing(gate: Gate) -> Iterator[Gate]:
    """Let go of a gate's store at the end; what it could not count any more does not undo what was done."""
    try:
        yield gate
    finally:
        try:
            gate.close()
        except StoreError as error:
            say(f"not counted: {error}")


def exit_status(decision: Decision) -> int:
    """0, unless the start failed."""
    return FAILED if decision.outcome is Outcome.FAILED else 0
