"""Effects as data: what the protocol asks its driver to do, and what it gets back.

A driver decides what each one *does*: ``gate.py`` performs it on a real store and starter, the replay planner on a
simulated one, the model checker on whatever history it is exploring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdoff.core.record import Finished, Opening, Record, Request


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Now:
    """What time is it? Answered with epoch milliseconds (``int``)."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class NewId:
    """An id for a write, unlike any other. Answered with ``str``."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Get:
    """Read the gate. Answered with its ``Record``; ``Record()`` where there is none."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Swap:
    """Write ``new`` if the gate still is ``expected`` (by last write *and* ``lastbuild``), as one atomic step.

    ``history``: builds that leave the record with this write, to be kept by the same step. Answered with ``Swapped``
    or ``Lost``.
    """

    expected: Record
    new: Record
    history: tuple[Finished, ...] = ()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Open:
    """Claim without having read. Answered with ``Swapped`` or ``Lost``."""

    opening: Opening


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Start:
    """Start the build. Answered with its id; raises ``StartRefused``, or anything else for "nobody knows"."""

    request: Request
    token: str


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Find:
    """Is there a build with this token? Answered with its id or ``None``; raises where that cannot be told."""

    request: Request
    token: str


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Poll:
    """How is this build? Answered with ``running``, ``succeeded``, ``failed`` or ``None`` (cannot be told)."""

    build_id: str


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Cancel:
    """Stop this build. Raises where it cannot be stopped."""

    build_id: str


Effect = Now | NewId | Get | Swap | Open | Start | Find | Poll | Cancel


@dataclass(frozen=True, slots=True)
class Swapped:
    """The write is in; ``record`` is what stands there now."""

    record: Record


@dataclass(frozen=True, slots=True)
class Lost:
    """Another write came first; ``current`` is what stands there: decide again on it, no extra read."""

    current: Record
