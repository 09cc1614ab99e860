"""Kinds of events, as rows of tables: what an event of each kind asks for by itself. Pure.

A row has conditions, as a rule has. The first row whose conditions hold gives the event its kind. An event of a kind is
one of four things: a *change*, with the fields below; *ignored*, with the reason, unless a rule names its type; a
*control message*, which no rule takes; or *refused*, with advice. The tables stand beside this file, one for each
family of senders. ``rules`` says what becomes of a change.

In a table ``*("GitHub", "push")`` keeps arguments on one line, where the formatter would give each a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from holdoff.config.patterns import matches_any
from holdoff.core.errors import EventError
from holdoff.core.value import Value
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.paths import ABSENT, as_text, dig, filled, in_template, replaced, short_ref, text_at


class Kind(Value):
    """One kind of event. ``ignored`` and the fields from ``id`` to ``text`` are templates (``paths.filled``)."""

    sender: str  #: for people, as ``name``: "GitHub", "push"
    name: str
    #: The row's conditions, ``type=push|tag & id,uuid``. Each has paths and patterns, as in a rule; without patterns
    #: something has to be there. Of several paths one is enough. ``id only id,type``: the event has no field but these.
    when: str
    ignored: str | None = None  #: why an event of this kind builds nothing by itself
    #: Paths. A rule with a condition on one of them names the type, and takes an event that is ``ignored``. Without
    #: paths it is a control message.
    named_by: tuple[str, ...] = ()
    refused: str | None = None  #: why the event is an error, and what to do
    id: str = ""  #: the sender's id of the event; without one, the id of the envelope counts
    reason: str = ""  #: why to build, for people; the default for a push is its repository and its ref
    version: str = ""  #: the version to build
    tagged: str = ""  #: the version to build of a tag
    parent: str = ""  #: the version before it
    repository: str = ""  #: with ``ref`` it is the line
    ref: str = ""  #: a ref that does not begin with ``refs/`` is a branch
    line: str = ""  #: the line, if it is another
    default: str = ""  #: the branch that the sender calls the default one
    by: str = ""  #: who made the change
    text: str = ""  #: the newest commit's message, which may say ``[skip ci]``; by default the one in ``commits``
    ref_named_by: tuple[str, ...] = ()  #: paths; a rule with a condition on one, or on a path in ``ref``, names the ref
    each: str = ""  #: the path of a list, each item of which is an event; an event without it is not of this kind
    carries: str = ""  #: the path of an object that may be another sender's event
    at: str = ""  #: the path of the instant of the change, by its source; of several the first that leads somewhere
    deleted: str = ""  #: the conditions that hold if the ref was deleted
    commits: str = ""  #: the path of commits, with their messages and their ``added``, ``modified`` and ``removed``
    total: str = ""  #: the path of the number of commits, if the list may be cut off: without the number it may be, too

    def matches(self, message: Message) -> bool:
        """Whether an event is of this kind."""
        return fits(message, self.when) and not (self.each and not message.items(self.each))

    def draft(self, message: Message) -> Draft:
        """What an event of this kind asks for by itself. Raises an ``EventError`` if the kind is refused, or if a field
        that must be there is missing."""
        if self.refused is not None:
            raise EventError("event", self.refused)
        is_deleted = bool(self.deleted) and fits(message, self.deleted)
        builds = self.ignored is None and not is_deleted

        def text(template: str, *, short: bool = False) -> str | None:
            # An event that builds nothing may lack fields.
            template = template if builds else template.replace("!", "")
            return filled(template, message.look, short=short) or None

        ref = text(self.ref)
        ref = f"refs/heads/{ref}" if ref and not ref.startswith("refs/") else ref
        is_tag = ref is not None and ref.startswith("refs/tags/")
        tip = text(self.version, short=True)
        version = text(self.tagged, short=True) if is_tag and self.tagged else tip
        before, repository = text(self.parent), text(self.repository)
        is_version = version == tip and not _is_zero(before)  # of an annotated tag both are the tag's own objects
        pushed = ("push to", repository, ref and short_ref(ref))
        event_id = text(self.id)
        if self.each and (event_id or message.id):  # the other refs in the event need ids, too
            event_id = f"{event_id or message.id}#{ref or ''}"
        return Draft(
            sender=self.sender,
            type="push of a tag" if is_tag and self.name == "push" else self.name,
            reason=text(self.reason, short=True) or (ref and " ".join(filter(None, pushed))),
            event_id=event_id,
            source_version=version,
            parent=before if is_version else None,
            repository=repository,
            ref=ref,
            line=text(self.line) or (ref and f"{repository or self.sender} {ref}"),
            default=text(self.default, short=True),
            by=text(self.by),
            text=text(self.text) or self._message(message, version),
            at=next(filter(None, map(message.look, self.at.split(","))), None),
            changed=None if _is_zero(before) else self._changed(message),  # in a new ref all files are new
            deleted=is_deleted or _is_zero(version),
            ignored=self.ignored and filled(self.ignored, message.look, short=True),
            named_by=("change.type", *self.named_by) if self.named_by else (),
            ref_named_by=("change.ref", "change.branch", "change.tag", *in_template(self.ref), *self.ref_named_by),
        )

    def _message(self, message: Message, version: str | None) -> str | None:
        """The message of a version's commit, if the event lists that commit."""
        of_it = (one for one in message.items(self.commits) if version and text_at(one, "id", "commitId") == version)
        return next((text_at(one, "message", "comment") for one in of_it), None)

    def _changed(self, message: Message) -> tuple[str, ...] | None:
        """Every path that was changed; ``None``: the event does not list them all."""
        commits = message.items(self.commits)
        if not commits or len(commits) >= MOST_COMMITS:
            return None
        total = message.look(self.total) if self.total else len(commits)
        # If commits were taken away (``forced``), no list has their files.
        if not isinstance(total, int) or total > len(commits) or message.look("forced"):
            return None
        found: dict[str, None] = {}
        for commit in commits:
            lists = [dig(commit, name) for name in ("added", "modified", "removed")]
            known = [one for one in lists if isinstance(one, list)]
            if not known or sum(map(len, known)) >= MOST_FILES:
                return None
            found |= dict.fromkeys(path for one in known for path in one if isinstance(path, str))
        return tuple(found) or None  # senders may list no files of a merge


