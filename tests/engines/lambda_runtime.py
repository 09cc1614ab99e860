"""Lambda's own runtime for Python, in front of it AWS's emulator of the service: it runs a package as Lambda does.

The emulator comes out of the SAM CLI's wheel, the runtime's client from PyPI, and with it the oldest botocore that we
say we work with: which one Lambda has depends on its region (docs.aws.amazon.com/lambda/latest/dg/lambda-python.html).
Nothing else that is installed here can be seen by the function. It takes one invocation at a time.
"""

import hashlib
import http.client
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engines.cache import EngineUnavailable, cache_root, cached, pip_install, platform_tag
from tests.engines.process import HOST, Launch, free_port, serving
from tests.engines.sam_cli import EMULATORS, sam_cli
from tests.waiting import PATIENCE_S

NAME = "lambda-runtime"
NEEDS = (
    "awslambdaric==4.2.2",
    "botocore==1.34.0",
    "jmespath==1.1.0",
    "python-dateutil==2.9.0.post0",
    "simplejson==4.3.0",
    "six==1.17.0",
    "snapshot-restore-py==1.0.0",
    "urllib3==2.0.7",
)
PROOF = "awslambdaric/__main__.py"
EMULATOR = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}
PATH = "/2015-03-31/functions/function/invocations"


@contextmanager
def lambda_runtime(task: Path, handler: str, env: Mapping[str, str]) -> Iterator[str]:
    """Run a function while the block runs; gives the emulator's endpoint URL.

    Args:
        task: the folder with the unpacked package.
        env: the function's environment.

    Raises:
        EngineUnavailable: this machine cannot have it.
        EngineFailed: it did not come up.
    """
    runtime, emulator = _runtime(), _emulator()
    with free_port() as api:
        listening = ("--runtime-interface-emulator-address", HOST + ":{port}")
        talking = ("--runtime-api-address", f"{HOST}:{api}")
        # -S: without this environment's packages. The runtime itself puts the package first.
        python = (sys.executable, "-S", "-m", "awslambdaric", handler)
        settings = {"PYTHONPATH": str(runtime), "LAMBDA_TASK_ROOT": str(task)}
        launch = Launch(
            name=NAME,
            command=(str(emulator), *listening, *talking, *python),
            env={**settings, **env},
            cwd=task,
            answers=_listens,
        )
        with serving(launch) as endpoint:
            yield endpoint


def invoke(endpoint: str, event: object) -> Any:
    """One invocation, and its answer."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=PATIENCE_S)
    try:
        connection.request("POST", PATH, body=json.dumps(event))
        return json.load(connection.getresponse())
    finally:
        connection.close()


def fetch() -> str:
    """Bring it into the cache; says what there is now."""
    return f"{NAME}: {_runtime()}, {_emulator()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    fetched = (cache_root() / _entry() / PROOF).exists()
    return NAME + ("" if fetched else " (will be fetched)")


def _emulator() -> Path:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in EMULATOR:
        raise EngineUnavailable(f"{NAME} is for Linux on {' and '.join(EMULATOR)}")
    return sam_cli() / EMULATORS / EMULATOR[machine]


def _runtime() -> Path:
    return cached(_entry(), _install, proof=PROOF)


def _entry() -> str:
    needs = hashlib.sha256("\n".join(NEEDS).encode()).hexdigest()[:8]
    return f"{NAME}-{needs}-{platform_tag()}"


def _install(staging: Path) -> None:
    pip_install("--target", staging, "--no-deps", *NEEDS)


def _listens(port: int) -> bool:
    """Whether the emulator answers; what it says of a path that it does not know is no matter."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
