"""deploy/terraform against deploy/aws/template.yaml: the same table, function, rights and alarms.

Nothing here asks a provider: none can be had without the network. What is compared is what is written.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.deploy import terraform
from tests.deploy.cloudformation import Stack, template
from tests.deploy.terraform import MODULE, blocks, resource
from tests.deploy.test_rights import ALL, listed, statements
from tests.deploy.test_template import EVERYTHING

#: Parameters that Terraform has under another name, and those that only one of both has.
RENAMED = {
    "CodeBuildProject": "codebuild_project",
    "CodeBuildProjects": "codebuild_projects",
    "DynamoDBEndpoint": "dynamodb_endpoint",
    "CodeBuildEndpoint": "codebuild_endpoint",
    "GitHubSecret": "github_secret",
    "GitLabSecret": "gitlab_secret",
}
ONLY_IN_TERRAFORM = {"name", "package"}  # CloudFormation: the stack's name; what is uploaded
ALARMS = {
    "ErrorsAlarm": "errors",
    "EventErrorsAlarm": "event_errors",
    "FailedStartsAlarm": "failed_starts",
    "DeadLettersAlarm": "dead_letters",
    "QueueDeadLettersAlarm": "queue_dead_letters",
    "OverdueAlarm": "overdue",
    "StalenessAlarm": "staleness",
}


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(**ALL)


def snake(name: str) -> str:
    """``StalenessAlarmSeconds`` -> ``staleness_alarm_seconds``."""
    return RENAMED.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def text(*sections: str) -> str:
    return json.dumps([terraform.parsed(file).get(s) for file in terraform.files() for s in sections])


# --- the module by itself --------------------------------------------------------------------------


def test_it_is_formatted() -> None:
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("terraform is not installed")
    done = subprocess.run([program, "fmt", "-check", "-diff", MODULE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_name_used_is_there_and_every_one_there_is_used() -> None:
    body = text("resource", "data", "locals", "output")
    assert set(re.findall(r"\bvar\.(\w+)", body)) == blocks("variable").keys()
    (locals_,) = [block for file in terraform.files() for block in terraform.parsed(file).get("locals", [])]
    assert set(re.findall(r"\blocal\.(\w+)", body)) == locals_.keys()
    used = set(re.findall(r"(?<![\w.])(aws_\w+\.\w+)", body))
    assert used <= blocks("resource").keys()
    data = set(re.findall(r"\bdata\.(aws_\w+\.\w+)", body))
    assert data == blocks("data").keys()


def test_its_variables_are_the_templates_parameters() -> None:
    parameters = template()["Parameters"]
    variables = blocks("variable")
    assert {snake(name) for name in parameters} | ONLY_IN_TERRAFORM == variables.keys()
    assert [name for name, variable in variables.items() if not variable["description"]] == []
    as_written: dict[object, tuple[object, ...]] = {"": ("", []), "no": (False,)}
    for name, parameter in parameters.items():
        default = parameter["Default"]
        assert variables[snake(name)]["default"] in as_written.get(default, (default,)), name


def test_its_outputs_are_the_templates() -> None:
    assert {snake(name) for name in template()["Outputs"]} == blocks("output").keys()


# --- against the template --------------------------------------------------------------------------


def test_the_table_is_the_same() -> None:
    theirs = resource("aws_dynamodb_table.gates")
    ours = Stack(CodeBuildProject="site").properties("Table")
    keys = {k["KeyType"]: k["AttributeName"] for k in ours["KeySchema"]}
    assert (theirs["hash_key"], theirs["range_key"]) == (keys["HASH"], keys["RANGE"])
    attributes = {a["name"]: a["type"] for a in theirs["attribute"]}
    assert attributes == {a["AttributeName"]: a["AttributeType"] for a in ours["AttributeDefinitions"]}
    (index,) = ours["GlobalSecondaryIndexes"]
    index_keys = {k["KeyType"]: k["AttributeName"] for k in index["KeySchema"]}
    assert theirs["global_secondary_index"] == [
        {
            "name": index["IndexName"],
            "hash_key": index_keys["HASH"],
            "range_key": index_keys["RANGE"],
            "projection_type": index["Projection"]["ProjectionType"],
        }
    ]
    assert theirs["billing_mode"] == ours["BillingMode"]
    expires = ours["TimeToLiveSpecification"]
    assert theirs["ttl"] == [{"attribute_name": expires["AttributeName"], "enabled": True}]
    for kept in ("point_in_time_recovery", "server_side_encryption"):
        assert theirs[kept] == [{"enabled": True}]
    assert theirs["deletion_protection_enabled"] is True
    assert theirs["lifecycle"] == [{"prevent_destroy": True}]


def test_the_function_is_the_same(stack: Stack) -> None:
    theirs = resource("aws_lambda_function.holdoff")
    ours = stack.properties("Function")
    assert theirs["handler"] == ours["Handler"]
    assert theirs["runtime"] == ours["Runtime"]
    assert (theirs["memory_size"], theirs["timeout"]) == (ours["MemorySize"], ours["Timeout"])
    assert theirs["logging_config"][0]["log_format"] == ours["LoggingConfig"]["LogFormat"]
    (config,) = stack.of("AWS::Lambda::EventInvokeConfig").values()
    invoke = resource("aws_lambda_function_event_invoke_config.holdoff")
    assert invoke["maximum_event_age_in_seconds"] == config["MaximumEventAgeInSeconds"]
    assert invoke["maximum_retry_attempts"] == config["MaximumRetryAttempts"]


def test_it_is_told_the_same() -> None:
    (locals_,) = [b for f in terraform.files() for b in terraform.parsed(f).get("locals", [])]
    ours = template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert locals_["environment"].keys() == ours.keys()


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("function", "FunctionRole"),
        ("scheduler", "SchedulerRolePolicy"),
        ("dead_letters", "DeadLettersPolicy"),
    ],
)
def test_the_rights_are_the_same(stack: Stack, document: str, name: str) -> None:
    theirs = terraform.statements(document)
    stop = [s for s in theirs if s["sid"] == "StopBuilds"]  # one of Builds' actions in the template
    expected = {s["Sid"]: set(listed(s["Action"])) for s in statements(stack.properties(name))}
    granted = {s["sid"]: set(s["actions"]) for s in theirs if s not in stop}
    for statement in stop:
        granted["Builds"] |= set(statement["actions"])
    assert granted == expected
    assert len(granted) > 1


def test_no_right_is_a_wildcard() -> None:
    for document in ("function", "scheduler", "dead_letters"):
        for statement in terraform.statements(document):
            assert not any("*" in action for action in statement["actions"])
            wild = [r for r in listed(statement["resources"]) if "*" in r]
            assert not wild or statement["sid"] in {"Log", "Wakes"}


def test_the_conditions_are_the_same() -> None:
    def conditions(document: str) -> set[tuple[str, str]]:
        return {(c["test"], c["variable"]) for s in terraform.statements(document) for c in s.get("condition", [])}

    assert conditions("function") == {
        ("StringEquals", "iam:PassedToService"),
        ("StringEquals", "kms:ViaService"),
    }
    assert conditions("scheduler_trust") == {
        ("StringEquals", "aws:SourceAccount"),
        ("StringEquals", "aws:SourceArn"),
    }
    assert conditions("dead_letters") == {("ArnEquals", "aws:SourceArn")}


@pytest.mark.parametrize(("ours", "theirs"), ALARMS.items())
def test_the_alarms_are_the_same(stack: Stack, ours: str, theirs: str) -> None:
    alarm = resource(f"aws_cloudwatch_metric_alarm.{theirs}")
    expected = stack.properties(ours)
    same = {
        "alarm_description": "AlarmDescription",
        "namespace": "Namespace",
        "metric_name": "MetricName",
        "statistic": "Statistic",
        "period": "Period",
        "evaluation_periods": "EvaluationPeriods",
        "datapoints_to_alarm": "DatapointsToAlarm",
        "comparison_operator": "ComparisonOperator",
        "treat_missing_data": "TreatMissingData",
    }
    assert {k: alarm.get(k) for k in same} == {k: expected.get(v) for k, v in same.items()}
    assert list(alarm["dimensions"]) == [d["Name"] for d in expected["Dimensions"]]
    own = {"${var.overdue_alarm_seconds}": "900", "${var.staleness_alarm_seconds}": "7200"}
    assert own.get(alarm["threshold"], alarm["threshold"]) == expected["Threshold"]


def test_there_are_no_other_alarms(stack: Stack) -> None:
    assert stack.of("AWS::CloudWatch::Alarm").keys() == ALARMS.keys()
    kinds = [name for name in blocks("resource") if name.startswith("aws_cloudwatch_metric_alarm.")]
    assert len(kinds) == len(ALARMS)


def test_it_is_invoked_by_the_same(stack: Stack) -> None:
    theirs = [b for n, b in blocks("resource").items() if n.startswith("aws_lambda_permission.")]
    ours = Stack(**EVERYTHING).of("AWS::Lambda::Permission").values()
    assert sorted((p["action"], p["principal"]) for p in theirs) == sorted((p["Action"], p["Principal"]) for p in ours)
    sweep = resource("aws_cloudwatch_event_rule.sweep")["schedule_expression"]
    assert sweep == stack.properties("FunctionSweep")["ScheduleExpression"]
    (target,) = stack.properties("FunctionSweep")["Targets"]
    assert resource("aws_cloudwatch_event_target.sweep")["retry_policy"] == [
        {
            "maximum_event_age_in_seconds": target["RetryPolicy"]["MaximumEventAgeInSeconds"],
            "maximum_retry_attempts": target["RetryPolicy"]["MaximumRetryAttempts"],
        }
    ]
    pattern = resource("aws_cloudwatch_event_rule.build_ended")["event_pattern"]
    for status in stack.properties("FunctionBuildEnded")["EventPattern"]["detail"]["build-status"]:
        assert f'"{status}"' in pattern


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("DeadLetters", "dead_letters"),
        ("TriggerQueue", "triggers"),
        ("TriggerQueueDeadLetters", "trigger_dead_letters"),
    ],
)
def test_the_queues_are_the_same(stack: Stack, ours: str, theirs: str) -> None:
    queue, expected = resource(f"aws_sqs_queue.{theirs}"), stack.properties(ours)
    assert queue["message_retention_seconds"] == expected["MessageRetentionPeriod"]
    assert queue["sqs_managed_sse_enabled"] is expected["SqsManagedSseEnabled"] is True
    assert queue.get("visibility_timeout_seconds") == expected.get("VisibilityTimeout")
    if "RedrivePolicy" in expected:
        tries = expected["RedrivePolicy"]["maxReceiveCount"]
        assert re.search(rf"maxReceiveCount\W+{tries}\b", queue["redrive_policy"])
