"""``holdoff.toml`` and the environment -> stores, policies, starters and gates.

Everything wrong in the file is refused when it is loaded, with the file, the key and what would be right.
"""

# pathlib takes 5 ms to import, and everyone who runs a command behind us would wait for it.
# ruff: noqa: PTH100, PTH109, PTH113, PTH118, PTH120, PTH123

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.record import GateKey
from holdoff.core.units import type_of_duration
from holdoff.gate import Gate
from holdoff.settings import MISSING, Words, must_be, refuse_unknown
from holdoff.stores import default_url, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holdoff.rules import Rule
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

FILE: Final = "holdoff.toml"
POLICY_KEYS: Final = (
    "cooldown",
    "on_cooldown",
    "quiet",
    "max_wait",
    "limit",
    "overlap",
    "cooldown_from",
    "on_failure",
    "unchanged",
)
STARTER_KEYS: Final = {
    "command": (),
    "codebuild": ("environment", "region", "endpoint", "options"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One table ``[projects.NAME]``."""

    name: str
    policy: Policy
    region: str | None = None
    starter: Mapping[str, Any] = field(default_factory=dict)
    folder: str | None = None

    def make_starter(self, *, stdout: int | None = None) -> Starter:
        """Its starter. ``stdout``: where a command's output goes, ours unless given."""
        settings = dict(self.starter)
        if "command" in settings:
            from holdoff.starters.command import Command

            return Command(settings["command"], stdout=stdout, folder=self.folder)
        if "codebuild" in settings:
            from holdoff.starters.codebuild import CodeBuild

            return CodeBuild(settings.pop("codebuild"), **settings)
        return _plugin(self.name, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a ``holdoff.toml`` says; without a file, nothing but the defaults.

    Attributes:
        rules: which events are whose; the first that matches wins.
        webhooks: where the secrets of webhooks are to be found, by scheme.
    """

    path: Path | None = None
    store: str | None = None
    projects: Mapping[str, Project] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    webhooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def project(self, name: str) -> Project:
        """The project of that name.

        Raises:
            ConfigError: there is none; names those there are.
        """
        if name in self.projects:
            return self.projects[name]
        if self.path is None:
            want = f"a {FILE} with a table [projects.{name}] (looked upward from here)"
            raise ConfigError(field=FILE, got=Words("nowhere to be found"), want=want)
        known = ", ".join(sorted(self.projects)) or "none yet"
        raise ConfigError(
            field=f"{self.path}: projects.{name}",
            got=MISSING,
            want=f"a table [projects.{name}], or name one of these: {known}",
        )

    def open_store(self, url: str | None = None) -> Store:
        """The store: the one named, else the file's, else SQLite in the user's state directory."""
        return open_store(url or self._own_store() or default_url())

    def _own_store(self) -> str | None:
        """The file's store. A relative path in it is meant from the file's folder, wherever we were called."""
        path = (self.store or "").removeprefix("sqlite:///")
        if self.path is None or path == self.store or not path or path.startswith(("/", "~")):
            return self.store
        return f"sqlite:///{os.path.join(self.folder or '', path)}"

    @property
    def folder(self) -> str | None:
        """The file's folder."""
        return None if self.path is None else os.path.dirname(os.path.abspath(self.path))

    def keys(self, store: Store) -> list[GateKey]:
        """The gates of all projects."""
        projects = self.projects.values()
        return [GateKey(project.name, project.region or store.region) for project in projects]

    def gate(self, name: str, store: Store, *, region: str | None = None, **more: Any) -> Gate:
        """The gate of a project. ``more`` goes to ``Gate``."""
        project = self.project(name)
        return Gate(
            name,
            region=region or project.region,
            store=store,
            policy=project.policy,
            **({"starter": project.make_starter()} | more),
        )


def load(named: str | None = None) -> Config:
    """The file named, else by ``HOLDOFF_CONFIG``, else the nearest ``holdoff.toml`` upward from the working directory.

    Raises:
        ConfigError: there is no such file, it cannot be read, or something in it is wrong.
    """
    if named:
        return read(named, named_by="--config")
    if named := os.environ.get("HOLDOFF_CONFIG"):
        return read(named, named_by="HOLDOFF_CONFIG")
    found = None
    with suppress(FileNotFoundError):  # the working directory may be gone
        found = nearest(os.getcwd())
    return Config() if found is None else read(found)


def nearest(folder: str | Path) -> str | None:
    """The nearest ``holdoff.toml``, upward. A folder that we may not look into has no say."""
    here, above = "", os.path.abspath(folder)
    while here != above:
        here = above
        if os.path.isfile(found := os.path.join(here, FILE)):
            return found
        above = os.path.dirname(here)
    return None


def read(path: str | Path, *, named_by: str = "config") -> Config:
    """The config in a file. ``named_by``: what errors call its name."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise ConfigError(field=named_by, got=str(path), want="a file that exists") from None
    except OSError as error:
        want = f"a file that can be read ({error.strerror})"
        raise ConfigError(field=named_by, got=str(path), want=want) from None
    except UnicodeDecodeError:
        raise ConfigError(
            field=str(path), got=Words("not UTF-8"), want="a TOML file in UTF-8"
        ) from None
    from pathlib import Path

    try:
        return parse(text, Path(path))
    except ConfigError as error:
        raise error.under(f"{path}: ") from None


def parse(text: str, path: Path | None = None) -> Config:
    """The config in a TOML text; errors name the key only."""
    data = _toml(text)
    refuse_unknown(data, ("store", "projects", "rules", "webhooks"), "")
    store = data.get("store")
    if store is not None:
        must_be(str, store, "store", "a store URL")
        open_store(store)  # refuses what no store knows; connects to nothing
    tables = must_be(dict, data.get("projects", {}), "projects", "tables [projects.NAME]")
    folder = None if path is None else os.path.dirname(os.path.abspath(path))
    projects = {name: _project(name, table, folder) for name, table in tables.items()}
    if not data.keys() & {"rules", "webhooks"}:
        return Config(path=path, store=store, projects=projects)
    from holdoff.rules import rules_of, webhooks_of

    return Config(
        path=path,
        store=store,
        projects=projects,
        rules=rules_of(data.get("rules", []), tuple(projects)),
        webhooks=webhooks_of(data.get("webhooks", {})),
    )


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # slow to import, and not wanted where there is no file

    try:
        data = tomllib.loads(text)
        _refuse_huge(data)
    except (
        ValueError,
        RecursionError,
    ) as error:  # of a number of 5,000 digits tomllib says ValueError
        what = Words(f"not TOML: {error}")
        raise ConfigError(field="the file", got=what, want="valid TOML") from None
    return data


def _refuse_huge(value: object) -> None:
    """TOML's whole numbers have 64 bits. tomllib reads longer ones, which Python then refuses to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise ValueError("a whole number of more than 64 bits")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            _refuse_huge(one)


def _project(name: str, table: object, folder: str | None) -> Project:
    at = f"projects.{name}"
    settings: dict[str, Any] = must_be(dict, table, at, "a table of settings")
    refuse_unknown(settings, (*POLICY_KEYS, "region", "starter"), f"{at}.")
    if "cooldown" not in settings:
        raise ConfigError(field=f"{at}.cooldown", got=MISSING, want=type_of_duration)
    region = settings.get("region")
    try:
        GateKey(name, region if region is not None else "local")
        policy = Policy(**{key: settings[key] for key in POLICY_KEYS if key in settings})
    except ConfigError as error:
        raise error.under(f"{at}.") from None
    starter = _starter(settings.get("starter"), f"{at}.starter")
    return Project(name=name, policy=policy, region=region, starter=starter, folder=folder)


def _starter(table: object, at: str) -> dict[str, Any]:
    want = "a table such as { command = ['make', 'docs'] } or { codebuild = 'site-build' }"
    settings: dict[str, Any] = must_be(dict, MISSING if table is None else table, at, want)
    kinds = [kind for kind in STARTER_KEYS if kind in settings]
    if len(kinds) > 1:
        raise ConfigError(field=at, got=settings, want="just one of " + " and ".join(kinds))
    if not kinds:
        if settings.keys() & _plugins().keys():
            return settings
        raise ConfigError(field=at, got=settings, want=want)
    refuse_unknown(settings, (*kinds, *STARTER_KEYS[kinds[0]]), f"{at}.")
    project = Project(name="", policy=Policy(0), starter=settings)
    try:
        project.make_starter()  # refuses bad settings; starts and connects to nothing
    except ConfigError as error:
        raise error.under(f"{at}.") from None
    return settings


def _plugins() -> dict[str, Any]:
    metadata = import_module("importlib.metadata")  # slow to import, and seldom wanted
    return {entry.name: entry for entry in metadata.entry_points(group="holdoff.starters")}


def _plugin(name: str, settings: dict[str, Any]) -> Starter:
    found = {kind: entry for kind, entry in _plugins().items() if kind in settings}
    if not found:
        want = "a starter: command, codebuild, or one of an installed plug-in"
        raise ConfigError(field=f"projects.{name}.starter", got=settings, want=want)
    return cast("Starter", next(iter(found.values())).load()(settings))
