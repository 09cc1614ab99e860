"""G8, the newest wins: whatever order events arrive in, a gate builds no older version of a line after a newer one, and
calls no version covered that no build contains."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.observe.explain import explain_event, explain_version
from tests.scenes import scene_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import holdoff
    from holdoff.core.decision import Decision
    from tests.guarantees.conftest import Bench

#: Pushes to a branch: O -> A -> B -> C, and back to A by force.
PUSHES = {
    "A": {"source_version": "A", "parent": "O", "at": 100},
    "B": {"source_version": "B", "parent": "A", "at": 200},
    "C": {"source_version": "C", "parent": "B", "at": 300},
    "back": {"source_version": "A", "parent": "C", "at": 400},
}


def push(gate: holdoff.Gate, name: str, *, line: str = "main", by: str = "both") -> Decision:
    """One delivery of a push, with its instant, its parent, or both."""
    words = {**PUSHES[name], **({"at": None} if by == "parent" else {"parent": None} if by == "at" else {})}
    return gate.trigger(event_id=f"{line}-{name}", line=line, **words)  # type: ignore[arg-type]


def verdicts(bench: Bench, names: Sequence[str]) -> list[str]:
    """What became of these events, as ``explain`` says."""
    scene = scene_of(bench.store, bench.gate().key, None, bench.clock.now_ms())
    return [explain_event(scene, f"main-{name}").verdict for name in names]


def settle(bench: Bench) -> None:
    """Until nothing is pending."""
    for _ in range(5):
        bench.clock.advance("10m")
        bench.gate().wake()


@pytest.mark.parametrize("by", ["at", "parent", "both"])
def test_delivered_b_then_a(bench: Bench, by: str) -> None:
    assert push(bench.gate(), "B", by=by).outcome is Outcome.STARTED
    late = push(bench.gate(), "A", by=by)
    assert (late.outcome, late.why) == (Outcome.SKIPPED, Why.SUPERSEDED)
    assert "newer version" in str(late)
    settle(bench)
    assert push(bench.gate(), "A", by=by).why is Why.SUPERSEDED
    assert bench.builds.versions == ["B"]


@pytest.mark.parametrize("by", ["at", "parent", "both"])
def test_delivered_b_then_a_while_both_must_wait(bench: Bench, by: str) -> None:
    bench.gate().trigger()
    assert push(bench.gate(), "B", by=by).outcome is Outcome.DEFERRED
    assert push(bench.gate(), "A", by=by).outcome is Outcome.DEFERRED
    settle(bench)
    assert bench.builds.versions == [None, "B"]
    assert verdicts(bench, "AB") == ["covered", "covered"]  # A is in B


def test_delivered_b_then_a_while_b_is_being_started(bench: Bench) -> None:
    bench.builds.answers = [TimeoutError("no answer")]
    push(bench.gate(), "B")
    assert push(bench.gate(), "A").why is Why.SUPERSEDED
    bench.clock.advance("2m")
    assert bench.gate().wake().taken_over is not None
    settle(bench)
    assert bench.builds.versions == ["B"]


def test_a_failed_invocation_is_delivered_again_after_a_newer_push(bench: Bench) -> None:
    bench.builds.answers = [StartRefused("throttled", worth_retrying=True)]
    assert push(bench.gate(), "A").why is Why.START_FAILED
    push(bench.gate(), "B")
    bench.gate().trigger(event_id="again-A", line="main", **PUSHES["A"])  # type: ignore[arg-type]
    settle(bench)
    assert bench.builds.versions == ["B"]


def test_a_refused_newer_version_still_wins_over_an_older_one_that_came_meanwhile(bench: Bench) -> None:
    bench.gate().trigger()
    bench.clock.advance("10m")
    bench.builds.answers = [StartRefused("throttled", worth_retrying=True)]
    push(bench.gate(), "B")
    push(bench.gate(), "A")
    settle(bench)
    assert bench.builds.versions == [None, "B"]


@pytest.mark.parametrize("order", list(permutations("ABC")))
def test_a_batch_in_any_order_builds_the_newest_last(bench: Bench, order: tuple[str, ...]) -> None:
    for name in order:
        push(bench.gate(), name)
        bench.clock.advance("1s")
    settle(bench)
    built = [version or "" for version in bench.builds.versions]
    assert built == sorted(built)
    assert built[-1] == "C"


def test_a_dead_letter_is_sent_again_the_next_day(bench: Bench) -> None:
    for name in "BC":
        push(bench.gate(), name)
        settle(bench)
    for number in range(20):  # more events than are remembered
        bench.gate().trigger(event_id=f"e{number}", line="next", source_version=f"n{number}")
    bench.clock.advance("24h")
    settle(bench)
    for name in "AB":
        assert push(bench.gate(), name).why is Why.SUPERSEDED
    assert bench.builds.versions[:2] == ["B", "C"]
    assert "A" not in bench.builds.versions[2:]


def test_a_build_that_failed_then_an_older_redelivery(bench: Bench) -> None:
    build = push(bench.gate(), "B").build_id
    bench.gate().finished(str(build), succeeded=False)
    settle(bench)
    assert push(bench.gate(), "A").why is Why.SUPERSEDED
    assert bench.builds.versions == ["B"]


def test_a_branch_that_is_set_back_is_built_again(bench: Bench) -> None:
    for name in ("A", "C", "back"):
        push(bench.gate(), name)
        settle(bench)
    assert bench.builds.versions == ["A", "C", "A"]
    assert push(bench.gate(), "B").why is Why.SUPERSEDED


def test_of_two_lines_the_last_to_arrive_is_built_and_the_other_is_called_replaced(bench: Bench) -> None:
    bench.gate().trigger()
    push(bench.gate(), "B")
    push(bench.gate(), "A", line="next")
    settle(bench)
    assert bench.builds.versions == [None, "A"]
    assert verdicts(bench, "B") == ["replaced"]
    scene = scene_of(bench.store, bench.gate().key, None, bench.clock.now_ms())
    assert explain_version(scene, "B").verdict == "replaced"
    assert push(bench.gate(), "C").outcome is Outcome.STARTED  # nothing newer of its line was built


def test_an_older_version_behind_another_line_does_not_pass_for_the_newer(bench: Bench) -> None:
    """B of one line, then another line, then A of the first: whichever is built, B is not called covered by A."""
    bench.gate().trigger()
    push(bench.gate(), "B")
    push(bench.gate(), "C", line="next")
    push(bench.gate(), "A")
    settle(bench)
    (verdict,) = verdicts(bench, "B")
    assert ("B" in bench.builds.versions) is (verdict == "covered")


def test_without_a_line_the_last_to_arrive_wins(bench: Bench) -> None:
    bench.gate().trigger()
    for name in "BA":
        bench.gate().trigger(event_id=f"main-{name}", **PUSHES[name])  # type: ignore[arg-type]
    settle(bench)
    assert bench.builds.versions == [None, "A"]
    assert verdicts(bench, "AB") == ["covered", "replaced"]
