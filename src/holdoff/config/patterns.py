"""Patterns in rules. Nothing in them is special but ``*`` and ``?``: brackets stand for themselves.

In a condition ``*`` stands for anything. In the names of branches, tags and files it stops at a ``/``, and ``**`` does
not, as GitHub has it
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

#: ``**/`` is nothing, or anything up to a ``/``.
_PARTS: Final = re.compile(r"\*\*/|\*\*|.", re.DOTALL)
_STEPS: Final = {"**/": ("maybe", "**", "/")}
#: How much is kept of what a pattern was asked.
_MOST_KNOWN: Final = 1_000


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of a condition's patterns matches the whole text."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)


def names_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches the name of a branch, tag or file."""
    return any(_glob(pattern).matches(name) for pattern in patterns)


def is_anything(patterns: Iterable[str]) -> bool:
    """Whether one of a condition's patterns matches whatever there is, and so says nothing."""
    return any(not pattern.strip("*") for pattern in patterns)


@lru_cache(maxsize=1_000)
def _glob(pattern: str) -> _Glob:
    return _Glob(pattern)


class _Glob:
    """The pattern of a name. Both may be an attacker's, and a regular expression would go back and forth in them for
    hours: here each character is looked at once, with all the places in the pattern where it may be.

    A set of places is a number, in which place ``n`` is the bit ``1 << n``. What became of it by a character is kept.
    """

    def __init__(self, pattern: str) -> None:
        steps = [step for part in _PARTS.findall(pattern) for step in _STEPS.get(part, (part,))]
        self._places: dict[str, int] = {}
        for place, step in enumerate(steps):
            self._places[step] = self._places.get(step, 0) | 1 << place
        self._end = 1 << len(steps)
        self._known: dict[tuple[int, str], int] = {}

    def matches(self, name: str) -> bool:
        """Whether it matches the whole name."""
        at = self._with_skipped(1)
        for character in name:
            found = self._known.get((at, character))
            if found is None:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                found = self._known[at, character] = self._after(at, character)
            if not found:
                return False
            at = found
        return bool(at & self._end)

    def _after(self, at: int, character: str) -> int:
        places = self._places.get
        stays, goes = at & places("**", 0), at & (places(character, 0) if character not in "*?" else 0)
        if character != "/":
            stays |= at & places("*", 0)
            goes |= at & places("?", 0)
        return self._with_skipped(stays | goes << 1)

    def _with_skipped(self, at: int) -> int:
        """With the places behind what may be nothing."""
        places = self._places.get
        nothing, maybe = places("*", 0) | places("**", 0), places("maybe", 0)
        while (more := at | (at & (nothing | maybe)) << 1 | (at & maybe) << 3) != at:
            at = more
        return at
