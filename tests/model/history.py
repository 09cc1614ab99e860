"""What really happened in one history: triggers and their answers, builds and their instants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdoff.core.record import Record

if TYPE_CHECKING:
    from holdoff.core.decision import Decision
    from holdoff.core.machine import Rules
    from holdoff.core.record import Request
    from tests.model.scenario import Scenario


@dataclass(slots=True, kw_only=True)
class Asked:
    """One trigger, and what it was answered.

    Attributes:
        called, decided: when, in the order of all that happened.
        lost: the process died, or the store's error was raised: no answer.
        from_memory: answered without asking the store.
        knew: whether the record knew its event when it was called, and until it was answered.
    """

    token: str
    actor: str
    called: int
    called_ms: int
    force: bool
    version: str | None
    event: str | None
    tally_before: int
    decided: int | None = None
    decision: Decision | None = None
    lost: bool = False
    from_memory: bool = False
    knew: bool = False


@dataclass(slots=True, kw_only=True)
class Build:
    """One build that really started."""

    token: str
    id: str
    request: Request
    started: int
    started_ms: int
    ended: int | None = None
    ended_ms: int | None = None
    succeeded: bool = True
    cancelled: bool = False


@dataclass(slots=True, kw_only=True)
class History:
    """The log of one history. Numbers are positions in the order of all that happened.

    Attributes:
        resets, drops: a person's; drops of what was pending.
        withdrawn: tokens of triggers taken back.
        refusals, given_back: of tokens, with their instants.
        unrecognised: whether a write that was in, and got no answer, could not be told from another's when it was sent
            again: too many had followed.
        rolled_back: (actor, token) given back by another than its holder.
        claimed, holder: when each token claimed the gate, and who took it last.
        on_hold: tokens that claimed the gate while it was on hold.
        faults: what went wrong besides refusals.
        snippets: writes of the old snippet.
        end, unwritten: the record at the end, and answers counted but not in it.
        restless: wakes made no progress.
    """

    scenario: Scenario
    rules: Rules
    order: int = 0
    asked: list[Asked] = field(default_factory=list)
    wakes: set[str] = field(default_factory=set)
    builds: list[Build] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    refusals: list[tuple[int, int, str]] = field(default_factory=list)
    given_back: list[tuple[int, int, str]] = field(default_factory=list)
    unrecognised: bool = False
    rolled_back: list[tuple[str, str]] = field(default_factory=list)
    claimed: dict[str, int] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)
    holds: int = 0
    on_hold: set[str] = field(default_factory=set)
    faults: int = 0
    snippets: list[tuple[int, int]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    lost_tallies: int = 0
    end: Record = field(default_factory=Record)
    unwritten: int = 0
    drained_ms: int = 0
    restless: bool = False

    def next(self) -> int:
        """The next position in the order."""
        self.order += 1
        return self.order

    def forced(self, token: str) -> bool:
        """Whether this token is a forced trigger's."""
        return any(asked.token == token and asked.force for asked in self.asked)

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
                    (b.token, b.id, b.started_ms, rank[b.started], b.ended_ms, b.cancelled)
                    for b in self.builds
                ),
                frozenset(
                    (
                        a.token,
                        rank[a.called],
                        rank.get(a.decided or 0),
                        a.decision and (a.decision.outcome, a.decision.why),
                        a.lost,
                        a.from_memory,
                        a.knew,
                    )
                    for a in self.asked
                ),
                tuple(rank[at] for at in self.resets),
                len(self.drops),
                tuple(self.withdrawn),
                tuple(token for _, _, token in self.refusals),
                len(self.crashes),
                len(self.rolled_back),
                len(self.snippets),
                frozenset(self.on_hold),
                (self.holds, self.faults, self.unrecognised),
            )
        )
