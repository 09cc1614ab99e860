"""The ends of builds, from the events of the services that ran them, as rows of tables; and whose they may be. Pure.

All other events of these services end no build and ask for none: builds would trigger builds.

* CodeBuild, https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html. No document has
  an event for the end of a *batch* (https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codebuild.html names
  builds, phases and fleets). So a batch is known by its ARN, in any change of a build's state. If no such event comes,
  a sweep asks for the end. The builds *within* a batch send events as builds; no gate started them.
* GitHub, GitLab, Netlify and Vercel, by webhook (``_WEB``): only the kinds of runs that starters begin, and only of
  projects that are configured. A starter's run triggers nothing before its end. The events of all other runs are
  ordinary events.
* CodePipeline, https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
  Its events do not name the key for which an execution ran.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from holdoff.core.errors import EventError
from holdoff.core.request import GateKey
from holdoff.core.value import Value
from holdoff.ingress.events.intents import BuildEnded, Ignored
from holdoff.ingress.events.kinds import fits
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.paths import as_text, dig, needed, text_at

_VARIABLES: Final = "detail.additional-information.environment.environment-variables"


class _Row(Value):
    """The events of one service's builds."""

    service: str  #: also the key of a starter's table
    type: str  #: ``detail-type``, with stars
    arn: tuple[str, ...]  #: the paths where the ARN may stand, of the build or of what ran it
    form: re.Pattern[str]  #: the ARN's
    id: str | None = None  #: the path of the build's id, where the ARN has only the name
    status: tuple[str, ...]  #: the paths where the status may stand
    ended: tuple[str, ...]  #: the statuses that are an end


_ARN: Final = r"(?a)arn:[\w-]+:{}:(?P<region>[\w-]+):(?P<account>\d+):"
_ROWS: Final = {
    "aws.codebuild": _Row(
        service="codebuild",
        type="CodeBuild*Build State Change",
        arn=("detail.build-id", "detail.build-batch-id", "resources.0"),
        form=re.compile(_ARN.format("codebuild") + r"build(?P<batch>-batch)?/(?P<id>(?P<name>[\w-]+):[\w-]+)"),
        status=("detail.build-status", "detail.build-batch-status"),
        ended=("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"),
    ),
    "aws.codepipeline": _Row(
        service="codepipeline",
        type="CodePipeline Pipeline Execution State Change",
        arn=("resources.0",),
        form=re.compile(_ARN.format("codepipeline") + r"(pipeline[:/])?(?P<name>[\w.@-]+)"),
        id="detail.execution-id",
        status=("detail.state",),
        ended=("SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"),
    ),
}


class _WebRow(Value):
    """The webhooks about one service's builds. Each field but the first three is a path; ``when`` as of a ``Kind``."""

    starter: str
    when: str
    ended: Mapping[str, bool]  #: the statuses that are an end, and whether a good one
    name: tuple[str, ...]  #: what the starter's table names
    id: str
    status: str
    part: str | None = None  #: what else it names: the workflow's file
    variables: str | None = None  #: a list of what the build was told, where a key may be


#: https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
#: https://docs.gitlab.com/user/project/integrations/webhook_events/#pipeline-events
#: https://docs.netlify.com/deploy/deploy-notifications/
#: https://vercel.com/docs/webhooks/webhooks-api
_BAD: Final = ("failure", "cancelled", "timed_out", "action_required", "stale", "skipped", "startup_failure")
_WEB: Final = (
    _WebRow(
        starter="github",
        when="http.headers.x-github-event=workflow_run & workflow_run.event=workflow_dispatch",
        ended=dict.fromkeys(_BAD, False) | {"success": True, "neutral": True},
        name=("repository.full_name",),
        id="workflow_run.id",
        status="workflow_run.conclusion",  # null before its end
        part="workflow_run.path",
    ),
    _WebRow(
        starter="gitlab",
        when="object_kind=pipeline & object_attributes.source=trigger|api",
        ended=dict.fromkeys(("failed", "canceled", "skipped"), False) | {"success": True},
        name=("project.path_with_namespace", "project.id"),
        id="object_attributes.id",
        status="object_attributes.status",
        variables="object_attributes.variables",
    ),
    _WebRow(
        starter="webhook",
        when="http.headers.x-netlify-event=deploy_* & site_id",
        ended={"ready": True, "error": False, "rejected": False},
        name=("site_id",),
        id="id",
        status="state",
    ),
    _WebRow(
        starter="webhook",
        when="type=deployment.* & createdAt & payload.deployment.id",
        ended={"deployment.succeeded": True, "deployment.error": False, "deployment.canceled": False},
        name=("payload.project.id",),
        id="payload.deployment.id",
        status="type",
    ),
)


def web_build_of(message: Message) -> BuildEnded | None:
    """The build that a webhook reports, whether it has ended (``is_end``) or not; ``None``: it reports no build that a
    starter begins."""
    row = next((row for row in _WEB if fits(message, row.when)), None)
    event = message.event
    build_id = None if row is None else as_text(dig(event, row.id))
    if row is None or build_id is None:
        return None
    status = text_at(event, row.status) or "under way"
    return BuildEnded(
        starter=row.starter,
        name=" ".join(filter(None, (as_text(dig(event, path)) for path in row.name))),
        region="",
        account=(text_at(event, row.part) or "").rpartition("/")[2].partition("@")[0] if row.part else "",
        build_id=build_id,
        is_end=status in row.ended,
        succeeded=row.ended.get(status, False),
        detail=status,
        key=None if row.variables is None else _key_in(dig(event, row.variables), "key"),
    )


#: Services whose events are the ends of builds, or nothing.
SOURCES: Final = tuple(_ROWS)


def end_of(event: Any) -> BuildEnded | Ignored:
    """The end of a build, or nothing, by an event of one of these services.

    Raises:
        EventError: the end of a build lacks something.
    """
    row, kind = _ROWS[text_at(event, "source") or ""], text_at(event, "detail-type")
    if not fnmatchcase(kind or "", row.type):
        return Ignored(f"{kind or f'an event of {row.service}'} ends no build")
    status = text_at(event, *row.status) or needed(event, row.status[0])
    if status not in row.ended:
        return Ignored(f"the build is {status}")
    told = row.form.fullmatch(text_at(event, *row.arn) or needed(event, row.arn[0]))
    if told is None:
        raise EventError(f"event.{row.arn[0]}", "is not the ARN of a build")
    found = told.groupdict()
    return BuildEnded(
        starter=row.service,
        name=found["name"],
        batch=found.get("batch") is not None,
        region=found["region"],
        account=found["account"],
        build_id=f"{found['name']}:{needed(event, row.id)}" if row.id else found["id"],
        succeeded=status == "SUCCEEDED",
        detail=status,
        key=_key_in(dig(event, _VARIABLES), "name"),
    )


def _key_in(variables: object, name: str) -> str | None:
    """The key of the gate that started a build, if the build knows it: ``starters.on_aws.KEY_VARIABLE``."""
    named = [one for one in variables if dig(one, name) == "HOLDOFF_KEY"] if isinstance(variables, list) else []
    return text_at(named[0], "value") if named else None


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
    return name == ended.name and here in (ended.region, "local") and account in ("", ended.account)


def _place(arn: str) -> tuple[str, str]:
    """Region and account of an ARN; empty where it is none."""
    parts = arn.split(":", 5)
    return (parts[3], parts[4]) if parts[0] == "arn" and len(parts) == 6 else ("", "")
