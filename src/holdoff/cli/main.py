"""Finds the verb of a command line, imports that verb's file only, and turns errors into a line and an exit status."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

from holdoff.cli.common import mend_streams, say, show, unwritten
from holdoff.cli.plain import NotPlain, Plain
from holdoff.core.errors import ConfigError, HoldoffError, UsageError
from holdoff.core.shown import shown, shown_name
from holdoff.signals import hear_of_children, leave_init

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from types import ModuleType
    from typing import Any, Final, NoReturn

#: verb: (its file, what it does). The file has the functions ``add_VERB_arguments`` and ``VERB``.
VERBS: Final = {
    "run": ("run", "run a command on this machine, at most once per cooldown"),
    "init": ("init", "write a first holdoff.toml here"),
    "trigger": ("start", "ask for a build of a project from holdoff.toml"),
    "status": ("status", "what the gates are doing"),
    "explain": ("look", "why did(n't) my build run?"),
    "history": ("look", "the builds of a project, and what each covered"),
    "wake": ("start", "start what is due"),
    "serve": ("serve", "webhooks, an API, a page and the wake loop, in one process"),
    "token": ("serve", "make, list and revoke tokens for the API and the page"),
    "dead-letters": ("serve", "list and retry webhooks that could not be carried out"),
    "hold": ("manage", "let nothing start for now"),
    "resume": ("manage", "end a hold"),
    "reset": ("manage", "end a cooldown"),
    "finished": ("manage", "report that a build has ended, where nothing else reports it"),
    "store": ("manage", "create or check the table or file"),
    "aws": ("aws", "would Holdoff work in this AWS account?"),
    "plan": ("plan", "which policy would have suited your own past best?"),
    "rules": ("rules", "what would Holdoff do with an event, and why?"),
    "item": ("look", "a gate's stored item as JSON, numbers exact"),
    "completion": ("completion", "print a script with which a shell completes `holdoff`"),
}
#: What the command line calls a setting whose name is not that of an option.
_NAMES: Final = {"project": "PROJECT", "name": "NAME", "duration": "--for", "user_header": "--trust-header"}


def entry() -> NoReturn:
    hear_of_children()
    leave_init()
    mend_streams()
    interrupted, is_ignored = False, signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    try:
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status, interrupted = 128 + signal.SIGINT, True
    except SystemExit as end:  # argparse has said why
        status = end.code if isinstance(end.code, int) else UsageError.exit_code
    if interrupted or not is_ignored:  # from here on another SIGINT ends the process silently
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    show()
    with suppress(OSError):
        sys.stderr.flush()
    if interrupted:  # a shell's loop around this command stops only if the process dies of SIGINT
        os.kill(os.getpid(), signal.SIGINT)
    # Not sys.exit: the interpreter's clean-up takes a quarter of the command's time, and nothing is left to clean up.
    os._exit(status or (74 if unwritten else 0))  # EX_IOERR


def run(argv: Sequence[str]) -> int:
    """Carry out one command line; its exit status. Only with ``--debug`` it prints a traceback. A SIGINT is raised as
    KeyboardInterrupt."""
    end = argv.index("--") if "--" in argv else len(argv)
    words, command = list(argv[:end]), list(argv[end + 1 :]) if "--" in argv else None
    debug = "--debug" in words
    try:
        return _dispatch(words, command)
    except KeyboardInterrupt as stop:
        # A handler of ours puts the signal's number there. A codec that is interrupted puts words there.
        number = next((one for one in stop.args if isinstance(one, int)), signal.SIGINT)
        if number == signal.SIGINT:
            raise
        return 128 + number
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
    if argv[:1] == ["help"] and argv[1:2]:
        argv = [argv[1], "--help"]
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_usage(), file=sys.stdout if argv else sys.stderr)
        return 0 if argv else UsageError.exit_code
    if argv[0] in {"-V", "--version"}:
        from holdoff import __version__

        print(f"holdoff {__version__}")
        return 0
    if argv[0] not in VERBS:
        say(f"no such command: {shown_argument(argv[0])}")
        first = "Options follow the command, as in `holdoff status --json`." if argv[0].startswith("-") else ""
        say(f"{first or _meant(argv[0], VERBS)} `holdoff --help` lists them all".strip())
        return UsageError.exit_code
    return _run_verb(argv[0], argv[1:], command)


def parser_of(name: str) -> tuple[argparse.ArgumentParser, ModuleType]:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            advice = f"`{self.prog} --help` lists the options"
            self.exit(UsageError.exit_code, f"{self.prog}: {without_values(message)}\n{self.prog}: {advice}\n")

    does = VERBS[name][1]
    parser = Parser(
        prog=f"holdoff {name}",
        description=does[0].upper() + does[1:] + ("" if does.endswith("?") else "."),
        # A width, because argparse would import shutil (3 ms) to ask the terminal, help or not.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=79),
        allow_abbrev=False,
    )
    module = _declare(name, parser)
    for action in parser._actions:  # an error names a word as the usage shows it: {new,list,revoke}
        if action.choices and not action.option_strings:
            action.metavar = f"{{{','.join(action.choices)}}}"
    return parser, module


def _declare(name: str, parser: Any) -> ModuleType:
    """Add a verb's options to a parser; the verb's module."""
    module: ModuleType = __import__(f"holdoff.cli.{VERBS[name][0]}", fromlist=["*"])  # importlib imports warnings, too
    getattr(module, f"add_{name.replace('-', '_')}_arguments")(parser)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return module


def _run_verb(name: str, rest: list[str], command: list[str] | None) -> int:
    try:
        module, args = _read_plain(name, rest, command)
    except NotPlain:
        module, args = _read(name, rest, command)
    if getattr(args, "project", "") is None and getattr(args, "key", None) is not None:
        raise UsageError("--key goes with PROJECT")
    try:
        status: int = getattr(module, name.replace("-", "_"))(args)
    except ConfigError as error:
        if (option := _option_of(error.field, args)) is None:
            raise
        raise UsageError(str(ConfigError(field=option, got=error.got, want=error.want))) from error
    return status


def _option_of(field: str, args: Any) -> str | None:
    """The option that set a setting; ``None``: no option did. (A store may also come from the environment.)"""
    dest = field.removeprefix("server.")
    if dest == "store" or getattr(args, dest, None) is None:
        return None
    return _NAMES.get(dest) or f"--{dest.replace('_', '-')}"


def _read_plain(name: str, rest: list[str], command: list[str] | None) -> tuple[ModuleType, Any]:
    parser = Plain()
    module = _declare(name, parser)
    args = parser.read(rest)
    if hasattr(args, "command"):
        args.command = command
    elif command is not None:
        raise NotPlain
    return module, args


def _read(name: str, rest: list[str], command: list[str] | None) -> tuple[ModuleType, Any]:
    parser, module = parser_of(name)
    args, unknown = parser.parse_known_args(rest)
    takes_command = hasattr(args, "command")
    if unknown:
        meant = _meant(unknown[0].partition("=")[0], parser._option_string_actions)
        hint = f"; {meant}" if meant else "; the command goes after --" if takes_command and command is None else ""
        parser.error(f"unrecognized arguments: {' '.join(map(shown_argument, unknown))}{hint}")
    if takes_command:
        args.command = command
    elif command is not None:
        parser.error("only `holdoff run` takes a command after --")
    return module, args


def without_values(message: str) -> str:
    """A message of argparse about a wrong value; the value is left out where it may be a secret."""
    return re.sub(
        r"(invalid (?:choice|\w+ value): )'(.*?)'(?= \(choose|$)",
        lambda found: f"{found[1]}{shown('', found[2])}",
        message,
    ).replace("invalid int value", "no whole number")


def shown_argument(argument: str) -> str:
    """An argument without its value, which may be a secret: ``--token=...``."""
    name, mark, _ = argument.partition("=")
    return f"{shown_name(name)}{mark and '=...'}"


def _meant(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    bare = {one.lstrip("-"): one for one in known if one.startswith("-") == word.startswith("-")}
    return "".join(f"did you mean {bare[one]}?" for one in get_close_matches(word.lstrip("-"), bare, n=1))


def _usage() -> str:
    verbs = "\n".join(f"  {name:14}{does}" for name, (_, does) in VERBS.items())
    return (
        "usage: holdoff COMMAND ...\n\nMany triggers in, few builds out, and the last change always built.\n\n"
        f"{verbs}\n\nholdoff COMMAND --help describes a command; holdoff --version shows the version."
    )
