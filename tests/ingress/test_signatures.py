"""Only who knows a secret gets in, by the strongest scheme he speaks of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from holdoff.core.errors import ConfigError, SignatureError
from holdoff.ingress.events import signatures
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.signatures import TOLERANCE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Secrets = Mapping[str, Sequence[str]]

NOW_MS = 1_795_395_667_000
BODY = b'{"ref": "refs/heads/main"}'
KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER_KEY = "whsec_" + base64.b64encode(b"o" * 32).decode()
SECRETS: Secrets = {
    "github": ["hub-7f3a"],
    "gitlab": ["lab-7f3a", OTHER_KEY],
    "standard": [KEY],
    "secret": ["plain-7f3a"],
}


def check(asked: HttpRequest, secrets: Secrets, now_ms: int) -> str:
    return signatures.check(asked, {scheme: partial(list, several) for scheme, several in secrets.items()}, now_ms)


def request(body: bytes = BODY, /, **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method="POST", path="/", headers=named, body=body)


def hub(secret: str = "hub-7f3a", body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard(key: str = KEY, body: bytes = BODY, at_ms: int = NOW_MS, own_id: str = "msg_1") -> dict[str, str]:
    """The three headers, as the reference implementation makes them."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    signature = Webhook(key).sign(own_id, at, body.decode())
    return {
        "webhook_id": own_id,
        "webhook_timestamp": str(at_ms // 1000),
        "webhook_signature": signature,
    }


def refused(asked: HttpRequest, secrets: Secrets = SECRETS, now_ms: int = NOW_MS) -> str:
    with pytest.raises(SignatureError) as caught:
        check(asked, secrets, now_ms)
    assert caught.value.exit_code == 77
    assert caught.value.public == "not signed as it should be"
    for several in secrets.values():
        assert not any(secret in str(caught.value) for secret in several if secret.strip())
    return str(caught.value)


# --- who gets in -----------------------------------------------------------------------------------


def test_github_signs_the_body() -> None:
    # The example of https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    example = request(
        b"Hello, World!",
        x_hub_signature_256="sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )
    assert check(example, {"github": ["It's a Secret to Everybody"]}, NOW_MS) == "github"
    assert check(request(x_hub_signature_256=hub()), SECRETS, NOW_MS) == "github"
    assert "not that of the body" in refused(request(x_hub_signature_256=hub("guess")))
    assert "not that of the body" in refused(request(b"{}", x_hub_signature_256=hub()))
    for wrong in (
        "",
        "sha256=",
        hub()[7:],
        hub().upper(),
        f"{hub()},{hub('guess')}",
        "ä",
        "\ud800",
    ):
        refused(request(x_hub_signature_256=wrong))


def test_sha_1_counts_for_nothing() -> None:
    old = "sha1=" + hmac.new(b"hub-7f3a", BODY, hashlib.sha1).hexdigest()
    assert "X-Hub-Signature-256 is what counts" in refused(request(x_hub_signature=old))
    assert check(request(x_hub_signature=old, x_hub_signature_256=hub()), SECRETS, 0) == "github"


def test_gitlab_sends_its_token() -> None:
    assert check(request(x_gitlab_token="lab-7f3a"), SECRETS, NOW_MS) == "gitlab"
    for wrong in ("", "lab-7f3a ", "LAB-7F3A", "ä", "\ud800"):
        assert "X-Gitlab-Token is none of those" in refused(request(x_gitlab_token=wrong))
    # A signing token signs; whoever sends it as it is has not understood, or has read it somewhere.
    refused(request(x_gitlab_token=OTHER_KEY))


def test_gitlab_signs_with_its_signing_token() -> None:
    signed = request(x_gitlab_event="Push Hook", x_gitlab_token="lab-7f3a", **standard(OTHER_KEY))
    assert check(signed, SECRETS, NOW_MS) == "gitlab"
    configured_as_standard = request(x_gitlab_event="Push Hook", **standard(KEY))
    assert check(configured_as_standard, SECRETS, NOW_MS) == "gitlab"
    # Without GitLab's own header its signing tokens are not asked.
    refused(request(**standard(OTHER_KEY)))


def test_a_shared_secret() -> None:
    assert check(request(x_holdoff_secret="plain-7f3a"), SECRETS, NOW_MS) == "secret"
    assert check(request(authorization="Bearer plain-7f3a"), SECRETS, NOW_MS) == "secret"
    assert check(request(authorization="bearer  plain-7f3a "), SECRETS, NOW_MS) == "secret"
    assert "the shared secret is none of those" in refused(request(x_holdoff_secret="guess"))
    refused(request(x_holdoff_secret="guess", authorization="Bearer plain-7f3a"))
    assert "was not signed" in refused(request(authorization="Basic plain-7f3a"))


def test_a_new_secret_beside_the_old_one() -> None:
    rotated = {scheme: ["new", *several] for scheme, several in SECRETS.items()}
    rotated["standard"] = [OTHER_KEY, KEY]
    for asked, scheme in (
        (request(x_hub_signature_256=hub()), "github"),
        (request(x_gitlab_token="lab-7f3a"), "gitlab"),
        (request(**standard()), "standard"),
        (request(x_holdoff_secret="plain-7f3a"), "secret"),
    ):
        assert check(asked, rotated, NOW_MS) == scheme


# --- Standard Webhooks -----------------------------------------------------------------------------


def test_standard_webhooks_sign_id_time_and_body() -> None:
    headers = standard()
    assert check(request(**headers), SECRETS, NOW_MS) == "standard"
    for name in headers:
        changed = headers | {name: headers[name][:-2] + "=="}
        refused(request(**changed))
    refused(request(b"{}", **headers))
    refused(request(**standard(OTHER_KEY)))


@pytest.mark.parametrize("missing", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_all_three_headers_are_needed(missing: str) -> None:
    headers = standard()
    assert "not all" in refused(request(**headers | {missing: ""}))
    del headers[missing]
    assert "not all" in refused(request(**headers, x_holdoff_secret="plain-7f3a"))


def test_a_signature_is_good_for_five_minutes_either_way() -> None:
    for off_ms in (-TOLERANCE_MS, 0, TOLERANCE_MS):
        assert check(request(**standard()), SECRETS, NOW_MS + off_ms) == "standard"
    for off_ms in (-TOLERANCE_MS - 1, TOLERANCE_MS + 1, -NOW_MS, 10**15):
        message = refused(request(**standard()), now_ms=NOW_MS + off_ms)
        assert "not within 5 minutes of our clock" in message


@pytest.mark.parametrize("at", ["x", "-1", "1.5", "1e9", " 1795395667", "1795395667 ", "\uff19", "9" * 99])
def test_a_time_that_is_none(at: str) -> None:
    assert "5 minutes" in refused(request(**standard() | {"webhook_timestamp": at}))


def test_one_signature_of_several_is_enough_if_it_is_of_the_right_kind() -> None:
    good = standard()["webhook_signature"]
    of_another = "v1," + base64.b64encode(b"x" * 32).decode()
    for several in (f"{of_another} {good}", f"v1a,{good[3:]} {good}", f"{good} ", f"x {good}"):
        asked = request(**standard() | {"webhook_signature": several})
        assert check(asked, SECRETS, NOW_MS) == "standard"
    for several in (of_another, f"v1a,{good[3:]}", good[3:], f"v2,{good[3:]}", f"{good},", "v1,"):
        refused(request(**standard() | {"webhook_signature": several}))


@pytest.mark.parametrize("key", [KEY, KEY.removeprefix("whsec_"), KEY.rstrip("=")])
def test_a_key_with_or_without_prefix_and_padding(key: str) -> None:
    assert check(request(**standard(key)), {"standard": [key]}, NOW_MS) == "standard"


@pytest.mark.parametrize("key", ["whsec_", "not base64!", "whsec_aGVs!bG8h", "whsec_ä", "\ud800", "whsec_a"])
def test_a_key_that_is_none_lets_nobody_in(key: str) -> None:
    empty = "v1," + base64.b64encode(hmac.digest(b"", b"msg_1.1795395667." + BODY, "sha256")).decode()
    asked = request(**standard() | {"webhook_signature": empty})
    with pytest.raises(ConfigError, match=r"the secret for webhooks\.standard is no key"):
        check(asked, {"standard": [key]}, NOW_MS)


@given(
    key=st.binary(min_size=1, max_size=64),
    own_id=st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=40),
    body=st.text(max_size=200),
    off_s=st.integers(-310, 310),
    spoilt=st.sampled_from([None, "webhook_id", "webhook_timestamp", "body"]),
)
def test_we_and_the_reference_implementation_agree(
    key: bytes, own_id: str, body: str, off_s: int, spoilt: str | None
) -> None:
    secret = base64.b64encode(key).decode()
    now_s = int(time.time())  # the reference implementation looks at the clock itself
    headers = standard(secret, body.encode(), 1000 * (now_s + off_s), own_id)
    if spoilt == "body":
        body += "x"
    elif spoilt:
        headers[spoilt] += "1"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(body, named, json_parse=False)
        theirs = True
    except WebhookVerificationError:
        theirs = False
    try:
        ours = bool(check(request(body.encode(), **headers), {"standard": [secret]}, 1000 * now_s))
    except SignatureError:
        ours = False
    at_the_edge = abs(abs(off_s) - 300) <= 2
    assert ours == theirs or at_the_edge


# --- who does not ----------------------------------------------------------------------------------


def test_who_says_nothing_is_not_let_in() -> None:
    for asked in (request(), request(x_github_event="push"), request(x_gitlab_event="Push Hook")):
        assert refused(asked) == "a webhook was not signed: it has no header of any scheme"


@pytest.mark.parametrize("secrets", [{}, {"github": []}, {"github": [""], "secret": [" ", ""]}])
def test_without_any_secret_nobody_is_let_in(secrets: dict[str, list[str]]) -> None:
    for asked in (
        request(),
        request(x_hub_signature_256=hub("")),
        request(x_holdoff_secret=""),
        request(x_holdoff_secret=" "),
        request(authorization="Bearer "),
    ):
        refused(asked, secrets)


def test_where_no_scheme_is_configured_that_is_said() -> None:
    message = refused(request(x_hub_signature_256=hub("")), {})
    assert "no webhook is let in: no secret is configured" in message
    assert "HOLDOFF_WEBHOOK_GITHUB" in message


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("github", {"x_hub_signature_256": hub()}),
        ("standard", standard()),
        ("gitlab", {"x_gitlab_token": "lab-7f3a"}),
        ("gitlab", {"x_gitlab_event": "Push Hook"} | standard(OTHER_KEY)),
        ("secret", {"x_holdoff_secret": "plain-7f3a"}),
    ],
)
def test_a_scheme_without_a_secret_is_named(scheme: str, headers: dict[str, str]) -> None:
    others = {one: several for one, several in SECRETS.items() if one not in (scheme, "standard")}
    message = refused(request(**headers), others)
    assert f"in HOLDOFF_WEBHOOK_{scheme.upper()}" in message


STRONGEST_FIRST = (
    {"x_hub_signature_256": hub("guess")},
    standard(OTHER_KEY),
    {"x_gitlab_token": "guess"},
    {"x_holdoff_secret": "plain-7f3a", "authorization": "Bearer plain-7f3a"},
)


@pytest.mark.parametrize("place", range(3))
def test_a_weaker_scheme_does_not_help_who_fails_by_a_stronger(place: int) -> None:
    """Every valid header of the schemes below, and a wrong one above: refused, configured or not."""
    valid = [{"x_hub_signature_256": hub()}, standard(), {"x_gitlab_token": "lab-7f3a"}]
    below: dict[str, str] = {}
    for one in (*valid[place + 1 :], STRONGEST_FIRST[3]):
        below |= one
    asked = request(**below | STRONGEST_FIRST[place])
    refused(asked)
    name = ("github", "standard", "gitlab")[place]
    refused(asked, {one: several for one, several in SECRETS.items() if one != name})
