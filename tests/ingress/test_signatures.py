"""A webhook gets in by its secret only, by the strongest proof it has, and with the power of that secret."""

from __future__ import annotations

import base64
import gzip
import zlib
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from holdoff.config.schemes import NAMES, SCHEMES
from holdoff.config.webhooks import webhooks_of
from holdoff.core.errors import ConfigError, HoldoffError, SignatureError, StoreUnavailable
from holdoff.ingress.events import signatures
from holdoff.ingress.events.http import HttpRequest, content_of, http_request
from tests.engines import signers
from tests.engines.cache import EngineUnavailable
from tests.ingress.signed import (
    FRONT_ENDS,
    KEY,
    NOW_MS,
    OTHER_KEY,
    SECRETS,
    SENDERS,
    SIGNING,
    b64,
    basic,
    by_rest_api,
    by_url,
    in_disguise,
    mac,
    missing,
    scheme_of,
    signed,
    standard,
    webhooks,
)

if TYPE_CHECKING:
    from holdoff.ingress.events.signatures import Checked

    Secrets = dict[str, list[Any]]

BODY = b'{"ref": "refs/heads/main"}'
ALL: Secrets = {name: [secret] for name, secret in SECRETS.items()}
#: Of the requests that another scheme than their sender's decides, where all are configured.
ELSEWHERE = {"gitea by github", "gitea form by github"}


def checked(asked: HttpRequest, secrets: Secrets, now_ms: int = NOW_MS) -> Checked:
    return signatures.check(asked, webhooks(secrets), now_ms)


def check(asked: HttpRequest, secrets: Secrets, now_ms: int) -> str | None:
    """The scheme that let it in."""
    return checked(asked, secrets, now_ms).origin.scheme


def secrets_of(sender: str) -> Secrets:
    """Its own secret alone."""
    return {scheme_of(sender): [SECRETS[scheme_of(sender)]]}


def request(body: bytes = BODY, /, **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method="POST", path="/", headers=named, body=body)


def with_headers(asked: HttpRequest, **headers: str | None) -> HttpRequest:
    named = dict(asked.headers) | {name.replace("_", "-"): value for name, value in headers.items()}
    return asked.but(headers={name: value for name, value in named.items() if value is not None})


def refused(asked: HttpRequest, secrets: Secrets = ALL, now_ms: int = NOW_MS) -> str:
    with pytest.raises(SignatureError) as caught:
        checked(asked, secrets, now_ms)
    assert caught.value.exit_code == 77
    assert caught.value.public == "not signed as it should be"
    assert not any(secret in str(caught.value) for secret in SECRETS.values())
    return str(caught.value)


# --- each sender -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_gets_in_by_its_own_secret(sender: str) -> None:
    origin = checked(signed(sender), secrets_of(sender)).origin
    assert (origin.outside, origin.scheme, origin.projects) == (True, scheme_of(sender), None)


@pytest.mark.parametrize("sender", [one for one in SENDERS if one not in ELSEWHERE])
def test_a_sender_gets_in_where_all_schemes_are_configured(sender: str) -> None:
    assert check(signed(sender), ALL, NOW_MS) == scheme_of(sender)


@pytest.mark.parametrize("sender", SENDERS)
def test_no_other_secret_lets_it_in(sender: str) -> None:
    name = scheme_of(sender)
    others = {one: several for one, several in ALL.items() if one != name}
    refused(signed(sender), others)
    wrong = OTHER_KEY if name == "standard" else "guess"
    refused(signed(sender), {name: [wrong]})
    with pytest.raises(SignatureError):
        checked(signed(sender), {})


@pytest.mark.parametrize("sender", sorted(SIGNING))
def test_a_body_that_was_not_signed_is_refused(sender: str) -> None:
    asked = signed(sender)
    refused(asked.but(body=asked.body + b" "), secrets_of(sender))
    refused(asked.but(body=b""), secrets_of(sender))


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_it_comes_by_any_front_end(sender: str, front_end: str) -> None:
    asked = http_request(FRONT_ENDS[front_end](signed(sender)))
    assert check(asked, secrets_of(sender), NOW_MS) == scheme_of(sender)


