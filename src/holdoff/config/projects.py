"""The projects of a ``holdoff.toml``: each with its policy and starter, and the gates they make."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from holdoff.config.checks import MISSING, Unquoted, must_be, refuse_unknown
from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.request import KEY_MARK, GateKey
from holdoff.core.units import type_of_duration
from holdoff.core.value import Value
from holdoff.gate import Gate
from holdoff.stores import default_url, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from holdoff.config.rules import Rule
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

#: The arguments of ``Policy``, in order.
POLICY_KEYS: Final = ("cooldown", *(Policy.__init__.__kwdefaults__ or ()))
STARTER_KEYS: Final = {"command": (), "codebuild": ("environment", "region", "endpoint", "options")}
_STARTER: Final = "a table such as { command = ['make', 'docs'] } or { codebuild = 'site-build' }"


class Project(Value):
    """One table ``[projects.NAME]``."""

    name: str
    policy: Policy
    region: str | None = None
    starter: Mapping[str, Any] = {}
    folder: str | None = None

    def make_starter(self, *, stdout: int | None = None) -> Starter:
        """Its starter. ``stdout``: where a command's output goes, this process's unless given."""
        settings = dict(self.starter)
        if "command" in settings:
            from holdoff.starters.command import Command

            return Command(settings["command"], stdout=stdout, folder=self.folder)
        if "codebuild" in settings:
            from holdoff.starters.codebuild import CodeBuild

            return CodeBuild(settings.pop("codebuild"), **settings)
        for kind, entry in _plugins().items():
            if kind in settings:
                return cast("Starter", entry.load()(settings))
        raise ConfigError(field=f"projects.{self.name}.starter", got=settings, want=_STARTER)


class Config(Value):
    """What a ``holdoff.toml`` says; without a file, nothing but the defaults.

    Attributes:
        store: its URL; a relative path in the file is meant from the file's folder.
        rules: which events are whose; the first that matches wins.
        webhooks: where the secrets of webhooks are to be found, by scheme.
    """

    path: Path | None = None
    store: str | None = None
    projects: Mapping[str, Project] = {}
    rules: tuple[Rule, ...] = ()
    webhooks: Mapping[str, tuple[str, ...]] = {}

    def project(self, name: str) -> Project:
        """The project of that name. The gate ``site-build@KEY`` has the settings of ``site-build``.

        Raises:
            ConfigError: there is none; names those there are.
        """
        name = name.partition(KEY_MARK)[0]
        if name in self.projects:
            return self.projects[name]
        if self.path is None:
            want = f"a holdoff.toml with a table [projects.{name}] (looked upward from here)"
            raise ConfigError(field="holdoff.toml", got=Unquoted("nowhere to be found"), want=want)
        known = ", ".join(sorted(self.projects)) or "none yet"
        want = f"a table [projects.{name}], or name one of these: {known}"
        raise ConfigError(field=f"{self.path}: projects.{name}", got=MISSING, want=want)

    def open_store(self, url: str | None = None) -> Store:
        """The store: the one named, else the file's, else SQLite in the user's state directory."""
        return open_store(url or self.store or default_url())

    def keys(self, store: Store) -> list[GateKey]:
        """The projects' own gates, those without a key."""
        return [GateKey(project.name, project.region or store.region) for project in self.projects.values()]

    def gate(self, name: str, store: Store, *, key: str | None = None, region: str | None = None, **more: Any) -> Gate:
        """The gate of a project, or of one key of it. ``more`` goes to ``Gate``."""
        project = self.project(name)
        if "starter" not in more:
            more["starter"] = project.make_starter()
        return Gate(name, key=key, region=region or project.region, store=store, policy=project.policy, **more)


def project_of(name: str, table: object, folder: str | None) -> Project:
    """The project in a table ``[projects.NAME]`` of a file in this folder."""
    at = f"projects.{name}"
    settings = must_be(dict, table, at, "a table of settings")
    refuse_unknown(settings, (*POLICY_KEYS, "region", "starter"), f"{at}.")
    if "cooldown" not in settings:
        raise ConfigError(field=f"{at}.cooldown", got=MISSING, want=type_of_duration)
    region = settings.get("region")
    try:
        GateKey(name, "local" if region is None else region)
        if KEY_MARK in name:
            want = f"a name without {KEY_MARK!r}, which parts a project from a key"
            raise ConfigError(field="project", got=name, want=want)
        policy = Policy(**{key: settings[key] for key in POLICY_KEYS if key in settings})
    except ConfigError as error:
        raise error.under(f"{at}.") from None
    starter = _starter(settings.get("starter", MISSING), f"{at}.starter")
    return Project(name=name, policy=policy, region=region, starter=starter, folder=folder)


def _starter(table: object, at: str) -> dict[str, Any]:
    settings = must_be(dict, table, at, _STARTER)
    kinds = [kind for kind in STARTER_KEYS if kind in settings]
    if len(kinds) > 1:
        raise ConfigError(field=at, got=settings, want="just one of " + " and ".join(kinds))
    if kinds:
        refuse_unknown(settings, (*kinds, *STARTER_KEYS[kinds[0]]), f"{at}.")
        try:
            Project(name="", policy=Policy(0), starter=settings).make_starter()  # starts and connects to nothing
        except ConfigError as error:
            raise error.under(f"{at}.") from None
    elif not settings.keys() & _plugins().keys():
        raise ConfigError(field=at, got=settings, want=_STARTER)
    return settings


def _plugins() -> dict[str, Any]:
    metadata = import_module("importlib.metadata")  # slow to import, and seldom wanted
    return {entry.name: entry for entry in metadata.entry_points(group="holdoff.starters")}
