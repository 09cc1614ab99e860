"""The page of ``holdoff serve`` over a simulated day, which goes on: more pushes come, and what runs ends.

The past is in a file of its own before the server begins; what comes now goes by the server's API, as from any client.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from examples.day import PROJECTS, config_text, fill
from holdoff.clock import SystemClock
from holdoff.config import read

#: What a build is from now on.
BUILD = '["sleep", "20"]'
#: A burst about so often.
EVERY_S = 12
STOP_WITHIN_S = 15


def show(folder: Path, holdoff: Sequence[str]) -> None:
    """Serve it until Ctrl-C, or until the server ends."""
    file = folder / "day.toml"
    file.write_text(f'store = "sqlite:///{folder}/day.db"\n{config_text(BUILD)}', encoding="utf-8")
    config, clock = read(file), SystemClock()
    with closing(config.open_store()) as store:
        running = fill(store, config, clock.now_ms())
    options = ["--config", str(file), "--listen", "127.0.0.1:0", "--anonymous", "look,trigger,operate"]
    print("$ holdoff serve --anonymous look,trigger,operate", flush=True)
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*holdoff, "serve", *options], stdout=log, stderr=log)
    try:
        url = _address(server, folder / "log")
        print(f"Ctrl-C ends it. The page is at\n\n  {url}/\n", flush=True)
        _go_on(server, url, running, clock)
    except KeyboardInterrupt:
        print(flush=True)
    finally:
        _end(server)


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where it is, once it says so."""
    while True:
        has_ended, said = server.poll() is not None, log.read_text(encoding="utf-8")
        if found := re.search(r"serving .* on (https?://[\d.]+:\d+)", said):
            return found[1]
        if has_ended:
            raise SystemExit(f"the server did not begin:\n{said}")
        time.sleep(0.1)


def _go_on(server: subprocess.Popen[bytes], url: str, running: dict[str, dict[str, int]], clock: SystemClock) -> None:
    chance = random.Random()
    while server.poll() is None:
        now_ms = clock.now_ms()
        for project, ends in running.items():
            for build_id in [one for one, end_ms in ends.items() if end_ms <= now_ms]:
                del ends[build_id]
                _ask(f"{url}/api/v1/finished", project=project, build_id=build_id, succeeded=True)
        if chance.random() < 1 / EVERY_S:
            project = chance.choice(list(PROJECTS))
            for _ in range(chance.choice((1, 2, 5))):
                version, reason = f"{chance.getrandbits(28):07x}", PROJECTS[project].reason
                _ask(f"{url}/api/v1/trigger", project=project, source_version=version, event_id=version, reason=reason)
        time.sleep(1)


def _ask(url: str, **body: object) -> None:
    """One call; a server that is about to end may answer no more."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with suppress(OSError), urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def _end(server: subprocess.Popen[bytes]) -> None:
    """A terminal's Ctrl-C has reached it too. What is its own it ends by itself."""
    with suppress(KeyboardInterrupt):
        server.terminate()
        try:
            server.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            server.kill()
    server.wait()
