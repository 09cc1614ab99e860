"""How a setting in ``holdoff.toml`` is refused: with its key, what stands there, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping

from holdoff.core.errors import ConfigError
from holdoff.core.shown import Unquoted as Unquoted
from holdoff.core.shown import is_plain, shown_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeVar

    Kind = TypeVar("Kind")

MISSING: Final = Unquoted("missing")


def refuse_unknown(
    settings: Mapping[str, object], known: tuple[str, ...], prefix: str, elsewhere: Mapping[str, str] | None = None
) -> None:
    """Refuse keys that are none of those known. ``elsewhere``: keys of another table, and what to write for them."""
    for key in settings:
        if key not in known:
            if elsewhere and key in elsewhere:
                field, got = f"{prefix}{shown_name(key)}", Unquoted("not a setting of this table")
                raise ConfigError(field=field, got=got, want=elsewhere[key])
            import difflib

            close = difflib.get_close_matches(key, known, n=1)
            want = f"{close[0]} (did you mean that?)" if close else f"one of {', '.join(known)}"
            name = key if close else shown_name(key)
            raise ConfigError(field=f"{prefix}{name}", got=Unquoted("not a setting"), want=want)


def shown_file(path: str) -> str:
    """The name of a file, as far as it looks like one: in a variable it may be a secret that belongs elsewhere."""
    is_file = is_plain(path) or (path.endswith(".toml") and "://" not in path)
    return Unquoted(repr(path)) if is_file else path


def must_be(kind: type[Kind], value: object, at: str, want: str) -> Kind:
    """The value, where it is of that type."""
    if not isinstance(value, kind):
        raise ConfigError(field=at, got=value, want=want)
    return value


def one_or_more(value: object) -> list[object]:
    """A setting that may be a list. An empty list is taken for its own only entry, which no setting can be."""
    return value if isinstance(value, list) and value else [value]
