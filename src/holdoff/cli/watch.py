"""``holdoff wake --watch``: the loop that starts what is due, as a person at a terminal or a service manager runs it.

An edit of ``holdoff.toml`` counts from the next look on (``config_file``). At SIGHUP the loop reads the file again even
if it has not changed. At SIGINT and SIGTERM the loop starts nothing more, stops the commands that run, and ends when
they have ended.
"""

from __future__ import annotations

import logging
import signal
import threading
from _thread import start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING

from holdoff.cli.common import say, show
from holdoff.cli.config_file import ConfigFile
from holdoff.cli.start import show_news
from holdoff.wake.loop import WakeLoop

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.gate import Gate
    from holdoff.stores.base import Store


class Stop(threading.Event):
    """An event that a handler of signals sets. The main thread may have the event's lock, so another thread wakes what
    waits. Without room for that, a wait goes on to its end."""

    has_come: bool = False

    def come(self) -> None:
        self.has_come = True
        with suppress(RuntimeError):
            start_new_thread(self.set, ())

    def is_set(self) -> bool:
        return self.has_come or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self.has_come or super().wait(timeout) or self.has_come


def watch(args: argparse.Namespace, config: Config, store: Store) -> int:
    """Wake the gates that are due, until a signal ends the loop."""
    logging.basicConfig(handlers=[LogLines()])
    stop = Stop()
    file = ConfigFile(args, config, store, lambda config, store: loop.go_by(store, gates_by(config, store)))

    def look(_: WakeLoop) -> None:
        if said := file.look():
            say(said)

    every = "1s" if args.every is None else args.every
    loop = WakeLoop(
        store,
        gates_by(config, store),
        every=every,
        on_decision=show_news,
        on_end=show_end,
        before_look=look,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.come())
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: file.forget())
    say(f"watching {store.url} every {every}; Ctrl-C ends it")
    loop.run(stop)
    return 0


def gates_by(config: Config, store: Store) -> Callable[[GateKey], Gate | None]:
    """Makes the gate of a key, if its project is in holdoff.toml."""
    return lambda key: config.gate(key, store, woken=True) if key.name in config.projects else None


def show_end(gate: Gate, build_id: str, status: int) -> None:
    if status:
        show(f"{gate.key.project}: build {build_id} failed: exit status {status}")


class LogLines(logging.Handler):
    """Prints warnings as lines for a person."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
