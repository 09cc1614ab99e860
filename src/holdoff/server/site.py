"""What the routes share: the store and the projects as ``holdoff.toml`` stands, and what is done with them.

One per process. ``go_by`` takes new settings; a request that is under way ends with those it began with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from holdoff.clock import Clock, SystemClock, now_ms
from holdoff.config import Config
from holdoff.config.server import Server
from holdoff.core.decision import Decision
from holdoff.core.errors import RecordInvalid, StoreError
from holdoff.core.policy import Policy
from holdoff.core.record import Record
from holdoff.core.request import GateKey, Request
from holdoff.gate import Gate
from holdoff.ingress.dispatch import EVER_MS, Answer, Dispatch
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.settings import Settings
from holdoff.ingress.webhook import carry_out_again
from holdoff.observe.explain import Scene
from holdoff.observe.status import Status, status_of
from holdoff.server.access import Guard
from holdoff.server.files import Letters, files_of
from holdoff.server.metrics import Metrics, is_under_way
from holdoff.server.problems import Problem
from holdoff.server.starts import Starts
from holdoff.stores.base import Store

Found = Status | RecordInvalid


class _Loop:
    """The wake loop of this process, as what arranges wakes: it looks every second, so nothing is left to arrange."""

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """Nothing to do."""


class Site:
    """See above.

    Args:
        environment: where secrets of webhooks are.
        write: takes the lines of the log.
        attend: looks after commands of this process that a decision started.

    Attributes:
        stopping: set when the process is asked to end: what streams ends then.
        is_looking: whether the wake loop is alive.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        environment: Mapping[str, str],
        write: Callable[[dict[str, Any]], None],
        clock: Clock | None = None,
        attend: Callable[[Gate, Decision], None] = lambda _gate, _decision: None,
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
        self.muted: EventLog = EventLog(self.metrics.count, clock=self.clock)  # for those that fail again and again
        self.starts: Starts = Starts(attend, self._later)
        self.stopping: threading.Event = threading.Event()
        self.is_looking: Callable[[], bool] = lambda: True
        self.go_by(config, store)

    def go_by(self, config: Config, store: Store) -> None:
        """Go by these settings from now on."""
        self.dispatch: Dispatch = Dispatch(
            config, store, clock=self.clock, log=self.log, scheduler=_Loop(), decide=self.starts.decide
        )

    @property
    def config(self) -> Config:
        """The settings as they stand."""
        return self.dispatch.config

    @property
    def store(self) -> Store:
        """What keeps the gates."""
        return self.dispatch.store

    def now_ms(self) -> int:
        """What time it is for the users of the store."""
        return now_ms(self.store, self.clock)

    # --- gates -----------------------------------------------------------------------------------------------------

    def key(self, project: str, key: str | None = None, region: str | None = None, *, new: bool = False) -> GateKey:
        """The gate of these names.

        Args:
            new: it will do that ``holdoff.toml`` knows its project.

        Raises:
            ConfigError: that is no name. Problem: it is known nowhere.
        """
        name = GateKey.of(project, key, "local").name
        own = self.config.projects.get(name)
        found = GateKey.of(project, key, (region or (own and own.region) or self.store.region))
        if not (own and new) and not self.config.knows(found, self.store):
            raise Problem(404, f"{found}: no such gate")
        return found

    def gate(self, key: GateKey) -> Gate:
        """The gate of a key; without a starter where ``holdoff.toml`` does not know its project."""
        if key.name in self.config.projects:
            return self.dispatch.gate(key)
        at: Any = {"key": key.key, "region": key.region, "store": self.store, "clock": self.clock}
        return Gate(key.name, policy=Policy(0), knows_policy=False, **at)

    def statuses(self, project: str | None = None) -> dict[GateKey, Found]:
        """All gates of the store, or those of one project (and its keys), and the projects that have none yet."""
        found = {key: one for key, one in self.store.gates() if project in (None, key.name, key.project)}
        with_one = {key.project for key in found}
        for key in self.config.keys(self.store):
            if project in (None, key.project) and key.project not in with_one:
                found[key] = Record()
        at_ms = self.now_ms()
        return {
            key: status_of(key, one, self.config.terms(key, self.store), at_ms) if isinstance(one, Record) else one
            for key, one in sorted(found.items())
        }

    def scene(self, key: GateKey) -> Scene:
        """The gate as it stands, for ``observe.explain``."""
        return self.scene_of(key, self.store.get(key), self.now_ms())

    def scene_of(self, key: GateKey, record: Record, at_ms: int) -> Scene:
        """The same, of what has been read already."""
        return Scene(store=self.store, key=key, record=record, terms=self.config.terms(key, self.store), now_ms=at_ms)

    def edit(self, what: str, key: GateKey, by: str | None, change: Callable[[Gate], Any]) -> Any:
        """What a person does to a gate: it is noted in the log, as well as in the record."""
        done = change(self.gate(key))
        self.log.noted(what, project=key.project, region=key.region, by=by)
        return done

    # --- what came before --------------------------------------------------------------------------------------------

    def retry(self, letter: str) -> Answer:
        """Carry out a dead letter, with the power that its webhook had, and drop it."""
        return self.letters.retry(letter, lambda kept: carry_out_again(kept, letter, self.dispatch, lambda: EVER_MS))

    def is_ready(self) -> bool:
        """Whether the store answers."""
        try:
            self.store.get(GateKey("holdoff", self.store.region))
        except StoreError as error:
            self.log.failed(error, kind="ready")
            return False
        return True

    # --- the log -----------------------------------------------------------------------------------------------------

    def woken(self, decision: Decision) -> None:
        """A decision of the wake loop."""
        self.log.decided(decision, kind="wake")

    def ended(self, gate: Gate, build_id: str, status: int) -> None:
        """The end of a command that the wake loop looked after."""
        about = {"project": gate.key.project, "build_id": build_id, "exit_status": status}
        self.log.noted("finished", succeeded=status == 0, **about)

    def _later(self, gate: Gate, request: Request | None, came: Decision | BaseException) -> None:
        names = ("event_id", "source_version", "reason")
        about = {} if request is None else {name: getattr(request, name) for name in names}
        kind = "wake" if request is None else "start"
        if isinstance(came, Decision):
            self.log.decided(came, kind=kind, **about)
        else:
            self.log.failed(came, kind=kind, project=gate.key.project, region=gate.key.region)

    def _logged(self, line: dict[str, Any]) -> None:
        self.metrics.count(line)
        if not is_under_way(line):
            self._write(line)
