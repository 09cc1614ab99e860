"""Webhooks that came to nothing: put aside as they came, and taken back as they were. Pure.

A letter holds a request that was checked, without its secrets, and its ``Origin``: sent again, it has the power that it
had, and no more, whichever way it comes. A large body is compressed. One that is too large even so is left out: its
sender has to deliver it again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from holdoff.core.errors import EventError
from holdoff.ingress.events.http import HttpRequest, decompressed, plain_headers
from holdoff.ingress.events.intents import Origin
from holdoff.ingress.events.paths import dig, kind_of, needed

#: ``holdoff`` of a letter.
ASIDE: Final = "webhook"
#: A larger body is compressed.
MOST_PLAIN: Final = 100_000
#: A queue's message may have 1 MiB:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_LETTER: Final = 1_048_576
_MOST_ERROR: Final = 1_000


def put_aside(request: HttpRequest, origin: Origin, error: Exception) -> dict[str, object]:
    """The letter of a checked request that came to nothing, and why. As JSON it has at most ``MOST_LETTER`` bytes."""
    letter: dict[str, object] = {
        "holdoff": ASIDE,
        "error": str(error)[:_MOST_ERROR],
        "origin": {"scheme": origin.scheme, "projects": origin.projects and list(origin.projects)},
    }
    parts = {"method": request.method, "path": request.path, "headers": plain_headers(request)}
    for body in _bodies(request.body):
        whole = letter | {"request": {**parts, **body}}
        if len(json.dumps(whole)) <= MOST_LETTER:
            return whole
    return letter | {"request": {"left_out": len(request.body)}}


def _bodies(body: bytes) -> list[dict[str, object]]:
    """The body as it may stand in a letter, in order of preference; at last it is left out."""
    packed = zlib.compressobj(wbits=31)
    small = {"gzip": base64.b64encode(packed.compress(body) + packed.flush()).decode()}
    try:
        plain = [{"body": body.decode()}] if len(body) <= MOST_PLAIN else []
    except UnicodeDecodeError:
        plain = []
    return [*plain, small, {"left_out": len(body)}]  # type: ignore[list-item]


def taken_back(letter: Mapping[str, Any]) -> tuple[HttpRequest, Origin]:
    """The request in a letter, and what power it has.

    Raises:
        EventError: it is none, or without its body.
    """
    request, projects = dig(letter, "request"), dig(letter, "origin.projects")
    if dig(request, "left_out") is not None:
        raise EventError(
            "event.request.body", "was too large to be kept", hint="Deliver the webhook again at its sender"
        )
    if projects is not None and not (isinstance(projects, list) and all(isinstance(one, str) for one in projects)):
        raise EventError("event.origin.projects", f"is {kind_of(projects)}, not a list of names")
    headers = dig(request, "headers")
    if not isinstance(headers, dict) or not all(isinstance(one, str) for one in headers.values()):
        raise EventError("event.request.headers", "is not an object of names and texts")
    scheme = needed(letter, "origin.scheme")
    method, path = needed(letter, "request.method"), needed(letter, "request.path")
    origin = Origin(outside=True, scheme=scheme, projects=None if projects is None else tuple(projects))
    return HttpRequest(method=method, path=path, headers=headers, body=_body(letter)), origin


def _body(letter: Mapping[str, Any]) -> bytes:
    if dig(letter, "request.gzip") is None:
        body = dig(letter, "request.body")
        if not isinstance(body, str):
            raise EventError("event.request.body", f"is {kind_of(body)}, not a text")
        return body.encode(errors="surrogatepass")
    try:
        return decompressed(base64.b64decode(needed(letter, "request.gzip"), validate=True), "gzip")
    except ValueError:
        raise EventError("event.request.gzip", "is not the base64 it should be") from None
