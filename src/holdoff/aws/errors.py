"""What an error of an AWS call means: one table for all services that are called here.

``ANSWERS`` (the services' error codes) and ``FAILURES`` (botocore's exceptions) are the table. A row says whether the
work was done (``Verdict``), what is wrong (``Cause``), and what to do. Three rules come before the table:

1. **A try in doubt makes the call unknown, whatever the last try got** (``client`` says why).
2. **An HTTP status from 500 on is unknown**, whatever its code: the service, or a proxy, failed half-way.
3. **An error before the first try left this machine is certain**, even if it is not in the table.

An error in no row is unknown. For a missing right, the service's message says more than the failed call: a table with a
KMS key of its own refuses ``dynamodb:UpdateItem`` because ``kms:Decrypt`` is missing, and no policy of the account can
allow what an organisation's policy denies. ``DENIALS`` reads these messages. Why the rows are as they are:

* ``InvalidInputException``: CodeBuild does not take the parameters. Or an earlier attempt used the token with *other
  parameters* (no other error is declared for that). What a refusal proves after that, ``core.claims`` says.
* ``AccountLimitExceededException`` (the account's or the project's limit on concurrent builds), quotas, throttling and
  conflicts: nothing was done, and the cause passes by itself.
* Rights, credentials, signatures, unreadable requests, conditions: checked before anything is done.
* ``KmsAccessDenied`` and similar codes are SQS's: the queue's key cannot be used for the caller. DynamoDB, the
  Parameter Store and Secrets Manager say the same in the message of an AccessDeniedException.
* ``EndpointConnectionError`` (refused, no such host), ``ConnectTimeoutError`` and ``ProxyConnectionError``: there never
  was a connection to send anything on. ``ReadTimeoutError`` and ``ConnectionClosedError`` come after sending: unknown.
* ``SSLError``: the certificate is checked before the request is sent, so a failed check is certain. Any other SSL error
  may come in the middle of an answer: unknown.

Sources: the declared errors and the token's five minutes,
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html; the codes that all actions share,
https://docs.aws.amazon.com/codebuild/latest/APIReference/CommonErrors.html; DynamoDB's,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html; which exception botocore
raises when, ``botocore/httpsession.py`` (``URLLib3Session.send``); the words of refusals,
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from holdoff.core.errors import Verdict
from holdoff.core.value import Value

UNKNOWN_FROM_STATUS: Final = 500
#: The longest extra wait before another try, if the service asks for one.
RETRY_AFTER_MS: Final = 5_000


class Cause(Enum):
    """What is wrong."""

    DENIED = "a right is missing"
    CREDENTIALS = "the credentials, or this machine's clock, which signs with them"
    MISSING = "there is no such thing"
    INPUT = "what was sent"
    REGION = "the region"
    INSTALLATION = "botocore"
    CERTIFICATE = "the certificate of what answered"
    LIMIT = "a limit or a quota"
    SLOW_DOWN = "too many requests"
    CONFLICT = "another write at the same moment"
    STATE = "what is there already"
    NETWORK = "no connection"


class Tried(Value):
    """What is known of the tries of one call."""

    sent: bool = True  #: whether a try may have left this machine
    in_doubt: bool = False  #: whether one may have done its work without an answer that says so


class Row(Value, kw_only=False):
    """One line of the table."""

    names: str  #: error codes, or names of exceptions, with blanks between. Subclasses of a named exception count too
    cause: Cause
    hint: str = ""  #: what to do next. Its fields are filled in from the ``Target``

    @property
    def verdict(self) -> Verdict:
        """What the error says about the work."""
        passes = self.cause in (Cause.LIMIT, Cause.SLOW_DOWN, Cause.CONFLICT, Cause.NETWORK)
        return Verdict.NOT_NOW if passes else Verdict.NEVER


class Target(Value):
    """The target of a call, for the messages of its errors."""

    service: str
    name: str  #: the project, table or group
    region: str | None  #: ``None``: the region that botocore found
    resource: str = ""  #: as a policy names it: an ARN, or words
    role: str = ""  #: the role that called; empty: this process itself
    missing: str = ""  #: what to do if there is no such resource
    settings: str = "what was asked for"  #: where the parameters of the call come from

    def __str__(self) -> str:
        return f"{self.name} in {self.region}" if self.region else self.name


_AGAIN: Final = "It is tried again; if it goes on, see"
ANSWERS: Final = (
    Row("ResourceNotFoundException PipelineNotFoundException", Cause.MISSING, "{missing}"),
    Row(
        "AccessDeniedException AccessDenied NotAuthorized KmsAccessDenied KmsDisabled KmsInvalidState KmsNotFound "
        "KMS.AccessDeniedException KMS.DisabledException KMS.NotFoundException DecryptionFailure",
        Cause.DENIED,
        "Allow {action} on {resource}",
    ),
    Row(
        "ExpiredTokenException ExpiredToken UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId "
        "InvalidSignatureException SignatureDoesNotMatch IncompleteSignature IncompleteSignatureException "
        "MissingAuthenticationToken MissingAuthenticationTokenException RequestExpired",
        Cause.CREDENTIALS,
        "Renew the AWS credentials of this process (`aws sso login`, new keys, the role); "
        "where the signature has expired, set this machine's clock",
    ),
    Row(
        "OptInRequired OptInRequiredException",
        Cause.REGION,
        "Enable {service} and the region {region} for this account",
    ),
    Row(
        "InvalidInputException ValidationException ValidationError SerializationException UnknownOperationException "
        "MalformedHttpRequestException RequestEntityTooLargeException",
        Cause.INPUT,
        "See {settings}",
    ),
    Row(
        "AccountLimitExceededException ServiceQuotaExceededException LimitExceededException "
        "ConcurrentPipelineExecutionsLimitExceededException",
        Cause.LIMIT,
        f"{_AGAIN} the account's {{service}} quotas, and the project's or pipeline's own limit on what runs at once",
    ),
    Row(
        "ProvisionedThroughputExceededException",
        Cause.SLOW_DOWN,
        f"{_AGAIN} the table's billing: on-demand avoids most of it",
    ),
    Row(
        "ThrottlingException Throttling ThrottledException RequestThrottled RequestThrottledException "
        "TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded SlowDown 429",
        Cause.SLOW_DOWN,
        f"{_AGAIN} what else calls {{service}} in this account",
    ),
    Row(
        "TransactionConflictException ReplicatedWriteConflictException ConflictException",
        Cause.CONFLICT,
        "Trigger again: another write was in progress",
    ),
    Row("ConditionalCheckFailedException TransactionCanceledException ResourceInUseException", Cause.STATE),
)
_CREDENTIALS: Final = Row(
    "NoCredentialsError PartialCredentialsError CredentialRetrievalError MetadataRetrievalError "
    "RefreshWithMFAUnsupportedError UnknownCredentialError InfiniteLoopConfigError TokenRetrievalError "
    "NoAuthTokenError SSOError LoginError ProfileNotFound ConfigNotFound ConfigParseError",
    Cause.CREDENTIALS,
    "Give this process AWS credentials: a role, AWS_PROFILE, `aws sso login` or keys; for a local endpoint any letters "
    "will do",
)
FAILURES: Final = (
    Row("ImportError", Cause.INSTALLATION, "{service} needs botocore: pip install 'holdoff[aws]'"),
    Row("ParamValidationError", Cause.INPUT, "See {settings}, and how old this botocore is"),
    _CREDENTIALS,
    Row(
        "NoRegionError InvalidRegionError UnknownRegionError UnknownEndpointError EndpointProviderError",
        Cause.REGION,
        "Name a region such as eu-west-1: in the settings of {name}, the gate's region, or AWS_REGION",
    ),
    Row(
        "EndpointConnectionError ConnectTimeoutError ProxyConnectionError NoConnection",
        Cause.NETWORK,
        "Check the network, the endpoint and the region's name ({region})",
    ),
    Row("TooLate", Cause.NETWORK, "Trigger again"),
)
#: Failures that only their message tells apart, by a part of it. In none of them was anything sent.
WORDS: Final = {
    r"CERTIFICATE_VERIFY_FAILED|NO_CERTIFICATE_OR_CRL_FOUND|SSL validation failed for \S+ \[Errno (?:2|13|21)\]": Row(
        "", Cause.CERTIFICATE, "Check who answers in {service}'s name, or name certificates to trust in AWS_CA_BUNDLE"
    ),
    "Invalid header value": Row("", Cause.CREDENTIALS, "Take line ends out of AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN"),
    "exception: Failed to parse": Row("", Cause.NETWORK, "See HTTPS_PROXY: in a password, %2F is / and %23 is #"),
}
#: Parts of messages that are never shown. A service that expected another signature lists all headers that it would
#: have signed, with the session's token. botocore shows what it could not send: that token, or a proxy's password.
_HIDDEN: Final = re.compile(
    "The Canonical String.*|(?<=unhandled exception: )(Invalid header value|Failed to parse)?.*", re.DOTALL
)
#: Operations by which botocore fetches credentials, before it sends the request that needs them.
_LENDERS: Final = ("AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken", "CreateOAuth2Token")
_WHICH: Final = r"(?P<which>[\w -]+? policy|permissions boundary)"
#: What to do about a missing right, by the service's message. The first pattern that matches counts.
DENIALS: Final = {
    rf"explicit deny in an? {_WHICH}": "Take {action} on {resource} out of the deny in the {which}",
    r"explicit deny": "Take {action} on {resource} out of that deny",
    r"\bkms:|\bKMS |AWSKMS|customer master key|^K[Mm][Ss]|^DecryptionFailure": (
        "Allow {kms} on {key}, in the policy of this process and in the key's own, and see that the key is enabled"
    ),
    r"sts:AssumeRole\b": (
        "Allow {action} on {resource} to this process, and let that role's trust policy name it, with the external id "
        "where it asks for one"
    ),
    rf"because no (?!identity-based){_WHICH} allows": "Allow {action} on {resource} in the {which}, too",
}
_REFUSED: Final = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: [\"']?(?P<resource>arn:[^\s\"']+))?"
)
_BY_CODE: Final = {name: row for row in ANSWERS for name in row.names.split()}
_BY_NAME: Final = {name: row for row in FAILURES for name in row.names.split()}


def row_of(error: BaseException) -> Row | None:
    """The row of the table that an error is in."""
    if not response_of(error):
        return _failure(error)
    row = row_of_code(code_of(error), status_of(error))
    if operation_of(error) not in _LENDERS:
        return row
    is_theirs = row is not None and (row.cause is Cause.CREDENTIALS or row.verdict is Verdict.NOT_NOW)
    return row if is_theirs else _CREDENTIALS


def row_of_code(code: str, status: int = 0) -> Row | None:
    """The row of an answer's code, or of a code inside an answer: the reason why a transaction was cancelled."""
    return None if status >= UNKNOWN_FROM_STATUS else _BY_CODE.get(code)


