"""What an event may mean, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A CodeBuild build came to its end.

    Attributes:
        codebuild: the CodeBuild project's name.
        build_id: as ``StartBuild`` returned it: ``project:uuid``.
        detail: its status, such as ``TIMED_OUT``.
    """

    codebuild: str
    region: str
    build_id: str
    succeeded: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A trigger, as an event asks for it. Fits ``Gate.trigger``: nothing in it is refused there.

    Attributes:
        region: of the gate; ``None``: the project's own.
        ended: where a rule makes a trigger of a build's end: that end, for the gate whose build it was.
    """

    project: str
    region: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    force: bool = False
    by: str | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """Start what is due: of one gate, or (``project`` is ``None``) of all."""

    project: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is to be built for it, and why."""

    why: str


Meaning = Asked | Ended | Wake | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an event says by itself, before any rule.

    Attributes:
        unless_rule: why nothing is built for it unless a rule takes it.
    """

    project: str | None = None
    region: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    by: str | None = None
    unless_rule: str | None = None
