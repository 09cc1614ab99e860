"""Where guarantees meet: what an attacker found at their edges, on every store."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.observe.status import status_of

if TYPE_CHECKING:
    from tests.guarantees.conftest import Bench


@pytest.mark.parametrize("waits", [False, True])
def test_g8_a_version_without_an_instant_hides_no_newer_one_of_its_line(bench: Bench, waits: bool) -> None:
    for version, at in (("C", 10), ("X", None), ("A", 5)):
        bench.gate("1m").trigger(source_version=version, line="main", at=at)
        if not waits:
            bench.clock.advance("1m")
    bench.clock.advance("1m")
    bench.gate("1m").wake()
    assert bench.builds.versions == ["C", "X"]


def test_g1_a_take_over_waits_out_the_cooldown_of_a_build_by_the_old_snippet(bench: Bench) -> None:
    gate = bench.gate("10m")
    bench.builds.answers = [TimeoutError("no answer")]
    lost, bench.builds.started = gate.trigger(source_version="v1"), {}  # its request was never read
    assert lost.why is Why.START_UNKNOWN
    bench.clock.advance("11m")
    record = bench.store.get(gate.key)
    bench.store.swap(gate.key, expected=record, new=record.but(lastbuild=Decimal(bench.clock.now_ms() // 1000)))
    bench.clock.advance("5s")
    assert bench.gate("10m").wake().why is Why.COOLING_DOWN
    assert bench.builds.versions == []
    bench.clock.advance("10m")
    assert bench.gate("10m").wake().outcome is Outcome.STARTED
    assert bench.builds.versions == ["v1"]


def test_g4_an_end_that_is_reported_before_the_start_is_recorded_frees_the_gate(bench: Bench) -> None:
    gate = bench.gate("1m", overlap="defer")
    start = bench.builds.start

    def quick(request: Any, token: str) -> str:
        build_id = start(request, token)
        bench.gate("1m", overlap="defer").finished(build_id, succeeded=True, exit_status=0)
        return build_id

    bench.builds.start = quick  # type: ignore[method-assign]
    first = gate.trigger(source_version="v1")
    record = bench.store.get(gate.key)
    assert (record.running, record.finished and record.finished.succeeded) == (None, True)
    assert [build.exit_status for build in bench.store.history(gate.key)] == [0]
    bench.clock.advance("1m")
    assert bench.gate("1m", overlap="defer").trigger().outcome is Outcome.STARTED
    assert first.outcome is Outcome.STARTED


def test_an_end_that_is_reported_after_the_lease_is_known_to_the_gate(bench: Bench) -> None:
    gate = bench.gate("1m", overlap="defer", unchanged="skip")
    build = gate.trigger(source_version="v1").build_id
    bench.clock.advance("8h")
    gate.wake()
    gate.finished(str(build), succeeded=True)
    assert bench.gate("1m", unchanged="skip").trigger(source_version="v1").why is Why.UNCHANGED


def test_unchanged_forgets_a_version_once_another_was_started(bench: Bench) -> None:
    policy: dict[str, Any] = {"unchanged": "skip"}
    gate = bench.gate("1m", **policy)
    gate.finished(str(gate.trigger(source_version="A").build_id), succeeded=True)
    bench.clock.advance("1m")
    bench.gate("1m", **policy).trigger(source_version="B")
    bench.clock.advance("9h")  # its end is never reported
    assert bench.gate("1m", **policy).trigger(source_version="A").outcome is Outcome.STARTED


def test_what_a_refusal_promises_is_when_the_gate_may_start(bench: Bench) -> None:
    bench.gate("10m").trigger()
    bench.clock.advance("1m")
    bench.builds.answers = [StartRefused("no such project")]
    refused = bench.gate("10m").trigger(force=True)
    assert refused.why is Why.START_FAILED
    assert refused.retry_after == 60  # the back-off alone: it stays forced
    assert bench.store.get(bench.gate().key).due_ms == refused.due_ms


def test_a_process_without_a_limit_counts_for_one_that_has_it(bench: Bench) -> None:
    starts = 0
    for n in range(8):
        policy = {"limit": "2/1h"} if n % 2 == 0 else {}
        starts += bench.gate("1s", **policy).trigger().outcome is Outcome.STARTED
        bench.clock.advance("2s")
    limited = bench.gate("1s", limit="2/1h").trigger()
    assert limited.why is Why.LIMIT
    assert starts >= 2


def test_a_keyed_gate_does_not_expire_before_its_cooldown_ends(bench: Bench) -> None:
    gate = bench.gate("100d", key="k")
    gate.trigger()
    before = bench.store.get(gate.key).expires_ms
    stranger = holdoff.Gate(
        "site-build",
        key="k",
        region="eu-west-1",
        store=bench.store,
        policy=holdoff.Policy(0),
        clock=bench.clock,
        knows_policy=False,
    )
    stranger.hold(why="incident")
    stranger.resume()
    after = bench.store.get(gate.key).expires_ms
    assert before is not None
    assert after is None or after >= before


def test_g8_the_caller_of_an_older_version_comes_after_the_newest_ones(bench: Bench) -> None:
    bench.gate("1m").trigger()
    newer = bench.gate("1m").trigger(source_version="C", line="main", at=10, waits=True)
    older = bench.gate("1m").trigger(source_version="B", line="main", at=5, waits=True)
    bench.clock.advance("1m")
    assert bench.gate("1m").wake(waiter=older.token).outcome is Outcome.DEFERRED
    assert bench.gate("1m").wake(waiter=newer.token).outcome is Outcome.STARTED
    assert bench.builds.versions == [None, "C"]


@pytest.mark.parametrize("overlap", ["allow", "defer"])
def test_g2_who_looks_after_a_command_by_the_settings_before_an_edit_makes_no_wake_later(
    bench: Bench, overlap: str
) -> None:
    """With the end of its command it wrote the end of the old cooldown, and what waited was built an hour later."""
    bench.builds.wait = lambda _build_id, beat, _every_ms: beat() or 0  # type: ignore[attr-defined]
    before = bench.gate("1h", overlap=overlap, from_file=True)
    build = before.trigger()
    bench.gate("1h", overlap=overlap).trigger(source_version="v2")
    bench.gate("1m", overlap=overlap).wake()  # as a loop does with new settings
    assert before.wait(build.build_id) == 0
    for _ in range(2):
        assert list(bench.store.due(bench.clock.now_ms())) == [before.key]
        decision = bench.gate("1m", overlap=overlap).wake()
        bench.clock.advance("1m")
    assert decision.outcome is Outcome.STARTED


def test_g2_a_lease_that_is_renewed_by_the_settings_before_an_edit_makes_no_wake_later(bench: Bench) -> None:
    """Each heartbeat of a command wrote the end of the old cooldown again."""
    before = bench.gate("1h")
    build = before.trigger()
    bench.gate("1h").trigger(source_version="v2")
    bench.gate("1m").wake()  # as a loop does with new settings
    before.renew(build.token)
    bench.clock.advance("1m")
    assert list(bench.store.due(bench.clock.now_ms())) == [before.key]


def test_what_a_loop_is_to_look_at_is_not_overdue_before_it_is_ready(bench: Bench) -> None:
    bench.builds.wait = lambda *_: 0  # type: ignore[attr-defined]
    gate = bench.gate("1h", from_file=True)
    build = gate.trigger()
    gate.trigger()
    gate.wait(build.build_id)
    bench.clock.advance("10m")
    assert gate.status().attention == ("pending",)
    bench.clock.advance("52m")
    assert gate.status().attention == ("overdue", "pending")


def test_what_waits_for_a_policy_of_no_file_is_overdue_where_its_policy_is_not_known_only_once_it_is_due(
    bench: Bench,
) -> None:
    """`holdoff status` without a holdoff.toml said that it was overdue from the end of the command before on."""
    bench.builds.wait = lambda *_: 0  # type: ignore[attr-defined]
    gate = bench.gate("1h")
    build = gate.trigger()
    gate.trigger()
    bench.clock.advance("5m")
    gate.wait(build.build_id)
    for minutes, attention in (("10m", ("pending",)), ("47m", ("overdue", "pending"))):
        bench.clock.advance(minutes)
        assert status_of(gate.key, bench.store.get(gate.key), None, bench.clock.now_ms()).attention == attention
