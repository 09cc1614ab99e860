"""A table on DynamoDB Local and a project at the CodeBuild stand-in, as a Lambda function or a machine finds them."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import holdoff
from holdoff.clock import SystemClock
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.stores.base import Store

_tables = itertools.count()


class ShiftedClock(SystemClock):
    """This machine's clock, later by so much: for a process that comes after a lease."""

    def __init__(self, ahead_ms: int = 0) -> None:
        self.ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@dataclass
class Cloud:
    """Where things are, also as environment variables for processes of their own."""

    table: str
    endpoint: str
    standin: CodeBuildStandin

    @property
    def url(self) -> str:
        return f"dynamodb://{self.table}?region=eu-west-1&endpoint={self.endpoint}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.standin.environment(),
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_ENDPOINT_URL_CODEBUILD": self.standin.url,
            "REGION_NAME": "eu-west-1",
            "DDB_TABLE_NAME": self.table,
            "CODEBUILD_PROJECT_NAME": "site-build",
            "COOLDOWN": "600",
        }

    def store(self) -> Store:
        return holdoff.open_store(self.url)

    def gate(self, *, ahead_ms: int = 0, cooldown: str = "10m", **policy: Any) -> holdoff.Gate:
        """The gate as another process would have it, so much later."""
        return holdoff.Gate(
            "site-build",
            store=self.store(),
            policy=holdoff.Policy(cooldown, **policy),
            starter=holdoff.starters.CodeBuild(endpoint=self.standin.url),
            clock=ShiftedClock(ahead_ms),
        )


@pytest.fixture
def cloud(dynamodb_local_url: str, aws_env: object) -> Iterator[Cloud]:
    """An initialised table and one project."""
    with CodeBuildStandin(projects=["site-build"]) as standin:
        made = Cloud(f"builds-{next(_tables)}", dynamodb_local_url, standin)
        made.store().initialise()
        yield made
        delete_table(made.endpoint, made.table)


def delete_table(endpoint: str, table: str) -> None:
    """DynamoDB Local slows down with every table that is left."""
    client = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=endpoint)
    client.delete_table(TableName=table)
    client.close()
