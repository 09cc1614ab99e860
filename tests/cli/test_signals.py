"""Ctrl-C and its like: the whole of the command goes, and nothing is left behind.

The commands hold our end of their standard output open: reading to its end is the proof that none of them is left.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.cli.conftest import PATIENCE, Terminal, line_of, line_with
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Cli

#: Meant for the command, whatever it makes of them.
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
RUN = ("run", "p", "--cooldown", "1h", "--")
FAMILY = ("sh", "-c", "sh -c 'sleep 1000 & sleep 1000' & echo ready; wait")
#: Hears every signal, through a pipe: one that came just before ``signal.pause`` would be told after the next.
HEARING = """
import os, signal, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
def heard():
    return signal.Signals(os.read(reader, 1)[0])
signal.signal(signal.SIGINT, lambda *_: None)
"""
#: Says what it gets; ends by SIGTERM only.
DEAF = f"""{HEARING}
print("ready", flush=True)
while True:
    print(heard().name, flush=True)
"""
#: Leaves a child that ignores all but SIGKILL.
STUBBORN = """
import os, signal, sys
if os.fork() == 0:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()
signal.pause()
"""
SHORT = "import holdoff.starters.processes as p; p.GRACE_MS = 100"
LONG = f"import holdoff.starters.processes as p; p.GRACE_MS = {1000 * PATIENCE}"
#: The child of a command that goes at once: says what it gets, tidies up for a moment, and ends.
TIDY = f"""{HEARING}
import time
signal.signal(signal.SIGINT, signal.SIG_DFL)
if os.fork() != 0:
    signal.pause()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: None)
print("ready", flush=True)
print(heard().name, flush=True)
time.sleep(0.3)
os.set_blocking(reader, False)
try:
    print("and then", heard().name, flush=True)
except BlockingIOError:
    print("tidied up", flush=True)
"""
#: Says, at SIGTERM, how many SIGINTs came.
COUNTING = f"""{HEARING}
signal.signal(signal.SIGTERM, lambda *_: None)
print("ready", flush=True)
came = 0
while heard() == signal.SIGINT:
    came += 1
    print("one", flush=True)
print("came", came, flush=True)
sys.exit(3)
"""


#: Says each signal that it gets; ends at SIGINT.
EARS = f"""{HEARING}
for number in ({", ".join(f"signal.{number.name}" for number in PASSED_ON)}):
    signal.signal(number, lambda *_: None)
print("ready", flush=True)
while (number := heard()) != signal.SIGINT:
    print(number.name, flush=True)
"""


def end_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it still says. Ends when the last process that could say something has gone."""
    return process.communicate(timeout=PATIENCE)


def died_of(number: int) -> int:
    """What is left of ``holdoff run`` whose command died of a signal: 128 + N, but of SIGINT it dies, too."""
    return -number if number == signal.SIGINT else 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_whole_family_goes(cli: Cli, number: signal.Signals) -> None:
    process = cli.start(*RUN, *FAMILY, prelude=SHORT)  # what a shell has in its background does not hear SIGINT
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(number)

    assert end_of(process) == ("", "")
    assert process.returncode == died_of(number)
    finished = cli.record().finished
    assert finished is not None
    assert finished.succeeded is False
    assert finished.detail == f"exit status {128 + number}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("timeout 1h {}", None),
        ("setsid {}", None),
        ('sh -c \'trap "exit 9" INT TERM; timeout 1h "$@"\' - {}', 9),
        ("sh -c '\"$@\" & kill -STOP $$' - {}", None),
    ],
    ids=["a group", "a session", "a group within a script", "stopped"],
)
def test_what_is_in_a_group_of_its_own_or_stopped_goes_too(
    cli: Cli, command: str, status: int | None, number: signal.Signals
) -> None:
    """timeout(1) makes a group: no signal reached it, and ``holdoff`` waited for it for ever."""
    ready = "import signal, time; signal.signal(2, signal.SIG_DFL); print('ready', flush=True); time.sleep(1000)"
    process = cli.start(*RUN, *shlex.split(command.format(shlex.join((sys.executable, "-c", ready)))), prelude=SHORT)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(number)

    assert end_of(process)[0] == ""
    assert process.returncode == (status or died_of(number))


