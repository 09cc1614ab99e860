"""What becomes of a trigger and of a wake: the decision, what is to be written, and what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.core import builds, claims
from holdoff.core.decide import Trigger
from holdoff.core.decision import Outcome, Why
from holdoff.core.lines import line_of
from holdoff.core.pending import content_of, single, waiter_name
from holdoff.core.record import End, Hold, Record, digest
from holdoff.core.token import make
from holdoff.core.waits import with_due
from tests.core.build import (
    COOLDOWN,
    LEASE,
    MINUTE,
    NOW,
    answer,
    built,
    claim,
    claimed,
    finished,
    on_trigger,
    on_wake,
    pending,
    request,
    running,
    seconds,
    terms,
    trigger,
)

TERMS = terms()
SKIP = terms(on_cooldown="skip")
READY = built(COOLDOWN)
E1 = digest("E1")

# --- a start -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [Record(), Record(lastbuild=seconds(0)), READY])
@pytest.mark.parametrize(("force", "why"), [(False, Why.READY), (True, Why.FORCED)])
def test_a_trigger_starts_where_no_wait_is_left(record: Record, force: bool, why: Why) -> None:
    step = on_trigger(record, trigger(force=force, event_id="E1"), TERMS)
    assert answer(step) == (Outcome.STARTED, why)
    assert step.claim is not None
    assert step.claim == step.record.claim
    assert (step.decision.covers, step.decision.waited_ms) == (1, 0)
    assert (step.record.lastbuild, step.record.events) == (seconds(NOW), (E1,))


def test_a_start_takes_what_is_pending_along() -> None:
    record = READY.but(pending=pending(count=4, source_version="v1"))
    step = on_trigger(record, trigger(source_version="v2"), TERMS)
    assert (answer(step), step.decision.covers) == ((Outcome.STARTED, Why.READY), 5)
    assert step.decision.waited_ms == MINUTE
    assert step.record.pending is None
    assert step.record.claim is not None
    assert step.record.claim.request.source_version == "v2"


def test_a_forced_start_takes_it_along_too() -> None:
    hold = Hold(since_ms=NOW, why="incident 42")
    record = built(0, pending=pending(count=4, failures=1, retry_ms=NOW + MINUTE), hold=hold)
    step = on_trigger(record, trigger(force=True), terms(quiet="5m"))
    assert (answer(step), step.decision.covers) == ((Outcome.STARTED, Why.FORCED), 5)


@pytest.mark.parametrize(
    ("overlap", "at_ms", "beside"), [("allow", LEASE - 1, "b-R1"), ("allow", LEASE, None), ("cancel", LEASE - 1, None)]
)
def test_a_start_says_beside_which_build_it_runs(overlap: str, at_ms: int, beside: str | None) -> None:
    step = on_trigger(READY.but(running=running()), trigger(force=True), terms(overlap=overlap), at_ms)
    assert step.decision.outcome is Outcome.STARTED
    assert step.decision.beside == beside
    assert (", beside b-R1, which still runs" in str(step.decision)) is (beside is not None)


def test_a_wake_starts_what_is_due() -> None:
    step = on_wake(READY.but(pending=pending(count=3)), TERMS)
    assert answer(step) == (Outcome.STARTED, Why.READY)
    assert (step.decision.covers, step.decision.waited_ms) == (3, MINUTE)


def test_nothing_has_waited_less_than_no_time() -> None:
    """Another machine's clock may be ahead of ours."""
    assert on_trigger(READY.but(pending=pending(NOW + 5)), trigger(), TERMS).decision.waited_ms == 0


def test_a_decision_is_named_by_its_instant_and_a_start_by_its_token() -> None:
    token = make(NOW - 5, 7)
    for record in (READY, built(0)):
        step = on_trigger(record, trigger(token), TERMS)
        assert step.decision.id == f"site/local/{make(NOW, 7)}"
        assert step.record.claim is None or step.record.claim.token == step.decision.token


