"""Starters: what starts a build."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holdoff.starters.base import Starter
    from holdoff.starters.call import Call
    from holdoff.starters.codebuild import CodeBuild
    from holdoff.starters.command import Command

__all__ = ["Call", "CodeBuild", "Command", "Starter"]

_HOME: Final = {"Call": "call", "CodeBuild": "codebuild", "Command": "command", "Starter": "base"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'holdoff.starters' has no attribute {name!r}")
    return getattr(import_module(f"holdoff.starters.{_HOME[name]}"), name)
