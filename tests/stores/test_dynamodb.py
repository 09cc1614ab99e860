"""The DynamoDB store on DynamoDB Local and on ministack; its errors also on a client that only fails."""

import contextlib
import itertools
import json
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from email.utils import formatdate
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings

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
from holdoff.core.record import Claim, Finished, GateKey, Opening, Pending, Record, Request
from holdoff.core.units import MAX_INSTANT_MS
from holdoff.stores.base import Store
from holdoff.stores.dynamodb import CONFLICTS, SCAN_FOR_MS, DynamoDBStore
from holdoff.stores.dynamodb_client import CONNECT_S, READ_S, TRIES, ServiceClock
from holdoff.stores.dynamodb_errors import Conflict
from holdoff.stores.dynamodb_item import INDEX, TOUCHED, decoded_item
from holdoff.stores.memory import MemoryStore
from tests.conftest import FAKE_AWS
from tests.stores import strategies
from tests.stores.strategies import KEY, NOW_MS

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


def an_opening(
    write_id: str = "W1", *, at_ms: int = NOW_MS, event: str | None = None, force: bool = False
) -> Opening:
    """A claim at ``at_ms``, of a gate with the snippet's cooldown."""
    request = Request(project=KEY.project, region=KEY.region, reason="push")
    covers = Pending(request=request, count=1, first_ms=at_ms, last_ms=at_ms, due_ms=at_ms)
    claim = Claim(
        token=f"T-{write_id}",
        claimed_ms=at_ms,
        held_ms=at_ms,
        lease_until_ms=at_ms + 60_000,
        covers=covers,
        counted=True,
    )
    ready_if_ms = None if force else at_ms - COOLDOWN * 1000
    return Opening(write_id=write_id, claim=claim, ready_if_ms=ready_if_ms, event=event)


def swapped(reply: Swapped | Lost) -> Record:
    """The record of a write that must be in."""
    assert isinstance(reply, Swapped)
    return reply.record


def botocore_events(store: DynamoDBStore) -> Any:
    """The event hooks of the store's own client."""
    client: Any = store._connection._made("testing")
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


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(record=strategies.records)
def test_records_survive_a_swap(shared_store: DynamoDBStore, record: Record) -> None:
    key = fresh_key()
    in_gate = _of(record, key)
    assert shared_store.swap(key, expected=Record(), new=in_gate) == Swapped(in_gate)
    assert shared_store.get(key) == in_gate


def _of(record: Record, key: GateKey) -> Record:
    """The same record, its requests for another gate."""

    def moved(pending: Pending | None) -> Pending | None:
        return pending and replace(
            pending, request=replace(pending.request, project=key.project, region=key.region)
        )

    pending, claim, running = moved(record.pending), record.claim, record.running
    finished = record.finished and replace(record.finished, covers=moved(record.finished.covers))
    if claim is not None:
        claim = replace(claim, covers=moved(claim.covers) or claim.covers)
    if running is not None:
        running = replace(running, covers=moved(running.covers) or running.covers)
    return replace(record, pending=pending, claim=claim, running=running, finished=finished)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(old=strategies.records, new=strategies.records)
def test_a_swap_leaves_nothing_of_the_old_record(
    shared_store: DynamoDBStore, old: Record, new: Record
) -> None:
    key = fresh_key()
    old, new = _of(old, key), _of(new, key)
    shared_store.swap(key, expected=Record(), new=old)
    assert shared_store.swap(key, expected=old, new=new) == Swapped(new)
    assert shared_store.get(key) == new


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(pair=strategies.gates_and_openings())
def test_open_does_what_apply_does(
    shared_store: DynamoDBStore, pair: tuple[Record, Opening]
) -> None:
    key = fresh_key()
    record = _of(pair[0], key)
    claimed = _of(Record(claim=pair[1].claim), key).claim
    assert claimed is not None
    opening = replace(pair[1], claim=claimed)
    memory = MemoryStore()
    for store in (memory, shared_store):
        store.swap(key, expected=Record(), new=record)
    assert shared_store.open(key, opening) == memory.open(key, opening)
    assert shared_store.get(key) == memory.get(key)


def test_open_keeps_before_exactly(store: DynamoDBStore, client: Any) -> None:
    put(store, client, lastbuild={"N": "1795390000.1234567"})
    record = swapped(store.open(KEY, an_opening()))
    assert record.claim is not None
    assert record.claim.before == Decimal("1795390000.1234567")
    assert store.get(KEY) == record


