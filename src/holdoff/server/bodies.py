"""What a client sends: read up to a limit of bytes and of time, so that a stranger can hold neither memory nor a
connection for long."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from holdoff.server.problems import Problem

#: How long a body may take.
READ_S: Final = 20.0
#: So much of each is taken in any case: most webhooks are smaller. What goes beyond has a bound for all together, or a
#: thousand connections of a stranger's would be 6 GB.
SMALL: Final = 65_536
MOST_LARGE: Final = 134_217_728


class _Large:
    """What goes beyond ``SMALL`` in all bodies that are being read."""

    size: int = 0


_large: Final = _Large()


async def read(request: Request, most: int) -> bytes:
    """The body.

    Raises:
        Problem: it is too large, or too slow; or there are too many large ones just now.
    """
    body, large = bytearray(), 0
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise Problem(413, f"a body has at most {most:,} bytes here", headers={"connection": "close"})
                more = max(0, len(body) - SMALL) - large
                if _large.size + more > MOST_LARGE:
                    raise Problem(503, "too many large bodies at once: send it again", headers={"connection": "close"})
                _large.size, large = _large.size + more, large + more
    except TimeoutError:
        raise Problem(408, f"a body takes at most {READ_S:g}s here", headers={"connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "the body was cut short") from None
    finally:
        _large.size -= large
    return bytes(body)


async def read_object(request: Request, most: int) -> dict[str, Any]:
    """The JSON object in a body; without a body an empty one.

    Raises:
        Problem: it is none. A form, which any page on the web may have a browser send, is none either.
    """
    body = await read(request, most)
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "the body must be JSON: Content-Type: application/json")
    try:
        content = json.loads(body, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is no JSON") from None
    if not isinstance(content, dict):
        raise Problem(422, "the body must be a JSON object")
    return content


def query_of(request: Request) -> dict[str, str]:
    """The parameters in a URL, each once.

    Raises:
        Problem: one is there twice.
    """
    return _each_once(request.query_params.multi_items())


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two of one name neither is silently left out."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Problem(422, "a name is given twice")
    return found
