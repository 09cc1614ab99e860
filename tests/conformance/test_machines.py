"""Every store of ours under the state machine, and the machine on stores that are wrong: it must say so."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import Finished, GateKey, Opening, Record
from holdoff.stores.dynamodb import DynamoDBStore
from holdoff.stores.dynamodb_item import encoded
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing.stateful import StoreMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.stores.base import Store

TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def run(machine: type[StoreMachine], *, examples: int) -> None:
    """So many runs of up to 25 steps; the nightly profile's many more."""
    most = max(examples, settings().max_examples // 20)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=most, stateful_step_count=25, suppress_health_check=TOO_SLOW
        ),
    )


# --- ours ----------------------------------------------------------------------------------------------------------


class Attributed(MemoryStore):
    """In memory, and with attributes of others beside ours, as a table has them."""

    def __init__(self) -> None:
        super().__init__()
        self.others: dict[GateKey, dict[str, object]] = {}

    def item(self, key: GateKey) -> dict[str, object] | None:
        item = super().item(key)
        return None if item is None else {**self.others.get(key, {}), **item}

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> None:
        """Past all that a store does."""
        others = dict(attributes)
        record = self._gates.setdefault(key, Record())
        lastbuild = others.pop("lastbuild", record.lastbuild)
        self._gates[key] = replace(record, lastbuild=lastbuild)  # type: ignore[arg-type]
        self.others.setdefault(key, {}).update(others)


class MemoryMachine(StoreMachine):
    def make_store(self) -> Store:
        return Attributed()

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        store = self.stores[0]
        assert isinstance(store, Attributed)
        store.write_behind(key, attributes)
        return True


