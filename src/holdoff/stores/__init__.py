"""Stores: what keeps the gates. ``open_store`` finds the right one for a URL."""

# pathlib takes 5 ms to import, and everyone who runs a command behind us would wait for it.
# ruff: noqa: PTH111, PTH118

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

from holdoff.core.errors import ConfigError

if TYPE_CHECKING:
    from holdoff.stores.base import Store

WANTED = "'sqlite:///PATH', 'dynamodb://TABLE?region=REGION' or 'memory:'"


def open_store(url: str) -> Store:
    """The store a URL names. Nothing is connected, read or created before its first use.

    Args:
        url: ``sqlite:///gates.db`` (relative), ``sqlite:////var/lib/gates.db`` (absolute), ``memory:``, or
            ``dynamodb://TABLE?region=eu-west-1`` with, for a local engine, ``&endpoint=http://127.0.0.1:8000``. Other
            schemes come from the entry-point group ``holdoff.stores``.

    Raises:
        ConfigError: not a URL of a store, or with parts that the store does not know.
    """
    if ":" not in url:
        raise ConfigError(field="store", got=url, want=WANTED)
    scheme = url.partition(":")[0]
    match scheme:
        case "memory":
            return _memory(url)
        case "sqlite":
            return _sqlite(url)
        case "dynamodb":
            return _dynamodb(url)
        case _:
            return _plugin(scheme, url)


def default_url() -> str:
    """The SQLite file in the user's state directory (``XDG_STATE_HOME``, or what the system uses)."""
    configured = os.environ.get("XDG_STATE_HOME")
    if configured and configured.startswith("/"):
        base = configured
    elif sys.platform == "darwin":
        base = os.path.join(_home(), "Library", "Application Support")
    else:
        base = os.path.join(_home(), ".local", "state")
    return f"sqlite:///{os.path.join(base, 'holdoff', 'gates.db')}"


def _home() -> str:
    home = os.path.expanduser("~")
    if home == "~":  # a container's user that has neither HOME nor a line in /etc/passwd
        want = "its path, or name a store: --store sqlite:///PATH"
        raise ConfigError(field="HOME", got=None, want=want)
    return home


def _memory(url: str) -> Store:
    from holdoff.stores.memory import MemoryStore

    if url != "memory:":
        raise ConfigError(field="store", got=url, want="just 'memory:'")
    return MemoryStore()


def _sqlite(url: str) -> Store:
    from holdoff.stores.sqlite import SQLiteStore

    path = url.removeprefix("sqlite:///")
    if path == url or not path or path == ":memory:" or "?" in path or "\0" in path:
        raise ConfigError(
            field="store",
            got=url,
            want="'sqlite:///PATH' (a relative path; one more slash for an absolute one)",
        )
    return SQLiteStore(os.path.expanduser(path), url=url)


def _dynamodb(url: str) -> Store:
    from urllib.parse import parse_qsl, urlsplit  # slow to import, and not wanted for SQLite

    from holdoff.stores.dynamodb import DynamoDBStore

    want = "'dynamodb://TABLE?region=REGION', with &endpoint=URL for a local engine"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(field="store", got=url, want=want) from None
    known = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = set(known) - {"region", "endpoint"}
    if not parts.netloc or parts.path not in {"", "/"} or unknown or "" in known.values():
        raise ConfigError(field="store", got=url, want=want)
    return DynamoDBStore(
        parts.netloc, region=known.get("region"), endpoint=known.get("endpoint"), url=url
    )


def _plugin(scheme: str, url: str) -> Store:
    metadata = import_module("importlib.metadata")  # slow to import, and seldom wanted
    for entry in metadata.entry_points(group="holdoff.stores", name=scheme):
        return cast("Store", entry.load()(url))
    raise ConfigError(field="store", got=url, want=WANTED)
