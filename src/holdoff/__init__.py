"""Holdoff: many triggers in, few builds out, and the last change always built."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holdoff import starters, testing
    from holdoff.core.decision import Decision, Outcome, Why
    from holdoff.core.errors import (
        ConfigError,
        EventEarly,
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
    from holdoff.stores import open_store

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Decision",
    "EventEarly",
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
    "StoreDenied",
    "StoreError",
    "StoreMismatch",
    "StoreMissing",
    "StoreThrottled",
    "StoreUnavailable",
    "UsageError",
    "WakeError",
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
    "Why": "holdoff.core.decision",
    "open_store": "holdoff.stores",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'holdoff' has no attribute {name!r}")
    if name in {"starters", "testing"}:
        return import_module(f"holdoff.{name}")
    return getattr(import_module(_HOME.get(name, "holdoff.core.errors")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
