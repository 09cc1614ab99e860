"""Record <-> item: exact both ways, and whatever stands there is read or refused, never misread."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import RecordInvalid
from holdoff.core.pending import Fold, note_of, single
from holdoff.core.record import (
    FORMAT,
    KEPT_EVENTS,
    KEPT_NOTES,
    KEPT_WAITERS,
    KEPT_WRITES,
    Finished,
    Note,
    Record,
    Running,
    digest,
)
from holdoff.core.request import GateKey, Request
from holdoff.exact_json import dumps, loads
from holdoff.stores.codec import (
    OWN,
    PROJECT,
    REGION,
    build_to_plain,
    item_to_record,
    json_to_plain,
    note_to_plain,
    plain_to_build,
    record_to_item,
)
from holdoff.testing import strategies
from tests.stores.strategies import KEY, NOW_MS, finisheds, gates_and_folds, records

NUMBERS = st.integers() | st.decimals(allow_nan=True, allow_infinity=True)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.floats() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
REQUEST = Request(project="site-build", region="eu-west-1", reason="push", source_version="4f2a91c")


# --- exact both ways -------------------------------------------------------------------------------------------------


@given(records, st.dictionaries(st.sampled_from(["owner", "Due", "x"]), PLAIN))
def test_every_record_survives_and_attributes_of_others_beside_it(record: Record, others: dict[str, Any]) -> None:
    item = record_to_item(record)
    assert item_to_record(KEY, item) == record
    assert item_to_record(KEY, loads(dumps(item))) == record
    read = item_to_record(KEY, item | others)
    assert read.but(others=()) == record
    assert {name: record_to_item(read)[name] for name in others} == others


@given(finisheds)
def test_every_build_survives(build: Finished) -> None:
    assert plain_to_build(KEY, build_to_plain(build)) == build


def test_a_gate_with_a_key_has_requests_with_that_key() -> None:
    key = GateKey.of("site-build", "feature/x", "eu-west-1")
    request = REQUEST.but(key="feature/x")
    record = Record(pending=single(request, NOW_MS)).swapped("W1")

    item = record_to_item(record)
    assert "feature/x" not in dumps(item), "the gate's own key says it"
    assert item_to_record(key, item) == record


def test_versions_of_other_sources_cost_nothing_where_there_are_none() -> None:
    record = Record(pending=single(REQUEST, NOW_MS)).swapped("W1")
    item = record_to_item(record)
    assert "versions" not in item["pending"]["request"]
    more = record.but(pending=single(REQUEST.but(secondary_versions={"lib": "4f2"}), NOW_MS))
    assert record_to_item(more)["pending"]["request"]["versions"] == {"lib": "4f2"}
    assert item_to_record(KEY, record_to_item(more)) == more


# --- registers -------------------------------------------------------------------------------------------------------


@given(gates_and_folds())
def test_registers_that_a_fold_shifts_are_stored_at_full_length(gate: tuple[Record, Fold]) -> None:
    record, fold = gate
    for item in (record_to_item(record), record_to_item(fold.joined_to(record))):
        assert (len(item["writes"]), len(item["events"])) == (KEPT_WRITES, KEPT_EVENTS)
        assert (len(item["pending"]["notes"]), len(item["pending"]["waiters"])) == (KEPT_NOTES, KEPT_WAITERS)


def test_a_shift_in_place_is_what_the_core_means_by_it() -> None:
    """As ``SET w[1] = w[0], w[0] = :new`` does it, also where the newest trigger says nothing at all."""
    record = Record(pending=single(REQUEST, NOW_MS)).swapped("W1")
    silent = REQUEST.but(reason=None, source_version=None)
    fold = Fold(write_id="W2", request=silent, event="E2", waiter="T2", last_ms=NOW_MS)
    item = record_to_item(record)
    pending = item["pending"]
    item["writes"] = ["W2", *item["writes"][:-1]]
    item["events"] = ["E2", *item["events"][:-1]]
    pending["notes"] = [note_to_plain(note_of(silent)), *pending["notes"][:-1]]
    pending["waiters"] = ["T2", *pending["waiters"][:-1]]
    pending |= {"request": {}, "n": 2}

    assert item_to_record(KEY, item) == fold.applied(record, record)


def test_a_note_that_says_nothing_is_no_pad() -> None:
    record = Record(pending=single(REQUEST, NOW_MS).but(notes=(Note(), Note(reason="push"), Note())))
    assert item_to_record(KEY, record_to_item(record)) == record


def test_a_lone_note_that_repeats_the_request_of_a_build_is_not_stored() -> None:
    running = Running(
        build_id="b", token="t", started_ms=1, lease_until_ms=2, covers=single(REQUEST, NOW_MS), claimed_ms=1
    )
    record = Record(running=running)

    assert "notes" not in record_to_item(record)["running"]["covers"]
    assert item_to_record(KEY, record_to_item(record)) == record


def test_an_item_stays_small() -> None:
    """A build that runs and forty pushes since, with the index's attribute beside: AWS bills by the kilobyte."""
    build = Running(
        build_id="site-build:6f0d5d4e-4b0a-4ad0-8a0e-8a62b3f4c1d2",
        token="01KAZ3TBSRY8V6Q9W4N2M5X7PD",
        started_ms=NOW_MS + 1,
        lease_until_ms=NOW_MS + 2,
        claimed_ms=NOW_MS + 3,
        covers=single(REQUEST.but(event_id="delivery-1"), NOW_MS + 4),
    )
    record = Record(lastbuild=Decimal("1795395667.001"), running=build, pending=single(REQUEST, NOW_MS + 5))
    record = record.but(due_ms=NOW_MS + 6).swapped("00000000")
    for number in range(40):
        event = f"delivery-{number}"
        fold = Fold(
            write_id=f"{number:08}", request=REQUEST.but(event_id=event), event=digest(event), last_ms=NOW_MS + 7
        )
        record = fold.joined_to(record)
    index = {"due_in": "holdoff"}

    assert size(record_to_item(record) | {PROJECT: KEY.project, REGION: KEY.region} | index) < 1024


