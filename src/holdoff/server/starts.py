"""Answers decisions as soon as they are in the store, while their starts go on.

A sender of webhooks waits ten seconds, and a starter may take thirty. So a gate decides in a thread. When the gate
claims a start, the claim (with its lease, its token and the request as it will be sent) is in the store before the
starter is called. From then on nothing is lost: if this process dies, the next wake takes the start over. So that is
the moment to answer. If the start takes no time, the answer has the build, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.effects import Effect, Start, Swap
from holdoff.core.errors import HoldoffError, StoreUnavailable
from holdoff.core.record import Claim
from holdoff.core.request import GateKey, Request
from holdoff.gate import Gate

#: How many starts may be under way, one for each gate; further decisions wait until one ends. There are so many because
#: a builder that hangs does so for all its gates at once, and the gates of other builders must not wait for it.
MOST_STARTS: Final = 512
#: How many webhooks are carried out at once, in the order in which they came. Writes that wait share a commit.
AT_ONCE: Final = 32
#: How long an answer waits for a decision; GitHub gives up after ten seconds.
DECIDED_S: Final = 8.0
#: How long it waits for the build, once the start is claimed.
STARTED_S: Final = 0.1
#: Called after the answer has been given, with the gate, the request, and its decision or error.
Later = Callable[[Gate, Request | None, Decision | BaseException], None]


class _Progress:
    """How far one decision has come."""

    def __init__(self, *, is_wake: bool) -> None:
        self.answerable = threading.Event()  # the claim is in the store, or the decision is complete
        self.claim: Claim | None = None
        self._is_wake = is_wake
        self._written: Claim | None = None

    def watch(self, effect: Effect) -> None:
        """Notice our own claim. A start that is taken over does not cover our trigger; a wake has no trigger."""
        if isinstance(effect, Swap):
            self._written = effect.new.claim
        elif isinstance(effect, Start):
            claim = self._written
            if claim is not None and claim.token == effect.token and (claim.attempt == 1 or self._is_wake):
                self.claim = claim
                self.answerable.set()


class Starts:
    """Has gates decide, each in a thread.

    Args:
        attend: looks after commands of this process that a gate started.
        later: gets decisions that came after their answer.
    """

    def __init__(self, attend: Callable[[Gate], None], later: Later) -> None:
        self.attend = attend
        self.decided_s: float = DECIDED_S
        self.started_s: float = STARTED_S
        self._later = later
        self._pool = ThreadPoolExecutor(MOST_STARTS, thread_name_prefix="holdoff-start")
        self.hooks: ThreadPoolExecutor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="holdoff-hook")

    def decide(self, gate: Gate, request: Request | None) -> Decision:
        """The decision on a request, or (``None``) on a wake; it may say that a start is under way. Raises StoreError
        if there is no decision in time; it may still come."""
        progress = _Progress(is_wake=request is None)
        try:
            future = self._pool.submit(self._decide, gate, request, progress)
        except RuntimeError:
            why = "this server is stopping, or has no room for another thread"
            raise StoreUnavailable(why, hint="Send it again") from None
        future.add_done_callback(lambda _: progress.answerable.set())
        if not progress.answerable.wait(self.decided_s):
            self._tell_later(gate, request, future)
            hint = "It may still be made; try again"
            raise StoreUnavailable(f"no decision on {gate.key} in {self.decided_s:g}s", hint=hint)
        try:
            return future.result(self.started_s if progress.claim else None)
        except TimeoutError:
            pass
        assert progress.claim is not None
        self._tell_later(gate, request, future)
        return _under_way(gate.key, progress.claim)

    def _decide(self, gate: Gate, request: Request | None, progress: _Progress) -> Decision:
        try:
            return gate.wake(watch=progress.watch) if request is None else gate.submit(request, watch=progress.watch)
        except Exception:
            raise
        except BaseException as error:  # a starter that exits ends this thread's work, and no request of the server
            raise HoldoffError(f"{gate.key}: its starter or its store raised {type(error).__name__}") from error
        finally:
            self.attend(gate)

    def _tell_later(self, gate: Gate, request: Request | None, future: Future[Decision]) -> None:
        future.add_done_callback(lambda done: self._later(gate, request, done.exception() or done.result()))

    def close(self) -> None:
        """Wait for the starts under way, and take no more."""
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
