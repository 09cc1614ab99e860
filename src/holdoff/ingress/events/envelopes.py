"""Foreign events -> messages: envelopes opened, whatever they came in. Pure: no I/O, no clock, no AWS library.

What a message asks for is ``rules``' affair; whether a webhook is signed as it should be is ``signatures``'.

**Ids.** The same event must have the same id whatever way it comes and however often: a second delivery is a duplicate.
So the innermost event's own id wins over that of any envelope.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.aws import PIPELINE_JOB, s3_id
from holdoff.ingress.events.http import HttpRequest, content_of, delivery_id, http_request, is_http, plain_headers
from holdoff.ingress.events.paths import dig, kind_of, needed, text_at

Kind = Literal["direct", "wake", "eventbridge", "codebuild", "sns", "sqs", "s3", "http"]
#: The key of Holdoff's own messages: "wake", "sweep", or "webhook", of one that was checked and put aside.
CONTROL: Final = "holdoff"
#: A queue's message may have 1 MiB, and front ends take far larger bodies than any webhook needs:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_BODY: Final = 200_000
#: Envelopes in envelopes: EventBridge in SNS in SQS in a dead letter makes four.
MAX_DEPTH: Final = 8


class Message(Value):
    """One event, out of its envelopes. Its content stays out of logs: it may hold secrets.

    Attributes:
        kind: what it is, or else the innermost envelope it came in.
        id: its own id, the innermost one there is.
        event: the innermost event: a JSON object most often; text where a queue or topic carried text.
        envelopes: those that rules may look at, by name: ``http``, ``sns``, ``sqs``.
    """

    kind: Kind = "direct"
    id: str | None = None
    event: Any
    envelopes: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"Message(kind={self.kind!r}, id={self.id!r})"


def opened(event: object, *, request_id: str | None = None) -> list[Message]:
    """The messages in an invocation's event. An HTTP request is not opened here: ``signatures.check`` it first.

    Lambda repeats ``request_id``, the invocation's, when it delivers again, and names it in the record of what it gave
    up. So it makes an id for what has none (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html).

    Raises:
        EventError: it cannot be opened.
    """
    return _opened(Message(event=event, id=f"invoke:{request_id}" if request_id else None), 0)


def is_sqs(event: object) -> bool:
    """Whether it is a batch of a queue: answered with ``batchItemFailures``, so that each record needs its id."""
    records = dig(event, "Records")
    if not isinstance(records, list) or not records:
        return False
    return all(text_at(one, "eventSource") == "aws:sqs" and text_at(one, "messageId") for one in records)


def is_fifo(batch: object) -> bool:
    """Whether a batch's queue keeps an order: after the first failure nothing more of the batch is taken."""
    return (text_at(batch, "Records.0.eventSourceARN") or "").endswith(".fifo")


def _opened(message: Message, depth: int) -> list[Message]:
    event = message.event
    if depth > MAX_DEPTH:
        raise EventError("event", f"has envelopes in envelopes, more than {MAX_DEPTH} deep")
    if isinstance(event, list) and event and all(isinstance(one, dict) for one in event):
        return _each(event, message, depth)  # EventBridge Pipes hand on lists
    if not isinstance(event, dict):
        return [message]
    if isinstance(event.get("Records"), list):
        return _each(event["Records"], message, depth)
    if event.get(CONTROL) == "webhook":  # one that was ``put_aside``: only the function puts anything there
        webhook = http_message(http_request(event))
        return [webhook.but(id=webhook.id or message.id)]
    if CONTROL in event:
        return [message.but(kind="wake")]
    if "requestPayload" in event and "requestContext" in event:
        failed = text_at(event, "requestContext.requestId")
        own = f"invoke:{failed}" if failed else message.id
        return _opened(message.but(event=event["requestPayload"], id=own), depth + 1)
    if is_http(event):
        raise EventError("event", "is an HTTP request where none can be checked for its signature")
    if is_eventbridge(event):
        return [_eventbridge(message)]
    if event.get("Type") == "Notification" and "MessageId" in event:
        return _carried(message, "sns", event, depth)
    if event.get("Service") == "Amazon S3" and event.get("Event") == "s3:TestEvent":
        return [message.but(kind="s3")]
    return [message.but(id=text_at(event, f"{PIPELINE_JOB}.id") or message.id)]


