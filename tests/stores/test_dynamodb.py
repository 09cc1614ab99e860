"""The DynamoDB store on DynamoDB Local and on ministack; its errors also on a client that only fails."""

import contextlib
import itertools
import json
import logging
import os
import re
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier, Event
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError, SSLError
from hypothesis import given

from holdoff.aws import client as aws_client
from holdoff.aws.client import LENDING, Limits
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import (
    ConfigError,
    RecordInvalid,
    StoreDenied,
    StoreError,
    StoreMismatch,
    StoreMissing,
    StoreThrottled,
    StoreUnavailable,
)
from holdoff.core.pending import Fold, single
from holdoff.core.record import FORMAT, Claim, Finished, Pending, Record, Running
from holdoff.core.request import MAX_ENVIRONMENT_BYTES, GateKey, Request
from holdoff.core.units import MAX_INSTANT_MS
from holdoff.stores.base import Store
from holdoff.stores.codec import record_to_item
from holdoff.stores.dynamodb import store as dynamodb_store
from holdoff.stores.dynamodb.connection import LIMITS, Conflict
from holdoff.stores.dynamodb.item import (
    INDEX,
    MAX_CLAIMED_BYTES,
    MAX_HELD_BYTES,
    decoded_item,
    fold_update,
    item_size,
)
from holdoff.stores.dynamodb.store import CONFLICTS, DynamoDBStore
from holdoff.stores.open import open_store
from tests.aws.wire import Wire
from tests.conftest import FAKE_AWS
from tests.stores import strategies
from tests.stores.strategies import KEY, NOW_MS, item_of
from tests.waiting import until

ENGINES = [
    pytest.param("dynamodb_local_url", marks=pytest.mark.dynamodb),
    pytest.param("ministack_url", marks=pytest.mark.ministack),
]
COOLDOWN = 600
SNIPPETS_KEYS = [
    {"AttributeName": "cb_project", "KeyType": "HASH"},
    {"AttributeName": "region", "KeyType": "RANGE"},
]
_numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FAKE_AWS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module", params=ENGINES)
def endpoint(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


#: Random records are for the engine that judges; the other one is slow.
by_the_judge = pytest.mark.parametrize("endpoint", ENGINES[:1], indirect=True)


def new_name() -> str:
    """A table of its own for each test: the engines are shared."""
    return f"holdoff-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="module")
def client(endpoint: str) -> Iterator[Any]:
    """A plain client beside the store."""
    made = boto3.client("dynamodb", endpoint_url=endpoint)
    yield made
    made.close()


class Stores:
    """Stores on tables of their own, gone when the test is.

    DynamoDB Local looks through every table that expires, a second each, before it makes an index on any other.
    """

    def __init__(self, endpoint: str, client: Any) -> None:
        self.endpoint, self.client = endpoint, client
        self.made: list[DynamoDBStore] = []

    def new(self, name: str | None = None, **settings: Any) -> DynamoDBStore:
        """A store; its table may not be there yet."""
        store = DynamoDBStore(name or new_name(), endpoint=self.endpoint, **settings)
        self.made.append(store)
        return store

    def initialised(self) -> DynamoDBStore:
        """A store on an empty table."""
        store = self.new()
        store.initialise()
        return store

    def gone(self) -> None:
        """Close the stores, delete the tables."""
        for store in self.made:
            store.close()
            with contextlib.suppress(self.client.exceptions.ResourceNotFoundException):
                self.client.delete_table(TableName=store.table)


@pytest.fixture(scope="module")
def shared_store(endpoint: str, client: Any) -> Iterator[DynamoDBStore]:
    """For property tests: an item of its own for each example."""
    made = Stores(endpoint, client)
    yield made.initialised()
    made.gone()


@pytest.fixture
def stores(endpoint: str, client: Any) -> Iterator[Stores]:
    """As many as the test wants."""
    made = Stores(endpoint, client)
    yield made
    made.gone()


@pytest.fixture
def store(stores: Stores) -> DynamoDBStore:
    """An empty table."""
    return stores.initialised()


def fresh_key() -> GateKey:
    """A gate of its own."""
    return GateKey(f"{KEY.project}-{next(_numbers)}", KEY.region)


def raw(store: DynamoDBStore, client: Any, key: GateKey = KEY) -> dict[str, Any]:
    """The item behind the store's back, typed."""
    found = client.get_item(TableName=store.table, Key=plain_key(key), ConsistentRead=True)
    item: dict[str, Any] = found["Item"]
    return item


def plain_key(key: GateKey = KEY) -> dict[str, Any]:
    """A gate's primary key."""
    return {"cb_project": {"S": key.project}, "region": {"S": key.region}}


def put(store: DynamoDBStore, client: Any, key: GateKey = KEY, /, **attributes: Any) -> None:
    """An item behind the store's back."""
    client.put_item(TableName=store.table, Item=plain_key(key) | attributes)


REQUEST = Request(project=KEY.project, region=KEY.region, reason="push")
TRIES = LIMITS.tries


def claimed(
    write_id: str = "W1", *, at_ms: int = NOW_MS, request: Request = REQUEST, before: Record | None = None
) -> Record:
    """A gate claimed at ``at_ms``."""
    claim = Claim(
        token=f"T-{write_id}",
        claimed_ms=at_ms,
        held_ms=at_ms,
        lease_until_ms=at_ms + 60_000,
        covers=single(request, at_ms),
        before=(before or Record()).lastbuild,
    )
    new = (before or Record()).but(lastbuild=Decimal(at_ms).scaleb(-3), claim=claim)
    return new.swapped(write_id)


def claim(store: DynamoDBStore, write_id: str = "W1", key: GateKey = KEY) -> Swapped | Lost:
    """The write that claims a gate that never built."""
    return store.swap(key, expected=Record(), new=claimed(write_id))


def swapped(reply: Swapped | Lost) -> Record:
    """The record of a write that must be in."""
    assert isinstance(reply, Swapped)
    return reply.record


def botocore_events(store: DynamoDBStore) -> Any:
    """The event hooks of the store's own client."""
    client: Any = store.connection.client("testing")
    return client.meta.events


def client_errors(code: str, message: str, status: int = 400, **more: Any) -> ClientError:
    """An error answer of the service."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "UpdateItem")


class Failing:
    """A client that only fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name == "meta":
            raise AttributeError(name)

        def fail(**_: object) -> None:
            raise self.error

        return fail


def failing(error: Exception) -> DynamoDBStore:
    """A store that only fails."""
    return DynamoDBStore("builds", region="eu-west-1", client=Failing(error), clock=SetClock())


# --- one gate ------------------------------------------------------------------------------------


def test_it_is_a_store(store: DynamoDBStore) -> None:
    assert isinstance(store, Store)
    assert store.region == FAKE_AWS["AWS_REGION"]


def test_a_gate_that_never_was(store: DynamoDBStore) -> None:
    assert store.get(KEY) == Record()
    assert store.item(KEY) is None


def _of(record: Record, key: GateKey) -> Record:
    """The same record, its requests for another gate."""

    def moved(pending: Pending | None) -> Pending | None:
        return pending and pending.but(request=pending.request.but(project=key.project, region=key.region))

    def ended(build: Finished | None) -> Finished | None:
        return build and build.but(covers=moved(build.covers))

    pending, claim, running, finished = moved(record.pending), record.claim, record.running, ended(record.finished)
    if claim is not None:
        claim = claim.but(covers=moved(claim.covers))
    if running is not None:
        running = running.but(covers=moved(running.covers))
    return record.but(pending=pending, claim=claim, running=running, finished=finished)


@by_the_judge
@given(old=strategies.records, new=strategies.records)
def test_a_swap_leaves_nothing_of_the_old_record(shared_store: DynamoDBStore, old: Record, new: Record) -> None:
    key = fresh_key()
    old, new = _of(old, key), _of(new, key)
    assert shared_store.swap(key, expected=Record(), new=old) == Swapped(record=old)
    assert shared_store.get(key) == old
    assert shared_store.swap(key, expected=old, new=new) == Swapped(record=new)
    assert shared_store.get(key) == new


@by_the_judge
@given(pair=strategies.gates_and_folds(), between=strategies.records)
def test_a_fold_does_what_applied_does(shared_store: DynamoDBStore, pair: tuple[Record, Fold], between: Record) -> None:
    """Lost or applied, and attribute for attribute: what others have put there stays, and so does ``due``. It yields to
    every swap."""
    key = fresh_key()
    expected = _of(pair[0], key)
    fold = pair[1].but(request=pair[1].request.but(project=key.project, region=key.region))
    shared_store.swap(key, expected=Record(), new=expected)
    before = shared_store.item(key)
    new = fold.applied(expected, expected)
    reply = shared_store.fold(key, expected=expected, fold=fold)
    assert reply == (Lost(current=expected) if new is None else Swapped(record=new))
    after = before if new is None else decoded_item(plain_key(key) | item_of(new))
    assert shared_store.item(key) == after

    # Of the same lastbuild, so that nothing but the swap tells.
    swapped_since = _of(between, key).but(lastbuild=expected.lastbuild).swapped("SWAPPED1")
    assert shared_store.swap(key, expected=new or expected, new=swapped_since) == Swapped(record=swapped_since)
    assert fold.applied(expected, swapped_since) is None
    assert shared_store.fold(key, expected=expected, fold=fold) == Lost(current=swapped_since)
    assert shared_store.get(key) == swapped_since


def deferred(request: Request = REQUEST) -> Record:
    """A gate that cools down, with one trigger pending."""
    return Record(lastbuild=Decimal(5), pending=single(request, NOW_MS), due_ms=NOW_MS + 5).swapped("W0")


def a_fold(n: int, request: Request = REQUEST, **more: Any) -> Fold:
    """The n-th trigger after that."""
    return Fold(**{"write_id": f"F{n:07}", "request": request, "event": f"E{n:010}", "last_ms": NOW_MS + n, **more})


def test_a_fold_yields_to_the_old_snippet(store: DynamoDBStore, client: Any) -> None:
    store.swap(KEY, expected=Record(), new=deferred())
    client.update_item(
        TableName=store.table,
        Key=plain_key(),
        UpdateExpression="set lastbuild = :t",
        ExpressionAttributeValues={":t": {"N": "6"}},
    )
    reply = store.fold(KEY, expected=deferred(), fold=a_fold(1))
    assert reply == Lost(current=deferred().but(lastbuild=Decimal(6)))


def test_folds_do_not_conflict_and_the_registers_keep_the_newest(store: DynamoDBStore) -> None:
    store.swap(KEY, expected=Record(), new=deferred())

    def folded(n: int) -> Swapped | Lost:
        return store.fold(KEY, expected=deferred(), fold=a_fold(n, last_ms=None))

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(folded, range(40)))
    assert all(isinstance(reply, Swapped) for reply in replies)
    record = store.get(KEY)
    assert record.pending is not None
    assert record.pending.count == 41
    assert (len(record.writes), len(set(record.writes)), len(set(record.events))) == (16, 16, 16)
    assert [write[1:] for write in record.writes] == [event[4:] for event in record.events]


