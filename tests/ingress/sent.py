"""The rows of the table of events: what a sender sends, and what is expected to become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from holdoff.ingress.events.http import HttpRequest

Event = HttpRequest | dict[str, Any]


class Built(NamedTuple):
    """One trigger; what is ``None`` is not known."""

    version: str | None = None
    line: str | None = None
    at_ms: int | None = None
    parent: str | None = None
    id: str | None = None
    by: str | None = None
    reason: str = ""


class Refused(NamedTuple):
    """An error: a part of what it says."""

    says: str


class Other(NamedTuple):
    """Another intent than a trigger: the name of its class, and what it is for people."""

    kind: str
    shown: str


#: Triggers; or why there is none; or an error; or another intent.
Becomes = tuple[Built, ...] | str | Refused | Other


class Sent(NamedTuple):
    """An event of a sender: a webhook, or an event of AWS; and what becomes of it."""

    sender: str
    event: str
    what: Event
    becomes: Becomes

    @property
    def name(self) -> str:
        """For people and test ids."""
        return f"{self.sender}: {self.event}"


def of(sender: str) -> Callable[..., Sent]:
    """Makes the rows of one sender. After the event there come its triggers, or one thing else."""

    def sent(event: str, what: Event, *becomes: Built | str | Refused | Other) -> Sent:
        built = tuple(one for one in becomes if isinstance(one, Built))
        first = becomes[0]
        return Sent(sender, event, what, first if not isinstance(first, Built) else built)

    return sent


def nothing(sender: str, what: str) -> str:
    """Why an event that is no change builds nothing."""
    return f"nothing is built for {sender}'s {what} unless a rule takes it"
