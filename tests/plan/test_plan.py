"""``holdoff plan`` as its users meet it, and its document, whose commands are run."""

from __future__ import annotations

import json
import os
import re
import signal
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.config import parse
from holdoff.core.policy import Policy
from holdoff.core.units import MAX_DURATION_MS, parse_duration, say_duration
from holdoff.gate import Gate
from holdoff.plan import answer, grid, page
from holdoff.plan.axes import SPANS_MS, Axis
from holdoff.plan.history import History
from holdoff.plan.report import settings_of, toml_of, written
from holdoff.starters import Call
from holdoff.stores.open import open_store
from tests.cli.conftest import Terminal
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

DOCUMENT = (Path(__file__).parents[2] / "docs/plan.md").read_text()
T0 = 1_795_395_600_000
MINUTE = 60_000
SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"
TIMES = "time\n" + "".join(f"2026-03-02T09:{minute:02}:00Z\n" for minute in (0, 1, 2, 3, 20, 21, 40))


@pytest.fixture
def times(cli: Cli) -> Cli:
    (cli.folder / "times.csv").write_text(TIMES)
    return cli


# --- the document --------------------------------------------------------------------------------------------------


def test_the_document_is_what_is_printed(cli: Cli) -> None:
    events, console = (re.findall(rf"```{kind}\n(.*?)```", DOCUMENT, re.DOTALL)[0] for kind in ("csv", "console"))
    command, _, printed = console.partition("\n")
    (cli.folder / "edits.csv").write_text(events)

    done = cli(*command.removeprefix("$ holdoff ").split())

    assert done.stderr + done.stdout == printed


def test_the_lines_to_paste_are_those_of_the_document() -> None:
    lines = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)[0]

    assert lines in DOCUMENT.partition("```console")[2].partition("```toml")[0]
    assert len(lines.splitlines()) == 4


# --- the command line ----------------------------------------------------------------------------------------------


def test_policies_that_are_given(times: Cli) -> None:
    argv = ("plan", "--history", "times.csv", "--cooldown", "5m,10m", "--quiet", "0,30s", "--build-time", "4m")
    told = times.json(*argv, "--price-per-minute", "0.01", "--json")

    assert [row["policy"] for row in told["policies"]] == [
        {"cooldown": "0s"},
        {"cooldown": "5m"},
        {"cooldown": "5m", "quiet": "30s"},
        {"cooldown": "10m"},
        {"cooldown": "10m", "quiet": "30s"},
    ]
    first = told["policies"][0]
    assert (first["builds"], first["building"], first["cost"]) == (7, 7 * 240, 0.28)
    assert told["history"]["triggers"] == 7
    assert sum(row["take"] for row in told["policies"]) == 1
    assert tomllib.loads(told["take"]["toml"])["projects"]["site"] == told["take"]["policy"]


def test_the_present_policy_is_marked_and_its_other_settings_stay(times: Cli) -> None:
    times.config('[projects.docs]\ncooldown = "1h"\noverlap = "cancel"\nstarter = { command = ["true"] }\n')
    told = times.json("plan", "docs", "--history", "times.csv", "--cooldown", "5m", "--quiet", "0", "--json")

    assert [row["policy"] for row in told["policies"]] == [
        {"cooldown": "1h", "overlap": "cancel"},
        {"cooldown": "0s"},
        {"cooldown": "5m", "overlap": "cancel"},
    ]
    assert [row["present"] for row in told["policies"]] == [True, False, False]


def test_the_present_quiet_time_is_none_of_the_others() -> None:
    own = Policy("10m", quiet="1m", max_wait="5m", on_failure="rearm")
    tried = grid.policies(own, cooldowns=["2m"], quiets=["0", "30s"])

    assert tried == [
        own,
        Policy(0),
        Policy("2m", on_failure="rearm"),
        Policy("2m", quiet="30s", on_failure="rearm"),
    ]
    bounded = grid.policies(own, cooldowns=["2m"], quiets=["30s"], most=["20s", "40s"])
    assert bounded[2:] == [Policy("2m", quiet="30s", max_wait="40s", on_failure="rearm")]


