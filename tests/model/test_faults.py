"""The checker can fail: it catches every bug in ``faults``, and nothing on the shipped code in the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.model.faults import FAULTS, Fault, hunt
from tests.model.scenario import Scenario
from tests.model.search import exhaust, shrink

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 11
MOST_HISTORIES = 4_000


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_checker_catches(fault: Fault, record_property: Callable[[str, object], None]) -> None:
    report = hunt(fault, seed=SEED, histories=MOST_HISTORIES)
    assert report.failures, f"{report.histories} histories, and none shows it"
    failure = report.failures[-1]
    assert fault.caught_by(failure), failure
    record_property("histories", failure.found_after)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if isinstance(f.aim, Scenario)], ids=lambda fault: fault.name
)
def test_the_shipped_code_is_clean_there(fault: Fault) -> None:
    assert isinstance(fault.aim, Scenario)
    assert not exhaust(fault.aim).failures


def test_a_caught_fault_shrinks() -> None:
    fault = next(f for f in FAULTS if f.name == "covered by a claim")
    failure = hunt(fault, seed=SEED, histories=MOST_HISTORIES).failures[-1]
    with fault.seeded():
        shortest = shrink(failure)
    assert shortest.code == failure.code
    assert len(shortest.moves) <= 6, shortest