def test_a_waiting_caller_is_known_by_its_decision_s_token() -> None:
    for record in (READY, built(0), built(0, pending=pending())):
        step = on_trigger(record, trigger(make(NOW - 5, 7), waits=True), TERMS)
        waiting = step.record.pending or (step.record.claim and step.record.claim.covers)
        assert waiting
        assert waiting.waiters == (waiter_name(step.decision.token),)
        assert step.fold is None or step.fold.waiter in waiting.waiters


# --- a skip --------------------------------------------------------------------------------------------------------

HELD = Hold(since_ms=NOW, why="release freeze")


@pytest.mark.parametrize(
    ("record", "by", "why", "due_ms"),
    [
        (built(0, running=running()), {"on_cooldown": "skip", "overlap": "defer"}, Why.COOLING_DOWN, NOW + COOLDOWN),
        (READY.but(running=running(), hold=HELD), {"overlap": "skip"}, Why.RUNNING, LEASE),
        (READY.but(hold=HELD), {"on_cooldown": "skip"}, Why.HELD, None),
    ],
)
def test_a_skip_names_what_skips_and_until_when(
    record: Record, by: dict[str, Any], why: Why, due_ms: int | None
) -> None:
    """A trigger that ``overlap = "skip"`` dropped was told "on hold", though a hold keeps triggers; one in the cooldown
    was told that a build is running, though ``overlap = "defer"`` waits for that."""
    step = on_trigger(record, trigger(), terms(**by))
    assert (answer(step), step.decision.due_ms) == ((Outcome.SKIPPED, why), due_ms)
    if due_ms is not None:
        at_ms = (due_ms - 1, due_ms)
        skipped = [on_trigger(record, trigger(), terms(**by), ms).decision.outcome is Outcome.SKIPPED for ms in at_ms]
        assert skipped == [True, False]


# --- a deferral ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "by", "why", "due_ms"),
    [
        (built(MINUTE), TERMS, Why.COOLING_DOWN, NOW + 9 * MINUTE),
        (claimed(), TERMS, Why.CLAIMED, NOW + COOLDOWN),
        (Record(claim=claim()), TERMS, Why.CLAIMED, NOW + MINUTE),
        (built(0, running=running()), terms(overlap="defer"), Why.RUNNING, LEASE),
        (Record(starts=(NOW - MINUTE,)), terms(0, limit="1/1h"), Why.LIMIT, NOW + 59 * MINUTE),
        (Record(), terms(quiet="20s"), Why.QUIET, NOW + 20_000),
        (built(MINUTE), terms(quiet="20s"), Why.COOLING_DOWN, NOW + 9 * MINUTE),
        (built(MINUTE), terms("2m", quiet="90s"), Why.QUIET, NOW + 90_000),
        (
            Record(pending=pending(failures=1, retry_ms=NOW + 5)),
            TERMS,
            Why.BACKING_OFF,
            NOW + 5,
        ),
        (Record(hold=Hold(since_ms=NOW, why="incident 42")), TERMS, Why.HELD, None),
    ],
)
def test_a_trigger_that_meets_a_wait_is_deferred_and_told_which(
    record: Record, by: Any, why: Why, due_ms: int | None
) -> None:
    step = on_trigger(record, trigger(event_id="E1"), by)
    assert (answer(step), step.decision.due_ms, step.claim) == ((Outcome.DEFERRED, why), due_ms, None)
    assert step.record.pending is not None
    assert step.record.events == (E1,)
    assert step.record.claim == record.claim  # not covered by what is under way


def test_every_further_trigger_moves_the_quiet_time_up_to_max_wait() -> None:
    by = terms("2m", quiet="20s", max_wait="90s")
    step = on_trigger(Record(), trigger(), by)
    dues = []
    for at_ms in range(15_000, 90_000, 15_000):
        step = on_trigger(step.record, trigger(f"T{at_ms}"), by, NOW + at_ms)
        dues.append(step.decision.due_ms)
    assert dues == [NOW + ms for ms in (35_000, 50_000, 65_000, 80_000, 90_000)]


