"""The roles of the template are enough for the shipped code, and for nothing more: IAM enforced.

The deployed function decides, starts, schedules, reads its secret and keeps dead letters by its role's rights alone.
Then a function of ours, by the same role, asks for what the role must not do.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import engine_or_skip
from tests.deployed.conftest import SECRET, holdoff
from tests.deployed.stack import REGION, Stack, client_of, create_project, until
from tests.deployed.test_events import signed, to_main
from tests.engines.ministack import ministack
from tests.ingress.function import build_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.ministack

ACCOUNT = "123456789012"
PROJECTS = ("site", "docs", "others")
CONFIG = """
[projects.site]
cooldown = "10m"
starter = { codebuild = "site" }

[projects.docs]
cooldown = 0
overlap = "cancel"
starter = { codebuild = "docs" }

[projects.others]
cooldown = "10m"
starter = { codebuild = "others" }

[webhooks]
github = "ssm:/holdoff/github"
secret = "secretsmanager:holdoff/shared"
"""
SHARED = "shared with a sender"
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with engine_or_skip(ministack(AUTH="true", LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.1")) as url:
        yield url


@pytest.fixture(scope="module")
def stack(endpoint: str, package: Path) -> Iterator[Stack]:
    """The template with a table of its own, for two of the three projects that there are; and the prober."""
    parameters = {
        "ConfigParameter": "/holdoff/config",
        "CodeBuildProjects": "site,docs",
        "GitHubSecret": "/holdoff/github",
        "SecretArns": _shared_secret(endpoint),
        "Queue": "yes",
    }
    stack = Stack(endpoint, package, parameters, name="holdoff", key=ACCOUNT)
    ssm = stack.client("ssm")
    ssm.put_parameter(Name="/holdoff/config", Value=CONFIG, Type="String")
    ssm.put_parameter(Name="/holdoff/github", Value=SECRET, Type="SecureString")
    ssm.put_parameter(Name="/others/secret", Value="theirs", Type="SecureString")
    for project in PROJECTS:
        create_project(stack.client("codebuild"), project, ACCOUNT)
    _create_prober(stack)
    yield stack
    stack.close()


def _shared_secret(endpoint: str) -> str:
    """The ARN of a secret that is there before the stack, as a user's would be."""
    client = client_of("secretsmanager", endpoint, ACCOUNT)
    arn = client.create_secret(Name="holdoff/shared", SecretString=SHARED)["ARN"]
    client.create_secret(Name="others/secret", SecretString="theirs")
    client.close()
    return str(arn)


def _create_prober(stack: Stack) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.write(Path(__file__).with_name("prober.py"), "prober.py")
    stack.client("lambda").create_function(
        FunctionName="prober",
        Role=role(stack, "FunctionRole"),
        Runtime="python3.13",
        Handler="prober.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=30,
    )


def role(stack: Stack, name: str) -> str:
    """The ARN of a role of the template."""
    return f"arn:aws:iam::{ACCOUNT}:role/{stack.physical(name)}"


# --- enough ----------------------------------------------------------------------------------------


def test_the_function_can_do_all_that_it_has_to(stack: Stack) -> None:
    answers = [stack.invoke({"project": "site", "source_version": v}) for v in ("s1", "s2")]
    assert [answer["outcome"] for answer in answers] == ["started", "deferred"]
    assert "starts in" in answers[1]["message"], "the promise is withdrawn where no wake is arranged"
    assert len(stack.schedules()) == 1
    ended = stack.invoke(build_ended(answers[0]["build_id"]))
    assert ended["finished"] == "site"
    assert stack.invoke({"holdoff": "sweep"}) == {"due": 0, "woken": 0}
    status, answer = stack.post("/site", to_main("4f2a91c"), signed(to_main("4f2a91c"), "d1"))
    assert (status, answer["outcome"]) == (202, "deferred")
    status, answer = stack.post("/site", b'{"event_id": "e1"}', {"X-Holdoff-Secret": SHARED})
    assert (status, answer["outcome"]) == (202, "deferred")
    status, answer = stack.post("/", to_main("4f2a91c"), signed(to_main("4f2a91c"), "d2"))
    assert status == 422
    assert "d2" in until(stack.dead_letters, what="the webhook among the dead letters")[0]
    assert not [line for line in stack.log() if "ccess" in line.get("message", "")]


def test_a_build_of_which_nobody_knows_can_be_looked_for(stack: Stack) -> None:
    """``BatchGetBuilds`` and ``ListBuildsForProject``: after the crash of a start, before it is tried again."""
    build = stack.client("codebuild").start_build(projectName="site")["build"]["id"]
    found = {"projectName": "site"}
    assert probed(stack, "codebuild", "list_builds_for_project", found) == ""
    assert probed(stack, "codebuild", "batch_get_builds", {"ids": [build]}) == ""


