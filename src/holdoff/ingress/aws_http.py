"""Webhooks at a function: ``webhook``, with the answers that AWS's front ends take.

Dead letters go to a queue. A letter that is sent to the function again, or to a queue in front of it, does what the
webhook would have done.
"""

from __future__ import annotations

import json
import re
from typing import Any

from holdoff.aws.client import make_client
from holdoff.core.errors import ConfigError
from holdoff.core.shown import shown_url
from holdoff.exact_json import dumps
from holdoff.ingress.dispatch import Answer
from holdoff.ingress.events.paths import dig
from holdoff.ingress.settings import DEAD_LETTERS, LIMITS
from holdoff.ingress.webhook import Reply


def keep_in(queue: str, letter: dict[str, object]) -> None:
    """Send a dead letter to the queue of this URL, if there is one."""
    if not queue:
        return
    if not re.fullmatch(r"https?://[^\s/?#@]+/[^\s?#@]+", queue):
        raise ConfigError(field=DEAD_LETTERS, got=shown_url(queue), want="the URL of an SQS queue")
    make_client("sqs", LIMITS).send_message(QueueUrl=queue, MessageBody=json.dumps(letter))


def response(event: object, reply: Reply) -> Answer:
    """The response as API Gateway, function URLs, load balancers and VPC Lattice take it. A load balancer that sends
    several values for a header takes nothing else
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers)."""
    body = reply.body if isinstance(reply.body, str) else dumps(reply.body)
    answer: dict[str, Any] = {"statusCode": reply.status, "body": body, "isBase64Encoded": False}
    if dig(event, "requestContext.elb") and dig(event, "multiValueHeaders"):
        return answer | {"multiValueHeaders": {name: [value] for name, value in reply.headers.items()}}
    return answer | {"headers": reply.headers}
