"""The other verbs: what they print, where, and with which status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from holdoff.cli.main import VERBS
from holdoff.core.policy import Policy
from holdoff.core.record import Pending, Record
from holdoff.core.request import Request
from holdoff.gate import Gate
from holdoff.starters import Call
from holdoff.stores.open import open_store
from holdoff.testing import ManualClock
from tests.cli.conftest import PATIENCE, Terminal, line_of
from tests.waiting import until

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

DOCS = """
[projects.docs]
cooldown = "1h"
starter = { command = ["sh", "-c", "echo built; exit 3"] }

[projects.site]
cooldown = "10m"
starter = { command = ["true"] }
"""


@pytest.fixture
def docs(cli: Cli) -> Cli:
    """A folder with a ``holdoff.toml``."""
    cli.config(DOCS)
    return cli


# --- trigger ---------------------------------------------------------------------------------------


def test_trigger_starts_defers_and_forces(docs: Cli) -> None:
    started = docs("trigger", "docs", "--reason", "a push")
    deferred = docs("trigger", "docs")
    forced = docs("trigger", "docs", "--force")

    assert "docs started: build " in started.stdout
    assert "built\n" in started.stdout
    assert deferred.stdout.startswith("docs deferred: the last build failed ")
    assert "at the next trigger or wake" in deferred.stdout
    assert ", forced" in forced.stdout
    assert [done.returncode for done in (started, deferred, forced)] == [3, 0, 3]
    assert re.fullmatch(r"holdoff: docs: build \S+ failed: exit status 3\n", started.stderr)
    assert deferred.stderr == ""


def test_trigger_json_is_one_object_and_the_commands_output_goes_elsewhere(docs: Cli) -> None:
    done = docs("trigger", "docs", "--json", "--event-id", "1")
    again = docs.json("trigger", "docs", "--json", "--event-id", "1")

    assert json.loads(done.stdout)["outcome"] == "started"
    assert done.returncode == 3
    assert re.fullmatch(r"built\nholdoff: docs: build \S+ failed: exit status 3\n", done.stderr)
    assert (again["outcome"], again["why"]) == ("skipped", "duplicate")


def test_trigger_names_the_projects_there_are(docs: Cli) -> None:
    done = docs("trigger", "dcos")

    assert (done.returncode, done.stdout) == (78, "")
    assert "holdoff.toml: projects.dcos is missing; write " in done.stderr
    assert "docs, site" in done.stderr


def test_the_file_is_found_upward_by_option_and_by_variable(docs: Cli) -> None:
    below = docs.folder / "a" / "b"
    below.mkdir(parents=True)
    status = [*(sys.executable, "-m", "holdoff"), "status", "--json"]

    def projects(*argv: str, folder: str = "/", **variables: str) -> list[str]:
        environment = docs.environment | variables
        told = subprocess.check_output([*status, *argv], env=environment, cwd=folder)
        return [gate["project"] for gate in json.loads(told)["gates"]]

    file = str(docs.folder / "holdoff.toml")
    assert projects(folder=str(below)) == ["docs", "site"]
    assert projects(HOLDOFF_CONFIG=file) == ["docs", "site"]
    assert projects("--config", file, HOLDOFF_CONFIG="/nowhere") == ["docs", "site"]
    assert projects() == []


def test_a_file_that_is_named_must_be_there(cli: Cli) -> None:
    cli.environment["HOLDOFF_CONFIG"] = "/no/such.toml"
    by_variable = cli("status")
    by_option = cli("status", "--config", "/nor/this.toml")
    folder = cli("status", "--config", "/")

    assert {done.returncode for done in (by_variable, by_option, folder)} == {78}
    assert by_variable.stderr == ("holdoff: HOLDOFF_CONFIG is '/no/such.toml'; write a file that exists\n")
    assert by_option.stderr == "holdoff: --config is '/nor/this.toml'; write a file that exists\n"
    assert "(Is a directory)" in folder.stderr


def test_trigger_takes_line_at_and_parent(docs: Cli) -> None:
    def trigger(version: str, at: str) -> dict[str, str]:
        options = ("--source-version", version, "--line", "main", "--at", at)
        told: dict[str, str] = docs.json("trigger", "site", "--json", *options)
        return told

    assert trigger("v2", "2026-01-02T00:00:00Z")["outcome"] == "started"
    assert trigger("v1", "2026-01-01T00:00:00+00:00")["why"] == "superseded"
    assert trigger("v3", "1767398400")["outcome"] == "deferred"
    assert docs("trigger", "site", "--source-version", "v4", "--line", "x", "--parent", "v3").returncode == 0
    replaced = docs.json("explain", "site", "--source-version", "v3", "--json")
    assert replaced["verdict"] == "replaced"
    assert "replaced by v4" in replaced["answer"][0]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01T00:00:00", "-1", "9e99"])
def test_an_instant_that_is_none_is_wrong_usage(docs: Cli, at: str) -> None:
    done = docs("trigger", "docs", f"--at={at}")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("holdoff: --at is ")
    assert docs.lines() == []


def test_every_verb_takes_a_key(docs: Cli) -> None:
    docs("trigger", "site", "--key", "eu", "--event-id", "e1")
    docs("trigger", "site@eu", "--event-id", "e2")
    docs("hold", "site@eu", "--why", "incident 42")

    assert docs("hold", "site@us", "--why", "incident 42").returncode == 2
    assert docs.record("site").lastbuild is None
    status = docs.json("status", "site", "--key", "eu", "--json")["gates"]
    assert [(gate["project"], gate["state"]) for gate in status] == [("site@eu", "held")]
    assert docs("explain", "site@eu", "--event", "e2").stdout.startswith("event e2: pending")
    assert len(docs.json("history", "site", "--key", "eu", "--json")["builds"]) == 1
    assert json.loads(docs("item", "site", "--key", "eu").stdout)["cb_project"] == "site@eu"
    assert "site@eu: cooling down" in docs("resume", "site", "--key", "eu").stderr
    assert "site@eu reset; " in docs("reset", "site@eu", "--drop-pending").stderr
    assert docs.record("site@eu").pending is None


# --- status, item, history, explain ----------------------------------------------------------------


def test_status_where_there_is_nothing_yet(cli: Cli) -> None:
    assert cli("status").stdout == f"no gates yet: the first trigger makes one ({cli.store.url})\n"
    unknown = cli("status", "p")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == f"holdoff: p (local): no such gate in {cli.store.url}, which has no gates yet\n"
    assert cli.json("status", "--json")["gates"] == []


def test_status_tells_of_each_gate(docs: Cli) -> None:
    docs.config(DOCS.replace('"1h"', '"2d"'))  # said in whole hours
    docs("trigger", "docs")
    docs("trigger", "docs")
    docs("hold", "site", "--why", "incident 42", "--by", "me", "--for", "2h")
    lines = docs("status").stdout.splitlines()
    gates = {gate["project"]: gate for gate in docs.json("status", "--json")["gates"]}

    assert lines[0].startswith("docs: cooling down, the last build failed ")
    assert "ago (exit status 3), ready in 2d, 1 trigger pending for " in lines[0]
    assert lines[1].startswith("site: held, never built, ready in ")
    assert lines[2] == "2 gates: 1 failed, 1 held"
    assert lines[3].startswith(f"{docs.store.url}, 20")
    assert gates["docs"]["pending"]["count"] == 1
    assert gates["docs"]["finished"]["detail"] == "exit status 3"
    assert gates["site"]["hold"]["why"] == "incident 42"
    assert [gate["project"] for gate in docs.json("status", "docs", "--json")["gates"]] == ["docs"]


def in_a_terminal(cli: Cli, *argv: str, status: int = 0) -> str:
    """What it draws in a terminal."""
    terminal = Terminal(cli, *argv, columns=100)
    assert terminal.end() == status
    return terminal.seen


def test_item_tells_numbers_exactly(cli: Cli) -> None:
    exact = "1795395667.1234567890123456789012345678"
    cli("run", "p", "--cooldown", "0", "--", "true")
    cli.spoil(exact)
    done = cli("item", "p")
    told = json.loads(done.stdout, parse_float=Decimal)

    assert f'"lastbuild": {exact},' in done.stdout
    assert told["lastbuild"] == Decimal(exact)
    assert (told["cb_project"], told["region"]) == ("p", "local")
    skipped = cli("run", "p", "--cooldown", "366d", "--", "true")
    assert "skipped" in skipped.stderr
    assert exact in cli("item", "p").stdout, "a write of ours keeps it"


def test_item_of_nothing_is_1(docs: Cli) -> None:
    for project, why in (("p", "no such gate in sqlite:///"), ("docs", "it never built")):
        done = docs("item", project)
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr


def test_history_and_explain(docs: Cli) -> None:
    docs("trigger", "docs", "--reason", "a push", "--event-id", "e1")
    builds = docs.json("history", "docs", "--json")["builds"]
    missing = docs("explain", "docs", "--event", "e2")

    assert [build["detail"] for build in builds] == ["exit status 3"]
    assert docs("explain", "docs", "--event", "e1").returncode == 0
    assert missing.returncode == 1


@pytest.mark.parametrize("option", ["--event", "--source-version"])
def test_explain_knows_no_trigger_by_a_text_that_none_can_have(docs: Cli, option: str) -> None:
    docs("trigger", "docs", "--event-id", "e1")
    asked = docs("explain", "docs", option, os.fsdecode(b"\xff"))

    assert asked.returncode == 1
    assert "not known here" in asked.stdout


def test_history_of_a_gate_that_only_others_have_built(cli: Cli) -> None:
    cli.built_at(Decimal(int(time.time()) - 7_200))
    assert cli("history", "p").stdout == "p (local): no build that Holdoff started is kept; last built 2h ago\n"
    cli.built_at(Decimal(0))
    assert cli("history", "p").stdout == "p (local): no builds yet\n"


def test_a_build_that_runs_is_said_to_run(cli: Cli) -> None:
    process = cli.start("run", "p", "--cooldown", "0", "--", "sh", "-c", "echo ready; read line")
    assert line_of(process.stdout) == "ready\n"
    until(lambda: cli.record().running)
    history, explained = cli("history", "p").stdout, cli("explain", "p").stdout
    process.kill()
    process.communicate(timeout=PATIENCE)
    cli.change(lambda record: record.but(running=record.running and record.running.but(lease_until_ms=1)))

    assert history.endswith("  is running  1 trigger  holdoff run\n")
    assert re.search(r"started \S+ ago, is running, for 1 trigger", explained)
    assert "its end was not reported" in cli("history", "p").stdout, "its lease is over"


def test_one_bad_row_stops_nothing_but_itself(docs: Cli) -> None:
    docs("trigger", "docs")
    for project in ("docs", "site"):
        request = Request(project=project, region="local")
        due = Pending(request=request, count=2, first_ms=1, last_ms=2)
        docs.change(lambda _, due=due: Record(pending=due, due_ms=3), project)  # type: ignore[misc]
    docs.spoil('"yesterday"', "docs")
    lines, told = docs("status"), docs("status", "--json")
    gates = {gate["project"]: gate for gate in json.loads(told.stdout)["gates"]}
    woken, history = docs("wake"), docs("history", "docs", "--json")

    assert (lines.returncode, told.returncode) == (65, 65)
    assert lines.stdout.startswith("docs: cannot be read: lastbuild is 'yesterday'")
    assert "\nsite: pending, never built" in lines.stdout
    assert gates["docs"]["state"] == "unreadable"
    assert gates["docs"]["attention"] == ["unreadable"], "for a monitor that looks no further"
    assert "lastbuild" in gates["docs"]["error"]
    assert gates["site"]["pending"]["count"] == 2
    assert "cannot be read" in in_a_terminal(docs, "status", status=65)
    assert woken.returncode == 65
    assert "site started: build " in woken.stdout
    assert (history.returncode, len(json.loads(history.stdout)["builds"])) == (65, 1)


def test_status_says_what_is_odd_about_lastbuild(docs: Cli) -> None:
    docs.built_at(Decimal(9_000_000_000), "docs")

    assert "\ndocs (local): lastbuild is " in docs("status").stdout
    assert "in the future" in docs.json("status", "docs", "--json")["gates"][0]["notes"][0]
    assert "in the future" in in_a_terminal(docs, "status", "docs")


# --- hold, resume, reset, wake, store --------------------------------------------------------------


def test_every_is_refused_where_it_would_say_nothing(docs: Cli) -> None:
    done = docs("wake", "--every", "5s")
    assert (done.returncode, done.stderr) == (2, "holdoff: --every goes with --watch\n")


HOOKED = """
[projects.site]
cooldown = "1s"
overlap = "defer"
starter = { webhook = "env:HOOK" }
"""


@pytest.mark.parametrize("option", [[], ["--failed", "--detail", "out of memory"]], ids=["succeeded", "failed"])
def test_finished_frees_a_gate_whose_builds_end_nothing_reports(cli: Cli, option: list[str]) -> None:
    """A build hook's host may tell no end: then ``overlap`` kept the gate shut until the lease was over."""
    cli.config(HOOKED)
    store = open_store(f"sqlite:///{cli.folder}/gates.db")
    gate = Gate("site", store=store, policy=Policy(0), starter=Call(lambda _request, _token: "hook-7"))
    gate.trigger()
    at = ["--store", store.url]

    unknown = cli("finished", "site", "hook-8", *at)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no such build: hook-8. `holdoff history site` lists the known builds; nothing was changed" in unknown.stderr
    assert gate.status().record.running is not None

    done = cli("finished", "site", "hook-7", *option, *at)
    assert done.returncode == 0, done.stderr
    ended = gate.status().record.finished
    assert ended is not None
    assert (ended.build_id, ended.succeeded) == ("hook-7", not option)
    assert ended.detail == ("out of memory" if option else None)
    assert cli("finished", "site", "hook-7", *at).returncode == 0  # again: nothing changes
    assert gate.status().record.finished == ended


