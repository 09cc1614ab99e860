"""Messages -> intents: the rules narrow what an event asks for by itself, or send it elsewhere. Pure.

    message -> its kind (``kinds``) -> a draft -> the first rule that takes it -> the guards -> the powers -> a request

The guards stand, whatever project a rule names. They keep out events that are no changes, branches other than the
default one, deleted refs, and ``[skip ci]``. A rule lifts a guard only if it names what the guard looks at. Each
``Request`` is made here, once, and fits its gate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any, Final
from urllib.parse import unquote

from holdoff.config import Config
from holdoff.config.checks import listed
from holdoff.config.patterns import matches_any
from holdoff.config.projects import Project
from holdoff.config.rules import IN_BRACES, OF_ENVELOPES, Rule, is_path
from holdoff.config.schemes import NAMES
from holdoff.core.errors import ConfigError, EventError
from holdoff.core.request import KEY_MARK, MAX_EVENT_ID, MAX_LINE, MAX_VERSION, GateKey, Request, first_line
from holdoff.core.shown import shown_name
from holdoff.core.units import parse_instant
from holdoff.core.value import Value
from holdoff.ingress.events import aws, cms_senders, ends, git_senders, guards, powers, trigger_json
from holdoff.ingress.events.envelopes import CONTROL, MAX_DEPTH
from holdoff.ingress.events.intents import BuildEnded, Draft, Ignored, Intent, WakeAsked
from holdoff.ingress.events.kinds import CLOUD_EVENTS, Kind, holds, kind_of_event, parts_of
from holdoff.ingress.events.message import MOST_PARTS, Message
from holdoff.ingress.events.paths import as_text, dig, filled, kind_of, plain, replaced, text_at

_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_SENDERS: Final = (*git_senders.TABLES, *cms_senders.TABLES)
TABLES: Final = (aws.CONTROL, *_SENDERS, cms_senders.TESTS, *aws.TABLES)
#: All that these two may say; ``null``: the sender is not known.
_SAID: Final = {
    "change.sender": {"null", *(kind.sender for table in TABLES for kind in table)},
    "change.type": {"null", "push of a tag", *(kind.name for table in TABLES for kind in table)},
}
#: The reason for a message of an unknown sender, by its envelope: the first of these that is not empty.
_REASONS: Final = {
    "http": ("webhook",),
    "sns": ("{sns.Subject}", "message on {sns.TopicArn:|a topic}"),
    "sqs": ("message in {sqs.eventSourceARN:|a queue}",),
}


class Found(Value, kw_only=False):
    """What a message became, or why it became nothing; with the draft that the event made by itself, and the number of
    the rule that took it."""

    outcome: Intent | EventError
    draft: Draft | None = None
    rule: int | None = None


class Routes:
    """What a ``holdoff.toml`` says about events. ``region``: of gates whose project names none."""

    def __init__(self, config: Config, region: str) -> None:
        self.projects: Mapping[str, Project] = config.projects
        self.webhooks: set[str] = config.webhooks.keys() | set(NAMES)  # a URL may end with its sender's
        self._rules = config.rules
        self._region = region
        file = f"{config.path}: " if config.path else ""
        for n, rule in enumerate(config.rules):
            for path in _SAID.keys() & dict(rule.when).keys():
                _check_can_match(rule, path, f"{file}rules[{n}].when.{path}")

    def intents(self, message: Message) -> list[Intent | EventError]:
        """What a message wants, for each change in it and each project that gets the change. Never empty.

        A change that cannot be mapped is an ``EventError`` in the list. It names what was missing.
        """
        return [found.outcome for found in self.found(message)]

    def found(self, message: Message) -> list[Found]:
        """``intents``, each with its draft and its rule."""
        try:
            if message.error is not None:
                raise message.error
            if look := kind_of_event(message, [cms_senders.SHAKEN, aws.LOOKS]):  # it wakes no gate, and ends no build
                return self._of_part(message, look)
            if message.kind == "wake":
                return [Found(self._wake(message))]
            parts = parts_of(message, TABLES)
            first = next(parts)
            sent = _sent(message, first[1])
            # AWS's quick start for GitHub makes an event of a delivery.
            rows = (*ends.OF_AWS, *ends.WEB) if message.kind == "eventbridge" and sent is None else ends.WEB
            end = ends.build_of(sent or message, rows)
            if end is not None and (end.region or self.gates_of(end)):
                return [Found(one) for one in self._ended(end, message)]
            opened = _opened(chain([first], parts))
        except (EventError, ConfigError) as error:
            return [Found(_of_event(error))]
        return [found for part, asks in opened for found in self._of_part(part, asks)]

    def own_gate(self, project: str, key: str | None = None) -> GateKey:
        """The gate of a project, or of one key of it, where the trigger names no region."""
        return GateKey.of(project, key, self.projects[project].region or self._region)

    def gates_of(self, end: BuildEnded) -> list[GateKey]:
        """The gates that may have started a build: the gates of the projects with that starter, each in the project's
        own region, then in the build's region, which a trigger may have named."""
        found: dict[GateKey, None] = {}
        for name, project in self.projects.items():
            if end.starter in project.starter:
                own = self.own_gate(name, end.key)
                keys = (own, GateKey(own.project, end.region or own.region))
                found |= dict.fromkeys(key for key in keys if ends.may_be_of(project.starter, key, end))
        return list(found)

    def _of_part(self, message: Message, asks: Kind | Draft | None) -> list[Found]:
        """What became of one event. ``asks``: its kind, or what it asks for; ``None``: no sender here is known."""
        try:
            draft = asks if isinstance(asks, Draft) else self._draft(message, asks)
        except EventError as error:
            # Its ref and its files are not known, so no rule with names may ignore it.
            taking = self._first_rule(message)
            ignored = None if taking is None or taking.has_names else taking.ignore
            return [Found(Ignored(ignored) if ignored else error)]
        message = message.but(envelopes={**message.envelopes, "change": _change(draft)})
        found = self._by_rules(draft, message)
        # If one rule builds something, the rules that build nothing are not mentioned.
        wanted = [one for one in found if not isinstance(one.outcome, Ignored)]
        return wanted or found[-1:] or [Found(self._wanted(draft, None, None, message), draft)]

    def _by_rules(self, draft: Draft, message: Message) -> list[Found]:
        """What each rule makes of a change, up to the first rule that keeps it from later rules."""
        found: list[Found] = []
        is_kept = False  # a guard kept the change from a rule that matches
        for number, rule in enumerate(self._rules):
            if not _matches(rule, message) or (is_kept and not guards.is_named(draft, rule)):
                continue
            named = [self.projects[name] for name in rule.projects if name in self.projects]
            misfit = guards.misfit(draft, rule, named or self.projects.values())
            if why_not := misfit or rule.ignore:
                each: list[Intent | EventError] = [Ignored(why_not)]
            else:
                each = [self._wanted(draft, rule, project, message) for project in rule.projects or (None,)]
            found += [Found(one, draft, number) for one in each]
            if misfit or rule.goes_on:
                continue
            is_kept = not rule.ignore and all(isinstance(one, Ignored) for one in each)
            if not is_kept:
                break
        return found

    def _draft(self, message: Message, kind: Kind | None) -> Draft:
        event = message.event
        is_put_in = kind in (aws.UNTYPED, aws.UNSOURCED) and message.look("project") is not None  # AWS's own have none
        is_trigger = is_put_in or (isinstance(event, dict) and trigger_json.is_trigger(event, self.projects))
        if kind is not None and not (is_trigger and (kind.sender == CLOUD_EVENTS or kind in aws.LOOSELY_KNOWN)):
            return kind.draft(message)
        reasons = (filled(one, message.look, short=True) for one in _REASONS.get(message.kind, ("{eventSource:}",)))
        otherwise = Draft(reason=next(filter(None, reasons), None))
        if not is_trigger:
            return otherwise
        # An event that a rule takes is most often another sender's, whose words may have other meanings.
        is_ruled = self._first_rule(message) is not None
        draft = trigger_json.read(event, strict=not is_ruled)
        if is_ruled and message.origin.outside:
            draft = draft.but(region=None, key=None)
        return draft.but(reason=draft.reason or otherwise.reason)

    def _first_rule(self, message: Message) -> Rule | None:
        return next((rule for rule in self._rules if _matches(rule, message)), None)

    def _wake(self, message: Message) -> WakeAsked:
        what = message.look(CONTROL)
        if what not in ("wake", "sweep"):
            raise EventError(f"event.{CONTROL}", f"is {kind_of(what)}; write 'wake' or 'sweep'")
        if what == "sweep":
            powers.check_power("wake", message.origin, self.projects.values())
            return WakeAsked()
        asked = trigger_json.read({name: message.look(name) for name in ("project", "region")}, strict=True)
        named, _, key = (asked.project or "").partition(KEY_MARK)
        own = self.own_gate(self._project(named or None, message), key or None)
        powers.check_power("wake", message.origin, [self.projects[own.name]])
        return WakeAsked(gate=GateKey(own.project, asked.region or own.region))

    def _ended(self, end: BuildEnded, message: Message) -> list[Intent | EventError]:
        """The end, and what a rule makes of it: triggers of other projects, if the rule names what has ended."""
        own = dict.fromkeys(key.name for key in self.gates_of(end))
        projects = [self.projects[name] for name in own]
        if not end.region:  # by a webhook, which may not be allowed to end builds: a run must never trigger itself
            if not end.is_end:
                return [Ignored(f"build {end.build_id} is {end.detail}")]
            if not all("end" in project.allow for project in projects):
                return [Ignored(f"the end of {end.build_id}, and webhooks may end no build (allow = ['end'])")]
        powers.check_power("end", message.origin, projects)
        rule = self._first_rule(message)
        of_an_end = ("source", "detail", "http.headers.", "workflow_run", "object_kind", "type")
        if rule is None or rule.ignore or not any(path.startswith(of_an_end) for path, _ in rule.when):
            return [end]
        draft = Draft(reason=f"build {end.build_id} {end.detail}")
        each = [self._wanted(draft, rule, project, message) for project in rule.projects or (None,)]
        # A build that triggers itself would never end.
        then = [one for one in each if isinstance(one, Request) and one.project not in own]
        errors = [one for one in each if isinstance(one, EventError)]
        return [*errors, end.but(then=then[0] if then else None), *then[1:]]

    def _wanted(self, draft: Draft, rule: Rule | None, project: str | None, message: Message) -> Intent | EventError:
        """The request, or why there is none."""
        try:
            if not (project or draft.project):
                self._of_url(message)  # a misspelt URL is an error for a ping, too
            if why := guards.no_change(draft, rule):
                return Ignored(why)
            ruled = draft if rule is None else _ruled(draft, rule, project, message)
            named = self.projects[self._project(ruled.project, message)]
            if why := guards.not_wanted(draft, rule, named):
                return Ignored(why)
            own = self.own_gate(named.name)
            powers.check(message.origin, draft, rule, named, own.region)
            return _request(ruled, named.name, ruled.region or own.region, message)
        except (EventError, ConfigError) as error:
            return _of_event(error)

    def _project(self, named: str | None, message: Message) -> str:
        """The project that is named, else the project in the request's path, else the only project."""
        if named is not None and named not in self.projects:
            raise EventError("project", f"{named[:80]!r} is not one of those configured: {listed(self.projects)}")
        if found := named or self._of_url(message):
            return found
        if len(self.projects) == 1:
            return next(iter(self.projects))
        raise EventError(
            "event.project",
            f"is missing, and no rule names one; projects: {listed(self.projects)}",
            hint="Name one in the event, in the URL's last part, or by a [[rules]] table in holdoff.toml",
        )

    def _of_url(self, message: Message) -> str | None:
        """The project in the request's path, if there is one: in the last part, or in the part behind ``hooks``."""
        parts = [unquote(part) for part in (text_at(message.envelopes, "http.path") or "").split("/") if part]
        if parts and parts[-1] in self.projects:
            return parts[-1]
        if "hooks" not in parts[:-1] or (name := parts[parts.index("hooks") + 1]) in self.webhooks:
            return None
        if name in self.projects:
            return name
        known = listed(self.projects)
        raise EventError("the URL", f"names {shown_name(name)} after /hooks/, which is no project; projects: {known}")


