"""The way to one table: each call of the service, what it answered, and nothing but errors of ours.

**Time-outs.** ``LIMITS`` keeps a call, with its retries, under 37 s, which with a slow name server beside stays under
the 60 s lease of a claim: a claimant that gets no answer to its confirm has given up before the claim is taken over.
(Credentials that have to be fetched first take 22 s at most.) A client of the user's own (``client=``) brings its own
time-outs.

**An answer is the service's** if it carries a request id, as every answer of DynamoDB does, and has the shape that is
read. A proxy's page with status 200 is no answer: the write may or may not be in.

**What an error means** stands in ``aws.errors``, as a table; here stands which error of ours that is. DynamoDB says
ValidationException of many things, and only its words tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from holdoff.aws import errors as aws
from holdoff.aws.client import Clients, Limits, region_named
from holdoff.aws.clock import ServiceClock
from holdoff.clock import Clock
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
from holdoff.stores.base import AGAIN, INIT
from holdoff.stores.dynamodb.item import INDEX

Answer = dict[str, Any]
T = TypeVar("T")

LIMITS: Final = Limits(connect_s=2, read_s=4, tries=3, connections=64, validates=False)


class ConditionFailed(StoreError):
    """A write's condition does not hold; ``item`` is what stands there, ``None`` where nothing does."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item


class Conflict(StoreThrottled):
    """Another write was under way on the same item; nothing was written, and trying again at once will do."""


class IndexMissing(StoreMismatch):
    """The table has no index of ours (yet)."""


class TableInUse(StoreUnavailable):
    """The table is being created or changed by another process."""


#: Which error of ours each cause is, and in which words.
_KINDS: Final[dict[aws.Cause | None, tuple[type[StoreError], str]]] = {
    aws.Cause.SLOW_DOWN: (StoreThrottled, "asks to slow down"),
    aws.Cause.LIMIT: (StoreThrottled, "is at a limit"),
    aws.Cause.CONFLICT: (Conflict, "has other writes to the gate under way"),
    aws.Cause.CREDENTIALS: (StoreDenied, "takes other credentials than these"),
    aws.Cause.DENIED: (StoreDenied, "does not allow it"),
    aws.Cause.MISSING: (StoreMissing, "there is no such table, or it is not ready yet"),
    aws.Cause.STATE: (TableInUse, "is being created or changed"),
    aws.Cause.NETWORK: (StoreUnavailable, "did not answer"),
    aws.Cause.CERTIFICATE: (StoreUnavailable, "did not answer"),
    aws.Cause.INSTALLATION: (StoreError, "could not be asked"),
}
#: Where there was no connection to send anything on.
_NO_WAY: Final = (aws.Cause.NETWORK, aws.Cause.CERTIFICATE)
#: Their hints say what a person has to do, whether the write is in or not.
_FOR_A_PERSON: Final = (StoreDenied, StoreMissing, StoreMismatch)
_MAY_BE_IN: Final = "; the write may or may not be in"
#: What is wrong before anything is sent, and in no row: botocore finds no way to its credentials, say.
_UNSENT: Final = (StoreError, "could not be asked", "See the AWS settings of this process: AWS_* and ~/.aws")
#: The same for a ValidationException, by its words; and what to do.
_INVALID: Final[dict[str, tuple[type[StoreError], str, str]]] = {
    "specified index|backfilling": (IndexMissing, f"has no index {INDEX} to read", INIT),
    "exceeded the maximum allowed size": (
        StoreError,
        "the item would be over DynamoDB's 400 KB, so nothing was written",
        "Hand the build a smaller environment, or see what else stands in the item",
    ),
    "does not match the schema|Type mismatch for|Missing the key|missed key schema|conditions on the keys": (
        StoreMismatch,
        "has other keys than a Holdoff table",
        "cb_project (S) is its partition key and region (S) its sort key; `holdoff store check` says what is there",
    ),
}
#: The rights that an operation needs, where they are not called as the operation is.
_ACTIONS: Final = {"TransactWriteItems": "UpdateItem and dynamodb:PutItem"}
#: Why a transaction was cancelled, as the code that a single write would have had, where that differs by more than
#: ``Exception`` at its end.
_REASONS: Final = {"ThrottlingError": "ThrottlingException", "ValidationError": "ValidationException"}


