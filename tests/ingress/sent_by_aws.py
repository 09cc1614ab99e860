"""What services of AWS send, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.ingress import shapes as s
from tests.ingress.sent import Built, Other, Refused, Sent, nothing, of

NOON_MS = 1795575600000  # 2026-11-25T03:00:00Z
TRAIL = "AWS API Call via CloudTrail"
EVENT = "17793124-05d4-b198-2fde-7ededc63b103"


def _codecommit() -> Iterator[Sent]:
    sent = of("CodeCommit")
    push = Built(
        version="3e5983DESTINATION",
        line="web refs/heads/main",
        at_ms=NOON_MS,
        parent="3e5a9bf1d6b4f00d3d3c1e80a9a5bf1f0a5bd1a5",
        id=EVENT,
        by="Mary_Major",
        reason="push to web main",
    )
    yield sent("push of main or master", s.codecommit(), push)
    side = s.codecommit(referenceName="side", referenceFullName="refs/heads/side")
    yield sent(
        "push of another branch",
        side,
        "side is not main or master, and no rule takes it (CodeCommit does not say which branch is the default one: "
        "set projects.site.branch)",
    )
    tag = s.codecommit(referenceName="v1", referenceType="tag", referenceFullName="refs/tags/v1")
    yield sent("push of a tag", tag, "v1 is no branch, and no rule takes it")
    gone = s.codecommit("referenceDeleted")
    del gone["detail"]["commitId"]
    yield sent("push, of a deleted branch", gone, "main was deleted")
    merged = s.codecommit("unreferencedMergeCommitCreated")
    yield sent("unreferencedMergeCommitCreated", merged, "a merge commit without a branch")
    empty = {"Records": [{"eventSource": "aws:codecommit", "eventId": "1", "codecommit": {"references": []}}]}
    deleted = {"ref": "refs/heads/main", "deleted": True}
    gone = {"Records": [{"eventSource": "aws:codecommit", "eventId": "1", "codecommit": {"references": [deleted]}}]}
    yield sent("a trigger, of a deleted branch", gone, "main was deleted")
    yield sent("a trigger without a reference", empty, Refused("is a push that does not say what was pushed"))
    tested = {"ref": "refs/heads/main", "commit": "5c4ef1049f1d27deadbeeff313e0730018be182b"}
    test = {"eventSource": "aws:codecommit", "eventName": "TriggerEventTest", "codecommit": {"references": [tested]}}
    yield sent("a trigger, tested", {"Records": [test]}, "a test of CodeCommit")
    # Of each push CodeCommit sends its own event, too.
    yield sent("API Call via CloudTrail: a push", s.codecommit_by_trail(tested), nothing("aws.codecommit", TRAIL))
    failed = s.codecommit_by_trail(tested, errorCode="AccessDenied")
    yield sent("API Call via CloudTrail: a failed push", failed, nothing("CloudTrail", "failed GitPush"))
    approved = {"event": "pullRequestCreated", "pullRequestId": "7", "callerUserArn": "arn:aws:sts::1:assumed-role/A/M"}
    approved = s.eventbridge("aws.codecommit", "CodeCommit Pull Request State Change", approved)
    yield sent("Pull Request State Change", approved, nothing("aws.codecommit", "CodeCommit Pull Request State Change"))


def _models() -> Iterator[Sent]:
    for status, becomes in (
        ("Approved", Built(at_ms=NOON_MS, id=EVENT, reason="model churn approved")),
        ("PendingManualApproval", nothing("aws.sagemaker", "SageMaker Model Package State Change")),
    ):
        about = {"ModelPackageGroupName": "churn", "ModelPackageVersion": 7, "ModelApprovalStatus": status}
        event = s.eventbridge("aws.sagemaker", "SageMaker Model Package State Change", about)
        yield of("SageMaker")(f"Model Package State Change: {status}", event, becomes)


def _packages() -> Iterator[Sent]:
    """https://docs.aws.amazon.com/codeartifact/latest/ug/service-event-format-example.html"""
    kind = "CodeArtifact Package Version State Change"
    for state, becomes in (
        ("Published", Built(at_ms=NOON_MS, id=EVENT, reason="package web 1.0.0")),
        ("Disposed", nothing("aws.codeartifact", kind)),
    ):
        about = {"repositoryName": "npm", "packageName": "web", "packageVersion": "1.0.0", "packageVersionState": state}
        event = s.eventbridge("aws.codeartifact", kind, {**about, "operationType": "Created", "packageFormat": "npm"})
        yield of("CodeArtifact")(f"Package Version State Change: {state}", event, becomes)


