"""The handler in place of the old snippet: its four variables, its table, its items."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb


@pytest.fixture(autouse=True, params=["botocore", "lean"])
def _client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What calls AWS."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", request.param)


INVOKE = """
import json, sys
from holdoff.ingress.aws_lambda import handler
print(json.dumps([handler(event, None) for event in json.loads(sys.argv[1])]))
"""


def invoke(cloud: Cloud, *events: object, **changed: str) -> subprocess.CompletedProcess[str]:
    """One cold process with these invocations."""
    return subprocess.run(
        [sys.executable, "-c", INVOKE, json.dumps(events)],
        env=cloud.environment | changed,
        capture_output=True,
        text=True,
        check=False,
    )


def decided(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    answers: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    return answers


def test_the_first_event_creates_the_item_and_starts_the_build(cloud: Cloud) -> None:
    answers = decided(invoke(cloud, {}, {"source_version": "abc"}))
    assert [answer["outcome"] for answer in answers] == ["started", "skipped"]
    assert answers[0]["build_id"] == cloud.standin.builds_started[0].id
    assert answers[1]["why"] == "cooling_down"
    item = _item(cloud)
    assert int(item["lastbuild"]) + 600 > time.time()  # what the old snippet does with it


def test_an_item_of_the_snippet_is_a_gate(cloud: Cloud) -> None:
    _table(cloud).put_item(Item={"cb_project": "site-build", "region": "eu-west-1", "lastbuild": int(time.time()) - 60})
    assert decided(invoke(cloud, {}))[0]["outcome"] == "skipped"
    _table(cloud).put_item(
        Item={
            "cb_project": "site-build",
            "region": "eu-west-1",
            "lastbuild": int(time.time()) - 601,
        }
    )
    assert decided(invoke(cloud, {}))[0]["outcome"] == "started"


def test_a_direct_invoke_may_say_what_and_why(cloud: Cloud) -> None:
    asked = {"source_version": "abc", "reason": "by hand", "event_id": "e1", "force": True}
    answers = decided(invoke(cloud, asked, asked, asked | {"event_id": "e2"}))
    assert [answer["why"] for answer in answers] == ["forced", "duplicate", "forced"]
    assert [build.source_version for build in cloud.standin.builds_started] == ["abc", "abc"]


def test_an_eventbridge_event_delivered_twice_builds_once(cloud: Cloud) -> None:
    event = {"id": "6a7e8feb", "detail-type": "CodeCommit Repository State Change", "detail": {}}
    answers = decided(invoke(cloud, event, event, COOLDOWN="0"))
    assert [answer["why"] for answer in answers] == ["ready", "duplicate"]


def test_a_refused_start_does_not_spend_the_cooldown(cloud: Cloud) -> None:
    cloud.standin.fault("StartBuild", "error", code="AccountLimitExceededException")
    answers = decided(invoke(cloud, {}))
    assert (answers[0]["outcome"], answers[0]["why"]) == ("failed", "start_failed")
    assert "lastbuild" not in _item(cloud)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COOLDOWN", "ten", "COOLDOWN is 'ten'; write a duration such as 90"),
        ("COOLDOWN", "-5", "COOLDOWN is '-5'; write zero or more"),
        (
            "DDB_TABLE_NAME",
            "",
            "environment variable DDB_TABLE_NAME is ''; write the DynamoDB table",
        ),
        ("CODEBUILD_PROJECT_NAME", "", "CODEBUILD_PROJECT_NAME"),
        ("REGION_NAME", "", "REGION_NAME"),
        ("DDB_TABLE_NAME", "no-such-table", "no-such-table"),
    ],
)
def test_what_is_wrong_is_named(cloud: Cloud, name: str, value: str, said: str) -> None:
    result = invoke(cloud, {}, **{name: value})
    assert result.returncode != 0
    assert said in result.stderr
    assert cloud.standin.builds_started == []


def _table(cloud: Cloud) -> Any:
    resource = boto3.resource("dynamodb", endpoint_url=cloud.endpoint, region_name="eu-west-1")
    return resource.Table(cloud.table)


def _item(cloud: Cloud) -> dict[str, Any]:
    key = {"cb_project": "site-build", "region": "eu-west-1"}
    item: dict[str, Any] = _table(cloud).get_item(Key=key, ConsistentRead=True)["Item"]
    return item
