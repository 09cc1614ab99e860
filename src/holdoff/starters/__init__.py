"""Starters: what starts a build."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from holdoff.starters.base import Starter
    from holdoff.starters.call import Call
    from holdoff.starters.codebuild import CodeBuild
    from holdoff.starters.codepipeline import CodePipeline
    from holdoff.starters.command import Command
    from holdoff.starters.github import GitHub
    from holdoff.starters.gitlab import GitLab
    from holdoff.starters.webhook import Webhook

__all__ = ["Call", "CodeBuild", "CodePipeline", "Command", "GitHub", "GitLab", "Starter", "Webhook"]

_HOME: Final = {name: "base" if name == "Starter" else name.lower() for name in __all__}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'holdoff.starters' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"holdoff.starters.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
