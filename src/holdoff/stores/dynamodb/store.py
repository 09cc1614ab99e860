"""A store in a DynamoDB table: the old snippet's table, keys and ``lastbuild``, and one conditional write per step.

    dynamodb://builds?region=eu-west-1&endpoint=http://127.0.0.1:8000

The partition key is ``cb_project``, the sort key ``region``. The module ``item`` has the attributes of an item and the
expressions that update it, ``connection`` the calls of the service, ``table`` the table itself.

Every write is one request: if its condition fails, the answer has the item. botocore sends a write again if its answer
was lost; then the write fails its own condition and returns ``Lost``, with its own id in ``current.writes``, by which
the writer recognises it. Folds do not conflict with one another: of 500 at once each succeeds with its first request.

If a build leaves the record for the history, ``swap`` is one transaction of the gate's update and the build's item. Any
other write to that gate in those milliseconds gets a conflict, and is tried again.

All gates share one key of the sparse index ``holdoff-due``. Such a key takes about 1,000 changes a second: some hundred
starts each second, over all gates of a table.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from holdoff.clock import Clock, SystemClock, TimeLimit
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import ConfigError, RecordInvalid, StoreDenied, StoreError, StoreMismatch
from holdoff.core.pending import Fold
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey
from holdoff.core.shown import shown_name
from holdoff.stores.codec import DUE, PROJECT, REGION
from holdoff.stores.dynamodb import item as items
from holdoff.stores.dynamodb.connection import Answer, ConditionFailed, Conflict, Connection, IndexMissing
from holdoff.stores.dynamodb.regions import Replicas
from holdoff.stores.dynamodb.table import Table

T = TypeVar("T")
log: Final = logging.getLogger("holdoff.stores.dynamodb")

#: How many gates a sweep reads at first.
FIRST_PAGE: Final = 100
#: How many times a write that meets another write is tried before it raises, and how long it waits each time.
CONFLICTS: Final = 12
CONFLICT_WAIT_MS: Final = 15
#: After this time the replicas of the table are asked for again: a person may have added one.
KNOWN_MS: Final = 300_000
_TABLE: Final = re.compile(r"(arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):\d{12}:table/)?[A-Za-z0-9_.-]{3,255}")


class DynamoDBStore:
    """Gates in a DynamoDB table. The methods are described in ``stores.base.Store``.

    Args:
        table: the table's name or ARN.
        region: the table's region; ``None``: its ARN's, AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
        endpoint: a URL in place of AWS's own, such as DynamoDB Local's.
        client: a boto3 client of your own, with its own time-outs; ``None``: made at first use.
        clock: this machine's clock, which is compared with the service's. Not a gate's clock that a test moves.
    """

    #: Two machines that are not corrected, each within 2 s of the service, and the header's whole seconds.
    clock_margin_ms = 5_000

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        client: object = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        region = _region_of(table, region)
        #: To the service, with what is known of its clock.
        self.connection: Connection = Connection(
            table, region=region, endpoint=endpoint, client=client, clock=self._clock
        )
        self.definition: Table = Table(self.connection, self._clock)  #: its description, and whether it is right
        self._has_warned = False
        self._replicas: Replicas | None = None
        self._still_known: TimeLimit = TimeLimit(self._clock, 0)
        self.table = table
        self.url: str = self.connection.name

    @property
    def region(self) -> str:
        """The region of gates that name none: the table's. Raises ``ConfigError`` if no region is named anywhere."""
        return self.connection.region

    def clock_offset_ms(self) -> int:
        """What to add to this machine's time for the service's; 0 unless they differ by over 2 s. Sends no request."""
        return self.connection.service_clock.offset_ms()

    def get(self, key: GateKey) -> Record:
        return self._read(key, partial(items.record_of, key))

    def item(self, key: GateKey) -> dict[str, object] | None:
        """See ``Store.item``. Binary is ``bytes``, and sets are sets."""
        return self._read(key, lambda item: None if item is None else items.decoded_item(item))

    def _read(self, key: GateKey, read: Callable[[items.Item | None], T]) -> T:
        return self.connection.ask(
            f"reading {key}",
            "get_item",
            lambda answer: read(answer.get("Item")),
            Key=items.key_of(key),
            ConsistentRead=True,
        )

    def swap(
        self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> Swapped | Lost:
        """See ``Store.swap``. A write that might leave no room in the item for a claim's confirm is refused."""
        items.check_room(key, new, items.MAX_CLAIMED_BYTES if expected.claim is None else items.MAX_HELD_BYTES)
        update = {"Key": items.key_of(key), **items.swap_update(expected, new)}
        builds = {build.token: items.build_item(key, build) for build in history}
        if not builds:
            return self._write(key, "update_item", lambda _: Swapped(record=new), **update)
        parts = [{"Update": {"TableName": self.table, **update}}]
        parts += [{"Put": {"TableName": self.table, "Item": item}} for item in builds.values()]
        return self._write(key, "transact_write_items", lambda _: Swapped(record=new), TransactItems=parts)

    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Swapped | Lost:
        update = items.fold_update(expected, fold)
        if update is None:
            return Lost(current=self.get(key))
        items.check_room(key, expected, items.MAX_HELD_BYTES)

        def read(answer: Answer) -> Swapped:
            return Swapped(record=items.record_of(key, answer["Attributes"]))

        return self._write(key, "update_item", read, Key=items.key_of(key), **update)

    def keep(self, key: GateKey, build: Finished) -> None:
        self._write(key, "put_item", bool, Item=items.build_item(key, build))

    def _write(self, key: GateKey, operation: str, read: Callable[[Answer], T], **parameters: Any) -> T | Lost:
        """One write, tried again while another one is in progress. ``Lost``: its condition does not hold."""
        if refusals := self._known_replicas(key).troubles([key]):
            raise StoreMismatch(f"{self.connection.name}: {refusals[0]}")
        doing = f"writing {key}"
        for _ in range(CONFLICTS):
            try:
                return self.connection.ask(doing, operation, read, write=True, **parameters)
            except ConditionFailed as failed:
                current = partial(items.record_of, key, failed.item)
                return Lost(current=self.connection.understood(doing, current, write=True))
            except Conflict as conflict:
                last = conflict
                self._clock.sleep(CONFLICT_WAIT_MS + self._clock.random(5))
        raise last

    def _known_replicas(self, key: GateKey) -> Replicas:
        """The replicas of this table, as last known. For a gate of this region they do not matter."""
        if key.region == self.region:
            return Replicas(here=self.region)
        if self._replicas is None or not self._still_known.left_ms():
            self._still_known = TimeLimit(self._clock, KNOWN_MS)
            try:
                self._replicas = self.definition.replicas()
            except StoreError as error:
                if self._replicas is not None:
                    return self._replicas
                if not isinstance(error, StoreDenied):
                    raise
                self._replicas = Replicas(here=self.region, known=False)
                log.warning(
                    "whether this is a global table is not known, so gates of other regions, such as "
                    "%s, are written, but not woken: %s",
                    key,
                    error,
                )
        return self._replicas

    def due(self, now_ms: int) -> Iterator[GateKey]:
        """See ``Store.due``. A table without the index (``holdoff store init`` adds it) is read as a whole.

        A global table also has gates that are written in other regions. The stores there wake them.
        """
        for key in self._all_due(now_ms):
            replicas = self._known_replicas(key)
            if replicas.known and not replicas.troubles([key]):
                yield key

    def _all_due(self, now_ms: int) -> Iterator[GateKey]:
        doing = "looking for due gates"
        try:
            yield from self._pages(
                doing,
                "query",
                self._key_in,
                {":here": items.DUE_HERE, ":now": now_ms},
                IndexName=items.INDEX,
                Limit=FIRST_PAGE,
                KeyConditionExpression="#due_in = :here AND #due <= :now",
            )
            return
        except IndexMissing as missing:
            if not self._has_warned:
                log.warning("%s; until then, looking for due gates reads the whole table", missing)
            self._has_warned = True
        found = self._pages(
            doing,
            "scan",
            self._due_in,
            {":now": now_ms},
            ProjectionExpression="#cb_project, #region, #due",
            FilterExpression="#due <= :now",
        )
        yield from (key for _, key in sorted(found))

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        if project is None:
            more = {"FilterExpression": "NOT contains(#region, :no_gate)", "ConsistentRead": True}
            found = self._pages("listing all gates", "scan", self._gate_in, {":no_gate": items.NO_GATE}, **more)
        else:
            found = self._gates_of(project)
        yield from sorted(found, key=lambda pair: pair[0])

    def _gates_of(self, project: str) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        """Skips the builds, maybe thousands: those of a region are next to one another, under ``REGION#``."""
        region = " "  # comes before every character that a name may begin with
        while region:
            found = self._pages(
                f"listing the gates of {project}",
                "query",
                lambda item: (item[REGION]["S"], self._gate_in(item)),
                {":project": project, ":region": region},
                Limit=FIRST_PAGE,
                ConsistentRead=True,
                KeyConditionExpression="#cb_project = :project AND #region >= :region",
            )
            region = ""
            for at, gate in found:
                if items.NO_GATE in at:
                    region = at.partition(items.NO_GATE)[0] + "$"  # comes right after '#'
                    break
                if gate is not None:
                    yield gate

    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        """See ``Store.history``. The service deletes expired builds days late; until then they are shown."""
        builds = self._pages(
            f"reading the history of {key}",
            "query",
            partial(self._build_in, key),
            {":project": key.project, ":builds": items.history_prefix(key)},
            KeyConditionExpression="#cb_project = :project AND begins_with(#region, :builds)",
            ScanIndexForward=False,
            ConsistentRead=True,
            **({"Limit": limit} if limit else {}),
        )
        return islice(builds, limit)

    def _key_in(self, item: items.Item) -> GateKey | None:
        """The gate of an item; ``None``: the item is no gate's. An item whose key no gate can have is logged."""
        project, region = item[PROJECT]["S"], item[REGION]["S"]
        if items.NO_GATE in region:
            return None
        try:
            return GateKey(project, region)
        except ConfigError as error:
            log.warning("%s: %r (%r) is ignored; no gate has such a key: %s", self.url, project, region, error)
            return None

    def _due_in(self, item: items.Item) -> tuple[Decimal, GateKey] | None:
        """A gate, after its ``due``. That may be any number here: only reading this gate raises an error about it."""
        key = self._key_in(item)
        return None if key is None else (Decimal(item[DUE]["N"]), key)

    def _gate_in(self, item: items.Item) -> tuple[GateKey, Record | RecordInvalid] | None:
        if (key := self._key_in(item)) is None:
            return None
        try:
            return key, items.record_of(key, item)
        except RecordInvalid as error:
            return key, error

    def _build_in(self, key: GateKey, item: items.Item) -> Finished | None:
        try:
            return items.build_of(key, item)
        except RecordInvalid as error:
            log.warning("%s: left out of the history: %s", self.url, error)
            return None

    def _pages(
        self,
        doing: str,
        operation: str,
        read: Callable[[items.Item], T | None],
        values: Mapping[str, object],
        **parameters: Any,
    ) -> Iterator[T]:
        """What ``read`` makes of all items of a Query or Scan, page by page. ``#due`` names the attribute ``due``. A
        ``Limit`` is for the first page: a caller that goes on wants all."""
        named = re.findall(r"#(\w+)", " ".join(text for text in parameters.values() if isinstance(text, str)))
        parameters |= {
            "ExpressionAttributeNames": {f"#{name}": name for name in named},
            "ExpressionAttributeValues": {name: items.encoded(value) for name, value in values.items()},
        }
        while True:
            found, more = self.connection.ask(
                doing,
                operation,
                lambda answer: ([read(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")),
                **parameters,
            )
            yield from (one for one in found if one is not None)
            if not more:
                return
            parameters["ExclusiveStartKey"] = more
            parameters.pop("Limit", None)

    def initialise(self) -> list[str]:
        return self.definition.initialise()

    def check(self) -> list[str]:
        return self.definition.check()

    def check_gates(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each gate that must not be written through this table. ``regions`` has the rule."""
        return [f"{self.connection.name}: {trouble}" for trouble in self.definition.replicas().troubles(keys)]

    def close(self) -> None:
        self.connection.close()


def _region_of(table: str, region: str | None) -> str | None:
    """The named region of the table. An ARN has a region, and no other may be named besides."""
    found = _TABLE.fullmatch(table)
    if found is None:
        want = "a table's name (3 to 255 letters, digits, '_', '-' or '.') or its ARN"
        raise ConfigError(field="table", got=table, want=want)
    if region is not None and shown_name(region) != region:
        raise ConfigError(field="region", got=region, want="an AWS region such as 'eu-west-1'")
    if found[2] and region not in (None, found[2]):
        raise ConfigError(field="region", got=region, want=f"{found[2]}, as the table's ARN says, or leave it out")
    return found[2] or region
