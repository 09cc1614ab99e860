"""Clients of AWS services: how they are made, how long their calls may take, and who may use them.

All of a process's clients come from one botocore session: what is slow about the first (credentials, endpoints, service
descriptions) is done once, and a function that needs three clients starts in little more than the time of one.
botocore is imported when the first client is made: it takes longer than many a decision. ``HOLDOFF_AWS_CLIENT=lean``
does without it where it can: ``lean`` says where, and how.

A client may act as a *role* of another account. botocore assumes it when the first request is signed, and again before
its credentials run out; all clients of a role share them.

The SDK sends a request again when a try got no answer, and raises the error of the last try only. The try without an
answer may have made the build or written the item all the same, and the next one may be throttled, refused by a limit
(*because of that very build*), find no network or no credentials. So every try is judged, by the table in ``errors``.
And no try begins when the time of its call is over: after a machine's sleep it would be signed afresh, and sent when
the claim is another process's and the service has forgotten the token.

A client belongs to the process that made it. Connections cannot be shared, and a lock that another thread held during a
fork stays held in the child for ever; so a child starts with new locks, a new session and new clients.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

from holdoff.aws.errors import RETRY_AFTER_MS, Tried, is_certain, row_of, said_in
from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError
from holdoff.core.shown import Unquoted, shown_url, without_secrets
from holdoff.core.value import Value

ENDPOINT: Final = "AWS_ENDPOINT_URL"
#: Which client is used: with "lean" that of ``lean``, for every call that it can make.
CLIENT: Final = "HOLDOFF_AWS_CLIENT"
_TYPE_OF_ENDPOINT: Final = "a URL such as http://127.0.0.1:8000, without user, password and parameters"

_lock = threading.RLock()
_sessions: dict[tuple[tuple[tuple[str, str], ...], Role | None], Any] = {}
#: How many forks this process is away from the first one.
_generation = 0


class Limits(Value):
    """How long a call may take, in seconds, with so many tries, over so many connections at a time.

    ``connect_s`` is for the connection, and as long again for the TLS handshake; ``read_s`` for the answer.
    ``validates``: whether the SDK looks through the parameters first, value by value. The service looks again, so calls
    whose parameters are all made here need not.
    """

    connect_s: float
    read_s: float
    tries: int
    connections: int = 8
    validates: bool = True

    @property
    def longest_ms(self) -> int:
        """The longest that a call takes: its tries, and before the second, third... at most 1 s, 2 s... and what the
        service asks for."""
        waits_ms = sum((1000 << n) + RETRY_AFTER_MS for n in range(self.tries - 1))
        return int(1000 * self.tries * (2 * self.connect_s + self.read_s)) + waits_ms


#: How long it may take to assume a role: once in a decision at most, and within one of its calls.
ASSUMING: Final = Limits(connect_s=1, read_s=3, tries=1)
#: The same where botocore itself asks for credentials (a profile's role, a web identity, SSO): it would take minutes.
LENDING: Final = Limits(connect_s=2, read_s=4, tries=2)


class Role(Value, kw_only=False):
    """A role to act as. ``external_id``: what its trust policy may ask for."""

    arn: str
    external_id: str | None = None


class TooLate(Exception):
    """The time of a call was over before a try began. It was not sent."""


class _Call(threading.local):
    """A thread's present call. Others may call through a given client, in threads that began none here.

    ``over_ms``: from this instant on no try may begin; ``None``: it has no end.
    """

    tried = Tried()
    over_ms: int | None = None


class Clients:
    """A service's clients, one for each region, made when first needed, for all threads.

    Follows each try of a thread's present call. botocore's ``before-send`` comes before each, ``needs-retry`` after
    each that was answered or failed, the last one included. Only an answer that cannot be read comes without: it ends
    the call, with an exception that is in no table.

    Args:
        service: as botocore names it.
        endpoint: another than AWS's own; ``None``: as ``AWS_ENDPOINT_URL_*`` say, else AWS's own.
        given: a client of the user's own, used for every region, with its own limits, left open, and as safe to take
            through a fork as it is. If it is not botocore's, no try of it is seen: each call counts as sent.
        role: to act as; ``None``: as this process itself.
        lean: whether the client of ``lean`` may take botocore's place here: it knows the operations that are called.
    """

    def __init__(
        self,
        service: str,
        limits: Limits,
        *,
        endpoint: str | None = None,
        given: object = None,
        role: Role | None = None,
        lean: bool = False,
    ) -> None:
        check_endpoint("endpoint", endpoint)
        self.service: str = service
        self.limits: Limits = limits
        self.endpoint: str | None = endpoint
        self.given: object = given
        self.role: Role | None = role
        self.lean = lean
        self._made: dict[tuple[int, str | None], Any] = {}
        self._call = _Call()
        self._is_blind = given is not None and not self._follow(given)

    def of(self, region: str | None) -> Any:
        """The client of a region; ``None``: the environment's, or the profile's. Raises what ``make_client`` does."""
        if self.given is not None:
            return self.given
        if (found := self._made.get((_generation, region))) is not None:
            return found
        with _lock:
            if (_generation, region) not in self._made:
                where: dict[str, Any] = {"region": region, "endpoint": self.endpoint, "role": self.role}
                made = make_client(self.service, self.limits, **where, lean=self._tries if self.lean else None)
                self._follow(made)
                self._made[_generation, region] = made
            return self._made[_generation, region]

    def begin(self) -> None:
        """A new call of this thread: nothing has left this machine."""
        self._call.tried = Tried(sent=self._is_blind)
        if self.given is None:  # that has time-outs of its own
            self._call.over_ms = SystemClock().now_ms() + self.limits.longest_ms

    @property
    def tried(self) -> Tried:
        """What is known of this thread's present call so far."""
        return self._call.tried

    def _follow(self, client: Any) -> bool:
        """See every try of this client, if it is botocore's."""
        events = getattr(getattr(client, "meta", None), "events", None)
        if events is not None:
            events.register(f"before-send.{self.service}", self._sending)
            events.register(f"needs-retry.{self.service}", self._ended)
        return events is not None

    def _sending(self, **_: object) -> None:
        if self._call.over_ms is not None and SystemClock().now_ms() >= self._call.over_ms:
            raise TooLate("the time for it was over: this process or its machine was stopped")
        self._call.tried = self._call.tried.but(sent=True)

    def _ended(
        self,
        response: tuple[Any, Mapping[str, Any]] | None = None,
        caught_exception: Exception | None = None,
        **_: object,
    ) -> None:
        if not is_certain(response, caught_exception):
            self._call.tried = Tried(sent=True, in_doubt=True)

    def _tries(self, failure: Exception | None) -> None:
        """A try of a lean client: it begins, or has failed."""
        if failure is None:
            self._sending()
        elif row_of(failure) is None:
            self._call.tried = Tried(sent=True, in_doubt=True)

    def regions(self) -> set[str | None]:
        """The regions for which there is a client."""
        return {region for _, region in list(self._made)}

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        with _lock:
            made, self._made = self._made, {}
        for (generation, _), client in made.items():
            if generation == _generation:
                client.close()


