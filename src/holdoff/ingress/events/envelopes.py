"""Foreign events -> messages: opens the envelopes. Pure: no I/O, no clock, no AWS library.

``rules`` says what a message asks for. ``signatures`` checks who sent a webhook.

**Ids.** An event must have the same id in every delivery and on every way, so that a second delivery is a duplicate.
So the innermost event's own id wins over the id of any envelope. S3's events have none, so their content makes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from holdoff.config.schemes import EVENT_HEADERS
from holdoff.core.errors import EventError
from holdoff.ingress.events.aside import ASIDE, taken_back
from holdoff.ingress.events.aws import BY_TYPE, DETAILS
from holdoff.ingress.events.http import HttpRequest, content_of, delivery_id, handshake_in, is_http, plain_headers
from holdoff.ingress.events.kinds import fits
from holdoff.ingress.events.message import MOST_PARTS, Message, Origin
from holdoff.ingress.events.paths import dig, kind_of, needed, plain, text_at

#: The key of Holdoff's own messages: "wake", "sweep", or ``ASIDE`` (a checked webhook that was put aside).
CONTROL: Final = "holdoff"
#: Envelopes in envelopes: EventBridge in SNS in SQS in a dead letter makes four.
MAX_DEPTH: Final = 8


def opened(event: object, *, request_id: str | None = None) -> list[Message]:
    """The messages in an invocation's event. An HTTP request is not opened here: ``signatures.check`` it first.

    If Lambda delivers an invocation again, its ``request_id`` is the same. The record of a failed invocation names it,
    too. So it makes an id for an event without one (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html).
    Raises an ``EventError`` if the event cannot be opened.
    """
    return _opened(Message(event=event, id=f"invoke:{request_id}" if request_id else None), 0)


def is_sqs(event: object) -> bool:
    """Whether it is a batch of a queue. The answer is ``batchItemFailures``, so each record needs its id."""
    records = dig(event, "Records")
    if not isinstance(records, list) or not records:
        return False
    return all(text_at(one, "eventSource") == "aws:sqs" and text_at(one, "messageId") for one in records)


def is_fifo(batch: object) -> bool:
    """Whether a batch's queue keeps an order: after the first failure the rest of the batch has to wait."""
    return (text_at(batch, "Records.0.eventSourceARN") or "").endswith(".fifo")


def is_custom_resource(event: object) -> bool:
    """Whether a stack of CloudFormation waits for the answer to an invocation."""
    return all(text_at(event, name) for name in ("RequestType", "ResponseURL", "StackId", "RequestId"))


def _opened(message: Message, depth: int) -> list[Message]:
    event = plain(message.event)
    message = message.but(event=event)
    if depth > MAX_DEPTH:
        raise EventError("event", f"has envelopes in envelopes, more than {MAX_DEPTH} deep")
    if isinstance(event, list) and event and all(isinstance(one, dict) for one in event):
        return _each(event, message, depth)  # EventBridge Pipes hand on lists
    if not isinstance(event, dict):
        return [message]
    if (text_at(event, "eventSource", "EventSource") or "").startswith("aws:") and "Records" not in event:
        return _record(message, depth)  # EventBridge Pipes put single records into queues
    if is_http(event):
        raise EventError("event", "is an HTTP request where none can be checked for its signature")
    if isinstance(event.get("Records"), list) and event["Records"]:
        return _each(event["Records"], message, depth)
    if event.get(CONTROL) == ASIDE and message.envelopes.keys() <= {"sqs"}:
        webhook = http_message(*taken_back(event))
        return [webhook.but(id=webhook.id or message.id)]
    if CONTROL in event:
        return [message.but(kind="wake")]
    if _is_failed_invocation(event):
        own = text_at(event, "requestContext.requestId")
        id_ = f"invoke:{own}" if own else message.id
        return _opened(message.but(event=event["requestPayload"], id=id_), depth + 1)
    if is_eventbridge(event):
        carries = dig(event, "detail.eventSource") == "aws:sqs" or _is_failed_invocation(event.get("detail"))
        return _carried(message, "eventbridge", event, depth) if carries else [_whole(message) or _eventbridge(message)]
    is_by_hand = event.keys() == {"Type", "Message"}  # tests often leave the rest out
    if event.get("Type") == "Notification" and (is_by_hand or event.keys() & {"MessageId", "TopicArn"}):
        return _carried(message, "sns", event, depth)
    return [_whole(message) or message]


