"""``holdoff run``: runs, skips, and is otherwise not there."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from holdoff.core.pending import single
from holdoff.core.record import Record, Running
from holdoff.core.request import Request
from tests.cli.conftest import PATIENCE, PROGRAM, Terminal, line_of
from tests.waiting import until

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


@pytest.mark.parametrize("named", ["no-such-command", ""], ids=["missing", "empty"])
def test_a_command_that_does_not_exist_is_127_and_claims_nothing(cli: Cli, named: str) -> None:
    done = cli("run", "p", "--cooldown", "10m", "--", named)

    assert (done.returncode, done.stderr) == (127, f"holdoff: {named}: command not found\n")
    assert not (cli.folder / "state").exists()


@pytest.mark.parametrize("named", ["./unmarked", "unmarked"])
def test_a_file_that_is_not_executable_is_126_and_claims_nothing(cli: Cli, named: str) -> None:
    (cli.folder / "unmarked").write_text("#!/bin/sh\n")
    cli.environment["PATH"] = f"{cli.folder}:{cli.environment['PATH']}"
    done = cli("run", "p", "--cooldown", "10m", "--", named)

    assert (done.returncode, done.stderr) == (126, f"holdoff: {named}: not executable\n")
    assert not (cli.folder / "state").exists()


def test_a_script_without_a_shebang_runs_as_under_env(cli: Cli) -> None:
    """execvp(3): "If the header of a file isn't recognized ... the shell is executed"."""
    (cli.folder / "script").write_text('echo "$0" "$@"\n')
    (cli.folder / "script").chmod(0o755)
    cli.environment["PATH"] = f"{cli.folder}:{cli.environment['PATH']}"
    for named in ("./script", "script"):
        under = subprocess.run(["env", named, "a b", "c"], env=cli.environment, cwd=cli.folder, capture_output=True)
        done = cli("run", "p", "--cooldown", "0", "--", named, "a b", "c")
        assert (done.returncode, done.stdout, done.stderr) == (0, under.stdout.decode(), "")


@pytest.mark.parametrize("named", ["/", ".", "state"])
def test_a_folder_is_126_and_claims_nothing(cli: Cli, named: str) -> None:
    (cli.folder / "state").mkdir()
    cli.environment["PATH"] = f"{cli.folder}:{cli.environment['PATH']}"
    done = cli("run", "p", "--cooldown", "10m", "--", named)

    assert (done.returncode, done.stderr) == (126, f"holdoff: {named}: a directory\n")
    assert not [*(cli.folder / "state").iterdir()]


def test_a_start_that_is_refused_gives_the_slot_back_and_is_tried_again(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "10m", "--", "./script")
    script = cli.folder / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    refused = cli(*run)
    cancels = cli("run", "q", "--cooldown", "0", "--overlap", "cancel", "--", "./script")
    script.write_text("#!/bin/sh\necho mended\n")
    soon = cli(*run)
    cli.change(lambda record: record.but(pending=record.pending and record.pending.but(retry_ms=1)))
    later = cli(*run)

    assert refused.returncode == cancels.returncode == 127
    assert "the build was refused" in refused.stderr
    assert "the build was refused" in cancels.stderr, "not that a build before could not be ended"
    assert "Traceback" not in refused.stderr
    assert (soon.returncode, soon.stdout) == (0, "")
    assert "p deferred: the last start was refused: cannot run './script'" in soon.stderr
    assert later.stdout == "mended\n"
    assert cli.record().pending is None


#: As where a user has as many processes as he may have (``ulimit -u``).
NO_ROOM = """
import errno, os
def spawn(*_, **__):
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
os.posix_spawn = spawn
"""


def test_where_there_is_no_room_for_a_process_it_is_75_and_the_slot_is_given_back(cli: Cli) -> None:
    done = cli("run", "p", "--cooldown", "10m", "--", "true", prelude=NO_ROOM)

    assert done.returncode == 75, "126 would say that the command is wrong"
    assert "cannot run 'true': Resource temporarily unavailable; the slot is given back" in done.stderr
    assert cli.record().lastbuild is None


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


def test_the_environment_is_the_callers_own(cli: Cli) -> None:
    """In a C locale Python sets LC_CTYPE, for all its children (PEP 538)."""
    given = {"PATH": cli.environment["PATH"], "XDG_STATE_HOME": cli.environment["XDG_STATE_HOME"], "GIT_DIR": "here"}
    for more in ({}, {"LC_CTYPE": "C"}, {"LC_CTYPE": "C.UTF-8"}, {"LANG": "C.UTF-8"}):
        cli.environment = given | more
        told = cli("run", "p", "--cooldown", "0", "--", "env").stdout
        found = dict(line.split("=", 1) for line in told.splitlines())
        assert {name: value for name, value in found.items() if not name.startswith("HOLDOFF_")} == given | more


def test_in_a_locale_that_lacks_a_character_a_build_is_told_of_it_in_utf_8(cli: Cli) -> None:
    """A server in ISO 8859-1 could never start a build of a commit with an emoji in its message."""
    cli.config('[projects.p]\ncooldown = 0\nquiet = "1ms"\nstarter = {command = ["sh", "-c", "echo $HOLDOFF_REASON"]}')
    assert "deferred" in cli("trigger", "p", "--reason", "schön 🚀").stdout
    cli.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    assert "schön 🚀\n" in cli("wake", encoding="utf-8").stdout


def test_what_git_says_to_a_hook_is_not_said_to_a_build_elsewhere(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = 0\nstarter = {command = ["env"]}')
    of_it = {"GIT_DIR": ".", "GIT_INDEX_FILE": "x", "GIT_QUARANTINE_PATH": "x", "GIT_WORK_TREE": "x", "GIT_PREFIX": ""}
    cli.environment |= of_it | {"GIT_SSH_COMMAND": "ssh -v", "PWD": "/elsewhere"}
    found = cli("trigger", "p").stdout.splitlines()

    assert "GIT_SSH_COMMAND=ssh -v" in found
    assert f"PWD={cli.folder}" in found
    assert not [line for line in found if line.partition("=")[0] in of_it]


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
        (("p", "--cooldown", "1s", "store", "all"), "the command goes after --"),
        (("p", "--", "true"), "--cooldown"),
        (("p", "--cooldown", "1s", "--frobnicate", "--", "true"), "--frobnicate"),
        (("p", "--cool", "1s", "--", "true"), "--cool"),
        (("p", "--cooldown", "1s", "--quiet", "5s", "--", "true"), "--quiet goes with --wait"),
        (("p", "--cooldown", "1s", "--overlap", "defer", "--", "true"), "--overlap defer goes with --wait"),
        (("p", "--cooldown", "1s", "--wait-timeout", "5s", "--", "true"), "--wait-timeout goes with --wait"),
        (("p", "--cooldown", "1s", "--wait", "--wait-timeout", "soon", "--", "true"), "--wait-timeout is"),
        (("p", "--cooldwn", "1s", "--", "true"), "did you mean --cooldown?"),
        (("p", "--cooldown", "1s", "--overlap", "never", "--", "true"), "--overlap"),
        (("p", "--on-failure", "rearm", "--", "true"), "--cooldown"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(cli: Cli, argv: tuple[str, ...], hint: str) -> None:
    done = cli("run", *argv)

    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not (cli.folder / "state").exists()


@pytest.mark.parametrize("option", [("--on-failure", "rearm"), ("--max-wait", "5m", "--wait"), ("--overlap", "skip")])
def test_settings_of_the_file_are_not_mixed_with_options(cli: Cli, option: tuple[str, ...]) -> None:
    cli.config("[projects.p]\ncooldown = 0\nstarter = { command = ['true'] }")
    done = cli("run", "p", *option, "--", *RAN)

    said = (
        "--quiet, --max-wait, --overlap, --on-failure go with --cooldown; without it the policy in holdoff.toml counts"
    )
    assert (done.returncode, done.stderr) == (2, f"holdoff: {said}\n")
    assert cli.lines() == []


def test_a_command_that_does_not_exist_is_two_lines(cli: Cli) -> None:
    done = cli("rnu", "p")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "holdoff: no such command: rnu",
        "holdoff: did you mean run? `holdoff --help` lists them all",
    ]


@pytest.mark.parametrize(
    "argv", [("run", "p", "--limit", "3/1h", "--", "true"), ("store", "check", "--json"), ("status", "--env", "x")]
)
def test_two_dashes_do_not_make_an_option_like_another(cli: Cli, argv: tuple[str, ...]) -> None:
    done = cli(*argv)

    assert (done.returncode, "did you mean" in done.stderr) == (2, False)


def test_an_option_before_the_command_is_told_where_it_goes(cli: Cli) -> None:
    assert "Options follow the command" in cli("--config", "x.toml", "status").stderr


@pytest.mark.parametrize("verb", ["run", "trigger"])
def test_help_begins_with_examples(cli: Cli, verb: str) -> None:
    told = cli(verb, "--help").stdout

    assert told.index(f"\n  holdoff {verb} site") < told.index("\npositional arguments:")


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


def test_a_relative_file_from_a_working_directory_that_is_gone(cli: Cli, tmp_path: Path) -> None:
    """The kernel still finds what is above; the folder that a command is to run in has no name."""
    cli.config("[projects.p]\ncooldown = 0\nstarter = { command = ['true'] }")
    gone = tmp_path / "gone"
    gone.mkdir()
    done = cli_in(gone, cli, 'rmdir "$1"; exec "$0" -m holdoff trigger p --config ../holdoff.toml', str(gone))

    want = "--config is '../holdoff.toml'; write a file that exists"
    assert (done.returncode, done.stderr) == (78, f"holdoff: {want}\n")


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


def test_a_reason_of_many_lines_is_its_first(cli: Cli) -> None:
    """``git log -1 --format=%B``, escapes and all."""
    reason = f"\n  Mend the\tfold \x1b[31m {'x' * 300}\n\nBecause.\n"
    cli("hold", "p", "--new", "--why", reason)
    hold = cli.record().hold
    assert hold is not None
    assert hold.why.startswith("Mend the fold")
    cli("resume", "p", "--why", reason)
    done = cli("run", "p", "--cooldown", "0", "--reason", reason, "--", "sh", "-c", "echo $HOLDOFF_REASON")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Mend the fold")
    assert cli("run", "p", "--cooldown", "0", "--", "sh", "-c", "echo $HOLDOFF_REASON").stdout == "holdoff run\n"
    cli.config('[projects.p]\ncooldown = 0\nstarter = {command = ["sh", "-c", "echo $HOLDOFF_REASON"]}')
    assert "Mend the fold" in cli("trigger", "p", "--reason", reason).stdout


# --- what is said, and to which reader -----------------------------------------------------------------------------


def test_without_a_reader_of_stderr_a_skip_is_a_skip(cli: Cli) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    cli("run", "p", "--cooldown", "1h", "--", *RAN)
    skipped = cli.start("run", "p", "--cooldown", "1h", "--", *RAN, stderr=writer)
    os.close(writer)

    assert skipped.wait(timeout=PATIENCE) == 0
    assert cli.lines() == ["ran"]


def test_silent_says_nothing_but_errors(cli: Cli) -> None:
    """For cron, which mails every line."""
    run = ("run", "p", "--cooldown", "1h", "-q", "--")
    ran, skipped = cli(*run, "true"), cli(*run, "true")
    wrong = cli("run", "q", "--cooldown", "1h", "--silent", "--", "no-such-command")

    assert [(one.returncode, one.stdout, one.stderr) for one in (ran, skipped)] == [(0, "", "")] * 2
    assert (wrong.returncode, wrong.stderr) == (127, "holdoff: no-such-command: command not found\n")


def test_json_is_one_object_and_the_commands_output_goes_to_stderr(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "1h", "--json", "--")
    ran = cli(*run, "sh", "-c", "echo out; exit 3")
    told, skipped = json.loads(ran.stdout), cli.json(*run, "true")

    assert (ran.returncode, ran.stderr) == (3, "out\n")
    assert (told["outcome"], told["exit_status"]) == ("started", 3)
    assert (skipped["outcome"], skipped["why"], skipped["exit_status"]) == ("skipped", "cooling_down", 0)
    assert skipped["last_failed"] is not None


def test_after_a_failure_it_does_not_say_that_it_built(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "1h", "--")
    cli(*run, "false")
    skipped = cli(*run, *RAN)

    assert skipped.returncode == 0
    assert re.fullmatch(r"holdoff: p skipped: the last build failed \S+ ago, ready in \S+\n", skipped.stderr)


def test_rearm_tries_again_with_a_back_off_and_says_so(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "1h", "--on-failure", "rearm", "--")
    failed = cli(*run, "sh", "-c", "exit 3")
    soon = cli(*run, *RAN)
    cli.change(lambda record: record.but(pending=record.pending and record.pending.but(retry_ms=1)))
    later = cli(*run, *RAN)

    assert (failed.returncode, soon.returncode) == (3, 0)
    assert "p deferred: the last build failed " in soon.stderr
    assert "refused" not in soon.stderr
    assert (later.returncode, later.stderr, cli.lines()) == (0, "", ["ran"])


def test_a_cooldown_that_is_shortened_applies_to_what_is_pending(cli: Cli) -> None:
    config = '[projects.p]\ncooldown = "{}"\nstarter = {{command = ["sh", "-c", "echo ran >> ran"]}}'
    cli.config(config.format("1h"))
    cli("trigger", "p")
    assert "deferred" in cli("trigger", "p").stdout
    assert cli("wake").stdout == ""
    cli.config(config.format(0))

    assert "p started" in cli("wake").stdout
    assert cli.lines() == ["ran", "ran"]


def test_so_does_an_overlap_that_is_forbidden_though_the_command_before_died(cli: Cli) -> None:
    """Its end was never reported, and no cooldown asked for it. The lease is over: it keeps nothing waiting."""
    cli.config('[projects.p]\ncooldown = 0\noverlap = "defer"\nstarter = {command = ["sh", "-c", "echo ran >> ran"]}')
    pending = single(Request(project="p", region="local"), 1)
    died = Running(build_id="1@gone", token="t", started_ms=1, lease_until_ms=2, covers=pending, claimed_ms=1)
    cli.change(lambda _: Record(lastbuild=Decimal(1), running=died, pending=pending, due_ms=4_000_000_000_000))

    assert "p started" in cli("wake").stdout
    assert cli.lines() == ["ran"]


def test_two_checkouts_of_one_project_each_build_in_their_own_folder(cli: Cli) -> None:
    """Each ``holdoff.toml`` has a default store of its own: what is pending in one is not built as the other."""
    for name in ("a", "b"):
        (cli.folder / name).mkdir()
        (cli.folder / name / "holdoff.toml").write_text(
            '[projects.site]\ncooldown = "1h"\nstarter = {command = ["sh", "-c", "pwd >> ../ran"]}'
        )
    for name, verb in (("b", "trigger site"), ("b", "trigger site"), ("a", "wake"), ("a", "trigger site")):
        cli_in(cli.folder / name, cli, f'"$0" -m holdoff {verb}')

    assert cli.lines() == [f"{cli.folder}/b", f"{cli.folder}/a"]
    pending = cli_in(cli.folder / "b", cli, '"$0" -m holdoff status --json').stdout
    assert [gate["pending"]["count"] for gate in json.loads(pending)["gates"]] == [1]


def test_the_store_may_be_named_by_the_environment(cli: Cli) -> None:
    cli.environment["HOLDOFF_STORE"] = f"sqlite:///{cli.folder}/named.db"
    cli("run", "p", "--cooldown", "1h", "--", "true")
    named = cli("status")
    other = cli("status", "--store", f"sqlite:///{cli.folder}/other.db")

    assert (cli.folder / "named.db").exists()
    assert named.stdout.startswith("p: ")
    assert other.stdout.startswith("no gates yet")


# --- while another runs --------------------------------------------------------------------------------------------


def test_that_two_run_at_once_is_said(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "0")
    first = cli.start(*run, "-v", "--", "sh", "-c", "read line")
    build_id = line_of(first.stderr).rpartition(" build ")[2].strip()
    beside, silent = cli(*run, "--", "true"), cli(*run, "-q", "--", "true")
    told = cli.json(*run, "--json", "--", "true")
    first.communicate("go\n", timeout=PATIENCE)
    after = cli(*run, "--", "true")

    hint = "--overlap skip, cancel or defer keeps them apart"
    assert beside.stderr == f"holdoff: p: runs beside {build_id}; {hint}\n"
    assert silent.stderr == ""
    assert told["beside"] is None, "it is told of the newest one only, and those have ended"
    assert after.stderr == ""


@pytest.mark.parametrize(
    ("script", "grace_s", "status", "lines"),
    [
        (
            "trap 'echo gone >> ran; exit 5' TERM; echo ready; while true; do sleep 0.01; done",
            PATIENCE,
            5,
            ["gone", "ran"],
        ),
        ("trap '' TERM; echo ready; while true; do sleep 0.01; done", 0.1, 137, ["ran"]),
    ],
    ids=["goes", "stubborn"],
)
def test_overlap_cancel_ends_the_one_before_first(
    cli: Cli, script: str, grace_s: float, status: int, lines: list[str]
) -> None:
    run = ("run", "p", "--cooldown", "0", "--overlap", "cancel", "-v", "--")
    first = cli.start(*run, "sh", "-c", script)
    assert line_of(first.stdout) == "ready\n"
    assert "p started" in line_of(first.stderr)
    second = cli(*run, *RAN, prelude=f"import holdoff.starters.processes as p; p.GRACE_MS = {1000 * grace_s:.0f}")
    first.wait(timeout=PATIENCE)

    assert (first.returncode, second.returncode) == (status, 0)
    assert cli.lines() == lines


def test_overlap_cancel_ends_all_that_was_typed_in_a_terminal(cli: Cli) -> None:
    """There it shares a group with its ``holdoff``: what a script had started ran on, beside the next one."""
    run = ("run", "p", "--cooldown", "0", "--overlap", "cancel", "--")
    first = Terminal(cli, *run, "sh", "-c", "sh -c 'echo ready; sleep 1000; true'; true", columns=60)
    first.wait_for("ready")
    second = cli(*run, *RAN)

    assert (second.returncode, cli.lines()) == (0, ["ran"])
    assert first.end() == 128 + signal.SIGTERM, "the last process with the terminal has gone"


def test_overlap_cancel_ends_what_is_in_a_group_of_its_own(cli: Cli) -> None:
    """As timeout(1) is: it once ran on, beside the next one."""
    run = ("run", "p", "--cooldown", "0", "--overlap", "cancel", "--")
    first = cli.start(*run, "sh", "-c", "timeout 1h sh -c 'echo ready; sleep 1000'; true")
    assert line_of(first.stdout) == "ready\n"
    second = cli(*run, *RAN)

    assert (second.returncode, cli.lines()) == (0, ["ran"])
    assert first.communicate(timeout=PATIENCE)[0] == "", "the last process with the pipe has gone"


@pytest.mark.parametrize(
    ("how", "would"),
    [
        ("--overlap defer --wait", "with overlap defer it would wait for that command, which waits for it"),
        ("--overlap cancel", "with overlap cancel it would end that command, and itself"),
    ],
)
@pytest.mark.parametrize(
    "between", ["", "sh -c '\"$@\"; exit' - ", f"{sys.executable} -m holdoff run q --cooldown 0 -- "]
)
def test_a_run_inside_its_own_command_does_not_wait_for_itself(cli: Cli, how: str, would: str, between: str) -> None:
    """It once waited for ever, as a lock in a lock does, or ended itself."""
    run = f"run p --cooldown 0 {how} --"
    done = cli(*run.split(), *shlex.split(between), *PROGRAM, *run.split(), *RAN)

    assert (done.returncode, done.stderr) == (2, f"holdoff: p: this runs inside a command of p; {would}\n")
    assert cli.lines() == []
    assert cli.record().pending is None


def test_nor_does_one_that_waits_for_a_cooldown_from_that_commands_end(cli: Cli) -> None:
    """It once waited for ever. One that does not wait is skipped, and one that is forced runs."""
    cli.config('[projects.p]\ncooldown = 0\ncooldown_from = "finish"\nstarter = { command = ["true"] }\n')
    inside = ("run", "p", "--", *PROGRAM, "run", "p")
    done = cli(*inside, "--wait", "--wait-timeout", "9s", "--", *RAN)
    would = "with cooldown_from finish it would wait for that command, which waits for it"
    assert (done.returncode, done.stderr) == (2, f"holdoff: p: this runs inside a command of p; {would}\n")
    assert cli.record().pending is None
    assert (cli(*inside, "--", *RAN).returncode, cli.lines()) == (0, [])
    assert (cli(*inside, "--wait", "--force", "--", *RAN).returncode, cli.lines()) == (0, ["ran"])


def test_nor_does_one_that_would_join_what_is_pending(cli: Cli) -> None:
    """With overlap skip it is skipped. Where another caller waited already, it once waited with that one, for ever."""
    inside = ("run", "p", "--cooldown", "0", "--overlap", "skip", "--wait", "--wait-timeout", "9s", "--", *RAN)
    later = ("run", "p", "--cooldown", "1h", "--wait", "--wait-timeout", "1ms", "--", *RAN)
    both = f"{shlex.join((*PROGRAM, *later))}; {shlex.join((*PROGRAM, *inside))}"
    done = cli("run", "p", "--cooldown", "0", "--", "sh", "-c", both)
    would = "with overlap skip it would wait for that command, which waits for it"
    assert done.returncode == 2
    assert done.stderr.endswith(f"holdoff: p: this runs inside a command of p; {would}\n")
    cli("reset", "p", "--drop-pending")
    skipped = cli("run", "p", "--cooldown", "0", "--", *PROGRAM, *inside)
    assert (skipped.returncode, cli.lines()) == (0, [])
    assert "p skipped: build" in skipped.stderr
    joins = ("run", "p", "--cooldown", "0", "--overlap", "skip", "--", *RAN)  # and does not wait
    both = f"{shlex.join((*PROGRAM, *later))}; {shlex.join((*PROGRAM, *joins))}"
    assert cli("run", "p", "--cooldown", "0", "--", "sh", "-c", both).returncode == 0


def test_a_run_inside_the_command_of_another_gate_may_wait(cli: Cli) -> None:
    other = cli.start("run", "p", "--cooldown", "0", "-v", "--", "sh", "-c", "read line")
    line_of(other.stderr)
    run = ("run", "p", "--cooldown", "0", "--overlap", "defer", "--wait", "--wait-timeout", "0", "--", *RAN)
    done = cli("run", "q", "--cooldown", "0", "--", *PROGRAM, *run)

    assert (done.returncode, done.stderr.endswith("; --wait-timeout is over\n")) == (75, True)
    idle = ("run", "idle", "--cooldown", "0", "--overlap", "defer", "--wait", "--", *RAN)
    assert cli("run", "q", "--cooldown", "0", "--", *PROGRAM, *idle).stderr == ""
    assert cli.lines() == ["ran"]


#: Every signal is refused, as it is to a process of another user.
ANOTHERS = """
import os
def refused(*_): raise PermissionError(1, "Operation not permitted")
os.kill, os.geteuid = refused, lambda: 61_002
"""


def test_overlap_cancel_says_what_may_not_be_ended(cli: Cli) -> None:
    """It once said that it starts when that ends, with status 0, though nothing was to start it."""
    first = cli.start("run", "p", "--cooldown", "0", "-v", "--", "sh", "-c", "read line")
    build_id = line_of(first.stderr).rpartition(" build ")[2].strip()
    run = ("run", "p", "--cooldown", "0", "--overlap", "cancel")
    said = f"holdoff: p: build {build_id} could not be ended from here; --wait"
    for _ in range(2):
        done = cli(*run, "--", *RAN, prelude=ANOTHERS)
        assert (done.returncode, done.stderr) == (75, f"{said} waits for its end\n")
    told = cli(*run, "--json", "--", *RAN, prelude=ANOTHERS)
    assert json.loads(told.stdout)["exit_status"] == 75
    assert cli(*run, "--skip-exit-code", "9", "--", *RAN).returncode == 9
    late = cli(*run, "--wait", "--wait-timeout", "0", "--", *RAN, prelude=ANOTHERS)
    assert (late.returncode, late.stderr.endswith("; --wait-timeout is over\n")) == (75, True), "it has waited already"

    waits = cli.start(*run, "--wait", "--", *RAN)
    assert "p deferred: " in line_of(waits.stderr)
    first.communicate("go\n", timeout=PATIENCE)
    assert waits.wait(timeout=PATIENCE) == 0
    assert cli.lines() == ["ran"]


# --- from a hook ---------------------------------------------------------------------------------------------------


def test_detached_a_hook_does_not_wait_for_the_build(cli: Cli) -> None:
    """It reads to the end of the hook's pipes, as git does: no process behind has them open."""
    os.mkfifo(cli.folder / "fifo")
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["sh", "-c", "echo out; cat fifo >> ran"]}')
    done, again = cli("trigger", "p", "--detach"), cli("trigger", "p", "--detach")
    running = cli.record().running
    (cli.folder / "fifo").write_text("built\n")
    ended(cli)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"p started: build \S+\n", done.stdout)
    assert again.stdout.startswith("p deferred: ")
    assert running is not None
    assert cli.lines() == ["built"]


