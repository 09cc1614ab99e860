"""Holdoff's own form of a trigger, a JSON object: ``{"project": "site-build", "source_version": "4f2a91c"}``. Pure.

It comes by a direct invoke, a topic, a queue or a webhook. So does the JSON of other senders, which also use words such
as ``project``, ``region`` and ``environment``: ``is_trigger`` tells which is which.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from holdoff.core.errors import EventError
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.paths import kind_of

#: Words so common that an object with only these is no trigger.
_COMMON: Final = frozenset({"key", "line", "at", "parent"})
_MAPS: Final = ("environment", "secondary_versions")
KEYS: Final = frozenset({"project", "region", "reason", "source_version", "event_id", "by", "force", *_COMMON, *_MAPS})


def is_trigger(event: Mapping[str, Any], projects: Container[str]) -> bool:
    """Whether it is a trigger: it has only these keys, or a ``source_version``, or a project that is configured."""
    named = event.get("project")
    if "source_version" in event or (isinstance(named, str) and named in projects):
        return True
    return event.keys() <= KEYS and not event.keys() <= _COMMON


def read(event: Mapping[str, Any], *, strict: bool) -> Draft:
    """What it asks for. A value of the wrong type and a misspelt key are left out; if ``strict``, they raise an
    ``EventError``."""
    others = event.keys() - KEYS
    if strict and len(others) == 1:  # an event with more is another sender's, with keys of ours added
        _refuse_misspelt(event, *others)
    right: dict[str, Any] = {}
    for key, value in sorted((key, event[key]) for key in KEYS & event.keys() if event[key] is not None):
        want = _wanted(key, value)
        if want is None:
            right[key] = value
        elif strict:
            raise EventError(f"event.{key}", f"is {kind_of(value)}; write {want}")
    return Draft(forced=right.pop("force", False), **right)


def _refuse_misspelt(event: Mapping[str, Any], other: str) -> None:
    """Refuse a key that looks like one of this form that is missing, and has such a value."""
    from difflib import get_close_matches  # slow to import

    missing = (key for key in KEYS - _COMMON - event.keys() if abs(len(key) - len(other)) < 2)  # no ``event_kind``
    for key in get_close_matches(other, missing, cutoff=0.85):
        if _wanted(key, event[other]) is None:
            raise EventError(f"event.{other}", f"is not a key of this form (did you mean {key}?)")


def _wanted(key: str, value: object) -> str | None:
    """What the value should be; ``None``: it is right."""
    if key == "force":
        return None if isinstance(value, bool) else "true or false"
    if key in _MAPS:
        right = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        return None if right else "an object of names and texts"
    if key == "at" and isinstance(value, int | float) and not isinstance(value, bool):
        return None
    return None if isinstance(value, str) and value else "a text"
