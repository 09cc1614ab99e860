"""The command starter on its own: what the library's users get."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import holdoff
from holdoff.core.errors import ConfigError, StartRefused, StoreUnavailable
from holdoff.core.request import Request
from holdoff.signals import FORWARDED, handling
from holdoff.starters import command, processes
from holdoff.starters.command import Command
from holdoff.starters.webhook import Webhook
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.waiting import until

REQUEST = Request(project="p", region="local", environment=(("STAGE", "prod"),))
SELDOM_MS = 3_600_000


def never() -> None:
    raise AssertionError("no beat was due")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run in front of one."""
    monkeypatch.setattr(command, "_is_job_of_terminal", lambda: False)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """What a command waits on, until we write to it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_many_threads_may_wait_for_one_build(fifo: Path) -> None:
    site = holdoff.Gate("p", store=MemoryStore(), policy=holdoff.Policy(0), starter=Command(["cat", str(fifo)]))
    build_id = site.trigger().build_id
    assert build_id is not None
    statuses: list[int | None] = []
    threads = [threading.Thread(target=lambda: statuses.append(site.wait(build_id))) for _ in range(3)]
    for thread in threads:
        thread.start()
    fifo.write_text("")
    for thread in threads:
        thread.join()

    assert set(statuses) <= {0, None}
    assert len(statuses) == 3
    assert 0 in statuses


def test_a_build_that_no_call_waited_for_is_not_called_failed() -> None:
    """An application may leave its commands to themselves: if no setting depends on their end, no guess is told."""
    clock = ManualClock()
    site = holdoff.Gate(
        "p", store=MemoryStore(), policy=holdoff.Policy("1h"), clock=clock, starter=Command([sys.executable, "-c", ""])
    )
    build_id = site.trigger().build_id
    assert build_id is not None
    os.waitid(os.P_PID, int(build_id.rpartition(":")[2]), os.WEXITED | os.WNOWAIT)
    clock.advance("10m")

    assert site.status().attention == ()
    assert "last built 10m ago" in str(site.trigger())


@pytest.mark.parametrize(("status", "state"), [(0, "succeeded"), (7, "failed")])
def test_it_tells_how_it_ended(status: int, state: str) -> None:
    starter = Command(["sh", "-c", f"exit {status}"])
    build_id = starter.start(REQUEST, "TOKEN")

    assert build_id.startswith(os.uname().nodename + ":")
    os.waitid(os.P_PID, int(build_id.rpartition(":")[2]), os.WEXITED | os.WNOWAIT)
    assert starter.status(build_id) == state
    assert starter.wait(build_id, never, SELDOM_MS) == status
    assert starter.status(build_id) is None, "it is over, and forgotten"
    assert starter.wait(build_id, never, SELDOM_MS) is None


def test_it_tells_how_it_ended_where_our_caller_ignores_that() -> None:
    """Ignored signals are inherited; of an ignored SIGCHLD no status is kept: a failed build passed for good."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        starter = Command(["sh", "-c", "exit 7"])
        assert starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS) == 7
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_program_that_is_on_no_path_is_not_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a file of a cloned repository with the name of a tool that is missing here."""
    monkeypatch.chdir(tmp_path)
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    with pytest.raises(StartRefused, match="cannot run 'tool': No such file or directory"):
        Command(["tool"]).start(REQUEST, "TOKEN")
    tool.chmod(0o644)
    monkeypatch.setenv("PATH", f"/nonexistent:{tmp_path}")
    with pytest.raises(StartRefused, match="cannot run 'tool': Permission denied"):
        Command(["tool"]).start(REQUEST, "TOKEN")


def test_a_file_that_is_no_program_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As execvp(3) does: a later folder of PATH may have the program."""
    for folder, mode in (("notes", 0o644), ("bin", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").write_text("#!/bin/sh\nexit 7\n")
        (tmp_path / folder / "tool").chmod(mode)
    monkeypatch.setenv("PATH", f"{tmp_path}/notes:{tmp_path}/bin:/usr/bin:/bin")
    starter = Command(["tool"])

    assert starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS) == 7


def test_a_script_that_names_no_interpreter_is_run_by_sh_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "build"
    script.write_text('exit "$(($1 + $2))"\n')
    script.chmod(0o755)
    starter = Command([str(script), "3", "4"])

    assert starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS) == 7