@pytest.mark.parametrize("option", ["history docs --limit", "run docs --skip-exit-code"])
def test_a_number_that_is_none_is_said_in_english(docs: Cli, option: str) -> None:
    done = docs(*option.split(), "many")

    assert done.returncode == 2
    assert f"argument {option.split()[-1]}: no whole number: 'many'\n" in done.stderr


def test_hold_resume_and_reset(docs: Cli) -> None:
    docs("trigger", "docs")
    held = docs("hold", "docs", "--why", "incident 42")
    during = docs("trigger", "docs")
    resumed = docs("resume", "docs")
    reset = docs("reset", "docs")

    assert held.stderr.startswith("holdoff: docs: held")
    assert "on hold: incident 42" in during.stdout
    assert "cooling down" in resumed.stderr
    assert reset.stderr.startswith("holdoff: docs reset; ")
    assert docs.record("docs").pending is not None
    docs("reset", "docs", "--drop-pending")
    assert docs.record("docs").pending is None


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("history docs --limit 0", "--limit takes 1 to 1,000,000"),
        ("history docs --limit -1", "--limit takes 1 to 1,000,000"),
        ("history docs --limit 1000001", "--limit takes 1 to 1,000,000"),
        ("history docs --limit 99999999999999999999", "--limit takes 1 to 1,000,000"),
        ("status --region=", "--region is ''; write a name"),
        ("status --region=a/b", "--region is 'a/b'; write a name without"),
        ("explain docs --event=", "--event is empty"),
        ("explain docs --source-version=", "--source-version is empty"),
        ("hold docs --why=", "--why is ''; write a reason, for people"),
        ("wake --watch --every 0", "--every is '0'"),
        ("wake --watch --every soon", "--every is "),
    ],
)
def test_a_value_that_means_nothing_is_wrong_usage(docs: Cli, argv: str, words: str) -> None:
    done = docs(*argv.split())

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"holdoff: {words}")


