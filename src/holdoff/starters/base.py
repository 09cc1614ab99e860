"""The Starter protocol: what starts a build.

A starter is any object with ``start(request, token) -> build id``. It may have more, and is asked only for what it has:

* ``freeze(request) -> Request``: the request with ``parameters`` set to all that ``start`` will send besides (JSON
  text), so that a take-over, perhaps after a deploy of other settings, sends the very same. Pure: no I/O, no clock.
* ``find(token, request) -> build id | None``: is there a build with this token? Asked before a claim that somebody left
  is started again, because services forget tokens (CodeBuild: after 5 minutes). Whatever it raises means that it
  cannot tell.
* ``token_memory_ms``: for how long after a claim its token surely is remembered: so long the same token is as good as
  an answer of ``find``.
* ``for_region(region) -> starter``: itself, for gates of that region.
* ``status(build_id) -> "running" | "succeeded" | "failed"``: what became of it.
* ``cancel(build_id)``: stop it.
* ``wait(build_id, beat, every_ms) -> exit status``: for builds that are this process's own children: block until it
  ended, calling ``beat()`` every ``every_ms`` meanwhile.
* ``start_budget_ms``: how long ``start`` may take with all its retries. Must be under the claim's lease.

``StartRefused`` says that the build certainly does not exist. Any other exception says that nobody knows.

Register your own in the entry-point group ``holdoff.starters`` under its name, as a callable that takes the settings
of the table ``starter`` in ``holdoff.toml``.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from holdoff.core.record import Request


@runtime_checkable
class Starter(Protocol):
    """What starts a build."""

    def start(self, request: Request, token: str) -> str:
        """Start it, at most once for a token if the service allows, and return the build's id.

        Raises:
            StartRefused: the build certainly does not exist.
            Exception: anything else means that nobody knows.
        """
        ...