def push(sender: str, when: str, ref: str, new: str, old: str, /, **more: Any) -> Kind:
    """A push, by the paths of a ref and of its versions. An empty path: the event does not say it."""
    fields = {"ref": ref and f"{{{ref}!}}", "version": new and f"{{{new}!}}", "parent": old and f"{{{old}}}"}
    return Kind(**{"sender": sender, "name": "push", "when": when} | fields | more)


def change(sender: str, name: str, when: str, reason: str, **more: Any) -> Kind:
    """An event that builds."""
    return Kind(sender=sender, name=name, when=when, reason=reason, **more)


def control(sender: str, name: str, why: str, when: str) -> Kind:
    """A control message."""
    return Kind(sender=sender, name=name, when=when, ignored=why)


def ignored(sender: str, name: str, what: str, named_by: str, when: str, **more: Any) -> Kind:
    """An event that builds nothing unless a rule names it by one of these paths, with commas between. ``what``: a
    template of what it is."""
    why = f"nothing is built for {sender}'s {what} unless a rule takes it"
    fields = {"reason": f"{sender}: {what}", "ignored": why, "named_by": tuple(named_by.split(","))}
    return Kind(**{"sender": sender, "name": name, "when": when} | fields | more)


def other(sender: str, path: str, known_by: str = "", types: str = "*", /, **more: Any) -> Kind:
    """A sender's other events, of these types: nothing is built for them unless a rule names the type. ``path``: where
    the type is, or several paths with commas between; ``known_by``: more conditions by which the sender is known."""
    when = " & ".join(filter(None, (known_by, f"{path}={types}")))
    fields = {"name": "another event", "what": f"{{{path}}}", "named_by": path, "when": when}
    return ignored(sender, **fields | more)


def trial(sender: str, when: str, name: str = "a test") -> Kind:
    """What a sender sends to try its webhook."""
    return control(sender, name, f"{name} of {sender}: the webhook is set up", when)


def refused(sender: str, name: str, why: str, when: str) -> Kind:
    """An event that is an error."""
    return Kind(sender=sender, name=name, when=when, refused=why)


