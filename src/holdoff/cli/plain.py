"""Reads plain command lines without argparse, which takes 3 ms to import and to set up: every command behind
``holdoff run`` would wait for it.

A verb declares its options once, for this reader and for argparse. A line is plain if its options are written out, each
with its value, if no value begins with ``-``, and if there are as many other words as positional arguments. Argparse
reads every other line, such as help and mistakes, from the start.
"""

from __future__ import annotations

from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any

    #: An option or a positional argument: its name, what makes its value from a text (``None``: it is a flag), and the
    #: only values that it takes.
    Place = tuple[str, Callable[[str], Any] | None, Container[Any] | None]


class NotPlain(Exception):
    """The line is not plain: argparse reads it."""


class Plain:
    """Takes the declarations of a verb's options, as ``argparse.ArgumentParser`` does. It has no other method of that
    class: a verb that calls one is read by argparse."""

    description = ""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._options: dict[str, Place] = {}
        self._values: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        raise NotPlain

    def add_argument(
        self,
        *names: str,
        action: str = "store",
        type: Callable[[str], Any] = str,  # noqa: A002  (argparse's words)
        choices: Container[Any] | None = None,
        default: Any = None,
        metavar: str = "",
        help: str = "",  # noqa: A002
        **more: object,
    ) -> None:
        is_flag = action == "store_true"
        is_plain = is_flag or (action == "store" and (type is str or not isinstance(default, str)))
        if not is_plain or any(more.values()):
            raise NotPlain
        name = next((name for name in names if name.startswith("--")), names[0]).lstrip("-").replace("-", "_")
        place = name, None if is_flag else type, choices
        if names[0].startswith("-"):
            self._options.update(dict.fromkeys(names, place))
            self._values[name] = False if is_flag else default
        else:
            self._places.append(place)

    def set_defaults(self, **values: Any) -> None:
        self._values.update(values)

    def read(self, words: list[str]) -> SimpleNamespace:
        """The values by their names, as ``ArgumentParser.parse_args``. Raises ``NotPlain``."""
        values, places, rest = dict(self._values), iter(self._places), iter(words)
        for word in rest:
            option, mark, text = word.partition("=") if word.startswith("-") else ("", "=", word)
            place = self._options.get(option) if option else next(places, None)
            if place is None:
                raise NotPlain
            name, make, choices = place
            if make is None:
                if mark:
                    raise NotPlain
                values[name] = True
                continue
            text = text if mark else next(rest, "-")
            try:
                values[name] = make(text)
            except Exception:  # noqa: BLE001  (argparse knows which errors are mistakes, and what to say)
                raise NotPlain from None
            if text.startswith("-") or (choices is not None and values[name] not in choices):
                raise NotPlain
        if next(places, None) is not None:
            raise NotPlain
        return SimpleNamespace(**values)
