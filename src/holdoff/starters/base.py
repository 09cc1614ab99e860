"""The Starter protocol: what starts a build.

A starter is any object with ``start(request, token) -> build id``. It may have more; a gate asks for what is there:

* ``freeze(request) -> Request``: the request with ``parameters`` set to all that ``start`` will send besides (JSON
  text), so that a take-over, perhaps after a deploy of other settings, sends the very same. Pure: no I/O, no clock.
* ``find(token, request) -> build id | None``: the build with this token; ``None``: there is none. Asked before a claim
  that was left behind is started again, because services forget tokens (CodeBuild: after 5 minutes). ``None`` is an
  answer: a starter that cannot tell raises. Empty text, and all that is neither text nor ``None``, is no answer.
* ``token_memory_ms``: for how long after a claim the service surely remembers its token. Until then starting again with
  the token is as safe as ``find``. Not there, or 0: starting again makes another build.
* ``for_region(region) -> starter``: the same kind, for gates of that region.
* ``status(build_id) -> "running" | "succeeded" | "failed" | None``: what became of it; ``None``: no such build here.
* ``cancel(build_id)``: stop it. Raises where there is no such build. ``stop(build_id)``, for builds that can be waited
  for: ask it to end, and do not wait for that.
* ``wait(build_id, beat, every_ms) -> exit status | None``: for builds that are this process's own children: block until
  it ended, calling ``beat()`` every ``every_ms`` meanwhile; ``None``: it is no child of this process.
* ``lives(build_id) -> bool | None``, and with it ``claimant() -> JSON text`` and ``claims(claimant) -> bool | None``:
  for builds that are processes of this machine, where it can be known for certain, whatever the leases say: whether the
  build runs, and whether the process that claimed a start is still about to make it; ``None``: the lease tells. A
  starter that has these has no ``freeze``: ``claimant()`` is kept with the claim in its place.
* ``start_budget_ms``: how long ``find``, ``cancel`` and ``start`` may take *together*, with all their time-outs and
  retries. Must be under the claim's lease (60 s): a claimant that is later than its lease must not start.
* ``build_lease_ms``: how long a build can possibly run; renewed where a gate waits for it. Like the other two durations
  whole milliseconds, up to 366 days.

**What a starter may do.** It may return anything, and raise anything, ``KeyboardInterrupt`` too. The gate makes an id
storable, so that a confirm can always be written (``core.request.storable``): it becomes text, control characters and
halves of surrogate pairs are replaced, and 400 characters are kept; ``None`` and empty text become the token.
``status``, ``cancel`` and ``wait`` are asked with what was stored.

**What an exception of start means.** ``StartRefused``: the build certainly does not exist, and the slot is given back.
Any other: it may exist, and the claim stays for its lease.

Register your own in the entry-point group ``holdoff.starters`` under its name, as a callable that takes the settings
of the table ``starter`` in ``holdoff.toml``; ``holdoff.testing.StarterConformance`` tests it.
"""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from holdoff.core.request import Request

#: Clocks may be apart by this much (AWS allows 5 minutes): builds that were made longer before the token are not looked
#: at.
LOOK_BACK_MS: Final = 600_000
#: Frozen requests stand in the gate's record, up to four of them.
MAX_FROZEN_BYTES: Final = 16_384


@runtime_checkable
class Starter(Protocol):
    """What starts a build."""

    def start(self, request: Request, token: str) -> str:
        """Start it, at most once for a token if the service allows, and return the build's id."""
        ...
