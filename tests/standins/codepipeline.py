"""A stand-in for AWS CodePipeline, with the server, the clock and the faults of the one for CodeBuild.

    with CodePipelineStandin([Pipeline(name="release", variables={"HOLDOFF_TOKEN": "none"})]) as standin:
        standin.client().start_pipeline_execution(name="release", clientRequestToken="t1")

What AWS documents, and the stand-in does:

- StartPipelineExecution (docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html):
  ``clientRequestToken`` "to identify a unique execution request"; variables override those of the pipeline, and cannot
  be empty; source revisions override those of source actions. Errors declared: ValidationException, ConflictException,
  PipelineNotFoundException, ConcurrentPipelineExecutionsLimitExceededException.
- "If the variable does not have a default value, you must provide one" (.../userguide/variables.html).
- GetPipelineExecution has the variables with the values they were resolved to, and the trigger; an id that is none is a
  ValidationException, one that is not there a PipelineExecutionNotFoundException.
- StopPipelineExecution: without ``abandon`` the execution is Stopping until its actions have ended; a second request is
  a DuplicatedStopRequestException, one for an execution that has ended a PipelineExecutionNotStoppableException.

What AWS does not document, and is assumed here: an undeclared variable, or a source action that is not there, is a
ValidationException; a token is remembered for a minute, whatever the parameters; executions are listed newest first; a
revision is seen in the list once the source action has run, which here is at once.

Left out: stages, approvals, retries, rollbacks, superseding, and the CBOR protocol.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.standins.codebuild import (
    JSON,
    CodeBuildStandin,
    Project,
    ServiceError,
    StandinClock,
    StartedBuild,
    _Build,
    _text,
    wall_ms,
)

TOKEN_VALID_MS = 60_000
STATES = {
    "IN_PROGRESS": "InProgress",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "STOPPED": "Stopped",
    "SUPERSEDED": "Superseded",
}
EXECUTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline: its variables with their defaults, and its source actions with their providers."""

    name: str
    variables: dict[str, str | None] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=lambda: {"Source": "CodeStarSourceConnection"})
    limit: int | None = None


