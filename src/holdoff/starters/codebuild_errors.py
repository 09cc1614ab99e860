"""What an error of a CodeBuild call means: certainly no build, or nobody knows.

``ANSWERS`` (the service's error codes) and ``FAILURES`` (botocore's exceptions) are the table; ``meaning`` reads it.
What is in neither means that nobody knows. Three rules stand above the table:

1. **A try in doubt makes the call unknown, whatever came last.** The SDK sends a StartBuild again, with the same token,
   when a try got no answer. The try without an answer may have made the build, and the next one may be throttled,
   refused by the account's limit (*because of that very build*), find no network or no credentials: botocore raises the
   last try's error only. So ``Tries`` follows every try through botocore's events, and each is judged by this table.
2. **An HTTP status from 500 on is unknown**, whatever its code: the service, or something before it, failed half-way.
3. **An error before the first try left this machine is certain**, even if it is not in the table.

Why the rows are as they are:

* ``InvalidInputException`` is what CodeBuild says of parameters it does not take, and also (no other error is declared
  for it) of a token that was used with *other parameters*: then a build with this token exists. The code does not tell
  them apart, the words are not documented. So the starter looks for the build (``Meaning.LOOK``): found, it is the
  answer. Not found, it is certain, unless the message speaks of a mismatch or of idempotency.
* ``AccountLimitExceededException`` (the account's or the project's limit on concurrent builds) and throttling: nothing
  was started, and it passes by itself.
* ``AccessDeniedException``, credentials, signatures, unreadable requests: checked before anything is done.
* ``EndpointConnectionError`` (refused, no such host), ``ConnectTimeoutError`` and ``ProxyConnectionError``: there never
  was a connection to send anything on. ``ReadTimeoutError`` and ``ConnectionClosedError`` come after sending: unknown.
* ``SSLError``: the certificate is checked before the request is sent, so a failed check is certain; any other may come
  in the middle of an answer: unknown.

Sources: the declared errors and the token's five minutes,
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html; the codes that all actions share,
https://docs.aws.amazon.com/codebuild/latest/APIReference/CommonErrors.html; which exception botocore raises when,
``botocore/httpsession.py`` (``URLLib3Session.send``).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from holdoff.boto import code_of
from holdoff.core.errors import HoldoffError, StartRefused, StartUnknown

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_FROM_STATUS: Final = 500
LATER: Final = (
    "When the claim's lease is over, the next trigger or wake looks for a build with this token, "
    "and starts it only if there is none"
)


class Meaning(Enum):
    """What an error says about the build."""

    NEVER = "certainly no build; somebody has to change something first"
    NOT_NOW = "certainly no build; it passes by itself"
    LOOK = "certainly no build, unless looking for one with this token finds it"
    UNKNOWN = "nobody knows"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        names: error codes, or names of exceptions; one that derives from a named one is meant too.
        hint: what to do next; ``{action}``, ``{project}``, ``{region}`` and ``{arn}`` are filled in.
    """

    names: tuple[str, ...]
    meaning: Meaning
    hint: str


