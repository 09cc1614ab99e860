"""Policy: what may start when. Bad values, and combinations that cannot work, are refused."""

from __future__ import annotations

import re

from holdoff.core.errors import ConfigError
from holdoff.core.units import Duration, optional_duration, parse_duration, say_duration
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

# The choices for each field. Texts, which type checkers read as types: `choices` reads them without typing, which takes
# 2 ms to import.
OnCooldown: TypeAlias = "Literal['defer', 'skip']"
Overlap: TypeAlias = "Literal['allow', 'skip', 'defer', 'cancel']"
CooldownFrom: TypeAlias = "Literal['start', 'finish']"
OnFailure: TypeAlias = "Literal['keep', 'rearm']"
Unchanged: TypeAlias = "Literal['build', 'skip']"

#: The record keeps one instant for each start the limit counts; more would not be a small item.
MAX_LIMIT: Final = 100


class Limit(Value, kw_only=False):
    """At most ``count`` starts in any ``window_ms`` milliseconds (a sliding window, exact)."""

    count: int
    window_ms: int

    @classmethod
    def parse(cls, value: object) -> Limit:
        """``'3/1h'``: three starts an hour."""
        want = f"a count from 1 to {MAX_LIMIT} and a duration of at most 366d, such as '3/1h'"
        match = re.fullmatch(r"([0-9]{1,4})\s*/\s*(\S+)", value) if isinstance(value, str) else None
        try:
            count, window_ms = (int(match[1]), parse_duration(match[2], field="limit")) if match else (0, 0)
        except ConfigError:
            raise ConfigError(field="limit", got=value, want=want) from None
        if not 1 <= count <= MAX_LIMIT or window_ms == 0:
            raise ConfigError(field="limit", got=value, want=want)
        return cls(count, window_ms)

    def __str__(self) -> str:
        return f"{self.count}/{say_duration(self.window_ms)}"


class Policy(Value):
    """What may start when. Durations as people write them: seconds, ``'10m'``, ``'1h30m'``, ``timedelta``.

    Args:
        cooldown: the least time between two starts. Exactly ``cooldown`` is enough.
        on_cooldown: what becomes of a trigger that comes too early: ``"defer"`` builds it once when the cooldown
            ends, ``"skip"`` drops it and says so.
        quiet: start only once no trigger has come for this long.
        max_wait: however busy it is, start this long after the first trigger. Needs ``quiet``.
        limit: at most so many starts in any window, such as ``"3/1h"``.
        overlap: what to do while the build before still runs.
        cooldown_from: count the cooldown from the build's start or from its end.
        on_failure: ``"rearm"`` builds again, with a back-off, what a failed build should have built.
        unchanged: ``"skip"`` does not build a source version twice.

    Raises:
        ConfigError: a bad value, or a combination that cannot work.
    """

    cooldown_ms: int
    on_cooldown: OnCooldown
    quiet_ms: int | None
    max_wait_ms: int | None
    limit: Limit | None
    overlap: Overlap
    cooldown_from: CooldownFrom
    on_failure: OnFailure
    unchanged: Unchanged

    def __init__(
        self,
        cooldown: Duration,
        *,
        on_cooldown: OnCooldown = "defer",
        quiet: Duration | None = None,
        max_wait: Duration | None = None,
        limit: str | None = None,
        overlap: Overlap = "allow",
        cooldown_from: CooldownFrom = "start",
        on_failure: OnFailure = "keep",
        unchanged: Unchanged = "build",
    ) -> None:
        super().__init__(
            cooldown_ms=parse_duration(cooldown, field="cooldown"),
            on_cooldown=_choice("on_cooldown", on_cooldown),
            quiet_ms=optional_duration(quiet, field="quiet"),
            max_wait_ms=optional_duration(max_wait, field="max_wait"),
            limit=None if limit is None else Limit.parse(limit),
            overlap=_choice("overlap", overlap),
            cooldown_from=_choice("cooldown_from", cooldown_from),
            on_failure=_choice("on_failure", on_failure),
            unchanged=_choice("unchanged", unchanged),
        )
        if self.max_wait_ms is None:
            return
        if self.quiet_ms is None:
            raise ConfigError(field="max_wait", got=max_wait, want="quiet as well: it bounds the quiet time")
        if self.max_wait_ms < self.quiet_ms:
            raise ConfigError(field="max_wait", got=max_wait, want=f"at least quiet ({quiet})")

    def for_caller(self, *, waits: bool) -> Policy:
        """The policy for a caller who waits for the build, or for one who does not: then nothing is deferred."""
        if waits:
            return self.but(on_cooldown="defer")
        overlap = "skip" if self.overlap == "defer" else self.overlap
        return self.but(on_cooldown="skip", quiet_ms=None, max_wait_ms=None, overlap=overlap)

    @property
    def follows_builds(self) -> bool:
        """Whether a build's end changes what may start."""
        return (
            self.overlap != "allow"
            or self.cooldown_from == "finish"
            or self.on_failure == "rearm"
            or self.unchanged == "skip"
        )


def choices(field: str) -> list[str]:
    """What a field of a policy may be, in the order of its type."""
    return str(globals()[Policy.__annotations__[field]]).split("'")[1::2]


def _choice(field: str, value: object) -> str:
    allowed = choices(field)
    if value not in allowed:
        listed = ", ".join(repr(choice) for choice in allowed)
        raise ConfigError(field=field, got=value, want=f"one of {listed}")
    return str(value)
