"""Patterns in rules. Only ``*`` and ``?`` are special; brackets stand for themselves.

In a condition ``*`` stands for any text. In the name of a branch, tag or file ``*`` stops at a ``/`` and ``**`` does
not, as on GitHub
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from holdoff.core.errors import ConfigError

#: In a rule's ``branches``: the branch that the sender calls its default (as in GitHub's workflow templates).
DEFAULT_BRANCH: Final = "$default-branch"
#: What no branch or tag has in its name (https://git-scm.com/docs/git-check-ref-format), and no file in its path.
_IN_NO_REF: Final = re.compile(r"[ \[\\^~:]|//|\.\.|@\{|(^|/)\.|\.lock(/|$)|\.$")
_IN_NO_PATH: Final = re.compile(r"//|(^|/)\.{1,2}(/|$)")
#: ``**/`` stands for nothing, or for any text that ends with a ``/``.
_PARTS: Final = re.compile(r"\*\*/|\*\*|.")
_STEPS: Final = {"**/": ("maybe", "**", "/")}


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of a condition's patterns matches the whole text."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)


def names_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches the name of a branch, tag or file."""
    return any(_is_named(name, pattern) for pattern in patterns)


def check_name(name: str, at: str) -> str:
    """The pattern of a branch, tag or file in a setting. A pattern that no such name matches raises ConfigError."""
    kind = at.rpartition(".")[2]
    is_of_files, want = kind.startswith("paths"), None
    if not name or name != name.strip() or not name.isprintable():
        want = "a name without white space around it"
    elif name.startswith(("/", "./")):
        want = f"{name.lstrip('./')!r}: no such name begins with '/' or './'"
    elif name.startswith("refs/") and not is_of_files:
        want = f"{name.split('/', 2)[-1]!r}: the name without refs/heads/ or refs/tags/"
    elif name.startswith("$") and (kind != "branches" or name != DEFAULT_BRANCH):
        want = f"a name; a rule may have in branches {DEFAULT_BRANCH!r}"
    elif name.endswith("/"):
        want = f"'{name}**': " + ("a file's path, not a folder's" if is_of_files else "no such name ends with '/'")
    elif not is_of_files and _IN_NO_REF.search(name):
        want = "a name that git allows: no white space, [ \\ ^ ~ : '..' '//', and no '.' around it; "
        want += "only * and ? stand for other characters"
    elif is_of_files and _IN_NO_PATH.search(name):
        want = "a path without '//', '.' and '..'"
    elif name.startswith("!"):
        left_out = "paths_ignore" if is_of_files else "a rule before it that has 'ignore'"
        want = f"a name without '!': to leave names out, use {left_out}"
    if want is not None:
        raise ConfigError(field=at, got=name, want=want)
    return name


def is_anything(patterns: Iterable[str]) -> bool:
    """Whether one of a condition's patterns matches every text."""
    return any(not pattern.strip("*") for pattern in patterns)


# Names and patterns may come from an attacker, and a regular expression could backtrack in them for hours. Here the
# matcher looks at each character of a name once, and keeps the set of all places in the pattern that the name so far
# can have led to. The set is a number: place ``n`` is the bit ``1 << n``.


def _is_named(name: str, pattern: str) -> bool:
    places, end = _places(pattern)
    at = _with_skipped(1, places)
    for character in name:
        at = _after(at, character, pattern)
        if not at:
            return False
    return bool(at & end)


@lru_cache(maxsize=1_000)
def _places(pattern: str) -> tuple[Mapping[str, int], int]:
    """The places of each kind of step in a pattern, and the place after the last step."""
    steps = [step for part in _PARTS.findall(pattern) for step in _STEPS.get(part, (part,))]
    places: dict[str, int] = {}
    for place, step in enumerate(steps):
        places[step] = places.get(step, 0) | 1 << place
    return places, 1 << len(steps)


@lru_cache(maxsize=100_000)
def _after(at: int, character: str, pattern: str) -> int:
    """The places after one more character of the name."""
    places, _ = _places(pattern)
    stays, goes = at & places.get("**", 0), at & (places.get(character, 0) if character not in "*?" else 0)
    if character != "/":
        stays |= at & places.get("*", 0)
        goes |= at & places.get("?", 0)
    return _with_skipped(stays | goes << 1, places)


def _with_skipped(at: int, places: Mapping[str, int]) -> int:
    """These places, and the places that can be reached from them without a character."""
    nothing, maybe = places.get("*", 0) | places.get("**", 0), places.get("maybe", 0)
    while (more := at | (at & (nothing | maybe)) << 1 | (at & maybe) << 3) != at:
        at = more
    return at
