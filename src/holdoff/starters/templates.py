"""Texts in a starter's settings that are filled in when a request is sent, with fields of the trigger and with secrets.

    "env:HOOK"                      a reference to a secret (``holdoff.references``)
    "Bearer {env:RENDER_KEY}"       a reference within a text
    "{source_version|main}"         a field of the request; ``main`` if the request does not have it

A secret is fetched each time that a request is sent, and is kept nowhere before: it is in no setting, no stored
request, no log and no error. All fields are filled in at once, so that a reference in a field's value is not followed.
If a text is one field and nothing else, and the request does not have it, the text's entry in a body is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError
from holdoff.core.request import Request
from holdoff.core.shown import Unquoted, shown_name
from holdoff.references import FORM, NO_REFERENCE, UNSHOWN, WANT, References

Values = Mapping[str, str | None]
_NOTES: Final = ("project", "region", "key", "reason", "source_version", "event_id", "by", "line", "parent")
#: The fields of a text that starts a build. ``environment.NAME`` is a field, too.
STARTING: Final = (*_NOTES, "branch", "tag", "token")
#: The fields of a text about an existing build.
OF_A_BUILD: Final = ("build_id",)

_FIELD: Final = re.compile(rf"\{{(?:({FORM})|([A-Za-z_][\w.]*))(?:\|([^{{}}]*))?\}}")
_NAMED: Final = re.compile(rf"\{{(?!{FORM}\}})([A-Za-z_][^{{}}|]*)")
#: The value of an entry or a URL's parameter with such a name is a secret, which must not be in the file; nor may a
#: URL's password be. A header's key may be one, an input's ("cache-key") is none, nor is Bitbucket's X-Event-Key.
_NAME: Final = r"auth(?!or(?!i))|token|secret|passw|pwd|cookie|credential|private|api.?key"
_SECRET: Final = re.compile(rf"{_NAME}|^headers\..*(?<!event)-key$", re.IGNORECASE)
_IN_URL: Final = re.compile(
    rf"://[^/?#@{{}}\s]*:[^/?#@{{}}\s]+@|[?&][^=&{{}}\s]*(?:{_NAME})[^=&{{}}\s]*=[^&#{{}}\s]+(?![^&#\s])", re.IGNORECASE
)
#: One for the process, so that all starters share the cache of AWS's secrets.
REFERENCES: Final = References(os.environ)
#: The secrets that references led to when they were last followed.
_secrets: Final[dict[tuple[str, str | None], str]] = {}


def text_in(field: str, value: object, names: tuple[str, ...] = (), *, secret: bool = False, url: bool = False) -> str:
    """A text that may be filled in, else a ``ConfigError`` that does not show it. ``names``: the fields that it may
    have; ``secret``: it must have a reference; ``url``: it must be a URL, or begin with a reference."""
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(FORM, text):
        text = f"{{{text}}}"
    if not text or not text.isprintable() or (secret and not re.search(rf"\{{{FORM}\}}", text)):
        want = WANT if secret else "text, in one line"
        raise ConfigError(field=field, got=NO_REFERENCE if secret else UNSHOWN, want=want)
    if url and not text.lower().startswith(("https://", "http://", "{")):
        raise ConfigError(field=field, got=UNSHOWN, want="a URL, which begins with https://, http:// or a reference")
    if _IN_URL.search(text):
        raise ConfigError(field=field, got=NO_REFERENCE, want=WANT)
    for name in _NAMED.findall(text):
        if name not in names and not (STARTING[0] in names and re.fullmatch(r"environment\.[A-Za-z_]\w*", name)):
            known = ", ".join(f"{{{one}}}" for one in names) + (" and " if names else "")
            want = f"a text with no other fields than {known}references such as {{env:NAME}}"
            raise ConfigError(field=field, got=Unquoted("a text with another field"), want=want)
    return text


def entries_in(field: str, value: object, names: tuple[str, ...], *, nested: bool = False) -> dict[str, Any]:
    """A table of such texts by name; ``None``: an empty one. ``nested``: it may also have numbers, truth values, and
    lists and tables."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
        raise ConfigError(field=field, got=UNSHOWN, want="a table of texts")
    return {name: _entry(field, name, one, names, nested=nested) for name, one in value.items()}


