"""ministack as our tests start it: its own program, a little quicker, and mended where AWS does more.

Runs on ministack's Python, not on ours. What it changes, and why, with ``docs.aws.amazon.com/`` before each page:

- One-time schedules and rates are looked at every second instead of every ten.
- Events of AWS's own services ("aws.codebuild") may be put on the bus: a test stands for those services.
- EventBridge, the Scheduler and SNS invoke functions *asynchronously*: a failed event is delivered again, and in the
  end goes to the function's dead letters (lambda/latest/dg/invocation-async-error-handling.html). ministack has all of
  that for asynchronous invokes, but does not use it for these three.
- A schedule's ARN names its group (service-authorization/latest/reference/list_amazoneventbridgescheduler.html).
  ministack takes every schedule for one of the group ``default``, so that a policy for our group would never match.
- Who makes a schedule must be allowed to pass its role on to the scheduler: ``iam:PassRole``, for which ministack does
  not ask (scheduler/latest/UserGuide/setting-up.html).
- ``BatchGetBuilds`` and ``StopBuild`` are checked against the project of the build, not against ``*``
  (service-authorization/latest/reference/list_awscodebuild.html).
"""

import functools
import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import eventbridge, lambda_svc, scheduler, sns

SWEEP_S = 1
PASSING = ("scheduler:CreateSchedule", "scheduler:UpdateSchedule")

ministacks_arn = iam_actions.extract_resource_arn
ministacks_enforce = iam_evaluator.enforce
passed = {"role": "*"}  # of the request at hand: nothing is awaited between naming and checking


def resource_arn(
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query: Any,
    region: str,
    account: str,
) -> str:
    """What a request is about."""
    arn: str = ministacks_arn(service, method, path, headers, body, query, region, account)
    if service == "scheduler" and ":schedule/default/" in arn:
        request = asked(body)
        passed["role"] = request.get("Target", {}).get("RoleArn", "*")
        group = request.get("GroupName") or first(query.get("groupName")) or "default"
        return arn.replace(":schedule/default/", f":schedule/{group}/")
    if service == "codebuild" and (build := build_of(asked(body))):
        return f"arn:aws:codebuild:{region}:{account}:project/{build.partition(':')[0]}"
    return arn


def build_of(request: dict[str, Any]) -> str:
    """The build that a request is about, or the first of them."""
    return str(request.get("id") or first(request.get("ids")) or "")


def enforce(
    access_key: str,
    action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Whether a request is denied, and why; ``None``: it is not."""
    denied = ministacks_enforce(access_key, action, service, region, resource_arn, service_context)
    if denied is None and action in PASSING:
        to = {"iam:PassedToService": "scheduler.amazonaws.com"}
        return ministacks_enforce(access_key, "iam:PassRole", "iam", region, passed["role"], to)
    return denied


def asked(body: bytes) -> dict[str, Any]:
    """A request's parameters."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        request = None
    return request if isinstance(request, dict) else {}


def first(value: Any) -> Any:
    """A value, where there may be several."""
    return next(iter(value), None) if isinstance(value, list) else value


def invoke(arn: str, event: Any) -> None:
    """Invoke a function as services do: asynchronously."""
    function, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, event)


def from_rule(arn: str, payload: str) -> None:
    """A rule's or a schedule's target is a function."""
    invoke(arn, json.loads(payload))


def from_topic(arn: str, envelope: str, _topic: str, subscription: str, *_rest: Any) -> None:
    """A topic's subscriber is a function."""
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "EventSource": "aws:sns",
        "Sns": json.loads(envelope),
    }
    invoke(arn, {"Records": [record]})


if __name__ == "__main__":
    scheduler._SCHEDULE_TICK_INTERVAL = eventbridge._SCHEDULER_TICK_INTERVAL = SWEEP_S
    eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
    eventbridge._dispatch_to_lambda = from_rule
    sns._deliver_to_lambda = from_topic
    iam_actions.extract_resource_arn = resource_arn
    iam_evaluator.enforce = enforce
    app.main()
