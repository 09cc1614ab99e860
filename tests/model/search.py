"""Histories, many of them: every one within bounds, then random ones far beyond; and the shortest that still fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Final

from holdoff.core.effects import Start
from tests.model.checks import problems
from tests.model.scenario import Move, Scenario
from tests.model.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Moves = tuple[Move, ...]
#: At most so many faults, and movements of the clock.
Bounds = tuple[int, int]
BOUNDS: Final[tuple[Bounds, ...]] = (
    *((0, 0), (1, 0), (0, 1), (1, 1)),
    *((2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3)),
)
#: More moves than any scenario has.
TO_THE_END: Final = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """A history that broke a guarantee: what it started from, the scheduler's choices, and what is wrong."""

    scenario: Scenario
    moves: Moves
    problem: str
    found_after: int

    @property
    def code(self) -> str:
        """The guarantee and the kind of breach: ``G2 lost``."""
        return self.problem.split(":")[0]

    def __str__(self) -> str:
        lines: list[str] = []
        run(self.scenario, self.moves, lines.append)
        asked = self.scenario.to_plain()
        head = f"{self.problem}  (after {self.found_after} histories)"
        replay = f"Replay: python -m tests.model --replay '{self.to_json()}'"
        return "\n".join([head, f"from {asked}", *lines, replay])

    def to_json(self) -> str:
        """For ``--replay``."""
        plain = {"scenario": self.scenario.to_plain(), "moves": [str(move) for move in self.moves]}
        return json.dumps(plain)


def from_json(text: str) -> tuple[Scenario, Moves]:
    """What ``Failure.to_json`` wrote."""
    plain = json.loads(text)
    return Scenario.from_plain(plain["scenario"]), parse_moves(plain["moves"])


def parse_moves(lines: list[str] | tuple[str, ...]) -> Moves:
    """Moves from their texts: ``"A go"``, ``"A call trigger force"``, ``"clock 60000"``, ``"land A1"``."""
    return tuple(_parse_move(line) for line in lines)


def _parse_move(line: str) -> Move:
    who, _, rest = line.partition(" ")
    if who in {"clock", "land", "step"}:
        return Move("", who, rest if who == "land" else int(rest))
    what, _, arg = rest.partition(" ")
    return Move(who, what, arg)


def run(scenario: Scenario, moves: Moves, tell: Callable[[str], None] | None = None) -> list[str]:
    """One history from its moves, to its end; what is wrong with it."""
    world = World(scenario, tell)
    for move in moves:
        world.do(move)
    return _verdict(world)


def _verdict(world: World) -> list[str]:
    world.drain()
    return problems(world.history)


@dataclass(slots=True)
class Report:
    """What a search did.

    Attributes:
        histories, states: how many it looked at; states count once, however many orders of moves lead to them.
        whole: whether it came to its end.
    """

    histories: int = 0
    states: int = 0
    whole: bool = True
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def per_second(self) -> int:
        """Histories a second."""
        return round(self.histories / self.seconds) if self.seconds else 0


# --- every history within bounds --------------------------------------------------------------------------------------


def exhaust(scenario: Scenario, *, most: int = 10**9, ignore: frozenset[str] = frozenset()) -> Report:
    """Every history of a scenario within its bounds; equivalent states only once. Stops at the first failure, or where
    there would be more than ``most``."""
    report, began = Report(), monotonic()
    seen: dict[int, int] = {}
    for world, moves in _leaves(scenario, seen):
        if report.histories >= most:
            report.whole = False
            break
        report.histories += 1
        found = [problem for problem in _verdict(world) if problem.split(":")[0] not in ignore]
        if found:
            report.failures.append(Failure(scenario, moves, found[0], report.histories))
            report.whole = False
            break
    report.states, report.seconds = len(seen), monotonic() - began
    return report


def deepen(scenario: Scenario, *, most: int, ignore: frozenset[str] = frozenset()) -> Iterator[tuple[Bounds, Report]]:
    """Every history to its end, first without a fault, then with ever more of them and of movements of the clock, until
    that would be more than ``most`` histories, or one fails."""
    for bounds in BOUNDS:
        report = exhaust(within(scenario, bounds), most=most, ignore=ignore)
        yield bounds, report
        if not report.whole:
            return


