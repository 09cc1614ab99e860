"""``holdoff hold``, ``resume``, ``reset``, ``finished``, ``store``: what a person does to gates and to their store."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from holdoff.cli.common import add_gate, add_store, first_line, open_gate, opened, person, say, show
from holdoff.cli.select import no_such_gate
from holdoff.core.errors import UsageError
from holdoff.core.policy import Policy
from holdoff.gate import Gate

if TYPE_CHECKING:
    import argparse


def add_hold_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``hold``."""
    add_gate(parser)
    parser.add_argument("--for", dest="duration", metavar="DURATION", help="such as 2h (default: until resumed)")
    parser.add_argument("--why", required=True, type=first_line, help="for those who ask why nothing builds")
    parser.add_argument("--by", metavar="WHO", help="who says so (default: you)")
    parser.add_argument("--new", action="store_true", help="hold it before its first trigger")


def hold(args: argparse.Namespace) -> int:
    """Hold, and say what that means."""
    if args.why is None:
        raise UsageError("--why is empty", hint="Write a reason, for people who ask why nothing builds")
    return _edit(args, lambda gate: gate.hold(why=args.why, duration=args.duration, by=person(args)))


def add_resume_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``resume``."""
    add_gate(parser)
    parser.add_argument("--by", metavar="WHO", help="who says so (default: you)")
    parser.add_argument("--why", metavar="TEXT", type=first_line, help="for those who ask later")


def resume(args: argparse.Namespace) -> int:
    """Resume, and say what that means."""
    return _edit(args, lambda gate: gate.resume(by=person(args), why=args.why))


def add_reset_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``reset``."""
    add_resume_arguments(parser)
    parser.add_argument("--drop-pending", action="store_true", help="drop what is pending, too: it is never built")
    claim = "give up a start that cannot be finished; if its build exists, the gate does not know of it"
    parser.add_argument("--drop-claim", action="store_true", help=claim)


def reset(args: argparse.Namespace) -> int:
    """Reset, and say what that means."""
    drop = {"drop_pending": args.drop_pending, "drop_claim": args.drop_claim}
    return _edit(args, lambda gate: gate.reset(**drop, by=person(args), why=args.why), "{} reset; ")


def add_finished_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``finished``."""
    add_gate(parser)
    parser.add_argument("build_id", metavar="BUILD-ID", help="as `holdoff history PROJECT` shows it")
    parser.add_argument("--failed", action="store_true", help="it failed (default: it succeeded)")
    parser.add_argument("--detail", metavar="TEXT", type=first_line, help="how it ended, in a few words")


def finished(args: argparse.Namespace) -> int:
    """Report the end, and say what that means. A build that did not start here is refused."""

    def end(gate: Gate) -> None:
        if not gate.has_build(args.build_id):
            hint = f"`holdoff history {shlex.quote(gate.key.project)}` lists those that are known; nothing was changed"
            raise UsageError(f"{gate.key}: no such build: {args.build_id}", hint=hint)
        gate.finished(args.build_id, succeeded=not args.failed, detail=args.detail)

    return _edit(args, end)


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``store``."""
    what = "init creates what is missing and touches nothing that is there; check only looks"
    parser.add_argument("action", choices=["init", "check"], help=what)
    add_store(parser)


def store(args: argparse.Namespace) -> int:
    """Do it; ``check`` exits 1 where something is wrong."""
    config, store = opened(args)
    if args.action == "init":
        show(*(store.initialise() or [f"{store.url}: nothing to do"]))
        return 0
    wrong = store.check()
    if check_gates := getattr(store, "check_gates", None):  # gates that must not be in it
        wrong += check_gates(config.keys(store))
    show(*(wrong or [f"{store.url}: all is well"]))
    return 1 if wrong else 0


def _edit(args: argparse.Namespace, change: Callable[[Gate], None], said: str = "") -> int:
    """Change the gate that the options name, which need not be in holdoff.toml; say what that means."""
    config, store, key = open_gate(args)
    if not getattr(args, "new", False) and not config.knows(key, store):
        advice = " (before its first trigger: --new)" if hasattr(args, "new") else ""
        raise UsageError(no_such_gate(config, store, key) + advice)
    known = config.projects.get(key.name)
    with Gate(
        key.name,
        key=key.key,
        region=key.region,
        store=store,
        policy=known.policy if known else Policy(0),
        knows_policy=known is not None,
    ) as gate:
        change(gate)
        say(said.format(key.project) + str(gate.status()))
    return 0
