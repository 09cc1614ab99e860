"""Whether a project's builds can be started, followed and found again, and whether what wakes its gates is there.

Listing a project's builds tells whether there is such a project; asking after, or stopping, a build that never was
(a UUID of zeros) tells whether one may. A role for schedules trusts ``scheduler.amazonaws.com``; what makes a schedule
has to be allowed to pass it on: https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html.

There is no StartBuild that starts nothing, and no CreateSchedule that makes nothing: no document says that parameters
are looked at after the rights, and before anything is done. So IAM is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from holdoff.aws.client import make_client
from holdoff.aws.errors import code_of, describe, is_denied
from holdoff.config import Project
from holdoff.core.request import GateKey
from holdoff.doctor.findings import Finding, fail, ok, unchecked
from holdoff.doctor.policies import Policies, denied, reason_of
from holdoff.starters.codebuild import ASKING, CodeBuild
from holdoff.wake.scheduler import LIMITS

NEVER_BUILT: Final = "00000000-0000-0000-0000-000000000000"
WAKES: Final = "wakes"
SCHEDULER: Final = "scheduler.amazonaws.com"
_NOT_THERE: Final = ("ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException")


def builds(project: Project, key: GateKey, policies: Policies) -> Iterator[Finding]:
    """What there is to say of one project's starter."""
    about, starter = str(key), project.make_starter()
    if not isinstance(starter, CodeBuild):
        yield unchecked(about, f"its starter is no AWS service: {', '.join(project.starter)}")
        return
    there = starter.for_region(key.region)
    try:
        client = make_client("codebuild", ASKING, region=there.region, endpoint=there.endpoint)
    except Exception as error:  # noqa: BLE001  (whatever it is: there is no client)
        yield _silent(about, error)
        return
    named, region = starter.project or key.project, str(client.meta.region_name)
    name = named.rpartition(":project/")[2]
    arn = named if named.startswith("arn:") else policies.arn("codebuild", region, f"project/{name}")
    listed = _error(client.list_builds_for_project, projectName=named)
    if listed is None:
        yield ok(about, f"CodeBuild project {name} is there, in {region}")
    elif is_denied(listed):
        yield unchecked(about, f"whether there is a CodeBuild project {name}")
    elif code_of(listed) in _NOT_THERE:
        hint = f"`aws codebuild list-projects --region {region}` lists those there are"
        yield fail(about, f"there is no CodeBuild project {name} in {region}", hint)
        return
    else:
        yield _silent(about, listed)
        return
    never = f"{name}:{NEVER_BUILT}"
    tries: dict[str, Callable[[], Exception | None]] = {
        "ListBuildsForProject": lambda: listed,
        "BatchGetBuilds": lambda: _error(client.batch_get_builds, ids=[never]),
    }
    if project.policy.overlap == "cancel":
        tries["StopBuild"] = lambda: _error(client.stop_build, id=never)
    for operation, attempt in tries.items():
        action = f"codebuild:{operation}"
        # Of a role, only IAM can tell.
        yield _tried(about, action, arn, attempt()) if policies.role is None else policies.ask(about, action, arn)
    yield policies.ask(about, "codebuild:StartBuild", arn)


def _tried(about: str, action: str, arn: str, error: Exception | None) -> Finding:
    """Whether one may, by what came of trying."""
    if error is None or code_of(error) in (*_NOT_THERE, "InvalidInputException"):  # it was let through
        return ok(about, f"{action} is allowed")
    return denied(about, action, arn, reason=reason_of(error)) if is_denied(error) else _silent(about, error)


def _silent(about: str, error: Exception) -> Finding:
    return fail(about, f"CodeBuild cannot be asked ({describe(error)})")


def _error(call: Callable[..., object], **parameters: Any) -> Exception | None:
    try:
        call(**parameters)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is shown)
        return error
    return None


def wakes(role: str | None, group: str, policies: Policies, region: str) -> Iterator[Finding]:
    """What there is to say of the schedules in this group, which wake a function by this role."""
    if role is None:
        yield unchecked(
            WAKES,
            "no schedules are named, so what was deferred waits for a sweep, `holdoff wake` or the next trigger",
            "Name the schedules' role: HOLDOFF_SCHEDULE_ROLE or --schedule-role",
        )
        return
    try:
        make_client("scheduler", LIMITS, region=region).get_schedule_group(Name=group)
        yield ok(WAKES, f"the schedule group {group} is there, in {region}")
    except Exception as error:  # noqa: BLE001  (whatever it is, it is shown)
        hint = "Create it, or name another: HOLDOFF_SCHEDULE_GROUP or --schedule-group"
        yield _missing(error, f"schedule group {group}", f" in {region}", hint)
    try:
        if _trusts(policies.get_role(role).get("AssumeRolePolicyDocument")):
            yield ok(WAKES, f"the role {role} is there, and trusts EventBridge Scheduler")
        else:
            hint = f"Let {SCHEDULER} assume it (sts:AssumeRole in its trust policy)"
            yield fail(WAKES, f"the role {role} does not trust EventBridge Scheduler", hint)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is shown)
        yield _missing(error, f"role {role}", "", "Create it, or name another")
    yield policies.ask(WAKES, "scheduler:CreateSchedule", policies.arn("scheduler", region, f"schedule/{group}/*"))
    yield policies.ask(WAKES, "iam:PassRole", role, {"iam:PassedToService": SCHEDULER})


def _missing(error: Exception, what: str, where: str, hint: str) -> Finding:
    if code_of(error) in _NOT_THERE:
        return fail(WAKES, f"there is no {what}{where}", hint)
    return unchecked(WAKES, f"whether there is a {what} ({describe(error)})")


def _trusts(document: Any) -> bool:
    """Whether a trust policy names the service. botocore decodes the document, unless it is handed as text."""
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and {SCHEDULER, "*"} & set(named):
            return True
    return False
