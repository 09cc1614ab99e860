"""AWS CodeBuild as a starter: ``StartBuild`` or ``StartBuildBatch`` with the claim's token, at most one build for it.

CodeBuild remembers a token for 5 minutes. A batch differs from a build in the names of its operations and their results
(``_Kind``), and in a few options. No document says in which order batches are listed
(https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildBatchesForProject.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Unpack

from holdoff.core.errors import ConfigError
from holdoff.core.request import KEY_VARIABLE, TOKEN_VARIABLE, Request
from holdoff.core.value import Value
from holdoff.starters import on_aws
from holdoff.starters.on_aws import Answer, OnAws, Questions, Where, method

#: The parameters of both StartBuild and StartBuildBatch, without the four that are set here; and those of one only.
_OPTIONS: Final = """
    artifactsOverride buildspecOverride cacheOverride certificateOverride computeTypeOverride debugSessionEnabled
    encryptionKeyOverride environmentTypeOverride gitCloneDepthOverride gitSubmodulesConfigOverride imageOverride
    imagePullCredentialsTypeOverride insecureSslOverride logsConfigOverride privilegedModeOverride
    queuedTimeoutInMinutesOverride registryCredentialOverride secondaryArtifactsOverride secondarySourcesOverride
    secondarySourcesVersionOverride serviceRoleOverride sourceAuthOverride sourceLocationOverride sourceTypeOverride
"""
_OF_BUILDS: Final = """
    autoRetryLimitOverride buildStatusConfigOverride fleetOverride hostKernelOverride reportBuildStatusOverride
    timeoutInMinutesOverride
