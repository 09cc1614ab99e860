"""HTTP requests, as any of AWS's front ends hand them on: headers, the body's bytes, and what they hold. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.paths import dig, kind_of, text_at

#: A header with one of these in its name is not handed on to rules: it may be a secret.
_SECRET_HEADERS: Final = ("api-key", "auth", "cookie", "secret", "signature", "token")


class HttpRequest(Value):
    """A request. Its headers and content stay out of logs: they may hold secrets.

    Attributes:
        path: as far as the front end decoded it.
        headers: by lower-case name; several of one name are joined with a comma.
        body: the bytes as they were sent: what a signature is over.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpRequest(method={self.method!r}, path={self.path!r})"


def is_http(event: object) -> bool:
    """Whether it is an HTTP request, of API Gateway, a function URL or a load balancer.

    Nothing else has a ``requestContext``, but the record of a failed invocation, which has its event beside it, and be
    it null (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
    """
    return isinstance(event, dict) and "requestPayload" not in event and isinstance(event.get("requestContext"), dict)


def http_request(event: object) -> HttpRequest:
    """The request in an event of API Gateway (either format), a function URL or a load balancer, or in a dead letter.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
    """
    method = text_at(event, "requestContext.http.method", "httpMethod", "method")
    path = text_at(event, "rawPath", "path")
    if method is None or path is None:
        raise EventError("event", "is not an HTTP request with a method and a path")
    body = dig(event, "body")
    if not isinstance(body, str | None):
        raise EventError("event.body", f"is {kind_of(body)}, not a text")
    try:
        sent = (body or "").encode()
        if dig(event, "isBase64Encoded") is True:
            sent = base64.b64decode(sent, validate=True)
    except ValueError:
        raise EventError("event.body", "is not the base64 or the text it should be") from None
    return HttpRequest(method=method, path=path, headers=headers_of(event), body=sent)


def headers_of(event: object) -> dict[str, str]:
    """By lower-case name. All that were sent: of two signatures neither is silently left out."""
    headers = dig(event, "multiValueHeaders") or dig(event, "headers")
    found: dict[str, list[str]] = {}
    for name, value in headers.items() if isinstance(headers, dict) else ():
        values = value if isinstance(value, list) else [value]
        if not isinstance(name, str) or not all(isinstance(one, str) for one in values):
            raise EventError("event.headers", "is not an object of names and texts")
        found.setdefault(name.lower(), []).extend(values)
    return {name: ",".join(values) for name, values in found.items()}


def plain_headers(request: HttpRequest) -> dict[str, str]:
    """Its headers without those that may be secrets."""
    return {name: value for name, value in request.headers.items() if not any(part in name for part in _SECRET_HEADERS)}


def delivery_id(headers: Mapping[str, str]) -> str | None:
    """The sender's id for the delivery: the same when it delivers again.

    GitLab's ``X-Gitlab-Event-UUID`` is not one: hooks that a hook's receiver set off share it. ``Idempotency-Key`` came
    with GitLab 17.4 (https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers).
    """
    if "x-github-event" in headers:
        return headers.get("x-github-delivery") or None
    names = ("webhook-id", "idempotency-key", "x-gitlab-webhook-uuid")
    return next((headers[name] for name in names if headers.get(name)), None)


def content_of(request: HttpRequest) -> object:
    """The body's JSON, or a form's fields; an empty body is an empty object. Text that is none stays text, unless the
    sender called it JSON."""
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EventError("body", "is not UTF-8") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # curl calls JSON a form, too.
    is_form = kind == "application/x-www-form-urlencoded" and not text.lstrip().startswith("{")
    try:
        if is_form:  # GitHub sends its JSON in the field ``payload``, when it is set so
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1_000))
            return json.loads(fields["payload"]) if "payload" in fields else fields
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        if is_form:
            raise EventError("body", "is called a form and is none, or has no JSON in it") from None
        if kind.endswith("json"):
            raise EventError("body", "is called JSON and is none") from None
        return text
