"""G1 to G7, each by its name, on memory, SQLite and DynamoDB Local. (The model checker tries far more histories.)"""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.core.record import Record

if TYPE_CHECKING:
    from tests.guarantees.conftest import Bench


class TestG1Spacing:
    def test_starts_are_a_cooldown_apart_and_exactly_that_is_enough(self, bench: Bench) -> None:
        gates = [bench.gate("10m"), bench.gate("10m")]
        for second in range(0, 1801, 60):
            gates[second % 2].trigger()
            gates[(second + 1) % 2].wake()
            bench.clock.advance("1m")
        assert bench.seconds() == [0, 600, 1200, 1800]

    def test_no_more_than_limit_start_in_any_window(self, bench: Bench) -> None:
        gate = bench.gate("1m", limit="3/1h")
        for _ in range(180):
            gate.trigger()
            gate.wake()
            bench.clock.advance("1m")
        starts = bench.seconds()
        assert starts == [0, 60, 120, 3600, 3660, 3720, 7200, 7260, 7320]
        assert all(later - first >= 3600 for first, later in zip(starts, starts[3:], strict=False))

    def test_a_confirm_and_a_take_over_count_from_their_own_instant(self, bench: Bench) -> None:
        gate = bench.gate("10s")
        bench.builds.answers = [TimeoutError("no answer")]
        gate.trigger()
        bench.clock.advance("90s")  # the lease is over
        decision = bench.gate("10s").trigger()
        assert decision.outcome is Outcome.DEFERRED
        assert decision.due_ms == bench.clock.now_ms() + 10_000
        assert len(bench.builds.started) == 1


class TestG2NothingLost:
    def test_a_deferred_trigger_is_built_after_it(self, bench: Bench) -> None:
        bench.gate().trigger(source_version="one")
        bench.clock.advance("1m")
        assert bench.gate().trigger(source_version="two").outcome is Outcome.DEFERRED
        bench.clock.advance("1m")
        assert bench.gate().trigger(source_version="three").outcome is Outcome.DEFERRED
        bench.clock.advance("8m")
        assert bench.gate().wake().outcome is Outcome.STARTED
        assert bench.builds.versions == ["one", "three"]

    def test_after_a_crash_too(self, bench: Bench) -> None:
        bench.gate().trigger(source_version="one")
        bench.clock.advance("1m")
        bench.gate().trigger(source_version="two")
        bench.clock.advance("9m")
        bench.builds.answers = [ConnectionResetError("reset")]
        assert bench.gate().wake().why is Why.START_UNKNOWN
        bench.clock.advance("2m")
        bench.gate().wake()
        assert bench.builds.versions == ["one", "two"]

    def test_what_comes_while_a_claim_is_out_is_not_covered_by_it(self, bench: Bench) -> None:
        bench.builds.answers = [TimeoutError("no answer")]
        bench.gate().trigger(source_version="one")
        assert bench.gate().trigger(source_version="two").why is Why.CLAIMED
        bench.clock.advance("2m")
        bench.gate().wake()  # finishes what was left
        bench.clock.advance("10m")
        bench.gate().wake()
        assert bench.builds.versions == ["one", "two"]

    def test_an_answer_from_memory_is_kept(self, bench: Bench) -> None:
        gate = bench.gate()
        gate.trigger()
        gate.trigger(source_version="two")
        bench.clock.advance("1m")
        assert gate.trigger(source_version="two").outcome is Outcome.DEFERRED
        bench.clock.advance("9m")
        other = bench.gate().wake()
        assert other.outcome is Outcome.STARTED
        gate.flush()
        assert bench.store.get(gate.key).pending is None

    @pytest.mark.parametrize("ends", ["resume", "by itself"])
    def test_a_hold_that_ends_releases_one_build_for_all(self, bench: Bench, ends: str) -> None:
        gate = bench.gate("1m")
        gate.hold(why="incident 42", by="ada", duration="2h" if ends == "by itself" else None)
        for number in range(5):
            decision = bench.gate("1m").trigger(source_version=f"v{number}")
            assert (decision.outcome, decision.why) == (Outcome.DEFERRED, Why.HELD)
            bench.clock.advance("10m")
        assert bench.gate("1m").wake().why is Why.HELD
        bench.clock.advance("2h")
        if ends == "resume":
            gate.resume(by="ada")
        assert bench.gate("1m").wake().covers == 5
        assert bench.gate("1m").wake().why is Why.IDLE
        assert bench.builds.versions == ["v4"]

    def test_reset_ends_the_cooldown_and_keeps_what_is_pending(self, bench: Bench) -> None:
        gate = bench.gate("1h")
        gate.trigger(source_version="one")
        due_ms = gate.trigger(source_version="two").due_ms
        gate.reset(by="ada", why="stuck")
        assert gate.trigger(source_version="three").outcome is Outcome.STARTED
        pending = bench.store.get(gate.key).pending
        assert pending is not None
        assert pending.due_ms >= (due_ms or 0)
        assert [(act.what, act.by, act.why) for act in bench.store.get(gate.key).acts] == [
            ("reset", "ada", "stuck")
        ]
        bench.clock.advance("2h")
        gate.wake()
        assert bench.builds.versions == ["one", "three", "three"]  # never the older one last

    def test_dropped_is_dropped_but_what_comes_after_is_not(self, bench: Bench) -> None:
        gate, other = bench.gate("1h"), bench.gate("1h")
        gate.trigger()
        gate.trigger()
        other.reset(drop_pending=True)
        bench.clock.advance("1m")
        assert gate.trigger().outcome is Outcome.DEFERRED  # from memory
        gate.flush()
        bench.clock.advance("2h")
        gate.wake()
        assert len(bench.builds.started) == 2

    def test_the_newest_wish_is_built_whoever_dies(self, bench: Bench) -> None:
        one, other = bench.gate(), bench.gate()
        one.trigger(source_version="base")
        for gate, version in ((one, "abc"), (other, "def"), (one, "abc")):
            bench.clock.advance("30s")
            assert gate.trigger(source_version=version).outcome is Outcome.DEFERRED
        del one  # killed: nothing it has not written is ever written
        bench.clock.advance("10m")
        other.wake()
        assert bench.builds.versions == ["base", "abc"]

    def test_so_is_the_newest_whatever_where_others_name_versions(self, bench: Bench) -> None:
        one, other = bench.gate(), bench.gate()
        one.trigger(source_version="base")
        for gate, version in ((one, None), (other, "def"), (one, None)):
            bench.clock.advance("30s")
            assert gate.trigger(source_version=version).outcome is Outcome.DEFERRED
        del one
        bench.clock.advance("10m")
        other.wake()
        assert bench.builds.versions == ["base", None]


