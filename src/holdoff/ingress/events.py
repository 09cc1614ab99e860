"""Foreign events -> messages: envelopes opened, whatever they came in. Pure: no I/O, no clock, no AWS library.

What a message asks for is ``routes``' affair; whether a webhook is signed as it should be is ``signatures``'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["direct", "wake", "eventbridge", "codebuild", "sns", "sqs", "s3", "http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event, out of its envelopes.

    Attributes:
        kind: what it is, or else the innermost envelope it came in.
        id: its own id, the innermost one there is: the same for each delivery of it, whatever way it came.
        event: the innermost event: a JSON object most often; text where a queue or topic carried text.
        queue_id: the SQS ``messageId``, where it came by a queue (for ``batchItemFailures``).
        around: the envelopes that rules may look at, by name: ``http``, ``sns``, ``sqs``.
    """

    kind: Kind
    id: str | None
    event: Any
    queue_id: str | None = None
    around: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request, as any of the front ends hand it on.

    Attributes:
        headers: by lower-case name; several of one name are joined with a comma.
        body: the bytes as they were sent: what a signature is over.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def opened(event: object) -> list[Message]:
    """The messages in an invocation's event. An HTTP request is not opened here: ``signatures.check`` it first.

    Raises:
        EventError: it cannot be opened.
    """
    raise NotImplementedError


def opened_record(record: object) -> list[Message]:
    """The messages in one record of ``event["Records"]``.

    Raises:
        EventError: it cannot be opened.
    """
    raise NotImplementedError


def is_http(event: object) -> bool:
    """Whether it is an HTTP request, of API Gateway, a function URL or a load balancer."""
    raise NotImplementedError


def is_sqs(event: object) -> bool:
    """Whether it is a batch of a queue: answered with ``batchItemFailures``."""
    raise NotImplementedError


def is_fifo(event: object) -> bool:
    """Whether that queue keeps an order: after the first failure nothing more of the batch is taken."""
    raise NotImplementedError


def http_request(event: object) -> HttpRequest:
    """The request in an event of API Gateway (either format), a function URL or a load balancer.

    Raises:
        EventError: it is none.
    """
    raise NotImplementedError


def http_message(request: HttpRequest) -> Message:
    """The message in a request whose signature was checked.

    Raises:
        EventError: its body is not what its headers say.
    """
    raise NotImplementedError
