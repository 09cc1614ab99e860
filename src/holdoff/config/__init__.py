"""From ``holdoff.toml`` and the environment to stores, policies, starters and gates.

Every mistake in the file is refused when the file is loaded. The error names the file, the key and what would be right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress

from holdoff.config.checks import TOP, must_be, refuse_misspelt, refuse_unknown, shown_file, under
from holdoff.config.projects import PROJECT_KEYS, Config, Project, project_of
from holdoff.core.errors import ConfigError
from holdoff.core.shown import Unquoted, shown_name
from holdoff.stores.open import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

__all__ = ["FILE", "Config", "Project", "load", "nearest", "parse", "read"]

FILE: Final = "holdoff.toml"
_TOML: Final = "valid TOML, each key once, texts and durations in quotes: cooldown = '10m'"


def load(named: str | None = None) -> Config:
    """The config in the file that is named here, else by ``HOLDOFF_CONFIG``, else in the nearest ``holdoff.toml``
    upward from the working directory. Its ``passed_over`` says which nearer file is not used.

    Raises:
        ConfigError: there is no such file, it cannot be read, or it has a mistake; or a variable is misspelt.
    """
    refuse_misspelt(os.environ)
    if named is not None:
        return read(os.path.expanduser(named), named_by="--config")
    if named := os.environ.get("HOLDOFF_CONFIG"):
        return read(os.path.expanduser(named), named_by="HOLDOFF_CONFIG")
    found, passed_over = None, None
    with suppress(FileNotFoundError):  # the working directory may be gone
        found, passed_over = nearest(os.getcwd())
    config = Config() if found is None else read(found)
    return config.but(passed_over=passed_over)


def nearest(folder: str | Path) -> tuple[str | None, str | None]:
    """The nearest ``holdoff.toml`` upward, not above the repository or home, that no other user owns or may write.
    ``None``: there is none. And a sentence about the first file that is passed over; ``None``: none is. Folders that
    this user may not look into are left out."""
    here, above, passed_over = "", os.path.abspath(folder), None
    home = os.path.expanduser("~")
    ends = {home, os.path.realpath(home)}
    while here != above:
        here = above
        if os.path.isfile(found := os.path.join(here, FILE)):
            from holdoff.config.trust import distrust

            why = distrust(found)
            if why is None:
                return found, passed_over
            passed_over = passed_over or f"{found} is passed over: {why}. To use it, name it: --config {found}"
        elif os.path.lexists(found) and not os.path.isdir(found):
            what = "no file" if os.path.exists(found) else "a link to nothing"
            passed_over = passed_over or f"{found} is passed over: it is {what}"
        above = here if here in ends or os.path.lexists(os.path.join(here, ".git")) else os.path.dirname(here)
    return None, passed_over


def read(path: str | Path, *, named_by: str = "config") -> Config:
    """The config in a file. ``named_by``: what named the file, for errors."""
    from holdoff.config.trust import sight  # only needed where there is a file

    try:
        os.path.abspath(path)  # the file's folder is needed later; this fails where the working directory is gone
        with open(path, encoding="utf-8-sig") as file:  # an editor on Windows may write a byte order mark
            seen, text = sight(file.fileno()), file.read()
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        want = "a file that exists" if is_missing else f"a file that can be read ({error.strerror})"
        raise ConfigError(field=named_by, got=shown_file(str(path)), want=want) from None
    except UnicodeDecodeError:
        raise ConfigError(field=str(path), got=Unquoted("not UTF-8"), want="a TOML file in UTF-8") from None
    from pathlib import Path

    with under(f"{path}: "):
        return parse(text, Path(path)).but(sight=seen)


def parse(text: str, path: Path | None = None) -> Config:
    """The config in a TOML text. Errors name the key only."""
    import tomllib  # slow to import, and not needed where there is no file

    try:
        data = tomllib.loads(text)
        _refuse_huge(data)
    except (ValueError, RecursionError) as error:  # for a number of 5,000 digits tomllib raises ValueError
        said = re.sub(r"\(?(['\"]).{2,}\1,?\)?", "...", str(error))  # without keys of the file: one may be a secret
        raise ConfigError(field="the file", got=Unquoted(f"not TOML: {said}"), want=_TOML) from None
    if data.keys() - TOP:
        refuse_unknown(data, tuple(TOP), "", _of_tables(data))
    folder = None if path is None else os.path.dirname(os.path.abspath(path))
    store = data.get("store")
    if store is not None:
        store = must_be(str, store, "store", "a store URL").strip()
        open_store(store)  # refuses a URL of no known store; connects to nothing
        if re.search(r"^postgres(ql)?://[^/@]*:[^@]+@|[?&](ssl)?password=", store):  # it would be in the repository
            want = "it without the password, which comes from PGPASSWORD or ~/.pgpass; or the URL as HOLDOFF_STORE"
            raise ConfigError(field="store", got=store, want=want)
        file = store.removeprefix("sqlite:///")
        if folder and file != store and not file.startswith(("/", "~")):
            store = f"sqlite:///{os.path.join(folder, file)}"  # relative to the file, not to the working directory
    tables = must_be(dict, data.get("projects", {}), "projects", "tables [projects.NAME]")
    projects = {name: project_of(name, table, folder) for name, table in tables.items()}
    config = Config(path=path, store=store, projects=projects)
    if "server" in data:
        from holdoff.config.server import server_of

        config = config.but(server=server_of(data["server"], folder))
    if not data.keys() & {"rules", "webhooks"}:
        return config
    from holdoff.config.rules import rules_of
    from holdoff.config.webhooks import webhooks_of

    webhooks = webhooks_of(data.get("webhooks", {}), projects)
    return config.but(rules=rules_of(data.get("rules", []), projects, webhooks), webhooks=webhooks)


def _of_tables(data: Mapping[str, object]) -> dict[str, str]:
    """What to write for each setting that belongs in a table and stands at the top of a file."""
    from holdoff.config.server import KEYS

    tables = {name for name, table in data.items() if isinstance(table, dict) and "cooldown" in table}
    alone = dict.fromkeys(KEYS, "it below the heading [server]")
    alone |= dict.fromkeys(PROJECT_KEYS, "it below a heading [projects.NAME]")
    return alone | {name: f"the heading [projects.{shown_name(name)}]" for name in tables}


def _refuse_huge(value: object) -> None:
    """Refuse whole numbers of more than TOML's 64 bits. tomllib reads them, and Python refuses to print long ones."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise ValueError("a whole number of more than 64 bits")
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_huge(one)
