"""``holdoff run``: gate a command of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import add_gate, open_gate, options, say
from holdoff.core.decision import Outcome
from holdoff.core.errors import StartRefused, UsageError
from holdoff.core.policy import Policy
from holdoff.gate import Gate
from holdoff.starters.command import Command

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Project

#: As shells have it.
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
EPILOG: Final = """\
The command runs if the project's last start is at least the cooldown ago.
If not, it is skipped, with status 0 and a line on stderr; with --wait it
waits for its turn: of all that wait, the newest one's command runs, and the
others wait for its end and exit with its status.

  holdoff run site-build --cooldown 10m -- make site
  holdoff run deploy --cooldown 1h --wait -- ./deploy.sh

exit status: that of the command that ran (128+N if signal N ended it); 0 or
--skip-exit-code if none did; 127 no such command; 126 it cannot be executed;
75 the start failed, or its end is not known; 69 no store; 77 no rights;
78 bad configuration; 65 a stored gate that cannot be read; 2 bad usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``run``."""
    parser.usage = "holdoff run PROJECT --cooldown DURATION [options] -- COMMAND..."
    parser.epilog = EPILOG
    add_gate(parser)
    parser.add_argument("--cooldown", metavar="DURATION", help="such as 90, 10m or 1h30m (default: holdoff.toml's)")
    parser.add_argument("--wait", action="store_true", help="wait for its turn instead of skipping")
    parser.add_argument("--quiet", metavar="DURATION", help="with --wait: run once none has asked for this long")
    parser.add_argument("--max-wait", metavar="DURATION", help="with --quiet: run this long after the first asked")
    overlap = "while the run before still runs: run beside it (default), skip, or wait (with --wait)"
    parser.add_argument("--overlap", choices=["allow", "skip", "defer"], help=overlap)
    parser.add_argument("--force", action="store_true", help="run now, whatever the cooldown says")
    parser.add_argument("--reason", help="why, for people to read")
    parser.add_argument("--skip-exit-code", type=int, default=0, metavar="N", help="exit status if it did not run")
    parser.add_argument("-v", "--verbose", action="store_true", help="say so when it starts, too")
    parser.set_defaults(command=None)


def main(args: argparse.Namespace) -> int:
    """Run, skip or wait."""
    if not args.command:
        raise UsageError("no command", hint="Put it after --: holdoff run PROJECT --cooldown 10m -- make")
    if not 0 <= args.skip_exit_code <= 255:
        raise UsageError("--skip-exit-code takes 0 to 255")
    config, store, key = open_gate(args)
    policy = _policy(args, config.projects.get(key.name))
    if status := _cannot_run(args.command[0]):
        return status
    starter = Command(args.command)
    gate = Gate(key.name, key=key.key, region=key.region, store=store, policy=policy, starter=starter)
    with gate, starter.holding():
        return _run(gate, starter, args)


def _cannot_run(program: str) -> int | None:
    """Why the program certainly cannot run, as an exit status: then nothing is claimed."""
    folders = [""] if os.path.dirname(program) else os.get_exec_path()  # noqa: PTH120
    found = [path for folder in folders if os.path.isfile(path := os.path.join(folder, program))]  # noqa: PTH113, PTH118
    if any(os.access(path, os.X_OK) for path in found):
        return None
    say(f"{program}: {'not executable' if found else 'command not found'}")
    return NOT_EXECUTABLE if found else NOT_FOUND


def _policy(args: argparse.Namespace, known: Project | None) -> Policy:
    if not args.wait and (args.quiet or args.overlap == "defer"):
        asked = "--quiet" if args.quiet else "--overlap defer"
        raise UsageError(f"{asked} goes with --wait: what is deferred is run by a caller that waits")
    if args.cooldown is not None:
        with options():
            return Policy(
                args.cooldown,
                on_cooldown="defer" if args.wait else "skip",
                quiet=args.quiet,
                max_wait=args.max_wait,
                overlap=args.overlap or "allow",
            )
    if known is None:
        raise UsageError("no --cooldown", hint="Give one, such as --cooldown 10m, or a holdoff.toml")
    if args.quiet or args.max_wait or args.overlap:
        raise UsageError("--quiet, --max-wait and --overlap go with --cooldown; else holdoff.toml says")
    return known.policy.for_caller(waits=args.wait)


def _run(gate: Gate, starter: Command, args: argparse.Namespace) -> int:
    decision = gate.trigger(reason=args.reason or "holdoff run", force=args.force, waits=args.wait)
    status = None if decision.taken_over is None else gate.wait(decision.taken_over)
    if args.wait and decision.outcome is Outcome.DEFERRED:
        from holdoff.cli.wait import wait_for_turn

        decision, status = wait_for_turn(gate, decision, starter)
    if decision.outcome is not Outcome.STARTED or args.verbose:
        say(decision)
    if decision.outcome is Outcome.FAILED:
        if starter.refused is None:
            return StartRefused.exit_code
        return NOT_FOUND if isinstance(starter.refused, FileNotFoundError) else NOT_EXECUTABLE
    if decision.build_id is not None:
        return gate.wait(decision.build_id) or 0
    return args.skip_exit_code if status is None else status
