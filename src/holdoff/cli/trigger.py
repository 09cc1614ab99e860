"""``holdoff trigger``: ask for a build of a project from holdoff.toml."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from holdoff.cli.common import (
    add_json,
    add_project,
    closing,
    exit_status,
    load_config,
    person,
    print_json,
    show,
)
from holdoff.cli.stops import Stops
from holdoff.core.decision import Decision, Outcome

if TYPE_CHECKING:
    import argparse

    from holdoff.gate import Gate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``trigger``."""
    add_project(parser)
    parser.add_argument("--reason", help="why, for people to read")
    parser.add_argument(
        "--source-version", metavar="VERSION", help="what to build: a commit, a tag"
    )
    parser.add_argument(
        "--event-id", metavar="ID", help="the event behind it; the same one again is a duplicate"
    )
    parser.add_argument(
        "--force", action="store_true", help="start now, whatever the cooldown says"
    )
    parser.add_argument("--by", metavar="WHO", help="who asks (default: you, with --force)")
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Trigger; where the build is a command of this machine, wait for its end."""
    config = load_config(args)
    project = config.project(args.project)
    # With --json, stdout is for the one object: a command's output goes to stderr.
    starter = project.make_starter(stdout=sys.stderr.fileno() if args.json else None)
    store = config.open_store(args.store)
    gate = config.gate(args.project, store, region=args.region, starter=starter)
    with closing(gate), kept_signals(starter):
        decision = gate.trigger(
            reason=args.reason,
            source_version=args.source_version,
            event_id=args.event_id,
            force=args.force,
            by=person(args) if args.force or args.by else None,
        )
        if args.json:
            print_json(decision.to_dict())
        else:
            show(decision)
        return wait_for_builds(gate, decision)


def kept_signals(starter: object) -> AbstractContextManager[None]:
    """Where the build is a command of ours: signals that come before it runs are kept for it."""
    came = getattr(starter, "came", None)
    return nullcontext() if came is None else Stops(came).kept()


def wait_for_builds(gate: Gate, decision: Decision) -> int:
    """Wait for what this process started itself; its exit status, else the decision's."""
    status = exit_status(decision)
    for build_id in (decision.taken_over, decision.build_id):
        if build_id is not None and (ended := gate.wait(build_id)) is not None:
            status = ended if decision.outcome is not Outcome.FAILED else status
    return status
