"""Dead letters: webhooks that came to nothing, put aside and taken back. Pure.

A letter holds a checked request, without its secrets, and its ``Origin``. Sent again, on any way, the request has the
same power as before. A large body is compressed. A body that is still too large is left out: its sender has to deliver
it again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from holdoff.core.errors import EventError
from holdoff.ingress.events.http import HttpRequest, plain_headers, request_of
from holdoff.ingress.events.message import Origin
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
    """The letter of a checked request that failed, with the error. Its JSON has at most ``MOST_LETTER`` bytes."""
    letter: dict[str, object] = {
        "holdoff": ASIDE,
        "error": str(error)[:_MOST_ERROR],
        "origin": {"scheme": origin.scheme, "projects": origin.projects and list(origin.projects)},
    }
    headers, plain = plain_headers(request), _plain(request.body)
    kept: dict[str, Any] = {"method": request.method, "path": request.path, "headers": headers, "body": plain}
    if plain is None:
        body = base64.b64encode(zlib.compress(request.body, wbits=31)).decode()
        kept |= {"headers": {**headers, "content-encoding": "gzip"}, "body": body, "isBase64Encoded": True}
    whole = letter | {"request": kept}
    return whole if len(json.dumps(whole)) <= MOST_LETTER else letter | {"request": {"left_out": len(request.body)}}


def _plain(body: bytes) -> str | None:
    """The body as text; ``None``: it is too long, or no text."""
    try:
        return body.decode() if len(body) <= MOST_PLAIN else None
    except UnicodeDecodeError:
        return None


def taken_back(letter: Mapping[str, Any]) -> tuple[HttpRequest, Origin]:
    """The request in a letter, and its origin. Raises an ``EventError`` if it is no letter, or if it has no body."""
    request, projects = dig(letter, "request"), dig(letter, "origin.projects")
    if dig(request, "left_out") is not None:
        raise EventError(
            "event.request.body", "was too large to be kept", hint="Deliver the webhook again at its sender"
        )
    if projects is not None and not (isinstance(projects, list) and all(isinstance(one, str) for one in projects)):
        raise EventError("event.origin.projects", f"is {kind_of(projects)}, not a list of names")
    bound = None if projects is None else tuple(projects)
    kept = request_of(request)
    if kept is None or not isinstance(dig(request, "headers"), dict):
        raise EventError("event.request", "has no method, no path or no headers")
    return kept, Origin(outside=True, scheme=needed(letter, "origin.scheme"), projects=bound)
