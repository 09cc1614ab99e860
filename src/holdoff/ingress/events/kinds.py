"""Kinds of events, as rows of tables: what each asks for by itself, and why most ask for nothing. Pure.

A kind is known by the conditions that a rule has, too. The first row that matches says what an event is: a *change*,
with the fields below; *ignored*, with the reason, which a rule lifts by naming the event's type; a
*control message*, which no rule lifts; or *refused*, with what to do about it. The tables stand beside this file, one
for each family of senders. ``rules`` says what becomes of a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from holdoff.config.patterns import matches_any
from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.message import MOST_PARTS, Message
from holdoff.ingress.events.paths import ABSENT, as_text, dig, filled, in_template, replaced, text_at


class Kind(Value):
    """One kind of event. Each field but the last six is a template (``paths.filled``).

    Attributes:
        sender, name: for people: "GitHub", "push".
        when: the conditions by which it is known: ``type=push|tag & id,uuid``, the patterns at a path, as in a rule, or
            that something is there; of several paths one is enough.
        ignored: why it builds nothing by itself.
        named_by: paths; a rule with a condition on one of them has named the type, and takes the event in spite of
            ``ignored``. Empty: no rule can, as this is a control message.
        refused: why it is an error, and what to do.
        id: the sender's id of this event; where there is none, the envelope's counts.
        reason: in a person's words.
        version, parent: the version to build, and the one before it. tagged: that of a tag, where it is another.
        repository, ref: both together are the line. ``ref`` is a full one (``refs/heads/main``).
        line: instead of both.
        default: the branch that the sender calls the default one.
        by: who made the change.
        text: the newest commit's message, where ``[skip ci]`` may stand; else that of the version, in ``commits``.
        ref_named_by: paths; a rule with a condition on one of them has named the ref, as one on a path in ``ref`` has.
        each: the path of a list in the event, each item of which is an event of its own; an event without one is none
            of this kind.
        at: the path of the instant when it happened, by its source.
        deleted: the path of what is true where the ref was deleted.
        commits: the path of a list of commits, with their messages, and ``added``, ``modified`` and ``removed`` paths.
        total: the path of how many commits there are, where the list may hold fewer. Where nothing is there, it may.
        forced: the path of what is true where commits were taken away, of which no list tells.
    """

    sender: str
    name: str
    when: str
    ignored: str | None = None
    named_by: tuple[str, ...] = ()
    refused: str | None = None
    id: str = ""
    reason: str = ""
    version: str = ""
    tagged: str = ""
    parent: str = ""
    repository: str = ""
    ref: str = ""
    line: str = ""
    default: str = ""
    by: str = ""
    text: str = ""
    ref_named_by: tuple[str, ...] = ()
    each: str = ""
    at: str = ""
    deleted: str = ""
    commits: str = ""
    total: str = ""
    forced: str = ""

    def matches(self, message: Message) -> bool:
        """Whether an event is of this kind."""
        if self.each and not self.items(message):
            return False
        return fits(message, self.when)

    @property
    def is_in_list(self) -> bool:
        """Whether an event of this kind is an item of a list: its conditions are on the first one."""
        return self.when.startswith("0.")

    def items(self, message: Message) -> list[Any]:
        """The events in one: in its list ``each``, or in itself, where it is a list."""
        found = message.event if self.is_in_list else message.look(self.each)
        return found if isinstance(found, list) else []

    def part(self, event: Any, item: object) -> Any:
        """The event with one of its items alone."""
        return [item] if self.is_in_list else replaced(event, self.each, [item])

    def draft(self, message: Message) -> Draft:
        """What an event of this kind asks for by itself.

        Raises:
            EventError: the kind is refused, or a field that must be there is missing.
        """
        if self.refused is not None:
            raise EventError("event", self.refused)
        builds = self.ignored is None and not message.look(self.deleted)

        def text(template: str, *, short: bool = False) -> str | None:
            # The fields of an event that builds nothing need not be there.
            template = template if builds else template.replace("!", "")
            return filled(template, message.look, short=short) or None

        ref = text(self.ref)
        is_tag = ref is not None and ref.startswith("refs/tags/")
        version = text(self.tagged or self.version if is_tag else self.version, short=True)
        parent, repository = text(self.parent), text(self.repository)
        event_id = text(self.id)
        if self.each and (event_id or message.id):  # of several in one
            event_id = f"{event_id or message.id}#{ref or ''}"
        return Draft(
            sender=self.sender,
            type="push of a tag" if is_tag and self.name == "push" else self.name,
            reason=text(self.reason, short=True),
            event_id=event_id,
            source_version=version,
            parent=None if _is_zero(parent) else parent,
            repository=repository,
            ref=ref,
            line=text(self.line) or (ref and f"{repository or self.sender} {ref}"),
            default=text(self.default, short=True),
            by=text(self.by),
            text=text(self.text) or self._message(message, version),
            at=message.look(self.at),
            changed=None if _is_zero(parent) else self._changed(message),  # of a new ref all is new
            deleted=bool(message.look(self.deleted)) or _is_zero(version),
            ignored=self.ignored and filled(self.ignored, message.look, short=True),
            named_by=("change.type", *self.named_by) if self.named_by else (),
            ref_named_by=("change.ref", "change.branch", "change.tag", *in_template(self.ref), *self.ref_named_by),
        )

    def _message(self, message: Message, version: str | None) -> str | None:
        """What the commit of a version says, where the event lists it."""
        commits = message.look(self.commits)
        listed = commits if isinstance(commits, list) else []
        of_it = (one for one in listed if version and text_at(one, "id", "commitId") == version)
        return next((text_at(one, "message", "comment") for one in of_it), None)

    def _changed(self, message: Message) -> tuple[str, ...] | None:
        """Every path that was changed; ``None``: the event does not say them all."""
        commits = message.look(self.commits)
        if not isinstance(commits, list) or not commits or len(commits) >= MOST_COMMITS:
            return None
        total = message.look(self.total) if self.total else len(commits)
        if not isinstance(total, int) or total > len(commits) or message.look(self.forced):
            return None
        found: dict[str, None] = {}
        for commit in commits:
            lists = [dig(commit, name) for name in ("added", "modified", "removed")]
            known = [one for one in lists if isinstance(one, list)]
            if not known or sum(map(len, known)) >= MOST_FILES:
                return None
            found |= dict.fromkeys(path for one in known for path in one if isinstance(path, str))
        return tuple(found) or None  # of a merge no file may be told


def control(sender: str, name: str, why: str, when: str) -> Kind:
    """A control message."""
    return Kind(sender=sender, name=name, when=when, ignored=why)


def trial(sender: str, when: str, name: str = "a test") -> Kind:
    """What its sender sends to try its webhook."""
    return control(sender, name, f"{name} of {sender}: the webhook is set up", when)


def refused(sender: str, name: str, why: str, when: str) -> Kind:
    """What is an error."""
    return Kind(sender=sender, name=name, when=when, refused=why)


#: Tags of what is pushed about an image, beside it: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
#: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
ABOUT_AN_IMAGE: Final = f"sha256-*.sig|sha256-*.att|sha256-*.sbom|sha256-{'?' * 64}"
#: GitHub lists at most so many commits of a push (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push).
MOST_COMMITS: Final = 2048
#: And so many files of a commit (the schemas of octokit/webhooks: "a maximum of 3000").
MOST_FILES: Final = 3000


def kind_of_event(message: Message, tables: Iterable[Sequence[Kind]]) -> Kind | None:
    """The first kind that matches; ``None``: no sender here sends such an event."""
    return next((kind for table in tables for kind in table if kind.matches(message)), None)


def parts_of(message: Message, tables: Iterable[Sequence[Kind]]) -> list[tuple[Message, Kind | None]]:
    """The events in one that carries several, else the event itself; each with its kind."""
    kind = kind_of_event(message, tables)
    items = kind.items(message) if kind else []
    if kind is None or not items:
        return [(message, kind)]
    if len(items) > MOST_PARTS:
        problem = f"has more than {MOST_PARTS} changes in one event"
        where = f"event.{kind.each}" if kind.each else "event"
        raise EventError(where, problem, hint="Trigger the project by hand")
    parts = (message.but(event=kind.part(message.event, item)) for item in items)
    return [(part, kind_of_event(part, tables)) for part in parts]


@cache
def _conditions(text: str) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The paths and patterns in ``Kind.when``."""
    parted = (one.partition("=") for one in text.split(" & ") if one)
    return tuple((tuple(paths.split(",")), tuple((patterns or "*").split("|"))) for paths, _, patterns in parted)


def fits(message: Message, when: str) -> bool:
    """Whether all the conditions in a text hold (``Kind.when``)."""
    return all(any(holds(message, path, patterns) for path in paths) for paths, patterns in _conditions(when))


def paths_of(when: str) -> tuple[str, ...]:
    """The paths that conditions are on."""
    return tuple(path for paths, _ in _conditions(when) for path in paths)


def holds(message: Message, path: str, patterns: Sequence[str]) -> bool:
    """Whether a path leads to what one of the patterns matches; a list, to one that any of it matches (as in
    EventBridge's), and an empty one to ``[]`` alone."""
    found = message.look(path, ABSENT)
    if found == []:
        return "[]" in patterns
    several = found if isinstance(found, list) else [found]
    texts = ("null" if one is None else as_text(one) for one in several)
    return any(text is not None and matches_any(text, patterns) for text in texts)


def _is_zero(version: str | None) -> bool:
    """All zeros: what a ref that is not there points at."""
    return re.fullmatch("0{7,}", version or "") is not None