def within(scenario: Scenario, bounds: Bounds) -> Scenario:
    """The scenario to its end, with at most so many faults and movements of the clock."""
    faults, clocks = bounds
    return replace(scenario, faults=faults, clocks=clocks, depth=TO_THE_END)


def _leaves(scenario: Scenario, seen: dict[int, int]) -> Iterator[tuple[World, Moves]]:
    """Depth first. Where there is a choice, each branch but the first has a copy of the world."""
    stack: list[tuple[World, Moves, Move | None]] = [(World(scenario, known={}), (), None)]
    while stack:
        world, moves, move = stack.pop()
        while True:
            if move is not None:
                moves = (*moves, move)
                world.do(move)
            key, left = world.key(), scenario.depth - len(moves)
            if seen.get(key, -1) >= left:
                break
            seen[key] = left
            choices = world.moves() if left else []
            if not choices:
                yield world, moves
                break
            stack += [(world.copy(), moves, choice) for choice in reversed(choices[1:])]
            move = choices[0]


# --- random histories ----------------------------------------------------------------------------------------------


Policies = tuple[dict[str, object], ...]
POLICIES: Final[Policies] = (
    {"cooldown": "10m"},
    {"cooldown": "10m"},
    {"cooldown": "20s"},
    {"cooldown": 0},
    {"cooldown": "10m", "on_cooldown": "skip"},
    {"cooldown": "2m", "quiet": "20s", "max_wait": "90s"},
    {"cooldown": "1m", "limit": "2/20m"},
    {"cooldown": "2m", "overlap": "defer"},
    {"cooldown": "2m", "overlap": "skip"},
    {"cooldown": "2m", "overlap": "cancel"},
    {"cooldown": "2m", "cooldown_from": "finish"},
    {"cooldown": "2m", "overlap": "defer", "cooldown_from": "finish"},
    {"cooldown": "2m", "overlap": "cancel", "on_failure": "rearm", "unchanged": "skip"},
    {"cooldown": "10m", "on_failure": "rearm"},
    {"cooldown": "10m", "overlap": "defer", "on_failure": "rearm", "limit": "3/1h"},
    {"cooldown": "10m", "unchanged": "skip"},
    {"cooldown": "2m", "cooldown_from": "finish", "on_failure": "rearm", "limit": "3/1h"},
    {"cooldown": "2m", "overlap": "skip", "cooldown_from": "finish", "unchanged": "skip"},
    {"cooldown": "2m", "overlap": "defer", "cooldown_from": "finish", "quiet": "20s", "max_wait": "90s"},
    {"cooldown": "2m", "on_cooldown": "skip", "overlap": "cancel", "limit": "2/20m", "on_failure": "rearm"},
)
#: Pushes to one branch, that may arrive in any order, and again.
ONE_LINE: Final = tuple(f"trigger line=main at={n} version=m{n} parent=m{n - 1}" for n in range(1, 6))
#: A branch that is set back, and then ahead.
SET_BACK: Final = (
    *("trigger line=main at=1 version=A", "trigger line=main at=2 version=B parent=A"),
    *("trigger line=main at=3 version=A parent=B", "wake", "finish", "finish failed"),
)
THEMES: Final[tuple[tuple[str, ...], ...]] = (
    ("trigger", "trigger", "wake"),
    ("trigger", "trigger", "trigger force", "wake"),
    ("trigger", "trigger version", "trigger force version", "wake"),
    ("trigger version=x", "trigger version=y", "wake"),
    ("trigger version", "trigger version event=E1", "trigger event=E2", "wake"),
    ("trigger", "trigger", "wake", "finish", "finish failed"),
    ("trigger", "trigger force", "wake", "finish", "finish failed last", "again"),
    ("trigger version", "trigger version", "wake", "finish", "finish failed"),
    ("trigger", "trigger", "wake", "snippet"),
    ("trigger", "trigger", "wake", "reset", "hold", "hold for", "resume"),
    ("trigger version", "trigger version", "wake", "reset", "trigger force version"),
    ("trigger", "trigger waits", "trigger waits", "wake", "turn", "turn"),
    ("trigger", "trigger", "trigger", "wake", "drop"),
    ("trigger force version", "trigger version", "hold", "resume", "wake", "finish", "finish failed"),
    ("trigger", "trigger", "wake", "finish", "back", "ahead"),
    (*ONE_LINE, "wake"),
    (*ONE_LINE, "trigger force line=main at=6 version=m6", "wake", "finish", "finish failed"),
    (*ONE_LINE, "trigger line=side at=2 version=s2", "trigger line=side at=5 version=s5", "trigger version", "wake"),
    ("trigger line=main at=now version", "trigger line=main at=now version", "wake", "finish failed"),
    ("trigger line=main version=A parent=O", "trigger line=main version=B parent=A event=E1", "wake", "finish failed"),
    SET_BACK,
)
STARTS: Final = (
    *("nothing",) * 6,
    "keys only",
    "lastbuild 0",
    "long ago",
    "a fraction ago",
    "the snippet, now",
    "cooling",
    "pending",
    "held",
)
SKEWS: Final = ((0, ()), (0, ()), (2_000, (1_000, -1_000, 0)), (5_000, (0, 5_000, 2_500)))


