"""The target can fail: for a survivor nobody argues for, an argument out of date, too few killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.mutants.report import Report, read_arguments

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Tried:
    """A verdict, without the process that came to it."""

    key: str
    outcome: str


def report(alive: int, argued: dict[str, str], *, whole: bool = True) -> Report:
    """A run of a hundred mutants of which so many survived."""
    outcomes = ["survived"] * alive + ["timeout"] + ["killed"] * (99 - alive)
    tried = [Tried(f"machine.f: {n}", outcome) for n, outcome in enumerate(outcomes)]
    return Report(tried, argued, whole=whole)  # type: ignore[arg-type]


def test_a_run_with_every_survivor_argued_for_is_fine() -> None:
    fine = report(2, {"machine.f: 0": "the same", "machine.f: 1": "the same"})
    assert fine.problems == []
    assert "98.00 % killed" in str(fine)
    assert "machine.f: 1\n    the same" in str(fine)


def test_what_has_to_be_done() -> None:
    argued = {"machine.f: 1": "the same", "machine.f: 50": "the same", "machine.g: 0": "the same"}
    assert report(2, argued).problems == [
        "nobody argues for machine.f: 0",
        "killed, take the argument away: machine.f: 50",
        "no such mutant, mend the name: machine.g: 0",
    ]
    assert report(2, argued, whole=False).problems == report(2, argued).problems[:2]


def test_too_few_killed_is_no_pass_whatever_is_argued() -> None:
    argued = {f"machine.f: {number}": "the same" for number in range(6)}
    assert report(6, argued).problems == ["94.0 % killed; at least 95.0 % must be"]
    assert report(5, dict(list(argued.items())[:5])).problems == []


@pytest.mark.parametrize(
    "text",
    [
        '[[argued]]\nwhy = " "\nmutants = []',
        '[[argued]]\nmutants = ["a"]',
        '[[argued]]\nwhy = "so"\nmutants = ["a", "a"]',
    ],
)
def test_an_argument_has_a_reason_and_names_each_mutant_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"survivors\.toml"):
        read_arguments(path)


def test_the_arguments_can_be_read() -> None:
    assert all(why for why in read_arguments().values())
