"""Hypothesis strategies for all that a store may hold: any record, any build of a history; and any fold to try.

Needs ``hypothesis``. Only ``testing.stateful`` imports this module.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import strategies as st

from holdoff.core import record as values
from holdoff.core.lines import is_older
from holdoff.core.pending import Fold
from holdoff.core.record import Record, digest
from holdoff.core.request import Request
from holdoff.core.value import Value

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from holdoff.core.request import GateKey

_T = TypeVar("_T")
_V = TypeVar("_V", bound=Value)

NOW_MS: Final = 1_795_395_667_000

texts: SearchStrategy[str] = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
)
instants: SearchStrategy[int] = st.integers(0, 2 * NOW_MS)
digests: SearchStrategy[str] = st.sampled_from([digest(str(n)) or "" for n in range(6)])
write_ids: SearchStrategy[str] = st.text("0123456789ABCDEF", min_size=8, max_size=8)
variables: SearchStrategy[dict[str, str]] = st.dictionaries(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=8), texts, max_size=3
)
#: Few values, so that requests often have the same line, and are often each other's parents.
lines: SearchStrategy[str] = st.sampled_from(["refs/heads/main", "refs/heads/next"])
versions: SearchStrategy[str] = st.sampled_from(["4f2a91c", "93bc07d", "d4e5f6a"])


def maybe(strategy: SearchStrategy[_T]) -> SearchStrategy[_T | None]:
    """That, or ``None``."""
    return st.none() | strategy


def listed(strategy: SearchStrategy[_T], most: int, *, unique: bool = False) -> SearchStrategy[tuple[_T, ...]]:
    """A register: a tuple of up to ``most`` values."""
    return st.lists(strategy, max_size=most, unique=unique).map(tuple)


@st.composite
def seconds(draw: st.DrawFn) -> Decimal:
    """Epoch seconds as any program may write them: whole, or with a fraction, to all 38 digits."""
    whole = draw(st.integers(0, 253_402_300_798) | st.just(NOW_MS // 1000))
    fraction = draw(st.text("0123456789", max_size=26) | st.just("") | st.just("000"))
    return Decimal(f"{whole}.{fraction}") if fraction else Decimal(whole)


#: Fields with special values, by name; by ``CLASS.NAME`` if other classes have the name, too.
_SPECIAL: Final[dict[str, SearchStrategy[Any]]] = {
    "Request.source_version": maybe(versions),
    "Request.parent": maybe(versions),
    "Request.line": maybe(lines),
    "Request.at_ms": maybe(st.integers(0, 3) | instants),
    "environment": variables.map(lambda found: tuple(sorted(found.items()))),
    "secondary_versions": st.dictionaries(st.sampled_from(["lib", "theme"]), versions).map(
        lambda found: tuple(sorted(found.items()))
    ),
    "parameters": st.just("") | texts,
    "Note.event": maybe(digests),
    "Note.line": maybe(digests),
    "Note.parent": maybe(versions.map(digest)),
    "count": st.integers(1, 10**9),
    "failures": st.integers(0, 9),
    "retry_ms": st.just(0) | instants,
    "attempt": st.integers(1, 9),
    "exit_status": maybe(st.integers(-64, 255)),
    "writes": listed(write_ids, values.KEPT_WRITES, unique=True),
    "events": listed(digests, values.KEPT_EVENTS, unique=True),
    "starts": listed(instants, 3),
    "others": st.just(()),
}


def made(kind: type[_V], key: GateKey) -> SearchStrategy[_V]:
    """Any value of this class, for this gate. Each field is special, or any value of its type."""
    return _named(kind.__name__, key)


@cache
def _named(of: str, key: GateKey) -> SearchStrategy[Any]:
    kind: type[Value] = Request if of == "Request" else getattr(values, of)
    fields: dict[str, SearchStrategy[Any]] = {}
    for name in kind._fields:
        special = _SPECIAL.get(f"{of}.{name}", _SPECIAL.get(name))
        fields[name] = _of_type(kind.__annotations__[name], name, key) if special is None else special
    if kind is Request:
        fields |= {"project": st.just(key.name), "region": st.just(key.region), "key": st.just(key.key)}
    return st.builds(kind, **fields)


def _of_type(type_: str, name: str, key: GateKey) -> SearchStrategy[Any]:
    by_type = {"str": texts, "int": instants, "bool": st.booleans(), "Decimal": seconds()}
    of, _, optional = type_.partition(" | ")
    if optional:
        return maybe(_of_type(of, name, key))
    if of.startswith("tuple["):
        entry = _of_type(of.removeprefix("tuple[").removesuffix(", ...]"), name, key)
        return listed(entry, getattr(values, f"KEPT_{name.upper()}"))
    return by_type[of] if of in by_type else _named(of, key)


@st.composite
def folds(draw: st.DrawFn, key: GateKey, record: Record) -> Fold:
    """A fold at a gate in this state: one that may be applied, or one that breaks a condition."""
    pending = record.pending
    assert pending is not None
    request = draw(made(Request, key))
    if pending.request.line is not None and draw(st.booleans()):
        at_ms = draw(st.sampled_from([-1, -1, 0, 1])) + (pending.request.at_ms or 1)
        request = request.but(line=pending.request.line, at_ms=max(0, at_ms))
    fold = Fold(
        write_id=draw(write_ids),
        request=request,
        older=is_older(request, pending.request),
        event=draw(maybe(texts)),
        waiter=draw(maybe(texts)),
        last_ms=draw(st.sampled_from([None, pending.last_ms, pending.last_ms + 1])),
        in_order=draw(st.booleans()),
    )
    often = "older" if fold.older else None
    match draw(st.sampled_from([None, None, often, often, "write", "event", "order", "early", "older"])):
        case "write" if record.writes:
            return fold.but(write_id=draw(st.sampled_from(record.writes)))
        case "event" if record.events:
            return fold.but(event=draw(st.sampled_from(record.events)))
        case "order" | "early" as kind:
            return fold.but(last_ms=max(0, pending.last_ms - 1), in_order=kind == "order")
        case "older":
            return fold.but(older=not fold.older)
    return fold