def test_a_trigger_that_finds_the_gate_due_starts_the_quiet_time_anew() -> None:
    by = terms("2m", quiet="20s")
    step = on_trigger(on_trigger(Record(), trigger(), by).record, trigger("T1"), by, NOW + MINUTE)
    assert (answer(step), step.decision.due_ms) == ((Outcome.DEFERRED, Why.QUIET), NOW + MINUTE + 20_000)


def test_what_was_left_pending_is_built_though_the_policy_skips_now() -> None:
    record = built(MINUTE, pending=pending())
    assert answer(on_trigger(record, trigger(), SKIP))[0] is Outcome.DEFERRED
    assert answer(on_wake(record, SKIP, NOW + 9 * MINUTE)) == (Outcome.STARTED, Why.READY)


# --- a fold, or a swap ---------------------------------------------------------------------------------------------

WAITS = built(MINUTE, pending=pending(), due_ms=NOW + 9 * MINUTE)


FORCED = WAITS.but(running=running(), pending=pending(forced=True), due_ms=LEASE)


@pytest.mark.parametrize(
    ("record", "by"),
    [(WAITS, TERMS), (FORCED, terms(overlap="defer")), (WAITS.but(hold=HELD, due_ms=None), TERMS)],
    ids=["plain", "forced", "held"],
)
def test_a_trigger_that_joins_others_is_a_fold_of_the_same_effect(record: Record, by: Any) -> None:
    step = on_trigger(record, trigger(event_id="E1", source_version="v2"), by)
    assert step.fold is not None
    folded = step.fold.but(write_id="w1").applied(record, record)
    assert folded is not None
    assert folded.but(writes=record.writes) == step.record


@pytest.mark.parametrize(
    ("record", "by"),
    [
        (built(MINUTE), TERMS),  # the first
        (WAITS.but(moved=None), TERMS),  # nothing to be conditional on
        (WAITS.but(due_ms=None), TERMS),  # the gate would not be woken
        (WAITS.but(due_ms=NOW + 9 * MINUTE + 1), TERMS),
        (WAITS.but(lastbuild=seconds(NOW + MINUTE)), TERMS),  # a clock to be put right
    ],
)
def test_a_swap_is_needed_where_a_fold_would_not_do(record: Record, by: Any) -> None:
    step = on_trigger(record, trigger(), by)
    assert (step.decision.outcome, step.fold) == (Outcome.DEFERRED, None)
    assert step.record is not record


def test_a_swap_is_needed_to_force_what_is_pending() -> None:
    """A fold that was decided on before would take the force away again."""
    step = on_trigger(WAITS.but(running=running(), due_ms=LEASE), trigger(force=True), terms(overlap="defer"))
    assert (step.decision.outcome, step.fold) == (Outcome.DEFERRED, None)


@pytest.mark.parametrize(
    ("by", "waits", "waiters", "in_order"),
    [
        (TERMS, False, (), False),
        (terms(quiet="5m"), False, (), True),
        (TERMS, True, (), True),
        (TERMS, False, ("a",), True),
    ],
)
def test_the_last_trigger_s_instant_does_not_move_back(
    by: Any, waits: bool, waiters: tuple[str, ...], in_order: bool
) -> None:
    """Which folds of other processes come first is known only where a quiet time, or a waiting caller, goes by it."""
    for came_ms, last_ms in ((NOW, NOW), (NOW + 1, None)):
        record = WAITS.but(pending=pending(came_ms, waiters=waiters), due_ms=NOW)
        fold = on_trigger(record, trigger(waits=waits), by.but(clock_margin_ms=1)).fold
        assert fold is not None
        assert (fold.in_order, fold.last_ms) == (in_order, last_ms)


def test_a_fold_leaves_a_due_that_is_too_early() -> None:
    by = terms(quiet="5m")
    record = WAITS.but(lastbuild=None, due_ms=NOW + 4 * MINUTE)
    step = on_trigger(record, trigger(), by)
    assert (step.decision.due_ms, step.fold is not None) == (NOW + 5 * MINUTE, True)