def test_a_global_table_can_be_told_from_another(stack: Stack) -> None:
    """``DescribeTable``: whether gates of other regions that it holds are for this function to wake."""
    assert probed(stack, "dynamodb", "describe_table", filled(stack, {"TableName": "@Table"})) == ""


def test_a_build_can_be_stopped_for_a_newer_one(stack: Stack) -> None:
    answers = [stack.invoke({"project": "docs", "source_version": v}) for v in ("d1", "d2")]
    assert [answer["outcome"] for answer in answers] == ["started", "started"]
    first = answers[0]["build_id"]
    (build,) = stack.client("codebuild").batch_get_builds(ids=[first])["builds"]
    assert build["buildStatus"] == "STOPPED"


def test_a_project_without_its_right_is_refused_and_says_which(stack: Stack) -> None:
    answer = stack.invoke({"project": "others", "source_version": "o1"})
    assert (answer["outcome"], answer["why"]) == ("failed", "start_failed")
    assert "codebuild:StartBuild" in json.dumps(answer)


def test_the_check_of_an_account_finds_nothing_amiss(stack: Stack, tmp_path: Path) -> None:
    """``holdoff aws check`` as docs/aws.md has it run after a deployment: both look at rights, and agree."""
    table = stack.physical("Table")
    _do_what_ministack_leaves_out(stack, table)
    config = tmp_path / "holdoff.toml"
    ours = CONFIG.partition("[projects.others]")[0]
    config.write_text(f'store = "dynamodb://{table}?region={REGION}"\n{ours}')
    roles = ("--role", role(stack, "FunctionRole"), "--schedule-role", role(stack, "SchedulerRole"))
    account = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_ENDPOINT_URL": stack.endpoint}
    done = holdoff("aws", "check", "--json", "--config", str(config), *roles, **account)
    findings = json.loads(done.stdout)["findings"]
    amiss = [finding["message"] for finding in findings if finding["level"] != "ok"]
    # ministack's simulator does not read the context that the right is bound to. (The function's schedule was made.)
    assert [message.partition(" is not")[0] for message in amiss] == ["iam:PassRole"]
    assert len(findings) > 20


def _do_what_ministack_leaves_out(stack: Stack, table: str) -> None:
    """Of the template's table. That the template asks for both is ``tests/deploy``'s affair."""
    dynamodb = stack.client("dynamodb")
    expiry = {"AttributeName": "expires", "Enabled": True}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    backups = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=backups)


# --- and not more ----------------------------------------------------------------------------------


def probed(stack: Stack, service: str, operation: str, parameters: dict[str, Any]) -> str:
    """The error's code that the role's holder gets, or nothing."""
    event = {"service": service, "operation": operation, "parameters": parameters}
    answer = stack.client("lambda").invoke(FunctionName="prober", Payload=json.dumps(event))
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return str(said)


KEY = {"cb_project": {"S": "site"}, "region": {"S": REGION}}
TTL = {"AttributeName": "expires", "Enabled": False}
NO_BACKUPS = {"PointInTimeRecoveryEnabled": False}
IN_FUTURE = {
    "Name": "theirs",
    "ScheduleExpression": "at(2099-01-01T00:00:00)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
}
TARGET = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:holdoff"
OURS = {"Arn": TARGET, "RoleArn": "@role:SchedulerRole"}
NOT_OURS = {"Arn": TARGET, "RoleArn": "@role:FunctionRole"}

