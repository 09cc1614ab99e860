"""``holdoff run``: gate a command of this machine."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from holdoff.cli.common import FAILED, add_project, load_config, say
from holdoff.core.decision import Decision, Outcome
from holdoff.core.errors import ConfigError, UsageError
from holdoff.core.policy import Policy
from holdoff.gate import Gate
from holdoff.starters.command import Command

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config

NOT_FOUND = 127
EPILOG = """\
The command runs if the project's last start is at least the cooldown ago. If not, it is skipped, with status 0 and a
line on stderr; with --wait it waits for its turn: of all that wait, one runs, and the others are covered by its run.

  holdoff run site-build --cooldown 10m -- make site
  holdoff run deploy --cooldown 1h --wait -- ./deploy.sh

exit status: the command's own (128+N if signal N ended it); 0 or --skip-exit-code if it did not run; 127 no such
command; 75 the start failed; 69 no store; 77 no rights; 78 bad configuration; 2 bad usage.
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
    if shutil.which(args.command[0]) is None:
        say(f"{args.command[0]}: command not found, or not executable")
        return NOT_FOUND
    with Gate(
        args.project,
        region=args.region,
        store=config.open_store(args.store),
        policy=policy,
        starter=Command(args.command),
    ) as gate:
        return _run(gate, args)


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
            raise UsageError(str(error.under("--"))) from None
    if args.project not in config.projects:
        raise UsageError(
            "no --cooldown", hint="Give one, such as --cooldown 10m, or a holdoff.toml"
        )
    return config.projects[args.project].policy.replace(on_cooldown=on_cooldown)


def _run(gate: Gate, args: argparse.Namespace) -> int:
    decision = gate.trigger(reason=args.reason or "holdoff run", force=args.force)
    taken_over = gate.wait(decision.taken_over) if decision.taken_over else None
    if args.wait and decision.outcome is Outcome.DEFERRED:
        from holdoff.cli.waiting import wait_for_turn

        decision = wait_for_turn(gate, decision)
    if decision.outcome is Outcome.STARTED:
        return _ended(gate, decision, verbose=args.verbose)
    say(decision)
    if decision.outcome is Outcome.FAILED:
        return FAILED
    return args.skip_exit_code if taken_over is None else taken_over


def _ended(gate: Gate, decision: Decision, *, verbose: bool) -> int:
    if verbose:
        say(decision)
    if decision.build_id is None:
        return FAILED
    sys.stdout.flush()
    status = gate.wait(decision.build_id)
    return 0 if status is None else status
