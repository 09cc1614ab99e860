"""The command line: finds the verb, imports only that verb's file, and turns errors into a line and an exit status."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from holdoff.core.errors import HoldoffError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

#: verb: (its file, what it does)
VERBS: Final = {
    "run": ("run", "gate a command of this machine"),
    "trigger": ("trigger", "ask for a build of a project from holdoff.toml"),
    "status": ("status", "what the gates are doing"),
    "explain": ("explain", "why did(n't) my build run?"),
    "history": ("history", "the builds of a project, and what each covered"),
    "wake": ("wake", "start what is due"),
    "hold": ("hold", "let nothing start for now"),
    "resume": ("resume", "end a hold"),
    "reset": ("reset", "end a cooldown"),
    "store": ("store", "create or check the table or file"),
    "item": ("item", "a gate's stored item as JSON, numbers exact"),
}
INTERRUPTED: Final = 130
INTERNAL: Final = 70


class Verb(Protocol):
    """What each verb's file has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its options and arguments."""
        ...

    def main(self, args: argparse.Namespace) -> int:
        """Do it; the exit status."""
        ...


def entry() -> None:
    """The program ``holdoff``."""
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """One command line; its exit status. No traceback but with ``--debug``."""
    debug = "--debug" in (argv[: argv.index("--")] if "--" in argv else argv)
    try:
        return _dispatch(list(argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads our output any more, and Python would complain at exit
        return 0
    except Exception as error:
        if debug:
            raise
        return _complain(error)


def _complain(error: Exception) -> int:
    if isinstance(error, HoldoffError):
        print(f"holdoff: {error}", file=sys.stderr)
        return error.exit_code
    what = f"{type(error).__name__}: {error}"
    print(f"holdoff: internal error: {what}. Run it again with --debug", file=sys.stderr)
    return INTERNAL


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_usage(), file=sys.stdout if argv else sys.stderr)
        return 0 if argv else UsageError.exit_code
    if argv[0] in {"-V", "--version"}:
        from holdoff import __version__

        print(f"holdoff {__version__}")
        return 0
    if argv[0] not in VERBS:
        print(f"holdoff: no such command: {argv[0]}\n\n{_usage()}", file=sys.stderr)
        return UsageError.exit_code
    return _run_verb(argv[0], argv[1:])


def _run_verb(name: str, rest: list[str]) -> int:
    import argparse

    home, does = VERBS[name]
    verb: Verb = import_module(f"holdoff.cli.{home}")
    command: list[str] | None = None
    if "--" in rest:
        split = rest.index("--")
        rest, command = rest[:split], rest[split + 1 :]
    parser = argparse.ArgumentParser(
        prog=f"holdoff {name}",
        description=does[0].upper() + does[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse_args(rest)
    if command is not None and not hasattr(args, "command"):
        parser.error("only `holdoff run` takes a command after --")
    if hasattr(args, "command"):
        args.command = command
    return verb.main(args)


def _usage() -> str:
    lines = [
        "usage: holdoff COMMAND ...",
        "",
        "Many triggers in, few builds out, and the last change always built.",
        "",
    ]
    lines += [f"  {name:10}{does}" for name, (_, does) in VERBS.items()]
    lines += ["", "holdoff COMMAND --help tells more; holdoff --version tells the version."]
    return "\n".join(lines)
