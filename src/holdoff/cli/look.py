"""``holdoff explain``, ``history`` and ``item``: what the store holds of one gate, and what that means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdoff.cli.common import add_gate, add_json, no_such_gate, open_gate, opened, print_json, say, show
from holdoff.cli.table import show_table
from holdoff.clock import SystemClock, now_ms
from holdoff.core.errors import ConfigError, RecordInvalid, UsageError
from holdoff.core.record import Finished, Record
from holdoff.core.units import say_age, say_duration
from holdoff.observe import explain as answers
from holdoff.observe.status import triggers_of

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store

HISTORY_HEADINGS = ["started", "build", "outcome", "covers", "why", "version"]
#: Verdicts that mean: no build has answered what was asked about, at least not yet.
UNANSWERED = {"pending", "passed_over", "replaced", "unknown", "aged_out"}
MOST_BUILDS = 1_000_000
NO_DECISION = " (nor is it a decision's id, PROJECT/REGION/TOKEN: the token has 26 characters)"
EXPLAIN_EPILOG = """\
  holdoff explain site                            what it does and waits for
  holdoff explain site/eu-west-1/01M85NYKKE...    what became of that decision
  holdoff explain site --event delivery-7         which build covers that event
  holdoff explain site --source-version 4f2a91c   which build has that version

exit status: 0 the project's gate was explained; or the decision, event or
version is built, or being built. 1 no build contains it (yet), or there is no
such gate.
"""


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.epilog = EXPLAIN_EPILOG
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--event", metavar="ID", help="an event's id")
    asked.add_argument("--source-version", metavar="VERSION", help="a commit, a tag")
    add_json(parser)


def explain(args: argparse.Namespace) -> int:
    config, store = opened(args)
    try:
        key, token = answers.parse_decision_id(args.project)
    except ConfigError:
        key, token = config.key(args.project, args.key, args.region, store), ""
    asked = next((name for name in ("event", "source_version") if getattr(args, name) is not None), None)
    if token and (asked or args.region or args.key):
        raise UsageError("a decision's id does not go with --event, --source-version, --region or --key")
    if asked and not getattr(args, asked):  # an empty one is no question about a build
        raise UsageError(f"--{asked.replace('_', '-')} is empty")
    if not config.knows(key, store):
        say(no_such_gate(config, store, key) + ("" if token or args.project.count("/") < 2 else NO_DECISION))
        return 1
    scene = config.scene(key, store, SystemClock())
    answer = answers.explain(scene, token=token, event=args.event, version=args.source_version)
    if args.json:
        print_json(answer.to_dict())
    else:
        show(answer.lines[0], *(f"  {line}" for line in answer.lines[1:]))
    return 1 if answer.verdict in UNANSWERED and (token or asked) else 0


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many builds (default: %(default)s)")
    add_json(parser)


def scene_of_builds(config: Config, store: Store, key: GateKey) -> tuple[answers.Scene, RecordInvalid | None]:
    """A gate whose builds are asked for. If its record cannot be read, it has those in the history only."""
    clock = SystemClock()
    try:
        return config.scene(key, store, clock), None
    except RecordInvalid as error:
        at_ms = now_ms(store, clock)
        return answers.Scene(store=store, key=key, record=Record(), terms=None, now_ms=at_ms), error


def history(args: argparse.Namespace) -> int:
    if not 1 <= args.limit <= MOST_BUILDS:
        raise UsageError(f"--limit takes 1 to {MOST_BUILDS:,}")
    config, store, key = open_gate(args)
    scene, error = scene_of_builds(config, store, key)
    builds = list(scene.builds(args.limit))
    if not builds and not config.knows(key, store):
        say(no_such_gate(config, store, key))
        return 1
    if args.json:
        print_json({"builds": [answers.build_to_dict(build) for build in builds]})
    elif not builds:
        last_ms = scene.record.lastbuild_ms
        last = f"; last built {say_age(scene.now_ms - last_ms)}" if last_ms else ""
        show(f"{key}: {'no build that Holdoff started is kept' if last or error else 'no builds yet'}{last}")
    else:
        rows = [_cells(scene, build) for build in builds]
        if not (sys.stdout.isatty() and show_table([HISTORY_HEADINGS, *rows])):
            show(*("  ".join(filter(None, row)) for row in rows))
    if error is None:
        return 0
    say(f"the gate itself cannot be read, so a build that runs now is not shown: {error}")
    return error.exit_code


def _cells(scene: answers.Scene, build: Finished) -> list[str]:
    covers = build.covers
    cells = [say_age(scene.now_ms - build.started_ms), build.build_id, scene.outcome_of(build)]
    if covers is None:
        return [*cells, "", "", build.source_version or ""]
    count = triggers_of(covers)
    if covers.count > 1:
        count += f" in {say_duration(max(0, covers.last_ms - covers.first_ms))}"
    return [*cells, count, ", ".join(answers.reasons_of(covers)), build.source_version or ""]


add_item_arguments = add_gate


def item(args: argparse.Namespace) -> int:
    config, store, key = open_gate(args)
    item = store.item(key)
    if item is None:
        known = config.knows(key, store)
        say(f"{key} has no item in {store.url}: it never built" if known else no_such_gate(config, store, key))
        return 1
    print_json(item)
    return 0
