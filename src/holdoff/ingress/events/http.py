"""HTTP requests, as AWS's front ends hand them on: headers, the body's bytes, and their content. Pure.

All that looks like HTTP counts as HTTP (``is_http``). So no request passes for a direct invocation, which needs no
check. A request that does not have the parts of a front end below cannot be checked, and is refused.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from holdoff.config.schemes import may_be_secret
from holdoff.core.errors import EventError, SignatureError
from holdoff.core.value import Value
from holdoff.ingress.events.paths import ABSENT, dig, kind_of, text_at

#: A decompressed body may have so many bytes, as many as a plain body: Lambda takes 6 MB
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
MOST_CONTENT: Final = 6_291_456
#: A gzip body may have so many parts. An empty part has 20 bytes, and each part costs a copy of the rest.
_MOST_PARTS: Final = 100


class HttpRequest(Value):
    """A request. Its headers and its content stay out of logs, because they may hold secrets."""

    method: str
    path: str  #: as the front end decoded it
    headers: Mapping[str, str]  #: by lower-case name; several headers of one name are joined with a comma
    body: bytes  #: decompressed
    sent: bytes | None = None  #: the body as it was sent, if it was compressed
    query: str = ""  #: the part of the URL after the ``?``
    target: str | None = None  #: the whole path of the URL, if the front end took a part off

    def __repr__(self) -> str:
        return f"HttpRequest(method={self.method!r}, path={self.path!r})"


#: The paths where front ends have a request's method, its path, and its raw query or the parameters of its query:
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
#: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
#: https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html#receive-event-from-service
_METHOD: Final = ("requestContext.http.method", "httpMethod", "method")
_PATH: Final = ("rawPath", "raw_path", "path")
_QUERY: Final = (
    *("rawQueryString", "multiValueQueryStringParameters", "queryStringParameters"),
    "query_string_parameters",
)
#: Names of a request's parts, in lower case and without marks. An event with one of these names is HTTP. So is an event
#: with all the names in a row of the table below.
_PART: Final = re.compile(
    "requestcontext|(request|multivalue)?headers|httpmethod|routekey|(raw)?querystring|(multivalue)?querystringparameters"
    "|rawpath|pathparameters|stagevariables|isbase64encoded|bodyjson"
)
_TOGETHER: Final = (
    *({"method", where} for where in ("body", "path", "url", "uri")),
    *({"body", where} for where in ("header", "path", "query", "params")),
)
#: API Gateway's templates have these below ``params`` and ``context``, and DigitalOcean's functions below ``http``
#: (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html).
_BELOW: Final = ("params.header", "params.querystring", "context.http-method", "http.headers", "__ow_headers")


def is_http(event: object) -> bool:
    """Whether it is an HTTP request, or anything that a front end may make of a request.

    A hook of CloudFormation and the records of failed invocations and streams have a ``requestContext``, too
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
    """
    if not isinstance(event, dict):
        return False
    names = {re.sub("[-_]", "", name).lower() for name, value in event.items() if value}
    if dig(event, "requestContext.functionArn") or dig(event, "requestContext.callbackContext", ABSENT) is not ABSENT:
        names.discard("requestcontext")
    records = event.get("Records") or event.get("records")
    if isinstance(records, list) and any(isinstance(one, dict) and "cf" in one for one in records):
        return True  # Lambda@Edge
    has_parts = any(map(_PART.fullmatch, names)) or any(row <= names for row in _TOGETHER)
    return has_parts or any(dig(event, path, ABSENT) is not ABSENT for path in _BELOW)


def http_request(event: object) -> HttpRequest:
    """The request in an event of a front end.

    Raises:
        SignatureError: the front end does not hand on what was signed.
        EventError: the request is broken.
    """
    # VPC Lattice 1.0 has no context. An authorizer's event has one, and lacks only the body.
    is_request = dig(event, "requestContext") is not None or text_at(event, "raw_path") is not None
    is_for_authorizer = text_at(event, "methodArn", "routeArn") is not None
    request = request_of(event) if is_request and not is_for_authorizer else None
    if request is None:
        raise SignatureError(
            "a request came by a front end that does not hand on what was signed",
            hint="These do: API Gateway 1.0 and 2.0, function URL, load balancer, VPC Lattice 1.0 and 2.0",
        )
    return request


def request_of(event: object) -> HttpRequest | None:
    """The request in a front end's event, or in a dead letter; ``None``: there is no method or no path. Raises an
    ``EventError`` if it is broken."""
    method, path = text_at(event, *_METHOD), text_at(event, *_PATH)
    if method is None or path is None:
        return None
    path, _, beside = path.partition("?")
    sent = HttpRequest(
        method=method,
        path=path,
        headers=_headers(event),
        body=_body(event),
        query=_query(event) or beside,
        target=text_at(event, "requestContext.path"),  # of API Gateway 1.0
    )
    return unpacked(sent)


def _body(event: object) -> bytes:
    body = dig(event, "body")
    if not isinstance(body, str | None):
        raise EventError("event.body", f"is {kind_of(body)}; it must be a text")
    is_base64 = any(dig(event, name) is True for name in ("isBase64Encoded", "is_base64_encoded"))
    try:
        return base64.b64decode(body or "", validate=True) if is_base64 else (body or "").encode()
    except ValueError:
        raise EventError("event.body", "is not the base64 or the text it should be") from None


def unpacked(request: HttpRequest) -> HttpRequest:
    """The request with its body decompressed, as its ``Content-Encoding`` says."""
    headers = {**request.headers}
    plain = decompressed(request.body, headers.pop("content-encoding", "identity").strip().lower())
    return request.but(headers=headers, body=plain, sent=None if plain == request.body else request.body)


def decompressed(sent: bytes, encoding: str) -> bytes:
    """The content of bytes with this ``Content-Encoding``. A front end may have decompressed them and kept the header.
    Bytes with any other encoding stay as they are: there are senders that write their charset there. Raises an
    ``EventError`` if the bytes do not fit the header, or if their content is too large."""
    if encoding not in ("gzip", "deflate") or not sent or (encoding == "gzip" and not sent.startswith(b"\x1f\x8b")):
        return sent
    bits = 31 if encoding == "gzip" else 15 if sent[:1] == b"\x78" else -15
    content = b""
    try:
        for _ in range(_MOST_PARTS):
            part = zlib.decompressobj(bits)
            content += part.decompress(sent, MOST_CONTENT + 1 - len(content))
            if len(content) > MOST_CONTENT:
                raise EventError("body", f"has more than {MOST_CONTENT} bytes once it is decompressed")
            if not part.eof:
                raise zlib.error
            sent = part.unused_data
            if not sent:
                return content
    except zlib.error:
        raise EventError("body", f"is called {encoding} and is none") from None
    raise EventError("body", f"is compressed in more than {_MOST_PARTS} parts")


def _query(event: object) -> str:
    """The raw query, or an equivalent one."""
    found = next((found for found in (dig(event, path) for path in _QUERY) if found), "")
    if isinstance(found, str):
        return found
    pairs = list(_pairs(found, "event.queryStringParameters"))
    # API Gateway 1.0 decodes the parameters. A load balancer has the same names, and does not.
    is_decoded = dig(event, "httpMethod") is not None and dig(event, "requestContext.elb") is None
    return urlencode(pairs, errors="replace") if is_decoded else "&".join(f"{name}={value}" for name, value in pairs)


def _pairs(found: object, at: str) -> Iterator[tuple[str, str]]:
    """Names and values, in any form that a front end has for several values of one name."""
    for name, value in found.items() if isinstance(found, dict) else ():
        values = value if isinstance(value, list) else [value]
        if not isinstance(name, str) or not all(isinstance(one, str) for one in values):
            raise EventError(at, "is not an object of names and texts")
        yield from ((name, one) for one in values)


def _headers(event: object) -> dict[str, str]:
    """The headers by lower-case name. All values are kept, so no signature is silently left out."""
    found: dict[str, str] = {}
    for name, value in _pairs(dig(event, "multiValueHeaders") or dig(event, "headers"), "event.headers"):
        found[name.lower()] = f"{found[name.lower()]},{value}" if name.lower() in found else value
    return found


def is_health_check(event: object) -> bool:
    """Whether it is the health check of a load balancer
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#register-lambda)."""
    agent = text_at(event, "headers.user-agent", "multiValueHeaders.user-agent.0") or ""
    return agent.startswith("ELB-HealthChecker/") and dig(event, "requestContext.elb") is not None