def test_a_fold_into_registers_that_are_too_short_is_lost(store: DynamoDBStore, client: Any) -> None:
    """Written by hand, say; the decider swaps instead, and then they have their length."""
    store.swap(KEY, expected=Record(), new=deferred())
    short = raw(store, client)
    short["writes"] = {"L": short["writes"]["L"][:3]}
    client.put_item(TableName=store.table, Item=short)
    assert store.fold(KEY, expected=deferred(), fold=a_fold(1)) == Lost(current=deferred())


def test_the_largest_fold_is_well_under_the_limits(store: DynamoDBStore) -> None:
    """4 KB of expression, 300 operators: nearly the longest of all names and texts."""
    first = Request(
        project=KEY.project, region=KEY.region, line="l" * 300, source_version="v" * 200, at_ms=5, parent="p" * 200
    )
    second = first.but(reason="r" * 200, event_id="e" * 1024, source_version="w" * 200, parent="v" * 200, at_ms=6)
    record = deferred(first.but(environment=(("A", "x" * 16_000),)))
    store.swap(KEY, expected=Record(), new=record)
    fold = a_fold(1, second.but(environment=(("B", "y" * 16_000),)), waiter="T" * 26, in_order=True)
    update = fold_update(record, fold)
    assert update is not None
    assert len(update["UpdateExpression"]) < 1_100
    assert len(update["ConditionExpression"]) < 500
    assert store.fold(KEY, expected=record, fold=fold) == Swapped(record=fold.joined_to(record))


@pytest.mark.parametrize(
    "attributes",
    [
        {"lastbuild": {"S": "1"}},
        {"lastbuild": {"N": "-1"}},
        {"lastbuild": {"N": "1795395667000"}},
        {"lastbuild": {"BOOL": True}},
        {"events": {"S": "abc"}},
        {"writes": {"S": "W0"}},
        {"running": {"S": "site-build:1"}},
        {"built": {"N": "1"}},
        {"claim": {"S": "mine"}},
        {"format": {"S": "two"}},
    ],
)
def test_a_broken_item_is_told_and_not_changed(store: DynamoDBStore, client: Any, attributes: dict[str, Any]) -> None:
    put(store, client, **attributes)
    before = raw(store, client)
    expected = Record(lastbuild=Decimal(7)).swapped("W")
    with pytest.raises(RecordInvalid, match=next(iter(attributes))):
        store.get(KEY)
    with pytest.raises(RecordInvalid, match=next(iter(attributes))):
        store.swap(KEY, expected=expected, new=expected.swapped("W2"))
    assert raw(store, client) == before


def test_a_newer_format_is_refused_and_not_changed(store: DynamoDBStore, client: Any) -> None:
    store.swap(KEY, expected=Record(), new=deferred())
    newer = raw(store, client) | {"format": {"N": str(FORMAT + 1)}}
    client.put_item(TableName=store.table, Item=newer)
    attempts: list[Callable[[], object]] = [
        lambda: store.get(KEY),
        lambda: store.fold(KEY, expected=deferred(), fold=a_fold(1)),
        lambda: claim(store),
    ]
    for attempt in attempts:
        with pytest.raises(RecordInvalid, match="newer Holdoff"):
            attempt()
    assert raw(store, client) == newer


@pytest.mark.parametrize("empty", [{"NULL": True}, {"L": []}])
def test_no_writes_is_no_writes(store: DynamoDBStore, client: Any, empty: dict[str, Any]) -> None:
    put(store, client, writes=empty, lastbuild={"NULL": True}, hold={"NULL": True})
    assert store.get(KEY) == Record()
    new = Record(lastbuild=Decimal(1)).swapped("W1")
    assert store.swap(KEY, expected=Record(), new=new) == Swapped(record=new)


def test_swap_compares_lastbuild_to_the_last_digit(store: DynamoDBStore) -> None:
    record = Record(lastbuild=Decimal("1795395667.1234567890123456789012345678"), writes=("W1",))
    store.swap(KEY, expected=Record(), new=record)
    near = record.but(lastbuild=Decimal("1795395667.1234567890123456789012345679"))
    assert store.swap(KEY, expected=near, new=record.swapped("W2")) == Lost(current=record)
    assert store.swap(KEY, expected=record, new=near.swapped("W2")) == Swapped(record=near.swapped("W2"))
    assert store.get(KEY).lastbuild == near.lastbuild


def test_a_swap_of_what_is_gone_is_lost(store: DynamoDBStore) -> None:
    expected = Record(lastbuild=Decimal(5), writes=("W1",))
    assert store.swap(KEY, expected=expected, new=expected.swapped("W2")) == Lost(current=Record())
    assert store.item(KEY) is None


# --- items ---------------------------------------------------------------------------------------

FOREIGN = {
    "owner": {"S": "docs team"},
    "exact": {"N": "12345678901234567890123456789012345678"},
    "fraction": {"N": "-0.12345678901234567890123456789012345678"},
    "tiny": {"N": "1E-130"},
    "huge": {"N": "9.9999999999999999999999999999999999999E+125"},
    "flag": {"BOOL": True},
    "nothing": {"NULL": True},
    "blob": {"B": b"\x00\xff"},
    "tags": {"SS": ["a", "b"]},
    "sizes": {"NS": ["1", "2.5"]},
    "blobs": {"BS": [b"1", b"2"]},
    "deep": {"M": {"list": {"L": [{"N": "1.50"}, {"S": ""}, {"M": {}}]}}},
}