@pytest.mark.parametrize("duration", ["-1h", "soon", "400d"])
def test_a_hold_for_an_odd_time_is_refused(cli: Cli, duration: str) -> None:
    done = cli("hold", "p", "--new", "--why", "x", f"--for={duration}")

    assert done.returncode == 2
    assert cli("item", "p").returncode == 1, "nothing was written"
    assert "--for is " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_build_that_takes_long_keeps_no_other_waiting_at_a_wake(cli: Cli) -> None:
    """A timer starts no second wake while the first one waits. The end of the second build was not reported either."""
    cli.config("""
[projects.long]
cooldown = 0
quiet = "1ms"
starter = { command = ["sh", "-c", "until [ -e reported ]; do sleep 0.05; done; exit 4"] }

[projects.short]
cooldown = 0
quiet = "1ms"
starter = { command = ["sh", "-c", "echo ran >> ran; exit 3"] }
""")
    for project in ("long", "short"):
        cli("trigger", project)
    woken = cli.start("wake")
    assert line_of(woken.stderr).endswith("failed: exit status 3\n")
    assert cli.json("history", "short", "--json")["builds"][0]["succeeded"] is False
    (cli.folder / "reported").touch()

    assert woken.wait(timeout=PATIENCE) == 3, "of the last gate whose build failed"
    assert cli.json("history", "long", "--json")["builds"][0]["succeeded"] is False