def test_detached_output_goes_on_to_a_file(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["sh", "-c", "echo out; echo err >&2"]}')
    with (cli.folder / "log").open("w") as log:
        process = cli.start("trigger", "p", "--detach", stdout=log, stderr=log)
        assert process.wait(timeout=PATIENCE) == 0
    ended(cli)

    assert sorted(cli.lines("log"))[:2] == ["err", "out"]
    assert "p started" in cli.lines("log")[-1] or "p started" in cli.lines("log")[0]


def test_detached_without_room_for_a_process_behind_nothing_is_lost(cli: Cli) -> None:
    """A hook is not called again: what it asks for counts for more than its time."""
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = { command = ["sh", "-c", "echo ran >> ran"] }')
    no_fork = """
import os
def fork():
    raise BlockingIOError(11, 'no room')
os.fork = fork
"""
    done = cli("trigger", "p", "--detach", prelude=no_fork)

    assert done.returncode == 0
    assert done.stderr == "holdoff: --detach: no room; waiting for the build's end instead\n"
    assert cli.lines() == ["ran"]


def test_detached_with_a_stdout_that_cannot_be_written_it_triggers_once(cli: Cli) -> None:
    """As in a terminal that has gone: the error was taken for one of the fork."""
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = { command = ["sh", "-c", "echo ran >> ran"] }')
    as_in_a_terminal = "import sys\nsys.stdout.reconfigure(line_buffering=True)"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        caller = cli.start("trigger", "p", "--detach", prelude=as_in_a_terminal, stdout=full)
        caller.wait()
    ended(cli)

    assert caller.communicate()[1] == "holdoff: cannot write the output: No space left on device\n"
    assert (caller.returncode, cli.record().pending) == (74, None)


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_detached_closed_streams_are_no_reason_to_fail(cli: Cli, closing: str) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["sh", "-c", "echo built >> ran"]}')
    cli("hold", "p", "--why", "its store is there")
    cli("resume", "p")
    done = cli_in(cli.folder, cli, f'exec "$0" -m holdoff trigger p --detach {closing}')

    assert (done.returncode, done.stderr) == (0, "")
    assert cli.record().running or cli.record().finished
    ended(cli)
    assert cli.lines() == ["built"]


