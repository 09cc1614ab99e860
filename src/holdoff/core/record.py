"""The state of one gate: immutable values, no rules.

A ``Record`` is what a store keeps for one gate. The other modules here have the rules that change it, and
``stores.codec`` has its stored form. Lists in a record are registers: newest first and of a fixed length, so that the
oldest entry falls out.
"""

from __future__ import annotations

from decimal import Decimal

from holdoff.core.request import Request
from holdoff.core.units import ms_from_seconds
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Final

#: The format of a record. A record of a newer one is refused before anything is written.
FORMAT: Final = 2
#: Lengths of the registers.
KEPT_WRITES: Final = 16
KEPT_EVENTS: Final = 16
KEPT_WAITERS: Final = 16
KEPT_NOTES: Final = 3
KEPT_LINES: Final = 8
KEPT_ACTS: Final = 3
KEPT_EARLY: Final = 16
#: How much of a reason a note keeps, and of a refusal what is pending.
MAX_NOTE: Final = 80
MAX_REFUSAL: Final = 450
#: The largest exit status.
MAX_EXIT_STATUS: Final = 10**15
#: How long a build stays in a store's history: 90 days.
KEPT_HISTORY_MS: Final = 90 * 86_400_000
#: How a command ended whose lease is over: its parent has died, or was out of reach and may still report the end.
GONE: Final = "the process that looked after it is gone"


class Note(Value):
    """What a record remembers of one trigger once others have joined it.

    Its line, instant and parent tell whether a build of a newer version contains this one.
    """

    reason: str | None = None  #: the beginning of its reason
    version: str | None = None
    event: str | None = None  #: the digest of its event id
    line: str | None = None  #: the digest of its line
    at_ms: int | None = None  #: its instant on that line
    parent: str | None = None  #: the digest of its parent
    variables: str | None = None  #: the digest of its environment and secondary versions; ``None``: it has none


class Pending(Value):
    """The deferred triggers of a gate, folded into one; also what a build covers."""

    request: Request  #: the newest trigger's: what will be built. It is forced if one of the triggers was
    count: int  #: how many triggers
    first_ms: int  #: when the first came
    last_ms: int  #: when the last came
    failures: int = 0  #: how many starts in a row were refused, or builds failed; sets the back-off
    retry_ms: int = 0  #: when the back-off ends; 0: there is none
    refusal: str | None = None  #: the beginning of why the last start was refused; ``None``: it was not
    notes: tuple[Note, ...] = ()  #: of the newest triggers, in the order they came, the newest first
    #: The callers that wait for it (``holdoff run --wait``), by the ends of their tokens, newest first.
    waiters: tuple[str, ...] = ()


class Claim(Value):
    """A start in progress."""

    token: str  #: the start's idempotency key; the same through every take-over
    attempt: int = 1  #: 1 for the first claimant, one more for each take-over. Only its holder gives a slot back
    claimed_ms: int  #: when the first claimant made it
    held_ms: int  #: when its holder claimed it or took it over; ``lastbuild`` was set to this
    lease_until_ms: int  #: from this instant on its holder must not start, and another process may take it over
    covers: Pending  #: the triggers this build answers, with the request exactly as it is sent
    before: Decimal | None = None  #: ``lastbuild`` before the claim, exact: restored if the start certainly fails
    #: Until when the service may still read a request of an earlier attempt; 0: there was none. A refusal proves that
    #: no build exists only if the starter was searched after that instant.
    in_flight_until_ms: int = 0
    refused: bool = False  #: the holder's own request was refused, or never sent: it is not in flight
    #: Ends of unknown builds, reported while this start was under way, the newest first: one may be this start's.
    early: tuple[End, ...] = ()

    @property
    def request(self) -> Request:
        """The request, frozen as it is sent."""
        return self.covers.request


class Running(Value):
    """The newest build, from its start until its end is reported."""

    build_id: str
    token: str
    started_ms: int
    lease_until_ms: int  #: from this instant on it counts as ended
    covers: Pending  #: the triggers it answers
    claimed_ms: int  #: when it was claimed
    before: Decimal | None = None  #: ``lastbuild`` before it, for ``on_failure="rearm"``
    polled_ms: int | None = None  #: when its starter was last asked how it is
    cancel_failed: bool = False  #: cancelling it (``overlap="cancel"``) has failed


class End(Value):
    """How a build ended, as it was reported."""

    build_id: str
    succeeded: bool | None = None  #: ``None``: not known (never reported, cancelled, or its lease ran out)
    detail: str | None = None  #: the starter's or the reporter's words
    exit_status: int | None = None  #: of a command that ran here


