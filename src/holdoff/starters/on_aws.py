"""The common part of the starters of AWS services: a start with the claim's token, and how its build is found again.

The module ``aws.errors`` has the table of what an error means for the build.

**Time-outs.** ``find``, ``cancel`` and ``start`` of one decision together stay under the 60 s lease of a claim, so that
no claim is taken over while its start may still be sent. For CodeBuild:

    find     ASK_MS: no question begins later than ASK_MS - 7 s, and each takes at most (2 + 2 + 3) s        12 s
    cancel   the same                                                                                        12 s
    start    two tries of (2 + 2 + 6) s; between them botocore waits at most 1 s, and 5 s more if asked to   26 s

That is 50 s in all (``start_budget_ms``), which leaves 10 s for a slow name server and the store. To assume a role
takes up to 5 s of them. A client of the user's own (``client=``) has its own time-outs and retries.

**Retries.** The SDK retries a start, and every try carries the same token. So a try after a lost answer gets the build
that the first try made. Questions are asked once: without an answer, the decision leaves the claim, and the next
decision asks again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, ClassVar, Final, Self, TypedDict, Unpack

from holdoff.aws import errors as aws
from holdoff.aws.client import ASSUMING, Clients, Limits, Role
from holdoff.clock import SystemClock, TimeLimit
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown, Verdict
from holdoff.core.request import NO_REGION, GateKey, Request
from holdoff.core.token import instant_ms
from holdoff.starters.base import GIVE_UP, LOOK_BACK_MS, MAX_FROZEN_BYTES, check_no_token, frozen_parameters

STARTING: Final = Limits(connect_s=2, read_s=6, tries=2, connections=32)
ASKING: Final = Limits(connect_s=2, read_s=3, tries=1)
#: How long ``find`` may take with all its questions, and ``cancel``.
ASK_MS: Final = 12_000

_ROLE: Final = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/\S+")

Answer = dict[str, Any]
Ask = Callable[..., Answer]


class Where(TypedDict, total=False):
    """Where a starter starts its builds, and as whom.

    Attributes:
        region: default: the gate's region; if that is "local", the region that botocore finds.
        client: a boto3 client of your own, in place of those with the time-outs above.
        endpoint: a URL in place of AWS's.
        role: the ARN of a role to act as, in another account say; ``external_id``: the id that its trust policy needs.
    """

    region: str | None
    client: object
    endpoint: str | None
    role: str | None
    external_id: str | None


class OnAws:
    """A starter of one service. A subclass has the service's names, and sends, finds, asks after and stops a build. The
    public methods are described in ``starters.base``."""

    service: ClassVar[str]  #: as people call it; botocore and policies have it in lower case
    thing: ClassVar[str]  #: what the service runs: a project, a pipeline
    arn_prefix: ClassVar[str] = ""  #: the text before the thing's name in an ARN
    named: ClassVar[str]  #: the parameter with the thing's name
    starts: str  #: the operation that starts it
    starting: ClassVar[Limits] = STARTING
    #: Send the frozen parameters with a token, in a region. Returns the build's id.
    _send: Callable[[str | None, Answer, str], str]
    #: The id of the build with a token, by questions to a client, from the newest back to the token's instant.
    _found: Callable[[Questions, Any, Answer, str], str | None]
    #: The state of a build by its id, as in ``status``; and: stop the build, or raise if there is none. (An answer
    #: that lacks what the service's has, a proxy's page say, is no answer: ``KeyError``.)
    _state: Callable[[Questions, Any, str], str | None]
    _stop: Callable[[Questions, Any, str], None]
    freeze: Callable[[Request], Request]

    def __init__(self, name: str | None, **where: Unpack[Where]) -> None:
        if unknown := where.keys() - Where.__annotations__:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(sorted(unknown))}")
        self.project: str | None = text_of(self.service.lower(), name, f"a {self.service} {self.thing}'s name")
        self.region: str | None = text_of("region", where.get("region"), "an AWS region such as 'eu-west-1'")
        self.endpoint: str | None = where.get("endpoint")
        self.role: Role | None = _checked_role(where.get("role"), where.get("external_id"), where.get("client"))
        shared: dict[str, Any] = {"endpoint": self.endpoint, "given": where.get("client"), "role": self.role}
        self._starting = Clients(self.service.lower(), self.starting, **shared, lean=True)
        self._asking = Clients(self.service.lower(), ASKING, **shared)
        self.start_budget_ms: int = self.starting.longest_ms + 2 * ASK_MS + (ASSUMING.longest_ms if self.role else 0)

    def for_region(self, region: str) -> Self:
        """This starter for gates of a region, unless it has a region of its own. Clients are shared."""
        if self.region is not None or region == NO_REGION:
            return self
        bound = copy(self)
        bound.region = region
        return bound

    def start(self, request: Request, token: str) -> str:
        parameters = self._parameters(request)
        target = self._target(parameters[self.named], request.region)
        self._starting.begin()
        try:
            return self._send(target.region, parameters, token)
        except Exception as error:
            tried = self._starting.tried
            verdict = aws.verdict(error, tried)
            if verdict is Verdict.UNKNOWN:
                raise self._start_unknown(error, target, in_doubt=tried.in_doubt) from error
            raise StartRefused(
                f"{target} was not started ({aws.describe(error)})",
                hint=self._hint(error, target),
                worth_retrying=verdict is Verdict.NOT_NOW,
            ) from error

    def find(self, token: str, request: Request) -> str | None:
        parameters = self._parameters(request)
        target = self._target(parameters[self.named], request.region)
        try:
            return self._found(Questions(), self._asking.of(target.region), parameters, token)
        except Exception as error:
            if (row := aws.row_of(error)) is not None and row.cause is aws.Cause.MISSING:
                return None  # a project that does not exist has no builds
            message = f"cannot look among the builds of {target} ({aws.describe(error)})"
            raise StartUnknown(message, hint=self._hint(error, target) or GIVE_UP) from error

    def status(self, build_id: str) -> str | None:
        try:
            return self._state(Questions(), self._asking.of(self.region), build_id)
        except Exception as error:
            raise self._build_error("ask after", error, build_id) from error

    def cancel(self, build_id: str) -> None:
        try:
            self._stop(Questions(), self._asking.of(self.region), build_id)
        except Exception as error:
            raise self._build_error("stop", error, build_id) from error

    def target_of(self, key: GateKey) -> aws.Target:
        """The project or pipeline of a gate's builds."""
        return self._target(self.project or key.name, key.region)

    def _parameters(self, request: Request) -> Answer:
        return frozen_parameters(self, request, lambda found: isinstance(found.get(self.named), str))

    def _target(self, name: str, region: str = NO_REGION) -> aws.Target:
        where = self.for_region(region).region
        account = _ROLE.fullmatch(self.role.arn) if self.role else None
        service = self.service.lower()
        arn = f"arn:aws:{service}:{where or '*'}:{account[1] if account else '*'}:{self.arn_prefix}{name}"
        return aws.Target(
            service=self.service,
            name=name,
            region=where,
            resource=name if name.startswith("arn:") else arn,
            missing=f"Check the {self.thing}'s name, the account and the region: `aws {service} list-{self.thing}s "
            f"--region {where or 'REGION'}` lists those there are",
            settings=f"the starter's settings, the source version, and the {self.thing} itself",
            role=self.role.arn if self.role else "",
        )

    def _hint(self, error: Exception, target: aws.Target) -> str | None:
        return aws.hint(aws.row_of(error), target, aws.operation_of(error, self.starts), aws.describe(error))

    def _start_unknown(self, error: Exception, target: aws.Target, *, in_doubt: bool) -> StartUnknown:
        if in_doubt and aws.row_of(error) is not None:
            words = f"one try to start {target} got no clear answer, so it may have been started; the last one failed"
        else:
            words = f"it is not known whether {target} was started"
        return StartUnknown(f"{words} ({aws.describe(error)})")

    def _build_error(self, doing: str, error: Exception, build_id: str) -> HoldoffError:
        target = self._target(build_id.rpartition(":")[0])
        message = f"cannot {doing} the build {build_id} ({aws.describe(error)})"
        return HoldoffError(message, hint=self._hint(error, target))