# --- a skip --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "by", "why", "due_ms"),
    [
        (built(MINUTE), SKIP, Why.COOLING_DOWN, NOW + 9 * MINUTE),
        (claimed(), SKIP, Why.CLAIMED, NOW + COOLDOWN),
        (built(0, running=running()), terms(0, overlap="skip"), Why.RUNNING, LEASE),
        (built(MINUTE, running=running()), terms(overlap="skip"), Why.RUNNING, LEASE),  # one that skips is enough
        (built(MINUTE, hold=Hold(since_ms=NOW, why="x", until_ms=NOW + 5)), SKIP, Why.HELD, NOW + 9 * MINUTE),
        # Quiet time drops nothing: "skipped: waiting for quiet" was said of what the cooldown dropped.
        (built(MINUTE), terms("2m", on_cooldown="skip", quiet="90s"), Why.COOLING_DOWN, NOW + MINUTE),
    ],
)
def test_a_skip_says_when_the_gate_is_ready_and_leaves_nothing(record: Record, by: Any, why: Why, due_ms: int) -> None:
    step = on_trigger(record, trigger(), by)
    assert (answer(step), step.decision.due_ms) == ((Outcome.SKIPPED, why), due_ms)
    assert step.record is record


def test_a_redelivered_event_is_a_duplicate_wherever_it_is() -> None:
    for record in (READY.but(events=("e0", E1)), claimed(events=(E1,)), built(0, pending=pending(), events=(E1,))):
        step = on_trigger(record, trigger(event_id="E1"), TERMS)
        assert (answer(step), step.decision.detail) == ((Outcome.SKIPPED, Why.DUPLICATE), "E1")
        assert step.record is record
        assert on_trigger(record, trigger(event_id="E2"), TERMS).decision.why is not Why.DUPLICATE
        assert on_trigger(record, trigger(), TERMS).decision.why is not Why.DUPLICATE


def test_the_newest_sixteen_events_are_kept() -> None:
    events = tuple(f"e{number}" for number in range(16))
    assert on_trigger(built(MINUTE, events=events), trigger(event_id="E1"), TERMS).record.events == (E1, *events[:15])


UNCHANGED = terms(0, unchanged="skip")
OF_V1 = running(covers=pending(source_version="v1"))
CLAIM_OF_V1 = claim(covers=pending(source_version="v1"))


@pytest.mark.parametrize(
    ("record", "skips"),
    [
        (Record(built="v1", finished=finished()), True),
        (Record(built="v1", finished=finished(succeeded=False)), False),
        (Record(built="v2", finished=finished()), False),
        (Record(built="v1", finished=finished(), claim=claim()), False),
        (built(0, built="v2", claim=CLAIM_OF_V1), True),
        (built(0, claim=CLAIM_OF_V1.but(early=(End(build_id="b-C1", succeeded=False),))), False),
        (built(0, claim=CLAIM_OF_V1.but(attempt=2)), False),  # whether it can be finished is not known
        (built(0, claim=CLAIM_OF_V1.but(held_ms=NOW - 1)), False),  # the old snippet has built since
        (Record(built="v1", finished=finished(), pending=pending()), False),
        (Record(built="v1", running=OF_V1), True),
        (Record(built="v2", running=OF_V1), False),  # a start that a person gave up has built since
        (Record(built="v1", running=OF_V1.but(lease_until_ms=NOW)), False),
    ],
)
def test_a_version_is_unchanged_where_it_is_the_last_that_is_built(record: Record, skips: bool) -> None:
    step = on_trigger(record, trigger(source_version="v1"), UNCHANGED)
    assert (step.decision.why is Why.UNCHANGED) is skips
    assert on_trigger(record, trigger(source_version="v1", force=True), UNCHANGED).decision.why is not Why.UNCHANGED
    assert on_trigger(record, trigger(), UNCHANGED).decision.why is not Why.UNCHANGED
    assert on_trigger(record, trigger(source_version="v1"), terms(0)).decision.why is not Why.UNCHANGED


