"""Kinds of events, as rows of tables: what each asks for by itself, and why most ask for nothing. Pure.

A kind is known by the conditions that a rule has, too. The first row that matches says what an event is: a *change*,
with the fields below; *ignored*, with the reason, which a rule lifts by naming the event's type; a
*control message*, which no rule lifts; or *refused*, with what to do about it. The tables stand beside this file, one
for each family of senders. ``rules`` says what becomes of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from holdoff.config.patterns import matches_any
from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.message import MOST_PARTS, Message
from holdoff.ingress.events.paths import ABSENT, as_text, dig, filled, in_template, replaced

#: The keys of a condition: one text, or several of which one must match.
Patterns = str | tuple[str, ...]


class Kind(Value):
    """One kind of event. Each field but the last three is a template (``paths.filled``).

    Attributes:
        sender, name: for people: "GitHub", "push".
        when: the conditions by which it is known, as in a rule.
        ignored: why it builds nothing by itself.
        named_by: paths; a rule with a condition on one of them has named the type, and takes the event in spite of
            ``ignored``. Empty: no rule can, as this is a control message.
        refused: why it is an error, and what to do.
        each: a list in the event, each item of which is an event of its own; an event without one is none of this kind.
        id: the sender's id of this event; where there is none, the envelope's counts.
        reason: in a person's words.
        version, parent: the version to build, and the one before it.
        repository, ref: both together are the line. ``ref`` is a full one (``refs/heads/main``).
        line: instead of both.
        default: the branch that the sender calls the default one.
        by: who made the change.
        text: the newest commit's message, where ``[skip ci]`` may stand.
        at: the path of the instant when it happened, by its source.
        deleted: the path of what is true where the ref was deleted.
        commits: the path of a list of commits with ``added``, ``modified`` and ``removed`` paths.
        total: the path of how many commits there are, where the list may hold fewer. Where nothing is there, it may.
        forced: the path of what is true where commits were taken away, of which no list tells.
    """

    sender: str
    name: str
    when: Mapping[str, Patterns]
    ignored: str | None = None
    named_by: tuple[str, ...] = ()
    refused: str | None = None
    each: str | None = None
    id: str = ""
    reason: str = ""
    version: str = ""
    parent: str = ""
    repository: str = ""
    ref: str = ""
    line: str = ""
    default: str = ""
    by: str = ""
    text: str = ""
    ref_named_by: tuple[str, ...] = ()
    at: str | None = None
    deleted: str | None = None
    commits: str | None = None
    total: str | None = None
    forced: str | None = None

    def matches(self, message: Message) -> bool:
        """Whether an event is of this kind."""
        if self.each is not None and not _is_full_list(dig(message.event, self.each)):
            return False
        conditions = self.when.items()
        return all(holds(message, path, (one,) if isinstance(one, str) else one) for path, one in conditions)

    def draft(self, message: Message) -> Draft:
        """What an event of this kind asks for by itself.

        Raises:
            EventError: the kind is refused, or a field that must be there is missing.
        """
        if self.refused is not None:
            raise EventError("event", self.refused)

        def text(template: str, *, short: bool = False) -> str | None:
            return filled(template, message.look, short=short) or None

        # The fields of an event that builds nothing need not be there.
        lenient = (lambda template: template.replace("!", "")) if self.ignored is not None else str
        ref, version = text(lenient(self.ref)), text(lenient(self.version), short=True)
        parent = text(self.parent)
        is_deleted = (self.deleted is not None and bool(dig_in(message, self.deleted))) or _is_zero(version)
        return Draft(
            sender=self.sender,
            type=self.name,
            reason=text(lenient(self.reason), short=True),
            event_id=None if self.each else text(self.id),  # a part has the id that ``parts_of`` gave it
            source_version=version,
            parent=None if _is_zero(parent) else parent,
            repository=text(self.repository),
            ref=ref,
            line=text(self.line) or (ref and f"{text(self.repository) or self.sender} {ref}"),
            default=text(self.default, short=True),
            by=text(self.by),
            text=text(self.text),
            at=dig_in(message, self.at) if self.at else None,
            changed=None if _is_zero(parent) else self._changed(message),  # of a new ref all is new
            deleted=is_deleted,
            ignored=self.ignored and filled(self.ignored, message.look, short=True),
            named_by=("change.type", *self.named_by) if self.named_by else (),
            ref_named_by=self._ref_named_by,
        )

    @property
    def _ref_named_by(self) -> tuple[str, ...]:
        return ("change.ref", "change.branch", "change.tag", *in_template(self.ref), *self.ref_named_by)

    def _changed(self, message: Message) -> tuple[str, ...] | None:
        """Every path that was changed; ``None``: the event does not say them all."""
        commits = dig_in(message, self.commits) if self.commits else None
        if not isinstance(commits, list) or not commits or len(commits) >= MOST_COMMITS:
            return None
        total = dig_in(message, self.total) if self.total else len(commits)
        if not isinstance(total, int) or total > len(commits) or (self.forced and dig_in(message, self.forced)):
            return None
        found: dict[str, None] = {}
        for commit in commits:
            lists = [dig(commit, name) for name in ("added", "modified", "removed")]
            known = [one for one in lists if isinstance(one, list)]
            if not known:
                return None
            found |= dict.fromkeys(path for one in known for path in one if isinstance(path, str))
        return tuple(found) or None  # of a merge no file may be told


#: GitHub lists at most so many commits of a push (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push).
MOST_COMMITS: Final = 2048


def kind_of_event(message: Message, tables: Iterable[Sequence[Kind]]) -> Kind | None:
    """The first kind that matches; ``None``: no sender here sends such an event."""
    return next((kind for table in tables for kind in table if kind.matches(message)), None)


def parts_of(message: Message, kind: Kind | None) -> list[Message]:
    """The events in one that carries several, each with an id of its own; else the event itself."""
    if kind is None or kind.each is None:
        return [message]
    items = dig(message.event, kind.each)
    if len(items) > MOST_PARTS:
        problem = f"has more than {MOST_PARTS} changes in one event"
        raise EventError(f"event.{kind.each}", problem, hint="Trigger the project by hand")
    parts = [message.but(event=replaced(message.event, kind.each, [item])) for item in items]
    own = filled(kind.id, message.look) or message.id
    if not own or not kind.ref:
        return parts
    return [part.but(id=f"{own}#{filled(kind.ref.replace('!', ''), part.look)}") for part in parts]


def holds(message: Message, path: str, patterns: Sequence[str]) -> bool:
    """Whether a path leads to what one of the patterns matches; a list, to one that any of it matches (as in
    EventBridge's)."""
    found = message.look(path)
    several = found if isinstance(found, list) else [found]
    return any(matches_any(text, patterns) for text in map(_as_condition, several) if text is not None)


def dig_in(message: Message, path: str) -> Any:
    """What lies at a path of the event or of an envelope; ``None`` where there is nothing."""
    found = message.look(path)
    return None if found is ABSENT else found


def _as_condition(value: object) -> str | None:
    return "null" if value is None else as_text(value)


def _is_full_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_zero(version: str | None) -> bool:
    """All zeros: what a ref that is not there points at."""
    return bool(version) and not (version or "").strip("0") and len(version or "") >= len("0000000")
