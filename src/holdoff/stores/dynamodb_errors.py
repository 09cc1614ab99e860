"""What each error of DynamoDB and botocore means, as an error of ours that says what to do.

Every code and every wording that Holdoff knows of stands here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import (
    ConfigError,
    HoldoffError,
    StoreDenied,
    StoreError,
    StoreMismatch,
    StoreMissing,
    StoreThrottled,
    StoreUnavailable,
)
from holdoff.stores.dynamodb_item import INDEX

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError


class ConditionFailed(Exception):
    """A write's condition does not hold; ``item`` is what stands there, ``None`` where nothing does."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item


class Conflict(StoreThrottled):
    """Another write was under way on the same item; nothing was written, and trying again at once will do."""


class IndexMissing(StoreMismatch):
    """The table has no index of ours (yet)."""


class TableInUse(StoreUnavailable):
    """Somebody else is creating or changing the table."""

    retryable = True


@dataclass(frozen=True, kw_only=True)
class Call:
    """What was being done to which table, for the words of an error.

    Attributes:
        name: the table, its region and endpoint; no secrets.
        table: its name alone.
        region: as it is named, if it is.
        is_local: whether it is at an endpoint of its own.
        doing: what for: "claiming site-build (eu-west-1)".
        write: whether it writes an item, so that an answer that never came leaves a doubt.
        in_doubt: whether a try before the last one went unanswered, and may be in.
    """

    name: str
    table: str
    region: str | None
    is_local: bool
    doing: str
    write: bool = False
    in_doubt: bool = False

    def refused(self, error: ClientError) -> Exception:
        """What an error answer of the service means."""
        response: dict[str, Any] = error.response
        code, said = response["Error"].get("Code", ""), response["Error"].get("Message", "")
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(response.get("Item"))
        if code == "TransactionCanceledException":
            return self._cancelled(response.get("CancellationReasons", []))
        if response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return self._unavailable(_words(code, said))
        return self._told(code, said, error.operation_name or "")

    def _cancelled(self, reasons: list[dict[str, Any]]) -> Exception:
        """What a transaction that did not go through means: what its first reason means."""
        for reason in reasons:
            code: str = reason.get("Code", "None")
            if code == "ConditionalCheckFailed":
                return ConditionFailed(reason.get("Item"))
            if code != "None":
                said = reason.get("Message") or ""
                return self._told(_REASONS.get(code, code), said, "TransactWriteItems")
        return StoreError(f"{self.name} cancelled a transaction, while {self.doing}")

    def _told(self, code: str, said: str, operation: str) -> HoldoffError:
        words = _words(code, said)
        if (code in _NOT_NOW and self.in_doubt) or code == "TransactionInProgressException":
            return self._unavailable(words)
        if code in _NOT_NOW:
            return self._not_now(code, words)
        if code in _CREDENTIALS:
            clock_off = "ignature" in said and "expired" in said
            return self._not_accepted(words, _CLOCK_OFF if clock_off else _CREDENTIALS[code])
        match code:
            case "ValidationException":
                return self._invalid(said)
            case "AccessDeniedException" | "AccessDenied":
                return self._denied(said, operation)
            case "ResourceNotFoundException":
                return self._missing()
            case "ResourceInUseException":
                return TableInUse(
                    f"{self.name} is being created or changed, while {self.doing} ({said})"
                )
            case _:
                return StoreError(f"{self.name} refused {self.doing} ({words})")

    def _not_now(self, code: str, words: str) -> StoreThrottled:
        kind = Conflict if code in _CONFLICTS else StoreThrottled
        what = "has other writes to the gate under way" if kind is Conflict else "asks to slow down"
        return kind(
            f"{self.name} {what}, while {self.doing} ({words}); nothing was written",
            hint=_NOT_NOW[code],
        )

    def _invalid(self, said: str) -> HoldoffError:
        """What a ValidationException means; only its words tell."""
        if "specified index" in said or "backfilling" in said:
            return IndexMissing(
                f"{self.name} has no index {INDEX} to read, while {self.doing} ({said})", hint=_INIT
            )
        if "exceeded the maximum allowed size" in said:
            return StoreError(
                f"{self.name}: the item is over DynamoDB's 400 KB, while {self.doing}; "
                "nothing was written",
                hint="Hand the build a smaller environment, or see what else stands in the item",
            )
        if any(words in said for words in _WRONG_KEYS):
            return StoreMismatch(
                f"{self.name} has other keys than a Holdoff table, while {self.doing} ({said})",
                hint="cb_project (S) is its partition key and region (S) its sort key; "
                "`holdoff store check` says what is there",
            )
        return StoreError(f"{self.name} refused {self.doing} ({said})")

    def _denied(self, said: str, operation: str) -> StoreDenied:
        named = re.search(r"dynamodb:\w+", said)
        action = named.group() if named else _ACTIONS.get(operation, f"dynamodb:{operation}")
        where = f"table {self.table}" + (f" and its index {INDEX}" if operation == "Query" else "")
        return StoreDenied(
            f"{self.name}: {action} is not allowed, while {self.doing} ({said})",
            hint=f"Allow {action} on {where}",
        )

    def _missing(self) -> StoreMissing:
        return StoreMissing(
            f"{self.name}: there is no such table, or it is not ready yet, while {self.doing}",
            hint=_INIT,
        )

    def failed(self, error: BotoCoreError) -> HoldoffError:
        """What it means that no answer came, or that nothing was ever sent."""
        from botocore import exceptions as b

        said = f"{error}".rstrip(".")
        if isinstance(error, b.NoRegionError):
            return no_region(self.table)
        if isinstance(error, b.InvalidRegionError):
            return ConfigError(
                field=f"the region of dynamodb://{self.table}",
                got=self.region,
                want="a region such as eu-west-1",
            )
        if isinstance(error, b.NoCredentialsError):
            return self._not_accepted(said, _ANY_LETTERS if self.is_local else _SET_THEM)
        if isinstance(error, _credential_errors()):
            return self._not_accepted(said, "See the profile that AWS_PROFILE names")
        if isinstance(error, b.ParamValidationError):
            return StoreError(f"{self.name} was asked what it does not take, {self.doing} ({said})")
        return self._unavailable(said)

    def _unavailable(self, said: str) -> StoreUnavailable:
        did_not_answer = f"{self.name} did not answer while {self.doing} ({said})"
        if not self.write:
            return StoreUnavailable(did_not_answer)
        return StoreUnavailable(
            f"{did_not_answer}; the write may or may not be in",
            hint="Trigger again: a write that is in is recognised, not repeated",
        )

    def _not_accepted(self, said: str, hint: str) -> StoreDenied:
        return StoreDenied(
            f"{self.name}: no valid credentials, while {self.doing} ({said})", hint=hint
        )


