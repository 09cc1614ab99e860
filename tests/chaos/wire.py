"""Clients of the two services, with production's time-outs at the run's speed, and faults on DynamoDB's wire."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import botocore.endpoint
from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from holdoff.starters import on_aws
from holdoff.stores.dynamodb import connection
from tests.chaos.clock import SPEED
from tests.chaos.gates import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from holdoff.aws.client import Limits
    from tests.chaos.journal import Journal

#: The kinds of fault on DynamoDB's wire, and how often each comes.
KINDS = {
    "closed before the service read it": 3,
    "answer lost after commit": 4,
    "closed after commit": 3,
    "500 after commit": 3,
    "500 before": 2,
    "throttled": 2,
    "lands after the client gave up": 2,
    "delayed": 1,
}
#: How many of the faults are followed by so many more that a whole call fails.
SPELLS = 0.15


def codebuild_client(url: str) -> Any:
    return _client("codebuild", url, on_aws.STARTING, SPEED)


def dynamodb(url: str, *, speed: float = SPEED) -> Any:
    """``speed`` 1: with all the patience of a client in production, to listen after the noise."""
    return _client("dynamodb", url, connection.LIMITS, speed)


def _client(service: str, url: str, limits: Limits, speed: float) -> Any:
    botocore.endpoint.time = _QuickTime()
    config = Config(
        connect_timeout=limits.connect_s / speed,
        read_timeout=limits.read_s / speed,
        retries={"mode": "standard", "total_max_attempts": limits.tries},
        proxies={},
    )
    keys = {"aws_access_key_id": "HOLDOFFCHAOS", "aws_secret_access_key": "holdoffchaos"}
    return Session(region_name=REGION).client(service, endpoint_url=url, config=config, **keys)


class _QuickTime:
    """What botocore waits with between two tries."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class Faults:
    """Spoils some of the requests of a DynamoDB client, in process, and writes down which kinds."""

    def __init__(self, client: Any, rate: float, random: Random, journal: Journal) -> None:
        self._send: Callable[[Any], Any] = client._endpoint.http_session.send
        self._rate, self._random, self._journal = rate, random, journal
        self._spell = threading.local()
        client.meta.events.register("before-send.dynamodb", self._before_send)

    def _before_send(self, request: Any, **_: object) -> Any:
        kind = self._next()
        if kind is None:
            return None
        self._journal.write("fault", kind=f"dynamodb: {kind}")
        return self._spoil(kind, request)

    def _next(self) -> str | None:
        """The fault of this request. At times there are so many in a row that the SDK gives up."""
        left = getattr(self._spell, "left", 0)
        if left == 0 and self._random.random() >= self._rate:
            return None
        starts_one = left == 0 and self._random.random() < SPELLS
        self._spell.left = connection.LIMITS.tries - 1 if starts_one else max(0, left - 1)
        return self._random.choices(list(KINDS), list(KINDS.values()))[0]

    def _spoil(self, kind: str, request: Any) -> Any:
        match kind:
            case "closed before the service read it":
                raise ConnectionClosedError(endpoint_url=request.url)
            case "answer lost after commit":
                self._send(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case "closed after commit":
                self._send(request)
                raise ConnectionClosedError(endpoint_url=request.url)
            case "500 after commit":
                self._send(request)
                return _answer(request, 500, "InternalServerError")
            case "500 before":
                return _answer(request, 500, "InternalServerError")
            case "throttled":
                return _answer(request, 400, "ThrottlingException")
            case "lands after the client gave up":
                self._send_late(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case _:
                time.sleep(self._random.uniform(0.01, 0.1))
                return None

    def _send_late(self, request: Any) -> None:
        def send() -> None:
            try:
                self._send(request)
            except Exception:  # noqa: BLE001  (nothing waits for it)
                return

        timer = threading.Timer(self._random.uniform(0.02, 0.4), send)
        timer.daemon = True
        timer.start()


class _Raw:
    """A body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body


def _answer(request: Any, status: int, code: str) -> Any:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    body = json.dumps({"__type": kind, "message": "chaos"}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, _Raw(body))
