"""What the model checker could not show at first: each breach of a guarantee as its shortest test."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import holdoff
from holdoff.core import claims
from holdoff.core.decision import Why
from holdoff.core.errors import StoreUnavailable
from holdoff.core.record import Finished
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.core.build import MINUTE, NOW, claimed, terms


class Builds:
    """A starter that remembers tokens, and lets others go on ``meanwhile`` a start is under way."""

    def __init__(self) -> None:
        self.built: dict[str, str] = {}
        self.versions: list[str | None] = []
        self.meanwhile: Any = lambda build_id: None

    def start(self, request: Any, token: str) -> str:
        if token not in self.built:
            self.built[token] = f"b{len(self.built) + 1}"
            self.versions.append(request.source_version)
        meanwhile, self.meanwhile = self.meanwhile, lambda build_id: None
        meanwhile(self.built[token])
        return self.built[token]

    def find(self, token: str, request: Any) -> str | None:
        return self.built.get(token)


class Apart(MemoryStore):
    """As PostgreSQL and DynamoDB: its users' clocks may be 5 s apart."""

    clock_margin_ms = 5_000


class World:
    def __init__(self, store: MemoryStore | None = None, **policy: Any) -> None:
        self.store, self.clock, self.starter = store or MemoryStore(), ManualClock(), Builds()
        self.policy = holdoff.Policy(**{"cooldown": "10m", **policy})
        self.a, self.b = self.gate(), self.gate()

    def gate(self) -> holdoff.Gate:
        return holdoff.Gate(
            "site", store=self.store, clock=self.clock, starter=self.starter, policy=self.policy, build_lease="8h"
        )

    @property
    def record(self) -> Any:
        return self.store.get(self.a.key)


def _no_answer(*_: Any) -> Any:
    raise OSError("no answer")


def test_1_a_branch_that_is_pushed_back_two_commits_is_built() -> None:
    """G8: "A force push counts as the newest"; the last change is always built."""
    w = World()
    w.a.trigger(source_version="B", parent="A", line="main")
    w.a.trigger(source_version="C", parent="B", line="main")
    said = w.a.trigger(source_version="A", parent="C", line="main")
    assert said.why is not Why.SUPERSEDED
    w.clock.advance("10m")
    w.a.wake()
    assert w.starter.versions == ["B", "A"]
    # And it is known as the newest of its line from then on: pushed forward, and back again.
    w.a.trigger(source_version="D", parent="A", line="main")
    w.a.trigger(source_version="A", parent="D", line="main")
    w.clock.advance("10m")
    w.a.wake()
    assert w.starter.versions == ["B", "A", "A"]


def test_2_a_version_that_others_follow_replaces_none_of_them_in_a_race() -> None:
    """G8: a version is newer "than the parents of the newest three that are pending"."""
    w = World()
    w.a.trigger(source_version="x")
    w.a.trigger(source_version="x")  # pending; a's snapshot
    w.b.trigger(source_version="B", parent="P", line="main")
    w.b.trigger(source_version="C", parent="B", line="main")
    w.a.trigger(source_version="P", parent="O", line="main")  # decided on the snapshot
    assert w.record.pending.request.source_version == "C"


def test_3_a_report_of_another_build_loses_no_end() -> None:
    """Every end is kept; a sentence that says "build b1 is running" is true."""
    w = World(overlap="defer")

    def meanwhile(build_id: str) -> None:
        w.b.finished(build_id, succeeded=True)
        w.b.finished("site-build:of-the-old-snippet", succeeded=True)

    w.starter.meanwhile = meanwhile
    w.a.trigger()
    w.clock.advance("10m")
    assert w.a.trigger().outcome == "started"


def test_4_an_end_that_came_early_is_kept_by_the_write_that_confirms() -> None:
    """No crash and no store's error between the two writes loses it; and "not yet recorded" is said of no build that
    is."""

    class Store(MemoryStore):
        def swap(self, key: Any, *, expected: Any, new: Any, history: Any = ()) -> Any:
            if expected.running is not None:
                raise StoreUnavailable("no answer")
            return super().swap(key, expected=expected, new=new, history=history)

    w = World(Store(), overlap="defer")
    w.starter.meanwhile = lambda build_id: w.b.finished(build_id, succeeded=False)
    said = w.a.trigger(reason="why")
    assert w.record.running is None
    assert w.record.finished.succeeded is False
    assert not said.unconfirmed
    (kept,) = w.store.history(w.a.key)
    assert kept.covers is not None
    assert (kept.build_id, kept.succeeded, kept.covers.count) == ("b1", False, 1)


def test_5_a_late_confirm_brings_back_no_build_that_has_ended() -> None:
    """G6, every end is kept: the gate said "b1 is running" for a whole build lease, and its end was erased."""
    w = World(cooldown="2m", overlap="defer")

    def meanwhile(build_id: str) -> None:
        w.clock.advance("61s")  # a stands still
        w.b.wake()
        w.b.finished(build_id, succeeded=True)
        w.clock.advance("3m")
        w.b.trigger()
        w.b.finished("b2", succeeded=True)

    w.starter.meanwhile = meanwhile
    w.a.trigger()
    assert w.record.running is None
    w.clock.advance("3m")
    assert w.b.trigger().outcome == "started"
    ends = {build.build_id: build.succeeded for build in w.store.history(w.a.key)}
    assert ends["b1"] is True


def test_6_a_request_is_in_flight_for_its_own_holders_lease() -> None:
    """G3: a taker with a shorter lease believed its refusal while the first one's request was still under way."""
    record = claimed()
    record = record.but(claim=record.claim and record.claim.but(lease_until_ms=NOW + 5 * MINUTE))
    taken = claims.taken_over(record, terms(by={"claim_lease_ms": MINUTE}), NOW + 5 * MINUTE)
    assert taken.claim is not None
    assert taken.claim.in_flight_until_ms == NOW + 10 * MINUTE