def no_region(table: str) -> ConfigError:
    """No region is named anywhere."""
    return ConfigError(
        field=f"the region of dynamodb://{table}",
        got=None,
        want="dynamodb://TABLE?region=eu-west-1, or set AWS_REGION",
    )


_INIT: Final = "`holdoff store init` creates what is missing"
_LOG_IN: Final = "Log in again, or renew the credentials"
_SET_THEM: Final = "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in"
_ANY_LETTERS: Final = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a local endpoint any letters will do"
)
_CLOCK_OFF: Final = "Set this machine's clock: it is minutes off"
_SLOWER: Final = "Trigger again in a moment; on-demand billing avoids most of it"
#: What a transaction needs is not called as it is.
_ACTIONS: Final = {"TransactWriteItems": "dynamodb:UpdateItem and dynamodb:PutItem"}
_UNDER_WAY: Final = "Trigger again: another write was under way"
#: Nothing was written, and the same may go through later: the code, and what to do.
_NOT_NOW: Final = {
    "ProvisionedThroughputExceededException": _SLOWER,
    "ThrottlingException": _SLOWER,
    "Throttling": _SLOWER,
    "RequestLimitExceeded": _SLOWER,
    "LimitExceededException": "Too many tables or indexes are being changed; try again later",
    "TransactionConflictException": _UNDER_WAY,
    "ReplicatedWriteConflictException": _UNDER_WAY,
}
_CONFLICTS: Final = frozenset({"TransactionConflictException", "ReplicatedWriteConflictException"})
#: Why a transaction was cancelled, as the code that a single write would have had.
_REASONS: Final = {
    "TransactionConflict": "TransactionConflictException",
    "ProvisionedThroughputExceeded": "ProvisionedThroughputExceededException",
    "ThrottlingError": "ThrottlingException",
    "ValidationError": "ValidationException",
    "AccessDenied": "AccessDeniedException",
}
_CREDENTIALS: Final = {
    "ExpiredTokenException": _LOG_IN,
    "ExpiredToken": _LOG_IN,
    "RequestExpired": _CLOCK_OFF,
    "UnrecognizedClientException": _LOG_IN,
    "InvalidClientTokenId": _LOG_IN,
    "InvalidSignatureException": _LOG_IN,
    "SignatureDoesNotMatch": _LOG_IN,
    "IncompleteSignatureException": _LOG_IN,
    "MissingAuthenticationTokenException": _LOG_IN,
    "MissingAuthenticationToken": _LOG_IN,
}
_WRONG_KEYS: Final = (
    "key element does not match the schema",
    "Type mismatch for key",
    "Type mismatch for Index Key",
    "Missing the key",
    "missed key schema element",
    "number of conditions on the keys is invalid",
)


def _words(code: str, said: str) -> str:
    return f"{code}: {said.rstrip('.')}" if said else code


def _credential_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions as b

    return (
        b.PartialCredentialsError,
        b.CredentialRetrievalError,
        b.ProfileNotFound,
        b.ConfigNotFound,
        b.ConfigParseError,
        b.SSOError,
        b.TokenRetrievalError,
    )