class Questions:
    """Sends requests that start nothing. No request begins so late that it could end after ``ASK_MS``."""

    def __init__(self) -> None:
        self._limit = TimeLimit(SystemClock(), ASK_MS - ASKING.longest_ms)

    def __call__(self, ask: Ask, **parameters: Any) -> Answer:
        if not self._limit.left_ms():
            raise TimeoutError(f"not done after {(ASK_MS - ASKING.longest_ms) / 1000:g} s")
        return ask(**parameters)

    def pages(self, ask: Ask, **parameters: Any) -> Iterator[Answer]:
        while True:
            page = self(ask, **parameters)
            yield page
            if not page.get("nextToken"):
                return
            parameters["nextToken"] = page["nextToken"]


def method(client: Any, operation: str) -> Any:
    """A client's method for an operation: ``start_build`` for ``StartBuild``."""
    return getattr(client, re.sub(r"\B([A-Z])", r"_\1", operation).lower())


def is_past(page: list[Answer], token: str, *, in_order: bool) -> bool:
    """Whether no later page can have the token's build: the newest builds come first, and this page's are too old.

    Args:
        in_order: the newest builds certainly come first. If False, that counts only for a page that has them so.
    """
    started = [build["startTime"].timestamp() * 1000 for build in page if build.get("startTime")]
    if not started or not (in_order or started == sorted(started, reverse=True)):
        return False
    return bool(min(started) < (instant_ms(token) or 0) - LOOK_BACK_MS)


