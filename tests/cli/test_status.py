"""``status`` for one gate and for hundreds: what comes first, what is said of each, and what fits on a screen."""

from __future__ import annotations

import gc
import json
import re
import time
import weakref
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from holdoff.cli.main import run
from holdoff.core.record import Finished, Hold, Pending, Record, Running
from holdoff.core.request import GateKey, Request
from holdoff.stores.sqlite import SQLiteStore
from tests.cli.conftest import Terminal
from tests.cli.screen import lines_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdoff.core.errors import RecordInvalid
    from tests.cli.conftest import Cli

NAMES = ("alright", "broken", "held", "late", "old", "waiting")


HOUR_MS = 3_600_000


def now_ms() -> int:
    return int(time.time()) * 1_000


def pending(project: str, *, ago_ms: int = 1_000) -> Pending:
    """One trigger that waits."""
    first_ms = now_ms() - ago_ms
    return Pending(request=Request(project=project, region="local"), count=1, first_ms=first_ms, last_ms=first_ms)


def failed(**more: object) -> Finished:
    """A build that failed a minute ago."""
    built: dict[str, object] = {"started_ms": now_ms() - 70_000, "claimed_ms": now_ms() - 70_000}
    end: dict[str, object] = {"ended_ms": now_ms() - 60_000, "succeeded": False, "detail": "exit status 3"}
    return Finished(build_id="b", token="t", **built, **end, **more)  # type: ignore[arg-type]


