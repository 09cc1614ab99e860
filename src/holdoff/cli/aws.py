"""``holdoff aws check``: would it work in this account? Looks, and changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from holdoff.cli.common import add_json, add_store, load_config, one_line, print_json, show
from holdoff.core.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.ingress.aws_check import Setup
    from holdoff.ingress.aws_check_wakes import Schedules
    from holdoff.ingress.aws_finding import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``aws``."""
    parser.add_argument(
        "action",
        choices=["check"],
        help="look at table, rights, projects, regions, clock and wakes",
    )
    add_store(parser)
    parser.add_argument(
        "--codebuild", metavar="NAME", help="one CodeBuild project, instead of holdoff.toml's"
    )
    parser.add_argument(
        "--role", metavar="ARN", help="look up the rights of a function's role, instead of yours"
    )
    parser.add_argument(
        "--schedule-role",
        metavar="ARN",
        help="the role by which schedules wake the function (default: HOLDOFF_SCHEDULE_ROLE)",
    )
    parser.add_argument(
        "--schedule-group",
        metavar="NAME",
        help="their group (default: HOLDOFF_SCHEDULE_GROUP, else holdoff)",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Look; the exit status is 1 where something would not work."""
    from holdoff.ingress.aws_check import check, is_well

    findings: list[Finding] = []
    for finding in check(_setup(args)):
        findings.append(finding)
        if not args.json:
            show(one_line(finding))
    well = is_well(findings)
    if args.json:
        print_json({"ok": well, "findings": [finding.to_dict() for finding in findings]})
    return 0 if well else 1


def _setup(args: argparse.Namespace) -> Setup:
    from holdoff.ingress.aws_check import Setup, dynamodb_of
    from holdoff.ingress.aws_policies import Policies

    config = load_config(args)
    store = dynamodb_of(config.open_store(args.store))
    return Setup(
        config=_one_project(args.codebuild) if args.codebuild else config,
        store=store,
        policies=Policies(store.region, _role("--role", args.role)),
        schedules=_schedules(args),
    )


def _one_project(name: str) -> Config:
    """As a function has it that names one CodeBuild project in its environment."""
    from holdoff.config import Config, Project
    from holdoff.core.policy import Policy

    project = Project(name=name, policy=Policy(0), starter={"codebuild": name})
    return Config(projects={name: project})


def _schedules(args: argparse.Namespace) -> Schedules | None:
    from holdoff.ingress import aws_settings as settings
    from holdoff.ingress.aws_check_wakes import Schedules

    role = _role("--schedule-role", args.schedule_role or os.environ.get(settings.ROLE))
    if role is None:
        if args.schedule_group:
            raise UsageError("--schedule-group says nothing without --schedule-role")
        return None
    group = args.schedule_group or os.environ.get(settings.GROUP)
    return Schedules(role=role, group=group or settings.DEFAULT_GROUP)


def _role(option: str, arn: str | None) -> str | None:
    import re

    if not arn:
        return None
    if not re.fullmatch(r"arn:[a-z-]+:iam::\d{12}:role/\S+", arn):
        want = "write a role's ARN: arn:aws:iam::123456789012:role/NAME"
        raise UsageError(f"{option} is {arn!r}; {want}")
    return arn
