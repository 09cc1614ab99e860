"""The short form of ``make chaos``: a few seconds of it on each store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.referee import around
from tests.chaos.run import Goal, Report, run

if TYPE_CHECKING:
    from pathlib import Path

#: The time, from when each has happened once, is for slow machines; what is reached by then has to be right as well.
GOAL = Goal(kills=15, faults=100, seconds=6)


def test_sqlite(tmp_path: Path) -> None:
    _judge(run(tmp_path, store="sqlite", where=str(tmp_path / "gates.db"), goal=GOAL, seed=1))


@pytest.mark.postgres
def test_postgresql(tmp_path: Path, postgres_url: str) -> None:
    _judge(run(tmp_path, store="postgres", where=postgres_url, goal=GOAL, seed=1))


@pytest.mark.dynamodb
def test_dynamodb(tmp_path: Path, dynamodb_local_url: str) -> None:
    _judge(run(tmp_path, store="dynamodb", where=dynamodb_local_url, goal=GOAL, seed=1))


def _judge(report: Report) -> None:
    told = [
        "\n    ".join([f"{problem.kind} {problem.gate}: {problem.says}", *around(report.evidence, problem)])
        for problem in report.problems
    ]
    assert not told, "\n".join(told)
    assert report.kills > 0
    assert report.faults.total() > 0
    assert report.evidence.builds
