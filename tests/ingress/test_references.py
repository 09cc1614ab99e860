"""Secrets by reference: fetched once, kept for a while, and never told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from holdoff.config import read
from holdoff.core.errors import ConfigError, HoldoffError, StoreUnavailable
from holdoff.ingress.settings import Settings
from holdoff.references import FAILED_MS, KEPT_MS, References

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct horse battery staple"


class Services:
    """The seam: answers for SSM and Secrets Manager, in turn; remembers what it was asked."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, service: str) -> Services:
        self.asked.append(service)
        return self

    def get_parameter(self, **asked: Any) -> dict[str, Any]:
        assert asked["WithDecryption"]
        return {"Parameter": {"Name": asked["Name"], "Value": self._next()}}

    def get_secret_value(self, **asked: Any) -> dict[str, Any]:
        return {"Name": asked["SecretId"], "SecretString": self._next()}

    def _next(self) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(code: str, said: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": said}}, "Get")


KEY = "arn:aws:kms:eu-west-1:123456789012:key/0d1c"
USER = "User: arn:aws:sts::1:assumed-role/fn/fn is not authorized to perform: "


def value(references: References, reference: str, now_ms: int = 0) -> str:
    return references.value(reference, now_ms, field="webhooks.github")


def test_the_environment() -> None:
    assert value(References({"GITHUB": SECRET}), "env:GITHUB") == SECRET


def test_a_file_is_read_each_time_from_the_folder_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one that a rotation writes anew is taken up at once. ``~`` is the home, as in all settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    references, file = References({}), tmp_path / "a secret"
    for text in (SECRET, "rotated"):
        file.write_text(f"\ufeff{text}\n")
        assert references.value("file:a secret", 0, field="token", folder=str(tmp_path)) == text
        assert value(references, f"file:{file}") == value(references, "file:~/a secret") == text


@pytest.mark.parametrize("what", ["nothing", "a folder", "empty", "no UTF-8"])
def test_a_file_without_a_secret_in_it(tmp_path: Path, what: str) -> None:
    file = tmp_path / "there"
    if what == "a folder":
        file.mkdir()
    elif what != "nothing":
        file.write_bytes(b"" if what == "empty" else b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match=r"webhooks\.github is file:\S+, a file that is not there, not readable"):
        value(References({}), f"file:{file}")


def test_webhooks_take_files_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "github").write_text(SECRET)
    (tmp_path / "holdoff.toml").write_text('[webhooks]\ngithub = "file:github"')
    webhooks = Settings({}).webhooks(read(tmp_path / "holdoff.toml"), 0)
    assert [one.fetch() for one in webhooks.secrets["github"]] == [SECRET]


@pytest.mark.parametrize("around", ["\n", " ", "\r\n", "\t \n", "\ufeff"], ids=repr)
def test_white_space_around_a_secret_is_none_of_it(around: str) -> None:
    """A file's last newline, and what comes along when a person copies."""
    for text in (SECRET + around, around + SECRET, f"{around}{SECRET}{around}"):
        assert value(References({"A": text}, Services(text)), "env:A") == SECRET
        assert value(References({}, Services(text)), "ssm:a") == SECRET
    with pytest.raises(ConfigError, match=r"webhooks\.github is env:A, a variable that is not set or empty; write"):
        value(References({"A": around}), "env:A")


@pytest.mark.parametrize("reference", ["ssm:/holdoff/github", "secretsmanager:holdoff/github"])
def test_a_service_is_asked_once_in_a_while(reference: str) -> None:
    services = Services(SECRET, "rotated")
    references = References({}, services)
    assert [value(references, reference, at) for at in (0, KEPT_MS - 1)] == [SECRET] * 2
    assert value(references, reference, KEPT_MS) == "rotated"
    assert services.asked == [reference.partition(":")[0]] * 2


@pytest.mark.parametrize("failure", [ConnectTimeoutError(endpoint_url="x"), refused("AccessDeniedException")])
def test_a_failure_is_kept_for_a_moment(failure: Exception) -> None:
    """Each request of a stranger made a call, for which other senders waited."""
    services = Services(failure, SECRET)
    references = References({}, services)
    for now_ms in (0, 1, FAILED_MS - 1):
        with pytest.raises(HoldoffError):
            value(references, "ssm:/github", now_ms)
    assert services.asked == ["ssm"]
    assert value(references, "ssm:/github", FAILED_MS) == SECRET


def test_one_asks_again_at_a_time_however_long_it_takes() -> None:
    """A call that waits for its time-out takes longer than its failure is kept."""
    services, met = Services(ConnectTimeoutError(endpoint_url="x")), list[str]()

    def meanwhile(service: str) -> Services:
        """Another thread's question, while this one's call is under way."""
        if met:
            with pytest.raises(StoreUnavailable):
                value(references, "ssm:/github", FAILED_MS + 1)
            services.answers.append(SECRET)
        met.append(service)
        return services

    references = References({}, meanwhile)
    with pytest.raises(StoreUnavailable):
        value(references, "ssm:/github")
    assert value(references, "ssm:/github", FAILED_MS) == SECRET
    assert met == ["ssm"] * 2