@pytest.mark.parametrize("disguise", in_disguise(signed("github")))
def test_what_hides_what_was_signed_is_refused(disguise: str) -> None:
    for sender in ("github", "secret"):
        with pytest.raises(SignatureError, match="does not hand on what was signed"):
            http_request(in_disguise(signed(sender))[disguise])


@pytest.mark.parametrize("sender", SENDERS)
def test_its_secret_is_in_nothing_that_the_rest_sees(sender: str) -> None:
    asked = checked(signed(sender), secrets_of(sender)).request
    seen = f"{asked.path} {asked.query} {dict(asked.headers)} {asked.body!r} {asked.sent!r} {asked.target}"
    assert SECRETS[scheme_of(sender)] not in seen
    assert base64.b64encode(b"holdoff:plain-7f3a").decode() not in seen
    assert asked.path == "/hooks/site"
    assert content_of(asked) == {"ref": "refs/heads/main"}


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [(scheme.name, scheme.needs) for scheme in SCHEMES if scheme.needs and scheme.algorithm],
)
def test_a_signature_without_its_senders_headers_is_refused(scheme: str, headers: tuple[str, ...]) -> None:
    """Else what one sender signed could be read as another's, or as Holdoff's own form."""
    sender = "gitlab signs" if scheme == "gitlab" else scheme
    secret = f"whsec_{KEY}" if scheme == "gitlab" else SECRETS[scheme]
    asked = with_headers(request(**standard(BODY, NOW_MS)), x_gitlab_event="Push Hook")
    asked = asked if sender == "gitlab signs" else signed(sender)
    assert check(asked, {scheme: [secret]}, NOW_MS) == scheme
    for header in headers:
        assert "and without" in refused(with_headers(asked, **{header: None}), {scheme: [secret]})


# --- GitHub ----------------------------------------------------------------------------------------


def hub(secret: str = SECRETS["github"], body: bytes = BODY) -> str:
    return f"sha256={mac(secret, body)}"


