"""A start on SQLite: two durable writes of ours, against one raw upsert by the same engine with the same settings."""

from __future__ import annotations

from benchmarks.harness import Contestant, Section, in_turn, ratio, us

RAW = """
import sqlite3, tempfile
folder = tempfile.TemporaryDirectory()
db = sqlite3.connect(folder.name + "/raw.db", isolation_level=None)
db.execute("PRAGMA synchronous = FULL")
db.execute("PRAGMA journal_mode = TRUNCATE")
db.execute("CREATE TABLE gates (project TEXT, region TEXT, item TEXT, PRIMARY KEY (project, region))")
number = 0
def call():
    global number
    for _ in range({writes}):
        number += 1
        db.execute("INSERT INTO gates VALUES ('site', 'local', ?) ON CONFLICT DO UPDATE SET item = excluded.item",
                   ("x" * 700 + str(number),))
"""
HOLDOFF = """
import tempfile, holdoff
from holdoff.starters import Call
from holdoff.stores.sqlite import SQLiteStore
folder = tempfile.TemporaryDirectory()
store = SQLiteStore(folder.name + "/gates.db")
policy, starter = holdoff.Policy({policy}), Call(lambda *_: "b")
gate = holdoff.Gate("site", store=store, policy=policy, starter=starter)
decision, number = gate.trigger(), 0
gate.finished("b", succeeded=True)
def call():
    global number
    number += 1
    {call}
"""
#: Its build has ended before the next start, as builds do.
STARTS = HOLDOFF.format(policy='"0"', call='gate.trigger(reason="push", source_version=f"v{number}")') + (
    'def between(): gate.finished("b", succeeded=True)\n'
)
DEFERRAL = HOLDOFF.format(policy='"10m"', call='gate.trigger(reason="push", source_version=f"v{number}")')
NEW = 'holdoff.Gate("site", store=store, policy=policy, starter=starter).trigger()'
CONTESTANTS = {
    "one raw upsert, synchronous=FULL (the floor)": RAW.format(writes=1),
    "two of them": RAW.format(writes=2),
    "Holdoff, started": STARTS,
    "Holdoff, deferred": DEFERRAL,
    "Holdoff, skipped, on a gate object made anew": HOLDOFF.format(policy='"10m", on_cooldown="skip"', call=NEW),
}


def measure(*, quick: bool) -> Section:
    """The table."""
    contestants = [Contestant(name=name, program=program) for name, program in CONTESTANTS.items()]
    rows = in_turn(contestants, rounds=12 if quick else 40, calls=20)
    return Section(
        title="A durable decision on SQLite",
        text="The floor is one upsert that survives a power cut. A start takes at least two: the claim is in the store "
        "before the build is started, and its confirmation after that. Only the second ratio includes the wait for "
        "the disk.",
        head=("", "µs of the processor", "x the floor", "x the floor, by the clock"),
        rows=[(row.name, us(row.cpu), ratio(row, rows[0]), ratio(row, rows[0], "wall")) for row in rows],
    )
