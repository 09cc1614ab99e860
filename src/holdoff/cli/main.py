"""The command line: finds the verb, imports only that verb's file, and turns errors into a line and an exit status."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from holdoff.cli.common import say, show, unwritten
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
    "aws": ("aws", "would it work in this AWS account?"),
    "item": ("item", "a gate's stored item as JSON, numbers exact"),
}
SIGINT: Final = 2
#: EX_SOFTWARE and EX_IOERR.
INTERNAL: Final = 70
IO_ERROR: Final = 74


class Verb(Protocol):
    """What each verb's file has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its options and arguments."""
        ...

    def main(self, args: argparse.Namespace) -> int:
        """Do it; the exit status."""
        ...


def entry() -> NoReturn:
    """The program ``holdoff``."""
    gc.disable()  # until all is imported: collecting then finds nothing, and takes a tenth of the time
    _mend_streams()
    try:
        status = run(sys.argv[1:])
    except SystemExit as end:  # argparse has said why
        status = end.code if isinstance(end.code, int) else UsageError.exit_code
    # Not sys.exit: taking the interpreter apart takes as long as a quarter of all we do, and nothing is left to do.
    os._exit(_flushed(status))


def _mend_streams() -> None:
    """Where a standard stream is closed, what we say goes nowhere; odd characters are escaped rather than refused."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _flushed(status: int) -> int:
    show("", end="")
    with suppress(OSError):
        sys.stderr.flush()
    return status or (IO_ERROR if unwritten else 0)


def run(argv: Sequence[str]) -> int:
    """One command line; its exit status. No traceback but with ``--debug``."""
    debug = "--debug" in (argv[: argv.index("--")] if "--" in argv else argv)
    try:
        return _dispatch(list(argv))
    except KeyboardInterrupt as stop:
        return 128 + getattr(stop, "number", SIGINT)
    except BrokenPipeError:
        return 0  # nobody reads our output any more
    except Exception as error:  # noqa: BLE001  (no traceback ever reaches a user)
        return _complain(error, debug=debug)


def _complain(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, HoldoffError):
        say(error)
        return error.exit_code
    advice = "" if debug else ". Run it again with --debug"
    say(f"internal error: {type(error).__name__}: {error}{advice}")
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
        description=does[0].upper() + does[1:] + ("" if does.endswith("?") else "."),
        # A width, because argparse would import shutil (3 ms) to ask the terminal, help or not.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=79),
        allow_abbrev=False,
    )
    verb.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args, unknown = parser.parse_known_args(rest)
    if unknown:
        takes = hasattr(args, "command") and command is None
        hint = "; the command goes after --" if takes else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if command is not None and not hasattr(args, "command"):
        parser.error("only `holdoff run` takes a command after --")
    if hasattr(args, "command"):
        args.command = command
    gc.enable()
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
