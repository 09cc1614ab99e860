"""``holdoff hold``, ``resume``, ``reset``, ``finished``, ``store``: how a person changes gates and their store."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from holdoff.cli.common import add_gate, add_store, no_such_gate, open_gate, opened, person, say, show
from holdoff.core.errors import RecordInvalid, UsageError
from holdoff.core.request import first_line

if TYPE_CHECKING:
    import argparse

    from holdoff.gate import Gate


def add_hold_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.add_argument("--for", dest="duration", metavar="DURATION", help="how long: 2h (default: until resumed)")
    why = "the reason, for those who ask why nothing builds"
    parser.add_argument("--why", required=True, type=lambda text: first_line(text) or "", help=why)
    parser.add_argument("--by", metavar="WHO", help="who holds it (default: you)")
    parser.add_argument("--new", action="store_true", help="hold a gate that has had no trigger yet")


def hold(args: argparse.Namespace) -> int:
    return _edit(args, lambda gate: gate.hold(why=args.why, duration=args.duration, by=person(args)))


def add_resume_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.add_argument("--by", metavar="WHO", help="who does this (default: you)")
    parser.add_argument("--why", metavar="TEXT", type=first_line, help="the reason, for those who ask later")


def resume(args: argparse.Namespace) -> int:
    return _edit(args, lambda gate: gate.resume(by=person(args), why=args.why))


def add_reset_arguments(parser: argparse.ArgumentParser) -> None:
    add_resume_arguments(parser)
    parser.add_argument("--drop-pending", action="store_true", help="drop what is pending, too: it is never built")
    claim = "give up a start that cannot be finished; if its build exists, the gate does not know of it"
    parser.add_argument("--drop-claim", action="store_true", help=claim)


def reset(args: argparse.Namespace) -> int:
    drop = {"drop_pending": args.drop_pending, "drop_claim": args.drop_claim}
    return _edit(args, lambda gate: gate.reset(**drop, by=person(args), why=args.why), "{} reset; ")


def add_finished_arguments(parser: argparse.ArgumentParser) -> None:
    add_gate(parser)
    parser.add_argument("build_id", metavar="BUILD-ID", help="as `holdoff history PROJECT` shows it")
    parser.add_argument("--failed", action="store_true", help="the build failed (default: it succeeded)")
    parser.add_argument("--detail", metavar="TEXT", type=first_line, help="how the build ended, in a few words")


def finished(args: argparse.Namespace) -> int:
    """Report the end of a build that the gate knows; refuse any other."""

    def end(gate: Gate) -> None:
        if not gate.has_build(args.build_id):
            hint = f"`holdoff history {shlex.quote(gate.key.project)}` lists the known builds; nothing was changed"
            raise UsageError(f"{gate.key}: no such build: {args.build_id}", hint=hint)
        gate.finished(args.build_id, succeeded=not args.failed, detail=args.detail)

    return _edit(args, end)


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    what = "init creates what is missing and changes nothing that exists; check only looks"
    parser.add_argument("action", choices=["init", "check"], help=what)
    add_store(parser)


def store(args: argparse.Namespace) -> int:
    """Create or check the store. ``check`` exits 1 where something is wrong."""
    config, store = opened(args)
    if args.action == "init":
        show(*(store.initialise() or [f"{store.url}: nothing to do"]))
        return 0
    wrong = store.check()
    if check_gates := getattr(store, "check_gates", None):  # only a store of several regions has it
        wrong += check_gates(config.keys(store))
    wrong = wrong or [str(found) for _, found in store.gates() if isinstance(found, RecordInvalid)]
    show(*(wrong or [f"{store.url}: all is well"]))
    return 1 if wrong else 0


def _edit(args: argparse.Namespace, change: Callable[[Gate], None], said: str = "") -> int:
    """Change the gate that the options name, and print its status. Its project need not be in holdoff.toml."""
    config, store, key = open_gate(args)
    if not getattr(args, "new", False) and not config.knows(key, store):
        advice = " (to hold a gate that has had no trigger yet: --new)" if hasattr(args, "new") else ""
        raise UsageError(no_such_gate(config, store, key) + advice)
    with config.gate_without_starter(key, store) as gate:
        change(gate)
        say(said.format(key.project) + str(gate.status()))
    return 0
