"""What one history starts from: policy, actors, starter, clocks, the first record, and bounds for the search.

Plain values throughout, so that a failing history prints and replays as text.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from holdoff.core.pending import single
from holdoff.core.policy import Policy
from holdoff.core.record import Hold, Record
from holdoff.core.request import GateKey, Request
from holdoff.core.terms import Terms
from holdoff.core.units import seconds_from_ms

if TYPE_CHECKING:
    from collections.abc import Callable


class OnlyKey(GateKey, kw_only=False):
    """The key of the one gate that there is. A history looks it up a hundred times, so its hash is a constant."""

    def __hash__(self) -> int:
        return 1


KEY: Final = OnlyKey("site", "local")
#: The instant every history starts at.
T0_MS: Final = 1_800_000_000_250
MINUTE_MS: Final = 60_000


class Move(NamedTuple):
    """One choice of the scheduler.

    ``who`` an actor: ``go`` (its effect happens and is answered), ``drop`` (it happens, the answer is lost, it will
    be sent again), ``fail`` (it does not happen, and the actor is told that it is not known), ``die`` (the process ends
    with the effect not sent; after a ``drop``: sent), ``late`` (a write times out, and may still arrive), ``refuse``
    (a start, certainly not), ``fly`` (a start times out and is still on its way), ``call`` (the actor, being idle,
    begins ``arg``). ``who`` empty: ``clock`` (``arg`` milliseconds pass), ``step`` (the clocks are set) and ``land``
    (a start, or a write that was ``late``, arrives).
    """

    who: str
    what: str
    arg: str | int = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in self if part != "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """See the module.

    Attributes:
        policy: ``Policy``'s arguments.
        scripts: for the exhaustive search: what each actor does, call by call.
        skews_ms: how far each actor's clock is ahead. Any two differ by at most ``margin_ms``.
        max_pause_ms: the longest pause between the check of the lease and the service's reading of the start request
            that the protocol claims to survive.
        start: the record there is at first, by name.
        finds, polls: whether the starter can be asked for the build of a token, and how a build is.
        fine: every look at the clock is a point at which others may move, not only what the world can see.
        depth, faults, clocks: the bounds of the exhaustive search: moves, of these at most so many faults and clock
            moves.
    """

    name: str = "random"
    policy: dict[str, Any] = field(default_factory=lambda: {"cooldown": "10m"})
    scripts: tuple[tuple[str, ...], ...] = ()
    actors: str = "AB"
    skews_ms: tuple[int, ...] = ()
    margin_ms: int = 0
    claim_lease_ms: int = MINUTE_MS
    build_lease_ms: int = 30 * MINUTE_MS
    token_memory_ms: int = 5 * MINUTE_MS
    max_pause_ms: int = 50_000
    max_staleness_ms: int = 1_000
    start: str = "nothing"
    finds: bool = True
    polls: bool = False
    fine: bool = False
    depth: int = 12
    faults: int = 1
    clocks: int = 2

    def __post_init__(self) -> None:
        """A script that no actor plays would be a scenario that checks less than it says."""
        assert len(self.scripts) <= len(self.actors), self

    def terms(self) -> Terms:
        """What the rules go by in this scenario."""
        return Terms(
            policy=_policy(tuple(self.policy.items())),
            claim_lease_ms=self.claim_lease_ms,
            build_lease_ms=self.build_lease_ms,
            max_staleness_ms=self.max_staleness_ms,
            clock_margin_ms=self.margin_ms,
            polls=self.polls,
            finds=self.finds,
            token_memory_ms=self.token_memory_ms - self.claim_lease_ms,
        )

    def skew_ms(self, actor: int) -> int:
        """How far this actor's clock is ahead of the true one."""
        return self.skews_ms[actor] if actor < len(self.skews_ms) else 0

    def record(self) -> Record | None:
        """The record there is at first; ``None``: no item."""
        return STARTS[self.start]()

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it, the defaults left out."""
        plain, default = asdict(self), asdict(Scenario())
        return {name: value for name, value in plain.items() if value != default[name]}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Scenario:
        """Back from ``to_plain``."""
        scripts = tuple(tuple(script) for script in plain.get("scripts", ()))
        return cls(**plain | {"scripts": scripts, "skews_ms": tuple(plain.get("skews_ms", ()))})


@cache
def _policy(arguments: tuple[tuple[str, Any], ...]) -> Policy:
    return Policy(**dict(arguments))


def _cooling() -> Record:
    return Record(lastbuild=seconds_from_ms(T0_MS - 9 * MINUTE_MS), writes=("w0",))


def _with_pending() -> Record:
    pending = single(Request(project=KEY.project, region=KEY.region), T0_MS - MINUTE_MS)
    return _cooling().but(moved="w0", pending=pending, due_ms=T0_MS + MINUTE_MS)


def _held() -> Record:
    return Record(writes=("w0",), hold=Hold(since_ms=T0_MS, why="incident", until_ms=None))


STARTS: Final[dict[str, Callable[[], Record | None]]] = {
    "nothing": lambda: None,
    "keys only": Record,
    "lastbuild 0": lambda: Record(lastbuild=Decimal(0)),
    "long ago": lambda: Record(lastbuild=seconds_from_ms(T0_MS - 99 * MINUTE_MS)),
    "a fraction ago": lambda: Record(lastbuild=Decimal(T0_MS - 540_000) / 1000 + Decimal("1e-7")),
    "the snippet, now": lambda: Record(lastbuild=Decimal(T0_MS // 1000)),
    "cooling": _cooling,
    "pending": _with_pending,
    "held": _held,
}
