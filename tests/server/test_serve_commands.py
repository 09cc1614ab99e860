"""Commands behind ``holdoff serve``, with real processes: one that fails is a failed build; and what becomes of those
that run when the server ends or is killed. None is started twice, none is lost, and each end is told as it was."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.starters.processes import lives
from tests.cli.conftest import PATIENCE, Cli, cli
from tests.server.test_serve import FILE, Server
from tests.waiting import until as wait_for

if TYPE_CHECKING:
    from holdoff.core.record import Record

__all__ = ["cli"]
pytestmark = pytest.mark.slow
#: Says that it runs, and fails unless a file is there.
FAILS = "echo $HOLDOFF_SOURCE_VERSION >> ran; test -e go || exit 22"
#: Runs on unless a file is there.
LASTS = "echo $HOLDOFF_SOURCE_VERSION >> ran; test -e go || exec sleep 1000"


def served(cli: Cli, command: str, policy: str = "") -> Server:
    """A server with one project."""
    cli.config(FILE.replace('cooldown = "1h"', f'cooldown = "1h"\n{policy}').replace("COMMAND", command))
    return Server(cli)


def at_once(record: Record) -> Record:
    """The gate with all that it waits for over."""
    pending = record.pending
    return record.but(pending=pending and pending.but(retry_ms=1), lastbuild=None, due_ms=1)


def let_time_pass(cli: Cli) -> None:
    cli.change(at_once, "site")


def builds(server: Server) -> list[tuple[Any, ...]]:
    """How its builds ended, the newest first."""
    listed = server.ask("GET", "/api/v1/history?project=site")[1]["builds"]
    return [(build["succeeded"], build["exit_status"]) for build in listed]


def kill(server: Server) -> None:
    server.process.kill()
    server.process.communicate(timeout=PATIENCE)


def succeeded(cli: Cli) -> bool:
    end = cli.record("site").finished
    return end is not None and end.succeeded is True


def test_a_command_that_fails_is_built_again_where_the_policy_says_so(cli: Cli) -> None:
    """Its build did not use up the cooldown, and the change is not lost."""
    server = served(cli, FAILS, 'on_failure = "rearm"')
    server.push(1)
    wait_for(lambda: cli.record("site").pending)
    assert builds(server) == [(False, 22)]
    assert cli.record("site").lastbuild is None
    (cli.folder / "go").touch()
    let_time_pass(cli)
    wait_for(lambda: succeeded(cli))

    assert builds(server) == [(True, 0), (False, 22)]
    assert cli.lines() == ["0000002", "0000002"]


def test_a_command_that_fails_has_had_its_turn_otherwise(cli: Cli) -> None:
    server = served(cli, FAILS)
    server.push(1)
    wait_for(lambda: cli.record("site").finished)
    server.push(2)

    assert builds(server) == [(False, 22)]
    record = cli.record("site")
    assert record.pending is not None
    assert (record.pending.request.source_version, record.lastbuild is None) == ("0000003", False)


def test_a_program_that_is_not_there_is_no_build(cli: Cli) -> None:
    cli.config(FILE.replace("[\"sh\", \"-c\", '''COMMAND''']", '["no-such-program"]'))
    server = Server(cli)
    server.api("trigger", project="site", source_version="v1")
    wait_for(lambda: cli.record("site").pending)

    assert builds(server) == []
    record = cli.record("site")
    assert (record.lastbuild, record.pending and record.pending.request.source_version) == (None, "v1")


def test_overlap_cancel_ends_the_command_before(cli: Cli) -> None:
    told = "trap 'echo told >> ran; exit 1' TERM; echo $HOLDOFF_SOURCE_VERSION >> ran; "
    server = served(cli, f"{told} test -e go || while :; do sleep 0.05; done", 'overlap = "cancel"')
    server.push(1)
    wait_for(lambda: cli.record("site").running and cli.lines())
    (cli.folder / "go").touch()
    server.api("trigger", project="site", source_version="v2", force=True)
    wait_for(lambda: len(builds(server)) == 2 and builds(server)[0][0] is not None)

    newest, before = builds(server)
    assert newest == (True, 0)
    assert before in {(False, 1), (None, None)}, "its own end, or that it was cancelled, whichever was told first"
    assert cli.lines() == ["0000002", "told", "v2"]


# --- the server ends -------------------------------------------------------------------------------------------------


def test_sigterm_ends_the_command_and_its_change_is_built_by_the_next_server(cli: Cli) -> None:
    server = served(cli, LASTS, 'on_failure = "rearm"')
    server.push(1)
    wait_for(lambda: cli.record("site").running and cli.lines())
    status, lines, _ = server.end()
    finished = cli.record("site").finished

    ends = [line["exit_status"] for line in lines if "exit_status" in line]
    assert (status, ends) == (0, [128 + signal.SIGTERM])
    assert finished is not None
    assert (finished.succeeded, finished.exit_status) == (False, 128 + signal.SIGTERM)
    (cli.folder / "go").touch()
    let_time_pass(cli)
    again = Server(cli)
    wait_for(lambda: succeeded(cli))
    assert builds(again) == [(True, 0), (False, 143)]
    assert cli.lines() == ["0000002", "0000002"]


@pytest.mark.parametrize("policy", ["keep", "rearm"])
def test_killed_its_command_is_ended_and_not_started_twice(cli: Cli, policy: str) -> None:
    """The next server says that it failed; with ``rearm`` its change is built, once."""
    server = served(cli, LASTS, f'overlap = "defer"\non_failure = "{policy}"')
    server.push(1)
    wait_for(lambda: cli.record("site").running and cli.lines())
    running = cli.record("site").running
    assert running is not None
    kill(server)
    wait_for(lambda: not lives(running.build_id))
    (cli.folder / "go").touch()
    again = Server(cli)
    cli.change(lambda record: record.but(due_ms=1), "site")  # when it would be asked for
    wait_for(lambda: cli.record("site").finished)
    finished = cli.record("site").finished

    assert finished is not None
    assert (finished.build_id, finished.succeeded) == (running.build_id, False)
    assert finished.detail == "the process that looked after it is gone"
    let_time_pass(cli)
    if policy == "rearm":
        wait_for(lambda: succeeded(cli))
    again.push(2)
    let_time_pass(cli)
    wait_for(lambda: cli.lines()[-1] == "0000003")
    assert cli.lines() == ["0000002", *(["0000002"] if policy == "rearm" else []), "0000003"]


def test_killed_between_claim_and_start_the_next_server_starts_it(cli: Cli) -> None:
    prelude = "from holdoff.starters.command import Command\nimport os, signal\n"
    prelude += "Command.start = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    cli.config(FILE.replace("COMMAND", FAILS))
    (cli.folder / "go").touch()
    done = cli("trigger", "site", "--source-version", "v1", prelude=prelude)
    assert done.returncode == -signal.SIGKILL
    assert cli.record("site").claim is not None
    cli.change(lambda record: record.but(due_ms=1), "site")
    server = Server(cli)
    wait_for(lambda: succeeded(cli))

    assert cli.lines() == ["v1"]
    assert builds(server) == [(True, 0)]
