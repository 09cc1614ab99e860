"""Reads the body of a request, with a limit of bytes and of time: no stranger may use much memory or hold a connection
for long."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from holdoff.server.problems import Problem

#: How long a body may take.
READ_S: Final = 20.0
#: The first bytes of each body are always read: most webhooks are smaller. All bytes beyond them, of all bodies
#: together, have a limit, or a stranger's thousand connections would take 6 GB.
SMALL: Final = 65_536
MOST_LARGE: Final = 134_217_728


class _Large:
    """The bytes beyond ``SMALL`` in all bodies that are being read."""

    size = 0


async def read(request: Request, most: int) -> bytes:
    """The body. Raises Problem if it is too large or too slow, or while too many large bodies are being read."""
    body, large = bytearray(), 0
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise Problem(413, f"a body has at most {most:,} bytes here", headers={"connection": "close"})
                more = max(0, len(body) - SMALL) - large
                if _Large.size + more > MOST_LARGE:
                    raise Problem(503, "too many large bodies at once: send it again", headers={"connection": "close"})
                _Large.size, large = _Large.size + more, large + more
    except TimeoutError:
        raise Problem(408, f"a body takes at most {READ_S:g}s here", headers={"connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "the body was cut short") from None
    finally:
        _Large.size -= large
    return bytes(body)


async def read_object(request: Request, most: int) -> dict[str, Any]:
    """The JSON object in a body; without a body an empty one. All else raises Problem, also a form, which any page on
    the web can make a browser send."""
    body = await read(request, most)
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "the body must be JSON: Content-Type: application/json")
    try:
        content = json.loads(body, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise Problem(422, "the body must be a JSON object")
    return content


def query_of(request: Request) -> dict[str, str]:
    """The parameters in a URL. One that is given twice raises Problem."""
    return _each_once(request.query_params.multi_items())


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Problem(422, "a name is given twice")
    return found
