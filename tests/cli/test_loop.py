"""``wake --watch``, and what is asked of what it built: ``explain``, ``history``, ``status --max-stale``."""

from __future__ import annotations

import signal
import time
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from holdoff.core.record import Pending, Record
from holdoff.core.request import Request
from tests.cli.conftest import PATIENCE, line_of

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ONE = """
[projects.docs]
cooldown = "1h"
starter = { command = ["sh", "-c", "echo $HOLDOFF_SOURCE_VERSION >> ran"] }
"""
LONG = """
[projects.docs]
cooldown = "1h"
starter = { command = ["sh", "-c", "echo began; trap 'echo ended >> ran; exit 1' TERM; while :; do sleep 0.1; done"] }
"""
WATCH = ("wake", "--watch", "--every", "50ms")


def _due(cli: Cli, version: str = "v2", *, since_ms: int = 1) -> None:
    request = Request(project="docs", region="local", source_version=version)
    due = Pending(request=request, count=3, first_ms=since_ms, last_ms=since_ms)
    cli.change(lambda _: Record(lastbuild=Decimal(1_700_000_000), pending=due, due_ms=since_ms), "docs")


def test_loops_at_once_build_what_is_due_once(cli: Cli) -> None:
    cli.config(ONE)
    _due(cli)
    loops = [cli.start(*WATCH) for _ in range(3)]
    for loop in loops:
        assert "watching" in line_of(loop.stderr)
    _wait_for_lines(cli, 1)
    for loop in loops:
        loop.send_signal(signal.SIGTERM)
        assert loop.wait(timeout=PATIENCE) == 0
    assert cli.lines() == ["v2"]
    assert cli.record("docs").pending is None


def test_a_loop_comes_after_all_that_wait(cli: Cli) -> None:
    cli.config(ONE)
    cli("hold", "docs", "--why", "a test")
    command = ("sh", "-c", "echo waited >> ran")
    waiters = [cli.start("run", "docs", "--wait", "--", *command) for _ in range(2)]
    for waiter in waiters:
        assert "on hold: a test" in line_of(waiter.stderr)
    loop = cli.start(*WATCH)
    line_of(loop.stderr)
    cli("resume", "docs")
    assert [waiter.wait(timeout=PATIENCE) for waiter in waiters] == [0, 0]
    loop.send_signal(signal.SIGTERM)
    assert loop.wait(timeout=PATIENCE) == 0
    assert cli.lines() == ["waited"]


def test_a_loop_killed_and_started_again_loses_nothing(cli: Cli) -> None:
    cli.config(ONE)
    first = cli.start(*WATCH)
    line_of(first.stderr)
    first.kill()
    first.wait(timeout=PATIENCE)
    _due(cli)
    second = cli.start(*WATCH)
    assert "docs started" in line_of(second.stdout)
    _wait_for_lines(cli, 1)
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=PATIENCE) == 0
    assert cli.lines() == ["v2"]


def test_a_loop_that_ends_takes_its_commands_down(cli: Cli) -> None:
    cli.config(LONG)
    _due(cli)
    loop = cli.start(*WATCH)
    assert line_of(loop.stdout) in {
        "began\n",
        f"docs started: build {_build(cli)}, for 3 triggers\n",
    }
    loop.send_signal(signal.SIGINT)
    assert loop.wait(timeout=PATIENCE) == 0
    finished = cli.record("docs").finished
    assert finished is not None
    assert finished.succeeded is False


def test_a_loop_names_a_gate_that_it_has_no_settings_for(cli: Cli) -> None:
    _due(cli)
    cli.config(ONE.replace("docs", "site"))
    loop = cli.start(*WATCH, "--store", cli.environment["XDG_STATE_HOME"].join(("sqlite:///", "/holdoff/gates.db")))

    assert "watching" in line_of(loop.stderr)
    assert line_of(loop.stderr) == "holdoff: docs (local) waits for a wake, but this loop has no settings for it\n"


def test_explain_takes_a_decisions_id(cli: Cli) -> None:
    cli.config(ONE)
    decision = cli.json("trigger", "docs", "--json", "--source-version", "v1")
    later = cli.json("trigger", "docs", "--json", "--source-version", "v2")
    built = cli.json("explain", decision["id"], "--json")
    assert (built["verdict"], built["build_id"]) == ("started", decision["build_id"])
    waiting = cli("explain", later["id"])
    assert "pending, not built yet" in waiting.stdout
    assert waiting.returncode == 1
    mixed = cli("explain", later["id"], "--event", "e1")
    assert mixed.returncode == 2


def test_max_stale_is_for_a_monitor(cli: Cli) -> None:
    cli.config(ONE)
    assert cli("status", "--max-stale", "30m").returncode == 0
    _due(cli, since_ms=(int(time.time()) - 3600) * 1000)
    stale = cli("status", "docs", "--max-stale", "30m")
    assert stale.returncode == 1
    assert "docs (local) is stale: its oldest trigger not covered yet came 1h ago" in stale.stderr
    assert cli("status", "docs", "--max-stale", "2h").returncode == 0
    assert cli("status", "--max-stale", "soon").returncode == 2


def test_a_forced_start_and_a_reset_say_who(cli: Cli) -> None:
    cli.config(ONE)
    cli("trigger", "docs", "--force", "--by", "ada", "--reason", "hotfix")
    cli("reset", "docs", "--by", "grace", "--why", "stuck")
    told = cli("explain", "docs").stdout
    assert "(hotfix), forced, by ada" in told
    assert "reset by grace" in told
    assert told.count("stuck") == 1


def test_the_history_says_what_each_build_covered(cli: Cli) -> None:
    cli.config(ONE)
    for number in range(3):
        cli("trigger", "docs", "--source-version", f"v{number}", "--reason", "push")
    cli.change(_overdue, "docs")
    cli("wake")
    newest, oldest = cli.json("history", "docs", "--json")["builds"]
    assert [line.split("  ", 4)[4] for line in cli("history", "docs").stdout.splitlines()] == ["push  v2", "push  v0"]
    assert oldest["covers"]["count"] == 1
    assert (newest["covers"]["count"], newest["source_version"]) == (2, "v2")
    assert newest["covers"]["source_versions"] == ["v2"]
    assert newest["covers"]["replaced"] == ["v1"]
    assert newest["succeeded"] is True
    assert [build["build_id"] for build in cli.json("history", "docs", "--json", "--limit", "1")["builds"]] == [
        newest["build_id"]
    ]


def _overdue(record: Record) -> Record:
    """As if the cooldown were over."""
    assert record.finished is not None
    return record.but(lastbuild=Decimal(1), due_ms=2, finished=record.finished.but(started_ms=1000, ended_ms=1000))


def _build(cli: Cli) -> str:
    running = cli.record("docs").running
    return "" if running is None else running.build_id


def _wait_for_lines(cli: Cli, count: int) -> None:
    pause = partial(time.sleep, 0.02)
    for _ in range(PATIENCE * 50):
        if len(cli.lines()) >= count:
            return
        pause()
    raise AssertionError(f"never {count} lines: {cli.lines()}")