def test_a_command_may_ignore_ctrl_c(cli: Cli) -> None:
    process = cli.start(*RUN, sys.executable, "-c", DEAF)
    assert line_of(process.stdout) == "ready\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert line_of(process.stdout) == "SIGINT\n"
    process.send_signal(signal.SIGTERM)

    assert end_of(process) == ("", "")
    assert process.returncode == 128 + signal.SIGTERM


def test_what_outlives_the_grace_is_killed(cli: Cli) -> None:
    process = cli.start(*RUN, sys.executable, "-c", STUBBORN, prelude=SHORT)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert end_of(process) == ("", "")
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_the_command_has_started_may_end_in_its_own_time(cli: Cli, number: signal.Signals) -> None:
    """The shell is the command, and goes at once. Many a program takes the second signal to mean: drop everything."""
    process = cli.start(*RUN, sys.executable, "-c", TIDY, prelude=LONG)
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(number)

    assert end_of(process) == (f"{number.name}\ntidied up\n", "")
    assert process.returncode == died_of(number)


def two_that_are_due(cli: Cli, script: str) -> None:
    """The projects a and b, whose builds are this script; its argument is their name."""
    argv = {name: json.dumps([sys.executable, "-c", script, name]) for name in "ab"}
    cli.config(
        "\n".join(
            f'projects.{n} = {{ cooldown = 0, quiet = "1ms", starter = {{ command = {argv[n]} }} }}' for n in "ab"
        )
    )
    for name in "ab":
        cli("trigger", name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_all_commands_of_a_wake_get_a_signal(cli: Cli, number: signal.Signals) -> None:
    echo = f"""{HEARING}
import pathlib, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda *_: None)
pathlib.Path(sys.argv[1]).touch()
while not (os.path.exists("a") and os.path.exists("b")):
    time.sleep(0.01)
print(sys.argv[1], heard().name, flush=True)
"""
    two_that_are_due(cli, echo)
    process = cli.start("wake")
    said = [line_of(process.stdout) for _ in "ab"]
    assert all(" started: " in line for line in said)
    until(lambda: (cli.folder / "a").exists() and (cli.folder / "b").exists())
    process.send_signal(number)

    assert sorted(end_of(process)[0].splitlines()) == [f"a {number.name}", f"b {number.name}"]
    assert process.returncode == 0


#: SIGTERM, once the last of the commands of a wake hears.
AMID_THE_STARTS = """
import os, signal, time
from holdoff.starters.command import Command
start = Command.start
def interrupted(self, request, token):
    build_id = start(self, request, token)
    while not os.path.exists(request.project):
        time.sleep(0.01)
    if request.project == "b":
        os.kill(os.getpid(), signal.SIGTERM)
    return build_id
Command.start = interrupted
"""


def test_a_signal_amid_the_starts_of_a_wake_reaches_each_command_once(cli: Cli) -> None:
    tell = f"""{HEARING}
import pathlib
signal.signal(signal.SIGTERM, lambda *_: None)
pathlib.Path(sys.argv[1]).touch()
while (number := heard()) != signal.SIGINT:
    print(sys.argv[1], number.name, flush=True)
"""
    two_that_are_due(cli, tell)
    process = cli.start("wake", prelude=AMID_THE_STARTS)
    heard: list[str] = []
    while len(heard) < 2:
        heard += [line for line in [line_of(process.stdout)] if " started: " not in line]
    process.send_signal(signal.SIGINT)  # behind whatever was passed on besides

    assert sorted([*heard, end_of(process)[0]]) == ["", "a SIGTERM\n", "b SIGTERM\n"]


def test_what_a_command_leaves_running_on_purpose_is_left_alone(cli: Cli) -> None:
    script = "sleep 1000 >/dev/null 2>&1 & echo $!"
    left = int(cli(*RUN, "sh", "-c", script).stdout)

    os.kill(left, signal.SIGKILL)  # still there


def test_signals_ignored_by_the_parent_stay_ignored(cli: Cli) -> None:
    """As under nohup: the command goes on, and so do we."""
    process = cli.start(
        *RUN,
        *("sh", "-c", "echo ready; read line; echo survived"),
        prelude="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    )
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGHUP)

    assert process.communicate("go\n", timeout=PATIENCE) == ("survived\n", "")
    assert process.returncode == 0


def test_a_parent_that_ignores_the_end_of_its_children_makes_no_failure_a_success(cli: Cli) -> None:
    """That is inherited, too, and then the system keeps no exit status."""
    process = cli.start(
        *RUN, "sh", "-c", "exit 7", prelude="import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    )
    assert end_of(process) == ("", "")
    assert process.returncode == 7
    finished = cli.record().finished
    assert finished is not None
    assert finished.succeeded is False


def test_a_signal_between_claim_and_start_reaches_the_command(cli: Cli) -> None:
    early = """
import os, signal
from holdoff.starters.command import Command
start = Command.start
def interrupted(self, request, token):
    os.kill(os.getpid(), signal.SIGINT)
    return start(self, request, token)
Command.start = interrupted
"""
    process = cli.start(*RUN, *FAMILY, prelude=early)

    assert end_of(process)[1] == ""
    assert process.returncode == died_of(signal.SIGINT)
    assert cli.record().claim is None


def test_ctrl_c_in_a_terminal_reaches_the_command_once(cli: Cli) -> None:
    terminal = Terminal(cli, *RUN, sys.executable, "-c", COUNTING, columns=60)
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    terminal.wait_for("one")
    terminal.process.terminate()  # behind whatever we might have passed on

    assert terminal.end() == 3
    assert "came 1" in terminal.seen


@pytest.mark.parametrize("before", [(), ("timeout", "1h")], ids=["in the terminal's group", "in one of its own"])
def test_ctrl_c_in_a_terminal_ends_the_family(cli: Cli, before: tuple[str, ...]) -> None:
    family = ("sh", "-c", "sleep 1000 | sleep 1000 | (echo ready; sleep 1000)")
    terminal = Terminal(cli, *RUN, *before, *family, columns=60)
    terminal.wait_for("ready")
    terminal.type(b"\x03")

    assert terminal.end() == died_of(signal.SIGINT)
    assert "Traceback" not in terminal.seen
    finished = cli.record().finished
    assert finished is not None
    assert finished.detail == "exit status 130"


def answer_once(cli: Cli, seen: str, *command: str) -> None:
    """Run a command in a terminal, and type an answer once this is seen: the command gets it, and ends well."""
    terminal = Terminal(cli, "run", "outer", "--cooldown", "0", "--", *command, columns=60)
    terminal.wait_for(seen)
    terminal.type(b"secret\n")
    terminal.wait_for("got secret")

    assert terminal.end() == 0


def test_a_command_in_a_terminal_may_ask_there_even_if_its_input_is_a_pipe(cli: Cli) -> None:
    """A command in a background group would be stopped by the terminal for asking."""
    script = "echo asked >/dev/tty; read answer </dev/tty; echo got $answer"
    arguments = " ".join(RUN)
    shell = f"true | {sys.executable} -m holdoff {arguments} sh -c '{script}'"
    answer_once(cli, "asked", "sh", "-c", shell)


def test_a_job_that_a_shell_has_in_its_background_may_ask_once_it_is_in_front(cli: Cli) -> None:
    """All of it is stopped for asking, as the shell then says, and goes on with `fg`."""
    ask = "echo may I ask; read answer </dev/tty; echo got $answer"
    job = f"{sys.executable} -m holdoff {' '.join(RUN)} sh -c '{ask}'"
    shell = f'set -m; {job} & until [ "$(jobs -s)" ]; do sleep 0.1; done; echo it stopped; fg'
    answer_once(cli, "it stopped", "bash", "-c", shell)


def test_a_wait_in_a_terminal_is_one_line_that_is_redrawn(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "1h", "--", "true")
    terminal = Terminal(cli, "run", "p", "--cooldown", "1h", "--wait", "--", "true", columns=60)
    terminal.wait_for("deferred")
    terminal.type(b"\x03")

    assert terminal.end() == died_of(signal.SIGINT)
    assert "holdoff: p: no longer waiting; the trigger stays pending" in terminal.seen
    drawn = terminal.seen.split("\r")[1]
    assert drawn.startswith("holdoff: p deferred: last built ")
    assert len(drawn.partition("^C")[0]) < 60
    assert cli.record().pending is not None


# --- each signal once, however it came -----------------------------------------------------------------------------


def family_of(pid: int) -> list[int]:
    """A process and all below it."""
    children = ""
    with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(one for child in children.split() for one in family_of(int(child)))]


#: The time in which others may be sent the same signal is over once there is a file; that it has begun is a file, too,
#: and that the command is waited for: until then its sender may have missed it.
GATHERED = """
import os, time, holdoff.starters.command as c
wait_for = c.wait_for
def waits(child):
    open("waits", "w").close()
    return wait_for(child)
c.wait_for = waits
class Clock:
    def sleep(self, ms):
        assert ms == c.ALL_SIGNALLED_MS
        open("handled", "w").close()
        while not os.path.exists("all told"):
            time.sleep(0.001)
c.SystemClock = Clock
"""


@contextmanager
def telling(cli: Cli) -> Iterator[Path]:
    """Until the end of the outermost block others may be sent the same signal. The file that says that it has begun."""
    handled, all_told, within = (cli.folder / name for name in ("handled", "all told", "within"))
    if within.exists():
        yield handled
        return
    until((cli.folder / "waits").exists)
    for file in (handled, all_told):
        file.unlink(missing_ok=True)
    within.touch()
    yield handled
    within.unlink()
    all_told.touch()


def to_the_process(cli: Cli, pid: int, number: int) -> None:
    """As a person does it, or a supervisor."""
    with telling(cli):
        os.kill(pid, number)


def to_its_group(cli: Cli, pid: int, number: int) -> None:
    """As a shell does it."""
    with telling(cli):
        os.killpg(pid, number)


def to_it_and_its_group(cli: Cli, pid: int, number: int) -> None:
    """As timeout(1) does it, where the first is being handled already."""
    with telling(cli) as handled:
        os.kill(pid, number)
        until(handled.exists)
        os.killpg(pid, number)


def to_each_process(cli: Cli, pid: int, number: int) -> None:
    """As systemd does it (KillMode=control-group): first to the one that it has started, until there is no other. One
    that has ended meanwhile is passed over: a keeper that has had a signal is replaced."""
    told = {pid}
    with telling(cli) as handled:
        os.kill(pid, number)
        until(handled.exists)
        while others := [one for one in family_of(pid) if one not in told]:
            for one in others:
                with suppress(ProcessLookupError):
                    os.kill(one, number)
            told.update(others)


Way: TypeAlias = "Callable[[Cli, int, int], None]"
WAYS = (to_the_process, to_its_group, to_it_and_its_group, to_each_process)


@pytest.mark.parametrize("send", WAYS)
def test_each_signal_reaches_the_command_once(cli: Cli, send: Way) -> None:
    process = cli.start(*RUN, sys.executable, "-c", EARS, prelude=GATHERED)
    assert line_of(process.stdout) == "ready\n"
    for number in PASSED_ON:
        send(cli, process.pid, number)
        assert line_of(process.stdout) == f"{number.name}\n"
        for _ in range(2):  # behind whatever we might have passed on besides
            barrier = signal.SIGUSR2 if number == signal.SIGUSR1 else signal.SIGUSR1
            process.send_signal(barrier)
            assert line_of(process.stdout) == f"{barrier.name}\n"
    process.send_signal(signal.SIGINT)

    assert end_of(process) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("send", [to_the_process, to_its_group, to_it_and_its_group])
def test_the_wake_loop_waits_for_what_a_command_has_started(cli: Cli, send: Way) -> None:
    """A service manager kills what is left when the loop has ended."""
    starter = f"starter = {{ command = {json.dumps([sys.executable, '-c', TIDY])} }}"
    cli.config(f'[projects.p]\ncooldown = 0\nquiet = "1ms"\n{starter}')
    cli("trigger", "p")
    process = cli.start("wake", "--watch", prelude=f"{LONG}\n{GATHERED}")
    line_with(process.stdout, "ready\n")
    send(cli, process.pid, signal.SIGTERM)
    process.wait(PATIENCE)

    assert process.stdout is not None
    assert "SIGTERM\ntidied up\n" in process.stdout.read()


@pytest.mark.parametrize("send", WAYS)
def test_in_a_terminal_too(cli: Cli, send: Way) -> None:
    terminal = Terminal(cli, *RUN, sys.executable, "-c", EARS, columns=60, prelude=GATHERED)
    terminal.wait_for("ready")
    sent = ["ready"]
    for number in PASSED_ON:
        barrier = signal.SIGUSR2 if number == signal.SIGUSR1 else signal.SIGUSR1
        for way, one in ((send, number), (to_the_process, barrier), (to_the_process, barrier)):
            way(cli, terminal.process.pid, one)
            sent.append(one.name)
            terminal.wait_for("\r\n".join(sent))
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 0
    assert terminal.seen.split() == sent


@pytest.mark.parametrize("send", WAYS)
def test_two_at_once_reach_it_once_each(cli: Cli, send: Way) -> None:
    """As systemd does it with SendSIGHUP=yes. Signals have no order among themselves."""
    terminal = Terminal(cli, *RUN, sys.executable, "-c", EARS, columns=60, prelude=GATHERED)
    terminal.wait_for("ready")
    sent = []
    with telling(cli):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM):
            send(cli, terminal.process.pid, number)
            sent.append(number.name)
    for _ in range(2):  # behind whatever we might have passed on besides
        for name in sent:
            terminal.wait_for(name)
        terminal.process.send_signal(signal.SIGUSR2)
        sent.append("SIGUSR2")
        while terminal.seen.count("SIGUSR2") < sent.count("SIGUSR2"):
            terminal.read()
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 0
    assert sorted(terminal.seen.split()) == sorted(["ready", *sent])


