"""Runs it: uvicorn in the main thread, the wake loop in another, and how both end.

At SIGTERM and SIGINT no request is taken any more. Those that run end, then the starts under way, then the wake loop,
and with it the commands that it looks after. A kill loses nothing: what was answered is in the store.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from holdoff.config.server import Server
from holdoff.core.errors import ConfigError
from holdoff.server.app import create_app
from holdoff.server.site import Site
from holdoff.wake.loop import WakeLoop

#: How long requests may take to end.
DRAIN_S: Final = 10
#: So many connections at once; more are answered 503.
MOST_CONNECTIONS: Final = 1_000
#: How seldom the same thing is said on account of strangers, and of how many things that is remembered.
SELDOM_S: Final = 60
MOST_SAID: Final = 100


def check_access(site: Site) -> None:
    """Refuse to be reached from elsewhere where nothing says who may do what.

    Raises:
        ConfigError: so it is.
    """
    server = site.server
    if server.is_loopback:
        return
    if server.anonymous:
        want = "nothing: without a token any program that reaches this address could do that; or listen on 127.0.0.1"
        raise ConfigError(field="server.anonymous", got=list(server.anonymous), want=want)
    if not site.guard.tokens.all():
        want = "127.0.0.1:PORT, or make a token first: holdoff token new NAME --scope look,trigger,operate"
        raise ConfigError(field="server.listen", got=server.listen, want=want)


def listening(server: Server) -> socket.socket:
    """The socket that it listens on.

    Raises:
        ConfigError: it cannot be had.
    """
    host, port = server.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        at = socket.create_server((host, port), family=family, backlog=2048)
        # Else an answer's body waits for its head to be acknowledged, 40 ms: asyncio sees to that only where a socket
        # was made with the protocol's number, https://github.com/python/cpython/blob/3.11/Lib/asyncio/base_events.py
        at.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return at
    except OSError as error:
        want = f"an address of this machine that is free ({str(error.strerror).partition(' (')[0]})"
        raise ConfigError(field="server.listen", got=server.listen, want=want) from None


def seldom() -> Callable[[logging.LogRecord], bool]:
    """A filter that lets each thing be said once a minute: what uvicorn and asyncio say, any stranger can have them say
    (2,048 times a second, where no more files can be opened: asyncio tries so often to take a connection)."""
    last: dict[str, float] = {}

    def passes(record: logging.LogRecord) -> bool:
        said = str(record.msg).partition("\n")[0]  # what differs each time stands in the lines below, or is filled in
        # What uvicorn would have installed for a stranger's WebSocket is of no use here.
        if "uvicorn[standard]" in said or 0 <= record.created - last.get(said, -SELDOM_S) < SELDOM_S:
            return False
        if len(last) >= MOST_SAID:
            last.clear()
        last[said] = record.created
        return True

    return passes


class _Server(uvicorn.Server):
    """Tells the site at once that it is to end: what streams would never end by itself."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._site.stopping.set()
        super().handle_exit(sig, frame)


def serve(site: Site, loop: WakeLoop, at: socket.socket, begun: Callable[[], None]) -> None:
    """Serve until a signal ends it. ``begun``: called just before the first request is taken."""
    server = site.server
    config = uvicorn.Config(
        create_app(site),
        http="h11",  # httptools, where it is installed, takes headers without end
        workers=1,  # else WEB_CONCURRENCY would have to be a number
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=DRAIN_S,
        ssl_certfile=server.certificate,
        ssl_keyfile=server.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        want = f"a certificate and its key, in PEM ({error.strerror or error})"
        raise ConfigError(field="server.certificate", got=server.certificate, want=want) from None
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(seldom())
    stop = threading.Event()
    looks = threading.Thread(target=loop.run, args=(stop,), name="holdoff-wake")
    site.is_looking = looks.is_alive
    uvicorn_server = _Server(config, site)
    # What comes before uvicorn listens to signals, and what it raises again at its end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, uvicorn_server.handle_exit)
    looks.start()
    try:
        begun()
        uvicorn_server.run(sockets=[at])
    finally:
        stop.set()
        site.starts.close()
        looks.join()
        loop.end_children()  # of starts that were under way
