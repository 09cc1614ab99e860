"""``holdoff aws check``: would Holdoff work in this account? It looks, and changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdoff.cli.common import add_json, add_store, opened, print_json, show
from holdoff.core.errors import ConfigError, UsageError
from holdoff.core.shown import shown

if TYPE_CHECKING:
    import argparse

    from holdoff.doctor.policies import Finding


def add_aws_arguments(parser: argparse.ArgumentParser) -> None:
    what = "look at table, rights, projects, regions, clock and wakes"
    parser.add_argument("action", choices=["check"], help=what)
    add_store(parser)
    options = {
        "--codebuild": ("NAME", "one CodeBuild project, instead of holdoff.toml's"),
        "--role": ("ARN", "look up the rights of a function's role, instead of yours"),
        "--schedule-role": ("ARN", "the role of schedules that wake the function (default: HOLDOFF_SCHEDULE_ROLE)"),
        "--schedule-group": ("NAME", "the schedules' group (default: HOLDOFF_SCHEDULE_GROUP, else holdoff)"),
    }
    for option, (metavar, words) in options.items():
        parser.add_argument(option, metavar=metavar, help=words)
    add_json(parser)


def aws(args: argparse.Namespace) -> int:
    """Print the findings; the exit status is 1 where something would not work."""
    findings = []
    for finding in _found(args):
        findings.append({name: getattr(finding, name) for name in ("level", "about", "message", "hint")})
        if not args.json:
            show(finding)
    well = all(finding["level"] != "fail" for finding in findings)
    if args.json:
        print_json({"ok": well, "findings": findings})
    return 0 if well else 1


def _found(args: argparse.Namespace) -> Iterator[Finding]:
    from holdoff.config import Config, Project
    from holdoff.core.policy import Policy
    from holdoff.doctor.aws_check import check
    from holdoff.doctor.policies import Policies
    from holdoff.ingress import settings
    from holdoff.stores.dynamodb.store import DynamoDBStore

    config, store = opened(args)
    if not isinstance(store, DynamoDBStore):
        want = "--store dynamodb://TABLE?region=REGION, or such a URL in holdoff.toml; `holdoff store check` takes any"
        raise ConfigError(field="store", got=store.url, want=want)
    policies = Policies(store.region, _role("--role", args.role))
    scheduled_by = os.environ.get(settings.ROLE) or None if args.schedule_role is None else args.schedule_role
    role = _role("--schedule-role", scheduled_by)
    if role is None and args.schedule_group:
        raise UsageError("--schedule-group goes with --schedule-role")
    group = args.schedule_group or os.environ.get(settings.GROUP) or settings.DEFAULT_GROUP
    if args.codebuild is not None:  # as in a function whose environment names one CodeBuild project
        project = Project(name=args.codebuild, policy=Policy(0), starter={"codebuild": args.codebuild})
        config = Config(projects={project.name: project})
    return check(config, store, policies, role=role, group=group)


def _role(option: str, arn: str | None) -> str | None:
    if arn is not None and not re.fullmatch(r"arn:[a-z-]+:iam::\d{12}:role/\S+", arn):
        raise UsageError(f"{option} is {shown('', arn)}; write a role's ARN: arn:aws:iam::123456789012:role/NAME")
    return arn
