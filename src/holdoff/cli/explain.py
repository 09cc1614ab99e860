"""``holdoff explain``: why did(n't) my build run?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_json, add_project, load_config, print_json, show
from holdoff.cli.gates import key_of
from holdoff.clock import SystemClock
from holdoff.core.errors import UsageError
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.observe.explain import Explanation

EPILOG = """\
  holdoff explain site-build                            what it is doing, and what it waits for
  holdoff explain site-build/eu-west-1/01M85NYKKE...    what became of that decision
  holdoff explain site-build --event delivery-7         which build answered that event
  holdoff explain site-build --source-version 4f2a91c   which build answered that version

exit status: 0 it is built, or being built, or nothing was asked but how things are; 1 no build has answered it (yet).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``explain``."""
    add_project(parser)
    parser.epilog = EPILOG
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--event", metavar="ID", help="an event's id")
    asked.add_argument("--source-version", metavar="VERSION", help="a commit, a tag")
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Explain."""
    explanation = _explain(args, load_config(args))
    if args.json:
        print_json(explanation.to_dict())
    else:
        show(explanation)
    return 1 if explanation.verdict in {"pending", "passed_over", "unknown", "aged_out"} else 0


def _explain(args: argparse.Namespace, config: Config) -> Explanation:
    from holdoff.observe import explain

    store = config.open_store(args.store)
    token = ""
    is_decision = _is_decision(args.project)
    if is_decision:
        if args.event or args.source_version or args.region:
            raise UsageError("a decision's id goes without --event, --source-version and --region")
        key, token, _ = explain.parse_decision_id(args.project)
    else:
        key = key_of(config, args, store)
    project = config.projects.get(key.project)
    at_ms = now_ms(store, SystemClock())
    scene = explain.Scene.of(store, key, project.policy if project else None, at_ms)
    if is_decision:
        return explain.explain_decision(scene, token)
    if args.event:
        return explain.explain_event(scene, args.event)
    if args.source_version:
        return explain.explain_version(scene, args.source_version)
    return explain.explain_gate(scene)


def _is_decision(text: str) -> bool:
    from holdoff.core.token import instant_ms

    return text.count("/") >= 2 and instant_ms(text.rsplit("/", 1)[1]) is not None