def verdict(error: BaseException, tried: Tried) -> Verdict:
    """What an error says about the work."""
    row = row_of(error)
    if tried.in_doubt or (row is None and tried.sent):
        return Verdict.UNKNOWN
    return Verdict.NEVER if row is None else row.verdict


def is_certain(response: tuple[Any, Mapping[str, Any]] | None, failure: Exception | None) -> bool:
    """Whether the end of a try leaves no doubt about the work. The arguments are those of ``needs-retry``."""
    if response is None:
        return failure is not None and _failure(failure) is not None
    status = response[0].status_code
    return bool(status < 300) or row_of_code(response[1].get("Error", {}).get("Code", ""), status) is not None


def is_denied(error: BaseException | None) -> bool:
    """Whether a right is missing."""
    row = _BY_CODE.get(code_of(error))
    return row is not None and row.cause is Cause.DENIED


def response_of(error: BaseException | None) -> dict[str, Any]:
    """The service's answer; empty if there was none."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def code_of(error: BaseException | None) -> str:
    """The code of a service's error answer; empty for any other error."""
    return str(_part(error, "Error").get("Code") or "")


def status_of(error: BaseException) -> int:
    """The HTTP status of an error answer; 0: there was none."""
    return int(_part(error, "ResponseMetadata").get("HTTPStatusCode") or 0)


