"""A simulated day at six gates: bursts of pushes, a storm from a CMS, a hold, builds that fail, changes that wait.

The shipped core writes it: a real gate decides about each push, and each wake and each end of a build come when they
are due. Only its clock is moved by hand, from one of these instants to the next. The day is the same in every run, and
it ends at any instant that is wanted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from holdoff import Gate
from holdoff.testing import ManualClock

if TYPE_CHECKING:
    from holdoff.config import Config
    from holdoff.stores.base import Store

MINUTE_MS = 60_000
DAY_M = 24 * 60
#: So many minutes before the end few people work.
NIGHT_M = range(8 * 60, 17 * 60)
PEOPLE = ("ada", "grace", "edsger", "barbara")


class Burst(NamedTuple):
    """So many pushes, from so many minutes before the end of the day, one every so many seconds."""

    ago_m: float
    pushes: int
    every_s: float = 5


class Project(NamedTuple):
    """One gate: its settings, how its day goes by chance, and what surely happens.

    Attributes:
        policy: lines of holdoff.toml.
        bursts: how many an hour, by day; until ``calm_m`` before the end.
        most: pushes of a burst, at most.
        takes_m: how long a build takes.
        fails: how many builds of a hundred fail; those that start in the last ``failing_m`` minutes all do.
        held: a hold, from so many minutes before the end, for so many.
    """

    policy: str
    bursts: float
    most: int
    takes_m: int
    fails: int = 4
    calm_m: int = 45
    failing_m: int = 0
    held: tuple[int, int, str] | None = None
    surely: tuple[Burst, ...] = ()
    reason: str = "push to main"


PROJECTS = {
    "site": Project(
        'cooldown = "10m"', 1.6, 9, 4, surely=(Burst(9.4, 1), Burst(7, 11), Burst(4, 6))
    ),
    "docs": Project('cooldown = "30m"', 1.2, 5, 7, surely=(Burst(18, 1), Burst(6, 3, 40))),
    "shop": Project('cooldown = "8m"\nquiet = "90s"\nmax_wait = "10m"', 2.2, 8, 6, surely=(Burst(4, 4, 10),)),
    "api": Project(
        'cooldown = "15m"\nlimit = "3/1h"', 1.4, 14, 9, calm_m=75, failing_m=60, surely=(Burst(41, 5), Burst(26, 2))
    ),
    "blog": Project(
        'cooldown = "1h"', 0.8, 6, 9, calm_m=110, held=(95, 180, "the image host moves"), reason="content published",
        surely=(Burst(390, 310, 40), Burst(80, 14, 50)),
    ),
    "newsletter": Project('cooldown = "4h"', 0.7, 12, 12, fails=0),
}  # fmt: skip


def config_text(command: str) -> str:
    """A holdoff.toml with all of them; ``command`` is the starter, as TOML has it."""
    return "\n".join(
        f"[projects.{name}]\n{one.policy}\nstarter = {{ command = {command} }}\n" for name, one in PROJECTS.items()
    )


def fill(store: Store, config: Config, until_ms: int) -> dict[str, dict[str, int]]:
    """Write the day that ends at this instant, epoch milliseconds. Returns the builds that still run at its end, by
    project: their ids, and when they are to end."""
    return {name: _live(Day(name, one, store, config, until_ms)) for name, one in PROJECTS.items()}


class Day:
    """The day of one gate. A starter of its own notes when each build is to end."""

    def __init__(self, name: str, project: Project, store: Store, config: Config, until_ms: int) -> None:
        self.project, self.until_ms = project, until_ms
        self.chance = random.Random(name)
        self.clock = ManualClock((until_ms - DAY_M * MINUTE_MS) // 1000, seed=len(name))
        self.gate = Gate(name, policy=config.projects[name].policy, store=store, starter=self, clock=self.clock)
        self.ends: dict[str, int] = {}
        self.count = 0

    def start(self, request: object, token: str) -> str:
        """A build starts."""
        self.count += 1
        takes_ms = int(self.project.takes_m * MINUTE_MS * self.chance.uniform(0.6, 1.5))
        self.ends[build_id := f"{self.gate.key.project}-{self.count}"] = self.clock.now_ms() + takes_ms
        return build_id

    def at(self, ago_m: float) -> int:
        """An instant, so many minutes before the end."""
        return self.until_ms - int(ago_m * MINUTE_MS)

    def push(self) -> None:
        """Somewhere a change is pushed."""
        version = f"{self.chance.getrandbits(28):07x}"
        by = self.chance.choice(PEOPLE)
        self.gate.trigger(reason=self.project.reason, source_version=version, event_id=f"delivery-{version}", by=by)

    def hold(self) -> None:
        """A person stops it for a while."""
        assert self.project.held
        _, minutes, why = self.project.held
        self.gate.hold(why=why, duration=minutes * 60, by="ada")

    def end(self, build_id: str) -> None:
        """A build ends."""
        started_ago_ms = self.until_ms - self.ends.pop(build_id) + self.project.takes_m * MINUTE_MS
        fails = started_ago_ms < self.project.failing_m * MINUTE_MS or self.chance.random() * 100 < self.project.fails
        detail = "a test failed" if fails else None
        self.gate.finished(build_id, succeeded=not fails, detail=detail, exit_status=int(fails))


def _pushes(day: Day) -> Iterator[int]:
    """When there is one."""
    project, chance = day.project, day.chance
    for ago_m in range(DAY_M, project.calm_m, -1):
        if chance.random() * 60 < project.bursts * (0.1 if ago_m in NIGHT_M else 1):
            yield from _instants(day, Burst(ago_m, chance.randint(1, project.most), chance.choice((2, 9, 40))))
    for burst in project.surely:
        yield from _instants(day, burst)


def _instants(day: Day, burst: Burst) -> Iterator[int]:
    for place in range(burst.pushes):
        instant = day.at(burst.ago_m) + int(place * burst.every_s * 1000 * day.chance.uniform(0.9, 1.1))
        if instant < day.until_ms:
            yield instant


def _live(day: Day) -> dict[str, int]:
    """From one instant to the next at which something happens."""
    pushes = sorted(_pushes(day), reverse=True)
    held_ms = day.at(day.project.held[0]) if day.project.held else None
    due_ms: int | None = None
    while True:
        instants = [*pushes[-1:], *day.ends.values(), *(one for one in (held_ms, due_ms) if one is not None)]
        instant = max(min(instants, default=day.until_ms), day.clock.now_ms())
        if instant >= day.until_ms:
            return day.ends
        day.clock.sleep(instant - day.clock.now_ms())
        if held_ms is not None and held_ms <= instant:
            held_ms = None
            day.hold()
        elif pushes and pushes[-1] <= instant:
            pushes.pop()
            day.push()
        elif ended := [one for one, ms in day.ends.items() if ms <= instant]:
            day.end(ended[0])
        else:
            day.gate.wake()
        due_ms = day.gate.wake_ms
