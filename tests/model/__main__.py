"""The deeper run: ``python -m tests.model --seconds 60 --seed 7``; ``--faults`` for how soon each seeded bug is caught;
``--replay`` for a history that failed."""

from __future__ import annotations

import argparse
import sys
from random import SystemRandom

from tests.model.faults import FAULTS, hunt
from tests.model.holes import open_codes
from tests.model.scenarios import SCENARIOS
from tests.model.search import (
    Bounds,
    Failure,
    Report,
    deepen,
    from_json,
    roam,
    run,
    shrink,
)


def main() -> int:
    """Exit status 1 where a guarantee is broken."""
    asked = _arguments()
    if asked.replay:
        found = run(*from_json(asked.replay), print)
        print(*(found or ["Nothing is wrong with this history."]), sep="\n")
        return 1 if found else 0
    if asked.faults:
        return _every_fault(asked.seed, asked.histories)
    failures = [] if asked.random_only else _every_history(asked.histories)
    failures += _random_histories(asked.seed, asked.seconds, asked.failures)
    for failure in failures:
        print(f"\n{shrink(failure)}")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for the random histories")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--failures", type=int, default=5, help="stop after so many kinds")
    most = "at most, of each scenario and its bounds, or of each fault"
    parser.add_argument("--histories", type=int, default=5_000, help=most)
    parser.add_argument("--random-only", action="store_true")
    parser.add_argument("--faults", action="store_true", help="only: after how many histories")
    parser.add_argument("--replay", metavar="JSON", help="a history, as a failure prints it")
    return parser.parse_args()


def _every_history(most: int) -> list[Failure]:
    """Each scenario to its end, with as many faults and movements of the clock as ``most`` histories let us."""
    failures = []
    print("To the end, with up to so many (faults, movements of the clock) in each history:")
    for scenario in SCENARIOS:
        whole: dict[Bounds, Report] = {}
        for bounds, report in deepen(scenario, most=most, ignore=open_codes()):
            failures += report.failures
            if report.whole:
                whole[bounds] = report
        farthest = [bounds for bounds in whole if not any(_holds(more, bounds) for more in whole)]
        said = ", ".join(f"{bounds}: {whole[bounds].histories:,}" for bounds in farthest)
        print(f"{scenario.name:38} {said} histories", flush=True)
    return failures


def _holds(more: Bounds, bounds: Bounds) -> bool:
    """Whether every history within the latter is one within the former."""
    return more != bounds and more[0] >= bounds[0] and more[1] >= bounds[1]


def _every_fault(seed: int, most: int) -> int:
    """Exit status 1 where a seeded bug goes unseen."""
    seen = 0
    for fault in FAULTS:
        report = hunt(fault, seed=seed, histories=most)
        seen += bool(report.failures)
        last = report.failures[-1] if report.failures else None
        how = f"after {last.found_after:5,}: {last.code}" if last else f"NOT in {most:,}"
        print(f"{fault.name:52} {how}", flush=True)
    print(f"seed {seed}: {seen} of {len(FAULTS)} seeded faults caught")
    return 0 if seen == len(FAULTS) else 1


def _random_histories(seed: int, seconds: float, most: int) -> list[Failure]:
    report = roam(seed, seconds=seconds, most_failures=most, ignore=open_codes())
    print(
        f"seed {seed}: {report.histories:,} random histories in {report.seconds:.0f} s "
        f"({report.per_second:,} a second), {len(report.failures)} kinds of failure",
        flush=True,
    )
    return report.failures


sys.exit(main())
