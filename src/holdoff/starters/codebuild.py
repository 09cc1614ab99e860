"""AWS CodeBuild as a starter: ``StartBuild`` with the claim's token, at most one build for it.

What an error means for the build stands in ``aws.errors``, as a table.

**Time-outs.** ``find``, ``cancel`` and ``start`` of one decision together stay under the 60 s lease of a claim, so that
no claim is taken over while its StartBuild may still be sent:

    find     ASK_MS: no question begins later than ASK_MS - 7 s, and each takes at most (2 + 2 + 3) s        12 s
    cancel   the same                                                                                        12 s
    start    two tries of (2 + 2 + 6) s; between them botocore waits at most 1 s, and 5 s more if asked to   26 s

50 s in all (``start_budget_ms``), which leaves 10 s for a slow name server and the store. (Looking for the build after
an InvalidInputException comes on top. That is harmless when it is late: nothing is sent after it that could start a
build.) A client of the user's own (``client=``) brings its own time-outs and retries.

**Retries.** The SDK's, and every try carries the same token, so a try that is sent again after a lost answer gets the
build that the first one made: CodeBuild remembers a token for 5 minutes. Questions are asked once: a decision that gets
no answer leaves the claim, and the next one asks again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from typing import Any, Final

from holdoff.aws import errors as aws
from holdoff.aws.client import Clients, Limits
from holdoff.clock import Clock, SystemClock
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.core.token import instant_ms

STARTING: Final = Limits(connect_s=2, read_s=6, tries=2, connections=32)
ASKING: Final = Limits(connect_s=2, read_s=3, tries=1)
#: How long ``find`` may take with all its questions, and ``cancel``.
ASK_MS: Final = 12_000

#: Where a build is found again by its token.
TOKEN_VARIABLE: Final = "HOLDOFF_TOKEN"
#: Tells a build, and the event of its end, for which key of the project it is.
KEY_VARIABLE: Final = "HOLDOFF_KEY"
#: Clocks may be apart by this much (a signature is good for 5 minutes): builds that started longer before the token
#: was made are not looked at.
LOOK_BACK_MS: Final = 600_000
#: Frozen requests stand in the gate's item, up to four of them.
MAX_FROZEN_BYTES: Final = 16_384
#: The region of gates on stores that have none.
NO_REGION: Final = "local"

#: Every other parameter of StartBuild, but the four that are set here.
_OPTIONS: Final = """
    artifactsOverride autoRetryLimitOverride buildStatusConfigOverride buildspecOverride cacheOverride
    certificateOverride computeTypeOverride debugSessionEnabled encryptionKeyOverride environmentTypeOverride
    fleetOverride gitCloneDepthOverride gitSubmodulesConfigOverride hostKernelOverride imageOverride
    imagePullCredentialsTypeOverride insecureSslOverride logsConfigOverride privilegedModeOverride
    queuedTimeoutInMinutesOverride registryCredentialOverride reportBuildStatusOverride secondaryArtifactsOverride
    secondarySourcesOverride secondarySourcesVersionOverride serviceRoleOverride sourceAuthOverride
    sourceLocationOverride sourceTypeOverride timeoutInMinutesOverride
