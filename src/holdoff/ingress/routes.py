"""Messages -> what they mean: the rules of ``holdoff.toml`` first, then what is built in. Pure.

Rules say what is *asked for*. Holdoff's own wakes, the end of a build, and what is certainly nothing to build (a
deleted branch, a ping) are what they are, whatever the rules say.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from holdoff.core.errors import ConfigError, EventError
from holdoff.core.record import MAX_EVENT_ID, MAX_REASON, MAX_VERSION, GateKey, Request
from holdoff.ingress import aws_mappings, git_mappings, own_form
from holdoff.ingress.events import OWN, Message
from holdoff.ingress.meanings import Asked, Ended, Ignored, Meaning, Said, Wake
from holdoff.ingress.paths import as_text, dig, kind_of, look_up, text_at
from holdoff.rules import is_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdoff.config import Config, Project
    from holdoff.rules import Rule

__all__ = ["Asked", "Ended", "Ignored", "Meaning", "Routes", "Wake"]

_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
#: How much of an event id that has to be shortened stays readable.
_READABLE: Final = 80
NO_REGION: Final = "local"


class Routes:
    """What ``holdoff.toml`` says about events.

    Args:
        starters: each project's CodeBuild project, as a name or ARN, with the region its builds run in; ``None``:
            another starter's, or not known.
        rules: the first that matches wins.
    """

    def __init__(
        self, starters: Mapping[str, tuple[str | None, str | None]], rules: Sequence[Rule] = ()
    ) -> None:
        self.starters = dict(starters)
        self.rules = tuple(rules)

    @classmethod
    def of(cls, config: Config) -> Routes:
        """The routes of a file."""
        return cls({name: _codebuild(one) for name, one in config.projects.items()}, config.rules)

    @classmethod
    def for_one(cls, project: str) -> Routes:
        """The routes where there is one project and no file: all events are its, and so are its namesake's builds."""
        return cls({project: (project, None)})

    def meaning(self, message: Message) -> Meaning:
        """What a message means.

        Raises:
            EventError: it cannot be mapped; names what was missing.
        """
        if message.kind == "wake":
            return self._wake(message.event)
        rule = next((rule for rule in self.rules if _matches(rule, message)), None)
        said = self._said(message, strict=rule is None)
        if isinstance(said, Ignored):
            return said
        if isinstance(said, Ended):
            return said if rule is None or rule.ignore else self._after(said, rule, message)
        why = rule.ignore if rule else said.unless_rule
        return Ignored(why) if why else self._asked(said, rule, message)

    def gates_of(self, ended: Ended) -> list[str]:
        """The configured projects whose starter is that CodeBuild project, in that region."""
        return [
            name
            for name in self.names_of(ended.codebuild)
            if self.starters[name][1] in (None, ended.region)
        ]

    def names_of(self, codebuild: str) -> list[str]:
        """The configured projects whose starter is a CodeBuild project of that name, in any region."""
        return [
            name
            for name, (starter, _) in self.starters.items()
            if starter is not None and starter.rpartition("project/")[2] == codebuild
        ]

    # --- what an event says ----------------------------------------------------------------------

    def _said(self, message: Message, *, strict: bool) -> Said | Ended | Ignored:
        event, kind = message.event, message.kind
        if kind == "codebuild":
            return aws_mappings.of_codebuild(event)
        if kind == "eventbridge":
            return aws_mappings.of_eventbridge(event)
        if kind == "s3":
            return aws_mappings.of_s3(event)
        headers = dig(message.around, "http", "headers")
        if kind == "http" and (name := text_at(headers, "x-github-event")):
            return git_mappings.of_github(name, event)
        if kind == "http" and text_at(headers, "x-gitlab-event"):
            return git_mappings.of_gitlab(event)
        if isinstance(dig(event, "codecommit", "references"), list):
            return aws_mappings.of_codecommit_trigger(event)
        return self._plain(message, strict=strict)

    def _plain(self, message: Message, *, strict: bool) -> Said:
        """An event with no form that is known: Holdoff's own, or anybody's."""
        event, otherwise = message.event, _otherwise(message)
        if not isinstance(event, dict) or not own_form.is_own(event, self.starters):
            return otherwise
        said = own_form.read(event, strict=strict)
        return replace(said, reason=said.reason or otherwise.reason)

    def _wake(self, event: Any) -> Wake:
        what = dig(event, OWN)
        if what == "sweep":
            return Wake()
        if what != "wake":
            raise EventError(f"event.{OWN}", f"is {kind_of(what)}; write 'wake' or 'sweep'")
        for key in ("project", "region"):
            if (value := event.get(key)) is not None and not isinstance(value, str):
                raise EventError(f"event.{key}", f"is {kind_of(value)}; write a text")
        wake = Wake(project=self._project(event.get("project"), {}), region=event.get("region"))
        _check(Asked(project=str(wake.project), region=wake.region))
        return wake

    # --- what is asked for -----------------------------------------------------------------------

    def _after(self, ended: Ended, rule: Rule, message: Message) -> Asked:
        """A trigger made of a build's end, by a rule."""
        said = Said(reason=f"build {ended.build_id} {ended.detail}")
        return replace(self._asked(said, rule, message), ended=ended)

    def _asked(self, said: Said, rule: Rule | None, message: Message) -> Asked:
        if rule is not None:
            said = _ruled(said, rule, message)
        asked = Asked(
            project=self._project(said.project, message.around),
            region=said.region,
            reason=_note(said.reason),
            source_version=_version(said.source_version),
            event_id=_id(said.event_id or message.id),
            environment=said.environment,
            force=said.force,
            by=_note(said.by),
        )
        _check(asked)
        return asked

    def _project(self, named: str | None, around: Mapping[str, Any]) -> str:
        """The project named, else the one in the request's path, else the only one."""
        known = ", ".join(sorted(self.starters)) or "none"
        if named is not None and named not in self.starters:
            raise EventError("project", f"{named[:80]!r} is not one of those configured: {known}")
        path = text_at(around, "http", "path") or ""
        last = unquote(path.rstrip("/").rpartition("/")[2])
        found = named or (last if last in self.starters else None)
        if found is None and len(self.starters) == 1:
            (found,) = self.starters
        if found is None:
            raise EventError(
                "event.project",
                f"is missing, and no rule names one; there are several: {known}",
                hint="Name one in the event, in the URL's last part, or by a [[rules]] table in holdoff.toml",
            )
        return found


