"""One JSON object for each decision, each error and each sweep: what stands in the log.

The keys are stable and stand in ``docs/observability.md``; a key that says nothing is left out. ``timestamp`` and
``level`` are those that Lambda's log-level filter reads
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).

Of an event only its id, source version and reason stand here, never the environment, headers or body. Texts are
foreign: each is cut, its control characters escaped, and passwords in URLs taken out.
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

#: Characters of any one text.
LONGEST: Final = 500
#: Control characters, line separators, halves of surrogate pairs: what breaks a line, or the stream it is written to;
#: and what turns the text after it around.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def decision_line(decision: Decision, *, kind: str, **about: str | int | None) -> dict[str, object]:
    """What a decision says, with what it was about.

    Args:
        kind: what asked for it: the kind of message, such as ``sqs`` or ``wake``.
        about: ``event_id``, ``source_version`` and ``reason``; and ``took_ms``, how long the decision took, the start
            included.
    """
    told = decision.to_dict()
    timestamp = told.pop("decided")
    del told["detail"]  # it is in the message
    # Keys are many, and each project of a metric is paid for.
    told["project"], _, key = decision.project.partition(KEY_MARK)
    told |= {"key": key or None, "covers": decision.covers or None, "unconfirmed": decision.unconfirmed or None}
    level = "ERROR" if decision.outcome is Outcome.FAILED else "WARN" if decision.unconfirmed else "INFO"
    return _line({"timestamp": timestamp, "level": level, "event": "decision", **told, "kind": kind, **about})


def error_line(error: BaseException, *, kind: str, now_ms: int, **about: str | None) -> dict[str, object]:
    """What an error says where no decision was made. No traceback: of an error that is not ours, the last place.

    Args:
        kind: as of a decision; ``unknown`` where that is what is wrong.
        about: ``message_id``, that of the message or delivery it came with; ``project`` and ``region``.
    """
    told: dict[str, object] = {"message": str(error), "where": _last_place(error.__traceback__)}
    if isinstance(error, HoldoffError):
        missing = getattr(error, "missing", None)
        told = {"message": error.message, "hint": error.hint, "missing": missing, "retryable": error.retryable}
    head = {"timestamp": iso(now_ms), "level": "ERROR", "event": "error", "error": type(error).__name__}
    return _line({**head, **told, "kind": kind, **about})


def sweep_line(*, due: int, overdue_ms: int, stale_ms: int, woken: int, now_ms: int) -> dict[str, object]:
    """What a sweep found. Written by each, also by one that found nothing: no line is an alarm too.

    Args:
        due: how many gates were due.
        overdue_ms: for how long the oldest of them had been; 0 where none was.
        stale_ms: how long the oldest trigger that no build covers yet has waited, due or not; 0 where none waits.
        woken: how many of them were woken without an error.
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
    """A foreign text as it may stand in a log."""
    start = without_secrets(text[: 4 * LONGEST])  # of the rest nothing is shown
    start = _UNFIT.sub(lambda found: ascii(found[0])[1:-1], start)
    is_whole = len(text) <= 4 * LONGEST and len(start) <= LONGEST
    return start if is_whole else f"{start[: LONGEST - 40]}... ({len(text)} characters)"


def _line(keys: dict[str, object]) -> dict[str, object]:
    return {key: clean(value) if isinstance(value, str) else value for key, value in keys.items() if value is not None}


def _last_place(traceback: TracebackType | None) -> str | None:
    """``holdoff/gate.py:97``: where it was raised."""
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    folder, _, name = traceback.tb_frame.f_code.co_filename.rpartition("/")
    return f"{folder.rpartition('/')[2]}/{name}:{traceback.tb_lineno}"