def plain_headers(request: HttpRequest) -> dict[str, str]:
    """The headers that cannot be secrets."""
    return {name: value for name, value in request.headers.items() if not may_be_secret(name)}


_IDS: Final = (
    *("webhook-id", "svix-id", "idempotency-key", "x-gitlab-webhook-uuid", "x-amz-sns-message-id"),
    *("shopify-webhook-id", "x-shopify-webhook-id", "x-mlflow-delivery-id", "x-securesourcemanager-delivery"),
    # The last three come from old servers, which send no header of GitHub's.
    *(
        f"x-{name}-delivery"
        for name in ("coding", "gitcode", "gitverse", "launchpad", "tangled", "verdin", "forgejo", "gitea", "gogs")
    ),
)


def delivery_id(headers: Mapping[str, str]) -> str | None:
    """The sender's id for the delivery, which is the same when it delivers again.

    GitLab's ``X-Gitlab-Event-UUID`` is no such id: if a hook's receiver causes more hooks, all have the same one. Since
    17.4 GitLab sends an ``Idempotency-Key`` (https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers).
    A step of a workflow sends the number of its run as GitHub's id: another workflow has runs of the same numbers.
    """
    if "x-github-event" in headers:
        found = headers.get("x-github-delivery", "")
        return None if found.isdecimal() else found or None
    if headers.get("ce-source") and headers.get("ce-id"):  # of a CloudEvent, whatever it carries
        return f"{headers['ce-source']}#{headers['ce-id']}"
    return next((headers[name] for name in _IDS if headers.get(name)), None)


