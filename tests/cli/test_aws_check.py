"""`holdoff aws check` in an account that holds its users to their policies: what it finds, and what it leaves alone."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from holdoff.config import parse
from holdoff.doctor.aws_check import check
from holdoff.doctor.policies import Policies
from holdoff.stores.dynamodb.store import DynamoDBStore
from tests.conftest import FAKE_AWS, engine_or_skip
from tests.deployed.stack import create_project
from tests.engines.ministack import ministack
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.cli.conftest import Cli

ACCOUNT = "000000000000"
REGION = "eu-west-1"
TABLE = "builds"
STORE = f"dynamodb://{TABLE}?region={REGION}"
PROJECT = "site-build"
PROJECT_ARN = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{PROJECT}"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
INDEX_ARN = f"{TABLE_ARN}/index/holdoff-due"
SCHEDULE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/schedules"
SCHEDULES_ARN = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/holdoff/*"
#: In ministack's account, who uses this key is its root.
ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
CONFIG = f"""
store = "{STORE}"

[projects.{PROJECT}]
cooldown = "10m"
overlap = "cancel"
starter = {{ codebuild = "{PROJECT}" }}
"""
_numbers = itertools.count()


def trust(service: str) -> str:
    """A role's trust policy."""
    return policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions: str, on: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": on}


