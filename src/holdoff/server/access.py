"""Who the caller is, and what the caller may do: a token, a user that a trusted proxy names, or a program on loopback.

A token comes as ``Authorization: Bearer``, or in the cookie that the page's login sets. A wrong token is refused, even
if the request has other credentials. A proxy is trusted by its address, and names one user in one header. A browser
adds cookie, proxy and loopback by itself, even to a request that another site's page made. So a request that changes
something must not come from another origin. Without a token, its host must be a loopback name, to which no stranger's
name server can direct a browser.

After too many failures an address gets 429, and its failures are no longer logged. A request with the right token still
succeeds, because a stranger behind the same proxy must not lock out its other users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from holdoff.clock import Clock
from holdoff.config.server import LOOPBACK, Server
from holdoff.core.errors import ConfigError
from holdoff.core.request import MAX_REASON, storable
from holdoff.core.value import Value
from holdoff.server.files import Tokens
from holdoff.server.problems import Problem

COOKIE: Final = "holdoff"
#: How many failures of an address in a minute still get the reason as their answer.
MOST_FAILURES: Final = 20
WINDOW_MS: Final = 60_000
MOST_ADDRESSES: Final = 10_000
_LOOPBACK: Final = tuple(map(ip_network, LOOPBACK))
_LOOPBACK_HOST: Final = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.ASCII)
#: As some proxies write a client: ``192.0.2.1:5000``, ``[2001:db8::1]:5000``.
_WITH_PORT: Final = re.compile(r"^(?:\[(.*)\]|([\d.]+))(?::\d+)?$")
_PORT: Final = re.compile(r":\d+$", re.ASCII)
_BY_PROXY: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_STRAIGHT: Final = (
    "the proxy that names a user must listen on another port than this server, and this server not on port 80: else a "
    "page could name a user, too"
)
_UNKNOWN: Final = (
    "a token is needed: on this server's machine and as its user, `holdoff token new NAME --scope look` makes one; a "
    "program sends it as 'Authorization: Bearer TOKEN'"
)


class Caller(Value):
    """Who makes a request. ``name``: of the token or the user; ``None``: a program on this machine."""

    name: str | None
    scopes: tuple[str, ...]

    def needs(self, scope: str) -> Caller:
        """The caller itself. A caller without the scope is refused."""
        if scope not in self.scopes:
            raise Problem(403, f"this needs the scope {scope!r}, which {self.name or 'this machine'} does not have")
        return self

    def says(self, by: str | None) -> str | None:
        """The name that the record keeps: for whom the caller acts, and the caller's own name."""
        own = f" ({self.name})" if by and self.name else ""  # never cut
        said = (by or self.name or "")[: MAX_REASON - len(own)] + own
        return storable(said, MAX_REASON) if said else None


