"""The state of one gate: immutable values, no rules.

The rules that move them are in ``machine``; how they stand in a store is the store's affair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError
from holdoff.core.units import ms_from_seconds, seconds_from_ms

if TYPE_CHECKING:
    from decimal import Decimal

#: DynamoDB's limits on key values, in bytes of UTF-8: partition key, sort key.
MAX_PROJECT_BYTES: Final = 2048
MAX_REGION_BYTES: Final = 1024
#: How many of its own last writes a record remembers, so that a write whose response was lost is recognised even
#: when others have written since.
KEPT_WRITES: Final = 6
#: How many acts of people a record remembers.
KEPT_ACTS: Final = 3
#: How many event ids a record remembers.
KEPT_EVENTS: Final = 16
#: How many triggers of a pending may be withdrawn.
KEPT_REVOCABLE: Final = 16
MAX_REASON: Final = 200
MAX_VERSION: Final = 200
MAX_EVENT_ID: Final = 1024
MAX_ENVIRONMENT_BYTES: Final = 16_384
#: Control characters, and halves of surrogate pairs.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, order=True)
class GateKey:
    """Which gate: a project in a region. One record, one item, one row.

    Raises:
        ConfigError: empty, over DynamoDB's key limits, or with characters that no key should have.
    """

    project: str
    region: str

    def __post_init__(self) -> None:
        _check_name("project", self.project, MAX_PROJECT_BYTES)
        _check_name("region", self.region, MAX_REGION_BYTES)
        if "#" in self.region or "/" in self.region:  # they part history keys and decision ids
            raise ConfigError(field="region", got=self.region, want="a name without '#' or '/'")

    def __str__(self) -> str:
        return f"{self.project} ({self.region})"


def _check_name(what: str, name: object, max_bytes: int) -> None:
    if isinstance(name, str) and 0 < 4 * len(name) <= max_bytes and not _UNFIT.search(name):
        return
    want = f"a name of 1 to {max_bytes:,} bytes"
    if not isinstance(name, str) or not name:
        raise ConfigError(field=what, got=name, want=want)
    check_text(what, name, want)
    if len(name.encode()) > max_bytes:
        raise ConfigError(field=what, got=name, want=f"{want}; this one has {len(name.encode()):,}")


def check_text(what: str, text: str, want: str) -> None:
    """Refuse what no store, header or terminal should be handed."""
    if _UNFIT.search(text):
        raise ConfigError(field=what, got=text, want=f"{want}, without control characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a starter is asked to build.

    Attributes:
        project, region: the gate.
        reason: why, in a person's words.
        source_version: the commit, tag or version to build; ``None``: whatever is newest.
        event_id: the id of the event behind it, for recognising a redelivery.
        environment: variables for the build, as pairs, by name.
        by: who asked.
        forced: whether it was forced.
        parameters: what the starter froze for itself when the claim was made (JSON text), so that a take-over sends
            the very same request. Opaque to all but the starter.
    """

    project: str
    region: str
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    by: str | None = None
    forced: bool = False
    parameters: str = ""

    def __post_init__(self) -> None:
        for name, limit in (
            ("reason", MAX_REASON),
            ("source_version", MAX_VERSION),
            ("event_id", MAX_EVENT_ID),
            ("by", MAX_REASON),
        ):
            check_note(name, getattr(self, name), limit)
        for variable, value in self.environment:
            _check_variable(variable, value)
        if len(dict(self.environment)) < len(self.environment):
            raise ConfigError(field="environment", got=self.environment, want="each name once")
        object.__setattr__(
            self, "environment", tuple(sorted(self.environment))
        )  # maps keep no order
        size = sum(len(n.encode()) + len(v.encode()) for n, v in self.environment)
        if size > MAX_ENVIRONMENT_BYTES:
            raise ConfigError(
                field="environment",
                got=f"{size:,} bytes",
                want=f"at most {MAX_ENVIRONMENT_BYTES:,} bytes of names and values",
            )


def check_note(name: str, text: object, limit: int) -> None:
    """Refuse what is no short text; ``None`` is none."""
    want = f"text of 1 to {limit} characters"
    if text is None:
        return
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        raise ConfigError(field=name, got=text, want=want)
    check_text(name, text, want)


