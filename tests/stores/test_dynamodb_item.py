"""Typed values, records and items, without an engine."""

import itertools
import json
import re
import string
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core import builds, claims, people
from holdoff.core.errors import RecordInvalid
from holdoff.core.pending import Fold, single
from holdoff.core.policy import Policy
from holdoff.core.record import KEPT_EARLY, KEPT_HISTORY_MS, MAX_REFUSAL, Act, End, Finished, Hold, Line, Record
from holdoff.core.request import (
    MAX_BUILD_ID,
    MAX_ENVIRONMENT_BYTES,
    MAX_EVENT_ID,
    MAX_LINE,
    MAX_REASON,
    MAX_VERSION,
    GateKey,
    Request,
)
from holdoff.core.terms import Terms
from holdoff.stores.dynamodb import item
from holdoff.stores.dynamodb.item import (
    TOUCHED,
    build_item,
    build_of,
    decoded,
    decoded_item,
    encoded,
    fold_update,
    history_prefix,
    item_size,
    key_of,
    record_of,
    size_of,
    swap_update,
)
from tests.stores import strategies
from tests.stores.strategies import KEY, NOW_MS, item_of, numbers, typical
from tests.waiting import PATIENCE_S

values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
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
    with pytest.raises(RecordInvalid, match="float"):
        encoded(0.5)


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
    with pytest.raises(RecordInvalid, match=r"site-build \(eu-west-1\): lastbuild is"):
        record_of(KEY, {"lastbuild": value})


@pytest.mark.parametrize("name", sorted({*TOUCHED} - {"lastbuild", "due_in"}))
def test_what_is_broken_is_named(name: str) -> None:
    with pytest.raises(RecordInvalid, match=name):
        record_of(KEY, {name: {"BS": [b"?"]}})


@pytest.mark.parametrize("due_in", [{}, {"due_in": {"S": "?"}}, {"due_in": {"NULL": True}}], ids=str)
def test_a_due_that_the_index_does_not_find_is_none_and_is_written_again(due_in: dict[str, Any]) -> None:
    assert record_of(KEY, {"due": {"N": "1795395667000"}, **due_in}) == Record()


def test_a_write_id_that_a_person_emptied_is_still_the_last_one() -> None:
    """Else each write would lose against a write that there is not."""
    record = record_of(KEY, {"writes": {"L": [{"S": ""}, {"S": "W1"}, {"S": ""}]}, "moved": {"S": "W2"}})
    assert record.writes == ("", "W1")
    assert swap_update(record, record.swapped("W3"))["ExpressionAttributeValues"][":was_write"] == {"S": ""}


# --- history -------------------------------------------------------------------------------------


@given(strategies.finisheds)
def test_builds_survive(build: Finished) -> None:
    item = build_item(KEY, build)
    assert build_of(KEY, item) == build
    assert item["region"]["S"].startswith("eu-west-1#build#")
    assert int(item["expires"]["N"]) * 1000 >= build.claimed_ms + KEPT_HISTORY_MS


def test_a_build_that_cannot_be_read_is_told() -> None:
    items: list[dict[str, dict[str, Any]]] = [{}, {"build": {"S": "?"}}, {"build": {"M": {"token": {"N": "1"}}}}]
    for broken in items:
        with pytest.raises(RecordInvalid, match="is right"):
            build_of(KEY, broken)


def test_a_long_region_leaves_room_for_the_rest_of_the_sort_key() -> None:
    key = GateKey(KEY.project, "é" * 512)
    build = Finished(build_id="b", token="T" * 26, started_ms=1, claimed_ms=1)
    assert len(build_item(key, build)["region"]["S"].encode()) <= 1024
    assert history_prefix(key) != history_prefix(GateKey(KEY.project, "é" * 511 + "e"))


# --- updates -------------------------------------------------------------------------------------


@given(strategies.records, strategies.records)
def test_a_swap_leaves_the_item_as_the_new_record_stands(expected: Record, new: Record) -> None:
    """The item is read as that record, and names only what is ours."""
    for record in (expected, new):
        item = item_of(record)
        assert record_of(KEY, key_of(KEY) | item) == record
        assert set(item) <= set(TOUCHED)
        assert ("due" in item) == ("due_in" in item) == (record.due_ms is not None)
    update = swap_update(expected, new)
    sets, _, removes = update["UpdateExpression"].partition(" REMOVE ")
    names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
    item = item_of(expected)
    for part in sets.removeprefix("SET ").split(", "):
        name, value = part.split(" = ")
        item[names[name]] = values[value]
    for name in filter(None, removes.split(", ")):
        item.pop(names[name], None)
    assert item == item_of(new)
    _check_placeholders(update)


