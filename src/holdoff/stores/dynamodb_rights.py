"""Which rights on the table Holdoff needs, each with a request that needs it and changes nothing.

The writes are conditional on what can never hold, at a key that no gate has: a right that is missing is told by
AccessDeniedException before any condition is looked at, and one that is there by ConditionalCheckFailedException. A
transaction needs the rights of its parts
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import StoreError, StoreUnavailable
from holdoff.stores.dynamodb_errors import ConditionFailed, IndexMissing
from holdoff.stores.dynamodb_item import DUE_HERE, DUE_IN, INDEX, NO_GATE, encoded
from holdoff.stores.item import PROJECT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.stores.dynamodb_client import Answer, Connection, DynamoDBAPI


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One right.

    Attributes:
        action: as a policy names it.
        on_index: on the index, not on the table.
        only_for: what goes without it; ``None``: nothing does.
        attempt: a request that needs it, of a client for a table and a project.
    """

    action: str
    on_index: bool = False
    only_for: str | None = None
    attempt: Callable[[DynamoDBAPI, str, str], Answer]


def tried(connection: Connection, project: str) -> Iterator[tuple[Right, StoreError | None]]:
    """Each right, and the error where its request was not let through: ``StoreDenied`` where the right is missing.

    Raises:
        StoreUnavailable: the table does not answer.
    """
    for right in RIGHTS:
        yield right, _try(right, connection, project)


def _try(right: Right, connection: Connection, project: str) -> StoreError | None:
    try:
        connection.ask(
            f"trying {right.action}",
            lambda client: right.attempt(client, connection.table, project),
        )
    except (ConditionFailed, IndexMissing):
        return None  # it was let through
    except StoreUnavailable:
        raise
    except StoreError as error:
        return error
    return None


def _get(client: DynamoDBAPI, table: str, project: str) -> Answer:
    return client.get_item(TableName=table, Key=_nobodys(project))


def _update(client: DynamoDBAPI, table: str, project: str) -> Answer:
    return client.update_item(TableName=table, Key=_nobodys(project), **_NEVER)


def _put(client: DynamoDBAPI, table: str, project: str) -> Answer:
    put = {"TableName": table, "Item": _nobodys(project), **_NEVER}
    return client.transact_write_items(TransactItems=[{"Put": put}])


def _query_index(client: DynamoDBAPI, table: str, _: str) -> Answer:
    return client.query(
        TableName=table,
        IndexName=INDEX,
        KeyConditionExpression="#due_in = :here",
        ExpressionAttributeNames={"#due_in": DUE_IN},
        ExpressionAttributeValues={":here": encoded(DUE_HERE)},
        Limit=1,
    )


def _query(client: DynamoDBAPI, table: str, project: str) -> Answer:
    return client.query(
        TableName=table,
        KeyConditionExpression="#project = :project",
        ExpressionAttributeNames={"#project": PROJECT},
        ExpressionAttributeValues={":project": encoded(project)},
        Limit=1,
    )


def _scan(client: DynamoDBAPI, table: str, _: str) -> Answer:
    return client.scan(TableName=table, Limit=1)


def _describe(client: DynamoDBAPI, table: str, _: str) -> Answer:
    return client.describe_table(TableName=table)


def _nobodys(project: str) -> dict[str, Any]:
    """A key under the project, which a policy may be narrowed to, that neither a gate nor its history has."""
    return {PROJECT: encoded(project), REGION: encoded(f"{NO_GATE}nobody")}


_NEVER: Final[dict[str, Any]] = {
    "ConditionExpression": "attribute_exists(#project) AND attribute_not_exists(#project)",
    "ExpressionAttributeNames": {"#project": PROJECT},
}
RIGHTS: Final = (
    Right(action="dynamodb:GetItem", attempt=_get),
    Right(action="dynamodb:UpdateItem", attempt=_update),
    Right(action="dynamodb:PutItem", attempt=_put),
    Right(action="dynamodb:Query", on_index=True, attempt=_query_index),
    Right(
        action="dynamodb:DescribeTable",
        only_for="waking gates of other regions than the table's, nor this check",
        attempt=_describe,
    ),
    Right(
        action="dynamodb:Query",
        only_for="`holdoff history`, `explain` and `status`",
        attempt=_query,
    ),
    Right(
        action="dynamodb:Scan",
        only_for="`holdoff status` of all projects, nor a table without the index",
        attempt=_scan,
    ),
)
