"""deploy/aws/template.yaml: what must be in it whatever its parameters, and what it comes to with some."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.aws import client as aws_client
from holdoff.ingress import settings
from holdoff.ingress.events.ends import OF_AWS, build_of
from holdoff.ingress.events.message import Message
from holdoff.observe import metrics
from holdoff.starters import CodeBuild, CodePipeline
from holdoff.stores.codec import EXPIRES
from holdoff.stores.dynamodb import connection
from holdoff.stores.dynamodb.table import TABLE
from holdoff.wake import scheduler
from tests.deploy.cloudformation import TEMPLATE, Stack, template, transformed

if TYPE_CHECKING:
    from collections.abc import Iterator


FILE_MODE = {"CodeBuildProjects": "site-build,docs-build", "ConfigParameter": "/holdoff/config"}
EVERYTHING = FILE_MODE | {
    "BatchBuilds": "yes",
    "CodePipelines": "release,deploy",
    "StartRoles": "arn:aws:iam::222222222222:role/start-builds",
    "EventPattern": '{"source":["aws.ecr"]}',
    "Topic": "yes",
    "Queue": "yes",
    "GitHubSecret": "/holdoff/github",
    "AlarmEmail": "ada@example.com",
    "StalenessAlarmSeconds": "7200",
}
WHERE = {
    "REGION_NAME": "eu-west-1",
    "DDB_TABLE_NAME": "Table",
    "HOLDOFF_SCHEDULE_ROLE": "SchedulerRole.Arn",
    "HOLDOFF_SCHEDULE_GROUP": "Wakes",
    "HOLDOFF_SCHEDULE_DEAD_LETTERS": "DeadLetters.Arn",
    "HOLDOFF_DEAD_LETTERS": "DeadLetters",
}


def environment(stack: Stack) -> dict[str, str]:
    made: dict[str, str] = stack.properties("Function")["Environment"]["Variables"]
    return made


# --- the linter ------------------------------------------------------------------------------------


def test_the_linter_finds_nothing_but_what_is_put_there(tmp_path: Path) -> None:
    """Nothing in the template, and nothing in what SAM makes of it."""
    files = [TEMPLATE, tmp_path / "transformed.json", tmp_path / "wrong.json"]
    resources = transformed()
    files[1].write_text(json.dumps(resources))
    resources["Resources"]["Table"]["Properties"]["BillingMode"] = "FREE"
    files[2].write_text(json.dumps(resources))
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([linter, "--format", "parseable", *files], capture_output=True, text=True, check=False)
    assert {found.partition(":")[0] for found in done.stdout.splitlines()} == {str(files[2])}, done.stdout
    assert "'FREE' is not one of" in done.stdout
    assert done.stderr == ""


# --- the table -------------------------------------------------------------------------------------


def test_the_table_is_the_one_that_store_init_makes() -> None:
    table = Stack(CodeBuildProject="site").properties("Table")
    assert {name: table[name] for name in TABLE} == TABLE
    assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRES, "Enabled": True}


def test_the_table_is_hard_to_lose() -> None:
    resource = template()["Resources"]["Table"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    table = resource["Properties"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert "TableName" not in table  # a name would be in the way of the next stack


def test_the_snippets_table_is_used_as_it_is() -> None:
    stack = Stack(CodeBuildProject="site", ExistingTable="builds")
    assert stack.of("AWS::DynamoDB::Table") == {}
    assert environment(stack)["DDB_TABLE_NAME"] == "builds"
    assert stack.outputs["Store"]["Value"] == "dynamodb://builds?region=eu-west-1"


# --- the function ----------------------------------------------------------------------------------


def test_one_project_has_the_snippets_variables() -> None:
    stack = Stack(CodeBuildProject="site", Cooldown="15m")
    project = {"CODEBUILD_PROJECT_NAME": "site", "COOLDOWN": "15m"}
    assert environment(stack) == WHERE | project


def test_a_file_is_read_from_its_parameter() -> None:
    assert environment(Stack(**FILE_MODE)) == WHERE | {"HOLDOFF_CONFIG": "ssm:/holdoff/config"}


def test_a_file_may_come_with_the_package() -> None:
    stack = Stack(CodeBuildProjects="site")
    assert environment(stack) == WHERE | {"HOLDOFF_CONFIG": "holdoff.toml"}


def test_other_endpoints_and_secrets_are_handed_on() -> None:
    stack = Stack(
        CodeBuildProject="site",
        DynamoDBEndpoint="https://dynamodb-fips.us-east-1.amazonaws.com",
        CodeBuildEndpoint="http://127.0.0.1:8001",
        GitHubSecret="/holdoff/github",
        GitLabSecret="/holdoff/gitlab",
        StandardSecret="/holdoff/standard",
        SharedSecret="/holdoff/shared",
    )
    set_too = environment(stack).items() - WHERE.items()
    assert dict(set_too) == {
        "CODEBUILD_PROJECT_NAME": "site",
        "COOLDOWN": "10m",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb-fips.us-east-1.amazonaws.com",
        "AWS_ENDPOINT_URL_CODEBUILD": "http://127.0.0.1:8001",
        "HOLDOFF_WEBHOOK_GITHUB": "ssm:/holdoff/github",
        "HOLDOFF_WEBHOOK_GITLAB": "ssm:/holdoff/gitlab",
        "HOLDOFF_WEBHOOK_STANDARD": "ssm:/holdoff/standard",
        "HOLDOFF_WEBHOOK_SECRET": "ssm:/holdoff/shared",
    }


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "Name a CodeBuildProject"),
        ({"ConfigParameter": "/holdoff/config"}, "Name a CodeBuildProject"),
        ({"CodeBuildProject": "a", "CodeBuildProjects": "b,c"}, "CodeBuildProject is for one"),
        ({"CodeBuildProject": "a", "ConfigParameter": "/c"}, "CodeBuildProject is for one"),
        ({"CodeBuildProject": "a", "CodePipelines": "b"}, "CodeBuildProject is for one"),
        ({"CodeBuildProject": "a", "BatchBuilds": "yes"}, "CodeBuildProject is for one"),
        ({"CodeBuildProject": "a", "StartRoles": "arn:aws:iam::1:role/x"}, "CodeBuildProject is for one"),
    ],
)
def test_what_does_not_go_together_is_refused(parameters: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Stack(**parameters)


def test_the_function_has_the_time_that_a_start_may_take() -> None:
    """Every call with every retry, and the waits between them that the service may ask for."""
    writes_ms = 3 * connection.LIMITS.longest_ms  # read, claim and confirm
    wakes_ms = 2 * scheduler.LIMITS.longest_ms  # the service's clock may be past the first minute
    role = "arn:aws:iam::222222222222:role/start-builds"
    start_ms = max(kind(role=role).start_budget_ms for kind in (CodeBuild, CodePipeline))
    in_all_ms = settings.LIMITS.longest_ms + writes_ms + start_ms + wakes_ms
    assert in_all_ms < 1_000 * Stack(**EVERYTHING).properties("Function")["Timeout"]


def test_a_queue_waits_for_the_function() -> None:
    stack = Stack(**EVERYTHING)
    timeout = stack.properties("Function")["Timeout"]
    assert stack.properties("TriggerQueue")["VisibilityTimeout"] == 6 * timeout


def test_the_variables_are_those_that_the_function_reads() -> None:
    read = {settings.REGION, settings.TABLE, settings.PROJECT, settings.COOLDOWN, settings.CONFIG}
    read |= {settings.ROLE, settings.GROUP, settings.SCHEDULE_DEAD_LETTERS, settings.DEAD_LETTERS}
    read |= {
        settings.WEBHOOK + scheme for scheme in ("GITHUB", "GITLAB", "STANDARD", "SECRET")
    }  # the file has the rest
    clients = {aws_client.CLIENT, "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_CODEBUILD"}
    function = template()["Resources"]["Function"]["Properties"]
    assert function["Environment"]["Variables"].keys() == read | clients


def test_no_concurrency_is_reserved() -> None:
    assert "ReservedConcurrentExecutions" not in Stack(**EVERYTHING).properties("Function")


def test_events_that_fail_are_tried_again_and_kept() -> None:
    config = Stack(CodeBuildProject="site").properties("FunctionEventInvokeConfig")
    assert config["MaximumRetryAttempts"] == 2
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == "DeadLetters.Arn"


def test_dead_letters_are_kept_for_as_long_as_can_be() -> None:
    for queue in Stack(**EVERYTHING).of("AWS::SQS::Queue").values():
        assert queue["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["SqsManagedSseEnabled"] is True


# --- what invokes it -------------------------------------------------------------------------------


def test_it_sweeps_every_five_minutes() -> None:
    rule = Stack(CodeBuildProject="site").properties("FunctionSweep")
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert [json.loads(target["Input"]) for target in rule["Targets"]] == [{"holdoff": "sweep"}]


@pytest.mark.parametrize(
    ("parameters", "projects"),
    [({"CodeBuildProject": "site"}, ["site"]), (FILE_MODE, ["site-build", "docs-build"])],
)
def test_it_hears_of_the_ends_of_its_own_builds(parameters: dict[str, str], projects: list[str]) -> None:
    pattern = Stack(**parameters).properties("FunctionBuildEnded")["EventPattern"]
    assert pattern["source"] == ["aws.codebuild"]
    assert pattern["detail-type"] == ["CodeBuild Build State Change"]
    assert pattern["detail"]["project-name"] == projects
    assert "IN_PROGRESS" not in pattern["detail"]["build-status"]


def test_it_hears_of_the_ends_of_its_own_executions() -> None:
    pattern = Stack(CodePipelines="release,deploy").properties("PipelineEnded")["EventPattern"]
    assert pattern["source"] == ["aws.codepipeline"]
    assert pattern["detail"]["pipeline"] == ["release", "deploy"]
    event = {
        "source": "aws.codepipeline",
        "detail-type": pattern["detail-type"][0],
        "region": "eu-west-1",
        "account": "1",
    }
    for state in pattern["detail"]["state"]:
        detail = {"pipeline": "release", "state": state, "execution-id": "1"}
        ended = build_of(Message(event={**event, "detail": detail}), OF_AWS)
        assert ended is not None
        assert ended.is_end, state


def test_nothing_else_invokes_it_unless_asked_for() -> None:
    plain = Stack(CodeBuildProject="site")
    sources = {permission["SourceArn"] for permission in plain.of("AWS::Lambda::Permission").values()}
    assert sources == {"FunctionSweep.Arn", "FunctionBuildEnded.Arn"}
    asked_for = {"Topic", "Subscription", "Url", "EventSourceMapping"}
    assert [r for r in plain.resources.values() if r["Type"].rsplit("::")[-1] in asked_for] == []


def test_each_source_that_was_asked_for_invokes_it_and_no_other() -> None:
    stack = Stack(**EVERYTHING)
    permissions = stack.of("AWS::Lambda::Permission")
    for permission in permissions.values():
        by_url = permission.get("FunctionUrlAuthType") or permission.get("InvokedViaFunctionUrl")
        assert "SourceArn" in permission or by_url, permission
    sources = {p["SourceArn"] for p in permissions.values() if "SourceArn" in p}
    rules = {f"{name}.Arn" for name in stack.of("AWS::Events::Rule")}
    assert sources == rules | {"TriggerTopic"}


def test_what_a_source_could_not_deliver_is_kept() -> None:
    stack = Stack(**EVERYTHING)
    kept = {"Arn": "DeadLetters.Arn"}
    for rule in ("EventRule", "FunctionBuildEnded", "PipelineEnded"):
        assert stack.properties(rule)["Targets"][0]["DeadLetterConfig"] == kept
    subscription = stack.properties("TriggerTopicSubscription")
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": "DeadLetters.Arn"}
    redrive = stack.properties("TriggerQueue")["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "TriggerQueueDeadLetters.Arn"
    mapping = stack.properties("TriggerQueueMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("secret", ["GitHubSecret", "GitLabSecret", "StandardSecret", "SharedSecret"])
def test_naming_a_secret_makes_the_url(secret: str) -> None:
    stack = Stack(CodeBuildProject="site", **{secret: "/holdoff/secret"})
    assert stack.properties("WebhookUrl")["AuthType"] == "NONE"
    assert stack.outputs["WebhookUrl"]["Value"] == "WebhookUrl.FunctionUrl"
    actions = {p["Action"] for p in stack.of("AWS::Lambda::Permission").values() if p["Principal"] == "*"}
    assert actions == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}


# --- alarms ----------------------------------------------------------------------------------------


def alarms(stack: Stack) -> Iterator[dict[str, Any]]:
    yield from stack.of("AWS::CloudWatch::Alarm").values()


def test_silence_of_the_sweep_rings() -> None:
    alarm = Stack(CodeBuildProject="site", OverdueAlarmSeconds="1200").properties("OverdueAlarm")
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Threshold"] == "1200"
    assert alarm["Period"] >= 2 * 300  # each period holds a sweep


def test_a_change_that_waits_rings_after_a_day_unless_told_otherwise() -> None:
    assert Stack(CodeBuildProject="site").properties("StalenessAlarm")["Threshold"] == "86400"
    silent = Stack(CodeBuildProject="site", StalenessAlarmSeconds="0")
    assert "StalenessAlarm" not in silent.resources
    alarm = Stack(CodeBuildProject="site", StalenessAlarmSeconds="7200").properties("StalenessAlarm")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("Staleness", "7200")


def test_every_other_alarm_is_silent_where_nothing_happens() -> None:
    others = [a for a in alarms(Stack(**EVERYTHING)) if a["MetricName"] != "Overdue"]
    assert {alarm["TreatMissingData"] for alarm in others} == {"notBreaching"}
    assert len(others) == 6


def test_the_metrics_are_those_that_the_function_writes() -> None:
    watched = [a for a in alarms(Stack(**EVERYTHING)) if not a["Namespace"].startswith("AWS/")]
    assert {alarm["Namespace"] for alarm in watched} == {metrics.NAMESPACE}
    written = {(m.name, one) for of_event in metrics.OF.values() for m in of_event for one in m.sets}
    for alarm in watched:
        dimensions = tuple(dimension["Name"] for dimension in alarm["Dimensions"])
        assert (alarm["MetricName"], dimensions) in written
    assert len(watched) == 4


def test_alarms_are_mailed_to_whoever_is_named() -> None:
    assert all("AlarmActions" not in alarm for alarm in alarms(Stack(CodeBuildProject="site")))
    stack = Stack(CodeBuildProject="site", AlarmEmail="ada@example.com")
    assert [a["AlarmActions"] for a in alarms(stack)] == [["AlarmTopic"]] * 6
    subscription = {"Protocol": "email", "Endpoint": "ada@example.com"}
    assert stack.properties("AlarmTopic")["Subscription"] == [subscription]


# --- parameters ------------------------------------------------------------------------------------


def test_every_parameter_is_described_and_stands_in_a_group() -> None:
    source = template()
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(source["Parameters"])
    assert [n for n, p in source["Parameters"].items() if not p.get("Description")] == []


def test_every_text_is_checked() -> None:
    for name, parameter in template()["Parameters"].items():
        assert parameter.keys() & {"AllowedPattern", "AllowedValues", "MinValue"}, name
        assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter), name


def test_two_stacks_share_no_name() -> None:
    """Whatever is named has the stack's name in it; the rest is named by the service."""
    stack = Stack(**EVERYTHING)
    kinds = ("FunctionName", "Name", "LogGroupName", "AlarmName", "QueueName", "TopicName")
    named = [
        properties[key]
        for properties in (resource.get("Properties", {}) for resource in stack.resources.values())
        for key in kinds
        if properties.get(key, "Function") != "Function"  # those name the function
    ]
    assert len(named) == 10
    assert [name for name in named if "holdoff" not in name] == []
