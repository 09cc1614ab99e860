"""Webhooks at a function: ``webhook``, as AWS's front ends hand requests on and take answers.

Dead letters go to a queue. Sent to the function again, or to a queue in front of it, such a webhook does what it would
have done.
"""

from __future__ import annotations

import json
import re
from typing import Any

from holdoff.aws.client import make_client
from holdoff.core.errors import ConfigError
from holdoff.core.shown import shown_url
from holdoff.exact_json import dumps
from holdoff.ingress.dispatch import Answer, Dispatch, LeftMs
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.http import http_request
from holdoff.ingress.events.paths import dig
from holdoff.ingress.events.signatures import Webhooks
from holdoff.ingress.settings import DEAD_LETTERS, LIMITS
from holdoff.ingress.webhook import Reply, reply_to


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

    def keep(letter: dict[str, object]) -> None:
        if dead_letters:
            make_client("sqs", LIMITS).send_message(QueueUrl=_queue(dead_letters), MessageBody=json.dumps(letter))

    reply = reply_to(lambda: http_request(event), now_ms, dispatch, left_ms, webhooks=webhooks, keep=keep, log=log)
    return response(event, reply)


def _queue(url: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#@]+/[^\s?#@]+", url):
        return url
    raise ConfigError(field=DEAD_LETTERS, got=shown_url(url), want="the URL of an SQS queue")


def response(event: object, reply: Reply) -> Answer:
    """The response as the event's front end takes it: a load balancer that sends several values for a header takes
    nothing else
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers)."""
    answer: dict[str, Any] = {"statusCode": reply.status, "body": dumps(reply.body), "isBase64Encoded": False}
    if dig(event, "requestContext.elb") and dig(event, "multiValueHeaders"):
        return answer | {"multiValueHeaders": {name: [value] for name, value in reply.headers.items()}}
    return answer | {"headers": reply.headers}
