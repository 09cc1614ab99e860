"""Faults of the CodeBuild stand-in, fed to it while a run lasts."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.chaos.clock import SPEED

if TYPE_CHECKING:
    from random import Random

    from tests.standins.codebuild import CodeBuildStandin, Fault

#: How often the feeder looks, and how likely it then makes the next request of an operation fail.
EVERY_S, LIKELY = 0.02, 0.12
DROPPED: dict[str, Any] = {"kind": "drop"}
HTTP_503: dict[str, Any] = {"kind": "http", "status": 503}
LATE: dict[str, Any] = {"kind": "delay", "seconds": 8 / SPEED}
SLOW: dict[str, Any] = {"kind": "delay", "seconds": 2 / SPEED}
THROTTLED: dict[str, Any] = {"kind": "error", "code": "ThrottlingException"}
LIMIT: dict[str, Any] = {"kind": "error", "code": "AccountLimitExceededException"}

#: What may happen to each operation. A delay longer than the client waits is a request that lands late.
MENU: dict[str, dict[str, dict[str, Any]]] = {
    "StartBuild": {
        "dropped before": DROPPED,
        "dropped after commit": DROPPED | {"after_commit": True},
        "dropped after commit, three times": DROPPED | {"after_commit": True, "times": 3},
        "503 before": HTTP_503,
        "503 after commit": HTTP_503 | {"after_commit": True},
        "throttled": THROTTLED,
        "account limit": LIMIT,
        "lands after the client gave up": LATE,
        "answered after the client gave up": LATE | {"after_commit": True},
        "slow": SLOW,
    },
    "ListBuildsForProject": {"dropped": DROPPED, "503": HTTP_503, "throttled": THROTTLED},
    "BatchGetBuilds": {"dropped": DROPPED, "503": HTTP_503, "answered too late": LATE},
}


class Feeder:
    """Queues one fault after the other, at random, in a thread of its own."""

    def __init__(self, standin: CodeBuildStandin, random: Random) -> None:
        self._standin, self._random = standin, random
        self._queued: list[tuple[str, Fault]] = []
        self._last: dict[str, Fault] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._standin.clear_faults()

    def met(self) -> Counter[str]:
        """How many requests met which kind."""
        found: Counter[str] = Counter()
        for name, fault in list(self._queued):
            if fault.arrived:
                found[name] += len(fault.arrived)
        return found

    def _feed(self) -> None:
        while not self._stop.wait(EVERY_S):
            for operation, kinds in MENU.items():
                last = self._last.get(operation)
                done = last is None or last.times <= 0
                if done and self._random.random() < LIKELY:
                    self._queue(operation, self._random.choice(sorted(kinds)))

    def _queue(self, operation: str, name: str) -> None:
        fault = self._standin.fault(operation, **MENU[operation][name])
        self._last[operation] = fault
        self._queued.append((f"codebuild: {operation} {name}", fault))
