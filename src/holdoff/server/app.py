"""Puts the server together: hooks, API, page, metrics and health checks, behind one middleware.

``holdoff serve``, the tests and every other ASGI server use ``create_app``.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from anyio import Lock
from anyio.to_thread import run_sync
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdoff.core.errors import HoldoffError
from holdoff.server import api, hooks, pages
from holdoff.server.api import AT
from holdoff.server.openapi import description
from holdoff.server.problems import Problem, as_json
from holdoff.server.site import Site

#: The headers of every answer, unless the route sets its own. There is no CORS: no page of another origin reads
#: anything.
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
#: How long an answer of /readyz is used again: any stranger may ask, and each answer is a read of the store.
READY_MS: Final = 1_000


def create_app(site: Site) -> Starlette:
    """The application, with this site as ``app.state.site``."""
    routes: list[BaseRoute] = [*hooks.routes(site), *api.routes(site), *_plain_routes(site), *pages.routes(site)]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_Front, site=site)],
        exception_handlers={Problem: _problem, HoldoffError: _problem, HTTPException: _problem},
    )
    app.router.redirect_slashes = False
    app.state.site = site
    return app


def _plain_routes(site: Site) -> list[Route]:
    ready, one_at_a_time = [(-READY_MS, False)], Lock()

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n") if site.is_looking() else PlainTextResponse("the wake loop is gone\n", 503)

    async def readyz(_: Request) -> Response:
        async with one_at_a_time:  # of many requests at once, one looks at the store, and all use its answer
            if not 0 <= site.clock.now_ms() - ready[0][0] < READY_MS:
                is_ready = await run_sync(site.is_ready)  # the time is read after that
                ready[0] = site.clock.now_ms(), is_ready
        return PlainTextResponse("ok\n") if ready[0][1] else PlainTextResponse("not ready\n", 503)

    async def metrics(request: Request) -> Response:
        site.guard.caller(request).needs("look")
        try:
            encode, kind = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # its version is no number
            encode, kind = choose_encoder("")
        return Response(await run_sync(encode, site.metrics.registry), media_type=kind)

    async def openapi(_: Request) -> Response:
        return as_json(description())

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route(f"{AT}/openapi.json", openapi),
    ]


async def _problem(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        takes = (error.headers or {}).get("Allow")
        error = Problem(error.status_code, f"this takes {takes}" if takes else "no such page", headers=error.headers)
    assert isinstance(error, Problem | HoldoffError)
    return Problem.of(error).response()


class _Front:
    """The middleware: sets the headers of every answer, and answers errors that no route has caught."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app, self.site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def sent(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            self.site.log.failed(error, kind="request")
            if begun:
                raise
            await Problem(500, "an internal error of this server; its log says more").response()(scope, receive, sent)
