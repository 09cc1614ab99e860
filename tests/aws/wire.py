"""A wire before an engine, or before nothing, which spoils what comes along it: real sockets, for any client."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

#: What may become of a request. "before": it never reaches the engine; "after": the engine has done it.
FAULTS: Final = (
    "pass",
    "close before",
    "close after",
    "cut after",
    "cut head after",
    "hang after",
    "garble after",
    "close idle",
)


class Wire:
    """Forwards each request, spoiled by the next fault of ``script``; what is bytes in it is the answer to give."""

    def __init__(self, endpoint: str | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self._engine = urlsplit(endpoint) if endpoint else None
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self._done = threading.Event()
        self._open: list[socket.socket] = [self._server]
        self._threads: list[threading.Thread] = []
        self.script: list[str | bytes] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._hung: list[object] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # else a thread that waits at it keeps it open
            each.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, target: Callable[..., None], *given: object) -> None:
        self._threads.append(threading.Thread(target=target, args=given, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connections += 1
                self._open.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):  # also one that was accepted while the wire was closed
            made = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            self._open.append(made)
            with made:
                while self._answer(made, read_message(made.recv)):
                    pass

    def _answer(self, connection: socket.socket, request: bytes) -> bool:
        """Whether the connection stays open."""
        self.requests.append(request)
        fault = self.script.pop(0) if self.script else "pass"
        if isinstance(fault, bytes):
            connection.sendall(fault)
            return True
        if fault == "close before":
            return False
        answer = self._asked(request)
        if fault == "hang after":
            self._hung.append(connection.getpeername())
            self._done.wait(PATIENCE_S)
        elif fault == "cut after":
            connection.sendall(answer[:-1])
        elif fault == "cut head after":
            connection.sendall(answer[:30])
        elif fault == "garble after":
            connection.sendall(answer[:-1] + b"~")
        elif fault != "close after":
            connection.sendall(answer)
        return fault in ("pass", "garble after")

    def time_out_where_it_hangs(self, patch: pytest.MonkeyPatch) -> None:
        """The time of a client is over as soon as the wire hangs, and at no other instant."""
        time_out_when(lambda client: client.getsockname() in self._hung, patch)

    def _asked(self, request: bytes) -> bytes:
        if self._engine is None:
            return answer(200, b"{}")
        with socket.create_connection((str(self._engine.hostname), int(self._engine.port or 80))) as engine:
            engine.sendall(request)
            return read_message(engine.recv)


def time_out_when(is_over: Callable[[socket.socket], bool], patch: pytest.MonkeyPatch) -> None:
    """The time of an answer's reader is over when it is so. Its own limits may be out of reach of any machine."""
    readinto = socket.SocketIO.readinto

    def read(stream: Any, buffer: Any) -> int | None:
        while not select.select([stream], [], [], 0.005)[0]:
            if is_over(stream._sock):
                raise TimeoutError("timed out")
        return readinto(stream, buffer)

    patch.setattr(socket.SocketIO, "readinto", read)


def answer(status: int, body: bytes, **headers: str) -> bytes:
    """An answer of a service's."""
    named = {"x_amzn_RequestId": "R", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


def refusal(code: str, status: int = 400, **headers: str) -> bytes:
    """An error answer of DynamoDB's."""
    return answer(status, f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"so"}}'.encode(), **headers)


def read_message(receive: Callable[[int], bytes]) -> bytes:
    """A request or an answer, to its end."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (part := receive(65_536)):
            raise EOFError
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    named = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(named[b"content-length"]):
        if not (part := receive(65_536)):
            raise EOFError
        body += part
    return head + b"\r\n\r\n" + body
