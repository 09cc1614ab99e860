"""The Waker protocol: what wakes a gate at an instant, for whoever cannot wait for it (a function, say).

Whether a gate needs one is not the user's to say: it does while ``Gate.wake_ms`` names an instant. Whatever a waker
loses, whoever looks for due gates now and then finds: a sweep, ``holdoff wake``, a loop, the next trigger.
"""

from __future__ import annotations

from typing import Protocol

from holdoff.core.record import GateKey


class Waker(Protocol):
    """Arranges wakes."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """See to it that the gate is woken at ``due_ms`` or soon after, never before. Asked twice, it is woken once.

        Raises:
            WakeError: it could not be arranged; a sweep will have to find the gate.
        """
        ...
