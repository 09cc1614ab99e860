"""The command line: finds the verb, imports only that verb's file, and turns errors into a line and an exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Final, NoReturn

from holdoff.cli.common import say, show, unwritten
from holdoff.core.errors import HoldoffError, UsageError

#: verb: (its file, what it does). A file has ``add_VERB_arguments`` and ``VERB``; one of a single verb may call them
#: ``add_arguments`` and ``main``.
VERBS: Final = {
    "run": ("run", "gate a command of this machine"),
    "trigger": ("start", "ask for a build of a project from holdoff.toml"),
    "status": ("look", "what the gates are doing"),
    "explain": ("look", "why did(n't) my build run?"),
    "history": ("look", "the builds of a project, and what each covered"),
    "wake": ("start", "start what is due"),
    "hold": ("manage", "let nothing start for now"),
    "resume": ("manage", "end a hold"),
    "reset": ("manage", "end a cooldown"),
    "store": ("manage", "create or check the table or file"),
    "aws": ("aws", "would it work in this AWS account?"),
    "item": ("look", "a gate's stored item as JSON, numbers exact"),
}


def entry() -> NoReturn:
    """The program ``holdoff``."""
    gc.disable()  # until all is imported: collecting then finds nothing, and takes a tenth of the time
    _mend_streams()
    try:
        status = run(sys.argv[1:])
    except SystemExit as end:  # argparse has said why
        status = end.code if isinstance(end.code, int) else UsageError.exit_code
    show("", end="")
    with suppress(OSError):
        sys.stderr.flush()
    # Not sys.exit: taking the interpreter apart takes as long as a quarter of all we do, and nothing is left to do.
    os._exit(status or (74 if unwritten else 0))  # EX_IOERR


def _mend_streams() -> None:
    """Output to a standard stream that is closed goes nowhere; odd characters are escaped rather than refused."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def run(argv: Sequence[str]) -> int:
    """One command line; its exit status. No traceback but with ``--debug``."""
    end = argv.index("--") if "--" in argv else len(argv)
    words, command = list(argv[:end]), list(argv[end + 1 :]) if "--" in argv else None
    debug = "--debug" in words
    try:
        return _dispatch(words, command)
    except KeyboardInterrupt as stop:
        return 128 + (stop.args[0] if stop.args else signal.SIGINT)
    except BrokenPipeError:
        return 0  # the reader of our output has gone
    except Exception as error:  # noqa: BLE001  (no traceback ever reaches a user)
        if debug:
            import traceback

            traceback.print_exception(error)
        if isinstance(error, HoldoffError):
            say(error)
            return error.exit_code
        advice = "" if debug else ". Run it again with --debug"
        say(f"internal error: {type(error).__name__}: {error}{advice}")
        return 70  # EX_SOFTWARE


def _dispatch(argv: list[str], command: list[str] | None) -> int:
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
    return _run_verb(argv[0], argv[1:], command)


def _run_verb(name: str, rest: list[str], command: list[str] | None) -> int:
    import argparse

    file, does = VERBS[name]
    module = import_module(f"holdoff.cli.{file}")
    parser = argparse.ArgumentParser(
        prog=f"holdoff {name}",
        description=does[0].upper() + does[1:] + ("" if does.endswith("?") else "."),
        # A width, because argparse would import shutil (3 ms) to ask the terminal, help or not.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=79),
        allow_abbrev=False,
    )
    (getattr(module, f"add_{name}_arguments", None) or module.add_arguments)(parser)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args, unknown = parser.parse_known_args(rest)
    takes_command = hasattr(args, "command")
    if unknown:
        hint = "; the command goes after --" if takes_command and command is None else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if takes_command:
        args.command = command
    elif command is not None:
        parser.error("only `holdoff run` takes a command after --")
    gc.enable()
    status: int = (getattr(module, name, None) or module.main)(args)
    return status


def _usage() -> str:
    verbs = "\n".join(f"  {name:10}{does}" for name, (_, does) in VERBS.items())
    return (
        "usage: holdoff COMMAND ...\n\nMany triggers in, few builds out, and the last change always built.\n\n"
        f"{verbs}\n\nholdoff COMMAND --help tells more; holdoff --version tells the version."
    )
