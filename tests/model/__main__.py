"""The deeper run: ``python -m tests.model --seconds 60 --seed 7``; ``--faults`` for how soon each seeded bug is caught;
``--replay`` for a history that failed.

``--random-only --seed 1 2 3 4 5 --histories 400000 --workers 2``: two million random histories, the same whatever the
number of workers.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from tests.model.faults import FAULTS, hunt
from tests.model.scenarios import SCENARIOS
from tests.model.search import Bounds, Failure, Report, deepen, from_json, roam, run, shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Map = Callable[..., Iterator[Any]]

#: More than any run comes to.
NO_END: Final = 10**9


def main() -> int:
    """Exit status 1 where a guarantee is broken."""
    asked = _arguments()
    if asked.replay:
        found = run(*from_json(asked.replay), print)
        print(*(found or ["Nothing is wrong with this history."]), sep="\n")
        return 1 if found else 0
    with _mapping(asked.workers) as each:
        if asked.faults:
            return _every_fault(each, asked.seed[0], asked.most)
        failures = 0 if asked.random_only else _told(_every_history(each, asked.most))
        for seed in asked.seed:
            failures += _told(_random_histories(each, seed, asked))
    return 1 if failures else 0


def _told(failures: list[Failure]) -> int:
    """How many there are, each printed."""
    for failure in failures:
        print(f"\n{shrink(failure)}", flush=True)
    return len(failures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for the random histories of each seed")
    parser.add_argument("--histories", type=int, help="random histories of each seed, instead of --seconds")
    parser.add_argument("--seed", type=int, nargs="+", default=[SystemRandom().randrange(10**6)])
    parser.add_argument("--failures", type=int, default=5, help="stop after so many kinds")
    most = "at most so many histories of each scenario and its bounds, or of each fault"
    parser.add_argument("--most", type=int, default=5_000, help=most)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--random-only", action="store_true")
    parser.add_argument("--faults", action="store_true", help="only: after how many histories")
    parser.add_argument("--replay", metavar="JSON", help="a history, as a failure prints it")
    return parser.parse_args()


@contextmanager
def _mapping(workers: int) -> Iterator[Map]:
    """``map``, in so many processes; the answers come in the order of what is asked."""
    if workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers) as pool:
        yield pool.map


# --- every history, within bounds ----------------------------------------------------------------------------------


def _every_history(each: Map, most: int) -> list[Failure]:
    """Each scenario to its end, with as many faults and movements of the clock as ``most`` histories let us."""
    failures: list[Failure] = []
    print("To the end, with up to so many (faults, movements of the clock) in each history:")
    for line, found in each(partial(_scenario, most), range(len(SCENARIOS))):
        print(line, flush=True)
        failures += found
    return failures


def _scenario(most: int, number: int) -> tuple[str, list[Failure]]:
    scenario, failures = SCENARIOS[number], []
    whole: dict[Bounds, Report] = {}
    for bounds, report in deepen(scenario, most=most):
        failures += report.failures
        if report.whole:
            whole[bounds] = report
    farthest = [bounds for bounds in whole if not any(_holds(more, bounds) for more in whole)]
    said = ", ".join(f"{bounds}: {whole[bounds].histories:,}" for bounds in farthest)
    return f"{scenario.name:41} {said} histories", failures


def _holds(more: Bounds, bounds: Bounds) -> bool:
    """Whether every history within the latter is one within the former."""
    return more != bounds and more[0] >= bounds[0] and more[1] >= bounds[1]


# --- every fault ---------------------------------------------------------------------------------------------------


def _every_fault(each: Map, seed: int, most: int) -> int:
    """Exit status 1 where a seeded bug goes unseen."""
    seen = 0
    for line, found in each(partial(_fault, seed, most), range(len(FAULTS))):
        print(line, flush=True)
        seen += bool(found)
    print(f"seed {seed}: {seen} of {len(FAULTS)} seeded faults caught")
    return 0 if seen == len(FAULTS) else 1


def _fault(seed: int, most: int, number: int) -> tuple[str, list[Failure]]:
    fault = FAULTS[number]
    failures = hunt(fault, seed=seed, histories=most).failures
    how = f"after {failures[-1].found_after:5,}: {failures[-1].code}" if failures else f"NOT in {most:,}"
    return f"{fault.name:54} {how}", failures


# --- random histories ----------------------------------------------------------------------------------------------


def _random_histories(each: Map, seed: int, asked: argparse.Namespace) -> list[Failure]:
    """Worker ``n`` of ``w`` looks at the histories n, n + w, n + 2w and so on: together at the same as one alone."""
    began, seconds = monotonic(), NO_END if asked.histories else asked.seconds
    parts = [range(n, asked.histories or NO_END, asked.workers) for n in range(asked.workers)]
    reports = list(each(partial(_part, seed, seconds, asked.failures), parts))
    kinds = {failure.code: failure for report in reports for failure in report.failures}
    histories, lasted = sum(report.histories for report in reports), monotonic() - began
    print(
        f"seed {seed}: {histories:,} random histories in {lasted:.0f} s "
        f"({histories / lasted:,.0f} a second), {len(kinds)} kinds of failure",
        flush=True,
    )
    return list(kinds.values())


def _part(seed: int, seconds: float, most_failures: int, numbers: range) -> Report:
    return roam(seed, numbers=numbers, seconds=seconds, most_failures=most_failures)


if __name__ == "__main__":
    sys.exit(main())
