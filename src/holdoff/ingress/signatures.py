"""Whether a webhook is signed as it should be. Pure: the time is an argument, the secrets are given.

The strongest scheme whose headers a request carries judges it, alone: a request with GitHub's header is never let in by
a shared secret beside it, whatever is configured. What no scheme knows is refused.

* ``github``: ``X-Hub-Signature-256``, HMAC-SHA256 of the body. Its older neighbour with SHA-1 counts for nothing.
  https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
* ``standard``: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, HMAC-SHA256 of id, time and body, good
  for five minutes. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
* ``gitlab``: its signing tokens (``whsec_...``, from GitLab 19.0) are the same; its older secret tokens come as they
  are in ``X-Gitlab-Token``. https://docs.gitlab.com/user/project/integrations/webhooks/
* ``secret``: the secret itself, in ``X-Holdoff-Secret`` or as ``Authorization: Bearer``. For what can do no better.

All comparisons take the same time wherever the texts differ.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError, SignatureError
from holdoff.settings import Words

if TYPE_CHECKING:
    from holdoff.ingress.events import HttpRequest

#: By scheme ("github", "gitlab", "standard", "secret"); several of one, so that they can be rotated. Only those of the
#: scheme that judges a request are asked for.
Secrets = Mapping[str, Sequence[str]]

TOLERANCE_MS: Final = 300_000
_STANDARD: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_PREFIX: Final = "whsec_"
#: Epoch seconds, in as many digits as any year of ours takes.
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def check(request: HttpRequest, secrets: Secrets, now_ms: int) -> str:
    """The scheme by which the request is signed: "github", "standard", "gitlab" or "secret".

    Raises:
        SignatureError: it is not signed, or not as it should be.
    """
    headers = request.headers
    if not secrets:
        raise SignatureError(
            "no webhook is let in: no secret is configured",
            hint="Name one in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_GITHUB, _GITLAB, _STANDARD or _SECRET",
        )
    if "x-hub-signature-256" in headers or "x-hub-signature" in headers:
        return _github(request, _usable(secrets, "github"))
    if any(name in headers for name in _STANDARD):
        return _standard(request, secrets, now_ms)
    if "x-gitlab-token" in headers:
        tokens = [one for one in _usable(secrets, "gitlab") if not one.startswith(_PREFIX)]
        return _same("gitlab", "X-Gitlab-Token", headers["x-gitlab-token"], tokens)
    if (given := _shared(headers)) is not None:
        return _same("secret", "the shared secret", given, _usable(secrets, "secret"))
    raise SignatureError("a webhook was not signed: it has no header of any scheme")


def _usable(secrets: Secrets, scheme: str) -> list[str]:
    return [one for one in secrets.get(scheme, ()) if one.strip()]


def _github(request: HttpRequest, secrets: Sequence[str]) -> str:
    given = request.headers.get("x-hub-signature-256")
    if given is None:
        raise SignatureError(
            "a webhook has only X-Hub-Signature; X-Hub-Signature-256 is what counts"
        )
    _must_have(secrets, "github", "X-Hub-Signature-256")
    made = ("sha256=" + _hmac(_bytes(one), request.body).hex() for one in secrets)
    if not _any_equal(given, made):
        raise SignatureError("X-Hub-Signature-256 is not that of the body with a secret of ours")
    return "github"


def _standard(request: HttpRequest, secrets: Secrets, now_ms: int) -> str:
    """Signing by Standard Webhooks; what names itself GitLab's is signed with a signing token of GitLab's."""
    keys = [_key(one, "standard") for one in _usable(secrets, "standard")]
    scheme = "standard"
    if "x-gitlab-event" in request.headers:
        scheme = "gitlab"
        tokens = [one for one in _usable(secrets, "gitlab") if one.startswith(_PREFIX)]
        keys += [_key(one, "gitlab") for one in tokens]
    _must_have(keys, scheme, "webhook-signature")
    values = [request.headers.get(name) for name in _STANDARD]
    own_id, timestamp, signatures = (value or "" for value in values)
    if not (own_id and timestamp and signatures):
        raise SignatureError(f"a webhook has some of the headers {', '.join(_STANDARD)}, not all")
    if not _SECONDS.fullmatch(timestamp) or abs(now_ms - 1000 * int(timestamp)) > TOLERANCE_MS:
        minutes = TOLERANCE_MS // 60_000
        raise SignatureError(f"webhook-timestamp is not within {minutes} minutes of our clock")
    signed = _bytes(f"{own_id}.{timestamp}.") + request.body
    made = ["v1," + base64.b64encode(_hmac(key, signed)).decode() for key in keys]
    if not any([_any_equal(given, made) for given in signatures.split(" ")]):  # noqa: C419
        raise SignatureError("webhook-signature is not that of the webhook with a secret of ours")
    return scheme


def _key(secret: str, scheme: str) -> bytes:
    """The key in a secret: base64, after the prefix, padded or not."""
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        want = f"a key in base64, with or without {_PREFIX}"
        raise ConfigError(field=f"the secret for webhooks.{scheme}", got=Words("no key"), want=want)
    return key


def _shared(headers: Mapping[str, str]) -> str | None:
    if "x-holdoff-secret" in headers:
        return headers["x-holdoff-secret"]
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _same(scheme: str, what: str, given: str, secrets: Sequence[str]) -> str:
    _must_have(secrets, scheme, what)
    if not _any_equal(given, secrets):
        raise SignatureError(f"{what} is none of those configured")
    return scheme


def _must_have(secrets: Sequence[object], scheme: str, what: str) -> None:
    if not secrets:
        raise SignatureError(
            f"a webhook came with {what}, and there is no secret for it",
            hint=f"Name one as {scheme} in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_{scheme.upper()}",
        )


def _any_equal(given: str, ours: Iterable[str]) -> bool:
    """All are compared, so that the time tells nothing of which it was."""
    return any([hmac.compare_digest(_bytes(given), _bytes(one)) for one in ours])  # noqa: C419


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