@dataclass(frozen=True, slots=True)
class Aim:
    """What random histories are about, where not about everything."""

    policies: Policies = POLICIES
    themes: tuple[tuple[str, ...], ...] = THEMES
    starts: tuple[str, ...] = STARTS


ANYTHING: Final = Aim()


def random_scenario(chance: Random, aim: Aim = ANYTHING) -> Scenario:
    """Where a random history starts from."""
    margin_ms, skews_ms = chance.choice(SKEWS)
    return Scenario(
        policy=dict(chance.choice(aim.policies)),
        actors="ABC"[: chance.choice((2, 2, 3))],
        margin_ms=margin_ms,
        skews_ms=skews_ms,
        start=chance.choice(aim.starts),
        finds=chance.random() < 0.75,
        polls=chance.random() < 0.3,
        fine=chance.random() < 0.3,
    )


@dataclass(slots=True)
class Dice:
    """How a random history goes."""

    chance: Random
    theme: tuple[str, ...]
    length: int
    faulty: float
    hasty: float

    def next(self, world: World) -> Move | None:
        """The next move; ``None``: nothing is possible."""
        chance = self.chance
        busy = [actor for actor in world.actors.values() if actor.asks]
        idle = [actor for actor in world.actors.values() if not actor.asks]
        if world.flights and chance.random() < 0.15:
            return Move("", "land", chance.choice(world.flights).token)
        if world.late and chance.random() < 0.2:
            return Move("", "land", chance.choice(world.late).name)
        if chance.random() < 0.01 and not self._by_the_source(world):
            return Move("", "step", chance.choice((300, 2_000, 2_000, 40_000)))
        if busy and chance.random() < self.faulty:
            return self._fault(world)
        if chance.random() < 0.18:
            return self._clock(world)
        if busy and (not idle or chance.random() < self.hasty):
            return Move(chance.choice(busy).name, "go")
        return Move(chance.choice(idle).name, "call", chance.choice(self.theme)) if idle else None

    def _by_the_source(self, world: World) -> bool:
        """Whether the one clock is not to be set back: the source's instants would be in its future."""
        return world.scenario.margin_ms == 0 and any("at=now" in call for call in self.theme)

    def _fault(self, world: World) -> Move | None:
        moves = [move for actor in world.actors.values() for move in world.fault_moves(actor)]
        starting = [a.name for a in world.actors.values() if isinstance(a.effect, Start)]
        refusals = [move for move in moves if move.what in {"refuse", "fly"}]
        if starting and refusals and self.chance.random() < 0.5:
            return self.chance.choice(refusals)
        return self.chance.choice(moves) if moves else None

    def _clock(self, world: World) -> Move:
        chance, instants = self.chance, world.instants()
        if not instants or chance.random() < 0.25:
            return Move("", "clock", chance.choice((1, 500, 1_500, 7_000, 31_000)))
        at_ms = instants[0] if chance.random() < 0.8 else chance.choice(instants)
        nearly = chance.choice((0, 0, 0, 0, 1, 1_000))
        return Move("", "clock", max(1, at_ms - world.now_ms - nearly))


