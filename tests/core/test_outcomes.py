"""What comes of it in full: what is sent, what is told, what is remembered, and what stands in the store then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core import machine, protocol
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Cancel, Find, Get, Lost, Open, Poll, Start, Swap, Swapped
from holdoff.core.errors import StartRefused, StoreError, StoreUnavailable
from holdoff.core.machine import Tally
from holdoff.core.protocol import Sight
from holdoff.core.record import Counts, Hold, Record
from tests.core.build import (
    COOLDOWN,
    MINUTE,
    NOW,
    built,
    claim,
    digest,
    finished,
    pending,
    request,
    rules,
    running,
    seconds,
    trigger,
)
from tests.core.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

EXPIRED = claim(lease_until_ms=NOW, covers=pending(NOW, request=request(source_version="v1")))


def decision(outcome: Outcome, why: Why, **more: Any) -> Decision:
    """A decision on the site, now."""
    words = {"project": "site", "region": "local", "id": "site/local/T1", "decided_ms": NOW}
    return Decision(outcome=outcome, why=why, **{**words, **more})


# --- started -------------------------------------------------------------------------------------------------------


def test_a_cold_start_tells_its_build_and_remembers_the_record() -> None:
    driver = Driver(built(COOLDOWN, counts=Counts(skipped=1)))
    decided = driver.trigger(Sight(tally=Tally(counts=Counts(skipped=5))))
    assert decided.decision == decision(
        Outcome.STARTED,
        Why.READY,
        build_id="b-T1",
        lastbuild_ms=NOW - COOLDOWN,
        covers=1,
        waited_ms=0,
    )
    opened, started, swapped = driver.effects
    assert opened.opening == machine.opening(trigger(), driver.rules, NOW, "w1")
    assert (started.request, started.token) == (request(), "T1")
    assert swapped.history == ()
    # What had been answered from memory is still to be written: the opening carries none of it.
    assert decided.sight == Sight(
        record=driver.record, seen_ms=NOW, tally=Tally(counts=Counts(skipped=5))
    )
    assert driver.record.running == running(
        "T1",
        build_id="b-T1",
        covers=pending(NOW, first_ms=NOW, last_ms=NOW),
        claimed_ms=NOW,
        before=seconds(NOW - COOLDOWN),
    )
    assert driver.record.counts == Counts(started=1, skipped=1)
    assert driver.record.writes == ("w2", "w1", "w0")


def test_a_warm_start_writes_the_tally_along_and_tells_the_history_what_left() -> None:
    before = built(COOLDOWN, running=running("R0", started_ms=NOW - COOLDOWN))
    driver = Driver(before)
    tally = Tally(counts=Counts(skipped=5), since_ms=NOW - 1)
    decided = driver.trigger(Sight(record=before, seen_ms=NOW - 9, tally=tally))
    assert decided.decision.build_id == "b-T1"
    claimed, _, confirmed = driver.effects
    assert claimed.expected is before
    assert claimed.new.counts == Counts(skipped=5)
    assert confirmed.expected is claimed.new
    assert [build.token for build in confirmed.history] == ["R0"]
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


def test_a_wake_starts_what_is_due_and_counts_nothing() -> None:
    driver = Driver(built(COOLDOWN, pending=pending(NOW, count=3), counts=Counts(deferred=3)))
    tally = Tally(counts=Counts(skipped=5), since_ms=NOW - 1)
    decided = driver.wake(Sight(tally=tally))
    assert decided.decision == decision(
        Outcome.STARTED,
        Why.READY,
        id="site/local/W1",
        build_id="b-W1",
        lastbuild_ms=NOW - COOLDOWN,
        covers=3,
        waited_ms=MINUTE,
    )
    assert driver.record.counts == Counts(deferred=3, skipped=5)
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


# --- told without a start ------------------------------------------------------------------------------------------


def test_a_deferral_is_counted_and_remembered() -> None:
    driver = Driver(built(MINUTE))
    tally = Tally(counts=Counts(skipped=5), since_ms=NOW)
    decided = driver.trigger(Sight(tally=tally))
    assert decided.decision == decision(
        Outcome.DEFERRED,
        Why.COOLING_DOWN,
        due_ms=NOW + 9 * MINUTE,
        lastbuild_ms=NOW - MINUTE,
    )
    assert driver.record.counts == Counts(deferred=1, skipped=5)
    assert driver.record.writes == ("w2", "w0")
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


def test_an_answer_that_changes_nothing_is_remembered_and_written_later() -> None:
    record = built(MINUTE, pending=pending(NOW + 9 * MINUTE))
    driver = Driver(record)
    decided = driver.trigger()
    assert driver.asked == [Open]
    assert decided.sight.record is record
    assert decided.sight.seen_ms == NOW
    assert decided.sight.tally.counts == Counts(deferred=1)
    assert decided.sight.tally.since_ms == NOW
    [folded] = decided.sight.tally.folded
    assert folded.first_ms == NOW - MINUTE


def test_a_wake_that_changes_nothing_leaves_the_tally_as_it_is() -> None:
    record = built(MINUTE)
    tally = Tally(counts=Counts(skipped=5), since_ms=NOW - 4_999)
    decided = Driver(record).wake(Sight(tally=tally))
    assert decided.sight == Sight(record=record, seen_ms=NOW, tally=tally)


@pytest.mark.parametrize(("since_ms", "writes"), [(NOW - 4_999, False), (NOW - 5_000, True)])
def test_a_tally_of_five_seconds_is_written_with_the_next_answer(
    since_ms: int, writes: bool
) -> None:
    due_ms = NOW + 9 * MINUTE
    record = built(MINUTE, pending=pending(due_ms), due_ms=due_ms)
    tally = Tally(counts=Counts(skipped=5), since_ms=since_ms)
    for warm in (record, None):
        driver = Driver(record)
        decided = driver.trigger(Sight(record=warm, seen_ms=NOW, tally=tally))
        assert (Swap in driver.asked) is writes
        stands = Counts(skipped=5, deferred=1)
        assert decided.sight.tally.counts == (Counts() if writes else stands)
        assert driver.record.counts == (stands if writes else Counts())
    woken = Driver(record)
    woken.wake(Sight(tally=tally))
    assert (Swap in woken.asked) is writes


# --- from memory ---------------------------------------------------------------------------------------------------

DEFERRED = built(MINUTE, pending=pending(NOW + 9 * MINUTE))


def test_an_answer_from_memory_keeps_the_sight() -> None:
    driver = Driver(DEFERRED)
    sight = Sight(record=DEFERRED, seen_ms=NOW - MINUTE)
    decided = driver.trigger(sight)
    assert driver.asked == []
    assert decided.decision.outcome is Outcome.DEFERRED
    assert (decided.sight.record, decided.sight.seen_ms) == (DEFERRED, NOW - MINUTE)
    assert decided.sight.tally.counts == Counts(deferred=1)


@pytest.mark.parametrize(
    ("margin_ms", "at_ms", "reads"),
    [(0, 1, False), (0, 0, True), (500, 501, False), (500, 500, True)],
)
def test_memory_ends_a_clock_margin_before_the_due(margin_ms: int, at_ms: int, reads: bool) -> None:
    due_ms = NOW + at_ms
    record = Record(pending=pending(due_ms, failures=1), writes=("w0",))
    driver = Driver(record, by=replace(rules(), clock_margin_ms=margin_ms))
    driver.trigger(Sight(record=record, seen_ms=NOW))
    assert (driver.asked != []) is reads


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (replace(DEFERRED, built="v1"), {}),
        (DEFERRED, {"source_version": "v1"}),
    ],
)
def test_nothing_is_deferred_from_memory_where_versions_are_asked_for(
    record: Record, words: dict[str, Any]
) -> None:
    """Another process may have asked for something newer since."""
    driver = Driver(record)
    driver.trigger(Sight(record=record, seen_ms=NOW), **words)
    assert driver.asked != []


@pytest.mark.parametrize(("age_ms", "reads"), [(0, False), (999, False), (1_000, True), (-1, True)])
def test_a_skip_from_memory_is_as_fresh_as_the_rules_say(age_ms: int, reads: bool) -> None:
    driver = Driver(built(MINUTE), by=rules(on_cooldown="skip"))
    driver.trigger(Sight(record=driver.record, seen_ms=NOW - age_ms))
    assert driver.asked == ([Get] if reads else [])


def test_a_duplicate_on_a_gate_with_a_pending_is_a_skip_like_any_other() -> None:
    record = replace(DEFERRED, events=(digest("E1"),))
    driver = Driver(record)
    driver.trigger(Sight(record=record, seen_ms=NOW - 1_000), event_id="E1")
    assert driver.asked == [Get]


def test_what_is_written_anyway_is_decided_on_the_sight_without_a_read() -> None:
    polls = replace(rules(overlap="defer"), polls=True)
    asked_after = Record(running=running(started_ms=NOW - MINUTE), writes=("w0",))
    taken_over = built(MINUTE, claim=EXPIRED)
    for record, by, first in (
        (built(COOLDOWN), rules(), Swap),
        (taken_over, rules(), Swap),
        (asked_after, polls, Poll),
    ):
        driver = Driver(record, by=by)
        driver.trigger(Sight(record=record, seen_ms=NOW))
        assert driver.asked[0] is first


def test_an_event_answered_from_memory_is_known_before_it_is_written() -> None:
    driver = Driver(DEFERRED)
    sight = driver.trigger(Sight(record=DEFERRED, seen_ms=NOW), event_id="E1").sight
    assert driver.trigger(sight, "T2", event_id="E1").decision.why is Why.DUPLICATE
    cold = replace(sight, record=None)
    assert driver.trigger(cold, "T3", event_id="E1").decision.why is Why.DUPLICATE


# --- an opening lost, too early, or ours already -------------------------------------------------------------------


def _set_right(driver: Driver) -> Callable[[Any], object]:
    """The first answer of the store puts our clock right: it had been ahead."""

    def later(effect: Any) -> object:
        answer = driver.perform(effect)
        driver.now_ms = NOW
        return answer

    return later


def test_an_opening_that_was_too_early_is_taken_back_and_decided_again() -> None:
    driver = Driver(built(COOLDOWN - 1_000), now_ms=NOW + 1_000)

    driver.instead[Open] = _set_right(driver)
    decided = driver.trigger()
    assert driver.asked == [Open, Swap, Swap]
    assert decided.decision.why is Why.COOLING_DOWN
    assert driver.record.claim is None
    assert driver.record.lastbuild == seconds(NOW - COOLDOWN + 1_000)
    assert driver.record.counts == Counts(deferred=1)


def test_an_opening_that_was_too_early_and_is_taken_over_is_not_decided_again() -> None:
    """Its trigger goes with the claim: decided again, it would be built twice."""
    driver = Driver(built(COOLDOWN - 1_000), now_ms=NOW + 1_000)

    def finished_by_another() -> None:
        at_ms = NOW + 2 * MINUTE
        taken = machine.taken_over(driver.record, rules(), at_ms)
        assert taken.claim is not None
        new = machine.confirmed(taken, taken.claim, "b-theirs", rules(), at_ms)
        driver.record = new.written("theirs")

    driver.instead[Open] = _set_right(driver)
    driver.meanwhile[Swap] = finished_by_another
    decision = driver.trigger().decision
    assert driver.asked == [Open, Swap]
    assert (decision.outcome, decision.build_id) == (Outcome.STARTED, "b-theirs")
    assert driver.record.counts == Counts(started=1)
    assert driver.record.pending is None


def test_an_opening_sent_again_after_others_have_finished_it_and_built_anew_is_not_decided_again() -> (
    None
):
    driver = Driver(Record())

    def late(effect: Any) -> Any:
        driver.perform(effect)
        newer = running(token="newer")
        driver.record = replace(driver.record, claim=None, running=newer).written("theirs")
        return driver.perform(effect)

    driver.instead[Open] = late
    decision = driver.trigger().decision
    assert driver.asked == [Open]
    assert decision.why is Why.START_UNKNOWN
    assert decision.detail == "another has ended this start"
    assert driver.record.pending is None


def test_a_gate_that_is_not_ready_is_decided_on_what_the_opening_returned() -> None:
    driver = Driver(built(0, claim=claim("theirs")))
    assert driver.trigger().decision.why is Why.CLAIMED
    assert driver.asked == [Open, Swap]


# --- lost races, lost responses ------------------------------------------------------------------------------------


def test_a_write_whose_response_was_lost_is_recognised_by_its_id() -> None:
    """The store's own retry finds its first request in, and says that the race was lost."""
    driver = Driver(built(MINUTE))

    def retried(effect: Any) -> Any:
        driver.perform(effect)
        return Lost(driver.record)

    driver.instead[Swap] = retried
    decided = driver.trigger()
    assert driver.asked == [Open, Swap]
    assert decided.decision.outcome is Outcome.DEFERRED
    assert driver.record.counts == Counts(deferred=1)
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


