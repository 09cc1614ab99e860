"""What is published works where it is installed: from the wheel, in an environment of its own, with one extra each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

import holdoff
from tests.engines.process import start
from tests.package.conftest import BIN, Installed, run
from tests.standins.codebuild import CodeBuildStandin
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
[projects.site]
cooldown = "10m"
starter = {starter}
"""
PAST = "time\n" + "".join(f"2026-11-{day:02}T09:{minute:02}:00Z\n" for day in (1, 2) for minute in range(9))
# Each environment fetches what it needs.
pytestmark = pytest.mark.slow


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How commands are run: in a folder that has nothing of ours, with a state folder of its own."""
    for name in [name for name in os.environ if name.startswith(("HOLDOFF_", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tmp_path.joinpath("past.csv").write_text(PAST)
    return {"cwd": tmp_path}


def test_alone_it_brings_nothing_and_does_the_main_job(installed: Installed, at_home: dict[str, Any]) -> None:
    there = installed()
    listed = json.loads(run(BIN / "uv", "pip", "list", "--format", "json", "--python", there / "python"))
    assert [one["name"] for one in listed] == ["holdoff"]
    assert run(there / "holdoff", "--version", **at_home) == f"holdoff {holdoff.__version__}\n"
    gated = (there / "holdoff", "run", "site", "--cooldown", "10m", "--", "echo", "built")
    assert [run(*gated, **at_home) for _ in range(2)] == ["built\n", ""]
    example = "import doctest, holdoff; raise SystemExit(doctest.testmod(holdoff).failed)"
    run(there / "python", "-W", "error", "-c", example, **at_home)
    assert "cooldown" in run(there / "holdoff", "plan", "--history", "past.csv", **at_home)


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("serve", "server"),
        ("status --store postgresql://nowhere.invalid/builds", "postgres"),
        ("status --store dynamodb://builds?region=eu-west-1", "aws"),
        ("plan --history past.csv --png plan.png", "plan"),
    ],
    ids=["server", "postgres", "aws", "plan"],
)
def test_what_needs_an_extra_names_it(installed: Installed, at_home: dict[str, Any], command: str, extra: str) -> None:
    done = subprocess.run(
        [installed() / "holdoff", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        **at_home,
    )
    assert done.returncode != 0
    assert f"pip install 'holdoff[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_server_serves_its_page_with_all_that_this_needs(installed: Installed, at_home: dict[str, Any]) -> None:
    there = installed("server")
    at_home["cwd"].joinpath("holdoff.toml").write_text(FILE.format(starter='{ command = ["true"] }'))
    token = run(there / "holdoff", "token", "new", "me", "--scope", "look", **at_home).strip()
    command = [str(there / "holdoff"), "serve", "--listen", "127.0.0.1:0"]
    with start(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **at_home) as server:
        try:
            assert server.stderr is not None
            port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", server.stderr.readline())[0])
            linked = re.findall(r'(?:href|src)="(/static/[^"]+)"', asked(port, "/", token))
            assert {link.partition("?")[0] for link in linked} >= {"/static/page.css", "/static/page.js"}
            assert all(asked(port, link, token) for link in linked)
            assert '"openapi"' in asked(port, "/api/v1/openapi.json", token)
        finally:
            server.send_signal(signal.SIGTERM)


def asked(port: int, path: str, token: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return text


def test_server_signs_as_a_github_app_and_calls_a_hook(installed: Installed, at_home: dict[str, Any]) -> None:
    """``pyjwt[crypto]`` and ``httpx2`` are what the starters over HTTP need."""
    code = "import httpx2, jwt; print(jwt.algorithms.has_crypto)"
    assert run(installed("server") / "python", "-c", code, **at_home) == "True\n"


def test_aws_starts_a_build(installed: Installed, at_home: dict[str, Any]) -> None:
    at_home["cwd"].joinpath("holdoff.toml").write_text(FILE.format(starter='{ codebuild = "site-build" }'))
    with CodeBuildStandin(["site-build"]) as codebuild:
        at_home["env"] = os.environ | codebuild.environment()
        said = run(installed("aws") / "holdoff", "trigger", "site", **at_home)
    assert said.startswith("site started: build site-build:")


def test_postgres_keeps_gates(installed: Installed, at_home: dict[str, Any], postgres_url: str) -> None:
    there = ("--store", postgres_url)
    program = installed("postgres") / "holdoff"
    run(program, "store", "init", *there, **at_home)
    gated = (program, "run", "site", "--cooldown", "10m", *there, "--", "echo", "built")
    assert [run(*gated, **at_home) for _ in range(2)] == ["built\n", ""]


def test_plan_draws_a_picture(installed: Installed, at_home: dict[str, Any]) -> None:
    run(installed("plan") / "holdoff", "plan", "--history", "past.csv", "--png", "plan.png", **at_home)
    assert at_home["cwd"].joinpath("plan.png").read_bytes().startswith(b"\x89PNG")


def test_otel_is_used_where_it_is_loaded(installed: Installed, at_home: dict[str, Any]) -> None:
    code = "import opentelemetry.trace; from holdoff.observe import spans; print(spans.__name__)"
    assert run(installed("otel") / "python", "-c", code, **at_home) == "holdoff.observe.spans\n"


def test_uv_runs_and_installs_it_as_a_tool(wheel: Path, at_home: dict[str, Any], tmp_path: Path) -> None:
    """``uvx holdoff`` and ``uv tool install holdoff``, with the wheel in the place of the name."""
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    at_home["env"] = os.environ | folders
    python = ("--python", sys.executable)
    assert run(BIN / "uvx", *python, "--from", wheel, "holdoff", "--version", **at_home).startswith("holdoff ")
    run(BIN / "uv", "tool", "install", "--quiet", *python, wheel, **at_home)
    assert run(tmp_path / "bin/holdoff", "--version", **at_home) == f"holdoff {holdoff.__version__}\n"


def test_every_public_type_is_known(installed: Installed, at_home: dict[str, Any]) -> None:
    there = installed("aws", "otel", "plan", "postgres", "server", and_also="hypothesis")
    path = f"{there}{os.pathsep}{os.environ['PATH']}"
    at_home["env"] = os.environ | {"VIRTUAL_ENV": str(there.parent), "PATH": path}
    done = subprocess.run(
        [BIN / "pyright", "--verifytypes", "holdoff", "--ignoreexternal", "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        **at_home,
    )
    found = json.loads(done.stdout)["typeCompleteness"]
    unknown = [symbol for symbol in found["symbols"] if symbol["isExported"] and not symbol["isTypeKnown"]]
    told = [f"{symbol['name']}: {one['message']}" for symbol in unknown for one in symbol["diagnostics"]]
    assert told == [], "annotate these where they are first set; pyright and mypy may infer something else each"
    assert unknown == []
    assert found["completenessScore"] == 1
    assert found["exportedSymbolCounts"]["withKnownType"] > 1_000
