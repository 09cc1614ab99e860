"""Typed values, records and items, without an engine."""

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import RecordInvalid
from holdoff.core.record import Counts, Finished, GateKey, Opening, Record
from holdoff.stores.base import KEPT_HISTORY_MS
from holdoff.stores.dynamodb_item import (
    TOUCHED,
    build_item,
    build_of,
    decoded,
    decoded_item,
    encoded,
    history_prefix,
    item_of,
    key_of,
    open_update,
    record_of,
    swap_update,
)
from tests.stores import strategies
from tests.stores.strategies import KEY, NOW_MS, numbers, typical

values = st.recursive(
    st.none() | st.booleans() | numbers | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
    max_leaves=20,
)


@given(values)
def test_values_survive(value: object) -> None:
    assert decoded(encoded(value)) == value


@given(numbers)
def test_whole_numbers_come_back_as_int(number: int | Decimal) -> None:
    came_back = decoded(encoded(number))
    assert isinstance(came_back, int) == (number == int(number))


def test_booleans_stay_booleans() -> None:
    assert encoded(True) == {"BOOL": True}
    assert decoded({"BOOL": False}) is False


def test_sets_come_back_as_sets() -> None:
    assert decoded({"NS": ["1", "2.5"]}) == {1, Decimal("2.5")}
    assert decoded({"SS": ["a", "b"]}) == {"a", "b"}
    assert decoded({"BS": [b"\0", b"\1"]}) == {b"\0", b"\1"}


@pytest.mark.parametrize(
    "number",
    [Decimal("1." + "1" * 38), 10**38 + 1, Decimal("1E+126"), Decimal("1E-131")],
)
def test_a_number_that_would_change_is_refused(number: Decimal) -> None:
    with pytest.raises(RecordInvalid, match="38 significant digits"):
        encoded(number)


def test_zeros_at_the_end_are_no_digits() -> None:
    assert Decimal(encoded(Decimal("1." + "0" * 50))["N"]) == 1


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        encoded(0.5)


@given(strategies.records)
def test_records_survive(record: Record) -> None:
    assert record_of(KEY, key_of(KEY) | item_of(record)) == record


@given(strategies.records)
def test_an_item_names_only_what_is_ours(record: Record) -> None:
    item = item_of(record)
    assert set(item) <= set(TOUCHED)
    assert ("due" in item) == ("due_in" in item) == (record.due_ms is not None)
    assert "before" not in item


def test_nothing_there_is_a_gate_that_never_built() -> None:
    assert record_of(KEY, None) == record_of(KEY, key_of(KEY)) == Record()


@pytest.mark.parametrize(("text", "exact"), [("1795395667", 1795395667), ("0.1", Decimal("0.1"))])
def test_g7_an_item_of_the_old_snippet_is_a_gate(text: str, exact: int | Decimal) -> None:
    item = {**key_of(KEY), "lastbuild": {"N": text}}
    assert record_of(KEY, item) == Record(lastbuild=Decimal(exact))


def test_null_is_absent() -> None:
    nulls = {name: {"NULL": True} for name in TOUCHED}
    assert record_of(KEY, key_of(KEY) | nulls) == Record()


@pytest.mark.parametrize(
    "value",
    [
        {"S": "1795395667"},
        {"N": "-1"},
        {"BOOL": True},
        {"B": b"1"},
        {"L": []},
        {"M": {}},
        {"NS": ["1"]},
        {"N": "1795395667000"},  # milliseconds
    ],
)
def test_a_lastbuild_that_is_no_instant_is_told(value: dict[str, object]) -> None:
    with pytest.raises(RecordInvalid, match=r"site-build \(eu-west-1\): lastbuild"):
        record_of(KEY, {"lastbuild": value})


@pytest.mark.parametrize("name", sorted({*TOUCHED} - {"lastbuild", "due_in", "before"}))
def test_what_is_broken_is_named(name: str) -> None:
    with pytest.raises(RecordInvalid, match=name):
        record_of(KEY, {name: {"BS": [b"?"]}})


# --- before --------------------------------------------------------------------------------------


def test_before_is_read_back_into_the_claim() -> None:
    record = typical()
    assert record.claim is not None
    item = item_of(replace(record, claim=replace(record.claim, before=None)))
    opened = item | {"before": {"N": "1795395667.1234567"}}
    claim = record_of(KEY, opened).claim
    assert claim is not None
    assert claim.before == Decimal("1795395667.1234567")


def test_a_claim_that_says_before_itself_is_believed() -> None:
    record = typical()
    stale = item_of(record) | {"before": {"N": "5"}}
    assert record_of(KEY, stale) == record


def test_before_without_a_claim_means_nothing() -> None:
    assert record_of(KEY, {"before": {"N": "5"}}) == Record()


# --- history -------------------------------------------------------------------------------------


@given(strategies.finisheds)
def test_builds_survive(build: Finished) -> None:
    item = build_item(KEY, build)
    assert build_of(KEY, item) == build
    assert item["region"]["S"].startswith("eu-west-1#build#")
    assert int(item["expires"]["N"]) * 1000 >= build.claimed_ms + KEPT_HISTORY_MS


