"""Ctrl-C and its like while ``holdoff run`` is at work: kept for the command that starts, or the end of a wait."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from holdoff.signals import handling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stopped(KeyboardInterrupt):
    """A signal ended a wait.

    Attributes:
        number: which signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


class Stops:
    """The signals that came while no command ran.

    Between a claim and its start they only wait in ``came``: a start half done would leave a command that nobody
    looks after. The command gets them as soon as it runs.
    """

    def __init__(self, came: list[int]) -> None:
        self.came = came
        self._interrupts = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what comes."""
        with handling(self._handle):
            yield

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise ``Stopped`` for what came, or comes meanwhile."""
        self._interrupts = True
        try:
            if self.came:
                raise Stopped(self.came[0])
            yield
        finally:
            self._interrupts = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.came.append(number)
        if self._interrupts:
            raise Stopped(number)
