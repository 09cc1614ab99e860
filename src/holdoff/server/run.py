"""Runs the server: uvicorn in the main thread, the wake loop in another.

At SIGTERM and SIGINT the server takes no further request. The running requests end, then the starts under way, then the
wake loop and the commands that it looks after. A kill loses nothing: what was answered is in the store.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from holdoff.config.server import Server
from holdoff.core.errors import ConfigError
from holdoff.server.app import create_app
from holdoff.server.site import Site
from holdoff.wake.loop import WakeLoop

log: Final = logging.getLogger("holdoff.server")
#: How long the running requests may take to end.
DRAIN_S: Final = 10
#: How many connections may be open at once; requests on further ones get 503.
MOST_CONNECTIONS: Final = 1_000
#: The least time between two equal messages that strangers can cause, and how many messages are remembered.
SELDOM_S: Final = 60
MOST_SAID: Final = 100


def check_access(site: Site) -> None:
    """Refuse to listen on an address that other machines reach while the server would not know its callers."""
    server = site.server
    if server.is_loopback:
        return
    if server.anonymous:
        want = "nothing: any program that reaches this address could do that without a token; or listen on 127.0.0.1"
        raise ConfigError(field="server.anonymous", got=list(server.anonymous), want=want)
    if not site.guard.tokens.all():
        want = "127.0.0.1:PORT, or make a token first: holdoff token new NAME --scope look,trigger,operate"
        raise ConfigError(field="server.listen", got=server.listen, want=want)


def listening(server: Server) -> socket.socket:
    """The socket that the server listens on. An address that cannot be used raises ConfigError."""
    host, port = server.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        at = socket.create_server((host, port), family=family, backlog=2048)
        # Otherwise an answer's body waits 40 ms for the acknowledgement of its head. asyncio sets this only for a
        # socket with the protocol's number: https://github.com/python/cpython/blob/3.11/Lib/asyncio/base_events.py
        at.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return at
    except OSError as error:
        want = f"an address of this machine that is free ({str(error.strerror).partition(' (')[0]})"
        raise ConfigError(field="server.listen", got=server.listen, want=want) from None


def seldom() -> Callable[[logging.LogRecord], bool]:
    """A filter that lets each message through once a minute. Any stranger can make uvicorn and asyncio log messages, up
    to 2,048 in a second: that is how often asyncio tries to accept a connection when no more files can be opened."""
    last: dict[str, float] = {}

    def passes(record: logging.LogRecord) -> bool:
        said = str(record.msg).partition("\n")[0]  # what differs each time is in the lines below or in the arguments
        # uvicorn's advice to install something for a stranger's WebSocket is of no use here.
        if "uvicorn[standard]" in said or 0 <= record.created - last.get(said, -SELDOM_S) < SELDOM_S:
            return False
        if len(last) >= MOST_SAID:
            last.clear()
        last[said] = record.created
        return True

    return passes


def _renew(context: ssl.SSLContext, server: Server) -> None:
    """Read the certificate again, for new connections. If it does not fit its key, the one before stays in use.

    It gets a context of its own: beside a key of another type, the live one would keep the certificate before.
    """
    fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def take(connection: ssl.SSLObject, *_: object) -> None:
        connection.context = fresh

    try:
        fresh.load_cert_chain(str(server.certificate), server.key)
        context.sni_callback = take
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or error
        log.warning("%s was not read again (%s); the certificate before stays in use", server.certificate, why)


def serve(site: Site, loop: WakeLoop, at: socket.socket, begun: Callable[[], None]) -> None:
    """Serve until a signal ends the server. ``begun``: called before the first request is taken."""
    server = site.server
    config = uvicorn.Config(
        create_app(site),
        http="h11",  # httptools has no limit for headers
        workers=1,  # otherwise WEB_CONCURRENCY would have to be a number
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
    if config.ssl is not None:
        site.renew = partial(_renew, config.ssl, server)
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(seldom())
    stop = threading.Event()
    looks = threading.Thread(target=loop.run, args=(stop,), name="holdoff-wake")
    site.is_looking = looks.is_alive
    uvicorn_server = uvicorn.Server(config)
    site.is_stopping = lambda: uvicorn_server.should_exit
    # For signals before uvicorn handles them, and for those that uvicorn raises again at its end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, uvicorn_server.handle_exit)
    looks.start()
    try:
        begun()
        uvicorn_server.run(sockets=[at])
    finally:
        stop.set()
        site.starts.close()
        site.starts.hooks.shutdown()  # those that were answered, and are undecided yet, become dead letters
        looks.join()
        loop.end_children()  # the commands of starts that were under way
