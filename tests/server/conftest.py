"""A server without its wake loop, in this process: its gates in memory, its builds at the stand-in of a build hook."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from holdoff.config import parse
from holdoff.server import hooks
from holdoff.server.app import create_app
from holdoff.server.site import Site
from holdoff.testing import ManualClock
from tests.standins.hooks import HookStandin
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from httpx2 import Response

FILE = """
store = "memory:"

[projects.site]
cooldown = "10m"
starter = {{ webhook = "env:HOOK", id = "build.id" }}

[projects.docs]
cooldown = "1h"
allow_environment = ["TAG"]
starter = {{ webhook = "env:HOOK", id = "build.id" }}

[webhooks]
github = "env:GITHUB"
secret = {{ secret = "env:DOCS", projects = ["docs"] }}
url = "env:URL_SECRET"

[server]
tokens = "{folder}/tokens"
dead_letters = "{folder}/letters"
"""
SECRETS = {"GITHUB": "it is a secret", "DOCS": "for docs alone", "URL_SECRET": "in-the-url-7f3a"}
#: Where the test client seems to be.
HERE = ("127.0.0.1", 50_000)


class Served:
    """The server, and what its clients do. ``api`` has all scopes."""

    def __init__(self, folder: Path, text: str = FILE, **server: object) -> None:
        self.folder, self.clock = folder, ManualClock("2026-11-28T09:00:00Z")
        self.lines: list[dict[str, Any]] = []
        config = parse(text.format(folder=folder))
        assert config.server is not None
        config = config.but(server=config.server.but(**server))
        self.site = Site(config, config.open_store(), environment=SECRETS, write=self.lines.append, clock=self.clock)
        # So that each start has ended when it is answered.
        self.site.starts.started_s = self.site.starts.decided_s = PATIENCE_S
        self.app = create_app(self.site)
        self.client = self.at(HERE[0])
        self.token = self.site.guard.tokens.new("all", ("look", "trigger", "operate"))

    def at(self, address: str) -> TestClient:
        """A client at this address, which calls the server by a loopback name."""
        return TestClient(
            self.app, base_url="http://localhost", client=(address, 50_000), raise_server_exceptions=False
        )

    def api(self, method: str, path: str, body: object = None, token: str | None = None, **more: Any) -> Response:
        """A call with a token."""
        headers = {"authorization": f"Bearer {token or self.token}"} | more.pop("headers", {})
        if body is not None:  # in ASCII: the client would not send halves of characters
            headers["content-type"], more["content"] = "application/json", json.dumps(body).encode()
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def push(self, delivery: str = "d1", path: str = "/hooks/site", secret: str = "GITHUB", **more: Any) -> Response:
        """A push as GitHub signs it."""
        body, headers = signed_push(delivery, SECRETS.get(secret, secret), **more)
        return self.client.post(path, content=body, headers=headers)

    def close(self) -> None:
        """End it."""
        self.site.starts.close()


def signed_push(delivery: str, secret: str, version: str = "4f2a91c", **more: Any) -> tuple[bytes, dict[str, str]]:
    """A push to the default branch, and its headers."""
    head = {"id": version, "message": "a change", "timestamp": "2026-11-28T08:59:00Z"}
    repository = {"full_name": "acme/site", "default_branch": "main"}
    body = json.dumps(
        {"ref": "refs/heads/main", "after": version, "repository": repository, "head_commit": head} | more
    )
    signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    return body.encode(), {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": delivery,
        "x-hub-signature-256": f"sha256={signature}",
    }


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HookStandin]:
    with HookStandin() as standin:
        monkeypatch.setenv("HOOK", standin.hook)
        yield standin


@pytest.fixture
def serve(tmp_path: Path, hook: HookStandin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    """Makes servers."""
    monkeypatch.setattr(hooks, "ANSWERED_S", PATIENCE_S)
    made: list[Served] = []

    def make(**server: object) -> Served:
        made.append(Served(tmp_path, **server))  # type: ignore[arg-type]
        return made[-1]

    yield make
    hook.clear_faults()
    for one in made:
        one.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