def test_attributes_of_others_stay_and_are_shown_exactly(store: DynamoDBStore, client: Any) -> None:
    put(store, client, lastbuild={"N": "1795390000"}, **FOREIGN)
    first = store.get(KEY)
    assert dict(first.others) == {n: v for n, v in (store.item(KEY) or {}).items() if n in FOREIGN}
    new = swapped(store.swap(KEY, expected=first, new=claimed(before=first)))
    store.swap(KEY, expected=new, new=deferred().but(others=new.others))
    store.fold(KEY, expected=store.get(KEY), fold=a_fold(1))
    store.swap(KEY, expected=store.get(KEY), new=Record().swapped("W3"))
    assert store.get(KEY) == Record(others=first.others).swapped("W3")
    item = store.item(KEY)
    assert item is not None
    assert {name: item[name] for name in FOREIGN} == {
        "owner": "docs team",
        "exact": 12345678901234567890123456789012345678,
        "fraction": Decimal("-0.12345678901234567890123456789012345678"),
        "tiny": Decimal("1E-130"),
        "huge": int(Decimal("9.9999999999999999999999999999999999999E+125")),
        "flag": True,
        "nothing": None,
        "blob": b"\x00\xff",
        "tags": {"a", "b"},
        "sizes": {1, Decimal("2.5")},
        "blobs": {b"1", b"2"},
        "deep": {"list": [Decimal("1.5"), "", {}]},
    }
    assert set(item) - set(FOREIGN) == {"cb_project", "region", "format", "writes", "moved"}


