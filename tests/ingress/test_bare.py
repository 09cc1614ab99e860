"""What a known service sends is known without the headers or the envelope that say so: by what is in it.

JSON of hosts of git repositories that came by a topic or a queue, and what services of AWS ask of functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from holdoff.config import Config, Project
from holdoff.core.errors import EventError
from holdoff.core.policy import Policy
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import Ignored
from holdoff.ingress.events.message import Message, Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress import payloads as p
from tests.ingress import sent_by_aws
from tests.ingress import shapes as s
from tests.ingress.payloads import AFTER, BEFORE
from tests.ingress.sent import Sent
from tests.ingress.sent_by_others import bitbucket_post, sourcehut, sourcehut_query
from tests.ingress.test_senders import with_rule
from tests.ingress.wanted import ONE, SEVERAL, WEBHOOK

PUSHES: dict[str, Callable[..., HttpRequest]] = {
    "GitHub": p.github_push,
    "GitLab": p.gitlab_push,
    "Gitea": lambda ref="refs/heads/main": p.forge_push("Gitea", ref),
    "Azure DevOps": lambda ref="refs/heads/main": p.azure_push((ref, BEFORE, AFTER)),
    "Bitbucket Cloud": lambda ref="refs/heads/main": p.bitbucket_push(p.bitbucket_change(ref.split("/", 2)[2])),
    "Bitbucket Data Center": lambda ref="refs/heads/main": p.data_center_push(p.data_center_change(ref)),
    # https://man.sr.ht/graphql.md#webhooks
    "SourceHut": lambda ref="refs/heads/main": p.posted(
        sourcehut_query(event="GIT_POST_RECEIVE", uuid="7", updates=[sourcehut(AFTER, ref={"name": ref})]), {}
    ),
}
OTHERS = {
    "GitHub: a star": p.github("star", {"action": "created"}),
    "GitHub: a fork": p.github("fork", {"forkee": {}}),
    "GitHub: a ping": p.github("ping", {"zen": "x", "hook_id": 1}),
    "GitHub: of an organisation": p.posted({"organization": {"login": "o"}, "sender": {"login": "s"}}, {}),
    # As tests are written by hand
    "GitHub: an issue, in short": p.posted({"action": "labeled", "issue": {"number": 1, "user": {"login": "ann"}}}, {}),
    "GitHub: a pull request, in short": p.posted({"action": "opened", "pull_request": {"head": {"sha": AFTER}}}, {}),
    # https://codeberg.org/forgejo/forgejo/src/branch/forgejo/modules/structs/hook.go: alone without a sender
    "Forgejo: the end of a run": p.posted(
        {"action": "recover", "run": {"id": 7, "repository": {"full_name": "octo/site"}}, "prior_status": "running"}, {}
    ),
    # https://tangled.org/docs/spindles/webhooks/
    "Tangled: a new name": p.posted(
        {"old_name": "page", "new_name": "site", "repository": {"full_name": "did:plc:hwevm/site"}}, {}
    ),
    # https://github.com/bkdevops-projects/devops-scm: the samples in its tests of BKCode, and of Tencent's Gongfeng
    "BKCode: an issue": p.posted(
        {"event": "ISSUE_EVENT", "action": "created", "repository": {"fullName": "octo/site"}, "sender": {"id": "1d"}},
        {},
    ),
    # https://coding.net/help/docs/project-settings/open/service-hook.html
    "CODING: a page of a wiki": p.posted(
        {"event": "WIKI_UPDATED", "eventName": "x", "team": {"domain": "octo", "name_pinyin": "octo"}}, {}
    ),
    "Gongfeng: a review": p.posted({"object_kind": "review", "project_id": 1, "reviewer": {"state": "approved"}}, {}),
    # https://docs.gitlab.com/administration/system_hooks/#subscription-member-approval
    "GitLab: an approval of a member": p.posted(
        {"object_kind": "gitlab_subscription_member_approval", "object_attributes": {"new_access_level": 30}}, {}
    ),
    "GitLab: approvals of members": p.posted(
        {
            "object_kind": "gitlab_subscription_member_approvals",
            "object_attributes": {"promotion_request_ids_that_failed_to_apply": [], "status": "success"},
            "reviewed_by_user_id": 99,
        },
        {},
    ),
    "GitLab: a note": p.gitlab("Note Hook", {"object_kind": "note", "project_id": 1, "object_attributes": {}}),
    "Bitbucket Cloud: a pull request": p.bitbucket(
        "pullrequest:created",
        {"actor": {"uuid": "{1}"}, "repository": {"uuid": "{2}", "full_name": "octo/site"}, "pullrequest": {}},
    ),
    # https://github.com/buildbot/buildbot/blob/master/master/buildbot/test/unit/www/test_hooks_bitbucketserver.py
    "Bitbucket: a pull request, by a plug-in of Data Center's": p.bitbucket(
        "pullrequest:created",
        {
            "actor": {"username": "John"},
            "pullrequest": {"id": "21", "authorLogin": "Buildbot", "toRef": {"branch": {"name": "master"}}},
            "repository": {"scmId": "git", "slug": "site", "fullName": "octo/site"},
        },
    ),
    # https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Project-events: it has no repository
    "Bitbucket Cloud: a project": p.bitbucket(
        "project:updated",
        {"actor": {"uuid": "{1}"}, "project": {"type": "project", "uuid": "{2}", "key": "SITE"}, "changes": {}},
    ),
    "Bitbucket Data Center: a pull request": p.data_center("pr:opened", {"eventKey": "pr:opened", "date": "x"}),
    # https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html has both of its names
    **{
        f"Bitbucket Data Center: {key}": p.data_center(key, {"eventKey": key, "date": "x"})
        for key in ("proj:modified", "project:modified")
    },
    # As tests leave its source out.
    "Spinnaker: a pipeline, in short": p.posted({"details": {"type": "orca:pipeline:complete"}}, {}),
    "SourceHut: a ticket": p.posted(sourcehut_query(event="TICKET_CREATED", uuid="7"), {}),
    # https://ubuntu.com/docs/launchpad/user/reference/webhooks/
    "Launchpad: a merge proposal": p.posted(
        {"merge_proposal": "/~ann/site/+git/site/+merge/1", "action": "created", "new": {"registrant": "/~ann"}}, {}
    ),
    "Launchpad: a build of a snap": p.posted(
        {"snap_build": "/~ann/+snap/site/+build/1", "action": "status-changed", "snap": "/~ann/+snap/site"}, {}
    ),
    # https://cirrus-ci.org/api/#webhooks, as the tests of PostgreSQL's cfbot have it
    "Cirrus CI: a task": p.posted(
        {"action": "updated", "old_status": "CREATED", "build": {"id": 52, "branch": "main", "changeIdInRepo": AFTER}},
        {},
    ),
    # https://www.pulumi.com/docs/deployments/webhooks/
    "Pulumi: a stack": p.posted(
        {"organization": {"githubLogin": "octo"}, "action": "created", "projectName": "x", "stackName": "site"}, {}
    ),
    # https://docs.snyk.io, as Sumo Logic's documents show it
    "Snyk: a scan": p.posted(
        {
            "project": {
                "name": "site",
                "testFrequency": "daily",
                "browseUrl": "https://app.snyk.io/org/octo/project/1",
            },
            "org": {"slug": "octo"},
            "newIssues": [],
            "removedIssues": [],
        },
        {},
    ),
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


def test_a_rule_takes_a_pull_request_of_bitbucket_by_its_state() -> None:
    """https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Pull-request-events"""
    repository = {"uuid": "{1}", "full_name": "octo/site"}
    merged = {"actor": {"uuid": "{2}"}, "pullrequest": {"id": 1, "state": "MERGED"}, "repository": repository}
    for event in (s.in_sqs(merged), s.eventbridge("my.app", "hook", merged)):
        (message,) = opened(event)
        path = "detail.pullrequest.state" if "detail" in event else "pullrequest.state"
        assert isinstance(ONE.intents(message)[0], Ignored)
        assert isinstance(with_rule(**{path: "MERGED"}).intents(message)[0], Request)


#: Where their forms come from: the pages of each service about Lambda, and the samples of aws-lambda-go.
ASKED: dict[str, dict[str, Any]] = {
    "Alexa's homes, at first": {"header": {"payloadVersion": "1", "namespace": "Control"}, "payload": {}},
    # Tests that are written by hand say no more.
    "Alexa, in short": {"request": {"type": "LaunchRequest"}},
    # https://developer.amazon.com/en-US/docs/alexa/smapi/skill-events-in-alexa-skills.html
    "Alexa's skill was enabled": {"request": {"type": "AlexaSkillEvent.SkillEnabled", "requestId": "1b2c-3d"}},
    "Alexa's question of what a skill can do": {
        "request": {"type": "CanFulfillIntentRequest", "requestId": "b795c1d2"}
    },
    "Alexa, a player, in short": {"request": {"type": "AudioPlayer.PlaybackStarted", "requestId": "test"}},
    "Cognito, in short": {"request": {"userAttributes": {"email": "ann@example.com"}}, "response": {}},
    "Lex, in short": {"sessionState": {"intent": {"name": "OrderPizza"}}},
    "Lex, at first, in short": {"currentIntent": {"name": "OrderPizza", "slots": {}}},
    "Connect, in short": {"Details": {"ContactData": {"ContactId": "c", "Attributes": {}}, "Parameters": {}}},
    "Config, in short": {"invokingEvent": "{}", "ruleParameters": "{}"},
    "CloudFormation, in short": {"RequestType": "Create", "ResourceProperties": {}},
    "CloudFormation, the end": {"RequestType": "Delete", "ResourceProperties": {"a": "b"}, "PhysicalResourceId": "p"},
    "AppSync, in short": {"arguments": {"id": "7"}, "source": {"title": "x"}, "prev": {"result": {}}, "stash": {}},
    "AppSync, in short, a first function": {"arguments": {"id": "7"}, "source": None, "prev": None, "stash": {}},
    "Bedrock, in short": {"messageVersion": "1.0", "function": "f", "parameters": [{"name": "day", "value": "Monday"}]},
    "SES, a bounce": {"notificationType": "Bounce", "bounce": {"bounceType": "Permanent"}},
    "SES, in short": {"mail": {"messageId": "m", "source": "ann@example.com"}},
    "Secrets Manager, in short": {"Step": "testSecret", "ClientRequestToken": "t"},
    "Amazon Q": {"version": "1.0", "source": "custom", "content": {"textType": "client-markdown", "description": "x"}},
    # As commands and tests in public repositories call functions.
    "API Gateway, in short": {"authorizationToken": "Bearer x"},
    "API Gateway, in short, with its type": {"type": "TOKEN", "authorizationToken": "Bearer x"},
    "API Gateway, its second form, in short": {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:1:abc/test/GET/request",
        "identitySource": ["user1"],
    },
    "AppSync, in short, by a user": {"arguments": {"cardId": "test"}, "identity": {"sub": "test-user"}},
    "Bedrock, in short, without a version": {"actionGroup": "a", "function": "f", "parameters": []},
    "Bedrock, in short, by a path": {"actionGroup": "a", "apiPath": "/calendar", "parameters": []},
    "Bedrock's call, in a detail": {"detail": {"invocationArn": "arn:aws:bedrock:x:1:y", "status": "Completed"}},
    "Bedrock, a path alone": {"apiPath": "/getCost", "parameters": [{"name": "days", "value": "7"}]},
    "CloudWatch, an alarm's name": {"AlarmName": "test-alarm"},
    "CloudWatch, an alarm's new state": {"NewStateValue": "INSUFFICIENT_DATA"},
    "AWS, a task's state": {"id": "7", "detail": {"lastStatus": "RUNNING"}},
    "AWS, a task that has stopped": {"detail": {"lastStatus": "STOPPED", "stopCode": "TaskFailedToStart"}},
    "Step Functions, an execution": {"detail": {"executionArn": "arn:aws:states:eu-west-1:1:execution:m:e"}},
    "AWS, a finding of GuardDuty about a bucket": {"detail": {"type": "Discovery:S3/MaliciousIPCaller", "severity": 4}},
    "AWS, a finding of GuardDuty alone": {
        "type": "CryptoCurrency:EC2/BitcoinTool.B!DNS",
        "severity": 8.0,
        "title": "t",
    },
    "CloudTrail, a call of CloudWatch's logs": {"detail": {"requestParameters": {"logGroupName": "/aws/lambda/f"}}},
    "SageMaker, a pipeline": {"detail": {"pipelineExecutionArn": "x", "currentPipelineExecutionStatus": "Succeeded"}},
    "Transfer Family, without its protocol": {
        "username": "u",
        "password": "p",
        "serverId": "s-x",
        "sourceIp": "10.0.1.5",
    },
    "CloudWatch, an alarm's reason": {"AlarmName": "Test", "NewStateReason": "Manual test"},
    "CloudWatch, an alarm's metric": {"AlarmName": "test", "Trigger": {"MetricName": "CPUUtilization"}},
    "AWS, an instance to be launched": {"detail": {"EC2InstanceId": "i-0758ddb2bc1369045"}},
    "AWS, a finding of GuardDuty in short": {"detail": {"type": "Recon:EC2/PortProbeUnprotectedPort", "severity": 5}},
    "AWS, a finding of Security Hub in short": {"findings": [{"Title": "t", "Severity": {"Label": "HIGH"}}]},
    "CloudWatch, an alarm's data": {"alarmName": "test", "alarmData": {"alarmName": "test"}},
    "CloudWatch, an alarm's state": {"alarmArn": "arn:x", "alarmData": {"state": {"value": "ALARM"}}},
    "SageMaker, a model that was rejected": {"detail": {"ModelPackageArn": "arn", "ModelApprovalStatus": "Rejected"}},
    "CloudWatch, an alarm's time": {"AlarmName": "x", "AlarmDescription": "y", "StateChangeTime": "2017"},
    "Cognito, a migration": {
        "triggerSource": "UserMigration_Authentication",
        "userName": "ann@example.com",
        "request": {"password": "test"},
        "response": {},
    },
    "Cognito, a sender": {"triggerSource": "CustomEmailSender_AccountTakeOverNotification", "request": {}},
    "Cognito, a message": {"triggerSource": "CustomMessage_SignUp", "request": {"codeParameter": "{####}"}},
    "Cognito, a user": {"userPoolId": "us-east-1_123456789", "userName": "ann"},
    "Cognito, a user, in short": {
        "userPoolId": "us-east-1_123456789",
        "userName": "ann",
        "request": {},
        "response": {},
    },
    "Cognito, a trigger alone": {"triggerSource": "PreSignUp_AdminCreateUser"},
    "Cognito, before": {"triggerSource": "PreAuthentication_Authentication", "userName": "ann"},
    "Cognito, after": {"triggerSource": "PostAuthentication_Authentication", "userName": "ann"},
    "Cognito, confirmed": {"triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "abc-123"},
    "Cognito, a token": {"triggerSource": "TokenGeneration_Authentication", "clientId": "c", "sub": "s"},
    "Cognito, a challenge, defined": {"request": {"session": []}, "response": {}},
    "Cognito, a challenge, next": {"request": {"session": [{"challengeName": "CUSTOM_CHALLENGE"}]}, "response": {}},
    "Cognito, a challenge, created": {"request": {"challengeName": "SRP_A"}, "response": {}},
    "Cognito, a challenge by its trigger": {
        "triggerSource": "DefineAuthChallenge_Authentication",
        "request": {"session": []},
    },
    "Config, in a detail": {
        "detail": {
            "resourceId": "i-abc",
            "resourceType": "AWS::EC2::Instance",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"},
        }
    },
    "Connect, a channel": {"Details": {"ContactData": {"Channel": "VOICE", "Attributes": {"a": "b"}}}},
    "Connect, a number": {"Details": {"ContactData": {"CustomerEndpoint": {"Address": "+15551234567"}}}},
    "Connect, parameters": {"Details": {"Parameters": {"center_id": "1"}, "ContactData": {"Attributes": {}}}},
    "Lex, a session": {"sessionState": {"sessionAttributes": {"test": "true"}}, "inputTranscript": ""},
    "S3's batch, a test": {"invocationSchemaVersion": "1.0", "tasks": []},
    "SageMaker, in a detail, a job": {
        "detail": {"TrainingJobName": "llmops-qlora-1", "TrainingJobStatus": "Completed"}
    },
    "SageMaker, Transcribe: a transcript": {
        "detail": {"TranscriptionJobName": "x", "TranscriptionJobStatus": "FAILED"}
    },
    "GuardDuty's scan, in a detail": {"detail": {"scanResultDetails": {"scanResultStatus": "FAILED"}}},
    "AWS's finding, in short": {"detail": {"findings": [{"Id": "arn:aws:securityhub:us-east-1:1:finding/f"}]}},
    "AWS's risk, in short": {
        "detail": {"type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": 8, "title": "SSH brute force"}
    },
    "AppConfig": {
        "Type": "OnDeploymentComplete",
        "Application": {"Id": "a"},
        "ConfigurationProfile": {"Id": "c"},
        "DeploymentNumber": 1,
    },
    "AppConfig's validator": {"applicationId": "a", "configurationProfileId": "c", "content": "e30=", "uri": "hosted"},
    "AppSync": {"info": {"channel": {"path": "/a"}, "operation": "PUBLISH"}, "events": [], "request": {"headers": {}}},
    "AppSync, by Amplify, as its tests have it": {"typeName": "Query", "fieldName": "posts", "arguments": {}},
    "AppSync, by Amplify": {"typeName": "Query", "fieldName": "posts", "request": {"headers": {"host": "x"}}},
    "AppSync, by Amplify, of a type": {"typeName": "Shop", "fieldName": "at", "request": {"headers": {"host": "x"}}},
    "AppSync, by a template": {"version": "2018-05-29", "operation": "BatchInvoke", "payload": {"field": "posts"}},
    "AppSync, by the runtime for Go": {"Info": {"fieldName": "posts"}, "arguments": {}},
    "Auto Scaling's policy": {
        "AutoScalingGroupName": "x",
        "CapacityToTerminate": [{"Capacity": 2}],
        "Cause": "SCALE_IN",
    },
    "Athena": {"@type": "PingRequest", "identity": {}, "queryId": "q"},
    # https://github.com/awslabs/aws-athena-query-federation: of a function's calls and answers none names a query
    "Athena's function": {"@type": "UserDefinedFunctionRequest", "identity": {}, "methodName": "compress"},
    "Athena's schemas, answered": {"@type": "ListSchemasResponse", "catalogName": "c", "schemas": ["s"]},
    "Bedrock's agent": {"messageVersion": "1.0", "agent": {"id": "8ZX", "name": "x"}, "inputText": "hello"},
    "Bedrock's flow": {"messageVersion": "1.0", "flow": {"arn": "arn:x"}, "node": {"name": "x", "nodeInputs": []}},
    "Bedrock's documents": {"knowledgeBaseId": "k", "ingestionJobId": "i", "bucketName": "b", "inputFiles": []},
    "Bedrock's orchestration": {"state": "START", "context": {"requestId": "r", "sessionId": "s"}, "input": {}},
    "Bedrock's gateway": {"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest": {"path": "/mcp"}}},
    "Chime": {"InvocationEventType": "NEW_INBOUND_CALL", "CallDetails": {"TransactionId": "t"}},
    "Chime's channel": {"EventType": "CHANNEL_MESSAGE_EVENT", "CallbackId": "c", "ChannelMessage": {"MessageId": "m"}},
    "Client VPN": {"connection-id": "cvpn-connection-0", "endpoint-id": "cvpn-endpoint-0", "schema-version": "v1"},
    "CloudWatch's alarm, its detail": {"alarmName": "x", "state": {"value": "ALARM", "timestamp": "t"}},
    "CloudWatch's alarm, in a detail": {"detail": {"alarmName": "x", "state": {"value": "ALARM"}}},
    "Auto Scaling's event, in a detail": {"detail": {"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}},
    "GuardDuty's finding, its detail": {"schemaVersion": "2.0", "severity": 5, "service": {"detectorId": "d"}},
    "GuardDuty's finding, in a detail": {"detail": {"resource": {"instanceDetails": {"instanceId": "i-1"}}}},
    "Security Hub's findings, their detail": {"findings": [{"ProductArn": "arn:x", "Id": "f"}]},
    "Security Hub's findings, in a detail": {"detail": {"findings": [{"ProductArn": "arn:x"}]}},
    "AWS's server, its detail": {"instance-id": "i-1", "state": "running"},
    "AWS's server that will end, its detail": {"instance-id": "i-1", "instance-action": "terminate"},
    "AWS's server, in a detail": {"detail": {"instance-id": "i-1"}},
    "AWS's task, its detail": {"taskArn": "arn:x", "lastStatus": "STOPPED", "clusterArn": "arn:y"},
    "AWS's finding, without a source": {"detail-type": "GuardDuty Finding", "detail": {"id": "f"}},
    "CloudTrail's call, without a source": {
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": "RunTask"},
    },
    "AWS's crawler, without a source": {"detail-type": "Glue Crawler State Change", "detail": {"state": "Succeeded"}},
    "AWS's stack, without a source": {"detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": "s"}},
    "CodeBuild's phase, in a detail": {
        "detail": {"build-id": "arn:x", "project-name": "site", "completed-phase": "BUILD"}
    },
    # As templates in public Terraform name what they hand on.
    "CodeBuild, by a template": {
        "title": "CodeBuild failure",
        "status": "FAILED",
        "project": "site",
        "build_id": "arn:aws:codebuild:us-east-1:1:build/site:7b",
    },
    "CodeBuild, by another template": {
        "ProjectName": "site",
        "BuildStatus": "FAILED",
        "BuildId": "arn:aws:codebuild:us-east-1:1:build/site:7b",
    },
    "AWS, a query of Athena": {"detail": {"queryExecutionId": "q-1"}},
    "Auto Scaling, no capacity": {"AutoScalingGroupARN": "arn:aws:autoscaling:x", "CapacityToTerminate": []},
    "CloudWatch, an alarm alone": {"detail": {"alarmName": "lab-push"}},
    "CodePipeline, without a state": {"pipeline": "site", "execution-id": "1"},
    "CodePipeline's detail, without a state": {"detail": {"pipeline": "site", "execution-id": "1"}},
    "Config, a rule's name": {"detail": {"configRuleName": "test-rule"}},
    "Lex, an empty bot": {"messageVersion": "1.0", "sessionId": "s", "bot": {}},
    "AWS, a job of MediaConvert": {
        "detail": {
            "status": "COMPLETE",
            "jobId": "job_123",
            "userMetadata": {"file_id": "f"},
            "outputGroupDetails": [{"type": "HLS_GROUP", "playlistFilePaths": ["videos/1/playlist.m3u8"]}],
        }
    },
    "AWS, a processing job of SageMaker": {"detail": {"ProcessingJobName": "j", "ProcessingJobStatus": "Completed"}},
    "CodeBuild, in short": {"build-status": "FAILED", "project-name": "site"},
    "CodeBuild, by its id": {"project": "site", "build-id": "arn:aws:codebuild:us-east-1:1:build/site:7b"},
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html
    "CodeBuild, by a state machine that waited for it": {
        "Build": {"Arn": "arn:aws:codebuild:us-east-1:1:build/site:7b", "BuildStatus": "SUCCEEDED"}
    },
    "Batch, by a template that leaves the name out": {"jobId": "4c", "jobDefinition": "build", "jobQueue": "builds"},
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
    **{
        f"CodeBuild's answer: {name}": {name: build if name != "builds" else [build]}
        for name, build in (
            ("build", {"arn": "arn:aws:codebuild:us-east-1:1:build/site:7b"}),
            ("builds", {"arn": "arn:aws:codebuild:us-east-1:1:build/site:7b"}),
            ("buildBatch", {"arn": "arn:aws:codebuild:us-east-1:1:build-batch/site:7b"}),
            ("BuildBatch", {"Arn": "arn:aws:codebuild:us-east-1:1:build-batch/site:7b"}),
        )
    },
    "CodeBuild's build, as its API has it": {
        "arn": "arn:aws:codebuild:us-east-1:1:build/site:7b",
        "buildStatus": "SUCCEEDED",
        "projectName": "site",
    },
    "CodeBuild's type, in short": {"detail-type": "CodeBuild State Change", "detail": {}},
    "CodePipeline's type, in short": {"detail-type": "CodePipeline State Change", "detail": {}},
    "CodeBuild's notification, in short": {"detailType": "CodeBuild Build State Change"},
    "CodeBuild's build, without a source": {
        "detail-type": "CodeBuild Build State Change",
        "detail": {"build-status": "SUCCEEDED", "project-name": "site"},
    },
    "CloudFormation's hook": {"hookTypeName": "A::B::C", "actionInvocationPoint": "CREATE_PRE_PROVISION"},
    "CloudFormation's hook for a stack": {
        "clientRequestToken": "t",
        "stackId": "arn:aws:cloudformation:us-west-2:1:stack/s/1",
        "changeSetId": None,
        "hookTypeName": "my::lambda::stackhook",
        "hookModel": {"LambdaFunction": "arn:aws:lambda:us-west-2:1:function:f"},
        "actionInvocationPoint": "UPDATE_PRE_PROVISION",
        "requestData": {"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "s"},
        "requestContext": {"invocation": 1, "callbackContext": None},
    },
    "CloudFormation's hook, by its contract tests": {
        "requestContext": {"callbackContext": None},
        "hookTypeName": "A::B::C",
        "clientRequestToken": "t",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
    },
    "CloudFormation's hook, tried by its CLI": {
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "request": {"clientRequestToken": "t", "hookContext": {}},
    },
    "CloudFormation's own type": {"action": "READ", "bearerToken": "b", "resourceType": "A::B::C", "requestData": {}},
    "CloudFormation's own type, tried by its CLI": {
        "action": "CREATE",
        "request": {"clientRequestToken": "t", "desiredResourceState": {}},
        "callbackContext": None,
    },
    "CloudFormation's resource, by CDK": {"RequestType": "Delete", "StackId": "s", "LogicalResourceId": "x"},
    "CloudFormation's resource, by CDK, that is waited for": {
        "RequestType": "Delete",
        "StackId": "s",
        "LogicalResourceId": "x",
        "Data": {"JobId": "7"},
    },
    "Alexa, a player": {
        "request": {"type": "AudioPlayer.PlaybackStarted", "requestId": "amzn1.echo-api.request.1"},
        "context": {},
    },
    "CloudWatch, an alarm in a detail": {"detail": {"alarmName": "a", "state": {"value": "ALARM"}}, "account": "1"},
    "CodeBuild, a phase": {"build-id": "arn:x", "project-name": "site", "completed-phase": "BUILD"},
    "Cognito, a federation": {"userPoolId": "u", "triggerSource": "InboundFederation_ExternalProvider", "request": {}},
    "GuardDuty, in a detail": {"detail": {"service": {"detectorId": "d"}, "severity": 8, "type": "Execution"}},
    "Lex, a bot": {"bot": {"name": "b"}, "invocationSource": "DialogCodeHook"},
    "SES, by its source": {"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"receipt": {}}}]},
    "AWS, a task of ECS in a detail": {"detail": {"taskArn": "arn:x", "desiredStatus": "STOPPED"}, "account": "1"},
    "CloudTrail's call of a start": {"eventSource": "codebuild.amazonaws.com", "eventName": "StartBuild"},
    "CloudTrail's call": {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventID": "e"},
    "CloudTrail's call, in a detail": {
        "account": "1",
        "detail": {"eventSource": "route53.amazonaws.com", "eventName": "ChangeResourceRecordSets", "eventID": "e"},
    },
    "CloudTrail's event of a service, in a detail": {
        "detail": {"serviceEventDetails": {}, "eventCategory": "Management"}
    },
    "CloudTrail's call of a service whose events never build": {
        "eventSource": "lambda.amazonaws.com",
        "eventName": "Invoke",
        "eventID": "e",
    },
    "CloudTrail's insight": {
        "eventType": "AwsCloudTrailInsight",
        "eventCategory": "Insight",
        "insightDetails": {"state": "Start", "eventSource": "ssm.amazonaws.com", "insightType": "ApiCallRateInsight"},
    },
    "CloudTrail": {"s3Bucket": "logs", "s3ObjectKey": ["AWSLogs/1/CloudTrail/x.json.gz"]},
    "CloudWatch's widget": {"widgetContext": {"dashboardName": "d", "widgetId": "w"}},
    "CloudWatch's widget, described": {"describe": True},
    "CloudWatch's metrics": {"EventType": "GetMetricData", "GetMetricDataRequest": {}},
    "CloudWatch's log lines": {"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [{"message": "x"}]},
    # What is left of EventBridge's events by a rule that hands on their details only.
    "CodeBuild": {"build-status": "SUCCEEDED", "project-name": "site", "build-id": "arn:x"},
    "CodePipeline": {"pipeline": "site", "execution-id": "e", "state": "SUCCEEDED", "version": 1.0},
    # The same in an event that has nothing else.
    "CodeBuild, in a detail": {"detail": {"build-status": "SUCCEEDED", "project-name": "site"}},
    "CodePipeline, in a detail": {"detail": {"pipeline": "site", "state": "FAILED"}},
    "CodeDeploy's trigger": {"eventTriggerName": "t", "deploymentId": "d-1", "status": "SUCCEEDED"},
    "CodeDeploy's trigger, of an instance": {"eventTriggerName": "t", "deploymentId": "d-1", "instanceId": "arn:x"},
    "CodePipeline's approval": {"approval": {"pipelineName": "site", "stageName": "Publish", "actionName": "ok"}},
    "Config's compliance": {"messageType": "ComplianceChangeNotification", "recordVersion": "1.0"},
    "Config's history": {
        "messageType": "ConfigurationHistoryDeliveryCompleted",
        "recordVersion": "1.1",
        "s3Bucket": "b",
    },
    "Config's rule": {"invokingEvent": "{}", "resultToken": "t"},
    "Connect's campaign": {"InvocationMetadata": {"CampaignContext": {"CampaignId": "c"}}, "Items": {}},
    "Cost Explorer": {"accountId": "1", "anomalyId": "a", "monitorArn": "arn:x"},
    "DevOps Guru": {"MessageType": "NEW_INSIGHT", "InsightId": "i"},
    "ECS's hook": {"executionDetails": {"serviceArn": "arn:x"}, "executionId": "e", "lifecycleStage": "POST_SCALE_UP"},
    "Elastic Transcoder": {"state": "COMPLETED", "version": "2012-09-25", "jobId": "j", "pipelineId": "p"},
    "End User Messaging": {"eventType": "TEXT_DELIVERED", "eventVersion": "1.0", "messageId": "m", "isFinal": True},
    "End User Messaging's senders": {"originationNumber": "+1", "destinationNumber": "+2", "inboundMessageId": "i"},
    "CloudFront's function": {"version": "1.0", "viewer": {"ip": "1.2.3.4"}, "request": {"method": "GET", "uri": "/"}},
    "Inspector": {"event": "ASSESSMENT_RUN_COMPLETED", "target": "arn:x", "run": "arn:y"},
    "IoT's detector": {"payload": {"detector": {"detectorModelName": "m"}, "state": {}}, "eventName": "e"},
    "Pinpoint's journey": {"ApplicationId": "a", "JourneyId": "j", "Endpoints": {}},
    "Pinpoint's events": {"event_type": "_SMS.SUCCESS", "arrival_timestamp": 1, "application": {}},
    "Pinpoint": {"ApplicationId": "a", "CampaignId": "c", "Endpoints": {}},
    "End User Messaging's WhatsApp": {"context": {"MetaWabaIds": []}, "whatsAppWebhookEntry": "{}"},
    "Firehose": {"records": [{"recordId": "r", "data": "eA=="}]},
    "Glacier": {"Action": "InventoryRetrieval", "VaultARN": "arn:x", "JobId": "j", "Completed": True},
    "Image Builder": {"versionlessArn": "arn:x", "semver": 1, "buildVersion": 3, "state": {"status": "AVAILABLE"}},
    "IoT's authoriser": {"token": "x", "signatureVerified": True, "protocols": ["tls", "mqtt"]},
    "IoT's authoriser, as it was": {"token": "x", "tokenSignature": "y", "mqttContext": {"clientId": "c"}},
    "IoT's authoriser, without a token": {"signatureVerified": False, "connectionMetadata": {"id": "c"}},
    "IoT's jobs": {"eventType": "JOB_EXECUTION", "eventId": "1", "operation": "succeeded", "thingArn": "arn:x"},
    "IoT's detector, as Lambda's pages show it": {"event": {"payload": {"detector": {"detectorModelName": "m"}}}},
    "IoT's certificates": {"caCertificateId": "c", "certificateId": "d", "certificateStatus": "PENDING_ACTIVATION"},
    "IoT's audits": {"taskType": "SCHEDULED_AUDIT_TASK", "taskStatus": "COMPLETED", "auditDetails": []},
    "IoT's defender": {"violationEventType": "in-alarm", "securityProfileName": "p"},
    "IoT's provisioning": {"claimCertificateId": "c", "templateArn": "arn:x", "parameters": {}},
    "IoT's registry": {"eventType": "THING_EVENT", "eventId": "1", "operation": "CREATED", "thingName": "x"},
    "IoT's connections": {"clientId": "c", "eventType": "connected", "principalIdentifier": "p"},
    "IoT's connections, in short": {"clientId": "c", "eventType": "disconnected", "sessionIdentifier": "s"},
    "Kendra": {"version": "v0", "s3Bucket": "b", "s3ObjectKey": "k", "metadata": {"attributes": []}},
    "Lambda's authoriser, answered": {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": []}},
    "Lambda's simple authoriser, answered": {"isAuthorized": True, "context": {}},
    "Lambda's batch, answered": {"batchItemFailures": [{"itemIdentifier": "m"}]},
    "Lambda's answer to a load balancer": {"statusCode": 200, "statusDescription": "200 OK", "headers": {}, "body": ""},
    "Lambda's answer to a web socket": {"statusCode": 200, "isBase64Encoded": False, "body": "x"},
    "Lambda's answer to Bedrock": {"messageVersion": "1.0", "response": {"actionGroup": "a", "httpStatusCode": 200}},
    "Lambda's answer to Bedrock, in a list": {"messageVersion": "1.0", "response": [{"actionGroup": "a"}]},
    "Lambda's answer to IoT": {"allowProvisioning": True, "parameterOverrides": {}},
    "Lambda's answer to SES": {"disposition": "STOP_RULE"},
    "Lambda's batch, answered well": {"batchItemFailures": [], "state": {"1": "282"}},
    "Firehose's records, answered": {"records": [{"recordId": "r", "result": "Ok"}]},
    "Lambda's resource of CDK, answered": {"PhysicalResourceId": "r", "NoEcho": False, "Data": {"Key1": "a"}},
    "Lambda's resource, answered": {"Status": "SUCCESS", "PhysicalResourceId": "r", "StackId": "s"},
    "Lambda's authoriser of devices, answered": {"isAuthenticated": True, "principalId": "p", "policyDocuments": []},
    "Lambda's bot, answered": {"sessionState": {"dialogAction": {"type": "Close"}}},
    "Lambda's old bot, answered": {"dialogAction": {"type": "Close"}},
    "Marketplace": {"action": "subscribe-success", "customer-identifier": "c", "product-code": "p"},
    "Mechanical Turk": {"EventDocId": "e", "Events": [{"EventType": "HITReviewable", "HITId": "h"}]},
    "Polly": {"taskId": "t", "taskStatus": "COMPLETED", "voiceId": "Joanna"},
    "Rekognition": {"JobId": "j", "Status": "SUCCEEDED", "API": "StartLabelDetection"},
    "Rekognition's streams": {
        "inputInformation": {"kinesisVideo": {"streamArn": "arn:x"}},
        "eventNamespace": {"type": "LABEL_DETECTED"},
        "labels": [{"name": "PET"}],
    },
    "SageMaker's inference": {"eventSource": "aws:sagemaker", "eventName": "InferenceResult"},
    "SES": {"notificationType": "Received", "mail": {"messageId": "m"}, "receipt": {}},
    "SES's mail, in short": {"Records": [{"ses": {"mail": {"messageId": "m"}, "receipt": {}}}]},
    "SNS": {"EndpointArn": "arn:x", "EventType": "DeliveryFailure", "Service": "SNS"},
    "Systems Manager": {"commandId": "c", "documentName": "AWS-RunShellScript", "status": "Success"},
    "Timestream": {"type": "AUTO_TRIGGER_SUCCESS", "arn": "arn:x", "nextInvocationEpochSecond": 1},
    "RDS": {"Event Source": "db-instance", "Event Time": "2026-11-25 03:00:00.000", "Source ID": "site"},
    "S3's batch, answered": {"invocationSchemaVersion": "1.0", "invocationId": "i", "results": []},
    "S3's objects, listed": {"xAmzRequestId": "r", "listObjectsV2Context": {}, "protocolVersion": "1.00"},
    "S3's object, asked for in short": {"getObjectContext": {"inputS3Url": "https://localhost"}},
    "S3's object, to be answered": {"getObjectContext": {"outputRoute": "test", "outputToken": "test"}},
    "S3's object's head, asked for in short": {"headObjectContext": {"inputS3Url": "https://x"}, "userRequest": {}},
    "S3's objects, asked for in short": {"listObjectsV2Context": {"inputS3Url": "https://x"}, "userRequest": {}},
    "Redshift": {"external_function": "f", "query_id": 5, "arguments": []},
    "Transfer Family": {"username": "u", "password": "p", "protocol": "SFTP", "serverId": "s-1", "sourceIp": "1.2.3.4"},
    "Transfer Family's workflow": {"token": "t", "serviceMetadata": {"executionDetails": {"workflowId": "w-1"}}},
}


#: Types of AWS's events that tests in public repositories send without a source, and with little of their details.
TYPES = (
    *("AWS Health Event", "Batch Job State Change", "CloudFormation Stack Status Change"),
    *("Durable Execution Status Change", "Object Restore Completed", "Object Tags Added", "Object ACL Updated"),
    *("DMS Replication State Change", "DMS Replication Task State Change", "EBS Snapshot Notification"),
    *("Glue Crawler State Change", "MediaConvert Job State Change", "SageMaker Endpoint State Change"),
    *("SageMaker Training Job State Change", "Step Functions Execution Status Change", "Tag Change on Resource"),
    *("Security Hub Findings - Imported", "OpsItem Create", "EC2 AMI State Change", "EC2 Fleet State Change"),
    *("EC2 Fleet Error", "EC2 Fast Launch State-change Notification", "EC2 Image Builder Image State Change"),
    *("EC2 Instance Launch Successful", "EC2 Instance Terminate Unsuccessful", "EC2 Spot Fleet State Change"),
    *("EC2 Instance-terminate Lifecycle Action", "EC2 Spot Instance Interruption Warning", "Glue Job Run Status"),
    *("RDS Blue Green Deployment Event", "Config Configuration History Delivery Status"),
    *("Amplify Deployment Status Change", "CloudWatch Alarm Configuration Change", "Config Rules Compliance Change"),
    *("CodeDeploy Instance State-change Notification", "Config Rules Re-evaluation Status", "EC2 Fleet Information"),
    *("EC2 Fleet Instance Change", "EC2 Auto Scaling Instance Refresh Started", "EC2 Image Builder CVE Detected"),
    *("EC2 Instance Rebalance Recommendation", "EC2 Spot Instance Request Fulfillment", "ECS Task State Change"),
    *("ECS Service Action", "GuardDuty Malware Protection Object Scan Result", "Inspector2 Scan", "OpsItem Update"),
    *("Object Access Tier Changed", "Object Restore Expired", "Object Restore Initiated", "Object Tags Deleted"),
    *("Object Storage Class Changed", "Config Configuration Item Change", "Parameter Store Change"),
    *("Batch Inference Job State Change", "SageMaker Model Building Pipeline Execution Status Change"),
)
ASKED |= {f"AWS's {kind}, without a source": {"detail-type": kind, "detail": {"status": "FAILED"}} for kind in TYPES}


@pytest.mark.parametrize("name", ASKED)
def test_what_a_service_asks_of_functions_is_no_change(name: str) -> None:
    for event in (ASKED[name], s.in_sns(ASKED[name])):
        (message,) = opened(event)
        for routes in (ONE, with_rule()):
            (ignored,) = routes.intents(message)
            assert isinstance(ignored, Ignored)
            assert name.partition("'")[0].partition(",")[0] in ignored.why


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"SecretId": "arn:x", "ClientRequestToken": "t", "Step": "finishSecret"}, "SecretId"),
        ({"invokingEvent": "{}", "configRuleName": "r", "resultToken": "t"}, "configRuleName"),
        ({"originationNumber": "+1", "destinationNumber": "+2", "inboundMessageId": "i"}, "destinationNumber"),
        ({"detail": {"build-id": "b", "project-name": "x", "build-status": "FAILED"}}, "detail.build-status"),
        ({"Details": {"ContactData": {"ContactId": "7", "Attributes": {}}}}, "Details.ContactData.ContactId"),
        ({"Name": "ContactFlowEvent", "Details": {"ContactData": {"ContactId": "7"}}}, "Name"),
        ({"invocationSchemaVersion": "1.0", "invocationId": "i", "tasks": []}, "invocationSchemaVersion"),
        ({"xAmzRequestId": "r", "protocolVersion": "1.00", "getObjectContext": {"inputS3Url": "x"}}, "xAmzRequestId"),
        ({"detail-type": "SageMaker Training", "detail": {"TrainingJobStatus": "Failed"}}, "detail-type"),
        ({"detail-type": "x", "detail": {"scanResultDetails": {"scanResultStatus": "FAILED"}}}, "detail-type"),
    ],
)
def test_a_rule_takes_what_a_service_asks_by_what_it_asks_about(event: dict[str, Any], path: str) -> None:
    assert isinstance(ONE.intents(opened(event)[0])[0], Ignored)
    assert isinstance(with_rule(**{path: "?*"}).intents(opened(event)[0])[0], Request)


#: Each service that has an event in the table of events with a detail that tells whose it is.
DETAILED = [
    sent
    for sent in sent_by_aws.SENT
    if isinstance(sent.what, dict) and sent.what.get("source") in ("aws.codecommit", "aws.ecr", "aws.s3")
]


@pytest.mark.parametrize("sent", DETAILED, ids=[sent.name for sent in DETAILED])
def test_an_event_s_detail_alone_is_what_the_whole_event_is(sent: Sent) -> None:
    """As a rule of EventBridge hands it on with ``InputPath``. Its type is not told where it is no change."""
    assert isinstance(sent.what, dict)
    detail = sent.what["detail"]
    posted = p.posted(detail, {})
    for message in (*opened(detail), *opened(s.in_sqs(detail)), http_message(posted, Origin(outside=True))):
        (outcome,) = ONE.intents(message)
        (whole,) = ONE.intents(opened(sent.what)[0])
        if isinstance(outcome, Request) and isinstance(whole, Request):
            # When it happened, and most ids, the event alone says.
            assert outcome.but(event_id=None, at_ms=None) == whole.but(event_id=None, at_ms=None)
        else:
            assert isinstance(outcome, Ignored)
            assert isinstance(whole, Ignored)
            assert outcome.why.partition("'s ")[0] == whole.why.partition("'s ")[0]
    if "reason" in detail:  # S3's say so much of a write that it has the same id
        assert opened(detail)[0].id == opened(sent.what)[0].id


#: The details of events that are never a change, as services' documents and AWS's registry of schemas show them.
STATES: dict[str, dict[str, Any]] = {
    "amplify": {"appId": "d1", "branchName": "main", "jobId": "7", "jobStatus": "SUCCEED"},
    "codedeploy": {"application": "a", "deploymentGroup": "g", "deploymentId": "d-6TYBXE", "state": "SUCCESS"},
    "ecs": {"eventType": "INFO", "eventName": "SERVICE_STEADY_STATE", "clusterArn": "arn:x", "createdAt": "t"},
    "glue": {"jobName": "j", "severity": "INFO", "state": "SUCCEEDED", "jobRunId": "jr_1", "message": "x"},
    "health": {"eventArn": "arn:x", "service": "EC2", "eventTypeCode": "AWS_EC2_X", "eventTypeCategory": "issue"},
    "inspector2": {"awsAccountId": "1", "findingArn": "arn:aws:inspector2:x:1:finding/f", "severity": "HIGH"},
    "mediaconvert": {"queue": "arn:aws:mediaconvert:x:1:queues/Default", "jobId": "7", "status": "COMPLETE"},
    "rds": {"EventCategories": ["failover"], "SourceType": "DB_INSTANCE", "SourceArn": "arn:aws:rds:x:1:db:d"},
    "states": {"executionArn": "arn:x", "stateMachineArn": "arn:y", "status": "SUCCEEDED", "startDate": 1},
}


@pytest.mark.parametrize("service", STATES)
def test_the_detail_of_an_event_that_is_no_change_alone_is_none(service: str) -> None:
    """A rule of EventBridge handed it on with ``InputPath``, or a test by hand has no more."""
    detail = STATES[service]
    for event in (detail, {"detail": detail}, s.in_sns(detail), s.in_sqs({"detail": detail, "region": "eu-west-1"})):
        (message,) = opened(event)
        for routes in (ONE, with_rule()):
            (ignored,) = routes.intents(message)
            assert isinstance(ignored, Ignored)
            assert f"aws.{service}'s" in ignored.why
        assert isinstance(with_rule(source=f"aws.{service}").intents(message)[0], Request)
        assert isinstance(with_rule(**{f"detail.{next(iter(detail))}": "*"}).intents(message)[0], Ignored)


@pytest.mark.parametrize("kind", ["accountNotification", "investigation", "issue", "plannedChange", "scheduledChange"])
def test_each_category_of_health_is_known(kind: str) -> None:
    """https://docs.aws.amazon.com/health/latest/APIReference/API_Event.html, and a planned change as tests have it."""
    (message,) = opened({"detail": {"eventTypeCode": "AWS_EC2_X", "eventTypeCategory": kind}})
    assert isinstance(ONE.intents(message)[0], Ignored)
    assert isinstance(with_rule(**{"detail-type": "AWS Health Event"}).intents(message)[0], Request)


