"""How a setting in ``holdoff.toml`` is refused: with its key, what stands there, and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Words:
    """Words of ours where an error shows what stands in the file: without quotes."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


MISSING: Final = Words("missing")


def refuse_unknown(settings: Mapping[str, object], known: tuple[str, ...], prefix: str) -> None:
    """Refuse keys that are none of those known."""
    for key in settings:
        if key not in known:
            import difflib

            close = difflib.get_close_matches(key, known, n=1)
            want = f"{close[0]} (did you mean that?)" if close else f"one of {', '.join(known)}"
            raise ConfigError(field=f"{prefix}{key}", got=Words("not a setting"), want=want)


def must_be(kind: type[Any], value: object, at: str, want: str) -> Any:
    """The value, where it is of that type."""
    if not isinstance(value, kind):
        raise ConfigError(field=at, got=value, want=want)
    return value
