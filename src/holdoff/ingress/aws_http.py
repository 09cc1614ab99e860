"""Webhooks at a function: the signature first, then the event, then an answer that the sender can act on.

| status | what it means to the sender |
|---|---|
| 200 | decided: started, skipped, or nothing to build for it; or all is well, to a load balancer that asks |
| 202 | kept: it is built later |
| 400 | not a request that can be read |
| 401 | not signed as it should be |
| 403 | signed, and asks for what this sender may not; kept as well |
| 422 | signed, but no rule here says what to build for it; kept among the dead letters, where there are any |
| 500 | this function is not set up as it should be, or broken; kept as well, once the signature was checked |
| 503 | no decision could be made: send it again; kept among the dead letters, where there are any |

Senders that take all but 200 for a failure, and send it again (``Scheme.only_200``), get 200 instead of 202.

**Dead letters** are a queue for webhooks that were signed as they should be and came to nothing: senders seldom try
again. They are kept as they came, without their secrets and with the power they had (``events.aside``): sent to the
function again, or to a queue in front of it, such a webhook does what it would have done.
"""

from __future__ import annotations

import json
import re
from typing import Any

from holdoff.aws.client import make_client
from holdoff.core.decision import Outcome
from holdoff.core.errors import ConfigError, EventError, HoldoffError, NotAllowed, SignatureError
from holdoff.core.shown import shown_url
from holdoff.exact_json import dumps
from holdoff.ingress.dispatch import Answer, Dispatch, LeftMs
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.aside import put_aside
from holdoff.ingress.events.envelopes import http_message
from holdoff.ingress.events.http import http_request
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.paths import dig
from holdoff.ingress.events.signatures import Webhooks, check
from holdoff.ingress.settings import DEAD_LETTERS, LIMITS


def answer(
    event: object,
    now_ms: int,
    dispatch: Dispatch,
    left_ms: LeftMs,
    *,
    webhooks: Webhooks,
    dead_letters: str,
    log: EventLog,
) -> Answer:
    """The response to a request, as API Gateway, function URLs, load balancers and VPC Lattice take it.

    Args:
        dead_letters: the URL of their queue; empty: there is none.
    """
    try:
        checked = check(http_request(event), webhooks, now_ms)
    except HoldoffError as error:
        log.failed(error, kind="http")
        return undecided(event, error)
    message: Message | None = None
    try:
        message = http_message(checked.request, checked.origin)
        done = dispatch.carry_out(message, left_ms)
    except Exception as error:  # noqa: BLE001  (whatever it is: its sender seldom tries again)
        log.failed(error, kind="http", message_id=message and message.id)
        _keep(put_aside(checked.request, checked.origin, error), dead_letters, log)
        if isinstance(error, EventError):
            return response(event, 403 if isinstance(error, NotAllowed) else 422, {"error": str(error)})
        return undecided(event, error)
    return response(event, 202 if _is_put_off(done) and not checked.only_200 else 200, done)


def _is_put_off(done: Answer) -> bool:
    """Whether some of what a webhook asked for is built later."""
    several = done.get("answers", [done])
    return any(one.get("outcome") in (Outcome.DEFERRED, Outcome.FAILED) for one in several)


def _keep(letter: dict[str, object], dead_letters: str, log: EventLog) -> None:
    try:
        if dead_letters:
            make_client("sqs", LIMITS).send_message(QueueUrl=_queue(dead_letters), MessageBody=json.dumps(letter))
    except Exception as error:  # noqa: BLE001  (the sender is answered all the same)
        log.failed(error, kind="dead letters")


def _queue(url: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#@]+/[^\s?#@]+", url):
        return url
    raise ConfigError(field=DEAD_LETTERS, got=shown_url(url), want="the URL of an SQS queue")


def undecided(event: object, error: Exception) -> Answer:
    """The response where no decision was made, and the sender is told no more than it needs."""
    if isinstance(error, SignatureError):
        return response(event, 401, {"error": error.public})
    if isinstance(error, EventError):
        return response(event, 400, {"error": "not a request that can be read"})
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
