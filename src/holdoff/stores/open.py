"""Which store a URL names, and which one there is without any."""

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


def open_store(url: str) -> Store:
    """The store a URL names. Nothing is connected, read or created before its first use.

    Args:
        url: ``sqlite:///gates.db`` (relative), ``sqlite:////var/lib/gates.db`` (absolute), ``memory:``, or
            ``dynamodb://TABLE?region=eu-west-1`` with, for a local engine, ``&endpoint=http://127.0.0.1:8000``. Other
            schemes come from the entry-point group ``holdoff.stores``.

    Raises:
        ConfigError: not a URL of a store, or with parts that the store does not know.
    """
    want = "'sqlite:///PATH', 'dynamodb://TABLE?region=REGION' or 'memory:'"
    match url.split(":", 1):
        case ["memory", rest]:
            from holdoff.stores.memory import MemoryStore

            if not rest:
                return MemoryStore()
            want = "just 'memory:'"
        case ["sqlite", rest]:
            from holdoff.stores.sqlite import SQLiteStore

            path = rest.removeprefix("///")
            if path not in {rest, "", ":memory:"} and "?" not in path and "\0" not in path:
                return SQLiteStore(os.path.expanduser(path), url=url)
            want = "'sqlite:///PATH' (a relative path; one more slash for an absolute one)"
        case ["dynamodb", _]:
            if store := _dynamodb(url):
                return store
            want = "'dynamodb://TABLE?region=REGION', with &endpoint=URL for a local engine"
        case [scheme, _]:
            metadata = import_module("importlib.metadata")  # slow to import, and seldom wanted
            for entry in metadata.entry_points(group="holdoff.stores", name=scheme):
                return cast("Store", entry.load()(url))
    raise ConfigError(field="store", got=url, want=want)


def default_url() -> str:
    """The SQLite file in the user's state directory (``XDG_STATE_HOME``, or what the system uses)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        home = os.path.expanduser("~")
        if home == "~":  # a container's user that has neither HOME nor a line in /etc/passwd
            want = "its path, or name a store: --store sqlite:///PATH"
            raise ConfigError(field="HOME", got=None, want=want)
        base = os.path.join(home, "Library/Application Support" if sys.platform == "darwin" else ".local/state")
    return f"sqlite:///{os.path.join(base, 'holdoff', 'gates.db')}"


def _dynamodb(url: str) -> Store | None:
    from urllib.parse import parse_qsl, urlsplit  # slow to import, and not wanted for SQLite

    from holdoff.stores.dynamodb.store import DynamoDBStore

    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    known = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not parts.netloc or parts.path not in {"", "/"} or set(known) - {"region", "endpoint"} or "" in known.values():
        return None
    return DynamoDBStore(parts.netloc, region=known.get("region"), endpoint=known.get("endpoint"), url=url)
