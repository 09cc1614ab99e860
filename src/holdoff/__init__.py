"""Holdoff: many triggers in, few builds out, and the last change always built.

A ``Gate`` controls the builds of one project. Its ``Policy`` says what may start when, its store keeps the state, its
starter starts a build, and each trigger gets a ``Decision``:

    >>> import holdoff
    >>> clock = holdoff.testing.ManualClock()  # default: the machine's clock
    >>> gate = holdoff.Gate(
    ...     "site",
    ...     store=holdoff.open_store("memory:"),  # sqlite:///gates.db outlives the process
    ...     policy=holdoff.Policy(cooldown="10m"),
    ...     starter=holdoff.starters.Call(lambda request, token: f"number {request.source_version}"),
    ...     clock=clock,
    ... )
    >>> print(gate.trigger(source_version="1"))
    site started: build number 1
    >>> clock.advance("1m")
    >>> decision = gate.trigger(source_version="2")
    >>> print(decision)
    site deferred: last built 1m ago, starts at the next trigger or wake in 9m or later
    >>> decision.outcome, decision.why, decision.retry_after
    (<Outcome.DEFERRED: 'deferred'>, <Why.COOLING_DOWN: 'cooling_down'>, 540.0)
    >>> gate.finished("number 1", succeeded=True)
    True
    >>> clock.advance("9m")
    >>> print(gate.wake())  # a WakeLoop does that when the gate is due
    site started: build number 2

Start with ``help(holdoff.Gate)`` and ``help(holdoff.Policy)``. Then: ``open_store`` has the URLs of stores,
``starters`` has what starts builds, ``Status`` says what a gate is doing, and a ``WakeLoop`` wakes gates that are due.
``Store`` and ``Starter`` say what a store or starter of your own has to do, and ``testing`` tests it. Every exception
is a ``HoldoffError``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes 2 ms, and a command behind us would wait for it
if TYPE_CHECKING:
    from typing import Final

    from holdoff import starters, testing
    from holdoff.core.decision import Decision, Outcome, Why
    from holdoff.core.errors import (
        ConfigError,
        EventError,
        HoldoffError,
        RecordInvalid,
        SignatureError,
        StartRefused,
        StartUnknown,
        StoreDenied,
        StoreError,
        StoreMismatch,
        StoreMissing,
        StoreThrottled,
        StoreUnavailable,
        UsageError,
        WakeError,
    )
    from holdoff.core.policy import Policy
    from holdoff.core.request import Request
    from holdoff.gate import Gate
    from holdoff.observe.status import Status
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store
    from holdoff.stores.open import open_store
    from holdoff.wake.loop import WakeLoop

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Decision",
    "EventError",
    "Gate",
    "HoldoffError",
    "Outcome",
    "Policy",
    "RecordInvalid",
    "Request",
    "SignatureError",
    "StartRefused",
    "StartUnknown",
    "Starter",
    "Status",
    "Store",
    "StoreDenied",
    "StoreError",
    "StoreMismatch",
    "StoreMissing",
    "StoreThrottled",
    "StoreUnavailable",
    "UsageError",
    "WakeError",
    "WakeLoop",
    "Why",
    "open_store",
    "starters",
    "testing",
]

# Resolved when first asked for (PEP 562), so that `import holdoff` and the command line load only what they use.
_HOME: Final = {
    "Decision": "holdoff.core.decision",
    "Gate": "holdoff.gate",
    "Outcome": "holdoff.core.decision",
    "Policy": "holdoff.core.policy",
    "Request": "holdoff.core.request",
    "Starter": "holdoff.starters.base",
    "Status": "holdoff.observe.status",
    "Store": "holdoff.stores.base",
    "WakeLoop": "holdoff.wake.loop",
    "Why": "holdoff.core.decision",
    "open_store": "holdoff.stores.open",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'holdoff' has no attribute {name!r}")
    from importlib import import_module

    if name in {"starters", "testing"}:
        return import_module(f"holdoff.{name}")
    return getattr(import_module(_HOME.get(name, "holdoff.core.errors")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