def test_a_gate_expires_only_while_it_says_so(store: DynamoDBStore, client: Any) -> None:
    idle = Record(expires_ms=NOW_MS + 1_000).swapped("W1")
    store.swap(KEY, expected=Record(), new=idle)
    assert raw(store, client)["expires"] == {"N": str(NOW_MS // 1000 + 1)}
    assert store.get(KEY) == idle
    store.swap(KEY, expected=idle, new=claimed("W2", before=idle.but(expires_ms=None)))
    assert "expires" not in raw(store, client)


def large(n: int) -> Request:
    """The n-th request of the largest, but for its texts."""
    return REQUEST.but(source_version=f"v{n}", environment=(("A", "x" * (MAX_ENVIRONMENT_BYTES - 1)),))


def filled_to(size: int, record: Record) -> dict[str, Any]:
    """An attribute of others with which the item of a record has so many bytes."""
    ours = {"cb_project": KEY.project, "region": KEY.region, **record_to_item(record)}
    return {"filler": {"S": "x" * (size - item_size(ours) - len("filler"))}}


def confirmed(record: Record) -> Record:
    """The build of a record's claim is running, under the longest id that there is."""
    claim = record.claim
    assert claim is not None
    running = Running(
        build_id="\N{GRINNING FACE}" * 400,
        token=claim.token,
        started_ms=NOW_MS,
        lease_until_ms=NOW_MS,
        covers=claim.covers,
        claimed_ms=NOW_MS,
        before=claim.before,
    )
    return record.but(claim=None, running=running).swapped("confirm")


def test_a_claim_whose_confirm_might_not_fit_is_refused(store: DynamoDBStore, client: Any) -> None:
    """A build that is started and cannot be recorded would be started again with every lease."""
    put(store, client, lastbuild={"N": "5"}, **filled_to(MAX_CLAIMED_BYTES + 1, claimed(request=large(0))))
    before = raw(store, client)
    with pytest.raises(RecordInvalid, match="Remove what else is in the item"):
        store.swap(KEY, expected=store.get(KEY), new=claimed(before=store.get(KEY), request=large(0)))
    assert raw(store, client) == before


def test_what_comes_during_a_start_leaves_room_for_its_confirm(store: DynamoDBStore, client: Any) -> None:
    """The largest claim there may be, taken over; the largest requests that may come meanwhile."""
    put(store, client, lastbuild={"N": "5"}, **filled_to(MAX_CLAIMED_BYTES - 100, claimed(request=large(0))))
    record = swapped(store.swap(KEY, expected=store.get(KEY), new=claimed(before=store.get(KEY), request=large(0))))
    assert record.claim is not None
    taken = record.but(claim=record.claim.but(attempt=2)).swapped("taken")
    record = swapped(store.swap(KEY, expected=record, new=taken))
    waiting = record.but(pending=single(large(1), NOW_MS)).swapped("pending")
    record = first = swapped(store.swap(KEY, expected=record, new=waiting))
    for n in range(20):
        record = swapped(store.fold(KEY, expected=first, fold=a_fold(n, large(n), waiter=f"T{n}")))
    assert isinstance(store.swap(KEY, expected=record, new=confirmed(record)), Swapped)


def test_into_an_item_that_others_have_filled_nothing_is_written_but_the_end_of_a_start(
    store: DynamoDBStore, client: Any
) -> None:
    record = claimed().but(pending=single(REQUEST, NOW_MS))
    store.swap(KEY, expected=Record(), new=record)
    filler = filled_to(MAX_HELD_BYTES + 1, record.but(pending=None))["filler"]
    client.put_item(TableName=store.table, Item=raw(store, client) | {"filler": filler})
    record, before = store.get(KEY), raw(store, client)
    assert record.claim is not None
    taken = record.but(claim=record.claim.but(attempt=2)).swapped("taken")
    writes: list[Callable[[], object]] = [
        lambda: store.swap(KEY, expected=record, new=taken),
        lambda: store.swap(KEY, expected=record, new=record.but(pending=single(large(1), NOW_MS)).swapped("W2")),
        lambda: store.fold(KEY, expected=record, fold=a_fold(1, large(1))),
    ]
    for write in writes:
        with pytest.raises(RecordInvalid, match="Nothing was started or written"):
            write()
    assert raw(store, client) == before
    assert isinstance(store.swap(KEY, expected=record, new=confirmed(record)), Swapped)


@by_the_judge
@given(number=strategies.numbers)
def test_any_number_is_shown_exactly_and_read_as_lastbuild_or_refused_by_name(
    shared_store: DynamoDBStore, client: Any, number: int | Decimal
) -> None:
    key = fresh_key()
    put(shared_store, client, key, lastbuild={"N": str(number)}, theirs={"N": str(number)})
    before = raw(shared_store, client, key)
    item = shared_store.item(key)
    assert item is not None
    assert item["lastbuild"] == item["theirs"] == number
    if 0 <= number <= MAX_INSTANT_MS // 1000:
        record = shared_store.get(key)
        assert record == Record(lastbuild=Decimal(number), others=(("theirs", number),))
        new = record.swapped("W1")
        assert shared_store.swap(key, expected=record, new=new) == Swapped(record=new)
        return
    with pytest.raises(RecordInvalid, match="lastbuild is "):
        shared_store.get(key)
    assert raw(shared_store, client, key) == before


# --- the old snippet -----------------------------------------------------------------------------


def snippet(table: Any, project: str, region: str, now: int) -> str:
    """The widely copied Lambda's handling of its table, through the same boto3 resource."""
    got = table.get_item(Key={"cb_project": project, "region": region})
    if "Item" not in got:
        table.put_item(Item={"cb_project": project, "region": region, "lastbuild": now})
        return "created"
    lastbuild = int(got["Item"]["lastbuild"])
    if now > lastbuild + COOLDOWN:
        answer = table.update_item(
            Key={"cb_project": project, "region": region},
            UpdateExpression="set lastbuild = :t",
            ExpressionAttributeValues={":t": now},
            ReturnValues="UPDATED_NEW",
        )
        assert answer["Attributes"] == {"lastbuild": now}
        return "built"
    return f"The build last ran {now - lastbuild} seconds ago; exiting..."


@pytest.fixture
def snippet_table(endpoint: str) -> Iterator[Any]:
    """The table as the snippet's instructions make it, and its resource."""
    resource = boto3.resource("dynamodb", endpoint_url=endpoint)
    table = resource.create_table(
        TableName=new_name(),
        KeySchema=SNIPPETS_KEYS,
        AttributeDefinitions=[
            {"AttributeName": "cb_project", "AttributeType": "S"},
            {"AttributeName": "region", "AttributeType": "S"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    table.wait_until_exists()
    yield table
    resource.meta.client.close()


@pytest.fixture
def on_snippet(stores: Stores, snippet_table: Any) -> DynamoDBStore:
    """A store on the snippet's table, not initialised."""
    return stores.new(snippet_table.name)


def test_g7_items_of_the_old_snippet_are_gates(on_snippet: DynamoDBStore, snippet_table: Any) -> None:
    now = NOW_MS // 1000
    assert snippet(snippet_table, *_names(), now - 700) == "created"
    assert on_snippet.get(KEY) == Record(lastbuild=Decimal(now - 700))
    assert snippet(snippet_table, *_names(), now - 50) == "built"
    seen = Record(lastbuild=Decimal(now - 50))
    assert claim(on_snippet) == Lost(current=seen)
    new = claimed(at_ms=NOW_MS + 550_500, before=seen)
    record = swapped(on_snippet.swap(KEY, expected=seen, new=new))
    assert record.lastbuild == Decimal("1795396217.5")
    told = snippet(snippet_table, *_names(), now + 551)
    assert told == "The build last ran 1 seconds ago; exiting..."
    assert list(on_snippet.gates()) == [(KEY, record)]


def _names() -> tuple[str, str]:
    return KEY.project, KEY.region


def test_g7_the_old_snippets_write_is_seen_by_a_swap(on_snippet: DynamoDBStore, snippet_table: Any) -> None:
    seen = swapped(claim(on_snippet))
    now = NOW_MS // 1000 + 601
    assert snippet(snippet_table, *_names(), now) == "built"
    lost = on_snippet.swap(KEY, expected=seen, new=seen.but(claim=None).swapped("W2"))
    assert lost == Lost(current=seen.but(lastbuild=Decimal(now)))
    assert on_snippet.get(KEY) == seen.but(lastbuild=Decimal(now))


def test_the_old_snippets_create_is_seen_by_a_swap(on_snippet: DynamoDBStore, snippet_table: Any) -> None:
    nothing = on_snippet.get(KEY)
    snippet(snippet_table, *_names(), 5)
    lost = on_snippet.swap(KEY, expected=nothing, new=Record(lastbuild=Decimal(6)).swapped("W"))
    assert lost == Lost(current=Record(lastbuild=Decimal(5)))


def test_an_item_of_ours_is_json_for_the_old_snippets_encoder(on_snippet: DynamoDBStore, snippet_table: Any) -> None:
    swapped(claim(on_snippet))
    item = snippet_table.get_item(Key=dict(zip(("cb_project", "region"), _names(), strict=True)))
    assert json.loads(json.dumps(item["Item"], default=float))["lastbuild"] == NOW_MS / 1000


# --- races and requests --------------------------------------------------------------------------

THREADS = 16
ROUNDS = 25


def test_one_of_16_swaps_wins(store: DynamoDBStore) -> None:
    for _ in range(ROUNDS):
        key = fresh_key()
        seen = Record(lastbuild=Decimal("5.5"), writes=("W",))
        store.swap(key, expected=Record(), new=seen)

        def write(n: int, key: GateKey = key, seen: Record = seen) -> Swapped | Lost:
            history = (a_build(n),) if n % 2 else ()
            return store.swap(key, expected=seen, new=seen.swapped(f"W{n}"), history=history)

        _check_one_winner(store, key, _race(write))
        winner = int(store.get(key).writes[0][1:])
        assert list(store.history(key)) == ([a_build(winner)] if winner % 2 else [])


def _race(step: Callable[[int], Swapped | Lost]) -> list[Swapped | Lost]:
    barrier = Barrier(THREADS)

    def run(n: int) -> Swapped | Lost:
        barrier.wait(30)
        return step(n)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def _check_one_winner(store: DynamoDBStore, key: GateKey, replies: list[Swapped | Lost]) -> None:
    winners = [reply.record for reply in replies if isinstance(reply, Swapped)]
    assert len(winners) == 1
    assert store.get(key).writes == winners[0].writes
    assert all(r.current.writes == winners[0].writes for r in replies if isinstance(r, Lost))


def test_every_step_is_one_request(store: DynamoDBStore) -> None:
    asked: list[str] = []
    botocore_events(store).register("before-send.dynamodb", lambda request, **_: asked.append(request.url))

    def requests(step: Callable[[], object]) -> int:
        asked.clear()
        step()
        return len(asked)

    first = deferred()
    assert requests(lambda: store.swap(KEY, expected=Record(), new=first)) == 1
    assert requests(lambda: store.fold(KEY, expected=first, fold=a_fold(1))) == 1
    assert requests(lambda: store.swap(KEY, expected=first, new=first.swapped("W3"))) == 1  # lost
    assert requests(lambda: store.fold(KEY, expected=first, fold=a_fold(1))) == 1  # is in already
    assert requests(lambda: store.get(KEY)) == 1
    assert requests(lambda: list(store.due(2 * NOW_MS))) == 1
    assert requests(lambda: store.keep(KEY, a_build(1))) == 1


def test_the_gates_of_a_project_are_found_among_its_builds(
    store: DynamoDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each region's builds a page is read, not all; a gate that is gone, or whose region is there by its digest, has
    builds, too."""
    monkeypatch.setattr(dynamodb_store, "FIRST_PAGE", 4)
    regions = ("!", "eu-west-1", "eu-west-1$", "eu-west-1-b", "eu-west-10", "gone", "r" * 1_000, "us-east-1")
    keys = [GateKey("site", region) for region in regions]
    for key in keys:
        if key.region != "gone":
            store.swap(key, expected=Record(), new=Record(lastbuild=Decimal(5)).swapped("W1"))
        for number in range(9 if key.region in {"eu-west-1", "gone", "r" * 1_000} else 0):
            store.keep(key, a_build(number))
    read: list[int] = []
    botocore_events(store).register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"]))
    assert [key for key, _ in store.gates("site")] == [key for key in keys if key.region != "gone"]
    assert sum(read) <= 20, "of 34 items"


# --- history -------------------------------------------------------------------------------------


def a_build(n: int) -> Finished:
    """The n-th build."""
    at_ms = NOW_MS + n * 1000
    return Finished(
        build_id=f"site-build:{n}",
        token=f"T{n}",
        started_ms=at_ms,
        claimed_ms=at_ms,
        ended_ms=at_ms,
    )


def test_history_goes_with_the_swap_and_is_no_gate(store: DynamoDBStore) -> None:
    record = Record()
    for n in (2, 1, 3):
        new = record.swapped(f"W{n}")
        assert store.swap(KEY, expected=record, new=new, history=(a_build(n),)) == Swapped(record=new)
        record = new
    assert list(store.history(KEY)) == [a_build(3), a_build(2), a_build(1)]
    assert list(store.gates()) == list(store.gates(KEY.project)) == [(KEY, record)]
    late = store.swap(KEY, expected=Record(), new=record.swapped("W9"), history=(a_build(9),))
    assert late == Lost(current=record)
    assert len(list(store.history(KEY))) == 3
    assert list(store.history(GateKey(KEY.project, "eu-west"))) == []
    ended = a_build(3).but(succeeded=True)
    new = record.swapped("W4")
    store.swap(KEY, expected=record, new=new, history=(a_build(3), ended))
    assert list(store.history(KEY)) == [ended, a_build(2), a_build(1)]
    assert list(store.history(KEY, limit=2)) == [ended, a_build(2)]


def test_the_end_of_a_build_is_kept_in_its_place(store: DynamoDBStore) -> None:
    store.keep(KEY, a_build(1))
    store.keep(KEY, a_build(2))
    store.keep(KEY, a_build(1).but(succeeded=False, detail="lint"))
    assert list(store.history(KEY)) == [a_build(2), a_build(1).but(succeeded=False, detail="lint")]


def test_a_build_that_cannot_be_read_is_left_out(
    store: DynamoDBStore, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for n in (1, 2, 3):
        store.keep(KEY, a_build(n))
    (item,) = [i for i in client.scan(TableName=store.table)["Items"] if i["region"]["S"].endswith("T2")]
    client.put_item(TableName=store.table, Item=item | {"build": {"M": {"token": {"N": "1"}}}})
    assert list(store.history(KEY)) == [a_build(3), a_build(1)]
    assert list(store.history(KEY, limit=2)) == [a_build(3), a_build(1)]
    assert "left out of the history" in caplog.text


def test_history_comes_in_pages(store: DynamoDBStore, client: Any) -> None:
    record = Record()
    for n in range(4):
        store.swap(KEY, expected=record, new=record.swapped(f"W{n}"), history=(a_build(n),))
        record = record.swapped(f"W{n}")
    for item in client.scan(TableName=store.table)["Items"]:
        client.put_item(TableName=store.table, Item=item | {"filler": {"S": "x" * 350_000}})
    assert list(store.history(KEY)) == [a_build(n) for n in (3, 2, 1, 0)]


def test_a_swap_with_history_whose_answer_was_lost(store: DynamoDBStore) -> None:
    LosesAnswers(store, operation="TransactWriteItems")
    new = Record(lastbuild=Decimal(5)).swapped("W1")
    reply = store.swap(KEY, expected=Record(), new=new, history=(a_build(1),))
    assert reply in (Swapped(record=new), Lost(current=new))  # the service knows the request again, or we do
    assert list(store.history(KEY)) == [a_build(1)]


class Conflicts:
    """A client whose first writes meet another one under way."""

    def __init__(self, times: int, error: ClientError) -> None:
        self.left, self.error, self.asked = times, error, 0

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name not in {"update_item", "transact_write_items"}:
            raise AttributeError(name)

        def write(**_: object) -> dict[str, Any]:
            self.asked += 1
            if self.asked <= self.left:
                raise self.error
            return {}

        return write


def cancelled(*codes: str) -> ClientError:
    """A cancelled transaction."""
    reasons = [{"Code": code, "Message": "why"} for code in codes]
    return client_errors("TransactionCanceledException", "Transaction cancelled", CancellationReasons=reasons)


@pytest.mark.parametrize(
    "error",
    [
        client_errors("TransactionConflictException", "Transaction is ongoing for the item"),
        client_errors("ReplicatedWriteConflictException", "conflict"),
        cancelled("TransactionConflict", "None"),
        cancelled("None", "TransactionConflict"),
    ],
)
def test_a_write_under_way_is_waited_for(error: ClientError) -> None:
    for times, fine in ((CONFLICTS - 1, True), (CONFLICTS, False)):
        client: Any = Conflicts(times, error)
        store = DynamoDBStore("builds", region="eu-west-1", client=client, clock=SetClock())
        new = Record().swapped("W")
        if fine:
            assert store.swap(KEY, expected=Record(), new=new) == Swapped(record=new)
        else:
            with pytest.raises(StoreThrottled, match="nothing was written"):
                store.swap(KEY, expected=Record(), new=new)
        assert client.asked == CONFLICTS


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "ThrottlingError"), StoreThrottled),
        (("ProvisionedThroughputExceeded",), StoreThrottled),
        (("None", "ValidationError"), StoreError),
        (("SomethingNew",), StoreError),
        ((), StoreUnavailable),  # no answer of DynamoDB's
    ],
)
def test_why_a_transaction_was_cancelled(codes: tuple[str, ...], kind: type[StoreError]) -> None:
    with pytest.raises(StoreError) as caught:
        failing(cancelled(*codes)).swap(KEY, expected=Record(), new=Record().swapped("W"), history=(a_build(1),))
    assert type(caught.value) is kind


# --- answers that are lost -----------------------------------------------------------------------


class LosesAnswers:
    """Lets a write through, and loses its answer, so many times."""

    def __init__(self, store: DynamoDBStore, times: int = 1, operation: str = "UpdateItem") -> None:
        self.left = times
        client: Any = store.connection.client("testing")
        self.session = client._endpoint.http_session
        client.meta.events.register(f"before-send.dynamodb.{operation}", self)

    def __call__(self, request: AWSRequest, **_: object) -> None:
        if self.left:
            self.left -= 1
            self.session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)


def test_a_fold_whose_answer_was_lost_is_recognised(store: DynamoDBStore) -> None:
    store.swap(KEY, expected=Record(), new=deferred())
    LosesAnswers(store)
    lost = store.fold(KEY, expected=deferred(), fold=a_fold(1))
    assert lost == Lost(current=a_fold(1).joined_to(deferred()))


def test_a_swap_whose_answer_was_lost_is_recognised(store: DynamoDBStore) -> None:
    LosesAnswers(store)
    new = Record(lastbuild=Decimal(5)).swapped("W1")
    assert store.swap(KEY, expected=Record(), new=new) == Lost(current=new)


def test_without_any_answer_the_write_may_be_in(store: DynamoDBStore) -> None:
    LosesAnswers(store, times=TRIES)
    with pytest.raises(StoreUnavailable, match="may or may not be in") as caught:
        claim(store)
    assert not isinstance(caught.value, StoreThrottled)
    assert "writing site-build (eu-west-1)" in str(caught.value)
    assert store.get(KEY) == claimed()


@pytest.mark.parametrize(
    ("code", "tries", "kind", "hint"),
    [
        ("ThrottlingException", TRIES - 1, StoreUnavailable, "Trigger again"),
        ("ValidationException", 1, StoreUnavailable, "Trigger again"),
        ("OptInRequired", 1, StoreUnavailable, "Trigger again"),
        ("ExpiredTokenException", 1, StoreDenied, "Renew the AWS credentials"),
        ("AccessDeniedException", 1, StoreDenied, "Allow dynamodb:UpdateItem on table"),
        ("ResourceNotFoundException", 1, StoreMissing, "`holdoff store init`"),
    ],
)
def test_whatever_comes_after_a_lost_answer_the_write_may_be_in(
    store: DynamoDBStore, code: str, tries: int, kind: type[StoreError], hint: str
) -> None:
    LosesAnswers(store)
    answers = _Answering(store, 400, code)
    with pytest.raises(StoreError, match=rf"; the write may or may not be in\. {hint}") as caught:
        claim(store)
    assert type(caught.value) is kind
    assert answers.given == tries
    assert store.get(KEY) == claimed()


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        SSLError(endpoint_url="https://127.0.0.1:9", error="CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_where_tries_are_not_seen_no_connection_at_last_says_nothing_of_those_before(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match=r"did not answer.*; the write may or may not be in\. Trigger again"):
        claim(failing(error))
    with pytest.raises(StoreUnavailable, match="did not answer") as caught:
        failing(error).get(KEY)
    assert "write" not in str(caught.value)


def test_throttled_throughout_nothing_was_written(store: DynamoDBStore) -> None:
    answers = _Answering(store, 400, "ThrottlingException")
    with pytest.raises(StoreThrottled, match="nothing was written"):
        claim(store)
    assert answers.given == TRIES


def test_an_internal_error_may_have_written(store: DynamoDBStore) -> None:
    _Answering(store, 500, "InternalServerError")
    with pytest.raises(StoreUnavailable, match="may or may not be in"):
        claim(store)


class _Answering:
    """Answers every write with an error instead of sending it."""

    def __init__(self, store: DynamoDBStore, status: int, code: str) -> None:
        self.given, self.status = 0, status
        self.body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}).encode()
        botocore_events(store).register_last("before-send.dynamodb.UpdateItem", self)

    def __call__(self, request: AWSRequest, **_: object) -> Any:
        from botocore.awsrequest import AWSResponse

        self.given += 1
        return AWSResponse(request.url, self.status, {}, _Raw(self.body))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.body


def test_time_outs_and_retries_stay_well_under_the_lease() -> None:
    store = DynamoDBStore("builds", region="eu-west-1")
    client: Any = store.connection.client("testing")
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (LIMITS.connect_s, LIMITS.read_s)
    assert config.retries == {"mode": "standard", "total_max_attempts": TRIES}
    assert LIMITS.longest_ms == 1000 * (3 * (2 + 2 + 4) + (1 + 5) + (2 + 5)) == 37_000
    store.close()


# --- answers that are not the service's --------------------------------------------------------------------------

PAGES = [b"<html>Sign in to the network</html>", b"{}", b"null", b"[]", b'"ok"', b"", b"1", b'{"Item": 5}']


class Proxy:
    """Answers every request itself, with status 200."""

    def __init__(self, store: DynamoDBStore, body: bytes, **headers: str) -> None:
        self.body, self.headers = body, headers
        botocore_events(store).register_last("before-send.dynamodb", self)

    def __call__(self, request: AWSRequest, **_: object) -> Any:
        from botocore.awsrequest import AWSResponse

        return AWSResponse(request.url, 200, self.headers, _Raw(self.body))


def steps(store: DynamoDBStore) -> list[tuple[bool, Callable[[], object]]]:
    """All that a store does, and whether it writes."""

    def swap(*history: Finished) -> object:
        return store.swap(KEY, expected=Record(), new=Record().swapped("W"), history=history)

    return [
        (False, lambda: store.get(KEY)),
        (False, lambda: store.item(KEY)),
        (True, swap),
        (True, lambda: swap(a_build(1))),
        (True, lambda: store.fold(KEY, expected=deferred(), fold=a_fold(1))),
        (True, lambda: store.keep(KEY, a_build(1))),
        (False, lambda: list(store.due(NOW_MS))),
        (False, lambda: list(store.gates())),
        (False, lambda: list(store.gates("site-build"))),
        (False, lambda: list(store.history(KEY))),
        (False, store.check),
        (False, store.initialise),
    ]


@pytest.mark.parametrize("body", PAGES)
def test_a_200_that_is_not_the_services_is_no_answer(body: bytes) -> None:
    store = DynamoDBStore("builds", region="eu-west-1", endpoint="http://127.0.0.1:9")
    Proxy(store, body, Date="Thu, 01 Jan 2099 00:00:00 GMT")
    for writes, step in steps(store):
        with pytest.raises(StoreUnavailable) as caught:
            step()
        assert store.clock_offset_ms() == 0, "by the proxy's clock"
        assert ("may or may not be in" in str(caught.value)) is writes
        assert ("an event whose id is in the store counts once" in str(caught.value)) is writes
    store.close()


ODD = [
    {"Item": 5},
    {"Item": {"cb_project": "site-build"}},
    {"Item": {"lastbuild": {"N": "1e999999999"}}},
    {"Item": {"lastbuild": {"N": "five"}}},
    {"Item": {"lastbuild": {"Q": "5"}}},
    {"Item": {"lastbuild": {}}},
    {"Items": None, "Attributes": None, "Table": [], "TimeToLiveDescription": 3, "Item": []},
    {"Items": [{}], "Attributes": {"a": "b"}, "Table": {}, "Item": {"a": None}},
    {"Items": [5], "Attributes": 3, "Table": {"TableStatus": "ACTIVE"}, "Item": "x"},
]


class Odd:
    """A client of another kind, whose answers are of no shape that DynamoDB gives."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name == "meta":
            raise AttributeError(name)
        return lambda **_: self.answer


@pytest.mark.parametrize("answer", [*ODD, None, [], 5, "<html>"])
def test_an_answer_of_another_shape_is_none(answer: object) -> None:
    odd: Any = Odd(answer)
    store = DynamoDBStore("builds", region="eu-west-1", client=odd, clock=SetClock())
    told = []
    for _, step in steps(store):
        try:
            step()
        except StoreError as error:  # and never anything else
            told.append(str(error))
    assert any("not DynamoDB's answer" in line for line in told)


ODD_ERRORS = [
    KeyError("x"),
    TypeError("y"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "z"),
    client_errors("TransactionCanceledException", "why", CancellationReasons=["odd"]),
    client_errors("ConditionalCheckFailedException", "why", Item={"lastbuild": "odd"}),
    client_errors("Odd", "why", status="odd"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("error", ODD_ERRORS)
def test_whatever_a_client_raises_leaves_as_an_error_of_ours(error: Exception) -> None:
    for _, step in steps(failing(error)):
        with pytest.raises(StoreError):
            step()


def test_what_never_left_this_machine_was_not_written(store: DynamoDBStore) -> None:
    def fail(**_: object) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    botocore_events(store).register("before-call.dynamodb", fail)
    with pytest.raises(StoreError, match=r"could not be asked, while writing .*\. See the AWS settings") as caught:
        claim(store)
    assert not isinstance(caught.value, StoreUnavailable)


# --- many gates ----------------------------------------------------------------------------------


def _waiting(store: DynamoDBStore, key: GateKey, due_ms: int | None) -> None:
    store.swap(key, expected=store.get(key), new=Record(due_ms=due_ms).swapped("W"))


@pytest.mark.parametrize("indexed", [True, False])
def test_due_finds_the_longest_overdue_first(
    store: DynamoDBStore, on_snippet: DynamoDBStore, client: Any, indexed: bool
) -> None:
    store = store if indexed else on_snippet
    a, b, c, d = (GateKey(name, "eu-west-1") for name in "abcd")
    for key, due_ms in [(a, NOW_MS), (b, NOW_MS - 1), (c, NOW_MS + 1), (d, None)]:
        _waiting(store, key, due_ms)
    history = {"due": {"N": "1"}, "due_in": {"S": "holdoff"}}
    client.put_item(
        TableName=store.table,
        Item={"cb_project": {"S": "a"}, "region": {"S": "eu-west-1#build#1"}, **history},
    )
    client.put_item(
        TableName=store.table,
        Item={"cb_project": {"S": "line\nbreak"}, "region": {"S": "eu-west-1"}, **history},
    )
    assert list(store.due(NOW_MS)) == [b, a]
    _waiting(store, b, None)
    _waiting(store, a, NOW_MS + 5)
    assert list(store.due(NOW_MS)) == []
    assert list(store.due(NOW_MS + 5)) == [c, a]


def test_a_due_that_is_no_number_is_not_found(on_snippet: DynamoDBStore, client: Any) -> None:
    put(on_snippet, client, due={"S": "1"})
    assert list(on_snippet.due(NOW_MS)) == []


@pytest.mark.parametrize("indexed", [True, False])
def test_a_due_that_is_no_instant_stops_no_other_gate(
    store: DynamoDBStore, on_snippet: DynamoDBStore, client: Any, indexed: bool
) -> None:
    store = store if indexed else on_snippet
    _waiting(store, KEY, NOW_MS)
    odd = [GateKey(number, KEY.region) for number in ("-9E+125", "-1", "1E-130", "1.5")]
    for key in odd:
        put(store, client, key, due={"N": key.project}, due_in={"S": "holdoff"})
    assert list(store.due(NOW_MS)) == [*odd, KEY]
    for key in odd:
        with pytest.raises(RecordInvalid, match="due is"):
            store.get(key)


def test_a_missing_index_is_told_once_and_used_once_it_is_there(
    stores: Stores, snippet_table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = stores.new(snippet_table.name)
    asked: list[str] = []
    botocore_events(store).register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        assert list(store.due(NOW_MS)) == []
    assert asked == 3 * ["Query", "Scan"]
    said = [r.getMessage() for r in caplog.records if INDEX in r.getMessage()]
    assert len(said) == 1
    assert "holdoff store init" in said[0]
    stores.new(snippet_table.name).initialise()
    asked.clear()
    assert list(store.due(NOW_MS)) == []
    assert asked == ["Query"]


def test_gates_are_listed_in_order_without_history(store: DynamoDBStore, client: Any) -> None:
    keys = [GateKey(p, r) for p in ("b", "a", "ab") for r in ("us-east-1", "eu-west-1")]
    for key in keys:
        _waiting(store, key, None)
    for sort_key in ("eu-west-1#build#1", "us-east-1#build#1"):
        client.put_item(TableName=store.table, Item={"cb_project": {"S": "a"}, "region": {"S": sort_key}})
    written = Record().swapped("W")
    assert list(store.gates()) == [(key, written) for key in sorted(keys)]
    assert [key.region for key, _ in store.gates("a")] == ["eu-west-1", "us-east-1"]
    assert list(store.gates("none")) == []


def test_gates_come_in_pages(store: DynamoDBStore, client: Any) -> None:
    for n in range(4):
        put(store, client, GateKey("big", f"r{n}"), filler={"S": "x" * 350_000})
    assert len(list(store.gates())) == len(list(store.gates("big"))) == 4


def test_a_gate_that_cannot_be_read_comes_as_its_error(store: DynamoDBStore, client: Any) -> None:
    broken = GateKey("broken", "eu-west-1")
    put(store, client, broken, lastbuild={"S": "1"})
    put(store, client, GateKey("line", "eu-west-1"))
    client.put_item(TableName=store.table, Item=plain_key() | {"cb_project": {"S": "a\tb"}})  # no gate has such a key
    _waiting(store, KEY, None)
    (first, error), *others = list(store.gates())
    assert first == broken
    assert isinstance(error, RecordInvalid)
    assert "broken (eu-west-1): lastbuild" in str(error)
    assert [key.project for key, _ in others] == ["line", "site-build"]
    [(_, error)] = list(store.gates("broken"))
    assert isinstance(error, RecordInvalid)


# --- the table -----------------------------------------------------------------------------------


def test_a_new_table_is_right(stores: Stores, client: Any) -> None:
    store = stores.new()
    assert store.check() == [f"{store.url}: there is no such table; `holdoff store init` creates it"]
    done = store.initialise()
    assert [line.split()[0] for line in done] == ["created", "turned"]
    assert store.initialise() == []
    assert store.check() == []
    table = client.describe_table(TableName=store.table)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == SNIPPETS_KEYS
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_old_snippets_table_is_given_what_it_lacks(
    on_snippet: DynamoDBStore, snippet_table: Any, client: Any
) -> None:
    snippet(snippet_table, *_names(), 5)
    waiting = GateKey("docs", "eu-west-1")
    _waiting(on_snippet, waiting, 5)
    items = client.scan(TableName=on_snippet.table)["Items"]
    wrong = on_snippet.check()
    assert [re.search(r"no index|1 writes|expiry", line) is not None for line in wrong] == [True] * 3
    assert list(on_snippet.due(5)) == [waiting]
    assert on_snippet.initialise() == [
        "added the index holdoff-due",
        "turned on expiry (time to live) by expires",
    ]
    assert on_snippet.initialise() == []
    assert len(on_snippet.check()) == 1
    assert "1 writes a second are provisioned" in on_snippet.check()[0]
    assert client.scan(TableName=on_snippet.table)["Items"] == items
    assert list(on_snippet.due(5)) == [waiting]
    assert snippet(snippet_table, *_names(), 700) == "built"


def test_a_table_with_other_keys_is_refused(stores: Stores, client: Any) -> None:
    name = new_name()
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
    store = stores.new(name)
    right = r"id \(N\); cb_project \(S\) and region \(S\) are right"
    with pytest.raises(StoreMismatch, match=right):
        store.initialise()
    (line,) = store.check()
    assert re.search(right, line)
    for step in (lambda: store.get(KEY), lambda: claim(store)):
        with pytest.raises(StoreMismatch, match="cb_project"):
            step()


def test_a_sort_key_of_another_type_is_refused(stores: Stores, client: Any) -> None:
    name = new_name()
    client.create_table(
        TableName=name,
        KeySchema=SNIPPETS_KEYS,
        AttributeDefinitions=[
            {"AttributeName": "cb_project", "AttributeType": "S"},
            {"AttributeName": "region", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    store = stores.new(name)
    with pytest.raises(StoreMismatch, match=r"cb_project \(S\) and region \(N\)"):
        store.initialise()
    with pytest.raises(StoreError) as caught:
        claim(store)
    assert isinstance(caught.value, StoreMismatch)


def test_an_index_with_other_keys_is_refused(stores: Stores, client: Any) -> None:
    name = new_name()
    client.create_table(
        TableName=name,
        KeySchema=SNIPPETS_KEYS,
        AttributeDefinitions=_string("cb_project") + _string("region") + _string("other"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": INDEX,
                "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    store = stores.new(name)
    with pytest.raises(StoreMismatch, match=r"index holdoff-due are other \(S\)"):
        store.initialise()
    assert any("index holdoff-due are other (S)" in line for line in store.check())


def _string(name: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"}]


def test_two_can_initialise_at_once(stores: Stores) -> None:
    name = new_name()
    some = [stores.new(name) for _ in range(4)]
    with ThreadPoolExecutor(len(some)) as pool:
        done = list(pool.map(DynamoDBStore.initialise, some))
    assert sum(line.startswith("created") for lines in done for line in lines) == 1


def test_expiry_by_another_attribute_is_left_alone_and_told(stores: Stores, client: Any) -> None:
    name, attribute = new_name(), "lastbuild"
    client.create_table(
        TableName=name,
        KeySchema=SNIPPETS_KEYS,
        AttributeDefinitions=_string("cb_project") + _string("region"),
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute})
    store = stores.new(name)
    assert store.initialise() == ["added the index holdoff-due"]
    (line,) = store.check()
    assert "expire by lastbuild, not by expires: a gate may be deleted with what is pending" in line
    assert "turn that off; `holdoff store init` then turns on the right one" in line
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": attribute})
    assert store.initialise() == ["turned on expiry (time to live) by expires"]
    assert store.check() == []


# --- what goes wrong -----------------------------------------------------------------------------

USER = "User: arn:aws:iam::1:user/x is not authorized to perform: "
ERRORS = [
    ("ResourceNotFoundException", "Requested resource not found", StoreMissing, "store init"),
    (
        "AccessDeniedException",
        f"{USER}dynamodb:UpdateItem on resource",
        StoreDenied,
        "Allow dynamodb:UpdateItem on table builds",
    ),
    ("AccessDeniedException", "no", StoreDenied, "Allow dynamodb:UpdateItem on table builds"),
    (
        "AccessDeniedException",
        "KMS key access denied error: AWSKMSException: The ciphertext refers to a customer master key that ...",
        StoreDenied,
        "Allow kms:Decrypt on the KMS key of table builds",
    ),
    (
        "AccessDeniedException",
        f"{USER}kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/9 because no resource-based policy allows it",
        StoreDenied,
        "Allow kms:Decrypt on arn:aws:kms:eu-west-1:1:key/9, in the policy of this process and in the key's own",
    ),
    (
        "AccessDeniedException",
        f"{USER}dynamodb:UpdateItem on resource: arn:aws:dynamodb:x because no VPC endpoint policy allows the action",
        StoreDenied,
        "Allow dynamodb:UpdateItem on arn:aws:dynamodb:x in the VPC endpoint policy, too",
    ),
    ("ExpiredTokenException", "The security token is expired", StoreDenied, "Renew the AWS credentials"),
    ("UnrecognizedClientException", "The security token is invalid", StoreDenied, "Renew the AWS credentials"),
    (
        "InvalidSignatureException",
        "Signature expired: 20261124T000000Z is now earlier than 20261124T000500Z",
        StoreDenied,
        "set this machine's clock",
    ),
    (
        "ValidationException",
        "The provided key element does not match the schema",
        StoreMismatch,
        r"cb_project \(S\)",
    ),
    (
        "ValidationException",
        "One or more parameter values were invalid: Type mismatch for key region",
        StoreMismatch,
        r"region \(S\)",
    ),
    (
        "ValidationException",
        "Item size to update has exceeded the maximum allowed size",
        StoreError,
        "400 KB",
    ),
    ("ValidationException", "ExpressionAttributeNames unused", StoreError, "unused"),
    (
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded",
        StoreThrottled,
        "nothing was written",
    ),
    ("ThrottlingException", "Rate exceeded", StoreThrottled, "nothing was written"),
    ("RequestLimitExceeded", "Throughput exceeds", StoreThrottled, "nothing was written"),
    ("ReplicatedWriteConflictException", "conflict", StoreThrottled, "Trigger again"),
    ("TransactionConflictException", "conflict", StoreThrottled, "Trigger again"),
    ("SomethingNewException", "what now", StoreError, "SomethingNewException: what now"),
]


@pytest.mark.parametrize(("code", "said", "kind", "hint"), ERRORS)
def test_errors_of_the_service(code: str, said: str, kind: type[StoreError], hint: str) -> None:
    store = failing(client_errors(code, said))
    with pytest.raises(StoreError, match=hint) as caught:
        claim(store)
    conflict = isinstance(caught.value, Conflict)
    assert type(caught.value) is kind or (conflict and kind is StoreThrottled)
    assert "dynamodb://builds?region=eu-west-1" in str(caught.value)
    assert "writing site-build (eu-west-1)" in str(caught.value)


@pytest.mark.parametrize("status", [500, 503])
def test_errors_inside_the_service(status: int) -> None:
    store = failing(client_errors("InternalServerError", "Internal server error", status))
    with pytest.raises(StoreUnavailable, match="may or may not be in") as caught:
        store.swap(KEY, expected=Record(), new=Record().swapped("W"))
    assert caught.value.retryable
    with pytest.raises(StoreUnavailable) as caught:
        store.get(KEY)
    assert "write" not in str(caught.value)


def test_a_query_that_is_denied_names_the_index() -> None:
    error = client_errors("AccessDeniedException", "no")
    error.operation_name = "Query"
    with pytest.raises(StoreDenied, match="Allow dynamodb:Query on table builds and its index"):
        list(failing(error).due(NOW_MS))


def test_a_table_that_is_not_there(endpoint: str) -> None:
    store = DynamoDBStore("not-there", endpoint=endpoint)
    steps: list[Callable[[], object]] = [
        lambda: store.get(KEY),
        lambda: claim(store),
        lambda: store.swap(KEY, expected=Record(), new=Record().swapped("W")),
        lambda: list(store.gates()),
        lambda: list(store.due(NOW_MS)),
    ]
    for step in steps:
        with pytest.raises(StoreMissing, match="holdoff store init"):
            step()
    store.close()


def test_an_item_that_is_too_large(store: DynamoDBStore, client: Any) -> None:
    put(store, client, filler={"S": "x" * 400_000})
    new = Record(built="x" * 200, events=tuple(f"{n:0200}" for n in range(60))).swapped("W" * 8)
    with pytest.raises(StoreError, match="400 KB"):
        store.swap(KEY, expected=Record(), new=new)


def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: refused
        store = DynamoDBStore("builds", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(StoreUnavailable, match=r"nothing was written\. Check the network, the endpoint"):
            claim(store)
        with pytest.raises(StoreUnavailable, match=r"\)\. Check the network, the endpoint"):
            store.get(KEY)
    store.close()


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    store = DynamoDBStore("builds")
    with pytest.raises(ConfigError, match=r"builds is ''; write dynamodb://TABLE\?region=eu-west-1, or set AWS_REGION"):
        store.get(KEY)
    with pytest.raises(ConfigError, match="set AWS_REGION"):
        _ = store.region
    with pytest.raises(ConfigError, match="set AWS_REGION"):
        _ = DynamoDBStore("builds", client=object()).region  # a client of one's own that does not say


def test_the_region_of_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    store = DynamoDBStore("builds")
    assert store.region == "eu-north-1"
    store.close()


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    local = DynamoDBStore("builds", endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreDenied, match="for a local endpoint any letters will do"):
        local.get(KEY)
    there = DynamoDBStore("builds")
    with pytest.raises(StoreDenied, match="AWS_PROFILE"):
        there.get(KEY)
    for store in (local, there):
        store.close()


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(StoreDenied, match="missing"):
        DynamoDBStore("builds").get(KEY)


@pytest.mark.parametrize(
    ("environment", "config"),
    [
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nope", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"}, ""),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nope"}, ""),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"}, ""),
        ({}, "credential_process = /no/such/program"),
        ({}, "credential_process = echo no JSON"),
        ({}, "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nope"),
        ({}, "role_arn = x\nsource_profile = b\n[profile b]\naws_access_key_id = A\naws_secret_access_key = B"),
        ({}, "sso_session = nope\nsso_account_id = 123456789012\nsso_role_name = r"),
    ],
)
def test_settings_that_lead_to_no_credentials_are_no_refusal_of_the_services(
    environment: dict[str, str], config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text(f"[default]\n{config}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name, value in {**environment, "AWS_CONFIG_FILE": str(tmp_path / "config")}.items():
        monkeypatch.setenv(name, value)
    store = DynamoDBStore("builds", endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"could not be asked, while .*\. See the AWS settings of this process"):
        claim(store)
    store.close()


def test_a_process_without_credentials_is_not_told_that_the_service_refused_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = DynamoDBStore("builds", region="eu-west-1", endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreDenied, match=r"be asked with .*Unable to locate .*\. Give this process AWS cred"):
        claim(store)
    store.close()


def test_who_lends_credentials_and_stalls_is_not_waited_for_for_minutes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text("[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = b\n")
    (tmp_path / "keys").write_text("[b]\naws_access_key_id = A\naws_secret_access_key = B\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    assert LENDING.longest_ms + LIMITS.longest_ms == 59_000  # under the lease of a claim
    monkeypatch.setattr(aws_client, "LENDING", Limits(connect_s=0.1, read_s=0.1, tries=1))
    with Wire() as sts:
        sts.script[:] = ["hang after"]
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        store = DynamoDBStore("builds", endpoint="http://127.0.0.1:9")
        with pytest.raises(StoreUnavailable, match=r"could not be asked, .* \(Read timeout .*\); nothing was written"):
            claim(store)
        until(lambda: sts.requests)
        assert len(sts.requests) == 1
    store.close()


@pytest.mark.dynamodb
def test_credentials_that_are_refused(dynamodb_local_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "not-alphanumeric")
    store = DynamoDBStore("builds", endpoint=dynamodb_local_url)
    with pytest.raises(StoreDenied, match="UnrecognizedClientException"):
        store.get(KEY)
    store.close()


@pytest.mark.parametrize("table", ["", "ab", "a" * 256, "a table", "tables/a"])
def test_a_name_that_no_table_has(table: str) -> None:
    with pytest.raises(ConfigError, match="table is"):
        DynamoDBStore(table)


def test_an_endpoint_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:8000"):
        DynamoDBStore("builds", region="eu-west-1", endpoint="no url").get(KEY)


@pytest.mark.parametrize("named_by", ["endpoint", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_an_endpoint_with_a_password_is_refused(named_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request would use it, and botocore's errors would show it."""
    endpoint = "https://me:secret@proxy.example/ddb"
    if named_by != "endpoint":
        monkeypatch.setenv(named_by, endpoint)
    with pytest.raises(ConfigError, match=r"is 'https://\.\.\.@proxy.example/...'; write a URL such as") as caught:
        DynamoDBStore("builds", region="eu-west-1", endpoint=endpoint if named_by == "endpoint" else None).get(KEY)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


ARN = "arn:aws:dynamodb:eu-north-1:123456789012:table/builds"


@pytest.mark.parametrize("url", [f"dynamodb://{ARN}", ARN, f"{ARN}?region=eu-north-1"])
def test_a_table_may_be_named_by_its_arn(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    store = open_store(url)
    assert isinstance(store, DynamoDBStore)
    assert (store.table, store.region) == (ARN, "eu-north-1")
    assert store.url == f"dynamodb://{ARN}?region=eu-north-1"
    assert isinstance(open_store(store.url), DynamoDBStore)


@pytest.mark.ministack
def test_by_its_arn_it_is_the_same_table(ministack_url: str) -> None:
    """DynamoDB Local knows no ARNs."""
    named = DynamoDBStore("by-arn", region="eu-west-1", endpoint=ministack_url)
    named.initialise()
    by_arn = DynamoDBStore("arn:aws:dynamodb:eu-west-1:000000000000:table/by-arn", endpoint=ministack_url)
    assert by_arn.check() == []
    by_arn.swap(KEY, expected=Record(), new=Record(lastbuild=Decimal(5)).swapped("AAAAAAAA"))
    assert named.get(KEY).lastbuild == 5
    for store in (named, by_arn):
        store.close()


def test_a_region_that_contradicts_the_arn_is_refused() -> None:
    with pytest.raises(ConfigError, match="region is 'eu-west-1'; write eu-north-1, as the table's ARN says"):
        open_store(f"{ARN}?region=eu-west-1")


@pytest.mark.parametrize("url", ["arn:aws:s3:::bucket", ARN.replace("table/", "index/"), ARN.replace("1234", "")])
def test_an_arn_of_no_table_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="or its ARN"):
        open_store(url)


# --- the client ----------------------------------------------------------------------------------


def test_a_closed_store_connects_again(store: DynamoDBStore) -> None:
    store.close()
    assert store.get(KEY) == Record()
    store.close()
    store.close()


def test_a_given_client_is_left_open(store: DynamoDBStore, client: Any) -> None:
    other = DynamoDBStore(store.table, client=client)
    assert other.get(KEY) == Record()
    other.close()
    assert other.get(KEY) == Record()
    assert other.region == client.meta.region_name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_makes_its_own_connections(store: DynamoDBStore) -> None:
    store.get(KEY)
    mine = store.connection.client("testing")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if store.connection.client("testing") is not mine and store.get(KEY) == Record() else 1
        finally:  # else it would go on as a second pytest
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.connection.client("testing") is mine
    assert store.get(KEY) == Record()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_lock_that_is_held_during_a_fork_does_not_stop_the_child(store: DynamoDBStore) -> None:
    from holdoff.aws import client as aws

    held, go_on = Event(), Event()

    def hold() -> None:
        with aws._lock:
            held.set()
            go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait(30)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(60)
                status = 0 if store.get(KEY) == Record() else 1
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        go_on.set()
    assert os.waitstatus_to_exitcode(status) == 0


# --- the clock -----------------------------------------------------------------------------------


class SetClock:
    """A clock that a test sets."""

    def __init__(self, ms: int = NOW_MS) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        """What it was set to."""
        return self.ms

    def sleep(self, ms: int) -> None:
        """At once."""
        self.ms += ms

    def random(self, bits: int) -> int:
        """Not very."""
        return 0


def test_the_offset_of_an_engine_is_measured(
    store: DynamoDBStore, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.clock_offset_ms() == 0
    slow = stores.new(store.table, clock=_Behind())
    claim(slow)
    assert abs(slow.clock_offset_ms() - 90_000) < 1_100
    claim(slow, "W2")  # lost: an error answer has a date too
    slow.get(KEY)
    assert len([r for r in caplog.records if r.name == "holdoff.aws.clock"]) == 1


class _Behind(SetClock):
    def now_ms(self) -> int:
        from holdoff.clock import SystemClock

        return SystemClock().now_ms() - 90_000
