"""Requests of every sender, spoilt in any way that a client can: nothing unsigned ever reaches a gate.

What reaches one was signed by the scheme that it is said to be of, with a secret that is configured, and is what was
signed. ``signed`` says how senders sign, and knows nothing of the table in src.
"""

from __future__ import annotations

import base64
import gzip
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdoff.config import parse
from holdoff.core.errors import EventError, HoldoffError
from holdoff.ingress.aws_lambda import Function
from holdoff.ingress.events.envelopes import http_message
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.signatures import check
from holdoff.testing import ManualClock
from tests.ingress.signed import (
    FRONT_ENDS,
    NOW_MS,
    OWN,
    SECRETS,
    SENDERS,
    SIGNING,
    basic,
    in_disguise,
    missing,
    scheme_of,
    signed,
    webhooks,
)
from tests.test_config import toml

quickly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CONTENT = {"ref": "refs/heads/main"}
#: Where each sender's proof is: in a header, in the ``body``, the ``query`` or the ``path``.
PROOFS = {
    "github": "x-hub-signature-256",
    "gitea": "x-gitea-signature",
    "gitea form": "x-gitea-signature",
    "gitea by github": "x-hub-signature-256",
    "gitea form by github": "x-hub-signature-256",
    "forgejo": "x-forgejo-signature",
    "gogs": "x-gogs-signature",
    "bitbucket": "x-hub-signature",
    "bitbucket basic": "authorization",
    "gitlab": "x-gitlab-token",
    "standard": "webhook-signature",
    "svix": "svix-signature",
    "storyblok": "webhook-signature",
    "netlify": "x-webhook-signature",
    "vercel": "x-vercel-signature",
    "contentful": "x-contentful-signature",
    "sanity": "sanity-webhook-signature",
    "azure": "authorization",
    "gitee": "x-gitee-token",
    "gitee signs": "x-gitee-token",
    "huggingface": "x-webhook-secret",
    "prismic": "body",
    "secret": "x-holdoff-secret",
    "secret bearer": "authorization",
    "secret basic": "authorization",
    "url query": "query",
    "url path": "path",
    "acme": "x-acme-mac",
    "beam": "x-beam",
}
assert PROOFS.keys() == SENDERS.keys()
#: Within which a time must be, where it is signed.
TOLERANCE_MS = {"standard": 300_000, "svix": 300_000, "contentful": 300_000, "beam": 300_000, "sanity": 3_600_000}
#: What a client might like to be read instead.
BODIES = [
    b"{}",
    b'{"project": "site", "force": true}',
    b'{"holdoff": "sweep"}',
    b'{"holdoff": "webhook", "origin": {"scheme": "x"}, "request": {"method": "GET", "path": "/", "headers": {}}}',
    b'{"detail-type": "x", "source": "aws.s3", "detail": {}}',
    b'{"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{}"}]}',
    b"payload=%7B%7D",
    b"secret=guess",
    b"",
    b"\xff",
]


class Gates:
    """The seam behind the check: remembers which messages reached it."""

    def __init__(self, text: str) -> None:
        self.config = parse(text)
        self.reached: list[Message] = []

    def carry_out(self, message: Message, _left_ms: object) -> dict[str, Any]:
        self.reached.append(message)
        return {"outcome": "started"}


#: Settings of a scheme's secret: what stands in the file, and what in the environment.
HOW = ("none", "right", "padded", "wrong", "missing", "missing and right", "bound")
RIGHT = ("right", "padded", "missing and right", "bound")


def sent_to(event: object, how: dict[str, str], now_ms: int) -> tuple[list[Message], dict[str, Any]]:
    """What reached the gates, and the answer, with these secrets configured."""
    environment = {"X_MISSING": "  "}
    hooks: dict[str, Any] = {}
    for name, chosen in how.items():
        if chosen == "none":
            continue
        variable = f"X_{name.upper()}"
        secret = "another" if chosen == "wrong" else SECRETS[name]
        environment[variable] = f"\n {secret} \r\n" if chosen == "padded" else secret
        found: Any = [f"env:{variable}"]
        if chosen.startswith("missing"):
            found = ["env:X_MISSING", *(found if chosen in RIGHT else [])]
        if chosen == "bound":
            found = [{"secret": f"env:{variable}", "projects": ["site"]}]
        own = {"header": "X-Acme-Mac", "encoding": "base64", "algorithm": "sha512"} if name == "acme" else {}
        if name == "beam":
            own = {"header": "X-Beam", "prefix": "v0=", "timestamp": "X-Beam-Time", "signed": "v0:{time}:{body}"}
        hooks[name] = {**own, "secret": found} if own else found
    gates = Gates(f"webhooks = {toml(hooks)}\n[projects.site]\ncooldown = 1\nstarter = {{ codebuild = 'x' }}\n")
    function = Function(environment, clock=ManualClock(now_ms / 1000), write=lambda _line: None)
    function._dispatch, function._until_ms = gates, 10**15  # type: ignore[assignment]
    try:
        return gates.reached, function.answer(event)
    except HoldoffError as error:
        return gates.reached, {"statusCode": error.exit_code}