def test_rds_is_known_by_its_event_too() -> None:
    """As tests leave its ARN and its categories out."""
    told = {"SourceIdentifier": "site", "SourceType": "DB_INSTANCE", "EventID": "RDS-EVENT-0154"}
    for event in (told, {"detail": told}):
        (ignored,) = ONE.intents(opened(event)[0])
        assert isinstance(ignored, Ignored)
        assert "aws.rds's" in ignored.why
    assert isinstance(ONE.intents(opened({**told, "EventID": "7"})[0])[0], Request)


def test_health_is_known_by_its_arn_too() -> None:
    """As tests leave its code out."""
    told = {"eventArn": "arn:aws:health:us-east-1::event/EC2/x", "service": "EC2", "eventTypeCategory": "issue"}
    for event in (told, {"detail": told}):
        (ignored,) = ONE.intents(opened(event)[0])
        assert isinstance(ignored, Ignored)
        assert "aws.health's" in ignored.why
    for event in (own := {**told, "eventArn": "7"}, {"detail": own}):
        assert isinstance(ONE.intents(opened(event)[0])[0], Request)


@pytest.mark.parametrize(
    ("kind", "service"),
    [
        ("Amplify Deployment Status Change", "amplify"),
        ("CodeDeploy Deployment State-change Notification", "codedeploy"),
        ("ECS Service Action", "ecs"),
        ("Glue Job Run Status", "glue"),
        ("Step Functions Execution Status Change", "states"),
    ],
)
def test_such_an_event_with_its_type_and_without_its_source_has_its_source_too(kind: str, service: str) -> None:
    """So a rule that takes what the service sends takes it."""
    (message,) = opened({"detail-type": kind, "detail": STATES[service]})
    assert isinstance(ONE.intents(message)[0], Ignored)
    assert isinstance(with_rule(source=f"aws.{service}").intents(message)[0], Request)


