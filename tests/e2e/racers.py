"""Processes and threads that all pull one trigger at once, and a file that says which builds started."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import holdoff
from holdoff.core.decision import Outcome
from holdoff.starters import Call
from holdoff.stores.dynamodb import connection

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from holdoff.core.request import Request

PROCESSES = 4
THREADS = 4
#: What is proven here is which wins, not how fast an emulator answers on a busy machine.
PATIENT_S = 60


def race(url: str, rounds: int, log: Path) -> tuple[Counter[str], Counter[str]]:
    """Every thread of every process triggers gate ``round-N`` at once, for every N.

    Returns:
        Starts by project, as the starter saw them; and decisions by outcome, as the callers saw them.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES * THREADS)
    log.touch()
    racers = [context.Process(target=_process, args=(url, rounds, log, barrier)) for _ in range(PROCESSES)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(600)
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
    lines = [line.split() for line in log.read_text().splitlines()]
    starts = Counter(project for kind, project in lines if kind == "start")
    outcomes = Counter(outcome for kind, outcome in lines if kind == "decision")
    return starts, outcomes


def _process(url: str, rounds: int, log: Path, barrier: Barrier) -> None:
    connection.LIMITS = connection.LIMITS.but(read_s=PATIENT_S)  # type: ignore[misc]
    store = holdoff.open_store(url)
    errors: list[BaseException] = []

    def thread() -> None:
        try:
            for number in range(rounds):
                barrier.wait(4 * PATIENT_S)
                _trigger(store, f"round-{number}", log)
        except BaseException as error:  # noqa: BLE001  (told below)
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=thread) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        raise errors[0]


def _trigger(store: holdoff.stores.base.Store, project: str, log: Path) -> None:
    def start(request: Request, _token: str) -> None:
        _write(log, f"start {request.project}")

    policy = holdoff.Policy("10m", on_cooldown="skip")
    gate = holdoff.Gate(project, store=store, policy=policy, starter=Call(start))
    decision = gate.trigger()
    assert decision.outcome in {Outcome.STARTED, Outcome.SKIPPED}, decision
    _write(log, f"decision {decision.outcome}")


def _write(log: Path, line: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, f"{line}\n".encode())  # one small appending write is atomic
    finally:
        os.close(handle)
