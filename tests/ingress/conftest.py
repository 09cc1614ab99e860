"""The sample events, for whoever asks."""

from __future__ import annotations

import pytest

from tests.engines.cache import EngineUnavailable
from tests.ingress.samples import Samples, read_samples


@pytest.fixture(scope="session")
def samples() -> Samples:
    """All sample events of the SAM CLI, by service and name."""
    try:
        return read_samples()
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