@pytest.mark.parametrize("service", STATES)
def test_an_event_of_one_s_own_may_have_such_a_detail(service: str) -> None:
    detail = STATES[service]
    for event in ({"source": "my.app", "detail": detail}, s.eventbridge("my.app", "Moved", detail)):
        assert isinstance(ONE.intents(opened(event)[0])[0], Request)
    (request,) = SEVERAL.intents(opened({**detail, "project": "docs"})[0])
    assert isinstance(request, Request)


@pytest.mark.parametrize("missing", ["callerUserArn", "repositoryId"])
def test_a_push_s_detail_that_does_not_say_who_pushed_is_one(missing: str) -> None:
    """As CodeCommit's documents show a branch that is new. A template of EventBridge may have left out the id."""
    for branch, kind in (("main", Request), ("side", Ignored)):
        detail = s.codecommit("referenceCreated", referenceFullName=f"refs/heads/{branch}")["detail"]
        (outcome,) = ONE.intents(opened({k: v for k, v in detail.items() if k != missing})[0])
        assert isinstance(outcome, kind)
        assert not isinstance(outcome, Request) or outcome.source_version == "3e5983DESTINATION"


def test_an_image_action_in_short_is_a_change_only_if_it_pushed() -> None:
    for action, kind in (("PUSH", Request), ("REPLICATE", Request), ("DELETE", Ignored), ("published", Request)):
        (outcome,) = ONE.intents(opened({"repository-name": "site", "action-type": action})[0])
        assert isinstance(outcome, kind)
        assert (getattr(outcome, "reason", None) == "image site pushed") == (action in ("PUSH", "REPLICATE"))


def test_a_pushed_image_whose_result_a_template_left_out_is_a_change() -> None:
    """A rule of EventBridge for ``SUCCESS`` alone need not hand the result on."""
    event = s.ecr()
    del event["detail"]["result"]
    for told in (event, event["detail"], s.in_sqs(event["detail"])):
        (request,) = ONE.intents(opened(told)[0])
        assert isinstance(request, Request)
        assert request.line == ONE.intents(opened(s.ecr())[0])[0].line  # type: ignore[union-attr]
    for failed in (s.ecr(result="FAILURE"), s.ecr(result="FAILURE")["detail"]):
        (ignored,) = ONE.intents(opened(failed)[0])
        assert isinstance(ignored, Ignored)
        assert "PUSH FAILURE" in ignored.why


def test_a_pushed_image_whose_action_a_template_left_out_is_a_change() -> None:
    """A rule of EventBridge for ``PUSH`` alone need not hand the action on."""
    event = s.ecr()
    event["detail"] = {name: event["detail"][name] for name in ("repository-name", "image-tag")}
    (whole,) = ONE.intents(opened(s.ecr())[0])
    untyped = {name: value for name, value in event.items() if name != "detail-type"}
    for told in (event, untyped, event["detail"], {"detail": event["detail"]}, s.in_sqs(event)):
        (request,) = ONE.intents(opened(told)[0])
        assert isinstance(request, Request)
        assert isinstance(whole, Request)
        assert (request.reason, request.line) == (whole.reason, whole.line)
    for name, value in (("scan-status", "COMPLETE"), ("sync-status", "SUCCESS"), ("action-type", "DELETE")):
        other = {**untyped, "detail": {**event["detail"], name: value}}
        assert isinstance(ONE.intents(opened(other)[0])[0], Ignored)
    for name, value in (("result", "FAILURE"), ("image-tag", "")):
        detail = {**event["detail"], "image-digest": "sha256:8a", name: value}
        for told in ({**event, "detail": detail}, detail):
            assert isinstance(ONE.intents(opened(told)[0])[0], Ignored)
    assert isinstance(ONE.intents(opened({**event, "detail-type": "ECR Image Scan"})[0])[0], Ignored)


