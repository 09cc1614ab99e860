"""Axes: from values to places, with marks at round numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

DAY_MS: Final = 86_400_000
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
#: The steps between marks: of numbers, and of durations in milliseconds.
COUNTS: Final = tuple(part * 10**power for power in range(12) for part in (1, 2, 5))
SPANS_MS: Final = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY_MS for n in (1, 2, 7, 14, 30, 90, 365, 3650)),
)


def step_of(span: int, most: int, steps: Sequence[int]) -> int:
    """The shortest step of which at most ``most`` cover a span."""
    return next((step for step in steps if span <= step * most), steps[-1])


class Axis:
    """From zero at one end to the largest value at the other."""

    def __init__(self, values: Iterable[int], start: float, end: float, steps: Sequence[int]) -> None:
        self.most: int = max(values, default=0) or 1
        self.start: float = start
        self.end: float = end
        self.step: int = step_of(self.most, 6, steps)

    def at(self, value: float) -> float:
        return self.start + (self.end - self.start) * value / self.most

    def marks(self) -> list[int]:
        return list(range(0, self.most + 1, self.step))
