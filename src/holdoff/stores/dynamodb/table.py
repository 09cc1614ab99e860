"""The DynamoDB table itself: it is created, checked, and given what is missing, online and without touching an item.

partition key  cb_project (S)
sort key       region (S)
index          holdoff-due: due_in (S), due (N); keys only; holds just the gates that have to be woken
time to live   by expires; deletes history items and idle gates of keys, days late; no decision relies on it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from holdoff.clock import Clock
from holdoff.core.errors import StoreError, StoreMismatch, StoreMissing, StoreUnavailable
from holdoff.stores.codec import DUE, EXPIRES, PROJECT, REGION
from holdoff.stores.dynamodb.connection import Answer, Connection, TableInUse
from holdoff.stores.dynamodb.item import DUE_IN, INDEX
from holdoff.stores.dynamodb.regions import Replicas, replicas_of


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


_INDEX: Final[dict[str, Any]] = {
    "IndexName": INDEX,
    "KeySchema": _schema(DUE_IN, DUE),
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
#: The right table, as CreateTable takes it.
TABLE: Final[dict[str, Any]] = {
    "KeySchema": _schema(PROJECT, REGION),
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {PROJECT: "S", REGION: "S", DUE_IN: "S", DUE: "N"}.items()
    ],
    "GlobalSecondaryIndexes": [_INDEX],
    "BillingMode": "PAY_PER_REQUEST",
}
#: A decision writes once or twice. With fewer writes a second than this, a burst of triggers is throttled.
FEW_WRITES: Final = 5
LOOK_EVERY_MS: Final = 1_000
#: A table is ready in seconds. An index has to read every item first; in a large table that takes long.
WAIT_MS: Final = 600_000


class Table:
    """One table, by its description."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock

    def initialise(self) -> list[str]:
        """Create what is missing and wait until it is ready. A line for each thing done. Raises ``StoreMismatch`` if a
        table of that name has other keys."""
        done = [] if self.described() is not None else self._create()
        table = self._active()
        if wrong := _wrong_keys(table):
            hint = "Keys cannot be changed: name another table, or delete the index; `holdoff store init` creates it"
            raise StoreMismatch(f"{self.connection.name}: {'; '.join(wrong)}", hint=hint)
        create = _INDEX | ({"ProvisionedThroughput": _throughput(table)} if _is_provisioned(table) else {})
        done += self._add(
            f"added the index {INDEX}",
            lambda: our_index(self._active()) is None,
            "update_table",
            AttributeDefinitions=TABLE["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[{"Create": create}],
        )
        self._active()
        # Expiry that is on, or being turned on, stays. So does expiry by another attribute, which `check` reports.
        return done + self._add(
            f"turned on expiry (time to live) by {EXPIRES}",
            lambda: self._expiry().get("TimeToLiveStatus") == "DISABLED",
            "update_time_to_live",
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES},
        )

    def check(self) -> list[str]:
        """A line for each thing wrong."""
        table = self.described("checking the table")
        if table is None:
            return [f"{self.connection.name}: there is no such table; `holdoff store init` creates it"]
        return faults_of(self.connection.name, table) or self.shortcomings_of(table)

    def shortcomings_of(self, table: Answer) -> list[str]:
        """A line for each thing in a table's description that makes it slow or expensive. Its gates work, though."""
        return [f"{self.connection.name}: {trouble}" for trouble in _shortcomings(table, self._expiry())]

    def replicas(self) -> Replicas:
        """The replicas of the table; a table that does not exist has none."""
        return replicas_of(self.described() or {}, self.connection.region)

    def described(self, doing: str = "looking at the table") -> Answer | None:
        """The service's description; ``None``: there is no such table."""
        try:
            return self.connection.ask(doing, "describe_table", _description)
        except StoreMissing:
            return None

    def _create(self) -> list[str]:
        try:
            self.connection.ask("creating the table", "create_table", dict, **TABLE)
        except TableInUse:
            return []  # another process is creating it at this moment
        return [
            f"created {self.connection.name} (keys {_keys_in_words(TABLE, TABLE)}; index {INDEX}; on-demand billing)"
        ]

    def _add(self, done: str, is_missing: Callable[[], bool], operation: str, **parameters: Any) -> list[str]:
        """Give the table what is missing, unless another process has just done so."""
        if not is_missing():
            return []
        try:
            self.connection.ask("giving the table what it lacks", operation, dict, **parameters)
        except StoreError:
            if is_missing():
                raise
            return []
        return [done]

    def _expiry(self) -> Answer:
        return self.connection.ask(
            "looking at expiry", "describe_time_to_live", lambda answer: dict(answer["TimeToLiveDescription"])
        )

    def _active(self) -> Answer:
        """Wait until the table and our index are ready. Returns the table."""
        for _ in range(WAIT_MS // LOOK_EVERY_MS):
            table = self.described("waiting for the table")
            if table is not None and table["TableStatus"] == "DELETING":
                raise StoreMissing(f"{self.connection.name} is being deleted", hint="Try again when it is gone")
            if table is not None and _serves(table) and _is_ready(our_index(table)):
                return table
            self._clock.sleep(LOOK_EVERY_MS)
        raise StoreUnavailable(
            f"{self.connection.name} is still being built after {WAIT_MS // 60_000} minutes",
            hint="The service goes on with it; run `holdoff store init` again later",
        )


def _description(answer: Answer) -> Answer:
    """A table's description. KeyError: it lacks what every description has."""
    table: Answer = answer["Table"]
    for needed in ("TableStatus", "KeySchema", "AttributeDefinitions"):
        table[needed]
    return table


def our_index(table: Answer) -> Answer | None:
    """The index ``holdoff-due`` in a table's description."""
    indexes: list[Answer] = table.get("GlobalSecondaryIndexes", [])
    return next((index for index in indexes if index["IndexName"] == INDEX), None)


def faults_of(name: str, table: Answer) -> list[str]:
    """A line for each fault that keeps all gates of a table from working."""
    faults = _wrong_keys(table) or ([] if _serves(table) else [f"the table is {table['TableStatus']}"])
    return [f"{name}: {fault}" for fault in faults]


def _wrong_keys(table: Answer) -> list[str]:
    parts = [("its keys", table, TABLE)]
    if (index := our_index(table)) is not None:
        parts.append((f"the keys of the index {INDEX}", index, _INDEX))
    found = []
    for what, part, right in parts:
        there, wanted = _keys_in_words(table, part), _keys_in_words(TABLE, right)
        if there != wanted:
            found.append(f"{what} are {there}; {wanted} are right")
    return found


def _keys_in_words(table: Answer, part: Answer) -> str:
    types = {d["AttributeName"]: d["AttributeType"] for d in table["AttributeDefinitions"]}
    in_order = sorted(part["KeySchema"], key=lambda key: str(key["KeyType"]))  # HASH before RANGE
    names = [key["AttributeName"] for key in in_order]
    return " and ".join(f"{name} ({types.get(name, '?')})" for name in names)


def _serves(table: Answer) -> bool:
    # UPDATING (a new index, other billing) serves every request.
    return table["TableStatus"] in {"ACTIVE", "UPDATING"}


def _is_ready(index: Answer | None) -> bool:
    return index is None or str(index.get("IndexStatus", "ACTIVE")) == "ACTIVE"


def _is_provisioned(table: Answer) -> bool:
    return str(table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")) == "PROVISIONED"


def _throughput(part: Answer) -> dict[str, int]:
    names = ("ReadCapacityUnits", "WriteCapacityUnits")
    return {name: max(1, part.get("ProvisionedThroughput", {}).get(name, 1)) for name in names}


def _shortcomings(table: Answer, expiry: Answer) -> Iterator[str]:
    index = our_index(table)
    if index is None:
        yield f"there is no index {INDEX}, so looking for due gates reads the whole table; `holdoff store init` adds it"
    elif not _is_ready(index):
        yield f"the index {INDEX} is {index['IndexStatus']}"
    least = min(_throughput(part)["WriteCapacityUnits"] for part in (table, index or table))
    if _is_provisioned(table) and least < FEW_WRITES:
        yield f"{least} writes a second are provisioned, so bursts of triggers are throttled"
    status, attribute = str(expiry.get("TimeToLiveStatus")), expiry.get("AttributeName")
    if status in {"ENABLED", "ENABLING"} and attribute != EXPIRES:
        then = "turn that off; `holdoff store init` then turns on the right one"
        yield f"items expire by {attribute}, not by {EXPIRES}: a gate may be deleted with what is pending; {then}"
    elif status not in {"ENABLED", "ENABLING"}:
        yield (
            f"expiry (time to live) by {EXPIRES} is {status.lower()}, so history is never deleted; "
            "`holdoff store init` turns it on"
        )
