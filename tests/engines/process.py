"""Run an engine as a process of ours: a free port, a real answer, and gone when we are done or dead."""

import fcntl
import http.client
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines.cache import EngineUnavailable, cache_root
from tests.waiting import PATIENCE_S

HOST = "127.0.0.1"
#: Below every system's ephemeral range: no outgoing connection can be sitting on such a port.
PORTS = range(21_000, 22_000)
STARTS = 3
STOP_WITHIN_S = 5
GUARD = "holdoff-guard"
#: Becomes the program. First it leaves a shell in the program's process group, which reads from a pipe of ours: when
#: the pipe ends, it ends the group. Orphaned, so that it is no child of the program, which may wait for all of its own.
GUARDED = f"""\
exec 3<&0 0</dev/null
( (trap "" HUP INT QUIT TERM; read -r _ <&3; kill -TERM 0; sleep {STOP_WITHIN_S}; kill -KILL 0) >/dev/null 2>&1 &)
exec "$@" 3<&-"""


class EngineFailed(Exception):
    """The engine is there, and does not work; the message ends with the tail of its log."""


class _PortTaken(Exception):
    """Another process was on the port first."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start an engine. ``{port}`` is filled in wherever it appears."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None = None
    answers: Callable[[int], bool] | None = None  #: on this port; None: DynamoDB's ListTables


@contextmanager
def serving(launch: Launch, *, port: int | None = None) -> Iterator[str]:
    """Run the engine while the block runs; gives its endpoint URL.

    Raises:
        EngineFailed: it did not come up.
    """
    with ExitStack() as stack:
        for start in range(1, STARTS + 1):
            attempt = stack.enter_context(ExitStack())
            try:
                endpoint = _start(launch, port or attempt.enter_context(free_port()), attempt)
                break
            except _PortTaken as taken:
                attempt.close()
                if port is not None or start == STARTS:
                    raise EngineFailed(str(taken)) from taken
        yield endpoint


def _start(launch: Launch, port: int, stack: ExitStack) -> str:
    scratch = Path(tempfile.mkdtemp(prefix=f"holdoff-{launch.name}-"))
    stack.callback(shutil.rmtree, scratch, ignore_errors=True)
    log = scratch / "engine.log"
    # Its temporary files go where we clean up.
    with log.open("wb") as output:
        process = start(
            [part.format(port=port) for part in launch.command],
            cwd=launch.cwd or scratch,
            env={
                **_plain_environment(),
                "TMPDIR": str(scratch),
                **{name: value.format(port=port) for name, value in launch.env.items()},
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    stack.callback(stop, process)
    _wait_until_ready(launch, process, port, log)
    return f"http://{HOST}:{port}"


def start(command: Sequence[str], **how: Any) -> subprocess.Popen[Any]:
    """Start a server as ``Popen`` does. When we die, from whatever cause, it ends with all the processes of its group.

    It also ends when the ``Popen`` is forgotten. Its own session keeps a Ctrl-C in the terminal for pytest, which then
    stops it in its turn. It has no standard input.
    """
    reader, writer = os.pipe()
    try:
        argv = ["/bin/sh", "-c", GUARDED, GUARD, *command]
        process: subprocess.Popen[Any] = subprocess.Popen(argv, stdin=reader, start_new_session=True, **how)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    weakref.finalize(process, os.close, writer)
    return process


def _plain_environment() -> dict[str, str]:
    """Ours, without what would send an engine to the real AWS or make it write elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _wait_until_ready(launch: Launch, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    name, answers = launch.name, launch.answers or lists_tables
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        ended = process.poll() is not None
        said = log.read_text(errors="replace")
        # DynamoDB Local stays alive without a port, so its word counts, not its exit.
        if "address already in use" in said.lower():
            raise _PortTaken(f"{name}: port {port} is taken:\n{_tail(said)}")
        if ended:
            raise EngineFailed(f"{name} ended with {process.returncode}:\n{_tail(said)}")
        if answers(port):
            return
        time.sleep(0.1)
    raise EngineFailed(f"{name} did not answer within {PATIENCE_S} s:\n{_tail(said)}")


def _tail(text: str, lines: int = 20) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "(it printed nothing)"


def lists_tables(port: int) -> bool:
    """Whether a DynamoDB answers ListTables there. Spoken by hand: boto3 takes a second to load."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    scope = "test/20260101/eu-west-1/dynamodb/aws4_request"
    try:
        connection.request(
            "POST",
            "/",
            body=b"{}",
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.ListTables",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0000",
            },
        )
        response = connection.getresponse()
        return response.status == 200 and b"TableNames" in response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End this process and no other, and wait until it is gone."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def free_port() -> Iterator[int]:
    """A port on which nothing listens, kept from our other processes while the block runs.

    Without the lock, two test runs could pick one port; the loser would be answered by the
    winner's engine and lose it in mid-run.
    """
    locks = cache_root() / "ports"
    try:
        locks.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineUnavailable(f"{locks} cannot be made: {error}; set HOLDOFF_ENGINES_CACHE") from error
    while True:
        port = random.choice(PORTS)
        with (locks / str(port)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_free(port):
                yield port
                return


def _is_free(port: int) -> bool:
    # DynamoDB Local listens on all interfaces. macOS lets that stand beside a listener on
    # 127.0.0.1, who would get our requests: so both must be free.
    return _can_bind("", port) and _can_bind(HOST, port)


def _can_bind(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As a server does: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