def test_the_example_of_githubs_documents() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    example = request(
        b"Hello, World!",
        x_github_event="ping",
        x_hub_signature_256="sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )
    assert check(example, {"github": ["It's a Secret to Everybody"]}, NOW_MS) == "github"


@pytest.mark.parametrize(
    "wrong",
    [hub()[7:], f"SHA256={hub()[7:]}", f"{hub()},{hub('guess')}", f" {hub()}", "ä", "\ud800"],
)
def test_what_is_nearly_a_signature_is_none(wrong: str) -> None:
    assert "X-Hub-Signature-256 is none of those" in refused(with_headers(signed("github"), x_hub_signature_256=wrong))


def test_gitee_signs_the_time_and_its_key_and_it_counts_for_an_hour() -> None:
    asked, own = signed("gitee signs"), secrets_of("gitee")
    for off_ms, is_in in ((3_600_000, True), (-3_600_000, True), (3_600_001, False), (-3_600_001, False)):
        if is_in:
            assert check(asked, own, NOW_MS + off_ms) == "gitee"
        else:
            with pytest.raises(SignatureError, match="is not within 60 minutes of our clock"):
                checked(asked, own, NOW_MS + off_ms)
    refused(with_headers(asked, x_gitee_timestamp=str(NOW_MS + 1)), own)
    refused(with_headers(asked, x_gitee_timestamp=None), own)
    # The example of a receiver, https://zhongdaiqi.com/category/uncategorized/page/9: braces in a key are its own.
    for key in ("yuema", "a{time}{b}{body}", "ä"):
        token = b64(mac(key, f"{NOW_MS}\n{key}".encode()))
        assert check(with_headers(asked, x_gitee_token=token), {"gitee": [key]}, NOW_MS) == "gitee"


def test_gitees_signature_of_the_time_is_no_stronger_than_a_secret() -> None:
    """It says nothing of the body: a wrong signature of that is refused, whatever Gitee's says."""
    for sender in ("gitee", "gitee signs"):
        asked = with_headers(signed("github"), **{k.replace("-", "_"): v for k, v in signed(sender).headers.items()})
        assert check(asked, ALL, NOW_MS) == "github"
        assert "X-Hub-Signature-256 is none of those" in refused(with_headers(asked, x_hub_signature_256=hub("guess")))


@pytest.mark.parametrize("sender", ["gitea", "forgejo", "gogs"])
def test_what_gitea_sends_without_a_secret_of_its_own_is_no_proof(sender: str) -> None:
    """https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go: all its headers, with nothing in them.
    It may have an *authorization header* of its own, or its secret in the URL."""
    empty = {"x-hub-signature": "sha1=", "x-hub-signature-256": "sha256="}
    headers = signed(sender).headers
    plain = request().but(headers={**headers, **{name: "" for name in headers if "signature" in name}, **empty})
    assert check(with_headers(plain, authorization="Bearer plain-7f3a"), ALL, NOW_MS) == "secret"
    assert check(plain.but(query="secret=url-7f3a"), ALL, NOW_MS) == "url"
    bare = with_headers(plain, x_hub_signature_256="", authorization="Bearer plain-7f3a")
    assert check(bare, ALL, NOW_MS) == "secret"
    assert "was not signed in any way that counts" in refused(plain)
    refused(plain.but(query="secret=guess"))


def test_sha_1_counts_for_nothing() -> None:
    old = f"sha1={mac(SECRETS['github'], BODY, 'sha1')}"
    assert "X-Hub-Signature) does not" in refused(
        request(x_hub_signature=old, x_github_event="push"), {"github": ["x"]}
    )
    assert check(with_headers(signed("github"), x_hub_signature="sha1=0"), ALL, NOW_MS) == "github"
    # Bitbucket's header of the same name is no way round that.
    for name in ("bitbucket", "github"):
        refused(request(x_hub_signature=f"sha1={mac(SECRETS[name], BODY, 'sha1')}", x_event_key="repo:push"))


def test_a_form_of_githubs_is_signed_as_it_is() -> None:
    body = f"payload={quote(BODY.decode())}".encode()
    form = {"content_type": "application/x-www-form-urlencoded", "x_github_event": "push"}
    assert check(request(body, x_hub_signature_256=hub(body=body), **form), ALL, NOW_MS) == "github"


# --- GitLab ----------------------------------------------------------------------------------------


def gitlab(**headers: str) -> HttpRequest:
    return request(x_gitlab_event="Push Hook", **headers)


def test_gitlab_sends_its_token() -> None:
    for wrong in ("lab-7f3a ", "LAB-7F3A", "ä", "\ud800"):
        assert "X-Gitlab-Token is none of those" in refused(gitlab(x_gitlab_token=wrong))
    assert "was not signed" in refused(gitlab(x_gitlab_token=""))


def test_a_signing_token_signs_and_is_no_token() -> None:
    secrets: Secrets = {"gitlab": [f"whsec_{OTHER_KEY}"]}
    signs = gitlab(**standard(BODY, NOW_MS, OTHER_KEY))
    assert check(signs, secrets, NOW_MS) == "gitlab"
    refused(gitlab(x_gitlab_token=f"whsec_{OTHER_KEY}"), secrets)


def test_of_a_token_and_a_signature_the_one_that_is_configured_counts() -> None:
    both = gitlab(x_gitlab_token="lab-7f3a", **standard(BODY, NOW_MS, OTHER_KEY))
    assert check(both, {"gitlab": ["lab-7f3a"]}, NOW_MS) == "gitlab"
    assert check(both, {"gitlab": [f"whsec_{OTHER_KEY}"]}, NOW_MS) == "gitlab"
    assert check(both, {"gitlab": ["lab-7f3a", f"whsec_{OTHER_KEY}"]}, NOW_MS) == "gitlab"
    # Where both are, the signature decides, whatever the token.
    refused(both, {"gitlab": ["lab-7f3a", f"whsec_{KEY}"]})
    assert check(both, {"gitlab": [missing("gitlab"), "lab-7f3a"]}, NOW_MS) == "gitlab"


def test_gitlabs_signature_is_not_wrong_by_the_secret_of_another_that_signs_as_it_does() -> None:
    both = gitlab(x_gitlab_token="lab-7f3a", **standard(BODY, NOW_MS, OTHER_KEY))
    assert check(both, {"gitlab": ["lab-7f3a"], "standard": [KEY]}, NOW_MS) == "gitlab"
    assert check(both, {"gitlab": ["lab-7f3a"], "standard": [missing("standard")]}, NOW_MS) == "gitlab"
    refused(with_headers(both, x_gitlab_token="guess"), {"gitlab": ["lab-7f3a"], "standard": [KEY]})
    refused(both, {"gitlab": ["lab-7f3a", f"whsec_{KEY}"], "standard": [KEY]})


@pytest.mark.parametrize(
    ("asked", "other"), [(gitlab(**standard(BODY, NOW_MS)), "standard"), (signed("bitbucket basic"), "secret")]
)
def test_what_a_missing_secret_may_prove_is_not_called_wrong(asked: HttpRequest, other: str) -> None:
    """By the secret of the sender that it names: it was refused for good, and not until the secret is there."""
    named = {"gitlab": [f"whsec_{OTHER_KEY}"], "bitbucket": ["only-signs"]}
    with pytest.raises(ConfigError):
        checked(asked, {**named, other: [missing(other)]})


def test_a_signing_token_may_stand_among_the_standard_ones() -> None:
    assert check(gitlab(**standard(BODY, NOW_MS)), ALL, NOW_MS) == "standard"


# --- secrets as they are ---------------------------------------------------------------------------


def test_a_shared_secret() -> None:
    assert check(request(authorization="bearer  plain-7f3a "), ALL, NOW_MS) == "secret"
    assert "X-Holdoff-Secret is none of those" in refused(request(x_holdoff_secret="guess"))
    refused(request(x_holdoff_secret="guess", authorization="Bearer plain-7f3a"))
    refused(request(authorization="Bearer guess"))
    refused(request(authorization="Digest plain-7f3a"))


@pytest.mark.parametrize("read_as", ["utf-8", "latin-1"])
def test_a_secret_may_have_any_letters(read_as: str) -> None:
    """A header is sent in UTF-8, by curl and GitLab; what it is read as, each front end has its own mind of."""
    sent = "Grüße-ключ".encode().decode(read_as)
    for asked, scheme in (
        (request(x_holdoff_secret=sent), "secret"),
        (request(authorization=f"Bearer {sent}"), "secret"),
        (gitlab(**{"x-gitlab-token": sent}), "gitlab"),
    ):
        assert check(asked, {scheme: ["Grüße-ключ"]}, NOW_MS) == scheme
        refused(asked, {scheme: ["Grusse-ключ"]})


@pytest.mark.parametrize("given", ["Basic plain-7f3a", "Basic", "Basic ====", "Basic //79", basic("guess")])
def test_basic_that_is_none(given: str) -> None:
    refused(request(authorization=given))


def test_a_users_name_counts_where_it_is_part_of_the_secret() -> None:
    assert check(request(authorization=basic("b", "a")), {"secret": ["b"]}, NOW_MS) == "secret"
    assert check(request(authorization=basic("b", "a")), {"azure": ["a:b"]}, NOW_MS) == "azure"
    refused(request(authorization=basic("b", "x")), {"azure": ["a:b"]})
    refused(request(authorization=basic("", "b")), {"azure": ["b"]})


def test_a_secret_in_the_url() -> None:
    for path, query, cleaned in (
        ("/hooks/site/url-7f3a", "", "/hooks/site"),
        ("/hooks/site/url-7f3a/", "", "/hooks/site"),
        ("/url%2D7f3a", "", "/"),
        ("/hooks/site", "secret=url-7f3a", "/hooks/site"),
        ("/hooks/site/url-7f3a", "secret=url-7f3a&x=1", "/hooks/site"),
    ):
        asked = checked(request().but(path=path, query=query), ALL)
        assert (asked.origin.scheme, asked.request.path) == ("url", cleaned)
        assert "secret" not in asked.request.query
    assert "was not signed" in refused(request().but(path="/hooks/site"))
    for query in ("secret=guess", "secret=guess&secret=url-7f3a", "secret=url-7f3a&secret=guess"):
        assert "the secret in its URL is none of those" in refused(request().but(path="/url-7f3a", query=query))


@pytest.mark.parametrize("field", ["secret", "password"])
def test_a_field_that_holds_a_secret_is_kept_from_the_rest_whatever_let_it_in(field: str) -> None:
    """Prismic's is in ``secret`` alone; Gitee's is in ``password``, too."""
    body = b'{"type": "api-update", "%s": "of another", "big": 12345678901234567890.5}' % field.encode()
    asked = checked(request(body, x_holdoff_secret="plain-7f3a"), ALL).request
    assert content_of(asked) == {"type": "api-update", "big": 12345678901234567890.5}
    assert "secret" not in checked(request(x_holdoff_secret="plain-7f3a").but(query="secret=x&a=1"), ALL).request.query


def test_prismic_takes_200_only() -> None:
    assert checked(signed("prismic"), ALL).only_200
    assert not any(checked(signed(one), secrets_of(one)).only_200 for one in SENDERS if one != "prismic")
    refused(request(b'{"secret": null}'))
    assert "the secret in its body is none of those" in refused(request(b'{"secret": "guess"}'))


# --- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "minutes"), [("standard", 5), ("svix", 5), ("contentful", 5), ("sanity", 60), ("beam", 5)]
)
def test_a_signature_is_good_for_minutes_either_way(sender: str, minutes: int) -> None:
    for off_ms in (-60_000 * minutes, 0, 60_000 * minutes):
        assert check(signed(sender), ALL, NOW_MS + off_ms) == scheme_of(sender)
    for off_ms in (-60_000 * minutes - 1, 60_000 * minutes + 1, -NOW_MS, 10**15):
        assert f"not within {minutes} minutes of our clock" in refused(signed(sender), now_ms=NOW_MS + off_ms)


