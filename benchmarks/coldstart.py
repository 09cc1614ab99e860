"""A cold start: importing the handler from the package, and its first decision, against botocore doing just as much.

Run: python -m benchmarks.coldstart [--runs N] [--top N]
Floors, each in a process of its own and in turn with the others: the bare interpreter; botocore and one client of
DynamoDB; botocore, two clients and the three requests that a start takes (claim, StartBuild, confirm).

The package is unpacked and stays as it is, as Lambda's file system does: what is not compiled in it is compiled at
every cold start. "compiled" is the same with its .pyc files beside it. DynamoDB is ministack, CodeBuild the stand-in.
"""

from __future__ import annotations

import argparse
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

import botocore

from holdoff.stores import open_store
from tests.conftest import FAKE_AWS
from tests.engines.ministack import ministack
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUILDER = Path(__file__).parent.parent / "tools/lambda_package.py"
TABLE = "coldstart"
IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
KEY = '{"cb_project": {"S": "floor"}, "region": {"S": "eu-west-1"}}'
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
}
Times = dict[str, list[list[float]]]


def main() -> None:
    """Time all in turn; print medians, ratios, and what the imports take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--top", type=int, default=15, help="so many of the slowest imports")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ministack() as endpoint,
        CodeBuildStandin(["site"]) as standin,
    ):
        os.environ |= FAKE_AWS
        open_store(f"dynamodb://{TABLE}?region=eu-west-1&endpoint={endpoint}").initialise()
        settings = _settings(endpoint, standin.url)
        packages = _packages(Path(folder))
        _print(_timed(settings, packages, args.runs), args.runs)
        _print_imports(settings, packages["holdoff, as packed"], args.top)


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
    return dict.fromkeys(PROGRAMS, packed) | {"holdoff, compiled": compiled}


def _timed(settings: Mapping[str, str], packages: Mapping[str, Path], runs: int) -> Times:
    times: Times = {name: [] for name in PROGRAMS}
    for turn in range(runs + 1):  # the first warms the file system's cache
        for name, program in PROGRAMS.items():
            printed = _run(settings, packages[name], TIMED.format(program=program)).stdout
            if turn:
                times[name].append([float(one) * 1000 for one in printed.splitlines()[-1].split()])
    return times


def _run(settings: Mapping[str, str], package: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A process that sees the package and botocore, and nothing else that is installed."""
    path = os.pathsep.join([str(package), str(Path(botocore.__file__).parents[1])])
    return subprocess.run(
        [sys.executable, "-S", *options, "-c", program],
        env={**settings, "PYTHONPATH": path, "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
    )


def _print(times: Times, runs: int) -> None:
    print(f"coldstart: {runs} runs of each, in turn (medians, milliseconds)")
    print(f"  {'':<22}{'to ready':>10}{'first':>10}{'processor':>11}")
    medians = {
        name: [statistics.median(column) for column in zip(*taken, strict=True)] for name, taken in times.items()
    }
    for name, row in medians.items():
        print(f"  {name:<22}" + "".join(f"{median:>10.1f}" for median in row))
    for name in ("holdoff, as packed", "holdoff, compiled"):
        ratio = medians[name][2] / medians["botocore, as much"][2]
        print(f"  {name}: {ratio:.2f} times the processor's time of botocore doing as much")


def _print_imports(settings: Mapping[str, str], package: Path, top: int) -> None:
    """What each module takes by itself, and ours together."""
    # Without its clients made beforehand, which would count as the handler's own time.
    settings = {name: value for name, value in settings.items() if name != IN_LAMBDA}
    done = _run(settings, package, TIMED.format(program=OURS), "-X", "importtime")
    modules = sorted(_imports(done.stderr.splitlines()), reverse=True)
    ours = sum(own for own, name in modules if name.partition(".")[0] == "holdoff")
    print(f"  imports (with -X importtime): {len(modules)} modules, of ours {ours:.1f} ms")
    for own, name in modules[:top]:
        print(f"  {own:>8.1f}  {name}")


def _imports(lines: Sequence[str]) -> list[tuple[float, str]]:
    rows = [line.removeprefix("import time:").split("|") for line in lines if line.count("|") == 2]
    return [(int(own) / 1000, name.strip()) for own, _, name in rows if own.strip().isdigit()]


if __name__ == "__main__":
    main()
