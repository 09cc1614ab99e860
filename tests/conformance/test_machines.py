"""Every store of ours under the state machine, and the machine on stores that are wrong: it must say so."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, rule, run_state_machine_as_test

from holdoff.core.effects import Lost, Swapped
from holdoff.core.lines import is_older
from holdoff.core.record import KEPT_WRITES, Finished, Record
from holdoff.core.request import GateKey
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.postgres import PostgresStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.testing import StoreMachine
from tests.conformance import behind
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.core.pending import Fold
    from holdoff.stores.base import Store

TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def run(machine: type[StoreMachine], *, examples: int) -> None:
    """So many runs of up to 25 steps; the nightly profile's many more."""
    most = examples * max(1, settings().max_examples // settings.get_profile("ci").max_examples)
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=most, stateful_step_count=25, suppress_health_check=TOO_SLOW),
    )


# --- ours ----------------------------------------------------------------------------------------------------------


class Attributed(MemoryStore):
    """In memory, and written to by others, as a table is."""

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> None:
        """Past all that a store does."""
        record = self._gates.get(key, Record())
        lastbuild: Any = attributes.get("lastbuild", record.lastbuild)
        others = dict(record.others) | {name: value for name, value in attributes.items() if name != "lastbuild"}
        self._gates[key] = record.but(lastbuild=lastbuild, others=tuple(sorted(others.items())))


class MemoryMachine(StoreMachine):
    def make_store(self) -> Store:
        return Attributed()

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        store = self.stores[0]
        assert isinstance(store, Attributed)
        store.write_behind(key, attributes)
        return True


class Together:
    """Two stores that are told the same, and must say the same: what costs a machine its time is to draw the steps."""

    def __init__(self, memory: Attributed, sqlite: SQLiteStore) -> None:
        self.memory, self.sqlite = memory, sqlite

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*told: Any, **named: Any) -> Any:
            said = [getattr(store, name)(*told, **named) for store in (self.memory, self.sqlite)]
            one, other = [list(each) if isinstance(each, Iterator) else each for each in said]
            assert one == other
            return one

        return ask

    def item(self, key: GateKey) -> dict[str, object] | None:
        """What both say of it. What else there is, each may say in its own way."""
        one, other = self.memory.item(key), self.sqlite.item(key)
        assert (one is None) is (other is None)
        return one and {name: value for name, value in one.items() if (other or {}).get(name) == value}


class LocalMachine(StoreMachine):
    """A file, and memory beside it."""

    def make_store(self) -> Any:
        self.folder = tempfile.TemporaryDirectory()
        return Together(Attributed(), SQLiteStore(Path(self.folder.name, "gates.db")))

    def another(self, store: Any) -> Any:
        return Together(store.memory, SQLiteStore(store.sqlite.path))

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        both: Any = self.stores[0]
        both.memory.write_behind(key, attributes)
        return behind.sqlite(both.sqlite, key, attributes)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class PostgreSQLMachine(StoreMachine):
    """One schema for all runs, emptied before each."""

    url: str

    def make_store(self) -> Store:
        store = PostgresStore(self.url)
        store.initialise()
        address = store.server.address
        with psycopg.connect(**address.parameters) as db:
            db.execute(f"TRUNCATE {address.schema}.gates, {address.schema}.history")
        return store

    def another(self, store: Store) -> Store:
        return PostgresStore(self.url)

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        store = self.stores[0]
        assert isinstance(store, PostgresStore)
        return behind.postgres(store, key, attributes)


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
        return behind.dynamodb(self.client, self.table, key, attributes)

    def _empty(self) -> None:
        for item in self.client.scan(TableName=self.table)["Items"]:
            key = {name: item[name] for name in ("cb_project", "region")}
            self.client.delete_item(TableName=self.table, Key=key)


_tables = itertools.count()


