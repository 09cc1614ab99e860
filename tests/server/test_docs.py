"""``docs/server.md`` is true: its first five minutes, typed as they stand; its tables; what lies in deploy/server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from holdoff.server.api import OPERATIONS
from tests.cli.conftest import PATIENCE

if TYPE_CHECKING:
    from tests.server.conftest import Served

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "docs/server.md").read_text()
STEPS: Final = re.findall(r"^```(sh|toml)\n(.*?)^```$", TEXT.partition("\n## Hooks")[0], re.MULTILINE | re.DOTALL)
DEPLOY: Final = ROOT / "deploy/server"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def as_typed(folder: Path, port: int) -> str:
    """The blocks in order, as one script; the program is this tree's, and the port one that is free."""
    script = ["set -e", "exec 2>&1"]
    for language, text in STEPS:
        if language == "toml":
            script.append(f"cat > ~/builds/holdoff.toml <<'END'\n{text}END")
        elif "pip install" in text:
            script.append("mkdir -p ~/holdoff/bin")
            script.append(f"printf '#!/bin/sh\\nexec {sys.executable} -m holdoff \"$@\"\\n' > ~/holdoff/bin/holdoff")
            script.append("chmod +x ~/holdoff/bin/holdoff")
            script += [line for line in text.splitlines() if "venv" not in line and "pip" not in line]
        else:
            text = text.replace(
                "holdoff serve &", f"holdoff serve --listen 127.0.0.1:{port} > log 2>&1 & echo $! > pid"
            )
            script.append(text.replace("127.0.0.1:4653", f"127.0.0.1:{port}"))
            if "> pid" in text:
                script.append(f"until curl -sf http://127.0.0.1:{port}/healthz; do sleep 0.1; done")
    return "\n".join(script)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_first_five_minutes_as_they_are_typed(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"}
    script = as_typed(tmp_path, free_port())
    try:
        done = subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    finally:
        pid = tmp_path / "builds/pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
    told = [json.loads(line) for line in re.findall(r"^\{.*\}", done.stdout, re.MULTILINE)]

    assert done.returncode == 0, done.stdout
    assert [one.get("outcome", one.get("verdict")) for one in told] == ["started", "deferred", "pending", "deferred"]
    assert "building 4f2a91c" in done.stdout
    assert "HTTP/1.1 202" in done.stdout
    assert TEXT.count("127.0.0.1:4653") > 5


def test_every_operation_is_in_the_table() -> None:
    table = TEXT.partition("\n## The API")[2].partition("\n## ")[0]
    for one in OPERATIONS:
        path = one.path.replace("{id}", "ID")
        assert re.search(rf"`[^|]*{path}`.*\| {one.scope} \|", table), path
        (row,) = (line for line in table.splitlines() if re.search(rf"`[^|]*{path}`", line))
        named = set(re.findall(r"`(\w+)`", row))
        missing = set(one.inputs) - named - {"id", "key", "region", "by"}
        assert missing <= ({"duration", "drop_pending", "drop_claim", "why"} & named), (path, missing)


def test_the_unit_is_one() -> None:
    text = (DEPLOY / "holdoff.service").read_text()
    keys = [line.partition("=")[0] for line in text.splitlines() if line and line[0] not in "#["]

    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE) == ["Unit", "Service", "Install"]
    assert len(keys) == len(set(keys))
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(DEPLOY / "holdoff.service")],
            capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{DEPLOY}:"},
        )  # fmt: skip
        told = [line for line in done.stderr.splitlines() if "holdoff.service" in line]
        assert [line for line in told if "is not executable" not in line and "No such file" not in line] == []


def test_the_proxy_is_set_up_as_the_server_wants_it(served: Served) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    sent = dict(re.findall(r"^\s+proxy_set_header (\S+) (\S+);", text, re.MULTILINE))

    assert text.count("{") == text.count("}")
    assert sent == {
        "Host": "$host",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for",
        "X-Forwarded-Proto": "$scheme",
        "X-Forwarded-User": '""',
    }
    assert text.count('X-Forwarded-User ""') == text.count("proxy_pass")
