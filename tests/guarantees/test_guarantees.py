"""G1 to G7, each by its name, on memory, SQLite, PostgreSQL and DynamoDB Local. G8 is ``test_g8_newest_wins``; the
checker tries more."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.core.record import Record
from holdoff.core.units import seconds_from_ms
from holdoff.observe.explain import explain_event
from tests.scenes import scene_of
from tests.waiting import all_at_once

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

    def test_each_key_has_a_spacing_of_its_own(self, bench: Bench) -> None:
        for key in (None, "one", "two"):
            assert bench.gate(key=key).trigger().outcome is Outcome.STARTED
            assert bench.gate(key=key).trigger().outcome is Outcome.DEFERRED


class TestG2NothingLost:
    def test_a_deferred_trigger_is_built_after_it(self, bench: Bench) -> None:
        bench.gate().trigger(source_version="one")
        bench.clock.advance("1m")
        assert bench.gate().trigger(source_version="two").outcome is Outcome.DEFERRED
        bench.clock.advance("1m")
        assert bench.gate().trigger(source_version="three").outcome is Outcome.DEFERRED
        bench.clock.advance("8m")
        assert list(bench.store.due(bench.clock.now_ms())) == [bench.gate().key]
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

    def test_many_at_once_are_all_counted_and_known(self, bench: Bench) -> None:
        bench.gate().trigger()
        gates = [bench.gate() for _ in range(12)]
        all_at_once([partial(gate.trigger, event_id=f"e{n}") for n, gate in enumerate(gates)])
        pending = bench.store.get(gates[0].key).pending
        assert pending is not None
        assert pending.count == 12
        assert all(bench.gate().trigger(event_id=f"e{n}").why is Why.DUPLICATE for n in range(12))

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
        gate.trigger(source_version="two")
        gate.reset(by="ada", why="stuck")
        assert [(act.what, act.by, act.why) for act in bench.store.get(gate.key).acts] == [("reset", "ada", "stuck")]
        assert list(bench.store.due(bench.clock.now_ms())) == [gate.key]
        assert gate.wake().outcome is Outcome.STARTED
        assert bench.builds.versions == ["one", "two"]

    def test_dropped_is_dropped_but_what_comes_after_is_not(self, bench: Bench) -> None:
        gate, other = bench.gate("1h"), bench.gate("1h")
        gate.trigger()
        gate.trigger()
        other.reset(drop_pending=True)
        bench.clock.advance("1m")
        other.hold(why="incident 42", duration="1h")
        assert gate.trigger().outcome is Outcome.DEFERRED  # decided on what it saw before the drop
        assert bench.store.get(gate.key).pending.count == 1  # type: ignore[union-attr]
        bench.clock.advance("2h")
        gate.wake()
        assert len(bench.builds.started) == 2


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
        bench.gate().trigger(event_id="delivery-8")
        for event in ("delivery-7", "delivery-8"):
            again = bench.gate().trigger(event_id=event)
            assert (again.outcome, again.why) == (Outcome.SKIPPED, Why.DUPLICATE)
        bench.clock.advance("1h")
        bench.gate().wake()
        assert bench.gate().trigger(event_id="delivery-8").why is Why.DUPLICATE
        assert len(bench.builds.started) == 2

    def test_many_wakers_at_once_start_it_once(self, bench: Bench) -> None:
        bench.gate().trigger()
        bench.gate().trigger()
        bench.clock.advance("10m")
        all_at_once([bench.gate().wake for _ in range(8)])
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

    def test_a_build_whose_end_was_not_reported_is_asked_after(self, bench: Bench) -> None:
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
    def test_every_decision_says_why(self, bench: Bench) -> None:
        gate = bench.gate(unchanged="skip")
        decisions = [gate.trigger(source_version="one"), gate.trigger(source_version="one")]
        gate.finished(str(decisions[0].build_id), succeeded=True)
        decisions += [gate.trigger(source_version=version) for version in ("one", "two", "two")]
        bench.clock.advance("10m")
        bench.builds.answers = [StartRefused("no such project")]
        decisions.append(gate.trigger(source_version="three"))
        whys = [decision.why for decision in decisions]
        assert whys == ["ready", "unchanged", "unchanged", "cooling_down", "cooling_down", "start_failed"]
        assert all(str(decision).startswith("site-build ") for decision in decisions)

    def test_what_a_deferral_promises_is_in_the_store_before_it_is_given(self, bench: Bench) -> None:
        gate = bench.gate()
        gate.trigger()
        for number in range(1, 4):
            bench.clock.advance("1m")
            decision = gate.trigger(source_version=f"v{number}", event_id=f"e{number}")
            record = bench.store.get(gate.key)
            assert record.pending is not None
            assert (record.pending.count, record.pending.request.source_version) == (number, f"v{number}")
            assert record.due_ms == decision.due_ms

    def test_what_changes_nothing_is_not_written(self, bench: Bench) -> None:
        gate = bench.gate(on_cooldown="skip")
        gate.trigger(event_id="e1")
        before = bench.store.item(gate.key)
        assert bench.gate(on_cooldown="skip").trigger().outcome is Outcome.SKIPPED
        assert bench.gate().trigger(event_id="e1").why is Why.DUPLICATE
        assert bench.gate().wake().why is Why.IDLE
        assert bench.store.item(gate.key) == before

    def test_every_build_says_what_it_covered(self, bench: Bench) -> None:
        gate = bench.gate("1m")
        gate.trigger(event_id="e0", source_version="v0", line="main", at=0)
        for number, line in ((1, "main"), (2, "next"), (3, "main")):
            gate.trigger(event_id=f"e{number}", source_version=f"v{number}", line=line, at=number)
        bench.clock.advance("1m")
        build = gate.wake().build_id
        scene = scene_of(bench.store, gate.key, None, bench.clock.now_ms())
        found = [explain_event(scene, f"e{number}") for number in range(4)]
        assert [one.verdict for one in found] == ["covered", "covered", "replaced", "covered"]
        assert (found[1].build_id, found[2].build_id, found[3].build_id) == (build, None, build)

    def test_every_end_is_kept(self, bench: Bench) -> None:
        gate = bench.gate("1m")
        first = gate.trigger().build_id
        bench.clock.advance("1m")
        second = gate.trigger().build_id
        bench.clock.advance("1m")
        gate.finished(str(second), succeeded=True)
        assert not bench.gate("1m").finished(str(first), succeeded=False, exit_status=3)
        ends = {build.build_id: (build.succeeded, build.exit_status) for build in bench.store.history(gate.key)}
        assert ends == {second: (True, None), first: (False, 3)}

    def test_the_end_of_a_build_that_outlived_its_lease_is_kept_too(self, bench: Bench) -> None:
        gate = bench.gate("1m", overlap="defer")
        build = gate.trigger().build_id
        bench.clock.advance("8h")
        assert gate.wake().why is Why.IDLE  # its lease is over: it counts as ended
        bench.clock.advance("1h")
        gate.finished(str(build), succeeded=False, detail="in phase BUILD")
        (left,) = bench.store.history(gate.key)
        assert (left.succeeded, left.detail, left.ended_ms) == (False, "in phase BUILD", bench.clock.now_ms())

    def test_whatever_a_starter_says_can_be_confirmed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        for number, said in enumerate(("b\ud800", "b" * 1_000_000, "b\0\x1b")):
            monkeypatch.setattr(bench.builds, "start", lambda _request, _token, said=said: said)
            gate = bench.gate(key=str(number))
            assert not gate.trigger().unconfirmed
            assert gate.finished(said, succeeded=False, detail="\ud800" * 1_000)
            assert bench.store.get(gate.key).running is None


class TestG7OldDataIsFine:
    @pytest.mark.parametrize(
        ("lastbuild", "ready"),
        [("1700000000", True), ("1700000000.5", True), ("1767225000.25", False), (None, True)],
    )
    def test_an_item_of_the_snippet_is_a_gate(self, bench: Bench, lastbuild: str | None, ready: bool) -> None:
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
            _move(bench, Decimal(bench.clock.now_ms() // 1000))
            assert gate.wake().outcome is Outcome.DEFERRED
        bench.clock.advance("10m")
        assert gate.wake().outcome is Outcome.STARTED
        assert len(bench.builds.started) == 2

    @pytest.mark.parametrize("ahead_ms", [60_000, 86_400_000, 10**12])
    @pytest.mark.parametrize("act", ["trigger", "wake"])
    def test_one_in_the_future_counts_as_now_and_is_put_right_at_first_sight(
        self, bench: Bench, act: str, ahead_ms: int
    ) -> None:
        gate = bench.gate("10m")
        gate.trigger()
        gate.trigger()
        bench.clock.advance("5m")
        now_ms = bench.clock.now_ms()
        _move(bench, seconds_from_ms(now_ms + ahead_ms))
        assert any("in the future" in note for note in gate.status().notes)
        decision = bench.gate("10m").trigger() if act == "trigger" else bench.gate("10m").wake()
        assert (decision.outcome, decision.due_ms) == (Outcome.DEFERRED, now_ms + 600_000)
        assert bench.store.get(gate.key).lastbuild_ms == now_ms
        assert gate.status().notes == ()
        bench.clock.advance("10m")
        assert list(bench.store.due(bench.clock.now_ms())) == [gate.key]
        assert bench.gate("10m").wake().outcome is Outcome.STARTED

    def test_one_that_a_person_moves_back_frees_the_gate_but_not_within_the_clocks_margin(self, bench: Bench) -> None:
        gate = bench.gate("10m")
        gate.trigger()
        started_ms = bench.clock.now_ms()
        bench.clock.advance("9m59s")
        margin_ms = bench.store.clock_margin_ms + 1_000  # the snippet's whole seconds
        _move(bench, seconds_from_ms(started_ms - margin_ms))
        assert (bench.gate("10m").trigger().due_ms, gate.status().notes) == (started_ms + 600_000, ())
        gate.reset(drop_pending=True)
        _move(bench, seconds_from_ms(started_ms - margin_ms - 1_000))
        (note,) = gate.status().notes
        assert "moved back" in note
        bench.clock.advance("1s")
        assert bench.gate("10m").trigger().outcome is Outcome.STARTED

    def test_one_that_a_person_moves_later_holds_it(self, bench: Bench) -> None:
        gate = bench.gate("10m")
        gate.trigger()
        bench.clock.advance("9m")
        _move(bench, seconds_from_ms(bench.clock.now_ms()))
        assert gate.trigger().due_ms == bench.clock.now_ms() + 600_000


def _move(bench: Bench, lastbuild: Decimal) -> None:
    """As the snippet or a person does: nothing but ``lastbuild``."""
    key = bench.gate().key
    current = bench.store.get(key)
    bench.store.swap(key, expected=current, new=current.but(lastbuild=lastbuild))
