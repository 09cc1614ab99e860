"""A simulated day of pushes: bursts, builds that take a while, some that fail, a hold. The same in every run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from holdoff import Gate
from holdoff.testing import ManualClock

if TYPE_CHECKING:
    from holdoff.core.policy import Policy
    from holdoff.stores.base import Store

MINUTE_MS = 60_000


class Builder:
    """A starter that numbers its builds."""

    def __init__(self) -> None:
        self.count = 0

    def start(self, request: object, token: str) -> str:
        self.count += 1
        return f"build-{self.count}"


def simulate(
    store: Store, project: str, policy: Policy, until_ms: int, *, days: float = 1, takes: int = 6, seed: int = 1
) -> None:
    """Fill the history of a gate up to an instant, epoch milliseconds; builds take so many minutes."""
    chance = random.Random(f"{project}{seed}")
    clock = ManualClock(until_ms / 1000 - days * 86_400, seed=seed)
    gate = Gate(project, policy=policy, store=store, starter=Builder(), clock=clock)
    left = 0
    running: tuple[str, int] | None = None
    while clock.now_ms() + MINUTE_MS < until_ms:
        clock.advance(60)
        hour = clock.now_ms() // 3_600_000 % 24
        if not left and chance.random() < (0.03 if 6 <= hour <= 22 else 0.004):
            left = chance.choice((1, 1, 2, 5, 9, 24))
        for _ in range(min(left, chance.choice((0, 1, 3)))):
            left -= 1
            version = f"{chance.getrandbits(28):07x}"
            gate.trigger(reason="push to main", source_version=version, event_id=version, by=chance.choice("abc"))
            clock.advance("1s")
        if running and clock.now_ms() >= running[1]:
            gate.finished(running[0], succeeded=chance.random() > 0.12)
            running = None
        record = store.get(gate.key)
        if record.due_ms is not None and record.due_ms <= clock.now_ms():
            gate.wake()
        now = store.get(gate.key).running
        if now and (not running or running[0] != now.build_id):
            running = now.build_id, clock.now_ms() + int(takes * MINUTE_MS * chance.uniform(0.5, 1.6))
