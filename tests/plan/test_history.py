"""Histories from where people have them: every format, bad rows with their lines, times with zones and without."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from holdoff.core.errors import EventError, UsageError
from holdoff.core.pending import single
from holdoff.core.record import Finished
from holdoff.core.request import Request
from holdoff.plan.history import History, from_bytes
from holdoff.plan.sources import from_builds, from_codebuild, from_git
from holdoff.plan.times import ms_of, zone_named

if TYPE_CHECKING:
    from pathlib import Path

AT = 1_709_632_800_000  # 2024-03-05T10:00:00Z
WRITTEN = {
    "2024-03-05T10:00:00Z": True,
    "2024-03-05T11:00:00+01:00": True,
    "2024-03-05 11:00:00 +0100": True,
    "2024-03-05 10:00:00 UTC": True,
    "Tue, 05 Mar 2024 11:00:00 +0100": True,
    "[05/Mar/2024:11:00:00 +0100]": True,
    "1709632800": True,
    "1709632800.000": True,
    "1709632800000": True,
    "1709632800000000": True,
    "2024-03-05 10:00:00.000": False,
    "2024-03-05T10:00": False,
}


@pytest.mark.parametrize("text", WRITTEN)
def test_an_instant_as_it_is_written(text: str) -> None:
    assert ms_of(text, None) == (AT, WRITTEN[text])


@pytest.mark.parametrize("value", ["", "x", "12", "2024-03-05", "99999-01-01T00:00:00Z", None, True, 12, float("nan")])
def test_what_is_no_instant(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        ms_of(value, None)


def test_a_time_without_a_zone_is_of_the_one_that_is_said() -> None:
    assert ms_of("2024-03-05 11:00:00", ZoneInfo("Europe/Berlin")) == (AT, False)
    with pytest.raises(UsageError, match="--zone is no zone"):
        zone_named("Nowhere/At-all")


def of(text: str, **more: Any) -> History:
    return from_bytes(text.encode(), "it", **more)


GH = [
    {"createdAt": "2024-03-05T10:00:00Z", "startedAt": "2024-03-05T10:00:05Z", "updatedAt": "2024-03-05T10:04:05Z"},
    {"createdAt": "2024-03-05T09:00:00Z", "startedAt": "2024-03-05T09:00:05Z", "updatedAt": "2024-03-05T09:02:05Z"},
]
GITLAB = [{"id": 7, "sha": "4f2a91c", "created_at": "2024-03-05T10:00:00.000Z", "duration": 240}]
CODEBUILD = {"builds": [{"startTime": "2024-03-05T10:00:00+00:00", "endTime": "2024-03-05T10:04:00+00:00"}]}
CLOUDWATCH = {"events": [{"timestamp": AT, "message": "x", "ingestionTime": AT + 5}]}
FORMATS: dict[str, tuple[str, list[int], list[int | None]]] = {
    "gh run list": (json.dumps(GH), [AT - 3_600_000, AT], [120_000, 240_000]),
    "gh api, pages": (json.dumps([{"workflow_runs": GH[:1]}]), [AT], [240_000]),
    "GitLab's pipelines": (json.dumps(GITLAB), [AT], [240_000]),
    "CodeBuild's builds": (json.dumps(CODEBUILD), [AT], [240_000]),
    "CloudWatch's events": (json.dumps(CLOUDWATCH), [AT], [None]),
    "CloudWatch Insights": ("@timestamp,@message\n2024-03-05 10:00:00.000,x\n", [AT], [None]),
    "a column of times": ("2024-03-05T10:00:00Z\n2024-03-05T10:00:00Z\n", [AT, AT], [None, None]),
    "semicolons": ("who;when\na;2024-03-05T10:00:00Z\n", [AT], [None]),
    "JSON lines": ('{"who": 1, "ts": 1709632800}\n', [AT], [None]),
    "a byte order mark": ("\ufefftime\n1709632800\n", [AT], [None]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format(name: str) -> None:
    text, at_ms, took_ms = FORMATS[name]
    history = of(text)

    assert (list(history.at_ms), list(history.took_ms)) == (at_ms, took_ms)
    assert history.bad_count == 0


def test_bad_rows_are_counted_and_shown_with_their_lines_not_their_content() -> None:
    rows = ["time,who", "2024-03-05T10:00:00Z,a", "hunter2,b", "", ",c", *["?,d"] * 10]
    history = of("\n".join(rows))

    assert history.bad_count == 12
    assert history.bad[:2] == (("line 3", "time is no time"), ("line 5", "time is missing"))
    assert len(history.bad) == 5
    assert "hunter2" not in repr(history)


def test_bad_lines_of_json() -> None:
    history = of('{"time": 1709632800}\nnot json\n[1]\n{"time": "soon"}\n')

    assert history.bad == (("line 2", "is not JSON"), ("line 3", "is no object"), ("line 4", "time is no time"))


def test_times_without_a_zone_are_told() -> None:
    text = "time\n2024-03-05 11:00:00\n2024-03-05T10:00:00Z\n"

    assert of(text).notes == ("1 of 2 times have no zone, and were taken as UTC; --zone says another",)
    berlin = of(text, zone=ZoneInfo("Europe/Berlin"))
    assert berlin.at_ms == (AT, AT)
    assert berlin.notes == ("1 of 2 times have no zone, and were taken as of Europe/Berlin",)


def test_the_column_that_is_named() -> None:
    text = "created,published\n1709632800,1709636400\n"

    assert of(text).at_ms == (AT,)
    assert of(text, column="published").at_ms == (AT + 3_600_000,)
    with pytest.raises(UsageError, match="it has no column nope; it has created, published"):
        of(text, column="nope")


@pytest.mark.parametrize("text", ["", "\n\n", "[]", "time\n", '{"time": "x"}\n'])
def test_a_history_without_times(text: str) -> None:
    with pytest.raises((EventError, UsageError), match=r"has no row|has times"):
        of(text)


def test_holdoffs_own_log() -> None:
    def line(second: int, **more: str) -> str:
        known = {"level": "INFO", "event": "decision", "project": "site", "kind": "sqs", "why": "ready"}
        return json.dumps({"timestamp": f"2024-03-05T10:00:{second:02}.000Z", **known, **more})

    lines = [
        line(0),
        line(1, kind="wake"),
        line(2, why="duplicate"),
        line(3, event="sweep"),
        line(4, project="docs"),
        line(5, key="main"),
    ]
    text = "\n".join(lines)

    assert of(text).at_ms == (AT, AT + 4_000, AT + 5_000)
    assert of(text, project="site").at_ms == (AT,)
    assert of(text, project="site@main").at_ms == (AT + 5_000,)


def build(first_ms: int, last_ms: int, count: int) -> Finished:
    covers = single(Request(project="p", region="local"), first_ms).but(last_ms=last_ms, count=count)
    end_ms = last_ms + 60_000
    return Finished(build_id="b", token="T", covers=covers, started_ms=last_ms, claimed_ms=last_ms, ended_ms=end_ms)


def test_holdoffs_own_history_is_spread_between_what_is_known() -> None:
    history = from_builds([build(AT, AT + 4_000, 5), build(AT - 9, AT - 9, 1)], "it")

    assert history.at_ms == (AT - 9, AT, AT + 1_000, AT + 2_000, AT + 3_000, AT + 4_000)
    assert history.usual_ms == 60_000
    assert history.notes[0].startswith("3 triggers were spread evenly")
    with pytest.raises(EventError, match="has no builds yet"):
        from_builds([], "it")


def test_builds_take_as_long_as_the_last_known_one() -> None:
    history = History(source="it", at_ms=(1, 2, 3, 4), took_ms=(None, 60_000, None, 20_000))

    assert list(history.past().took_ms) == [20_000, 60_000, 60_000, 20_000]
    assert list(history.past(5).took_ms) == [5, 5, 5, 5]
    assert history.newest(1).at_ms == (3, 4)


def test_git(tmp_path: Path) -> None:
    variables = dict(os.environ) | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*argv: str, at: str = "") -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
        subprocess.run(
            ["git", "-C", str(tmp_path), *who, *argv], check=True, capture_output=True, env=variables | dates
        )

    git("init", "-b", "main")
    git("commit", "--allow-empty", "-m", "1", at="2024-03-05T11:00:00+0100")
    git("commit", "--allow-empty", "-m", "2", at="2024-03-05T10:00:01Z")

    assert from_git(str(tmp_path)).at_ms == (AT, AT + 1_000)
    assert from_git(str(tmp_path), "main").source.endswith(", main")
    for branch in ("nope", "--output=x", "main:x"):
        with pytest.raises(UsageError, match=r"git log of .* failed"):
            from_git(str(tmp_path), branch)
    assert not (tmp_path / "x").exists()


class CodeBuild:
    """As botocore's client, of three builds, one of which runs."""

    def get_paginator(self, name: str) -> Any:
        assert name == "list_builds_for_project"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, list[str]]]:
        assert asked["projectName"] == "site"
        return [{"ids": ["1", "2"]}, {"ids": ["3"]}]

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        start = datetime(2024, 3, 5, 10, tzinfo=UTC)
        ends = {"1": {"endTime": start.replace(minute=4)}, "2": {}, "3": {"endTime": start.replace(minute=2)}}
        return {"builds": [{"startTime": start, **ends[id_]} for id_ in ids]}


def test_codebuild() -> None:
    history = from_codebuild("site", client=CodeBuild())

    assert history.at_ms == (AT, AT, AT)
    assert sorted(took or 0 for took in history.took_ms) == [0, 120_000, 240_000]


def test_codebuild_that_does_not_answer() -> None:
    with pytest.raises(UsageError, match="the builds of site cannot be read from CodeBuild"):
        from_codebuild("site", client=object())
