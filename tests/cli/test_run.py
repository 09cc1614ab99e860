"""``holdoff run``: runs, skips, and is otherwise not there."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import PATIENCE, line_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

RAN = ("sh", "-c", "echo ran >> ran")


def test_the_first_runs_and_the_second_is_skipped_and_says_why(cli: Cli) -> None:
    first = cli("run", "p", "--cooldown", "10m", "--", "echo", "hello")
    second = cli("run", "p", "--cooldown", "10m", "--", "echo", "hello")

    assert (first.returncode, first.stdout, first.stderr) == (0, "hello\n", "")
    assert (second.returncode, second.stdout) == (0, "")
    assert second.stderr.startswith("holdoff: p skipped: last built ")
    assert "ready in " in second.stderr


def test_it_runs_again_when_the_cooldown_is_over(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "10m", "--", *RAN)
    cli.built_at(Decimal(1_795_395_667))

    assert cli("run", "p", "--cooldown", "10m", "--", *RAN).stderr == ""
    assert cli.lines() == ["ran", "ran"]


def test_a_cooldown_of_nothing_runs_every_time_and_force_runs_now(cli: Cli) -> None:
    for _ in range(2):
        cli("run", "p", "--cooldown", "0", "--", *RAN)
    cli("run", "p", "--cooldown", "1h", "--force", "--", *RAN)

    assert len(cli.lines()) == 3


def test_the_status_of_a_skip_can_be_chosen(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "10m", "--", "true")
    again = ("run", "p", "--cooldown", "10m", "--skip-exit-code")

    assert cli(*again, "9", "--", "true").returncode == 9
    for wrong in ("256", "-1", "x"):
        done = cli(*again, wrong, "--", "true")
        assert done.returncode == 2
        assert "--skip-exit-code" in done.stderr


@pytest.mark.parametrize("status", [0, 1, 7, 126, 255])
def test_the_status_is_the_commands_own(cli: Cli, status: int) -> None:
    done = cli("run", "p", "--cooldown", "10m", "--", "sh", "-c", f"exit {status}")

    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize("number", [1, 9, 15])
def test_a_command_ended_by_a_signal_gives_128_and_its_number(cli: Cli, number: int) -> None:
    done = cli("run", "p", "--cooldown", "10m", "--", "sh", "-c", f"kill -{number} $$")

    assert done.returncode == 128 + number
    assert cli.record().finished is not None
    assert "exit status" in str(cli.record().finished)


def test_a_command_that_does_not_exist_is_127_and_claims_nothing(cli: Cli) -> None:
    done = cli("run", "p", "--cooldown", "10m", "--", "no-such-command")

    assert (done.returncode, done.stderr) == (127, "holdoff: no-such-command: command not found\n")
    assert not (cli.folder / "state").exists()


@pytest.mark.parametrize("named", ["./unmarked", "unmarked"])
def test_a_file_that_is_not_executable_is_126_and_claims_nothing(cli: Cli, named: str) -> None:
    (cli.folder / "unmarked").write_text("#!/bin/sh\n")
    cli.environment["PATH"] = f"{cli.folder}:{cli.environment['PATH']}"
    done = cli("run", "p", "--cooldown", "10m", "--", named)

    assert (done.returncode, done.stderr) == (126, f"holdoff: {named}: not executable\n")
    assert not (cli.folder / "state").exists()


@pytest.mark.parametrize(("content", "status"), [("no shebang\n", 126), ("#!/no/such/interpreter\n", 127)])
def test_a_start_that_is_refused_gives_the_slot_back_and_is_tried_again(cli: Cli, content: str, status: int) -> None:
    run = ("run", "p", "--cooldown", "10m", "--", "./script")
    script = cli.folder / "script"
    script.write_text(content)
    script.chmod(0o755)
    refused = cli(*run)
    script.write_text("#!/bin/sh\necho mended\n")
    soon = cli(*run)
    cli.change(lambda record: record.but(pending=record.pending and record.pending.but(retry_ms=1)))
    later = cli(*run)

    assert refused.returncode == status
    assert "the build was refused" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (soon.returncode, soon.stdout) == (0, "")
    assert "p deferred: the last start was refused, starts " in soon.stderr
    assert later.stdout == "mended\n"
    assert cli.record().pending is None


def test_output_and_input_pass_through_untouched(cli: Cli) -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('oops')"
    done = cli("run", "p", "--cooldown", "1s", "--", sys.executable, "-c", code, stdin="in\0put")

    assert (done.stdout, done.stderr) == ("IN\0PUT", "oops")


def test_output_is_not_held_back(cli: Cli) -> None:
    process = cli.start("run", "p", "--cooldown", "1s", "--", "sh", "-c", "echo asked; read answer; echo $answer")

    assert line_of(process.stdout) == "asked\n"
    assert process.communicate("42\n", timeout=PATIENCE)[0] == "42\n"


def test_inherited_descriptors_are_the_commands_too(cli: Cli) -> None:
    """As with flock and env: make's jobserver hands its pipe down this way."""
    reader, writer = os.pipe()
    code = f"import os; os.write({writer}, b'through')"
    cli("run", "p", "--cooldown", "1s", "--", sys.executable, "-c", code, pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"through"


def test_the_command_knows_what_it_is(cli: Cli) -> None:
    done = cli(
        *("run", "p", "--cooldown", "1s", "--region", "here", "--reason", "a push", "--"),
        *("sh", "-c", "env | grep ^HOLDOFF_ | sort"),
    )
    known = dict(line.split("=", 1) for line in done.stdout.splitlines())

    assert len(known.pop("HOLDOFF_TOKEN")) == 26
    assert known == {
        "HOLDOFF_PROJECT": "p",
        "HOLDOFF_REGION": "here",
        "HOLDOFF_REASON": "a push",
    }


def test_options_after_the_dashes_are_the_commands(cli: Cli) -> None:
    done = cli("run", "p", "--cooldown", "1s", "--", "echo", "--cooldown", "--", "--debug", "-v")

    assert done.stdout == "--cooldown -- --debug -v\n"


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ((), "PROJECT"),
        (("p",), "Put it after --"),
        (("p", "--cooldown", "1s"), "Put it after --"),
        (("p", "--cooldown", "1s", "--"), "Put it after --"),
        (("p", "--cooldown", "1s", "make", "all"), "the command goes after --"),
        (("p", "--", "true"), "--cooldown"),
        (("p", "--cooldown", "1s", "--frobnicate", "--", "true"), "--frobnicate"),
        (("p", "--cool", "1s", "--", "true"), "--cool"),
        (("p", "--cooldown", "1s", "--quiet", "5s", "--", "true"), "--wait"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(cli: Cli, argv: tuple[str, ...], hint: str) -> None:
    done = cli("run", *argv)

    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr
    assert not (cli.folder / "state").exists()


def test_each_key_is_a_gate_of_its_own_with_the_projects_settings(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["true"]}')
    named = ("sh", "-c", "echo $HOLDOFF_PROJECT $HOLDOFF_KEY >> ran")
    for argv in (("p",), ("p", "--key", "feature/x"), ("p@feature/y",), ("p@feature/x",)):
        cli("run", *argv, "--", *named)

    assert cli.lines() == ["p", "p feature/x", "p feature/y"]
    gates = [gate["project"] for gate in cli.json("status", "--json")["gates"]]
    assert gates == ["p", "p@feature/x", "p@feature/y"]
    assert cli("run", "p@x", "--key", "y", "--", *named).returncode == 2


def test_verbose_says_that_it_starts(cli: Cli) -> None:
    done = cli("run", "p", "--cooldown", "1s", "-v", "--", "true")

    assert done.stderr.startswith("holdoff: p started: build ")


def test_a_project_of_the_file_needs_no_cooldown_and_keeps_its_region(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nregion = "there"\nstarter = {command = ["true"]}')
    ran = cli("run", "p", "--", *RAN)
    skipped = cli("run", "p", "--", *RAN)
    triggered = cli("trigger", "p")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "skipped: last built" in skipped.stderr
    assert "p deferred: last built" in triggered.stdout
    assert len(cli.lines()) == 1
    assert [gate["region"] for gate in cli.json("status", "--json")["gates"]] == ["there"]


@pytest.mark.parametrize("processes", [2, 20])
def test_of_many_at_once_exactly_one_runs(cli: Cli, processes: int) -> None:
    crowd = [cli.start("run", "p", "--cooldown", "1h", "--", *RAN) for _ in range(processes)]
    ended = [(process.communicate(timeout=PATIENCE), process.returncode) for process in crowd]

    assert {status for _, status in ended} == {0}
    assert cli.lines() == ["ran"]
    assert sum("skipped" in errors for (_, errors), _ in ended) == processes - 1


def test_closed_streams_are_no_reason_to_fail(cli: Cli) -> None:
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        script = f'exec "$0" -m holdoff run p --cooldown 0 -- {" ".join(RAN[:2])} "{RAN[2]}" {closing}'
        done = subprocess.run(
            ["sh", "-c", script, sys.executable],
            env=cli.environment,
            cwd=cli.folder,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), closing
    assert len(cli.lines()) == 4


def test_no_orphan_and_no_claim_where_the_working_directory_is_gone(cli: Cli, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$1"; exec "$0" -m holdoff run p --cooldown 1h -- echo ran'
    done = cli_in(gone, cli, script, str(gone))

    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def cli_in(folder: Path, cli: Cli, script: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A shell script that runs ``$0 -m holdoff`` in a folder."""
    return subprocess.run(
        ["sh", "-c", script, sys.executable, *args],
        env=cli.environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
