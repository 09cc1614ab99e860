"""AWS CodeBuild as a starter: ``StartBuild`` with the claim's token, at most one build for it.

What an error means for the build stands in ``codebuild_errors``, as a table.

**Time-outs.** A call makes at most ``TRIES`` tries. Each may take ``CONNECT_S`` for the connection, as long again for
the TLS handshake, and ``READ_S`` for the answer. Before the second and the third try botocore waits at most 1 s and
2 s, each up to ``RETRY_AFTER_S`` longer where the service asks for it:

    3 x (2 + 2 + 6) + (1 + 5) + (2 + 5) = 43 s

which, with a slow name server beside, stays well under the 60 s lease of a claim: nobody takes a claim over while its
StartBuild may still be sent. (Looking for the build after an InvalidInputException comes on top. That is harmless when
it is late: nothing is sent after it that could start a build.) A client of your own (``client=``) brings its own
time-outs and retries.

**Retries.** The SDK's, and every try carries the same token, so a try that is sent again after a lost answer gets the
build that the first one made: CodeBuild remembers a token for 5 minutes. What a refusal after such a try means is
``codebuild_errors``' first rule.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from holdoff import boto
from holdoff.boto import code_of
from holdoff.core.errors import ConfigError, StartUnknown
from holdoff.core.record import Request
from holdoff.core.token import instant_ms
from holdoff.starters.codebuild_errors import (
    Meaning,
    Place,
    Tried,
    Tries,
    build_error,
    is_denied,
    look_error,
    meaning,
    mismatch,
    speaks_of_tokens,
    start_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_S: Final = 2
READ_S: Final = 6
TRIES: Final = 3
RETRY_AFTER_S: Final = 5
CONNECTIONS: Final = 32

#: Where a build is found again by its token.
TOKEN_VARIABLE: Final = "HOLDOFF_TOKEN"
#: Clocks may be apart by this much (a signature is good for 5 minutes): builds that started longer before the token
#: was made are not looked at.
LOOK_BACK_MS: Final = 600_000
#: Frozen requests stand in the gate's item, up to four of them.
MAX_FROZEN_BYTES: Final = 16_384
#: The region of gates on stores that have none.
NO_REGION: Final = "local"

#: Every other parameter of StartBuild, but the four that are set here.
OPTIONS: Final = frozenset(
    {
        "artifactsOverride",
        "autoRetryLimitOverride",
        "buildStatusConfigOverride",
        "buildspecOverride",
        "cacheOverride",
        "certificateOverride",
        "computeTypeOverride",
        "debugSessionEnabled",
        "encryptionKeyOverride",
        "environmentTypeOverride",
        "fleetOverride",
        "gitCloneDepthOverride",
        "gitSubmodulesConfigOverride",
        "hostKernelOverride",
        "imageOverride",
        "imagePullCredentialsTypeOverride",
        "insecureSslOverride",
        "logsConfigOverride",
        "privilegedModeOverride",
        "queuedTimeoutInMinutesOverride",
        "registryCredentialOverride",
        "reportBuildStatusOverride",
        "secondaryArtifactsOverride",
        "secondarySourcesOverride",
        "secondarySourcesVersionOverride",
        "serviceRoleOverride",
        "sourceAuthOverride",
        "sourceLocationOverride",
        "sourceTypeOverride",
        "timeoutInMinutesOverride",
    }
)
_INSTEAD: Final = {
    "projectName": "the starter's project",
    "sourceVersion": "the trigger's source version",
    "environmentVariablesOverride": "the starter's environment",
    "idempotencyToken": "nothing: each start has a token of its own",
}
_TYPES: Final = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")
_STATES: Final = {
    "IN_PROGRESS": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "FAULT": "failed",
    "TIMED_OUT": "failed",
    "STOPPED": "failed",
}

Answer = dict[str, Any]
#: A variable's value as text, or ``{"type": "PARAMETER_STORE", "value": "/its/name"}``.
Variables = Mapping[str, str | Mapping[str, str]]


class CodeBuildAPI(Protocol):
    """What Holdoff needs of a client: ``boto3.client("codebuild")`` has it."""

    def start_build(self, **parameters: Any) -> Answer: ...
    def stop_build(self, **parameters: Any) -> Answer: ...
    def batch_get_builds(self, **parameters: Any) -> Answer: ...
    def list_builds_for_project(self, **parameters: Any) -> Answer: ...


class CodeBuild:
    """Starts builds of an AWS CodeBuild project.

    A build finds its claim's token in HOLDOFF_TOKEN; by it a build is found again when its claimant died.

    Rights on the project: ``codebuild:StartBuild``; ``codebuild:ListBuildsForProject`` and ``codebuild:BatchGetBuilds``
    to finish a start that somebody left and to follow builds; ``codebuild:StopBuild`` for ``overlap="cancel"``.

    Args:
        project: its name or ARN; the gate's project unless given.
        environment: variables for every build; a trigger's own go over them. A value is text, or
            ``{"type": "PARAMETER_STORE" or "SECRETS_MANAGER", "value": "its name"}``.
        region: the gate's unless given; botocore's own where the gate's is "local".
        client: a boto3 client of your own, instead of one with the time-outs above.
        endpoint: a URL to use instead of AWS's.
        options: other parameters of StartBuild, such as ``{"computeTypeOverride": "BUILD_GENERAL1_LARGE"}``.

    Raises:
        ConfigError: one of them is not what it should be.
    """

    start_budget_ms = 1000 * (
        TRIES * (2 * CONNECT_S + READ_S) + sum(2**n + RETRY_AFTER_S for n in range(TRIES - 1))
    )
    #: A build may wait 8 hours in the queue (https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html)
    #: and then run for 36 (timeoutInMinutesOverride: "from 5 to 2160 (36 hours)", in API_StartBuild as above).
    build_lease_ms = (8 + 36) * 3_600_000

    #: It remembers a token for 5 minutes; one less for clocks that are apart.
    token_memory_ms = 240_000

    def __init__(
        self,
        project: str | None = None,
        *,
        environment: Variables | None = None,
        region: str | None = None,
        client: CodeBuildAPI | None = None,
        endpoint: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.project = _text("codebuild", project, "a CodeBuild project's name")
        self.region = _text("region", region, "an AWS region such as 'eu-west-1'")
        self.endpoint = _url(endpoint)
        self._variables = _checked_variables({} if environment is None else environment)
        self._options = _checked_options({} if options is None else options)
        _check_size(self._options, self._variables)
        self._given = client
        self._clients: dict[tuple[int, str | None], CodeBuildAPI] = {}
        self._lock = threading.Lock()
        self._tries = Tries("StartBuild")
        if client is not None:
            self._tries.watch(client)

    def for_region(self, region: str) -> CodeBuild:
        """This starter for gates of a region, where it was given none of its own. Clients are shared."""
        if self.region is not None or region == NO_REGION:
            return self
        bound = copy(self)
        bound.region = region
        return bound

    # --- what a gate asks for ----------------------------------------------------------------------

    def freeze(self, request: Request) -> Request:
        """The request with all that StartBuild will be sent, but for the token, as JSON text."""
        variables = self._variables | {
            name: {"name": name, "value": value}
            for name, value in request.environment
            if name != TOKEN_VARIABLE
        }
        parameters = {**self._options, "projectName": self.project or request.project}
        if request.source_version is not None:
            parameters["sourceVersion"] = request.source_version
        if variables:
            parameters["environmentVariablesOverride"] = [
                variables[name] for name in sorted(variables)
            ]
        return replace(request, parameters=_json(parameters))

    def start(self, request: Request, token: str) -> str:
        """Start the build, at most once for a token, and return its id.

        Raises:
            StartRefused: it certainly does not exist.
            StartUnknown: nobody knows whether it does.
        """
        parameters = self._parameters(request)
        place = self._place(request, parameters)
        try:
            client = self._client(place.region)
        except Exception as error:
            raise start_error(error, place, Tried(sent=False)) from error
        self._tries.begin(client)
        try:
            answer = client.start_build(**_with_token(parameters, token))
            return str(answer["build"]["id"])
        except Exception as error:
            tried = self._tries.known()
            if meaning(error, tried) is Meaning.LOOK:
                found = self._refused_but_there(error, token, request, place)
                if found is not None:
                    return found
            raise start_error(error, place, tried) from error

    def find(self, token: str, request: Request) -> str | None:
        """The build with this token, if there is one: the newest builds are looked through, back to its instant.

        A project that does not exist has no builds.

        Raises:
            StartUnknown: nobody can tell.
        """
        parameters = self._parameters(request)
        place = self._place(request, parameters)
        try:
            return _look(self._client(place.region), place.project, token)
        except Exception as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise look_error(error, place) from error

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: no such build here.

        Raises:
            HoldoffError: it could not be asked.
        """
        try:
            for client in self._known_clients():
                for build in client.batch_get_builds(ids=[build_id])["builds"]:
                    return _STATES.get(build["buildStatus"])
        except Exception as error:
            raise build_error(error, build_id, self.region) from error
        return None

    def cancel(self, build_id: str) -> None:
        """Stop it. One that has ended stays as it is.

        Raises:
            HoldoffError: it could not be stopped.
        """
        *others, last = self._known_clients()
        try:
            for client in others:
                if client.batch_get_builds(ids=[build_id])["builds"]:
                    last = client
            last.stop_build(id=build_id)
        except Exception as error:
            raise build_error(error, build_id, self.region) from error

    # --- its parts -----------------------------------------------------------------------------------

    def _parameters(self, request: Request) -> dict[str, Any]:
        """What was frozen, or is frozen now."""
        text = request.parameters or self.freeze(request).parameters
        try:
            parameters = json.loads(text)
        except ValueError:
            parameters = None
        if isinstance(parameters, dict) and isinstance(parameters.get("projectName"), str):
            return parameters
        raise StartUnknown(
            f"this start of {request.project} was frozen by another starter than CodeBuild",
            hint="Give the gate that starter back until the start is finished",
        )

    def _place(self, request: Request, parameters: Mapping[str, Any]) -> Place:
        region = self.region or (request.region if request.region != NO_REGION else None)
        return Place(parameters["projectName"], region)

    def _refused_but_there(
        self, error: Exception, token: str, request: Request, place: Place
    ) -> str | None:
        """The build with this token, although CodeBuild did not take the parameters; ``None``: there certainly is none.

        Who may not look has only the words to go by: better than a claim that nobody could ever finish.

        Raises:
            StartUnknown: there may be one.
        """
        try:
            found = self.find(token, request)
        except StartUnknown as unseen:
            if not is_denied(unseen.__cause__):
                raise mismatch(error, place, f"and {unseen.message}") from error
            found = None
        if found is None and speaks_of_tokens(error):
            raise mismatch(error, place, "so a build with this token may exist") from error
        return found

    def _known_clients(self) -> list[CodeBuildAPI]:
        """Those made so far: a build's id does not say its region."""
        if self._given is not None:
            return [self._given]
        if self.region is not None:
            return [self._client(self.region)]
        with self._lock:
            known = [made for (pid, _), made in self._clients.items() if pid == os.getpid()]
        return known or [self._client(self.region)]

    def _client(self, region: str | None) -> CodeBuildAPI:
        """The client of a region; each process of a fork has its own, as connections cannot be shared."""
        if self._given is not None:
            return self._given
        key = (os.getpid(), region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _made(region, self.endpoint)
                self._tries.watch(self._clients[key])
            return self._clients[key]


def _made(region: str | None, endpoint: str | None) -> CodeBuildAPI:
    made: CodeBuildAPI = boto.client(
        "codebuild",
        region=region,
        endpoint=endpoint,
        connect_s=CONNECT_S,
        read_s=READ_S,
        tries=TRIES,
        connections=CONNECTIONS,
    )
    return made


def _with_token(parameters: Mapping[str, Any], token: str) -> dict[str, Any]:
    """The frozen parameters as they are sent: nothing but the token is added, so a take-over sends the very same."""
    ours = {"name": TOKEN_VARIABLE, "value": token, "type": "PLAINTEXT"}
    variables = [*parameters.get("environmentVariablesOverride", ()), ours]
    return {
        **parameters,
        "environmentVariablesOverride": variables,
        "idempotencyToken": token,
    }


def _look(client: CodeBuildAPI, project: str, token: str) -> str | None:
    """The project's build with this token, the newest builds first."""
    since_ms = (instant_ms(token) or 0) - LOOK_BACK_MS
    for ids in _pages_of_ids(client, project):
        builds = client.batch_get_builds(ids=ids)["builds"] if ids else []
        for build in builds:
            if _token_of(build) == token:
                return str(build["id"])
        if any(_started_ms(build, since_ms) < since_ms for build in builds):
            return None
    return None


def _pages_of_ids(client: CodeBuildAPI, project: str) -> Iterator[list[str]]:
    """A project's builds, newest first, up to 100 at a time.

    That is the default order; asking for an order at all is an error for a project of more than 100 builds
    (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html).
    """
    more: dict[str, str] = {}
    while True:
        page = client.list_builds_for_project(projectName=project, **more)
        yield page["ids"]
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}


