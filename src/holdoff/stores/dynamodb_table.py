"""The DynamoDB table itself: created, looked at, and given what it lacks, online and without touching an item.

partition key  cb_project (S)
sort key       region (S)
index          holdoff-due: due_in (S), due (N); keys only; holds just the gates that somebody has to wake
time to live   by expires; deletes history items, days late, and is never part of a decision
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import StoreError, StoreMismatch, StoreMissing, StoreUnavailable
from holdoff.stores.dynamodb_errors import TableInUse
from holdoff.stores.dynamodb_item import DUE_IN, EXPIRES, INDEX
from holdoff.stores.item import DUE, PROJECT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from holdoff.clock import Clock
    from holdoff.core.record import GateKey
    from holdoff.stores.dynamodb_client import Answer, Connection, DynamoDBAPI
    from holdoff.stores.dynamodb_global import Replicas

Keys = tuple[tuple[str, str], ...]

TABLE_KEYS: Final[Keys] = ((PROJECT, "S"), (REGION, "S"))
INDEX_KEYS: Final[Keys] = ((DUE_IN, "S"), (DUE, "N"))
#: A decision writes once or twice: below this many writes a second, a burst of triggers is throttled.
FEW_WRITES: Final = 5
LOOK_EVERY_MS: Final = 1_000
#: A table is there in seconds. An index has to read every item first: of a large table, for a long time.
WAIT_MS: Final = 600_000


class Table:
    """One table, by its description."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def initialise(self) -> list[str]:
        """Create what is missing and wait until it is there. A line for each thing done.

        Raises:
            StoreMismatch: a table of that name has other keys.
        """
        table = self.described()
        if table is None:
            done = self._create()
        else:
            self._check_keys(table)
            done = self._add_index(self._active())
        return done + self._turn_on_expiry()

    def check(self) -> list[str]:
        """A line for each thing wrong."""
        table = self._described("checking the table")
        if table is None:
            return [f"{self._name}: there is no such table; `holdoff store init` creates it"]
        wrong_keys = _wrong_keys(table, table["KeySchema"], TABLE_KEYS)
        if wrong_keys:
            return [f"{self._name}: its keys are {wrong_keys}; {_said(TABLE_KEYS)} are right"]
        found = [_table_trouble(table), _index_trouble(table), _billing_trouble(table)]
        found.append(_expiry_trouble(self._expiry()))
        return [f"{self._name}: {trouble}" for trouble in found if trouble]

    def described(self) -> Answer | None:
        """The service's description; ``None``: there is no such table."""
        return self._described("looking at the table")

    def is_recoverable(self) -> bool:
        """Whether point-in-time recovery is on."""
        answer = self._ask(
            "looking at backups",
            lambda client, name: client.describe_continuous_backups(TableName=name),
        )
        backups = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return bool(backups.get("PointInTimeRecoveryStatus") == "ENABLED")

    def check_gates(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each gate that must not be written through this table."""
        return [f"{self._name}: {trouble}" for trouble in self.replicas().troubles(keys)]

    def replicas(self) -> Replicas:
        """The copies of the table; a table that does not exist has none."""
        from holdoff.stores.dynamodb_global import replicas_of  # most gates need none of it

        return replicas_of(self.described() or {}, self._connection.region)

    @property
    def _name(self) -> str:
        return self._connection.name

    # --- one step each ---------------------------------------------------------------------------

    def _create(self) -> list[str]:
        try:
            self._ask(
                "creating the table",
                lambda client, name: client.create_table(
                    TableName=name,
                    KeySchema=_schema(TABLE_KEYS),
                    AttributeDefinitions=_definitions(TABLE_KEYS + INDEX_KEYS),
                    GlobalSecondaryIndexes=[_index()],
                    BillingMode="PAY_PER_REQUEST",
                ),
            )
        except TableInUse:  # another one is creating it at this moment
            self._check_keys(self._active())
            return []
        self._active()
        keys = _said(TABLE_KEYS)
        return [f"created {self._name} (keys {keys}; index {INDEX}; on-demand billing)"]

    def _check_keys(self, table: Answer) -> None:
        wrong = _wrong_keys(table, table["KeySchema"], TABLE_KEYS)
        if wrong:
            raise StoreMismatch(
                f"{self._name}: its keys are {wrong}; {_said(TABLE_KEYS)} are right",
                hint="Keys cannot be changed: name another table, and `holdoff store init` "
                "creates it",
            )

    def _add_index(self, table: Answer) -> list[str]:
        if _our_index(table) is not None:
            self._check_index_keys(table)
            return []
        create = _index()
        if _is_provisioned(table):
            create["ProvisionedThroughput"] = _throughput(table)
        try:
            self._ask(
                f"adding the index {INDEX}",
                lambda client, name: client.update_table(
                    TableName=name,
                    AttributeDefinitions=_definitions(TABLE_KEYS + INDEX_KEYS),
                    GlobalSecondaryIndexUpdates=[{"Create": create}],
                ),
            )
        except StoreError:
            if _our_index(self._active()) is None:
                raise
            return []  # another one has just added it
        self._active()
        return [f"added the index {INDEX}"]

    def _check_index_keys(self, table: Answer) -> None:
        index = _our_index(table)
        wrong = index and _wrong_keys(table, index["KeySchema"], INDEX_KEYS)
        if wrong:
            raise StoreMismatch(
                f"{self._name}: the keys of its index {INDEX} are {wrong}; "
                f"{_said(INDEX_KEYS)} are right",
                hint="Delete the index, and `holdoff store init` creates it",
            )

    def _turn_on_expiry(self) -> list[str]:
        if not self._is_expiry_off():
            return []  # on, on its way, or used for an attribute of others, which `check` tells
        try:
            self._ask(
                "turning on expiry",
                lambda client, name: client.update_time_to_live(
                    TableName=name,
                    TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES},
                ),
            )
        except StoreError:
            if self._is_expiry_off():
                raise
            return []  # another one has just turned it on
        return [f"turned on expiry (time to live) by {EXPIRES}"]

    def _is_expiry_off(self) -> bool:
        return self._expiry().get("TimeToLiveStatus") == "DISABLED"

    # --- looking ---------------------------------------------------------------------------------

    def _expiry(self) -> Answer:
        answer = self._ask(
            "looking at expiry", lambda client, name: client.describe_time_to_live(TableName=name)
        )
        expiry: Answer = answer["TimeToLiveDescription"]
        return expiry

    def _described(self, doing: str) -> Answer | None:
        try:
            answer = self._ask(doing, lambda client, name: client.describe_table(TableName=name))
        except StoreMissing:
            return None
        table: Answer = answer["Table"]
        return table

    def _active(self) -> Answer:
        """The table, once it and its index of ours are ready.

        Raises:
            StoreUnavailable: they still are not; the service goes on without us.
        """
        for _ in range(WAIT_MS // LOOK_EVERY_MS):
            table = self._described("waiting for the table")
            if table is not None and table["TableStatus"] == "DELETING":
                raise StoreMissing(
                    f"{self._name} is being deleted", hint="Try again when it is gone"
                )
            if table is not None and _table_trouble(table) is None and _is_ready(_our_index(table)):
                return table
            self._clock.sleep(LOOK_EVERY_MS)
        raise StoreUnavailable(
            f"{self._name} is still being built after {WAIT_MS // 60_000} minutes",
            hint="The service goes on with it; run `holdoff store init` again later",
        )

    def _ask(self, doing: str, call: Callable[[DynamoDBAPI, str], Answer]) -> Answer:
        return self._connection.ask(doing, lambda client: call(client, self._connection.table))


# --- what is right -------------------------------------------------------------------------------


def _index() -> dict[str, Any]:
    return {
        "IndexName": INDEX,
        "KeySchema": _schema(INDEX_KEYS),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }


def _schema(keys: Keys) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind}
        for (name, _), kind in zip(keys, kinds, strict=True)
    ]


def _definitions(keys: Keys) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in keys]


# --- what is there -------------------------------------------------------------------------------


def _our_index(table: Answer) -> Answer | None:
    indexes: list[Answer] = table.get("GlobalSecondaryIndexes", [])
    return next((index for index in indexes if index["IndexName"] == INDEX), None)


def _wrong_keys(table: Answer, schema: list[Answer], right: Keys) -> str | None:
    """The keys that are there, said; ``None`` where they are right."""
    types = {d["AttributeName"]: d["AttributeType"] for d in table["AttributeDefinitions"]}
    in_order = sorted(schema, key=lambda part: str(part["KeyType"]))  # HASH before RANGE
    names = [part["AttributeName"] for part in in_order]
    there = tuple((name, types.get(name, "?")) for name in names)
    return None if there == right else _said(there)


def _said(keys: Keys) -> str:
    return " and ".join(f"{name} ({kind})" for name, kind in keys)


def _is_ready(index: Answer | None) -> bool:
    return index is None or str(index.get("IndexStatus", "ACTIVE")) == "ACTIVE"


def _table_trouble(table: Answer) -> str | None:
    # UPDATING (a new index, other billing) serves every request.
    status = table["TableStatus"]
    return None if status in {"ACTIVE", "UPDATING"} else f"the table is {status}"


def _index_trouble(table: Answer) -> str | None:
    index = _our_index(table)
    if index is None:
        return (
            f"there is no index {INDEX}, so looking for due gates reads the whole table; "
            "`holdoff store init` adds it"
        )
    wrong = _wrong_keys(table, index["KeySchema"], INDEX_KEYS)
    if wrong:
        return f"the keys of the index {INDEX} are {wrong}; {_said(INDEX_KEYS)} are right"
    return None if _is_ready(index) else f"the index {INDEX} is {index['IndexStatus']}"


def _billing_trouble(table: Answer) -> str | None:
    if not _is_provisioned(table):
        return None
    index = _our_index(table)
    parts = [table] if index is None else [table, index]
    least = min(_throughput(part)["WriteCapacityUnits"] for part in parts)
    if least >= FEW_WRITES:
        return None
    return f"{least} writes a second are provisioned, so bursts of triggers are throttled"


def _is_provisioned(table: Answer) -> bool:
    billing: str = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    return billing == "PROVISIONED"


def _throughput(part: Answer) -> dict[str, int]:
    names = ("ReadCapacityUnits", "WriteCapacityUnits")
    return {name: max(1, part.get("ProvisionedThroughput", {}).get(name, 1)) for name in names}


def _expiry_trouble(expiry: Answer) -> str | None:
    status, attribute = expiry.get("TimeToLiveStatus"), expiry.get("AttributeName")
    if status in {"ENABLED", "ENABLING"} and attribute == EXPIRES:
        return None
    if status == "ENABLED":
        return f"items expire by {attribute}, not by {EXPIRES}: history is kept for ever"
    return (
        f"expiry (time to live) by {EXPIRES} is {str(status).lower()}, so history is kept for ever; "
        "`holdoff store init` turns it on"
    )
