"""``holdoff run``: run a command of this machine if its gate lets it start, else skip it or wait."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from holdoff.cli.common import add_gate, add_json, open_gate, print_json, say
from holdoff.clock import running_ms
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import StartRefused, StartUnknown, StoreError, StoreUnavailable, UsageError
from holdoff.core.policy import Policy, choices
from holdoff.core.request import TOKEN_VARIABLE, first_line
from holdoff.core.shown import shown_program
from holdoff.core.units import parse_duration
from holdoff.gate import Gate
from holdoff.signals import STOPPING
from holdoff.starters.command import PASSING, Command, paths_of
from holdoff.starters.processes import holds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Final

    from holdoff.config import Config, Project
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store

#: The exit statuses that shells use.
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
#: How long to go on asking a store that does not answer: most restarts and failovers take less.
OUTAGE_MS: Final = 60_000
EXAMPLES: Final = """\
  holdoff run site --cooldown 10m -- make site           at most every 10 min
  holdoff run site --cooldown 10m --wait -- make site    wait for its turn
  holdoff run sync --cooldown 0 --overlap skip -q -- ./sync.sh    never two
  holdoff run site --cooldown 9m --on-failure rearm -- make site  try again

The command runs if the project's last start is at least the cooldown ago.
Otherwise it is skipped, with status 0 and a line on stderr. With --wait it
waits for its turn instead. Of all callers that wait, the newest one's command
runs. The others wait for its end and exit with its status.
"""
EPILOG: Final = """\
exit status: that of the command that ran, or 128+N if signal N ended it (of
SIGINT holdoff dies, too); 0 or --skip-exit-code if no command ran; 127 no such
command; 126 it cannot be executed; 75 the start failed, the command's end is
not known, --overlap cancel could not end the run before, or, with --wait, the
trigger was dropped or --wait-timeout is over; 69 no store; 77 no rights; 78
bad configuration; 65 the stored gate cannot be read; 2 bad usage.
"""
#: Options that are settings of the policy. Without ``--cooldown`` the policy comes from holdoff.toml.
OF_POLICY: Final = ("quiet", "max_wait", "overlap", "on_failure")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "holdoff run PROJECT --cooldown DURATION [options] -- COMMAND..."
    parser.description = f"{parser.description}\n\n{EXAMPLES}"
    parser.epilog = EPILOG
    add_gate(parser)
    cooldown = "the least time between two starts, such as 90, 10m or 1h30m (default: holdoff.toml's)"
    parser.add_argument("--cooldown", metavar="DURATION", help=cooldown)
    parser.add_argument("--wait", action="store_true", help="wait for its turn instead of skipping")
    parser.add_argument("--wait-timeout", metavar="DURATION", help="with --wait: give up after this long (status 75)")
    parser.add_argument("--quiet", metavar="DURATION", help="with --wait: run once no other run has come for this long")
    parser.add_argument(
        "--max-wait", metavar="DURATION", help="with --quiet: at the latest this long after the first run"
    )
    overlap = (
        "while the run before still runs: run beside it (default), skip, wait (with --wait), or end that run first"
    )
    parser.add_argument("--overlap", choices=choices("overlap"), help=overlap)
    failure = "a run that fails uses up the cooldown (default), or the next run tries again, after a back-off"
    parser.add_argument("--on-failure", choices=choices("on_failure"), help=failure)
    parser.add_argument("--force", action="store_true", help="run now, unless --overlap forbids it")
    parser.add_argument("--reason", type=first_line, help="why, for people to read")
    parser.add_argument("--skip-exit-code", type=int, metavar="N", help="exit status if no command ran (default: 0)")
    parser.add_argument("-q", "--silent", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="also print a line when the command starts")
    add_json(parser)
    parser.set_defaults(command=None)


def run(args: argparse.Namespace) -> int:
    if not args.command:
        raise UsageError("no command", hint="Put it after --: holdoff run PROJECT --cooldown 10m -- make")
    if not 0 <= (args.skip_exit_code or 0) <= 255:
        raise UsageError("--skip-exit-code takes 0 to 255")
    args.silent = args.silent or args.json
    timeout_ms = None if args.wait_timeout is None else parse_duration(args.wait_timeout, field="wait_timeout")
    if timeout_ms is not None and not args.wait:
        raise UsageError("--wait-timeout goes with --wait")
    config, store, key = open_gate(args)
    policy = _policy(args, config.projects.get(key.name))
    if status := _cannot_run(args.command[0]):
        return status
    # With --json, stdout has one JSON object only: the command's output goes to stderr.
    starter = Command(args.command, stdout=sys.stderr.fileno() if args.json else None)
    gate = _gate(key, store, policy, starter, from_file=args.cooldown is None)
    with gate, starter.holding():
        _check_not_inside(gate, args)
        decision, status = _run(gate, starter, args, config, timeout_ms)
        if args.json:
            print_json({**decision.to_dict(), "exit_status": status})
        return status


def _gate(key: GateKey, store: Store, policy: Policy, starter: Command, *, from_file: bool = True) -> Gate:
    gate = Gate(key.name, key=key.key, region=key.region, store=store, policy=policy, starter=starter)
    gate.from_file = from_file
    return gate


def _cannot_run(program: str) -> int | None:
    """The exit status for a program that certainly cannot run, so that nothing is claimed; ``None``: it may run."""
    found = [path for path in paths_of(program) if os.path.exists(path)]  # noqa: PTH110
    files = [path for path in found if not os.path.isdir(path)]  # noqa: PTH112
    if any(os.access(path, os.X_OK) for path in files):
        return None
    why = "not executable" if files else "a directory" if found else "command not found"
    say(f"{shown_program(program)}: {why}")
    return NOT_EXECUTABLE if found else NOT_FOUND


def _policy(args: argparse.Namespace, known: Project | None) -> Policy:
    if not args.wait and (args.quiet or args.overlap == "defer"):
        option = "--quiet" if args.quiet else "--overlap defer"
        raise UsageError(f"{option} goes with --wait: only a caller that waits runs what is deferred")
    asked = {name: value for name in OF_POLICY if (value := getattr(args, name)) is not None}
    if args.cooldown is not None:
        return Policy(args.cooldown, on_cooldown="defer" if args.wait else "skip", **asked)
    if known is None:
        hint = "Give one, such as --cooldown 10m, or a table of this project in holdoff.toml"
        raise UsageError("no --cooldown", hint=hint)
    if asked:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in OF_POLICY)
        raise UsageError(f"{listed} go with --cooldown; without it the policy in holdoff.toml counts")
    return known.policy.for_caller(waits=args.wait)


def _check_not_inside(gate: Gate, args: argparse.Namespace) -> None:
    """Refuse a run inside a command of the same gate that would wait for that command's end, or end it."""
    token, overlap = os.environ.get(TOKEN_VARIABLE), gate.policy.overlap
    rests = overlap == "allow" and gate.policy.cooldown_from == "finish" and args.wait and not args.force
    joins = overlap == "skip" and args.wait  # what is pending, if anything is
    if not token or not (rests or joins or overlap in {"defer", "cancel"}):
        return
    record = gate.store.get(gate.key)
    is_ours = record.running is not None and holds_us(record.running.build_id)
    is_ours = is_ours or (record.claim is not None and record.claim.token == token)
    if is_ours and (record.pending is not None or not joins):
        would = "end that command, and itself" if overlap == "cancel" else "wait for that command, which waits for it"
        name, how = gate.key.project, "cooldown_from finish" if rests else f"overlap {overlap}"
        raise UsageError(f"{name}: this runs inside a command of {name}; with {how} it would {would}")