@pytest.mark.parametrize(
    ("service", "call", "parameters", "why"),
    [
        ("s3", "PutObject", {"bucketName": "b", "key": "my/key"}, "PutObject s3://b/my/key"),
        ("s3", "DeleteObject", {"bucketName": "b", "key": "my/key"}, "DeleteObject s3://b/my/key"),
        ("ecr", "PutImage", {"repositoryName": "site", "imageTag": "v1"}, "image site:v1 pushed"),
    ],
)
def test_a_call_that_wrote_and_does_not_name_its_service_is_a_change(
    service: str, call: str, parameters: dict[str, str], why: str
) -> None:
    detail = {"eventName": call, "requestParameters": parameters}
    for told in ({"source": f"aws.{service}", "detail": detail}, {"detail": detail}, s.in_sqs({"detail": detail})):
        (request,) = ONE.intents(opened(told)[0])
        assert isinstance(request, Request)
        assert request.reason == why
    read = {"detail": {"eventName": "GetObject", "requestParameters": {"bucketName": "b", "key": "my/key"}}}
    assert isinstance(ONE.intents(opened(read)[0])[0], Ignored)
    for own in (s.eventbridge("my.cms", "Saved", detail), {"source": "my.cms", "detail": detail}):
        (built,) = ONE.intents(opened(own)[0])
        assert isinstance(built, Request)
        assert built.reason != why


def test_a_pushed_image_that_only_its_answer_tags_builds() -> None:
    """As a public test hands it on."""
    answer = {"image": {"imageId": {"imageDigest": "sha256:abc123", "imageTag": "latest"}}}
    detail = {"eventName": "PutImage", "requestParameters": {"repositoryName": "a"}, "responseElements": answer}
    assert isinstance(ONE.intents(opened({"detail": detail})[0])[0], Request)


def test_an_object_whose_names_are_a_template_s_own_is_a_change() -> None:
    """As public tests hand on a key, with the source and without the type."""
    (request,) = ONE.intents(opened({"source": "aws.s3", "detail": {"bucket": "b", "key": "my/key"}})[0])
    assert isinstance(request, Request)
    assert request.reason == "s3://b/my/key"
    read = {"source": "aws.s3", "detail": {"eventName": "PutBucketAcl"}}
    assert isinstance(ONE.intents(opened(read)[0])[0], Ignored)


def test_a_commit_below_the_tip_is_of_no_branch_also_where_all_branches_build() -> None:
    """Bitbucket's first service names the branch of the tip alone, and a key may be made of the branch."""
    site = Project(name="site", policy=Policy(1), starter={"codebuild": "site"}, usual_branches=("**",))
    message = http_message(p.posted(bitbucket_post(None, "side"), {}, form=True), WEBHOOK)
    below, tip = Routes(Config(projects={"site": site}), s.REGION).intents(message)
    assert isinstance(below, Ignored)
    assert isinstance(tip, Request)
    assert tip.source_version == AFTER


def test_a_push_to_codecommit_that_a_template_cut_down_is_not_taken_for_another_event() -> None:
    """It says who pushed, and its branch by another name."""
    detail = s.codecommit("referenceUpdated")["detail"]
    cut = {name: detail[name] for name in ("callerUserArn", "event", "repositoryName", "commitId")}
    for told in (cut, {"detail": cut}, s.in_sns({**cut, "referenceName": "main"})):
        assert isinstance(ONE.intents(opened(told)[0])[0], Request)
    others = ({"notificationBody": "A comment was made"}, {"pullRequestId": "7"}, {"commentId": "c"})
    for other in (*others, {"event": "unreferencedMergeCommitCreated"}, {"event": "referenceDeleted"}):
        assert isinstance(ONE.intents(opened({**cut, **other})[0])[0], Ignored)


@pytest.mark.parametrize("sent", DETAILED, ids=[sent.name for sent in DETAILED])
def test_an_event_that_lacks_its_type_is_what_the_whole_event_is(sent: Sent) -> None:
    """Or its source. As tests are written by hand, and as a template of EventBridge may leave it."""
    assert isinstance(sent.what, dict)
    (whole,) = ONE.intents(opened(sent.what)[0])
    for left_out in (("detail-type",), ("source",), ("detail-type", "source")):
        event = {name: value for name, value in sent.what.items() if name not in left_out}
        for detail in (event["detail"], json.dumps(event["detail"])):
            (outcome,) = ONE.intents(opened({**event, "detail": detail})[0])
            assert outcome == whole or (isinstance(outcome, Ignored) and isinstance(whole, Ignored))


def test_an_event_of_one_s_own_may_tell_of_a_pipeline() -> None:
    told = s.eventbridge("my.ci", "Site Built", {"pipeline": "site", "state": "DONE", "build-status": "SUCCEEDED"})
    assert isinstance(ONE.intents(opened(told)[0])[0], Request)


def test_what_only_has_a_detail_is_an_event_of_one_s_own() -> None:
    told = {"pipeline": "site", "state": "published"}
    for detail in (None, "new", ["new"], {"page": "7"}, {"referenceFullName": "refs/heads/side"}, told):
        assert isinstance(ONE.intents(opened({"detail": detail})[0])[0], Request)


@pytest.mark.parametrize("event", [s.codecommit(), s.ecr(), s.s3_created()], ids=["CodeCommit", "ECR", "S3"])
def test_a_push_s_detail_with_a_type_of_one_s_own_builds(event: dict[str, Any]) -> None:
    """As a template of EventBridge may have added it, without the source."""
    for name in ("detail-type", "detailType"):
        (request,) = ONE.intents(opened({name: "Nightly", "detail": event["detail"]})[0])
        assert isinstance(request, Request)
        assert request.reason == "Nightly"


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("Glue Job State Change", {"jobName": "export", "jobRunId": "jr_1", "severity": "INFO"}),
        ("Amplify Deployment Status Change", {"appId": "a", "branchName": "main", "jobStatus": "SUCCEED"}),
        ("MediaConvert Job State Change", {"queue": "arn:aws:mediaconvert:x:1:queues/q", "jobId": "7"}),
    ],
)
def test_an_event_of_a_service_without_a_source_is_known_by_its_detail_and_type(kind: str, detail: object) -> None:
    (ignored,) = ONE.intents(opened({"detail-type": kind, "detail": detail})[0])
    assert isinstance(ignored, Ignored)
    assert kind in ignored.why


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("AWS Health Awareness Event", {"page": 7}),
        ("AWS news via RSS", {"page": 7}),
        ("CodeBuild tutorial published", {"page": 7}),
        ("CodePipeline Price Change", {"page": 7}),
        ("AWS Health guide published", {"page": 7}),
        ("Config Page Change", {"page": 7}),
        ("Config Rules Updated", {"page": 7}),
        ("EC2 guide published", {"page": 7}),
        ("EC2 Price State Change", {"page": 7}),
        ("EC2 Instance Prices Updated", {"page": 7}),
        ("EC2 Spot Instance Prices Updated", {"page": 7}),
        ("Object Storage Prices Updated", {"page": 7}),
        ("Object Tags Updated", {"page": 7}),
        ("Object published", s.s3_created()["detail"]),
        ("RDS Conference Event", {"page": 7}),
        ("Page Moved", {"eventCategory": "Data"}),
        ("Page Moved", {"build-status": "published"}),
        ("Page Moved", {"service": {"detectorId": "smoke-7"}}),
    ],
)
def test_an_event_of_one_s_own_without_a_source_may_have_a_word_of_a_service_in_its_type(
    kind: str, detail: object
) -> None:
    (request,) = ONE.intents(opened({"detail-type": kind, "detail": detail})[0])
    assert isinstance(request, Request)
    assert request.reason == kind


def test_a_push_whose_type_is_null_and_that_has_no_source_is_one() -> None:
    (request,) = ONE.intents(opened({"detail-type": None, "detail": s.codecommit()["detail"]})[0])
    assert isinstance(request, Request)
    assert request.source_version


def test_what_names_a_source_of_one_s_own_is_no_service_s_event() -> None:
    for detail in ({"repository-name": "site", "action-type": "published"}, {"callerUserArn": "ann", "event": "new"}):
        for event in ({"source": "my.app", "detail": detail}, {"source": "my.app", **detail}):
            assert isinstance(ONE.intents(opened(event)[0])[0], Request)


def test_a_rule_takes_a_call_whose_detail_came_alone_by_its_service() -> None:
    detail = s.codecommit_by_trail({}, eventName="PutFile")["detail"]
    assert isinstance(with_rule(eventSource="codecommit.amazonaws.com").intents(opened(detail)[0])[0], Request)


@pytest.mark.parametrize("kind", ["Object Created", "Object Deleted"])
def test_what_s3_tells_of_a_write_or_a_deletion_is_called_a_changed_object(kind: str) -> None:
    (found,) = ONE.found(opened(s.s3_created(kind))[0])
    assert found.draft is not None
    assert (found.draft.sender, found.draft.type) == ("S3", "a changed object")


@pytest.mark.parametrize("version", [None, "null", ""])
def test_what_a_lifecycle_rule_deletes_in_a_bucket_without_versions_is_a_change(version: str | None) -> None:
    expired, noted = s.s3_expired("Permanently Deleted"), s.s3_notification("s3:LifecycleExpiration:Delete")
    expired["detail"]["object"]["version-id"] = noted["Records"][0]["s3"]["object"]["versionId"] = version
    for event in (expired, expired["detail"], noted):
        (built,) = ONE.intents(opened(event)[0])
        assert isinstance(built, Request)


def test_the_type_of_an_event_whose_detail_came_alone_is_named_as_in_the_whole_event() -> None:
    (message,) = opened(s.ecr(**{"action-type": "DELETE"})["detail"])
    for named in ({"detail__action-type": "DELETE"}, {"change__type": "another*"}):
        (taken,) = with_rule(**named).intents(message)
        assert isinstance(taken, Request)


@pytest.mark.parametrize(
    "detail",
    [s.s3_created()["detail"], s.ecr()["detail"], {"jobName": "x", "jobDefinition": "build", "jobQueue": "builds"}],
    ids=["S3", "ECR", "Batch"],
)
def test_a_trigger_that_was_made_of_an_event_s_detail_is_for_its_project(detail: dict[str, Any]) -> None:
    for event in ({**detail, "project": "docs"}, s.in_sqs({**detail, "project": "docs"})):
        (request,) = SEVERAL.intents(opened(event)[0])
        assert isinstance(request, Request)
        assert request.project == "docs"


#: They build: a template may give the name of what was built as ``project``.
BUILDING = ("CloudTrail", "CodeBuild", "CodePipeline")


# An envelope stays one, and a custom resource that is deleted builds nothing, whatever it has.
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, event in ASKED.items()
        if "Records" not in event and event.get("RequestType") != "Delete" and not name.startswith(BUILDING)
    ],
)
def test_what_a_service_asks_is_a_trigger_if_it_names_a_project_that_is_configured(name: str) -> None:
    for event in ({**ASKED[name], "project": "docs"}, s.in_sqs({**ASKED[name], "project": "docs"})):
        (request,) = SEVERAL.intents(opened(event)[0])
        assert isinstance(request, Request)
        assert request.project == "docs"


@pytest.mark.parametrize("name", [name for name in ASKED if name.startswith(BUILDING)])
def test_what_reports_a_build_is_no_trigger_though_it_names_a_project_that_is_configured(name: str) -> None:
    event = {**ASKED[name], "project": "site"}
    for told in (event, s.in_sns(event), {"source": "aws.codebuild", "project": "site"}):
        (ignored,) = SEVERAL.intents(opened(told)[0])
        assert isinstance(ignored, Ignored)


@pytest.mark.parametrize("project", ["dosc", "", 7, True, ["docs"], {"name": "docs"}])
def test_an_event_of_aws_without_its_type_or_source_that_names_no_project_of_ours_is_an_error(
    project: object,
) -> None:
    """A template misspelt it: each of its events would be ignored, and its changes lost."""
    detail = {**s.s3_created()["detail"], "page": 7}
    for event in ({"source": "aws.s3", "detail": detail}, {"source": "aws.ecr"}, {"detail-type": "Object Tags Added"}):
        for named in ({**event, "project": project}, s.in_sns({**event, "project": project})):
            (error,) = SEVERAL.intents(opened(named)[0])
            assert isinstance(error, EventError)
            assert "project" in str(error)
    # What reports a build is never a trigger, whatever it names.
    (ignored,) = SEVERAL.intents(opened({"source": "aws.codebuild", "project": project})[0])
    assert isinstance(ignored, Ignored)


def test_what_a_service_asks_is_none_by_a_project_of_its_own() -> None:
    (ignored,) = SEVERAL.intents(opened({**ASKED["Systems Manager"], "project": "another"})[0])
    assert isinstance(ignored, Ignored)


@pytest.mark.parametrize("source", [{}, {"source": "aws.codecommit"}], ids=len)
def test_a_push_of_which_a_template_hands_on_a_few_fields_is_one(source: dict[str, str]) -> None:
    """As a template of CDK picks them, with the source and without the type. Each such push was ignored."""
    detail = {"oldCommitId": BEFORE, "commitId": AFTER, "referenceType": "branch", "repositoryName": "web"}
    (built,) = ONE.intents(opened({**source, "detail": {**detail, "referenceName": "main"}})[0])
    assert isinstance(built, Request)
    assert (built.source_version, built.parent, built.reason) == (AFTER, BEFORE, "push to web main")
    (ignored,) = ONE.intents(opened({**source, "detail": {**detail, "referenceName": "side"}})[0])
    assert isinstance(ignored, Ignored)


@pytest.mark.parametrize("bucket", ["content", {"name": "content"}], ids=["a text", "an object"])
def test_an_object_of_which_a_template_hands_on_a_few_fields_is_a_change(bucket: object) -> None:
    """As a template of CDK picks them, with the source and without the type. Each such write was ignored."""
    detail = {"bucket": bucket, "prefix": "posts/", "object": {"key": "posts/1.md"}, "trigger": "event"}
    for event in (
        {"source": "aws.s3", "detail": detail},
        s.in_sqs({"source": "aws.s3", "time": "t", "detail": detail}),
    ):
        assert isinstance(ONE.intents(opened(event)[0])[0], Request)
    for kind in ("Object Tags Added", "Object Restore Completed"):
        (ignored,) = ONE.intents(opened({"source": "aws.s3", "detail-type": kind, "detail": detail})[0])
        assert isinstance(ignored, Ignored)


@pytest.mark.parametrize("branch", ["main", "side"])
def test_a_push_to_codecommit_without_its_full_name_is_one_of_its_branch(branch: str) -> None:
    """As templates and tests that are written by hand leave it out."""
    push = s.codecommit(referenceName=branch)
    del push["detail"]["referenceFullName"]
    (found,) = ONE.intents(opened(push)[0])
    assert isinstance(found, Request if branch == "main" else Ignored)
    assert isinstance(with_rule(detail__referenceName=branch).intents(opened(push)[0])[0], Request)


@pytest.mark.parametrize("left_out", ["", "detail-type", "source"])
def test_a_tag_at_codecommit_without_its_full_name_is_one(left_out: str) -> None:
    """A rule with tags takes it, and one with branches does not."""
    push = s.codecommit(referenceType="tag", referenceName="v1")
    push = {name: value for name, value in push.items() if name != left_out}
    del push["detail"]["referenceFullName"]
    assert isinstance(with_rule(change__tag="v1").intents(opened(push)[0])[0], Request)
    assert isinstance(with_rule(detail__referenceName="v1").intents(opened(push)[0])[0], Request)
    assert isinstance(with_rule(change__branch="v1").intents(opened(push)[0])[0], Ignored)
    assert ONE.intents(opened(push)[0]) == [Ignored("v1 is no branch, and no rule takes it")]
    push["detail"] |= {"referenceFullName": "refs/tags/v1", "referenceName": None}
    assert isinstance(with_rule(change__tag="v1").intents(opened(push)[0])[0], Request)


def test_an_event_of_aws_without_its_type_is_a_trigger_if_it_names_a_project_that_is_configured() -> None:
    event = {"source": "aws.s3", "detail": s.s3_created()["detail"]}
    (request,) = SEVERAL.intents(opened({**event, "project": "docs"})[0])
    assert isinstance(request, Request)
    assert request.project == "docs"
    for source, kind in (("aws.s3", "Object Tags Added"), ("aws.ec2", "EC2 Instance State-change Notification")):
        typed = {"project": "docs", "source": source, "detail-type": kind, "detail": {"state": "running"}}
        assert isinstance(SEVERAL.intents(opened(typed)[0])[0], Ignored)


