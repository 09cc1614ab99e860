"""``holdoff wake``: start what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_store, load_config, say
from holdoff.cli.trigger import wait_for_builds

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``wake``."""
    add_store(parser)


def main(args: argparse.Namespace) -> int:
    """Wake every gate that is due and in holdoff.toml; gates that are not are named."""
    from holdoff.clock import SystemClock

    config = load_config(args)
    store = config.open_store(args.store)
    status = 0
    for key in store.due(SystemClock().now_ms()):
        if key.project not in config.projects:
            say(f"{key} is due, but not in holdoff.toml: how to build it is not known here")
            continue
        with config.gate(key.project, store, region=key.region) as gate:
            decision = gate.wake()
            print(decision, flush=True)
            status = wait_for_builds(gate, decision) or status
    return status