@pytest.mark.parametrize(
    ("record", "skips"),
    [
        (
            Record(built=content_of(request(source_version="v1", secondary_versions={"lib": "4f2"})), running=OF_V1),
            True,
        ),
        (
            Record(built=content_of(request(source_version="v1", secondary_versions={"lib": "93b"})), running=OF_V1),
            False,
        ),
        (Record(built="v1", running=OF_V1), False),
        (Record(built="v1", finished=finished()), False),
    ],
)
def test_another_version_of_another_source_is_a_change(record: Record, skips: bool) -> None:
    asked = trigger(source_version="v1", secondary_versions={"lib": "4f2"})
    assert (on_trigger(record, asked, UNCHANGED).decision.why is Why.UNCHANGED) is skips


@pytest.mark.parametrize("variables", [{}, {"environment": {"TO": "live"}}, {"secondary_versions": {"lib": "93b"}}])
@pytest.mark.parametrize("ends", [True, False])
def test_the_same_version_with_other_variables_is_a_change(variables: dict[str, Any], *, ends: bool) -> None:
    """A version built for staging was "built already" for live: that trigger came to nothing."""
    asked = request(source_version="v1", environment={"TO": "staging"})
    made = claim(covers=single(asked, NOW))
    record = builds.confirmed(Record(claim=made), made, "b-R1", UNCHANGED, NOW)
    if ends:
        record = builds.finished(record, End(build_id="b-R1", succeeded=True), UNCHANGED, NOW)
    assert on_trigger(record, Trigger(request=asked, token="T1"), UNCHANGED).decision.why is Why.UNCHANGED
    assert on_trigger(record, trigger(source_version="v1", **variables), UNCHANGED).decision.why is Why.READY


# --- the newest wins -----------------------------------------------------------------------------------------------

OLD: dict[str, Any] = {"line": "main", "source_version": "A", "parent": "O", "at_ms": 10}
NEW: dict[str, Any] = {"line": "main", "source_version": "B", "parent": "A", "at_ms": 20}
BY_PARENT = ({**OLD, "at_ms": None}, {**NEW, "at_ms": None})


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), BY_PARENT])
def test_an_older_version_of_a_line_is_superseded_where_the_newer_is_built(old: Any, new: Any) -> None:
    being = claimed(claim=claim(covers=pending(**new)))
    started = READY.but(lines=(line_of(request(**new)),), finished=finished(succeeded=False))
    for record in (being, started):
        step = on_trigger(record, trigger(**old), TERMS)
        assert (answer(step), step.decision.detail) == ((Outcome.SKIPPED, Why.SUPERSEDED), "A")
        assert step.record is record
        other = on_trigger(record, trigger(**{**old, "line": "next"}), TERMS)
        assert other.decision.outcome is not Outcome.SKIPPED


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), BY_PARENT])
def test_an_older_version_joins_what_is_pending_and_the_newer_is_built(old: Any, new: Any) -> None:
    record = built(MINUTE, pending=pending(**new), due_ms=NOW + 9 * MINUTE)
    step = on_trigger(record, trigger(**old), TERMS)
    assert step.fold is not None
    assert step.fold.older
    assert step.record.pending is not None
    assert (step.record.pending.request.source_version, step.record.pending.count) == ("B", 2)


def test_of_two_lines_the_last_to_arrive_is_built() -> None:
    record = built(MINUTE, pending=pending(**NEW))
    step = on_trigger(record, trigger(**{**OLD, "line": "next"}), TERMS)
    assert step.record.pending is not None
    assert step.record.pending.request.line == "next"


def test_a_version_that_is_the_newest_again_is_built_again() -> None:
    again: dict[str, Any] = {"line": "main", "source_version": "A", "parent": "B", "at_ms": 30}
    record = READY.but(lines=(line_of(request(**NEW)),))
    assert on_trigger(record, trigger(**again), TERMS).decision.outcome is Outcome.STARTED


