"""A stand-in for a build hook of one's own: a secret URL that builds, builds that can be asked after and stopped.

It remembers a token (``Idempotency-Key``) for a day, as Stripe documents of its own, or never (``remembers``); answers
``{"build": {"id": ...}}``; and takes any body.
"""

from __future__ import annotations

from typing import Any

from tests.standins.web import Reply, Seen, WebStandin

DAY_MS = 24 * 3_600_000


class HookStandin(WebStandin):
    secret = "5c23354f454e1350f8543e78"

    def __init__(self, *, remembers: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.remembers = remembers

    @property
    def hook(self) -> str:
        return f"{self.url}/build_hooks/{self.secret}"

    def is_start(self, seen: Seen) -> bool:
        return seen.path == f"/build_hooks/{self.secret}"

    def reply(self, seen: Seen) -> Reply:
        if self.is_start(seen):
            return 201, {"Location": f"{self.url}/queue/item/{len(self.builds)}/"}, {"build": {"id": self._build(seen)}}
        _, where, build_id, *rest = seen.path.split("/")
        build = self.builds.get(build_id)
        if where != "builds" or build is None:
            return 404, {}, {"error": "no such build"}
        if rest == ["cancel"]:
            build.state = "cancelled"
        return 200, {}, {"build": {"id": build.id, "state": build.state}}

    def _build(self, seen: Seen) -> str:
        token = seen.headers.get("idempotency-key", "")
        for build in self.builds.values():
            if self.remembers and build.token == token and self.clock.now_ms() - build.made_ms < DAY_MS:
                return build.id
        return self.make(f"b{len(self.builds)}", token).id
