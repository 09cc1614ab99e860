"""What really happened in one history: triggers and their answers, builds and their instants."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, TypeVar

from holdoff.core.record import Record

if TYPE_CHECKING:
    from holdoff.core.decision import Decision
    from holdoff.core.record import Finished
    from holdoff.core.request import Request
    from holdoff.core.terms import Terms
    from tests.model.scenario import Scenario

T = TypeVar("T")


def copied(one: T) -> T:
    """What ``copy.copy`` gives of a plain object, in a quarter of its time: a search copies a million."""
    new = object.__new__(type(one))
    new.__dict__.update(one.__dict__)
    return new


@dataclass(kw_only=True)
class Asked:
    """One trigger, and what it was answered.

    Attributes:
        called, decided: when, in the order of all that happened.
        lost: the process died, or the store's error was raised: no answer.
        met: the record that its last write was made to. And if the answer of that was lost, the record in which it was
            recognised: the decision may rest on that one.
    """

    token: str
    actor: str
    called: int
    called_ms: int
    request: Request
    waits: bool = False
    decided: int | None = None
    decision: Decision | None = None
    lost: bool = False
    met: tuple[Record, ...] = ()

    @property
    def version(self) -> str | None:
        """What it asked for."""
        return self.request.source_version


@dataclass(kw_only=True)
class Build:
    """One build that really started.

    Attributes:
        claimed: when the process that started it claimed the gate, or took the start over.
    """

    token: str
    id: str
    claimed: int
    request: Request
    started: int
    started_ms: int
    ended: int | None = None
    ended_ms: int | None = None
    succeeded: bool = True
    cancelled: bool = False
    reported: bool = False


@dataclass(kw_only=True)
class History:
    """The log of one history. Numbers are positions in the order of all that happened.

    Attributes:
        resets, drops: a person's; drops of what was pending.
        refusals, given_back: of tokens, with their instants.
        backed_off: which of those given back wait for a back-off: by a refusal, not to wait out a cooldown.
        unrecognised: whether a write that was in, and got no answer, could not be told from another's when it was sent
            again: too many had followed.
        rolled_back: (actor, token) given back by another than its holder.
        claimed, held, holder: when each token claimed the gate, when it was last taken over, and by whom.
        on_hold: tokens that claimed the gate while it was on hold.
        wrong_again: skips that would be answered again otherwise than they would be decided.
        faults: what went wrong besides refusals.
        snippets: writes of the old snippet, with the true instant of the second that it wrote.
        steps: how often clocks were set.
        end, kept: the record and the builds of its history at the end.
        restless: wakes made no progress.
        moved_ms: until when each lastbuild stood that has been moved since.
        overslept: writes that left a later due than what is pending asks for.
        early: claims of wakes that came before their turn, and by how much.
        held_up: wakes that kept a forced trigger waiting for what force overrides.
    """

    scenario: Scenario
    terms: Terms
    order: int = 0
    asked: list[Asked] = field(default_factory=list)
    wakes: set[str] = field(default_factory=set)
    builds: list[Build] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    refusals: list[tuple[int, int, str]] = field(default_factory=list)
    wrong_again: list[tuple[int, int, str]] = field(default_factory=list)
    given_back: list[tuple[int, int, str]] = field(default_factory=list)
    backed_off: set[int] = field(default_factory=set)
    unrecognised: bool = False
    rolled_back: list[tuple[str, str]] = field(default_factory=list)
    claimed: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)
    holds: int = 0
    on_hold: set[str] = field(default_factory=set)
    faults: int = 0
    snippets: list[tuple[int, int]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    steps: int = 0
    end: Record = field(default_factory=Record)
    kept: tuple[Finished, ...] = ()
    drained_ms: int = 0
    restless: bool = False
    moved_ms: dict[int | None, int] = field(default_factory=dict)
    overslept: list[str] = field(default_factory=list)
    early: dict[str, int] = field(default_factory=dict)
    held_up: list[str] = field(default_factory=list)

    def copy(self) -> tuple[History, dict[int, Asked | Build]]:
        """Another that says the same; and, by the ids of triggers and builds, what stands there for them."""
        new, mine = copied(self), self.__dict__
        new.__dict__.update({name: mine[name].copy() for name in _GROWING})
        new.asked, new.builds = [copied(asked) for asked in self.asked], [copied(build) for build in self.builds]
        same: dict[int, Asked | Build] = dict(zip(map(id, self.asked), new.asked, strict=True))
        return new, same | dict(zip(map(id, self.builds), new.builds, strict=True))

    def next(self) -> int:
        """The next position in the order."""
        self.order += 1
        return self.order

    def forced(self, token: str) -> bool:
        """Whether this token's build need not wait: each forced trigger that came before its claim lets one through."""
        let_through = list(dict.fromkeys(build.token for build in self.builds if build.request.forced))
        claimed = self.claimed.get(token, 0)
        came = sum(asked.request.forced and asked.called < claimed for asked in self.asked)
        return token in let_through[:came]

    def key(self) -> int:
        """Hashes what the checks look at. Positions count only relative to one another where it matters."""
        marks = sorted(
            [build.started for build in self.builds]
            + [build.ended for build in self.builds if build.ended]
            + self.resets
            + self.drops
            + [asked.called for asked in self.asked]
            + [asked.decided for asked in self.asked if asked.decided and asked.version]
        )
        rank = {mark: n for n, mark in enumerate(marks)}
        return hash(
            (
                tuple(
                    (b.token, b.id, b.started_ms, rank[b.started], b.ended_ms, b.cancelled, b.reported)
                    for b in self.builds
                ),
                frozenset(
                    (
                        a.token,
                        rank[a.called],
                        rank.get(a.decided or 0),
                        a.decision and (a.decision.outcome, a.decision.why),
                        a.lost,
                        tuple((m.claim is None, m.running is None, m.hold is None, m.lastbuild) for m in a.met),
                    )
                    for a in self.asked
                ),
                tuple(rank[at] for at in self.resets),
                tuple(b.token for b in self.builds if b.request.forced),
                len(self.drops),
                tuple(token for _, _, token in self.refusals),
                len(self.crashes),
                len(self.rolled_back),
                len(self.snippets),
                frozenset(self.on_hold),
                (self.holds, self.faults, self.unrecognised, len(self.overslept), len(self.held_up), *self.early),
                tuple(self.moved_ms.items()) if self.terms.policy.on_cooldown == "skip" else (),
            )
        )


_GROWING = [one.name for one in fields(History) if one.default_factory in (list, dict, set)]
