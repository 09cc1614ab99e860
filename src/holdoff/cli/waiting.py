"""Waiting for a turn: of all that wait for one gate, one runs, and the others are covered by its run."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import one_line, say
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.units import say_duration

if TYPE_CHECKING:
    from holdoff.cli.stops import Stops
    from holdoff.core.record import Record
    from holdoff.gate import Gate

#: How often to look while the end is near or not known; how often a progress line is drawn; the longest nap.
SOON_MS: Final = 200
TICK_MS: Final = 1_000
LONGEST_MS: Final = 30_000


def wait_for_turn(gate: Gate, asked: Decision, stops: Stops) -> Decision:
    """Wake the gate until this trigger's build starts here, or somebody else's covers it.

    Ctrl-C (or SIGTERM, SIGHUP) withdraws the trigger where nobody else waits on the same pending: whoever asked has
    changed their mind. Where others wait, the pending stays: it is theirs, too.

    Returns:
        A decision that is started (here), failed, or skipped as covered or dropped.
    """
    gate.flush()  # so that others see that there are two of us
    decision, asked_ms = asked, asked.decided_ms
    progress = _Progress()
    try:
        while decision.outcome not in {Outcome.STARTED, Outcome.FAILED}:
            progress.show(replace(decision, waker=True))  # we are the waker
            with stops.interrupting():
                gate.clock.sleep(_nap_ms(decision, progress.longest_ms))
            decision = gate.wake()
            if decision.outcome in {Outcome.STARTED, Outcome.FAILED}:
                break
            record = gate.status().record
            waits = _is_waiting(record, asked_ms)
            if (
                decision.taken_over is not None
            ):  # a start that somebody left, and we have finished: it runs here
                progress.clear()
                if not waits:
                    return replace(decision, outcome=Outcome.STARTED, build_id=decision.taken_over)
                gate.wait(decision.taken_over)
            elif not waits:
                return _covered(decision, record, asked_ms)
    except KeyboardInterrupt:
        progress.clear()
        withdrawn = gate.withdraw(asked)
        say("withdrawn" if withdrawn else "others wait for the same build; it stays pending")
        raise
    finally:
        progress.clear()
    return decision


class _Progress:
    """A line that is redrawn in a terminal; in a log, a line whenever the reason changes."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.longest_ms = TICK_MS if self.live else LONGEST_MS
        self._said: Why | None = None
        self._drawn = False

    def show(self, decision: Decision) -> None:
        if self.live:
            line = f"holdoff: {one_line(decision)}"[: _columns() - 1]
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
            self._drawn = True
        elif decision.why is not self._said:
            say(decision)
            self._said = decision.why

    def clear(self) -> None:
        if self._drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._drawn = False


def _columns() -> int:
    """How wide the terminal is now: a line that wraps cannot be redrawn."""
    with suppress(OSError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80


def _nap_ms(decision: Decision, longest_ms: int) -> int:
    if decision.why in {Why.CLAIMED, Why.RUNNING} or decision.due_ms is None:
        return SOON_MS
    return max(SOON_MS, min(longest_ms, decision.due_ms - decision.decided_ms))


def _is_waiting(record: Record, asked_ms: int) -> bool:
    """Whether the trigger of that instant is still pending, or in a claim under way."""
    pending, claim = record.pending, record.claim
    is_pending = pending is not None and pending.first_ms <= asked_ms
    return is_pending or (claim is not None and claim.covers.first_ms <= asked_ms)


def _covered(decision: Decision, record: Record, asked_ms: int) -> Decision:
    for build in (record.running, record.finished):
        if build is not None and build.started_ms >= asked_ms:
            age = say_duration(max(0, decision.decided_ms - build.started_ms))
            detail = f"build {build.build_id}, started {age} ago"
            return replace(decision, outcome=Outcome.SKIPPED, why=Why.COVERED, detail=detail)
    return replace(decision, outcome=Outcome.SKIPPED, why=Why.DROPPED, detail=None)
