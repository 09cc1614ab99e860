"""What an event wants of Holdoff, as values: a ``Request`` (a trigger), or one of the classes below."""

from __future__ import annotations

from collections.abc import Mapping

from holdoff.core.request import GateKey, Request
from holdoff.core.value import Value


class BuildEnded(Value):
    """A build came to its end.

    Attributes:
        is_end: whether the build has ended. Webhooks also report builds that are under way.
        starter, name: what ran it, as in a table ``starter``: ``codebuild`` and the name of the project, for example.
        batch: whether it was a batch of builds.
        region, account: where it ran. A webhook says neither; GitHub's has the workflow's file as ``account``.
    """

    starter: str
    name: str
    batch: bool = False
    region: str
    account: str
    build_id: str  #: as the starter returned it: ``project:uuid``
    is_end: bool = True
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

    It has the fields of a ``Request``, and the fields that decide whether it becomes one:

    Attributes:
        sender, type: for people, and for rules as ``change.sender`` and ``change.type``.
        at: the instant of the change, in its source's form.
        repository, ref, default: where a version was pushed, and the branch that the sender calls the default one.
        text: the newest commit's message.
        changed: every path that was changed; ``None``: not known.
        deleted: whether the ref was deleted.
        ignored, named_by: why it builds nothing by itself; a rule lifts that by a condition on one of these paths.
        ref_named_by: a rule builds a branch other than the default one by a condition on one of these paths.
    """

    sender: str | None = None
    type: str | None = None
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
    at: object = None
    parent: str | None = None
    repository: str | None = None
    ref: str | None = None
    default: str | None = None
    text: str | None = None
    changed: tuple[str, ...] | None = None
    deleted: bool = False
    ignored: str | None = None
    named_by: tuple[str, ...] = ()
    ref_named_by: tuple[str, ...] = ()

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
