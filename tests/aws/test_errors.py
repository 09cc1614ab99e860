"""The table of errors: each name in one row, each hint complete, and what is in no row not known."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from holdoff.aws.errors import (
    ANSWERS,
    FAILURES,
    Cause,
    Target,
    Tried,
    Verdict,
    describe,
    hint,
    is_denied,
    row_of,
    verdict,
)

TARGET = Target(service="CodeBuild", name="site-build", region=None, resource="arn:x", missing="Make one")


def answer(code: str, status: int = 400, operation: str = "StartBuild") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "So."}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation
    )


def test_each_name_stands_in_one_row() -> None:
    names = Counter(name for row in (*ANSWERS, *FAILURES) for name in row.names.split())
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("row", [*ANSWERS, *FAILURES], ids=lambda row: row.names.split()[0])
def test_each_hint_is_complete(row: object) -> None:
    advice = hint(row, TARGET, "StartBuild")  # type: ignore[arg-type]
    assert advice is None or "{" not in advice


@pytest.mark.parametrize(
    ("error", "tried", "says"),
    [
        (answer("AccessDeniedException"), Tried(), Verdict.NEVER),
        (answer("AccessDeniedException"), Tried(in_doubt=True), Verdict.UNKNOWN),
        (answer("AccessDeniedException", 503), Tried(), Verdict.UNKNOWN),
        (answer("ThrottlingException"), Tried(), Verdict.NOT_NOW),
        (answer("InvalidInputException"), Tried(), Verdict.LOOK),
        (answer("New"), Tried(), Verdict.UNKNOWN),
        (answer("New", operation="AssumeRole"), Tried(), Verdict.NEVER),
        (EndpointConnectionError(endpoint_url="x"), Tried(), Verdict.NOT_NOW),
        (ReadTimeoutError(endpoint_url="x"), Tried(), Verdict.UNKNOWN),
        (KeyError("x"), Tried(), Verdict.UNKNOWN),
        (KeyError("x"), Tried(sent=False), Verdict.NEVER),
    ],
)
def test_what_an_error_says_of_the_work(error: Exception, tried: Tried, says: Verdict) -> None:
    assert verdict(error, tried, "StartBuild") is says


def test_a_missing_right_is_told_apart() -> None:
    assert is_denied(answer("AccessDenied"))
    assert not is_denied(answer("ThrottlingException"))
    assert not is_denied(None)
    row = row_of(answer("AccessDenied"))
    assert row is not None
    assert row.cause is Cause.DENIED
    assert hint(row, TARGET, "StartBuild") == "Allow codebuild:StartBuild on arn:x"


def test_an_error_in_one_line() -> None:
    assert describe(answer("Busy")) == "Busy: So"
    assert describe(answer("Busy", 503)) == "HTTP 503 Busy: So"
    assert describe(ValueError("two\nlines.")) == "two lines"
    assert describe(ValueError()) == "ValueError"
