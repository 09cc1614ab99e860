"""Holes that the checker found in the protocol, each as the shortest history that showed it.

An *open* one is expected to fail (strictly: once it is mended, the test says so), and its code is not counted against
the searches meanwhile. Mended, it moves to ``MENDED`` and stays as a test that the hole is closed.
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

    def report(self) -> Report:
        """The same as a search that looked at this history alone."""
        scenario, moves = Scenario.from_plain(self.scenario), self._moves()
        failures = [Failure(scenario, moves, problem, 1) for problem in self.breaches()]
        return Report(histories=1, failures=failures)

    def _moves(self) -> Moves:
        return parse_moves([line.strip() for line in self.moves.split(",")])


def open_codes() -> frozenset[str]:
    """Breaches that the searches need not report again."""
    return frozenset(hole.code for hole in OPEN)


OPEN: Final[tuple[Hole, ...]] = (
    Hole(
        code="G6 counted again",
        story="A write got no answer, and was in; sent again, its id was no longer among those that the gate "
        "remembers: more others had written since. Its trigger is decided, counted and built again. Each id that is "
        "remembered makes every item larger.",
        scenario={"policy": {"cooldown": "2m", "cooldown_from": "finish"}, "actors": "ABC"},
        moves="C call trigger, C go, A call trigger, C go, C go, C go, A go, A go, C call wake, clock 1, C go, "
        "C call trigger, clock 1, clock 119998, C call trigger, C go, clock 180000, clock 7000, C drop, "
        "A call trigger, A go, clock 1492000, A go, clock 1000, A call trigger, A go, A call wake, B call trigger, "
        "A go, A go, A call trigger, clock 119999, clock 500",
    ),
    Hole(
        code="G2 dropped before it came",
        story="After somebody's drop, a process that still remembers the pending answers from memory,"
        " and dies before it has written that. No bookkeeping mends this: bound how old a sight"
        " a deferral may be answered from, or state it.",
        scenario={"start": "cooling"},
        moves="A call trigger, A go, A go, B call drop, B go, B go, A call trigger, A call wake, A "
        "die",
    ),
    Hole(
        code="G3 redelivered unwritten",
        story="An event that added nothing to what was pending costs no write, so only the process that answered it "
        "knows of it until that writes. Delivered again to another one, after the build that answered it, "
        "it is built once more. Writing every such event would make a burst of them a race of all against all.",
        scenario={"start": "cooling"},
        moves="A call trigger, A go, A go, B call trigger event=E1, B go, clock 60000, A call wake, A go, A go, "
        "A go, A go, A call trigger event=E1",
    ),
)

LOOKED_EARLY: Final = Hole(
    code="G3 refused but built",
    story="B takes A's claim over, looks for its build, finds none, and is paused. A's request, sent in time, is read. "
    "Minutes later B asks for the start, within what the service remembers of the token, and is refused: it took "
    "its look for good, though that was before the last instant at which A's request could be read. A look counts "
    "only from then on.",
    moves="A call trigger, B call trigger, clock 31000, A go, clock 29000, B go, B go, B go, A go, clock 234999, "
    "B refuse, B go",
)

TOO_EARLY: Final = Hole(
    code="G6 overcounted",
    story="A's claim at first sight got no answer, the old snippet wrote, and C took the claim over. Sent again, "
    "A recognised its token, and judged by the lastbuild that C had found that it had claimed too early: it set "
    "out to take back C's attempt. Only one's own first attempt is taken back.",
    scenario={"actors": "ABC", "start": "long ago"},
    moves="A call trigger, B call snippet, B go, C call trigger, A drop, B go, clock 60000, C go, C go, A go, "
    "C go, C go, C go, A go, A go, C go",
)

MENDED: Final[tuple[Hole, ...]] = (
    LOOKED_EARLY,
    Hole(
        code="G6 overcounted",
        story="B's claim at first sight got no answer, and A put the gate on hold. Sent again, B recognised its claim, "
        "took the hold for something that it had overlooked, and set out to take its claim back; A had taken it over "
        "by then and built it. B's trigger was decided, and built, once more. Only the cooldown makes a claim too "
        "early, and what another has taken over is not decided again.",
        moves="B call trigger, B drop, A call hold, A go, clock 60000, A go, B go, A call trigger",
    ),
    Hole(
        code="G6 untrue",
        story="C's refusal, after a take-over, settled nothing: the claim was left to be taken over again, and the "
        "answer to that write was lost. Sent again, after A had built it, it was recognised as done, and C told that "
        "the slot was given back. That is told only where the write gave it back.",
        scenario={"actors": "ABC", "fine": True},
        moves="C call trigger, C go, C go, C go, clock 60000, C go, C go, C go, C go, A call trigger, C refuse, C go, "
        "C drop, clock 60000",
    ),
    Hole(
        code="G6 overcounted",
        story="C's claim at first sight got no answer. By the time it was sent again, A had finished it and had built "
        "anew: nothing in the record was of C's token any more, and its trigger was decided, and built, once more. A "
        "claim is recognised by its write, too.",
        scenario={"actors": "ABC"},
        moves="C call trigger, C drop, A call trigger force, clock 540000",
    ),
    Hole(
        code="G2 restless",
        story="A claim at first sight got no answer; it expired, and another took it over, built and confirmed "
        "it. Then the client sent it again: no claim stood there any more, and a forced one asks for no "
        "cooldown, so it was done again. Its build was found, but the confirm saw itself done and left the claim: "
        "taken over every minute, for ever, and nothing else was built. An open is not done where its own write "
        "is known, and a confirm ends a claim that its build has outlived.",
        scenario={"start": "pending"},
        moves="A call trigger force version, B call trigger, clock 60000, B go, B go, B go, B go, B call wake, "
        "A drop, B go, B go, B go, B go, B go",
    ),
    TOO_EARLY,
    Hole(
        code="G6 overcounted",
        story="A claim at first sight starts the list of write ids afresh: a write whose "
        "response was lost before it is not recognised when it is sent again, and its tally is "
        "written twice. Keep the last ids there too.",
        scenario={"start": "cooling", "policy": {"cooldown": "10m", "on_cooldown": "skip"}},
        moves="A call wake, A go, A call trigger, A call flush, A go, clock 1200000, A drop, "
        "B call trigger, B go",
    ),
    Hole(
        code="G3 refused but built",
        story="A take-over is refused while the first claimant's start request, sent in time, is "
        "still on its way. The slot is given back as if no build existed; both builds run, "
        "seconds apart. A refusal is certain for the claim only where no earlier attempt may "
        "have started it.",
        scenario={"policy": {"cooldown": "2m", "overlap": "defer"}},
        moves="A call trigger, A go, A go, clock 60000, B call trigger, B go, B go, B go, B refuse, B"
        " go",
    ),
    Hole(
        code="G3 refused but built",
        story="The starter cannot be asked. The first claimant's build started, but it died before "
        "the confirm; the take-over is refused (throttled), and the slot is given back though "
        "the build runs.",
        scenario={"finds": False},
        moves="A call trigger, A go, A drop, A die, clock 60000, B call wake, B go, B go, B go, B "
        "refuse, B go",
    ),
    Hole(
        code="G3 rolled back",
        story="The response of a claim's write is lost, and sent again only after the lease, when "
        "another has taken the claim over. The first recognises its token and goes on as if it "
        "held the second's attempt: its refusal gives the other's slot back. Go on only where "
        "token *and* attempt are one's own.",
        moves="A call trigger, A drop, clock 60000, B call trigger, B go, B go, A go, A go, B go, B "
        "go, A refuse, A go",
    ),
    Hole(
        code="G2 asleep",
        story="What was answered from memory is folded into a record without a pending, and nobody "
        "works out its due again: it sleeps until somebody else triggers. Settle after the "
        "tally is written in.",
        moves="A call trigger, A go, A refuse, A go, B call drop, B go, B go, A call trigger, A call "
        "flush, A go, A go",
    ),
    Hole(
        code="G2 dropped before it came",
        story="After a drop and a new start, an answer from memory given between that start's claim "
        "and its confirm counts as covered, because lastbuild is the confirm's. Compare with "
        "the instant of the claim.",
        scenario={"fine": True},
        moves="B call trigger, B go, B go, B go, B go, B go, B go, B go, B call trigger, B go, A call"
        " drop, A go, A go, A go, A call trigger, A go, A go, A go, clock 500, B call trigger, "
        "A go, A go, A go",
    ),
    Hole(
        code="G2 cancelled",
        story="overlap=cancel stops the running build before the newer one is claimed. Who dies in "
        "between has stopped a build for nothing, and what it covered is not built. Claim "
        "first, then cancel, then start.",
        scenario={"policy": {"cooldown": "2m", "overlap": "cancel"}},
        moves="B call trigger, B go, B go, B go, B go, clock 120000, A call trigger, A go, A go, A "
        "die",
    ),
    Hole(
        code="G2 lost",
        story="A withdraws its trigger; B's, deferred from memory and folded into the same pending "
        "without a write, goes with it. What may be withdrawn must not be answered from memory "
        "by others.",
        scenario={"start": "cooling"},
        moves="A call trigger revocable, A go, A go, B call trigger, B go, A call withdraw, A go, A "
        "go, B call wake, B die",
    ),
    Hole(
        code="G2 order",
        story="A forced start builds the newest version and leaves the older pending, which is built "
        "after it: the last build is not of the last change. The pending left behind must take "
        "the newer request.",
        scenario={"start": "cooling"},
        moves="A call trigger version, A go, A go, clock 1000, B call trigger force version, B go, B "
        "go, B go, B go",
    ),
    Hole(
        code="G2 order",
        story="on_failure=rearm: the failure of the older build is reported while the newer one is "
        "being started, and arms the older one again: it is built last. While a claim is out "
        "there is nothing to arm: the claim covers it.",
        scenario={"policy": {"cooldown": "10m", "on_failure": "rearm"}},
        moves="A call trigger version, A go, A go, A go, clock 600000, A call trigger version, A go, "
        "B call finish failed, B go, B go, A go, A go",
    ),
    Hole(
        code="G2 stale",
        story="A forced start is refused; its trigger is folded into the older pending that it left, "
        "whose request wins. (The same mend.)",
        scenario={"start": "pending"},
        moves="B call trigger force version, B go, B go, B refuse, B go",
    ),
    Hole(
        code="G2 stale",
        story="A asks for x, B for y, A for x again, answered from memory: y is built, and x, the "
        "last wish, never. What was folded from memory must win where it is newer.",
        scenario={"start": "cooling"},
        moves="A call trigger version=x, A go, A go, clock 1000, B call trigger version=y, B go, B "
        "go, clock 1000, A call trigger version=x, A call flush, A go, A go",
    ),
    Hole(
        code="G1 beside the snippet",
        story="The old snippet decided before our start and writes whole seconds after our confirm: "
        "lastbuild moves back by up to a second, and our next start comes that much too early.",
        scenario={"start": "lastbuild 0"},
        moves="B call snippet, B go, A call trigger, A go, A go, A go, B go, A call trigger",
    ),
    Hole(
        code="G6 untrue",
        story="A's late start is refused after B has taken the claim over and built it. A is told "
        "that the build was refused and the slot given back; neither is so.",
        moves="A call trigger, A go, clock 60000, B call trigger, B go, B go, B go, B go, B go, A "
        "refuse, A go",
    ),
    Hole(
        code="G6 overcounted",
        story="The store does not answer a write that carried the tally, but the write is in: the "
        "tally is written again.",
        scenario={"start": "cooling"},
        moves="A call trigger, A go, A go, A call trigger, A call flush, A go, A drop, A fail, A call"
        " flush, A go, A go",
    ),
    Hole(
        code="G6 untrue",
        story="As above, and by the time of the refusal a newer build has taken the place of the one "
        "that was started: neither running nor finished shows it. Tell a refusal only where it "
        "was what gave the claim back.",
        moves="B call trigger, B go, clock 60000, A call trigger force version, A go, A go, A go, A "
        "go, A go, A go, A go, A go, B refuse, B go",
    ),
    Hole(
        code="G2 order",
        story="A answers from memory for x; at the due B's newer z takes the pending along, and is "
        "built and finished. A's tally is written: z is not x, so x is taken for unbuilt, and "
        "built after z. A finished build must still show when the last trigger it covered came.",
        scenario={"start": "cooling"},
        moves="A call trigger version=x, A go, A go, clock 1000, A call trigger version=x, clock "
        "60000, B call trigger version=z, B go, B go, B go, B go, B call finish, B go, B go, A "
        "call flush, A go, A go",
    ),
    Hole(
        code="G6 uncounted",
        story="A write that carries no tally (a poll's, a take-over's) gets no answer: the error says"
        " that nothing is owed any more, and what was answered from memory is forgotten. Say so"
        " only of a write that carried it.",
        scenario={
            "start": "cooling",
            "polls": True,
            "policy": {"cooldown": "10m", "on_failure": "rearm"},
        },
        moves="A call trigger force, A go, A go, A go, A go, A go, A call trigger, A go, A go, A go, "
        "clock 500, A call trigger, A go, clock 31000, A call trigger, A go, A fail, A go, A "
        "fail",
    ),
    Hole(
        code="G6 overcounted",
        story="Two writes in a row that carry the same doubtful tally get no answer: the first is not"
        " in, the second is. Only the first id is remembered, and the tally is written again. "
        "Remember every id it was sent under.",
        scenario={"start": "pending"},
        moves="A call wake, A go, A call trigger, A call wake, clock 237000, A go, A fail, A call "
        "wake, A go, A drop, A fail",
    ),
    Hole(
        code="G2 lost",
        story="A waiter's withdrawal that is made twice (again, because the first got no answer) takes back another "
        "waiter's trigger as well: it counts, and does not say whose. Each revocable trigger is withdrawn by its own "
        "name, once.",
        scenario={"start": "cooling"},
        moves="A call trigger revocable, A go, A go, clock 1000, B call trigger revocable, B go, "
        "B go, B call withdraw, B go, B drop, B fail, B call withdraw, B go, B go",
    ),
)
