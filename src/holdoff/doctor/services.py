"""Whether a project's builds can be started, followed and found again, and whether schedules can wake its gates.

Every right except the right to start is tried by a request that changes nothing. The first request tells whether the
project or pipeline exists. The others ask after a build that never was (a UUID of zeros), or stop it. A schedule's role
must trust ``scheduler.amazonaws.com``, and the caller who makes a schedule must be allowed to pass the role on:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html.

StartBuild and CreateSchedule cannot be tried: no document says that a service checks the rights before the parameters
and both before it acts. So IAM is asked about these, unless the role belongs to another account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from holdoff.aws.client import make_client
from holdoff.aws.errors import Cause, code_of, describe, is_denied, operation_of, row_of
from holdoff.config import Project
from holdoff.core.request import TOKEN_VARIABLE, GateKey
from holdoff.doctor.policies import Finding, Policies, denied, fail, ok, unchecked, warn
from holdoff.starters.codebuild import CodeBuild
from holdoff.starters.codepipeline import CodePipeline
from holdoff.starters.on_aws import ASKING, OnAws, method
from holdoff.wake.scheduler import LIMITS

NEVER_BUILT: Final = "00000000-0000-0000-0000-000000000000"
WAKES: Final = "wakes"
SCHEDULER: Final = "scheduler.amazonaws.com"
_NOT_THERE: Final = ("ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException")
#: Error codes of requests that the rights allowed.
_LET_THROUGH: Final = (
    *_NOT_THERE,
    "InvalidInputException",
    "PipelineExecutionNotFoundException",
    "PipelineExecutionNotStoppableException",
)


def builds(project: Project, key: GateKey, policies: Policies) -> Iterator[Finding]:
    """The findings about a project's starter."""
    about, starter = str(key), project.make_starter()
    if not isinstance(starter, OnAws):
        yield unchecked(about, f"its starter is not an AWS service: {', '.join(project.starter)}")
        return
    there = starter.for_region(key.region)
    target, service, role = there.target_of(key), there.service.lower(), there.role
    try:
        client = make_client(service, ASKING, region=there.region, endpoint=there.endpoint, role=role)
    except Exception as error:  # noqa: BLE001  (after any error there is no client)
        yield _silent(about, there, error)
        return
    region, name = str(client.meta.region_name), target.name.rpartition(":project/")[2]
    arn = target.resource
    if role is None and not target.name.startswith("arn:"):
        arn = policies.arn(service, region, f"{there.arn_prefix}{name}")
    (first, parameters), *rest = _probes(there, target.name, name).items()
    answer, refused = _asked(client, first, parameters)
    yield _found(about, there, f"{there.service} {there.thing} {name}", region, refused)
    if refused is not None and not (is_denied(refused) and operation_of(refused) == first):
        return
    if isinstance(there, CodePipeline) and refused is None:
        yield from _pipeline(about, there, answer["pipeline"])
    tried = {first: refused} | {
        operation: _asked(client, operation, more)[1]
        for operation, more in (rest if project.policy.overlap == "cancel" else rest[:-1])
    }
    for operation, refused in tried.items():
        action = f"{service}:{operation}"
        is_ours = policies.role is None or role is not None  # for the role of --role only IAM can tell
        yield _tried(about, there, action, arn, refused) if is_ours else policies.ask(about, action, arn)
    if role is None:
        yield policies.ask(about, f"{service}:{there.starts}", arn)
        return
    if policies.role is not None:
        yield policies.ask(about, "sts:AssumeRole", role.arn)
    yield unchecked(about, f"whether {role.arn} may {service}:{there.starts}", "Look it up in its account")


def _probes(starter: OnAws, named: str, name: str) -> dict[str, dict[str, Any]]:
    """Requests that change nothing, by their operations; the last one tries the right to stop."""
    if isinstance(starter, CodeBuild):
        never, kind = f"{name}:{NEVER_BUILT}", starter.kind
        return {kind.lists: {"projectName": named}, kind.gets: {"ids": [never]}, kind.stops: {"id": never}}
    never_ran = {"pipelineName": name, "pipelineExecutionId": NEVER_BUILT}
    return {
        "GetPipeline": {"name": name},
        "ListPipelineExecutions": {"pipelineName": name},
        "GetPipelineExecution": never_ran,
        "StopPipelineExecution": never_ran,
    }