def _otherwise(message: Message) -> Said:
    """What is said of an event that says nothing we know."""
    if message.kind == "http":
        return Said(reason="webhook")
    if message.kind == "sns":
        return aws_mappings.of_topic(message.around.get("sns"))
    if message.kind == "sqs":
        return aws_mappings.of_queue(message.around.get("sqs"))
    return aws_mappings.of_other(message.event)


def _codebuild(project: Project) -> tuple[str | None, str | None]:
    """A project's CodeBuild project, and the region of its builds where the file tells."""
    name = project.starter.get("codebuild")
    if not isinstance(name, str):
        return None, None
    if name.startswith("arn:"):
        return name, name.split(":")[3] if name.count(":") >= 3 else None
    region = project.starter.get("region") or project.region
    return name, None if region == NO_REGION else region


# --- rules -----------------------------------------------------------------------------------------------


def _matches(rule: Rule, message: Message) -> bool:
    return all(_has(message, path, patterns) for path, patterns in rule.when)


def _has(message: Message, path: str, patterns: tuple[str, ...]) -> bool:
    """Whether what lies there is one of these; of a list, whether any of it is (as in EventBridge's patterns)."""
    root = path.partition(".")[0]
    found = look_up(message.around if root in message.around else message.event, path)
    texts = [as_text(one) for one in (found if isinstance(found, list) else [found])]
    return any(
        fnmatchcase(text, pattern) for text in texts if text is not None for pattern in patterns
    )


def _ruled(said: Said, rule: Rule, message: Message) -> Said:
    """What the event says, with what the rule says over it."""
    ruled: dict[str, Any] = {
        name: _value(text, message)
        for name in ("project", "region", "source_version", "event_id")
        if (text := getattr(rule, name)) is not None
    }
    if rule.reason is not None:
        ruled["reason"] = _found(rule.reason, message) or said.reason  # for people only: no error
    if rule.environment:
        variables = {name: _value(text, message) for name, text in rule.environment}
        ruled["environment"] = {**said.environment, **variables}
    return replace(said, **ruled)


def _value(text: str, message: Message) -> str:
    """What a rule's setting stands for.

    Raises:
        EventError: it is a path, and there is no text there.
    """
    found = _found(text, message)
    if not found:
        raise EventError(
            text, f"is {kind_of(_at(message, text))}, and a rule takes a text from there"
        )
    return found


def _found(text: str, message: Message) -> str | None:
    return as_text(_at(message, text)) if is_path(text) else text


def _at(message: Message, path: str) -> object:
    """What lies at ``event.detail.commitId``, or in an envelope, at ``http.path`` or ``sns.TopicArn``."""
    root, _, below = path.partition(".")
    return look_up(message.event, below) if root == "event" else look_up(message.around, path)


# --- fitting -----------------------------------------------------------------------------------------------


def _note(text: str | None) -> str | None:
    """Words for people, as short and as plain as they must be."""
    if text is None:
        return None
    plain = " ".join(_UNFIT.sub(" ", text[: 4 * MAX_REASON]).split())
    return (plain if len(plain) <= MAX_REASON else f"{plain[: MAX_REASON - 1]}…") or None


def _id(text: str | None) -> str | None:
    """An id that is too long or unfit to be one: its start, and a digest that tells it from all others."""
    if not text or (len(text) <= MAX_EVENT_ID and not _UNFIT.search(text)):
        return text or None
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{_UNFIT.sub('?', text[:_READABLE])}#sha256:{digest}"


def _version(text: str | None) -> str | None:
    """A source version is taken as it is or not at all: half of one would build something else."""
    if text is not None and (not text or len(text) > MAX_VERSION or _UNFIT.search(text)):
        problem = f"has {len(text):,} characters, or control characters among them"
        raise EventError("source_version", f"{problem}; at most {MAX_VERSION} are taken")
    return text


def _check(asked: Asked) -> None:
    """What a gate would refuse is refused here, as the event's fault. The value stays unsaid."""
    try:
        key = GateKey(asked.project, NO_REGION if asked.region is None else asked.region)
        Request(
            project=key.project,
            region=key.region,
            reason=asked.reason,
            source_version=asked.source_version,
            event_id=asked.event_id,
            environment=tuple(asked.environment.items()),
            by=asked.by,
        )
    except ConfigError as error:
        raise EventError(_note(error.field) or "event", f"is not {error.want}") from None
    except UnicodeEncodeError:  # halves of surrogate pairs in a variable
        raise EventError("environment", "has characters that are none") from None
