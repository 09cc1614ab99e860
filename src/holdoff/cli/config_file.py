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

    from holdoff.core.request import GateKey
    from holdoff.gate import Gate
    from holdoff.stores.base import Store

    GateOf = Callable[[GateKey], Gate | None]


class ConfigFile:
    """The file, as it was last read.

    Args:
        gates_by: takes new settings, and returns what makes the gate of a key by them; may refuse them with a
            ``HoldoffError``.
    """

    def __init__(
        self, args: argparse.Namespace, config: Config, store: Store, gates_by: Callable[[Config, Store], GateOf]
    ) -> None:
        self.args: argparse.Namespace = args
        self.config: Config = config
        self.store: Store = store
        self._gates_by = gates_by
        self._seen = config.sight

    def forget(self) -> None:
        """Read the file at the next look, changed or not."""
        self._seen = ()

    def look(self, go_by: Callable[[Store, GateOf], None]) -> str | None:
        """If the file has changed and has no mistake, go by it. Returns what to say; ``None``: it has not changed."""
        seen, path = None, self.config.path
        with suppress(OSError):  # it is gone
            seen = sight(str(path or ""))
        if seen == self._seen or path is None:
            return None
        self._seen = seen
        try:
            config = load(self.args.config)
            if config.path != path:
                return f"{config.passed_over or f'{path} is gone'}. The settings stay as they were"
            # While `COMMAND > holdoff.toml` runs, the file is empty.
            if config.but(path=None, sight=None, passed_over=None) == Config():
                return f"{path} has no settings. The settings stay as they were"
            new = config.open_store(self.args.store)
            is_same = (new.url, config.store) == (self.store.url, self.config.store)  # a URL is without a password
            store = self.store if is_same else new
            gate_of = self._gates_by(config, store)
        except HoldoffError as error:
            self._seen = () if isinstance(error, StoreUnavailable) else seen
            return f"{error}. The settings stay as they were"
        self.config, self.store = config, store
        go_by(store, gate_of)
        return f"{path} was read again"
