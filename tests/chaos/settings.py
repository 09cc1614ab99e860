"""What a run's processes have to know, as a file they all read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.clock import FastClock, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run on one store.

    Attributes:
        store: ``sqlite``, ``postgres`` or ``dynamodb``.
        where: the SQLite file, the URL, or DynamoDB's endpoint.
        codebuild: the stand-in's URL.
        kills_per_s, workers, fault_rate: how wild it is, in the wall's seconds.
    """

    store: str
    where: str
    codebuild: str
    journal: str
    at_ms: int
    monotonic_ns: int
    seed: int
    kills_per_s: float = 7
    workers: int = 3
    fault_rate: float = 0.2
    table: str = "chaos"

    @property
    def clock(self) -> FastClock:
        return FastClock(Origin(self.at_ms, self.monotonic_ns))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: str) -> Settings:
        found: Mapping[str, object] = json.loads(Path(path).read_text())
        return cls(**found)  # type: ignore[arg-type]
