"""One JSON object for each decision and each error: what stands in the log.

The keys are stable and stand in ``docs/observability.md``; a key that says nothing is left out. ``timestamp`` and
``level`` are those that Lambda's log-level filter reads
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).

Of an event only its id, source version and reason are told, never the environment, headers or body. Texts are foreign:
each is cut, its control characters escaped, and passwords in URLs taken out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from holdoff.core.decision import Outcome
from holdoff.core.errors import HoldoffError
from holdoff.core.units import iso

if TYPE_CHECKING:
    from types import TracebackType

    from holdoff.core.decision import Decision

#: Characters of any one text.
LONGEST: Final = 500
#: Control characters, line separators, halves of surrogate pairs: what breaks a line, or the stream it is written to.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PASSWORD: Final = re.compile(r"(?<=://)[^\s/?#]*@")


def decision_line(
    decision: Decision,
    *,
    kind: str,
    event_id: str | None = None,
    source_version: str | None = None,
    reason: str | None = None,
    took_ms: int | None = None,
) -> dict[str, object]:
    """What a decision says, with what it was about.

    Args:
        kind: what asked for it: the kind of message, such as ``sqs`` or ``wake``.
        took_ms: how long the decision took, the start included.
    """
    return _line(
        {
            "timestamp": iso(decision.decided_ms),
            "level": _level(decision),
            "event": "decision",
            "id": decision.id,
            "project": decision.project,
            "region": decision.region,
            "outcome": str(decision.outcome),
            "why": str(decision.why),
            "message": str(decision),
            "build_id": decision.build_id,
            "due": None if decision.due_ms is None else iso(decision.due_ms),
            "retry_after": decision.retry_after,
            "last_build": None if decision.lastbuild_ms is None else iso(decision.lastbuild_ms),
            "covers": decision.covers or None,
            "waited": None if decision.waited_ms is None else decision.waited_ms / 1000,
            "taken_over": decision.taken_over,
            "unconfirmed": decision.unconfirmed or None,
            "took_ms": took_ms,
            "kind": kind,
            "event_id": event_id,
            "source_version": source_version,
            "reason": reason,
        }
    )


def error_line(
    error: BaseException,
    *,
    kind: str,
    now_ms: int,
    message_id: str | None = None,
    project: str | None = None,
    region: str | None = None,
) -> dict[str, object]:
    """What an error says where no decision was made. No traceback: of an error that is not ours, the last place.

    Args:
        kind: as of a decision; ``unknown`` where that is what is wrong.
        message_id: the id of the message or delivery it came with.
    """
    ours = isinstance(error, HoldoffError)
    return _line(
        {
            "timestamp": iso(now_ms),
            "level": "ERROR",
            "event": "error",
            "error": type(error).__name__,
            "message": error.message if isinstance(error, HoldoffError) else str(error),
            "hint": getattr(error, "hint", None) if ours else None,
            "missing": getattr(error, "missing", None) if ours else None,
            "retryable": getattr(error, "retryable", None) if ours else None,
            "where": None if ours else _last_place(error.__traceback__),
            "project": project,
            "region": region,
            "kind": kind,
            "message_id": message_id,
        }
    )


def clean(text: str) -> str:
    """A foreign text as it may stand in a log."""
    text = _PASSWORD.sub("", text)
    text = _UNFIT.sub(lambda found: ascii(found[0])[1:-1], text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 40]}... ({len(text)} characters)"


def _line(keys: dict[str, object]) -> dict[str, object]:
    return {
        key: clean(value) if isinstance(value, str) else value
        for key, value in keys.items()
        if value is not None
    }


def _level(decision: Decision) -> str:
    if decision.outcome is Outcome.FAILED:
        return "ERROR"
    return "WARN" if decision.unconfirmed else "INFO"


def _last_place(traceback: TracebackType | None) -> str | None:
    """``holdoff/gate.py:97``: where it was raised."""
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    folder, _, name = traceback.tb_frame.f_code.co_filename.rpartition("/")
    return f"{folder.rpartition('/')[2]}/{name}:{traceback.tb_lineno}"
