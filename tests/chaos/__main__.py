"""Kill processes and spoil requests on real engines, and count what was built: see ``tests.chaos``."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from tests.chaos.referee import around
from tests.chaos.run import Goal, Report, run
from tests.engines.cache import EngineUnavailable
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 2
STORES = ("sqlite", "postgres", "dynamodb")


def main() -> int:
    """Exit status 1 where something must not have been, or the goal was not reached in time."""
    logging.disable(logging.WARNING)
    asked = _arguments()
    stores = STORES if asked.store == "all" else (asked.store,)
    print(f"seed {asked.seed}: {asked.kills:,} kills, {asked.faults:,} faults", flush=True)
    reports = []
    for number, store in enumerate(stores):
        goal = Goal(
            kills=_share(asked.kills, number, len(stores)),
            faults=_share(asked.faults, number, len(stores)),
            seconds=asked.seconds / len(stores),
        )
        with tempfile.TemporaryDirectory(prefix="holdoff-chaos-") as name, _place(store) as where:
            folder = Path(name)
            report = run(
                folder,
                store=store,
                where=where or str(folder / "gates.db"),
                goal=goal,
                seed=asked.seed,
            )
        reports.append(report)
        print(*_figures(report), sep="\n", flush=True)
    return _verdict(reports, asked.kills, asked.faults)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--store", choices=(*STORES, "all"), default="all")
    parser.add_argument("--kills", type=int, default=200, help="at least so many, over the stores")
    parser.add_argument("--faults", type=int, default=2_000, help="at least so many, over the stores")
    parser.add_argument("--seconds", type=float, default=900, help="give up after so many")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    return parser.parse_args()


def _share(total: int, number: int, parts: int) -> int:
    return total // parts + (number < total % parts)


@contextlib.contextmanager
def _place(store: str) -> Iterator[str | None]:
    if store == "sqlite":
        yield None
    else:
        with postgres() if store == "postgres" else dynamodb_local() as where:
            yield where


def _figures(report: Report) -> Iterator[str]:
    evidence = report.evidence
    yield f"\n{report.store}, {report.seconds:.0f} s"
    yield (f"  kills        {report.kills:8,}   starts left unfinished, then finished by others: {report.take_overs:,}")
    yield f"  faults       {report.faults.total():8,}"
    for kind, count in sorted(report.faults.items()):
        yield f"    {count:8,}   {kind}"
    yield f"  triggers     {len(evidence.asked):8,}   {_listed(report.outcomes)}"
    yield f"  wakes        {report.woken.total():8,}   {_listed(report.woken)}"
    yield f"  store errors {report.errors.total():8,}   {_listed(report.errors)}"
    yield f"  builds       {len(evidence.builds):8,}   of {len(evidence.rules):,} gates"
    yield f"  doubles      {report.kind('double'):8,}"
    yield f"  lost         {report.kind('lost'):8,}"
    yield f"  stale        {report.kind('stale'):8,}   followed by a build, but of an older version"
    yield f"  older        {report.kind('older'):8,}   built after a newer version of the same line"
    yield f"  too early    {report.kind('spacing', 'limit', 'overlap'):8,}"
    others = len(report.problems) - report.kind("double", "lost", "stale", "older", "spacing", "limit", "overlap")
    yield f"  other        {others:8,}"
    yield from _evidence(report)


def _evidence(report: Report) -> Iterator[str]:
    """The first few problems of each kind, with what happened around them."""
    shown: Counter[str] = Counter()
    for problem in report.problems:
        shown[problem.kind] += 1
        if shown[problem.kind] > SHOWN:
            continue
        yield f"\n  {problem.kind.upper()} {problem.gate}: {problem.says}"
        for line in around(report.evidence, problem):
            yield f"    {line}"
    for kind, count in shown.items():
        if count > SHOWN:
            yield f"\n  ... and {count - SHOWN:,} more: {kind}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _verdict(reports: list[Report], kills: int, faults: int) -> int:
    wrong = sum(len(report.problems) for report in reports)
    killed = sum(report.kills for report in reports)
    spoilt = sum(report.faults.total() for report in reports)
    builds = sum(len(report.evidence.builds) for report in reports)
    print(
        f"\n{killed:,} kills, {spoilt:,} faults, {builds:,} builds in "
        f"{sum(report.seconds for report in reports):.0f} s: "
        f"{wrong or 'nothing'} {'problem' if wrong == 1 else 'problems' if wrong else 'wrong'}"
    )
    if killed < kills or spoilt < faults:
        print("The time was up before the goal was reached: --seconds gives it more.")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EngineUnavailable as reason:
        sys.exit(f"{reason}\nWithout it: --store sqlite")
