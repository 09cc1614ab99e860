"""The sentences people read, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.core.decision import Decision, Outcome, Why
from tests.core.build import MINUTE, NOW


def decision(outcome: Outcome, why: Why, **more: Any) -> Decision:
    """A decision about the site."""
    values: dict[str, Any] = {"project": "site", "region": "local", "id": "site/local/T1", **more}
    return Decision(outcome=outcome, why=why, decided_ms=NOW, **values)


STARTED, DEFERRED, SKIPPED, FAILED = Outcome
IN_7M = NOW + 6 * MINUTE + 48_000
AGO_3M = NOW - 3 * MINUTE - 12_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (decision(STARTED, Why.READY, build_id="b-1", covers=1), "site started: build b-1"),
        (
            decision(STARTED, Why.FORCED, build_id="b-1", covers=3),
            "site started: build b-1, forced, for 3 triggers",
        ),
        (
            decision(STARTED, Why.READY, build_id="b-1", unconfirmed=True),
            (
                "site started: build b-1, not yet recorded (the store did not answer); "
                "the next trigger or wake records it"
            ),
        ),
        (
            decision(DEFERRED, Why.COOLING_DOWN, lastbuild_ms=AGO_3M, due_ms=IN_7M, woken=True),
            "site deferred: last built 3m12s ago, starts in 6m48s",
        ),
        (
            decision(DEFERRED, Why.COOLING_DOWN, lastbuild_ms=AGO_3M, due_ms=IN_7M),
            ("site deferred: last built 3m12s ago, starts at the next trigger or wake in 6m48s or later"),
        ),
        (
            decision(DEFERRED, Why.COOLING_DOWN, lastbuild_ms=NOW + 90_000, due_ms=IN_7M, woken=True),
            "site deferred: the last build is recorded 1m30s ahead of this clock, starts in 6m48s",
        ),
        (
            decision(SKIPPED, Why.COOLING_DOWN, lastbuild_ms=NOW, ahead_ms=7_200_000, due_ms=IN_7M),
            "site skipped: the last build is recorded 2h ahead of this clock, and counts as now, ready in 6m48s",
        ),
        (
            decision(SKIPPED, Why.COOLING_DOWN, lastbuild_ms=AGO_3M, failed_ms=NOW - 5_000, due_ms=IN_7M),
            "site skipped: the last build failed 5s ago, ready in 6m48s",
        ),
        (
            decision(DEFERRED, Why.BACKING_OFF, failed_ms=NOW - 5_000, due_ms=NOW + 55_000, woken=True),
            "site deferred: the last build failed 5s ago, starts in 55s",
        ),
        (
            decision(DEFERRED, Why.LIMIT, lastbuild_ms=AGO_3M, due_ms=IN_7M, woken=True),
            "site deferred: the limit is reached, last built 3m12s ago, starts in 6m48s",
        ),
        (
            decision(DEFERRED, Why.HELD, detail="incident 42", woken=True),
            "site deferred: on hold: incident 42, starts after that ends",
        ),
        (
            decision(DEFERRED, Why.HELD, detail="incident 42"),
            "site deferred: on hold: incident 42, starts at the next trigger or wake after that ends",
        ),
        (
            decision(DEFERRED, Why.RUNNING, detail="b-1", due_ms=IN_7M),
            (
                "site deferred: build b-1 is running, "
                "starts at the next trigger or wake after it ends, at the latest in 6m48s"
            ),
        ),
        (
            decision(DEFERRED, Why.RUNNING, detail="b-1"),
            "site deferred: build b-1 is running, starts at the next trigger or wake after it ends",
        ),
        (
            decision(SKIPPED, Why.RUNNING, detail="b-1", due_ms=IN_7M),
            "site skipped: build b-1 is running, ready after it ends, at the latest in 6m48s",
        ),
        (
            decision(DEFERRED, Why.QUIET, due_ms=NOW + 20_000, woken=True),
            "site deferred: waiting for quiet, starts in 20s",
        ),
        (
            decision(DEFERRED, Why.QUIET, due_ms=NOW + 20_000),
            "site deferred: waiting for quiet, starts at the next wake in 20s or later",
        ),
        (
            decision(DEFERRED, Why.RUNNING, detail="b-1", due_ms=IN_7M, woken=True),
            "site deferred: build b-1 is running, starts after it ends, at the latest in 6m48s",
        ),
        (
            decision(DEFERRED, Why.BACKING_OFF, due_ms=NOW + 5_000, woken=True, detail="no such project"),
            "site deferred: the last start was refused: no such project, starts in 5s",
        ),
        (
            decision(DEFERRED, Why.BACKING_OFF, due_ms=NOW + 5_000, woken=True),
            "site deferred: the last start was refused, starts in 5s",
        ),
        (
            decision(SKIPPED, Why.COOLING_DOWN, lastbuild_ms=AGO_3M, due_ms=IN_7M),
            "site skipped: last built 3m12s ago, ready in 6m48s",
        ),
        (
            decision(SKIPPED, Why.DUPLICATE, detail="delivery-7"),
            "site skipped: event delivery-7 was taken before",
        ),
        (
            decision(SKIPPED, Why.UNCHANGED, detail="4f2a91c"),
            "site skipped: 4f2a91c is built already, or being built",
        ),
        (
            decision(SKIPPED, Why.SUPERSEDED, detail="4f2a91c"),
            "site skipped: 4f2a91c or a newer version was started already",
        ),
        (decision(DEFERRED, Why.REPLACED, detail="build b-2"), "site deferred: replaced by build b-2"),
        (decision(SKIPPED, Why.IDLE), "site skipped: nothing is pending"),
        (
            decision(FAILED, Why.START_FAILED, detail="account limit", due_ms=NOW + 5_000),
            (
                "site failed: the build was refused: account limit; the slot is given back, "
                "the next trigger or wake in 5s or later tries again"
            ),
        ),
        (
            decision(FAILED, Why.START_UNKNOWN, detail="time-out", due_ms=NOW + MINUTE),
            (
                "site failed: it is not known whether the build started: time-out; "
                "the next trigger or wake in 1m or later finds out"
            ),
        ),
        (
            decision(FAILED, Why.START_UNKNOWN, detail="another process has ended this start"),
            (
                "site failed: it is not known here whether the build started: "
                "another process has ended this start; `holdoff explain` says"
            ),
        ),
        (
            decision(SKIPPED, Why.IDLE, taken_over="b-0"),
            "site skipped: nothing is pending (first finished a start that was left: build b-0)",
        ),
    ],
)
def test_sentences(given: Decision, said: str) -> None:
    assert str(given) == said


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("why", list(Why))
def test_every_pair_has_a_sentence(outcome: Outcome, why: Why) -> None:
    said = str(decision(outcome, why))
    assert said.startswith(f"site {outcome}: ")
    assert len(said) > len(f"site {outcome}: ")


def test_instants_come_out_as_aware_datetimes() -> None:
    given = decision(DEFERRED, Why.COOLING_DOWN, due_ms=IN_7M, lastbuild_ms=AGO_3M)
    assert given.due is not None
    assert given.last_build is not None
    assert given.due.isoformat() == "2027-01-15T08:06:48+00:00"
    assert given.last_build.tzinfo is not None
    assert given.retry_after == 408


def test_a_due_that_has_passed_is_now() -> None:
    assert decision(DEFERRED, Why.PENDING, due_ms=NOW - 5).retry_after == 0


def test_its_token_names_the_trigger() -> None:
    assert decision(STARTED, Why.READY, id="site@a/b/local/T9").token == "T9"


def test_for_machines() -> None:
    plain = decision(DEFERRED, Why.COOLING_DOWN, due_ms=IN_7M, lastbuild_ms=AGO_3M).to_dict()
    assert plain["outcome"] == "deferred"
    assert plain["why"] == "cooling_down"
    assert plain["due"] == "2027-01-15T08:06:48.000Z"
    assert plain["message"] == str(decision(DEFERRED, Why.COOLING_DOWN, due_ms=IN_7M, lastbuild_ms=AGO_3M))
