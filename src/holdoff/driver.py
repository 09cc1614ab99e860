"""Performs the effects that the protocol asks for, on a real store, starter and clock.

The error of an effect goes back into the protocol, which knows what it means for the build. The driver remembers what
this process has started: the tokens of builds that it may have to wait for, and its last start.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress

from holdoff.clock import Clock, new_write_id, now_ms
from holdoff.core import builds
from holdoff.core.effects import Cancel, Effect, Find, FoldIn, Get, Lost, NewId, Now, Poll, Start, Swap, Swapped
from holdoff.core.errors import HoldoffError, StartRefused, StartUnknown, StoreError, StoreUnavailable
from holdoff.core.record import Finished, Record
from holdoff.core.request import MAX_BUILD_ID, MAX_REASON, GateKey, Request, storable
from holdoff.core.shown import quoted
from holdoff.core.terms import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeVar

    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

    _T = TypeVar("_T")

Watch = Callable[[Effect], None]
#: Levels of logging, which is slow to import.
DEBUG: Final = 10
WARNING: Final = 30


class Driver:
    """What one gate's effects are performed on."""

    def __init__(self, key: GateKey, store: Store, starter: Starter | None, clock: Clock, terms: Terms) -> None:
        self.key: GateKey = key
        self.store: Store = store
        self.starter: Starter | None = starter
        self.clock: Clock = clock
        self.terms: Terms = terms
        #: The token of each build that this process has started and may have to wait for, by the build's id.
        self.tokens: dict[str, str] = {}
        #: Token and build id of the last start: if its confirm is not in the store, a take-over need not ask for it.
        self._started: tuple[str, str] = ("", "")

    def drive(self, asks: Generator[Effect, Any, _T], watch: Watch | None = None) -> _T:
        """Perform what the generator asks for, to its end."""
        answer: object = None
        error: Exception | None = None
        try:
            while True:
                effect = asks.throw(error) if error is not None else asks.send(answer)
                if watch is not None:
                    watch(effect)
                try:
                    answer, error = self._perform(effect), None
                except BaseException as raised:  # noqa: BLE001  (the protocol knows what an error means)
                    answer, error = None, _as_error(raised)
                    self._log(effect, error)
        except StopIteration as stop:
            result: _T = stop.value
            return result

    def _log(self, effect: Effect, error: Exception) -> None:
        """Log the errors that no decision shows. (``holdoff run`` itself reports a command that it could not end.)"""
        if isinstance(error, HoldoffError):
            words = storable(error, MAX_REASON)
        else:
            words = type(error).__name__
            _log_traceback(error)
        if isinstance(effect, Poll):
            warn("could not ask how build %s of %s is: %s", effect.build_id, self.key, words)
        elif isinstance(effect, Find):
            warn("could not ask whether start %s of %s made a build: %s", effect.token, self.key, words)
        elif isinstance(effect, Cancel) and not self.terms.children:
            warn("could not cancel build %s of %s, so its end is waited for: %s", effect.build_id, self.key, words)

    def _perform(self, effect: Effect) -> object:
        starter: Any = self.starter
        match effect:
            case Now():
                return self.now_ms()
            case NewId():
                return new_write_id(self.clock)
            case Get():
                return self.known(self.store.get(self.key))
            case Swap(expected, new, history):
                return self._reply(self._swap(expected, new, history))
            case FoldIn(expected, fold):
                return self._reply(self.store.fold(self.key, expected=expected, fold=fold))
            case Start(request, token):
                return self._start(request, token)
            case Find(request, token):
                return self._find(request, token)
            case Poll(build_id):
                state: object = starter.status(build_id)
                return state if isinstance(state, str) else None
            case Cancel(build_id):
                return starter.cancel(build_id)

    def _swap(self, expected: Record, new: Record, history: tuple[Finished, ...]) -> Swapped | Lost:
        """Write the gate, and builds into the history. If the store takes no history (its table is damaged, a right is
        missing), write the gate alone: without its confirm, a build would be started again at each lease."""
        try:
            return self.store.swap(self.key, expected=expected, new=new, history=history)
        except StoreError as error:
            if not history or isinstance(error, StoreUnavailable):
                raise
        reply = self.store.swap(self.key, expected=expected, new=new)
        try:
            for build in history if isinstance(reply, Swapped) else ():
                self.store.keep(self.key, build)  # the error may have passed
        except StoreError as error:
            warn("no history is kept of %s: %s", self.key, error)
        return reply

    def _reply(self, reply: Swapped | Lost) -> Swapped | Lost:
        return Lost(self.known(reply.current)) if isinstance(reply, Lost) else reply

    def known(self, record: Record) -> Record:
        """The record, with the leases of processes corrected where the starter knows whether the process lives."""
        starter: Any = self.starter
        claim, running = record.claim, record.running
        if (claim is None and running is None) or not hasattr(starter, "lives"):
            return record
        starts = None
        if claim is not None and claim.attempt == 1:  # of a claim taken over, no record says which process has it
            starts = starter.claims(claim.request.parameters)
        runs = None if running is None else starter.lives(running.build_id)
        return builds.as_known(record, self.terms, self.now_ms(), starts=starts, runs=runs)

    def _start(self, request: Request, token: str) -> str:
        starter: Any = self.starter
        build_id: object = starter.start(request, token)
        if hasattr(build_id, "__await__"):
            raise _not_awaited(build_id)
        known = ("" if build_id is None else storable(build_id, MAX_BUILD_ID)) or token
        if hasattr(starter, "wait"):
            self.tokens[known] = token
        self._started = token, known
        return known

    def _find(self, request: Request, token: str) -> str | None:
        if token == self._started[0]:
            return self._started[1]
        find = getattr(self.starter, "find", None)
        found: object = find(token, request) if find is not None else None
        if found is None:
            return None
        if isinstance(found, str) and found:
            return storable(found, MAX_BUILD_ID)
        raise StartUnknown(f"the starter's find() answered {quoted(found)}, which is neither a build's id nor None")

    def now_ms(self) -> int:
        return now_ms(self.store, self.clock)


def _not_awaited(answer: object) -> HoldoffError:
    """The error for a ``start`` that returned an awaitable. A coroutine has not begun: it is closed, and there is no
    build. A task or a future may run on its own: it is not known whether there is a build."""
    message, hint = "start() is asynchronous, and a gate does not await it", "Write it with def, not async def"
    close = getattr(answer, "close", None)
    if close is None:
        return StartUnknown(message, hint=hint)
    close()
    return StartRefused(message, hint=hint)


def _as_error(raised: BaseException) -> Exception:
    """The error of a starter. What ends this thread or process is raised again; a cancelled task is the starter's own,
    because a gate awaits nothing."""
    if isinstance(raised, Exception):
        return raised
    if type(raised).__name__ == "CancelledError":  # asyncio's, which takes long to import
        return StartUnknown("a task that the starter waited for was cancelled")
    raise raised


def _log_traceback(error: Exception) -> None:
    """Log where an error was raised, for the author of a starter or a store. Its message may hold a secret."""
    from traceback import format_tb

    where = "".join(format_tb(error.__traceback__))
    _log(DEBUG, "%s was raised here:\n%s", type(error).__name__, where)


def warn(message: str, *args: object) -> None:
    _log(WARNING, message, *args)


def _log(level: int, message: str, *args: object) -> None:
    import logging

    with suppress(Exception):  # a handler may raise anything: that ends no decision, and no heartbeat
        logging.getLogger("holdoff.gate").log(level, message, *args)
