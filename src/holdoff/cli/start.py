"""``holdoff trigger`` and ``wake``: start builds of the projects in holdoff.toml, on demand and when they are due.

A build that is a command of this machine is a child of this process, which waits for its end. cron and systemd run
``wake``; ``wake --watch`` is a loop that needs neither.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from holdoff.cli.common import (
    add_gate,
    add_json,
    add_store,
    open_gate,
    opened,
    person,
    print_json,
    say,
    show,
)
from holdoff.cli.run import wait_for_end
from holdoff.clock import SystemClock
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import HoldoffError, StartRefused, StoreError, UsageError
from holdoff.core.request import first_line
from holdoff.signals import InTurn, handling, wait_for
from holdoff.starters.command import Command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from holdoff.core.request import Request
    from holdoff.gate import Gate

#: Options of ``trigger`` that are arguments of ``Gate.trigger``.
ASKED = ("reason", "source_version", "event_id", "line", "at", "parent", "force")
EXAMPLES = """\
  holdoff trigger site-build --reason "$(git log -1 --format=%s)"
  holdoff trigger site-build --detach      from a git hook: does not wait for it
"""
EPILOG = """\
With --line and --at (or --parent) an older version never replaces a newer one
of its line, in whatever order they come:

  holdoff trigger site-build --source-version 4f2a91c --line refs/heads/main
      --at 2026-01-01T09:00:00Z --parent 81d02be