PLUGIN = """
import os, time
def made(settings):
    while not os.path.exists("ran"): pass
    raise RuntimeError("no such hook")
"""


RAN = """{ command = ["sh", "-c", "echo $HOLDOFF_PROJECT >> ran"] }"""


def _plug_in(cli: Cli, plugin: str) -> None:
    """Install a package with a starter ``acme``."""
    info = cli.folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[holdoff.starters]\nacme = acme:made\n")
    (cli.folder / "acme.py").write_text(plugin)
    cli.environment["PYTHONPATH"] = os.pathsep.join((os.environ.get("PYTHONPATH", ""), str(cli.folder)))


@pytest.mark.parametrize("today", ["1ms", "2ms"], ids=["due by the store", "due by today's settings"])
def test_a_starter_that_cannot_be_made_keeps_no_other_waiting_at_a_wake(cli: Cli, today: str) -> None:
    """It once ended the wake, and the commands with it that had been started before."""
    _plug_in(cli, PLUGIN)
    ran = """{ command = ["sh", "-c", "echo $HOLDOFF_PROJECT >> ran; sleep 0.2; echo ended >> ran"] }"""

    def projects(quiet: str, **starters: str) -> str:
        of_each = f'cooldown = 0, quiet = "{quiet}", starter'
        return "\n".join(f"projects.{name} = {{ {of_each} = {starters.get(name, ran)} }}" for name in "abc")

    cli.config(projects("1h" if today == "2ms" else "1ms"))
    for name in "abc":
        cli("trigger", name)
    cli.config(projects(today, b='{ acme = "x" }'))
    done = cli("wake")

    assert done.returncode == 70
    said = "projects.b.starter cannot be made: acme:made raised RuntimeError: no such hook"
    assert done.stderr == f"holdoff: waking b (local) failed: {said}\n"
    assert sorted(cli.lines()) == ["a", "c", "ended", "ended"]


