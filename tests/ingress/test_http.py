"""HTTP by any front end: read where what was signed can be had, known for what it is where not; and put aside."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.config.schemes import may_be_secret
from holdoff.core.errors import EventError, SignatureError
from holdoff.ingress.events import aside
from holdoff.ingress.events.aside import MOST_LETTER, put_aside, taken_back
from holdoff.ingress.events.envelopes import opened
from holdoff.ingress.events.http import (
    MOST_CONTENT,
    HttpRequest,
    decompressed,
    http_request,
    is_health_check,
    is_http,
    plain_headers,
)
from holdoff.ingress.events.message import Origin
from tests.ingress.shapes import failed_invocation, in_sns, in_sqs, v2
from tests.ingress.signed import FRONT_ENDS, by_load_balancer, by_rest_api, in_disguise, signed

# --- front ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_request_is_the_same_by_any_front_end(front_end: str) -> None:
    for sender in ("github", "url query", "url path", "gitea form"):
        sent = signed(sender)
        event = FRONT_ENDS[front_end](sent)
        assert is_http(event)
        found = http_request(event)
        assert found.but(target=None) == sent


def test_a_query_that_stands_in_the_path_is_taken_off_it() -> None:
    event = FRONT_ENDS["lattice-1"](signed("github")) | {"raw_path": "/hooks/site?a=b"}
    assert (http_request(event).path, http_request(event).query) == ("/hooks/site", "a=b")


def test_several_values_of_a_parameter_are_all_there() -> None:
    sent = signed("github").but(query="a=1&a=2&b=")
    assert http_request(by_rest_api(sent)).query == "a=1&a=2&b="
    event = by_load_balancer(sent) | {"multiValueQueryStringParameters": {"a": ["1", "%32"]}}
    assert http_request(event).query == "a=1&a=%32"


@pytest.mark.parametrize("query", [{"a": 7}, {"a": ["x", None]}, {7: "a"}])
def test_a_broken_query_is_refused(query: object) -> None:
    with pytest.raises(EventError, match=r"event\.queryStringParameters is not an object of names and texts"):
        http_request(by_load_balancer(signed("github")) | {"queryStringParameters": query})


@pytest.mark.parametrize("disguise", in_disguise(signed("github")))
def test_http_in_disguise_is_http_and_cannot_be_read(disguise: str) -> None:
    event = in_disguise(signed("github"))[disguise]
    assert is_http(event)
    with pytest.raises(SignatureError, match=r"does not hand on what was signed\. These do: API Gateway"):
        http_request(event)
    with pytest.raises(EventError):
        opened(event)


@pytest.mark.parametrize("part", ["method", "path"])
def test_a_request_without_a_part_is_none(part: str) -> None:
    event: dict[str, Any] = v2()
    event["requestContext"]["http"].pop(part, None)
    event.pop("rawPath" if part == "path" else "", None)
    assert is_http(event)
    with pytest.raises(SignatureError):
        http_request(event)


@pytest.mark.parametrize(
    "event",
    [
        failed_invocation({"project": "site"}),
        failed_invocation(None),
        # https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
        {"requestContext": {"requestId": "r", "functionArn": "arn:aws:lambda:1"}, "KinesisBatchInfo": {}},
        {"holdoff": "wake", "project": "site"},
        put_aside(signed("github"), Origin(outside=True, scheme="github"), ValueError()),
        {"project": "site", "source_version": "v1"},
        {"requestContext": None},
        {"headers": {}},
        in_sqs({}),
        in_sns({}),
        {},
        [],
        None,
    ],
    ids=lambda event: json.dumps(event)[:40],
)
def test_what_is_not_http(event: object) -> None:
    assert not is_http(event)


@pytest.mark.parametrize("header", ["headers", "multiValueHeaders"])
def test_a_load_balancers_health_check_is_known(header: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#register-lambda"""
    agent = "ELB-HealthChecker/2.0"
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
        "httpMethod": "GET",
        "path": "/",
        header: {"user-agent": agent if header == "headers" else [agent]},
        "body": "",
        "isBase64Encoded": False,
    }
    assert is_http(event)
    assert is_health_check(event)
    assert not is_health_check(event | {"requestContext": {"http": {}}})
    assert not is_health_check(event | {header: {"user-agent": "curl"}})


