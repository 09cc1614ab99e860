"""Whether a project's builds can be started, followed and found again.

Listing a project's builds tells whether there is such a project; asking after, or stopping, a build that never was
(a UUID of zeros) tells whether one may. There is no StartBuild that starts nothing: no document says that its
parameters are looked at after the rights, and before anything is done. So IAM is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdoff import boto
from holdoff.boto import code_of
from holdoff.ingress.aws_finding import Finding, fail, ok, unchecked
from holdoff.ingress.aws_policies import Wanted, reason_of, said
from holdoff.starters.codebuild import CONNECT_S, NO_REGION, READ_S, TRIES, CodeBuild
from holdoff.starters.codebuild_errors import is_denied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.config import Project
    from holdoff.core.record import GateKey
    from holdoff.ingress.aws_policies import Policies

NEVER_BUILT: Final = "00000000-0000-0000-0000-000000000000"
#: Answers of a request that was let through.
NOT_THERE: Final = "ResourceNotFoundException"
LET_THROUGH: Final = frozenset({NOT_THERE, "InvalidInputException"})


def builds(project: Project, key: GateKey, policies: Policies) -> Iterator[Finding]:
    """What there is to say of one project's starter."""
    starter = project.make_starter()
    if not isinstance(starter, CodeBuild):
        yield unchecked(str(key), f"its starter is no AWS service: {', '.join(project.starter)}")
        return
    region = starter.region or (None if key.region == NO_REGION else key.region)
    try:
        client = boto.client(
            "codebuild",
            region=region,
            endpoint=starter.endpoint,
            connect_s=CONNECT_S,
            read_s=READ_S,
            tries=TRIES,
        )
    except Exception as error:  # noqa: BLE001  (whatever it is: there is no client)
        yield fail(str(key), f"CodeBuild cannot be asked ({said(error)})")
        return
    look = _Look(starter.project or key.project, str(client.meta.region_name), key, policies)
    yield from look.findings(client, stops=project.policy.overlap == "cancel")


class _Look:
    """At one CodeBuild project."""

    def __init__(self, codebuild: str, region: str, key: GateKey, policies: Policies) -> None:
        self.codebuild = codebuild
        self.name = codebuild.rpartition(":project/")[2]
        self.region = region
        self.about = str(key)
        self.policies = policies
        of = policies.arn()
        self.arn = f"arn:{of.partition}:codebuild:{region}:{of.account}:project/{self.name}"
        if codebuild.startswith("arn:"):
            self.arn = codebuild

    def findings(self, client: Any, *, stops: bool) -> Iterator[Finding]:
        """All there is to say."""
        listed = _error(client.list_builds_for_project, projectName=self.codebuild)
        yield self._existence(listed)
        if listed is not None and not is_denied(listed):
            return
        yield self._right("ListBuildsForProject", lambda: listed)
        build = f"{self.name}:{NEVER_BUILT}"
        yield self._right("BatchGetBuilds", lambda: _error(client.batch_get_builds, ids=[build]))
        if stops:
            yield self._right("StopBuild", lambda: _error(client.stop_build, id=build))
        yield self.policies.ask(self.about, self._wanted("StartBuild"), self.region)

    def _existence(self, listed: Exception | None) -> Finding:
        """Whether there is the project, by what came of listing its builds."""
        if listed is None:
            return ok(self.about, f"CodeBuild project {self.name} is there, in {self.region}")
        if is_denied(listed):
            return unchecked(self.about, f"whether there is a CodeBuild project {self.name}")
        if code_of(listed) != NOT_THERE:
            return fail(self.about, f"CodeBuild cannot be asked ({said(listed)})")
        return fail(
            self.about,
            f"there is no CodeBuild project {self.name} in {self.region}",
            f"`aws codebuild list-projects --region {self.region}` lists those there are",
        )

    def _right(self, operation: str, attempt: Callable[[], Exception | None]) -> Finding:
        """Whether one may, by what comes of trying; of a role, only IAM can tell."""
        wanted = self._wanted(operation)
        if self.policies.role is not None:
            return self.policies.ask(self.about, wanted, self.region)
        error = attempt()
        if error is None or code_of(error) in LET_THROUGH:
            return ok(self.about, f"{wanted.action} is allowed")
        if is_denied(error):
            return wanted.denied(self.about, reason=reason_of(error))
        return fail(self.about, f"CodeBuild cannot be asked ({said(error)})")

    def _wanted(self, operation: str) -> Wanted:
        return Wanted(action=f"codebuild:{operation}", resource=self.arn)


def _error(call: Callable[..., object], **parameters: Any) -> Exception | None:
    try:
        call(**parameters)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told)
        return error
    return None
