"""A small client of AWS services, with ``http.client`` and a signature of our own.

botocore takes long to import, and spends most of a call's time on service descriptions and hooks. With
``HOLDOFF_AWS_CLIENT=lean`` the calls of a decision are made by this client, if it can do all that botocore would do:
``client_of`` decides. All other calls are made by botocore. Tests hold the two clients to the same behaviour:

* **TLS**: checked by this system's certificates, or by those in AWS_CA_BUNDLE or else REQUESTS_CA_BUNDLE.
* **Connections** are kept and used again. Before use, the client checks whether the service has closed the connection.
  If it closes at that very moment, the try has no answer.
* **Tries**: as many, after the same errors and with the same waits, as in botocore's "standard" mode. botocore's retry
  quota, by which a client of many threads gives up sooner, is not there: the number of tries is the bound.
* **Answers**: a checksum is compared if there is one. A body that is no JSON object is no answer. An error answer has
  ``response`` and ``operation_name`` like botocore's, so that ``errors`` reads both.

Differences to botocore: files of the AWS CLI are not read; parameters are not checked; in answers binary stays text,
and time stamps stay numbers.
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from http.client import HTTPException, HTTPResponse
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit
from weakref import finalize
from zlib import crc32

from holdoff.aws.errors import RETRY_AFTER_MS, clean_message
from holdoff.aws.signature import Signer
from holdoff.clock import SystemClock
from holdoff.core.value import Value

if TYPE_CHECKING:
    from holdoff.aws.client import Limits

log: Final = logging.getLogger("holdoff.aws.lean")

Answer = dict[str, Any]
OnTry = Callable[[Exception | None], None]


class Service(Value, kw_only=False):
    """The protocol of a service, from botocore's description of it."""

    content: str  #: the content type
    target: str = ""  #: the prefix of an operation's name in ``X-Amz-Target``; empty: an operation has a path
    token: tuple[str, str] = ("", "")  #: an operation, and the parameter of it that botocore fills in if it is missing
    variable: str = ""  #: the service's name in AWS_ENDPOINT_URL_*, if that differs


_JSON: Final = "application/x-amz-json-1."
SERVICES: Final = {
    "dynamodb": Service(f"{_JSON}0", "DynamoDB_20120810.", ("TransactWriteItems", "ClientRequestToken")),
    "codebuild": Service(f"{_JSON}1", "CodeBuild_20161006."),
    "codepipeline": Service(f"{_JSON}1", "CodePipeline_20150709.", ("StartPipelineExecution", "clientRequestToken")),
    "secretsmanager": Service(f"{_JSON}1", "secretsmanager.", variable="SECRETS_MANAGER"),
    "ssm": Service(f"{_JSON}1", "AmazonSSM."),
    "scheduler": Service("application/json", "", ("CreateSchedule", "ClientToken")),
}
#: For an operation with a path: the beginning of the path, and the parameter that is its end.
PATHS: Final = {"CreateSchedule": ("/schedules/", "Name")}
#: Regions whose endpoints end in amazonaws.com.
_REGION: Final = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-(gov-)?[a-z]+-[0-9]")
#: Any region's name. It is enough if the endpoint is given: then only the signature has the region.
_ANY_REGION: Final = re.compile(r"[A-Za-z0-9-]+")
#: Variables that only botocore obeys. If one is set, botocore makes the calls.
ONLY_BY_BOTOCORE: Final = """
    AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
    AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT AWS_ACCOUNT_ID_ENDPOINT_MODE AWS_AUTH_SCHEME_PREFERENCE
    AWS_SIGV4A_SIGNING_REGION_SET AWS_ENDPOINT_DISCOVERY_ENABLED HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
"""
SLOW_DOWN: Final = """
    Throttling ThrottlingException ThrottledException RequestThrottledException TooManyRequestsException
    ProvisionedThroughputExceededException TransactionInProgressException RequestLimitExceeded BandwidthLimitExceeded
    LimitExceededException RequestThrottled SlowDown PriorRequestNotComplete EC2ThrottledException 429
"""
PASSING: Final = "RequestTimeout RequestTimeoutException"
PASSING_STATUSES: Final = (500, 502, 503, 504)


class NoConnection(Exception):
    """There was no connection to send anything on."""


class NoAnswer(Exception):
    """The bytes that came are not a whole answer of the service."""


