"""The lines of the log: a JSON object for each decision, each error and each sweep.

The keys are stable and documented in ``docs/observability.md``. A key without a value is left out. Lambda's log-level
filter reads ``timestamp`` and ``level``
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).

The log has the id, source version and reason of an event, never its environment, headers or body. Texts are untrusted:
each is cut, its control characters are escaped, and passwords in URLs are removed.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final

from holdoff.core.decision import Decision, Outcome
from holdoff.core.errors import HoldoffError
from holdoff.core.request import KEY_MARK
from holdoff.core.shown import without_secrets
from holdoff.core.units import iso

#: The length of a text, in characters.
LONGEST: Final = 500
#: Characters that break a line or the stream (controls, line separators, halves of surrogate pairs), and marks that
#: reverse the text after them.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def decision_line(decision: Decision, *, kind: str, **about: str | int | None) -> dict[str, object]:
    """The line of a decision.

    Args:
        kind: the kind of message that asked for it, such as ``sqs`` or ``wake``.
        about: ``event_id``, ``source_version`` and ``reason`` of the trigger; and ``took_ms``, how long the decision
            took, its start included.
    """
    told = decision.to_dict()
    timestamp = told.pop("decided")
    del told["detail"]  # the message has it
    # Without the key: there may be many, and each project of a metric costs money.
    told["project"], _, key = decision.project.partition(KEY_MARK)
    told |= {"key": key or None, "covers": decision.covers or None, "unconfirmed": decision.unconfirmed or None}
    level = "ERROR" if decision.outcome is Outcome.FAILED else "WARN" if decision.unconfirmed else "INFO"
    return _line({"timestamp": timestamp, "level": level, "event": "decision", **told, "kind": kind, **about})


def error_line(error: BaseException, *, kind: str, now_ms: int, **about: str | None) -> dict[str, object]:
    """The line of an error, where no decision was made. An error that is not Holdoff's has its last place in the code.

    Args:
        kind: as for a decision, or where the error happened.
        about: ``message_id`` of the message or delivery that failed; ``project`` and ``region``.
    """
    told: dict[str, object] = {"message": str(error), "where": _last_place(error.__traceback__)}
    if isinstance(error, HoldoffError):
        missing = getattr(error, "missing", None)
        told = {"message": error.message, "hint": error.hint, "missing": missing, "retryable": error.retryable}
    head = {"timestamp": iso(now_ms), "level": "ERROR", "event": "error", "error": type(error).__name__}
    return _line({**head, **told, "kind": kind, **about})


def sweep_line(*, due: int, overdue_ms: int, stale_ms: int, woken: int, now_ms: int) -> dict[str, object]:
    """The line of a sweep. Every sweep writes one, even if nothing was due: an alarm can watch for a missing line.

    Args:
        due: how many gates were due.
        overdue_ms: how long the oldest of them at which something waits had been due; 0: none was.
        stale_ms: how long the oldest trigger that no build covers yet has waited, due or not; 0: none waits.
        woken: how many gates were woken without an error.
    """
    return {
        "timestamp": iso(now_ms),
        "level": "INFO",
        "event": "sweep",
        "due": due,
        "overdue": max(0, overdue_ms) / 1000,
        "stale": max(0, stale_ms) / 1000,
        "woken": woken,
    }


def clean(text: str) -> str:
    """An untrusted text in the form in which a log may have it."""
    start = without_secrets(text[: 4 * LONGEST])  # nothing of the rest is shown
    start = _UNFIT.sub(lambda found: ascii(found[0])[1:-1], start)
    is_whole = len(text) <= 4 * LONGEST and len(start) <= LONGEST
    return start if is_whole else f"{start[: LONGEST - 40]}... ({len(text)} characters)"


def _line(keys: dict[str, object]) -> dict[str, object]:
    return {key: clean(value) if isinstance(value, str) else value for key, value in keys.items() if value is not None}


def _last_place(traceback: TracebackType | None) -> str | None:
    """Where an error was raised, such as ``holdoff/gate.py:97``."""
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    folder, _, name = traceback.tb_frame.f_code.co_filename.rpartition("/")
    return f"{folder.rpartition('/')[2]}/{name}:{traceback.tb_lineno}"