class TestG3NoDoubleStart:
    def test_a_build_whose_answer_was_lost_is_found(self, bench: Bench) -> None:
        bench.builds.answers = [TimeoutError("no answer")]
        lost = bench.gate().trigger()
        assert (lost.outcome, lost.why) == (Outcome.FAILED, Why.START_UNKNOWN)
        bench.clock.advance("2m")
        taken = bench.gate().trigger()
        assert taken.taken_over is not None
        assert len(bench.builds.started) == 1

    def test_a_redelivered_event_is_a_duplicate(self, bench: Bench) -> None:
        bench.gate().trigger(event_id="delivery-7")
        bench.clock.advance("1h")
        again = bench.gate().trigger(event_id="delivery-7")
        assert (again.outcome, again.why) == (Outcome.SKIPPED, Why.DUPLICATE)
        assert len(bench.builds.started) == 1

    def test_many_wakers_at_once_start_it_once(self, bench: Bench) -> None:
        bench.gate().trigger()
        bench.gate().trigger()
        bench.clock.advance("10m")
        gates = [bench.gate() for _ in range(8)]
        threads = [threading.Thread(target=gate.wake) for gate in gates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(bench.builds.started) == 2


class TestG4NoOverlap:
    def test_a_build_starts_when_the_one_before_has_ended(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="defer")
        first = gate.trigger()
        bench.clock.advance("10m")
        assert gate.trigger().why is Why.RUNNING
        assert first.build_id is not None
        assert gate.finished(first.build_id, succeeded=True)
        assert gate.wake().outcome is Outcome.STARTED

    def test_a_build_whose_end_nobody_reported_is_asked_after(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="defer")
        first = gate.trigger()
        gate.trigger()
        bench.clock.advance("10m")
        assert gate.wake().why is Why.RUNNING
        bench.builds.states[str(first.build_id)] = "succeeded"
        bench.clock.advance("1m")
        assert gate.wake().outcome is Outcome.STARTED

    def test_or_when_its_lease_has_run_out(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="defer")
        gate.trigger()
        gate.trigger()
        bench.clock.advance("8h")
        assert gate.wake().outcome is Outcome.STARTED

    def test_skip_skips(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="skip")
        gate.trigger()
        bench.clock.advance("10m")
        assert gate.trigger().outcome is Outcome.SKIPPED

    def test_cancel_stops_the_one_before(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="cancel")
        first = gate.trigger()
        bench.clock.advance("10m")
        assert gate.trigger().outcome is Outcome.STARTED
        assert bench.builds.states == {first.build_id: "failed"}


class TestG5NoWaste:
    def test_a_refused_start_gives_the_slot_back(self, bench: Bench) -> None:
        before = Decimal("1700000000.1234567")
        gate = bench.gate()
        bench.store.swap(gate.key, expected=Record(), new=Record(lastbuild=before))
        bench.builds.answers = [StartRefused("too many builds", worth_retrying=True)]
        decision = gate.trigger(source_version="one")
        assert (decision.outcome, decision.why) == (Outcome.FAILED, Why.START_FAILED)
        assert bench.store.get(gate.key).lastbuild == before
        bench.clock.advance("5s")
        assert gate.wake().outcome is Outcome.STARTED
        assert bench.builds.versions == ["one"]

    def test_even_with_triggers_waiting_behind_it(self, bench: Bench) -> None:
        gate = bench.gate("1h")
        bench.builds.answers = [StartRefused("throttled", worth_retrying=True)]
        gate.trigger(source_version="one")
        bench.gate("1h").trigger(source_version="two")
        bench.clock.advance("5s")
        assert gate.wake().outcome is Outcome.STARTED
        assert bench.builds.versions == ["two"]

    def test_a_failed_build_is_built_again_where_the_policy_says_so(self, bench: Bench) -> None:
        gate = bench.gate("1h", on_failure="rearm")
        first = gate.trigger(source_version="one")
        bench.clock.advance("1m")
        gate.finished(str(first.build_id), succeeded=False)
        bench.clock.advance("1m")
        assert gate.wake().outcome is Outcome.STARTED
        assert bench.builds.versions == ["one", "one"]


class TestG6NothingSilent:
    def test_every_trigger_is_counted_and_every_decision_says_why(self, bench: Bench) -> None:
        gate = bench.gate(unchanged="skip")
        decisions = [gate.trigger(source_version="one"), gate.trigger(source_version="one")]
        gate.finished(str(decisions[0].build_id), succeeded=True)
        decisions += [gate.trigger(source_version=version) for version in ("one", "two", "two")]
        bench.clock.advance("10m")
        bench.builds.answers = [StartRefused("no such project")]
        decisions.append(gate.trigger(source_version="three"))
        gate.flush()
        whys = [decision.why for decision in decisions]
        assert whys == [
            "ready",
            "unchanged",
            "unchanged",
            "cooling_down",
            "cooling_down",
            "start_failed",
        ]
        counts = bench.store.get(gate.key).counts
        assert (counts.started, counts.deferred, counts.skipped, counts.failed) == (1, 2, 2, 1)
        assert all(str(decision).startswith("site-build ") for decision in decisions)


class TestG7OldDataIsFine:
    @pytest.mark.parametrize(
        ("lastbuild", "ready"),
        [("1700000000", True), ("1700000000.5", True), ("1767225000.25", False), (None, True)],
    )
    def test_an_item_of_the_snippet_is_a_gate(
        self, bench: Bench, lastbuild: str | None, ready: bool
    ) -> None:
        gate = bench.gate("10m")
        number = None if lastbuild is None else Decimal(lastbuild)
        bench.store.swap(gate.key, expected=Record(), new=Record(lastbuild=number))
        assert (gate.trigger().outcome is Outcome.STARTED) is ready

    def test_the_snippet_may_write_in_between_any_two_steps(self, bench: Bench) -> None:
        gate = bench.gate("10m")
        gate.trigger()
        gate.trigger()
        for _ in range(5):
            bench.clock.advance("9m")
            current = bench.store.get(gate.key)
            theirs = Decimal(bench.clock.now_ms() // 1000)
            new = replace(current, lastbuild=theirs)
            bench.store.swap(gate.key, expected=current, new=new)
            assert gate.wake().outcome is Outcome.DEFERRED
        bench.clock.advance("10m")
        assert gate.wake().outcome is Outcome.STARTED
        assert len(bench.builds.started) == 2
