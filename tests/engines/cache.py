"""The cache of engines: each entry is built in a staging directory, checked, then renamed.

A rename is atomic, so a killed fetch leaves no half entry; a lock beside the entry keeps two
processes from fetching the same 56 MB twice.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

COMMAND_TIMEOUT_S = 900


class EngineUnavailable(Exception):
    """This machine cannot have the engine; the message says why, and what would help."""


def engines_required() -> bool:
    """Whether a missing engine is a failure: in CI, or where the environment asks for it."""
    required = os.environ.get("HOLDOFF_REQUIRE_ENGINES", "").lower()
    if required:
        return required in {"1", "true", "yes"}
    return os.environ.get("CI", "").lower() in {"1", "true"}


def cache_root() -> Path:
    """Where the engines are kept, outside the tree."""
    if chosen := os.environ.get("HOLDOFF_ENGINES_CACHE"):
        return Path(chosen).expanduser().absolute()
    home = os.path.expanduser("~")  # noqa: PTH111  (pathlib's raises where there is none)
    default = tempfile.gettempdir() if home == "~" else f"{home}/.cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "holdoff-engines"


def platform_tag() -> str:
    """Tells apart the machines that may share one home directory: ``cp311-linux-x86_64``."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}-{sysconfig.get_platform()}"


def cached(name: str, build: Callable[[Path], None], *, proof: str) -> Path:
    """The cached directory ``name``, built when it is missing.

    Args:
        name: the entry; it carries the version, so that a new version is a new entry.
        build: fills the empty directory it is given; raises when it cannot.
        proof: a path inside the entry that exists when the entry is whole. (A virtual
            environment whose Python has been removed since is not.)

    Raises:
        EngineUnavailable: it is not there and cannot be built.
    """
    entry = cache_root() / name
    if (entry / proof).exists():
        return entry
    try:
        with _locked(name):
            # Another process may have built it while we waited.
            if not (entry / proof).exists():
                _build(entry, build, proof)
    except OSError as error:
        raise EngineUnavailable(
            f"{name} could not be cached in {cache_root()}: {error}; "
            "set HOLDOFF_ENGINES_CACHE to a directory you can write to"
        ) from error
    return entry


def _build(entry: Path, build: Callable[[Path], None], proof: str) -> None:
    for left in entry.parent.glob(f".{entry.name}.*/"):  # by a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}."))
    try:
        build(staging)
        if not (staging / proof).exists():
            raise EngineUnavailable(f"{entry.name} was fetched, but {proof} is not in it")
        if entry.exists():
            shutil.rmtree(entry)
        staging.rename(entry)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file that is not, byte for byte, the one whose hash stands in our source."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise EngineUnavailable(
            f"{path.name} has SHA-256 {actual}, not {expected}: refused; "
            "a proxy may have changed it, or the release was replaced"
        )


def unpack(archive: Path, target: Path) -> None:
    """All of it; paths and links that lead out of ``target`` are refused (from Python 3.11.4 on)."""
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(target)


def run_quietly(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command that fetches something; return its output, or say how it failed.

    Raises:
        EngineUnavailable: it could not be run, failed or hung; with its last lines.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise EngineUnavailable(f"{Path(command[0]).name} ended with {done.returncode}: {tail}")
    return done.stdout


def pip_install_wheel(target: Path, requirement: str, sha256s: Sequence[str]) -> None:
    """Put one wheel, and nothing it depends on, into ``target``: one of these very files.

    A plain directory, unlike a virtual environment, can be renamed afterwards.
    """
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        hashes = " ".join(f"--hash=sha256:{sha256}" for sha256 in sha256s)
        requirements.write_text(f"{requirement} {hashes}\n")
        pip_install("--target", target, "--no-deps", "--require-hashes", "-r", requirements)


def pip_install(*arguments: str | Path, python: str | Path = sys.executable) -> None:
    """``pip install``, wheels only: nothing is compiled, and no build script runs."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:")
    run_quietly([python, "-m", "pip", "install", *quiet, *arguments])