def test_7_an_instant_in_the_future_counts_as_now() -> None:
    """G8, by library, command line and API, not by webhooks alone: for a year each push was "superseded"."""
    w = World()
    year_ms = 366 * 86_400_000
    w.a.trigger(source_version="F", line="main", at=(w.clock.now_ms() + year_ms) / 1000)
    w.clock.advance("11m")
    said = w.a.trigger(source_version="G", line="main", at=w.clock.now_ms() / 1000)
    assert said.outcome == "started"


def test_7b_nor_does_a_clock_that_was_wrong_hold_a_line() -> None:
    w = World()
    w.clock.advance("366d")
    w.a.trigger(source_version="F", line="main", at=w.clock.now_ms() / 1000)
    w.clock.set("2026-01-01T00:30:00Z")
    w.a = w.gate()
    w.a.wake()
    w.clock.advance("11m")
    said = w.a.trigger(source_version="G", line="main", at=w.clock.now_ms() / 1000)
    assert said.why is not Why.SUPERSEDED


@pytest.mark.parametrize("built", ["F", "E"], ids=["built", "pending"])
def test_7c_nor_for_the_very_next_change(built: str) -> None:
    """A second ago is older than now, which the wrong instant was put to: that change came to nothing, or was called
    covered by the older one."""
    w = World()
    w.clock.advance("366d")
    for version in dict.fromkeys((built, "F")):
        w.a.trigger(source_version=version, line="main", at=w.clock.now_ms() / 1000)
    w.clock.set("2026-01-01T00:30:00Z")
    w.a = w.gate()
    said = w.a.trigger(source_version="G", line="main", at=w.clock.now_ms() / 1000 - 1)
    assert said.outcome == "deferred"
    assert w.record.pending.request.source_version == "G"


def test_8_what_was_built_before_the_old_snippet_built_is_not_unchanged() -> None:
    """x, then y by the snippet, then back to x: the last change is built."""
    w = World(unchanged="skip")
    w.a.trigger(source_version="x")
    w.a.finished("b1", succeeded=True)
    w.clock.advance("20m")
    w.store._gates[w.a.key] = w.record.but(lastbuild=Decimal(w.clock.now_ms() // 1000))
    w.clock.advance("20m")
    assert w.gate().trigger(source_version="x").outcome == "started"


def test_8b_nor_is_a_version_of_which_the_last_build_failed() -> None:
    w = World(cooldown=0, unchanged="skip")
    w.a.trigger(source_version="x")
    w.a.finished("b1", succeeded=True)
    w.a.trigger(source_version="x", force=True)
    w.a.finished("b2", succeeded=False)
    assert w.a.trigger(source_version="x").outcome == "started"


def test_8c_nor_a_build_of_pinned_versions_of_which_the_end_came_after_its_lease() -> None:
    w = World(cooldown=0, unchanged="skip")
    pinned = {"lib": "old"}
    w.a.trigger(source_version="x", secondary_versions=pinned)
    w.clock.advance("9h")
    w.a.wake()
    w.a.finished("b1", succeeded=True)
    assert w.a.trigger(source_version="x", secondary_versions=pinned).why is Why.UNCHANGED
    assert w.a.trigger(source_version="x").outcome == "started"


def test_9_a_build_with_pinned_versions_of_other_sources_is_not_the_plain_one() -> None:
    """While it runs it is not taken for that; no more is it once it has ended."""
    w = World(cooldown=0, unchanged="skip")
    w.a.trigger(source_version="x", secondary_versions={"lib": "old"})
    w.a.finished("b1", succeeded=True)
    assert w.a.trigger(source_version="x").outcome == "started"


def test_10_a_start_that_another_process_has_made_meanwhile_is_told_as_started() -> None:
    """G6: a's cancel took longer than its lease, and failed, as b had cancelled the build by then and had started the
    newer one. a was told "deferred: a build is pending", and nothing was."""

    class Cancels(Builds):
        def cancel(self, build_id: str) -> None:
            del build_id
            meanwhile, self.meanwhile = self.meanwhile, lambda build_id: None
            if meanwhile is slow:
                meanwhile("")
                raise OSError("no such build runs")

    def slow(build_id: str) -> None:
        del build_id
        w.clock.advance("61s")
        w.b.wake()

    w = World(overlap="defer")
    w.starter, w.policy = Cancels(), holdoff.Policy("1m", overlap="cancel")
    w.a, w.b = w.gate(), w.gate()
    w.a.trigger()
    w.clock.advance("2m")
    w.starter.meanwhile = slow
    said = w.a.trigger()
    assert w.record.running.build_id == "b2"
    assert (said.outcome, said.build_id) == ("started", "b2")


def test_11_a_clock_that_is_behind_makes_no_change_older_than_the_one_before() -> None:
    """G8, and the last change is always built: G was told "in the future", put to this machine's now, and was lost as
    older than F, though the clocks are no further apart than the store allows."""

    w = World(Apart())
    began_ms = w.clock.now_ms()
    w.a.trigger(source_version="F", line="main", at=began_ms / 1000)
    w.clock.set((began_ms - 2_000) / 1000)  # two seconds later, by a clock that is four behind
    said = w.gate().trigger(source_version="G", line="main", at=(began_ms + 1_500) / 1000)
    assert said.outcome == "deferred"
    assert w.record.pending.request.source_version == "G"


def test_11b_nor_does_it_lose_the_order_of_what_it_is_told() -> None:
    """Both were put to this machine's now: the older one came last, and was built."""
    w = World(Apart())
    w.a.trigger(source_version="x")
    for version, ahead_s in (("G", 2), ("F", 1)):
        w.a.trigger(source_version=version, line="main", at=w.clock.now_ms() / 1000 + ahead_s)
    assert w.record.pending.request.source_version == "G"


def test_12_a_start_that_a_wrong_clock_left_supersedes_nothing() -> None:
    """The same as 7b, where the wrong instant is in a claim."""
    w = World()
    w.clock.advance("366d")

    def no_answer(build_id: str) -> None:
        raise OSError(build_id)

    w.starter.meanwhile = no_answer
    assert w.a.trigger(source_version="F", line="main", at=w.clock.now_ms() / 1000).why is Why.START_UNKNOWN
    w.clock.set("2026-01-01T00:30:00Z")
    said = w.gate().trigger(source_version="G", line="main", at=w.clock.now_ms() / 1000 - 1)
    assert said.outcome == "deferred"


def test_12b_nor_does_a_build_of_it_that_fails() -> None:
    """It was armed again in the place of the newer version."""
    w = World(on_failure="rearm", overlap="defer")
    w.clock.advance("366d")
    w.a.trigger(source_version="F", line="main", at=w.clock.now_ms() / 1000)
    w.clock.set("2026-01-01T00:30:00Z")
    w.gate().trigger(source_version="G", line="main", at=w.clock.now_ms() / 1000 - 1)
    w.a.finished("b1", succeeded=False)
    assert w.record.pending.request.source_version == "G"


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "joined"])
@pytest.mark.parametrize("policy", [{}, {"cooldown_from": "finish"}, {"limit": "1/1h"}, {"quiet": "5m"}], ids=str)
def test_13_what_was_forced_while_a_build_ran_waits_for_its_end_only(policy: dict[str, Any], others: int) -> None:
    """G1: "A forced build does not wait". It was told "starts after it ends", and then waited for the cooldown and the
    limit."""
    w = World(overlap="defer", **policy)
    w.a.trigger(source_version="x", force=True)
    w.clock.advance("1m")
    w.a.trigger(source_version="fix", force=True)
    for _ in range(others):
        w.b.trigger(source_version="fix2")
    w.a.finished("b1", succeeded=True)
    assert w.record.due_ms <= w.clock.now_ms()
    assert w.a.wake().why is Why.FORCED
    assert w.starter.versions == ["x", "fix2" if others else "fix"]