#: Minimal requests: rights are looked at first. "@": what the template made of that name.
MORE = [
    ("dynamodb", "get_item", {"TableName": "others", "Key": KEY}),
    ("dynamodb", "put_item", {"TableName": "others", "Item": KEY}),
    ("dynamodb", "update_item", {"TableName": "others", "Key": KEY}),
    ("dynamodb", "scan", {"TableName": "@Table"}),
    ("dynamodb", "query", {"TableName": "others"}),
    ("dynamodb", "delete_item", {"TableName": "@Table", "Key": KEY}),
    ("dynamodb", "delete_table", {"TableName": "@Table"}),
    ("dynamodb", "update_table", {"TableName": "@Table"}),
    ("dynamodb", "describe_table", {"TableName": "others"}),
    ("dynamodb", "update_time_to_live", {"TableName": "@Table", "TimeToLiveSpecification": TTL}),
    ("dynamodb", "update_continuous_backups", {"TableName": "@Table", "PointInTimeRecoverySpecification": NO_BACKUPS}),
    ("dynamodb", "list_tables", {}),
    ("codebuild", "start_build", {"projectName": "others"}),
    ("codebuild", "batch_get_builds", {"ids": ["others:1"]}),
    ("codebuild", "list_builds_for_project", {"projectName": "others"}),
    ("codebuild", "stop_build", {"id": "others:1"}),
    ("codebuild", "update_project", {"name": "site"}),
    ("codebuild", "delete_project", {"name": "site"}),
    ("codebuild", "list_projects", {}),
    ("scheduler", "create_schedule", IN_FUTURE | {"GroupName": "default", "Target": OURS}),
    ("scheduler", "create_schedule", IN_FUTURE | {"GroupName": "@Wakes", "Target": NOT_OURS}),
    ("scheduler", "update_schedule", IN_FUTURE | {"GroupName": "@Wakes", "Target": OURS}),
    ("scheduler", "delete_schedule", {"Name": "theirs", "GroupName": "@Wakes"}),
    ("scheduler", "delete_schedule_group", {"Name": "@Wakes"}),
    ("scheduler", "list_schedules", {}),
    ("ssm", "get_parameter", {"Name": "/others/secret", "WithDecryption": True}),
    ("ssm", "get_parameters_by_path", {"Path": "/holdoff"}),
    ("ssm", "put_parameter", {"Name": "/holdoff/github", "Value": "mine", "Overwrite": True}),
    ("secretsmanager", "get_secret_value", {"SecretId": "others/secret"}),
    ("secretsmanager", "list_secrets", {}),
    ("sqs", "receive_message", {"QueueUrl": "@DeadLetters"}),
    ("sqs", "purge_queue", {"QueueUrl": "@DeadLetters"}),
    ("sqs", "send_message", {"QueueUrl": "@TriggerQueue", "MessageBody": "any"}),
    ("lambda", "invoke", {"FunctionName": "holdoff"}),
    ("lambda", "update_function_configuration", {"FunctionName": "holdoff", "Timeout": 3}),
    ("iam", "list_roles", {}),
    ("iam", "delete_role", {"RoleName": "@SchedulerRole"}),
    ("s3", "list_buckets", {}),
    ("s3", "get_object", {"Bucket": "packages-of-holdoff", "Key": "holdoff-lambda.zip"}),
    ("events", "put_events", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}),
    ("events", "disable_rule", {"Name": "any"}),
    ("logs", "create_log_group", {"logGroupName": "theirs"}),
    ("cloudformation", "delete_stack", {"StackName": "holdoff"}),
]


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    MORE,
    ids=[f"{service}-{operation}" for service, operation, _ in MORE],
)
def test_the_role_may_do_nothing_else(stack: Stack, service: str, operation: str, parameters: dict[str, Any]) -> None:
    assert probed(stack, service, operation, filled(stack, parameters)) in DENIED


def filled(stack: Stack, value: Any) -> Any:
    """With the names that the stack gave."""
    if isinstance(value, dict):
        return {name: filled(stack, one) for name, one in value.items()}
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    if value.startswith("@role:"):
        return role(stack, value.removeprefix("@role:"))
    return stack.physical(value.removeprefix("@"))


def test_the_prober_is_believed_for_good_reason(stack: Stack) -> None:
    """It gets through where the role has the right: with what is denied it would say so, too."""
    assert probed(stack, "dynamodb", "get_item", filled(stack, {"TableName": "@Table", "Key": KEY})) == ""
    allowed = IN_FUTURE | {"GroupName": "@Wakes", "Target": OURS}
    assert probed(stack, "scheduler", "create_schedule", filled(stack, allowed)) == ""
    secret = {"Name": "/holdoff/github", "WithDecryption": True}
    assert probed(stack, "ssm", "get_parameter", secret) == ""


def test_the_schedulers_role_may_wake_this_function_and_keep_what_it_could_not(
    stack: Stack,
) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{stack.physical('DeadLetters').rpartition('/')[2]}"
    may = {
        ("lambda:InvokeFunction", TARGET),
        ("sqs:SendMessage", queue),
        ("lambda:InvokeFunction", f"{TARGET}-of-others"),
        ("sqs:SendMessage", f"{queue}-of-others"),
        ("lambda:UpdateFunctionCode", TARGET),
        ("dynamodb:GetItem", "*"),
    }
    allowed = {(action, on) for action, on in may if _simulated(stack, action, on) == "allowed"}
    assert allowed == {("lambda:InvokeFunction", TARGET), ("sqs:SendMessage", queue)}


def _simulated(stack: Stack, action: str, on: str) -> str:
    answer = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=role(stack, "SchedulerRole"), ActionNames=[action], ResourceArns=[on]
    )
    return str(answer["EvaluationResults"][0]["EvalDecision"])
