"""What the stand-ins of web services have in common: HTTP on 127.0.0.1, what came in, and faults.

A fault is for the requests that start a build, or for all (``for_all``), so many times:

    status   answer so, with these headers and this body, and do nothing
    drop     close the connection without an answer, before or after the build began (``after``)
    hang     the same, once the test lets go (``release``) or the client has gone
    drip     answer as it should be, the head or the body byte by byte, until let go
    lie      the build begins, and the answer is not the service's: a 200 with a page in it
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from tests.standins.codebuild import StandinClock
from tests.waiting import PATIENCE_S

Kind = Literal["status", "drop", "hang", "drip", "lie"]
Reply = tuple[int, Mapping[str, str], object]
PAGE_OF_A_PROXY = b"<html><body>Welcome to the hotel. Log in first.</body></html>"


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; ``None``: it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class Build:
    id: str
    token: str
    state: str = "running"
    made_ms: int = 0
    about: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fault:
    kind: Kind
    times: int = 1
    after: bool = False
    for_all: bool = False
    part: Literal["head", "body"] = "body"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = b""
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    #: It hangs, or has dripped for a while.
    under_way: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        self.released.set()


class WebStandin:
    """A service. Each kind answers ``reply`` and says which requests start a build."""

    def __init__(self, *, clock: StandinClock | None = None) -> None:
        self.clock = clock or StandinClock()
        self.lock = threading.RLock()
        self.seen: list[Seen] = []
        self.builds: dict[str, Build] = {}
        self.faults: list[Fault] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.standin = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def reply(self, seen: Seen) -> Reply:
        raise NotImplementedError

    def is_start(self, seen: Seen) -> bool:
        raise NotImplementedError

    @property
    def starts(self) -> list[Seen]:
        """The requests that were to start a build, whatever became of them."""
        return [one for one in self.seen if self.is_start(one)]

    def make(self, build_id: str, token: str, **about: Any) -> Build:
        build = Build(build_id, token, made_ms=self.clock.now_ms(), about=about)
        self.builds[build_id] = build
        return build

    def fault(self, kind: Kind, **details: Any) -> Fault:
        fault = Fault(kind, **details)
        self.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        for fault in self.faults:
            fault.release()
        self.faults.clear()

    def fault_for(self, seen: Seen) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and (fault.for_all or self.is_start(seen)):
                    fault.times -= 1
                    fault.arrived.set()
                    return fault
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear_faults()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    standin: WebStandin

    def server_bind(self) -> None:  # without a look at the name server
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client has gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        is_one = bool(self.raw_requestline) and self.parse_request()
        self.close_connection = True
        if not is_one:
            return
        length = int(self.headers.get("content-length") or 0)
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        headers = {name.lower(): ", ".join(self.headers.get_all(name) or ()) for name in self.headers}
        seen = Seen(self.command, url.path, query, headers, self.rfile.read(length))
        with self.server.standin.lock:
            self.server.standin.seen.append(seen)
        self._answer(seen, self.server.standin.fault_for(seen))

    def _answer(self, seen: Seen, fault: Fault | None) -> None:
        if fault is None or fault.after or fault.kind in ("drip", "lie"):
            reply = self._reply(seen)
        if fault is None:
            self._write(reply)
        elif fault.kind == "status":
            self._write((fault.status, fault.headers, fault.body))
        elif fault.kind == "lie":
            self._write((200, {"Content-Type": "text/html"}, PAGE_OF_A_PROXY))
        elif fault.kind == "drip":
            self._write(reply, fault)
        elif fault.kind == "hang":
            fault.under_way.set()
            fault.released.wait(PATIENCE_S)

    def _reply(self, seen: Seen) -> Reply:
        with self.server.standin.lock:
            return self.server.standin.reply(seen)

    def _write(self, reply: Reply, drip: Fault | None = None) -> None:
        status, headers, body = reply
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
            self.send_header(name, value)
        head = b"".join(self._headers_buffer) + b"\r\n"  # type: ignore[attr-defined]
        slow = b"" if drip is None else head if drip.part == "head" else content
        with contextlib.suppress(OSError):
            self.wfile.write(head if slow is not head else b"")
            for byte in _each(slow):
                self.wfile.write(byte)
                self.wfile.flush()
                if drip is None or drip.released.wait(0.01):
                    break
                drip.under_way.set()
            if drip is None or slow is head:
                self.wfile.write(content)
            self.connection.shutdown(socket.SHUT_RDWR)


def _each(text: bytes) -> Iterator[bytes]:
    return (text[at : at + 1] for at in range(len(text)))