@pytest.mark.parametrize("at", ["x", "-1", "1.5", "1e9", " 1795395667", "1795395667 ", "\uff19", "9" * 99])
def test_a_time_that_is_none(at: str) -> None:
    assert "5 minutes" in refused(with_headers(signed("standard"), webhook_timestamp=at))
    assert "60 minutes" in refused(with_headers(signed("sanity"), sanity_webhook_signature=f"t={at},v1=x"))


def test_a_time_that_is_not_signed_is_none() -> None:
    """Contentful's list of what is signed must have the time in it."""
    listed = "x-contentful-signed-headers,x-contentful-topic"
    signature = mac(
        SECRETS["contentful"], f"POST\n/\nx-contentful-signed-headers:{listed};x-contentful-topic:t\n{{}}".encode()
    )
    asked = request(
        b"{}",
        x_contentful_signed_headers=listed,
        x_contentful_timestamp=str(NOW_MS),
        x_contentful_topic="t",
        x_contentful_signature=signature,
    )
    assert "not within 5 minutes" in refused(asked)


# --- Standard Webhooks -----------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp"])
def test_all_headers_are_needed(part: str) -> None:
    for value in ("", None):
        asked = with_headers(signed("standard"), x_holdoff_secret="plain-7f3a", **{part: value})
        assert "not all" in refused(asked)