def _check_can_match(rule: Rule, path: str, at: str) -> None:
    """Refuse a pattern that matches nothing of what is said at a path: its rule would never take an event."""
    for pattern in dict(rule.when)[path]:
        if not any(matches_any(said, (pattern,)) for said in _SAID[path]):
            from difflib import get_close_matches

            close = ", ".join(get_close_matches(pattern, sorted(_SAID[path]), cutoff=0))
            raise ConfigError(field=at, got=pattern, want=f"what Holdoff itself says there, such as {close}")


def _sent(message: Message, by: Kind | None) -> Message | None:
    """What an event carries, which may be another sender's event; ``None``: events of this kind carry none."""
    if by is None or not isinstance(inside := plain(message.look(by.carries)), dict):
        return None
    return message.but(event=inside, id=filled(by.id, message.look) or message.id)


#: An event, and what it asks for by itself.
_Part = tuple[Message, Draft | Kind | None]


def _opened(parts: Iterable[tuple[Message, Kind | None]]) -> list[_Part]:
    """The events, and instead of each that carries events of senders that are known here: these."""
    each = (one for part, kind in parts for one in _carried(part, kind) or ((part, kind),))
    opened: list[_Part] = list(islice(each, MOST_PARTS + 1))
    if len(opened) > MOST_PARTS:
        raise EventError("event", f"has more than {MOST_PARTS} changes", hint="Trigger the project by hand")
    return opened