"""
_OF_BATCHES: Final = "buildBatchConfigOverride buildTimeoutInMinutesOverride reportBuildBatchStatusOverride"
_SECONDARY: Final = "secondarySourcesVersionOverride"
_INSTEAD: Final = {
    "projectName": "the starter's project",
    "sourceVersion": "the trigger's source version",
    "environmentVariablesOverride": "the starter's environment",
    "idempotencyToken": "nothing: each start has a token of its own",
}
_TYPES: Final = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")
_ENDED_ILL: Final = ("FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_STATES: Final = {"IN_PROGRESS": "running", "SUCCEEDED": "succeeded"} | dict.fromkeys(_ENDED_ILL, "failed")


class _Kind(Value, kw_only=False):
    """A build or a batch: operations, names in answers, options, and whether lists certainly have the newest first."""

    starts: str
    gets: str
    lists: str
    stops: str
    build: str
    builds: str
    options: frozenset[str]
    in_order: bool


# fmt: off
BUILD: Final = _Kind(
    "StartBuild", "BatchGetBuilds", "ListBuildsForProject", "StopBuild",
    "build", "builds", frozenset(f"{_OPTIONS} {_OF_BUILDS}".split()),
    True,  # the default order; to ask for an order is an error for a project of more than 100 builds
)
BATCH: Final = _Kind(
    "StartBuildBatch", "BatchGetBuildBatches", "ListBuildBatchesForProject", "StopBuildBatch",
    "buildBatch", "buildBatches", frozenset(f"{_OPTIONS} {_OF_BATCHES}".split()),
    False,
)
# fmt: on


class CodeBuild(OnAws):
    """Starts builds of an AWS CodeBuild project.

    Each build has its claim's token in the variable HOLDOFF_TOKEN. If the claimant dies, the build is found by it.

    Rights on the project: ``codebuild:StartBuild``; ``codebuild:ListBuildsForProject`` and ``codebuild:BatchGetBuilds``
    to finish the start of another process and to follow builds; ``codebuild:StopBuild`` for ``overlap="cancel"``.
    Batches need the same rights for batches (``BATCH``).

    Args:
        project: the project's name or ARN. Default: the gate's project.
        batch: start a batch of builds, as the project's buildspec describes it.
        environment: variables for every build; a trigger's of the same name replace them. A value is text, or
            ``{"type": "PARAMETER_STORE" or "SECRETS_MANAGER", "value": "its name"}``.
        options: other parameters of StartBuild, such as ``{"computeTypeOverride": "BUILD_GENERAL1_LARGE"}``.
        where: region, client, endpoint, role and external_id: see ``on_aws.Where``.

    Raises:
        ConfigError: an argument is not what it should be.
    """

    service = "CodeBuild"
    thing = "project"
    arn_prefix = "project/"
    named = "projectName"
    #: A build may wait 8 hours in the queue and then run for 36: "from 5 to 2160", timeoutInMinutesOverride.
    #: https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
    build_lease_ms = (8 + 36) * 3_600_000
    #: CodeBuild remembers a token for 5 minutes. One minute less, because clocks differ.
    token_memory_ms = 240_000

    def __init__(
        self,
        project: str | None = None,
        *,
        batch: bool = False,
        environment: Mapping[str, str | Mapping[str, str]] | None = None,
        options: Mapping[str, Any] | None = None,
        **where: Unpack[Where],
    ) -> None:
        super().__init__(project, **where)
        if not isinstance(batch, bool):
            raise ConfigError(field="batch", got=batch, want="true or false")
        self.kind: _Kind = BATCH if batch else BUILD
        self.starts: str = self.kind.starts
        self._variables = on_aws.checked_environment(environment, _TYPES)
        self._options = _checked_options({} if options is None else options, self.kind)
        on_aws.check_size(options=self._options, environment=self._variables)

    def freeze(self, request: Request) -> Request:
        """The request with all parameters of StartBuild, except the token, as JSON text."""
        variables = self._variables | {
            name: {"name": name, "value": value} for name, value in request.environment if name != TOKEN_VARIABLE
        }
        if request.key is not None:
            variables[KEY_VARIABLE] = {"name": KEY_VARIABLE, "value": request.key}
        parameters = {**self._options, "projectName": self.project or request.project}
        if request.source_version is not None:
            parameters["sourceVersion"] = request.source_version
        if request.secondary_versions:
            versions = _versions_in(self._options.get(_SECONDARY, ())) | dict(request.secondary_versions)
            parameters[_SECONDARY] = [
                {"sourceIdentifier": source, "sourceVersion": versions[source]} for source in sorted(versions)
            ]
        if variables:
            parameters["environmentVariablesOverride"] = [variables[name] for name in sorted(variables)]
        return request.but(parameters=on_aws.as_json(parameters))

    def _send(self, region: str | None, parameters: Answer, token: str) -> str:
        ours = {"name": TOKEN_VARIABLE, "value": token, "type": "PLAINTEXT"}
        variables = [*parameters.get("environmentVariablesOverride", ()), ours]
        # Only the token is added to the frozen parameters, so a take-over sends the very same.
        sent = {**parameters, "environmentVariablesOverride": variables, "idempotencyToken": token}
        return str(method(self._starting.of(region), self.kind.starts)(**sent)[self.kind.build]["id"])

    def _found(self, ask: Questions, client: Any, parameters: Answer, token: str) -> str | None:
        for page in ask.pages(method(client, self.kind.lists), projectName=parameters["projectName"]):
            builds = self._builds(ask, client, page["ids"]) if page["ids"] else []
            for build in builds:
                variables = build.get("environment", {}).get("environmentVariables", ())
                if any(one["name"] == TOKEN_VARIABLE and one["value"] == token for one in variables):
                    return str(build["id"])
            if on_aws.is_past(builds, token, in_order=self.kind.in_order):
                return None
        return None

    def _builds(self, ask: Questions, client: Any, ids: list[str]) -> list[Answer]:
        builds: list[Answer] = ask(method(client, self.kind.gets), ids=ids)[self.kind.builds]
        return builds

    def _state(self, ask: Questions, client: Any, build_id: str) -> str | None:
        builds = self._builds(ask, client, [build_id])
        return _STATES.get(builds[0][f"{self.kind.build}Status"]) if builds else None

    def _stop(self, ask: Questions, client: Any, build_id: str) -> None:
        ask(method(client, self.kind.stops), id=build_id)[self.kind.build]


def _checked_options(options: object, kind: _Kind) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise ConfigError(field="options", got=options, want=f"a table of parameters of {kind.starts}")
    for name, value in options.items():
        want = _INSTEAD.get(name)
        if want is None and name not in kind.options:
            from difflib import get_close_matches  # slow to import

            near = get_close_matches(str(name), kind.options, 1)
            want = f"it as {near[0]}" if near else f"parameters of {kind.starts}, such as computeTypeOverride"
        if want is None:
            want = _wanted(name, value)
        if want is not None:
            raise ConfigError(field=f"options.{name}", got=value, want=want)
    return dict(options)


def _wanted(name: str, value: Any) -> str | None:
    """What would be right; ``None``: the value is right."""
    try:
        on_aws.as_json(value)
        if name == _SECONDARY:
            Request(project="-", region="-", secondary_versions=_versions_in(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, LookupError):
        right = "text, a number, true, false, or lists and tables of them"
        return "a list of tables of sourceIdentifier and sourceVersion" if name == _SECONDARY else right
    return None


def _versions_in(option: Any) -> dict[str, str]:
    return {one["sourceIdentifier"]: one["sourceVersion"] for one in option}
