"""Whether what wakes the gates is there: the schedules' group, the role they use, and the right to make them.

A role for schedules trusts ``scheduler.amazonaws.com``; who makes a schedule has to be allowed to pass it on:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html. There is no CreateSchedule that makes nothing,
so IAM is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdoff import boto
from holdoff.boto import code_of
from holdoff.ingress.aws_finding import Finding, fail, ok, unchecked
from holdoff.ingress.aws_policies import Wanted, said
from holdoff.wakers.scheduler import CONNECT_S, READ_S, TRIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.ingress.aws_policies import Policies

ABOUT: Final = "wakes"
SERVICE: Final = "scheduler.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """What a function's environment says of them.

    Attributes:
        role: the ARN of the role by which the service invokes the function.
        group: the schedules' group.
    """

    role: str
    group: str = "holdoff"


def wakes(schedules: Schedules | None, policies: Policies, region: str) -> Iterator[Finding]:
    """What there is to say of the schedules."""
    if schedules is None:
        yield unchecked(
            ABOUT,
            "no schedules are named, so what was deferred waits for a sweep, `holdoff wake` or the next trigger",
            "Name the schedules' role: HOLDOFF_SCHEDULE_ROLE or --schedule-role",
        )
        return
    yield _group(schedules, region)
    yield _role(schedules, policies)
    of = policies.arn()
    schedule = f"arn:{of.partition}:scheduler:{region}:{of.account}:schedule/{schedules.group}/*"
    create = Wanted(action="scheduler:CreateSchedule", resource=schedule)
    passing = Wanted(
        action="iam:PassRole", resource=schedules.role, context={"iam:PassedToService": SERVICE}
    )
    yield policies.ask(ABOUT, create, region)
    yield policies.ask(ABOUT, passing, region)


def _group(schedules: Schedules, region: str) -> Finding:
    try:
        client = boto.client(
            "scheduler", region=region, connect_s=CONNECT_S, read_s=READ_S, tries=TRIES
        )
        client.get_schedule_group(Name=schedules.group)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told)
        if code_of(error) == "ResourceNotFoundException":
            hint = "Create it, or name another: HOLDOFF_SCHEDULE_GROUP or --schedule-group"
            return fail(ABOUT, f"there is no schedule group {schedules.group} in {region}", hint)
        return unchecked(
            ABOUT, f"whether there is a schedule group {schedules.group} ({said(error)})"
        )
    return ok(ABOUT, f"the schedule group {schedules.group} is there, in {region}")


def _role(schedules: Schedules, policies: Policies) -> Finding:
    try:
        role = policies.get_role(schedules.role)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told)
        if code_of(error) in {"NoSuchEntity", "NoSuchEntityException"}:
            return fail(ABOUT, f"there is no role {schedules.role}", "Create it, or name another")
        return unchecked(ABOUT, f"whether there is a role {schedules.role} ({said(error)})")
    if not _trusts(role.get("AssumeRolePolicyDocument")):
        hint = f"Let {SERVICE} assume it (sts:AssumeRole in its trust policy)"
        return fail(ABOUT, f"the role {schedules.role} does not trust EventBridge Scheduler", hint)
    return ok(ABOUT, f"the role {schedules.role} is there, and trusts EventBridge Scheduler")


def _trusts(document: Any) -> bool:
    """Whether a trust policy names the service. botocore decodes the document, unless it is handed as text."""
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and {SERVICE, "*"} & set(named):
            return True
    return False