def _carried(message: Message, by: Kind | None, depth: int = 0) -> list[tuple[Message, Draft]]:
    """The events that one carries, each in an event as it came, and what each asks for; empty: no sender here is
    known."""
    if by is None or depth > MAX_DEPTH or (sent := _sent(message, by)) is None:
        return []

    def below(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path if OF_ENVELOPES.match(path) else f"{by.carries}.{path}" for path in paths)

    drafts: list[tuple[Message, Draft]] = []
    try:
        for part, kind in islice(parts_of(sent, _SENDERS), MOST_PARTS + 1):
            if kind is None:
                return []
            for one, draft in _carried(part, kind, depth + 1) or [(part, kind.draft(part))]:
                # The type of what carries it names it, too. No rule names a control message.
                known_by = (*by.named_by, *below(draft.named_by)) if draft.named_by else ()
                draft = draft.but(named_by=known_by, ref_named_by=below(draft.ref_named_by))
                drafts.append((message.but(event=replaced(message.event, by.carries, one.event), id=one.id), draft))
    except EventError:
        return []  # it only looks like a sender's
    return drafts


def _matches(rule: Rule, message: Message) -> bool:
    return all(holds(message, path, patterns) for path, patterns in rule.when)


def _change(draft: Draft) -> dict[str, str | None]:
    """What is known of the change, in the same words for all senders."""
    return {
        "sender": draft.sender,
        "type": draft.type,
        "repository": draft.repository,
        "ref": draft.ref,
        "branch": draft.branch,
        "tag": draft.tag,
        "version": draft.source_version,
        "by": draft.by,
    }