def test_detached_the_build_goes_on_though_its_caller_has_gone(cli: Cli) -> None:
    """Ctrl-C at a push that takes long, say: the start had no reader for its decision, and the build was ended."""
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["sh", "-c", "sleep 0.2; echo built >> ran"]}')
    gone = """
import os, signal, holdoff.cli.detach as behind
def go_on(made=behind.go_on, caller=os.getppid):
    before = caller()
    os.kill(before, signal.SIGKILL)
    while caller() == before: pass
    made()
behind.go_on = go_on
"""
    assert cli("trigger", "p", "--detach", prelude=gone).returncode == -signal.SIGKILL
    ended(cli)
    assert cli.lines() == ["built"]


def test_detached_a_process_behind_that_is_killed_is_told_as_by_a_shell(cli: Cli) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["true"]}')
    killed = "import os, signal, holdoff.cli.detach as d\nd._settle = lambda _: os.kill(os.getpid(), signal.SIGKILL)"

    assert cli("trigger", "p", "--detach", prelude=killed).returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize(("project", "status"), [("p", 75), ("q", 78)])
def test_detached_what_is_wrong_is_said_and_the_status_is_the_same(cli: Cli, project: str, status: int) -> None:
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["no-such-command"]}')
    plain, detached = cli("trigger", project), cli("trigger", project, "--detach")

    assert plain.returncode == status
    assert detached.returncode == (status if project == "q" else 0), "deferred: it backs off"
    cli("reset", project, "--drop-pending")
    assert cli("trigger", project, "--detach").returncode == status