def test_in_a_folder_of_its_own_it_is_told_what_it_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, and not in the repository whose hook called Holdoff."""
    monkeypatch.setenv("GIT_DIR", "/elsewhere/.git")
    reader, writer = os.pipe()
    asked = 'echo "$HOLDOFF_PROJECT $HOLDOFF_TOKEN ${GIT_DIR-none} $PWD $(pwd -P)"'
    starter = Command(["sh", "-c", asked], folder=str(tmp_path), stdout=writer)
    assert starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS) == 0
    os.close(writer)
    with open(reader) as told:  # noqa: PTH123
        assert told.read().split() == [REQUEST.project, "TOKEN", "none", str(tmp_path), str(tmp_path.resolve())]


def test_it_runs_until_it_is_cancelled(fifo: Path) -> None:
    starter = Command(["cat", str(fifo)])
    build_id = starter.start(REQUEST, "TOKEN")

    assert starter.status(build_id) == "running"
    starter.cancel(build_id)
    assert starter.wait(build_id, never, SELDOM_MS) == 128 + signal.SIGTERM
    starter.cancel(build_id)  # too late: it stays as it is
    with pytest.raises(LookupError):
        starter.cancel(f"another-{build_id}")


def test_in_a_group_of_its_own_it_is_cancelled_too() -> None:
    starter = Command(["timeout", "1h", "sh", "-c", "echo ready; sleep 1000"])
    reader, starter.stdout = os.pipe()
    build_id = starter.start(REQUEST, "TOKEN")
    os.close(starter.stdout)
    with os.fdopen(reader) as said:
        assert said.readline() == "ready\n"
        starter.cancel(build_id)
        assert said.read() == "", "all of it has gone"
    assert starter.wait(build_id, never, SELDOM_MS) == 128 + signal.SIGTERM


def environment_of(request: Request, out: Path) -> dict[str, str]:
    """What a command finds in its environment."""
    with out.open("w") as file:
        starter = Command(["env"], stdout=file.fileno())
        starter.wait(starter.start(request, "TOKEN"), never, SELDOM_MS)
    return dict(line.split("=", 1) for line in out.read_text().splitlines() if "=" in line)


def test_the_command_finds_what_it_is_in_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDOFF_REQUIRE_ENGINES", raising=False)  # CI's own
    about = REQUEST.but(key="feature", reason="push", source_version="4f2a91c", line="refs/heads/feature")
    found = environment_of(about, tmp_path / "out")

    assert found["STAGE"] == "prod"
    assert found["PATH"] == os.environ["PATH"]
    assert {name: value for name, value in found.items() if name.startswith("HOLDOFF_")} == {
        "HOLDOFF_PROJECT": "p",
        "HOLDOFF_REGION": "local",
        "HOLDOFF_KEY": "feature",
        "HOLDOFF_TOKEN": "TOKEN",
        "HOLDOFF_REASON": "push",
        "HOLDOFF_SOURCE_VERSION": "4f2a91c",
        "HOLDOFF_LINE": "refs/heads/feature",
    }


def test_what_is_not_known_does_not_come_from_a_run_around_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDOFF_KEY", "of the run around")
    monkeypatch.setenv("HOLDOFF_LINE", "of the run around")
    found = environment_of(REQUEST, tmp_path / "out")

    assert "HOLDOFF_KEY" not in found
    assert "HOLDOFF_LINE" not in found


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 and later, of forks with threads
def test_a_child_of_the_process_before_a_fork_is_not_ours(fifo: Path) -> None:
    """waitpid knows nothing of it there, and Popen would say that it ended well."""
    starter = Command(["cat", str(fifo)])
    build_id = starter.start(REQUEST, "TOKEN")

    def look() -> None:
        assert starter.status(build_id) is None
        assert starter.wait(build_id, never, SELDOM_MS) is None
        with pytest.raises(LookupError):
            starter.stop(build_id)

    fork = multiprocessing.get_context("fork").Process(target=look)
    fork.start()
    fork.join()

    assert fork.exitcode == 0
    assert starter.status(build_id) == "running"
    starter.cancel(build_id)
    starter.wait(build_id, never, SELDOM_MS)


@pytest.mark.parametrize(
    "argv", [None, 5, "make", "", [], [1], ["a", None], {"make": "docs"}, {"make"}, [""], ["a\0b"], ["a", "b\0"]]
)
def test_what_is_no_command_is_refused(argv: Any) -> None:
    with pytest.raises(ConfigError, match=r"command is .*; write a list"):
        Command(argv)


@pytest.mark.parametrize("argv", [["/no/such/program"], ["/"], ["a\ud800"]])
def test_what_cannot_run_certainly_has_not(argv: list[str]) -> None:
    starter = Command(argv)

    with pytest.raises(StartRefused, match="cannot run"):
        starter.start(REQUEST, "TOKEN")
    assert starter.refused is not None


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("#!/bin/sh\n", 0o644, r"Permission denied. Make it executable: chmod \+x"),
        ("#!/no/such/shell\n", 0o755, r"No such file or directory. It is there, but what its first line \(#!\) names"),
        ("#!/bin/sh\r\n", 0o755, r"or that line ends as on Windows \(CRLF\)"),
    ],
    ids=["not executable", "no such shell", "crlf"],
)
def test_what_is_wrong_with_a_script_that_is_there(tmp_path: Path, text: str, mode: int, said: str) -> None:
    script = tmp_path / "build.sh"
    script.write_bytes(text.encode())
    script.chmod(mode)
    with pytest.raises(StartRefused, match=said):
        Command(["./build.sh"], folder=str(tmp_path)).start(REQUEST, "TOKEN")
    with pytest.raises(StartRefused, match=r"write the path: \./build\.sh"):
        Command(["build.sh"], folder=str(tmp_path)).start(REQUEST, "TOKEN")


def test_it_beats_while_the_command_runs(fifo: Path) -> None:
    """The command ends when the third beat lets it: no test waits for time to pass."""
    starter = Command(["cat", str(fifo)])
    beats: list[str] = []

    def beat() -> None:
        beats.append(threading.current_thread().name)
        if len(beats) == 3:
            fifo.write_text("")

    assert starter.wait(starter.start(REQUEST, "TOKEN"), beat, every_ms=1) == 0
    assert beats[:3] == ["holdoff-lease"] * 3


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in FORWARDED]
    starter = Command(["true"])
    starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS)

    assert [signal.getsignal(number) for number in FORWARDED] == before


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handling(lambda _number, _frame: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_handles_no_signals_and_waits_all_the_same() -> None:
    starter = Command(["sh", "-c", "exit 7"])
    statuses: list[int | None] = []

    def run() -> None:
        statuses.append(starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert statuses == [7]


def test_signals_that_came_before_the_wait_reach_the_command(fifo: Path) -> None:
    starter = Command(["cat", str(fifo)])
    build_id = starter.start(REQUEST, "TOKEN")
    starter.came.append(signal.SIGTERM)

    assert starter.wait(build_id, never, SELDOM_MS) == 128 + signal.SIGTERM


def test_a_signal_reaches_the_whole_group_and_what_is_left_of_it_is_ended(fifo: Path) -> None:
    """The pipe is at its end when the last of the group has gone."""
    reader, writer = os.pipe()
    code = f"trap 'exit 3' TERM; cat {fifo} & echo ready; wait"
    starter = Command(["sh", "-c", code], stdout=writer)
    build_id = starter.start(REQUEST, "TOKEN")
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.readline() == "ready\n"
        starter.came.append(signal.SIGTERM)
        assert starter.wait(build_id, never, SELDOM_MS) == 3
        assert pipe.read() == ""


def test_a_user_signal_is_passed_on_and_ends_nothing_that_was_left_running(fifo: Path) -> None:
    """Only what asks to stop ends what a command left behind; and only that counts for the next command."""
    code = f"trap 'exit 3' USR1; sleep 1000 >/dev/null & echo $! > {fifo}.pid; while true; do sleep 0.01; done"
    starter = Command(["sh", "-c", f"{code}"])
    build_id = starter.start(REQUEST, "TOKEN")
    pid = Path(f"{fifo}.pid")
    until(lambda: pid.exists() and pid.read_text())
    left = int(pid.read_text())
    starter.came.append(signal.SIGUSR1)

    assert starter.wait(build_id, never, SELDOM_MS) == 3
    assert starter.came == []
    assert processes.lives(processes.name_of(left))
    os.kill(left, signal.SIGKILL)


def test_it_may_be_cancelled_by_any_process_of_this_machine(fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``overlap="cancel"``: when the call returns, it runs no more."""
    monkeypatch.setattr(processes, "GRACE_MS", 100)  # nothing waits for it here, and sends its keeper home
    starter, other = Command(["cat", str(fifo)]), Command(["true"])
    build_id = starter.start(REQUEST, "TOKEN")
    assert other.lives(build_id)
    other.cancel(build_id)

    assert not processes.lives(build_id)
    assert other.lives(build_id) is None, "its end is still to be told"
    other.cancel(build_id)  # it has ended
    assert starter.wait(build_id, never, SELDOM_MS) == 128 + signal.SIGTERM


