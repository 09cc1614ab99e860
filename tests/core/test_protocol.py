"""The order in which things are asked, what each decision costs, and what a lost race or a lost response means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core import builds, claims, people, protocol
from holdoff.core.decision import Outcome, Why
from holdoff.core.effects import Cancel, Find, FoldIn, Get, Lost, Poll, Start, Swap
from holdoff.core.errors import StartRefused, StoreUnavailable
from holdoff.core.protocol import Snapshot
from holdoff.core.record import Act, End, Hold, Record
from tests.core.build import COOLDOWN, MINUTE, NOW, built, claim, pending, running, seconds, terms
from tests.core.driver import KEY, Driver

if TYPE_CHECKING:
    from holdoff.core.terms import Terms

FINDS = terms(by={"finds": True})
LEFT = built(MINUTE, claim=claim(held_ms=NOW - MINUTE, lease_until_ms=NOW))
WAITS = built(MINUTE, pending=pending(), due_ms=NOW + 9 * MINUTE)
READY = built(COOLDOWN)
REFUSED = StartRefused("account limit", worth_retrying=True)
NO_ANSWER = StoreUnavailable("no answer")

# --- what it costs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [None, Record(), READY])
def test_a_start_is_a_read_a_claim_and_a_confirm(record: Record | None) -> None:
    driver = Driver(record)
    assert driver.trigger().decision.build_id == "b-T1"
    assert driver.asked == [Get, Swap, Start, Swap]
    assert driver.record.running is not None
    assert (driver.record.running.token, driver.record.claim) == ("T1", None)


def test_on_a_gate_that_was_seen_a_claim_and_a_confirm() -> None:
    driver = Driver(READY)
    decided = driver.trigger(snapshot=driver.snapshot.but(seen_ms=0))
    assert driver.asked == [Swap, Start, Swap]
    assert decided.snapshot.record == driver.record


@pytest.mark.parametrize(("record", "write"), [(built(MINUTE), Swap), (WAITS, FoldIn)])
def test_a_deferral_is_one_write_and_a_read_where_the_gate_was_not_seen(record: Record, write: type) -> None:
    driver = Driver(record)
    decided = driver.trigger()
    assert driver.asked == [Get, write]
    driver.effects.clear()
    driver.now_ms += MINUTE
    decided = driver.trigger("T2", snapshot=decided.snapshot)
    assert driver.asked == [FoldIn]
    assert decided.snapshot.record == driver.record
    assert driver.record.pending is not None
    assert driver.record.pending.count == (2 if record.pending is None else 3)


@pytest.mark.parametrize(("age_ms", "asks"), [(0, []), (999, []), (1_000, [Get]), (-1, [Get])])
def test_a_skip_writes_nothing_and_rests_on_a_snapshot_that_is_fresh(age_ms: int, asks: list[type]) -> None:
    driver = Driver(built(MINUTE), by=terms(on_cooldown="skip"))
    before = driver.record
    decided = driver.trigger(snapshot=Snapshot(record=before, seen_ms=NOW - age_ms))
    assert (decided.decision.outcome, driver.asked) == (Outcome.SKIPPED, asks)
    assert driver.record is before


@pytest.mark.parametrize(
    ("record", "by"),
    [
        (built(0, claim=claim()), terms(on_cooldown="skip")),
        (built(0, running=running()), terms(0, overlap="skip")),
    ],
)
def test_a_skip_for_what_may_be_over_at_any_moment_always_reads(record: Record, by: Terms) -> None:
    driver = Driver(record, by=by)
    driver.trigger(snapshot=driver.snapshot)
    assert driver.asked == [Get]


def test_a_wake_always_reads_and_writes_only_what_it_changes() -> None:
    driver = Driver(built(MINUTE))
    assert driver.wake().decision.why is Why.IDLE
    assert driver.asked == [Get]


def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    driver = Driver(built(MINUTE))
    driver.drive(protocol.edit(lambda record, _at_ms: record, driver.terms))
    assert driver.asked == [Get]


# --- lost races and lost responses ---------------------------------------------------------------------------------


def test_a_lost_race_is_decided_again_on_what_it_returned() -> None:
    driver = Driver(READY)
    stale = driver.snapshot
    driver.record = WAITS.swapped("theirs")
    assert driver.trigger(snapshot=stale).decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Swap, FoldIn]


def test_folds_do_not_lose_to_folds_but_to_a_claim() -> None:
    driver = Driver(WAITS)
    stale = driver.snapshot
    driver.trigger("T1")
    driver.effects.clear()
    driver.trigger("T2", snapshot=stale)
    assert driver.asked == [FoldIn]
    driver.effects.clear()
    driver.now_ms = NOW + 9 * MINUTE
    assert driver.wake().decision.covers == 3
    driver.now_ms = NOW + 1
    driver.effects.clear()
    driver.trigger("T3", snapshot=stale)
    assert driver.asked == [FoldIn, Swap]
    assert driver.record.pending is not None
    assert driver.record.pending.count == 1


@pytest.mark.parametrize("event_id", [None, "E1"])
@pytest.mark.parametrize(("record", "write"), [(built(MINUTE), Swap), (WAITS, FoldIn)])
def test_a_deferral_whose_response_was_lost_is_counted_once(record: Record, write: type, event_id: str | None) -> None:
    driver = Driver(record)
    driver.instead[write] = driver.twice
    assert driver.trigger(event_id=event_id).decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Get, write]
    assert driver.record.pending is not None
    assert driver.record.pending.count == (1 if record.pending is None else 2)


def test_a_claim_whose_response_was_lost_is_recognised_whatever_came_of_it() -> None:
    driver = Driver(READY)

    def confirmed_by_another(effect: Any) -> object:
        driver.instead.clear()
        driver.perform(effect)
        made = driver.record.claim
        assert made is not None
        driver.record = builds.confirmed(driver.record, made, "b-theirs", driver.terms, NOW).but(writes=("theirs",))
        return driver.perform(effect)

    driver.instead[Swap] = confirmed_by_another
    decision = driver.trigger().decision
    assert (decision.outcome, decision.build_id) == (Outcome.STARTED, "b-theirs")
    assert driver.asked == [Get, Swap]


def test_a_store_that_cannot_fold_is_asked_to_swap() -> None:
    driver = Driver(WAITS)
    driver.instead[FoldIn] = lambda _effect: Lost(driver.record)
    assert driver.trigger().decision.outcome is Outcome.DEFERRED
    assert driver.asked == [Get, FoldIn, Swap]


@pytest.mark.parametrize(("record", "write"), [(READY, Swap), (built(MINUTE), Swap)])
def test_two_hundred_lost_races_in_a_row_mean_that_something_is_wrong(record: Record, write: type) -> None:
    driver = Driver(record)
    driver.instead[write] = lambda effect: Lost(effect.expected)
    with pytest.raises(StoreUnavailable, match="lost 200 races"):
        driver.trigger()
    act = Act(what="reset", at_ms=NOW)
    with pytest.raises(StoreUnavailable, match="lost 200 races"):
        driver.drive(protocol.edit(lambda now, _at_ms: people.reset(now, act), driver.terms))
    assert Start not in driver.asked


@pytest.mark.parametrize("effect", [Get, Swap])
def test_a_store_that_does_not_answer_raises(effect: type) -> None:
    driver = Driver()
    driver.instead[effect] = NO_ANSWER
    with pytest.raises(StoreUnavailable):
        driver.trigger()
    assert Start not in driver.asked


# --- from a claim to a build ---------------------------------------------------------------------------------------


def test_a_refusal_gives_the_slot_back() -> None:
    driver = Driver(READY)
    driver.instead[Start] = REFUSED
    decision = driver.trigger().decision
    assert (decision.outcome, decision.why, decision.due_ms) == (Outcome.FAILED, Why.START_FAILED, NOW + 5_000)
    assert (decision.detail, decision.covers) == ("account limit", 0)
    assert driver.record.lastbuild == READY.lastbuild


def test_no_answer_leaves_the_claim_for_its_lease() -> None:
    driver = Driver()
    driver.instead[Start] = TimeoutError("no answer")
    decision = driver.trigger().decision
    assert (decision.outcome, decision.why) == (Outcome.FAILED, Why.START_UNKNOWN)
    assert (decision.due_ms, decision.detail) == (NOW + MINUTE, "TimeoutError: no answer")
    assert driver.record.claim is not None
    assert driver.asked == [Get, Swap, Start]


def test_a_start_whose_confirm_is_not_taken_is_a_start() -> None:
    driver = Driver()

    def start(_effect: object) -> str:
        driver.instead[Swap] = NO_ANSWER
        return "b-1"

    driver.instead[Start] = start
    decided = driver.trigger()
    assert (decided.decision.build_id, decided.decision.unconfirmed) == ("b-1", True)
    assert decided.snapshot.record is None


def test_a_refusal_that_the_store_does_not_take_leaves_the_claim() -> None:
    driver = Driver()

    def refuse(_effect: object) -> None:
        driver.instead[Swap] = NO_ANSWER
        raise REFUSED

    driver.instead[Start] = refuse
    decided = driver.trigger()
    assert decided.decision.why is Why.START_UNKNOWN
    assert (decided.decision.detail, decided.decision.unconfirmed) == ("account limit (and no answer)", True)
    assert driver.record.claim is not None


def _slow(driver: Driver, kind: type, *, then: Any = None) -> None:
    """This effect takes as long as the lease."""

    def late(effect: Any) -> object:
        driver.instead[kind] = driver.perform if then is None else then
        reply = driver.perform(effect)
        driver.now_ms += MINUTE
        if isinstance(then, Exception):
            raise then
        return reply

    driver.instead[kind] = late


def test_a_late_claimant_leaves_its_claim_to_the_next_wake() -> None:
    """Another process may be taking it over."""
    driver = Driver(READY)
    _slow(driver, Swap)
    decision = driver.trigger().decision
    assert (decision.why, decision.due_ms) == (Why.START_UNKNOWN, NOW + MINUTE)
    assert decision.detail == "the claim's lease was over before the build could be started"
    assert driver.asked == [Get, Swap]
    assert driver.wake().decision.taken_over == "b-T1"


def test_a_claimant_whose_claim_another_took_over_does_not_start() -> None:
    """The response of its write was lost, and came when it was sent again."""
    driver = Driver(READY)

    def taken(effect: Any) -> object:
        driver.instead.clear()
        driver.perform(effect)
        driver.now_ms += MINUTE
        driver.record = claims.taken_over(driver.record, driver.terms, driver.now_ms).swapped("theirs")
        return Lost(driver.record)

    driver.instead[Swap] = taken
    decision = driver.trigger().decision
    assert (decision.why, decision.detail) == (Why.START_UNKNOWN, "another process has taken this start over")
    assert Start not in driver.asked


def test_a_refusal_of_a_claim_that_another_has_taken_over_gives_nothing_back() -> None:
    driver = Driver(READY)

    def refuse(_effect: object) -> None:
        driver.now_ms += MINUTE
        driver.record = claims.taken_over(driver.record, driver.terms, driver.now_ms).swapped("theirs")
        raise REFUSED

    driver.instead[Start] = refuse
    assert driver.trigger().decision.why is Why.START_UNKNOWN
    assert driver.record.claim is not None
    assert driver.record.pending is None


def test_a_refusal_after_another_process_has_built_it_is_that_build() -> None:
    driver = Driver(READY)

    def refuse(_effect: object) -> None:
        driver.now_ms += MINUTE
        taken = claims.taken_over(driver.record, driver.terms, driver.now_ms)
        assert taken.claim is not None
        built_since = builds.confirmed(taken, taken.claim, "b-theirs", driver.terms, driver.now_ms)
        driver.record = built_since.but(pending=pending()).swapped("theirs")
        raise REFUSED

    driver.instead[Start] = refuse
    assert driver.trigger().decision.build_id == "b-theirs"


# --- a take-over ---------------------------------------------------------------------------------------------------


def test_a_take_over_asks_for_the_build_before_it_starts() -> None:
    driver = Driver(LEFT)
    decided = driver.wake()
    assert driver.asked == [Get, Swap, Find, Start, Swap]
    assert decided.decision.taken_over == "b-C1"
    assert driver.record.running is not None
    assert driver.record.running.token == "C1"


def test_a_take_over_that_finds_the_build_starts_nothing() -> None:
    driver = Driver(LEFT, by=FINDS)
    driver.instead[Find] = "b-found"
    assert driver.wake().decision.taken_over == "b-found"
    assert Start not in driver.asked


def test_the_taker_s_own_trigger_is_decided_on_its_own() -> None:
    driver = Driver(LEFT)
    decision = driver.trigger(source_version="mine").decision
    assert (decision.outcome, decision.due_ms, decision.taken_over) == (Outcome.DEFERRED, NOW + COOLDOWN, "b-C1")
    assert driver.record.pending is not None
    assert driver.record.pending.request.source_version == "mine"


def test_the_taker_s_own_trigger_is_told_what_itself_waits_for() -> None:
    driver = Driver(LEFT.but(hold=Hold(since_ms=NOW, why="incident 42")))
    decision = driver.trigger().decision
    assert (decision.why, decision.detail, decision.taken_over) == (Why.HELD, "incident 42", "b-C1")


@pytest.mark.parametrize("error", [None, TimeoutError("no answer")])
def test_after_a_question_that_outlasts_the_lease_nothing_starts_until_it_is_asked_again(error: Any) -> None:
    """Without that one trigger would make two builds: another process may have taken the claim over meanwhile."""
    driver = Driver(LEFT, by=FINDS.but(token_memory_ms=5 * MINUTE))
    _slow(driver, Find, then=error)
    driver.wake()
    assert driver.asked == [Get, Swap, Find]
    driver.wake()
    assert driver.asked[3:] == [Get, Swap, Find, Start, Swap]


def test_a_question_that_always_outlasts_the_lease_holds_up_no_caller_for_ever() -> None:
    driver = Driver(LEFT)
    driver.meanwhile[Find] = lambda: setattr(driver, "now_ms", driver.now_ms + MINUTE)
    decision = driver.trigger(source_version="mine").decision
    assert driver.asked.count(Find) == 1
    assert (decision.outcome, decision.why) == (Outcome.DEFERRED, Why.CLAIMED)
    assert driver.record.pending is not None


def test_a_cancel_that_outlasts_the_lease_is_not_followed_by_a_start() -> None:
    by = terms(0, overlap="cancel")
    driver = Driver(built(MINUTE, running=running()), by=by)
    _slow(driver, Cancel)
    driver.meanwhile[Find] = lambda: setattr(driver, "now_ms", driver.now_ms + MINUTE)
    decision = driver.trigger().decision
    assert decision.why is Why.START_UNKNOWN
    assert decision.detail == "the claim's lease was over before the build could be started"
    assert Start not in driver.asked


@pytest.mark.parametrize(("late_ms", "starts"), [(3 * MINUTE, True), (4 * MINUTE, False)])
def test_where_the_starter_cannot_tell_the_token_is_as_good_while_it_surely_is_remembered(
    late_ms: int, starts: bool
) -> None:
    driver = Driver(LEFT, by=FINDS.but(token_memory_ms=5 * MINUTE))
    driver.instead[Find] = PermissionError("may not look")
    driver.now_ms += late_ms
    driver.wake()
    assert (Start in driver.asked) is starts


def test_a_take_over_refused_after_a_search_gives_back_once_nothing_is_in_flight() -> None:
    driver = Driver(LEFT, by=FINDS)
    driver.instead[Start] = REFUSED
    waits_ms = []
    for _ in range(5):
        driver.wake()
        if driver.record.claim is None:
            break
        waits_ms.append(driver.record.claim.lease_until_ms - driver.now_ms)
        driver.now_ms = driver.record.claim.lease_until_ms
    assert driver.record.pending is not None
    assert waits_ms == [MINUTE]


def test_a_take_over_refused_without_a_search_leaves_the_claim() -> None:
    driver = Driver(LEFT)
    driver.instead[Start] = REFUSED
    for _ in range(5):
        driver.wake()
        assert driver.record.claim is not None
        driver.now_ms = driver.record.claim.lease_until_ms


def test_a_take_over_that_must_wait_and_may_have_its_build_says_so() -> None:
    driver = Driver(LEFT.but(lastbuild=seconds(NOW - 1_000)), by=FINDS)  # the old snippet has built since
    decision = driver.trigger().decision
    said = "it has to wait, and may have its build from an earlier request"
    assert (decision.why, decision.detail) == (Why.CLAIMED, said)
    assert driver.record.claim is not None
    assert Start not in driver.asked


def test_a_take_over_that_cannot_cancel_leaves_the_claim_as_it_is() -> None:
    driver = Driver(LEFT.but(running=running()), by=CANCEL)
    driver.instead[Cancel] = OSError("no such build")
    decision = driver.trigger().decision
    assert (decision.why, decision.detail) == (Why.CLAIMED, "OSError: no such build")
    assert driver.record.claim is not None
    assert not driver.record.claim.refused


def test_a_take_over_that_another_process_won_is_decided_on_what_that_left() -> None:
    driver = Driver(LEFT)

    def theirs() -> None:
        taken = claims.taken_over(driver.record, driver.terms, NOW)
        assert taken.claim is not None
        driver.record = builds.confirmed(taken, taken.claim, "b-theirs", driver.terms, NOW).swapped("theirs")

    driver.meanwhile[Swap] = theirs
    decision = driver.trigger().decision
    assert (decision.outcome, decision.taken_over) == (Outcome.DEFERRED, None)
    assert Start not in driver.asked


# --- the build before: asked after, cancelled ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("succeeded", Outcome.STARTED),
        ("failed", Outcome.STARTED),
        ("running", Outcome.DEFERRED),
        (None, Outcome.DEFERRED),
        (OSError("no route"), Outcome.DEFERRED),
    ],
)
def test_a_silent_build_is_asked_after_and_then_it_is_decided(state: object, outcome: Outcome) -> None:
    by = terms(0, overlap="defer", by={"polls": True})
    driver = Driver(built(MINUTE, running=running(started_ms=NOW - MINUTE)), by=by)
    driver.instead[Poll] = state
    assert driver.trigger().decision.outcome is outcome
    assert driver.asked[:3] == [Get, Poll, Swap]


CANCEL = terms(0, overlap="cancel")


def test_a_running_build_is_cancelled_before_the_newer_one_starts() -> None:
    driver = Driver(built(MINUTE, running=running()), by=CANCEL)
    assert driver.trigger().decision.outcome is Outcome.STARTED
    assert driver.asked == [Get, Swap, Cancel, Swap, Start, Swap]
    (old,) = driver.store.history(KEY)
    assert (old.token, old.detail) == ("R1", "cancelled for a newer build")


def test_a_cancel_that_the_store_does_not_take_leaves_the_claim() -> None:
    driver = Driver(built(MINUTE, running=running()), by=CANCEL)

    def cancel(_effect: object) -> None:
        driver.instead[Swap] = NO_ANSWER

    driver.instead[Cancel] = cancel
    decided = driver.trigger()
    assert (decided.decision.why, decided.decision.unconfirmed) == (Why.START_UNKNOWN, True)
    assert (decided.snapshot.record, Start in driver.asked) == (None, False)
    assert driver.record.claim is not None


def test_one_that_cannot_be_cancelled_is_waited_for() -> None:
    driver = Driver(built(MINUTE, running=running()), by=CANCEL)
    driver.instead[Cancel] = OSError("no such build")
    decision = driver.trigger().decision
    assert (decision.outcome, decision.why, decision.detail) == (Outcome.DEFERRED, Why.RUNNING, "b-R1")
    assert driver.record.lastbuild == seconds(NOW - MINUTE)
    assert Start not in driver.asked


@pytest.mark.parametrize("ends", [False, True])
def test_a_forced_start_that_cannot_cancel_is_told_when_it_starts(ends: bool) -> None:
    """It stays forced: when the running build ends it starts, in spite of the cooldown, which is longer."""
    lease_ms, by = NOW + 5 * MINUTE, terms("10m", overlap="cancel")
    driver = Driver(built(0, running=running(lease_until_ms=lease_ms)), by=by)
    driver.instead[Cancel] = OSError("no such build")
    edit = protocol.edit(lambda now, ms: builds.finished(now, End(build_id="b-R1", succeeded=True), by, ms), by)
    if ends:
        driver.meanwhile[Cancel] = lambda: driver.drive(edit)
    decision = driver.trigger(force=True).decision
    assert (decision.outcome, decision.why) == (Outcome.DEFERRED, Why.PENDING if ends else Why.RUNNING)
    assert decision.due_ms == (NOW if ends else lease_ms)
    if not ends:
        driver.now_ms = lease_ms - 1
        assert driver.wake().decision.outcome is Outcome.DEFERRED
        driver.now_ms = lease_ms
    assert driver.wake().decision.why is Why.FORCED


def test_a_build_that_the_next_start_overtakes_goes_into_the_history_with_the_same_write() -> None:
    driver = Driver(READY.but(running=running()))
    driver.trigger()
    *_, confirm = driver.effects
    assert [build.token for build in confirm.history] == ["R1"]
