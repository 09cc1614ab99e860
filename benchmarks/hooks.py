"""A burst of signed pushes at ``holdoff serve``: 500, 50 at a time, at one project, on a SQLite file.

The floor is the same burst at ``/healthz``: what the framework, the machine and this load generator take without any
decision. Both share the machine's cores with the load. Prints the median and what 99 of 100 stay under.

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
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import Final

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


def burst(port: int, asked: list[Asked]) -> tuple[list[float], set[int]]:
    """How long each took, in milliseconds, the shortest first; and the statuses."""
    kept = local()

    def one(what: Asked) -> tuple[float, int]:
        if not hasattr(kept, "connection"):
            kept.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        began = time.perf_counter()
        kept.connection.request(*what)
        answer = kept.connection.getresponse()
        answer.read()
        return (time.perf_counter() - began) * 1000, answer.status

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        told = list(pool.map(one, asked))
    return sorted(took for took, _ in told), {status for _, status in told}


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "holdoff.toml").write_text(FILE)
        environment = {**os.environ, "GITHUB": SECRET, "XDG_STATE_HOME": folder}
        options = ["--listen", "127.0.0.1:0", *(["--store", sys.argv[1]] if len(sys.argv) > 1 else [])]
        server = subprocess.Popen(
            [sys.executable, "-m", "holdoff", "serve", *options],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.stderr is not None
        found = re.search(r":(\d+); Ctrl-C", server.stderr.readline())
        assert found
        try:
            port, floor = int(found[1]), ("GET", "/healthz", b"", dict[str, str]())
            print(f"{PUSHES} signed pushes, {AT_A_TIME} at a time, of one project")
            for name, asked in (("floor: /healthz", [floor] * PUSHES), ("pushes", list(map(push, range(PUSHES))))):
                took, statuses = burst(port, asked)
                half, most = took[len(took) // 2], took[len(took) * 99 // 100]
                print(f"  {name:16} median {half:6.0f} ms   p99 {most:6.0f} ms   {sorted(statuses)}")
        finally:
            server.terminate()
            server.communicate()


if __name__ == "__main__":
    main()