def test_a_failure_is_not_kept_until_a_clock_that_was_set_back_is_there_again() -> None:
    """What AWS refuses for a clock that is ahead, it gives once that is put right."""
    references = References({}, Services(refused("InvalidSignatureException"), SECRET))
    with pytest.raises(HoldoffError):
        value(references, "ssm:/github", 3_600_000)
    assert value(references, "ssm:/github", 0) == SECRET


def test_while_the_service_is_silent_the_old_one_holds() -> None:
    references = References({}, Services(SECRET, ConnectTimeoutError(endpoint_url="http://x")))
    assert [value(references, "ssm:a", at) for at in (0, KEPT_MS)] == [SECRET] * 2


@pytest.mark.parametrize("code", ["ParameterNotFound", "AccessDeniedException"])
def test_a_secret_that_is_deleted_or_withdrawn_is_not_used_any_more(code: str) -> None:
    references = References({}, Services(SECRET, refused(code)))
    assert value(references, "ssm:a") == SECRET
    with pytest.raises(ConfigError):
        value(references, "ssm:a", KEPT_MS)


@pytest.mark.parametrize("reference", ["ssm:/holdoff/github", "secretsmanager:holdoff/github"])
def test_a_page_of_a_proxy_is_no_empty_secret(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore takes a 200 with any body for an empty answer. The old secret holds."""
    services = Services(SECRET)
    references = References({}, services)
    assert value(references, reference) == SECRET
    for name in ("get_parameter", "get_secret_value"):
        monkeypatch.setattr(services, name, lambda **_: {"ResponseMetadata": {"HTTPStatusCode": 200}})
    assert value(references, reference, KEPT_MS) == SECRET


def test_a_silent_service_and_nothing_from_before() -> None:
    references = References({}, Services(refused("ThrottlingException")))
    with pytest.raises(StoreUnavailable, match=r"webhooks\.github: ssm:a could not be read"):
        value(references, "ssm:a")


@pytest.mark.parametrize(
    ("reference", "answer", "said"),
    [
        ("correct horse", "", "'env:NAME', 'file:PATH', 'ssm:NAME' or"),
        ("env:", "", "'env:NAME', 'file:PATH', 'ssm:NAME' or"),
        ("env:NOWHERE", "", "env:NOWHERE, a variable that is not set or empty; write"),
        ("secretsmanager:a", "", "secretsmanager:a, where nothing is"),
        (
            "secretsmanager:a",
            '{"github": "s3cr3t"}',
            "secretsmanager:a, a secret of key/value pairs; write the name of",
        ),
        (
            "secretsmanager:a",
            '{\n  "github": "s3cr3t"\n}\n',
            "secretsmanager:a, a secret of key/value pairs; write the name of",
        ),
        (
            "ssm:/aws/reference/secretsmanager/a",
            '{ "github": "s3cr3t" }',
            "ssm:/aws/reference/secretsmanager/a, a secret of key/value pairs; write the name of",
        ),
        ("ssm:a", refused("ParameterNotFound"), "a parameter that exists"),
        ("secretsmanager:a", refused("ResourceNotFoundException"), "a secret that exists"),
        ("ssm:a", refused("AccessDeniedException"), "grant ssm:GetParameter"),
        (
            "secretsmanager:a",
            refused("AccessDeniedException"),
            "grant secretsmanager:GetSecretValue",
        ),
        (
            "ssm:a",
            refused(
                "AccessDeniedException", f"{USER}ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:1:parameter/a"
            ),
            "grant ssm:GetParameter",
        ),
        (
            "ssm:a",
            refused("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist"),
            "Allow kms:Decrypt on the KMS key of ssm:a, in the policy of this process and in the key's own",
        ),
        (
            "ssm:a",
            refused("AccessDeniedException", f"{USER}kms:Decrypt on resource: {KEY} with an explicit deny"),
            f"Take kms:Decrypt on {KEY} out of that deny",
        ),
        (
            "secretsmanager:a",
            refused("AccessDeniedException", "Access to KMS is not allowed"),
            "Allow kms:Decrypt on the KMS key of secretsmanager:a, in",
        ),
    ],
)
def test_what_is_wrong_is_named(reference: str, answer: str | Exception, said: str) -> None:
    with pytest.raises(ConfigError, match=r"webhooks\.github is ") as caught:
        value(References({}, Services(answer)), reference)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_no_error_tells_the_value() -> None:
    references = References({"A": SECRET, "B": SECRET})
    for reference in ("env:C", "A", "ssm", SECRET, f"{SECRET}:{SECRET}", "file:s3cr3t-Zx9"):
        with pytest.raises(HoldoffError) as caught:
            value(references, reference)
        assert not any(secret in f"{caught.value!r} {caught.value}" for secret in (SECRET, "s3cr3t"))
    assert SECRET not in repr(references)


@pytest.mark.ministack
def test_the_services_themselves(ministack_url: str, aws_env: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack_url)
    boto3.client("ssm").put_parameter(Name="/holdoff/ref", Value=SECRET, Type="SecureString")
    boto3.client("secretsmanager").create_secret(Name="holdoff/ref", SecretString=SECRET)
    references = References({})
    assert value(references, "ssm:/holdoff/ref") == SECRET
    assert value(references, "secretsmanager:holdoff/ref") == SECRET
    with pytest.raises(ConfigError, match="a parameter that exists"):
        value(references, "ssm:/holdoff/nowhere")
    with pytest.raises(ConfigError, match="a secret that exists"):
        value(references, "secretsmanager:holdoff/nowhere")