# --- first of all --------------------------------------------------------------------------------------------------


def test_an_expired_claim_is_finished_first_and_does_not_cover_the_taker() -> None:
    record = built(MINUTE, claim=claim(lease_until_ms=NOW), pending=pending(), events=(E1,))
    for step in (on_trigger(record, trigger(event_id="E1"), TERMS), on_wake(record, TERMS)):
        assert step.decision.why is Why.TAKEN_OVER
        assert step.record == claims.taken_over(record, TERMS, NOW)
        assert step.claim == step.record.claim


def test_a_silent_build_is_asked_after_first() -> None:
    by = terms(overlap="defer", by={"polls": True})
    record = built(0, running=running(started_ms=NOW - MINUTE))
    for step in (on_trigger(record, trigger(), by), on_wake(record, by)):
        assert (step.polls, step.record) == (True, record)


# --- a wake with nothing to start ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "said", "due_ms"),
    [
        (built(MINUTE), (Outcome.SKIPPED, Why.IDLE), None),
        (claimed(due_ms=NOW + MINUTE), (Outcome.SKIPPED, Why.CLAIMED), NOW + MINUTE),
        (WAITS, (Outcome.DEFERRED, Why.COOLING_DOWN), NOW + 9 * MINUTE),
    ],
)
def test_a_wake_too_early_says_so_and_writes_nothing(record: Record, said: object, due_ms: int | None) -> None:
    step = on_wake(record, TERMS)
    assert (answer(step), step.decision.due_ms) == (said, due_ms)
    assert step.record is record


@pytest.mark.parametrize(("record", "due_ms"), [(built(MINUTE), None), (WAITS, NOW + 9 * MINUTE)])
def test_a_wake_puts_a_wrong_due_right(record: Record, due_ms: int | None) -> None:
    assert on_wake(record.but(due_ms=1), TERMS).record.due_ms == due_ms


def test_a_wake_ends_what_its_lease_has_ended() -> None:
    by = terms(0, overlap="defer")
    step = on_wake(Record(running=running(lease_until_ms=NOW), pending=pending()), by)
    assert answer(step) == (Outcome.STARTED, Why.READY)
    assert (step.record.running, step.record.finished is not None) == (None, True)
    # A trigger notes it, too: one was dropped, as a build was running that had counted as ended for minutes.
    skips = terms(overlap="skip", cooldown_from="finish")
    over = built(MINUTE, running=running(lease_until_ms=NOW - MINUTE))
    said = on_trigger(over, trigger(), skips).decision
    late = over.but(pending=pending(), events=(E1,), due_ms=NOW + COOLDOWN)
    assert with_due(on_trigger(late, trigger(event_id="E1"), by).record, by).due_ms == NOW - MINUTE
    assert (said.outcome, said.why, said.due_ms) == (Outcome.DEFERRED, Why.COOLING_DOWN, NOW + 9 * MINUTE)


@pytest.mark.parametrize(("overlap", "says"), [("skip", "ready"), ("defer", "starts at the next trigger or wake")])
def test_of_a_running_command_no_latest_end_is_promised(overlap: str, says: str) -> None:
    """Its lease of a minute is renewed for as long as it runs: *at the latest in 59s* is never true."""
    by = terms(0, overlap=overlap, by={"children": True, "build_lease_ms": 60_000})
    step = on_trigger(built(COOLDOWN, running=running()), trigger(), by)
    assert str(step.decision).endswith(f" is running, {says} after it ends")


def test_nor_is_it_of_a_hold_beside_a_running_command() -> None:
    """The lease outlasts the hold: *starts in 1m* was never true."""
    by = terms(0, overlap="defer", by={"children": True, "build_lease_ms": 60_000})
    hold = Hold(since_ms=NOW, why="a test", until_ms=NOW + 10_000)
    step = on_trigger(built(COOLDOWN, running=running(), hold=hold), trigger(), by)
    assert str(step.decision).endswith("on hold: a test, starts at the next trigger or wake after that ends")
