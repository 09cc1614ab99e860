"""``POST /hooks/NAME`` and ``/hooks/NAME/SECRET``: webhooks, with the same ingress and the same answers as on Lambda
(``ingress.webhook``). A ``GET`` is taken only if it is a handshake.

The answer waits until the decision is in the store (``starts``). A webhook whose signature is right and that cannot be
carried out is kept as a dead letter.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop, shield, wait_for
from functools import partial
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdoff.core.errors import HoldoffError, StoreUnavailable
from holdoff.ingress.dispatch import EVER_MS
from holdoff.ingress.events.http import MOST_CONTENT, HttpRequest, handshake_in, unpacked
from holdoff.ingress.webhook import Reply, reply_to, undecided
from holdoff.server.bodies import read
from holdoff.server.problems import Problem, as_json
from holdoff.server.site import Site

#: The longest time until an answer, however many webhooks wait: most senders give up after ten seconds.
ANSWERED_S: Final = 9.0
#: How many webhooks may wait, with those that were answered already: their bodies are in memory.
MOST_TURNS: Final = 1_000


def routes(site: Site) -> list[Route]:
    turns = set[Future[Reply]]()

    async def hook(request: Request) -> Response:
        if request.method in ("GET", "HEAD") and not handshake_in(request.method, _query(request)):
            raise HTTPException(405, headers={"Allow": "OPTIONS, POST"})
        body = await read(request, MOST_CONTENT)
        if len(turns) >= MOST_TURNS:
            raise Problem(503, "too many requests wait: send it again")
        turns.add(turn := get_running_loop().run_in_executor(site.starts.hooks, _reply, site, request, body))
        turn.add_done_callback(turns.discard)
        try:
            reply = await wait_for(shield(turn), ANSWERED_S)  # a late one is still carried out, or kept as dead letter
        except TimeoutError:
            reply = undecided(StoreUnavailable("no decision yet"))
        if isinstance(reply.body, str):
            return Response(reply.body, reply.status, reply.headers)
        return as_json(reply.body, reply.status, reply.headers)

    return [Route("/hooks/{name:path}", hook, methods=["GET", "POST", "OPTIONS"])]


def _query(request: Request) -> str:
    return str(request.scope["query_string"], "latin-1")


def _reply(site: Site, request: Request, body: bytes) -> Reply:
    address, now_ms, failures = site.guard.address(request), site.clock.now_ms(), site.guard.failures
    dispatch = site.dispatch

    def refused(error: HoldoffError) -> None:
        """Log a refused request, until there are too many from its address."""
        log = site.muted if failures.are_many(address) else site.log
        failures.add(address)
        log.failed(error, kind="http")

    try:
        webhooks = site.settings.webhooks(dispatch.config, now_ms)
    except HoldoffError as error:
        refused(error)
        return undecided(error)
    reply = reply_to(
        partial(_asked, request, body),
        now_ms,
        dispatch,
        lambda: EVER_MS,
        webhooks=webhooks,
        keep=site.letters.keep,
        log=site.log,
        refused=refused,
    )
    if reply.status in (400, 401) and failures.are_many(address):
        raise Problem(429, "too many failures; try again in a minute")
    return reply


def _asked(request: Request, body: bytes) -> HttpRequest:
    # Two headers of one name are joined: two signatures together are a wrong one.
    headers = {name: ",".join(request.headers.getlist(name)) for name in request.headers}
    sent = HttpRequest(
        method=request.method,
        path=request.scope["raw_path"].decode("latin-1"),  # still encoded, as a Lambda function gets it
        target=request.scope["path"],
        headers=headers,
        body=body,
        query=_query(request),
    )
    return unpacked(sent)
