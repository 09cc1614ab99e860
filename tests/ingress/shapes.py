"""Events as the services' documents show them, where the SAM CLI has no sample."""

from __future__ import annotations

import json
from typing import Any

REGION = "eu-west-1"


def eventbridge(source: str, kind: str, detail: object, **more: object) -> dict[str, Any]:
    """An event of EventBridge."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": "2026-11-25T03:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
        **more,
    }


def codecommit(event: str = "referenceUpdated", **more: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html"""
    detail = {
        "event": event,
        "repositoryName": "web",
        "repositoryId": "12345678-1234-5678-abcd-12345678abcd",
        "referenceType": "branch",
        "referenceName": "main",
        "referenceFullName": "refs/heads/main",
        "commitId": "3e5983DESTINATION",
        "oldCommitId": "3e5a9bf1d6b4f00d3d3c1e80a9a5bf1f0a5bd1a5",
        "callerUserArn": "arn:aws:sts::123456789012:assumed-role/Admin/Mary_Major",
    }
    return eventbridge("aws.codecommit", "CodeCommit Repository State Change", detail | more)


def ecr(**more: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = {
        "result": "SUCCESS",
        "repository-name": "web",
        "image-digest": "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234",
        "action-type": "PUSH",
        "image-tag": "v1",
    }
    return eventbridge("aws.ecr", "ECR Image Action", detail | more)


def s3_created(kind: str = "Object Created") -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    detail = {
        "version": "0",
        "bucket": {"name": "content"},
        "object": {
            "key": "a b/ä.md",
            "size": 5,
            "etag": "b1946ac92492d2347c6235b4d2611184",
            "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "sequencer": "617f08299329d189",
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
    }
    written: dict[str, Any] = {
        "Object Created": {"reason": "PutObject"},
        "Object Deleted": {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
    }
    return eventbridge("aws.s3", kind, detail | written.get(kind, {}))


def s3_expired(how: str) -> dict[str, Any]:
    """The same, of a deletion by a lifecycle rule."""
    event = s3_created("Object Deleted")
    event["detail"] |= {"reason": "Lifecycle Expiration", "deletion-type": how}
    return event


def _logged(service: str, call: str, parameters: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    """A call that CloudTrail logged."""
    detail = {
        "eventVersion": "1.08",
        "eventTime": "2026-11-25T03:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": call,
        "requestParameters": parameters,
        "eventID": "4e6f5c2b-6f2d-4e50-8c3f-1b3d2a7f9e01",
        **more,
    }
    return eventbridge(f"aws.{service}", "AWS API Call via CloudTrail", detail)


def by_trail(call: str, **more: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cloudtrail-S3-source.html"""
    return _logged("s3", call, {"bucketName": "content", "key": "a b/ä.md"}, more)


def ecr_by_trail(**more: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html"""
    return _logged("ecr", "PutImage", {"repositoryName": "web", "imageTag": "v1", "imageManifest": "{}"}, more)


def codecommit_by_trail(pushed: dict[str, str], **more: object) -> dict[str, Any]:
    """A push over git (https://docs.aws.amazon.com/codecommit/latest/userguide/integ-cloudtrail.html)."""
    return _logged("codecommit", "GitPush", {}, {"requestParameters": {"references": [pushed]}, **more})


def s3_notification(name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """The same as a notification
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-11-25T03:00:00.000Z",
        "eventName": name,
        "responseElements": {"x-amz-request-id": "N4N7GDK58NMKJ12R"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "content", "arn": "arn:aws:s3:::content"},
            "object": {
                "key": "a+b/%C3%A4.md",
                "size": 5,
                "versionId": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189",
            },
        },
    }
    return {"Records": [record]}


def codebuild(status: str = "SUCCEEDED", project: str = "site-build") -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html"""
    build = f"arn:aws:codebuild:{REGION}:123456789012:build/{project}:8745a7a9-c340-456a-9166"
    detail = {
        "build-status": status,
        "project-name": project,
        "build-id": build,
        "current-phase": "COMPLETED",
        "version": "1",
    }
    return eventbridge("aws.codebuild", "CodeBuild Build State Change", detail, resources=[build])


# --- envelopes -------------------------------------------------------------------------------------


def in_sns(inner: object, message_id: str = "n-1", **more: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html"""
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"arn:aws:sns:{REGION}:123456789012:edits:1",
        "Sns": notification(inner, message_id, **more),
    }
    return {"Records": [record]}


def notification(inner: object, message_id: str = "n-1", **more: object) -> dict[str, Any]:
    """What a topic puts into a queue."""
    return {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": f"arn:aws:sns:{REGION}:123456789012:edits",
        "Message": _text(inner),
        "Timestamp": "2026-11-25T03:00:00.000Z",
        "SignatureVersion": "1",
        **more,
    }


def in_sqs(*inner: object, queue: str = "triggers", message_id: str = "m") -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    return {"Records": [sqs_record(one, queue, f"{message_id}{n}") for n, one in enumerate(inner)]}


def sqs_record(inner: object, queue: str = "triggers", message_id: str = "m0") -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": _text(inner),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:{queue}",
        "awsRegion": REGION,
    }


def failed_invocation(inner: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    return {
        "version": "1.0",
        "timestamp": "2026-11-25T03:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": f"arn:aws:lambda:{REGION}:123456789012:function:holdoff:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": inner,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no answer"},
    }


def _text(inner: object) -> str:
    return inner if isinstance(inner, str) else json.dumps(inner)


# --- HTTP ------------------------------------------------------------------------------------------


def v2(body: object = None, path: str = "/hooks/site", **headers: str) -> dict[str, Any]:
    """A function URL, or API Gateway's format 2.0
    (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1"},
            "requestId": "id",
            "stage": "$default",
        },
        "body": None if body is None else _text(body),
        "isBase64Encoded": False,
    }


def github_push(**more: object) -> dict[str, Any]:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#push"""
    return {
        "ref": "refs/heads/main",
        "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": "4f2a91c0b8ad9ee4c8b0c2fd5a0bc1ef59dd3a33",
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": {"id": "4f2a91c0b8ad9ee4c8b0c2fd5a0bc1ef59dd3a33"},
        "repository": {"full_name": "acme/web", "default_branch": "main"},
        "pusher": {"name": "mona", "email": "mona@example.com"},
        "sender": {"login": "mona"},
        **more,
    }


def gitlab_push(**more: object) -> dict[str, Any]:
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events"""
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": "95790bf891e76fee5e1747ab589903a6a1f80f22",
        "after": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
        "ref": "refs/heads/main",
        "ref_protected": True,
        "checkout_sha": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
        "user_id": 4,
        "user_username": "jsmith",
        "project": {"path_with_namespace": "acme/web", "default_branch": "main"},
        **more,
    }