class Connection:
    """One table's client.

    Attributes:
        offset: what is known of the service's clock.
    """

    def __init__(self, table: str, *, region: str | None, endpoint: str | None, client: object, clock: Clock) -> None:
        self.table = table
        self.offset: ServiceClock = ServiceClock()
        self._region = region
        self._clock = clock
        self._clients = Clients("dynamodb", LIMITS, endpoint=endpoint, given=client, lean=True)

    @property
    def region(self) -> str:
        """The given region, else the environment's, else the one that botocore finds.

        Raises:
            ConfigError: there is none.
        """
        named = self._named_region
        found = named or getattr(getattr(self.client("finding its region"), "meta", None), "region_name", None)
        if not found:
            raise self._no_region()
        return str(found)

    @property
    def name(self) -> str:
        """The table, its region and endpoint: ``dynamodb://builds?region=eu-west-1``."""
        named = {"region": self._named_region, "endpoint": self._clients.endpoint}
        query = urlencode({k: v for k, v in named.items() if v}, safe=":/")
        return f"dynamodb://{self.table}" + (f"?{query}" if query else "")

    def ask(
        self, doing: str, operation: str, read: Callable[[Answer], T], *, write: bool = False, **parameters: Any
    ) -> T:
        """One call of the service, and what its answer says.

        Args:
            doing: what for, as errors say it: "claiming site-build (eu-west-1)".
            operation: a method of botocore's client; ``parameters`` are its own, but for the table's name.
            read: takes from the answer what is wanted. Where it cannot, that was no answer of the service's.
            write: whether it writes an item, so that an answer that never came leaves a doubt.

        Raises:
            StoreError, ConfigError: whatever went wrong.
            ConditionFailed: a conditional write did not go through.
        """
        client = self.client(doing)
        if operation != "transact_write_items":  # which names the table in each of its parts
            parameters["TableName"] = self.table
        self._clients.begin()
        is_blind = self._clients.tried.sent  # of a client whose tries are not seen, each call is taken for sent
        sent_ms = self._clock.now_ms()
        try:
            answer: Answer = getattr(client, operation)(**parameters)
        except Exception as error:
            self.offset.saw(aws.response_of(error), sent_ms, self._clock.now_ms())
            failed = partial(self._failed, doing, error, self._clients.tried, write, is_blind)
            raise self.understood(doing, failed, write=write) from error
        self.offset.saw(answer, sent_ms, self._clock.now_ms())
        return self.understood(doing, lambda: read(_genuine(answer)), write=write)

    def understood(self, doing: str, read: Callable[[], T], *, write: bool = False) -> T:
        """What an answer says; the error where it is none of the service's."""
        try:
            return read()
        except HoldoffError:
            raise
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise self._unavailable(doing, f"not DynamoDB's answer: {error!r:.80}", write) from error

    def client(self, doing: str) -> Any:
        """The client, made if need be."""
        try:
            return self._clients.of(self._named_region)
        except Exception as error:
            if isinstance(error, ConfigError):
                raise
            raise self._failed(doing, error, aws.Tried(sent=False)) from error

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones. A client that was given is left alone."""
        self._clients.close()

    @property
    def _named_region(self) -> str | None:
        return region_named(self._region)

    def _failed(
        self, doing: str, error: Exception, tried: aws.Tried, write: bool = False, is_blind: bool = False
    ) -> Exception:
        """What it means that a call ended with this error."""
        code, said, item = _answer_of(error)
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(item)
        row = aws.row_of(error) if code == aws.code_of(error) else aws.row_of_code(code)
        was_answered = bool(aws.response_of(error))
        if (
            aws.status_of(error) >= aws.UNKNOWN_FROM_STATUS
            or code == "TransactionInProgressException"
            or (row is None and tried.sent and not was_answered)
        ):
            return self._unavailable(doing, said, write)
        cause = None if row is None else row.cause
        # That the last try found no connection says nothing of the tries before.
        may_be_in = write and row is not None and (tried.in_doubt or (is_blind and cause in _NO_WAY))
        if cause is aws.Cause.REGION and not may_be_in:
            return self._no_region()
        kind, what = _KINDS.get(cause, (StoreError, "refused it"))
        if cause is aws.Cause.CREDENTIALS and not was_answered:
            what = _UNSENT[1]
        advice: str | None = None
        if not was_answered and cause in (None, aws.Cause.INPUT):
            kind, what, advice = _UNSENT
            if "HTTPClientError" in (cls.__name__ for cls in type(error).__mro__):  # of those who lend credentials
                kind = StoreUnavailable
        elif cause is aws.Cause.INPUT:
            for words, then in _INVALID.items():
                if re.search(words, said):
                    kind, what, advice = then
        else:
            operation = aws.operation_of(error, "")
            target = aws.Target(
                service="DynamoDB",
                name=f"dynamodb://{self.table}",
                region=self._named_region,
                resource=f"table {self.table}" + (f" and its index {INDEX}" if operation == "Query" else ""),
                missing=INIT,
            )
            advice = aws.hint(row, target, _ACTIONS.get(operation, operation), said)
        if may_be_in and not issubclass(kind, _FOR_A_PERSON):
            return self._unavailable(doing, said, write)
        nothing = "; nothing was written" if write and issubclass(kind, StoreUnavailable) else ""
        end = _MAY_BE_IN if may_be_in else nothing
        return kind(f"{self.name}: {what}, while {doing} ({said}){end}", hint=advice)

    def _unavailable(self, doing: str, said: str, write: bool) -> StoreUnavailable:
        """No answer came, or none of the service's."""
        did_not_answer = f"{self.name}: did not answer, while {doing} ({said})"
        if not write:
            return StoreUnavailable(did_not_answer)
        return StoreUnavailable(f"{did_not_answer}{_MAY_BE_IN}", hint=AGAIN)

    def _no_region(self) -> ConfigError:
        want = "dynamodb://TABLE?region=eu-west-1, or set AWS_REGION"
        return ConfigError(field=f"the region of dynamodb://{self.table}", got=self._named_region, want=want)


def _answer_of(error: Exception) -> tuple[str, str, Any]:
    """The code, the words and the item of an error; of a cancelled transaction, those of its first reason."""
    code = aws.code_of(error)
    if code != "TransactionCanceledException":
        return code, aws.describe(error), aws.response_of(error).get("Item")
    for reason in aws.response_of(error).get("CancellationReasons") or []:
        code = str(reason.get("Code") or "None")
        if code != "None":
            said = f"{code}: {reason.get('Message') or ''}"
            return _REASONS.get(code, f"{code}Exception"), said, reason.get("Item")
    return "None", aws.describe(error), None


def _genuine(answer: Answer) -> Answer:
    """The answer. One of botocore's has metadata, and the id of the request if DynamoDB gave it."""
    metadata = answer.get("ResponseMetadata")
    if metadata is not None and not metadata.get("RequestId"):
        raise ValueError("it has no request id")
    return answer