#: Tags and types of signatures and the like, which are pushed beside an image. No tag has a ``/``: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
#: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
ABOUT_AN_IMAGE: Final = (
    f"sha256-*.sig|sha256-*.att|sha256-*.sbom|sha256-{'?' * 64}|application/*sigstore*|application/*cosign*"
    "|application/*notary*|application/*in-toto*|application/*spdx*|application/*cyclonedx*"
)
#: The sender of all CloudEvents. One that is also a trigger in Holdoff's own form counts as that trigger (``rules``).
CLOUD_EVENTS: Final = "CloudEvents"
#: GitHub lists at most so many commits of a push (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push).
MOST_COMMITS: Final = 2048
#: And so many files of a commit (the schemas of octokit/webhooks: "a maximum of 3000").
MOST_FILES: Final = 3000


def kind_of_event(message: Message, tables: Iterable[Sequence[Kind]]) -> Kind | None:
    """The first kind that matches; ``None``: no sender here sends such an event.

    What has a ``source_version`` is a trigger in Holdoff's own form, unless its envelope says whose it is.
    """
    found = next((kind for table in tables for kind in table if kind.matches(message)), None)
    if found is None or found.sender == CLOUD_EVENTS or message.look("source_version", ABSENT) is ABSENT:
        return found
    is_by_envelope = kind_of_event(message.but(event={}), tables) is not None
    return found if is_by_envelope else None


def parts_of(message: Message, tables: Collection[Sequence[Kind]]) -> Iterator[tuple[Message, Kind | None]]:
    """Each event in one that carries several, or the event itself, with its kind.

    Each item of a list is an event if its first item says whose it is, and not the envelope.
    """
    batch, several = message.event, iter([message])
    first = kind_of_event(message.but(event=batch[0]), tables) if isinstance(batch, list) and batch else None
    if first is not None and first is not kind_of_event(message, tables):
        own = message.id
        several = (message.but(event=one, id=own and f"{own}#{place}") for place, one in enumerate(batch))
    for one in several:
        kind = kind_of_event(one, tables)
        if kind is None or not kind.each:
            yield one, kind
            continue
        for item in one.items(kind.each):
            part = one.but(event=replaced(one.event, kind.each, [item]))
            yield part, kind_of_event(part, tables)


#: Paths, the patterns of which one has to match at one of them, and the keys with which the paths may begin.
_Condition = tuple[Sequence[str], Sequence[str], frozenset[str]]


@cache
def _conditions(text: str) -> tuple[Sequence[_Condition], frozenset[str]]:
    """The conditions in ``Kind.when``; and the only fields that the event may have; none: it may have any."""
    text, _, only = text.partition(" only ")
    parted = (one.partition("=") for one in text.split(" & ") if one)
    each = ((paths.split(","), (patterns or "*").split("|")) for paths, _, patterns in parted)
    return tuple((*one, _begins(one[0])) for one in each), frozenset(filter(None, only.split(",")))


def _begins(paths: Iterable[str]) -> frozenset[str]:
    """The keys with which these paths may begin: a key may contain dots."""
    names = [path.split(".") for path in paths]
    return frozenset(".".join(one[:n]) for one in names for n in range(1, len(one) + 1))


def fits(message: Message, when: str) -> bool:
    """Whether all the conditions in a text hold (``Kind.when``)."""
    each, only = _conditions(when)
    is_object = isinstance(message.event, dict)
    # A message may hold thousands of events in one another, and each is compared with some 500 rows. So the keys alone
    # rule most rows out.
    keys, around = message.event.keys() if is_object else {}.keys(), message.envelopes.keys()
    for _, _, begins in each:
        if keys.isdisjoint(begins) and around.isdisjoint(begins):
            return False
    if only and not (is_object and keys <= only):
        return False
    return all(any(holds(message, path, patterns) for path in paths) for paths, patterns, _ in each)


def paths_of(when: str) -> tuple[str, ...]:
    """The paths in conditions."""
    return tuple(path for paths, _, _ in _conditions(when)[0] for path in paths)


def holds(message: Message, path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns matches what lies at a path. In a list one item that matches is enough, as in
    EventBridge's patterns. An empty list matches ``[]`` alone, and an empty object ``{}``."""
    found = message.look(path, ABSENT)
    if found in ([], {}):
        return str(found) in patterns
    several = found if isinstance(found, list) else [found]
    texts = ("null" if one is None else as_text(one) for one in several)
    return any(text is not None and matches_any(text, patterns) for text in texts)


def _is_zero(version: str | None) -> bool:
    """Whether a version is all zeros: git's name for a ref that does not exist."""
    return re.fullmatch("0{7,}", version or "") is not None