def test_the_number_of_a_command_that_has_ended_may_be_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "1000"], process_group=0) as other:
        starter = Command(["true"])
        build_id = starter.start(REQUEST, "TOKEN")
        ended(build_id)
        assert starter.status(build_id) == "succeeded"
        assert not starter._children[build_id].keeper.close(), "if we were killed, it would end what has that number"
        monkeypatch.setattr(starter._children[build_id].process, "pid", other.pid)
        starter.stop(build_id)
        starter.cancel(build_id)
        assert other.poll() is None
        other.kill()


def test_one_thread_may_stop_what_another_waits_for_as_it_ends() -> None:
    """As ``wake --watch`` does when it is told to end."""
    for _ in range(30):
        starter = Command(["true"])
        build_id = starter.start(REQUEST, "TOKEN")
        waiter = threading.Thread(target=starter.wait, args=(build_id, never, SELDOM_MS))
        waiter.start()
        with suppress(LookupError):  # it has ended
            starter.stop(build_id)
        waiter.join()


def test_what_is_not_waited_for_goes_on_when_the_program_ends(tmp_path: Path) -> None:
    code = f"""
from holdoff.core.request import Request
from holdoff.starters.command import Command
command = Command(["sh", "-c", "sleep 0.3; echo ran > {tmp_path}/ran"])
command.start(Request(project="p", region="local"), "TOKEN")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    until((tmp_path / "ran").exists)


def ended(build_id: str) -> None:
    """Wait for its end, and leave its status where it is."""
    os.waitid(os.P_PID, int(build_id.rpartition(":")[2]), os.WEXITED | os.WNOWAIT)


def test_commands_that_are_not_waited_for_leave_nothing_behind() -> None:
    """A program that triggers for months and never waits would run out of processes and files."""
    starter, before = Command(["sh", "-c", "exit 3"]), len(processes._kept)
    builds = []
    for _ in range(3):
        builds.append(starter.start(REQUEST, "TOKEN"))
        ended(builds[-1])

    assert [processes.state_of(build_id) for build_id in builds] == ["", "", "Z"]
    assert len(processes._kept) == before + 1
    assert [starter.wait(build_id, never, SELDOM_MS) for build_id in builds] == [3, 3, 3], "it is known all the same"
    assert len(processes._kept) == before


def test_a_command_ends_with_its_process_though_a_fork_of_that_goes_on() -> None:
    """Such as a worker of a server that was forked while the command ran: it has a copy of the keeper's pipe."""
    code = """
import os, signal
from holdoff.core.request import Request
from holdoff.starters.command import Command
print(Command(["sleep", "1000"]).start(Request(project="p", region="local"), "TOKEN"), flush=True)
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
os.read(0, 1)
"""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **streams) as process:  # type: ignore[call-overload]
        build_id = process.stdout.readline().strip()
        until(lambda: not processes.lives(build_id))
        process.stdin.close()


