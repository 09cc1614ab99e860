"""Record <-> DynamoDB item, and the conditional updates of an item: pure, and without botocore.

This module writes and reads DynamoDB's typed values (``{"N": "1795395667"}``), with numbers exact to all 38 digits. An
item has one attribute besides those of ``codec``: ``due_in``. It is always ``"holdoff"``, and is there exactly if
``due`` is there. It is the partition key of the sparse index ``holdoff-due``, which finds the gates to wake.

A build that has left the gate's record is an item of its own, under the sort key ``REGION#build#INSTANT#TOKEN`` (the
instant of its claim). The build is in ``build``, and ``expires`` says when the item may be deleted.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Subnormal
from hashlib import blake2b
from typing import Any, Final

from holdoff.core import record as registers
from holdoff.core.errors import RecordInvalid
from holdoff.core.pending import Fold, note_of
from holdoff.core.record import FORMAT, Finished, Record, digest
from holdoff.core.request import MAX_REGION_BYTES, GateKey, Request
from holdoff.stores import codec

Value = dict[str, Any]
Item = dict[str, Value]
Update = dict[str, Any]

INDEX: Final = "holdoff-due"
DUE_IN: Final = "due_in"
DUE_HERE: Final = "holdoff"
BUILD: Final = "build"
#: In the sort key of every item that is no gate: history items have ``REGION#build#INSTANT``.
NO_GATE: Final = "#"
#: All attributes that a swap sets or removes. It never names an attribute of another program.
TOUCHED: Final = (*codec.OWN, DUE_IN)

#: The numbers that DynamoDB can keep. Any other number would be changed by storing it, so it is refused.
_EXACT: Final = Context(prec=38, Emin=-130, Emax=125, traps=[Overflow, Subnormal, Inexact])
#: DynamoDB takes items of 400 KB, and a confirm must always fit. So an item may have this many bytes, besides what is
#: pending, when a claim is made...
MAX_CLAIMED_BYTES: Final = 304 * 1024
#: ... and so many while it is out: take-overs, holds and the ends of builds have the 56 KB between. The 40 KB above are
#: the confirm's, and the largest pending's: a fold replaces its request, and does not add to it.
MAX_HELD_BYTES: Final = 360 * 1024
#: A record with shorter parameters in its claim, and fewer starts, is far below these bounds and is not measured.
SMALL: Final = 64 * 1024
MANY_STARTS: Final = 1_000
#: Attributes that a swap writes only if they change.
_KEPT: Final = frozenset(("finished", "hold", "starts", "built", "events", "lines", "acts"))


def encoded(value: object) -> Value:
    """A typed value. Raises ``RecordInvalid`` if DynamoDB cannot keep the plain one exactly."""
    if isinstance(value, str):
        return {"S": value}
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            try:
                return {"N": str(_EXACT.create_decimal(value))}
            except DecimalException:
                raise RecordInvalid(
                    f"{value!r:.60} has more digits or a larger exponent than DynamoDB keeps",
                    hint="Numbers have at most 38 significant digits",
                ) from None
        case list() | tuple():
            return {"L": [encoded(entry) for entry in value]}
        case dict():
            return {"M": {name: encoded(entry) for name, entry in value.items()}}
    raise RecordInvalid(f"{type(value).__name__} has no DynamoDB type that keeps it exactly")


def decoded(value: Mapping[str, Any]) -> object:
    """The plain value of a typed one. TypeError, ValueError or ArithmeticError: DynamoDB has no such value."""
    ((kind, content),) = value.items()
    match kind, content:
        case "N", str():
            return _number(content)
        case ("S", str()) | ("BOOL", bool()) | ("B", bytes()):
            return content
        case "B", str():  # the lean client leaves it as the service sends it
            return b64decode(content, validate=True)
        case "NULL", _:
            return None
        case "L", list():
            return [decoded(entry) for entry in content]
        case "M", dict():
            return decoded_item(content)
        case "NS", list():
            return {_number(text) for text in content}
        case (("SS" | "BS"), list()):
            return {decoded({kind[0]: entry}) for entry in content}
    raise TypeError(f"{kind} is no type of DynamoDB's, or {type(content).__name__} no value of it")


def _number(text: str) -> int | Decimal:
    if text.isdigit() and len(text) <= _EXACT.prec:
        return int(text)
    number = _EXACT.create_decimal(text)  # refuses an absurd exponent, which would be multiplied out
    return int(number) if number == number.to_integral_value() else number


def decoded_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All plain values of an item or a map, ordered by name: DynamoDB keeps no order."""
    return {name: decoded(item[name]) for name in sorted(item)}


