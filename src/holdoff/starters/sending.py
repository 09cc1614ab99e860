"""One request to a web service, and what a missing answer means.

That depends on whether sending had begun. If not (the connection is refused, a name is not found, a proxy or TLS fails,
there is no time left), nothing was done, and the cause passes by itself (NOT_NOW). But a certificate that does not fit
and a text that is no URL have to be corrected (NEVER). After the first byte the result is not known (UNKNOWN).

No redirect is followed: a POST that became a GET starts nothing, and the secrets of a request are for its own address.
Nothing is repeated. No connection is kept: if the service had closed it, we would not know what the service had read.
No sending begins when the time for it is over (``Time``), however long a name server takes. The connection is cut when
the time for the answer is over, however slowly that comes. Data that the network has not taken by then is dropped.
Otherwise the system could send it minutes later, when the next claimant has asked, found no build and started one.

The client is httpx2 (``holdoff[server]``), imported with the first request.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

from holdoff.clock import Clock, TimeLimit
from holdoff.core.errors import HoldoffError, Verdict
from holdoff.core.value import Value

CONNECT_S: Final = 5.0
#: No useful answer is longer.
MOST_BYTES: Final = 8_000_000
#: SO_LINGER (socket(7)): whether data that was not delivered when the socket is closed is dropped or still sent.
DROP: Final = struct.pack("ii", 1, 0)
KEEP: Final = struct.pack("ii", 0, 0)
INSTALL: Final = "pip install 'holdoff[server]'"


class Unanswered(HoldoffError):
    """No answer came. ``verdict``: what that says about the requested work."""

    def __init__(self, message: str, verdict: Verdict, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.verdict = verdict


class Answer(Value):
    """An answer. ``headers``: by lower-case name; ``is_whole``: whether all of the body came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def is_done(self) -> bool:
        """Whether the service says that it did what was asked."""
        return 200 <= self.status <= 299

    def json(self) -> Any:
        """The body as JSON; an empty table if it is no JSON or not whole."""
        with suppress(ValueError, RecursionError):
            return json.loads(self.body) if self.is_whole else {}
        return {}

    def table(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        body = self.json()
        return body if isinstance(body, dict) else {}


class Time(TimeLimit):
    """The time in which to begin sending requests, and ``answer_ms`` more for the last answer."""

    def __init__(self, clock: Clock, send_ms: int, answer_ms: int = 0) -> None:
        super().__init__(clock, send_ms)
        self._answer_ms = answer_ms

    def left_s(self) -> float:
        """The time left for the answer. Raises ``Unanswered`` if it is too late to send anything."""
        left_ms = self.left_ms()
        if not left_ms:
            raise Unanswered("there was no time left to ask", Verdict.NOT_NOW)
        return (left_ms + self._answer_ms) / 1000


def send(time: Time, method: str, url: str, *, headers: Mapping[str, str], **body: Any) -> Answer:
    """Send one request. ``body``: ``json`` or ``data``, as the client takes them. If no answer comes, raises
    ``Unanswered``, which shows nothing of the request."""
    httpx, sent = _client(), _Sent(time)
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "holdoff", **headers}
    try:
        timeout = httpx.Timeout(time.left_s(), connect=CONNECT_S)
        with httpx.Client(verify=_certificates(), timeout=timeout) as client, sent:
            request = client.build_request(method, url, headers=headers, extensions={"trace": sent.trace}, **body)
            request.url = _hidden()(request.url)
            response = client.send(request, stream=True)
            content, is_whole = _content(response)
    except Unanswered:
        raise
    except Exception as error:  # noqa: BLE001  (any error: its message and its request may hold secrets)
        raise _unanswered(error, httpx, is_sent=sent.is_sent) from None
    received = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=received, body=content, is_whole=is_whole)


def _unanswered(error: Exception, httpx: Any, *, is_sent: bool) -> Unanswered:
    kind = type(error).__name__
    if is_sent and not isinstance(error, httpx.LocalProtocolError):  # LocalProtocolError: it could not be sent
        return Unanswered(f"the request was sent, and no answer came ({kind})", Verdict.UNKNOWN)
    if isinstance(error, httpx.ConnectError):  # its message is the system's, without secrets
        hint = "The certificate does not fit" if "CERTIFICATE_VERIFY_FAILED" in str(error) else None
        return Unanswered(f"no connection ({error})", Verdict.NEVER if hint else Verdict.NOT_NOW, hint=hint)
    of_a_proxy, no_room = httpx.ProxyError | httpx.RemoteProtocolError, OSError | RuntimeError
    if isinstance(error, httpx.TimeoutException | httpx.NetworkError | of_a_proxy | no_room):
        return Unanswered(f"no connection ({kind})", Verdict.NOT_NOW)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Unanswered("the address is no URL", Verdict.NEVER, hint="One begins with https:// or http://")
    return Unanswered(f"the request could not be made ({kind})", Verdict.NEVER, hint="See the URL and the headers")


class _Sent:
    """How far a request has come: httpcore calls ``trace`` at each step. Cuts the connection when the time is over.

    https://www.encode.io/httpcore/extensions/#trace
    """

    def __init__(self, time: Time) -> None:
        self.is_sent = False
        self._time = time
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(time.left_s(), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            self._linger(DROP)
        elif event.endswith("receive_response_headers.complete"):
            self._linger(KEEP)
        elif event.endswith("send_request_headers.started"):
            self._time.left_s()
            self.is_sent = info["request"].method != b"CONNECT"

    def _linger(self, how: bytes) -> None:
        if self._socket is not None:
            with suppress(OSError):  # closed already
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _content(response: Any) -> tuple[bytes, bool]:
    """The body, and whether that is all of it."""
    content = bytearray()
    try:
        for part in response.iter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                return b"", False
    except Exception:  # noqa: BLE001  (the status has come, and it counts)
        return bytes(content), False
    return bytes(content), True


def _client() -> Any:
    try:
        import httpx2
    except ImportError:
        raise Unanswered("the HTTP client is not installed", Verdict.NEVER, hint=INSTALL) from None
    return httpx2


@cache
def _certificates() -> Any:
    return _client().create_ssl_context()


@cache
def _hidden() -> Any:
    """A class of URLs whose text has the host only: the client logs each URL."""

    class Hidden(_client().URL):  # type: ignore[misc]
        def __str__(self) -> str:
            return f"{self.scheme}://{self.host}/..."

        __repr__ = __str__

    return Hidden
