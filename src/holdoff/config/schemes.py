"""How senders of webhooks prove who they are: a row for each header, or other place, in which a proof comes.

Most senders sign the body with a keyed hash (HMAC), some together with the time. Other senders send the secret itself,
in a header, in the body or in the URL. A sender that can do both has several rows. ``ingress.events.signatures`` goes
by this table and by the rows that a user adds in ``[webhooks.NAME]``, which have the same class.

From strong to weak: a signature over body and time, over the body, over the body by SHA-1; the secret itself, or a
signature over the time alone; the secret in a body; the secret in a URL.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from holdoff.core.value import Value

TOLERANCE_MS: Final = 300_000
ALGORITHMS: Final = ("sha1", "sha256", "sha512")
ENCODINGS: Final = ("hex", "base64", "base64url")
#: The field of a body or a query that has the secret.
FIELD: Final = "secret"


class Scheme(Value):
    """One way to prove who sent a webhook."""

    name: str  #: the name of its secrets in ``[webhooks]``
    #: Where the proof is: a header, the field ``secret`` of a JSON body, or the URL.
    place: Literal["header", "body", "url"] = "header"
    header: str = ""  #: its name, in lower case
    prefix: str = ""  #: the text before the proof; ``{time}`` in it is the time of signing, a number
    several: bool = False  #: whether a header may hold several proofs, separated by spaces, of which one is enough
    algorithm: str | None = "sha256"  #: of the HMAC; ``None``: the secret itself is sent
    #: Of the HMAC. ``base64url`` is with padding or without. Of a secret, ``basic``: HTTP's Basic.
    encoding: str = "hex"
    #: What is signed. There are ``{body}``, ``{time}``, ``{id}``, ``{method}``, ``{target}``, ``{headers}``, and
    #: ``{key}``, the secret. Without ``{body}`` it proves no more than the secret itself, and the time.
    signed: str = "{body}"
    form: bool = False  #: whether the field ``payload`` of a form may be signed instead of the form
    id: str | None = None  #: the header for which ``{id}`` stands
    time: str | None = None  #: the header for which ``{time}`` stands: seconds or milliseconds
    tolerance_ms: int = TOLERANCE_MS  #: how far that time may be from our clock
    listed: str | None = None  #: the header that lists the headers for which ``{headers}`` stands
    #: Headers that this sender sends with every webhook. A webhook without one of them is refused: they tell senders
    #: apart, and an event that one sender signed must not be read as another's.
    needs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()  #: headers that another scheme has, and this scheme never
    whsec: bool | None = None  #: whether its secrets have to begin with ``whsec_``, or must not; ``None``: either
    key: Literal["text", "base64"] = "text"  #: what a secret is: the key as ``text``, or in ``base64``
    only_200: bool = False  #: whether this sender treats every other status as a failure
    #: The claims that a JSON Web Signature must have, if it is the proof. ``{sha256}``: the body's, in hex.
    claims: tuple[tuple[str, str], ...] = ()

    @property
    def is_timed(self) -> bool:
        return "{time}" in self.prefix or self.time is not None

    @property
    def beside(self) -> tuple[str, ...]:
        """The headers without which a signature proves nothing."""
        return tuple(name for name in (self.id, self.time, self.listed) if name)

    @property
    def strength(self) -> int:
        """0 is the strongest. Rows of one strength stay in the order of their table."""
        if self.algorithm is None or "{body}" not in self.signed:
            return {"header": 3, "body": 4, "url": 5}[self.place]
        return 2 if self.algorithm == "sha1" else 0 if self.is_timed else 1


def _standard(name: str, headers: str = "webhook", **more: Any) -> Scheme:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    return Scheme(
        name=name,
        header=f"{headers}-signature",
        prefix="v1,",
        several=True,
        encoding="base64",
        signed="{id}.{time}.{body}",
        id=f"{headers}-id",
        time=f"{headers}-timestamp",
        key="base64",
        **more,
    )


def _secret(name: str, header: str, **more: Any) -> Scheme:
    return Scheme(name=name, header=header, algorithm=None, **more)


SCHEMES: Final = (
    # From GitLab 19.0: https://docs.gitlab.com/user/project/integrations/webhooks/
    _standard("gitlab", whsec=True, needs=("x-gitlab-event",)),
    _standard("standard"),
    # https://docs.svix.com/receiving/verifying-payloads/how-manual
    _standard("standard", "svix"),
    # https://www.sanity.io/docs/webhooks. It retries for half an hour, and does not say whether it signs again.
    Scheme(
        name="sanity",
        header="sanity-webhook-signature",
        prefix="t={time},v1=",
        encoding="base64url",
        signed="{time}.{body}",
        tolerance_ms=3_600_000,
    ),
    # https://www.contentful.com/developers/docs/webhooks/request-verification/
    Scheme(
        name="contentful",
        header="x-contentful-signature",
        signed="{method}\n{target}\n{headers}\n{body}",
        time="x-contentful-timestamp",
        listed="x-contentful-signed-headers",
        needs=("x-contentful-topic",),
    ),
    # Each of these three also sends the headers of those below it. https://forgejo.org/docs/latest/user/webhooks/
    Scheme(name="forgejo", header="x-forgejo-signature", form=True, needs=("x-forgejo-event",)),
    # https://docs.gitea.com/usage/webhooks
    Scheme(name="gitea", header="x-gitea-signature", form=True, needs=("x-gitea-event",)),
    # https://gogs.io/docs/features/webhook
    Scheme(name="gogs", header="x-gogs-signature", form=True, needs=("x-gogs-event",)),
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. A form is signed as it is;
    # ``form`` is for Gitea, which sends this header, too.
    Scheme(name="github", header="x-hub-signature-256", prefix="sha256=", form=True, needs=("x-github-event",)),
    # Cloud: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
    # Data Center: https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html
    Scheme(name="bitbucket", header="x-hub-signature", prefix="sha256=", needs=("x-event-key",)),
    # A JSON Web Signature: https://docs.netlify.com/deploy/deploy-notifications/#payload-signature
    Scheme(
        name="netlify",
        header="x-webhook-signature",
        claims=(("iss", "netlify"), ("sha256", "{sha256}")),
        needs=("x-netlify-event",),
    ),
    # https://vercel.com/docs/webhooks/webhooks-api#securing-webhooks
    Scheme(name="vercel", header="x-vercel-signature", algorithm="sha1"),
    # https://www.storyblok.com/docs/concepts/webhooks
    Scheme(name="storyblok", header="webhook-signature", algorithm="sha1", without=("webhook-id", "webhook-timestamp")),
    _secret("gitlab", "x-gitlab-token", whsec=False, needs=("x-gitlab-event",)),
    # With a key it signs the time alone: https://help.gitee.com/webhook/how-to-verify-webhook-keys
    Scheme(
        name="gitee",
        header="x-gitee-token",
        encoding="base64",
        signed="{time}\n{key}",
        time="x-gitee-timestamp",
        tolerance_ms=3_600_000,
        needs=("x-gitee-event",),
    ),
    # https://help.gitee.com/webhook/gitee-webhook-push-data-format
    _secret("gitee", "x-gitee-token", needs=("x-gitee-event",)),
    # https://huggingface.co/docs/hub/webhooks
    _secret("huggingface", "x-webhook-secret"),
    _secret("secret", "x-holdoff-secret"),
    _secret("secret", "authorization", prefix="Bearer "),
    _secret("bitbucket", "authorization", prefix="Basic ", encoding="basic", needs=("x-event-key",)),
    _secret("secret", "authorization", prefix="Basic ", encoding="basic"),
    # https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks
    _secret("azure", "authorization", prefix="Basic ", encoding="basic"),
    # https://prismic.io/docs/webhooks
    Scheme(name="prismic", place="body", algorithm=None, only_200=True),
    Scheme(name="url", place="url", algorithm=None),
)
NAMES: Final = tuple(dict.fromkeys(scheme.name for scheme in SCHEMES))
#: Headers that tell which sender's event a request is.
EVENT_HEADERS: Final = frozenset(name for scheme in SCHEMES for name in scheme.needs)

#: Words in the name of a header that may hold a secret. A short word counts only if it stands alone.
_SECRET: Final = re.compile(
    r"access|api.?key|assert|auth|bearer|cert|claim|cookie|cred|csrf|hmac|identity|jwt|key|oidc|pass|principal|private|pwd"
    r"|saml|secret|security|sess|sign|ticket|token|verif|xsrf|(^|[-_])(2fa|mac|mfa|nonce|t?otp|pin|pw|sid|sig)($|[-_])"
)
_HARMLESS: Final = re.compile(r".*(idempotency-key|event-key)|access-control-.*")


def may_be_secret(header: str) -> bool:
    """Whether a header of this name, in lower case, may hold a secret: rules, logs and dead letters do not get it."""
    return _SECRET.search(header) is not None and not _HARMLESS.fullmatch(header)