def _stored() -> Iterator[Sent]:
    sent = of("ECR")
    pushed = Built(at_ms=NOON_MS, id=EVENT, reason="image web:v1 pushed")
    yield sent("Image Action: a push", s.ecr(), pushed)
    signed = s.ecr(**{"image-tag": "sha256-7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234.sig"})
    why = nothing("ECR", "push about an image")
    yield sent("Image Action: a signature", signed, why)
    for what, media in (
        ("a signature, by digest", "application/vnd.dev.sigstore.bundle.v0.3+json"),
        ("an attestation, by digest", "application/vnd.in-toto+json"),
    ):
        yield sent(f"Image Action: {what}", s.ecr(**{"image-tag": "", "artifact-media-type": media}), why)
    part = s.ecr(**{"image-tag": "", "artifact-media-type": "application/vnd.oci.image.config.v1+json"})
    yield sent("Image Action: a push by digest", part, nothing("ECR", "push by digest"))
    replicated = s.ecr(**{"action-type": "REPLICATE", "source-region": "us-west-2"}) | {
        "detail-type": "ECR Replication Action"
    }
    yield sent("Replication Action: in the region of the copy", replicated, pushed)
    yield sent("Image Action: a failed push", s.ecr(result="FAILURE"), nothing("ECR", "PUSH FAILURE"))
    yield sent("Image Action: a deletion", s.ecr(**{"action-type": "DELETE"}), nothing("ECR", "DELETE SUCCESS"))
    # What CDK's ``Repository.onCloudTrailImagePushed`` asks for.
    yield sent("API Call via CloudTrail: a push", s.ecr_by_trail(), pushed)
    failed = s.ecr_by_trail(errorCode="ImageTagAlreadyExistsException")
    yield sent("API Call via CloudTrail: a failed push", failed, nothing("CloudTrail", "failed PutImage"))
    part = s.ecr_by_trail(requestParameters={"repositoryName": "web", "imageManifest": "{}"})
    yield sent("API Call via CloudTrail: a push by digest", part, nothing("ECR", "push by digest"))
    signed = s.ecr_by_trail(requestParameters={"repositoryName": "web", "imageTag": f"sha256-{'7' * 64}.sig"})
    yield sent("API Call via CloudTrail: a signature", signed, nothing("ECR", "push about an image"))
    layer = s.ecr_by_trail(eventName="CompleteLayerUpload")
    yield sent("API Call via CloudTrail: another call", layer, nothing("aws.ecr", TRAIL))
    scanned = s.eventbridge("aws.ecr", "ECR Image Scan", {"scan-status": "COMPLETE", "repository-name": "web"})
    yield sent("Image Scan", scanned, nothing("aws.ecr", "ECR Image Scan"))

    sent = of("S3")
    at: Any = {"at_ms": NOON_MS}
    for kind, name in (("Created", "ObjectCreated:Put"), ("Deleted", "ObjectRemoved:Delete")):
        own = f"s3:content/a b/ä.md#617f08299329d189:{kind}"
        bridged = Built(id=own, reason=f"Object {kind} s3://content/a b/ä.md", **at)
        yield sent(f"Object {kind}", s.s3_created(f"Object {kind}"), bridged)
        yield sent(name, s.s3_notification(name), bridged._replace(reason=f"{name} s3://content/a b/ä.md"))
    why = nothing("S3", "old version that a lifecycle rule deleted")
    yield sent("Object Deleted: an old version, by a lifecycle rule", s.s3_expired("Permanently Deleted"), why)
    yield sent("LifecycleExpiration:Delete of an old version", s.s3_notification("LifecycleExpiration:Delete"), why)
    marked = Built(
        id="s3:content/a b/ä.md#617f08299329d189:Deleted", reason="Object Deleted s3://content/a b/ä.md", **at
    )
    yield sent("Object Deleted: by a lifecycle rule", s.s3_expired("Delete Marker Created"), marked)
    reason = "LifecycleExpiration:DeleteMarkerCreated"
    noted = marked._replace(reason=f"{reason} s3://content/a b/ä.md")
    yield sent(reason, s.s3_notification(reason), noted)
    put = s.by_trail("PutObject")
    yield sent("API Call via CloudTrail: a write", put, Built(id=EVENT, reason="PutObject s3://content/a b/ä.md", **at))
    failed = s.by_trail("PutObject", errorCode="AccessDenied")
    yield sent("API Call via CloudTrail: a failed write", failed, nothing("CloudTrail", "failed PutObject"))
    for kind in ("Object ACL Updated", "Object Tags Added", "Object Storage Class Changed", "Object Restore Completed"):
        yield sent(kind, s.s3_created(kind), nothing("aws.s3", kind))
    for name in ("ObjectTagging:Put", "ObjectAcl:Put", "LifecycleTransition", "Replication:OperationFailedReplication"):
        yield sent(name, s.s3_notification(name), nothing("S3", name))
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "content", "RequestId": "x"}
    yield sent("s3:TestEvent", test, "a test event of S3")


