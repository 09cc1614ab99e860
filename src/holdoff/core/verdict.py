"""What a service's error says about the requested work: the last column of every starter's table of errors."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Whether the requested work was done, by an error's word."""

    NEVER = "certainly not done; something has to be changed first"
    NOT_NOW = "certainly not done; it passes by itself"
    LOOK = "certainly not done, unless looking for it finds it"
    UNKNOWN = "not known"
