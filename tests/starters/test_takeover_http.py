"""Processes that are killed between the start of a build and its confirm: another finishes the start, and there is one
build. At the stand-ins of services that can be asked for it, or that remember a token."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.config import read
from holdoff.core.request import GateKey
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.hooks import HookStandin
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standins.web import WebStandin

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


def holdoff(folder: Path, *argv: str) -> list[str]:
    program = "from holdoff.cli.main import entry; entry()"
    return [sys.executable, "-c", program, *argv, "--config", str(folder / "holdoff.toml")]


def killed_in_a_start(service: WebStandin, folder: Path, *, after: bool) -> None:
    """What ``holdoff trigger`` leaves when it gets SIGKILL before the service has answered. ``after``: when the build
    has begun."""
    fault = service.fault("hang", after=after)
    with subprocess.Popen(holdoff(folder, "trigger", "site"), stdout=subprocess.DEVNULL) as process:
        try:
            assert fault.arrived.wait(PATIENCE_S)
        finally:
            process.kill()
    assert len(service.builds) == after
    service.clear_faults()


def let_the_lease_end(folder: Path) -> None:
    """Past all processes: a minute goes by."""
    store, key = read(str(folder / "holdoff.toml")).open_store(), GateKey("site", "local")
    record = store.get(key)
    assert record.claim is not None
    claim = record.claim.but(lease_until_ms=record.claim.claimed_ms)
    store.swap(key, expected=record, new=record.but(claim=claim, due_ms=claim.lease_until_ms).swapped("TESTTEST"))
    store.close()


def state(folder: Path) -> tuple[str | None, str | None]:
    """The build that runs, and the token of a start under way."""
    store = read(str(folder / "holdoff.toml")).open_store()
    record = store.get(GateKey("site", "local"))
    store.close()
    running, claim = record.running, record.claim
    return running.build_id if running else None, claim.token if claim else None


@pytest.mark.parametrize("after", [True, False], ids=["it has begun", "it has not"])
@pytest.mark.parametrize("verb", [("wake",), ("trigger", "site")], ids=["wake", "trigger"])
def test_a_start_that_was_killed_is_one_build(
    service: WebStandin, tmp_path: Path, verb: tuple[str, ...], after: bool
) -> None:
    """By another process, which asks for it by its token where the service can be asked."""
    killed_in_a_start(service, tmp_path, after=after)
    _, token = state(tmp_path)
    assert token is not None
    let_the_lease_end(tmp_path)
    done = subprocess.run(holdoff(tmp_path, *verb), capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert done.returncode == 0, done.stderr
    assert [*service.builds] == [state(tmp_path)[0]]
    assert {build.token for build in service.builds.values()} == {token}
    assert len(service.starts) == (2 if isinstance(service, HookStandin) or not after else 1)
    assert state(tmp_path)[1] is None


def test_many_processes_take_one_start_over(service: WebStandin, tmp_path: Path) -> None:
    """One of them does; the others see it."""
    killed_in_a_start(service, tmp_path, after=True)
    let_the_lease_end(tmp_path)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    several = [subprocess.Popen(holdoff(tmp_path, "wake"), **silent) for _ in range(4)]  # type: ignore[call-overload]
    for one in several:
        one.wait(timeout=PATIENCE_S)

    assert [*service.builds] == [state(tmp_path)[0]]
    assert len(service.starts) == (2 if isinstance(service, HookStandin) else 1)


def test_killed_again_while_taking_over(service: WebStandin, tmp_path: Path) -> None:
    """The second process dies in ``find``, or with the answer on its way; the third finishes it."""
    killed_in_a_start(service, tmp_path, after=True)
    let_the_lease_end(tmp_path)
    fault = service.fault("hang", after=True, for_all=True)
    with subprocess.Popen(holdoff(tmp_path, "wake"), stdout=subprocess.DEVNULL) as process:
        try:
            assert fault.arrived.wait(PATIENCE_S)
        finally:
            process.kill()
    service.clear_faults()
    let_the_lease_end(tmp_path)
    subprocess.run(holdoff(tmp_path, "wake"), check=True, capture_output=True, timeout=PATIENCE_S)

    assert [*service.builds] == [state(tmp_path)[0]]