def _others() -> Iterator[Sent]:
    rule = [f"arn:aws:events:{s.REGION}:123456789012:rule/nightly"]
    nightly = s.eventbridge("aws.events", "Scheduled Event", {}, resources=rule)
    yield of("EventBridge")("Scheduled Event", nightly, Built(at_ms=NOON_MS, id=EVENT, reason="schedule nightly"))
    by_hand = {"source": "aws.scheduler", "detail-type": "Nightly Build", "detail": {}}
    yield of("EventBridge")("an input of a schedule, written by hand", by_hand, Built(reason="schedule"))
    made = s.eventbridge("aws.scheduler", "AWS API Call via CloudTrail", {"eventName": "CreateSchedule"})
    why = nothing("aws.scheduler", "AWS API Call via CloudTrail")
    yield of("EventBridge")("API Call via CloudTrail: of a schedule", made, why)
    warmed = {**nightly, "resources": [rule[0].replace("nightly", "zappa-keep-warm")]}
    kept = "nothing is built for zappa-keep-warm, which keeps a function warm, unless a rule takes it"
    yield of("EventBridge")("Scheduled Event, of a warmer", warmed, kept)
    sent = of("EventBridge")
    own = s.eventbridge("my.shop", "Prices Changed", {"x": 1})
    yield sent("an event of one's own", own, Built(at_ms=NOON_MS, id=EVENT, reason="Prices Changed"))
    started = s.eventbridge("aws.ec2", "EC2 Instance State-change Notification", {"state": "running"})
    partner = s.eventbridge("aws.partner/mongodb.com/stitch.trigger/1", "MongoDB Database Trigger", {"ns": {}})
    yield sent("an event of a partner", partner, Built(at_ms=NOON_MS, id=EVENT, reason="MongoDB Database Trigger"))
    source = "aws.partner/buildkite.com/octo/0106-187c-12cd4fe"
    built = s.eventbridge(source, "Build Finished", {"version": 1, "build": {"branch": "main", "state": "passed"}})
    yield sent("an event of Buildkite", built, nothing(source, "Build Finished"))
    for name, kind in (
        ("auth0.com", "Auth0 log"),
        ("datadog.com", "Datadog Alert Notification"),
        ("genesys.com", "v2.conversations.{id}.transcription"),
        ("ilert.com", "alert-created"),
        ("mackerel.io", "Mackerel Alert"),
        ("newrelic.com", "NewRelicEvent"),
        ("okta.com", "SystemLog"),
        ("onelogin.com", "OneLogin Event"),
        ("operata.com", "CallSummary"),
        ("pagerduty.com", "incident.triggered"),
        ("rootly.com", "incident.created"),
        ("sailpoint.com", "idn:access-request-dynamic-approver"),
        ("segment.com", "track"),
        ("signalfx.com", "Observability Cloud Alert"),
        ("snyk.io", "issues.vuln"),
        ("zendesk.com", "Support Ticket: Comment Created"),
    ):
        source = f"aws.partner/{name}/1/site"
        of_it = f"an event of {name.partition('.')[0]}"
        yield sent(of_it, s.eventbridge(source, kind, {"id": "7"}), nothing(source, kind))
    # As tests hand them on, without what tells a whole one.
    for name, kind in (("Stripe", "customer.subscription.created"), ("Shopify", "orders/create")):
        source = f"aws.partner/{name.lower()}.com"
        yield sent(f"a sale at {name}, in short", s.eventbridge(source, kind, {"id": "7"}), nothing(source, kind))
    priced = s.eventbridge("aws.partner/stripe.com/ed_1", "price.updated", {"id": "7"})
    yield sent("a price at Stripe, in short", priced, Built(at_ms=NOON_MS, id=EVENT, reason="price.updated"))
    yield sent("any other event of AWS", started, nothing("aws.ec2", "EC2 Instance State-change Notification"))
    sent = of("CodeBuild")
    yield sent("Build State Change: ended", s.codebuild(project="site"), Other("BuildEnded", "the end of a build"))
    began = nothing("aws.codebuild", "CodeBuild Build State Change")
    yield sent("Build State Change: began", s.codebuild("IN_PROGRESS", "site"), began)
    phase = s.eventbridge("aws.codebuild", "CodeBuild Build Phase Change", {"completed-phase": "BUILD"})
    yield sent("Build Phase Change", phase, nothing("aws.codebuild", "CodeBuild Build Phase Change"))
    job = {"CodePipeline.job": {"id": "11111111-abcd", "accountId": "1", "data": {}}}
    yield of("CodePipeline")("a job", job, Built(id="11111111-abcd", reason="CodePipeline job"))
    record = {"eventID": "c4ca42", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {}}
    changed = Built(id="c4ca42", reason="dynamodb MODIFY")
    yield of("DynamoDB, Kinesis")("a record of a stream", {"Records": [record]}, changed)