ANSWERS: Final = (
    Row(
        ("InvalidInputException",),
        Meaning.LOOK,
        "See the starter's options and environment, the source version, and the project itself",
    ),
    Row(
        ("ResourceNotFoundException",),
        Meaning.NEVER,
        "Check the project's name, the account and the region: "
        "`aws codebuild list-projects --region {region}` lists those there are",
    ),
    Row(
        ("AccessDeniedException", "AccessDenied", "NotAuthorized"),
        Meaning.NEVER,
        "Allow codebuild:{action} on {arn}",
    ),
    Row(
        (
            "ExpiredTokenException",
            "ExpiredToken",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ),
        Meaning.NEVER,
        "Renew the AWS credentials of this process (`aws sso login`, new keys, the role); "
        "where the signature has expired, set this machine's clock",
    ),
    Row(("RequestExpired",), Meaning.NEVER, "Set this machine's clock"),
    Row(
        ("OptInRequired", "OptInRequiredException"),
        Meaning.NEVER,
        "Enable CodeBuild and the region {region} for this account",
    ),
    Row(
        (
            "ValidationException",
            "ValidationError",
            "SerializationException",
            "UnknownOperationException",
            "MalformedHttpRequestException",
            "RequestEntityTooLargeException",
        ),
        Meaning.NEVER,
        "See the starter's options and environment, and its endpoint if it has one",
    ),
    Row(
        ("AccountLimitExceededException",),
        Meaning.NOT_NOW,
        "It is tried again; if it goes on, see the project's limit on concurrent builds "
        "and the account's CodeBuild quotas",
    ),
    Row(
        (
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "SlowDown",
            "429",
        ),
        Meaning.NOT_NOW,
        "It is tried again; if it goes on, see what else calls CodeBuild in this account",
    ),
)
_CREDENTIALS: Final = Row(
    (
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "MetadataRetrievalError",
        "RefreshWithMFAUnsupportedError",
        "UnknownCredentialError",
        "InfiniteLoopConfigError",
        "TokenRetrievalError",
        "NoAuthTokenError",
        "SSOError",
        "LoginError",
        "ProfileNotFound",
        "ConfigNotFound",
        "ConfigParseError",
    ),
    Meaning.NEVER,
    "Give this process AWS credentials: a role, AWS_PROFILE, `aws sso login` or keys",
)
_CONNECTED: Final = "Check the network, the endpoint and the region's name ({region})"
FAILURES: Final = (
    Row(
        ("ImportError",),
        Meaning.NEVER,
        "CodeBuild needs botocore: pip install 'holdoff[aws]'",
    ),
    Row(
        ("ParamValidationError",),
        Meaning.NEVER,
        "See the starter's options, and how old this botocore is",
    ),
    _CREDENTIALS,
    Row(
        (
            "NoRegionError",
            "InvalidRegionError",
            "UnknownRegionError",
            "UnknownEndpointError",
            "EndpointProviderError",
        ),
        Meaning.NEVER,
        "Name the region: CodeBuild(region='eu-west-1'), the gate's region, or AWS_REGION",
    ),
    Row(
        ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"),
        Meaning.NOT_NOW,
        _CONNECTED,
    ),
)
#: A failed check of the certificate: an SSLError like any other, but for its words.
CERTIFICATE: Final = Row(
    ("SSLError: CERTIFICATE_VERIFY_FAILED",),
    Meaning.NEVER,
    "Check who answers in CodeBuild's name, or name the certificates to trust in AWS_CA_BUNDLE",
)
_BY_CODE: Final = {name: row for row in ANSWERS for name in row.names}
_BY_NAME: Final = {name: row for row in FAILURES for name in row.names}
_OF_TOKENS: Final = ("mismatch", "idempoten")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call went, for its errors.

    Attributes:
        region: ``None``: whichever botocore found.
    """

    project: str
    region: str | None

    def __str__(self) -> str:
        return f"{self.project} in {self.region}" if self.region else self.project

    @property
    def arn(self) -> str:
        """The project's, as a policy names it."""
        if self.project.startswith("arn:"):
            return self.project
        return f"arn:aws:codebuild:{self.region or '*'}:*:project/{self.project}"


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of the tries of one call.

    Attributes:
        sent: whether a try may have left this machine.
        in_doubt: whether one may have made a build that nobody was told of.
    """

    sent: bool = True
    in_doubt: bool = False


class _Call(threading.local):
    """A thread's present call. Others may call through the same client, in threads that never began one here."""

    sent = True
    in_doubt = False


class Tries:
    """Follows each try of this thread's present call, through the events of a botocore client.

    ``before-send`` comes before each, ``needs-retry`` after each that was answered or failed, the last one included.
    Only an answer that cannot be read comes without: it ends the call, with an exception that is in no table.
    """

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._mine = _Call()

    def watch(self, client: object) -> None:
        """See every try of this client, once it is known to be botocore's."""
        if (events := _events(client)) is not None:
            events.register(f"before-send.codebuild.{self._operation}", self._sending)
            events.register(f"needs-retry.codebuild.{self._operation}", self._ended)

    def begin(self, client: object) -> None:
        """A new call. Of a client of another kind nothing is seen: it is taken for one try that was sent."""
        mine = self._mine
        mine.sent, mine.in_doubt = _events(client) is None, False

    def known(self) -> Tried:
        """What is known of the call so far."""
        return Tried(sent=self._mine.sent, in_doubt=self._mine.in_doubt)

    def _sending(self, **_: object) -> None:
        self._mine.sent = True

    def _ended(
        self,
        response: tuple[Any, Mapping[str, Any]] | None = None,
        caught_exception: Exception | None = None,
        **_: object,
    ) -> None:
        if response is not None:
            status, code = response[0].status_code, response[1].get("Error", {}).get("Code", "")
            certain = status < 300 or _answer(code, status) is not None
        else:
            certain = caught_exception is not None and _failure(caught_exception) is not None
        self._mine.in_doubt = self._mine.in_doubt or not certain


