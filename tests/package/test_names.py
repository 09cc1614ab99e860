"""The public names: what completion, ``help(holdoff)`` and a type checker see."""

from __future__ import annotations

import doctest
import pydoc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import holdoff
from holdoff.core.errors import ConfigError
from tests.package.conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable


def test_completion_shows_the_public_names_and_nothing_else() -> None:
    import_module("holdoff.gate")  # a module that is loaded is an attribute
    assert set(dir(holdoff)) == {*holdoff.__all__, "__version__"}
    assert {"Gate", "Policy", "Starter", "Status", "Store", "WakeLoop", "open_store"} < set(dir(holdoff))
    with pytest.raises(AttributeError, match="no attribute 'Gates'"):
        holdoff.Gates  # noqa: B018
    assert dir(holdoff.starters) == sorted(holdoff.starters.__all__)
    for package in (holdoff.starters, holdoff.testing):
        assert all(getattr(package, name).__name__ == name for name in package.__all__)
    assert holdoff.testing.StoreMachine.__name__ == "StoreMachine"


def test_help_of_testing_needs_neither_pytest_nor_hypothesis() -> None:
    code = "import sys; sys.modules |= dict.fromkeys(('pytest', 'hypothesis')); import pydoc, holdoff.testing"
    assert "ManualClock" in run(sys.executable, "-c", f"{code}; print(pydoc.render_doc(holdoff.testing))")


def test_importing_it_imports_nothing_of_it() -> None:
    code = "import sys, holdoff; print(*[name for name in sys.modules if name.startswith('holdoff.')])"
    assert run(sys.executable, "-c", code).split() == []


def test_the_example_in_its_help_works() -> None:
    assert doctest.testmod(holdoff).attempted > 5
    assert doctest.testmod(holdoff).failed == 0
    first = pydoc.plain(pydoc.render_doc(holdoff)).partition("PACKAGE CONTENTS")[0]
    for name in ("Gate", "Policy", "Decision", "open_store", "starters", "Status", "WakeLoop", "Store", "Starter"):
        assert name in first


def test_a_type_checker_knows_a_policys_words_and_durations() -> None:
    """mypy --strict reads this file: an ignore that is not needed fails it."""
    cases: list[Callable[[], object]] = [
        lambda: holdoff.Policy("1m", on_cooldown="defr"),  # type: ignore[arg-type]
        lambda: holdoff.Policy("1m", overlap="no"),  # type: ignore[arg-type]
        lambda: holdoff.Policy("1m", cooldown_from="end"),  # type: ignore[arg-type]
        lambda: holdoff.Policy("1m", on_failure="retry"),  # type: ignore[arg-type]
        lambda: holdoff.Policy("1m", unchanged="drop"),  # type: ignore[arg-type]
        lambda: holdoff.Policy(None),  # type: ignore[arg-type]
        lambda: holdoff.Policy("1m", quiet=b"30s"),  # type: ignore[arg-type]
        lambda: holdoff.testing.ManualClock().advance(None),  # type: ignore[arg-type]
    ]
    for wrong in cases:
        with pytest.raises(ConfigError):
            wrong()
