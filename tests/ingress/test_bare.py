"""What a known service sends is known without the headers or the envelope that say so: by what is in it.

JSON of hosts of git repositories that came by a topic or a queue, and what services of AWS ask of functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from holdoff.core.errors import EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import Ignored
from tests.ingress import payloads as p
from tests.ingress import shapes as s
from tests.ingress.payloads import AFTER, BEFORE
from tests.ingress.test_senders import with_rule
from tests.ingress.wanted import ONE

PUSHES: dict[str, Callable[..., HttpRequest]] = {
    "GitHub": p.github_push,
    "GitLab": p.gitlab_push,
    "Gitea": lambda ref="refs/heads/main": p.forge_push("Gitea", ref),
    "Azure DevOps": lambda ref="refs/heads/main": p.azure_push((ref, BEFORE, AFTER)),
    "Bitbucket Cloud": lambda ref="refs/heads/main": p.bitbucket_push(p.bitbucket_change(ref.split("/", 2)[2])),
    "Bitbucket Data Center": lambda ref="refs/heads/main": p.data_center_push(p.data_center_change(ref)),
}
OTHERS = {
    "GitHub: a star": p.github("star", {"action": "created"}),
    "GitHub: a fork": p.github("fork", {"forkee": {}}),
    "GitHub: a ping": p.github("ping", {"zen": "x", "hook_id": 1}),
    "GitHub: of an organisation": p.posted({"organization": {"login": "o"}, "sender": {"login": "s"}}, {}),
    "GitLab: a note": p.gitlab("Note Hook", {"object_kind": "note", "object_attributes": {}}),
    "Bitbucket Cloud: a pull request": p.bitbucket(
        "pullrequest:created",
        {"actor": {"uuid": "{1}"}, "repository": {"uuid": "{2}", "full_name": "octo/site"}, "pullrequest": {}},
    ),
    "Bitbucket Data Center: a pull request": p.data_center("pr:opened", {"eventKey": "pr:opened", "date": "x"}),
}


def bare(request: HttpRequest) -> dict[str, Any]:
    """Its JSON, by a queue."""
    return s.in_sqs(json.loads(request.body))


@pytest.mark.parametrize("sender", PUSHES)
def test_a_push_without_its_headers_builds_the_default_branch_and_no_other(sender: str) -> None:
    (message,) = opened(bare(PUSHES[sender]()))
    (request,) = ONE.intents(message)
    assert isinstance(request, Request)
    assert (request.source_version, request.parent) == (AFTER, BEFORE)
    (message,) = opened(bare(PUSHES[sender]("refs/heads/side")))
    (ignored,) = ONE.intents(message)
    assert isinstance(ignored, Ignored)
    assert "side is not" in ignored.why


@pytest.mark.parametrize("name", OTHERS)
def test_other_events_without_their_headers_build_nothing(name: str) -> None:
    (message,) = opened(bare(OTHERS[name]))
    for routes in (ONE, with_rule(), with_rule(sqs__eventSourceARN="arn:*")):
        (ignored,) = routes.intents(message)
        assert isinstance(ignored, Ignored)


#: Where their forms come from: the pages of each service about Lambda, and the samples of aws-lambda-go.
ASKED: dict[str, dict[str, Any]] = {
    "AppConfig": {
        "Type": "OnDeploymentComplete",
        "Application": {"Id": "a"},
        "ConfigurationProfile": {"Id": "c"},
        "DeploymentNumber": 1,
    },
    "AppSync": {"info": {"channel": {"path": "/a"}, "operation": "PUBLISH"}, "events": [], "request": {"headers": {}}},
    "AppSync, by Amplify": {"typeName": "Query", "fieldName": "posts", "arguments": {}},
    "Athena": {"@type": "PingRequest", "identity": {}, "queryId": "q"},
    "Bedrock's agent": {"messageVersion": "1.0", "agent": {"id": "8ZX", "name": "x"}, "inputText": "hello"},
    "Bedrock's flow": {"messageVersion": "1.0", "flow": {"arn": "arn:x"}, "node": {"name": "x", "nodeInputs": []}},
    "Chime": {"InvocationEventType": "NEW_INBOUND_CALL", "CallDetails": {"TransactionId": "t"}},
    "Client VPN": {"connection-id": "cvpn-connection-0", "endpoint-id": "cvpn-endpoint-0", "schema-version": "v1"},
    "CloudFormation's hook": {"hookTypeName": "A::B::C", "actionInvocationPoint": "CREATE_PRE_PROVISION"},
    "CloudFormation's resource, by CDK": {"RequestType": "Delete", "StackId": "s", "LogicalResourceId": "x"},
    "CloudTrail": {"s3Bucket": "logs", "s3ObjectKey": ["AWSLogs/1/CloudTrail/x.json.gz"]},
    "CloudWatch's widget": {"widgetContext": {"dashboardName": "d", "widgetId": "w"}},
    "CloudWatch's widget, described": {"describe": True},
    "CloudWatch's metrics": {"EventType": "GetMetricData", "GetMetricDataRequest": {}},
    "ECS's hook": {"executionDetails": {"serviceArn": "arn:x"}, "executionId": "e", "lifecycleStage": "POST_SCALE_UP"},
    "IoT's authoriser": {"token": "x", "signatureVerified": True, "protocols": ["tls", "mqtt"]},
    "IoT's authoriser, as it was": {"token": "x", "tokenSignature": "y", "mqttContext": {"clientId": "c"}},
    "IoT's provisioning": {"claimCertificateId": "c", "templateArn": "arn:x", "parameters": {}},
    "IoT's registry": {"eventType": "THING_EVENT", "eventId": "1", "operation": "CREATED", "thingName": "x"},
    "IoT's connections": {"clientId": "c", "eventType": "connected", "principalIdentifier": "p"},
    "Pinpoint": {"ApplicationId": "a", "CampaignId": "c", "Endpoints": {}},
    "Rekognition": {"JobId": "j", "Status": "SUCCEEDED", "API": "StartLabelDetection"},
    "S3's objects, listed": {"xAmzRequestId": "r", "listObjectsV2Context": {}, "protocolVersion": "1.00"},
    "Redshift": {"external_function": "f", "query_id": 5, "arguments": []},
    "Transfer Family": {"username": "u", "password": "p", "protocol": "SFTP", "serverId": "s-1", "sourceIp": "1.2.3.4"},
    "Transfer Family's workflow": {"token": "t", "serviceMetadata": {"executionDetails": {"workflowId": "w-1"}}},
}


@pytest.mark.parametrize("name", ASKED)
def test_what_a_service_asks_of_functions_is_no_change(name: str) -> None:
    for event in (ASKED[name], s.in_sns(ASKED[name])):
        (message,) = opened(event)
        for routes in (ONE, with_rule()):
            (ignored,) = routes.intents(message)
            assert isinstance(ignored, Ignored)
            assert name.partition("'")[0].partition(",")[0] in ignored.why


def test_what_cannot_be_opened_keeps_none_of_its_neighbours_waiting() -> None:
    """As EventBridge Pipes hand on lists: one event that is broken must not make the others come again and again."""
    event = [s.in_sqs(s.ecr())["Records"][0], {"httpMethod": "GET", "path": "/"}, s.in_sqs({"x": 1})["Records"][0]]
    outcomes = [outcome for message in opened(event) for outcome in ONE.intents(message)]
    assert [type(outcome) for outcome in outcomes] == [Request, EventError, Request]