def random_history(seed: int, number: int, aim: Aim = ANYTHING) -> tuple[Scenario, Moves, World]:
    """History ``number`` of ``seed``: the same every time."""
    chance = Random(f"{seed}:{number}")
    scenario = random_scenario(chance, aim)
    dice = Dice(
        chance,
        chance.choice(aim.themes),
        length=chance.choice((12, 25, 25, 50, 90)),
        faulty=chance.choice((0.0, 0.05, 0.1, 0.2)),
        hasty=chance.choice((0.6, 0.75, 0.9)),
    )
    world, moves = World(scenario), []
    for _ in range(dice.length):
        move = dice.next(world)
        if move is not None and world.do(move):
            moves.append(move)
    return scenario, tuple(moves), world


def roam(
    seed: int,
    *,
    histories: int = 10**9,
    numbers: range | None = None,
    seconds: float = 10**9,
    most_failures: int = 1,
    ignore: frozenset[str] = frozenset(),
    aim: Aim = ANYTHING,
    only: tuple[str, ...] = ("",),
) -> Report:
    """Random histories (the first so many, or those of these ``numbers``) until there are enough, or enough failures of
    different kinds (of those ``only``)."""
    report, began = Report(), monotonic()
    kinds = set(ignore)
    for number in numbers or range(histories):
        if monotonic() - began > seconds:
            break
        scenario, moves, world = random_history(seed, number, aim)
        report.histories += 1
        fresh = [p for p in _verdict(world) if p.split(":")[0] not in kinds and p.startswith(only)]
        if fresh:
            failure = Failure(scenario, moves, fresh[0], report.histories)
            kinds.add(failure.code)
            report.failures.append(failure)
            if len(report.failures) >= most_failures:
                break
    report.seconds = monotonic() - began
    return report


# --- the shortest that still fails ---------------------------------------------------------------------------------


def shrink(failure: Failure) -> Failure:
    """The same breach in fewer moves, from a plainer start."""
    best = failure
    while True:
        smaller = _plainer(_fewer(best))
        if (smaller.moves, smaller.scenario) == (best.moves, best.scenario):
            return best
        best = smaller


def _fewer(failure: Failure) -> Failure:
    size = max(1, len(failure.moves) // 2)
    while True:
        at = 0
        while at < len(failure.moves):
            moves = failure.moves[:at] + failure.moves[at + size :]
            found = _same_breach(failure, failure.scenario, moves)
            if found:
                failure = found
            else:
                at += size
        if size == 1:
            return failure
        size //= 2


def _plainer(failure: Failure) -> Failure:
    plain = Scenario()
    failure = replace(failure, scenario=replace(failure.scenario, scripts=()))  # the moves say it all
    for name in ("start", "skews_ms", "margin_ms", "polls", "fine", "finds", "policy", "actors"):
        if name == "margin_ms" and failure.scenario.skews_ms:
            continue  # clocks that differ by more than the margin are outside the assumptions
        scenario = replace(failure.scenario, **{name: getattr(plain, name)})
        failure = _same_breach(failure, scenario, failure.moves) or failure
    for n, move in enumerate(failure.moves):
        for other in _simpler(move):
            moves = (*failure.moves[:n], other, *failure.moves[n + 1 :])
            failure = _same_breach(failure, failure.scenario, moves) or failure
    return failure


def _simpler(move: Move) -> list[Move]:
    if move.what == "call" and move.arg not in {"trigger", "wake"}:
        return [Move(move.who, "call", "trigger")]
    if move.what in {"drop", "fly", "fail", "refuse"}:
        return [Move(move.who, "go")]
    return []


def _same_breach(failure: Failure, scenario: Scenario, moves: Moves) -> Failure | None:
    for problem in run(scenario, moves):
        if problem.split(":")[0] == failure.code:
            return Failure(scenario, moves, problem, failure.found_after)
    return None