def _carried() -> Iterator[Sent]:
    text = Built(id="n-1", reason="message on edits")
    yield of("SNS")("a message that is no event", s.in_sns("edited"), text)
    confirmation = {"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:eu-west-1:1:edits", "Token": "x"}
    refused = Refused("asks to confirm a subscription")
    yield of("SNS")("SubscriptionConfirmation in a queue", s.in_sqs(confirmation), refused)
    # https://support.huaweicloud.com/intl/en-us/usermanual-smn/smn_ug_a9002.html
    asked = {"type": "SubscriptionConfirmation", "topic_urn": "urn:smn:x", "subscribe_url": "https://x"}
    yield of("SNS")("SubscriptionConfirmation of Huawei's SMN in a queue", s.in_sqs(asked), refused)
    ended = {"type": "UnsubscribeConfirmation", "topic_urn": "urn:smn:x", "subscribe_url": "https://x"}
    yield of("SNS")("UnsubscribeConfirmation of Huawei's SMN", ended, "a subscription of SNS ended")
    asked = {"messageType": "DestinationConfirmation", "confirmationToken": "t", "enableUrl": "https://x"}
    yield of("IoT")(
        "DestinationConfirmation in a queue", s.in_sqs(asked), Refused("asks for a confirmation: open its enableUrl")
    )
    yield of("SQS")("a message that is no event", s.in_sqs("edited"), Built(id="m0", reason="message in triggers"))
    push = s.in_sqs(s.in_sns(s.ecr()))
    pushed = Built(at_ms=NOON_MS, id=EVENT, reason="image web:v1 pushed")
    yield of("SQS, SNS")("an event in envelopes", push, pushed)
    (record,) = push["Records"]
    piped = s.eventbridge("Pipe triggers", "Event from aws:sqs", record, id="of-the-pipe")
    yield of("EventBridge Pipes")("a queue's message, on a bus", piped, pushed)
    yield of("ECR")("the detail of a push alone", s.ecr()["detail"], pushed._replace(at_ms=None, id=None))


