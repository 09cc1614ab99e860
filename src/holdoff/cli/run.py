"""``holdoff run``: gate a command of this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import FAILED, add_project, closing, load_config, say
from holdoff.cli.gates import region_of
from holdoff.cli.stops import Stops
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import ConfigError, UsageError
from holdoff.core.policy import Policy
from holdoff.gate import Gate
from holdoff.starters.command import Command

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config

#: As shells have it.
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
EPILOG: Final = """\
The command runs if the project's last start is at least the cooldown ago.
If not, it is skipped, with status 0 and a line on stderr; with --wait it
waits for its turn: of all that wait, one runs, and the others are covered
by its run.

  holdoff run site-build --cooldown 10m -- make site
  holdoff run deploy --cooldown 1h --wait -- ./deploy.sh

exit status: the command's own (128+N if signal N ended it); 0 or
--skip-exit-code if it did not run; 127 no such command; 126 it cannot be
executed; 75 the start failed; 69 no store; 77 no rights; 78 bad
configuration; 65 a stored gate that cannot be read; 2 bad usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``run``."""
    parser.usage = "holdoff run PROJECT --cooldown DURATION [options] -- COMMAND..."
    parser.epilog = EPILOG
    add_project(parser)
    parser.add_argument(
        "--cooldown", metavar="DURATION", help="such as 90, 10m or 1h30m (default: holdoff.toml's)"
    )
    parser.add_argument("--wait", action="store_true", help="wait for its turn instead of skipping")
    parser.add_argument(
        "--quiet", metavar="DURATION", help="with --wait: run once nobody has asked for this long"
    )
    parser.add_argument(
        "--max-wait", metavar="DURATION", help="with --quiet: run this long after the first asked"
    )
    parser.add_argument(
        "--overlap",
        choices=["allow", "skip", "defer"],
        help="while the run before still runs: run beside it (default), skip, or wait (with --wait)",
    )
    parser.add_argument("--force", action="store_true", help="run now, whatever the cooldown says")
    parser.add_argument("--reason", help="why, for people to read")
    parser.add_argument(
        "--skip-exit-code", type=int, default=0, metavar="N", help="exit status if it did not run"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say so when it starts, too")
    parser.set_defaults(command=None)


def main(args: argparse.Namespace) -> int:
    """Run, skip or wait."""
    if not args.command:
        raise UsageError(
            "no command", hint="Put it after --: holdoff run PROJECT --cooldown 10m -- make"
        )
    if not 0 <= args.skip_exit_code <= 255:
        raise UsageError("--skip-exit-code takes 0 to 255")
    config = load_config(args)
    policy = _policy(args, config)
    if status := _cannot_run(args.command[0]):
        return status
    starter = Command(args.command)
    stops = Stops(starter.came)
    gate = Gate(
        args.project,
        region=region_of(config, args),
        store=config.open_store(args.store),
        policy=policy,
        starter=starter,
    )
    with closing(gate), stops.kept():
        return _run(gate, starter, stops, args)


def _cannot_run(program: str) -> int | None:
    """Why the program certainly cannot run, as an exit status: then nothing is claimed."""
    folders = [""] if os.path.dirname(program) else os.get_exec_path()  # noqa: PTH120
    found = [path for folder in folders if os.path.isfile(path := os.path.join(folder, program))]  # noqa: PTH113, PTH118
    if any(os.access(path, os.X_OK) for path in found):
        return None
    say(f"{program}: {'not executable' if found else 'command not found'}")
    return NOT_EXECUTABLE if found else NOT_FOUND


def _policy(args: argparse.Namespace, config: Config) -> Policy:
    on_cooldown = "defer" if args.wait else "skip"
    if not args.wait and (args.quiet or args.overlap == "defer"):
        asked = "--quiet" if args.quiet else "--overlap defer"
        raise UsageError(f"{asked} goes with --wait: somebody has to wait for the turn")
    if args.cooldown is not None:
        try:
            return Policy(
                args.cooldown,
                on_cooldown=on_cooldown,
                quiet=args.quiet,
                max_wait=args.max_wait,
                overlap=args.overlap or "allow",
            )
        except ConfigError as error:
            option = ConfigError(
                field=f"--{error.field.replace('_', '-')}", got=error.got, want=error.want
            )
            raise UsageError(str(option)) from None
    if args.project not in config.projects:
        raise UsageError(
            "no --cooldown", hint="Give one, such as --cooldown 10m, or a holdoff.toml"
        )
    if args.quiet or args.max_wait or args.overlap:
        raise UsageError(
            "--quiet, --max-wait and --overlap go with --cooldown; else holdoff.toml says"
        )
    return config.projects[args.project].policy.for_caller(waits=args.wait)


def _run(gate: Gate, starter: Command, stops: Stops, args: argparse.Namespace) -> int:
    # Revocable, though it may not wait: nobody but us knows the command, should its start be refused.
    asked = gate.trigger(reason=args.reason or "holdoff run", force=args.force, revocable=True)
    decision, left = asked, asked.taken_over
    taken_over = gate.wait(left) if left is not None else None
    if args.wait and decision.outcome is Outcome.DEFERRED:
        from holdoff.cli.waiting import wait_for_turn

        decision = wait_for_turn(gate, decision, stops)
    elif decision.outcome is Outcome.DEFERRED and gate.withdraw(asked):
        decision = replace(decision, outcome=Outcome.SKIPPED)  # else others wait, and build it
    if decision.outcome is not Outcome.STARTED or args.verbose:
        say(decision)
    if decision.outcome is Outcome.FAILED:
        return _refused(gate, starter, decision, asked)
    if decision.build_id is not None:
        return gate.wait(decision.build_id) or 0
    return args.skip_exit_code if taken_over is None else taken_over


def _refused(gate: Gate, starter: Command, decision: Decision, asked: Decision) -> int:
    """The start failed. Nobody but us knows the command: nothing stays pending, unless others wait for it, too."""
    if decision.why is Why.START_FAILED:
        gate.withdraw(asked)
    if starter.refused is None:
        return FAILED
    return NOT_FOUND if isinstance(starter.refused, FileNotFoundError) else NOT_EXECUTABLE
