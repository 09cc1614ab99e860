"""``holdoff run --wait``: of all callers that wait, the newest one's command runs, and all exit with its status.

Each caller's trigger has left a token in the pending trigger. By its token a caller finds its trigger: still pending,
in a start under way, in a build, or dropped. While its trigger is pending, the caller wakes the gate when the gate is
due. The gate lets the newest caller start at once and each older one a second later, so a caller that has died costs a
second. If another caller's build covers the trigger, the caller waits for that build's end.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from holdoff.cli.common import draw, one_line, say
from holdoff.cli.run import OUTAGE_MS, wait_for_end
from holdoff.cli.table import clipped, terminal_size, width_of
from holdoff.clock import now_ms, running_ms
from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import StartUnknown, StoreUnavailable
from holdoff.core.record import Claim, Finished, Pending, Running
from holdoff.core.waits import TURN_MS, turn_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.cli.config_file import ConfigFile
    from holdoff.gate import Gate
    from holdoff.starters.command import Command

T = TypeVar("T")

#: The nap between two looks: while a change is near or its instant is not known; otherwise, and where a progress line
#: is drawn; at the most.
SOON_MS: Final = 200
TICK_MS: Final = 1_000
LONGEST_MS: Final = 30_000
#: The longest nap of the newest caller: a person may free the gate at any moment, and a second later the next newest
#: caller may start.
NEWEST_MS: Final = 500
#: Many builds end within this time, so callers look at a young build more often.
YOUNG_MS: Final = 10_000
#: A nap is at least this many times as long as the look before it, so that hundreds of callers do not load the store.
NAP_TO_LOOK: Final = 4
#: If the next build started before this build's end was reported, no lease tells whether this one still runs. Its end
#: is waited for until this long after its start.
NO_LEASE_MS: Final = 3_600_000


class Countdown:
    """A line at the end of a terminal that is redrawn again and again, and overwrites nothing but itself.

    The terminal is shared with the prompt, with background jobs and with the command's output. So the line begins on a
    line of its own, and a redraw overwrites only as many columns as were drawn before.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._drawn: int | None = None  # columns

    @property
    def is_in_front(self) -> bool:
        """Whether the stream is a terminal and this process in its foreground, not a job behind the shell's prompt."""
        with suppress(OSError):
            return os.tcgetpgrp(self.stream.fileno()) == os.getpgrp()
        return False

    def show(self, message: object) -> None:
        """Draw the line, over the one before. A line that wraps could not be overwritten, so a long one is cut at its
        beginning: its end says how long the wait is."""
        columns, _ = terminal_size(self.stream)
        line = clipped(one_line(message)[::-1], columns - 1)[::-1]
        start = "\r" if self._drawn is not None else f"{' ' * columns}\r"  # goes to a new line, if one has begun
        drawn, self._drawn = self._drawn or 0, width_of(line)
        draw(start, line, " " * (drawn - self._drawn), "\b" * (drawn - self._drawn), stream=self.stream)

    def clear(self) -> None:
        if self._drawn is not None:
            draw("\r", " " * self._drawn, "\r", stream=self.stream)
            self._drawn = None


class _Late(Exception):
    """The time to wait is over."""


