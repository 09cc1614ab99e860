"""A cold start: importing the handler from the package, and its first decision, against botocore doing just as much.

Floors, each in a process of its own and in turn with the others: the bare interpreter; botocore and one client of
DynamoDB; botocore, two clients and the three requests that a start takes (claim, StartBuild, confirm).

The package is unpacked and stays as it is, as Lambda's file system does: what is not compiled in it is compiled at
every cold start. "compiled" is the same with its .pyc files beside it. DynamoDB is ministack, CodeBuild the stand-in.
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import botocore

from benchmarks.harness import Section
from holdoff.stores.open import open_store
from tests.conftest import FAKE_AWS
from tests.engines.ministack import ministack
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILDER = Path(__file__).parent.parent / "tools/lambda_package.py"
TABLE = "coldstart"
IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
KEY = '{"cb_project": {"S": "floor"}, "region": {"S": "eu-west-1"}}'
LEAN = "holdoff, compiled, lean client"
NOTHING = "def first(): pass"
ONE_CLIENT = """
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
def first(): pass
"""
AS_MUCH = f"""
import botocore.session
session = botocore.session.get_session()
dynamodb, codebuild = (session.create_client(name) for name in ("dynamodb", "codebuild"))
def first():
    dynamodb.update_item(TableName="{TABLE}", Key={KEY})
    codebuild.start_build(projectName="site")
    dynamodb.update_item(TableName="{TABLE}", Key={KEY})
"""
OURS = """
import holdoff.ingress.aws_lambda as function
def first():
    answer = function.handler({"source_version": "v1"}, None)
    assert answer["outcome"] == "started", answer
"""
#: Its last line says how long its beginning and its first invocation took, and the processor's time for all of it.
TIMED = """
import time
began = time.perf_counter()
{program}
ready = time.perf_counter()
first()
print(ready - began, time.perf_counter() - ready, time.process_time())
"""
PROGRAMS = {
    "bare python": NOTHING,
    "botocore, one client": ONE_CLIENT,
    "botocore, as much": AS_MUCH,
    "holdoff, as packed": OURS,
    "holdoff, compiled": OURS,
    LEAN: OURS,
}
Times = dict[str, list[list[float]]]


def measure(*, quick: bool) -> Section:
    """Each in turn, again and again."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ministack() as endpoint,
        CodeBuildStandin(["site"]) as standin,
        patch.dict(os.environ, FAKE_AWS),
    ):
        open_store(f"dynamodb://{TABLE}?region=eu-west-1&endpoint={endpoint}").initialise()
        times = _timed(_settings(endpoint, standin.url), _packages(Path(folder)), 5 if quick else 20)
    return Section(
        title="A cold start of the function",
        text="This is the import of the handler from the package, and its first decision, a start. There are three "
        "floors: the interpreter; one client of botocore's; and two clients that only make the three requests of a "
        "start. As packed, modules are compiled at each cold start; `make lambda COMPILED=yes` packs them compiled. "
        "With the lean client (`HOLDOFF_AWS_CLIENT=lean`) botocore is not loaded.",
        head=("", "ms to ready", "ms for the first", "ms of the processor", "x one client"),
        rows=[_cells(name, taken, times["botocore, one client"]) for name, taken in times.items()],
    )


def _cells(name: str, taken: list[list[float]], floor: list[list[float]]) -> tuple[str, ...]:
    columns = [statistics.median(column) for column in zip(*taken, strict=True)]
    ratios = [mine[2] / other[2] for mine, other in zip(taken, floor, strict=True)]
    return name, *(f"{median:.1f}" for median in columns), f"{statistics.median(ratios):.2f}"


def _settings(dynamodb: str, codebuild: str) -> dict[str, str]:
    return {
        **FAKE_AWS,
        IN_LAMBDA: "holdoff",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_CODEBUILD": codebuild,
        "REGION_NAME": "eu-west-1",
        "DDB_TABLE_NAME": TABLE,
        "CODEBUILD_PROJECT_NAME": "site",
        "COOLDOWN": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _packages(folder: Path) -> dict[str, Path]:
    """Where each program finds holdoff."""
    packed, compiled = folder / "packed", folder / "compiled"
    output = folder / "holdoff-lambda.zip"
    subprocess.run([sys.executable, BUILDER, "--output", output], check=True, capture_output=True)
    with zipfile.ZipFile(output) as package:
        package.extractall(packed)
    shutil.copytree(packed, compiled)
    compileall.compile_dir(compiled, quiet=1)
    return dict.fromkeys(PROGRAMS, packed) | dict.fromkeys(("holdoff, compiled", LEAN), compiled)


def _timed(settings: Mapping[str, str], packages: Mapping[str, Path], runs: int) -> Times:
    times: Times = {name: [] for name in PROGRAMS}
    for turn in range(runs + 1):  # the first warms the file system's cache
        for name, program in PROGRAMS.items():
            by = {"HOLDOFF_AWS_CLIENT": "lean"} if name == LEAN else {}
            printed = _run({**settings, **by}, packages[name], TIMED.format(program=program)).stdout
            if turn:
                times[name].append([float(one) * 1000 for one in printed.splitlines()[-1].split()])
    return times


def _run(settings: Mapping[str, str], package: Path, program: str) -> subprocess.CompletedProcess[str]:
    """A process that sees the package and botocore, and nothing else that is installed."""
    path = os.pathsep.join([str(package), str(Path(botocore.__file__).parents[1])])
    return subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**settings, "PYTHONPATH": path, "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
    )
