"""One event, out of its envelopes: its content, its id, and where it came from, which is its power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdoff.config.rules import OF_ENVELOPES
from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.paths import dig

#: A message from outside may hold so many events. Each may be a write to a store, and a megabyte could hold 300,000.
MOST_PARTS: Final = 1_000


class Origin(Value):
    """Where an event came from, and so its power."""

    #: Whether it came in an envelope, and not as a direct invocation. An event from outside may ask only for builds,
    #: unless a project allows more.
    outside: bool = False
    scheme: str | None = None  #: the scheme that proved a webhook, such as ``github``; ``None``: it is no webhook
    projects: tuple[str, ...] | None = None  #: the projects to which its secret is bound; ``None``: any


class Message(Value):
    """One event. Its content stays out of logs, because it may hold secrets."""

    #: What it is, or its innermost envelope: ``direct``, ``wake``, ``eventbridge``, ``sns``, ``sqs``, ``s3``, ``http``.
    kind: str = "direct"
    id: str | None = None  #: the innermost id
    event: Any  #: the innermost event: most often a JSON object; a text if a queue or a topic carried text
    #: The envelopes that rules may look at, by name: ``http``, ``sns``, ``sqs``; and ``change``, what is known of the
    #: change, in the same words for all senders.
    envelopes: Mapping[str, Any] = {}
    origin: Origin = Origin()
    error: EventError | None = None  #: why it could not be opened, if other messages came with it

    def __repr__(self) -> str:
        return f"Message(kind={self.kind!r}, id={self.id!r})"

    def look(self, path: str, otherwise: object = None) -> Any:
        """What lies at a path below the event, or in an envelope (``sns.TopicArn``). An empty path leads nowhere.

        The path of an envelope never leads into the event: an event cannot claim an envelope for itself.
        """
        return dig(self.envelopes if OF_ENVELOPES.match(path) else self.event, path, otherwise) if path else otherwise

    def items(self, path: str) -> list[Any]:
        """The list at a path; empty, if there is none."""
        found = self.look(path)
        return found if isinstance(found, list) else []
