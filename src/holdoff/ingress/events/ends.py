"""The ends of builds, from the events of the services that ran them, as rows of a table; and whose they may be. Pure.

All other events of these services end no build and ask for none: builds would trigger builds.

* CodeBuild, https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html. No document has
  an event for the end of a *batch* (https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codebuild.html names
  builds, phases and fleets). So a batch is known by its ARN, in any change of a build's state. If no such event comes,
  a sweep asks for the end. The builds *within* a batch send events as builds; no gate started them.
* CodePipeline, https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
  Its events do not name the key for which an execution ran.
* GitHub, GitLab, Netlify and Vercel, by webhook (``WEB``): only the kinds of runs that starters begin, and only of
  projects that are configured. A starter's run triggers nothing before its end. The events of all other runs are
  ordinary events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from holdoff.core.request import KEY_VARIABLE, NO_REGION, GateKey
from holdoff.core.value import Value
from holdoff.ingress.events.intents import BuildEnded, Ignored
from holdoff.ingress.events.kinds import fits
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.paths import filled, text_at


class _Row(Value):
    """The events of one service's builds. Each text but the first two is a template (``paths.filled``)."""

    starter: str  #: the key of a starter's table
    when: str  #: as of a ``Kind``
    ended: Mapping[str, bool]  #: the statuses that are an end, and whether a good one
    status: str
    id: str
    name: str = ""  #: what the starter's table names; by default the id's first part
    region: str = ""
    account: str = ""  #: as of ``BuildEnded``
    arn: str = ""  #: the ARN of the build, or of what ran it: its region and account come before the event's
    variables: str = ""  #: the path of a list of what the build was told, where a key may be


def _ends(bad: str, good: str = "SUCCEEDED") -> Mapping[str, bool]:
    return dict.fromkeys(bad.split("|"), False) | dict.fromkeys(good.split("|"), True)


_BUILD: Final = "detail.build-id,detail.build-batch-id,resources.0"
_PLACE: Final = {"region": "{region!}", "account": "{account}"}
OF_AWS: Final = (
    _Row(
        starter="codebuild",
        when="source=aws.codebuild & detail-type=CodeBuild*Build State Change",
        ended=_ends("FAILED|FAULT|TIMED_OUT|STOPPED"),
        status="{detail.build-status,detail.build-batch-status!}",
        id=f"{{{_BUILD}/!}}",
        arn=f"{{{_BUILD}}}",
        variables="detail.additional-information.environment.environment-variables",
        **_PLACE,
    ),
    _Row(
        starter="codepipeline",
        when="source=aws.codepipeline & detail-type=CodePipeline Pipeline Execution State Change",
        ended=_ends("FAILED|STOPPED|SUPERSEDED|CANCELED"),
        status="{detail.state!}",
        id="{detail.pipeline!}:{detail.execution-id!}",
        arn="{resources.0}",
        **_PLACE,
    ),
)
#: https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
#: https://docs.gitlab.com/user/project/integrations/webhook_events/#pipeline-events
#: https://docs.netlify.com/deploy/deploy-notifications/
#: https://vercel.com/docs/webhooks/webhooks-api
WEB: Final = (
    _Row(
        starter="github",
        when="http.headers.x-github-event=workflow_run & workflow_run.event=workflow_dispatch",
        ended=_ends("failure|cancelled|timed_out|action_required|stale|skipped|startup_failure", "success|neutral"),
        status="{workflow_run.conclusion}",  # null before its end
        id="{workflow_run.id}",
        name="{repository.full_name}",
        account="{workflow_run.path/}",
    ),
    _Row(
        starter="gitlab",
        when="object_kind=pipeline & object_attributes.source=trigger|api",
        ended=_ends("failed|canceled|skipped", "success"),
        status="{object_attributes.status}",
        id="{object_attributes.id}",
        name="{project.path_with_namespace} {project.id}",
        variables="object_attributes.variables",
    ),
    _Row(
        starter="webhook",
        when="http.headers.x-netlify-event=deploy_* & site_id",
        ended=_ends("error|rejected", "ready"),
        status="{state}",
        id="{id}",
        name="{site_id}",
    ),
    _Row(
        starter="webhook",
        when="type=deployment.* & createdAt & payload.deployment.id",
        ended=_ends("deployment.error|deployment.canceled", "deployment.succeeded"),
        status="{type}",
        id="{payload.deployment.id}",
        name="{payload.project.id}",
    ),
)


def build_of(message: Message, rows: Iterable[_Row]) -> BuildEnded | None:
    """The build that an event reports; ``None``: it reports no build that a starter begins. A webhook may report a
    build that is under way; what AWS reports of such a build may lack anything, and is ``None``. Raises an
    ``EventError`` if an end by AWS lacks something."""
    row, look = next((row for row in rows if fits(message, row.when)), None), message.look
    status = filled(row.status, look) if row else ""
    if row is None or (row.arn and status not in row.ended) or not (build_id := filled(row.id, look)):
        return None
    arn = filled(row.arn, look)
    region, account = _place(arn)
    variables = message.items(row.variables)
    return BuildEnded(
        starter=row.starter,
        name=filled(row.name, look) or build_id.partition(":")[0],
        batch=":build-batch/" in arn,
        region=region or filled(row.region, look),
        account=account or filled(row.account, look).partition("@")[0],
        build_id=build_id,
        is_end=status in row.ended,
        succeeded=row.ended.get(status, False),
        detail=status or "under way",
        key=next((text_at(one, "value") for one in variables if text_at(one, "name", "key") == KEY_VARIABLE), None),
    )


def of_no_project(ended: BuildEnded) -> Ignored:
    """No project here started this build: one rule of EventBridge may report all builds of an account."""
    starter = f"{ended.starter} = {ended.name!r}{ended.region and f' in {ended.region}'}"
    return Ignored(f"build {ended.build_id} has ended, and no project here has the starter {starter}")


def may_be_of(starter: Mapping[str, Any], key: GateKey, ended: BuildEnded) -> bool:
    """Whether this gate may have started a build, by its project's table ``starter``."""
    named = starter.get(ended.starter)
    if not ended.region:  # by a webhook: a build hook's URL does not name the site, so only the build's id tells
        known = ended.starter == "webhook" or str(named).casefold() in ended.name.casefold().split()
        return known and ended.account in ("", starter.get("workflow"))
    if not isinstance(named, str) or bool(starter.get("batch")) != ended.batch:
        return False
    region, account = _place(named)
    account = account or _place(str(starter.get("role")))[1]
    name = named.rpartition(":project/")[2]
    here = region or starter.get("region") or key.region
    return name == ended.name and here in (ended.region, NO_REGION) and account in ("", ended.account)


def _place(arn: str) -> tuple[str, str]:
    """Region and account of an ARN; empty where it is none."""
    parts = arn.split(":", 5)
    return (parts[3], parts[4]) if parts[0] == "arn" and len(parts) == 6 else ("", "")
