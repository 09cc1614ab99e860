"""``[[rules]]`` of ``holdoff.toml``: which event belongs to which project.

This file reads the rules and refuses wrong ones. ``ingress.events.rules`` applies them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from holdoff.config.checks import listed, must_be, one_or_more, refuse_unknown, under
from holdoff.config.patterns import check_name, matches_any
from holdoff.config.schemes import NAMES, may_be_secret
from holdoff.config.variables import check_variable
from holdoff.core.errors import ConfigError
from holdoff.core.request import MAX_REASON, GateKey, Request, check_note
from holdoff.core.shown import MISSING, Unquoted, shown_name
from holdoff.core.value import Value

Condition = tuple[str, tuple[str, ...]]
#: The forms of a path: how it begins, and what may follow.
_PATHS: Final = (
    r"event(?:\.[^\s.{}]+)+|http\.(?:method|path|webhook|headers\.[^\s.A-Z{}]+)"
    r"|sns\.(?:TopicArn|Subject|Message)|sqs\.(?:eventSourceARN|body|attributes\.\w+)"
    r"|change\.(?:sender|type|repository|ref|branch|tag|version|by)"
)
_PATH: Final = re.compile(_PATHS)
#: A path in braces within a rule's text: ``{change.repository}-{change.branch}``.
IN_BRACES: Final = re.compile(rf"\{{({_PATHS})\}}")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_LOOKS_LIKE_A_PATH: Final = re.compile(r"(event|http|sns|sqs|change)\.\S*")
_HEADER: Final = "in small letters a header that cannot be a secret, such as 'http.headers.x-event-key'"
_TYPE_OF_PATH: Final = f"a path such as 'event.detail.commitId' or 'sns.TopicArn', or {_HEADER}"
MAX_PATH: Final = 400


class Rule(Value):
    """A table ``[[rules]]``. A text that is no pattern is a path (``is_path``), has paths in braces, or is literal."""

    #: Paths below the event, each with patterns, one of which must match. All paths must match.
    when: tuple[Condition, ...]
    projects: tuple[str, ...] = ()  #: which get the event; empty: the project that the event names, or the only one
    says: Mapping[str, str | None] = {}  #: fields of the request, by ``SAYS``; ``None``: the request has no such field
    environment: Mapping[str, str] = {}  #: variables, by name
    secondary_versions: Mapping[str, str] = {}  #: versions of other sources, by the source's identifier
    #: This and the next three: patterns of names; an event that fits none goes on to the next rule.
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    paths_ignore: tuple[str, ...] = ()
    goes_on: bool = False  #: whether later rules get the event, too
    ignore: str | None = None  #: why such events build nothing

    @property
    def has_names(self) -> bool:
        """Whether the rule chooses events by their branches, tags or files."""
        return bool(self.branches or self.tags or self.paths or self.paths_ignore)


SAYS: Final = ("region", "key", "reason", "source_version", "event_id", "line", "at", "parent")
#: A field of a starter's texts. A rule's texts have no such fields.
_FIELD: Final = re.compile(rf"\{{({'|'.join(SAYS)}|project|branch|tag|by)\}}")
_TABLES: Final = ("environment", "secondary_versions")
_NAMES: Final = ("branches", "tags", "paths", "paths_ignore")
_KEYS: Final = ("when", "project", *SAYS, *_TABLES, *_NAMES, "continue", "ignore")
#: Settings for which a literal text would be wrong, and why.
_PATHS_ONLY: Final = {
    "event_id": "with the same id, every event but the first is a duplicate",
    "at": "each event has its own instant",
    "parent": "each version has its own parent",
}


def is_path(text: str) -> bool:
    """Whether a rule's text says where in the event to look. Headers that may be secrets are hidden from rules."""
    header = text.removeprefix("http.headers.")
    return _PATH.fullmatch(text) is not None and (header == text or not may_be_secret(header))


