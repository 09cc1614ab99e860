"""``[[rules]]`` and ``[webhooks]`` of ``holdoff.toml``: which events are whose, and where the secrets are.

Here they are read and, where they are wrong, refused. ``ingress.events.rules`` applies them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from holdoff.config.checks import MISSING, Unquoted, must_be, one_or_more, refuse_unknown
from holdoff.core.errors import ConfigError
from holdoff.core.request import MAX_REASON, GateKey, Request, check_note
from holdoff.core.value import Value

Condition = tuple[str, tuple[str, ...]]
#: Where a path may begin, and what it may reach there.
_PATH: Final = re.compile(
    r"event(\.[^\s.]+)+|http\.(method|path|headers\.[^\s.A-Z]+)"
    r"|sns\.(TopicArn|Subject|Message)|sqs\.(eventSourceARN|attributes\.\w+)"
)
_LOOKS_LIKE_A_PATH: Final = re.compile(r"(event|http|sns|sqs)\.\S*")
_TYPE_OF_PATH: Final = "a path such as 'event.detail.commitId', 'http.headers.x-event-key' or 'sns.TopicArn'"
MAX_PATH: Final = 400

SCHEMES: Final = ("github", "gitlab", "standard", "secret")


class Rule(Value):
    """One table ``[[rules]]``. Each text but those in ``when`` is a path (``is_path``) or is meant as it stands.

    Attributes:
        when: paths below the event, each with the patterns of which one must match; all must hold.
        says: what it says of the request, by ``SAYS``.
        environment: variables, by name.
        ignore: why such events build nothing.
    """

    when: tuple[Condition, ...]
    says: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    ignore: str | None = None


SAYS: Final = ("project", "region", "key", "reason", "source_version", "event_id", "line", "at", "parent")
_KEYS: Final = ("when", *SAYS, "environment", "ignore")
#: What would be wrong of all events but one.
_PATHS_ONLY: Final = {
    "event_id": "with the same id, every event but the first is a duplicate",
    "at": "each event has an instant of its own",
    "parent": "each version has a parent of its own",
}


def is_path(text: str) -> bool:
    """Whether a rule's text says where in the event to look, rather than being meant as it stands."""
    return _PATH.fullmatch(text) is not None


def rule_of(table: object, at: str, projects: Collection[str]) -> Rule:
    """The rule in a table ``[[rules]]`` of a file with these projects."""
    settings = must_be(dict, table, at, "a table of settings")
    refuse_unknown(settings, _KEYS, f"{at}.")
    texts = {key: _text(settings[key], f"{at}.{key}") for key in (*SAYS, "ignore") if key in settings}
    want = "a table such as { source = 'aws.ecr', 'detail.image-tag' = 'v*' }; {} matches all"
    when = must_be(dict, settings.get("when", MISSING), f"{at}.when", want)
    conditions = tuple(_conditions(when, f"{at}.when", ""))
    want = "a table such as { TAG = 'event.detail.image-tag' }"
    variables = must_be(dict, settings.get("environment", {}), f"{at}.environment", want)
    environment = {name: _text(value, f"{at}.environment.{name}") for name, value in variables.items()}
    if settings.keys() == {"when"}:
        want = "a project for such events, or ignore = 'why they build nothing'"
        raise ConfigError(field=f"{at}.project", got=MISSING, want=want)
    if "ignore" in texts and settings.keys() != {"when", "ignore"}:
        raise ConfigError(field=f"{at}.ignore", got=texts["ignore"], want="it, or a project, not both")
    try:
        _check_literals({key: text for key, text in texts.items() if not is_path(text)}, environment, projects)
    except ConfigError as error:
        raise error.under(f"{at}.") from None
    ignore = texts.pop("ignore", None)
    return Rule(when=conditions, says=texts, environment=environment, ignore=ignore)


def _text(value: object, at: str) -> str:
    text = must_be(str, value, at, f"a text, or {_TYPE_OF_PATH}")
    if len(text) > MAX_PATH or (_LOOKS_LIKE_A_PATH.fullmatch(text) and not is_path(text)):
        raise ConfigError(field=at, got=text, want=_TYPE_OF_PATH)
    return text


def _check_literals(texts: dict[str, str], environment: dict[str, str], projects: Collection[str]) -> None:
    """What is meant as it stands must be right as it stands."""
    project = texts.get("project")
    if project is not None and project not in projects:
        known = ", ".join(sorted(projects)) or "none yet"
        raise ConfigError(field="project", got=project, want=f"a project of this file ({known}), or {_TYPE_OF_PATH}")
    for name, why in _PATHS_ONLY.items():
        if name in texts:
            raise ConfigError(field=name, got=texts[name], want=f"{_TYPE_OF_PATH}; {why}")
    GateKey.of("any", texts.get("key"), texts.get("region", "any"))
    check_note("ignore", texts.get("ignore"), MAX_REASON)
    Request(
        project="any",
        region="any",
        reason=texts.get("reason"),
        source_version=texts.get("source_version"),
        environment=tuple(environment.items()),
        line=texts.get("line"),
    )


def _conditions(table: Mapping[str, object], at: str, above: str) -> Iterator[Condition]:
    """``'detail.tag' = 'v*'`` and ``detail.tag = 'v*'`` (which TOML reads as a table in a table) are the same."""
    for key, value in table.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _conditions(value, at, f"{path}.")
            continue
        lower = path == path.lower() or not path.startswith("http.headers.")
        if len(path) > MAX_PATH or not all(path.split(".")) or not lower:
            want = "a path below the event, such as 'detail.repository-name', or 'http.headers.x-event-key'"
            raise ConfigError(field=at, got=path, want=want)
        want = "a text, in which * stands for anything, or a list of texts"
        several = [str(one).lower() if isinstance(one, int) else one for one in one_or_more(value)]
        yield path, tuple(must_be(str, one, f"{at}.{path}", want) for one in several)


def webhooks_of(table: object) -> dict[str, tuple[str, ...]]:
    """The references to secrets in the table ``[webhooks]``, by scheme."""
    settings = must_be(dict, table, "webhooks", "a table such as { github = 'env:GITHUB_SECRET' }")
    refuse_unknown(settings, SCHEMES, "webhooks.")
    return {
        scheme: tuple(reference_of(one, f"webhooks.{scheme}") for one in one_or_more(value))
        for scheme, value in settings.items()
    }


def reference_of(value: object, at: str) -> str:
    """The reference to a secret. What is none may be the secret itself, in the wrong place, and is not shown."""
    if isinstance(value, str):
        source, _, name = value.partition(":")
        if source in ("env", "ssm", "secretsmanager") and name.strip() and name.isprintable():
            return value
    want = "where the secret is, never the secret: 'env:NAME', 'ssm:NAME' or 'secretsmanager:NAME'"
    raise ConfigError(field=at, got=Unquoted("something else"), want=want)