def records() -> dict[str, Record]:
    """A gate of each kind, as of now."""
    return {
        "alright": Record(lastbuild=Decimal(now_ms() // 1_000 - 7_200)),
        "broken": Record(lastbuild=Decimal(now_ms() // 1_000 - 70), finished=failed()),
        "held": Record(hold=Hold(since_ms=now_ms() - 1_000, why="incident 42", by="ada")),
        "late": Record(pending=pending("late", ago_ms=HOUR_MS), due_ms=now_ms() - 600_000),
        "old": Record(pending=pending("old", ago_ms=2 * HOUR_MS)),
        "waiting": Record(pending=pending("waiting")),
    }


@pytest.fixture
def six(cli: Cli) -> Cli:
    """A gate of each kind, all in holdoff.toml."""
    cli.config("".join(f'[projects.{name}]\ncooldown = "1h"\nstarter = {{ command = ["true"] }}\n' for name in NAMES))
    for name, record in records().items():
        cli.change(lambda _, record=record: record, name)  # type: ignore[misc]
    return cli


def test_what_needs_attention_comes_first_with_its_cause(six: Cli) -> None:
    done = six("status", "--max-stale", "90m")
    lines = done.stdout.splitlines()

    assert [line.partition(":")[0] for line in lines[:6]] == ["broken", "held", "late", "old", "waiting", "alright"]
    assert "the last build failed 1m" in lines[0]
    assert "ago (exit status 3)" in lines[0]
    assert "overdue for 10m" in lines[2]
    assert lines[6] == "6 gates: 1 failed, 1 held, 1 overdue, 1 stale, 1 pending, 1 ready"
    assert (done.returncode, "old (local) is stale" in done.stderr) == (1, True)


def test_what_is_stale_is_said_beside_what_cannot_be_read(six: Cli) -> None:
    six.spoil('"yesterday"', "alright")
    done = six("status", "--max-stale", "90m")

    assert (done.returncode, "old (local) is stale" in done.stderr) == (65, True)


@pytest.mark.parametrize(
    ("only", "names"),
    [("held, failed", ["broken", "held"]), ("pending", ["late", "old", "waiting"]), ("ready", ["alright"])],
)
def test_only_those_that_are_asked_for(six: Cli, only: str, names: list[str]) -> None:
    told = six.json("status", "--only", only, "--json")
    lines = six("status", "--only", only).stdout.splitlines()

    assert [gate["project"] for gate in told["gates"]] == names
    assert sorted(line.partition(":")[0] for line in lines[:-2]) == names


def test_what_is_stale_is_asked_for_with_the_age_from_which_it_is(six: Cli) -> None:
    """Without that age no gate is stale, however long a change has waited."""
    asked, told = six("status", "--only", "held,stale"), six("status", "--only", "stale", "--max-stale", "90m")

    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr == "holdoff: --only stale goes with --max-stale, the age from which a gate is stale\n"
    assert (told.returncode, told.stdout.partition(":")[0]) == (1, "old")


def test_only_takes_what_there_is(six: Cli) -> None:
    wrong, none = six("status", "--only", "helt"), six("status", "--only", "running")
    counts = six("status").stdout.splitlines()[-2]

    assert counts.startswith("6 gates: ")
    assert wrong.returncode == 2
    assert "--only helt: it takes unreadable, failed, held, overdue, stale, running, pending, or a" in wrong.stderr
    assert (none.returncode, none.stdout) == (0, f"{counts}; none is running ({six.store.url})\n")


def test_json_keeps_its_order_and_tells_what_needs_attention(six: Cli) -> None:
    told = six.json("status", "--json")

    assert [gate["project"] for gate in told["gates"]] == sorted(NAMES)
    assert [gate["attention"] for gate in told["gates"]] == [
        [],
        ["failed"],
        ["held"],
        ["overdue", "pending"],
        ["pending"],
        ["pending"],
    ]
    assert told["store"] == six.store.url
    assert told["gates"][1]["last_failed"] is not None


def test_the_time_is_told_here_and_in_utc(six: Cli) -> None:
    six.environment["TZ"] = "Asia/Kolkata"
    local = six("status").stdout.splitlines()[-1]
    six.environment["TZ"] = "UTC"
    utc = six("status").stdout.splitlines()[-1]

    assert re.search(r" IST \((\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC\)$", local)
    assert re.search(r"\d UTC$", utc)


def test_gates_of_several_regions_are_told_apart(cli: Cli) -> None:
    with closing(cli.store) as store:
        for region in ("eu-west-1", "us-east-1"):
            built = Record(lastbuild=Decimal(1)).swapped("TESTTEST")
            store.swap(GateKey("site", region), expected=Record(), new=built)
    lines = cli("status").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["site (eu-west-1)", "site (us-east-1)"]


def test_one_gate_is_not_counted(six: Cli) -> None:
    lines = six("status", "broken").stdout.splitlines()

    assert [line.partition(":")[0] for line in lines] == ["broken", "sqlite"]


def test_a_table_in_a_terminal(six: Cli) -> None:
    terminal = Terminal(six, "status", "--max-stale", "90m", columns=100)
    assert terminal.end() == 1
    lines = lines_on(terminal, 100)

    assert lines[0].split() == ["project", "region", "state", "last", "build", "ready", "in", "pending"]
    assert [line.split()[0] for line in lines[1:7]] == ["broken", "held", "late", "old", "waiting", "alright"]
    assert "\x1b[31mbroken" in terminal.seen, "in red"
    assert re.fullmatch(r"broken +local +cooling down +1m[0-9]+s ago, failed +58m[0-9]+s", lines[1].rstrip())
    assert "overdue 10m" in lines[3]
    assert lines[4].endswith("1, for 2h, stale")


def test_a_table_says_once_that_a_build_runs(cli: Cli) -> None:
    for name, overlap in (("alone", "defer"), ("beside", "allow")):
        started_ms = now_ms() - 70_000
        running = Running(
            build_id="b",
            token="t",
            started_ms=started_ms,
            claimed_ms=started_ms,
            lease_until_ms=now_ms() + HOUR_MS,
            covers=pending(name, ago_ms=70_000),
        )
        record = Record(lastbuild=Decimal(started_ms // 1_000), running=running)
        cli.change(lambda _, record=record: record, name)  # type: ignore[misc]
        with (cli.folder / "two.toml").open("a") as file:
            file.write(f'[projects.{name}]\ncooldown = "1h"\noverlap = "{overlap}"\nstarter.command = ["true"]\n')
    terminal = Terminal(cli, "status", "--config", "two.toml", "--store", cli.store.url, columns=100)
    assert terminal.end() == 0
    lines = lines_on(terminal, 100)

    assert lines[0].split() == ["project", "region", "state", "last", "build", "ready", "in"], "nothing is pending"
    assert re.fullmatch(r"alone +local +running +1m[0-9]+s ago +after it ends", lines[1].rstrip())
    assert re.fullmatch(r"beside +local +cooling down +1m[0-9]+s ago, still running +58m[0-9]+s", lines[2].rstrip())


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_none_are_wanted(six: Cli, name: str, value: str) -> None:
    terminal = Terminal(six, "status", columns=100, variables={name: value})
    terminal.end()

    assert "\x1b[" not in terminal.seen


@pytest.mark.parametrize("length", [30, 200])
def test_a_name_is_never_cut(cli: Cli, length: int) -> None:
    name = "käse-☃-日本-" + "x" * length
    cli("run", name, "--cooldown", "1h", "--", "true")
    terminal = Terminal(cli, "status", columns=60)

    assert terminal.end() == 0
    assert name in "".join(lines_on(terminal, 60)).replace(" ", "")


def test_markup_in_a_name_is_no_markup(cli: Cli) -> None:
    cli("run", "[red]x[/red]", "--cooldown", "1h", "--", "true")
    terminal = Terminal(cli, "status", columns=100)
    terminal.end()

    assert "[red]x[/red]" in lines_on(terminal, 100)[1]


def test_of_three_hundred_those_that_want_attention_fit_on_the_screen(cli: Cli) -> None:
    store = cli.store
    for number in range(300):
        name = f"project-{number:03}"
        cli.change(lambda _, name=name: records()["broken"] if name.endswith("99") else records()["alright"], name)  # type: ignore[misc]
    terminal = Terminal(cli, "status", columns=100)
    assert terminal.end() == 0
    lines = lines_on(terminal, 100)

    assert [line.split()[0] for line in lines[1:4]] == ["project-099", "project-199", "project-299"]
    assert lines[4] == "and 297 in no need of attention: --only unknown lists them"
    assert lines[5] == "300 gates: 3 failed, 297 not in holdoff.toml"
    assert lines[6].startswith(store.url[:40])
    assert len(cli("status").stdout.splitlines()) == 302


@pytest.mark.parametrize(("count", "lines"), [(18, 21), (19, 3)])
def test_gates_that_fit_on_the_screen_are_all_listed(cli: Cli, count: int, lines: int) -> None:
    """Below them the screen has room for what is told of them, and for the next prompt."""
    projects = (f"[projects.p{n}]\ncooldown = 1\nstarter.command = ['true']\n" for n in range(count))
    cli.config("".join(projects))
    terminal = Terminal(cli, "status", columns=100)
    assert terminal.end() == 0

    assert len(terminal.seen.splitlines()) == lines


# --- a name that is known nowhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ("hold", "brokne", "--why", "x"),
        ("resume", "brokne"),
        ("reset", "brokne"),
        ("status", "brokne"),
        ("status", "brokne", "--max-stale", "1h"),
        ("explain", "brokne"),
        ("explain", "brokne", "--event", "e1"),
        ("history", "brokne"),
        ("item", "brokne"),
    ],
    ids=" ".join,
)
def test_a_slip_of_the_finger_is_said_and_does_nothing(six: Cli, argv: tuple[str, ...]) -> None:
    done = six(*argv)

    assert done.returncode == (2 if argv[0] in {"hold", "resume", "reset"} else 1)
    assert done.stdout == ""
    assert "brokne (local): no such gate in " in done.stderr
    assert "; did you mean broken?" in done.stderr
    assert six.record("brokne") == Record()


def test_a_region_and_a_key_may_be_misspelt_too(six: Cli) -> None:
    six("trigger", "alright@feature")
    region = six("hold", "broken", "--region", "lokal", "--why", "x")
    key = six("hold", "alright@feautre", "--why", "x")
    monitored = six("status", "broken", "--region", "lokal", "--max-stale", "1h")

    assert "broken (lokal): no such gate in " in region.stderr
    assert "; did you mean --region local?" in region.stderr
    assert "; did you mean alright@feature?" in key.stderr
    assert (region.returncode, key.returncode, monitored.returncode) == (2, 2, 1)


def test_a_region_without_gates_is_not_green(six: Cli) -> None:
    done = six("status", "--region", "lokal", "--max-stale", "1h")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(" is in the region lokal\n")


def test_what_is_far_from_all_there_is_gets_no_guess(six: Cli) -> None:
    assert "did you mean" not in six("reset", "zzz").stderr


def test_a_gate_may_be_held_before_its_first_trigger(cli: Cli) -> None:
    refused = cli("hold", "p", "--why", "x")
    held = cli("hold", "p", "--why", "x", "--new")

    assert (refused.returncode, held.returncode) == (2, 0)
    assert "(to hold a gate that has had no trigger yet: --new)" in refused.stderr
    assert held.stderr.startswith("holdoff: p: held")


def test_json_of_a_gate_that_is_not_there_is_json(six: Cli) -> None:
    done = six("status", "brokne", "--json")

    assert (done.returncode, json.loads(done.stdout)["gates"]) == (1, [])


# --- explain ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_gate_that_is_explained_is_0_whatever_it_does(six: Cli, name: str) -> None:
    assert six("explain", name).returncode == 0


def test_what_no_build_has_answered_is_1(six: Cli) -> None:
    assert six("explain", "waiting", "--event", "e1").returncode == 1


def test_after_a_reset_no_instant_of_1970_is_told(six: Cli) -> None:
    six("reset", "broken")
    told = "".join(six(verb, "broken", *more).stdout for verb in ("status", "explain") for more in ((), ("--json",)))

    assert "1970" not in told


def test_a_failed_build_is_told_by_the_next_decision(cli: Cli) -> None:
    run = ("run", "p", "--cooldown", "1h", "--", "sh", "-c", "exit 3")
    cli(*run)

    assert "p skipped: the last build failed " in cli(*run).stderr
    assert "the last build failed " in cli("explain", "p").stdout


def test_the_records_of_many_gates_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, seen, kept = SQLiteStore(tmp_path / "gates.db"), list[weakref.ref[object]](), list[int]()
    for n in range(9):
        store.swap(GateKey(f"p{n}", "local"), expected=Record(), new=Record(lastbuild=Decimal(n + 1)).swapped("A"))
    gates = SQLiteStore.gates

    def watched(self: SQLiteStore, project: str | None = None) -> Iterator[tuple[GateKey, Record | RecordInvalid]]:
        for key, record in gates(self, project):
            seen.append(weakref.ref(record))
            yield key, record
            kept.append(sum(one() is not None for one in seen))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SQLiteStore, "gates", watched)
    try:
        assert run(["status", "--store", str(store.url)]) == 0
    finally:
        gc.enable()

    assert "9 gates" in capsys.readouterr().out
    assert len(seen) == 9
    assert max(kept) <= 2
