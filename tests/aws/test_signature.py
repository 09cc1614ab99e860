"""Our signature is botocore's, over whatever is signed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from holdoff.aws.signature import Signer

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
KEY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=1, max_size=60)
VALUE = st.text([chr(code) for code in range(33, 127)], min_size=1, max_size=60)
PATH = st.lists(st.text("abcXYZ019-_.~", min_size=1, max_size=20).filter(lambda part: part.strip(".")), max_size=3)
#: botocore signs none of these, or takes them for the time; no request of ours has them.
UNSIGNED = {*botocore.auth.SIGNED_HEADERS_BLACKLIST, "authorization", "x-amz-date", "date"}
HEADERS = st.dictionaries(WORD.filter(lambda name: name not in UNSIGNED), VALUE, max_size=5)


#: The id of a key, the key, and the session's token.
Keys = tuple[str, str, str]


def by_botocore(keys: Keys, where: tuple[str, str], path: str, headers: dict[str, str], body: bytes, now_s: int) -> Any:
    """What botocore makes of it at that instant."""
    request = AWSRequest("POST", f"https://{headers['host']}{path}", dict(headers), body)
    now = datetime.fromtimestamp(now_s, UTC).replace(tzinfo=None)
    with patch.object(botocore.auth, "get_current_datetime", lambda: now):
        botocore.auth.SigV4Auth(Credentials(keys[0], keys[1], keys[2] or None), *where).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    keys=st.tuples(KEY, KEY, st.one_of(st.just(""), KEY)),
    where=st.tuples(WORD, WORD),
    path=PATH.map(lambda parts: "/" + "/".join(parts)),
    headers=HEADERS,
    body=st.binary(max_size=200),
    now_s=st.integers(0, 4_000_000_000),
)
def test_it_is_botocores(
    keys: Keys, where: tuple[str, str], path: str, headers: dict[str, str], body: bytes, now_s: int
) -> None:
    headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-security")}
    headers["host"] = "dynamodb.eu-west-1.amazonaws.com"
    ours = Signer(*keys, region=where[1], service=where[0]).signed(path, headers, body, now_s)
    assert ours == by_botocore(keys, where, path, headers, body, now_s)


def test_the_next_day_has_another_key() -> None:
    keys, headers = ("AKID", "s", ""), {"host": "x"}
    signer = Signer(*keys, region="eu-west-1", service="dynamodb")
    for now_s in (0, 86_399, 86_400, 0):
        assert signer.signed("/", headers, b"{}", now_s) == by_botocore(
            keys, ("dynamodb", "eu-west-1"), "/", headers, b"{}", now_s
        )


def test_an_error_report_with_a_signer_among_its_variables_does_not_show_what_is_secret() -> None:
    assert "s3cr3t" not in repr(Signer("AKID", "s3cr3t", "t0k3n", region="eu-west-1", service="dynamodb"))


def test_a_vector_of_aws() -> None:
    """ "post-vanilla" of the Signature Version 4 test suite."""
    keys = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
    signer = Signer(*keys, region="us-east-1", service="service")
    signed = signer.signed("/", {"host": "example.amazonaws.com"}, b"", 1_440_938_160)
    assert signed["x-amz-date"] == "20150830T123600Z"
    assert signed["authorization"].endswith(
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )
