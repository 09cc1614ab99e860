"""What an event wants of Holdoff, as values: a ``Request`` (a trigger), or one of those below."""

from __future__ import annotations

from collections.abc import Mapping

from holdoff.core.request import GateKey, Request
from holdoff.core.value import Value


class BuildEnded(Value):
    """A build of a CodeBuild project came to its end."""

    codebuild: str
    region: str
    build_id: str  #: as ``StartBuild`` returned it: ``project:uuid``
    succeeded: bool
    detail: str  #: its status, such as ``TIMED_OUT``
    key: str | None = None  #: of the gate that started it, where the build knows it
    then: Request | None = None  #: the trigger that a rule makes of this end


class WakeAsked(Value, kw_only=False):
    """Start what is due: at one gate, or (``None``) at all."""

    gate: GateKey | None = None


class Ignored(Value, kw_only=False):
    """Nothing is to be built for it, and why."""

    why: str


Intent = Request | BuildEnded | WakeAsked | Ignored


class Draft(Value):
    """A trigger as an event asks for it by itself, before any rule, and before its project and region are known.

    ``at`` is when it happened, as its source says it; ``unless_rule``, why nothing is built unless a rule takes it.
    """

    project: str | None = None
    region: str | None = None
    key: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: Mapping[str, str] = {}
    by: str | None = None
    forced: bool = False
    line: str | None = None
    at: str | int | float | None = None
    parent: str | None = None
    unless_rule: str | None = None
