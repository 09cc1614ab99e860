"""A queue for webhooks that were signed as they should be and came to nothing: senders seldom try again.

What could be understood is kept in the form of a direct invoke: sent to the function, or to a queue in front of it, it
does what the webhook would have done. What could not is kept as it came, without what may be secret: sent again once
there is a rule for it, it is understood.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from holdoff import boto
from holdoff.ingress.events import OWN, WEBHOOK, plain_headers

if TYPE_CHECKING:
    from holdoff.ingress.events import HttpRequest
    from holdoff.ingress.routes import Asked

#: A message may have 1 MiB (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html);
#: front ends take far larger bodies than any webhook needs.
MOST_BODY: Final = 200_000
CONNECT_S: Final = 2
READ_S: Final = 3
TRIES: Final = 2


class DeadLetters:
    """The queue of this URL."""

    def __init__(self, url: str, *, client: Any = None) -> None:
        self._url = url
        self._client = client

    def keep(self, letter: dict[str, object]) -> None:
        """Put it into the queue.

        Raises:
            Exception: whatever the queue's client raises.
        """
        if self._client is None:
            self._client = boto.client(
                "sqs", region=None, connect_s=CONNECT_S, read_s=READ_S, tries=TRIES
            )
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(letter))


def understood(asked: Asked) -> dict[str, object]:
    """A trigger as a direct invoke asks for it."""
    fields = {
        "project": asked.project,
        "region": asked.region,
        "reason": asked.reason,
        "source_version": asked.source_version,
        "event_id": asked.event_id,
        "environment": dict(asked.environment),
        "force": asked.force,
        "by": asked.by,
    }
    return {name: value for name, value in fields.items() if value}


def as_it_came(request: HttpRequest, error: Exception) -> dict[str, object]:
    """A webhook that could not be understood, and why. Once there is a rule for it, it can be sent again as it lies."""
    body = request.body[:MOST_BODY].decode(errors="replace")
    return {
        OWN: WEBHOOK,
        "error": str(error),
        "method": request.method,
        "path": request.path,
        "headers": plain_headers(request),
        "body": body,
    }
