"""What every test may ask for: engines, an AWS environment that leads nowhere, profiles. And the tiers.

``make test-fast`` leaves out what is ``slow``. What asks for an engine is slow by itself; folders, files and tests
that are slow stand in ``SLOW``; others may carry the mark.

One rule: where every engine is required (CI), a skip that is not on the list in ``allowed_skips.toml`` is a failure, so
that a suite that tests nothing cannot pass.
"""

import gc
import itertools
import os
import re
import signal
import time
import tomllib
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from fnmatch import fnmatchcase, translate
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.engines import (
    deploying,
    dynamodb_local,
    lambda_runtime,
    ministack,
    postgres,
    public_samples,
    sam_cli,
    signers,
)
from tests.engines.cache import EngineUnavailable, engines_required

T = TypeVar("T")
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.toml")
# What people are shown is in the time zone of the machine. A test that is about another one sets that.
os.environ["TZ"] = "UTC"
time.tzset()

# --------------------------------------------------------------------------------------------
# Hypothesis. A failure prints the blob that reproduces it; how fast the machine is makes none.

settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
# Derandomised: a red CI run is the change's doing, and is red again when repeated. What chance
# would find is the nightly run's part.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, max_examples=200, database=None)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=5_000)


def _hypothesis_profile() -> str:
    in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
    return os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if in_ci else "default")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile; read the list of skips early, so that a mistake in it is seen."""
    # What ignores a signal, as behind `&` or nohup, has all ignore it that it starts.
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    settings.load_profile(_hypothesis_profile())
    # A tree that this user may not write has no folder for the examples of failures.
    config.addinivalue_line("filterwarnings", "ignore:The database setting is not configured")
    config.stash[_ALLOWED] = _read_allowed_skips(ALLOWED_SKIPS)


def pytest_report_header() -> list[str]:
    """Say which engines this run would use."""
    rule = "required" if engines_required() else "skipped where not available"
    engines = (dynamodb_local, ministack, postgres, sam_cli, lambda_runtime, signers, public_samples, deploying)
    return [
        f"engines: {'; '.join(engine.describe() for engine in engines)}; {rule}",
        f"hypothesis profile: {_hypothesis_profile()}",
    ]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays until the end. To look it through for garbage costs each process three seconds."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


# --------------------------------------------------------------------------------------------
# Tiers

#: Searches, kills, deployments, state machines, races, linters that take seconds to load: globs of node ids.
SLOW = (
    # real processes, sockets and browsers
    "tests/cli/*",
    "tests/deploy/*",
    "tests/deployed/*",
    "tests/package/*",
    "tests/plan/test_plan.py::*",
    "tests/server/*",
    "tests/standins/*",
    "tests/starters/*",
    "tests/test_contributing.py::*",
    "tests/test_docs_blocks.py::test_a_page_says_*",
    "tests/test_engines.py::*",
    "tests/test_readme.py::*",
    "tests/test_site.py::*",
    "tests/test_vps.py::*",
    # searches
    "tests/aws/test_lean.py::*",
    "tests/aws/test_signature.py::*",
    "tests/chaos/test_chaos.py::*",
    "tests/conformance/test_machines.py::*",
    "tests/e2e/test_races.py::*",
    "tests/ingress/test_again.py::*",
    "tests/ingress/test_fuzz*",
    "tests/ingress/test_order.py::*",
    "tests/ingress/test_storms.py::*",
    "tests/test_config_secrets.py::*",
    "tests/test_security.py::*",
)
IS_SLOW = re.compile("|".join(map(translate, SLOW)))
ENGINES = {"dynamodb_local_url", "ministack_url", "postgres_server", "postgres_url"}
MARKS = ("dynamodb", "ministack", "postgres")


# First, so that -m sees the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        engine = ENGINES.intersection(getattr(item, "fixturenames", ()))
        named = any(item.get_closest_marker(mark) for mark in MARKS)
        if engine or named or IS_SLOW.match(item.nodeid):
            item.add_marker("slow")


# --------------------------------------------------------------------------------------------
# Engines, started when the first test asks


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    """The endpoint of a DynamoDB Local. Shared: give each test a table of its own."""
    with engine_or_skip(dynamodb_local.dynamodb_local()) as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url() -> Iterator[str]:
    """The endpoint of a ministack. Shared: give each test names of its own."""
    with engine_or_skip(ministack.ministack()) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Cluster]:
    """A PostgreSQL. Shared: leave it as it was."""
    with engine_or_skip(postgres.cluster()) as server:
        yield server


@pytest.fixture(scope="session")
def pgbouncer_url(postgres_server: postgres.Cluster) -> Iterator[str]:
    """The URL of the same database through a pgbouncer, in transaction mode."""
    with engine_or_skip(postgres.pgbouncer(postgres_server)) as url:
        yield url


_schemas = itertools.count()


@pytest.fixture
def postgres_url(postgres_server: postgres.Cluster) -> Iterator[str]:
    """The URL of a store in a schema of its own."""
    schema = f"test_{next(_schemas)}"
    yield f"{postgres_server.url}?schema={schema}"
    postgres_server.psql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@contextmanager
def engine_or_skip(engine: AbstractContextManager[T]) -> Iterator[T]:
    """The engine while the block runs; where it cannot be had, a skip."""
    try:
        running = engine.__enter__()
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
    try:
        yield running
    finally:
        engine.__exit__(None, None, None)


# --------------------------------------------------------------------------------------------
# AWS settings: nothing of the person who runs the tests

NOWHERE = "/nonexistent/holdoff"
LOCAL_HOSTS = "127.0.0.1,localhost"
FAKE_AWS: Mapping[str, str] = {
    # Alphanumeric, as DynamoDB Local wants them.
    "AWS_ACCESS_KEY_ID": "HOLDOFFTESTS",
    "AWS_SECRET_ACCESS_KEY": "holdofftests",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(scope="session", autouse=True)
def _no_aws_of_your_own() -> Iterator[None]:
    """A test that forgets ``aws_env`` finds no credentials at all, rather than the developer's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", f"{NOWHERE}/config")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{NOWHERE}/credentials")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("NO_PROXY", "no_proxy"):
            others = os.environ.get(name)
            patch.setenv(name, f"{others},{LOCAL_HOSTS}" if others else LOCAL_HOSTS)
        yield


@pytest.fixture
def aws_env(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Fake credentials and a region in the environment, for this test and what it starts."""
    for name, value in FAKE_AWS.items():
        monkeypatch.setenv(name, value)
    return FAKE_AWS


# --------------------------------------------------------------------------------------------
# Skips

_ALLOWED = pytest.StashKey[list[str]]()
R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


def _read_allowed_skips(path: Path) -> list[str]:
    entries = tomllib.loads(path.read_text()).get("skip", [])
    for entry in entries:
        if not (entry.get("test") and entry.get("reason")) or len(entry) != 2:
            raise pytest.UsageError(f"{path}: each skip has a test and a reason, got {entry}")
    return [entry["test"] for entry in entries]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one, where skips are not allowed."""
    report = yield
    return _judged(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself as a whole."""
    report = yield
    return _judged(report, collector.config)


def _judged(report: R, config: pytest.Config) -> R:
    if report.outcome != "skipped" or hasattr(report, "wasxfail") or not engines_required():
        return report
    if any(fnmatchcase(report.nodeid, allowed) for allowed in config.stash[_ALLOWED]):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was skipped, and is not on the list in tests/{ALLOWED_SKIPS.name}: {reason}"
    return report
