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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdoff.core.record import GateKey
    from holdoff.stores.dynamodb_client import Answer


@dataclass(frozen=True, slots=True)
class Replicas:
    """The copies of a table.

    Attributes:
        here: the region of the one that is asked.
        regions: of all, in order; empty: it is no global table.
        strong: whether a condition sees every region's writes.
    """

    here: str
    regions: tuple[str, ...]
    strong: bool = False

    def troubles(self, keys: Iterable[GateKey]) -> list[str]:
        """A line for each reason not to write these gates through this copy."""
        if not self.regions:
            return []
        if self.strong:
            return [_STRONG]
        return [self._refusal(key) for key in keys if key.region != self.here]

    def _refusal(self, key: GateKey) -> str:
        where = ", ".join(self.regions)
        better = f"open its store with region={key.region}"
        if key.region not in self.regions:
            better = f"add a replica in {key.region} and {better}"
        return (
            f"the gate {key} would be written through the replica in {self.here} of a global table "
            f"({where}) with eventual consistency, where a condition sees only the local copy: "
            f"written from two regions at once, it starts two builds. Set the gate's region to "
            f"{self.here}, or {better}"
        )


_STRONG: Final = (
    "it is a global table with strong consistency, which takes no transactions, and by one a build's "
    "history is kept. Use a table of one region, or a global table with eventual consistency"
)


def replicas_of(table: Answer, here: str) -> Replicas:
    """The copies that a table's description names; whether it lists the one that was asked does not matter."""
    others = {str(replica["RegionName"]) for replica in table.get("Replicas", ())}
    return Replicas(
        here=here,
        regions=tuple(sorted(others | {here})) if others - {here} else (),
        strong=table.get("MultiRegionConsistency") == "STRONG",
    )