class SQLiteMachine(StoreMachine):
    """Its rows are ours alone: of others' writes there is only ``lastbuild``."""

    def make_store(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return SQLiteStore(Path(self.folder.name, "gates.db"))

    def another(self, store: Store) -> Store:
        assert isinstance(store, SQLiteStore)
        return SQLiteStore(store.path)

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        if [*attributes] != ["lastbuild"]:
            return False
        with closing(sqlite3.connect(Path(self.folder.name, "gates.db"))) as db, db:
            db.execute(
                "INSERT INTO gates (project, region, lastbuild, state) VALUES (?, ?, ?, '{}') "
                "ON CONFLICT DO UPDATE SET lastbuild = excluded.lastbuild",
                (key.project, key.region, str(attributes["lastbuild"])),
            )
        return True

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class DynamoDBMachine(StoreMachine):
    """One table for all runs, emptied before each."""

    client: Any
    endpoint: str
    table: str

    def make_store(self) -> Store:
        self._empty()
        return DynamoDBStore(self.table, region="eu-west-1", endpoint=self.endpoint)

    def another(self, store: Store) -> Store:
        return DynamoDBStore(self.table, region="eu-west-1", endpoint=self.endpoint)

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        self.client.update_item(
            TableName=self.table,
            Key={"cb_project": {"S": key.project}, "region": {"S": key.region}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{n}": encoded(value) for n, value in attributes.items()},
        )
        return True

    def _empty(self) -> None:
        for item in self.client.scan(TableName=self.table)["Items"]:
            key = {name: item[name] for name in ("cb_project", "region")}
            self.client.delete_item(TableName=self.table, Key=key)


_tables = itertools.count()


@pytest.fixture(
    params=[
        pytest.param("dynamodb_local_url", marks=pytest.mark.dynamodb),
        pytest.param("ministack_url", marks=pytest.mark.ministack),
    ]
)
def dynamodb_machine(
    request: pytest.FixtureRequest, aws_env: object
) -> Iterator[type[DynamoDBMachine]]:
    """The machine on one engine."""
    endpoint: str = request.getfixturevalue(request.param)
    client = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=endpoint)
    table = f"machine-{next(_tables)}"
    DynamoDBStore(table, region="eu-west-1", endpoint=endpoint).initialise()
    settings_of_it = {"client": client, "endpoint": endpoint, "table": table}
    yield type("Machine", (DynamoDBMachine,), settings_of_it)
    client.delete_table(TableName=table)
    client.close()


def test_memory() -> None:
    run(MemoryMachine, examples=60)


def test_sqlite() -> None:
    run(SQLiteMachine, examples=40)


def test_dynamodb(dynamodb_machine: type[DynamoDBMachine]) -> None:
    run(dynamodb_machine, examples=10)


def test_what_is_for_everybody_needs_no_hypothesis() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; from holdoff.testing import *"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- wrong ---------------------------------------------------------------------------------------------------------


class IgnoresLastbuild(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        seen = replace(expected, lastbuild=self.get(key).lastbuild)
        return super().swap(key, expected=seen, new=new, history=history)


class IgnoresTheLastWrite(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        seen = replace(expected, writes=self.get(key).writes)
        return super().swap(key, expected=seen, new=new, history=history)


class ComparesLastbuildAsFloat(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        there = self.get(key).lastbuild
        if there and expected.lastbuild and float(there) == float(expected.lastbuild):
            expected = replace(expected, lastbuild=there)
        return super().swap(key, expected=expected, new=new, history=history)


class KeepsNewLastbuildAsFloat(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        if answer == Swapped(new) and new.lastbuild:
            self._gates[key] = replace(new, lastbuild=Decimal(float(new.lastbuild)))
        return answer


class WipesWhatOthersWrote(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        if isinstance(answer, Swapped):
            self.others.pop(key, None)
        return answer


class KeepsOneBuildOfEachWrite(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        return super().swap(key, expected=expected, new=new, history=history[:1])


class KeepsHistoryOfALostSwap(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        for build in history:
            self._history.setdefault(key, {})[build.token] = build
        return answer


class KeepsABuildTwice(Attributed):
    def history(self, key: GateKey) -> Iterator[Finished]:
        for build in super().history(key):
            yield from [build] * (1 + (build.detail is not None))


class TellsTheLoserNothing(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        return Lost(expected) if isinstance(answer, Lost) else answer


class OpensOverAClaim(Attributed):
    def open(self, key: GateKey, opening: Opening) -> Any:
        record = self.get(key)
        if record.claim is not None and opening.apply(replace(record, claim=None)) is not None:
            self._gates[key] = replace(record, claim=None)
        return super().open(key, opening)


class OpensForAKnownEvent(Attributed):
    def open(self, key: GateKey, opening: Opening) -> Any:
        return super().open(key, replace(opening, event=None))


class OpensAgainWhatIsSentAgain(Attributed):
    def open(self, key: GateKey, opening: Opening) -> Any:
        record = self.get(key)
        new = opening.apply(replace(record, writes=()))
        if new is None:
            return Lost(record)
        self._gates[key] = replace(new, writes=(opening.write_id, *record.writes))
        return Swapped(self._gates[key])


class OpensAMomentTooEarly(Attributed):
    def open(self, key: GateKey, opening: Opening) -> Any:
        if opening.ready_if_ms is not None:
            opening = replace(opening, ready_if_ms=opening.ready_if_ms + 1)
        return super().open(key, opening)


class ForgetsWhatStoodBefore(Attributed):
    def open(self, key: GateKey, opening: Opening) -> Any:
        answer = super().open(key, opening)
        if isinstance(answer, Swapped) and answer.record.claim is not None:
            claim = replace(answer.record.claim, before=None)
            self._gates[key] = replace(answer.record, claim=claim)
            return Swapped(self._gates[key])
        return answer


class IsDueAMomentLate(Attributed):
    def due(self, now_ms: int) -> Iterator[GateKey]:
        return super().due(now_ms - 1)


class FindsDueInNoOrder(Attributed):
    def due(self, now_ms: int) -> Iterator[GateKey]:
        return iter(sorted(super().due(now_ms)))


class FindsProjectsByTheirBeginning(Attributed):
    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        found = super().gates()
        return ((key, r) for key, r in found if project is None or key.project.startswith(project))


class RemembersWhatItRead(Attributed):
    def get(self, key: GateKey) -> Record:
        seen = self.__dict__.setdefault("seen", {})
        return seen.setdefault(key, super().get(key))  # type: ignore[no-any-return]


WRONG = [
    store
    for store in list(globals().values())
    if isinstance(store, type) and store is not Attributed and issubclass(store, Attributed)
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda store: store.__name__)
def test_the_machine_catches_a_store_that(wrong: type[Attributed]) -> None:
    class Machine(MemoryMachine):
        def make_store(self) -> Store:
            return wrong()

    found = settings(
        max_examples=300,
        stateful_step_count=25,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=TOO_SLOW,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Machine, settings=found)