_AWAY = """
from holdoff import StoreUnavailable
def made(settings):
    raise StoreUnavailable("the vault did not answer")
"""


@pytest.mark.parametrize(
    ("plugin", "code", "said"),
    [
        ("", 70, "projects.site.starter cannot be made: acme:made raised AttributeError: "),
        ("import nowhere", 70, "projects.site.starter cannot be made: acme:made raised ModuleNotFoundError: "),
        (_AWAY, 69, "the vault did not answer"),
    ],
)
def test_a_plugged_in_starter_that_cannot_be_made_is_named(cli: Cli, plugin: str, code: int, said: str) -> None:
    """It was told as an internal error of Holdoff's; then as a wrong setting, also where it said what was wrong itself.
    An API took that for its client's fault, and told it not to try again."""
    _plug_in(cli, plugin)
    cli.config("""projects.site = { cooldown = 0, starter = { acme = "x" } }""")
    done = cli("trigger", "site")
    assert done.returncode == code
    assert done.stderr.startswith(f"holdoff: {said}")


def test_a_cooldown_that_is_shorter_now_counts_at_a_wake_for_a_gate_with_a_key(cli: Cli) -> None:
    """It counted for the projects' own gates only: one with a key waited to the end of the old cooldown."""
    cli.config(f"projects.docs = {{ cooldown = '1d', starter = {RAN} }}")
    for _ in range(2):
        cli("trigger", "docs@main")
    cli.config(f"projects.docs = {{ cooldown = 0, starter = {RAN} }}")
    cli("wake")
    assert cli.lines() == ["docs", "docs"]


