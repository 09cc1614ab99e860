"""Whose turn it is at a file, among the threads of a process; and writes that go along with another's.

**Writes that wait share a commit.** A commit waits for the disk, and ten writes take it no longer than one. So the
thread whose turn it is carries out what the others wait to write as well, in its own transaction; once that is in the
file, each has its answer. A write that could not go along, or whose transaction failed, takes a turn of its own, as if
nothing had been: it is conditional, and known again by its id.

**The lock is one of Python's own**: it is taken and let go in one step, amid which no exception of a signal's handler
can come. When it is free, the thread that came first is called. A call may be lost (to such an exception): that costs
``UNCALLED_MS``.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress

from holdoff.clock import running_ms
from holdoff.core.effects import Lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from typing import Any, Final

#: How long an operation may wait, in all, for threads and processes before it, whose writes take milliseconds.
BUSY_MS: Final = 10_000
#: So many writes share a commit at most: the first of them waits for no more than these.
MOST_ALONG: Final = 64
#: A thread that waits and is not called looks for itself.
UNCALLED_MS: Final = 100
#: Counts for more than any number of times that a thread was too late.
FIRST: Final = 1_000_000
#: For so long other writes wait for a thread whose swap was too late.
LET_IN_MS: Final = 2


class Use:
    """One use of the file that waits for its turn.

    Attributes:
        act: what is done.
        call: a lock that is released to call the thread that waits.
        swaps: what is written rests on what stood there, and on no other write since.
        is_taken: another thread carries it out; how that ends is not known yet.
        went_well: it was carried out without an error; what it wrote may still be undone.
        is_done: ``answer`` is its answer, and what it wrote is in the file.
        along: the uses that this one's thread has taken.
    """

    __slots__ = ("act", "along", "answer", "call", "is_done", "is_taken", "swaps", "thread", "went_well", "writes")

    def __init__(self, act: Callable[[sqlite3.Connection], Any], *, writes: bool, swaps: bool = False) -> None:
        self.act: Callable[[sqlite3.Connection], Any] = act
        self.writes: bool = writes
        self.swaps: bool = swaps
        self.thread: int = threading.get_ident()
        self.is_taken: bool = False
        self.is_done: bool = False
        self.went_well: bool = False
        self.answer: Any = None
        self.along: list[Use] = []
        self.call: threading.Lock = threading.Lock()  # free: called
        self.call.acquire()

    def carry_out(self, db: sqlite3.Connection, *, along: bool) -> None:
        """Carry it out. ``along``: in a transaction of another's thread, where nothing stays of what goes wrong."""
        if not along:
            self.answer, self.went_well = self.act(db), True
            return
        self.went_well = False
        db.execute("SAVEPOINT along")
        try:
            self.answer, self.went_well = self.act(db), True
        except Exception:  # whatever it is: its own thread will meet it
            if not db.in_transaction:  # the disk is full, say, and all is undone
                raise
            db.execute("ROLLBACK TO along")
        db.execute("RELEASE along")


class Turns:
    """The turns at one file. ``lock`` is held by the thread whose turn it is."""

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()
        self._waiting: deque[Use] = deque()
        #: How often in a row a thread's writes were too late; which of those threads are waited for, and by which use.
        self._late: dict[int, int] = {}
        self._awaited: set[int] = set()
        self._patient: Use | None = None

    def is_mine(self) -> bool:
        """Whether it is this very thread's turn."""
        return bool(self.lock._is_owned())

    def wait(self, use: Use, give_up_ms: int) -> bool:
        """Wait until it is this use's turn, or another thread has carried it out; whether that came in time."""
        is_called = False
        self._waiting.append(use)
        if use.thread in self._awaited:
            self._awaited.discard(use.thread)
            if self._patient is not None:
                _call(self._patient)
        while not use.is_done:
            if (is_called or use in list(self._waiting)[:1]) and self.lock.acquire(timeout=0):
                if use.writes and self._awaited:
                    self._let_in(use)
                return True
            if not (use.is_taken or use in self._waiting):  # it was taken, and that did not go well
                self._waiting.append(use)
            left_ms = give_up_ms - running_ms()
            if left_ms <= 0:
                return False
            use.call.acquire(timeout=min(left_ms, UNCALLED_MS) / 1000)
            is_called = True
        return True

    def _let_in(self, use: Use) -> None:
        """Wait a moment for threads whose swap was too late: they decide again, and without this pause the folds of
        other threads, which do not conflict with one another, would make each of their swaps too late."""
        self._patient = use
        while self._awaited - {use.thread}:
            if not use.call.acquire(timeout=LET_IN_MS / 1000):
                self._awaited.clear()
        self._patient = None

    def carry_out(self, mine: Use, db: sqlite3.Connection) -> list[Use]:
        """Carry out, in a transaction of this thread's: its own use; if that writes, what else waits to write.

        Each swap makes what rests on the same record too late, so the thread comes first that was too late most often.
        A fold does so to swaps only: of two threads that were late as often, the one that swaps comes first. Before
        them all comes a thread whose swap has just gone in: most often that was a claim, and this is its confirm. What
        was too late is carried out once more at the end, so that its answer has what stands there then.
        """
        if mine.writes and len(self._waiting) > 1:
            others = [use for use in list(self._waiting)[:MOST_ALONG] if use.writes and use is not mine]
            for use in others:
                use.is_taken = True
            mine.along = [use for use in others if self._leave(use)]  # not those that have just given up
        if not mine.along:
            mine.carry_out(db, along=False)
            return [mine]
        group = sorted([mine, *mine.along], key=lambda use: (-self._late.get(use.thread, 0), not use.swaps))
        for use in group:
            use.carry_out(db, along=use is not mine)
        for use in group:
            if isinstance(use.answer, Lost):
                use.carry_out(db, along=use is not mine)
        return group

    def committed(self, group: list[Use]) -> None:
        """What was carried out is in the file."""
        for use in group:
            use.is_done = use.went_well
            late = self._late.pop(use.thread, 0) if use.writes else 0
            if isinstance(use.answer, Lost):
                self._late[use.thread] = late + 1
                if use.swaps:
                    self._awaited.add(use.thread)
            elif use.swaps and late < FIRST:
                self._late[use.thread] = FIRST

    def _leave(self, use: Use) -> bool:
        try:
            self._waiting.remove(use)
        except ValueError:
            return False
        return True

    def end(self, use: Use) -> None:
        """A use is over, however it went: the others are called."""
        self._leave(use)
        self.release()
        for one in use.along:
            one.is_taken = False
            _call(one)

    def release(self) -> None:
        """Let the lock go, if it is held."""
        try:  # no call may stand before this one: at its end a handler's exception could come, and the lock stay taken
            self.lock.release()
            _call(self._waiting[0])
        except (RuntimeError, IndexError):
            return  # the lock was not held (waited for in vain, or carried out by another); or none waits


def _call(use: Use) -> None:
    with suppress(RuntimeError):  # it has been called already
        use.call.release()
