"""The lines of the log: stable keys, one line each whatever stands in it, and no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from holdoff.core.decision import Decision, Outcome, Why
from holdoff.core.errors import EventError, StoreUnavailable
from holdoff.exact_json import dumps, loads
from holdoff.observe.log import LONGEST, decision_line, error_line, sweep_line
from holdoff.observe.metrics import with_metrics
from tests.core.build import NOW

DOCUMENT = Path(__file__).parents[2] / "docs/observability.md"
STARTED = Decision(
    project="site",
    region="eu-west-1",
    id="site/eu-west-1/T1",
    outcome=Outcome.STARTED,
    why=Why.READY,
    decided_ms=NOW,
    build_id="site-build:1",
    lastbuild_ms=NOW - 900_000,
    failed_ms=NOW - 800_000,
    covers=3,
    waited_ms=4_500,
    unconfirmed=True,
    taken_over="site-build:0",
)
DEFERRED = STARTED.but(outcome=Outcome.DEFERRED, why=Why.COOLING_DOWN, due_ms=NOW + 1_500, build_id=None)
SWEPT = {"due": 3, "overdue_ms": 61_500, "stale_ms": 700_000, "woken": 2}
#: A new line, one of Unicode's, an escape sequence, half of a pair, a byte that some terminals obey, and what turns
#: text around.
HOSTILE = 'a\nb\r\0 "}\u2028c\x1b[31m\ud800\x9b\u202e\u2066\u200f\u061c'


def about(**more: Any) -> dict[str, object]:
    """The line of a start that says all it can."""
    told: dict[str, Any] = {
        "kind": "sqs",
        "event_id": "delivery-7",
        "source_version": "4f2a91c",
        "reason": "push",
        "took_ms": 33,
    }
    return decision_line(STARTED, **(told | more))


def documented(heading: str) -> set[str]:
    """The keys in the table under a heading."""
    section = DOCUMENT.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def test_the_keys_of_a_decision_are_those_documented() -> None:
    every: dict[str, Any] = {field: getattr(STARTED, field) or "site-build:0" for field in Decision._fields}
    keyed = decision_line(Decision(**every).but(project="site@feature", due_ms=NOW, ahead_ms=0), kind="wake")
    keys = about().keys() | decision_line(DEFERRED, kind="wake").keys() | keyed.keys()
    assert keys == documented("A decision's line") - {"function", "_aws"}


def test_the_keys_of_an_error_are_those_documented() -> None:
    ours = error_line(
        EventError("event.detail.commitId", "is missing", hint="See the rules"),
        kind="eventbridge",
        now_ms=NOW,
        message_id="m-1",
        project="site",
        region="eu-west-1",
    )
    foreign = error_line(raised(KeyError("x")), kind="sqs", now_ms=NOW)
    assert ours.keys() | foreign.keys() == documented("An error's line") - {"function", "_aws"}


def test_the_keys_of_a_sweep_are_those_documented() -> None:
    line = with_metrics(sweep_line(**SWEPT, now_ms=NOW), function="f")
    assert line.keys() - {"Overdue", "Staleness"} == documented("A sweep's line")


def test_a_decision_says_what_became_of_it() -> None:
    line = about()
    assert (line["id"], line["outcome"], line["why"]) == ("site/eu-west-1/T1", "started", "ready")
    assert (line["timestamp"], line["level"]) == ("2027-01-15T08:00:00.000Z", "WARN")  # unconfirmed
    assert (line["waited"], line["covers"], line["took_ms"]) == (4.5, 3, 33)
    assert line["message"] == str(STARTED)


def test_what_does_not_apply_is_left_out() -> None:
    line = decision_line(DEFERRED.but(lastbuild_ms=None, taken_over=None), kind="wake")
    assert None not in line.values()
    assert not {"build_id", "last_build", "took_ms", "event_id", "taken_over"} & line.keys()
    assert (line["due"], line["retry_after"]) == ("2027-01-15T08:00:01.500Z", 1.5)


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome.STARTED, "INFO"), (Outcome.SKIPPED, "INFO"), (Outcome.FAILED, "ERROR")],
)
def test_a_failed_start_is_an_error(outcome: Outcome, level: str) -> None:
    decision = STARTED.but(outcome=outcome, unconfirmed=False)
    assert decision_line(decision, kind="direct")["level"] == level


def test_nothing_in_an_event_breaks_the_line_or_the_stream() -> None:
    decision = DEFERRED.but(why=Why.HELD, detail=HOSTILE)
    lines = [
        decision_line(decision, kind="http", event_id=HOSTILE, source_version=HOSTILE, reason=HOSTILE),
        error_line(ValueError(HOSTILE), kind="http", now_ms=NOW, message_id=HOSTILE),
    ]
    for line in lines:
        text = dumps(with_metrics(line, function="f"))
        assert text.encode().decode().isprintable()
        assert loads(text)["message"] == line["message"]


def test_a_line_stays_short_whatever_comes() -> None:
    huge = "x" * 1_000_000
    decision = STARTED.but(outcome=Outcome.FAILED, why=Why.START_FAILED, detail=huge)
    line = decision_line(decision, kind="http", event_id=huge, source_version=huge, reason=huge)
    assert line["reason"] == "x" * (LONGEST - 40) + "... (1000000 characters)"
    assert len(dumps(with_metrics(line, function="f"))) < 6_000
    error = error_line(StoreUnavailable(huge, hint=huge), kind="http", now_ms=NOW, message_id=huge)
    assert len(dumps(error)) < 3_000


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@example.org/repository.git",
        "https://hunter2@example.org/",
        "cannot reach https://me:hunter2@a.example and ftp://x:hunter2@b.example",
        "x" * (LONGEST - 60) + " https://me:hunter2" + "2" * 30 + "@example.org/",
    ],
)
def test_passwords_in_urls_are_not_told(text: str) -> None:
    line = about(source_version=text, reason=text, event_id=text)
    error = error_line(StoreUnavailable(text), kind="http", now_ms=NOW)
    assert "hunter2" not in dumps([line, error])


def test_what_is_left_out_is_said_even_where_a_password_was_most_of_it() -> None:
    text = f"https://me:{'hunter2' * 250}@example.org/ {'x' * 5_000}"
    assert str(about(reason=text)["reason"]).endswith(f"... ({len(text)} characters)")


def test_an_address_is_no_password() -> None:
    assert about(reason="by me@example.org")["reason"] == "by me@example.org"


def test_an_error_of_ours_says_what_to_do() -> None:
    error = EventError("event.detail.commitId", "is missing", hint="Write a rule")
    line = error_line(error, kind="eventbridge", now_ms=NOW, message_id="m-1")
    assert line == {
        "timestamp": "2027-01-15T08:00:00.000Z",
        "level": "ERROR",
        "event": "error",
        "error": "EventError",
        "message": "event.detail.commitId is missing",
        "hint": "Write a rule",
        "missing": "event.detail.commitId",
        "retryable": False,
        "kind": "eventbridge",
        "message_id": "m-1",
    }


def test_an_error_of_another_says_where() -> None:
    line = error_line(raised(KeyError("detail")), kind="sqs", now_ms=NOW)
    assert (line["error"], line["message"]) == ("KeyError", "'detail'")
    assert re.fullmatch(r"observe/test_log\.py:\d+", str(line["where"]))
    assert "Traceback" not in dumps(line)
    assert "where" not in error_line(KeyError("never raised"), kind="sqs", now_ms=NOW)


def raised(error: KeyError) -> Exception:
    """The error, with its traceback."""
    try:
        raise error
    except KeyError as caught:
        return caught
