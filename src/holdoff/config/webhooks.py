"""``[webhooks]`` of ``holdoff.toml``: where the secrets are, which projects each is for, and the user's own schemes.

A value is a reference, a list of references, a table that binds a reference to projects, or a scheme of the user's own.

This file reads the table and refuses mistakes. A wrong value may be a secret in the wrong place, so no error shows a
value. ``holdoff.references`` fetches the secrets, and ``ingress.events.signatures`` checks webhooks with them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from holdoff.config.checks import must_be, one_or_more, refuse_unknown
from holdoff.config.schemes import ALGORITHMS, ENCODINGS, NAMES, Scheme
from holdoff.core.errors import ConfigError
from holdoff.core.shown import MISSING, Unquoted
from holdoff.core.value import Value
from holdoff.references import UNSHOWN, reference_of

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
#: The settings of a user's own scheme: what each has to match, and what to write.
_OWN: Final = {
    "header": (_HEADER, "the name of the header that the signature is in"),
    "prefix": (re.compile(r"[ -~]*"), "what stands before the signature, such as 'sha256='"),
    "encoding": (re.compile("|".join(ENCODINGS)), f"one of {', '.join(ENCODINGS)}"),
    "algorithm": (re.compile("|".join(ALGORITHMS)), f"one of {', '.join(ALGORITHMS)}"),
    "timestamp": (_HEADER, "the name of the header that the time is in"),
    "signed": (
        re.compile(r"[^{}]*(\{time\}[^{}]*)?\{body\}[^{}]*(\{time\}[^{}]*)?"),
        "what is signed, such as '{time}.{body}'",
    ),
}


class Reference(Value):
    """Where a secret is, and which projects it is for; ``None``: all."""

    text: str
    projects: tuple[str, ...] | None = None


class Webhook(Value):
    """One entry of ``[webhooks]``. ``scheme``: the user's own; ``None``: the built-in schemes of that name."""

    secrets: tuple[Reference, ...]
    scheme: Scheme | None = None


def webhooks_of(table: object, projects: Collection[str]) -> dict[str, Webhook]:
    """The table ``[webhooks]`` of a file that has these projects, by the name of the scheme."""
    settings = must_be(dict, table, "webhooks", "a table such as { github = 'env:GITHUB_SECRET' }")
    texts = {name: 0 for name, value in settings.items() if not isinstance(value, dict)}
    refuse_unknown(texts, (*NAMES, "or [webhooks.NAME] for a scheme of your own"), "webhooks.")
    found = {name: _webhook(name, value, f"webhooks.{name}", projects) for name, value in settings.items()}
    _check_bounds(found)
    return found


def _check_bounds(webhooks: Mapping[str, Webhook]) -> None:
    """Refuse a secret that is bound to projects in one entry and not in another, which would accept it for all."""
    bound: dict[str, tuple[str, ...] | None] = {}
    for name, webhook in webhooks.items():
        for one in webhook.secrets:
            if bound.setdefault(one.text, one.projects) != one.projects:
                want = "the same projects wherever that secret is named, or a secret of its own for each sender"
                raise ConfigError(field=f"webhooks.{name}", got=Unquoted("bound in one place only"), want=want)


def _webhook(name: str, value: object, at: str, projects: Collection[str]) -> Webhook:
    if name in NAMES:
        return Webhook(secrets=tuple(_secret(one, at, projects) for one in one_or_more(value)))
    settings = must_be(dict, value, at, "a table")
    if not _NAME.fullmatch(name):
        want = "a name of small letters, digits, '-' and '_' for a scheme of your own"
        raise ConfigError(field=at, got=Unquoted("not such a name"), want=want)
    refuse_unknown(settings, (*_OWN, "secret", "projects"), f"{at}.")
    named = _projects(settings, at, projects)
    secrets = (_secret(one, f"{at}.secret", projects) for one in one_or_more(settings.get("secret", MISSING)))
    bound = tuple(one if one.projects is not None else one.but(projects=named) for one in secrets)
    return Webhook(secrets=bound, scheme=_scheme(name, settings, at))


def _secret(value: object, at: str, projects: Collection[str]) -> Reference:
    if not isinstance(value, dict):
        return Reference(text=reference_of(value, at))
    refuse_unknown(value, ("secret", "projects"), f"{at}.")
    text = reference_of(value.get("secret", MISSING), f"{at}.secret")
    return Reference(text=text, projects=_projects(value, at, projects))


def _projects(settings: Mapping[str, Any], at: str, projects: Collection[str]) -> tuple[str, ...] | None:
    """The projects that a secret is bound to. An unknown project may be a secret, so no error shows it."""
    if "projects" not in settings:
        return None
    named = one_or_more(settings["projects"])
    if not all(isinstance(one, str) and one in projects for one in named):
        want = f"a list of projects of this file ({', '.join(sorted(projects)) or 'none yet'})"
        raise ConfigError(field=f"{at}.projects", got=Unquoted("not such a list"), want=want)
    return tuple(map(str, named))


def _scheme(name: str, settings: Mapping[str, object], at: str) -> Scheme:
    if "header" not in settings:
        raise ConfigError(field=f"{at}.header", got=MISSING, want=_OWN["header"][1])
    said: dict[str, Any] = {}
    for key, (form, want) in _OWN.items():
        if key in settings:
            said[key] = settings[key]
            if not isinstance(said[key], str) or not form.fullmatch(said[key]):
                raise ConfigError(field=f"{at}.{key}", got=UNSHOWN, want=want)
    time = said.pop("timestamp", "").lower() or None
    scheme = Scheme(**said | {"name": name, "header": said["header"].lower(), "time": time})
    signed = said.get("signed", "{time}.{body}" if scheme.is_timed else "{body}")
    if ("{time}" in signed) is not scheme.is_timed:
        want = "'{time}' in it where there is a timestamp, and only there: a time that is not signed proves nothing"
        raise ConfigError(field=f"{at}.signed", got=UNSHOWN, want=want)
    return scheme.but(signed=signed)