# --- compressed bodies -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "encoding", "content"),
    [
        (b"{}", "identity", b"{}"),
        (gzip.compress(b"{}"), "gzip", b"{}"),
        (gzip.compress(b"{") + gzip.compress(b"}"), "gzip", b"{}"),
        (b"{}", "gzip", b"{}"),  # a front end has decompressed it, and left the header
        (b"", "gzip", b""),
        (zlib.compress(b"{}"), "deflate", b"{}"),
        (zlib.compress(b"{}")[2:-4], "deflate", b"{}"),
        (gzip.compress(b"x" * MOST_CONTENT), "gzip", b"x" * MOST_CONTENT),
        # https://github.com/expressjs/body-parser/issues/100: a sender's charset
        (b"{}", "utf-8", b"{}"),
        (b"{}", "", b"{}"),
        (b"\x8b", "br", b"\x8b"),
    ],
    ids=range(11),
)
def test_what_was_compressed_is_as_it_was(sent: bytes, encoding: str, content: bytes) -> None:
    assert decompressed(sent, encoding) == content


@pytest.mark.parametrize(
    ("sent", "encoding", "message"),
    [
        (gzip.compress(b"x" * (MOST_CONTENT + 1)), "gzip", f"more than {MOST_CONTENT} bytes once it is decompressed"),
        (gzip.compress(b"x" * MOST_CONTENT) + gzip.compress(b"x"), "gzip", f"more than {MOST_CONTENT} bytes"),
        (gzip.compress(b"{}")[:-1], "gzip", "is called gzip and is none"),
        (gzip.compress(b"{}") + b"x", "gzip", "is called gzip and is none"),
        (b"{}", "deflate", "is called deflate and is none"),
    ],
    ids=range(5),
)
def test_what_is_too_much_or_nothing_is_refused(sent: bytes, encoding: str, message: str) -> None:
    with pytest.raises(EventError, match=message):
        decompressed(sent, encoding)


@given(st.binary(max_size=80), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_are_content_or_an_error_of_ours(sent: bytes, encoding: str) -> None:
    for given_bytes in (sent, b"\x1f\x8b" + sent, b"\x78\x9c" + sent):
        try:
            decompressed(given_bytes, encoding)
        except EventError as error:
            assert error.missing == "body"


# --- headers ---------------------------------------------------------------------------------------


SECRET = """
authorization proxy-authorization cookie set-cookie x-gitlab-token x-hub-signature x-hub-signature-256 apikey api_key
x-api-key x-rapidapi-key ocp-apim-subscription-key x-functions-key x-password x-passphrase x-pwd x-pw x-auth-user
x-jwt-assertion cf-access-jwt-assertion x-goog-iap-jwt-assertion x-amz-security-token x-amzn-oidc-data phpsessid
x-amzn-oidc-accesstoken x-forwarded-access-token x-ms-client-principal-credential x-credentials x-session-id x-sid
x-otp x-pin x-csrf-token x-xsrf x-saml-response x-hmac x-mac x-nonce x-client-cert x-private x-ticket x-bearer
x-holdoff-secret webhook-signature svix-signature x-contentful-signature x-webhook-sig x-ms-client-principal
x-user-claims x-okta-verification-challenge x-verify-code x-totp x-mfa x-2fa
"""
PLAIN = """
user-agent content-type content-length host accept x-request-id x-github-event x-github-delivery x-github-hook-id
x-gitlab-event x-gitlab-event-uuid x-gitlab-instance x-gitea-event x-event-key x-hook-uuid x-attempt-number
webhook-id webhook-timestamp svix-id x-contentful-topic x-contentful-idempotency-key idempotency-key sanity-operation
sanity-webhook-id x-storyblok-topic x-forwarded-for x-forwarded-proto x-amzn-trace-id x-acme-kind
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_header_that_may_hold_a_secret_is_handed_to_nothing(name: str) -> None:
    assert may_be_secret(name)
    assert plain_headers(signed("github").but(headers={name: "s", "x-event-key": "k"})) == {"x-event-key": "k"}


@pytest.mark.parametrize("name", PLAIN.split())
def test_what_tells_events_apart_is_handed_to_rules(name: str) -> None:
    assert not may_be_secret(name)


# --- put aside -------------------------------------------------------------------------------------

ORIGIN = Origin(outside=True, scheme="github", projects=("site",))


def aside_and_back(request: HttpRequest, origin: Origin = ORIGIN) -> tuple[HttpRequest, Origin]:
    """By a queue's message, as the function writes it."""
    text = json.dumps(put_aside(request, origin, ValueError("x" * 10_000)))
    assert len(text.encode()) <= MOST_LETTER
    return taken_back(json.loads(text))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", "{'ä': '\ud7ff'}".encode(), b"\xff\x00\x1f", b"x" * 100_001, bytes(range(256)) * 8_000],
    ids=["empty", "json", "unicode", "bytes", "large", "6 MB"],
)
@pytest.mark.parametrize("origin", [ORIGIN, Origin(outside=True, scheme="secret")], ids=["bound", "unbound"])
def test_what_was_put_aside_comes_back_as_it_was(body: bytes, origin: Origin) -> None:
    headers = {"x-github-event": "push", "content-type": "application/json", "x-api-key": "hunter2"}
    request = HttpRequest(method="POST", path="/hooks/site", headers=headers, body=body)
    back, its_origin = aside_and_back(request, origin)
    assert its_origin == origin
    assert (back.method, back.path, back.body) == ("POST", "/hooks/site", body)
    assert back.headers == {"x-github-event": "push", "content-type": "application/json"}
    assert "hunter2" not in json.dumps(put_aside(request, origin, ValueError()))