def test_13a_what_was_forced_while_a_build_ran_waits_for_a_hold_and_is_told_so() -> None:
    """It was told "starts after it ends". The hold may be newer, and what joins it is not forced."""
    w = World(overlap="defer")
    w.a.trigger()
    w.a.hold(why="incident 42")
    said = w.a.trigger(source_version="fix", force=True)
    assert (said.why, said.due_ms) == (Why.HELD, None)
    w.a.finished("b1", succeeded=True)
    assert w.a.wake().why is Why.HELD
    w.a.resume()
    assert w.a.wake().why is Why.FORCED


def test_13b_what_was_forced_and_refused_is_tried_again_soon_but_a_build_that_failed_is_not() -> None:
    """G5: "The triggers that it covered are tried again after a back-off"."""
    w = World(on_failure="rearm")
    w.a.trigger()
    w.a.finished("b1", succeeded=True)

    def refuse(request: Any, token: str) -> str:
        raise holdoff.StartRefused(f"no room for {request.reason} {token}", worth_retrying=True)

    w.starter.start, start = refuse, w.starter.start  # type: ignore[method-assign]
    said = w.a.trigger(source_version="fix", force=True)
    assert (said.why, said.retry_after) == (Why.START_FAILED, 5)
    w.starter.start = start  # type: ignore[method-assign]
    assert w.b.trigger().why is Why.BACKING_OFF
    w.clock.advance("5s")
    assert w.a.wake().build_id == "b2"
    w.a.finished("b2", succeeded=False)
    w.clock.advance("5m")
    assert w.a.wake().why is Why.COOLING_DOWN


@pytest.mark.parametrize("at", [None, 5], ids=["no instants", "one second"])
def test_14_three_pushes_that_come_backwards_leave_the_newest_pending(at: int | None) -> None:
    """G8: parents tell where instants do not, be they missing or the same."""
    w = World()
    w.a.trigger(source_version="x")
    for version, parent in ("CB", "BA", "AO"):
        w.a.trigger(source_version=version, parent=parent, line="main", at=at)
    assert w.record.pending.request.source_version == "C"


def test_15_a_start_that_cannot_be_finished_is_told_though_the_version_is_the_same() -> None:
    """G6: with unchanged = "skip" all later triggers for it were told "built already, or being built", for ever."""
    w = World(unchanged="skip")

    def no_rights(*_: Any) -> str:
        raise OSError("AccessDenied")

    w.starter.start = w.starter.find = no_rights  # type: ignore[assignment, method-assign]
    assert w.a.trigger(source_version="v1").why is Why.START_UNKNOWN
    for _ in range(2):
        w.clock.advance("2h")
        said = w.a.trigger(source_version="v1")
        assert (said.outcome, said.why, said.detail) == ("deferred", Why.CLAIMED, "OSError: AccessDenied")


def test_13c_what_was_forced_while_a_build_ran_waits_for_its_end_though_that_is_a_failure() -> None:
    """It was told "starts after it ends", and then waited for the back-off of the build that failed: up to an hour."""
    w = World(on_failure="rearm", overlap="defer")
    for _ in range(7):  # the last of these back-offs is an hour
        w.a.trigger(source_version="broken", force=True)
        w.clock.advance("1m")
        if w.record.pending is None:
            w.a.finished(w.record.running.build_id, succeeded=False)
    w.a.trigger(source_version="broken", force=True)
    w.a.trigger(source_version="fix", force=True)
    w.a.finished(w.record.running.build_id, succeeded=False)
    assert w.record.due_ms <= w.clock.now_ms()
    assert w.a.wake().why is Why.FORCED
    w.a.finished(w.record.running.build_id, succeeded=False)
    assert (w.a.wake().why, w.record.pending.failures) == (Why.BACKING_OFF, 9)