def _check_variable(name: object, value: object) -> None:
    want = "pairs of names (letters, digits, '_') and text values"
    if not isinstance(name, str) or not isinstance(value, str):
        raise ConfigError(field="environment", got=(name, value), want=want)
    if not name.isidentifier() or not name.isascii() or "\0" in value:
        raise ConfigError(field=f"environment.{name}", got=value, want=want)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The deferred triggers of a gate, folded into one. Latest wins.

    Attributes:
        request: the newest trigger's.
        count: how many triggers.
        first_ms, last_ms: when the first and the last came.
        due_ms: the instant before which nobody takes it. Never moves earlier while this pending stands: whoever has
            seen it may answer from memory until then.
        failures: starts refused for it so far; sets the back-off.
        reasons, versions, events: the newest few reasons, source versions and event digests, newest first; only what
            the newest request does not say already.
        revocable: names of those of its triggers that may still be withdrawn by whoever made them, newest first: while
            there are any, nobody else may rely on it from memory. Of more than are kept, the oldest stay for good.
    """

    request: Request
    count: int
    first_ms: int
    last_ms: int
    due_ms: int
    failures: int = 0
    reasons: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    revocable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A start in progress.

    Attributes:
        token: the start's idempotency key; the same through every take-over.
        attempt: 1 for the claimant, one more for each take-over. Only its holder gives a slot back.
        claimed_ms: when the first claimant made it.
        held_ms: when its present holder took it; ``lastbuild`` was set to this.
        lease_until_ms: from this instant on anybody may take it over, and its holder must not start any more.
        covers: the triggers this build answers, with the request exactly as it is sent.
        before: ``lastbuild`` as it stood before, exact; what it is put back to if the start certainly fails.
        sent_until_ms: until when a request of an earlier attempt may still be read by the service; 0: there was none.
            Unless somebody looked after that, a refusal says nothing of the build.
        refused: the present holder's own request was refused: nothing of it is under way.
        counted: whether one of the triggers covered still waits to be counted (it made the claim).
    """

    token: str
    attempt: int = 1
    claimed_ms: int
    held_ms: int
    lease_until_ms: int
    covers: Pending
    before: Decimal | None = None
    sent_until_ms: int = 0
    refused: bool = False
    counted: bool = False

    @property
    def request(self) -> Request:
        """The request, frozen as it is sent."""
        return self.covers.request


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The newest build, from its start until somebody says how it ended.

    Attributes:
        lease_until_ms: from this instant on it counts as ended, whatever became of it.
        covers: the triggers it answers.
        claimed_ms: when it was claimed: what was triggered before is covered, what came later is not.
        before: ``lastbuild`` before it, for ``on_failure="rearm"``.
        polled_ms: when its starter was last asked how it is.
        cancel_failed: it was to be cancelled (``overlap="cancel"``) and could not be.
    """

    build_id: str
    token: str
    started_ms: int
    lease_until_ms: int
    covers: Pending
    claimed_ms: int
    before: Decimal | None = None
    polled_ms: int | None = None
    cancel_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A build that ended, or counts as ended: the last one in the record, and each one in the history.

    Attributes:
        ended_ms: when; ``None`` (in the history only): nobody ever said.
        succeeded: ``None``: not known (never reported, cancelled, or its lease ran out).
        covers: in the history only: the triggers it answered.
        claimed_ms: as in ``Running``.
        covered_ms: when the last of the triggers it answered came.
    """

    build_id: str
    token: str
    started_ms: int
    claimed_ms: int
    covered_ms: int
    ended_ms: int | None = None
    succeeded: bool | None = None
    source_version: str | None = None
    detail: str | None = None
    covers: Pending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A person's "not now".

    Attributes:
        until_ms: when it ends by itself; ``None``: when somebody resumes.
    """

    since_ms: int
    why: str
    by: str | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person did to the gate: ``hold``, ``resume`` or ``reset``."""

    what: str
    at_ms: int
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many triggers got which answer."""

    started: int = 0
    deferred: int = 0
    skipped: int = 0
    failed: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            started=self.started + other.started,
            deferred=self.deferred + other.deferred,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
        )

    @property
    def total(self) -> int:
        """All triggers counted."""
        return self.started + self.deferred + self.skipped + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The state of one gate. ``Record()`` is a gate that never built: no item, or an item with nothing but its keys.

    Attributes:
        lastbuild: the last start, epoch seconds exactly as they stand in the store. The old snippet reads and writes
            this one too; everything below is ours alone.
        writes: ids of our last writes, newest first. The first is the version that a write is conditional on.
        starts: instants of the starts a limit still counts, newest first.
        built: the source version of the last build that succeeded.
        events: digests of the event ids that changed the record, newest first.
        acts: what people last did to the gate, newest first.
        due_ms: when somebody should look at this gate again; ``None``: nobody needs to.
    """

    lastbuild: Decimal | None = None
    writes: tuple[str, ...] = ()
    claim: Claim | None = None
    pending: Pending | None = None
    running: Running | None = None
    finished: Finished | None = None
    hold: Hold | None = None
    starts: tuple[int, ...] = ()
    built: str | None = None
    events: tuple[str, ...] = ()
    counts: Counts = field(default_factory=Counts)
    acts: tuple[Act, ...] = ()
    due_ms: int | None = None

    @property
    def lastbuild_ms(self) -> int | None:
        """The last start in epoch milliseconds, rounded up."""
        return None if self.lastbuild is None else ms_from_seconds(self.lastbuild)

    def after(self, act: Act) -> Record:
        """This record with one more act of a person."""
        return replace(self, acts=(act, *self.acts)[:KEPT_ACTS])

    def written(self, write_id: str) -> Record:
        """This record as the write ``write_id`` leaves it."""
        return replace(self, writes=(write_id, *self.writes)[:KEPT_WRITES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A claim made without having read the gate: it succeeds only where the gate is surely ready.

    Surely ready: no claim, no pending, no hold, ``lastbuild`` absent or at most ``ready_if_ms``, ``event`` not among
    the events, and ``write_id`` not among the writes: sent again because its answer was lost, it is not done again,
    whatever others have made of it meanwhile. The store evaluates this and writes, as one atomic step.

    Attributes:
        ready_if_ms: the latest ``lastbuild`` that is long enough ago; ``None``: any (a forced start).
        event: the digest of the trigger's event id.
        claim: as it will stand, but for ``before``, which the store fills in.
    """

    write_id: str
    claim: Claim
    ready_if_ms: int | None
    event: str | None = None

    def apply(self, record: Record) -> Record | None:
        """The record after the claim; ``None`` where the gate is not surely ready."""
        if record.claim or record.pending or record.hold or (self.event in record.events):
            return None
        if self.write_id in record.writes:
            return None
        last_ms = record.lastbuild_ms
        if last_ms is not None and self.ready_if_ms is not None and last_ms > self.ready_if_ms:
            return None
        return replace(
            record,
            lastbuild=seconds_from_ms(self.claim.held_ms),
            claim=replace(self.claim, before=record.lastbuild),
            writes=(self.write_id, *record.writes),  # one more than are kept, until the next write
            due_ms=self.claim.lease_until_ms,
        )