"""
OPTIONS: Final = frozenset(_OPTIONS.split())
_INSTEAD: Final = {
    "projectName": "the starter's project",
    "sourceVersion": "the trigger's source version",
    "environmentVariablesOverride": "the starter's environment",
    "idempotencyToken": "nothing: each start has a token of its own",
}
_TYPES: Final = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")
_ENDED_ILL: Final = ("FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_STATES: Final = {"IN_PROGRESS": "running", "SUCCEEDED": "succeeded"} | dict.fromkeys(_ENDED_ILL, "failed")

Answer = dict[str, Any]


class CodeBuild:
    """Starts builds of an AWS CodeBuild project.

    A build finds its claim's token in HOLDOFF_TOKEN; by it a build is found again when its claimant died.

    Rights on the project: ``codebuild:StartBuild``; ``codebuild:ListBuildsForProject`` and ``codebuild:BatchGetBuilds``
    to finish a start that was left and to follow builds; ``codebuild:StopBuild`` for ``overlap="cancel"``.

    Args:
        project: its name or ARN; the gate's project unless given.
        environment: variables for every build; a trigger's own go over them. A value is text, or
            ``{"type": "PARAMETER_STORE" or "SECRETS_MANAGER", "value": "its name"}``.
        region: the gate's unless given; botocore's own where the gate's is "local".
        client: a boto3 client of your own, instead of those with the time-outs above.
        endpoint: a URL to use instead of AWS's.
        options: other parameters of StartBuild, such as ``{"computeTypeOverride": "BUILD_GENERAL1_LARGE"}``.

    Raises:
        ConfigError: one of them is not what it should be.
    """

    start_budget_ms = STARTING.longest_ms + 2 * ASK_MS
    #: A build may wait 8 hours in the queue and then run for 36: "from 5 to 2160", timeoutInMinutesOverride.
    #: https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
    build_lease_ms = (8 + 36) * 3_600_000

    #: It remembers a token for 5 minutes; one less for clocks that are apart.
    token_memory_ms = 240_000

    def __init__(
        self,
        project: str | None = None,
        *,
        environment: Mapping[str, str | Mapping[str, str]] | None = None,
        region: str | None = None,
        client: object = None,
        endpoint: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.project = _text("codebuild", project, "a CodeBuild project's name")
        self.region = _text("region", region, "an AWS region such as 'eu-west-1'")
        self.endpoint = _text("endpoint", endpoint, "a URL such as http://127.0.0.1:8000", ("http://", "https://"))
        self._variables = _checked_variables({} if environment is None else environment)
        self._options = _checked_options({} if options is None else options)
        size = sum(len(_json(setting).encode()) for setting in (self._options, self._variables))
        if size > MAX_FROZEN_BYTES:
            want = f"at most {MAX_FROZEN_BYTES:,} bytes; a long buildspec can stand in a file or in S3"
            raise ConfigError(field="options and environment", got=f"{size:,} bytes", want=want)
        self._starting = Clients("codebuild", STARTING, endpoint=endpoint, given=client)
        self._asking = Clients("codebuild", ASKING, endpoint=endpoint, given=client)

    def for_region(self, region: str) -> CodeBuild:
        """This starter for gates of a region, where it was given none of its own. Clients are shared."""
        if self.region is not None or region == NO_REGION:
            return self
        bound = copy(self)
        bound.region = region
        return bound

    def freeze(self, request: Request) -> Request:
        """The request with all that StartBuild will be sent, but for the token, as JSON text."""
        variables = self._variables | {
            name: {"name": name, "value": value} for name, value in request.environment if name != TOKEN_VARIABLE
        }
        if request.key is not None:
            variables[KEY_VARIABLE] = {"name": KEY_VARIABLE, "value": request.key}
        parameters = {**self._options, "projectName": self.project or request.project}
        if request.source_version is not None:
            parameters["sourceVersion"] = request.source_version
        if variables:
            parameters["environmentVariablesOverride"] = [variables[name] for name in sorted(variables)]
        return request.but(parameters=_json(parameters))

    def start(self, request: Request, token: str) -> str:
        """Start the build, at most once for a token, and return its id.

        Raises:
            StartRefused: it certainly does not exist.
            StartUnknown: it may.
        """
        parameters = self._parameters(request)
        target = self._target(parameters["projectName"], request.region)
        ours = {"name": TOKEN_VARIABLE, "value": token, "type": "PLAINTEXT"}
        variables = [*parameters.get("environmentVariablesOverride", ()), ours]
        # Nothing but the token is added to what was frozen, so a take-over sends the very same.
        sent = {**parameters, "environmentVariablesOverride": variables, "idempotencyToken": token}
        self._starting.begin()
        try:
            return str(self._starting.of(target.region).start_build(**sent)["build"]["id"])
        except Exception as error:
            tried = self._starting.tried
            says = aws.verdict(error, tried, "StartBuild")
            found = self._refused_but_there(error, token, request, target) if says is aws.Verdict.LOOK else None
            if found is not None:
                return found
            if says is aws.Verdict.UNKNOWN:
                raise _start_unknown(error, target, in_doubt=tried.in_doubt) from error
            raise StartRefused(
                f"{target} was not started ({aws.describe(error)})",
                hint=aws.hint(aws.row_of(error, "StartBuild"), target, "StartBuild"),
                worth_retrying=says is aws.Verdict.NOT_NOW,
            ) from error

    def find(self, token: str, request: Request) -> str | None:
        """The build with this token, if there is one: the newest builds are looked through, back to its instant.

        A project that does not exist has no builds.

        Raises:
            StartUnknown: that cannot be told.
        """
        target = self._target(self._parameters(request)["projectName"], request.region)
        since_ms = (instant_ms(token) or 0) - LOOK_BACK_MS
        try:
            for builds in _pages(self._asking.of(target.region), target.name):
                for build in builds:
                    if _token_of(build) == token:
                        return str(build["id"])
                started = [build["startTime"].timestamp() * 1000 for build in builds if build.get("startTime")]
                if started and min(started) < since_ms:
                    return None
        except Exception as error:
            if aws.code_of(error) == "ResourceNotFoundException":
                return None
            raise StartUnknown(
                f"cannot look among the builds of {target} ({aws.describe(error)})",
                hint=aws.hint(aws.row_of(error), target, aws.operation_of(error, "ListBuildsForProject")),
            ) from error
        return None

    def status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: no such build here.

        Raises:
            HoldoffError: it could not be asked.
        """
        ask = _Questions()
        try:
            for client in self._known_clients():
                for build in ask(client.batch_get_builds, ids=[build_id])["builds"]:
                    return _STATES.get(build["buildStatus"])
        except Exception as error:
            raise self._build_error("ask after", error, build_id, "BatchGetBuilds") from error
        return None

    def cancel(self, build_id: str) -> None:
        """Stop it. One that has ended stays as it is.

        Raises:
            HoldoffError: it could not be stopped, or there is none.
        """
        ask = _Questions()
        try:
            *others, last = self._known_clients()
            for client in others:
                if ask(client.batch_get_builds, ids=[build_id])["builds"]:
                    last = client
            ask(last.stop_build, id=build_id)
        except Exception as error:
            raise self._build_error("stop", error, build_id, "StopBuild") from error

    def _parameters(self, request: Request) -> dict[str, Any]:
        """What was frozen, or is frozen now."""
        with suppress(ValueError):
            parameters = json.loads(request.parameters or self.freeze(request).parameters)
            if isinstance(parameters, dict) and isinstance(parameters.get("projectName"), str):
                return parameters
        raise StartUnknown(
            f"this start of {request.project} was frozen by another starter than CodeBuild",
            hint="Give the gate that starter back until the start is finished",
        )

    def _target(self, project: str, region: str = NO_REGION) -> aws.Target:
        where = self.for_region(region).region
        return aws.Target(
            service="CodeBuild",
            name=project,
            region=where,
            resource=project if project.startswith("arn:") else f"arn:aws:codebuild:{where or '*'}:*:project/{project}",
            missing="Check the project's name, the account and the region: `aws codebuild list-projects --region "
            f"{where or 'REGION'}` lists those there are",
            settings="the starter's options and environment, the source version, and the project itself",
        )

    def _refused_but_there(self, error: Exception, token: str, request: Request, target: aws.Target) -> str | None:
        """The build with this token, although CodeBuild did not take the parameters; ``None``: there certainly is none.

        Where the right to look is missing there are only the words to go by: better than a claim that could never be
        finished.

        Raises:
            StartUnknown: there may be one.
        """
        refused = f"CodeBuild refused the parameters of {target} ({aws.describe(error)}), "
        try:
            found = self.find(token, request)
        except StartUnknown as unseen:
            if not aws.is_denied(unseen.__cause__):
                raise StartUnknown(f"{refused}and {unseen.message}", hint=_LATER) from error
            found = None
        if found is None and any(word in str(error).casefold() for word in ("mismatch", "idempoten")):
            raise StartUnknown(f"{refused}so a build with this token may exist", hint=_LATER) from error
        return found

    def _known_clients(self) -> list[Any]:
        """Of its region, or of all in use: a build's id does not say its region."""
        regions = {self.region} if self.region is not None else (self._starting.regions() | self._asking.regions())
        return [self._asking.of(region) for region in sorted(regions or {None}, key=str)]

    def _build_error(self, doing: str, error: Exception, build_id: str, operation: str) -> HoldoffError:
        target = self._target(build_id.rpartition(":")[0] or build_id)
        return HoldoffError(
            f"cannot {doing} the build {build_id} ({aws.describe(error)})",
            hint=aws.hint(aws.row_of(error), target, aws.operation_of(error, operation)),
        )