def test_a_write_without_an_answer_says_so_in_the_tally_of_its_error() -> None:
    driver = Driver(built(MINUTE))
    driver.instead[Swap] = StoreUnavailable("no answer")
    tally = Tally(counts=Counts(skipped=5), since_ms=NOW)
    with pytest.raises(StoreUnavailable) as raised:
        driver.trigger(Sight(tally=tally))
    assert raised.value.tally == machine.unsure(tally, "w2")
    with pytest.raises(StoreUnavailable) as raised:
        driver.edit(unchanged, Sight(tally=tally))
    assert raised.value.tally == machine.unsure(tally, "w3")


def test_a_claim_s_own_writes_owe_nobody_a_tally() -> None:
    driver = Driver(built(MINUTE, claim=EXPIRED))
    driver.instead[Swap] = StoreUnavailable("no answer")
    with pytest.raises(StoreUnavailable) as raised:
        driver.wake(Sight(tally=Tally(counts=Counts(skipped=5))))
    assert raised.value.tally is None


def hold(record: Record, now_ms: int) -> Record:
    """Somebody's "not now"."""
    return machine.held(record, Hold(since_ms=now_ms, why="incident 42"), rules())


def unchanged(record: Record, _now_ms: int) -> Record:
    """An edit with nothing to do."""
    return record