def _is_failed_invocation(event: object) -> bool:
    """Whether it is the record of a failed invocation, which contains the event
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)."""
    is_record = isinstance(event, dict) and "requestPayload" in event and "requestContext" in event
    return is_record and text_at(event, "requestContext.condition") != "Success"


def _each(items: list[Any], message: Message, depth: int) -> list[Message]:
    """The messages of a list. An item without an id of its own is told from its neighbours by its place in the list. An
    item that cannot be opened does not stop the others."""
    messages: list[Message] = []
    for place, item in enumerate(items):
        numbered = f"{message.id}#{place}" if message.id and len(items) > 1 else message.id
        one = message.but(event=item, id=numbered)
        try:
            messages += _record(one, depth + 1)
        except EventError as error:
            if len(items) == 1:
                raise
            messages.append(one.but(error=error))
        if message.origin.outside and len(messages) > MOST_PARTS:
            raise EventError("event", f"holds more than {MOST_PARTS} events")
    return messages


#: The source of a record that names none, by its content: tests by hand leave the source out. All streams are alike.
_TOLD: Final = {"s3.bucket": "s3", "Sns.Message": "sns", "body": "sqs", "codecommit": "", "dynamodb": "", "kinesis": ""}


def _record(message: Message, depth: int) -> list[Message]:
    record = message.event
    source = text_at(record, "eventSource", "EventSource")
    if source is None and not is_http(record):
        source = next((f"aws:{name}" for path, name in _TOLD.items() if dig(record, path) is not None), None)
    if source == "aws:sqs":
        return _carried(message, "sqs", record, depth)
    if source == "aws:sns":
        return _carried(message, "sns", dig(record, "Sns"), depth)
    if source is not None and source.endswith(":s3"):  # MinIO's is its own
        return [message.but(kind="s3", id=_s3_id(record) or message.id)]
    if source is not None:  # a stream's, most often
        return [message.but(id=text_at(record, "eventID", "eventId") or message.id)]
    if not isinstance(record, dict):
        raise EventError("event.Records", f"holds what is {kind_of(record)}, not an object")
    return _opened(message, depth)


#: The name of an envelope in errors, where its content and its id are, and which of its fields rules may look at:
#: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
#: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, and in a queue the same with ``Type``.
_CARRIERS: Final = {
    "sqs": ("record", "body", "messageId", ("eventSourceARN", "attributes", "body")),
    "sns": ("record.Sns", "Message", "MessageId", ("TopicArn", "Subject", "Message")),
    # EventBridge Pipes put a queue's record on a bus like this, and Lambda a failed invocation. An event of your own is
    # no envelope, whatever its detail is.
    "eventbridge": ("event", "detail", "id", ("source", "detail-type")),
}


def _carried(message: Message, kind: str, envelope: object, depth: int) -> list[Message]:
    """The messages in an envelope's text. JSON objects and lists are opened; any other content stays text."""
    name, content, own_id, about = _CARRIERS[kind]
    value = dig(envelope, content)
    if not isinstance(value, dict | list):  # as EventBridge Pipes may have opened it
        value = needed(envelope, content, name)
    inside = message.but(
        kind=kind,
        id=text_at(envelope, own_id) or message.id,
        origin=message.origin.but(outside=True),
        event=value,
        envelopes={**message.envelopes, kind: {key: dig(envelope, key) for key in about}},
    )
    return _opened(inside, depth + 1)


def is_eventbridge(event: Mapping[str, Any]) -> bool:
    """Whether it is EventBridge's form, or that of the developer tools' notifications, which is nearly the same."""
    return "detail-type" in event or ("detailType" in event and "detail" in event)


