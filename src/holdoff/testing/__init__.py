"""For tests, ours and yours: a clock that the test moves, and the suites that every store and starter must pass.

``StoreMachine`` tries a store with random histories. It needs ``hypothesis``, ``StarterConformance`` needs ``pytest``,
and the rest neither.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from holdoff.testing.clock import ManualClock

if TYPE_CHECKING:
    from holdoff.testing.conformance import StoreConformance
    from holdoff.testing.starters import StarterConformance
    from holdoff.testing.stateful import StoreMachine as StoreMachine  # not in __all__: few have hypothesis

__all__ = ["ManualClock", "StarterConformance", "StoreConformance"]

_HOME = {"StarterConformance": "starters", "StoreConformance": "conformance", "StoreMachine": "stateful"}

if _pytest := sys.modules.get("pytest"):  # a failed assert of a suite shows its values, as in a file of tests
    _pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _HOME.values()))


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'holdoff.testing' has no attribute {name!r}")
    return getattr(import_module(f"holdoff.testing.{_HOME[name]}"), name)
