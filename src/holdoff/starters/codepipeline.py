"""AWS CodePipeline as a starter: ``StartPipelineExecution`` with the claim's token.

Only variables that the pipeline declares can be sent. So the starter first reads the pipeline's definition, which also
says what kind of version a source action takes.

**If a pipeline declares HOLDOFF_TOKEN**, each execution is found by its claim's token. For any other pipeline the API
lists the executions since the token's instant, with their variables and revisions. The first execution started by the
API that does not contradict the request counts as the claim's own. Even if a person started it, it builds the same
sources, later than the claim: no change is lost, and none is built twice. Only a wrong clock can make this go wrong. No
document says how long CodePipeline remembers a token, so there is no ``token_memory_ms``.

An execution that is stopped first ends its actions in progress. It can wait for an approval for days:
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Unpack

from holdoff.aws import errors as aws
from holdoff.aws.client import Limits
from holdoff.core.errors import ConfigError
from holdoff.core.request import KEY_VARIABLE, TOKEN_VARIABLE, Request
from holdoff.core.token import instant_ms
from holdoff.starters import on_aws
from holdoff.starters.base import remember
from holdoff.starters.on_aws import Answer, OnAws, Questions, Where

_NAME: Final = r"[A-Za-z0-9.@_-]{1,100}"
_ID: Final = re.compile(rf"({_NAME}):([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})")
_STATES: Final = {"InProgress": "running", "Stopping": "running", "Succeeded": "succeeded"} | dict.fromkeys(
    ("Cancelled", "Failed", "Stopped", "Superseded"), "failed"
)
#: The kind of version that a source action takes, by its provider. Other providers take a commit's id.
#: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_SourceRevisionOverride.html
_TYPES: Final = {"ECR": "IMAGE_DIGEST", "S3": "S3_OBJECT_VERSION_ID"}
_BY_THE_API: Final = "StartPipelineExecution"


class CodePipeline(OnAws):
    """Starts executions of an AWS CodePipeline pipeline. A build's id is ``PIPELINE:EXECUTION``.

    Rights on the pipeline: ``codepipeline:StartPipelineExecution``, ``GetPipeline``; ``ListPipelineExecutions`` and
    ``GetPipelineExecution`` to finish the start of another process and to follow executions; ``StopPipelineExecution``
    for ``overlap="cancel"``.

    Args:
        pipeline: the pipeline's name. Default: the gate's project.
        source_action: the source action that a trigger's source version is for; without it the newest version is built.
            A trigger's secondary versions are for the actions that they name.
        environment: variables for every execution, if the pipeline declares them; a trigger's of the same name replace
            them.
        where: region, client, endpoint, role and external_id: see ``on_aws.Where``.

    Raises:
        ConfigError: an argument is not what it should be.
    """

    service = "CodePipeline"
    thing = "pipeline"
    named = "name"
    starts = _BY_THE_API
    #: Together with the first question about the pipeline, as long as CodeBuild's.
    starting: ClassVar[Limits] = Limits(connect_s=1.5, read_s=4, tries=2, connections=32)
    build_lease_ms = 30 * 24 * 3_600_000

    def __init__(
        self,
        pipeline: str | None = None,
        *,
        source_action: str | None = None,
        environment: Mapping[str, str] | None = None,
        **where: Unpack[Where],
    ) -> None:
        super().__init__(pipeline, **where)
        for field, name in {"codepipeline": pipeline, "source_action": source_action}.items():
            if on_aws.text_of(field, name, "a name") is not None and not re.fullmatch(_NAME, str(name)):
                raise ConfigError(field=field, got=name, want="a name of letters, digits and any of '.@_-', no ARN")
        self.source_action = source_action
        self._seen: dict[str, dict[str, str]] = {}
        checked = on_aws.checked_environment(environment, ())
        self._variables = {name: variable["value"] for name, variable in checked.items()}
        on_aws.check_size(environment=self._variables)
        self.start_budget_ms: int = self.start_budget_ms + on_aws.ASKING.longest_ms

    def freeze(self, request: Request) -> Request:
        """The request with the variables and revisions of the start, except the token, as JSON text."""
        variables = self._variables | dict(request.environment)
        if request.key is not None:
            variables[KEY_VARIABLE] = request.key
        revisions = dict(request.secondary_versions)
        if self.source_action is not None and request.source_version is not None:
            revisions[self.source_action] = request.source_version
        parts = {"name": self.project or request.project, "variables": variables, "revisions": revisions}
        return request.but(parameters=on_aws.as_json({name: part for name, part in parts.items() if part}))

    def _send(self, region: str | None, parameters: Answer, token: str) -> str:
        name = parameters["name"]
        pipeline = self._asking.of(region).get_pipeline(name=name)["pipeline"]
        declared = {variable["name"] for variable in pipeline.get("variables", ())}
        providers = {
            action["name"]: action["actionTypeId"]["provider"]
            for stage in pipeline["stages"]
            for action in stage["actions"]
        }
        sent: Answer = {"name": name, "clientRequestToken": token}
        if variables := {name: value for name, value in _variables_sent(parameters, token).items() if name in declared}:
            sent["variables"] = [{"name": name, "value": variables[name]} for name in sorted(variables)]
        if revisions := parameters.get("revisions"):
            sent["sourceRevisions"] = [
                {
                    "actionName": action,
                    "revisionType": _TYPES.get(providers.get(action, ""), "COMMIT_ID"),
                    "revisionValue": value,
                }
                for action, value in sorted(revisions.items())
            ]
        answer = self._starting.of(region).start_pipeline_execution(**sent)
        return f"{name}:{answer['pipelineExecutionId']}"

    def _found(self, ask: Questions, client: Any, parameters: Answer, token: str) -> str | None:
        name, found = parameters["name"], None
        for page in ask.pages(client.list_pipeline_executions, pipelineName=name):
            executions = page["pipelineExecutionSummaries"]
            for one in executions:
                is_by_the_api = one.get("trigger", {}).get("triggerType", _BY_THE_API) == _BY_THE_API
                if not is_by_the_api or on_aws.is_past([one], token, in_order=True):
                    continue
                has = self._variables_of(ask, client, name, one["pipelineExecutionId"])
                if _may_be(one, has, parameters, token):
                    found = f"{name}:{one['pipelineExecutionId']}"
                    if TOKEN_VARIABLE in has:
                        return found
            if on_aws.is_past(executions, token, in_order=False):
                break
        return found

    def _variables_of(self, ask: Questions, client: Any, name: str, execution: str) -> dict[str, str]:
        """The variables of an execution. Those with a token never change, so they are asked for once. A search that
        runs out of time then goes on where it stopped."""
        if (known := self._seen.get(execution)) is None:
            answer = ask(client.get_pipeline_execution, pipelineName=name, pipelineExecutionId=execution)
            told = answer["pipelineExecution"].get("variables", ())
            known = {one["name"]: one.get("resolvedValue", "") for one in told}
            if TOKEN_VARIABLE in known:
                remember(self._seen, execution, known)
        return known

    def _state(self, ask: Questions, client: Any, build_id: str) -> str | None:
        if (named := _ID.fullmatch(build_id)) is None:
            return None
        try:
            answer = ask(client.get_pipeline_execution, pipelineName=named[1], pipelineExecutionId=named[2])
        except Exception as error:
            if aws.code_of(error) in ("PipelineExecutionNotFoundException", "PipelineNotFoundException"):
                return None
            raise
        return _STATES.get(answer["pipelineExecution"]["status"])

    def _stop(self, ask: Questions, client: Any, build_id: str) -> None:
        if (named := _ID.fullmatch(build_id)) is None:
            raise LookupError("it is no execution of a pipeline")
        which = {"pipelineName": named[1], "pipelineExecutionId": named[2]}
        try:
            ask(client.stop_pipeline_execution, **which, reason="Holdoff starts a newer one")["pipelineExecutionId"]
        except Exception as error:
            has_ended = aws.code_of(error) == "PipelineExecutionNotStoppableException"
            if has_ended and self._state(ask, client, build_id) in ("succeeded", "failed"):
                return
            if aws.code_of(error) != "DuplicatedStopRequestException":
                raise


def _variables_sent(parameters: Answer, token: str) -> dict[str, str]:
    return {**parameters.get("variables", {}), TOKEN_VARIABLE: token}


def _may_be(execution: Answer, has: Mapping[str, str], parameters: Answer, token: str) -> bool:
    """Whether an execution may be the one that was started with this token."""
    if any(has.get(name, value) != value for name, value in _variables_sent(parameters, token).items()):
        return False
    if TOKEN_VARIABLE in has:
        return True
    seen = {one["actionName"]: one.get("revisionId") for one in execution.get("sourceRevisions", ())}
    is_same = all(seen.get(action, version) == version for action, version in parameters.get("revisions", {}).items())
    return is_same and bool(execution["startTime"].timestamp() * 1000 >= (instant_ms(token) or 0))
