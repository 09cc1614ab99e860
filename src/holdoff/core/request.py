"""What a trigger asks for, and of which gate. All names and texts of callers and events are checked here, once.

``Request`` keeps this one form from the event or caller to the store and the starter: nothing renames its fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdoff.core.errors import ConfigError
from holdoff.core.units import MAX_INSTANT_MS, is_whole
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Final

#: DynamoDB's limits on key values, in bytes of UTF-8: partition key, sort key.
MAX_PROJECT_BYTES: Final = 2048
MAX_REGION_BYTES: Final = 1024
MAX_REASON: Final = 200
MAX_VERSION: Final = 200
MAX_LINE: Final = 300
MAX_EVENT_ID: Final = 1024
#: A starter's id for a build is kept up to this length.
MAX_BUILD_ID: Final = 400
MAX_ENVIRONMENT_BYTES: Final = 16_384
MAX_SECONDARY_BYTES: Final = 2_048
#: Parts a project's name from a key: ``site-build@feature``.
KEY_MARK: Final = "@"
#: Control characters, and halves of surrogate pairs.
_UNFIT: Final = "[\x00-\x1f\x7f\ud800-\udfff]"


class GateKey(Value, kw_only=False):
    """Names a gate: a project in a region. Each gate is one record, one item, one row.

    The gate for one key of a project (a branch, a customer) has ``site-build@KEY`` as its project.

    Raises:
        ConfigError: empty, over DynamoDB's key limits, or with characters that no key should have.
    """

    project: str
    region: str

    def _check(self) -> None:
        _check_name("project", self.project, MAX_PROJECT_BYTES)
        _check_name("region", self.region, MAX_REGION_BYTES)
        if "#" in self.region or "/" in self.region:  # they part history keys and decision ids
            raise ConfigError(field="region", got=self.region, want="a name without '#' or '/'")
        if self._mark() == len(self.project) - 1:
            raise ConfigError(field="project", got=self.project, want=f"a key after its '{KEY_MARK}'")

    @classmethod
    def of(cls, name: str, key: str | None, region: str) -> GateKey:
        """The gate for a project's key; ``None``: the project's own gate."""
        if key is None:
            return cls(name, region)
        _check_name("project", name, MAX_PROJECT_BYTES)
        if KEY_MARK in name[1:]:
            raise ConfigError(field="key", got=key, want=f"the key once: {name} has one already")
        check_note("key", key, MAX_PROJECT_BYTES)
        return cls(f"{name}{KEY_MARK}{key}", region)

    @property
    def name(self) -> str:
        """The project without the key: the gate has its settings."""
        return self.project[: self._mark()]

    @property
    def key(self) -> str | None:
        """The key; ``None``: this is the project's own gate."""
        return self.project[self._mark() + 1 :] or None

    def _mark(self) -> int:
        at = self.project.find(KEY_MARK, 1)
        return len(self.project) if at < 0 else at

    def __lt__(self, other: GateKey) -> bool:
        return (self.project, self.region) < (other.project, other.region)

    def __str__(self) -> str:
        return f"{self.project} ({self.region})"


def _check_name(what: str, name: object, max_bytes: int) -> None:
    if isinstance(name, str) and 0 < 4 * len(name) <= max_bytes and not _has(_UNFIT, name):
        return
    want = f"a name of 1 to {max_bytes:,} bytes"
    if not isinstance(name, str) or not name:
        raise ConfigError(field=what, got=name, want=want)
    check_text(what, name, want)
    if len(name.encode()) > max_bytes:
        raise ConfigError(field=what, got=name, want=f"{want}; this one has {len(name.encode()):,}")


def check_text(what: str, text: str, want: str) -> None:
    """Refuse a text that no store, header or terminal should get."""
    if _has(_UNFIT, text):
        raise ConfigError(field=what, got=text, want=f"{want}, in UTF-8, without control characters")


def _has(characters: str, text: str) -> bool:
    # Printable text has none of them. Most text is printable, and then no pattern is compiled.
    return not text.isprintable() and re.search(characters, text) is not None


def check_note(name: str, text: object, limit: int) -> None:
    """Refuse all but a short text and ``None``."""
    if text is None:
        return
    want = f"text of 1 to {limit:,} characters"
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        raise ConfigError(field=name, got=text, want=want)
    check_text(name, text, want)


def check_flag(name: str, value: object) -> None:
    """Refuse all but true and false: any text would count as true."""
    if not isinstance(value, bool):
        raise ConfigError(field=name, got=value, want="True or False")


def storable(said: object, limit: int) -> str:
    """The words of a starter, an exception or a service, as text for any store and terminal: no control characters, no
    half surrogate pairs, at most ``limit`` characters; empty if they cannot be made text."""
    try:
        return re.sub(_UNFIT, "\ufffd", text) if _has(_UNFIT, text := str(said)[:limit]) else text
    except Exception:  # noqa: BLE001  (a foreign __str__ may raise anything)
        return ""


def first_line(text: str | None) -> str | None:
    """The first line of a text that is not blank, in the form that a record keeps: a commit message has many lines."""
    lines = (" ".join(line.split()) for line in (text or "").splitlines())
    line = storable(next(filter(None, lines), ""), MAX_REASON + 1)
    return (line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 1]}…") or None


