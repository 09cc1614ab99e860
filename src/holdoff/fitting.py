"""Checks that the parts of a gate fit together: store, starter, clock, policy and leases. A part that does not fit is
refused here, before the first trigger."""

from __future__ import annotations

from collections.abc import Callable

from holdoff.core.errors import ConfigError, HoldoffError
from holdoff.core.policy import Policy
from holdoff.core.request import Request
from holdoff.core.shown import kind_of
from holdoff.core.units import MAX_DURATION_MS, is_whole, optional_duration, parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from holdoff.starters.base import Starter

#: For each part of a gate: a method that it must have, and what would be right.
_DOES: Final = {
    "store": ("swap", "a store, such as holdoff.open_store('sqlite:///gates.db')"),
    "starter": ("start", "an object with start(request, token), such as holdoff.starters.Call(function)"),
    "clock": ("now_ms", "a clock, such as holdoff.testing.ManualClock()"),
}


def check_does(field: str, got: object) -> None:
    """Refuse what cannot be a store, a starter or a clock, such as a class in place of an object. ``None`` is right."""
    method, want = _DOES[field]
    if got is not None and (isinstance(got, type) or not callable(getattr(got, method, None))):
        raise ConfigError(field=field, got=kind_of(got), want=want)


def check_overlap(policy: Policy, starter: Starter | None) -> None:
    """Refuse ``overlap="cancel"`` with a starter that cannot cancel builds."""
    if policy.overlap == "cancel" and starter is not None and not hasattr(starter, "cancel"):
        raise ConfigError(field="overlap", got="cancel", want="another: this starter cannot cancel a build")


def freezer(starter: Starter | None) -> Callable[[Request], Request]:
    """The starter's ``freeze``. It is called before the claim is written. If it raises, nothing was started."""
    freeze, claimant = getattr(starter, "freeze", None), getattr(starter, "claimant", None)
    if freeze is None:
        return lambda request: request if claimant is None else request.but(parameters=claimant())

    def frozen(request: Request) -> Request:
        try:
            new = freeze(request)
        except HoldoffError:
            raise
        except Exception as error:
            raise ConfigError(field="starter", got=error, want="a starter whose freeze() raises nothing") from error
        if not isinstance(new, Request) or new.but(parameters="") != request.but(parameters=""):
            raise ConfigError(field="starter", got=new, want="a starter whose freeze() sets nothing but parameters")
        return new

    return frozen


def claim_lease_ms(claim_lease: object, starter: Starter | None) -> int:
    """The lease of a claim. It must be longer than ``start_budget_ms`` of the starter."""
    lease_ms = parse_duration(claim_lease, field="claim_lease")
    budget_ms = starter_ms(starter, "start_budget_ms", 0)
    if lease_ms <= budget_ms:
        want = (
            f"more than {budget_ms / 1000:g}s, what the starter may take to find, cancel and start with all its retries"
        )
        raise ConfigError(field="claim_lease", got=claim_lease, want=want)
    return lease_ms


def build_lease_ms(build_lease: object, starter: Starter | None) -> int:
    """The lease of a build. Default: the starter's."""
    of_starter_ms = starter_ms(starter, "build_lease_ms", 8 * 3_600_000, least_ms=1)
    return optional_duration(build_lease, field="build_lease") or of_starter_ms


def starter_ms(starter: Starter | None, name: str, otherwise_ms: int, *, least_ms: int = 0) -> int:
    """A duration that the starter declares. It goes into the record, so it is checked."""
    ms: int = getattr(starter, name, otherwise_ms)
    if not is_whole(ms, least_ms, MAX_DURATION_MS):
        want = f"whole milliseconds, from {least_ms} to {MAX_DURATION_MS:,} (366d)"
        raise ConfigError(field=f"starter.{name}", got=ms, want=want)
    return ms
