"""What ``holdoff aws check`` found: one finding is one line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how bad it is; ``unchecked`` where this process cannot tell.
        about: what was looked at: the table, a gate.
        message: what was found.
        hint: what to do, where there is something to do.
    """

    level: Level
    about: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        line = f"{self.level:<9} {self.about}: {self.message}"
        return f"{line}. {self.hint}" if self.hint else line

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "level": str(self.level),
            "about": self.about,
            "message": self.message,
            "hint": self.hint,
        }


def ok(about: str, message: str) -> Finding:
    """All is well with it."""
    return Finding(Level.OK, about, message)


def warn(about: str, message: str, hint: str | None = None) -> Finding:
    """It works, and could be better."""
    return Finding(Level.WARN, about, message, hint)


def fail(about: str, message: str, hint: str | None = None) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, about, message, hint)


def unchecked(about: str, message: str, hint: str | None = None) -> Finding:
    """Nobody knows."""
    return Finding(Level.UNCHECKED, about, message, hint)