def test_13d_what_was_forced_on_hold_and_not_started_is_told_of_the_hold() -> None:
    """It was told "build b1 is running, starts when that ends", and "the next trigger or wake tries again"."""

    def no_rights(*_: Any) -> Any:
        raise holdoff.StartRefused("no rights")

    w = World()
    w.a.hold(why="incident 42")
    w.starter.start, start = no_rights, w.starter.start  # type: ignore[assignment, method-assign]
    said = w.a.trigger(force=True)
    assert str(said).endswith("the slot is given back, the next trigger or wake after the hold tries again")
    w.starter.start, w.starter.cancel = start, no_rights  # type: ignore[method-assign, attr-defined]
    w.policy = w.policy.but(overlap="cancel")
    w.gate().trigger(force=True)
    said = w.gate().trigger(source_version="fix", force=True)
    assert (said.outcome, said.why, said.due_ms) == ("deferred", Why.HELD, None)
    assert str(said) == "site deferred: on hold: incident 42, starts at the next trigger or wake after that ends"


def test_16_a_parent_does_not_make_newer_what_happened_before() -> None:
    """G8: B was pushed onto the first C, before the second one. As its parent has the version of the newest, it was
    built after that."""
    w = World()

    w.starter.meanwhile = lambda _: w.b.trigger(source_version="B", parent="C", line="main", at=3)
    w.a.hold(why="joins", duration="1m")
    w.a.trigger(source_version="B", parent="C", line="main", at=1)
    w.a.trigger(source_version="C", line="main", at=4, force=True)
    w.clock.advance("10m")
    w.a.wake()
    assert w.starter.versions == ["C"]


def test_17_that_a_newer_version_was_started_rests_on_a_read_of_the_call() -> None:
    """G8: "A force push counts as the newest". By a snapshot from before C, B was the parent of what was started."""
    w = World()
    w.a.trigger(source_version="A", parent="B", line="main")
    w.b.trigger(source_version="C", parent="A", line="main")
    assert w.a.trigger(source_version="B", parent="C", line="main").why is Why.COOLING_DOWN
    w.clock.advance("10m")
    w.a.wake()
    assert w.starter.versions == ["A", "B"]


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_18_what_was_pushed_back_while_a_start_was_under_way_is_newer_than_that(how: str) -> None:
    """G8: the branch was at B, went on to C and D, and was set back to B. C was refused, or failed, and was tried again
    in the place of B, as B is its parent."""
    w = World(on_failure="rearm", overlap="defer")
    refused = how == "refused"

    def pushed(*_: Any) -> str:
        w.b.trigger(source_version="D", parent="C", line="main")
        w.b.trigger(source_version="B", parent="D", line="main")
        raise holdoff.StartRefused("no room", worth_retrying=True)

    if refused:
        w.starter.start = pushed  # type: ignore[assignment, method-assign]
    w.a.trigger(source_version="C", parent="B", line="main")
    if not refused:
        with pytest.raises(holdoff.StartRefused):
            pushed()
        w.a.finished("b1", succeeded=False)
    assert w.record.pending.request.source_version == "B"