@pytest.mark.parametrize(
    "begin",
    [
        lambda driver: driver.trigger(),
        lambda driver: driver.wake(),
        lambda driver: driver.edit(hold),
    ],
)
def test_two_hundred_lost_races_in_a_row_mean_that_something_is_wrong(
    begin: Callable[[Driver], object],
) -> None:
    driver = Driver(built(COOLDOWN, pending=pending(NOW)))
    driver.instead[Swap] = lambda _swap: Lost(driver.record)
    with pytest.raises(StoreUnavailable, match=r"^lost 200 races for one gate in a row") as raised:
        begin(driver)
    assert raised.value.hint == (
        "Nothing was started; trigger again, and if it goes on, see what else writes to it"
    )
    assert driver.asked.count(Swap) == 200


def test_a_confirm_that_loses_every_race_leaves_the_claim_to_be_found() -> None:
    driver = Driver()
    driver.instead[Swap] = lambda _swap: Lost(driver.record)
    decided = driver.trigger()
    assert (decided.decision.build_id, decided.decision.unconfirmed) == ("b-T1", True)
    assert driver.asked.count(Swap) == 200
    assert decided.sight.record is None


# --- edits ---------------------------------------------------------------------------------------------------------


def test_an_edit_writes_the_change_and_the_tally_in_one() -> None:
    driver = Driver(built(MINUTE))
    sight = Sight(tally=Tally(counts=Counts(skipped=5), since_ms=NOW))
    left = driver.edit(hold, sight)
    assert driver.asked == [Get, Swap]
    assert driver.record.hold == Hold(since_ms=NOW, why="incident 42")
    assert driver.record.counts == Counts(skipped=5)
    assert left == Sight(record=driver.record, seen_ms=NOW)


