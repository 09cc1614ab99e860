"""The fast way is the core, build for build, on random pasts and every policy that it knows."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdoff.core.policy import Policy
from holdoff.plan.replay import Past, by_build, by_core, is_fast
from holdoff.plan.report import measured

T0 = 1_795_395_600_000
#: Few values, so that instants meet: ends, cooldowns and triggers in the same millisecond.
DURATIONS = st.sampled_from([0, 1, 50, 1_000, 5_000, 20_000])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    cooldown_ms, quiet_ms = draw(DURATIONS), draw(DURATIONS)
    most_ms = draw(st.sampled_from([None, quiet_ms, 2 * quiet_ms, quiet_ms + 7_000]))
    more: dict[str, Any] = {}
    if quiet_ms:
        more["quiet"] = f"{quiet_ms}ms"
        more["max_wait"] = None if most_ms is None else f"{most_ms}ms"
    return Policy(
        f"{cooldown_ms}ms",
        limit=draw(st.sampled_from([None, "1/5s", "2/20s", "3/1m"])),
        overlap=draw(st.sampled_from(["allow", "defer"])),
        cooldown_from=draw(st.sampled_from(["start", "finish"])),
        **more,
    )


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    gaps = st.one_of(DURATIONS, st.integers(0, 60_000))
    at_ms = [T0]
    for gap in draw(st.lists(gaps, max_size=30)):
        at_ms.append(at_ms[-1] + gap)
    took_ms = draw(st.lists(DURATIONS, min_size=len(at_ms), max_size=len(at_ms)))
    failed = draw(st.frozensets(st.integers(0, len(at_ms) - 1)))
    return Past(at_ms, took_ms, (), failed)


def check(past: Past, policy: Policy) -> None:
    if past.failed == frozenset():
        policy = policy.but(on_failure="rearm")  # nothing is to be armed again
    fast, core = by_build(past, policy), by_core(past, policy)

    assert is_fast(past, policy)
    assert fast == core
    assert core.until[-1] == len(past.at_ms)
    row = measured(past, policy, core)
    assert row.start.longest_ms is not None
    assert row.promised_ms is None or row.start.longest_ms <= row.promised_ms


@settings(max_examples=int(os.environ.get("HOLDOFF_HISTORIES", "500")), deadline=None)
@given(pasts(), policies())
def test_equal(past: Past, policy: Policy) -> None:
    """``make equal`` takes 10,000 histories."""
    check(past, policy)
