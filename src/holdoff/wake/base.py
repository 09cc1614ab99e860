"""The WakeScheduler protocol: what arranges that a gate is woken at an instant, for a process that cannot wait for it.

Whether a gate needs a wake is not the user's to say: it does while ``Gate.wake_ms`` names an instant. A wake that is
lost is made good by the next look for due gates: a sweep, ``holdoff wake``, a loop, the next trigger.
"""

from __future__ import annotations

from typing import Protocol

from holdoff.core.request import GateKey


class WakeScheduler(Protocol):
    """Arranges wakes."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """See to it that the gate is woken at ``due_ms`` or soon after, never before. Asked twice, it is woken once.

        Raises:
            WakeError: it could not be arranged; a sweep will have to find the gate.
        """
        ...
