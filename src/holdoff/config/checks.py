"""Refuses a wrong setting in ``holdoff.toml``: the error names its key, its value and what would be right."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from holdoff.core.errors import ConfigError
from holdoff.core.request import TOKEN_VARIABLE, TOLD
from holdoff.core.shown import Unquoted, is_plain, shown_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeVar

    Kind = TypeVar("Kind")

#: The settings at the top of a file, and what to write for one that stands below a heading instead.
TOP: Final = {
    "store": "it above the first heading [...]",
    "projects": "the heading [projects.NAME]",
    "rules": "the heading [[rules]]",
    "webhooks": "the heading [webhooks]",
    "server": "the heading [server]",
}
_WEBHOOK: Final = "HOLDOFF_WEBHOOK_"
#: The environment variables that are settings, besides one for each scheme of webhooks.
VARIABLES: Final = (
    *("HOLDOFF_CONFIG", "HOLDOFF_STORE", "HOLDOFF_AWS_CLIENT", "HOLDOFF_SCHEDULE_ROLE", "HOLDOFF_SCHEDULE_GROUP"),
    *("HOLDOFF_SCHEDULE_DEAD_LETTERS", "HOLDOFF_DEAD_LETTERS"),
)
#: The variables that a command gets about its own build. ``refuse_misspelt`` passes over them first, for speed.
OF_BUILDS: Final = (TOKEN_VARIABLE, *TOLD)


def refuse_unknown(
    settings: Mapping[str, object], known: tuple[str, ...], prefix: str, elsewhere: Mapping[str, str] = {}
) -> None:
    """Refuse keys that are not known. ``elsewhere``: keys that belong to other tables, and what to write for each."""
    for key in settings:
        if key not in known:
            got, name, want = "not a setting of this table", shown_name(key), elsewhere.get(key, TOP.get(key))
            if want is None:
                import difflib

                close = difflib.get_close_matches(key.lower(), known, n=1)
                got, name = "not a setting", key if close else name
                several = "one of " if len(known) > 1 else "only "
                want = f"{close[0]} (did you mean that?)" if close else f"{several}{', '.join(known)}"
            raise ConfigError(field=f"{prefix}{name}", got=Unquoted(got), want=want)


def refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Refuse a variable whose name is a misspelt setting, or that says where the secret of an unknown sender is. Others
    may be the user's own: ``holdoff.toml`` may name a variable that holds a webhook's secret."""
    for name, value in environment.items():
        if name[:4].upper() != "HOLD" or name in VARIABLES or name in OF_BUILDS or not value:
            continue
        import difflib

        from holdoff.config.schemes import NAMES  # slow to import
        from holdoff.references import FORM

        known = (*VARIABLES, *(_WEBHOOK + scheme.upper() for scheme in NAMES))
        (close,) = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.92) or [""]
        is_wrong = abs(len(name) - len(close)) <= 1 and not name.startswith(close)
        if "WEBHOOK" in name:
            is_wrong = name not in known and re.fullmatch(FORM, value.strip()) is not None
        if is_wrong:
            want = f"{close} (did you mean that?)" if close else f"one of {', '.join(known[len(VARIABLES) :])}"
            raise ConfigError(field=f"environment variable {name}", got=Unquoted("not a setting"), want=want)


@contextmanager
def under(prefix: str) -> Iterator[None]:
    """Put this prefix before the setting's name of an error that is raised within."""
    try:
        yield
    except ConfigError as error:
        raise error.under(prefix) from None


def shown_file(path: str) -> str:
    """A path as an error shows it. A text that does not look like a path may be a secret, and is treated as one."""
    is_file = path.endswith((".toml", ".tokens")) and "://" not in path
    return Unquoted(repr(path)) if is_file or is_plain(path) else path


def must_be(kind: type[Kind], value: object, at: str, want: str) -> Kind:
    if not isinstance(value, kind):
        raise ConfigError(field=at, got=value, want=want)
    return value


def listed(projects: Collection[str]) -> str:
    """The names of projects, for an error: ten at most, and how many others there are."""
    first, others = sorted(projects)[:10], max(0, len(projects) - 10)
    return ", ".join(first) + (f" and {others} more" if others else "") or "none"


def one_or_more(value: object) -> list[object]:
    """A setting that may be a list, as a list. An empty list becomes the only entry, which every check refuses."""
    return value if isinstance(value, list) and value else [value]