"""


def add_trigger_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.description = f"{parser.description}\n\n{EXAMPLES}"
    parser.epilog = EPILOG
    parser.add_argument("--reason", type=first_line, help="why, for people to read")
    parser.add_argument("--source-version", metavar="VERSION", help="what to build: a commit, a tag")
    parser.add_argument("--event-id", metavar="ID", help="the event behind it; a second trigger with it is a duplicate")
    parser.add_argument("--line", help="the branch, or the like, that the version is on")
    parser.add_argument("--at", metavar="INSTANT", help="when it happened, by its source: ISO 8601, or epoch seconds")
    parser.add_argument("--parent", metavar="VERSION", help="the version before, on the same line")
    force = "start now, in spite of cooldown, limit, quiet time and hold; overlap still counts"
    parser.add_argument("--force", action="store_true", help=force)
    parser.add_argument("--by", metavar="WHO", help="who asks (default: you, with --force)")
    detach = "do not wait for the build's end; its output goes where this command's goes if that is a file, or nowhere"
    parser.add_argument("--detach", action="store_true", help=detach)
    add_json(parser)


def trigger(args: argparse.Namespace) -> int:
    """Trigger. Where the build is a command of this machine, wait for its end."""
    config, store, key = open_gate(args)
    # With --json, stdout has one JSON object only: the command's output goes to stderr.
    starter = config.project(key.name).make_starter(stdout=sys.stderr.fileno() if args.json else None)
    gate = config.gate(key, store, starter=starter)
    is_behind = args.detach and isinstance(starter, Command)
    if is_behind:
        from holdoff.cli.detach import detach, go_on

        try:
            status = detach()
        except OSError as error:  # no room for a process: the build counts for more than its caller's time
            say(f"--detach: {error.strerror}; waiting for the build's end instead")
            is_behind, status = False, None
        if status is not None:
            return status
    # Signals that come before the command runs are held for it.
    with gate, starter.holding() if isinstance(starter, Command) else nullcontext():
        asked, came = {name: getattr(args, name) for name in ASKED}, getattr(starter, "came", [])
        try:
            decision = gate.trigger(**asked, by=person(args) if args.force or args.by else None)
        except StoreError:
            _wait_for_builds(gate, gate.awaited, came, failed=True)  # it may have finished a start that was left
            raise
        if args.json:
            print_json(decision.to_dict())
        else:
            show(decision)
        if is_behind and decision.outcome is not Outcome.FAILED:
            go_on()
        return _wait_for_builds(gate, gate.awaited, came, failed=decision.outcome is Outcome.FAILED)


def add_wake_arguments(parser: argparse.ArgumentParser) -> None:
    add_store(parser)
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C or SIGTERM")
    parser.add_argument("--every", metavar="DURATION", help="with --watch: how often to look (default: 1s)")


def wake(args: argparse.Namespace) -> int:
    """Wake every gate that is due. A gate that is due and not in holdoff.toml is named."""
    config, store = opened(args)
    if args.watch:
        from holdoff.cli.watch import watch

        return watch(args, config, store)
    if args.every is not None:
        raise UsageError("--every goes with --watch")
    status = 0
    with Builds(show_news) as builds:
        for key in config.due(store, SystemClock()):
            try:
                if key.name not in config.projects:
                    say(f"{key} is due, but not in holdoff.toml: its starter is not known here")
                    continue
                builds.decide(config.gate(key, store, woken=True), None)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (a fault of one starter stops no other gate)
                from holdoff.wake.loop import not_woken

                say(not_woken(key, error))
                status = getattr(error, "exit_code", HoldoffError.exit_code)
            if builds.came:
                break  # a signal asked this process to stop
    return builds.status or status


def is_news(decision: Decision) -> bool:
    """Whether a wake changed something, or could not finish a start that was left. A gate that was woken too early, or
    only to ask for its build, goes on."""
    is_stuck = decision.why is Why.CLAIMED and decision.detail is not None
    return decision.outcome in {Outcome.STARTED, Outcome.FAILED} or decision.taken_over is not None or is_stuck


def show_news(decision: Decision) -> None:
    if is_news(decision):
        show(decision)


def _wait_for_builds(gate: Gate, build_ids: list[str], came: list[int], *, failed: bool) -> int:
    """Wait for these commands, and print the failed ones. Returns the exit status of the last one; or, if the decision
    ``failed``, its status. ``came``: as for ``wait_for_end``."""
    status = 0
    for build_id in build_ids:
        if (ended := wait_for_end(gate, build_id, came)) is not None:
            status = ended
            if status:
                say(f"{gate.key.project}: build {build_id} failed: exit status {status}")
    return StartRefused.exit_code if failed else status


class _Wait(threading.Thread):
    """Waits for the commands that a gate has started: a command has a lease to renew and an end to report."""

    status = 0

    def __init__(self, gate: Gate, build_ids: list[str], came: list[int], *, failed: bool) -> None:
        super().__init__()
        self.gate, self.build_ids, self.came, self.failed = gate, build_ids, came, failed

    def run(self) -> None:
        self.status = _wait_for_builds(self.gate, self.build_ids, self.came, failed=self.failed)


class Builds(ExitStack):
    """The builds that this process starts at one gate after another. A signal goes to all their commands. At the end
    all are waited for, even after an error. ``tell``: called with each decision."""

    def __init__(self, tell: Callable[[Decision], None] = lambda _decision: None) -> None:
        super().__init__()
        self._tell = tell
        self._waits: list[_Wait] = []
        self._passed_on: list[int] = []

    def __exit__(self, *raised: Any) -> bool | None:
        self._finish()
        return super().__exit__(*raised)

    @property
    def came(self) -> set[int]:
        return {number for wait in self._waits for number in getattr(wait.gate.starter, "came", ())}

    @property
    def status(self) -> int:
        """The exit status of the last one that failed."""
        return next((wait.status for wait in reversed(self._waits) if wait.status), 0)

    def decide(self, gate: Gate, request: Request | None) -> Decision:
        """Decide at a gate, and wait in a thread for the commands that this started here, also if it fails: it may have
        finished a start that was left."""
        if isinstance(gate.starter, Command):
            self.enter_context(gate.starter.holding())  # from now on signals are held for its command
        others, failed = gate.awaited, False
        try:
            decision = gate.wake() if request is None else gate.submit(request)
            failed = decision.outcome is Outcome.FAILED
            self._tell(decision)
        finally:
            started = [build_id for build_id in gate.awaited if build_id not in others]
            self._waits.append(_Wait(gate, started, self._passed_on, failed=failed))
            with suppress(RuntimeError):  # no room for a thread: _finish waits for it
                self._waits[-1].start()
        return decision

    def _finish(self) -> None:
        pass_on = InTurn(self._pass_on, self._passed_on)
        with handling(pass_on):
            for number in self.came:
                pass_on(number)
            for wait in self._waits:
                wait_for(wait.run if wait.ident is None else wait.join)

    def _pass_on(self, number: int) -> None:
        for wait in self._waits:
            for build_id in wait.build_ids:
                if isinstance(wait.gate.starter, Command):
                    with suppress(LookupError):  # it has ended
                        wait.gate.starter.stop(build_id, number)