def _token_of(build: Mapping[str, Any]) -> str | None:
    for variable in build.get("environment", {}).get("environmentVariables", ()):
        if variable["name"] == TOKEN_VARIABLE:
            return str(variable["value"])
    return None


def _started_ms(build: Mapping[str, Any], otherwise: int) -> int:
    started = build.get("startTime")
    return otherwise if started is None else int(started.timestamp() * 1000)


# --- settings ----------------------------------------------------------------------------------------


def _json(value: object) -> str:
    """The one text for a value: keys in order, no blanks."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _text(field: str, value: object, want: str) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise ConfigError(field=field, got=value, want=want)


def _url(endpoint: str | None) -> str | None:
    want = "a URL such as http://127.0.0.1:8000"
    text = _text("endpoint", endpoint, want)
    if text is not None and not text.startswith(("http://", "https://")):
        raise ConfigError(field="endpoint", got=text, want=want)
    return text


def _checked_variables(environment: object) -> dict[str, dict[str, str]]:
    if not isinstance(environment, Mapping):
        raise ConfigError(field="environment", got=environment, want="a table of variables")
    if TOKEN_VARIABLE in environment:
        want = "another name: this one carries the start's token"
        raise ConfigError(field="environment", got=TOKEN_VARIABLE, want=want)
    return {name: _checked_variable(name, value) for name, value in environment.items()}


def _checked_variable(name: str, value: object) -> dict[str, str]:
    variable: dict[str, Any]
    if not isinstance(value, Mapping):
        variable = {"name": name, "value": value}
    elif value.keys() == {"type", "value"} and value["type"] in _TYPES:
        variable = {"name": name, "value": value["value"], "type": value["type"]}
    else:
        want = f"text, or a table of value and type ({', '.join(_TYPES)})"
        raise ConfigError(field=f"environment.{name}", got=value, want=want)
    Request(project="-", region="-", environment=((name, variable["value"]),))  # checks both
    return variable


def _checked_options(options: object) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        want = "a table of parameters of StartBuild"
        raise ConfigError(field="options", got=options, want=want)
    for name, value in options.items():
        if name in _INSTEAD:
            raise ConfigError(field=f"options.{name}", got=value, want=_INSTEAD[name])
        if name not in OPTIONS:
            raise ConfigError(field=f"options.{name}", got=value, want=_instead_of(name))
        _check_plain(name, value)
    return dict(options)


def _instead_of(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, OPTIONS, 1)
    return f"it as {near[0]}" if near else "parameters of StartBuild, such as computeTypeOverride"


def _check_plain(name: str, value: object) -> None:
    try:
        _json(value)
    except (TypeError, ValueError):
        want = "text, a number, true, false, or lists and tables of them"
        raise ConfigError(field=f"options.{name}", got=value, want=want) from None


def _check_size(*settings: object) -> None:
    size = sum(len(_json(setting).encode()) for setting in settings)
    if size > MAX_FROZEN_BYTES:
        raise ConfigError(
            field="options and environment",
            got=f"{size:,} bytes",
            want=f"at most {MAX_FROZEN_BYTES:,} bytes; a long buildspec can stand in a file or in S3",
        )
