"""Decisions on DynamoDB: the client's processor, requests, bytes and capacity, beside the old snippet and Powertools.

DynamoDB Local answers; it is not timed: what is, is this side's processor alone.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import boto3

from benchmarks import peers
from benchmarks.harness import Contestant, Row, Section, in_turn, ratio, us
from holdoff.stores.open import open_store
from tests.conftest import FAKE_AWS
from tests.engines.dynamodb_local import dynamodb_local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLE, PEERS_TABLE = "bench", "bench-powertools"
#: Counts what one more call sends, once the times are taken.
COUNTED = """
def counting(client):
    def counted():
        seen = {"requests": 0, "bytes": 0, "reads": 0, "writes": 0}
        def sent(request, **_): seen["requests"] += 1; seen["bytes"] += len(request.body)
        def asked(params, **_): params["ReturnConsumedCapacity"] = "TOTAL"
        def answered(parsed, model, **_):
            used = parsed.get("ConsumedCapacity", {"CapacityUnits": 1 if "Error" in parsed else 0})
            units = sum(one["CapacityUnits"] for one in (used if isinstance(used, list) else [used]))
            seen["reads" if model.name in ("GetItem", "Query") else "writes"] += units
        client.meta.events.register("before-send.dynamodb", sent)
        client.meta.events.register("before-parameter-build.dynamodb", asked)
        client.meta.events.register("after-call.dynamodb", answered)
        call()
        return seen
    return counted
import os, uuid
name = uuid.uuid4().hex
number = 0
"""
RAW = """
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
key = {"cb_project": {"S": name}, "region": {"S": "eu-west-1"}}
client.put_item(TableName="bench", Item={**key, "lastbuild": {"N": "0"}})
counted = counting(client)
def call():
    global number
    number += 1
    client.update_item(TableName="bench", Key=key, UpdateExpression="SET lastbuild = :new",
        ConditionExpression="lastbuild = :old", ReturnValues="UPDATED_NEW",
        ExpressionAttributeValues={":new": {"N": str(number)}, ":old": {"N": str(number - 1)}})
"""
SNIPPET = """
import boto3, time
table = boto3.resource("dynamodb").Table("bench")
key = {{"cb_project": name, "region": "eu-west-1"}}
table.put_item(Item={{**key, "lastbuild": int(time.time())}})
counted = counting(table.meta.client)
def call():
    item = table.get_item(Key=key)["Item"]
    if time.time() > item["lastbuild"] + {cooldown}:
        table.update_item(Key=key, UpdateExpression="SET lastbuild = :val", ReturnValues="UPDATED_NEW",
                          ExpressionAttributeValues={{":val": int(time.time())}})
"""
POWERTOOLS = """
import boto3, warnings
warnings.simplefilter("ignore")
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
client = boto3.client("dynamodb")
layer = DynamoDBPersistenceLayer(table_name="bench-powertools", boto3_client=client)
config = IdempotencyConfig(expires_after_seconds=3600, use_local_cache={cache})
counted = counting(client)
@idempotent_function(data_keyword_argument="event", config=config, persistence_store=layer)
def build(event): return {{"build": "b"}}
def call():
    global number
    number += {step}
    build(event=f"{{name}}-{{number}}")
call()
"""
HOLDOFF = """
import holdoff
from holdoff.starters import Call
from holdoff.stores.open import open_store
store = open_store(f"dynamodb://bench?region=eu-west-1&endpoint={{os.environ['AWS_ENDPOINT_URL_DYNAMODB']}}")
policy, starter = holdoff.Policy({policy}), Call(lambda *_: "b")
gate = holdoff.Gate(name, store=store, policy=policy, starter=starter)
gate.trigger(); gate.finished("b", succeeded=True)
client = store.connection.client("counting")
counted = counting(client) if hasattr(client.meta, "events") else None
def call():
    global number
    number += 1
    {call}
