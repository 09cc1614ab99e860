"""A trigger that is refused again, in a process that has seen the gate: no request is made, so the floor is a dict.

What is measured: one more trigger within the cooldown. Holdoff's answer is a decision with an id of its own, the time
and when the gate is ready; a rate limiter's is yes or no.
"""

from __future__ import annotations

import sys

from benchmarks import peers, requests
from benchmarks.harness import Contestant, Section, in_turn, ratio, us

HOLDOFF = """
import holdoff
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
store = MemoryStore()
gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"{policy}), starter=Call(lambda *_: "b"))
gate.trigger()
number = 0
def call():
    {call}
"""
SAME = HOLDOFF.format(policy=', on_cooldown="skip"', call='gate.trigger(reason="push", source_version="v1")')
COUNTED = 'global number; number += 1; gate.trigger(reason="push", source_version=f"v{number}", event_id=f"e{number}")'
CONTESTANTS = {
    "a dict, looked at (the floor)": 'seen = {"site": 1}\ndef call(): return seen.get("site")',
    "limits": """
from limits import parse, storage, strategies
limiter, rate = strategies.FixedWindowRateLimiter(storage.MemoryStorage()), parse("1/10 minutes")
def call(): return limiter.hit(rate, "site")
""",
    "throttled-py": """
from throttled import Throttled, rate_limiter, store
limiter = Throttled(using="fixed_window", quota=rate_limiter.per_hour(1), store=store.MemoryStore())
def call(): return limiter.limit("site")
""",
    "pyrate-limiter": """
from pyrate_limiter import Duration, Limiter, Rate
limiter = Limiter(Rate(1, Duration.MINUTE * 10))
def call(): return limiter.try_acquire("site", blocking=False)
""",
    "Powertools' cache": requests.COUNTED + requests.POWERTOOLS.format(cache=True, step=0),
    "Holdoff, the same trigger": SAME,
    "Holdoff, another version and event": HOLDOFF.format(policy=', on_cooldown="skip"', call=COUNTED),
    "Holdoff, a deferral (written, to memory)": HOLDOFF.format(policy="", call=COUNTED),
}


def measure(*, quick: bool) -> Section:
    """The table."""
    peer = peers.python()
    contestants = [
        Contestant(name=name, program=program, python=sys.executable if "holdoff" in program else peer)
        for name, program in CONTESTANTS.items()
    ]
    with requests.tables() as environment:
        rows = in_turn(contestants, rounds=15 if quick else 60, calls=2_000, environment=environment)
    return Section(
        title="A trigger that is refused again, by a process that has seen the gate",
        text="The floor is a look into a dict, because there is nothing to ask. While nothing can have changed, and "
        "for `max_staleness` (1 s) at most, Holdoff gives the same trigger the same answer again, with another "
        "instant and another id. Holdoff decides a trigger with another version or event anew.",
        head=("", "µs a call", "x the floor"),
        rows=[(row.name, us(row.cpu), ratio(row, rows[0])) for row in rows],
    )