class Failures:
    """How many failures each address had lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, int]] = {}

    def add(self, address: str) -> None:
        since_ms, count = self._recent(address)
        if len(self._seen) >= MOST_ADDRESSES:
            self._seen.clear()
        self._seen[address] = since_ms, count + 1

    def are_many(self, address: str) -> bool:
        return self._recent(address)[1] > MOST_FAILURES

    def _recent(self, address: str) -> tuple[int, int]:
        now_ms = self._clock.now_ms()
        since_ms, count = self._seen.get(address, (now_ms, 0))
        return (since_ms, count) if 0 <= now_ms - since_ms < WINDOW_MS else (now_ms, 0)  # a clock may be set back


class Guard:
    """Finds out who makes a request. ``log``: takes an error in the file of the tokens."""

    def __init__(self, server: Server, tokens: Tokens, clock: Clock, log: Callable[[ConfigError], None]) -> None:
        self.server: Server = server
        self.tokens: Tokens = tokens
        self.failures: Failures = Failures(clock)
        self._log = log
        self._proxies = server.networks()

    def caller(self, asks: HTTPConnection) -> Caller:
        """Who makes this request. An unknown caller raises Problem."""
        said = asks.headers.getlist("authorization")
        scheme, _, bearer = ",".join(said).partition(" ")  # two tokens together are a wrong one
        given = bearer.strip() if scheme.lower() == "bearer" else asks.cookies.get(COOKIE)
        if given is not None:
            return self.token(asks, given)
        if user := self._user(asks):
            return Caller(name=user, scopes=self.server.user_scopes)
        if self.server.anonymous and _is_of_this_machine(asks):
            return Caller(name=None, scopes=self.server.anonymous)
        raise self.refused(asks, _UNKNOWN)

    def token(self, asks: HTTPConnection, given: str) -> Caller:
        """Whose token this text is. An unknown token raises Problem, and so does a file of tokens that cannot be read:
        only the log tells where that file is and what is wrong with it."""
        try:
            token = self.tokens.find(given)
        except ConfigError as error:
            refusal = self.refused(asks, "")
            if refusal.status == 429:
                raise refusal from None
            self._log(error)
            raise Problem(500, "the tokens cannot be read; the log says more") from None
        if token is None:
            raise self.refused(asks, "this token is not known")
        return Caller(name=token.name, scopes=token.scopes)

    def refused(self, asks: HTTPConnection, why: str) -> Problem:
        """The answer to a request without the right token."""
        address = self.address(asks)
        self.failures.add(address)
        if self.failures.are_many(address):
            return Problem(429, "too many failures; try again in a minute")
        return Problem(401, why, headers={"www-authenticate": 'Bearer realm="holdoff"'})

    def address(self, asks: HTTPConnection) -> str:
        """The client whose failures count together: an address, as a trusted proxy gives it, or a site's IPv6
        network."""
        peer = _peer(asks)
        if _is_in(peer, self._proxies):
            peer = ",".join(asks.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip() or peer
        try:
            address = ip_address(_WITH_PORT.sub(r"\1\2", peer))
        except ValueError:
            return peer[:64]
        address = getattr(address, "ipv4_mapped", None) or address  # all of these are in one IPv6 network
        return str(ip_network((address, 64), strict=False) if address.version == 6 else address)

    def _user(self, asks: HTTPConnection) -> str | None:
        """The user that a trusted proxy names; ``None``: there is no such header, or more than one."""
        header = self.server.user_header
        if header is None or not _is_in(_peer(asks), self._proxies):
            return None
        named = asks.headers.getlist(header)
        if named and _comes_straight(asks):
            raise self.refused(asks, _STRAIGHT)
        if len(named) != 1:
            return None
        return storable(named[0].encode("latin-1").decode("utf-8", "replace").strip(), MAX_REASON) or None


def check_origin(asks: HTTPConnection) -> None:
    """Refuse a request that a page of another origin made a browser send."""
    origin, site = asks.headers.get("origin"), asks.headers.get("sec-fetch-site", "none")
    try:
        same = origin is None or urlsplit(origin).netloc == asks.headers.get("host")
    except ValueError:
        same = False
    if not same or site not in ("same-origin", "none"):
        raise Problem(403, "this comes from a page of another site, and changes something")


def _peer(asks: HTTPConnection) -> str:
    return asks.client.host if asks.client else ""


def _is_in(address: str, networks: Iterable[Any]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in networks)


def _comes_straight(asks: HTTPConnection) -> bool:
    """Whether a browser seems to call this server past the proxy, led here by a stranger's page, which could set any
    header: the host has this server's port (80, if it names none), and is no loopback name. Through the proxy it would
    have the proxy's port."""
    host, at = asks.headers.get("host", ""), asks.scope.get("server") or ("", None)
    named = host if _PORT.search(host) else f"{host}:{443 if asks.scope['scheme'] == 'https' else 80}"
    return named.endswith(f":{at[1]}") and _LOOPBACK_HOST.fullmatch(host) is None


def _is_of_this_machine(asks: HTTPConnection) -> bool:
    """Whether a program on this machine makes the request, and not a proxy here on behalf of a stranger, who could name
    any host. The header is read as it came: for a host that Starlette takes for invalid (with a ``_``, for example) it
    puts the server's own."""
    if not _is_in(_peer(asks), _LOOPBACK) or any(name in asks.headers for name in _BY_PROXY):
        return False
    return len(asks.headers.getlist("host")) == 1 and _LOOPBACK_HOST.fullmatch(asks.headers["host"]) is not None
