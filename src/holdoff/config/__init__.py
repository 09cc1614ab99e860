"""``holdoff.toml`` and the environment -> stores, policies, starters and gates.

Everything wrong in the file is refused when it is loaded, with the file, the key and what would be right.
"""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH100, PTH109, PTH113, PTH118, PTH120, PTH123

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from holdoff.config.checks import Unquoted, must_be, refuse_unknown
from holdoff.config.projects import Config, Project, project_of
from holdoff.core.errors import ConfigError
from holdoff.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "Config", "Project", "load", "nearest", "parse", "read"]

FILE: Final = "holdoff.toml"


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
    """The nearest ``holdoff.toml``, upward. A folder that this user may not look into has no say."""
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
        raise ConfigError(field=named_by, got=str(path), want=f"a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(field=str(path), got=Unquoted("not UTF-8"), want="a TOML file in UTF-8") from None
    from pathlib import Path

    try:
        return parse(text, Path(path))
    except ConfigError as error:
        raise error.under(f"{path}: ") from None


def parse(text: str, path: Path | None = None) -> Config:
    """The config in a TOML text; errors name the key only."""
    import tomllib  # slow to import, and not wanted where there is no file

    try:
        data = tomllib.loads(text)
        _refuse_huge(data)
    except (ValueError, RecursionError) as error:  # of a number of 5,000 digits tomllib says ValueError
        raise ConfigError(field="the file", got=Unquoted(f"not TOML: {error}"), want="valid TOML") from None
    refuse_unknown(data, ("store", "projects", "rules", "webhooks"), "")
    folder = None if path is None else os.path.dirname(os.path.abspath(path))
    store = data.get("store")
    if store is not None:
        open_store(must_be(str, store, "store", "a store URL"))  # refuses what no store knows; connects to nothing
        file = store.removeprefix("sqlite:///")
        if folder and file != store and not file.startswith(("/", "~")):
            store = f"sqlite:///{os.path.join(folder, file)}"  # whatever the working directory
    tables = must_be(dict, data.get("projects", {}), "projects", "tables [projects.NAME]")
    projects = {name: project_of(name, table, folder) for name, table in tables.items()}
    config = Config(path=path, store=store, projects=projects)
    if not data.keys() & {"rules", "webhooks"}:
        return config
    from holdoff.config.rules import rule_of, webhooks_of

    rules = must_be(list, data.get("rules", []), "rules", "tables [[rules]]")
    return config.but(
        rules=tuple(rule_of(table, f"rules[{n}]", projects) for n, table in enumerate(rules)),
        webhooks=webhooks_of(data.get("webhooks", {})),
    )


def _refuse_huge(value: object) -> None:
    """TOML's whole numbers have 64 bits. tomllib reads longer ones, which Python then refuses to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise ValueError("a whole number of more than 64 bits")
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_huge(one)