@pytest.mark.parametrize("known", [True, False], ids=["at once", "taken over"])
def test_19_what_the_old_snippet_built_during_a_start_is_no_less_built_after_it(known: bool) -> None:
    """unchanged = "skip": "A is built already" was said though the old snippet had built its own newest after A."""
    w = World(unchanged="skip")
    w.a.trigger(source_version="x")
    w.a.finished("b1", succeeded=True)
    w.clock.advance("30m")

    def snippet(build_id: str) -> None:
        w.clock.advance("20s")
        seen = w.record
        w.store.swap(w.a.key, expected=seen, new=seen.but(lastbuild=Decimal(w.clock.now_ms() // 1000)))
        if not known:
            raise OSError("no answer")

    w.starter.meanwhile = snippet
    w.a.trigger(source_version="A")
    w.clock.advance("61s")
    w.a.wake()
    w.a.finished("b2", succeeded=True)
    assert w.a.trigger(source_version="A").why is Why.COOLING_DOWN


@pytest.mark.parametrize("hopeless", [True, False])
def test_20_what_was_forced_during_a_start_waits_for_its_end_though_that_is_a_refusal(hopeless: bool) -> None:
    """It waited for the back-off of the other's refusal: an hour, say. A moment later it would have started at once."""
    w = World()

    def forced(*_: Any) -> str:
        w.starter.start = refuse  # type: ignore[assignment, method-assign]
        w.b.trigger(source_version="fix", force=True)
        return refuse()

    def refuse(*_: Any) -> str:
        raise holdoff.StartRefused("no room", worth_retrying=not hopeless)

    w.starter.start = forced  # type: ignore[assignment, method-assign]
    said = w.a.trigger(source_version="x")
    assert (said.why, said.retry_after) == (Why.START_FAILED, 0)
    assert w.b.wake().why is Why.START_FAILED  # and is then backed off itself
    assert w.b.wake().why is Why.BACKING_OFF


def test_21_what_was_forced_and_refused_waits_for_its_back_off_though_another_build_fails() -> None:
    """G1: "one that was refused itself, after its back-off"."""
    w = World(on_failure="rearm")
    w.a.trigger(source_version="x")

    def refuse(*_: Any) -> str:
        raise holdoff.StartRefused("no room", worth_retrying=False)

    w.starter.start = refuse  # type: ignore[assignment, method-assign]
    assert w.a.trigger(source_version="fix", force=True).retry_after == 60
    w.a.finished("b1", succeeded=False)
    assert w.a.wake().why is Why.BACKING_OFF


@pytest.mark.parametrize("state", ["being started", "running", "built"])
def test_22_a_branch_that_is_set_back_to_what_is_built_is_built_again_and_what_it_left_is_not(state: str) -> None:
    """G8, with unchanged = "skip": the push back to A was skipped and left nothing, so B, pushed before, was built."""
    w = World(cooldown=0, unchanged="skip")
    push_a: dict[str, Any] = {"source_version": "A", "parent": "O", "line": "main", "at": 10}
    back_to_a: dict[str, Any] = {"source_version": "A", "parent": "B", "line": "main", "at": 30}

    def pushed_back(*_: Any) -> None:
        assert w.b.trigger(**push_a).why is Why.UNCHANGED  # by another webhook
        assert w.b.trigger(**back_to_a).why is not Why.UNCHANGED

    if state == "being started":
        w.starter.meanwhile = pushed_back
    w.a.trigger(**push_a)
    if state == "built":
        w.a.finished("b1", succeeded=True)
    if state != "being started":
        pushed_back()
    w.a.trigger(source_version="B", parent="A", line="main", at=20)
    w.a.wake()
    w.a.finished(f"b{len(w.starter.versions)}", succeeded=True)
    assert w.starter.versions[-1] == "A"
    assert w.b.trigger(**back_to_a).why is Why.UNCHANGED


def test_23_a_version_that_is_built_for_one_branch_is_unchanged_for_others() -> None:
    """Nothing can lie between: the branch is new here, or is pushed on from what was started last."""
    w = World(cooldown=0, unchanged="skip")
    w.a.trigger(source_version="M", parent="L", line="main", at=5)
    w.a.trigger(source_version="A", parent="M", line="dev", at=10)
    assert w.a.trigger(source_version="A", line="v1").why is Why.UNCHANGED  # a tag
    assert w.a.trigger(source_version="A", parent="Z", line="release", at=20).why is Why.UNCHANGED
    assert w.a.trigger(source_version="A", parent="M", line="main", at=20).why is Why.UNCHANGED  # merged


def test_24_a_start_that_was_put_off_tells_the_last_build_as_it_is_then() -> None:
    """G6: a person moved ``lastbuild`` while the running build was being cancelled; the decision told the old one."""
    w = World(cooldown="2m")
    w.a.trigger()
    w.clock.advance("5m")

    def cancel(build_id: str) -> None:
        seen = w.record
        w.store.swap(w.a.key, expected=seen, new=seen.but(lastbuild=Decimal(1_700_000_000)))
        w.b.finished(build_id, succeeded=True)
        raise OSError("no answer")

    w.starter.cancel = cancel  # type: ignore[attr-defined]
    w.policy = holdoff.Policy("2m", overlap="cancel")
    said = w.gate().trigger()
    assert (said.outcome, said.why, said.lastbuild_ms) == ("deferred", Why.PENDING, 1_700_000_000_000)
    assert str(said).startswith("site deferred: a build is pending")


def test_25_what_did_not_start_stands_beside_no_build() -> None:
    """``beside`` is told of a start only."""
    w = World(cooldown=0)
    w.a.trigger()

    def refuse(*_: Any) -> str:
        raise holdoff.StartRefused("no room", worth_retrying=True)

    w.starter.start = refuse  # type: ignore[assignment, method-assign]
    assert w.a.trigger().beside is None


@pytest.mark.parametrize("pushes", [3, 4])
def test_26_a_branch_is_set_back_however_many_pushes_are_pending(pushes: int) -> None:
    """G8: "the last to arrive counts as the newer" where the three known parents do not tell. All came in order; the
    last one was told "a newer version was started already", and what it had replaced was built."""
    w = World()
    w.a.trigger(source_version="C", parent="B", line="main")
    for version, parent in zip("DEFG"[:pushes], "CDEF"[:pushes], strict=True):
        w.a.trigger(source_version=version, parent=parent, line="main")
    w.a.trigger(source_version="B", parent="CDEFG"[pushes], line="main")
    w.clock.advance("10m")
    w.a.wake()
    assert w.starter.versions == ["C", "B"]


@pytest.mark.parametrize("left", ["D", "C"])
def test_26a_and_though_a_start_is_under_way(left: str) -> None:
    """The same, where the pushes between are partly pending and partly being started. Or nothing is pending, and the
    branch is set back from C: then only the claim tells that it went on from B to C."""
    w = World(cooldown=0)

    def meanwhile(build_id: str) -> None:
        if left == "D":
            w.b.trigger(source_version="D", parent="C", line="main")
        said = w.b.trigger(source_version="A", parent=left, line="main")
        assert said.why is Why.CLAIMED, build_id

    w.a.trigger(source_version="B", parent="A", line="main")
    w.starter.meanwhile = meanwhile
    w.a.trigger(source_version="C", parent="B", line="main")
    w.a.wake()
    assert w.starter.versions == ["B", "C", "A"]


def test_26ab_what_has_no_instant_is_as_new_as_the_version_that_is_being_started() -> None:
    """That start is refused. A push from before it arrives then, and is not the newest."""
    w = World()

    def refuse(*_: Any) -> str:
        w.b.trigger(source_version="v2", line="main")
        raise holdoff.StartRefused("no room")

    w.starter.start = refuse  # type: ignore[assignment, method-assign]
    w.a.trigger(source_version="v1", line="main", at=10)
    w.a.trigger(source_version="v0", line="main", at=5)
    assert w.record.pending.request.source_version == "v2"


def test_26b_nor_is_what_failed_built_again_in_its_place() -> None:
    """The same with on_failure = "rearm": B was built again though the branch had gone on to D, three pushes later."""
    w = World(on_failure="rearm")
    w.a.trigger(source_version="B", parent="D", line="main")
    for version, parent in ("CB", "EC", "FE", "DF"):
        w.a.trigger(source_version=version, parent=parent, line="main")
    w.a.finished("b1", succeeded=False)
    assert w.record.pending.request.source_version == "D"


@pytest.mark.parametrize("wakes", [True, False], ids=["built meanwhile", "at once"])
def test_27_a_refusal_whose_answer_was_lost_says_nothing_of_a_hold(wakes: bool) -> None:
    """G6: when the write that gave the slot back was sent again, the triggers had been built by another process. The
    decision told "it is tried again once the hold is over": there was no hold, and nothing to try again."""

    class Lossy(MemoryStore):
        def swap(self, key: Any, *, expected: Any, new: Any, history: Any = ()) -> Any:
            reply = super().swap(key, expected=expected, new=new, history=history)
            if expected.claim is None or new.claim is not None or w.starter.versions:
                return reply
            w.clock.advance("5s")
            if wakes:
                assert w.b.wake().build_id == "b1"
            return super().swap(key, expected=expected, new=new, history=history)

    def refuse(*_: Any) -> str:
        w.starter.start = start  # type: ignore[method-assign]
        raise holdoff.StartRefused("no room", worth_retrying=True)

    w = World(Lossy())
    w.starter.start, start = refuse, w.starter.start  # type: ignore[assignment, method-assign]
    said = w.a.trigger(source_version="x")
    assert said.why is (Why.START_UNKNOWN if wakes else Why.START_FAILED)
    assert "after the hold" not in str(said)


def test_28_a_caller_that_waits_gets_the_end_of_the_build_that_failed() -> None:
    """``run --wait``: "the others wait for its end and exit with its status"; "a start clears them". With on_failure =
    "rearm" they were pending again, were told "how that ended is not known", and exited with 75."""
    w = World(on_failure="rearm")
    w.a.trigger()
    waiting = w.b.trigger(waits=True)
    w.clock.advance("10m")
    w.b.wake(waiter=waiting.token)
    w.a.finished("b2", succeeded=False, exit_status=3)
    build = w.b.waiter_at(waiting.token)
    assert isinstance(build, Finished)
    assert (build.build_id, build.exit_status) == ("b2", 3)
    assert w.record.pending.count == 1


@pytest.mark.parametrize("key", ["branch", None])
def test_29_a_wake_of_a_gate_that_never_was_writes_nothing(key: str | None) -> None:
    """G6: a skip changes nothing. Of a keyed gate a wake wrote an item that expired in 1970: DynamoDB deletes none that
    expired more than five years ago."""
    store = MemoryStore()
    gate = holdoff.Gate("site", key=key, store=store, policy=holdoff.Policy("10m"), starter=Builds())
    assert gate.wake().why is Why.IDLE
    assert store.item(gate.key) is None


@pytest.mark.parametrize("duration", ["2h", None])
def test_30_the_end_of_a_builds_lease_is_never_told_as_the_end_of_a_hold(duration: str | None) -> None:
    """G6: a decision on a hold of two hours beside a running build told "on hold: freeze, starts in 8h"."""
    w = World(overlap="defer")
    w.a.trigger()
    w.b.hold(why="freeze", duration=duration)
    told = "site deferred: on hold: freeze, starts at the next trigger or wake after that ends"
    for said in (w.a.trigger(), w.b.wake()):
        assert (said.due, str(said)) == (None, told)
    w.a.finished("b1", succeeded=True)
    assert w.b.wake().retry_after == (None if duration is None else 7_200)


def test_30a_the_end_of_a_hold_that_outlasts_the_build_s_lease_is_told() -> None:
    """It told no instant, though no build could run longer than the hold."""
    w = World(overlap="defer")
    w.a.trigger()
    w.b.hold(why="freeze", duration="10h")
    assert w.a.trigger().retry_after == 36_000


def test_31_nor_is_the_lease_of_a_command_that_could_not_be_cancelled() -> None:
    """Of a command no latest end is said: its lease is renewed for as long as it runs."""

    class Command(Builds):
        def cancel(self, build_id: str) -> None:
            raise PermissionError(build_id)

        def lives(self, build_id: str) -> bool:
            return True

        def claimant(self) -> str:
            return "{}"

        def claims(self, claimant: str) -> bool:
            return True

    w = World()
    w.starter, w.policy = Command(), holdoff.Policy(0, overlap="cancel")
    gate = w.gate()
    gate.trigger()
    told = "site deferred: build b1 is running, starts at the next trigger or wake after it ends"
    assert (str(gate.trigger()), str(gate.wake())) == (told, told)


def test_32_a_branch_that_went_back_and_came_again_is_at_the_version_that_it_came_to() -> None:
    """G8: the branch was at B, went back to A and came to B again. The last two pushes arrived the other way round: the
    second B was skipped as unchanged, and A was built."""
    w = World(cooldown=0, unchanged="skip")
    for at in (2, 4):
        assert w.a.trigger(source_version="B", parent="A", line="main", at=at).outcome == "started"
        w.a.finished(f"b{at // 2}", succeeded=True)
    assert w.a.trigger(source_version="A", parent="B", line="main", at=3).why is Why.SUPERSEDED
    assert w.a.trigger(source_version="B", parent="A", line="main", at=4).why is Why.UNCHANGED


@pytest.mark.parametrize("parent", [None, "C"])
def test_33_the_newest_version_is_not_older_than_what_led_to_it(parent: str | None) -> None:
    """G8: the branch went from A to B, back to A and to B again. A later trigger for B, with variables, was taken for
    the B at first, as A was pushed onto that: it joined as the older, and its variables were in no build."""
    w = World()
    w.a.trigger()
    for version, before in (("B", "A"), ("A", "B"), ("B", "A")):
        w.a.trigger(source_version=version, parent=before, line="main")
    w.a.trigger(source_version="B", parent=parent, line="main", environment={"TARGET": "live"})
    assert w.record.pending.request.environment == (("TARGET", "live"),)
    assert w.record.pending.count == 4


def test_34_a_refused_start_promises_by_the_record_that_it_leaves() -> None:
    """G6: the promise was counted from before the start. What joined meanwhile, or a build that was cancelled for it,
    was taken for a wrong clock's: after a start of 20 s the promise was 20 s early."""

    def refuse(*_: Any) -> str:
        w.clock.advance("20s")
        w.b.trigger(source_version="v2")
        raise holdoff.StartRefused("no room", worth_retrying=True)

    w = World(quiet="2m")
    w.a.trigger(source_version="v1")
    w.clock.advance("2m")
    start, w.starter.start = w.starter.start, refuse  # type: ignore[assignment, method-assign]
    said = w.a.wake()
    assert (said.why, said.decided_ms, said.retry_after) == (Why.START_FAILED, w.clock.now_ms(), 120)
    w.starter.start = start  # type: ignore[method-assign]
    w.clock.advance("2m")
    assert w.b.wake().outcome == "started"


def test_35_what_waits_for_a_start_that_no_try_could_finish_waits_for_the_next_try() -> None:
    """G6: ``status`` said "ready in 10s" beside a start whose next try is a minute away; a decision said a minute."""
    w = World(cooldown="10s")
    w.starter.start = w.starter.find = _no_answer  # type: ignore[assignment, method-assign]
    w.a.trigger()
    assert w.b.trigger().retry_after == 10  # the start may be over in a second
    w.clock.advance("1m")
    told = [said.retry_after for said in (w.a.trigger(), w.b.trigger(), w.b.wake())]
    assert (told, w.a.status().ready_in) == ([60, 60, 60], "1m")


def test_36_a_command_that_lives_runs_on_whatever_lease_a_snapshot_has() -> None:
    """G4: a process that was stopped (Ctrl-Z, say) does not renew its command's lease. Another process decided on its
    own snapshot of the record: there the lease was over, so the command had failed, and a second one started."""

    class Command(Builds):
        def lives(self, build_id: str) -> bool:
            return build_id == "b1"

        def claimant(self) -> str:
            return "{}"

        def claims(self, claimant: str) -> bool:
            return bool(claimant)

    w = World(overlap="defer")
    w.starter = Command()
    gate = w.gate()
    w.gate().trigger()
    assert gate.trigger().why is Why.RUNNING
    w.clock.advance("9h")
    assert gate.trigger().why is Why.RUNNING
    assert w.record.pending.count == 2


def test_37_a_window_that_is_longer_now_counts_the_starts_before_the_edit() -> None:
    """G1: a start forgot the starts that its own window no longer had. After an edit from 2/10m to 2/1h a third build
    started within the hour."""
    w = World(cooldown=0, limit="2/10m")
    for _ in range(2):
        assert w.a.trigger().outcome == "started"
        w.clock.advance("11m")
    w.policy = holdoff.Policy(0, limit="2/1h")
    said = w.gate().trigger()
    assert (said.why, said.retry_after) == (Why.LIMIT, 38 * 60)


@pytest.mark.parametrize("finds", [True, False])
@pytest.mark.parametrize("before", ["cancel", "allow"])
def test_38_a_start_that_is_taken_over_waits_for_a_build_as_the_policy_of_now_says(before: Any, finds: bool) -> None:
    """G4: a process died before its start, under a policy by which it might start beside a build, or cancel it. Then
    the policy was edited. What took the start over started it beside the build that ran."""

    def dies(*_: Any) -> Any:
        raise KeyboardInterrupt

    builds = Builds()
    calls: dict[str, Any] = {"start": builds.start, "cancel": dies} | ({"find": builds.find} if finds else {})
    w = World()
    w.policy = holdoff.Policy(0, overlap=before)
    starter: Any = SimpleNamespace(**calls)
    w.starter = starter
    w.gate().trigger(source_version="v1")
    starter.start = dies
    with pytest.raises(KeyboardInterrupt):
        w.gate().trigger(source_version="v2")
    starter.start = builds.start
    w.policy = holdoff.Policy(0, overlap="defer")
    gate = w.gate()
    for _ in range(5):
        w.clock.advance("1m")
        gate.wake()
    assert builds.versions == ["v1"]
    gate.finished("b1", succeeded=True)
    w.clock.advance("1m")
    gate.wake()
    assert builds.versions == ["v1", "v2"]


@pytest.mark.parametrize("finds", [True, False])
def test_38a_and_for_the_cooldown_after_what_the_old_snippet_built_meanwhile(finds: bool) -> None:
    """G1. No build is found, so it may have none; but one may still be in flight, so nothing else starts either."""
    builds, w = Builds(), World()
    w.starter = SimpleNamespace(start=_no_answer, **({"find": builds.find} if finds else {}))  # type: ignore[assignment]
    gate = w.gate()
    gate.trigger(source_version="v1")
    w.clock.advance("30s")
    seen = w.record
    w.store.swap(gate.key, expected=seen, new=seen.but(lastbuild=Decimal(w.clock.now_ms() // 1000)))
    w.starter.start = builds.start  # type: ignore[method-assign]
    for _ in range(9):
        w.clock.advance("1m")
        gate.wake()
    assert builds.versions == []
    w.clock.advance("2m")
    gate.wake()
    assert builds.versions == ["v1"]


def test_38b_and_where_it_cannot_be_asked_for_its_token_is_sent_again_however_late() -> None:
    """Nothing was refused: the starter remembers the token, so there is one build."""
    builds, w = Builds(), World()

    def lost(request: Any, token: str) -> str:
        builds.start(request, token)
        raise OSError("no answer")

    w.starter = SimpleNamespace(start=lost)  # type: ignore[assignment]
    gate = w.gate()
    gate.trigger(source_version="v1")
    w.starter.start = builds.start  # type: ignore[method-assign]
    w.clock.advance("9h")
    seen = w.record
    w.store.swap(gate.key, expected=seen, new=seen.but(lastbuild=Decimal(w.clock.now_ms() // 1000)))
    gate.wake()
    w.clock.advance("11m")
    gate.wake()
    assert (builds.versions, w.record.running.build_id) == (["v1"], "b1")


def test_38c_but_not_for_a_hold() -> None:
    """A hold is for starts that come after it."""
    w = World()
    start, w.starter.start = w.starter.start, _no_answer  # type: ignore[assignment, method-assign]
    w.a.trigger(source_version="v1")
    w.a.hold(why="incident")
    w.starter.start = start  # type: ignore[method-assign]
    w.clock.advance("1m")
    w.a.wake()
    assert w.starter.versions == ["v1"]


@pytest.mark.parametrize("meets", [lambda gate: gate.finished("b1", succeeded=True), holdoff.Gate.trigger])
def test_39_the_instant_of_a_change_that_another_machine_took_is_no_clocks_fault(meets: Any) -> None:
    """G8: ahead of its clock within the margin, and of a slower machine's by more than that: it was forgotten, and an
    older push that came late was built after it."""
    w = World(Apart())
    slower, seconds = ManualClock(seed=1), w.clock.now_ms() / 1000
    slower.set(seconds - 4)
    w.a.trigger(source_version="v2", line="main", at=seconds + 4)
    meets(holdoff.Gate("site", store=w.store, clock=slower, starter=w.starter, policy=w.policy, build_lease="8h"))
    w.clock.advance("10m")
    assert w.a.trigger(source_version="v1", line="main", at=seconds - 60).why is Why.SUPERSEDED


def test_40_a_clock_that_is_set_back_while_the_starter_is_asked_leaves_no_build_to_be_asked_after_for_ever() -> None:
    """G2: what the poll wrote by the present clock was put right with the start, to long ago, so the starter was asked
    again, 200 times. Then the trigger, and each one until the clock was where it had been, failed with an error."""
    w = World(cooldown=0, overlap="defer")

    def status(build_id: str) -> str:
        w.clock.set("2026-01-01T00:00:00Z")
        return "running"

    w.clock.advance("2h")
    w.starter.status = status  # type: ignore[attr-defined]
    gate = w.gate()
    gate.trigger()
    w.clock.advance("1m")
    assert gate.trigger().why is Why.RUNNING


def test_41_a_refusal_that_the_store_does_not_take_ends_no_trigger_that_finished_the_start_for_another() -> None:
    """G2, G6: one write failed while a start that was left was finished, and the trigger that did so was not kept."""

    class Away(MemoryStore):
        def swap(self, key: Any, *, expected: Any, new: Any, history: Any = ()) -> Any:
            if expected.claim is not None and expected.claim.attempt == 2 and new.pending is None:
                raise StoreUnavailable("no answer")
            return super().swap(key, expected=expected, new=new, history=history)

    def refuse(*_: Any) -> str:
        raise holdoff.StartRefused("no right to start builds")

    def dies(*_: Any) -> str:
        w.starter.start = refuse  # type: ignore[assignment, method-assign]
        raise OSError("no answer")

    w = World(Away())
    w.starter.start, w.starter.find = dies, lambda *_: None  # type: ignore[assignment, method-assign]
    w.a.trigger(source_version="v1")
    w.clock.advance("1m")
    said = w.b.trigger(source_version="v2")
    assert (said.why, said.detail) == (Why.CLAIMED, "no right to start builds (and no answer)")
    assert w.record.pending.request.source_version == "v2"


def test_42_a_start_that_a_person_gave_up_moves_no_line_back_by_a_slower_machines_newer_start() -> None:
    """G8: two instants of two machines were compared without the clocks' margin. The older build became the running
    one and the newest of its line, so a version between the two was built after the newer one."""
    w, seconds = World(Apart(), cooldown=0, overlap="allow"), ManualClock().now_ms() / 1000
    slower = ManualClock(seed=1)
    slower.set(seconds - 3)
    other = holdoff.Gate("site", store=w.store, clock=slower, starter=w.starter, policy=w.policy, build_lease="8h")

    def meanwhile(build_id: str) -> None:
        other.reset(drop_claim=True)
        assert other.trigger(source_version="v3", line="main", at=seconds - 60).build_id == "b2"

    w.starter.meanwhile = meanwhile
    w.a.trigger(source_version="v1", line="main", at=seconds - 120)
    assert w.record.running.build_id == "b2"
    assert w.b.trigger(source_version="v2", line="main", at=seconds - 90).why is Why.SUPERSEDED


def test_43_a_caller_that_waits_is_not_told_the_end_of_a_build_from_before_it() -> None:
    """G6: that build had more waiting callers than have room, and its machine's clock was ahead."""
    w, slower = World(Apart(), cooldown=0), ManualClock(seed=1)
    slower.set(w.clock.now_ms() / 1000 - 4)
    other = holdoff.Gate("site", store=w.store, clock=slower, starter=w.starter, policy=w.policy, build_lease="8h")
    for gate, callers in ((w.a, 17), (other, 1)):
        gate.hold(why="incident")
        said = [gate.trigger(waits=True) for _ in range(callers)][-1]
        gate.resume()
        gate.reset()
        built = gate.wake(waiter=said.token).build_id
        assert built is not None
        gate.finished(built, succeeded=True)
    where = w.a.waiter_at(said.token)
    assert isinstance(where, Finished)
    assert where.build_id == "b2"
