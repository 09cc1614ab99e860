"""Record <-> item: the plain values that a store keeps, by the names of their DynamoDB attributes.

Each class has one table, which serves both directions. A field is written and read according to its type. Its attribute
has the field's name without ``_ms``, or a shorter name, because AWS bills names. ``cb_project``, ``region`` and
``lastbuild`` are the old snippet's. The rest is ours, with instants in epoch milliseconds. An item is foreign input, so
every value is checked when it is read.

**Registers that a fold shifts in place are stored at full length**, padded at their end. Reading drops the pads. A
field at its default is not stored. Nor are the project, region and key of a request: they are the gate's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from holdoff.core import record as registers
from holdoff.core.errors import ConfigError, RecordInvalid
from holdoff.core.pending import note_of
from holdoff.core.record import FORMAT, Act, Claim, End, Finished, Hold, Line, Note, Pending, Record, Running
from holdoff.core.request import GateKey, Request
from holdoff.core.shown import Unquoted, shown
from holdoff.core.units import MAX_INSTANT_MS, is_whole, ms_from_seconds, seconds_from_ms
from holdoff.core.value import Value
from holdoff.exact_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    Plain = dict[str, Any]
    #: A row of a query.
    Row = tuple[Any, ...]
    #: Logs a warning: a message with ``%s``, and its arguments.
    Warn = Callable[..., None]
    _Write = Callable[[Any], Any]
    _Read = Callable[[Any, GateKey], Any]

PROJECT: Final = "cb_project"
REGION: Final = "region"
#: The attribute with the format; its value is ``record.FORMAT``.
FORMAT_NAME: Final = "format"
DUE: Final = "due"
#: Epoch *seconds*, as DynamoDB's time to live reads them.
EXPIRES: Final = "expires"

#: How many builds are read at a time. So a search for one of the newest builds does not read all the others.
PAGE_OF_BUILDS: Final = 100

_REQUIRED: Final = object()
#: Fields that are in the item's keys, and the attributes of other programs.
_ELSEWHERE: Final = {"project", "region", "key", "others"}


class _Wrong(Exception):
    """A value of an item is wrong. Each table on the way out adds a name to ``path``."""

    def __init__(self, got: object, want: str) -> None:
        self.path = ""
        self.what = f"is {shown('', got)}; {want} is right"  # it may be a secret of a build's environment

    def under(self, name: str) -> _Wrong:
        self.path = f"{name}.{self.path}" if self.path else name
        return self


def _as_it_is(value: Any) -> Any:
    return value


def _read_text(value: object, _key: GateKey) -> str:
    if not isinstance(value, str):
        raise _Wrong(value, "text")
    return value


def _whole(least: int, most: int, want: str) -> _Read:
    def read(value: object, _key: GateKey) -> int:
        if is_whole(value, least, most):
            return value
        raise _Wrong(value, want)

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
    """A list. The empty entries at its end are pads."""
    write, read_entry = _KINDS[kind]

    def read(value: object, key: GateKey) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Wrong(value, "a list")
        length = len(value)
        while length and value[length - 1] in ("", {}):
            length -= 1
        return tuple([read_entry(entry, key) for entry in value[:length]])

    return lambda entries: [write(entry) for entry in entries], read


#: By the name of a special field, or by a field's type. ``_ms`` stands for each integer whose name ends with that.
_KINDS: Final[dict[str, tuple[_Write, _Read]]] = {
    "str": (_as_it_is, _read_text),
    "int": (_as_it_is, _whole(0, 10**15, "a whole number from 0")),
    "exit_status": (_as_it_is, _whole(-registers.MAX_EXIT_STATUS, registers.MAX_EXIT_STATUS, "a whole number")),
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
    """The fields of one class. ``short``: the attribute names that differ."""

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


#: A request as it is stored in ``pending``.
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
    """A note. An empty note is written so that it is not taken for a pad."""
    return _NOTE.write(note) or {"r": ""}


_KINDS["Note"] = (note_to_plain, lambda plain, key: Note() if plain == {"r": ""} else _NOTE.read(plain, key))
_PENDING: Final = _Table(Pending, count="n")


def _write_covers(covers: Pending) -> Plain:
    """What a build covers. A single note that repeats its request is left out."""
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
_Table(Line, line="l", source_version="v", parent="p")
_RECORD: Final = _Table(Record)
#: Our own attributes, ``lastbuild`` among them. No other attribute of an item is ever changed.
OWN: Final = (*[row[0] for row in _RECORD._rows], FORMAT_NAME)
_KNOWN: Final = frozenset({*OWN, PROJECT, REGION})
#: A build of the history.
build_to_plain: Final = _FINISHED.write


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
    """The record of an item of a store.

    Raises:
        RecordInvalid: the item is of a newer format, or neither Holdoff nor the old snippet writes such a value; names
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