#: A signal comes when the command hears it already, and ``holdoff`` has only just started it.
JUST_STARTED = """
import os, time, holdoff.starters.processes as p
name_of_child = p.name_of_child
def slowly(pid):
    while not os.path.exists("all told"):
        time.sleep(0.001)
    return name_of_child(pid)
p.name_of_child = slowly
"""


def test_what_each_process_is_sent_just_after_the_start_reaches_the_command_once(cli: Cli) -> None:
    """Twice, terraform ends at once, with its work half done."""
    process = cli.start(*RUN, sys.executable, "-c", EARS, prelude=JUST_STARTED)
    assert line_of(process.stdout) == "ready\n"
    for one in family_of(process.pid):
        os.kill(one, signal.SIGTERM)
    (cli.folder / "all told").touch()
    assert line_of(process.stdout) == "SIGTERM\n"
    process.send_signal(signal.SIGUSR1)  # behind whatever we might have passed on besides
    assert line_of(process.stdout) == "SIGUSR1\n"
    process.send_signal(signal.SIGINT)

    assert end_of(process) == ("", "")


def test_a_shells_loop_stops_at_ctrl_c(cli: Cli) -> None:
    """bash goes on with its loop unless what it waits for dies of SIGINT."""
    dies = 'import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print("ready", flush=True); signal.pause()'
    run = f"{sys.executable} -m holdoff run p --cooldown 0 -- {sys.executable} -c '{dies}'"
    loop = ("bash", "-c", f"while true; do {run}; done")
    terminal = Terminal(cli, "run", "outer", "--cooldown", "0", "--", *loop, columns=60)
    terminal.wait_for("ready")
    terminal.type(b"\x03")

    assert terminal.end() == -signal.SIGINT
    assert terminal.seen.count("ready") == 1


