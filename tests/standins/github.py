"""A stand-in for GitHub's API, as far as a workflow's dispatches and runs go.

What GitHub documents, and the stand-in does:

- POST .../workflows/FILE/dispatches: ``ref`` is a branch or a tag; at most 25 inputs; with ``return_run_details`` 200
  with ``workflow_run_id``, ``run_url`` and ``html_url``, else 204.
  https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
- GET .../workflows/FILE/runs: ``event``, ``created`` (from an instant to another, or to ``*``), ``per_page`` up to 100,
  ``page``; the newest first, and of a search with these the newest 1,000 only. ``display_title`` is the ``run-name``,
  or where there is none, of a dispatch, the workflow's name.
- GET .../actions/runs/ID; POST .../cancel: 202, or 409 where it has ended.
- 401 for bad credentials; 404 for what the token may not see.
- Apps (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app): a JWT by RS256, its
  ``iat`` in the past, its ``exp`` at most 10 minutes on; GET /repos/O/R/installation; POST
  /app/installations/ID/access_tokens: a token for an hour.

What it does not document, and is assumed here: the words of 422; that an input that the workflow does not declare is
refused (it is, with these words); that a run is listed at once; that a page behind the 1,000 is refused (of its search
it is, with these words).
"""

from __future__ import annotations

import re
from typing import Any

import jwt

from holdoff.core.units import iso
from tests.standins.web import Reply, Seen, WebStandin

BAD = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}
NONE = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}


class GitHubStandin(WebStandin):
    token = "github_pat_11ABCDEFG0secret"
    workflow = "/repos/acme/site/actions/workflows/build.yml"
    name = "Build"
    installation = 4711

    def __init__(self, *, run_name: str | None = "site {}", app_key: str | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.run_name = run_name
        self.app_key = app_key  #: the public one
        self.inputs = {"holdoff_token", "version", "EMPTY", "LINES", "STAGE"}
        self.refs = {"main", "release"}
        self.app_tokens: dict[str, int] = {}  # and until when each is good

    def is_start(self, seen: Seen) -> bool:
        return seen.path.endswith("/dispatches")

    def reply(self, seen: Seen) -> Reply:
        bearer = seen.headers.get("authorization", "").removeprefix("Bearer ")
        if seen.path.endswith(("/installation", "/access_tokens")):
            return self._for_app(seen, bearer)
        if bearer != self.token and self.app_tokens.get(bearer, 0) <= self.clock.now_ms():
            return 401, {}, BAD
        if seen.path == f"{self.workflow}/dispatches":
            return self._dispatch(seen.json)
        if seen.path == f"{self.workflow}/runs":
            return self._runs(seen.query)
        found = re.fullmatch(r"/repos/acme/site/actions/runs/(\d+)(/cancel)?", seen.path)
        if found is None or found[1] not in self.builds:
            return 404, {}, NONE
        build = self.builds[found[1]]
        if not found[2]:
            return 200, {}, self._run(build.id)
        if build.state != "running":
            return 409, {}, {"message": "Cannot cancel a workflow run that is completed."}
        build.state = "cancelled"
        return 202, {}, {}

    def _dispatch(self, body: dict[str, Any]) -> Reply:
        inputs = body.get("inputs", {})
        if body["ref"] not in self.refs:
            return 422, {}, {"message": f"No ref found for: {body['ref']}"}
        if len(inputs) > 25:
            return 422, {}, {"message": "you may only define up to 25 `inputs` for a `workflow_dispatch` event"}
        if unknown := inputs.keys() - self.inputs:
            return 422, {}, {"message": f"Unexpected inputs provided: {sorted(unknown)}"}
        number = 16_000_000_000 + len(self.builds)
        self.dispatch(str(number), body["ref"], inputs)
        if not body.get("return_run_details"):
            return 204, {}, b""
        run = f"{self.url}/repos/acme/site/actions/runs/{number}"
        return 200, {}, {"workflow_run_id": number, "run_url": run, "html_url": run}

    def dispatch(self, run: str, ref: str = "main", inputs: dict[str, str] | None = None) -> None:
        """Begin a run, a person's say."""
        token = (inputs or {}).get("holdoff_token", "")
        title = self.name if self.run_name is None else self.run_name.format(token)
        self.make(run, token, ref=ref, title=title)

    def _run(self, run: str) -> dict[str, Any]:
        build = self.builds[run]
        is_over = build.state != "running"
        return {
            "id": int(run),
            "name": self.name,
            "display_title": build.about["title"],
            "head_branch": build.about["ref"],
            "event": "workflow_dispatch",
            "status": "completed" if is_over else "in_progress",
            "conclusion": build.state if is_over else None,
            "created_at": f"{iso(build.made_ms)[:19]}Z",
        }

    def _runs(self, query: dict[str, str]) -> Reply:
        since, _, until = query["created"].partition("..")
        runs = [self._run(run) for run in reversed(self.builds)]
        found = [run for run in runs if run["created_at"] >= since and (until == "*" or run["created_at"] <= until)]
        size, page = int(query["per_page"]), int(query["page"])
        if page * size > 1_000:
            return 422, {}, {"message": "Only the first 1000 search results are available"}
        listed = found[(page - 1) * size : page * size]
        return 200, {}, {"total_count": len(found), "workflow_runs": listed}

    def _for_app(self, seen: Seen, bearer: str) -> Reply:
        now_s = self.clock.now_ms() // 1000
        try:
            claims = jwt.decode(
                bearer, self.app_key or "", algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError:
            return 401, {}, {"message": "A JSON web token could not be decoded"}
        if not (claims["iat"] <= now_s <= claims["exp"] <= now_s + 600 and claims["iss"] in ("Iv23abc", "123456")):
            return 401, {}, {"message": "'Expiration time' claim ('exp') is too far in the future"}
        if seen.path == "/repos/acme/site/installation":
            return 200, {}, {"id": self.installation}
        if seen.path != f"/app/installations/{self.installation}/access_tokens":
            return 404, {}, NONE
        token = f"ghs_secret{len(self.app_tokens)}"
        self.app_tokens[token] = self.clock.now_ms() + 3_600_000
        return 201, {}, {"token": token, "expires_at": f"{iso(self.app_tokens[token])[:19]}Z"}
