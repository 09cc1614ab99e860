"""The DynamoDB store on a bad wire, by either client: what it says of a write is true, and the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.aws.lean import Lean
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import StoreDenied, StoreError, StoreThrottled, StoreUnavailable
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey
from holdoff.stores.dynamodb import connection
from holdoff.stores.dynamodb.store import DynamoDBStore
from tests.aws.wire import Wire, answer, refusal
from tests.stores.strategies import KEY, NOW_MS
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.dynamodb
NEW = Record(events=("e",)).swapped("W1")
SLOW = refusal("ThrottlingException")
BROKEN = refusal("InternalServerError", 500)
A_BUILD = Finished(token="T1", build_id="b", claimed_ms=NOW_MS, started_ms=NOW_MS, ended_ms=NOW_MS)
_tables = itertools.count()


@pytest.fixture(params=["botocore", "lean"])
def transport(request: pytest.FixtureRequest, aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Which client is used. Neither waits before another try."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", request.param)
    monkeypatch.setattr(connection, "LIMITS", connection.LIMITS.but(read_s=PATIENCE_S))
    monkeypatch.setattr("holdoff.clock.SystemClock.sleep", lambda *_: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda *_: None)
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def table(dynamodb_local_url: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "HOLDOFFTESTS")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "holdofftests")
        store = DynamoDBStore("wire", region="eu-west-1", endpoint=dynamodb_local_url)
        store.initialise()
        store.swap(KEY, expected=Record(), new=NEW, history=(A_BUILD,))  # the engine is slow at first
        store.close()
    return "wire"


@pytest.fixture
def wire(dynamodb_local_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with Wire(dynamodb_local_url) as made:
        made.time_out_where_it_hangs(monkeypatch)
        yield made


@pytest.fixture
def store(wire: Wire, table: str, transport: str) -> Iterator[DynamoDBStore]:
    made = DynamoDBStore(table, region="eu-west-1", endpoint=wire.url)
    assert isinstance(made.connection.client("testing"), Lean) is (transport == "lean")
    yield made
    made.close()


@pytest.fixture
def key() -> GateKey:
    return GateKey(f"gate-{next(_tables)}", KEY.region)


WRITES: list[tuple[list[str | bytes], object]] = [
    ([], Swapped),
    (["close before"], Swapped),
    ([SLOW, SLOW], Swapped),
    (["close after"], Lost),
    (["cut after"], Lost),
    (["hang after"], Lost),
    (["garble after"], Lost),
    (["close after", "close before"], Lost),
    (["close after", SLOW], Lost),
    ([BROKEN, BROKEN], Swapped),
    (["close before"] * 3, "may or may not be in"),
    (["close after"] * 3, "may or may not be in"),
    (["close after", SLOW, SLOW], "may or may not be in"),
    ([BROKEN] * 3, "may or may not be in"),
    ([BROKEN, SLOW, SLOW], "may or may not be in"),
    ([answer(302, b"<html>")], "may or may not be in"),
    (["close after", answer(302, b"<html>")], "may or may not be in"),
    (["close after", answer(403, b"<html>")], "may or may not be in"),
    ([answer(200, b"<html>", x_amzn_RequestId="")], "may or may not be in"),
    ([answer(200, b"[]", x_amzn_RequestId="")], "may or may not be in"),
    ([answer(200, b"{}", x_amzn_RequestId="")], "may or may not be in"),
    ([SLOW] * 3, StoreThrottled),
    ([refusal("AccessDeniedException")], StoreDenied),
    ([refusal("ExpiredTokenException")], StoreDenied),
    ([refusal("New")], "may or may not be in"),
    (["close after", refusal("New")], "may or may not be in"),
]


@pytest.mark.parametrize(("script", "says"), WRITES, ids=[str(number) for number in range(len(WRITES))])
@pytest.mark.parametrize("history", [(), (A_BUILD,)], ids=["update", "transaction"])
def test_a_write(
    store: DynamoDBStore, wire: Wire, key: GateKey, script: list[str | bytes], says: Any, history: Any
) -> None:
    wire.script[:] = script
    if isinstance(says, str) or issubclass(says, StoreError):
        with pytest.raises(StoreError) as caught:
            store.swap(key, expected=Record(), new=NEW, history=history)
        kind = StoreUnavailable if isinstance(says, str) else says
        assert type(caught.value) is kind
        assert ("may or may not be in" in str(caught.value)) is isinstance(says, str)
    else:
        answered = store.swap(key, expected=Record(), new=NEW, history=history)
        # DynamoDB knows a transaction that is sent again by its token, and answers it as the first time.
        assert type(answered) is (Swapped if history else says)
        assert answered == (Lost(NEW) if type(answered) is Lost else Swapped(NEW))
    assert not wire.script
    is_in = store.get(key) == NEW
    assert is_in is (says in (Swapped, Lost) or any("after" in fault for fault in script if isinstance(fault, str)))


def test_a_connection_is_kept_and_one_that_was_closed_is_no_try(store: DynamoDBStore, wire: Wire, key: GateKey) -> None:
    before = wire.connections
    for _ in range(3):
        store.get(key)
    assert wire.connections == before + 1
    wire.script[:] = ["close idle"]
    store.get(key)
    wire.script[:] = ["pass", "close after"]  # nothing would be left to lose
    assert store.swap(key, expected=Record(), new=NEW) == Swapped(NEW)
    assert wire.connections == before + 2


def test_where_nothing_listens_nothing_was_written(table: str, transport: str, key: GateKey) -> None:
    store = DynamoDBStore(table, region="eu-west-1", endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="did not answer"):
        store.get(key)
