"""The table of errors: each name in one row, each hint complete, and what is in no row not known."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from holdoff.aws.errors import (
    ANSWERS,
    FAILURES,
    WORDS,
    Cause,
    Target,
    Tried,
    denied_hint,
    describe,
    hint,
    is_denied,
    row_of,
    verdict,
)
from holdoff.core.errors import Verdict

TARGET = Target(service="CodeBuild", name="site-build", region=None, resource="arn:x", missing="Make one")


def answer(code: str, status: int = 400, operation: str = "StartBuild", said: str = "So.") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation
    )


def test_each_name_stands_in_one_row() -> None:
    names = Counter(name for row in (*ANSWERS, *FAILURES) for name in row.names.split())
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("row", [*ANSWERS, *FAILURES, *WORDS.values()], ids=lambda row: row.names or row.hint)
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
        (answer("InvalidInputException"), Tried(), Verdict.NEVER),
        (answer("New"), Tried(), Verdict.UNKNOWN),
        (answer("New", operation="AssumeRole"), Tried(), Verdict.NEVER),
        (EndpointConnectionError(endpoint_url="x"), Tried(), Verdict.NOT_NOW),
        (ReadTimeoutError(endpoint_url="x"), Tried(), Verdict.UNKNOWN),
        (KeyError("x"), Tried(), Verdict.UNKNOWN),
        (KeyError("x"), Tried(sent=False), Verdict.NEVER),
    ],
)
def test_what_an_error_says_of_the_work(error: Exception, tried: Tried, says: Verdict) -> None:
    assert verdict(error, tried) is says


def test_a_missing_right_is_told_apart() -> None:
    assert is_denied(answer("AccessDenied"))
    assert not is_denied(answer("ThrottlingException"))
    assert not is_denied(None)
    row = row_of(answer("AccessDenied"))
    assert row is not None
    assert row.cause is Cause.DENIED
    assert hint(row, TARGET, "StartBuild") == "Allow codebuild:StartBuild on arn:x"


USER = "User: arn:aws:sts::123456789012:assumed-role/fn/fn is not authorized to perform: "
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0d1c"
ROLE = "arn:aws:iam::222222222222:role/start-builds"
CIPHERTEXT = "The ciphertext refers to a customer master key that does not exist, or you are not allowed to access"
#: What services say, https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html and issues of the
#: CDK; and what is to be done.
REFUSALS = {
    "nothing more": ("No", "Allow dynamodb:UpdateItem on table builds"),
    "the resource": (
        f"{USER}dynamodb:Query on resource: arn:x because no identity-based policy allows the dynamodb:Query action",
        "Allow dynamodb:Query on arn:x",
    ),
    "a key": (
        f"{USER}kms:Decrypt on resource: {KEY} because no identity-based policy allows the kms:Decrypt action",
        f"Allow kms:Decrypt on {KEY}, in the policy of this process and in the key's own",
    ),
    "a key of DynamoDB's": (
        f"KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: {CIPHERTEXT}",
        "Allow kms:Decrypt on the KMS key of table builds, in",
    ),
    "a key of SSM's": (CIPHERTEXT, "Allow kms:Decrypt on the KMS key of table builds, in"),
    "a key of Secrets Manager's": (
        "Access to KMS is not allowed",
        "Allow kms:Decrypt on the KMS key of table builds, in",
    ),
    "an organisation's deny": (
        f"{USER}codebuild:StartBuild on resource: arn:x with an explicit deny in a service control policy: arn:aws:o",
        "Take codebuild:StartBuild on arn:x out of the deny in the service control policy",
    ),
    "a deny for a key": (
        f"{USER}kms:Decrypt on resource: {KEY} with an explicit deny in a resource-based policy",
        f"Take kms:Decrypt on {KEY} out of the deny in the resource-based policy",
    ),
    "an older deny": (f"{USER}a:B on resource: arn:x with an explicit deny", "Take a:B on arn:x out of that deny"),
    "a boundary": (
        f"{USER}a:B on resource: arn:x because no permissions boundary allows the a:B action",
        "Allow a:B on arn:x in the permissions boundary, too",
    ),
    "an endpoint": (
        f"{USER}a:B on resource: arn:x because no VPC endpoint policy allows the a:B action",
        "Allow a:B on arn:x in the VPC endpoint policy, too",
    ),
    "a role": (
        f"{USER}sts:AssumeRole on resource: {ROLE}",
        f"Allow sts:AssumeRole on {ROLE} to this process, and let that role's trust policy name it",
    ),
    "a table named for its key": (
        f"{USER}dynamodb:Query on resource: arn:aws:dynamodb:x:1:table/kms-builds",
        "Allow dynamodb:Query on arn:aws:dynamodb:x:1:table/kms-builds",
    ),
}


@pytest.mark.parametrize(("said", "advice"), REFUSALS.values(), ids=REFUSALS)
def test_the_service_s_words_say_which_right_is_missing_where(said: str, advice: str) -> None:
    row = row_of(answer("AccessDeniedException"))
    table = TARGET.but(service="DynamoDB", resource="table builds")
    got = hint(row, table, "UpdateItem", f"AccessDeniedException: {said}") or ""
    assert got.startswith(advice)
    assert denied_hint(f"AccessDeniedException: {said}", "dynamodb:UpdateItem", "table builds") == got


@pytest.mark.parametrize("code", ["KmsAccessDenied", "KMS.AccessDeniedException", "KmsDisabled", "DecryptionFailure"])
def test_a_code_of_a_key_is_a_missing_right_on_it(code: str) -> None:
    error = answer(code)
    assert is_denied(error)
    assert "kms:Decrypt on the KMS key of arn:x" in str(hint(row_of(error), TARGET, "SendMessage", describe(error)))


def test_a_role_s_missing_right_is_that_role_s() -> None:
    got = hint(row_of(answer("AccessDenied")), TARGET.but(role=ROLE), "StartBuild")
    assert got == f"Allow codebuild:StartBuild on arn:x to {ROLE}"
    own = hint(row_of(answer("ExpiredToken")), TARGET, "StartBuild")
    assert own == hint(row_of(answer("ExpiredToken")), TARGET.but(role=ROLE), "StartBuild")


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        ("AccessDenied", 403, Cause.CREDENTIALS),
        ("ExpiredTokenException", 400, Cause.CREDENTIALS),
        ("ValidationError", 400, Cause.CREDENTIALS),
        ("InternalFailure", 500, Cause.CREDENTIALS),
        ("Throttling", 400, Cause.SLOW_DOWN),
    ],
)
def test_whoever_lends_credentials_says_nothing_of_the_work(code: str, status: int, cause: Cause) -> None:
    error = answer(code, status, operation="AssumeRole")
    row = row_of(error)
    assert row is not None
    assert row.cause is cause
    assert verdict(error, Tried(sent=False)) is row.verdict


def test_an_error_in_one_line() -> None:
    assert describe(answer("Busy")) == "Busy: So"
    assert describe(answer("Busy", 503)) == "HTTP 503 Busy: So"
    assert describe(answer("Busy", said="Two\nlines.\n")) == "Busy: Two lines"
    signed = "Not so. See it.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nhost:x\n"
    assert describe(answer("X", said=f"{signed}x-amz-security-token:SESSION\n'")) == "X: Not so. See it"
    assert describe(ValueError("two\nlines.")) == "two lines"
    assert describe(ValueError()) == "ValueError"
    assert describe(KeyError("build")) == "the answer is not the service's: it has no 'build'"


def test_an_answer_without_a_code_or_a_message_is_told_without() -> None:
    assert describe(answer("503", 503)) == "HTTP 503: So"
    assert describe(answer("503", 503, said="")) == "HTTP 503"
    bare = ClientError({"Error": {"Code": None, "Message": None}, "ResponseMetadata": {}}, "StartBuild")
    assert (describe(bare), row_of(bare)) == ("", None)


def test_advice_names_what_is_known_and_nothing_more() -> None:
    unreachable = row_of(EndpointConnectionError(endpoint_url="x"))
    assert "name (this process's region)" in str(hint(unreachable, TARGET, "StartBuild"))
    assert "name (eu-west-1)" in str(hint(unreachable, TARGET.but(region="eu-west-1"), "StartBuild"))
    assert [str(TARGET), str(TARGET.but(region="eu-west-1"))] == ["site-build", "site-build in eu-west-1"]
    for row in (None, row_of(answer("ResourceInUseException"))):
        assert hint(row, TARGET, "StartBuild") is None
    said = "User: me is not authorized to perform: codebuild:StartBuild on resource: arn:aws:x:y."
    assert denied_hint(said, "codebuild:StartBuild", "it") == "Allow codebuild:StartBuild on arn:aws:x:y"
    assert str(hint(row_of(answer("ExpiredToken", operation="AssumeRole")), TARGET, "StartBuild")).startswith("Renew")
