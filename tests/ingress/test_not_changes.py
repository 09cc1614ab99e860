"""What is no change builds nothing, whatever carries it: each through every envelope that can.

It is ignored with the reason in the log, or an error that says what to do; never a trigger, and never silent. What is
carried by a record of a *failed* invocation is handled as if it had come by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from holdoff.core.errors import EventError
from holdoff.ingress.events.http import HttpRequest
from tests.ingress import payloads as p
from tests.ingress import sent_by_git, sent_by_others
from tests.ingress import shapes as s
from tests.ingress.driven import BY_NAME, Event, Json, World, project
from tests.ingress.signed import FRONT_ENDS, SECRETS, by_url
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("aws_env")
VERSION = "4" * 40


@pytest.fixture
def world(shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """With a rule that takes all it may: no rule makes a trigger of these."""
    return World(shared_standin, tmp_path, monkeypatch, project("site"), '[[rules]]\nwhen = {}\nproject = "site"')


# --- what carries an event -----------------------------------------------------------------------------


def bridged_failure(event: Json) -> Json:
    """A destination on EventBridge:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    kind = "Lambda Function Invocation Result - Failure"
    return s.eventbridge("lambda", kind, s.failed_invocation(event), id="of-the-record")


def by_a_pipe(event: Json) -> Json:
    """A queue's message, as a pipe puts it on a bus:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html"""
    (record,) = s.in_sqs(event)["Records"]
    return s.eventbridge("Pipe triggers", "Event from aws:sqs", record, id="of-the-pipe")


#: By itself, and in each of its envelopes.
CARRIERS: dict[str, Callable[[Json], Event]] = {
    "direct": lambda event: event,
    "in a list": lambda event: [event],  # type: ignore[return-value,dict-item]  # as EventBridge Pipes hand on
    "SNS": s.in_sns,
    "SQS": s.in_sqs,
    "SNS in SQS": lambda event: s.in_sqs(s.notification(event)),
    "SQS in SNS in SQS": lambda event: s.in_sqs(s.notification(s.in_sqs(event))),
    "a failed invocation": s.failed_invocation,
    "a failed invocation, by EventBridge": bridged_failure,
    "a failed invocation by SNS, in SQS": lambda event: s.in_sqs(s.failed_invocation(s.in_sns(event))),
    "a queue, by a pipe, on a bus": by_a_pipe,
    "a failed invocation by HTTP": lambda event: p.posted(s.failed_invocation(event), {}),
    "a failed invocation by EventBridge, by HTTP": lambda event: p.posted(bridged_failure(event), {}),
    "a queue, by a pipe, on a bus, by HTTP": lambda event: p.posted(by_a_pipe(event), {}),
    "HTTP": lambda event: p.posted(event, {}),
    "SNS by HTTP": lambda event: p.posted(s.notification(event), {"x-amz-sns-message-type": "Notification"}),
}


# --- what is no change ---------------------------------------------------------------------------------

TOPIC = "arn:aws:sns:eu-west-1:123456789012:edits"


def _about_sns(kind: str) -> Json:
    """https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html"""
    return {
        "Type": kind,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": f"You have chosen to subscribe to the topic {TOPIC}.",
        "SubscribeURL": f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336",
        "Timestamp": "2026-11-25T03:00:00.000Z",
    }


def _of_s3(kind: str) -> Json:
    event: Json = s.s3_created(kind)
    return event


def _success() -> Json:
    """The record of another function's success: the *input* of that one is in it, a push here."""
    record = s.failed_invocation(s.codecommit())
    record["requestContext"]["condition"] = "Success"
    return record


