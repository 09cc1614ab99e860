"""Powers: what an event may ask for besides a build, by where it came from. Pure.

AWS has authorised a direct invocation, so it may ask for all that Holdoff's own form can say. An event from outside (by
a topic, a queue or HTTP) may ask only for a build of its project. The project must allow anything else. A webhook may
ask only for the projects to which its secret is bound. It may wake gates and end builds only if the project allows
that. No event may set a variable that says which code runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from holdoff.config.projects import Project
from holdoff.config.rules import Rule
from holdoff.config.variables import is_forbidden
from holdoff.core.errors import NotAllowed
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.message import Origin

#: How much of a name from an event an error shows.
MAX_NAME: Final = 80
#: Where an event asks for a power.
_FIELDS: Final = {"force": "event.force", "wake": "event.holdoff", "end": "event.detail"}


def check(origin: Origin, draft: Draft, rule: Rule | None, project: Project, own_region: str) -> None:
    """Raise ``NotAllowed`` if an event may not ask for what it asks for by itself. A rule may say anything."""
    _check_project(origin, project)
    set_by_rule = () if rule is None else rule.environment
    for name in draft.environment:
        field = f"event.environment.{name[:MAX_NAME]}"
        if is_forbidden(name):
            raise NotAllowed(field, "is a variable that no event may set")
        if origin.outside and name not in set_by_rule and name not in project.allow_environment:
            raise NotAllowed(
                field,
                "is not a variable that events from outside may set",
                hint=f"List it in projects.{project.name}.allow_environment, or set it by a rule",
            )
    if not origin.outside:
        return
    if draft.forced:
        check_power("force", origin, [project])
    region = draft.region if draft.region != own_region else None
    for name, value in (("region", region), ("key", draft.key)):
        if value is not None and (rule is None or name not in rule.says):
            raise NotAllowed(f"event.{name}", "is for a rule to say, and not for an event from outside")


def check_power(power: str, origin: Origin, projects: Iterable[Project]) -> None:
    """Raise ``NotAllowed`` if one of these projects does not allow a power (``Project.allow``). Topics and queues may
    always wake gates, which starts only what is due, and report the ends of builds."""
    if not (origin.outside if power == "force" else origin.scheme):
        return
    for project in projects:
        _check_project(origin, project)
        if power not in project.allow:
            raise NotAllowed(
                _FIELDS[power],
                f"asks for what no event from outside may: {power}",
                hint=f"Set projects.{project.name}.allow = [{power!r}], if it may",
            )


def _check_project(origin: Origin, project: Project) -> None:
    """Check that a message's secret is for this project."""
    if origin.projects is not None and project.name not in origin.projects:
        raise NotAllowed("project", "is not one of those that this webhook's secret is for")
