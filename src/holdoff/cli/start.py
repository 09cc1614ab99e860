"""``holdoff trigger`` and ``wake``: start builds of the projects in holdoff.toml, on demand and when they are due.

Where a build is a command of this machine, its end is waited for. ``wake`` is for cron and systemd, or, with
``--watch``, the loop itself.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from holdoff.cli.common import add_gate, add_json, add_store, open_gate, opened, options, person, print_json, say, show
from holdoff.clock import SystemClock
from holdoff.core.decision import Decision, Outcome
from holdoff.core.errors import HoldoffError, StartRefused
from holdoff.core.request import GateKey
from holdoff.core.units import parse_instant
from holdoff.starters.command import Command
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager

    from holdoff.config import Config
    from holdoff.gate import Gate
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

#: Options of ``trigger`` that are arguments of ``Gate.trigger``.
ASKED = ("reason", "source_version", "event_id", "line", "at", "parent", "force")
EPILOG = """\
With --line and --at (or --parent) an older version never replaces a newer one
of its line, in whatever order they come:

  holdoff trigger site-build --source-version 4f2a91c --line refs/heads/main
      --at 2026-01-01T09:00:00Z --parent 81d02be
"""


def add_trigger_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``trigger``."""
    add_gate(parser)
    parser.epilog = EPILOG
    parser.add_argument("--reason", help="why, for people to read")
    parser.add_argument("--source-version", metavar="VERSION", help="what to build: a commit, a tag")
    parser.add_argument("--event-id", metavar="ID", help="the event behind it; the same one again is a duplicate")
    parser.add_argument("--line", help="what versions follow one another on: a repository's branch")
    parser.add_argument("--at", metavar="INSTANT", help="when it happened, by its source: ISO 8601, or epoch seconds")
    parser.add_argument("--parent", metavar="VERSION", help="the version before, on the same line")
    parser.add_argument("--force", action="store_true", help="start now, whatever the cooldown says")
    parser.add_argument("--by", metavar="WHO", help="who asks (default: you, with --force)")
    add_json(parser)


def trigger(args: argparse.Namespace) -> int:
    """Trigger; where the build is a command of this machine, wait for its end."""
    if args.at is not None:
        with options():
            parse_instant(args.at, field="at")
    config, store, key = open_gate(args)
    # With --json, stdout is for the one object: a command's output goes to stderr.
    starter = config.project(key.name).make_starter(stdout=sys.stderr.fileno() if args.json else None)
    gate = config.gate(key.name, store, key=key.key, region=key.region, starter=starter)
    with gate, _holding_signals(starter):
        asked = {name: getattr(args, name) for name in ASKED}
        decision = gate.trigger(**asked, by=person(args) if args.force or args.by else None)
        if args.json:
            print_json(decision.to_dict())
        else:
            show(decision)
        return _wait_for_builds(gate, decision)


def add_wake_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``wake``."""
    add_store(parser)
    parser.add_argument("--watch", action="store_true", help="go on, until Ctrl-C")
    parser.add_argument("--every", default="1s", metavar="DURATION", help="with --watch: how often (default: 1s)")


def wake(args: argparse.Namespace) -> int:
    """Wake every gate that is due and in holdoff.toml; gates that are not are named."""
    config, store = opened(args)
    return _watch(config, store, args.every) if args.watch else _once(config, store)


def _once(config: Config, store: Store) -> int:
    status = 0
    for key in store.due(now_ms(store, SystemClock())):
        try:
            gate = _gate_of(config, store, key)
            if gate is None:
                say(f"{key} is due, but not in holdoff.toml: how to build it is not known here")
                continue
            with _holding_signals(gate.starter):
                decision = gate.wake()
                show(decision)
                status = _wait_for_builds(gate, decision) or status
        except HoldoffError as error:  # one gate's trouble does not keep the others waiting
            say(error)
            status = error.exit_code
            continue
        if isinstance(gate.starter, Command) and gate.starter.came:
            break  # a signal asked this process to stop
    return status


def _watch(config: Config, store: Store, every: str) -> int:
    import logging

    from holdoff.wake.loop import WakeLoop

    logging.basicConfig(format="holdoff: %(message)s")
    stop = threading.Event()
    failed: list[Decision] = []

    def on_decision(decision: Decision) -> None:
        if decision.outcome in {Outcome.STARTED, Outcome.FAILED} or decision.taken_over:
            show(decision)  # not what only waits on: a gate may be woken early
        if decision.outcome is Outcome.FAILED:
            failed.append(decision)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    clock, gates = SystemClock(), partial(_gate_of, config, store)
    loop = WakeLoop(store, gates, clock=clock, every=every, on_decision=on_decision)
    say(f"watching {store.url} every {every}; Ctrl-C ends it")
    loop.run(stop)
    return StartRefused.exit_code if failed else 0


def _gate_of(config: Config, store: Store, key: GateKey) -> Gate | None:
    if key.name not in config.projects:
        return None
    return config.gate(key.name, store, key=key.key, region=key.region, woken=True)


def _holding_signals(starter: Starter | None) -> AbstractContextManager[None]:
    """Where the build is a command of this process: signals that come before it runs are held for it."""
    return starter.holding() if isinstance(starter, Command) else nullcontext()


def _wait_for_builds(gate: Gate, decision: Decision) -> int:
    """Wait for what this process started itself; its exit status, else the decision's."""
    status = 0
    for build_id in (decision.taken_over, decision.build_id):
        if build_id is not None and (ended := gate.wait(build_id)) is not None:
            status = ended
    return StartRefused.exit_code if decision.outcome is Outcome.FAILED else status
