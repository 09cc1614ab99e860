"""A process that is killed between the start of a build and its confirm: another finishes the start, and there is one
build where the service can be asked for it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.clock import SystemClock
from holdoff.config import read
from holdoff.testing import ManualClock
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.hooks import HookStandin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standins.web import WebStandin

CLAIM_LEASE_MS = 60_000
FILE = """
store = "sqlite:///gates.db"

[projects.site]
cooldown = "10m"

[projects.site.starter]
{starter}
"""
STARTERS = {
    "github": 'github = "acme/site"\nworkflow = "build.yml"\nendpoint = "{url}"',
    "gitlab": 'gitlab = "acme/site"\nendpoint = "{url}"',
    "webhook": 'webhook = "env:HOOK"\nid = "build.id"\ntoken_memory = "24h"',
}
STANDINS: dict[str, Any] = {"github": GitHubStandin, "gitlab": GitLabStandin, "webhook": HookStandin}


@pytest.fixture(params=STARTERS)
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebStandin]:
    with STANDINS[request.param]() as standin:
        monkeypatch.setenv("GITHUB_TOKEN", GitHubStandin.token)
        monkeypatch.setenv("GITLAB_TOKEN", GitLabStandin.token)
        monkeypatch.setenv("HOOK", getattr(standin, "hook", ""))
        text = FILE.format(starter=STARTERS[request.param].format(url=standin.url))
        (tmp_path / "holdoff.toml").write_text(text)
        yield standin


def killed_in_a_start(service: WebStandin, folder: Path) -> None:
    """What ``holdoff trigger`` leaves when it gets SIGKILL while the service has begun the build, and not answered."""
    fault = service.fault("hang", after=True)
    program = "from holdoff.cli.main import entry; entry()"
    command = [sys.executable, "-c", program, "trigger", "site", "--config", str(folder / "holdoff.toml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            assert fault.arrived.wait(20)
        finally:
            process.kill()
    service.clear_faults()


def test_a_start_that_was_killed_is_one_build(service: WebStandin, tmp_path: Path) -> None:
    killed_in_a_start(service, tmp_path)
    config = read(str(tmp_path / "holdoff.toml"))
    clock = ManualClock()
    clock.sleep(SystemClock().now_ms() - clock.now_ms() + CLAIM_LEASE_MS + 1_000)
    with config.gate("site", config.open_store(), clock=clock) as gate:
        assert gate.status().state == "claimed"
        assert [gate.wake().taken_over] == [*service.builds]
        assert len(service.starts) == (2 if isinstance(service, HookStandin) else 1)
