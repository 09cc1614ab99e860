"""Every public sample of an event is judged: a change builds, all else is ignored with a reason, or a typed error.

What is a change is said here, by a rule for GitHub's and a table for the rest. The judgement is the same without any
rule of ours, and with one that only says whose project it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.errors import EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest, content_of, is_http
from holdoff.ingress.events.intents import Ignored, Intent
from holdoff.ingress.events.message import Origin
from holdoff.ingress.events.rules import Routes
from tests.engines.cache import EngineUnavailable
from tests.ingress import public_samples
from tests.ingress.public_samples import Sample
from tests.ingress.shapes import REGION, in_sqs

PROJECT = '[projects.site]\ncooldown = "10m"\nstarter = { codebuild = "site" }\n'
ROUTES = {
    "no rule": Routes(parse(PROJECT), REGION),
    "a rule for all": Routes(parse(f'{PROJECT}[[rules]]\nwhen = {{}}\nproject = "site"\n'), REGION),
}
OUTSIDE = Origin(outside=True, scheme="github")
#: What builds of the webhooks that Weblate is tested with. The rest are of other branches, pull requests, and a test.
CHANGES_OF_HOOKS = {
    "weblate GITHUB_PAYLOAD",
    "weblate GITHUB_NEW_PAYLOAD",
    "weblate GITLAB_PAYLOAD",
    "weblate BITBUCKET_PAYLOAD_SERVER",
    "weblate GITEA_PAYLOAD",
    "weblate PAGURE_PAYLOAD",
    "weblate GITEE_PAYLOAD",
}
#: What builds of AWS's, and how many triggers it has. The last lines: JSON that has no mark of any service.
CHANGES_OF_AWS = {
    "sam codepipeline job": 1,
    "sam dynamodb update": 3,
    "sam cloudwatch scheduled-event": 1,
    "sam kinesis get-records": 1,
    "sam rekognition s3-request": 1,
    "sam s3 delete": 1,
    "sam s3 put": 1,
    "sam sns notification": 1,
    "sam sqs receive-message": 1,
    "mocks kinesis": 1,
    "mocks s3": 1,
    "mocks scheduled": 1,
    "mocks sns": 1,
    "sample codepipeline": 1,
    "sample dynamodb_update": 3,
    "sample kinesis_stream": 1,
    "sample s3_delete": 1,
    "sample s3_put": 1,
    "sample scheduled": 1,
    "local event_dynamodb-update": 3,
    "local event_kinesis": 1,
    "local event_s3-put": 1,
    "mock cloudwatch": 1,  # its source is to be filled in, and none of AWS's
    "mock dynamodb-record": 1,
    "mock kinesis-record": 1,
    "mock s3-record": 1,
    "mock sns-record": 1,
    "mock sqs-record": 1,
    "sam batch submit-job": 1,
    "local event_helloworld": 1,
    "local event_iot_button": 1,
    "mock iot-button": 1,
}
#: What is an error, and what it says; besides these, whatever is an HTTP request.
ERRORS_OF_AWS = {
    "sam cloudformation create-request": "custom resource",
    "sample cloudformation": "custom resource",
    "local event_cloudformation": "custom resource",
    "mock cloudformation": "custom resource",
}


def read(samples: Callable[[], Iterable[Sample]]) -> list[Sample]:
    """The samples, where they can be fetched."""
    try:
        return list(samples())
    except EngineUnavailable as reason:
        pytest.skip(str(reason))


def outcomes(sample: Sample, routes: Routes) -> list[Intent | EventError]:
    """What becomes of a sample: a webhook's as if it was checked, another event's as if it was invoked with it."""
    try:
        messages = [http_message(sample.what, OUTSIDE)] if isinstance(sample.what, HttpRequest) else opened(sample.what)
    except EventError as error:
        return [error]
    return [outcome for message in messages for outcome in routes.intents(message)]


def judged(sample: Sample, routes: Routes) -> str:
    """In words: how many triggers; or why there is none."""
    found = outcomes(sample, routes)
    assert found, sample.name
    if all(isinstance(one, Ignored) and one.why for one in found):
        return "ignored"
    if all(isinstance(one, EventError) for one in found):
        return "error"
    assert all(isinstance(one, Request) for one in found), (sample.name, found)
    return f"{len(found)} built"


def is_change_at_github(body: Any) -> bool:
    """Whether a push says that the default branch has moved. Told apart from the built-in ones by other fields."""
    default = f"refs/heads/{body['repository']['default_branch']}"
    return bool(body["ref"] == default and body["head_commit"] and body["compare"])


@pytest.mark.parametrize("rules", ROUTES)
def test_of_githubs_only_a_push_of_the_default_branch_is_a_change(rules: str) -> None:
    samples = read(public_samples.github)
    assert len(samples) > 700
    for sample in samples:
        assert isinstance(sample.what, HttpRequest)
        event = sample.what.headers["x-github-event"]
        is_change = event == "push" and is_change_at_github(content_of(sample.what))
        assert judged(sample, ROUTES[rules]) == ("1 built" if is_change else "ignored"), sample.name


def test_of_githubs_the_same_are_changes_without_the_headers() -> None:
    """As a topic or a queue hands them on."""
    for sample in read(public_samples.github):
        assert isinstance(sample.what, HttpRequest)
        body: Any = content_of(sample.what)
        is_change = sample.what.headers["x-github-event"] == "push" and is_change_at_github(body)
        found = judged(Sample(sample.name, in_sqs(body)), ROUTES["no rule"])
        assert found == ("1 built" if is_change else "ignored"), sample.name


def test_why_githubs_others_are_ignored_names_their_type() -> None:
    for sample in read(public_samples.github):
        (outcome,) = outcomes(sample, ROUTES["no rule"])
        assert isinstance(sample.what, HttpRequest)
        event = sample.what.headers["x-github-event"]
        if event != "push":
            assert isinstance(outcome, Ignored)
            assert event in outcome.why, sample.name


@pytest.mark.parametrize("rules", ROUTES)
def test_the_webhooks_of_other_hosts(rules: str) -> None:
    for sample in read(public_samples.hooks):
        expected = "1 built" if sample.name in CHANGES_OF_HOOKS else "ignored"
        assert judged(sample, ROUTES[rules]) == expected, sample.name


@pytest.mark.parametrize("rules", ROUTES)
def test_the_events_of_aws(rules: str) -> None:
    samples = read(public_samples.aws)
    assert len(samples) > 110
    assert {*CHANGES_OF_AWS, *ERRORS_OF_AWS} <= {sample.name for sample in samples}
    for sample in samples:
        expected = "ignored"
        if sample.name in CHANGES_OF_AWS:
            expected = f"{CHANGES_OF_AWS[sample.name]} built"
        elif sample.name in ERRORS_OF_AWS or is_http(sample.what):
            expected = "error"
        assert judged(sample, ROUTES[rules]) == expected, sample.name


def test_what_an_error_of_a_sample_says() -> None:
    for sample in read(public_samples.aws):
        if says := ERRORS_OF_AWS.get(sample.name):
            (error,) = outcomes(sample, ROUTES["no rule"])
            assert says in str(error)