def test_open_on_a_gate_that_never_built(store: DynamoDBStore, client: Any) -> None:
    absent, empty, null = fresh_key(), fresh_key(), fresh_key()
    put(store, client, empty)
    put(store, client, null, lastbuild={"NULL": True})
    for key in (absent, empty, null):
        record = swapped(store.open(key, an_opening()))
        assert record.claim is not None
        assert record.claim.before is None
        assert store.get(key).claim == record.claim


def test_before_goes_with_the_next_swap(store: DynamoDBStore, client: Any) -> None:
    opened = swapped(store.open(KEY, an_opening()))
    assert "before" in raw(store, client)
    taken = replace(opened, claim=opened.claim and replace(opened.claim, attempt=2)).written("W2")
    store.swap(KEY, expected=opened, new=taken)
    assert "before" not in raw(store, client)
    assert store.get(KEY) == taken


@pytest.mark.parametrize("lastbuild", ["1795395067.0000001", "1795395067.00000000000000000001"])
def test_a_cooldown_that_lacks_a_fraction_of_a_millisecond_is_not_over(
    store: DynamoDBStore, client: Any, lastbuild: str
) -> None:
    put(store, client, lastbuild={"N": lastbuild})
    assert store.open(KEY, an_opening()) == Lost(Record(lastbuild=Decimal(lastbuild)))
    put(store, client, lastbuild={"N": "1795395067"})
    assert isinstance(store.open(KEY, an_opening()), Swapped)


def test_a_forced_start_asks_for_no_cooldown(store: DynamoDBStore, client: Any) -> None:
    put(store, client, lastbuild={"N": "1795395667"})
    assert isinstance(store.open(KEY, an_opening()), Lost)
    assert isinstance(store.open(KEY, an_opening(force=True)), Swapped)