def test_an_edit_with_nothing_to_do_writes_the_tally_if_there_is_one() -> None:
    driver = Driver(built(MINUTE))
    assert driver.edit(unchanged) == Sight(record=driver.record, seen_ms=NOW)
    assert driver.asked == [Get]
    driver.edit(unchanged, Sight(tally=Tally(counts=Counts(skipped=5))))
    assert driver.record.counts == Counts(skipped=5)


def test_an_edit_gives_up_after_as_many_lost_races_as_it_is_told() -> None:
    driver = Driver(built(MINUTE))
    driver.instead[Swap] = lambda _swap: Lost(driver.record)
    with pytest.raises(StoreUnavailable, match=r"^lost 2 races for one gate"):
        driver.drive(protocol.edit(hold, driver.rules, Sight(), tries=2))
    assert driver.asked.count(Swap) == 2


def test_an_edit_that_lost_a_race_is_made_on_what_that_returned() -> None:
    driver = Driver(built(MINUTE))
    driver.meanwhile[Swap] = lambda: driver.others_write(built="v1")
    driver.edit(hold, Sight(tally=Tally(counts=Counts(skipped=5))))
    assert driver.asked == [Get, Swap, Swap]
    assert driver.record.hold is not None
    assert (driver.record.built, driver.record.counts) == ("v1", Counts(skipped=5))


