"""Looking into events: JSON values of any shape, none of it promised. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote_plus

from holdoff.core.errors import EventError

#: What is not there. ``None`` is JSON's null.
ABSENT: Final = object()
_KINDS: Final = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}
#: A field of a template: ``{path}``; ``{path,another}``, the first path with a text; ``{path|default}``. After the path
#: may stand: ``!``, there must be a text; ``/`` or ``:``, only the part after the last one counts; ``%``, the text is
#: encoded as in a URL; ``^`` and a mark, the mark comes before the text.
_FIELD: Final = re.compile(r"\{([^{}|/:!%^]+)([/:%]|\^.)?(!)?(?:\|([^{}]*))?\}")
_INDEX: Final = re.compile("(?a)-?\\d{1,9}")


def text_at(value: object, *paths: str) -> str | None:
    """The first text at one of these paths that is not empty."""
    found = (dig(value, path) for path in paths)
    return next((one for one in found if isinstance(one, str) and one), None)


def needed(value: object, path: str, root: str = "event") -> str:
    """The text at a path. Raises an ``EventError`` if there is none."""
    found = dig(value, path)
    if not isinstance(found, str) or not found:
        raise EventError(f"{root}.{path}", f"is {kind_of(found)}; it must be a text")
    return found


def filled(template: str, look: Callable[[str], object], *, short: bool = False) -> str:
    """The template, filled in with what ``look`` finds at its paths. ``short``: shorten refs, as ``short_ref`` does.
    Raises an ``EventError`` if there is no text at a path with ``!``."""

    def text(field: re.Match[str]) -> str:
        paths, how, must_be, otherwise = field.groups()
        first, *others = paths.split(",")
        found = next(filter(None, (as_text(look(path)) for path in (first, *others))), "")
        if must_be and not found:
            raise EventError(f"event.{first}", f"is {kind_of(look(first))}; it must be a text")
        found = short_ref(found) if short else found
        if found and how:
            found = how[1] + found if how[0] == "^" else unquote_plus(found) if how == "%" else found.rpartition(how)[2]
        return found or otherwise or ""

    return _FIELD.sub(text, template).strip()


def in_template(template: str) -> tuple[str, ...]:
    """The paths in a template."""
    return tuple(path for field in _FIELD.finditer(template) for path in field[1].split(","))


def replaced(value: Any, path: str, by: object) -> Any:
    """A copy of nested objects with something else at a path that leads through objects to what ``dig`` finds there,
    or is one name."""
    names = path.split(".")
    used = _used(names, value) or 1
    name, below = ".".join(names[:used]), ".".join(names[used:])
    return {**value, name: replaced(value[name], below, by) if below else by}


def _used(names: list[str], value: dict[str, Any]) -> int:
    """How many names make the shortest key that exists; 0: none does."""
    if names[0] in value:  # most often
        return 1
    return next((n for n in range(2, len(names) + 1) if ".".join(names[:n]) in value), 0)


def short_ref(ref: str) -> str:
    """``refs/heads/main`` -> ``main``."""
    return re.sub("^refs/(?:heads|tags)/", "", ref)


def dig(value: Any, path: str, otherwise: object = None) -> Any:
    """What lies at ``detail.tags.0.name``; ``otherwise`` where there is nothing.

    A number is a place in a list; a negative number counts from the end. A key may contain dots (``CodePipeline.job``):
    the shortest key that exists is taken.
    """
    names = path.split(".")
    while names:
        used = 1
        if isinstance(value, list) and _INDEX.fullmatch(names[0]) and -len(value) <= int(names[0]) < len(value):
            value = value[int(names[0])]
        elif isinstance(value, dict):
            used = _used(names, value)
            if used == 0:
                return otherwise
            value = value[".".join(names[:used])]
        else:
            return otherwise
        names = names[used:]
    return value


def parsed(value: Any) -> Any:
    """The object or list whose JSON a text is, or whose JSON's JSON; else the text."""
    if not isinstance(value, str):
        return value
    try:
        inside = parsed(json.loads(value))
    except (ValueError, RecursionError):
        return value
    return inside if isinstance(inside, dict | list) else value


#: Where messages of Pub/Sub and CloudEvents have data in base64, and where they then have it as JSON:
#: https://docs.cloud.google.com/pubsub/docs/push
#: https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md#31-handling-of-data
_IN_BASE64: Final = (("subscription", "message.data", "message.data"), ("specversion", "data_base64", "data"))


def plain(value: Any) -> Any:
    """What a text is the JSON of, as ``parsed`` finds it, with its data as JSON, too, or the data of each in a list."""
    event = parsed(value)
    if isinstance(event, list):
        return [plain(one) if isinstance(one, dict) else one for one in event]
    for known_by, path, place in _IN_BASE64:
        if isinstance(data := dig(event, path), str) and text_at(event, known_by):
            with suppress(ValueError):
                event = replaced(event, place, parsed(base64.b64decode(data).decode()))
    return event


def as_text(value: object) -> str | None:
    """A text, a number or a truth value as text, as JSON writes it; ``None``: something else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    # A longer whole number is no name, and Python refuses to write a very long one.
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 256):
        return repr(value)
    return None


def kind_of(value: object) -> str:
    """What a value is, for an error. The error never shows the value itself, which may be secret."""
    if value is None:
        return "missing"
    if value == "":
        return "empty"
    return _KINDS.get(type(value), "something else")
