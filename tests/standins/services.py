"""A stand-in for the services whose build hooks and APIs ``docs/starters.md`` has examples for, as they document them.

Each service's paths are below its host's name. ``HOOKS``: what an address that builds answers; ``BUILDS``: what one
build is said to be, on its way and at its ends; ``CANCELS``: where it is stopped. Sources: the links of that page, and
of Jenkins https://www.jenkins.io/doc/book/using/remote-access-api/. No page says what Netlify's hook answers; here it
is nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

from tests.standins.web import Reply, Seen, WebStandin

#: Method and path; which secret must come with it; status, headers and body by the build's id.
HOOKS: Final[tuple[tuple[str, str, str, Callable[[str], Reply]], ...]] = (
    ("POST", r"/api\.netlify\.com/build_hooks/\w+", "", lambda _: (200, {}, b"")),
    (
        "POST",
        r"/api\.netlify\.com/api/v1/sites/[\w-]+/builds",
        "Bearer nfp_1",
        lambda build: (200, {}, {"id": "not this", "deploy_id": build, "sha": None, "done": False}),
    ),
    (
        "POST",
        r"/api\.vercel\.com/v1/integrations/deploy/\w+/\w+",
        "",
        lambda build: (201, {}, {"job": {"id": build, "state": "PENDING", "createdAt": 1662825789999}}),
    ),
    (
        "POST",
        r"/api\.vercel\.com/v13/deployments",
        "Bearer vc_1",
        lambda build: (200, {}, {"id": build, "readyState": "QUEUED"}),
    ),
    (
        "POST",
        r"/api\.cloudflare\.com/client/v4/accounts/\w+/pages/projects/site/deployments",
        "Bearer cf_1",
        lambda build: (200, {}, {"success": True, "errors": [], "result": {"id": build}}),
    ),
    ("POST", r"/api\.render\.com/deploy/srv-\w+", "", lambda _: (200, {}, b"")),
    (
        "POST",
        r"/api\.render\.com/v1/services/srv-\w+/deploys",
        "Bearer rnd_1",
        lambda build: (201, {}, {"id": build, "status": "created"}),
    ),
    (
        "POST",
        r"/jenkins/job/site/buildWithParameters",
        "Basic " + base64.b64encode(b"ada:11").decode(),
        lambda build: (201, {"Location": f"http://jenkins.example/queue/item/{build}/"}, b""),
    ),
    ("POST", r"/own/build", "Bearer own_1", lambda build: (201, {}, {"build": {"id": build}})),
)
#: Where a build is asked after (its id in parentheses), and what is said of it; by what it is.
BUILDS: Final[dict[str, Callable[[str, str], Any]]] = {
    r"/api\.netlify\.com/api/v1/deploys/(\w+)": lambda build, state: {
        "id": build,
        "state": {"running": "building", "succeeded": "ready", "failed": "error"}[state],
    },
    r"/api\.vercel\.com/v13/deployments/(\w+)": lambda build, state: {
        "id": build,
        "readyState": {"running": "BUILDING", "succeeded": "READY", "failed": "CANCELED"}[state],
    },
    r"/api\.cloudflare\.com/client/v4/accounts/\w+/pages/projects/site/deployments/(\w+)": lambda build, state: {
        "success": True,
        "result": {
            "id": build,
            "latest_stage": {
                "running": {"name": "build", "status": "success"},
                "succeeded": {"name": "deploy", "status": "success"},
                "failed": {"name": "build", "status": "failure"},
            }[state],
        },
    },
    r"/api\.render\.com/v1/services/srv-\w+/deploys/(\w+)": lambda build, state: {
        "id": build,
        "status": {"running": "build_in_progress", "succeeded": "live", "failed": "pre_deploy_failed"}[state],
    },
}
CANCELS: Final = (
    ("POST", r"/api\.netlify\.com/api/v1/deploys/(\w+)/cancel"),
    ("PATCH", r"/api\.vercel\.com/v12/deployments/(\w+)/cancel"),
    ("POST", r"/api\.render\.com/v1/services/srv-\w+/deploys/(\w+)/cancel"),
)


class Services(WebStandin):
    """All of them."""

    def is_start(self, seen: Seen) -> bool:
        return any(seen.method == method and re.fullmatch(path, seen.path) for method, path, _, _ in HOOKS)

    def reply(self, seen: Seen) -> Reply:
        for method, path, secret, answer in HOOKS:
            if seen.method == method and re.fullmatch(path, seen.path):
                if seen.headers.get("authorization", "") != secret:
                    return 401, {}, {"message": "who are you?"}
                return answer(self.make(str(len(self.builds) + 1), seen.headers.get("idempotency-key", "")).id)
        for method, path in CANCELS:
            found = re.fullmatch(path, seen.path)
            if found and seen.method == method and found[1] in self.builds:
                self.builds[found[1]].state = "failed"
                return 200, {}, {}
        if seen.path == "/jenkins/job/site/api/json":
            assert seen.query == {"tree": "builds[queueId,result]{0,50}"}
            return 200, {}, {"builds": [self._jenkins(build) for build in reversed(self.builds)]}
        for path, said in BUILDS.items():
            found = re.fullmatch(path, seen.path)
            if found and found[1] in self.builds:
                return 200, {}, said(found[1], self.builds[found[1]].state)
        return 404, {}, {}

    def _jenkins(self, build: str) -> dict[str, Any]:
        result = {"running": None, "succeeded": "SUCCESS", "failed": "UNSTABLE"}[self.builds[build].state]
        return {"queueId": int(build), "result": result}