_LATER: Final = (
    "When the claim's lease is over, the next trigger or wake looks for a build with this token, "
    "and starts it only if there is none"
)


def _start_unknown(error: Exception, target: aws.Target, *, in_doubt: bool) -> StartUnknown:
    if in_doubt and aws.row_of(error, "StartBuild") is not None:
        words = "one try to start {} got no clear answer, so it may have been started; the last one failed ({})"
    elif aws.status_of(error) >= aws.UNKNOWN_FROM_STATUS:
        words = "CodeBuild failed while starting {} ({})"
    else:
        words = "it is not known whether {} was started ({})"
    return StartUnknown(words.format(target, aws.describe(error)), hint=_LATER)


class _Questions:
    """Requests that start nothing, begun only while each can end within ``ASK_MS``."""

    def __init__(self) -> None:
        self._clock: Clock = SystemClock()
        self._until_ms = self._clock.now_ms() + ASK_MS - ASKING.longest_ms

    def __call__(self, ask: Callable[..., Answer], **parameters: Any) -> Answer:
        if self._clock.now_ms() > self._until_ms:
            raise TimeoutError(f"not done after {(ASK_MS - ASKING.longest_ms) / 1000:g} s")
        return ask(**parameters)


def _pages(client: Any, project: str) -> Iterator[list[Answer]]:
    """A project's builds, newest first, up to 100 at a time.

    That is the default order; asking for an order at all is an error for a project of more than 100 builds
    (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html).
    """
    ask = _Questions()
    more: dict[str, str] = {}
    while True:
        page = ask(client.list_builds_for_project, projectName=project, **more)
        yield ask(client.batch_get_builds, ids=page["ids"])["builds"] if page["ids"] else []
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}


