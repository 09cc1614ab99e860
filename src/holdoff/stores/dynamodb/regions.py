"""What a global table means for gates: whether a gate may be written through this table's replica.

Global tables have two modes:

* **Eventual consistency**, the default. Conditions are evaluated on the copy of the region that is asked, and of two
  writes the last wins: asked in two regions at once, both claims of a gate go through, and two builds start. So each
  gate is written in one region only, the one it is named for: ``region`` in its key is that of the writing store.
* **Strong consistency.** A condition sees every write; but such a table takes no transactions, and by one a build's
  history is kept.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from holdoff.core.request import GateKey
from holdoff.core.value import Value


class Replicas(Value):
    """The copies of a table.

    Attributes:
        here: the region of the one that is asked.
        regions: of all, in order; empty: it is no global table.
        strong: whether a condition sees every region's writes.
        known: whether the right to ask was there; without it gates of other regions are written, but not woken.
    """

    here: str
    regions: tuple[str, ...] = ()
    strong: bool = False
    known: bool = True

    def troubles(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each reason not to write these gates through this copy."""
        if not self.regions:
            return []
        if self.strong:
            what = "a global table with strong consistency, which takes no transactions"
            better = "Use a table of one region, or a global table with eventual consistency"
            return [f"it is {what}, and by one a build's history is kept. {better}"]
        return [
            f"the gate {key} would be written through the replica in {self.here} of a global table "
            f"({', '.join(self.regions)}) with eventual consistency, where a condition sees only the local copy: "
            f"written from two regions at once, it starts two builds. Set the gate's region to {self.here}, or "
            + ("" if key.region in self.regions else f"add a replica in {key.region} and ")
            + f"open its store with region={key.region}"
            for key in keys
            if key.region != self.here
        ]


def replicas_of(table: dict[str, Any], here: str) -> Replicas:
    """The copies that a table's description names; whether it lists the one that was asked does not matter."""
    others = {str(replica["RegionName"]) for replica in table.get("Replicas", ())}
    return Replicas(
        here=here,
        regions=tuple(sorted(others | {here})) if others - {here} else (),
        strong=table.get("MultiRegionConsistency") == "STRONG",
    )
