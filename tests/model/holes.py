"""Holes that the checker found in the protocol, each as the shortest history that showed it.

An *open* one breaks a guarantee on the code as it is: none may be. Mended, it moves to ``MENDED`` and stays as a test
that the hole is closed; a fault in ``faults`` takes its mend away, and shows that the history still does what its story
says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.model.scenario import Scenario
from tests.model.search import Failure, Moves, Report, parse_moves, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """One hole.

    Attributes:
        code: how its breach is called (``checks``).
        story: what happened, in a sentence, and what mends it.
    """

    code: str
    story: str
    moves: str
    scenario: dict[str, Any] = field(default_factory=dict)

    def breaches(self) -> list[str]:
        """What is wrong with this history on the code as it is."""
        return run(Scenario.from_plain(self.scenario), self._moves())

    def report(self, only: tuple[str, ...] = ("",)) -> Report:
        """The same as a search (for breaches that begin so) that looked at this history alone."""
        scenario, moves = Scenario.from_plain(self.scenario), self._moves()
        failures = [Failure(scenario, moves, problem, 1) for problem in self.breaches() if problem.startswith(only)]
        return Report(histories=1, failures=failures)

    def _moves(self) -> Moves:
        return parse_moves([line.strip() for line in self.moves.split(",")])


OPEN: Final[tuple[Hole, ...]] = ()

SEARCHED_EARLY: Final = Hole(
    code="G3 refused but built",
    story="B takes A's claim over, searches for its build, finds none, and is paused. A's request, sent in time, is "
    "read. A minute later B asks for the start and is refused: it took its search for good, though that was before the "
    "last instant at which A's request could be read. A search counts only from then on.",
    moves="A call trigger, A go, clock 31000, A go, clock 29000, B call trigger, B go, B go, B go, A go, clock 61000, "
    "B refuse, B go",
)
REFUSED_IN_FLIGHT: Final = Hole(
    code="G3 refused but built",
    story="A take-over is refused while the first claimant's start request, sent in time, is still on its way. The "
    "slot was given back as if no build existed, and both ran, seconds apart. A refusal is certain for the claim only "
    "where no earlier attempt may have started it.",
    moves="A call trigger, A go, clock 15000, A go, clock 45000, B call wake, B go, B go, B go, B refuse, B go, A go",
)
REFUSED_BLINDLY: Final = Hole(
    code="G3 refused but built",
    story="The starter cannot be asked for a token. The first claimant's build started, but it died before the "
    "confirm; the take-overs are refused (throttled), and the slot was given back though the build runs. What cannot "
    "be searched was not searched.",
    scenario={"finds": False},
    moves="A call trigger, A go, A go, A drop, A die, clock 60000, B call wake, B go, B go, B go, B refuse, B go, "
    "clock 60000, B call wake, B go, B go, B go, B refuse, B go",
)
ANOTHERS_ATTEMPT: Final = Hole(
    code="G3 rolled back",
    story="The response of a claim's write is lost, and it is sent again only after the lease, when another has taken "
    "the claim over. The first recognised its token and went on as if it held the other's attempt: its refusal gave "
    "the other's slot back. Go on only where token *and* attempt are one's own.",
    moves="A call trigger, A go, A drop, clock 60000, B call wake, B go, B go, B go, B refuse, B go, clock 60000, "
    "B call wake, B go, B go, A go, A go, A refuse, A go",
)
SLOW_SEARCH: Final = Hole(
    code="G3 refused but built",
    story="A take-over asks the starter for the build, which takes longer than its lease and fails; the token is "
    "remembered, so it started, without looking at the lease again. Others had taken the claim over meanwhile, and had "
    "given it back: one trigger, two builds. The lease is looked at after every call that can take time.",
    scenario={"token_memory_ms": 360_000},
    moves="A call trigger, A go, A go, A die, clock 60000, B call wake, B go, B go, clock 60000, A call wake, A go, "
    "A go, A go, A refuse, A go, clock 60000, A call wake, A go, A go, A go, A refuse, A go, B fail, B go",
)
SET_BACK_BY_2_S: Final = Hole(
    code="G3 double",
    story="A take-over cannot ask for the build, and starts by the token while that is remembered. Its clock was set "
    "back by 2 s meanwhile, and the request took 58.5 s: when it was read the token had been forgotten, and a second "
    "build started. A token is trusted only for so long that a clock set back by a lease does no harm.",
    scenario={"actors": "ABC", "fine": True},
    moves="A call trigger, A go, A go, A go, A go, A go, C call trigger, clock 60000, C go, clock 60000, A go, C go, "
    "clock 1500, A late, A call trigger, C go, A go, A go, A go, clock 60000, A call trigger, step 2000, A go, A go, "
    "clock 60000, A fail, A go, A go, clock 58500",
)
SLOW_CANCEL: Final = Hole(
    code="G3 refused but built",
    story="The same with a cancel (overlap=cancel) that takes longer than the lease.",
    scenario={"policy": {"cooldown": "2m", "overlap": "cancel"}},
    moves="A call trigger, A go, A go, A go, A go, clock 120000, A call trigger, A go, clock 60000, B call wake, B go, "
    "B go, B go, B go, B go, B refuse, B go, clock 60000, B call wake, B go, B go, B go, B refuse, B go, A go, A go, "
    "A go",
)
CANCELLED_FOR_NOTHING: Final = Hole(
    code="G2 cancelled",
    story="overlap=cancel stopped the running build before the newer one was claimed. A process that dies in between "
    "has stopped a build for nothing, and what it covered is not built. Claim first, then cancel, then start.",
    scenario={"policy": {"cooldown": "2m", "overlap": "cancel"}},
    moves="A call trigger, A go, A go, A go, A go, clock 120000, B call trigger, B go, B go, B die",
)
CREDITED_BY_CLOCK: Final = Hole(
    code="G2 lost",
    story="B's trigger came after A's claim, but B's clock is behind A's: by comparing the two it was credited to a "
    "build that had started before it, and was never built. What a claim covers is decided by the store's order of "
    "writes.",
    scenario={"margin_ms": 2000, "skews_ms": [1000, -1000]},
    moves="A call trigger, A go, A go, A go, B call trigger, B go, B go, A go, A go, A go",
)
LEFT_BEHIND: Final = Hole(
    code="G2 order",
    story="A forced start built the newest version and left the older pending, which was built after it: the last "
    "build was not of the last change. A forced start takes along what is pending.",
    scenario={"start": "cooling"},
    moves="A call trigger version, A go, A go, clock 1000, B call trigger force version, B go, B go, B go, B go",
)
ARMED_BESIDE_A_CLAIM: Final = Hole(
    code="G2 order",
    story="on_failure=rearm: the failure of the older build is reported while the newer one is being started, and "
    "armed the older one again: it was built last. While a claim is out there is nothing to arm: it is newer.",
    scenario={"policy": {"cooldown": "10m", "on_failure": "rearm"}},
    moves="A call trigger version, A go, A go, A go, A go, clock 600000, A call trigger version, A go, "
    "B call finish failed, B go, B go, A go, A go",
)
REFUSED_WINS: Final = Hole(
    code="G2 stale",
    story="A start is refused; its triggers were joined to what had come meanwhile as if they were the newer, and the "
    "version that was asked for last was never built.",
    scenario={"start": "cooling"},
    moves="A call trigger version=x, A go, A go, clock 60000, A call wake, A go, A go, clock 1000, "
    "B call trigger version=y, B go, B go, A refuse, A go, A go",
)
LAST_WISH: Final = Hole(
    code="G2 stale",
    story="A asks for x, B for y, A for x again, which was taken for pending already: y was built, and x, the last "
    "wish, never. Of what no line orders the last to come wins.",
    scenario={"start": "cooling"},
    moves="A call trigger version=x, A go, A go, clock 1000, B call trigger version=y, B go, B go, clock 1000, "
    "A call trigger version=x, A go, A go",
)
FOLDED_OVER_A_NEWER: Final = Hole(
    code="G8 newest",
    story="A's fold of an older version was decided where nothing of its line was pending. B's newer version was "
    "folded in before it: as the last to come, A's replaced it. A fold knows whether it is older, and is refused where "
    "that is not so any more.",
    scenario={"start": "pending"},
    moves="A call trigger line=main at=1 version=m1, A go, B call trigger line=main at=2 version=m2, B go, B go, A go",
)
BESIDE_THE_SNIPPET: Final = Hole(
    code="G1 beside the snippet",
    story="The old snippet decided before our start and writes whole seconds after our confirm: lastbuild moves back "
    "by up to a second, and our next start came that much too early.",
    scenario={"start": "lastbuild 0"},
    moves="B call snippet, B go, A call trigger, A go, A go, A go, A go, B go, A call trigger",
)
UNTRUE_AFTER_A_BUILD: Final = Hole(
    code="G6 untrue",
    story="A's late start is refused after B has taken the claim over and built it. A was told that the build was "
    "refused and the slot given back; neither is so.",
    moves="A call trigger, A go, A go, clock 60000, B call wake, B go, B go, B go, B go, B go, A refuse, A go",
)
UNTRUE_AFTER_A_NEWER: Final = Hole(
    code="G6 untrue",
    story="As above, and by the time of the refusal a newer build has taken the place of the one that was started: "
    "neither running nor finished shows it. A refusal is told only where it was what gave the claim back.",
    moves="A call trigger, A go, A go, clock 60000, B call trigger force, B go, B go, B go, B go, B go, B go, B go, "
    "B go, A refuse, A go",
)
CLAIMED_TWICE: Final = Hole(
    code="G6 overcounted",
    story="A's claim got no answer. By the time it was sent again, B had finished it and had built anew: nothing in "
    "the record was of A's token any more, and its trigger was decided, and built, once more. A claim is recognised by "
    "its write, too.",
    moves="A call trigger, A go, A drop, clock 60000, B call wake, B go, B go, B go, B go, B go, B call trigger force, "
    "B go, B go, B go, B go, A go",
)
UNCHANGED_BY_A_SNAPSHOT: Final = Hole(
    code="G2 order",
    story="unchanged=skip: x is running, y is asked for, then x again, by a process whose snapshot is from before y. "
    "It was skipped, as x is built already; y was built last, and x, the last wish, not after it. That nothing newer "
    "is on its way always rests on a read.",
    scenario={"policy": {"cooldown": "10m", "unchanged": "skip"}},
    moves="B call trigger version=x, B go, B go, B go, B go, A call trigger version=y, A go, A go, "
    "B call trigger version=x, B go, B go",
)
EARLY_AND_ANOTHERS: Final = Hole(
    code="E running",
    story="The end of A's build is reported before A confirms it, and then the end of a build that Holdoff did not "
    "start. Room was for one end alone: A's build ran on, by the record, for its whole lease. There is room for "
    "sixteen now.",
    moves="A call trigger, A go, A go, A go, B call finish, B go, B go, B call finish, B go, B go, A go, A go",
)
CONFIRMED_LATE: Final = Hole(
    code="E end",
    story="A stands still before it confirms. B takes the claim over; its build ends, and another is built after it. "
    "A's confirm brought its build back as the one that runs, and with it went from the history how it had ended. What "
    "is overtaken by a newer start is known already.",
    scenario={"policy": {"cooldown": "2m", "overlap": "defer"}},
    moves="A call trigger, A go, A go, A go, clock 60000, B call wake, B go, B go, B go, B go, B call finish, B go, "
    "B go, clock 120000, B call trigger, B go, B go, B go, B go, B call finish, B go, B go, A go, A go",
)
PUT_OFF_AHEAD: Final = Hole(
    code="G7 ahead",
    story="A claims, and cannot cancel the running build, so its start is put off. A person has moved lastbuild into "
    "the future meanwhile: A was told of that build as if it was still to come. What a clock of the future wrote "
    "counts as now in what is told of a put-off, too.",
    scenario={"policy": {"cooldown": "2m", "overlap": "cancel"}, "actors": "ABC"},
    moves="A call trigger, A go, A go, A go, A go, clock 120000, A call trigger, A go, C call ahead, C go, A fail, "
    "A go, A go",
)

MENDED: Final[tuple[Hole, ...]] = (
    *(SEARCHED_EARLY, REFUSED_IN_FLIGHT, REFUSED_BLINDLY, ANOTHERS_ATTEMPT, SLOW_SEARCH, SLOW_CANCEL, SET_BACK_BY_2_S),
    *(CANCELLED_FOR_NOTHING, CREDITED_BY_CLOCK, LEFT_BEHIND, ARMED_BESIDE_A_CLAIM, REFUSED_WINS, LAST_WISH),
    *(FOLDED_OVER_A_NEWER, BESIDE_THE_SNIPPET, UNTRUE_AFTER_A_BUILD, UNTRUE_AFTER_A_NEWER),
    *(CLAIMED_TWICE, UNCHANGED_BY_A_SNAPSHOT, EARLY_AND_ANOTHERS, CONFIRMED_LATE),
    PUT_OFF_AHEAD,
)
