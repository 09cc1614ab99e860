"""The checker can fail: it catches every bug in ``faults``, and nothing on the shipped code in the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.model.faults import FAULTS, Fault, hunt
from tests.model.holes import MENDED, Hole
from tests.model.scenario import Scenario
from tests.model.search import Aim, exhaust, shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _pytest.mark import ParameterSet

SEED = 11
MOST_HISTORIES = 4_000


def _with_marks(faults: Iterable[Fault]) -> list[ParameterSet]:
    """A search is slow; one history is not."""
    return [pytest.param(f, id=f.name, marks=[] if isinstance(f.aim, Hole) else [pytest.mark.slow]) for f in faults]


@pytest.mark.parametrize("fault", _with_marks(FAULTS))
def test_the_checker_catches(fault: Fault, record_property: Callable[[str, object], None]) -> None:
    report = hunt(fault, seed=SEED, histories=MOST_HISTORIES)
    assert report.failures, f"{report.histories} histories, and none shows it"
    failure = report.failures[-1]
    assert fault.caught_by(failure), failure
    record_property("histories", failure.found_after)


@pytest.mark.parametrize("fault", _with_marks(f for f in FAULTS if not isinstance(f.aim, Aim)))
def test_the_shipped_code_is_clean_there(fault: Fault) -> None:
    assert not isinstance(fault.aim, Aim)
    report = exhaust(fault.aim) if isinstance(fault.aim, Scenario) else fault.aim.report()
    assert not report.failures


@pytest.mark.parametrize("hole", MENDED, ids=lambda hole: hole.code)
def test_a_mended_hole_opens_without_its_mend(hole: Hole) -> None:
    """Some fault takes the mend away: the history still does what its story says."""
    reopening = [fault for fault in FAULTS if fault.aim is hole]
    codes = {failure.code for fault in reopening for failure in hunt(fault, seed=SEED, histories=1).failures}
    assert hole.code in codes, hole.story


@pytest.mark.slow
def test_a_caught_fault_shrinks() -> None:
    fault = next(f for f in FAULTS if f.name == "covered by a claim")
    failure = hunt(fault, seed=12, histories=MOST_HISTORIES).failures[-1]
    with fault.seeded():
        shortest = shrink(failure)
    assert shortest.code == failure.code
    assert len(shortest.moves) <= 6, shortest


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
