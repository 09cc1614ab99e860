"""Who sent a webhook, by its signature, and so its power. Pure: the caller gives time and secrets.

The table ``config.schemes`` says which headers (or other places) hold a proof, and what the proof covers. **One place
alone decides on a request: the strongest place that has a proof, and for which a secret is configured.** A wrong
signature there is refused, even if a proof in another place is right. All schemes of this place are tried, each with
all its secrets. A request without any proof is refused. The header that names the sender's event must be there, too.

A secret that cannot be fetched keeps out its own sender only. A proof by another secret still counts.

All comparisons take the same time, wherever the texts differ.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from holdoff.config.schemes import FIELD, SCHEMES, Scheme
from holdoff.core.errors import ConfigError, EventError, HoldoffError, SignatureError
from holdoff.core.shown import Unquoted
from holdoff.core.value import Value
from holdoff.ingress.events import jws
from holdoff.ingress.events.http import HttpRequest, content_of, form_of, with_content
from holdoff.ingress.events.message import Origin
from holdoff.references import shown_reference

_PREFIX: Final = re.compile(r"(v1,)?whsec_")
_TIME: Final = re.compile("[0-9]{1,13}")
#: From this number on a time is in milliseconds: in seconds it would be in the year 5138.
_MILLISECONDS: Final = 10**11
_FIELDS: Final = re.compile(r"\{(\w+)\}")
_ENCODE: Final[dict[str, Callable[[bytes], Sequence[bytes]]]] = {
    "hex": lambda digest: (digest.hex().encode(), digest.hex().upper().encode()),
    "base64": lambda digest: (base64.b64encode(digest),),
    "base64url": lambda digest: (text := base64.urlsafe_b64encode(digest), text.rstrip(b"=")),
}
#: A larger body is not parsed before it is proved: from 6 KB, compressed, a stranger could make 600 MB of objects.
MOST_UNPROVED: Final = 262_144


class Secret(Value):
    """One secret of a scheme."""

    at: str  #: its setting, for errors
    reference: str  #: where it is, for errors
    fetch: Callable[[], str]  #: gets the secret, or raises a ``HoldoffError``
    projects: tuple[str, ...] | None = None  #: the projects for which it is valid; ``None``: all


class Webhooks(Value):
    """The secrets of each scheme, by the scheme's name, and the user's own schemes."""

    secrets: Mapping[str, Sequence[Secret]] = {}
    own: tuple[Scheme, ...] = ()

    def places(self) -> Iterable[list[Scheme]]:
        """The schemes of each place that may have a proof, the strongest place first."""
        places: dict[tuple[str, str], list[Scheme]] = {}
        for scheme in sorted((*SCHEMES, *self.own), key=lambda one: one.strength):
            places.setdefault((scheme.place, scheme.header), []).append(scheme)
        return places.values()


#: A scheme and a secret that prove a request.
_Proof = tuple[Scheme, Secret]


class Checked(Value):
    """A request whose sender is known. ``origin``: its power; ``request``: the request without its secrets."""

    origin: Origin
    request: HttpRequest
    only_200: bool = False  #: whether its sender takes any other status for a failure


def check(request: HttpRequest, webhooks: Webhooks, now_ms: int) -> Checked:
    """Check who sent a request.

    Raises:
        SignatureError: it is not signed, or not correctly.
        ConfigError, StoreUnavailable: a secret that may have signed it cannot be fetched.
    """
    if not any(webhooks.secrets.values()):
        raise SignatureError(
            "no webhook is let in: no secret is configured",
            hint="Name one in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_GITHUB and its like",
        )
    missing: dict[str, HoldoffError] = {}  # why a sender's secrets cannot be fetched, by the sender's name
    for schemes in webhooks.places():
        # If a sender's secret cannot be fetched, only its other proofs count: GitLab signs, and sends its token.
        names = missing or webhooks.secrets
        tried = [one for one in schemes if one.name in names and _is_in(request, one)]
        proofs, wrong, unknown = _tried(request, tried, webhooks, now_ms)
        if proofs:
            return _checked(request, proofs, webhooks)
        # The last part of a path is tried, and need not be a secret.
        if wrong and (schemes[0].place != "url" or _url_secrets(request)):
            raise next(iter(unknown.values()), wrong[0])  # the secret that is missing may prove the request
        missing |= unknown
    raise next(iter(missing.values()), None) or _unsigned(request)


def _tried(
    request: HttpRequest, schemes: list[Scheme], webhooks: Webhooks, now_ms: int
) -> tuple[list[_Proof], list[SignatureError], dict[str, HoldoffError]]:
    """Try every secret of these schemes: what proves the request, what is wrong with it by the other secrets, and why a
    sender's secrets cannot be fetched.

    Several senders may use one header: GitLab and all that sign as Standard Webhooks do. If other headers say whose the
    request is (``needs``), another sender's secret that does not fit is no error. Another sender's secret that cannot
    be fetched counts only if that sender's own secret does not fit.
    """
    own = {one.name for one in schemes if one.needs and all(map(request.headers.get, one.needs))}
    proofs: list[_Proof] = []
    wrong: list[SignatureError] = []
    unknown: dict[str, HoldoffError] = {}
    for scheme, secret in ((one, secret) for one in schemes for secret in webhooks.secrets[one.name]):
        try:
            key = secret.fetch()
            if scheme.whsec in (None, _PREFIX.match(key) is not None):
                _prove(request, scheme, _key(key, scheme, secret), now_ms)
                proofs.append((scheme, secret))
        except SignatureError as error:
            wrong += [error] if not own or scheme.name in own else []
        except HoldoffError as error:
            unknown[scheme.name] = error
    if own and not wrong:
        unknown = {name: error for name, error in unknown.items() if name in own}
    return proofs, wrong, unknown


def _checked(request: HttpRequest, proofs: list[_Proof], webhooks: Webhooks) -> Checked:
    bound = [secret.projects for _, secret in proofs]
    projects = None if None in bound else tuple(dict.fromkeys(name for several in bound for name in several or ()))
    scheme = proofs[0][0]
    origin = Origin(outside=True, scheme=scheme.name, projects=projects)
    by_path = _has_secret_in_path(request, webhooks)
    bare = _without_secrets(request, {one.header for one in (*SCHEMES, *webhooks.own)}, by_path=by_path)
    return Checked(origin=origin, request=bare, only_200=scheme.only_200)


def _unsigned(request: HttpRequest) -> SignatureError:
    """An error that names the proof for which no secret is configured."""
    carried = [one for one in SCHEMES if one.place == "header" and _is_in(request, one)]
    likely = next((one for one in carried if {*one.needs, *one.beside} <= request.headers.keys()), None)
    if likely is None:
        hint = "Give the sender the secret that [webhooks] of holdoff.toml, or HOLDOFF_WEBHOOK_..., has for it"
        if request.headers.get("x-hub-signature"):
            hint = "GitHub's SHA-1 (X-Hub-Signature) does not: it sends X-Hub-Signature-256 beside it"
        return SignatureError("a webhook was not signed in any way that counts", hint=hint)
    return SignatureError(
        f"a webhook came with {likely.header.title()}, and there is no secret for it",
        hint=f"Name one as {likely.name} in [webhooks] of holdoff.toml, or in HOLDOFF_WEBHOOK_{likely.name.upper()}",
    )


# --- proofs ----------------------------------------------------------------------------------------


def _is_in(request: HttpRequest, scheme: Scheme) -> bool:
    """Whether a request has a proof of this scheme, right or wrong."""
    if scheme.place == "body":
        return _body_secret(request) is not None
    if scheme.place == "url":
        return True
    given = request.headers.get(scheme.header)
    # Without a secret Gitea sends empty signature headers.
    if given in (None, "", "sha1=", scheme.prefix) or any(name in request.headers for name in scheme.without):
        return False
    return scheme.algorithm is not None or given.lower().startswith(scheme.prefix.lower())


def _prove(request: HttpRequest, scheme: Scheme, key: bytes, now_ms: int) -> None:
    """Raise a ``SignatureError`` if this key does not prove a request."""
    for name in scheme.needs:
        if not request.headers.get(name):
            raise SignatureError(f"a webhook came with {scheme.header.title()}, and without {name.title()}")
    if scheme.algorithm is None:  # front ends read what is in a header as Latin-1
        is_right = _is_one_of(_secrets(request, scheme), [key, key.decode("latin-1").encode()])
    elif scheme.claims:
        said = jws.claims_of(request.headers[scheme.header], key, now_ms, scheme.tolerance_ms)
        digests = [hashlib.sha256(body).hexdigest() for body in _bodies(request, scheme)]
        wanted = [{name: text.replace("{sha256}", one) for name, text in scheme.claims} for one in digests]
        is_right = any(one.items() <= said.items() for one in wanted)
    else:
        given = request.headers[scheme.header]
        several = given.split(" ") if scheme.several else [given]
        is_right = _is_one_of(several, list(_signatures(request, scheme, key, _time(request, scheme, now_ms))))
    if not is_right:
        what = scheme.header.title() or f"the secret in its {'URL' if scheme.place == 'url' else 'body'}"
        raise SignatureError(f"{what} is none of those that are right by a secret of ours")


def _is_one_of(given: Sequence[str], right: Sequence[bytes]) -> bool:
    """Compares all, so that the time does not tell which one was right."""
    return any([hmac.compare_digest(_bytes(one), other) for one in given for other in right])  # noqa: C419


def _secrets(request: HttpRequest, scheme: Scheme) -> list[str]:
    """The secrets in a request."""
    if scheme.place == "body":
        return [_body_secret(request) or ""]
    if scheme.place == "url":
        found = _url_secrets(request) or [_last_part(request)]
        return found if len(found) == 1 else []  # else a request could guess as often as its URL is long
    given = request.headers[scheme.header][len(scheme.prefix) :]
    if scheme.encoding != "basic":
        return [given.strip() if scheme.prefix else given]
    try:
        both = base64.b64decode(given.strip(), validate=True).decode()
    except ValueError:
        return []
    return [both, both.partition(":")[2]]  # a secret may be meant with the user's name or without


def _signatures(request: HttpRequest, scheme: Scheme, key: bytes, time: str) -> Iterator[bytes]:
    """The right signatures, over each form of the body that the sender may have signed."""
    before, _, after = scheme.signed.partition("{body}")
    fill = {"time": time, "id": request.headers.get(scheme.id or "", ""), "method": request.method}
    fill["key"] = key.decode(errors="replace")
    if scheme.listed:
        fill |= {"target": _target(request), "headers": _listed(request, scheme)}
    head, tail = (_bytes(_FIELDS.sub(lambda field: fill[field[1]], part)) for part in (before, after))
    for body in _bodies(request, scheme) if "{body}" in scheme.signed else [b""]:
        digest = hmac.digest(key, head + body + tail, scheme.algorithm or "")
        for text in _ENCODE[scheme.encoding](digest):
            yield _bytes(scheme.prefix.replace("{time}", time)) + text


def _bodies(request: HttpRequest, scheme: Scheme) -> Iterator[bytes]:
    yield request.body
    if request.sent is not None:
        yield request.sent
    try:
        fields = form_of(request) if scheme.form and len(request.body) <= MOST_UNPROVED else None
    except EventError:
        return
    if fields and "payload" in fields:
        yield _bytes(fields["payload"])


def _time(request: HttpRequest, scheme: Scheme, now_ms: int) -> str:
    """The time of signing, as it was sent; empty, if the scheme has none."""
    if not scheme.is_timed:
        return ""
    if not all(request.headers.get(name) for name in scheme.beside):
        raise SignatureError(f"a webhook has some of the headers {', '.join((*scheme.beside, scheme.header))}, not all")
    given = request.headers[scheme.time or scheme.header]
    if scheme.time is None:
        before, _, after = map(re.escape, scheme.prefix.partition("{time}"))
        found = re.match(f"{before}({_TIME.pattern}){after}", given)
        given = found[1] if found else ""
    elif scheme.listed and scheme.time not in _names(request, scheme.listed):
        given = ""  # a time that is not signed proves nothing
    ms = int(given) * (1 if int(given) >= _MILLISECONDS else 1000) if _TIME.fullmatch(given) else None
    if ms is None or abs(now_ms - ms) > scheme.tolerance_ms:
        what = scheme.time or scheme.header
        raise SignatureError(f"{what} is not within {scheme.tolerance_ms // 60_000} minutes of our clock")
    return given


def _key(secret: str, scheme: Scheme, from_: Secret) -> bytes:
    """The key in a secret: its text, or base64 with or without a prefix, padded or not."""
    if scheme.key == "text":
        return _bytes(secret)
    text = _PREFIX.sub("", secret, count=1).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        got = Unquoted(f"{shown_reference(from_.reference)}, where no key is")
        raise ConfigError(field=from_.at, got=got, want="that of a key in base64, with or without whsec_")
    return key


def _target(request: HttpRequest) -> str:
    """The path and query, as Contentful signs them: @contentful/node-apps-toolkit, getNormalizedEncodedURI."""
    path, query = request.target or request.path, request.query.partition("?")[0]
    # What Node's querystring.escape leaves as it is, then encodeURI.
    query = quote(query, safe="-_.!~*'()", errors="replace")
    return quote(f"{path}?{query}" if query else path, safe=";,/?:@&=+$-_.!~*'()#", errors="replace")


def _listed(request: HttpRequest, scheme: Scheme) -> str:
    """The headers that are signed, in Contentful's form."""
    names = sorted(_names(request, scheme.listed or "") & request.headers.keys())
    return ";".join(f"{name}:{request.headers[name].strip()}" for name in names)


