"""The WakeScheduler protocol: it arranges that a gate is woken at an instant, for a process that cannot wait that long.

The user does not choose whether a gate needs a wake: it needs one while ``Gate.wake_ms`` names an instant. If a wake is
lost, the next search for due gates finds the gate: a sweep, ``holdoff wake`` or a loop.
"""

from __future__ import annotations

from typing import Protocol

from holdoff.core.request import GateKey


class WakeScheduler(Protocol):
    """Arranges wakes."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """Arrange that the gate is woken at ``due_ms`` or soon after, never before. Two calls make one wake.

        Raises:
            WakeError: the wake could not be arranged; a sweep has to find the gate.
        """