@pytest.mark.parametrize(
    "attributes",
    [
        {"lastbuild": {"S": "1"}},
        {"lastbuild": {"N": "-1"}},
        {"lastbuild": {"N": "1795395667000"}},
        {"lastbuild": {"BOOL": True}},
        {"events": {"S": "abc"}},
        {"events": {"SS": ["abc"]}},
        {"writes": {"S": "W0"}},
        {"running": {"S": "site-build:1"}},
        {"counts": {"N": "1"}},
        {"starts": {"N": "1"}},
        {"built": {"N": "1"}},
        {"claim": {"S": "mine"}},
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_broken_item_is_told_and_not_claimed(
    store: DynamoDBStore, client: Any, attributes: dict[str, Any], force: bool
) -> None:
    put(store, client, **attributes)
    before = raw(store, client)
    with pytest.raises(RecordInvalid, match=next(iter(attributes))):
        store.open(KEY, an_opening(force=force))
    with pytest.raises(RecordInvalid):
        store.get(KEY)
    assert raw(store, client) == before


@pytest.mark.parametrize("empty", [{"NULL": True}, {"L": []}])
def test_no_writes_is_no_writes(store: DynamoDBStore, client: Any, empty: dict[str, Any]) -> None:
    put(store, client, writes=empty, lastbuild={"NULL": True}, hold={"NULL": True})
    assert store.get(KEY) == Record()
    new = Record(lastbuild=Decimal(1), writes=("W1",))
    assert store.swap(KEY, expected=Record(), new=new) == Swapped(new)


def test_swap_compares_lastbuild_to_the_last_digit(store: DynamoDBStore) -> None:
    record = Record(lastbuild=Decimal("1795395667.1234567890123456789012345678"), writes=("W1",))
    store.swap(KEY, expected=Record(), new=record)
    near = replace(record, lastbuild=Decimal("1795395667.1234567890123456789012345679"))
    assert store.swap(KEY, expected=near, new=record.written("W2")) == Lost(record)
    assert store.swap(KEY, expected=record, new=near.written("W2")) == Swapped(near.written("W2"))
    assert store.get(KEY).lastbuild == near.lastbuild


def test_a_swap_of_what_is_gone_is_lost(store: DynamoDBStore) -> None:
    expected = Record(lastbuild=Decimal(5), writes=("W1",))
    assert store.swap(KEY, expected=expected, new=expected.written("W2")) == Lost(Record())
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
    opened = swapped(store.open(KEY, an_opening()))
    store.swap(KEY, expected=opened, new=replace(opened, claim=None).written("W2"))
    store.swap(KEY, expected=store.get(KEY), new=Record().written("W3"))
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
    assert set(item) - set(FOREIGN) == {"cb_project", "region", "writes"}


@settings(suppress_health_check=[HealthCheck.too_slow])
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
        assert record == Record(lastbuild=Decimal(number))
        new = record.written("W1")
        assert shared_store.swap(key, expected=record, new=new) == Swapped(new)
        return
    for act in (shared_store.get, lambda key: shared_store.open(key, an_opening(force=True))):
        with pytest.raises(RecordInvalid, match="lastbuild: is "):
            act(key)
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


def test_g7_items_of_the_old_snippet_are_gates(
    on_snippet: DynamoDBStore, snippet_table: Any
) -> None:
    now = NOW_MS // 1000
    assert snippet(snippet_table, *_names(), now - 700) == "created"
    assert on_snippet.get(KEY) == Record(lastbuild=Decimal(now - 700))
    assert snippet(snippet_table, *_names(), now - 50) == "built"
    assert on_snippet.open(KEY, an_opening()) == Lost(Record(lastbuild=Decimal(now - 50)))
    later = an_opening(at_ms=NOW_MS + 550_500)
    record = swapped(on_snippet.open(KEY, later))
    assert record.lastbuild == Decimal("1795396217.5")
    said = snippet(snippet_table, *_names(), now + 551)
    assert said == "The build last ran 1 seconds ago; exiting..."
    assert list(on_snippet.gates()) == [(KEY, record)]


def _names() -> tuple[str, str]:
    return KEY.project, KEY.region


def test_g7_the_old_snippets_write_is_seen_by_a_swap(
    on_snippet: DynamoDBStore, snippet_table: Any
) -> None:
    seen = swapped(on_snippet.open(KEY, an_opening()))
    now = NOW_MS // 1000 + 601
    assert snippet(snippet_table, *_names(), now) == "built"
    lost = on_snippet.swap(KEY, expected=seen, new=replace(seen, claim=None).written("W2"))
    assert lost == Lost(replace(seen, lastbuild=Decimal(now)))
    assert on_snippet.get(KEY) == replace(seen, lastbuild=Decimal(now))


def test_the_old_snippets_create_is_seen_by_a_swap(
    on_snippet: DynamoDBStore, snippet_table: Any
) -> None:
    nothing = on_snippet.get(KEY)
    snippet(snippet_table, *_names(), 5)
    lost = on_snippet.swap(KEY, expected=nothing, new=Record(lastbuild=Decimal(6)).written("W"))
    assert lost == Lost(Record(lastbuild=Decimal(5)))


def test_an_item_of_ours_is_json_for_the_old_snippets_encoder(
    on_snippet: DynamoDBStore, snippet_table: Any
) -> None:
    swapped(on_snippet.open(KEY, an_opening()))
    item = snippet_table.get_item(Key=dict(zip(("cb_project", "region"), _names(), strict=True)))
    assert json.loads(json.dumps(item["Item"], default=float))["lastbuild"] == NOW_MS / 1000


# --- races and requests --------------------------------------------------------------------------

THREADS = 16
ROUNDS = 25


def test_one_of_16_openings_wins(store: DynamoDBStore) -> None:
    for _ in range(ROUNDS):
        key = fresh_key()

        def claim(n: int, key: GateKey = key) -> Swapped | Lost:
            return store.open(key, an_opening(f"W{n}"))

        _check_one_winner(store, key, _race(claim))


def test_one_of_16_swaps_wins(store: DynamoDBStore) -> None:
    for _ in range(ROUNDS):
        key = fresh_key()
        seen = Record(lastbuild=Decimal("5.5"), writes=("W",))
        store.swap(key, expected=Record(), new=seen)

        def write(n: int, key: GateKey = key, seen: Record = seen) -> Swapped | Lost:
            return store.swap(key, expected=seen, new=seen.written(f"W{n}"))

        _check_one_winner(store, key, _race(write))


def test_one_of_16_mixed_claims_wins(store: DynamoDBStore) -> None:
    for _ in range(ROUNDS):
        key = fresh_key()

        def claim(n: int, key: GateKey = key) -> Swapped | Lost:
            if n % 2:
                return store.open(key, an_opening(f"W{n}"))
            new = an_opening(f"W{n}").apply(Record())
            assert new is not None
            return store.swap(key, expected=Record(), new=new)

        _check_one_winner(store, key, _race(claim))


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
    botocore_events(store).register(
        "before-send.dynamodb", lambda request, **_: asked.append(request.url)
    )

    def requests(step: Callable[[], object]) -> int:
        asked.clear()
        step()
        return len(asked)

    record = an_opening().apply(Record())
    assert record is not None
    assert requests(lambda: store.open(KEY, an_opening())) == 1
    assert requests(lambda: store.open(KEY, an_opening("W2"))) == 1
    assert requests(lambda: store.swap(KEY, expected=record, new=record.written("W3"))) == 1
    assert requests(lambda: store.swap(KEY, expected=record, new=record.written("W4"))) == 1
    assert requests(lambda: store.get(KEY)) == 1
    assert requests(lambda: list(store.due(2 * NOW_MS))) == 1


# --- history -------------------------------------------------------------------------------------


def a_build(n: int) -> Finished:
    """The n-th build."""
    at_ms = NOW_MS + n * 1000
    return Finished(
        build_id=f"site-build:{n}",
        token=f"T{n}",
        started_ms=at_ms,
        claimed_ms=at_ms,
        covered_ms=at_ms,
        ended_ms=at_ms,
    )


def test_history_goes_with_the_swap_and_is_no_gate(store: DynamoDBStore) -> None:
    record = Record()
    for n in (2, 1, 3):
        new = record.written(f"W{n}")
        assert store.swap(KEY, expected=record, new=new, history=(a_build(n),)) == Swapped(new)
        record = new
    assert list(store.history(KEY)) == [a_build(3), a_build(2), a_build(1)]
    assert list(store.gates()) == list(store.gates(KEY.project)) == [(KEY, record)]
    late = store.swap(KEY, expected=Record(), new=record.written("W9"), history=(a_build(9),))
    assert late == Lost(record)
    assert len(list(store.history(KEY))) == 3
    assert list(store.history(GateKey(KEY.project, "eu-west"))) == []
    ended = replace(a_build(3), succeeded=True)
    new = record.written("W4")
    store.swap(KEY, expected=record, new=new, history=(a_build(3), ended))
    assert list(store.history(KEY)) == [ended, a_build(2), a_build(1)]


def test_history_comes_in_pages(store: DynamoDBStore, client: Any) -> None:
    record = Record()
    for n in range(4):
        store.swap(KEY, expected=record, new=record.written(f"W{n}"), history=(a_build(n),))
        record = record.written(f"W{n}")
    for item in client.scan(TableName=store.table)["Items"]:
        client.put_item(TableName=store.table, Item=item | {"filler": {"S": "x" * 350_000}})
    assert list(store.history(KEY)) == [a_build(n) for n in (3, 2, 1, 0)]


def test_one_of_16_swaps_with_history_wins_against_openings(store: DynamoDBStore) -> None:
    for _ in range(ROUNDS):
        key = fresh_key()

        def claim(n: int, key: GateKey = key) -> Swapped | Lost:
            if n % 2:
                return store.open(key, an_opening(f"W{n}"))
            new = an_opening(f"W{n}").apply(Record())
            assert new is not None
            return store.swap(key, expected=Record(), new=new, history=(a_build(n),))

        _check_one_winner(store, key, _race(claim))
        winner = int(store.get(key).writes[0][1:])
        assert list(store.history(key)) == ([] if winner % 2 else [a_build(winner)])


def test_a_swap_with_history_whose_answer_was_lost(store: DynamoDBStore) -> None:
    LosesAnswers(store, operation="TransactWriteItems")
    new = Record(lastbuild=Decimal(5)).written("W1")
    reply = store.swap(KEY, expected=Record(), new=new, history=(a_build(1),))
    assert reply in (Swapped(new), Lost(new))  # the service knows the request again, or we do
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
    return client_errors(
        "TransactionCanceledException", "Transaction cancelled", CancellationReasons=reasons
    )


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
        new = Record().written("W")
        if fine:
            assert store.swap(KEY, expected=Record(), new=new) == Swapped(new)
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
        ((), StoreError),
    ],
)
def test_why_a_transaction_was_cancelled(codes: tuple[str, ...], kind: type[StoreError]) -> None:
    with pytest.raises(StoreError) as caught:
        failing(cancelled(*codes)).swap(
            KEY, expected=Record(), new=Record().written("W"), history=(a_build(1),)
        )
    assert type(caught.value) is kind


