"""``holdoff wake``: start what is due. For cron, systemd, or as the loop itself."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from holdoff.cli.common import (
    FAILED,
    add_store,
    load_config,
    say,
    show,
)
from holdoff.cli.trigger import kept_signals, wait_for_builds
from holdoff.clock import SystemClock
from holdoff.core.decision import Decision, Outcome
from holdoff.core.errors import HoldoffError
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.core.record import GateKey
    from holdoff.gate import Gate
    from holdoff.stores.base import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``wake``."""
    add_store(parser)
    parser.add_argument("--watch", action="store_true", help="go on, until Ctrl-C")
    parser.add_argument(
        "--every", default="1s", metavar="DURATION", help="with --watch: how often (default: 1s)"
    )


def main(args: argparse.Namespace) -> int:
    """Wake every gate that is due and in holdoff.toml; gates that are not are named."""
    config = load_config(args)
    store = config.open_store(args.store)
    return _watch(config, store, args.every) if args.watch else _once(config, store)


def _once(config: Config, store: Store) -> int:
    status = 0
    for key in store.due(now_ms(store, SystemClock())):
        gate = _gate_of(config, store, key)
        if gate is None:
            say(f"{key} is due, but not in holdoff.toml: how to build it is not known here")
            continue
        try:
            with kept_signals(gate.starter):
                decision = gate.wake()
                show(decision)
                status = wait_for_builds(gate, decision) or status
        except HoldoffError as error:  # one gate's trouble does not keep the others waiting
            say(error)
            status = error.exit_code
        if getattr(gate.starter, "came", None):
            break  # somebody wants us to stop
    return status


def _watch(config: Config, store: Store, every: str) -> int:
    import logging

    from holdoff.wakers.loop import WakeLoop

    logging.basicConfig(format="holdoff: %(message)s")
    stop = threading.Event()
    failed = threading.Event()

    def told(decision: Decision) -> None:
        show(decision)
        if decision.outcome is Outcome.FAILED:
            failed.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    loop = WakeLoop(
        store, lambda key: _gate_of(config, store, key), clock=SystemClock(), every=every, told=told
    )
    say(f"watching {store.url} every {every}; Ctrl-C ends it")
    loop.run(stop)
    return FAILED if failed.is_set() else 0


def _gate_of(config: Config, store: Store, key: GateKey) -> Gate | None:
    if key.project not in config.projects:
        return None
    return config.gate(key.project, store, region=key.region, waker=True)
