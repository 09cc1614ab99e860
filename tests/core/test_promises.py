"""What a decision promises comes true, to the millisecond, whatever the policy and whatever came before.

Nothing here knows a rule of the core: a promise is held against what a wake, or the same trigger, gets at that instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from holdoff.core import builds, people, protocol
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Start
from holdoff.core.errors import StartRefused
from holdoff.core.policy import Policy
from holdoff.core.record import Act, End, Hold, Record
from holdoff.core.terms import Terms
from tests.core.build import MINUTE, on_trigger, on_wake, trigger
from tests.core.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.core.decide import Step

#: How long it may take until what is pending is built: a build whose end nothing reports, and a back-off after it.
WAKES = 20
POLICIES = st.fixed_dictionaries(
    {"cooldown": st.sampled_from([0, "1s", "1m", "10m"])},
    optional={
        "on_cooldown": st.just("skip"),
        "quiet": st.sampled_from(["5s", "2m"]),
        "limit": st.sampled_from(["1/30s", "2/20m"]),
        "overlap": st.sampled_from(["skip", "defer", "cancel"]),
        "cooldown_from": st.just("finish"),
        "on_failure": st.just("rearm"),
        "unchanged": st.just("skip"),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trigger"), st.sampled_from(["v1", "v1", "v2", None]), st.booleans(), st.booleans()),
        st.tuples(st.just("wake")),
        st.tuples(st.just("end"), st.booleans()),
        st.tuples(st.just("hold"), st.sampled_from([None, 5_000, 10 * MINUTE])),
        st.tuples(st.sampled_from(["resume", "reset"])),
        st.tuples(st.just("pass"), st.sampled_from([1, 999, 5_000, MINUTE, 45 * MINUTE])),
        st.tuples(st.just("pass until due"), st.integers(-1, 1)),
    ),
    min_size=3,
    max_size=12,
)


class Judge(Driver):
    """Takes the steps, and holds each decision against what comes of it."""

    newest: str | None = None
    count = 0

    def take(self, step: tuple[Any, ...]) -> None:
        """One step; what it decides is judged."""
        record, words = self.record, step[1:]
        if step[0] == "trigger":
            version, force, refused = words
            self.instead = {Start: StartRefused("no", worth_retrying=True)} if refused else {}
            self.count += 1
            decision = self.trigger(f"T{self.count}", source_version=version, force=force).decision
            if decision.outcome is not Outcome.SKIPPED:
                self.newest = version
            self.instead = {}
            self._judge(decision, skips=not force)
        elif step[0] == "wake":
            self.count += 1
            self._judge(self.wake(f"T{self.count}").decision)
        elif step[0] == "end" and record.running is not None:
            end = End(build_id=record.running.build_id, succeeded=words[0])
            self._edit(lambda now, at_ms: builds.finished(now, end, self.terms, at_ms))
        elif step[0] == "hold":
            until_ms = words[0] and self.now_ms + words[0]
            hold = Hold(since_ms=self.now_ms, why="incident 42", until_ms=until_ms)
            self._edit(lambda now, _: people.held(now, hold))
        elif step[0] in {"resume", "reset"}:
            act, change = Act(what=step[0], at_ms=self.now_ms), people.reset if step[0] == "reset" else people.resumed
            self._edit(lambda now, _: change(now, act))
        elif step[0] == "pass":
            self.now_ms += words[0]
        elif step[0] == "pass until due" and record.due_ms is not None:
            self.now_ms = max(self.now_ms, record.due_ms + words[0])

    def settle(self) -> None:
        """Wakes alone, at the instants that the store keeps, until nothing is pending."""
        self.take(("resume",))
        for _ in range(WAKES):
            record = self.record
            if record.pending is None:
                break
            assert record.due_ms is not None, "asleep"
            self.now_ms = max(self.now_ms, record.due_ms)
            self.take(("wake",))
        assert self.record.pending is None, "restless"
        started = [effect.request.source_version for effect in self.effects if isinstance(effect, Start)]
        assert started[-1:] == [self.newest][: len(started)], "the last change is built last"

    def _judge(self, decision: Decision, *, skips: bool = False) -> None:
        record, due_ms = self.record, decision.due_ms
        if decision.outcome in {Outcome.DEFERRED, Outcome.FAILED}:
            assert record.pending is not None
            hold = record.hold  # beside a build whose end is not known, the end of a hold may not be the last wait
            endless = hold is not None and hold.until_ms is None
            assert endless <= (due_ms is None) <= (hold is not None and (endless or record.running is not None))
            assert due_ms is None or (record.due_ms is not None and record.due_ms <= max(due_ms, self.now_ms))
            self._turns(due_ms, lambda ms: on_wake(record, self.terms, ms), starts=True)
        elif skips and decision.why is not Why.UNCHANGED and self.terms.policy.cooldown_from == "start":
            self._turns(due_ms, lambda ms: on_trigger(record, trigger(), self.terms, ms), starts=False)

    def _turns(self, due_ms: int | None, decide: Callable[[int], Step], *, starts: bool) -> None:
        """At that instant it starts, or is skipped no more, and not a millisecond earlier."""
        if due_ms is None or due_ms <= self.now_ms:
            return
        early, due = (decide(ms).decision.outcome for ms in (due_ms - 1, due_ms))
        assert (early, due is Outcome.SKIPPED) == (Outcome.DEFERRED if starts else Outcome.SKIPPED, False)
        assert due is Outcome.STARTED or not starts

    def _edit(self, change: Any) -> None:
        self.drive(protocol.edit(change, self.terms))


FIRST, FORCED = ("trigger", "v1", False, False), ("trigger", "v2", True, False)


@given(POLICIES, STEPS)
@example({"cooldown": "1m", "on_cooldown": "skip", "overlap": "defer"}, [FIRST, FIRST])
@example({"cooldown": "1m", "overlap": "defer"}, [FIRST, ("hold", None), FORCED])
@example({"cooldown": "10m", "overlap": "cancel", "cooldown_from": "finish"}, [FIRST, ("hold", 35 * MINUTE), FIRST])
@example({"cooldown": 0, "overlap": "defer"}, [FIRST, ("hold", 5_000), FIRST])
def test_what_a_decision_promises_comes_true(policy: dict[str, Any], steps: list[tuple[Any, ...]]) -> None:
    judge = Judge(Record(), by=Terms(policy=Policy(**policy), build_lease_ms=30 * MINUTE))
    for step in steps:
        judge.take(step)
    judge.settle()
