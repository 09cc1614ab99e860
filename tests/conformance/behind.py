"""Writing past a store, as another program would."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from holdoff.exact_json import dumps, loads
from holdoff.stores.dynamodb.item import encoded
from holdoff.stores.postgres import GET

if TYPE_CHECKING:
    from holdoff.core.request import GateKey
    from holdoff.stores.postgres import PostgresStore
    from holdoff.stores.sqlite import SQLiteStore


def sqlite(store: SQLiteStore, key: GateKey, attributes: dict[str, object]) -> bool:
    """Attributes of a gate's row."""
    gate = (key.project, key.region)
    store.initialise()
    with closing(sqlite3.connect(store.path)) as db, db:
        row = db.execute("SELECT item FROM gates WHERE project = ? AND region = ?", gate).fetchone()
        item = {**(loads(row[0]) if row else {}), **attributes}
        db.execute(
            "INSERT INTO gates (project, region, item) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET item = excluded.item",
            (*gate, dumps(item)),
        )
    return True


def postgres(store: PostgresStore, key: GateKey, attributes: dict[str, object]) -> bool:
    """Attributes of a gate's row."""
    store.initialise()
    gate = {"project": key.project, "region": key.region}
    with psycopg.connect(**store.server.address.parameters) as db:
        db.execute(f"SET search_path = {store.server.address.schema}")
        row = db.execute(GET, gate).fetchone()
        item = {**(loads(row[0]) if row else {}), **attributes}
        db.execute(
            "INSERT INTO gates (project, region, item) VALUES (%(project)s, %(region)s, %(item)s) "
            "ON CONFLICT (project, region) DO UPDATE SET item = excluded.item",
            {**gate, "item": dumps(item)},
        )
    return True


def dynamodb(client: Any, table: str, key: GateKey, attributes: dict[str, object]) -> bool:
    """Attributes of a gate's item."""
    client.update_item(
        TableName=table,
        Key={"cb_project": {"S": key.project}, "region": {"S": key.region}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{n}": encoded(value) for n, value in attributes.items()},
    )
    return True