def _is_literal(text: str) -> bool:
    return not is_path(text) and not IN_BRACES.search(text)


def rules_of(tables: object, projects: Collection[str], webhooks: Collection[str]) -> tuple[Rule, ...]:
    """The rules in the tables ``[[rules]]`` of a file that has these projects and webhooks."""
    listed = must_be(list, tables, "rules", "tables [[rules]]")
    rules = tuple(rule_of(table, f"rules[{n}]", projects) for n, table in enumerate(listed))
    known = (*NAMES, *(name for name in webhooks if name not in NAMES))
    for n, rule in enumerate(rules):
        for pattern in dict(rule.when).get("http.webhook", ()):
            if not any(matches_any(name, (pattern,)) for name in known):
                raise ConfigError(field=f"rules[{n}].when.http.webhook", got=pattern, want=f"one of {', '.join(known)}")
    for n, rule in enumerate(rules[:-1]):
        if not rule.when and not rule.has_names and not rule.goes_on:
            want = f"the last rule, or a rule with 'continue = true': it takes all events, so rules[{n + 1}] gets none"
            raise ConfigError(field=f"rules[{n}].when", got=Unquoted("{}"), want=want)
    return rules


def rule_of(table: object, at: str, projects: Collection[str]) -> Rule:
    """The rule in a table ``[[rules]]`` of a file that has these projects."""
    settings = must_be(dict, table, at, "a table of settings")
    refuse_unknown(settings, _KEYS, f"{at}.", {"projects": "project, with a name or a list of names"})
    want = "a table such as { source = 'aws.ecr', 'detail.image-tag' = 'v*' }; {} matches all events"
    when = must_be(dict, settings.get("when", MISSING), f"{at}.when", want)
    if settings.keys() == {"when"}:
        want = "a project for such events, or ignore = 'why they build nothing'"
        raise ConfigError(field=f"{at}.project", got=MISSING, want=want)
    if "ignore" in settings and settings.keys() - {"when", "ignore", *_NAMES}:
        raise ConfigError(field=f"{at}.ignore", got=settings["ignore"], want="either ignore or a project, not both")
    tables: dict[str, Any] = {name: _texts(settings.get(name, {}), f"{at}.{name}") for name in _TABLES}
    names: dict[str, Any] = {name: _names(settings[name], f"{at}.{name}") for name in _NAMES if name in settings}
    rule = Rule(
        when=tuple(_conditions(when, f"{at}.when", "")),
        projects=_projects(settings["project"], f"{at}.project", projects) if "project" in settings else (),
        says={key: _says(key, settings[key], f"{at}.{key}") for key in SAYS if key in settings},
        goes_on=must_be(bool, settings.get("continue", False), f"{at}.continue", "true or false"),
        ignore=_text(settings["ignore"], f"{at}.ignore") if "ignore" in settings else None,
        **tables,
        **names,
    )
    for name in rule.environment:
        check_variable(name, f"{at}.environment")
    with under(f"{at}."):
        _check_literals(rule)
    return rule


def _says(key: str, value: object, at: str) -> str | None:
    """A field of the request; ``None`` for ``source_version = false``: the request has no version."""
    if key == "source_version" and value is False:
        return None
    text = _text(value, at)
    if _FIELD.search(text) or set("{}") & set(_BRACES.sub("", text)):
        raise ConfigError(field=at, got=text, want="a path in the braces, such as '{change.branch}'")
    return text


def _text(value: object, at: str) -> str:
    text = must_be(str, value, at, f"a text, or {_TYPE_OF_PATH}")
    paths = [one for one in (text, *_BRACES.findall(text)) if _LOOKS_LIKE_A_PATH.fullmatch(one.strip())]
    if len(text) > MAX_PATH or not all(map(is_path, paths)):
        raise ConfigError(field=at, got=text, want=_TYPE_OF_PATH)
    return text