def size_of(value: Any) -> int:
    """The bytes of a plain value as AWS counts them: names and texts in UTF-8, two digits of a number to a byte.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode(errors="replace"))
        case int() | Decimal():
            digits = "".join(map(str, Decimal(value).as_tuple().digits))
            return (len(digits.strip("0")) + 1) // 2 + 1 + (value < 0)
        case bytes():
            return len(value)
        case dict():
            return 3 + sum(len(name.encode(errors="replace")) + 1 + size_of(entry) for name, entry in value.items())
        case list() | tuple():
            return 3 + sum(1 + size_of(entry) for entry in value)
    return sum(size_of(entry) for entry in value)  # a set


def item_size(attributes: Mapping[str, Any]) -> int:
    """The bytes of an item, from its plain values, keys included."""
    return sum(len(name.encode()) + size_of(value) for name, value in attributes.items())


def key_of(key: GateKey) -> Item:
    """The primary key of a gate's item."""
    return {codec.PROJECT: {"S": key.project}, codec.REGION: {"S": key.region}}


def record_of(key: GateKey, item: Mapping[str, Mapping[str, Any]] | None) -> Record:
    """The record of an item; ``Record()``: there is none. Raises as ``decoded`` and ``codec.item_to_record`` do."""
    plain = decoded_item(item or {})
    is_found = plain.pop(DUE_IN, None) == DUE_HERE  # by the index; a person may have taken it out
    record = codec.item_to_record(key, plain)
    return record if is_found or record.due_ms is None else record.but(due_ms=None)


def check_room(key: GateKey, record: Record, most: int) -> None:
    """Refuse a write that might leave no room for the confirm of a claim. Without a confirm, the build would be started
    again after each lease. If an attribute of another program has grown into that room, a take-over is refused, too.

    Args:
        record: the record to write, or the one that a fold joins.
        most: how many bytes it may have besides what is pending.
    """
    if record.claim is None:
        return
    if not record.others and len(record.claim.request.parameters) < SMALL and len(record.starts) < MANY_STARTS:
        return
    plain = codec.record_to_item(record.but(pending=None))
    size = item_size({codec.PROJECT: key.project, codec.REGION: key.region, **plain})
    if size > most:
        ours = item_size({name: plain[name] for name in codec.OWN if name in plain})
        raise RecordInvalid(
            f"{key}: besides what is pending, the item would have {size:,} bytes, {ours:,} of them Holdoff's; over "
            f"{most:,} of DynamoDB's 400 KB, a build might be started and could not be recorded",
            hint="Nothing was started or written. Remove what else is in the item, or hand the build a smaller "
            "environment",
        )


def history_prefix(key: GateKey) -> str:
    """The beginning of the sort keys of a gate's builds. If the region is too long, its digest stands for it."""
    region = key.region
    if len(region.encode()) > MAX_REGION_BYTES - 100:
        region = blake2b(region.encode(), digest_size=32).hexdigest()
    return f"{region}{NO_GATE}build{NO_GATE}"


