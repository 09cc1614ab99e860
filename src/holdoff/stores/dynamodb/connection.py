"""The connection to one table: it calls the service, reads the answer, and raises only errors of ours.

**Time-outs.** ``LIMITS`` keeps a call, with its retries, under 37 s. Even with a slow name server that stays under the
60 s lease of a claim: a claimant that gets no answer to its confirm gives up before the claim is taken over.
(Credentials that have to be fetched first take 22 s at most.) A client of the user's own (``client=``) has its own
time-outs.

**An answer is DynamoDB's** if it has a request id, as all answers of DynamoDB have, and can be read. A proxy's page
with status 200 is no answer: the write may or may not be in.

**The meaning of an error** is in ``aws.errors``, as a table. This module has the error of ours for each meaning. For a
ValidationException only DynamoDB's message tells the causes apart.
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
from holdoff.core import errors
from holdoff.core.errors import ConfigError, StoreError, StoreUnavailable
from holdoff.stores.base import AGAIN, INIT
from holdoff.stores.dynamodb.item import INDEX

Answer = dict[str, Any]
T = TypeVar("T")

LIMITS: Final = Limits(connect_s=2, read_s=4, tries=3, connections=64, validates=False)


class ConditionFailed(StoreError):
    """A write's condition does not hold. ``item``: the item in the table; ``None``: there is none."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item


class Conflict(errors.StoreThrottled):
    """Another write to the same item was in progress. Nothing was written; a retry at once will do."""


class IndexMissing(errors.StoreMismatch):
    """The table does not have our index (yet)."""


class TableInUse(StoreUnavailable):
    """The table is being created or changed by another process."""


#: For each cause, the error of ours and its message.
_KINDS: Final[dict[aws.Cause | None, tuple[type[StoreError], str]]] = {
    aws.Cause.SLOW_DOWN: (errors.StoreThrottled, "asks to slow down"),
    aws.Cause.LIMIT: (errors.StoreThrottled, "is at a limit"),
    aws.Cause.CONFLICT: (Conflict, "has other writes to the gate in progress"),
    aws.Cause.CREDENTIALS: (errors.StoreDenied, "could not be asked with these credentials"),
    aws.Cause.DENIED: (errors.StoreDenied, "does not allow it"),
    aws.Cause.MISSING: (errors.StoreMissing, "there is no such table, or it is not ready yet"),
    aws.Cause.STATE: (TableInUse, "is being created or changed"),
    aws.Cause.NETWORK: (StoreUnavailable, "did not answer"),
    aws.Cause.CERTIFICATE: (StoreUnavailable, "did not answer"),
    aws.Cause.INSTALLATION: (StoreError, "could not be asked"),
}
#: Causes for which there was no connection to send anything on.
_NO_WAY: Final = (aws.Cause.NETWORK, aws.Cause.CERTIFICATE)
#: The hints of these errors say what a person has to do, whether the write is in or not.
_FOR_A_PERSON: Final = (errors.StoreDenied, errors.StoreMissing, errors.StoreMismatch)
_MAY_BE_IN: Final = "; the write may or may not be in"
#: A failure before anything was sent, which is in no row: botocore cannot fetch its credentials, say.
_UNSENT: Final = (StoreError, "could not be asked", "See the AWS settings of this process: AWS_* and ~/.aws")
#: For a ValidationException, by its message: the error of ours, its message, and what to do.
_INVALID: Final[dict[str, tuple[type[StoreError], str, str]]] = {
    "specified index|backfilling": (IndexMissing, f"has no index {INDEX} to read", INIT),
    "exceeded the maximum allowed size": (
        StoreError,
        "the item would be over DynamoDB's 400 KB, so nothing was written",
        "Hand the build a smaller environment, or see what else is in the item",
    ),
    "does not match the schema|Type mismatch for|Missing the key|missed key schema|conditions on the keys": (
        errors.StoreMismatch,
        "has other keys than a Holdoff table",
        "cb_project (S) is its partition key and region (S) its sort key; `holdoff store check` says what is there",
    ),
}
#: The rights that an operation needs, if their names differ from the operation's.
_ACTIONS: Final = {"TransactWriteItems": "UpdateItem and dynamodb:PutItem"}
#: Reasons of a cancelled transaction, and the codes that a single write would have had. For all other reasons the code
#: is the reason with ``Exception`` at its end.
_REASONS: Final = {"ThrottlingError": "ThrottlingException", "ValidationError": "ValidationException"}