def swapped(expected: Record, new: Record, current: Record) -> Record | None:
    """The record after ``Store.swap``, with the attributes of other programs; ``None``: it is not ``expected`` now."""
    return new.but(others=current.others) if current.is_version(expected) else None


def seen_ms(record: Record) -> int:
    """The newest instant in a record that is not in the future of its writer: the time, as far as a store knows it."""
    claimed_ms = record.claim.held_ms if record.claim else 0
    return max(claimed_ms, record.pending.last_ms if record.pending else 0)


def plain_to_build(key: GateKey, plain: object) -> Finished:
    """A build of the history. Raises ``RecordInvalid`` if Holdoff does not write such a build."""
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


# --- rows of SQL -----------------------------------------------------------------------------------------------------


def row_text(value: object) -> str:
    """JSON in ASCII: a database in any encoding can keep a confirm, which has texts of the starter."""
    return dumps(value, ensure_ascii=True)


def row_of_key(key: GateKey) -> Plain:
    """The columns that name a gate."""
    return {"project": key.project, "region": key.region}


def row_of_record(key: GateKey, record: Record) -> Plain:
    """The columns of a gate: its item as JSON, and copies of the instants that are searched for."""
    item = row_text(record_to_item(record))
    return {**row_of_key(key), "item": item, "due_ms": record.due_ms, "expires_ms": record.expires_ms}


def row_of_build(key: GateKey, build: Finished) -> Plain:
    """The columns of a build of the history, and the instant before which older builds are deleted."""
    at_ms = build.claimed_ms
    row = {"claimed_ms": at_ms, "token": build.token, "build": row_text(build_to_plain(build))}
    return {**row_of_key(key), **row, "forgotten_ms": at_ms - registers.KEPT_HISTORY_MS}


def json_to_plain(key: GateKey, text: str | bytes) -> Plain:
    """The item of a gate, or a build of its history, from a row of SQL. Raises ``RecordInvalid`` if the text is not an
    object in JSON, or has numbers that no store keeps."""
    try:
        plain = loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(key, _Wrong(Unquoted(f"not JSON ({error})"), "an object in JSON")) from error
    if not isinstance(plain, dict):
        raise _invalid(key, _Wrong(plain, "an object in JSON"))
    return plain


def row_to_record(key: GateKey, text: str | bytes) -> Record:
    """The record of a row's item. Raises as ``json_to_plain`` and ``item_to_record`` do."""
    return item_to_record(key, json_to_plain(key, text))


def rows_to_keys(rows: Iterable[Row], store: str, warn: Warn) -> Iterator[tuple[GateKey, list[Any]]]:
    """The gate of each row that begins with project and region, and the rest of the row."""
    for project, region, *rest in rows:
        try:
            names = [str(name, "utf-8") if isinstance(name, bytes) else name for name in (project, region)]
            yield GateKey(*names), rest
        except (ConfigError, UnicodeError) as error:
            warn("%s: a row that no gate can have is left out: %.200s", store, error)


def rows_to_gates(rows: Iterable[Row], store: str, warn: Warn) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
    """The gate of each row of project, region and item. For a gate that cannot be read, its error."""
    for key, (text,) in rows_to_keys(rows, store, warn):
        try:
            yield key, row_to_record(key, text)
        except RecordInvalid as error:
            yield key, error


def rows_to_builds(key: GateKey, rows: Iterable[Row], store: str, warn: Warn) -> Iterator[Finished]:
    """The build of each row that ends with one. A build that cannot be read is logged and left out."""
    for *_, text in rows:
        try:
            yield plain_to_build(key, json_to_plain(key, text))
        except RecordInvalid as error:
            warn("%s: a build of its history is left out: %s", store, error)
