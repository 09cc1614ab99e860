"""Record <-> item: the plain values that stand in a store, by the attribute names that stand in DynamoDB.

One table for each class, used in both directions: a field is written and read as its type says, under its own name
without ``_ms`` or a shorter one, because AWS bills names. ``cb_project``, ``region`` and ``lastbuild`` are the old
snippet's; the rest is ours, instants in epoch milliseconds. Whatever may stand in a table is read with care: an item is
foreign input.

**Registers that a fold shifts in place stand there at full length**, padded at their end; pads are dropped when read.
The project, region and key of a request are not stored: they are the gate's. Nor is a field at its default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from holdoff.core import record as registers
from holdoff.core.errors import ConfigError, RecordInvalid
from holdoff.core.pending import note_of
from holdoff.core.record import FORMAT, Act, Claim, End, Finished, Hold, Line, Note, Pending, Record, Running
from holdoff.core.request import Request
from holdoff.core.shown import shown
from holdoff.core.units import MAX_INSTANT_MS, ms_from_seconds, seconds_from_ms
from holdoff.core.value import Value
from holdoff.exact_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from holdoff.core.request import GateKey

    Plain = dict[str, Any]
    _Write = Callable[[Any], Any]
    _Read = Callable[[Any, GateKey], Any]

PROJECT: Final = "cb_project"
REGION: Final = "region"
#: The attribute with the format; its value is ``record.FORMAT``.
FORMAT_NAME: Final = "format"
DUE: Final = "due"
#: Epoch *seconds*, as DynamoDB's time to live reads them.
EXPIRES: Final = "expires"

_REQUIRED: Final = object()
#: Fields that stand in the keys, or beside the rest.
_ELSEWHERE: Final = {"project", "region", "key", "others"}


class _Wrong(Exception):
    """Something that stands in an item is not what should stand there; ``path`` grows on the way out."""

    def __init__(self, got: object, want: str) -> None:
        self.path = ""
        self.what = f"is {shown('', got)}; {want} is right"  # it may stand in a build's environment

    def under(self, name: str) -> _Wrong:
        self.path = f"{name}.{self.path}" if self.path else name
        return self


# --- how a field is written and read ---------------------------------------------------------------------------------


def _as_it_is(value: Any) -> Any:
    return value


def _read_text(value: object, _key: GateKey) -> str:
    if not isinstance(value, str):
        raise _Wrong(value, "text")
    return value


def _whole(least: int, most: int, want: str) -> _Read:
    def read(value: object, _key: GateKey) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _Wrong(value, want)
        return value

    return read


def _read_seconds(value: object, _key: GateKey) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Wrong(value, "epoch seconds as a Number")
    seconds = Decimal(value)
    if not seconds.is_finite() or seconds < 0:
        raise _Wrong(value, "epoch seconds from 0")
    if seconds > MAX_INSTANT_MS // 1000:
        raise _Wrong(value, "epoch seconds before the year 10000 (is it in milliseconds?)")
    return seconds


def _read_flag(value: object, _key: GateKey) -> bool:
    if not isinstance(value, int) or value not in (0, 1):
        raise _Wrong(value, "0 or 1")
    return bool(value)


def _read_pairs(value: object, key: GateKey) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise _Wrong(value, "a map")
    return tuple([(name, _read_text(text, key)) for name, text in value.items()])


def _list_of(kind: str) -> tuple[_Write, _Read]:
    """A list; its empty entries are pads."""
    write, read_entry = _KINDS[kind]

    def read(value: object, key: GateKey) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Wrong(value, "a list")
        return tuple([read_entry(entry, key) for entry in value if entry not in ("", {})])

    return lambda entries: [write(entry) for entry in entries], read


#: By a field's name, where it is special, or its type; ``_ms`` is of any integer whose name ends so.
_KINDS: Final[dict[str, tuple[_Write, _Read]]] = {
    "str": (_as_it_is, _read_text),
    "int": (_as_it_is, _whole(0, 10**15, "a whole number from 0")),
    "exit_status": (_as_it_is, _whole(-(10**15), 10**15, "a whole number")),
    "_ms": (_as_it_is, _whole(0, 10 * MAX_INSTANT_MS, "epoch milliseconds")),
    "Decimal": (_as_it_is, _read_seconds),
    "expires_ms": (seconds_from_ms, lambda value, key: ms_from_seconds(_read_seconds(value, key))),
    "bool": (int, _read_flag),
    "environment": (dict, _read_pairs),
    "secondary_versions": (dict, _read_pairs),
}
_KINDS["starts"] = _list_of("_ms")


def _kind_of(field: str, type_: str) -> tuple[_Write, _Read]:
    of = type_.removesuffix(" | None")
    if field in _KINDS:
        return _KINDS[field]
    if of.startswith("tuple["):
        return _list_of(of.removeprefix("tuple[").removesuffix(", ...]"))
    return _KINDS["_ms" if of == "int" and field.endswith("_ms") else of]


class _Table:
    """The fields of one class, and the names of those that have a shorter one."""

    def __init__(self, kind: type[Value], /, **short: str) -> None:
        self._kind = kind
        self._rows: list[tuple[str, str, object, _Write, _Read]] = []
        for field in kind._fields:
            if field not in _ELSEWHERE:
                name, default = short.get(field, field.removesuffix("_ms")), kind._defaults.get(field, _REQUIRED)
                self._rows.append((name, field, default, *_kind_of(field, kind.__annotations__[field])))
        _KINDS[kind.__name__] = (self.write, self.read)

    def write(self, value: Any) -> Plain:
        state = value.__dict__
        return {name: write(state[f]) for name, f, default, write, _ in self._rows if state[f] != default}

    def read(self, plain: object, key: GateKey) -> Any:
        if not isinstance(plain, Mapping):
            raise _Wrong(plain, "a map")
        fields: Plain = {"project": key.name, "region": key.region, "key": key.key} if self._kind is Request else {}
        for name, field, default, _, read in self._rows:
            found = plain.get(name)
            if found is None and default is not _REQUIRED:
                continue
            try:
                fields[field] = read(found, key)
            except _Wrong as wrong:
                raise wrong.under(name) from None
        try:
            return self._kind(**fields)
        except ConfigError as error:
            raise _Wrong(error.got, f"{error.field}: {error.want}") from None


# --- tables ----------------------------------------------------------------------------------------------------------

#: A request as it stands in ``pending``.
request_to_plain: Final = _Table(
    Request,
    source_version="version",
    event_id="event",
    environment="env",
    secondary_versions="versions",
    parameters="params",
).write
_NOTE: Final = _Table(Note, reason="r", version="v", event="e", line="l", at_ms="t", parent="p", variables="x")


def note_to_plain(note: Note) -> Plain:
    """A note; one that says nothing is no pad."""
    return _NOTE.write(note) or {"r": ""}


def _read_note(plain: object, key: GateKey) -> Note:
    note: Note = Note() if plain == {"r": ""} else _NOTE.read(plain, key)
    return note


_KINDS["Note"] = (note_to_plain, _read_note)
_PENDING: Final = _Table(Pending, count="n")


def _write_covers(covers: Pending) -> Plain:
    """What a build covers, without a lone note that only repeats its request."""
    plain = _PENDING.write(covers)
    if covers.notes == (note_of(covers.request),):
        del plain["notes"]
    elif not covers.notes:
        plain["notes"] = []
    return plain


def _read_covers(plain: object, key: GateKey) -> Pending:
    covers: Pending = _PENDING.read(plain, key)
    noted = isinstance(plain, Mapping) and "notes" in plain
    return covers if noted else covers.but(notes=(note_of(covers.request),))


_KINDS["covers"] = (_write_covers, _read_covers)
_Table(Running, build_id="build", lease_until_ms="lease", cancel_failed="stuck")
_FINISHED: Final = _Table(Finished, build_id="build", source_version="version", succeeded="ok", exit_status="status")
_Table(End, build_id="build", succeeded="ok", exit_status="status")
_Table(Claim, lease_until_ms="lease", in_flight_until_ms="flying")
_Table(Hold)
_Table(Act)
_Table(Line, line="l", version="v", parent="p")
_RECORD: Final = _Table(Record)
#: Our own attributes, ``lastbuild`` among them. Nothing else in an item is ever touched.
OWN: Final = (*[row[0] for row in _RECORD._rows], FORMAT_NAME)
_KNOWN: Final = frozenset({*OWN, PROJECT, REGION})
#: A build of the history.
build_to_plain: Final = _FINISHED.write


# --- whole items -----------------------------------------------------------------------------------------------------


def record_to_item(record: Record) -> Plain:
    """The attributes of a record, with those of others, without the keys."""
    item = {**dict(record.others), FORMAT_NAME: FORMAT, **_RECORD.write(record)}
    if record.pending is not None:
        _pad(item, "writes", registers.KEPT_WRITES, "")
        _pad(item, "events", registers.KEPT_EVENTS, "")
        _pad(item["pending"], "notes", registers.KEPT_NOTES, {})
        _pad(item["pending"], "waiters", registers.KEPT_WAITERS, "")
    return item


def _pad(plain: Plain, name: str, length: int, pad: object) -> None:
    register = plain.setdefault(name, [])
    register.extend([pad] * (length - len(register)))


def item_to_record(key: GateKey, item: Mapping[str, Any]) -> Record:
    """The record of an item as it may stand in a store.

    Raises:
        RecordInvalid: it is of a newer format, or something in it is not what Holdoff or the old snippet writes; names
            the attribute.
    """
    found = item.get(FORMAT_NAME)
    if isinstance(found, bool) or not isinstance(found, int | None):
        raise _invalid(key, _Wrong(found, "a whole number").under(FORMAT_NAME))
    if found is not None and found > FORMAT:
        raise RecordInvalid(
            f"{key}: written by a newer Holdoff (format {found}; this one knows {FORMAT})",
            hint="Nothing was started or changed. Upgrade this one: pip install -U holdoff",
        )
    record: Record = _read(_RECORD, key, item)
    others = [(name, value) for name, value in item.items() if name not in _KNOWN]
    return record.but(others=tuple(sorted(others))) if others else record


def seen_ms(record: Record) -> int:
    """The newest instant in a record that its writer has seen pass: the time, as far as a store knows it."""
    claimed_ms = record.claim.held_ms if record.claim else 0
    return max(claimed_ms, record.pending.last_ms if record.pending else 0)


def json_to_plain(key: GateKey, text: str | bytes) -> Plain:
    """What a row of SQL holds of a gate, or of a build of its history.

    Raises:
        RecordInvalid: it is not an object in JSON, or has numbers that nothing keeps.
    """
    try:
        plain = loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordInvalid(f"{key}: the row is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise RecordInvalid(f"{key}: the row is a {type(plain).__name__} in JSON, not an object")
    return plain


def plain_to_build(key: GateKey, plain: object) -> Finished:
    """A build of the history.

    Raises:
        RecordInvalid: it is not what Holdoff writes.
    """
    build: Finished = _read(_FINISHED, key, plain)
    return build


def _read(table: _Table, key: GateKey, plain: object) -> Any:
    try:
        return table.read(plain, key)
    except _Wrong as wrong:
        raise _invalid(key, wrong) from None


def _invalid(key: GateKey, wrong: _Wrong) -> RecordInvalid:
    return RecordInvalid(
        f"{key}: {wrong.path or 'the item'} {wrong.what}",
        hint="Nothing was started or changed. Correct the item; a gate may be nothing but its keys and lastbuild "
        "(0: never built)",
    )