def test_where_there_is_no_room_for_a_thread_the_command_runs_and_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    starter = Command(["sh", "-c", "exit 3"])
    assert starter.wait(starter.start(REQUEST, "TOKEN"), never, SELDOM_MS) == 3


class Failing(MemoryStore):
    """Fails while it is told to; says when it did."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.error: Exception = StoreUnavailable("no answer")
        self.failed = threading.Event()

    def get(self, *args: Any, **options: Any) -> Any:
        self._maybe()
        return super().get(*args, **options)

    def swap(self, *args: Any, **options: Any) -> Any:
        self._maybe()
        return super().swap(*args, **options)

    def _maybe(self) -> None:
        if self.fails:
            self.failed.set()
            raise self.error


def gate_of(store: MemoryStore, argv: list[str]) -> holdoff.Gate:
    return holdoff.Gate(
        "p",
        store=store,
        policy=holdoff.Policy(cooldown="1h"),
        starter=Command(argv),
        build_lease="30ms",
    )


def test_the_lease_is_kept_alive(fifo: Path) -> None:
    renewed: list[int] = []

    class Watched(MemoryStore):
        def swap(self, *args: Any, **options: Any) -> Any:
            running = options["new"].running
            if running is not None:
                renewed.append(running.lease_until_ms)
                if len(renewed) == 4:
                    fifo.write_text("")
            return super().swap(*args, **options)

    gate = gate_of(Watched(), ["cat", str(fifo)])
    build_id = gate.trigger().build_id
    assert build_id is not None

    assert gate.wait(build_id) == 0
    assert renewed == sorted(renewed)
    assert renewed[0] < renewed[3]


@pytest.mark.parametrize(
    ("recovers", "error"),
    [(True, StoreUnavailable("no answer")), (False, StoreUnavailable("no answer")), (True, OSError("no answer"))],
)
def test_a_store_that_fails_meanwhile_does_not_lose_the_status(
    fifo: Path, recovers: bool, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even if another package's store raises what no store should: without a beat the lease would expire."""
    store = Failing()
    store.error = error
    gate = gate_of(store, ["sh", "-c", f"cat {fifo}; exit 7"])
    build_id = gate.trigger().build_id
    assert build_id is not None
    store.fails = True

    def let_it_end() -> None:
        store.failed.wait()
        store.fails = not recovers
        fifo.write_text("")

    thread = threading.Thread(target=let_it_end)
    thread.start()
    status = gate.wait(build_id)
    thread.join()
    store.fails = False

    assert (status, gate.awaited) == (7, [])
    assert f"could not renew the lease of {build_id}: no answer" in caplog.text
    assert ("could not record the end" in caplog.text) is not recovers
    finished = gate.status().record.finished
    assert (finished is not None) is recovers


