"""A stand-in for GitLab's API, as far as a project's pipelines go.

What GitLab documents, and the stand-in does:

- POST /projects/ID/trigger/pipeline (https://docs.gitlab.com/api/pipeline_triggers/): ``token``, ``ref``, ``variables``
  as a table; 201 with the pipeline, 404 for a token that is not the project's, 400 for a ref that is not there.
- POST /projects/ID/pipeline (https://docs.gitlab.com/api/pipelines/): ``ref``, ``variables`` as a list of tables.
- GET /projects/ID/pipelines: ``created_after``, ``order_by``, ``sort``, ``per_page``, ``page``; each tells its
  ``source``.
- GET .../pipelines/ID and .../variables; POST .../cancel: 200 "regardless of the pipeline's state".
- The project by its number or its path with %2F; 401 for a bad token; 404 for what it may not see.
- More than so many pipelines a minute for one commit and user: "Too many pipelines created in the last minute".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from holdoff.core.units import iso, parse_instant
from tests.standins.web import Reply, Seen, WebStandin

PREFIX = "/api/v4/projects/acme%2Fsite/"


class GitLabStandin(WebStandin):
    token = "glpat-secret-secret"
    trigger_token = "glptt-secret"
    states = ("created", "pending", "running")

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.refs = {"main", "release"}

    def is_start(self, seen: Seen) -> bool:
        return seen.method == "POST" and seen.path.rpartition("/")[2] == "pipeline"

    def reply(self, seen: Seen) -> Reply:
        if not seen.path.startswith(PREFIX):
            return 404, {}, {"message": "404 Project Not Found"}
        where = unquote(seen.path.removeprefix(PREFIX)).split("/")
        if where == ["trigger", "pipeline"]:
            if seen.json["token"] != self.trigger_token:
                return 404, {}, {"message": "404 Not Found"}
            return self._begin(seen.json["ref"], seen.json["variables"], "trigger")
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {}, {"message": "401 Unauthorized"}
        if where == ["pipeline"]:
            given = seen.json["variables"]
            return self._begin(seen.json["ref"], {one["key"]: one["value"] for one in given}, "api")
        if where == ["pipelines"]:
            return self._list(seen.query)
        return self._pipeline(*where[1:])

    def _begin(self, ref: str, variables: dict[str, str], source: str) -> Reply:
        if ref not in self.refs:
            return 400, {}, {"message": {"base": ["Reference not found"]}}
        return 201, {}, self._told(self.push(source, variables))

    def push(self, source: str = "push", variables: dict[str, str] | None = None) -> str:
        """Begin a pipeline, by a push say."""
        number = str(1_000 + len(self.builds))
        given = variables or {}
        self.make(number, given.get("HOLDOFF_TOKEN", ""), source=source, variables=given)
        return number

    def _told(self, number: str) -> dict[str, Any]:
        build = self.builds[number]
        told = {"id": int(number), "status": build.state, "source": build.about["source"]}
        return {**told, "created_at": iso(build.made_ms)}

    def _list(self, query: dict[str, str]) -> Reply:
        since_ms = parse_instant(query["created_after"], field="created_after")
        assert (query["order_by"], query["sort"]) == ("id", "desc")
        found = [self._told(number) for number, build in reversed(self.builds.items()) if build.made_ms > since_ms]
        size, page = int(query["per_page"]), int(query["page"])
        return 200, {}, found[(page - 1) * size : page * size]

    def _pipeline(self, number: str, *more: str) -> Reply:
        build = self.builds.get(number)
        if build is None:
            return 404, {}, {"message": "404 Not found"}
        if more == ("variables",):
            variables = build.about["variables"].items()
            return 200, {}, [{"variable_type": "env_var", "key": key, "value": value} for key, value in variables]
        if more == ("cancel",) and build.state in self.states:
            build.state = "canceled"
        return 200, {}, self._told(number)