def _token_of(build: Answer) -> str | None:
    for variable in build.get("environment", {}).get("environmentVariables", ()):
        if variable["name"] == TOKEN_VARIABLE:
            return str(variable["value"])
    return None


def _json(value: object) -> str:
    """The one text for a value: keys in order, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _text(field: str, value: object, want: str, beginnings: tuple[str, ...] = ("",)) -> str | None:
    if value is None or (isinstance(value, str) and value.strip() and value.startswith(beginnings)):
        return value
    raise ConfigError(field=field, got=value, want=want)


def _checked_variables(environment: object) -> dict[str, dict[str, str]]:
    """Each as StartBuild takes it, by name."""
    if not isinstance(environment, Mapping):
        raise ConfigError(field="environment", got=environment, want="a table of variables")
    if TOKEN_VARIABLE in environment:
        want = "another name: this one carries the start's token"
        raise ConfigError(field="environment", got=TOKEN_VARIABLE, want=want)
    variables: dict[str, dict[str, str]] = {}
    for name, value in environment.items():
        given = value if isinstance(value, Mapping) else {"value": value}
        if value is given and (given.keys() != {"type", "value"} or given["type"] not in _TYPES):
            want = f"text, or a table of value and type ({', '.join(_TYPES)})"
            raise ConfigError(field=f"environment.{name}", got=value, want=want)
        Request(project="-", region="-", environment=((name, given["value"]),))  # checks both
        variables[name] = {"name": name, **given}
    return variables


def _checked_options(options: object) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise ConfigError(field="options", got=options, want="a table of parameters of StartBuild")
    for name, value in options.items():
        want = _INSTEAD.get(name)
        if want is None and name not in OPTIONS:
            from difflib import get_close_matches  # it takes long to import

            near = get_close_matches(name, OPTIONS, 1)
            want = f"it as {near[0]}" if near else "parameters of StartBuild, such as computeTypeOverride"
        if want is None:
            try:
                _json(value)
            except (TypeError, ValueError):
                want = "text, a number, true, false, or lists and tables of them"
        if want is not None:
            raise ConfigError(field=f"options.{name}", got=value, want=want)
    return dict(options)
