"""The terms of a decision: the gate's policy, and what its starter and its store can do."""

from __future__ import annotations

from collections.abc import Callable

from holdoff.core.policy import Policy
from holdoff.core.request import Request
from holdoff.core.value import Value


class Terms(Value):
    """What the rules depend on, besides the record and the time.

    Attributes:
        claim_lease_ms: how long a claimant has to start and confirm; longer than the starter's time-outs and retries.
        build_lease_ms: after how long a build whose end is not reported counts as ended.
        freeze: adds what the starter will send to a request, once, when the claim is made. Must be pure.
        woken: whether something wakes the gate when it is due; only messages depend on it.
        knows_policy: whether ``policy`` is the gate's own, and no stand-in for one that is not known here.
        polls: whether the starter can be asked how a build is.
        children: whether builds are child processes of what starts them, which reports the end of each.
        finds: whether the starter can be asked for the build of a token.
        token_memory_ms: for how long after a claim the starter surely remembers its token.
        max_staleness_ms: how old the snapshot may be that a *skip* uses.
        clock_margin_ms: how far apart the clocks of two machines on one store may be.
        keyed: whether the gate is for one key of a project: then its record may be deleted once it is idle.
    """

    policy: Policy
    claim_lease_ms: int = 60_000
    build_lease_ms: int = 8 * 3_600_000
    freeze: Callable[[Request], Request] = lambda request: request
    woken: bool = False
    knows_policy: bool = True
    polls: bool = False
    children: bool = False
    finds: bool = False
    token_memory_ms: int = 0
    max_staleness_ms: int = 1_000
    clock_margin_ms: int = 0
    keyed: bool = False
