"""Who asks, and what that caller may do: a token, a user that a trusted proxy names, or, on loopback, any program.

Tokens come as ``Authorization: Bearer``, or in the cookie that the page's login sets; a wrong one is never made up for
by anything beside it. A proxy is known by its address, and says one user in one header. What comes from a browser's
own authority (cookie, proxy, loopback) could be another site's doing: a request that changes something must not come
from another origin, and without a token the host must be a loopback one, which no name server of a stranger's can say.

Failures are limited by address: the answer is then 429, and nothing is logged. What is right gets through all the same,
or a stranger behind the same proxy could lock all out.
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
#: So many failures of an address in a minute are answered with why.
MOST_FAILURES: Final = 20
WINDOW_MS: Final = 60_000
MOST_ADDRESSES: Final = 10_000
_LOOPBACK: Final = tuple(map(ip_network, LOOPBACK))
_LOOPBACK_HOST: Final = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.ASCII)
#: As some proxies write a client: ``192.0.2.1:5000``, ``[2001:db8::1]:5000``.
_WITH_PORT: Final = re.compile(r"^(?:\[(.*)\]|([\d.]+))(?::\d+)?$")
_BY_PROXY: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_STRAIGHT: Final = (
    "the proxy that names a user must listen on another port than this server: a page here could say so, too"
)
_UNKNOWN: Final = "who asks is not known: send a token (`holdoff token new`) as 'Authorization: Bearer ...'"


class Caller(Value):
    """Who asks. ``name``: of the token or the user; ``None``: nothing is known but that it is this machine."""

    name: str | None
    scopes: tuple[str, ...]

    def needs(self, scope: str) -> Caller:
        """The caller itself; one that may not do this is refused."""
        if scope not in self.scopes:
            raise Problem(403, f"this needs the scope {scope!r}, which {self.name or 'this machine'} does not have")
        return self

    def says(self, by: str | None) -> str | None:
        """Who is noted down for what is done, where the caller says who it is for."""
        own = f" ({self.name})" if by and self.name else ""  # whole, however long the rest is
        said = (by or self.name or "")[: MAX_REASON - len(own)] + own
        return storable(said, MAX_REASON) if said else None


class Failures:
    """How many there were of each address of late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, int]] = {}

    def add(self, address: str) -> None:
        """One more."""
        since_ms, count = self._of_late(address)
        if len(self._seen) >= MOST_ADDRESSES:
            self._seen.clear()
        self._seen[address] = since_ms, count + 1

    def are_many(self, address: str) -> bool:
        """Whether there were too many."""
        return self._of_late(address)[1] > MOST_FAILURES

    def _of_late(self, address: str) -> tuple[int, int]:
        now_ms = self._clock.now_ms()
        since_ms, count = self._seen.get(address, (now_ms, 0))
        return (since_ms, count) if 0 <= now_ms - since_ms < WINDOW_MS else (now_ms, 0)  # a clock may be set back


class Guard:
    """Says who asks. ``log``: takes what is wrong with the file of the tokens."""

    def __init__(self, server: Server, tokens: Tokens, clock: Clock, log: Callable[[ConfigError], None]) -> None:
        self.server: Server = server
        self.tokens: Tokens = tokens
        self.failures: Failures = Failures(clock)
        self._log = log
        self._proxies = server.networks()

    def caller(self, asks: HTTPConnection) -> Caller:
        """Who asks.

        Raises:
            Problem: that is not known, or not shown as it should be.
        """
        said = asks.headers.getlist("authorization")
        scheme, _, bearer = ",".join(said).partition(" ")  # of two tokens neither is silently left out
        given = bearer.strip() if scheme.lower() == "bearer" else asks.cookies.get(COOKIE)
        if given is not None:
            return self.token(asks, given)
        if user := self._user(asks):
            return Caller(name=user, scopes=self.server.user_scopes)
        if self.server.anonymous and _is_of_this_machine(asks):
            return Caller(name=None, scopes=self.server.anonymous)
        raise self.refused(asks, _UNKNOWN)

    def token(self, asks: HTTPConnection, given: str) -> Caller:
        """Whose token this text is.

        Raises:
            Problem: it is none, or that is not known: where the file is, and what is wrong with it, tells the log only.
        """
        try:
            token = self.tokens.find(given)
        except ConfigError as error:
            refusal = self.refused(asks, "")
            if refusal.status == 429:
                raise refusal from None
            self._log(error)
            raise Problem(500, "the tokens cannot be read; the log says more") from None
        if token is None:
            raise self.refused(asks, "this token is none of those that are known")
        return Caller(name=token.name, scopes=token.scopes)

    def refused(self, asks: HTTPConnection, why: str) -> Problem:
        """What a request without the right token is answered."""
        address = self.address(asks)
        self.failures.add(address)
        if self.failures.are_many(address):
            return Problem(429, "too many failures; try again in a minute")
        return Problem(401, why, headers={"www-authenticate": 'Bearer realm="holdoff"'})

    def address(self, asks: HTTPConnection) -> str:
        """Whose failures count together: an address, as a trusted proxy says it, or an IPv6 network of one site."""
        peer = _peer(asks)
        if _is_in(peer, self._proxies):
            peer = ",".join(asks.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip() or peer
        try:
            address = ip_address(_WITH_PORT.sub(r"\1\2", peer))
        except ValueError:
            return peer[:64]
        return str(ip_network((address, 64), strict=False) if address.version == 6 else address)

    def _user(self, asks: HTTPConnection) -> str | None:
        """The user that a trusted proxy names; of two headers neither is believed."""
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
    """Refuse what a page of another origin has a browser send.

    Raises:
        Problem: it comes from there.
    """
    origin, site = asks.headers.get("origin"), asks.headers.get("sec-fetch-site", "none")
    try:
        same = origin is None or urlsplit(origin).netloc == asks.headers.get("host")
    except ValueError:
        same = False
    if not same or site not in ("same-origin", "none"):
        raise Problem(403, "this comes from another site, and changes something")


def _peer(asks: HTTPConnection) -> str:
    return asks.client.host if asks.client else ""


def _is_in(address: str, networks: Iterable[Any]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in networks)


def _comes_straight(asks: HTTPConnection) -> bool:
    """Whether a browser beside the proxy seems to ask, by a name that a stranger's page has led here: it names this
    very port, and such a page sends what it likes. A proxy has a port of its own; a loopback name is no stranger's."""
    host, at = asks.headers.get("host", ""), asks.scope.get("server") or ("", None)
    return host.endswith(f":{at[1]}") and _LOOPBACK_HOST.fullmatch(host) is None


def _is_of_this_machine(asks: HTTPConnection) -> bool:
    """And not a proxy here that asks for a stranger, who may name any host. The header is taken as it came: of a host
    that it takes for none (one with a ``_``, say) Starlette has the server's."""
    if not _is_in(_peer(asks), _LOOPBACK) or any(name in asks.headers for name in _BY_PROXY):
        return False
    return len(asks.headers.getlist("host")) == 1 and _LOOPBACK_HOST.fullmatch(asks.headers["host"]) is not None