def make_client(
    service: str,
    limits: Limits,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    role: Role | None = None,
    lean: Callable[[Exception | None], None] | None = None,
) -> Any:
    """A client of a service. ``region``: unless given, that of AWS_REGION (of which botocore knows nothing), of
    AWS_DEFAULT_REGION or of the profile. ``lean``: is told of each try of the lean client, which then may take
    botocore's place; ``None``: it may not.

    Raises:
        ImportError: botocore is not installed.
        ConfigError: its endpoint is no URL, or has a user or a password.
        BotoCoreError: what it was given makes no client.
    """
    region = region_named(region)
    if lean is not None and role is None and _is_lean():
        from holdoff.aws.lean import client_of

        if (client := client_of(service, limits, region=region, endpoint=endpoint, on_try=lean)) is not None:
            return client
    with _lock:  # a session is not for sharing between threads; a client is
        session = _session(role, region)
        try:
            made = session.create_client(service, region_name=region, endpoint_url=endpoint, config=_config(limits))
        except ValueError as error:
            if "endpoint" not in str(error):  # "Invalid endpoint: ", and then what it is
                raise
            raise ConfigError(field=ENDPOINT, got=Unquoted("no URL"), want=_TYPE_OF_ENDPOINT) from None
    check_endpoint(ENDPOINT, made.meta.endpoint_url)
    return made


