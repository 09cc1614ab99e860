"""Mutation testing of the core's rules: ``make mutants``, or ``python -m tests.mutants --only machine.waits``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tests.mutants.mutations import Mutant, all_mutants
from tests.mutants.report import Report, read_arguments
from tests.mutants.run import STAGES, Verdict, measured, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What became of each mutant in the last run, one a line.
LAST = Path("build/mutants.jsonl")


def main() -> int:
    """Exit status 1 where too few died, one survived that nobody argued for, or an argument is out of date."""
    os.environ["HYPOTHESIS_PROFILE"] = "ci"
    asked, argued = _arguments(), read_arguments()
    mutants = [mutant for mutant in all_mutants() if mutant.key.startswith(asked.only)]
    found = _last()
    chosen = [m for m in mutants if not (asked.again and _is_killed(found.get(m.key)))]
    for mutant in chosen:
        found.pop(mutant.key, None)
    _write(found.values())
    for verdict in _tried(chosen, asked):
        found[verdict.key] = verdict
        _write([verdict], mode="a")
    report = Report([found[m.key] for m in mutants], argued, whole=not asked.only)
    print(report)
    return 1 if report.problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    cores = os.cpu_count() or 1
    parser.add_argument("--workers", type=int, default=cores, help="mutants at a time")
    parser.add_argument("--only", default="", help="those whose names begin so")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=tuple(STAGES))
    parser.add_argument(
        "--again", action="store_true", help="but for those that the last run killed"
    )
    return parser.parse_args()


def _is_killed(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.outcome != "survived"


def _last() -> dict[str, Verdict]:
    lines = LAST.read_text().splitlines() if LAST.exists() else []
    return {verdict.key: verdict for verdict in (Verdict(**json.loads(line)) for line in lines)}


def _write(found: Iterable[Verdict], mode: str = "w") -> None:
    LAST.parent.mkdir(exist_ok=True)
    with LAST.open(mode) as file:
        file.writelines(f"{json.dumps(asdict(verdict))}\n" for verdict in found)


def _tried(chosen: list[Mutant], asked: argparse.Namespace) -> Iterator[Verdict]:
    """What becomes of each, told while it goes on: who survives at once, the rest as a figure."""
    budget, began = measured(asked.stages), monotonic()
    stages = ", ".join(f"{stage} in {s:.1f} s" for stage, s in budget.seconds.items())
    print(f"the code as it is passes {stages}; {len(chosen):,} mutants to try", flush=True)
    tried = verdicts(chosen, budget, asked.workers, stages=asked.stages)
    for number, verdict in enumerate(tried, 1):
        if verdict.outcome == "survived":
            print(f"survived: {verdict.key}", flush=True)
        if number % 100 == 0 or number == len(chosen):
            print(f"{number:,} of {len(chosen):,}, {monotonic() - began:,.0f} s", flush=True)
        yield verdict


sys.exit(main())