def test_wake_builds_what_is_due_and_names_what_it_cannot_build(docs: Cli) -> None:
    for project in ("docs", "unknown"):
        request = Request(project=project, region="local")
        due = Pending(request=request, count=2, first_ms=1, last_ms=2)
        docs.change(lambda _, due=due: Record(pending=due, due_ms=3), project)  # type: ignore[misc]
    done = docs("wake")

    assert "docs started: build " in done.stdout
    assert "for 2 triggers" in done.stdout
    assert "unknown (local) is due, but not in holdoff.toml" in done.stderr
    assert done.returncode == 3
    assert docs("wake").stdout == ""


def test_store_init_and_check(cli: Cli) -> None:
    url = f"sqlite:///{cli.folder}/new.db"
    missing = cli("store", "check", "--store", url)
    made = cli("store", "init", "--store", url)
    again = cli("store", "init", "--store", url)
    checked = cli("store", "check", "--store", url)

    assert (missing.returncode, made.returncode, again.returncode, checked.returncode) == (
        1,
        0,
        0,
        0,
    )
    assert "does not exist yet" in missing.stdout
    assert made.stdout == f"created {cli.folder}/new.db\n"
    assert again.stdout == f"{url}: nothing to do\n"
    assert checked.stdout == f"{url}: all is well\n"


def test_store_check_names_a_gate_that_cannot_be_read(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "0", "--", "true")
    cli.spoil('"yesterday"')
    checked = cli("store", "check")

    assert checked.returncode == 1
    assert "p (local)" in checked.stdout
    assert "lastbuild is 'yesterday'" in checked.stdout


# --- printing --------------------------------------------------------------------------------------

PICTURE = ("plan", "p", "--html", "-")  # longer than a buffer


@pytest.mark.parametrize("argv", [("status",), ("status", "--json"), ("item", "p"), ("--help",), PICTURE])
def test_a_reader_may_stop_reading(cli: Cli, argv: tuple[str, ...]) -> None:
    cli.config("[projects.p]\ncooldown = 0\nstarter = { command = ['true'] }\n")
    cli("trigger", "p")
    reader, writer = os.pipe()
    os.close(reader)
    process = cli.start(*argv, stdout=writer)
    os.close(writer)

    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("argv", [("status", "--json"), ("history", "p"), ("store", "init"), PICTURE])
def test_output_that_cannot_be_written_is_74(cli: Cli, argv: tuple[str, ...]) -> None:
    cli.config("[projects.p]\ncooldown = 0\nstarter = { command = ['true'] }\n")
    cli("trigger", "p")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = cli.start(*argv, stdout=full)

    assert process.communicate()[1] == "holdoff: cannot write the output: No space left on device\n"
    assert process.returncode == 74


