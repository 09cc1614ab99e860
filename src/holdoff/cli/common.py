"""What the verbs share: options, opening what they name, and printing.

A gate may be looked at, held or reset though ``holdoff.toml`` does not know its project.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from holdoff.core.errors import ConfigError, UsageError
from holdoff.core.request import GateKey
from holdoff.exact_json import dumps

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.stores.base import Store

#: What kept output from being written to stdout.
unwritten: list[OSError] = []


def add_store(parser: argparse.ArgumentParser) -> None:
    """``--store`` and ``--config``."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="sqlite:///PATH or dynamodb://TABLE?region=REGION (default: holdoff.toml's, else a "
        "SQLite file in your state directory)",
    )
    parser.add_argument("--config", metavar="FILE", help="holdoff.toml (default: the nearest one upward)")


def add_gate(parser: argparse.ArgumentParser, *, nargs: str | None = None) -> None:
    """``PROJECT``, ``--key`` and ``--region``, and what ``add_store`` adds."""
    parser.add_argument("project", metavar="PROJECT", nargs=nargs, help="just this one" if nargs else None)
    parser.add_argument("--key", help="the gate of this branch, customer, ... of PROJECT; the same as PROJECT@KEY")
    parser.add_argument("--region", help="the gate's region (default: the project's or the store's)")
    add_store(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def person(args: argparse.Namespace) -> str | None:
    """Who says so: ``--by``, else the user's name, where there is one."""
    import getpass

    try:
        return str(args.by or getpass.getuser())
    except (KeyError, OSError):
        return None


@contextmanager
def options() -> Iterator[None]:
    """What is no duration or instant here is refused as wrong usage, under the option's name."""
    try:
        yield
    except ConfigError as error:
        option = ConfigError(field=f"--{error.field.replace('_', '-')}", got=error.got, want=error.want)
        raise UsageError(str(option)) from None


def load_config(args: argparse.Namespace) -> Config:
    """The config that the options name."""
    from holdoff.config import load

    return load(args.config)


def opened(args: argparse.Namespace) -> tuple[Config, Store]:
    """The config and the store that the options name."""
    config = load_config(args)
    return config, config.open_store(args.store)


def open_gate(args: argparse.Namespace) -> tuple[Config, Store, GateKey]:
    """The config, the store, and the gate there that the options name."""
    config, store = opened(args)
    return config, store, key_of(config, args, store)


def key_of(config: Config, args: argparse.Namespace, store: Store) -> GateKey:
    """The gate that the options name in a store: PROJECT or PROJECT@KEY, ``--key`` and ``--region``."""
    from holdoff.core.request import KEY_MARK, GateKey

    if args.key is not None and KEY_MARK in args.project[1:]:
        raise UsageError(f"{args.project} has a key already; give the key once, there or by --key")
    region = args.region
    if region is None:
        known = config.projects.get(args.project.partition(KEY_MARK)[0])
        region = (known.region if known else None) or store.region
    return GateKey.of(args.project, args.key, region)


def print_json(value: object) -> None:
    """One object on stdout, in UTF-8 whatever the locale: so it is with JSON."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    show(dumps(value, indent=2))


def show(text: object, *, end: str = "\n") -> None:
    """Lines on stdout, at once. A failure only sets the exit status: there may be a command to look after."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        pass  # its reader has gone, and wants no more
    except OSError as error:
        unwritten.append(error)
        say(f"cannot write its output: {error.strerror}")


def say(message: object) -> None:
    """A line for a person, on stderr: stdout may be a command's. Where its reader has gone, it is lost."""
    with suppress(OSError):
        print(f"holdoff: {one_line(message)}", file=sys.stderr, flush=True)


def one_line(message: object) -> str:
    """The message without what would break the line or drive a terminal: names and services' words are foreign."""
    text = " ".join(str(message).splitlines())
    return "".join(char if char >= " " and char != "\x7f" else repr(char)[1:-1] for char in text)