# --- what a start came to ------------------------------------------------------------------------------------------


def refuse(**words: Any) -> StartRefused:
    """The starter says that there is no build."""
    return StartRefused("no such project", **words)


@pytest.mark.parametrize(("worth_retrying", "wait_ms"), [(True, 5_000), (False, MINUTE)])
def test_a_refused_start(worth_retrying: bool, wait_ms: int) -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = refuse(worth_retrying=worth_retrying)
    decided = driver.trigger()
    assert decided.decision == decision(
        Outcome.FAILED,
        Why.START_FAILED,
        due_ms=NOW + wait_ms,
        lastbuild_ms=NOW - COOLDOWN,
        detail="no such project",
    )
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)
    assert driver.record.pending is not None
    assert driver.record.claim is None


def test_a_refused_start_whose_triggers_others_have_taken_since() -> None:
    """The answer to giving the slot back was lost, and when it was asked for again, the next had started."""
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = refuse(worth_retrying=True)

    def retried(swap: Swap) -> Any:
        driver.perform(swap)
        driver.others_write(pending=None, claim=claim("theirs"))
        return Lost(driver.record)

    driver.instead[Swap] = retried
    decided = driver.trigger()
    assert (decided.decision.why, decided.decision.due_ms) == (Why.START_FAILED, None)


def test_a_start_without_an_answer() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = TimeoutError()
    decided = driver.trigger()
    assert decided.decision == decision(
        Outcome.FAILED,
        Why.START_UNKNOWN,
        due_ms=NOW + MINUTE,
        lastbuild_ms=NOW - COOLDOWN,
        detail="TimeoutError",
    )
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


def test_a_refusal_that_the_store_does_not_take_leaves_the_claim() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = refuse(worth_retrying=True)
    driver.instead[Swap] = StoreUnavailable("no answer")
    decided = driver.trigger()
    assert decided.decision == decision(
        Outcome.FAILED,
        Why.START_UNKNOWN,
        due_ms=NOW + MINUTE,
        lastbuild_ms=NOW - COOLDOWN,
        detail="no such project (and no answer)",
        unconfirmed=True,
    )
    assert decided.sight == Sight(seen_ms=NOW)


def test_a_confirm_that_the_store_does_not_take() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Swap] = StoreUnavailable("no answer")
    decided = driver.trigger()
    assert decided.decision == decision(
        Outcome.STARTED,
        Why.READY,
        build_id="b-T1",
        lastbuild_ms=NOW - COOLDOWN,
        covers=1,
        waited_ms=0,
        unconfirmed=True,
    )
    assert decided.sight == Sight(seen_ms=NOW)


def test_a_confirm_is_made_on_what_others_have_written_meanwhile() -> None:
    driver = Driver(built(COOLDOWN))
    driver.meanwhile[Swap] = lambda: driver.others_write(built="v7")
    assert driver.trigger().decision.build_id == "b-T1"
    assert driver.asked == [Open, Start, Swap, Swap]
    assert driver.record.built == "v7"
    assert driver.record.running is not None


# --- a claim that is not ours any more -----------------------------------------------------------------------------


def late(driver: Driver, **changes: Any) -> Callable[[Any], Any]:
    """The opening goes through, and its answer comes when the lease is over and others have moved on."""

    def answer(effect: Any) -> Any:
        reply = driver.perform(effect)
        driver.now_ms += MINUTE
        if changes:
            driver.others_write(**changes)
            return Swapped(driver.record)
        return reply

    return answer


