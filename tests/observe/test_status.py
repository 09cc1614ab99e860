"""What a gate is doing, for people and monitors."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from holdoff.core.record import Hold, Record
from holdoff.core.request import GateKey
from holdoff.core.terms import Terms
from holdoff.core.units import MAX_INSTANT_MS, to_datetime
from holdoff.observe.status import Status, local_time, say_instant, status_of
from tests.core.build import (
    COOLDOWN,
    LEASE,
    MINUTE,
    NOW,
    built,
    claimed,
    finished,
    pending,
    running,
    terms,
)

KEY = GateKey("site-build", "eu-west-1")
TERMS = terms()
HELD = Record(hold=Hold(since_ms=NOW, why="incident 42", until_ms=NOW + MINUTE), lastbuild=None)


def status(record: Record, by: Terms | None = TERMS) -> Status:
    """The status now."""
    return status_of(KEY, record, by, NOW)


@pytest.mark.parametrize(
    ("record", "by", "state", "ready_ms", "said"),
    [
        (Record(), TERMS, "ready", None, "ready, never built"),
        (built(COOLDOWN), TERMS, "ready", NOW, "ready, last built 10m ago"),
        (built(MINUTE), TERMS, "cooling_down", NOW + 9 * MINUTE, "cooling down, last built 1m ago, ready in 9m"),
        (claimed(), TERMS, "claimed", NOW + COOLDOWN, "claimed, last built 0s ago, ready in 10m"),
        (HELD, TERMS, "held", NOW + MINUTE, "held, never built, ready in 1m"),
        (
            built(COOLDOWN, pending=pending()),
            TERMS,
            "pending",
            NOW,
            "pending, last built 10m ago, 1 trigger pending for 1m",
        ),
        (
            Record(pending=pending()),
            terms(quiet="5m"),
            "quiet",
            NOW + 4 * MINUTE,
            "quiet, never built, ready in 4m, 1 trigger pending for 1m",
        ),
        (
            built(0, running=running()),
            terms(0, overlap="defer"),
            "running",
            LEASE,
            "running, last built 0s ago, ready after it ends, at the latest in 30m",
        ),
        (
            built(0, running=running(), hold=HELD.hold),
            terms(0, overlap="defer"),
            "held",
            LEASE,
            "held, last built 0s ago, still running, ready at the latest in 30m",
        ),
        (
            built(0, running=running(), pending=pending()).but(due_ms=NOW - 2 * MINUTE),
            terms(0, overlap="defer", by={"children": True, "polls": True}),
            "running",
            None,
            "running, last built 0s ago, ready after it ends, 1 trigger pending for 1m",
        ),
        (
            built(0, running=running(), hold=HELD.hold and HELD.hold.but(until_ms=None)),
            terms(0, overlap="defer", by={"children": True}),
            "held",
            None,
            "held, last built 0s ago, still running",
        ),
        (
            built(0, running=running()),
            terms("1h", overlap="defer", by={"children": True}),
            "running",
            NOW + 60 * MINUTE,
            "running, last built 0s ago, ready after it ends, in 1h or later",
        ),
        (
            built(0, running=running()),
            terms("1h", overlap="defer"),
            "running",
            NOW + 60 * MINUTE,
            "running, last built 0s ago, ready in 1h",
        ),
        (
            built(
                31 * MINUTE,
                running=running(started_ms=NOW - 31 * MINUTE, lease_until_ms=NOW - MINUTE),
                pending=pending(),
            ),
            terms(overlap="defer", cooldown_from="finish"),
            "cooling_down",
            NOW + 9 * MINUTE,
            "cooling down, last built 31m ago, ready in 9m, 1 trigger pending for 1m",
        ),
        (built(MINUTE), None, "unknown", None, "last built 1m ago"),
        (HELD, None, "held", NOW + MINUTE, "held, never built, ready in 1m"),
        (Record(pending=pending()), None, "pending", None, "pending, never built, 1 trigger pending for 1m"),
        (claimed(), None, "claimed", None, "claimed, last built 0s ago"),
    ],
)
def test_the_state_is_what_stands_in_the_way(
    record: Record, by: Terms | None, state: str, ready_ms: int | None, said: str
) -> None:
    found = status(record, by)
    assert (found.state, found.ready_ms, str(found)) == (state, ready_ms, f"site-build: {said}")
    assert found.notes == ()


MARGIN = terms(by={"clock_margin_ms": 5_000})


@pytest.mark.parametrize(
    ("record", "note"),
    [
        (built(-5_000), None),
        (
            built(-90_000),
            "lastbuild is 1m30s in the future (a clock was wrong): it counts as now, and the next trigger corrects it",
        ),
        (built(6_000, finished=finished(started_ms=NOW)), None),
        (
            built(MINUTE, finished=finished(started_ms=NOW)),
            (
                "lastbuild was moved back to 2027-01-15T07:59:00.000Z, before the last build: "
                "the cooldown counts from there"
            ),
        ),
        (Record(lastbuild=built(0).lastbuild), None),
    ],
)
def test_what_is_odd_about_lastbuild_is_noted(record: Record, note: str | None) -> None:
    found = status(record, MARGIN)
    assert found.notes == (() if note is None else (note,))
    assert found.to_dict()["notes"] == list(found.notes)


def test_a_slot_that_a_failed_build_gave_back_is_nothing_odd() -> None:
    record = built(COOLDOWN, finished=finished(succeeded=False))
    assert status(record, terms(on_failure="rearm")).notes == ()
    assert status(record, terms(on_failure="keep")).notes != ()


def test_a_future_lastbuild_counts_as_now() -> None:
    assert status(built(-10 * MINUTE)).ready_ms == NOW + COOLDOWN


def test_how_long_the_oldest_trigger_has_waited_for_a_build() -> None:
    assert status(built(0)).stale_ms is None
    assert status(claimed(pending=pending(NOW - 5))).stale_ms == MINUTE
    assert status(Record(pending=pending(NOW + 5))).stale_ms == 0


@pytest.mark.parametrize(
    ("record", "field", "shown"),
    [
        (
            Record(pending=pending(NOW - 5, count=3, reason="push", source_version="v1", waiters=("a", "b"))),
            "pending",
            {
                "count": 3,
                "first": "2027-01-15T07:59:59.995Z",
                "last": "2027-01-15T07:59:59.995Z",
                "reason": "push",
                "source_version": "v1",
                "refusal": None,
                "waiting": 2,
            },
        ),
        (claimed(), "claim", {"token": "C1", "lease_until": "2027-01-15T08:01:00.000Z"}),
        (Record(running=running()), "running", {"build_id": "b-R1", "started": "2027-01-15T08:00:00.000Z"}),
        (
            Record(finished=finished(detail="exit status 1", succeeded=False)),
            "finished",
            {
                "build_id": "b-F1",
                "ended": "2027-01-15T08:00:00.000Z",
                "succeeded": False,
                "detail": "exit status 1",
            },
        ),
        (
            HELD,
            "hold",
            {
                "why": "incident 42",
                "by": None,
                "since": "2027-01-15T08:00:00.000Z",
                "until": "2027-01-15T08:01:00.000Z",
            },
        ),
    ],
)
def test_for_machines(record: Record, field: str, shown: dict[str, Any]) -> None:
    plain = status(record).to_dict()
    assert plain[field] == shown
    assert (plain["project"], plain["region"]) == ("site-build", "eu-west-1")
    parts = {"pending", "claim", "running", "finished", "hold"}
    assert [name for name in parts if plain[name] is not None] == [field]


FAILED = finished(started_ms=NOW - MINUTE, ended_ms=NOW - 5_000, succeeded=False, detail="exit status 3")


@pytest.mark.parametrize(
    ("record", "attention", "said"),
    [
        (built(COOLDOWN), (), "ready, last built 10m ago"),
        (
            built(MINUTE, finished=FAILED),
            ("failed",),
            "cooling down, the last build failed 5s ago (exit status 3), ready in 9m",
        ),
        (
            Record(pending=pending(failures=1)),
            ("failed", "pending"),
            "pending, never built, 1 trigger pending for 1m",
        ),
        (
            Record(hold=HELD.hold, pending=pending(), due_ms=NOW - 2 * MINUTE),
            ("held", "pending"),  # a wake would start nothing
            "held, never built, ready in 1m, 1 trigger pending for 1m",
        ),
        (
            Record(pending=pending(), due_ms=NOW - MINUTE),
            ("pending",),
            "pending, never built, 1 trigger pending for 1m",
        ),
        (
            claimed(due_ms=NOW - 2 * MINUTE),
            ("overdue", "running"),
            "claimed, last built 0s ago, ready in 10m, overdue for 2m",
        ),
        (built(COOLDOWN, hold=HELD.hold and HELD.hold.but(until_ms=NOW)), (), "ready, last built 10m ago"),
        (
            built(COOLDOWN, finished=FAILED.but(started_ms=NOW - COOLDOWN, detail=None)),
            ("failed",),
            "ready, the last build failed 5s ago",
        ),
        (built(0, running=running()), ("running",), "cooling down, last built 0s ago, still running, ready in 10m"),
        (built(0, running=running(lease_until_ms=NOW)), (), "cooling down, last built 0s ago, ready in 10m"),
        (built(-MINUTE), (), "cooling down, the last build is recorded 1m ahead of this clock, ready in 10m"),
    ],
)
def test_what_wants_attention_and_why(record: Record, attention: tuple[str, ...], said: str) -> None:
    found = status(record)
    assert found.attention == attention
    assert str(found) == f"site-build: {said}"
    assert found.to_dict()["attention"] == list(attention)


def test_machines_are_told_instants() -> None:
    held = Hold(since_ms=NOW - MINUTE, why="x", until_ms=None)
    told = status(built(MINUTE, finished=FAILED, pending=pending(), due_ms=NOW, hold=held)).to_dict()
    assert {name: told[name] for name in ("ready", "last_build", "last_failed", "due", "stale_seconds")} == {
        "ready": None,
        "last_build": "2027-01-15T07:59:00.000Z",
        "last_failed": "2027-01-15T07:59:55.000Z",
        "due": "2027-01-15T08:00:00.000Z",
        "stale_seconds": 60.0,
    }
    assert told["hold"] == {"why": "x", "by": None, "since": "2027-01-15T07:59:00.000Z", "until": None}


def test_what_waits_too_long_is_stale_where_that_is_asked() -> None:
    record = Record(pending=pending())
    asked = [status_of(KEY, record, TERMS, NOW, stale_after_ms=after).attention for after in (None, MINUTE, MINUTE - 1)]
    assert asked == [("pending",), ("pending",), ("stale", "pending")]


def test_after_a_reset_nothing_is_ready_since_1970() -> None:
    found = status(Record(lastbuild=Decimal(0), finished=finished()))
    assert (found.to_dict()["ready"], found.notes) == (None, ())


def test_after_a_reset_machines_are_told_of_the_last_build_as_people_are() -> None:
    found = status(Record(lastbuild=Decimal(0), finished=finished(started_ms=NOW - MINUTE)))
    assert (found.to_dict()["last_build"], "last built 1m ago" in str(found)) == ("2027-01-15T07:59:00.000Z", True)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2027-01-15 08:00:00 UTC"),
        ("Europe/London", "2027-01-15 08:00:00 UTC"),
        ("Asia/Kolkata", "2027-01-15 13:30:00 IST (08:00:00 UTC)"),
        ("Pacific/Kiritimati", "2027-01-15 22:00:00 +14 (08:00:00 UTC)"),
        ("XXX-25", "2027-01-15 08:00:00 UTC"),  # Python takes no zone that is a day or more from UTC
        ("XXX+167", "2027-01-15 08:00:00 UTC"),
        ("Pacific/Honolulu", "2027-01-14 22:00:00 HST (2027-01-15 08:00:00 UTC)"),
    ],
)
def test_an_instant_is_told_here_and_in_utc(monkeypatch: pytest.MonkeyPatch, zone: str, said: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert say_instant(NOW) == said
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_last_second_there_is_is_told_where_the_year_10000_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert say_instant(MAX_INSTANT_MS) == "9999-12-31 23:59:59 UTC"
        assert local_time(MAX_INSTANT_MS, ZoneInfo("Asia/Tokyo")) == to_datetime(MAX_INSTANT_MS)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_of_a_command_that_was_killed_all_is_told_as_the_next_trigger_finds_it() -> None:
    """Its state was told of what is pending again, and the rest of a record in which nothing was."""
    by = terms(on_failure="rearm", by={"children": True})
    found = status(built(MINUTE, running=running(lease_until_ms=NOW - 1)), by)
    assert found.record.running is None
    assert "1 trigger pending" in str(found)
