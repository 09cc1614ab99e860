"""A Python callable as a starter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.core.record import Request


class Call:
    """Starts a build by calling ``function(request, token)``.

    The function's result is the build's id; where it gives none, the token is. Raise ``StartRefused`` where the build
    certainly does not exist; any other exception leaves the claim for its lease, after which the function is called
    again with the same token: use it to recognise a build that exists already.
    """

    def __init__(self, function: Callable[[Request, str], object]) -> None:
        self.function = function

    def start(self, request: Request, token: str) -> str:
        """Call it."""
        result = self.function(request, token)
        return token if result is None else str(result)
