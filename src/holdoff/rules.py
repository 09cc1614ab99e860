"""``[[rules]]`` and ``[webhooks]`` of ``holdoff.toml``: which events are whose, and where the secrets are.

Here they are read and, where they are wrong, refused. ``ingress.routes`` applies them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import ConfigError
from holdoff.core.record import MAX_REASON, MAX_VERSION, GateKey, Request, check_note
from holdoff.settings import MISSING, Words, must_be, refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Where a path may begin, and what it may reach there.
_PATH: Final = re.compile(
    r"event(\.[^\s.]+)+|http\.(method|path|headers\.[^\s.A-Z]+)"
    r"|sns\.(TopicArn|Subject|Message)|sqs\.(eventSourceARN|attributes\.\w+)"
)
_LOOKS_LIKE_A_PATH: Final = re.compile(r"(event|http|sns|sqs)\.\S*")
_TYPE_OF_PATH: Final = (
    "a path such as 'event.detail.commitId', 'http.headers.x-event-key' or 'sns.TopicArn'"
)
_TYPE_OF_PATTERN: Final = "a text, in which * stands for anything, or a list of texts"
MAX_PATH: Final = 400

SCHEMES: Final = ("github", "gitlab", "standard", "secret")
SOURCES: Final = ("env", "ssm", "secretsmanager")
_TYPE_OF_REFERENCE: Final = (
    "where the secret is, never the secret: 'env:NAME', 'ssm:NAME' or 'secretsmanager:NAME'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One table ``[[rules]]``. Each text but those in ``when`` is a path (``is_path``) or is meant as it stands.

    Attributes:
        when: paths below the event, each with the patterns of which one must match; all must hold.
        ignore: why such events build nothing.
    """

    when: tuple[tuple[str, tuple[str, ...]], ...]
    project: str | None = None
    region: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    ignore: str | None = None


_TEXTS: Final = ("project", "region", "reason", "source_version", "event_id", "ignore")
_KEYS: Final = ("when", *_TEXTS, "environment")


def is_path(text: str) -> bool:
    """Whether a rule's text says where in the event to look, rather than being meant as it stands."""
    return _PATH.fullmatch(text) is not None


def rules_of(tables: object, projects: Sequence[str]) -> tuple[Rule, ...]:
    """The rules in the tables ``[[rules]]`` of a file with these projects.

    Raises:
        ConfigError: something in them is wrong.
    """
    listed = must_be(list, tables, "rules", "tables [[rules]]")
    return tuple(_rule(one, f"rules[{n}]", projects) for n, one in enumerate(listed))


def _rule(table: object, at: str, projects: Sequence[str]) -> Rule:
    settings: dict[str, Any] = must_be(dict, table, at, "a table of settings")
    refuse_unknown(settings, _KEYS, f"{at}.")
    texts = {key: _text(settings[key], f"{at}.{key}") for key in _TEXTS if key in settings}
    rule = Rule(
        when=_when(settings.get("when", MISSING), f"{at}.when"),
        environment=_environment(settings.get("environment", {}), f"{at}.environment"),
        **texts,
    )
    if settings.keys() == {"when"}:
        want = "a project for such events, or ignore = 'why they build nothing'"
        raise ConfigError(field=f"{at}.project", got=MISSING, want=want)
    if rule.ignore is not None and settings.keys() != {"when", "ignore"}:
        raise ConfigError(field=f"{at}.ignore", got=rule.ignore, want="it, or a project, not both")
    _check_literals(rule, at, projects)
    return rule


def _text(value: object, at: str) -> str:
    text: str = must_be(str, value, at, f"a text, or {_TYPE_OF_PATH}")
    if len(text) > MAX_PATH or (_LOOKS_LIKE_A_PATH.fullmatch(text) and not is_path(text)):
        raise ConfigError(field=at, got=text, want=_TYPE_OF_PATH)
    return text


def _check_literals(rule: Rule, at: str, projects: Sequence[str]) -> None:
    """What is meant as it stands must be right as it stands."""
    try:
        if rule.project is not None and not is_path(rule.project) and rule.project not in projects:
            known = ", ".join(sorted(projects)) or "none yet"
            want = f"a project of this file ({known}), or {_TYPE_OF_PATH}"
            raise ConfigError(field="project", got=rule.project, want=want)
        if rule.region is not None and not is_path(rule.region):
            GateKey("any", rule.region)
        if rule.event_id is not None and not is_path(rule.event_id):
            want = f"{_TYPE_OF_PATH}; with the same id, every event but the first is a duplicate"
            raise ConfigError(field="event_id", got=rule.event_id, want=want)
        for name, limit in (
            ("reason", MAX_REASON),
            ("ignore", MAX_REASON),
            ("source_version", MAX_VERSION),
        ):
            if (text := getattr(rule, name)) is None or not is_path(text):
                check_note(name, text, limit)
        Request(project="any", region="any", environment=rule.environment)
    except ConfigError as error:
        raise error.under(f"{at}.") from None


# --- when ------------------------------------------------------------------------------------------


def _when(table: object, at: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    want = "a table such as { source = 'aws.ecr', 'detail.image-tag' = 'v*' }; {} matches all"
    return tuple(_conditions(must_be(dict, table, at, want), at, ""))


def _conditions(
    table: Mapping[str, object], at: str, above: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """``'detail.tag' = 'v*'`` and ``detail.tag = 'v*'`` (which TOML reads as a table in a table) are the same."""
    for key, value in table.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _conditions(value, at, f"{path}.")
        else:
            yield _path(path, at), _patterns(value, f"{at}.{path}")


def _path(path: str, at: str) -> str:
    lower = path == path.lower() or not path.startswith("http.headers.")
    if len(path) > MAX_PATH or not all(path.split(".")) or not lower:
        want = "a path below the event, such as 'detail.repository-name', or 'http.headers.x-event-key'"
        raise ConfigError(field=at, got=path, want=want)
    return path


def _patterns(value: object, at: str) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    if not several:
        raise ConfigError(field=at, got=value, want=_TYPE_OF_PATTERN)
    return tuple(_pattern(one, at) for one in several)


def _pattern(value: object, at: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text: str = must_be(str, value, at, _TYPE_OF_PATTERN)
    return text


def _environment(table: object, at: str) -> tuple[tuple[str, str], ...]:
    want = "a table such as { TAG = 'event.detail.image-tag' }"
    variables: dict[str, object] = must_be(dict, table, at, want)
    return tuple((name, _text(value, f"{at}.{name}")) for name, value in variables.items())


# --- webhooks ----------------------------------------------------------------------------------------


def webhooks_of(table: object) -> dict[str, tuple[str, ...]]:
    """The references to secrets in the table ``[webhooks]``, by scheme.

    Raises:
        ConfigError: something in it is wrong.
    """
    settings: dict[str, object] = must_be(
        dict, table, "webhooks", "a table such as { github = 'env:GITHUB_SECRET' }"
    )
    refuse_unknown(settings, SCHEMES, "webhooks.")
    return {scheme: references(value, f"webhooks.{scheme}") for scheme, value in settings.items()}


def references(value: object, at: str) -> tuple[str, ...]:
    """References to secrets, one or a list of them. What is none may be a secret, and is not shown.

    Raises:
        ConfigError: it is none.
    """
    several = value if isinstance(value, list) else [value]
    if not several or not all(_is_reference(one) for one in several):
        raise ConfigError(field=at, got=Words("something else"), want=_TYPE_OF_REFERENCE)
    return tuple(several)


def _is_reference(value: object) -> bool:
    source, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    return source in SOURCES and bool(name) and name.isprintable() and not name.isspace()