def test_a_late_claimant_wins_its_claim_again_before_it_starts() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Open] = late(driver)
    decided = driver.trigger()
    assert driver.asked == [Open, Swap, Find, Start, Swap]
    assert (driver.effects[2].token, driver.effects[3].token) == ("T1", "T1")
    assert decided.decision.build_id == "b-T1"
    assert driver.record.running is not None
    assert driver.record.running.started_ms == NOW + MINUTE


def test_a_late_claimant_that_the_store_does_not_answer_does_not_start() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Open] = late(driver)
    driver.instead[Swap] = StoreUnavailable("no answer")
    decided = driver.trigger()
    assert Start not in driver.asked
    assert decided.decision == decision(
        Outcome.FAILED,
        Why.START_UNKNOWN,
        due_ms=NOW + MINUTE,
        lastbuild_ms=NOW - COOLDOWN,
        detail="no answer",
        unconfirmed=True,
    )
    assert decided.sight == Sight(seen_ms=NOW + MINUTE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"claim": claim("T1", attempt=2)},
            {"why": Why.START_UNKNOWN, "detail": "another has taken this start over"},
        ),
        (
            {"claim": None, "pending": pending(NOW)},
            {"why": Why.START_UNKNOWN, "detail": "another has ended this start"},
        ),
        (
            {"claim": claim("T2")},
            {"why": Why.START_UNKNOWN, "detail": "another has ended this start"},
        ),
        ({"claim": None, "running": running("T1")}, {"build_id": "b-T1"}),
        (
            {"claim": claim("T2"), "running": running("T2"), "finished": finished("T1")},
            {"build_id": "b-T1"},
        ),
    ],
)
def test_a_claim_that_others_took_over_or_ended_is_theirs_to_start(
    changes: dict[str, Any], told: dict[str, Any]
) -> None:
    seen_at_once = Driver(built(COOLDOWN))
    seen_at_once.instead[Open] = late(seen_at_once, **changes)
    seen_by_the_lost_race = Driver(built(COOLDOWN))
    seen_by_the_lost_race.instead[Open] = late(seen_by_the_lost_race)
    seen_by_the_lost_race.meanwhile[Swap] = lambda: seen_by_the_lost_race.others_write(**changes)
    for driver in (seen_at_once, seen_by_the_lost_race):
        decided = driver.trigger()
        assert Start not in driver.asked
        for name, value in told.items():
            assert getattr(decided.decision, name) == value
        assert decided.sight.record == driver.record


def test_a_refusal_of_a_claim_that_others_have_taken_over_gives_nothing_back() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Start] = refuse(worth_retrying=True)
    theirs = claim("T1", attempt=2)
    driver.meanwhile[Swap] = lambda: driver.others_write(claim=theirs)
    decided = driver.trigger()
    assert decided.decision.why is Why.START_UNKNOWN
    assert decided.decision.detail == "another has taken this start over"
    assert driver.record.claim == theirs


# --- taking over ---------------------------------------------------------------------------------------------------


def test_a_take_over_finishes_with_the_same_token_and_request_and_then_decides_its_own() -> None:
    driver = Driver(built(MINUTE, claim=EXPIRED), by=replace(rules(), finds=True))
    decided = driver.trigger()
    assert driver.asked == [Open, Swap, Find, Start, Swap, Swap]
    find, start = (e for e in driver.effects if isinstance(e, Find | Start))
    assert (find.request, find.token) == (EXPIRED.request, "C1")
    assert (start.request, start.token) == (EXPIRED.request, "C1")
    assert decided.decision == decision(
        Outcome.DEFERRED,
        Why.COOLING_DOWN,
        due_ms=NOW + COOLDOWN,
        lastbuild_ms=NOW,
        taken_over="b-C1",
    )


def test_a_take_over_that_another_won_is_decided_on_what_that_left() -> None:
    driver = Driver(built(MINUTE, claim=EXPIRED))
    driver.meanwhile[Swap] = lambda: driver.others_write(claim=None, running=running("C1"))
    decided = driver.wake()
    assert driver.asked == [Get, Swap]
    assert (decided.decision.why, decided.decision.taken_over) == (Why.IDLE, None)