@pytest.mark.parametrize("fails", [StoreUnavailable("no answer"), OSError("no answer")])
def test_an_end_that_the_store_did_not_take_is_reported_before_the_next_decision(fails: Exception) -> None:
    """A server's build that succeeded during a failover of its database counted as failed when its lease was over, and
    with on_failure = "rearm" was built once more."""
    store, clock = Failing(), ManualClock()
    policy = holdoff.Policy(0, overlap="defer", on_failure="rearm")
    gate = holdoff.Gate("p", store=store, policy=policy, starter=Command(["true"]), clock=clock)
    build_id = gate.trigger().build_id
    store.error, store.fails = fails, True
    with suppress(OSError):
        assert gate.wait(build_id) == 0
    store.fails = False
    clock.advance("1h")
    assert str(gate.wake()) == "p skipped: nothing is pending"
    finished = gate.status().record.finished
    assert finished is not None
    assert (finished.succeeded, finished.exit_status) == (True, 0)


def test_an_end_that_is_none_is_refused_once() -> None:
    """A starter whose ``wait`` gave no number once made each later trigger of the gate fail with the same error."""

    class Plugin:
        def start(self, _request: Request, token: str) -> str:
            return token

        def wait(self, *_: object) -> str:
            return "0"

    gate = holdoff.Gate("p", store=MemoryStore(), policy=holdoff.Policy(0), starter=Plugin())
    with pytest.raises(ConfigError, match="exit_status is '0'"):
        gate.wait(gate.trigger().build_id)
    assert gate.trigger().outcome == "started"


def test_a_start_that_another_kind_of_starter_froze_is_left_to_that_one(tmp_path: Path) -> None:
    """``holdoff run`` beside a webhook: a start whose answer was lost was finished by running the command, under the
    webhook's token; so two were built, and the command of one change counted as the build of another."""

    def no_answer(*_: object) -> str:
        raise TimeoutError

    store, clock, hook = MemoryStore(), ManualClock(), Webhook("env:HOOK", token_memory="1d")
    hook.start = no_answer  # type: ignore[assignment, method-assign]
    started = tmp_path / "started"
    gates = [
        holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=starter, clock=clock)
        for starter in (hook, Command(["touch", str(started)]))
    ]
    gates[0].trigger()
    clock.advance("1h")
    said = gates[1].trigger()
    assert "this start of site was frozen by another starter than a command" in str(said)
    assert store.get(gates[0].key).claim is not None
    assert not started.exists()
