"""A store in a DynamoDB table: the old snippet's table, keys and ``lastbuild``, and one conditional write per step.

    dynamodb://builds?region=eu-west-1&endpoint=http://127.0.0.1:8000

Partition key ``cb_project``, sort key ``region``; what stands in an item is ``dynamodb_item``'s affair, the way to the
service ``dynamodb_client``'s, its errors ``dynamodb_errors``', the table itself ``dynamodb_table``'s.

A claim is one request (``open``), and so is every other write, won or lost: the failed write brings the item along. A
write that botocore sends again because its answer was lost fails its own condition; it comes back as ``Lost``, with its
own id in ``current.writes``, and whoever wrote it recognises it.

Where a build leaves the record for the history, ``swap`` is one transaction of the gate's update and the build's item.
Whatever else writes to that gate within those milliseconds is turned away with a conflict, and tries again.

All gates share one key of the sparse index ``holdoff-due``, which takes about 1,000 changes a second: some hundred
starts each second, over all gates of a table.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from holdoff.clock import SystemClock
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import (
    ConfigError,
    HoldoffError,
    RecordInvalid,
    StoreDenied,
    StoreMismatch,
)
from holdoff.core.record import Finished, GateKey, Opening, Record
from holdoff.stores.dynamodb_client import Answer, Connection, DynamoDBAPI, log
from holdoff.stores.dynamodb_errors import ConditionFailed, Conflict, IndexMissing
from holdoff.stores.dynamodb_item import (
    DUE_HERE,
    DUE_IN,
    INDEX,
    NO_GATE,
    Item,
    Update,
    build_item,
    build_of,
    decoded_item,
    encoded,
    history_prefix,
    key_of,
    open_update,
    record_of,
    swap_update,
)
from holdoff.stores.dynamodb_table import Table
from holdoff.stores.item import DUE, PROJECT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from holdoff.clock import Clock
    from holdoff.core.errors import StoreError
    from holdoff.stores.dynamodb_global import Replicas
    from holdoff.stores.dynamodb_rights import Right

#: For how long a table that had no index is scanned before the index is asked for again.
SCAN_FOR_MS: Final = 300_000
#: How often a write meets another one under way before somebody hears of it, and how long it waits each time.
CONFLICTS: Final = 12
CONFLICT_WAIT_MS: Final = 15
_TABLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}|arn:aws[a-z-]*:dynamodb:[A-Za-z0-9:/_.-]+")


class DynamoDBStore:
    """Gates in a DynamoDB table.

    Args:
        table: its name or ARN.
        region: where it is; ``None``: AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
        endpoint: another than AWS's own, such as DynamoDB Local's.
        client: a boto3 client of your own instead, with its own time-outs; ``None``: made at first use.
        url: as it was opened; ``None``: made up from the others.
        clock: this machine's; it is compared with the service's. Not a gate's clock that a test moves.
    """

    #: Two machines within 2 s of the service, uncorrected, in either direction, and the header's whole seconds.
    clock_margin_ms = 5_000

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        client: DynamoDBAPI | None = None,
        url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not _TABLE_NAME.fullmatch(table):
            raise ConfigError(
                field="table", got=table, want="3 to 255 letters, digits, '_', '-' or '.'"
            )
        self._clock = clock or SystemClock()
        self._connection = Connection(
            table, region=region, endpoint=endpoint, client=client, clock=self._clock
        )
        self._table = Table(self._connection, self._clock)
        self._scan_until_ms: int | None = None
        #: The copies of this table, or why they are not known; asked for once, where they matter.
        self._replicas: Replicas | StoreDenied | None = None
        self.table = table
        self.url = self._connection.name if url is None or "@" in url else url

    @property
    def region(self) -> str:
        """The region of gates that name none: the table's.

        Raises:
            ConfigError: no region is named anywhere.
        """
        return self._connection.region

    def clock_offset_ms(self) -> int:
        """What to add to this machine's time for the service's; 0 unless they are over 2 s apart. Asks nothing."""
        return self._connection.offset.offset_ms()

    # --- one gate --------------------------------------------------------------------------------

    def get(self, key: GateKey) -> Record:
        """See ``Store.get``."""
        return record_of(key, self._read(key))

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``. Binary is ``bytes``, and sets are sets."""
        item = self._read(key)
        return None if item is None else decoded_item(item)

    def _read(self, key: GateKey) -> Item | None:
        answer = self._connection.ask(
            f"reading {key}",
            lambda client: client.get_item(
                TableName=self.table, Key=key_of(key), ConsistentRead=True
            ),
        )
        return answer.get("Item")

    def swap(
        self,
        key: GateKey,
        *,
        expected: Record,
        new: Record,
        history: tuple[Finished, ...] = (),
    ) -> Swapped | Lost:
        """See ``Store.swap``."""
        update = swap_update(expected, new)
        builds = {build.token: build_item(key, build) for build in history}
        answer = self._write(key, f"writing {key}", update, list(builds.values()))
        return answer if isinstance(answer, Lost) else Swapped(new)

    def open(self, key: GateKey, opening: Opening) -> Swapped | Lost:
        """See ``Store.open``."""
        answer = self._write(key, f"claiming {key}", open_update(opening))
        return answer if isinstance(answer, Lost) else Swapped(record_of(key, answer["Attributes"]))

    def _write(
        self, key: GateKey, doing: str, update: Update, beside: Sequence[Item] = ()
    ) -> Answer | Lost:
        """One conditional update, with the items to keep beside it. Again, where another write was just under way."""
        self._must_be_ours(key)
        call = partial(self._transaction if beside else self._update, key, update, beside)
        for _ in range(CONFLICTS):
            try:
                return self._connection.ask(doing, call, write=True)
            except ConditionFailed as failed:
                return Lost(record_of(key, failed.item))
            except Conflict as conflict:
                last = conflict
                self._clock.sleep(CONFLICT_WAIT_MS + self._clock.random(5))
        raise last

    def _update(
        self, key: GateKey, update: Update, _: Sequence[Item], client: DynamoDBAPI
    ) -> Answer:
        return client.update_item(TableName=self.table, Key=key_of(key), **update)

    def _transaction(
        self, key: GateKey, update: Update, beside: Sequence[Item], client: DynamoDBAPI
    ) -> Answer:
        moves = {"TableName": self.table, "Key": key_of(key), **update}
        puts = [{"Put": {"TableName": self.table, "Item": item}} for item in beside]
        return client.transact_write_items(TransactItems=[{"Update": moves}, *puts])

    # --- gates of other regions ------------------------------------------------------------------

    def _must_be_ours(self, key: GateKey) -> None:
        """Refuse a write that a copy of this table in another region may contradict unseen."""
        if key.region == self.region:
            return
        copies = self._copies(key)
        refusals = [] if isinstance(copies, StoreDenied) else copies.troubles([key])
        if refusals:
            raise StoreMismatch(f"{self._connection.name}: {refusals[0]}")

    def _is_ours(self, key: GateKey) -> bool:
        """Whether a gate that is due is for us to wake: always, but on a global table."""
        if key.region == self.region:
            return True
        copies = self._copies(key)
        return not isinstance(copies, StoreDenied) and not copies.troubles([key])

    def _copies(self, key: GateKey) -> Replicas | StoreDenied:
        if self._replicas is None:
            try:
                self._replicas = self._table.replicas()
            except StoreDenied as denied:
                self._replicas = denied
                log.warning(
                    "whether this is a global table is not known, so gates of other regions, such as "
                    "%s, are written, but not woken: %s",
                    key,
                    denied,
                )
        return self._replicas

    # --- many gates ------------------------------------------------------------------------------

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """See ``Store.due``. A table without the index (``holdoff store init`` adds it) is read as a whole.

        A global table tells of gates that are written in other regions, too: to wake those is for whoever is there.
        """
        return (key for key in self._all_due(now_ms) if self._is_ours(key))

    def _all_due(self, now_ms: int) -> Iterator[GateKey]:
        if not self._scans():
            try:
                yield from self._due_by_index(now_ms)
            except IndexMissing as missing:
                self._scan_for_a_while(missing)
            else:
                return
        yield from self._due_by_scan(now_ms)

    def _scans(self) -> bool:
        return self._scan_until_ms is not None and self._clock.now_ms() < self._scan_until_ms

    def _scan_for_a_while(self, missing: IndexMissing) -> None:
        if self._scan_until_ms is None:
            log.warning("%s; until then, looking for due gates reads the whole table", missing)
        self._scan_until_ms = self._clock.now_ms() + SCAN_FOR_MS

    def _due_by_index(self, now_ms: int) -> Iterator[GateKey]:
        found = self._pages(
            "looking for due gates",
            lambda client, **parameters: client.query(**parameters),
            IndexName=INDEX,
            KeyConditionExpression="#due_in = :here AND #due <= :now",
            ExpressionAttributeNames={"#due_in": DUE_IN, "#due": DUE},
            ExpressionAttributeValues={":here": encoded(DUE_HERE), ":now": encoded(now_ms)},
        )
        return self._readable_keys(found)

    def _due_by_scan(self, now_ms: int) -> Iterator[GateKey]:
        found = self._pages(
            "looking for due gates",
            lambda client, **parameters: client.scan(**parameters),
            ProjectionExpression="#project, #region, #due",
            FilterExpression="#due <= :now",
            ExpressionAttributeNames={"#project": PROJECT, "#region": REGION, "#due": DUE},
            ExpressionAttributeValues={":now": encoded(now_ms)},
        )
        return self._readable_keys(sorted(found, key=lambda item: int(item[DUE]["N"])))

    def _readable_keys(self, items: Iterator[Item] | list[Item]) -> Iterator[GateKey]:
        """The gates of these items. What has a key that no gate has cannot be woken, nor stop the others."""
        for item in items:
            if not _is_gate(item):
                continue
            try:
                yield _key_in(item)
            except RecordInvalid as error:
                log.warning("%s: skipped while looking for due gates: %s", self.url, error)

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        """See ``Store.gates``. One that cannot be read stops no other: its error is raised after the last one."""
        found: list[tuple[GateKey, Record]] = []
        unreadable: list[HoldoffError] = []
        for item in self._gate_items(project):
            try:
                key = _key_in(item)
                found.append((key, record_of(key, item)))
            except RecordInvalid as error:
                unreadable.append(error)
        yield from sorted(found, key=lambda pair: pair[0])
        if unreadable:
            raise unreadable[0]

    def _gate_items(self, project: str | None) -> Iterator[Item]:
        if project is None:
            items = self._pages(
                "listing all gates",
                lambda client, **parameters: client.scan(**parameters),
                FilterExpression="NOT contains(#region, :no_gate)",
                ExpressionAttributeNames={"#region": REGION},
                ExpressionAttributeValues={":no_gate": encoded(NO_GATE)},
                ConsistentRead=True,
            )
        else:
            items = self._pages(
                f"listing the gates of {project}",
                lambda client, **parameters: client.query(**parameters),
                KeyConditionExpression="#project = :project",
                ExpressionAttributeNames={"#project": PROJECT},
                ExpressionAttributeValues={":project": encoded(project)},
                ConsistentRead=True,
            )
        return (item for item in items if _is_gate(item))

    def history(self, key: GateKey) -> Iterator[Finished]:
        """See ``Store.history``. The service deletes what has expired, days late; until then it is shown."""
        items = self._pages(
            f"reading the history of {key}",
            lambda client, **parameters: client.query(**parameters),
            KeyConditionExpression="#project = :project AND begins_with(#region, :builds)",
            ExpressionAttributeNames={"#project": PROJECT, "#region": REGION},
            ExpressionAttributeValues={
                ":project": encoded(key.project),
                ":builds": encoded(history_prefix(key)),
            },
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return (build_of(key, item) for item in items)

    def _pages(self, doing: str, read: Callable[..., Answer], **parameters: Any) -> Iterator[Item]:
        """All items of a Query or Scan, page by page."""
        while True:
            answer = self._connection.ask(
                doing, lambda client: read(client, TableName=self.table, **parameters)
            )
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # --- the table -------------------------------------------------------------------------------

    def initialise(self) -> list[str]:
        """See ``Store.initialise``."""
        done = self._table.initialise()
        self._scan_until_ms = None
        return done

    def check(self) -> list[str]:
        """See ``Store.check``."""
        return self._table.check()

    def check_gates(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each gate that must not be written through this table: ``dynamodb_global`` says which."""
        return self._table.check_gates(keys)

    def described(self) -> Answer | None:
        """The service's description of the table; ``None``: there is none."""
        return self._table.described()

    def is_recoverable(self) -> bool:
        """Whether the table's point-in-time recovery is on."""
        return self._table.is_recoverable()

    def try_rights(self, project: str) -> Iterator[tuple[Right, StoreError | None]]:
        """Each right that Holdoff needs, and the error where a request that needs it fails. Changes nothing."""
        from holdoff.stores.dynamodb_rights import tried

        return tried(self._connection, project)

    def clock_measured_ms(self) -> tuple[int, int] | None:
        """How far the service's clock is ahead of this machine's, and how exactly that is known, if it is at all."""
        return self._connection.offset.measured_ms()

    def close(self) -> None:
        """See ``Store.close``."""
        self._connection.close()


def _is_gate(item: Item) -> bool:
    return NO_GATE not in item[REGION].get("S", "")


def _key_in(item: Item) -> GateKey:
    project, region = item[PROJECT].get("S"), item[REGION].get("S")
    try:
        return GateKey(project, region)  # type: ignore[arg-type]
    except ConfigError as error:
        raise RecordInvalid(
            f"{project!r} ({region!r}): {error}", hint="No gate has such a key; delete the item"
        ) from error
