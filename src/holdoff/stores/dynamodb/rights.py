"""The rights on the table that Holdoff needs, each with a request that needs it and changes nothing.

The writes have a condition that never holds, and a key that no gate has. If the right is missing, DynamoDB answers
AccessDeniedException before it looks at the condition. If the right is there, it answers
ConditionalCheckFailedException. A transaction needs the rights of its parts
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from holdoff.core.errors import StoreError, StoreUnavailable
from holdoff.core.value import Value
from holdoff.stores.codec import PROJECT, REGION
from holdoff.stores.dynamodb.connection import ConditionFailed, Connection, IndexMissing
from holdoff.stores.dynamodb.item import DUE_HERE, DUE_IN, INDEX, NO_GATE, Item, encoded


class Right(Value, kw_only=False):
    """One right."""

    action: str  #: as a policy names it
    operation: str  #: the client's method that needs it
    parameters: Callable[[Item], dict[str, Any]]  #: of a request that changes nothing, for a key that no gate has
    on_index: bool = False  #: whether it is a right on the index, not on the table
    only_for: str | None = None  #: what does not work without it; ``None``: nothing works without it


def trials(connection: Connection, project: str) -> Iterator[tuple[Right, StoreError | None]]:
    """Try each right. Yields it with the error of its request (``StoreDenied``: the right is missing), or ``None``: it
    is there. Raises ``StoreUnavailable`` if the table does not answer."""
    # The key has the project, because a policy may be limited to it. Neither a gate nor its history has such a key.
    key = {PROJECT: encoded(project), REGION: encoded(f"{NO_GATE}none")}
    for right in RIGHTS:
        failed: StoreError | None = None
        try:
            connection.ask(f"trying {right.action}", right.operation, bool, **right.parameters(key))
        except StoreUnavailable:
            raise
        except StoreError as error:
            was_allowed = isinstance(error, ConditionFailed | IndexMissing)
            failed = None if was_allowed else error
        yield right, failed


def _equal(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "KeyConditionExpression": "#name = :value",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":value": value},
        "Limit": 1,
    }


_NEVER: Final[dict[str, Any]] = {
    "ConditionExpression": "attribute_exists(#project) AND attribute_not_exists(#project)",
    "ExpressionAttributeNames": {"#project": PROJECT},
}
RIGHTS: Final = (
    Right("dynamodb:GetItem", "get_item", lambda key: {"Key": key}),
    Right("dynamodb:UpdateItem", "update_item", lambda key: {"Key": key, **_NEVER}),
    Right("dynamodb:PutItem", "put_item", lambda key: {"Item": key, **_NEVER}),
    Right(
        "dynamodb:Query", "query", lambda _: {"IndexName": INDEX, **_equal(DUE_IN, encoded(DUE_HERE))}, on_index=True
    ),
    Right(
        "dynamodb:DescribeTable",
        "describe_table",
        lambda _: {},
        only_for="waking gates of other regions than the table's, nor this check",
    ),
    Right(
        "dynamodb:Query",
        "query",
        lambda key: _equal(PROJECT, key[PROJECT]),
        only_for="`holdoff history`, `explain` and `status`, nor the end of a build that a newer one has overtaken",
    ),
    Right(
        "dynamodb:Scan",
        "scan",
        lambda _: {"Limit": 1},
        only_for="`holdoff status` of all projects, nor a table without the index",
    ),
)
