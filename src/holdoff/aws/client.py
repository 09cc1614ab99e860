"""Clients of AWS services: how they are made, how long their calls may take, and who may use them.

All clients of a process come from one botocore session. The slow work for the first client (credentials, endpoints,
service descriptions) is done once, so three clients take little more time than one. botocore is imported when the first
client is made, because the import takes longer than many decisions. With ``HOLDOFF_AWS_CLIENT=lean`` the client of the
module ``lean`` takes its place where it can.

A client may act as a *role* of another account. botocore assumes the role when the first request is signed, and again
before the credentials expire. All clients of a role share its credentials.

The SDK sends a request again when a try got no answer, and raises the error of the last try only. But the try without
an answer may have made the build or written the item. The next try may then be throttled, be refused by a limit
(*because of that very build*), or find no network or no credentials. So every try is judged, by the table in
``errors``. No try begins when the time of its call is over: after a machine has slept, the SDK would sign the request
again and send it when another process has the claim and the service has forgotten the token.

A client belongs to the process that made it. Connections cannot be shared, and a lock that another thread held during a
fork is never released in the child. So a child starts with new locks, a new session and new clients.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

from holdoff.aws.errors import RETRY_AFTER_MS, Tried, clean_message, is_certain, row_of
from holdoff.clock import SystemClock, TimeLimit
from holdoff.core.errors import ConfigError
from holdoff.core.shown import Unquoted, shown_url, without_secrets
from holdoff.core.value import Value

ENDPOINT: Final = "AWS_ENDPOINT_URL"
#: Which client is used. "lean": the client of ``lean``, for every call that it can make.
CLIENT: Final = "HOLDOFF_AWS_CLIENT"
_TYPE_OF_ENDPOINT: Final = "a URL such as http://127.0.0.1:8000, without user, password and parameters"

_lock = threading.RLock()
_sessions: dict[tuple[tuple[tuple[str, str], ...], Role | None], Any] = {}
#: How many forks there are between the first process and this one.
_generation = 0


class Limits(Value):
    """How long a call may take, in seconds, how many tries it has, and over how many connections at a time.

    ``connect_s`` is for the connection, and again for the TLS handshake; ``read_s`` is for the answer. ``validates``:
    whether the SDK checks the parameters first, value by value. The service checks them too, so calls whose parameters
    are all made here do without.
    """

    connect_s: float
    read_s: float
    tries: int
    connections: int = 8
    validates: bool = True

    @property
    def longest_ms(self) -> int:
        """The longest time of a call. Before the second, third... try it waits 1 s, 2 s... and as the service asks."""
        waits_ms = sum((1000 << n) + RETRY_AFTER_MS for n in range(self.tries - 1))
        return int(1000 * self.tries * (2 * self.connect_s + self.read_s)) + waits_ms


#: How long it may take to assume a role. That happens once in a decision at most, within one of its calls.
ASSUMING: Final = Limits(connect_s=1, read_s=3, tries=1)
#: The same where botocore itself fetches credentials (a profile's role, a web identity, SSO). Its default is minutes.
LENDING: Final = Limits(connect_s=2, read_s=4, tries=2)


class Role(Value, kw_only=False):
    """A role to act as. ``external_id``: the external id that its trust policy may require."""

    arn: str
    external_id: str | None = None


class TooLate(Exception):
    """The time of a call was over before a try began, or the clock was set back. The request was not sent."""


class _Call(threading.local):
    """The present call of a thread. A given client may also be used by others, in threads that began no call here.

    ``limit``: when it is over, no try may begin; ``None``: there is no limit.
    """

    tried = Tried()
    limit: TimeLimit | None = None


class Clients:
    """The clients of a service, one for each region, made when first needed, for all threads.

    Follows each try of a thread's present call. botocore emits ``before-send`` before each try, and ``needs-retry``
    after each try that was answered or failed, also after the last. Only after an answer that cannot be read it emits
    nothing: that ends the call, with an exception that is in no table.

    Args:
        service: as botocore names it.
        endpoint: a URL in place of AWS's own; ``None``: as ``AWS_ENDPOINT_URL_*`` say, else AWS's own.
        given: a client of the user's own, for every region. It has its own limits, is never closed here, and is as safe
            across a fork as it is by itself. If it is not botocore's, its tries are not seen: each call counts as sent.
        role: the role to act as; ``None``: act as this process.
        lean: whether the client of ``lean`` may be used: it knows all operations that are called here.
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
        """Begin a call of this thread: nothing has left this machine yet."""
        self._call.tried = Tried(sent=self._is_blind)
        if self.given is None:  # a given client has time-outs of its own
            self._call.limit = TimeLimit(SystemClock(), self.limits.longest_ms)

    @property
    def tried(self) -> Tried:
        """What is known of this thread's present call so far."""
        return self._call.tried

    def _follow(self, client: Any) -> bool:
        """Follow every try of this client. False: it is not botocore's, so that is impossible."""
        events = getattr(getattr(client, "meta", None), "events", None)
        if events is not None:
            events.register(f"before-send.{self.service}", self._sending)
            events.register(f"needs-retry.{self.service}", self._ended)
        return events is not None

    def _sending(self, **_: object) -> None:
        if self._call.limit is not None and not self._call.limit.left_ms():
            raise TooLate("the time for it was over: this process or its machine was stopped, or its clock was set")
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
        """Called by a lean client: a try begins (``None``), or has failed."""
        if failure is None:
            self._sending()
        elif row_of(failure) is None:
            self._call.tried = Tried(sent=True, in_doubt=True)

    def close(self) -> None:
        """Close the connections. The next call makes new ones."""
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
    """A client of a service.

    Args:
        region: default: AWS_REGION (which botocore does not read), AWS_DEFAULT_REGION or the profile's region.
        lean: called at each try of the lean client, which then may be used; ``None``: it may not.

    Raises:
        ImportError: botocore is not installed.
        ConfigError: the endpoint is no URL, or has a user or a password in it.
        BotoCoreError: botocore makes no client from these settings.
    """
    region = region_named(region)
    if lean is not None and role is None and _is_lean():
        from holdoff.aws.lean import client_of

        if (client := client_of(service, limits, region=region, endpoint=endpoint, on_try=lean)) is not None:
            return client
    with _lock:  # threads may share a client, but not a session
        session = _session(role, region)
        try:
            made = session.create_client(service, region_name=region, endpoint_url=endpoint, config=_config(limits))
        except ValueError as error:
            if "endpoint" not in str(error):  # "Invalid endpoint: URL"
                raise
            raise ConfigError(field=ENDPOINT, got=Unquoted("no URL"), want=_TYPE_OF_ENDPOINT) from None
    check_endpoint(ENDPOINT, made.meta.endpoint_url)
    return made