@pytest.fixture(params=["botocore", "lean"])
def dynamodb_machine(
    request: pytest.FixtureRequest, dynamodb_local_url: str, aws_env: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[DynamoDBMachine]]:
    """The machine by one client."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", request.param)
    endpoint = dynamodb_local_url
    client = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=endpoint)
    table = f"machine-{next(_tables)}"
    DynamoDBStore(table, region="eu-west-1", endpoint=endpoint).initialise()
    settings_of_it = {"client": client, "endpoint": endpoint, "table": table}
    yield type("Machine", (DynamoDBMachine,), settings_of_it)
    client.delete_table(TableName=table)
    client.close()


def test_memory_and_sqlite() -> None:
    run(LocalMachine, examples=60)


@pytest.mark.postgres
def test_postgresql(postgres_url: str) -> None:
    run(type("Machine", (PostgreSQLMachine,), {"url": postgres_url}), examples=25)


@pytest.mark.dynamodb
def test_dynamodb(dynamodb_machine: type[DynamoDBMachine]) -> None:
    run(dynamodb_machine, examples=10)


def test_what_is_for_every_test_needs_no_hypothesis() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; from holdoff.testing import *"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_S)


# --- wrong ---------------------------------------------------------------------------------------------------------


class IgnoresLastbuild(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        seen = expected.but(lastbuild=self.get(key).lastbuild)
        return super().swap(key, expected=seen, new=new, history=history)


class IgnoresTheLastWrite(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        seen = expected.but(writes=self.get(key).writes)
        return super().swap(key, expected=seen, new=new, history=history)


class ComparesLastbuildAsFloat(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        there = self.get(key).lastbuild
        if there and expected.lastbuild and float(there) == float(expected.lastbuild):
            expected = expected.but(lastbuild=there)
        return super().swap(key, expected=expected, new=new, history=history)


class KeepsNewLastbuildAsFloat(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        if isinstance(answer, Swapped) and new.lastbuild:
            self._gates[key] = answer.record.but(lastbuild=Decimal(float(new.lastbuild)))
        return answer


class WipesWhatOthersWrote(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        if isinstance(answer, Swapped):
            self._gates[key] = answer.record.but(others=())
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
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        for build in super().history(key, limit=limit):
            yield from [build] * (1 + (build.detail is not None))


class TellsTheLoserNothing(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: Any = ()) -> Any:
        answer = super().swap(key, expected=expected, new=new, history=history)
        return Lost(expected) if isinstance(answer, Lost) else answer


class KeepsNothingThatIsLearntLater(Attributed):
    def keep(self, key: GateKey, build: Finished) -> None:
        if build.token not in self._history.get(key, {}):
            super().keep(key, build)


class TellsAllOfTheHistory(Attributed):
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return super().history(key)


class FoldsAfterASwap(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        return super().fold(key, expected=expected.but(moved=self.get(key).moved), fold=fold)


class FoldsUnderAnotherLastbuild(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        return super().fold(key, expected=expected.but(lastbuild=self.get(key).lastbuild), fold=fold)


class FoldsOnlyOnTheLastWrite(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        now = self.get(key)
        return super().fold(key, expected=expected, fold=fold) if now.is_version(expected) else Lost(now)


class FoldsAgainWhatIsSentAgain(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        now = self.get(key)
        self._gates[key] = now.but(writes=tuple([each for each in now.writes if each != fold.write_id]))
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Lost):
            self._gates[key] = now
        return answer


class FoldsAKnownEvent(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        known = fold.event in self.get(key).events
        return super().fold(key, expected=expected, fold=fold.but(event=None) if known else fold)


class FoldsInNoOrder(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        return super().fold(key, expected=expected, fold=fold.but(in_order=False))


class MovesTheLastInstantBack(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        return super().fold(key, expected=expected, fold=fold.but(last_ms=fold.last_ms or 0))


class FoldsTheOlderUnasked(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        pending = self.get(key).pending
        if pending is not None and is_older(fold.request, pending.request) and not fold.older:
            fold = fold.but(older=True)
        return super().fold(key, expected=expected, fold=fold)


class ForgetsItsOwnFold(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Swapped):
            self._gates[key] = answer.record.but(writes=answer.record.writes[1:])
        return answer


class LetsARegisterGrow(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        oldest = self.get(key).writes[KEPT_WRITES - 1 :]
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Swapped):
            self._gates[key] = answer.record.but(writes=answer.record.writes + oldest)
        return answer


class FoldsAsASwap(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Swapped):
            self._gates[key] = answer.record.but(moved=fold.write_id)
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


class AllAreCaught(Exception):
    """No wrong store is at large any more."""


class Draws:
    """Draws, and keeps what it drew."""

    def __init__(self, data: Any) -> None:
        self.data, self.drawn = data, list[Any]()

    def draw(self, strategy: Any, label: str) -> Any:
        self.drawn.append(self.data.draw(strategy, label))
        return self.drawn[-1]


class Drawn:
    """Draws the same once more."""

    def __init__(self, drawn: list[Any]) -> None:
        self.drawn = iter(drawn)

    def draw(self, strategy: Any, label: str) -> Any:
        return next(self.drawn)


class Lineup(MemoryMachine):
    """A machine on a right store. Beside it each wrong store has its own, which takes the same steps.

    What costs a machine its time is to draw the steps, so all share them. The steps follow from the model, which is the
    same for all until one is caught.
    """

    at_large: set[type[Attributed]]

    def __init__(self) -> None:
        super().__init__()
        self.suspects = {wrong: self._machine_on(wrong) for wrong in self.at_large}

    def _machine_on(self, wrong: type[Attributed]) -> StoreMachine:
        class Machine(MemoryMachine):
            def make_store(self) -> Store:
                return wrong()

        return Machine()

    def all_take(self, step: Callable[..., None], told: dict[str, Any]) -> None:
        draws = Draws(told.pop("data", None))
        step(self, **told, **({"data": draws} if draws.data else {}))
        for wrong, machine in list(self.suspects.items()):
            try:
                step(machine, **told, **({"data": Drawn(draws.drawn)} if draws.data else {}))
                machine.everything_is_there()
            except AssertionError:
                del self.suspects[wrong]
                self.at_large.discard(wrong)

    def teardown(self) -> None:
        super().teardown()
        if not self.at_large:
            raise AllAreCaught


def _for_all(step: Any) -> Any:
    def take(self: Lineup, **told: Any) -> None:
        self.all_take(step, told)

    marked: Any = rule(**getattr(step, RULE_MARKER).arguments)
    return marked(take)


for name, step in list(vars(StoreMachine).items()):
    if hasattr(step, RULE_MARKER):
        setattr(Lineup, name, _for_all(step))


def test_the_machine_catches_each_store_that_is_wrong() -> None:
    Lineup.at_large = set(WRONG)
    found = settings(
        max_examples=1_000,  # the draws depend on which modules are imported
        stateful_step_count=25,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=TOO_SLOW,
    )
    with suppress(AllAreCaught):
        run_state_machine_as_test(Lineup, settings=found)
    assert Lineup.at_large == set()


WRONG_STARTER = """
from holdoff.testing import StarterConformance

class Wrong:
    start_budget_ms = 1

class TestWrong(StarterConformance):
    lacks = ("status",)
    def make_starter(self, tmp_path):
        return Wrong()
"""


def test_a_suite_in_anothers_tests_says_what_was_wrong(tmp_path: Path) -> None:
    """It was an ``AssertionError`` without a word: pytest shows what an assert compared where it is asked to."""
    (tmp_path / "test_wrong.py").write_text(WRONG_STARTER)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "declares", "test_wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "'cancel'" in done.stdout
    assert "warning" not in done.stdout