def test_a_swap_writes_what_stays_the_same_no_second_time() -> None:
    """Of a gate that Holdoff has moved; of any other it writes all that is its own, whatever stands there."""
    lines = (Line(line="l", source_version="v"),)
    first = Record(lastbuild=Decimal(1), lines=lines, acts=(Act(what="reset", at_ms=1),)).swapped("WRITE001")
    second = first.but(lastbuild=Decimal(2)).swapped("WRITE002")
    assert set(swap_update(first, second)["ExpressionAttributeNames"].values()) == {
        "format",
        "lastbuild",
        "moved",
        "writes",
    }
    whole = swap_update(Record(lastbuild=Decimal(1)), second)
    assert set(whole["ExpressionAttributeNames"].values()) == set(TOUCHED)


@given(strategies.gates_and_folds())
def test_a_fold_names_every_attribute_by_an_alias(pair: tuple[Record, Fold]) -> None:
    update = fold_update(*pair)
    if update is not None:
        _check_placeholders(update)
        assert set(update["ExpressionAttributeNames"].values()).isdisjoint({"due", "due_in", "expires", "claim"})


def _check_placeholders(update: dict[str, Any]) -> None:
    """All that is used is given, all that is given is used, and no bare name stands there."""
    text = f"{update['UpdateExpression']} {update['ConditionExpression']}"
    used = set(re.findall(r"[#:]\w+", text))
    assert used == {*update["ExpressionAttributeNames"], *update["ExpressionAttributeValues"]}
    plain = set(re.findall(r"(?<![#:\w])[a-z_]+", text, re.IGNORECASE))
    assert plain <= {
        *("SET", "REMOVE", "AND", "OR", "NOT"),
        *("attribute_exists", "attribute_not_exists", "attribute_type", "contains"),
    }


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        ("", 0),
        ("häß", 5),
        (b"1234", 4),
        (0, 1),
        (7, 2),
        (10**30, 2),
        (1795395667, 6),
        (Decimal("-1795395667.1230"), 9),
        ([], 3),
        (["a", "b"], 7),
        ({"ab": 1}, 8),
        ({"a", "bc"}, 3),
    ],
)
def test_a_value_is_as_large_as_aws_counts(value: object, size: int) -> None:
    assert size_of(value) == size


def test_an_item_is_as_large_as_aws_counts() -> None:
    """The example of CapacityUnitCalculations.html: names, and values, and nothing for the item itself."""
    assert item_size({"cb_project": "site-build", "region": "eu-west-1", "lastbuild": 1795395667}) == 20 + 15 + 15


def size(record: Record) -> int:
    return item_size(decoded_item(key_of(KEY) | item_of(record)))


def test_a_gate_stays_under_1_kb_between_builds() -> None:
    assert size(typical().but(claim=None, pending=None, running=None, due_ms=None)) < 700


def test_a_gate_stays_under_1_kb_while_triggers_wait_for_the_cooldown() -> None:
    assert size(typical().but(claim=None, running=None)) < 1024


def test_all_at_once_is_under_2_kb() -> None:
    assert size(typical()) < 2048


def test_a_gate_that_only_starts_builds_is_small() -> None:
    record = typical().but(pending=None, running=None, finished=None, events=(), built=None)
    assert size(record) < 700


WIDE = "\N{GRINNING FACE}"


def most_variables() -> tuple[tuple[str, str], ...]:
    """As many as an environment takes: short names, each of which costs a byte more."""
    names = ("".join(name) for length in (1, 2, 3) for name in itertools.product(string.ascii_letters, repeat=length))
    variables, left = [], MAX_ENVIRONMENT_BYTES
    while (left := left - len(name := next(names))) >= 0:
        variables.append((name, ""))
    return tuple(variables)


def largest_request() -> Request:
    """The longest texts, of the longest characters, and the most variables."""
    return Request(
        project=KEY.project,
        region=KEY.region,
        reason=WIDE * MAX_REASON,
        source_version=WIDE * MAX_VERSION,
        event_id=WIDE * MAX_EVENT_ID,
        environment=most_variables(),
        secondary_versions=tuple((f"{n:0126}", "v" * 78) for n in range(10)),
        by=WIDE * MAX_REASON,
        line=WIDE * MAX_LINE,
        parent=WIDE * MAX_VERSION,
        at_ms=NOW_MS,
        forced=True,
    )