#: The parameters in which senders ask to see a text again, by the method, with the sender of each.
IN_QUERY: Final = {
    # https://www.dropbox.com/developers/reference/webhooks   https://www.w3.org/TR/websub/#hub-verifies-intent
    "GET": {"challenge": "Dropbox", "hub.challenge": "WebSub"},
    # https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks; SharePoint writes it small.
    "POST": {"validationToken": "Microsoft Graph", "validationtoken": "Microsoft Graph"},
}


def handshake_in(method: str, query: str) -> dict[str, str]:
    """What the query of a request without a body asks to see again, by the parameter's name after a ``?``."""
    known = IN_QUERY.get(method, {})
    return {f"?{name}": text for name, text in parse_qsl(query, errors="replace") if name in known}


def form_of(request: HttpRequest) -> dict[str, str] | None:
    """The fields of a form; of several fields of one name the last. ``None``: the body is no form.

    curl calls JSON a form, too.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or request.body.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{"):
        return None
    try:
        return dict(parse_qsl(_text(request), keep_blank_values=True, max_num_fields=1_000))
    except ValueError:
        raise EventError("body", "is called a form and is none") from None


def content_of(request: HttpRequest) -> object:
    """The body's JSON, or a form's fields. An empty body is an empty object. A body that is no JSON stays text, unless
    the sender called it JSON."""
    fields = form_of(request)
    # GitHub and Gitea may be set to send their JSON in the field ``payload`` of a form.
    text = fields.get("payload") if fields is not None else _text(request)
    if text is None:
        return fields
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        if fields is not None:
            raise EventError("body", "is a form, and its field payload is not JSON") from None
        if request.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json"):
            raise EventError("body", "is not JSON, but its Content-Type says that it is") from None
        return text


def _text(request: HttpRequest) -> str:
    try:
        return request.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EventError("body", "is not UTF-8") from None


def with_content(request: HttpRequest, content: Any) -> HttpRequest:
    """The request with this JSON as its body."""
    try:
        body = json.dumps(content).encode()
    except RecursionError:
        raise EventError("body", "is nested too deep") from None
    return request.but(headers={**request.headers, "content-type": "application/json"}, body=body, sent=None)
