"""Messages -> intents: the rules of ``holdoff.toml`` first, then what is built in. Pure.

Rules say what is *asked for*. Holdoff's own wakes, the end of a build, and what is certainly nothing to build (a
deleted branch, a ping) are what they are, whatever the rules say. A ``Request`` is made here, once, and fits its gate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import unquote

from holdoff.config import Config, Project
from holdoff.config.rules import Rule, is_path
from holdoff.core.errors import ConfigError, EventError
from holdoff.core.request import KEY_MARK, MAX_EVENT_ID, MAX_REASON, GateKey, Request
from holdoff.core.units import parse_instant
from holdoff.ingress.events import aws, git, trigger_json
from holdoff.ingress.events.envelopes import CONTROL, Message
from holdoff.ingress.events.intents import BuildEnded, Draft, Ignored, Intent, WakeAsked
from holdoff.ingress.events.paths import as_text, dig, filled, kind_of, look_up, text_at

_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_BY_KIND: Final[dict[str, Callable[[Any], Draft | BuildEnded | Ignored]]] = {
    "codebuild": aws.of_codebuild,
    "eventbridge": aws.of_eventbridge,
    "s3": aws.of_s3,
}
#: The reason of a message that says nothing known, by its envelope: the first of these that is not empty.
_REASONS: Final = {
    "http": ("webhook",),
    "sns": ("{sns.Subject}", "message on {sns.TopicArn:|a topic}"),
    "sqs": ("message in {sqs.eventSourceARN:|a queue}",),
}


class Routes:
    """What a ``holdoff.toml`` says about events. ``region``: of gates whose project names none."""

    def __init__(self, config: Config, region: str) -> None:
        self.projects = config.projects
        self._rules = config.rules
        self._region = region
        self._builds = {name: _codebuild(project) for name, project in config.projects.items()}

    def intent(self, message: Message) -> Intent:
        """What a message wants.

        Raises:
            EventError: it cannot be mapped; names what was missing.
        """
        if message.kind == "wake":
            return self._wake(message.event)
        rule = next((rule for rule in self._rules if _matches(rule, message)), None)  # the first that matches wins
        draft = self._draft(message, strict=rule is None)
        if isinstance(draft, Ignored):
            return draft
        if isinstance(draft, BuildEnded):
            if rule is None or rule.ignore:
                return draft
            after = Draft(reason=f"build {draft.build_id} {draft.detail}")
            return draft.but(then=self._request(after, rule, message))
        why = rule.ignore if rule else draft.unless_rule
        return Ignored(why) if why else self._request(draft, rule, message)

    def own_gate(self, project: str, key: str | None = None) -> GateKey:
        """The gate of a project, or of one key of it, where the trigger names no region."""
        return GateKey.of(project, key, self.projects[project].region or self._region)

    def gates_of(self, ended: BuildEnded) -> list[GateKey]:
        """The gates that may have started a build: those of the projects with that starter, in their own region first,
        then in the build's, which a trigger may have named."""
        found: dict[GateKey, None] = {}
        for name, (codebuild, fixed) in self._builds.items():
            if codebuild == ended.codebuild:
                with _as_event_errors():
                    own = self.own_gate(name, ended.key)
                    keys = (own, GateKey(own.project, ended.region))
                found |= dict.fromkeys(key for key in keys if (fixed or key.region) in (ended.region, "local"))
        return list(found)

    def _draft(self, message: Message, *, strict: bool) -> Draft | BuildEnded | Ignored:
        event, headers = message.event, dig(message.envelopes, "http.headers")
        if known := _BY_KIND.get(message.kind):
            return known(event)
        if name := text_at(headers, "x-github-event"):
            return git.of_github(name, event)
        if text_at(headers, "x-gitlab-event"):
            return git.of_gitlab(event)
        if isinstance(dig(event, "codecommit.references"), list):
            return aws.of_codecommit(event)
        reasons = (filled(one, message.envelopes) for one in _REASONS.get(message.kind, ()))
        otherwise = Draft(reason=next(filter(None, reasons))) if message.kind in _REASONS else aws.of_other(event)
        if not isinstance(event, dict) or not trigger_json.is_trigger(event, self.projects):
            return otherwise
        draft = trigger_json.read(event, strict=strict)
        return draft.but(reason=draft.reason or otherwise.reason)

    def _wake(self, event: Any) -> WakeAsked:
        what = dig(event, CONTROL)
        if what == "sweep":
            return WakeAsked()
        if what != "wake":
            raise EventError(f"event.{CONTROL}", f"is {kind_of(what)}; write 'wake' or 'sweep'")
        asked = trigger_json.read({name: event.get(name) for name in ("project", "region")}, strict=True)
        named, _, key = (asked.project or "").partition(KEY_MARK)
        with _as_event_errors():
            own = self.own_gate(self._project(named or None, {}), key or None)
            return WakeAsked(gate=GateKey(own.project, asked.region or own.region))

    def _request(self, draft: Draft, rule: Rule | None, message: Message) -> Request:
        """The request. What a gate would refuse is refused here, as the event's fault; the value stays unsaid."""
        if rule is not None:
            draft = _ruled(draft, rule, message)
        project = self._project(draft.project, message.envelopes)
        with _as_event_errors():
            own = self.own_gate(project, draft.key)
            gate = own if draft.region is None else own.but(region=draft.region)
            return Request(
                project=project,
                region=gate.region,
                key=draft.key,
                reason=_note(draft.reason),
                source_version=draft.source_version,
                event_id=_id(draft.event_id or message.id),
                environment=tuple(draft.environment.items()),
                by=_note(draft.by),
                forced=draft.forced,
                line=draft.line,
                at_ms=None if draft.at is None else parse_instant(draft.at, field="at"),
                parent=draft.parent,
            )

    def _project(self, named: str | None, envelopes: Mapping[str, Any]) -> str:
        """The project named, else the one in the request's path, else the only one."""
        known = ", ".join(sorted(self.projects)) or "none"
        if named is not None and named not in self.projects:
            raise EventError("project", f"{named[:80]!r} is not one of those configured: {known}")
        path = text_at(envelopes, "http.path") or ""
        last = unquote(path.rstrip("/").rpartition("/")[2])
        if named or last in self.projects:
            return named or last
        if len(self.projects) == 1:
            return next(iter(self.projects))
        raise EventError(
            "event.project",
            f"is missing, and no rule names one; there are several: {known}",
            hint="Name one in the event, in the URL's last part, or by a [[rules]] table in holdoff.toml",
        )


