"""Replaying a million triggers under one policy: the planner's fast way, against the core itself on the same history.

Run: python -m benchmarks.plan [--triggers N] [--core N]
Floor: the shipped protocol, trigger by trigger, on the first ``--core`` of them, reckoned up to all.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from holdoff.core.policy import Policy
from holdoff.plan.replay import Past, by_build, by_core
from holdoff.plan.report import measured

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
T0_MS = 1_795_395_667_000
BUILD_MS = 240_000
POLICY: dict[str, Any] = {"cooldown": "10m", "quiet": "30s", "max_wait": "10m", "limit": "50/1d"}


def main() -> None:
    """Replay both ways, print the times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triggers", type=int, default=1_000_000)
    parser.add_argument("--core", type=int, default=20_000)
    args, _ = parser.parse_known_args()
    past, policy = _storms(args.triggers), Policy(**POLICY)
    fast_s, made = _timed(lambda: by_build(past, policy))
    figures_s, _ = _timed(lambda: measured(past, policy, made))
    some = Past(past.at_ms[: args.core], past.took_ms[: args.core])
    core_s, by_hand = _timed(lambda: by_core(some, policy))
    assert by_hand == by_build(some, policy)
    all_s = core_s * args.triggers / len(some.at_ms)
    print(f"plan: {args.triggers:,} triggers, {len(made.started_ms):,} builds; seconds of processor time")
    print(f"  by build       {fast_s:8.3f}   with its figures {fast_s + figures_s:.3f}")
    print(f"  by the core    {all_s:8.1f}   estimated from {len(some.at_ms):,}")
    print(f"  ratio          {all_s / fast_s:8.0f}")


def _storms(count: int) -> Past:
    """Bursts a second apart, with pauses of a minute in the mean: the same in every run."""
    draw = random.Random(15)
    at_ms, now_ms = [], float(T0_MS)
    for _ in range(count):
        now_ms += draw.expovariate(1 / (1_000 if draw.random() < 0.9 else 60_000))
        at_ms.append(int(now_ms))
    return Past(at_ms, [BUILD_MS] * count)


def _timed(call: Callable[[], _T]) -> tuple[float, _T]:
    began = time.process_time()
    made = call()
    return time.process_time() - began, made


if __name__ == "__main__":
    main()