class Connection:
    """The connection to one table. ``service_clock``: what is known of the service's clock."""

    def __init__(self, table: str, *, region: str | None, endpoint: str | None, client: object, clock: Clock) -> None:
        self.table = table
        self.service_clock: ServiceClock = ServiceClock()
        self._region = region
        self._clock = clock
        self._clients = Clients("dynamodb", LIMITS, endpoint=endpoint, given=client, lean=True)

    @property
    def region(self) -> str:
        """The given region, else the environment's, else the one that botocore finds."""
        if named := self._named_region:
            return named
        found = getattr(getattr(self.client("finding its region"), "meta", None), "region_name", None)
        if not found:  # a client of the user's own
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
        """Call the service once, and read its answer.

        Args:
            doing: the purpose, for errors: "claiming site-build (eu-west-1)".
            operation: a method of botocore's client; ``parameters`` are its parameters, without the table's name.
            read: takes the result from the answer. If it cannot, the answer was not DynamoDB's.
            write: whether the call writes an item. Then a missing answer leaves a doubt.

        Raises:
            StoreError, ConfigError: the call failed.
            ConditionFailed: the condition of a write does not hold.
        """
        client = self.client(doing)
        if operation != "transact_write_items":  # it names the table in each of its parts
            parameters["TableName"] = self.table
        self._clients.begin()
        is_blind = self._clients.tried.sent  # the client's tries are not seen, so each call counts as sent
        sent_ms = self._clock.now_ms()
        try:
            answer: Answer = getattr(client, operation)(**parameters)
        except Exception as error:
            self.service_clock.saw(aws.response_of(error), sent_ms, self._clock.now_ms())
            failed = partial(self._failed, doing, error, self._clients.tried, write, is_blind)
            raise self.understood(doing, failed, write=write) from error
        self.service_clock.saw(answer, sent_ms, self._clock.now_ms())
        return self.understood(doing, lambda: read(_genuine(answer)), write=write)

    def understood(self, doing: str, read: Callable[[], T], *, write: bool) -> T:
        """The result that ``read`` takes from an answer. ``StoreUnavailable``: the answer is not DynamoDB's."""
        try:
            return read()
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise self._unavailable(doing, f"not DynamoDB's answer: {error!r:.80}", write) from error

    def client(self, doing: str) -> Any:
        """The client. It is made if there is none yet."""
        try:
            return self._clients.of(self._named_region)
        except ConfigError:
            raise
        except Exception as error:
            raise self._failed(doing, error, aws.Tried(sent=False)) from error

    def close(self) -> None:
        """Close the connections. The next call makes new ones. A client that was given stays open."""
        self._clients.close()

    @property
    def _named_region(self) -> str | None:
        return region_named(self._region)

    def _failed(
        self, doing: str, error: Exception, tried: aws.Tried, write: bool = False, is_blind: bool = False
    ) -> Exception:
        code, message, item = _answer_of(error)
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(item)
        row = aws.row_of(error) if code == aws.code_of(error) else aws.row_of_code(code)
        was_answered = bool(aws.response_of(error))
        is_lost = row is None and tried.sent and not was_answered
        if is_lost or aws.status_of(error) >= aws.UNKNOWN_FROM_STATUS:
            return self._unavailable(doing, message, write)
        cause = None if row is None else row.cause
        # If the last try found no connection, an earlier one may still have been sent.
        may_be_in = write and (tried.in_doubt or (is_blind and cause in _NO_WAY))
        if cause is aws.Cause.REGION and not may_be_in:
            return self._no_region()
        kind, what = _KINDS.get(cause, (StoreError, "refused it"))
        advice: str | None = None
        if not was_answered and cause in (None, aws.Cause.INPUT):
            kind, what, advice = _UNSENT
            if "HTTPClientError" in (cls.__name__ for cls in type(error).__mro__):  # while fetching credentials
                kind = StoreUnavailable
        elif cause is aws.Cause.INPUT:
            for words, then in _INVALID.items():
                if re.search(words, message):
                    kind, what, advice = then
        else:
            operation = aws.operation_of(error)
            target = aws.Target(
                service="DynamoDB",
                name=f"dynamodb://{self.table}",
                region=self._named_region,
                resource=f"table {self.table}" + (f" and its index {INDEX}" if operation == "Query" else ""),
                missing=INIT,
            )
            advice = aws.hint(row, target, _ACTIONS.get(operation, operation), message)
        if may_be_in and not issubclass(kind, _FOR_A_PERSON):
            return self._unavailable(doing, message, write)
        nothing = "; nothing was written" if write and issubclass(kind, StoreUnavailable) else ""
        end = _MAY_BE_IN if may_be_in else nothing
        return kind(f"{self.name}: {what}, while {doing} ({message}){end}", hint=advice)

    def _unavailable(self, doing: str, message: str, write: bool) -> StoreUnavailable:
        """No answer came, or one that is not DynamoDB's."""
        did_not_answer = f"{self.name}: did not answer, while {doing} ({message})"
        if not write:
            return StoreUnavailable(did_not_answer)
        return StoreUnavailable(f"{did_not_answer}{_MAY_BE_IN}", hint=AGAIN)

    def _no_region(self) -> ConfigError:
        want = "dynamodb://TABLE?region=eu-west-1, or set AWS_REGION"
        return ConfigError(field=f"the region of dynamodb://{self.table}", got=self._named_region or "", want=want)


def _answer_of(error: Exception) -> tuple[str, str, Any]:
    """The code, the message and the item of an error. For a cancelled transaction, those of its first reason. Raises
    ``LookupError`` or ``TypeError`` if it has none."""
    code = aws.code_of(error)
    if code != "TransactionCanceledException":
        return code, aws.describe(error), aws.response_of(error).get("Item")
    reasons = [one for one in aws.response_of(error)["CancellationReasons"] if one["Code"] != "None"]
    code, message = reasons[0]["Code"], reasons[0].get("Message") or ""
    return _REASONS.get(code, f"{code}Exception"), f"{code}: {message}", reasons[0].get("Item")


def _genuine(answer: Answer) -> Answer:
    """The answer. Refused if it has metadata, as botocore's answers have, and no request id of DynamoDB's."""
    metadata = answer.get("ResponseMetadata")
    if metadata is not None and not metadata.get("RequestId"):
        raise ValueError("it has no request id")
    return answer
