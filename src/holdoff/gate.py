"""Gate: the front door of the library. Drives the protocol with a real store, starter and clock."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from holdoff.clock import Clock, SystemClock, new_token, new_write_id
from holdoff.core import machine, protocol
from holdoff.core.effects import (
    Cancel,
    Effect,
    Find,
    Get,
    NewId,
    Now,
    Open,
    Poll,
    Start,
    Swap,
)
from holdoff.core.errors import ConfigError, StartRefused, StoreError
from holdoff.core.machine import Rules, Tally, Trigger
from holdoff.core.protocol import Sight
from holdoff.core.record import MAX_REASON, Act, GateKey, Hold, Record, Request, check_note
from holdoff.core.status import Status, status_of
from holdoff.core.units import parse_duration
from holdoff.stores import default_url, open_store
from holdoff.stores.base import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import TracebackType

    from holdoff.core.decision import Decision
    from holdoff.core.policy import Policy
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

_T = TypeVar("_T")
#: A starter's id for a build is kept up to this length.
MAX_BUILD_ID: Final = 400
#: What was answered from memory is written after so many seconds, if no decision has written it before.
FLUSH_AFTER_S: Final = protocol.WRITE_TALLY_AFTER_MS / 1000


class Gate:
    """Lets triggers of one project in one region through to at most one build per cooldown.

    Safe to use from many threads; as many gates in as many processes as there are may share a store.

    Args:
        project: the project's name.
        region: where; the store's region unless given.
        store: what keeps the gate; the SQLite file in the user's state directory unless given.
        policy: what may start when.
        starter: what starts a build. Without one, ``trigger`` and ``wake`` raise ``ConfigError``.
        clock: where time and randomness come from.
        claim_lease: how long a start may take from claim to confirm; after it anybody may take the start over.
        build_lease: after how long a build that nobody reported ended counts as ended.
        max_staleness: how old a skip answered from memory may be; 0: never answer one from memory.
        waker: whether something wakes this gate when it is due.
        knows_policy: whether ``policy`` is the gate's own. If it is a stand-in, only hold, resume and reset.

    Raises:
        ConfigError: a bad name or duration, or a lease too short for the starter.
    """

    def __init__(
        self,
        project: str,
        *,
        policy: Policy,
        region: str | None = None,
        store: Store | None = None,
        starter: Starter | None = None,
        clock: Clock | None = None,
        claim_lease: object = "60s",
        build_lease: object = None,
        max_staleness: object = "1s",
        waker: bool = False,
        knows_policy: bool = True,
    ) -> None:
        self.store = store if store is not None else open_store(default_url())
        self.key = GateKey(project, region if region is not None else self.store.region)
        self.policy = policy
        for_region = getattr(starter, "for_region", None)
        self.starter = for_region(self.key.region) if for_region is not None else starter
        self.clock = clock or SystemClock()
        self.rules = Rules(
            policy=policy,
            claim_lease_ms=_claim_lease_ms(claim_lease, starter),
            build_lease_ms=_build_lease_ms(build_lease, starter),
            freeze=getattr(starter, "freeze", None) or machine.as_it_is,
            waker=waker,
            knows_policy=knows_policy,
            polls=hasattr(starter, "status"),
            finds=hasattr(starter, "find"),
            token_memory_ms=int(getattr(starter, "token_memory_ms", 0)),
            max_staleness_ms=parse_duration(max_staleness, field="max_staleness"),
            clock_margin_ms=self.store.clock_margin_ms,
        )
        if policy.overlap == "cancel" and starter is not None and not hasattr(starter, "cancel"):
            want = "another: this starter cannot cancel a build"
            raise ConfigError(field="overlap", got="cancel", want=want)
        self._sight = Sight()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    # --- triggers ------------------------------------------------------------------------------

    def trigger(
        self,
        *,
        reason: str | None = None,
        source_version: str | None = None,
        event_id: str | None = None,
        environment: Mapping[str, str] | None = None,
        force: bool = False,
        by: str | None = None,
        revocable: bool = False,
    ) -> Decision:
        """Ask for a build. Always answers with what became of it, and why.

        Args:
            reason: why, for people to read.
            source_version: what to build (commit, tag); the newest unless given.
            event_id: the id of the event behind it: the same one again is a duplicate.
            environment: variables for the build.
            force: start now, whatever the cooldown, the limit, the quiet time or a hold say.
            by: who asks, for people to read.
            revocable: the caller waits for the build and may ``withdraw`` the trigger.

        Raises:
            ConfigError: an argument is not what it should be.
            StoreError: no decision could be made. Triggering again is safe.
        """
        self._must_have_starter()
        request = Request(
            project=self.key.project,
            region=self.key.region,
            reason=reason,
            source_version=source_version,
            event_id=event_id,
            environment=tuple((environment or {}).items()),
            by=by,
            forced=force,
        )
        trigger = Trigger(request=request, token=self._token(), force=force, revocable=revocable)
        return self._decide(lambda sight: protocol.trigger(trigger, self.rules, sight))

    def wake(self) -> Decision:
        """Start what is due, finish a start that somebody left, or say what the gate waits for.

        Raises:
            StoreError: the gate could not be read or written.
        """
        self._must_have_starter()
        token, project, region = self._token(), self.key.project, self.key.region
        return self._decide(lambda sight: protocol.wake(token, project, region, self.rules, sight))

    # --- what happens to builds and gates ------------------------------------------------------

    def finished(self, build_id: str, *, succeeded: bool, detail: str | None = None) -> bool:
        """Report that a build ended. Late, repeated and foreign reports change nothing.

        Returns:
            Whether it was the build this gate thinks is running.
        """
        found = False
        detail = None if detail is None else str(detail)[:MAX_REASON]

        def change(record: Record, now_ms: int) -> Record:
            nonlocal found
            new = machine.finished(
                record, build_id, self.rules, now_ms, succeeded=succeeded, detail=detail
            )
            found = new is not record
            return new

        self._edit(change)
        return found

    def renew(self, token: str) -> None:
        """Say that the build of this token is alive: its lease starts afresh."""
        self._edit(lambda record, now_ms: machine.renewed(record, token, self.rules, now_ms))

    def hold(self, *, why: str, duration: object = None, by: str | None = None) -> None:
        """Nothing starts, but by force, until ``resume`` or for ``duration``; what comes is kept."""
        length_ms = None if duration is None else parse_duration(duration, field="duration")
        if not why:
            raise ConfigError(
                field="why", got=why, want="a reason, for whoever asks why nothing builds"
            )
        check_note("why", why, MAX_REASON)
        check_note("by", by, MAX_REASON)

        def change(record: Record, now_ms: int) -> Record:
            until_ms = None if length_ms is None else now_ms + length_ms
            hold = Hold(since_ms=now_ms, why=why, by=by, until_ms=until_ms)
            return machine.held(record, hold, self.rules)

        self._edit(change)

    def resume(self, *, by: str | None = None, why: str | None = None) -> None:
        """End a hold. What came meanwhile is one build."""
        self._edit(
            lambda record, now_ms: machine.resumed(
                record, _act("resume", now_ms, by, why), self.rules
            )
        )

    def reset(
        self,
        *,
        drop_pending: bool = False,
        drop_claim: bool = False,
        by: str | None = None,
        why: str | None = None,
    ) -> None:
        """End the cooldown.

        Args:
            drop_pending: drop what is pending, too: it is never built. Else it stays, and keeps its due.
            drop_claim: give up a start that nobody can finish (the right to look for its build is missing, say). If
                its build exists after all, nobody knows of it.
            by, why: who says so, and why.
        """

        def change(record: Record, now_ms: int) -> Record:
            act = _act("reset", now_ms, by, why)
            return machine.reset(
                record, act, self.rules, drop_pending=drop_pending, drop_claim=drop_claim
            )

        self._edit(change)

    def withdraw(self, deferred: Decision) -> bool:
        """Take back a revocable trigger. Again, because the store did not answer, is safe.

        Args:
            deferred: what was decided on it.

        Returns:
            Whether nothing is pending any more; if something is, others wait for it.

        Raises:
            StoreError: it may or may not be taken back.
        """
        after: list[Record] = []

        def change(record: Record, _now_ms: int) -> Record:
            after[:] = [machine.withdrawn(record, deferred.token, self.rules)]
            return after[0]

        self._edit(change)
        return after[0].pending is None

    def status(self) -> Status:
        """What the gate is doing, on a fresh read."""
        record = self.store.get(self.key)
        return status_of(self.key, record, self.policy, self._now_ms())

    @property
    def wake_ms(self) -> int | None:
        """When a wake would start or finish something, by this process's last sight of the gate; ``None``: never."""
        with self._lock:
            record = self._sight.record
        return None if record is None else machine.wake_ms(record, self.policy)

    # --- builds that are this process's own children -------------------------------------------

    def wait(self, build_id: str) -> int | None:
        """Wait for a build that this process runs itself, keep its lease alive, and report its end.

        Returns:
            Its exit status; ``None`` where the starter starts builds elsewhere.
        """
        wait = getattr(self.starter, "wait", None)
        if wait is None:
            return None

        def beat() -> None:
            try:
                token = self._token_of(build_id)
                if token is not None:
                    self.renew(token)
            except StoreError as error:
                _warn("could not renew the lease of %s: %s", build_id, error)

        code = cast("int | None", wait(build_id, beat, self.rules.build_lease_ms // 3))
        if code is None:
            return None
        try:
            self.finished(
                build_id, succeeded=code == 0, detail=f"exit status {code}" if code else None
            )
        except StoreError as error:  # how it ended is the caller's; the record's lease runs out
            _warn("could not record the end of %s: %s", build_id, error)
        return code

    def _token_of(self, build_id: str) -> str | None:
        record = self._sight.record or self.store.get(self.key)
        running = record.running
        return running.token if running is not None and running.build_id == build_id else None

    # --- driving the protocol ------------------------------------------------------------------

    def flush(self, *, tries: int = protocol.MAX_TRIES) -> None:
        """Write what was answered from memory and only counted here so far.

        Args:
            tries: how many writes of others may come first before this is left for later.

        Raises:
            StoreError: it is not written, or nobody knows.
        """
        if not self._sight.tally.is_empty:
            self._edit(lambda record, _now_ms: record, tries)

    @property
    def owes_events(self) -> bool:
        """Whether events were deferred from memory that no other process would recognise yet."""
        return bool(self._sight.tally.events)

    def close(self) -> None:
        """Flush, and let go of the store's connections."""
        self.flush()
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.store.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _decide(self, ask: Callable[[Sight], protocol.Asks]) -> Decision:
        sight = self._take_sight()
        try:
            decided = self._drive(ask(sight))
        except BaseException as error:
            self._put_back(_after_error(sight, error))
            raise
        self._put_back(decided.sight)
        return decided.decision

    def _edit(
        self, change: Callable[[Record, int], Record], tries: int = protocol.MAX_TRIES
    ) -> None:
        sight = self._take_sight()
        try:
            after = self._drive(protocol.edit(change, self.rules, sight, tries))
        except BaseException as error:
            self._put_back(_after_error(sight, error))
            raise
        self._put_back(after)

    def _take_sight(self) -> Sight:
        """The sight, with the tally taken out: what one thread writes, no other may write again."""
        with self._lock:
            taken = self._sight
            self._sight = replace(taken, tally=Tally())
        return taken

    def _put_back(self, sight: Sight) -> None:
        with self._lock:
            tally = machine.merged(self._sight.tally, sight.tally)
            newer = sight.record is None or sight.seen_ms >= self._sight.seen_ms
            self._sight = replace(sight if newer else self._sight, tally=tally)
            if not tally.is_empty and self._timer is None and isinstance(self.clock, SystemClock):
                self._timer = threading.Timer(FLUSH_AFTER_S, self._flush_in_time)
                self._timer.daemon = True
                self._timer.start()

    def _flush_in_time(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.flush()
        except StoreError as error:
            _warn("could not write what was answered from memory: %s", error)

    def _drive(self, asks: Generator[Effect, Any, _T]) -> _T:
        answer: object = None
        error: Exception | None = None
        while True:
            try:
                effect = asks.throw(error) if error is not None else asks.send(answer)
            except StopIteration as stop:
                return cast("_T", stop.value)
            try:
                answer, error = self._perform(effect), None
            except Exception as raised:  # noqa: BLE001  (the protocol knows what it means)
                answer, error = None, raised

    def _perform(self, effect: Effect) -> object:
        match effect:
            case Now():
                return self._now_ms()
            case NewId():
                return new_write_id(self.clock)
            case Get():
                return self.store.get(self.key)
            case Swap(expected, new, history):
                return self.store.swap(self.key, expected=expected, new=new, history=history)
            case Open(opening):
                return self.store.open(self.key, opening)
            case Start(request, token):
                return self._start(request, token)
            case Poll(build_id):
                status = getattr(self.starter, "status", None)
                return status(build_id) if status is not None else None
            case Cancel(build_id):
                return cast("Any", self.starter).cancel(build_id)
            case Find(request, token):
                find = getattr(self.starter, "find", None)
                return find(token, request) if find is not None else None

    def _start(self, request: Request, token: str) -> str:
        starter = self.starter
        if starter is None:
            raise StartRefused("this gate has no starter")
        build_id: object = starter.start(request, token)
        return token if build_id is None else str(build_id)[:MAX_BUILD_ID] or token

    def _now_ms(self) -> int:
        return now_ms(self.store, self.clock)

    def _token(self) -> str:
        return new_token(self.clock)

    def _must_have_starter(self) -> None:
        if self.starter is None:
            want = "a starter, such as holdoff.starters.Command(['make', 'docs'])"
            raise ConfigError(field="starter", got=None, want=want)


def _after_error(sight: Sight, error: BaseException) -> Sight:
    """What was seen is doubtful, and what was to be counted along may be in."""
    tally = getattr(error, "tally", None)
    return Sight(tally=tally if isinstance(tally, Tally) else sight.tally)


def _act(what: str, now_ms: int, by: str | None, why: str | None) -> Act:
    check_note("by", by, MAX_REASON)
    check_note("why", why, MAX_REASON)
    return Act(what=what, at_ms=now_ms, by=by, why=why)


def _claim_lease_ms(claim_lease: object, starter: Starter | None) -> int:
    lease_ms = parse_duration(claim_lease, field="claim_lease")
    budget_ms = getattr(starter, "start_budget_ms", 0)
    if lease_ms <= budget_ms:
        want = f"more than {budget_ms / 1000:g}s, what the starter may take with all its retries"
        raise ConfigError(field="claim_lease", got=claim_lease, want=want)
    return lease_ms


def _build_lease_ms(build_lease: object, starter: Starter | None) -> int:
    if build_lease is not None:
        return parse_duration(build_lease, field="build_lease")
    return int(getattr(starter, "build_lease_ms", 8 * 3_600_000))


def _warn(message: str, *args: object) -> None:
    import logging

    logging.getLogger("holdoff.gate").warning(message, *args)