def _texts(table: object, at: str) -> dict[str, str]:
    named = must_be(dict, table, at, "a table such as { TAG = 'event.detail.image-tag' }")
    return {name: _text(value, f"{at}.{name}") for name, value in named.items()}


def _projects(value: object, at: str, projects: Collection[str]) -> tuple[str, ...]:
    named = tuple(_text(one, at) for one in one_or_more(value))
    for project in named:
        if _is_literal(project) and project not in projects:
            want = f"a project of this file ({listed(projects)}), or {_TYPE_OF_PATH}"
            raise ConfigError(field=at, got=project, want=want)
    if len(set(named)) < len(named):
        raise ConfigError(field=at, got=list(named), want="each project once")
    return named


def _names(value: object, at: str) -> tuple[str, ...]:
    want = "a name, in which ** stands for anything, or a list"
    return tuple(check_name(must_be(str, one, at, want), at) for one in one_or_more(value))


def _check_literals(rule: Rule) -> None:
    texts = {key: text for key, text in rule.says.items() if text is not None and _is_literal(text)}
    for name, why in _PATHS_ONLY.items():
        if name in texts:
            raise ConfigError(field=name, got=texts[name], want=f"{_TYPE_OF_PATH}; {why}")
    GateKey.of("any", texts.get("key"), texts.get("region", "any"))
    check_note("ignore", rule.ignore, MAX_REASON)
    Request(
        project="any",
        region="any",
        reason=texts.get("reason"),
        source_version=texts.get("source_version"),
        environment=tuple(rule.environment.items()),
        secondary_versions=tuple(rule.secondary_versions.items()),
        line=texts.get("line"),
    )


def _conditions(table: Mapping[str, object], at: str, above: str) -> Iterator[Condition]:
    """The conditions of a table. ``'detail.tag' = 'v*'`` and ``detail.tag = 'v*'``, a table in a table, are the
    same."""
    for key, value in table.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _conditions(value, at, f"{path}.")
            continue
        if len(path) > MAX_PATH or not all(path.split(".")) or (OF_ENVELOPES.match(path) and not is_path(path)):
            want = f"a path below the event, such as 'detail.repository', or {_HEADER}"
            raise ConfigError(field=at, got=Unquoted(repr(shown_name(path))), want=want)
        want = "a text, in which * stands for anything, or a list of texts"
        several = [str(one).lower() if isinstance(one, int) else one for one in one_or_more(value)]
        patterns = tuple(must_be(str, one, f"{at}.{path}", want) for one in several)
        _check_can_match(path, patterns, f"{at}.{path}")
        yield path, patterns


#: How a path begins that is looked up in envelopes only.
OF_ENVELOPES: Final = re.compile(r"http\.(headers|method|path|webhook)\b|sns\.[A-Z]|sqs\.(event|attr|body\b)|change\.")
#: How every value at a path begins, and an example for the error.
_BEGINS: Final = {
    "http.path": ("/", "a path such as '/hooks/site'"),
    "sns.TopicArn": ("arn:", "an ARN such as 'arn:aws:sns:*:cms-edits'"),
    "sqs.eventSourceARN": ("arn:", "an ARN such as 'arn:aws:sqs:*:edits'"),
    "change.ref": ("refs/", "a full ref such as 'refs/heads/main'"),
}


def _check_can_match(path: str, patterns: tuple[str, ...], at: str) -> None:
    """Refuse a pattern that no event can match: its rule would never take an event."""
    begins, want = _BEGINS.get(path, ("", ""))
    for pattern in patterns:
        literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
        if not literal.startswith(begins[: len(literal)]) or (literal == pattern and len(literal) < len(begins)):
            raise ConfigError(field=at, got=pattern, want=want)
        if path in ("change.branch", "change.tag"):
            check_name(pattern, at)
        if path == "http.method" and pattern != pattern.upper():
            raise ConfigError(field=at, got=pattern, want=f"{pattern.upper()!r}: methods are in capitals")
