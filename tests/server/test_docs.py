"""``docs/server.md`` is true: its first five minutes, typed as they stand; its tables; what lies in deploy/server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from holdoff.server.api import OPERATIONS
from tests.cli.conftest import PATIENCE
from tests.engines.process import free_port
from tests.standins.github import GitHubStandin
from tests.standins.services import Services

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "docs/server.md").read_text()
#: The first five minutes: heading, language and text of each block.
STEPS: Final = [
    (part.partition("\n")[0], language, text)
    for part in re.split(r"^##+ ", TEXT.partition("\n## Hooks")[0], flags=re.MULTILINE)
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
]
BIN: Final = "~/.local/share/holdoff/bin"
BUILDERS: Final = ("Netlify", "GitHub Actions")
DEPLOY: Final = ROOT / "deploy/server"


def as_typed(builder: str, port: int, standin: str) -> str:
    """The blocks in order, as one script. The program is this tree's, its port one that is free, and the service, whose
    blocks are those of one builder, is where its stand-in is."""
    script = ["set -e", "exec 2>&1"]
    for heading, language, text in STEPS:
        if heading in BUILDERS and heading != builder:
            continue
        text = text.replace("https://api.netlify.com", f"{standin}/api.netlify.com")
        text = text.replace("127.0.0.1:4653", f"127.0.0.1:{port}")
        if language == "toml":
            text = re.sub("^(github = .*/site.)$", rf'\1\nendpoint = "{standin}"', text, flags=re.MULTILINE)
            script.append(f"cat > ~/builds/holdoff.toml <<'END'\n{text}END")
        elif "pip install" in text:
            script.append(f"mkdir -p {BIN}")
            script.append(f"printf '#!/bin/sh\\nexec {sys.executable} -m holdoff \"$@\"\\n' > {BIN}/holdoff")
            script.append(f"chmod +x {BIN}/holdoff")
            script += [line for line in text.splitlines() if "venv" not in line and "pip" not in line]
        elif language == "sh":
            listen = f"holdoff serve --listen 127.0.0.1:{port} > log 2>&1 & echo $! > pid"
            script.append(text.replace("holdoff serve &", listen))
    return "\n".join(script)


@pytest.mark.slow
@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_first_five_minutes_as_they_are_typed(tmp_path: Path, builder: str) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"}
    with Services() if builder == "Netlify" else GitHubStandin() as standin:
        with free_port() as port:
            script = as_typed(builder, port, standin.url)
            try:
                done = subprocess.run(
                    ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
                )
            finally:
                pid = tmp_path / "builds/pid"
                if pid.exists():
                    os.kill(int(pid.read_text()), signal.SIGTERM)
        starts = standin.starts
    assert done.returncode == 0, done.stdout
    *pushes, why, reset, history = [json.loads(line) for line in re.findall(r"^\{.*", done.stdout, re.MULTILINE)]
    built = [one.query["trigger_title"] if builder == "Netlify" else one.json["inputs"]["version"] for one in starts]

    assert [one["outcome"] for one in pushes] == ["started", *["deferred"] * 7]
    assert why["verdict"] == "pending"
    assert reset["project"] == "site"
    assert built == ["c0ffee1", "c0ffee8"]
    assert [build["covers"]["count"] for build in history["builds"]] == [7, 1]


def test_the_workflow_is_that_of_the_page_on_github_actions() -> None:
    (workflow,) = (text for _, language, text in STEPS if language == "yaml")

    assert workflow.partition("\n")[2] in (ROOT / "docs/start/github-actions.md").read_text()


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
    assert "OOMPolicy=continue" in text  # systemd's default: one build that takes all memory ends the server
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(DEPLOY / "holdoff.service")],
            capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{DEPLOY}:"},
        )  # fmt: skip
        told = [line for line in done.stderr.splitlines() if "holdoff.service" in line]
        assert [line for line in told if "is not executable" not in line and "No such file" not in line] == []