def as_json(value: object) -> str:
    """JSON text, always the same for the same value: keys in order, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def text_of(field: str, value: object, want: str) -> str | None:
    """A setting that is text, or ``None``."""
    if value is None or (isinstance(value, str) and value.strip() and value.isprintable()):
        return value
    raise ConfigError(field=field, got=value, want=want)


def _checked_role(role: object, external_id: object, client: object) -> Role | None:
    want = "an IAM role's ARN, such as 'arn:aws:iam::222222222222:role/start-builds'"
    arn, external = text_of("role", role, want), text_of("external_id", external_id, "text that the role asks for")
    if arn is None:
        if external is not None:
            raise ConfigError(field="role", got=None, want=f"{want}: external_id goes with a role")
        return None
    if client is not None or not _ROLE.fullmatch(arn):
        raise ConfigError(field="role", got=arn, want=want if client is None else "nothing beside a client of your own")
    return Role(arn, external)


def checked_environment(environment: object, types: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Variables for every build, as ``{"name": ..., "value": ...}`` by name; ``None``: none. ``types``: the allowed
    types."""
    if environment is None:
        return {}
    if not isinstance(environment, Mapping):
        raise ConfigError(field="environment", got=environment, want="a table of variables")
    check_no_token(environment)
    variables: dict[str, dict[str, str]] = {}
    for name, value in environment.items():
        given = value if isinstance(value, Mapping) else {"value": value}
        if value is given and (given.keys() != {"type", "value"} or given["type"] not in types):
            want = f"text, or a table of value and type ({', '.join(types)})" if types else "text"
            raise ConfigError(field=f"environment.{name}", got=value, want=want)
        Request(project="-", region="-", environment=((name, given["value"]),))  # checks both
        variables[name] = {"name": name, **given}
    return variables


def check_size(**settings: object) -> None:
    """Refuse settings whose frozen text would be too long."""
    size = sum(len(as_json(setting).encode()) for setting in settings.values())
    if size > MAX_FROZEN_BYTES:
        want = f"at most {MAX_FROZEN_BYTES:,} bytes; a long buildspec can stand in a file or in S3"
        raise ConfigError(field=" and ".join(settings), got=f"{size:,} bytes", want=want)
