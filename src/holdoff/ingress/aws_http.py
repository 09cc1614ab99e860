"""Webhooks at a function: the signature first, then the trigger, then an answer that the sender can act on.

| status | what it means to the sender |
|---|---|
| 200 | decided: started, skipped, or nothing to build for it |
| 202 | kept: it is built later |
| 401 | not signed as it should be |
| 422 | signed, but no rule here says what to build for it; kept among the dead letters, where there are any |
| 500 | this function is not set up as it should be, or broken; kept as well, once the signature was checked |
| 503 | no decision could be made: send it again; kept among the dead letters, where there are any |

**Dead letters** are a queue for webhooks that were signed as they should be and came to nothing: senders seldom try
again. What could be understood is kept in the form of a direct invoke (``trigger_json``): sent to the function, or to a
queue in front of it, it does what the webhook would have done. What could not is kept as it came, without what may be
secret (``envelopes.put_aside``): sent again once there is a rule for it, it is understood.
"""

from __future__ import annotations

import json
from typing import Any

from holdoff.aws.client import make_client
from holdoff.core.decision import Outcome
from holdoff.core.errors import EventError, HoldoffError, SignatureError
from holdoff.core.request import Request
from holdoff.exact_json import dumps
from holdoff.ingress.dispatch import Answer, Dispatch, LeftMs
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.envelopes import Message, http_message, put_aside
from holdoff.ingress.events.http import http_request
from holdoff.ingress.events.intents import Intent
from holdoff.ingress.events.paths import dig
from holdoff.ingress.events.signatures import Secrets, check
from holdoff.ingress.events.trigger_json import written
from holdoff.ingress.settings import LIMITS


def answer(
    event: object,
    now_ms: int,
    dispatch: Dispatch,
    left_ms: LeftMs,
    *,
    secrets: Secrets,
    dead_letters: str,
    log: EventLog,
) -> Answer:
    """The response to a request, as API Gateway, function URLs and load balancers take it.

    Args:
        dead_letters: the URL of their queue; empty: there is none.
    """
    try:
        request = http_request(event)
        check(request, secrets, now_ms)
    except HoldoffError as error:
        log.failed(error, kind="http")
        if isinstance(error, SignatureError):
            return response(event, 401, {"error": error.public})
        if isinstance(error, EventError):
            return response(event, 400, {"error": "not a request that can be read"})
        return undecided(event, error)
    message: Message | None = None
    intent: Intent | None = None
    try:
        message = http_message(request)
        intent = dispatch.routes.intent(message)
        done = dispatch.perform(intent, message.kind, left_ms)
    except Exception as error:  # noqa: BLE001  (whatever it is: its sender seldom tries again)
        log.failed(error, kind="http", message_id=message and message.id)
        _keep(written(intent) if isinstance(intent, Request) else put_aside(request, error), dead_letters, log)
        if isinstance(error, EventError):
            return response(event, 422, {"error": str(error)})
        return undecided(event, error)
    return response(event, 202 if done.get("outcome") in (Outcome.DEFERRED, Outcome.FAILED) else 200, done)


def _keep(letter: dict[str, object], dead_letters: str, log: EventLog) -> None:
    try:
        if dead_letters:
            make_client("sqs", LIMITS).send_message(QueueUrl=dead_letters, MessageBody=json.dumps(letter))
    except Exception as error:  # noqa: BLE001  (the sender is answered all the same)
        log.failed(error, kind="dead letters")


def undecided(event: object, error: Exception) -> Answer:
    """The response where no decision was made."""
    if getattr(error, "retryable", False):
        return response(event, 503, {"error": "no decision could be made; send it again"})
    return response(event, 500, {"error": "not set up as it should be, or broken; its log says more"})


def response(event: object, status: int, body: Answer) -> Answer:
    """The response as the event's front end takes it: a load balancer that sends several values for a header takes
    nothing else
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers)."""
    headers = {"content-type": "application/json"} | ({"retry-after": "30"} if status == 503 else {})
    answer: dict[str, Any] = {"statusCode": status, "body": dumps(body), "isBase64Encoded": False}
    if dig(event, "requestContext.elb") and dig(event, "multiValueHeaders"):
        return answer | {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
    return answer | {"headers": headers}