class Finished(Value):
    """A build that ended, or counts as ended: the last one in the record, and each one in the history."""

    build_id: str
    token: str
    started_ms: int
    claimed_ms: int  #: as in ``Running``
    ended_ms: int | None = None  #: when; ``None`` (in the history only): not reported
    succeeded: bool | None = None  #: this, ``detail`` and ``exit_status``: as in ``End``
    source_version: str | None = None
    detail: str | None = None
    exit_status: int | None = None
    covers: Pending | None = None  #: in the history only: the triggers it answered

    @property
    def is_reported(self) -> bool:
        """Whether its end is more than a guess."""
        return self.detail != GONE and (self.succeeded is not None or self.detail is not None)

    def with_end(self, end: End) -> Finished:
        """The same build, with its end as it was reported."""
        return self.but(succeeded=end.succeeded, detail=end.detail, exit_status=end.exit_status)


class Hold(Value):
    """A person's "not now"."""

    since_ms: int
    why: str
    by: str | None = None
    until_ms: int | None = None  #: when it ends by itself; ``None``: when a person resumes


class Act(Value):
    """What a person did to the gate: ``hold``, ``resume`` or ``reset``."""

    what: str
    at_ms: int
    by: str | None = None
    why: str | None = None


class Line(Value):
    """The newest version of one line that was started here. Texts are digests, to keep the record small."""

    line: str
    source_version: str | None = None
    at_ms: int | None = None
    parent: str | None = None


class Record(Value):
    """The state of one gate. ``Record()`` is a gate that never built: no item, or an item with nothing but its keys."""

    #: The last start, in epoch seconds exactly as stored. The old snippet reads and writes it, too; it knows none of
    #: the other attributes.
    lastbuild: Decimal | None = None
    writes: tuple[str, ...] = ()  #: ids of the last writes, newest first. A swap is conditional on the first one
    #: The id of the last *swap*. A fold is conditional on this one, so folds do not conflict with one another.
    moved: str | None = None
    claim: Claim | None = None
    pending: Pending | None = None
    running: Running | None = None
    finished: Finished | None = None
    hold: Hold | None = None
    starts: tuple[int, ...] = ()  #: instants of the starts that a limit may count, newest first
    #: What the last start builds: a version, and its variables (``content_of``); ``None``: not known, or the old
    #: snippet has built since it was claimed.
    built: str | None = None
    events: tuple[str, ...] = ()  #: digests of the last event ids, newest first
    lines: tuple[Line, ...] = ()  #: the newest version of each line that was started, newest start first
    acts: tuple[Act, ...] = ()  #: what people last did to the gate, newest first
    due_ms: int | None = None  #: when this gate is to be woken; ``None``: it need not be
    expires_ms: int | None = None  #: when the record of an idle keyed gate may be deleted; ``None``: never
    #: Attributes that other programs or later versions wrote; they survive every write.
    others: tuple[tuple[str, Any], ...] = ()

    __slots__ = ("_ms",)
    _ms: ClassVar[int | None]  # each record's own, beside its fields: ``lastbuild`` in milliseconds

    @property
    def lastbuild_ms(self) -> int | None:
        """The last start in epoch milliseconds, rounded up."""
        try:
            return self._ms
        except AttributeError:
            object.__setattr__(self, "_ms", None if self.lastbuild is None else ms_from_seconds(self.lastbuild))
            return self.lastbuild_ms

    def swapped(self, write_id: str) -> Record:
        """This record as written by the swap ``write_id``."""
        return self.but(writes=shifted(write_id, self.writes, KEPT_WRITES), moved=write_id)

    def with_trigger(self, pending: Pending, event: str | None) -> Record:
        """This record with one more trigger in what is pending, and with its event."""
        return self.but(pending=pending, events=shifted(event, self.events, KEPT_EVENTS))

    def is_version(self, other: Record) -> bool:
        """Whether this is the very record ``other``: by the last write's id *and* ``lastbuild``, the one attribute that
        the old snippet writes."""
        return self.writes[:1] == other.writes[:1] and self.lastbuild == other.lastbuild


def shifted(newest: Any, register: tuple[Any, ...], kept: int) -> tuple[Any, ...]:
    """A register with one more entry; ``None`` is none."""
    return register if newest is None else (newest, *register)[:kept]


def digest(text: str | None) -> str | None:
    """What a record remembers of a long text: 48 bits of BLAKE2b in 8 characters."""
    if text is None:
        return None
    from base64 import urlsafe_b64encode
    from hashlib import blake2b

    return urlsafe_b64encode(blake2b(text.encode(errors="surrogatepass"), digest_size=6).digest()).decode()