def _run(
    gate: Gate, starter: Command, args: argparse.Namespace, config: Config, timeout_ms: int | None
) -> tuple[Decision, int]:
    """Trigger, wait where that is asked for, and say what happened. Returns the decision and the exit status."""
    try:
        decision = gate.trigger(reason=args.reason or "holdoff run", force=args.force, waits=args.wait)
    except StoreError:
        for left in gate.awaited:  # it has finished a start that was left
            wait_for_end(gate, left, starter.came)
        raise
    status = wait_for_end(gate, decision.taken_over, starter.came)
    if args.wait and decision.outcome is Outcome.DEFERRED:
        from holdoff.cli.config_file import ConfigFile
        from holdoff.cli.wait import Waiter

        def go_by(edited: Config, _: Store) -> None:  # the trigger waits in the store where it is
            new = _gate(gate.key, gate.store, _policy(args, edited.project(gate.key.name)), starter)
            _check_not_inside(new, args)
            waiter.gate = new

        file = ConfigFile(args, config, gate.store, go_by) if args.cooldown is None else None
        waiter = Waiter(gate, decision, starter, file, timeout_ms=timeout_ms, silent=args.silent)
        decision, status = waiter.wait()
        gate = waiter.gate
    # With overlap cancel: the command before, which was to be ended for this one and still runs.
    is_left = decision.outcome is Outcome.DEFERRED and decision.why is Why.RUNNING
    before = decision.detail if is_left and gate.policy.overlap == "cancel" and not args.wait else None
    if before:
        say(f"{decision.project}: build {before} could not be ended from here; --wait waits for its end")
    else:
        _tell(decision, status, args)
    if decision.outcome is Outcome.FAILED:
        if starter.refused is None or getattr(starter.refused, "errno", None) in PASSING:
            return decision, StartRefused.exit_code
        return decision, NOT_FOUND if isinstance(starter.refused, FileNotFoundError) else NOT_EXECUTABLE
    if decision.build_id is not None:
        if (ended := wait_for_end(gate, decision.build_id, starter.came)) is not None:
            return decision, ended
        say(f"{decision.project}: another process has taken this start over; how its command ends is not known here")
        return decision, StartUnknown.exit_code
    if status is None and args.skip_exit_code is None and (decision.why is Why.DROPPED or before):
        status = StartUnknown.exit_code  # it was waited for and dropped, or the command before could not be ended
    return decision, (args.skip_exit_code or 0) if status is None else status


def wait_for_end(gate: Gate, build_id: str | None, came: list[int]) -> int | None:
    """Wait for a command. Others wait for its end: a store that does not answer is asked again, for as long as they ask
    it, or until a signal to stop ``came``."""
    status, give_up_ms = gate.wait(build_id), running_ms() + OUTAGE_MS
    with suppress(StoreError):  # ``wait`` has told it
        while not any(number in STOPPING for number in came) and running_ms() < give_up_ms:
            with suppress(StoreUnavailable):
                gate.report_ends()
                break
            gate.clock.sleep(1_000)
    return status


def _tell(decision: Decision, status: int | None, args: argparse.Namespace) -> None:
    """Print a failure always, a skip or a run beside this one unless silent, and a start if verbose."""
    failed = decision.outcome is Outcome.FAILED or status == StartUnknown.exit_code
    if failed or args.verbose or (decision.outcome is not Outcome.STARTED and not args.silent):
        late = "; --wait-timeout is over" if args.wait and decision.outcome is Outcome.DEFERRED else ""
        say(f"{decision}{late}")
    elif decision.beside and not args.silent:
        say(f"{decision.project}: runs beside {decision.beside}; --overlap skip, cancel or defer keeps them apart")