#: The variables in which a build finds fields of its request, such as HOLDOFF_SOURCE_VERSION.
TOLD: Final = {
    f"HOLDOFF_{name.upper()}": name for name in ("project", "region", "key", "reason", "source_version", "line")
}
#: The region of gates whose store has none.
NO_REGION: Final = "local"
#: The variable of a build with its start's token, by which the build is found again; and the one with its gate's key.
TOKEN_VARIABLE: Final = "HOLDOFF_TOKEN"
KEY_VARIABLE: Final = "HOLDOFF_KEY"


class Request(Value):
    """What a starter is asked to build. A request that is accepted here can be stored, and is read back unchanged.

    Attributes:
        project, region: the gate's project, without its key, and its region.
        key: the gate's key; ``None``: the project's own gate.
        reason: why, in a person's words.
        source_version: the commit, tag or version to build; ``None``: whatever is newest.
        event_id: the id of the event behind it, for recognising a redelivery.
        environment: variables for the build, as pairs, by name; a mapping is taken, too.
        secondary_versions: the version of each of the build's other sources, as pairs, by the source's identifier; a
            mapping is taken, too.
        by: who asked.
        forced: whether it was forced.
        line: what versions follow one another on, such as a repository's branch; ``None``: not known.
        at_ms: when the change happened, by its source; ``None``: not known.
        parent: the version before ``source_version`` on the same line; ``None``: not known.
        parameters: what the starter froze for itself when the claim was made (JSON text), so that a take-over sends
            the very same request. Only the starter reads it.

    Raises:
        ConfigError: names the field that is wrong.
    """

    project: str
    region: str
    key: str | None = None
    reason: str | None = None
    source_version: str | None = None
    event_id: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    secondary_versions: tuple[tuple[str, str], ...] = ()
    by: str | None = None
    forced: bool = False
    line: str | None = None
    at_ms: int | None = None
    parent: str | None = None
    parameters: str = ""

    __slots__ = ("_gate",)
    _gate: ClassVar[GateKey]  # of each request, made of its fields

    def _check(self) -> None:
        gate = GateKey.of(self.project, self.key, self.region)
        object.__setattr__(self, "_gate", gate)
        if gate.name != self.project or gate.key != self.key:
            want = f"a name without '{KEY_MARK}', and the key as key"
            raise ConfigError(field="project", got=self.project, want=want)
        state = self.__dict__
        for name, limit in _LIMITS:
            if state[name] is not None:
                check_note(name, state[name], limit)
        check_flag("force", self.forced)  # as callers and events call it
        if self.at_ms is not None and not is_whole(self.at_ms, 0, MAX_INSTANT_MS):
            raise ConfigError(field="at", got=self.at_ms, want="epoch milliseconds")
        if not isinstance(self.parameters, str) or _has(_SURROGATE, self.parameters):  # type: ignore[redundant-expr]
            raise ConfigError(field="parameters", got=self.parameters, want="text, as the starter's freeze() sets it")
        for name in _PAIRS:
            if state[name] != ():
                state[name] = _checked_pairs(name, state[name])

    @property
    def gate(self) -> GateKey:
        """The gate it is for."""
        return self._gate


_LIMITS: Final = (
    ("reason", MAX_REASON),
    ("source_version", MAX_VERSION),
    ("event_id", MAX_EVENT_ID),
    ("by", MAX_REASON),
    ("line", MAX_LINE),
    ("parent", MAX_VERSION),
)


def _checked_pairs(field: str, given: object) -> tuple[tuple[str, str], ...]:
    """The pairs, sorted by name: a request that is sent again must be the same."""
    check, most = _PAIRS[field]
    listed = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(listed, tuple | list) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in listed):
        raise ConfigError(field=field, got=given, want="a mapping of names to values, or pairs of both")
    for name, value in listed:
        check(field, name, value)
    if len(dict(listed)) < len(listed):
        raise ConfigError(field=field, got=given, want="each name once")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in listed)
    if size > most:
        raise ConfigError(field=field, got=f"{size:,} bytes", want=f"at most {most:,} bytes of names and values")
    return tuple(sorted(listed))


def _check_variable(field: str, name: object, value: object) -> None:
    if not isinstance(name, str):
        raise ConfigError(field=field, got=name, want="names of letters, digits and '_'")
    if not isinstance(value, str):
        raise ConfigError(field=f"{field}.{name}", got=value, want="its value as text, in quotes")
    if not name.isidentifier() or not name.isascii() or "\0" in value or _has(_SURROGATE, value):
        want = "pairs of names (letters, digits, '_') and text values"
        raise ConfigError(field=f"{field}.{name}", got=value, want=want)


def _check_version(field: str, name: object, value: object) -> None:
    if not isinstance(name, str) or not re.fullmatch(_SOURCE, name):
        raise ConfigError(field=field, got=name, want="names of sources: letters, digits and any of '_.@-'")
    if value is None:
        raise ConfigError(field=f"{field}.{name}", got=value, want="its version, as text")
    check_note(f"{field}.{name}", value, MAX_VERSION)


_PAIRS: Final = {
    "environment": (_check_variable, MAX_ENVIRONMENT_BYTES),
    "secondary_versions": (_check_version, MAX_SECONDARY_BYTES),
}
#: A source's identifier in CodeBuild ("alphanumeric characters and underscores, and ... less than 128"), or the name of
#: a source action in CodePipeline (``[A-Za-z0-9.@\-_]+``, up to 100).
_SOURCE: Final = r"[A-Za-z0-9_.@-]{1,127}"
_SURROGATE: Final = "[\ud800-\udfff]"