def test_closed_streams(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "0", "--", "true")
    for argv in ("status", "status --json", "item p", "trigger p", "hold p --why x", "store check"):
        script = f'exec "$0" -m holdoff {argv} <&- >&- 2>&-'
        done = subprocess.run(
            ["sh", "-c", script, sys.executable],
            env=cli.environment,
            cwd=cli.folder,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == (78 if argv.startswith("trigger") else 0), argv


def test_json_is_utf_8_in_any_locale(cli: Cli) -> None:
    cli.environment["PYTHONIOENCODING"] = "latin-1"
    cli("run", "käse-☃", "--cooldown", "0", "--", "true")
    process = subprocess.run(
        [sys.executable, "-m", "holdoff", "status", "--json"],
        env=cli.environment,
        cwd=cli.folder,
        capture_output=True,
        check=True,
    )

    assert json.loads(process.stdout)["gates"][0]["project"] == "käse-☃"
    assert cli("status", encoding="latin-1").stdout.startswith("käse-\\u2603: last built ")


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_decision_is_utf_8_only_in_json(cli: Cli, detach: tuple[str, ...]) -> None:
    """Detached, the process behind encodes it: JSON came out as ``\\xe4``, which is no JSON."""
    cli.config('[projects."käse"]\ncooldown = "1h"\nstarter = { command = ["true"] }')
    cli.environment["PYTHONIOENCODING"] = "ascii"

    assert json.loads(cli("trigger", "käse", "--json", *detach, encoding="utf-8").stdout)["project"] == "käse"
    assert cli("trigger", "käse", *detach, encoding="utf-8").stdout.startswith("k\\xe4se ")


def test_usage_and_version(cli: Cli) -> None:
    nothing, unknown = cli(), cli("frobnicate")

    assert (nothing.returncode, unknown.returncode) == (2, 2)
    assert "holdoff COMMAND --help" in nothing.stderr
    assert "no such command: frobnicate" in unknown.stderr
    assert cli("--version").stdout.startswith("holdoff ")
    assert "only `holdoff run` takes a command" in cli("status", "--", "true").stderr
    for verb in VERBS:
        assert f"  {verb}  " in nothing.stderr
        told = cli(verb, "--help")
        assert told.returncode == 0
        assert max(map(len, told.stdout.splitlines())) <= 80
    assert cli("help", "run").stdout == cli("run", "--help").stdout
    assert (cli("help", "frobnicate").stderr, cli("help", "frobnicate").returncode) == (unknown.stderr, 2)


def test_debug_shows_the_traceback_and_nothing_else_does(cli: Cli) -> None:
    broken = "import holdoff.cli.status as s\ndef status(args): raise RuntimeError('two\\nlines')\ns.status = status"
    plain = cli("status", prelude=broken)
    debug = cli("status", "--debug", prelude=broken)

    assert (plain.returncode, debug.returncode) == (70, 70)
    assert plain.stderr == ("holdoff: internal error: RuntimeError: two lines. Run it again with --debug\n")
    assert "Traceback (most recent call last)" in debug.stderr


def test_a_wake_that_only_looks_after_a_build_sends_no_mail(cli: Cli) -> None:
    """Cron sends what ``wake`` prints. While a build runs elsewhere, each minute's wake asks its starter how it is."""
    cli.config(
        'store = "sqlite:///gates.db"\n[projects.site]\ncooldown = "1m"\noverlap = "defer"\n[projects.site.starter]\n'
        'webhook = "env:HOOK"\nstatus_url = "http://127.0.0.1:9/"\nstate = "state"\nsucceeded = ["done"]\n'
        'failed = ["failed"]\n'
    )
    store = open_store(f"sqlite:///{cli.folder}/gates.db")
    starter = Call(lambda _request, _token: "b1")
    starter.status = lambda _build: "running"  # type: ignore[attr-defined]
    past = ManualClock(time.time() - 600)
    gate = Gate("site", store=store, policy=Policy("1m", overlap="defer"), starter=starter, clock=past)
    gate.trigger(source_version="1")
    assert [key.name for key in store.due(past.now_ms() + 600_000)] == ["site"]
    cli.environment["HOOK"] = "http://127.0.0.1:9/"

    done = cli("wake")

    assert (done.returncode, done.stdout) == (0, "")
    assert "Connection refused" in done.stderr  # it did ask


def test_a_wake_names_a_start_that_it_could_not_finish(cli: Cli) -> None:
    """Else a start that is left stays so, minute by minute, and cron sends no mail."""

    class Frozen(Call):
        def freeze(self, request: Request) -> Request:
            return request.but(parameters="{}")

    def no_answer(*_: object) -> None:
        raise TimeoutError

    cli.config(f"store = 'sqlite:///gates.db'\nprojects.docs = {{ cooldown = '10m', starter = {RAN} }}")
    store, past = open_store(f"sqlite:///{cli.folder}/gates.db"), ManualClock(time.time() - 3600)
    Gate("docs", store=store, policy=Policy("10m"), starter=Frozen(no_answer), clock=past).trigger()

    assert "docs skipped: a start could not be finished: this start of docs was frozen by an" in cli("wake").stdout
