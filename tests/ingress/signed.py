"""Webhooks as each sender signs them, written by what the senders' documents say and not by the table in src; and the
same requests as each front end hands them on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from holdoff.config.webhooks import webhooks_of
from holdoff.core.errors import ConfigError
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.signatures import Secret, Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from holdoff.core.errors import HoldoffError

NOW_MS = 1_795_395_667_000
KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()
#: One of each; ``acme`` and ``beam`` are schemes of the user's own.
SECRETS: dict[str, str] = {
    "github": "hub-7f3a",
    "gitea": "tea-7f3a",
    "forgejo": "jo-7f3a",
    "gogs": "gogs-7f3a",
    "bitbucket": "bucket-7f3a",
    "gitlab": "lab-7f3a",
    "standard": f"whsec_{KEY}",
    "storyblok": "story-7f3a",
    "netlify": "net-7f3a",
    "vercel": "vc-7f3a",
    "contentful": "c" * 64,
    "sanity": "sane-7f3a",
    "azure": "azure-7f3a",
    "gitee": "tee-7f3a",
    "huggingface": "face-7f3a",
    "prismic": "prism-7f3a",
    "secret": "plain-7f3a",
    "url": "url-7f3a",
    "acme": "acme-7f3a",
    "beam": "beam-7f3a",
}
OWN = webhooks_of(
    {
        "acme": {"secret": "env:ACME", "header": "X-Acme-Mac", "encoding": "base64", "algorithm": "sha512"},
        "beam": {
            "secret": "env:BEAM",
            "header": "X-Beam",
            "prefix": "v0=",
            "timestamp": "X-Beam-Time",
            "signed": "v0:{time}:{body}",
        },
    },
    (),
)


def webhooks(secrets: Mapping[str, Sequence[str | HoldoffError | tuple[str, tuple[str, ...]]]]) -> Webhooks:
    """With these secrets, each a text, or a text and the projects it is for, or why it cannot be had."""

    def fetched(value: str | HoldoffError) -> str:
        if isinstance(value, str):
            return value
        raise value

    def secret(name: str, given: str | HoldoffError | tuple[str, tuple[str, ...]]) -> Secret:
        value, projects = given if isinstance(given, tuple) else (given, None)
        return Secret(at=f"webhooks.{name}", reference="ssm:/it", fetch=partial(fetched, value), projects=projects)

    named = {name: tuple(secret(name, one) for one in several) for name, several in secrets.items()}
    own = tuple(hook.scheme for name, hook in OWN.items() if hook.scheme and name in named)
    return Webhooks(secrets=named, own=own)


def missing(name: str) -> ConfigError:
    """Why a secret cannot be had."""
    return ConfigError(field=f"webhooks.{name}", got=None, want="the name of something not empty")


def mac(secret: str | bytes, content: bytes, algorithm: str = "sha256") -> str:
    """An HMAC, in hexadecimal."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, content, algorithm).hexdigest()


def b64(hexadecimal: str, *, url: bool = False) -> str:
    """The same in base64."""
    raw = bytes.fromhex(hexadecimal)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() if url else base64.b64encode(raw).decode()


def basic(password: str, user: str = "holdoff") -> str:
    """``Authorization`` of HTTP's Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def standard(body: bytes, ms: int, key: str = KEY, name: str = "webhook") -> dict[str, str]:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    signature = b64(mac(base64.b64decode(key), f"msg_1.{ms // 1000}.".encode() + body))
    return {f"{name}-id": "msg_1", f"{name}-timestamp": str(ms // 1000), f"{name}-signature": f"v1,{signature}"}


def gitea(body: bytes, names: Sequence[str], **secrets: str) -> dict[str, str]:
    """https://github.com/go-gitea/gitea: services/webhook/deliver.go, and that of Forgejo: it signs the JSON, and its
    own name is beside those of its forebears."""
    headers: dict[str, str] = {}
    for name in names:
        secret = secrets.get(name, next(iter(secrets.values())))
        headers |= {f"x-{name}-event": "push", f"x-{name}-signature": mac(secret, body)}
    secret = next(iter(secrets.values()))
    headers |= {
        "x-hub-signature": f"sha1={mac(secret, body, 'sha1')}",
        "x-hub-signature-256": f"sha256={mac(secret, body)}",
    }
    return headers | {"x-github-event": "push"}


def gitee(ms: int) -> dict[str, str]:
    """https://help.gitee.com/webhook/how-to-verify-webhook-keys"""
    token = b64(mac(SECRETS["gitee"], f"{ms}\n{SECRETS['gitee']}".encode()))
    return {"x-gitee-event": "Push Hook", "x-gitee-timestamp": str(ms), "x-gitee-token": token}


