"""``holdoff run --wait``: of all that wait the newest one's command runs, and the others share its end.

A hold keeps them waiting for as long as a test likes: hardly a test waits for a cooldown to pass.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from holdoff.core.record import Hold, Record
from holdoff.core.request import GateKey
from tests import waiting
from tests.cli.conftest import PATIENCE, PROGRAM, line_of, line_with
from tests.cli.test_crashes import NO_ANSWER_ONCE, TAKEN_OVER_ELSEWHERE

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

WAIT = ("run", "p", "--cooldown", "1h", "--wait")
RAN = ("sh", "-c", "echo ran >> ran")
LONG_AGO_MS = 1_795_000_000_000
#: Looks again at once, however long nothing is due.
IMPATIENT = "import holdoff.cli.wait as w; w.LONGEST_MS = 100"
KILLED_BEFORE_THE_START = """
import os, signal
from holdoff.starters.command import Command
Command.start = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def held(cli: Cli) -> Cli:
    """A gate on hold."""
    cli("hold", "p", "--new", "--why", "a test", "--by", "me")
    return cli


def waiter(cli: Cli, *command: str, options: tuple[str, ...] = (), prelude: str = "") -> subprocess.Popen[str]:
    """One that has said that it waits."""
    process = cli.start(*WAIT, *options, "--", *(command or RAN), prelude=prelude)
    assert line_of(process.stderr).startswith("holdoff: p deferred: on hold: a test")
    return process


def says(word: str, status: int = 0) -> tuple[str, ...]:
    """A command that says which it was."""
    return ("sh", "-c", f"echo {word} >> ran; exit {status}")


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status, and what it still said."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


@pytest.mark.parametrize(("status", "how"), [(0, "succeeded"), (3, "failed (exit status 3)")])
def test_the_newest_ones_command_runs_and_all_exit_with_its_status(held: Cli, status: int, how: str) -> None:
    """Change each time in argv: only the newest one's has it all."""
    older = [waiter(held, *says(word, 9)) for word in ("first", "second")]
    newest = waiter(held, *says("third", status))
    held("resume", "p")
    shared = [ends(process) for process in older]

    assert ends(newest) == (status, "")
    assert held.lines() == ["third"]
    record = held.record()
    assert record.pending is None
    assert record.finished is not None
    for code, errors in shared:
        assert code == status
        assert f"p skipped: covered by build {record.finished.build_id}, which {how}\n" in errors


def test_the_environment_and_folder_are_the_newest_ones_too(held: Cli) -> None:
    show = ("sh", "-c", f"echo $CHANGE $(basename $PWD) >> {held.folder}/ran")
    for name in ("one", "two"):
        (held.folder / name).mkdir()
    crowd = []
    for name in ("one", "two"):
        held.environment["CHANGE"] = name
        crowd.append(waiter(held, "env", "-C", name, *show))
    held("resume", "p")

    assert [ends(process)[0] for process in crowd] == [0, 0]
    assert held.lines() == ["two two"]


#: Looks again only when its time has come.
CALM = f"import holdoff.cli.wait as w; w.LONGEST_MS = {10_000 * PATIENCE}"


def test_where_the_newest_was_killed_the_next_newest_runs_a_second_later(held: Cli) -> None:
    first, second = (waiter(held, *says(word), prelude=CALM) for word in ("first", "second"))
    newest = waiter(held, *says("third"))
    newest.kill()
    assert ends(newest)[0] == -signal.SIGKILL
    held("resume", "p")

    assert [ends(process)[0] for process in (first, second)] == [0, 0]
    assert held.lines() == ["second"]
    record = held.record()
    assert record.finished is not None
    resumed_ms = record.acts[0].at_ms
    assert record.finished.claimed_ms - resumed_ms >= 1_000


def test_more_than_the_record_has_room_for_share_its_end_too(held: Cli) -> None:
    crowd = [waiter(held, *says("older")) for _ in range(18)]
    newest = waiter(held, *says("newest", 3))
    held("resume", "p")

    assert {ends(process)[0] for process in (*crowd, newest)} == {3}
    assert held.lines() == ["newest"]


#: A deployment may take longer than a second.
ONE_BY_ONE = ("--cooldown", "1s", "--overlap", "defer", "--wait")


def test_the_live_revision_is_never_stale(cli: Cli) -> None:
    """As a post-receive hook has it: three pushes in a row, three times, each to deploy its own revision."""
    revision = 0
    for _ in range(3):
        hooks = []
        for _ in range(3):
            revision += 1
            deploy = ("sh", "-c", f"echo {revision} > live")
            hooks.append(cli.start("run", "p", *ONE_BY_ONE, "-v", "--", *deploy))
            assert line_of(hooks[-1].stderr).startswith(("holdoff: p started", "holdoff: p deferred"))
        ended = [ends(hook) for hook in hooks]
        assert [status for status, _ in ended] == [0, 0, 0], ended
        assert cli.lines("live") == [str(revision)]


