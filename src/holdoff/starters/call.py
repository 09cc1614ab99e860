"""A Python callable as a starter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdoff.core.errors import ConfigError
from holdoff.core.request import Request
from holdoff.core.shown import kind_of
from holdoff.core.units import Duration, parse_duration


class Call:
    """Starts a build by calling ``function(request, token)``.

    The function's result is the build's id. If the result is ``None``, the token is the id. The function raises
    ``StartRefused`` if the build certainly does not exist. After any other exception the claim stays for its lease, and
    then the function is called again with the same token: use the token to recognise a build that exists already.

    Args:
        function: starts the build.
        budget: how long a call may take, with its own time-outs and retries.

    Raises:
        ConfigError: ``function`` cannot be called, or the budget is no duration over zero.
    """

    def __init__(self, function: Callable[[Request, str], object], *, budget: Duration = "30s") -> None:
        if not callable(function):
            raise ConfigError(field="function", got=kind_of(function), want="a function of a request and a token")
        self.function = function
        self.start_budget_ms: int = parse_duration(budget, field="budget")
        if not self.start_budget_ms:
            raise ConfigError(field="budget", got=budget, want="how long a call may take, such as '30s'")

    def start(self, request: Request, token: str) -> Any:
        """Call the function. The gate makes an id of any result."""
        result = self.function(request, token)
        return token if result is None else result