def test_one_signature_of_several_is_enough_if_it_is_of_the_right_kind() -> None:
    good = standard(BODY, NOW_MS)["webhook-signature"]
    of_another = "v1," + base64.b64encode(b"x" * 32).decode()
    for several in (f"{of_another} {good}", f"v1a,{good[3:]} {good}", f"{good} ", f"x {good}"):
        assert check(with_headers(signed("standard"), webhook_signature=several), ALL, NOW_MS) == "standard"
    for several in (of_another, f"v1a,{good[3:]}", good[3:], f"v2,{good[3:]}", f"{good},", "v1,"):
        refused(with_headers(signed("standard"), webhook_signature=several))


@pytest.mark.parametrize("key", [KEY, f"whsec_{KEY}", f"v1,whsec_{KEY}", KEY.rstrip("=")])
def test_a_key_as_it_is_shown(key: str) -> None:
    assert check(signed("standard"), {"standard": [key]}, NOW_MS) == "standard"


@pytest.mark.parametrize("key", ["whsec_", "not base64!", "whsec_aGVs!bG8h", "whsec_ä", "\ud800", "whsec_a"])
def test_a_key_that_is_none_lets_no_sender_in(key: str) -> None:
    empty = "v1," + b64(mac(b"", b"msg_1.1795395667." + BODY))
    asked = with_headers(signed("standard"), webhook_signature=empty)
    with pytest.raises(ConfigError, match=r"webhooks\.standard is ssm:/it, where no key is; write that of a key"):
        checked(asked, {"standard": [key]})