# --- answers that are lost -----------------------------------------------------------------------


class LosesAnswers:
    """Lets a write through, and loses its answer, so many times."""

    def __init__(self, store: DynamoDBStore, times: int = 1, operation: str = "UpdateItem") -> None:
        self.left = times
        client: Any = store._connection._made("testing")
        self.session = client._endpoint.http_session
        client.meta.events.register(f"before-send.dynamodb.{operation}", self)

    def __call__(self, request: AWSRequest, **_: object) -> None:
        if self.left:
            self.left -= 1
            self.session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)


def test_an_opening_whose_answer_was_lost_is_recognised(store: DynamoDBStore) -> None:
    LosesAnswers(store)
    lost = store.open(KEY, an_opening())
    assert isinstance(lost, Lost)
    assert lost.current == an_opening().apply(Record())
    assert lost.current.writes == ("W1",)


def test_a_swap_whose_answer_was_lost_is_recognised(store: DynamoDBStore) -> None:
    LosesAnswers(store)
    new = Record(lastbuild=Decimal(5)).written("W1")
    assert store.swap(KEY, expected=Record(), new=new) == Lost(new)


def test_without_any_answer_the_write_may_be_in(store: DynamoDBStore) -> None:
    LosesAnswers(store, times=TRIES)
    with pytest.raises(StoreUnavailable, match="may or may not be in") as caught:
        store.open(KEY, an_opening())
    assert not isinstance(caught.value, StoreThrottled)
    assert "claiming site-build (eu-west-1)" in str(caught.value)
    assert store.get(KEY) == an_opening().apply(Record())


