"""Record <-> DynamoDB item, and the conditional updates that move one: pure, and without boto3.

DynamoDB's typed values (``{"N": "1795395667"}``) are made and read here, numbers exact to all 38 digits.

Two attributes stand in an item of ours beside those that ``item`` names:

* ``due_in`` (always ``"holdoff"``, there exactly where ``due`` is): the partition key of the sparse index
  ``holdoff-due``, which finds the gates to wake.
* ``before``: what ``lastbuild`` was when ``open`` claimed the gate. An update can copy one attribute to another, but
  not into a map that it makes in the same step, so ``claim.before`` cannot be had. It is read back into the claim, and
  goes with the next ``swap``, which writes ``claim.before`` itself.

A build that has left the gate's record is an item of its own beside it, under the sort key
``REGION#build#INSTANT#TOKEN`` (the instant of its claim), with the build in ``build`` and its end in ``expires``.
"""

from __future__ import annotations

from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Subnormal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import RecordInvalid
from holdoff.core.record import MAX_REGION_BYTES
from holdoff.core.units import MAX_INSTANT_MS, seconds_from_ms
from holdoff.stores.base import KEPT_HISTORY_MS
from holdoff.stores.item import (
    CLAIM,
    DUE,
    EVENTS,
    HOLD,
    LASTBUILD,
    OWN,
    PENDING,
    PROJECT,
    REGION,
    WRITES,
    build_from_plain,
    claim_to_plain,
    finished_to_plain,
    from_item,
    to_item,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from holdoff.core.record import Finished, GateKey, Opening, Record

Value = dict[str, Any]
Item = dict[str, Value]
Update = dict[str, Any]

INDEX: Final = "holdoff-due"
DUE_IN: Final = "due_in"
DUE_HERE: Final = "holdoff"
BEFORE: Final = "before"
#: When history items may be deleted by the service (its time to live); never part of a gate.
EXPIRES: Final = "expires"
BUILD: Final = "build"
#: In the sort key of whatever is no gate: history items stand under ``REGION#build#INSTANT``.
NO_GATE: Final = "#"
#: All that a write of ours sets or removes. Attributes of others are never named.
TOUCHED: Final = (LASTBUILD, *OWN, DUE_IN, BEFORE)

#: What DynamoDB can keep of a number. Anything else would be changed by storing it, so it is refused.
_EXACT: Final = Context(prec=38, Emin=-130, Emax=125, traps=[Overflow, Subnormal, Inexact])
_NEVER_BUILT: Final = "(attribute_not_exists(#lastbuild) OR attribute_type(#lastbuild, :null))"
#: The types of the attributes that ``open`` leaves as they are: on a broken one it must not claim.
_TYPES: Final = {
    WRITES: "L",
    "running": "M",
    "finished": "M",
    "starts": "L",
    "built": "S",
    EVENTS: "L",
    "counts": "M",
}


# --- typed values --------------------------------------------------------------------------------


def encoded(value: object) -> Value:
    """A typed value.

    Raises:
        RecordInvalid: a number that DynamoDB cannot keep exactly.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": _number_text(value)}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [encoded(entry) for entry in value]}
        case dict():
            return {"M": {name: encoded(entry) for name, entry in value.items()}}
        case _:
            raise TypeError(f"{type(value).__name__} has no DynamoDB type that keeps it exactly")


def _number_text(number: int | Decimal) -> str:
    try:
        return str(_EXACT.create_decimal(number))
    except DecimalException:
        raise RecordInvalid(
            f"{number} has more digits or a larger exponent than DynamoDB keeps",
            hint="Numbers have at most 38 significant digits",
        ) from None


def decoded(value: Mapping[str, Any]) -> object:
    """The plain value of a typed one: ``int`` or ``Decimal``, ``bytes``, sets, lists, and maps by name."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return _number(content)
        case "NULL":
            return None
        case "L":
            return [decoded(entry) for entry in content]
        case "M":
            return decoded_item(content)
        case "NS":
            return {_number(text) for text in content}
        case "SS" | "BS":
            return set(content)
        case _:
            return content  # S, BOOL, B


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def decoded_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All plain values of an item or a map. DynamoDB keeps no order, so by name: the same every time."""
    return {name: decoded(item[name]) for name in sorted(item)}


# --- gates ---------------------------------------------------------------------------------------


def key_of(key: GateKey) -> Item:
    """The primary key of a gate's item."""
    return {PROJECT: {"S": key.project}, REGION: {"S": key.region}}


def record_of(key: GateKey, item: Mapping[str, Mapping[str, Any]] | None) -> Record:
    """The record of an item as it stands in the table; ``Record()`` where there is none.

    Raises:
        RecordInvalid: something in it is not what Holdoff or the old snippet writes; names the attribute.
    """
    plain = decoded_item(item or {})
    claim = plain.get(CLAIM)
    if isinstance(claim, dict) and "before" not in claim:
        plain[CLAIM] = {**claim, "before": plain.get(BEFORE)}
    return from_item(key, plain)


def item_of(record: Record) -> Item:
    """The attributes of a record as a ``swap`` writes them, without the keys; absent ones left out."""
    values = to_item(record)
    if DUE in values:
        values[DUE_IN] = DUE_HERE
    return {name: encoded(value) for name, value in values.items()}


# --- history -------------------------------------------------------------------------------------


def history_prefix(key: GateKey) -> str:
    """How the sort keys of a gate's builds begin. A region too long for that is there by its digest."""
    region = key.region
    if len(region.encode()) > MAX_REGION_BYTES - 100:
        region = blake2b(region.encode(), digest_size=32).hexdigest()
    return f"{region}{NO_GATE}build{NO_GATE}"


def build_item(key: GateKey, build: Finished) -> Item:
    """A build of the history: its instants in the order of its keys, and the same build in one place only."""
    sort_key = f"{history_prefix(key)}{build.claimed_ms:015}{NO_GATE}{build.token}"
    kept_from_ms = max(build.claimed_ms, build.ended_ms or 0)
    return {
        PROJECT: encoded(key.project),
        REGION: encoded(sort_key),
        BUILD: encoded(finished_to_plain(build)),
        EXPIRES: encoded(-(-(kept_from_ms + KEPT_HISTORY_MS) // 1000)),
    }


def build_of(key: GateKey, item: Mapping[str, Mapping[str, Any]]) -> Finished:
    """The build in an item of the history.

    Raises:
        RecordInvalid: it is not what Holdoff writes.
    """
    build = decoded(item.get(BUILD, {"M": {}}))
    return build_from_plain(key, build if isinstance(build, dict) else {})


# --- the two updates that move a gate ------------------------------------------------------------


def swap_update(expected: Record, new: Record) -> Update:
    """``Store.swap`` as one UpdateItem: all that is ours set or removed, if the gate still is ``expected``.

    Still is: the newest write id and the exact ``lastbuild``. The old snippet moves only the latter.
    """
    values = item_of(new)
    conditions, compared = _still_is(expected)
    return {
        "UpdateExpression": _set_and_remove(values),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": _aliases(TOUCHED),
        "ExpressionAttributeValues": _placeholders(values) | compared,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _still_is(expected: Record) -> tuple[list[str], Item]:
    conditions, compared = [], {}
    if expected.writes:
        conditions.append("#writes[0] = :was_write")
        compared[":was_write"] = encoded(expected.writes[0])
    else:
        conditions.append("attribute_not_exists(#writes[0])")
    if expected.lastbuild is not None:
        conditions.append("#lastbuild = :was_lastbuild")
        compared[":was_lastbuild"] = encoded(expected.lastbuild)
    else:
        conditions.append(_NEVER_BUILT)
        compared[":null"] = encoded("NULL")
    return conditions, compared


def _set_and_remove(values: Item) -> str:
    sets = [f"#{name} = :{name}" for name in TOUCHED if name in values]
    removes = [f"#{name}" for name in TOUCHED if name not in values]
    clauses = [("SET", sets), ("REMOVE", removes)]
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)


def open_update(opening: Opening) -> Update:
    """``Opening.apply`` as one UpdateItem.

    ``lastbuild`` is compared as it stands, in exact seconds. ``apply`` compares milliseconds, rounded up: with a whole
    number on the other side that is the same (ceil(x) <= n exactly where x <= n). A ``lastbuild`` of another type or
    below zero passes no comparison, so the item comes back and is refused when it is read.
    """
    conditions, compared = _surely_ready(opening)
    values = {
        LASTBUILD: encoded(seconds_from_ms(opening.claim.held_ms)),
        CLAIM: encoded({n: v for n, v in claim_to_plain(opening.claim).items() if n != "before"}),
        WRITES: encoded([opening.write_id]),
        DUE: encoded(opening.claim.lease_until_ms),
        DUE_IN: encoded(DUE_HERE),
    }
    sets = [f"#{name} = :{name}" for name in values if name != WRITES]
    sets.append("#writes = list_append(:writes, if_not_exists(#writes, :no_writes))")
    # Operands are read before anything is written: this is the lastbuild of before.
    sets.append("#before = if_not_exists(#lastbuild, :none)")
    return {
        "UpdateExpression": f"SET {', '.join(sets)}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": _aliases((*values, BEFORE, PENDING, HOLD, *_TYPES)),
        "ExpressionAttributeValues": _placeholders(values) | compared | {":no_writes": encoded([])},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _surely_ready(opening: Opening) -> tuple[list[str], Item]:
    latest_ms = MAX_INSTANT_MS
    if opening.ready_if_ms is not None:
        latest_ms = min(opening.ready_if_ms, MAX_INSTANT_MS)
    conditions = [f"attribute_not_exists(#{name})" for name in (CLAIM, PENDING, HOLD)]
    conditions.append(f"({_NEVER_BUILT} OR (#lastbuild >= :zero AND #lastbuild <= :ready_if))")
    conditions += [_absent_or_typed(name, kind) for name, kind in _TYPES.items()]
    compared = {":null": "NULL", ":none": None, ":zero": 0, ":ready_if": seconds_from_ms(latest_ms)}
    compared |= {f":is_{kind}": kind for kind in _TYPES.values()}
    conditions.append("NOT contains(#writes, :write_id)")
    compared[":write_id"] = opening.write_id
    if opening.event is not None:
        conditions.append("NOT contains(#events, :event)")
        compared[":event"] = opening.event
    return conditions, {name: encoded(value) for name, value in compared.items()}


def _absent_or_typed(name: str, kind: str) -> str:
    return f"(attribute_not_exists(#{name}) OR attribute_type(#{name}, :is_{kind}))"


def _aliases(names: Iterable[str]) -> dict[str, str]:
    """Every name by an alias: ``region`` and hundreds more are reserved words."""
    return {f"#{name}": name for name in names}


def _placeholders(values: Item) -> Item:
    return {f":{name}": value for name, value in values.items()}
