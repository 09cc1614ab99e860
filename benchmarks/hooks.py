"""A burst of 500 signed pushes at ``holdoff serve``, 50 at a time, of one project, on SQLite and on PostgreSQL.

The floor is the same burst at ``/healthz``: what the framework, the machine and this load generator take without any
decision. Server, load and PostgreSQL share the machine's cores. Prints the median and what 99 of 100 stay under; the
last burst's server is killed (SIGKILL) in its midst and started again: of what was answered, how much is in the store.

Run: python -m benchmarks.hooks [STORE-URL]
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Timer, local
from typing import TYPE_CHECKING, Final

from holdoff.core.request import GateKey
from holdoff.stores.open import open_store
from tests.engines.cache import EngineUnavailable
from tests.engines.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

PUSHES: Final = 500
AT_A_TIME: Final = 50
SECRET: Final = "it is a secret"
FILE: Final = """
[projects.site]
cooldown = "1h"
starter = { command = ["true"] }

[webhooks]
github = "env:GITHUB"
"""
Asked = tuple[str, str, bytes, dict[str, str]]


def push(place: int) -> Asked:
    """A push of some ten commits, as GitHub sends it."""
    version, commits = f"{place + 1:07}", [{"id": "c" * 40, "message": "a change " * 20} for _ in range(10)]
    head = {"id": version, "message": "a change", "timestamp": "2026-01-01T00:00:00Z"}
    about = {"repository": {"full_name": "acme/site", "default_branch": "main"}, "head_commit": head}
    body = json.dumps({"ref": "refs/heads/main", "after": version, "commits": commits, **about}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "push", "x-github-delivery": str(place), "x-hub-signature-256": f"sha256={signature}"}
    return "POST", "/hooks/site", body, {"content-type": "application/json", **headers}


def burst(port: int, asked: list[Asked]) -> tuple[list[float], list[int]]:
    """How long each that was answered took, in milliseconds, the shortest first; and the statuses."""
    kept = local()

    def one(what: Asked) -> tuple[float, int]:
        if not hasattr(kept, "connection"):
            kept.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        began = time.perf_counter()
        try:
            kept.connection.request(*what)
            answer = kept.connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return 0, 0  # killed
        return (time.perf_counter() - began) * 1000, answer.status

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        told = list(pool.map(one, asked))
    return sorted(took for took, status in told if status), [status for _, status in told if status]


@contextmanager
def serving(folder: str, store: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on that store, and its port."""
    Path(folder, "holdoff.toml").write_text(FILE)
    server = subprocess.Popen(
        [sys.executable, "-m", "holdoff", "serve", "--listen", "127.0.0.1:0"],
        cwd=folder,
        env={**os.environ, "GITHUB": SECRET, "XDG_STATE_HOME": folder, "HOLDOFF_STORE": store},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        found = re.search(r":(\d+); Ctrl-C", server.stderr.readline())
        assert found
        yield server, int(found[1])
    finally:
        server.terminate()
        server.communicate()


def measure(name: str, store: str, rounds: int = 5) -> None:
    """Print a store's rows: the round whose 99 of 100 were the quickest, and the slowest."""
    with tempfile.TemporaryDirectory() as folder:
        with serving(folder, store) as (server, port):
            floor = ("GET", "/healthz", b"", dict[str, str]())
            _print("floor: /healthz", [burst(port, [floor] * PUSHES)])
            pushes = [list(map(push, range(n * PUSHES, (n + 1) * PUSHES))) for n in range(rounds)]
            _print(f"pushes, {name}", [burst(port, asked) for asked in pushes])
            Timer(0.4, server.kill).start()
            answered = len(burst(port, list(map(push, range(rounds * PUSHES, (rounds + 1) * PUSHES))))[1])
        with serving(folder, store) as (_, port):
            assert burst(port, [push((rounds + 1) * PUSHES)])[1] == [202]
        sure = rounds * PUSHES + answered + 1
        lost = max(0, sure - _triggers(store))
        print(f"  killed during the next burst: {answered} of {PUSHES} answered; lost {lost} of {sure:,}")


def _print(name: str, rounds: list[tuple[list[float], list[int]]]) -> None:
    in_order = sorted((took[len(took) * 99 // 100], took[len(took) // 2]) for took, _ in rounds)
    (best, half), (worst, _) = in_order[0], in_order[-1]
    answers = sum(len(statuses) for _, statuses in rounds)
    said = f"  {name:20} median {half:5.0f} ms   p99 {best:5.0f} ms"
    print(
        said
        + (f" (of {len(rounds)} bursts the slowest: {worst:.0f} ms)" if len(rounds) > 1 else "")
        + f"   {answers:,} answers"
    )


def _triggers(url: str) -> int:
    """How many of them are in the store."""
    store, key = open_store(url), GateKey("site", "local")
    record = store.get(key)
    parts = [part.covers for part in (record.claim, record.running, record.finished) if part]
    folds = {id(fold): fold for fold in (record.pending, *parts, *(b.covers for b in store.history(key))) if fold}
    store.close()
    return sum(fold.count for fold in folds.values())


def main() -> None:
    """SQLite and PostgreSQL, or the store that is named."""
    print(
        f"{PUSHES} signed pushes, {AT_A_TIME} at a time, of one project; load of the machine {os.getloadavg()[0]:.1f}"
    )
    if len(sys.argv) > 1:
        measure(sys.argv[1].partition(":")[0], sys.argv[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/gates.db")
    try:
        with postgres() as url:
            measure("PostgreSQL", url)
    except EngineUnavailable as error:
        print(f"  PostgreSQL is not at hand: {error}")


if __name__ == "__main__":
    main()