def deny(action: str, *, on: str = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": on}


@dataclass
class Account:
    """An account, as its root sees it."""

    url: str
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.made:
            self.made[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self.made[service]

    def root(self) -> dict[str, str]:
        """The environment of its root."""
        return ROOT | {"AWS_ENDPOINT_URL": self.url}

    def user(self, *statements: dict[str, Any]) -> dict[str, str]:
        """The environment of a new user who has this policy."""
        name = f"user-{next(_numbers)}"
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.root() | {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def role(self, *statements: dict[str, Any], service: str = "lambda.amazonaws.com") -> str:
        """The ARN of a new role."""
        name = f"role-{next(_numbers)}"
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
        if statements:
            document = policy(*statements)
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return str(arn)

    def furnish(self) -> None:
        """All that a set-up needs."""
        dynamodb = self.client("dynamodb")
        DynamoDBStore(TABLE, region=REGION, client=dynamodb).initialise()
        create_project(self.client("codebuild"), PROJECT, ACCOUNT)
        self.client("scheduler").create_schedule_group(Name="holdoff")
        self.client("iam").create_role(RoleName="schedules", AssumeRolePolicyDocument=trust("scheduler.amazonaws.com"))

    def everything(self) -> list[Any]:
        """All that a check could have changed."""
        table = self.client("dynamodb").scan(TableName=TABLE)["Items"]
        builds = self.client("codebuild").list_builds_for_project(projectName=PROJECT)["ids"]
        return [table, builds, self.client("scheduler").list_schedules()["Schedules"]]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with engine_or_skip(ministack(AUTH="true")) as url:
        account = Account(url)
        account.furnish()
        yield account


def found(cli: Cli, environment: dict[str, str], *argv: str) -> tuple[int, list[tuple[str, str, str]]]:
    """What a check of the usual set-up finds: the exit status; level, about, and message with hint of each."""
    cli.environment |= environment
    cli.config(CONFIG)
    done = cli("aws", "check", "--schedule-role", SCHEDULE_ROLE, "--json", *argv)
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["ok"] is (done.returncode == 0)
    return done.returncode, [
        (one["level"], one["about"], f"{one['message']}. {one['hint'] or ''}") for one in answer["findings"]
    ]


def found_here(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> tuple[int, list[tuple[str, str, str]]]:
    """The same in this process: there are many rights."""
    for name, value in environment.items():
        patch.setenv(name, value)
    config = parse(CONFIG)
    store = config.open_store()
    assert isinstance(store, DynamoDBStore)
    findings = list(check(config, store, Policies(REGION), role=SCHEDULE_ROLE))
    store.close()
    return int("fail" in {one.level for one in findings}), [
        (str(one.level), one.about, f"{one.message}. {one.hint or ''}") for one in findings
    ]


def not_ok(findings: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [finding for finding in findings if finding[0] != "ok"]


@pytest.mark.ministack
class TestAccount:
    def test_all_is_well(self, cli: Cli, account: Account) -> None:
        before = account.everything()
        status, findings = found(cli, account.user(ALL))
        assert (status, not_ok(findings)) == (0, [])
        abouts = {about for _, about, _ in findings}
        wanted = {"identity", "table", "clock", "rights", "regions", "wakes"}
        assert abouts == wanted | {f"{PROJECT} ({REGION})"}
        assert account.everything() == before == [[], [], []]

    @pytest.mark.parametrize(
        ("action", "on", "level"),
        [
            ("dynamodb:GetItem", TABLE_ARN, "fail"),
            ("dynamodb:UpdateItem", TABLE_ARN, "fail"),
            ("dynamodb:PutItem", TABLE_ARN, "fail"),
            ("dynamodb:Query", INDEX_ARN, "fail"),
            ("dynamodb:Query", TABLE_ARN, "warn"),
            ("dynamodb:Scan", TABLE_ARN, "warn"),
            ("codebuild:StartBuild", PROJECT_ARN, "fail"),
            ("scheduler:CreateSchedule", SCHEDULES_ARN, "fail"),
            ("iam:PassRole", SCHEDULE_ROLE, "fail"),
        ],
    )
    def test_the_missing_right_is_named(
        self,
        account: Account,
        monkeypatch: pytest.MonkeyPatch,
        action: str,
        on: str,
        level: str,
    ) -> None:
        before = account.everything()
        status, findings = found_here(monkeypatch, account.user(ALL, deny(action, on=on)))
        ((found_level, _, told),) = not_ok(findings)
        assert (found_level, status) == (level, 1 if level == "fail" else 0)
        assert told.startswith(f"{action} is not allowed")
        assert re.search(rf"Take {action} on {re.escape(on)} out of (that deny|the deny in the \S+ policy)", told)
        assert account.everything() == before

    @pytest.mark.parametrize("operation", ["ListBuildsForProject", "BatchGetBuilds", "StopBuild"])
    def test_the_missing_right_on_builds_is_named(
        self, account: Account, monkeypatch: pytest.MonkeyPatch, operation: str
    ) -> None:
        # ministack takes these for actions on everything, where AWS looks at the project.
        user = account.user(ALL, deny(f"codebuild:{operation}"))
        status, findings = found_here(monkeypatch, user)
        assert status == 1
        (told,) = [told for level, _, told in findings if level == "fail"]
        assert told.startswith(f"codebuild:{operation} is not allowed (an explicit deny")
        assert f"codebuild:{operation} on {PROJECT_ARN} " in told

    def test_who_may_nothing_is_told_all_of_it(self, cli: Cli, account: Account) -> None:
        status, findings = found(cli, account.user(allow("dynamodb:DescribeTable")))
        assert status == 1
        denied = {told.split()[0] for level, _, told in findings if level == "fail"}
        assert denied == {
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "codebuild:ListBuildsForProject",
            "codebuild:BatchGetBuilds",
            "codebuild:StopBuild",
        }
        told = next(told for _, _, told in findings if told.startswith("dynamodb:GetItem"))
        assert "(no identity-based policy allows it)" in told
        assert f"Allow dynamodb:GetItem on {TABLE_ARN}" in told

    def test_what_cannot_be_known_is_not_claimed(self, cli: Cli, account: Account) -> None:
        environment = account.user(ALL, deny("iam:*"), deny("dynamodb:Describe*"))
        status, findings = found(cli, environment)
        assert status == 0
        told = [told for level, _, told in findings if level == "unchecked"]
        assert "Take dynamodb:DescribeTable on table builds out of the deny in the identity-based policy" in told[0]
        whethers = [text.split(" is allowed")[0] for text in told if "IAM does not tell" in text]
        assert whethers == [
            f"whether codebuild:StartBuild on {PROJECT_ARN}",
            f"whether scheduler:CreateSchedule on {SCHEDULES_ARN}",
            f"whether iam:PassRole on {SCHEDULE_ROLE}",
        ]
        assert "Allow yourself iam:SimulatePrincipalPolicy" in "".join(told)
        assert f"whether there is a role {SCHEDULE_ROLE}" in "".join(told)
        assert ("ok", "rights", "dynamodb:UpdateItem is allowed. ") in findings

    def test_credentials_that_are_no_good_are_no_missing_rights(self, cli: Cli, account: Account) -> None:
        cli.environment |= account.root() | {"AWS_ACCESS_KEY_ID": "AKIANOBODYS"}
        done = cli("aws", "check", "--store", STORE, "--codebuild", PROJECT)
        assert done.returncode == 77
        assert done.stdout.startswith("unchecked identity: STS does not tell who this is")
        assert len(done.stdout.splitlines()) == 1
        assert "credentials" in done.stderr

    def test_a_functions_role_is_looked_up(self, cli: Cli, account: Account) -> None:
        enough = account.role(
            allow(
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                on=TABLE_ARN,
            ),
            allow("dynamodb:Query", on=INDEX_ARN),
            allow("dynamodb:Query", on=TABLE_ARN),
            allow("codebuild:*", on=PROJECT_ARN),
            allow("scheduler:CreateSchedule", on=SCHEDULES_ARN),
            allow("iam:PassRole", on=SCHEDULE_ROLE),
        )
        status, findings = found(cli, account.root(), "--role", enough)
        assert (status, not_ok(findings)) == (0, [])
        assert ("ok", "rights", f"dynamodb:PutItem is allowed to {enough}. ") in findings

    @pytest.mark.parametrize("action", ["Query", "DescribeTable"])
    def test_a_functions_role_that_lacks_what_it_seldom_needs(self, cli: Cli, account: Account, action: str) -> None:
        """Ends of builds that newer ones have overtaken, and gates of other regions, once failed without a warning."""
        role = account.role(ALL, deny(f"dynamodb:{action}", on=TABLE_ARN))
        status, findings = found(cli, account.root(), "--role", role)
        ((level, about, told),) = not_ok(findings)
        assert (status, level, about) == (0, "warn", "rights")
        assert told.startswith(f"dynamodb:{action} is not allowed to {role} (an explicit deny): no ")

    def test_a_functions_role_that_lacks_one(self, cli: Cli, account: Account) -> None:
        role = account.role(
            allow("dynamodb:*", "scheduler:*", "iam:PassRole"),
            allow("codebuild:ListBuildsForProject", "codebuild:BatchGetBuilds", on=PROJECT_ARN),
            allow("codebuild:StartBuild", on=PROJECT_ARN.replace(PROJECT, "another")),
            allow("codebuild:StopBuild"),
        )
        status, findings = found(cli, account.root(), "--role", role)
        assert status == 1
        ((level, about, told),) = not_ok(findings)
        assert (level, about) == ("fail", f"{PROJECT} ({REGION})")
        assert told.startswith(f"codebuild:StartBuild is not allowed to {role}. ")
        assert told.endswith(f"Allow codebuild:StartBuild on {PROJECT_ARN}")

    def test_a_role_that_schedules_cannot_use(self, cli: Cli, account: Account) -> None:
        _, findings = found(cli, account.root(), "--schedule-role", account.role())
        ((level, about, told),) = not_ok(findings)
        assert (level, about) == ("fail", "wakes")
        assert "does not trust EventBridge Scheduler. Let scheduler.amazonaws.com" in told

    def test_wakes_that_have_neither_group_nor_role(self, cli: Cli, account: Account) -> None:
        gone = f"arn:aws:iam::{ACCOUNT}:role/gone"
        argv = ("--schedule-role", gone, "--schedule-group", "gone")
        status, findings = found(cli, account.root(), *argv)
        assert status == 1
        assert [told.split(".")[0] for _, _, told in not_ok(findings)] == [
            "there is no schedule group gone in eu-west-1",
            f"there is no role {gone}",
        ]

    def test_the_functions_variables_name_the_wakes(self, cli: Cli, account: Account) -> None:
        cli.environment |= account.root() | {
            "HOLDOFF_SCHEDULE_ROLE": SCHEDULE_ROLE,
            "HOLDOFF_SCHEDULE_GROUP": "gone",
        }
        done = cli("aws", "check", "--store", STORE, "--codebuild", PROJECT)
        assert done.returncode == 1
        assert "fail      wakes: there is no schedule group gone in eu-west-1. Create it" in done.stdout

    def test_no_table(self, cli: Cli, account: Account) -> None:
        cli.environment |= account.root()
        done = cli("aws", "check", "--store", "dynamodb://gone?region=eu-west-1", "--codebuild", "x")
        assert (done.returncode, done.stderr) == (1, "")
        assert "gone?region=eu-west-1: there is no such table. `holdoff store init`" in done.stdout
        assert "rights:" not in done.stdout
        assert "x (eu-west-1): there is no CodeBuild project x in eu-west-1" in done.stdout

    def test_no_project_and_no_wakes(self, cli: Cli, account: Account) -> None:
        cli.environment |= account.root()
        done = cli("aws", "check", "--store", STORE)
        assert done.returncode == 0
        assert "warn      projects: there are none. Name one" in done.stdout
        assert "unchecked wakes: no schedules are named" in done.stdout

    def test_a_gate_that_two_regions_would_write_is_refused(self, cli: Cli, account: Account) -> None:
        dynamodb = account.client("dynamodb")
        DynamoDBStore("everywhere", region=REGION, client=dynamodb).initialise()
        replicate = {"Create": {"RegionName": "us-east-1"}}
        dynamodb.update_table(TableName="everywhere", ReplicaUpdates=[replicate])
        cli.environment |= account.root()
        cli.config(GLOBAL)
        checked, stored = cli("aws", "check"), cli("store", "check")
        assert (checked.returncode, stored.returncode) == (1, 1)
        refused = [line for line in checked.stdout.splitlines() if line.startswith("fail      regions")]
        for line in [*refused, stored.stdout]:
            assert "the gate theirs (us-east-1) would be written through the replica in eu-west-1" in line
            assert "Set the gate's region to eu-west-1, or open its store with region=us-east-1" in line
        assert len(refused) == 1
        assert "ours" not in stored.stdout

    def test_a_global_table_that_is_used_right(self, cli: Cli, account: Account) -> None:
        dynamodb = account.client("dynamodb")
        DynamoDBStore("here", region=REGION, client=dynamodb).initialise()
        replicate = {"Create": {"RegionName": "us-west-2"}}
        dynamodb.update_table(TableName="here", ReplicaUpdates=[replicate])
        cli.environment |= account.root()
        store = "dynamodb://here?region=eu-west-1"
        done = cli("aws", "check", "--store", store, "--codebuild", PROJECT)
        assert "ok        regions: a global table (eu-west-1, us-west-2)" in done.stdout


GLOBAL = """
store = "dynamodb://everywhere?region=eu-west-1"

[projects.ours]
cooldown = "10m"
starter = { command = ["true"] }

[projects.theirs]
cooldown = "10m"
region = "us-east-1"
starter = { command = ["true"] }
"""


@pytest.mark.dynamodb
def test_an_emulator_that_knows_little(cli: Cli, dynamodb_local_url: str) -> None:
    store = f"dynamodb://check?region={REGION}&endpoint={dynamodb_local_url}"
    with CodeBuildStandin(projects=[PROJECT]) as standin:
        cli.environment |= {**FAKE_AWS, **standin.environment()}
        cli.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"  # STS and IAM: nothing is there
        assert cli("store", "init", "--store", store).returncode == 0
        done = cli("aws", "check", "--store", store, "--codebuild", PROJECT)
        assert standin.start_requests == []
    assert (done.returncode, done.stderr) == (0, "")
    starts = [line[:9].rstrip() + " " + line[10:].split(":")[0] for line in done.stdout.splitlines()]
    assert starts == EMULATED


EMULATED = [
    "unchecked identity",
    "ok table",
    "ok clock",
    *["ok rights"] * 7,
    "ok regions",
    *[f"ok {PROJECT} ({REGION})"] * 3,
    f"unchecked {PROJECT} ({REGION})",
    "unchecked wakes",
]


def failed(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_store_elsewhere_is_refused(cli: Cli) -> None:
    status, told = failed(cli("aws", "check"))
    assert status == 78
    assert "store is 'sqlite:///" in told
    assert "write --store dynamodb://TABLE?region=REGION" in told


def test_a_store_that_does_not_answer(cli: Cli) -> None:
    cli.environment |= {**FAKE_AWS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    status, told = failed(cli("aws", "check", "--store", STORE))
    assert status == 69
    assert "did not answer, while looking at the table" in told


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--role", "holdoff-fn"), "--role is 'holdoff-fn'; write a role's ARN"),
        (
            ("--schedule-role", "arn:aws:iam::1:user/x"),
            "--schedule-role is 'arn:aws:iam::1:user/x'",
        ),
        (("--role", ""), "--role is ''; write a role's ARN"),
        (("--schedule-group", "g"), "--schedule-group goes with --schedule-role"),
    ],
)
def test_wrong_usage(cli: Cli, argv: tuple[str, ...], said: str) -> None:
    cli.environment |= FAKE_AWS
    status, told = failed(cli("aws", "check", "--store", STORE, *argv))
    assert status == 2
    assert said in told
