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
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from holdoff.config.checks import Unquoted
from holdoff.core.errors import ConfigError, SignatureError
from holdoff.ingress.events.http import HttpRequest

#: What fetches those of a scheme ("github", "gitlab", "standard", "secret"); several, so that they can be rotated. Only
#: those of the scheme that judges a request are asked for.
Secrets = Mapping[str, Callable[[], Sequence[str]]]

TOLERANCE_MS: Final = 300_000
_STANDARD: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_PREFIX: Final = "whsec_"


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
        given = headers.get("x-hub-signature-256")
        if given is None:
            raise SignatureError("a webhook has only X-Hub-Signature; X-Hub-Signature-256 is what counts")
        digests = [hmac.digest(_bytes(one), request.body, "sha256") for one in _usable(secrets, "github")]
        right = [f"sha256={digest.hex()}" for digest in digests]
        wrong = "X-Hub-Signature-256 is not that of the body with a secret of ours"
        return _compared("github", "X-Hub-Signature-256", [given], right, wrong)
    if any(name in headers for name in _STANDARD):
        return _standard(request, secrets, now_ms)
    if "x-gitlab-token" in headers:
        right = [one for one in _usable(secrets, "gitlab") if not one.startswith(_PREFIX)]
        return _compared("gitlab", "X-Gitlab-Token", [headers["x-gitlab-token"]], right)
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    given = headers.get("x-holdoff-secret", bearer.strip() if kind.lower() == "bearer" else None)
    if given is not None:
        return _compared("secret", "the shared secret", [given], _usable(secrets, "secret"))
    raise SignatureError("a webhook was not signed: it has no header of any scheme")


def _usable(secrets: Secrets, scheme: str) -> list[str]:
    return [one for one in secrets.get(scheme, tuple)() if one.strip()]


def _standard(request: HttpRequest, secrets: Secrets, now_ms: int) -> str:
    """Signing by Standard Webhooks; what names itself GitLab's is signed with a signing token of GitLab's."""
    keys = [_key(one, "standard") for one in _usable(secrets, "standard")]
    scheme = "standard"
    if "x-gitlab-event" in request.headers:
        scheme = "gitlab"
        keys += [_key(one, "gitlab") for one in _usable(secrets, "gitlab") if one.startswith(_PREFIX)]
    own_id, timestamp, given = (request.headers.get(name, "") for name in _STANDARD)
    if not (own_id and timestamp and given):
        raise SignatureError(f"a webhook has some of the headers {', '.join(_STANDARD)}, not all")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(now_ms - 1000 * int(timestamp)) > TOLERANCE_MS:
        raise SignatureError(f"webhook-timestamp is not within {TOLERANCE_MS // 60_000} minutes of our clock")
    signed = _bytes(f"{own_id}.{timestamp}.") + request.body
    right = ["v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    wrong = "webhook-signature is not that of the webhook with a secret of ours"
    return _compared(scheme, "webhook-signature", given.split(" "), right, wrong)


def _key(secret: str, scheme: str) -> bytes:
    """The key in a secret: base64, after the prefix, padded or not."""
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        want = f"a key in base64, with or without {_PREFIX}"
        raise ConfigError(field=f"the secret for webhooks.{scheme}", got=Unquoted("no key"), want=want)
    return key


def _compared(scheme: str, what: str, given: list[str], right: list[str], wrong: str | None = None) -> str:
    """The scheme, where any of what was given is one of those that are right.

    All are compared, so that the time tells nothing of which it was.
    """
    if not right:
        raise SignatureError(
            f"a webhook came with {what}, and there is no secret for it",
            hint=f"Name one as {scheme} in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_{scheme.upper()}",
        )
    if not any([hmac.compare_digest(_bytes(part), _bytes(one)) for part in given for one in right]):  # noqa: C419
        raise SignatureError(wrong or f"{what} is none of those configured")
    return scheme


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
