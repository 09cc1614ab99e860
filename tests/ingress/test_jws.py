"""Netlify's signature: what PyJWT signs gets in, and nothing that PyJWT refuses."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import SignatureError
from holdoff.ingress.events import jws
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.signatures import check
from tests.ingress.signed import NOW_MS, SECRETS, webhooks

SECRET = SECRETS["netlify"]
BODY = b'{"id": "5f3c", "state": "ready"}'
DIGEST = hashlib.sha256(BODY).hexdigest()
SAID = {"iss": "netlify", "sha256": DIGEST}
NOW_S = NOW_MS // 1000
#: Each with a secret that is long enough: PyJWT warns of others.
LONG = "n" * 32
#: https://www.rfc-editor.org/rfc/rfc7515#appendix-A.1
RFC_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
RFC_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


def part(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def is_let_in(token: str, secret: str = LONG, body: bytes = BODY) -> bool:
    headers = {"x-netlify-event": "deploy_created", "x-webhook-signature": token}
    request = HttpRequest(method="POST", path="/hooks/site", headers=headers, body=body)
    try:
        return check(request, webhooks({"netlify": [secret]}), NOW_MS).origin.scheme == "netlify"
    except SignatureError as error:
        assert secret not in str(error)
        return False


def test_what_pyjwt_signs_gets_in_and_is_told_as_it_is() -> None:
    token = jwt.encode(SAID, LONG, algorithm="HS256")
    assert is_let_in(token)
    assert jws.claims_of(token, LONG.encode(), NOW_MS, 0) == SAID


def test_the_example_of_the_rfc() -> None:
    key = base64.urlsafe_b64decode(f"{RFC_KEY}==")
    early, late = 1_300_819_379_000, 1_300_819_380_000
    assert jws.claims_of(RFC_TOKEN, key, early, 0) == jwt.decode(
        RFC_TOKEN, key, algorithms=["HS256"], options={"verify_exp": False}
    )
    assert jws.claims_of(RFC_TOKEN, key, late, 0) == {}


WRONG: dict[str, str] = {
    "another secret": jwt.encode(SAID, "o" * 32, algorithm="HS256"),
    "another issuer": jwt.encode(SAID | {"iss": "netlify.example"}, LONG, algorithm="HS256"),
    "no issuer": jwt.encode({"sha256": DIGEST}, LONG, algorithm="HS256"),
    "another body": jwt.encode(SAID | {"sha256": hashlib.sha256(b"").hexdigest()}, LONG, algorithm="HS256"),
    "no digest": jwt.encode({"iss": "netlify"}, LONG, algorithm="HS256"),
    "a digest that is a list": jwt.encode(SAID | {"sha256": [DIGEST]}, LONG, algorithm="HS256"),
    "another HMAC": jwt.encode(SAID, LONG * 2, algorithm="HS512"),
    "no algorithm": jwt.encode(SAID, "", algorithm="none"),
    "no signature": jwt.encode(SAID, LONG, algorithm="HS256").rpartition(".")[0] + ".",
    "two parts": jwt.encode(SAID, LONG, algorithm="HS256").rpartition(".")[0],
    "what must be understood": jwt.encode(SAID, LONG, algorithm="HS256", headers={"crit": ["b64"], "b64": True}),
    "over": jwt.encode(SAID | {"exp": NOW_S - 600}, LONG, algorithm="HS256"),
    "not yet": jwt.encode(SAID | {"nbf": NOW_S + 600}, LONG, algorithm="HS256"),
    "nothing": "",
    "parts of one letter": "a.a.a",
    "a list": f"{part([])}.{part([])}.{part([])}",
    "no JSON": "e30x.e30x.e30x",
    "deep": f"{base64.urlsafe_b64encode(b'[' * 60_000).decode()}.e30.e30",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_none_is_refused(name: str) -> None:
    assert not is_let_in(WRONG[name])


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "hs256", None])
def test_the_algorithm_is_not_the_tokens_to_choose(algorithm: str | None) -> None:
    """A signature that is right counts for nothing under another name."""
    _, claims, _ = jwt.encode(SAID, LONG, algorithm="HS256").split(".")
    signed = f"{part({'alg': algorithm})}.{claims}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signed.encode(), LONG.encode())
    assert not is_let_in(f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


def decoded(token: str) -> Any:
    """What PyJWT makes of it, whose clock is now."""
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_sub": False}
    try:
        return jwt.decode(token, LONG, algorithms=["HS256"], options=options | {"verify_jti": False})
    except jwt.InvalidTokenError:
        return {}


TOKEN = jwt.encode(SAID, LONG, algorithm="HS256")


@given(place=st.integers(0, len(TOKEN) - 1), mark=st.sampled_from("A0z-_.=+/ \n\x00é"))
def test_a_token_with_another_letter_is_good_where_pyjwt_says_so_at_most(place: int, mark: str) -> None:
    token = TOKEN[:place] + mark + TOKEN[place + 1 :]
    found = jws.claims_of(token, LONG.encode(), NOW_MS, 0)
    assert found in ({}, decoded(token))
    assert token == TOKEN or found in ({}, SAID)