class Still(datetime):
    """The clock of the reference implementation, which looks at it by itself."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(NOW_MS // 1000, tz)


@given(
    key=st.binary(min_size=1, max_size=64),
    own_id=st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=40),
    body=st.text(max_size=200),
    off_s=st.integers(-310, 310),
    spoilt=st.sampled_from([None, "webhook-id", "webhook-timestamp", "body"]),
)
def test_holdoff_and_the_reference_implementation_agree(
    key: bytes, own_id: str, body: str, off_s: int, spoilt: str | None
) -> None:
    secret = base64.b64encode(key).decode()
    now_s = NOW_MS // 1000
    at = datetime.fromtimestamp(now_s + off_s, UTC)
    headers = {
        "webhook-id": own_id,
        "webhook-timestamp": str(now_s + off_s),
        "webhook-signature": Webhook(secret).sign(own_id, at, body),
    }
    if spoilt == "body":
        body += "x"
    elif spoilt:
        headers[spoilt] += "1"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("standardwebhooks.webhooks.datetime", Still)
            Webhook(secret).verify(body, headers, json_parse=False)
        theirs = True
    except WebhookVerificationError:
        theirs = False
    try:
        ours = bool(check(request(body.encode(), **headers), {"standard": [secret]}, 1000 * now_s))
    except SignatureError:
        ours = False
    assert ours == theirs


# --- the senders' own libraries --------------------------------------------------------------------

PATHS = ["/hooks/site", "/hooks/a%20b", "/x?a=b&c=d%20e", "/ä~'(!)*", "/x?y?z", "/"]
BODIES = ['{"a": "b"}', '{"ü": "\u2028 \U0001f600"}', "x" * 10_000]


@pytest.mark.parametrize("body", BODIES, ids=["plain", "unicode", "long"])
def test_what_the_senders_own_libraries_sign_gets_in(body: str) -> None:
    """Octokit, Sanity, Svix, the JavaScript of Standard Webhooks, Contentful: from npm, see ``engines.signers``."""
    topic = {"x-contentful-topic": "ContentManagement.Entry.publish", "content-type": "application/json"}
    asked: list[dict[str, Any]] = [
        {"by": "octokit", "secret": SECRETS["github"], "body": body},
        {"by": "sanity", "secret": SECRETS["sanity"], "body": body, "ms": NOW_MS},
        {"by": "standard", "secret": SECRETS["standard"], "body": body, "ms": NOW_MS, "id": "m1"},
        {"by": "svix", "secret": SECRETS["standard"], "body": body, "ms": NOW_MS, "id": "m1"},
        *(
            {"by": "contentful", "secret": "c" * 64, "body": body, "ms": NOW_MS, "path": path, "headers": topic}
            for path in PATHS
        ),
    ]
    try:
        every = signers.sign(asked)
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
    for one, headers in zip(asked, every, strict=True):
        path, _, query = str(one.get("path", "/")).partition("?")
        beside = {"x-github-event": "push"} if one["by"] == "octokit" else {}
        sent = HttpRequest(method="POST", path=path, query=query, headers={**headers, **beside}, body=body.encode())
        name = {"octokit": "github", "svix": "standard"}.get(str(one["by"]), one["by"])
        assert check(sent, ALL, NOW_MS) == name
        refused(sent.but(body=body.encode() + b" "))
        assert name != "contentful" or refused(sent.but(path="/other"))


def test_contentful_signs_the_whole_path_and_not_what_a_stage_leaves_of_it() -> None:
    event = by_rest_api(signed("contentful"))
    event["path"] = "/site"
    assert check(http_request(event), ALL, NOW_MS) == "contentful"
    assert checked(http_request(event), ALL).request.path == "/site"


# --- several secrets -------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", [one for one in SENDERS if one not in ELSEWHERE])
@pytest.mark.parametrize("bad", [ConfigError, StoreUnavailable], ids=["missing", "unreachable"])
def test_of_two_secrets_the_good_one_works(sender: str, bad: type[HoldoffError]) -> None:
    name = scheme_of(sender)
    error = missing(name) if bad is ConfigError else StoreUnavailable(f"webhooks.{name}: ssm:/it could not be read")
    for several in ([error, SECRETS[name]], [SECRETS[name], error]):
        assert check(signed(sender), ALL | {name: several}, NOW_MS) == name
    # Its own sender may have signed with it: that is no wrong signature. All others are not touched by it.
    wrong = OTHER_KEY if name == "standard" else "guess"
    with pytest.raises(bad, match=f"webhooks.{name}"):
        checked(signed(sender), ALL | {name: [error, wrong]})
    for other in SENDERS:
        if scheme_of(other) != name and other not in ELSEWHERE and other not in _BELOW.get(name, ()):
            assert check(signed(other), ALL | {name: [error]}, NOW_MS) == scheme_of(other)


#: Whose requests have the proof of another's scheme in them as well, which then decides.
_BELOW: dict[str, tuple[str, ...]] = {"gitea": ("forgejo",), "gogs": ("gitea", "forgejo")}


@pytest.mark.parametrize("sender", [one for one in SENDERS if "by github" not in one])
def test_the_secret_of_another_keeps_no_sender_out(sender: str) -> None:
    """Whether it is missing, no key, or only another. (Gitea as ``github`` works where no ``gitea`` is configured.)"""
    name = scheme_of(sender)
    for other in SECRETS.keys() - {name}:
        for secret in (missing(other), "not base64!", OTHER_KEY):
            assert check(signed(sender), {name: [SECRETS[name]], other: [secret]}, NOW_MS) == name, other


def test_a_key_that_is_none_spoils_no_other() -> None:
    assert check(signed("standard"), {"standard": ["not base64!", KEY]}, NOW_MS) == "standard"


def test_a_new_secret_beside_the_old_one() -> None:
    for sender in SENDERS:
        name = scheme_of(sender)
        assert check(signed(sender), {name: [OTHER_KEY, SECRETS[name]]}, NOW_MS) == name


def test_a_secret_is_good_for_its_projects() -> None:
    for sender in SENDERS:
        name, secret = scheme_of(sender), SECRETS[scheme_of(sender)]
        bound = checked(
            signed(sender), {name: [("other-7f3a" if name != "standard" else OTHER_KEY, ("a",)), (secret, ("b",))]}
        )
        assert bound.origin.projects == ("b",)
        assert checked(signed(sender), {name: [(secret, ("a", "b")), (secret, ("b", "c"))]}).origin.projects == (
            "a",
            "b",
            "c",
        )
        assert checked(signed(sender), {name: [(secret, ("a",)), secret]}).origin.projects is None


# --- which of them decides -------------------------------------------------------------------------


def test_who_says_nothing_is_not_let_in() -> None:
    for asked in (request(), request(x_github_event="push"), gitlab()):
        said = refused(asked)
        assert "was not signed in any way that counts" in said
        assert "Give the sender the secret" in said
        assert "SHA-1" not in said  # which this sender did not send


@pytest.mark.parametrize(
    "secrets", [{}, {"github": []}, {"github": [""], "secret": [""], "url": [""], "prismic": [""]}]
)
def test_without_any_secret_no_webhook_is_let_in(secrets: dict[str, list[str]]) -> None:
    """A secret that is empty is none: it never comes so from the settings, and even then..."""
    for asked in (request(), request(authorization="Bearer"), request(x_hub_signature_256=hub("guess"))):
        refused(asked, {name: [] for name in secrets})


def test_where_no_scheme_is_configured_that_is_said() -> None:
    message = refused(signed("github"), {})
    assert "no webhook is let in: no secret is configured" in message
    assert "HOLDOFF_WEBHOOK_GITHUB" in message


@pytest.mark.parametrize(
    "sender",
    [one for one in SENDERS if scheme_of(one) in NAMES and one not in ("prismic", "url query", "url path", "azure")],
)
def test_a_header_without_a_secret_is_named_with_what_to_configure(sender: str) -> None:
    message = refused(signed(sender), {"prismic": ["x"]})
    name = sender.split(" ")[0] if "by github" in sender else scheme_of(sender)
    assert f"Name one as {name} in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_{name.upper()}" in message


@pytest.mark.parametrize("sender", [one for one in SENDERS if one not in ELSEWHERE and not one.startswith("url")])
def test_a_weaker_proof_does_not_help_where_a_stronger_one_fails(sender: str) -> None:
    """The request of a sender with a wrong secret, and all that is weaker, right, beside it: refused."""
    name = scheme_of(sender)
    spoilt = ALL | {name: [OTHER_KEY if name == "standard" else "guess"]}
    asked = with_headers(signed(sender)).but(query="secret=url-7f3a")
    if sender == "secret":
        asked = with_headers(asked, authorization="Bearer plain-7f3a")
    elif sender in SIGNING:
        asked = with_headers(asked, x_holdoff_secret="plain-7f3a")
    refused(asked, spoilt)


def test_a_secret_that_cannot_be_had_lets_no_weaker_proof_in() -> None:
    for sender in SIGNING - ELSEWHERE:
        name = scheme_of(sender)
        with pytest.raises(ConfigError):
            checked(with_headers(signed(sender), x_holdoff_secret="plain-7f3a"), ALL | {name: [missing(name)]})


def test_what_is_not_configured_does_not_decide() -> None:
    """A proxy's own signature, say, beside the secret that counts here."""
    asked = with_headers(signed("github"), x_holdoff_secret="plain-7f3a")
    assert check(asked, {"secret": ["plain-7f3a"]}, NOW_MS) == "secret"


