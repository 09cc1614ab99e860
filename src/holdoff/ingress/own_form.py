"""Holdoff's own form of a trigger, a JSON object: ``{"project": "site-build", "source_version": "4f2a91c"}``. Pure.

It comes by a direct invoke, and just as well through a topic, a queue or a webhook. The same ways comes JSON of others,
and they also have words such as ``project``, ``region`` and ``environment``: ``is_own`` tells which is which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import EventError
from holdoff.ingress.meanings import Said
from holdoff.ingress.paths import kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_TEXTS: Final = ("project", "region", "reason", "source_version", "event_id", "by")
KEYS: Final = (*_TEXTS, "force", "environment")


def is_own(event: Mapping[str, Any], projects: Container[str]) -> bool:
    """Whether it is ours: it has nothing but our keys, or one that only we have, or names a project of ours."""
    named = event.get("project")
    return (
        all(key in KEYS for key in event)
        or "source_version" in event
        or (isinstance(named, str) and named in projects)
    )


def read(event: Mapping[str, Any], *, strict: bool) -> Said:
    """What it says.

    Args:
        strict: refuse a value of the wrong type, instead of leaving it out.

    Raises:
        EventError: a value is not what it should be.
    """
    given = {key: event[key] for key in KEYS if event.get(key) is not None}
    wrong = {key: want for key, value in given.items() if (want := _wanted(key, value))}
    if wrong and strict:
        key, want = next(iter(wrong.items()))
        raise EventError(f"event.{key}", f"is {kind_of(given[key])}; write {want}")
    return Said(**{key: value for key, value in given.items() if key not in wrong})


def _wanted(key: str, value: object) -> str | None:
    """What would be right; ``None``: it is."""
    if key == "force":
        return None if isinstance(value, bool) else "true or false"
    if key == "environment":
        right = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        return None if right else "an object of names and texts"
    return None if isinstance(value, str) and value else "a text"