def operation_of(error: BaseException, otherwise: str = "") -> str:
    """The operation that failed, as far as the error says."""
    return str(getattr(error, "operation_name", None) or otherwise)


def _part(error: BaseException | None, name: str) -> dict[str, Any]:
    part = response_of(error).get(name)
    return part if isinstance(part, dict) else {}


def _failure(error: BaseException) -> Row | None:
    matched = (row for words, row in WORDS.items() if re.search(words, str(error)))
    named = (_BY_NAME[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _BY_NAME)
    return next(matched, None) or next(named, None)


def clean_message(message: object) -> str:
    """The message of a service or of botocore in one line, without the headers of a request."""
    return " ".join(_HIDDEN.sub(r"\1", str(message or "")).split())


def describe(error: BaseException) -> str:
    """An error in one line, without a full stop."""
    if response_of(error):
        status, code = status_of(error), code_of(error)
        if status >= UNKNOWN_FROM_STATUS:
            code = f"HTTP {status} {code.removeprefix(str(status))}".rstrip()
        return f"{code}: {clean_message(_part(error, 'Error').get('Message'))}".rstrip(": .")
    if isinstance(error, KeyError):  # a proxy's page, say: botocore takes any 200 for an answer
        return f"the answer is not the service's: it has no {error}"
    return (clean_message(error) or type(error).__name__).rstrip(".: ")


def hint(row: Row | None, target: Target, operation: str, message: str = "") -> str | None:
    """What to do about an error; ``None``: not known. ``message``: as ``describe`` returns it."""
    if row is None or not row.hint:
        return None
    action = f"{target.service.lower()}:{operation}"
    if row.cause in (Cause.DENIED, Cause.CREDENTIALS):
        to = f" to {target.role}" if target.role and row.cause is Cause.DENIED else ""
        return denied_hint(message, action, target.resource, row.hint + to)
    words = {"action": action, "region": target.region or "this process's region"}
    return row.hint.format_map(vars(target) | words)


def denied_hint(message: str, action: str, resource: str, otherwise: str = "Allow {action} on {resource}") -> str:
    """What to do about a missing right. The service's message counts more than the action that was called."""
    if named := _REFUSED.search(message):
        action, resource = named["action"], (named["resource"] or resource).rstrip(".,")
    is_key = action.startswith("kms:")
    kms, key = (action, resource) if is_key else ("kms:Decrypt", f"the KMS key of {resource}")
    words = {"action": action, "resource": resource, "kms": kms, "key": key}
    for pattern, advice in DENIALS.items():
        if found := re.search(pattern, message):
            return advice.format_map(words | found.groupdict())
    return otherwise.format_map(words)