# --- a scheme of the user's own ----------------------------------------------------------------------


def test_a_scheme_of_the_users_own_takes_either_case_of_hexadecimal() -> None:
    asked = signed("beam")
    upper = "v0=" + asked.headers["x-beam"].removeprefix("v0=").upper()
    assert check(with_headers(asked, x_beam=upper), ALL, NOW_MS) == "beam"
    refused(with_headers(asked, x_beam=upper.upper()))


@pytest.mark.parametrize("padding", ["=", ""], ids=["padded", "bare"])
def test_base64_for_urls_may_be_padded(padding: str) -> None:
    """Python and Java pad it unless told otherwise."""
    own = webhooks_of({"pad": {"secret": "env:PAD", "header": "X-Pad", "encoding": "base64url"}}, ())["pad"].scheme
    assert own is not None
    secret = signatures.Secret(at="", reference="", fetch=lambda: "pad-7f3a")
    asked = request(x_pad=f"{b64(mac('pad-7f3a', BODY), url=True)}{padding}")
    found = signatures.check(asked, signatures.Webhooks(secrets={"pad": [secret]}, own=(own,)), NOW_MS)
    assert found.origin.scheme == "pad"


def test_the_example_of_slacks_documents() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack, and the settings in docs/events.md."""
    table = {
        "secret": "env:SLACK_SIGNING_SECRET",
        "header": "X-Slack-Signature",
        "prefix": "v0=",
        "timestamp": "X-Slack-Request-Timestamp",
        "signed": "v0:{time}:{body}",
    }
    own = webhooks_of({"slack": table}, ())["slack"].scheme
    assert own is not None
    secret = signatures.Secret(at="", reference="", fetch=lambda: "8f742231b10e8888abcd99yyyzzz85a5")
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="
        b"https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    asked = request(
        body,
        x_slack_request_timestamp="1531420618",
        x_slack_signature="v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        content_type="application/x-www-form-urlencoded",
    )
    hooks = signatures.Webhooks(secrets={"slack": (secret,)}, own=(own,))
    assert signatures.check(asked, hooks, 1_531_420_618_000).origin.scheme == "slack"


# --- compressed bodies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda body: zlib.compress(body)[2:-4])],
    ids=["gzip", "zlib", "deflate"],
)
@pytest.mark.parametrize("over_what", ["sent", "content"])
def test_a_compressed_body_may_be_signed_before_or_after(encoding: str, compress: object, over_what: str) -> None:
    assert callable(compress)
    sent = compress(BODY)
    signature = hub(body=sent if over_what == "sent" else BODY)
    headers = {"x-github-event": "push", "x-hub-signature-256": signature, "content-encoding": encoding}
    event = by_url(HttpRequest(method="POST", path="/", headers=headers, body=sent))
    asked = checked(http_request(event), ALL)
    assert asked.origin.scheme == "github"
    assert content_of(asked.request) == {"ref": "refs/heads/main"}
    refused(http_request(by_url(HttpRequest(method="POST", path="/", headers=headers, body=compress(b"{}")))))
