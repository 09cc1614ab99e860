"""Least rights: which actions, on what, and that nothing else is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdoff.starters import CodeBuild
from tests.deploy.cloudformation import Stack
from tests.deploy.test_template import EVERYTHING, FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table"
PARAMETERS = "arn:aws:ssm:eu-west-1:123456789012:parameter"
ONE = {"CodeBuildProject": "site"}
ALL = EVERYTHING | {
    "ExistingTable": "builds",
    "SecretArns": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hooks-AbCdEf",
    "SecretsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234",
}
#: Every resource with a wildcard, and why there is no way round it.
WILDCARDS = {
    "Log": "a log group's streams: LogGroup.Arn ends in :*",
    "Wakes": "the schedules of the stack's own group: their names are made when they are needed",
    **dict.fromkeys(
        ("Builds", "Batches", "Pipelines"),
        "CloudFormation cannot put region and account between the parts of a list; the condition holds them",
    ),
}
ALWAYS = {
    "Log": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "Gates": {
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    },
    "Due": {"dynamodb:Query"},
    "Builds": {
        "codebuild:StartBuild",
        "codebuild:ListBuildsForProject",
        "codebuild:BatchGetBuilds",
    },
    "Wakes": {"scheduler:CreateSchedule"},
    "PassSchedulerRole": {"iam:PassRole"},
    "DeadLetters": {"sqs:SendMessage"},
}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All statements of a resource's policies."""
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    for document in documents:
        yield from document["Statement"]


def function_rights(stack: Stack) -> dict[str, dict[str, Any]]:
    """The statements of the function's role, by their ids."""
    return {s["Sid"]: s for s in statements(stack.properties("FunctionRole"))}


def actions(stack: Stack) -> dict[str, set[str]]:
    return {sid: set(listed(s["Action"])) for sid, s in function_rights(stack).items()}


def resources(stack: Stack) -> dict[str, list[str]]:
    return {sid: listed(s["Resource"]) for sid, s in function_rights(stack).items()}