@pytest.mark.parametrize(
    ("given", "limits"),
    [((), ["5/1h"]), (("--limit", "0"), [None]), (("--limit", "3/1h, 0"), ["3/1h", None])],
    ids=["the project's own", "none", "others"],
)
def test_the_limits_to_try(times: Cli, given: tuple[str, ...], limits: list[str | None]) -> None:
    times.config('[projects.docs]\ncooldown = "1h"\nlimit = "5/1h"\nstarter = { command = ["true"] }\n')
    told = times.json("plan", "docs", "--history", "times.csv", "--cooldown", "5m", "--quiet", "0", *given, "--json")

    present, _each, *tried = (row["policy"] for row in told["policies"])
    assert present == {"cooldown": "1h", "limit": "5/1h"}
    assert [policy.get("limit") for policy in tried] == limits
    assert {policy["cooldown"] for policy in tried} == {"5m"}


@pytest.mark.parametrize(("cooldown", "lines"), [("5m", 0), ("1h", 1)])
def test_settings_to_write_are_shown_if_there_is_something_to_change(times: Cli, cooldown: str, lines: int) -> None:
    times.config(f'[projects.docs]\ncooldown = "{cooldown}"\nstarter = {{ command = ["true"] }}\n')
    done = times("plan", "docs", "--history", "times.csv", "--cooldown", "5m", "--quiet", "0", "--html", "it.html")

    assert (done.stdout + (times.folder / "it.html").read_text()).count("[projects.docs]") == 2 * lines
    assert done.stdout.count("In holdoff.toml, in place of these settings there:") == lines


def test_a_history_of_its_own(cli: Cli) -> None:
    for _ in range(3):
        cli("run", "site", "--cooldown", "0", "--", "true")

    done = cli("plan", "site", "--cooldown", "1h", "--json")

    told = json.loads(done.stdout)
    assert "site is not in holdoff.toml, so there is no present policy to compare with" in done.stderr
    assert told["history"]["source"] == "history of site (local)"
    assert told["history"]["triggers"] == 3
    (cli.folder / "own.json").write_text(cli("history", "site", "--json").stdout)
    again = cli.json("plan", "--history", "own.json", "--cooldown", "1h", "--json")
    assert again["history"]["first"] == told["history"]["first"]
    assert again["policies"][0]["builds"] == 3


def test_the_busiest_day_is_the_first_with_most_triggers() -> None:
    day_ms = 86_400_000
    assert page.busiest_day_ms([day * day_ms for day in (1, 2, 2, 3, 3, 4)]) == 2 * day_ms


def test_the_build_whose_end_is_not_reported_counts_as_in_holdoff_history(cli: Cli) -> None:
    """At a build hook that reports no end this is always the newest build."""
    url = f"sqlite:///{cli.folder}/own.db"
    Gate("site", store=open_store(url), policy=Policy(0), starter=Call(lambda _request, token: token)).trigger()

    assert json.loads(cli("plan", "site", "--store", url, "--json").stdout)["history"]["triggers"] == 1


def test_stdin_and_the_grid(cli: Cli) -> None:
    done = cli("plan", "--history", "-", stdin=TIMES)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stdin: 7 triggers in 40m, 2026-03-02 to 2026-03-02\n")
    assert "how long builds take is not known" in done.stdout
    assert "take this" in done.stdout


