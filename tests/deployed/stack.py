"""Our template, deployed at ministack as ``sam deploy`` does it, and the ways by which events reach the function."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import boto3

from tests.deploy.cloudformation import TEMPLATE
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")
REGION: Final = "eu-west-1"
PACKAGE: Final = "CodeUri: ../../dist/holdoff-lambda.zip"


def until(found: Callable[[], T], *, what: str) -> T:
    """The first answer that is true."""
    give_up = time.monotonic() + PATIENCE_S
    while not (answer := found()):
        assert time.monotonic() < give_up, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.05)
    return answer


def client_of(service: str, endpoint: str, key: str) -> Any:
    """A client of the service at ministack, for the owner of this access key id."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key="any",
    )


def create_project(codebuild: Any, name: str, account: str) -> None:
    """A project that builds nothing."""
    codebuild.create_project(
        name=name,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"arn:aws:iam::{account}:role/builds",
    )


class Stack:
    """The template with these parameters.

    Args:
        endpoint: of ministack.
        key: the access key id to ask with.
    """

    def __init__(self, endpoint: str, package: Path, parameters: Mapping[str, str], *, name: str, key: str) -> None:
        self.endpoint = endpoint
        self.name = name
        self._key = key
        self._clients: dict[str, Any] = {}
        self._upload(package)
        self._create(parameters)

    def client(self, service: str) -> Any:
        """A client of the service at ministack."""
        if service not in self._clients:
            self._clients[service] = client_of(service, self.endpoint, self._key)
        return self._clients[service]

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            client.close()

    # --- deploying ---------------------------------------------------------------------------------

    def _upload(self, package: Path) -> None:
        """And the template with where it is, as ``aws cloudformation package`` writes it."""
        s3, bucket = self.client("s3"), f"packages-of-{self.name}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key=package.name, Body=package.read_bytes())
        text = TEMPLATE.read_text()
        assert text.count(PACKAGE) == 1
        self._template = text.replace(PACKAGE, f"CodeUri: s3://{bucket}/{package.name}")

    def _create(self, parameters: Mapping[str, str]) -> None:
        """By a change set, with the capability that docs/aws.md asks for."""
        about = {"StackName": self.name, "ChangeSetName": "first"}
        cloudformation = self.client("cloudformation")
        cloudformation.create_change_set(
            **about,
            ChangeSetType="CREATE",
            TemplateBody=self._template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        changes = until(lambda: self._ready(about), what="the change set")
        assert changes["Status"] == "CREATE_COMPLETE", changes.get("StatusReason")
        cloudformation.execute_change_set(**about)
        status = until(self._status, what="the stack's creation")
        assert status == "CREATE_COMPLETE", self._complaints()

    def _ready(self, about: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = self.client("cloudformation").describe_change_set(**about)
        return {} if found["Status"].endswith(("_PENDING", "_IN_PROGRESS")) else found

    def _status(self) -> str:
        status: str = self._described()["StackStatus"]
        return "" if status.endswith("_IN_PROGRESS") else status

    def _described(self) -> dict[str, Any]:
        answer = self.client("cloudformation").describe_stacks(StackName=self.name)
        described: dict[str, Any] = answer["Stacks"][0]
        return described

    def _complaints(self) -> list[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=self.name)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    # --- what was made -----------------------------------------------------------------------------

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {o["OutputKey"]: o["OutputValue"] for o in self._described()["Outputs"]}

    def physical(self, resource: str) -> str:
        """What a resource of the template is called."""
        found = self.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=resource)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def schedules(self) -> list[str]:
        """The wakes that are arranged."""
        found = self.client("scheduler").list_schedules(GroupName=self.physical("Wakes"))
        return [schedule["Name"] for schedule in found["Schedules"]]

    def log(self) -> list[dict[str, Any]]:
        """The lines that the function wrote, as the service keeps them."""
        group = self.physical("LogGroup")
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        texts = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(text) for text in texts if text.startswith("{")]

    def dead_letters(self) -> list[str]:
        """What is in the dead-letter queue; reading takes it out of sight for a while."""
        answer = self.client("sqs").receive_message(QueueUrl=self.outputs["DeadLettersUrl"], MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    # --- the ways to the function ------------------------------------------------------------------

    def invoke(self, event: object) -> dict[str, Any]:
        """A direct invoke, and its answer."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs["FunctionName"], Payload=json.dumps(event))
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    def deliver(self, event: object) -> None:
        """An asynchronous invoke: what EventBridge, SNS, S3 and the Scheduler do with an event."""
        self.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"],
            InvocationType="Event",
            Payload=json.dumps(event),
        )

    def put_event(self, source: str, kind: str, detail: Mapping[str, object]) -> str:
        """An event on the default bus; its id."""
        entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        (put,) = self.client("events").put_events(Entries=[entry])["Entries"]
        return str(put["EventId"])

    def publish(self, message: object) -> None:
        """A message on the topic."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.client("sns").publish(TopicArn=self.outputs["TopicArn"], Message=text)

    def send(self, body: object) -> None:
        """A message in the queue."""
        queue = self.outputs["QueueUrl"]
        self.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        """A request to the function's URL, as it comes from outside: its status, and what it says."""
        host = urlsplit(self.outputs["WebhookUrl"]).netloc
        request = urllib.request.Request(self.endpoint + path, data=body, headers={**headers, "Host": host})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