def test_a_start_after_a_take_over_says_both() -> None:
    driver = Driver(built(MINUTE, claim=EXPIRED), by=rules(0))
    decided = driver.trigger()
    assert (decided.decision.build_id, decided.decision.taken_over) == ("b-T1", "b-C1")


MEMORY = replace(rules(), token_memory_ms=2 * MINUTE)


@pytest.mark.parametrize(("late_ms", "starts"), [(MINUTE - 1, True), (MINUTE, False)])
def test_where_nobody_can_look_the_token_is_as_good_while_it_surely_is_remembered(
    late_ms: int, starts: bool
) -> None:
    driver = Driver(
        built(MINUTE, claim=replace(EXPIRED, claimed_ms=NOW - MINUTE)),
        now_ms=NOW + late_ms,
        by=MEMORY,
    )
    driver.instead[Find] = StoreError("cannot look")
    decided = driver.wake()
    assert (Start in driver.asked) is starts
    assert decided.decision.why is (Why.IDLE if starts else Why.CLAIMED)
    assert decided.decision.taken_over == ("b-C1" if starts else None)


def test_a_late_claimant_that_cannot_look_says_why_it_does_not_know() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Open] = late(driver)
    driver.instead[Find] = StoreError("cannot look")
    decided = driver.trigger()
    assert Start not in driver.asked
    assert (decided.decision.why, decided.decision.detail) == (Why.START_UNKNOWN, "cannot look")


def test_a_refusal_that_settles_nothing_is_not_told_as_one_after_another_has_built() -> None:
    """The answer to the write that leaves the claim is lost; it is sent again after somebody has finished it."""
    driver = Driver(built(COOLDOWN))

    def answer_lost(effect: Any) -> object:
        reply = driver.perform(effect)
        if Start not in driver.asked:
            return reply  # the take-over
        driver.others_write(claim=None, running=running("T1"))
        return Lost(driver.record)

    driver.instead[Open] = late(driver)
    driver.instead[Start] = refuse(worth_retrying=True)
    driver.instead[Swap] = answer_lost
    decision = driver.trigger().decision
    assert (decision.outcome, decision.build_id) == (Outcome.STARTED, "b-T1")


def test_where_nobody_could_look_a_refusal_is_not_certain() -> None:
    late_ms = NOW + 2 * MINUTE
    forgetful = replace(MEMORY, finds=True, token_memory_ms=5 * MINUTE)
    for find, given_back in ((StoreError("throttled"), False), (None, True)):
        driver = Driver(built(MINUTE, claim=EXPIRED), now_ms=late_ms, by=forgetful)
        driver.instead[Find] = find
        driver.instead[Start] = refuse(worth_retrying=True)
        driver.wake()
        assert Start in driver.asked
        assert (driver.record.claim is None) is given_back


def test_a_take_over_whose_confirm_the_store_does_not_take_leaves_the_claim_to_be_found() -> None:
    driver = Driver(built(MINUTE, claim=EXPIRED))

    def once(effect: Any) -> Any:
        driver.instead[Swap] = StoreUnavailable("no answer")
        return driver.perform(effect)

    driver.instead[Swap] = once
    decided = driver.wake()
    assert (decided.decision.why, decided.decision.taken_over) == (Why.CLAIMED, "b-C1")
    assert driver.record.claim is not None
    assert driver.record.claim.attempt == 2


def test_a_take_over_refused_after_a_look_that_found_nothing_gives_back_in_time() -> None:
    sent_ms = NOW + MINUTE
    for finds, at_ms, given_back in (
        (True, sent_ms, True),
        (True, sent_ms - 1, False),
        (False, sent_ms, False),
    ):
        driver = Driver(
            built(MINUTE, claim=EXPIRED), now_ms=at_ms, by=replace(rules(), finds=finds)
        )
        driver.instead[Start] = refuse(worth_retrying=True)
        driver.wake()
        assert (driver.record.claim is None) is given_back
        assert (driver.record.pending is not None) is given_back


