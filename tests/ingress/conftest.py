"""What tests of events share: the sample events, and what builds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.cache import EngineUnavailable
from tests.ingress.samples import Samples, read_samples
from tests.standins.codebuild import CodeBuildStandin


@pytest.fixture(scope="session")
def samples() -> Samples:
    """All sample events of the SAM CLI, by service and name."""
    try:
        return read_samples()
    except EngineUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def standin() -> Iterator[CodeBuildStandin]:
    """CodeBuild with the projects of ``function.FILE``."""
    with CodeBuildStandin(projects=["site-build", "docs-build"]) as started:
        yield started


@pytest.fixture(scope="module")
def shared_standin() -> Iterator[CodeBuildStandin]:
    """The same, one for all of a file: its builds are told apart by their tests."""
    with CodeBuildStandin(projects=["site-build", "docs-build"]) as started:
        yield started