def size(plain: Any) -> int:
    """By AWS's rules: names and text in bytes, a number a byte for two digits, a list or map 3 and 1 for each entry."""
    if isinstance(plain, str):
        return len(plain.encode())
    if isinstance(plain, int | Decimal):
        return len(Decimal(plain).as_tuple().digits) // 2 + 2
    if isinstance(plain, dict):
        return 3 + sum(1 + len(name) + size(value) for name, value in plain.items())
    return 3 + sum(1 + size(entry) for entry in plain)


# --- what others wrote -----------------------------------------------------------------------------------------------


def test_nothing_but_the_keys_is_a_gate_that_never_built() -> None:
    assert item_to_record(KEY, {PROJECT: "site-build", REGION: "eu-west-1"}) == Record()


@pytest.mark.parametrize("lastbuild", [1_795_395_667, Decimal("1795395667.25"), 0])
def test_the_snippet_s_item_is_a_gate(lastbuild: int | Decimal) -> None:
    assert item_to_record(KEY, {"lastbuild": lastbuild}) == Record(lastbuild=Decimal(lastbuild))


def test_every_item_of_ours_carries_the_format() -> None:
    assert record_to_item(Record())["format"] == FORMAT


@pytest.mark.parametrize("found", [FORMAT + 1, 10**30])
def test_a_newer_format_is_refused(found: int) -> None:
    with pytest.raises(
        RecordInvalid, match=rf"written by a newer Holdoff \(format .*; this one knows {FORMAT}\)"
    ) as no:
        item_to_record(KEY, {"format": found, "lastbuild": "in a way to come"})
    assert "pip install -U holdoff" in str(no.value)


# --- what nothing of ours wrote --------------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from([*OWN, "theirs"]), PLAIN))
def test_garbage_is_read_or_refused(item: dict[str, Any]) -> None:
    try:
        assert isinstance(item_to_record(KEY, item), Record)
    except RecordInvalid as refused:
        assert str(KEY) in str(refused)


@given(records, st.data())
def test_one_wrong_value_is_read_or_refused(record: Record, data: st.DataObject) -> None:
    item = record_to_item(record)
    path: Any = item
    while isinstance(path, dict) and path:
        name = data.draw(st.sampled_from(sorted(path)))
        if isinstance(path[name], dict) and path[name] and data.draw(st.booleans()):
            path = path[name]
            continue
        path[name] = data.draw(PLAIN)
        break
    try:
        item_to_record(KEY, item)
    except RecordInvalid as refused:
        assert refused.hint


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"lastbuild": "1795395667"}, "lastbuild is '1795395667'; epoch seconds as a Number is right"),
        ({"lastbuild": -5}, "lastbuild is -5; epoch seconds from 0"),
        ({"lastbuild": 1_795_395_667_000}, "is it in milliseconds?"),
        ({"lastbuild": True}, "lastbuild is True; epoch seconds as a Number"),
        ({"lastbuild": Decimal("1e999999999")}, "lastbuild is 1E+999999999; epoch seconds"),
        ({"claim": 5}, "claim is 5; a map is right"),
        ({"hold": {"why": "w"}}, "hold.since is None; epoch milliseconds is right"),
        ({"pending": {"request": {"reason": 7}}}, "pending.request.reason is 7; text is right"),
        ({"pending": {"request": {"env": {"A B": "x"}}}}, "pending.request"),
        ({"events": ["E", 5]}, "events is 5; text is right"),
        ({"claim": {"covers": []}}, "claim.token is None"),
        ({"format": "json"}, "format is 'json'; a whole number is right"),
    ],
)
def test_what_is_wrong_is_named(item: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordInvalid) as refused:
        item_to_record(KEY, item)
    assert said in str(refused.value)
    assert "Nothing was started or changed" in str(refused.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{broken", "the item is not JSON (Expecting "),
        ("[1]", "the item is [1]; an object in JSON is right."),
    ],
)
def test_a_row_that_is_no_object_is_told_with_what_to_do(row: str, said: str) -> None:
    with pytest.raises(RecordInvalid) as raised:
        json_to_plain(KEY, row)
    assert said in str(raised.value)
    assert "Nothing was started or changed. Correct the item" in str(raised.value)


@given(st.data())
def test_a_silly_number_anywhere_is_refused_or_kept_but_never_written_out(data: st.DataObject) -> None:
    silly = Decimal("1e999999999")
    record = data.draw(strategies.made(Record, KEY))
    item = record_to_item(record.but(others=(("theirs", silly),)))
    assert "1E+999999999" in dumps(item)
    assert len(dumps(item)) < 100_000
