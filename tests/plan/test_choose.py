"""Which policy is recommended, above all where a recommendation could mislead."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.core.policy import Policy
from holdoff.core.request import GateKey
from holdoff.plan import answer, grid
from holdoff.plan.choose import LONGEST_START_MS, choose
from holdoff.plan.history import History
from holdoff.plan.replay import replay
from holdoff.plan.report import measured, percent
from holdoff.plan.sources import from_builds
from holdoff.stores.memory import MemoryStore
from tests.server.day import simulate

T0 = 1_795_395_600_000
MINUTE, DAY = 60_000, 86_400_000
#: A change a minute, for an hour.
BUSY = [T0 + n * MINUTE for n in range(60)]
#: One a day.
CALM = [T0 + n * DAY for n in range(90)]


def plan_of(at_ms: list[int], policies: list[Policy], **more: Any) -> answer.Plan:
    history = History(source="it", at_ms=tuple(at_ms), took_ms=(None,) * len(at_ms))
    return answer.plan(history, policies, **more)


def cooldowns(*minutes: float) -> list[Policy]:
    return [Policy(f"{one}m") for one in minutes]


def test_efficient_ones_and_the_longest_wait_that_is_borne() -> None:
    past = History(source="it", at_ms=tuple(BUSY), took_ms=()).past(MINUTE)
    rows = [measured(past, policy, replay(past, policy)) for policy in cooldowns(0, 2, 5, 30)]
    slow = Policy("5m", cooldown_from="finish", overlap="defer")
    worse = measured(past, slow, replay(past, slow))

    assert choose(rows).efficient == (0, 1, 2, 3)
    assert choose([*rows, rows[2]]).efficient == (0, 1, 2, 3)
    assert choose(rows, most_ms=6 * MINUTE).taken == 2
    assert choose(rows, most_ms=1).why.partition("1m. ")[2].startswith("No policy kept every wait within 1ms. This one")
    assert worse.builds < rows[2].builds


def test_the_present_one_does_not_stay_by_a_hair_over_the_bound() -> None:
    present, other = Policy("298s"), Policy("297s")
    made = plan_of(BUSY, [Policy(0), other, present], present=present, most_ms=295_000)

    assert [row.end.longest_ms for row in made.figures[1:]] == [294_000, 296_000]
    assert made.taken.policy == other


def test_one_that_skips_changes_does_not_stay() -> None:
    present = Policy("5m", on_cooldown="skip")
    made = plan_of(BUSY, [*cooldowns(0, 5), present], present=present)

    assert made.figures[2].never > made.taken.never == 0


def test_the_bend() -> None:
    made = plan_of(BUSY, cooldowns(0, 2, 5, 30))

    assert made.taken.policy == Policy("5m")
    assert "It is the bend: the next one that builds less (cooldown 30m) saves 10 more" in made.choice.why


@pytest.mark.parametrize("more", [[], [Policy("1d")], [Policy("30d")], [Policy("1m", quiet="10m")]], ids=range(4))
def test_absurd_waits_move_no_recommendation(more: list[Policy]) -> None:
    """Else the bend of a curve that ends at a month is at an hour."""
    busy_days = [at + day * DAY for day in range(10) for at in BUSY]
    made = plan_of(busy_days, [*cooldowns(0, 2, 5, 30), *more])

    assert made.taken.policy == Policy("5m")
    assert (made.taken.start.longest_ms or 0) <= LONGEST_START_MS
    assert ("were left out" in made.choice.why) is bool(more)
    assert set(made.drawn) == {0, 1, 2, 3}


def test_where_only_absurd_ones_save_the_wait_is_not_taken() -> None:
    made = plan_of([T0 + n * 2 * 60 * MINUTE for n in range(90)], cooldowns(0, 60 * 24))

    assert made.taken.policy == Policy(0)
    assert "were left out" in made.choice.why


def test_of_two_the_one_that_builds_less() -> None:
    assert plan_of(BUSY, cooldowns(0, 10)).taken.policy == Policy("10m")


def test_one_that_leaves_changes_unbuilt_is_not_recommended_for_its_few_builds() -> None:
    made = plan_of([T0, T0 + MINUTE, T0 + 2 * MINUTE], [Policy("10m"), Policy("1h", on_cooldown="skip")])

    assert made.choice.taken == 0
    assert made.figures[1].never == 2


def test_what_builds_less_and_leaves_changes_out_is_not_denied() -> None:
    skips = Policy("1h", on_cooldown="skip")
    nothing = plan_of([T0, T0 + MINUTE], [Policy(0), skips], build_ms=MINUTE)
    assert "saves a build, except by leaving changes out." in nothing.choice.why

    made = plan_of(BUSY, [*cooldowns(0, 10), skips], present=skips)
    assert made.figures[2].builds < made.taken.builds
    assert "No other policy was suitable that builds less." in made.choice.why


def test_where_nothing_is_saved_that_is_said_and_a_guard_that_costs_nothing_is_taken() -> None:
    made = plan_of(CALM, grid.policies(None), build_ms=MINUTE)

    assert made.taken.policy == Policy("10m")
    assert made.taken.end.longest_ms == MINUTE
    assert "Nothing that was tried saves a build. A cooldown costs no waiting here, and guards" in made.choice.why


def test_where_nothing_is_saved_a_bound_that_no_policy_kept_is_told() -> None:
    late, in_time = (
        plan_of(CALM, grid.policies(None), build_ms=MINUTE, most_ms=most_ms) for most_ms in (MINUTE - 1, MINUTE)
    )

    assert "No policy kept every wait within 59s999ms. Nothing that was tried saves a build." in late.choice.why
    assert "No policy kept" not in in_time.choice.why


def test_where_little_is_saved_it_is_not_paid_for_by_waiting() -> None:
    made = plan_of(sorted([*CALM, T0 + 5 * MINUTE, T0 + 6 * MINUTE]), cooldowns(0, 10, 30))

    assert made.taken.policy == Policy(0)
    assert "There is little to save: 1 % of the builds under cooldown 10m." in made.choice.why


def test_the_present_policy_stays_unless_another_is_clearly_better() -> None:
    near = plan_of(BUSY, [Policy("5m10s"), *cooldowns(0, 2, 5, 30)], present=Policy("5m10s"), most_ms=6 * MINUTE)
    far = plan_of(BUSY, [Policy("2m"), *cooldowns(0, 5, 30)], present=Policy("2m"))
    slow = plan_of(BUSY, [Policy("30m"), *cooldowns(0, 5)], present=Policy("30m"), most_ms=6 * MINUTE)

    assert near.choice.taken == near.present
    assert "No other policy that was tried is clearly better than this one, the present policy." in near.choice.why
    assert far.taken.policy == Policy("5m")
    assert "58 % fewer builds than the present policy" in far.choice.why
    assert slow.taken.policy == Policy("5m"), "the present one does not keep to what is asked"
    late = plan_of(BUSY, cooldowns(30, 29.5), present=Policy("30m"), most_ms=MINUTE)
    assert "No policy kept every wait within 1m. No other policy that was tried is clearly better" in late.choice.why
    assert "333 % more builds" in slow.choice.why


def test_the_present_policy_does_not_stay_where_another_is_clearly_better() -> None:
    """Whether or not that one is the bend; and where none keeps to what is asked, the nearest one is."""
    store, own = MemoryStore(), Policy("10m")
    simulate(store, "docs", own, T0, days=3)
    history = from_builds(list(store.history(GateKey("docs", "local"))), "it")
    bend = answer.plan(history, grid.policies(own), present=own)
    slow = plan_of(BUSY, [Policy("30m"), *cooldowns(0, 5)], present=Policy("30m"), most_ms=MINUTE, build_ms=2 * MINUTE)

    assert bend.taken.policy == Policy("10m", quiet="2m", max_wait="10m")
    assert "27 % fewer builds than the present policy; the longest wait for a start 10m" in bend.choice.why
    assert (
        "It is better than the present policy in builds or waiting, and hardly worse in the other." in bend.choice.why
    )
    assert slow.taken.policy == Policy("0")
    assert "No policy kept every wait within 1m. This one came nearest." in slow.choice.why


def test_beside_the_bend_too_no_wait_of_over_an_hour_is_taken_unasked() -> None:
    steady = [T0 + n * MINUTE for n in range(10_000)]
    made = plan_of(steady, cooldowns(58, 62), present=Policy("58m"), build_ms=40 * MINUTE)
    shorter = plan_of(steady, cooldowns(55, 59), present=Policy("55m"), build_ms=40 * MINUTE)

    assert (made.taken.policy, shorter.taken.policy) == (Policy("58m"), Policy("59m"))


def test_builds_beside_one_another_are_told() -> None:
    made = plan_of(BUSY, cooldowns(0, 5), build_ms=8 * MINUTE)
    apart = plan_of(BUSY, [Policy("5m", overlap="defer")], build_ms=8 * MINUTE)

    assert 'Builds ran beside one another for 36m: overlap = "defer" lets each end first.' in made.choice.why
    assert "beside" not in apart.choice.why


def test_a_cooldown_that_is_too_short_for_the_builds_is_not_taken_unasked() -> None:
    made = plan_of(BUSY, cooldowns(0, 1, 2, 5, 10, 30), build_ms=8 * MINUTE)

    assert made.taken.policy == Policy("10m")
    assert made.taken.overlap_ms == 0
    assert "Under the bend (cooldown 5m) builds ran beside one another for too long. After this" in made.choice.why


def test_a_quiet_time_without_a_bound_is_told() -> None:
    made = plan_of(BUSY, [Policy("5m", quiet="10s")])

    assert "Without max_wait a change waits for as long as other changes keep coming." in made.choice.why
    assert "Without max_wait" not in plan_of(BUSY, [Policy("5m", quiet="10s", max_wait="1m")]).choice.why


def test_what_it_costs() -> None:
    made = plan_of(BUSY, cooldowns(0, 5), build_ms=4 * MINUTE, price=0.01)
    heads, *rows = answer.table(made)
    assert [row[heads.index("cost")] for row in rows] == ["2.40", "0.52"]
    assert [made.cost(row) for row in made.figures] == pytest.approx([60 * 4 * 0.01, 13 * 4 * 0.01])
    over = plan_of(BUSY, cooldowns(2, 5), build_ms=MINUTE, price=0.01, present=Policy("2m"))

    assert made.why.endswith("Its builds cost 0.52, and 2.40 with one for each trigger.")
    assert over.why.endswith("Its builds cost 0.13, and 0.31 under the present policy.")
    same = plan_of(BUSY, cooldowns(2), build_ms=MINUTE, price=0.01, present=Policy("2m"))
    assert same.why == same.choice.why, "a policy that stays costs what it costs"


def test_what_no_policy_could_keep_is_told() -> None:
    made = plan_of(BUSY, cooldowns(0, 5), build_ms=8 * MINUTE, most_ms=5 * MINUTE)

    assert "No policy kept every wait within 5m. This one came nearest. A build alone takes longer." in made.choice.why


SHARES = {
    (0, 10): "0",
    (1, 1000): "under 1",
    (1, 3): "33",
    (999, 1000): "over 99",
    (10, 10): "100",
    (0, 0): "0",
    (-1, 300): "under 0",
    (-3, 300): "-1",
}


def test_one_build_more_than_triggers_is_not_called_a_saving() -> None:
    at_ms = tuple(T0 + n * DAY for n in range(300))
    history = History(source="it", at_ms=at_ms, took_ms=(MINUTE,) * 300, failed=frozenset({5}))
    heads, row = answer.table(answer.plan(history, [Policy(0, on_failure="rearm")]))

    assert (row[heads.index("builds")], row[heads.index("saved")]) == ("301", "under 0%")


@pytest.mark.parametrize("share", SHARES, ids=str)
def test_a_share_is_never_rounded_to_all_or_nothing(share: tuple[int, int]) -> None:
    assert percent(*share) == SHARES[share]
