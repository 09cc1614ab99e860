"""Histories from where people have them: every format, bad rows with their lines, times with zones and without."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from holdoff.core.errors import EventError, UsageError
from holdoff.core.pending import single
from holdoff.core.policy import Policy
from holdoff.core.record import Finished
from holdoff.core.request import Request
from holdoff.gate import Gate
from holdoff.observe.explain import build_to_dict
from holdoff.plan.history import History, checked, remarks
from holdoff.plan.read import from_bytes
from holdoff.plan.sources import from_builds, from_codebuild, from_git
from holdoff.plan.times import ms_of, zone_named
from holdoff.starters import Call
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AT = 1_709_632_800_000  # 2024-03-05T10:00:00Z
WRITTEN = {
    "2024-03-05T10:00:00Z": "none",
    "2024-03-05T11:00:00+01:00": "none",
    "2024-03-05 11:00:00 +0100": "none",
    "2024-03-05 10:00:00 UTC": "none",
    "Tue, 05 Mar 2024 11:00:00 +0100": "none",
    "[05/Mar/2024:11:00:00 +0100]": "none",
    "1709632800": "none",
    "1709632800.000": "none",
    "1709632800000": "none",
    "1709632800000000": "none",
    "1709632800000000000": "none",
    "2024-03-05 10:00:00.000": "zone",
    "2024-03-05T10:00": "zone",
    "20240305100000": "zone",
    "Tue Mar 05 2024 11:00:00 GMT+0100 (Central European Standard Time)": "none",
    "5.3.2024 10:00": "zone",
    "05.03.2024, 10:00:00": "zone",
    "05.03.2024 11:00:00 +0100": "none",
    "2024/3/5 10:00": "zone",
    "2024-03-05t10:00:00+00:00": "none",
    "2024-03-05_10:00:00 UTC": "none",
    "2024-03-05:10:00": "zone",
    "2024-3-5 10:00:00": "zone",
    "2024.3.5 10:00": "zone",
    "5.3.2024 9:00 -0100": "none",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_an_instant_as_it_is_written(text: str) -> None:
    assert ms_of(text, None) == (AT, WRITTEN[text])
    assert not text.isdigit() or ms_of(int(text), None) == (AT, WRITTEN[text])  # a number in JSON


@pytest.mark.parametrize("number", [1709632800.0, 1709632800000.0, 1709632800000000.0, 1709632800000000000.0])
def test_an_instant_as_json_may_have_it(number: float) -> None:
    assert ms_of(number, None) == (AT, "none")


@pytest.mark.parametrize(
    "value",
    ["", "x", "program", "12 amperes", "12", "2024-03-05", "99999-01-01T00:00:00Z", None, True, 12, 12.5, float("nan")],
)
def test_what_is_no_instant(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        ms_of(value, None)


@pytest.mark.parametrize(
    "text",
    ["Mar 5, 2024 10:00:00 PM", "5 Mar 2024 10:00:00pm", "2024-03-05 10:00:00 AM", "5 Mar 2024 10:00:00 p.m. +0100"],
)
def test_half_a_day_is_not_left_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"^has AM or PM, and not 24 hours$"):
        ms_of(text, None)


@pytest.mark.parametrize(
    "text", ["3/5/2024 10:00", "05/03/2024 10:00:00", "13/03/2024 10:00", "05-03-2024 10:00", "5.3.24 10:00"]
)
def test_whether_the_day_or_the_month_is_first_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"^may begin with the day or the month: write 2026-12-31 09:00$"):
        ms_of(text, None)


@pytest.mark.parametrize("text", ["1.2.3", "10.0.0.1", "1/2/3", "5-3"])
def test_what_is_no_date_is_not_said_to_be_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is no time$"):
        ms_of(text, None)


@pytest.mark.parametrize("text", ["5.3.2024", "2024/3/5", "2024-3-5"])
def test_a_date_as_spreadsheets_write_it_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is a date without a time$"):
        ms_of(text, None)


def test_a_time_without_a_zone_is_of_the_one_that_is_said() -> None:
    assert ms_of("2024-03-05 11:00:00", ZoneInfo("Europe/Berlin")) == (AT, "zone")
    for name in ("Nowhere/At-all", "../UTC", "/etc/localtime", "Europe", ""):
        with pytest.raises(UsageError, match="--zone is no known time zone"):
            zone_named(name)


def test_a_machine_without_a_tz_database_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small container has none, and then no name is known, not even the one that the message told to write."""
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath([])
    try:
        with pytest.raises(UsageError, match=r"--zone needs the tz database.*tzdata"):
            zone_named("Europe/San_Marino")
    finally:
        zoneinfo.reset_tzpath()


