"""The findings of ``holdoff aws check``: one finding is one line."""

from __future__ import annotations

from functools import partial
from typing import Final

from holdoff.core.value import Value


class Finding(Value, kw_only=False):
    """What was found.

    Attributes:
        level: ``ok``; ``warn``: it works, and could be better; ``fail``: it does not work; ``unchecked``: this process
            cannot tell.
        about: what was looked at, such as the table or a gate.
        hint: what to do, if there is something to do.
    """

    level: str
    about: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        line = f"{self.level:<9} {self.about}: {self.message}"
        return f"{line}. {self.hint}" if self.hint else line


ok: Final = partial(Finding, "ok")
warn: Final = partial(Finding, "warn")
fail: Final = partial(Finding, "fail")
unchecked: Final = partial(Finding, "unchecked")