#: Ctrl-C while ``holdoff`` imports what it needs, or when it has done all but end.
EARLY_AND_LATE = {
    "amid its imports": """
import os, signal, sys
class Finder:
    def find_spec(name, path, target=None):
        if name == "holdoff.cli.plain":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
from holdoff.cli import entry
entry()
""",
    "at its end": """
import os, signal
from holdoff.cli import entry, main
main.show = lambda: os.kill(os.getpid(), signal.SIGINT)
entry()
""",
}


@pytest.mark.parametrize("when", EARLY_AND_LATE)
def test_ctrl_c_at_any_moment_gives_no_traceback(cli: Cli, when: str) -> None:
    command = [sys.executable, "-c", EARLY_AND_LATE[when], "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=cli.environment, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_command_that_makes_something_of_ctrl_c_has_its_own_status(cli: Cli) -> None:
    process = cli.start(*RUN, "sh", "-c", "trap 'exit 130' INT; echo ready; while true; do sleep 0.01; done")
    assert line_of(process.stdout) == "ready\n"
    process.send_signal(signal.SIGINT)

    assert end_of(process) == ("", "")
    assert process.returncode == 130


@pytest.mark.parametrize("verb", ["trigger", "wake"])
def test_trigger_and_wake_die_of_it_too(cli: Cli, verb: str) -> None:
    cli.config('[projects.p]\ncooldown = "1s"\nstarter = {command = ["sh", "-c", "kill -INT $$"]}')
    if verb == "wake":
        cli("trigger", "p")
        cli("trigger", "p")
        cli.change(lambda record: record.but(lastbuild=Decimal(1), finished=None, due_ms=1))
    done = cli("trigger", "p") if verb == "trigger" else cli("wake")

    assert done.returncode == -signal.SIGINT
    assert "p started" in done.stdout


# --- as the first process of a container ---------------------------------------------------------------------------

#: Leaves an orphan that ends: whether it is reaped shows in /proc.
ORPHAN = """
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        while os.getppid() != 1:
            time.sleep(0.01)
        os.write(writer, str(os.getpid()).encode())
    os._exit(0)
os.wait()
pid = os.read(reader, 16).decode()
while os.path.exists(f"/proc/{pid}"):
    time.sleep(0.01)
print("reaped", flush=True)
time.sleep(1000)
"""
NO_FORK = """
import errno, os
def fork():
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
os.fork = fork
"""
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def container() -> tuple[str, ...]:
    """What begins the command line of a first process."""
    for prefix in (CONTAINER, (*CONTAINER[:1], "--map-root-user", *CONTAINER[1:])):
        if not subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
            return prefix
    pytest.skip("no name spaces for processes here")


def test_as_pid_1_it_reaps_and_passes_signals_on(cli: Cli, container: tuple[str, ...]) -> None:
    command = ("sh", "-c", f"trap 'echo TERM; exit 4' TERM; {sys.executable} -c '{ORPHAN}' & wait")
    process = subprocess.Popen(
        [*container, sys.executable, "-m", "holdoff", *RUN, *command],
        env=cli.environment,
        cwd=cli.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    cli.started.append(process)
    assert line_of(process.stdout) == "reaped\n"
    os.kill(family_of(process.pid)[1], signal.SIGTERM)

    assert end_of(process) == ("TERM\n", "")
    assert process.returncode == 4


def test_as_pid_1_its_status_is_the_commands(cli: Cli, container: tuple[str, ...]) -> None:
    for script, status in (("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -INT $$", 130)):
        done = subprocess.run(
            [*container, sys.executable, "-m", "holdoff", "run", "p", "--cooldown", "0", "--", "sh", "-c", script],
            env=cli.environment,
            cwd=cli.folder,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stderr) == (status, b"")


def test_as_pid_1_without_room_for_a_child_it_says_what_is_wrong(cli: Cli, container: tuple[str, ...]) -> None:
    program = f"{NO_FORK}\nfrom holdoff.cli import entry\nentry()"
    done = subprocess.run(
        [*container, sys.executable, "-c", program, *RUN, "sh", "-c", "echo ran"],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
