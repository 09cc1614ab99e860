"""The template, deployed: its function at ministack, its table on DynamoDB Local, its builds at the stand-in.

One stack serves all tests; each has a project of its own in the ``holdoff.toml``, which the function reads from SSM.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from holdoff.core.request import GateKey
from holdoff.stores.open import open_store
from tests.conftest import FAKE_AWS, engine_or_skip
from tests.deploy.cloudformation import ROOT
from tests.deployed.stack import REGION, Stack, client_of, until
from tests.engines.ministack import ministack
from tests.standins.codebuild import CodeBuildStandin, StandinClock, wall_ms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdoff.stores.base import Store

TABLE: Final = "deployed"
SECRET: Final = "the webhook's secret"
#: By name, and how they are gated.
PROJECTS: Final = {
    "web": 'cooldown = "10m"',
    "image": 'cooldown = "10m"',
    "news": 'cooldown = "20s"',
    "nightly": 'cooldown = 0\noverlap = "defer"',
    "fragile": 'cooldown = "10m"',
    "hooks": 'cooldown = "10m"',
    "content": 'cooldown = "10m"',
    "queued": 'cooldown = "10m"',
    "twice": 'cooldown = "10m"',
    "ended": 'cooldown = 0\noverlap = "defer"',
    "lost": 'cooldown = "5s"',
}
TABLES: Final = [
    f'[projects.{name}]\n{policy}\nstarter = {{ codebuild = "{name}", environment = {{ STAGE = "prod" }} }}\n'
    for name, policy in PROJECTS.items()
]
RULES: Final = """
[[rules]]
when = { source = "aws.ecr" }
project = "event.detail.repository-name"
source_version = "event.detail.image-digest"
environment = { TAG = "event.detail.image-tag" }

[[rules]]
when = { eventSource = "aws:s3", "s3.bucket.name" = "content" }
project = "content"

[[rules]]
when = { source = "shop" }
project = "event.detail.site"
"""
CONFIG: Final = "\n".join([*TABLES, RULES])
PATTERN: Final = {"source": ["aws.ecr", "shop"]}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, as ``make lambda`` builds it."""
    output = tmp_path_factory.mktemp("package") / "holdoff-lambda.zip"
    builder = [sys.executable, str(ROOT / "tools/lambda_package.py"), "--output", str(output)]
    subprocess.run(builder, check=True, capture_output=True)
    return output


@dataclass(frozen=True)
class Deployed:
    """The stack, what it works with, and the command line beside it.

    Attributes:
        store: the table, to look at what there is no event for.
        news: a start and a deferral of the project "news", made before anything else: a schedule waits for its minute.
    """

    stack: Stack
    standin: CodeBuildStandin
    config: Path
    store: Store
    news: list[dict[str, Any]]

    def cli(self, *argv: str) -> Any:
        """What ``holdoff ... --json`` prints, in a process of its own."""
        done = holdoff(*argv, "--json", HOLDOFF_CONFIG=str(self.config))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def gate(self, project: str) -> dict[str, Any]:
        """What ``holdoff status`` says of a gate."""
        (gate,) = self.cli("status", project)["gates"]
        return dict(gate)

    def history(self, project: str) -> list[dict[str, Any]]:
        """The builds, the newest first, as ``holdoff history`` tells them."""
        return list(self.cli("history", project)["builds"])

    def started(self, project: str) -> list[str]:
        """The ids of a project's builds that really started, in order."""
        return [build.id for build in self.standin.builds_started if build.project == project]

    def until_started(self, project: str, count: int) -> list[str]:
        """Waits for that many; their ids."""
        until(lambda: len(self.started(project)) >= count, what=f"{count} builds of {project}")
        return self.started(project)

    def until_taken(self, project: str, count: int) -> None:
        """Waits until so many triggers of a gate are covered by a build or pending. (The log may be late.)"""
        key = GateKey(project, REGION)

        def taken() -> int:
            record = self.store.get(key)
            covers = [build.covers for build in self.store.history(key)]
            covers += [part.covers for part in (record.running, record.claim) if part is not None]
            return sum(fold.count for fold in [*covers, record.pending] if fold is not None)

        until(lambda: taken() == count, what=f"{count} triggers taken at {project}")

    def until_answered(self, project: str, **whys: int) -> None:
        """Waits until a gate's triggers were answered so often in each way, by the function's log."""

        def answered() -> bool:
            lines = [line.get("why") for line in self.stack.log() if line.get("project") == project]
            return all(lines.count(why) == count for why, count in whys.items())

        until(answered, what=f"{whys} at {project}")


@pytest.fixture(scope="session")
def deployed(dynamodb_local_url: str, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack of all tests here."""
    url = f"dynamodb://{TABLE}?region={REGION}&endpoint={dynamodb_local_url}"
    config = tmp_path_factory.mktemp("deployed") / "holdoff.toml"
    config.write_text(f'store = "{url}"\n{CONFIG}')
    with (
        engine_or_skip(ministack(LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.1")) as endpoint,
        CodeBuildStandin(PROJECTS, clock=StandinClock(wall_ms)) as standin,
    ):
        initialise(url)
        _put_parameters(endpoint)
        stack = Stack(
            endpoint,
            package,
            {
                "ConfigParameter": "/holdoff/config",
                "CodeBuildProjects": ",".join(PROJECTS),
                "ExistingTable": TABLE,
                "DynamoDBEndpoint": dynamodb_local_url,
                "CodeBuildEndpoint": standin.url,
                "EventPattern": json.dumps(PATTERN),
                "Topic": "yes",
                "Queue": "yes",
                "GitHubSecret": "/holdoff/github",
            },
            name="holdoff",
            key=FAKE_AWS["AWS_ACCESS_KEY_ID"],
        )
        news = [{"project": "news", "source_version": version} for version in ("v1", "v2")]
        store = _store(url)
        yield Deployed(stack, standin, config, store, [stack.invoke(event) for event in news])
        store.close()
        stack.close()


def _store(url: str) -> Store:
    """For as long as the stack is there: clients are made with the environment as it is then."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FAKE_AWS.items():
            patch.setenv(name, value)
        store = open_store(url)
        store.get(GateKey("any", REGION))
        return store


def holdoff(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, with these variables besides the usual ones."""
    return subprocess.run(
        [sys.executable, "-m", "holdoff", *argv],
        env={**os.environ, **FAKE_AWS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def initialise(store: str) -> None:
    """Make the table, as a machine without the template's would."""
    done = holdoff("store", "init", "--store", store)
    assert done.returncode == 0, done.stderr


def _put_parameters(endpoint: str) -> None:
    ssm = client_of("ssm", endpoint, FAKE_AWS["AWS_ACCESS_KEY_ID"])
    ssm.put_parameter(Name="/holdoff/config", Value=CONFIG, Type="String")
    ssm.put_parameter(Name="/holdoff/github", Value=SECRET, Type="SecureString")
    ssm.close()
