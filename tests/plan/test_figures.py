"""The figures, against others that are reckoned the plain way: change by change, and instant by instant."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdoff.core.policy import Policy
from holdoff.plan.replay import Past, Replay, by_core, replay
from holdoff.plan.report import Figures, measured
from tests.plan.test_equal import T0, pasts, policies

MINUTE = 60_000
OTHERS: list[dict[str, Any]] = [
    {"on_cooldown": "skip"},
    {"overlap": "skip"},
    {"overlap": "cancel"},
    {"on_failure": "rearm"},
    {"on_failure": "rearm", "overlap": "defer"},
    {"on_cooldown": "skip", "on_failure": "rearm", "cooldown_from": "finish"},
]


def of_change(nth: int, made: Replay) -> tuple[float, float]:
    """When the first build that has a change began; and when the first that was not cancelled and has it was over."""
    has = [n for n, until in enumerate(made.until) if nth < until]
    starts = [made.started_ms[n] for n in has]
    ends = [made.ended_ms[n] for n in has if n not in made.cancelled]
    return min(starts, default=math.inf), min(ends, default=math.inf)


def ranked(waits: list[float]) -> list[int | None]:
    """The least wait that half, 95 of 100, and all of the changes have not exceeded; ``None``: there is none."""
    found = []
    for percent in (50, 95, 100):
        least = next(wait for wait in sorted(waits) if 100 * sum(one <= wait for one in waits) >= percent * len(waits))
        found.append(None if least == math.inf else int(least))
    return found


def overlap_of(made: Replay) -> int:
    """Of all time that builds take, what is beside another: all together, less the time in which any runs."""
    spans = list(zip(made.started_ms, made.ended_ms, strict=True))
    edges = sorted({edge for span in spans for edge in span})
    runs = [later - one for one, later in pairwise(edges) if any(start <= one and later <= end for start, end in spans)]
    return sum(end - start for start, end in spans) - sum(runs)


def check(past: Past, made: Replay, row: Figures) -> None:
    found = [of_change(nth, made) for nth in range(len(past.at_ms))]
    starts = [start - at for at, (start, _) in zip(past.at_ms, found, strict=True)]
    ends = [end - at for at, (_, end) in zip(past.at_ms, found, strict=True)]

    assert list(vars(row.start).values()) == ranked(starts)
    assert row.never == sum(start == math.inf for start in starts)
    assert row.building_ms == sum(made.ended_ms) - sum(made.started_ms)
    assert row.overlap_ms == overlap_of(made)
    if math.inf not in ends:
        assert list(vars(row.end).values()) == ranked(ends)
        worst = [ended_ms - at_ms for at_ms, _, ended_ms in row.worst]
        assert worst == sorted(worst, reverse=True)
        assert worst[0] == max(ends)
        assert len(worst) == min(
            5, sum(one > before for before, one in zip([0, *made.until], made.until, strict=False))
        )
    for at_ms, started_ms, _ in row.worst:
        assert (at_ms, started_ms) in [(at, start) for at, (start, _) in zip(past.at_ms, found, strict=True)]
    assert row.promised_ms is None or max(starts) <= row.promised_ms


@settings(max_examples=300, deadline=None)
@given(pasts(), policies(), st.sampled_from([{}, *OTHERS]))
def test_they_are_those_of_every_change(past: Past, policy: Policy, other: dict[str, Any]) -> None:
    policy = policy.but(**other)
    made = replay(past, policy)

    check(past, made, measured(past, policy, made))


# --- builds that failed ----------------------------------------------------------------------------------------------

#: One at once; one that defers; and long after it another.
THREE = [T0, T0 + MINUTE, T0 + 25 * MINUTE]
FAILED = {
    "none": (frozenset[int](), [0, 10, 25], [1, 2, 3]),
    # It ends at 4m, and waits a minute: its slot is given back, so the second is built with it.
    "the first": (frozenset({0}), [0, 5, 25], [1, 2, 3]),
    # 10m, ends at 14m, and once more at 15m.
    "the second": (frozenset({1}), [0, 10, 15, 25], [1, 2, 2, 3]),
    "the last": (frozenset({2}), [0, 10, 25, 30], [1, 2, 3, 3]),
}


@pytest.mark.parametrize("name", FAILED)
def test_what_failed_is_armed_again_and_built_once_more(name: str) -> None:
    failed, minutes, until = FAILED[name]
    past = Past(THREE, [4 * MINUTE] * 3, (), failed)
    made = by_core(past, Policy("10m", on_failure="rearm"))

    assert [(start - T0) // MINUTE for start in made.started_ms] == minutes
    assert made.until == until
    assert len(by_core(past, Policy("10m")).started_ms) == 3


def test_one_that_is_built_once_more_is_no_moment_of_its_own() -> None:
    past = Past(THREE, [4 * MINUTE] * 3, (), frozenset({2}))
    policy = Policy("10m", on_failure="rearm")
    row = measured(past, policy, replay(past, policy))

    assert (row.builds, len(row.worst), row.never) == (4, 3, 0)
    assert row.promised_ms is None