def _eventbridge(message: Message) -> Message:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html

    AWS's quick start for GitHub makes events of deliveries: the type is the header's, the detail is the body
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas-furls.html).
    """
    event = {"detail-type": message.event.get("detailType"), **message.event}
    if "detail" in event:
        event["detail"] = plain(event["detail"])
    own = (_s3_id(event) if event.get("source") == "aws.s3" else None) or text_at(event, "id")
    envelopes = message.envelopes
    if event.get("source") == "github.com" and isinstance(event.get("detail"), dict):
        envelopes = {**envelopes, "http": {"headers": {"x-github-event": event["detail-type"]}}}
        event = event["detail"]
    return message.but(kind="eventbridge", event=event, id=own or message.id, envelopes=envelopes)


#: S3's notifications and EventBridge's events have different names for these. ``Object Deleted`` includes deletions by
#: lifecycle rules.
_SAME_IN_S3: Final = {"Removed": "Deleted", "LifecycleExpiration": "Deleted"}


def _s3_id(event: object) -> str | None:
    """The id of S3's event, the same in a notification and on EventBridge; ``None``: it does not say enough for one.

    Bucket, key and sequencer are in both forms
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Only writes and deletions have a sequencer.
    The other events are told apart by the request's id.
    """
    what = text_at(event, "detail-type", "eventName")
    bucket = text_at(event, "detail.bucket.name", "s3.bucket.name")
    # A notification has the key encoded as in a URL, EventBridge has it plain.
    key = text_at(event, "detail.object.key") or unquote_plus(text_at(event, "s3.object.key") or "")
    sequencer = text_at(event, "detail.object.sequencer", "s3.object.sequencer")
    mark = sequencer or text_at(event, "detail.request-id", "responseElements.x-amz-request-id")
    if not (bucket and key and mark and what):
        return None
    # ``Object Created`` and ``ObjectCreated:Put`` are the same; so are ``Object Deleted`` and ``ObjectRemoved:Delete``.
    short = what.removeprefix("s3:").partition(":")[0].replace(" ", "").removeprefix("Object")
    return f"s3:{bucket}/{key}#{mark}:{_SAME_IN_S3.get(short, short)}"


def _whole(message: Message) -> Message | None:
    """The whole event of a detail that came alone, or without type or source; ``None``: it is no such detail."""
    event = message.event
    detail, told = plain(event.get("detail", event)), event.get("detail-type", event.get("detailType"))
    is_part = not {"source", "detail-type"} <= event.keys() and (told is None or fits(message, BY_TYPE))
    for when, source, kind in DETAILS if is_part else ():
        is_known = fits(message.but(event=detail), when) and event.get("source", source) == source
        if is_known and not {"project", "source_version"} & {*event, *detail}:
            whole = {**event, "source": source, "detail-type": told or kind, "detail": detail}
            return _eventbridge(message.but(event=whole))
    return None


def _is_envelope(event: Mapping[str, Any]) -> bool:
    """Whether a body is an envelope, as SNS, MinIO, EventBridge and its Pipes post it to a URL."""
    source = text_at(event, "eventSource", "EventSource", "Records.0.eventSource", "Records.0.EventSource") or ""
    is_of_topic = event.get("Type") == "Notification" and "TopicArn" in event
    is_bridged = is_eventbridge(event) or _is_failed_invocation(event)
    return is_bridged or is_of_topic or source.startswith("aws:") or source.endswith(":s3")


def http_message(request: HttpRequest, origin: Origin) -> Message:
    """The message in a request whose signature was checked. Raises an ``EventError`` if the body does not fit the
    headers."""
    about = {
        "method": request.method,
        "path": request.path,
        "headers": plain_headers(request),
        "webhook": origin.scheme,
    }
    event = plain(content_of(request)) if request.body else handshake_in(request.method, request.query)
    message = Message(
        kind="http", id=delivery_id(request.headers), event=event, envelopes={"http": about}, origin=origin
    )
    if not isinstance(event, dict) or request.headers.keys() & EVENT_HEADERS:  # a sender's own form
        return message
    if not _is_envelope(event):
        return message.but(kind="wake") if event.get(CONTROL) in ("wake", "sweep") else _whole(message) or message
    several = _opened(message, 0)
    if len(several) > 1 and event.get("Type") == "Notification":
        hint = "Subscribe the function itself to the topic"
        raise EventError("event.Message", "holds several events, and a webhook is one", hint=hint)
    return several[0] if len(several) == 1 else message
