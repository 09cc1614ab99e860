"""The turns of a process's threads at a file, and writes that share one thread's commit.

**Writes that wait share a commit.** A commit waits for the disk, and for ten writes no longer than for one. So the
thread whose turn it is also carries out the writes of the threads that wait, in its own transaction. When that is in
the file, each thread has its answer. If a write failed there, or the transaction failed, its thread takes a turn of its
own and tries again: the write is conditional, and recognised by its id.

**The lock is one of Python's own**: to take it is one step, and so is to release it. In such a step no signal handler
can raise an exception. When the lock is free, the thread that came first is called. If an exception of a signal handler
loses the call, that costs ``UNCALLED_MS``.
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
#: How many writes share a commit at most. The first of them waits for no more than these.
MOST_ALONG: Final = 64
#: After this time a waiting thread that was not called looks whether it is its turn.
UNCALLED_MS: Final = 100
#: In place of a count of late writes, for a thread whose swap has just succeeded: more than any such count.
FIRST: Final = 1_000_000
#: How long other writes wait for a thread whose swap was too late.
LET_IN_MS: Final = 2


class Use:
    """One use of the file that waits for its turn."""

    def __init__(self, act: Callable[[sqlite3.Connection], Any], *, writes: bool, swaps: bool = False) -> None:
        self.act: Callable[[sqlite3.Connection], Any] = act  #: the function to call with the connection
        self.writes: bool = writes
        self.swaps: bool = swaps  #: it is a swap, which fails if another write came first
        self.thread: int = threading.get_ident()
        self.is_taken: bool = False  #: another thread carries it out, and has not finished
        self.is_done: bool = False  #: ``answer`` is its answer, and its write is in the file
        self.went_well: bool = False  #: it was carried out without an error. Its write may still be undone
        self.answer: Any = None
        self.along: list[Use] = []  #: the uses that the thread of this one has taken
        self.call: threading.Lock = threading.Lock()  #: released to call the waiting thread
        self.call.acquire()

    def carry_out(self, db: sqlite3.Connection, *, along: bool) -> None:
        """Carry it out. ``along``: in another thread's transaction, where an error must undo only this use."""
        if not along:
            self.answer, self.went_well = self.act(db), True
            return
        self.went_well = False
        db.execute("SAVEPOINT along")
        try:
            self.answer, self.went_well = self.act(db), True
        except Exception:  # its own thread tries again, and gets the error
            if not db.in_transaction:  # all is undone: the disk is full, say
                raise
            db.execute("ROLLBACK TO along")
        db.execute("RELEASE along")


class Turns:
    """The turns at one file. ``lock`` is held by the thread whose turn it is."""

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()
        self._waiting: deque[Use] = deque()
        #: How often in a row a thread's writes were too late; the threads that a use waits for; and that use.
        self._late: dict[int, int] = {}
        self._awaited: set[int] = set()
        self._patient: Use | None = None

    def is_mine(self) -> bool:
        """Whether it is the turn of the present thread."""
        return bool(self.lock._is_owned())

    def wait(self, use: Use, give_up_ms: int) -> bool:
        """Wait until it is this use's turn, or another thread has carried it out. Returns whether that came in time."""
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
            if not (use.is_taken or use in self._waiting):  # another thread took it, and failed
                self._waiting.append(use)
            left_ms = give_up_ms - running_ms()
            if left_ms <= 0:
                return False
            use.call.acquire(timeout=min(left_ms, UNCALLED_MS) / 1000)
            is_called = True
        return True

    def _let_in(self, use: Use) -> None:
        """Wait a moment for threads whose swap was too late. They decide again. Without this pause the folds of other
        threads, which do not conflict with one another, would make each of these swaps too late."""
        self._patient = use
        while self._awaited - {use.thread}:
            if not use.call.acquire(timeout=LET_IN_MS / 1000):
                self._awaited.clear()
        self._patient = None

    def _rank(self, use: Use) -> tuple[int, bool]:
        """What comes first in a shared commit.

        A swap makes other writes on the same record too late, so the thread that was too late most often comes first. A
        fold makes only swaps too late: of two threads that were late as often, the one with a swap comes first. Before
        all others comes a thread whose swap has just succeeded: most often that was a claim, and this is its confirm.
        """
        return -self._late.get(use.thread, 0), not use.swaps

    def carry_out(self, mine: Use, db: sqlite3.Connection) -> list[Use]:
        """Carry out, in one transaction, this thread's own use and, if that writes, the writes of waiting threads. A
        write that was too late is carried out again at the end, so that its answer has the state at the end.
        """
        if mine.writes and len(self._waiting) > 1:
            waiting = sorted(self._waiting, key=self._rank)
            others = [use for use in waiting if use.writes and use is not mine][:MOST_ALONG]
            for use in others:
                use.is_taken = True
            mine.along = [use for use in others if self._leave(use)]  # the others have just given up
        if not mine.along:
            mine.carry_out(db, along=False)
            return [mine]
        group = sorted([mine, *mine.along], key=self._rank)
        for use in group:
            use.carry_out(db, along=use is not mine)
        for use in group:
            if isinstance(use.answer, Lost):
                use.carry_out(db, along=use is not mine)
        return group

    def committed(self, group: list[Use]) -> None:
        """Note that the writes of these uses are in the file."""
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
        """Take a use out of the waiting ones. Returns whether it was among them."""
        try:
            self._waiting.remove(use)
        except ValueError:
            return False
        return True

    def end(self, use: Use) -> None:
        """End a use, whether it succeeded or not, and call the threads of the uses that it took."""
        self._leave(use)
        self.release()
        for one in use.along:
            one.is_taken = False
            _call(one)

    def release(self) -> None:
        """Release the lock, if it is held."""
        try:  # no call may come before the release: a handler could raise at its end, and the lock would stay taken
            self.lock.release()
            _call(self._waiting[0])
        except (RuntimeError, IndexError):
            return  # the lock was not held (the wait timed out, or another thread did the work); or no thread waits


def _call(use: Use) -> None:
    with suppress(RuntimeError):  # it has been called already
        use.call.release()
