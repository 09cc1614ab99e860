"""Looking into events: JSON values of any shape, none of it promised. Pure."""

from __future__ import annotations

from typing import Any, Final

from holdoff.core.errors import EventError

#: What is not there. ``None`` is JSON's null.
ABSENT: Final = object()
#: Longer whole numbers are nobody's name, and Python refuses to write very long ones.
_MAX_BITS: Final = 256


def dig(value: object, *keys: str) -> Any:
    """What lies under these keys; ``None`` where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_at(value: object, *keys: str) -> str | None:
    """The text under these keys; ``None`` where there is none, or an empty one."""
    found = dig(value, *keys)
    return found if isinstance(found, str) and found else None


def needed(value: object, *keys: str, root: str = "event") -> str:
    """The text under these keys.

    Raises:
        EventError: there is none.
    """
    found = text_at(value, *keys)
    if found is None:
        raise EventError(".".join((root, *keys)), f"is {kind_of(dig(value, *keys))}, not a text")
    return found


def look_up(value: object, path: str) -> object:
    """What lies at ``detail.tags.0.name``; ``ABSENT`` where there is nothing.

    A number counts into a list. A key may have dots of its own (``CodePipeline.job``): the shortest key that is there
    is taken.
    """
    names = path.split(".")
    while names:
        used = _step(value, names)
        if used == 0:
            return ABSENT
        key = ".".join(names[:used])
        value = value[int(key)] if isinstance(value, list) else value[key]  # type: ignore[index]
        names = names[used:]
    return value


def _step(value: object, names: list[str]) -> int:
    """How many of the names lead one level down; 0: none."""
    if isinstance(value, list):
        return int(names[0].isascii() and names[0].isdecimal() and int(names[0]) < len(value))
    if not isinstance(value, dict):
        return 0
    return next((n for n in range(1, len(names) + 1) if ".".join(names[:n]) in value), 0)


def as_text(value: object) -> str | None:
    """A text, a number or a truth value as text, as JSON writes it; ``None``: something else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= _MAX_BITS):
        return repr(value)
    return None


def kind_of(value: object) -> str:
    """What a value is, for an error: never the value itself, which may be secret."""
    if value is None or value is ABSENT:
        return "missing"
    if value == "":
        return "empty"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
