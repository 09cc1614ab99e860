"""What an error of a service says about the work that was asked for: the last column of every starter's table."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """What an error says about the work that was asked for."""

    NEVER = "certainly not done; something has to be changed first"
    NOT_NOW = "certainly not done; it passes by itself"
    LOOK = "certainly not done, unless looking for it finds it"
    UNKNOWN = "not known"