class Waiter:
    """A caller that waits. In the foreground of a terminal it redraws one line. In a log, or as a background job, it
    prints a line whenever the reason changes.

    Args:
        gate: at which its trigger waits; the attribute ``gate`` changes with an edit of ``file``.
        asked: the decision that deferred its trigger.
        file: the settings by which it waits; ``None``: its options say them.
    """

    def __init__(
        self,
        gate: Gate,
        asked: Decision,
        starter: Command,
        file: ConfigFile | None,
        *,
        timeout_ms: int | None = None,
        silent: bool = False,
    ) -> None:
        self.gate: Gate = gate
        self._asked, self._starter, self._file, self._silent = asked, starter, file, silent
        self._so_far = asked  #: what has become of the trigger
        self._until_ms = None if timeout_ms is None else running_ms() + timeout_ms
        self._countdown = Countdown(sys.stderr)
        self._shown: Why | None = None
        self._look_ms = 0

    def wait(self) -> tuple[Decision, int | None]:
        """Wait until the trigger is started here, or until another caller's build that covers it has ended.

        Returns:
            The decision: started here, failed here, covered, dropped, or still deferred. And the exit status, if the
            trigger is covered or the time is over.
        """
        try:
            found = self._wait_while_pending()
            return (found, None) if isinstance(found, Decision) else self._wait_for_end(found)
        except _Late:
            return self._so_far, StartUnknown.exit_code
        finally:
            self._countdown.clear()

    def _wait_while_pending(self) -> Decision | Running | Finished:
        """The decision on the trigger, or another caller's build that covers it."""
        asked = self._asked
        decision, nap_ms, turn, was_slow = asked, _nap_ms(asked), 0, False
        longest_ms = TICK_MS if self._countdown.is_in_front and not self._silent else LONGEST_MS
        try:
            while True:
                if decision.outcome is Outcome.DEFERRED:
                    self._so_far = decision
                    if decision.why is not Why.PENDING:
                        self._show(decision.but(woken=True), decision.why)  # this caller wakes it
                if turn == 0:
                    self._look_ms = 0  # only one caller is the newest
                self._nap(min(nap_ms, NEWEST_MS if turn == 0 else longest_ms))
                before = self.gate
                if self._file is not None and (said := self._file.look()):
                    self._countdown.clear()
                    if not self._silent or self.gate is before:
                        say(said)
                where = self._ask(lambda: self.gate.waiter_at(asked.token))
                was_slow = self._look_ms >= TURN_MS and not was_slow  # slow each time: it may not wait for ever
                turn = turn_ms(where, asked.token) if isinstance(where, Pending) else TURN_MS
                match where:
                    case Claim() as claim if claim.lease_until_ms > now_ms(self.gate.store, self.gate.clock):
                        nap_ms = SOON_MS
                    case Pending() if turn and (was_slow or self.gate is not before):
                        self._look_ms = 0  # an edit freed the gate, or the store was slow: the turns count from now
                        self._nap(turn)
                        nap_ms = SOON_MS
                    case Pending() | Claim():
                        self._countdown.clear()  # the command may run, and write, before wake returns
                        decision = self._wake(turn)
                        if decision.outcome is Outcome.FAILED or decision.build_id in self.gate.awaited:
                            return decision
                        nap_ms = _nap_ms(decision)
                    case None:
                        return asked.but(outcome=Outcome.SKIPPED, why=Why.DROPPED, detail=None)
                    case _:
                        return where
        except (KeyboardInterrupt, StoreUnavailable):
            self._countdown.clear()
            say(f"{asked.project}: no longer waiting; the trigger stays pending, and the next run builds it")
            raise

    def _wake(self, turn: int) -> Decision:
        """Wake the gate. If that finished a start that was left, its build is this caller's own if it has the trigger;
        else its end is waited for."""
        decision = self._ask(lambda: self.gate.wake(waiter=self._asked.token), turn)
        left = decision.taken_over
        if left is not None and decision.outcome is not Outcome.STARTED:
            where = self._ask(lambda: self.gate.waiter_at(self._asked.token))
            is_its = isinstance(where, Running | Finished) and where.build_id == left
            if is_its and left in self.gate.awaited:
                return decision.but(outcome=Outcome.STARTED, build_id=left, taken_over=None)
        wait_for_end(self.gate, left, self._starter.came)
        return decision

    def _wait_for_end(self, build: Running | Finished) -> tuple[Decision, int]:
        """Wait for the end of a build that covers the trigger."""
        gate, asked = self.gate, self._asked
        while _goes_on(build, at_ms := now_ms(gate.store, gate.clock)):
            self._show(f"{asked.project}: covered by build {build.build_id}, which runs", Why.COVERED)
            detail = f"build {build.build_id}, which still runs; --wait-timeout is over"
            self._so_far = asked.but(outcome=Outcome.SKIPPED, why=Why.COVERED, detail=detail)
            self._nap(SOON_MS if at_ms - build.started_ms < YOUNG_MS else TICK_MS)
            where = self._ask(lambda: gate.waiter_at(asked.token))
            if not isinstance(where, Running | Finished):
                break  # its history is gone
            build = where
        detail, status = _ended(build)
        return asked.but(outcome=Outcome.SKIPPED, why=Why.COVERED, detail=f"build {build.build_id}, {detail}"), status

    def _ask(self, act: Callable[[], T], turn: int = 0) -> T:
        """The answer of ``act``. While the store does not answer, ask again: the trigger is in the store. Once it does,
        wait for so long first: newer callers have their turns."""
        silent_ms = None
        while True:
            began_ms = running_ms()
            try:
                if silent_ms is not None and turn:
                    self.gate.waiter_at(self._asked.token)
                    self._nap(turn)
                answer = act()
            except StoreUnavailable as error:
                if silent_ms is None:
                    silent_ms, self._look_ms = began_ms, 0
                    self._countdown.clear()
                    if not self._silent:
                        say(f"{self._asked.project}: still waiting; asking the store again: {error}")
                for left in self.gate.awaited:  # ``act`` has finished a start that another caller left
                    self.gate.wait(left)
                if began_ms - silent_ms >= OUTAGE_MS:
                    raise
                self._nap(TICK_MS)
            else:
                self._look_ms = running_ms() - began_ms if silent_ms is None else TURN_MS
                return answer

    def _nap(self, ms: int) -> None:
        ms = max(ms, min(NAP_TO_LOOK * self._look_ms, LONGEST_MS))
        if self._until_ms is not None:
            ms = min(ms, self._until_ms - running_ms())
            if ms <= 0:
                raise _Late
        with self._starter.interruptible():
            self.gate.clock.sleep(ms)

    def _show(self, message: object, why: Why) -> None:
        if self._silent:
            return
        if self._countdown.is_in_front:
            self._countdown.show(f"holdoff: {message}")
        elif why is not self._shown:
            say(message)
            self._shown = why


def _nap_ms(decision: Decision) -> int:
    if decision.why in {Why.CLAIMED, Why.RUNNING, Why.IDLE}:
        return SOON_MS
    if decision.due_ms is None:
        return TICK_MS
    left_ms = max(SOON_MS, decision.due_ms - decision.decided_ms)
    return min(TICK_MS, left_ms) if decision.why is Why.PENDING else left_ms  # a newer caller starts about now


def _goes_on(build: Running | Finished, at_ms: int) -> bool:
    """Whether the build may still run: its lease stands, or its end may still be reported."""
    if isinstance(build, Running):
        return build.lease_until_ms > at_ms
    return build.ended_ms is None and build.started_ms + NO_LEASE_MS > at_ms


def _ended(build: Running | Finished) -> tuple[str, int]:
    """How the build ended, in words, and the exit status of a caller that it covers."""
    if isinstance(build, Running) or build.succeeded is None:
        return "but how that ended is not known", StartUnknown.exit_code
    status = build.exit_status if build.exit_status is not None else int(not build.succeeded)
    detail = f" ({build.detail})" if build.detail else ""
    return f"which {'succeeded' if build.succeeded else 'failed'}{detail}", status