def test_throttled_after_a_lost_answer_does_not_say_that_nothing_was_written(
    store: DynamoDBStore,
) -> None:
    LosesAnswers(store)
    answers = _Answering(store, 400, "ThrottlingException")
    with pytest.raises(StoreUnavailable, match="may or may not be in") as caught:
        store.open(KEY, an_opening())
    assert not isinstance(caught.value, StoreThrottled)
    assert answers.given == TRIES - 1


def test_throttled_throughout_nothing_was_written(store: DynamoDBStore) -> None:
    answers = _Answering(store, 400, "ThrottlingException")
    with pytest.raises(StoreThrottled, match="nothing was written"):
        store.open(KEY, an_opening())
    assert answers.given == TRIES


def test_an_internal_error_may_have_written(store: DynamoDBStore) -> None:
    _Answering(store, 500, "InternalServerError")
    with pytest.raises(StoreUnavailable, match="may or may not be in"):
        store.open(KEY, an_opening())


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
    client: Any = store._connection._made("testing")
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_S, READ_S)
    assert config.retries["mode"] == "standard"
    assert config.retries["total_max_attempts"] == TRIES
    backoffs = sum(2**n for n in range(TRIES - 1))
    assert TRIES * (2 * CONNECT_S + READ_S) + backoffs == 27
    store.close()


# --- many gates ----------------------------------------------------------------------------------


def _waiting(store: DynamoDBStore, key: GateKey, due_ms: int | None) -> None:
    store.swap(key, expected=store.get(key), new=Record(due_ms=due_ms).written("W"))


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


