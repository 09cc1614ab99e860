"""``holdoff wake --watch``: the loop that starts what is due, as a person at a terminal or a service manager runs it.

An edit of ``holdoff.toml`` counts from the next look on. An edit with a mistake is reported once, and the settings
before it stay in force. At SIGHUP the loop reads the file again even if it has not changed. At SIGINT and SIGTERM the
loop starts nothing more, stops the commands that run, and ends when they have ended.
"""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

from holdoff.cli.common import say, show
from holdoff.cli.start import show_news
from holdoff.clock import SystemClock
from holdoff.config import load
from holdoff.config.trust import sight
from holdoff.core.errors import ConfigError
from holdoff.wake.loop import WakeLoop

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.gate import Gate
    from holdoff.stores.base import Store

    GateOf = Callable[[GateKey], Gate | None]


def watch(args: argparse.Namespace, config: Config, store: Store) -> int:
    """Wake the gates that are due, until a signal ends the loop."""
    logging.basicConfig(handlers=[LogLines()])
    stop, file = threading.Event(), ConfigFile(args, config, store, gates_by)
    every = "1s" if args.every is None else args.every
    loop = WakeLoop(
        store,
        gates_by(config, store),
        clock=SystemClock(),
        every=every,
        on_decision=show_news,
        on_end=show_end,
        before_look=file.look,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: file.forget())
    say(f"watching {store.url} every {every}; Ctrl-C ends it")
    loop.run(stop)
    return 0


def gates_by(config: Config, store: Store) -> GateOf:
    """Makes the gate of a key, if its project is in holdoff.toml."""
    return lambda key: config.gate(key, store, woken=True) if key.name in config.projects else None


def show_end(gate: Gate, build_id: str, status: int) -> None:
    if status:
        show(f"{gate.key.project}: build {build_id} failed: exit status {status}")


class LogLines(logging.Handler):
    """Prints warnings as lines for a person."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


class ConfigFile:
    """The ``holdoff.toml`` that the loop goes by.

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

    def look(self, loop: WakeLoop) -> None:
        """If the file has changed and has no mistake, have the loop go by it."""
        sight = self._sight()
        if sight == self._seen or self.config.path is None:
            return
        self._seen, path = sight, self.config.path
        try:
            config = load(self.args.config)
            if config.path != path:
                say(f"{config.passed_over or f'{path} is gone'}. The settings stay as they were")
                return
            new = config.open_store(self.args.store)
            is_same = (new.url, config.store) == (self.store.url, self.config.store)  # a URL is without a password
            store = self.store if is_same else new
            gate_of = self._gates_by(config, store)
        except ConfigError as error:
            say(f"{error}. The settings stay as they were")
            return
        self.config, self.store = config, store
        loop.go_by(store, gate_of)
        say(f"{path} was read again")
