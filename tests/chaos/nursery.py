"""Keeps a few workers alive, and kills them: ``python -m tests.chaos.nursery SETTINGS``, until its stdin ends.

A process of one thread that has everything imported and made, so that a worker is a fork: a few milliseconds. It kills
none but its own children, by their ids.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import NoReturn

from tests.chaos import wire
from tests.chaos.journal import Journal
from tests.chaos.settings import Settings
from tests.chaos.stores import hog
from tests.chaos.worker import work
from tests.waiting import PATIENCE_S

HOG = "hog"


class Nursery:
    """The workers of a run, and on SQLite and PostgreSQL one process that hogs their locks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.random = Random(settings.seed)
        self.journal = Journal(Path(settings.journal))
        self.children: dict[int, str] = {}
        self.codebuild = wire.codebuild_client(settings.codebuild)
        on_dynamodb = settings.store == "dynamodb"
        self.dynamodb = wire.dynamodb(settings.where) if on_dynamodb else None
        self.jobs = [f"worker {n}" for n in range(settings.workers)]
        self.jobs += [] if on_dynamodb else [HOG]

    def run(self) -> None:
        while True:
            for job in self.jobs:
                if job not in self.children.values():
                    self._fork(job)
            wait_s = self.random.expovariate(self.settings.kills_per_s)
            if select.select([sys.stdin], [], [], wait_s)[0]:
                return self._dismiss()
            self._kill(self.random.choice(sorted(self.children)))

    def _fork(self, job: str) -> None:
        seed = self.random.getrandbits(32)
        pid = os.fork()
        if pid == 0:
            self._be(job, seed)
        self.children[pid] = job

    def _be(self, job: str, seed: int) -> NoReturn:
        status = 1
        try:
            os.close(sys.stdin.fileno())
            if job == HOG:
                hog(self.settings, Random(seed), self.journal)
            work(self.settings, seed, self.dynamodb, self.codebuild)
            status = 0
        except BaseException:  # noqa: BLE001  (nothing may get past a fork)
            self.journal.write("crash", owner=str(os.getpid()), trace=traceback.format_exc())
        finally:
            os._exit(status)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        job = self.children.pop(pid)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            self.journal.write("hog killed" if job == HOG else "kill", pid=pid)
        else:
            self.journal.write("crash", owner=str(pid), trace=f"{job} ended with {status}")

    def _dismiss(self) -> None:
        """Let the workers end what they are at, and leave."""
        for pid, job in self.children.items():
            os.kill(pid, signal.SIGKILL if job == HOG else signal.SIGTERM)
        give_up = time.monotonic() + PATIENCE_S
        for pid, job in self.children.items():
            status = self._left(pid, give_up)
            unready = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM
            if job != HOG and status != 0 and not unready:
                self.journal.write("crash", owner=str(pid), trace=f"{job} left with {status}")

    def _left(self, pid: int, give_up: float) -> int:
        while time.monotonic() < give_up:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return status
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    Nursery(Settings.load(sys.argv[1])).run()