def test_a_missing_index_is_told_once_and_asked_for_again_later(
    stores: Stores, snippet_table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock()
    store = stores.new(snippet_table.name, clock=clock)
    asked: list[str] = []
    botocore_events(store).register(
        "before-call.dynamodb", lambda model, **_: asked.append(model.name)
    )
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        assert list(store.due(NOW_MS)) == []
    assert asked == ["Query", "Scan", "Scan", "Scan"]
    clock.ms += SCAN_FOR_MS
    assert list(store.due(NOW_MS)) == []
    assert asked[4:] == ["Query", "Scan"]
    said = [r.getMessage() for r in caplog.records if INDEX in r.getMessage()]
    assert len(said) == 1
    assert "holdoff store init" in said[0]


def test_gates_are_listed_in_order_without_history(store: DynamoDBStore, client: Any) -> None:
    keys = [GateKey(p, r) for p in ("b", "a", "ab") for r in ("us-east-1", "eu-west-1")]
    for key in keys:
        _waiting(store, key, None)
    for sort_key in ("eu-west-1#build#1", "us-east-1#build#1"):
        client.put_item(
            TableName=store.table, Item={"cb_project": {"S": "a"}, "region": {"S": sort_key}}
        )
    written = Record().written("W")
    assert list(store.gates()) == [(key, written) for key in sorted(keys)]
    assert [key.region for key, _ in store.gates("a")] == ["eu-west-1", "us-east-1"]
    assert list(store.gates("none")) == []


def test_gates_come_in_pages(store: DynamoDBStore, client: Any) -> None:
    for n in range(4):
        put(store, client, GateKey("big", f"r{n}"), filler={"S": "x" * 350_000})
    assert len(list(store.gates())) == len(list(store.gates("big"))) == 4


def test_a_gate_that_cannot_be_read_stops_no_other(store: DynamoDBStore, client: Any) -> None:
    put(store, client, GateKey("broken", "eu-west-1"), lastbuild={"S": "1"})
    _waiting(store, KEY, None)
    listed = store.gates()
    assert next(listed)[0] == KEY
    with pytest.raises(RecordInvalid, match=r"broken \(eu-west-1\): lastbuild"):
        next(listed)


# --- the table -----------------------------------------------------------------------------------


def test_a_new_table_is_right(stores: Stores, client: Any) -> None:
    store = stores.new()
    assert store.check() == [
        f"{store.url}: there is no such table; `holdoff store init` creates it"
    ]
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
    assert [re.search(r"no index|1 writes|expiry", line) is not None for line in wrong] == [
        True
    ] * 3
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
    for step in (lambda: store.get(KEY), lambda: store.open(KEY, an_opening())):
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
        store.open(KEY, an_opening())
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


def test_expiry_by_another_attribute_is_left_alone(stores: Stores, client: Any) -> None:
    name = new_name()
    client.create_table(
        TableName=name,
        KeySchema=SNIPPETS_KEYS,
        AttributeDefinitions=_string("cb_project") + _string("region"),
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "gone_at"}
    )
    store = stores.new(name)
    assert store.initialise() == ["added the index holdoff-due"]
    (line,) = store.check()
    assert "expire by gone_at, not by expires" in line


# --- what goes wrong -----------------------------------------------------------------------------