def region_named(region: str | None) -> str | None:
    """The region, or where none is given the environment's."""
    return region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


def _new_session() -> Any:
    """A session whose clients' errors hold no secret: a traceback shows an error's words."""
    from botocore.session import get_session

    session = get_session()
    session.set_default_client_config(_config(LENDING))
    session.register("needs-retry", _without_secrets)
    return session


def _without_secrets(response: Any = None, caught_exception: Exception | None = None, **_: object) -> None:
    if response is not None and "Error" in response[1]:
        response[1]["Error"]["Message"] = said_in(response[1]["Error"].get("Message"))
    elif caught_exception is not None:
        said = " ".join(str(caught_exception).split())
        if (told := without_secrets(said_in(said))) != said:
            caught_exception.args, caught_exception.__context__ = (told,), None


def _is_lean() -> bool:
    wanted = os.environ.get(CLIENT, "")
    if wanted not in ("", "botocore", "lean"):
        raise ConfigError(field=CLIENT, got=wanted, want="'lean' or 'botocore'")
    return wanted == "lean"


def check_endpoint(field: str, url: str | None) -> None:
    """Refuse what is no URL, and what has a secret in it: requests are signed, and make no use of that, but botocore's
    errors show it."""
    if url is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", url):
        raise ConfigError(field=field, got=shown_url(url), want=_TYPE_OF_ENDPOINT)


def _config(limits: Limits) -> Any:
    from botocore import __version__ as botocore_version
    from botocore.config import Config

    return Config(
        connect_timeout=limits.connect_s,
        read_timeout=limits.read_s,
        retries={"mode": "standard", "total_max_attempts": limits.tries},
        tcp_keepalive=True,
        max_pool_connections=limits.connections,
        parameter_validation=limits.validates,
        user_agent=f"holdoff botocore/{botocore_version}",  # botocore's own takes a tenth of a call's time to make
    )


def prepare(*services: str) -> None:
    """Load in advance what makes a service's first client slow. An error comes again with that client."""
    with suppress(Exception):
        for service in services:
            make_client(service, Limits(connect_s=1, read_s=1, tries=1), lean=lambda _: None).close()


def _session(role: Role | None = None, region: str | None = None) -> Any:
    """The session of this environment: where it changes (a test, a program that takes on a role), another. For a role
    one of its own, whose credentials STS gives, in this region."""
    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    if (settings, None) not in _sessions:
        _sessions.clear()
        _sessions[settings, None] = _new_session()
    if (settings, role) not in _sessions:
        assert role is not None
        credentials = _assumed(role, _sessions[settings, None], region)
        _sessions[settings, role] = session = _new_session()
        session.register_component("credential_provider", SimpleNamespace(load_credentials=lambda: credentials))
    return _sessions[settings, role]


def _assumed(role: Role, own: Any, region: str | None) -> Any:
    """Credentials that botocore fetches when they are needed, and again before they run out."""
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    def make(service: str, **keys: Any) -> Any:
        with _lock:
            return own.create_client(service, region_name=region, config=_config(ASSUMING), **keys)

    if (source := own.get_credentials()) is None:
        raise NoCredentialsError
    asked = {"RoleSessionName": "holdoff"} | ({"ExternalId": role.external_id} if role.external_id else {})
    fetcher = AssumeRoleCredentialFetcher(make, source, role.arn, extra_args=asked)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _start_anew() -> None:
    global _lock, _generation
    _lock = threading.RLock()
    _generation += 1
    _sessions.clear()


os.register_at_fork(after_in_child=_start_anew)
