"""Foreign events -> messages: envelopes opened, whatever they came in. Pure: no I/O, no clock, no AWS library.

What a message asks for is ``routes``' affair; whether a webhook is signed as it should be is ``signatures``'.

**Ids.** The same event must have the same id whatever way it comes and however often: a second delivery is a duplicate.
So the innermost event's own id wins over that of any envelope.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from holdoff.core.errors import EventError
from holdoff.ingress.paths import dig, kind_of, needed, text_at
from holdoff.ingress.s3_ids import s3_id

Kind = Literal["direct", "wake", "eventbridge", "codebuild", "sns", "sqs", "s3", "http"]
#: What our own messages carry: "wake", "sweep", or "webhook", of one that was checked and put aside.
OWN: Final = "holdoff"
WEBHOOK: Final = "webhook"
#: The key under which CodePipeline hands a job to a function
#: (https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html).
PIPELINE_JOB: Final = "CodePipeline.job"
#: Envelopes in envelopes: EventBridge in SNS in SQS in a dead letter makes four.
MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event, out of its envelopes. Its content stays out of logs: it may hold secrets.

    Attributes:
        kind: what it is, or else the innermost envelope it came in.
        id: its own id, the innermost one there is.
        event: the innermost event: a JSON object most often; text where a queue or topic carried text.
        queue_id: the SQS ``messageId``, where it came by a queue (for ``batchItemFailures``).
        around: the envelopes that rules may look at, by name: ``http``, ``sns``, ``sqs``.
    """

    kind: Kind
    id: str | None
    event: Any = field(repr=False)
    queue_id: str | None = None
    around: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request, as any of the front ends hand it on.

    Attributes:
        path: as far as the front end decoded it.
        headers: by lower-case name; several of one name are joined with a comma.
        body: the bytes as they were sent: what a signature is over.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What is known of an event from what it came in."""

    kind: Kind = "direct"
    id: str | None = None
    queue_id: str | None = None
    around: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0

    def message(self, event: object, **known: Any) -> Message:
        known = {"kind": self.kind, "id": self.id} | known
        return Message(event=event, queue_id=self.queue_id, around=self.around, **known)

    def inside(self, **known: Any) -> _Envelope:
        if self.depth >= MAX_DEPTH:
            raise EventError("event", f"has envelopes in envelopes, more than {MAX_DEPTH} deep")
        return replace(self, depth=self.depth + 1, **known)


def opened(event: object, *, request_id: str | None = None) -> list[Message]:
    """The messages in an invocation's event. An HTTP request is not opened here: ``signatures.check`` it first.

    Args:
        request_id: the invocation's. Lambda repeats it when it delivers again, and names it in the record of what it
            gave up, so it makes an id for what has none.

    Raises:
        EventError: it cannot be opened.
    """
    return _opened(event, _Envelope(id=_invocation(request_id)))


def opened_record(record: object) -> list[Message]:
    """The messages in one record of ``event["Records"]``.

    Raises:
        EventError: it cannot be opened.
    """
    return _record(record, _Envelope())


def is_http(event: object) -> bool:
    """Whether it is an HTTP request, of API Gateway, a function URL or a load balancer.

    Nothing else has a ``requestContext``, but the record of a failed invocation, which has its event beside it, and be
    it null (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
    """
    if not isinstance(event, dict) or "requestPayload" in event:
        return False
    return isinstance(event.get("requestContext"), dict)


def is_sqs(event: object) -> bool:
    """Whether it is a batch of a queue: answered with ``batchItemFailures``, so that each record needs its id."""
    records = dig(event, "Records")
    return isinstance(records, list) and bool(records) and all(map(_is_of_queue, records))


def _is_of_queue(record: object) -> bool:
    return text_at(record, "eventSource") == "aws:sqs" and bool(text_at(record, "messageId"))


def is_fifo(event: object) -> bool:
    """Whether that queue keeps an order: after the first failure nothing more of the batch is taken."""
    if not is_sqs(event):
        return False
    return (text_at(dig(event, "Records")[0], "eventSourceARN") or "").endswith(".fifo")


# --- opening -------------------------------------------------------------------------------------------


def _opened(event: object, envelope: _Envelope) -> list[Message]:
    if isinstance(event, list) and event and all(isinstance(one, dict) for one in event):
        return _each(event, envelope)  # EventBridge Pipes hand on lists
    if not isinstance(event, dict):
        return [envelope.message(event)]
    if isinstance(event.get("Records"), list):
        return _each(event["Records"], envelope)
    if event.get(OWN) == WEBHOOK:
        return [_put_aside(event, envelope)]
    if OWN in event:
        return [envelope.message(event, kind="wake")]
    if "requestPayload" in event and "requestContext" in event:
        failed = _invocation(text_at(event, "requestContext", "requestId"))
        return _opened(event["requestPayload"], envelope.inside(id=failed or envelope.id))
    if is_http(event):
        raise EventError("event", "is an HTTP request where none can be checked for its signature")
    return _known(event, envelope)


def _invocation(request_id: str | None) -> str | None:
    """The id of what Lambda was invoked with (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""
    return f"invoke:{request_id}" if request_id else None


def _each(items: list[Any], envelope: _Envelope) -> list[Message]:
    """All of a list. What has no id of its own gets its place in the list, or it would pass for its neighbour."""
    messages: list[Message] = []
    for place, item in enumerate(items):
        numbered = f"{envelope.id}#{place}" if envelope.id and len(items) > 1 else envelope.id
        messages += _record(item, envelope.inside(id=numbered))
    return messages


def _known(event: dict[str, Any], envelope: _Envelope) -> list[Message]:
    """An event known by its form, or else one of the envelope's kind."""
    if is_eventbridge(event):
        return [eventbridge(event, envelope.message(event))]
    if event.get("Type") == "Notification" and "MessageId" in event:
        return _sns(event, envelope)
    if event.get("Service") == "Amazon S3" and event.get("Event") == "s3:TestEvent":
        return [envelope.message(event, kind="s3")]
    if job := text_at(event, PIPELINE_JOB, "id"):
        return [envelope.message(event, id=job)]
    return [envelope.message(event)]


def _record(record: object, envelope: _Envelope) -> list[Message]:
    """A record: of what it says it is of, or else any event."""
    source = text_at(record, "eventSource") or text_at(record, "EventSource")
    if source == "aws:sqs":
        return _sqs(record, envelope)
    if source == "aws:sns":
        return _sns(dig(record, "Sns"), envelope)
    if source == "aws:s3":
        return [envelope.message(record, kind="s3", id=s3_id(record) or envelope.id)]
    if source == "aws:codecommit":
        return _codecommit(record, envelope)
    if source is not None:  # a stream's, most often
        own = text_at(record, "eventID") or text_at(record, "eventId")
        return [envelope.message(record, id=own or envelope.id)]
    if not isinstance(record, dict):
        raise EventError("event.Records", f"holds what is {kind_of(record)}, not an object")
    return _opened(record, envelope)


def _sqs(record: object, envelope: _Envelope) -> list[Message]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    body = needed(record, "body", root="record")
    message_id = text_at(record, "messageId")
    about = {"sqs": {key: dig(record, key) for key in ("eventSourceARN", "attributes")}}
    inside = envelope.inside(
        kind="sqs",
        id=message_id or envelope.id,
        queue_id=message_id or envelope.queue_id,
        around={**envelope.around, **about},
    )
    return _text(body, inside)


def _sns(notification: object, envelope: _Envelope) -> list[Message]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, and in a queue the same with ``Type``."""
    body = needed(notification, "Message", root="record.Sns")
    about = {"sns": {key: dig(notification, key) for key in ("TopicArn", "Subject", "Message")}}
    own = text_at(notification, "MessageId")
    around = {**envelope.around, **about}
    return _text(body, envelope.inside(kind="sns", id=own or envelope.id, around=around))


def _put_aside(letter: Mapping[str, Any], envelope: _Envelope) -> Message:
    """A webhook that was signed as it should be, and came to nothing then: from our own dead letters
    (``dead_letters.as_it_came``), where nobody but the function puts anything."""
    body = needed(letter, "body", root="event")
    request = HttpRequest(
        method=text_at(letter, "method") or "POST",
        path=text_at(letter, "path") or "/",
        headers=_headers(letter),
        body=body.encode(errors="replace"),
    )
    message = http_message(request)
    return replace(message, id=message.id or envelope.id, queue_id=envelope.queue_id)


def _text(text: str, envelope: _Envelope) -> list[Message]:
    """What a text carries: JSON objects are opened, anything else is text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return _opened(value if isinstance(value, dict | list) else text, envelope)


def _codecommit(record: object, envelope: _Envelope) -> list[Message]:
    """A trigger of CodeCommit itself: one message for each branch or tag pushed. Those of one push share an id.

    https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
    """
    references = dig(record, "codecommit", "references")
    if not isinstance(record, dict) or not isinstance(references, list) or not references:
        raise EventError("record.codecommit.references", "is no list of references")
    own = text_at(record, "eventId") or envelope.id
    messages = []
    for reference in references:
        one = {**record, "codecommit": {"references": [reference]}}
        messages.append(
            envelope.message(one, id=f"{own}#{text_at(reference, 'ref')}" if own else None)
        )
    return messages


# --- EventBridge ---------------------------------------------------------------------------------------


def is_eventbridge(event: Mapping[str, Any]) -> bool:
    """Whether it is EventBridge's form, or that of the developer tools' notifications, which is nearly the same."""
    return "detail-type" in event or ("detailType" in event and "detail" in event)


def eventbridge(event: Mapping[str, Any], message: Message) -> Message:
    """The message of an EventBridge event.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
    """
    event = {"detail-type": event.get("detailType"), **event}
    source = event.get("source")
    own = (s3_id(event) if source == "aws.s3" else None) or text_at(event, "id")
    kind: Kind = "codebuild" if source == "aws.codebuild" else "eventbridge"
    return replace(message, kind=kind, event=event, id=own or message.id)


# --- HTTP ----------------------------------------------------------------------------------------------

#: A header with one of these in its name is not handed on to rules: it may be a secret.
_SECRET_HEADERS: Final = ("api-key", "auth", "cookie", "secret", "signature", "token")
_FORM: Final = "application/x-www-form-urlencoded"


def http_request(event: object) -> HttpRequest:
    """The request in an event of API Gateway (either format), a function URL or a load balancer.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html

    Raises:
        EventError: it is none.
    """
    method = text_at(event, "requestContext", "http", "method") or text_at(event, "httpMethod")
    path = text_at(event, "rawPath") or text_at(event, "path")
    if not is_http(event) or method is None or path is None:
        raise EventError("event", "is not an HTTP request with a method and a path")
    return HttpRequest(method=method, path=path, headers=_headers(event), body=_body(event))


def _headers(event: object) -> dict[str, str]:
    """By lower-case name. All that were sent: of two signatures neither is silently left out."""
    several = dig(event, "multiValueHeaders")
    found: dict[str, list[str]] = {}
    for name, value in _pairs(several or dig(event, "headers")):
        found.setdefault(name.lower(), []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def _pairs(headers: object) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in headers.items() if isinstance(headers, dict) else ():
        values = value if isinstance(value, list) else [value]
        if not isinstance(name, str) or not all(isinstance(one, str) for one in values):
            raise EventError("event.headers", "is not an object of names and texts")
        pairs += [(name, one) for one in values]
    return pairs


def _body(event: object) -> bytes:
    body = dig(event, "body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise EventError("event.body", f"is {kind_of(body)}, not a text")
    try:
        if dig(event, "isBase64Encoded") is True:
            return base64.b64decode(body, validate=True)
        return body.encode()
    except ValueError:
        raise EventError("event.body", "is not the base64 or the text it should be") from None


def http_message(request: HttpRequest) -> Message:
    """The message in a request whose signature was checked. An empty body is an empty event.

    Raises:
        EventError: its body is not what its headers say.
    """
    seen = plain_headers(request)
    about = {"method": request.method, "path": request.path, "headers": seen}
    envelope = _Envelope(kind="http", id=_delivery(request.headers), around={"http": about})
    event = _content(request)
    if not isinstance(event, dict) or sent_by_git(request.headers):
        return envelope.message(event)
    if is_eventbridge(event):  # by an API destination
        return eventbridge(event, envelope.message(event))
    if event.get(OWN) in ("wake", "sweep"):
        return envelope.message(event, kind="wake")
    return envelope.message(event)


def sent_by_git(headers: Mapping[str, str]) -> bool:
    """Whether GitHub or GitLab sent it."""
    return "x-github-event" in headers or "x-gitlab-event" in headers


def plain_headers(request: HttpRequest) -> dict[str, str]:
    """Its headers without those that may be secrets."""
    return {
        name: value
        for name, value in request.headers.items()
        if not any(part in name for part in _SECRET_HEADERS)
    }


def _delivery(headers: Mapping[str, str]) -> str | None:
    """The sender's id for the delivery: the same when it delivers again.

    GitLab's ``X-Gitlab-Event-UUID`` is not one: hooks that a hook's receiver set off share it. ``Idempotency-Key`` came
    with GitLab 17.4 (https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers).
    """
    if "x-github-event" in headers:
        return headers.get("x-github-delivery") or None
    names = ("webhook-id", "idempotency-key", "x-gitlab-webhook-uuid")
    return next((headers[name] for name in names if headers.get(name)), None)


def _content(request: HttpRequest) -> object:
    """The body's JSON; text that is none stays text, unless the sender called it JSON."""
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EventError("body", "is not UTF-8") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM and not text.lstrip().startswith("{"):
        return _form(text)
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if kind.endswith("json"):
            raise EventError("body", "is called JSON and is none") from None
        return text


def _form(text: str) -> object:
    """A form's fields; GitHub sends its JSON in the field ``payload``, when it is set so."""
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1_000))
        return json.loads(fields["payload"]) if "payload" in fields else fields
    except (ValueError, RecursionError):
        raise EventError("body", "is called a form and is none, or has no JSON in it") from None