def test_a_ready_gate_runs_at_once(cli: Cli) -> None:
    done = cli(*WAIT, "--", *RAN)

    assert (done.returncode, done.stderr) == (0, "")
    assert cli.lines() == ["ran"]


def test_when_the_cooldown_ends_it_runs_with_the_commands_status(cli: Cli) -> None:
    """Waits for a real cooldown: half a second."""
    command = ("run", "p", "--cooldown", "500ms", "--wait", "--", "sh", "-c", "echo ran; exit 7")
    first, second = cli(*command), cli(*command)

    assert (first.returncode, second.returncode) == (7, 7)
    assert (first.stdout, second.stdout) == ("ran\n", "ran\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_that_gives_up_leaves_its_trigger_to_the_next_run(held: Cli, number: signal.Signals) -> None:
    alone = waiter(held)
    alone.send_signal(number)
    gave_up = ends(alone)
    held("resume", "p")
    after = held("run", "p", "--cooldown", "1h", "-v", "--", *says("next"))

    assert gave_up == (
        -number if number == signal.SIGINT else 128 + number,
        "holdoff: p: no longer waiting; the trigger stays pending, and the next run builds it\n",
    )
    assert "for 2 triggers" in after.stderr
    assert held.lines() == ["next"]


def test_one_that_gives_up_leaves_the_others_their_build(held: Cli) -> None:
    one, other = waiter(held), waiter(held)
    one.send_signal(signal.SIGINT)
    assert ends(one)[0] == -signal.SIGINT
    held("resume", "p")

    assert ends(other)[0] == 0
    assert held.lines() == ["ran"]


def test_build_and_then_upload_means_what_it_says(held: Cli) -> None:
    """As a script has it: upload follows a build that covers this change, has ended, and has ended well."""
    run = f"{sys.executable} -m holdoff run p --cooldown 1h --wait --"
    scripts = []
    for word, status in (("first", 0), ("second", 3)):
        script = f"{run} sh -c 'echo {word} >> ran; exit {status}' && echo upload {word} >> ran"
        scripts.append(held.start("run", word, "--cooldown", "0", "--", "sh", "-c", script))
        assert "p deferred: on hold" in line_of(scripts[-1].stderr)
    held("resume", "p")

    assert [ends(script)[0] for script in scripts] == [3, 3]
    assert held.lines() == ["second"]


def test_what_is_dropped_is_no_success(held: Cli) -> None:
    alone = waiter(held)
    held("reset", "p", "--drop-pending")

    assert ends(alone) == (75, "holdoff: p skipped: what was pending was dropped\n")


@pytest.mark.parametrize("silent", [(), ("-q",)], ids=["", "silent"])
def test_it_waits_no_longer_than_it_is_told_and_leaves_its_trigger(held: Cli, silent: tuple[str, ...]) -> None:
    late = held(*WAIT, "--wait-timeout", "10ms", *silent, "--", *RAN)
    held("resume", "p")
    after = held("run", "p", "--cooldown", "1h", "-v", "--", *says("next"))

    assert late.returncode == 75
    assert late.stderr.splitlines()[-1].endswith("; --wait-timeout is over")
    assert "for 2 triggers" in after.stderr
    assert held.lines() == ["next"]


#: The machine's clock is set back by an hour.
SET_BACK = """
import time, holdoff.cli.wait as w
def wait(self, begin=w.Waiter.wait, at=time.time_ns):
    time.time_ns = lambda: at() - 3_600_000_000_000
    return begin(self)
w.Waiter.wait = wait
"""


def test_it_waits_no_longer_where_the_clock_is_set_back(held: Cli) -> None:
    late = held(*WAIT, "--wait-timeout", "1s", "--", *RAN, prelude=SET_BACK)

    assert late.returncode == 75
    assert late.stderr.splitlines()[-1].endswith("; --wait-timeout is over")


#: Two hours pass once there is a file.
TWO_HOURS = """
import os, holdoff.cli.wait as w
w.running_ms = lambda now_ms=w.running_ms: now_ms() + 7_200_000 * os.path.exists("late")
"""


def test_it_waits_no_longer_for_the_build_of_another(held: Cli) -> None:
    older = waiter(held, options=("--wait-timeout", "1h"), prelude=TWO_HOURS)
    newest = waiter(held, "sh", "-c", "echo ready; read line")
    held("resume", "p")
    assert line_of(newest.stdout) == "ready\n"
    assert any("covered by build" in line for line in iter(lambda: line_of(older.stderr), ""))
    (held.folder / "late").touch()
    status, errors = ends(older)
    newest.communicate("go\n", timeout=PATIENCE)

    assert (status, newest.returncode) == (75, 0)
    assert "p skipped: covered by build " in errors
    assert "which still runs; --wait-timeout is over" in errors


#: Leaves a file when it sees that its build is in the history only.
LOOKS = """
import holdoff.cli.wait as w
def goes_on(build, at_ms, made=w._goes_on):
    if isinstance(build, w.Finished): open("looked", "w").close()
    return made(build, at_ms)
w._goes_on = goes_on
"""


def test_it_waits_for_its_build_though_a_newer_one_has_replaced_it_in_the_record(held: Cli) -> None:
    older = waiter(held, prelude=LOOKS)
    newest = waiter(held, "sh", "-c", "echo ready; read line; exit 4")
    held("resume", "p")
    assert line_of(newest.stdout) == "ready\n"
    assert any("covered by build" in line for line in iter(lambda: line_of(older.stderr), ""))
    assert held("run", "p", "--cooldown", "1h", "--force", "--", "true").returncode == 0
    waiting.until(lambda: (held.folder / "looked").exists())
    newest.communicate("go\n", timeout=PATIENCE)
    status, errors = ends(older)

    assert (status, "which failed (exit status 4)" in errors) == (4, True)


def test_it_waits_no_longer_for_a_build_that_is_in_no_record(held: Cli) -> None:
    """The store was emptied, say."""
    older = waiter(held)
    newest = waiter(held, "sh", "-c", "echo ready; read line")
    held("resume", "p")
    assert line_of(newest.stdout) == "ready\n"
    assert any("covered by build" in line for line in iter(lambda: line_of(older.stderr), ""))
    with sqlite3.connect(held.store.path) as db:
        db.execute("DELETE FROM gates")
    db.close()
    status, errors = ends(older)
    newest.communicate("go\n", timeout=PATIENCE)

    assert (status, newest.returncode) == (75, 0)
    assert errors.endswith(", but how that ended is not known\n")


def test_silent_and_json_say_nothing_while_they_wait(held: Cli) -> None:
    held("reset", "p")
    crowd = [held.start(*WAIT, option, "--", *RAN) for option in ("-q", "--json")]
    waiting.until(lambda: (pending := held.record().pending) and pending.count == 2)
    held("resume", "p")
    (silent, told) = (process.communicate(timeout=PATIENCE) for process in crowd)

    assert silent == ("", "")
    assert told[1] == ""
    assert json.loads(told[0])["exit_status"] == 0


HOOK = """#!/bin/sh
while read -r old new ref; do
    ({python} -m holdoff run site {options} -- \\
        sh -c "git archive $new | tar -xC {live}" 2>> {folder}/hook.log; echo done >> {folder}/hooks) &
done
"""


#: Gives up on a store that is in use after 50 ms, and asks again for as long as a test says.
OUT_OF_REACH = (
    "import holdoff.stores.sqlite_file as s, holdoff.cli.wait as w; s.BUSY_MS, w.LONGEST_MS, w.OUTAGE_MS = 50, 100, {}"
)


@pytest.mark.parametrize("until", ["it is its turn", "its build has ended"])
def test_a_store_that_does_not_answer_for_a_while_ends_no_wait(held: Cli, until: str) -> None:
    """A restart of the database, say, amid an hour's wait."""
    process = waiter(held, *says("mine"), prelude=OUT_OF_REACH.format(60_000))
    if until == "its build has ended":
        other = waiter(held, "sh", "-c", "echo runs; read _; exit 4")
        held("resume", "p")
        assert line_of(other.stdout) == "runs\n"
        line_with(process.stderr, "covered by build")
    with held.store.path.with_name("gates.db-journal").open() as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        line_with(process.stderr, "p: still waiting; asking the store again: ")
    if until == "its build has ended":
        other.communicate("\n", timeout=PATIENCE)
        assert ends(process)[0] == 4
    else:
        held("resume", "p")
        assert ends(process)[0] == 0
        assert held.lines() == ["mine"]


def test_a_store_that_does_not_come_back_ends_the_wait_and_the_trigger_stays(held: Cli) -> None:
    process = waiter(held, prelude=OUT_OF_REACH.format(1))  # so at the second try
    with held.store.path.with_name("gates.db-journal").open() as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        status, errors = ends(process)
    assert (status, errors.count("asking the store again")) == (69, 1)
    assert "p: no longer waiting; the trigger stays pending, and the next run builds it" in errors
    assert held.record().pending is not None


@pytest.mark.slow
def test_a_post_receive_hook_deploys_the_newest_push(cli: Cli) -> None:
    """With git itself: three times three pushes in a row, each of which deploys what was pushed."""
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=main")
    cli.environment = {name: value for name, value in cli.environment.items() if not name.startswith("GIT_")}
    here, live = cli.folder / "here", cli.folder / "live"
    live.mkdir()

    def in_git(*argv: str) -> None:
        subprocess.run([*git, *argv], env=cli.environment, cwd=cli.folder, check=True, capture_output=True)

    in_git("init", "--bare", "there.git")
    hook = cli.folder / "there.git" / "hooks" / "post-receive"
    hook.write_text(HOOK.format(python=sys.executable, options=" ".join(ONE_BY_ONE), live=live, folder=cli.folder))
    hook.chmod(0o755)
    in_git("clone", "there.git", str(here))
    for turn in range(3):
        for push in range(3):
            (here / "revision").write_text(f"{turn}.{push}\n")
            in_git("-C", str(here), "add", "revision")
            in_git("-C", str(here), "commit", "-m", f"{turn}.{push}")
            in_git("-C", str(here), "push", "origin", "HEAD:main")
        waiting.until(lambda turn=turn: len(cli.lines("hooks")) == 3 * turn + 3)  # type: ignore[misc]
        assert (live / "revision").read_text() == f"{turn}.2\n"


def test_what_a_person_drops_is_waited_for_no_longer(held: Cli) -> None:
    alone = waiter(held, options=("--skip-exit-code", "9"))
    held("reset", "p", "--drop-pending")
    status, errors = ends(alone)

    assert (status, held.lines()) == (9, [])
    assert errors == "holdoff: p skipped: what was pending was dropped\n"


def test_in_a_log_a_reason_is_said_once(held: Cli) -> None:
    alone = waiter(held)
    held.change(lambda record: record.but(hold=Hold(since_ms=1, why="a test", by="you")))
    held("resume", "p")

    assert ends(alone) == (0, "")


def test_a_command_that_cannot_start_ends_its_own_wait_and_no_other(held: Cli) -> None:
    script = held.folder / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    other = waiter(held, prelude=IMPATIENT)
    newest = waiter(held, "./script")
    held("resume", "p")
    status, errors = ends(newest)
    back_off_over(held)

    assert status == 127
    assert "the build was refused" in errors
    assert ends(other)[0] == 0
    assert held.lines() == ["ran"]


def back_off_over(cli: Cli) -> None:
    """As if the back-off after a refused start were over."""

    def over(record: Record) -> Record:
        assert record.pending is not None
        assert record.pending.failures == 1
        return record.but(pending=record.pending.but(retry_ms=1))

    cli.change(over)


def the_newest_dies_before_its_start(held: Cli) -> None:
    """The gate is freed, and the newest caller is killed once it has claimed the start."""
    newest = waiter(held, prelude=KILLED_BEFORE_THE_START)
    held("resume", "p")
    assert ends(newest)[0] == -signal.SIGKILL


def test_a_start_that_the_newest_left_is_finished_by_another_that_waits(held: Cli) -> None:
    other = waiter(held, *says("other", 7))
    the_newest_dies_before_its_start(held)
    held.change(lambda record: record.but(claim=record.claim and record.claim.but(lease_until_ms=LONG_AGO_MS)))

    assert ends(other)[0] == 7
    assert held.lines() == ["other"]


def test_so_it_is_though_the_store_does_not_answer_after_that(held: Cli) -> None:
    """No process waited for the command then: its end was not known."""
    other = waiter(held, *says("other", 7), options=("--cooldown", "0"), prelude=f"{IMPATIENT}{NO_ANSWER_ONCE}")
    the_newest_dies_before_its_start(held)
    held.change(
        lambda record: record.but(
            claim=record.claim and record.claim.but(lease_until_ms=LONG_AGO_MS),
            pending=record.claim and record.claim.covers.but(waiters=()),
        )
    )

    assert ends(other)[0] == 7
    assert [build.exit_status for build in held.store.history(GateKey("p", "local"))] == [7, 7]


def test_the_end_of_a_left_start_is_reported_though_the_caller_that_finished_it_waits_no_more(held: Cli) -> None:
    """The store did not take it at once, and the caller asked the gate for nothing more."""
    drops = ("sh", "-c", f"{shlex.join(PROGRAM)} reset p --drop-pending; exit 7")
    other = waiter(held, *drops, prelude=f"{IMPATIENT}{NO_ANSWER_ONCE}")
    the_newest_dies_before_its_start(held)

    def only_pending(record: Record) -> Record:
        assert record.claim is not None
        covers = record.claim.covers
        left = record.claim.but(lease_until_ms=LONG_AGO_MS, covers=covers.but(waiters=()))
        return record.but(claim=left, pending=covers)

    held.change(only_pending)
    assert ends(other)[0] == 75
    assert [build.exit_status for build in held.store.history(GateKey("p", "local"))] == [7]


def test_where_another_machine_has_taken_the_callers_start_over_its_end_is_waited_for(held: Cli) -> None:
    """The caller exited with 0 at once."""
    process = waiter(held, prelude=f"LEASE_MS = 60_000\n{TAKEN_OVER_ELSEWHERE}")
    held("resume", "p")
    there = "there:00000000123.1.2:17"
    line_with(process.stderr, f"covered by build {there}, which runs")
    held("finished", "p", there, "--failed")
    assert (ends(process)[0], held.lines()) == (1, [])


#: After a wake that has finished a start that was left, the store does not answer once.
NO_ANSWER_AFTER_A_TAKE_OVER = """
from holdoff.core.errors import StoreUnavailable
from holdoff.gate import Gate
from holdoff.stores.sqlite import SQLiteStore
wake = Gate.wake
def no_answer_after_it(self, **more):
    decision, get = wake(self, **more), SQLiteStore.get
    def once(*_):
        SQLiteStore.get = get
        raise StoreUnavailable("no answer")
    SQLiteStore.get = once if decision.taken_over else get
    return decision
Gate.wake = no_answer_after_it
"""


def test_the_status_of_a_left_start_is_told_though_the_store_does_not_answer_while_it_runs(held: Cli) -> None:
    """It was 0: the command had been waited for, and its status forgotten."""
    other = waiter(held, *says("other", 7), prelude=f"{IMPATIENT}{NO_ANSWER_AFTER_A_TAKE_OVER}")
    the_newest_dies_before_its_start(held)
    held.change(lambda record: record.but(claim=record.claim and record.claim.but(lease_until_ms=LONG_AGO_MS)))

    status, errors = ends(other)
    assert "asking the store again: no answer" in errors
    assert status == 7


def test_a_start_of_what_came_since_is_waited_for_beside_the_left_one(held: Cli) -> None:
    """It was ended by the end of its caller, which waited for the left one alone."""
    second = "mkdir first 2> made || until grep -q ended ran; do sleep 0.1; done; sleep 0.1"
    argv = ("sh", "-c", f"echo began >> ran; {second}; echo ended >> ran")
    other = waiter(held, *argv, options=("--cooldown", "0"), prelude=IMPATIENT)
    the_newest_dies_before_its_start(held)

    def with_another_change(record: Record) -> Record:
        assert record.claim is not None
        covers = record.claim.covers
        later_ms = covers.last_ms + 60_000
        left = record.claim.but(lease_until_ms=LONG_AGO_MS)
        return record.but(claim=left, pending=covers.but(waiters=(), first_ms=later_ms, last_ms=later_ms))

    held.change(with_another_change)
    assert ends(other)[0] == 0
    assert sorted(held.lines()) == ["began", "began", "ended", "ended"]


def test_where_the_end_of_the_build_is_not_known_it_is_75(held: Cli) -> None:
    other = waiter(held)
    newest = waiter(held, "sh", "-c", "echo ready; sleep 1000", options=("-v",))
    held("resume", "p")
    assert line_of(newest.stdout) == "ready\n"
    assert "p started" in line_of(newest.stderr)
    newest.kill()
    status, errors = ends(other)

    assert status == 75
    assert "p skipped: covered by build " in errors
    assert "but how that ended is not known" in errors


def test_a_skip_beside_those_that_wait_says_that_a_build_is_coming(held: Cli) -> None:
    alone = waiter(held)
    beside = held("run", "p", "--cooldown", "1h", "--", *RAN)
    held("resume", "p")

    assert beside.returncode == 0
    assert "p deferred: on hold" in beside.stderr
    assert ends(alone)[0] == 0
    assert held.lines() == ["ran"]


# --- an edit of holdoff.toml -----------------------------------------------------------------------------------------


#: As many hours have passed as a file says. Each look is noted, with the hours.
HOURS = """
import os, pathlib, time, holdoff.cli.wait as w
def passed():
    return pathlib.Path("hours").read_text()
time.time_ns = lambda at=time.time_ns: at() + int(float(passed()) * 3_600_000_000_000)
def nap_ms(decision, nap_ms=w._nap_ms):
    with open("looks", "a") as looks:
        print(os.getpid(), passed(), file=looks)
    return nap_ms(decision)
w._nap_ms, w.LONGEST_MS = nap_ms, 100
"""


def of_cooldown(text: str) -> str:
    return f'[projects.p]\ncooldown = "{text}"\nstarter = {{ command = ["true"] }}\n'


@pytest.fixture
def by_file(cli: Cli) -> Cli:
    """A project whose cooldown of an hour has begun."""
    cli.config(of_cooldown("1h"))
    cli("run", "p", "--", *says("first"))
    return cli


def test_a_cooldown_that_is_shortened_counts_for_a_caller_that_waits(by_file: Cli) -> None:
    waits = by_file.start("run", "p", "--wait", "--", *says("second"))
    assert "p deferred: " in line_of(waits.stderr)
    by_file.config(of_cooldown("soon"))
    assert line_of(waits.stderr).endswith("The settings stay as they were\n")
    by_file.config(of_cooldown("1ms"))

    assert ends(waits) == (0, f"holdoff: {by_file.folder}/holdoff.toml was read again\n")
    assert by_file.lines() == ["first", "second"]


def test_after_an_edit_that_makes_the_cooldown_longer_the_newest_ones_command_runs(by_file: Cli) -> None:
    """The older caller's time by the settings from before the edit comes first."""

    def pass_hours(hours: str) -> None:
        (by_file.folder / "new").write_text(hours)
        (by_file.folder / "new").replace(by_file.folder / "hours")

    pass_hours("0")
    older = by_file.start("run", "p", "--wait", "-q", "--", *says("older"), prelude=HOURS)
    waiting.until(lambda: by_file.lines("looks"))
    by_file.config(of_cooldown("2h"))
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"), prelude=HOURS)
    waiting.until(lambda: f"{newest.pid} 0" in by_file.lines("looks"))
    pass_hours("1.5")
    waiting.until(lambda: by_file.lines("looks").count(f"{older.pid} 1.5") > 1 or older.poll() is not None)
    assert by_file.lines() == ["first"]
    # A second before both may run: after a longer jump the older one's turn has come, too.
    left_s = (by_file.record().lastbuild_ms or 0) / 1000 + 2 * 3600 - 1 - time.time()
    pass_hours(str(left_s / 3600))

    assert (ends(older), ends(newest)) == ((0, ""), (0, ""))
    assert by_file.lines() == ["first", "newest"]


def test_an_edit_frees_the_gate_for_the_newest_one_first(by_file: Cli) -> None:
    older = by_file.start("run", "p", "--wait", "--", *says("older"), prelude=f"{IMPATIENT}{LONG_TURNS}")
    assert "p deferred: " in line_of(older.stderr)
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"))
    waiting.until(lambda: len(getattr(by_file.record().pending, "waiters", ())) == 2)
    newest.send_signal(signal.SIGSTOP)
    by_file.change(since_a_minute)
    by_file.config(of_cooldown("1ms"))
    line_with(older.stderr, "was read again")
    newest.send_signal(signal.SIGCONT)

    assert (ends(older)[0], ends(newest)) == (0, (0, ""))
    assert by_file.lines() == ["first", "newest"]


def since_a_minute(record: Record) -> Record:
    """As if the last build had begun and ended, and both had come, a minute ago."""
    assert record.lastbuild is not None
    assert record.pending is not None
    first_ms = record.pending.first_ms - 60_000
    return record.but(lastbuild=record.lastbuild - 60, finished=None, pending=record.pending.but(first_ms=first_ms))


#: Once the gate is free, the first look takes a second, or meets a store that does not answer at first.
SLOW = """
import sys, holdoff.cli.wait as w
from holdoff.core.errors import StoreUnavailable
from holdoff.core.record import Pending
from holdoff.gate import Gate
waiter_at, answers = Gate.waiter_at, []
def slow(self, token):
    found = waiter_at(self, token)
    if not isinstance(found, Pending) or found.first_ms > 1_000:
        return found
    if HOW == "not at the wake" and not answers:
        answers.append("no answer")
        Gate.wake = no_wake
        return found
    if HOW == "not at first" and not answers:
        answers.append("no answer")
        raise StoreUnavailable("no answer")
    Gate.waiter_at, running_ms = waiter_at, w.running_ms
    if HOW == "slowly":
        w.running_ms = lambda: running_ms() + 1_000
    print("it answers", file=sys.stderr, flush=True)
    return found
def no_wake(self, wake=Gate.wake, **_):
    Gate.wake = wake
    raise StoreUnavailable("no answer")
Gate.waiter_at = slow
"""


def free_long_ago(record: Record) -> Record:
    """As if nothing had been built, and both had come, for ever."""
    assert record.pending is not None
    return record.but(lastbuild=None, finished=None, pending=record.pending.but(first_ms=1))


@pytest.mark.parametrize("how", ["slowly", "not at first", "not at the wake"])
def test_where_the_store_stood_still_the_newest_ones_command_runs(by_file: Cli, how: str) -> None:
    """The older one's turn had passed meanwhile, and it ran first; the newest one's change was not built."""
    older = by_file.start(
        "run", "p", "--wait", "-q", "--", *says("older"), prelude=f"{IMPATIENT}{LONG_TURNS}\nHOW = {how!r}{SLOW}"
    )
    waiting.until(lambda: len(getattr(by_file.record().pending, "waiters", ())) == 1)
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"))
    waiting.until(lambda: len(getattr(by_file.record().pending, "waiters", ())) == 2)
    newest.send_signal(signal.SIGSTOP)
    by_file.change(free_long_ago)
    line_with(older.stderr, "it answers")
    newest.send_signal(signal.SIGCONT)

    assert (ends(older)[0], ends(newest)) == (0, (0, ""))
    assert by_file.lines() == ["first", "newest"]


#: Each look takes seven seconds. A nap is noted, and takes a tenth of a second at most.
ALWAYS_SLOW = """
import itertools, holdoff.cli.wait as w
from holdoff.clock import SystemClock
w.running_ms, sleep = itertools.count(0, 7_000).__next__, SystemClock.sleep
def noted(self, ms):
    print(ms, file=open("naps", "a"), flush=True)
    sleep(self, min(ms, 100))
SystemClock.sleep = noted
"""


def test_the_newest_caller_looks_again_soon_however_slow_the_look_was(by_file: Cli) -> None:
    """It slept four times as long as the look had taken, while its time came and an older one's."""
    waits = by_file.start("run", "p", "--wait", "-q", "--", *says("second"), prelude=ALWAYS_SLOW)
    waiting.until(lambda: len(by_file.lines("naps")) > 3)
    by_file.config(of_cooldown("1ms"))
    assert ends(waits) == (0, "")
    assert max(map(int, by_file.lines("naps"))) <= 500


AWAY_ONCE = """
from holdoff.core.errors import StoreUnavailable
from holdoff.gate import Gate
wake = Gate.wake
def away_once(self, **more):
    Gate.wake = wake
    raise StoreUnavailable("no answer")
Gate.wake = away_once
"""


def test_a_store_that_was_slow_and_then_away_is_asked_again_after_a_second(by_file: Cli) -> None:
    """The newest caller slept four times as long as the look had taken, and a loop started another command first."""
    waits = by_file.start("run", "p", "--wait", "-q", "--", *says("second"), prelude=f"{ALWAYS_SLOW}{AWAY_ONCE}")
    waiting.until(lambda: len(by_file.lines("naps")) > 2)
    by_file.config(of_cooldown("1ms"))
    assert ends(waits) == (0, "")
    assert max(map(int, by_file.lines("naps"))) == 1_000


def test_an_older_caller_whose_looks_are_all_slow_has_its_turn(by_file: Cli) -> None:
    """It waits for newer ones after a slow look, but not after each: one that has died has no turn."""
    older = by_file.start("run", "p", "--wait", "-q", "--", *says("older"), prelude=ALWAYS_SLOW)
    waiting.until(lambda: by_file.lines("naps"))
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"))
    waiting.until(lambda: len(getattr(by_file.record().pending, "waiters", ())) == 2)
    newest.kill()
    ends(newest)
    by_file.change(free_long_ago)
    assert ends(older) == (0, "")
    assert by_file.lines() == ["first", "older"]


LONG_TURNS = "\nimport holdoff.core.waits\nholdoff.core.waits.TURN_MS = 3_000"


def test_an_edit_that_takes_the_project_out_is_a_wrong_one(by_file: Cli) -> None:
    """The settings of the edit before count, not those of the caller's beginning."""
    waits = by_file.start("run", "p", "--wait", "--", *says("second"))
    assert "p deferred: " in line_of(waits.stderr)
    by_file.config(of_cooldown("2h"))
    assert line_of(waits.stderr).endswith("was read again\n")
    by_file.config(of_cooldown("1ms").replace(".p]", ".q]"))
    said = line_of(waits.stderr)
    assert "projects.p is missing" in said
    assert said.endswith("The settings stay as they were\n")
    by_file.config(of_cooldown("1ms"))
    assert ends(waits)[0] == 0


def test_an_edit_of_the_store_to_one_that_cannot_be_made_ends_no_wait(by_file: Cli) -> None:
    waits = by_file.start(
        "run", "p", "--wait", "--", *says("second"), prelude="import sys; sys.modules['psycopg'] = None"
    )
    assert "p deferred: " in line_of(waits.stderr)
    by_file.config(f"store = 'postgresql://host/db'\n{of_cooldown('1ms')}")
    said = line_of(waits.stderr)
    assert "needs psycopg" in said
    assert said.endswith("The settings stay as they were\n")
    by_file.config(of_cooldown("1ms"))
    assert ends(waits)[0] == 0


EDITS = ("sh", "-c", "echo ran >> ran; mv edited.toml holdoff.toml; exit 7")


@pytest.fixture
def left(cli: Cli) -> Cli:
    """A start that was left."""
    cli.config(of_cooldown("1h"))
    cli("run", "p", "--", *RAN, prelude=KILLED_BEFORE_THE_START)
    cli.change(lambda record: record.but(claim=record.claim and record.claim.but(lease_until_ms=LONG_AGO_MS)))
    return cli


def test_an_edit_counts_that_came_while_the_caller_finished_a_start_that_was_left(left: Cli) -> None:
    (left.folder / "edited.toml").write_text(of_cooldown("1ms"))
    done = left("run", "p", "--wait", "--wait-timeout", "9s", "--", *EDITS)

    assert done.returncode == 7
    assert left.lines() == ["ran", "ran"]


def test_the_end_of_such_a_start_is_reported_though_the_store_was_away(left: Cli) -> None:
    """After the edit another gate was asked, which knew of no end."""
    (left.folder / "edited.toml").write_text(of_cooldown("2h"))
    waits = left.start("run", "p", "--wait", "--", *EDITS, prelude=NO_REPORT_ONCE)
    line_with(waits.stderr, "was read again")
    found = left.record().finished
    waits.send_signal(signal.SIGINT)
    waits.wait(PATIENCE)

    assert found is not None
    assert found.exit_status == 7


NO_REPORT_ONCE = """
from holdoff.core.errors import StoreUnavailable
from holdoff.gate import Gate
report = Gate._report
def no_report_once(self, end):
    Gate._report = report
    raise StoreUnavailable("no answer")
Gate._report = no_report_once
"""


def test_an_edit_does_not_have_a_caller_wait_for_the_command_in_which_it_runs(by_file: Cli) -> None:
    inner = [sys.executable, "-m", "holdoff", "run", "p", "--wait", "--wait-timeout", "20s", "--", *says("inner")]
    outer = by_file.start("run", "p", "--force", "--", *inner)
    assert "p deferred: " in line_of(outer.stderr)
    edited = of_cooldown("1ms")
    by_file.config(f'{edited}overlap = "defer"\n')
    said = line_of(outer.stderr)
    assert "this runs inside a command of p" in said
    by_file.config(edited)

    assert ends(outer)[0] == 0
    assert by_file.lines() == ["first", "inner"]


#: The store does not answer when a run inside a command of another project looks whether it may go by an edit.
AWAY_AT_THE_EDIT = """
import holdoff.cli.run as run
from holdoff.core.errors import StoreUnavailable
check, checked = run._check_not_inside, []
def away_once(gate, args):
    checked.append(gate)
    if len(checked) == 2:
        raise StoreUnavailable("no answer")
    check(gate, args)
run._check_not_inside = away_once
"""


def test_an_edit_counts_that_came_while_the_store_was_away(by_file: Cli) -> None:
    waits = by_file.start("run", "p", "--wait", "--", *says("second"), prelude=AWAY_AT_THE_EDIT)
    assert "p deferred: " in line_of(waits.stderr)
    by_file.config(of_cooldown("1ms"))
    assert line_of(waits.stderr) == "holdoff: no answer. The settings stay as they were\n"

    assert ends(waits) == (0, f"holdoff: {by_file.folder}/holdoff.toml was read again\n")
    assert by_file.lines() == ["first", "second"]


def test_an_edit_frees_the_gate_for_the_newest_one_before_the_loop(by_file: Cli) -> None:
    loop = by_file.start("wake", "--watch", prelude=LONG_TURNS)
    assert "watching" in line_of(loop.stderr)
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"))
    waiting.until(lambda: by_file.record().pending)
    newest.send_signal(signal.SIGSTOP)
    by_file.change(since_a_minute)
    by_file.config(of_cooldown("1ms"))
    line_with(loop.stderr, "was read again")
    newest.send_signal(signal.SIGCONT)

    assert ends(newest) == (0, "")
    assert by_file.lines() == ["first", "newest"]


def test_a_loop_that_is_restarted_after_an_edit_leaves_the_newest_one_its_turn(by_file: Cli) -> None:
    newest = by_file.start("run", "p", "--wait", "-q", "--", *says("newest"))
    waiting.until(lambda: by_file.record().pending)
    newest.send_signal(signal.SIGSTOP)
    by_file.change(since_a_minute)
    by_file.config(of_cooldown("1ms"))
    loop = by_file.start("wake", "--watch", prelude=LONG_TURNS)
    assert "watching" in line_of(loop.stderr)
    newest.send_signal(signal.SIGCONT)

    assert ends(newest) == (0, "")
    assert by_file.lines() == ["first", "newest"]