def _names(request: HttpRequest, listed: str) -> set[str]:
    return {name.strip().lower() for name in request.headers[listed].split(",")}


# --- without its secrets ---------------------------------------------------------------------------


def _without_secrets(request: HttpRequest, proofs: set[str], *, by_path: bool) -> HttpRequest:
    """The request as rules, logs and dead letters may see it: without these headers, and without other secrets."""
    headers = {name: value for name, value in request.headers.items() if name not in proofs}
    path, query = request.path, request.query
    if by_path:
        path = path.rstrip("/").rpartition("/")[0] or "/"
    if _url_secrets(request):
        pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != FIELD]
        query = urlencode(pairs, errors="replace")
    request = request.but(headers=headers, path=path, query=query, target=None)
    content = _object(request)
    # Gitee's secret is in its header and in the field ``password``.
    bare = {key: value for key, value in content.items() if key not in (FIELD, "password")}
    return request if len(bare) == len(content) else with_content(request, bare)


def _has_secret_in_path(request: HttpRequest, webhooks: Webhooks) -> bool:
    """Whether the path ends with a secret, whatever proved the request."""
    found = False
    for secret in webhooks.secrets.get("url", ()):
        with suppress(HoldoffError):
            found |= hmac.compare_digest(_bytes(secret.fetch()), _bytes(_last_part(request)))
    return found


def _last_part(request: HttpRequest) -> str:
    return unquote(request.path.rstrip("/").rpartition("/")[2])


def _url_secrets(request: HttpRequest) -> list[str]:
    return [value for name, value in parse_qsl(request.query) if name == FIELD]


def _body_secret(request: HttpRequest) -> str | None:
    """The text in the field ``secret`` of a body; ``None``: there is none, or the body is too large to be parsed."""
    found = _object(request).get(FIELD) if len(request.body) <= MOST_UNPROVED else None
    return found if isinstance(found, str) else None


def _object(request: HttpRequest) -> dict[str, object]:
    try:
        content = content_of(request)
    except EventError:
        return {}
    return content if isinstance(content, dict) else {}


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
