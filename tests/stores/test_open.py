"""Stores of other packages, by the entry-point group ``holdoff.stores``."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from holdoff.core.errors import StoreError
from holdoff.stores.memory import MemoryStore
from holdoff.stores.open import open_store

made: list[Any] = []


def make(url: str) -> Any:
    """What the entry point names."""
    if isinstance(made[-1], Exception):
        raise made[-1]
    return made[-1]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint(name="redis", value=f"{__name__}:make", group="holdoff.stores")
    broken = EntryPoint(name="etcd", value="no_such_package:make", group="holdoff.stores")
    found = {"redis": [entry], "etcd": [broken]}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group, name: found.get(name, []))


def test_it_is_theirs() -> None:
    made.append(MemoryStore())
    assert open_store("redis://host") is made[-1]


@pytest.mark.parametrize(
    ("makes", "url", "said"),
    [
        (None, "redis://host", "made some NoneType, which is no Store"),
        (KeyError("x"), "redis://host", "failed: KeyError: 'x'"),
        (ValueError("no redis://me:hunter2@host"), "redis://me:hunter2@host", "failed: ValueError: no redis://host"),
        (
            None,
            "etcd://host",
            "no_such_package:make, which makes the stores of etcd: URLs, failed: ModuleNotFoundError",
        ),
    ],
)
def test_what_makes_no_store_is_told(makes: object, url: str, said: str) -> None:
    made.append(makes)
    with pytest.raises(StoreError) as error:
        open_store(url)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)
