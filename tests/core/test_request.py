"""The names and texts that callers and events bring: what is a request and what is refused, by its name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import ConfigError
from holdoff.core.pending import single
from holdoff.core.record import Claim, Record, digest
from holdoff.core.request import GateKey, Request, storable
from holdoff.stores.codec import item_to_record, record_to_item
from holdoff.testing import strategies
from tests.core.build import request

SURROGATE = "\ud800"
#: What a name or a note may be made of.
FIT = st.characters(exclude_categories=["Cs", "Cc"])


# --- gates and keys ------------------------------------------------------------------------------------------------


@given(st.text(FIT.filter(lambda char: char != "@"), min_size=1, max_size=9), st.none() | st.text(FIT, min_size=1))
def test_a_key_is_a_gate_of_its_own_with_its_project_s_name(name: str, key: str | None) -> None:
    gate = GateKey.of(name, key, "local")
    assert (gate.name, gate.key) == (name, key)
    assert gate.project == (name if key is None else f"{name}@{key}")
    assert request(key=key).but(project=name).gate == gate


def test_gates_sort_by_project_and_region_and_say_both() -> None:
    gates = [GateKey("b", "r"), GateKey("a", "s"), GateKey("a", "r")]
    assert [str(gate) for gate in sorted(gates)] == ["a (r)", "a (s)", "b (r)"]


@pytest.mark.parametrize("project", ["x" * 2048, "é" * 1024, "@", "a/b c", "\N{SNOWMAN}"])
def test_names_up_to_dynamodb_s_limits(project: str) -> None:
    assert GateKey(project, "r").project == project


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("project", lambda: GateKey("", "r")),
        ("project", lambda: GateKey("x" * 2049, "r")),
        ("project", lambda: GateKey("é" * 1025, "r")),
        ("project", lambda: GateKey("a\nb", "r")),
        ("project", lambda: GateKey(SURROGATE, "r")),
        ("project", lambda: GateKey(None, "r")),  # type: ignore[arg-type]
        ("project", lambda: GateKey("a@", "r")),
        ("project", lambda: GateKey("@@", "r")),
        ("region", lambda: GateKey("p", "")),
        ("region", lambda: GateKey("p", "a/b")),
        ("region", lambda: GateKey("p", "a#b")),
        ("region", lambda: GateKey("p", "x" * 1025)),
        ("key", lambda: GateKey.of("p", "", "r")),
        ("key", lambda: GateKey.of("p", "a\0b", "r")),
        ("key", lambda: GateKey.of("p", "x" * 2049, "r")),
        ("project", lambda: GateKey.of("p", "x" * 2047, "r")),
        ("key", lambda: GateKey.of("p@x", "y", "r")),
    ],
)
def test_what_no_store_should_be_handed_is_refused_by_name(field: str, make: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        make()
    assert refused.value.field == field


# --- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(("B", "2"), ("A", "1")), {"B": "2", "A": "1"}, [("A", "1"), ("B", "2")]])
def test_an_environment_is_kept_by_name(given: Any) -> None:
    assert request(environment=given).environment == (("A", "1"), ("B", "2"))
    assert request(environment=given[:0] if isinstance(given, list | tuple) else {}).environment == ()


@pytest.mark.parametrize("given", [(("theme", "v2"), ("lib", "4f2")), {"theme": "v2", "lib": "4f2"}])
def test_versions_of_other_sources_are_kept_by_name(given: Any) -> None:
    assert request(secondary_versions=given).secondary_versions == (("lib", "4f2"), ("theme", "v2"))
    assert request(secondary_versions={}).secondary_versions == ()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("secondary_versions", {"secondary_versions": 5}),
        ("secondary_versions", {"secondary_versions": {"a b": "1"}}),
        ("secondary_versions", {"secondary_versions": {"": "1"}}),
        ("secondary_versions", {"secondary_versions": {"x" * 128: "1"}}),
        ("secondary_versions.lib", {"secondary_versions": {"lib": ""}}),
        ("secondary_versions.lib", {"secondary_versions": {"lib": None}}),
        ("secondary_versions.lib", {"secondary_versions": {"lib": 7}}),
        ("secondary_versions.lib", {"secondary_versions": {"lib": "a\nb"}}),
        ("secondary_versions.lib", {"secondary_versions": {"lib": "v" * 201}}),
        ("secondary_versions", {"secondary_versions": (("lib", "1"), ("lib", "2"))}),
        ("secondary_versions", {"secondary_versions": {f"lib{n}": "v" * 200 for n in range(11)}}),
        ("reason", {"reason": ""}),
        ("reason", {"reason": "r" * 201}),
        ("reason", {"reason": "bell\a"}),
        ("reason", {"reason": 7}),
        ("source_version", {"source_version": SURROGATE}),
        ("event_id", {"event_id": "e" * 1025}),
        ("by", {"by": "b" * 201}),
        ("line", {"line": "l" * 301}),
        ("parent", {"parent": "p" * 201}),
        ("at", {"at_ms": -1}),
        ("at", {"at_ms": 10**18}),
        ("at", {"at_ms": 1.5}),
        ("at", {"at_ms": True}),
        ("at", {"at_ms": "x"}),
        ("force", {"forced": "no"}),
        ("force", {"forced": 1}),
        ("parameters", {"parameters": 5}),
        ("parameters", {"parameters": None}),
        ("parameters", {"parameters": {"image": "x"}}),
        ("parameters", {"parameters": SURROGATE}),
        ("project", {"project": 5}),
        ("project", {"project": "site@feature"}),
        ("project", {"project": "site@"}),
        ("region", {"region": ""}),
        ("key", {"key": 5}),
        ("key", {"key": ""}),
        ("environment", {"environment": 5}),
        ("environment", {"environment": None}),
        ("environment", {"environment": "AB"}),
        ("environment", {"environment": ("AB",)}),
        ("environment", {"environment": (("A",),)}),
        ("environment.A", {"environment": {"A": 1}}),
        ("environment.A", {"environment": (("A", 1),)}),
        ("environment.1A", {"environment": (("1A", "x"),)}),
        ("environment.A", {"environment": (("A", "\0"),)}),
        ("environment.A", {"environment": (("A", SURROGATE),)}),
        ("environment", {"environment": (("A", "1"), ("A", "2"))}),
        ("environment", {"environment": (("A", "x" * 16_384),)}),
    ],
)
def test_what_is_wrong_with_a_request_is_named(field: str, words: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        Request(**{"project": "site", "region": "local", **words})
    assert refused.value.field == field
    with pytest.raises(ConfigError):
        Request(project="site", region="local").but(**words)


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=3)
    | st.text(st.characters(codec=None), max_size=9)
    | strategies.texts
    | st.lists(st.text(max_size=2), max_size=2)
)
PAIRS = st.lists(st.tuples(st.sampled_from(["A", "B", "1", ""]) | ANYTHING, ANYTHING), max_size=3)
#: Where a caller can write more than ``ANYTHING`` that is nearly right.
NEARLY = {
    "project": st.sampled_from(["a@", "a@b", "@", "@@", "@a"]),
    "key": st.sampled_from(["@", "a@", "@a"]),
    **dict.fromkeys(
        ("environment", "secondary_versions"),
        PAIRS | PAIRS.map(tuple) | PAIRS.map(lambda pairs: {repr(pair): pair for pair in pairs}),
    ),
}


@given(strategies.made(Request, GateKey("site@feature", "local")), st.sampled_from(Request._fields), st.data())
def test_whatever_is_given_for_a_field_is_refused_or_is_read_back_as_it_is(
    made: Request, field: str, data: st.DataObject
) -> None:
    given_for_it = data.draw(NEARLY.get(field, ANYTHING) | ANYTHING)
    try:
        made = made.but(**{field: given_for_it})
    except ConfigError:
        return
    _assert_stored(made)


@given(strategies.made(Request, GateKey("site@feature", "local")), strategies.variables)
def test_what_is_accepted_is_read_back_from_a_store_as_it_is(made: Request, environment: dict[str, str]) -> None:
    _assert_stored(made)
    _assert_stored(made.but(environment=environment))


def _assert_stored(made: Request) -> None:
    pending = single(made, 1)
    claim = Claim(token="T1", claimed_ms=1, held_ms=1, lease_until_ms=2, covers=pending)
    record = Record(claim=claim, pending=pending).swapped("W1")
    again = item_to_record(made.gate, record_to_item(record))
    assert again.pending is not None
    assert again.claim is not None
    assert again.pending.request == again.claim.request == made
    assert hash(again.claim.request) == hash(made)


# --- texts of others -----------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec=None), max_size=40), st.integers(1, 20))
def test_whatever_a_starter_says_can_be_stored(text: str, limit: int) -> None:
    kept = storable(text, limit)
    assert len(kept) <= limit
    assert kept.encode().decode() == kept
    assert all(char >= " " and char != "\x7f" for char in kept)
    assert storable(kept, limit) == kept
    fit = "".join(char for char in text if char.isprintable())
    assert storable(fit, 40) == fit


def test_of_a_long_text_8_characters_are_remembered() -> None:
    assert digest(None) is None
    assert digest("delivery-7") == "Lj23JDsi"
    assert len(digest("x" * 1024) or "") == 8