def _stream(batch: str) -> Json:
    """https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html: it has none of the records."""
    context = {"requestId": "c9b8fa9f", "functionArn": "arn:aws:lambda:eu-west-1:1:function:holdoff"}
    return {
        "requestContext": {**context, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-25T03:00:00.000Z",
        batch: {"shardId": "shardId-000000000001", "startSequenceNumber": "4", "batchSize": 500},
    }


def _resource(kind: str) -> Json:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html"""
    return {
        "RequestType": kind,
        "ResponseURL": "https://example.com/not-the-service",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/site/1",
        "RequestId": "r1",
        "ResourceType": "Custom::Build",
        "LogicalResourceId": "Build",
    }


def _replication(result: str) -> Json:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = {"result": result, "repository-name": "web", "image-tag": "v1", "action-type": "REPLICATE"}
    return s.eventbridge("aws.ecr", "ECR Replication Action", detail)


#: By name: the event, and a part of what is said of it.
NOT_CHANGES: dict[str, tuple[Json, str]] = {
    "the confirmation of a subscription": (_about_sns("SubscriptionConfirmation"), "asks to confirm a subscription"),
    "the end of a subscription": (_about_sns("UnsubscribeConfirmation"), "a subscription of SNS ended"),
    **{
        f"S3: {name}": (s.s3_notification(name), name)
        for name in (
            "ObjectTagging:Put",
            "ObjectTagging:Delete",
            "ObjectAcl:Put",
            "LifecycleTransition",
            "IntelligentTiering",
            "ObjectRestore:Post",
            "ObjectRestore:Completed",
            "Replication:OperationFailedReplication",
            "ReducedRedundancyLostObject",
            # https://github.com/minio/minio/blob/master/internal/event/name.go
            "s3:ObjectCreated:PutTagging",
            "s3:ObjectCreated:DeleteTagging",
            "s3:ObjectCreated:PutRetention",
            "s3:ObjectCreated:PutLegalHold",
            "s3:ObjectRemoved:NoOP",
        )
    },
    **{
        f"S3 by EventBridge: {kind}": (_of_s3(kind), kind)
        for kind in (
            "Object Tags Added",
            "Object Tags Deleted",
            "Object ACL Updated",
            "Object Storage Class Changed",
            "Object Access Tier Changed",
            "Object Restore Initiated",
            "Object Restore Completed",
            "Object Restore Expired",
        )
    },
    # https://docs.aws.amazon.com/iot/latest/developerguide/rule-destination.html
    "IoT: a destination": (
        {
            "arn": "arn:aws:iot:eu-west-1:123456789012:ruledestination/http/2e4",
            "confirmationToken": "AYADe",
            "enableUrl": "https://iot.eu-west-1.amazonaws.com/confirmdestination/AYADe",
            "messageType": "DestinationConfirmation",
        },
        "open its enableUrl",
    ),
    "S3: a test": ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "content"}, "a test event of S3"),
    "SES: a test": ({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have"}, "a test of SES"),
    "Lambda: an empty batch": ({"Records": []}, "a batch with nothing in it"),
    "CodeBuild: by its details": (s.codebuild()["detail"], "a build's state of CodeBuild"),
    "ECR: a scan": (s.eventbridge("aws.ecr", "ECR Image Scan", {"scan-status": "COMPLETE"}), "ECR Image Scan"),
    "ECR: a failed replication": (_replication("FAILED"), "ECR's REPLICATE FAILED"),
    "ECR: a failed push": (s.ecr(result="FAILURE"), "ECR's PUSH FAILURE"),
    "ECR: a deletion": (s.ecr(**{"action-type": "DELETE"}), "ECR's DELETE SUCCESS"),
    "a warmer: serverless-plugin-warmup": ({"source": "serverless-plugin-warmup"}, "keeps the function warm"),
    "a warmer: lambda-warmer": ({"warmer": True, "concurrency": 3}, "keeps the function warm"),
    **{
        f"a warmer: {key}": ({key: True}, "keeps the function warm")
        for key in ("isWarmingUp", "lambda_warmer", "keepwarm")
    },
    "a warmer: Vapor's": ({"vaporWarmer": True, "functionName": "x"}, "keeps the function warm"),
    "a warmer: a ping": ({"ping": True}, "keeps the function warm"),
    **{f"CloudFormation: {kind}": (_resource(kind), "a custom resource") for kind in ("Create", "Update", "Delete")},
    "the record of a success": (_success(), "an invocation succeeded"),
    "the record of a success, by EventBridge": (
        s.eventbridge("lambda", "Lambda Function Invocation Result - Success", _success()),
        "an invocation succeeded",
    ),
    "the record of Kinesis' batch": (_stream("KinesisBatchInfo"), "a batch of a stream"),
    "the record of DynamoDB's batch": (_stream("DDBStreamBatchInfo"), "a batch of a stream"),
    "CloudWatch: an alarm": (
        s.eventbridge("aws.cloudwatch", "CloudWatch Alarm State Change", {"alarmName": "x"}),
        "CloudWatch Alarm State Change",
    ),
    "CodePipeline: a stage": (
        s.eventbridge("aws.codepipeline", "CodePipeline Stage Execution State Change", {"state": "SUCCEEDED"}),
        "CodePipeline Stage Execution State Change",
    ),
    "CodeCommit: a deleted branch": (s.codecommit("referenceDeleted"), "main was deleted"),
    "CodeCommit: a comment": (
        s.eventbridge("aws.codecommit", "CodeCommit Comment on Commit", {"event": "commentOnCommitCreated"}),
        "CodeCommit Comment on Commit",
    ),
}


def told(world: World) -> list[str]:
    """Why nothing was built: what the log says."""
    return [str(line.get("ignored") or line.get("message")) for line in world.lines if line["event"] != "sweep"]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_no_change_builds_nothing_whatever_carries_it(world: World, carrier: str) -> None:
    wrong = []
    for name, (event, says) in NOT_CHANGES.items():
        if carrier == "HTTP" and "Records" in event:
            continue  # S3 notifies by no URL
        world.lines.clear()
        before = len(world.builds)
        try:
            world.get(CARRIERS[carrier](event))
        except EventError as error:
            world.lines.append({"event": "raised", "message": str(error)})
        if world.builds[before:] or not any(says in line for line in told(world)):
            wrong.append((name, told(world)))
    assert (wrong, world.builds, world.scene().record.pending) == ([], [], None)


def test_one_that_cannot_be_confirmed_unseen_stays_in_the_queue(world: World) -> None:
    confirmation, _ = NOT_CHANGES["the confirmation of a subscription"]
    for batch in (s.in_sqs(confirmation, s.ecr()), s.in_sqs(s.ecr(), confirmation)):
        (failed,) = world.send(batch)["batchItemFailures"]
        assert batch["Records"][int(failed["itemIdentifier"][1:])]["body"].startswith('{"Type": "Sub')
    assert len(world.builds) == 1  # the image beside it


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_a_change_builds_whatever_carries_it_and_once(world: World, carrier: str) -> None:
    push = BY_NAME["CodeCommit"].push(VERSION, "3" * 40, world.clock.now_ms())
    assert isinstance(push, dict)
    world.get(CARRIERS[carrier](push))
    world.get(CARRIERS[carrier](push))
    world.rest()
    assert world.versions == [VERSION]
    assert world.of_event(f"id-of-{VERSION}").verdict == "covered"


def test_a_load_balancers_ping_is_answered_and_touches_nothing(world: World) -> None:
    before = list(world.lines)
    agent = "ELB-HealthChecker/2.0"
    for headers in ({"headers": {"user-agent": agent}}, {"multiValueHeaders": {"user-agent": [agent]}}):
        ping = {"requestContext": {"elb": {"targetGroupArn": "arn:x"}}, "httpMethod": "GET", "path": "/", "body": ""}
        assert world.send({**ping, **headers})["statusCode"] == 200
    assert (world.builds, world.lines) == ([], before)


# --- a topic that posts to the function's URL ------------------------------------------------------------


def _posted_by_sns(inner: object) -> HttpRequest:
    return p.posted(s.notification(inner), {"x-amz-sns-message-type": "Notification"})


def test_a_topic_that_posts_again_is_a_duplicate(world: World) -> None:
    for _ in range(2):
        world.get(_posted_by_sns("edited"))
    world.rest()
    assert (len(world.builds), world.of_event("n-1").verdict) == (1, "covered")


def test_what_a_topic_posts_has_the_power_of_its_secret_and_no_more(world: World) -> None:
    letter = {"holdoff": "webhook", "origin": {"scheme": None, "projects": None}}
    request = {"method": "POST", "path": "/", "headers": {}, "body": json.dumps({"project": "site", "force": True})}
    for inner in ({"holdoff": "sweep"}, {**letter, "request": request}, {"project": "site", "force": True}):
        for event in (inner, s.in_sqs(inner), s.in_sns(inner)):
            assert world.get(_posted_by_sns(event))["status"] in (403, 422), event
    assert world.builds == []


def test_several_events_in_what_a_topic_posts_are_refused_with_advice(world: World) -> None:
    became = world.get(_posted_by_sns(s.in_sqs(s.ecr(), s.codecommit())))
    assert became["status"] == 422
    assert "Subscribe the function itself to the topic" in became["error"]
    assert world.builds == []


# --- GitHub's deliveries by EventBridge --------------------------------------------------------------------


def _bridged(request: HttpRequest) -> Json:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas-furls.html"""
    kind, own = request.headers["x-github-event"], request.headers["x-github-delivery"]
    return s.eventbridge("github.com", kind, json.loads(request.body), id=own)


def test_githubs_events_by_eventbridge_are_githubs(world: World) -> None:
    ignored = [sent for sent in sent_by_git.SENT if sent.sender == "GitHub" and isinstance(sent.becomes, str)]
    assert len(ignored) > 10
    for sent in ignored:
        assert isinstance(sent.what, HttpRequest)
        assert "ignored" in world.send(_bridged(sent.what)), sent.name
    pushes = [
        BY_NAME["GitHub"].push(digit * 40, before * 40, at_ms)
        for digit, before, at_ms in (("5", "4", world.clock.now_ms() - 1_000), ("4", "3", world.clock.now_ms() - 2_000))
    ]
    for push in pushes:
        assert isinstance(push, HttpRequest)
        world.send(_bridged(push))
    world.rest()
    assert world.versions == ["5" * 40]  # and not the older one after it


# --- handshakes ------------------------------------------------------------------------------------------

#: By sender, what it wants to see: JSON with nothing else, or a plain text.
ECHOES: dict[str, Json] = {
    "Event Grid": {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"},
    "Slack": {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"},
    "monday.com": {"challenge": "3eZb-rw1aBm2"},
    "Smartsheet": {"smartsheetHookResponse": "3eZb-rw1aBm2"},
}
PLAIN = {
    "validationToken": "Validation: Testing client",
    "validationtoken": "a-1",
    "challenge": "a-1",
    "hub.challenge": "a-1",
}
_SHAKEN = [one for one in sent_by_others.SENT if str(one.becomes).startswith("a handshake of")]
HANDSHAKES = {one.sender: one.what for one in _SHAKEN if one.sender in ECHOES}
ASKED = {one.event.partition("?")[2].rstrip("="): one for one in _SHAKEN if one.sender not in ECHOES}


@pytest.mark.parametrize("sender", ECHOES)
def test_a_handshake_is_answered_with_what_its_sender_wants_to_see_and_with_nothing_else(
    world: World, sender: str
) -> None:
    assert world.get(HANDSHAKES[sender]) == {"status": 200, **ECHOES[sender]}
    assert world.lines[-1]["ignored"] == f"a handshake of {sender}"
    assert world.builds == []


@pytest.mark.parametrize("sender", ECHOES)
def test_a_handshake_of_a_stranger_is_not_answered(world: World, sender: str) -> None:
    asked = HANDSHAKES[sender]
    assert isinstance(asked, HttpRequest)
    refused = world.send(by_url(asked))
    assert refused["statusCode"] == 401
    assert not any(shown in refused["body"] for shown in (*ECHOES[sender], *ECHOES[sender].values()))


def _by_the_url(asked: HttpRequest, secret: str) -> list[HttpRequest]:
    """With a secret in the query, and in the path."""
    return [asked.but(query=f"secret={secret}&{asked.query}"), asked.but(path=f"/hooks/site/{secret}")]


@pytest.mark.parametrize("front_end", FRONT_ENDS)
@pytest.mark.parametrize("name", PLAIN)
def test_a_handshake_in_the_url_is_answered_with_its_text_alone(world: World, name: str, front_end: str) -> None:
    world.environment["HOLDOFF_WEBHOOK_URL"] = "env:HOOK_SECRET"
    asked = ASKED[name].what
    assert isinstance(asked, HttpRequest)
    for request in _by_the_url(asked, SECRETS["secret"]):
        answer = world.send(FRONT_ENDS[front_end](request))
        assert (answer["statusCode"], answer["body"], answer["isBase64Encoded"]) == (200, PLAIN[name], False)
        kind = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
        assert answer["headers"] == kind | {"cache-control": "no-store"}
        assert world.lines[-1]["ignored"] == f"a handshake of {ASKED[name].sender}"
    for request in _by_the_url(asked, "another"):
        answer = world.send(FRONT_ENDS[front_end](request))
        assert (answer["statusCode"], PLAIN[name] in answer["body"]) == (401, False)
    assert world.builds == []


@pytest.mark.parametrize(
    ("method", "query", "body", "status"),
    [
        ("GET", "", b"", 422),
        ("GET", "challenge=", b"", 422),
        ("GET", "page=1&validationToken=echo-me", b"", 422),
        ("HEAD", "challenge=echo-me", b"", 200),
        ("POST", "challenge=echo-me", b"", 200),
        ("POST", "hub.challenge=echo-me", b"", 200),
        ("POST", "validationToken=echo-me", b'{"edited": 1}', 200),
        ("POST", "", b'{"": "echo-me"}', 200),
    ],
)
def test_no_other_request_is_a_handshake(world: World, method: str, query: str, body: bytes, status: int) -> None:
    asked = p.posted({}, {}).but(method=method, query=query, body=body)
    answer = world.get(asked)
    assert answer["status"] == status
    assert "echo-me" not in json.dumps(answer)
    assert ("error" in answer, "ignored" in answer) == (method == "GET", method == "HEAD")
    assert len(world.builds) == (method == "POST")


BAD = ("x" * 1_001, "a\u0000b", "a\nb", "a\u202eb", "<script>alert(1)</script>")


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_a_text_that_is_no_token_is_not_sent_back(world: World, text: str) -> None:
    in_url = p.posted({}, {}).but(body=b"")
    for asked in (
        in_url.but(query=urlencode({"validationToken": text})),
        in_url.but(method="GET", query=urlencode({"challenge": text})),
        in_url.but(method="GET", query=urlencode({"hub.challenge": text})),
        p.posted({"challenge": text}, {}),
        p.posted({"challenge": text, "webhookId": 7}, {}),
        p.posted({"challenge": text, "type": "url_verification"}, {}),
    ):
        answer = world.get(asked)
        assert (answer["status"], text in answer["error"]) == (422, False)
        assert "is not answered" in answer["error"]
        assert text not in str(world.lines)
    assert (world.builds, world.queue.letters) == ([], [])  # sent again without its query, one would build


def test_the_verification_of_notion_is_kept_and_told_nowhere_else(world: World) -> None:
    token = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
    answer = world.get(p.posted({"verification_token": token}, {}))
    assert answer["status"] == 422
    (letter,) = world.queue.letters
    assert "give Notion the verification_token in this dead letter" in letter["error"]
    assert json.loads(letter["request"]["body"]) == {"verification_token": token}
    assert token not in f"{answer} {world.lines} {letter['error']}"
    assert world.builds == []


def test_the_url_that_confirms_oracles_subscription_is_kept_in_a_dead_letter(world: World) -> None:
    url = "https://notification.eu-frankfurt-1.oraclecloud.com/20181201/subscriptions/1/confirmation?token=t"
    answer = world.get(p.posted({}, {"X-OCI-NS-ConfirmationURL": url}))
    assert answer["status"] == 422
    (letter,) = world.queue.letters
    assert "open the X-OCI-NS-ConfirmationURL among its headers" in letter["error"]
    assert letter["request"]["headers"]["x-oci-ns-confirmationurl"] == url
    assert url not in f"{answer} {world.lines} {letter['error']}"
    assert world.builds == []


def _asks_to_send(secret: str) -> Json:
    """https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#41-validation-request"""
    asked = p.posted({}, {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"})
    return by_url(asked.but(method="OPTIONS", body=b"", query=f"secret={secret}"))


def test_event_grid_is_told_that_it_may_send_cloud_events_and_a_stranger_is_not(world: World) -> None:
    world.environment["HOLDOFF_WEBHOOK_URL"] = "env:HOOK_SECRET"
    answer, stranger = world.send(_asks_to_send(SECRETS["secret"])), world.send(_asks_to_send("another"))
    assert answer["statusCode"] == 200
    allowed = {name: value for name, value in answer["headers"].items() if name.startswith("webhook-")}
    assert allowed == {"webhook-allowed-origin": "eventgrid.azure.net", "webhook-allowed-rate": "*"}
    assert stranger["statusCode"] == 401
    assert not any(name.startswith("webhook-") for name in stranger["headers"])
    assert world.builds == []
