"""The gates of a run: short cooldowns, one of each kind of policy, and a new generation of them every few seconds.

Triggers go to the newest generation only. So each gate has a last trigger, and what becomes of that one shows: nothing
that comes later builds it by the way. The older ones are left to the wake loops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import holdoff
from holdoff.core.request import GateKey
from holdoff.starters import CodeBuild

if TYPE_CHECKING:
    from holdoff.clock import Clock
    from holdoff.core.policy import Policy
    from holdoff.stores.base import Store

REGION = "eu-west-1"
#: How long triggers go to one generation, in the run's milliseconds.
GENERATION_MS = 60_000
#: How many gates of each kind in a generation: claims that were left wait for their lease, and others go on meanwhile.
TWINS = "ab"
#: Where a build's environment names its gate: all gates of a kind are one project.
GATE = "CHAOS_GATE"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is common to some gates.

    Attributes:
        name: of their CodeBuild project.
        lease: of a claim; five minutes after its start, CodeBuild has forgotten the token.
        build_s: how long a build takes; ``None``: for ever, and it is not asked after.
        forced: how many of the triggers are forced.
        lined: whether they say which line they are of, and when they happened; then they arrive in any order.
    """

    name: str
    cooldown: str
    more: dict[str, Any] = field(default_factory=dict)
    lease: str = "60s"
    build_s: float | None = None
    forced: float = 0
    lined: bool = False

    @property
    def policy(self) -> Policy:
        return holdoff.Policy(self.cooldown, **self.more)

    def newest(self, twin: str, now_ms: int) -> GateKey:
        """The gate of this kind that triggers go to now."""
        return GateKey(f"{self.name}.{now_ms // GENERATION_MS}{twin}", REGION)


KINDS = (
    Kind(name="plain", cooldown="20s", lined=True),
    Kind(name="under-the-lease", cooldown="8s"),
    Kind(name="quiet", cooldown="10s", more={"quiet": "3s", "max_wait": "9s"}, lined=True),
    Kind(name="limited", cooldown="6s", more={"limit": "3/60s"}, lined=True),
    Kind(name="no-overlap", cooldown="5s", more={"overlap": "defer"}, build_s=9),
    Kind(name="skipping", cooldown="7s", more={"on_cooldown": "skip"}),
    Kind(name="forced-at-times", cooldown="15s", forced=0.05),
    Kind(name="unchanged-skipped", cooldown="9s", more={"unchanged": "skip"}, build_s=4),
    Kind(name="token-forgotten", cooldown="8s", lease="6m", lined=True),
)


def kind_of(gate: str) -> Kind:
    """The kind of a gate, by its project."""
    name = gate.partition(".")[0]
    return next(kind for kind in KINDS if kind.name == name)


def gate_for(key: GateKey, store: Store, codebuild: Any, clock: Clock) -> holdoff.Gate:
    """A gate as a process has it. ``codebuild`` is the client."""
    kind = kind_of(key.project)
    starter = CodeBuild(kind.name, environment={GATE: key.project}, client=codebuild)
    return holdoff.Gate(
        key.project,
        region=key.region,
        store=store,
        policy=kind.policy,
        starter=starter,
        clock=clock,
        claim_lease=kind.lease,
    )
