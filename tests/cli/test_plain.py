"""What is read without argparse is what argparse would have read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.cli.main import VERBS, _declare, parser_of
from holdoff.cli.plain import NotPlain, Plain

if TYPE_CHECKING:
    from argparse import ArgumentParser

WORDS = st.sampled_from(
    ["", "-", "--", "-1", "-n", "0", "10m", "300", "a b", "p", "p@k", "=", "--debug", "--help", "--no-such", "--key="]
)


def plain(verb: str, words: list[str]) -> dict[str, Any] | None:
    """What is read; ``None``: it is argparse's."""
    parser = Plain()
    try:
        _declare(verb, parser)
        return vars(parser.read(words))
    except NotPlain:
        return None


@cache
def argparse_of(verb: str) -> ArgumentParser:
    return parser_of(verb)[0]


@pytest.mark.parametrize("verb", VERBS)
@given(data=st.data())
def test_it_says_what_argparse_says(verb: str, data: st.DataObject) -> None:
    options = st.sampled_from(list(argparse_of(verb)._option_string_actions))
    words = data.draw(st.lists(WORDS | options | st.builds("{}={}".format, options, WORDS), max_size=6))
    words = words[: words.index("--")] if "--" in words else words  # what follows is the command

    read = plain(verb, words)

    if read is not None:
        args, unknown = argparse_of(verb).parse_known_args(words)
        assert (read, []) == (vars(args), unknown)


@pytest.mark.parametrize(
    ("words", "is_plain"),
    [
        (["p", "--cooldown", "10m"], True),
        (["--cooldown=10m", "p", "-q", "--wait", "--overlap", "skip", "--skip-exit-code", "3", "--debug"], True),
        (["p", "--reason", "a b", "--key", ""], True),
        ([], False),
        (["p", "q"], False),
        (["p", "--help"], False),
        (["p", "--cool", "10m"], False),
        (["p", "-qv"], False),
        (["p", "--cooldown"], False),
        (["p", "--cooldown", "-1"], False),
        (["p", "--wait=yes"], False),
        (["p", "--key=--"], False),  # argparse has its own way with that
        (["p", "--overlap", "never"], False),
        (["p", "--skip-exit-code", "x"], False),
    ],
)
def test_what_is_plain(words: list[str], is_plain: bool) -> None:
    assert (plain("run", words) is not None) is is_plain