class Refused(Exception):
    """An error answer, as botocore's ``ClientError`` has it."""

    def __init__(self, response: Answer, operation: str) -> None:
        self.code: str = response["Error"]["Code"]
        super().__init__(f"{operation} was refused ({self.code}): {response['Error']['Message']}")
        self.response: Answer = response
        self.operation_name: str = operation


def client_of(service: str, limits: Limits, *, region: str | None, endpoint: str | None, on_try: OnTry) -> Lean | None:
    """The lean client of a service. ``None``: only botocore can do all that is needed.

    Args:
        on_try: called with ``None`` just before the request of a try is sent, and after each failed try with its error.
    """
    env = os.environ
    region, variable = region or "", SERVICES[service].variable or service.upper()
    named = endpoint or env.get(f"AWS_ENDPOINT_URL_{variable}") or env.get("AWS_ENDPOINT_URL")
    keys = [env.get(f"AWS_{name}", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    bundle = _bundle()
    address = re.fullmatch(r"https?://[A-Za-z0-9.-]+(?::([0-9]{1,5}))?/?", named or "https://aws")
    heeded = [name for name in ONLY_BY_BOTOCORE.split() if env.get(name)]
    unfit = (
        ("the keys are not in the environment", not all(keys[:2])),
        ("the keys are none of AWS's", not all(key.isascii() and key.isprintable() and " " not in key for key in keys)),
        (f"of {', '.join(heeded)}", heeded),
        (f"the region is {region!r}", not (_ANY_REGION if named else _REGION).fullmatch(region)),
        ("the endpoint is no plain one", address is None or int(address[1] or 1) not in range(1, 65_536)),
        ("its CA bundle is no file", bundle and not os.path.isfile(bundle)),
    )
    for why, is_so in unfit:
        if is_so:
            log.info("%s: botocore makes the calls, because %s", service, why)
            return None
    url = urlsplit(named or f"https://{service}.{region}.amazonaws.com")
    signer = Signer(*keys, region=region, service=service)
    return Lean(service, limits, region=region, url=url, signer=signer, on_try=on_try)


def _bundle() -> str | None:
    return os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")


@cache
def _tls(bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)


class Lean:
    """One service in one region. Its operations are methods, called like those of botocore: ``update_item(Key=...)``.

    They raise the error of the last try: ``Refused``, ``NoConnection``, ``NoAnswer``, or an exception of ``socket``,
    ``ssl`` or ``http.client``.
    """

    def __init__(
        self, service: str, limits: Limits, *, region: str, url: SplitResult, signer: Signer, on_try: OnTry
    ) -> None:
        self._idle: list[socket.socket] = []
        finalize(self, _close, self._idle)
        self.meta: SimpleNamespace = SimpleNamespace(region_name=region, endpoint_url=url.geturl().rstrip("/"))
        self._service, self._limits, self._signer, self._on_try = service, limits, signer, on_try
        self._clock = SystemClock()
        is_secure = url.scheme == "https"
        self._tls = _tls(_bundle()) if is_secure else None
        self._address = str(url.hostname), url.port or (443 if is_secure else 80)
        self._host = url.netloc.removesuffix(":443" if is_secure else ":80")

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        if name.startswith("_"):
            raise AttributeError(name)
        operation = "".join(part.capitalize() for part in name.split("_"))
        return lambda **parameters: self._call(operation, parameters)

    def close(self) -> None:
        """Close the connections. The next call makes new ones."""
        _close(self._idle)

    def _call(self, operation: str, parameters: Answer) -> Answer:
        path, headers, body = self._written(operation, parameters)
        for number in range(1, self._limits.tries + 1):
            try:
                return self._try(operation, path, headers, body)
            except Exception as error:
                self._on_try(error)
                if number == self._limits.tries or not _passes(error):
                    raise
                self._clock.sleep(_wait_ms(error, number, self._clock.random(16), self._service))
        raise AssertionError("a call has a try at least")

    def _written(self, operation: str, parameters: Answer) -> tuple[str, dict[str, str], bytes]:
        wire = SERVICES[self._service]
        if operation == wire.token[0]:
            parameters.setdefault(wire.token[1], f"{self._clock.random(128):032x}")
        before, last = PATHS.get(operation, ("/", None))
        path = before + (str(parameters.pop(last)) if last else "")
        headers = {"content-type": wire.content, "host": self._host}
        if wire.target:
            headers["x-amz-target"] = wire.target + operation
        return path, headers, json.dumps(parameters, separators=(",", ":"), allow_nan=False).encode()

    def _try(self, operation: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        signed = self._signer.signed(path, headers, body, self._clock.now_ms() // 1000)
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        more = f"user-agent: holdoff\r\naccept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        request = f"POST {path} HTTP/1.1\r\n{lines}{more}".encode() + body
        connection = self._connected()
        keep = False
        try:
            self._on_try(None)  # not before: each of a name's addresses may take the whole time to connect
            connection.sendall(request)
            with HTTPResponse(connection, method="POST") as response:
                response.begin()
                if response.length is None and not response.chunked:
                    raise NoAnswer("the answer does not say how long it is")  # its head may have been cut off
                if response.status < 200:
                    raise NoAnswer("the answer is not there yet")  # else the next request would read it
                content = response.read()
                keep = not response.will_close and len(self._idle) < self._limits.connections
                answered = {name.lower(): value for name, value in response.getheaders()}
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
        return answer_of(operation, response.status, answered, content)

    def _connected(self) -> socket.socket:
        with suppress(IndexError):
            while _is_readable(idle := self._idle.pop()):
                idle.close()  # the service closed it, or sent bytes that no request asked for
            return idle
        return self._connect()

    def _connect(self) -> socket.socket:
        """A new connection. If this fails, nothing was sent."""
        try:
            made = socket.create_connection(self._address, self._limits.connect_s)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None:
                made = self._tls.wrap_socket(made, server_hostname=self._address[0])  # closes it where it fails
            made.settimeout(self._limits.read_s)
        except ssl.SSLCertVerificationError:
            raise
        except (OSError, ValueError) as error:  # ValueError: it is no host's name
            raise NoConnection(f"no connection to {self.meta.endpoint_url}: {error}") from error
        return made


def _close(idle: list[socket.socket]) -> None:
    with suppress(IndexError):  # another thread may take the last one
        while True:
            idle.pop().close()


def answer_of(operation: str, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
    """The service's answer, in botocore's form.

    Raises:
        Refused: it is an error answer.
        NoAnswer, ValueError: it is no answer of the service.
    """
    checksum = headers.get("x-amz-crc32", "")
    if checksum.isdecimal() and crc32(content) != int(checksum):
        raise NoAnswer("the answer's checksum is wrong")
    metadata: Answer = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    if request_id := headers.get("x-amzn-requestid"):
        metadata["RequestId"] = request_id
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    is_object = isinstance(body, dict)
    if status >= 300:
        raise Refused(_error(body if is_object else {}, status, headers) | {"ResponseMetadata": metadata}, operation)
    if not is_object:
        raise ValueError("the answer is no JSON object")
    body["ResponseMetadata"] = metadata
    return body  # type: ignore[no-any-return]


def _error(body: Answer, status: int, headers: Mapping[str, str]) -> Answer:
    """The error of an answer. Its code has no name space before it and no text after it."""
    code = str(body.get("__type") or headers.get("x-amzn-errortype") or status)
    message = clean_message(body.get("message") or body.get("Message"))
    return {**body, "Error": {"Code": code.split(":", 1)[0].rsplit("#", 1)[-1], "Message": message}}


def _passes(error: Exception) -> bool:
    """Whether another try may fare better."""
    if isinstance(error, Refused):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status in PASSING_STATUSES or error.code in f"{SLOW_DOWN} {PASSING}".split()
    return isinstance(error, (NoConnection, NoAnswer, OSError, HTTPException))


def _wait_ms(error: Exception, number: int, chance: int, service: str) -> int:
    """How long to wait after try ``number``: at random (``chance`` of 65,536), or longer if the service asks for it.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, with botocore's figures.
    """
    is_slow = isinstance(error, Refused) and error.code in SLOW_DOWN.split()
    most_ms = (1_000 if is_slow else 25 if service == "dynamodb" else 50) << (number - 1)
    wait_ms = most_ms * chance >> 16
    answered = error.response["ResponseMetadata"]["HTTPHeaders"] if isinstance(error, Refused) else {}
    asked: str = answered.get("x-amz-retry-after", "")
    return max(wait_ms, min(int(asked), RETRY_AFTER_MS + wait_ms)) if asked.isdecimal() else wait_ms


def _is_readable(connection: socket.socket) -> bool:
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
