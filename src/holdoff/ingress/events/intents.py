"""What an event wants of Holdoff, as values: a ``Request`` (a trigger), or one of the classes below."""

from __future__ import annotations

from collections.abc import Mapping

from holdoff.core.request import GateKey, Request
from holdoff.core.value import Value


class BuildEnded(Value):
    """A build came to its end, or, by a webhook, is under way."""

    starter: str  #: what ran it, as in a table ``starter``: ``codebuild``
    name: str  #: and its name there: for ``codebuild`` that of the project
    batch: bool = False  #: whether it was a batch of builds
    region: str  #: where it ran; empty by a webhook
    account: str  #: whose it is; empty by a webhook, but of GitHub's the workflow's file
    build_id: str  #: as the starter returned it: ``project:uuid``
    is_end: bool = True  #: whether it has ended
    succeeded: bool
    detail: str  #: its status, such as ``TIMED_OUT``
    key: str | None = None  #: of the gate that started it, if the build knows it
    then: Request | None = None  #: the trigger that a rule makes of this end


class WakeAsked(Value, kw_only=False):
    """Start what is due: at one gate, or (``None``) at all gates."""

    gate: GateKey | None = None


class Ignored(Value, kw_only=False):
    """There is nothing to build for the event, and why."""

    why: str


Intent = Request | BuildEnded | WakeAsked | Ignored


class Draft(Value):
    """A trigger as an event asks for it by itself, before any rule, and before its project and region are known.

    It has the fields of a ``Request``, and the fields that decide whether it becomes one.
    """

    sender: str | None = None  #: for people, and for rules as ``change.sender``
    type: str | None = None  #: the same, as ``change.type``
    project: str | None = None
    region: str | None = None
    key: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: Mapping[str, str] = {}
    secondary_versions: Mapping[str, str] = {}
    by: str | None = None
    forced: bool = False
    line: str | None = None
    at: object = None  #: the instant of the change, in its source's form
    parent: str | None = None
    repository: str | None = None  #: where the version was pushed
    ref: str | None = None
    default: str | None = None  #: the branch that the sender calls the default one
    text: str | None = None  #: the newest commit's message
    changed: tuple[str, ...] | None = None  #: every path that was changed; ``None``: not known
    deleted: bool = False  #: whether the ref was deleted
    ignored: str | None = None  #: why it builds nothing by itself
    named_by: tuple[str, ...] = ()  #: a rule lifts that by a condition on one of these paths
    ref_named_by: tuple[str, ...] = ()  #: and builds a branch other than the default one by a condition on one of these

    @property
    def branch(self) -> str | None:
        """``main`` of ``refs/heads/main``; ``None``: it is of no branch."""
        return _below("refs/heads/", self.ref)

    @property
    def tag(self) -> str | None:
        """``v1`` of ``refs/tags/v1``; ``None``: it is of no tag."""
        return _below("refs/tags/", self.ref)


def _below(root: str, ref: str | None) -> str | None:
    return ref.removeprefix(root) if ref is not None and ref.startswith(root) else None
