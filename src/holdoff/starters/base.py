"""The Starter protocol: a starter starts builds.

A starter is any object with ``start(request, token) -> build id``. A gate also uses each of these that is there:

* ``freeze(request) -> Request``: the request with ``parameters`` set to all else that ``start`` will send (JSON text).
  So a take-over sends the very same, even after a deploy of other settings. Pure: no I/O, no clock.
* ``find(token, request) -> build id | None``: the build with this token; ``None``: there is none. The gate asks before
  it starts the claim of another process again, because services forget tokens (CodeBuild: after 5 minutes). A starter
  that cannot tell raises: ``None`` is an answer. Empty text, or a value of another type, is no answer.
* ``token_memory_ms``: for how long after a claim the service surely remembers its token. Until then starting again with
  the token is as safe as ``find``. Missing, or 0: starting again makes another build.
* ``for_region(region) -> starter``: a starter of the same kind, for gates of that region.
* ``status(build_id) -> "running" | "succeeded" | "failed" | None``: the build's state; ``None``: no such build here.
  Raises if that cannot be found out.
* ``cancel(build_id)``: stop the build; one that has ended stays as it is. Raises if there is no such build, or if it
  could not be stopped. ``stop(build_id)``, for builds that can be waited for: ask the build to end, and do not wait for
  that.
* ``wait(build_id, beat, every_ms) -> exit status | None``: for builds that are children of this process. Block until
  the build has ended, and call ``beat()`` every ``every_ms`` meanwhile; ``None``: it is no child of this process.
* ``lives(build_id) -> bool | None``, with ``claimant() -> JSON text`` and ``claims(claimant) -> bool | None``: for
  builds that are processes of this machine, where the starter can know for certain, in spite of the leases: whether the
  build runs, and whether the process that claimed a start will still make it; ``None``: the lease decides. Such a
  starter has no ``freeze``: ``claimant()`` is kept with the claim in its place.
* ``start_budget_ms``: how long ``find``, ``cancel`` and ``start`` may take *together*, with all their time-outs and
  retries. It must be under the claim's lease (60 s): a claimant must not start after its lease.
* ``build_lease_ms``: the longest time that a build can run. A gate that waits for the build renews this lease. Like the
  other two durations it is in whole milliseconds, up to 366 days.

**What a starter may do.** It may return anything, and raise anything, even ``KeyboardInterrupt``. The gate makes each
id storable, so that a confirm can always be written (``core.request.storable``): it becomes text, control characters
and halves of surrogate pairs are replaced, and 400 characters are kept. For ``None`` or empty text the token is the id.
``status``, ``cancel`` and ``wait`` get the stored id.

**What an exception of start means.** ``StartRefused``: the build certainly does not exist, and the slot is given back.
Any other exception: the build may exist, and the claim stays for its lease.

Register your own starter in the entry-point group ``holdoff.starters`` under its name, as a callable that takes the
settings of the table ``starter`` in ``holdoff.toml``; ``holdoff.testing.StarterConformance`` tests it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from holdoff.core.errors import ConfigError, StartUnknown
from holdoff.core.request import TOKEN_VARIABLE, Request

_T = TypeVar("_T")
#: How far clocks may differ (AWS allows 5 minutes). Older builds than that, before the token's instant, are ignored.
LOOK_BACK_MS: Final = 600_000
#: A starter remembers of so many builds what the service said, where it has to ask for each build.
MOST_SEEN: Final = 10_000
#: The hint of a search for a build that failed, if there is no better one.
GIVE_UP: Final = "If this goes on, `holdoff reset PROJECT --drop-claim` gives the start up; its build may exist"
#: A gate's record may hold up to four frozen requests.
MAX_FROZEN_BYTES: Final = 16_384


def remember(seen: dict[str, _T], key: str, answer: _T) -> _T:
    """Keep what a service said of a build, for ``MOST_SEEN`` builds at most."""
    if len(seen) >= MOST_SEEN:
        seen.clear()
    seen[key] = answer
    return answer


def check_no_token(environment: Container[str]) -> None:
    """Refuse a setting of the variable that each start sets."""
    if TOKEN_VARIABLE in environment:
        want = "another name: this one carries the start's token"
        raise ConfigError(field="environment", got=TOKEN_VARIABLE, want=want)


def frozen_parameters(starter: Any, request: Request, is_own: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The parameters of a request, which is frozen now if it is not yet. Raises ``StartUnknown`` if another starter
    froze it."""
    with suppress(ValueError):
        parameters = json.loads(request.parameters or starter.freeze(request).parameters)
        if isinstance(parameters, dict) and is_own(parameters):
            return parameters
    raise frozen_by_another(request, starter.service)


def frozen_by_another(request: Request, service: str) -> StartUnknown:
    """The error of a starter that is to finish the start of another kind of starter: it cannot know of that build."""
    return StartUnknown(
        f"this start of {request.project} was frozen by another starter than {service}",
        hint="Give the gate that starter back until the start is finished",
    )


@runtime_checkable
class Starter(Protocol):
    """Starts builds."""

    def start(self, request: Request, token: str) -> str:
        """Start the build, at most once for a token if the service allows that, and return the build's id."""
