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


def _asks(sender: str, name: str, when: Mapping[str, Patterns]) -> Kind:
    """What a service asks a function to do, or tells it, and is no change. A rule names it by what it is known by."""
    why = f"nothing is built for {name} of {sender} unless a rule takes it"
    return Kind(sender=sender, name=name, when=when, ignored=why, named_by=tuple(when), reason=name)


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
    # What keeps functions warm, by the plug-ins that do it: serverless-plugin-warmup, -lambda-warmup, lambda-warmer.
    _control("a warmer", "a call", "a call that keeps the function warm", {"source": "serverless-plugin-*warmup"}),
    *(
        _control("a warmer", "a call", "a call that keeps the function warm", {name: "true"})
        for name in ("warmer", "warmup", "keepWarm", "keep_warm", "isWarmup", "ping", "healthcheck")
    ),
)

#: The services whose events of other types are known to be no changes.
_KNOWN: Final = (
    "aws.codebuild",
    "aws.codecommit",
    "aws.codepipeline",
    "aws.ecr",
    "aws.events",
    "aws.s3",
    "aws.scheduler",
)
_COMMIT: Final[Mapping[str, Any]] = {
    "sender": "CodeCommit",
    "repository": "{detail.repositoryName}",
    "ref": "{detail.referenceFullName}",
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
        when={"eventSource": "aws:codecommit"},
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
    Kind(
        name="a written object",
        when={
            "eventSource": "aws:s3",
            "eventName": tuple(
                f"{above}{name}"
                for above in ("", "s3:")
                for name in ("ObjectCreated:*", "ObjectRemoved:*", "LifecycleExpiration:*")
            ),
        },
        **_NOTED_BY_S3,
    ),
    Kind(
        name="another event",
        when={"eventSource": "aws:s3"},
        ignored="nothing is built for S3's {eventName} unless a rule takes it",
        named_by=("eventName",),
        **_NOTED_BY_S3,
    ),
)

_BY_BRIDGE: Final = (
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
    Kind(
        sender="a schedule",
        name="its time",
        when={"source": ("aws.events", "aws.scheduler"), "detail-type": "Scheduled Event"},
        reason="schedule {resources.0/}",
        at="time",
    ),
    # What partners of EventBridge send is no AWS service's:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
    Kind(
        sender="EventBridge",
        name="an event of a partner",
        when={"source": "aws.partner/*", "detail-type": "*"},
        reason="{detail-type}",
        at="time",
    ),
    *(
        Kind(
            sender="EventBridge",
            name="another event of AWS",
            when={"source": source},
            ignored="nothing is built for {source}'s {detail-type|event} unless a rule takes it",
            named_by=named_by,
            reason="{detail-type}",
            at="time",
        )
        for source, named_by in ((_KNOWN, ("detail-type",)), ("aws.*", ("detail-type", "source")))
    ),
    Kind(
        sender="EventBridge", name="an event of one's own", when={"detail-type": "*"}, reason="{detail-type}", at="time"
    ),
)