def build_item(key: GateKey, build: Finished) -> Item:
    """The item of a build of the history. Its sort key begins with the instant, and is the same for the same build."""
    sort_key = f"{history_prefix(key)}{build.claimed_ms:015}{NO_GATE}{build.token}"
    kept_from_ms = max(build.claimed_ms, build.ended_ms or 0)
    return {
        codec.PROJECT: encoded(key.project),
        codec.REGION: encoded(sort_key),
        BUILD: encoded(codec.build_to_plain(build)),
        codec.EXPIRES: encoded(-(-(kept_from_ms + registers.KEPT_HISTORY_MS) // 1000)),
    }


def build_of(key: GateKey, item: Mapping[str, Mapping[str, Any]]) -> Finished:
    """The build in an item of the history. RecordInvalid: Holdoff does not write such a build."""
    return codec.plain_to_build(key, decoded(item.get(BUILD, {"M": {}})))


def swap_update(expected: Record, new: Record) -> Update:
    """``Store.swap`` as one UpdateItem: what is ours set or removed, if the gate still is ``expected``.

    SET #writes = :writes, ...  REMOVE #claim, ...
    IF  #writes[0] = :was_write              our last write is the same
    AND #lastbuild = :was_lastbuild          the old snippet changes only this
    """
    was, plain = _plain(expected), _plain(new)
    kept = {name for name in _KEPT if expected.moved is not None and was.get(name) == plain.get(name)}
    sets = [name for name in TOUCHED if name in plain and name not in kept]
    # Without ``moved``, any attribute may be in the item.
    gone = [name for name in TOUCHED if name not in plain and (name in was or expected.moved is None)]
    is_write, is_lastbuild = "#writes[0] = :was_write", "#lastbuild = :was_lastbuild"
    if not expected.writes:  # the register may be there, and empty
        is_write = f"(attribute_not_exists(#writes[0]) OR {is_write})"
    if expected.lastbuild is None:
        is_lastbuild = "(attribute_not_exists(#lastbuild) OR attribute_type(#lastbuild, :was_lastbuild))"
    remove = f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else ""
    return {
        "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in sets)}{remove}",
        "ConditionExpression": f"{is_write} AND {is_lastbuild}",
        # Hundreds of names are reserved.
        "ExpressionAttributeNames": {f"#{name}": name for name in (*sets, *gone, "writes", "lastbuild")},
        "ExpressionAttributeValues": {
            **{f":{name}": encoded(plain[name]) for name in sets},
            ":was_write": encoded(expected.writes[0] if expected.writes else ""),
            ":was_lastbuild": encoded("NULL" if expected.lastbuild is None else expected.lastbuild),
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _plain(record: Record) -> dict[str, Any]:
    return codec.record_to_item(record) | ({} if record.due_ms is None else {DUE_IN: DUE_HERE})


#: Short, because DynamoDB takes 4 KB of expression. ``#q``: the newest request, inside ``pending``.
_NAMES: Final = """
    #f=format #m=moved #l=lastbuild #w=writes #e=events #p=pending
    #q=request #n=n #t=last #o=notes #y=waiters
    #i=line #a=at #r=parent #v=version #k=p
"""
_ALIASES: Final = dict(pair.split("=") for pair in _NAMES.split())


def fold_update(expected: Record, fold: Fold) -> Update | None:
    """``Fold.applied`` as one UpdateItem; ``None``: it could not apply to any record.

    SET #p.#n = #p.#n + :1                   one more trigger
        #p.#t = :t, #p.#q = :q               it is the last, and the newest (unless ``older``)
        #w[15] = #w[14], ..., #w[0] = :w     registers shift in place: right-hand sides see the item as it was
    IF  #f = :f                              the format is ours
    AND #m = :m AND #l = :l                  no swap since, neither ours nor the old snippet's
    AND NOT contains(#w, :w)                 this write is not in
    AND NOT contains(#e, :e)                 nor is its event
    AND #p.#t <= :t                          ``in_order``: no trigger came later
    AND NOT (older)                          it is the newest of its line; with ``older``: it is not
    AND NOT #p.#o[0].#k = :k ...             its version is no parent of one of the newest triggers
    AND attribute_exists(#w[15]) ...         the registers have their length
    """
    request, older = fold.request, _older(fold.request)
    if expected.moved is None or (fold.older and not older):
        return None
    lastbuild = "(attribute_not_exists(#l) OR attribute_type(#l, :l))" if expected.lastbuild is None else "#l = :l"
    conditions = ["#f = :f", "#m = :m", lastbuild, "NOT contains(#w, :w)"]
    sets = ["#p.#n = #p.#n + :1"]
    shifted = [("#w", ":w", registers.KEPT_WRITES), ("#p.#o", ":o", registers.KEPT_NOTES)]
    if older:
        conditions.append(f"({older})" if fold.older else f"NOT ({older})")
    if not fold.older:
        sets.append("#p.#q = :q")
        if request.line is not None and request.source_version is not None:
            conditions += [f"NOT #p.#o[{n}].#k = :k" for n in range(registers.KEPT_NOTES)]
    if fold.last_ms is not None:
        sets.append("#p.#t = :t")
        conditions += ["#p.#t <= :t"] if fold.in_order else []
    if fold.event is not None:
        shifted.append(("#e", ":e", registers.KEPT_EVENTS))
        conditions.append("NOT contains(#e, :e)")
    if fold.waiter is not None:
        shifted.append(("#p.#y", ":y", registers.KEPT_WAITERS))
    for register, newest, length in shifted:
        conditions.append(f"attribute_exists({register}[{length - 1}])")
        sets += [f"{register}[{n}] = {register}[{n - 1}]" for n in range(length - 1, 0, -1)]
        sets.append(f"{register}[0] = {newest}")
    update, condition = f"SET {', '.join(sets)}", " AND ".join(conditions)
    values = {
        ":1": 1,
        ":f": FORMAT,
        ":m": expected.moved,
        ":l": "NULL" if expected.lastbuild is None else expected.lastbuild,
        ":w": fold.write_id,
        ":e": fold.event,
        ":y": fold.waiter,
        ":t": fold.last_ms,
        ":o": codec.note_to_plain(note_of(request)),
        ":q": codec.request_to_plain(request),
        ":i": request.line,
        ":a": request.at_ms,
        ":v": request.source_version,
        ":r": request.parent,
        ":k": digest(request.source_version),
    }
    text = update + condition  # DynamoDB refuses a name or a value that is not in it
    return {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {alias: name for alias, name in _ALIASES.items() if alias in text},
        "ExpressionAttributeValues": {name: encoded(value) for name, value in values.items() if name in text},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _older(request: Request) -> str:
    """``lines.is_older(request, newest)`` as a condition; empty: the request is older than no other."""
    is_parent = ""
    if request.source_version is not None:
        is_parent = "#p.#q.#r = :v" + (" AND NOT #p.#q.#v = :r" if request.parent is not None else "")
    earlier = is_parent
    if request.at_ms is not None:
        same_time = "(attribute_not_exists(#p.#q.#a) OR #p.#q.#a = :a)"
        earlier = "#p.#q.#a > :a" + (f" OR ({same_time} AND {is_parent})" if is_parent else "")
    return f"#p.#q.#i = :i AND ({earlier})" if earlier and request.line is not None else ""
