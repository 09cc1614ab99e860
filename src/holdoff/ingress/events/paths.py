"""Looking into events: JSON values of any shape, none of it promised. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
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
#: ``{path}``, or ``{path,another}``, the first that is there, or ``{path|what stands there instead}``. After the path:
#: ``!``, it must be there; ``/`` or ``:``, only what comes after the last one; ``%``, it is encoded as in a URL; ``^``
#: and a mark, the mark stands before what is there.
_FIELD: Final = re.compile(r"\{([^{}|/:!%^]+)([/:%]|\^.)?(!)?(?:\|([^{}]*))?\}")
_INDEX: Final = re.compile("(?a)-?\\d{1,9}")


def dig(value: object, path: str) -> Any:
    """What lies at a path; ``None`` where there is nothing."""
    found = look_up(value, path)
    return None if found is ABSENT else found


def text_at(value: object, *paths: str) -> str | None:
    """The first text that there is at one of these paths; an empty one is none."""
    found = (look_up(value, path) for path in paths)
    return next((one for one in found if isinstance(one, str) and one), None)


def needed(value: object, path: str, root: str = "event") -> str:
    """The text at a path.

    Raises:
        EventError: there is none.
    """
    found = look_up(value, path)
    if not isinstance(found, str) or not found:
        raise EventError(f"{root}.{path}", f"is {kind_of(found)}, not a text")
    return found


def filled(template: str, look: Callable[[str], object], *, short: bool = False) -> str:
    """The template with what lies at its paths in it. ``look``: finds it; ``short``: refs as ``short_ref`` has them.

    Raises:
        EventError: nothing lies at a path that says ``!``.
    """

    def text(field: re.Match[str]) -> str:
        paths, how, must_be, otherwise = field.groups()
        first, *others = paths.split(",")
        found = next(filter(None, (as_text(look(path)) for path in (first, *others))), "")
        if must_be and not found:
            raise EventError(f"event.{first}", f"is {kind_of(look(first))}, not a text")
        found = short_ref(found) if short else found
        if found and how:
            found = how[1] + found if how[0] == "^" else unquote_plus(found) if how == "%" else found.rpartition(how)[2]
        return found or otherwise or ""

    return _FIELD.sub(text, template).strip()


def in_template(template: str) -> tuple[str, ...]:
    """The paths in a template."""
    return tuple(path for field in _FIELD.finditer(template) for path in field[1].split(","))


def replaced(value: Any, path: str, by: object) -> Any:
    """A copy of nested objects with something else at a path of plain keys."""
    name, _, below = path.partition(".")
    return {**value, name: replaced(value[name], below, by) if below else by}


def short_ref(ref: str) -> str:
    """``refs/heads/main`` -> ``main``."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def look_up(value: object, path: str) -> object:
    """What lies at ``detail.tags.0.name``; ``ABSENT`` where there is nothing.

    A number counts into a list, a negative one from its end. A key may have dots of its own (``CodePipeline.job``): the
    shortest key that is there is taken.
    """
    names = path.split(".")
    while names:
        used = 1
        if isinstance(value, list) and _INDEX.fullmatch(names[0]) and -len(value) <= int(names[0]) < len(value):
            value = value[int(names[0])]
        elif isinstance(value, dict):
            used = next((n for n in range(1, len(names) + 1) if ".".join(names[:n]) in value), 0)
            if used == 0:
                return ABSENT
            value = value[".".join(names[:used])]
        else:
            return ABSENT
        names = names[used:]
    return value


def as_text(value: object) -> str | None:
    """A text, a number or a truth value as text, as JSON writes it; ``None``: something else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    # Longer whole numbers are no names, and Python refuses to write very long ones.
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 256):
        return repr(value)
    return None


def kind_of(value: object) -> str:
    """What a value is, for an error: never the value itself, which may be secret."""
    if value is None or value is ABSENT:
        return "missing"
    if value == "":
        return "empty"
    return _KINDS.get(type(value), "something else")
