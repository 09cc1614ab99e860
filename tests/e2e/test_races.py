"""4 processes x 4 threads at one ready gate, round after round: exactly one start in every round."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

import holdoff
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from tests.e2e.racers import PROCESSES, THREADS, race

if TYPE_CHECKING:
    from pathlib import Path

    from holdoff.stores.base import Store

ROUNDS = 200
#: botocore takes twice as long for the same requests, and the engine decides which of them wins. So the lean client has
#: all rounds, and botocore as many as show that threads may share it.
ROUNDS_BY_BOTOCORE = 40


def _make_half_ready(store: Store, rounds: int) -> None:
    """Every other gate has built long ago, with nothing but what the old snippet writes; the others never have."""
    for number in range(0, rounds, 2):
        key = GateKey(f"round-{number}", store.region)
        old = Record(lastbuild=Decimal("1700000000.5"))
        store.swap(key, expected=Record(), new=old)


def _check(url: str, tmp_path: Path, rounds: int = ROUNDS) -> None:
    _make_half_ready(holdoff.open_store(url), rounds)
    starts, outcomes = race(url, rounds, tmp_path / "log")
    assert starts == {f"round-{number}": 1 for number in range(rounds)}
    assert outcomes == {"started": rounds, "skipped": rounds * (PROCESSES * THREADS - 1)}


def test_one_start_a_round_on_sqlite(tmp_path: Path) -> None:
    _check(f"sqlite:///{tmp_path / 'gates.db'}", tmp_path)


@pytest.mark.postgres
def test_one_start_a_round_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    _check(postgres_url, tmp_path)


@pytest.mark.dynamodb
@pytest.mark.parametrize("by", ["botocore", "lean"])
def test_one_start_a_round_on_dynamodb_local(
    dynamodb_local_url: str, aws_env: None, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", by)
    url = f"dynamodb://races-{by}?region=eu-west-1&endpoint={dynamodb_local_url}"
    holdoff.open_store(url).initialise()
    _check(url, tmp_path, ROUNDS_BY_BOTOCORE if by == "botocore" else ROUNDS)
