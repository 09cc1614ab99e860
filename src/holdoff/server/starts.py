"""Decisions that are answered as soon as they are in the store, and starts that go on behind the answer.

A sender of webhooks waits ten seconds and a starter may take thirty. So a gate decides in a thread: where it claims a
start, that claim (with its lease, its token and the request as it will be sent) is in the store before the starter is
called, and from then on nothing is lost: if this process dies, the next wake takes the start over. That is the moment
to answer. A start that ends at once is answered with its build.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Effect, Start, Swap
from holdoff.core.errors import StoreUnavailable
from holdoff.core.record import Claim
from holdoff.core.request import GateKey, Request
from holdoff.gate import Gate

#: So many starts at once, one a gate; then all decisions wait for one to end. A builder that hangs does so for all its
#: gates at once, and those of others must not wait for it.
MOST_STARTS: Final = 512
#: How long an answer waits for a decision; GitHub gives up after ten seconds.
DECIDED_S: Final = 8.0
#: How long it waits for the build, once the start is claimed.
STARTED_S: Final = 0.1
#: Called with what came of a request once the answer has been given: the gate, the request, and the decision or error.
Later = Callable[[Gate, Request | None, Decision | BaseException], None]


class _Seen:
    """How far one decision has come."""

    def __init__(self, *, is_wake: bool) -> None:
        self.said = threading.Event()  # the claim is in the store, or all is over
        self.claim: Claim | None = None
        self._is_wake = is_wake
        self._claims: dict[str, Claim] = {}

    def watch(self, effect: Effect) -> None:
        """A start that is taken over covers no trigger of ours; of a wake nothing is to be covered."""
        if isinstance(effect, Swap) and effect.new.claim is not None:
            claim = effect.new.claim
            self._claims.pop(claim.token, None)
            if claim.attempt == 1 or self._is_wake:
                self._claims[claim.token] = claim
        elif isinstance(effect, Start) and effect.token in self._claims:
            self.claim = self._claims[effect.token]
            self.said.set()


class Starts:
    """Has gates decide.

    Args:
        attend: looks after commands of this process that a decision started.
        later: is told decisions that came after their answer.
    """

    def __init__(self, attend: Callable[[Gate, Decision], None], later: Later) -> None:
        self.attend = attend
        self.decided_s: float = DECIDED_S
        self.started_s: float = STARTED_S
        self._later = later
        self._pool = ThreadPoolExecutor(MOST_STARTS, thread_name_prefix="holdoff-start")

    def decide(self, gate: Gate, request: Request | None) -> Decision:
        """What became of a request, or (``None``) of a wake; where its start is under way, that it is.

        Raises:
            StoreError: no decision could be made; it may be made yet.
        """
        seen = _Seen(is_wake=request is None)
        try:
            future = self._pool.submit(self._decide, gate, request, seen)
        except RuntimeError:  # closed
            raise StoreUnavailable("this server ends, and decides no more", hint="Send it again") from None
        future.add_done_callback(lambda _: seen.said.set())
        if not seen.said.wait(self.decided_s):
            self._tell_later(gate, request, future)
            hint = "It may be made yet; try again"
            raise StoreUnavailable(f"no decision on {gate.key} in {self.decided_s:g}s", hint=hint)
        try:
            return future.result(self.started_s if seen.claim else None)
        except TimeoutError:
            pass
        assert seen.claim is not None
        self._tell_later(gate, request, future)
        return _under_way(gate.key, seen.claim)

    def _decide(self, gate: Gate, request: Request | None, seen: _Seen) -> Decision:
        decision = gate.wake(watch=seen.watch) if request is None else gate.submit(request, watch=seen.watch)
        self.attend(gate, decision)
        return decision

    def _tell_later(self, gate: Gate, request: Request | None, future: Future[Decision]) -> None:
        future.add_done_callback(lambda done: self._later(gate, request, done.exception() or done.result()))

    def close(self) -> None:
        """Wait for the starts under way; then there are no more."""
        self._pool.shutdown()


def _under_way(key: GateKey, claim: Claim) -> Decision:
    return Decision(
        project=key.project,
        region=key.region,
        id=f"{key.project}/{key.region}/{claim.token}",
        outcome=Outcome.STARTED,
        why=Why.FORCED if claim.covers.request.forced else Why.READY,
        decided_ms=claim.claimed_ms,
        covers=claim.covers.count,
        waited_ms=max(0, claim.claimed_ms - claim.covers.first_ms),
        woken=True,
    )