def _ruled(draft: Draft, rule: Rule, project: str | None, message: Message) -> Draft:
    """The draft of the event, overridden by what the rule says."""
    ruled: dict[str, Any] = {
        name: None if text is None else _value(text, message, is_note=name == "reason")
        for name, text in rule.says.items()
    }
    ruled["reason"] = ruled.get("reason") or draft.reason
    if project is not None:
        ruled["project"] = _value(project, message)
    for name in ("environment", "secondary_versions"):
        said = {key: _value(text, message) for key, text in getattr(rule, name).items()}
        ruled[name] = {**getattr(draft, name), **said}
    return draft.but(**ruled)


def _value(text: str, message: Message, *, is_note: bool = False) -> str:
    """The value of a rule's text: the text itself; or what lies at a path such as ``event.detail.commitId`` or
    ``sns.TopicArn``; or a text with such paths in braces, filled in. Raises an ``EventError`` if a path leads to no
    text, unless the value is for people only (``is_note``)."""

    def at(path: str) -> str:
        root, _, below = path.partition(".")
        found = dig(message.event, below) if root == "event" else dig(message.envelopes, path)
        if (value := as_text(found)) or is_note:
            return value or ""
        raise EventError(path, f"is {kind_of(found)}, and a rule takes a text from there")

    # All fields at once: what is filled in is the event's, and is never read as a path.
    return at(text) if is_path(text) else IN_BRACES.sub(lambda found: at(found[1]), text)


def _request(ruled: Draft, project: str, region: str, message: Message) -> Request:
    return Request(
        project=project,
        region=region,
        key=ruled.key,
        reason=first_line(ruled.reason),
        source_version=ruled.source_version,
        secondary_versions=tuple(ruled.secondary_versions.items()),
        event_id=_fit(ruled.event_id or message.id, MAX_EVENT_ID),
        environment=tuple(ruled.environment.items()),
        by=first_line(ruled.by),
        forced=ruled.forced,
        line=_fit(ruled.line, MAX_LINE) if ruled.source_version else None,  # only versions are in a line
        at_ms=_instant(ruled.at, of_sender=ruled.sender is not None),
        parent=_fit(ruled.parent, MAX_VERSION),
    )


def _instant(at: object, *, of_sender: bool) -> int | None:
    """The instant. ``of_sender``: if a known sender's text is no instant, there is no order; the event is not lost."""
    if at is None:
        return None
    try:
        return parse_instant(at, field="at")
    except ConfigError:
        if of_sender:
            return None
        raise


def _fit(text: str | None, limit: int) -> str | None:
    """The name. If it is too long or has unfit characters: its start, and a digest that differs from all others."""
    if not text or (len(text) <= limit and not _UNFIT.search(text)):
        return text or None
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{_UNFIT.sub('?', text[:80])}#sha256:{digest}"


def _of_event(error: EventError | ConfigError) -> EventError:
    """An error of the event, instead of a gate's, without the value."""
    if isinstance(error, EventError):
        return error
    return EventError(first_line(error.field) or "event", f"is not {error.want}")
