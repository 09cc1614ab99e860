"""Gate: the front door of the library. Its ``Driver`` performs what the protocol asks for.

Between calls a gate keeps the last snapshot of its record. The snapshot saves reads. Every write is conditional on it,
so a stale snapshot costs one request and nothing else. The gate also keeps its last request, for a caller that asks for
the same again. It has no threads and no timers.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Mapping

from holdoff.clock import Clock, SystemClock, new_token
from holdoff.core import builds, people, protocol
from holdoff.core.decide import Trigger, Wake
from holdoff.core.decision import Decision
from holdoff.core.effects import Effect
from holdoff.core.errors import ConfigError, StoreError, StoreUnavailable
from holdoff.core.pending import has_waiter, waiter_name
from holdoff.core.policy import Policy
from holdoff.core.protocol import Snapshot
from holdoff.core.record import MAX_EXIT_STATUS, Act, Claim, End, Finished, Hold, Pending, Record, Running
from holdoff.core.request import MAX_BUILD_ID, MAX_REASON, GateKey, Request, check_flag, check_note, storable
from holdoff.core.terms import Terms
from holdoff.core.units import Duration, Instant, is_whole, optional_duration, parse_duration, parse_instant
from holdoff.core.waits import wake_ms
from holdoff.driver import Driver, Watch, warn
from holdoff.fitting import build_lease_ms, check_does, check_overlap, claim_lease_ms, freezer, starter_ms
from holdoff.stores.open import default_url, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeVar

    from holdoff.observe.status import Status
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

    _T = TypeVar("_T")

#: How many builds of the history are searched for the one whose end is reported.
SEARCHED_BUILDS: Final = 100
MAX_TOKEN: Final = 100
#: How many gates a process keeps in memory. A project may have any number of keys.
KEPT_GATES: Final = 1_000


class Gate:
    """Lets the triggers of one project in one region start at most one build per cooldown.

    Safe to use from many threads and across a fork. Any number of gates in any number of processes may share a store.

    Args:
        project: the project's name.
        key: a key of the project (a branch, a customer) that has a gate of its own, with the project's settings.
        region: the gate's region. Default: the store's.
        store: what keeps the gate. Default: the SQLite file in the user's state directory.
        policy: what may start when.
        starter: what starts a build. Without one, ``trigger`` and ``wake`` raise ``ConfigError``.
        clock: where time and randomness come from. Default: this machine's clock.
        claim_lease: how long a start may take from claim to confirm. After that another process may take it over.
        build_lease: how long a build may run without a report of its end. After that it counts as ended.
        max_staleness: how old a snapshot may be for a skip to rest on it. 0: every skip reads the gate.
        woken: whether something wakes this gate when it is due.
        knows_policy: whether ``policy`` is the gate's own. With a stand-in, only hold, resume and reset the gate.

    Raises:
        ConfigError: a bad name or duration, or a lease too short for the starter.
    """

    def __init__(
        self,
        project: str,
        *,
        policy: Policy,
        key: str | None = None,
        region: str | None = None,
        store: Store | None = None,
        starter: Starter | None = None,
        clock: Clock | None = None,
        claim_lease: Duration = "60s",
        build_lease: Duration | None = None,
        max_staleness: Duration = "1s",
        woken: bool = False,
        knows_policy: bool = True,
    ) -> None:
        if not isinstance(policy, Policy):
            raise ConfigError(field="policy", got=policy, want="a policy, such as holdoff.Policy('10m')")
        for field, got in (("store", store), ("starter", starter), ("clock", clock)):
            check_does(field, got)
        check_flag("woken", woken)
        check_flag("knows_policy", knows_policy)
        self.store: Store = store if store is not None else open_store(default_url())
        self.key: GateKey = GateKey.of(project, key, region if region is not None else self.store.region)
        self.policy = policy
        #: Whether the policy is from a file, where it may have been edited since.
        self.from_file: bool = False
        for_region = getattr(starter, "for_region", None)
        self.starter: Starter | None = for_region(self.key.region) if for_region is not None else starter
        self.clock: Clock = clock or SystemClock()
        self.terms: Terms = Terms(
            policy=policy,
            claim_lease_ms=claim_lease_ms(claim_lease, starter),
            build_lease_ms=build_lease_ms(build_lease, starter),
            freeze=freezer(starter),
            woken=woken,
            knows_policy=knows_policy,
            has_starter=starter is not None,
            polls=hasattr(starter, "status"),
            children=hasattr(starter, "lives"),
            finds=hasattr(starter, "find"),
            token_memory_ms=starter_ms(starter, "token_memory_ms", 0),
            max_staleness_ms=parse_duration(max_staleness, field="max_staleness"),
            clock_margin_ms=self.store.clock_margin_ms,
            keyed=self.key.key is not None,
        )
        check_overlap(policy, starter)
        self._snapshot = Snapshot()
        #: The arguments of the last trigger, and the request made from them.
        self._asked: tuple[tuple[object, ...], Request | None] = ((), None)
        #: Numbers the skips that repeat the last one, so that each has its own id; and the process that made that one,
        #: because the child of a fork would count on from the same number.
        self._again, self._pid = itertools.count(1), os.getpid()
        self._driver = Driver(self.key, self.store, self.starter, self.clock, self.terms)
        #: The ends of its builds that the store has not taken: the next decision reports them first.
        self._unreported: dict[str, End] = {}

    def __repr__(self) -> str:
        return f"<Gate {self.key} in {self.store.url}>"

    def __reduce__(self) -> str:
        raise TypeError("a gate cannot be pickled or copied; make one in each process, on the same store")

    def trigger(
        self,
        *,
        reason: str | None = None,
        source_version: str | None = None,
        event_id: str | None = None,
        environment: Mapping[str, str] | None = None,
        secondary_versions: Mapping[str, str] | None = None,
        force: bool = False,
        by: str | None = None,
        line: str | None = None,
        at: Instant | None = None,
        parent: str | None = None,
        waits: bool = False,
    ) -> Decision:
        """Ask for a build. The decision says what became of the trigger, and why. All that it promises is stored.

        Args:
            reason: why, for people to read: one line of at most 200 characters.
            source_version: what to build (commit, tag), at most 200 characters. Default: the newest.
            event_id: the id of the event behind it, at most 1,024 characters. The same id again is a duplicate.
            environment: variables for the build: names and texts.
            secondary_versions: the version of each of the build's other sources, by the source's identifier.
            force: start now, in spite of the cooldown, the limit, the quiet time or a hold. If ``overlap`` or a start
                in progress puts the build off, it starts after that, but not during a hold.
            by: who asks, for people to read.
            line: what the versions follow one another on (a repository's branch). An older version of a line never
                replaces a newer one.
            at: when the change happened, by its source: an ISO 8601 instant, an aware ``datetime`` or epoch seconds.
            parent: the version before ``source_version`` on its line.
            waits: the caller waits for the build, and wakes the gate itself (``wake(waiter=decision.token)``).

        Raises:
            ConfigError: an argument is not what it should be.
            StoreError: no decision could be made. Triggering again is safe: it breaks no cooldown. With the same event
                id the trigger counts once, even if the first one was written.
        """
        asked = (reason, source_version, event_id, environment, secondary_versions, by, line, at, parent)
        last, made = self._asked
        if asked == last and force is False and made is not None:
            return self.submit(made, waits=waits)
        request = Request(
            project=self.key.name,
            region=self.key.region,
            key=self.key.key,
            reason=reason,
            source_version=source_version,
            event_id=event_id,
            environment=() if environment is None else environment,  # type: ignore[arg-type]
            secondary_versions=() if secondary_versions is None else secondary_versions,  # type: ignore[arg-type]
            by=by,
            forced=force,
            line=line,
            at_ms=None if at is None else parse_instant(at, field="at"),
            parent=parent,
        )
        if environment is secondary_versions is None and at is None and force is False:  # values only
            self._asked = asked, request
        return self.submit(request, waits=waits)

    def submit(self, request: Request, *, waits: bool = False, watch: Watch | None = None) -> Decision:
        """``trigger``, with a ``Request`` for this gate in place of its arguments.

        Args:
            watch: called with each effect just before it is performed. At ``Start`` the claim is in the store.

        Raises:
            ConfigError: the request is for another gate, or there is no starter.
            StoreError: no decision could be made. Submitting again is safe, as for ``trigger``.
        """
        snapshot = self._snapshot
        if request is snapshot.skipped and self._pid == os.getpid():
            same = protocol.again(snapshot, self._driver.now_ms(), next(self._again))
            if same is not None:
                return same
        self._must_have_starter()
        check_flag("waits", waits)
        asked_of = getattr(request, "gate", request)
        if asked_of != self.key:
            raise ConfigError(field="request", got=str(asked_of), want=f"a request for {self.key}")
        event = Trigger(request=request, token=new_token(self.clock), waits=waits)
        if snapshot.record is not None and hasattr(self.starter, "lives"):
            snapshot = snapshot.but(record=self._driver.known(snapshot.record))
        return self._decide(protocol.trigger(event, self.terms, snapshot), watch)

    def wake(self, *, waiter: str | None = None, watch: Watch | None = None) -> Decision:
        """Start what is due, finish a start that another process left, or say what the gate waits for.

        Args:
            waiter: the ``token`` of the decision that a waiting caller got. The newest waiter may start the build
                first, each older one a second later, and a wake without a waiter after all of them.
            watch: as for ``submit``.

        Raises:
            StoreError: the gate could not be read or written.
        """
        self._must_have_starter()
        check_note("waiter", waiter, MAX_TOKEN)
        event = Wake(gate=self.key, token=new_token(self.clock), waiter=waiter)
        return self._decide(protocol.wake(event, self.terms), watch)

    def waiter_at(self, token: str) -> Pending | Claim | Running | Finished | None:
        """Where a waiting caller's trigger is: pending, in a start in progress, in the running build, or in a build of
        the history. ``None``: a person dropped it.

        Args:
            token: the token of the decision on it. The trigger was made with ``waits``.
        """
        if token is None:
            raise ConfigError(field="token", got=None, want="the token of a decision")
        check_note("token", token, MAX_TOKEN)
        record, margin_ms = self._driver.known(self.store.get(self.key)), self.terms.clock_margin_ms
        if record.pending is not None and has_waiter(record.pending, token, margin_ms):
            return record.pending
        for part in (record.claim, record.running):
            if part is not None and has_waiter(part.covers, token, margin_ms):
                return part
        # A build that has the caller's name is the one. By the instants of its many callers an older one may fit, too.
        found = [
            build
            for build in self.store.history(self.key, limit=SEARCHED_BUILDS)
            if build.covers is not None and has_waiter(build.covers, token, margin_ms)
        ]
        named = [build for build in found if build.covers and waiter_name(token) in build.covers.waiters]
        return next(iter(named or found), None)

    def finished(
        self, build_id: str, *, succeeded: bool, detail: str | None = None, exit_status: int | None = None
    ) -> bool:
        """Report that a build ended: the newest one, or one of the hundred before. A repeated report changes nothing.

        Returns:
            Whether it was the build that this gate thinks is running.

        Raises:
            ConfigError: ``succeeded`` or ``exit_status`` is not what it should be. Nothing was written.
            StoreError: the report may or may not be written. Reporting again is safe.
        """
        return self._report(_end_of(build_id, succeeded=succeeded, detail=detail, exit_status=exit_status))

    def _report(self, end: End) -> bool:
        found = self._end(end)
        if not found:
            if (token := self._driver.tokens.get(end.build_id)) is not None:
                self.renew(token)  # its start could not be confirmed at the time; this confirms it with its end
            self._keep_end(end)
        return found

    def has_build(self, build_id: str) -> bool:
        """Whether this gate started the build: its newest one, or one of the hundred before.

        Raises:
            StoreError: the gate or its history could not be read.
        """
        record = self.store.get(self.key)
        newest = (record.running, record.finished)
        if any(build is not None and build.build_id == build_id for build in newest):
            return True
        return any(build.build_id == build_id for build in self.store.history(self.key, limit=SEARCHED_BUILDS))

    def _end(self, end: End) -> bool:
        found, terms = False, self.terms
        if self.from_file and end.build_id in self._driver.tokens:  # of a command here, perhaps from before an edit
            terms = terms.but(policy=Policy(0), knows_policy=False)  # what waits is woken at once, by today's policy

        def change(record: Record, at_ms: int) -> Record:
            nonlocal found
            found = record.running is not None and record.running.build_id == end.build_id
            return builds.finished(record, end, self.terms, at_ms)

        self._edit(change, terms)
        return found

    def _keep_end(self, end: End) -> None:
        """Keep the end of a build that a newer build has replaced in the record, in the history."""
        try:
            for build in self.store.history(self.key, limit=SEARCHED_BUILDS):
                if build.build_id == end.build_id and not build.is_reported:
                    ended_ms = max(self._driver.now_ms(), build.started_ms)
                    self.store.keep(self.key, build.but(ended_ms=ended_ms).with_end(end))
                    return
        except StoreError as error:
            if isinstance(error, StoreUnavailable):  # else a right or a table is missing, and always will be
                raise
            warn("could not keep the end of %s: %s", end.build_id, error)

    def renew(self, token: str) -> None:
        """Start the lease of this token's build again. If this process could not confirm the start, it does so now."""
        ids = [build_id for build_id, started in self._driver.tokens.items() if started == token]

        def change(record: Record, at_ms: int) -> Record:
            claim = record.claim
            if ids and claim is not None and claim.token == token:
                record = builds.confirmed(record, claim, ids[0], self.terms, at_ms)
            return builds.renewed(record, token, self.terms, at_ms)

        self._edit(change, self.terms.but(knows_policy=False))

    def hold(self, *, why: str, duration: Duration | None = None, by: str | None = None) -> None:
        """Start nothing new, except by force, until ``resume`` or for ``duration``. Triggers are kept meanwhile.

        Raises:
            ConfigError: ``duration`` is no duration above zero, or ``why`` or ``by`` no line of at most 200 characters.
            StoreError: the hold may or may not be written. The same hold again does no harm.
        """
        length_ms = optional_duration(duration, field="duration")
        if not why:
            raise ConfigError(field="why", got=why, want="a reason, for people who ask why nothing builds")
        check_note("why", why, MAX_REASON)
        check_note("by", by, MAX_REASON)

        def change(record: Record, at_ms: int) -> Record:
            until_ms = None if length_ms is None else at_ms + length_ms
            return people.held(record, Hold(since_ms=at_ms, why=why, by=by, until_ms=until_ms))

        self._edit(change)

    def resume(self, *, by: str | None = None, why: str | None = None) -> None:
        """End a hold. The triggers that came during the hold become one build.

        Raises:
            ConfigError: ``why`` or ``by`` is no line of at most 200 characters.
            StoreError: the end of the hold may or may not be written. To resume again does no harm.
        """
        self._edit(lambda record, at_ms: people.resumed(record, _act("resume", at_ms, by, why)))

    def reset(
        self, *, drop_pending: bool = False, drop_claim: bool = False, by: str | None = None, why: str | None = None
    ) -> None:
        """End the cooldown, the limit and the back-off.

        Args:
            drop_pending: also drop what is pending. It is never built.
            drop_claim: give up a start that cannot be finished (the right to look for its build is missing, say). If
                its build exists after all, no record shows it.
            by, why: who resets the gate, and why: lines of at most 200 characters.

        Raises:
            ConfigError: an argument is not what it should be.
            StoreError: the reset may or may not be written. To reset again does no harm, unless a build has started
                since.
        """
        check_flag("drop_pending", drop_pending)
        check_flag("drop_claim", drop_claim)

        def change(record: Record, at_ms: int) -> Record:
            act = _act("reset", at_ms, by, why)
            return people.reset(record, act, drop_pending=drop_pending, drop_claim=drop_claim)

        self._edit(change)

    def status(self) -> Status:
        """What the gate is doing, on a fresh read.

        Raises:
            StoreError: the gate could not be read.
        """
        record = self._driver.known(self.store.get(self.key))
        from holdoff.observe.status import status_of  # a command that runs behind us would wait for it

        return status_of(self.key, record, self.terms, self._driver.now_ms())

    @property
    def wake_ms(self) -> int | None:
        """When a wake would start or finish something, by this gate's last snapshot. ``None``: never."""
        record = self._snapshot.record
        return None if record is None else wake_ms(record, self.terms)

    @property
    def is_claimed(self) -> bool:
        """Whether a start was in progress, by this gate's last snapshot."""
        return (record := self._snapshot.record) is not None and record.claim is not None

    @property
    def awaited(self) -> list[str]:
        """The builds that are children of this process, and that no call of ``wait`` has seen end."""
        return [build_id for build_id in list(self._driver.tokens) if build_id not in self._unreported]

    def wait(self, build_id: str | None) -> int | None:
        """Wait for a build that is a child of this process, renew its lease, and report its end.

        Returns:
            The exit status. ``None``: the starter starts builds elsewhere, another thread has waited for this build,
            or the decision has no build.

        Raises:
            ConfigError: ``build_id`` is no text.
        """
        check_note("build_id", build_id, MAX_BUILD_ID)
        if build_id is None or (token := self._driver.tokens.get(build_id)) is None:
            return None

        def beat() -> None:
            try:
                self.renew(token)
            except Exception as error:  # noqa: BLE001  (the next beat tries again; without any the lease would expire)
                warn("could not renew the lease of %s: %s", build_id, error)

        code: int | None = None
        try:
            starter: Any = self.starter
            code = starter.wait(build_id, beat, self.terms.build_lease_ms // 3)
            if code is not None:
                detail = f"exit status {code}" if code else None
                self._unreported[build_id] = _end_of(build_id, succeeded=code == 0, detail=detail, exit_status=code)
                self.report_ends()
        except StoreError as error:  # the caller still gets the status
            warn("could not record the end of %s: %s", build_id, error)
        finally:
            if build_id not in self._unreported:
                self._driver.tokens.pop(build_id, None)
        return code

    def report_ends(self) -> None:
        """Report the ends of its commands that the store has not taken. Raises ``StoreError`` if that fails again."""
        for build_id, end in list(self._unreported.items()):
            self._report(end)
            self._unreported.pop(build_id, None)
            self._driver.tokens.pop(build_id, None)

    def close(self) -> None:
        """Close the store's connections."""
        self.store.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decide(self, asks: protocol.Asks, watch: Watch | None) -> Decision:
        self.report_ends()
        decided = self._drive(asks, watch)
        self._snapshot, self._pid = decided.snapshot, os.getpid()
        return decided.decision

    def _edit(self, change: Callable[[Record, int], Record], terms: Terms | None = None) -> None:
        self._snapshot = self._drive(protocol.edit(change, terms or self.terms))

    def _drive(self, asks: Generator[Effect, Any, _T], watch: Watch | None = None) -> _T:
        """Perform what the protocol asks for. An error makes the gate forget its snapshot."""
        try:
            return self._driver.drive(asks, watch)
        except BaseException:
            self._snapshot = Snapshot()
            raise

    def _must_have_starter(self) -> None:
        if self.starter is None:
            want = "a starter, such as holdoff.starters.Command(['make', 'docs'])"
            raise ConfigError(field="starter", got=None, want=want)


def _end_of(build_id: str, *, succeeded: bool, detail: str | None, exit_status: int | None) -> End:
    """The end as a record has it. Raises ``ConfigError`` if it is none."""
    check_flag("succeeded", succeeded)
    if exit_status is not None and not is_whole(exit_status, -MAX_EXIT_STATUS, MAX_EXIT_STATUS):
        raise ConfigError(field="exit_status", got=exit_status, want="a whole number, such as a process ends with")
    return End(
        build_id=storable(build_id, MAX_BUILD_ID),
        succeeded=succeeded,
        detail=None if detail is None else storable(detail, MAX_REASON),
        exit_status=exit_status,
    )


def _act(what: str, at_ms: int, by: str | None, why: str | None) -> Act:
    check_note("by", by, MAX_REASON)
    check_note("why", why, MAX_REASON)
    return Act(what=what, at_ms=at_ms, by=by, why=why)
