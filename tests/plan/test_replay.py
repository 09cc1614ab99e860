"""Replays small enough to be checked by hand, both ways."""

from __future__ import annotations

import pytest

from holdoff.core.policy import Policy
from holdoff.plan.replay import Past, Replay, by_build, by_core, is_fast, replay
from holdoff.plan.report import Waits, measured

T0 = 1_795_395_600_000
MINUTE = 60_000
#: A burst, a straggler, and one that comes just as a cooldown of ten minutes twice over ends.
BURST = Past([T0 + ms for ms in (0, 30_000, 60_000, 5 * MINUTE, 20 * MINUTE)], [4 * MINUTE] * 5)

#: policy -> when builds start, in seconds, and how many triggers each has with those before it.
BY_HAND = {
    "every trigger": (Policy(0), [0, 30, 60, 300, 1200], [1, 2, 3, 4, 5]),
    "cooldown": (Policy("10m"), [0, 600, 1200], [1, 4, 5]),
    "quiet": (Policy("10m", quiet="1m"), [120, 720, 1320], [3, 4, 5]),
    "quiet, at most": (Policy("1m", quiet="4m", max_wait="5m"), [300, 540, 1440], [3, 4, 5]),
    "limit": (Policy(0, limit="2/10m"), [0, 30, 600, 1200], [1, 2, 4, 5]),
    "no overlap": (Policy(0, overlap="defer"), [0, 240, 480, 1200], [1, 3, 4, 5]),
    "after the end": (Policy("10m", cooldown_from="finish"), [0, 840, 1680], [1, 4, 5]),
    "skip": (Policy("10m", on_cooldown="skip"), [0, 1200], [1, 5]),
    "overlap skips": (Policy(0, overlap="skip"), [0, 300, 1200], [1, 4, 5]),
    "cancel": (Policy(0, overlap="cancel"), [0, 30, 60, 300, 1200], [1, 2, 3, 4, 5]),
}


def seconds(made: Replay) -> list[int]:
    return [(start - T0) // 1000 for start in made.started_ms]


@pytest.mark.parametrize("name", BY_HAND)
def test_the_builds_of_a_burst(name: str) -> None:
    policy, starts, until = BY_HAND[name]

    for made in (by_core(BURST, policy), replay(BURST, policy)):
        assert seconds(made) == starts
        assert made.until == until


def test_the_figures_of_a_burst() -> None:
    row = measured(BURST, Policy("10m"), by_build(BURST, Policy("10m")))

    assert (row.triggers, row.builds, row.saved, row.never) == (5, 3, 2, 0)
    assert (row.building_ms, row.overlap_ms) == (12 * MINUTE, 0)
    assert row.start == Waits(5 * MINUTE, 570_000, 570_000)
    assert row.end == Waits(9 * MINUTE, 810_000, 810_000)
    assert row.promised_ms == 10 * MINUTE
    assert row.worst[0] == (T0 + 30_000, T0 + 10 * MINUTE, T0 + 14 * MINUTE)
    assert [ended_ms - at_ms for at_ms, _, ended_ms in row.worst] == [810_000, 240_000, 240_000]


def test_builds_beside_one_another() -> None:
    row = measured(BURST, Policy(0), by_build(BURST, Policy(0)))

    assert row.building_ms == 20 * MINUTE
    assert row.overlap_ms == 20 * MINUTE - (5 + 4 + 4) * MINUTE  # 0 to 5m, of the one at 5m, of the one at 20m


def test_a_cancelled_build_has_built_nothing() -> None:
    made = by_core(BURST, Policy(0, overlap="cancel"))
    row = measured(BURST, Policy(0, overlap="cancel"), made)

    assert made.cancelled == {0, 1}
    assert row.worst[0] == (T0, T0, T0 + 5 * MINUTE)


def test_what_is_skipped_and_never_built_waits_for_ever() -> None:
    past = Past(BURST.at_ms[:4], BURST.took_ms[:4])
    row = measured(past, Policy("10m", on_cooldown="skip"), replay(past, Policy("10m", on_cooldown="skip")))

    assert row.never == 3
    assert row.start.longest_ms is None
    assert row.promised_ms is None


def test_an_earlier_end_of_a_later_build_counts() -> None:
    past = Past([T0, T0 + MINUTE], [10 * MINUTE, MINUTE])
    row = measured(past, Policy(0), by_build(past, Policy(0)))

    assert row.end.longest_ms == 2 * MINUTE


def test_the_same_version_is_skipped_by_the_core_only() -> None:
    past = Past(BURST.at_ms[:3], BURST.took_ms[:3], ("a", "a", "b"))
    policy = Policy(0, unchanged="skip")

    assert not is_fast(past, policy)
    assert replay(past, policy).until == [1, 3]
    assert is_fast(Past(past.at_ms, past.took_ms), policy)


def test_a_long_replay_tells_how_far_it_is() -> None:
    told: list[int] = []
    replay(Past([T0 + n for n in range(2_001)], [0] * 2_001), Policy("10m", on_cooldown="skip"), told.append)

    assert told == [0, 2_000]
