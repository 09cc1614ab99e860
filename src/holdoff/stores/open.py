"""Opens the store that a URL names, and knows the URL of the default store."""

from __future__ import annotations

import os
import sys

from holdoff.core.errors import ConfigError, HoldoffError, StoreError
from holdoff.core.shown import MISSING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from holdoff.stores.base import Store


def open_store(url: str) -> Store:
    """The store that a URL names. It connects, reads and creates nothing before its first use.

    Args:
        url: ``sqlite:///gates.db`` (relative), ``sqlite:////var/lib/gates.db`` (absolute), ``memory:``,
            ``postgresql://USER:PASSWORD@HOST/DATABASE?schema=holdoff`` with any parameters of libpq's, or
            ``dynamodb://TABLE?region=eu-west-1`` with, for a local engine, ``&endpoint=http://127.0.0.1:8000``. TABLE
            may be the table's ARN, and then the region is the ARN's. The ARN alone is enough, too. Other schemes come
            from the entry-point group ``holdoff.stores``.

    Raises:
        ConfigError: not a URL of a store, or with parts that the store does not know. The error shows no user, password
            or parameter.
        StoreError: the package that has this scheme made no store.
    """
    want = "'sqlite:///PATH', 'postgresql://HOST/DATABASE' or 'dynamodb://TABLE?region=REGION'"
    if not isinstance(url, str):
        raise ConfigError(field="store", got=url, want=want)
    url = url.strip()  # white space around it is the end of a line, in an environment file as Windows writes it, say
    match url.split(":", 1):
        case ["memory", rest]:
            from holdoff.stores.memory import MemoryStore

            if not rest:
                return MemoryStore()
            want = "just 'memory:'"
        case ["sqlite", rest]:
            from holdoff.stores.sqlite import SQLiteStore

            path = rest.removeprefix("///")
            file = os.path.expanduser(path)
            # A path in which a variable could be filled in means that; any other dollar is part of a name.
            has_variable = os.path.expandvars(path) != path or file.startswith("~")
            if path not in {rest, "", ":memory:"} and not has_variable and not set("?\0") & set(path):
                state = state_folder()
                mode = 0o700 if state and file.startswith(os.path.join(state, "")) else 0o777
                return SQLiteStore(file, mode=mode)
            want = "'sqlite:///PATH' (a relative path; one more slash for an absolute one)"
            if has_variable:
                want += ", without $ or an unknown ~user: no variable is filled in, but ~ is your home directory"
        case ["dynamodb", _]:
            return _dynamodb(url)
        case ["postgresql" | "postgres", _]:
            return _postgresql(url)
        case ["arn", _]:
            return _dynamodb(f"dynamodb://{url}")
        case [scheme, _]:
            from importlib import metadata  # slow to import, and seldom wanted

            for entry in metadata.entry_points(group="holdoff.stores", name=scheme):
                return _plugged_in(entry, url)
    raise ConfigError(field="store", got=url, want=want)


def _plugged_in(entry: EntryPoint, url: str) -> Store:
    """The store of another package, whose code may raise anything and return anything."""
    from holdoff.core.shown import kind_of, without_secrets
    from holdoff.stores.base import Store

    who = f"{entry.value}, which makes the stores of {entry.name}: URLs,"
    try:
        made: object = entry.load()(url)
    except HoldoffError:
        raise
    except Exception as error:  # noqa: BLE001  (anything; and its traceback may show the URL)
        raise StoreError(f"{who} failed: {without_secrets(f'{type(error).__name__}: {error}')}") from None
    if isinstance(made, Store):
        return made
    raise StoreError(f"{who} made {kind_of(made)}, which is no Store")


def default_url(config: str | Path | None = None) -> str:
    """The SQLite file in the user's state directory. Each config file has its own; without one, it is ``gates.db``.

    Two checkouts have projects of the same names, and each is built in its own folder. With one store for both, a
    trigger of one checkout would start the build of the other.

    Raises:
        ConfigError: the user has no home, so there is no such directory.
    """
    state = state_folder()
    if state is None:  # a container's user may have neither HOME nor a line in /etc/passwd
        want = "an absolute path, or name a store: --store sqlite:///PATH"
        raise ConfigError(field="HOME", got=os.environ.get("HOME") or MISSING, want=want)
    if config is None:
        return f"sqlite:///{state}/gates.db"
    folder, name = os.path.split(os.path.abspath(config))
    return f"sqlite:///{state}{os.path.join(os.path.realpath(folder), name)}.db".replace("?", "%3F")


def state_folder() -> str | None:
    """Holdoff's folder in the user's state directory (``XDG_STATE_HOME``, or the system's default)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        home = os.path.expanduser("~")
        if not home.startswith("/"):  # a relative one would be another folder in each working directory
            return None
        base = os.path.join(home, "Library/Application Support" if sys.platform == "darwin" else ".local/state")
    return os.path.join(base, "holdoff")


def _dynamodb(url: str) -> Store:
    from urllib.parse import parse_qsl, urlsplit  # slow to import, and not wanted for SQLite

    from holdoff.stores.dynamodb.store import DynamoDBStore

    want = "'dynamodb://TABLE?region=REGION', with &endpoint=URL for a local engine"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(field="store", got=url, want=want) from None
    if "@" in parts.netloc:
        want = "it without user and password: credentials come from the environment, a profile or a role"
    known = dict(parse_qsl(parts.query, keep_blank_values=True))
    table = parts.netloc + parts.path.rstrip("/")  # an ARN has one slash, and is no name
    if "@" in url or not parts.netloc or "" in known.values() or set(known) - {"region", "endpoint"} or parts.fragment:
        raise ConfigError(field="store", got=url, want=want)
    return DynamoDBStore(table, region=known.get("region"), endpoint=known.get("endpoint"))


def _postgresql(url: str) -> Store:
    from importlib import import_module

    try:  # tools/lambda_package.py does not follow this import: a function's package has no psycopg
        postgres = import_module(f"{__package__}.postgres")
    except ImportError as error:
        hint = "pip install 'holdoff[postgres]'"
        raise StoreError(f"a store in PostgreSQL needs psycopg: {error}", hint=hint) from None
    store: Store = postgres.PostgresStore(url)
    return store
