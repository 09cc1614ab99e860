"""What the events of AWS services ask for by themselves. Pure.

Of AWS's own services only those events build that say that a source has changed. Of EventBridge's, sources of one's own
are applications, and each of their events is a change.

No source version is taken from ECR or S3, though they name one. CodeBuild reads it as a version of *its* source
(https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: a commit, branch or tag of a repository,
or the version of the very ZIP file in S3 that is built): an image's digest is never one, and an object's version only
where that object is the source. Without a version the newest is built, which is right for each. A rule can say more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdoff.ingress.events.kinds import Kind, Patterns

#: The key under which CodePipeline hands a job to a function
#: (https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html).
PIPELINE_JOB: Final = "CodePipeline.job"


def _control(sender: str, name: str, why: str, when: Mapping[str, Patterns]) -> Kind:
    return Kind(sender=sender, name=name, when=when, ignored=why)


def _asks(sender: str, name: str, *known_by: str | Mapping[str, Patterns]) -> Kind:
    """What a service asks of a function, or tells it, and is no change. A rule names it by what it is known by.

    Args:
        known_by: paths where something must be, and conditions.
    """
    when: dict[str, Patterns] = {}
    for one in known_by:
        when |= {one: "*"} if isinstance(one, str) else one
    why = f"nothing is built for {name} of {sender} unless a rule takes it"
    return Kind(sender=sender, name=name, when=when, ignored=why, named_by=tuple(when), reason=name)


_WARM: Final = ("warmup", "warmUp", "warm_up", "keepWarm", "keep_warm", "ping")
_WARMERS: Final[tuple[Mapping[str, Patterns], ...]] = (
    # serverless-plugin-warmup and -lambda-warmup, lambda-warmer; and as it is done by hand.
    {"source": ("serverless-plugin-*warmup", *_WARM)},
    {"action": _WARM},
    {"type": _WARM},
    *({name: "true"} for name in (*_WARM, "warmer", "warming", "isWarmup", "isWarmUp", "healthcheck")),
)
#: What is about the delivery of events, and what keeps functions warm. No rule makes a trigger of it.
CONTROL: Final = (
    Kind(
        sender="SNS",
        name="the confirmation of a subscription",
        # https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
        when={"Type": "SubscriptionConfirmation", "TopicArn": "*"},
        refused="asks to confirm a subscription: open its SubscribeURL, or give its Token to "
        "`aws sns confirm-subscription`; until then the topic sends nothing",
    ),
    _control("SNS", "the end of a subscription", "a subscription of SNS ended", {"Type": "UnsubscribeConfirmation"}),
    _control("S3", "a test", "a test event of S3", {"Event": "s3:TestEvent"}),
    _control("Lambda", "an empty batch", "a batch with nothing in it", {"Records": "[]"}),
    _control("SES", "a test", "a test of SES", {"notificationType": "AmazonSnsSubscriptionSucceeded"}),
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    _control(
        "Lambda",
        "the record of a success",
        "an invocation succeeded",
        {"requestContext.functionArn": "*", "requestContext.condition": "Success"},
    ),
    _control(
        "Lambda", "the record of a success", "an invocation succeeded", {"source": "lambda", "detail-type": "*Success"}
    ),
    Kind(
        sender="Lambda",
        name="the record of a stream's batch",
        when={"requestContext.functionArn": "*", "requestContext.condition": "*"},
        refused="says that a batch of a stream could not be handled, and has nothing of what was in it: "
        "the records are still in the stream; trigger the project by hand",
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    Kind(
        sender="CloudFormation",
        name="a custom resource",
        when={"RequestType": ("Create", "Update", "Delete"), "StackId": "*", "ResponseURL": "*"},
        refused="is a custom resource of CloudFormation, whose stack waits for an answer that Holdoff does not give: "
        "take the resource out of the template, and let EventBridge send the stack's events instead",
    ),
    # CDK's provider framework answers the stack itself, and keeps the URL
    # (https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources-readme.html#handling-lifecycle-events-onevent).
    _control(
        "CloudFormation",
        "a custom resource",
        "nothing is built for a custom resource of CloudFormation",
        {"RequestType": ("Create", "Update", "Delete"), "StackId": "*", "LogicalResourceId": "*"},
    ),
    *(
        _control("a warmer", "a call", "a ping, or a call that keeps the function warm", known_by)
        for known_by in _WARMERS
    ),
)

#: The services whose events of other types are known to be no changes.
_KNOWN: Final = (
    "aws.codebuild",
    "aws.codecommit",
    "aws.codepipeline",
    "aws.ecr",
    "aws.s3",
)
_COMMIT: Final[Mapping[str, Any]] = {
    "sender": "CodeCommit",
    "repository": "{detail.repositoryName}",
    "ref": "{detail.referenceFullName!}",
    "reason": "push to {detail.repositoryName} {detail.referenceName}",
    "version": "{detail.commitId!}",
    "parent": "{detail.oldCommitId}",
    "by": "{detail.callerUserArn/}",
    "at": "time",
}
_IN_S3: Final[Mapping[str, Any]] = {
    "sender": "S3",
    "reason": "{detail-type} s3://{detail.bucket.name}/{detail.object.key}",
    "line": "s3://{detail.bucket.name}/{detail.object.key}",
    "at": "time",
}
_NOTED_BY_S3: Final[Mapping[str, Any]] = {
    "sender": "S3",
    "reason": "{eventName} s3://{s3.bucket.name}/{s3.object.key%}",
    "line": "s3://{s3.bucket.name}/{s3.object.key%}",
    "at": "eventTime",
}

_WRITTEN: Final = tuple(
    f"{above}{name}:*" for above in ("", "s3:") for name in ("ObjectCreated", "ObjectRemoved", "LifecycleExpiration")
)
_UNWRITTEN: Final[Mapping[str, Any]] = {
    "ignored": "nothing is built for S3's {eventName} unless a rule takes it",
    "named_by": ("eventName",),
}
#: Where a trail logs what is done to a bucket, EventBridge tells of it so
#: (https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cloudtrail-S3-source.html).
_BY_TRAIL: Final[Mapping[str, Patterns]] = {"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail"}
_TRAILED: Final[Mapping[str, Any]] = {
    "sender": "S3",
    "reason": "{detail.eventName} s3://{detail.requestParameters.bucketName}/{detail.requestParameters.key}",
    "at": "detail.eventTime",
}

#: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
#: https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
_CODECOMMIT: Final = (
    Kind(
        name="a deleted branch",
        when={"source": "aws.codecommit", "detail.event": "referenceDeleted"},
        ignored="{detail.referenceName} was deleted",
        **{**_COMMIT, "version": ""},
    ),
    Kind(
        name="a merge without a branch",
        when={"source": "aws.codecommit", "detail.event": "unreferencedMergeCommitCreated"},
        ignored="a merge commit without a branch",
        **{**_COMMIT, "version": ""},
    ),
    Kind(
        name="push",
        when={"source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change"},
        ref_named_by=("detail.referenceName",),
        **_COMMIT,
    ),
    Kind(
        sender="CodeCommit",
        name="push",
        when={},
        each="codecommit.references",
        repository="{eventSourceARN:}",
        ref="{codecommit.references.0.ref!}",
        reason="push to {eventSourceARN:} {codecommit.references.0.ref}",
        version="{codecommit.references.0.commit!}",
        deleted="codecommit.references.0.deleted",
        by="{userIdentityARN/}",
        at="eventTime",
    ),
    Kind(
        sender="CodeCommit",
        name="push",
        when={"eventSource": "aws:codecommit"},
        refused="is a push that does not say what was pushed, in codecommit.references: trigger the project by hand",
    ),
)

#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
_STORED: Final = (
    # What cosign pushes beside an image: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
    Kind(
        sender="ECR",
        name="a signature",
        when={"source": "aws.ecr", "detail.image-tag": tuple(f"sha256-*.{kind}" for kind in ("sig", "att", "sbom"))},
        ignored="nothing is built for what is about an image of {detail.repository-name} unless a rule takes it",
        named_by=("detail.image-tag",),
        reason="{detail.action-type} {detail.repository-name}:{detail.image-tag}",
        at="time",
    ),
    *(
        Kind(
            sender="ECR",
            name="a pushed image",
            when={
                "source": "aws.ecr",
                "detail-type": "ECR Image Action",
                "detail.action-type": "PUSH",
                "detail.result": "SUCCESS",
                **has_tag,
            },
            reason=reason,
            line="ecr {detail.repository-name}{detail.image-tag^:}",
            at="time",
        )
        for has_tag, reason in (
            ({"detail.image-tag": "?*"}, "image {detail.repository-name!}:{detail.image-tag} pushed"),
            ({}, "image {detail.repository-name!}{detail.image-digest^@} pushed"),
        )
    ),
    *(
        Kind(
            sender="ECR",
            name=name,
            when={"source": "aws.ecr", "detail-type": "ECR Image Action", **action},
            ignored="no image was pushed: {detail.action-type} {detail.result}",
            named_by=(named_by,),
            reason="{detail.action-type} {detail.repository-name}",
            at="time",
        )
        for name, action, named_by in (
            ("a failed push", {"detail.action-type": "PUSH"}, "detail.result"),
            ("another image action", {}, "detail.action-type"),
        )
    ),
    Kind(
        name="a written object",
        when={"source": "aws.s3", "detail-type": ("Object Created", "Object Deleted")},
        **_IN_S3,
    ),
    *(
        Kind(name=name, when={**known_by, **what}, **more, **_NOTED_BY_S3)
        for known_by in ({"eventSource": "aws:s3"}, {"s3.bucket.name": "*"})  # MinIO's source is its own
        for name, what, more in (
            ("a written object", {"eventName": _WRITTEN}, {}),
            ("another event", {"eventName": "*"}, _UNWRITTEN),
            ("a written object", {}, {}),  # written by hand: S3 always says what happened
        )
    ),
    Kind(
        name="a failed call",
        when={**_BY_TRAIL, "detail.errorCode": "?*"},
        ignored="nothing is built for a failed {detail.eventName|call} of S3 unless a rule takes it",
        named_by=("detail.errorCode",),
        **_TRAILED,
    ),
    Kind(
        name="a written object",
        when={
            **_BY_TRAIL,
            "detail.eventName": (
                *("PutObject", "CopyObject", "CompleteMultipartUpload", "PostObject"),
                *("DeleteObject", "DeleteObjects"),
            ),
        },
        **_TRAILED,
    ),
)

_SCHEDULERS: Final[Mapping[str, Patterns]] = {"source": ("aws.events", "aws.scheduler")}
_SCHEDULED: Final[Mapping[str, Any]] = {
    "sender": "a schedule",
    "reason": "schedule {resources.0/}",
    "at": "time",
}
_UNKNOWN: Final[Mapping[str, Any]] = {
    "sender": "EventBridge",
    "name": "another event of AWS",
    "ignored": "nothing is built for {source}'s {detail-type|event} unless a rule takes it",
    "reason": "{detail-type}",
    "at": "time",
}
#: In the names of schedules that keep functions warm: Zappa's is ``zappa-keep-warm-handler.keep_warm_callback``.
_WARM_NAMES: Final = ("keep?warm", "KeepWarm", "warmup", "warm?up", "WarmUp", "warmer", "Warmer")
_BY_BRIDGE: Final = (
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
    Kind(
        name="a warmer's time",
        when={**_SCHEDULERS, "resources": tuple(f"*{word}*" for word in _WARM_NAMES)},
        ignored="nothing is built for {resources.0/}, which keeps a function warm, unless a rule takes it",
        named_by=("resources", "resources.0"),
        **_SCHEDULED,
    ),
    Kind(name="its time", when={**_SCHEDULERS, "detail-type": "Scheduled Event"}, **_SCHEDULED),
    # What partners of EventBridge send is no AWS service's:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
    Kind(
        sender="EventBridge",
        name="an event of a partner",
        when={"source": "aws.partner/*", "detail-type": "*"},
        reason="{detail-type}",
        at="time",
    ),
    Kind(when={"source": _KNOWN}, named_by=("detail-type",), **_UNKNOWN),
    Kind(when={**_SCHEDULERS, "detail-type": "*"}, named_by=("detail-type",), **_UNKNOWN),
    Kind(name="its time", when=_SCHEDULERS, **_SCHEDULED),  # an input written by hand, which says no more than that
    Kind(when={"source": "aws.*"}, named_by=("detail-type", "source"), **_UNKNOWN),
    Kind(
        sender="EventBridge", name="an event of one's own", when={"detail-type": "*"}, reason="{detail-type}", at="time"
    ),
)

#: What services tell topics in plain text, or nearly so: by its subject, or by how it begins.
_NOTICES: Final = (
    {
        "sns.Subject": (
            *(f'{state}: "*" in *' for state in ("ALARM", "OK", "INSUFFICIENT_DATA")),
            "*: AWS CodeDeploy *",
            "Amazon SES *",
            "AWS Budgets: *",
            "AWS Elastic Beanstalk Notification*",
            "Notification from AWS Backup",
            "RDS Notification Message",
        ),
    },
    {
        "sns.Message": (
            '{"ElastiCache:*',
            '{"MemoryDB:*',
            "*Build notification from the AWS Amplify Console*",
            "StackId='arn:*",
            "Successfully validated SNS topic for Amazon SES *",
        ),
    },
)
#: What services ask of functions, or tell topics, by what it is known by
#: (https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html).
_ASKED: Final = (
    _asks("Alexa", "a request", "request.type", "request.requestId"),
    _asks("Alexa", "a request", {"header.namespace": "Alexa*"}),
    _asks("Alexa", "a request", {"directive.header.namespace": "Alexa*"}),
    _asks("API Gateway", "a question for rights", "methodArn"),
    _asks("API Gateway", "a question for rights", "routeArn"),
    _asks("AppConfig", "a step of a deployment", "Type", "Application.Id", "ConfigurationProfile.Id"),
    _asks("AppConfig", "a question for validity", "applicationId", "configurationProfileId"),
    _asks("AppSync", "a request", "info.fieldName"),
    _asks("AppSync", "a request", "info.operation", "info.channel.path"),
    _asks("AppSync", "a request", "typeName", "fieldName"),
    _asks("AppSync", "a request", {"version": "201?-??-??", "operation": ("Invoke", "BatchInvoke")}),
    _asks("Athena", "a query", "@type", "queryId"),
    _asks("Auto Scaling", "an event", "AutoScalingGroupName", {"Event": "autoscaling:*"}),
    _asks("Auto Scaling", "an event", "AutoScalingGroupName", "LifecycleTransition"),
    _asks("Batch", "a job", "jobDefinition", "jobQueue"),
    _asks("Bedrock", "a request", "messageVersion", "agent.name"),
    _asks("Bedrock", "a request", "messageVersion", "node.name"),
    _asks("Bedrock", "a request", "state", "context.requestId", "context.sessionId"),
    _asks("Bedrock", "documents to be changed", "knowledgeBaseId", "ingestionJobId"),
    _asks("Chime", "a call", "InvocationEventType", "CallDetails.TransactionId"),
    _asks("Chime", "a message", "CallbackId", "ChannelMessage.MessageId"),
    _asks("Client VPN", "a question for rights", "connection-id", "endpoint-id"),
    _asks("CloudFormation", "a hook", "hookTypeName", "actionInvocationPoint"),
    _asks("CloudFormation", "a macro", "transformId", "requestId"),
    _asks("CloudFront", "a request", "viewer.ip", "request.uri"),
    _asks("CloudTrail", "a call", {"eventSource": "*.amazonaws.com"}),
    _asks("CloudTrail", "a file of logs", "s3Bucket", {"s3ObjectKey": "*AWSLogs/*"}),
    _asks("CloudWatch", "a dashboard's widget", "widgetContext.dashboardName"),
    _asks("CloudWatch", "a dashboard's widget", {"describe": "true"}),
    _asks("CloudWatch", "a question for metrics", {"EventType": ("GetMetricData", "DescribeGetMetricData")}),
    _asks("CloudWatch", "an alarm", "AlarmName", "NewStateValue"),
    _asks("CloudWatch", "an alarm", "alarmArn", "alarmData.alarmName"),
    _asks("CloudWatch", "log lines", "awslogs.data"),
    _asks("CloudWatch", "log lines", {"messageType": ("DATA_MESSAGE", "CONTROL_MESSAGE")}, "logGroup"),
    # The details of EventBridge's events, where a rule hands on no more: as triggers, builds would set off builds.
    _asks("CodeBuild", "a build's state", "build-id", "project-name"),
    _asks("CodeDeploy", "a deployment's state", "eventTriggerName", "deploymentId"),
    _asks("CodeDeploy", "a hook", "LifecycleEventHookExecutionId"),
    _asks("CodePipeline", "a pipeline's state", "pipeline", "execution-id", "state"),
    _asks("CodePipeline", "a question for approval", "approval.pipelineName"),
    _asks("Cognito", "a request", "identityPoolId", "eventType"),
    _asks("Cognito", "a request", "userPoolId", "triggerSource"),
    _asks("Config", "a check", "configRuleName", "resultToken"),
    _asks("Config", "a check", "invokingEvent", "resultToken"),
    _asks("Config", "a notice", "messageType", "recordVersion"),
    _asks("Connect", "a campaign's step", "InvocationMetadata.CampaignContext.CampaignId"),
    _asks("Connect", "a contact's step", {"Name": "ContactFlowEvent"}),
    _asks("Cost Explorer", "an anomaly", "anomalyId", "monitorArn"),
    _asks("DevOps Guru", "an insight", "InsightId", "MessageType"),
    _asks("ECS", "a hook", "lifecycleStage", "executionId"),
    _asks("Elastic Transcoder", "a job's state", "pipelineId", "jobId", "state"),
    _asks("Firehose", "records to be changed", "records.0.recordId", "records.0.data"),
    _asks("Firehose", "records to be changed", "invocationId", "deliveryStreamArn"),
    _asks("Glacier", "a job's end", "VaultARN", "JobId"),
    _asks("Inspector", "an assessment", {"event": ("ASSESSMENT_*", "FINDING_*", "ENABLE_ASSESSMENT_*")}, "target"),
    _asks("IoT", "a question for rights", "token", "signatureVerified"),
    _asks("IoT", "a question for rights", "connectionMetadata.id", "signatureVerified"),
    _asks("IoT", "a question for rights", "token", "tokenSignature"),
    _asks("IoT", "a question for rights", "claimCertificateId", "templateArn"),
    _asks(
        "IoT",
        "a change of its registry or jobs",
        {"eventType": ("THING_*", "JOB", "JOB_EXECUTION")},
        "eventId",
        "operation",
    ),
    _asks("IoT", "a connection", "eventType", "clientId", "principalIdentifier"),
    _asks("IoT", "a detector's state", "payload.detector.detectorModelName"),
    _asks("IoT", "a violation", "violationEventType", "securityProfileName"),
    _asks("Kendra, Q Business", "a document to be changed", "s3Bucket", "s3ObjectKey", {"version": "v0"}),
    _asks("Lex", "a request", "bot.name", "invocationSource"),
    _asks("Marketplace", "a subscription", "customer-identifier", "product-code"),
    _asks("Pinpoint", "a campaign's step", "ApplicationId", "CampaignId"),
    _asks("Pinpoint", "a journey's step", "ApplicationId", "JourneyId"),
    _asks("Pinpoint", "a message", "originationNumber", "destinationNumber", "inboundMessageId"),
    _asks("Pinpoint", "an event", "event_type", "arrival_timestamp"),
    _asks("Polly", "a task's end", "taskId", "taskStatus", "voiceId"),
    _asks("RDS", "an event", "Event Source", "Event Time"),
    _asks("Redshift", "a function's call", "external_function", "query_id"),
    _asks("Rekognition, Textract", "a job's end", "JobId", "Status", "API"),
    _asks("S3", "a batch's task", "invocationSchemaVersion", "invocationId"),
    _asks("S3", "an object to be changed", "getObjectContext.inputS3Url"),
    _asks("S3", "an object to be changed", "xAmzRequestId", "protocolVersion"),
    _asks("SageMaker", "a labelling step", "labelingJobArn"),
    _asks("SageMaker", "an inference's end", {"eventSource": "aws:sagemaker"}),
    _asks("Secrets Manager", "a rotation", "SecretId", "ClientRequestToken", "Step"),
    _asks("SES", "a mail", {"eventSource": "aws:ses"}),
    _asks("SES", "a mail's fate", "notificationType", "mail.messageId"),
    _asks("SES", "a mail's fate", "eventType", "mail.messageId"),
    _asks("SNS", "a push's fate", "EndpointArn", "EventType"),
    _asks("Step Functions", "an error", "Error", "Cause"),
    _asks("Systems Manager", "a command's state", "commandId", "documentName"),
    _asks("Timestream", "a query's state", "nextInvocationEpochSecond", "arn"),
    _asks("Transfer Family", "a question for rights", "serverId", "protocol", "sourceIp"),
    _asks("Transfer Family", "a step", "token", "serviceMetadata.executionDetails.workflowId"),
    _asks("WorkMail", "a mail", "flowDirection", "messageId"),
    *(
        _asks("Lambda", "the answer of a function", *known_by)
        for known_by in (
            ("policyDocument.Version",),
            ("isAuthorized",),
            ("batchItemFailures.0.itemIdentifier",),
            ("dialogAction.type",),
            ("sessionState.dialogAction.type",),
        )
    ),
    *(_asks("AWS", "a notice", known_by) for known_by in _NOTICES),
)

#: A job of a pipeline, a record of a stream, and messages without a form of their own: as the old snippet had it.
_OTHER: Final = (
    Kind(
        sender="CodePipeline",
        name="a job",
        when={f"{PIPELINE_JOB}.id": "*"},
        id=f"{{{PIPELINE_JOB}.id}}",
        reason="CodePipeline job",
    ),
    Kind(
        sender="a stream",
        name="a record",
        when={"eventSource": "*", "eventID": "*"},
        reason="{eventSource:} {eventName:}",
    ),
)

TABLES: Final = (CONTROL, _CODECOMMIT, _STORED, _BY_BRIDGE, _ASKED, _OTHER)