def of(text: str, **more: Any) -> History:
    return from_bytes(text.encode(), "it", **more)


GH = [
    {"createdAt": "2024-03-05T10:00:00Z", "startedAt": "2024-03-05T10:00:05Z", "updatedAt": "2024-03-05T10:04:05Z"},
    {"createdAt": "2024-03-05T09:00:00Z", "startedAt": "2024-03-05T09:00:05Z", "updatedAt": "2024-03-05T09:02:05Z"},
]
GITLAB = [{"id": 7, "sha": "4f2a91c", "created_at": "2024-03-05T10:00:00.000Z", "duration": 240}]
JENKINS = {"builds": [{"number": 7, "timestamp": AT, "duration": 240_000, "result": "SUCCESS"}]}
CODEBUILD = {"builds": [{"startTime": "2024-03-05T10:00:00+00:00", "endTime": "2024-03-05T10:04:00+00:00"}]}
CLOUDWATCH = {"events": [{"timestamp": AT, "message": "x", "ingestionTime": AT + 5}]}
FORMATS: dict[str, tuple[str, list[int], list[int | None]]] = {
    "gh run list": (json.dumps(GH), [AT - 3_600_000, AT], [120_000, 240_000]),
    "gh api, pages": (json.dumps([{"workflow_runs": GH[:1]}]), [AT], [240_000]),
    "gh api --paginate": (json.dumps({"workflow_runs": GH[:1]}) * 2, [AT] * 2, [240_000] * 2),
    "gh api --paginate, of lists": (json.dumps(GH[:1]) + json.dumps(GH[1:]), [AT - 3_600_000, AT], [120_000, 240_000]),
    "with --slurp": (json.dumps([GH[:1], GH[1:], []]), [AT - 3_600_000, AT], [120_000, 240_000]),
    "jq": ("\n".join(json.dumps(one, indent=2) for one in GH), [AT - 3_600_000, AT], [120_000, 240_000]),
    "Vercel's deployments": (json.dumps({"deployments": [{"created": AT}], "pagination": {"next": AT}}), [AT], [None]),
    "CodePipeline's executions": (
        json.dumps(
            {
                "pipelineExecutionSummaries": [
                    {
                        "status": "Succeeded",
                        "startTime": AT / 1000,
                        "lastUpdateTime": AT / 1000 + 240,
                        "sourceRevisions": [{}],
                    }
                ]
            }
        ),
        [AT],
        [240_000],
    ),
    "Google Cloud Build's builds": (
        json.dumps(
            [
                {
                    "artifacts": {},
                    "createTime": "2024-03-05T10:00:00.123456789Z",
                    "finishTime": "2024-03-05T10:04:01Z",
                    "startTime": "2024-03-05T10:00:01Z",
                    "status": "SUCCESS",
                }
            ]
        ),
        [AT + 123],
        [240_000],
    ),
    "Cloudflare's": (json.dumps({"result": [{"created_on": "2024-03-05T10:00:00Z"}], "errors": []}), [AT], [None]),
    "GitLab's pipelines": (json.dumps(GITLAB), [AT], [240_000]),
    "Jenkins' builds": (json.dumps(JENKINS), [AT], [240_000]),
    "Bitbucket's pipelines": (json.dumps({"values": [{"created_on": "2024-03-05T10:00:00Z"}]}), [AT], [None]),
    "CodeBuild's builds": (json.dumps(CODEBUILD), [AT], [240_000]),
    "CloudWatch's events": (json.dumps(CLOUDWATCH), [AT], [None]),
    "CloudWatch Insights": ("@timestamp,@message\n2024-03-05 10:00:00.000,x\n", [AT], [None]),
    "a column of times": ("2024-03-05T10:00:00Z\n2024-03-05T10:00:00Z\n", [AT, AT], [None, None]),
    "semicolons": ("who;when\na;2024-03-05T10:00:00Z\n", [AT], [None]),
    "JSON lines": ('{"who": 1, "ts": 1709632800}\n', [AT], [None]),
    "a byte order mark": ("\ufefftime\n1709632800\n", [AT], [None]),
    "bars": ("when|who\n2024-03-05T10:00:00Z|a\n", [AT], [None]),
    "a blank line above": ("\nwhen;who\n2024-03-05T10:00:00Z;a\n", [AT], [None]),
    "one object": ('{"time": 1709632800, "value": 3}', [AT], [None]),
    "comments above": ("# exported\n# today\nwhen,who\n2024-03-05T10:00:00Z,a\n", [AT], [None]),
    "ids that look like times": ("build,at what time\n1234567890,2024-03-05T10:00:00Z\n", [AT], [None]),
    "line breaks in quotes": ('time,why\n2024-03-05T10:00:00Z,"a\nb"\n', [AT], [None]),
    "a quotation mark that is not closed": ('time,why\n1709632800,"a\n1709632800,b\n', [AT, AT], [None, None]),
    "two of them": ('time,why\n1709632800,"a\n1709632800,"b" c\n1709632800,"d\n', [AT] * 3, [None] * 3),
    "two of them, far apart": (
        'time,why\n1709632800,"a\n' + "1709632800,b\n" * 1_000 + '1709632800,"\n',
        [AT] * 1_002,
        [None] * 1_002,
    ),
    "words behind a quotation": ('time,why\n"1709632800" ,"a"b\n', [AT], [None]),
    "line ends of Windows": ("time,why\r\n2024-03-05T10:00:00Z,a\r\n", [AT], [None]),
    "bare times": ('["2024-03-05T10:00:00Z", 1709632800]', [AT, AT], [None, None]),
    "CloudWatch's export, CI's logs": ("2024-03-05T10:00:00.000Z START x\n  at y\n", [AT], [None]),
    "a log with brackets": ("[2024-03-05 10:00:00] started\n", [AT], [None]),
    "Python's log": ("2024-03-05 10:00:00,000 - main - INFO - x\n", [AT], [None]),
    "Go's log, nginx's errors": ("2024/03/05 10:00:00 [error] 12#12: x\n", [AT], [None]),
    "git log, by seconds": ("1709632800 4f2a91c\n1709632800 0d41\n", [AT] * 2, [None] * 2),
    "Squid's log": ("1709632800.000      5 ::1 x\n", [AT], [None]),
    "a web server's log": ('::1 - - [05/Mar/2024:11:00:00 +0100] "POST / HTTP/1.1" 200 5\n', [AT], [None]),
    "aws logs get-query-results": (
        json.dumps({"results": [[{"field": "@timestamp", "value": "2024-03-05 10:00:00.000"}]]}),
        [AT],
        [None],
    ),
    "Debian's changelogs": ("Tue, 05 Mar 2024 11:00:00 +0100\n", [AT], [None]),
    "durations that cannot be": (
        json.dumps([GITLAB[0] | {"duration": one} for one in (-1, "nan", 1e300, "x", 10**400)]),
        [AT] * 5,
        [None] * 5,
    ),
    "Jenkins' builds, as CSV": (
        f"timestamp,duration,result\n{AT},60000,SUCCESS\n{AT},,SUCCESS\n",
        [AT] * 2,
        [60_000, None],
    ),
    "Jenkins' form, and an odd row": (
        f"timestamp,duration\n{AT},60000\n2024-03-05 10:00Z,x\n",
        [AT] * 2,
        [60_000, None],
    ),
    "a unit in the name": (json.dumps([{"timestamp": AT, "durationSeconds": 60}]), [AT], [60_000]),
    "another, as CSV": (f"timestamp,duration_ms\n{AT},60000\n", [AT], [60_000]),
    "two lengths": (json.dumps([{"timestamp": AT, "duration": 60, "duration_seconds": 60}]), [AT], [60_000]),
    "seconds beside milliseconds": (json.dumps([{"createdAt": AT, "duration": 60}]), [AT], [60_000]),
    "with fractions": (json.dumps([{"timestamp": AT, "duration": one} for one in (60, 0.5)]), [AT] * 2, [60_000, 500]),
    "seconds beside seconds": (json.dumps([{"timestamp": AT // 1000, "duration": 60}]), [AT], [60_000]),
    "an outcome that is never told": (
        json.dumps([{"createdAt": AT, "duration": 60, "status": one} for one in ("", None)]),
        [AT] * 2,
        [60_000] * 2,
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format(name: str) -> None:
    text, at_ms, took_ms = FORMATS[name]
    history = of(text)

    assert (list(history.at_ms), list(history.took_ms)) == (at_ms, took_ms)
    assert history.bad_count == 0


PACKED = {
    "gzip": gzip.compress(b"time\n1709632800\n"),
    "UTF-16": "time\n1709632800\n".encode("utf-16"),
    "Latin-1": b"time,who\n1709632800,Andr\xe9\n",
    "a mark for Excel": b"sep=;\r\ntime;who\r\n1709632800;ana\r\n",
    "Excel, in German": b"\xef\xbb\xbfDatum;Wer, was\r\n05.03.2024 10:00;Andr\xe9, neu\r\n",
    "an old Mac's lines": b"time,who\r1709632800,ana\r",
    "titles with line ends of other kinds": "time,title\n1709632800,a\u2028b\x0cc\x85\n".encode(),
    "a name in quotes with a semicolon": b'"time","who; why"\n1709632800,ana; neu\n',
    "a name with a bar": b"time,who|why\n1709632800,ana|neu\n",
    "noughts": b"time,who\n1709632800,\0\0\n",
    "a field of a megabyte": b"time,why\n1709632800,x\n1709632800," + b"x" * 1_000_000,
}


@pytest.mark.parametrize("name", PACKED)
def test_bytes_as_programs_leave_them(name: str) -> None:
    history = from_bytes(PACKED[name], "it")

    assert history.at_ms == (AT,)
    assert history.bad_count == (name == "a field of a megabyte")


RUNNING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "gh run list": ({"conclusion": ""}, {"conclusion": "success"}),
    "GitHub's API": ({"status": "in_progress", "conclusion": None}, {"status": "completed", "conclusion": "success"}),
    "Jenkins": ({"result": None}, {"result": "SUCCESS"}),
    "blanks": ({"result": " "}, {"result": "SUCCESS"}),
    "a number": ({"status": None}, {"status": 0}),
}


@pytest.mark.parametrize("name", RUNNING)
def test_a_build_that_runs_tells_no_length(name: str) -> None:
    history = of(json.dumps([one | how for one, how in zip(GH, RUNNING[name], strict=True)]))

    assert list(history.took_ms) == [120_000, None]
    assert history.failed == frozenset()


def test_a_column_is_named_as_people_name_it() -> None:
    with pytest.raises(UsageError, match="of Created at, Who did it"):
        of("Created at,Who did it\nx,y\n")
    with pytest.raises(UsageError, match=r"of \.\.\., \.\.\.\."):
        of("password=hunter2-2f91,0f3ac29b77de41c0\nx,y\n")


def test_a_start_that_failed_is_no_build_that_failed() -> None:
    line = {"timestamp": "2024-03-05T10:00:00Z", "level": "ERROR", "event": "decision", "outcome": "failed"}
    assert of(json.dumps(line | {"source_version": "4f2a91c"})).failed == frozenset()


NASTY = {
    "cut gzip": PACKED["gzip"][:15],
    "deep": b"[" * 100_000,
    "a number": b"12",
    "null": b"null",
    "numbers": b"[1, 2]",
    "huge number": b'[{"time": ' + b"9" * 5_000 + b"}]",
    "not finite": b'[{"time": NaN}, {"time": 1e999}]',
    "cut JSON": b'[{"time": "2024-03-05T10:0',
    "bytes": bytes(range(256)),
    "dates": b"date\n2024-03-05\n",
    "American": b"time\n03/05/2024 10:00:00\n",
    "half days": b"time\n2024-03-05 10:00:00 PM\n",
    "a workbook": b"PK\x03\x04" + bytes(range(256)),
    "an old workbook": b"\xd0\xcf\x11\xe0" + bytes(range(256)),
    "half days in a log": b"2024-03-05 10:00:00 PM\n",
    "names of zones": b"2024-03-05 10:00:00 CET\n",
    "before 1970": b"time\n-5\n0\n1960-01-01T00:00:00Z\n",
    "no builds of ours": b'[{"build_id": 1, "token": 1, "covers": {"first": "x"}, "started": 5}]',
}


@pytest.mark.parametrize("name", NASTY)
def test_what_is_no_history_is_told_in_a_line(name: str) -> None:
    with pytest.raises((EventError, UsageError), match=r"^it |no column of it") as caught:
        from_bytes(NASTY[name], "it")

    assert "\n" not in str(caught.value)


def test_an_object_without_fields_is_told_by_the_columns_name() -> None:
    with pytest.raises(EventError, match="time is missing"):
        of("[{}]")


def test_a_column_without_a_name_has_a_number() -> None:
    assert of("2024-03-05T09:00:00Z,2024-03-05T10:00:00Z\n", column="2").at_ms == (AT,)


def test_a_column_with_a_few_large_numbers_is_no_time() -> None:
    history = of("id,moment\n7,1709632800\n1709631111,1709632800\n8,1709632800\n")
    assert history.at_ms == (AT,) * 3


def test_a_row_without_a_version_has_none() -> None:
    assert of("time,sha\n1709632800,4f2a91c\n1709632800,\n").versions == ("4f2a91c", None)
    assert of('[{"ts": 1709632800, "sha": 7}]').versions == ()


def test_events_of_others_are_no_log_of_holdoffs() -> None:
    assert of('{"event": "error", "ts": 1709632800}\n').at_ms == (AT,)


def test_of_the_newest_triggers_only_their_failures_are_told() -> None:
    history = of("time,status\n1709632700,failed\n1709632790,failed\n1709632800,success\n").newest(10_000)
    assert (len(history.at_ms), history.failed) == (2, frozenset({0}))


def test_a_column_that_has_no_times_says_why() -> None:
    with pytest.raises(UsageError, match=r"date is a date without a time.*--time-column, of date"):
        of("date\n2024-03-05\n")
    with pytest.raises(UsageError, match=r"\(When may begin with the day or the month: write 2026-12-31 09:00\)"):
        of("Time,When\nnoon,03/05/2024 10:00\n")


@pytest.mark.parametrize("column", [None, "when"])
def test_an_empty_file_lacks_rows_and_no_column(column: str | None) -> None:
    with pytest.raises(EventError, match=r"has no row with a time\. It is empty"):
        of("", column=column)


def test_bad_rows_are_counted_and_shown_with_their_lines_not_their_content() -> None:
    rows = ["time,who", "2024-03-05T10:00:00Z,a", "hunter2,b", "", ",c", *["?,d"] * 10]
    history = of("\n".join(rows))

    assert history.bad_count == 12
    assert history.bad[:2] == (("line 3", "time is no time"), ("line 5", "time is missing"))
    assert len(history.bad) == 5
    assert "hunter2" not in repr(history)


def test_bad_lines_of_json() -> None:
    history = of('{"time": 1709632800}\nnot json\n[1]\nnull\n[{"a": 1}]\n{"time": "soon"}\n')

    no_objects = [(f"line {number}", "is no object") for number in (3, 4)]
    entry = ("entry 1", "time is missing")
    assert history.bad == (("line 2", "is not JSON"), *no_objects, entry, ("line 6", "time is no time"))


def test_no_lines_are_counted_for_the_errors_of_a_log_with_other_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each line that is no JSON all lines before were counted: 11 MB took two minutes."""
    counted: set[int] = set()

    class Noted(json.JSONDecodeError):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            counted.add(self.lineno)

    monkeypatch.setattr("json.decoder.JSONDecodeError", Noted)
    history = of('{"time": 1709632800}\nINFO: x\n[x\n' * 3)
    assert (history.at_ms, history.bad_count, counted) == ((AT,) * 3, 6, {1})


@pytest.mark.parametrize("rows", ["[{0},\n{0}]", "{0}\n{0}\n"])
def test_a_list_of_cells_is_no_list_of_times(rows: str) -> None:
    """The id counted as a trigger of the year 2237."""
    with pytest.raises(EventError, match="is no object"):
        of(rows.format(json.dumps(["2024-03-05T10:00:00Z", "main", 8446026832])))


def test_a_list_that_is_cut_has_its_whole_rows() -> None:
    history = of(json.dumps(GH, indent=2)[:-60])

    assert history.at_ms == (AT,)
    assert history.bad[0] == ("line 1", "is not JSON")


def test_an_object_with_a_time_is_one_trigger_whatever_lists_it_has() -> None:
    assert of('{"time": 1709632800, "data": [{"time": 1}, 2]}\n' * 2).at_ms == (AT, AT)
    assert of('{"when": "2024-03-05T10:00:00Z", "jobs": [{"id": 1}]}\n' * 2, column="when").at_ms == (AT, AT)
    assert of('{"when": 1709632800, "jobs": ["x"]}\n' * 2, column="when").at_ms == (AT, AT)


def test_of_an_object_that_is_alone_the_list_counts_though_it_has_a_time() -> None:
    assert of('{"timestamp": 1709636400, "builds": [{"timestamp": 1709632800}]}').at_ms == (AT,)


def test_a_number_at_the_beginning_of_a_line_is_a_time_where_the_first_line_begins_so() -> None:
    """A line that dd prints was a trigger of the year 2004."""
    history = of("2024-03-05 10:00:00 build\n1073741824 bytes (1.1 GB) copied\n")
    assert (history.at_ms, history.bad) == ((AT,), (("line 2", "has no time"),))


def test_bad_lines_of_a_log() -> None:
    assert of("2024-03-05 10:00:00 started\nKilled\n").bad == (("line 2", "has no time"),)


def test_times_without_a_zone_are_told() -> None:
    text = "time\n2024-03-05 11:00:00\n2024-03-05T10:00:00Z\n"

    assert of(text).notes == ("1 of 2 times have no zone, and were taken as UTC; --zone says another",)
    berlin = of(text, zone=ZoneInfo("Europe/Berlin"))
    assert berlin.at_ms == (AT, AT)
    assert berlin.notes == ("1 of 2 times have no zone, and were taken as of Europe/Berlin",)


def test_an_hour_when_clocks_are_changed_is_told() -> None:
    """At half past two on the 25th it was half past two twice, and on the 29th never."""
    text = "time\n2026-10-25 02:30:00\n2026-03-29 02:30:00\n2026-10-25 03:30:00\n2026-10-25T02:30:00+01:00\n"
    history = of(text, zone=ZoneInfo("Europe/Berlin"))

    assert history.notes == (
        "3 of 4 times have no zone, and were taken as of Europe/Berlin",
        "2 of them fall into an hour when clocks are changed, and were taken as before the change",
    )
    assert [at // 60_000 % 1440 for at in history.at_ms] == [90, 30, 90, 150]


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
        line(6, key="main", kind="start"),
    ]
    text = "\n".join(lines)

    assert of(text).at_ms == (AT, AT + 4_000, AT + 5_000, AT + 6_000)
    assert of(text, project="site").at_ms == (AT,)
    assert of(text, project="site@main").at_ms == (AT + 5_000, AT + 6_000)
    others = [line(n, event="ignored") for n in range(60)]
    assert of("\n".join(["holdoff: serving ...", "2024-03-05 10:00:00 a build begins", *others, text])).at_ms[0] == AT
    foreign = [line(7, event=event, level="error") for event in ("request", "error")]
    assert len(of("\n".join(foreign)).at_ms) == 2
    with pytest.raises(EventError, match="it tells of no trigger"):
        of("\n".join(others))
    with pytest.raises(EventError, match="it tells of no trigger of nope"):
        of(text, project="nope")
    due = line(0, outcome="failed", due="2024-03-05T10:00:07Z")
    assert of(due, column="due").at_ms == (AT + 7_000,)
    with pytest.raises(UsageError, match=r"it has no column dew; it has timestamp, .*, due"):
        of(due, column="dew")


OUTCOMES = {
    "GitHub": [{"createdAt": "2024-03-05T10:00:00Z", "conclusion": one} for one in ("success", "failure", "cancelled")],
    "GitLab": [{"created_at": "2024-03-05T10:00:00Z", "status": one} for one in ("success", "failed", "running")],
    "Cloud Build": [{"startTime": AT, "status": one} for one in ("SUCCESS", "TIMEOUT", "CANCELLED")],
    "CodeBuild": [{"startTime": AT, "buildStatus": one} for one in ("SUCCEEDED", "TIMED_OUT", "STOPPED")],
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_builds_that_failed(name: str) -> None:
    history = of(json.dumps(OUTCOMES[name]))

    assert history.failed == frozenset({1})
    assert history.past().failed == history.past(5).failed == frozenset({1})
    assert history.newest(0).failed == frozenset({1})


# --- what misleads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    [
        "cancelled",
        "in_progress",
        "skipped",
        "action_required",
        "waiting_for_resource",
        "manual",
        "NOT_BUILT",
        "InProgress",
        "Superseded",
    ],
)
def test_how_long_one_took_that_was_not_let_end_says_nothing(status: str) -> None:
    rows = [row | {"conclusion": one} for row, one in zip(GH, ("success", status), strict=True)]

    assert of(json.dumps(rows)).took_ms == (None, 240_000)


def test_one_that_hung_is_not_as_long_as_it_seems() -> None:
    history = History(source="it", at_ms=tuple(range(40)), took_ms=(60_000,) * 38 + (3 * 86_400_000, None))

    assert list(history.past().took_ms) == [60_000] * 40
    assert next(remarks(history)).startswith("1 build took over 20 times as long as usual: a build that hung, or was")


DAY = 86_400_000
REMARKS: dict[str, tuple[list[int], list[str]]] = {
    "even": ([AT + 7 + n * 1_000_003 for n in range(100)], []),
    "few": ([AT + n for n in range(29)], ["29 triggers are few to go by"]),
    "one": ([AT], ["1 trigger is few to go by"]),
    "a gap": (
        [AT + n * 1_000_003 + (n > 50) * 60 * DAY for n in range(100)],
        ["nothing came for 60d from 2024-03-05 on: is the history complete?"],
    ),
    "holidays in a long history": ([AT + n * 7_200_003 + (n > 500) * 8 * DAY for n in range(1_000)], []),
    "a gap of days": ([AT + n * 1_000_003 + (n > 50) * 6 * DAY for n in range(100)], []),
    "it grows": (
        [AT + n * 4_000_003 for n in range(1_000)] + [AT + 999 * 4_000_003 - n * 100_003 for n in range(2_000)],
        ["the rate changes: the newest quarter of the time has 75 % of the triggers; --last 11d13h uses only these"],
    ),
    "whole minutes": ([AT + n * 60_000 for n in range(100)], ["all its times are whole minutes: shorter times"]),
    "whole days": ([AT // DAY * DAY + n * DAY for n in range(100)], ["all its times are whole days: shorter times"]),
    "all at once": ([AT] * 100, []),
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_makes_figures_say_less_is_told(name: str) -> None:
    at_ms, said = REMARKS[name]
    found = list(remarks(History(source="it", at_ms=tuple(sorted(at_ms)))))

    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True)), found


def test_times_in_the_future_are_told() -> None:
    history = History(source="it", at_ms=(AT, AT + 1, AT + 2))

    assert checked(history, AT + 2) is history
    assert checked(history, AT).notes == ("2 times in the future: are the zone and the clocks right?",)


# --- Holdoff's own -------------------------------------------------------------------------------------------------


def build(first_ms: int, last_ms: int, count: int) -> Finished:
    covers = single(Request(project="p", region="local"), first_ms).but(last_ms=last_ms, count=count)
    end_ms = last_ms + 60_000
    made = Finished(build_id="b", token="T", covers=covers, started_ms=last_ms, claimed_ms=last_ms, ended_ms=end_ms)
    return made.but(succeeded=True)


def test_holdoffs_own_history_is_spread_between_what_is_known() -> None:
    history = from_builds([build(AT, AT + 4_000, 5), build(AT - 9, AT - 9, 1)], "it")

    assert history.at_ms == (AT - 9, AT, AT + 1_000, AT + 2_000, AT + 3_000, AT + 4_000)
    assert history.usual_ms == 60_000
    assert history.notes[0].startswith("3 triggers were spread evenly")
    assert from_builds([build(AT, AT + 4_000, 3)], "it").notes[0].startswith("1 trigger was spread evenly")
    with pytest.raises(EventError, match="has no builds yet"):
        from_builds([], "it")


@pytest.mark.parametrize("given", ["the store", "the command"])
def test_what_a_failed_build_covered_and_the_next_one_again_came_once(given: str) -> None:
    """With ``on_failure = "rearm"``."""
    clock, store = ManualClock("2024-03-05T10:00:00Z"), MemoryStore()
    starter = Call(lambda _request, token: token)
    gate = Gate("p", store=store, starter=starter, policy=Policy(0, on_failure="rearm"), clock=clock)
    came = [clock.now_ms()]
    gate.finished(gate.trigger().build_id or "", succeeded=False)
    for _ in range(2):
        clock.advance("10s")
        came.append(clock.now_ms())
        assert gate.trigger().outcome == "deferred"
    for succeeds in (False, False, True):
        clock.advance("1h")
        woken = gate.wake()
        assert woken is not None
        assert woken.covers == 3
        gate.finished(woken.build_id or "", succeeded=succeeds)
    clock.advance("1h")
    came.append(clock.now_ms())
    gate.finished(gate.trigger().build_id or "", succeeded=True)

    builds = list(store.history(gate.key))
    history = from_builds(builds, "it") if given == "the store" else of(json.dumps(list(map(build_to_dict, builds))))

    assert len(builds) == 5
    assert history.at_ms == tuple(came)
    assert history.failed == {0, 2}, "the first build, and the first one that has the other two triggers"


def test_what_comes_after_a_failed_build_that_is_not_built_again_counts() -> None:
    failed = build(AT, AT, 1).but(succeeded=False)

    assert from_builds([build(AT + 9, AT + 9, 1), failed], "it").at_ms == (AT, AT + 9)
    oldest_first = [failed, build(AT, AT + 4, 3).but(succeeded=False)]
    assert from_builds(oldest_first, "it").at_ms == (AT, AT + 2, AT + 4)


@pytest.mark.parametrize("given", ["the store", "the command"])
def test_a_build_whose_end_is_not_known_tells_no_length(given: str) -> None:
    """It was cancelled, or stands with the end of its lease."""
    builds = [build(AT, AT, 1), build(AT - 9, AT - 9, 1).but(ended_ms=AT + 28_800_000, succeeded=None)]
    if given == "the store":
        history = from_builds(builds, "it")
    else:
        history = of(json.dumps([build_to_dict(one) for one in builds]))

    assert sorted(took or 0 for took in history.took_ms) == [0, 60_000]


def test_of_too_many_triggers_the_newest_are_replayed() -> None:
    history = from_builds([build(AT, AT + 8_000, 9), build(AT - 9, AT - 9, 1)], "it", most=5)

    assert history.at_ms == tuple(AT + ms for ms in (4_000, 5_000, 6_000, 7_000, 8_000))
    assert history.notes[-1] == "5 older triggers were left out: at most 5 are replayed"
    assert len(from_builds([build(AT, AT + 8_000, 10**12)], "it", most=1_000).at_ms) == 1_000


def test_a_policy_that_skips_hides_triggers_from_its_history() -> None:
    skips = from_builds([build(AT, AT, 1)], "it", policy=Policy("1h", on_cooldown="skip"))

    assert skips.notes == ("triggers that this policy skipped are in Holdoff's log, but not here",)
    assert from_builds([build(AT, AT, 1)], "it", policy=Policy("1h")).notes == ()


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
    git("commit", "--allow-empty", "-m", "3", at="2024-03-05T10:00:01Z")

    history = from_git(str(tmp_path))
    assert history.at_ms == (AT, AT + 1_000, AT + 1_000)
    newest = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "main"], capture_output=True, check=True)
    assert history.versions[-1] == newest.stdout.decode().strip(), "of one second, too, the newest is the last"
    assert from_git(str(tmp_path), "main").source.endswith(", main")
    for branch in ("nope", "--output=x", "main:x"):
        with pytest.raises(UsageError, match=r"git log of .* failed"):
            from_git(str(tmp_path), branch)
    assert not (tmp_path / "x").exists()


def test_what_git_says_is_told_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")  # git says it in the user's language
    subprocess.run(["git", "init", str(tmp_path)], check=True, capture_output=True)
    with pytest.raises(UsageError, match="does not have any commits yet"):
        from_git(str(tmp_path))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as of a checkout that another user's container made
    with pytest.raises(UsageError, match=r"dubious ownership .* git config --global --add safe.directory"):
        from_git(str(tmp_path))


class CodeBuild:
    """As botocore's client, of four builds: one runs, and one was stopped."""

    def get_paginator(self, name: str) -> Any:
        assert name == "list_builds_for_project"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, list[str]]]:
        assert asked["projectName"] == "site"
        return [{"ids": ["1", "2"]}, {"ids": ["3", "4"]}]

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        start = datetime(2024, 3, 5, 10, tzinfo=UTC)
        ends = {"1": (4, "SUCCEEDED"), "3": (2, "FAILED"), "4": (59, "STOPPED")}
        told = {id_: {"endTime": start.replace(minute=at), "buildStatus": how} for id_, (at, how) in ends.items()}
        return {"builds": [{"startTime": start, **told.get(id_, {"buildStatus": "IN_PROGRESS"})} for id_ in ids]}


def test_codebuild() -> None:
    history = from_codebuild("site", client=CodeBuild())

    assert history.at_ms == (AT, AT, AT, AT)
    assert sorted(took or 0 for took in history.took_ms) == [0, 0, 120_000, 240_000]
    assert len(history.failed) == 1
    assert history.notes == ("these are builds: triggers that were held back or dropped are not here",)


def test_codebuild_by_a_client_made_here(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with CodeBuildStandin(["site"]) as standin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CODEBUILD", standin.url)
        for _ in range(2):
            standin.finish(standin.client().start_build(projectName="site")["build"]["id"])
        history = from_codebuild("site", standin.region)

    assert len(history.at_ms) == 2


def test_codebuild_that_does_not_answer() -> None:
    with pytest.raises(UsageError, match="the builds of site cannot be read from CodeBuild"):
        from_codebuild("site", client=object())