class CodePipelineStandin(CodeBuildStandin):
    """The service: its pipelines and executions. ``projects`` are the base's; here they are pipelines."""

    service = "codepipeline"
    target_prefix = "CodePipeline_20150709."

    def __init__(
        self, pipelines: Iterable[str | Pipeline] = (), *, clock: StandinClock | None = None, region: str = "eu-west-1"
    ) -> None:
        super().__init__(clock=clock, region=region)
        known = [one if isinstance(one, Pipeline) else Pipeline(name=one) for one in pipelines]
        self.pipelines = {pipeline.name: pipeline for pipeline in known}
        self._stopping: set[str] = set()

    @classmethod
    def operations(cls) -> dict[str, Callable[[Any, JSON], JSON]]:
        return _OPERATIONS

    def settle(self) -> None:
        """Lets the actions of executions that are to be stopped come to their end."""
        with self._changed:
            for id_ in self._stopping:
                self._end(self._builds[id_], "STOPPED")
            self._stopping.clear()

    # --- the operations

    def _start_pipeline_execution(self, request: JSON) -> JSON:
        pipeline = self._pipeline(_text(request, "name"))
        token = request.get("clientRequestToken")
        if token:
            known = self._tokens.get(token)
            if known is not None and self.clock.now_ms() - known[0] < TOKEN_VALID_MS:
                return {"pipelineExecutionId": known[2].started.id.partition(":")[2]}
        variables = _resolved(pipeline, request.get("variables", []))
        for revision in request.get("sourceRevisions", []):
            if revision["actionName"] not in pipeline.sources:
                raise ServiceError("ValidationException", f"no source action {revision['actionName']}")
        running = [b for b in self._builds.values() if b.state(self.clock.now_ms())[1] is None]
        if pipeline.limit is not None and len(running) >= pipeline.limit:
            raise ServiceError("ConcurrentPipelineExecutionsLimitExceededException", "too many executions")
        started = StartedBuild(
            order=len(self._builds) + 1,
            wall_ms=wall_ms(),
            clock_ms=self.clock.now_ms(),
            token=token,
            request=request,
            id=f"{pipeline.name}:{uuid.uuid4()}",
            number=len(self._builds) + 1,
            project=pipeline.name,
            source_version=None,
            env=variables,
        )
        build = _Build(started, [], Project(name=pipeline.name).duration, "SUCCEEDED")
        self._builds[started.id] = build
        self._changed.notify_all()
        if token:
            self._tokens[token] = (started.clock_ms, request, build)
        return {"pipelineExecutionId": started.id.partition(":")[2]}

    def _get_pipeline(self, request: JSON) -> JSON:
        pipeline = self._pipeline(_text(request, "name"))
        declared = [
            {"name": name} | ({} if value is None else {"defaultValue": value})
            for name, value in pipeline.variables.items()
        ]
        actions = [
            {
                "name": name,
                "actionTypeId": {"category": "Source", "owner": "AWS", "provider": provider, "version": "1"},
            }
            for name, provider in pipeline.sources.items()
        ]
        found = {"name": pipeline.name, "roleArn": "arn:aws:iam::123456789012:role/pipeline", "version": 1}
        found["stages"] = [{"name": "Source", "actions": actions}]
        return {"pipeline": found | ({"pipelineType": "V2", "variables": declared} if declared else {})}

    def _get_pipeline_execution(self, request: JSON) -> JSON:
        build = self._execution(request)
        variables = [{"name": name, "resolvedValue": value} for name, value in build.started.env.items()]
        described = self._summary(build) | {"pipelineName": build.started.project, "pipelineVersion": 1}
        described.pop("startTime")
        return {"pipelineExecution": described | {"variables": variables}}

    def _list_pipeline_executions(self, request: JSON) -> JSON:
        name = self._pipeline(_text(request, "pipelineName")).name
        builds = [build for build in reversed(self._builds.values()) if build.started.project == name]
        start, most = int(request.get("nextToken", "0")), request.get("maxResults", 100)
        answer: JSON = {"pipelineExecutionSummaries": [self._summary(one) for one in builds[start : start + most]]}
        return answer | ({"nextToken": str(start + most)} if len(builds) > start + most else {})

    def _stop_pipeline_execution(self, request: JSON) -> JSON:
        build = self._execution(request, missing="PipelineExecutionNotStoppableException")
        if build.state(self.clock.now_ms())[1] is not None:
            raise ServiceError("PipelineExecutionNotStoppableException", "it is no longer in progress")
        if build.started.id in self._stopping and not request.get("abandon"):
            raise ServiceError("DuplicatedStopRequestException", "it is Stopping")
        self._stopping.add(build.started.id)
        if request.get("abandon"):
            self.settle()
        return {"pipelineExecutionId": request["pipelineExecutionId"]}

    # --- their parts

    def _pipeline(self, name: str) -> Pipeline:
        if name not in self.pipelines:
            raise ServiceError("PipelineNotFoundException", f"Account has no pipeline with name '{name}'")
        return self.pipelines[name]

    def _execution(self, request: JSON, missing: str = "PipelineExecutionNotFoundException") -> _Build:
        name, id_ = self._pipeline(_text(request, "pipelineName")).name, _text(request, "pipelineExecutionId")
        if not EXECUTION.fullmatch(id_):
            raise ServiceError("ValidationException", f"Value '{id_}' failed to satisfy constraint")
        build = self._builds.get(f"{name}:{id_}")
        if build is None:
            raise ServiceError(missing, f"no execution {id_}")
        return build

    def _summary(self, build: _Build) -> JSON:
        status = STATES[build.state(self.clock.now_ms())[0]]
        revisions = build.started.request.get("sourceRevisions", [])
        return {
            "pipelineExecutionId": build.started.id.partition(":")[2],
            "status": "Stopping" if build.started.id in self._stopping and status == "InProgress" else status,
            "startTime": build.started.clock_ms / 1000,
            "sourceRevisions": [
                {"actionName": one["actionName"], "revisionId": one["revisionValue"]} for one in revisions
            ],
            "trigger": {"triggerType": "StartPipelineExecution", "triggerDetail": "arn:aws:iam::1:user/standin"},
        }


def _resolved(pipeline: Pipeline, given: list[JSON]) -> dict[str, str]:
    values = {one["name"]: one["value"] for one in given}
    if undeclared := values.keys() - pipeline.variables.keys():
        raise ServiceError("ValidationException", f"variables that are not declared: {', '.join(sorted(undeclared))}")
    resolved = pipeline.variables | values
    if missing := [name for name, value in resolved.items() if not value]:
        raise ServiceError("ValidationException", f"variables without a value: {', '.join(missing)}")
    return {name: value for name, value in resolved.items() if value}


_OPERATIONS: dict[str, Callable[[Any, JSON], JSON]] = {
    "StartPipelineExecution": CodePipelineStandin._start_pipeline_execution,
    "GetPipeline": CodePipelineStandin._get_pipeline,
    "GetPipelineExecution": CodePipelineStandin._get_pipeline_execution,
    "ListPipelineExecutions": CodePipelineStandin._list_pipeline_executions,
    "StopPipelineExecution": CodePipelineStandin._stop_pipeline_execution,
}
