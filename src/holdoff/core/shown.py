"""What an error may show of a value: nothing that may be a secret.

People put a secret into the wrong place by mistake: into the next field, before an ``@`` in a URL, into a command, or
where its name belongs. The error must be clear without it. So an error shows values that people mistype and that look
like no secret: a number, a choice, a few short words ('10 minutes'). Of other values, and of all values in places that
are for secrets (``PLACES``), it shows only the kind. Of a URL it shows the scheme, the host and a file's path, but
never the user, the password or the value of a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: Settings that are for secrets, with all settings below them.
PLACES: Final = r"(?s)(?:.*[.:\s])?(?:environment|options|webhooks|store|endpoint|starter|command)(?:[.\[].*)?"
_URLS: Final = r"(?:.*[.:\s])?(?:store|endpoint)"
#: A value so short is no secret anywhere: 7, 'x', [], None.
TRIVIAL: Final = 5
LONGEST: Final = 40
#: A word of letters, a number, or a duration. Letters and digits mixed are a token, a key, a digest, a password.
_WORD: Final = (
    r"[^\W\d_]?[^\W\d_A-Z]{0,11}|[A-Z]{1,12}|\d{1,13}|P?T?(?:\d{1,6}(?:ms|[wdhms]|[WDHMS]))+"
    r"|\d{1,6}(?:min|sec|hr|hour|day|week)s?"
)
#: A name: words of letters, and numbers; or a variable such as S3_BUCKET.
_NAME: Final = r"[-_./:]*(?:(?:[^\W\d_]+|\d{1,6})(?:[-_./:]+|$))+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
#: Where services and botocore quote a value that they refuse.
_SAID: Final = (
    r"(?<=\b[Vv]alue ')[^\n]*?(?=' at ')|(?<=, value: )[^\n]*?(?=, (?:type|valid))|(?<=://)(?!\.\.\.@)[^\s/?#]*@"
)
_KINDS: Final = ((str, "text"), (bytes, "bytes"), (Mapping, "a table"), (list | tuple | set, "a list"))


class Unquoted(str):
    """Words of Holdoff's own that an error shows instead of a setting's value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


#: Stands in an error for a setting that is not there.
MISSING: Final = Unquoted("missing")


def kind_of(value: object) -> Unquoted:
    """Only the value's class: for objects whose text would say nothing."""
    return Unquoted(f"some {type(value).__name__}")


def quoted(value: object) -> str:
    """Any value as it is, if it is short. Not for values that may be secrets."""
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except Exception:  # noqa: BLE001  (a foreign __repr__ may raise anything; an int of 4,300 digits cannot be shown)
        return f"some {type(value).__name__} that cannot be shown"
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def printable(text: str) -> str:
    """A foreign text with a space for each character that controls a terminal, reverses text or cannot be shown."""
    return escaped(text, lambda _: " ")


def escaped(text: str, escape: Callable[[str], str] = lambda char: repr(char)[1:-1]) -> str:
    """The text with an escape in place of each character that is not printable: controls (C0, C1, DEL), marks that
    reverse text or cannot be seen (U+202E, U+200F, U+2066 ...), line separators, halves of surrogate pairs."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escape(char) for char in text)


def in_toml(name: str) -> str:
    """A project's name as the heading of its table has it: ``[projects.site]``, ``[projects."my site"]``."""
    if re.fullmatch("[A-Za-z0-9_-]+", name):
        return name
    shown = (char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in name)
    return f'"{"".join(shown)}"'


def shown(field: str, value: object) -> Unquoted:
    """What an error about a setting may show of its value."""
    if isinstance(value, Unquoted):
        return value
    if isinstance(value, str) and re.fullmatch(_URLS, field):
        return shown_url(value)
    text = quoted(value)
    is_harmless = isinstance(value, int | float | Decimal) or text.endswith("cannot be shown") or is_plain(text)
    if len(text) <= TRIVIAL or (is_harmless and not re.fullmatch(PLACES, field)):
        return Unquoted(text)
    kind = next((words for kind, words in _KINDS if isinstance(value, kind)), kind_of(value))
    return Unquoted(f"{kind} (not shown: it may be a secret)")


def shown_field(field: str) -> str:
    """A setting's name. In some tables the names are the user's own, and a secret may stand where a name belongs."""
    tables = r"(?s)(?<![^\W_])((?:environment|options|secondary_versions|webhooks)\.)(.+)$"
    return re.sub(tables, lambda f: f[1] + shown_name(f[2]), field)


def shown_name(name: str) -> str:
    """A name of the user's own, as far as it looks like one."""
    return name if len(name) <= TRIVIAL or (len(name) <= LONGEST and re.fullmatch(_NAME, name)) else "..."


def shown_program(program: str) -> str:
    """A program's name. (``TOKEN=x make``, as one writes in a shell, is a variable with a value, and a program.)"""
    name, mark, _ = program.partition("=")
    return f"{name}=..." if mark else program


def is_plain(text: str) -> bool:
    """Whether it is a few short words and numbers, as people mistype them, and no URL."""
    if len(text) > LONGEST or re.search(r"://|:\S*@", text):
        return False
    return all(re.fullmatch(_WORD, word) for word in re.split(r"[\W_]+", text) if word)


def shown_url(url: str) -> Unquoted:
    """A URL, in quotes, without parts that may be secrets."""
    scheme, mark, rest = url.partition(":")
    if not mark or not re.fullmatch("[a-z]{2,12}", scheme):
        return shown("environment", url)
    user, is_file = "", scheme == "sqlite" and rest.startswith("///")
    if not is_file:  # a password may contain an @, so the user ends at the last one
        user, at, rest = rest.rpartition("@")
        user = at and "//..." + at
    path, mark, query = rest.partition("#")[0].partition("?")
    if not is_file:
        host, slash, _ = path.removeprefix("//").partition("/")
        host = host if is_plain(host) else "..."
        opaque = path if re.fullmatch(r"\d{0,5}", path) else "..."  # without slashes: 8000 in localhost:8000
        path = f"{user or '//'}{host}{slash and '/...'}" if user or path.startswith("//") else opaque
    names = [shown_name(part.partition("=")[0]) + "=..." for part in query.split("&") if part]
    return Unquoted(repr(f"{scheme}:{path}{mark}{'&'.join(names)}"))


def without_secrets(text: str) -> str:
    """The words of a service, botocore or other foreign code, without users and passwords in URLs, and without the
    values that it refuses."""
    return re.sub(_SAID, lambda found: "" if found[0].endswith("@") else "...", text)
