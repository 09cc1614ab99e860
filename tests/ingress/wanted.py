"""What an event is expected to want, and the settings by which it is read."""

from __future__ import annotations

from typing import Any

from holdoff.config import Config, Project
from holdoff.core.errors import EventError
from holdoff.core.policy import Policy
from holdoff.core.request import Request
from holdoff.ingress.events.intents import Intent
from holdoff.ingress.events.message import Message, Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress.shapes import REGION


def routes(**codebuild: str | None) -> Routes:
    """Those of a file with these projects, each with its CodeBuild project or (``None``) another starter."""
    projects = {}
    for name, build in codebuild.items():
        starter = {"command": ["make"]} if build is None else {"codebuild": build}
        projects[name] = Project(name=name, policy=Policy(1), starter=starter)
    return Routes(Config(projects=projects), REGION)


#: One project and no rules, as without a file.
ONE = routes(site="site")
SEVERAL = routes(site="site-build", docs=None)


def wants(**fields: Any) -> Request:
    """The request of a trigger, at a gate of the store's own region."""
    environment = tuple(fields.pop("environment", {}).items())
    return Request(**{"region": REGION} | fields, environment=environment)


#: Where a webhook comes from, once its signature was checked.
WEBHOOK = Origin(outside=True, scheme="secret")


def without_order(intent: Intent) -> Intent:
    """A request without what puts versions in order: ``test_senders`` asks for that."""
    return intent.but(line=None, at_ms=None, parent=None) if isinstance(intent, Request) else intent


def only(by: Routes, message: Message) -> Intent:
    """The one thing that a message wants. Raises what it says instead."""
    (outcome,) = by.intents(message)
    if isinstance(outcome, EventError):
        raise outcome
    return outcome
