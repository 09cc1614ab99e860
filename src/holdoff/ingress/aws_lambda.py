"""The Lambda handler: ``holdoff.ingress.aws_lambda.handler``.

A drop-in for the old snippet: with its variables REGION_NAME, DDB_TABLE_NAME, CODEBUILD_PROJECT_NAME and COOLDOWN
(seconds) it works on the same table, beside functions that still run the snippet. As nothing wakes a deferred build
then, a trigger during the cooldown is skipped, as the snippet did.

A direct invoke may carry ``{"reason", "source_version", "event_id", "force"}``; an EventBridge event's own ``id`` is
its event id, so that a second delivery is a duplicate. The answer is the decision as a JSON object. Where no decision
could be made the invocation fails, and Lambda, which retries asynchronous invocations, delivers the event again.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import ConfigError
from holdoff.core.exact_json import dumps
from holdoff.core.policy import Policy
from holdoff.core.units import type_of_duration
from holdoff.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdoff.core.decision import Decision

WANTED: Final = {
    "REGION_NAME": "the AWS region of the table and the project, such as 'eu-west-1'",
    "DDB_TABLE_NAME": "the DynamoDB table's name",
    "CODEBUILD_PROJECT_NAME": "the CodeBuild project's name",
    "COOLDOWN": type_of_duration,
}
TEXTS: Final = ("reason", "source_version", "event_id")


def handler(event: object, context: object = None) -> dict[str, object]:
    """One invocation: one trigger, one decision.

    Raises:
        ConfigError: a variable is missing or wrong, or the event is not what it should be.
        StoreError: no decision could be made; deliver the event again.
    """
    asked = request_of(event)
    decision = gate().trigger(**asked)
    _log(decision)
    return decision.to_dict()


@cache
def gate() -> Gate:
    """This process's gate: clients and the last sight are kept between invocations."""
    return gate_from(os.environ)


def gate_from(environment: Mapping[str, str]) -> Gate:
    """The gate that the old snippet's variables name."""
    from holdoff.starters.codebuild import CodeBuild
    from holdoff.stores.dynamodb import DynamoDBStore

    found = {name: _variable(environment, name) for name in WANTED}
    region = found["REGION_NAME"]
    try:
        policy = Policy(found["COOLDOWN"], on_cooldown="skip")
    except ConfigError as error:
        raise ConfigError(field="COOLDOWN", got=found["COOLDOWN"], want=error.want) from None
    return Gate(
        found["CODEBUILD_PROJECT_NAME"],
        region=region,
        store=DynamoDBStore(found["DDB_TABLE_NAME"], region=region),
        policy=policy,
        starter=CodeBuild(region=region),
    )


def request_of(event: object) -> dict[str, Any]:
    """What an invocation asks for, as arguments of ``Gate.trigger``. Unknown keys are the sender's own affair."""
    if not isinstance(event, dict):
        return {}
    if "detail-type" in event:
        return {"reason": str(event["detail-type"])[:200], "event_id": event.get("id")}
    asked: dict[str, Any] = {name: event[name] for name in TEXTS if event.get(name) is not None}
    force = event.get("force", False)
    if not isinstance(force, bool):
        raise ConfigError(field="force", got=force, want="true or false")
    return asked | {"force": force}


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigError(field=f"environment variable {name}", got=value, want=WANTED[name])
    return value


def _log(decision: Decision) -> None:
    print(dumps(decision.to_dict()), flush=True)  # noqa: T201  (Lambda's log is standard output)