def _codebuild(project: Project) -> tuple[str | None, str | None]:
    """The name of a project's CodeBuild project (``None``: another starter's), and the region it is bound to."""
    name = project.starter.get("codebuild")
    if not isinstance(name, str):
        return None, None
    arn = name.split(":")
    region = arn[3] if arn[0] == "arn" and len(arn) > 3 else project.starter.get("region")
    return name.rpartition("project/")[2], region


def _matches(rule: Rule, message: Message) -> bool:
    """Whether each path leads to one of its patterns; a list, to one that any of it matches (as in EventBridge's)."""
    for path, patterns in rule.when:
        root = path.partition(".")[0]
        found = look_up(message.envelopes if root in message.envelopes else message.event, path)
        texts = [as_text(one) for one in (found if isinstance(found, list) else [found])]
        if not any(fnmatchcase(text, pattern) for text in texts if text is not None for pattern in patterns):
            return False
    return True


def _ruled(draft: Draft, rule: Rule, message: Message) -> Draft:
    """What the event says, with what the rule says over it."""
    ruled: dict[str, Any] = {name: _value(text, message) for name, text in rule.says.items() if name != "reason"}
    # For people only: where there is none, no error.
    ruled["reason"] = as_text(_meant(rule.says.get("reason", ""), message)) or draft.reason
    variables = {name: _value(text, message) for name, text in rule.environment.items()}
    return draft.but(**ruled, environment={**draft.environment, **variables})


def _value(text: str, message: Message) -> str:
    found = _meant(text, message)
    value = as_text(found)
    if not value:
        raise EventError(text, f"is {kind_of(found)}, and a rule takes a text from there")
    return value


def _meant(text: str, message: Message) -> object:
    """The text as it stands, or what lies at ``event.detail.commitId``, or in an envelope, at ``sns.TopicArn``."""
    if not is_path(text):
        return text
    root, _, below = text.partition(".")
    return look_up(message.event, below) if root == "event" else look_up(message.envelopes, text)


def _note(text: str | None) -> str | None:
    """Words for people, as short and as plain as they must be."""
    plain = " ".join(_UNFIT.sub(" ", (text or "")[: 4 * MAX_REASON]).split())
    return (plain if len(plain) <= MAX_REASON else f"{plain[: MAX_REASON - 1]}…") or None


def _id(text: str | None) -> str | None:
    """An id that is too long or unfit to be one: its start, and a digest that tells it from all others."""
    if not text or (len(text) <= MAX_EVENT_ID and not _UNFIT.search(text)):
        return text or None
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{_UNFIT.sub('?', text[:80])}#sha256:{digest}"


@contextmanager
def _as_event_errors() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise EventError(_note(error.field) or "event", f"is not {error.want}") from None
