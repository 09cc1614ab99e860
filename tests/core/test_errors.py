"""Errors can be told, copied and sent to another process, whatever a subclass or a value in them does."""

from __future__ import annotations

import copy
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from holdoff.core import errors
from holdoff.core.errors import ConfigError, EventError, HoldoffError, NotAllowed, StartRefused
from tests.waiting import PATIENCE_S

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HoldoffError)]
_MADE_OF: dict[type, dict[str, Any]] = {
    ConfigError: {"field": "cooldown", "got": ("x", 1), "want": "'10m'"},
    EventError: {"missing": "event.detail.commitId", "problem": "is missing", "hint": "Name one"},
    NotAllowed: {"missing": "the key's environment", "problem": "is not allowed", "hint": "Allow it"},
    StartRefused: {"message": "a limit", "hint": "Wait", "worth_retrying": True},
}


def made(kind: type[HoldoffError]) -> HoldoffError:
    """One with all its attributes set."""
    return kind(**_MADE_OF.get(kind, {"message": "no answer", "hint": "Trigger again"}))


class Terse(StartRefused):
    """A subclass as others write them: its own arguments, and no ``super().__init__``."""

    def __init__(self, *, code: int) -> None:
        self.code = code


class Silent(HoldoffError):
    """Its arguments are all that is known of it."""

    def __init__(self, *of: object) -> None:
        pass


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


EACH = [*map(made, KINDS), Terse(code=3), Silent("a", 7), Silent()]


def refused_in_a_worker(number: int) -> int:
    raise ConfigError(field="reason", got=number, want="text")


def test_the_table_at_the_top_of_the_file_is_true() -> None:
    rows = re.findall(r"^ {4,}([A-Z]\w+) +(\d+)(?: |$)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(rows) == sorted((kind.__name__, str(kind.exit_code)) for kind in KINDS)


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
def test_an_error_is_copied_and_pickled_with_all_it_says(error: HoldoffError) -> None:
    pickled = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for same in (*pickled, copy.copy(error), copy.deepcopy(error)):
        assert type(same) is type(error)
        assert (str(same), same.args, vars(same)) == (str(error), error.args, vars(error))
        assert (same.message, same.hint) == (error.message, error.hint)


def test_an_error_in_a_worker_reaches_its_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for number in (7, 8):
            with pytest.raises(ConfigError, match=f"reason is {number}; write text"):
                pool.submit(refused_in_a_worker, number).result(timeout=PATIENCE_S)


def test_an_error_whose_subclass_does_not_make_it_can_be_told() -> None:
    assert (str(Terse(code=3)), Terse(code=3).worth_retrying) == ("Terse", False)
    assert str(Silent("no disk")) == "no disk"
    assert str(StartRefused("")) == "StartRefused"
    assert str(StartRefused(None)) == "None"  # type: ignore[arg-type]
    assert str(StartRefused("no disk", hint="Buy one")) == "no disk. Buy one"


@pytest.mark.parametrize(("said", "kept"), [(None, False), ("yes", True), (0, False), (True, True)])
def test_whether_a_refusal_passes_by_itself_is_a_yes_or_a_no(said: Any, kept: bool) -> None:
    assert StartRefused("x", worth_retrying=said).worth_retrying is kept


@pytest.mark.parametrize(
    ("got", "said"),
    [
        ("x", "'x'"),
        (10**5000, "some int that cannot be shown"),
        ([10**5000], "some list that cannot be shown"),
        (Unshowable(), "some Unshowable that cannot be shown"),
        ("x" * 300, "text (not shown: it may be a secret)"),
        ("10 minutes", "'10 minutes'"),
        ("S3CR3T-canary", "text (not shown: it may be a secret)"),
        ({"a": "S3CR3T-canary"}, "a table (not shown: it may be a secret)"),
        (["S3CR3T-canary"], "a list (not shown: it may be a secret)"),
    ],
    ids=["text", "int", "list", "object", "long", "words", "secret", "table", "secrets"],
)
def test_whatever_stands_in_a_setting_can_be_shown(got: object, said: str) -> None:
    error = ConfigError(field="cooldown", got=got, want="'10m'")
    assert str(error) == f"cooldown is {said}; write '10m'"
    assert str(error.under("projects.docs.")) == f"projects.docs.cooldown is {said}; write '10m'"


def test_what_stands_where_secrets_are_is_not_shown_whatever_its_name() -> None:
    for name in ("TOKEN", "TO\nKEN"):
        assert "12345678" not in str(ConfigError(field=f"starter.environment.{name}", got=12345678, want="text"))
