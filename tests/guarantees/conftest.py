"""Gates on every store, with a clock that moves when told to and a starter that remembers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.core.errors import StartRefused
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.testing import ManualClock
from tests.e2e.conftest import delete_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.request import Request
    from holdoff.stores.base import Store

_tables = itertools.count()


class Builds:
    """A starter that is idempotent by token, and remembers what it built and when."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.started: dict[str, tuple[int, Request]] = {}
        self.answers: list[Exception] = []
        self.states: dict[str, str] = {}

    def start(self, request: Request, token: str) -> str:
        error = self.answers.pop(0) if self.answers else None
        if isinstance(error, StartRefused):
            raise error
        self.started.setdefault(token, (self.clock.now_ms(), request))
        if error is not None:
            raise error  # the build exists, and the answer is lost
        return f"build-{token}"

    def find(self, token: str, request: Request) -> str | None:
        return f"build-{token}" if token in self.started else None

    def status(self, build_id: str) -> str | None:
        return self.states.get(build_id, "running")

    def cancel(self, build_id: str) -> None:
        self.states[build_id] = "failed"

    @property
    def instants(self) -> list[int]:
        return [at_ms for at_ms, _ in self.started.values()]

    @property
    def versions(self) -> list[str | None]:
        return [request.source_version for _, request in self.started.values()]


class Bench:
    """A store, a clock, a starter, and gates on them: each as another process would have it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock("2026-01-01T00:00:00Z")
        self.builds = Builds(self.clock)
        self.start_ms = self.clock.now_ms()

    def gate(
        self, cooldown: str = "10m", *, key: str | None = None, from_file: Any = False, **policy: Any
    ) -> holdoff.Gate:
        gate = holdoff.Gate(
            "site-build",
            key=key,
            region="eu-west-1",
            store=self.store,
            policy=holdoff.Policy(cooldown, **policy),
            starter=self.builds,
            clock=self.clock,
        )
        gate.from_file = from_file
        return gate

    def seconds(self) -> list[float]:
        """When builds started, in seconds since the beginning."""
        return [(at_ms - self.start_ms) / 1000 for at_ms in self.builds.instants]


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("dynamodb", marks=pytest.mark.dynamodb),
    ]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench on each store."""
    make: dict[str, Callable[[], Store]] = {
        "memory": lambda: holdoff.open_store("memory:"),
        "sqlite": lambda: holdoff.open_store(f"sqlite:///{tmp_path / 'gates.db'}"),
        "postgres": lambda: holdoff.open_store(request.getfixturevalue("postgres_url")),
        "dynamodb": lambda: _dynamodb(request),
    }
    store = make[request.param]()
    yield Bench(store)
    store.close()
    if isinstance(store, DynamoDBStore):
        delete_table(request.getfixturevalue("dynamodb_local_url"), store.table)


def _dynamodb(request: pytest.FixtureRequest) -> Store:
    request.getfixturevalue("aws_env")
    endpoint = request.getfixturevalue("dynamodb_local_url")
    store = holdoff.open_store(f"dynamodb://guarantees-{next(_tables)}?region=eu-west-1&endpoint={endpoint}")
    store.initialise()
    return store