def contentful(request: HttpRequest, ms: int) -> dict[str, str]:
    """https://www.contentful.com/developers/docs/webhooks/request-verification/"""
    headers = {
        "x-contentful-signed-headers": "x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic",
        "x-contentful-timestamp": str(ms),
        "x-contentful-topic": "ContentManagement.Entry.publish",
    }
    listed = ";".join(f"{name}:{value}" for name, value in sorted(headers.items()))
    canonical = f"POST\n{request.path}\n{listed}\n".encode() + request.body
    return headers | {"x-contentful-signature": mac(SECRETS["contentful"], canonical)}


def netlify(body: bytes, secret: str = SECRETS["netlify"]) -> dict[str, str]:
    """https://docs.netlify.com/deploy/deploy-notifications/#payload-signature"""
    claims = {"iss": "netlify", "sha256": hashlib.sha256(body).hexdigest()}
    parts = [b64(json.dumps(part).encode().hex(), url=True) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = b64(mac(secret, ".".join(parts).encode()), url=True)
    return {"x-netlify-event": "deploy_created", "x-webhook-signature": ".".join((*parts, signature))}


def signed(sender: str, body: bytes = b'{"ref": "refs/heads/main"}', ms: int = NOW_MS) -> HttpRequest:
    """A request of this sender."""
    plain = HttpRequest(method="POST", path="/hooks/site", headers={"content-type": "application/json"}, body=body)
    return SENDERS[sender](plain, ms)


def _with(make: Callable[[bytes, int], dict[str, str]]) -> Callable[[HttpRequest, int], HttpRequest]:
    def request(plain: HttpRequest, ms: int) -> HttpRequest:
        return plain.but(headers={**plain.headers, **make(plain.body, ms)})

    return request


def _form(make: Callable[[bytes, int], dict[str, str]]) -> Callable[[HttpRequest, int], HttpRequest]:
    """In a form the JSON is in the field ``payload``; what is signed is the JSON."""

    def request(plain: HttpRequest, ms: int) -> HttpRequest:
        body = urlencode({"payload": plain.body}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", **make(plain.body, ms)}
        return plain.but(headers=headers, body=body)

    return request


def _in_body(plain: HttpRequest, _ms: int) -> HttpRequest:
    return plain.but(body=json.dumps({**json.loads(plain.body), "secret": SECRETS["prismic"]}).encode())


S = SECRETS
TEA = ("gitea", "gogs")
JO = ("forgejo", "gitea", "gogs")
SENDERS: dict[str, Callable[[HttpRequest, int], HttpRequest]] = {
    "github": _with(
        lambda body, _: {"x-github-event": "push", "x-hub-signature-256": f"sha256={mac(S['github'], body)}"}
    ),
    "gitea": _with(lambda body, _: gitea(body, TEA, gitea=S["gitea"])),
    "gitea form": _form(lambda body, _: gitea(body, TEA, gitea=S["gitea"])),
    "gitea by github": _with(lambda body, _: gitea(body, TEA, github=S["github"])),
    "gitea form by github": _form(lambda body, _: gitea(body, TEA, github=S["github"])),
    "forgejo": _with(lambda body, _: gitea(body, JO, forgejo=S["forgejo"])),
    "gogs": _with(lambda body, _: {"x-gogs-event": "push", "x-gogs-signature": mac(S["gogs"], body)}),
    "bitbucket": _with(
        lambda body, _: {"x-event-key": "repo:push", "x-hub-signature": f"sha256={mac(S['bitbucket'], body)}"}
    ),
    "bitbucket basic": _with(lambda *_: {"x-event-key": "repo:refs_changed", "authorization": basic(S["bitbucket"])}),
    "gitlab": _with(lambda *_: {"x-gitlab-event": "Push Hook", "x-gitlab-token": S["gitlab"]}),
    "standard": _with(standard),
    "svix": _with(lambda body, ms: standard(body, ms, name="svix")),
    "storyblok": _with(lambda body, _: {"webhook-signature": mac(S["storyblok"], body, "sha1")}),
    "netlify": _with(lambda body, _: netlify(body)),
    "vercel": _with(lambda body, _: {"x-vercel-signature": mac(S["vercel"], body, "sha1")}),
    "contentful": lambda plain, ms: plain.but(headers={**plain.headers, **contentful(plain, ms)}),
    "sanity": _with(
        lambda body, ms: {
            "sanity-webhook-signature": f"t={ms},v1={b64(mac(S['sanity'], f'{ms}.'.encode() + body), url=True)}"
        }
    ),
    "azure": _with(lambda *_: {"authorization": basic(S["azure"], user="")}),
    "gitee": _with(lambda *_: {"x-gitee-event": "Push Hook", "x-gitee-token": S["gitee"]}),
    "gitee signs": _with(lambda _body, ms: gitee(ms)),
    "huggingface": _with(lambda *_: {"x-webhook-secret": S["huggingface"]}),
    "prismic": _in_body,
    "secret": _with(lambda *_: {"x-holdoff-secret": S["secret"]}),
    "secret bearer": _with(lambda *_: {"authorization": f"Bearer {S['secret']}"}),
    "secret basic": _with(lambda *_: {"authorization": basic(S["secret"])}),
    "url query": lambda plain, _: plain.but(query=urlencode({"a": "b c", "secret": S["url"]})),
    "url path": lambda plain, _: plain.but(path=f"{plain.path}/{quote(S['url'])}"),
    "acme": _with(lambda body, _: {"x-acme-mac": b64(mac(S["acme"], body, "sha512"))}),
    "beam": _with(
        lambda body, ms: {
            "x-beam-time": str(ms // 1000),
            "x-beam": f"v0={mac(S['beam'], f'v0:{ms // 1000}:'.encode() + body)}",
        }
    ),
}
#: Those whose signature is over the body.
SIGNING = {
    name
    for name in SENDERS
    if name
    not in {
        "bitbucket basic",
        "gitlab",
        "azure",
        "gitee",
        "gitee signs",
        "huggingface",
        "prismic",
        "secret",
        "secret bearer",
        "secret basic",
        "url query",
        "url path",
    }
}


def scheme_of(sender: str) -> str:
    """The scheme by which a sender's requests are checked."""
    return "github" if sender.endswith("by github") else "standard" if sender == "svix" else sender.partition(" ")[0]


# --- front ends ------------------------------------------------------------------------------------


def _body(request: HttpRequest) -> dict[str, Any]:
    return {"body": base64.b64encode(request.sent or request.body).decode(), "isBase64Encoded": True}


def _listed(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return several


def by_url(request: HttpRequest) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html"""
    return {
        "version": "2.0",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": dict(request.headers),
        "requestContext": {"http": {"method": request.method, "path": request.path}, "stage": "$default"},
        **_body(request),
    }


def by_rest_api(request: HttpRequest) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""
    query = parse_qsl(request.query, keep_blank_values=True)
    return {
        "resource": "/{proxy+}",
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": dict(query),
        "multiValueQueryStringParameters": _listed(query),
        "requestContext": {"resourcePath": "/{proxy+}", "httpMethod": request.method, "path": request.path},
        **_body(request),
    }


def by_load_balancer(request: HttpRequest) -> dict[str, Any]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html: its parameters are not
    decoded."""
    pairs = [one.split("=", 1) for one in request.query.split("&") if one]
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": dict(pairs),
        "headers": dict(request.headers),
        **_body(request),
    }


def by_lattice_1(request: HttpRequest) -> dict[str, Any]:
    """https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html#receive-event-from-service"""
    pairs = [one.split("=", 1) for one in request.query.split("&") if one]
    body = _body(request)
    return {
        "raw_path": request.path,
        "method": request.method,
        "headers": dict(request.headers),
        "query_string_parameters": dict(pairs),
        "body": body["body"],
        "is_base64_encoded": True,
    }


def by_lattice_2(request: HttpRequest) -> dict[str, Any]:
    """The same page."""
    pairs = [one.split("=", 1) for one in request.query.split("&") if one]
    return {
        "version": "2.0",
        "path": request.path,
        "method": request.method,
        "headers": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": _listed([(name, value) for name, value in pairs]),
        "requestContext": {
            "serviceNetworkArn": "arn:aws:vpc-lattice:eu-west-1:123456789012:servicenetwork/sn-1",
            "serviceArn": "arn:aws:vpc-lattice:eu-west-1:123456789012:service/svc-1",
            "targetGroupArn": "arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-1",
            "region": "eu-west-1",
            "timeEpoch": "1690497599177430",
        },
        **_body(request),
    }


FRONT_ENDS = {
    "url": by_url,
    "rest-api": by_rest_api,
    "load-balancer": by_load_balancer,
    "lattice-1": by_lattice_1,
    "lattice-2": by_lattice_2,
}


def in_disguise(request: HttpRequest) -> dict[str, dict[str, Any]]:
    """The same request by front ends that do not hand on what was signed."""
    content = json.loads(request.body)
    listed = {name: [{"key": name, "value": one}] for name, one in request.headers.items()}
    viewed = {"uri": request.path, "method": request.method, "headers": listed}
    edge = [{"cf": {"config": {"eventType": "viewer-request"}, "request": viewed}}]
    return {
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
        "template": {
            "body-json": content,
            "params": {"path": {}, "querystring": {}, "header": dict(request.headers)},
            "stage-variables": {},
            "context": {"http-method": request.method},
        },
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
        "edge": {"Records": edge},
        "edge, as a library of Go has it": {"records": edge},
        "websocket": {
            "requestContext": {"routeKey": "$default", "eventType": "MESSAGE", "connectionId": "c"},
            "body": request.body.decode(),
        },
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
        "a question for rights": by_rest_api(request) | {"type": "REQUEST", "methodArn": "arn:aws:execute-api:1"},
        "a question for rights, of an HTTP API": by_url(request) | {"type": "REQUEST", "routeArn": "arn:x"},
        "no context": {"httpMethod": request.method, "path": request.path, "body": request.body.decode(), **content},
        "bare": {"headers": dict(request.headers), "method": request.method, "body": content, **content},
        "alb without elb": {"headers": dict(request.headers), "path": request.path, **content},
    }
