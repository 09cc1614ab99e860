"""Global tables: whether a gate may be written through this table's replica.

Global tables have two modes:

* **Eventual consistency**, the default. DynamoDB evaluates a condition on the replica of the region that is asked, and
  of two writes the last one wins. So if two regions claim a gate at once, both claims succeed, and two builds start.
  Therefore each gate is written in one region only: the region in its key.
* **Strong consistency.** A condition sees every write. But such a table takes no transactions, which the history of
  builds needs.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from holdoff.core.request import GateKey
from holdoff.core.value import Value


class Replicas(Value):
    """The replicas of a table."""

    here: str  #: the region of the replica that is asked
    regions: tuple[str, ...] = ()  #: the regions of all replicas, in order; empty: it is no global table
    strong: bool = False  #: whether a condition sees the writes of all regions
    #: Whether this process may ask for them. If not, it writes gates of other regions, but does not wake them.
    known: bool = True

    def troubles(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each reason not to write these gates through this replica."""
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
    """The replicas in a table's description, which may or may not list the replica that was asked."""
    others = {str(replica["RegionName"]) for replica in table.get("Replicas", ())}
    return Replicas(
        here=here,
        regions=tuple(sorted(others | {here})) if others - {here} else (),
        strong=table.get("MultiRegionConsistency") == "STRONG",
    )
