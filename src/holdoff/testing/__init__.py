"""For tests, ours and yours: a clock that moves when told to, and the suite that every store must pass.

``holdoff.testing.stateful.StoreMachine`` is that suite's restless sister; it needs ``hypothesis``, this does not.
"""

from __future__ import annotations

from holdoff.testing.clock import ManualClock
from holdoff.testing.conformance import StoreConformance

__all__ = ["ManualClock", "StoreConformance"]
