"""What all routes of a process share: the settings, the store, and what is done with gates.

``go_by`` takes new settings. A request in progress ends with the settings with which it began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from holdoff.clock import Clock, SystemClock, now_ms
from holdoff.config import Config
from holdoff.config.server import Server
from holdoff.core.decision import Decision
from holdoff.core.errors import RecordInvalid, StoreError
from holdoff.core.request import GateKey, Request
from holdoff.gate import Gate
from holdoff.ingress.dispatch import Answer, Dispatch
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.settings import Settings
from holdoff.ingress.webhook import carry_out_again
from holdoff.observe.explain import Scene
from holdoff.observe.status import Status
from holdoff.server.access import Guard
from holdoff.server.files import Letters, files_of
from holdoff.server.metrics import Metrics, is_under_way
from holdoff.server.problems import Problem
from holdoff.server.starts import Starts
from holdoff.stores.base import Store


class _Loop:
    """A scheduler of wakes that has nothing to do: the wake loop of this process looks every second."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None: ...


class Site:
    """The state of a server.

    Args:
        environment: the variables that may hold secrets of webhooks.
        write: writes a line of the log.
        attend: looks after commands of this process that a gate started.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        environment: Mapping[str, str],
        write: Callable[[dict[str, Any]], None],
        clock: Clock | None = None,
        attend: Callable[[Gate], None] = lambda _gate: None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.server: Server = config.server or Server()
        tokens, letters = files_of(config, store, self.clock)
        self.letters: Letters = letters
        self.guard: Guard = Guard(self.server, tokens, self.clock, lambda error: self.log.failed(error, kind="tokens"))
        self.metrics: Metrics = Metrics(self.statuses, lambda: len(self.letters.ids()), self.clock)
        self.settings: Settings = Settings(environment)
        self._write = write
        self.log: EventLog = EventLog(self._logged, clock=self.clock)
        self.muted: EventLog = EventLog(self.metrics.count, clock=self.clock)  # counts and writes nothing
        self.starts: Starts = Starts(attend, self._later)
        self.is_stopping: Callable[[], bool] = lambda: False  #: whether the process is asked to end: streams end then
        self.is_looking: Callable[[], bool] = lambda: True  #: whether the wake loop is alive
        self.renew: Callable[[], None] = lambda: None  #: reads the certificate again
        self.go_by(config, store)

    def go_by(self, config: Config, store: Store) -> None:
        """Take new settings."""
        self.dispatch: Dispatch = Dispatch(
            config, store, clock=self.clock, log=self.log, scheduler=_Loop(), decide=self.starts.decide
        )

    @property
    def config(self) -> Config:
        return self.dispatch.config

    @property
    def store(self) -> Store:
        return self.dispatch.store

    def now_ms(self) -> int:
        """The time by the store's clock, where it has one."""
        return now_ms(self.store, self.clock)

    def key(self, project: str, key: str | None = None, region: str | None = None) -> GateKey:
        """The gate of these names. A wrong name raises ConfigError, an unknown gate Problem."""
        found = self.config.key(project, key, region, self.store)
        if not self.config.knows(found, self.store):
            raise Problem(404, f"{found}: no such gate")
        return found

    def key_of(self, asked: Mapping[str, Any]) -> GateKey:
        """The gate that the inputs of an operation name."""
        return self.key(asked["project"], asked.get("key"), asked.get("region"))

    def gate(self, key: GateKey) -> Gate:
        """The gate of a key. It has no starter if its project is not in ``holdoff.toml``."""
        if key.name in self.config.projects:
            return self.dispatch.gate(key)
        return self.config.gate_without_starter(key, self.store, clock=self.clock)

    def gate_to_wake(self, key: GateKey) -> Gate | None:
        """The gate of a key, if its project is in ``holdoff.toml``. Triggers use the same object, which knows a build
        that it has started even if the store does not."""
        return self.dispatch.gate(key) if key.name in self.config.projects else None

    def statuses(self, project: str | None = None) -> list[Status]:
        """The gates of the store, and the projects that have no gate there yet: all, or those of a project and its
        keys."""
        found = self.config.statuses(self.store, self.clock)
        wanted = (one for one in found if project in (None, one.key.name, one.key.project))
        return sorted(wanted, key=attrgetter("key"))

    def scene(self, key: GateKey) -> Scene:
        """The gate as it is in the store, for ``observe.explain``."""
        return self.config.scene(key, self.store, self.clock)

    def edit(self, what: str, key: GateKey, by: str | None, change: Callable[[Gate], Any]) -> Any:
        """Change a gate for a person, and note that in the log."""
        done = change(self.gate(key))
        self.log.noted(what, project=key.project, region=key.region, by=by)
        return done

    def retry(self, letter: str) -> Answer:
        """Carry out a dead letter, with the rights that its webhook had, and delete it."""
        return self.letters.retry(letter, lambda kept: carry_out_again(kept, letter, self.dispatch))

    def is_ready(self) -> bool:
        try:
            self.store.get(GateKey("holdoff", self.store.region))
        except StoreError as error:
            self.log.failed(error, kind="ready")
            return isinstance(error, RecordInvalid)  # of a gate of that name: the store has answered
        return True

    def ended(self, gate: Gate, build_id: str, status: int) -> None:
        """Log the end of a command that the wake loop looked after."""
        about = {"project": gate.key.project, "build_id": build_id, "exit_status": status}
        self.log.noted("finished", succeeded=status == 0, **about)

    def _later(self, gate: Gate, request: Request | None, came: Decision | BaseException) -> None:
        kind = "wake" if request is None else "start"
        if isinstance(came, Decision):
            self.log.decided(came, request, kind=kind)
        else:
            self.log.failed(came, kind=kind, project=gate.key.project, region=gate.key.region)

    def _logged(self, line: dict[str, Any]) -> None:
        self.metrics.count(line)
        if not is_under_way(line):
            self._write(line)
