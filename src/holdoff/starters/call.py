"""A Python callable as a starter."""

from __future__ import annotations

from collections.abc import Callable

from holdoff.core.errors import ConfigError, not_awaited
from holdoff.core.request import MAX_BUILD_ID, Request, storable
from holdoff.core.shown import kind_of
from holdoff.core.units import Duration, parse_duration


class Call:
    """Starts a build by calling ``function(request, token)``.

    The function's result is the build's id; where it gives none, the token is. Raise ``StartRefused`` where the build
    certainly does not exist; any other exception leaves the claim for its lease, after which the function is called
    again with the same token: use it to recognise a build that exists already.

    Args:
        function: what starts the build.
        budget: how long a call may take, with time-outs and retries of its own.

    Raises:
        ConfigError: the function is none, or the budget is no duration over zero.
    """

    def __init__(self, function: Callable[[Request, str], object], *, budget: Duration = "30s") -> None:
        if not callable(function):
            raise ConfigError(field="function", got=kind_of(function), want="a function of a request and a token")
        self.function = function
        self.start_budget_ms: int = parse_duration(budget, field="budget")
        if not self.start_budget_ms:
            raise ConfigError(field="budget", got=budget, want="how long a call may take, such as '30s'")

    def start(self, request: Request, token: str) -> str:
        """Call it."""
        result = self.function(request, token)
        if hasattr(result, "__await__"):
            raise not_awaited(result)
        # The build exists: whatever text its id makes, or none, no exception may say that it is not known.
        return token if result is None else storable(result, MAX_BUILD_ID) or token
