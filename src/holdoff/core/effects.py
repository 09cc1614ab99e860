"""Effects as data: what the protocol asks its driver to do, and what it gets back.

A driver performs each effect: ``driver.py`` on a real store and starter, the replay planner on simulated ones, the
model checker in the history that it explores.
"""

from __future__ import annotations

from holdoff.core.pending import Fold
from holdoff.core.record import Finished, Record
from holdoff.core.request import Request
from holdoff.core.value import Value


class Now(Value):
    """What time is it? Answered with epoch milliseconds (``int``)."""


class NewId(Value):
    """An id for a write, unlike any other. Answered with ``str``."""


class Get(Value):
    """Read the gate. Answered with its ``Record``; ``Record()`` where there is none."""


class Swap(Value, kw_only=False):
    """Write ``new`` if the gate still is ``expected`` (by last write *and* ``lastbuild``), as one atomic step. Answered
    with ``Swapped`` or ``Lost``."""

    expected: Record
    new: Record
    history: tuple[Finished, ...] = ()  #: builds that leave the record with this write, kept by the same step


class FoldIn(Value, kw_only=False):
    """Add one trigger to what is pending, as one atomic step: ``Fold.applied``. Answered like ``Swap``."""

    expected: Record
    fold: Fold


class Start(Value, kw_only=False):
    """Start the build. Answered with its id; raises ``StartRefused``, or anything else for "not known"."""

    request: Request
    token: str


class Find(Value, kw_only=False):
    """Is there a build with this token? Answered with its id or ``None``; raises where that cannot be told."""

    request: Request
    token: str


class Poll(Value, kw_only=False):
    """How is this build? Answered with ``running``, ``succeeded``, ``failed`` or ``None`` (cannot be told)."""

    build_id: str


class Cancel(Value, kw_only=False):
    """Stop this build. Raises where it cannot be stopped."""

    build_id: str


Effect = Now | NewId | Get | Swap | FoldIn | Start | Find | Poll | Cancel


class Swapped(Value, kw_only=False):
    """The write is in; ``record`` is the gate's record now."""

    record: Record


class Lost(Value, kw_only=False):
    """Another write came first; ``current`` is the gate's record now: decide again on it, without another read."""

    current: Record