BAD = {
    "no history": (("plan",), 2, "no history; give --git PATH"),
    "no file": (("plan", "--history", "nope.csv"), 2, "nope.csv cannot be read: No such file"),
    "no repository": (("plan", "--git", "."), 2, "git log of . failed"),
    "no such zone": (("plan", "--history", "times.csv", "--zone", "Mars"), 2, "--zone is no known time zone"),
    "no such column": (("plan", "--history", "times.csv", "--time-column", "x"), 2, "it has time"),
    "no duration": (("plan", "--history", "times.csv", "--cooldown", "5 parsecs"), 2, "--cooldown is"),
    "no limit": (("plan", "--history", "times.csv", "--limit", "3"), 2, "--limit is"),
    "no bound": (
        ("plan", "--history", "times.csv", "--quiet", "10m", "--max-wait", "1m"),
        2,
        "--max-wait is '1m'; write no less",
    ),
    "no price": (("plan", "--history", "times.csv", "--price-per-minute", "-1"), 2, "--price-per-minute"),
    "two histories": (("plan", "--history", "times.csv", "--git", "."), 2, "not allowed with"),
    "a branch of a file": (("plan", "--history", "times.csv", "--branch", "main"), 2, "--branch is for --git"),
    "a column of commits": (("plan", "--git", ".", "--time-column", "x"), 2, "--time-column is for --history"),
    "no times": (("plan", "--history", "empty.csv"), 65, "empty.csv has no row with a time. It is empty, or"),
    "no builds": (("plan", "site"), 65, "has no builds yet. Name another history"),
    "two to stdout": (
        ("plan", "--history", "times.csv", "--html", "-", "--json"),
        2,
        "--html and --json both write to stdout",
    ),
    "nowhere to write": (("plan", "--history", "times.csv", "--html", "no/where.html"), 2, "cannot be written"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(times: Cli, name: str) -> None:
    argv, status, words = BAD[name]
    (times.folder / "empty.csv").write_text("")

    done = times(*argv)

    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (status, True, False), done.stderr


def test_a_table_and_progress_in_a_terminal(times: Cli) -> None:
    argv = ("plan", "--history", "times.csv", "--cooldown", "5m", "--quiet", "0")
    terminal = Terminal(times, *argv, columns=160)

    assert terminal.end() == 0
    assert "replaying [..............................] 0%" in terminal.seen
    assert "replaying [###############...............] 50%" in terminal.seen
    assert "\033[1mpolicy " in terminal.seen


def slow(cli: Cli) -> tuple[str, ...]:
    """A replay that takes minutes: trigger by trigger."""
    (cli.folder / "many.csv").write_text("time\n" + "".join(f"{1_709_632_800 + n}\n" for n in range(300_000)))
    cli.config('[projects.site]\ncooldown = "1m"\non_cooldown = "skip"\nstarter = { command = ["true"] }\n')
    return ("plan", "site", "--history", "many.csv")


def test_ctrl_c_ends_it_without_a_word_too_many(cli: Cli) -> None:
    terminal = Terminal(cli, *slow(cli), columns=160)
    terminal.wait_for("replaying [")
    terminal.type(b"\x03")

    assert terminal.end() in {130, -signal.SIGINT}
    assert "Traceback" not in terminal.seen
    assert terminal.seen.rstrip("\r\n").endswith("\033[K")


def test_ctrl_c_while_a_file_is_decoded(times: Cli) -> None:
    """Python then raises KeyboardInterrupt anew, with words in place of the signal's number."""
    interrupt = """
import holdoff.plan.rows as rows
def interrupted(data):
    raise KeyboardInterrupt("decoding with 'utf-8-sig' codec failed (KeyboardInterrupt: )")
rows._text = interrupted
"""
    done = times("plan", "--history", "times.csv", prelude=interrupt)

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_a_reader_that_has_had_enough(times: Cli) -> None:
    """As `holdoff plan ... | head -1`."""
    process = times.start("plan", "--history", "times.csv")
    assert process.stdout
    assert process.stderr
    process.stdout.close()

    assert process.wait(timeout=PATIENCE_S) == 0
    assert process.stderr.read() == ""


def test_json_is_one_object_and_nothing_else(times: Cli) -> None:
    told = times.json("plan", "--history", "times.csv", "--json")

    assert set(told) == {"history", "policies", "take"}
    row = told["policies"][0]
    names = {"builds", "saved", "building", "overlap", "to_start", "to_end", "promised", "never_built", "worst", "cost"}
    assert names <= row.keys()
    assert set(row["to_end"]) == {"median", "p95", "longest"}


# --- the picture -----------------------------------------------------------------------------------------------------


def test_a_picture_by_matplotlib(times: Cli) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'holdoff[plan]'")
    (times.folder / "a$b$c.csv").write_text(TIMES)  # no mathematics

    done = times("plan", "--history", "a$b$c.csv", "--svg", "plan.svg", "--png", "plan.png")

    assert done.returncode == 0, done.stderr
    assert (times.folder / "plan.png").read_bytes().startswith(b"\x89PNG\r\n")
    svg = (times.folder / "plan.svg").read_text()
    ET.fromstring(svg)
    assert all(
        words in svg for words in ("a$b$c.csv", "take this: cooldown", "efficient", "builds", "the longest wait")
    )
    again = times("plan", "--history", "a$b$c.csv", "--svg", "again.svg")
    assert again.returncode == 0
    assert (times.folder / "again.svg").read_text() == svg


def test_without_matplotlib_it_says_how_to_get_it(times: Cli) -> None:
    prelude = "import sys; sys.modules['matplotlib'] = None"
    done = times("plan", "--history", "times.csv", "--png", "plan.png", prelude=prelude)
    without = times("plan", "--history", "times.csv", "--html", "plan.html", prelude=prelude)

    assert done.returncode == 2
    assert done.stderr == "holdoff: --png needs matplotlib, which is not installed; pip install 'holdoff[plan]'\n"
    assert not (times.folder / "plan.png").exists()
    assert without.returncode == 0


@pytest.mark.parametrize("kind", ["html", "svg"])
def test_a_file_called_minus_is_stdout(times: Cli, kind: str) -> None:
    done = times("plan", "--history", "times.csv", f"--{kind}", "-")

    assert done.returncode == 0, done.stderr
    assert ET.fromstring(done.stdout.partition("\n")[2]).tag == (f"{XHTML}html" if kind == "html" else f"{SVG}svg")
    assert not (times.folder / "-").exists()


@pytest.mark.parametrize("columns", [200, 120, 100, 80])
def test_a_narrow_terminal_has_a_narrower_table(times: Cli, columns: int) -> None:
    terminal = Terminal(times, "plan", "--history", "times.csv", "--build-time", "4m", columns=columns)

    assert terminal.end() == 0
    head = next(line for line in terminal.seen.splitlines() if line.startswith("\033[1mpolicy"))
    assert ("promised" in head, "to end" in head, "mark" in head) == (columns > 130, True, True)


def test_names_that_no_page_could_have(times: Cli) -> None:
    name = os.fsdecode(b"a\xff\x1b<i>$x$.csv")
    (times.folder / name).write_text(TIMES)
    done = times("plan", "--history", name, "--html", "plan.html", "--svg", "plan.svg")

    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    for made in ("plan.html", "plan.svg"):
        ET.fromstring((times.folder / made).read_text().partition("\n")[2])


def test_the_lines_to_paste_are_of_the_project_not_of_a_key(times: Cli) -> None:
    told = times("plan", "site@main", "--history", "times.csv", "--json")

    assert json.loads(told.stdout)["take"]["toml"].startswith("[projects.site]\n")


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_needs_nothing_else(times: Cli) -> None:
    path = times.folder / "a<b>&c.csv"
    path.write_text(TIMES)
    argv = ("plan", "--history", str(path), "--build-time", "4m", "--html", "plan.html")

    assert times(*argv).returncode == 0

    text = (times.folder / "plan.html").read_text()
    root = ET.fromstring(text.partition("\n")[2])
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert {element.tag for element in root.iter()}.isdisjoint({f"{XHTML}script", f"{XHTML}link", f"{XHTML}img"})
    assert not re.search(r"(?:src|href)=|url\(|@import", text)
    assert "a<b>" not in text
    assert len(root.findall(f".//{SVG}svg")) == 2


def plan_of(at_ms: list[int], *policies: Policy, present: Policy | None = None, **more: Any) -> answer.Plan:
    history = History(source="it", at_ms=tuple(at_ms), took_ms=(None,) * len(at_ms))
    return answer.plan(history, policies, present=present, **more)


def test_each_policy_is_a_dot_and_each_build_of_the_day_a_bar() -> None:
    at_ms = [T0, T0 + MINUTE, T0 + 30 * MINUTE]
    made = plan_of(at_ms, Policy(0), Policy("10m"), Policy("1h"), build_ms=MINUTE // 2)
    root = ET.fromstring(page.page(made).partition("\n")[2])

    dots = [dot.get("class") or "" for dot in root.findall(f".//{SVG}g/{SVG}circle")]
    assert len(dots) == 3
    assert sum("taken" in dot for dot in dots) == 1
    day = root.findall(f".//{SVG}svg")[1]
    kinds = [rect.get("class") for rect in day.iter(f"{SVG}rect")]
    taken = made.taken.builds
    assert (kinds.count("pulse"), kinds.count("build")) == (3, 3 + taken)


def test_what_is_written_in_the_pictures() -> None:
    at_ms = [T0, T0 + MINUTE, T0 + 30 * MINUTE]
    made = plan_of(at_ms, Policy(0), Policy("10m"), Policy("1h"), present=Policy("10m"), build_ms=MINUTE // 2)
    root = ET.fromstring(page.page(made).partition("\n")[2])
    trade_off, day = root.findall(f".//{SVG}svg")
    assert [text.text for text in trade_off.iter(f"{SVG}text") if text.get("text-anchor") == "end"][-4:] == [
        "take this: cooldown 1h",
        "present: cooldown 10m",
        "efficient",
        "others",
    ]
    assert [text.text for text in day.iter(f"{SVG}text")] == [
        "3 triggers",
        "before (the present policy): 3 builds, 1m30s of building",
        "after: 2 builds, 1m of building",
        *(f"0{at // 60}:{at % 60:02}" for at in range(60, 121, 10)),
    ]
    places = {
        title.partition(":")[0]: float(dot.get("cy", ""))
        for group in trade_off.iter(f"{SVG}g")
        if (dot := group.find(f"{SVG}circle")) is not None and (title := group.findtext(f"{SVG}title"))
    }
    assert places["cooldown 1h"] < places["cooldown 10m"] < places["cooldown 0s"], "the longer wait is higher"


def test_rows_that_were_ignored_are_no_share_of_what_is_replayed(times: Cli) -> None:
    """A part of the history has fewer rows than the file, and a row of a build may have many triggers."""
    (times.folder / "bad.csv").write_text(f"{TIMES}soon\n")
    built = {"build_id": "b1", "token": "T1", "started": "2026-03-02T09:00:00Z", "ended": None, "succeeded": None}
    covers = {"count": 50, "first": "2026-03-02T08:00:00Z", "last": "2026-03-02T09:00:00Z"}
    builds = [built | {"covers": covers}, *[built | {"covers": covers, "started": "soon"}] * 2]
    (times.folder / "builds.json").write_text(json.dumps({"builds": builds}))
    part = times("plan", "--history", "bad.csv", "--last", "1m", "--cooldown", "5m", "--quiet", "0")
    own = times("plan", "--history", "builds.json", "--cooldown", "5m", "--quiet", "0")

    assert part.stderr == "holdoff: bad.csv: 1 row was ignored: line 9: time is no time\n"
    assert own.stderr.startswith("holdoff: builds.json: 2 rows were ignored: entry 2: is no build")


@pytest.mark.parametrize(
    ("took_ms", "build_ms", "said"),
    [
        ((None, None), None, "how long builds take is not known, and counts as no time, unless a build time is given"),
        ((MINUTE, None), None, "builds take as long as the history says, 1m in the median"),
        ((MINUTE, None), 2 * MINUTE, "builds take 2m, as given"),
    ],
)
def test_what_is_assumed_of_builds_is_said(took_ms: tuple[int | None, ...], build_ms: int | None, said: str) -> None:
    history = History(source="it", at_ms=(T0, T0 + MINUTE), took_ms=took_ms, failed=frozenset({1}))
    plan = answer.plan(history, [Policy(0)], build_ms=build_ms)

    assert list(answer.about(plan))[-2:] == [said, "1 of its builds failed, and counts as a build"]
    rearmed = answer.plan(history, [Policy(0, on_failure="rearm")], build_ms=build_ms)
    assert "1 of its builds failed, and counts as a build; under on_failure" in "".join(answer.about(rearmed))


@pytest.mark.parametrize(("tried", "drawn"), [("5m", 2), ("1d", 1)])
def test_far_longer_and_endless_waits_are_not_drawn(tried: str, drawn: int) -> None:
    at_ms = [T0 + n * MINUTE for n in (0, 1, 2, 3, 20, 21)]
    made = plan_of(at_ms, Policy(0), Policy(tried), Policy("5m", on_cooldown="skip"), build_ms=MINUTE)
    (left_out,) = re.findall("not drawn, for far longer or endless waits: ([0-9]+)", page.trade_off(made))

    assert made.figures[2].never == 1
    assert len(made.drawn) == 3 - int(left_out) == drawn
    (front,) = re.findall('<polyline class="front" points="([^"]*)"', page.trade_off(made))
    assert len(front.split()) == len(set(made.choice.efficient) & set(made.drawn)) == drawn


def test_a_day_of_many_triggers_makes_a_small_page() -> None:
    made = plan_of([T0 + 500 * n for n in range(50_000)], Policy(0), Policy("10m"), build_ms=60_000)

    assert len(page.page(made)) < 400_000


@given(st.integers(0, MAX_DURATION_MS) | st.integers(0, 366).map((24 * 60 * MINUTE).__mul__))
def test_a_duration_in_these_lines_is_exact(ms: int) -> None:
    assert parse_duration(written(ms), field="cooldown") == ms


def test_a_day_in_these_lines_is_a_day() -> None:
    assert [written(days * 24 * 60 * MINUTE) for days in (1, 30)] == ["1d", "30d"]


@pytest.mark.parametrize(
    ("most_ms", "marks"),
    [
        (45_000, ["0s", "10s", "20s", "30s", "40s"]),
        (25 * MINUTE, ["0s", "5m", "10m", "15m", "20m", "25m"]),
        (5 * 60 * MINUTE, ["0s", "1h", "2h", "3h", "4h", "5h"]),
        (12 * 24 * 60 * MINUTE, ["0s", "2d", "4d", "6d", "8d", "10d", "12d"]),
    ],
)
def test_the_marks_of_an_axis_are_round(most_ms: int, marks: list[str]) -> None:
    assert [say_duration(mark) for mark in Axis([0, most_ms], 0, 1, SPANS_MS).marks()] == marks


def test_an_axis_reaches_from_end_to_end() -> None:
    across, up = Axis([3, 10], 70, 930, SPANS_MS), Axis([10], 400, 50, SPANS_MS)
    assert [across.at(value) for value in (0, 5, 10)] == [70, 500, 930]
    assert [up.at(value) for value in (0, 5, 10)] == [400, 225, 50]


@pytest.mark.parametrize("project", ["site", 'a "b"\\c', "x.y", "ä"])
def test_the_lines_to_paste_are_read_back(project: str) -> None:
    policy = Policy("1h30m", quiet="250ms", max_wait="90s", limit="3/1h2m3s", overlap="defer", cooldown_from="finish")
    lines = toml_of(policy, project) + 'starter = { command = ["true"] }\n'

    assert parse(lines).projects[project].policy == policy
    assert json.loads(json.dumps(settings_of(policy)))["cooldown"] == "1h30m"