def test_one_project_needs_just_these() -> None:
    assert actions(Stack(**ONE)) == ALWAYS
    assert resources(Stack(**ONE)) == {
        "Log": ["LogGroup.Arn"],
        "Gates": [f"{TABLE}/Table"],
        "Due": [f"{TABLE}/Table/index/holdoff-due"],
        "Builds": ["arn:aws:codebuild:eu-west-1:123456789012:project/site"],
        "Wakes": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/Wakes/*"],
        "PassSchedulerRole": ["SchedulerRole.Arn"],
        "DeadLetters": ["DeadLetters.Arn"],
    }


def test_a_file_may_also_stop_builds_of_the_projects_named() -> None:
    stack = Stack(**FILE_MODE)
    assert actions(stack)["Builds"] == ALWAYS["Builds"] | {"codebuild:StopBuild"}
    assert resources(stack)["Builds"] == [
        "arn:*:codebuild:*:*:project/site-build",
        "arn:*:codebuild:*:*:project/docs-build",
    ]
    assert function_rights(stack)["Builds"]["Condition"] == {
        "StringEquals": {
            "aws:RequestedRegion": "eu-west-1",
            "aws:ResourceAccount": "123456789012",
        }
    }


def test_a_file_without_projects_of_codebuild_has_no_rights_on_any() -> None:
    assert actions(Stack(CodePipelines="release")).keys() == ALWAYS.keys() - {"Builds"} | {"Pipelines"}
    assert "Batches" not in actions(Stack(CodePipelines="release", BatchBuilds="yes"))


@pytest.mark.parametrize("sid", ["Builds", "Batches", "Pipelines"])
def test_what_is_named_is_of_this_account_and_region(sid: str) -> None:
    assert function_rights(Stack(**ALL))[sid]["Condition"] == function_rights(Stack(**FILE_MODE))["Builds"]["Condition"]


@pytest.mark.parametrize(("starter", "sid"), [(CodeBuild(batch=True), "Batches"), (CodeBuild(), "Builds")])
def test_each_operation_of_a_starter_is_granted(starter: CodeBuild, sid: str) -> None:
    kind = starter.kind
    needed = {f"codebuild:{operation}" for operation in (kind.starts, kind.gets, kind.lists, kind.stops)}
    assert actions(Stack(**ALL))[sid] == needed


@pytest.mark.parametrize(
    ("parameters", "sid", "granted", "on"),
    [
        (
            ALL,
            "Batches",
            {
                "codebuild:StartBuildBatch",
                "codebuild:ListBuildBatchesForProject",
                "codebuild:BatchGetBuildBatches",
                "codebuild:StopBuildBatch",
            },
            ["arn:*:codebuild:*:*:project/site-build", "arn:*:codebuild:*:*:project/docs-build"],
        ),
        (
            ALL,
            "Pipelines",
            {
                "codepipeline:StartPipelineExecution",
                "codepipeline:GetPipeline",
                "codepipeline:ListPipelineExecutions",
                "codepipeline:GetPipelineExecution",
                "codepipeline:StopPipelineExecution",
            },
            ["arn:*:codepipeline:*:*:release", "arn:*:codepipeline:*:*:deploy"],
        ),
        (ALL, "StartRoles", {"sts:AssumeRole"}, [ALL["StartRoles"]]),
        (FILE_MODE, "Config", {"ssm:GetParameter"}, [f"{PARAMETERS}/holdoff/config"]),
        (
            ONE | {"GitHubSecret": "/a/github", "SharedSecret": "/b"},
            "WebhookSecrets",
            {"ssm:GetParameter"},
            [f"{PARAMETERS}/a/github", f"{PARAMETERS}/b"],
        ),
        (
            ALL,
            "NamedSecrets",
            {"ssm:GetParameter", "secretsmanager:GetSecretValue"},
            [ALL["SecretArns"]],
        ),
        (ALL, "DecryptSecrets", {"kms:Decrypt"}, [ALL["SecretsKeyArn"]]),
        (ALL, "DueWithoutIndex", {"dynamodb:Scan"}, [f"{TABLE}/builds"]),
        (
            ALL,
            "Triggers",
            {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
            ["TriggerQueue.Arn"],
        ),
    ],
)
def test_what_else_is_granted_where_it_is_asked_for(
    parameters: dict[str, str], sid: str, granted: set[str], on: list[str]
) -> None:
    stack = Stack(**parameters)
    assert sid not in ALWAYS
    assert (actions(stack)[sid], resources(stack)[sid]) == (granted, on)


def test_there_is_nothing_else() -> None:
    optional = {"Config", "WebhookSecrets", "NamedSecrets", "DecryptSecrets", "DueWithoutIndex"}
    optional |= {"Batches", "Pipelines", "StartRoles"}
    assert actions(Stack(**ALL)).keys() == ALWAYS.keys() | optional | {"Triggers"}


@pytest.mark.parametrize("parameters", [ONE, FILE_MODE, ALL])
def test_no_action_is_a_wildcard_and_each_wildcard_in_a_resource_has_its_reason(
    parameters: dict[str, str],
) -> None:
    stack = Stack(**parameters)
    found = [s for r in stack.resources.values() for s in statements(r.get("Properties", {}))]
    for statement in found:
        assert not any("*" in action for action in listed(statement["Action"])), statement
        if any("*" in resource for resource in listed(statement["Resource"])):
            assert statement["Sid"] in WILDCARDS, statement
    assert len(found) > len(ALWAYS)


def test_the_role_passed_is_the_schedulers_and_to_it_alone() -> None:
    statement = function_rights(Stack(**ONE))["PassSchedulerRole"]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_the_schedulers_role_serves_this_group_only() -> None:
    role = Stack(**ONE).properties("SchedulerRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012", "aws:SourceArn": "Wakes.Arn"}}


def test_the_scheduler_may_wake_the_function_and_keep_what_fails() -> None:
    policy = Stack(**ONE).properties("SchedulerRolePolicy")
    granted = {s["Action"]: s["Resource"] for s in policy["PolicyDocument"]["Statement"]}
    assert granted == {
        "lambda:InvokeFunction": "Function.Arn",
        "sqs:SendMessage": "DeadLetters.Arn",
    }


def test_only_the_stacks_own_sources_may_send_dead_letters() -> None:
    policy = Stack(**ALL).properties("DeadLettersPolicy")
    senders = {
        statement["Principal"]["Service"]: listed(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for statement in policy["PolicyDocument"]["Statement"]
    }
    assert senders == {
        "events.amazonaws.com": ["FunctionBuildEnded.Arn", "PipelineEnded.Arn", "EventRule.Arn"],
        "sns.amazonaws.com": ["TriggerTopic"],
    }