def test_a_build_that_cannot_be_read_is_told() -> None:
    items: list[dict[str, dict[str, Any]]] = [
        {},
        {"build": {"S": "?"}},
        {"build": {"M": {"token": {"N": "1"}}}},
    ]
    for item in items:
        with pytest.raises(RecordInvalid, match="history"):
            build_of(KEY, item)


def test_a_long_region_leaves_room_for_the_rest_of_the_sort_key() -> None:
    key = GateKey(KEY.project, "é" * 512)
    build = Finished(build_id="b", token="T" * 26, started_ms=1, claimed_ms=1, covered_ms=1)
    assert len(build_item(key, build)["region"]["S"].encode()) <= 1024
    assert history_prefix(key) != history_prefix(GateKey(KEY.project, "é" * 511 + "e"))


# --- updates -------------------------------------------------------------------------------------


@given(strategies.records, strategies.records)
def test_a_swap_sets_or_removes_all_that_is_ours(expected: Record, new: Record) -> None:
    update = swap_update(expected, new)
    assert set(update["ExpressionAttributeNames"].values()) == set(TOUCHED)
    sets, _, removes = update["UpdateExpression"].partition("REMOVE ")
    named = [part.split(" = ")[0] for part in sets.removeprefix("SET ").strip().split(", ") if part]
    gone = [part for part in removes.split(", ") if part]
    assert sorted(named + gone) == sorted(f"#{name}" for name in TOUCHED)
    _check_placeholders(update)


@given(strategies.gates_and_openings())
def test_an_opening_names_every_attribute_by_an_alias(pair: tuple[Record, Opening]) -> None:
    _check_placeholders(open_update(pair[1]))


def _check_placeholders(update: dict[str, Any]) -> None:
    """All that is used is given, all that is given is used, and no bare name stands there."""
    text = f"{update['UpdateExpression']} {update['ConditionExpression']}"
    words = [word.rstrip(",)").lstrip("(") for word in text.replace("(", " ").split()]
    used = {word.removesuffix("[0]") for word in words if word.startswith(("#", ":"))}
    given_ones = {*update["ExpressionAttributeNames"], *update["ExpressionAttributeValues"]}
    assert used == given_ones
    plain = {word for word in words if not word.startswith(("#", ":"))}
    assert plain <= {
        *("SET", "REMOVE", "AND", "OR", "NOT", "=", "<=", ">=", ""),
        *("attribute_not_exists", "attribute_type", "if_not_exists", "contains", "list_append"),
    }


# --- size ----------------------------------------------------------------------------------------


def item_bytes(item: dict[str, dict[str, Any]]) -> int:
    """An item's size by DynamoDB's counting rules."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            digits = len(Decimal(content).normalize().as_tuple().digits)
            return (digits + 1) // 2 + 1
        case "L":
            return 3 + sum(1 + _value_bytes(entry) for entry in content)
        case "M":
            return 3 + sum(len(n.encode()) + 1 + _value_bytes(v) for n, v in content.items())
        case _:
            return 1


def test_a_gate_stays_under_1_kb_between_builds() -> None:
    resting = replace(typical(), claim=None, pending=None, due_ms=None)
    assert item_bytes(key_of(KEY) | item_of(resting)) < 1024


def test_a_gate_stays_under_1_kb_while_triggers_wait_for_a_running_build() -> None:
    record = replace(typical(), claim=None)
    assert record.running is not None
    request = replace(record.running.covers.request, parameters="")  # dropped by the confirm
    covers = replace(record.running.covers, request=request)
    record = replace(record, running=replace(record.running, covers=covers))
    assert item_bytes(key_of(KEY) | item_of(record)) < 1024


def test_all_at_once_is_little_over_1_kb() -> None:
    assert item_bytes(key_of(KEY) | item_of(typical())) < 1350


def test_a_gate_that_only_starts_builds_is_small() -> None:
    record = replace(typical(), pending=None, running=None, finished=None, events=())
    record = replace(record, built=None, counts=Counts(started=1))
    assert item_bytes(key_of(KEY) | item_of(record)) < 512


# --- imports -------------------------------------------------------------------------------------


def test_botocore_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, holdoff.stores.dynamodb as d; d.DynamoDBStore('builds', region='eu-west-1');"
        "import json; print(json.dumps([m for m in sys.modules if m[:4] in ('boto', 's3tr')]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert json.loads(run.stdout) == []


def test_without_botocore_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from holdoff.core.record import GateKey\n"
        "from holdoff.stores.dynamodb import DynamoDBStore\n"
        "try:\n    DynamoDBStore('builds', region='eu-west-1').get(GateKey('a', 'b'))\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.startswith("StoreError dynamodb://builds?region=eu-west-1 needs botocore")
    assert run.stdout.rstrip().endswith("pip install 'holdoff[aws]'")


def test_decoded_maps_are_in_one_order() -> None:
    item: dict[str, dict[str, Any]] = {
        "b": {"N": "1"},
        "a": {"M": {"z": {"S": ""}, "y": {"S": ""}}},
    }
    assert json.dumps(decoded_item(item)) == '{"a": {"y": "", "z": ""}, "b": 1}'


def test_typical_is_now() -> None:
    assert typical().due_ms == NOW_MS + 60_000
