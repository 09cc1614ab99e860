"""What the events of AWS services ask for by themselves. Pure.

Of the events of AWS's own services only those build that say that a source has changed. On EventBridge a source of
your own is an application, and each of its events is a change. If its detail is what a host of repositories or a
content system sent, the event counts as that sender's.

ECR and S3 name versions, but Holdoff takes none from them. CodeBuild reads a version as one of *its* source
(https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: a commit, branch or tag of a repository,
or the version of the ZIP file in S3 that it builds). An image's digest is never such a version. An object's version is
one only if that object is the source. Without a version CodeBuild builds the newest, which is always right. A rule can
name a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdoff.ingress.events.kinds import ABOUT_AN_IMAGE, Kind, change, control, ignored, other, paths_of, push, refused

_WARM: Final = "warm|warmup|warmUp|warm_up|warmer|warming|lambda_warmer|keepwarm|keepWarm|keep_warm|keep-warm|ping"
_RESOURCE: Final = "RequestType=Create|Update|Delete"
_OF_A_RESOURCE: Final = (
    "StackId,RequestId,ResponseURL,ServiceToken,ResourceType,LogicalResourceId,PhysicalResourceId,ResourceProperties"
    ",OldResourceProperties"
)
#: What browsers and previews of links send: https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods
LOOKS: Final = (
    control("HTTP", "a look", "a request that only looks: it came by {http.method}", "http.method=HEAD|OPTIONS"),
    refused("HTTP", "a look", "came by GET, which asks for nothing: send it by POST", "http.method=GET"),
)
_UNSUBSCRIBED: Final = "Type,type=UnsubscribeConfirmation & TopicArn,SubscribeURL,subscribe_url"
#: Messages about the delivery of events, and calls that keep functions warm. No rule makes a trigger of them.
CONTROL: Final = (
    # https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
    refused(
        *("SNS", "the confirmation of a subscription"),
        "asks to confirm a subscription: open its SubscribeURL, or give its Token to "
        "`aws sns confirm-subscription`; until then the topic sends nothing",
        "Type,type=SubscriptionConfirmation & TopicArn,SubscribeURL,subscribe_url,Token",  # and Huawei's
    ),
    control("SNS", "the end of a subscription", "a subscription of SNS ended", _UNSUBSCRIBED),
    control("S3", "a test", "a test event of S3", "Event=s3:TestEvent"),
    control("Lambda", "an empty batch", "a batch with nothing in it", "Records=[]"),
    refused("IoT", "a confirmation", "asks for a confirmation: open its enableUrl", "enableUrl & confirmationToken"),
    control("SES", "a test", "a test of SES", "notificationType=AmazonSnsSubscriptionSucceeded"),
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    control("Lambda", "the record of a success", "an invocation succeeded", "requestContext.condition=Success"),
    control("Lambda", "the record of a success", "an invocation succeeded", "source=lambda & detail-type=Lam*Success"),
    refused(
        *("Lambda", "the record of a stream's batch"),
        "says that a batch of a stream could not be handled, and has nothing of what was in it: "
        "the records are still in the stream; trigger the project by hand",
        "requestContext.functionArn & requestContext.condition",
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    refused(
        *("CloudFormation", "a custom resource"),
        "is a custom resource of CloudFormation, whose stack waits for an answer that Holdoff does not give: "
        "take the resource out of the template, and let EventBridge send the stack's events instead",
        f"{_RESOURCE} & StackId & ResponseURL",
    ),
    # In short, as tests are written by hand.
    control(
        *("CloudFormation", "a custom resource", "nothing is built for a custom resource of CloudFormation"),
        f"{_RESOURCE} & StackId & LogicalResourceId",
    ),
    # serverless-plugin-warmup and -lambda-warmup, lambda-warmer, OpenNext, and warmers written by hand.
    *(
        control("a warmer", "a call", "a ping, or a call that keeps the function warm", known_by)
        for known_by in (
            f"source,action,type,event,event_type=serverless-plugin-*warmup|WARMUP|PING|warm-up|{_WARM}",
            f"{_WARM.replace('|', ',')},isWarmup,isWarmUp,isWarmingUp,vaporWarmer,vaporWarmerPing,healthcheck=true",
            "ping,warmerPing=OK|true",
            "action=health_check only action",
            "healthCheck,keepAlive,keep_alive,warmUpRequest=true only healthCheck,keepAlive,keep_alive,warmUpRequest",
        )
    ),
)

_TRAIL: Final = "AWS API Call via CloudTrail"
#: No other event of these services is a change.
_KNOWN: Final = "aws.codebuild|aws.codecommit|aws.codepipeline|aws.ecr|aws.s3"
#: An object, in the three forms of S3's events: EventBridge's, the notification's, and that of a call on a bucket which
#: a trail logged (https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cloudtrail-S3-source.html).
_OBJECT: Final = (
    "s3://{detail.bucket.name,s3.bucket.name,detail.requestParameters.bucketName,detail.bucket}"
    "/{detail.object.key,detail.requestParameters.key,detail.key}{s3.object.key%}"
)
_IN_S3: Final[dict[str, Any]] = {
    "reason": f"{{eventName,detail.eventName,detail-type}} {_OBJECT}",
    "line": _OBJECT,
    "at": "detail.eventTime,eventTime,time",
}
#: The last two are Ceph's: https://docs.ceph.com/en/latest/radosgw/s3-notification-compatibility/
_WRITTEN: Final = (
    "*ObjectCreated:*|*ObjectRemoved:*|*LifecycleExpiration:*|*ObjectSynced:*|*ObjectLifecycle:Expiration:Current"
)
_WRITES: Final = "PutObject|CopyObject|CompleteMultipartUpload|PostObject|DeleteObject|DeleteObjects"

#: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
#: https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
_CODECOMMIT: Final = (
    ignored(
        *("CloudTrail", "a failed call", "failed {detail.eventName|call}", "detail.errorCode"),
        f"source={_KNOWN} & detail-type={_TRAIL} & detail.errorCode=?*",
    ),
    control(
        *("CodeCommit", "a merge without a branch", "a merge commit without a branch"),
        "source=aws.codecommit & detail.event=unreferencedMergeCommitCreated",
    ),
    *(
        push(
            *("CodeCommit", f"source=aws.codecommit & detail-type=CodeCommit Repository State Change{known_by}"),
            *("", "detail.commitId", "detail.oldCommitId"),
            ref=ref,
            ref_named_by=("detail.referenceFullName", "detail.referenceName"),
            repository="{detail.repositoryName}",
            deleted="detail.event=referenceDeleted",
            by="{detail.callerUserArn/}",
            at="time",
        )
        for known_by, ref in (  # a template may hand on the short name alone
            (" & detail.referenceFullName=refs/*", "{detail.referenceFullName}"),
            (" & detail.referenceType=tag", "refs/tags/{detail.referenceName!}"),
            ("", "{detail.referenceFullName,detail.referenceName!}"),
        )
    ),
    # Its commit may be made up: https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-notify-test.html
    control("CodeCommit", "a test", "a test of CodeCommit", "eventSource=aws:codecommit & eventName=TriggerEventTest"),
    push(
        *("CodeCommit", "", "codecommit.references.0.ref", "codecommit.references.0.commit", ""),
        each="codecommit.references",
        repository="{eventSourceARN:}",
        deleted="codecommit.references.0.deleted=true",
        by="{userIdentityARN/}",
        at="eventTime",
    ),
    refused(
        *("CodeCommit", "push"),
        "is a push that does not say what was pushed, in codecommit.references: trigger the project by hand",
        "eventSource=aws:codecommit",
    ),
)

#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
#: A replication is reported in the region to which the image was copied. A trail may log the call that pushed an image:
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
_ECR: Final = "source=aws.ecr"
_IN_ECR: Final = f"{_ECR} & detail-type=ECR Image Action|ECR Replication Action"
_PUSH_IN_ECR: Final = f"{_IN_ECR} & detail.action-type=PUSH|REPLICATE"
_PUT: Final = f"{_ECR} & detail-type={_TRAIL} & detail.eventName=PutImage"
_TAG: Final = "detail.requestParameters.imageTag"
_NAME: Final = f"{{detail.repository-name,detail.requestParameters.repositoryName!}}{{detail.image-tag,{_TAG}^:}}"
_PUSHED: Final[dict[str, Any]] = {"reason": f"image {_NAME} pushed", "line": f"ecr {_NAME}", "at": "time"}
_IMAGE: Final = {**_PUSHED, "reason": f"{{detail.action-type,detail.eventName}} {_NAME}"}
_RESULT: Final = "{detail.action-type|push} {detail.result}"
_ABOUT: Final = f"detail.image-tag,{_TAG},detail.artifact-media-type"
_PACKAGE: Final = "source=aws.codeartifact & detail.packageVersionState=Published"
_STORED: Final = (
    ignored("ECR", "a signature", "push about an image", _ABOUT, f"{_ECR} & {_ABOUT}={ABOUT_AN_IMAGE}", **_IMAGE),
    # A template may leave out the result, and the action, of which its rule names one.
    ignored("ECR", "a failed action", _RESULT, "detail.result", f"{_IN_ECR} & detail.result=FAIL*", **_IMAGE),
    ignored("ECR", "a push by digest", "push by digest", _ABOUT, f"{_PUSH_IN_ECR} & detail.image-tag=|", **_IMAGE),
    change("ECR", "a pushed image", _PUSH_IN_ECR, **_PUSHED),
    change("ECR", "a pushed image", f"{_PUT} & {_TAG}=?*", **_PUSHED),
    ignored("ECR", "a push by digest", "push by digest", _TAG, _PUT, **_IMAGE),
    ignored("ECR", "another image action", _RESULT, "detail.action-type", f"{_IN_ECR} & detail.action-type", **_IMAGE),
    ignored("ECR", "a push by digest", "push by digest", _ABOUT, f"{_IN_ECR} & detail.image-tag=|", **_IMAGE),
    change("ECR", "a pushed image", f"{_IN_ECR} & detail.repository-name", **_PUSHED),
    # In a bucket with versions a lifecycle rule deletes old versions only. The current version becomes an old one:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    *(
        ignored(
            *("S3", "an old version", "old version that a lifecycle rule deleted"),
            *("eventName,detail.reason,detail.deletion-type", when),
            **_IN_S3,
        )
        for when in (
            "source=aws.s3 & detail.reason=Lifecycle* & detail.deletion-type=Perm* & detail.object.version-id=?????*",
            "s3.bucket.name & eventName=*LifecycleExpiration:Delete & s3.object.versionId=?????*",
        )
    ),
    # MinIO's types, some of which begin like a write.
    other("S3", "eventName", "s3.bucket.name", "*:*Tagging|*:PutRetention|*:PutLegalHold|*:NoOP", **_IN_S3),
    *(
        change("S3", "a changed object", when, **_IN_S3)
        for when in (
            "source=aws.s3 & detail-type=Object Created|Object Deleted",
            "source=aws.s3 & detail.object.key,detail.key only account,detail,id,region,resources,source,time,version",
            f"s3.bucket.name & eventName={_WRITTEN}",
            f"source=aws.s3 & detail-type={_TRAIL} & detail.eventName={_WRITES}",
        )
    ),
    other("S3", "eventName", "s3.bucket.name", **_IN_S3),
    # Written by hand: S3 always sends an ``eventName``.
    change("S3", "a changed object", "s3.bucket.name", **_IN_S3),
    change("CodeArtifact", "a package", _PACKAGE, "package {detail.packageName} {detail.packageVersion}", at="time"),
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    change(
        *("SageMaker", "an approved model", "source=aws.sagemaker & detail.ModelApprovalStatus=Approved"),
        "model {detail.ModelPackageGroupName,resources.0/} approved",
        at="time",
    ),
)

_SCHEDULERS: Final = "source=aws.events|aws.scheduler"
_SCHEDULED: Final[Mapping[str, Any]] = {"sender": "a schedule", "reason": "schedule {resources.0/}", "at": "time"}
_TOLD: Final[Mapping[str, Any]] = {"sender": "EventBridge", "reason": "{detail-type}", "at": "time"}
# Partners of EventBridge are no services of AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
_CARRIER: Final[Mapping[str, Any]] = {**_TOLD, "carries": "detail", "named_by": ("source", "detail-type")}
_UNKNOWN: Final[Mapping[str, Any]] = {
    **_TOLD,
    "name": "another event",
    "ignored": "nothing is built for {source|AWS}'s {detail-type|event} unless a rule takes it",
}
#: An event of AWS without its type: a template left it out, and may have put a project in.
UNTYPED: Final = Kind(when="source=aws.*", named_by=("detail-type", "source"), **_UNKNOWN)
#: The types of events that are never a change, and of which a template left out the source. One's own may begin alike.
_STATES: Final = (
    "AWS Health Abuse Event|AWS Health Event|Amplify Deployment Status Change|Batch Job State Change"
    "|Batch Inference Job State Change|CloudFormation * Status Change|CloudWatch Alarm * Change"
    "|CodeDeploy * State-change Notification|Config Configuration Item Change|Config Configuration * Status"
    "|Config Rules Compliance Change|Config Rules Re-evaluation Status|DMS Replication *State Change"
    "|Durable Execution Status Change|EBS * Notification|EC2 AMI State Change|EC2 * State-change Notification"
    "|EC2 *Fleet * Change|EC2 *Fleet Error|EC2 *Fleet Information|EC2 Auto Scaling Instance *|EC2 Image Builder *"
    "|EC2 Instance Launch *|EC2 Instance Terminate *|EC2 Instance-* Lifecycle Action|EC2 Instance Rebalance *"
    "|EC2 Spot Instance Interruption Warning|EC2 Spot Instance Request Fulfillment|ECS * State Change"
    "|ECS Service Action|Glue * State Change|Glue Job Run Status|GuardDuty Finding|GuardDuty Malware Protection *"
    "|Inspector2 *|MediaConvert Job State Change|Object ACL Updated|Object Access Tier Changed|Object Restore Completed"
    "|Object Restore Expired|Object Restore Initiated|Object Storage Class Changed|Object Tags Added"
    "|Object Tags Deleted|OpsItem Create|OpsItem Update|Parameter Store Change|RDS Blue Green Deployment Event"
    "|RDS Custom * Event|RDS DB * Event|SageMaker * Job State Change|SageMaker * Pipeline * Change"
    "|SageMaker Endpoint *State Change|Security Hub Findings - *|Step Functions * Status Change|Tag Change on Resource"
)
UNSOURCED: Final = Kind(when=f"detail-type={_STATES}", named_by=("detail-type",), **_UNKNOWN)
#: In the names of schedules that keep functions warm: Zappa's is ``zappa-keep-warm-handler.keep_warm_callback``.
_WARM_NAMES: Final = "*KeepWarm*|*WarmUp*|*Warmer*|" + "|".join(
    f"*{before}{word}{after}"
    for word in ("keep?warm", "keep-*-warm", "keep_*_warm", "keepWarm", "warmup", "warm?up", "warmUp", "warmer")
    for before in "/-_"
    for after in ("", "-*", "_*", ".*")
)
#: They report alarms, logins, calls, tickets and what visitors do; Buildkite its builds, which would trigger builds:
#: https://buildkite.com/docs/pipelines/integrations/observability/amazon-eventbridge
_REPORTERS: Final = (
    "auth0 buildkite datadog genesys ilert mackerel newrelic okta onelogin operata pagerduty rootly sailpoint"
    " segment signalfx snyk zendesk"
)
_NO_CHANGE: Final = "|".join(f"aws.partner/{name}.*" for name in _REPORTERS.split())
#: Sales of partners that report changes, too, as tests hand them on in short.
_SALES: Final = "aws.partner/shopify.*|aws.partner/stripe.* & detail-type=ch*|customer*|invoice*|order*|pay*|sub*"
_BY_BRIDGE: Final = (
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
    Kind(
        name="a warmer's time",
        when=f"{_SCHEDULERS} & resources={_WARM_NAMES}",
        ignored="nothing is built for {resources.0/}, which keeps a function warm, unless a rule takes it",
        named_by=("resources", "resources.0"),
        **_SCHEDULED,
    ),
    # A call that a trail logged is no time. An input that is written by hand may have any type, or none.
    Kind(when=f"{_SCHEDULERS} & detail-type=AWS *", named_by=("detail-type",), **_UNKNOWN),
    Kind(name="its time", when=_SCHEDULERS, **_SCHEDULED),
    Kind(when=f"source={_NO_CHANGE}", named_by=("detail-type", "source"), **_UNKNOWN),
    Kind(when=f"source={_SALES}", named_by=("detail-type", "source"), carries="detail", **_UNKNOWN),
    Kind(name="an event of a partner", when="source=aws.partner/* & detail-type", **_CARRIER),
    Kind(when=f"source={_KNOWN} & detail-type", named_by=("detail-type", "eventSource"), **_UNKNOWN),
    Kind(when="source=aws.* & detail-type", named_by=("detail-type", "source"), **_UNKNOWN),
    Kind(when="source=aws.codebuild|aws.codepipeline", named_by=("detail-type", "source"), **_UNKNOWN),
    UNTYPED,
    Kind(name="an event of one's own", when="source & detail-type", **_CARRIER),
)

_AT_HEALTH: Final = "accountNotification|investigation|issue|plannedChange|scheduledChange"
#: A rule of EventBridge may hand on the detail alone (``InputPath``). How such a detail is known, and the source and
#: type of its event, as far as the detail says them. Details of CodeBuild and CodePipeline are below.
DETAILS: Final = (
    ("referenceFullName & repositoryId,callerUserArn", "aws.codecommit", "CodeCommit Repository State Change"),
    ("referenceName & referenceType=branch|tag & commitId", "aws.codecommit", "CodeCommit Repository State Change"),
    ("callerUserArn & event=unreferencedMergeCommitCreated|referenceDeleted", "aws.codecommit", "event"),
    ("callerUserArn & event & notificationBody,pullRequestId,commentId", "aws.codecommit", "event"),
    ("repository-name & scan-status", "aws.ecr", "ECR Image Scan"),
    ("repository-name & sync-status", "aws.ecr", "ECR Pull Through Cache Action"),
    ("repository-name & image-tag,image-digest", "aws.ecr", "ECR Image Action"),
    ("repository-name & action-type=PUSH|DELETE|REPLICATE", "aws.ecr", "ECR Image Action"),
    ("bucket.name & object.key & deletion-type", "aws.s3", "Object Deleted"),
    ("bucket.name & object.key & request-id & reason", "aws.s3", "Object Created"),
    ("bucket.name & object.key & request-id", "aws.s3", "event"),
    *((f"eventSource={name}.amazonaws.com & eventName", f"aws.{name}", _TRAIL) for name in ("codecommit", "ecr", "s3")),
    ("requestParameters.bucketName & requestParameters.key & eventName=*Object*|*Part*|*Upload*", "aws.s3", _TRAIL),
    ("requestParameters.repositoryName & requestParameters.imageTag & eventName=PutImage", "aws.ecr", _TRAIL),
    ("appId=d* & branchName & jobId & jobStatus=CREATED|STARTED|SUCCEED|FAILED", "aws.amplify", "event"),
    ("jobDefinition & jobQueue & jobName,jobId", "aws.batch", "Batch Job State Change"),
    ("application & deploymentGroup & deploymentId=d-*", "aws.codedeploy", "event"),
    ("eventName=SERVICE_* & eventType=INFO|WARN|ERROR & clusterArn,deploymentId", "aws.ecs", "event"),
    ("jobName & jobRunId=jr_* & severity", "aws.glue", "event"),
    (f"eventTypeCode,eventArn=AWS_*|arn:*:health:* & eventTypeCategory={_AT_HEALTH}", "aws.health", "AWS Health Event"),
    ("findingArn=arn:*:inspector2:* & severity", "aws.inspector2", "event"),
    ("queue=arn:*:mediaconvert:* & jobId", "aws.mediaconvert", "MediaConvert Job State Change"),
    ("SourceArn,EventID=arn:*:rds:*|RDS-EVENT-* & EventCategories,SourceType", "aws.rds", "event"),
    ("executionArn=arn:* & stateMachineArn & startDate", "aws.states", "Step Functions Execution Status Change"),
)
#: The types of these events. Under a type of one's own such a detail is an event of one's own.
BY_TYPE: Final = (
    f"detail-type,detailType=AWS * via CloudTrail|CodeCommit *|ECR *|Object Created|Object Deleted|{_STATES}"
)

#: What services send to topics in plain text: by its subject, or by how it begins.
_SUBJECTS: Final = (
    'ALARM: "*" in *|OK: "*" in *|INSUFFICIENT_DATA: "*" in *|*: AWS CodeDeploy *|Amazon SES *|AWS Budgets: *'
    "|AWS Elastic Beanstalk Notification*|Notification from AWS Backup|RDS Notification Message|[FIRING:*]*|[RESOLVED]*"
)
_BUILD: Final = "arn:*:codebuild:*:build*/*"
_BEGINNINGS: Final = (
    '{"ElastiCache:*|{"MemoryDB:*|An AWS Backup job *|*Build notification from the AWS Amplify Console*'
    # A template of EventBridge may put CodeBuild's and CodePipeline's into words, as their documents do.
    "|Timestamp: *NotificationProcessId: *|Build '* for build project '*|\"Build '* for build project '*"
    f'|Build {_BUILD}|"Build {_BUILD}'
    '|The Pipeline * has failed.*|"The Pipeline * has failed.*|"The pipeline * from account * has *'
    "|StackId='arn:*|Successfully validated SNS topic for Amazon SES *|CloudTrail validation message*"
)
#: https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
_STATUSES: Final = "IN_PROGRESS|SUCCEEDED|FAILED|STOPPED|TIMED_OUT|FAULT"
#: https://plugins.jenkins.io/snsnotify/
_JENKINS: Final = "Build STARTED:*|Build SUCCESS:*|Build FAILURE:*|Build UNSTABLE:*|Build ABORTED:*|Build NOT_BUILT:*"
#: What services ask of functions, or send to topics, and the conditions by which each is known
#: (https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html). A rule of EventBridge may hand on an event's
#: detail alone, or no source: if CodeBuild's and CodePipeline's were triggers, a build would trigger itself.
_ASKED_BY: Final = (
    ("Alexa", "a request", "request.type & request.requestId=amzn1.*|Edw*", "directive.header.namespace=Alexa*"),
    ("Alexa", "a request", "request.type=Alexa*|AudioPlayer.*|CanFulfillInt*|LaunchRequest|IntentRequest|SessionEnd*"),
    ("Alexa", "a request", "header.namespace & header.payloadVersion"),
    ("Amazon Q", "a notice for a chat", "version & source=custom & content.description"),
    ("API Gateway", "a question for rights", "methodArn,routeArn", "authorizationToken & type=TOKEN"),
    ("API Gateway", "a question for rights", "authorizationToken only authorizationToken"),
    ("AppConfig", "a step of a deployment", "Type & Application.Id & ConfigurationProfile.Id"),
    ("AppConfig", "a question for validity", "applicationId & configurationProfileId"),
    ("AppSync", "a request", "Info.fieldName", "info.fieldName & info.parentTypeName"),
    ("AppSync", "a request", "typeName=Query|Mutation|Subscription & fieldName"),
    ("AppSync", "a request", "typeName & fieldName & request.headers.host", "identity.sub only arguments,identity"),
    ("AppSync", "a request", "stash={} & prev,prev.result=null|{} only arguments,prev,source,stash"),
    ("AppSync", "a request", "info.operation & info.channel.path", "version=201?-??-?? & operation=Invoke|BatchInvoke"),
    ("Athena", "a query", "@type=*Request|*Response & queryId,methodName,catalogName"),
    ("Auto Scaling", "an event", "Event,LifecycleTransition,detail.LifecycleTransition=autoscaling:*"),
    ("Auto Scaling", "a question for instances", "CapacityToTerminate.0.Capacity", "CapacityToTerminate=[]"),
    ("Bedrock", "a request", "messageVersion & agent.name,node.name", "state & context.requestId & context.sessionId"),
    ("Bedrock", "a request", "messageVersion & function,apiPath & parameters.0.value", "interceptorInputVersion"),
    ("Bedrock", "a request", "actionGroup & function,apiPath", "apiPath & parameters.0.value only apiPath,parameters"),
    ("Bedrock", "a call's end", "detail.invocationArn=arn:*:bedrock:*"),
    ("Bedrock", "documents to be changed", "knowledgeBaseId & ingestionJobId"),
    ("Chime", "a call", "InvocationEventType & CallDetails.TransactionId"),
    ("Chime", "a message", "CallbackId & ChannelMessage.MessageId"),
    ("Client VPN", "a question for rights", "connection-id & endpoint-id"),
    ("CloudFormation", "a hook", "hookTypeName,request.clientRequestToken & actionInvocationPoint"),
    ("CloudFormation", "a macro", "transformId=*::* & requestId"),
    ("CloudFormation", "a resource", "action=CREATE|READ|UPDATE|DELETE|LIST & request.clientRequestToken"),
    ("CloudFormation", "a resource", "action=CREATE|READ|UPDATE|DELETE|LIST & bearerToken & resourceType"),
    ("CloudFormation", "a resource", f"{_RESOURCE} only RequestType,{_OF_A_RESOURCE}"),
    ("CloudFront", "a request", "viewer.ip & request.uri"),
    ("CloudTrail", "a call", "eventSource,detail.eventSource=*.amazonaws.com", "detail.eventCategory=Management"),
    ("CloudTrail", "a call", "detail-type=AWS * via CloudTrail", "detail.requestParameters.logGroupName"),
    ("CloudTrail", "an insight", "insightDetails.insightType & insightDetails.eventSource=*.amazonaws.com"),
    ("CloudTrail", "a file of logs", "s3Bucket & s3ObjectKey=*AWSLogs/*"),
    ("CloudWatch", "a dashboard's widget", "widgetContext.dashboardName", "describe=true only describe"),
    ("CloudWatch", "a question for metrics", "EventType=GetMetricData|DescribeGetMetricData"),
    ("CloudWatch", "an alarm", "AlarmName & NewStateReason,NewStateValue,StateChangeTime,Trigger.MetricName"),
    ("CloudWatch", "an alarm", "AlarmName only AlarmName", "alarmName,detail.alarmName & state.value=ALARM|OK|INS*"),
    ("CloudWatch", "an alarm", "detail.alarmName & detail.state.value", "alarmData.alarmName,alarmData.state.value"),
    ("CloudWatch", "an alarm", "NewStateValue=ALARM|OK|INSUFFICIENT_DATA", "detail.alarmName only detail"),
    ("CloudWatch", "log lines", "awslogs.data", "messageType=DATA_MESSAGE|CONTROL_MESSAGE & logGroup"),
    ("CodeBuild", "a build's state", "build-id & project-name", f"project-name & build-status={_STATUSES}"),
    ("CodeBuild", "a build's state", f"detail.build-status={_STATUSES}", "detail.build-id & detail.project-name"),
    ("CodeBuild", "a build's state", f"build-id,build_id,build,buildId,BuildId,arn,Build.Arn={_BUILD}"),
    ("CodeBuild", "a build's state", f"build.arn,buildBatch.arn,BuildBatch.Arn,builds.0.arn={_BUILD}"),
    ("CodeBuild", "a build's state", "detail-type,detailType=CodeBuild *State Change|CodeBuild *Phase Change"),
    ("CodeDeploy", "a deployment's state", "eventTriggerName & deploymentId", "LifecycleEventHookExecutionId"),
    (
        *("CodePipeline", "a pipeline's state", "detail-type,detailType=CodePipeline *State Change"),
        *("pipeline & execution-id & state", "pipeline & execution-id only execution-id,pipeline,project"),
        "detail.pipeline & detail.execution-id only account,detail,id,project,region,resources,time,version",
        "detail.pipeline & detail.state=STARTED|RESUMED|SUCCEEDED|FAILED|CANCELED|STOPPING|STOPPED|SUPERSEDED",
    ),
    ("CodePipeline", "a question for approval", "approval.pipelineName & approval.stageName"),
    ("Cognito", "a request", "triggerSource=UserMigration_*", "request.session=[] & response={}"),
    ("Cognito", "a request", "userPoolId & userName only region,request,response,userName,userPoolId"),
    ("Cognito", "a request", "request.userAttributes.email,request.userAttributes.sub", "userPoolId & triggerSource"),
    ("Cognito", "a request", "request.challengeName,request.session.0.challengeName=*_*", "identityPoolId & eventType"),
    ("Cognito", "a request", "triggerSource=PreSignUp_*|PostConfirmation_*|PreAuthentication_*|PostAuthentication_*"),
    ("Cognito", "a request", "triggerSource=TokenGeneration_*|CustomMessage_*|Custom*Sender_*|*AuthChallenge*_*"),
    ("Config", "a check", "configRuleName,invokingEvent & resultToken", "invokingEvent"),
    ("Config", "a notice", "detail.newEvaluationResult.complianceType=*COMPLIANT", "detail.configRuleName only detail"),
    ("Config", "a notice", "messageType=Config*|Oversized*|Compliance*|Scheduled* & recordVersion"),
    ("Connect", "a campaign's step", "InvocationMetadata.CampaignContext.CampaignId"),
    ("Connect", "a contact's step", "Name=ContactFlowEvent", "Details.ContactData.ContactId"),
    ("Connect", "a contact's step", "Details.ContactData.CustomerEndpoint.Address,Details.ContactData.Channel"),
    ("Connect", "a contact's step", "Details.ContactData.Attributes={}"),
    ("Cost Explorer, DevOps Guru", "an anomaly", "anomalyId & monitorArn"),
    ("Cost Explorer, DevOps Guru", "an anomaly", "InsightId & MessageType=NEW_*|CLOSED_*|SEVERITY_*"),
    ("ECS", "a hook", "lifecycleStage=*_SCALE_UP|*_SHIFT|*_SERVICE & executionId"),
    ("Elastic Transcoder", "a job's state", "version=2012-09-25 & state & jobId & pipelineId"),
    ("End User Messaging", "a message", "whatsAppWebhookEntry"),
    ("End User Messaging", "a message", "originationNumber & destinationNumber & inboundMessageId"),
    ("End User Messaging", "a message", "eventType=TEXT_*|VOICE_*|MEDIA_* & isFinal & messageId & eventVersion"),
    ("Firehose", "records", "records.0.recordId & records.0.data,records.0.result", "invocationId & deliveryStreamArn"),
    ("Glacier, Rekognition, Textract", "a job's end", "VaultARN & JobId", "JobId & Status & API=Start*"),
    ("GuardDuty", "a risk", "service.detectorId & severity", "detail.resource.instanceDetails.instanceId=i-*"),
    ("GuardDuty", "a risk", "detail.service.detectorId & detail.severity", "detail.scanResultDetails.scanResultStatus"),
    ("GuardDuty", "an announcement", "type & findingDetails.0.findingType,featureDetails.0.featureLink"),
    ("Image Builder", "an image's state", "versionlessArn & buildVersion & state.status"),
    ("Inspector", "an assessment", "event=ASSESSMENT_*|FINDING_*|ENABLE_ASSESSMENT_* & target=arn:*"),
    ("IoT", "a question for rights", "signatureVerified & protocols,connectionMetadata.id", "token & tokenSignature"),
    ("IoT", "a question for rights", "claimCertificateId & templateArn", "caCertificateId & certificateStatus"),
    ("IoT", "a change of its registry or jobs", "eventType=THING_*EVENT & eventId & operation"),
    ("IoT", "a change of its registry or jobs", "eventType=JOB|JOB_EXECUTION & eventId & targetSelection,thingArn"),
    ("IoT", "a connection", "eventType=*connect*|*subscribed & clientId & principalIdentifier,sessionIdentifier"),
    ("IoT", "a detector's state", "payload.detector.detectorModelName,event.payload.detector.detectorModelName"),
    ("IoT", "a report", "violationEventType & securityProfileName", "taskType=*_AUDIT_TASK & taskStatus"),
    ("IVS", "a message", "RoomArn & MessageId & Content"),
    ("Jenkins", "a build's state", f"sns.Subject={_JENKINS}"),
    ("Kendra, Q Business", "a document to be changed", "s3Bucket & s3ObjectKey & version=v0"),
    ("Lex", "a request", "bot.name & invocationSource", "sessionState.intent.name,currentIntent.name"),
    ("Lex", "a request", "inputTranscript=| only inputTranscript,sessionState", "bot={} & messageVersion"),
    ("Marketplace", "a subscription", "customer-identifier & product-code"),
    ("Mechanical Turk", "a task's state", "EventDocId & Events.0.HITId"),
    ("Pinpoint", "a campaign's or journey's step", "ApplicationId & CampaignId,JourneyId"),
    ("Pinpoint", "an event", "event_type & arrival_timestamp"),
    ("Polly", "a task's end", "taskId & taskStatus & voiceId"),
    ("RDS", "an event", "Event Source & Event Time"),
    ("Redshift", "a function's call", "external_function & query_id"),
    ("Rekognition", "what a stream shows", "eventNamespace.type & inputInformation.kinesisVideo.streamArn"),
    ("S3", "a batch's task", "invocationSchemaVersion"),
    ("S3", "a request", "xAmzRequestId & protocolVersion", "listObjectsV2Context.inputS3Url"),
    ("S3", "a request", "getObjectContext.inputS3Url,getObjectContext.outputRoute,headObjectContext.inputS3Url"),
    ("SageMaker, Transcribe", "a job's state", "detail.TrainingJobStatus,detail.TranscriptionJobStatus"),
    ("SageMaker", "a model that is not approved", "detail.ModelApprovalStatus=Rejected|PendingManualApproval"),
    ("SageMaker", "a step", "detail.currentPipelineExecutionStatus", "eventSource=aws:sagemaker", "labelingJobArn"),
    ("Secrets Manager", "a rotation", "SecretId,Step=createSecret|setSecret|testSecret|finishSecret"),
    ("Security Hub", "a notice", "AnnouncementType=GENERAL|NEW_*|RETIRED_*|UPCOMING_*|UPDATED_* & Title"),
    ("Security Hub", "a notice", "findings.0.ProductArn,detail.findings.0.ProductArn"),
    ("SES, WorkMail", "a mail", "eventSource=aws:ses", "ses.mail.messageId", "flowDirection & messageId"),
    ("SES", "a mail's fate", "notificationType,eventType,mail.source & mail.messageId", "bounce.bounceType"),
    ("SNS", "a push's fate", "EndpointArn=arn:* & EventType"),
    ("Step Functions", "an execution's state", "Error & Cause", "detail.executionArn=arn:*:states:* only detail"),
    ("Systems Manager, Timestream", "a run's state", "commandId & documentName & status=Succ*|InPr*|Fail*|Tim*|Canc*"),
    ("Systems Manager, Timestream", "a run's state", "nextInvocationEpochSecond & arn"),
    ("Transfer Family", "a question for rights", "serverId=s-* & sourceIp & protocol,password"),
    ("Transfer Family", "a step", "token & serviceMetadata.executionDetails.workflowId"),
    (
        *("Lambda", "the answer of a function", "statusCode & statusDescription=1?? *|2?? *|3?? *|4?? *|5?? *"),
        *("isAuthorized only isAuthorized,context,resolverContext,deniedFields,ttlOverride", "policyDocument.Version"),
        *("messageVersion & response.actionGroup,response.0.actionGroup", "batchItemFailures.0.itemIdentifier"),
        *("PhysicalResourceId only PhysicalResourceId,Data,NoEcho", "disposition=STOP_RULE*|CONTINUE only disposition"),
        *("sessionState.dialogAction.type", "isAuthenticated & principalId", "statusCode & isBase64Encoded"),
        *("Status & PhysicalResourceId", "batchItemFailures=[]", "dialogAction.type", "allowProvisioning"),
    ),
    ("AWS", "an event", "instance-id=i-* & state,instance-action", "detail.lastStatus=RUNNING|STOPPED only detail,id"),
    ("AWS", "an event", "taskArn & lastStatus", "findings.0.Severity.Label", "detail.outputGroupDetails.0.type=*GROUP"),
    ("AWS", "an event", "detail.EC2InstanceId,detail.instance-id=i-*", "detail.findings.0.Id=arn:*:securityhub:*"),
    ("AWS", "an event", "type,detail.type=*:EC2/*|*:IAMUser/*|*:S3/* & severity,detail.severity,detail.title"),
    ("AWS", "an event", "detail.queryExecutionId,detail.ProcessingJobStatus only detail", "detail.taskArn"),
    ("AWS", "a notice", f"sns.Subject={_SUBJECTS}", f"sns.Message,sqs.body={_BEGINNINGS}"),
)
#: None of these is a change. A rule names the type by a condition on the same paths, or on EventBridge's own.
_ASKED: Final = tuple(
    Kind(
        sender=sender,
        name=name,
        when=known,
        ignored=f"nothing is built for {name} of {sender} unless a rule takes it",
        named_by=("detail-type", *paths_of(known)),
        reason=name,
    )
    for sender, name, *several in _ASKED_BY
    for known in several
)
#: Kinds that are known by a few fields. One of their events that is also a trigger in Holdoff's own form counts as that
#: trigger (``rules``). What reports a build, or the call that started it, never does: the build would trigger itself.
_REPORTS: Final = ("CloudTrail", "CodeBuild", "CodePipeline")
LOOSELY_KNOWN: Final = (UNTYPED, UNSOURCED, *(one for one in _ASKED if one.sender not in _REPORTS))

#: A job of a pipeline and a record of a stream build, as with the old snippet.
_OTHER: Final = (
    # https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html
    change("CodePipeline", "a job", "CodePipeline.job.id", "CodePipeline job", id="{CodePipeline.job.id}"),
    change("a stream", "a record", "eventSource & eventID", "{eventSource:} {eventName:}"),
    UNSOURCED,
    Kind(name="an event of one's own", when="detail-type", **_CARRIER),
)

TABLES: Final = (_CODECOMMIT, _STORED, _BY_BRIDGE, _ASKED, _OTHER)
