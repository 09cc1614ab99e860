"""Every sample event that AWS ships has a request here, or is refused by an error of ours."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import http_request, is_http
from holdoff.ingress.events.intents import Ignored
from holdoff.ingress.events.message import Message
from tests.ingress.wanted import ONE, WEBHOOK, only, routes, wants, without_order

if TYPE_CHECKING:
    from tests.ingress.samples import Samples

SEVERAL = routes(site=None, resource=None)


def messages(event: object) -> list[Message]:
    """Those of an event; an HTTP request's without its signature checked."""
    return [http_message(http_request(event), WEBHOOK)] if is_http(event) else opened(event)


EXPECTED = {
    "cloudwatch scheduled-event": wants(
        project="site",
        reason="schedule ExampleRule",
        event_id="cdc73f9d-aea9-11e3-9d5a-835b769c0d9c",
    ),
    "codecommit repository": Ignored(why="a test of CodeCommit"),
    "codepipeline job": wants(
        project="site", reason="CodePipeline job", event_id="c968ef10-6415-4127-80b1-42502218a8c7"
    ),
    "s3 put": wants(
        project="site",
        reason="ObjectCreated:Put s3://example-bucket/test/key",
        event_id="s3:example-bucket/test/key#0A1B2C3D4E5F678901:Created",
    ),
    "s3 delete": wants(
        project="site",
        reason="ObjectRemoved:Delete s3://example-bucket/test/key",
        event_id="s3:example-bucket/test/key#0A1B2C3D4E5F678901:Deleted",
    ),
    "sns notification": wants(
        project="site", reason="example subject", event_id="95df01b4-ee98-5cb9-9903-4c221d41eb5e"
    ),
    "sqs receive-message": wants(
        project="site", reason="message in MyQueue", event_id="19dd0b57-b21e-4ac1-bd88-01bbb068cb78"
    ),
    "kinesis get-records": wants(
        project="site",
        reason="kinesis record",
        event_id="shardId-000000000000:49545115243490985018280067714973144582180062593244200961",
    ),
    "alb request": wants(project="site", reason="webhook"),
    "apigateway aws-proxy": wants(project="site", reason="webhook"),
    "apigateway http-api-proxy": wants(project="site", reason="webhook"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_sample_asks_for(samples: Samples, name: str) -> None:
    (message,) = messages(samples[name])
    assert without_order(only(ONE, message)) == EXPECTED[name]


def test_a_trigger_of_codecommit_that_is_no_test(samples: Samples) -> None:
    event = deepcopy(samples["codecommit repository"])
    event["Records"][0]["eventName"] = "ReferenceChanges"
    (message,) = messages(event)
    assert without_order(only(ONE, message)) == wants(
        project="site",
        reason="push to my-repo master",
        source_version="5c4ef1049f1d27deadbeeff313e0730018be182b",
        event_id="5a824061-17ca-46a9-bbf9-114edeadbeef#refs/heads/master",
        by="arn:aws:iam::123456789012:root",
    )


def test_each_record_of_a_stream_has_its_own_id(samples: Samples) -> None:
    ids = [message.id for message in messages(samples["dynamodb update"])]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("apigateway aws-proxy", "/path/to/resource"),
        ("apigateway http-api-proxy", "/path/to/resource"),
        ("alb request", "/path/to/resource"),
    ],
)
def test_the_three_forms_of_http(samples: Samples, name: str, path: str) -> None:
    request = http_request(samples[name])

    assert (request.method, request.path, request.body) == ("POST", path, b'{"test":"body"}')
    assert all(name == name.lower() for name in request.headers)
    (message,) = messages(samples[name])
    wanted = only(SEVERAL, message)
    assert isinstance(wanted, Request)
    assert wanted.project == "resource"  # by the last part of the path


def test_all_headers_of_api_gateway_are_there(samples: Samples) -> None:
    headers = http_request(samples["apigateway aws-proxy"]).headers
    assert headers["host"] == "0123456789.execute-api.us-east-1.amazonaws.com"
    assert http_request(samples["apigateway http-api-proxy"]).headers["header2"] == "value1,value2"
