"""The terms of a decision: the gate's policy, and what its starter and its store can do."""

from __future__ import annotations

from collections.abc import Callable

from holdoff.core.policy import Policy
from holdoff.core.request import Request
from holdoff.core.value import Value


class Terms(Value):
    """What the rules depend on, besides the record and the time."""

    policy: Policy
    #: How long a claimant has to start and confirm; longer than the starter's time-outs and retries.
    claim_lease_ms: int = 60_000
    build_lease_ms: int = 8 * 3_600_000  #: after how long a build whose end is not reported counts as ended
    #: Adds what the starter will send to a request, once, when the claim is made. Must be pure.
    freeze: Callable[[Request], Request] = lambda request: request
    woken: bool = False  #: whether something wakes the gate when it is due; only messages depend on it
    knows_policy: bool = True  #: whether ``policy`` is the gate's own, and no stand-in for one that is not known here
    has_starter: bool = True  #: without one, it is not known whether a running build is asked for
    polls: bool = False  #: whether the starter can be asked how a build is
    children: bool = False  #: whether builds are child processes of what starts them, which reports the end of each
    finds: bool = False  #: whether the starter can be asked for the build of a token
    token_memory_ms: int = 0  #: for how long after a claim the starter surely remembers its token
    max_staleness_ms: int = 1_000  #: how old the snapshot may be that a *skip* uses
    clock_margin_ms: int = 0  #: how far apart the clocks of two machines on one store may be
    #: Whether the gate is for one key of a project: then its record may be deleted once it is idle.
    keyed: bool = False