ERRORS = [
    ("ResourceNotFoundException", "Requested resource not found", StoreMissing, "store init"),
    (
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:UpdateItem on resource",
        StoreDenied,
        "Allow dynamodb:UpdateItem on table builds",
    ),
    ("AccessDeniedException", "no", StoreDenied, "Allow dynamodb:UpdateItem on table builds"),
    ("ExpiredTokenException", "The security token is expired", StoreDenied, "Log in again"),
    ("UnrecognizedClientException", "The security token is invalid", StoreDenied, "Log in again"),
    (
        "InvalidSignatureException",
        "Signature expired: 20261124T000000Z is now earlier than 20261124T000500Z",
        StoreDenied,
        "Set this machine's clock",
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
        store.open(KEY, an_opening())
    conflict = isinstance(caught.value, Conflict)
    assert type(caught.value) is kind or (conflict and kind is StoreThrottled)
    assert "dynamodb://builds?region=eu-west-1" in str(caught.value)
    assert "claiming site-build (eu-west-1)" in str(caught.value)


@pytest.mark.parametrize("status", [500, 503])
def test_errors_inside_the_service(status: int) -> None:
    store = failing(client_errors("InternalServerError", "Internal server error", status))
    with pytest.raises(StoreUnavailable, match="may or may not be in") as caught:
        store.swap(KEY, expected=Record(), new=Record().written("W"))
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
        lambda: store.open(KEY, an_opening()),
        lambda: store.swap(KEY, expected=Record(), new=Record().written("W")),
        lambda: list(store.gates()),
        lambda: list(store.due(NOW_MS)),
    ]
    for step in steps:
        with pytest.raises(StoreMissing, match="holdoff store init"):
            step()
    store.close()


def test_an_item_that_is_too_large(store: DynamoDBStore, client: Any) -> None:
    put(store, client, filler={"S": "x" * 400_000})
    new = Record(built="x" * 200, events=tuple(f"{n:0200}" for n in range(60)), writes=("W" * 8,))
    with pytest.raises(StoreError, match="400 KB"):
        store.swap(KEY, expected=Record(), new=new)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: refused
        store = DynamoDBStore("builds", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(StoreUnavailable, match="may or may not be in"):
            store.open(KEY, an_opening())
    store.close()


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    store = DynamoDBStore("builds")
    with pytest.raises(ConfigError, match=r"\?region=eu-west-1, or set AWS_REGION"):
        store.get(KEY)
    with pytest.raises(ConfigError, match="set AWS_REGION"):
        _ = store.region


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
    with pytest.raises(StoreDenied, match="Set AWS_PROFILE"):
        there.get(KEY)
    for store in (local, there):
        store.close()


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreDenied, match="nobody"):
        DynamoDBStore("builds").get(KEY)


@pytest.mark.dynamodb
def test_credentials_that_are_refused(
    dynamodb_local_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_secrets_in_an_endpoint_are_not_shown() -> None:
    endpoint = "https://me:secret@proxy.example/ddb"
    url = f"dynamodb://builds?region=eu-west-1&endpoint={endpoint}"
    store = DynamoDBStore("builds", region="eu-west-1", endpoint=endpoint, url=url)
    shown = "dynamodb://builds?region=eu-west-1&endpoint=https://proxy.example/ddb"
    assert store.url == store._connection.name == shown


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
    mine = store._connection._made("testing")
    child = os.fork()
    if child == 0:
        os._exit(0 if store._connection._made("testing") is not mine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store._connection._made("testing") is mine


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


def answered(service_ms: int) -> dict[str, Any]:
    """An answer that the service gave at that instant of its own clock."""
    date = formatdate(service_ms // 1000, usegmt=True)
    return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}


@pytest.mark.parametrize("offset_ms", [0, 999, -999, 1_400, -1_400])
def test_a_clock_within_2_s_is_left_alone(offset_ms: int) -> None:
    for fraction_ms in range(0, 1000, 100):
        clock, now_ms = ServiceClock(), NOW_MS + fraction_ms
        clock.saw(answered(now_ms + offset_ms), now_ms - 20, now_ms + 20)
        assert clock.offset_ms() == 0


@pytest.mark.parametrize("offset_ms", [2_600, -2_600, 90_000, -290_000])
def test_a_clock_further_off_is_corrected(offset_ms: int, caplog: pytest.LogCaptureFixture) -> None:
    clock = ServiceClock()
    for fraction_ms in range(0, 1000, 100):
        now_ms = NOW_MS + fraction_ms
        clock.saw(answered(now_ms + offset_ms), now_ms - 20, now_ms + 20)
        assert abs(clock.offset_ms() - offset_ms) <= 520
    assert abs(clock.offset_ms() - offset_ms) <= 70  # ten answers narrow it
    assert len(caplog.records) == 1
    assert ("behind" if offset_ms > 0 else "ahead of") in caplog.records[0].getMessage()


def test_a_clock_that_was_set_is_measured_anew() -> None:
    clock = ServiceClock()
    clock.saw(answered(NOW_MS + 90_000), NOW_MS, NOW_MS + 10)
    assert clock.offset_ms() != 0
    clock.saw(answered(NOW_MS), NOW_MS, NOW_MS + 10)
    assert clock.offset_ms() == 0


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 02:25:04 GMT"])
def test_an_answer_without_a_date_says_nothing(header: str | None) -> None:
    clock = ServiceClock()
    clock.saw({"ResponseMetadata": {"HTTPHeaders": {"date": header}}}, NOW_MS, NOW_MS)
    clock.saw({}, NOW_MS, NOW_MS)
    assert clock.offset_ms() == 0


def test_a_slow_answer_says_nothing() -> None:
    clock = ServiceClock()
    clock.saw(answered(NOW_MS + 21_000), NOW_MS, NOW_MS + 21_000)
    assert clock.offset_ms() == 0


def test_the_offset_of_an_engine_is_measured(
    store: DynamoDBStore, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.clock_offset_ms() == 0
    slow = stores.new(store.table, clock=_Behind())
    slow.open(KEY, an_opening())
    assert abs(slow.clock_offset_ms() - 90_000) < 1_100
    slow.open(KEY, an_opening("W2"))  # lost: an error answer has a date too
    slow.get(KEY)
    assert len([r for r in caplog.records if r.name == "holdoff.stores.dynamodb"]) == 1


class _Behind(SetClock):
    def now_ms(self) -> int:
        from holdoff.clock import SystemClock

        return SystemClock().now_ms() - 90_000


def test_touched_has_no_name_of_the_keys() -> None:
    assert not {"cb_project", "region", "expires"} & set(TOUCHED)
    assert decoded_item({}) == {}