def test_what_is_too_large_to_be_kept_says_so() -> None:
    body = b"".join(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(40_000))  # nothing to compress
    for headers in ({"x-github-event": "push"}, {"x-long": "x" * MOST_LETTER}):
        letter = put_aside(HttpRequest(method="POST", path="/", headers=headers, body=body), ORIGIN, ValueError("why"))
        assert len(json.dumps(letter)) <= MOST_LETTER
        assert isinstance(letter["request"], dict)
        assert letter["request"]["left_out"] == len(body)
        with pytest.raises(
            EventError, match=r"event\.request\.body was too large to be kept\. Deliver the webhook again at its sender"
        ):
            opened(letter)


def test_a_letter_has_the_power_it_had_whichever_way_it_comes() -> None:
    letter = put_aside(signed("github"), ORIGIN, ValueError())
    for event in (letter, in_sqs(letter), failed_invocation(letter), in_sqs(failed_invocation(letter))):
        (message,) = opened(event)
        assert message.origin == ORIGIN
        assert message.envelopes["http"]["headers"]["x-github-event"] == "push"
    assert [one.origin.scheme for one in opened(in_sns(letter))] == [None]  # the function never writes to a topic


PACKED = {"headers": {"content-encoding": "gzip"}}


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("origin", {"scheme": None}),
        ("origin", {"projects": "site"}),
        ("origin", {"projects": [7]}),
        ("request", {"headers": None}),
        ("request", {"headers": {"a": 7}}),
        ("request", {"body": 7}),
        ("request", {"body": "%", "isBase64Encoded": True}),
        ("request", {"body": base64.b64encode(b"\x1f\x8bx").decode(), "isBase64Encoded": True, **PACKED}),
        ("request", {"method": None}),
        ("request", {"path": 7}),
    ],
    ids=str,
)
def test_a_letter_that_a_person_spoilt_is_refused(part: str, changes: dict[str, object]) -> None:
    letter: dict[str, Any] = put_aside(signed("github"), ORIGIN, ValueError())
    for spoilt in (letter | {part: letter[part] | changes}, letter | {part: None}, {"holdoff": "webhook"}):
        with pytest.raises(EventError):
            opened(spoilt)


def test_an_error_in_a_letter_is_short() -> None:
    letter = put_aside(signed("github"), ORIGIN, ValueError("x" * 10_000))
    assert len(str(letter["error"])) <= 1_000
    assert letter["holdoff"] == aside.ASIDE