def _events(client: object) -> Any:
    return getattr(getattr(client, "meta", None), "events", None)


# --- reading the table -----------------------------------------------------------------------------


def row_of(error: BaseException, operation: str = "StartBuild") -> Row | None:
    """The line of the table that an error is in."""
    if not _response(error):
        return _failure(error)
    if getattr(error, "operation_name", operation) != operation:
        return _CREDENTIALS  # another service's answer: the credentials come from there
    return _answer(code_of(error), _status_of(error))


def meaning(error: BaseException, tried: Tried) -> Meaning:
    """What an error of StartBuild says about the build."""
    if tried.in_doubt:
        return Meaning.UNKNOWN
    row = row_of(error)
    if row is not None:
        return row.meaning
    return Meaning.UNKNOWN if tried.sent else Meaning.NEVER


def is_denied(error: BaseException | None) -> bool:
    """Whether a right is missing."""
    return code_of(error) in {"AccessDeniedException", "AccessDenied", "NotAuthorized"}


def speaks_of_tokens(error: BaseException) -> bool:
    """Whether a refusal is about the idempotency token, as far as its words tell."""
    said = str(error).casefold()
    return any(word in said for word in _OF_TOKENS)


def _response(error: BaseException | None) -> dict[str, Any]:
    """What the service answered; empty where it did not."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _status_of(error: BaseException) -> int:
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answer(code: str, status: int) -> Row | None:
    return None if status >= UNKNOWN_FROM_STATUS else _BY_CODE.get(code)


def _failure(error: BaseException) -> Row | None:
    names = [cls.__name__ for cls in type(error).__mro__]
    if "SSLError" in names:
        return CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in str(error) else None
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), None)


# --- telling it --------------------------------------------------------------------------------------


def start_error(error: BaseException, place: Place, tried: Tried) -> StartRefused | StartUnknown:
    """The error of a start as ours, with what happened and what to do next."""
    means = meaning(error, tried)
    if means is Meaning.UNKNOWN:
        return StartUnknown(_nobody_knows(error, place, tried), hint=LATER)
    return StartRefused(
        f"{place} was not started ({words(error)})",
        hint=_hint(error, place, "StartBuild"),
        worth_retrying=means is Meaning.NOT_NOW,
    )


def mismatch(error: BaseException, place: Place, why: str) -> StartUnknown:
    """CodeBuild refused the parameters, and that does not mean that there is no build."""
    return StartUnknown(
        f"CodeBuild refused the parameters of {place} ({words(error)}), {why}", hint=LATER
    )


def look_error(error: BaseException, place: Place) -> StartUnknown:
    """Nobody can tell whether a build with the token exists."""
    return StartUnknown(
        f"cannot look among the builds of {place} ({words(error)})",
        hint=_hint(error, place, _operation(error, "ListBuildsForProject")),
    )


def build_error(error: BaseException, build_id: str, region: str | None) -> HoldoffError:
    """A build could not be asked after, or stopped."""
    place = Place(build_id.rpartition(":")[0] or build_id, region)
    doing = "stop" if _operation(error, "") == "StopBuild" else "ask after"
    return HoldoffError(
        f"cannot {doing} the build {build_id} ({words(error)})",
        hint=_hint(error, place, _operation(error, "BatchGetBuilds")),
    )


def words(error: BaseException) -> str:
    """An error in one line, without a full stop."""
    if response := _response(error):
        said = str(response.get("Error", {}).get("Message", ""))
        status, code = _status_of(error), code_of(error)
        if status >= UNKNOWN_FROM_STATUS:
            code = f"HTTP {status} {code.removeprefix(str(status))}".rstrip()
        return f"{code}: {said}".rstrip(": .")
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")


def _nobody_knows(error: BaseException, place: Place, tried: Tried) -> str:
    if tried.in_doubt and row_of(error) is not None:
        return (
            f"one try to start {place} got no clear answer, so it may have been started; "
            f"the last one failed ({words(error)})"
        )
    if _status_of(error) >= UNKNOWN_FROM_STATUS:
        return f"CodeBuild failed while starting {place} ({words(error)})"
    return f"nobody knows whether {place} was started ({words(error)})"


def _operation(error: BaseException, otherwise: str) -> str:
    return str(getattr(error, "operation_name", otherwise))


def _hint(error: BaseException, place: Place, action: str) -> str | None:
    row = row_of(error, action)
    if row is None:
        return None
    return row.hint.format(
        action=action,
        project=place.project,
        region=place.region or "this process's region",
        arn=place.arn,
    )