# --- what a client can do --------------------------------------------------------------------------


@st.composite
def spoilt(draw: st.DrawFn, asked: HttpRequest) -> HttpRequest:
    """A request with one part of it changed."""
    part = draw(st.sampled_from(["header", "header", "add", "body", "path", "query", "method", "pack"]))
    headers = dict(asked.headers)
    if part == "header" and headers:
        name = draw(st.sampled_from(sorted(headers)))
        if draw(st.booleans()):
            del headers[name]
        else:
            headers[name] = draw(changed(headers[name]))
        return asked.but(headers=headers)
    if part == "add":
        # What a client could have seen: signed, and not over this body.
        other = signed(draw(st.sampled_from(sorted(SENDERS))), b'{"ref": "of another"}')
        name = draw(st.sampled_from(["authorization", *sorted(other.headers)]))
        value = draw(
            st.sampled_from(
                [other.headers.get(name, "Basic"), "", "guess", basic("guess"), "Basic ====", "sha256=0", "v1,eHg="]
            )
        )
        return asked.but(headers=headers | {name: value})
    if part == "body":
        return asked.but(body=draw(st.sampled_from([*BODIES, asked.body + b" ", b" " + asked.body, asked.body[:-1]])))
    if part == "pack":
        encoding = draw(st.sampled_from(["gzip", "deflate", "br", "identity"]))
        body = gzip.compress(asked.body, mtime=0) if encoding == "gzip" else asked.body
        return asked.but(headers=headers | {"content-encoding": encoding}, body=body)
    if part == "method":
        return asked.but(method=draw(st.sampled_from(["GET", "PUT", "post", ""])))
    last = draw(st.sampled_from(["site", "guess", "", "..", "%2e", "\ud800", "wake"]))
    return asked.but(path=f"/hooks/{last}") if part == "path" else asked.but(query=f"secret={last}&a=b")


@st.composite
def changed(draw: st.DrawFn, value: str) -> str:
    """A header's value, but not the same."""
    at = draw(st.integers(0, max(0, len(value) - 1)))
    char = draw(st.sampled_from("!0zé"))
    other = draw(
        st.sampled_from(
            [value[:at] + char + value[at + 1 :], value[:at], value + char, char + value, f"{value},{value}", "", char]
        )
    )
    return other if other.strip() != value.strip() else value + "!"


def is_proved_by(sender: str, asked: HttpRequest, ms: int, now_ms: int) -> bool:
    """Whether the proof of a sender is still in a request, over what it is over."""
    fresh = signed(sender, ms=ms)
    where = PROOFS[sender]
    if where in ("query", "path"):
        return SECRETS["url"] in getattr(asked, where)
    is_packed = asked.headers.get("content-encoding") == "gzip" and asked.body[:2] == b"\x1f\x8b"
    body = gzip.decompress(asked.body) if is_packed else asked.body
    if where == "body":
        return SECRETS["prismic"].encode() in body
    given = asked.headers.get(where, "")
    if sender in SIGNING:
        in_time = abs(now_ms - ms) <= TOLERANCE_MS.get(sender, 10**15)
        return given == fresh.headers[where] and body == fresh.body and in_time
    if given.startswith("Basic "):
        try:
            return base64.b64decode(given[6:]).endswith(f":{SECRETS[scheme_of(sender)]}".encode())
        except ValueError:
            return False
    return given == fresh.headers[where]


@st.composite
def configured(draw: st.DrawFn, sender: str) -> dict[str, str]:
    """How each scheme's secret is configured: the sender's own alone, all as they should be, or anyhow."""
    own = {scheme_of(sender): draw(st.sampled_from(RIGHT))}
    kind = draw(st.sampled_from(["own", "all", "any"]))
    if kind == "any":
        return {name: draw(st.sampled_from(HOW)) for name in SECRETS}
    return own if kind == "own" else dict.fromkeys(SECRETS, "right") | own