def test_detached_a_failure_is_one_in_every_encoding(cli: Cli) -> None:
    """A line in UTF-16 ends with a null byte, which stood for a build that goes on."""
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = {command = ["no-such-command"]}')
    cli.environment["PYTHONIOENCODING"] = "utf-16-le"
    done = cli("trigger", "p", "--detach", encoding="utf-16-le")

    assert (done.returncode, done.stdout[:9]) == (75, "p failed:")


def ended(cli: Cli) -> None:
    """Wait until the end of the build is in the store."""
    until(lambda: cli.record().finished)


@pytest.mark.parametrize(("cooldown", "is_due"), [(["--cooldown", "1h"], False), ([], True)])
def test_what_waits_at_its_end_is_due_after_the_cooldown_or_at_once_if_an_edit_may_have_changed_that(
    cli: Cli, cooldown: list[str], is_due: bool
) -> None:
    """A cooldown of the command line is in no file. At once: a loop that goes by the edit is to look."""
    cli.config('[projects.p]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    process = cli.start("run", "p", *cooldown, "--", "sh", "-c", "echo asked; read answer")
    assert line_of(process.stdout) == "asked\n"
    until(lambda: cli.record().running)
    pending = single(Request(project="p", region="local"), cli.record().lastbuild_ms or 0)
    cli.change(lambda record: record.but(pending=pending))
    process.communicate("\n", timeout=PATIENCE)
    after = cli.record()
    assert after.due_ms is not None
    assert after.finished is not None
    assert after.finished.ended_ms is not None
    assert (after.due_ms <= after.finished.ended_ms) is is_due