def _found(about: str, starter: OnAws, what: str, region: str, error: Exception | None) -> Finding:
    """Whether the project or pipeline exists."""
    if error is None:
        return ok(about, f"{what} is there, in {region}")
    if is_denied(error) and operation_of(error) == "AssumeRole" and starter.role is not None:
        return denied(about, "sts:AssumeRole", starter.role.arn, said=describe(error))
    if is_denied(error):
        return unchecked(about, f"whether there is a {what}")
    if (row := row_of(error)) is not None and row.cause is Cause.MISSING:
        hint = f"`aws {starter.service.lower()} list-{starter.thing}s --region {region}` lists the existing ones"
        return fail(about, f"there is no {what} in {region}", hint)
    return _silent(about, starter, error)


def _pipeline(about: str, starter: CodePipeline, pipeline: dict[str, Any]) -> Iterator[Finding]:
    """Whether the pipeline has what the starter names."""
    if TOKEN_VARIABLE not in {variable["name"] for variable in pipeline.get("variables", ())}:
        hint = f"Declare a variable {TOKEN_VARIABLE} in it, with any default"
        yield warn(about, "an unfinished start can be found again only by its time and its versions", hint)
    actions = [action["name"] for stage in pipeline["stages"] for action in stage["actions"]]
    if starter.source_action not in (None, *actions):
        yield fail(about, f"it has no action {starter.source_action}", f"Its actions are {', '.join(actions)}")


def _tried(about: str, starter: OnAws, action: str, arn: str, error: Exception | None) -> Finding:
    """Whether an action is allowed, by the answer to a request that needs it."""
    if error is None or code_of(error) in _LET_THROUGH:
        return ok(about, f"{action} is allowed")
    return denied(about, action, arn, said=describe(error)) if is_denied(error) else _silent(about, starter, error)


def _silent(about: str, starter: OnAws, error: Exception) -> Finding:
    return fail(about, f"{starter.service} cannot be asked ({describe(error)})")


def _asked(client: Any, operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], Exception | None]:
    try:
        return method(client, operation)(**parameters), None
    except Exception as error:  # noqa: BLE001  (any error is shown)
        return {}, error


def wakes(role: str | None, group: str, policies: Policies, region: str) -> Iterator[Finding]:
    """The findings about the schedules in this group, which wake a function by this role."""
    if role is None:
        found = "no schedules are named, so a deferred build waits for a sweep, `holdoff wake` or the next trigger"
        yield unchecked(WAKES, found, "Name the schedules' role: HOLDOFF_SCHEDULE_ROLE or --schedule-role")
        return
    try:
        make_client("scheduler", LIMITS, region=region).get_schedule_group(Name=group)
        yield ok(WAKES, f"the schedule group {group} is there, in {region}")
    except Exception as error:  # noqa: BLE001  (any error is shown)
        hint = "Create it, or name another: HOLDOFF_SCHEDULE_GROUP or --schedule-group"
        yield _missing(error, f"schedule group {group}", f" in {region}", hint)
    try:
        if _trusts(policies.get_role(role).get("AssumeRolePolicyDocument")):
            yield ok(WAKES, f"the role {role} is there, and trusts EventBridge Scheduler")
        else:
            hint = f"Let {SCHEDULER} assume it (sts:AssumeRole in its trust policy)"
            yield fail(WAKES, f"the role {role} does not trust EventBridge Scheduler", hint)
    except Exception as error:  # noqa: BLE001  (any error is shown)
        yield _missing(error, f"role {role}", "", "Create it, or name another")
    yield policies.ask(WAKES, "scheduler:CreateSchedule", policies.arn("scheduler", region, f"schedule/{group}/*"))
    yield policies.ask(WAKES, "iam:PassRole", role, {"iam:PassedToService": SCHEDULER})


def _missing(error: Exception, what: str, where: str, hint: str) -> Finding:
    if code_of(error) in _NOT_THERE:
        return fail(WAKES, f"there is no {what}{where}", hint)
    return unchecked(WAKES, f"whether there is a {what} ({describe(error)})")


def _trusts(document: Any) -> bool:
    """Whether a trust policy names the scheduler. botocore decodes the document, but a client may return it as text."""
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and {SCHEDULER, "*"} & set(named):
            return True
    return False
