"""The ``holdoff.toml`` by which a loop, a server or a waiting caller goes: an edit counts from its next look on.

An edit with a mistake is reported once, and the settings before it stay in force.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from holdoff.config import Config, load
from holdoff.config.trust import sight
from holdoff.core.errors import HoldoffError, StoreUnavailable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from holdoff.stores.base import Store


class ConfigFile:
    """The file, as it was last read.

    Args:
        go_by: takes new settings and their store. It may refuse them with a ``HoldoffError``.
    """

    def __init__(
        self, args: argparse.Namespace, config: Config, store: Store, go_by: Callable[[Config, Store], None]
    ) -> None:
        self._args, self._config, self._store, self._go_by = args, config, store, go_by
        self._seen = config.sight

    def forget(self) -> None:
        """Read the file at the next look, changed or not."""
        self._seen = ()

    def look(self) -> str | None:
        """If the file has changed and has no mistake, go by it. Returns what to say; ``None``: it has not changed."""
        seen, path = None, self._config.path
        with suppress(OSError):  # it is gone
            seen = sight(str(path or ""))
        if seen == self._seen or path is None:
            return None
        self._seen = seen
        try:
            config = load(self._args.config)
            if config.path != path:
                return f"{config.passed_over or f'{path} is gone'}. The settings stay as they were"
            # While `COMMAND > holdoff.toml` runs, the file is empty.
            if config.but(path=None, sight=None, passed_over=None) == Config():
                return f"{path} has no settings. The settings stay as they were"
            new = config.open_store(self._args.store)
            is_same = (new.url, config.store) == (self._store.url, self._config.store)  # a URL is without a password
            store = self._store if is_same else new
            self._go_by(config, store)
        except HoldoffError as error:
            if isinstance(error, StoreUnavailable):
                self.forget()
            return f"{error}. The settings stay as they were"
        self._config, self._store = config, store
        return f"{path} was read again"