def test_a_refused_take_over_whose_first_request_may_have_built_is_nobody_knows() -> None:
    driver = Driver(built(COOLDOWN))
    driver.instead[Open] = late(driver)
    driver.instead[Start] = refuse(worth_retrying=True)
    decided = driver.trigger()
    assert decided.decision.why is Why.START_UNKNOWN
    assert decided.decision.detail == "no such project"
    assert decided.decision.due_ms == NOW + 2 * MINUTE
    assert driver.record.claim is not None
    assert driver.record.claim.refused


# --- cancelling and asking -----------------------------------------------------------------------------------------

CANCEL = rules(overlap="cancel")
BUSY = built(COOLDOWN, running=running("R0", started_ms=NOW - COOLDOWN))


def test_a_running_build_is_cancelled_before_the_newer_one_starts() -> None:
    driver = Driver(BUSY, by=CANCEL)
    decided = driver.trigger()
    assert driver.asked == [Get, Swap, Cancel, Swap, Start, Swap]
    assert driver.effects[2].build_id == "b-R0"
    assert decided.decision.build_id == "b-T1"
    [left] = driver.effects[3].history
    assert (left.token, left.succeeded, left.detail) == (
        "R0",
        None,
        "cancelled for a newer build",
    )
    assert left.ended_ms == NOW


def test_a_build_that_cannot_be_cancelled_is_waited_for() -> None:
    driver = Driver(BUSY, by=CANCEL)
    driver.instead[Cancel] = RuntimeError("no rights")
    decided = driver.trigger()
    assert Start not in driver.asked
    assert decided.decision == decision(
        Outcome.DEFERRED,
        Why.RUNNING,
        due_ms=NOW + 30 * MINUTE,
        lastbuild_ms=NOW - COOLDOWN,
        detail="b-R0",
    )
    assert driver.record.running is not None
    assert driver.record.running.cancel_failed
    assert driver.record.counts == Counts(deferred=1)
    assert decided.sight == Sight(record=driver.record, seen_ms=NOW)


def test_a_build_that_ended_while_it_could_not_be_cancelled_is_not_waited_for() -> None:
    driver = Driver(BUSY, by=CANCEL)

    def ended(_cancel: Cancel) -> None:
        driver.others_write(running=None)
        raise RuntimeError("it has ended")

    driver.instead[Cancel] = ended
    decided = driver.trigger()
    assert (decided.decision.why, decided.decision.due_ms) == (Why.RUNNING, None)
    assert driver.record.pending is not None


def test_a_take_over_that_cannot_cancel_leaves_the_claim_where_it_is() -> None:
    """The first attempt may have cancelled, and started."""
    driver = Driver(replace(BUSY, claim=EXPIRED), by=CANCEL)
    driver.instead[Cancel] = RuntimeError("no rights")
    decided = driver.wake()
    assert Start not in driver.asked
    assert driver.record.claim is not None
    assert driver.record.claim.attempt == 2
    assert decided.decision.why is Why.CLAIMED


def test_a_late_claimant_that_cannot_cancel_says_why() -> None:
    driver = Driver(BUSY, by=CANCEL)

    def late_swap(swap: Swap) -> Any:
        driver.instead.pop(Swap)
        driver.now_ms += MINUTE
        return driver.perform(swap)

    driver.instead[Swap] = late_swap
    driver.instead[Cancel] = RuntimeError("no rights")
    decided = driver.trigger()
    assert Start not in driver.asked
    assert (decided.decision.why, decided.decision.detail) == (Why.START_UNKNOWN, "no rights")
    assert decided.decision.due_ms == NOW + 2 * MINUTE


POLLS = replace(rules(overlap="defer"), polls=True)
LONG = running("R0", started_ms=NOW - MINUTE)


@pytest.mark.parametrize(
    ("state", "why"),
    [("succeeded", Why.READY), ("running", Why.RUNNING), (RuntimeError("throttled"), Why.RUNNING)],
)
def test_a_running_build_is_asked_after_and_then_decided(state: Any, why: Why) -> None:
    driver = Driver(Record(running=LONG, writes=("w0",)), by=POLLS)
    driver.instead[Poll] = state
    decided = driver.trigger()
    assert driver.asked[:3] == [Get, Poll, Swap]
    assert driver.effects[1].build_id == "b-R0"
    assert decided.decision.why is why
    if why is Why.RUNNING:
        assert driver.record.running == replace(LONG, polled_ms=NOW)
