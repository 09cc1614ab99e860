"""Messages -> what they mean: the rules of ``holdoff.toml`` first, then what is built in. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdoff.config import Config
    from holdoff.ingress.events import Message


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
    environment: Mapping[str, str] = field(default_factory=dict)
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


class Routes:
    """What ``holdoff.toml`` says about events."""

    @classmethod
    def of(cls, config: Config) -> Routes:
        """The routes of a file."""
        raise NotImplementedError

    @classmethod
    def for_one(cls, project: str) -> Routes:
        """The routes where there is one project and no file: all events are its."""
        raise NotImplementedError

    def meaning(self, message: Message) -> Meaning:
        """What a message means.

        Raises:
            EventError: it cannot be mapped; names what was missing.
        """
        raise NotImplementedError

    def gates_of(self, ended: Ended) -> list[str]:
        """The configured projects whose starter is that CodeBuild project."""
        raise NotImplementedError