def _entry(field: str, name: str, value: object, names: tuple[str, ...], *, nested: bool) -> Any:
    if nested and isinstance(value, Mapping):
        return entries_in(field, value, names, nested=True)
    if nested and isinstance(value, list):
        return [_entry(field, name, one, names, nested=True) for one in value]
    if nested and isinstance(value, bool | int | float) and value - value == 0:  # neither NaN nor infinite
        return value
    where = f"{field}.{shown_name(name)}"
    text = text_in(where, value, names) if value != "" else ""
    if _SECRET.search(f"{field}.{name}") and not _FIELD.search(text):
        raise ConfigError(field=where, got=NO_REFERENCE, want=WANT)
    return text


def values_of(request: Request, token: str) -> dict[str, str | None]:
    """The values of all fields of a request, by the names of ``STARTING``."""
    ref = (request.line or "").rpartition(" ")[2]
    return {
        **{name: getattr(request, name) for name in _NOTES},
        "branch": ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None,
        "tag": ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None,
        "token": token,
        **{f"environment.{name}": value for name, value in request.environment},
    }


def filled(text: str, values: Values, folder: str | None = None, encode: Callable[[str], str] = str) -> str | None:
    """The text, filled in; ``None``: it is one field and nothing else, and there is no value for that.

    Args:
        folder: where the relative paths of ``file:`` references start.
        encode: applied to the value of a field, but not to a secret.

    Raises:
        ConfigError: a reference leads to nothing.
        StoreUnavailable: a secret could not be fetched now.
    """

    def put(found: re.Match[str]) -> str:
        reference, name, otherwise = found.groups()
        if reference:
            secret = REFERENCES.value(reference, SystemClock().now_ms(), field="the secret", folder=folder)
            _secrets[reference, folder] = secret
            return secret
        value = values.get(name)
        return encode(value) if value else otherwise or ""

    only = _FIELD.fullmatch(text)
    if only is not None and only[2] and values.get(only[2]) is None and only[3] is None:
        return None
    return _FIELD.sub(put, text)


def check_secrets(settings: object, folder: str | None) -> None:
    """Raise ``ConfigError`` if a variable or a file that these settings refer to has no secret. AWS is not asked."""
    if isinstance(settings, str):
        for reference, *_ in _FIELD.findall(settings):
            if reference.startswith(("env:", "file:")):
                REFERENCES.value(reference, 0, field="the secret", folder=folder)
    elif isinstance(settings, Mapping | list):
        for one in settings.values() if isinstance(settings, Mapping) else settings:
            check_secrets(one, folder)


def without_referenced(text: str) -> str:
    """A service's message without secrets: it may repeat what it was sent."""
    for secret in sorted(_secrets.values(), key=len, reverse=True):
        text = text.replace(secret, "...")
    return text


def body_of(value: Any, values: Values, folder: str | None) -> Any:
    """A body with all its texts filled in."""
    if isinstance(value, str):
        return filled(value, values, folder)
    if isinstance(value, list):
        return [one for one in (body_of(one, values, folder) for one in value) if one is not None]
    if isinstance(value, Mapping):
        pairs = ((name, body_of(one, values, folder)) for name, one in value.items())
        return {name: one for name, one in pairs if one is not None}
    return value


def found_at(answer: Any, path: str, values: Values) -> Any:
    """The value at a path: ``result.stages.-1.status``, or ``builds[id={build_id}].result``, the first that fits."""
    for name, key, wanted in _STEPS.findall(path):
        if isinstance(answer, Mapping):
            answer = answer.get(name)
        elif isinstance(answer, list) and re.fullmatch(r"-?\d{1,4}", name):
            answer = answer[int(name)] if -len(answer) <= int(name) < len(answer) else None
        else:
            return None
        if key:
            listed, text = answer if isinstance(answer, list) else [], filled(wanted, values)
            answer = next((one for one in listed if isinstance(one, Mapping) and str(one.get(key)) == text), None)
    return answer


_STEPS: Final = re.compile(r"([^.\[\]]+)(?:\[([^=\[\]]+)=([^\[\]]*)\])?")