#: What others may call things, too.
OWN: dict[str, dict[str, Any]] = {
    "AWS, a query of one's own": {"source": "etl", "detail": {"queryExecutionId": "q-1"}},
    "AWS, an alarm of one's own": {"source": "pager", "detail": {"alarmName": "lab-push"}},
    "AWS, an alarm beside other fields": {"detail": {"alarmName": "lab-push"}, "reason": "imported"},
    "AWS, an execution": {"detail": {"ExecutionId": "e1", "Status": "Success"}},
    "AWS, an execution of a workflow of one's own, in a detail": {
        "source": "etl",
        "detail": {"executionArn": "arn:aws:states:eu-west-1:1:execution:m:e", "page": 7},
    },
    "AWS, an execution under a type of one's own": {
        "detail-type": "Imported",
        "detail": {"executionArn": "arn:aws:states:eu-west-1:1:execution:m:e"},
    },
    "AWS, a job of one's own that runs": {"source": "etl", "detail": {"lastStatus": "RUNNING"}},
    "AWS, a batch of a type of one's own": {"detail-type": "Batch Import Job State Change", "detail": {"page": "x"}},
    "CloudTrail, a call of one's own": {"eventName": "Saved", "requestParameters": {"bucketName": "b", "key": "k"}},
    "CodePipeline, an execution of one's own": {"pipeline": "content", "execution-id": "7", "documents": 3},
    "CodePipeline, an execution of one's own in a detail": {
        "source": "etl",
        "detail": {"pipeline": "content", "execution-id": "7"},
    },
    "GuardDuty, an instance of one's own": {"detail": {"resource": {"instanceDetails": {"instanceId": "shop-1"}}}},
    "Transfer Family, a visit": {"username": "ann", "serverId": "shop-1", "sourceIp": "10.0.1.5"},
    "CodePipeline, a pipeline of one's own": {"pipeline": "content", "execution_id": "1", "state": "done"},
    "Lex, a bot of one's own": {"bot": {"name": "crawler"}, "messageVersion": "1.0"},
    "Airbrake": {"error": {"error_class": "x"}},
    "Alexa": {"header": {"namespace": "blog"}, "payload": {}},
    "Amplify, started": {"appId": "shop", "branchName": "main", "jobStatus": "STARTED"},
    "Amplify, started, of docs": {"appId": "docs", "branchName": "main", "jobStatus": "STARTED"},
    "Amplify, a job of a shop": {"appId": "shop", "branchName": "main", "jobId": "7", "jobStatus": "STARTED"},
    "AppOptics": {"alert": {"id": 1, "name": "x"}, "trigger_time": 1},
    "Azure Monitor": {"schemaId": "article", "data": {"status": "Activated"}},
    "BigCommerce": {"producer": "blog", "scope": "store/order/created"},
    "Bitbucket, an address": {"canon_url": "https://x/page", "commits": [{"branch": "side", "message": "x"}]},
    "Cloud Build": {"id": "7", "status": "published", "logUrl": "https://console.cloud.google.com/run/7"},
    "CloudTrail, a category": {"eventCategory": "Management"},
    "CodeBuild": {"build-status": "published", "project-name": "site"},
    "ECS, a service": {"eventName": "SERVICE_ADDED", "eventType": "INFO"},
    "Glue, a run": {"jobName": "export", "jobRunId": "7", "severity": "INFO"},
    "GuardDuty, a detector": {"service": {"detectorId": "smoke-7"}},
    "GoCD": {"type": "stage", "data": {"pipeline": {"stage": {"state": "published"}}}},
    "GitHub": {"action": "update", "sender": {"node_id": "n1"}},
    "GitHub, a package": {"action": "published", "package": {"package_type": "npm"}},
    "GitHub, with a user of it": {"event": "published", "sender": {"login": "ann", "node_id": "MDQ6"}},
    "Fedora": {"topic": "blog.org.fedoraproject.news", "agent": "ann"},
    "Gitee, a hook": {"hook": "hook_name"},
    "Gitee": {"hook_name": "page_hooks", "page": 7},
    "SourceHut, of git": {"data": {"webhook": {"event": "GIT_PAGE", "uuid": "7"}}},
    "GitLab, a member": {"object_kind": "release", "user_id": 7, "object_attributes": {"status": "published"}},
    "env0": {"type": "com.environment.changed", "source": "https://x", "datacontenttype": "application/json"},
    "Falco": {"rule": "news", "priority": "high", "output_fields": {"title": "x"}},
    "Gerrit, a change": {"type": "change-published", "change": {"project": "site", "branch": "main"}, "patchSet": 4},
    "Gerrit, a ref": {"type": "ref-updated", "refUpdate": {"refName": "main"}},
    "GitGuardian, a page of it": {"source": "gitguardian", "timestamp": 1, "action": "published", "message": "x"},
    "Gitorious": {"ref": "side", "after": "b", "pushed_at": 1, "pushed_by": "ann", "project": "site-7"},
    "Gitorious, without an instant": {"ref": "side", "after": "b", "pushed_by": "ann", "project": {"name": "site-7"}},
    "Gitorious, without a ref": {"after": "b", "pushed_at": 1, "pushed_by": "ann", "project": {"name": "site-7"}},
    "Grafana": {"state": "alerting", "ruleId": 7},
    "Grafana, a state of its own": {"state": "published", "ruleId": 7, "ruleUrl": "https://x"},
    "Intercom": {"type": "notification_event", "topic": "page.published"},
    "Intercom, an article": {"app_id": "site", "topic": "article.updated", "data": {"item": {"state": "draft"}}},
    "Jenkins": {"build": {"fullUrl": "https://x/1", "status": "published"}},
    "Jenkins, an item": {"type": "item.created", "dataType": "article", "source": "shop", "id": "7"},
    "JFrog, of one's own": {"artifactory": {"webhook": {"event": "page.published"}}},
    "Jira": {"webhookEvent": "page_published", "timestamp": 1},
    "Linear": {"action": "update", "type": "Page", "webhookTimestamp": 1},
    "Mailgun": {"event-data": {"event": "published"}},
    "MyGet": {"PayloadType": "BuildPage", "Identifier": "7"},
    "New Relic": {"state": "published", "issueUrl": "https://blog.example.com/issues/1"},
    "Notion, a comment": {"type": "comment.created", "subscription_id": "1", "workspace_id": "2"},
    "Octopus Deploy": {"EventType": "SubscriptionPayload", "Payload": {"Event": {"Category": "News"}}},
    "Opsgenie": {"action": "Create", "alert": {"message": "x"}},
    "PagerDuty": {"messages": [{"event": "published", "id": 1}]},
    "PagerDuty, an event of its own": {"messages": [{"event": "published", "incident": {"id": 1}}]},
    "Phabricator, a story of no object": {"storyType": "news", "storyAuthorPHID": "PHID-USER-a"},
    "Phabricator, a story": {"storyType": "news", "storyData": {"objectPHID": "7"}, "storyAuthorPHID": "ann"},
    "Pingdom": {"check_id": 1, "current_state": "published"},
    "Postmark": {"RecordType": "Page", "MessageID": "1"},
    "Raygun": {"eventType": "published", "application": {"name": "x"}},
    "RhodeCode": {"event": {"name": "repo-push", "repo": {"repo_name": "x"}}},
    "Rollbar": {"event_name": "published", "data": {"item": {"id": 27, "environment": "live"}}},
    "Rundeck": {"trigger": "published", "executionId": 1},
    "SendGrid": {"event": "open", "email": "x"},
    "Sentry": {"project_slug": "x", "level": "main"},
    "Sentry, a project": {"project_name": "x", "level": "main", "event": {"received": 1}},
    "Slack": {"type": "event_callback", "event": {"type": "published"}},
    "Splunk": {"search_name": "x", "sid": "1"},
    "Statuspage": {"page": {"id": "1", "status_indicator": "none"}},
    "Stripe": {"object": "event", "type": "published"},
    "Uniform": {"eventType": "composition.changed", "project": {"url": "https://x"}, "initiator": {"id": "1"}},
    "Laravel Forge": {"status": "published", "site": {"id": 7}, "server": {"id": 1}},
    "Travis CI, a message": {"status_message": "Published", "repository": {"id": 1}},
    "UptimeRobot": {"monitorURL": "https://x", "monitorFriendlyName": "site"},
    "WooCommerce": {"webhook_id": 42},
    "a git host, an issue": {"action": "published", "issue": {"number": 12, "user": "ann"}},
    "a git host": {"action": "published", "sender": {"name": "ann"}},
    "a git host, a pull request": {"edition": "7", "pull_request": {"number": 12}},
    "API Gateway": {"authorizationToken": "x", "page": 7},
    "API Gateway, a type of one's own": {"authorizationToken": "x", "type": "page.updated"},
    "AppSync": {"typeName": "Page", "fieldName": "title", "value": "x"},
    "API Gateway, a route": {"route": "arn:x", "type": "REQUEST"},
    "CodeBuild, a build that is asked for": {"buildId": "7", "build": "site", "page": 7},
    "CodeBuild, a project": {"arn": "arn:aws:codebuild:us-east-1:1:project/site", "Build": {"Arn": "site"}},
    "Lambda, an answer": {"isAuthorized": True, "context": {}, "page": 7},
    "CloudWatch, a state": {"NewStateValue": "published", "page": 7},
    "AWS, a last status": {"detail": {"lastStatus": "PUBLISHING"}},
    "AWS, an execution of a workflow of one's own": {"executionArn": "arn:aws:states:x:1:execution:m:e", "page": 7},
    "AWS, an execution, by its number": {"detail": {"executionArn": "7", "page": 7}},
    "AWS, a story about a bucket": {"type": "page:S3/post", "page": 7},
    "CloudTrail, a write that a template left little of": {
        "detail": {"requestParameters": {"bucketName": "b", "key": "k"}}
    },
    "SageMaker, a pipeline of one's own": {"detail": {"pipelineStatus": "Succeeded"}},
    "AWS, a batch of one's own": {"detail-type": "Batch Story Generation Requested", "detail": {"page": "x"}},
    "AWS, a parameter": {"detail-type": "Parameter Changed", "detail": {"page": "x"}},
    "AWS, a pipeline of one's own": {"detail-type": "SageMaker pipelines explained", "detail": {"page": "x"}},
    "RDS, an event's number": {"EventID": "RDS-EVENT-0088", "page": "x"},
    "Transfer Family, a server of one's own": {"username": "ann", "serverId": "s-7"},
    "HTTP": {"http": {"status": 200}, "page": 7},
    "AppSync, an identity": {"identity": {"sub": "ann"}, "arguments": {}, "page": 7},
    "Athena": {"@type": "Article", "queryId": "7", "catalogName": "x"},
    "AWS": {"detail-type": "EC2", "detail": {"page": "x"}},
    "AWS, a server": {"instance-id": "i-1", "page": "x"},
    "AWS, a job": {"detail-type": "Batch Job Done", "detail": {"page": "x"}},
    "AWS, a stack": {"detail-type": "CloudFormation", "detail": {"page": "x"}},
    "AWS, a price": {"detail-type": "Glue Price Change", "detail": {"page": "x"}},
    "AWS, an item": {"detail-type": "Item Create", "detail": {"status": "Open"}},
    "AWS, a page": {"detail-type": "Security Hub Published", "detail": {"findings": [{"Title": "x"}]}},
    "AWS, a finding": {"detail": {"findings": [{"Id": "7", "page": "x"}]}},
    "AWS, a type of ours": {"detail": {"type": "page:post/new", "title": "x"}},
    "AWS, an object": {"detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}},
    "AWS, a tag": {"detail-type": "Tag Change", "detail": {"page": "x"}},
    "Bedrock, a call": {"detail": {"invocationArn": "7", "status": "Completed"}},
    "Bedrock, a group": {"actionGroup": "pages", "parameters": [{"name": "page", "value": "x"}]},
    "Bedrock, a path": {"apiPath": "/pages", "parameters": [{"name": "page", "value": "x"}], "event": "published"},
    "Cognito": {"triggerSource": "cms_edit", "userName": "ann", "request": {"session": [], "page": 7}},
    "Cognito, a challenge": {"request": {"challengeName": "Photo of the week"}},
    "Cognito, a post": {"triggerSource": "PostAuthor_Changed", "page": 7},
    "Cognito, a profile": {"userPoolId": "eu-west-1_1", "userName": "ann", "action": "profile changed"},
    "Config, an evaluation": {"detail": {"newEvaluationResult": {"complianceType": "passed"}, "resourceId": "7"}},
    "Connect": {"Details": {"ContactData": {"Email": "ann@example.com"}, "Parameters": {"page": "7"}}},
    "Lex": {"inputTranscript": "x", "page": 7},
    "Lex, a transcript": {"inputTranscript": "x"},
    "S3, a batch": {"invocationId": "7", "tasks": []},
    "SageMaker, a job": {"detail": {"TrainingJobName": "x", "page": 7}},
    "Transcribe": {"detail": {"TranscriptionJobName": "x"}},
    # Approved, so it is a change.
    "SageMaker, a model": {
        "detail-type": "SageMaker Model Package State Change",
        "detail": {"ModelPackageGroupName": "g", "ModelApprovalStatus": "Approved"},
    },
    "Amplify": {"appId": "site", "branchName": "main", "jobStatus": "published"},
    "CloudTrail, an insight": {"insightDetails": {"insightType": "article", "eventSource": "blog.example.com"}},
    "CodeDeploy": {"deploymentGroup": "blue", "deploymentId": "d-7", "version": "1"},
    "ECR": {"repository-name": "site", "action-type": "published"},
    "CodeCommit": {"callerUserArn": "ann", "event": "published"},
    "CodeCommit, a reference": {"referenceType": "page", "repositoryId": "7"},
    "CodeCommit, a commit": {"referenceName": "side", "commitId": "7"},
    "CodeCommit, a page": {"referenceName": "side", "referenceType": "page", "commitId": "7"},
    "S3, an object of one's own": {"source": "shop", "bucket": "b", "object": {"key": "k"}},
    "ECS": {"eventName": "SERVICE_PUBLISHED", "eventType": "page"},
    "Glue": {"jobName": "export", "jobRunId": "jr_1", "state": "done"},
    "Health": {"eventTypeCode": "PUBLISHED", "eventTypeCategory": "issue"},
    "Health, a category": {"eventTypeCode": "AWS_PAGE", "eventTypeCategory": "page"},
    "Inspector's findings": {"findingArn": "arn:aws:inspector2:x:1:finding/f", "page": "x"},
    "MediaConvert": {"queue": "videos", "jobId": "7", "status": "COMPLETE"},
    "RDS": {"SourceArn": "arn:aws:rds:x:1:db:d", "page": "x"},
    "Step Functions": {"executionArn": "arn:x", "stateMachineArn": "arn:y", "status": "SUCCEEDED"},
    "AWS, an instance of one's own": {"instance-id": "site-3", "state": "published"},
    "AWS, a change": {"detail-type": "Config Changed", "detail": {"key": "theme"}},
    "GuardDuty": {"service": "site", "severity": 5},
    "Security Hub": {"findings": [{"page": "x"}]},
    "AppSync, a stash": {"stash": {}, "prev": "1", "arguments": "x", "page": 7},
    "AppSync, a source": {"stash": {}, "source": "cms"},
    "CloudWatch, an alarm": {"AlarmName": "Wake up", "page": 7},
    "CloudWatch, an alarm's time": {"AlarmName": "Wake up", "AlarmTime": "07:00"},
    "AWS, an instance to be launched": {"detail": {"EC2InstanceId": "site-3"}},
    "AWS, a finding of GuardDuty in short": {"detail": {"type": "edit:page/home", "severity": 5}},
    "AWS, a finding of Security Hub in short": {"findings": [{"Id": "f1", "Title": "t", "severity": "high"}]},
    "CloudWatch, an alarm's data": {"alarmData": {"page": "x"}},
    "SageMaker, a model that was approved": {"detail": {"ModelPackageArn": "x", "ModelApprovalStatus": "Approved"}},
    "S3, an object": {"getObject": {"inputS3Url": "https://x"}, "outputRoute": "prices"},
    "CloudTrail": s.eventbridge("my.app", "Moved", {"eventSource": "route53.amazonaws.com", "serviceEventDetails": {}}),
    "Bedrock": {"messageVersion": "1.0", "parameters": [{"name": "page", "value": "x"}]},
    "SES": {"mail": {"source": "ann@example.com", "subject": "x"}},
    "SES, a notice": {"notificationType": "Delivery", "bounce": "rate"},
    "SNS": {"Type": "Notification", "Message": "x", "Author": "ann"},
    "Artifact Registry": {"action": "INSERT", "tag": "ghcr.io/octo/site:1"},
    "AWX": {"friendly_name": "x", "started": "t", "finished": "t", "url": "https://x/pages/1"},
    "OneDev": {"type": "WorkPublished", "projectId": 7, "date": "2026-11-25"},
    "AWX, a playbook": {"playbook": "x", "started": "t", "finished": "t", "url": "https://x/pages/1"},
    "Chromatic": {"event": "build", "build": {"webUrl": "https://blog.example.com/build"}},
    "DeepSource": {"type": "page.published", "createdAt": 1764039600, "data": {"object": {"object": "Page"}}},
    "Percy": {"data": {"type": "pages", "attributes": {"event": "published", "build-number": 7}}},
    "TeamHub": {"type": "project", "operation": "updated", "subject": {"uuid": "7", "title": "A house"}},
    "Codacy": {"commit": {"data": {"uuid": "7", "urls": {"page": "x"}}}},
    "Codecov": {"head": {"commitid": "7"}, "repo": {"name": "site"}, "compare": {"message": "x"}},
    "Coveralls": {"commit_sha": "7", "badge_url": "https://blog.example.com/badge", "repo_name": "site"},
    "Backlog": {"type": 12, "project": {"projectKey": "SITE"}},
    "Backlog, a type": {"type": "page.published", "project": {"projectKey": "SITE"}, "createdUser": {"id": 7}},
    "TeamHub, an operation": {
        "type": "project",
        "operation": "publish",
        "subject": {"uuid": "1"},
        "project": {"uuid": "2"},
    },
    "Bitbucket": {"eventKey": "custom:price_changed", "action": "update"},
    "Bitbucket, a pull request": {"eventKey": "pr:merged", "pullRequest": {"id": 9}},
    "Bitbucket, a project": {"actor": {"uuid": "7"}, "project": {"uuid": "8", "key": "SITE"}},
    "Bitbucket, its old plug-in": {"refChanges": [{"name": "main"}]},
    "Bitbucket, another plug-in": {"pullrequest": {"id": 9}, "repository": {"scmId": "git", "fullName": "octo/site"}},
    "Bitbucket, a number": {"eventKey": "1", "message": "x"},
    "Alertmanager": {"status": "resolved", "receiver": "ann"},
    "Alertmanager, alerts": {"status": "firing", "receiver": "ann", "alerts": ["x"]},
    "commercetools": {"projectKey": "x", "resource": {"typeId": "product"}, "type": "ProductPublished"},
    "Airbyte": {"data": {"success": False, "connection": {"id": "c"}}},
    "Buildbot": {"event": "new", "buildid": 7},
    "Clerk": {"object": "event", "type": "article.published", "data": {"object": "article"}},
    "Databricks": {"event_type": "published", "workspace_id": "w"},
    "Datadog": {"event_type": "published", "org": {"id": "1"}, "title": "x"},
    "Fivetran": {"event": "published", "connector_id": "c"},
    "Mailgun, a signature": {"event": "published", "signature": {"token": "x"}},
    "Mux": {"type": "video.published", "environment": {"id": "e"}},
    "Mux, an episode": {"type": "video.episode.published", "id": "7", "environment": {"id": "e"}},
    "Read the Docs": {"event": "build:docs", "slug": "x"},
    "Snipcart": {"eventName": "article.published", "createdOn": "2026-11-25"},
    "Buildkite": {"event": "build.finished", "pipeline": {"slug": "x"}},
    "Buildkite, a build": {"event": "published", "build": {"web_url": "https://x"}},
    "CODING": {"event": "published", "eventName": "Published", "team": {"name": "editors"}},
    "Cursor": {"event": "statusChange", "status": "published", "source": {"repository": "posts"}},
    "Semaphore": {"event": "published", "workflow": {"id": "w"}},
    "Buddy": {"workspace": {"domain": "octo"}, "execution": {"status": "published", "html_url": "https://x"}},
    "Buddy, a run": {"invoker": {"html_url": "https://x"}, "execution": {"status": "x", "html_url": "https://x"}},
    "Buddy, another event": {"workspace": {"domain": "octo"}, "invoker": {"html_url": "https://x"}, "page": 7},
    "DeployHQ": {"end_revision": {"ref": "v2"}, "page": 7},
    "DeployHQ, a project": {"project": {"permalink": "site"}, "status": "published"},
    "Dokploy": {"title": "x", "projectName": "octo", "applicationName": "site", "type": "build", "status": "success"},
    "Dokploy, a project": {"title": "x", "projectName": "octo", "buildLink": "x", "type": "build"},
    "Dokploy, an application": {"title": "x", "applicationName": "site", "buildLink": "x", "type": "build"},
    "Dokploy, another type": {"title": "x", "projectName": "x", "applicationName": "y", "buildLink": "z"},
    "Adyen": {"live": "true", "notificationItems": [{"page": 7}]},
    "Adyen, an event": {"notificationItems": [{"NotificationRequestItem": {"eventCode": "PUBLISHED"}}]},
    "Chargebee": {"event_type": "customer_page_published", "id": "ev_7", "occurred_at": 1764039600},
    "Chargebee, a status": {"event_type": "customer_page_published", "id": "7", "webhook_status": "x"},
    "Chargebee, a page": {"event_type": "page_published", "id": "ev_7", "webhook_status": "x"},
    "Mailjet": {"event": "published", "mj_campaign_id": 7},
    "Mailjet, a contact": {"event": "published", "mj_contact_id": 7},
    "Mandrill": {"mandrill_events": "published", "page": 7},
    "Printful": {"type": "order_changed", "store": 7, "retries": 0, "data": {"page": 7}},
    "Printful, an order": {"type": "order_changed", "store": 7, "data": {"order": {"id": 7}}},
    "Printful, a try": {"type": "order_changed", "retries": 0, "data": {"order": {"id": 7}}},
    "Printful, a page": {"type": "page_changed", "store": 7, "retries": 0, "data": {"order": {"id": 7}}},
    "Razorpay": {"entity": "event", "event": "concert.published", "account_id": "7", "contains": ["concert"]},
    "Razorpay, an event": {"entity": "event", "event": "published", "account_id": "acc_7"},
    "Razorpay, an account": {"entity": "page", "event": "published", "account_id": "acc_7", "contains": ["page"]},
    "Shopware": {"data": {"event": "order.published"}, "source": {"url": "https://x"}},
    "Shopware, a shop": {"data": {"event": "order.published"}, "source": {"shopId": "7"}},
    "Shopware, a page": {"data": {"event": "page.published"}, "source": {"url": "https://x", "shopId": "7"}},
    "BookStack": {"event": "auth_page_published", "webhook_id": 7},
    "BookStack, a profile": {"event": "auth_page_published", "triggered_by_profile_url": "https://x"},
    "BookStack, a page": {"event": "page_published", "webhook_id": 7, "triggered_by_profile_url": "https://x"},
    "Crowdin": {"event": "project.built", "project": {"identifier": "site"}},
    "Crowdin, a build": {"event": "page.built", "build": {"project": {"identifier": "site"}}},
    "Crowdin, a comment": {"event": "stringComment.created", "comment": {"text": "x"}},
    "Eventbrite": {"config": {"action": "order.of_pages.changed", "page": 7}, "api_url": "https://x"},
    "Eventbrite, a webhook": {"config": {"action": "order.changed", "webhook_id": "7"}},
    "Eventbrite, a page": {"config": {"action": "page.changed", "webhook_id": "7"}, "api_url": "https://x"},
    "Figma": {"event_type": "FILE_COMMENT", "webhook_id": "7"},
    "Figma, a comment": {"event_type": "FILE_COMMENT", "passcode": "x"},
    "Figma, a page": {"event_type": "PAGE_PUBLISHED", "webhook_id": "7", "passcode": "x"},
    "Netlify Identity": {"event": "login", "instance_id": "7", "user": {"email": "ann@example.com"}},
    "Netlify Identity, a user": {"event": "login", "user": {"app_metadata": {"provider": "x"}}},
    "Netlify Identity, a page": {"event": "published", "instance_id": "7", "user": {"app_metadata": {"provider": "x"}}},
    "Outline": {"event": "comments.published", "actorId": "7"},
    "Outline, a comment": {"event": "comments.published", "webhookSubscriptionId": "8"},
    "Outline, a page": {"event": "pages.published", "actorId": "7", "webhookSubscriptionId": "8"},
    "Smartsheet": {"webhookId": 7, "status": "published"},
    "Smartsheet, a status": {"newWebhookStatus": "published", "page": 7},
    "Supabase": {"type": "UPDATE", "table": "pages", "schema": "auth", "record": {"id": 7}},
    "Supabase, another type": {"type": "PUBLISH", "table": "pages", "schema": "auth", "old_record": None},
    "Supabase, another schema": {
        "type": "UPDATE",
        "table": "users",
        "schema": "public",
        "record": {"id": 7},
        "old_record": {"id": 7},
    },
    "Spacelift": {"state": "published", "account": "octo", "run": {"id": "r"}},
    "Cloudflare": {"text": "This is a test message sent from https://cloudflare.com.", "page": "x"},
    "Cloud Monitoring": {"incident": {"incident_id": "1", "state": "open"}},
    "CloudWatch": {"describe": True, "page": "x"},
    "Cosmic": {"type": "object.created", "data": {"status": "draft"}},
    "Directus": {"event": "create", "collection": "x", "payload": {"status": "draft"}},
    "Config": {"messageType": "page.published", "recordVersion": 3},
    "Elastic Transcoder": {"pipelineId": "p", "jobId": "j", "state": "done"},
    "End User Messaging": {"eventType": "TEXT_CHANGED", "messageId": "1"},
    "GitLab": {"object_kind": "product", "id": 1},
    "GitLab, a word of its own": {"object_kind": "release", "id": 1},
    "Lambda, an authorizer": {"isAuthorized": True, "user": "ann", "event": "published"},
    "Lambda, a mail": {"disposition": "CONTINUE", "page": "x"},
    "monday.com": {"challenge": "x"},
    "Notion": {"verification_token": "secret_x", "page": "x"},
    "zot, and others": {"specversion": "1.0", "source": "/cms", "id": "7", "type": "x", "data": {"reference": None}},
    "Azure DevOps": {"eventType": "book.published", "publisherId": "42", "scope": "public"},
    "Contentstack": {"event": "saved", "module": "prices", "api_key": "x"},
    "Sitecore": {"EventName": "item:saved", "WebhookItemId": "7"},
    "Gerrit": {"type": "article-published", "eventCreatedOn": "2026-11-25"},
    "Ghost": {"post": {"current": {"status": "live"}, "previous": {"status": "draft"}}},
    "Google": {"message": {"data": "e30=", "messageId": "7"}, "subscription": "weekly"},
    "Harbor": {"type": "article.published", "occur_at": 1795395667, "operator": "ann"},
    "JFrog": {"domain": "destination", "event_type": "updated", "data": {"name": "Rome"}},
    "Lambda": {"statusCode": 7, "statusDescription": "Out for delivery"},
    "Pagure": {"topic": "articles/published", "msg": {"agent": "ann"}},
    "Railway": {"type": "move", "project": {"id": "p"}, "environment": {"id": "e"}, "deployment": {"id": "d"}},
    "Terraform": {"task_result_id": 7, "stage": "published"},
    "Travis CI": {"state": "asked for", "build_url": "https://blog.example.com/travis/1"},
    "Heroku": {"head_long": "4f2a91c", "release": "v7"},
    "Harbor, a replica": {"type": "REPLICATION", "occur_at": 1795395667, "page": "x"},
    "Azure DevOps, pipelines": {"eventType": "site.published", "publisherId": "pipelines"},
    "Railway, a page": {"type": "page.published", "resource": {"project": {"id": "p"}, "environment": {"id": "e"}}},
    "Coolify": {"success": True, "event": "published", "message": "x", "page_uuid": "7"},
    "Render": {"type": "service.updated", "timestamp": "2026-11-25T03:00:00Z", "data": {"serviceId": "42"}},
    "SourceCraft": {"header": {"type": "published", "repository_id": "7"}},
    "SourceCraft, a push": {"header": {"type": "repository.push"}},
    "Step Functions, a run": {"executionArn": "7", "stateMachineArn": "8", "startDate": 1},
    "Spinnaker": {"details": {"type": "article", "source": "cms"}, "eventId": "7"},
    "Spinnaker, a build that is asked for": {"details": {"type": "build", "source": "cms"}, "eventId": "7"},
    "Cirrus CI": {"action": "updated", "build": {"id": 7, "branch": "main"}},
    "Harness, a run": {"eventData": {"eventType": "published", "pipelineIdentifier": "site"}},
    "JFrog, a sample": {"domain": "shop", "event_type": "sold", "data": {"sha256": "sample_checksum"}},
    "Launchpad": {"merge_proposal": "two pages", "build": "site", "action": "published"},
    "Pulumi": {"stackName": "site", "organization": {"name": "octo"}},
    "Snyk": {"project": {"name": "site", "testFrequency": "daily"}, "org": {"slug": "octo"}},
    "SourceHut": {"data": {"webhook": {"uuid": "7", "event": "PUBLISHED"}}},
    "Azure DevOps, a notification": {"eventType": "page.published", "publisherId": "cms", "notificationId": 7},
    "Azure DevOps, a subscription": {"eventType": "page.published", "publisherId": "cms", "subscriptionId": "7"},
    "Datadog, a page": {"event_type": "page.updated", "org": {"id": 4}, "title": "x", "last_updated": "2026-11-25"},
    "DatoCMS": {"entity_type": "product", "event_type": "updated", "entity_id": 7, "environment": "production"},
    "GitLab, a project": {"event_name": "project_published", "project_id": 7},
    "GitLab, a group": {"event_name": "group_published", "group_id": 7},
    "GitLab, a key": {"event_name": "key_visual_changed", "key": "hero"},
    "Harness": {"trigger": "nightly", "repo": {"git_url": "https://x/octo/site.git"}},
    "Hugging Face": {"event": {"scope": "prices"}, "repo": {"name": "site"}},
    "lakeFS": {"event_type": "push", "hook_id": 1, "repository_id": 2},
    "OneDev, an issue of a magazine": {"type": "IssuePublished", "projectId": 7, "date": "2026-11-25"},
    "OneDev, a build that is asked for": {"type": "BuildRequested", "projectId": 7, "date": "2026-11-25"},
    "PagerDuty, a page": {"event": {"event_type": "page.published", "resource_type": "page", "occurred_at": "x"}},
    "Read the Docs, a build that is asked for": {"event": "build:requested", "build_url": "https://x", "slug": "site"},
    "a git host, a repository": {"action": "publish", "repository": {"full_name": "octo/site"}},
    "a git host, its default branch": {"action": "rebuild", "repository": {"default_branch": "main"}},
    "a registry": {"events": [{"action": "publish", "target": {"repository": "octo/site"}}]},
    "a registry, a tag": {"events": [{"action": "publish", "target": {"tag": "v1"}}]},
    "Bitbucket, a project that is public": {"eventKey": "project:published", "date": "2026-11-25"},
    "Codeship": {"build": {"build_url": "https://x/1", "commit_url": "https://x/2", "status": "asked for"}},
    "CODING, a team with a domain": {"event": "published", "eventName": "Published", "team": {"domain": "x.example"}},
    "Databricks, a job": {"event_type": "published", "workspace_id": "w", "job": {"job_id": "j"}},
    "GitLab, a deploy that is asked for": {"object_kind": "deploy_request", "project_id": 7},
    "GitLab, a resource": {"object_kind": "resource_published", "project_id": 7},
    "GitLab, a subgroup": {"event_name": "subgroup_published", "group_id": 7},
    "GitLab, a user": {"event_name": "user_page_published", "user_id": 7},
    "Laravel Forge, a commit": {"status": "pushed", "server": {"id": 1}, "site": {"id": 2}, "commit_hash": "4f2a91c"},
    "Platform.sh": {"type": "project.published", "project": "x", "state": "done", "started_at": "2026-11-25"},
    "Quay": {"docker_url": "ghcr.io/octo/site", "repository": "octo/site", "namespace": "octo", "tag": "v1"},
    "GitHub, a package of a registry": {"action": "published", "package": {"name": "x", "package_type": "npm"}},
    "Harness, a branch to be built": {"trigger": "branch_build", "repo": {"git_url": "https://x"}, "branch": "main"},
    "Spacelift, an error": {"account": "octo", "title": "x", "error": "x", "severity": "high"},
    "Spacelift, an act": {"account": "octo", "action": "publish", "actor": "ann", "remoteIP": "10.0.0.7"},
    "Cloudsmith": {"meta": {"event_id": "page.published", "trigger_id": "t", "webhook_id": 7}},
    "DatoCMS, an item": {"entity_type": "item", "event_type": "priced", "environment": "production"},
    "Fivetran, a shelf": {"connector_id": 7, "connector_type": "USB", "status": "in stock"},
    "lakeFS, a preview": {"event_type": "preview_published", "hook_id": 1, "repository_id": 2},
    "Prismic, a test": {"type": "test-trigger", "domain": "example.com", "apiUrl": "https://example.com/api"},
    "Prismic": {"type": "article.published", "domain": "example.com", "apiUrl": "https://example.com/api"},
    "Render, an event": {"type": "talk.published", "timestamp": "2026-11-25T03:00:00Z", "data": {"id": "evt-7"}},
    "Snipcart, an order": {"eventName": "order.updated", "mode": "Live"},
    "Snipcart, a page": {"eventName": "shipping.updated", "createdOn": "2026-11-25", "mode": "edit"},
    # Verdin sends Strapi's events, and does not say of a release that it is published.
    "Strapi, a release": {"event": "releases.publish", "createdAt": "2026-11-25T03:00:00Z", "release": {"id": 1}},
    "Storyblok, a space": {"space_id": 1, "text": "New article", "action": "article_published"},
    "Hugging Face, a report": {"event": {"scope": "report"}, "repo": {"name": "site"}},
    "Vercel, a flagship": {"id": "7", "type": "flagship.opened", "createdAt": "2026-11-25", "region": "eu"},
    "App Store Connect": {"data": {"type": "pageStateUpdated", "id": "7", "version": 1}},
    "App Store Connect, a draft": {"data": {"type": "appStoreVersionStateUpdated", "id": "7"}},
    "App Service": {"Status": "published", "SiteUrl": "https://x", "EnvironmentName": "Live"},
    "Appwrite, Directus": {"event": "published", "collection": "users"},
    "Directus, a field": {"collection": "directus_users", "page": 7},
    "Ecwid": {"eventType": "order.published", "storeId": 7},
    "Gumroad": {"sale_id": 7, "seller_id": 8, "page": "summer"},
    "HubSpot": {"subscriptionType": "contact.published", "page": 7},
    "HubSpot, a page": {"portalId": 7, "subscriptionType": "page.published"},
    "Lemon Squeezy": {"meta": {"event_name": "order_page_changed"}, "data": {"type": "pages", "id": 7}},
    "Lokalise": {"event": "project.exported", "project": "x"},
    "Lokalise, a page": {"event": "page.published", "created_at_timestamp": 1795395667},
    "Mailchimp": {"type": "published", "fired_at": "2026-11-25"},
    "Netlify, a form": {"form_id": 7, "form_name": "contact", "action": "changed"},
    "Paddle": {"event_type": "page.published", "event_id": "7", "notification_id": "ntf_7"},
    "PayPal": {"id": "7", "event_type": "PAGE.PUBLISHED", "resource_type": "page", "event_version": "1.0"},
    "PayPal, a whale": {"id": "WH-7", "event_type": "SIGHTED", "event_version": "1.0"},
    "Shopify": {"admin_graphql_api_id": "gid://shop/Order/7"},
    "Square": {"merchant_id": "7", "event_id": "8", "type": "menu.published", "data": {"id": "9"}},
    "Square, an order of pages": {"merchant_id": "7", "type": "order.changed", "data": {"id": "9"}},
    "Squarespace": {"websiteId": "7", "topic": "order.published"},
    "Squarespace, a page": {"websiteId": "7", "subscriptionId": "8", "topic": "page.published"},
    "TYPO3": {"action": "modified", "site": "x", "url": "https://x", "workspace": 1},
    "TYPO3, a page that is hidden": {"action": "modified", "record": {"pid": 1, "hidden": 1}},
    "TYPO3, a context": {"context": "frontend", "url": "https://x", "details": {"page": 7}},
    "WooCommerce, a key": {"order_key": "by_date", "page": 7},
    "Zendesk": {"type": "zen:published", "detail": {"id": "7"}},
    "Vercel, a project": {"id": "7", "type": "project.published", "createdAt": "2026-11-25", "region": "eu"},
    # A report of a build has more fields than these.
    "Adobe Cloud Manager": {"event": {"@id": "urn:shop:7", "@type": "https://example.com/published"}},
    "Appcircle": {"deliveryId": "7", "action": "published", "item": {"id": "8", "organizationId": "9"}},
    "Appflow": {"state": "published", "automationId": 7},
    "AppSignal": {"marker": {"environment": "production", "revision": "7"}, "map": "x"},
    "Argo": {"apiVersion": "shop/v1", "kind": "Application"},
    "Bugsnag": {"project": {"url": "https://example.com/bug"}, "trigger": {"type": "release", "message": "x"}},
    "Clever Cloud": {"event": "DEPLOYMENT_REQUESTED", "appId": "7", "ownerId": "ann", "data": {"state": "wanted"}},
    "Cloud 66": {"event_type": "stack.published", "redeploy_hook": "https://example.com", "fqdn": "example.com"},
    "Flow": {"task": {"pipelineId": 7, "statusCode": "published"}},
    "Oracle Cloud, the form of its events": {"eventType": "com.example.published", "cloudEventsVersion": "0.1"},
    "Gearset": {"job": {"name": "x"}, "run": {"status": "published", "type": "marathon"}},
    "Honeybadger": {"event": "published", "message": "x", "project": {"id": 7}, "deploy": {"revision": "7"}},
    "Honeybadger, an event of a project": {"event": "down", "message": "x", "project": {"id": 7}},
    "OpenStatus": {"status": "recovered", "cronTimestamp": 1764039600, "page": 7},
    "Uptime Kuma": {"heartbeat": {"status": 1, "important": True}, "msg": "New page"},
    "Jenkins, a project": {"event": "published", "projectName": "site", "buildName": "x", "buildUrl": "x"},
    "Netlify, a site": {"payload": {"site_id": 7, "state": "published"}},
    "Scalingo": {"app_id": 7, "app_name": "site", "type": "published", "type_data": {"status": "live"}},
    "Scalingo, a deployment": {"app_id": 7, "app_name": "site", "type": "deployment"},
    "TeamCity": {"notifyType": "published", "buildName": "site"},
    "Trigger.dev": {"type": "alert.published", "created": "2026-11-25"},
    "WordPress VIP": {"domain": "https://example.com", "repo": "octo/site", "branch": "main", "sha": "4f2a91c"},
    # Each has the names of a sender's fields, and values that no event of that sender has.
    "Alexa, a request of one's own": {"request": {"type": "publish", "requestId": "7"}},
    "AppSync, a field of one's own": {"info": {"fieldName": "title"}, "entry": 5},
    "AppSync, a field of one's own, by its source": {"info": {"fieldName": "title"}, "source": "cms"},
    "AppSync, a field of one's own, alone": {"info": {"fieldName": "title", "entry": 5}, "source": None},
    "Alexa, a request of one's own that can be met": {"request": {"type": "CanFulfillOrder", "requestId": "7"}},
    "SNS, a reader of one's own": {"type": "UnsubscribeConfirmation", "email": "ann@example.com"},
    "TeamCity, a change of one's own by its build": {"eventType": "page.published", "buildTypeId": "Site"},
    "Northflank": {"event": "build:page", "data": {"project": {"id": "site"}}},
    "Northflank, a page": {"event": "page:changed", "data": {"project": {"id": "site"}, "service": {"id": "web"}}},
    "Azure DevOps, a publisher of books": {"eventType": "book.changed", "publisherId": 42, "resourceVersion": "7"},
    "Batch, a queue of one's own": {"jobDefinition": "export", "jobQueue": "nightly"},
    "CloudFormation, a resource": {"action": "UPDATE", "bearerToken": "x", "page": 7},
    "CloudFormation, a transform of one's own": {"transformId": "prices", "requestId": "7"},
    "CloudWatch, a clock's alarm": {"alarmName": "Wake up", "state": {"value": "Active"}},
    "dbt, a job of one's own": {"eventType": "published", "accountId": 7, "data": {"jobId": 1, "runId": 2}},
    "CodePipeline, an editor's approval": {"approval": {"pipelineName": "site", "by": "ann"}},
    "DevOps Guru, an insight of one's own": {"InsightId": "7", "MessageType": "insight_published"},
    "ECS, a stage": {"lifecycleStage": "published", "executionId": "7"},
    "End User Messaging, a medium": {"eventType": "MEDIA_UPLOADED", "eventVersion": "1", "messageId": "7"},
    "End User Messaging, the last medium": {"eventType": "MEDIA_UPLOADED", "isFinal": True, "messageId": "7"},
    "Inspector, a test of pupils": {"event": "ASSESSMENT_PUBLISHED", "target": "class-7"},
    "IoT, a job on a board": {"eventType": "JOB", "eventId": "7", "operation": "published"},
    "IoT, a client": {"eventType": "published", "clientId": "7", "sessionIdentifier": "s"},
    "IoT, what a gateway verified": {"token": "x", "signatureVerified": True, "page": 7},
    "IoT, a thing": {"eventType": "THING_PUBLISHED", "eventId": "7", "operation": "update"},
    "a git host, a person": {"action": "publish", "sender": {"login": "ann"}, "article": 7},
    "a git host, a person who is known there": {"page": 7, "sender": {"login": "ann", "avatar_url": "https://x"}},
    "Ghost, a member of a team": {"member": {"current": {"uuid": "7", "role": "editor"}, "previous": {}}},
    "GitLab, a project of a portfolio": {"event_name": "project_update", "project_id": 7, "path": "/projects/7"},
    "GitLab, a group of people": {"event_name": "group_create", "group_id": 7},
    "GitLab, a person": {"event_name": "user_create", "user_id": 7},
    "GitLab, an author": {"event_name": "user_create", "username": "ann", "email": "ann@example.com"},
    "Lokalise, an export": {"event": "project.exported", "created_at_timestamp": 1764039600, "project": {"id": 7}},
    "Notion, a workspace of one's own": {
        "type": "page.published",
        "subscription_id": 1,
        "integration_id": 2,
        "workspace_id": 3,
    },
    "Security Hub, an announcement": {"AnnouncementType": "press_release", "Title": "Open day"},
    "Sentry, an installation": {"action": "published", "installation": {"uuid": "7"}, "artist": "ann"},
    "SNS, an endpoint": {"EndpointArn": "shop", "EventType": "published"},
    "Storyblok, a space to live in": {"space_id": 1, "text": "New flat", "action": "published", "user_id": 7},
    "Systems Manager, a command": {"commandId": "7", "documentName": "prices.pdf", "status": "published"},
    "Textract, a job": {"JobId": "7", "Status": "published", "API": "v2"},
    "Transfer Family, a visit by its protocol": {"serverId": "web-1", "sourceIp": "10.0.0.7", "protocol": "https"},
    "Vercel, a region of one's own": {"id": "7", "type": "project.created", "createdAt": "2026", "region": "eu"},
}


def test_an_event_of_a_source_called_lambda_is_no_record_of_a_success() -> None:
    (request,) = ONE.intents(opened(s.eventbridge("lambda", "Launch Success", {"page": 7}))[0])
    assert isinstance(request, Request)


@pytest.mark.parametrize("sender", OWN)
def test_an_event_of_one_s_own_is_not_taken_for_that_of_a_sender_with_the_same_words(sender: str) -> None:
    for event in (OWN[sender], s.in_sqs(OWN[sender]), s.eventbridge("my.cms", "Published", OWN[sender])):
        (request,) = ONE.intents(opened(event)[0])
        assert isinstance(request, Request)


def test_the_id_of_one_s_own_context_is_not_that_of_an_event() -> None:
    """The second page that is published in a session would be a duplicate."""
    told = {"context": {"id": "session-7", "source": "cms", "type": "page.published"}, "subject": {"id": "7"}}
    (request,) = ONE.intents(opened(told)[0])
    assert isinstance(request, Request)
    assert request.event_id is None
    told["context"]["type"] = "dev.cdeventsx.cms-page.published.1.0.0"
    (request,) = ONE.intents(opened(told)[0])
    assert isinstance(request, Request)
    assert request.event_id == "cms#session-7"


def test_the_id_of_one_s_own_episode_is_not_that_of_an_event() -> None:
    """Its second update would be a duplicate."""
    told = {"type": "video.episode.updated", "id": "episode-7", "environment": {"id": "production"}}
    (request,) = ONE.intents(opened(told)[0])
    assert isinstance(request, Request)
    assert request.event_id is None


#: Words by which senders are known without their headers.
WORDS: dict[str, dict[str, Any]] = {
    "Bitbucket": {"eventKey": "repo:modified", "date": "2026-11-25"},
    "GitLab": {"object_kind": "issue", "project_id": 1},
    "AppSync": {"typeName": "Query", "fieldName": "page", "request": {"headers": {"host": "x"}}},
    "a warmer": {"ping": True},
    "Storyblok": {"space_id": 1, "text": "x", "action": "added", "user_id": 7},
    "S3": {"bucket": {"name": "b"}, "object": {"key": "k"}, "request-id": "r"},
    "a registry": {"events": [{"action": "push", "target": {"tag": "a"}}, {"action": "push", "target": {"tag": "b"}}]},
    "Slack": {"type": "url_verification", "challenge": "x"},
}


@pytest.mark.parametrize("sender", WORDS)
def test_what_has_a_source_version_is_holdoffs_own_form_whatever_words_are_beside_it(sender: str) -> None:
    known = opened(WORDS[sender])[0]
    assert all(not isinstance(one, Request) or one.source_version is None for one in ONE.intents(known))
    own = {"project": "site", "source_version": "4f2a91c", "event_id": "edit-7", **WORDS[sender]}
    for message in (*opened(own), *opened(s.in_sqs(own)), http_message(p.posted(own, {}), Origin(outside=True))):
        (request,) = ONE.intents(message)
        assert isinstance(request, Request)
        assert (request.source_version, request.event_id) == ("4f2a91c", "edit-7")


@pytest.mark.parametrize(
    "headers", [{"X-GitHub-Event": "star"}, {"X-Contentful-Topic": "ContentManagement.Entry.save"}]
)
def test_a_header_says_whose_event_it_is_though_it_has_a_source_version(headers: dict[str, str]) -> None:
    asked = p.posted({"project": "site", "source_version": "main"}, headers)
    (ignored,) = ONE.intents(http_message(asked, Origin(outside=True)))
    assert isinstance(ignored, Ignored)


def test_a_cloud_event_on_a_bus_keeps_its_own_id_though_it_has_a_source_version() -> None:
    event = {"specversion": "1.0", "source": "/cms", "id": "7", "type": "priced", "source_version": "4f2a91c"}
    (request,) = ONE.intents(opened(s.eventbridge("my.cms", "Priced", event))[0])
    assert isinstance(request, Request)
    assert (request.reason, request.event_id) == ("priced in CloudEvents", "/cms#7")


@pytest.mark.parametrize(
    ("event", "sender"),
    [
        (
            {"action": "opened", "sender": {"login": "ann", "avatar_url": "https://x"}, "issue": {"number": 1}},
            "a git host",
        ),
        ({"action": "opened", "repository": {"full_name": "ann/site"}, "sender": {"login": "ann"}}, "a git host"),
        # Soft Serve's: https://github.com/charmbracelet/soft-serve/blob/main/pkg/webhook/collaborator.go
        (
            {"action": "added", "repository": {"name": "ann/site", "default_branch": "main"}, "sender": {"id": 7}},
            "a git host",
        ),
        # A package of Forgejo's and Gitea's has an owner, too, and no sender that a template keeps.
        ({"action": "created", "package": {"name": "x", "owner": {"login": "ann"}}}, "a git host"),
        # A template may hand on these reports in short. A build that they triggered would trigger itself.
        *(
            (
                {"action": "completed", run: {"conclusion": "success"}, "repository": {"full_name": "ann/site"}},
                "a git host",
            )
            for run in ("workflow_run", "workflow_job", "check_run", "check_suite")
        ),
        *(
            ({"action": "created", **about, "repository": {"full_name": "ann/site"}}, "a git host")
            for about in ({"deployment_status": {"state": "success"}}, {"deployment": {"sha": AFTER}})
        ),
        ({"action": "opened", "sender": {"login": "ann", "node_id": "MDQ6"}}, "GitHub"),
        ({"action": "published", "package": {"name": "x", "owner": {"node_id": "MDQ6"}}}, "GitHub"),
        ({"action": "fixed", "repository": {"full_name": "ann/site", "node_id": "R_1"}}, "GitHub"),
        ({"action": "published", "security_advisory": {"ghsa_id": "GHSA-1"}}, "GitHub"),
    ],
)
def test_only_githubs_events_are_called_githubs(event: dict[str, Any], sender: str) -> None:
    (found,) = ONE.found(opened(event)[0])
    assert found.draft is not None
    assert found.draft.sender == sender
    assert found.draft.repository in ("ann/site", None)
    assert isinstance(found.outcome, Ignored)
    assert f"{sender}'s" in found.outcome.why


@pytest.mark.parametrize(
    "detail",
    [
        s.s3_created(),
        s.s3_notification("s3:ObjectCreated:Put"),
        s.eventbridge("aws.batch", "Batch Job State Change", {"status": "SUCCEEDED"}),
        s.in_sns({"type": "ping"}),
    ],
    ids=["an event", "a notification", "an event that is no change", "a topic's message"],
)
def test_an_event_of_one_s_own_is_no_envelope_of_what_it_is_about(detail: dict[str, Any]) -> None:
    """That came by itself, maybe: it would be a duplicate."""
    (message,) = opened(s.eventbridge("my.flow", "Content Ready", detail, id="of-its-own"))
    for routes in (ONE, with_rule(source="my.flow")):
        (request,) = routes.intents(message)
        assert isinstance(request, Request)
        assert (request.reason, request.event_id) == ("Content Ready", "of-its-own")


@pytest.mark.parametrize(
    "words", [{"Type": "Notification", "Message": "x"}, {"requestPayload": {"page": "x"}}], ids=str
)
def test_an_event_of_one_s_own_with_words_of_an_envelope_is_none(words: dict[str, Any]) -> None:
    """Its other fields would be lost to rules."""
    (message,) = opened({**words, "author": "ann"})
    assert message.event == {**words, "author": "ann"}


@pytest.mark.parametrize(
    ("event", "delivery"),
    [("JOB_FINISHED", {}), ("repo:published", {})]
    + [(event, {"x-webhook-delivery": "7"}) for event in ("repo:published", "JOB_PUBLISHED")],
)
def test_a_header_that_others_have_too_does_not_make_it_sourcehuts(event: str, delivery: dict[str, str]) -> None:
    posted = p.posted({"id": 7}, {"x-webhook-event": event} | delivery)
    (request,) = ONE.intents(http_message(posted, Origin(outside=True)))
    assert isinstance(request, Request)


def test_what_the_headers_of_a_cloud_event_say_its_body_does_not() -> None:
    about = {"specversion": "1.0", "source": "/cms", "id": "7", "type": "com.example.published"}
    headers = {f"ce-{name}": text for name, text in about.items()}
    for body in ({"type": "Microsoft.Storage.BlobTierChanged"}, {"id": "8", "source": "/x", "specversion": "1.0"}):
        (request,) = ONE.intents(http_message(p.posted(body, headers), Origin(outside=True)))
        assert isinstance(request, Request)
        assert (request.reason, request.event_id) == ("com.example.published in CloudEvents", "/cms#7")


def test_an_event_is_compared_with_the_rows_that_have_a_key_of_it_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of 1,000 events took seconds: each path of 500 rows was looked for in each."""
    looked: list[str] = []
    look = Message.look

    def watched(message: Message, path: str, otherwise: object = None) -> Any:
        looked.append(path)
        return look(message, path, otherwise)

    monkeypatch.setattr(Message, "look", watched)
    (request,) = ONE.intents(opened(s.in_sqs({"colour": "red"}))[0])
    assert isinstance(request, Request)
    assert len(looked) < 50, looked


def without_source(event: dict[str, Any]) -> dict[str, Any]:
    """Records as they stand in many tests, written by hand."""
    return {"Records": [{k: v for k, v in one.items() if k.lower() != "eventsource"} for one in event["Records"]]}


#: Texts, most of them, that AWS sends under these subjects, or with none.
NOTICES: dict[str, tuple[str | None, object]] = {
    "Amplify": (
        None,
        '"Build notification from the AWS Amplify Console for app: https://main.x. Your build status is SUCCEED."',
    ),
    "Backup": ("Notification from AWS Backup", "A copy job was completed."),
    "Backup: a backup": (None, "An AWS Backup job was completed successfully."),
    "Budgets": ("AWS Budgets: site has exceeded your alert threshold", "AWS Budget Notification"),
    "CloudFormation": (None, "StackId='arn:x'\nResourceStatus='CREATE_COMPLETE'\n"),
    "CloudTrail: a test": (None, "CloudTrail validation message."),
    "CloudWatch": ('ALARM: "site is down" in EU (Ireland)', "Down."),
    # https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
    **{
        f"CodeBuild: {what}": (None, f"{quote}Build 'arn:aws:codebuild:x' for build project 'site' {what}.{quote}")
        for quote, what in (
            ("", "has reached the build status of 'SUCCEEDED'"),
            ('"', "has completed the build phase of 'BUILD' with a status of 'SUCCEEDED'"),
        )
    },
    "CodeBuild: an id without quotes": (None, "Build arn:aws:codebuild:eu-west-1:1:build/site:7b is SUCCEEDED."),
    "CodeBuild: a sentence": (None, '"Build arn:aws:codebuild:eu-west-1:1:build/site:7b for project site has FAILED."'),
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-cloudwatch-sns-notifications.html
    "CodePipeline": (None, '"The Pipeline site has failed."'),
    # https://github.com/awslabs/aws-deployment-framework
    "CodePipeline: by an account": (None, '"The pipeline site from account 123456789012 has SUCCEEDED at x."'),
    "CodeDeploy": (
        "SUCCESS: AWS CodeDeploy notification setup for trigger t",
        "Your AWS CodeDeploy trigger is able to",
    ),
    "Elastic Beanstalk": ("AWS Elastic Beanstalk Notification - Environment health", "Message: x\n"),
    "Elastic Beanstalk: a deployment": (
        None,
        "Timestamp: Wed Nov 25 03:00:00 UTC 2026\nMessage: New version was deployed.\n\nNotificationProcessId: 1",
    ),
    "ElastiCache": (None, {"ElastiCache:SnapshotComplete": "site"}),
    "Managed Service for Prometheus": (
        "[FIRING:1] HighCPU (critical)",
        "Alerts Firing:\nLabels:\n - alertname = HighCPU",
    ),
    "Managed Service for Prometheus: an end": ("[RESOLVED]", "Alerts Resolved:\nLabels:\n - alertname = HighCPU"),
    "RDS: a test": (
        "RDS Notification Message",
        "This is a message to notify that RDS will attempt to send you events.",
    ),
    "SES: a mail": ("Amazon SES Email Receipt Notification", {"content": "x"}),
    "SES: a test": (None, "Successfully validated SNS topic for Amazon SES event publishing.\n"),
}


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_of_aws_is_no_change(name: str) -> None:
    subject, text = NOTICES[name]
    for event in (s.in_sns(text, Subject=subject), s.in_sqs(s.notification(text, Subject=subject))):
        (message,) = opened(event)
        for routes in (ONE, with_rule(), with_rule(sns__TopicArn="*:edits")):
            assert routes.intents(message) == [Ignored("nothing is built for a notice of AWS unless a rule takes it")]
        (taken,) = with_rule(change__type="a notice").intents(message)
        assert isinstance(taken, Request)


@pytest.mark.parametrize("name", [name for name, (subject, _) in NOTICES.items() if subject is None])
def test_a_notice_that_a_topic_delivers_raw_is_none_either(name: str) -> None:
    """Such a message has no subject: https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html"""
    (message,) = opened(s.in_sqs(NOTICES[name][1]))
    for routes in (ONE, with_rule(), with_rule(sqs__eventSourceARN="arn:*")):
        assert routes.intents(message) == [Ignored("nothing is built for a notice of AWS unless a rule takes it")]
    assert isinstance(with_rule(sqs__body="*").intents(message)[0], Ignored)
    for own in (
        "An AWS Backup is what we need",
        "Build 'site' for the project 'shop'",
        "The pipeline site has new pages",
    ):
        (built,) = ONE.intents(opened(s.in_sqs(own))[0])
        assert isinstance(built, Request)


@pytest.mark.parametrize("result", ["STARTED", "SUCCESS", "FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"])
def test_a_build_that_jenkins_tells_a_topic_of_is_no_change(result: str) -> None:
    told = s.in_sns("https://jenkins.example.com/job/site/7/", Subject=f"Build {result}: site #7")
    (ignored,) = ONE.intents(opened(told)[0])
    assert ignored == Ignored("nothing is built for a build's state of Jenkins unless a rule takes it")
    (built,) = ONE.intents(opened(s.in_sns("https://example.com", Subject="Build the site"))[0])
    assert isinstance(built, Request)


#: What deploys, as a trail of Google Cloud logs it; and what changes an object.
LOGGED = {
    "run.googleapis.com": "google.cloud.run.v1.Services.ReplaceService",
    "cloudbuild.googleapis.com": "google.devtools.cloudbuild.v1.CloudBuild.CreateBuild",
    "firebasehosting.googleapis.com": "google.firebase.hosting.v1beta1.HostingService.CreateRelease",
}


@pytest.mark.parametrize("service", LOGGED)
def test_what_a_build_calls_to_deploy_in_google_cloud_is_no_change(service: str) -> None:
    def called(service: str, method: str) -> dict[str, Any]:
        return {"insertId": "1", "protoPayload": {"serviceName": service, "methodName": method}}

    about = {"specversion": "1.0", "id": "1", "source": "//x", "type": "google.cloud.audit.log.v1.written"}
    for own in (False, True):
        logged = called("storage.googleapis.com", "storage.objects.create") if own else called(service, LOGGED[service])
        pushed = {"subscription": "projects/x/subscriptions/y", "message": {"messageId": "7", "data": logged}}
        for event in (logged, {**about, "data": logged}, pushed):
            (outcome,) = ONE.intents(opened(event)[0])
            assert isinstance(outcome, Request if own else Ignored)


def test_under_such_a_subject_a_change_is_one() -> None:
    (message,) = opened(s.in_sns(s.ecr(), Subject="Amazon SES Event Notification"))
    (built,) = ONE.intents(message)
    assert isinstance(built, Request)


@pytest.mark.parametrize("name", ["zappa-keep-warm-handler.keep_warm_callback", "site-warmup", "Api-WarmUpRule1A2B"])
def test_a_schedule_that_keeps_a_function_warm_is_no_change(name: str) -> None:
    arn = f"arn:aws:events:eu-west-1:123456789012:rule/{name}"
    (message,) = opened(s.eventbridge("aws.events", "Scheduled Event", {}, resources=[arn]))
    (ignored,) = with_rule(source="aws.events").intents(message)
    assert isinstance(ignored, Ignored)
    assert name in ignored.why
    (taken,) = with_rule(resources=f"*/{name}").intents(message)
    assert isinstance(taken, Request)


def test_an_input_that_says_no_more_than_that_a_schedule_sends_it_is_a_schedule_s() -> None:
    for source in ("aws.events", "aws.scheduler"):
        (built,) = ONE.intents(opened({"source": source, "detail": {"hour": 7}})[0])
        assert isinstance(built, Request)
        assert built.reason == "schedule"
        called = s.eventbridge(source, "AWS API Call via CloudTrail", {"eventName": "PutRule"})
        (ignored,) = ONE.intents(opened(called)[0])
        assert isinstance(ignored, Ignored)


@pytest.mark.parametrize(
    "event",
    [
        {"source": "warmup"},
        {"action": "ping"},
        {"type": "keep_warm"},
        {"ping": "OK"},  # Discourse's
        {"event_type": "PING", "passcode": "x", "webhook_id": "1"},  # Figma's
        {"warming": True},
        # As public functions know them
        *({"source": name} for name in ("keep-warm", "warming", "warm-up", "WARMUP")),
        {"warm": True},
        {"warmerPing": True},
        {"keepAlive": True},
        {"keep_alive": True},
        {"healthCheck": True},
        {"action": "health_check"},
        {"warmUpRequest": True},
        {"type": "warmer", "delay": 75},
    ],
)
def test_a_call_that_keeps_the_function_warm_is_no_change(event: dict[str, Any]) -> None:
    (message,) = opened(event)
    for routes in (ONE, with_rule(source="warmup"), with_rule(action="ping"), with_rule(change__type="?*")):
        (ignored,) = routes.intents(message)
        assert isinstance(ignored, Ignored)


@pytest.mark.parametrize(
    "event",
    [
        {"version": "3.1", "status": "online", "healthcheck": "ok"},
        {"version": "3.1", "warm": "ok"},
        {"keepAlive": True, "page": 7},
        {"keepAlive": False},
        {"keep_alive": True, "page": 7},
        {"healthCheck": True, "page": 7},
        {"action": "health_check_guide_published"},
        {"action": "published", "type": "health_check", "id": 7},
        {"action": "health_check", "page": 7},
        {"AutoScalingGroupName": "web", "Event": "image baked"},
        {"Step": "deploy", "RequestType": "build", "action": "CREATE"},
        {"RequestType": "Update", "PageId": 7},
        {"action": "publish", "bearerToken": "x"},
        {"typeName": "Post", "fieldName": "title"},
        {"sessionState": "open", "currentIntent": "edit", "request": {"type": "edit"}, "detail": {"state": "new"}},
    ],
)
def test_what_only_has_a_field_as_a_known_sender_s_event_has_it_builds(event: dict[str, Any]) -> None:
    assert isinstance(ONE.intents(opened(event)[0])[0], Request)


def test_a_record_is_known_by_what_it_has_where_it_does_not_say_what_it_is() -> None:
    pushed = {"codecommit": {"references": [{"ref": "refs/heads/side", "commit": "c" * 40}]}}
    restored = s.s3_notification("ObjectRestore:Completed")["Records"][0]
    for record, says in ((pushed, "side is not main"), (restored, "nothing is built for S3's ObjectRestore:Completed")):
        for event in ({"Records": [record]}, s.in_sns(without_source({"Records": [record]}))):
            (message,) = opened(event)
            (ignored,) = ONE.intents(message)
            assert isinstance(ignored, Ignored)
            assert ignored.why.startswith(says)
    written = s.s3_notification()
    del written["Records"][0]["eventName"]
    (built,) = ONE.intents(opened(written)[0])
    assert isinstance(built, Request)
    assert built.reason == "s3://content/a b/ä.md"
    written = s.s3_notification()
    assert opened(without_source(written))[0].id == opened(written)[0].id
    (message,) = opened(without_source(written))
    (built,) = ONE.intents(message)
    assert isinstance(built, Request)


@pytest.mark.parametrize("sender", ["Gogs", "Gitea", "Forgejo"])
def test_a_delivery_has_an_id_without_github_s_headers(sender: str) -> None:
    """Gogs sent none at first: https://github.com/gogs/gogs/commits/main/internal/database/webhook.go"""
    pushed = p.forge_push(sender)
    headers = {name: text for name, text in pushed.headers.items() if "github" not in name}
    (request,) = ONE.intents(http_message(pushed.but(headers=headers), Origin(outside=True)))
    assert isinstance(request, Request)
    assert request.event_id == p.DELIVERY


def test_two_workflows_have_runs_of_one_number() -> None:
    """Of a whole event of GitHub's, which a step of a workflow may send, too, the run's number is no id."""
    pushed = p.github_push()
    (request,) = ONE.intents(http_message(pushed.but(headers={**pushed.headers, "x-github-delivery": "12"}), WEBHOOK))
    assert isinstance(request, Request)
    assert request.event_id is None


@pytest.mark.parametrize("source", [{}, {"eventSource": "s3"}, {"eventSource": "store"}], ids=str)
def test_a_record_of_s3_is_known_whatever_it_says_of_its_source(source: dict[str, str]) -> None:
    for kind, becomes in (("ObjectCreated:Put", Request), ("ObjectTagging:Put", Ignored)):
        (record,) = without_source(s.s3_notification(kind))["Records"]
        for event in ({**record, **source}, {"Records": [{**record, **source}]}):
            for way in (event, s.in_sqs(event)):
                (found,) = ONE.intents(opened(way)[0])
                assert isinstance(found, becomes)
                said = found.why if isinstance(found, Ignored) else str(found)
                assert (kind if isinstance(found, Ignored) else "s3://content/a b/ä.md") in said


def test_a_push_that_does_not_say_of_which_branch_is_an_error() -> None:
    event = s.codecommit(referenceName=None, referenceFullName=None)
    (error,) = ONE.intents(opened(event)[0])
    assert isinstance(error, EventError)
    assert "event.detail.referenceFullName is missing" in str(error)


def test_a_record_with_nothing_but_a_body_is_a_queue_s() -> None:
    """As in most commands that try a function out."""
    (message,) = opened({"Records": [{"body": json.dumps({"project": "site", "source_version": "4f2a91c"})}]})
    assert (message.kind, message.origin.outside) == ("sqs", True)
    (built,) = ONE.intents(message)
    assert isinstance(built, Request)
    assert built.source_version == "4f2a91c"
    with pytest.raises(EventError, match="is an HTTP request"):
        opened({"Records": [{"body": "{}", "path": "/hooks/site"}]})


@pytest.mark.parametrize("carried", [s.in_sns, s.in_sqs], ids=["SNS", "SQS"])
def test_an_envelope_is_opened_where_it_does_not_say_what_it_is(carried: Callable[[object], dict[str, Any]]) -> None:
    (message,) = opened(without_source(carried({"project": "site", "source_version": "4f2a91c"})))
    assert message == opened(carried({"project": "site", "source_version": "4f2a91c"}))[0].but(
        envelopes=message.envelopes
    )
    assert message.origin.outside


@pytest.mark.parametrize("others", [{}, {"TopicArn": "arn:aws:sns:eu-west-1:1:t"}, {"MessageId": "m"}], ids=len)
def test_a_topic_s_notification_in_a_queue_is_opened_though_it_says_little(others: dict[str, str]) -> None:
    """Tests that are written by hand leave out what no function reads."""

    def carried(event: object) -> dict[str, Any]:
        return s.in_sqs({"Type": "Notification", "Message": json.dumps(event), **others})

    (written,) = opened(carried(s.s3_notification()))
    assert (written.id, written.kind) == ("s3:content/a b/ä.md#617f08299329d189:Created", "s3")
    (alarm,) = opened(carried({"AlarmName": "x", "NewStateValue": "ALARM", "StateChangeTime": "2026-11-25"}))
    assert isinstance(ONE.intents(alarm)[0], Ignored)


def test_a_batch_whose_source_stands_beside_its_records_is_one() -> None:
    """As a sample of AWS Lambda Powertools has it. A record of EventBridge Pipes has its source there, too."""
    records = s.in_sqs(s.s3_notification(), s.codecommit())["Records"]
    batch = {"Records": [{"messageId": one["messageId"], "body": one["body"]} for one in records]}
    written, pushed = (ONE.intents(one)[0] for one in opened({**batch, "eventSource": "aws:sqs", "awsRegion": "x"}))
    assert isinstance(written, Request)
    assert isinstance(pushed, Request)
    assert (written.event_id, pushed.event_id) == ("s3:content/a b/ä.md#617f08299329d189:Created", s.codecommit()["id"])


def test_what_cannot_be_opened_keeps_none_of_its_neighbours_waiting() -> None:
    """As EventBridge Pipes hand on lists: one event that is broken must not make the others come again and again."""
    event = [s.in_sqs(s.ecr())["Records"][0], {"httpMethod": "GET", "path": "/"}, s.in_sqs({"x": 1})["Records"][0]]
    outcomes = [outcome for message in opened(event) for outcome in ONE.intents(message)]
    assert [type(outcome) for outcome in outcomes] == [Request, EventError, Request]


#: Words of events of one's own systems. None is a key of Holdoff's own form.
COMMON = (
    "action actor app branch build category commit content created_at data deployment entity entry event event_type id"
    " item job kind message model name object operation order page payload pipeline product project_id record release"
    " repository result sender site source state status table task title topic type updated_at url user workspace"
)
SAID = (
    "published updated created deleted started succeeded failed success running pending completed open closed active"
    " live production main v1.2.3 site home page article product build deploy release project.updated page.published"
)


def test_no_event_of_common_words_is_taken_for_a_sender_s() -> None:
    chosen, names, words = Random(7), COMMON.split(), SAID.split()

    def value(depth: int) -> object:
        if depth < 2 and chosen.random() < 0.3:
            return {chosen.choice(names): value(depth + 1) for _ in range(chosen.randint(1, 4))}
        return chosen.choice((*words, 7, 1764039600, True, False, None))

    for _ in range(1000):
        event = {chosen.choice(names): value(0) for _ in range(chosen.randint(2, 14))}
        for sent in (s.in_sqs(event), s.eventbridge("my.app", "Changed", event)):
            (request,) = ONE.intents(opened(sent)[0])
            assert isinstance(request, Request), event