def _each(items: list[Any], message: Message, depth: int) -> list[Message]:
    """All of a list. What has no id of its own gets its place in the list, or it would pass for its neighbour."""
    messages: list[Message] = []
    for place, item in enumerate(items):
        numbered = f"{message.id}#{place}" if message.id and len(items) > 1 else message.id
        messages += _record(message.but(event=item, id=numbered), depth + 1)
    return messages


def _record(message: Message, depth: int) -> list[Message]:
    record = message.event
    source = text_at(record, "eventSource", "EventSource")
    if source == "aws:sqs":
        return _carried(message, "sqs", record, depth)
    if source == "aws:sns":
        return _carried(message, "sns", dig(record, "Sns"), depth)
    if source == "aws:s3":
        return [message.but(kind="s3", id=s3_id(record) or message.id)]
    if source == "aws:codecommit":
        return _codecommit(message)
    if source is not None:  # a stream's, most often
        return [message.but(id=text_at(record, "eventID", "eventId") or message.id)]
    if not isinstance(record, dict):
        raise EventError("event.Records", f"holds what is {kind_of(record)}, not an object")
    return _opened(message, depth)


#: Where an envelope's content and id are, and what of it rules may look at:
#: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
#: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, and in a queue the same with ``Type``.
_SQS: Final = ("body", "messageId", ("eventSourceARN", "attributes"))
_SNS: Final = ("Message", "MessageId", ("TopicArn", "Subject", "Message"))


def _carried(message: Message, kind: Literal["sns", "sqs"], envelope: object, depth: int) -> list[Message]:
    """The messages in an envelope's text: JSON objects are opened, anything else is text."""
    content, own_id, about = _SQS if kind == "sqs" else _SNS
    text = needed(envelope, content, "record" if kind == "sqs" else "record.Sns")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    inside = message.but(
        kind=kind,
        id=text_at(envelope, own_id) or message.id,
        event=value if isinstance(value, dict | list) else text,
        envelopes={**message.envelopes, kind: {key: dig(envelope, key) for key in about}},
    )
    return _opened(inside, depth + 1)


def _codecommit(message: Message) -> list[Message]:
    """A trigger of CodeCommit itself: one message for each branch or tag pushed. Those of one push share an id.

    https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
    """
    record = message.event
    references = dig(record, "codecommit.references")
    if not isinstance(references, list) or not references:
        raise EventError("record.codecommit.references", "is no list of references")
    own = text_at(record, "eventId") or message.id
    return [
        message.but(
            event={**record, "codecommit": {"references": [reference]}},
            id=f"{own}#{text_at(reference, 'ref')}" if own else None,
        )
        for reference in references
    ]


def is_eventbridge(event: Mapping[str, Any]) -> bool:
    """Whether it is EventBridge's form, or that of the developer tools' notifications, which is nearly the same."""
    return "detail-type" in event or ("detailType" in event and "detail" in event)


def _eventbridge(message: Message) -> Message:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html"""
    event = {"detail-type": message.event.get("detailType"), **message.event}
    source = event.get("source")
    own = (s3_id(event) if source == "aws.s3" else None) or text_at(event, "id")
    kind: Kind = "codebuild" if source == "aws.codebuild" else "eventbridge"
    return message.but(kind=kind, event=event, id=own or message.id)


def http_message(request: HttpRequest) -> Message:
    """The message in a request whose signature was checked. An ``EventError``: its body is not what its headers say."""
    about = {"method": request.method, "path": request.path, "headers": plain_headers(request)}
    event = content_of(request)
    message = Message(kind="http", id=delivery_id(request.headers), event=event, envelopes={"http": about})
    if not isinstance(event, dict) or request.headers.keys() & {"x-github-event", "x-gitlab-event"}:
        return message
    if is_eventbridge(event):  # by an API destination
        return _eventbridge(message)
    return message.but(kind="wake") if event.get(CONTROL) in ("wake", "sweep") else message


def put_aside(request: HttpRequest, error: Exception) -> dict[str, object]:
    """A signed webhook that came to nothing, and why, for Holdoff's own dead letters."""
    return {
        CONTROL: "webhook",
        "error": str(error),
        "method": request.method,
        "path": request.path,
        "headers": plain_headers(request),
        "body": request.body[:MOST_BODY].decode(errors="replace"),
    }
