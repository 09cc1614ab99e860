"""The shipped protocol under the checker: every history within bounds, random ones beyond, and the holes it found.

``python -m tests.model`` goes deeper. The searches are of the slow tier.
"""

from __future__ import annotations

import pytest

from tests.model import search
from tests.model.holes import MENDED, OPEN, Hole
from tests.model.scenario import Scenario
from tests.model.scenarios import SCENARIOS
from tests.model.search import (
    Bounds,
    Failure,
    exhaust,
    from_json,
    parse_moves,
    random_history,
    roam,
    run,
    shrink,
    within,
)
from tests.model.world import World


def _said(failures: list[Failure]) -> str:
    return "\n\n".join(str(shrink(failure)) for failure in failures)


@pytest.mark.slow
@pytest.mark.parametrize("bounds", [(1, 0), (0, 1)], ids=["one fault", "one clock move"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_history_of(scenario: Scenario, bounds: Bounds) -> None:
    """Whatever the order of moves: to the end. ``python -m tests.model`` goes on with more of both."""
    report = exhaust(within(scenario, bounds))
    assert not report.failures, _said(report.failures)
    assert report.whole


def test_some_random_histories() -> None:
    """The short form, for while one works."""
    report = roam(7, histories=100)
    assert not report.failures, _said(report.failures)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_histories(seed: int) -> None:
    report = roam(seed, histories=600)
    assert not report.failures, _said(report.failures)


@pytest.mark.parametrize("hole", MENDED, ids=lambda hole: hole.code)
def test_a_mended_hole_stays_mended(hole: Hole) -> None:
    assert not hole.breaches(), hole.story


def test_no_hole_is_open() -> None:
    assert not OPEN


# --- the checker itself --------------------------------------------------------------------------------------------

LATE = ["A call trigger", "A go", "A go", "A go", "clock 1000", "B call trigger", "B go", "B go"]


def test_a_history_replays_to_the_same_story() -> None:
    told: list[list[str]] = [[], []]
    for lines in told:
        assert run(Scenario(), parse_moves(LATE), lines.append) == []
    assert told[0] == told[1]
    assert any("*** build b-A1 starts ***" in line for line in told[0])


def test_a_failure_survives_its_json() -> None:
    scenario = Scenario(name="n", policy={"cooldown": "20s"}, skews_ms=(1, 2), finds=False)
    failure = Failure(scenario, parse_moves([*LATE, "land A1", "clock 5"]), "G1 spacing: so", 3)
    assert from_json(failure.to_json()) == (scenario, failure.moves)


def test_a_failure_reads_as_a_story() -> None:
    text = str(Failure(Scenario(), parse_moves(LATE), "G1 spacing: made up", 7))
    assert text.startswith("G1 spacing: made up  (after 7 histories)")
    assert "Replay: python -m tests.model --replay '{" in text


def test_moves_that_are_not_possible_are_skipped() -> None:
    moves = ["A go", "C call trigger", "B die", "land A1", *LATE]
    assert run(Scenario(), parse_moves(moves)) == []


def test_a_random_history_is_the_same_every_time() -> None:
    assert random_history(7, 41)[:2] == random_history(7, 41)[:2]


def test_parts_look_at_what_the_whole_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(world: World) -> list[str]:
        looked.append(world.history.key())
        return []

    monkeypatch.setattr(search, "_verdict", look)
    roam(7, histories=9)
    whole, looked[:] = sorted(looked), []
    for part in (range(0, 9, 2), range(1, 9, 2)):
        roam(7, numbers=part)
    assert sorted(looked) == whole