#: What services ask of functions, by what it is known by
#: (https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html).
_ASKED: Final = (
    _asks("Alexa", "a request", {"request.type": "*", "request.requestId": "*"}),
    _asks("Alexa", "a request", {"header.namespace": "Alexa*"}),
    _asks("Alexa", "a request", {"directive.header.namespace": "Alexa*"}),
    _asks("API Gateway", "a question for rights", {"methodArn": "*"}),
    _asks("API Gateway", "a question for rights", {"routeArn": "*"}),
    _asks("AppConfig", "a step of a deployment", {"Type": "*", "Application.Id": "*", "ConfigurationProfile.Id": "*"}),
    _asks("AppSync", "a request", {"info.fieldName": "*"}),
    _asks("AppSync", "a request", {"info.operation": "*", "info.channel.path": "*"}),
    _asks("AppSync", "a request", {"typeName": "*", "fieldName": "*"}),
    _asks("Athena", "a query", {"@type": "*", "queryId": "*"}),
    _asks("Bedrock", "a request", {"messageVersion": "*", "agent.id": "*"}),
    _asks("Bedrock", "a request", {"messageVersion": "*", "node.name": "*"}),
    _asks("Chime", "a call", {"InvocationEventType": "*", "CallDetails.TransactionId": "*"}),
    _asks("Client VPN", "a question for rights", {"connection-id": "*", "endpoint-id": "*"}),
    _asks("CloudFormation", "a hook", {"hookTypeName": "*", "actionInvocationPoint": "*"}),
    _asks("CloudFormation", "a macro", {"transformId": "*", "requestId": "*"}),
    _asks("CloudTrail", "a file of logs", {"s3Bucket": "*", "s3ObjectKey": "*AWSLogs/*"}),
    _asks("CloudWatch", "a dashboard's widget", {"widgetContext.dashboardName": "*"}),
    _asks("CloudWatch", "a dashboard's widget", {"describe": "true"}),
    _asks("CloudWatch", "a question for metrics", {"EventType": ("GetMetricData", "DescribeGetMetricData")}),
    _asks("CloudWatch", "an alarm", {"AlarmName": "*", "NewStateValue": "*"}),
    _asks("CloudWatch", "an alarm", {"alarmArn": "*", "alarmData.alarmName": "*"}),
    _asks("CloudWatch", "log lines", {"awslogs.data": "*"}),
    _asks("CodeDeploy", "a hook", {"LifecycleEventHookExecutionId": "*"}),
    _asks("Cognito", "a request", {"identityPoolId": "*", "eventType": "*"}),
    _asks("Cognito", "a request", {"userPoolId": "*", "triggerSource": "*"}),
    _asks("Config", "a check", {"configRuleName": "*", "resultToken": "*"}),
    _asks("Config", "a change of a resource", {"messageType": "*", "configurationItem.resourceId": "*"}),
    _asks("Connect", "a contact's step", {"Name": "ContactFlowEvent"}),
    _asks("Auto Scaling", "an event", {"AutoScalingGroupName": "*", "Event": "autoscaling:*"}),
    _asks("Auto Scaling", "an event", {"AutoScalingGroupName": "*", "LifecycleTransition": "*"}),
    _asks("ECS", "a hook", {"lifecycleStage": "*", "executionId": "*"}),
    _asks("Firehose", "records to be changed", {"invocationId": "*", "records.0.recordId": "*"}),
    _asks("Firehose", "records to be changed", {"invocationId": "*", "deliveryStreamArn": "*"}),
    _asks("IoT", "a question for rights", {"token": "*", "signatureVerified": "*"}),
    _asks("IoT", "a question for rights", {"token": "*", "tokenSignature": "*"}),
    _asks("IoT", "a question for rights", {"claimCertificateId": "*", "templateArn": "*"}),
    _asks("IoT", "a change of its registry", {"eventType": "THING_*", "eventId": "*", "operation": "*"}),
    _asks("IoT", "a connection", {"eventType": "*", "clientId": "*", "principalIdentifier": "*"}),
    _asks("Lex", "a request", {"bot.name": "*", "invocationSource": "*"}),
    _asks("Pinpoint", "a campaign's step", {"ApplicationId": "*", "CampaignId": "*"}),
    _asks("Rekognition, Textract", "a job's end", {"JobId": "*", "Status": "*", "API": "*"}),
    _asks("Redshift", "a function's call", {"external_function": "*", "query_id": "*"}),
    _asks("S3", "a batch's task", {"invocationSchemaVersion": "*", "job.id": "*"}),
    _asks("S3", "an object to be changed", {"getObjectContext.inputS3Url": "*"}),
    _asks("S3", "an object to be changed", {"xAmzRequestId": "*", "protocolVersion": "*"}),
    _asks("SageMaker", "a labelling step", {"labelingJobArn": "*"}),
    _asks("Secrets Manager", "a rotation", {"SecretId": "*", "ClientRequestToken": "*", "Step": "*"}),
    _asks("SES", "a mail", {"eventSource": "aws:ses"}),
    _asks("SES", "a mail's fate", {"notificationType": ("Bounce", "Complaint", "Delivery"), "mail.messageId": "*"}),
    _asks("SES", "a mail's fate", {"eventType": "*", "mail.messageId": "*"}),
    _asks("Step Functions", "an error", {"Error": "*", "Cause": "*"}),
    _asks("Transfer Family", "a question for rights", {"serverId": "*", "protocol": "*", "sourceIp": "*"}),
    _asks("Transfer Family", "a step", {"token": "*", "serviceMetadata.executionDetails.workflowId": "*"}),
    _asks("Batch", "a job", {"jobDefinition": "*", "jobQueue": "*"}),
    _asks("WorkMail", "a mail", {"flowDirection": "*", "messageId": "*"}),
    _asks("Chatbot", "a question for approval", {"approval.pipelineName": "*"}),
    _asks("RDS", "an event", {"Event Source": "*", "Event ID": "*"}),
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