"""
LEAN = 'import os; os.environ["HOLDOFF_AWS_CLIENT"] = "lean"\n'
TRIGGER = 'gate.trigger(reason="push", source_version=f"v{number}")'
NEW = 'holdoff.Gate(name, store=store, policy=policy, starter=starter).trigger(reason="push", source_version="v")'
ENDED = 'def between(): gate.finished("b", succeeded=True)\n'
ALLOWED = HOLDOFF.format(policy='"0"', call=TRIGGER) + ENDED
SKIPPED = HOLDOFF.format(policy='"10m", on_cooldown="skip"', call=NEW)
DEFERRED = HOLDOFF.format(policy='"10m"', call=TRIGGER)
#: A read of such an item, and nothing else.
READ = (
    SKIPPED.partition("client = ")[0]
    + """
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
counted = counting(client)
key = {"cb_project": {"S": name}, "region": {"S": "eu-west-1"}}
def call(): client.get_item(TableName="bench", Key=key, ConsistentRead=True)["Item"]
"""
)
CONTESTANTS = {
    "one raw conditional write, by botocore (the floor)": RAW,
    "the old snippet, allowed": SNIPPET.format(cooldown=-10),
    "Powertools, allowed": POWERTOOLS.format(cache=False, step=1),
    "Holdoff, allowed, gate seen before": ALLOWED,
    "Holdoff, allowed, gate seen before, lean client": LEAN + ALLOWED,
    "Holdoff, allowed, gate made anew": HOLDOFF.format(policy='"0"', call=NEW) + ENDED,
    "the old snippet, refused": SNIPPET.format(cooldown=600),
    "Powertools, refused": POWERTOOLS.format(cache=False, step=0),
    "one raw read of a gate, by botocore": READ,
    "Holdoff, skipped, gate made anew": SKIPPED,
    "Holdoff, skipped, gate made anew, lean client": LEAN + SKIPPED,
    "Holdoff, deferred, gate seen before": DEFERRED,
    "Holdoff, deferred, gate seen before, lean client": LEAN + DEFERRED,
}
HEAD = ("", "µs of the processor", "x the floor", "requests", "bytes sent", "read units", "write units")


def measure(*, quick: bool) -> Section:
    """The table."""
    peer = peers.python()
    with tables() as environment:
        contestants = [
            Contestant(name=n, program=COUNTED + p, python=sys.executable if "holdoff" in p else peer)
            for n, p in CONTESTANTS.items()
        ]
        rows = in_turn(contestants, rounds=12 if quick else 40, calls=20, environment=environment)
    return Section(
        title="A decision on DynamoDB",
        text="The floor is one conditional `UpdateItem` of one number, by botocore with its defaults. A start of "
        "Holdoff makes two writes (the claim, before the build is started, and the claim's confirmation), and one "
        "read if the process has not seen the gate. A skip on a new gate object makes one read; the row above it has "
        "the bare read. Nearly all of the time is botocore's. Holdoff sets botocore's `user_agent`, because botocore "
        "takes 8 % of a call to put its own together, and writes the body in one piece. The lean client "
        "(`HOLDOFF_AWS_CLIENT=lean`) sends the same requests by `http.client`, with Holdoff's own signature.",
        head=HEAD,
        rows=_cells(rows),
    )


@contextmanager
def tables() -> Iterator[dict[str, str]]:
    """DynamoDB Local with a table of ours and one of Powertools'; the environment in which a client finds it."""
    with dynamodb_local() as endpoint:
        environment = {**FAKE_AWS, "AWS_ENDPOINT_URL_DYNAMODB": endpoint}
        with patch.dict(os.environ, environment):
            open_store(f"dynamodb://{TABLE}?region=eu-west-1&endpoint={endpoint}").initialise()
            boto3.client("dynamodb").create_table(
                TableName=PEERS_TABLE,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield environment


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (
            row.name,
            us(row.cpu),
            ratio(row, rows[0]),
            *(
                f"{row.counts[name]:g}" if row.counts else "the same"
                for name in ("requests", "bytes", "reads", "writes")
            ),
        )
        for row in rows
    ]
