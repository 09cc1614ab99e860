"""Replays a past under a policy: instants of triggers in, builds out.

There are two ways with the same results. ``by_core`` drives the shipped protocol on a record in memory: the functions
that decide in front of your deploys decide about every trigger and every wake. ``by_build`` goes from one build to the
next by binary search, for the policies that ``is_fast`` names. ``tests/plan/test_equal.py`` compares both, build for
build, on random pasts.

At one instant a build's end comes first, then what is due, then the triggers in their order. Every end is reported at
once, every wake comes on time, and a build has all triggers before it. A build fails if its newest trigger's build
failed in the past. With ``on_failure = "rearm"`` a failed build is built once more after its back-off, and then
succeeds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from heapq import heappop, heappush
from typing import Any, Final

from holdoff.core import builds, protocol, token
from holdoff.core.decide import Trigger, Wake
from holdoff.core.effects import Cancel, Effect, FoldIn, Get, Lost, NewId, Now, Start, Swap, Swapped
from holdoff.core.policy import Policy
from holdoff.core.protocol import Snapshot
from holdoff.core.record import End, Record
from holdoff.core.request import GateKey, Request
from holdoff.core.terms import Terms
from holdoff.core.units import MAX_DURATION_MS
from holdoff.core.value import Value

#: A long replay reports its progress after this many triggers.
_PROGRESS_EVERY: Final = 2_000
Progress = Callable[[int], None]


class Past(Value, kw_only=False):
    """Triggers as they came."""

    at_ms: Sequence[int]  #: when each came, epoch milliseconds, in order
    took_ms: Sequence[int]  #: for each trigger, how long a build takes that has it as its newest
    versions: Sequence[str | None] = ()  #: the version that each asked for; empty: not known
    failed: frozenset[int] = frozenset()  #: the places of triggers that make a build fail that has them as its newest


class Replay(Value):
    """The builds, in the order of their starts. Each list has one entry for each build."""

    started_ms: list[int]
    ended_ms: list[int]  #: when the build ended or was cancelled
    #: How many triggers of the past this build and the builds before it have. A build that is built once more after a
    #: failure has as many as the build before.
    until: list[int]
    cancelled: frozenset[int] = frozenset()  #: the places of the builds that were cancelled


def replay(past: Past, policy: Policy, progress: Progress = lambda _done: None) -> Replay:
    """The builds of a policy, by the fast way if it knows the policy. ``progress``: called with how many triggers are
    done."""
    return by_build(past, policy) if is_fast(past, policy) else by_core(past, policy, progress)


def is_fast(past: Past, policy: Policy) -> bool:
    """Whether ``by_build`` knows this policy: one that skips, cancels and rearms nothing."""
    skips_none = policy.unchanged == "build" or not any(past.versions)
    rearms_none = policy.on_failure == "keep" or not past.failed
    return policy.on_cooldown == "defer" and policy.overlap in {"allow", "defer"} and skips_none and rearms_none


def by_build(past: Past, policy: Policy) -> Replay:
    """The builds, from each to the next by binary search: the cost of a build does not depend on what it covers."""
    at_ms, took_ms, limit = past.at_ms, past.took_ms, policy.limit
    waits_for_end = policy.overlap == "defer" or policy.cooldown_from == "finish"
    after_end_ms = policy.cooldown_ms if policy.cooldown_from == "finish" else 0
    until_of = _until_quiet(at_ms, policy)
    started, ended, until = list[int](), list[int](), list[int]()
    first, free_ms = 0, 0
    while first < len(at_ms):
        start_ms, last = until_of(first, free_ms)
        end_ms = start_ms + took_ms[last - 1]
        started.append(start_ms)
        ended.append(end_ms)
        until.append(last)
        first, free_ms = last, start_ms + policy.cooldown_ms
        if waits_for_end:
            free_ms = max(free_ms, end_ms + after_end_ms)
        if limit is not None and len(started) >= limit.count:
            free_ms = max(free_ms, started[-limit.count] + limit.window_ms)
    return Replay(started_ms=started, ended_ms=ended, until=until)


def _until_quiet(at_ms: Sequence[int], policy: Policy) -> Callable[[int, int], tuple[int, int]]:
    """A function that tells the next build from its first trigger and from the instant at which the gate is free: when
    the build starts, and the first trigger that it does not have."""
    quiet_ms, most_ms = policy.quiet_ms, policy.max_wait_ms

    def at_once(first: int, free_ms: int) -> tuple[int, int]:
        if at_ms[first] >= free_ms:
            return at_ms[first], first + 1
        return free_ms, bisect_left(at_ms, free_ms, first)

    if quiet_ms is None:
        return at_once
    # The triggers after which no other comes for this long.
    pauses = [n for n in range(len(at_ms) - 1) if at_ms[n + 1] - at_ms[n] >= quiet_ms] + [len(at_ms) - 1]

    def when_quiet(first: int, free_ms: int) -> tuple[int, int]:
        # The build's last trigger is the last one before the gate is free, or before the quiet or the longest wait
        # ends.
        last = max(first, bisect_left(at_ms, free_ms, first) - 1)
        quiet = pauses[bisect_left(pauses, last)]
        over_ms = at_ms[quiet] + quiet_ms
        if most_ms is not None and at_ms[first] + most_ms < over_ms:
            over_ms = at_ms[first] + most_ms
            quiet = max(last, bisect_left(at_ms, over_ms, first) - 1)
        return max(free_ms, over_ms), quiet + 1

    return when_quiet


def by_core(past: Past, policy: Policy, progress: Progress = lambda _done: None) -> Replay:
    """The builds as the shipped protocol makes them, trigger by trigger."""
    core = _Core(past, policy)
    for done, at_ms in enumerate(past.at_ms):
        core.pass_until(at_ms)
        core.trigger(done)
        if done % _PROGRESS_EVERY == 0:
            progress(done)
    core.pass_until(None)
    return Replay(
        started_ms=core.started_ms, ended_ms=core.ended_ms, until=core.until, cancelled=frozenset(core.cancelled)
    )


class _Core:
    """Drives the protocol on one record, with a starter whose builds take the times of the past."""

    def __init__(self, past: Past, policy: Policy) -> None:
        self.past = past
        self.terms = Terms(policy=policy, build_lease_ms=2 * MAX_DURATION_MS, woken=True)
        self.record = Record()
        self.now_ms = 0
        self.drawn = 0
        self.done = 0  # triggers that a build which starts now has
        self.started_ms: list[int] = []
        self.ended_ms: list[int] = []
        self.until: list[int] = []
        self.cancelled: set[int] = set()
        self.ends: list[tuple[int, int]] = []

    def trigger(self, nth: int) -> None:
        self.now_ms, self.done = self.past.at_ms[nth], nth + 1
        version = self.past.versions[nth] if self.past.versions else None
        event = Trigger(request=Request(project="plan", region="plan", source_version=version), token=self._token())
        self._drive(protocol.trigger(event, self.terms, Snapshot(record=self.record, seen_ms=self.now_ms)))

    def pass_until(self, at_ms: int | None) -> None:
        """Let happen what comes by itself up to and at an instant: ends of builds, and wakes of what is due."""
        while True:
            due_ms = self.record.due_ms if self.record.pending is not None else None
            ends_ms = self.ends[0][0] if self.ends else None
            next_ms = min((ms for ms in (due_ms, ends_ms) if ms is not None), default=None)
            if next_ms is None or (at_ms is not None and next_ms > at_ms):
                return
            self.now_ms = max(self.now_ms, next_ms)  # a start that an end allows may have been due before that end
            if ends_ms == next_ms:
                self._end(heappop(self.ends)[1])
            else:
                event = Wake(gate=GateKey("plan", "plan"), token=self._token())
                self._drive(protocol.wake(event, self.terms))

    def _end(self, build: int) -> None:
        if build in self.cancelled:
            return

        def change(record: Record, at_ms: int) -> Record:
            until = self.until[build]
            failed = until - 1 in self.past.failed and (build == 0 or self.until[build - 1] < until)
            end = End(build_id=str(build), succeeded=not failed)
            return builds.finished(record, end, self.terms, at_ms)

        self._drive(protocol.edit(change, self.terms))

    def _drive(self, asks: Generator[Effect, Any, Any]) -> None:
        answer: object = None
        try:
            while True:
                answer = self._perform(asks.send(answer))
        except StopIteration:
            return

    def _perform(self, effect: Effect) -> object:
        match effect:
            case Now():
                return self.now_ms
            case NewId():
                return self._token()
            case Get():
                return self.record
            case Swap(_, new, _):
                self.record = new
                return Swapped(new)
            case FoldIn(expected, fold):
                folded = fold.applied(expected, self.record)
                self.record = folded or self.record
                return Lost(self.record) if folded is None else Swapped(folded)
            case Start():
                return self._start()
            case Cancel(build_id):
                self._cancel(int(build_id))
        return None

    def _start(self) -> str:
        build = len(self.started_ms)
        self.started_ms.append(self.now_ms)
        self.ended_ms.append(self.now_ms + self.past.took_ms[self.done - 1])
        self.until.append(self.done)
        heappush(self.ends, (self.ended_ms[build], build))
        return str(build)

    def _cancel(self, build: int) -> None:
        self.cancelled.add(build)
        self.ended_ms[build] = self.now_ms

    def _token(self) -> str:
        self.drawn += 1
        return token.make(self.now_ms, self.drawn)