#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
_REQUESTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    (
        *("Alexa", "a directive of a smart home", "a request"),
        {"directive": {"header": {"namespace": "Alexa.PowerController", "name": "TurnOn"}, "payload": {}}},
    ),
    (
        *("Auto Scaling", "a lifecycle hook, by SNS", "an event"),
        s.in_sns({"AutoScalingGroupName": "x", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}),
    ),
    ("CloudFormation", "a macro", "a macro", {"transformId": "1::x", "requestId": "1", "fragment": {}}),
    ("CodeDeploy", "a hook", "a deployment's state", {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e"}),
    ("Cognito", "a user pool's trigger", "a request", {"userPoolId": "x", "triggerSource": "PreSignUp_SignUp"}),
    # https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_sns.html
    *(
        ("GuardDuty", kind, "an announcement", s.in_sns({"version": "1", "type": kind, f"{about}Details": [details]}))
        for kind, about, details in (
            ("NEW_FINDINGS", "finding", {"findingType": "UnauthorizedAccess:EC2/TorClient"}),
            ("NEW_FEATURES", "feature", {"featureLink": "https://x"}),
        )
    ),
    # https://docs.aws.amazon.com/ivs/latest/ChatUserGuide/chat-message-review-handler.html
    (
        *("IVS", "a message to be reviewed", "a message"),
        {"Content": "hello", "MessageId": "1", "RoomArn": "arn:x", "Sender": {"UserId": "ann"}},
    ),
    (
        *("S3", "a request of Object Lambda", "a request"),
        {"xAmzRequestId": "1", "getObjectContext": {"inputS3Url": "https://x"}, "protocolVersion": "1.00"},
    ),
    (
        *("Secrets Manager", "a rotation", "a rotation"),
        {"SecretId": "arn:x", "ClientRequestToken": "1", "Step": "createSecret"},
    ),
    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-announcements.html
    (
        *("Security Hub", "an announcement, by SNS", "a notice"),
        s.in_sns({"AnnouncementType": "NEW_STANDARDS_CONTROLS", "Title": "36 new controls", "Description": "x"}),
    ),
    (
        "SES",
        "the fate of a mail, by SNS",
        "a mail's fate",
        s.in_sns({"eventType": "Bounce", "mail": {"messageId": "1"}}),
    ),
    (
        "Lambda",
        "the answer of AppSync's authorizer",
        "the answer of a function",
        {"isAuthorized": True, "ttlOverride": 10},
    ),
)


def _asked() -> Iterator[Sent]:
    """What is asked of functions, and is no change."""
    resource = {"RequestType": "Delete", "StackId": "arn:x", "ResponseURL": "https://x", "RequestId": "1"}
    yield of("CloudFormation")("a custom resource", resource, Refused("is a custom resource of CloudFormation"))
    stack = s.in_sns("StackId='arn:x'\nResourceStatus='CREATE_COMPLETE'", Subject="AWS CloudFormation Notification")
    yield of("CloudFormation")(
        "a stack's event, by SNS", stack, "nothing is built for a notice of AWS unless a rule takes it"
    )
    alarm = {"AlarmName": "x", "NewStateValue": "ALARM"}
    asked = "nothing is built for an alarm of CloudWatch unless a rule takes it"
    yield of("CloudWatch")("an alarm", alarm, asked)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    acted = {"source": "aws.cloudwatch", "alarmArn": "arn:x", "alarmData": {"alarmName": "x"}}
    yield of("CloudWatch")("an alarm's action", acted, nothing("aws.cloudwatch", "event"))
    for sender, event, name, what in _REQUESTS:
        yield of(sender)(event, what, f"nothing is built for {name} of {sender} unless a rule takes it")
    done = s.failed_invocation(s.ecr())
    pushed = Built(at_ms=NOON_MS, id=EVENT, reason="image web:v1 pushed")
    yield of("Lambda")("the record of a failed invocation", done, pushed)
    done = s.failed_invocation({"x": 1})
    done["requestContext"]["condition"] = "Success"
    yield of("Lambda")("the record of a success", done, "an invocation succeeded")
    kept = "a ping, or a call that keeps the function warm"
    yield of("a warmer")("a call", {"source": "serverless-plugin-warmup"}, kept)
    yield from _by_hand()


def _by_hand() -> Iterator[Sent]:
    asked: dict[str, Any] = {
        "project": "site",
        "source_version": "4f2a91c",
        "line": "main",
        "parent": "3e1",
        "by": "ann",
    }
    built = Built(version="4f2a91c", line="main", at_ms=NOON_MS, parent="3e1", id="7", by="ann", reason="edited")
    sent = of("a person or program")
    asked |= {"at": "2026-11-25T03:00:00Z", "event_id": "7", "reason": "edited"}
    yield sent("Holdoff's own form", asked, built)
    yield sent('{"holdoff": "sweep"}', {"holdoff": "sweep"}, Other("WakeAsked", "a wake"))
    yield sent("any other JSON", {"key1": "value1"}, Built())


SENT = (*_codecommit(), *_stored(), *_packages(), *_models(), *_others(), *_carried(), *_asked())
