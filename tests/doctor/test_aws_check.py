"""What `holdoff aws check` makes of answers that no engine gives: strong consistency, wrong clocks, roles' sessions."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from holdoff.aws.errors import describe
from holdoff.config import parse
from holdoff.core.request import GateKey
from holdoff.doctor.aws_check import check
from holdoff.doctor.policies import Finding, Policies, denied
from holdoff.stores.dynamodb.regions import Replicas, replicas_of
from holdoff.stores.dynamodb.rights import RIGHTS
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.testing import ManualClock
from tests.deploy.test_rights import ALWAYS

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/service/holdoff-fn"
SESSION = "arn:aws:sts::123456789012:assumed-role/holdoff-fn/i-1"
START = ("codebuild:StartBuild", "arn:aws:codebuild:eu-west-1:123456789012:project/site")
US_TOO = [{"RegionName": "us-east-1"}]
HERE, THERE = GateKey("site", REGION), GateKey("site", "us-east-1")


class Dynamo:
    """A client whose table is as given, on a service whose clock is ahead by so many seconds."""

    def __init__(self, clock: ManualClock, *, ahead_s: int = 0, **table: Any) -> None:
        self._clock = clock
        self._ahead_s = ahead_s
        expiry = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
        self._refusals: dict[str, ClientError] = {}
        self._answers: dict[str, dict[str, Any]] = {
            "describe_table": {"Table": described(**table)},
            "describe_time_to_live": {"TimeToLiveDescription": expiry},
        }

    def __getattr__(self, operation: str) -> Any:
        def answer(**_: Any) -> dict[str, Any]:
            date = formatdate(self._clock.now_ms() / 1000 + self._ahead_s, usegmt=True)
            response: dict[str, Any] = {"ResponseMetadata": {"RequestId": "r", "HTTPHeaders": {"date": date}}}
            if operation in self._refusals:
                raise self._refusals[operation]
            return response | self._answers.get(operation, {})

        return answer

    def answer(self, operation: str, answer: dict[str, Any]) -> None:
        self._answers[operation] = answer

    def refuse(self, operation: str, error: ClientError) -> None:
        self._refusals[operation] = error


def described(**more: Any) -> dict[str, Any]:
    """A table that is as it should be."""
    keys = [("cb_project", "HASH"), ("region", "RANGE"), ("due_in", "HASH"), ("due", "RANGE")]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
    types = {"due": "N"}
    table = {
        "TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/builds",
        "TableStatus": "ACTIVE",
        "KeySchema": schema[:2],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": types.get(name, "S")} for name, _ in keys],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "GlobalSecondaryIndexes": [{"IndexName": "holdoff-due", "KeySchema": schema[2:]}],
    }
    return table | more


class Iam:
    """IAM and STS: who asks is ``caller``; of each action it says ``result``, or raises."""

    def __init__(self, result: dict[str, Any] | Exception, caller: str = SESSION) -> None:
        self.result = result
        self.who = caller
        self.asked: list[dict[str, Any]] = []

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Arn": self.who}

    def get_role(self, **parameters: Any) -> dict[str, Any]:
        assert parameters == {"RoleName": "holdoff-fn"}
        return {"Role": {"Arn": ROLE}}

    def simulate_principal_policy(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        if isinstance(self.result, Exception):
            raise self.result
        return {"EvaluationResults": [self.result]}


def policies(iam: Iam, role: str | None = None) -> Policies:
    made = Policies(REGION, role, iam=iam, sts=iam)
    made.caller()
    return made


def findings(client: Dynamo, clock: ManualClock, whose: Policies | None = None) -> list[Finding]:
    """All that is found of a project that is no CodeBuild project, in such a table."""
    config = parse("[projects.site]\ncooldown = '10m'\nstarter = { command = ['true'] }")
    store = DynamoDBStore("builds", region=REGION, client=client, clock=clock)
    return list(check(config, store, whose or policies(Iam({}))))


def told(client: Dynamo, clock: ManualClock, about: str) -> list[str]:
    return [str(finding) for finding in findings(client, clock) if finding.about == about]


# --- who asks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (EndpointConnectionError(endpoint_url="https://sts"), f"Check the network, the endpoint .* \\({REGION}\\)"),
        (NoCredentialsError(), "Give this process AWS credentials"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity"), "Renew the AWS credentials"),
    ],
)
def test_where_sts_does_not_answer_the_advice_is_of_the_cause(error: Exception, advice: str) -> None:
    """Without a network, new credentials were once advised."""

    class Silent(Iam):
        def get_caller_identity(self) -> dict[str, Any]:
            raise error

    iam = Silent({})
    clock = ManualClock()
    found = findings(Dynamo(clock), clock, Policies(REGION, iam=iam, sts=iam))[0]
    assert (found.level, found.about) == ("unchecked", "identity")
    assert re.match(advice, str(found.hint))


# --- the table -----------------------------------------------------------------------------------


def test_what_works_without_being_right_is_a_warning() -> None:
    """As the old snippet's table: what is due is found all the same, and bursts are tried again."""
    provisioned = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    client = Dynamo(ManualClock(), GlobalSecondaryIndexes=[], BillingModeSummary={}, ProvisionedThroughput=provisioned)
    client.answer("describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})
    found = [finding for finding in findings(client, ManualClock()) if "builds" in finding.message]

    assert [finding.level for finding in found] == ["warn"] * 3
    assert "there is no index holdoff-due, so looking for due gates reads the whole table" in found[0].message
    assert "1 writes a second are provisioned" in found[1].message
    assert "history is never deleted" in found[2].message


def test_a_table_that_serves_nothing_fails() -> None:
    found = told(Dynamo(ManualClock(), TableStatus="DELETING"), ManualClock(), "table")

    assert found == ["fail      table: dynamodb://builds?region=eu-west-1: the table is DELETING"]


@pytest.mark.parametrize(("indexes", "level"), [({}, "warn"), ({"GlobalSecondaryIndexes": []}, "fail")])
def test_without_the_index_the_right_to_scan_is_needed(indexes: dict[str, Any], level: str) -> None:
    client = Dynamo(ManualClock(), **indexes)
    client.refuse("scan", ClientError({"Error": {"Code": "AccessDeniedException"}}, "Scan"))
    levels = {
        f.message.partition(":Scan is")[0]: f.level for f in findings(client, ManualClock()) if ":Scan" in f.message
    }

    assert levels == {"dynamodb": level}


def test_where_the_table_may_not_be_described_it_is_not_taken_for_one_without_the_index() -> None:
    client, denied = Dynamo(ManualClock()), {"Error": {"Code": "AccessDeniedException"}}
    for operation, name in (("describe_table", "DescribeTable"), ("scan", "Scan")):
        client.refuse(operation, ClientError(denied, name))
    (found,) = (finding for finding in findings(client, ManualClock()) if ":Scan is" in finding.message)

    assert found.level == "warn"


@pytest.mark.parametrize(("indexes", "asked"), [({}, False), ({"GlobalSecondaryIndexes": []}, True)])
def test_a_role_is_asked_for_the_right_to_scan_where_there_is_no_index(indexes: dict[str, Any], asked: bool) -> None:
    iam = Iam({"EvalDecision": "allowed"})
    findings(Dynamo(ManualClock(), **indexes), ManualClock(), policies(iam, ROLE))

    actions = [name for request in iam.asked for name in request["ActionNames"] if name.startswith("dynamodb:")]
    assert actions == [right.action for right in RIGHTS if asked or right.operation != "scan"]


# --- global tables -------------------------------------------------------------------------------


def test_strong_consistency_is_refused_with_the_reason() -> None:
    clock = ManualClock()
    client = Dynamo(clock, Replicas=US_TOO, MultiRegionConsistency="STRONG")
    (line,) = told(client, clock, "regions")
    assert line.startswith("fail      regions: it is a global table with strong consistency")
    assert "takes no transactions" in line


def test_a_refusal_that_is_no_missing_right_fails_in_its_own_words() -> None:
    clock = ManualClock()
    client = Dynamo(clock)
    said = {"Code": "ValidationException", "Message": "Conditions are not supported"}
    client.refuse("put_item", ClientError({"Error": said}, "PutItem"))
    (failed,) = [line for line in told(client, clock, "rights") if line.startswith("fail")]
    assert "while trying dynamodb:PutItem" in failed
    assert "Conditions are not supported" in failed


def test_eventual_consistency_is_fine_where_each_gate_is_written_in_its_region() -> None:
    clock = ManualClock()
    client = Dynamo(clock, Replicas=US_TOO, MultiRegionConsistency="EVENTUAL")
    (line,) = told(client, clock, "regions")
    assert line.startswith("ok        regions: a global table (eu-west-1, us-east-1)")


@pytest.mark.parametrize("listed", [["us-east-1"], ["eu-west-1", "us-east-1"]])
def test_whether_the_own_copy_is_listed_does_not_matter(listed: list[str]) -> None:
    replicas = replicas_of({"Replicas": [{"RegionName": name} for name in listed]}, REGION)
    assert replicas == Replicas(here=REGION, regions=("eu-west-1", "us-east-1"))


@pytest.mark.parametrize("table", [{}, {"Replicas": []}, {"Replicas": [{"RegionName": REGION}]}])
def test_one_copy_is_no_global_table(table: dict[str, Any]) -> None:
    assert replicas_of(table, REGION).troubles([HERE, THERE]) == []


def test_a_gate_named_for_a_region_without_a_copy_is_refused_too() -> None:
    replicas = Replicas(here=REGION, regions=(REGION, "us-west-2"))
    (line,) = replicas.troubles([HERE, THERE])
    assert "the gate site (us-east-1)" in line
    assert "add a replica in us-east-1 and open its store with region=us-east-1" in line


def test_a_table_that_is_not_there_refuses_no_gate() -> None:
    class Gone:
        def describe_table(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")

    store = DynamoDBStore("builds", region=REGION, client=Gone())
    assert store.check_gates([THERE]) == []


# --- the clock -----------------------------------------------------------------------------------


def test_the_measured_offset_is_told() -> None:
    clock = ManualClock("2026-01-01T00:00:00.500Z")
    assert told(Dynamo(clock), clock, "clock") == [
        "ok        clock: this machine agrees with DynamoDB, give or take 0.5 s"
    ]


@pytest.mark.parametrize(("ahead_s", "said"), [(90, "1m30s behind"), (-90, "1m30s ahead of")])
def test_a_clock_that_is_off_is_told(ahead_s: int, said: str) -> None:
    clock = ManualClock("2026-01-01T00:00:00.500Z")
    (line,) = told(Dynamo(clock, ahead_s=ahead_s), clock, "clock")
    assert line.startswith(f"warn      clock: this machine is {said} DynamoDB")


# --- rights -----------------------------------------------------------------------------------------


def test_the_template_grants_on_the_table_what_is_looked_for() -> None:
    needed = {right.action for right in RIGHTS if right.only_for is None}
    of_other_regions = {"dynamodb:DescribeTable"}  # a function asks, where one of their gates is due
    assert needed | of_other_regions == ALWAYS["Gates"] | ALWAYS["Due"]


# --- IAM -----------------------------------------------------------------------------------------


def test_of_a_session_its_role_is_asked_for_with_what_each_request_says_of_itself() -> None:
    iam = Iam({"EvalDecision": "allowed"})
    assert str(policies(iam).ask("site", *START)) == ("ok        site: codebuild:StartBuild is allowed")
    (asked,) = iam.asked
    assert asked["PolicySourceArn"] == ROLE  # with its path, which a session does not tell
    assert (asked["ActionNames"], asked["ResourceArns"]) == ([START[0]], [START[1]])
    context = {one["ContextKeyName"]: one["ContextKeyValues"] for one in asked["ContextEntries"]}
    assert context == {"aws:RequestedRegion": [REGION], "aws:ResourceAccount": ["123456789012"]}


@pytest.mark.parametrize(("of_arn", "asked"), [("us-east-1", "us-east-1"), ("", REGION)])
def test_a_request_goes_to_the_region_of_what_it_is_about(of_arn: str, asked: str) -> None:
    """A project may have another region than the store; a role has none."""
    iam = Iam({"EvalDecision": "allowed"})
    policies(iam).ask("site", START[0], f"arn:aws:codebuild:{of_arn}:123456789012:project/site")
    context = {one["ContextKeyName"]: one["ContextKeyValues"] for one in iam.asked[0]["ContextEntries"]}
    assert context["aws:RequestedRegion"] == [asked]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"EvalDecision": "implicitDeny"}, "fail      site: codebuild:StartBuild is not allowed."),
        (
            {"EvalDecision": "explicitDeny", "MissingContextValues": ["aws:SourceVpc"]},
            "fail      site: codebuild:StartBuild is not allowed (an explicit deny).",
        ),
        (
            {"EvalDecision": "implicitDeny", "MissingContextValues": ["aws:SourceVpc"]},
            "unchecked site: whether codebuild:StartBuild is allowed depends on aws:SourceVpc",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "ResourceSpecificResults": [{"MissingContextValues": ["aws:SourceVpc"]}],
            },
            "unchecked site: whether codebuild:StartBuild is allowed depends on aws:SourceVpc",
        ),
    ],
)
def test_what_iam_decides(result: dict[str, Any], said: str) -> None:
    assert str(policies(Iam(result)).ask("site", *START)).startswith(said)