@settings(quickly, max_examples=max(400, settings.default.max_examples if settings.default else 0))
@given(data=st.data())
def test_nothing_unsigned_ever_reaches_a_gate(data: st.DataObject) -> None:
    sender = data.draw(st.sampled_from(sorted(SENDERS)), label="sender")
    how = data.draw(configured(sender), label="configured")
    off_ms = data.draw(st.sampled_from([0, 0, 0, 299_000, 301_000, -301_000, 3_599_000, 3_601_000, -NOW_MS]))
    asked = signed(sender)
    for _ in range(data.draw(st.integers(0, 3))):
        asked = data.draw(spoilt(asked), label="spoilt")
    front_end = data.draw(st.sampled_from(sorted(FRONT_ENDS)), label="front end")

    reached, answer = sent_to(FRONT_ENDS[front_end](asked), how, NOW_MS + off_ms)

    assert len(reached) <= 1
    assert (answer["statusCode"] == 200) is bool(reached)
    for message in reached:
        scheme = message.origin.scheme
        assert scheme is not None
        assert message.origin.outside
        assert how[scheme] in RIGHT
        assert message.origin.projects == (("site",) if how[scheme] == "bound" else None)
        proved = [
            one for one in SENDERS if scheme_of(one) == scheme and is_proved_by(one, asked, NOW_MS, NOW_MS + off_ms)
        ]
        assert proved, f"it was let in by {scheme}"
        if all(one in SIGNING for one in proved):
            assert message.event == CONTENT
        seen = repr((message.event, message.envelopes))
        assert SECRETS[scheme] not in seen


@given(
    sender=st.sampled_from(sorted(SENDERS)), front_end=st.sampled_from(sorted(FRONT_ENDS)), how=st.sampled_from(RIGHT)
)
def test_what_was_signed_reaches_a_gate_as_it_was(sender: str, front_end: str, how: str) -> None:
    event = FRONT_ENDS[front_end](signed(sender))
    (message,), answer = sent_to(event, {scheme_of(sender): how}, NOW_MS)
    assert answer["statusCode"] == 200
    assert (message.origin.scheme, message.event) == (scheme_of(sender), CONTENT)
    assert message.envelopes["http"]["path"] == "/hooks/site"


@given(sender=st.sampled_from(sorted(SENDERS)), body=st.sampled_from(BODIES[:5]))
def test_no_disguise_of_http_reaches_a_gate(sender: str, body: bytes) -> None:
    for event in in_disguise(signed(sender, body).but(body=body)).values():
        assert sent_to(event, dict.fromkeys(SECRETS, "right"), NOW_MS)[0] == []


# --- any request -----------------------------------------------------------------------------------

HEADERS = sorted({name for sender in SENDERS for name in signed(sender).headers})
texts = (
    st.text(st.characters(), max_size=20)
    | st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), min_size=1, max_size=2)
    | st.sampled_from(["\x00", "x" * 2_000, "9" * 400, "{}", "[]", "%ff", "=", "secret=a"])
)
requests = st.builds(
    HttpRequest,
    method=st.sampled_from(["POST", "GET"]),
    path=texts.map(lambda text: f"/{text}"),
    query=texts,
    headers=st.dictionaries(
        st.sampled_from(HEADERS) | texts,
        texts
        | st.sampled_from(["application/json", "push", "Bearer x", "Basic eDp4", "1795395667", "v1,eHg=", "t=1,v1=x"]),
        max_size=6,
    ),
    body=st.binary(max_size=60) | texts.map(lambda text: text.encode(errors="replace")) | st.sampled_from(BODIES),
)


@quickly
@given(requests, st.integers(0, 10**13))
@example(HttpRequest(method="POST", path="/\ud800", headers={}, body=b"{}"), 0)
def test_any_request_is_refused_or_what_an_error_of_ours_says(request: HttpRequest, now_ms: int) -> None:
    whole = {name: [secret] for name, secret in SECRETS.items()}
    for secrets in (whole, {}, {"standard": ["?"], "gitlab": ["whsec_?"]}, {name: [missing(name)] for name in whole}):
        try:
            origin = check(request, webhooks(secrets), now_ms).origin
        except HoldoffError as error:
            assert str(error)
        else:
            raise AssertionError(f"let in by {origin}")
    try:
        http_message(request, check_origin := _origin())
    except EventError as error:
        assert error.missing
    else:
        assert check_origin.outside


def _origin() -> Any:
    return check(signed("secret"), webhooks({"secret": [SECRETS["secret"]]}), NOW_MS).origin


def test_the_schemes_of_the_users_own_are_those_of_the_other_tests() -> None:
    assert set(OWN) == {"acme", "beam"}
