"""Makes the page live: a stream of server-sent events, one each time that something changed.

An event only tells the page to fetch itself again; the answer to that request checks what the caller may see. All
streams of a process share one look at the store every ``LOOK_S`` seconds. While no page is open there are no looks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from holdoff.core.errors import StoreError
from holdoff.server.problems import Problem
from holdoff.server.site import Site

LOOK_S: Final = 2.0
#: After this many looks an event comes even without a change, because the drawing moves with time.
MOST_LOOKS: Final = 10


class Watch:
    """The last look at the gates, as one number."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._seen: tuple[float, int] = (float("-inf"), 0)
        self._lock = anyio.Lock()

    async def mark(self) -> int:
        """A number that changes when something in the gates changes. A stream that comes a moment early looks, too."""
        async with self._lock:
            if anyio.current_time() - self._seen[0] >= LOOK_S * 0.9:
                self._seen = anyio.current_time(), await run_sync(self._look)
        return self._seen[1]

    def _look(self) -> int:
        try:
            found = self.site.statuses()
        except StoreError:
            return 0  # the streams go on while the store does not answer: the page shows the error
        seen = ((one.key, one.marks, one.record.writes[:1], one.record.lastbuild, one.record.due_ms) for one in found)
        return hash(tuple(seen))

    async def events(self, request: Request) -> AsyncIterator[str]:
        """An event for each change, until the server ends or the caller may no longer look."""
        yield "retry: 3000\n\n"
        last, looks = await self.mark(), 0
        with suppress(Problem):  # the caller may no longer look
            while not self.site.is_stopping():
                self.site.guard.caller(request).needs("look")
                for _ in range(4):
                    if not self.site.is_stopping():
                        await anyio.sleep(LOOK_S / 4)
                mark, looks = await self.mark(), looks + 1
                if mark != last or looks >= MOST_LOOKS:
                    yield "event: look\ndata: again\n\n"
                    last, looks = mark, 0
                else:
                    yield ":\n\n"  # a write, so that the server notices a caller that has gone

    async def stream(self, request: Request) -> Response:
        self.site.guard.caller(request).needs("look")
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(self.events(request), media_type="text/event-stream", headers=headers)
