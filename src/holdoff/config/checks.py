"""How a setting in ``holdoff.toml`` is refused: with its key, what stands there, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from holdoff.core.errors import ConfigError
from holdoff.core.shown import Unquoted as Unquoted
from holdoff.core.shown import is_plain, shown_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeVar

    Kind = TypeVar("Kind")

MISSING: Final = Unquoted("missing")
#: The settings at the top of a file, and what to write for one that stands below a heading.
TOP: Final = {
    "store": "it above the first heading [...]",
    "projects": "the heading [projects.NAME]",
    "rules": "the heading [[rules]]",
    "webhooks": "the heading [webhooks]",
    "server": "the heading [server]",
}


def refuse_unknown(
    settings: Mapping[str, object], known: tuple[str, ...], prefix: str, elsewhere: Mapping[str, str] = {}
) -> None:
    """Refuse keys that are none of those known. ``elsewhere``: keys of other tables, and what to write for them."""
    for key in settings:
        if key not in known:
            got, name, want = "not a setting of this table", shown_name(key), elsewhere.get(key, TOP.get(key))
            if want is None:
                import difflib

                close = difflib.get_close_matches(key.lower(), known, n=1)
                got, name = "not a setting", key if close else name
                want = f"{close[0]} (did you mean that?)" if close else f"one of {', '.join(known)}"
            raise ConfigError(field=f"{prefix}{name}", got=Unquoted(got), want=want)


@contextmanager
def under(prefix: str) -> Iterator[None]:
    """Errors of what is done within name their settings from further out."""
    try:
        yield
    except ConfigError as error:
        raise error.under(prefix) from None


def shown_file(path: str) -> str:
    """The name of a file, as far as it looks like one: in a variable it may be a secret that belongs elsewhere."""
    return Unquoted(repr(path)) if is_plain(path) or (path.endswith(".toml") and "://" not in path) else path


def must_be(kind: type[Kind], value: object, at: str, want: str) -> Kind:
    """The value, where it is of that type."""
    if not isinstance(value, kind):
        raise ConfigError(field=at, got=value, want=want)
    return value


def one_or_more(value: object) -> list[object]:
    """A setting that may be a list. An empty list is taken for its own only entry, which no setting can be."""
    return value if isinstance(value, list) and value else [value]