TERMS = Terms(policy=Policy("10m", limit="3/1h"))


def a_claim() -> Record:
    """A gate whose first build is about to start."""
    request = Request(project=KEY.project, region=KEY.region, line="refs/heads/main", source_version="a" * 40)
    covers = single(request, NOW_MS)
    return claims.made(Record(lastbuild=Decimal(5)), covers, "T" * 26, TERMS, NOW_MS).swapped("W" * 8)


def test_the_largest_pending_and_a_confirm_have_room_above_a_claim() -> None:
    full = a_claim().but(pending=single(largest_request(), NOW_MS, waiter="T" * 8).but(refusal=WIDE * MAX_REFUSAL))
    for n in range(20):
        fold = Fold(
            write_id=f"F{n:07}", request=largest_request(), event=f"E{n:07}", waiter=f"W{n:07}", last_ms=NOW_MS + n
        )
        full = fold.joined_to(full)
    assert full.claim is not None
    both = builds.confirmed(full, full.claim, WIDE * MAX_BUILD_ID, TERMS, NOW_MS).swapped("W" * 8)
    assert both.pending is not None
    assert 30_000 < size(both) - size(a_claim()) < 400 * 1024 - item.MAX_HELD_BYTES


def test_take_overs_and_what_is_reported_have_room_above_a_claim() -> None:
    record = claims.taken_over(a_claim(), TERMS, NOW_MS + 60_000)
    hold = Hold(since_ms=NOW_MS, why=WIDE * MAX_REASON, by=WIDE * MAX_REASON, until_ms=NOW_MS)
    for n in range(3):
        record = people.held(record, hold).swapped(f"W{n:07}")
    end = Finished(
        build_id=WIDE * MAX_BUILD_ID,
        token="T" * 26,
        started_ms=NOW_MS,
        claimed_ms=NOW_MS,
        ended_ms=NOW_MS,
        succeeded=False,
        source_version=WIDE * MAX_VERSION,
        detail=WIDE * MAX_REASON,
        exit_status=1,
    )
    early = (End(build_id=end.build_id, succeeded=False, detail=end.detail, exit_status=1),) * KEPT_EARLY
    assert record.claim is not None
    record = record.but(finished=end, built=end.source_version, claim=record.claim.but(early=early))
    assert 10_000 < size(record) - size(a_claim()) < item.MAX_HELD_BYTES - item.MAX_CLAIMED_BYTES


# --- imports -------------------------------------------------------------------------------------


def test_botocore_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, holdoff.stores.dynamodb.store as d; d.DynamoDBStore('builds', region='eu-west-1');"
        "import json; print(json.dumps([m for m in sys.modules if m[:4] in ('boto', 's3tr')]))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    assert json.loads(run.stdout) == []


def test_without_botocore_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from holdoff.core.request import GateKey\n"
        "from holdoff.stores.dynamodb.store import DynamoDBStore\n"
        "try:\n    DynamoDBStore('builds', region='eu-west-1').get(GateKey('a', 'b'))\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    assert run.stdout.startswith("StoreError dynamodb://builds?region=eu-west-1")
    assert run.stdout.rstrip().endswith("pip install 'holdoff[aws]'")


def test_decoded_maps_are_in_one_order() -> None:
    item: dict[str, dict[str, Any]] = {
        "b": {"N": "1"},
        "a": {"M": {"z": {"S": ""}, "y": {"S": ""}}},
    }
    assert json.dumps(decoded_item(item)) == '{"a": {"y": "", "z": ""}, "b": 1}'


def test_binary_is_read_as_bytes_by_either_client() -> None:
    for sent in (b"\x00\xff", "AP8="):
        assert decoded({"B": sent}) == b"\x00\xff"
        assert decoded({"BS": [sent]}) == {b"\x00\xff"}
    with pytest.raises(ValueError, match="base64"):
        decoded({"B": "~"})
    with pytest.raises(ValueError, match="invalid literal"):
        decoded({"N": "\u00b2"})
    with pytest.raises(ArithmeticError):
        decoded({"N": "1" * 39})
