"""The ``holdoff.toml`` by which a loop, a server or a waiting caller goes: an edit counts from its next look on.

An edit with a mistake is reported once, and the settings before it stay in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import say
from holdoff.config import load
from holdoff.config.trust import sight
from holdoff.core.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Protocol

    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.gate import Gate
    from holdoff.stores.base import Store

    GateOf = Callable[[GateKey], Gate | None]

    class GoesBy(Protocol):
        """A user of the file's settings."""

        def go_by(self, store: Store, gate_of: GateOf, /) -> None: ...


class ConfigFile:
    """The file, as it was last read.

    Args:
        gates_by: takes new settings, and returns what makes the gate of a key by them; may refuse them with a
            ``ConfigError``.
    """

    def __init__(
        self, args: argparse.Namespace, config: Config, store: Store, gates_by: Callable[[Config, Store], GateOf]
    ) -> None:
        self.args: argparse.Namespace = args
        self.config: Config = config
        self.store: Store = store
        self._gates_by = gates_by
        self._seen = self._sight()

    def _sight(self) -> tuple[int, ...] | None:
        """What every edit of the file changes; ``None``: there is no file."""
        try:
            return sight(str(self.config.path or ""))
        except OSError:
            return None

    def forget(self) -> None:
        """Read the file at the next look, changed or not."""
        self._seen = ()

    @property
    def again(self) -> str:
        return f"{self.config.path} was read again"

    def look(self, user: GoesBy) -> bool:
        """If the file has changed and has no mistake, have its user go by it. Returns whether it does."""
        sight = self._sight()
        if sight == self._seen or self.config.path is None:
            return False
        self._seen, path = sight, self.config.path
        try:
            config = load(self.args.config)
            if config.path != path:
                say(f"{config.passed_over or f'{path} is gone'}. The settings stay as they were")
                return False
            new = config.open_store(self.args.store)
            is_same = (new.url, config.store) == (self.store.url, self.config.store)  # a URL is without a password
            store = self.store if is_same else new
            gate_of = self._gates_by(config, store)
        except ConfigError as error:
            say(f"{error}. The settings stay as they were")
            return False
        self.config, self.store = config, store
        user.go_by(store, gate_of)
        return True
