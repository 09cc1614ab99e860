"""A custom resource of CloudFormation builds nothing, and its stack does not hang."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock
from urllib.request import Request

import pytest

from holdoff.ingress import custom_resource
from tests.ingress.function import Stage
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://cloudformation-custom-resource-response-useast2.s3-us-east-2.amazonaws.com/arn%3Aaws?X-Amz-Signature=x"


def asked(kind: str, **more: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html"""
    return {
        "RequestType": kind,
        "ResponseURL": URL,
        "StackId": "arn:aws:cloudformation:us-east-2:123456789012:stack/site/1",
        "RequestId": "r1",
        "LogicalResourceId": "Build",
        "ResourceType": "Custom::Build",
        "ResourceProperties": {},
        **more,
    }


@pytest.mark.parametrize(("kind", "status"), [("Create", "FAILED"), ("Update", "FAILED"), ("Delete", "SUCCESS")])
def test_the_stack_is_answered(kind: str, status: str) -> None:
    sent: list[Request] = []
    said = custom_resource.answer(asked(kind, PhysicalResourceId="p1"), sent.append)
    assert status in said
    (request,) = sent
    assert (request.full_url, request.get_method()) == (URL, "PUT")
    assert isinstance(request.data, bytes)
    answer = json.loads(request.data)
    assert (answer["Status"], answer["PhysicalResourceId"], answer["LogicalResourceId"]) == (status, "p1", "Build")
    assert answer["StackId"] == asked(kind)["StackId"]


@pytest.mark.parametrize(
    "url",
    [
        "http://cloudformation-custom-resource-response-useast2.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast2.s3.amazonaws.com.evil.example/x",
        "https://evil.example/cloudformation-custom-resource-response-useast2.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast2.s3.amazonaws.com@evil.example/x",
        "http://169.254.169.254/",
    ],
)
def test_nothing_is_sent_anywhere_else(url: str) -> None:
    sent: list[Request] = []
    assert "another place" in custom_resource.answer(asked("Delete", ResponseURL=url), sent.append)
    assert sent == []


def test_an_answer_that_is_not_taken_is_sent_again() -> None:
    def refuse(_request: Request) -> None:
        raise OSError("no route")

    with pytest.raises(OSError, match=r"did not take an answer \(no route\); deliver the event again"):
        custom_resource.answer(asked("Delete"), refuse)


def test_an_answer_that_is_not_taken_is_in_the_log(
    standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an error that may pass: the line said ``retryable: false``, and asked for the event again."""
    stage = Stage(standin, tmp_path)
    monkeypatch.setattr(custom_resource, "urlopen", Mock(side_effect=OSError("no route")))
    with pytest.raises(OSError, match="no route"):
        stage.send(asked("Delete"))
    line = stage.lines[-1]
    assert line["message"] == "CloudFormation did not take an answer (no route); deliver the event again"
    assert line.get("retryable") is not False


def test_it_builds_nothing(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = Stage(standin, tmp_path)
    assert "ignored" in stage.send(asked("Delete", ResponseURL="https://example.com/x"))
    assert stage.built == []
    assert stage.lines[-1]["event"] == "ignored"