def region_named(region: str | None) -> str | None:
    """The region; if none is given, the environment's."""
    return region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


def _new_session() -> Any:
    """A session whose errors hold no secret: a traceback shows an error's message."""
    from botocore.session import get_session

    session = get_session()
    session.set_default_client_config(_config(LENDING))
    session.register("needs-retry", _without_secrets)
    return session


def _without_secrets(response: Any = None, caught_exception: Exception | None = None, **_: object) -> None:
    if response is not None and "Error" in response[1]:
        response[1]["Error"]["Message"] = clean_message(response[1]["Error"].get("Message"))
    elif caught_exception is not None:
        message = " ".join(str(caught_exception).split())
        if (clean := without_secrets(clean_message(message))) != message:
            caught_exception.args, caught_exception.__context__ = (clean,), None


def _is_lean() -> bool:
    wanted = os.environ.get(CLIENT, "")
    if wanted not in ("", "botocore", "lean"):
        raise ConfigError(field=CLIENT, got=wanted, want="'lean' or 'botocore'")
    return wanted == "lean"


def check_endpoint(field: str, url: object) -> None:
    """Refuse what is no URL, and a URL with a user or a password, which botocore's errors would show."""
    text = url if isinstance(url, str) else ""
    if url is not None and not re.fullmatch(r"https?://(\[[^\s/?#@\[\]]+\]|[^\s/?#@\[\]]+)(:\d+)?(/[^\s?#@]*)?", text):
        raise ConfigError(field=field, got=shown_url(text) if text else url, want=_TYPE_OF_ENDPOINT)


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
        user_agent=f"holdoff botocore/{botocore_version}",  # to make botocore's own takes a tenth of a call's time
    )


def prepare(*services: str) -> None:
    """Load in advance what makes a service's first client slow. An error is ignored: that client raises it again."""
    with suppress(Exception):
        for service in services:
            make_client(service, Limits(connect_s=1, read_s=1, tries=1), lean=lambda _: None).close()


def _session(role: Role | None, region: str | None) -> Any:
    """The session of this environment, or of a role, with credentials from STS. Another environment has another one."""
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
    """Credentials that botocore fetches when they are needed, and again before they expire."""
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