@pytest.mark.parametrize(
    ("caller", "role", "asked"),
    [
        ("arn:aws:iam::123456789012:user/ada", None, "arn:aws:iam::123456789012:user/ada"),
        (SESSION, "arn:aws-cn:iam::222222222222:role/fn", "arn:aws-cn:iam::222222222222:role/fn"),
    ],
    ids=["a user", "a role that is named"],
)
def test_who_is_named_is_asked_about_in_the_account_of_that_name(caller: str, role: str | None, asked: str) -> None:
    whose = policies(iam := Iam({"EvalDecision": "allowed"}, caller), role)
    whose.ask("rights", "dynamodb:GetItem", whose.arn("dynamodb", REGION, "table/builds"))
    partition, account = asked.split(":")[1], asked.split(":")[4]
    resource = f"arn:{partition}:dynamodb:{REGION}:{account}:table/builds"
    assert [(one["PolicySourceArn"], one["ResourceArns"]) for one in iam.asked] == [(asked, [resource])]


def test_an_unknown_account_is_a_star() -> None:
    iam = Iam({"EvalDecision": "allowed"})
    assert Policies(REGION, iam=iam, sts=iam).arn("dynamodb", REGION, "x") == f"arn:aws:dynamodb:{REGION}:*:x"


def test_iam_that_does_not_tell_is_asked_once() -> None:
    refusal = {"Error": {"Code": "AccessDenied", "Message": "no"}}
    iam = Iam(ClientError(refusal, "SimulatePrincipalPolicy"))
    asking = policies(iam, ROLE)
    first, second = (asking.ask("site", *START) for _ in range(2))
    assert first.message == second.message
    assert (first.hint is None, second.hint is None) == (False, True)
    assert len(iam.asked) == 1


def test_the_account_itself_may_do_everything() -> None:
    iam = Iam({"EvalDecision": "implicitDeny"}, caller="arn:aws:iam::123456789012:root")
    assert policies(iam).ask("site", *START).level == "ok"
    assert policies(iam, ROLE).ask("site", *START).level == "fail"  # a role is no root


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (
            " because no identity-based policy allows the a:B action",
            " (no identity-based policy allows it)",
        ),
        (
            " with an explicit deny in a service control policy",
            " (an explicit deny in a service control policy)",
        ),
        (" with an explicit deny", " (an explicit deny)"),
        ("", ""),
    ],
)
def test_the_services_own_reason_is_passed_on(why: str, reason: str) -> None:
    said = f"User: u is not authorized to perform: a:B on resource: r{why}"
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "B")
    assert denied("site", "a:B", "r", said=describe(error)).message == f"a:B is not allowed{reason}"
