"""One run: workers, kills and faults; then quiet, wakes until nothing is due, and the evidence for the referee."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from holdoff.core.builds import unended
from holdoff.core.errors import HoldoffError, RecordInvalid
from holdoff.core.request import GateKey
from holdoff.wake.loop import WakeLoop
from tests.chaos import wire
from tests.chaos.clock import SPEED, FastClock, Origin
from tests.chaos.faults import Feeder
from tests.chaos.gates import GATE, KINDS, REGION, Kind, gate_for, kind_of
from tests.chaos.journal import Line, Reader
from tests.chaos.referee import Answer, Asked, Build, End, Evidence, Problem, Rule, problems
from tests.chaos.settings import Settings
from tests.chaos.stores import sound
from tests.standins.codebuild import CodeBuildStandin, Project, StandinClock, StartedBuild
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.core.record import Finished, Record
    from holdoff.stores.base import Store

ROOT = Path(__file__).resolve().parents[2]
LOOK_EVERY_S = 0.1
#: Wakes until nothing is due: each round moves time to the next instant at which something is.
ROUNDS = 300


@dataclass(frozen=True, kw_only=True)
class Goal:
    """When a run may stop: so many kills and faults, or the time is up (the wall's) since each has happened."""

    kills: int
    faults: int
    seconds: float


@dataclass(kw_only=True)
class Report:
    """What came of a run."""

    store: str
    seed: int
    seconds: float
    evidence: Evidence
    kills: int
    faults: Counter[str]
    woken: Counter[str]
    errors: Counter[str]
    take_overs: int
    problems: list[Problem] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[str]:
        answers = (one.answer for one in self.evidence.asked)
        return Counter("no answer" if one is None else one.outcome for one in answers)

    def kind(self, *kinds: str) -> int:
        return sum(problem.kind in kinds for problem in self.problems)


def run(folder: Path, *, store: str, where: str, goal: Goal, seed: int) -> Report:
    """Run until the goal is met, and judge.

    Args:
        folder: for its files.
        store: ``sqlite``, ``postgres`` or ``dynamodb``.
        where: the SQLite file, the URL, or DynamoDB's endpoint.
    """
    origin = Origin.now()
    clock = FastClock(origin)
    projects = [Project(name=kind.name, duration=kind.build_s) for kind in KINDS]
    began = time.monotonic()
    with CodeBuildStandin(projects, clock=StandinClock(clock.now_ms)) as standin:
        settings = Settings(
            store=store,
            where=where,
            codebuild=standin.url,
            journal=str(folder / "journal"),
            at_ms=origin.at_ms,
            monotonic_ns=origin.monotonic_ns,
            seed=seed,
            table=f"chaos-{origin.at_ms}",
        )
        with contextlib.closing(sound(settings)) as quiet:
            quiet.initialise()
            lines, faults = _rage(folder, settings, standin, goal)
            still_due = _settle(quiet, standin, clock)
            evidence = _evidence(lines, quiet, standin, still_due)
            _drop_table(settings)
    return Report(
        store=store,
        seed=seed,
        seconds=time.monotonic() - began,
        evidence=evidence,
        kills=sum(line["what"] == "kill" for line in lines),
        faults=faults,
        woken=Counter(line["outcome"] for line in lines if line["what"] == "woken"),
        errors=Counter(line["kind"] for line in lines if line["what"] == "error"),
        take_overs=len({line["taken_over"] for line in lines if line.get("taken_over")}),
        problems=problems(evidence),
    )


# --- the wild part


def _rage(folder: Path, settings: Settings, standin: CodeBuildStandin, goal: Goal) -> tuple[list[Line], Counter[str]]:
    reader = Reader(Path(settings.journal))
    give_up = time.monotonic() + PATIENCE_S  # a slow machine takes long until it has begun
    with Feeder(standin, Random(settings.seed)) as feeder, _nursery(folder, settings) as nursery:
        while time.monotonic() < give_up and nursery.poll() is None:
            reader.catch_up()
            faults = reader.count("fault") + feeder.met().total()
            if reader.count("kill") and faults and standin.builds_started:
                give_up = min(give_up, time.monotonic() + goal.seconds)
            if reader.count("kill") >= goal.kills and faults >= goal.faults:
                break
            time.sleep(LOOK_EVERY_S)
    reader.catch_up()
    spoilt = Counter(line["kind"] for line in reader.lines if line["what"] == "fault")
    return reader.lines, spoilt + feeder.met()


@contextlib.contextmanager
def _nursery(folder: Path, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    file = folder / "settings.json"
    settings.save(file)
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery", str(file)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        stdin=subprocess.PIPE,
    )
    try:
        yield nursery
    finally:
        nursery.communicate()  # closes its stdin: it lets its workers go, and ends
    if nursery.returncode != 0:
        raise RuntimeError(f"the nursery ended with {nursery.returncode}")


# --- the quiet part


def _settle(store: Store, standin: CodeBuildStandin, clock: FastClock) -> dict[str, str]:
    """Wake what is due, move time to when the next is due, until nothing is. The gates that never come to rest."""
    codebuild = wire.codebuild_client(standin.url)
    loop = WakeLoop(store, lambda key: gate_for(key, store, codebuild, clock), clock=clock)
    time.sleep(20 / SPEED)  # what was held on its way lands
    dues: dict[str, int] = {}
    for _ in range(ROUNDS):
        loop.once()
        dues = _dues(store)
        if not dues:
            break
        clock.skip(max(0, min(dues.values()) - clock.now_ms()))
    return {gate: f"due at {at_ms} after {ROUNDS} rounds of wakes" for gate, at_ms in dues.items()}


def _dues(store: Store) -> dict[str, int]:
    dues = {}
    for key, record in store.gates():
        if not isinstance(record, RecordInvalid) and record.due_ms is not None:  # of those the referee tells
            dues[key.project] = record.due_ms
    return dues


def _drop_table(settings: Settings) -> None:
    if settings.store == "dynamodb":
        wire.dynamodb(settings.where).delete_table(TableName=settings.table)


# --- the evidence


def _evidence(lines: list[Line], store: Store, standin: CodeBuildStandin, still_due: dict[str, str]) -> Evidence:
    asked = _asked(lines)
    unanswered = Counter(line["gate"] for line in lines if line["what"] == "error")
    claims: dict[str, tuple[int, bool]] = {}
    ends: dict[str, End] = {}
    names = sorted({one.gate for one in asked})
    for name in names:
        covered, unreadable, key = 0, None, GateKey(name, REGION)
        try:
            record = store.get(key)
            builds = {build.token: build for build in _builds(store, key, record)}
            claims |= {token: _claim(build) for token, build in builds.items()}
            covered = sum(build.covers.count for build in builds.values() if build.covers is not None)
        except HoldoffError as error:
            unreadable = str(error)
        ends[name] = End(
            covered=covered, unanswered=unanswered[name], unreadable=unreadable, still_due=still_due.get(name)
        )
    return Evidence(
        rules={name: _rule(kind_of(name)) for name in names},
        builds=[_build(started, claims) for started in standin.builds_started],
        asked=asked,
        ends=ends,
        crashes=[f"{line['owner']}: {line['trace']}" for line in lines if line["what"] == "crash"],
    )


def _rule(kind: Kind) -> Rule:
    policy = kind.policy
    limit = policy.limit
    exclusive = policy.overlap == "defer" and kind.build_s is not None
    return Rule(
        cooldown_ms=policy.cooldown_ms,
        limit=None if limit is None else (limit.count, limit.window_ms),
        build_ms=int(1000 * (kind.build_s or 0)) if exclusive else None,
        lined=kind.lined,
    )


def _builds(store: Store, key: GateKey, record: Record) -> Iterator[Finished]:
    """The builds that the gate knows of, with what they covered."""
    yield from store.history(key)
    if record.running is not None:
        yield unended(record.running).but(covers=record.running.covers)


def _claim(build: Finished) -> tuple[int, bool]:
    """When it was claimed, and whether that need not wait."""
    return build.claimed_ms, build.covers is not None and build.covers.request.forced


def _build(started: StartedBuild, claims: dict[str, tuple[int, bool]]) -> Build:
    token = started.token or ""
    claimed_ms, forced = claims.get(token, (None, True))
    return Build(
        gate=started.env.get(GATE, ""),
        token=token,
        id=started.id,
        started_ms=started.clock_ms,
        version=started.source_version,
        forced=forced,
        claimed_ms=claimed_ms,
    )


def _asked(lines: list[Line]) -> list[Asked]:
    found: dict[tuple[str, int], Asked] = {}
    for line in lines:
        if line["what"] == "asked":
            found[line["owner"], line["number"]] = Asked(
                owner=line["owner"],
                gate=line["gate"],
                at_ms=line["at_ms"],
                version=line["version"],
                event=line["event"],
                forced=line["force"],
            )
        elif line["what"] == "answered":
            one = found[line["owner"], line["number"]]
            one.answered_ms = line["at_ms"]
            one.answer = Answer(
                token=line["token"],
                outcome=line["outcome"],
                why=line["why"],
                decided_ms=line["decided_ms"],
                build_id=line["build_id"],
            )
    return list(found.values())
