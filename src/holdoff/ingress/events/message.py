"""One event, out of its envelopes: what it holds, whose id it has, and what power it came with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdoff.config.rules import OF_ENVELOPES
from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.intents import Origin
from holdoff.ingress.events.paths import ABSENT, look_up

#: So many events may be in one from outside: each may be a write to a store, and a megabyte could hold 300,000.
MOST_PARTS: Final = 1_000


class Message(Value):
    """One event. Its content stays out of logs: it may hold secrets.

    Attributes:
        kind: what it is, or else the innermost envelope it came in: ``direct``, ``wake``, ``eventbridge``, ``sns``,
            ``sqs``, ``s3`` or ``http``.
        id: its own id, the innermost one there is.
        event: the innermost event: a JSON object most often; text where a queue or topic carried text.
        envelopes: those that rules may look at, by name: ``http``, ``sns``, ``sqs``; and ``change``, what is known of
            the change, in words that are the same for all senders.
        origin: what power it has.
        error: why it could not be opened, where others came with it.
    """

    kind: str = "direct"
    id: str | None = None
    event: Any
    envelopes: Mapping[str, Any] = {}
    origin: Origin = Origin()
    error: EventError | None = None

    def __repr__(self) -> str:
        return f"Message(kind={self.kind!r}, id={self.id!r})"

    def look(self, path: str, otherwise: object = None) -> Any:
        """What lies at a path below the event, or in an envelope, at ``sns.TopicArn``. At no path (``""``) is nothing.

        A path of an envelope leads to no other place: what an event says of itself is no envelope.
        """
        found = look_up(self.envelopes if OF_ENVELOPES.match(path) else self.event, path) if path else ABSENT
        return otherwise if found is ABSENT else found
