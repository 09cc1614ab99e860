"""The deeper run: ``python -m tests.model --seconds 60 --seed 7``; and ``--replay`` for a history that failed."""

from __future__ import annotations

import argparse
import sys
from random import SystemRandom

from tests.model.holes import open_codes
from tests.model.scenarios import SCENARIOS
from tests.model.search import Failure, exhaust, from_json, roam, run, shrink


def main() -> int:
    """Exit status 1 where a guarantee is broken."""
    asked = _arguments()
    if asked.replay:
        found = run(*from_json(asked.replay), print)
        print(*(found or ["Nothing is wrong with this history."]), sep="\n")
        return 1 if found else 0
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
    parser.add_argument("--histories", type=int, default=5_000, help="at most, of each scenario")
    parser.add_argument("--random-only", action="store_true")
    parser.add_argument("--replay", metavar="JSON", help="a history, as a failure prints it")
    return parser.parse_args()


def _every_history(most: int) -> list[Failure]:
    failures = []
    for scenario in SCENARIOS:
        report = exhaust(scenario, most=most, ignore=open_codes())
        failures += report.failures
        whole = "" if report.histories < most else "at least "
        print(
            f"{scenario.name:45} {whole}{report.histories:8,} histories {report.states:9,} states "
            f"{report.seconds:6.1f} s  {report.failures[0].problem if report.failures else ''}",
            flush=True,
        )
    return failures


def _random_histories(seed: int, seconds: float, most: int) -> list[Failure]:
    report = roam(seed, seconds=seconds, most_failures=most, ignore=open_codes())
    print(
        f"seed {seed}: {report.histories:,} random histories in {report.seconds:.0f} s "
        f"({report.per_second:,} a second), {len(report.failures)} kinds of failure",
        flush=True,
    )
    return report.failures


sys.exit(main())
